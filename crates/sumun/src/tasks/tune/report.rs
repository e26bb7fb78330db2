//! The report of a search: the best trial, all trials as a picture and as a table, and how to go on.

use std::fmt::Write;

use toml::Value;

use super::super::protocol::About;
use super::outcome::TuneOutcome;
use super::picture::{Axis, Thread, parallel};
use super::trial::{TrialState, TuneTrial};
use super::{Combination, GOES_ON};
use crate::report::curves::{is_share, plain, titled};
use crate::report::figures::{Room, figure as chart_figure, spans_decades};
use crate::report::frame::{self, Card, Frame, section};
use crate::report::svg::{Chart, Line, Scale, XAxis};
use crate::report::text::{count, counted, duration, escape, fixed, number, shortened};
use crate::settings::{Range, Setting};

/// Where a value stands that the data decided and nobody knows before.
const OPEN: &str = "auto";
/// So many trials that failed are spoken of.
const MOST_PROBLEMS: usize = 5;

/// The report, one page that needs nothing else.
pub fn tune_report(outcome: &TuneOutcome, about: &About) -> String {
    let TuneOutcome { plan, searched, trials, best, results, .. } = outcome;
    let mut body = String::new();
    let winner = trials.iter().find(|one| one.trial == *best);
    let figure = winner.map_or("", |one| one.figure.as_str());
    let value = winner.and_then(TuneTrial::last).map_or(f64::NAN, |last| last.value);
    let first = trials.iter().find(|one| one.trial == 1).and_then(TuneTrial::last);
    let beside = match first {
        _ if plan.seeds.is_some() => String::new(),
        _ if *best == 1 => "no draw was better than the first trial, whose settings are the defaults".into(),
        Some(first) => format!(
            "the defaults had {} after {}",
            written(figure, first.value),
            counted(first.epochs, "epoch")
        ),
        None => String::new(),
    };
    let seconds: f64 = trials.iter().map(|one| one.seconds).sum();
    let state = |state: TrialState| trials.iter().filter(|one| one.state == state).count();
    let mut cards = vec![
        Card {
            name: format!("Best validation {}", titled(figure)),
            figure: escape(&written(figure, value)),
            beside: escape(&beside),
            class: "",
        },
        Card {
            name: "Best trial".into(),
            figure: count(*best),
            beside: escape(&format!(
                "of {}: {} trained to the end, {} dropped on the way{}",
                counted(trials.len(), "trial"),
                count(state(TrialState::Finished)),
                count(state(TrialState::Dropped)),
                match state(TrialState::Failed) {
                    0 => String::new(),
                    failed => format!(", {} failed", count(failed)),
                }
            )),
            class: "",
        },
        Card {
            name: "Training time".into(),
            figure: duration(seconds),
            beside: "of all trials together, one after the other".into(),
            class: "",
        },
    ];
    if let Some(part) = results.parts.iter().find(|part| part.part == "test")
        && let Some(judged) = part.figures.first()
        && let Some(model) = judged.model
    {
        let baseline = judged
            .baseline
            .map_or_else(String::new, |value| format!("{} {}", part.baseline, written(&judged.key, value)));
        cards.push(Card {
            name: format!("Its test {}", titled(&judged.key)),
            figure: written(&judged.key, model),
            beside: escape(&format!("looked at once, when all was decided; {baseline}")),
            class: "",
        });
    }
    frame::cards(&cards, &mut body);
    let failed = trials.iter().filter_map(|one| Some((one.trial, one.problem.as_ref()?)));
    let failed: Vec<String> =
        failed.map(|(trial, problem)| format!("Trial {trial} failed: {problem}.")).collect();
    let more = failed.len().saturating_sub(MOST_PROBLEMS);
    let mut notes: Vec<String> = failed.into_iter().take(MOST_PROBLEMS).collect();
    if more > 0 {
        notes.push(format!("{} more failed.", counted(more, "trial")));
    }
    frame::notes(&notes, &mut body);
    section("compared", "Compared", &compared(outcome, figure), &mut body);
    section("trials", "Trials", &picture(outcome, figure), &mut body);
    section("table", "All trials", &all(outcome, figure), &mut body);
    section("how", "How the best was found", &how(outcome, about), &mut body);
    let names: Vec<&str> = searched.iter().map(|(row, _)| row.name).collect();
    let frame = Frame {
        title: &format!("{} of settings for {}", counted(trials.len(), "trial"), plan.task),
        kind: "Search over settings",
        subtitle: &format!("{}: {}", results.data, names.join(", ")),
        created: &about.created,
        version: env!("CARGO_PKG_VERSION"),
    };
    frame.page(&body)
}

