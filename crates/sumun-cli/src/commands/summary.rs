//! `sumun summary`: what a trained model is made of.

use std::path::PathBuf;

use serde_json::{Value, json};
use sumun::tasks::{LayerFacts, open};

use crate::failure::Failure;
use crate::language::said;
use crate::output::{print, print_json};
use crate::terminal::{Style, left, right, width};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun summary runs/electricity
  sumun summary runs/electricity --json

None stands for what is any: the number of sequences, and of their steps.";

/// The arguments of `sumun summary`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of a training run, or a model file
    run: PathBuf,
    /// Print one JSON object on one line instead of a table
    #[arg(long)]
    json: bool,
}

/// Prints the table of layers.
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
    let heading = match &facts.heading {
        Some([title, about]) => {
            // What comes from a file may hold anything.
            let about: String = about.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            format!("{}\n{}\n\n", Style::for_stdout().bold(&said(title)), said(&about))
        }
        None => String::new(),
    };
    print(&format!("{heading}{}\n", spoken(&facts.table)))
}

/// A table of layers with its heads, which keep their columns, and its sums in the language that is spoken. Kinds of layers stay,
/// as they are names.
pub(super) fn spoken(table: &str) -> String {
    let mut lines = table.trim_end().lines();
    let mut heads = lines.next().unwrap_or_default().to_owned();
    for (head, place) in [
        ("Layer (kind)", left as fn(&str, usize) -> String),
        ("Output shape", left),
        ("Parameters", right),
        ("Reads", left),
    ] {
        heads = heads.replacen(head, &place(&said(head), width(head)), 1);
    }
    let others = lines.map(|line| match line.contains("parameters: ") && !line.contains("  ") {
        true => said(line).into_owned(),
        false => line.to_owned(),
    });
    std::iter::once(heads.trim_end().to_owned()).chain(others).collect::<Vec<_>>().join("\n")
}
