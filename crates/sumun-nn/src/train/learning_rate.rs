//! Learning rates by name, whose numbers follow from the length of the training.

use serde::{Deserialize, Serialize};

use super::{Schedule, ScheduleConfig};
use crate::Result;
use crate::named;

/// How the learning rate changes; the numbers that this leaves open follow from the epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LearningRate {
    /// Not at all.
    Constant,
    /// A tenth after each third of the epochs.
    Step,
    /// Along half a cosine down to a hundredth at the last step.
    #[default]
    Cosine,
    /// Halved when the validation loss (without a validation part, the training loss) has not improved for a third of the
    /// patience.
    Plateau,
}
named!(
    LearningRate,
    "schedule",
    Constant = "constant",
    Step = "step",
    Cosine = "cosine",
    Plateau = "plateau"
);

impl LearningRate {
    /// The schedule of a training of so many epochs of so many steps each, from the highest rate `base`. `patience` is
    /// that of early stopping, in epochs.
    pub fn schedule(
        self,
        base: f64,
        epochs: usize,
        steps_per_epoch: usize,
        patience: usize,
    ) -> Result<Schedule> {
        let config = match self {
            Self::Constant => ScheduleConfig::Constant,
            Self::Step => ScheduleConfig::Step { every: epochs.div_ceil(3), factor: 0.1 },
            Self::Cosine => {
                let total = epochs.saturating_mul(steps_per_epoch) as u64;
                ScheduleConfig::Cosine { warmup: 0, total, floor: 0.01 * base }
            }
            Self::Plateau => ScheduleConfig::Plateau {
                factor: 0.5,
                patience: patience / 3,
                threshold: 1e-4,
                cooldown: 0,
                min_rate: 0.0,
            },
        };
        Schedule::new(config, base)
    }
}
