//! The random masks of one direction of one layer in a training pass.

use std::ops::Range;

use sumun_kernels::{Masks, Path, RecurrentDropout};

use super::config::RecurrentConfig;
use crate::Layout;
use crate::nn::stack::{Purpose, per_sequence_mask};
use crate::noise::Noise;

/// Masks of one layer and direction, by rank and row.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    recurrent: Vec<f32>,
    zoneout_hidden: Vec<f32>,
    zoneout_cell: Vec<f32>,
}

impl Drawn {
    /// Generates what `config` asks for, for a range of steps. `noise` is that of the layer and direction.
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
        let recurrent = Purpose::Recurrent.of(noise);
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
            (dims.options.zoneout_hidden, dims.output(), &mut drawn.zoneout_hidden, Purpose::ZoneoutHidden),
            (dims.options.zoneout_cell, dims.hidden, &mut drawn.zoneout_cell, Purpose::ZoneoutCell),
        ] {
            if rate > 0.0 {
                let noise = purpose.of(noise);
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
