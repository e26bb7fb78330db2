//! The task `regress`: a number for a sequence.

mod head;
use super::labelled::{Labelled, LabelledOptions, LabelledPipeline, Labelling, adjust};
use super::learner::Labels;
use super::protocol::Next;
use super::task::{Task, TaskConfig, Words};
use crate::data::{Role, ScaleKind, Scaler};
use crate::loss::{Loss, Mse};
use crate::message::{key, text};
use crate::records::Records;
use crate::scores::mean;
use crate::settings::{Setting, settings};
use crate::{Error, Result};

pub use head::NumberHead;

settings! {
    /// The settings of a regressor's own.
    pub struct Regress {
        ..labelled: LabelledOptions;
    }
}

/// How records become what a regressor reads, and its outputs numbers.
pub type RegressPipeline = LabelledPipeline<NumberHead>;

impl Task for Regress {
    type Lesson = Labelled<NumberHead>;

    const NAME: &'static str = "regress";
    const PURPOSE: &'static str = "Learn a number for texts or sequences of numbers";
    const WORDS: Words = Words {
        verb: "Regress",
        example: "sequence",
        loss: "mean squared error of scaled labels",
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
        config.own.labelled.check(&config.data)
    }

    fn folds(config: &TaskConfig<Self>) -> Option<usize> {
        config.own.labelled.folds
    }

    fn decide(config: &mut TaskConfig<Self>, lesson: &Self::Lesson) -> Vec<[String; 3]> {
        lesson.decide(config)
    }

    fn begin(config: &TaskConfig<Self>) -> Result<Labelled<NumberHead>> {
        Labelled::new(config)
    }
}

impl Labelling for Regress {
    type Head = NumberHead;

    fn labelled(&self) -> &LabelledOptions {
        &self.labelled
    }

    fn numeric_labels(_config: &TaskConfig<Self>) -> bool {
        true
    }

    fn strata(_config: &TaskConfig<Self>, all: &Records) -> Result<Vec<u32>> {
        let labels = all.numeric_labels()?;
        if let Some(first) = labels.first().filter(|&first| labels.iter().all(|label| label == first)) {
            let problem = format!("{}: every label is {first}, which leaves nothing to learn", all.name);
            return Err(Error::Data(problem).advise(text("name another field with ") + key("label")));
        }
        Ok(vec![0; all.records.len()])
    }

    fn fit(_config: &TaskConfig<Self>, all: &Records, train: &Records) -> Result<NumberHead> {
        let learnt = train.numeric_labels()?;
        let name = all.fields.label.clone().unwrap_or_default();
        let scaler = Scaler::fit(ScaleKind::Standard, &name, &learnt, Role::Target)?;
        Ok(NumberHead::Number { scaler, mean: mean(&learnt)? })
    }

    fn labels(head: &NumberHead, records: &Records, _held_out: bool) -> Result<Labels> {
        let NumberHead::Number { scaler, .. } = head;
        let scaled = |value: f64| scaler.transform(value) as f32;
        Ok(Labels::Values(records.numeric_labels()?.into_iter().map(scaled).collect()))
    }

    fn loss(_config: &TaskConfig<Self>, _head: &NumberHead, _labels: &Labels) -> Result<Loss> {
        Ok(Loss::Mse(Mse))
    }
}
