//! What a task on sequences is: its settings, how it learns, and how its model is used.
//!
//! A task is a folder with a [`Task`] (its own settings, beside those that all share), a [`Lesson`] (its data read, its
//! network and its loss) and a [`Pipeline`] (how a trained model reads records and what its outputs say). All that follows,
//! from the command line to the report, knows it by these.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::example::{Example, ExampleOf};
use super::figures::{Measured, Predictions, ScoredLines};
use super::options::{DataOptions, NetworkOptions, TextOptions, TrainOptions, Usual};
use super::parts::FoldOf;
use super::portable::PortableNetwork;
use super::protocol::{Next, Pieces, Resumed};
use super::sampling::Sampling;
use super::shown::{Sample, Shown};
use super::source::Source;
use crate::Result;
use crate::model::{LayerConfig, Model};
use crate::settings::Setting;
use crate::train::Objective;

/// A task on sequences, which is a struct of the settings of its own.
pub trait Task:
    Clone + fmt::Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// How it learns.
    type Lesson: Lesson;

    /// Its name: `classify`.
    const NAME: &'static str;

    /// What it learns, in a sentence without a full stop.
    const PURPOSE: &'static str;

    /// How people speak of it.
    const WORDS: Words;

    /// Whether a configuration may have the layers of its network.
    const LAYERS: bool = false;

    /// How long it is trained where nothing is said.
    const USUAL: Usual = Usual { epochs: 20, patience: 8 };

    /// What settings of its own were before there were any, as section, name and value: what a checkpoint that does not have them
    /// goes on with.
    const ONCE: &'static [(&'static str, &'static str, &'static str)] = &[];

    /// The names of those shared settings that mean nothing to it.
    const WITHOUT: &'static [&'static str] = &[];

    /// The names of the settings that the data decide where nothing is said ([`decide`](Self::decide)).
    const OPEN: &'static [&'static str] = &[];

    /// The rows of its own settings, in the order in which they are shown within their sections.
    fn rows() -> Vec<Setting>;

    /// Changes the defaults of shared settings where its own are different.
    fn adjust(config: &mut TaskConfig<Self>) {
        let _ = config;
    }

    /// Refuses settings that make no sense whatever the data are, beside those that make none for any task.
    fn check(config: &TaskConfig<Self>) -> Result<()> {
        let _ = config;
        Ok(())
    }

    /// How many folds of the training file are measured before the model is kept, where they are asked for.
    fn folds(config: &TaskConfig<Self>) -> Option<usize> {
        let _ = config;
        None
    }

    /// Decides what is left open once the data was read, as [`begin`](Self::begin) did where its network depends on it. Gives
    /// each decision as its name, its value and the reason.
    fn decide(config: &mut TaskConfig<Self>, lesson: &Self::Lesson) -> Vec<[String; 3]> {
        let steps = lesson.objective().steps_per_epoch();
        config.train.decide(lesson.examples(), steps, Self::USUAL, Self::WORDS.example)
    }

    /// Reads the data, fits the pipeline and builds the network with its first weights. Errors: data that cannot be read
    /// or learnt from.
    fn begin(config: &TaskConfig<Self>) -> Result<Self::Lesson>;
}

/// All settings of a training, as they were used: those that tasks on sequences share, and those of the task `T`. A file
/// has them under their keys, whichever struct they are in.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskConfig<T> {
    /// Where the data is.
    pub data: DataOptions,
    /// How text becomes tokens.
    pub text: TextOptions,
    /// What the network is made of.
    pub network: NetworkOptions,
    /// The layers of the network from its input to its output, in place of those that `network` describes; none for these.
    pub layers: Vec<LayerConfig>,
    /// How it is trained.
    pub train: TrainOptions,
    /// The settings of the task's own.
    pub own: T,
    /// No setting: the names of those settings that the data decide where they have their defaults, of [`Task::OPEN`].
    pub open: Vec<&'static str>,
    /// No setting: where a training goes on, what it must find again.
    pub resumed: Option<Resumed>,
    /// No setting: the fold that is measured, where folds are.
    pub fold: Option<FoldOf>,
}

impl<T> TaskConfig<T> {
    /// Refuses other data than a training that goes on began with, before a network is built that they may make another.
    pub(super) fn expect_data(&self, sources: &[Source]) -> Result<()> {
        self.resumed.as_ref().map_or(Ok(()), |resumed| resumed.expect(sources))
    }
}

/// How people speak of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// What a model does with a file, as the title of a report begins: `Classify`.
    pub verb: &'static str,
    /// What it learns from, one of them: `sequence`.
    pub example: &'static str,
    /// What is made small in training.
    pub loss: &'static str,
    /// How a model is used once it is trained.
    pub next: Next,
}

