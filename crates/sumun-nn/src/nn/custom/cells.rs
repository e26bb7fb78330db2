//! A user's cells as those of a stack.

use std::borrow::Cow;

use sumun_kernels::{InputGradient, RowMap};

use super::cell::CustomCell;
use super::config::CustomConfig;
use super::pass::{CustomTape, Pass, PassGradients};
use crate::nn::stack::{Arrangement, At, Cells, Columns, DirectionCall, Keep, Ranked};
use crate::parameters::Id;
use crate::{Parameters, Result, Rows};

/// A user's cells in a [`Custom`](super::Custom) stack.
#[derive(Debug)]
pub struct CustomCells<C> {
    pub(super) cell: C,
    pub(super) config: CustomConfig,
    /// Those of each layer and direction, and how many numbers each has.
    pub(super) ids: Vec<Vec<(Id, usize)>>,
}

impl<C: CustomCell> CustomCells<C> {
    /// The weights of one layer and direction.
    fn weights<'a>(&self, parameters: &'a Parameters, index: usize) -> Vec<&'a [f32]> {
        self.ids[index].iter().map(|&(id, _)| parameters.value(id)).collect()
    }

    /// h, what else the cell carries, and what it saves of a step in a layer.
    fn widths(&self, layer: usize) -> [usize; 3] {
        let input = self.arrangement().layer_input(layer);
        [self.cell.hidden(), self.cell.cell(), self.cell.saved(input)]
    }
}

/// Columns `first..first + width` of rows of `features` numbers, in the order of `map`.
fn gather(rows: &[f32], features: usize, first: usize, width: usize, map: Option<&RowMap>) -> Vec<f32> {
    let mut gathered = Vec::with_capacity(rows.len() / features * width);
    for row in 0..rows.len() / features {
        let from = map.map_or(row, |map| map.as_slice()[row] as usize) * features + first;
        gathered.extend_from_slice(&rows[from..from + width]);
    }
    gathered
}

/// All columns of rows, in the order in which a direction reads them.
fn read<'a>(x: &'a Rows, at: &At<'_>) -> Cow<'a, [f32]> {
    match at.map() {
        None => Cow::Borrowed(&x.data),
        map => Cow::Owned(gather(&x.data, x.features, 0, x.features, map)),
    }
}

impl<C: CustomCell> Cells for CustomCells<C> {
    const INPUT: &'static str = "the input of a custom layer";
    const D_OUT: &'static str = "the output gradient of a custom layer";

    type Tape = CustomTape;
    type Work = ();

    fn arrangement(&self) -> Arrangement {
        self.config.arrangement(&self.cell)
    }

    fn begin(&self, parameters: &Parameters, _back: Option<InputGradient>) -> Result<()> {
        self.ids.iter().flatten().try_for_each(|&(id, count)| parameters.expect(id, count))
    }

    fn end(&self, (): ()) {}

    fn reads_outputs(&self, _keep: Keep) -> bool {
        // A tape has its hidden rows.
        false
    }

    fn is_of(&self, at: &At<'_>, tape: &CustomTape) -> bool {
        tape.is_of(at.layout.rows(), self.widths(at.layer))
    }

    fn forward(
        &self,
        (): &mut (),
        at: &At<'_>,
        parameters: &Parameters,
        x: &Rows,
        start: Option<Ranked>,
        out: Option<Columns<'_>>,
    ) -> Result<(Ranked, CustomTape)> {
        let [width, carried, _] = self.widths(at.layer);
        let (steps, weights) = (at.layout.steps(), self.weights(parameters, at.index));
        let start = start.unwrap_or_else(|| Ranked::zeros([width, carried], steps.sequences()));
        let pass =
            Pass { cell: &self.cell, weights: &weights, path: parameters.path(), steps, input: x.features };
        let tape = pass.forward(&read(x, at), start, at.keep.noise().is_some())?;
        if let Some(Columns { values, stride }) = out {
            for (row, h) in tape.hidden.chunks_exact(width).enumerate() {
                let row = at.map().map_or(row, |map| map.as_slice()[row] as usize);
                values[row * stride..][..width].copy_from_slice(h);
            }
        }
        Ok((tape.last(steps, at.layout.lengths()), tape))
    }

    fn backward(
        &self,
        (): &mut (),
        at: &At<'_>,
        parameters: &mut Parameters,
        tape: CustomTape,
        call: DirectionCall<'_>,
    ) -> Result<Ranked> {
        let [width, carried, _] = self.widths(at.layer);
        let (steps, features) = (at.layout.steps(), call.x.features);
        let mut d_state = call.d_end.unwrap_or_else(|| Ranked::zeros([width, carried], steps.sequences()));
        let d_out = match call.d_rows {
            Some(d) => gather(&d.data, d.features, at.direction * width, width, at.map()),
            None => Vec::new(),
        };
        let ids = &self.ids[at.index];
        let mut d_weights: Vec<Vec<f32>> = ids.iter().map(|&(_, count)| vec![0.0; count]).collect();
        let weights = self.weights(parameters, at.index);
        let pass =
            Pass { cell: &self.cell, weights: &weights, path: parameters.path(), steps, input: features };
        let into = PassGradients { state: &mut d_state, weights: &mut d_weights, by_step: call.by_step };
        let d = pass.backward(&tape, &read(call.x, at), &d_out, into)?;
        for (&(id, _), d) in ids.iter().zip(d_weights) {
            parameters.gradient_mut(id).iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
        }
        if let Some(d_x) = call.d_x {
            for (row, d) in d.chunks_exact(features).enumerate() {
                let to = at.map().map_or(row, |map| map.as_slice()[row] as usize) * features;
                d_x[to..to + features].iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
            }
        }
        Ok(d_state)
    }
}
