//! `sumun generate`: text by a language model, as it comes.

use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::json;
use sumun::tasks::{Sampling, open};

use crate::arguments::{count, on_threads, real, seed, threads};
use crate::failure::Failure;
use crate::output::{print, print_json};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun generate runs/lm-shakespeare --prompt \"ROMEO:\" --length 1000
  sumun generate runs/lm-shakespeare --temperature 0.5 --top-p 0.9 --seed 7 > text.txt
  sumun generate runs/lm-shakespeare --prompt \"To be\" --json
  sumun generate runs/lm-names-1 --samples 20 --stop '\\n' --json | jq -r .texts[]

The text begins with the prompt and comes piece by piece; the same seed and options write the same text.
A length is in the model's tokens: characters, words, or letters of Hangul (--level jamo).
Samples are written at once, each under a line with its number; the first is the text without --samples.";

/// The arguments of `sumun generate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of a training run of `sumun train lm`, or a model file
    run: PathBuf,
    /// What the text begins with; the model must know all its characters or words [default: nothing, a new line]
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    prompt: String,
    /// How many tokens to write after the prompt
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true, default_value_t = Sampling::default().length)]
    length: usize,
    /// Below 1 the text is more predictable, above 1 more surprising; 0 always takes the most probable token
    #[arg(long, value_name = "T", value_parser = real::<f64>, allow_negative_numbers = true, default_value_t = Sampling::default().temperature)]
    temperature: f64,
    /// Choose only among the K most probable tokens [default: all]
    #[arg(long, value_name = "K", value_parser = count, allow_negative_numbers = true)]
    top_k: Option<usize>,
    /// Choose only among the most probable tokens that together have probability P [default: 1]
    #[arg(long, value_name = "P", value_parser = real::<f64>, allow_negative_numbers = true)]
    top_p: Option<f64>,
    /// Make words that are among the last 64 less probable: their probability is raised to the power X; 1 leaves it
    #[arg(long, value_name = "X", value_parser = real::<f64>, allow_negative_numbers = true, default_value_t = Sampling::default().repetition_penalty)]
    repetition_penalty: f64,
    /// End before this text, once it would be written; \n in it is the end of a line. May be given several times
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    /// Write N texts at once
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    samples: Option<usize>,
    /// The seed of the random choices
    #[arg(long, value_name = "N", value_parser = seed, allow_negative_numbers = true, default_value_t = 0)]
    seed: u64,
    /// Threads to compute with [default: all processors]
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true)]
    threads: Option<usize>,
    /// Print one JSON object on one line, when the text is whole
    #[arg(long)]
    json: bool,
}

/// Writes the text.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let how = Sampling {
        length: arguments.length,
        temperature: arguments.temperature,
        top_k: arguments.top_k,
        top_p: arguments.top_p,
        repetition_penalty: arguments.repetition_penalty,
        stop: arguments.stop.into_iter().map(stop).collect(),
        seed: arguments.seed,
    };
    let task = open(&arguments.run)?;
    let named = |error: sumun::Error| match error.problem() {
        sumun::Error::Model(_) => error.of(arguments.run.display()),
        _ => error,
    };
    let object = || {
        json!({
            "task": "lm",
            "run": arguments.run.to_string_lossy(),
            "prompt": arguments.prompt,
            "length": how.length,
            "temperature": how.temperature,
            "top_k": how.top_k,
            "top_p": how.top_p,
            "repetition_penalty": how.repetition_penalty,
            "stop": how.stop,
            "seed": how.seed,
        })
    };
    on_threads(arguments.threads, || {
        if let Some(samples) = arguments.samples {
            let texts = task.generate_many(&arguments.prompt, &how, samples).map_err(named)?;
            if arguments.json {
                let mut object = object();
                object["texts"] = texts.into();
                return print_json(&object);
            }
            let numbered = texts.iter().enumerate().map(|(n, text)| {
                let end = if text.ends_with('\n') { "" } else { "\n" };
                format!("=== {} of {samples} ===\n{text}{end}", n + 1)
            });
            return print(&numbered.collect::<String>());
        }
        let pieces = task.generate(&arguments.prompt, &how).map_err(named)?;
        if arguments.json {
            let mut object = object();
            object["text"] = pieces.collect::<sumun::Result<String>>()?.into();
            return print_json(&object);
        }
        write(pieces)
    })?
}

/// What ends a text: the end of a line is hard to write in some shells.
fn stop(text: String) -> String {
    text.replace("\\n", "\n")
}

/// Writes pieces as they come, and a line end after the last if it has none.
fn write(pieces: impl Iterator<Item = sumun::Result<String>>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let mut put =
        |text: &str| out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::Output);
    let mut ended = false;
    for piece in pieces {
        let piece = piece?;
        put(&piece)?;
        ended = piece.ends_with('\n');
    }
    if ended { Ok(()) } else { put("\n") }
}
