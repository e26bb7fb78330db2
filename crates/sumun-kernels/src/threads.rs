//! Work dealt to threads: what is too small for a second one, and how large pieces are.

use rayon::prelude::*;

use crate::cpu::linear;
use crate::cpu::outer::{Outer, outer};
use crate::simd::Kernels;

/// Work below this many floating-point operations (some 20 µs of one core) is not worth a second thread.
pub(crate) const PARALLEL_FLOPS: usize = 2_000_000;

/// Floats to be copied elsewhere (some 50 µs) below which a second thread is not worth it.
pub(crate) const PARALLEL_FLOATS: usize = 64 * 1024;

/// Runs `run` on every item, in parallel if that is wanted and there are several.
pub(crate) fn for_each_of<T: Send>(items: Vec<T>, parallel: bool, run: impl Fn(T) + Sync + Send) {
    if parallel && items.len() > 1 && rayon::current_num_threads() > 1 {
        items.into_par_iter().for_each(run);
    } else {
        items.into_iter().for_each(run);
    }
}

/// Runs every task, in parallel where there are several.
pub(crate) fn for_each_task(tasks: usize, run: impl Fn(usize) + Sync + Send) {
    if tasks <= 1 {
        (0..tasks).for_each(run);
    } else {
        (0..tasks).into_par_iter().with_max_len(1).for_each(run);
    }
}

/// Computes all output rows of an outer product, in parallel where it is worth it.
///
/// # Safety
/// The task's pointers must be valid for its sizes and for `outputs` output rows, which must not overlap.
pub(crate) unsafe fn run_outer(kernels: &Kernels, task: &Outer, outputs: usize, flops: usize) {
    let threads = if flops < PARALLEL_FLOPS { 1 } else { rayon::current_num_threads() };
    // Whole groups of output rows, and a few tasks a thread so that a busy core does not hold up the rest.
    let each = if threads == 1 { outputs } else { outputs.div_ceil(2 * threads).next_multiple_of(16) };
    for_each_task(outputs.div_ceil(each.max(1)), |i| {
        // SAFETY: the caller's promises; ranges are disjoint.
        unsafe { outer(kernels, task, i * each..((i + 1) * each).min(outputs)) }
    });
}

/// Computes all rows of a plain product, in parallel where it is worth it.
///
/// # Safety
/// The task's pointers must be valid for its sizes and for `rows` rows of A and C.
pub(crate) unsafe fn run_product(kernels: &Kernels, task: &linear::Product, rows: usize, flops: usize) {
    let threads = if flops < PARALLEL_FLOPS { 1 } else { rayon::current_num_threads() };
    let each = if threads == 1 { rows } else { rows.div_ceil(2 * threads).next_multiple_of(24) };
    for_each_task(rows.div_ceil(each.max(1)), |i| {
        // SAFETY: the caller's promises; ranges are disjoint.
        unsafe {
            let first = i * each;
            task.run(kernels, each.min(rows - first), |i| first + i, |i| first + i)
        }
    });
}
