//! Several runs on one page: their curves over each other, their figures, and the settings in which they differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::curves::{is_share, plain, titled};
use super::figures::{Room, figure, spans_decades};
use super::frame::{self, Frame, section};
use super::svg::{Chart, Line, Scale, XAxis};
use super::text::{count, counted, duration, escape, fixed, number, shortened};
use crate::run::{PartResults, RunEntry, RunState, different_scales};
use crate::train::EpochRecord;
use crate::{Error, Result};

/// As many runs have a colour of their own.
const COLOURS: [&str; 8] =
    ["c-model", "c-base0", "c-base1", "c-future", "c-base3", "c-base2", "c-actual", "c-train"];

/// Compares runs on one self-contained HTML page. `created` is when, as text. Errors: fewer than two runs, more than
/// eight, the same one twice, and a run that has neither figures nor finished an epoch.
pub fn compare_report(runs: &[RunEntry], created: &str) -> Result<String> {
    let (given, most) = (runs.len(), COLOURS.len());
    if given < 2 {
        return Err(Error::Invalid(format!(
            "{} to compare; give 2 to {most} run folders",
            counted(given, "run")
        )));
    }
    if given > most {
        return Err(Error::Invalid(format!("compare at most {most} runs at once; got {given}")));
    }
    for (i, run) in runs.iter().enumerate() {
        if runs[..i].iter().any(|other| other.path == run.path) {
            return Err(Error::Invalid(format!("{} is given twice; give each run once", run.path.display())));
        }
        // A series that is too short for a network has figures and no epochs.
        if run.epochs.is_empty() && run.results.is_none() {
            return Err(Error::Data(format!(
                "{}: has neither figures nor an epoch in its metrics.jsonl to compare; leave it out or train it further",
                run.path.display()
            )));
        }
    }
    let runs: Vec<Compared<'_>> = named(runs);
    let mut body = String::new();
    frame::notes(&notes(&runs), &mut body);
    section("figures", "Figures", &scores(&runs), &mut body);
    if runs.iter().any(|run| !run.run.epochs.is_empty()) {
        section("curves", "Curves", &curves(&runs), &mut body);
    }
    section("settings", "Settings that differ", &settings(&runs), &mut body);
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    let frame = Frame {
        title: &format!("{} compared", counted(runs.len(), "run")),
        kind: "Comparison",
        subtitle: &names.join(", "),
        created,
        version: env!("CARGO_PKG_VERSION"),
    };
    Ok(frame.page(&body))
}

struct Compared<'a> {
    name: String,
    class: &'static str,
    run: &'a RunEntry,
}

/// Each run by its folder's name, or by its path where two folders have the same name.
fn named(runs: &[RunEntry]) -> Vec<Compared<'_>> {
    let last = |run: &RunEntry| run.path.file_name().map(|name| name.to_string_lossy().into_owned());
    runs.iter()
        .zip(COLOURS)
        .map(|(run, class)| {
            let alone = runs.iter().filter(|other| last(other) == last(run)).count() == 1;
            let name = last(run).filter(|_| alone).unwrap_or_else(|| run.path.display().to_string());
            Compared { name, class, run }
        })
        .collect()
}

fn notes(runs: &[Compared<'_>]) -> Vec<String> {
    let mut notes = Vec::new();
    let of = |value: fn(&RunEntry) -> &str| runs.iter().map(|r| value(r.run)).collect::<BTreeSet<&str>>();
    let listed = |all: BTreeSet<&str>| all.into_iter().collect::<Vec<_>>().join(", ");
    let tasks = of(|run| &run.task);
    if tasks.len() > 1 {
        notes.push(format!(
            "The runs learn different tasks ({}): their losses mean different things.",
            listed(tasks)
        ));
    }
    let data = of(|run| &run.data);
    if data.len() > 1 {
        notes.push(format!("The runs learn from different files ({}).", listed(data)));
    }
    let apart: Vec<String> =
        columns(runs).into_iter().filter(|(key, _)| apart(runs, key)).map(|(key, _)| titled(key)).collect();
    if !apart.is_empty() {
        notes.push(format!(
            "On different scales, and not to be ranked: {}. The runs differ in data, steps ahead or season.",
            apart.join(", ")
        ));
    }
    for run in runs.iter().filter(|run| run.run.state != RunState::Finished) {
        notes.push(format!("{} is not finished: it has been through {}.", run.name, epochs_of(run)));
    }
    notes
}

fn epochs_of(run: &Compared<'_>) -> String {
    counted(run.run.epochs.len(), "epoch")
}

fn key(run: &Compared<'_>) -> String {
    format!("<span class=\"key {}\"></span>{}", run.class, escape(&run.name))
}

/// The figures that some run has, and whether more of each is better.
fn columns<'a>(runs: &[Compared<'a>]) -> Vec<(&'a str, bool)> {
    let mut columns: Vec<(&str, bool)> = Vec::new();
    for figure in runs.iter().filter_map(|r| r.run.results.as_ref()?.judged()).flat_map(|part| &part.figures)
    {
        if !columns.iter().any(|(key, _)| *key == figure.key) {
            columns.push((&figure.key, figure.more_is_better));
        }
    }
    columns
}

