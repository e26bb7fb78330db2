//! `sumun backtest`: forecasts from several origins of a file, each by a model that has seen nothing after it.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, Command, FromArgMatches};
use serde_json::{Map, Value, json};
use sumun::forecast::{
    Backtest, BacktestOptions, BacktestScores, ForecastConfig, Refit, backtest_file, backtest_report,
};
use sumun::tasks::{About, TaskEntry, configure, named};

use super::report::{command_line, expect_no_page, now, write_page};
use crate::arguments::{Output, count, on_threads};
use crate::failure::Failure;
use crate::language::said;
use crate::output::{print, print_json};
use crate::progress::{Display, tell_note};
use crate::task_call::{Configured, TaskCall, TaskCommand, task_arguments};
use crate::terminal::{Style, left, number, right, shortened, width};

const BACKTEST: &str = "Backtest";
const OUTPUT: &str = "Output";

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun backtest data/airline.csv --target value --horizon 12 --origins 4 --refit every
  sumun backtest sales.csv --target units --series shop --horizon 14 --origins 3 --out backtest.html
  sumun backtest data.csv --target y --horizon 24 --origins 10 --refit 5 --json | jq .metrics.mase

From each origin the horizon after it is forecast; the last origin has one horizon after it. --refit never trains once, before
the first origin; every trains before each; a number before each so many. A model learns from rows up to its origin alone.
Other settings are those of sumun train forecast; there is no --test, as what comes after an origin is the test.";

/// What a backtest takes beside the settings of a forecaster.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    #[command(flatten)]
    from: Configured,
    /// How many origins there are
    #[arg(long, value_name = "N", value_parser = count, default_value = "5", allow_negative_numbers = true, help_heading = BACKTEST)]
    origins: usize,
    /// Steps from an origin to the next [default: a horizon]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true, help_heading = BACKTEST)]
    stride: Option<usize>,
    /// When a new model is trained: never after the first, every time, or before each so many origins
    #[arg(long, value_name = "never|every|N", default_value = "never", allow_negative_numbers = true, help_heading = BACKTEST)]
    refit: Refit,
    /// A page with the pictures to write, which must not exist yet
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    out: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

impl TaskCommand for Common {
    // What comes after an origin is the test part, and nothing is kept of a training.
    const MEANINGLESS: &'static [&'static str] = &["data.test", "train.save_every", "train.tensorboard"];

    fn about(_task: &dyn TaskEntry) -> String {
        String::new()
    }

    fn examples(_task: &dyn TaskEntry) -> String {
        String::new()
    }

    fn configured(&self) -> &Configured {
        &self.from
    }
}

/// The arguments of `sumun backtest`: those of a forecaster's training with some of its own.
#[derive(Debug)]
pub(crate) struct Arguments(TaskCall<Common>);

/// The name of the only task that it is for.
const TASK: &str = "forecast";