/// A figure as people write it.
fn written(figure: &str, value: f64) -> String {
    if is_share(figure) { fixed(100.0 * value, 1) } else { number(value) }
}

/// A setting's value as people write it.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Float(number) => number.to_string(),
        other => other.to_string(),
    }
}

fn number_of(value: &Value) -> Option<f64> {
    value.as_float().or(value.as_integer().map(|whole| whole as f64))
}

/// An axis of a setting, and the height of each trial on it.
fn axis(row: &Setting, range: &Range, trials: &[&TuneTrial]) -> (Axis, Vec<Option<f64>>) {
    let key = row.key();
    let values: Vec<Option<&Value>> = trials.iter().map(|one| one.used.get(&key)).collect();
    let open = values.iter().any(Option::is_none);
    // What is open stands below the others.
    let floor = if open { 0.16 } else { 0.0 };
    let place = |share: f64| floor + share * (1.0 - floor);
    let mut labels: Vec<(f64, String)> = if open { vec![(0.0, OPEN.into())] } else { Vec::new() };
    let heights = match range {
        Range::OneOf(written) => {
            // Defaults may be none of them.
            let mut names: Vec<String> = written.clone();
            for value in values.iter().flatten() {
                let text = text_of(value);
                if !names.iter().any(|name| row.kind.typed(name).as_ref() == Ok(*value)) {
                    names.push(text);
                }
            }
            if names.iter().all(|name| name.parse::<f64>().is_ok()) {
                let of = |name: &String| name.parse::<f64>().unwrap_or(f64::NAN);
                names.sort_by(|a, b| of(a).total_cmp(&of(b)));
            }
            let last = (names.len().max(2) - 1) as f64;
            let height = |at: usize| place(at as f64 / last);
            labels.extend(names.iter().enumerate().map(|(at, name)| (height(at), name.clone())));
            let of = |value: &&Value| {
                names
                    .iter()
                    .position(|name| row.kind.typed(name).as_ref() == Ok(*value) || *name == text_of(value))
            };
            values.iter().map(|value| value.as_ref().and_then(of).map(height)).collect::<Vec<_>>()
        }
        Range::Even(low, high) | Range::Logarithmic(low, high) => {
            let numbers: Vec<Option<f64>> = values.iter().map(|v| v.and_then(number_of)).collect();
            let (mut low, mut high) = (*low, *high);
            for value in numbers.iter().flatten().filter(|value| value.is_finite()) {
                (low, high) = (low.min(*value), high.max(*value));
            }
            let log = matches!(range, Range::Logarithmic(..)) && low > 0.0;
            let share = |value: f64| match log {
                true => (value.ln() - low.ln()) / (high.ln() - low.ln()),
                false => (value - low) / (high - low),
            };
            labels.extend([low, high].map(|end| (place(share(end)), end.to_string())));
            numbers.into_iter().map(|value| value.map(|value| place(share(value)))).collect()
        }
    };
    let heights = heights.into_iter().map(|height| height.or(open.then_some(0.0))).collect();
    (Axis { name: row.name.replace('_', " "), labels }, heights)
}

/// The axis of the figure, the better end up.
fn figure_axis(figure: &str, trials: &[&TuneTrial]) -> (Axis, Vec<Option<f64>>) {
    let last: Vec<Option<(f64, f64)>> =
        trials.iter().map(|one| one.last().map(|last| (last.score, last.value))).collect();
    let finite: Vec<(f64, f64)> = last.iter().flatten().copied().filter(|(_, v)| v.is_finite()).collect();
    let by = |a: &&(f64, f64), b: &&(f64, f64)| a.0.total_cmp(&b.0);
    let (Some(best), Some(worst)) = (finite.iter().min_by(by), finite.iter().max_by(by)) else {
        return (Axis { name: plain(figure), labels: Vec::new() }, vec![None; trials.len()]);
    };
    let all = || finite.iter().map(|(_, value)| *value);
    let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    // Figures such as a loss grow where it gets worse.
    let more_is_better = best.1 >= worst.1;
    // A trial that is far off would press all others together.
    let log = least > 0.0 && most / least > 10.0;
    let scale = |value: f64| if log { value.ln() } else { value };
    let share = |value: f64| match most > least {
        true => (scale(value) - scale(least)) / (scale(most) - scale(least)),
        false => 0.5,
    };
    let height = |value: f64| if more_is_better { share(value) } else { 1.0 - share(value) };
    let mut labels = vec![(height(least), written(figure, least))];
    if most > least {
        labels.push((height(most), written(figure, most)));
    }
    let heights =
        last.iter().map(|one| one.and_then(|(_, value)| value.is_finite().then(|| height(value)))).collect();
    (Axis { name: titled(figure), labels }, heights)
}

