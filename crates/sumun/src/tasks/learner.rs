//! Learning from labelled sequences: batches of like lengths, a loss, and figures on the validation part.

use std::fmt;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::figures::not_finite;
use super::inputs::{Padded, Sequences};
use super::options::TrainOptions;
use super::thresholds;
use crate::loss::{CrossEntropy, Loss, Targets};
use crate::message::key;
use crate::model::{Batch, Model};
use crate::nn::TagRules;
use crate::noise::Noise;
use crate::sequences::LengthBuckets;
use crate::train::{BatchLoss, Objective, Validated};
use crate::{Error, Layout, Parameters, Result, Rows};

/// What the outputs for sequences should be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Labels {
    /// Classes.
    Classes(ClassLabels),
    /// A number for each.
    Values(Vec<f32>),
    /// For each the labels that it has, of so many; those beyond were not learnt, and no loss counts them.
    Sets(Vec<Vec<u32>>, usize),
}

/// The class of a label that was not learnt: every prediction for it is wrong, and no loss says how wrong.
pub(crate) const UNSEEN: u32 = u32::MAX;

/// The classes of sequences.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ClassLabels {
    /// A class for each.
    Once(Vec<u32>),
    /// A class for each step of each.
    Steps(Vec<Vec<u32>>),
}

/// Labelled sequences.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Examples {
    pub(crate) sequences: Sequences,
    pub(crate) labels: Labels,
}

/// The labels of a batch in the order of the output's rows.
enum BatchLabels {
    Classes(Vec<u32>),
    Values(Vec<f32>),
}

impl BatchLabels {
    fn targets(&self) -> Targets<'_> {
        match self {
            Self::Classes(classes) => Targets::Classes(classes),
            Self::Values(values) => Targets::Values(values),
        }
    }
}

impl ClassLabels {
    /// Those of some sequences, in the order of the output's rows.
    fn batch(&self, chosen: &[usize], layout: &Layout) -> Vec<u32> {
        match self {
            Self::Once(classes) => chosen.iter().map(|&n| classes[n]).collect(),
            Self::Steps(steps) => {
                let mut rows = vec![0; layout.rows()];
                layout.for_each_row(|row, n, t| rows[row] = steps[chosen[n]][t]);
                rows
            }
        }
    }
}

impl Labels {
    fn batch(&self, chosen: &[usize], layout: &Layout) -> BatchLabels {
        match self {
            Self::Classes(classes) => BatchLabels::Classes(classes.batch(chosen, layout)),
            Self::Values(values) => BatchLabels::Values(chosen.iter().map(|&n| values[n]).collect()),
            Self::Sets(sets, labels) => {
                BatchLabels::Values(indicators(chosen.iter().map(|&n| &sets[n]), *labels))
            }
        }
    }
}

/// 1 for each label that a set has and 0 for the others, `[sets, labels]`.
fn indicators<'a>(sets: impl Iterator<Item = &'a Vec<u32>>, labels: usize) -> Vec<f32> {
    let row = |set: &Vec<u32>| {
        let mut row = vec![0.0; labels];
        set.iter().map(|&id| id as usize).filter(|&id| id < labels).for_each(|id| row[id] = 1.0);
        row
    };
    sets.flat_map(row).collect()
}

/// Sequences that go through a network at once where no gradient is needed.
const INFERENCE_BATCH: usize = 64;

/// As many batches of random sequences are sorted by length together: enough for batches of like lengths, and few enough
/// that a batch is not of one length, which may tell the label.
const POOL: usize = 20;

/// A network's outputs, in the order of the sequences: `[outputs]` each, or `[T, outputs]`. Error: one that is not finite,
/// which would be taken for the first class.
pub(crate) fn outputs(model: &Model, sequences: &Sequences) -> Result<Vec<Vec<f32>>> {
    let all = any_outputs(model, sequences)?;
    let found = all.iter().enumerate().find_map(|(n, row)| {
        let value = row.iter().find(|value| !value.is_finite())?;
        Some((n, value))
    });
    match found {
        None => Ok(all),
        Some((n, value)) => Err(not_finite(&format!(
            "the network's output for sequence {} of {} is {value}",
            n + 1,
            all.len()
        ))),
    }
}

