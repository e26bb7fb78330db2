//! Which steps of a batch count.

use std::sync::Arc;

use ndarray::ArrayView2;

use crate::{Error, Fill, Layout, Result};

/// Which steps of the sequences of a batch count. A step that does not is never computed: states pass it by
/// unchanged, and what its input holds has no effect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Valid<'a> {
    /// All T steps of every sequence.
    All,
    /// The first steps of each sequence, so many; lengths may come in any order, each at most T, and 0 is allowed.
    Lengths(&'a [usize]),
    /// The steps that are true. The mask's axes are the first two of the input: `[N, T]`, `[T, N]` where
    /// time-major, with N = 1 for an unbatched input. It may have holes, begin late and hide whole sequences.
    Mask(ArrayView2<'a, bool>),
}

/// What the final state of a sequence without a valid step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Empty {
    /// Its initial state, as nothing has changed it: Keras' fully masked sequences.
    #[default]
    Initial,
    /// Zeros, even where it has another initial state: ONNX' `sequence_lens` of 0, as ONNX Runtime returns it. No
    /// gradient reaches the initial state then.
    Zeros,
}

/// How the steps of a call are read and shown.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Calling {
    pub(super) time_major: bool,
    pub(super) go_backwards: bool,
    pub(super) masked_steps: Fill,
    pub(super) finite_only: bool,
    pub(super) empty: Empty,
}

impl Valid<'_> {
    /// The layout of `sequences` sequences of `time` steps in processing order: the last step first where the
    /// layer goes backwards.
    pub(super) fn layout(self, sequences: usize, time: usize, calling: Calling) -> Result<Arc<Layout>> {
        let masked = |mask: &[bool]| Layout::masked(mask, sequences, time, calling.masked_steps);
        let turned = |t: usize| if calling.go_backwards { time - 1 - t } else { t };
        match self {
            Self::All => Layout::full(sequences, time),
            Self::Lengths(lengths) => {
                if lengths.len() != sequences {
                    return Err(Error::Shape {
                        what: "lengths".into(),
                        expected: format!("one for each of {sequences} sequences"),
                        found: lengths.len().to_string(),
                    });
                }
                let padded = Layout::ragged(lengths, time)?;
                if !calling.go_backwards && calling.masked_steps == Fill::Zero {
                    return Ok(padded);
                }
                let mask: Vec<bool> =
                    lengths.iter().flat_map(|&length| (0..time).map(move |t| turned(t) < length)).collect();
                masked(&mask)
            }
            Self::Mask(mask) => {
                let batch_first = if calling.time_major { mask.reversed_axes() } else { mask };
                if batch_first.dim() != (sequences, time) {
                    let shape = |n: usize, t: usize| if calling.time_major { [t, n] } else { [n, t] };
                    let (n, t) = batch_first.dim();
                    return Err(Error::Shape {
                        what: "mask".into(),
                        expected: format!("{:?}", shape(sequences, time)),
                        found: format!("{:?}", shape(n, t)),
                    });
                }
                let mask: Vec<bool> = (0..sequences)
                    .flat_map(|n| (0..time).map(move |t| batch_first[[n, turned(t)]]))
                    .collect();
                masked(&mask)
            }
        }
    }
}
