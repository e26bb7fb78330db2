//! What training is made of: optimizers, clipping, regularisers, schedules, early stopping, and the loop that puts them
//! together.

mod average;
pub mod batches;
pub mod clip;
pub mod early_stopping;
mod learning_rate;
pub mod optimizer;
mod origin;
mod progress;
mod range_test;
pub mod regularise;
pub mod schedule;
pub mod session;
mod stop_after;

pub use crate::origin::{Origin, Place};
pub use batches::Batches;
pub use clip::{Clip, Clipped, global_norm, layer_norms};
pub use early_stopping::{Best, EarlyStopping, Verdict};
pub use learning_rate::LearningRate;
pub use optimizer::{Optimizer, OptimizerConfig};
pub use progress::{EpochEnd, EpochRecord, MEASURED, Progress, StepEnd, TrainingStage};
pub use range_test::{RangeFound, RangeStep, RangeTest};
pub use regularise::{Penalties, Regularizer};
pub use schedule::{Schedule, ScheduleConfig};
pub use session::{BatchLoss, Ending, FitOptions, Keeper, Objective, Session, Snapshot, Validated, Wish};
pub use stop_after::StopAfter;

use std::ops::Range;

use crate::Parameters;
use crate::parameters::Entry;

/// The parts of the flat buffers that an optimizer changes, in order, neighbours joined, so that a sweep has few long loops.
fn trainable_ranges(parameters: &Parameters) -> Vec<Range<usize>> {
    joined(parameters, |_| ()).into_iter().map(|(range, ())| range).collect()
}

/// The same, split where the factor of the learning rate changes.
fn ranges_by_rate(parameters: &Parameters) -> Vec<(Range<usize>, f64)> {
    joined(parameters, |entry| entry.learning_rate)
}

fn joined<K: PartialEq>(parameters: &Parameters, key: impl Fn(&Entry) -> K) -> Vec<(Range<usize>, K)> {
    let mut ranges: Vec<(Range<usize>, K)> = Vec::new();
    for entry in parameters.entries().iter().filter(|entry| entry.is_optimized()) {
        let key = key(entry);
        match ranges.last_mut() {
            Some((last, same)) if last.end == entry.range.start && *same == key => last.end = entry.range.end,
            _ => ranges.push((entry.range.clone(), key)),
        }
    }
    ranges
}