/// As [`outputs`], whatever they are.
fn any_outputs(model: &Model, sequences: &Sequences) -> Result<Vec<Vec<f32>>> {
    in_batches(sequences, |batch| model.forward(batch).map(Some)).map(Option::unwrap_or_default)
}

/// How much each step of each sequence counts, in the order of the sequences, `[T]` each; None of a model without attention.
pub(crate) fn attention(model: &Model, sequences: &Sequences) -> Result<Option<Vec<Vec<f32>>>> {
    in_batches(sequences, |batch| model.attention_weights(batch))
}

/// The rows that `of` makes of each sequence, one after the other; None where it makes none.
fn in_batches(
    sequences: &Sequences,
    of: impl Fn(&Batch) -> Result<Option<Rows>>,
) -> Result<Option<Vec<Vec<f32>>>> {
    let mut all = vec![Vec::new(); sequences.len()];
    for chosen in LengthBuckets::sequences(INFERENCE_BATCH).ordered(&sequences.lengths())? {
        let padded = sequences.padded(&chosen);
        let Some(rows) = of(&padded.batch()?)? else { return Ok(None) };
        // Rows come step by step, so each sequence is filled from its first step on.
        rows.layout.for_each_row(|row, n, _| {
            all[chosen[n]].extend_from_slice(&rows.data[row * rows.features..(row + 1) * rows.features]);
        });
    }
    Ok(Some(all))
}

/// How the outputs for the steps of a sequence are taken together.
pub(crate) trait Decode: fmt::Debug + Send {
    /// Which class may follow which.
    fn rules(&self) -> Option<&TagRules>;
    /// What outputs for the validation part come to; None where their rows are judged one by one.
    fn validated(&self, model: &Model, outputs: &[Vec<f32>], truth: &[Vec<u32>])
    -> Result<Option<Validated>>;
}

/// A model that learns from labelled sequences.
#[derive(Debug)]
pub(crate) struct Learner {
    pub(crate) model: Model,
    loss: Loss,
    train: Examples,
    valid: Option<Examples>,
    batches: EpochBatches,
    /// How outputs become tags, of a tagger.
    decoding: Option<Box<dyn Decode>>,
    rare: Option<Rarity>,
}

/// How readily each token is read as an unknown one in training, so that what stands for those is learnt too and the network
/// does not lean on what it has hardly seen: a token that is there n times in a share a / (a + n) of its places (Kiperwasser &
/// Goldberg, *Simple and Accurate Dependency Parsing Using Bidirectional LSTM Feature Representations*, TACL 2016).
#[derive(Debug)]
struct Rarity {
    /// By id or entry.
    shares: Vec<f32>,
}

impl Rarity {
    /// None of numbers, and where `a` is 0.
    fn of(sequences: &Sequences, a: f64) -> Option<Self> {
        let (Sequences::Ids(ids) | Sequences::Words { entries: ids, .. }) = sequences else { return None };
        if a == 0.0 {
            return None;
        }
        let mut counts = vec![0_u32; ids.iter().flatten().max().map_or(0, |&most| most as usize + 1)];
        ids.iter().flatten().for_each(|&id| counts[id as usize] += 1);
        Some(Self { shares: counts.into_iter().map(|n| (a / (a + f64::from(n))) as f32).collect() })
    }
}

/// The number of the noise that chooses tokens: that of no layer.
const WORD_DROPOUT: u32 = u32::MAX;

/// The batches of every epoch, a pure function of the lengths, the options and the seed.
#[derive(Debug)]
pub(crate) struct EpochBatches {
    buckets: LengthBuckets,
    lengths: Vec<usize>,
    seed: u64,
    steps: usize,
    /// An epoch and its batches.
    shuffled: Option<(usize, Vec<Vec<usize>>)>,
}

