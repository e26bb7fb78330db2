//! `sumun train TASK` and `sumun train --resume`: from a file to a trained, measured and saved model, in a run that may
//! be interrupted at any moment. What a task is and learns, the library knows.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::error::{ContextKind, ErrorKind};
use serde_json::json;
use sumun::forecast::{ContinuedPart, compare_continued, continue_settings};
use sumun::run::{CONFIG_FILE, LiveRun, REPORT_FILE, RUNS, RunFolder, default_path};
use sumun::tasks::{
    About, AnyTraining, Outcome, SETTINGS, TaskEntry, configure, keep, measure_folds, named,
    resume as resume_training,
};
use sumun::train::{Ending, Progress};
use toml::Table;

use super::outcome::{as_json, next_command, summary};
use super::report::{command_line, now};
use crate::arguments::{Output, on_threads};
use crate::failure::Failure;
use crate::figures;
use crate::interrupt::stop_flag;
use crate::language::{rewrite_page, said};
use crate::output::{print_json, tell};
use crate::progress::{Display, tell_note};
use crate::spelling::Options;
use crate::task_call::{Configured, TaskCall, TaskCommand};
use crate::terminal::{Style, left, number, right, shell_word, width};

const OUTPUT: &str = "Output";

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun train forecast data/electricity.csv --target value --horizon 24
  sumun train classify data/japanese_vowels/train.jsonl --test data/japanese_vowels/test.jsonl
  sumun train --config run.toml --set train.lr=0.01
  sumun train --resume runs/classify-train-1
  sumun train --continue runs/forecast-sales-1 january.csv --out runs/january

Ctrl-C saves and stops a training; --resume goes on to the same bits.";

/// The arguments of `sumun train`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    task: Option<TaskCall<Common>>,
    /// Resume a training that was interrupted; it ends at the same bits
    #[arg(long, value_name = "RUN", conflicts_with_all = ["config", "set", "out"])]
    resume: Option<PathBuf>,
    /// Go on from a finished run's weights with newer rows, in a run of its own: its scalers and choices are kept
    #[arg(long = "continue", num_args = 2, value_names = ["RUN", "FILE"], conflicts_with_all = ["config", "resume"])]
    go_on: Option<Vec<PathBuf>>,
    #[command(flatten)]
    common: Common,
}

/// What every training takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    #[command(flatten)]
    from: Configured,
    /// The folder of the run, which must not exist yet [default: runs/TASK-FILE-1, -2, …]
    #[arg(long, value_name = "DIR", help_heading = OUTPUT)]
    out: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

impl TaskCommand for Common {
    fn about(task: &dyn TaskEntry) -> String {
        task.purpose().to_owned()
    }

    fn examples(task: &dyn TaskEntry) -> String {
        examples(task.name()).to_owned()
    }

    fn configured(&self) -> &Configured {
        &self.from
    }
}

/// The examples below the help of a task's command.
fn examples(task: &str) -> &'static str {
    match task {
        "forecast" => FORECAST_EXAMPLES,
        "classify" => CLASSIFY_EXAMPLES,
        "regress" => REGRESS_EXAMPLES,
        "tag" => TAG_EXAMPLES,
        "lm" => LM_EXAMPLES,
        "translate" => TRANSLATE_EXAMPLES,
        "simulate" => SIMULATE_EXAMPLES,
        _ => "",
    }
}

const FORECAST_EXAMPLES: &str = "\
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

const CLASSIFY_EXAMPLES: &str = "\
Examples:
  sumun train classify data/japanese_vowels/train.jsonl --test data/japanese_vowels/test.jsonl
  sumun train classify reviews.csv --text review --label stars --threshold 3
  sumun train classify posts.csv --labels tags
  sumun train classify questions.jsonl --text question --label kind --vectors glove.6B.100d.txt
  sumun train --resume runs/classify-reviews-1

