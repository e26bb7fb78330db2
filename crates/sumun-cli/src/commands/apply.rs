//! `sumun apply`: a model on arrays.

use std::path::PathBuf;

use sumun::model::{Model, ModelConfig};
use sumun::models::{has_one_array, open, read_arrays, write_arrays};

use super::architecture;
use super::show::notes;
use crate::failure::Failure;
use crate::output::tell;

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun apply classifier.pt --input x.npz --output y.npz
  sumun apply model.safetensors --input first.npz --output y1.npz --state-out state.npz
  sumun apply model.safetensors --input second.npz --output y2.npz --state state.npz

Arrays go in by the names of the model's inputs: `input` [N, T, F] (or [T, F] for one sequence), ids [N, T], and
`lengths` [N] where sequences end early. Out come `output`, and the last states `h_n` and `c_n` [L·D, N, H].
An ONNX graph has its own names and layouts.";

/// The arguments of `sumun apply`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A model file, the folder of a training run, or a file of another program
    model: PathBuf,
    /// The arrays that go in
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Where the arrays that come out are written
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// States to begin with, as --state-out wrote them; zeros where it is left out
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Where the last states are written, instead of among the outputs
    #[arg(long, value_name = "FILE")]
    state_out: Option<PathBuf>,
    /// The layers of a file that has weights alone, as TOML
    #[arg(long, value_name = "TOML")]
    architecture: Option<PathBuf>,
}

/// Reads the arrays, runs the model and writes what comes out.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let opened = open(&arguments.model, architecture(arguments.architecture.as_deref())?)?;
    for written in [Some(&arguments.output), arguments.state_out.as_ref()].into_iter().flatten() {
        super::refuse_same_file(&arguments.model, written)?;
        super::refuse_same_file(&arguments.input, written)?;
    }
    let inputs = read_arrays(&arguments.input, only_input(opened.model()?))?;
    let initial =
        arguments.state.as_deref().map(|file| read_arrays(file, "h_n")).transpose()?.unwrap_or_default();
    let results = opened.apply(&inputs, &initial)?;
    // The one array of a .npy file is the output.
    if arguments.state_out.is_none() && !has_one_array(&arguments.output) {
        write_arrays(&arguments.output, &results)?;
    } else {
        let (states, outputs) = results.partition(|name| name.starts_with("h_n") || name.starts_with("c_n"));
        if let Some(file) = &arguments.state_out {
            write_arrays(file, &states)?;
        }
        write_arrays(&arguments.output, &outputs)?;
    }
    notes(&opened);
    tell(&format!("{}: written", arguments.output.display()));
    Ok(())
}

/// What the array of a file without names is called.
fn only_input(model: &Model) -> &str {
    model.input_names().next().filter(|_| model.config().inputs.len() == 1).unwrap_or(ModelConfig::INPUT)
}
