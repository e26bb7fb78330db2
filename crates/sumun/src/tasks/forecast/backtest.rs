//! Backtests: forecasts from several origins of a series, or of many, each by a model that has seen no row after its origin.

use serde_json::{Map, Value, json};

use super::config::ForecastConfig;
use super::evaluation::{Evaluation, ForecastScores};
use super::forecaster::Forecaster;
use super::panel::{PanelEvaluation, PanelForecaster, PanelScores, train_panel};
use super::predict::evaluate_last;
use super::task::train;
use super::wishes::{Wishes, read_table};
use crate::data::{Missing, RowPlaces, Table};
use crate::message::{key, text};
use crate::train::Progress;
use crate::{Error, Result};

/// Which origins a backtest has, and how often it trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BacktestOptions {
    /// How many origins there are. The last has one horizon after it.
    pub origins: usize,
    /// Steps from an origin to the next; a horizon where nothing is said, so that no two forecasts are of one step.
    pub stride: Option<usize>,
    /// How often a new model is trained.
    pub refit: Refit,
}

/// How often a backtest trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refit {
    /// Once, before the first origin.
    Never,
    /// Before the first origin, and before each that comes so many after the last such.
    Every(usize),
}

impl std::str::FromStr for Refit {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "never" => Ok(Self::Never),
            "every" => Ok(Self::Every(1)),
            number => match number.parse() {
                Ok(every) if every > 0 => Ok(Self::Every(every)),
                _ => Err("give never, every, or a number of origins such as 3".into()),
            },
        }
    }
}

/// What came of the forecasts from an origin.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestOrigin {
    /// The last step that was known, counted from 0.
    pub step: usize,
    /// What it is called: its time, or its number.
    pub label: String,
    /// Whether a model was trained there.
    pub trained: bool,
    /// The model beside the baselines.
    pub measured: Backtested,
}

/// The figures of an origin.
#[derive(Debug, Clone, PartialEq)]
pub enum Backtested {
    /// Of one series, with the forecasts, `[1, horizon, targets]`.
    Series(Box<Evaluation>),
    /// Of many series.
    Panel(Box<PanelEvaluation>),
}

/// The figures of a model or a baseline, by the keys that machines find them by; `None` where one is undefined.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestScores {
    /// The key under which machines find it: `model`, or that of a baseline.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// The figures, the first of them the one to compare by.
    pub figures: Vec<(&'static str, Option<f64>)>,
}

/// What a backtest came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Backtest {
    /// The columns that were forecast.
    pub targets: Vec<String>,
    /// Steps ahead.
    pub horizon: usize,
    /// The origins in their order.
    pub origins: Vec<BacktestOrigin>,
    /// The model, and the baselines that all origins have, over all origins.
    pub overall: Vec<BacktestScores>,
    /// What each step of the file is called.
    pub labels: Vec<String>,
    /// The values of the first target, NaN where one is missing; empty of many series.
    pub actual: Vec<f64>,
    /// What was noticed, a sentence each.
    pub notes: Vec<String>,
}

/// A model at work.
enum Trained {
    Series(Box<Forecaster>),
    Panel(Box<PanelForecaster>),
}

