//! How records become sequences, and a network's outputs labels.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::super::figures::{Answers, AttentionWeights, Measured, Prediction, Unknown};
use super::super::inputs::Reader;
use super::super::learner::{attention, outputs};
use super::super::task::{How, Pipeline};
use super::super::trained::check_network;
use super::Head;
use crate::message::{key, text};
use crate::model::{AttentionLayer, LayerConfig, Model};
use crate::records::{Classes, Fields, RecordSpec, Records, XLayout};
use crate::{Error, Result};

/// How records become sequences and a network's outputs become labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "H: Head")]
pub struct LabelledPipeline<H> {
    pub(super) reader: Reader,
    pub(super) head: H,
    /// The fields that were read, to be read again.
    pub(super) fields: Fields,
    pub(super) x_layout: XLayout,
}

impl<H: Head> LabelledPipeline<H> {
    /// Which fields of another file are read.
    pub fn spec(&self, require_label: bool) -> RecordSpec<'_> {
        let input = Some(self.fields.input.as_str());
        let (text, x) = match self.reader {
            Reader::Numbers { .. } => (None, input),
            _ => (input, None),
        };
        let label = self.fields.label.as_deref();
        RecordSpec { text, x, x_layout: self.x_layout, label, require_label }
    }

    /// What the model makes of each record.
    pub fn predict(&self, model: &Model, records: &Records) -> Result<Vec<Prediction>> {
        Ok(self.predictions(model, records)?.0)
    }

    /// As [`predict`](Self::predict), with how many tokens of the records the vocabulary lacks.
    fn predictions(&self, model: &Model, records: &Records) -> Result<(Vec<Prediction>, Option<Unknown>)> {
        let sequences = self.reader.read(records)?;
        let rows = outputs(model, &sequences)?;
        Ok((rows.iter().map(|row| self.head.named(row)).collect(), sequences.unknown()))
    }

    /// How much each step of each record counts in its output; None of a model that does not pool by attention.
    pub fn attention(&self, model: &Model, records: &Records) -> Result<Option<Vec<AttentionWeights>>> {
        let Some(all) = attention(model, &self.reader.read(records)?)? else { return Ok(None) };
        let each = records.records.iter().zip(all);
        Ok(Some(
            each.map(|(record, weights)| AttentionWeights { tokens: self.reader.tokens(record), weights })
                .collect(),
        ))
    }

    /// The names of the classes, in the order of a prediction's probabilities; None where it is a number.
    pub fn classes(&self) -> Option<&Classes> {
        self.head.classes()
    }

    /// Measures the model and the baseline on labelled records.
    pub fn evaluate(&self, model: &Model, part: &str, records: &Records) -> Result<Measured> {
        let sequences = self.reader.read(records)?;
        let rows = outputs(model, &sequences)?;
        let (figures, baseline, baseline_name) = self.head.figures(records, &rows)?;
        Ok(Measured {
            part: part.into(),
            examples: records.records.len(),
            classes: self.class_names().to_vec(),
            unknown: sequences.unknown(),
            figures,
            baseline,
            baseline_name,
            other_baselines: Vec::new(),
            predictions: rows.iter().map(|row| self.head.named(row)).collect(),
        })
    }
}

impl<H: Head> Pipeline for LabelledPipeline<H> {
    const KIND: &'static str = "labelled";
    const ATTENDS: bool = true;

    fn check(&self, model: &Model) -> Result<()> {
        self.reader.check()?;
        check_network(model, self.reader.input(), &[None, Some(self.head.outputs()?)])
    }

    fn class_names(&self) -> &[String] {
        self.classes().map_or(&[], |classes| classes.names())
    }

    fn tokens(&self) -> Option<&[String]> {
        self.reader.vocabulary().map(|vocabulary| vocabulary.tokens())
    }

    fn predict_file(&self, model: &Model, file: &Path, how: &How) -> Result<Answers> {
        let pools = |layer: &LayerConfig| layer.get::<AttentionLayer>().is_some();
        if how.attention && !model.config().layers.iter().any(pools) {
            let train = text("train one with ") + key("pool").to("attention") + ", or leave ";
            return Err(Error::Model("its steps have no attention weights".into())
                .advise(train + key("attention") + " out"));
        }
        let records = Records::read(file, &self.spec(false))?;
        let attention = if how.attention { self.attention(model, &records)? } else { None };
        let (predictions, unknown) = self.predictions(model, &records)?;
        Ok(Answers {
            classes: self.class_names().to_vec(),
            attention: attention.unwrap_or_default(),
            unknown,
            predictions,
            ..Answers::default()
        })
    }

    fn evaluate_file(&self, model: &Model, file: &Path) -> Result<Measured> {
        let records = Records::read(file, &self.spec(true))?;
        self.evaluate(model, &records.name, &records)
    }
}
