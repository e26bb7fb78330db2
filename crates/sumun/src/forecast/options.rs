//! What a person may ask of a forecaster, and what was used in the end.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::data::{Difference, Missing, ScaleKind, Split};
use crate::loss::{Huber, Loss, Mae, Mse};
use crate::message::{Key, key, text};
use crate::train::{Clip, LearningRate, OptimizerConfig};
use crate::{Error, Result};
use sumun_nn::named;
use sumun_nn::named::unknown;

/// All options of the training of a forecaster. `None` and `Auto` mean that the data decide; [`Resolved`] tells what
/// they decided.
///
/// ```
/// use sumun::forecast::Options;
/// let options = Options { targets: vec!["demand".into()], horizon: Some(24), ..Options::default() };
/// let again: Options = toml::from_str("targets = [\"demand\"]\nhorizon = 24").unwrap();
/// assert_eq!(options, again);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The columns to forecast, one or more.
    pub targets: Vec<String>,
    /// Where the timestamps are.
    pub time: Time,
    /// Further columns that help, known up to the present only.
    pub features: Vec<String>,
    /// Further columns that are also known for the steps ahead, such as holidays or planned prices. To forecast, the
    /// file must hold them for those steps.
    pub known: Vec<String>,
    /// How many rows the network sees before each forecast; by default the season or the horizon, whichever is longer.
    pub window: Option<usize>,
    /// How many steps ahead are forecast at once; by default one season, or 12 steps where there is none.
    pub horizon: Option<usize>,
    /// The period of the season in rows, 0 or 1 for none; by default it is looked for in the training part.
    pub season: Option<usize>,
    /// The recurrent cell.
    pub cell: Cell,
    /// Hidden units of each layer and direction.
    pub hidden: usize,
    /// Recurrent layers.
    pub layers: usize,
    /// Whether the window is also read backwards.
    pub bidirectional: bool,
    /// The share of hidden values that is dropped in training, between layers and before the head; below 1.
    pub dropout: f32,
    /// The most passes over the training windows; by default enough for 1500 steps, from 30 to 200.
    pub epochs: Option<usize>,
    /// Windows in a training step; by default 32, and more where there are many windows.
    pub batch: Option<usize>,
    /// The highest learning rate.
    pub lr: f64,
    /// The optimizer and its settings.
    pub optimizer: OptimizerConfig,
    /// How gradients are bounded.
    pub clip: Clip,
    /// How the learning rate changes.
    pub schedule: LearningRate,
    /// What is made small: `mae`, `mse` or `huber` of the scaled values.
    pub loss: Loss,
    /// Epochs without a better validation loss after which training stops; by default a fifth of the epochs, 10 or more.
    pub patience: Option<usize>,
    /// How values are scaled before the network sees them.
    pub scale: ScaleKind,
    /// Where all randomness comes from: the same seed gives the same model, bit for bit.
    pub seed: u64,
    /// The share of rows, after the training part, that decides when to stop and what to choose; 0 for none.
    pub valid: f64,
    /// The share of rows at the end that is only measured on; 0 for none.
    pub test: f64,
    /// What is done about missing values and rows.
    pub missing: Missing,
    /// What is subtracted from the targets, so that the network learns what it leaves.
    pub difference: DifferenceChoice,
    /// Whether logarithms are taken, so that growth in per cent becomes a straight line.
    pub log: Switch,
    /// Whether hour, weekday and time of year are given to the network, for the window and for the steps ahead.
    pub calendar: Switch,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            time: Time::Auto,
            features: Vec::new(),
            known: Vec::new(),
            window: None,
            horizon: None,
            season: None,
            cell: Cell::Lstm,
            hidden: 32,
            layers: 1,
            bidirectional: false,
            dropout: 0.1,
            epochs: None,
            batch: None,
            lr: 3e-3,
            optimizer: OptimizerConfig::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 },
            clip: Clip::GlobalNorm { max: 1.0 },
            schedule: LearningRate::Cosine,
            loss: Loss::Mae(Mae),
            patience: None,
            scale: ScaleKind::Standard,
            seed: 0,
            valid: 0.1,
            test: 0.2,
            missing: Missing::Error,
            difference: DifferenceChoice::Auto,
            log: Switch::Auto,
            calendar: Switch::Auto,
        }
    }
}

