//! Which step of a sequence each step of another one is.

use std::sync::Arc;

use crate::layout::expect_memory;
use crate::nn::by_sequence::BySequence;
use crate::{Layout, Result, Rows};

/// In the place of a row: a number.
const FILLED: u32 = u32::MAX;

/// Where a step comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    Step(usize),
    Filled,
}

/// The rows of each row.
#[derive(Debug)]
pub(super) struct StepMap {
    layout: Arc<Layout>,
    rows: Vec<u32>,
}

impl StepMap {
    /// `length` says how long a sequence becomes, `source` where its step comes from, of a sequence that was so long.
    pub(super) fn new(
        x: &Rows,
        length: impl Fn(usize) -> usize,
        source: impl Fn(usize, usize) -> Source,
    ) -> Result<Self> {
        let from = BySequence::of(&x.layout);
        let lengths: Vec<usize> = (0..x.layout.sequences()).map(|n| length(from.steps(n))).collect();
        // Masks end here: what is left or added are steps of their own.
        let time = length(x.layout.time());
        let layout = Layout::ragged(&lengths, time)?;
        expect_memory(layout.rows(), x.features.saturating_add(1))?;
        let to = BySequence::of(&layout);
        let mut rows = vec![FILLED; layout.rows()];
        for n in 0..lengths.len() {
            let steps = &from.rows()[from.range(n)];
            for (step, &row) in to.rows()[to.range(n)].iter().enumerate() {
                if let Source::Step(own) = source(step, steps.len()) {
                    rows[row] = steps[own] as u32;
                }
            }
        }
        Ok(Self { layout, rows })
    }

    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The rows, `value` where there is none.
    pub(super) fn gather(&self, x: &Rows, value: f32) -> Result<Rows> {
        let features = x.features;
        let mut data = Vec::with_capacity(self.rows.len() * features);
        for &row in &self.rows {
            match row {
                FILLED => data.resize(data.len() + features, value),
                row => data.extend_from_slice(&x.data[row as usize * features..][..features]),
            }
        }
        Rows::new(data, features, self.layout.clone())
    }

    /// The gradient of the rows: a row that stands in several places gets the sum of theirs, in the order of the places.
    pub(super) fn scatter(&self, d_out: &Rows, input: &Arc<Layout>) -> Result<Rows> {
        let features = d_out.features;
        let mut d_x = vec![0.0; input.rows() * features];
        let pairs = self.rows.iter().zip(d_out.data.chunks_exact(features.max(1)));
        for (&row, d) in pairs.filter(|&(&row, _)| row != FILLED) {
            let to = &mut d_x[row as usize * features..][..features];
            to.iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
        }
        Rows::new(d_x, features, input.clone())
    }
}
