//! What a stack asks of its cells: one direction of one layer.

use std::fmt::Debug;
use std::sync::Arc;

use sumun_kernels::{InputGradient, Path, Precision, RowMap};

use super::arrangement::Arrangement;
use super::ranked::Ranked;
use crate::noise::Noise;
use crate::{Layout, Parameters, Result, Rows};

/// What a pass keeps beside its output.
#[derive(Debug, Clone, Copy)]
pub enum Keep {
    /// Nothing.
    Nothing,
    /// Gates and cell states, to be shown. The pass computes what it does without.
    Insides,
    /// What backward needs. Random masks come from the noise.
    Training(Noise),
}

impl Keep {
    /// The noise of a training pass.
    pub(in crate::nn) fn noise(self) -> Option<Noise> {
        match self {
            Self::Training(noise) => Some(noise),
            Self::Nothing | Self::Insides => None,
        }
    }
}

/// Which direction of which layer runs, and over which rows.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// The layer, from 0.
    pub layer: usize,
    /// 0 forward, 1 reverse.
    pub direction: usize,
    /// layer · D + direction: its place among weights and states.
    pub index: usize,
    /// The layout of its rows.
    pub layout: &'a Arc<Layout>,
    /// What the pass keeps, or, going backwards, kept.
    pub keep: Keep,
}

impl<'a> At<'a> {
    /// Which row of the caller's each of the direction's rows is, in the order in which it reads; the same where it is None.
    pub(in crate::nn) fn map(&self) -> Option<&'a RowMap> {
        (self.direction == 1).then(|| self.layout.reversed())
    }
}

/// Where a direction writes its output: its columns of rows that hold all directions side by side.
#[derive(Debug)]
pub struct Columns<'a> {
    /// From the first number of the first row on.
    pub values: &'a mut [f32],
    /// Numbers from one row to the next.
    pub stride: usize,
}

/// What the backward pass of a direction is given, and where its gradients go, beside those of the weights.
#[derive(Debug)]
pub struct DirectionCall<'a> {
    /// The layer's input, as it was forward.
    pub x: &'a Rows,
    /// The layer's outputs, of both directions side by side; None where [`Cells::reads_outputs`] is false.
    pub both: Option<&'a Rows>,
    /// The gradient of those; None for zeros.
    pub d_rows: Option<&'a Rows>,
    /// That of the final state; None for zeros.
    pub d_end: Option<Ranked>,
    /// Where that of the input goes, if it is wanted. The forward direction finds zeros; the reverse one adds to what
    /// the forward one wrote.
    pub d_x: Option<&'a mut [f32]>,
    /// Where those of the states after every step go, in the order in which the direction reads, if they are wanted.
    pub by_step: Option<&'a mut Ranked>,
}

/// The cells of a stack: their weights, and what one direction of one layer computes with them.
pub trait Cells: Debug + Send + Sync {
    /// What errors call the input.
    const INPUT: &'static str;
    /// What errors call the gradient of the output.
    const D_OUT: &'static str;

    /// What a direction keeps of a pass.
    type Tape: Debug + Send + 'static;
    /// What the directions of one call share: packed weights, buffers.
    type Work;

    /// The stack that they are.
    fn arrangement(&self) -> Arrangement;

    /// Gets ready for a pass: forward, or backward with or without the gradient of the input. Parameters that the weights
    /// are not among are an error.
    fn begin(&self, parameters: &Parameters, back: Option<InputGradient>) -> Result<Self::Work>;

    /// Takes back what a pass shared.
    fn end(&self, work: Self::Work);

    /// Whether the outputs of the last layer are needed even where the stack returns its last states alone.
    fn reads_outputs(&self, keep: Keep) -> bool;

    /// Whether a tape is of this layer and these rows.
    fn is_of(&self, at: &At<'_>, tape: &Self::Tape) -> bool;

    /// Runs a direction over all steps of `x` from the state `start`, zeros where it is None. Writes its hidden rows to
    /// `out`, unless they are not needed, and returns the state after the last step of each sequence, and what was to be
    /// kept.
    fn forward(
        &self,
        work: &mut Self::Work,
        at: &At<'_>,
        parameters: &Parameters,
        x: &Rows,
        start: Option<Ranked>,
        out: Option<Columns<'_>>,
    ) -> Result<(Ranked, Self::Tape)>;

    /// Runs a direction backwards: adds to the gradients of its weights and returns that of its initial state.
    fn backward(
        &self,
        work: &mut Self::Work,
        at: &At<'_>,
        parameters: &mut Parameters,
        tape: Self::Tape,
        call: DirectionCall<'_>,
    ) -> Result<Ranked>;

    /// The path of the kernels that computes them; None where there is no choice.
    fn path(&self) -> Option<Path> {
        None
    }

    /// Has another path of the kernels compute them, where there is a choice.
    fn set_path(&mut self, path: Path) -> Result<()> {
        let _ = path;
        Ok(())
    }

    /// Has the products of their weights be over numbers of a precision, where there is a choice.
    fn set_precision(&mut self, precision: Precision) -> Result<()> {
        let _ = precision;
        Ok(())
    }
}
