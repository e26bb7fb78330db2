//! Learning rates over time: a pure function of the optimizer step, the epoch and the losses so far.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How the learning rate changes in training.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ScheduleConfig {
    /// Not at all.
    #[default]
    Constant,
    /// Multiplied by `factor` after every `every` epochs (PyTorch's `StepLR`).
    Step {
        /// Epochs between two changes, at least 1.
        every: usize,
        /// What the rate is multiplied by, above 0.
        factor: f64,
    },
    /// Rises linearly over `warmup` optimizer steps, then falls along half a cosine to `floor` at step `total` and
    /// stays there (Loshchilov & Hutter, ICLR 2017, without restarts).
    Cosine {
        /// Optimizer steps of the rise; may be 0.
        warmup: u64,
        /// Optimizer steps in all, over `warmup`.
        total: u64,
        /// The last rate, from 0 to the base rate.
        floor: f64,
    },
    /// Multiplied by `factor` when the loss has not improved for more than `patience` epochs (PyTorch's
    /// `ReduceLROnPlateau`, whose defaults [`plateau`](Self::plateau) gives).
    Plateau {
        /// What the rate is multiplied by, above 0 and below 1.
        factor: f64,
        /// Epochs without improvement that are let pass.
        patience: usize,
        /// By which share of the best loss a loss must be lower to count as better.
        threshold: f64,
        /// Epochs after a reduction during which none is counted.
        cooldown: usize,
        /// The lowest rate.
        min_rate: f64,
    },
}

impl ScheduleConfig {
    /// Reduction on a plateau with PyTorch's defaults: factor .1, patience 10, threshold 10⁻⁴, no cooldown, no
    /// lowest rate.
    pub fn plateau() -> Self {
        Self::Plateau { factor: 0.1, patience: 10, threshold: 1e-4, cooldown: 0, min_rate: 0.0 }
    }
}

/// A schedule: its configuration and all that it has to remember; a checkpoint saves it as it is.
///
/// ```
/// use sumun_nn::train::{Schedule, ScheduleConfig};
/// let schedule = Schedule::new(ScheduleConfig::Step { every: 2, factor: 0.5 }, 0.1)?;
/// assert_eq!([0, 1, 2, 4].map(|epoch| schedule.rate(0, epoch)), [0.1, 0.1, 0.05, 0.025]);
/// # Ok::<(), sumun_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    config: ScheduleConfig,
    base: f64,
    /// The rate that plateaus have left.
    reduced: f64,
    best: Option<f64>,
    bad_epochs: usize,
    cooldown_left: usize,
}

impl Schedule {
    /// A schedule from the base rate. Rates and settings that make no sense are errors.
    pub fn new(config: ScheduleConfig, base: f64) -> Result<Self> {
        let rate = |v: f64| v.is_finite() && v >= 0.0;
        let wrong = match config {
            _ if !rate(base) => Some(format!("the learning rate is {base}; it must be at least 0")),
            ScheduleConfig::Step { every: 0, .. } => {
                Some("a step schedule's epochs must be at least 1".into())
            }
            ScheduleConfig::Step { factor, .. } if !(rate(factor) && factor > 0.0) => {
                Some(format!("a step schedule's factor is {factor}; it must be above 0"))
            }
            ScheduleConfig::Cosine { warmup, total, .. } if total <= warmup => Some(format!(
                "a cosine schedule of {total} steps with {warmup} steps of warm-up; the steps must be more"
            )),
            ScheduleConfig::Cosine { floor, .. } if !rate(floor) || floor > base => {
                Some(format!("a cosine schedule's floor is {floor}; it must be from 0 to the rate, {base}"))
            }
            ScheduleConfig::Plateau { factor, .. } if !(factor > 0.0 && factor < 1.0) => {
                Some(format!("a plateau schedule's factor is {factor}; it must be above 0 and below 1"))
            }
            ScheduleConfig::Plateau { threshold, min_rate, .. } if !rate(threshold) || !rate(min_rate) => {
                Some(format!(
                    "a plateau schedule's threshold is {threshold} and lowest rate {min_rate}; both must be at least 0"
                ))
            }
            _ => None,
        };
        match wrong {
            Some(message) => Err(Error::Invalid(message)),
            None => Ok(Self { config, base, reduced: base, best: None, bad_epochs: 0, cooldown_left: 0 }),
        }
    }

    /// The settings.
    pub fn config(&self) -> ScheduleConfig {
        self.config
    }

    /// Whether `start`, before its first step, may come to be this one.
    pub(super) fn continues(&self, start: &Self) -> bool {
        self.config == start.config && self.base == start.base && (0.0..=self.base).contains(&self.reduced)
    }