fn picture(outcome: &TuneOutcome, figure: &str) -> String {
    let mut trials: Vec<&TuneTrial> = outcome.trials.iter().filter(|one| !one.rounds.is_empty()).collect();
    // The best is drawn last.
    trials.sort_by_key(|one| (one.rounds.len(), one.trial == outcome.best));
    let (mut axes, mut heights) = (Vec::new(), Vec::new());
    for (row, range) in &outcome.searched {
        let (axis, of) = axis(row, range, &trials);
        axes.push(axis);
        heights.push(of);
    }
    let (axis, of) = figure_axis(figure, &trials);
    axes.push(axis);
    heights.push(of);
    let thread = |(at, one): (usize, &&TuneTrial)| {
        let class = match () {
            () if one.trial == outcome.best => "c-model strong",
            () if one.state == TrialState::Finished => "c-base0",
            () => "c-train faint",
        };
        let used: Vec<String> = one
            .used
            .iter()
            .map(|(key, value)| {
                format!("{} {}", key.split_once('.').map_or(key.as_str(), |(_, name)| name), text_of(value))
            })
            .collect();
        let last = one.last().map_or_else(String::new, |last| {
            format!(
                ": {} {} after {}",
                plain(figure),
                written(figure, last.value),
                counted(last.epochs, "epoch")
            )
        });
        Thread {
            class,
            heights: heights.iter().map(|of| of[at]).collect(),
            says: format!("trial {}{last}; {}", one.trial, used.join(", ")),
        }
    };
    let threads: Vec<Thread> = trials.iter().enumerate().map(thread).collect();
    let legend = [
        ("c-model", "the best"),
        ("c-base0", "trained to the end"),
        ("c-train", "dropped on the way, as it was then"),
    ];
    let description = format!(
        "Each line is a trial; it crosses each axis at the value of the setting, and the last at its validation {}, the better \
         end up.",
        plain(figure)
    );
    parallel(&axes, &threads, &legend, &description)
}

/// The colours of the lines of combinations; there are no more lines.
const LINES: [&str; 8] =
    ["c-model", "c-base1", "c-base0", "c-future", "c-base3", "c-base2", "c-actual", "c-train"];

/// What each combination of a grid came to: a table, and where a setting is a number, the figure against it.
fn compared(outcome: &TuneOutcome, figure: &str) -> String {
    let all = outcome.compared();
    if all.is_empty() {
        return String::new();
    }
    let mut out = against_a_number(outcome, &all, figure) + &memories(outcome, &all);
    out.push_str("<div class=\"panel scroll\"><table class=\"numbers\"><thead><tr>");
    for (row, _) in &outcome.searched {
        let _ = write!(out, "<th>{}</th>", escape(&row.name.replace('_', " ")));
    }
    let _ = write!(
        out,
        "<th>{}</th><th>least</th><th>most</th><th>trainings</th><th>parameters</th><th>seconds an epoch</th><th>memory horizon</th></tr></thead><tbody>",
        escape(&titled(figure))
    );
    for (place, one) in all.iter().enumerate() {
        out.push_str("<tr>");
        for (row, _) in &outcome.searched {
            let text = one.settings.get(&row.key()).map_or_else(|| OPEN.to_owned(), text_of);
            let _ = write!(out, "<th>{}</th>", escape(&shortened(&text, 24)));
        }
        let mean = written(figure, one.mean);
        let _ = write!(
            out,
            "<td{}>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            if place == 0 { " class=\"best\"" } else { "" },
            if place == 0 { format!("<b>{mean}</b>") } else { mean },
            written(figure, one.spread[0]),
            written(figure, one.spread[1]),
            count(one.trials),
            one.parameters.map_or_else(|| "–".into(), count),
            number((one.seconds_per_epoch * 1000.0).round() / 1000.0),
            one.horizon("–")
        );
    }
    out.push_str("</tbody></table></div>\n");
    if all.iter().any(|one| one.memory_horizon.is_none()) {
        out.push_str(
            "<p>A memory horizon is that of a network whose answer follows the last step that it reads: not of one that reads from both \
             ends, pools or attends to steps, nor of tasks that inspect does not show.</p>\n",
        );
    }
    out
}

