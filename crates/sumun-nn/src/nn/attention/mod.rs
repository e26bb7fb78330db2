//! Attention over time: one row a sequence, a weighted mean of its steps with learnt weights.

mod spec;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sumun_kernels::linear::{self, LinearDims};
use sumun_kernels::{Path, RowsRef};

use super::{Initializer, InputGradient, Layer};
use crate::layer::Stepping;
use crate::layout::expect_memory;
use crate::noise::Noise;
use crate::parameters::Id;
use crate::{Error, Parameters, Result, Rows};

pub use spec::AttentionLayer;

/// What an [`Attention`] is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttentionConfig {
    /// F: features of an input row, and of the output.
    pub input: usize,
    /// U: units of the hidden layer that scores a step.
    pub units: usize,
}

/// Additive attention pooling (Bahdanau, Cho & Bengio, ICLR 2015, as Yang et al., "Hierarchical Attention Networks for
/// Document Classification", NAACL 2016, equations 5 to 7, use it to sum up a sequence):
///
/// u_t = tanh(W h_t + b), s_t = vᵀ u_t, α = softmax over the steps of each sequence, output Σ_t α_t h_t.
///
/// `{prefix}.weight` is `[U, F]`, `{prefix}.bias` `[U]` and `{prefix}.context` (v, u_w in Yang et al.) `[U]`. Only steps
/// that are there count, never padding; a sequence without steps returns zeros. A sequence's output is the same bits
/// however it is packed.
#[derive(Debug, Clone)]
pub struct Attention {
    config: AttentionConfig,
    path: Path,
    weight: Id,
    bias: Id,
    context: Id,
}

/// What [`Attention::backward`](Layer::backward) needs.
#[derive(Debug)]
pub struct AttentionCache {
    x: Rows,
    /// u, `[R, U]`.
    hidden: Vec<f32>,
    /// α, `[R]`.
    weights: Vec<f32>,
}

impl Attention {
    /// Adds weight, bias and context to `parameters`, initialised from U(±1/√F) and U(±1/√U) as PyTorch does those of two
    /// `Linear`s. A size of 0 is an error.
    pub fn new<R: Rng + ?Sized>(
        config: AttentionConfig,
        parameters: &mut Parameters,
        prefix: &str,
        rng: &mut R,
    ) -> Result<Self> {
        let AttentionConfig { input, units } = config;
        if input == 0 || units == 0 {
            return Err(Error::Invalid(format!(
                "attention of {units} units over {input} features; both must be at least 1"
            )));
        }
        let mut add = |name: &str, shape: &[usize], fan: usize| {
            let draw = || Initializer::pytorch(fan).values(shape, rng);
            parameters.add_drawn(format!("{prefix}.{name}"), shape, draw)
        };
        let weight = add("weight", &[units, input], input)?;
        let bias = add("bias", &[units], input)?;
        let context = add("context", &[units], units)?;
        Ok(Self { config, path: Path::best(), weight, bias, context })
    }

    /// What it is made of.
    pub fn config(&self) -> &AttentionConfig {
        &self.config
    }

    /// The weight's handle.
    pub fn weight(&self) -> Id {
        self.weight
    }

    /// The same layer on another path of the kernels; the fastest is the default.
    pub fn on_path(self, path: Path) -> Self {
        Self { path, ..self }
    }

    /// α: how much each step counts, `[R, 1]`; those of one sequence sum to 1. [`Rows::unpack`] makes it `[N, T]`.
    /// `x` is `[R, F]`; another shape is an error.
    pub fn weights(&self, parameters: &Parameters, x: &Rows) -> Result<Rows> {
        Rows::new(self.score(parameters, x)?.1, 1, x.layout.clone())
    }

    /// Checks that the weights are among these parameters.
    fn expect(&self, parameters: &Parameters) -> Result<()> {
        let AttentionConfig { input, units } = self.config;
        parameters.expect(self.weight, units * input)?;
        parameters.expect(self.bias, units)?;
        parameters.expect(self.context, units)
    }

    fn dims(&self, rows: usize) -> LinearDims {
        LinearDims { rows, input: self.config.input, output: self.config.units }
    }

    /// u `[R, U]` and α `[R]`.
    fn score(&self, parameters: &Parameters, x: &Rows) -> Result<(Vec<f32>, Vec<f32>)> {
        let (rows, units) = (x.layout.rows(), self.config.units);
        x.expect_shape("the input of attention", rows, self.config.input)?;
        self.expect(parameters)?;
        expect_memory(rows.max(x.layout.sequences()), units.max(self.config.input))?;
        let mut hidden = vec![0.0; rows * units];
        let (weight, bias) = (parameters.value(self.weight), parameters.value(self.bias));
        linear::forward(self.path, self.dims(rows), weight, bias, &x.data, &mut hidden)?;
        hidden.iter_mut().for_each(|u| *u = u.tanh());
        let context = parameters.value(self.context);
        let mut weights: Vec<f32> = hidden.chunks_exact(units).map(|u| dot(u, context)).collect();
        softmax(x, &mut weights);
        Ok((hidden, weights))
    }

