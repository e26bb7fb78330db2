//! The charts of a forecast.

use super::shown::{Example, ScoredForecaster, TargetReport};
use crate::report::figures::histogram;
use crate::report::svg::{Area, Chart, Line, Scale, Section, XAxis};
use crate::report::text::counted;

/// How many baselines are drawn: the best ones.
const DRAWN: usize = 4;

/// Which class colours a baseline, the same everywhere on the page; `None` for one that is not drawn.
pub(super) fn baseline_class(target: &TargetReport, index: usize) -> Option<String> {
    let error = |forecaster: &ScoredForecaster| {
        let mae = if forecaster.test.mae.is_finite() { forecaster.test.mae } else { forecaster.valid.mae };
        if mae.is_finite() { mae } else { f64::INFINITY }
    };
    let own = error(target.baselines.get(index)?);
    let before =
        |(i, other): &(usize, &ScoredForecaster)| error(other) < own || (error(other) == own && *i < index);
    let rank = target.baselines.iter().enumerate().filter(before).count();
    (rank < DRAWN).then(|| format!("c-base{rank}"))
}

/// `name (unit)`.
pub(super) fn with_unit(name: &str, unit: &str) -> String {
    if unit.is_empty() { name.into() } else { format!("{name} ({unit})") }
}

/// The forecasts against what came: all that was handed over, or its positions from `from` on.
pub(super) fn forecast(target: &TargetReport, from: usize) -> Chart {
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
pub(super) fn by_step(target: &TargetReport) -> Chart {
    let line = |forecaster: &ScoredForecaster, class: String| {
        let points = forecaster.mae_by_step.iter().enumerate().map(|(i, v)| (i as f64 + 1.0, *v)).collect();
        Line { name: forecaster.name.clone(), class, points, dots: forecaster.mae_by_step.len() <= 24 }
    };
    let drawn = |(i, b)| Some(line(b, baseline_class(target, i)?));
    let baselines = target.baselines.iter().enumerate().filter_map(drawn);
    let lines = baselines.chain([line(&target.model, "c-model".into())]).collect();
    Chart {
        name: format!("Mean absolute error of {} by step ahead", target.name),
        description:
            "How the error grows with the distance of the forecast, for the model and the best baselines."
                .into(),
        x: XAxis { title: "steps ahead".into(), whole: true, ..XAxis::default() },
        y_title: with_unit("mean absolute error", &target.unit),
        y_scale: Scale::FromZero,
        lines,
        ..Chart::default()
    }
}

/// The histogram of residuals and a sentence about it.
pub(super) fn residuals(target: &TargetReport) -> (Chart, String) {
    let name = format!("Residuals of {}", target.name);
    histogram(&name, &with_unit("actual − forecast", &target.unit), &target.residuals)
}

/// One forecast beside what came.
pub(super) fn example(target: &TargetReport, example: &Example) -> Chart {
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
        let class = baseline_class(target, index).unwrap_or_else(|| "c-base0".into());
        lines.push(line(name, class, ahead(values)));
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
