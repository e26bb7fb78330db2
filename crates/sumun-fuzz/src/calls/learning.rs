//! Losses, optimizers, schedules, and what holds rows and parameters.

use std::sync::Arc;

use sumun_kernels::Path;
use sumun_nn::loss::{CrossEntropy, Huber, Loss, Targets};
use sumun_nn::train::{Batches, Clip, EarlyStopping, Optimizer, OptimizerConfig, Schedule, ScheduleConfig};
use sumun_nn::{Layout, Parameters, Rows};

use super::choice::Choice;
use super::layers::{Said, layout, said};

const LOSSES: [&str; 5] = ["mse", "mae", "bce", "huber", "cross_entropy"];
const OPTIMIZERS: [&str; 6] = ["sgd", "adam", "adamw", "rmsprop", "adagrad", "momentum"];

/// Losses of predictions and targets that may not be of one length.
pub(super) fn losses(choice: &mut Choice<'_>) -> Said {
    let (count, classes) = (choice.size(20), choice.size(20));
    let is_classes = choice.one_in(2);
    let prediction = choice.values(if is_classes { count.saturating_mul(classes) } else { count });
    let (values, ids) = (choice.values(count), choice.places(count, classes));
    let targets = if is_classes { Targets::Classes(&ids) } else { Targets::Values(&values) };
    let loss = match choice.below(3) {
        0 => said(LOSSES[choice.below(LOSSES.len())].parse::<Loss>())?,
        1 => Loss::Huber(Huber { delta: choice.of(&[1.0, 0.0, -1.0, f32::NAN]) }),
        _ => Loss::CrossEntropy(CrossEntropy {
            class_weights: if choice.one_in(2) { choice.values(classes) } else { Vec::new() },
            ignore: choice.of(&[None, Some(0), Some(u32::MAX)]),
            label_smoothing: choice.of(&[0.0, 0.1, 1.0, f64::NAN]),
        }),
    };
    let _ = loss.weight(targets);
    let mut gradient = choice.values(prediction.len());
    said(loss.value_and_gradient_on(choice.of(&Path::ALL), &prediction, targets, Some(&mut gradient)))
        .map(drop)
}

/// Parameters, and steps that change them.
pub(super) fn optimizer(choice: &mut Choice<'_>) -> Said {
    let mut parameters =
        if choice.one_in(6) { said(Parameters::with_capacity(choice.count(2)))? } else { Parameters::new() };
    for name in ["a", "b", "a"].into_iter().take(1 + choice.below(2)) {
        let shape: Vec<usize> = (0..choice.below(3)).map(|_| choice.size(12)).collect();
        let values = choice.values(shape.iter().fold(1, |all: usize, &size| all.saturating_mul(size)));
        said(parameters.add(name, &shape, values))?;
    }
    let config: OptimizerConfig = said(OPTIMIZERS[choice.below(OPTIMIZERS.len())].parse())?;
    let mut optimizer = said(Optimizer::new(config, &parameters))?;
    for k in 0..1 + choice.below(3) {
        parameters.gradients_mut().iter_mut().for_each(|d| *d = k as f32 - 0.5);
        if choice.one_in(2) {
            let clip = choice.of(&[
                Clip::GlobalNorm { max: 1.0 },
                Clip::GlobalNorm { max: f64::NAN },
                Clip::Value { max: 0.0 },
            ]);
            let _ = clip.apply(&mut parameters);
        }
        said(optimizer.step(
            &mut parameters,
            choice.of(&[0.1, 0.0, -1.0, f64::NAN]),
            choice.of(&[1.0, 0.0, f32::NAN]),
        ))?;
    }
    let other = choice.values(parameters.values().len());
    let state = [(choice.of(&["first", "second", "momentum", ""]), other.as_slice())];
    let _ = optimizer.load_state(choice.of(&[0, 1, u64::MAX]), &state);
    said(optimizer.step(&mut Parameters::new(), 0.1, 1.0)).or(Ok(()))
}

/// Schedules, orders of batches, and when to stop.
pub(super) fn rates(choice: &mut Choice<'_>) -> Said {
    let factor = choice.of(&[0.5, 0.0, 1.0, -1.0, f64::NAN, f64::INFINITY]);
    let count = |choice: &mut Choice<'_>| choice.of(&[0, 1, 5, u64::MAX, u64::MAX / 2 + 1]);
    let config = match choice.below(4) {
        0 => ScheduleConfig::Constant,
        1 => ScheduleConfig::Step { every: choice.size(2), factor },
        2 => ScheduleConfig::Cosine {
            warmup: count(choice),
            total: count(choice),
            floor: choice.of(&[0.0, 0.1, f64::NAN]),
        },
        _ => ScheduleConfig::Plateau {
            factor,
            patience: choice.size(2),
            threshold: 1e-4,
            cooldown: choice.size(2),
            min_rate: choice.of(&[0.0, -1.0]),
        },
    };
    let mut schedule = said(Schedule::new(config, choice.of(&[0.1, 0.0, f64::NAN, -1.0])))?;
    for _ in 0..choice.below(6) {
        let _ = schedule.rate(count(choice), choice.size(2));
        schedule.end_epoch(choice.of(&[1.0, f64::NAN, f64::INFINITY, 0.5]));
    }
    let batches = said(Batches::new(choice.size(2), choice.size(2), 7))?;
    let _ = batches.per_epoch();
    let few = said(Batches::new(1 + choice.below(20), choice.size(3), 7))?;
    assert_eq!(few.order(choice.size(2)).len(), few.order(0).len());
    let mut stopping = said(EarlyStopping::new(
        choice.of(&[None, Some(0), Some(usize::MAX)]),
        choice.of(&[0.0, -1.0, f64::NAN]),
    ))?;
    for epoch in [1, 2, choice.size(2)] {
        stopping.observe(epoch, choice.of(&[1.0, f64::NAN, 0.5]), &Parameters::new());
    }
    said(stopping.restore(&mut Parameters::new())).map(drop)
}

/// Rows packed and unpacked.
pub(super) fn rows(choice: &mut Choice<'_>) -> Said {
    let (of, features) = (layout(choice)?, choice.size(12));
    let cells = of.sequences().saturating_mul(of.time()).saturating_mul(features);
    let array = choice.values(cells);
    let packed = said(Rows::pack(&array, features, Arc::clone(&of)))?;
    let blank = choice.values(cells);
    let _ = packed.unpack_over(&blank);
    // Only rows are values of the array; what is no row is 0.
    let unpacked = packed.unpack();
    let again = said(Rows::pack(&unpacked, features, Arc::clone(&of)))?;
    assert!(
        packed.data.iter().zip(again.data.iter()).all(|(one, other)| one.to_bits() == other.to_bits()),
        "other rows"
    );
    let _ = (packed.unpack_time_major(), said(Rows::pack_gradient(&array, features, of)));
    said(Rows::one_step(choice.values(6), choice.size(3), choice.size(3)))?;
    said(Layout::full(choice.count(1), choice.count(1))).map(drop)
}