/// A task that is being learnt: the data that was read, the pipeline that was fitted, and the network.
pub trait Lesson: fmt::Debug + Send + 'static {
    /// How records become what the network reads.
    type Pipeline: Pipeline;

    /// What the training loop trains.
    fn objective(&self) -> &dyn Objective;
    /// What the training loop trains.
    fn objective_mut(&mut self) -> &mut dyn Objective;
    /// The network as it is now.
    fn model(&self) -> &Model;
    /// What goes into the model file beside the network.
    fn pipeline(&self) -> &Self::Pipeline;
    /// How many examples the training part has.
    fn examples(&self) -> usize;
    /// The files that were read.
    fn sources(&self) -> &[Source];
    /// What was noticed about the data, a sentence each.
    fn notes(&self) -> &[String];
    /// What is made small in training, where it is not what [`Words::loss`] of the task says.
    fn loss_name(&self) -> Option<&'static str> {
        None
    }
    /// Fits the baselines that are models of their own, on the training part alone, so that [`measure`](Self::measure) and the
    /// model file have them. Called once, when the training has come to its end.
    fn fit_baselines(&mut self) -> Result<()> {
        Ok(())
    }
    /// Model and baselines on the held out parts, in their order; [`Measured::baseline`] is the best of them.
    fn measure(&self) -> Result<Vec<Measured>>;
    /// What the model read in the last held out part, and the truth, in the order of its predictions; for the report.
    fn shown(&self) -> Result<Vec<Shown>> {
        Ok(Vec::new())
    }
    /// Some records of the validation part as the network reads them, to see how far back it listens.
    fn heard(&self) -> Result<Vec<Example>> {
        Ok(Vec::new())
    }
    /// Texts that the model writes, for the report.
    fn samples(&self) -> Result<Vec<Sample>> {
        Ok(Vec::new())
    }
}

/// How records become what a network reads, and its outputs what people read. It is part of the model file, and a file may
/// hold anything: [`check`](Self::check) is called before any other method.
pub trait Pipeline: fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What model files call its kind.
    const KIND: &'static str;

    /// Whether its predictions come from a search that keeps several hypotheses.
    const SEARCHES: bool = false;

    /// Whether it can say how much each step of a record counts.
    const ATTENDS: bool = false;

    /// Whether its parts fit each other and the network.
    fn check(&self, model: &Model) -> Result<()>;

    /// The names of classes or tags in the order of their ids, where there are any.
    fn class_names(&self) -> &[String] {
        &[]
    }

    /// How probable each class must be to be predicted, where a record may have several; else nothing.
    fn thresholds(&self) -> &[f64] {
        &[]
    }

    /// What answers together with the network, in a few words; None where nothing does.
    fn beside(&self) -> Option<&'static str> {
        None
    }

    /// The tokens that the network's embedding has a row for, in its order, first of all; None where it reads numbers.
    fn tokens(&self) -> Option<&[String]>;

    /// What the model makes of each record of a file, `-` for standard input. Errors: a file that is not of the kind that
    /// it was trained on.
    fn predict_file(&self, model: &Model, file: &Path, how: &How) -> Result<Predictions>;

    /// Measures the model and its baseline on a labelled file, `-` for standard input.
    fn evaluate_file(&self, model: &Model, file: &Path) -> Result<Measured>;

    /// The preprocessing, and what is made of the outputs of the network, as data that a program in another language follows.
    /// Error: what of it cannot be said that way.
    fn portable(&self, model: &Model) -> std::result::Result<Map<String, Value>, String> {
        let _ = model;
        Err("it".into())
    }

    /// The networks that a program in another language runs in place of the whole, with the layer [`BETWEEN`](Self::BETWEEN) computed
    /// by itself; none where it runs the whole. Error: what of the network cannot be cut that way.
    fn portable_networks(&self, model: &Model) -> std::result::Result<Vec<PortableNetwork>, String> {
        let _ = model;
        Ok(Vec::new())
    }

    /// The layer between these networks.
    const BETWEEN: Option<&'static str> = None;

    /// A `tokenizer.json` of the word pieces that are tokens; None where tokens are none.
    fn tokenizer_json(&self) -> Option<String> {
        None
    }

    /// A record as the network reads it, and what its outputs are, for those who look inside. Error: a model that says nothing of
    /// it; a record that is not there.
    fn example(&self, model: &Model, of: ExampleOf<'_>) -> Result<Option<Example>> {
        let _ = (model, of);
        Ok(None)
    }

    /// Whether the network reads a file piece by piece, its states going from one to the next.
    const KEEPS_STATES: bool = false;

    /// How probable each line of a file is when it is read alone; None of a model that says nothing of it.
    fn score_lines(&self, model: &Model, file: &Path) -> Result<Option<ScoredLines>> {
        let _ = (model, file);
        Ok(None)
    }

    /// Text that follows `prompt`; None of a model that writes none. Error: settings that make no sense.
    fn continue_text<'a>(
        &'a self,
        model: &'a Model,
        prompt: &str,
        how: &Sampling,
    ) -> Result<Option<Pieces<'a>>> {
        let _ = (model, prompt, how);
        Ok(None)
    }

    /// As [`continue_text`](Self::continue_text), so many texts at once.
    fn continue_texts(
        &self,
        model: &Model,
        prompt: &str,
        how: &Sampling,
        samples: usize,
    ) -> Result<Option<Vec<String>>> {
        let _ = (model, prompt, how, samples);
        Ok(None)
    }
}

/// How predictions are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct How {
    /// How many hypotheses a search keeps; [`BEAM`](super::BEAM) where nothing is said.
    pub beam: Option<usize>,
    /// Whether to say how much each step of a record counts.
    pub attention: bool,
}
