//! Tags: the figures of tags and spans, what is taken for what, and sentences with both.

use std::fmt::Write;

use super::classes;
use super::words::part_name;
use crate::report::text::{count, counted, escape, fixed, shortened};
use crate::scores::{SpanScore, Spans, Tagging};
use crate::tasks::figures::{Measured, Prediction};
use crate::tasks::shown::{Asked, Shown, Truth};

/// Pairs of tags.
const MOST_PAIRS: usize = 12;
/// Sentences of a kind.
const MOST_SENTENCES: usize = 6;
/// Tokens of a sentence.
const LONGEST: usize = 60;

/// Spans, the most confused pairs, the matrix and the table of tags.
pub(super) fn section(f: &Tagging, names: &[String], judged: &Measured) -> String {
    let mut out = f.spans.as_ref().map(spans).unwrap_or_default();
    out.push_str(&pairs(f, names));
    out.push_str(&classes::section(&f.tokens, names, "tag", judged));
    out
}

fn spans(spans: &Spans) -> String {
    let mut out = String::from(
        "<div class=\"panel scroll tall\"><h3>Spans</h3><p>A span counts as found where its type, first and last token are \
         right.</p><table class=\"classes\"><thead><tr><th>type</th><th>spans</th><th>precision (%)</th><th>recall (%)</th>\
         <th>F1 (%)</th></tr></thead><tbody>",
    );
    let row = |name: &str, score: &SpanScore| {
        let mut row = format!("<tr><th>{}</th><td>{}</td>", escape(name), count(score.support as usize));
        for value in [score.precision, score.recall, score.f1] {
            let percent = 100.0 * value;
            let _ = write!(
                row,
                "<td><i class=\"meter\" style=\"--v:{}%\"></i>{}</td>",
                fixed(percent, 0),
                fixed(percent, 1)
            );
        }
        row + "</tr>"
    };
    spans.types.iter().for_each(|(name, score)| out.push_str(&row(name, score)));
    let _ = writeln!(out, "</tbody><tfoot>{}</tfoot></table></div>", row("all", &spans.all));
    out
}

/// The pairs of tags that are mistaken most often.
fn pairs(f: &Tagging, names: &[String]) -> String {
    let confusion = &f.tokens.confusion;
    let mut all: Vec<(u64, usize, usize)> = Vec::new();
    for (truth, row) in confusion.iter().enumerate() {
        let wrong = row.iter().enumerate().filter(|(predicted, n)| *predicted != truth && **n > 0);
        all.extend(wrong.map(|(predicted, n)| (*n, truth, predicted)));
    }
    if all.is_empty() {
        return String::new();
    }
    all.sort_by_key(|&(n, truth, predicted)| (std::cmp::Reverse(n), truth, predicted));
    let name = |tag: usize| escape(names.get(tag).map_or("?", String::as_str));
    let wrong: u64 = all.iter().map(|(n, ..)| n).sum();
    let mut out = format!(
        "<div class=\"panel scroll\"><h3>Most confused</h3><p>{} in all.</p><table class=\"classes\"><thead><tr>\
         <th>true tag</th><th>taken for</th><th>tokens</th><th>of the tag (%)</th></tr></thead><tbody>",
        counted(wrong as usize, "wrong token")
    );
    for &(n, truth, predicted) in all.iter().take(MOST_PAIRS) {
        let support = f.tokens.classes[truth].support.max(1);
        let _ = write!(
            out,
            "<tr><th>{}</th><th>{}</th><td>{}</td><td>{}</td></tr>",
            name(truth),
            name(predicted),
            count(n as usize),
            fixed(100.0 * n as f64 / support as f64, 1)
        );
    }
    out.push_str("</tbody></table></div>\n");
    out
}

/// Sentences with their tags: the most wrong ones, then some that are all right. Nothing of another task.
pub(super) fn sentences(judged: &Measured, shown: &[Shown]) -> String {
    type Row<'a> = (usize, &'a [String], &'a [String], &'a [String]);
    let mut all: Vec<Row<'_>> = Vec::new();
    for (prediction, shown) in judged.predictions.iter().zip(shown) {
        let (Asked::Tokens(tokens), Truth::Tags(truth)) = (&shown.asked, &shown.truth) else { continue };
        let Some(predicted) = predicted(prediction) else { continue };
        let wrong = truth.iter().zip(predicted).filter(|(truth, predicted)| truth != predicted).count();
        all.push((wrong, tokens, truth, predicted));
    }
    let mut wrong: Vec<&Row<'_>> = all.iter().filter(|row| row.0 > 0).collect();
    wrong.sort_by_key(|row| std::cmp::Reverse(row.0));
    let right: Vec<&Row<'_>> = all.iter().filter(|row| row.0 == 0).collect();
    let mut out = String::new();
    for (heading, remark, rows) in [
        (
            "Most wrong",
            "The tag that the model gives stands below each token; where it is wrong, the true one follows.",
            wrong,
        ),
        ("All right", "Every tag of these sentences is right.", right),
    ] {
        if rows.is_empty() {
            continue;
        }
        let _ = write!(
            out,
            "<div class=\"panel\"><h3>{heading}</h3><p>{} part. {remark}</p>",
            escape(part_name(&judged.part))
        );
        for (_, tokens, truth, predicted) in rows.into_iter().take(MOST_SENTENCES) {
            out.push_str("<p class=\"tagged\">");
            for ((token, truth), predicted) in tokens.iter().zip(*truth).zip(*predicted).take(LONGEST) {
                let token = escape(&shortened(token, 40));
                let _ = if truth == predicted {
                    write!(out, "<span>{token}<i>{}</i></span> ", escape(predicted))
                } else {
                    write!(
                        out,
                        "<span class=\"wrong\">{token}<i><s>{}</s> {}</i></span> ",
                        escape(predicted),
                        escape(truth)
                    )
                };
            }
            if tokens.len() > LONGEST {
                let _ = write!(out, "<span>… {} more</span>", count(tokens.len() - LONGEST));
            }
            out.push_str("</p>");
        }
        out.push_str("</div>\n");
    }
    out
}

/// The tags of a prediction.
fn predicted(prediction: &Prediction) -> Option<&[String]> {
    match prediction {
        Prediction::Tags { tags, .. } => Some(tags),
        _ => None,
    }
}
