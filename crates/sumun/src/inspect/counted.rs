//! How much each step of a record counted in an answer.

use serde::Serialize;

use super::asked::Asked;
use crate::model::{AttentionLayer, DropoutLayer, Feed, Model, PoolLayer, RecurrentLayer};
use crate::models::{behind_embeddings, with_weights_of};
use crate::nn::{CrossAttentionLayer, InputGradient, Pool};
use crate::noise::Noise;
use crate::report::text::count;
use crate::tasks::{Example, Given, log_sum_exp};
use crate::{Error, Layout, Result, Rows};

/// How much each step counted in an answer f: of a class, the logarithm of its odds, ln p / (1 − p); else the number.
///
/// Steps are compared with one that says nothing: a vector of zeros, which padding has, and the mean of numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counted {
    /// The class that f is of; None of a number.
    pub class: Option<String>,
    /// f of the record, and of one as long that says nothing.
    pub value: [f64; 2],
    /// How much each step adds to the way from the second to the first, by the gradient along a straight line between them
    /// (integrated gradients; Sundararajan, Taly & Yan, *Axiomatic Attribution for Deep Networks*, ICML 2017). Their sum is the
    /// difference of both values, as far as the points on the line suffice. Empty where a network has no such gradient.
    pub integrated: Vec<f64>,
    /// The same by feature, over all steps; empty of tokens.
    pub by_feature: Vec<f64>,
    /// By how much the sum misses that difference, as a share of it, or of what the strongest step adds where that is more.
    pub missing: f64,
    /// By how much f falls when the step alone says nothing.
    pub occlusion: Vec<f64>,
    /// Of the steps that count by either, at least a twentieth of the most, how many count in the same direction by both, and
    /// how many there are.
    pub agree: [usize; 2],
    /// The norm of the gradient of f by each step's input, ‖∂f/∂x‖. Empty as above.
    pub gradient: Vec<f64>,
    /// How many steps before the last one the gradient is still above a hundredth of its greatest norm: how far back the network
    /// listens in this record. None of a network that reads from both ends or pools all steps, as no step is its last.
    pub horizon: Option<usize>,
}

/// A record as rows of numbers, and a network that reads those.
#[derive(Debug)]
pub(crate) struct Reads {
    /// Without what is random in training.
    pub(crate) model: Model,
    /// The name of the input that reads them.
    input: String,
    /// `[T, F]`: vectors of tokens, or scaled numbers.
    pub(crate) values: Vec<f32>,
    pub(crate) steps: usize,
    pub(crate) features: usize,
    /// What is read besides.
    given: Vec<Given>,
    /// How many numbers the network returns for the record.
    returned: usize,
    /// Whether the numbers are those of people, each with its own meaning, and no vectors of tokens.
    is_numbers: bool,
}

/// The most steps of a record: what is computed grows with their square.
const MOST_STEPS: usize = 1000;

/// Numbers of a batch at most: longer records go through in smaller batches.
const MOST_NUMBERS: usize = 1 << 22;

/// Points on the line between two records: as many, and where they do not suffice twice as many, up to the most.
const POINTS: usize = 32;
const MOST_POINTS: usize = 512;

/// Where the sum of what steps add misses by less than this share, the points suffice.
const ENOUGH: f64 = 0.02;

/// Where it still misses by more than this share, what steps add is not to be trusted.
const DOUBTFUL: f64 = 0.1;

/// Steps that count less than this share of the most are not asked for their direction.
const COUNTS: f64 = 0.05;

/// Where the gradient is below this share of its greatest norm, the network listens no more.
const LISTENS: f64 = 0.01;

