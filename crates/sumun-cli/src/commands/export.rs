//! `sumun export`: a model for another program.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use sumun::models::{Target, open, save, write};

use super::architecture;
use super::show::notes;
use crate::failure::Failure;
use crate::output::tell;

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun export runs/electricity --to onnx --out electricity.onnx
  sumun export model.safetensors --to keras --out model.keras
  sumun export classifier.pt --to safetensors --out classifier.safetensors
  sumun export amp.nam --to c --out amp.h

What other programs load is read back and run beside the model on random input before it is kept. c is one header that
computes step by step; numpy is a Python module, with its weights in an .npz file beside it. Of a run, the network is
written, without what turns the records of a file into numbers.";

/// The arguments of `sumun export`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of a training run, a model file, or a file of another program
    model: PathBuf,
    /// The format to write
    #[arg(long, value_name = "FORMAT", value_parser = targets())]
    to: Target,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The layers of a file that has weights alone, as TOML
    #[arg(long, value_name = "TOML")]
    architecture: Option<PathBuf>,
}

fn targets() -> impl TypedValueParser<Value = Target> {
    PossibleValuesParser::new(Target::ALL.map(Target::name)).map(|name| {
        Target::ALL
            .into_iter()
            .find(|target| target.name() == name)
            .expect("the parser takes these names alone")
    })
}

/// Writes the file once it has proven to be the model.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let opened = open(&arguments.model, architecture(arguments.architecture.as_deref())?)?;
    super::refuse_same_file(&arguments.model, &arguments.out)?;
    let name = arguments.out.file_stem().unwrap_or_default().to_string_lossy();
    let written = write(opened.model()?, arguments.to, &name)?;
    if let Some(weights) = &written.weights {
        let beside = arguments.out.with_extension("npz");
        super::refuse_same_file(&arguments.model, &beside)?;
        save(&beside, weights)?;
    }
    save(&arguments.out, &written.bytes)?;
    notes(&opened);
    let proven = written.difference.map(|d| format!("; largest difference on random input: {d:.1e}"));
    tell(&format!(
        "{}: {} bytes for {}{}",
        arguments.out.display(),
        written.bytes.len(),
        arguments.to.name(),
        proven.unwrap_or_default()
    ));
    Ok(())
}
