//! Heat maps: of weights between two lists of words, and of values on either side of 0.

use std::collections::BTreeMap;
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
    // Colours are mixed by what shows through, which every program that draws SVG does alike.
    let (mut ground, mut cells) = (String::new(), String::new());
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
            let (x, y) = (coordinate(left + CELL * column as f64 + 0.5), coordinate(y + 0.5));
            let side = coordinate(CELL - 1.0);
            let _ = write!(ground, "M{x} {y} h{side} v{side} h-{side} z");
            let _ = write!(
                cells,
                "<rect class=\"cell\" x=\"{x}\" y=\"{y}\" width=\"{side}\" height=\"{side}\" fill-opacity=\"{}\"><title>{}</title></rect>",
                fixed(f64::from(weight).clamp(0.0, 1.0), 2),
                escape(&says),
            );
        }
    }
    let _ = write!(out, "<path class=\"ground\" d=\"{ground}\"/>{cells}</svg>");
    out
}

/// Values at rows and columns, row by row: grey at 0, blue below it, red above, the deeper the farther from it.
pub(crate) struct Signed<'a> {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) values: &'a [f32],
    /// What has the deepest colour, as its opposite has; above 0.
    pub(crate) largest: f32,
}

/// Colours of [`Signed`] on either side of 0.
const LEVELS: f32 = 31.0;

impl Signed<'_> {
    /// The cells, in the place that is given by its corner and size. Neighbours in a row that have one colour are one stretch, and what has
    /// one colour is one path: a map may have many thousands of cells.
    pub(crate) fn draw(&self, (x, y): (f64, f64), (width, height): (f64, f64)) -> String {
        let column = |at: usize| coordinate(x + width * at as f64 / self.columns as f64);
        let row = |at: usize| coordinate(y + height * at as f64 / self.rows as f64);
        let level = |value: &f32| (value / self.largest * LEVELS).round().clamp(-LEVELS, LEVELS) as i32;
        let mut paths: BTreeMap<i32, String> = BTreeMap::new();
        for (at, values) in self.values.chunks_exact(self.columns.max(1)).take(self.rows).enumerate() {
            let mut begins = 0;
            for stretch in values.chunk_by(|a, b| level(a) == level(b)) {
                let path = paths.entry(level(&stretch[0])).or_default();
                let ends = begins + stretch.len();
                let (left, right) = (column(begins), column(ends));
                let _ = write!(path, "M{left} {} H{right} V{} H{left} z", row(at), row(at + 1));
                begins = ends;
            }
        }
        let mut out = format!(
            "<g class=\"signed\" shape-rendering=\"crispEdges\"><rect class=\"none\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
            column(0),
            row(0),
            coordinate(width),
            coordinate(height)
        );
        for (level, path) in paths.iter().filter(|(level, _)| **level != 0) {
            let side = if *level < 0 { "low" } else { "high" };
            let share = fixed(f64::from(level.abs()) / f64::from(LEVELS), 2);
            let _ = write!(out, "<path class=\"{side}\" fill-opacity=\"{share}\" d=\"{path}\"/>");
        }
        out.push_str("</g>");
        out
    }
}