    /// The learning rate of optimizer step `step` in epoch `epoch`, both counted from 0.
    pub fn rate(&self, step: u64, epoch: usize) -> f64 {
        match self.config {
            ScheduleConfig::Constant => self.base,
            ScheduleConfig::Step { every, factor } => self.base * factor.powf((epoch / every) as f64),
            ScheduleConfig::Cosine { warmup, .. } if step < warmup => {
                self.base * (step + 1) as f64 / warmup as f64
            }
            ScheduleConfig::Cosine { total, floor, .. } if step >= total => floor,
            ScheduleConfig::Cosine { warmup, total, floor } => {
                let progress = (step - warmup) as f64 / (total - warmup) as f64;
                floor + (self.base - floor) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
            }
            ScheduleConfig::Plateau { .. } => self.reduced,
        }
    }

    /// Gives the schedule the loss of the epoch that has just ended: the validation loss where there is one. Only
    /// a plateau schedule listens. A loss that is not a number is no improvement.
    pub fn end_epoch(&mut self, loss: f64) {
        let ScheduleConfig::Plateau { factor, patience, threshold, cooldown, min_rate } = self.config else {
            return;
        };
        if !loss.is_nan() && self.best.is_none_or(|best| loss < best * (1.0 - threshold)) {
            self.best = Some(loss);
            self.bad_epochs = 0;
        } else {
            self.bad_epochs += 1;
        }
        if self.cooldown_left > 0 {
            self.cooldown_left -= 1;
            self.bad_epochs = 0;
        }
        if self.bad_epochs > patience {
            // A rate that starts below the lowest one stays, and changes of at most 10⁻⁸ are left out, as in PyTorch.
            let reduced = (self.reduced * factor).max(min_rate);
            if self.reduced - reduced > 1e-8 {
                self.reduced = reduced;
            }
            self.cooldown_left = cooldown;
            self.bad_epochs = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
    }

    #[test]
    fn rates_that_follow_the_clock() {
        let cosine = ScheduleConfig::Cosine { warmup: 4, total: 12, floor: 0.02 };
        let cases = [
            (ScheduleConfig::Constant, 1000, 1000, 0.1),
            (ScheduleConfig::Step { every: 3, factor: 0.1 }, 9, 2, 0.1),
            (ScheduleConfig::Step { every: 3, factor: 0.1 }, 9, 7, 0.001),
            (cosine, 0, 0, 0.025),
            (cosine, 3, 0, 0.1),
            (cosine, 4, 0, 0.1),
            (cosine, 8, 0, 0.06),
            (cosine, 10, 0, 0.02 + 0.08 * 0.5 * (1.0 - 0.5_f64.sqrt())),
            (cosine, 12, 0, 0.02),
            (cosine, u64::MAX, 0, 0.02),
        ];
        for (config, step, epoch, expected) in cases {
            close(Schedule::new(config, 0.1).unwrap().rate(step, epoch), expected);
        }
    }

    /// The rates that `ReduceLROnPlateau(optimizer, factor=.5, patience=1, cooldown=1, min_lr=.02)` leaves after
    /// each loss, from PyTorch.
    #[test]
    fn plateaus_reduce_as_pytorch_does() {
        let config = ScheduleConfig::Plateau {
            factor: 0.5,
            patience: 1,
            threshold: 1e-4,
            cooldown: 1,
            min_rate: 0.02,
        };
        let mut schedule = Schedule::new(config, 0.1).unwrap();
        for (k, (loss, expected)) in PLATEAU_LOSSES.into_iter().zip(PLATEAU_RATES).enumerate() {
            schedule.end_epoch(loss);
            close(schedule.rate(0, k), expected);
            // A checkpoint in the middle changes nothing.
            let text = serde_json::to_string(&schedule).unwrap();
            schedule = serde_json::from_str(&text).unwrap();
        }
    }
    const PLATEAU_LOSSES: [f64; 20] = [
        1.0,
        0.9,
        0.9,
        0.89999,
        0.91,
        0.92,
        0.93,
        0.5,
        0.6,
        0.7,
        0.49999,
        0.4,
        0.5,
        0.5,
        f64::NAN,
        0.5,
        0.5,
        0.5,
        0.5,
        0.5,
    ];
    const PLATEAU_RATES: [f64; 20] = [
        0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02,
        0.02, 0.02, 0.02,
    ];

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        let plateau =
            ScheduleConfig::Plateau { factor: 1.0, patience: 1, threshold: 1e-4, cooldown: 0, min_rate: 0.0 };
        let cases = [
            (ScheduleConfig::Constant, -1.0),
            (ScheduleConfig::Constant, f64::NAN),
            (ScheduleConfig::Step { every: 0, factor: 0.1 }, 0.1),
            (ScheduleConfig::Step { every: 1, factor: 0.0 }, 0.1),
            (ScheduleConfig::Cosine { warmup: 5, total: 5, floor: 0.0 }, 0.1),
            (ScheduleConfig::Cosine { warmup: 0, total: 5, floor: 0.2 }, 0.1),
            (plateau, 0.1),
        ];
        for (config, base) in cases {
            assert!(Schedule::new(config, base).is_err(), "{config:?} from {base}");
        }
    }
}
