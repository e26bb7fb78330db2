//! `sumun predict`: what comes after the end of a file.

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use sumun::Error;
use sumun::data::Missing;
use sumun::forecast::{Forecast, PanelForecast};
use sumun::report::percent;
use sumun::tasks::{Alignment, AttentionWeights, Predicted, Prediction, Predictions, Reading, Request, open};

use crate::arguments::{count, on_threads, threads};
use crate::failure::Failure;
use crate::figures;
use crate::output::{csv_number, csv_text, json_number, print, print_json};
use crate::progress::tell_note;
use crate::terminal::{self, Style};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun predict runs/electricity                        # after the end of the training file
  sumun predict runs/electricity newer.csv --steps 48   # after the end of another file
  (head -n 1 log.csv; tail -n 500 log.csv) | sumun predict runs/log - > next.csv
  sumun predict runs/electricity --json
  sumun predict runs/sales --samples 100 > futures.csv
  sumun predict runs/classify-reviews-1 new_reviews.csv > labels.csv
  sumun predict runs/classify-reviews-1 new_reviews.csv --json --attention
  sumun predict runs/classify-reviews-1 new_reviews.csv --id review_id > labels.csv
  echo 'the film is wonderful' | sumun predict runs/classify-reviews-1 -
  sumun predict runs/translate-dates-1 new_dates.csv --beam 8

A forecast has the time column as the file writes it and one column a target; numbers read back exactly.
Rows at the end of FILE that have the known columns but no targets say what is known ahead.";

/// The arguments of `sumun predict`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of a training run, or a model file
    run: PathBuf,
    /// The file to predict for, or to forecast from the end of; `-` for standard input [default, of a forecaster: the training file's end]
    file: Option<PathBuf>,
    /// How many steps ahead; beyond the horizon, forecasts are fed back in [default: the horizon]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    steps: Option<usize>,
    /// Of a forecaster with intervals, also so many sample paths of each series: whole futures, each a column
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    samples: Option<usize>,
    /// Of a forecaster, what to do about missing values and steps: error, ffill, interpolate or drop; rows that the forecast does not need may lack any [default: what training did]
    #[arg(long, value_name = "HOW")]
    missing: Option<Missing>,
    /// Of a forecaster, a file with the rows before those of FILE, where its window reaches back to them
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Threads to compute with [default: all processors]
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true)]
    threads: Option<usize>,
    /// Print one JSON object on one line instead of CSV
    #[arg(long)]
    json: bool,
    /// Of a translator, how many hypotheses the search keeps; 1 always takes the most probable token [default: 4]
    #[arg(long, value_name = "K", value_parser = count, allow_negative_numbers = true)]
    beam: Option<usize>,
    /// With --json, of a model trained with --pool attention, or of a translator: also the weight of each token or step
    #[arg(long, requires = "json")]
    attention: bool,
    /// Of a classifier or regressor, the one column of FILE to write beside each prediction [default: all of them]
    #[arg(long, value_name = "COLUMN")]
    id: Option<String>,
    /// Refuse a file with an empty text; without it, such a text is predicted as `unknown`
    #[arg(long)]
    strict: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short)]
    quiet: bool,
}

/// Prints what the model makes of the file.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    for (option, given) in [("--steps", arguments.steps), ("--samples", arguments.samples)] {
        if given == Some(0) {
            return Err(Failure::Usage(format!("{option} is 0; it must be at least 1")));
        }
    }
    let trained = open(&arguments.run)?;
    let Arguments { file, steps, attention, beam, .. } = &arguments;
    let request = Request {
        file: file.as_deref(),
        steps: *steps,
        samples: arguments.samples,
        attention: *attention,
        beam: *beam,
        id: arguments.id.as_deref(),
        strict: arguments.strict,
        reading: Reading { missing: arguments.missing, history: arguments.history.as_deref() },
    };
    // The model does not know where it came from.
    let of_run = |error: Error| match error.problem() {
        Error::Model(_) => error.of(arguments.run.display()),
        _ => error,
    };
    match on_threads(arguments.threads, || trained.predict(&request))?.map_err(of_run)? {
        Predicted::Records(predicted) => print_predictions(trained.task(), &predicted, &arguments),
        Predicted::Ahead { forecast, horizon } => {
            if !arguments.quiet {
                forecast.notes.iter().for_each(|note| tell_note(note, Style::for_stderr()));
            }
            match arguments.json {
                true => print_json(&as_json(&arguments, trained.task(), &forecast, horizon)),
                false => print(&as_csv(&forecast)),
            }
        }
        Predicted::Panel(forecast) => {
            if !arguments.quiet {
                forecast.notes.iter().for_each(|note| tell_note(note, Style::for_stderr()));
            }
            match arguments.json {
                true => print_json(&panel_json(&arguments, trained.task(), &forecast)),
                false => print(&panel_csv(&forecast)),
            }
        }
    }
}

