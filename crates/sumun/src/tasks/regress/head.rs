//! A scaled number as a label.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::baselines::Guesses;
use super::super::figures::{Figures, Prediction};
use super::super::inputs::sane;
use super::super::labelled::Head;
use super::super::shown::Truth;
use crate::data::Scaler;
use crate::records::Records;
use crate::scores::Regression;
use crate::{Error, Result};

/// What a regressor's output means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum NumberHead {
    /// A scaled number.
    Number {
        /// From the label to the number.
        scaler: Scaler,
        /// What the baseline always predicts.
        mean: f64,
    },
}

impl NumberHead {
    fn label(&self, row: &[f32]) -> f64 {
        let Self::Number { scaler, .. } = self;
        scaler.inverse(f64::from(row[0]))
    }
}

impl Head for NumberHead {
    fn outputs(&self) -> Result<usize> {
        let Self::Number { scaler, mean } = self;
        if sane(scaler) && mean.is_finite() {
            return Ok(1);
        }
        Err(Error::Model(format!(
            "its pipeline cannot be used: the label is scaled by {} from {} around {mean}",
            scaler.scale, scaler.offset
        )))
    }

    fn named(&self, row: &[f32]) -> Prediction {
        Prediction::Number(self.label(row))
    }

    fn portable(&self) -> std::result::Result<Value, String> {
        let Self::Number { scaler, .. } = self;
        Ok(json!({ "kind": "number", "offset": scaler.offset, "scale": scaler.scale }))
    }

    fn truths(&self, records: &Records) -> Result<Vec<Truth>> {
        Ok(records.numeric_labels()?.into_iter().map(Truth::Number).collect())
    }

    fn guesses(&self, rows: &[Vec<f32>]) -> Guesses {
        Guesses::Numbers(rows.iter().map(|row| self.label(row)).collect())
    }

    fn truth(&self, records: &Records) -> Result<Guesses> {
        records.numeric_labels().map(Guesses::Numbers)
    }

    fn simplest(&self, records: usize) -> (String, Guesses) {
        let Self::Number { mean, .. } = self;
        (format!("always the mean, {mean:.4}"), Guesses::Numbers(vec![*mean; records]))
    }

    fn as_outputs(&self, scores: Vec<f64>) -> Vec<f64> {
        let Self::Number { scaler, .. } = self;
        scores.into_iter().map(|score| scaler.transform(score)).collect()
    }

    fn wanted(&self, truth: Guesses) -> Guesses {
        match truth {
            Guesses::Numbers(numbers) => Guesses::Numbers(self.as_outputs(numbers)),
            classes => classes,
        }
    }

    fn judged(&self, records: &Records, guesses: &Guesses) -> Result<Figures> {
        let Guesses::Numbers(numbers) = guesses else {
            return Err(Error::Invalid("classes are no numbers".into()));
        };
        Regression::of(&records.numeric_labels()?, numbers).map(Figures::Regression)
    }
}
