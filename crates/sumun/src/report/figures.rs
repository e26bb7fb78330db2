//! The report's charts: what is drawn, with which colours, and the data for read-outs under the pointer.

use std::fmt::Write;

use super::curves::Curves;
use super::svg::{Area, Bar, Chart, Line, Mark, Scale, Section, XAxis};
use super::text::{self, counted, escape, fixed, json_number, json_string, number};
use super::ticks;
use super::{EpochRow, Example, Forecaster, TargetReport};

/// The sizes of a figure: the drawings it holds, each `(class, width, height)`; style.css shows the one that fits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Room {
    /// The whole width of the page.
    Full,
    /// The whole width, a little lower: for a second look.
    Low,
    /// Half the page, or all of a narrower one.
    Half,
    /// Beside a stack of two small figures, and as high as they are.
    Beside,
    /// In a stack beside a larger figure.
    Small,
    /// A third of the page.
    Third,
}

impl Room {
    fn drawings(self) -> (&'static str, [(&'static str, f64, f64); 3]) {
        match self {
            Self::Full => {
                ("full", [("wide", 1040.0, 400.0), ("middle", 700.0, 360.0), ("narrow", 360.0, 300.0)])
            }
            Self::Low => {
                ("full", [("wide", 1040.0, 330.0), ("middle", 700.0, 310.0), ("narrow", 360.0, 280.0)])
            }
            Self::Half => {
                ("half", [("wide", 720.0, 320.0), ("middle", 500.0, 300.0), ("narrow", 350.0, 250.0)])
            }
            Self::Beside => {
                ("half", [("wide", 680.0, 410.0), ("middle", 500.0, 340.0), ("narrow", 350.0, 270.0)])
            }
            Self::Small => {
                ("third", [("wide", 640.0, 200.0), ("middle", 460.0, 180.0), ("narrow", 330.0, 172.0)])
            }
            Self::Third => {
                ("third", [("wide", 640.0, 240.0), ("middle", 460.0, 220.0), ("narrow", 330.0, 210.0)])
            }
        }
    }
}

/// A legend entry: CSS class and name.
type Key = (String, String);

/// Which class colours a baseline: the same one everywhere on the page.
pub(crate) fn baseline_class(index: usize) -> String {
    format!("c-base{}", index % 4)
}

/// A figure: heading, remark, legend, and the chart at every size.
pub(crate) fn figure(heading: &str, remark: &str, chart: &Chart, room: Room) -> String {
    let (class, drawings) = room.drawings();
    let mut out = format!("<figure class=\"{class}\"><figcaption><h3>{}</h3>", escape(heading));
    if !remark.is_empty() {
        let _ = write!(out, "<p>{}</p>", escape(remark));
    }
    out.push_str("</figcaption>");
    if chart.is_empty() {
        out.push_str("<p class=\"nothing\">There is nothing to draw here.</p></figure>");
        return out;
    }
    legend(&keys(chart), chart.always_named, &mut out);
    out.push_str("<div class=\"drawings\">");
    for (class, width, height) in drawings {
        out.push_str(&chart.draw(width, height, class));
    }
    out.push_str("</div>");
    out.push_str(&readout(chart));
    out.push_str("</figure>\n");
    out
}

fn keys(chart: &Chart) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for line in chart.lines.iter().filter(|l| !l.name.is_empty() && l.points.iter().any(|p| p.1.is_finite()))
    {
        if !keys.iter().any(|(_, name)| *name == line.name) {
            keys.push((line.class.clone(), line.name.clone()));
        }
    }
    keys
}

fn legend(keys: &[Key], always: bool, out: &mut String) {
    // A single line is usually named by the axis and the heading.
    if keys.is_empty() || keys.len() < 2 && !always {
        return;
    }
    out.push_str("<ul class=\"legend\">");
    for (class, name) in keys {
        let _ = write!(out, "<li class=\"{class}\">{}</li>", escape(name));
    }
    out.push_str("</ul>");
}

