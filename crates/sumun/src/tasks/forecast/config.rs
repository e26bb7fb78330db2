//! The configuration of a forecaster's training: what a run folder keeps, and what files and options set.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Table;

use super::decisions::Decisions;
use crate::data::{Combine, DateOrder, Mark, Missing, ReadOptions, Resample, ScaleKind, TimeColumn, quoted};
use crate::loss::{Huber, Loss, Mae, Mse};
use crate::message::{Key, key, text};
use crate::settings::{
    Cell, DifferenceChoice, Kind, Or, OutputChoice, PrecisionChoice, Settings, Switch, Typed, check_train,
    misfit, settings, unwritable,
};
use crate::tasks::options::{DataOptions, NetworkOptions, NumberOptions, TrainOptions};
use crate::train::{FitOptions, LearningRate, OptimizerConfig};
use crate::{Error, Result};
use sumun_nn::Distribution;
use sumun_nn::named::unknown;

/// The name of the task.
pub const TASK: &str = "forecast";

/// The hidden units of a model of many series, or of quantiles, where nothing is said: it has more to tell apart than that of one
/// series. On the weekly series of the M4 competition the OWA is .82 with 64 and .92 with 32.
const PANEL_HIDDEN: usize = 64;

/// The most networks whose forecasts are averaged from different seeds.
const MOST_NETWORKS: usize = 1000;
/// The most intervals of a forecast.
const MOST_LEVELS: usize = 20;

/// The losses that a forecaster can learn with.
const LOSSES: &[&str] = &["mae", "mse", "huber"];

/// The least value that is forecast.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Minimum {
    /// This number.
    Number(f64),
    /// One of the words.
    Word(MinimumWord),
}

/// A word for the least value that is forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MinimumWord {
    /// 0 where no value of the data is below it, else none.
    Auto,
    /// Any value may be forecast.
    None,
}

impl Typed for Minimum {
    const KIND: Kind = Kind::Least;
}

settings! {
    /// Where the data is and how it is read.
    #[serde(deny_unknown_fields)]
    pub struct DataSettings {
        data.train: PathBuf = PathBuf::new(), as DataOptions;
        data.target: Vec<String> = Vec::new(), "The columns to forecast";
        data.time: Option<String> = None,
            "The column of timestamps, several as date+time, or none; by default the first that holds timestamps";
        data.date_order: Option<DateOrder> = None,
            "Which part of a date such as 01/02/2020 comes first; by default what the column shows";
        data.timezone: Option<String> = None,
            "The time zone of the times in the file, such as Europe/Berlin, where clocks are changed twice a year";
        data.closed: Option<PathBuf> = None,
            "A file of days without rows, such as holidays: a date a line, or a table with a column of dates; steps go over them";
        data.resample: Option<String> = None,
            "Gathers rows at any times into even steps, such as 15min, 1h, 1d or 1month; by default rows stay as they are";
        data.resample_with: Combine = Combine::Mean, "What the values of one such step become: their mean, the last, or their sum";
        data.series: Option<String> = None,
            "The column that tells several series in the file apart, or several such columns: one model learns all of them; or one of them, as COLUMN=VALUE";
        data.r#static: Vec<String> = Vec::new(),
            "With several series, columns that have one value in each, such as a region; by default none";
        data.features: Vec<String> = Vec::new(),
            "Further columns that help, known up to the present; by default none";
        data.known: Vec<String> = Vec::new(),
            "Further columns that are also known for the steps ahead, such as holidays; by default none";
        data.decimal: Option<Mark> = None, as NumberOptions;
        data.thousands: Option<Mark> = None, as NumberOptions;
        data.na: Vec<String> = Vec::new(),
            "What else means that a value is missing, such as -9999, beside empty cells, NA, NaN, null and their like",
            Kind::Texts;
        data.encoding: Option<String> = None, as DataOptions;
        data.sheet: Option<String> = None, as DataOptions;
        data.horizon: Option<usize> = None,
            "Steps ahead, all forecast at once; by default one season, or 12 without one";
        data.window: Option<usize> = None,
            "Rows the network sees before each forecast; by default the longer of season and horizon, and a week where there is one" => "8..168";
        data.season: Option<Or<usize>> = None,
            "Rows after which the series repeats itself, or none; by default found in the training part";
        data.missing: Missing = Missing::Error, "What to do about missing values and time steps; what is filled in counts in no loss and no figure";
        data.valid: Option<f64> = None,
            "The share of rows that decides when to stop and what to choose, 0 for none; by default 0.1, or one horizon";
        data.test: Option<f64> = None,
            "The share of rows at the end that is only measured on, 0 for none; by default 0.2, or one horizon";
    }
}

