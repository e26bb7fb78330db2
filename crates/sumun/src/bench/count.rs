//! How many operations a case's equations need, whatever computes them.

use super::{Case, CaseKind, CaseLoss};

/// How many operations an activation stands for in a floor: what a sigmoid or tanh costs where multiply-adds run at
/// the peak, an exponential of some twenty operations and a division that takes as long as twice that.
pub const ACTIVATION_OPERATIONS: f64 = 50.0;

/// The operations of one unit of a case's work.
///
/// With R rows (sequences times steps, padding left out), I features, H units, G gates (RNN 1, GRU 3, LSTM 4), a
/// layer's direction has 2·R·(I + H)·G·H operations in its forward products and twice that in backward: dG·W, dG·U and
/// the weights' gradients. Of a first layer on numbers that come from no embedding, backward leaves out dG·W,
/// 2·R·I·G·H. A head of C outputs on M rows (one a step or one a sequence) and F features has 2·M·F·C, and twice that in
/// backward. An embedding is looked up and has none; biases, loss and optimizer are not counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// Operations of all matrix products, a multiply-add counted as two.
    pub products: f64,
    /// Sigmoids and tanhs: for each row and unit 1 of an RNN, 3 of a GRU, 5 of an LSTM, whose backward takes tanh c
    /// again. The squares and products around them are not counted.
    pub activations: f64,
}

impl Work {
    /// Counts a case's work.
    pub fn of(case: &Case) -> Self {
        let config = case.recurrent();
        let rows = match &case.lengths {
            Some(lengths) => lengths.iter().sum::<usize>() as f64,
            None => case.batch() as f64 * case.steps() as f64,
        };
        let cell = case.cell;
        let [input, hidden, layers, directions, gates] =
            [case.input, case.hidden, case.layers(), config.directions(), cell.gates()]
                .map(|size| size as f64);
        let width = directions * hidden;
        let first = 2.0 * rows * gates * width * input;
        let upper = 2.0 * rows * gates * width * (layers - 1.0) * width;
        let seen = cell.spec().seen_units(case.hidden) as f64;
        let recurrent = 2.0 * rows * gates * width * layers * seen;
        let mut products = first + upper + recurrent;
        let cells = rows * width * layers;
        let [forward, again] = cell.spec().activations.map(|count| count as f64);
        let mut activations = cells * forward;
        if case.kind == CaseKind::Train {
            let predictions = if case.loss == Some(CaseLoss::CeSteps) { rows } else { case.batch() as f64 };
            products = 3.0 * (products + 2.0 * predictions * width * case.outputs() as f64);
            if case.vocab == 0 {
                products -= first;
            }
            activations += cells * again;
        }
        Self { products, activations }
    }

    /// The least milliseconds at a peak of so many GFLOP/s, every product and activation counted. What is bound by
    /// memory instead, such as one row that streams its weights, cannot reach it.
    pub fn floor_ms(self, peak_gflops: f64) -> f64 {
        (self.products + ACTIVATION_OPERATIONS * self.activations) / (peak_gflops * 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::tests::case;
    use super::*;

    #[test]
    fn operations_counted_by_hand() {
        for (fields, products, activations) in [
            // W: 2·2·3 = 12, U: 2·3·3 = 18 multiplications and additions.
            (r#""kind": "step", "cell": "rnn", "input": 2, "hidden": 3"#, 12 + 18, 3),
            (r#""kind": "step", "cell": "lstm", "input": 2, "hidden": 3"#, 4 * 30, 5 * 3),
            (r#""kind": "step", "cell": "gru", "input": 2, "hidden": 3"#, 3 * 30, 3 * 3),
            // A second layer reads three units: 18 + 18.
            (r#""kind": "step", "cell": "rnn", "input": 2, "hidden": 3, "layers": 2"#, 30 + 36, 6),
            // Two directions of 30 for each of 20 rows; above them, six features come in: 2·(36 + 18).
            (
                r#""kind": "forward", "cell": "rnn", "batch": 4, "steps": 5, "input": 2, "hidden": 3, "layers": 2,
                   "bidirectional": true"#,
                20 * (60 + 108),
                20 * 12,
            ),
            // Only six rows count.
            (
                r#""kind": "forward", "cell": "gru", "batch": 2, "steps": 5, "input": 2, "hidden": 3,
                   "lengths": [5, 1]"#,
                6 * 90,
                6 * 9,
            ),
            // Twenty rows: forward 120, backward 240 less 2·12·2 = 48; a head of 2·3 a sequence, three times.
            (
                r#""kind": "train", "cell": "lstm", "batch": 4, "steps": 5, "input": 2, "hidden": 3, "loss": "mse""#,
                20 * (120 + 240 - 48) + 3 * 4 * 6,
                20 * (15 + 3),
            ),
            (
                r#""kind": "train", "cell": "rnn", "batch": 4, "steps": 5, "input": 2, "hidden": 3, "loss": "bce",
                   "vocab": 7"#,
                20 * 90 + 3 * 4 * 6,
                20 * 3,
            ),
            // The head of seven classes has an output for each of six rows: 2·3·7 = 42.
            (
                r#""kind": "train", "cell": "gru", "batch": 2, "steps": 5, "input": 2, "hidden": 3, "vocab": 7,
                   "loss": "ce_steps", "classes": 7, "lengths": [1, 5]"#,
                6 * (3 * 90 + 3 * 42),
                6 * 9,
            ),
            (
                r#""kind": "train", "cell": "gru_reset_before", "batch": 2, "steps": 5, "input": 2, "hidden": 3,
                   "bidirectional": true, "loss": "ce", "classes": 4"#,
                10 * 2 * (3 * 90 - 36) + 3 * 2 * (2 * 6 * 4),
                10 * 18,
            ),
        ] {
            let expected = Work { products: f64::from(products), activations: f64::from(activations) };
            assert_eq!(Work::of(&case(fields).unwrap()), expected, "{fields}");
        }
    }

    /// Floors worked out on paper for a core of 150 GFLOP/s, in milliseconds.
    #[test]
    fn floors_are_those_of_a_core_of_150_gflops() {
        for (batch, steps, input, hidden, forward, train) in [
            (32, 20, 1, 32, 0.07, 0.16),
            (32, 100, 64, 64, 1.8, 4.8),
            (32, 100, 128, 256, 18.0, 53.0),
            (64, 100, 300, 512, 148.0, 435.0),
            (128, 50, 512, 1024, 548.0, 1629.0),
        ] {
            let sizes = format!(
                r#""cell": "lstm", "batch": {batch}, "steps": {steps}, "input": {input}, "hidden": {hidden}"#
            );
            let case = |more: &str| case(&format!("{sizes}, {more}")).unwrap();
            let found = [r#""kind": "forward""#, r#""kind": "train", "loss": "mse", "vocab": 1"#]
                .map(|more| Work::of(&case(more)).floor_ms(150.0));
            for (found, expected) in found.into_iter().zip([forward, train]) {
                assert!((found / expected - 1.0).abs() < 0.08, "{sizes}: {found} for {expected}");
            }
        }
    }
}
