//! One direction of one layer: a cell through all steps, and back.

use sumun_kernels::{Path, Steps};

use super::cell::{CustomCell, Step, StepAfter, StepGradients};
use super::state::Ranked;
use crate::Result;

/// A cell with the weights of one layer and direction, and the path of its products.
pub(super) struct Weighted<'a, C> {
    pub(super) cell: &'a C,
    pub(super) weights: &'a [&'a [f32]],
    pub(super) path: Path,
}

/// What one direction of one layer went through; rows are in the order in which it read them.
#[derive(Debug)]
pub(super) struct Pass {
    /// I: features of the input.
    input: usize,
    /// `[R, I]`.
    x: Vec<f32>,
    /// Before the first step.
    initial: Ranked,
    /// h after each step, `[R, H]`.
    pub(super) hidden: Vec<f32>,
    /// `[R, C]`.
    cell: Vec<f32>,
    /// `[R, S]`; empty where nothing was to be kept.
    saved: Vec<f32>,
}

/// Where a step's rows are in an array whose rows are `width` wide: its first number, and how many numbers.
fn place(steps: &Steps, t: usize, width: usize) -> (usize, usize) {
    (steps.offset(t) * width, steps.batch_size(t) * width)
}

/// The rows that the sequences of step `t` had before it.
fn before<'a>(rows: &'a [f32], initial: &'a [f32], steps: &Steps, t: usize, width: usize) -> &'a [f32] {
    let running = steps.batch_size(t) * width;
    match t.checked_sub(1) {
        Some(previous) => &rows[steps.offset(previous) * width..][..running],
        None => &initial[..running],
    }
}

impl Pass {
    /// Runs a cell through all steps of `x`, `[R, input]`.
    pub(super) fn forward<C: CustomCell>(
        weighted: &Weighted<'_, C>,
        steps: &Steps,
        input: usize,
        x: Vec<f32>,
        initial: Ranked,
        keep: bool,
    ) -> Result<Self> {
        let &Weighted { cell, weights, path } = weighted;
        let (h, c, s) = (cell.hidden(), cell.cell(), cell.saved(input));
        let rows = steps.rows();
        let saved_rows = if keep { rows } else { steps.sequences() };
        let mut pass = Self {
            input,
            x,
            initial,
            hidden: vec![0.0; rows * h],
            cell: vec![0.0; rows * c],
            saved: vec![0.0; saved_rows * s],
        };
        for t in 0..steps.len() {
            let ((at_h, len_h), (at_c, len_c)) = (place(steps, t, h), place(steps, t, c));
            let (hidden_before, hidden) = pass.hidden.split_at_mut(at_h);
            let (cell_before, cell_after) = pass.cell.split_at_mut(at_c);
            let (at_x, len_x) = place(steps, t, input);
            let at = Step {
                sequences: steps.batch_size(t),
                path,
                x: &pass.x[at_x..at_x + len_x],
                hidden: before(hidden_before, &pass.initial.hidden, steps, t, h),
                cell: before(cell_before, &pass.initial.cell, steps, t, c),
            };
            let (at_s, len_s) = place(steps, t, s);
            let saved = &mut pass.saved[if keep { at_s } else { 0 }..][..len_s];
            if !keep {
                saved.fill(0.0);
            }
            let after = StepAfter { hidden: &mut hidden[..len_h], cell: &mut cell_after[..len_c], saved };
            cell.step(weights, at, after)?;
        }
        if !keep {
            pass.saved.clear();
        }
        Ok(pass)
    }

    /// Whether it is of an input of this width, and of h, of what else the cell carries and of what it keeps of these widths.
    pub(super) fn is_of(&self, input: usize, [h, c, s]: [usize; 3]) -> bool {
        let rows = self.x.len().checked_div(self.input).unwrap_or(0);
        let found = [self.hidden.len(), self.cell.len(), self.saved.len()];
        self.input == input && found == [rows * h, rows * c, rows * s]
    }

    /// The state of each rank after its own last step; `lengths` are those of the ranks, `(H, C)` the widths.
    pub(super) fn last(&self, steps: &Steps, lengths: &[usize], (h, c): (usize, usize)) -> Ranked {
        let of = |rows: &[f32], width: usize| {
            let mut last = Vec::with_capacity(steps.sequences() * width);
            for (rank, &length) in lengths[..steps.sequences()].iter().enumerate() {
                last.extend_from_slice(&rows[(steps.offset(length - 1) + rank) * width..][..width]);
            }
            last
        };
        Ranked { hidden: of(&self.hidden, h), cell: of(&self.cell, c) }
    }

    /// Goes back through all steps. `d_out` is the gradient of the hidden rows, `[R, H]`, none where it is empty;
    /// `d_state` that of the last state of each rank at first and that of the initial state in the end. Gradients of the
    /// weights are added to `d_weights`; that of the input is returned, `[R, I]`.
    pub(super) fn backward<C: CustomCell>(
        &self,
        weighted: &Weighted<'_, C>,
        steps: &Steps,
        d_out: &[f32],
        d_state: &mut Ranked,
        d_weights: &mut [Vec<f32>],
    ) -> Result<Vec<f32>> {
        let &Weighted { cell, weights, path } = weighted;
        let (h, c, s) = (cell.hidden(), cell.cell(), cell.saved(self.input));
        let mut d_x = vec![0.0; self.x.len()];
        for t in (0..steps.len()).rev() {
            let (at_h, len_h) = place(steps, t, h);
            let len_c = steps.batch_size(t) * c;
            // A shorter sequence joins in at its own last step, with the gradient of its last state.
            let mut d_hidden = d_state.hidden[..len_h].to_vec();
            let d_cell = d_state.cell[..len_c].to_vec();
            if !d_out.is_empty() {
                d_hidden.iter_mut().zip(&d_out[at_h..at_h + len_h]).for_each(|(sum, d)| *sum += d);
            }
            d_state.hidden[..len_h].fill(0.0);
            d_state.cell[..len_c].fill(0.0);
            let ((at_x, len_x), (at_s, len_s)) = (place(steps, t, self.input), place(steps, t, s));
            let at = Step {
                sequences: steps.batch_size(t),
                path,
                x: &self.x[at_x..at_x + len_x],
                hidden: before(&self.hidden, &self.initial.hidden, steps, t, h),
                cell: before(&self.cell, &self.initial.cell, steps, t, c),
            };
            let into = StepGradients {
                x: &mut d_x[at_x..at_x + len_x],
                hidden: &mut d_state.hidden[..len_h],
                cell: &mut d_state.cell[..len_c],
                weights: d_weights,
            };
            cell.step_backward(weights, at, &self.saved[at_s..at_s + len_s], &d_hidden, &d_cell, into)?;
        }
        Ok(d_x)
    }
}
