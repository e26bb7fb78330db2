//! `sumun summary`: what a trained model is made of.

use std::path::PathBuf;

use serde_json::{Value, json};
use sumun::tasks::{LayerFacts, ModelFacts, open};

use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::terminal::{Style, count, left, right, width};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun summary runs/electricity
  sumun summary runs/electricity --json

N stands for the number of windows computed at once.";

/// The arguments of `sumun summary`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of a training run, or a model file
    run: PathBuf,
    /// Print one JSON object on one line instead of a table
    #[arg(long)]
    json: bool,
}

/// Prints the layer table.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let trained = open(&arguments.run)?;
    let facts = trained.facts();
    if arguments.json {
        let layer = |layer: &LayerFacts| {
            json!({
                "name": layer.name,
                "kind": layer.kind,
                "output": layer.output,
                "parameters": layer.parameters,
            })
        };
        let mut object = facts.more.clone();
        object.insert("task".into(), trained.task().into());
        object.insert("run".into(), arguments.run.to_string_lossy().into());
        object.insert("layers".into(), facts.layers.iter().map(layer).collect());
        object.insert("parameters".into(), facts.parameters.into());
        return print_json(&Value::Object(object));
    }
    match &facts.table {
        Some(table) => print(table),
        None => print(&page(&facts, Style::for_stdout())),
    }
}

fn page(facts: &ModelFacts, style: Style) -> String {
    let shape = |layer: &LayerFacts| {
        let sizes: Vec<String> =
            layer.output.iter().map(|size| size.map_or("N".into(), |size| size.to_string())).collect();
        format!("[{}]", sizes.join(", "))
    };
    let layers = &facts.layers;
    let rows: Vec<[String; 4]> = layers
        .iter()
        .map(|layer| [layer.name.clone(), layer.kind.clone(), shape(layer), count(layer.parameters)])
        .collect();
    let header = ["Layer", "Kind", "Output", "Parameters"].map(String::from);
    let total = ["Total".into(), String::new(), String::new(), count(facts.parameters)];
    let all = || std::iter::once(&header).chain(&rows).chain(std::iter::once(&total));
    let widths: [usize; 4] = std::array::from_fn(|i| all().map(|row| width(&row[i])).max().unwrap_or(0));
    let line = |row: &[String; 4]| {
        let [name, kind, output, parameters] = row;
        let line = format!(
            "{}  {}  {}  {}",
            left(name, widths[0]),
            left(kind, widths[1]),
            left(output, widths[2]),
            right(parameters, widths[3])
        );
        line.trim_end().to_owned()
    };
    let mut page = String::new();
    if let Some([title, about]) = &facts.heading {
        // What comes from a file may hold anything.
        let about: String = about.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        page += &format!("{}\n{about}\n\n", style.bold(title));
    }
    page += &format!("{}\n", style.bold(&line(&header)));
    rows.iter().for_each(|row| page += &format!("{}\n", line(row)));
    page + &format!("{}\n", style.bold(&line(&total)))
}