    fn pool(&self, parameters: &Parameters, x: &Rows) -> Result<(Rows, Vec<f32>, Vec<f32>)> {
        let (hidden, weights) = self.score(parameters, x)?;
        let (features, sequences) = (x.features, x.layout.sequences());
        let mut out = vec![0.0; sequences * features];
        // Rows come in the order of the steps, so each sequence is summed from its first to its last.
        x.layout.for_each_row(|row, n, _| {
            let to = &mut out[n * features..(n + 1) * features];
            let from = &x.data[row * features..(row + 1) * features];
            to.iter_mut().zip(from).for_each(|(sum, h)| *sum += weights[row] * h);
        });
        Ok((Rows::one_step(out, features, sequences)?, hidden, weights))
    }
}

impl Layer for Attention {
    type Cache = AttentionCache;

    fn stepping(&self) -> Option<Stepping> {
        Some(Stepping::Never("attends over all steps of the sequence; run it on whole sequences".into()))
    }

    crate::layer::computes_on_its_path!();

    fn forward(&self, parameters: &Parameters, x: Rows) -> Result<Rows> {
        Ok(self.pool(parameters, &x)?.0)
    }

    fn forward_train(
        &self,
        parameters: &Parameters,
        x: Rows,
        _noise: Noise,
    ) -> Result<(Rows, AttentionCache)> {
        let (out, hidden, weights) = self.pool(parameters, &x)?;
        Ok((out, AttentionCache { x, hidden, weights }))
    }

    fn backward(
        &self,
        parameters: &mut Parameters,
        cache: AttentionCache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        let AttentionCache { x, mut hidden, weights } = cache;
        let (rows, sequences) = (x.layout.rows(), x.layout.sequences());
        let AttentionConfig { input: features, units } = self.config;
        d_out.expect_shape("the gradient of attention's output", sequences, features)?;
        x.expect_shape("the input that attention's cache holds", rows, features)?;
        if hidden.len() != rows * units {
            return Err(sumun_kernels::Error::Cache.into());
        }
        self.expect(parameters)?;
        let d_of = |n: usize| &d_out.data[n * features..(n + 1) * features];

        // d_α_t = d_out · h_t, and through the softmax d_s_t = α_t (d_α_t − Σ_k α_k d_α_k).
        let mut d_score = vec![0.0; rows];
        let mut mean = vec![0.0; sequences];
        x.layout.for_each_row(|row, n, _| {
            d_score[row] = dot(d_of(n), &x.data[row * features..(row + 1) * features]);
            mean[n] += weights[row] * d_score[row];
        });
        x.layout.for_each_row(|row, n, _| d_score[row] = weights[row] * (d_score[row] - mean[n]));

        // d_v = Σ d_s u, and d_u = d_s v through tanh, in the place of u.
        let mut d_context = vec![0.0; units];
        let context = parameters.value(self.context);
        for (u, &d) in hidden.chunks_exact_mut(units).zip(&d_score) {
            for ((u, d_context), v) in u.iter_mut().zip(&mut d_context).zip(context) {
                *d_context += d * *u;
                *u = d * v * (1.0 - *u * *u);
            }
        }
        parameters.gradient_mut(self.context).iter_mut().zip(&d_context).for_each(|(sum, d)| *sum += d);
        let dims = self.dims(rows);
        let [d_weight, d_bias] = parameters.gradients_of([Some(self.weight), Some(self.bias)])?;
        let (x_rows, d_u) = (RowsRef::dense(&x.data, features), RowsRef::dense(&hidden, units));
        linear::backward_weight(self.path, dims, x_rows, d_u, d_weight, d_bias)?;
        if wanted == InputGradient::Skip {
            return Ok(None);
        }
        let mut d_x = vec![0.0; rows * features];
        linear::backward_input(self.path, dims, parameters.value(self.weight), &hidden, &mut d_x)?;
        x.layout.for_each_row(|row, n, _| {
            let to = &mut d_x[row * features..(row + 1) * features];
            to.iter_mut().zip(d_of(n)).for_each(|(to, d)| *to += weights[row] * d);
        });
        Rows::new(d_x, features, x.layout.clone()).map(Some)
    }
}