/// Smaller shares are not drawn: they are forgotten, and would press all others together.
const LEAST_SHARE: f64 = 1e-4;

/// The gradient against lag, a line for each combination, of as many as have colours.
fn memories(outcome: &TuneOutcome, all: &[Combination]) -> String {
    let name = |one: &Combination| {
        let values =
            outcome.searched.iter().map(|(row, _)| one.settings.get(&row.key()).map_or(OPEN.into(), text_of));
        values.collect::<Vec<_>>().join(", ")
    };
    let heard = all.iter().filter(|one| !one.gradient_by_lag.is_empty());
    let line = |(one, class): (&Combination, &&str)| {
        let points = one.gradient_by_lag.iter().enumerate().filter(|(_, share)| **share >= LEAST_SHARE);
        let points = points.map(|(lag, share)| (lag as f64, 100.0 * share)).collect();
        Line { name: name(one), class: (*class).into(), points, dots: false }
    };
    let lines: Vec<Line> = heard.clone().zip(&LINES).map(line).collect();
    if lines.is_empty() {
        return String::new();
    }
    let more = match heard.count() {
        count if count > lines.len() => format!(" The best {} are drawn.", lines.len()),
        _ => String::new(),
    };
    let remark = format!(
        "How much an answer moves with each step before the one that it follows, in records of the validation part. The memory horizon is \
         the last lag above 1 % of the largest.{more}"
    );
    let chart = Chart {
        name: "Memory: the gradient against lag".into(),
        description:
            "The norm of the answer’s gradient by what was read so many steps before, of each combination."
                .into(),
        x: XAxis { title: "lag in steps".into(), whole: true, ..XAxis::default() },
        y_title: "% of the largest".into(),
        y_scale: if spans_decades(&lines) { Scale::Logarithmic } else { Scale::FromZero },
        always_named: true,
        lines,
        ..Chart::default()
    };
    chart_figure("How far back each listens", &remark, &chart, Room::Low)
}

/// The figure against the setting that has the most numbers, a line for each combination of the others.
fn against_a_number(outcome: &TuneOutcome, all: &[Combination], figure: &str) -> String {
    let numbers = |row: &Setting| {
        let mut values: Vec<f64> =
            all.iter().filter_map(|one| one.settings.get(&row.key()).and_then(number_of)).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        values.len()
    };
    let Some(row) = outcome
        .searched
        .iter()
        .map(|(row, _)| row)
        .filter(|row| numbers(row) > 1)
        .max_by_key(|row| numbers(row))
    else {
        return String::new();
    };
    let key = row.key();
    let mut lines: Vec<Line> = Vec::new();
    for one in all {
        let others: Vec<String> =
            one.settings.iter().filter(|(of, _)| **of != key).map(|(_, value)| text_of(value)).collect();
        let (name, at) = (others.join(", "), one.settings.get(&key).and_then(number_of));
        let shown = if is_share(figure) { 100.0 * one.mean } else { one.mean };
        let Some(at) = at else { continue };
        match lines.iter_mut().find(|line| line.name == name) {
            Some(line) => line.points.push((at, shown)),
            None => {
                let Some(class) = LINES.get(lines.len()) else { continue };
                lines.push(Line { name, class: (*class).into(), points: vec![(at, shown)], dots: true });
            }
        }
    }
    lines.iter_mut().for_each(|line| line.points.sort_by(|a, b| a.0.total_cmp(&b.0)));
    let chart = Chart {
        name: format!("{} against {}", titled(figure), row.name.replace('_', " ")),
        description: format!(
            "The mean validation {} of each combination against {}.",
            plain(figure),
            row.name.replace('_', " ")
        ),
        x: XAxis { title: row.name.replace('_', " "), ..XAxis::default() },
        y_title: titled(figure),
        always_named: lines.len() > 1,
        lines,
        ..Chart::default()
    };
    let heading = chart.name.clone();
    chart_figure(&heading, "The mean over the seeds, on the validation part.", &chart, Room::Low)
}

