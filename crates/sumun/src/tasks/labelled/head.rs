//! What the output of a network for a sequence means.

use std::fmt;

use super::super::baselines::Guesses;
use super::super::figures::{Figures, Prediction};
use super::super::learner::Labels;
use super::super::parts::Parts;
use super::super::shown::Truth;
use super::super::task::{Task, TaskConfig};
use super::LabelledOptions;
use crate::Result;
use crate::loss::Loss;
use crate::records::{Classes, Records};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What a network's output means: part of the pipeline, and so of the model file.
pub trait Head:
    Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// How many numbers the network has for each sequence. A head that a file was tampered with to have is an error.
    fn outputs(&self) -> Result<usize>;
    /// What an output says, `[outputs]`.
    fn named(&self, row: &[f32]) -> Prediction;
    /// What an output says, as data that a program in another language follows. Error: what cannot be said that way.
    fn portable(&self) -> std::result::Result<Value, String> {
        Err("what its outputs mean".into())
    }
    /// The names of the classes, where there are any.
    fn classes(&self) -> Option<&Classes> {
        None
    }
    /// Whether a record may have several of the classes, or none.
    fn several(&self) -> bool {
        false
    }
    /// How probable each class must be, where a record may have several.
    fn thresholds(&self) -> &[f64] {
        &[]
    }
    /// Chooses what is left to choose when the network has learnt: by its outputs for records, the answers that are made of
    /// them, and the truth.
    fn choose(&mut self, outputs: &[Vec<f32>], answers: &[Vec<f32>], truth: &Guesses) {
        let _ = (outputs, answers, truth);
    }
    /// The true labels of records, in their order. Errors, with the line: a label that is none.
    fn truths(&self, records: &Records) -> Result<Vec<Truth>>;
    /// The names of the classes and behind them the labels of records that are none of them; nothing where labels are
    /// numbers. Figures have them by their places.
    fn all_names(&self, records: &Records) -> Vec<String> {
        let _ = records;
        Vec::new()
    }
    /// What to say of the labels of a part that were not learnt. Error: none was.
    fn unseen(&self, part: &str, records: &Records) -> Result<Option<String>> {
        let _ = (part, records);
        Ok(None)
    }
    /// What to say of the classes of a file, a sentence each.
    fn remarks(&self, file: &str) -> Vec<String> {
        let _ = file;
        Vec::new()
    }
    /// The guess that each row of a model's outputs stands for.
    fn guesses(&self, rows: &[Vec<f32>]) -> Guesses;
    /// As [`guesses`](Self::guesses), of the outputs of a network that does not answer alone.
    fn guesses_alone(&self, rows: &[Vec<f32>]) -> Guesses {
        self.guesses(rows)
    }
    /// The true labels or numbers of records; a class that was not learnt has an id behind those that were.
    fn truth(&self, records: &Records) -> Result<Guesses>;
    /// The simplest guess, for so many records: its name and the guesses.
    fn simplest(&self, records: usize) -> (String, Guesses);
    /// What the linear model says of a record, in units of the network's outputs.
    fn as_outputs(&self, scores: Vec<f64>) -> Vec<f64> {
        scores
    }
    /// What records should come to, in units of the network's outputs.
    fn wanted(&self, truth: Guesses) -> Guesses {
        truth
    }
    /// Adds to the figures of records how far a model is right in how sure it is: by the network's outputs, and by the answers
    /// that are made of them where they are others.
    fn calibrated(
        &self,
        figures: Figures,
        records: &Records,
        outputs: &[Vec<f32>],
        answers: Option<&[Vec<f32>]>,
    ) -> Result<Figures> {
        let _ = (records, outputs, answers);
        Ok(figures)
    }
    /// The figures of guesses at records.
    fn judged(&self, records: &Records, guesses: &Guesses) -> Result<Figures>;
}

/// A task with one output for a sequence.
pub(in super::super) trait Labelling: Task {
    /// What the output means.
    type Head: Head;

    /// The settings that such tasks share.
    fn labelled(&self) -> &LabelledOptions;

    /// Whether labels are read as numbers.
    fn numeric_labels(config: &TaskConfig<Self>) -> bool;

    /// The field that holds lists of labels, where a record may have several. Error: settings that mean nothing beside it.
    fn lists(config: &TaskConfig<Self>) -> Result<Option<&str>> {
        let _ = config;
        Ok(None)
    }

    /// Moves records into the training part that must be there. Gives what to say of it, a sentence each. Error: nothing is left to hold
    /// out.
    fn settle(
        config: &TaskConfig<Self>,
        all: &Records,
        parts: &mut Parts<Vec<usize>>,
    ) -> Result<Vec<String>> {
        let _ = (config, all, parts);
        Ok(Vec::new())
    }

    /// What every part should have its share of: the class of each record, or the same for all. Error: labels that leave
    /// nothing to learn.
    fn strata(config: &TaskConfig<Self>, all: &Records) -> Result<Vec<u32>>;

    /// Fits the head on the training part `train` of the records `all`.
    fn fit(config: &TaskConfig<Self>, all: &Records, train: &Records) -> Result<Self::Head>;

    /// The labels of records as the network learns them; of those held out, what was not learnt is
    /// [`UNSEEN`](super::super::learner::UNSEEN). Errors, with the line: a label that is none.
    fn labels(head: &Self::Head, records: &Records, held_out: bool) -> Result<Labels>;

    /// What is made small, given the labels of the training part.
    fn loss(config: &TaskConfig<Self>, head: &Self::Head, labels: &Labels) -> Result<Loss>;
}
