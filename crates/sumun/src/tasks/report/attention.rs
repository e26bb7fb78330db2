//! How much each step of an example counts in its prediction, where the model pools by attention.

use std::fmt::Write;

use crate::report::figures::{Room, figure};
use crate::report::svg::{Area, Chart, Line, Scale, XAxis};
use crate::report::text::{counted, escape, fixed, visible};
use crate::tasks::figures::AttentionWeights;

/// What shades and numbers under tokens mean, in HTML; follows another sentence.
pub(super) const LEGEND: &str = " The deeper a token’s colour, the more the model attends to it; below it, its weight in per cent. Tokens without a number have less \
     than an even share.";

/// So many times an even share has the full colour, where no token has more.
const DEEP: f32 = 3.0;

/// More points than this are told apart by the line alone.
const MOST_DOTS: usize = 40;

/// The tokens that the model read, shaded by their weights, up to so many characters.
pub(super) fn over_tokens(attention: &AttentionWeights, longest: usize) -> String {
    let AttentionWeights { tokens, weights } = attention;
    let even = 1.0 / weights.len().max(1) as f32;
    // Weights that are all about the same are all pale.
    let deepest = weights.iter().copied().fold((DEEP * even).min(1.0), f32::max);
    let mut out = String::from("<p class=\"tagged attended\">");
    let (mut characters, mut shown, mut rest) = (0, 0, 1.0);
    for (token, &weight) in tokens.iter().zip(weights) {
        characters += token.chars().count();
        if characters > longest && shown > 0 {
            break;
        }
        (shown, rest) = (shown + 1, rest - weight);
        let number = if weight >= even { percent(weight) } else { String::new() };
        let _ = write!(
            out,
            "<span style=\"--v:{}%\" title=\"{} %\">{}<i>{number}</i></span> ",
            fixed(f64::from(100.0 * weight / deepest).clamp(0.0, 100.0), 0),
            percent(weight),
            escape(visible(token))
        );
    }
    if shown < tokens.len() {
        let more = counted(tokens.len() - shown, "more token");
        let _ = write!(out, "<span>… {more}<i>{} together</i></span>", percent(rest.max(0.0)));
    }
    out + "</p>"
}

/// A figure of the weights over the steps of a sequence.
pub(super) fn over_time(attention: &AttentionWeights) -> String {
    let weights = &attention.weights;
    let per_cent = |(step, &weight): (usize, &f32)| (step as f64 + 1.0, 100.0 * f64::from(weight));
    let points: Vec<(f64, f64)> = weights.iter().enumerate().map(per_cent).collect();
    let even = 100.0 / weights.len().max(1) as f64;
    let ends = [0, points.len().saturating_sub(1)];
    let level = ends.iter().filter_map(|&end| points.get(end)).map(|&(step, _)| (step, even)).collect();
    let chart = Chart {
        name: "Attention weights".into(),
        description: "How much each step of the sequence counts in the prediction.".into(),
        x: XAxis { title: "time step".into(), whole: true, ..XAxis::default() },
        y_title: "weight (%)".into(),
        shares: true,
        y_scale: Scale::FromZero,
        areas: vec![Area {
            class: "c-future".into(),
            points: points.iter().map(|&(step, weight)| (step, 0.0, weight)).collect(),
        }],
        lines: vec![
            Line { name: "even share".into(), class: "c-base2".into(), points: level, dots: false },
            Line {
                name: "attention".into(),
                class: "c-future".into(),
                dots: points.len() <= MOST_DOTS,
                points,
            },
        ],
        ..Chart::default()
    };
    figure("Attention", "How much each step counts in the prediction.", &chart, Room::Small)
}

/// `12.3` of 0.123.
fn percent(weight: f32) -> String {
    fixed(f64::from(100.0 * weight), 1)
}