impl Reads {
    pub(crate) fn new(model: &Model, example: &Example) -> Result<Self> {
        let steps = example.steps.len();
        let given = example.given().to_vec();
        let mut inputs = model.input_names().filter(|name| given.iter().all(|given| given.name != *name));
        let (Some(input), None) = (inputs.next().map(str::to_owned), inputs.next()) else {
            return Err(Error::Model("its network reads several inputs, which is not shown yet".into()));
        };
        let (mut config, values) = match example.numbers() {
            Some(numbers) => (model.config().clone(), numbers.to_vec()),
            None => {
                let (config, embeddings) = behind_embeddings(model)?;
                let of = embeddings.iter().find(|(of, _)| *of == input).map_or("", |(_, name)| name);
                let padded = example.padded();
                let feed = Feed::new().batch(&input, padded.batch()?);
                (config, model.values(feed, None, &[of])?.only()?.0.unpack())
            }
        };
        for layer in &mut config.layers {
            if let Some(dropout) = layer.get_mut::<DropoutLayer>() {
                dropout.p = 0.0;
            }
            if let Some(recurrent) = layer.get_mut::<RecurrentLayer>() {
                (recurrent.dropout, recurrent.input_dropout, recurrent.recurrent_dropout) = (0.0, 0.0, 0.0);
            }
        }
        let model = with_weights_of(model, config)?;
        let features = values.len() / steps.max(1);
        let is_numbers = example.numbers().is_some();
        let mut reads = Self { model, input, values, steps, features, given, returned: 0, is_numbers };
        reads.returned = reads.outputs(&reads.values, 1)?.0.len();
        Ok(reads)
    }

    /// Looks at what the network reads by this name besides, and takes the record as given. Whether there is such a name.
    pub(super) fn turn_to(&mut self, name: &str) -> bool {
        let Some(given) = self.given.iter_mut().find(|given| given.name == name) else { return false };
        std::mem::swap(&mut self.input, &mut given.name);
        std::mem::swap(&mut self.values, &mut given.values);
        std::mem::swap(&mut self.steps, &mut given.steps);
        std::mem::swap(&mut self.features, &mut given.features);
        true
    }

    /// What the network returns for sequences as long as the record, `[sequences, rows, width]`, and the width.
    pub(crate) fn outputs(&self, values: &[f32], sequences: usize) -> Result<(Vec<f32>, usize)> {
        let rows = self.model.forward(self.feed(values, sequences)?)?;
        if let Some(value) = rows.data.iter().find(|value| !value.is_finite()) {
            return Err(Error::Model(format!(
                "the network returns {value}; its weights are damaged, train it again"
            )));
        }
        Ok((rows.unpack(), rows.features))
    }

    /// So many sequences as long as the record, and beside each what is given.
    pub(super) fn feed(&self, values: &[f32], sequences: usize) -> Result<Feed<'_>> {
        let layout = Layout::full(sequences, self.steps)?;
        let feed = Feed::new().rows(&self.input, Rows::pack(values, self.features, layout)?);
        self.given.iter().try_fold(feed, |feed, given| {
            let layout = Layout::full(sequences, given.steps)?;
            let rows = Rows::pack(&given.values.repeat(sequences), given.features, layout)?;
            Ok(feed.rows(&given.name, rows))
        })
    }

    /// Whether an answer is that of the last step that was read, with all before it in the state.
    pub(super) fn reads_to_an_end(&self) -> bool {
        self.model.config().layers.iter().all(|layer| {
            let from_both_ends = layer.get::<RecurrentLayer>().is_some_and(|layer| layer.bidirectional);
            let pools = layer.get::<PoolLayer>().is_some_and(|layer| layer.over != Pool::Last);
            let attends =
                layer.get::<AttentionLayer>().is_some() || layer.get::<CrossAttentionLayer>().is_some();
            !(from_both_ends || pools || attends)
        })
    }

    /// The norm of the gradient of f by each step's input, ‖∂f/∂x‖; None of a network that is another one in training.
    pub(super) fn gradient_by_step(&mut self, asked: &Asked) -> Result<Option<Vec<f64>>> {
        let norm = |d: &[f64]| d.iter().map(|d| d * d).sum::<f64>().sqrt();
        let gradient = self.mean_gradient(&self.values.clone(), asked)?;
        Ok(gradient.map(|all| all.chunks_exact(self.features).map(norm).collect()))
    }

    /// How many sequences go through at once.
    fn at_once(&self) -> usize {
        (MOST_NUMBERS / self.values.len().max(self.returned).max(1)).clamp(1, 64)
    }

    /// f of each of some sequences.
    fn answers(&self, values: &[f32], asked: &Asked) -> Result<Vec<f64>> {
        let sequences = values.len() / self.values.len();
        let mut all = Vec::with_capacity(sequences);
        for part in values.chunks(self.at_once() * self.values.len()) {
            let count = part.len() / self.values.len();
            let (rows, width) = self.outputs(part, count)?;
            let each = rows.len() / count;
            all.extend(rows.chunks_exact(each).map(|rows| asked.value(&rows[asked.step * width..][..width])));
        }
        Ok(all)
    }

    /// The gradients of f of some sequences by their numbers, the mean over the sequences, `[T, F]`; None of a network that is
    /// another one in training.
    fn mean_gradient(&mut self, values: &[f32], asked: &Asked) -> Result<Option<Vec<f64>>> {
        let sequences = values.len() / self.values.len();
        let mut sum = vec![0.0; self.values.len()];
        for part in values.chunks(self.at_once() * self.values.len()) {
            let count = part.len() / self.values.len();
            let noise = Noise { seed: 0, step: 0, layer: 0 };
            let (rows, cache) = self.model.forward_train(self.feed(part, count)?, noise)?;
            let expected = self.outputs(part, count)?.0;
            let found = rows.unpack();
            if found.iter().zip(&expected).any(|(a, b)| (a - b).abs() > 1e-3 * (1.0 + b.abs())) {
                return Ok(None);
            }
            let mut d = vec![0.0; rows.data.len()];
            rows.layout.for_each_row(|row, _, t| {
                if t == asked.step || rows.layout.rows() == count {
                    let range = row * rows.features..(row + 1) * rows.features;
                    d[range.clone()].copy_from_slice(&asked.gradient(&rows.data[range]));
                }
            });
            let d = Rows::new(d, rows.features, rows.layout.clone())?;
            let place = self.model.input_names().position(|name| name == self.input);
            let by_inputs = self.model.backward_outputs(cache, vec![Some(d)], InputGradient::Needed)?;
            let by_input = place.and_then(|place| by_inputs.into_iter().nth(place)?);
            let Some(by_input) = by_input.map(|rows| rows.unpack()) else { return Ok(None) };
            for one in by_input.chunks_exact(self.values.len()) {
                sum.iter_mut().zip(one).for_each(|(sum, d)| *sum += f64::from(*d));
            }
        }
        Ok(Some(sum.into_iter().map(|sum| sum / sequences as f64).collect()))
    }
}

