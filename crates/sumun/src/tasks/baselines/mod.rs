//! Simple models that a network is measured against: fitted in seconds, on the training part alone. A network that is not
//! better than they are is not worth its training.

mod guesses;
mod kneser_ney;
mod linear;
mod neighbour;
mod suffix;
mod tfidf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::figures::Baseline;
use super::inputs::{Sequences, text_of};
use crate::Result;
use crate::records::Records;
use guesses::Guessed;
pub use guesses::Guesses;
pub(super) use kneser_ney::KneserNey;
use linear::LinearText;
use neighbour::Neighbours;
pub(super) use suffix::Suffixes;

/// A part of the data as simple models read it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) records: &'a Records,
    /// The records as the network reads them.
    pub(super) sequences: &'a Sequences,
    /// The truth; a class that was not learnt is at least the number of classes.
    pub(super) truth: &'a Guesses,
}

/// The simple models for records: of texts a linear one, of numbers the nearest neighbour.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Rivals(Option<Rival>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Rival {
    Linear(LinearText),
    Neighbours(Neighbours),
}

impl Rivals {
    /// Learns from the training part; what can be chosen is chosen by the validation part. `classes` is how many there are.
    pub(super) fn fit(train: Part<'_>, valid: Option<Part<'_>>, classes: usize) -> Self {
        let rival = match train.sequences {
            Sequences::Ids(_) | Sequences::Words { .. } => {
                let valid = valid.map(|part| (texts(part.records), part.truth));
                LinearText::fit(&texts(train.records), train.truth, valid, classes).map(Rival::Linear)
            }
            Sequences::Numbers { features, values } => {
                Some(Rival::Neighbours(Neighbours::of(*features, values, train.truth.clone())))
            }
        };
        Self(rival)
    }

    /// What they guess for records, which are also given as the network reads them.
    pub(super) fn guesses(&self, records: &Records, sequences: &Sequences) -> Guessed {
        match (&self.0, sequences) {
            (Some(Rival::Linear(linear)), _) => {
                let scores = linear.scores(&texts(records));
                let models = vec![(linear.name(), linear.guesses(&scores))];
                Guessed { models, scores: Some(scores), notes: Vec::new() }
            }
            (Some(Rival::Neighbours(neighbours)), Sequences::Numbers { values, .. }) => {
                neighbours.guesses(values)
            }
            _ => Guessed::default(),
        }
    }

    /// What the linear model says of the texts of records, a score for each class, or a number; None where there is none.
    pub(super) fn scores(&self, records: &Records) -> Option<Vec<Vec<f64>>> {
        match &self.0 {
            Some(Rival::Linear(linear)) => Some(linear.scores(&texts(records))),
            _ => None,
        }
    }

    /// The linear model as data that a program in another language follows; null where there is none.
    pub(super) fn portable(&self) -> Value {
        match &self.0 {
            Some(Rival::Linear(linear)) => linear.portable(),
            _ => Value::Null,
        }
    }

    /// Whether there is a linear model.
    pub(super) fn is_linear(&self) -> bool {
        matches!(self.0, Some(Rival::Linear(_)))
    }

    /// Whether they fit a pipeline with so many classes, 0 for numbers, of which a record may have `several`, and features of
    /// each step, 0 of texts. The error says what does not.
    pub(super) fn check(&self, classes: usize, several: bool, features: usize) -> Result<(), String> {
        match &self.0 {
            None => Ok(()),
            Some(Rival::Linear(linear)) if features == 0 => linear.check(classes, several),
            Some(Rival::Neighbours(neighbours)) if features > 0 => {
                neighbours.check(classes, several, features)
            }
            Some(_) => Err("its baseline reads another kind of records".into()),
        }
    }

    /// Whether a file keeps none of it.
    pub(super) fn is_none(&self) -> bool {
        match &self.0 {
            Some(Rival::Neighbours(neighbours)) => !neighbours.is_kept(),
            other => other.is_none(),
        }
    }
}

/// A file has the model alone; what it does not keep is left out by `skip_serializing_if`.
impl Serialize for Rivals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rivals {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self)
    }
}

fn texts(records: &Records) -> Vec<&str> {
    records.records.iter().map(text_of).collect()
}

/// The best of some baselines, by the first of the figures that people compare, and the others; of equals the first.
pub(super) fn best_first(first: Baseline, others: Vec<Baseline>) -> (Baseline, Vec<Baseline>) {
    let telling = |one: &Baseline| {
        let first = one.figures.headline().into_iter().next();
        first.map_or(f64::NEG_INFINITY, |f| if f.more_is_better { f.value } else { -f.value })
    };
    let mut best = first;
    let mut rest = Vec::new();
    for other in others {
        if telling(&other) > telling(&best) {
            rest.insert(0, std::mem::replace(&mut best, other));
        } else {
            rest.push(other);
        }
    }
    (best, rest)
}