impl Learner {
    /// A learner before its first step. Errors: a sequence longer than the tokens of a batch.
    pub(crate) fn new(
        model: Model,
        loss: Loss,
        train: Examples,
        valid: Option<Examples>,
        options: &TrainOptions,
    ) -> Result<Self> {
        let batches = EpochBatches::new(train.sequences.lengths(), options)?;
        let rare = Rarity::of(&train.sequences, options.word_dropout);
        Ok(Self { model, loss, train, valid, batches, decoding: None, rare })
    }

    /// A tagger, whose best epoch is the one with the best tags.
    pub(crate) fn with_decoding(self, decoding: impl Decode + 'static) -> Self {
        Self { decoding: Some(Box::new(decoding)), ..self }
    }

    /// Sequences as they are read in a training step.
    fn padded(&self, chosen: &[usize], noise: Noise) -> Padded {
        let sequences = &self.train.sequences;
        let Some(Rarity { shares }) = &self.rare else { return sequences.padded(chosen) };
        let noise = noise.for_layer(WORD_DROPOUT);
        sequences.padded_with(chosen, |n, t, id| match noise.uniform(n, t, 0) < shares[id as usize] {
            true => sequences.unknown_in_place_of(id),
            false => id,
        })
    }

    /// Whether it learns smoothed labels.
    pub(crate) fn is_smoothed(&self) -> bool {
        matches!(&self.loss, Loss::CrossEntropy(loss) if loss.label_smoothing > 0.0)
    }

    /// How many sequences it learns from.
    pub(crate) fn examples(&self) -> usize {
        self.batches.lengths.len()
    }
}

impl EpochBatches {
    /// Of examples with so many steps each. Errors: an example longer than the tokens of a batch.
    pub(crate) fn new(lengths: Vec<usize>, options: &TrainOptions) -> Result<Self> {
        let longest = lengths.iter().copied().max().unwrap_or(0);
        if let Some(tokens) = options.batch_tokens.filter(|&tokens| tokens < longest) {
            return Err(Error::Settings(
                key("batch_tokens")
                    + format!(
                        " is {tokens}, but the longest sequence has {longest} steps; give at least so many, or leave such \
                         sequences out"
                    ),
            ));
        }
        let batch = options.batch_of(lengths.len());
        let buckets = match options.batch_tokens {
            // Of a pool of all, every epoch has the same number of batches.
            Some(tokens) => LengthBuckets::tokens(tokens),
            None => LengthBuckets::sequences(batch).pool(batch.saturating_mul(POOL)),
        };
        let steps = match options.batch_tokens {
            Some(_) => buckets.ordered(&lengths)?.len(),
            None => lengths.len().div_ceil(batch),
        };
        Ok(Self { buckets, lengths, seed: options.seed, steps, shuffled: None })
    }

    /// How many batches an epoch has.
    pub(crate) fn steps(&self) -> usize {
        self.steps
    }

    /// The places of the examples of a batch.
    pub(crate) fn of(&mut self, epoch: usize, step: usize) -> Result<Vec<usize>> {
        if self.shuffled.as_ref().is_none_or(|(of, _)| *of != epoch) {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            // Stream 0 is left to the weights.
            rng.set_stream(epoch as u64 + 1);
            self.shuffled = Some((epoch, self.buckets.shuffled(&self.lengths, &mut rng)?));
        }
        Ok(self.shuffled.as_ref().and_then(|(_, batches)| batches.get(step)).cloned().unwrap_or_default())
    }
}

impl Labels {
    /// All labels one after the other.
    fn flat(&self) -> BatchLabels {
        match self {
            Self::Classes(ClassLabels::Once(classes)) => BatchLabels::Classes(classes.clone()),
            Self::Classes(ClassLabels::Steps(steps)) => BatchLabels::Classes(steps.concat()),
            Self::Values(values) => BatchLabels::Values(values.clone()),
            Self::Sets(sets, labels) => BatchLabels::Values(indicators(sets.iter(), *labels)),
        }
    }
}

/// ln Σ exp of some numbers as the two whose sum it is, the largest and what the others add to it; so that differences from the
/// largest lose no digits. Of none it is −∞ and −∞.
pub(crate) fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> [f64; 2] {
    let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    [largest, values.map(|value| (value - largest).exp()).sum::<f64>().ln()]
}

