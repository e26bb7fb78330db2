//! `sumun train TASK` and `sumun train --resume`: from a file to a trained, measured and saved model, in a run that may
//! be interrupted at any moment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sumun::forecast::{self, ForecastConfig};
use sumun::run::{CONFIG_FILE, LiveRun, REPORT_FILE, RUNS, RunFolder, default_path};
use sumun::settings::{Reader, read_config, setting};
use sumun::tasks::{About, Task, TaskConfig, Trained, Training, task_report, task_results};
use sumun::train::Ending;
use toml::Table;

use super::report::{command_line, now};
use super::train_forecast;
use crate::arguments::{on_threads, threads};
use crate::failure::Failure;
use crate::figures;
use crate::interrupt::stop_flag;
use crate::output::{print_json, tell};
use crate::progress::{Display, tell_note};
use crate::settings::{Given, Kinded};
use crate::spelling::Options;
use crate::terminal::{Style, count, duration, file_name, left, shell_word, shortened};

const OUTPUT: &str = "Output";

/// The arguments of `sumun train TASK`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments<K: Kinded> {
    /// The training file, `-` for standard input
    file: Option<PathBuf>,
    #[command(flatten)]
    given: Given<K>,
    #[command(flatten)]
    common: Common,
}

/// What every training takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// Settings from a TOML file; `sumun config TASK` prints one
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    config: Option<PathBuf>,
    /// A single setting, as a configuration file names it, such as train.lr=0.01
    #[arg(long, value_name = "KEY=VALUE", help_heading = OUTPUT)]
    set: Vec<String>,
    /// Threads to compute with; the result does not depend on it [default: all processors]
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true, help_heading = OUTPUT)]
    pub(super) threads: Option<usize>,
    /// The folder of the run, which must not exist yet [default: runs/TASK-FILE-1, -2, …]
    #[arg(long, value_name = "DIR", help_heading = OUTPUT)]
    pub(super) out: Option<PathBuf>,
    /// Print the results as one JSON object on the last line of stdout
    #[arg(long, help_heading = OUTPUT)]
    pub(super) json: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short, help_heading = OUTPUT)]
    pub(super) quiet: bool,
}

pub(crate) const CLASSIFY_EXAMPLES: &str = "\
Examples:
  sumun train classify data/japanese_vowels/train.jsonl --test data/japanese_vowels/test.jsonl
  sumun train classify reviews.csv --text review --label stars --threshold 3
  sumun train classify questions.jsonl --text question --label kind --vectors glove.6B.100d.txt
  sumun train --resume runs/classify-reviews-1

CSV and TSV have a column of text and one of labels; JSON lines may have a list of numbers \"x\" instead, one list a
channel. Ctrl-C saves and stops; --resume goes on to the same bits.";

pub(crate) const REGRESS_EXAMPLES: &str = "\
Examples:
  sumun train regress reviews.csv --text review --label stars
  sumun train regress sensors.jsonl --label wear --x signal --cell gru
  sumun train --resume runs/regress-reviews-1";

pub(crate) const TAG_EXAMPLES: &str = "\
Examples:
  sumun train tag train.conllu --valid dev.conllu --test test.conllu
  sumun train tag sentences.jsonl --tokens words --tags labels

A sentence is a JSON line with two lists of equal length, or CoNLL: a token a line, a blank line between sentences.";

pub(crate) const LM_EXAMPLES: &str = "\
Examples:
  sumun train lm data/korean_constitution.txt --hidden 128 --batch 8 --chunk 64 --epochs 30
  sumun train lm novel.txt --level word --hidden 512
  sumun generate runs/lm-korean_constitution-1 --prompt '대한민국'";

/// Trains from the beginning.
pub(crate) fn run<K: Kinded>(arguments: Arguments<K>) -> Result<(), Failure> {
    let Arguments { file, given, common } = arguments;
    let mut spelling = Options::default();
    let mut tables: Vec<Table> = common.config.as_deref().map(read_config).transpose()?.into_iter().collect();
    tables.iter().for_each(|table| spelling.file(table));
    given.tables.iter().for_each(|table| spelling.option(table));
    tables.extend(given.tables);
    if let Some(file) = file {
        tables.push(train_file(&file)?);
    }
    let set = common.set_tables()?;
    set.iter().for_each(|table| spelling.file(table));
    tables.extend(set);
    train(K::READER, &tables, common).map_err(|failure| failure.spelled(spelling))
}

