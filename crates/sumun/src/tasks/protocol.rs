//! What a task is: settings, a training of its own kind, and a model at work.
//!
//! A task is a folder with a [`Config`] and what follows from it: [`Config::plan`] reads the data, a [`Plan`] begins or
//! goes on, [`Learning`] trains, and the [`Outcome`] is written into a run folder, from which a [`TrainedModel`] is
//! opened. [`Training`](super::Training) does all that every training needs beside it. Front ends know tasks only by their
//! [`TaskEntry`] and what these traits say.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use toml::Table;

use super::example::{Example, ExampleOf, not_shown};
use super::figures::{Measured, Predictions, ScoredLines};
use super::folds::Folds;
use super::forecast::{Evaluation, Forecast, PanelEvaluation, PanelForecast};
use super::portable::Portable;
use super::sampling::Sampling;
use super::source::Source;
use super::standing::Standing;
use crate::data::Missing;
use crate::inspect::Memory;
use crate::message::key;
use crate::model::{Model, ModelFile, Registry};
use crate::records::STANDARD_INPUT;
use crate::run::{Checkpoint, RunResults};
use crate::settings::Settings;
use crate::train::{Ending, FitOptions, Keeper, Objective, Progress, Snapshot};
use crate::{Error, Result};

/// A task as front ends see it.
pub trait TaskEntry: fmt::Debug + Sync {
    /// Its name: `classify`.
    fn name(&self) -> &'static str;
    /// What it learns, in a sentence without a full stop.
    fn purpose(&self) -> &'static str;
    /// The settings that it reads.
    fn settings(&self) -> Result<Settings>;
    /// The defaults under settings from a file and then single ones, each a table of sections. Errors: settings that do
    /// not exist or make no sense.
    fn configure(&self, tables: &[Table]) -> Result<Box<dyn AnyConfig>>;
    /// Goes on from a checkpoint, and says what may be different now. Errors as [`Training::resume`](super::Training::resume).
    fn resume(&self, checkpoint: Checkpoint) -> Result<(Box<dyn AnyTraining>, Vec<String>)>;
    /// The model that a file holds; `name` stands for the file in messages. Errors: a file that was damaged, or made by
    /// another version.
    fn open(&self, name: &str, file: ModelFile) -> Result<Box<dyn TrainedModel>>;
}

/// All settings of a training.
pub trait Config: Serialize + DeserializeOwned + Clone + fmt::Debug + Send + Sync + 'static {
    /// The data as it was read, with what was decided from it.
    type Plan: Plan;

    /// The settings that a checkpoint holds, with the layers that the registry has.
    fn read(kept: Value, registry: &Registry) -> serde_json::Result<Self> {
        let _ = registry;
        serde_json::from_value(kept)
    }
    /// The name of the task.
    fn task(&self) -> &'static str;
    /// The training file; `-` for standard input.
    fn train_file(&self) -> &Path;
    /// Seconds between checkpoints.
    fn save_every(&self) -> f64;
    /// Whether the figures of epochs are also written as an event file for TensorBoard.
    fn tensorboard(&self) -> bool;
    /// Whether any part of the data is standard input.
    fn reads_standard_input(&self) -> bool;
    /// The trainings that measure folds of the training file, where they are asked for; what they come to says
    /// [`measure_folds`](super::measure_folds).
    fn folds(&self) -> Vec<Self> {
        Vec::new()
    }
    /// Refuses settings that make no sense whatever the data are.
    fn check(&self) -> Result<()>;
    /// Reads the data. `resumed` where a training goes on: what its checkpoint says of data and network, which are compared
    /// with it before the network is built.
    fn plan(&self, resumed: Option<Resumed>) -> Result<Self::Plan>;
}

/// What a training that goes on must find again.
#[derive(Debug, Clone, PartialEq)]
pub struct Resumed {
    /// How many weights the network has.
    pub weights: usize,
    /// The files that were read.
    pub sources: Vec<Source>,
}

impl Resumed {
    /// Error: the data are not the same as when the training began.
    pub fn expect(&self, now: &[Source]) -> Result<()> {
        if now.len() != self.sources.len() {
            return Err(Error::Model("the checkpoint does not say which data it was trained on".into()));
        }
        match now.iter().zip(&self.sources).find(|(now, then)| now != then) {
            None => Ok(()),
            Some((now, _)) if now.file == STANDARD_INPUT => Err(again()),
            Some((now, then)) => Err(Error::Data(format!(
                "{}: the {} data has changed since the training began; put it back, or train anew",
                now.file, then.part
            ))),
        }
    }
}

