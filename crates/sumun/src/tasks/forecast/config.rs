//! The configuration of a forecaster's training: what a run folder keeps, what `--config` reads and what options set.
//!
//! Every setting is one row of [`SETTINGS`](crate::settings::SETTINGS); see there how values come together.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Table;

use super::decisions::Decisions;
use crate::data::{DateOrder, Missing, ScaleKind, TimeColumn};
use crate::loss::{Huber, Loss, Mae, Mse};
use crate::message::{Key, key, text};
use crate::settings::{
    Cell, DifferenceChoice, Group, Settings, Switch, WrittenClip, check_train, clip, misfit,
};
use crate::train::{Clip, FitOptions, LearningRate, OptimizerConfig};
use crate::{Error, Result};
use sumun_nn::named::unknown;

/// The name of the task.
pub const TASK: &str = "forecast";

/// The settings that a forecaster reads.
const GROUPS: &[Group] = &[Group::Every, Group::BothWays, Group::Forecast];

/// The losses that a forecaster can learn with.
const LOSSES: &[&str] = &["mae", "mse", "huber"];

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_order: Option<DateOrder>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
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

/// All settings of a forecaster's training. What is `None` or `Auto` the data decide; [`Decisions`] tells what they
/// decided.
///
/// ```
/// use sumun::forecast::ForecastConfig;
/// let mut config = ForecastConfig::of(&["demand"]);
/// config.data.horizon = Some(24);
/// let table: toml::Table = "[data]\ntrain = \"a.csv\"\ntarget = [\"demand\"]\nhorizon = 24".parse()?;
/// config.data.train = "a.csv".into();
/// assert_eq!(ForecastConfig::from_tables(&[table])?, config);
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

/// What stands where nothing else is said; the file and the target are yet to be named.
impl Default for ForecastConfig {
    fn default() -> Self {
        Self {
            task: TASK.into(),
            data: DataSettings {
                train: PathBuf::new(),
                target: Vec::new(),
                time: None,
                date_order: None,
                timezone: None,
                series: None,
                features: Vec::new(),
                known: Vec::new(),
                horizon: None,
                window: None,
                season: None,
                missing: Missing::Error,
                valid: 0.1,
                test: 0.2,
            },
            prepare: PrepareSettings {
                difference: DifferenceChoice::Auto,
                log: Switch::Auto,
                calendar: Switch::Auto,
                scale: ScaleKind::Standard,
            },
            network: NetworkSettings {
                cell: Cell::Lstm,
                hidden: 32,
                layers: 1,
                bidirectional: false,
                dropout: 0.1,
            },
            train: TrainSettings {
                epochs: None,
                batch: None,
                lr: 3e-3,
                schedule: LearningRate::Cosine,
                optimizer: "adam".into(),
                loss: "mae".into(),
                clip: Or::Number(1.0),
                patience: None,
                seed: 0,
                save_every: 30.0,
            },
        }
    }
}

impl ForecastConfig {
    /// The defaults, with the columns to forecast.
    pub fn of(targets: &[&str]) -> Self {
        let mut config = Self::default();
        config.data.target = targets.iter().map(|&name| name.to_owned()).collect();
        config
    }

    /// The rows of the table of settings that a forecaster reads, with their defaults.
    pub fn settings() -> Result<Settings> {
        let defaults = Table::try_from(Self::default()).map_err(|error| unwritable(&error))?;
        Ok(Settings::new(TASK, GROUPS, defaults))
    }

    /// The defaults under settings from a file and then single ones, each a table of sections. Errors: keys that are
    /// unknown or that a forecaster does not read, with the nearest name; values of another kind; no data; and those of
    /// [`check`](Self::check).
    pub fn from_tables(tables: &[Table]) -> Result<Self> {
        let all = Self::settings()?.together(tables)?;
        let config: Self = all.try_into().map_err(|error| misfit(&error))?;
        check_train(&config.data.train)?;
        config.check()?;
        Ok(config)
    }

