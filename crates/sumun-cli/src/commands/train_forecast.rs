//! `sumun train forecast`: from a CSV file to a trained, measured and saved forecaster.

use std::path::Path;

use serde_json::{Value, json};
use sumun::forecast::{Evaluation, ForecastConfig, ReportNotes, TASK, Trained, Training, finish_run};
use sumun::run::{Checkpoint, LiveRun, REPORT_FILE, RUNS, RunFolder, default_path};
use sumun::train::{Ending, Progress};

use super::report::{command_line, now};
use super::train_task::{Common, again, interrupted, save_every};
use crate::arguments::on_threads;
use crate::failure::Failure;
use crate::interrupt::stop_flag;
use crate::output::{print_json, tell};
use crate::progress::Display;
use crate::scores;
use crate::terminal::{Style, duration, file_name, left, shell_word, shortened, wrapped};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun train forecast data/electricity.csv --target value --horizon 24
  sumun train forecast sales.csv --target units --known holiday,price --horizon 8
  sumun train forecast 온실.csv --target 온도,습도 --missing interpolate --out runs/온실
  sumun train forecast data.csv --target y --json --quiet | jq .metrics.test
  sumun train --resume runs/forecast-sales-1

The run folder holds model.safetensors, config.toml, metrics.jsonl, results.json and report.html. Ctrl-C saves and stops; \
--resume goes on to the same bits. With --json the last line of stdout is one object: task, run, report, epochs, \
best_epoch, seconds, parameters, metrics.valid, metrics.test and baselines.NAME, each with mae, rmse, smape, mase and loss \
(null if undefined). An option given twice: the last wins. A column name with a comma in it goes in double quotes.";

/// Trains from the beginning.
pub(super) fn begin(config: ForecastConfig, common: Common) -> Result<(), Failure> {
    let Common { threads, out, json, quiet, .. } = common;
    let place = || out.clone().unwrap_or_else(|| default_path(RUNS.as_ref(), TASK, &config.data.train));
    // Whether a run can be written is known before the work.
    drop(RunFolder::stage(place())?);
    let stop = stop_flag(quiet)?;
    let every = save_every(config.train.save_every);
    on_threads(threads, || {
        let training = Training::begin(config.clone())?;
        let staged = RunFolder::stage(place())?;
        let live =
            LiveRun::begin(staged, &training.config().to_toml()?, &training.checkpoint()?, every, stop)?;
        learn(training, live, &command_line(), Vec::new(), quiet, json)
    })?
}

/// Goes on with a training that was interrupted.
pub(super) fn resume(
    run: &Path,
    live: LiveRun,
    checkpoint: Checkpoint,
    common: &Common,
) -> Result<(), Failure> {
    let &Common { threads, quiet, json, .. } = common;
    on_threads(threads, || {
        let (training, notes) = Training::resume(checkpoint)?;
        let live = live.every(save_every(training.config().train.save_every));
        learn(training, live, &again(run), notes, quiet, json)
    })?
}