/// What is wrong where a training whose data came through a pipe does not find it again.
pub(super) fn again() -> Error {
    Error::Data(format!("{STANDARD_INPUT}: the training began with data from it; give the same data again"))
}

/// The data of a training as it was read, with what was decided from it.
pub trait Plan: fmt::Debug + Sized {
    /// What follows.
    type Learning: Learning;

    /// The files that were read.
    fn sources(&self) -> &[Source];
    /// Everything that was made of the data: what must not have changed when a training goes on.
    fn prepared(&self) -> Result<Value>;
    /// Whether the same was made of the data when [`prepared`](Self::prepared) gave `then`.
    fn prepared_alike(&self, then: &Value) -> Result<bool> {
        Ok(self.prepared()? == *then)
    }
    /// A training before its first step.
    fn begin(self) -> Result<Self::Learning>;
    /// Goes on from a snapshot. Error: one that does not fit the plan.
    fn resume(self, snapshot: Snapshot) -> Result<Self::Learning>;
}

/// A training at work.
pub trait Learning: fmt::Debug + Send {
    /// What it comes to.
    type Outcome: Outcome;

    /// What was noticed about the data, a sentence each.
    fn notes(&self) -> &[String];
    /// All settings as TOML, with what the data decided before the first step filled in.
    fn config_toml(&self) -> Result<String>;
    /// Where it stands.
    fn snapshot(&self) -> Result<Snapshot>;
    /// How far it is, and what other trainings on the same data are compared with it by.
    fn standing(&self) -> Result<Standing>;
    /// What it trains now, and how; what is done to it is done to the training. Error: it trains no network.
    fn objective(&mut self) -> Result<(&mut dyn Objective, FitOptions)>;
    /// Trains until the end or until the keeper stops it.
    fn run(&mut self, progress: &mut dyn Progress, keeper: &mut dyn Keeper) -> Result<Ending>;
    /// The model and its figures. Error: a training that has not come to its end.
    fn finish(self) -> Result<Self::Outcome>;
}

/// A training that has come to its end.
pub trait Outcome: fmt::Debug + 'static {
    /// All settings as they were used.
    fn config_toml(&self) -> Result<String>;
    /// The model.
    fn model_file(&self) -> Result<ModelFile>;
    /// A line for every epoch, where those that were written while it learnt do not stay as they are.
    fn metrics(&self) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }
    /// The figures to list and compare runs by.
    fn results(&self) -> RunResults;
    /// Whether the validation part ended the training before its epochs had all run.
    fn stopped_early(&self) -> bool;
    /// The report: one page that needs nothing else.
    fn report(&self, about: &About) -> String;
    /// What people want to know of the data and the model.
    fn facts(&self) -> Facts;
    /// Model and baselines on the parts that were held out, in their order.
    fn evaluated(&self) -> Vec<Evaluated>;
    /// Whether those are [`Evaluated::Forecasts`], even where no part was held out.
    fn forecasts(&self) -> bool;
    /// How the model is used next.
    fn next(&self) -> Next;
    /// How far back its network listens in records of the validation part; None where that cannot be said. Error: a network that
    /// cannot be looked into.
    fn memory(&self) -> Result<Option<Memory>> {
        Ok(None)
    }
}

/// What a report says that the training does not know.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// When the training ended, as text; the report never reads the clock.
    pub created: String,
    /// The command that repeats the training.
    pub command: String,
    /// The command that uses the model.
    pub predict_command: String,
    /// How many threads were used.
    pub threads: usize,
    /// What the reader should know before trusting the figures, a sentence each.
    pub notes: Vec<String>,
    /// What folds of the training file came to, where they were measured.
    pub folds: Option<Folds>,
}

/// What people want to know after a training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The training file, as it was named.
    pub file: String,
    /// What it holds, a line each.
    pub data: Vec<String>,
    /// What the network is made of.
    pub model: String,
    /// What was decided from the data: the setting, the value, and why.
    pub choices: Vec<[String; 3]>,
}

/// How a model is used once it is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It predicts from the end of its training file.
    Predict,
    /// It predicts from a file.
    PredictFile,
    /// It predicts from a file that must hold the columns known ahead.
    PredictKnown,
    /// It generates text.
    Generate,
}

