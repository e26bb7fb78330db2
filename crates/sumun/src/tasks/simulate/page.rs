//! What the report of a simulator shows: series as they were measured and simulated.

use super::super::figures::{Measured, Prediction};
use super::super::shown::{Asked, Shown, Truth};
use crate::report::figures::{Room, figure};
use crate::report::svg::{Chart, Line, XAxis};
use crate::report::text::{fixed, shortened};
use crate::scores::nse;

/// The most rows of a chart: of more, the last.
const MOST_ROWS: usize = 730;

/// One of the series that are shown.
struct Drawn<'a> {
    name: &'a str,
    labels: Vec<String>,
    /// NaN where nothing was measured.
    truth: Vec<f64>,
    simulated: Vec<f64>,
    nse: Option<f64>,
}

/// Of the series that are shown, the one simulated best, the middle one and the worst.
pub(in super::super) fn section(judged: &Measured, shown: &[Shown]) -> String {
    let mut all: Vec<Drawn<'_>> = Vec::new();
    for (prediction, shown) in judged.predictions.iter().zip(shown) {
        let (Prediction::Number(simulated), Asked::Row { series, label }, Truth::Number(truth)) =
            (prediction, &shown.asked, &shown.truth)
        else {
            continue;
        };
        if all.last().is_none_or(|last| last.name != series) {
            let (labels, truth, simulated) = (Vec::new(), Vec::new(), Vec::new());
            all.push(Drawn { name: series, labels, truth, simulated, nse: None });
        }
        if let Some(last) = all.last_mut() {
            last.labels.push(label.clone());
            last.truth.push(*truth);
            last.simulated.push(*simulated);
        }
    }
    for one in &mut all {
        let both = one.truth.iter().zip(&one.simulated).filter(|(truth, _)| truth.is_finite());
        let (truth, simulated): (Vec<f64>, Vec<f64>) = both.unzip();
        one.nse = nse(&truth, &simulated);
    }
    all.retain(|one| one.nse.is_some());
    all.sort_by(|a, b| b.nse.unwrap_or(0.0).total_cmp(&a.nse.unwrap_or(0.0)));
    let chosen: Vec<(&str, &Drawn<'_>)> = match all.as_slice() {
        [] => return String::new(),
        [one] => vec![("", one)],
        [best, worst] => vec![("the better", best), ("the other", worst)],
        [best, .., worst] => {
            vec![("the best", best), ("the middle", &all[all.len() / 2]), ("the worst", worst)]
        }
    };
    chosen.into_iter().map(|(place, one)| drawn(place, one)).collect()
}

fn drawn(place: &str, one: &Drawn<'_>) -> String {
    let first = one.truth.len().saturating_sub(MOST_ROWS);
    let points = |values: &[f64]| {
        values[first..].iter().enumerate().map(|(row, &value)| (row as f64, value)).collect::<Vec<_>>()
    };
    let line = |name: &str, class: &str, values: &[f64]| Line {
        name: name.into(),
        class: class.into(),
        points: points(values),
        dots: false,
    };
    let name = if one.name.is_empty() { "Measured and simulated".into() } else { shortened(one.name, 40) };
    let nse = fixed(one.nse.unwrap_or(f64::NAN), 3);
    let remark = match place {
        "" => format!("Nash–Sutcliffe efficiency {nse}"),
        place => format!("Nash–Sutcliffe efficiency {nse}, {place} of the series shown"),
    };
    let chart = Chart {
        name: format!("{name}: measured and simulated"),
        description: "What was measured, and what was simulated without it.".into(),
        x: XAxis {
            title: String::new(),
            whole: true,
            labels: one.labels[first..].to_vec(),
            range: Some((0.0, (one.truth.len() - first).max(2) as f64 - 1.0)),
        },
        lines: vec![line("measured", "c-actual", &one.truth), line("simulated", "c-model", &one.simulated)],
        ..Chart::default()
    };
    figure(&name, &remark, &chart, Room::Full)
}
