//! Work divided among threads, and below which size it is not.

use rayon::prelude::*;

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
