//! Logits as classes.

use serde::{Deserialize, Serialize};

use super::super::figures::{Figures, Prediction, softmax};
use super::super::labelled::Head;
use super::super::learner::argmax;
use super::super::shown::Truth;
use crate::data::quoted;
use crate::records::{Classes, Records};
use crate::scores::Classification;
use crate::{Error, Result};

/// What a classifier's output means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ClassHead {
    /// A logit for each class.
    Classes {
        /// The classes, in the order of the logits.
        classes: Classes,
        /// The number that strictly above is the second class, where labels are numbers.
        threshold: Option<f64>,
        /// What the baseline always predicts.
        majority: u32,
    },
}

impl ClassHead {
    /// How many classes there are.
    pub(super) fn count(&self) -> usize {
        let Self::Classes { classes, .. } = self;
        classes.len()
    }

    /// The class of each record. Errors, with the line: a label that is none of the classes, or no number.
    pub(super) fn ids(&self, records: &Records) -> Result<Vec<u32>> {
        let Self::Classes { classes, threshold, .. } = self;
        class_ids(records, classes, *threshold)
    }

    fn name(&self, id: u32) -> &str {
        let Self::Classes { classes, .. } = self;
        &classes.names()[id as usize]
    }
}

/// The class of each record, of two around a threshold or of those that there are.
pub(super) fn class_ids(records: &Records, classes: &Classes, threshold: Option<f64>) -> Result<Vec<u32>> {
    match threshold {
        Some(threshold) => {
            Ok(records.numeric_labels()?.into_iter().map(|value| u32::from(value > threshold)).collect())
        }
        None => records.class_ids(classes),
    }
}

impl Head for ClassHead {
    fn outputs(&self) -> Result<usize> {
        let bad = |problem: String| Err(Error::Model(format!("its pipeline cannot be used: {problem}")));
        let Self::Classes { threshold, majority, .. } = self;
        match self.count() {
            count if *majority as usize >= count => {
                bad(format!("the most frequent class is {majority}, but there are {count} classes"))
            }
            count if threshold.is_some() && count != 2 => {
                bad(format!("a threshold makes 2 classes, but there are {count}"))
            }
            count => Ok(count),
        }
    }

    fn named(&self, row: &[f32]) -> Prediction {
        Prediction::Class { label: self.name(argmax(row)).to_owned(), probabilities: softmax(row) }
    }

    fn classes(&self) -> Option<&Classes> {
        let Self::Classes { classes, .. } = self;
        Some(classes)
    }

    fn truths(&self, records: &Records) -> Result<Vec<Truth>> {
        Ok(self.ids(records)?.into_iter().map(|id| Truth::Label(self.name(id).to_owned())).collect())
    }

    fn figures(&self, records: &Records, rows: &[Vec<f32>]) -> Result<(Figures, Figures, String)> {
        let Self::Classes { majority, .. } = self;
        let truth = self.ids(records)?;
        let predicted: Vec<u32> = rows.iter().map(|row| argmax(row)).collect();
        let same = vec![*majority; truth.len()];
        let score = |ids: &[u32]| Classification::of(&truth, ids, self.count()).map(Figures::Classification);
        Ok((score(&predicted)?, score(&same)?, format!("always {}", quoted(self.name(*majority)))))
    }
}
