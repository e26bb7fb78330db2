//! `sumun evaluate`: a trained model on a file, beside the baselines.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sumun::data::Missing;
use sumun::tasks::{Evaluated, Reading, ScoredLine, ScoredLines, open};

use crate::arguments::{on_threads, threads};
use crate::failure::Failure;
use crate::figures;
use crate::output::{csv_number, json_number, print, print_json};
use crate::progress::tell_note;
use crate::scores;
use crate::terminal::{Style, file_name};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun evaluate runs/electricity newer.csv
  sumun evaluate runs/electricity newer.csv --json | jq .metrics.mase
  sumun evaluate runs/classify-reviews-1 more_reviews.csv
  sumun evaluate runs/lm-log-1 new.log --score > scores.csv

Of a forecaster, every row with a whole window before it and a whole horizon after it is an
origin. The MASE is scaled by the error of seasonal naive on the part that the
model was trained on, so rows of that part in FILE make the model look better
than it is on new ones.

--score reads each line alone and writes its number, its tokens, those of them
that are unknown, the logarithm of its probability and the mean of that per token: the
least probable lines of a log are the odd ones.";

/// The arguments of `sumun evaluate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of a training run, or a model file
    run: PathBuf,
    /// The file to measure on, of the kind that it was trained on; `-` for standard input
    file: PathBuf,
    /// Of a forecaster, what to do about missing values and steps: error, ffill, interpolate or drop; what was filled in counts in no figure [default: what training did]
    #[arg(long, value_name = "HOW")]
    missing: Option<Missing>,
    /// Of a forecaster, a file with the rows before those of FILE, where its window reaches back to them
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Of a language model, how probable each line of FILE is when it is read alone, as CSV, instead of figures
    #[arg(long, conflicts_with_all = ["missing", "history"])]
    score: bool,
    /// Threads to compute with [default: all processors]
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true)]
    threads: Option<usize>,
    /// Print one JSON object on one line instead of a table
    #[arg(long)]
    json: bool,
}

/// Prints the scores.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let trained = open(&arguments.run)?;
    let run = arguments.run.to_string_lossy();
    if arguments.score {
        let scored = on_threads(arguments.threads, || trained.score_lines(&arguments.file))?;
        let scored = scored.map_err(|error| match error.problem() {
            sumun::Error::Model(_) => error.of(arguments.run.display()),
            _ => error,
        })?;
        scored.notes.iter().for_each(|note| tell_note(note, Style::for_stderr()));
        return if arguments.json {
            print_json(&lines_json(&scored, trained.task(), &run, &arguments.file))
        } else {
            print(&lines_csv(&scored))
        };
    }
    let style = Style::for_stdout();
    let reading = Reading { missing: arguments.missing, history: arguments.history.as_deref() };
    match on_threads(arguments.threads, || trained.evaluate(&arguments.file, &reading))?? {
        Evaluated::Figures(measured) => {
            let notes = measured.notes.iter().cloned().chain(figures::unknown_note(measured.unknown));
            notes.for_each(|note| tell_note(&note, Style::for_stderr()));
            if arguments.json {
                return print_json(&figures::evaluation_json(&measured, trained.task(), &run));
            }
            print(&format!("{}\n{}\n", figures::table(&measured, style), figures::verdict(&measured, style)))
        }
        Evaluated::Forecasts { part, targets, horizon, evaluation, notes } => {
            notes.iter().for_each(|note| tell_note(note, Style::for_stderr()));
            if arguments.json {
                return print_json(&json!({
                    "task": trained.task(),
                    "run": run,
                    "file": arguments.file.to_string_lossy(),
                    "origins": evaluation.origins.len(),
                    "imputed": evaluation.imputed,
                    "horizon": horizon,
                    "metrics": scores::as_json(&evaluation.model.overall),
                    "baselines": scores::baselines_json(&evaluation),
                    "notes": notes,
                }));
            }
            let mut text = scores::table(file_name(&part), &evaluation, &targets, style);
            if let Some(verdict) = scores::verdict(&evaluation) {
                text += &format!("\n{}\n", verdict.written(style));
            }
            print(&text)
        }
        Evaluated::Panel { part, names, horizon, evaluation, notes } => {
            notes.iter().for_each(|note| tell_note(note, Style::for_stderr()));
            if arguments.json {
                return print_json(&json!({
                    "task": trained.task(),
                    "run": run,
                    "file": arguments.file.to_string_lossy(),
                    "series": evaluation.series,
                    "forecasts": evaluation.forecasts,
                    "imputed": evaluation.imputed,
                    "horizon": horizon,
                    "metrics": scores::panel_model_json(&evaluation),
                    "baselines": scores::panel_baselines_json(&evaluation),
                    "notes": notes,
                }));
            }
            let mut text = scores::panel_table(file_name(&part), &evaluation, &names, style);
            if let Some(verdict) = scores::panel_verdict(&evaluation) {
                text += &format!("\n{}\n", verdict.written(style));
            }
            print(&text)
        }
    }
}

/// A line for each line of the file.
fn lines_csv(scored: &ScoredLines) -> String {
    let mut text = String::from("line,tokens,unknown,log_probability,per_token\n");
    for one in &scored.lines {
        let per_token = one.per_token().map(csv_number).unwrap_or_default();
        let &ScoredLine { line, tokens, unknown, log_probability } = one;
        text += &format!("{line},{tokens},{unknown},{},{per_token}\n", csv_number(log_probability));
    }
    text
}

fn lines_json(scored: &ScoredLines, task: &str, run: &str, file: &Path) -> Value {
    let line = |one: &ScoredLine| {
        json!({
            "line": one.line,
            "tokens": one.tokens,
            "unknown": one.unknown,
            "log_probability": json_number(one.log_probability),
            "per_token": one.per_token().map_or(Value::Null, json_number),
        })
    };
    json!({
        "task": task,
        "run": run,
        "file": file.to_string_lossy(),
        "lines": scored.lines.iter().map(line).collect::<Vec<_>>(),
        "notes": scored.notes,
    })
}
