//! The learning-rate range test: which learning rate a training bears (Smith 2017, arXiv 1506.01186).

use super::origin::of_weights;
use super::{BatchLoss, FitOptions, Objective, Optimizer};
use crate::message::key;
use crate::noise::Noise;
use crate::{Error, Result};

/// A short training whose learning rate grows by the same factor at every step, from rates with which nothing moves to rates
/// with which it diverges.
///
/// The weights of the objective are those of the last step afterwards, which are of no use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RangeTest {
    /// The first learning rate.
    pub lowest: f64,
    /// The last one, unless the loss goes up before.
    pub highest: f64,
    /// Optimizer steps from the one to the other: 2 or more.
    pub steps: usize,
}

/// A step of such a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RangeStep {
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// The loss of its batch, before the step.
    pub loss: f64,
    /// The mean of the losses around the step, over a tenth of the steps.
    pub smoothed: f64,
}

/// What a test came to.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeFound {
    /// The steps in their order; the last is the one before it was ended.
    pub steps: Vec<RangeStep>,
    /// Whether the loss went up so far that the test ended before its last step.
    pub diverged: bool,
    /// The rate at which the smoothed loss is least; `None` where it never fell.
    pub least: Option<f64>,
    /// The rate at which the smoothed loss falls fastest over the logarithm of the rate; `None` where it never fell.
    pub steepest: Option<f64>,
}

/// Whether to end the test is seen in an exponential mean, where a loss of so many steps ago counts 1/e, as a share of all steps.
const MEMORY: f64 = 0.05;
/// That mean may be so many times its least above it, as in fast.ai's test.
const FAR_UP: f64 = 3.0;
/// Losses are smoothed, and slopes taken, over so many steps before and after a step, as a share of all steps.
const REACH: f64 = 0.05;
/// Steps at the beginning that only show how the loss varies from batch to batch, as a share of all steps.
const UNSETTLED: f64 = 0.1;
/// How many times the rate with the least loss is the suggested one.
const BELOW_LEAST: f64 = 10.0;

impl RangeTest {
    /// Takes the steps. Errors: rates or steps that make no test, and a loss that is not finite before there is anything to see.
    pub fn run(&self, options: &FitOptions, objective: &mut dyn Objective) -> Result<RangeFound> {
        let &Self { lowest, highest, steps } = self;
        if !(lowest.is_finite() && lowest > 0.0) {
            return Err(Error::setting(key("lowest"), lowest, "a number above 0, such as 0.000001"));
        }
        if !(highest.is_finite() && highest > lowest) {
            return Err(Error::setting(
                key("highest"),
                highest,
                format!("a number above {lowest}, such as 1"),
            ));
        }
        let unsettled = (UNSETTLED * steps as f64) as usize;
        if unsettled == 0 {
            return Err(Error::setting(
                key("steps"),
                steps,
                format!("at least {}", (1.0 / UNSETTLED) as usize),
            ));
        }
        let mut optimizer = Optimizer::new(options.optimizer, objective.parameters())?;
        let per_epoch = objective.steps_per_epoch();
        let kept = (-1.0 / (MEMORY * steps as f64)).exp();
        let factor = (highest / lowest).ln() / (steps - 1) as f64;
        let mut taken: Vec<(f64, f64)> = Vec::with_capacity(steps);
        let (mut sum, mut weight, mut first, mut least) = (0.0, 0.0, 0.0, f64::INFINITY);
        let mut diverged = false;
        for step in 0..steps {
            let rate = lowest * (factor * step as f64).exp();
            objective.parameters_mut().zero_gradients();
            let noise = Noise { seed: options.seed, step: step as u64, layer: 0 };
            let BatchLoss { loss, .. } = objective.batch(step / per_epoch, step % per_epoch, noise)?;
            let clipped = options.clip.apply(objective.parameters_mut())?;
            if !(loss.is_finite() && clipped.norm.is_finite()) {
                if step <= unsettled {
                    let (step, epoch) = (step as u64 + 1, step / per_epoch + 1);
                    let what = "the loss";
                    let origin = of_weights(objective.parameters()).map(Box::new);
                    return Err(Error::Diverged {
                        what,
                        value: loss,
                        step,
                        epoch,
                        learning_rate: rate,
                        origin,
                    });
                }
                diverged = true;
                break;
            }
            (sum, weight) = (kept * sum + (1.0 - kept) * loss, kept * weight + (1.0 - kept));
            let mean = sum / weight;
            taken.push((rate, loss));
            if step <= unsettled {
                (first, least) = (mean, mean);
            }
            least = least.min(mean);
            if mean - least > FAR_UP * least.abs().max(first - least) {
                diverged = true;
                break;
            }
            optimizer.step(objective.parameters_mut(), rate, clipped.gradient_scale)?;
        }
        let reach = ((REACH * steps as f64) as usize).max(1);
        Ok(RangeFound::of(&taken, diverged, unsettled, reach))
    }
}

