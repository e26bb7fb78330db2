//! Logits as classes.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::baselines::Guesses;
use super::super::figures::{Figures, Prediction, softmax};
use super::super::labelled::Head;
use super::super::learner::argmax;
use super::super::shown::Truth;
use super::super::thresholds;
use crate::data::{listed, quoted};
use crate::message::{key, text};
use crate::records::{Classes, Lists, Records};
use crate::scores::{Calibration, Classification, LabelSets, Reliability};
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
    /// A logit for each label, of which a record may have several or none.
    Labels {
        /// The labels, in the order of the logits.
        labels: Classes,
        /// How probable each must be.
        thresholds: Vec<f64>,
        /// As `thresholds`, for a network that does not answer alone.
        alone: Vec<f64>,
        /// What the baseline always predicts, in increasing order.
        frequent: Vec<u32>,
    },
}

/// Without a validation part, a label is predicted that is more probable than not.
const EVEN: f64 = 0.5;

impl ClassHead {
    /// A head for several labels before anything is learnt.
    pub(super) fn of_labels(labels: Classes, frequent: Vec<u32>) -> Self {
        let even = vec![EVEN; labels.len()];
        Self::Labels { labels, thresholds: even.clone(), alone: even, frequent }
    }

    /// The classes, or the labels.
    fn known(&self) -> &Classes {
        match self {
            Self::Classes { classes: known, .. } | Self::Labels { labels: known, .. } => known,
        }
    }

    /// How many classes there are.
    pub(super) fn count(&self) -> usize {
        self.known().len()
    }

    /// The number that separates two classes.
    fn threshold(&self) -> Option<f64> {
        match self {
            Self::Classes { threshold, .. } => *threshold,
            Self::Labels { .. } => None,
        }
    }

    /// The class of each record. Errors, with the line: a label that is none of the classes, or no number.
    pub(super) fn ids(&self, records: &Records) -> Result<Vec<u32>> {
        class_ids(records, self.known(), self.threshold())
    }

    /// The classes and behind them the labels of records that are none of them.
    fn all(&self, records: &Records) -> Classes {
        match self.threshold() {
            Some(_) => self.known().clone(),
            None => self.known().with_unseen(records.labels()),
        }
    }

    /// As [`ids`](Self::ids), where labels that are no class have ids behind those of the classes.
    pub(super) fn all_ids(&self, records: &Records) -> Result<Vec<u32>> {
        class_ids(records, &self.all(records), self.threshold())
    }

    /// The labels of each record that may have several; those that were not learnt have ids behind those that were.
    pub(super) fn all_sets(&self, records: &Records) -> Result<Vec<Vec<u32>>> {
        records.label_sets(&self.all(records))
    }

    fn name(&self, id: u32) -> &str {
        &self.known().names()[id as usize]
    }
}

/// The probability of each label.
fn probabilities(row: &[f32]) -> Vec<f64> {
    row.iter().map(|&logit| thresholds::sigmoid(f64::from(logit))).collect()
}

/// The labels of each row that are probable enough.
fn sets(rows: &[Vec<f32>], least: &[f64]) -> Vec<Vec<u32>> {
    let set = |row: &Vec<f32>| {
        let each = (0..).zip(probabilities(row)).zip(least);
        each.filter(|((_, p), least)| p >= least).map(|((label, _), _)| label).collect()
    };
    rows.iter().map(set).collect()
}

