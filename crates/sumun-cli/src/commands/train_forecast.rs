//! `sumun train forecast`: from a CSV file to a trained, measured and saved forecaster.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::{Value, json};
use sumun::data::{Missing, ScaleKind};
use sumun::forecast::{
    Cell, DifferenceChoice, Evaluation, LearningRate, Options, ReportNotes, Switch, TASK, Time, Trained,
    save_run, train,
};
use sumun::run::{REPORT_FILE, RUNS, RunFolder, default_path};
use sumun::train::{Clip, OptimizerConfig};

use super::read;
use super::report::{command_line, now};
use crate::arguments::{Columns, columns, count, on_threads, real, season, seed, threads};
use crate::failure::Failure;
use crate::output::{print_json, tell};
use crate::progress::{Display, tell_note};
use crate::scores;
use crate::terminal::{Style, duration, file_name, left, shell_word, shortened, wrapped};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun train forecast data/electricity.csv --target value --horizon 24
  sumun train forecast sales.csv --target units --known holiday,price --horizon 8
  sumun train forecast 온실.csv --target 온도,습도 --missing interpolate --out runs/온실
  sumun train forecast data.csv --target y --json --quiet | jq .metrics.test

The run folder holds model.safetensors, config.toml, metrics.jsonl and report.html; it appears only when all of it is \
written. With --json the last line of stdout is one object: task, run, epochs, seconds, parameters, metrics.valid, \
metrics.test and baselines.NAME, each with mae, rmse, smape, mase and loss (null if undefined). An option given twice: \
the last wins. A column name with a comma in it goes in double quotes.";

const DATA: &str = "Data";
const TARGETS: &str = "How targets are made easy to learn";
const MODEL: &str = "Model";
const TRAINING: &str = "Training";
const OUTPUT: &str = "Output";