settings! {
    /// How targets are made easy to learn.
    #[derive(Copy)]
    #[serde(deny_unknown_fields)]
    pub struct PrepareSettings {
        prepare.difference: DifferenceChoice = DifferenceChoice::Auto,
            "What is subtracted, so that the network learns what simple forecasts leave";
        prepare.average: Switch = Switch::Auto,
            "The mean of the candidates for what is subtracted: where the validation part says that it pays, always or never";
        prepare.arima: Switch = Switch::Auto,
            "A seasonal ARIMA model that forecasts together with the network of one series: as much as the validation part says, always or never";
        prepare.log: Switch = Switch::Auto, "Logarithms, for positive series that grow";
        prepare.min: Minimum = Minimum::Word(MinimumWord::Auto),
            "The least value that is forecast: a number, none, or auto for 0 where no value of the data is below it";
        prepare.calendar: Switch = Switch::Auto, "Hour, weekday and time of year as inputs";
        prepare.scale: ScaleKind = ScaleKind::Standard, "How values are scaled, fitted on the training part";
    }
}

settings! {
    /// What the network is made of.
    #[derive(Copy)]
    #[serde(deny_unknown_fields)]
    pub struct NetworkSettings {
        network.cell: Cell = Cell::Lstm, as NetworkOptions;
        network.hidden: usize = 32, as NetworkOptions => "16,32,64,128";
        network.layers: usize = 1, as NetworkOptions;
        network.bidirectional: bool = false, as NetworkOptions;
        network.dropout: f64 = 0.1, "The share of hidden values that is dropped in training" => "0..0.4";
        network.precision: PrecisionChoice = PrecisionChoice::F32, as NetworkOptions;
    }
}

