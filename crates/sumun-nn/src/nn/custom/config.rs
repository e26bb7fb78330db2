//! What a stack of a user's cells is made of.

use super::cell::{CellWeight, CustomCell};
use crate::nn::stack::{Arrangement, Merge, Output};
use crate::{Error, Result};

/// The most that a size of a cell may be, so that products of two never overflow.
const MOST_SIZE: usize = u32::MAX as usize / 4;

/// What a stack of a user's cells is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CustomConfig {
    /// I: features of an input row.
    pub input: usize,
    /// L: layers on top of each other, all of the same cell.
    pub layers: usize,
    /// Whether a second direction, with weights of its own, reads each sequence from its own last step to its first.
    pub bidirectional: bool,
    /// How the outputs of two directions become one, in every layer.
    pub merge: Merge,
    /// Between layers: the probability of losing an element of what a layer passes on; none after the last.
    pub dropout: f32,
    /// The same for every layer's input, one mask a sequence, the same at all steps (Gal & Ghahramani 2016; Keras'
    /// `dropout`). Two directions share the mask.
    pub input_dropout: f32,
    /// Which rows the stack returns.
    pub output: Output,
}

impl CustomConfig {
    /// One layer in one direction that returns a row at every step.
    pub fn new(input: usize) -> Self {
        Self {
            input,
            layers: 1,
            bidirectional: false,
            merge: Merge::Concat,
            dropout: 0.0,
            input_dropout: 0.0,
            output: Output::Sequence,
        }
    }

    /// The stack's sizes, and what happens between its layers and directions.
    pub(super) fn arrangement<C: CustomCell>(&self, cell: &C) -> Arrangement {
        let Self { input, layers, bidirectional, merge, dropout, input_dropout, output } = *self;
        let widths = [cell.hidden(), cell.cell()];
        let of = Arrangement {
            input,
            layers,
            bidirectional,
            merge,
            dropout,
            input_dropout,
            output,
            widths,
            widest: 0,
        };
        let saved = cell.saved(input).max(cell.saved(of.output_features()));
        Arrangement { widest: saved.max(cell.cell()).max(input), ..of }
    }

    /// D: 2 where bidirectional, else 1.
    pub fn directions(&self) -> usize {
        1 + usize::from(self.bidirectional)
    }

    /// Features of the output of a stack of that cell: D·H where two directions are side by side, else H.
    pub fn output_features<C: CustomCell>(&self, cell: &C) -> usize {
        self.arrangement(cell).output_features()
    }

    /// Errors: sizes of 0, rates of dropout outside 0 ≤ p < 1, a merge of one direction.
    pub fn check<C: CustomCell>(&self, cell: &C) -> Result<()> {
        let sizes = [self.input, cell.hidden(), cell.cell()];
        let too_large = |size: &usize| *size > MOST_SIZE;
        // What a cell saves may be computed from sizes that are too large.
        let size = sizes.into_iter().find(too_large);
        if let Some(size) = size.or_else(|| Some(cell.saved(self.input)).filter(too_large)) {
            return Err(Error::Invalid(format!(
                "a size of a stack of {cell:?} is {size}; it must be at most {MOST_SIZE}"
            )));
        }
        let stack = format!("a stack of {} layers of {cell:?}", self.layers);
        self.arrangement(cell).check(&stack, cell.hidden())
    }

    /// The weights of the stack in their order: which layer and direction each belongs to, its name there, and what the
    /// cell states of it.
    pub(super) fn weights<C: CustomCell>(
        &self,
        cell: &C,
    ) -> impl Iterator<Item = (usize, String, CellWeight)> {
        let (directions, of) = (self.directions(), self.arrangement(cell));
        (0..self.layers * directions).flat_map(move |index| {
            let (layer, reverse) = (index / directions, ["", "_reverse"][index % directions]);
            let weights = cell.weights(of.layer_input(layer));
            weights
                .into_iter()
                .map(move |weight| (index, format!("{}_l{layer}{reverse}", weight.name), weight))
        })
    }
}