/// Prints a prediction for each record.
fn print_predictions(task: &str, predicted: &Predictions, arguments: &Arguments) -> Result<(), Failure> {
    if !arguments.quiet {
        let notes = predicted.notes.iter().cloned().chain(figures::unknown_note(predicted.unknown));
        notes.chain(cut_note(predicted)).for_each(|note| tell_note(&note, Style::for_stderr()));
    }
    if arguments.json {
        let sources = predicted.texts.iter().map(Some).chain(std::iter::repeat(None));
        let mut object = json!({
            "task": task,
            "run": arguments.run.to_string_lossy(),
            "file": arguments.file.as_ref().map(|file| file.to_string_lossy()),
            "classes": predicted.classes,
            "unknown_tokens": predicted.unknown,
            "predictions": predicted.predictions.iter().zip(sources).map(prediction_json).collect::<Value>(),
            "notes": predicted.notes,
        });
        if !predicted.thresholds.is_empty() {
            object["thresholds"] = predicted.thresholds.iter().copied().map(json_number).collect();
        }
        if arguments.id.is_some() {
            object["ids"] = predicted.beside.rows.iter().filter_map(|row| row.first().cloned()).collect();
        }
        if arguments.attention {
            let aligned = predicted.predictions.iter().filter_map(alignment_json);
            object["attention"] = predicted.attention.iter().map(attention_json).chain(aligned).collect();
        }
        return print_json(&object);
    }
    print(&predictions_text(task, predicted))
}

/// What to say of texts that came to no end; None where all did.
fn cut_note(predicted: &Predictions) -> Option<String> {
    let cut = |prediction: &&Prediction| matches!(prediction, Prediction::Text { ended: false, .. });
    let cut = predicted.predictions.iter().filter(cut).count();
    (cut > 0).then(|| {
        format!(
            "{} of {} outputs reached the longest length, twice that of the longest target in training, without an end",
            terminal::count(cut),
            terminal::count(predicted.predictions.len())
        )
    })
}

fn prediction_json((prediction, source): (&Prediction, Option<&String>)) -> Value {
    match prediction {
        Prediction::Class { label, probabilities } => json!({
            "label": label,
            "probabilities": probabilities.iter().copied().map(json_number).collect::<Value>(),
        }),
        Prediction::Labels { labels, probabilities } => json!({
            "labels": labels,
            "probabilities": probabilities.iter().copied().map(json_number).collect::<Value>(),
        }),
        Prediction::Number(value) => json_number(*value),
        Prediction::Unknown { .. } => Value::Null,
        Prediction::Tokens { tokens, log_probabilities } => json!({
            "tokens": tokens,
            "log_probabilities": log_probabilities.iter().copied().map(json_number).collect::<Value>(),
        }),
        Prediction::Tags { tags, probabilities } => json!({
            "tags": tags,
            "probabilities": probabilities.iter().copied().map(json_number).collect::<Value>(),
        }),
        Prediction::Text { text, probability, ended, .. } => json!({
            "source": source,
            "text": text,
            "probability": json_number(*probability),
            "ended": ended,
        }),
    }
}

/// A row of weights for each token that was written; None where it was not asked for.
fn alignment_json(prediction: &Prediction) -> Option<Value> {
    let Prediction::Text { alignment: Some(Alignment { source, target, weights }), .. } = prediction else {
        return None;
    };
    let row = |row: &[f32]| row.iter().map(|&weight| json_number(f64::from(weight))).collect::<Value>();
    let weights: Value = weights.chunks(source.len().max(1)).map(row).collect();
    Some(json!({ "source": source, "target": target, "weights": weights }))
}

/// A weight for each step, with the tokens where they are what the model read.
fn attention_json(attention: &AttentionWeights) -> Value {
    let weights: Value = attention.weights.iter().map(|&weight| json_number(f64::from(weight))).collect();
    match attention.tokens.is_empty() {
        true => json!({ "weights": weights }),
        false => json!({ "tokens": attention.tokens, "weights": weights }),
    }
}

