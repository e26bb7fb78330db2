//! `sumun import`: a model of another program as a model file of Sumun.

use std::path::PathBuf;

use sumun::models::{interchange::largest_difference, open_with};

use super::Told;
use super::show::notes;
use crate::failure::Failure;
use crate::output::say;
use crate::terminal::shell_word;

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun import classifier.pt --out classifier.safetensors
  sumun import model.keras --out model.safetensors
  sumun import weights.safetensors --architecture layers.toml --out model.safetensors
  sumun apply classifier.safetensors --input x.npz --output y.npz

The file is read, never executed. What it does not say of its layers is assumed and said; `sumun show` prints it as an
architecture that can be corrected.";

/// The arguments of `sumun import`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A model file of PyTorch, Keras, ONNX, safetensors, NumPy, RTNeural or Neural Amp Modeler
    file: PathBuf,
    #[command(flatten)]
    told: Told,
    /// The model file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Reads, writes, and holds what was written against what was read.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let opened = open_with(&arguments.file, arguments.told.options()?)?;
    super::refuse_same_file(&arguments.file, &arguments.out)?;
    let model = opened.model()?;
    model.save(&arguments.out)?;
    let again = sumun::model::Model::load(&arguments.out)?;
    let difference = largest_difference(model, &again, 1)?;
    notes(&opened);
    say(&format!(
        "{}: {} layers, {} parameters, from {}; largest difference on random input: {difference:.1e}",
        arguments.out.display(),
        model.layer_names().count(),
        model.parameters().values().len(),
        opened.origin.title(),
    ));
    say(&format!("try it: sumun show {}", shell_word(&arguments.out.to_string_lossy())));
    Ok(())
}
