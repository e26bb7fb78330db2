//! The learning-rate range test of a training of any task, and its page.

use std::fmt::Write;

use super::protocol::{About, AnyTraining};
use crate::Result;
use crate::report::figures::{Room, figure};
use crate::report::frame::{self, Card, Frame, section};
use crate::report::svg::{Chart, Line, Mark, XAxis};
use crate::report::text::{count, counted, escape, number};
use crate::train::{RangeFound, RangeTest};

/// The fewest and the most steps of a test where nothing is said: with fewer the loss is all noise, and more say no more.
const STEPS: (usize, usize) = (200, 1000);

/// Finds which learning rate a training bears, see [`RangeTest`], from its first weights. Where several networks are trained one
/// after the other, it is that of the first. `steps` is an epoch by default, but 200 to 1,000. The training is of no use
/// afterwards. Errors: a training without a network, and those of [`RangeTest::run`].
pub fn find_rate(
    training: &mut dyn AnyTraining,
    lowest: f64,
    highest: f64,
    steps: Option<usize>,
) -> Result<RangeFound> {
    let (objective, options) = training.objective()?;
    let steps = steps.unwrap_or_else(|| objective.steps_per_epoch().clamp(STEPS.0, STEPS.1));
    RangeTest { lowest, highest, steps }.run(&options, objective)
}

/// The rate as people type it: two significant digits.
pub fn typed_rate(rate: f64) -> f64 {
    format!("{rate:.1e}").parse().unwrap_or(rate)
}

/// The page of a test, which needs nothing else. `task` and `data` name what was learnt from.
pub fn rate_report(found: &RangeFound, task: &str, data: &str, about: &About) -> String {
    let mut body = String::new();
    let rate = |rate: Option<f64>| rate.map_or_else(|| "–".into(), |rate| typed_rate(rate).to_string());
    let card = |name: &str, figure: String, beside: &str| Card {
        name: name.into(),
        figure: escape(&figure),
        beside: escape(beside),
        class: "",
    };
    let cards = [
        card(
            "Suggested learning rate",
            rate(found.suggested()),
            "a tenth of the rate with the least smoothed loss, as the highest rate of a schedule",
        ),
        card("Steepest descent", rate(found.steepest), "where the smoothed loss falls fastest"),
        card("Least loss", rate(found.least), "the highest rate that still helps"),
        card(
            "Steps",
            count(found.steps.len()),
            if found.diverged { "ended where the loss went far up" } else { "the loss did not go far up" },
        ),
    ];
    frame::cards(&cards, &mut body);
    frame::notes(&rate_notes(found), &mut body);
    section("curve", "Loss by learning rate", &picture(found), &mut body);
    let mut how = String::from("<div class=\"panel\"><p>");
    let _ = write!(
        how,
        "{} of training in which the learning rate grew by the same factor at every step (the range test of Smith 2017, \
         arXiv 1506.01186). The loss is that of each batch; smoothed is its mean over the tenth of the steps around each.</p>",
        escape(&counted(found.steps.len(), "step"))
    );
    if !about.command.is_empty() {
        let _ = write!(how, "<p>Run it again:</p><pre><code>{}</code></pre>", escape(&about.command));
    }
    how.push_str("</div>\n");
    section("how", "How it was found", &how, &mut body);
    let frame = Frame {
        title: &format!("Learning rates for {task}"),
        kind: "Range test",
        subtitle: data,
        created: &about.created,
        version: env!("CARGO_PKG_VERSION"),
    };
    frame.page(&body)
}

/// What should be known before the suggestion is trusted, a sentence each.
pub fn rate_notes(found: &RangeFound) -> Vec<String> {
    match found {
        found if found.least.is_none() => {
            vec!["the loss never fell: begin with a lower learning rate, or take more steps".into()]
        }
        found if found.is_open() => {
            vec!["the loss still falls at the highest learning rate: go higher to see more".into()]
        }
        _ => Vec::new(),
    }
}

fn picture(found: &RangeFound) -> String {
    let line = |name: &str, class: &str, of: fn(&crate::train::RangeStep) -> f64| Line {
        name: name.into(),
        class: class.into(),
        points: found.steps.iter().map(|one| (one.learning_rate.log10(), of(one))).collect(),
        dots: false,
    };
    // One batch that went far up would press all others together.
    let ceiling = {
        let settled = found.steps.iter().map(|one| one.smoothed).filter(|loss| loss.is_finite());
        let (least, most) =
            settled.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), v| (l.min(v), m.max(v)));
        most + 0.3 * (most - least)
    };
    let mut lines = vec![
        line("loss of each batch", "c-train", |one| one.loss),
        line("smoothed", "c-model", |one| one.smoothed),
    ];
    lines[0].points.iter_mut().filter(|point| point.1 > ceiling).for_each(|point| point.1 = f64::NAN);
    let mark = |rate: Option<f64>, class: &str, says: &str| {
        rate.map(|rate| Mark {
            class: class.into(),
            at: rate.log10(),
            says: format!("{says} {}", number(typed_rate(rate))),
        })
    };
    let chart = Chart {
        name: "Loss by learning rate".into(),
        description: "The loss of each batch, and its smoothed mean, by the learning rate.".into(),
        x: XAxis { title: "learning rate, as a power of ten".into(), ..XAxis::default() },
        y_title: "training loss".into(),
        lines,
        marks: [mark(found.suggested(), "c-good", "suggested"), mark(found.least, "c-base1", "least")]
            .into_iter()
            .flatten()
            .collect(),
        ..Chart::default()
    };
    figure("Loss by learning rate", "", &chart, Room::Full)
}
