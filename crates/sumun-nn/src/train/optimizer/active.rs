//! Which parameters a step has anything to do with: not the rows of an embedding that no batch has had yet.

use std::ops::Range;

use sumun_kernels::update::Rule;

use crate::parameters::RUN;

/// For each run of parameters, whether its state may be other than 0.
#[derive(Debug, Clone)]
pub(super) struct Active(Vec<bool>);

/// How much is known of the state is no part of it.
impl PartialEq for Active {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
    }
}

impl Active {
    /// Every state is 0.
    pub(super) fn none(parameters: usize) -> Self {
        Self(vec![false; parameters.div_ceil(RUN)])
    }

    /// Any state may be something else.
    pub(super) fn all(&mut self) {
        self.0.fill(true);
    }

    /// The parts of a range that a rule changes, given which runs of gradients may be other than 0; from now on, their
    /// state may be too.
    pub(super) fn ranges(&mut self, rule: &Rule, range: Range<usize>, touched: &[bool]) -> Vec<Range<usize>> {
        if range.is_empty() {
            return Vec::new();
        }
        let runs = range.start / RUN..range.end.div_ceil(RUN);
        let (active, touched) = (&mut self.0[runs.clone()], &touched[runs.clone()]);
        if !rule.rests() {
            active.fill(true);
            return vec![range];
        }
        active.iter_mut().zip(touched).for_each(|(active, touched)| *active |= touched);
        let (mut parts, mut run) = (Vec::new(), runs.start);
        for same in active.chunk_by(|a, b| a == b) {
            let part = (run * RUN).max(range.start)..((run + same.len()) * RUN).min(range.end);
            if same[0] {
                parts.push(part);
            }
            run += same.len();
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use crate::Parameters;
    use crate::parameters::Id;
    use crate::train::{Optimizer, OptimizerConfig};

    /// Rows of an embedding that come and go, beside a matrix: the bits of steps that look at everything.
    #[test]
    fn rows_at_rest_are_passed_over_exactly() {
        const FEATURES: usize = 50;
        let build = || {
            let mut parameters = Parameters::new();
            let values = |count: usize| (0..count).map(|k| ((k * 37) % 101) as f32 / 50.0 - 1.0).collect();
            parameters.add("before", &[3], values(3)).unwrap();
            let table = parameters.add("table", &[40, FEATURES], values(40 * FEATURES)).unwrap();
            let matrix = parameters.add("matrix", &[70], values(70)).unwrap();
            parameters.set_learning_rate(matrix, 0.5).unwrap();
            (parameters, table, matrix)
        };
        let gradients = |parameters: &mut Parameters, table: Id, matrix: Id, step: usize| {
            parameters.zero_gradients();
            assert!(parameters.gradients().iter().all(|d| d.to_bits() == 0));
            for id in [step % 7, 30, step * 5 % 40] {
                let d = [0.25 + step as f32; FEATURES];
                parameters.add_rows_to_gradient(table, FEATURES, &[id as u32], None, &d).unwrap();
            }
            parameters.gradient_mut(matrix)[step] = 1.0;
        };
        for name in ["adam", "adamw", "sgd", "rmsprop", "adagrad"] {
            let config: OptimizerConfig = name.parse().unwrap();
            let (mut some, table, matrix) = build();
            let (mut whole, ..) = build();
            let mut passing = Optimizer::new(config, &some).unwrap();
            let mut looking = Optimizer::new(config, &whole).unwrap();
            for step in 0..6 {
                gradients(&mut some, table, matrix, step);
                passing.step(&mut some, 0.1, 0.5).unwrap();
                gradients(&mut whole, table, matrix, step);
                // A mutable borrow of all gradients may change all of them, and a loaded state may be anything.
                whole.gradients_mut();
                let state: Vec<_> = looking.state().into_iter().map(|(n, v)| (n, v.to_vec())).collect();
                let state: Vec<_> = state.iter().map(|(n, v)| (*n, &v[..])).collect();
                looking.load_state(step as u64, &state).unwrap();
                looking.step(&mut whole, 0.1, 0.5).unwrap();
                let bits = |p: &Parameters| -> Vec<u32> { p.values().iter().map(|v| v.to_bits()).collect() };
                assert!(bits(&some) == bits(&whole), "{name}, step {step}");
                assert!(passing == looking, "{name}, step {step}");
            }
        }
    }

    /// A gradient of NaN reaches every state, also of rows at rest, through the scale.
    #[test]
    fn a_scale_that_is_no_number_reaches_everything() {
        let mut parameters = Parameters::new();
        let id = parameters.add("table", &[10, 64], vec![1.0; 640]).unwrap();
        let mut optimizer = Optimizer::new("adam".parse().unwrap(), &parameters).unwrap();
        parameters.add_rows_to_gradient(id, 64, &[1], None, &[1.0; 64]).unwrap();
        optimizer.step(&mut parameters, 0.1, f32::NAN).unwrap();
        assert!(parameters.values().iter().all(|v| v.is_nan()));
    }
}
