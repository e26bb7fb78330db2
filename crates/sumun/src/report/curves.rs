//! How a training went: its curves, and a table of all epochs.

use std::fmt::Write;

use super::figures::{Room, figure, spans_decades};
use super::picture::CLASSES;
use super::svg::{Chart, Line, Mark, Scale, XAxis};
use super::text::{count, counted, duration, escape, fixed, number};
use crate::train::EpochRecord;

/// What one pass over the training data came to.
#[derive(Debug, Clone, Default)]
pub struct EpochRow {
    /// Its number, from 1.
    pub epoch: usize,
    /// The mean training loss.
    pub train_loss: f64,
    /// The mean validation loss after the epoch.
    pub valid_loss: f64,
    /// The learning rate of the last step.
    pub learning_rate: f64,
    /// The mean global gradient norm before clipping.
    pub gradient_norm: f64,
    /// The same for each layer, in their order.
    pub layer_norms: Vec<(String, f64)>,
    /// The share of steps whose gradients were clipped, 0 to 1.
    pub clipped: f64,
    /// Further figures on the validation part, such as `("accuracy", 0.9)`.
    pub figures: Vec<(String, f64)>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

impl From<&EpochRecord> for EpochRow {
    fn from(record: &EpochRecord) -> Self {
        Self {
            epoch: record.epoch,
            train_loss: record.train_loss,
            valid_loss: record.valid_loss.unwrap_or(f64::NAN),
            learning_rate: record.learning_rate,
            gradient_norm: record.gradient_norm,
            layer_norms: record.layer_norms.clone(),
            clipped: record.clipped,
            figures: record.figures.iter().map(|(name, value)| (name.clone(), *value)).collect(),
            seconds: record.seconds,
        }
    }
}

/// How a training went.
#[derive(Debug)]
pub(crate) struct Curves<'a> {
    pub(crate) epochs: &'a [EpochRow],
    pub(crate) best_epoch: Option<usize>,
    pub(crate) stopped_early: bool,
    pub(crate) loss_name: &'a str,
}

impl Curves<'_> {
    /// How many epochs it took, as the card of the training time says it.
    pub(crate) fn summary(&self) -> String {
        let mut beside = counted(self.epochs.len(), "epoch");
        if let Some(best) = self.best_epoch {
            let _ = write!(beside, ", best {}", count(best));
        }
        beside
    }

    /// Charts and a table of all epochs; empty without any.
    pub(crate) fn section(&self) -> String {
        if self.epochs.is_empty() {
            return String::new();
        }
        let mut remark = counted(self.epochs.len(), "epoch");
        if let Some(best) = self.best_epoch {
            let _ = write!(remark, "; the weights of epoch {best} were kept");
        }
        remark.push_str(if self.stopped_early {
            ". Training stopped early: the validation part got no better."
        } else {
            ". Training ran to its last epoch."
        });
        let mut out = String::from("<div class=\"beside\">\n");
        out.push_str(&figure("Loss", &remark, &losses(self), Room::Beside));
        out.push_str("<div class=\"stack\">\n");
        type Value = fn(&EpochRow) -> f64;
        for (heading, title, value) in [
            ("Learning rate", "learning rate", (|e| e.learning_rate) as Value),
            ("Gradient", "gradient norm before clipping", |e| e.gradient_norm),
        ] {
            let chart = per_epoch(self.epochs, title, value);
            out.push_str(&figure(heading, "", &chart, Room::Small));
        }
        out.push_str("</div>\n</div>\n");
        let names = self.figures();
        let mut more: Vec<(String, Chart)> = Vec::new();
        for name in &names {
            let mut chart = per_epoch(self.epochs, &titled(name), |e| e.figure(name));
            chart.marks = best_mark(self.best_epoch);
            chart.y_scale = Scale::Linear;
            chart.shares = is_share(name);
            more.push((format!("Validation {}", plain(name)), chart));
        }
        if let Some(chart) = by_layer(self.epochs) {
            more.push(("Gradient by layer".into(), chart));
        }
        if self.epochs.iter().any(|e| e.clipped > 0.0) {
            let title = "share of steps that were clipped (%)";
            let mut chart = per_epoch(self.epochs, title, |e| 100.0 * e.clipped);
            chart.shares = true;
            more.push(("Clipped gradients".into(), chart));
        }
        let (class, room) = match more.len() {
            1 => ("one", Room::Low),
            2 | 4 => ("pair", Room::Half),
            _ => ("thirds", Room::Third),
        };
        if !more.is_empty() {
            let _ = writeln!(out, "<div class=\"{class} after\">");
            more.iter().for_each(|(heading, chart)| out.push_str(&figure(heading, "", chart, room)));
            out.push_str("</div>\n");
        }
        self.table(&names, &mut out);
        out
    }

    /// The further figures on the validation part.
    fn figures(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.epochs.iter().flat_map(|e| e.figures.iter().map(|(name, _)| name.clone())).collect();
        names.sort();
        names.dedup();
        names
    }

    fn table(&self, names: &[String], out: &mut String) {
        out.push_str(
            "<details><summary>Every epoch as numbers</summary><div class=\"scroll\"><table class=\"numbers\"><thead><tr>\
             <th>epoch</th><th>training loss</th><th>validation loss</th>",
        );
        for name in names {
            let _ = write!(out, "<th>{}</th>", escape(&titled(name)));
        }
        out.push_str(
            "<th>learning rate</th><th>gradient norm</th><th>clipped (%)</th><th>time</th></tr></thead><tbody>",
        );
        for e in self.epochs {
            let best = if self.best_epoch == Some(e.epoch) { " class=\"best\"" } else { "" };
            let _ = write!(out, "<tr{best}><th>{}</th>", count(e.epoch));
            let figures = names.iter().map(|name| e.figure(name));
            let losses = [e.train_loss, e.valid_loss].into_iter().chain(figures);
            for value in losses.chain([e.learning_rate, e.gradient_norm]) {
                let _ = write!(out, "<td>{}</td>", number(value));
            }
            let _ =
                write!(out, "<td>{}</td><td>{}</td></tr>", fixed(100.0 * e.clipped, 0), duration(e.seconds));
        }
        out.push_str("</tbody></table></div></details>\n");
    }
}

