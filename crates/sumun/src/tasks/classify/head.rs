//! Logits as classes.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::baselines::Guesses;
use super::super::figures::{Figures, Prediction, softmax};
use super::super::labelled::Head;
use super::super::learner::argmax;
use super::super::shown::Truth;
use crate::data::quoted;
use crate::message::{key, text};
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

    /// The classes and behind them the labels of records that are none of them.
    fn all(&self, records: &Records) -> Classes {
        let Self::Classes { classes, threshold, .. } = self;
        match threshold {
            Some(_) => classes.clone(),
            None => classes.with_unseen(records.labels()),
        }
    }

    /// As [`ids`](Self::ids), where labels that are no class have ids behind those of the classes.
    pub(super) fn all_ids(&self, records: &Records) -> Result<Vec<u32>> {
        let Self::Classes { threshold, .. } = self;
        class_ids(records, &self.all(records), *threshold)
    }

    fn name(&self, id: u32) -> &str {
        let Self::Classes { classes, .. } = self;
        &classes.names()[id as usize]
    }
}

/// More classes that are numbers may be a quantity.
pub(super) const MOST_NUMBERS: usize = 20;

/// What to say of classes that differ in case or blanks alone; None where none do.
fn alike_note(file: &str, classes: &Classes) -> Option<String> {
    let alike = classes.alike();
    let lists: Vec<String> = alike
        .iter()
        .map(|names| names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", "))
        .collect();
    (!lists.is_empty()).then(|| {
        format!(
            "{file}: the labels {} differ only in case, blanks or the way their letters are composed, and are learnt as \
             different classes; write those alike that mean the same",
            lists.join("; ")
        )
    })
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

    fn portable(&self) -> std::result::Result<Value, String> {
        let Self::Classes { classes, .. } = self;
        Ok(json!({ "kind": "classes", "classes": classes.names() }))
    }

    fn classes(&self) -> Option<&Classes> {
        let Self::Classes { classes, .. } = self;
        Some(classes)
    }

    fn truths(&self, records: &Records) -> Result<Vec<Truth>> {
        let all = self.all(records);
        let label = |id: u32| Truth::Label(all.names()[id as usize].clone());
        Ok(self.all_ids(records)?.into_iter().map(label).collect())
    }

    fn all_names(&self, records: &Records) -> Vec<String> {
        self.all(records).names().to_vec()
    }

    fn unseen(&self, part: &str, records: &Records) -> Result<Option<String>> {
        let Self::Classes { classes, threshold: None, .. } = self else { return Ok(None) };
        match classes.unseen_note(part, "label", records.labels()) {
            Some(problem) if records.labels().all(|label| classes.id(label).is_none()) => {
                Err(Error::Data(problem)
                    .advise(text("name the field with the right labels with ") + key("label")))
            }
            note => Ok(note),
        }
    }

    fn remarks(&self, file: &str) -> Vec<String> {
        let Self::Classes { classes, threshold, .. } = self;
        let numbers = classes.names().iter().all(|name| name.parse::<f64>().is_ok());
        let quantity = (threshold.is_none() && numbers && classes.len() > MOST_NUMBERS).then(|| {
            format!(
                "{file}: the {} numbers that are labels are learnt as classes without an order; the task regress learns a \
                 quantity",
                classes.len()
            )
        });
        alike_note(file, classes).into_iter().chain(quantity).collect()
    }

    fn guesses(&self, rows: &[Vec<f32>]) -> Guesses {
        Guesses::Classes(rows.iter().map(|row| argmax(row)).collect())
    }

    fn truth(&self, records: &Records) -> Result<Guesses> {
        self.all_ids(records).map(Guesses::Classes)
    }

    fn simplest(&self, records: usize) -> (String, Guesses) {
        let Self::Classes { majority, .. } = self;
        (format!("always {}", quoted(self.name(*majority))), Guesses::Classes(vec![*majority; records]))
    }

    fn judged(&self, records: &Records, guesses: &Guesses) -> Result<Figures> {
        let Guesses::Classes(ids) = guesses else {
            return Err(Error::Invalid("numbers are no classes".into()));
        };
        let count = self.all(records).len();
        Classification::of(&self.all_ids(records)?, ids, count).map(Figures::Classification)
    }
}
