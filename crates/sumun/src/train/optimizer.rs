//! Optimizers, as PyTorch defines them: one sweep over the flat buffers a step, clipping included.
//!
//! They are dense: the moments of an embedding row that a batch does not touch decay too.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::trainable_ranges;
use crate::{Error, Parameters, Result};

/// Which optimizer, with its settings; the learning rate is given step by step. Settings left out of a file take
/// PyTorch's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum OptimizerConfig {
    /// Stochastic gradient descent: b = μ·b + g; p −= η·b, or with Nesterov p −= η·(g + μ·b) (Sutskever et al.,
    /// ICML 2013, as PyTorch writes it, dampening 0).
    Sgd {
        /// μ, at least 0.
        #[serde(default)]
        momentum: f32,
        /// Whether to look ahead; needs momentum.
        #[serde(default)]
        nesterov: bool,
        /// λ of the L2 penalty: g += λ·p.
        #[serde(default)]
        weight_decay: f32,
    },
    /// Kingma & Ba, ICLR 2015.
    Adam {
        /// β₁, from 0 and below 1: the decay of the mean gradient.
        #[serde(default = "beta1")]
        beta1: f64,
        /// β₂, from 0 and below 1: the decay of the mean squared gradient.
        #[serde(default = "beta2")]
        beta2: f64,
        /// ε, added to the root.
        #[serde(default = "epsilon")]
        epsilon: f32,
        /// λ of the L2 penalty: g += λ·p.
        #[serde(default)]
        weight_decay: f32,
    },
    /// Adam with decoupled weight decay (Loshchilov & Hutter, ICLR 2019).
    #[serde(rename = "adamw")]
    AdamW {
        /// β₁, from 0 and below 1: the decay of the mean gradient.
        #[serde(default = "beta1")]
        beta1: f64,
        /// β₂, from 0 and below 1: the decay of the mean squared gradient.
        #[serde(default = "beta2")]
        beta2: f64,
        /// ε, added to the root.
        #[serde(default = "epsilon")]
        epsilon: f32,
        /// λ of the decay: p −= η·λ·p.
        #[serde(default = "decoupled_decay")]
        weight_decay: f32,
    },
    /// p −= η·g / (√(mean g²) + ε) (Tieleman & Hinton, lecture 6.5, 2012), not centred, without momentum.
    #[serde(rename = "rmsprop")]
    RmsProp {
        /// α, from 0 and below 1: the decay of the mean squared gradient.
        #[serde(default = "alpha")]
        alpha: f64,
        /// ε, added to the root.
        #[serde(default = "epsilon")]
        epsilon: f32,
        /// λ of the L2 penalty: g += λ·p.
        #[serde(default)]
        weight_decay: f32,
    },
    /// p −= η·g / (√(Σ g²) + ε) (Duchi, Hazan & Singer, JMLR 2011).
    Adagrad {
        /// ε, added to the root.
        #[serde(default = "adagrad_epsilon")]
        epsilon: f32,
        /// λ of the L2 penalty: g += λ·p.
        #[serde(default)]
        weight_decay: f32,
        /// The rate is divided by 1 + (steps before this one)·lr_decay.
        #[serde(default)]
        lr_decay: f64,
        /// Where the sums of squares start, at least 0.
        #[serde(default)]
        initial_accumulator: f32,
    },
}

fn beta1() -> f64 {
    0.9
}
fn beta2() -> f64 {
    0.999
}
fn epsilon() -> f32 {
    1e-8
}
fn decoupled_decay() -> f32 {
    0.01
}
fn alpha() -> f64 {
    0.99
}
fn adagrad_epsilon() -> f32 {
    1e-10
}

/// An optimizer by its name, with PyTorch's defaults.
impl FromStr for OptimizerConfig {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "sgd" => Self::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.0 },
            "adam" => Self::Adam { beta1: beta1(), beta2: beta2(), epsilon: epsilon(), weight_decay: 0.0 },
            "adamw" => Self::AdamW {
                beta1: beta1(),
                beta2: beta2(),
                epsilon: epsilon(),
                weight_decay: decoupled_decay(),
            },
            "rmsprop" => Self::RmsProp { alpha: alpha(), epsilon: epsilon(), weight_decay: 0.0 },
            "adagrad" => Self::Adagrad {
                epsilon: adagrad_epsilon(),
                weight_decay: 0.0,
                lr_decay: 0.0,
                initial_accumulator: 0.0,
            },
            _ => {
                return Err(Error::Invalid(format!(
                    "no optimizer is named {name:?}; there are sgd, adam, adamw, rmsprop and adagrad"
                )));
            }
        })
    }
}