impl Args for Arguments {
    fn augment_args(command: Command) -> Command {
        match named(TASK) {
            Ok(task) => task_arguments::<Common>(command, task),
            // Its tests see that there is one.
            Err(_) => command,
        }
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Arguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let task = named(TASK)
            .map_err(|error| clap::Error::raw(clap::error::ErrorKind::InvalidSubcommand, error))?;
        TaskCall::of(task, matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Measures.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let (tables, spelling) = arguments.0.tables()?;
    let TaskCall { task, common, .. } = arguments.0;
    let work = || -> Result<(), Failure> {
        // What means nothing to a forecaster is refused as in a training.
        configure(task, &tables)?;
        let config = ForecastConfig::from_tables(&tables)?;
        expect_no_page(common.out.as_deref())?;
        let options = BacktestOptions { origins: common.origins, stride: common.stride, refit: common.refit };
        let data = config.data.train.display().to_string();
        let (found, waiting) = on_threads(common.output.threads, || {
            let mut display = Display::new(common.output.quiet);
            let found = backtest_file(&config, &options, &mut display);
            let waiting = display.finish();
            found.map(|found| (found, waiting))
        })??;
        if !common.output.quiet {
            let style = Style::for_stderr();
            waiting.iter().chain(&found.notes).for_each(|note| tell_note(note, style));
        }
        if let Some(out) = &common.out {
            let about = About { created: now(), command: command_line(), ..About::default() };
            let page = backtest_report(&found, &data, &about);
            write_page(out, &page, common.output.quiet)?;
        }
        if common.output.json {
            return print_json(&as_json(&found, &data, common.out.as_deref()));
        }
        print(&tables_of(&found, Style::for_stdout()))
    };
    work().map_err(|failure| failure.spelled(spelling))
}

fn as_json(found: &Backtest, data: &str, page: Option<&Path>) -> Value {
    let baselines = found.overall.iter().skip(1).map(|one| (one.key.clone(), one.as_json()));
    json!({
        "task": TASK,
        "data": data,
        "targets": found.targets,
        "horizon": found.horizon,
        "trainings": found.trainings(),
        "metrics": found.overall.first().map(BacktestScores::as_json),
        "baselines": baselines.collect::<Map<_, _>>(),
        "origins": found.origins.iter().map(sumun::forecast::BacktestOrigin::as_json).collect::<Vec<_>>(),
        "page": page.map(|page| page.to_string_lossy()),
        "notes": found.notes,
    })
}

/// The widest that a name may be, in terminal columns.
const NAME_COLUMNS: usize = 28;

fn tables_of(found: &Backtest, style: Style) -> String {
    let names: Vec<&str> = found.overall[0].figures.iter().map(|(name, _)| *name).collect();
    let cell = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
    let title = match found.origins.len() {
        1 => "over 1 origin".to_owned(),
        many => format!("over {many} origins"),
    };
    let of = |one: &BacktestScores| {
        let cells = names.iter().map(|name| cell(one.figure(name))).collect();
        (shortened(&said(&one.name), NAME_COLUMNS), cells)
    };
    let mut text = block(&said(&title), &names, found.overall.iter().map(of).collect(), style);
    text.push('\n');
    let by_origin = |origin: &sumun::forecast::BacktestOrigin| {
        let scores = origin.scores();
        let cells = names.iter().map(|name| cell(scores[0].figure(name))).collect();
        let trained = if origin.trained { " *" } else { "" };
        (format!("{}{trained}", shortened(&origin.label, NAME_COLUMNS)), cells)
    };
    text +=
        &block(&said("the model by origin"), &names, found.origins.iter().map(by_origin).collect(), style);
    text += &format!("{}\n", style.dim(&format!("* {}", said("trained there"))));
    if let Some(best) = found.best_baseline() {
        let first =
            |one: &BacktestScores| one.figures.iter().find_map(|(name, value)| Some((*name, (*value)?)));
        if let (Some((name, model)), Some((_, baseline))) = (first(&found.overall[0]), first(best)) {
            let share = 100.0 * (1.0 - model / baseline);
            let than = if share >= 0.0 { "smaller" } else { "larger" };
            let (share, name, best) = (share.abs(), name.to_uppercase(), &best.name);
            let verdict = format!("{share:.0} % {than} {name} than {best}, the best baseline");
            text += &format!("\n{}\n", said(&verdict));
        }
    }
    text
}

/// A table with the names of its rows on the left.
fn block(title: &str, header: &[&str], rows: Vec<(String, Vec<String>)>, style: Style) -> String {
    let first = rows.iter().map(|(name, _)| 2 + width(name)).chain([width(title)]).max().unwrap_or(0);
    let wide: Vec<usize> = (0..header.len())
        .map(|at| {
            rows.iter().map(|(_, cells)| width(&cells[at])).chain([header[at].len(), 7]).max().unwrap_or(7)
        })
        .collect();
    let cells = |cells: &[String]| -> String {
        cells.iter().zip(&wide).map(|(cell, &wide)| format!("  {}", right(cell, wide))).collect()
    };
    let header: Vec<String> = header.iter().map(|name| name.to_uppercase()).collect();
    let mut text = format!("{}\n", style.bold(&format!("{}{}", left(title, first), cells(&header))));
    for (name, row) in rows {
        text += &format!("{}{}\n", left(&format!("  {name}"), first), cells(&row));
    }
    text
}
