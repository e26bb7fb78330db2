//! `sumun tune TASK` and `sumun tune --resume`: a search over settings, and the best training of it.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};
use sumun::run::{REPORT_FILE, RUNS, RunFolder, default_path};
use sumun::tasks::{
    About, Combination, Next, TaskEntry, TrialState, TuneOutcome, TunePlan, TuneTrial, TuneWatch, Tuning,
    configure,
};

use super::outcome::next_command;
use super::report::now;
use super::train::again;
use crate::arguments::{Output, count, on_threads};
use crate::failure::Failure;
use crate::interrupt::stop_flag;
use crate::language::{rewrite_page, said};
use crate::output::{json_number, print_json, tell, tell_of_files};
use crate::spelling::Options;
use crate::task_call::{Configured, TaskCall, TaskCommand};
use crate::terminal::{Style, count as counted, duration, left, number, right, shell_word, shortened, width};

const SEARCH: &str = "Search";
/// The trials of a search where nothing is said.
const TRIALS: usize = 20;
const OUTPUT: &str = "Output";

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun tune forecast data/airline.csv --target value --horizon 12 --trials 20 --out tuned
  sumun tune classify reviews.csv --vary lr --vary hidden=64,128,256 --out tuned
  sumun tune forecast data/airline.csv --target value --grid --vary cell=rnn,lstm,gru --vary window=12,24,48 --seeds 3
  sumun tune --resume tuned
  sumun predict tuned/best

The first trial has the defaults; each other one draws the settings that are searched over. All are
trained to a ninth of their epochs, the best third of them to a third, the best third of those to the
end, each from where it was. With --grid nothing is drawn: every combination of the values is trained
to the end, and they are compared by mean and spread, and by how far back their networks listen. The
validation part decides, never the test part. Ctrl-C saves and stops; --resume goes on.";

/// The arguments of `sumun tune`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    task: Option<TaskCall<Common>>,
    /// Go on with a search that was stopped; it ends with the same result
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    resume: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// What every search takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    #[command(flatten)]
    from: Configured,
    /// How many settings are tried [default: 20]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true, conflicts_with = "grid", help_heading = SEARCH)]
    trials: Option<usize>,
    /// A setting to search over, with its range where it is not to be its own: lr, lr=0.001..0.1, hidden=16,64; by default all that have one and are not given
    #[arg(long, value_name = "NAME[=RANGE]", help_heading = SEARCH)]
    vary: Vec<String>,
    /// Train every combination of the values that --vary lists to the end, and compare them, instead of drawing some
    #[arg(long, requires = "vary", help_heading = SEARCH)]
    grid: bool,
    /// Train each combination of a grid from so many seeds, for a mean and a spread [default: 1]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true, requires = "grid", help_heading = SEARCH)]
    seeds: Option<usize>,
    /// The folder of the search, which must not exist yet [default: runs/tune-TASK-FILE-1, -2, …]
    #[arg(long, value_name = "DIR", help_heading = OUTPUT)]
    out: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

impl TaskCommand for Common {
    fn about(task: &dyn TaskEntry) -> String {
        format!("Search for the settings to {} best", verb(task.name()))
    }

    fn examples(task: &dyn TaskEntry) -> String {
        let searched = task.settings().map(|settings| {
            let ranged = settings.rows().filter(|row| !row.range.is_empty());
            ranged.map(|row| format!("--{} {}", row.option(), row.range)).collect::<Vec<_>>().join(", ")
        });
        format!(
            "{}\n\nSearched over unless given: {}. A range LOW..HIGH whose ends differ tenfold or more is drawn from by decades. The \
             folder holds best (a run for sumun predict), trials.jsonl, trials/ (the runs that were trained to the end), report.html \
             and tune.json.",
            example(task.name()),
            searched.unwrap_or_default()
        )
    }

    fn configured(&self) -> &Configured {
        &self.from
    }
}

fn verb(task: &str) -> &str {
    match task {
        "lm" => "model a text",
        other => other,
    }
}