/// Trains what a configuration file says.
pub(crate) fn run_config(common: Common) -> Result<(), Failure> {
    let file = common.config.as_deref().map(read_config).transpose()?.unwrap_or_default();
    let task = file.get("task").and_then(toml::Value::as_str).ok_or_else(|| {
        Failure::Usage("the configuration names no task; add task = \"classify\", for example".into())
    })?;
    let task: Reader = task.parse()?;
    let mut tables = vec![file];
    tables.extend(common.set_tables()?);
    train(task, &tables, common).map_err(|failure| failure.spelled(Options::of_file_alone()))
}

fn train(task: Reader, tables: &[Table], common: Common) -> Result<(), Failure> {
    match task.task() {
        Some(task) => begin(TaskConfig::from_tables(task, tables)?, common),
        None => train_forecast::begin(ForecastConfig::from_tables(tables)?, common),
    }
}

impl Common {
    fn set_tables(&self) -> Result<Vec<Table>, Failure> {
        let table = |text: &String| match text.split_once('=') {
            Some((key, value)) => Ok(setting(key.trim(), value.trim())?),
            None => Err(Failure::Usage(format!("--set {text}: give KEY=VALUE, such as train.lr=0.01"))),
        };
        self.set.iter().map(table).collect()
    }
}

/// The training file as a setting; a path that is no Unicode cannot stand in a configuration.
fn train_file(path: &Path) -> Result<Table, Failure> {
    let Some(name) = path.to_str() else {
        return Err(Failure::Usage(format!("{}: the name is no Unicode; rename the file", path.display())));
    };
    let inner = Table::from_iter([("train".to_owned(), toml::Value::String(name.to_owned()))]);
    Ok(Table::from_iter([("data".to_owned(), toml::Value::Table(inner))]))
}

fn begin(config: TaskConfig, common: Common) -> Result<(), Failure> {
    let task = config.task;
    let out = common.out.clone();
    let place =
        || out.clone().unwrap_or_else(|| default_path(RUNS.as_ref(), &task.to_string(), &config.data.train));
    // Whether a run can be written is known before the work.
    drop(RunFolder::stage(place())?);
    let stop = stop_flag(common.quiet)?;
    let every = save_every(config.train.save_every);
    let quiet = common.quiet;
    on_threads(common.threads, || {
        let training = Training::begin(config.clone())?;
        let staged = RunFolder::stage(place())?;
        let live =
            LiveRun::begin(staged, &training.config().to_toml()?, &training.checkpoint()?, every, stop)?;
        learn(training, live, &command_line(), Vec::new(), quiet, common.json)
    })?
}

/// Goes on with a training that was interrupted.
pub(crate) fn resume(run: &Path, common: &Common) -> Result<(), Failure> {
    let &Common { threads, quiet, json, .. } = common;
    let stop = stop_flag(quiet)?;
    let (live, checkpoint) = LiveRun::resume(run, stop)?;
    let by_key = |failure: Failure| failure.spelled(Options::of_file_alone());
    if forecast::Training::is_one(&checkpoint) {
        return train_forecast::resume(run, live, checkpoint, common).map_err(by_key);
    }
    on_threads(threads, || {
        let (training, notes) = Training::resume(checkpoint)?;
        let live = live.every(save_every(training.config().train.save_every));
        learn(training, live, &again(run), notes, quiet, json)
    })?
    .map_err(by_key)
}

/// The command that repeats a training which was resumed: its options are those of its configuration.
pub(super) fn again(run: &Path) -> String {
    format!("sumun train --config {}", shell_word(&run.join(CONFIG_FILE).display().to_string()))
}

/// How to go on with a run that Ctrl-C ended, given its training file.
pub(super) fn interrupted(folder: &Path, file: &Path) -> Failure {
    let run = shell_word(&folder.display().to_string());
    let piped = if file == Path::new("-") { " < FILE" } else { "" };
    Failure::Interrupted(format!("saved; go on with: sumun train --resume {run}{piped}"))
}

/// So many seconds between checkpoints, as far as they can be counted.
pub(super) fn save_every(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.min(1e9))
}

/// How to use a model.
fn next_command(task: Task, folder: &Path) -> String {
    let run = shell_word(&folder.display().to_string());
    match task {
        Task::Lm => format!("sumun generate {run}"),
        _ => format!("sumun predict {run} FILE"),
    }
}

