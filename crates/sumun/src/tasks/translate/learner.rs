//! Learning by teacher forcing: each token of a target is predicted from the source and the true tokens before it.

use super::super::learner::{EpochBatches, argmax};
use super::super::options::TrainOptions;
use super::example::Examples;
use crate::loss::CrossEntropy;
use crate::model::Model;
use crate::noise::Noise;
use crate::scores::TokenScores;
use crate::text::UNK;
use crate::train::{BatchLoss, Objective, Validated};
use crate::{Layout, Parameters, Result};

/// The most logits that are computed at once where no gradient is needed, and the most pairs.
const MOST_LOGITS: usize = 1 << 22;
const MOST_PAIRS: usize = 64;

/// What is never written is not learnt either.
fn loss() -> CrossEntropy {
    CrossEntropy { ignore: Some(UNK), ..CrossEntropy::default() }
}

/// How the tokens of some pairs are predicted.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Predicted {
    tokens: usize,
    /// Unknown ones are never right.
    right: usize,
    /// The sum of −ln p over the `known` tokens.
    nats: f64,
    known: usize,
}

impl Predicted {
    /// Of all pairs, without dropout.
    pub(super) fn of(model: &Model, examples: &Examples, vocabulary: usize) -> Result<Self> {
        let pairs = MOST_LOGITS / (vocabulary * examples.longest()).max(1);
        let mut sum = Self::default();
        for chosen in examples.batches(pairs.clamp(1, MOST_PAIRS))? {
            let logits = model.forward(examples.chosen(&chosen).feed()?)?;
            let truth = examples.truth(&chosen, &logits.layout);
            let path = model.parameters().path();
            sum.nats += loss().partial_value_and_gradient(path, &logits.data, &truth, 1.0, None)?;
            let right = |(row, truth): (&[f32], &u32)| argmax(row) == *truth && *truth != UNK;
            sum.right += logits.data.chunks_exact(vocabulary).zip(&truth).filter(|pair| right(*pair)).count();
            sum.known += truth.iter().filter(|&&id| id != UNK).count();
            sum.tokens += truth.len();
        }
        Ok(sum)
    }

    /// The figures of them.
    pub(super) fn scores(&self) -> TokenScores {
        TokenScores {
            token_accuracy: self.right as f64 / self.tokens.max(1) as f64,
            nats: self.nats / self.known.max(1) as f64,
        }
    }
}

/// A model that learns from pairs.
#[derive(Debug)]
pub(super) struct TranslationLearner {
    pub(super) model: Model,
    train: Examples,
    valid: Option<Examples>,
    /// Ids of the target, its end included.
    vocabulary: usize,
    label_smoothing: f64,
    batches: EpochBatches,
}

impl TranslationLearner {
    /// A learner before its first step. Errors: a pair longer than the tokens of a batch.
    pub(super) fn new(
        model: Model,
        train: Examples,
        valid: Option<Examples>,
        vocabulary: usize,
        options: &TrainOptions,
        label_smoothing: f64,
    ) -> Result<Self> {
        let batches = EpochBatches::new(train.lengths(), options)?;
        Ok(Self { model, train, valid, vocabulary, label_smoothing, batches })
    }

    /// Whether it learns smoothed labels.
    pub(super) fn is_smoothed(&self) -> bool {
        self.label_smoothing > 0.0
    }

    /// How many pairs it learns from.
    pub(super) fn examples(&self) -> usize {
        self.train.len()
    }
}

impl Objective for TranslationLearner {
    fn parameters(&self) -> &Parameters {
        self.model.parameters()
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        self.model.parameters_mut()
    }

    fn steps_per_epoch(&self) -> usize {
        self.batches.steps()
    }

    fn batch(&mut self, epoch: usize, step: usize, noise: Noise) -> Result<BatchLoss> {
        let places = self.batches.of(epoch, step)?;
        let chosen = self.train.chosen(&places);
        let targets = |layout: &Layout| self.train.truth(&places, layout);
        let loss = CrossEntropy { label_smoothing: self.label_smoothing, ..loss() };
        let batch = self.model.cross_entropy(chosen.feed()?, None, noise, &loss, targets)?;
        Ok(BatchLoss { loss: batch.loss, weight: batch.weight, rows: chosen.rows() })
    }

    fn validate(&mut self) -> Result<Option<Validated>> {
        let Some(valid) = &self.valid else { return Ok(None) };
        let predicted = Predicted::of(&self.model, valid, self.vocabulary)?;
        let TokenScores { token_accuracy, nats } = predicted.scores();
        // Mistakes count; among epochs with as many, the loss decides.
        let wrong = (predicted.tokens - predicted.right) as f64;
        let watched = wrong + nats / (1.0 + nats);
        Ok(Some(Validated { watched, loss: nats, figures: vec![("token_accuracy", token_accuracy)] }))
    }
}
