//! Single examples: those that the model is surest of and right, and those that it is most wrong about.

use std::fmt::Write;

use super::{attention, numbers, tags};
use crate::report::figures::{Room, figure};
use crate::report::svg::{Chart, Line, XAxis};
use crate::report::text::{counted, escape, fixed, number, shortened};
use crate::tasks::figures::{AttentionWeights, Measured, Prediction};
use crate::tasks::shown::{Asked, Shown, Truth};
use crate::tasks::translate;

/// Examples of a kind.
const MOST: usize = 6;
/// Charts of a kind: they take more room.
const MOST_CHARTS: usize = 3;
/// Characters of a text.
const LONGEST: usize = 360;
/// As many channels have a colour of their own.
const COLOURS: [&str; 8] =
    ["c-model", "c-base0", "c-base1", "c-future", "c-base3", "c-base2", "c-actual", "c-train"];

/// An example with what is said about it.
struct Told<'a> {
    shown: &'a Shown,
    good: bool,
    /// HTML.
    says: String,
    /// The same as text.
    plain: String,
}

/// All examples of a part.
pub(super) fn section(judged: &Measured, shown: &[Shown]) -> String {
    // Rows of a series have no examples beside the series itself.
    let of_series = matches!(shown, [Shown { asked: Asked::Row { .. }, .. }, ..]);
    if shown.len() != judged.predictions.len() || of_series {
        return String::new();
    }
    let mut out = String::new();
    let groups = classified(judged, shown).into_iter().chain(labelled(judged, shown));
    for (heading, remark, told) in groups.chain(estimated(judged, shown)) {
        group(heading, remark, &told, &mut out);
    }
    out.push_str(&tags::sentences(judged, shown));
    out.push_str(&translate::examples(judged, shown));
    out
}

type Group<'a> = (&'static str, &'static str, Vec<Told<'a>>);

/// Of a classifier, by how probable it found its prediction.
fn classified<'a>(judged: &Measured, shown: &'a [Shown]) -> Vec<Group<'a>> {
    let mut right = Vec::new();
    let mut wrong = Vec::new();
    for (prediction, shown) in judged.predictions.iter().zip(shown) {
        let (Prediction::Class { label, probabilities }, Truth::Label(truth)) = (prediction, &shown.truth)
        else {
            continue;
        };
        let sure = probabilities.iter().copied().fold(0.0, f64::max);
        if label == truth { &mut right } else { &mut wrong }.push((sure, label, truth, shown));
    }
    let told = |mut all: Vec<(f64, &String, &String, &'a Shown)>, good: bool| -> Vec<Told<'a>> {
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        all.into_iter()
            .take(MOST)
            .map(|(sure, label, truth, shown)| {
                let sure = format!("{} %", fixed(100.0 * sure, 1));
                let plain = if good {
                    format!("said {label}, {sure} sure")
                } else {
                    format!("said {label}, {sure} sure; true {truth}")
                };
                let says = if good {
                    format!("<b>{}</b> <span>{sure} sure</span>", escape(&shortened(label, 60)))
                } else {
                    format!(
                        "<b>{}</b> <span>{sure} sure · true:</span> <em>{}</em>",
                        escape(&shortened(label, 60)),
                        escape(&shortened(truth, 60))
                    )
                };
                Told { shown, good, says, plain }
            })
            .collect()
    };
    vec![
        ("Right and surest", "Right predictions that the model found most probable.", told(right, true)),
        ("Most wrong", "Wrong predictions that the model found most probable.", told(wrong, false)),
    ]
}

/// Of a classifier whose records may have several labels, by the label that it is most wrong about.
fn labelled<'a>(judged: &Measured, shown: &'a [Shown]) -> Vec<Group<'a>> {
    let mut right = Vec::new();
    let mut wrong = Vec::new();
    for (prediction, shown) in judged.predictions.iter().zip(shown) {
        let (Prediction::Labels { labels, probabilities }, Truth::Labels(truth)) = (prediction, &shown.truth)
        else {
            continue;
        };
        let off = |(name, p): (&String, &f64)| if truth.contains(name) { 1.0 - p } else { *p };
        let farthest = judged.classes.iter().zip(probabilities).map(off).fold(0.0, f64::max);
        let good = labels.len() == truth.len() && labels.iter().all(|label| truth.contains(label));
        if good { &mut right } else { &mut wrong }.push((farthest, labels, truth, shown));
    }
    // Records without a label say least of what was learnt.
    right.sort_by(|a, b| a.2.is_empty().cmp(&b.2.is_empty()).then(a.0.total_cmp(&b.0)));
    wrong.sort_by(|a, b| b.0.total_cmp(&a.0));
    let told = |all: Vec<(f64, &Vec<String>, &Vec<String>, &'a Shown)>, good: bool| -> Vec<Told<'a>> {
        let told = |(_, labels, truth, shown): (f64, &Vec<String>, &Vec<String>, &'a Shown)| {
            let [labels, truth] = [labels, truth].map(|names| match names.as_slice() {
                [] => "no label".to_owned(),
                names => shortened(&names.join(", "), 120),
            });
            let (mut says, mut plain) = (format!("<b>{}</b>", escape(&labels)), format!("said {labels}"));
            if !good {
                let _ = write!(says, " <span>true:</span> <em>{}</em>", escape(&truth));
                let _ = write!(plain, "; true {truth}");
            }
            Told { shown, good, says, plain }
        };
        all.into_iter().take(MOST).map(told).collect()
    };
    vec![
        (
            "Right and surest",
            "Sets of labels that are right, and each label far from a doubt.",
            told(right, true),
        ),
        ("Most wrong", "Sets of labels that are wrong, one label most of all.", told(wrong, false)),
    ]
}

