//! Predicted numbers against true ones.

use crate::report::figures::{Room, figure, histogram};
use crate::report::svg::{Chart, Line, XAxis};
use crate::report::text::counted;
use crate::tasks::figures::{Measured, Prediction};
use crate::tasks::shown::{Shown, Truth};

/// A scatter plot of more points is a blot, and a large page.
const MOST_POINTS: usize = 1500;

/// True and predicted numbers, as far as both are known.
pub(super) fn pairs(judged: &Measured, shown: &[Shown]) -> Vec<(f64, f64)> {
    let both = judged.predictions.iter().zip(shown);
    both.filter_map(|(prediction, shown)| match (prediction, &shown.truth) {
        (Prediction::Number(predicted), Truth::Number(truth)) => Some((*truth, *predicted)),
        _ => None,
    })
    .collect()
}

/// The scatter plot and the histogram of errors.
pub(super) fn section(judged: &Measured, shown: &[Shown]) -> String {
    let pairs = pairs(judged, shown);
    if pairs.is_empty() {
        return String::new();
    }
    let stride = pairs.len().div_ceil(MOST_POINTS).max(1);
    let points: Vec<(f64, f64)> = pairs.iter().step_by(stride).copied().collect();
    let mut remark = format!("{}; on the line a prediction is right.", counted(points.len(), "example"));
    if stride > 1 {
        remark = format!("{} of {}", counted(points.len(), "example"), counted(pairs.len(), "example"))
            + ", evenly drawn; on the line a prediction is right.";
    }
    let truths = points.iter().map(|p| p.0).filter(|v| v.is_finite());
    let (low, high) = truths.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let line = Line {
        name: String::new(),
        class: "c-actual".into(),
        points: if low < high { vec![(low, low), (high, high)] } else { Vec::new() },
        dots: false,
    };
    let chart = Chart {
        name: "Predicted against true labels".into(),
        description: "A point for each example: the true label to the right, the predicted one upwards."
            .into(),
        x: XAxis { title: "true label".into(), ..XAxis::default() },
        y_title: "predicted label".into(),
        lines: vec![line],
        dots: points,
        ..Chart::default()
    };
    let residuals: Vec<f64> = pairs.iter().map(|(truth, predicted)| truth - predicted).collect();
    let (errors, says) = histogram("Errors", "true − predicted label", &residuals);
    format!(
        "<div class=\"pair\">\n{}{}</div>\n",
        figure("Predicted against true", &remark, &chart, Room::Half),
        figure("Errors", &says.replace("residual", "error"), &errors, Room::Half)
    )
}