fn example(task: &str) -> &'static str {
    match task {
        "forecast" => {
            "Examples:
  sumun tune forecast data/airline.csv --target value --horizon 12 --out tuned
  sumun tune forecast data.csv --target y --trials 30 --vary lr --vary window=12..96 --seed 1"
        }
        "classify" => {
            "Examples:
  sumun tune classify data/japanese_vowels/train.jsonl --test data/japanese_vowels/test.jsonl --out tuned
  sumun tune classify reviews.csv --vary lr --vary embedding=50,100,200"
        }
        "regress" => {
            "Examples:
  sumun tune regress sensors.jsonl --label wear --x signal --trials 30 --out tuned"
        }
        "tag" => {
            "Examples:
  sumun tune tag train.conllu --valid dev.conllu --trials 9 --out tuned"
        }
        "lm" => {
            "Examples:
  sumun tune lm novel.txt --trials 9 --epochs 20 --vary lr --vary dropout --out tuned"
        }
        "simulate" => {
            "Examples:
  sumun tune simulate data/basins/basins.csv --target runoff --features rain,temperature --series basin --trials 9"
        }
        _ => {
            "Examples:
  sumun tune translate data/dates/dates.tsv --trials 9 --vary lr --vary hidden --out tuned"
        }
    }
}

/// Searches, or goes on.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { task, resume, common } = arguments;
    match (task, resume) {
        (Some(call), _) => begin(call),
        (None, Some(folder)) => {
            let stop = stop_flag(common.output.quiet)?;
            on_threads(common.output.threads, || search(&Tuning::resume(&folder)?, &common, stop))?
                .map_err(|failure| failure.spelled(Options::of_file_alone()))
        }
        (None, None) => Err(Failure::Usage(
            "name a task, as in sumun tune classify reviews.csv, or a search to --resume".into(),
        )),
    }
}

fn begin(call: TaskCall<Common>) -> Result<(), Failure> {
    let (tables, spelling) = call.tables()?;
    let TaskCall { task, common, .. } = call;
    let searched: Vec<(String, Option<String>)> = common.vary.iter().map(|text| vary(text)).collect();
    let work = || -> Result<(), Failure> {
        let config = configure(task, &tables)?;
        let plan = match common.grid {
            true => TunePlan::grid(task, &tables, &searched, common.seeds.unwrap_or(1))?,
            false => TunePlan::new(task, &tables, &searched, common.trials.unwrap_or(TRIALS))?,
        };
        let default = || default_path(RUNS.as_ref(), &format!("tune-{}", task.name()), config.train_file());
        let folder = common.out.clone().unwrap_or_else(default);
        // Whether it can be written is known before the work.
        drop(RunFolder::stage(&folder)?);
        let stop = stop_flag(common.output.quiet)?;
        on_threads(common.output.threads, || search(&Tuning::begin(&folder, plan)?, &common, stop))?
    };
    work().map_err(|failure| failure.spelled(spelling))
}

/// `lr`, or `lr=0.001..0.1`.
fn vary(text: &str) -> (String, Option<String>) {
    match text.split_once('=') {
        Some((name, range)) => (name.trim().to_owned(), Some(range.to_owned())),
        None => (text.trim().to_owned(), None),
    }
}

/// Says what each trial came to.
struct Told {
    quiet: bool,
    command: String,
    /// One line at a time.
    line: Mutex<()>,
}

impl Told {
    fn say(&self, text: &str) {
        if !self.quiet {
            let _one = self.line.lock();
            tell_of_files(text);
        }
    }
}

impl TuneWatch for Told {
    fn trial(&self, trial: &TuneTrial, round: usize, rounds: usize) {
        let what = match (trial.last(), &trial.problem) {
            (_, Some(problem)) => format!("failed: {problem}"),
            (Some(last), None) => {
                let (figure, end) =
                    (trial.figure.replace('_', " "), if trial.ended { ", at its end" } else { "" });
                format!("{} epochs{end}, validation {figure} {}", last.epochs, number(last.value))
            }
            (None, None) => return,
        };
        let settings = match trial.settings.is_empty() {
            true => "defaults".to_owned(),
            false => settings(trial),
        };
        self.say(&format!("round {round} of {rounds}, trial {}: {what} ({settings})", trial.trial));
    }

    fn round(&self, round: usize, rounds: usize, trials: usize, parts: usize) {
        let to = match parts {
            1 => "the end".to_owned(),
            3 => "a third of the epochs".into(),
            9 => "a ninth of the epochs".into(),
            parts => format!("1/{parts} of the epochs"),
        };
        let what = if trials == 1 { "1 trial".to_owned() } else { format!("{trials} trials") };
        self.say(&format!("round {round} of {rounds}: {what} to {to}"));
    }

