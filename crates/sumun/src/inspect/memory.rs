//! How far back a network listens.

use serde::{Deserialize, Serialize};

use super::Ask;
use super::asked::asked;
use super::counted::{Reads, by_lag, horizon};
use crate::Result;
use crate::model::Model;
use crate::tasks::Example;

/// How far back a network listens in some records: the norm of the gradient of its answers by what it reads, against lag, the
/// number of steps before the one that the answer follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The memory horizon: the greatest lag at which the gradient is still above a hundredth of its largest norm.
    pub horizon: usize,
    /// Whether that is the greatest lag that there is, so that longer records might show a longer one.
    pub open: bool,
    /// ‖∂f/∂x‖ by lag, from 0, as a share of the largest: the mean over the records, each as a share of its own largest, for as
    /// many lags as at least half of the records have.
    pub by_lag: Vec<f64>,
}

impl Memory {
    /// How far back networks listen, each in its record, in what they answer where nothing more is asked. None where there is
    /// no gradient to go by: of a network that reads from both ends, pools or attends to steps, so that none is the last, and of one
    /// that computes something else in training than in use. Error: networks that cannot be looked into.
    pub fn of<'a>(records: impl IntoIterator<Item = (&'a Model, &'a Example)>) -> Result<Option<Self>> {
        let mut all = Vec::new();
        for (model, example) in records {
            let mut reads = Reads::new(model, example)?;
            if !reads.reads_to_an_end() {
                return Ok(None);
            }
            let (rows, width) = reads.outputs(&reads.values, 1)?;
            let asked = asked(&rows, width, example, &Ask::default())?;
            let Some(gradient) = reads.gradient_by_step(&asked)? else { return Ok(None) };
            all.push(as_shares(by_lag(&gradient, asked.end)));
        }
        // An answer that moves with nothing says nothing.
        all.retain(|one| one.iter().any(|&share| share > 0.0));
        let mut lengths: Vec<usize> = all.iter().map(Vec::len).collect();
        lengths.sort_unstable();
        let Some(&lags) = lengths.get(lengths.len() / 2) else { return Ok(None) };
        let mean = |lag: usize| {
            let there = all.iter().filter_map(|one| one.get(lag));
            there.clone().sum::<f64>() / there.count() as f64
        };
        let by_lag = as_shares((0..lags).map(mean).collect());
        Ok(horizon(&by_lag).map(|horizon| Self { horizon, open: horizon + 1 == lags, by_lag }))
    }
}

/// Norms as shares of the largest.
fn as_shares(mut norms: Vec<f64>) -> Vec<f64> {
    let most = norms.iter().copied().fold(0.0, f64::max);
    if most > 0.0 {
        norms.iter_mut().for_each(|norm| *norm /= most);
    }
    norms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Input, RecurrentLayer};
    use crate::tasks::Answers;

    /// A unit whose state is half of the one before and what it reads, as long as both are small.
    fn halving(first: RecurrentLayer) -> Model {
        let mut model = Model::builder(Input::numbers(1)).layer(first).dense(1).build(1).unwrap();
        let weights: Vec<f32> = model
            .parameters()
            .entries()
            .iter()
            .flat_map(|entry| {
                let value = match () {
                    () if entry.name.contains("weight_hh") => 0.5,
                    () if entry.name.contains("bias") => 0.0,
                    () => 1.0,
                };
                vec![value; entry.range.len()]
            })
            .collect();
        model.parameters_mut().values_mut().copy_from_slice(&weights);
        model
    }

    fn record(steps: usize) -> Example {
        Example::of_numbers(vec![1e-3; steps], 1, Answers::Number { offset: 0.0, scale: 3.0 })
    }

    /// Its gradient halves with every step: ½⁶ is more than a hundredth, ½⁷ less.
    #[test]
    fn a_state_that_halves_is_forgotten_after_six_steps() {
        let model = halving(RecurrentLayer::rnn(1));
        let records = [record(20), record(30), record(40)];
        let memory = Memory::of(records.iter().map(|one| (&model, one))).unwrap().unwrap();
        assert_eq!((memory.horizon, memory.open, memory.by_lag.len()), (6, false, 30));
        for (lag, share) in memory.by_lag.iter().enumerate().take(10) {
            assert!((share / 0.5_f64.powi(lag as i32) - 1.0).abs() < 1e-3, "{lag}: {share}");
        }
        // Of four steps, the first still counts.
        let memory = Memory::of([(&model, &record(4))]).unwrap().unwrap();
        assert_eq!((memory.horizon, memory.open), (3, true));
    }

    #[test]
    fn without_a_last_step_there_is_no_lag() {
        let model = halving(RecurrentLayer::rnn(1).bidirectional(true));
        assert_eq!(Memory::of([(&model, &record(8))]).unwrap(), None);
        assert_eq!(Memory::of([]).unwrap(), None);
    }
}
