//! The states of a layer, by name.

use ndarray::{Array, Dimension, Ix1, Ix2, Ix3};

use super::axes::{expect_shape, filled};
use crate::Result;
use crate::nn::RecurrentState;
use crate::nn::recurrent::stream::sealed::{Form, Widths};

/// The state of an [`Rnn`](super::Rnn) or [`Gru`](super::Gru), or the gradient of one; of a cell too, where h is `[N, H]`
/// or `[H]`.
#[derive(Debug, Clone, PartialEq)]
pub struct HiddenState<D: Dimension = Ix3> {
    /// h, `[L·D, N, H]`, or `[L·D, H]` unbatched; index layer·D + direction. Its N is in the caller's batch order
    /// and never comes first, whatever the input's order of axes.
    pub hidden: Array<f32, D>,
}

/// The state of an [`Lstm`](super::Lstm), or the gradient of one; of a cell too, where h and c are `[N, H]` or `[H]`.
#[derive(Debug, Clone, PartialEq)]
pub struct LstmState<D: Dimension = Ix3> {
    /// h, `[L·D, N, H]`, or `[L·D, H]` unbatched; P wide with a projection. Index layer·D + direction. Its N is in
    /// the caller's batch order and never comes first, whatever the input's order of axes.
    pub hidden: Array<f32, D>,
    /// c, as `hidden`; always H wide.
    pub cell: Array<f32, D>,
}

/// A state as its arrays.
pub(super) trait Parts<D: Dimension + 'static>: Sized {
    /// Each array with its name.
    fn parts(&self) -> impl Iterator<Item = (&'static str, &Array<f32, D>)>;

    /// The state of these arrays; `cell` is empty where the cell has none.
    fn of(hidden: Array<f32, D>, cell: Array<f32, D>) -> Self;
}

impl<D: Dimension + 'static> Parts<D> for HiddenState<D> {
    fn parts(&self) -> impl Iterator<Item = (&'static str, &Array<f32, D>)> {
        [("hidden", &self.hidden)].into_iter()
    }

    fn of(hidden: Array<f32, D>, _: Array<f32, D>) -> Self {
        Self { hidden }
    }
}

impl<D: Dimension + 'static> Parts<D> for LstmState<D> {
    fn parts(&self) -> impl Iterator<Item = (&'static str, &Array<f32, D>)> {
        [("hidden", &self.hidden), ("cell", &self.cell)].into_iter()
    }

    fn of(hidden: Array<f32, D>, cell: Array<f32, D>) -> Self {
        Self { hidden, cell }
    }
}

/// A stream's state of one sequence: `[L, H]` of a layer, `[H]` of a cell.
macro_rules! form {
    ($state:ident, $axes:ident, $shape:expr) => {
        impl Form for $state<$axes> {
            fn of(state: &RecurrentState, widths: Widths) -> Self {
                let part = |values: &Vec<f32>, width| filled(&$shape(widths.layers, width), values.clone());
                Parts::of(part(&state.hidden, widths.hidden), part(&state.cell, widths.cell))
            }

            fn copy_to(&self, state: &mut RecurrentState, widths: Widths) -> Result<()> {
                for ((name, part), width) in self.parts().zip([widths.hidden, widths.cell]) {
                    let shape = $shape(widths.layers, width);
                    if part.shape() != shape {
                        expect_shape(&format!("a stream's state: {name}"), &shape, part.shape())?;
                    }
                }
                for ((_, part), to) in self.parts().zip([&mut state.hidden, &mut state.cell]) {
                    to.iter_mut().zip(part).for_each(|(to, &value)| *to = value);
                }
                Ok(())
            }

            fn not_finite(&self) -> Option<f32> {
                self.parts().flat_map(|(_, part)| part).copied().find(|value| !value.is_finite())
            }
        }
    };
}

form!(HiddenState, Ix2, |layers: usize, width: usize| [layers, width]);
form!(LstmState, Ix2, |layers: usize, width: usize| [layers, width]);
form!(HiddenState, Ix1, |_: usize, width: usize| [width]);
form!(LstmState, Ix1, |_: usize, width: usize| [width]);
