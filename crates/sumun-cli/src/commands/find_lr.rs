//! `sumun find-lr TASK`: which learning rate a training bears.

use std::path::PathBuf;

use serde_json::{Value, json};
use sumun::tasks::{
    About, TaskEntry, configure, expect_no_folds, find_rate, rate_notes, rate_report, typed_rate,
};
use sumun::train::RangeFound;

use super::report::{command_line, expect_no_page, now, write_page};
use crate::arguments::{Output, count, on_threads, real};
use crate::failure::Failure;
use crate::language::said;
use crate::output::{json_number, print, print_json};
use crate::progress::tell_note;
use crate::task_call::{Configured, TaskCall, TaskCommand};
use crate::terminal::{Style, left, number, right};

const TEST: &str = "Test";
const OUTPUT: &str = "Output";

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun find-lr forecast data/electricity.csv --target value --horizon 24
  sumun find-lr classify data/japanese_vowels/train.jsonl --out rates.html
  sumun find-lr classify reviews.csv --json | jq .suggested

The learning rate grows by the same factor at every step (the range test of Smith 2017). The suggestion is a tenth of the rate
with the least smoothed loss, as --lr takes it: the highest rate of a schedule. Nothing is kept of the training.";

/// The arguments of `sumun find-lr`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    task: TaskCall<Common>,
}

/// What every test takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    #[command(flatten)]
    from: Configured,
    /// The first learning rate
    #[arg(long, value_name = "X", value_parser = real::<f64>, default_value = "0.000001", allow_negative_numbers = true, help_heading = TEST)]
    lowest: f64,
    /// The last learning rate, unless the loss goes far up before
    #[arg(long, value_name = "X", value_parser = real::<f64>, default_value = "1", allow_negative_numbers = true, help_heading = TEST)]
    highest: f64,
    /// Steps from the one to the other [default: an epoch, but 200 to 1000]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true, help_heading = TEST)]
    steps: Option<usize>,
    /// A page with the picture to write, which must not exist yet
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    out: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

impl TaskCommand for Common {
    // How long a training takes, what its rate is, what is kept of it, and how it is measured.
    const MEANINGLESS: &'static [&'static str] = &[
        "data.folds",
        "train.epochs",
        "train.lr",
        "train.schedule",
        "train.ema",
        "train.patience",
        "train.save_every",
        "train.tensorboard",
    ];

    fn about(task: &dyn TaskEntry) -> String {
        format!("Find which learning rate a training of {} bears", task.name())
    }

    fn examples(task: &dyn TaskEntry) -> String {
        match task.name() {
            "forecast" => {
                "Examples:\n  sumun find-lr forecast data/airline.csv --target value --horizon 12 --out rates.html\n\nOf \
                 the candidates that a forecaster trains one after the other, the test is of the first."
            }
            "classify" => "Examples:\n  sumun find-lr classify reviews.csv --text review --label stars --hidden 64",
            "regress" => "Examples:\n  sumun find-lr regress sensors.jsonl --label wear --x signal",
            "tag" => "Examples:\n  sumun find-lr tag train.conllu --valid dev.conllu",
            "lm" => "Examples:\n  sumun find-lr lm data/korean_constitution.txt --hidden 128 --highest 0.1",
            "simulate" => {
                "Examples:\n  sumun find-lr simulate data/basins/basins.csv --target runoff --features rain,temperature --series basin"
            }
            _ => "Examples:\n  sumun find-lr translate data/dates/dates.tsv",
        }
        .to_owned()
    }

    fn configured(&self) -> &Configured {
        &self.from
    }
}

/// Runs the test.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let (tables, spelling) = arguments.task.tables()?;
    let TaskCall { task, common, .. } = arguments.task;
    let work = || -> Result<(), Failure> {
        let config = configure(task, &tables)?;
        let data = config.train_file().display().to_string();
        expect_no_page(common.out.as_deref())?;
        let (found, notes) = on_threads(common.output.threads, || {
            let mut training = config.begin()?;
            expect_no_folds(&*training)?;
            let mut notes = training.notes().to_vec();
            let found = find_rate(&mut *training, common.lowest, common.highest, common.steps)?;
            notes.extend(rate_notes(&found));
            Ok::<_, sumun::Error>((found, notes))
        })??;
        if !common.output.quiet {
            notes.iter().for_each(|note| tell_note(note, Style::for_stderr()));
        }
        if let Some(out) = &common.out {
            let about = About { created: now(), command: command_line(), ..About::default() };
            let page = rate_report(&found, task.name(), &data, &about);
            write_page(out, &page, common.output.quiet)?;
        }
        if common.output.json {
            return print_json(&as_json(&found, task.name(), &data, common.out.as_deref()));
        }
        print(&table(&found, Style::for_stdout()))
    };
    work().map_err(|failure| failure.spelled(spelling))
}

/// About so many lines of the table.
const LINES: usize = 16;

fn table(found: &RangeFound, style: Style) -> String {
    let header = ["learning rate", "loss", "smoothed"].map(said);
    let line = |cells: [&str; 3]| cells.map(|cell| right(cell, 13)).join("  ");
    let mut text = format!("{}\n", style.bold(&line(header.each_ref().map(|cell| cell.as_ref()))));
    let every = found.steps.len().div_ceil(LINES).max(1);
    let last = found.steps.len().saturating_sub(1);
    for (_, one) in found.steps.iter().enumerate().filter(|(at, _)| at % every == 0 || *at == last) {
        text += &format!(
            "{}\n",
            line([&format!("{:.2e}", one.learning_rate), &number(one.loss), &number(one.smoothed)])
        );
    }
    let rate = |rate: Option<f64>| rate.map_or_else(|| "–".to_owned(), |rate| typed_rate(rate).to_string());
    text.push('\n');
    for (name, value) in [
        ("steepest", rate(found.steepest)),
        ("least loss", rate(found.least)),
        (
            "suggested",
            style.green(
                &found.suggested().map_or_else(|| "–".into(), |lr| format!("--lr {}", typed_rate(lr))),
            ),
        ),
    ] {
        text += &format!("{}{value}\n", style.dim(&left(&said(name), 12)));
    }
    text
}

fn as_json(found: &RangeFound, task: &str, data: &str, page: Option<&std::path::Path>) -> Value {
    let rate = |rate: Option<f64>| rate.map_or(Value::Null, |rate| json_number(typed_rate(rate)));
    let steps = found.steps.iter().map(|one| {
        json!({
            "lr": json_number(one.learning_rate),
            "loss": json_number(one.loss),
            "smoothed": json_number(one.smoothed),
        })
    });
    json!({
        "task": task,
        "data": data,
        "suggested": rate(found.suggested()),
        "steepest": rate(found.steepest),
        "least": rate(found.least),
        "diverged": found.diverged,
        "page": page.map(|page| page.to_string_lossy()),
        "steps": steps.collect::<Vec<_>>(),
    })
}
