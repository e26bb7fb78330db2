//! The update rules of optimizers, with the numbers of one step.

/// A contiguous part of all buffers that an update reads and writes, equally long; a state that the rule lacks is empty.
#[derive(Debug)]
pub struct Sweep<'a> {
    /// The parameters.
    pub values: &'a mut [f32],
    /// Their gradients.
    pub gradients: &'a [f32],
    /// The first state: momentum, m of Adam, v of RMSprop and Adagrad.
    pub first: &'a mut [f32],
    /// The second state: v of Adam.
    pub second: &'a mut [f32],
}

/// How momentum counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Momentum {
    /// There is none, and no state.
    None,
    /// p −= η·b with b = μ·b + g (Polyak 1964).
    Heavy,
    /// p −= η·(g + μ·b) with the same b (Nesterov 1983).
    Nesterov,
}

/// p −= η·g, with or without momentum; g = scale·gradient + penalty·p.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// η.
    pub lr: f32,
    /// What gradients are multiplied by.
    pub scale: f32,
    /// μ.
    pub momentum: f32,
    /// The L2 penalty.
    pub penalty: f32,
    /// How μ counts.
    pub how: Momentum,
}

/// m += first_share·(g − m); v = second_keep·v + second_share·g²; p = keep·p − step_size·m / (√v·root_scale + ε), with
/// g = scale·gradient + penalty·p where there is a penalty (Kingma & Ba 2015; Loshchilov & Hutter 2019 for `keep`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// What gradients are multiplied by.
    pub scale: f32,
    /// The L2 penalty.
    pub penalty: f32,
    /// What is left of a parameter by decay, 1 without.
    pub keep: f32,
    /// 1 − β₁.
    pub first_share: f32,
    /// β₂.
    pub second_keep: f32,
    /// 1 − β₂.
    pub second_share: f32,
    /// η / (1 − β₁ᵗ).
    pub step_size: f32,
    /// 1 / √(1 − β₂ᵗ).
    pub root_scale: f32,
    /// ε.
    pub epsilon: f32,
}

impl Adam {
    /// Whether it changes no bit of a parameter whose gradient and state are all 0.
    pub(crate) fn rests(&self) -> bool {
        let finite = self.scale.is_finite() && self.step_size.is_finite() && self.root_scale.is_finite();
        self.penalty == 0.0 && self.keep == 1.0 && self.epsilon > 0.0 && finite
    }
}

/// v = old·v + new·g²; p −= η·g / (√v + ε), with g = scale·gradient + penalty·p: RMSprop with the shares α and 1 − α
/// (Tieleman & Hinton 2012), Adagrad with 1 and 1 (Duchi, Hazan & Singer 2011).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SquareRoot {
    /// η.
    pub lr: f32,
    /// What gradients are multiplied by.
    pub scale: f32,
    /// The L2 penalty.
    pub penalty: f32,
    /// The share of the old v.
    pub old: f32,
    /// The share of g².
    pub new: f32,
    /// ε.
    pub epsilon: f32,
}

/// An update rule with the numbers of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// Stochastic gradient descent; a state with momentum.
    Sgd(Sgd),
    /// Adam and AdamW; two states.
    Adam(Adam),
    /// RMSprop and Adagrad; one state.
    SquareRoot(SquareRoot),
}

impl Rule {
    /// Whether it changes no bit of a parameter whose gradient and state are all +0.
    pub fn rests(&self) -> bool {
        matches!(self, Rule::Adam(rule) if rule.rests())
    }

    /// How many states it has.
    pub(crate) fn states(&self) -> usize {
        match self {
            Rule::Sgd(Sgd { how: Momentum::None, .. }) => 0,
            Rule::Sgd(_) | Rule::SquareRoot(_) => 1,
            Rule::Adam(_) => 2,
        }
    }
}
