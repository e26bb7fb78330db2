//! What all reports have: the page around the content, cards, notes, curves of the training, and how it was made.

use std::fmt::Write;

use super::text::{count, duration, escape};

/// Colours by theme, and the rules of charts: all that a picture by itself needs.
pub(super) const THEME: &str = include_str!("theme.css");
pub(super) const CHART: &str = include_str!("chart.css");
const STYLE: &str = concat!(include_str!("theme.css"), include_str!("chart.css"), include_str!("style.css"));
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
        let about =
            [("kind", self.kind), ("made", self.created)].into_iter().filter(|(_, part)| !part.is_empty());
        let about: String =
            about.map(|(class, part)| format!("<span class=\"{class}\">{}</span>", escape(part))).collect();
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

/// A layer of the model.
#[derive(Debug, Clone, Default)]
pub struct LayerRow {
    /// Its name in the model file.
    pub name: String,
    /// What it is: `LSTM, 64 units, 1 layer`.
    pub kind: String,
    /// The shape of its output: `[N, 64]`.
    pub output: String,
    /// How many numbers it learns.
    pub parameters: usize,
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
