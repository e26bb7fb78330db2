//! The configuration of a forecaster's training: what a run folder keeps, what `--config` reads and what options set.
//!
//! Every setting is one row of [`SETTINGS`](crate::settings::SETTINGS); see there how values come together.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Table;

use super::options::{Cell, DifferenceChoice, Options, Resolved, Switch, Time};
use super::run::TASK;
use crate::data::{Missing, ScaleKind};
use crate::message::key;
use crate::settings::{self, Reader, WrittenClip, clip};
use crate::train::{Clip, LearningRate};
use crate::{Error, Result};

/// A number, or a word that says something else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Or<T> {
    /// The number.
    Number(T),
    /// The word, such as `none`.
    Word(String),
}

/// Where the data is and how it is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // Each is a row of SETTINGS.
pub struct DataSettings {
    pub train: PathBuf,
    pub target: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    pub features: Vec<String>,
    pub known: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<Or<usize>>,
    pub missing: Missing,
    pub valid: f64,
    pub test: f64,
}

/// How targets are made easy to learn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // Each is a row of SETTINGS.
pub struct PrepareSettings {
    pub difference: DifferenceChoice,
    pub log: Switch,
    pub calendar: Switch,
    pub scale: ScaleKind,
}

/// What the network is made of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // Each is a row of SETTINGS.
pub struct NetworkSettings {
    pub cell: Cell,
    pub hidden: usize,
    pub layers: usize,
    pub bidirectional: bool,
    pub dropout: f64,
}

/// How it is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // Each is a row of SETTINGS.
pub struct TrainSettings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    pub lr: f64,
    pub schedule: LearningRate,
    pub optimizer: String,
    pub loss: String,
    pub clip: Or<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    pub seed: u64,
    pub save_every: f64,
}

/// All settings of a forecaster's training. [`options`](Self::options) are those that the model depends on.
///
/// ```
/// use sumun::forecast::ForecastConfig;
/// let table: toml::Table = "[data]\ntrain = \"a.csv\"\ntarget = [\"demand\"]\nhorizon = 24".parse()?;
/// let config = ForecastConfig::from_tables(&[table])?;
/// assert_eq!(config.options()?.horizon, Some(24));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForecastConfig {
    task: String,
    /// Where the data is and how it is read.
    pub data: DataSettings,
    /// How targets are made easy to learn.
    pub prepare: PrepareSettings,
    /// What the network is made of.
    pub network: NetworkSettings,
    /// How it is trained.
    pub train: TrainSettings,
}

/// The defaults are those of [`Options`]; the file and the target are yet to be named.
impl Default for ForecastConfig {
    fn default() -> Self {
        let options = Options::default();
        Self {
            task: TASK.into(),
            data: DataSettings {
                train: PathBuf::new(),
                target: Vec::new(),
                time: None,
                features: Vec::new(),
                known: Vec::new(),
                horizon: None,
                window: None,
                season: None,
                missing: options.missing,
                valid: options.valid,
                test: options.test,
            },
            prepare: PrepareSettings {
                difference: options.difference,
                log: options.log,
                calendar: options.calendar,
                scale: options.scale,
            },
            network: NetworkSettings {
                cell: options.cell,
                hidden: options.hidden,
                layers: options.layers,
                bidirectional: options.bidirectional,
                // The options hold the nearest number in single precision.
                dropout: 0.1,
            },
            train: TrainSettings {
                epochs: None,
                batch: None,
                lr: options.lr,
                schedule: options.schedule,
                optimizer: options.optimizer.name().into(),
                loss: options.loss.name().into(),
                clip: Or::Number(1.0),
                patience: None,
                seed: options.seed,
                save_every: 30.0,
            },
        }
    }
}

impl ForecastConfig {
    /// The defaults under settings from a file and then single ones, each a table of sections. Errors: keys that are
    /// unknown or that a forecaster does not read, with the nearest name; values of another kind; no data; and those of
    /// [`Options::check`].
    pub fn from_tables(tables: &[Table]) -> Result<Self> {
        let all = settings::together(Reader::Forecast, tables)?;
        let config: Self = all.try_into().map_err(|error| settings::misfit(&error))?;
        settings::check_train(&config.data.train)?;
        let every = config.train.save_every;
        if !(every.is_finite() && every >= 0.0) {
            return Err(Error::setting(key("save_every"), every, "a number of at least 0"));
        }
        config.options()?.check()?;
        Ok(config)
    }

    /// The same with what the data decided filled in, as a run folder keeps it: training with it gives the same model.
    /// The calendar and the logarithms stay as they were asked for, as they are more than on and off.
    pub fn as_used(&self, resolved: &Resolved) -> Self {
        let mut used = self.clone();
        used.data.horizon = Some(resolved.horizon);
        used.data.window = Some(resolved.window);
        used.data.season =
            Some(if resolved.season > 1 { Or::Number(resolved.season) } else { Or::Word("none".into()) });
        used.prepare.difference = resolved.difference;
        used.train.epochs = Some(resolved.epochs);
        used.train.batch = Some(resolved.batch);
        used.train.patience = Some(resolved.patience);
        used
    }

    /// The settings as TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self)
            .map_err(|error| Error::Invalid(format!("the configuration cannot be written: {error}")))
    }

    /// What the model depends on. Errors: an optimizer, a loss or a bound of gradients that there is not.
    pub fn options(&self) -> Result<Options> {
        let Self { data, prepare, network, train, .. } = self;
        Ok(Options {
            targets: data.target.clone(),
            time: match data.time.as_deref() {
                None => Time::Auto,
                Some("none") => Time::None,
                Some(column) => Time::Column(column.trim().to_owned()),
            },
            features: data.features.clone(),
            known: data.known.clone(),
            window: data.window,
            horizon: data.horizon,
            season: match data.season {
                None => None,
                Some(Or::Number(period)) => Some(period),
                Some(Or::Word(_)) => Some(0),
            },
            cell: network.cell,
            hidden: network.hidden,
            layers: network.layers,
            bidirectional: network.bidirectional,
            dropout: network.dropout as f32,
            epochs: train.epochs,
            batch: train.batch,
            lr: train.lr,
            optimizer: train.optimizer.parse()?,
            clip: match &train.clip {
                Or::Number(max) => Clip::GlobalNorm { max: *max },
                Or::Word(word) => {
                    let wrong = |_| {
                        let wanted = "a number above 0, \"value:NUMBER\" or \"none\"";
                        Error::setting(key("clip"), format!("{word:?}"), wanted)
                    };
                    match clip(word).map_err(wrong)? {
                        WrittenClip::None => Clip::None,
                        WrittenClip::GlobalNorm(max) => Clip::GlobalNorm { max },
                        WrittenClip::Value(max) => Clip::Value { max },
                    }
                }
            },
            schedule: train.schedule,
            loss: Options::loss_named(&train.loss)?,
            patience: train.patience,
            scale: prepare.scale,
            seed: train.seed,
            valid: data.valid,
            test: data.test,
            missing: data.missing,
            difference: prepare.difference,
            log: prepare.log,
            calendar: prepare.calendar,
        })
    }
}
