//! What a user's own cell states: its sizes, its weights, its step and its step's backward.

use sumun_kernels::linear::{self, LinearDims};
use sumun_kernels::{Path, RowsRef};

use crate::Result;
use crate::nn::Initializer;

/// A user's own cell. Handed to [`Custom`](super::Custom) it becomes a layer.
///
/// In the shapes n is the number of sequences that are running at a step, I the features of their input, H and C the
/// cell's [`hidden`](Self::hidden) and [`cell`](Self::cell), S what it [`saves`](Self::saved); all arrays are
/// row-major, a row a sequence. A row's result must depend on nothing but that row and the weights: then padding, masks
/// and the rest of the batch change no bit of it. [`Step::affine`] has that property.
pub trait CustomCell: std::fmt::Debug + Send + Sync {
    /// H: the width of the hidden state, which is also the output. At least 1.
    fn hidden(&self) -> usize;

    /// C: the width of what else the cell carries from step to step, such as the cell state of an LSTM.
    fn cell(&self) -> usize {
        0
    }

    /// S: how many numbers a row of a step saves for [`step_backward`](Self::step_backward) beside its input and the
    /// state before it, which are kept anyway. `input` is I. A step may arrange its n·S numbers in any order:
    /// backward gets them as they were left.
    fn saved(&self, input: usize) -> usize {
        let _ = input;
        0
    }

    /// The weights of one layer and direction whose input has `input` features. Step and backward get them in this order.
    fn weights(&self, input: usize) -> Vec<CellWeight>;

    /// The state after a step, written to `after`, and what backward needs of it.
    fn step(&self, weights: &[&[f32]], at: Step<'_>, after: StepAfter<'_>) -> Result<()>;

    /// The gradients of one step, **added** to `into`. `d_hidden` `[n, H]` and `d_cell` `[n, C]` are the gradient of the
    /// state after the step (that of the output is in `d_hidden`), `saved` `[n, S]` what the step saved.
    fn step_backward(
        &self,
        weights: &[&[f32]],
        at: Step<'_>,
        saved: &[f32],
        d_hidden: &[f32],
        d_cell: &[f32],
        into: StepGradients<'_>,
    ) -> Result<()>;
}

/// One weight of a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct CellWeight {
    /// Its name, to which the layer adds its number and direction: `weight_ih` becomes `weight_ih_l0_reverse`.
    pub name: &'static str,
    /// Its shape, row-major.
    pub shape: Vec<usize>,
    /// How it is initialised.
    pub first: Initializer,
}

impl CellWeight {
    /// A weight of that name and shape, initialised so.
    pub fn new(name: &'static str, shape: &[usize], first: Initializer) -> Self {
        Self { name, shape: shape.to_vec(), first }
    }
}

/// What a step is given.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// n: sequences running at this step, at least 1.
    pub sequences: usize,
    /// The path of the kernels that computes the step's products: that of the parameters.
    pub path: Path,
    /// The input, `[n, I]`.
    pub x: &'a [f32],
    /// The hidden state before the step, `[n, H]`.
    pub hidden: &'a [f32],
    /// What else the cell carries, before the step, `[n, C]`.
    pub cell: &'a [f32],
}

/// Where a step writes, zeros at first.
#[derive(Debug)]
pub struct StepAfter<'a> {
    /// The hidden state after the step, `[n, H]`: the output.
    pub hidden: &'a mut [f32],
    /// What else the cell carries, after the step, `[n, C]`.
    pub cell: &'a mut [f32],
    /// What [`step_backward`](CustomCell::step_backward) needs, `[n, S]`.
    pub saved: &'a mut [f32],
}

/// Where a step's backward adds its gradients. Those of the input and the state are zeros at first.
#[derive(Debug)]
pub struct StepGradients<'a> {
    /// Of the input, `[n, I]`.
    pub x: &'a mut [f32],
    /// Of the hidden state before the step, `[n, H]`.
    pub hidden: &'a mut [f32],
    /// Of what else the cell carried before the step, `[n, C]`.
    pub cell: &'a mut [f32],
    /// Of the weights, in the order of [`weights`](CustomCell::weights): the sums over all steps.
    pub weights: &'a mut [Vec<f32>],
}

impl Step<'_> {
    /// `out` = x Wᵀ + bias over the rows of the step: the product that cells are made of. `x` is `[n, I]`, `weight` `[O, I]`,
    /// `bias` `[O]` or empty, `out` `[n, O]`. Lengths that do not fit are errors.
    ///
    /// No bit of a row depends on the others.
    pub fn affine(&self, weight: &[f32], bias: &[f32], x: &[f32], out: &mut [f32]) -> Result<()> {
        let dims = dims(self.sequences, x.len(), out.len());
        Ok(linear::forward(self.path, dims, weight, bias, x, out)?)
    }

    /// The gradients of [`affine`](Self::affine) from that of its `out`, `[n, O]`: that of the input is added to `d_x`
    /// `[n, I]`, that of the weight to `d_weight` `[O, I]`, that of the bias to `d_bias` `[O]`, which may be empty.
    pub fn affine_backward(
        &self,
        weight: &[f32],
        x: &[f32],
        d_out: &[f32],
        d_x: &mut [f32],
        d_weight: &mut [f32],
        d_bias: &mut [f32],
    ) -> Result<()> {
        let dims = dims(self.sequences, x.len(), d_out.len());
        let (x, d_y) = (RowsRef::dense(x, dims.input), RowsRef::dense(d_out, dims.output));
        linear::backward_weight(self.path, dims, x, d_y, d_weight, d_bias)?;
        let mut d = vec![0.0; d_x.len()];
        linear::backward_input(self.path, dims, weight, d_out, &mut d)?;
        d_x.iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
        Ok(())
    }
}

/// The sizes of a product of arrays of these lengths.
fn dims(rows: usize, x: usize, out: usize) -> LinearDims {
    let each = rows.max(1);
    LinearDims { rows, input: x / each, output: out / each }
}