/// The place of the largest of a row, such as one of logits; of equals the first.
pub(crate) fn argmax<T: PartialOrd>(row: &[T]) -> u32 {
    let mut best = 0;
    for (place, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = place;
        }
    }
    best as u32
}

impl Objective for Learner {
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
        let chosen = self.batches.of(epoch, step)?;
        let padded = self.padded(&chosen, noise);
        if let (Loss::CrossEntropy(loss), Labels::Classes(classes)) = (&self.loss, &self.train.labels) {
            let targets = |layout: &Layout| classes.batch(&chosen, layout);
            let batch = match self.decoding.as_ref().filter(|_| self.model.crf().is_some()) {
                Some(decoding) => {
                    self.model.tag_loss(&padded.batch()?, None, noise, decoding.rules(), targets)?
                }
                None => self.model.cross_entropy(&padded.batch()?, None, noise, loss, targets)?,
            };
            return Ok(BatchLoss { loss: batch.loss, weight: batch.weight, rows: padded.rows() });
        }
        let (output, cache) = self.model.forward_train(&padded.batch()?, noise)?;
        let labels = self.train.labels.batch(&chosen, &output.layout);
        let mut d = vec![0.0; output.data.len()];
        let path = self.model.parameters().path();
        let loss = self.loss.value_and_gradient_on(path, &output.data, labels.targets(), Some(&mut d))?;
        let weight = self.loss.weight(labels.targets())?;
        self.model.backward(cache, Rows::new(d, output.features, output.layout.clone())?)?;
        Ok(BatchLoss { loss, weight, rows: padded.rows() })
    }

    fn validate(&mut self) -> Result<Option<Validated>> {
        let Some(valid) = &self.valid else { return Ok(None) };
        let outputs = any_outputs(&self.model, &valid.sequences)?;
        let together = match (&self.decoding, &valid.labels) {
            (Some(decoding), Labels::Classes(ClassLabels::Steps(tags))) => {
                decoding.validated(&self.model, &outputs, tags)?
            }
            _ => None,
        };
        if together.is_some() {
            return Ok(together);
        }
        let logits = outputs.concat();
        let labels = valid.labels.flat();
        let path = self.model.parameters().path();
        let loss = match &self.loss {
            Loss::CrossEntropy(loss) => {
                let class_weights = loss.class_weights.clone();
                &Loss::CrossEntropy(CrossEntropy {
                    class_weights,
                    ignore: Some(UNSEEN),
                    label_smoothing: 0.0,
                })
            }
            loss => loss,
        };
        let loss = loss.value_and_gradient_on(path, &logits, labels.targets(), None)?;
        if let Labels::Sets(sets, _) = &valid.labels {
            // Thresholds are chosen when the training has come to its end, so no threshold of an epoch's own may matter.
            let (_, f1) = thresholds::common(&outputs, sets);
            return Ok(Some(Validated {
                watched: 1.0 - f1 + TIE * tie(loss),
                loss,
                figures: vec![("micro_f1", f1)],
            }));
        }
        let BatchLabels::Classes(classes) = labels else {
            return Ok(Some(Validated { watched: loss, loss, figures: Vec::new() }));
        };
        let width = logits.len() / classes.len().max(1);
        let wrong = logits.chunks_exact(width).zip(&classes).filter(|(row, class)| argmax(row) != **class);
        Ok(Some(by_mistakes(wrong.count(), classes.len(), loss)))
    }
}

/// So many mistakes of so many classes: they are what counts, and among epochs with as many, the loss decides.
pub(crate) fn by_mistakes(wrong: usize, of: usize, loss: f64) -> Validated {
    let accuracy = 1.0 - wrong as f64 / of as f64;
    Validated { watched: wrong as f64 + tie(loss), loss, figures: vec![("accuracy", accuracy)] }
}

/// How much of an F1 the loss is worth: less than any difference of two.
pub(crate) const TIE: f64 = 1e-9;

