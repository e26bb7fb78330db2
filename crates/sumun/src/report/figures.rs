//! The report's charts: what is drawn, with which colours, and the data for read-outs under the pointer.

use std::fmt::Write;

use super::svg::{Bar, Chart, Line, Mark, Scale, XAxis};
use super::text::{self, counted, escape, fixed, json_number, json_string, number};
use super::ticks;

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

/// The lines of a chart that have names.
pub(super) fn keys(chart: &Chart) -> Vec<Key> {
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

/// Whether lines are above zero and range over more than a factor of ten.
pub(crate) fn spans_decades(lines: &[Line]) -> bool {
    let all = lines.iter().flat_map(|l| &l.points).map(|p| p.1).filter(|v| v.is_finite());
    let (low, high) = all.fold((f64::INFINITY, 0f64), |(l, h), v| (l.min(v), h.max(v)));
    low > 0.0 && high / low > 10.0
}
