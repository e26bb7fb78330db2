//! A step's update rule over flat buffers, in parts that threads share.

use sumun_kernels::Path;
use sumun_kernels::update::{Adam, Rule, Sweep, update};

use crate::Result;

/// Applies a rule to parts that fit the innermost caches, in parallel if there is much to do. Every number is computed by
/// itself, so the parts change nothing.
pub(super) fn sweep(rule: &Rule, all: Sweep<'_>) -> Result<()> {
    const CHUNK: usize = 1 << 15;
    if all.values.len() <= CHUNK {
        return Ok(update(Path::best(), rule, all)?);
    }
    let middle = (all.values.len() / 2).next_multiple_of(16);
    let (values, values_right) = all.values.split_at_mut(middle);
    let (gradients, gradients_right) = all.gradients.split_at(middle);
    let (first, first_right) = all.first.split_at_mut(middle.min(all.first.len()));
    let (second, second_right) = all.second.split_at_mut(middle.min(all.second.len()));
    let right =
        Sweep { values: values_right, gradients: gradients_right, first: first_right, second: second_right };
    let (left, right) =
        rayon::join(|| sweep(rule, Sweep { values, gradients, first, second }), || sweep(rule, right));
    left.and(right)
}

/// Adam at step `step`, counted from 1, without an L2 penalty or decay.
pub(super) fn adam(lr: f64, scale: f32, beta1: f64, beta2: f64, step: f64, epsilon: f32) -> Adam {
    Adam {
        scale,
        penalty: 0.0,
        keep: 1.0,
        first_share: (1.0 - beta1) as f32,
        second_keep: beta2 as f32,
        second_share: (1.0 - beta2) as f32,
        step_size: (lr / (1.0 - beta1.powf(step))) as f32,
        root_scale: (1.0 / (1.0 - beta2.powf(step)).sqrt()) as f32,
        epsilon,
    }
}
