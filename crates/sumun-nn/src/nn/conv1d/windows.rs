//! Which rows a convolution reads for each row that it makes, and the windows as rows of a product.

use std::ops::Range;
use std::sync::Arc;

use super::config::Conv1dConfig;
use crate::nn::by_sequence::BySequence;
use crate::{Layout, Result};

/// In the place of a row: padding.
const PADDING: u32 = u32::MAX;

/// The rows of every window.
#[derive(Debug)]
pub(super) struct Windows {
    /// The layout of the output.
    pub(super) layout: Arc<Layout>,
    /// For each row of the output, the row of the input at each of the K steps of its window, `[R_out, K]`.
    rows: Vec<u32>,
    kernel: usize,
}

/// Columns of the input: those of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    /// I.
    pub(super) of: usize,
    pub(super) first: usize,
    /// I / groups.
    pub(super) count: usize,
}

impl Windows {
    /// Each sequence has its own windows: steps of others and padding are no part of them.
    pub(super) fn new(config: &Conv1dConfig, input: &Arc<Layout>) -> Result<Self> {
        let from = BySequence::of(input);
        let lengths: Vec<usize> =
            (0..input.sequences()).map(|n| config.output_length(from.steps(n))).collect();
        let layout = match config.keeps_steps() {
            true => input.clone(),
            false => Layout::ragged(&lengths, config.output_length(input.time()))?,
        };
        let to = BySequence::of(&layout);
        let kernel = config.kernel;
        let mut rows = vec![PADDING; layout.rows() * kernel];
        for n in 0..input.sequences() {
            let (steps, before) = (&from.rows()[from.range(n)], config.before(from.steps(n)));
            for (start, &row) in to.rows()[to.range(n)].iter().enumerate() {
                for (k, place) in rows[row * kernel..(row + 1) * kernel].iter_mut().enumerate() {
                    let step = (start * config.stride + k * config.dilation).checked_sub(before);
                    if let Some(&row) = step.and_then(|step| steps.get(step)) {
                        *place = row as u32;
                    }
                }
            }
        }
        Ok(Self { layout, rows, kernel })
    }

    /// The windows of a range of output rows, `[rows, K · count]`: the columns of the first step, then of the second, and
    /// so on; zeros where there is padding.
    pub(super) fn gather(&self, range: Range<usize>, x: &[f32], columns: Columns, to: &mut Vec<f32>) {
        to.clear();
        for &row in &self.rows[range.start * self.kernel..range.end * self.kernel] {
            match row {
                PADDING => to.resize(to.len() + columns.count, 0.0),
                row => {
                    let first = row as usize * columns.of + columns.first;
                    to.extend_from_slice(&x[first..first + columns.count]);
                }
            }
        }
    }

    /// Adds the gradients of windows to that of the input, row by row: a step gets those of the windows that it is in from
    /// the first window to the last.
    pub(super) fn scatter(&self, range: Range<usize>, d: &[f32], columns: Columns, d_x: &mut [f32]) {
        let rows = &self.rows[range.start * self.kernel..range.end * self.kernel];
        for (&row, d) in rows.iter().zip(d.chunks_exact(columns.count)).filter(|&(&row, _)| row != PADDING) {
            let first = row as usize * columns.of + columns.first;
            d_x[first..first + columns.count].iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
        }
    }
}