/// Forecasts `table` from several origins, each by a model trained on the rows up to it, or up to an earlier one, as `options` say.
/// Nothing after an origin touches its forecasts: the table is cut there before it is read, scaled and learnt. All settings
/// are those of a training but the test part, of which there is none: what came after an origin is the test.
///
/// Errors: settings without a horizon, rows that are too few for so many origins, and those of [`train`] and [`train_panel`].
pub fn backtest(
    table: &Table,
    config: &ForecastConfig,
    options: &BacktestOptions,
    progress: &mut dyn Progress,
) -> Result<Backtest> {
    config.check()?;
    let Some(horizon) = config.data.horizon else {
        return Err(Error::Settings(
            text("a backtest needs to know how far ahead to forecast; give ") + key("horizon"),
        ));
    };
    if config.data.missing == Missing::Drop {
        return Err(Error::Settings(
            key("missing").to("drop")
                + " takes rows out, so that origins cannot be counted; fill them in with "
                + key("missing").to("ffill")
                + " or "
                + key("missing").to("interpolate"),
        ));
    }
    let stride = options.stride.unwrap_or(horizon);
    for (name, value) in [("origins", options.origins), ("stride", stride)] {
        if value == 0 {
            return Err(Error::setting(key(name), 0, "at least 1"));
        }
    }
    let (places, actual) = rows(table, config)?;
    let steps = places.steps();
    let reach = (options.origins - 1).saturating_mul(stride).saturating_add(horizon);
    // A model needs a row or two before the first origin; how many more, training says.
    let Some(first) = steps.checked_sub(reach + 1).filter(|first| *first > 0) else {
        return Err(Error::Data(format!(
            "{}: {} origins, {stride} steps apart, and a horizon of {horizon} need more than {} steps, but there are {steps}",
            table.name(),
            options.origins,
            reach + 1
        ))
        .advise(text("give fewer ") + key("origins") + " or a shorter " + key("horizon")));
    };
    let mut fitted = config.clone();
    // What comes after an origin is the test.
    fitted.data.test = Some(0.0);
    let (mut model, mut origins, mut notes) = (None, Vec::new(), Vec::new());
    for k in 0..options.origins {
        let step = first + k * stride;
        let trained = match options.refit {
            Refit::Never => k == 0,
            Refit::Every(every) => k % every == 0,
        };
        if trained {
            let past = places.until(table, step);
            let at = |error: Error| at_origin(error, &places.labels[step]);
            model = Some(match config.is_panel() {
                false => Trained::Series(Box::new(train(&past, &fitted, progress).map_err(at)?.forecaster)),
                true => {
                    Trained::Panel(Box::new(train_panel(&past, &fitted, progress).map_err(at)?.forecaster))
                }
            });
        }
        let measured = match &model {
            Some(Trained::Series(model)) => {
                let until = places.until(table, step + horizon);
                evaluate_last(model, &until, config.data.missing, step)?
                    .map(|evaluation| Backtested::Series(Box::new(evaluation)))
            }
            Some(Trained::Panel(model)) => {
                let (until, count) = places.reaching(table, step + horizon);
                match count {
                    0 => None,
                    _ => {
                        let evaluation = model.evaluate_last(&until, Some(config.data.missing))?;
                        Some(Backtested::Panel(Box::new(evaluation)))
                    }
                }
            }
            None => None,
        };
        let label = places.labels[step].clone();
        match measured {
            Some(measured) => origins.push(BacktestOrigin { step, label, trained, measured }),
            None => notes.push(format!("origin {label} is left out: no value after it can be compared")),
        }
    }
    if origins.is_empty() {
        return Err(Error::Data(format!("{}: no value after any origin can be compared", table.name())));
    }
    let overall = overall(&origins);
    Ok(Backtest {
        targets: config.data.target.clone(),
        horizon,
        origins,
        overall,
        labels: places.labels,
        actual,
        notes,
    })
}

/// As [`backtest`], of the file that the settings name, `-` for standard input.
pub fn backtest_file(
    config: &ForecastConfig,
    options: &BacktestOptions,
    progress: &mut dyn Progress,
) -> Result<Backtest> {
    let table = read_table(&config.data.train, &config.read_options())?;
    backtest(&table, config, options, progress)
}

/// Says at which origin a training failed.
fn at_origin(error: Error, label: &str) -> Error {
    match error {
        Error::Data(_) | Error::Invalid(_) => error.of(format!("the origin {label}")),
        Error::Advised { error, advice } => {
            Error::Advised { error: Box::new(at_origin(*error, label)), advice }
        }
        other => other,
    }
}

