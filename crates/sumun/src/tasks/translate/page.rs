//! The report's part on translation: pairs that came out right and most wrong, and what the model looked at.

use std::fmt::Write;

use super::super::figures::{Alignment, Measured, Prediction};
use super::super::shown::{Asked, Shown, Truth};
use crate::report::heat::{self, Heat};
use crate::report::text::{escape, fixed, shortened};

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

/// The heat map of an output: a row for each of its tokens, a column for each of the source's.
fn figure(told: &Told<'_>, alignment: &Alignment) -> String {
    let Alignment { source, target, weights } = alignment;
    let truth = match same(told.text, told.truth) {
        true => String::new(),
        false => format!(" · true: {}", told.truth),
    };
    let name = "What each token of the output attends to in the source";
    heat::figure(
        &shortened(told.text, LONGEST),
        &shortened(&format!("{}{truth}", told.source), LONGEST),
        &Heat { name, rows: target, columns: source, weights },
    )
}
