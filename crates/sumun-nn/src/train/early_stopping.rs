//! Early stopping: ends a training that no longer improves and restores the best weights.

use crate::{Error, Parameters, Result};

/// The best epoch so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    /// Which epoch, as the caller counts.
    pub epoch: usize,
    /// Its loss.
    pub loss: f64,
    /// All parameter values after it, flat.
    pub values: Vec<f32>,
}

/// What an epoch's loss means for the training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The best so far; its weights are kept.
    Improved,
    /// No improvement, but patience is left.
    Waiting,
    /// No improvement for `patience` epochs: stop.
    Stop,
}

/// Watches a loss, keeps the best weights and says when to stop (Prechelt 1998; Keras' `EarlyStopping`).
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyStopping {
    patience: Option<usize>,
    min_delta: f64,
    best: Option<Best>,
    waited: usize,
}

impl EarlyStopping {
    /// Stops after `patience` epochs in a row that are not lower than the best loss by more than `min_delta`.
    /// With `None` it never stops and only keeps the best weights. A `min_delta` that is negative or not finite
    /// is an error.
    pub fn new(patience: Option<usize>, min_delta: f64) -> Result<Self> {
        if !(min_delta.is_finite() && min_delta >= 0.0) {
            return Err(Error::Invalid(format!(
                "the smallest improvement of early stopping is {min_delta}; it must be at least 0"
            )));
        }
        Ok(Self { patience, min_delta, best: None, waited: 0 })
    }

    /// Goes on from a checkpoint that kept the best epoch and how long it was waited since.
    pub fn resume(self, best: Option<Best>, waited: usize) -> Self {
        Self { best, waited, ..self }
    }

    /// Judges the epoch that has just ended. A loss that is not a number is no improvement.
    pub fn observe(&mut self, epoch: usize, loss: f64, parameters: &Parameters) -> Verdict {
        let improved = match &self.best {
            None => !loss.is_nan(),
            Some(best) => loss < best.loss - self.min_delta,
        };
        if improved {
            let mut values = self.best.take().map_or_else(Vec::new, |best| best.values);
            values.clear();
            values.extend_from_slice(parameters.values());
            self.best = Some(Best { epoch, loss, values });
            self.waited = 0;
            return Verdict::Improved;
        }
        self.waited += 1;
        match self.patience {
            Some(patience) if self.waited >= patience => Verdict::Stop,
            _ => Verdict::Waiting,
        }
    }

    /// The best epoch so far; `None` before the first finite loss.
    pub fn best(&self) -> Option<&Best> {
        self.best.as_ref()
    }

    /// Epochs since the best one.
    pub fn waited(&self) -> usize {
        self.waited
    }

    /// Puts the best epoch's values back and returns that epoch; `None`, and no change, where there was none.
    /// Parameters that are not those observed are an error.
    pub fn restore(&self, parameters: &mut Parameters) -> Result<Option<usize>> {
        let Some(best) = &self.best else { return Ok(None) };
        if best.values.len() != parameters.len() {
            return Err(Error::Shape {
                what: "the best weights".into(),
                expected: format!("{} values", parameters.len()),
                found: best.values.len().to_string(),
            });
        }
        parameters.values_mut().copy_from_slice(&best.values);
        Ok(Some(best.epoch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(value: f32) -> Parameters {
        let mut parameters = Parameters::new();
        parameters.add("w", &[1], vec![value]).unwrap();
        parameters
    }

    #[test]
    fn stops_when_patience_is_over_and_restores_the_best() {
        use Verdict::{Improved, Stop, Waiting};
        let nan = f64::NAN;
        type Case<'a> = (Option<usize>, f64, &'a [f64], &'a [Verdict], Option<usize>);
        let cases: [Case<'_>; 6] = [
            (Some(2), 0.0, &[3.0, 2.0, 2.0, 2.5], &[Improved, Improved, Waiting, Stop], Some(1)),
            (Some(2), 0.0, &[3.0, 4.0, 2.0, 2.5], &[Improved, Waiting, Improved, Waiting], Some(2)),
            (Some(1), 0.5, &[3.0, 2.6], &[Improved, Stop], Some(0)),
            (Some(0), 0.0, &[3.0, 2.0, 2.0], &[Improved, Improved, Stop], Some(1)),
            (None, 0.0, &[3.0, 4.0, 4.0], &[Improved, Waiting, Waiting], Some(0)),
            (Some(2), 0.0, &[nan, nan], &[Waiting, Stop], None),
        ];
        for (patience, min_delta, losses, verdicts, best) in cases {
            let mut stopping = EarlyStopping::new(patience, min_delta).unwrap();
            for (epoch, (&loss, &verdict)) in losses.iter().zip(verdicts).enumerate() {
                assert_eq!(stopping.observe(epoch, loss, &parameters(epoch as f32)), verdict, "{losses:?}");
                stopping = EarlyStopping::new(patience, min_delta)
                    .unwrap()
                    .resume(stopping.best().cloned(), stopping.waited());
            }
            let mut restored = parameters(-1.0);
            let version = restored.version();
            assert_eq!(stopping.restore(&mut restored).unwrap(), best);
            assert_eq!(restored.values(), [best.map_or(-1.0, |epoch| epoch as f32)]);
            assert_eq!(restored.version() != version, best.is_some());
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(EarlyStopping::new(None, -1.0).is_err());
        let mut stopping = EarlyStopping::new(None, 0.0).unwrap();
        stopping.observe(0, 1.0, &parameters(1.0));
        let error = stopping.restore(&mut Parameters::new()).unwrap_err().to_string();
        assert_eq!(error, "the best weights: expected 0 values, found 1");
    }
}