impl EpochRow {
    /// A further figure by its name, in the unit of [`titled`].
    pub(crate) fn figure(&self, name: &str) -> f64 {
        let found = self.figures.iter().find(|(other, _)| other == name);
        found.map_or(f64::NAN, |(_, value)| if is_share(name) { 100.0 * value } else { *value })
    }
}

/// Whether a figure of an epoch is a share of 1, which people read in per cent.
pub(crate) fn is_share(name: &str) -> bool {
    name.ends_with("accuracy") || name.ends_with("f1")
}

/// A figure by the name that people use: `macro F1` for `macro_f1`.
pub(crate) fn plain(name: &str) -> String {
    let word = |word: &str| match word {
        "r2" => "R²".to_owned(),
        "smape" => "sMAPE".into(),
        "f1" | "mae" | "rmse" | "mase" => word.to_uppercase(),
        word => word.to_owned(),
    };
    name.split('_').map(word).collect::<Vec<_>>().join(" ")
}

/// The name of a figure, with its unit.
pub(crate) fn titled(name: &str) -> String {
    let plain = plain(name);
    if is_share(name) { format!("{plain} (%)") } else { plain }
}

/// Training and validation loss.
fn losses(curves: &Curves<'_>) -> Chart {
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

/// The norms of the gradients of each layer, where there is more than one; of more layers than there are colours, those of the
/// first and the last ones.
fn by_layer(epochs: &[EpochRow]) -> Option<Chart> {
    // An epoch of an earlier version has none.
    let layers = epochs.iter().map(|e| &e.layer_norms).find(|norms| !norms.is_empty())?;
    if layers.len() < 2 {
        return None;
    }
    let half = CLASSES.len() / 2;
    let shown = |at: &usize| *at < half || layers.len() - at <= half;
    let line = |(place, at): (usize, usize)| Line {
        name: layers[at].0.clone(),
        class: CLASSES[place].into(),
        points: epochs
            .iter()
            .map(|e| (e.epoch as f64, e.layer_norms.get(at).map_or(f64::NAN, |(_, norm)| *norm)))
            .collect(),
        dots: epochs.len() == 1,
    };
    let lines: Vec<Line> = (0..layers.len()).filter(shown).enumerate().map(line).collect();
    let positive = lines.iter().flat_map(|line| &line.points).all(|(_, norm)| norm.is_nan() || *norm > 0.0);
    Some(Chart {
        name: "Gradient norm of each layer by epoch".into(),
        description: "The norm of the gradients of each layer, before clipping, by epoch.".into(),
        x: XAxis { title: "epoch".into(), whole: true, ..XAxis::default() },
        y_title: "norm before clipping".into(),
        y_scale: if positive && spans_decades(&lines) { Scale::Logarithmic } else { Scale::FromZero },
        lines,
        ..Chart::default()
    })
}

/// The mark of the epoch whose weights were kept.
fn best_mark(best_epoch: Option<usize>) -> Vec<Mark> {
    let mark = |best| Mark { class: "c-good".into(), at: best as f64, says: format!("best: epoch {best}") };
    best_epoch.map(mark).into_iter().collect()
}

/// A small chart of one figure of every epoch.
fn per_epoch(epochs: &[EpochRow], title: &str, value: impl Fn(&EpochRow) -> f64) -> Chart {
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