/// How well a model does on a part of the data, or on a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Evaluated {
    /// Figures beside those of one baseline.
    Figures(Box<Measured>),
    /// Forecasts from many origins beside those of baselines.
    Forecasts {
        /// Which part: `valid`, `test`, or the file's name.
        part: String,
        /// The columns that were forecast.
        targets: Vec<String>,
        /// Steps ahead.
        horizon: usize,
        /// The scores.
        evaluation: Box<Evaluation>,
        /// What was noticed in the file, a sentence each; of a part of the training file, nothing more than was said of it.
        notes: Vec<String>,
    },
    /// Forecasts of many series beside those of baselines.
    Panel {
        /// Which part: `valid`, `test`, or the file's name.
        part: String,
        /// The names of the series, in the order of their scores.
        names: Vec<String>,
        /// Steps ahead.
        horizon: usize,
        /// The scores.
        evaluation: Box<PanelEvaluation>,
        /// What was noticed in the file, a sentence each; of parts of the training file, nothing more than was said of it.
        notes: Vec<String>,
    },
}

impl Evaluated {
    /// Which part: `valid`, `test`, or the file's name.
    pub fn part(&self) -> &str {
        match self {
            Self::Figures(measured) => &measured.part,
            Self::Forecasts { part, .. } | Self::Panel { part, .. } => part,
        }
    }
}

/// What a model is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Request<'a> {
    /// The file to predict for, or to go on from the end of; `-` for standard input.
    pub file: Option<&'a Path>,
    /// How many steps ahead, of a forecaster.
    pub steps: Option<usize>,
    /// How many sample paths of each series, of a forecaster of distributions or quantiles.
    pub samples: Option<usize>,
    /// Whether to say how much each step of a record counts.
    pub attention: bool,
    /// How many hypotheses the search of a translator keeps; [`BEAM`](super::BEAM) where nothing is said.
    pub beam: Option<usize>,
    /// Of a classifier or regressor, the one field that stands beside each prediction; all where nothing is said.
    pub id: Option<&'a str>,
    /// Whether a record with nothing to read is an error, not an unknown prediction.
    pub strict: bool,
    /// How a forecaster reads the file.
    pub reading: Reading<'a>,
}

/// How a forecaster reads a newer file, where it is not to do as training did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading<'a> {
    /// What it does about missing values and steps.
    pub missing: Option<Missing>,
    /// The file with the rows before those of the newer one.
    pub history: Option<&'a Path>,
}

impl Request<'_> {
    /// Error if anything is asked for that a forecaster does not do.
    pub(crate) fn is_for_forecasts(&self) -> Result<()> {
        if self.beam.is_some() {
            let other = " is for models that write texts; this is a forecaster";
            return Err(Error::Settings(key("beam") + other));
        }
        if self.attention {
            return Err(Error::Settings(
                key("attention")
                    + " is for models trained with "
                    + key("pool").to("attention")
                    + "; this is a forecaster",
            ));
        }
        Ok(())
    }
}

impl Reading<'_> {
    /// Error if anything is asked for: a model to `purpose` reads no series.
    pub(crate) fn is_none(&self, purpose: &str) -> Result<()> {
        let asked = match (self.missing, self.history) {
            (Some(_), _) => "missing",
            (None, Some(_)) => "history",
            (None, None) => return Ok(()),
        };
        Err(Error::Settings(key(asked) + format!(" is for forecasts; this is a model to {purpose}")))
    }
}

/// What a model makes of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicted {
    /// A prediction for each record.
    Records(Predictions),
    /// Values after the end.
    Ahead {
        /// The values.
        forecast: Forecast,
        /// How many steps are forecast at once.
        horizon: usize,
    },
    /// Values after the ends of many series.
    Panel(PanelForecast),
}

/// A layer of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerFacts {
    /// Its name, which its tensors' names begin with.
    pub name: String,
    /// What it is: `Bidirectional LSTM`.
    pub kind: String,
    /// The shape of its output; `None` for what is free, such as the number of sequences.
    pub output: Vec<Option<usize>>,
    /// How many numbers it learns.
    pub parameters: usize,
}

/// What a model is made of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelFacts {
    /// A heading and a line below it, before the layers; None where they say everything.
    pub heading: Option<[String; 2]>,
    /// The layers in their order.
    pub layers: Vec<LayerFacts>,
    /// How many numbers it learns.
    pub parameters: usize,
    /// The layers as a table for people.
    pub table: String,
    /// Further facts for programs, by name.
    pub more: Map<String, Value>,
}

/// A text piece by piece; the pieces together are the text. An error is the last item.
pub type Pieces<'a> = Box<dyn Iterator<Item = Result<String>> + 'a>;

