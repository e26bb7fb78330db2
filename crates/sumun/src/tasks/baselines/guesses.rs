//! What simple models guess.

use serde::{Deserialize, Serialize};

/// The guesses of a simple model, and the truth that it learns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Guesses {
    /// The class of each record.
    Classes(Vec<u32>),
    /// A number for each.
    Numbers(Vec<f64>),
    /// The labels of each, where it may have several.
    Sets(Vec<Vec<u32>>),
}

impl Guesses {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Classes(ids) => ids.len(),
            Self::Numbers(numbers) => numbers.len(),
            Self::Sets(sets) => sets.len(),
        }
    }

    /// Those of some places.
    pub(super) fn at(&self, places: &[usize]) -> Self {
        match self {
            Self::Classes(ids) => Self::Classes(places.iter().map(|&place| ids[place]).collect()),
            Self::Numbers(numbers) => Self::Numbers(places.iter().map(|&place| numbers[place]).collect()),
            Self::Sets(sets) => Self::Sets(places.iter().map(|&place| sets[place].clone()).collect()),
        }
    }
}

/// What simple models guess for a part.
#[derive(Debug, Default)]
pub(in super::super) struct Guessed {
    /// The name of each model and its guesses.
    pub(in super::super) models: Vec<(String, Guesses)>,
    /// What the linear model says of each record, as [`Rivals::scores`](super::Rivals::scores); None where there is none.
    pub(in super::super) scores: Option<Vec<Vec<f64>>>,
    /// Which were left out and why, a sentence each.
    pub(in super::super) notes: Vec<String>,
}
