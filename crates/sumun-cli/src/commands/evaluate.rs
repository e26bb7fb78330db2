//! `sumun evaluate`: a trained model on a file, beside the baselines.

use std::path::PathBuf;

use serde_json::json;
use sumun::data::Missing;
use sumun::tasks::{Evaluated, Reading, open};

use crate::arguments::{on_threads, threads};
use crate::failure::Failure;
use crate::figures;
use crate::output::{print, print_json};
use crate::progress::tell_note;
use crate::scores;
use crate::terminal::{Style, file_name};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun evaluate runs/electricity newer.csv
  sumun evaluate runs/electricity newer.csv --json | jq .metrics.mase
  sumun evaluate runs/classify-reviews-1 more_reviews.csv

Of a forecaster, every row with a whole window before it and a whole horizon after it is an
origin. The MASE is scaled by the error of seasonal naive on the part that the
model was trained on, so rows of that part in FILE make the model look better
than it is on new ones.";

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
