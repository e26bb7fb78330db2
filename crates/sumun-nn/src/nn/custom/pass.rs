//! One direction of one layer: a cell through all steps, forward and backward.

use sumun_kernels::{Path, Steps};

use super::cell::{CustomCell, Step, StepAfter, StepGradients};
use crate::Result;
use crate::nn::stack::Ranked;

/// What one direction of one layer computed; rows are in the order in which it reads.
#[derive(Debug)]
pub struct CustomTape {
    /// Before the first step.
    initial: Ranked,
    /// h after each step, `[R, H]`.
    pub(super) hidden: Vec<f32>,
    /// `[R, C]`.
    cell: Vec<f32>,
    /// `[R, S]`; empty where nothing was to be kept.
    saved: Vec<f32>,
}

/// A cell with its weights and the steps that it runs through.
#[derive(Debug)]
pub(super) struct Pass<'a, C> {
    pub(super) cell: &'a C,
    pub(super) weights: &'a [&'a [f32]],
    /// The path of its products.
    pub(super) path: Path,
    pub(super) steps: &'a Steps,
    /// I: features of the input.
    pub(super) input: usize,
}

/// Gradients that a backward pass adds to or changes.
#[derive(Debug)]
pub(super) struct PassGradients<'a> {
    /// That of the last state of each rank before the pass, and that of the initial state after it.
    pub(super) state: &'a mut Ranked,
    /// Those of the weights, which are added to.
    pub(super) weights: &'a mut [Vec<f32>],
    /// Where those of the states after every step are written, if they are wanted.
    pub(super) by_step: Option<&'a mut Ranked>,
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

impl<C: CustomCell> Pass<'_, C> {
    /// Runs the cell through all steps of `x`, `[R, I]`.
    pub(super) fn forward(&self, x: &[f32], initial: Ranked, keep: bool) -> Result<CustomTape> {
        let Self { cell, weights, path, steps, input } = *self;
        let (h, c, s) = (cell.hidden(), cell.cell(), cell.saved(input));
        let rows = steps.rows();
        let saved_rows = if keep { rows } else { steps.sequences() };
        let mut tape = CustomTape {
            initial,
            hidden: vec![0.0; rows * h],
            cell: vec![0.0; rows * c],
            saved: vec![0.0; saved_rows * s],
        };
        for t in 0..steps.len() {
            let ((at_h, len_h), (at_c, len_c)) = (place(steps, t, h), place(steps, t, c));
            let (hidden_before, hidden) = tape.hidden.split_at_mut(at_h);
            let (cell_before, cell_after) = tape.cell.split_at_mut(at_c);
            let (at_x, len_x) = place(steps, t, input);
            let at = Step {
                sequences: steps.batch_size(t),
                path,
                x: &x[at_x..at_x + len_x],
                hidden: before(hidden_before, &tape.initial.hidden, steps, t, h),
                cell: before(cell_before, &tape.initial.cell, steps, t, c),
            };
            let (at_s, len_s) = place(steps, t, s);
            let saved = &mut tape.saved[if keep { at_s } else { 0 }..][..len_s];
            if !keep {
                saved.fill(0.0);
            }
            let after = StepAfter { hidden: &mut hidden[..len_h], cell: &mut cell_after[..len_c], saved };
            cell.step(weights, at, after)?;
        }
        if !keep {
            tape.saved.clear();
        }
        Ok(tape)
    }

    /// Runs the cell backwards through all steps of `x`, `[R, I]`. `d_out` is the gradient of the hidden rows, `[R, H]`, none
    /// where it is empty; that of the input is returned, `[R, I]`.
    pub(super) fn backward(
        &self,
        tape: &CustomTape,
        x: &[f32],
        d_out: &[f32],
        into: PassGradients<'_>,
    ) -> Result<Vec<f32>> {
        let Self { cell, weights, path, steps, input } = *self;
        let PassGradients { state: d_state, weights: d_weights, mut by_step } = into;
        let (h, c, s) = (cell.hidden(), cell.cell(), cell.saved(input));
        let mut d_x = vec![0.0; x.len()];
        for t in (0..steps.len()).rev() {
            let ((at_h, len_h), (at_c, len_c)) = (place(steps, t, h), place(steps, t, c));
            // A shorter sequence joins in at its own last step, with the gradient of its last state.
            let mut d_hidden = d_state.hidden[..len_h].to_vec();
            let d_cell = d_state.cell[..len_c].to_vec();
            if !d_out.is_empty() {
                d_hidden.iter_mut().zip(&d_out[at_h..at_h + len_h]).for_each(|(sum, d)| *sum += d);
            }
            if let Some(by_step) = by_step.as_deref_mut() {
                by_step.hidden[at_h..at_h + len_h].copy_from_slice(&d_hidden);
                by_step.cell[at_c..at_c + len_c].copy_from_slice(&d_cell);
            }
            d_state.hidden[..len_h].fill(0.0);
            d_state.cell[..len_c].fill(0.0);
            let ((at_x, len_x), (at_s, len_s)) = (place(steps, t, input), place(steps, t, s));
            let at = Step {
                sequences: steps.batch_size(t),
                path,
                x: &x[at_x..at_x + len_x],
                hidden: before(&tape.hidden, &tape.initial.hidden, steps, t, h),
                cell: before(&tape.cell, &tape.initial.cell, steps, t, c),
            };
            let into = StepGradients {
                x: &mut d_x[at_x..at_x + len_x],
                hidden: &mut d_state.hidden[..len_h],
                cell: &mut d_state.cell[..len_c],
                weights: d_weights,
            };
            cell.step_backward(weights, at, &tape.saved[at_s..at_s + len_s], &d_hidden, &d_cell, into)?;
        }
        Ok(d_x)
    }
}

impl CustomTape {
    /// Whether it is of so many rows, and of h, of what else the cell carries and of what it keeps of these widths.
    pub(super) fn is_of(&self, rows: usize, [h, c, s]: [usize; 3]) -> bool {
        [self.hidden.len(), self.cell.len(), self.saved.len()] == [rows * h, rows * c, rows * s]
    }

    /// The state of each rank after its own last step; `lengths` are those of the ranks.
    pub(super) fn last(&self, steps: &Steps, lengths: &[usize]) -> Ranked {
        let widths = self.initial.widths();
        let of = |rows: &[f32], width: usize| {
            let mut last = Vec::with_capacity(steps.sequences() * width);
            for (rank, &length) in lengths[..steps.sequences()].iter().enumerate() {
                last.extend_from_slice(&rows[(steps.offset(length - 1) + rank) * width..][..width]);
            }
            last
        };
        Ranked::new([of(&self.hidden, widths[0]), of(&self.cell, widths[1])], widths)
    }
}