/// Trains to the end, or until Ctrl-C. `command` is what repeats it.
fn learn(
    mut training: Training,
    mut live: LiveRun,
    command: &str,
    mut notes: Vec<String>,
    quiet: bool,
    json: bool,
) -> Result<(), Failure> {
    notes.extend_from_slice(training.notes());
    let style = Style::for_stderr();
    if !quiet {
        notes.iter().for_each(|note| tell_note(note, style));
    }
    let mut display = Display::new(quiet);
    let ending = training.run(&mut display, &mut live);
    display.finish();
    let folder = live.path().to_path_buf();
    if ending? == Ending::Interrupted {
        return Err(interrupted(&folder, &training.config().data.train));
    }
    let trained = training.finish()?;
    let about = About {
        created: now(),
        command: command.to_owned(),
        predict_command: next_command(trained.config.task, &folder),
        threads: rayon::current_num_threads(),
        notes,
    };
    let report = task_report(&trained, &about);
    live.finish(&trained.file, report.as_bytes(), &task_results(&trained))?;
    if !quiet {
        summary(&trained, &folder, style).lines().for_each(tell);
    }
    if json {
        print_json(&as_json(&trained, &folder))?;
    }
    Ok(())
}

fn as_json(trained: &Trained, folder: &Path) -> Value {
    let part = |name: &str| trained.measured.iter().find(|measured| measured.part == name);
    let figures = |name| part(name).map_or(Value::Null, |measured| figures::as_json(&measured.figures));
    let measured = part("test").or(part("valid"));
    json!({
        "task": trained.config.task.to_string(),
        "run": folder.to_string_lossy(),
        "report": folder.join(REPORT_FILE).to_string_lossy(),
        "epochs": trained.epochs.len(),
        "best_epoch": trained.best_epoch,
        "seconds": trained.seconds,
        "parameters": parameters(trained),
        "classes": measured.map_or(Value::Null, figures::classes_json),
        "metrics": { "valid": figures("valid"), "test": figures("test") },
        "baselines": measured.map_or(Value::Null, figures::baseline_json),
    })
}

fn parameters(trained: &Trained) -> usize {
    trained.file.tensors.iter().map(|tensor| tensor.values.len()).sum()
}

/// How wide the names on the left of the summary are.
const NAME_COLUMNS: usize = 12;

/// What a person wants to know after a training.
fn summary(trained: &Trained, folder: &Path, style: Style) -> String {
    let Trained { config, measured, epochs, best_epoch, .. } = trained;
    let mut text = String::from("\n");
    let mut fact = |name: &str, value: &str| {
        text += &format!("{}{value}\n", style.dim(&left(name, NAME_COLUMNS)));
    };
    let file = config.data.train.to_string_lossy();
    let what = match config.task {
        Task::Classify | Task::Regress => "sequences",
        Task::Tag => "sentences",
        Task::Lm => "tokens",
    };
    fact(
        "data",
        &format!("{}: {} {what} to learn", shortened(file_name(&file), 40), count(trained.examples)),
    );
    let network = &config.network;
    let layers = if network.layers == 1 { String::new() } else { format!("{} × ", network.layers) };
    let both = if network.bidirectional { "bidirectional " } else { "" };
    fact(
        "model",
        &format!(
            "{layers}{both}{} of {} units, {} parameters",
            network.cell.to_string().to_uppercase(),
            network.hidden,
            count(parameters(trained))
        ),
    );
    let early = if trained.stopped_early { ", stopped early" } else { "" };
    fact(
        "training",
        &format!("{} epochs{early}, best {best_epoch}; {} in all", epochs.len(), duration(trained.seconds)),
    );
    if let Some(last) = measured.last() {
        text += &format!("\n{}", figures::table(last, style));
        text += &format!("\n{}\n", figures::verdict(last, style));
    }
    text.push('\n');
    let path = folder.display().to_string();
    let next = next_command(config.task, folder);
    let mut end = |name: &str, value: &str| {
        text += &format!("{}{value}\n", style.dim(&left(name, NAME_COLUMNS)));
    };
    end("run", &path);
    end("report", &folder.join(REPORT_FILE).display().to_string());
    end("next", &style.cyan(&next));
    text
}
