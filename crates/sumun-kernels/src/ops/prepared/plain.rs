//! The reference path: weights as they are.

use super::cache::{Cache, Scratch};
use crate::reference;
use crate::words::sizes::reserve;
use crate::words::{Adjoint, Dims, Error, Pass, RowsMut, RowsRef, State, StateMut, Steps, Weights};

/// Weights as they are, for the reference path.
#[derive(Debug, Clone, Default)]
pub(super) struct Plain {
    input: Vec<f32>,
    hidden: Vec<f32>,
    bias_input: Vec<f32>,
    bias_hidden: Vec<f32>,
    projection: Vec<f32>,
    peepholes: Vec<f32>,
    norm_gain: Vec<f32>,
    norm_bias: Vec<f32>,
}

impl Plain {
    /// Copies other values, in the memory there is.
    pub(super) fn update(&mut self, weights: &Weights<f32>) -> Result<(), Error> {
        let parts = [
            (&mut self.input, weights.input),
            (&mut self.hidden, weights.hidden),
            (&mut self.bias_input, weights.bias_input),
            (&mut self.bias_hidden, weights.bias_hidden),
            (&mut self.projection, weights.projection),
            (&mut self.peepholes, weights.peepholes),
            (&mut self.norm_gain, weights.norm_gain),
            (&mut self.norm_bias, weights.norm_bias),
        ];
        for (part, values) in parts {
            part.clear();
            reserve(part, values.len())?;
            part.extend_from_slice(values);
        }
        Ok(())
    }

    fn weights(&self) -> Weights<'_, f32> {
        Weights {
            input: &self.input,
            hidden: &self.hidden,
            bias_input: &self.bias_input,
            bias_hidden: &self.bias_hidden,
            projection: &self.projection,
            peepholes: &self.peepholes,
            norm_gain: &self.norm_gain,
            norm_bias: &self.norm_bias,
        }
    }

    pub(super) fn forward(&self, pass: Pass<'_>, cache: Option<&mut Cache>) -> Result<(), Error> {
        reference::forward(&self.weights(), pass, cache.map(|cache| &mut cache.reference))
    }

    /// One step: `state` is replaced, `out` overwritten.
    pub(super) fn step(
        &self,
        dims: Dims,
        steps: &Steps,
        x: &[f32],
        state: StateMut<'_, f32>,
        out: &mut [f32],
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        let Scratch { reference, before, .. } = scratch;
        before.clear();
        before.extend_from_slice(state.hidden);
        before.extend_from_slice(state.cell);
        let (hidden, cell) = before.split_at(state.hidden.len());
        let (x, out) = (RowsRef::dense(x, dims.input), RowsMut::dense(out, dims.output()));
        let pass = Pass::new(dims, steps, x, Some(State { hidden, cell }), out, state)?;
        reference::forward_in(&self.weights(), pass, None, reference)
    }

    pub(super) fn backward(&self, adjoint: Adjoint<'_>, cache: &Cache) -> Result<(), Error> {
        reference::backward(&self.weights(), adjoint, &cache.reference)
    }
}
