//! `sumun summary`: what a trained model is made of.

use std::path::PathBuf;

use serde_json::{Value, json};
use sumun::forecast::{Forecaster, LayerSummary};
use sumun::tasks::TrainedTask;

use super::opened::{Opened, open};
use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::terminal::{Style, count, left, right, shortened, width};

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
    match open(&arguments.run)? {
        Opened::Forecast(forecaster) => forecaster_layers(&forecaster, &arguments),
        Opened::Task(trained) => task_layers(&trained, &arguments),
    }
}

/// Prints the layers of any other task.
fn task_layers(trained: &TrainedTask, arguments: &Arguments) -> Result<(), Failure> {
    let summary = trained.model.summary();
    if arguments.json {
        let layers = summary.rows.iter().map(|row| {
            json!({
                "name": row.name,
                "kind": row.kind,
                "output": row.output_shape,
                "parameters": row.parameters,
            })
        });
        return print_json(&json!({
            "task": trained.task.to_string(),
            "run": arguments.run.to_string_lossy(),
            "layers": layers.collect::<Value>(),
            "parameters": trained.model.parameters().len(),
        }));
    }
    print(&format!("{summary}"))
}

fn forecaster_layers(forecaster: &Forecaster, arguments: &Arguments) -> Result<(), Failure> {
    let layers = forecaster.summary();
    let parameters: usize = layers.iter().map(|layer| layer.parameters).sum();
    let config = forecaster.config();
    if arguments.json {
        let layers: Vec<Value> = layers
            .iter()
            .map(|layer| {
                json!({
                    "name": layer.name,
                    "kind": layer.kind,
                    "output": layer.output,
                    "parameters": layer.parameters,
                })
            })
            .collect();
        return print_json(&json!({
            "task": "forecast",
            "run": arguments.run.to_string_lossy(),
            "version": config.version,
            "seed": config.seed,
            "targets": config.preprocessing.targets.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(),
            "window": config.preprocessing.window,
            "horizon": config.preprocessing.horizon,
            "season": config.season,
            "layers": layers,
            "parameters": parameters,
        }));
    }
    print(&page(forecaster, &layers, Style::for_stdout()))
}

fn page(forecaster: &Forecaster, layers: &[LayerSummary], style: Style) -> String {
    let config = forecaster.config();
    let shape = |layer: &LayerSummary| {
        let sizes: Vec<String> =
            layer.output.iter().map(|size| size.map_or("N".into(), |size| size.to_string())).collect();
        format!("[{}]", sizes.join(", "))
    };
    let rows: Vec<[String; 4]> = layers
        .iter()
        .map(|layer| [layer.name.clone(), layer.kind.clone(), shape(layer), count(layer.parameters)])
        .collect();
    let header = ["Layer", "Kind", "Output", "Parameters"].map(String::from);
    let total: usize = layers.iter().map(|layer| layer.parameters).sum();
    let total = ["Total".into(), String::new(), String::new(), count(total)];
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
    let names: Vec<String> = config.preprocessing.targets.iter().map(|t| shortened(&t.name, 30)).collect();
    let mut page = format!(
        "{}\n{} of {}, {} ahead from a window of {}\n\n",
        style.bold("Forecaster"),
        if names.len() == 1 { "forecast" } else { "forecasts" },
        names.join(", "),
        steps(config.preprocessing.horizon),
        config.preprocessing.window
    );
    page += &format!("{}\n", style.bold(&line(&header)));
    rows.iter().for_each(|row| page += &format!("{}\n", line(row)));
    page + &format!("{}\n", style.bold(&line(&total)))
}

fn steps(horizon: usize) -> String {
    if horizon == 1 { "1 step".into() } else { format!("{horizon} steps") }
}