impl Asked {
    /// f, from a row of outputs.
    fn value(&self, row: &[f32]) -> f64 {
        f64::from(row[self.column]) * self.scale - self.others(row)
    }

    /// The gradient of f by a row of outputs.
    fn gradient(&self, row: &[f32]) -> Vec<f32> {
        let others = self.others(row);
        let each = row.iter().enumerate().map(|(k, &z)| match k == self.column {
            true => self.scale as f32,
            false if self.against_others => -(self.scale * (f64::from(z) * self.scale - others).exp()) as f32,
            false => 0.0,
        });
        each.collect()
    }

    /// ln Σ exp of the logits of all other classes; 0 where no other counts.
    fn others(&self, row: &[f32]) -> f64 {
        if !self.against_others {
            return 0.0;
        }
        let others = row.iter().enumerate().filter(|(k, _)| *k != self.column);
        match log_sum_exp(others.map(|(_, &z)| f64::from(z) * self.scale)) {
            [f64::NEG_INFINITY, _] => 0.0,
            [largest, others] => largest + others,
        }
    }
}

impl Counted {
    /// Error: more steps than can be left out one by one.
    pub(super) fn check(example: &Example) -> Result<()> {
        let steps = example.steps.len();
        if steps > MOST_STEPS {
            return Err(Error::Data(format!(
                "{} has {} steps, and at most {} are looked at, as each is left out once; give a shorter one",
                example.what,
                count(steps),
                count(MOST_STEPS)
            )));
        }
        Ok(())
    }