impl OptimizerConfig {
    /// The name that [`from_str`](str::parse) reads.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sgd { .. } => "sgd",
            Self::Adam { .. } => "adam",
            Self::AdamW { .. } => "adamw",
            Self::RmsProp { .. } => "rmsprop",
            Self::Adagrad { .. } => "adagrad",
        }
    }

    /// The names of the state buffers, which are PyTorch's.
    fn buffers(&self) -> &'static [&'static str] {
        match self {
            Self::Sgd { momentum, .. } if *momentum == 0.0 => &[],
            Self::Sgd { .. } => &["momentum_buffer"],
            Self::Adam { .. } | Self::AdamW { .. } => &["exp_avg", "exp_avg_sq"],
            Self::RmsProp { .. } => &["square_avg"],
            Self::Adagrad { .. } => &["sum"],
        }
    }

    fn check(&self) -> Result<()> {
        let at_least_0 = |what, value: f64| {
            refuse_unless(value.is_finite() && value >= 0.0, || {
                format!("the {what} of {} is {value}; it must be a finite number of at least 0", self.name())
            })
        };
        let below_1 = |what, value: f64| {
            refuse_unless((0.0..1.0).contains(&value), || {
                format!("the {what} of {} is {value}; it must be at least 0 and below 1", self.name())
            })
        };
        match *self {
            Self::Sgd { momentum, nesterov, weight_decay } => {
                at_least_0("momentum", momentum.into())?;
                refuse_unless(!nesterov || momentum > 0.0, || "Nesterov needs a momentum above 0".into())?;
                at_least_0("weight decay", weight_decay.into())
            }
            Self::Adam { beta1, beta2, epsilon, weight_decay }
            | Self::AdamW { beta1, beta2, epsilon, weight_decay } => {
                below_1("beta1", beta1)?;
                below_1("beta2", beta2)?;
                at_least_0("epsilon", epsilon.into())?;
                at_least_0("weight decay", weight_decay.into())
            }
            Self::RmsProp { alpha, epsilon, weight_decay } => {
                below_1("alpha", alpha)?;
                at_least_0("epsilon", epsilon.into())?;
                at_least_0("weight decay", weight_decay.into())
            }
            Self::Adagrad { epsilon, weight_decay, lr_decay, initial_accumulator } => {
                at_least_0("epsilon", epsilon.into())?;
                at_least_0("weight decay", weight_decay.into())?;
                at_least_0("lr_decay", lr_decay)?;
                at_least_0("initial accumulator", initial_accumulator.into())
            }
        }
    }
}

fn refuse_unless(fine: bool, message: impl FnOnce() -> String) -> Result<()> {
    if fine { Ok(()) } else { Err(Error::Invalid(message())) }
}

