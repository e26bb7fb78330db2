//! One file a command: its arguments, and what it does with the library.

pub(crate) mod apply;
pub(crate) mod backtest;
pub(crate) mod bench;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod evaluate;
pub(crate) mod export;
pub(crate) mod find_lr;
pub(crate) mod generate;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod man;
mod outcome;
pub(crate) mod predict;
pub(crate) mod quantize;
mod report;
pub(crate) mod runs;
pub(crate) mod show;
mod stream;
pub(crate) mod summary;
pub(crate) mod train;
pub(crate) mod tune;

use std::path::{Path, PathBuf};

use sumun::model::ModelConfig;
use sumun::models::ImportOptions;
use sumun::outside::{self, Links};
use sumun::run::{CONFIG_FILE, METRICS_FILE, MODEL_FILE, REPORT_FILE, RESULTS_FILE};

use crate::failure::Failure;

/// What a user tells about a file of another program.
#[derive(Debug, clap::Args)]
pub(crate) struct Told {
    /// The layers of a file that has weights alone, as TOML
    #[arg(long, value_name = "TOML")]
    architecture: Option<PathBuf>,
    /// The number that an input of an ONNX graph has whenever it runs, of a graph that does different things for different ones
    #[arg(long, value_name = "NAME=NUMBER", value_parser = number_of_input)]
    set_input: Vec<(String, f64)>,
}

fn number_of_input(text: &str) -> Result<(String, f64), String> {
    let wrong = || "write the name of an input, = and a number, such as sr=16000".to_owned();
    let (name, number) = text.rsplit_once('=').ok_or_else(wrong)?;
    match number.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && !name.is_empty() => Ok((name.to_owned(), number)),
        _ => Err(wrong()),
    }
}

impl Told {
    /// As the library takes it.
    fn options(&self) -> Result<ImportOptions, Failure> {
        let mut options = ImportOptions::default();
        options.architecture = architecture(self.architecture.as_deref())?;
        for (name, number) in &self.set_input {
            if options.known.insert(name.clone(), *number).is_some_and(|other| other != *number) {
                return Err(Failure::Usage(format!("--set-input has two numbers for {name}; give one")));
            }
        }
        Ok(options)
    }
}

/// The most bytes of a file of layers.
const MOST_ARCHITECTURE: u64 = 4 << 20;

/// The layers that a file has, where one is given.
fn architecture(file: Option<&Path>) -> Result<Option<ModelConfig>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let text = outside::read_given_text(file, Links::Follow, MOST_ARCHITECTURE)?;
    Ok(Some(ModelConfig::from_toml(&text).map_err(|error| error.of(file.display()))?))
}

/// Refuses to write over what is read, which may be a run: then over the files that a training leaves in it.
fn refuse_same_file(read: &Path, written: &Path) -> Result<(), Failure> {
    let (Ok(from), Ok(to)) = (read.canonicalize(), written.canonicalize()) else { return Ok(()) };
    if from == to {
        return Err(Failure::Usage(format!(
            "{} would be overwritten; give another name to write",
            read.display()
        )));
    }
    match OF_A_RUN.into_iter().any(|name| to == from.join(name)) {
        true => Err(Failure::Usage(format!(
            "{} is a file of this run; give another name to write",
            written.display()
        ))),
        false => Ok(()),
    }
}

/// What a training leaves in its folder.
const OF_A_RUN: [&str; 5] = [MODEL_FILE, CONFIG_FILE, METRICS_FILE, RESULTS_FILE, REPORT_FILE];