/// The numbers behind the lines as JSON, for the script that shows them under the pointer.
fn readout(chart: &Chart) -> String {
    const MOST: usize = 4000;
    if chart.lines.is_empty() {
        return String::new();
    }
    let mut at: Vec<f64> = chart.lines.iter().flat_map(|l| l.points.iter().map(|p| p.0)).collect();
    at.retain(|x| x.is_finite());
    at.sort_by(f64::total_cmp);
    at.dedup();
    let stride = at.len().div_ceil(MOST).max(1);
    let at: Vec<f64> = at.into_iter().step_by(stride).collect();
    let (low, high) = chart.x_range();
    let joined = |parts: Vec<String>| parts.join(",");
    let label = |x: &f64| match chart.x.labels.get(*x as usize) {
        Some(label) => json_string(text::moment(label)),
        None => json_string(
            format!("{} {}", chart.x.title, if chart.x.whole { fixed(*x, 0) } else { number(*x) }).trim(),
        ),
    };
    let series = |line: &Line| {
        let mut points = line.points.iter().peekable();
        let mut value = |x: &f64| {
            while points.next_if(|p| p.0 < *x).is_some() {}
            points.peek().filter(|p| p.0 == *x).map_or(f64::NAN, |p| p.1)
        };
        let values = at.iter().map(|x| json_number(value(x))).collect();
        format!(
            "{{\"n\":{},\"c\":{},\"v\":[{}]}}",
            json_string(&line.name),
            json_string(&line.class),
            joined(values)
        )
    };
    let lines: Vec<String> = chart.lines.iter().filter(|l| !l.name.is_empty()).map(series).collect();
    format!(
        "<script type=\"application/json\">{{\"r\":[{},{}],\"x\":[{}],\"t\":[{}],\"s\":[{}]}}</script>",
        json_number(low),
        json_number(high),
        joined(at.iter().map(|x| json_number(*x)).collect()),
        joined(at.iter().map(label).collect()),
        joined(lines)
    )
}

/// `name (unit)`.
pub(crate) fn with_unit(name: &str, unit: &str) -> String {
    if unit.is_empty() { name.into() } else { format!("{name} ({unit})") }
}

/// The forecasts against what came: all that was handed over, or its positions from `from` on.
pub(crate) fn forecast(target: &TargetReport, from: usize) -> Chart {
    let length = target.actual.len();
    let from = from.min(length);
    let timed = target.timestamps.len() >= length + target.future.len() && !target.timestamps.is_empty();
    // With timestamps positions count from the first label shown, without them they are row numbers.
    let place = |i: usize| if timed { i as f64 - from as f64 } else { (target.first_row + i) as f64 };
    let shown = |start: usize, values: &[f64]| -> Vec<(f64, f64)> {
        let points = values.iter().enumerate().map(|(i, v)| (start + i, *v));
        points.filter(|(i, _)| *i >= from).map(|(i, v)| (place(i), v)).collect()
    };
    let line = |name: &str, class: &str, points| Line {
        name: name.into(),
        class: class.into(),
        points,
        dots: false,
    };

    let mut stitched: Vec<(f64, f64)> = Vec::new();
    let mut end = None;
    for stretch in &target.test_forecast {
        if let Some(end) = end.filter(|end| *end != stretch.start && *end > from) {
            stitched.push((place(end), f64::NAN));
        }
        stitched.extend(shown(stretch.start, &stretch.values));
        end = Some(stretch.start + stretch.values.len());
    }
    // The line into the future begins at the last measured value, so that the eye can follow it.
    let mut future: Vec<(f64, f64)> = Vec::new();
    if let Some(last) = target.actual.last().filter(|v| v.is_finite() && !target.future.is_empty()) {
        future.push((place(length - 1), *last));
    }
    future.extend(shown(length, &target.future));
    let last = length + target.future.len();
    let mut sections: Vec<Section> = Vec::new();
    for (name, class, start, stop) in [
        ("train", "s-train", 0, target.valid_start),
        ("valid", "s-valid", target.valid_start, target.test_start),
        ("test", "s-test", target.test_start, length),
        ("future", "s-future", length, last),
    ] {
        let start = start.max(from);
        if stop > start {
            // A section ends where the next begins: half a step before its first value.
            let edge = |i: usize| place(i) - if i == from { 0.0 } else { 0.5 };
            let to = if stop == last { place(last.saturating_sub(1)) } else { edge(stop) };
            sections.push(Section { class: class.into(), name: name.into(), from: edge(start), to });
        }
    }
    let areas = target.future_interval.iter().map(|interval| {
        let ends = interval.low.iter().zip(&interval.high).enumerate();
        Area {
            class: "c-model".into(),
            points: ends.map(|(i, (l, h))| (place(length + i), *l, *h)).collect(),
        }
    });
    Chart {
        name: format!("Forecast and actual values of {}", target.name),
        description: format!(
            "{} of actual {}, the forecasts of the test part and {} forecast after the end of the file.",
            counted(length - from, "value"),
            target.name,
            counted(target.future.len(), "value"),
        ),
        x: XAxis {
            title: if timed { String::new() } else { "row".into() },
            whole: true,
            labels: if timed { target.timestamps[from..last].to_vec() } else { Vec::new() },
            range: Some((place(from), place(last.max(from + 1) - 1))),
        },
        y_title: with_unit(&target.name, &target.unit),
        y_scale: Scale::Linear,
        sections,
        areas: areas.collect(),
        lines: vec![
            line("actual", "c-actual", shown(0, &target.actual)),
            line("forecast of the test part", "c-model", stitched),
            line("forecast after the end of the file", "c-future", future),
        ],
        ..Chart::default()
    }
}