CSV and TSV have a column of text and one of labels; JSON lines may have a list of numbers \"x\" instead, one list a
channel. Ctrl-C saves and stops; --resume goes on to the same bits.";

const REGRESS_EXAMPLES: &str = "\
Examples:
  sumun train regress reviews.csv --text review --label stars
  sumun train regress sensors.jsonl --label wear --x signal --cell gru
  sumun train --resume runs/regress-reviews-1";

const TAG_EXAMPLES: &str = "\
Examples:
  sumun train tag data/slots/train.conll --test data/slots/test.conll
  sumun train tag train.conllu --valid dev.conllu --test test.conllu
  sumun train tag sentences.jsonl --tokens words --tags labels

A sentence is a JSON line with two lists of equal length, or CoNLL: a token a line, a blank line between sentences.";

const LM_EXAMPLES: &str = "\
Examples:
  sumun train lm data/korean_constitution.txt --test 0.1
  sumun train lm novel.txt --level word --hidden 512
  sumun generate runs/lm-korean_constitution-1 --prompt '대한민국'";

const SIMULATE_EXAMPLES: &str = "\
Examples:
  sumun train simulate data/basins/basins.csv --target runoff --features rain,temperature --series basin --static area,slope
  sumun train simulate tank.csv --target level --features inflow,valve --warm-up 50
  sumun predict runs/simulate-basins-1 other_basins.csv > simulated.csv

The network reads the features row by row and never sees the target, so that it simulates
where nothing was measured.";

const TRANSLATE_EXAMPLES: &str = "\
Examples:
  sumun train translate data/dates/dates.tsv
  sumun train translate sentences.csv --source korean --target english --level word --hidden 256
  sumun predict runs/translate-dates-1 new.csv > written.csv

CSV and TSV have a column of sources and one of targets, JSON lines a key for each. Pairs with the same source are never
split between training and held out parts. What is written is at most twice as long as the longest target.";

/// What to say beside an option of a task that no task was named with: how a configuration takes it. Nothing of any other
/// mistake.
pub(crate) fn instead(error: &clap::Error, arguments: &[OsString]) -> String {
    let words: Vec<String> =
        arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let configured = words.iter().any(|word| word == "--config" || word.starts_with("--config="));
    let named = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
    let mut options = SETTINGS.iter().filter(|setting| named == format!("--{}", setting.option()));
    match (words.first().map(String::as_str), options.next()) {
        (Some("train"), Some(setting)) if configured && error.kind() == ErrorKind::UnknownArgument => {
            let key = setting.key();
            format!(
                "; beside --config, give it as --set {key}=VALUE, or name the task: sumun train TASK --config FILE {named}"
            )
        }
        _ => String::new(),
    }
}

/// Trains a task, what a configuration says, or what was interrupted.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { task, resume: run, go_on, common } = arguments;
    match (task, run, go_on.as_deref()) {
        (Some(task), ..) => train_task(task),
        (None, Some(run), _) => resume(&run, &common),
        (None, None, Some([run, file])) => train_on(run, file, common),
        (None, None, _) => train_config(common),
    }
}

/// Trains a task with the settings of options.
fn train_task(call: TaskCall<Common>) -> Result<(), Failure> {
    let (tables, spelling) = call.tables()?;
    train(call.task, &tables, call.common).map_err(|failure| failure.spelled(spelling))
}

/// Trains what a configuration file says.
fn train_config(common: Common) -> Result<(), Failure> {
    let file = common.from.file()?.unwrap_or_default();
    let task = file.get("task").and_then(toml::Value::as_str).ok_or_else(|| {
        Failure::Usage("the configuration names no task; add task = \"classify\", for example".into())
    })?;
    let task = named(task)?;
    let mut tables = vec![file];
    tables.extend(common.from.set_tables()?);
    train(task, &tables, common).map_err(|failure| failure.spelled(Options::of_file_alone()))
}