impl RangeFound {
    /// Of rates and losses.
    fn of(taken: &[(f64, f64)], diverged: bool, unsettled: usize, reach: usize) -> Self {
        let around = |at: usize| at.saturating_sub(reach)..(at + reach + 1).min(taken.len());
        let smoothed = |at: usize| {
            let near = &taken[around(at)];
            near.iter().map(|(_, loss)| loss).sum::<f64>() / near.len() as f64
        };
        let step = |(at, &(learning_rate, loss)): (usize, &(f64, f64))| RangeStep {
            learning_rate,
            loss,
            smoothed: smoothed(at),
        };
        let steps: Vec<RangeStep> = taken.iter().enumerate().map(step).collect();
        let lowest = steps.iter().enumerate().min_by(|a, b| a.1.smoothed.total_cmp(&b.1.smoothed));
        // Where one of the first steps is the least, nothing was learnt.
        let lowest = lowest.map(|(at, _)| at).filter(|&at| at > unsettled);
        let slope = |at: usize| {
            let (before, after) = (at.saturating_sub(reach), (at + reach).min(steps.len() - 1));
            let run = steps[after].learning_rate.ln() - steps[before].learning_rate.ln();
            (steps[after].smoothed - steps[before].smoothed) / run
        };
        let falling = lowest.and_then(|lowest| {
            (unsettled..=lowest).map(|at| (slope(at), at)).min_by(|a, b| a.0.total_cmp(&b.0))
        });
        let rate = |at: usize| steps[at].learning_rate;
        Self {
            least: lowest.map(rate),
            steepest: falling.filter(|(slope, _)| *slope < 0.0).map(|(_, at)| rate(at)),
            diverged,
            steps,
        }
    }

    /// The rate to try: a tenth of the one with the least smoothed loss (the rule of fast.ai's `lr_find`), as the highest rate of
    /// a schedule; `None` where the loss never fell.
    pub fn suggested(&self) -> Option<f64> {
        self.least.map(|least| least / BELOW_LEAST)
    }

    /// Whether the loss was still falling at the last step, so that higher rates would say more.
    pub fn is_open(&self) -> bool {
        !self.diverged
            && self
                .least
                .is_some_and(|least| self.steps.last().is_some_and(|last| least >= 0.5 * last.learning_rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parameters;
    use crate::parameters::Id;
    use crate::train::{Clip, LearningRate, Validated};

    /// w² by plain gradient descent: it falls for rates below 1 and grows above (2w · rate > 2w).
    struct Bowl {
        parameters: Parameters,
        id: Id,
    }

    impl Objective for Bowl {
        fn parameters(&self) -> &Parameters {
            &self.parameters
        }

        fn parameters_mut(&mut self) -> &mut Parameters {
            &mut self.parameters
        }

        fn steps_per_epoch(&self) -> usize {
            3
        }

        fn batch(&mut self, _epoch: usize, _step: usize, _noise: Noise) -> Result<BatchLoss> {
            let (w, d) = self.parameters.value_and_gradient(self.id);
            d[0] += 2.0 * w[0];
            Ok(BatchLoss { loss: f64::from(w[0]).powi(2), weight: 1.0, rows: 1 })
        }

        fn validate(&mut self) -> Result<Option<Validated>> {
            Ok(None)
        }
    }

    fn found(lowest: f64, highest: f64, steps: usize) -> Result<RangeFound> {
        let mut parameters = Parameters::new();
        let id = parameters.add("w", &[1], vec![1.0]).unwrap();
        let options = FitOptions {
            epochs: 1,
            lr: 0.1,
            schedule: LearningRate::Constant,
            patience: 1,
            seed: 0,
            optimizer: "sgd".parse().unwrap(),
            clip: Clip::None,
            ema: 0.0,
        };
        RangeTest { lowest, highest, steps }.run(&options, &mut Bowl { parameters, id })
    }

    #[test]
    fn the_rate_that_a_bowl_bears_is_found() {
        let found = found(1e-4, 1e3, 400).unwrap();
        assert!(found.diverged && !found.is_open() && found.steps.len() < 400);
        let (least, steepest) = (found.least.unwrap(), found.steepest.unwrap());
        // It falls fastest where the rate times the curvature, 2, and the steps at it have brought it down to a part.
        assert!((0.003..0.1).contains(&steepest), "{steepest}");
        assert!((0.3..3.0).contains(&least), "{least}");
        assert_eq!(found.suggested(), Some(least / 10.0));
        for pair in found.steps.windows(2) {
            let ratio = pair[1].learning_rate / pair[0].learning_rate;
            assert!((ratio - 1e7_f64.powf(1.0 / 399.0)).abs() < 1e-9);
        }
    }

    #[test]
    fn rates_that_are_too_low_say_so() {
        assert!(found(1e-4, 1e-2, 100).unwrap().is_open());
        let high = found(10.0, 1e6, 100).unwrap();
        assert_eq!((high.least, high.steepest, high.diverged), (None, None, true));
    }

    #[test]
    fn what_makes_no_test_is_refused() {
        for (lowest, highest, steps, expected) in [
            (0.0, 1.0, 100, "lowest is 0; it must be a number above 0"),
            (1.0, 1.0, 100, "highest is 1; it must be a number above 1"),
            (1e-3, f64::NAN, 100, "highest is NaN"),
            (1e-3, 1.0, 9, "steps is 9; it must be at least 10"),
        ] {
            let error = found(lowest, highest, steps).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
