//! The update rules as plain loops over slices, which the compiler vectorises.

/// A contiguous part of all buffers that an update reads and writes, equally long or empty.
pub(super) struct Sweep<'a> {
    pub(super) values: &'a mut [f32],
    pub(super) gradients: &'a [f32],
    pub(super) first: &'a mut [f32],
    pub(super) second: &'a mut [f32],
}

impl Sweep<'_> {
    /// Applies `update` to parts that fit the innermost caches, in parallel if there is much to do.
    pub(super) fn each(self, update: &(impl Fn(Sweep<'_>) + Sync)) {
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
pub(super) struct Sgd {
    pub(super) lr: f32,
    pub(super) scale: f32,
    pub(super) momentum: f32,
    pub(super) weight_decay: f32,
}

impl Sgd {
    pub(super) fn plain(&self, s: Sweep<'_>) {
        let Self { lr, scale, weight_decay, .. } = *self;
        for (p, &d) in s.values.iter_mut().zip(s.gradients) {
            *p -= lr * (d * scale + weight_decay * *p);
        }
    }

    pub(super) fn momentum(&self, s: Sweep<'_>) {
        let Self { lr, scale, momentum, weight_decay } = *self;
        for ((p, &d), b) in s.values.iter_mut().zip(s.gradients).zip(s.first) {
            *b = momentum * *b + (d * scale + weight_decay * *p);
            *p -= lr * *b;
        }
    }

    pub(super) fn nesterov(&self, s: Sweep<'_>) {
        let Self { lr, scale, momentum, weight_decay } = *self;
        for ((p, &d), b) in s.values.iter_mut().zip(s.gradients).zip(s.first) {
            let g = d * scale + weight_decay * *p;
            *b = momentum * *b + g;
            *p -= lr * (g + momentum * *b);
        }
    }
}

/// m += (1 − β₁)(g − m); v = β₂·v + (1 − β₂)·g²; p = keep·p − η/(1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε).
pub(super) struct Adam {
    pub(super) scale: f32,
    pub(super) penalty: f32,
    pub(super) keep: f32,
    pub(super) first_share: f32,
    pub(super) second_keep: f32,
    pub(super) second_share: f32,
    pub(super) step_size: f32,
    pub(super) root_scale: f32,
    pub(super) epsilon: f32,
}

impl Adam {
    /// `step` is counted from 1. Neither an L2 penalty nor decay yet.
    pub(super) fn new(lr: f64, scale: f32, beta1: f64, beta2: f64, step: f64, epsilon: f32) -> Self {
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

    pub(super) fn update(&self, s: Sweep<'_>) {
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
pub(super) struct SquareRoot {
    pub(super) lr: f32,
    pub(super) scale: f32,
    pub(super) penalty: f32,
    pub(super) old: f32,
    pub(super) new: f32,
    pub(super) epsilon: f32,
}

impl SquareRoot {
    pub(super) fn update(&self, s: Sweep<'_>) {
        let Self { lr, scale, penalty, old, new, epsilon } = *self;
        for ((p, &d), v) in s.values.iter_mut().zip(s.gradients).zip(s.first) {
            let g = d * scale + penalty * *p;
            *v = old * *v + new * (g * g);
            *p -= lr * g / (v.sqrt() + epsilon);
        }
    }
}