/// Trains on from a finished run, with newer rows.
fn train_on(run: &Path, file: &Path, common: Common) -> Result<(), Failure> {
    let Some(name) = file.to_str() else {
        return Err(Failure::Usage(format!("{}: the name is no Unicode; rename the file", file.display())));
    };
    let mut tables = vec![continue_settings(run, name)?];
    tables.extend(common.from.set_tables()?);
    train(named("forecast")?, &tables, common).map_err(|failure| failure.spelled(Options::of_file_alone()))
}

fn train(task: &dyn TaskEntry, tables: &[Table], common: Common) -> Result<(), Failure> {
    let config = configure(task, tables)?;
    let place = || {
        let default = || default_path(RUNS.as_ref(), config.task(), config.train_file());
        common.out.clone().unwrap_or_else(default)
    };
    // Whether a run can be written is known before the work.
    drop(RunFolder::stage(place())?);
    let stop = stop_flag(common.output.quiet)?;
    let every = save_every(config.save_every());
    on_threads(common.output.threads, || {
        let training = config.begin()?;
        let staged = RunFolder::stage(place())?;
        let live = LiveRun::begin(staged, &training.config_toml()?, &training.checkpoint()?, every, stop)?
            .tensorboard(training.tensorboard());
        learn(training, live, &command_line(), Vec::new(), &common)
    })?
}

/// Goes on with a training that was interrupted.
fn resume(run: &Path, common: &Common) -> Result<(), Failure> {
    let stop = stop_flag(common.output.quiet)?;
    let (live, checkpoint) = LiveRun::resume(run, stop)?;
    on_threads(common.output.threads, || {
        let (training, notes) = resume_training(checkpoint)?;
        let live = live.every(save_every(training.save_every())).tensorboard(training.tensorboard());
        learn(training, live, &again(run), notes, common)
    })?
    .map_err(|failure| failure.spelled(Options::of_file_alone()))
}

/// The command that repeats a training which was resumed: its options are those of its configuration.
pub(super) fn again(run: &Path) -> String {
    format!("sumun train --config {}", shell_word(&run.join(CONFIG_FILE).display().to_string()))
}

/// How to go on with a run that Ctrl-C ended, given its training file.
fn interrupted(folder: &Path, file: &Path) -> Failure {
    let run = shell_word(&folder.display().to_string());
    let piped = if file == Path::new("-") { " < FILE" } else { "" };
    Failure::Interrupted(format!("saved; go on with: sumun train --resume {run}{piped}"))
}

/// So many seconds between checkpoints, as far as they can be counted.
fn save_every(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.min(1e9))
}