    /// What each step counted; what cannot be said is a note.
    pub(super) fn of(reads: &mut Reads, asked: &Asked, notes: &mut Vec<String>) -> Result<Self> {
        let (values, features) = (reads.values.clone(), reads.features);
        let nothing = vec![0.0; values.len()];
        let ends = reads.answers(&[&values[..], &nothing].concat(), asked)?;
        let value = [ends[0], ends[1]];
        let by_step = |each: &[f64], sum: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
            each.chunks_exact(features).map(sum).collect()
        };
        let (mut integrated, mut by_feature) = (Vec::new(), Vec::new());
        let mut missing = 0.0;
        let mut points = POINTS;
        while let Some(gradient) = reads.mean_gradient(&line(&values, points), asked)? {
            let each: Vec<f64> = gradient.iter().zip(&values).map(|(d, &x)| d * f64::from(x)).collect();
            integrated = by_step(&each, &|features| features.iter().sum());
            if reads.is_numbers {
                let sum = |feature: usize| each.iter().skip(feature).step_by(features).sum();
                by_feature = (0..features).map(sum).collect();
            }
            let difference = value[0] - value[1];
            // Where the record says about as much as nothing, its difference to nothing is no measure.
            let most = integrated.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
            missing =
                (integrated.iter().sum::<f64>() - difference).abs() / difference.abs().max(most).max(1e-9);
            if missing < ENOUGH || points >= MOST_POINTS {
                break;
            }
            points *= 2;
        }
        if missing > DOUBTFUL {
            notes.push(format!(
                "what the steps add by the gradient misses the difference to a record that says nothing by {:.0} %, and is not to \
                 be trusted",
                100.0 * missing
            ));
        }
        let mut gradient = Vec::new();
        match integrated.is_empty() {
            true => notes.push(
                "the network computes something else in training than in use, so that its gradient says nothing here: steps \
                 are judged by leaving them out alone"
                    .into(),
            ),
            false => gradient = reads.gradient_by_step(asked)?.unwrap_or_default(),
        }
        let mut without = Vec::new();
        let mut occlusion = Vec::with_capacity(reads.steps);
        for step in 0..reads.steps {
            let mut one = values.clone();
            one[step * features..(step + 1) * features].fill(0.0);
            without.extend(one);
            if without.len() >= reads.at_once() * values.len() || step + 1 == reads.steps {
                occlusion.extend(reads.answers(&without, asked)?.into_iter().map(|other| value[0] - other));
                without.clear();
            }
        }
        let agree = agreement(&integrated, &occlusion);
        let horizon = match reads.reads_to_an_end() {
            true => horizon(&by_lag(&gradient, asked.end)),
            false => None,
        };
        let class = asked.class.clone();
        Ok(Self { class, value, integrated, by_feature, missing, occlusion, agree, gradient, horizon })
    }
}

/// Points in the middle of equal parts of the line from nothing to the record.
fn line(values: &[f32], points: usize) -> Vec<f32> {
    let share = |point: usize| (point as f32 + 0.5) / points as f32;
    (0..points).flat_map(|point| values.iter().map(move |x| x * share(point))).collect()
}

/// Of the steps that count, how many count in the same direction by both, and how many there are.
fn agreement(one: &[f64], other: &[f64]) -> [usize; 2] {
    let most = |all: &[f64]| all.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    let least = [COUNTS * most(one), COUNTS * most(other)];
    let counts = one.iter().zip(other).filter(|(a, b)| a.abs() > least[0] && b.abs() > least[1]);
    let [mut same, mut all] = [0, 0];
    for (a, b) in counts {
        all += 1;
        same += usize::from(a.signum() == b.signum());
    }
    [same, all]
}

/// What steps have, from `end`, or the last one, back to the first: `[0]` is that of the last.
pub(super) fn by_lag(by_step: &[f64], end: Option<usize>) -> Vec<f64> {
    let steps = end.map_or(by_step.len(), |end| by_step.len().min(end + 1));
    by_step[..steps].iter().rev().copied().collect()
}