/// An optimizer at work: its settings, how many steps it took, and its state, flat as the parameters are.
///
/// ```
/// use sumun::{Parameters, train::Optimizer};
/// let mut parameters = Parameters::new();
/// let id = parameters.add("w", &[2], vec![1.0, 2.0])?;
/// let mut optimizer = Optimizer::new("sgd".parse()?, &parameters)?;
/// parameters.gradient_mut(id).copy_from_slice(&[1.0, -1.0]);
/// optimizer.step(&mut parameters, 0.5, 1.0)?;
/// assert_eq!(parameters.value(id), [0.5, 2.5]);
/// # Ok::<(), sumun::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Optimizer {
    config: OptimizerConfig,
    steps: u64,
    parameters: usize,
    /// `[P]` each, or empty where the optimizer has no such state.
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Optimizer {
    /// An optimizer for these parameters, before its first step. Settings that make no sense are errors.
    pub fn new(config: OptimizerConfig, parameters: &Parameters) -> Result<Self> {
        config.check()?;
        let buffers = config.buffers().len();
        let start = match config {
            OptimizerConfig::Adagrad { initial_accumulator, .. } => initial_accumulator,
            _ => 0.0,
        };
        let size = |wanted: bool| if wanted { parameters.len() } else { 0 };
        Ok(Self {
            config,
            steps: 0,
            parameters: parameters.len(),
            first: vec![start; size(buffers > 0)],
            second: vec![0.0; size(buffers > 1)],
        })
    }

    /// The settings.
    pub fn config(&self) -> OptimizerConfig {
        self.config
    }

    /// How many steps were taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The state by name, each `[P]` as the flat parameters are, for a checkpoint. The names are PyTorch's.
    pub fn state(&self) -> Vec<(&'static str, &[f32])> {
        let buffers = [&self.first[..], &self.second[..]];
        self.config.buffers().iter().copied().zip(buffers).collect()
    }

    /// Goes on from a checkpoint: the number of steps taken and every buffer that [`state`](Self::state) gave. A
    /// buffer that lacks, is unknown or has another length is an error, and nothing has changed then.
    pub fn load_state(&mut self, steps: u64, state: &[(&str, &[f32])]) -> Result<()> {
        let names = self.config.buffers();
        if let Some((name, _)) = state.iter().find(|(name, _)| !names.contains(name)) {
            return Err(Error::Model(format!(
                "the optimizer {} has no state {name:?}; it has {names:?}",
                self.config.name()
            )));
        }
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            let Some((_, values)) = state.iter().find(|(n, _)| n == name) else {
                return Err(Error::Model(format!("the state {name:?} of {} is missing", self.config.name())));
            };
            if values.len() != self.parameters {
                return Err(Error::Shape {
                    what: format!("the optimizer state {name}"),
                    expected: format!("{} values", self.parameters),
                    found: values.len().to_string(),
                });
            }
            found.push(*values);
        }
        for (buffer, values) in [&mut self.first, &mut self.second].into_iter().zip(found) {
            buffer.copy_from_slice(values);
        }
        self.steps = steps;
        Ok(())
    }

    /// One step with learning rate `lr`; every gradient is first multiplied by `gradient_scale`, which clipping
    /// gives. Frozen parameters and their state stay as they are. Gradients are not zeroed.
    ///
    /// Every element is computed by itself, so threads change nothing. Other parameters than those the optimizer
    /// was made for, and a learning rate that is negative or not finite, are errors.
    pub fn step(&mut self, parameters: &mut Parameters, lr: f64, gradient_scale: f32) -> Result<()> {
        refuse_unless(lr.is_finite() && lr >= 0.0, || {
            format!("the learning rate is {lr}; it must be a finite number of at least 0")
        })?;
        if parameters.len() != self.parameters {
            return Err(Error::Shape {
                what: "the parameters of an optimizer".into(),
                expected: format!("{} values", self.parameters),
                found: parameters.len().to_string(),
            });
        }
        let before = self.steps as f64;
        self.steps += 1;
        let scale = gradient_scale;
        let ranges = trainable_ranges(parameters);
        let (values, gradients, _) = parameters.values_and_gradients_mut();
        let (first, second) = (&mut self.first, &mut self.second);
        let config = self.config;
        for range in ranges {
            let part = |buffer: &Vec<f32>| if buffer.is_empty() { 0..0 } else { range.clone() };
            let (first_part, second_part) = (part(first), part(second));
            let sweep = Sweep {
                values: &mut values[range.clone()],
                gradients: &gradients[range.clone()],
                first: &mut first[first_part],
                second: &mut second[second_part],
            };
            match config {
                OptimizerConfig::Sgd { momentum, nesterov, weight_decay } => {
                    let rule = Sgd { lr: lr as f32, scale, momentum, weight_decay };
                    match (momentum == 0.0, nesterov) {
                        (true, _) => sweep.each(&|s| rule.plain(s)),
                        (false, false) => sweep.each(&|s| rule.momentum(s)),
                        (false, true) => sweep.each(&|s| rule.nesterov(s)),
                    }
                }
                OptimizerConfig::Adam { beta1, beta2, epsilon, weight_decay } => {
                    let mut rule = Adam::new(lr, scale, beta1, beta2, before + 1.0, epsilon);
                    rule.penalty = weight_decay;
                    sweep.each(&|s| rule.update(s));
                }
                OptimizerConfig::AdamW { beta1, beta2, epsilon, weight_decay } => {
                    let mut rule = Adam::new(lr, scale, beta1, beta2, before + 1.0, epsilon);
                    rule.keep = (1.0 - lr * f64::from(weight_decay)) as f32;
                    sweep.each(&|s| rule.update(s));
                }
                OptimizerConfig::RmsProp { alpha, epsilon, weight_decay } => {
                    let (old, new) = (alpha as f32, (1.0 - alpha) as f32);
                    let rule = SquareRoot { lr: lr as f32, scale, penalty: weight_decay, old, new, epsilon };
                    sweep.each(&|s| rule.update(s));
                }
                OptimizerConfig::Adagrad { epsilon, weight_decay, lr_decay, .. } => {
                    let lr = (lr / (1.0 + before * lr_decay)) as f32;
                    let rule = SquareRoot { lr, scale, penalty: weight_decay, old: 1.0, new: 1.0, epsilon };
                    sweep.each(&|s| rule.update(s));
                }
            }
        }
        Ok(())
    }
}