/// The arguments of `sumun train forecast`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The CSV file (comma, semicolon or tab; UTF-8; a header row), `-` for standard input
    file: PathBuf,

    /// Columns to forecast
    #[arg(long, value_name = "COL[,COL]", value_parser = columns, help_heading = DATA)]
    target: Columns,
    /// The column of timestamps, or none [default: the first column that holds timestamps]
    #[arg(long, value_name = "COL", help_heading = DATA)]
    time: Option<String>,
    /// Further columns that help, known up to the present [default: none]
    #[arg(long, value_name = "COL,…", value_parser = columns, help_heading = DATA)]
    features: Option<Columns>,
    /// Further columns that are also known for the steps ahead, such as holidays [default: none]
    #[arg(long, value_name = "COL,…", value_parser = columns, help_heading = DATA)]
    known: Option<Columns>,
    /// Steps ahead, all forecast at once [default: one season, or 12 without one]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true, help_heading = DATA)]
    horizon: Option<usize>,
    /// Rows the network sees before each forecast [default: the longer of season and horizon]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true, help_heading = DATA)]
    window: Option<usize>,
    /// Rows after which the series repeats itself, or none [default: found in the training part]
    #[arg(long, value_name = "N", value_parser = season, allow_negative_numbers = true, help_heading = DATA)]
    season: Option<usize>,
    /// What to do about missing values and time steps
    #[arg(long, value_name = "POLICY", default_value = "error", help_heading = DATA,
        value_parser = named::<Missing>(&["error", "ffill", "interpolate", "drop"]))]
    missing: Missing,
    /// The share of rows that decides when to stop and what to choose; 0 for none
    #[arg(long, value_name = "F", value_parser = real::<f64>, allow_negative_numbers = true,
        default_value = "0.1", help_heading = DATA)]
    valid: f64,
    /// The share of rows at the end that is only measured on; 0 for none
    #[arg(long, value_name = "F", value_parser = real::<f64>, allow_negative_numbers = true,
        default_value = "0.2", help_heading = DATA)]
    test: f64,

    /// What is subtracted, so that the network learns what simple forecasts leave
    #[arg(long, value_name = "WHAT", default_value = "auto", help_heading = TARGETS,
        value_parser = named::<DifferenceChoice>(DifferenceChoice::NAMES))]
    difference: DifferenceChoice,
    /// Logarithms, for positive series that grow
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = TARGETS,
        value_parser = named::<Switch>(Switch::NAMES))]
    log: Switch,
    /// Hour, weekday and time of year as inputs
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = TARGETS,
        value_parser = named::<Switch>(Switch::NAMES))]
    calendar: Switch,
    /// How values are scaled, fitted on the training part
    #[arg(long, value_name = "HOW", default_value = "standard", help_heading = TARGETS,
        value_parser = named::<ScaleKind>(&["minmax", "standard", "robust", "none"]))]
    scale: ScaleKind,

    /// The recurrent cell
    #[arg(long, default_value = "lstm", help_heading = MODEL, value_parser = named::<Cell>(Cell::NAMES))]
    cell: Cell,
    /// Hidden units of each layer and direction
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true,
        default_value_t = Options::default().hidden, help_heading = MODEL)]
    hidden: usize,
    /// Recurrent layers
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true,
        default_value_t = Options::default().layers, help_heading = MODEL)]
    layers: usize,
    /// Read the window backwards too
    #[arg(long, help_heading = MODEL)]
    bidirectional: bool,
    /// The share of hidden values dropped in training
    #[arg(long, value_name = "F", value_parser = real::<f32>, allow_negative_numbers = true,
        default_value_t = Options::default().dropout, help_heading = MODEL)]
    dropout: f32,

    /// The most passes over the training part [default: 30 to 200, by the length of the series]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true, help_heading = TRAINING)]
    epochs: Option<usize>,
    /// Windows in a training step [default: 32, more for long series]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true, help_heading = TRAINING)]
    batch: Option<usize>,
    /// The highest learning rate
    #[arg(long, value_name = "RATE", value_parser = real::<f64>, allow_negative_numbers = true,
        default_value_t = Options::default().lr, help_heading = TRAINING)]
    lr: f64,
    /// How the learning rate changes
    #[arg(long, default_value = "cosine", help_heading = TRAINING,
        value_parser = named::<LearningRate>(LearningRate::NAMES))]
    schedule: LearningRate,
    /// The optimizer, with PyTorch's settings
    #[arg(long, value_name = "NAME", default_value = "adam", help_heading = TRAINING,
        value_parser = named::<OptimizerConfig>(&["sgd", "adam", "adamw", "rmsprop", "adagrad"]))]
    optimizer: OptimizerConfig,
    /// What is made small, on scaled values
    #[arg(long, default_value = "mae", help_heading = TRAINING,
        value_parser = PossibleValuesParser::new(["mae", "mse", "huber"]))]
    loss: String,
    /// The largest global norm of the gradients; value:X cuts each number to ±X; none
    #[arg(long, value_name = "X", value_parser = clip, allow_negative_numbers = true,
        default_value = "1", help_heading = TRAINING)]
    clip: Clip,
    /// Epochs without a better validation loss before stopping [default: a fifth of the epochs, 10 or more]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true, help_heading = TRAINING)]
    patience: Option<usize>,
    /// Where all randomness comes from: the same seed gives the same model
    #[arg(long, value_name = "N", value_parser = seed, allow_negative_numbers = true,
        default_value = "0", help_heading = TRAINING)]
    seed: u64,
    /// Threads to compute with; the numbers do not depend on it [default: all processors]
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true, help_heading = TRAINING)]
    threads: Option<usize>,

    /// The folder of the run, which must not exist [default: runs/forecast-FILE-1, -2 …]
    #[arg(long, value_name = "DIR", help_heading = OUTPUT)]
    out: Option<PathBuf>,
    /// Print the results as one JSON object on the last line of stdout
    #[arg(long, help_heading = OUTPUT)]
    json: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short, help_heading = OUTPUT)]
    quiet: bool,
}

/// Reads one of the values that a type has names for; clap lists them and suggests the nearest.
fn named<T>(names: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: std::str::FromStr<Err = sumun::Error> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse::<T>())
}

/// Reads `1`, `value:0.5` or `none`; clipping itself judges the bound.
fn clip(text: &str) -> Result<Clip, String> {
    let above_zero = |text: &str| match real::<f64>(text)? {
        // A bound on single numbers is compared in single precision.
        max if (max as f32).is_finite() && max as f32 > 0.0 => Ok(max),
        _ => Err(String::from("give a number above 0, or none")),
    };
    match text.split_once(':') {
        None if text == "none" => Ok(Clip::None),
        None => Ok(Clip::GlobalNorm { max: above_zero(text)? }),
        Some(("value", max)) => Ok(Clip::Value { max: above_zero(max)? as f32 }),
        Some(_) => Err("give a number, value:NUMBER or none".into()),
    }
}