/// The test MAE of each step ahead, for the model and the baselines.
pub(crate) fn by_step(target: &TargetReport) -> Chart {
    let line = |forecaster: &Forecaster, class: String| {
        let points = forecaster.mae_by_step.iter().enumerate().map(|(i, v)| (i as f64 + 1.0, *v)).collect();
        Line { name: forecaster.name.clone(), class, points, dots: forecaster.mae_by_step.len() <= 24 }
    };
    let baselines = target.baselines.iter().enumerate().map(|(i, b)| line(b, baseline_class(i)));
    let lines = baselines.chain([line(&target.model, "c-model".into())]).collect();
    Chart {
        name: format!("Mean absolute error of {} by step ahead", target.name),
        description:
            "How the error grows with the distance of the forecast, for the model and the baselines.".into(),
        x: XAxis { title: "steps ahead".into(), whole: true, ..XAxis::default() },
        y_title: with_unit("mean absolute error", &target.unit),
        y_scale: Scale::FromZero,
        lines,
        ..Chart::default()
    }
}

/// The histogram of residuals and a sentence about it.
pub(crate) fn residuals(target: &TargetReport) -> (Chart, String) {
    let name = format!("Residuals of {}", target.name);
    histogram(&name, &with_unit("actual − forecast", &target.unit), &target.residuals)
}

/// How errors are distributed, and a sentence about it; `title` says what is subtracted from what.
pub(crate) fn histogram(name: &str, title: &str, residuals: &[f64]) -> (Chart, String) {
    let mut values: Vec<f64> =
        residuals.iter().copied().filter(|v| v.is_finite() && v.abs() < 1e300).collect();
    values.sort_by(f64::total_cmp);
    let mut chart = Chart {
        name: name.into(),
        description: format!("How often each size of error occurs; {title}."),
        x: XAxis { title: title.into(), ..XAxis::default() },
        y_title: "share of test values (%)".into(),
        shares: true,
        y_scale: Scale::FromZero,
        ..Chart::default()
    };
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return (chart, String::new()) };
    let quantile = |q: f64| values[((values.len() - 1) as f64 * q).round() as usize];
    // A few extreme residuals would squeeze all others into one bar; they are counted in words instead.
    let (low, high) = if values.len() >= 200 { (quantile(0.005), quantile(0.995)) } else { (*first, *last) };
    let bars = (values.len() as f64).sqrt().clamp(5.0, 40.0);
    let step = if high > low { ticks::round_step((high - low) / bars) } else { low.abs().max(1.0) * 0.1 };
    let from = (low / step).floor();
    let amount = (((high / step).floor() - from).clamp(0.0, 200.0)) as usize + 1;
    let mut counts = vec![0usize; amount];
    for v in &values {
        let bin = (v / step).floor() - from;
        if bin >= 0.0 && (bin as usize) < amount {
            counts[bin as usize] += 1;
        }
    }
    let share = |n: usize| n as f64 * 100.0 / values.len() as f64;
    for (i, n) in counts.iter().enumerate() {
        let (from, to) = ((from + i as f64) * step, (from + i as f64 + 1.0) * step);
        let says = format!("{} to {}: {:.1} % ({})", number(from), number(to), share(*n), text::count(*n));
        chart.bars.push(Bar { class: "c-model".into(), from, to, value: share(*n), says });
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    chart.marks.push(Mark { class: "c-actual".into(), at: mean, says: format!("mean {}", number(mean)) });
    let outside = values.len() - counts.iter().sum::<usize>();
    let mut says = format!(
        "{} of the test part; half of them lie between {} and {}.",
        counted(values.len(), "residual"),
        number(quantile(0.25)),
        number(quantile(0.75))
    );
    if outside > 0 {
        let _ = write!(
            says,
            " Another {} lie outside the drawn range, the farthest at {}.",
            text::count(outside),
            number(if last.abs() > first.abs() { *last } else { *first })
        );
    }
    (chart, says)
}