/// A loss as a share of 1, which decides where what counts is equal.
pub(crate) fn tie(loss: f64) -> f64 {
    loss / (1.0 + loss)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::BceLogits;
    use crate::model::{Input, RecurrentLayer};
    use crate::nn::Pool;

    #[test]
    fn ln_of_a_sum_of_exponentials() {
        let sum = |values: &[f64]| log_sum_exp(values.iter().copied()).iter().sum::<f64>();
        assert!((sum(&[0.0, 3.0_f64.ln()]) - 4.0_f64.ln()).abs() < 1e-15);
        // Neither overflows nor vanishes.
        assert!((sum(&[1000.0, 1000.0]) - 1000.0 - 2.0_f64.ln()).abs() < 1e-12);
        assert!((sum(&[-1000.0, -1000.0]) + 1000.0 - 2.0_f64.ln()).abs() < 1e-12);
        assert_eq!(log_sum_exp(std::iter::empty())[0], f64::NEG_INFINITY);
    }

    #[test]
    fn several_labels_have_the_mean_loss_of_all_and_its_gradient() {
        check_several(&[]);
        check_several(&[3.0, 0.5, 1.0]);
    }

    /// The loss of several labels by hand and its gradient by difference quotients, of sequences that a batch has in another order;
    /// a label that was not learnt is nothing to either.
    fn check_several(pos_weight: &[f32]) {
        let sets = vec![vec![0, 2], vec![], vec![1], vec![0, 1, 2, 9], vec![2]];
        let values = (0..5).map(|n| (0..2 + n * 2 % 5).map(|t| ((n * 3 + t) as f32 * 0.7).sin()).collect());
        let sequences = Sequences::Numbers { features: 1, values: values.collect() };
        let lstm = RecurrentLayer::lstm(4).return_sequences(true);
        let network = Model::builder(Input::numbers(1)).layer(lstm).pool(Pool::Mean).dense(3);
        let options = TrainOptions { batch: Some(5), ..TrainOptions::default() };
        let train = Examples { sequences: sequences.clone(), labels: Labels::Sets(sets.clone(), 3) };
        let loss = Loss::Bce(BceLogits { pos_weight: pos_weight.to_vec() });
        let model = network.build(1).unwrap();
        let mut learner = Learner::new(model, loss, train.clone(), Some(train), &options).unwrap();
        let noise = Noise { seed: 0, step: 0, layer: 0 };
        let loss = |learner: &mut Learner| {
            learner.model.parameters_mut().zero_gradients();
            learner.batch(0, 0, noise).unwrap()
        };
        let found = loss(&mut learner);
        let gradient = learner.model.parameters().gradients().to_vec();
        let rows = outputs(&learner.model, &sequences).unwrap();
        let each = rows.iter().zip(&sets).flat_map(|(row, set)| {
            let weight = |label: u32| pos_weight.get(label as usize).map_or(1.0, |&weight| f64::from(weight));
            let of = |(label, &z): (u32, &f32)| match set.contains(&label) {
                true => weight(label) * (-f64::from(z)).exp().ln_1p(),
                false => f64::from(z).exp().ln_1p(),
            };
            (0..).zip(row).map(of).collect::<Vec<f64>>()
        });
        let expected = each.sum::<f64>() / 15.0;
        assert!((found.loss - expected).abs() < 1e-6 && found.weight == 15.0, "{} {expected}", found.loss);
        let validated = learner.validate().unwrap().unwrap();
        assert!((validated.loss - expected).abs() < 1e-6);
        let (_, f1) = thresholds::common(&rows, &sets);
        assert_eq!(validated.figures, [("micro_f1", f1)]);
        assert!((validated.watched - (1.0 - f1)).abs() < 1e-6);
        for (place, &slope) in gradient.iter().enumerate() {
            let mut at = |by: f32| {
                learner.model.parameters_mut().values_mut()[place] += by;
                let value = loss(&mut learner).loss;
                learner.model.parameters_mut().values_mut()[place] -= by;
                value
            };
            let quotient = (at(1e-2) - at(-1e-2)) / 2e-2;
            assert!(
                (f64::from(slope) - quotient).abs() < 1e-3 * (0.1 + quotient.abs()),
                "{place}: {slope} {quotient}"
            );
        }
    }
}
