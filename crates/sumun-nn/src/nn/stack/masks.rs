//! Random masks of one training pass: functions of the noise and of their purpose, so that backward generates the same.

use sumun_kernels::Path;

use crate::Layout;
use crate::noise::Noise;

/// The purposes of masks within one direction of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(in crate::nn) enum Purpose {
    Input = 0,
    Recurrent = 1,
    ZoneoutHidden = 2,
    ZoneoutCell = 3,
}

impl Purpose {
    /// How many there are.
    const COUNT: u32 = 4;

    /// The noise of this purpose; `noise` is that of the layer and direction.
    pub(in crate::nn) fn of(self, noise: Noise) -> Noise {
        noise.within(self as u32)
    }
}

/// The noise of one layer and direction of a stack, by its index.
pub(in crate::nn) fn noise_of(noise: Noise, index: usize) -> Noise {
    noise.within(Purpose::COUNT + index as u32)
}

/// One inverted-dropout mask for each of the first sequences by rank, `[sequences, width]`.
pub(in crate::nn) fn per_sequence_mask(
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
/// gradient. `noise` is that of the layer's first direction.
pub(super) fn mask_input(
    path: Path,
    data: &mut [f32],
    features: usize,
    layout: &Layout,
    rate: f32,
    noise: Noise,
) {
    let noise = Purpose::Input.of(noise);
    let mask = per_sequence_mask(path, layout, layout.steps().sequences(), features, rate, noise);
    let mut rows = data.chunks_exact_mut(features);
    for &batch in layout.steps().batch_sizes() {
        for mask in mask.chunks_exact(features).take(batch) {
            let row = rows.next().expect("a row for every sequence alive");
            row.iter_mut().zip(mask).for_each(|(v, m)| *v *= m);
        }
    }
}