impl Arguments {
    fn options(&self) -> Result<Options, Failure> {
        let names = |columns: &Option<Columns>| columns.clone().unwrap_or_default().0;
        Ok(Options {
            targets: self.target.0.clone(),
            time: match self.time.as_deref() {
                None => Time::Auto,
                Some("none") => Time::None,
                Some(column) => Time::Column(column.trim().to_owned()),
            },
            features: names(&self.features),
            known: names(&self.known),
            window: self.window,
            horizon: self.horizon,
            season: self.season,
            cell: self.cell,
            hidden: self.hidden,
            layers: self.layers,
            bidirectional: self.bidirectional,
            dropout: self.dropout,
            epochs: self.epochs,
            batch: self.batch,
            lr: self.lr,
            optimizer: self.optimizer,
            clip: self.clip,
            schedule: self.schedule,
            loss: Options::loss_named(&self.loss)?,
            patience: self.patience,
            scale: self.scale,
            seed: self.seed,
            valid: self.valid,
            test: self.test,
            missing: self.missing,
            difference: self.difference,
            log: self.log,
            calendar: self.calendar,
        })
    }
}

/// Trains, saves and tells.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let options = arguments.options()?;
    options.check()?;
    let table = read(&arguments.file)?;
    let place =
        || arguments.out.clone().unwrap_or_else(|| default_path(RUNS.as_ref(), TASK, &arguments.file));
    // Whether a run can be written is known before the work; it is begun afterwards, so that a training that is
    // interrupted leaves nothing.
    drop(RunFolder::stage(place())?);
    let mut display = Display::new(arguments.quiet);
    let (trained, notes, folder) = on_threads(arguments.threads, || {
        let trained = train(&table, &options, &mut display);
        let mut notes = display.finish();
        let trained = trained?;
        // The summary tells of choices.
        let told = |note: &String| {
            trained.choices.iter().any(|c| note.starts_with(&format!("{} = {}:", c.name, c.value)))
        };
        notes.retain(|note| !told(note));
        let staged = RunFolder::stage(place())?;
        let about = ReportNotes {
            created: now(),
            command: command_line(),
            predict_command: predict_command(staged.path(), &trained),
            threads: rayon::current_num_threads(),
        };
        let folder = save_run(&trained, staged, &about)?;
        Ok::<_, Failure>((trained, notes, folder))
    })??;
    if !arguments.quiet {
        let style = Style::for_stderr();
        notes.iter().for_each(|note| tell_note(note, style));
        summary(&trained, folder.path(), style).lines().for_each(tell);
    }
    if arguments.json {
        print_json(&as_json(&trained, folder.path()))?;
    }
    Ok(())
}

/// How to go on: a model that needs columns known ahead, of which the training file held none, needs a file.
fn predict_command(folder: &Path, trained: &Trained) -> String {
    let config = trained.forecaster.config();
    let p = &config.preprocessing;
    let ahead = config.history.ahead.first().map_or(usize::MAX, Vec::len);
    let file = if ahead < p.horizon { " FILE" } else { "" };
    format!("sumun predict {}{file}", shell_word(&folder.display().to_string()))
}

fn parameters(trained: &Trained) -> usize {
    trained.forecaster.summary().iter().map(|layer| layer.parameters).sum()
}

fn as_json(trained: &Trained, folder: &Path) -> Value {
    let part = |evaluation: &Option<Evaluation>| {
        evaluation.as_ref().map_or(Value::Null, |e| scores::as_json(&e.model.overall))
    };
    // The baselines are those of the test part; without one, of the validation part.
    let measured = trained.test.as_ref().or(trained.valid.as_ref());
    json!({
        "task": "forecast",
        "run": folder.to_string_lossy(),
        "epochs": trained.epochs.len(),
        "seconds": trained.seconds,
        "parameters": parameters(trained),
        "metrics": { "valid": part(&trained.valid), "test": part(&trained.test) },
        "baselines": measured.map(scores::baselines_json).unwrap_or_default(),
    })
}

/// The widest line of the summary, in terminal columns.
const COLUMNS: usize = 78;

