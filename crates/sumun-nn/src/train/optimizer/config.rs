//! Which optimizer: names, settings and PyTorch's defaults.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

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
    pub(super) fn buffers(&self) -> &'static [&'static str] {
        match self {
            Self::Sgd { momentum, .. } if *momentum == 0.0 => &[],
            Self::Sgd { .. } => &["momentum_buffer"],
            Self::Adam { .. } | Self::AdamW { .. } => &["exp_avg", "exp_avg_sq"],
            Self::RmsProp { .. } => &["square_avg"],
            Self::Adagrad { .. } => &["sum"],
        }
    }

    pub(super) fn check(&self) -> Result<()> {
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

pub(super) fn refuse_unless(fine: bool, message: impl FnOnce() -> String) -> Result<()> {
    if fine { Ok(()) } else { Err(Error::Invalid(message())) }
}
