//! The masks of one training pass: computed from the noise by what they are for, so that backward computes the same.

use std::ops::Range;

use sumun_kernels::{Masks, Path, RecurrentDropout};

use super::config::RecurrentConfig;
use crate::Layout;
use crate::noise::Noise;

/// The purposes within one layer; a direction adds its own.
const INPUT: u32 = 0;
const RECURRENT: u32 = 1;
const ZONEOUT_HIDDEN: u32 = 2;
const ZONEOUT_CELL: u32 = 3;
const PURPOSES: u32 = 4;

/// Masks of one layer and direction, by rank and row.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    recurrent: Vec<f32>,
    zoneout_hidden: Vec<f32>,
    zoneout_cell: Vec<f32>,
}

impl Drawn {
    /// Computes what `config` asks for, for a range of steps. `noise` is that of the layer and direction.
    pub(super) fn new(
        path: Path,
        config: &RecurrentConfig,
        layer: usize,
        layout: &Layout,
        steps: Range<usize>,
        noise: Noise,
    ) -> Self {
        let dims = config.dims(layer);
        let per_sequence = match dims.options.recurrent_dropout {
            RecurrentDropout::None => 0,
            RecurrentDropout::Shared => dims.output(),
            RecurrentDropout::PerGate => dims.cell.gates() * dims.output(),
        };
        let recurrent = noise.within(RECURRENT);
        let sequences = layout.steps().batch_sizes().get(steps.start).copied().unwrap_or(0);
        let mut drawn = Self {
            recurrent: per_sequence_mask(
                path,
                layout,
                sequences,
                per_sequence,
                config.recurrent_dropout,
                recurrent,
            ),
            ..Self::default()
        };
        for (rate, width, to, purpose) in [
            (dims.options.zoneout_hidden, dims.output(), &mut drawn.zoneout_hidden, ZONEOUT_HIDDEN),
            (dims.options.zoneout_cell, dims.hidden, &mut drawn.zoneout_cell, ZONEOUT_CELL),
        ] {
            if rate > 0.0 {
                let noise = noise.within(purpose);
                let offset = |step| layout.steps().offset(step);
                to.resize((offset(steps.end) - offset(steps.start)) * width, 0.0);
                layout.for_each_row_mut_of(steps.clone(), width, to, &|mask, n, t| {
                    noise.map(path, n, t, mask, |_, u| f32::from(f64::from(u) < rate));
                });
            }
        }
        drawn
    }

    pub(super) fn view(&self) -> Masks<'_, f32> {
        Masks {
            recurrent: &self.recurrent,
            zoneout_hidden: &self.zoneout_hidden,
            zoneout_cell: &self.zoneout_cell,
        }
    }
}

/// One inverted-dropout mask for each of the first sequences by rank, `[sequences, width]`.
fn per_sequence_mask(
    path: Path,
    layout: &Layout,
    sequences: usize,
    width: usize,
    rate: f32,
    noise: Noise,
) -> Vec<f32> {
    let mut mask = vec![0.0; sequences * width];
    if width > 0 {
        for (rank, mask) in mask.chunks_exact_mut(width).enumerate() {
            let keep = 1.0 / (1.0 - rate);
            noise.map(path, layout.order()[rank], 0, mask, |_, u| if u < rate { 0.0 } else { keep });
        }
    }
    mask
}

/// Multiplies rows of `features` numbers by their sequence's variational mask: forward the input, backward its
/// gradient.
pub(super) fn mask_input(
    path: Path,
    data: &mut [f32],
    features: usize,
    layout: &Layout,
    rate: f32,
    noise: Noise,
) {
    let sequences = layout.steps().sequences();
    let mask = per_sequence_mask(path, layout, sequences, features, rate, noise.within(INPUT));
    let mut rows = data.chunks_exact_mut(features);
    for &batch in layout.steps().batch_sizes() {
        for mask in mask.chunks_exact(features).take(batch) {
            let row = rows.next().expect("a row for every sequence alive");
            row.iter_mut().zip(mask).for_each(|(v, m)| *v *= m);
        }
    }
}

/// The noise of one layer and direction of a stack.
pub(super) fn noise_of(noise: Noise, index: usize) -> Noise {
    noise.within(PURPOSES + index as u32)
}