/// Which step each row of the table is of, and the values of the first target of a single series.
fn rows(table: &Table, config: &ForecastConfig) -> Result<(RowPlaces, Vec<f64>)> {
    let columns = config.series_columns();
    let wishes = Wishes::of(config, table, &config.data.r#static)?;
    let read = wishes.coded.as_ref().unwrap_or(table);
    let wanted = wishes.wanted(config)?;
    let of_target = wanted.columns();
    let taken: Vec<&str> = wishes.statics.iter().map(String::as_str).collect();
    let places = RowPlaces::of(read, &wanted.spec(&of_target), &columns, &taken)?;
    let actual = match columns.is_empty() {
        false => Vec::new(),
        true => {
            let source = super::source::Source::read(read, &wanted)?;
            let target = &source.targets[0];
            (0..source.rows).map(|row| if target.is_observed(row) { target[row] } else { f64::NAN }).collect()
        }
    };
    Ok((places, actual))
}

/// A figure by its name, and how the scores have it.
type Figure<S> = (&'static str, fn(&S) -> Option<f64>);

/// The figures of one series, the mean over its targets.
const OF_SERIES: [Figure<ForecastScores>; 4] = [
    ("mase", |s| s.overall.mase),
    ("mae", |s| Some(s.overall.mae)),
    ("rmse", |s| Some(s.overall.rmse)),
    ("smape", |s| Some(s.overall.smape)),
];

/// The figures of many series, the mean over them.
const OF_PANEL: [Figure<PanelScores>; 6] = [
    ("mase", |s| s.overall.mase),
    ("smape", |s| Some(s.overall.smape)),
    ("owa", |s| s.owa),
    ("rmsse", |s| s.rmsse),
    ("mae", |s| Some(s.overall.mae)),
    ("rmse", |s| Some(s.overall.rmse)),
];

fn figures<S>(all: &[Figure<S>], scores: &S) -> Vec<(&'static str, Option<f64>)> {
    all.iter().map(|(name, of)| (*name, of(scores).filter(|value| value.is_finite()))).collect()
}

impl BacktestOrigin {
    /// The model's figures and those of the baselines.
    pub fn scores(&self) -> Vec<BacktestScores> {
        let of =
            |key: &str, name: &str, figures| BacktestScores { key: key.into(), name: name.into(), figures };
        match &self.measured {
            Backtested::Series(evaluation) => std::iter::once(&evaluation.model)
                .chain(&evaluation.baselines)
                .map(|s| of(&s.key, &s.name, figures(&OF_SERIES, s)))
                .collect(),
            Backtested::Panel(evaluation) => std::iter::once(&evaluation.model)
                .chain(&evaluation.baselines)
                .map(|s| of(&s.key, &s.name, figures(&OF_PANEL, s)))
                .collect(),
        }
    }

    /// How much it counts beside other origins: the values, or the series, that were compared.
    fn weight(&self, horizon: usize) -> f64 {
        match &self.measured {
            Backtested::Series(evaluation) => {
                let values = evaluation.forecasts.len().max(horizon);
                (values - evaluation.imputed.min(values - 1)) as f64
            }
            Backtested::Panel(evaluation) => evaluation.series as f64,
        }
    }

    /// The scores as one object, and of one series the forecasts.
    pub fn as_json(&self) -> Value {
        let mut object = json!({
            "origin": self.label,
            "step": self.step + 1,
            "trained": self.trained,
            "metrics": Value::Null,
            "baselines": {},
        });
        for (at, scores) in self.scores().iter().enumerate() {
            match at {
                0 => object["metrics"] = scores.as_json(),
                _ => object["baselines"][scores.key.as_str()] = scores.as_json(),
            }
        }
        match &self.measured {
            Backtested::Series(evaluation) => {
                let of_target = evaluation.forecasts.axis_iter(ndarray::Axis(2));
                let values = of_target.map(|of| of.iter().map(|value| json!(value)).collect::<Vec<_>>());
                object["forecasts"] = values.collect::<Vec<_>>().into();
            }
            Backtested::Panel(evaluation) => object["series"] = evaluation.series.into(),
        }
        object
    }
}

impl BacktestScores {
    /// The figures as one object; what is undefined is null.
    pub fn as_json(&self) -> Value {
        let figures = self.figures.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        Value::Object(figures.collect::<Map<_, _>>())
    }

    /// A figure.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|(key, _)| *key == name).and_then(|(_, value)| *value)
    }
}

/// The figures over all origins: means weighted by the values that were compared, of the root mean squared error the root of the
/// mean square.
fn overall(origins: &[BacktestOrigin]) -> Vec<BacktestScores> {
    let all: Vec<(f64, Vec<BacktestScores>)> =
        origins.iter().map(|origin| (origin.weight(1), origin.scores())).collect();
    let Some((_, first)) = all.first() else { return Vec::new() };
    let of_key = |key: &str| -> Option<Vec<(f64, &BacktestScores)>> {
        all.iter().map(|(w, scores)| Some((*w, scores.iter().find(|one| one.key == key)?))).collect()
    };
    let pooled = |scores: &BacktestScores| {
        let each = of_key(&scores.key)?;
        let weight: f64 = each.iter().map(|(w, _)| w).sum();
        let figure = |name: &'static str| {
            let squared = name == "rmse";
            let sum = each.iter().try_fold(0.0, |sum, (w, one)| {
                one.figure(name).map(|value| sum + w * if squared { value * value } else { value })
            })?;
            let mean = sum / weight;
            Some(if squared { mean.sqrt() } else { mean })
        };
        let figures = scores.figures.iter().map(|(name, _)| (*name, figure(name))).collect();
        Some(BacktestScores { key: scores.key.clone(), name: scores.name.clone(), figures })
    };
    first.iter().filter_map(pooled).collect()
}

impl Backtest {
    /// How many models were trained.
    pub fn trainings(&self) -> usize {
        self.origins.iter().filter(|origin| origin.trained).count()
    }

    /// The baseline with the least of the first figure over all origins.
    pub fn best_baseline(&self) -> Option<&BacktestScores> {
        let error = |scores: &BacktestScores| scores.figures.iter().find_map(|(_, value)| *value);
        let baselines = self.overall.iter().skip(1).filter(|one| error(one).is_some());
        baselines.min_by(|a, b| error(a).unwrap_or(f64::NAN).total_cmp(&error(b).unwrap_or(f64::NAN)))
    }
}