/// Training and validation loss.
pub(crate) fn losses(curves: &Curves<'_>) -> Chart {
    let of = |name: &str, class: &str, value: fn(&EpochRow) -> f64| Line {
        name: name.into(),
        class: class.into(),
        points: curves.epochs.iter().map(|e| (e.epoch as f64, value(e))).collect(),
        dots: curves.epochs.len() <= 40,
    };
    let lines =
        vec![of("training", "c-train", |e| e.train_loss), of("validation", "c-model", |e| e.valid_loss)];
    let wide = spans_decades(&lines);
    let loss = if curves.loss_name.is_empty() { "loss" } else { curves.loss_name };
    Chart {
        name: "Training and validation loss by epoch".into(),
        description: "The loss after each epoch, with the epoch whose weights were kept.".into(),
        x: XAxis { title: "epoch".into(), whole: true, ..XAxis::default() },
        y_title: format!("{loss}{}", if wide { ", log scale" } else { "" }),
        y_scale: if wide { Scale::Logarithmic } else { Scale::Linear },
        lines,
        marks: best_mark(curves.best_epoch),
        ..Chart::default()
    }
}

/// Whether lines are above zero and range over more than a factor of ten.
pub(crate) fn spans_decades(lines: &[Line]) -> bool {
    let all = lines.iter().flat_map(|l| &l.points).map(|p| p.1).filter(|v| v.is_finite());
    let (low, high) = all.fold((f64::INFINITY, 0f64), |(l, h), v| (l.min(v), h.max(v)));
    low > 0.0 && high / low > 10.0
}

/// The mark of the epoch whose weights were kept.
pub(crate) fn best_mark(best_epoch: Option<usize>) -> Vec<Mark> {
    let mark = |best| Mark { class: "c-good".into(), at: best as f64, says: format!("best: epoch {best}") };
    best_epoch.map(mark).into_iter().collect()
}

/// A small chart of one figure of every epoch.
pub(crate) fn per_epoch(epochs: &[EpochRow], title: &str, value: impl Fn(&EpochRow) -> f64) -> Chart {
    let points: Vec<(f64, f64)> = epochs.iter().map(|e| (e.epoch as f64, value(e))).collect();
    let positive = points.iter().all(|p| p.1 > 0.0);
    let (low, high) = points.iter().fold((f64::INFINITY, 0f64), |(l, h), p| (l.min(p.1), h.max(p.1)));
    let line = Line { name: title.into(), class: "c-train".into(), dots: points.len() == 1, points };
    Chart {
        name: format!("{title} by epoch"),
        description: format!("The {title} of each epoch."),
        x: XAxis { title: "epoch".into(), whole: true, ..XAxis::default() },
        y_title: title.into(),
        y_scale: if positive && high / low > 30.0 { Scale::Logarithmic } else { Scale::FromZero },
        lines: vec![line],
        ..Chart::default()
    }
}

/// One forecast beside what came.
pub(crate) fn example(target: &TargetReport, example: &Example) -> Chart {
    let known = example.history.len();
    let last = known + example.forecast.len().max(example.actual.len());
    let timed = example.timestamps.len() >= last && !example.timestamps.is_empty();
    let place = |i: usize| if timed { i as f64 } else { i as f64 + 1.0 - known as f64 };
    let ahead = |values: &[f64]| -> Vec<(f64, f64)> {
        let start = example.history.last().map(|v| (place(known - 1), *v));
        start.into_iter().chain(values.iter().enumerate().map(|(i, v)| (place(known + i), *v))).collect()
    };
    let all =
        example.history.iter().chain(&example.actual).enumerate().map(|(i, v)| (place(i), *v)).collect();
    let line = |name: &str, class: String, points| Line { name: name.into(), class, points, dots: false };
    let mut lines = vec![line("actual", "c-actual".into(), all)];
    if let Some((name, values)) = &example.baseline {
        let index = target.baselines.iter().position(|b| b.name == *name).unwrap_or(0);
        lines.push(line(name, baseline_class(index), ahead(values)));
    }
    lines.push(line("forecast", "c-model".into(), ahead(&example.forecast)));
    let section = Section {
        class: "s-test".into(),
        name: String::new(),
        from: place(known) - 1.0,
        to: place(last) - 1.0,
    };
    Chart {
        name: format!("{}: forecast of {} made at {}", example.title, target.name, example.origin),
        description: "History, actual values, the model's forecast and a baseline's.".into(),
        x: XAxis {
            title: if timed { String::new() } else { "steps ahead".into() },
            whole: true,
            labels: if timed { example.timestamps[..last].to_vec() } else { Vec::new() },
            range: (last > 0).then(|| (place(0), place(last - 1))),
        },
        y_title: if target.unit.is_empty() { target.name.clone() } else { target.unit.clone() },
        sections: vec![section],
        lines,
        ..Chart::default()
    }
}