/// A threshold for each label by what rows of logits come to, as a probability.
fn chosen(rows: &[Vec<f32>], truth: &[Vec<u32>], labels: usize) -> Vec<f64> {
    thresholds::of_each(rows, truth, labels).into_iter().map(thresholds::sigmoid).collect()
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

/// What to say of classes of which at least half are lists of labels, and no few; None of others.
fn lists_note(file: &str, classes: &Classes) -> Option<String> {
    let is_list = |name: &&String| name.contains(['|', ';']) || name.starts_with('[') && name.ends_with(']');
    let lists: Vec<&String> = classes.names().iter().filter(is_list).collect();
    (lists.len() > 1 && 2 * lists.len() >= classes.len()).then(|| {
        format!(
            "{file}: {} of {} classes look like lists of labels, such as {}, and each is learnt as a class of its own; the setting \
             labels, in place of label, learns what is in them",
            lists.len(),
            classes.len(),
            quoted(lists[0])
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

/// Error: a file has one label a record, and some that were not learnt are several that were, with something else between them
/// than in the file that was learnt from.
fn expect_separator(part: &str, records: &Records, known: &Classes) -> Result<()> {
    if records.records.iter().any(|record| record.labels.len() > 1) {
        return Ok(());
    }
    let known_parts = |label: &str, between: char| {
        let parts: Vec<String> =
            label.split(between).map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
        (parts.len() > 1 && parts.iter().all(|part| known.id(part).is_some())).then_some(parts)
    };
    for label in records.labels().filter(|label| known.id(label).is_none()) {
        for between in [Lists::Bar, Lists::Semicolon, Lists::Comma].into_iter().filter_map(Lists::separator) {
            let Some(parts) = known_parts(label, between) else { continue };
            let learnt = match records.lists.and_then(Lists::separator) {
                Some(learnt) => format!("'{learnt}'; write '{learnt}' between them"),
                None => "one label in each; write lists, such as [\"a\", \"b\"]".into(),
            };
            return Err(Error::Data(format!(
                "{part}: {} was not learnt, but {} were: the labels here are separated by '{between}', and the file that was \
                 learnt from has {learnt}",
                quoted(label),
                listed(&parts),
            )));
        }
    }
    Ok(())
}

/// So many labels are named where all records get them.
const NAMED: usize = 3;

impl Head for ClassHead {
    fn outputs(&self) -> Result<usize> {
        let bad = |problem: String| Err(Error::Model(format!("its pipeline cannot be used: {problem}")));
        let count = self.count();
        match self {
            Self::Classes { majority, .. } if *majority as usize >= count => {
                bad(format!("the most frequent class is {majority}, but there are {count} classes"))
            }
            Self::Classes { threshold: Some(_), .. } if count != 2 => {
                bad(format!("a threshold makes 2 classes, but there are {count}"))
            }
            Self::Classes { .. } => Ok(count),
            Self::Labels { thresholds, alone, frequent, .. } => {
                let ids = frequent.iter().all(|&id| (id as usize) < count);
                if !ids || !frequent.is_sorted_by(|a, b| a < b) {
                    return bad(format!(
                        "the most frequent labels are not {} of {count} labels in their order",
                        frequent.len()
                    ));
                }
                for all in [thresholds, alone] {
                    match all.iter().find(|least| !(0.0..=1.0).contains(*least)) {
                        Some(wrong) => {
                            return bad(format!("a threshold is {wrong}, which is no probability"));
                        }
                        None if all.len() != count => {
                            return bad(format!("{count} labels have {} thresholds", all.len()));
                        }
                        None => {}
                    }
                }
                Ok(count)
            }
        }
    }

    fn named(&self, row: &[f32]) -> Prediction {
        match self {
            Self::Classes { .. } => {
                Prediction::Class { label: self.name(argmax(row)).to_owned(), probabilities: softmax(row) }
            }
            Self::Labels { thresholds, .. } => {
                let set = sets(&[row.to_vec()], thresholds).concat();
                let labels = set.into_iter().map(|id| self.name(id).to_owned()).collect();
                Prediction::Labels { labels, probabilities: probabilities(row) }
            }
        }
    }

    fn portable(&self) -> std::result::Result<Value, String> {
        Ok(match self {
            Self::Classes { classes, .. } => json!({ "kind": "classes", "classes": classes.names() }),
            Self::Labels { labels, thresholds, .. } => {
                json!({ "kind": "labels", "labels": labels.names(), "thresholds": thresholds })
            }
        })
    }

    fn classes(&self) -> Option<&Classes> {
        Some(self.known())
    }

    fn several(&self) -> bool {
        matches!(self, Self::Labels { .. })
    }

    fn thresholds(&self) -> &[f64] {
        match self {
            Self::Classes { .. } => &[],
            Self::Labels { thresholds, .. } => thresholds,
        }
    }

    fn choose(&mut self, outputs: &[Vec<f32>], answers: &[Vec<f32>], truth: &Guesses) {
        let (Self::Labels { labels, thresholds, alone, .. }, Guesses::Sets(truth)) = (self, truth) else {
            return;
        };
        *thresholds = chosen(answers, truth, labels.len());
        *alone = chosen(outputs, truth, labels.len());
    }

    fn truths(&self, records: &Records) -> Result<Vec<Truth>> {
        if self.several() {
            return Ok(records.records.iter().map(|record| Truth::Labels(record.labels.clone())).collect());
        }
        let all = self.all(records);
        let label = |id: u32| Truth::Label(all.names()[id as usize].clone());
        Ok(self.all_ids(records)?.into_iter().map(label).collect())
    }

    fn all_names(&self, records: &Records) -> Vec<String> {
        self.all(records).names().to_vec()
    }

    fn unseen(&self, part: &str, records: &Records) -> Result<Option<String>> {
        if self.threshold().is_some() {
            return Ok(None);
        }
        let known = self.known();
        if self.several() {
            expect_separator(part, records, known)?;
        }
        let field = if self.several() { "labels" } else { "label" };
        match known.unseen_note(part, "label", records.labels()) {
            Some(problem) if records.labels().all(|label| known.id(label).is_none()) => {
                Err(Error::Data(problem)
                    .advise(text("name the field with the right labels with ") + key(field)))
            }
            note => Ok(note),
        }
    }

    fn remarks(&self, file: &str) -> Vec<String> {
        let known = self.known();
        let numbers = known.names().iter().all(|name| name.parse::<f64>().is_ok());
        let classes = self.threshold().is_none() && !self.several();
        let quantity = (classes && numbers && known.len() > MOST_NUMBERS).then(|| {
            format!(
                "{file}: the {} numbers that are labels are learnt as classes without an order; the task regress learns a \
                 quantity",
                known.len()
            )
        });
        let lists = if classes { lists_note(file, known) } else { None };
        alike_note(file, known).into_iter().chain(quantity).chain(lists).collect()
    }

    fn guesses(&self, rows: &[Vec<f32>]) -> Guesses {
        match self {
            Self::Classes { .. } => Guesses::Classes(rows.iter().map(|row| argmax(row)).collect()),
            Self::Labels { thresholds, .. } => Guesses::Sets(sets(rows, thresholds)),
        }
    }

    fn guesses_alone(&self, rows: &[Vec<f32>]) -> Guesses {
        match self {
            Self::Classes { .. } => self.guesses(rows),
            Self::Labels { alone, .. } => Guesses::Sets(sets(rows, alone)),
        }
    }

    fn truth(&self, records: &Records) -> Result<Guesses> {
        match self {
            Self::Classes { .. } => self.all_ids(records).map(Guesses::Classes),
            Self::Labels { .. } => self.all_sets(records).map(Guesses::Sets),
        }
    }

    fn simplest(&self, records: usize) -> (String, Guesses) {
        match self {
            Self::Classes { majority, .. } => (
                format!("always {}", quoted(self.name(*majority))),
                Guesses::Classes(vec![*majority; records]),
            ),
            Self::Labels { frequent, .. } => {
                let name = match frequent.len() {
                    0..=NAMED => {
                        frequent.iter().map(|&id| quoted(self.name(id))).collect::<Vec<_>>().join(", ")
                    }
                    count => format!("the {count} most frequent labels"),
                };
                (format!("always {name}"), Guesses::Sets(vec![frequent.clone(); records]))
            }
        }
    }

    fn calibrated(
        &self,
        figures: Figures,
        records: &Records,
        outputs: &[Vec<f32>],
        answers: Option<&[Vec<f32>]>,
    ) -> Result<Figures> {
        let (Self::Classes { .. }, Figures::Classification(figures)) = (self, &figures) else {
            return Ok(figures);
        };
        let ids = self.all_ids(records)?;
        let reliability = |rows: &[Vec<f32>]| {
            let sure = |row: &Vec<f32>| softmax(row).into_iter().fold(0.0, f64::max);
            let right = rows.iter().zip(&ids).map(|(row, &id)| argmax(row) == id);
            Reliability::of(&rows.iter().map(sure).collect::<Vec<_>>(), &right.collect::<Vec<_>>())
        };
        let calibration =
            Calibration { network: reliability(outputs)?, calibrated: answers.map(reliability).transpose()? };
        Ok(Figures::Classification(Classification { calibration: Some(calibration), ..figures.clone() }))
    }

    fn judged(&self, records: &Records, guesses: &Guesses) -> Result<Figures> {
        let count = self.all(records).len();
        match (self, guesses) {
            (Self::Classes { .. }, Guesses::Classes(ids)) => {
                Classification::of(&self.all_ids(records)?, ids, count).map(Figures::Classification)
            }
            (Self::Labels { .. }, Guesses::Sets(sets)) => {
                LabelSets::of(&self.all_sets(records)?, sets, count).map(Figures::Labels)
            }
            _ => Err(Error::Invalid("the guesses are of another kind than the labels".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::RecordSpec;

    fn read(tags: &str, lists: Lists) -> Records {
        let spec = RecordSpec {
            text: None,
            x: None,
            x_layout: None,
            label: Some("tags"),
            require_label: true,
            lists: Some(lists),
            form: None,
            series: None,
            time: None,
            window: None,
            stride: None,
            to_predict: false,
        };
        Records::from_reader("f.csv", format!("text,tags\n{tags}").as_bytes(), &spec).unwrap()
    }

    /// Another program may write a table with something else between labels.
    #[test]
    fn labels_with_another_separator_are_refused_by_it() {
        let learnt = read("a b,x;y\nc d,z;x\n", Lists::Found);
        assert_eq!(learnt.lists, Some(Lists::Semicolon));
        let head = ClassHead::of_labels(Classes::of(["x", "y", "z"]).unwrap(), Vec::new());
        let error =
            head.unseen("test", &read("a b,x\nc d,z | y\n", Lists::Semicolon)).unwrap_err().to_string();
        let expected = "test: 'z | y' was not learnt, but 'z', 'y' were: the labels here are separated by '|', and the file that \
                        was learnt from has ';'; write ';' between them";
        assert_eq!(error, expected);
        // What is no list of known labels is a label that was not learnt, and a file with lists has its separator.
        for tags in ["a b,x\nc d,z|w\n", "a b,x;z\nc d,z|y\n"] {
            assert!(head.unseen("test", &read(tags, Lists::Semicolon)).unwrap().is_some(), "{tags}");
        }
        assert_eq!(head.unseen("test", &read("a b,x\nc d,z;y\n", Lists::Semicolon)).unwrap(), None);
    }
}