/// Trains to the end, or until Ctrl-C. `command` is what repeats it.
fn learn(
    mut training: Training,
    mut live: LiveRun,
    command: &str,
    notes: Vec<String>,
    quiet: bool,
    json: bool,
) -> Result<(), Failure> {
    let mut display = Display::new(quiet);
    notes.iter().chain(training.notes()).for_each(|note| display.note(note));
    let ending = training.run(&mut display, &mut live);
    display.finish();
    let folder = live.path().to_path_buf();
    match ending {
        Ok(Ending::Interrupted) => return Err(interrupted(&folder, &training.config().data.train)),
        Ok(_) => {}
        // It would do so again from any checkpoint.
        Err(error @ sumun::Error::Diverged { .. }) => {
            live.discard()?;
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    }
    let (trained, used) = training.finish()?;
    let about = ReportNotes {
        created: now(),
        command: command.to_owned(),
        predict_command: predict_command(&folder, &trained),
        threads: rayon::current_num_threads(),
    };
    finish_run(&trained, &used, live, &about)?;
    if !quiet {
        summary(&trained, &folder, Style::for_stderr()).lines().for_each(tell);
    }
    if json {
        print_json(&as_json(&trained, &folder))?;
    }
    Ok(())
}

/// How to go on: a model that needs columns known ahead, of which the training file held none, needs a file.
fn predict_command(folder: &Path, trained: &Trained) -> String {
    let config = trained.forecaster.config();
    let p = &config.preprocessing;
    let ahead = config.history.ahead.first().map_or(usize::MAX, Vec::len);
    let file = if ahead < p.horizon { " FILE" } else { "" };
    format!("sumun predict {}{file}", shell_word(&folder.display().to_string()))
}

fn parameters(trained: &Trained) -> usize {
    trained.forecaster.summary().iter().map(|layer| layer.parameters).sum()
}

fn as_json(trained: &Trained, folder: &Path) -> Value {
    let part = |evaluation: &Option<Evaluation>| {
        evaluation.as_ref().map_or(Value::Null, |e| scores::as_json(&e.model.overall))
    };
    // The baselines are those of the test part; without one, of the validation part.
    let measured = trained.test.as_ref().or(trained.valid.as_ref());
    json!({
        "task": "forecast",
        "run": folder.to_string_lossy(),
        "report": folder.join(REPORT_FILE).to_string_lossy(),
        "epochs": trained.epochs.len(),
        "best_epoch": trained.best_epoch,
        "seconds": trained.seconds,
        "parameters": parameters(trained),
        "metrics": { "valid": part(&trained.valid), "test": part(&trained.test) },
        "baselines": measured.map(scores::baselines_json).unwrap_or_default(),
    })
}

/// The widest line of the summary, in terminal columns.
const COLUMNS: usize = 78;

/// What a person wants to know after a training: the data, the choices, the scores, and what to type next.
fn summary(trained: &Trained, folder: &Path, style: Style) -> String {
    let resolved = &trained.resolved;
    let split = &resolved.split;
    let mut text = String::from("\n");
    let mut fact = |name: &str, facts: &[String]| {
        for (i, line) in facts.iter().enumerate() {
            let name = left(if i == 0 { name } else { "" }, NAME_COLUMNS);
            text += &format!("{}{line}\n", style.dim(&name));
        }
    };
    let rows = |range: &std::ops::Range<usize>| crate::terminal::count(range.len());
    let labels = &trained.data.labels;
    let mut data =
        format!("{}: {} rows", shortened(file_name(&trained.data.source), 40), rows(&(0..labels.len())));
    if !trained.data.frequency.is_empty() {
        data += &format!(", {}", trained.data.frequency);
    }
    let mut facts = vec![data];
    if let (Some(first), Some(last)) = (labels.first(), labels.last())
        && resolved.time.is_some()
    {
        facts.push(format!("{first} … {last}"));
    }
    facts.push(format!(
        "{} to learn, {} to decide, {} to measure",
        rows(&split.train),
        rows(&split.valid),
        rows(&split.test)
    ));
    fact("data", &facts);
    let steps = |n: usize| if n == 1 { "1 step".to_owned() } else { format!("{n} steps") };
    fact(
        "model",
        &[format!(
            "{}{} of {} units, {} parameters; {} ahead from {} rows",
            if resolved.layers == 1 { String::new() } else { format!("{} × ", resolved.layers) },
            resolved.cell.to_string().to_uppercase(),
            resolved.hidden,
            crate::terminal::count(parameters(trained)),
            steps(resolved.horizon),
            resolved.window
        )],
    );
    for choice in &trained.choices {
        let value = format!("{} – ", choice.value);
        let lines = wrapped(&format!("{value}{}", choice.reason), COLUMNS - NAME_COLUMNS);
        fact(&choice.name, &lines);
    }
    let early = if trained.stopped_early { ", stopped early" } else { "" };
    fact(
        "training",
        &[format!(
            "{} epochs{early}, best {}; {} in all",
            trained.epochs.len(),
            trained.best_epoch,
            duration(trained.seconds)
        )],
    );
    let targets: Vec<&str> = resolved.targets.iter().map(String::as_str).collect();
    let measured = trained
        .test
        .as_ref()
        .map(|e| ("test part", e))
        .or(trained.valid.as_ref().map(|e| ("validation part", e)));
    if let Some((part, evaluation)) = measured {
        text += &format!("\n{}", scores::table(part, evaluation, &targets, style));
        if let Some(verdict) = scores::verdict(evaluation) {
            let sentence = if verdict.better {
                style.green(&style.bold(&verdict.sentence))
            } else {
                format!(
                    "{}\n{}",
                    style.bold(&verdict.sentence),
                    style.dim("try a longer --window, more --epochs or more data, or use the baseline")
                )
            };
            text += &format!("\n{sentence}\n");
        }
    }
    let path = folder.display().to_string();
    text += "\n";
    let end = |name: &str, value: &str| format!("{}{value}\n", style.dim(&left(name, NAME_COLUMNS)));
    text += &end("run", &path);
    text += &end("report", &folder.join(REPORT_FILE).display().to_string());
    let next = predict_command(folder, trained);
    let hint = match next.ends_with(" FILE") {
        true => format!("\n{}", style.dim("FILE must hold the --known columns of the steps ahead")),
        false => String::new(),
    };
    text + &end("next", &format!("{}{hint}", style.cyan(&next)))
}

/// How wide the names on the left of the summary are.
const NAME_COLUMNS: usize = 12;