/// What stands for the prediction of a record with nothing to read.
const UNKNOWN: &str = "unknown";

/// A line a record as CSV, its own columns before the prediction; of tagged sentences, a line a token and a blank line after
/// each.
fn predictions_text(task: &str, predicted: &Predictions) -> String {
    let probabilities: Vec<String> =
        predicted.classes.iter().map(|label| format!("probability_{label}")).collect();
    let columns: Vec<&str> =
        match predicted.predictions.iter().find(|p| !matches!(p, Prediction::Unknown { .. })) {
            Some(Prediction::Number(_)) => vec!["prediction"],
            Some(Prediction::Text { .. }) => vec!["source", "prediction", "probability"],
            Some(Prediction::Tokens { .. }) => vec!["token", "log_probability"],
            Some(Prediction::Tags { .. }) => Vec::new(),
            _ if !predicted.thresholds.is_empty() => {
                std::iter::once("labels").chain(probabilities.iter().map(String::as_str)).collect()
            }
            None if task == "regress" => vec!["prediction"],
            _ => vec!["label", "probability"],
        };
    let beside = &predicted.beside;
    let mut text = String::new();
    if !columns.is_empty() {
        let own = beside.names.iter().cloned();
        let names: Vec<String> = own.chain(columns.iter().map(|name| unlike(name, &beside.names))).collect();
        text += &csv_row(&names);
    }
    for (place, prediction) in predicted.predictions.iter().enumerate() {
        let mut row = beside.rows.get(place).cloned().unwrap_or_default();
        match prediction {
            Prediction::Class { label, probabilities } => {
                let highest = probabilities.iter().copied().fold(0.0, f64::max);
                row.extend([label.clone(), csv_number(highest)]);
            }
            Prediction::Labels { labels, probabilities } => {
                row.push(labels_cell(labels, &predicted.classes));
                row.extend(probabilities.iter().copied().map(csv_number));
            }
            Prediction::Number(value) => row.push(csv_number(*value)),
            Prediction::Unknown { .. } => {
                row.push(UNKNOWN.into());
                row.extend(columns.iter().skip(1).map(|_| String::new()));
            }
            Prediction::Text { text, probability, .. } => {
                let source = predicted.texts.get(place).cloned().unwrap_or_default();
                row.extend([source, text.clone(), csv_number(*probability)]);
            }
            Prediction::Tokens { tokens, log_probabilities } => {
                for (token, &log_probability) in tokens.iter().zip(log_probabilities) {
                    text += &csv_row(&[token.clone(), csv_number(log_probability)]);
                }
                continue;
            }
            Prediction::Tags { tags, probabilities } => {
                let tokens = predicted.tokens.get(place).into_iter().flatten();
                for ((token, tag), &probability) in tokens.zip(tags).zip(probabilities) {
                    text += &format!("{token}\t{tag}\t{}\n", csv_number(probability));
                }
                text.push('\n');
                continue;
            }
        }
        text += &csv_row(&row);
    }
    text
}

/// Labels as they are read again: with `|` between them, or as a list of JSON where a label has one in its name.
fn labels_cell(labels: &[String], known: &[String]) -> String {
    match known.iter().any(|label| label.contains('|')) {
        true => json!(labels).to_string(),
        false => labels.join("|"),
    }
}

fn csv_row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| csv_text(cell)).collect();
    cells.join(",") + "\n"
}

/// A column's name that no column of the file has: `label`, or else `predicted_label`.
fn unlike(name: &str, others: &[String]) -> String {
    let mut name = name.to_owned();
    while others.contains(&name) {
        name.insert_str(0, "predicted_");
    }
    name
}

fn as_csv(forecast: &Forecast) -> String {
    let targets = || forecast.targets.iter();
    let mut rows_name = String::from("row");
    while targets().any(|target| target.name == rows_name) {
        rows_name.push('_');
    }
    let mut csv = csv_text(forecast.time_column.as_ref().unwrap_or(&rows_name));
    targets().for_each(|target| csv += &format!(",{}", csv_text(&target.name)));
    csv.push('\n');
    for (i, label) in forecast.labels.iter().enumerate() {
        csv += &csv_text(label);
        targets().for_each(|target| csv += &format!(",{}", csv_number(target.values[i])));
        csv.push('\n');
    }
    csv
}