/// What a person wants to know after a training: the data, the choices, the scores, and what to type next.
fn summary(trained: &Trained, folder: &Path, style: Style) -> String {
    let resolved = &trained.resolved;
    let split = &resolved.split;
    let mut text = String::from("\n");
    let mut fact = |name: &str, facts: &[String]| {
        for (i, line) in facts.iter().enumerate() {
            let name = left(if i == 0 { name } else { "" }, NAME_COLUMNS);
            text += &format!("{}{line}\n", style.dim(&name));
        }
    };
    let rows = |range: &std::ops::Range<usize>| crate::terminal::count(range.len());
    let labels = &trained.data.labels;
    let mut data =
        format!("{}: {} rows", shortened(file_name(&trained.data.source), 40), rows(&(0..labels.len())));
    if !trained.data.frequency.is_empty() {
        data += &format!(", {}", trained.data.frequency);
    }
    let mut facts = vec![data];
    if let (Some(first), Some(last)) = (labels.first(), labels.last())
        && resolved.time.is_some()
    {
        facts.push(format!("{first} … {last}"));
    }
    facts.push(format!(
        "{} to learn, {} to decide, {} to measure",
        rows(&split.train),
        rows(&split.valid),
        rows(&split.test)
    ));
    fact("data", &facts);
    let steps = |n: usize| if n == 1 { "1 step".to_owned() } else { format!("{n} steps") };
    fact(
        "model",
        &[format!(
            "{}{} of {} units, {} parameters; {} ahead from {} rows",
            if resolved.layers == 1 { String::new() } else { format!("{} × ", resolved.layers) },
            resolved.cell.to_string().to_uppercase(),
            resolved.hidden,
            crate::terminal::count(parameters(trained)),
            steps(resolved.horizon),
            resolved.window
        )],
    );
    for choice in &trained.choices {
        let value = format!("{} – ", choice.value);
        let lines = wrapped(&format!("{value}{}", choice.reason), COLUMNS - NAME_COLUMNS);
        fact(&choice.name, &lines);
    }
    let early = if trained.stopped_early { ", stopped early" } else { "" };
    fact(
        "training",
        &[format!(
            "{} epochs{early}, best {}; {} in all",
            trained.epochs.len(),
            trained.best_epoch,
            duration(trained.seconds)
        )],
    );
    let targets: Vec<&str> = resolved.targets.iter().map(String::as_str).collect();
    let measured = trained
        .test
        .as_ref()
        .map(|e| ("test part", e))
        .or(trained.valid.as_ref().map(|e| ("validation part", e)));
    if let Some((part, evaluation)) = measured {
        text += &format!("\n{}", scores::table(part, evaluation, &targets, style));
        if let Some(verdict) = scores::verdict(evaluation) {
            let sentence = if verdict.better {
                style.green(&style.bold(&verdict.sentence))
            } else {
                format!(
                    "{}\n{}",
                    style.bold(&verdict.sentence),
                    style.dim("try a longer --window, more --epochs or more data, or use the baseline")
                )
            };
            text += &format!("\n{sentence}\n");
        }
    }
    let path = folder.display().to_string();
    text += "\n";
    let end = |name: &str, value: &str| format!("{}{value}\n", style.dim(&left(name, NAME_COLUMNS)));
    text += &end("run", &path);
    text += &end("report", &folder.join(REPORT_FILE).display().to_string());
    let next = predict_command(folder, trained);
    let hint = match next.ends_with(" FILE") {
        true => format!("\n{}", style.dim("FILE must hold the --known columns of the steps ahead")),
        false => String::new(),
    };
    text + &end("next", &format!("{}{hint}", style.cyan(&next)))
}

/// How wide the names on the left of the summary are.
const NAME_COLUMNS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips() {
        assert_eq!(clip("0.5"), Ok(Clip::GlobalNorm { max: 0.5 }));
        assert_eq!(clip("value:0.5"), Ok(Clip::Value { max: 0.5 }));
        assert_eq!(clip("none"), Ok(Clip::None));
        for wrong in ["0", "-1", "nan", "inf", "value:0", "value:1e-60", "norm:1", "x"] {
            assert!(clip(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_library() {
        #[derive(clap::Parser)]
        struct Train {
            #[command(flatten)]
            arguments: Arguments,
        }
        let parsed = <Train as clap::Parser>::try_parse_from(["forecast", "f.csv", "--target", "y"]).unwrap();
        let expected = Options { targets: vec!["y".into()], ..Options::default() };
        assert_eq!(parsed.arguments.options().unwrap(), expected);
    }
}