impl Options {
    /// Refuses what makes no sense whatever the data are.
    pub fn check(&self) -> Result<()> {
        if self.targets.is_empty() {
            return Err(Error::Invalid("no column to forecast".into())
                .advise(text("name one or more with ") + key("target")));
        }
        let mut names: Vec<(Key, &str)> = Vec::new();
        for (key, columns) in
            [(key("target"), &self.targets), (key("features"), &self.features), (key("known"), &self.known)]
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
            ("window", self.window),
            ("horizon", self.horizon),
            ("hidden", Some(self.hidden)),
            ("layers", Some(self.layers)),
            ("epochs", self.epochs),
            ("batch", self.batch),
            ("patience", self.patience),
        ] {
            if value == Some(0) {
                return Err(Error::setting(key(name), 0, "at least 1"));
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::setting(key("dropout"), self.dropout, "at least 0 and below 1"));
        }
        if !(self.lr.is_finite() && self.lr > 0.0) {
            return Err(Error::setting(key("lr"), self.lr, "a number above 0, such as 0.003"));
        }
        if !matches!(self.loss, Loss::Mae(_) | Loss::Mse(_) | Loss::Huber(_)) {
            return Err(unknown("loss", self.loss.name(), LOSSES));
        }
        if self.difference == DifferenceChoice::Season && matches!(self.season, Some(0 | 1)) {
            return Err(Error::Settings(
                key("difference").to("season")
                    + " needs a season, but "
                    + key("season")
                    + " says there is none; give the period",
            ));
        }
        Ok(())
    }

    /// A loss that a forecaster can learn with, by its name: `mae`, `mse` or `huber`.
    pub fn loss_named(name: &str) -> Result<Loss> {
        Ok(match name {
            "mae" => Loss::Mae(Mae),
            "mse" => Loss::Mse(Mse),
            "huber" => Loss::Huber(Huber::default()),
            _ => return Err(unknown("loss", name, LOSSES)),
        })
    }
}

/// The losses that a forecaster can learn with.
const LOSSES: &[&str] = &["mae", "mse", "huber"];

/// Where the timestamps are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Time {
    /// In the first column that holds timestamps, if there is one.
    #[default]
    Auto,
    /// Nowhere: rows are evenly spaced in the order of the file.
    None,
    /// In this column.
    Column(String),
}

/// A recurrent cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cell {
    /// Elman's network with tanh (Cognitive Science 1990).
    Rnn,
    /// Long short-term memory (Hochreiter & Schmidhuber, Neural Computation 1997, with the forget gate of Gers 2000).
    #[default]
    Lstm,
    /// Gated recurrent unit (Cho et al., EMNLP 2014, reset after the product as in PyTorch).
    Gru,
}
named!(Cell, "cell", Rnn = "rnn", Lstm = "lstm", Gru = "gru");

/// What is subtracted from the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DifferenceChoice {
    /// What does best on the validation part.
    #[default]
    Auto,
    /// Nothing.
    None,
    /// The last known value: the network learns what the naive forecast leaves.
    Last,
    /// The last known value of the same phase: the network learns what the seasonal naive forecast leaves.
    Season,
}
named!(DifferenceChoice, "difference", Auto = "auto", None = "none", Last = "last", Season = "season");

/// Something that is on, off, or decided from the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// The data decide.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}
named!(Switch, "switch", Auto = "auto", On = "on", Off = "off");

