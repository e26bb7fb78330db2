//! The task `classify`: one of several labels for a sequence, or any of them.

mod head;
mod several;
use super::labelled::{Head, Labelled, LabelledOptions, LabelledPipeline, Labelling, adjust};
use super::learner::{ClassLabels, Labels, UNSEEN};
use super::options::{HeldOut, SmoothingOptions, check_smoothing};
use super::parts::Parts;
use super::protocol::Next;
use super::task::{Task, TaskConfig, Words};
use crate::data::quoted;
use crate::loss::{BceLogits, CrossEntropy, Loss};
use crate::message::{key, text};
use crate::records::{Classes, Records};
use crate::scores::{balanced_weights, majority};
use crate::settings::{ClassWeights, Setting, settings};
use crate::{Error, Result};

pub use head::ClassHead;
use head::{MOST_NUMBERS, class_ids};

settings! {
    /// The settings of a classifier's own.
    pub struct Classify {
        ..labelled: LabelledOptions;
        data.labels: Option<String> = None,
            "The column or key with lists of labels, or columns of 0 and 1 with commas between them: a record may have several labels, or none";
        data.threshold: Option<f64> = None,
            "Makes two classes of a number: strictly above is the second";
        data.class_weights: ClassWeights = ClassWeights::None, "Whether rare classes, or rare labels of records that may have several, count for more";
        train.label_smoothing: f64 = 0.0, as SmoothingOptions;
    }
}

/// How records become what a classifier reads, and its outputs classes.
pub type ClassifyPipeline = LabelledPipeline<ClassHead>;

impl Task for Classify {
    type Lesson = Labelled<ClassHead>;

    const NAME: &'static str = "classify";
    const PURPOSE: &'static str = "Learn to label texts or sequences of numbers";
    const WORDS: Words = Words {
        verb: "Classify",
        example: "sequence",
        loss: "cross-entropy (nats)",
        next: Next::PredictFile,
    };
    const LAYERS: bool = true;

    fn rows() -> Vec<Setting> {
        Self::rows()
    }

    fn adjust(config: &mut TaskConfig<Self>) {
        adjust(config);
    }

    fn check(config: &TaskConfig<Self>) -> Result<()> {
        config.text.check_pieces(&[config.text.level])?;
        check_smoothing(config.own.label_smoothing)?;
        config.own.labelled.check(&config.data)
    }

    fn folds(config: &TaskConfig<Self>) -> Option<usize> {
        config.own.labelled.folds
    }

    fn decide(config: &mut TaskConfig<Self>, lesson: &Self::Lesson) -> Vec<[String; 3]> {
        lesson.decide(config)
    }

    fn begin(config: &TaskConfig<Self>) -> Result<Labelled<ClassHead>> {
        Labelled::new(config)
    }
}

impl Classify {
    /// The classes of records: two around a threshold, or those that there are.
    fn classes(&self, all: &Records) -> Result<Classes> {
        match self.threshold {
            Some(threshold) => Classes::of_threshold(threshold),
            None => {
                let classes = all.classes()?;
                check_quantity(all, &classes)?;
                Ok(classes)
            }
        }
    }
}

/// Where fewer records than so many share a number, many numbers are hardly classes.
const RECORDS_A_NUMBER: usize = 5;

/// Refuses classes that are a quantity.
fn check_quantity(all: &Records, classes: &Classes) -> Result<()> {
    let numbers: Option<Vec<f64>> = classes.names().iter().map(|name| name.parse().ok()).collect();
    let Some(numbers) = numbers else { return Ok(()) };
    let fractions = numbers.iter().any(|number| number.fract() != 0.0);
    let few = all.records.len() < RECORDS_A_NUMBER * numbers.len();
    if numbers.len() <= MOST_NUMBERS && !(fractions && few) || !(fractions || few) {
        return Ok(());
    }
    let (least, most) = (&classes.names()[0], &classes.names()[numbers.len() - 1]);
    Err(Error::Data(format!(
        "{}: the label is a number with {} values, {least} to {most}, in {} records, which are no classes",
        all.name,
        numbers.len(),
        all.records.len()
    ))
    .advise(
        text("learn the number itself with the task regress, make two classes of it with ")
            + key("threshold")
            + ", or write classes as words",
    ))
}

impl Labelling for Classify {
    type Head = ClassHead;

    fn labelled(&self) -> &LabelledOptions {
        &self.labelled
    }