/// The greatest lag at which the gradient is still above [`LISTENS`] of its greatest norm; None where there is no gradient.
pub(super) fn horizon(by_lag: &[f64]) -> Option<usize> {
    let least = LISTENS * by_lag.iter().copied().fold(0.0, f64::max);
    by_lag.iter().rposition(|&norm| norm > least && norm > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Input;
    use crate::tasks::Answers;

    fn asked(class: Option<usize>, step: usize) -> Asked {
        let (column, name) = (class.unwrap_or(0), class.map(|_| "c".into()));
        Asked { step, end: None, column, class: name, against_others: class.is_some(), scale: 2.0 }
    }

    /// Of a network that is linear, each step adds what its number is multiplied by, whichever way it is asked.
    #[test]
    fn steps_of_a_linear_network_count_what_they_add() {
        let mut model = Model::builder(Input::numbers(1)).pool(Pool::Mean).dense(1).build(1).unwrap();
        model.parameters_mut().values_mut().copy_from_slice(&[1.5, 0.25]);
        let example =
            Example::of_numbers(vec![1.0, -2.0, 0.5], 1, Answers::Number { offset: 0.0, scale: 2.0 });
        let mut reads = Reads::new(&model, &example).unwrap();
        let counted = Counted::of(&mut reads, &asked(None, 0), &mut Vec::new()).unwrap();
        for (step, expected) in [1.0, -2.0, 0.5].into_iter().enumerate() {
            assert!((counted.integrated[step] - expected).abs() < 1e-5, "{counted:?}");
            assert!((counted.occlusion[step] - expected).abs() < 1e-5, "{counted:?}");
            assert!((counted.gradient[step] - 1.0).abs() < 1e-5, "{counted:?}");
        }
        assert!(counted.value[0].abs() < 1e-5 && (counted.value[1] - 0.5).abs() < 1e-6, "{counted:?}");
        assert_eq!((counted.agree, counted.horizon), ([3, 3], None));
    }

    /// A label that others say nothing of has its logit as the logarithm of its odds.
    #[test]
    fn a_label_by_itself_counts_by_its_logit() {
        let asked = Asked { against_others: false, ..asked(Some(1), 0) };
        assert_eq!(
            (asked.value(&[9.0, 0.5, -9.0]), asked.gradient(&[9.0, 0.5, -9.0])),
            (1.0, vec![0.0, 2.0, 0.0])
        );
    }

    /// The gradient against difference quotients, and what steps add against what they add up to.
    #[test]
    fn gradients_are_those_of_the_answer() {
        for (steps_answer, class) in [(false, Some(1)), (true, Some(2))] {
            let lstm = RecurrentLayer::lstm(5).return_sequences(steps_answer);
            let model = Model::builder(Input::numbers(2)).layer(lstm).dropout(0.5).dense(3).build(4).unwrap();
            let values: Vec<f32> = (0..12).map(|n| (n as f32 * 0.7).sin() * 2.0).collect();
            let names = || vec!["a".into(), "b".into(), "c".into()];
            let answers = if steps_answer { Answers::EachStep(names()) } else { Answers::Classes(names()) };
            let mut reads = Reads::new(&model, &Example::of_numbers(values.clone(), 2, answers)).unwrap();
            let step = if steps_answer { 4 } else { 0 };
            let asked = Asked { end: steps_answer.then_some(4), ..asked(class, step) };
            let gradient = reads.mean_gradient(&values, &asked).unwrap().unwrap();
            for place in 0..12 {
                let moved = |by: f32| {
                    let mut values = values.clone();
                    values[place] += by;
                    reads.answers(&values, &asked).unwrap()[0]
                };
                let quotient = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                assert!((gradient[place] - quotient).abs() < 1e-3 * (1.0 + quotient.abs()), "{place}");
            }
            let counted = Counted::of(&mut reads, &asked, &mut Vec::new()).unwrap();
            let sum: f64 = counted.integrated.iter().sum();
            assert!((sum - (counted.value[0] - counted.value[1])).abs() < 0.03, "{counted:?}");
            // What comes after the step that answers is nothing to it.
            assert_eq!(steps_answer, counted.occlusion[5] == 0.0 && counted.gradient[5] == 0.0);
            assert!(counted.horizon.unwrap() <= if steps_answer { 4 } else { 5 });
        }
    }

    #[test]
    fn odds_are_those_of_the_class() {
        let row = [1.0_f32, 3.0, -2.0];
        for scale in [1.0, 0.4] {
            let raised = |k: usize| (f64::from(row[k]) * scale).exp();
            let p = |k: usize| raised(k) / (0..3).map(raised).sum::<f64>();
            for class in 0..3 {
                let expected = (p(class) / (1.0 - p(class))).ln();
                let asked = Asked { scale, ..asked(Some(class), 0) };
                assert!((asked.value(&row) - expected).abs() < 1e-12);
            }
        }
        // A model of one class is certain of it: its logit alone is left.
        assert_eq!(Asked { scale: 1.0, ..asked(Some(0), 0) }.value(&[0.5]), 0.5);
    }
}