/// A contiguous part of all buffers that an update reads and writes, equally long or empty.
struct Sweep<'a> {
    values: &'a mut [f32],
    gradients: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl Sweep<'_> {
    /// Applies `update` to parts that fit the innermost caches, in parallel if there is much to do.
    fn each(self, update: &(impl Fn(Sweep<'_>) + Sync)) {
        const CHUNK: usize = 1 << 15;
        let middle = (self.values.len() / 2).next_multiple_of(16);
        if self.values.len() <= CHUNK {
            return update(self);
        }
        let (values, values_right) = self.values.split_at_mut(middle);
        let (gradients, gradients_right) = self.gradients.split_at(middle);
        let (first, first_right) = self.first.split_at_mut(middle.min(self.first.len()));
        let (second, second_right) = self.second.split_at_mut(middle.min(self.second.len()));
        let right = Sweep {
            values: values_right,
            gradients: gradients_right,
            first: first_right,
            second: second_right,
        };
        rayon::join(|| Sweep { values, gradients, first, second }.each(update), || right.each(update));
    }
}

/// p −= η·b with b = μ·b + g and g = scale·gradient + λ·p.
struct Sgd {
    lr: f32,
    scale: f32,
    momentum: f32,
    weight_decay: f32,
}

impl Sgd {
    fn plain(&self, s: Sweep<'_>) {
        let Self { lr, scale, weight_decay, .. } = *self;
        for (p, &d) in s.values.iter_mut().zip(s.gradients) {
            *p -= lr * (d * scale + weight_decay * *p);
        }
    }

    fn momentum(&self, s: Sweep<'_>) {
        let Self { lr, scale, momentum, weight_decay } = *self;
        for ((p, &d), b) in s.values.iter_mut().zip(s.gradients).zip(s.first) {
            *b = momentum * *b + (d * scale + weight_decay * *p);
            *p -= lr * *b;
        }
    }

    fn nesterov(&self, s: Sweep<'_>) {
        let Self { lr, scale, momentum, weight_decay } = *self;
        for ((p, &d), b) in s.values.iter_mut().zip(s.gradients).zip(s.first) {
            let g = d * scale + weight_decay * *p;
            *b = momentum * *b + g;
            *p -= lr * (g + momentum * *b);
        }
    }
}

/// m += (1 − β₁)(g − m); v = β₂·v + (1 − β₂)·g²; p = keep·p − η/(1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε).
struct Adam {
    scale: f32,
    penalty: f32,
    keep: f32,
    first_share: f32,
    second_keep: f32,
    second_share: f32,
    step_size: f32,
    root_scale: f32,
    epsilon: f32,
}

impl Adam {
    /// `step` is counted from 1. Neither an L2 penalty nor decay yet.
    fn new(lr: f64, scale: f32, beta1: f64, beta2: f64, step: f64, epsilon: f32) -> Self {
        Self {
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

    fn update(&self, s: Sweep<'_>) {
        let Self { scale, penalty, keep, first_share, second_keep, second_share, .. } = *self;
        let Self { step_size, root_scale, epsilon, .. } = *self;
        for (((p, &d), m), v) in s.values.iter_mut().zip(s.gradients).zip(s.first).zip(s.second) {
            let g = d * scale + penalty * *p;
            *m += first_share * (g - *m);
            *v = second_keep * *v + second_share * (g * g);
            *p = *p * keep - step_size * *m / (v.sqrt() * root_scale + epsilon);
        }
    }
}

/// v = old·v + new·g²; p −= η·g / (√v + ε): RMSprop with shares α and 1 − α, Adagrad with 1 and 1.
struct SquareRoot {
    lr: f32,
    scale: f32,
    penalty: f32,
    old: f32,
    new: f32,
    epsilon: f32,
}

impl SquareRoot {
    fn update(&self, s: Sweep<'_>) {
        let Self { lr, scale, penalty, old, new, epsilon } = *self;
        for ((p, &d), v) in s.values.iter_mut().zip(s.gradients).zip(s.first) {
            let g = d * scale + penalty * *p;
            *v = old * *v + new * (g * g);
            *p -= lr * g / (v.sqrt() + epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: [f32; 5] = [0.5, -1.0, 2.0, 0.0, -0.25];

    fn parameters(values: &[f32]) -> Parameters {
        let mut parameters = Parameters::new();
        parameters.add("p", &[values.len()], values.to_vec()).unwrap();
        parameters
    }

    fn set_gradients(parameters: &mut Parameters, step: usize, scale: f32) {
        for (i, d) in parameters.gradients_mut().iter_mut().enumerate() {
            *d = (((3 * step + 5 * i) % 7) as f32 - 3.0) * 0.25 * (i % 5 + 1) as f32 * scale;
        }
    }

    fn read(text: &str) -> OptimizerConfig {
        toml::from_str(text).unwrap()
    }

    /// The numbers were made in float64 by
    /// ```python
    /// p = torch.nn.Parameter(torch.tensor([0.5, -1.0, 2.0, 0.0, -0.25], dtype=torch.float64))
    /// o = torch.optim.Adam([p], lr=0.1)  # and so on, with the settings below
    /// for k in range(10):
    ///     p.grad = torch.tensor([((3*k + 5*i) % 7 - 3) * 0.25 * (i + 1) for i in range(5)], dtype=torch.float64)
    ///     o.step()
    /// ```
    #[test]
    fn ten_steps_agree_with_pytorch() {
        let cases: [(&str, [f64; 5]); 13] = [
            ("kind = 'sgd'", [0.5, -1.05, 1.85, 0.4, -0.75]),
            (
                "kind = 'sgd'\nweight_decay = 0.1",
                [0.449067257, -0.953425027, 1.671000554, 0.38377137, -0.703405452],
            ),
            (
                "kind = 'sgd'\nmomentum = 0.9",
                [0.704517852, -1.114268794, 1.083272043, 1.366694979, -2.125091936],
            ),
            (
                "kind = 'sgd'\nmomentum = 0.9\nnesterov = true\nweight_decay = 0.01",
                [0.654863194, -1.104157257, 0.954931958, 1.595634568, -2.378280139],
            ),
            ("kind = 'adam'", [0.68193951, -1.090749047, 1.793715463, 0.272881486, -0.515639721]),
            (
                "kind = 'adam'\nweight_decay = 0.01",
                [0.672098412, -1.081193957, 1.683733167, 0.272227812, -0.514349218],
            ),
            (
                "kind = 'adam'\nbeta1 = 0.8\nbeta2 = 0.9\nepsilon = 1e-3",
                [0.657185573, -1.086075198, 1.824635677, 0.239987217, -0.483685138],
            ),
            ("kind = 'adamw'", [0.675569767, -1.080050845, 1.775105206, 0.270988111, -0.511323458]),
            (
                "kind = 'adamw'\nweight_decay = 0.5",
                [0.423207586, -0.659216729, 1.047463816, 0.192605017, -0.338093367],
            ),
            ("kind = 'rmsprop'", [0.846618511, -1.495251019, 1.260876216, 1.202363214, -1.305170533]),
            (
                "kind = 'rmsprop'\nweight_decay = 0.1",
                [0.298857292, -1.071389365, 0.218703113, 1.044811102, -1.164897741],
            ),
            ("kind = 'adagrad'", [0.535206916, -1.049210685, 1.925966524, 0.119757234, -0.354894146]),
            (
                "kind = 'adagrad'\nlr_decay = 0.1\nweight_decay = 0.1\ninitial_accumulator = 0.5",
                [0.504431135, -1.00518893, 1.878350241, 0.101111444, -0.339451883],
            ),
        ];
        for (text, expected) in cases {
            // Half of the gradient in the buffer and the other half in the scale: the same step.
            for scale in [1.0, 0.5] {
                let mut parameters = parameters(&START);
                let mut optimizer = Optimizer::new(read(text), &parameters).unwrap();
                for k in 0..10 {
                    set_gradients(&mut parameters, k, 1.0 / scale);
                    optimizer.step(&mut parameters, 0.1, scale).unwrap();
                }
                assert_eq!(optimizer.steps(), 10);
                for (found, expected) in parameters.values().iter().zip(expected) {
                    assert!((f64::from(*found) - expected).abs() < 3e-6, "{text}: {found} for {expected}");
                }
            }
        }
    }

    #[test]
    fn defaults_are_found_by_name_and_survive_serialisation() {
        for name in ["sgd", "adam", "adamw", "rmsprop", "adagrad"] {
            let config: OptimizerConfig = name.parse().unwrap();
            assert_eq!(config.name(), name);
            assert_eq!(read(&format!("kind = '{name}'")), config);
            assert_eq!(read(&toml::to_string(&config).unwrap()), config);
        }
        let error = "lion".parse::<OptimizerConfig>().unwrap_err().to_string();
        assert_eq!(error, "no optimizer is named \"lion\"; there are sgd, adam, adamw, rmsprop and adagrad");
    }

    #[test]
    fn a_checkpoint_goes_on_to_the_same_bits_on_any_number_of_threads() {
        let values: Vec<f32> = (0..100_003).map(|k| START[k % 5]).collect();
        for text in ["kind = 'sgd'", "kind = 'sgd'\nmomentum = 0.5", "kind = 'adam'", "kind = 'adagrad'"] {
            let run = |threads, interrupted: bool| {
                let mut parameters = parameters(&values);
                let mut optimizer = Optimizer::new(read(text), &parameters).unwrap();
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                for k in 0..4 {
                    set_gradients(&mut parameters, k, 1.0);
                    pool.install(|| optimizer.step(&mut parameters, 0.1, 0.7)).unwrap();
                    if interrupted {
                        let mut resumed = Optimizer::new(read(text), &parameters).unwrap();
                        resumed.load_state(optimizer.steps(), &optimizer.state()).unwrap();
                        assert!(resumed == optimizer);
                        optimizer = resumed;
                    }
                }
                parameters.values().to_vec()
            };
            let whole = run(1, false);
            assert!(whole == run(3, true), "{text}");
            assert!(whole != values, "{text}");
        }
    }

    #[test]
    fn frozen_parameters_stay() {
        let mut parameters = parameters(&START);
        let frozen = parameters.add("frozen", &[2], vec![1.0, 2.0]).unwrap();
        parameters.add("q", &[1], vec![3.0]).unwrap();
        parameters.set_trainable(frozen, false);
        let mut optimizer = Optimizer::new("adamw".parse().unwrap(), &parameters).unwrap();
        parameters.gradients_mut().fill(1.0);
        optimizer.step(&mut parameters, 0.1, 1.0).unwrap();
        assert_eq!(parameters.value(frozen), [1.0, 2.0]);
        assert_eq!(optimizer.state()[0].1[5..7], [0.0, 0.0]);
        assert!(parameters.values()[0] < START[0] && parameters.values()[7] < 3.0);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut parameters = parameters(&START);
        for text in [
            "kind = 'sgd'\nmomentum = -0.1",
            "kind = 'sgd'\nnesterov = true",
            "kind = 'sgd'\nweight_decay = nan",
            "kind = 'adam'\nbeta1 = 1.0",
            "kind = 'adamw'\nbeta2 = -0.5",
            "kind = 'rmsprop'\nalpha = 2.0",
            "kind = 'adagrad'\nepsilon = inf",
        ] {
            assert!(Optimizer::new(read(text), &parameters).is_err(), "{text}");
        }
        let mut optimizer = Optimizer::new("rmsprop".parse().unwrap(), &parameters).unwrap();
        for lr in [-0.1, f64::NAN, f64::INFINITY] {
            assert!(optimizer.step(&mut parameters, lr, 1.0).is_err(), "{lr}");
        }
        let five = [0.0; 5];
        let states: [&[(&str, &[f32])]; 3] =
            [&[], &[("square_avg", &five[..4])], &[("square_avg", &five), ("exp_avg", &five)]];
        for state in states {
            assert!(optimizer.load_state(3, state).is_err(), "{state:?}");
            assert_eq!(optimizer.steps(), 0);
        }
        parameters.add("more", &[1], vec![0.0]).unwrap();
        let error = optimizer.step(&mut parameters, 0.1, 1.0).unwrap_err().to_string();
        assert_eq!(error, "the parameters of an optimizer: expected 5 values, found 6");
    }
}