/// All options as they were used, with what the data decided filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resolved {
    /// The columns that are forecast.
    pub targets: Vec<String>,
    /// The column of the timestamps, if there is one.
    pub time: Option<String>,
    /// Further columns, known up to the present.
    pub features: Vec<String>,
    /// Further columns, known ahead.
    pub known: Vec<String>,
    /// Rows before each forecast.
    pub window: usize,
    /// Steps ahead.
    pub horizon: usize,
    /// The period of the season in rows; 1 for none.
    pub season: usize,
    /// The recurrent cell.
    pub cell: Cell,
    /// Hidden units of each layer and direction.
    pub hidden: usize,
    /// Recurrent layers.
    pub layers: usize,
    /// Whether the window is also read backwards.
    pub bidirectional: bool,
    /// The share of hidden values that was dropped in training.
    pub dropout: f32,
    /// The most passes over the training windows.
    pub epochs: usize,
    /// Windows in a training step.
    pub batch: usize,
    /// The highest learning rate.
    pub lr: f64,
    /// How the learning rate changed.
    pub schedule: LearningRate,
    /// Epochs without a better validation loss after which training stops.
    pub patience: usize,
    /// How values are scaled.
    pub scale: ScaleKind,
    /// Where all randomness comes from.
    pub seed: u64,
    /// The share of rows for validation.
    pub valid: f64,
    /// The share of rows for the test.
    pub test: f64,
    /// What is done about missing values and rows.
    pub missing: Missing,
    /// What is subtracted from the targets.
    pub difference: DifferenceChoice,
    /// For each target, whether its logarithm is taken.
    pub log: Vec<bool>,
    /// Whether the calendar is given to the network.
    pub calendar: bool,
    /// The optimizer and its settings.
    pub optimizer: OptimizerConfig,
    /// How gradients are bounded.
    pub clip: Clip,
    /// What is made small.
    pub loss: Loss,
    /// The rows of the three parts.
    pub split: Split,
}

impl Resolved {
    /// All of it as TOML. Error: a seed too large for TOML's integers.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self)
            .map_err(|e| Error::Invalid(format!("the options cannot be written as TOML: {e}")))
    }

    /// What is subtracted from the targets, with the season's period.
    pub fn difference(&self) -> Difference {
        match self.difference {
            DifferenceChoice::Season => Difference::Season(self.season),
            DifferenceChoice::Last => Difference::Last,
            DifferenceChoice::None | DifferenceChoice::Auto => Difference::None,
        }
    }

    /// The rows of the training part.
    pub fn train_rows(&self) -> Range<usize> {
        self.split.train.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_survive_toml_and_unknown_ones_are_refused() {
        let options = Options {
            targets: vec!["수요".into(), "b".into()],
            time: Time::Column("t".into()),
            season: Some(7),
            loss: Options::loss_named("huber").unwrap(),
            clip: Clip::None,
            ..Options::default()
        };
        let text = toml::to_string(&options).unwrap();
        assert_eq!(toml::from_str::<Options>(&text).unwrap(), options, "{text}");
        assert!(toml::from_str::<Options>("horizont = 3").is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let base = || Options { targets: vec!["y".into()], ..Options::default() };
        base().check().unwrap();
        let columns = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
        for (options, message) in [
            (Options::default(), "no column to forecast"),
            (Options { targets: columns(&["y", "y"]), ..base() }, "target names the column 'y' twice"),
            (Options { known: columns(&["y"]), ..base() }, "the column 'y' is named by target and by known"),
            (Options { horizon: Some(0), ..base() }, "horizon is 0"),
            (Options { hidden: 0, ..base() }, "hidden is 0"),
            (Options { dropout: 1.0, ..base() }, "dropout is 1;"),
            (Options { lr: f64::NAN, ..base() }, "lr is NaN"),
            (Options { loss: "bce".parse().unwrap(), ..base() }, "loss is \"bce\""),
            (
                Options { difference: DifferenceChoice::Season, season: Some(1), ..base() },
                "difference = season needs a season",
            ),
        ] {
            let found = options.check().unwrap_err().to_string();
            assert!(found.starts_with(message) && !found.contains('\n'), "{found}");
        }
    }

    #[test]
    fn values_have_names() {
        for name in Cell::NAMES {
            assert_eq!(name.parse::<Cell>().unwrap().to_string(), *name);
        }
        assert_eq!("season".parse::<DifferenceChoice>().unwrap(), DifferenceChoice::Season);
        let error = "lstn".parse::<Cell>().unwrap_err().to_string();
        assert_eq!(error, "cell is \"lstn\"; it must be one of rnn, lstm, gru");
    }
}
