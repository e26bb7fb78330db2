//! A step of one sequence of few units: what follows from the sizes is worked out once, and a step goes straight through.

use std::mem::MaybeUninit;

use crate::bodies::whole::WholePanels;
use crate::dispatch::{Kernels, WholePanelsFn};
use crate::drivers::geometry::{Geometry, Side};
use crate::words::Dims;
use crate::words::rows::RowsAt;

/// The most units that are taken so. Of more, a step waits for its weights, and nothing is gained.
const MOST_UNITS: usize = 128;

/// Floats of both weights which L1 holds, as far as it matters here. Three panels are taken at once while there are no more; then
/// pairs are faster, as each step begins with the weights that the last one ended with.
const FEW_WEIGHTS: usize = 12 << 10;

/// The widest input that a pass over one sequence takes step by step, and the widest where L1 holds both weights: of a wider one,
/// the product of many steps at once is faster.
const WIDEST_INPUT: [usize; 2] = [8, 32];

/// How the whole steps of a recurrence are taken: its panels in pairs, and those that are left at the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whole {
    pair: WholePanelsFn,
    /// One panel, two or three.
    last: WholePanelsFn,
    pairs: usize,
    /// Units of the last.
    last_units: usize,
    last_stride: usize,
    /// From one pair to the next: units, and floats of biases and of both packed weights.
    units: usize,
    bias: usize,
    weights: [usize; 2],
    /// The widths of x, h and the state beside it.
    pub(crate) widths: [usize; 3],
    /// Whether the steps of a pass over one sequence are taken so as well.
    pub(crate) passes: bool,
}

/// The arrays of a step.
#[derive(Debug)]
pub(crate) struct WholeStep {
    pub(crate) w: *const f32,
    pub(crate) u: *const f32,
    pub(crate) bias: *const f32,
    pub(crate) x: *const f32,
    /// h, and the state beside it where there is one: before the step, then after it.
    pub(crate) hidden: *mut f32,
    pub(crate) cell: *mut f32,
    /// Whether it takes the last panels first, so that it begins with the weights that the step before it ended with.
    pub(crate) backwards: bool,
}

impl Whole {
    /// None for a cell without such bodies, more units, and steps of two phases.
    pub(crate) fn new(kernels: &Kernels, geometry: &Geometry) -> Option<Self> {
        let Dims { cell, input, hidden, .. } = geometry.dims;
        let panels = kernels.cell(cell).whole_panels?;
        if hidden > MOST_UNITS || geometry.two_phases {
            return None;
        }
        let weights = geometry.packed_len(input, Side::Input) + geometry.packed_len(hidden, Side::Hidden);
        let few_weights = weights <= FEW_WEIGHTS;
        let at_once = if few_weights { panels.len() } else { 2 };
        let last = geometry.panels - 1;
        let pairs = (geometry.panels.saturating_sub(at_once)).div_ceil(2);
        Some(Self {
            pair: panels[1][3],
            last: panels[last - 2 * pairs][geometry.vectors(last, Side::Hidden) - 1],
            pairs,
            last_units: hidden - 2 * pairs * geometry.units,
            last_stride: geometry.gate_stride(last),
            units: 2 * geometry.units,
            bias: 2 * geometry.width(),
            weights: [
                geometry.panel_start(2, input, Side::Input),
                geometry.panel_start(2, hidden, Side::Hidden),
            ],
            widths: [input, hidden, geometry.dims.cell_width()],
            passes: input <= WIDEST_INPUT[usize::from(few_weights)],
        })
    }

    /// One step.
    ///
    /// # Safety
    /// The processor must have the instruction set, and every pointer must be valid for what it stands for.
    #[inline(always)]
    pub(crate) unsafe fn step(&self, step: &WholeStep) {
        // SAFETY: the caller's promises.
        unsafe {
            match self.pairs {
                0 => (self.last)(&self.panels(step, 0, step.hidden)),
                _ => self.step_in_pairs(step),
            }
        }
    }

