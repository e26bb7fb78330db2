//! A step's update rule over flat buffers, in parts that threads share.

use std::ops::Range;

use sumun_kernels::update::{Adam, Rule, Sweep, update_ranges};
use sumun_kernels::{Machine, Path};

use crate::Result;

/// Numbers of a task: with their gradients and two states they are a quarter of L2.
fn numbers_of_task(path: Path) -> usize {
    (Machine::from(path).l2 / (4 * 4 * size_of::<f32>())).max(1 << 10)
}

/// Applies a rule to some ranges, in increasing order, of buffers that begin with number `first` of all; in parallel if there
/// is much to do. Every number is computed by itself, so how they are shared out changes nothing.
pub(super) fn sweep(
    path: Path,
    rule: &Rule,
    ranges: &[Range<usize>],
    first: usize,
    all: Sweep<'_>,
) -> Result<()> {
    let numbers: usize = ranges.iter().map(Range::len).sum();
    match ranges {
        _ if numbers <= numbers_of_task(path) => {
            let here: Vec<_> = ranges.iter().map(|range| range.start - first..range.end - first).collect();
            Ok(update_ranges(path, rule, &here, all)?)
        }
        [range] => {
            let middle = range.start + (range.len() / 2).next_multiple_of(16);
            let halves = [range.start..middle, middle..range.end];
            join(path, rule, halves.split_at(1), first, middle, all)
        }
        _ => {
            let halves = ranges.split_at(ranges.len() / 2);
            join(path, rule, halves, first, halves.1[0].start, all)
        }
    }
}

/// Sweeps the ranges below number `middle`, and those from it on, in parallel.
fn join(
    path: Path,
    rule: &Rule,
    (left, right): (&[Range<usize>], &[Range<usize>]),
    first: usize,
    middle: usize,
    all: Sweep<'_>,
) -> Result<()> {
    let (below, above) = split(all, middle - first);
    let (left, right) =
        rayon::join(|| sweep(path, rule, left, first, below), || sweep(path, rule, right, middle, above));
    left.and(right)
}

/// The first `at` numbers, and the others. A state that the rule lacks is empty in both.
fn split(all: Sweep<'_>, at: usize) -> (Sweep<'_>, Sweep<'_>) {
    let (values, values_right) = all.values.split_at_mut(at);
    let (gradients, gradients_right) = all.gradients.split_at(at);
    let (first, first_right) = all.first.split_at_mut(at.min(all.first.len()));
    let (second, second_right) = all.second.split_at_mut(at.min(all.second.len()));
    let right =
        Sweep { values: values_right, gradients: gradients_right, first: first_right, second: second_right };
    (Sweep { values, gradients, first, second }, right)
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