/// Every trial, those that came farthest first.
fn all(outcome: &TuneOutcome, figure: &str) -> String {
    let mut out =
        String::from("<div class=\"panel scroll\"><table class=\"numbers\"><thead><tr><th>trial</th>");
    let _ = write!(out, "<th>{}</th><th>epochs</th><th>state</th>", escape(&titled(figure)));
    for (row, _) in &outcome.searched {
        let _ = write!(out, "<th>{}</th>", escape(&row.name.replace('_', " ")));
    }
    out.push_str("</tr></thead><tbody>");
    for one in outcome.ranked() {
        let last = one.last();
        let is_best = one.trial == outcome.best;
        let value = last.map_or_else(|| "–".into(), |last| written(figure, last.value));
        let value = if is_best { format!("<b>{value}</b>") } else { value };
        let _ = write!(
            out,
            "<tr><th>{}</th><td{}>{value}</td><td>{}</td><td>{}</td>",
            count(one.trial),
            if is_best { " class=\"best\"" } else { "" },
            last.map_or_else(|| "–".into(), |last| count(last.epochs)),
            state(one, outcome.best),
        );
        for (row, _) in &outcome.searched {
            let text = one.used.get(&row.key()).map_or_else(|| OPEN.to_owned(), text_of);
            let _ = write!(out, "<td>{}</td>", escape(&shortened(&text, 24)));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>\n");
    out
}

/// What became of a trial.
fn state(one: &TuneTrial, best: usize) -> String {
    match one.state {
        TrialState::Failed => "failed".into(),
        TrialState::Finished if one.trial == best => "the best".into(),
        TrialState::Finished => "trained to the end".into(),
        TrialState::Dropped => format!("dropped after round {}", one.rounds.len()),
        TrialState::Running => "not through".into(),
    }
}

fn how(outcome: &TuneOutcome, about: &About) -> String {
    let shares: Vec<String> = outcome
        .plan
        .rounds()
        .iter()
        .map(|parts| match parts {
            1 => "to their end".to_owned(),
            3 => "to a third of their epochs".into(),
            9 => "to a ninth of their epochs".into(),
            parts => format!("to one of {parts} parts of their epochs"),
        })
        .collect();
    let redrawn: u32 = outcome.trials.iter().map(|one| one.redrawn).sum();
    let mut out = String::from("<div class=\"panel\"><p>");
    let rule = match shares.len() {
        1 => "All trials were trained to their end.".to_owned(),
        _ => format!(
            "Random search with successive halving: the trials were trained {}; after each round the best of {GOES_ON} went on, \
             from where they were.",
            shares.join(", then ")
        ),
    };
    let redrawn = match redrawn {
        0 => String::new(),
        1 => " One draw that the data left no room for was drawn again.".into(),
        many => format!(" {} draws that the data left no room for were drawn again.", count(many as usize)),
    };
    let first = match outcome.plan.seeds {
        None => " Trial 1 has the settings that were given, with defaults for the rest.".to_owned(),
        Some(1) => " There is one for every combination of the values.".into(),
        Some(seeds) => format!(
            " There are {} for every combination of the values, each from another seed.",
            count(seeds)
        ),
    };
    let _ = write!(
        out,
        "{}{} Trials are compared on the validation part by what chooses their best epoch; the test part decided nothing.{}</p>\
         <dl class=\"facts\">",
        escape(&rule),
        escape(&first),
        escape(&redrawn)
    );
    for (row, range) in &outcome.searched {
        frame::fact(&row.name.replace('_', " "), &range.to_string(), &mut out);
    }
    out.push_str("</dl>");
    for (words, command) in [
        ("Search again, with the same result:", &about.command),
        ("Use the best model:", &about.predict_command),
    ] {
        if !command.is_empty() {
            let _ = write!(out, "<p>{words}</p><pre><code>{}</code></pre>", escape(command));
        }
    }
    out.push_str("</div>\n");
    out
}