    fn numeric_labels(config: &TaskConfig<Self>) -> bool {
        config.own.threshold.is_some()
    }

    fn lists(config: &TaskConfig<Self>) -> Result<Option<&str>> {
        let own = &config.own;
        if own.labels.is_some() {
            for (name, given, why) in [
                (
                    "label",
                    own.labelled.label.is_some(),
                    "which names the field with one label of each record",
                ),
                ("threshold", own.threshold.is_some(), "which makes classes of a number"),
                (
                    "label_smoothing",
                    own.label_smoothing > 0.0,
                    "which smooths classes of which a record has one",
                ),
            ] {
                if given {
                    let problem = key("labels") + " means nothing beside " + key(name) + ", " + why;
                    return Err(Error::Settings(problem + "; leave one of them out"));
                }
            }
        }
        Ok(own.labels.as_deref())
    }

    fn settle(
        config: &TaskConfig<Self>,
        all: &Records,
        parts: &mut Parts<Vec<usize>>,
    ) -> Result<Vec<String>> {
        match config.own.labels {
            Some(_) => several::settle(all, parts),
            None => Ok(Vec::new()),
        }
    }

    fn strata(config: &TaskConfig<Self>, all: &Records) -> Result<Vec<u32>> {
        if config.own.labels.is_some() {
            return several::strata(all);
        }
        let classes = config.own.classes(all)?;
        let ids = class_ids(all, &classes, config.own.threshold)?;
        let shares = [&config.data.valid, &config.data.test];
        let held_out = config.own.labelled.folds.is_some()
            || shares.iter().any(|held| matches!(held, HeldOut::Share(share) if *share > 0.0));
        for (id, name) in classes.names().iter().enumerate() {
            let count = ids.iter().filter(|&&other| other as usize == id).count();
            let (problem, advice) = match count {
                0 => (
                    format!("no label is {name}"),
                    text("a classifier needs both classes, choose another ") + key("threshold"),
                ),
                1 if held_out => (
                    format!(
                        "the label {} occurs once, so it cannot be both learnt and held out",
                        quoted(name)
                    ),
                    text("leave it out or add records"),
                ),
                _ => continue,
            };
            return Err(Error::Data(format!("{}: {problem}", all.name)).advise(advice));
        }
        Ok(ids)
    }

    fn fit(config: &TaskConfig<Self>, all: &Records, train: &Records) -> Result<ClassHead> {
        if config.own.labels.is_some() {
            return several::fit(all, train);
        }
        let (classes, threshold) = (config.own.classes(all)?, config.own.threshold);
        let learnt = class_ids(train, &classes, threshold)?;
        if let Some(id) = (0..classes.len()).find(|&id| !learnt.contains(&(id as u32))) {
            return Err(Error::Data(format!(
                "{}: the label {} is in no record of the training part; hold out a smaller share",
                all.name,
                quoted(&classes.names()[id])
            )));
        }
        let majority = majority(&learnt, classes.len())?;
        Ok(ClassHead::Classes { classes, threshold, majority })
    }

    fn labels(head: &ClassHead, records: &Records, held_out: bool) -> Result<Labels> {
        if head.several() {
            return Ok(Labels::Sets(head.all_sets(records)?, head.count()));
        }
        let known = |id: u32| if (id as usize) < head.count() { id } else { UNSEEN };
        let ids = match held_out {
            true => head.all_ids(records)?.into_iter().map(known).collect(),
            false => head.ids(records)?,
        };
        Ok(Labels::Classes(ClassLabels::Once(ids)))
    }

    fn loss(config: &TaskConfig<Self>, head: &ClassHead, labels: &Labels) -> Result<Loss> {
        let is_balanced = config.own.class_weights == ClassWeights::Balanced;
        if let Labels::Sets(sets, labels) = labels {
            let pos_weight = if is_balanced { several::balanced(sets, *labels) } else { Vec::new() };
            return Ok(Loss::Bce(BceLogits { pos_weight }));
        }
        let class_weights = match labels {
            Labels::Classes(ClassLabels::Once(ids)) if is_balanced => balanced_weights(ids, head.count())?,
            _ => Vec::new(),
        };
        let label_smoothing = config.own.label_smoothing;
        Ok(Loss::CrossEntropy(CrossEntropy { class_weights, ignore: None, label_smoothing }))
    }
}