/// Of a regressor, by the error.
fn estimated<'a>(judged: &Measured, shown: &'a [Shown]) -> Vec<Group<'a>> {
    let pairs = numbers::pairs(judged, shown);
    if pairs.len() != shown.len() {
        return Vec::new();
    }
    let mut all: Vec<(f64, (f64, f64), &Shown)> =
        pairs.into_iter().zip(shown).map(|(pair, shown)| ((pair.0 - pair.1).abs(), pair, shown)).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let told = |&(_, (truth, predicted), shown): &(f64, (f64, f64), &'a Shown), good: bool| Told {
        shown,
        good,
        says: format!("<b>{}</b> <span>· true:</span> <em>{}</em>", number(predicted), number(truth)),
        plain: format!("said {}; true {}", number(predicted), number(truth)),
    };
    let worst = all.iter().take(MOST).map(|one| told(one, false)).collect();
    let best = all.iter().rev().take(MOST).map(|one| told(one, true)).collect();
    vec![("Nearest", "The smallest errors.", best), ("Farthest off", "The largest errors.", worst)]
}

fn group(heading: &str, remark: &str, told: &[Told<'_>], out: &mut String) {
    let Some(first) = told.first() else { return };
    if let Asked::Numbers { .. } = first.shown.asked {
        let _ = writeln!(out, "<h3 class=\"target\">{}</h3><div class=\"thirds\">", escape(heading));
        for one in told.iter().take(MOST_CHARTS) {
            if let Asked::Numbers { channels, values } = &one.shown.asked {
                let (chart, remark) = curves(*channels, values);
                let drawn = figure(&one.plain, &remark, &chart, Room::Third);
                match &one.shown.attention {
                    Some(weights) => {
                        let _ = write!(
                            out,
                            "<div class=\"stack\">{drawn}{}</div>",
                            attention::over_time(weights)
                        );
                    }
                    None => out.push_str(&drawn),
                }
            }
        }
        out.push_str("</div>\n");
        return;
    }
    let legend = first.shown.attention.as_ref().map_or("", |_| attention::LEGEND);
    let _ = write!(
        out,
        "<div class=\"panel\"><h3>{}</h3><p>{}{legend}</p><ul class=\"said\">",
        escape(heading),
        escape(remark)
    );
    for one in told {
        let Asked::Text(text) = &one.shown.asked else { continue };
        let class = if one.good { "good" } else { "bad" };
        let _ = write!(
            out,
            "<li class=\"{class}\"><p>{}</p>{}</li>",
            one.says,
            asked(text, one.shown.attention.as_ref())
        );
    }
    out.push_str("</ul></div>\n");
}

/// A text as it was written, or the tokens that the model read where it says how much each counts.
fn asked(text: &str, weights: Option<&AttentionWeights>) -> String {
    match weights {
        Some(weights) => attention::over_tokens(weights, LONGEST),
        None => format!("<blockquote>{}</blockquote>", escape(&shortened(text, LONGEST))),
    }
}

/// A sequence of numbers as lines, and what it is.
fn curves(channels: usize, values: &[f32]) -> (Chart, String) {
    let channels = channels.max(1);
    let drawn = channels.min(COLOURS.len());
    let line = |channel: usize| Line {
        name: if channels == 1 { "value".into() } else { format!("channel {}", channel + 1) },
        class: COLOURS[channel].into(),
        points: values
            .iter()
            .skip(channel)
            .step_by(channels)
            .enumerate()
            .map(|(step, value)| (step as f64 + 1.0, f64::from(*value)))
            .collect(),
        dots: values.len() == channels,
    };
    let mut remark = counted(values.len() / channels, "step");
    if drawn < channels {
        let _ = write!(remark, "; the first {drawn} of {channels} channels");
    }
    let chart = Chart {
        name: "A sequence".into(),
        description: "The values of each channel at each step.".into(),
        x: XAxis { title: "time step".into(), whole: true, ..XAxis::default() },
        y_title: "value".into(),
        lines: (0..drawn).map(line).collect(),
        ..Chart::default()
    };
    (chart, remark)
}
