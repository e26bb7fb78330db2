//! Learning a text by truncated backpropagation through time.

use super::score::{Chunk, Reading};
use super::streams::{Jitter, Streams};
use super::weight_drop::WeightDrop;
use crate::loss::CrossEntropy;
use crate::model::{Batch, Model, ModelState};
use crate::nn::RecurrentState;
use crate::noise::Noise;
use crate::scores::Language;
use crate::text::PAD;
use crate::train::{BatchLoss, Objective, Validated};
use crate::{Error, Layout, Parameters, Result};

/// A model that learns a text. The stretches of a batch begin with zeros in every epoch; after that, each chunk begins
/// with the state at the end of the one before it.
#[derive(Debug)]
pub(super) struct LanguageLearner {
    pub(super) model: Model,
    pub(super) train: Reading,
    pub(super) valid: Option<Reading>,
    pub(super) streams: Streams,
    pub(super) vocabulary: usize,
    pub(super) label_smoothing: f64,
    /// The share of a chunk that its ends move, by the noise of this seed.
    pub(super) chunk_jitter: f64,
    pub(super) seed: u64,
    pub(super) weight_drop: Option<WeightDrop>,
    /// After the last chunk; None before the first one of an epoch.
    pub(super) state: Option<ModelState>,
}

/// No layer of a model has this number, so that no mask is of these random numbers.
const CHUNK_ENDS: u32 = u32::MAX - 1;

const STATE: &str = "state.";
const HIDDEN: &str = ".hidden";
const CELL: &str = ".cell";

impl LanguageLearner {
    /// A state of this model and batch, with numbers that mean nothing.
    fn any_state(&self) -> Result<ModelState> {
        let ids = ndarray::Array2::from_elem((self.streams.count(), 1), PAD);
        Ok(self.model.forward_with_state(Batch::ids(ids.view()), None)?.1)
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

    fn batch(&mut self, epoch: usize, step: usize, noise: Noise) -> Result<BatchLoss> {
        let of_epoch = Noise { seed: self.seed, step: epoch as u64, layer: CHUNK_ENDS };
        let jitter = Jitter { share: self.chunk_jitter, noise: of_epoch };
        let ranges = self.streams.chunk(step, (self.chunk_jitter > 0.0).then_some(jitter));
        let chunk = Chunk::new(&self.train, &ranges);
        let before = self.state.take().filter(|_| step > 0);
        if before.is_none() && step > 0 {
            return Err(Error::Model(format!("there is no state to begin chunk {step} with; train anew")));
        }
        let loss = CrossEntropy { label_smoothing: self.label_smoothing, ..CrossEntropy::default() };
        let targets = |layout: &Layout| chunk.targets(layout);
        let input = chunk.batch()?;
        let dropped = self.weight_drop.as_ref().map(|drop| drop.drop(self.model.parameters_mut(), noise));
        let batch = self.model.cross_entropy(&input, before.as_ref(), noise, &loss, targets);
        if let (Some(drop), Some(dropped)) = (&self.weight_drop, dropped) {
            drop.put_back(self.model.parameters_mut(), &dropped);
        }
        let batch = batch?;
        let rows = chunk.tokens();
        self.state = (step + 1 < self.streams.chunks()).then_some(batch.state);
        Ok(BatchLoss { loss: batch.loss, weight: rows as f64, rows })
    }

    fn validate(&mut self) -> Result<Option<Validated>> {
        let Some(valid) = &self.valid else { return Ok(None) };
        let sum = valid.nats(&self.model, self.vocabulary)?;
        if !sum.is_finite() {
            return Ok(Some(Validated { watched: sum, loss: sum, figures: Vec::new() }));
        }
        let Language { nats, perplexity, bits_per_character, .. } =
            Language::of(sum, valid.predicted(self.vocabulary))?;
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