/// A row for each step of each series: what names it, the time, the forecast, of counts the mean, the ends of the intervals, and
/// the sample paths.
fn panel_csv(forecast: &PanelForecast) -> String {
    let mut names = forecast.columns.clone();
    let time = forecast.time_column.clone().unwrap_or_else(|| "row".into());
    for name in [time, forecast.target.clone()] {
        names.push(unlike(&name, &names));
    }
    let means = forecast.series.iter().any(|series| !series.means.is_empty());
    if means {
        names.push(unlike("mean", &names));
    }
    for &level in &forecast.levels {
        for end in ["lower", "upper"] {
            names.push(unlike(&format!("{end}_{}", percent(level)), &names));
        }
    }
    let paths = forecast.series.first().map_or(0, |series| series.paths.len());
    for path in 1..=paths {
        names.push(unlike(&format!("sample_{path}"), &names));
    }
    let mut text = csv_row(&names);
    for series in &forecast.series {
        for (step, label) in series.labels.iter().enumerate() {
            let mut row = series.id.clone();
            row.extend([label.clone(), csv_number(series.values[step])]);
            row.extend(series.means.get(step).copied().map(csv_number));
            row.extend(series.intervals.iter().flat_map(|level| level[step].map(csv_number)));
            row.extend(series.paths.iter().map(|path| csv_number(path[step])));
            text += &csv_row(&row);
        }
    }
    text
}

fn panel_json(arguments: &Arguments, task: &str, forecast: &PanelForecast) -> Value {
    let numbers = |values: &mut dyn Iterator<Item = f64>| values.map(json_number).collect::<Value>();
    let series = forecast.series.iter().map(|series| {
        let id: Map<String, Value> =
            forecast.columns.iter().cloned().zip(series.id.iter().cloned().map(Value::from)).collect();
        let ends: Map<String, Value> = forecast
            .levels
            .iter()
            .zip(&series.intervals)
            .flat_map(|(&level, steps)| {
                ["lower", "upper"].into_iter().enumerate().map(move |(end, name)| {
                    (format!("{name}_{}", percent(level)), numbers(&mut steps.iter().map(|ends| ends[end])))
                })
            })
            .collect();
        let mut object = json!({
            "series": id,
            "time": series.labels,
            "forecast": numbers(&mut series.values.iter().copied()),
            "intervals": ends,
        });
        if !series.means.is_empty() {
            object["mean"] = numbers(&mut series.means.iter().copied());
        }
        if !series.paths.is_empty() {
            object["samples"] = series.paths.iter().map(|path| numbers(&mut path.iter().copied())).collect();
        }
        object
    });
    json!({
        "task": task,
        "run": arguments.run.to_string_lossy(),
        "file": arguments.file.as_ref().map(|file| file.to_string_lossy()),
        "time_column": forecast.time_column,
        "target": forecast.target,
        "levels": forecast.levels,
        "series": series.collect::<Value>(),
        "notes": forecast.notes,
    })
}

fn as_json(arguments: &Arguments, task: &str, forecast: &Forecast, horizon: usize) -> Value {
    let columns: Map<String, Value> = forecast
        .targets
        .iter()
        .map(|target| {
            (target.name.clone(), target.values.iter().copied().map(json_number).collect::<Value>())
        })
        .collect();
    json!({
        "task": task,
        "run": arguments.run.to_string_lossy(),
        "file": arguments.file.as_ref().map(|file| file.to_string_lossy()),
        "horizon": horizon,
        "time_column": forecast.time_column,
        "time": forecast.labels,
        "forecast": columns,
        "notes": forecast.notes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sumun::forecast::ForecastColumn;

    #[test]
    fn csv_is_quoted_where_it_must_be() {
        let forecast = Forecast {
            time_column: None,
            labels: vec!["11".into(), "12".into()],
            targets: vec![
                ForecastColumn { name: "row".into(), values: vec![1.0, 0.1 + 0.2] },
                ForecastColumn { name: "a, \"b\"".into(), values: vec![1e-9, f64::NAN] },
            ],
            timestamps: None,
            notes: Vec::new(),
        };
        assert_eq!(as_csv(&forecast), "row_,row,\"a, \"\"b\"\"\"\n11,1,1e-9\n12,0.30000000000000004,\n");
    }
}