    fn about(&self, folder: &Path, next: Next) -> About {
        // The page of the search itself says how to search again.
        let is_trial = folder.parent().is_some_and(|parent| parent.ends_with("trials"));
        About {
            created: now(),
            command: if is_trial { again(folder) } else { self.command.clone() },
            predict_command: next_command(next, folder),
            threads: rayon::current_num_threads(),
            ..About::default()
        }
    }
}

fn settings(trial: &TuneTrial) -> String {
    let one = |(key, value): (&String, &toml::Value)| {
        let name = key.split_once('.').map_or(key.as_str(), |(_, name)| name);
        format!("{name} {}", text_of(value))
    };
    trial.settings.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn text_of(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Searches to the end, or until Ctrl-C.
fn search(
    tuning: &Tuning,
    common: &Common,
    stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
) -> Result<(), Failure> {
    let folder = shell_word(&tuning.folder().display().to_string());
    let told =
        Told { quiet: common.output.quiet, command: super::report::command_line(), line: Mutex::new(()) };
    let Some(outcome) = tuning.run(&told, &stop)? else {
        return Err(Failure::Interrupted(format!("saved; go on with: sumun tune --resume {folder}")));
    };
    let trials =
        outcome.trials.iter().map(|one| tuning.folder().join("trials").join(format!("{:03}", one.trial)));
    for folder in trials.chain([tuning.folder().to_path_buf(), outcome.run.path().to_path_buf()]) {
        let page = folder.join(REPORT_FILE);
        // Trials that were dropped have none.
        if page.is_file() {
            rewrite_page(&page)?;
        }
    }
    if !common.output.quiet {
        summary(&outcome, tuning.folder(), Style::for_stderr()).lines().for_each(tell);
    }
    if common.output.json {
        print_json(&as_json(&outcome, tuning.folder()))?;
    }
    Ok(())
}

/// How wide the table may be, in terminal columns.
const COLUMNS: usize = 100;

fn summary(outcome: &TuneOutcome, folder: &Path, style: Style) -> String {
    let figure =
        outcome.trials.iter().find(|one| one.trial == outcome.best).map_or("", |one| one.figure.as_str());
    let header = ["trial".to_owned(), figure.replace('_', " "), "epochs".into(), "state".into()];
    let mut header: Vec<String> = header.iter().map(|cell| said(cell).into_owned()).collect();
    header.extend(outcome.searched.iter().map(|(row, _)| row.name.replace('_', " ")));
    let row = |one: &TuneTrial| {
        let last = one.last();
        let state = match one.state {
            TrialState::Finished if one.trial == outcome.best => "best".to_owned(),
            TrialState::Finished => "finished".into(),
            TrialState::Dropped => format!("round {}", one.rounds.len()),
            TrialState::Failed => "failed".into(),
            TrialState::Running => "running".into(),
        };
        let mut cells = vec![
            counted(one.trial),
            last.map_or_else(|| "-".into(), |last| number(last.value)),
            last.map_or_else(|| "-".into(), |last| counted(last.epochs)),
            said(&state).into_owned(),
        ];
        let used = |key: &str| one.used.get(key).map_or_else(|| "auto".into(), text_of);
        cells.extend(outcome.searched.iter().map(|(row, _)| shortened(&used(&row.key()), 12)));
        cells
    };
    let rows: Vec<Vec<String>> = outcome.ranked().into_iter().map(row).collect();
    let line = aligned(&header, &rows, 3);
    let mut text = format!("\n{}\n", style.dim(&line(&header)));
    for (cells, one) in rows.iter().zip(outcome.ranked()) {
        let line = line(cells);
        text += &format!("{}\n", if one.trial == outcome.best { style.green(&line) } else { line });
    }
    text += &compared(outcome, &figure.replace('_', " "), style);
    let seconds: f64 = outcome.trials.iter().map(|one| one.seconds).sum();
    text.push('\n');
    let mut end = |name: &str, value: &str| {
        text += &format!("{}{value}\n", style.dim(&left(&said(name), 12)));
    };
    if let Some(part) = outcome.results.judged().filter(|part| part.part == "test") {
        let figures = part
            .figures
            .iter()
            .filter_map(|figure| Some(format!("{} {}", figure.key.replace('_', " "), number(figure.model?))));
        end("test part", &figures.collect::<Vec<_>>().join(", "));
    }
    end("trained", &said(&format!("{} in all trials together", duration(seconds))));
    end("run", &outcome.run.path().display().to_string());
    end("report", &folder.join(REPORT_FILE).display().to_string());
    text
}

/// What each combination of a grid came to; nothing of a search that draws.
fn compared(outcome: &TuneOutcome, figure: &str, style: Style) -> String {
    let all = outcome.compared();
    if all.is_empty() {
        return String::new();
    }
    let mut header: Vec<String> =
        outcome.searched.iter().map(|(row, _)| row.name.replace('_', " ")).collect();
    header.extend(
        [figure, "least", "most", "trainings", "parameters", "s/epoch", "memory horizon"]
            .map(|cell| said(cell).into_owned()),
    );
    let row = |one: &Combination| {
        let value = |key: &str| one.settings.get(key).map_or_else(|| "auto".into(), text_of);
        let mut cells: Vec<String> =
            outcome.searched.iter().map(|(row, _)| shortened(&value(&row.key()), 12)).collect();
        cells.extend([one.mean, one.spread[0], one.spread[1]].map(number));
        let parameters = one.parameters.map_or_else(|| "-".into(), counted);
        cells.extend([counted(one.trials), parameters, number(one.seconds_per_epoch), one.horizon("-")]);
        cells
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let (line, mut text) = (aligned(&header, &rows, usize::MAX), String::from("\n"));
    text += &format!("{}\n", style.dim(&line(&header)));
    for (place, cells) in rows.iter().enumerate() {
        let line = line(cells);
        text += &format!("{}\n", if place == 0 { style.green(&line) } else { line });
    }
    text
}

/// Writes the cells of a line below those of a header, on the right but for one column.
fn aligned(
    header: &[String],
    rows: &[Vec<String>],
    on_the_left: usize,
) -> impl Fn(&[String]) -> String + use<> {
    let wide: Vec<usize> = (0..header.len())
        .map(|i| rows.iter().map(|row| width(&row[i])).chain([width(&header[i])]).max().unwrap_or(0))
        .collect();
    move |cells: &[String]| {
        let cell = |(i, cell): (usize, &String)| {
            if i == on_the_left { left(cell, wide[i]) } else { right(cell, wide[i]) }
        };
        shortened(cells.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ").trim_end(), COLUMNS)
    }
}

fn as_json(outcome: &TuneOutcome, folder: &Path) -> Value {
    let value_of = |value: &toml::Value| serde_json::to_value(value).unwrap_or_default();
    let trial = |one: &TuneTrial| {
        let settings = |all: &std::collections::BTreeMap<String, toml::Value>| -> Value {
            all.iter()
                .map(|(key, value)| (key.clone(), value_of(value)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        json!({
            "trial": one.trial,
            "state": serde_json::to_value(one.state).unwrap_or_default(),
            "drawn": settings(&one.settings),
            "settings": settings(&one.used),
            "epochs": one.last().map(|last| last.epochs),
            "of": one.of,
            "rounds": one.rounds.len(),
            "figure": one.figure,
            "value": one.last().map_or(Value::Null, |last| json_number(last.value)),
            "score": one.last().map_or(Value::Null, |last| json_number(last.score)),
            "seconds": json_number(one.seconds),
            "problem": one.problem,
        })
    };
    let best = outcome.trials.iter().find(|one| one.trial == outcome.best).map(trial);
    let ranges = outcome.searched.iter().map(|(row, range)| (row.key(), range.to_string().into()));
    json!({
        "task": outcome.plan.task,
        "folder": folder.to_string_lossy(),
        "run": outcome.run.path().to_string_lossy(),
        "report": folder.join(REPORT_FILE).to_string_lossy(),
        "searched": ranges.collect::<serde_json::Map<_, _>>(),
        "best": best,
        "compared": serde_json::to_value(outcome.compared()).unwrap_or_default(),
        "results": serde_json::to_value(&outcome.results).unwrap_or_default(),
        "trials": outcome.trials.iter().map(trial).collect::<Vec<_>>(),
    })
}