/// Σ a·b, summed in the order of the elements.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Softmax over the rows of each sequence, from its first step to its last.
fn softmax(x: &Rows, scores: &mut [f32]) {
    let mut largest = vec![f32::NEG_INFINITY; x.layout.sequences()];
    x.layout.for_each_row(|row, n, _| largest[n] = largest[n].max(scores[row]));
    let mut sums = vec![0.0; largest.len()];
    x.layout.for_each_row(|row, n, _| {
        scores[row] = (scores[row] - largest[n]).exp();
        sums[n] += scores[row];
    });
    x.layout.for_each_row(|row, n, _| scores[row] /= sums[n]);
}

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

    use super::*;
    use crate::nn::gradient_check::check_gradients;
    use crate::{Fill, Layout};

    fn attention(input: usize, units: usize) -> (Attention, Parameters) {
        let mut parameters = Parameters::new();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let config = AttentionConfig { input, units };
        (Attention::new(config, &mut parameters, "attention", &mut rng).unwrap(), parameters)
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let mask = [true, false, true, true, false, false, false, false, false, true, true, false];
        for layout in [
            Layout::full(2, 3).unwrap(),
            Layout::ragged(&[4, 0, 1, 2, 4], 5).unwrap(),
            Layout::masked(&mask, 3, 4, Fill::Zero).unwrap(),
        ] {
            let (layer, parameters) = attention(3, 5);
            check_gradients(&layer, parameters, 3, layout, Noise { seed: 1, step: 0, layer: 0 });
        }
    }

    /// One unit: u = tanh(x), s = 2u. Worked out with Python's math module.
    #[test]
    fn the_equations_by_hand() {
        let (layer, mut parameters) = attention(1, 1);
        parameters.values_mut().copy_from_slice(&[1.0, 0.0, 2.0]);
        let x = Rows::pack(&[0.5, -1.0, 2.0], 1, Layout::full(1, 3).unwrap()).unwrap();
        let weights = layer.weights(&parameters, &x).unwrap().unpack();
        for (found, expected) in weights.iter().zip([0.26210917, 0.02267671, 0.71521411]) {
            assert!((found - expected).abs() < 1e-6, "{weights:?}");
        }
        let out = layer.forward(&parameters, x).unwrap();
        assert!((out.data[0] - 1.538_806_1).abs() < 1e-6, "{}", out.data[0]);
    }

    #[test]
    fn a_sequence_alone_and_packed_gives_the_same_bits() {
        let lengths = [3, 0, 17, 1, 9, 9];
        let (layer, parameters) = attention(13, 7);
        let number = |k: usize| ((k * 37 + 11) % 101) as f32 / 51.0 - 0.993;
        let x: Vec<f32> = (0..lengths.len() * 17 * 13).map(number).collect();
        let packed = Rows::pack(&x, 13, Layout::ragged(&lengths, 17).unwrap()).unwrap();
        let weights = layer.weights(&parameters, &packed).unwrap().unpack();
        let all = layer.forward(&parameters, packed).unwrap().unpack();
        for (n, &length) in lengths.iter().enumerate() {
            let alone = &x[n * 17 * 13..][..length * 13];
            let alone = Rows::pack(alone, 13, Layout::full(1, length).unwrap()).unwrap();
            let alone_weights = layer.weights(&parameters, &alone).unwrap().unpack();
            assert_eq!(alone_weights, weights[n * 17..][..length], "sequence {n}");
            assert!(weights[n * 17 + length..(n + 1) * 17].iter().all(|&weight| weight == 0.0));
            if length > 0 {
                assert!((alone_weights.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            }
            let out = layer.forward(&parameters, alone).unwrap().unpack();
            assert_eq!(out, all[n * 13..(n + 1) * 13], "sequence {n}");
            assert_eq!(length == 0, out.iter().all(|&v| v == 0.0));
        }
    }

    #[test]
    fn large_scores_stay_finite() {
        let (layer, mut parameters) = attention(1, 1);
        parameters.values_mut().copy_from_slice(&[1.0, 0.0, 1000.0]);
        let x = Rows::pack(&[-9.0, 9.0, 9.0], 1, Layout::full(1, 3).unwrap()).unwrap();
        assert_eq!(layer.weights(&parameters, &x).unwrap().unpack(), [0.0, 0.5, 0.5]);
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let (layer, parameters) = attention(4, 2);
        let error = layer.forward(&parameters, Rows::one_step(vec![0.0; 6], 3, 2).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "the input of attention: expected [2, 4], found [2, 3]");
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let config = AttentionConfig { input: 4, units: 0 };
        let error = Attention::new(config, &mut Parameters::new(), "a", &mut rng).unwrap_err();
        assert_eq!(error.to_string(), "attention of 0 units over 4 features; both must be at least 1");
    }
}