/// A trained model of any task, at work again.
pub trait TrainedModel: fmt::Debug + Send + Sync {
    /// The name of its task.
    fn task(&self) -> &'static str;
    /// What it makes of a file. Errors: a file that is not of the kind that it was trained on, and a request that means
    /// nothing to it.
    fn predict(&self, request: &Request<'_>) -> Result<Predicted>;
    /// Measures the model and its baselines on a file, `-` for standard input.
    fn evaluate(&self, file: &Path, reading: &Reading<'_>) -> Result<Evaluated>;
    /// What it is made of.
    fn facts(&self) -> ModelFacts;
    /// The network, without what makes numbers of a file's records; None of a model that has none.
    fn network(&self) -> Option<&Model>;
    /// The part of the network that [`example`](Self::example) is for, where it is not all of it: of several networks whose forecasts
    /// are averaged, the first. Error: a model that does not have it.
    fn part_shown(&self) -> Result<Option<Model>> {
        Ok(None)
    }
    /// The preprocessing as data that a program in another language follows. Error: what of it cannot be said that way.
    fn portable(&self) -> Result<Portable>;
    /// Text that follows `prompt`. Errors: a model that writes none, and settings that make no sense.
    fn generate(&self, prompt: &str, how: &Sampling) -> Result<Pieces<'_>> {
        let _ = (prompt, how);
        Err(writes_no_text(self.task()))
    }
    /// So many texts that follow `prompt`, each whole. Errors as [`generate`](Self::generate), and no samples.
    fn generate_many(&self, prompt: &str, how: &Sampling, samples: usize) -> Result<Vec<String>> {
        let _ = (prompt, how, samples);
        Err(writes_no_text(self.task()))
    }
    /// A record as the network reads it, for those who look inside. Errors: a task that this is not there for; a record that
    /// cannot be read.
    fn example(&self, of: ExampleOf<'_>) -> Result<Example> {
        let _ = of;
        Err(not_shown(self.task()))
    }
    /// How probable each line of a file is, `-` for standard input, when it is read alone. Error: a model that does not say
    /// so.
    fn score_lines(&self, file: &Path) -> Result<ScoredLines> {
        let _ = file;
        Err(no_scores(self.task()))
    }
}

/// Settings of any task.
pub trait AnyConfig: fmt::Debug + Send + Sync {
    /// The name of the task.
    fn task(&self) -> &'static str;
    /// The training file; `-` for standard input.
    fn train_file(&self) -> &Path;
    /// Seconds between checkpoints.
    fn save_every(&self) -> f64;
    /// Whether any part of the data is standard input.
    fn reads_standard_input(&self) -> bool;
    /// Reads the data and builds the model.
    fn begin(&self) -> Result<Box<dyn AnyTraining>>;
}

/// A training of any task.
pub trait AnyTraining: fmt::Debug + Send {
    /// The training file; `-` for standard input.
    fn train_file(&self) -> &Path;
    /// Seconds between checkpoints.
    fn save_every(&self) -> f64;
    /// Whether the figures of epochs are also written as an event file for TensorBoard.
    fn tensorboard(&self) -> bool;
    /// The trainings that measure folds of the training file, where they are asked for.
    fn folds(&self) -> Vec<Box<dyn AnyConfig>>;
    /// What was noticed about the data, a sentence each.
    fn notes(&self) -> &[String];
    /// All settings as TOML, with what the data decided before the first step filled in.
    fn config_toml(&self) -> Result<String>;
    /// Where it stands now.
    fn checkpoint(&self) -> Result<Checkpoint>;
    /// How far it is, and what other trainings on the same data are compared with it by.
    fn standing(&self) -> Result<Standing>;
    /// What it trains now, and how; what is done to it is done to the training. Error: it trains no network.
    fn objective(&mut self) -> Result<(&mut dyn Objective, FitOptions)>;
    /// Trains until the end or until the keeper stops it.
    fn run(&mut self, progress: &mut dyn Progress, keeper: &mut dyn Keeper) -> Result<Ending>;
    /// The model and its figures. Error: a training that has not come to its end.
    fn finish(self: Box<Self>) -> Result<Box<dyn Outcome>>;
}

/// The error of a model that is none of a task on sequences, of which a text is asked.
fn writes_no_text(task: &str) -> Error {
    Error::Model(format!("holds a model for {task}, which writes no text; give a run of the task lm"))
}

/// The error of a model that does not say how probable a text is.
pub(super) fn no_scores(task: &str) -> Error {
    Error::Model(format!(
        "holds a model for {task}, which does not say how probable a line is; give a run of the task lm"
    ))
}
