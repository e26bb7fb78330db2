//! Learning a text by truncated backpropagation through time.

use super::score::{Chunk, Reading};
use super::streams::Streams;
use crate::loss::CrossEntropy;
use crate::model::{Batch, Model, ModelState};
use crate::nn::RecurrentState;
use crate::noise::Noise;
use crate::scores::Language;
use crate::text::PAD;
use crate::train::{BatchLoss, Objective, Validated};
use crate::{Error, Parameters, Result, Rows};

/// A model that learns a text. The stretches of a batch begin with zeros in every epoch; after that, each chunk begins
/// with the state at the end of the one before it.
#[derive(Debug)]
pub(super) struct LanguageLearner {
    pub(super) model: Model,
    pub(super) train: Reading,
    pub(super) valid: Option<Reading>,
    pub(super) streams: Streams,
    pub(super) vocabulary: usize,
    /// After the last chunk; None before the first one of an epoch.
    pub(super) state: Option<ModelState>,
}

/// Logits whose gradient is computed at once: the gradient takes the logits' place, as both together may be large.
const BLOCK: usize = 1 << 20;

/// The mean cross-entropy of logits, and its gradient in their place.
fn loss_in_place(logits: &mut [f32], targets: &[u32]) -> Result<f64> {
    let classes = logits.len() / targets.len().max(1);
    let rows = (BLOCK / classes.max(1)).max(1);
    let loss = CrossEntropy::default();
    let total = loss.total_weight(targets)?;
    let mut gradient = vec![0.0; (rows * classes).min(logits.len())];
    let mut sum = 0.0;
    for (logits, targets) in logits.chunks_mut((rows * classes).max(1)).zip(targets.chunks(rows)) {
        let gradient = &mut gradient[..logits.len()];
        sum += loss.partial_value_and_gradient(logits, targets, total, Some(gradient))?;
        logits.copy_from_slice(gradient);
    }
    Ok(sum)
}

const STATE: &str = "state.";
const HIDDEN: &str = ".hidden";
const CELL: &str = ".cell";

impl LanguageLearner {
    /// A state of this model and batch, with numbers that mean nothing.
    fn any_state(&self) -> Result<ModelState> {
        let ids = ndarray::Array2::from_elem((self.streams.count(), 1), PAD);
        Ok(self.model.forward_with_state(&Batch::ids(ids.view()), None)?.1)
    }
}

impl Objective for LanguageLearner {
    fn parameters(&self) -> &Parameters {
        self.model.parameters()
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        self.model.parameters_mut()
    }

    fn steps_per_epoch(&self) -> usize {
        self.streams.chunks()
    }

    fn batch(&mut self, _epoch: usize, step: usize, noise: Noise) -> Result<BatchLoss> {
        let ranges = self.streams.chunk(step);
        let chunk = Chunk::new(&self.train, &ranges);
        let before = self.state.take().filter(|_| step > 0);
        if before.is_none() && step > 0 {
            return Err(Error::Model(format!("there is no state to begin chunk {step} with; train anew")));
        }
        let (answer, after, cache) =
            self.model.forward_train_with_state(&chunk.batch()?, before.as_ref(), noise)?;
        let (vocabulary, layout) = (answer.features, answer.layout.clone());
        let mut values = answer.into_data();
        let loss = loss_in_place(&mut values, &chunk.targets(&layout))?;
        let rows = chunk.tokens();
        self.model.backward(cache, Rows::new(values, vocabulary, layout)?)?;
        self.state = (step + 1 < self.streams.chunks()).then_some(after);
        Ok(BatchLoss { loss, weight: rows as f64, rows })
    }

    fn validate(&mut self) -> Result<Option<Validated>> {
        let Some(valid) = &self.valid else { return Ok(None) };
        let sum = valid.nats(&self.model, self.vocabulary)?;
        if !sum.is_finite() {
            return Ok(Some(Validated { watched: sum, loss: sum, figures: Vec::new() }));
        }
        let Language { nats, perplexity, bits_per_character, .. } =
            Language::of(sum, valid.ids.len() as u64, valid.characters as u64)?;
        let figures = vec![("perplexity", perplexity), ("bits_per_character", bits_per_character)];
        Ok(Some(Validated { watched: nats, loss: nats, figures }))
    }

    fn carried(&self) -> Vec<(String, Vec<f32>)> {
        let mut buffers = Vec::new();
        for (layer, state) in self.state.iter().flatten() {
            buffers.push((format!("{STATE}{layer}{HIDDEN}"), state.hidden.clone()));
            buffers.push((format!("{STATE}{layer}{CELL}"), state.cell.clone()));
        }
        // An RNN has no cell state.
        buffers.retain(|(_, values)| !values.is_empty());
        buffers
    }

    fn carry(&mut self, buffers: Vec<(String, Vec<f32>)>) -> Result<()> {
        if buffers.is_empty() {
            self.state = None;
            return Ok(());
        }
        let mut state = ModelState::new();
        for (name, values) in buffers {
            let of = name.strip_prefix(STATE).and_then(|name| {
                let hidden = name.strip_suffix(HIDDEN).map(|layer| (layer, true));
                hidden.or_else(|| name.strip_suffix(CELL).map(|layer| (layer, false)))
            });
            let Some((layer, hidden)) = of else {
                return Err(Error::Model(format!("nothing carries {name:?} from step to step")));
            };
            let empty = || RecurrentState { hidden: Vec::new(), cell: Vec::new() };
            let part = state.entry(layer.to_owned()).or_insert_with(empty);
            *(if hidden { &mut part.hidden } else { &mut part.cell }) = values;
        }
        let sizes = |state: &ModelState| -> Vec<(String, usize, usize)> {
            state.iter().map(|(layer, s)| (layer.clone(), s.hidden.len(), s.cell.len())).collect()
        };
        if sizes(&state) != sizes(&self.any_state()?) {
            return Err(Error::Model(
                "the carried state is not one of this model and batch; train anew".into(),
            ));
        }
        self.state = Some(state);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_takes_the_logits_place() {
        let (rows, classes) = (3, BLOCK / 2 + 1);
        let logits: Vec<f32> = (0..rows * classes).map(|k| ((k * 7919) % 1009) as f32 / 100.0).collect();
        let targets = [5, 0, classes as u32 - 1];
        let mut expected = vec![0.0; logits.len()];
        let whole = CrossEntropy::default();
        let value = whole.value_and_gradient(&logits, &targets, Some(&mut expected)).unwrap();
        let mut found = logits.clone();
        let loss = loss_in_place(&mut found, &targets).unwrap();
        assert!((loss - value).abs() < 1e-12 * value);
        assert!(found == expected);
    }
}
