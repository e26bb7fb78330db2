//! How the layers and directions of a stack are arranged.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::nn::Dropout;
use crate::state::StateShape;
use crate::{Error, Layout, Result, Rows};

/// Which rows a recurrent stack returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// The last layer's hidden state at every step, `[R, D·H]` (Keras' `return_sequences=True`).
    #[default]
    Sequence,
    /// The last layer's final hidden state, one row a sequence, `[N, D·H]`, such as a classifier's head reads.
    Last,
}

/// How the outputs of two directions become one (Keras' `merge_mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Merge {
    /// Side by side, forward first: PyTorch, and Keras' default. Keras' `None`, two separate outputs, is these columns
    /// split.
    #[default]
    Concat,
    /// Their sum.
    Sum,
    /// Their product, element by element.
    Mul,
    /// Their mean.
    Average,
}

/// The most layers of a stack: many times more than are ever trained, and few enough to name their weights in a moment.
const MOST_LAYERS: usize = 1 << 16;

/// The sizes of a stack, and what happens between its layers and directions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrangement {
    /// I: features of an input row.
    pub input: usize,
    /// L: layers on top of each other.
    pub layers: usize,
    /// Whether a second direction reads each sequence from its own last step to its first.
    pub bidirectional: bool,
    /// How the outputs of two directions become one, in every layer.
    pub merge: Merge,
    /// The probability of losing an element of what a layer passes on to the next.
    pub dropout: f32,
    /// The same for every layer's input, one mask a sequence; two directions share it.
    pub input_dropout: f32,
    /// Which rows the stack returns.
    pub output: Output,
    /// The widths of h and of the states beside it, c; 0 where the cell has no c.
    pub widths: [usize; 2],
    /// The widest row that a direction computes.
    pub widest: usize,
}

impl Arrangement {
    /// D: 2 where bidirectional, else 1.
    pub(in crate::nn) fn directions(&self) -> usize {
        1 + usize::from(self.bidirectional)
    }

    /// Whether the outputs of two directions become one.
    pub(super) fn merges(&self) -> bool {
        self.bidirectional && self.merge != Merge::Concat
    }

    /// Features of the output: D·H where two directions are side by side, else H.
    pub(in crate::nn) fn output_features(&self) -> usize {
        match self.merge {
            Merge::Concat => self.widths[0].saturating_mul(self.directions()),
            Merge::Sum | Merge::Mul | Merge::Average => self.widths[0],
        }
    }

    /// Features of a layer's input.
    pub(in crate::nn) fn layer_input(&self, layer: usize) -> usize {
        if layer == 0 { self.input } else { self.output_features() }
    }

    /// How many states there are and how wide each is.
    pub(in crate::nn) fn state_shape(&self) -> StateShape {
        let [hidden, cell] = self.widths;
        StateShape { count: self.layers.saturating_mul(self.directions()), hidden, cell }
    }

    /// Refuses sizes of 0, too many layers, rates outside 0 ≤ p < 1 and a merge of one direction. `stack` is what the
    /// message calls it, `units` the hidden units of each direction.
    pub(in crate::nn) fn check(&self, stack: &str, units: usize) -> Result<()> {
        let Self { input, layers, .. } = *self;
        if input == 0 || units == 0 || layers == 0 {
            return Err(Error::Invalid(format!(
                "{stack} from {input} features to {units} units; each must be at least 1"
            )));
        }
        if layers > MOST_LAYERS {
            return Err(Error::Invalid(format!(
                "{stack} is above the {MOST_LAYERS} there can be; use fewer"
            )));
        }
        for rate in [self.dropout, self.input_dropout] {
            Dropout::new(rate)?;
        }
        if self.merge != Merge::Concat && !self.bidirectional {
            return Err(Error::Invalid("a merge other than concat needs a bidirectional stack".into()));
        }
        Ok(())
    }
}

/// Rows in the order in which a direction reads, put in the caller's order.
pub(in crate::nn) fn in_callers_order(
    values: Vec<f32>,
    width: usize,
    direction: usize,
    layout: &Arc<Layout>,
) -> Result<Rows> {
    if direction == 0 {
        return Rows::new(values, width, layout.clone());
    }
    // The map is its own inverse.
    let map = layout.reversed().as_slice();
    let mut turned = Vec::with_capacity(values.len());
    map.iter().for_each(|&row| turned.extend_from_slice(&values[row as usize * width..][..width]));
    Rows::new(turned, width, layout.clone())
}
