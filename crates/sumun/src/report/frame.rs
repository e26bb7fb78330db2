//! What all reports have: the page around the content, cards, notes, curves of the training, and how it was made.

use std::fmt::Write;

use super::curves::Curves;
use super::figures::{self, Room, figure};
use super::svg::{Chart, Scale};
use super::text::{count, counted, duration, escape, fixed, number};
use super::{EpochRow, LayerRow};

pub(super) const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("readout.js");

/// The page around a report.
#[derive(Debug, Default)]
pub(crate) struct Frame<'a> {
    pub(crate) title: &'a str,
    /// What kind of report it is: `Training report`.
    pub(crate) kind: &'a str,
    pub(crate) subtitle: &'a str,
    pub(crate) created: &'a str,
    pub(crate) version: &'a str,
}

impl Frame<'_> {
    /// The whole page around `body`, which is HTML.
    pub(crate) fn page(&self, body: &str) -> String {
        let mut out = String::with_capacity(body.len() + 32 * 1024);
        let title = if self.title.is_empty() { self.kind } else { self.title };
        let _ = write!(
            out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"generator\" content=\"Sumun {version}\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
            version = escape(self.version),
            title = escape(title),
        );
        let about = [self.kind, self.created].into_iter().filter(|part| !part.is_empty());
        let about: String = about.map(|part| format!("<span>{}</span>", escape(part))).collect();
        // The mark is a sluice gate: two posts, a raised gate, and water.
        let _ = write!(
            out,
            "<header>\n<p class=\"brand\"><svg class=\"logo\" viewBox=\"0 0 20 20\" aria-hidden=\"true\">\
             <path d=\"M2 1V19M18 1V19M6 1V9H14V1\"/><path class=\"water\" d=\"M6 14H14M6 18H14\"/></svg>\
             <b>Sumun</b>{about}</p>\n<h1>{}</h1>\n",
            escape(title)
        );
        if !self.subtitle.is_empty() {
            let _ = writeln!(out, "<p class=\"subtitle\">{}</p>", escape(self.subtitle));
        }
        out.push_str("</header>\n<main>\n");
        out.push_str(body);
        let version =
            if self.version.is_empty() { String::new() } else { format!(" {}", escape(self.version)) };
        let _ = write!(
            out,
            "</main>\n<footer><p>Written by Sumun{version}. This page holds everything it shows and fetches nothing.</p>\
             </footer>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
        );
        out
    }
}

/// A part of the page, unless it is empty.
pub(crate) fn section(id: &str, heading: &str, body: &str, out: &mut String) {
    if !body.is_empty() {
        let _ = write!(out, "<section id=\"{id}\">\n<h2>{}</h2>\n{body}</section>\n", escape(heading));
    }
}

/// A figure that stands out; all but its name and class are HTML.
#[derive(Debug)]
pub(crate) struct Card {
    pub(crate) name: String,
    pub(crate) figure: String,
    pub(crate) beside: String,
    /// `good`, `bad` or nothing.
    pub(crate) class: &'static str,
}

/// All cards.
pub(crate) fn cards(cards: &[Card], out: &mut String) {
    out.push_str("<div class=\"cards\">\n");
    for Card { name, figure, beside, class } in cards {
        let space = if class.is_empty() { "" } else { " " };
        let _ = writeln!(
            out,
            "<div class=\"card{space}{class}\"><h3>{}</h3><p class=\"figure\">{figure}</p><p>{beside}</p></div>",
            escape(name)
        );
    }
    out.push_str("</div>\n");
}

/// What the reader should know before trusting the figures.
pub(crate) fn notes(notes: &[String], out: &mut String) {
    if notes.is_empty() {
        return;
    }
    out.push_str("<aside id=\"notes\"><h2>Worth knowing</h2><ul>");
    for note in notes {
        let _ = write!(out, "<li>{}</li>", escape(note));
    }
    out.push_str("</ul></aside>\n");
}

/// A name and a value, unless it is empty.
pub(crate) fn fact(name: &str, value: &str, out: &mut String) {
    if !value.is_empty() {
        let _ = write!(out, "<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value));
    }
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
        out.push_str(&figure("Loss", &remark, &figures::losses(self), Room::Beside));
        out.push_str("<div class=\"stack\">\n");
        type Value = fn(&EpochRow) -> f64;
        for (heading, title, value) in [
            ("Learning rate", "learning rate", (|e| e.learning_rate) as Value),
            ("Gradient", "gradient norm before clipping", |e| e.gradient_norm),
        ] {
            let chart = figures::per_epoch(self.epochs, title, value);
            out.push_str(&figure(heading, "", &chart, Room::Small));
        }
        out.push_str("</div>\n</div>\n");
        let names = self.figures();
        let mut more: Vec<(String, Chart)> = Vec::new();
        for name in &names {
            let mut chart = figures::per_epoch(self.epochs, &titled(name), |e| e.figure(name));
            chart.marks = figures::best_mark(self.best_epoch);
            chart.y_scale = Scale::Linear;
            chart.shares = is_share(name);
            more.push((format!("Validation {}", plain(name)), chart));
        }
        if self.epochs.iter().any(|e| e.clipped > 0.0) {
            let title = "share of steps that were clipped (%)";
            let mut chart = figures::per_epoch(self.epochs, title, |e| 100.0 * e.clipped);
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

/// The table of layers.
pub(crate) fn layers(layers: &[LayerRow], parameters: usize, out: &mut String) {
    if layers.is_empty() {
        return;
    }
    out.push_str(
        "<div class=\"panel scroll\"><h3>Model</h3><table class=\"layers\"><thead><tr><th>layer</th><th>kind</th>\
         <th>output</th><th>parameters</th></tr></thead><tbody>",
    );
    for layer in layers {
        let _ = write!(
            out,
            "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&layer.name),
            escape(&layer.kind),
            escape(&layer.output),
            count(layer.parameters)
        );
    }
    let _ = writeln!(
        out,
        "</tbody><tfoot><tr><th>all</th><td></td><td></td><td>{}</td></tr></tfoot></table></div>",
        count(parameters)
    );
}

/// How to do it again, and on what it was done.
#[derive(Debug)]
pub(crate) struct Again<'a> {
    /// Commands, each with a sentence before it.
    pub(crate) commands: &'a [(&'a str, &'a str)],
    pub(crate) version: &'a str,
    pub(crate) seed: u64,
    pub(crate) threads: usize,
    pub(crate) path: &'a str,
    pub(crate) seconds: f64,
}

/// The panel of [`Again`].
pub(crate) fn again(again: &Again<'_>, out: &mut String) {
    out.push_str("<div class=\"panel\"><h3>Run it again</h3>");
    for (words, command) in again.commands.iter().filter(|(_, command)| !command.is_empty()) {
        let _ = write!(out, "<p>{}</p><pre><code>{}</code></pre>", escape(words), escape(command));
    }
    out.push_str("<dl class=\"facts\">");
    fact("Sumun", again.version, out);
    fact("Seed", &again.seed.to_string(), out);
    fact("Threads", &count(again.threads), out);
    fact("Instruction set", again.path, out);
    fact("Training time", &duration(again.seconds), out);
    out.push_str("</dl></div>\n");
}