settings! {
    /// How it is trained.
    #[serde(deny_unknown_fields)]
    pub struct TrainSettings {
        train.epochs: Option<usize> = None,
            "The most passes over the training part; by default 30 to 200, by the length of the series";
        train.batch: Option<usize> = None,
            "Windows in a training step; by default 32, more for long series" => "16,32,64,128";
        train.lr: f64 = 3e-3, as TrainOptions;
        train.schedule: LearningRate = LearningRate::Cosine, as TrainOptions;
        train.optimizer: String = "adam".into(), as TrainOptions;
        train.loss: String = "mae".into(), "What is made small, on scaled values; quantiles and distributions have their own", Kind::Choice(LOSSES);
        train.output: OutputChoice = OutputChoice::Auto,
            "What is said of each step: one number; the median with intervals, as quantiles or of a distribution, for counts negative-binomial or zero-inflated; by default student-t where several series are learnt, negative-binomial where they are counts and mostly 0, else one number";
        train.levels: Vec<String> = vec!["80".into(), "95".into()], "The shares of what comes that the intervals hold, in percent", Kind::Texts;
        train.ensemble: Option<usize> = None,
            "Networks from different seeds whose forecasts are averaged; by default 5 for one short series, else 1";
        train.clip: Or<f64> = Or::Number(1.0), as TrainOptions;
        train.patience: Option<usize> = None,
            "Epochs without a better validation loss before stopping; by default a fifth of the epochs, 10 or more";
        train.seed: u64 = 0, as TrainOptions;
        train.from: Option<PathBuf> = None,
            "A run of one series whose weights, scalers and choices training goes on from; by default it begins anew";
        train.rescale: Option<bool> = None,
            "Whether scalers are fitted anew where training goes on from a run; by default they are kept";
        train.save_every: f64 = 30.0, as TrainOptions;
        train.tensorboard: Option<bool> = None, as TrainOptions;
    }
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
            data: DataSettings::default(),
            prepare: PrepareSettings::default(),
            network: NetworkSettings::default(),
            train: TrainSettings::default(),
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

    /// The same for many series in one table, which `column` tells apart: one model learns all of them, with twice the hidden units.
    pub fn of_series(target: &str, column: &str) -> Self {
        let mut config = Self::of(&[target]);
        config.data.series = Some(column.to_owned());
        config.network.hidden = PANEL_HIDDEN;
        config
    }

    /// The rows of the table of settings that a forecaster reads, with their defaults.
    pub fn settings() -> Result<Settings> {
        let defaults = Table::try_from(Self::default()).map_err(|error| unwritable(&error))?;
        let sections =
            [DataSettings::ROWS, PrepareSettings::ROWS, NetworkSettings::ROWS, TrainSettings::ROWS];
        Ok(Settings::new(TASK, sections.concat(), defaults))
    }

    /// The defaults under settings from a file and then single ones, each a table of sections. Errors: keys that are
    /// unknown or that a forecaster does not read, with the nearest name; values of another kind; no data; and those of
    /// [`check`](Self::check).
    pub fn from_tables(tables: &[Table]) -> Result<Self> {
        let all = Self::settings()?.together(tables)?;
        let mut config: Self = all.try_into().map_err(|error| misfit(&error))?;
        let is_given =
            |table: &Table| table.get("network").and_then(|section| section.get("hidden")).is_some();
        if config.is_panel() && !tables.iter().any(is_given) {
            config.network.hidden = PANEL_HIDDEN;
        }
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
        used.data.season = Some(if season > 1 { Or::Number(season) } else { Or::Word("none".into()) });
        let (valid, test) = decisions.split.shares();
        (used.data.valid, used.data.test) = (Some(valid), Some(test));
        // The mean of several candidates comes from training all of them again.
        if let [trial, others @ ..] = decisions.averaged.as_slice()
            && others.iter().all(|other| other == trial)
        {
            (used.prepare.difference, used.data.window) = (trial.difference, Some(trial.window));
        }
        // A series that is too short for a network says nothing of its training.
        if decisions.too_short {
            return used;
        }
        used.train.ensemble = Some(decisions.ensemble);
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
        self.read_options().check()?;
        if data.resample.is_some() && data.time.as_deref() == Some("none") {
            return Err(Error::Settings(
                key("resample") + " needs times, but " + key("time").to("none") + " says that there are none",
            ));
        }
        if data.closed.is_some() && data.time.as_deref() == Some("none") {
            return Err(Error::Settings(
                key("closed") + " needs times, but " + key("time").to("none") + " says that there are none",
            ));
        }
        if data.resample.is_none() && data.resample_with != Combine::Mean {
            return Err(Error::Settings(
                key("resample_with").to(data.resample_with) + " says nothing without " + key("resample"),
            ));
        }
        let mut names: Vec<(Key, &str)> = Vec::new();
        let series: Vec<String> = self.series_columns().into_iter().map(str::to_owned).collect();
        for (key, columns) in [
            (key("target"), &data.target),
            (key("features"), &data.features),
            (key("known"), &data.known),
            (key("static"), &data.r#static),
            (key("series"), &series),
        ] {
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
            ("ensemble", train.ensemble),
        ] {
            if value == Some(0) {
                return Err(Error::setting(key(name), 0, "at least 1"));
            }
        }
        if let Some(ensemble) = train.ensemble.filter(|ensemble| *ensemble > MOST_NETWORKS) {
            return Err(Error::setting(key("ensemble"), ensemble, format!("at most {MOST_NETWORKS}")));
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
        if train.from.is_none() && train.rescale.is_some() {
            return Err(Error::Settings(key("rescale") + " says nothing without " + key("from")));
        }
        self.check_panel()?;
        train.optimizer.parse::<OptimizerConfig>()?;
        self.loss()?;
        train.clip.clip().map(|_| ())
    }

    /// Refuses a model of several series, or of quantiles, that is to go on from a run.
    pub(super) fn check_begins_anew(&self) -> Result<()> {
        match self.train.from {
            None => Ok(()),
            Some(_) => Err(Error::Settings(
                key("from")
                    + " is for models of one series and one number a step; train a model of several series or of quantiles anew",
            )),
        }
    }

    /// How many networks a model of several series, quantiles or a distribution averages.
    pub(super) fn panel_ensemble(&self) -> usize {
        self.train.ensemble.unwrap_or(1)
    }

    /// Whether one model learns several series, quantiles or a distribution.
    pub(super) fn is_panel(&self) -> bool {
        !matches!(self.train.output, OutputChoice::Auto | OutputChoice::Point)
            || !self.series_columns().is_empty()
    }

    /// The columns that tell several series apart; none where one series is learnt.
    pub(super) fn series_columns(&self) -> Vec<&str> {
        match &self.data.series {
            Some(series) if !series.contains('=') => series.split(',').map(str::trim).collect(),
            _ => Vec::new(),
        }
    }

    /// The shares that the intervals hold, each between 0 and 1, rising; none where a forecast is one number. Error: a level
    /// that is no share.
    pub(super) fn levels(&self) -> Result<Vec<f64>> {
        if self.train.output == OutputChoice::Point {
            return Ok(Vec::new());
        }
        let read = |text: &String| {
            let percent = text.trim().trim_end_matches('%').trim_end().parse::<f64>().ok();
            let level =
                percent.filter(|percent| (1.0..=99.9).contains(percent)).map(|percent| percent / 100.0);
            level.ok_or_else(|| {
                Error::setting(key("levels"), quoted(text), "percentages from 1 to 99.9, such as 80,95")
            })
        };
        let mut levels = self.train.levels.iter().map(read).collect::<Result<Vec<f64>>>()?;
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        if levels.is_empty() || levels.len() > MOST_LEVELS {
            return Err(Error::setting(
                key("levels"),
                format!("{} levels", levels.len()),
                format!("1 to {MOST_LEVELS} percentages, such as 80,95"),
            ));
        }
        Ok(levels)
    }

    /// Refuses settings of models of several series for others, and the other way round.
    fn check_panel(&self) -> Result<()> {
        let Self { data, prepare, train, .. } = self;
        self.levels()?;
        if self.is_panel() {
            if data.target.len() > 1 {
                return Err(Error::Settings(
                    key("target")
                        + format!(
                            " names {} columns, but a model of several series or of quantiles forecasts one; ",
                            data.target.len()
                        )
                        + "train one model a column",
                ));
            }
            if prepare.arima == Switch::On {
                return Err(Error::Settings(
                    key("arima").to("on")
                        + " is for one series and one number a step, and not yet for several series or for quantiles; choose "
                        + key("arima").to("auto"),
                ));
            }
            let counts = train.output.distribution().is_some_and(Distribution::is_of_counts);
            if counts && prepare.log == Switch::On {
                return Err(Error::Settings(
                    key("log").to("on")
                        + " and "
                        + key("output").to(train.output)
                        + " do not go together: the distribution is one of counts, not of their logarithms",
                ));
            }
            if counts && matches!(prepare.difference, DifferenceChoice::Last | DifferenceChoice::Season) {
                return Err(Error::Settings(
                    key("difference").to(prepare.difference)
                        + " and "
                        + key("output").to(train.output)
                        + " do not go together: the distribution is one of counts, from which nothing is subtracted",
                ));
            }
            if prepare.average == Switch::On && self.panel_ensemble() > 1 {
                return Err(Error::Settings(
                    key("average").to("on")
                        + " and "
                        + key("ensemble").to(self.panel_ensemble())
                        + " are two ways to average; choose one",
                ));
            }
            return Ok(());
        }
        match data.r#static.is_empty() {
            false => Err(Error::Settings(
                key("static")
                    + " is for models of several series or of quantiles; name the column that tells the series apart with "
                    + key("series")
                    + ", or choose "
                    + key("output").to("quantiles"),
            )),
            true => Ok(()),
        }
    }

    /// The period of the season in rows, 1 for none; `None` where the data decide.
    pub(super) fn season(&self) -> Option<usize> {
        match self.data.season {
            None => None,
            Some(Or::Number(period)) => Some(period.max(1)),
            Some(Or::Word(_)) => Some(1),
        }
    }

    /// What is said about how the file is written.
    pub fn read_options(&self) -> ReadOptions {
        let DataSettings { decimal, thousands, na, encoding, sheet, .. } = &self.data;
        ReadOptions {
            decimal: *decimal,
            thousands: *thousands,
            na: na.clone(),
            encoding: encoding.clone(),
            sheet: sheet.clone(),
        }
    }

    /// The even steps that rows are gathered into. Error: a step that cannot be read.
    pub fn resample(&self) -> Result<Option<Resample>> {
        let DataSettings { resample, resample_with, .. } = &self.data;
        resample.as_deref().map(|step| Resample::new(step, *resample_with)).transpose()
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

    /// How a candidate is trained, for the training loop. Errors: an optimizer or a bound of gradients that there is not.
    pub(super) fn fit(&self, decisions: &Decisions, seed: u64) -> Result<FitOptions> {
        let train = &self.train;
        Ok(FitOptions {
            epochs: decisions.epochs,
            lr: train.lr,
            schedule: train.schedule,
            patience: decisions.patience,
            seed,
            optimizer: train.optimizer.parse()?,
            clip: train.clip.clip()?,
            ema: 0.0,
        })
    }
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
                "clip is \"norm:1\"; it must be a number of at least 0",
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
