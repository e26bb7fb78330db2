//! The report's part on translation: pairs that came out right and most wrong, and what the model looked at.

use std::fmt::Write;

use super::super::figures::{Alignment, Measured, Prediction};
use super::super::shown::{Asked, Shown, Truth};
use crate::report::text::{self, coordinate, escape, fixed, shortened};

/// Examples of a kind.
const MOST: usize = 6;
/// Characters of a text.
const LONGEST: usize = 240;

/// A pair with what was written for its source.
struct Told<'a> {
    source: &'a str,
    truth: &'a str,
    text: &'a str,
    probability: f64,
}

/// Pairs that are right and surest, and those that are most wrong.
pub(in super::super) fn examples(judged: &Measured, shown: &[Shown]) -> String {
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for (prediction, shown) in judged.predictions.iter().zip(shown) {
        let (Asked::Text(source), Truth::Text(truth)) = (&shown.asked, &shown.truth) else { continue };
        let Prediction::Text { text, probability, .. } = prediction else { continue };
        let kind = if same(text, truth) { &mut right } else { &mut wrong };
        kind.push(Told { source, truth, text, probability: *probability });
    }
    let mut out = String::new();
    for (heading, remark, class, mut told) in [
        ("Right and surest", "Right outputs that the model found most probable.", "good", right),
        ("Most wrong", "Wrong outputs that the model found most probable.", "bad", wrong),
    ] {
        told.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        group(heading, remark, class, &told, &mut out);
    }
    out
}

/// Whether two texts are one but for white space.
fn same(a: &str, b: &str) -> bool {
    a.split_whitespace().flat_map(str::chars).eq(b.split_whitespace().flat_map(str::chars))
}

fn group(heading: &str, remark: &str, class: &str, told: &[Told<'_>], out: &mut String) {
    if told.is_empty() {
        return;
    }
    let _ = write!(out, "<div class=\"panel\"><h3>{heading}</h3><p>{remark}</p><ul class=\"said\">");
    let short = |text: &str| escape(&shortened(text, LONGEST));
    for one in told.iter().take(MOST) {
        let sure = format!("{} % sure", fixed(100.0 * one.probability, 1));
        let truth = match class {
            "bad" => format!(" · true:</span> <em>{}</em>", short(one.truth)),
            _ => "</span>".into(),
        };
        let _ = write!(
            out,
            "<li class=\"{class}\"><p><b>{}</b> <span>{sure}{truth}</p><blockquote>{}</blockquote></li>",
            short(one.text),
            short(one.source)
        );
    }
    out.push_str("</ul></div>\n");
}

/// Heat maps of what some outputs attended to.
pub(in super::super) fn alignments(judged: &Measured, shown: &[Shown]) -> String {
    let maps: String = judged
        .predictions
        .iter()
        .zip(shown)
        .filter_map(|(prediction, shown)| match (prediction, &shown.asked, &shown.truth) {
            (
                Prediction::Text { text, alignment: Some(alignment), .. },
                Asked::Text(source),
                Truth::Text(truth),
            ) => Some(figure(&Told { source, truth, text, probability: 1.0 }, alignment)),
            _ => None,
        })
        .collect();
    if maps.is_empty() {
        return maps;
    }
    format!(
        "<div class=\"panel\"><p>Each row is a token that was written, each column a token of the source. The deeper a cell, \
         the more the model looked there.</p></div><div class=\"thirds\">{maps}</div>\n"
    )
}

/// The size of a cell, of the letters beside it, and the most that a label may take, in the drawing's own units.
const CELL: f64 = 16.0;
const LETTER: f64 = 11.0;
const LABEL: f64 = 90.0;

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

/// The heat map of an output: a row for each of its tokens, a column for each of the source's.
fn figure(told: &Told<'_>, alignment: &Alignment) -> String {
    let Alignment { source, target, weights } = alignment;
    // Single characters stand upright above their columns; words are turned.
    let turned = source.iter().any(|token| label(token).chars().count() > 1);
    let left = label_width(target);
    let top = if turned { label_width(source) } else { CELL + 2.0 };
    let (width, height) = (left + CELL * source.len() as f64, top + CELL * target.len() as f64);
    let truth = match same(told.text, told.truth) {
        true => String::new(),
        false => format!(" · true: {}", told.truth),
    };
    let mut out = format!(
        "<figure><figcaption><h3>{}</h3><p>{}</p></figcaption><div class=\"scroll\"><svg class=\"heat\" \
         viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" aria-label=\"What each token of the output \
         attends to in the source\">",
        escape(&shortened(told.text, LONGEST)),
        escape(&shortened(&format!("{}{truth}", told.source), LONGEST)),
        w = coordinate(width),
        h = coordinate(height)
    );
    for (column, token) in source.iter().enumerate() {
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
    for (row, token) in target.iter().enumerate() {
        let y = top + CELL * row as f64;
        let _ = write!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" dominant-baseline=\"central\">{}</text>",
            coordinate(left - 5.0),
            coordinate(y + CELL / 2.0),
            escape(&label(token))
        );
        for (column, from) in source.iter().enumerate() {
            let weight = weights.get(row * source.len() + column).copied().unwrap_or(0.0);
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
    out.push_str("</svg></div></figure>\n");
    out
}
