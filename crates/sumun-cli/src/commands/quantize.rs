//! `sumun quantize`: a model file with weights of 8 bits.

use std::path::PathBuf;

use serde_json::{Value, json};
use sumun::models::{Compared, MOST_LOST, Quantized, interchange::largest_difference};

use super::Told;
use super::show::notes;
use crate::arguments::{on_threads, threads};
use crate::failure::Failure;
use crate::output::{json_number, print_json, say};
use crate::terminal::{count, file_name, shell_word};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun quantize runs/classify-reviews-1 --out reviews.safetensors --calibrate newer_reviews.csv
  sumun predict reviews.safetensors newer_reviews.csv
  sumun quantize model.keras --out model.safetensors

The weights of recurrent, dense and embedding layers become whole numbers from -127 to 127, with a scale for each row of a
matrix; biases and preprocessing stay. What multiplies them is rounded to 8 bits as well when the model runs, each row by its
own largest number. So nothing has to be measured beforehand: --calibrate says what the rounding costs on your data.
The file is for predict, evaluate, generate and apply; it is not trained any more, and for export use the model that it was made
from.";

/// The arguments of `sumun quantize`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of a training run, a model file, or a file of another program
    model: PathBuf,
    #[command(flatten)]
    told: Told,
    /// The model file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Data on which both models are measured: of a run, a file of the kind that it was trained on; of a model alone, arrays
    #[arg(long, value_name = "DATA")]
    calibrate: Option<PathBuf>,
    /// Threads to compute with [default: all processors]
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true)]
    threads: Option<usize>,
    /// Print one JSON object on one line
    #[arg(long)]
    json: bool,
}

/// Rounds, measures, and writes.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { model, told, out, calibrate, threads, json } = arguments;
    super::refuse_same_file(&model, &out)?;
    let quantized = Quantized::of(&model, told.options()?)?;
    notes(&quantized.before);
    let figures = match &calibrate {
        Some(data) => {
            super::refuse_same_file(data, &out)?;
            on_threads(threads, || quantized.measure(data))??
        }
        None => Vec::new(),
    };
    let before = quantized.before.model()?;
    let difference = largest_difference(before, quantized.after.model()?, 1)?;
    let bytes = quantized.file.to_bytes()?.len();
    quantized.file.save(&out)?;
    let parameters = before.parameters().values().len();
    let floats = quantized.bytes_before;
    if json {
        return print_json(&json!({
            "model": model.to_string_lossy(),
            "out": out.to_string_lossy(),
            "parameters": parameters,
            "bytes": bytes,
            "bytes_before": floats,
            "largest_difference": json_number(difference),
            "figures": figures.iter().map(as_json).collect::<Vec<_>>(),
        }));
    }
    say(&format!(
        "{}: {} parameters in {} bytes instead of {}; largest difference on random input: {difference:.1e}",
        out.display(),
        count(parameters),
        count(bytes),
        count(floats),
    ));
    if let Some(data) = &calibrate {
        let data = data.to_string_lossy();
        for Compared { before, after } in &figures {
            let [was, is] = [before.value, after.value].map(|value| format!("{value:.4}"));
            say(&format!("{} on {}: {was} with 32 bits, {is} with 8", before.name, file_name(&data)));
        }
    }
    if let Some(first) = figures.first().filter(|first| first.lost() > MOST_LOST || !first.lost().is_finite())
    {
        let (lost, name) = (first.lost(), first.before.name);
        say(&match first.before.more_is_better {
            true => format!(
                "warning: 8 bits cost {lost:.1} points of {name}; keep the model of 32 bits where that matters"
            ),
            false => {
                format!(
                    "warning: {name} is {lost:.1} % more with 8 bits; keep the model of 32 bits where that matters"
                )
            }
        });
    }
    let word = shell_word(&out.to_string_lossy());
    say(&match quantized.before.is_run() {
        true if quantized.file.task == "lm" => format!("try it: sumun generate {word}"),
        true => format!("try it: sumun predict {word} FILE"),
        false => format!("try it: sumun show {word}"),
    });
    Ok(())
}

fn as_json(figure: &Compared) -> Value {
    let Compared { before, after } = figure;
    json!({
        "figure": before.key,
        "before": json_number(before.value),
        "after": json_number(after.value),
        "lost": json_number(figure.lost()),
    })
}