    /// As many steps as `count`, each with its row of x, and h of each to its row of `out`.
    ///
    /// # Safety
    /// As for a step; x and `out` have so many rows.
    pub(crate) unsafe fn steps(
        &self,
        step: &mut WholeStep,
        x: RowsAt<*const f32>,
        out: RowsAt<*mut f32>,
        count: usize,
    ) {
        for t in 0..count {
            // SAFETY: the caller's promises.
            unsafe {
                step.x = x.row(t);
                self.step(step);
                step.backwards = !step.backwards;
                out.row(t).copy_from_nonoverlapping(step.hidden, self.widths[1]);
            }
        }
    }

    /// Every panel reads h, so it is replaced when all are there.
    unsafe fn step_in_pairs(&self, step: &WholeStep) {
        let mut next = MaybeUninit::<[f32; MOST_UNITS]>::uninit();
        let out = next.as_mut_ptr().cast::<f32>();
        for place in 0..=self.pairs {
            let pair = if step.backwards { self.pairs - place } else { place };
            let body = if pair == self.pairs { self.last } else { self.pair };
            // SAFETY: the caller's promises.
            unsafe { body(&self.panels(step, pair, out)) };
        }
        // SAFETY: all units were written, which are no more than there is memory for.
        unsafe { step.hidden.copy_from_nonoverlapping(out, self.widths[1]) };
    }

    /// A pair, or the panels behind the last one, with h of all units going to `out`.
    #[inline(always)]
    unsafe fn panels(&self, step: &WholeStep, pair: usize, out: *mut f32) -> WholePanels {
        let unit = pair * self.units;
        let (units, gate_stride) = match pair == self.pairs {
            true => (self.last_units, self.last_stride),
            false => (self.units, self.units / 2),
        };
        let [input, hidden, cell] = self.widths;
        // SAFETY: the caller promises weights and states of all panels.
        unsafe {
            WholePanels {
                units,
                gate_stride,
                depths: [input, hidden],
                x: step.x,
                h: step.hidden,
                w: step.w.add(pair * self.weights[0]),
                u: step.u.add(pair * self.weights[1]),
                bias: step.bias.add(pair * self.bias),
                before: if cell > 0 { step.cell.add(unit) } else { step.hidden.add(unit) },
                state: if cell > 0 { step.cell.add(unit) } else { step.cell },
                out: out.add(unit),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Cell, Options, Path};

    /// Which steps are taken so, and that every panel is taken once: tests of bits alone would not miss them.
    #[test]
    fn small_recurrences_with_such_bodies_are_taken_whole() {
        let with = [Cell::RnnTanh, Cell::RnnRelu, Cell::Lstm, Cell::Gru];
        for path in Path::ALL.into_iter().filter(|path| path.is_available() && *path != Path::Reference) {
            let kernels = path.kernels().unwrap();
            let of = |dims: Dims| Whole::new(&kernels, &Geometry::new(dims, kernels.lanes));
            for &cell in Cell::ALL {
                for hidden in 1..=MOST_UNITS + 1 {
                    for input in [1, 300] {
                        let whole = of(Dims::new(cell, input, hidden));
                        let wanted = with.contains(&cell) && hidden <= MOST_UNITS;
                        assert_eq!(whole.is_some(), wanted, "{path}, {cell:?} {input} → {hidden}");
                        let units =
                            whole.map_or(hidden, |whole| whole.pairs * whole.units + whole.last_units);
                        assert_eq!(units, hidden);
                    }
                }
            }
            let passes =
                |input, hidden| of(Dims::new(Cell::Gru, input, hidden)).is_some_and(|whole| whole.passes);
            let [narrow, wide] = [[(1, 16), (32, 16), (8, 128)], [(33, 16), (9, 128), (1, 129)]];
            assert!(narrow.into_iter().all(|(input, hidden)| passes(input, hidden)), "{path}");
            assert!(!wide.into_iter().any(|(input, hidden)| passes(input, hidden)), "{path}");
            let projected = Options { projection: Some(4), ..Options::default() };
            assert!(of(Dims::new(Cell::Lstm, 1, 16).with(projected)).is_none());
        }
    }
}
