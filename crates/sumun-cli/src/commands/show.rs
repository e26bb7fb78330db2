//! `sumun show`: what is in a model file, whatever program wrote it.

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Value, json};
use sumun::models::{Opened, interchange::ForeignFile, open_with};

use super::Told;
use super::summary::spoken;
use crate::failure::Failure;
use crate::language::said;
use crate::output::{print, print_json, tell};
use crate::terminal::{Style, count, one_line};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun show classifier.pt
  sumun show weights.safetensors --architecture layers.toml
  sumun show runs/electricity --json

A file of weights alone does not say what its layers are: they are worked out from names and shapes, and shown as an
architecture that can be saved, corrected and given with --architecture. Nothing in a file is executed.";

/// The arguments of `sumun show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A model file of PyTorch, Keras, ONNX, safetensors, NumPy, RTNeural or Neural Amp Modeler, or a run of Sumun
    file: PathBuf,
    #[command(flatten)]
    told: Told,
    /// Print one JSON object on one line instead of tables
    #[arg(long)]
    json: bool,
}

/// Prints what the file has.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let opened = open_with(&arguments.file, arguments.told.options()?);
    let opened = match opened {
        Ok(opened) => opened,
        // Another call shows the model; a table would only stand before what it needs.
        Err(error @ sumun::Error::Advised { .. }) => return Err(error.into()),
        // Tensors are worth showing where no model can be made of them.
        Err(error) => return tensors_alone(&arguments, error.into()),
    };
    if arguments.json {
        return print_json(&as_json(&opened)?);
    }
    let model = opened.model()?;
    let style = Style::for_stdout();
    let mut text =
        format!("{}\n\n{}\n", style.bold(&opened.origin.title()), spoken(&model.summary().to_string()));
    text += &format!("\n{}\n", style.bold(&said("Weights")));
    let entries = model.parameters().entries();
    let rounded = model.int8_weights();
    let kind = |name: &str| if rounded.contains(name) { "i8" } else { "f32" };
    let rows = entries.iter().map(|entry| (one_line(&entry.name), kind(&entry.name), entry.shape.as_slice()));
    text += &table(&rows.collect::<Vec<_>>());
    text += &format!("\n{}\n{}", style.bold(&said("Architecture")), model.config().to_toml()?);
    print(&text)?;
    notes(&opened);
    Ok(())
}

/// Writes what was noticed to stderr.
pub(super) fn notes(opened: &Opened) {
    tell_notes(&opened.notes);
}

/// Writes notes to stderr.
pub(super) fn tell_notes(notes: &[String]) {
    notes.iter().for_each(|note| tell(&format!("{} {}", said("note:"), said(&one_line(note)))));
}

fn as_json(opened: &Opened) -> Result<Value, Failure> {
    let model = opened.model()?;
    let rounded = model.int8_weights();
    let kind = |name: &str| if rounded.contains(name) { "i8" } else { "f32" };
    let tensor = |entry: &sumun::parameters::Entry| json!({ "name": entry.name, "type": kind(&entry.name), "shape": entry.shape });
    let config = serde_json::to_value(model.config()).map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(json!({
        "format": opened.origin.title(),
        "inputs": model.input_names().collect::<Vec<_>>(),
        "outputs": model.output_names().collect::<Vec<_>>(),
        "parameters": model.parameters().values().len(),
        "model": config,
        "tensors": model.parameters().entries().iter().map(tensor).collect::<Vec<_>>(),
        "notes": opened.notes,
    }))
}

/// What a file of another program holds, where `failure` says why there is no model.
fn tensors_alone(arguments: &Arguments, failure: Failure) -> Result<(), Failure> {
    let Ok(Some(file)) = sumun::models::bytes(&arguments.file).map(|bytes| ForeignFile::read(&bytes).ok())
    else {
        return Err(failure);
    };
    let rows: Vec<(String, &str, &[usize])> = file
        .arrays()
        .into_iter()
        .map(|(name, tensor)| (one_line(name), tensor.element().name(), tensor.shape()))
        .collect();
    if rows.is_empty() {
        return Err(failure);
    }
    if arguments.json {
        let tensors =
            rows.iter().map(|(name, kind, shape)| json!({ "name": name, "type": kind, "shape": shape }));
        print_json(&json!({ "format": file.format().title(), "tensors": tensors.collect::<Vec<_>>() }))?;
    } else {
        print(&format!("{}\n\n{}", Style::for_stdout().bold(file.format().title()), table(&rows)))?;
    }
    Err(failure)
}

/// Names, types and shapes below each other.
fn table(rows: &[(String, &str, &[usize])]) -> String {
    let longest = rows.iter().map(|(name, ..)| crate::terminal::width(name)).max().unwrap_or(0).min(60);
    let mut text = String::new();
    for (name, kind, shape) in rows {
        let name = crate::terminal::left(name, longest);
        let _ = writeln!(text, "  {name}  {kind:<4}  {shape:?}");
    }
    let numbers: usize = rows.iter().map(|(_, _, shape)| shape.iter().product::<usize>()).sum();
    let total = format!("{} arrays, {} numbers", count(rows.len()), count(numbers));
    text + &format!("  {}\n", said(&total))
}
