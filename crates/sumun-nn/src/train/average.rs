//! Averages of the weights of several steps.

use crate::{Error, Parameters, Result};

/// A moving average of weights.
#[derive(Debug)]
pub(super) struct Average {
    pub(super) values: Vec<f32>,
    /// How often it was moved.
    pub(super) moves: u64,
    /// The steps between two moves.
    interval: u64,
    /// How many moves it reaches back.
    reach: f64,
}

/// The moves of an average in an epoch: more would cost more and change little.
const MOVES: usize = 16;

impl Average {
    /// One that reaches back so many epochs of so many steps; `None` for 0. Error: no such reach.
    pub(super) fn new(epochs: f64, steps: usize) -> Result<Option<Self>> {
        if !(epochs.is_finite() && epochs >= 0.0) {
            return Err(Error::Invalid(format!(
                "an average of weights over {epochs} epochs; give a number of at least 0"
            )));
        }
        let interval = (steps / MOVES).max(1);
        let reach = (epochs * steps as f64 / interval as f64).max(1.0);
        Ok((epochs > 0.0).then(|| Self { values: Vec::new(), moves: 0, interval: interval as u64, reach }))
    }

    /// Moves it towards the weights after a step. As long as it does not reach back as far as it may, it is their mean.
    pub(super) fn step(&mut self, step: u64, weights: &[f32]) {
        if !step.is_multiple_of(self.interval) {
            return;
        }
        self.moves += 1;
        if self.moves == 1 {
            self.values = weights.to_vec();
            return;
        }
        let share = (1.0 / (self.moves as f64).min(self.reach)) as f32;
        self.values.iter_mut().zip(weights).for_each(|(mean, weight)| *mean += share * (weight - *mean));
    }

    /// Exchanges it and the weights, if it was moved.
    pub(super) fn exchange(&mut self, parameters: &mut Parameters) {
        if self.moves > 0 {
            parameters.values_mut().swap_with_slice(&mut self.values);
        }
    }
}