/// Trains to the end, or until Ctrl-C. `command` is what repeats it. A training that fails keeps its folder: its curves
/// say how.
fn learn(
    mut training: Box<dyn AnyTraining>,
    mut live: LiveRun,
    command: &str,
    mut notes: Vec<String>,
    common: &Common,
) -> Result<(), Failure> {
    notes.extend_from_slice(training.notes());
    let mut display = Display::new(common.output.quiet);
    notes.iter().for_each(|note| display.note(note));
    let trainings = training.folds();
    let folds = measure_folds(&trainings, &mut display, &mut live);
    let ending = match &folds {
        Ok(Some(_)) => training.run(&mut display, &mut live),
        _ => Ok(Ending::Interrupted),
    };
    let waiting = display.finish();
    if !common.output.quiet {
        waiting.iter().for_each(|note| tell_note(note, Style::for_stderr()));
    }
    let folder = live.path().to_path_buf();
    let folds = folds?.filter(|_| !trainings.is_empty());
    if ending? == Ending::Interrupted {
        return Err(interrupted(&folder, training.train_file()));
    }
    let outcome = training.finish()?;
    // What is known only at the end.
    let known = notes.len();
    for note in outcome.results().notes {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    if !common.output.quiet {
        notes[known..].iter().for_each(|note| tell_note(note, Style::for_stderr()));
    }
    let about = About {
        created: now(),
        command: command.to_owned(),
        predict_command: next_command(outcome.next(), &folder),
        threads: rayon::current_num_threads(),
        notes,
        folds,
    };
    keep(&*outcome, live, &about)?;
    rewrite_page(&folder.join(REPORT_FILE))?;
    let on = continued(&*outcome, &folder)?;
    if !common.output.quiet {
        if let Some((_, notes)) = &on {
            notes.iter().for_each(|note| tell_note(note, Style::for_stderr()));
        }
        summary(&*outcome, about.folds.as_ref(), &folder, Style::for_stderr()).lines().for_each(tell);
    }
    if let Some((parts, _)) = on.as_ref().filter(|_| !common.output.quiet) {
        continued_table(parts, Style::for_stderr()).lines().for_each(tell);
    }
    if common.output.json {
        let mut object = as_json(&*outcome, &folder);
        if let Some(folds) = &about.folds {
            object["folds"] = figures::folds_json(folds);
        }
        if let Some((parts, notes)) = &on {
            object["continued"] = continued_json(parts, notes);
        }
        print_json(&object)?;
    }
    Ok(())
}

/// A part with the figures of the old model and of the new, and what could not be measured.
type Continued = (Vec<ContinuedPart>, Vec<String>);

/// What the run that a training went on from and the one that came of it come to, if it did.
fn continued(outcome: &dyn Outcome, folder: &Path) -> Result<Option<Continued>, Failure> {
    let config: Table = outcome.config_toml()?.parse().unwrap_or_default();
    let from = config.get("train").and_then(|train| train.get("from")).and_then(toml::Value::as_str);
    Ok(from.map(|from| compare_continued(Path::new(from), folder)).transpose()?)
}

fn continued_table(parts: &[ContinuedPart], style: Style) -> String {
    let header = ["", "MAE before", "after", "MASE before", "after"];
    let mut rows = vec![header.map(|cell| said(cell).into_owned())];
    for one in parts {
        let mase = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
        let origins =
            if one.origins == 1 { "1 origin".to_owned() } else { format!("{} origins", one.origins) };
        rows.push([
            said(&format!("{} part, {origins}", one.part)).into_owned(),
            number(one.old.mae),
            number(one.new.mae),
            mase(one.old.mase),
            mase(one.new.mase),
        ]);
    }
    let wide: Vec<usize> =
        (0..header.len()).map(|at| rows.iter().map(|row| width(&row[at])).max().unwrap_or(0)).collect();
    let mut text = String::from("\n");
    for (at, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&wide).enumerate();
        let cells: Vec<String> = cells
            .map(|(column, (cell, &wide))| if column == 0 { left(cell, wide) } else { right(cell, wide) })
            .collect();
        let line = cells.join("  ");
        text += &format!("{}\n", if at == 0 { style.dim(&line) } else { line });
    }
    text
}

fn continued_json(parts: &[ContinuedPart], notes: &[String]) -> serde_json::Value {
    let part = |one: &ContinuedPart| {
        json!({
            "part": one.part,
            "file": one.file,
            "origins": one.origins,
            "seen": one.seen,
            "before": crate::scores::as_json(&one.old),
            "after": crate::scores::as_json(&one.new),
        })
    };
    json!({ "parts": parts.iter().map(part).collect::<Vec<_>>(), "notes": notes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task_call::task_command;
    use sumun::tasks::TASKS;

    #[test]
    fn every_task_is_described_and_has_examples() {
        for task in TASKS {
            let help = task_command::<Common>(task).render_help().to_string();
            assert!(help.starts_with(&format!("{}\n", task.purpose())), "{help}");
            assert!(help.contains(&format!("  sumun train {} ", task.name())), "{help}");
            assert!(help.contains("--save-every") && help.contains("--threads"), "{help}");
        }
    }
}
