//! A heat map of weights between two lists of words.

use std::fmt::Write;

use super::text::{self, coordinate, escape, fixed, shortened};

/// The size of a cell, of the letters beside it, and the most that a label may take, in the drawing's own units.
const CELL: f64 = 16.0;
const LETTER: f64 = 11.0;
const LABEL: f64 = 90.0;

/// Weights in 0 … 1, row by row; those that are missing are 0.
pub(crate) struct Heat<'a> {
    /// What a screen reader says.
    pub(crate) name: &'a str,
    pub(crate) rows: &'a [String],
    pub(crate) columns: &'a [String],
    pub(crate) weights: &'a [f32],
}

impl Heat<'_> {
    /// Single characters stand upright above their columns; words are turned.
    fn turned(&self) -> bool {
        self.columns.iter().any(|token| label(token).chars().count() > 1)
    }

    /// Where the cells begin.
    fn corner(&self) -> (f64, f64) {
        (label_width(self.rows), if self.turned() { label_width(self.columns) } else { CELL + 2.0 })
    }

    /// Width and height.
    pub(crate) fn size(&self) -> (f64, f64) {
        let (left, top) = self.corner();
        (left + CELL * self.columns.len() as f64, top + CELL * self.rows.len() as f64)
    }
}

/// How long the longest label of some tokens is.
fn label_width(tokens: &[String]) -> f64 {
    let widest = tokens.iter().map(|token| text::width(&label(token))).fold(1.0, f64::max);
    (LETTER * widest + 8.0).min(LABEL)
}

/// A token that people can see, cut to what a label has space for.
fn label(token: &str) -> String {
    match token {
        "\n" => "↵".into(),
        blank if blank.trim().is_empty() => "␣".into(),
        token => shortened(token, 10),
    }
}

/// The heat map as a figure, which scrolls where it is wider than the page.
pub(crate) fn figure(heading: &str, remark: &str, heat: &Heat<'_>) -> String {
    format!(
        "<figure><figcaption><h3>{}</h3><p>{}</p></figcaption><div class=\"scroll\">{}</div></figure>\n",
        escape(heading),
        escape(remark),
        draw(heat)
    )
}

/// The heat map as an `svg` element.
pub(crate) fn draw(heat: &Heat<'_>) -> String {
    let ((left, top), (width, height)) = (heat.corner(), heat.size());
    let turned = heat.turned();
    let mut out = format!(
        "<svg class=\"heat\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" aria-label=\"{}\">",
        escape(heat.name),
        w = coordinate(width),
        h = coordinate(height)
    );
    for (column, token) in heat.columns.iter().enumerate() {
        let x = left + CELL * (column as f64 + 0.5);
        let _ = if turned {
            write!(
                out,
                "<text transform=\"translate({} {}) rotate(-90)\" dominant-baseline=\"central\">{}</text>",
                coordinate(x),
                coordinate(top - 4.0),
                escape(&label(token))
            )
        } else {
            write!(
                out,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                coordinate(x),
                coordinate(top - 5.0),
                escape(&label(token))
            )
        };
    }
    for (row, token) in heat.rows.iter().enumerate() {
        let y = top + CELL * row as f64;
        let _ = write!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" dominant-baseline=\"central\">{}</text>",
            coordinate(left - 5.0),
            coordinate(y + CELL / 2.0),
            escape(&label(token))
        );
        for (column, from) in heat.columns.iter().enumerate() {
            let weight = heat.weights.get(row * heat.columns.len() + column).copied().unwrap_or(0.0);
            let says =
                format!("{} ← {}: {} %", label(token), label(from), fixed(100.0 * f64::from(weight), 0));
            let _ = write!(
                out,
                "<rect x=\"{}\" y=\"{}\" width=\"{c}\" height=\"{c}\" style=\"--v:{}%\"><title>{}</title></rect>",
                coordinate(left + CELL * column as f64 + 0.5),
                coordinate(y + 0.5),
                fixed(f64::from(100.0 * weight).clamp(0.0, 100.0), 0),
                escape(&says),
                c = coordinate(CELL - 1.0)
            );
        }
    }
    out.push_str("</svg>");
    out
}