/// Whether a figure is on different scales in different runs.
fn apart(runs: &[Compared<'_>], key: &str) -> bool {
    let parts: Vec<(&str, &PartResults)> = runs
        .iter()
        .filter_map(|run| Some((run.name.as_str(), run.run.results.as_ref()?.judged()?)))
        .collect();
    different_scales(&parts, key).is_some()
}

/// Every figure of the part by which each run is judged, the baseline's below it.
fn scores(runs: &[Compared<'_>]) -> String {
    let columns = columns(runs);
    let mut out = String::from(
        "<div class=\"panel scroll\"><table class=\"scores\"><thead><tr><th>run</th><th>part</th>",
    );
    for (column, more) in &columns {
        let _ = write!(out, "<th>{} {}</th>", escape(&titled(column)), if *more { "↑" } else { "↓" });
    }
    out.push_str("<th>epochs</th><th>training time</th><th>parameters</th></tr></thead><tbody>");
    let figure = |run: &Compared<'_>, key: &str| -> Option<(f64, Option<f64>)> {
        let part = run.run.results.as_ref()?.judged()?;
        let figure = part.figures.iter().find(|figure| figure.key == key)?;
        Some((figure.model?, figure.baseline))
    };
    // None where the column ranks nothing.
    let best = |&(column, more): &(&str, bool)| {
        let all = runs.iter().filter_map(|run| figure(run, column)).map(|(value, _)| value);
        let best = if more { all.fold(f64::MIN, f64::max) } else { all.fold(f64::MAX, f64::min) };
        (!apart(runs, column)).then_some(best)
    };
    let best: Vec<Option<f64>> = columns.iter().map(best).collect();
    for run in runs {
        let results = run.run.results.as_ref();
        let part = results.and_then(|r| r.judged()).map_or("–", |part| part.part.as_str());
        let _ = write!(out, "<tr><th>{}</th><th>{}</th>", key(run), escape(part));
        for ((column, _), best) in columns.iter().zip(&best) {
            let Some((value, baseline)) = figure(run, column) else {
                out.push_str("<td>–</td>");
                continue;
            };
            let written = written(column, value);
            let class = if Some(value) == *best { " class=\"best\"" } else { "" };
            let baseline = baseline.map_or_else(String::new, |b| {
                format!("<small>baseline {}</small>", self::written(column, b))
            });
            let _ = write!(out, "<td{class}><b>{written}</b>{baseline}</td>");
        }
        let epochs = match results {
            Some(results) if results.epochs == 0 => "–".into(),
            Some(results) => format!("{}, best {}", count(results.epochs), count(results.best_epoch)),
            None => count(run.run.epochs.len()),
        };
        let seconds = run.run.epochs.iter().map(|e| e.seconds).sum();
        let parameters = results.map_or_else(|| "–".into(), |results| count(results.parameters));
        let _ = write!(
            out,
            "<td>{epochs}</td><td>{}</td><td>{parameters}</td></tr>",
            duration(results.map_or(seconds, |results| results.seconds))
        );
    }
    out.push_str("</tbody></table></div>\n<p class=\"small\">The best of each column is marked; ↑ more is better, ↓ less is.</p>\n");
    out
}

/// A figure in the unit of [`titled`].
fn written(key: &str, value: f64) -> String {
    if is_share(key) { fixed(100.0 * value, 1) } else { number(value) }
}

fn curves(runs: &[Compared<'_>]) -> String {
    let mut out = String::from("<div class=\"pair\">\n");
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for run in runs {
        names.extend(run.run.epochs.iter().flat_map(|e| e.figures.keys().map(String::as_str)));
    }
    type Value<'a> = Box<dyn Fn(&EpochRecord) -> f64 + 'a>;
    // Each with its heading, its axis, and whether it is a share.
    let mut all: Vec<(String, String, bool, Value<'_>)> = vec![
        ("Training loss".into(), "loss".into(), false, Box::new(|e| e.train_loss)),
        ("Validation loss".into(), "loss".into(), false, Box::new(|e| e.valid_loss.unwrap_or(f64::NAN))),
    ];
    for name in names {
        let share = is_share(name);
        let factor = if share { 100.0 } else { 1.0 };
        let value = move |e: &EpochRecord| e.figures.get(name).map_or(f64::NAN, |v| factor * v);
        all.push((format!("Validation {}", plain(name)), titled(name), share, Box::new(value)));
    }
    all.push(("Learning rate".into(), "learning rate".into(), false, Box::new(|e| e.learning_rate)));
    let norm = "gradient norm before clipping";
    all.push(("Gradient".into(), norm.into(), false, Box::new(|e| e.gradient_norm)));
    for (heading, title, shares, value) in all {
        let line = |run: &Compared<'_>| Line {
            name: run.name.clone(),
            class: run.class.into(),
            points: run.run.epochs.iter().map(|e| (e.epoch as f64, value(e))).collect(),
            dots: run.run.epochs.len() <= 2,
        };
        let lines: Vec<Line> = runs.iter().filter(|run| !run.run.epochs.is_empty()).map(line).collect();
        // No run of them has a validation part, for example.
        if !lines.iter().any(|line| line.points.iter().any(|p| p.1.is_finite())) {
            continue;
        }
        let wide = spans_decades(&lines);
        let chart = Chart {
            name: format!("{heading} of each run by epoch"),
            description: format!("The {title} of each run after each epoch."),
            x: XAxis { title: "epoch".into(), whole: true, ..XAxis::default() },
            y_title: format!("{title}{}", if wide { ", log scale" } else { "" }),
            y_scale: if wide { Scale::Logarithmic } else { Scale::Linear },
            shares,
            // A figure that only one run has needs the run's name most.
            always_named: true,
            lines,
            ..Chart::default()
        };
        out.push_str(&figure(&heading, "", &chart, Room::Half));
    }
    out.push_str("</div>\n");
    out
}

/// The settings that are not the same in all runs, the files aside that a run does not learn from.
fn settings(runs: &[Compared<'_>]) -> String {
    let mut names: BTreeMap<&str, BTreeSet<Option<&str>>> = BTreeMap::new();
    for name in runs.iter().flat_map(|run| run.run.settings.keys()) {
        let values = runs.iter().map(|run| run.run.settings.get(name).map(String::as_str)).collect();
        names.insert(name, values);
    }
    names.retain(|_, values| values.len() > 1);
    if names.is_empty() {
        return "<p>All settings are the same.</p>\n".into();
    }
    let mut out =
        String::from("<div class=\"panel scroll\"><table class=\"numbers\"><thead><tr><th>setting</th>");
    for run in runs {
        let _ = write!(out, "<th>{}</th>", key(run));
    }
    out.push_str("</tr></thead><tbody>");
    for name in names.keys() {
        let _ = write!(out, "<tr><th>{}</th>", escape(name));
        for run in runs {
            let value = run.run.settings.get(*name).map_or("–", String::as_str);
            let _ = write!(out, "<td>{}</td>", escape(&shortened(value, 60)));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::check;
    use crate::run::{FigureResult, RunResults};

    fn run(path: &str, epochs: usize, accuracy: f64, lr: &str) -> RunEntry {
        let epoch = |epoch: usize| EpochRecord {
            epoch,
            train_loss: 1.0 / epoch as f64,
            valid_loss: Some(1.1 / epoch as f64),
            figures: [("accuracy".to_owned(), 1.0 - 0.5 / epoch as f64)].into(),
            learning_rate: 0.1,
            gradient_norm: 1.0,
            layer_norms: Vec::new(),
            clipped: 0.5,
            rows_per_second: 1.0,
            seconds: 1.0,
        };
        let figure = FigureResult {
            key: "accuracy".into(),
            model: Some(accuracy),
            baseline: Some(0.25),
            more_is_better: true,
            scale: None,
        };
        let part = PartResults {
            part: "test".into(),
            imputed: 0,
            baseline: "always 'a'".into(),
            figures: vec![figure],
            baselines: Vec::new(),
        };
        RunEntry {
            path: path.into(),
            state: RunState::Finished,
            task: "classify".into(),
            data: "a<b>.csv".into(),
            results: Some(RunResults {
                task: "classify".into(),
                data: "a<b>.csv".into(),
                epochs,
                best_epoch: epochs,
                seconds: 3.0,
                parameters: 1234,
                parts: vec![part],
                notes: Vec::new(),
            }),
            epochs: (1..=epochs).map(epoch).collect(),
            settings: [("train.lr".to_owned(), lr.to_owned()), ("task".into(), "classify".into())].into(),
            changed: std::time::SystemTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn runs_are_overlaid_with_what_differs() {
        let mut third = run("runs/셋", 9, 0.5, "0.1");
        (third.state, third.results) = (RunState::Interrupted, None);
        let page =
            compare_report(&[run("a/one", 5, 0.9, "0.1"), run("b/one", 3, 0.8, "<0.2>"), third], "today")
                .unwrap();
        check::well_formed(&page).unwrap();
        for part in [
            "3 runs compared",
            "<td class=\"best\"><b>90.0</b><small>baseline 25.0</small></td>",
            "<td><b>80.0</b>",
            "a/one",
            "b/one",
            "셋 is not finished: it has been through 9 epochs.",
            "Training loss of each run by epoch",
            "accuracy (%)",
            "<th>train.lr</th><td>0.1</td><td>&lt;0.2&gt;</td>",
        ] {
            assert!(page.contains(part), "{part:?} is missing");
        }
        assert!(!page.contains("<th>task</th>"), "what is the same is left out");
    }

    #[test]
    fn figures_on_different_scales_are_not_ranked() {
        let scaled = |path: &str, scale: &str| {
            let mut run = run(path, 2, 0.5, "1");
            let figure = |results: &mut RunResults| {
                results.parts[0].figures[0].scale = Some(scale.into());
            };
            run.results.iter_mut().for_each(figure);
            run
        };
        let page = compare_report(&[scaled("one", "season 24"), scaled("two", "season 168")], "").unwrap();
        assert!(page.contains("On different scales, and not to be ranked: accuracy"), "{page}");
        assert!(!page.contains("<td class=\"best\">"));
        let page = compare_report(&[scaled("one", "season 24"), scaled("two", "season 24")], "").unwrap();
        assert!(!page.contains("On different scales") && page.contains("<td class=\"best\">"));
    }

    #[test]
    fn a_curve_of_one_run_is_named_and_shares_end_at_100() {
        let (mut one, mut other) = (run("one", 3, 0.5, "1"), run("other", 3, 0.5, "2"));
        other.epochs.iter_mut().for_each(|e| e.figures.clear());
        one.epochs.iter_mut().for_each(|e| e.figures = [("accuracy".to_owned(), 1.0)].into());
        let page = compare_report(&[one, other], "").unwrap();
        let accuracy = page.split("<h3>Validation accuracy</h3>").nth(1).unwrap();
        let accuracy = accuracy.split("</figure>").next().unwrap();
        assert!(accuracy.contains("<ul class=\"legend\"><li class=\"c-model\">one</li></ul>"), "{accuracy}");
        assert!(accuracy.contains(">100</text>") && !accuracy.contains(">105</text>"), "{accuracy}");
        assert!(!accuracy.contains(">110</text>"), "{accuracy}");
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let one = run("one", 2, 0.5, "1");
        let refused = |runs: &[RunEntry]| compare_report(runs, "").unwrap_err().to_string();
        assert_eq!(refused(std::slice::from_ref(&one)), "1 run to compare; give 2 to 8 run folders");
        assert_eq!(refused(&[one.clone(), one.clone()]), "one is given twice; give each run once");
        let many: Vec<RunEntry> = (0..12).map(|i| run(&i.to_string(), 2, 0.5, "1")).collect();
        assert_eq!(refused(&many), "compare at most 8 runs at once; got 12");
        let empty = RunEntry { results: None, ..run("two", 0, 0.5, "1") };
        let message = refused(&[one, empty]);
        assert!(
            message.starts_with("two: has neither figures nor an epoch in its metrics.jsonl"),
            "{message}"
        );
    }

    /// A series that is too short for a network has the figures of a simple forecast.
    #[test]
    fn a_run_without_a_network_is_compared_by_its_figures() {
        let page = compare_report(&[run("one", 2, 0.5, "1"), run("short", 0, 0.75, "2")], "now").unwrap();
        check::well_formed(&page).unwrap();
        assert!(page.contains("<b>75.0</b>") && page.contains("<td>–</td>"));
        assert!(page.contains("Training loss of each run"));
        let none = compare_report(&[run("one", 0, 0.5, "1"), run("short", 0, 0.75, "2")], "now").unwrap();
        assert!(none.contains("<b>75.0</b>") && !none.contains("Training loss of each run"));
        assert!(
            !page.contains("There is nothing to draw here")
                && !none.contains("There is nothing to draw here")
        );
    }
}
