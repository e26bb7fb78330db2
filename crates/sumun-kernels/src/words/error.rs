//! What a kernel refuses.

use std::fmt;

use crate::words::precision::Precision;
use crate::words::purpose::Purpose;

/// What a kernel refuses, with the numbers that made it refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A slice has another length than its shape needs.
    #[error("{what}: expected {expected} values, found {found}")]
    Length {
        /// Which argument.
        what: &'static str,
        /// The number of values of the shape.
        expected: usize,
        /// The number of values found.
        found: usize,
    },
    /// Batch sizes of packed steps must never grow and never be zero.
    #[error("{}; batch sizes must be at least 1 and never grow", batch_size(*step, *previous, *found))]
    BatchSizes {
        /// The step at fault.
        step: usize,
        /// The batch size of the step before it; None at the first step.
        previous: Option<usize>,
        /// The batch size found.
        found: usize,
    },
    /// A size, or the length of an array of these sizes, is more than there can be.
    #[error("{what}: {found} is more than {most}, the most there can be")]
    TooLarge {
        /// Which size or array.
        what: &'static str,
        /// The size found, or the product of sizes; `u128::MAX` for that and everything above.
        found: u128,
        /// The most there can be.
        most: usize,
    },
    /// The system has no memory for a buffer.
    #[error("no memory for a buffer of {bytes} bytes")]
    Memory {
        /// The size of the buffer.
        bytes: usize,
    },
    /// A range that ends before it begins, begins before the one before it ends, or reaches beyond its whole.
    #[error("{what}: {start}..{end} is not within {least}..{most}")]
    Range {
        /// Which range.
        what: &'static str,
        /// Where it begins.
        start: usize,
        /// Where it ends.
        end: usize,
        /// Where it may begin.
        least: usize,
        /// Where it must end.
        most: usize,
    },
    /// A size that must be at least 1 is 0.
    #[error("{what} must be at least 1")]
    Zero {
        /// Which size.
        what: &'static str,
    },
    /// An order of rows must name each row exactly once.
    #[error("row {row} of the order is row {target} of {rows}, which is taken or does not exist")]
    RowMap {
        /// The row at fault.
        row: usize,
        /// The row it names.
        target: usize,
        /// How many rows there are.
        rows: usize,
    },
    /// A mask of zoneout keeps a unit or it does not.
    #[error("{what}: number {at} is {found}, neither 0 nor 1")]
    Keep {
        /// Which mask.
        what: &'static str,
        /// The number at fault.
        at: usize,
        /// What it is, as text.
        found: String,
    },
    /// Backward was given a cache that no forward pass of these weights and rows has filled, or weights that
    /// were not prepared for the gradients wanted.
    #[error("backward needs a cache filled by forward of the same recurrence, steps and masks")]
    Cache,
    /// A call was checked for another recurrence than that of the weights.
    #[error(
        "the call is for {call}, the weights are of {weights}; both need the same cell, sizes and options"
    )]
    Dims {
        /// What the call is for.
        call: Box<Sizes>,
        /// What the weights are of.
        weights: Box<Sizes>,
    },
    /// The last update of packed weights failed, so that there are none.
    #[error("no weights are packed, as the last update of them failed; update them again")]
    Unpacked,
    /// The weights are prepared for something else.
    #[error("this needs weights prepared for {wanted}; they are prepared for {prepared}")]
    Purpose {
        /// What they are prepared for.
        prepared: Purpose,
        /// What the call needs.
        wanted: Purpose,
    },
    /// The instruction set of the path is not available on this processor or in this build.
    #[error("the {path} path is not available on this processor")]
    PathUnavailable {
        /// The path's name.
        path: &'static str,
    },
    /// The path has no products of this precision, here or at all.
    #[error("the {path} path has no {precision} products on this processor; take another path")]
    PrecisionPath {
        /// The path's name.
        path: &'static str,
        /// What was asked for.
        precision: Precision,
    },
    /// The fused kernels lack this cell or option; the reference path has it.
    #[error("the {path} path does not compute {cell}; use the reference path")]
    Unsupported {
        /// The path's name.
        path: &'static str,
        /// The name of the cell, or of the option.
        cell: &'static str,
    },
    /// An option that the cell does not have, or a constant out of range.
    #[error("{cell}: {option} {reason}")]
    Option {
        /// The cell's name.
        cell: &'static str,
        /// Which option.
        option: &'static str,
        /// What is wrong with it and what to do.
        reason: &'static str,
    },
}

/// A recurrence as messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// The name of its cell.
    pub cell: &'static str,
    /// I: features of an input row.
    pub input: usize,
    /// H: hidden units.
    pub hidden: usize,
    /// The width of h: H, or P of a projection.
    pub output: usize,
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cell, input, hidden, output } = self;
        write!(f, "{cell} from {input} to {hidden} units")?;
        if output == hidden { Ok(()) } else { write!(f, ", projected to {output}") }
    }
}

fn batch_size(step: usize, previous: Option<usize>, found: usize) -> String {
    match previous {
        Some(previous) => format!("batch size at step {step}: {found} after {previous}"),
        None => format!("the first batch size is {found}"),
    }
}

pub(crate) fn length(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    if expected == found { Ok(()) } else { Err(Error::Length { what, expected, found }) }
}

pub(crate) fn length_or_empty(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    if found == 0 { Ok(()) } else { length(what, expected, found) }
}
