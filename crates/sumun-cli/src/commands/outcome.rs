//! What a training came to, for people and for programs.

use std::path::Path;

use serde_json::{Value, json};
use sumun::run::REPORT_FILE;
use sumun::tasks::{Evaluated, Folds, Next, Outcome};

use crate::figures;
use crate::language::said;
use crate::scores;
use crate::terminal::{Style, duration, file_name, left, shell_word, shortened, wrapped};

/// How wide the names on the left of the summary are.
const NAME_COLUMNS: usize = 12;
/// The widest line of the summary, in terminal columns.
const COLUMNS: usize = 78;

/// How to use a model.
pub(super) fn next_command(next: Next, folder: &Path) -> String {
    let run = shell_word(&folder.display().to_string());
    match next {
        Next::Generate => format!("sumun generate {run}"),
        Next::Predict => format!("sumun predict {run}"),
        Next::PredictFile | Next::PredictKnown => format!("sumun predict {run} FILE"),
    }
}

/// The outcome as one object.
pub(super) fn as_json(outcome: &dyn Outcome, folder: &Path) -> Value {
    let (results, parts) = (outcome.results(), outcome.evaluated());
    let figures = |name: &str| match parts.iter().find(|part| part.part() == name) {
        Some(Evaluated::Figures(measured)) => figures::as_json(&measured.figures),
        Some(Evaluated::Forecasts { evaluation, .. }) => scores::as_json(&evaluation.model.overall),
        Some(Evaluated::Panel { evaluation, .. }) => scores::panel_model_json(evaluation),
        None => Value::Null,
    };
    let mut object = json!({
        "task": results.task,
        "run": folder.to_string_lossy(),
        "report": folder.join(REPORT_FILE).to_string_lossy(),
        "epochs": results.epochs,
        "best_epoch": results.best_epoch,
        "seconds": results.seconds,
        "parameters": results.parameters,
        "metrics": { "valid": figures("valid"), "test": figures("test") },
        "notes": results.notes,
    });
    // The baselines are those of the test part; without one, of the validation part.
    object["baselines"] = match parts.last() {
        Some(Evaluated::Figures(measured)) => figures::baseline_json(measured),
        Some(Evaluated::Forecasts { evaluation, .. }) => scores::baselines_json(evaluation).into(),
        Some(Evaluated::Panel { evaluation, .. }) => scores::panel_baselines_json(evaluation).into(),
        None if outcome.forecasts() => json!({}),
        None => Value::Null,
    };
    if !outcome.forecasts() {
        object["classes"] = match parts.last() {
            Some(Evaluated::Figures(measured)) => figures::classes_json(measured),
            _ => Value::Null,
        };
    }
    object
}

/// What a person wants to know after a training: the data, the choices, the scores, and what to type next.
pub(super) fn summary(outcome: &dyn Outcome, folds: Option<&Folds>, folder: &Path, style: Style) -> String {
    let (facts, results) = (outcome.facts(), outcome.results());
    let mut text = String::from("\n");
    let mut fact = |name: &str, lines: &[String]| {
        for (i, line) in lines.iter().enumerate() {
            let name = left(if i == 0 { name } else { "" }, NAME_COLUMNS);
            text += &format!("{}{line}\n", style.dim(&name));
        }
    };
    let mut data: Vec<String> = facts.data.iter().map(|line| said(line).into_owned()).collect();
    if let Some(first) = data.first_mut() {
        *first = format!("{}: {first}", shortened(file_name(&facts.file), 40));
    }
    fact(&said("data"), &data);
    fact(&said("model"), &wrapped(&said(&facts.model), COLUMNS - NAME_COLUMNS));
    for [name, value, reason] in &facts.choices {
        // A word alone is a value of the setting.
        let value = if value.contains(' ') { said(value) } else { value.into() };
        fact(name, &wrapped(&format!("{value} – {}", said(reason)), COLUMNS - NAME_COLUMNS));
    }
    let early = if outcome.stopped_early() { ", stopped early" } else { "" };
    let time = duration(results.seconds);
    // A baseline that forecasts has none.
    if results.epochs > 0 {
        fact(
            &said("training"),
            &[said(&format!("{} epochs{early}, best {}; {time} in all", results.epochs, results.best_epoch))
                .into_owned()],
        );
    }
    match outcome.evaluated().last() {
        Some(Evaluated::Figures(measured)) => {
            text += &format!("\n{}", figures::table(measured, style));
            text += &format!("\n{}\n", figures::verdict(measured, style));
        }
        Some(Evaluated::Forecasts { part, targets, evaluation, .. }) => {
            let part = if part == "test" { "test part" } else { "validation part" };
            text += &format!("\n{}", scores::table(part, evaluation, targets, style));
            if let Some(verdict) = scores::verdict(evaluation) {
                text += &format!("\n{}\n", verdict.written(style));
            }
        }
        Some(Evaluated::Panel { part, names, evaluation, .. }) => {
            let part = if part == "test" { "test parts" } else { "validation parts" };
            text += &format!("\n{}", scores::panel_table(part, evaluation, names, style));
            if let Some(verdict) = scores::panel_verdict(evaluation) {
                text += &format!("\n{}\n", verdict.written(style));
            }
        }
        None => {}
    }
    if let Some(folds) = folds {
        text += &format!("\n{}", figures::folds_table(folds, style));
    }
    text.push('\n');
    let mut end = |name: &str, value: &str| {
        text += &format!("{}{value}\n", style.dim(&left(&said(name), NAME_COLUMNS)));
    };
    end("run", &folder.display().to_string());
    end("report", &folder.join(REPORT_FILE).display().to_string());
    end("next", &style.cyan(&next_command(outcome.next(), folder)));
    if outcome.next() == Next::PredictKnown {
        text += &format!("{}\n", style.dim(&said("FILE must hold the --known columns of the steps ahead")));
    }
    text
}
