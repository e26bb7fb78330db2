//! The reference path: weights as they are, rows gathered and scattered.

use super::cache::{Cache, Scratch};
use crate::reference;
use crate::words::rows::place;
use crate::words::sizes::{reserve, zeros};
use crate::words::{Dims, Error, Gradients, Masks, Path, RowsMut, RowsRef, State, StateMut, Steps, Weights};

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

    pub(super) fn forward(
        &self,
        dims: Dims,
        masks: &Masks<'_, f32>,
        steps: &Steps,
        x: RowsRef<'_>,
        initial: Option<State<'_, f32>>,
        out: RowsMut<'_>,
        last: StateMut<'_, f32>,
        cache: Option<&mut Cache>,
    ) -> Result<(), Error> {
        let rows = steps.rows();
        let x = x.gather(rows, dims.input)?;
        let mut dense = zeros(rows * dims.output())?;
        let (kept, filled) = cache.map(|cache| (&mut cache.reference, &mut cache.filled)).unzip();
        reference::forward(dims, &self.weights(), masks, steps, &x, initial, &mut dense, last, kept)?;
        if let Some(filled) = filled {
            *filled = Some((Path::Reference, dims, rows));
        }
        scatter(&dense, out, dims.output(), false);
        Ok(())
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
        let Scratch { room, before, .. } = scratch;
        before.clear();
        before.extend_from_slice(state.hidden);
        before.extend_from_slice(state.cell);
        let (hidden, cell) = before.split_at(state.hidden.len());
        let (before, masks) = (State { hidden, cell }, Masks::default());
        reference::forward_in(dims, &self.weights(), &masks, steps, x, Some(before), out, state, None, room)
    }

    pub(super) fn backward(
        &self,
        dims: Dims,
        masks: &Masks<'_, f32>,
        steps: &Steps,
        x: RowsRef<'_>,
        initial: Option<State<'_, f32>>,
        out: RowsRef<'_>,
        cache: &Cache,
        d_out: Option<RowsRef<'_>>,
        d_last: Option<State<'_, f32>>,
        d_x: Option<RowsMut<'_>>,
        add: bool,
        d_initial: StateMut<'_, f32>,
        into: Gradients<'_, f32>,
        by_step: Option<StateMut<'_, f32>>,
    ) -> Result<(), Error> {
        let rows = steps.rows();
        let x = x.gather(rows, dims.input)?;
        let out = out.gather(rows, dims.output())?;
        let d_out = match d_out {
            Some(d_out) => d_out.gather(rows, dims.output())?,
            None => zeros(rows * dims.output())?,
        };
        let mut dense = d_x.as_ref().map(|_| zeros(rows * dims.input)).transpose()?;
        reference::backward_by_step(
            dims,
            &self.weights(),
            masks,
            steps,
            &x,
            initial,
            &out,
            &cache.reference,
            &d_out,
            d_last,
            dense.as_deref_mut(),
            d_initial,
            into,
            by_step,
        )?;
        if let (Some(dense), Some(d_x)) = (dense, d_x) {
            scatter(&dense, d_x, dims.input, add);
        }
        Ok(())
    }
}

fn scatter(dense: &[f32], rows: RowsMut<'_>, width: usize, add: bool) {
    for (row, values) in dense.chunks_exact(width).enumerate() {
        let to = place(rows.map, row) * rows.stride;
        for (to, &v) in rows.values[to..to + width].iter_mut().zip(values) {
            *to = if add { *to + v } else { v };
        }
    }
}
