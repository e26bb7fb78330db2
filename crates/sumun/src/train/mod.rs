//! What training is made of: optimizers, clipping, schedules and early stopping.

pub mod batches;
pub mod clip;
pub mod early_stopping;
pub mod optimizer;
pub mod schedule;

pub use batches::Batches;
pub use clip::{Clip, Clipped, global_norm};
pub use early_stopping::{Best, EarlyStopping, Verdict};
pub use optimizer::{Optimizer, OptimizerConfig};
pub use schedule::{Schedule, ScheduleConfig};

use std::ops::Range;

use crate::Parameters;

/// The trainable parts of the flat buffers in order, neighbours joined, so that a sweep has few long loops.
fn trainable_ranges(parameters: &Parameters) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for entry in parameters.entries().iter().filter(|entry| entry.trainable) {
        match ranges.last_mut() {
            Some(last) if last.end == entry.range.start => last.end = entry.range.end,
            _ => ranges.push(entry.range.clone()),
        }
    }
    ranges
}
