//! `sumun export`: a model for another program.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use sumun::models::{Folder, OnnxOptions, Opened, Target, open_with, save, write_folder, write_with};

use super::Told;
use super::show::notes;
use crate::failure::Failure;
use crate::output::say;
use crate::terminal::shell_word;

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun export runs/electricity --to onnx --out electricity
  sumun export runs/electricity --to onnx --out electricity.onnx
  sumun export model.safetensors --to keras --out model.keras
  sumun export classifier.pt --to safetensors --out classifier.safetensors
  sumun export amp.nam --to c --out amp.h
  sumun export tagger.pt --to onnx --lengths --states --out tagger.onnx

What other programs load is read back and run beside the model on random input before it is kept. c is one header that
computes step by step; numpy is a Python module, with its weights in an .npz file beside it. Of a run, the network is
written, without what turns the records of a file into numbers; but --to onnx makes a folder of a run unless FILE ends in
.onnx: model.onnx (three graphs of a translator), preprocessing.json, and predict.py, which predicts with numpy and
onnxruntime alone (docs/export.md).";

/// The arguments of `sumun export`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of a training run, a model file, or a file of another program
    model: PathBuf,
    /// The format to write
    #[arg(long, value_name = "FORMAT", value_parser = targets())]
    to: Target,
    /// The file to write, or the folder for a run
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Of onnx: an input `lengths` [N], where sequences end early
    #[arg(long)]
    lengths: bool,
    /// Of onnx: the states of recurrent layers as inputs `h_0`, `c_0` and outputs `h_n`, `c_n` [L·D, N, H]
    #[arg(long)]
    states: bool,
    #[command(flatten)]
    told: Told,
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
    let opened = open_with(&arguments.model, arguments.told.options()?)?;
    super::refuse_same_file(&arguments.model, &arguments.out)?;
    let options =
        OnnxOptions { lengths: arguments.lengths, states: arguments.states, ..OnnxOptions::default() };
    let is_graph = ending(&arguments.out) == "onnx" || !opened.is_run();
    if options != OnnxOptions::default() && (arguments.to != Target::Onnx || !is_graph) {
        let what = if options.lengths { "--lengths" } else { "--states" };
        return Err(Failure::Usage(match arguments.to {
            Target::Onnx => format!("{what} is for a graph alone; give --out a name that ends in .onnx"),
            other => format!("{what} is for --to onnx, not {}; leave it out", other.name()),
        }));
    }
    if arguments.to == Target::Onnx && !is_graph {
        return folder(&opened, &arguments.out);
    }
    let name = arguments.out.file_stem().unwrap_or_default().to_string_lossy();
    let written = write_with(opened.model()?, arguments.to, &name, options)?;
    if let Some(weights) = &written.weights {
        let beside = arguments.out.with_extension("npz");
        super::refuse_same_file(&arguments.model, &beside)?;
        save(&beside, weights)?;
    }
    save(&arguments.out, &written.bytes)?;
    notes(&opened);
    let proven = written.difference.map(|d| format!("; largest difference on random input: {d:.1e}"));
    say(&format!(
        "{}: {} bytes for {}{}",
        arguments.out.display(),
        written.bytes.len(),
        arguments.to.name(),
        proven.unwrap_or_default()
    ));
    Ok(())
}

/// A run as a folder.
fn folder(opened: &Opened, out: &Path) -> Result<(), Failure> {
    let Folder { files, difference } = write_folder(opened, out)?;
    notes(opened);
    say(&format!(
        "{}: {}; largest difference on random input: {difference:.1e}",
        out.display(),
        files.join(", ")
    ));
    say(&format!("try it: python {} FILE", shell_word(&out.join("predict.py").to_string_lossy())));
    Ok(())
}

fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}