    /// The settings as TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| unwritable(&error))
    }

    /// The same with what the data decided filled in, as a run folder keeps it: training with it gives the same model.
    /// The calendar and the logarithms stay as they were asked for, as they are more than on and off.
    pub fn as_used(&self, decisions: &Decisions) -> Self {
        let mut used = self.clone();
        let season = decisions.season;
        used.data.horizon = Some(decisions.horizon);
        used.data.window = Some(decisions.window);
        used.data.season = Some(if season > 1 { Or::Number(season) } else { Or::Word("none".into()) });
        used.prepare.difference = decisions.difference;
        used.train.epochs = Some(decisions.epochs);
        used.train.batch = Some(decisions.batch);
        used.train.patience = Some(decisions.patience);
        used
    }

    /// Refuses what makes no sense whatever the data are.
    pub fn check(&self) -> Result<()> {
        let Self { data, prepare, network, train, .. } = self;
        if data.target.is_empty() {
            return Err(Error::Invalid("no column to forecast".into())
                .advise(text("name one or more with ") + key("target")));
        }
        let mut names: Vec<(Key, &str)> = Vec::new();
        for (key, columns) in
            [(key("target"), &data.target), (key("features"), &data.features), (key("known"), &data.known)]
        {
            for name in columns {
                if let Some(&(other, _)) = names.iter().find(|(_, n)| n == name) {
                    return Err(Error::Settings(if other == key {
                        key + format!(" names the column '{name}' twice; name it once")
                    } else {
                        text(format!("the column '{name}' is named by "))
                            + other
                            + " and by "
                            + key
                            + "; name it once"
                    }));
                }
                names.push((key, name));
            }
        }
        for (name, value) in [
            ("window", data.window),
            ("horizon", data.horizon),
            ("hidden", Some(network.hidden)),
            ("layers", Some(network.layers)),
            ("epochs", train.epochs),
            ("batch", train.batch),
            ("patience", train.patience),
        ] {
            if value == Some(0) {
                return Err(Error::setting(key(name), 0, "at least 1"));
            }
        }
        if !(0.0..1.0).contains(&network.dropout) {
            return Err(Error::setting(key("dropout"), network.dropout, "at least 0 and below 1"));
        }
        if !(train.lr.is_finite() && train.lr > 0.0) {
            return Err(Error::setting(key("lr"), train.lr, "a number above 0, such as 0.003"));
        }
        let every = train.save_every;
        if !(every.is_finite() && every >= 0.0) {
            return Err(Error::setting(key("save_every"), every, "a number of at least 0"));
        }
        if prepare.difference == DifferenceChoice::Season && self.season() == Some(1) {
            return Err(Error::Settings(
                key("difference").to("season")
                    + " needs a season, but "
                    + key("season")
                    + " says there is none; give the period",
            ));
        }
        train.optimizer.parse::<OptimizerConfig>()?;
        self.loss()?;
        self.clip().map(|_| ())
    }

    /// The period of the season in rows, 1 for none; `None` where the data decide.
    pub(super) fn season(&self) -> Option<usize> {
        match self.data.season {
            None => None,
            Some(Or::Number(period)) => Some(period.max(1)),
            Some(Or::Word(_)) => Some(1),
        }
    }

    /// Where the timestamps are.
    pub(super) fn time(&self) -> TimeColumn<'_> {
        match self.data.time.as_deref() {
            None => TimeColumn::Auto,
            Some("none") => TimeColumn::None,
            Some(column) => TimeColumn::Named(column.trim()),
        }
    }

    /// What is made small. Error: a loss that is none of a forecaster.
    pub fn loss(&self) -> Result<Loss> {
        Ok(match self.train.loss.as_str() {
            "mae" => Loss::Mae(Mae),
            "mse" => Loss::Mse(Mse),
            "huber" => Loss::Huber(Huber::default()),
            other => return Err(unknown("loss", other, LOSSES)),
        })
    }

    fn clip(&self) -> Result<Clip> {
        let word = match &self.train.clip {
            Or::Number(max) => return Ok(Clip::GlobalNorm { max: *max }),
            Or::Word(word) => word,
        };
        let wanted = "a number above 0, \"value:NUMBER\" or \"none\"";
        Ok(match clip(word).map_err(|_| Error::setting(key("clip"), format!("{word:?}"), wanted))? {
            WrittenClip::None => Clip::None,
            WrittenClip::GlobalNorm(max) => Clip::GlobalNorm { max },
            WrittenClip::Value(max) => Clip::Value { max },
        })
    }

    /// How a candidate is trained, for the training loop. Errors: an optimizer or a bound of gradients that there is not.
    pub(super) fn fit(&self, decisions: &Decisions) -> Result<FitOptions> {
        let train = &self.train;
        Ok(FitOptions {
            epochs: decisions.epochs,
            lr: train.lr,
            schedule: train.schedule,
            patience: decisions.patience,
            seed: train.seed,
            optimizer: train.optimizer.parse()?,
            clip: self.clip()?,
        })
    }
}

fn unwritable(error: &toml::ser::Error) -> Error {
    Error::Invalid(format!("the configuration cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        let changed = |change: &dyn Fn(&mut ForecastConfig)| {
            let mut config = ForecastConfig::of(&["y"]);
            change(&mut config);
            config
        };
        changed(&|_| ()).check().unwrap();
        let columns = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
        for (config, message) in [
            (ForecastConfig::default(), "no column to forecast; name one or more with target"),
            (ForecastConfig::of(&["y", "y"]), "target names the column 'y' twice"),
            (changed(&|c| c.data.known = columns(&["y"])), "the column 'y' is named by target and by known"),
            (changed(&|c| c.data.horizon = Some(0)), "horizon is 0; it must be at least 1"),
            (changed(&|c| c.network.hidden = 0), "hidden is 0; it must be at least 1"),
            (changed(&|c| c.network.dropout = 1.0), "dropout is 1; it must be at least 0 and below 1"),
            (changed(&|c| c.train.lr = f64::NAN), "lr is NaN; it must be a number above 0"),
            (changed(&|c| c.train.save_every = -1.0), "save_every is -1; it must be a number of at least 0"),
            (changed(&|c| c.train.loss = "bce".into()), "loss is \"bce\"; it must be one of mae, mse, huber"),
            (
                changed(&|c| c.train.clip = Or::Word("norm:1".into())),
                "clip is \"norm:1\"; it must be a number above 0",
            ),
            (
                changed(&|c| {
                    (c.prepare.difference, c.data.season) = (DifferenceChoice::Season, Some(Or::Number(1)));
                }),
                "difference = season needs a season, but season says there is none",
            ),
        ] {
            let found = config.check().unwrap_err().to_string();
            assert!(found.starts_with(message) && !found.contains('\n'), "{found}");
        }
    }
}
