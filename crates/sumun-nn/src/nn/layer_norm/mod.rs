//! Layer normalisation: every row by its own mean and variance over its features.

mod spec;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{InputGradient, Layer};
use crate::noise::Noise;
use crate::parameters::Id;
use crate::{Error, Parameters, Result, Rows};

pub use spec::LayerNormLayer;

/// What a [`LayerNorm`] is made of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LayerNormConfig {
    /// F: features of a row.
    pub features: usize,
    /// ε, added to the variance; 1e-5 in PyTorch and ONNX, 1e-3 in Keras.
    pub epsilon: f64,
    /// Whether there is a gain, `weight`.
    pub weight: bool,
    /// Whether there is a bias.
    pub bias: bool,
}

impl LayerNormConfig {
    /// PyTorch's: with gain and bias, ε = 1e-5.
    pub fn new(features: usize) -> Self {
        Self { features, epsilon: 1e-5, weight: true, bias: true }
    }

    /// Errors: no features, an ε that is not a positive finite number.
    pub fn check(&self) -> Result<()> {
        if self.features == 0 {
            return Err(Error::Invalid("layer normalisation of 0 features; it needs at least 1".into()));
        }
        check_epsilon("layer normalisation", self.epsilon)
    }
}

/// ε of a normalisation.
pub(crate) fn check_epsilon(what: &str, epsilon: f64) -> Result<()> {
    if epsilon.is_finite() && epsilon > 0.0 {
        return Ok(());
    }
    Err(Error::Invalid(format!("{what}: epsilon is {epsilon}; it must be a positive finite number")))
}

/// y = (x − μ) / √(σ² + ε) ⊙ weight + bias, with the mean μ and the variance σ² = Σ (x − μ)² / F over the features of
/// each row (Ba, Kiros & Hinton, "Layer Normalization", 2016; PyTorch's `LayerNorm`).
///
/// `{prefix}.weight` is `[F]`, ones at first, `{prefix}.bias` `[F]`, zeros. Sums over features are taken in double
/// precision, in an order of their own: a row is the same bits in whatever batch.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    config: LayerNormConfig,
    weight: Option<Id>,
    bias: Option<Id>,
}

/// What [`LayerNorm::backward`](Layer::backward) needs.
#[derive(Debug)]
pub struct LayerNormCache {
    /// (x − μ) / √(σ² + ε), `[R, F]`.
    normalised: Rows,
    /// 1 / √(σ² + ε), `[R]`.
    scale: Vec<f32>,
}

/// Numbers that one thread has soon done.
const FEW: usize = 1 << 14;

impl LayerNorm {
    /// Adds gain and bias to `parameters`. Errors are those of [`LayerNormConfig::check`].
    pub fn new(config: LayerNormConfig, parameters: &mut Parameters, prefix: &str) -> Result<Self> {
        config.check()?;
        let features = config.features;
        let mut add = |name: &str, value: f32| {
            parameters.add_drawn(format!("{prefix}.{name}"), &[features], || Ok(vec![value; features]))
        };
        let weight = if config.weight { Some(add("weight", 1.0)?) } else { None };
        let bias = if config.bias { Some(add("bias", 0.0)?) } else { None };
        Ok(Self { config, weight, bias })
    }

    /// What it is made of.
    pub fn config(&self) -> &LayerNormConfig {
        &self.config
    }

    /// Normalised rows and 1 / √(σ² + ε).
    fn normalise(&self, x: Rows) -> Result<(Rows, Vec<f32>)> {
        let LayerNormConfig { features, epsilon, .. } = self.config;
        let (rows, layout) = (x.layout.rows(), x.layout.clone());
        x.expect_shape("the input of layer normalisation", rows, features)?;
        let mut data = x.into_data();
        let mut scale = vec![0.0; rows];
        let each = (FEW / features).max(1);
        let chunks = data.par_chunks_mut(each * features).zip(scale.par_chunks_mut(each));
        chunks.for_each(|(rows, scales)| {
            for (row, scale) in rows.chunks_exact_mut(features).zip(scales) {
                let mean = sum(row, row, |v, _| v) / features as f64;
                let variance = sum(row, row, |v, _| (v - mean) * (v - mean)) / features as f64;
                let by = 1.0 / (variance + epsilon).sqrt();
                row.iter_mut().for_each(|v| *v = ((f64::from(*v) - mean) * by) as f32);
                *scale = by as f32;
            }
        });
        Ok((Rows::new(data, features, layout)?, scale))
    }

    /// Checks that the weights are among these parameters.
    fn expect(&self, parameters: &Parameters) -> Result<()> {
        let mut ids = [self.weight, self.bias].into_iter().flatten();
        ids.try_for_each(|id| parameters.expect(id, self.config.features))
    }

    /// Gain and bias.
    fn affine(&self, parameters: &Parameters, normalised: Rows) -> Result<Rows> {
        self.expect(parameters)?;
        affine(
            normalised,
            self.weight.map(|id| parameters.value(id)),
            self.bias.map(|id| parameters.value(id)),
        )
    }
}

/// Σ term(aₖ, bₖ) in double precision, in eight chains by turns: a single one would wait for each of its sums. Their
/// order depends on nothing but the length.
fn sum(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    const CHAINS: usize = 8;
    let mut sums = [0.0; CHAINS];
    for (a, b) in a.chunks(CHAINS).zip(b.chunks(CHAINS)) {
        let terms = a.iter().zip(b).map(|(&a, &b)| term(f64::from(a), f64::from(b)));
        sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
    }
    sums.iter().sum()
}

/// y = x ⊙ weight + bias for every row.
pub(super) fn affine(x: Rows, weight: Option<&[f32]>, bias: Option<&[f32]>) -> Result<Rows> {
    let (features, layout) = (x.features, x.layout.clone());
    if weight.is_none() && bias.is_none() {
        return Ok(x);
    }
    let mut data = x.into_data();
    for row in data.chunks_exact_mut(features) {
        if let Some(weight) = weight {
            row.iter_mut().zip(weight).for_each(|(v, weight)| *v *= weight);
        }
        if let Some(bias) = bias {
            row.iter_mut().zip(bias).for_each(|(v, bias)| *v += bias);
        }
    }
    Rows::new(data, features, layout)
}

/// The gradients of gain and bias: the sums over rows of d ⊙ x and of d, the first row first.
pub(super) fn affine_backward(
    parameters: &mut Parameters,
    [weight, bias]: [Option<Id>; 2],
    normalised: &[f32],
    d_out: &[f32],
) -> Result<()> {
    let [d_weight, d_bias] = parameters.gradients_of([weight, bias])?;
    for (sums, values) in [(d_weight, Some(normalised)), (d_bias, None)] {
        let features = sums.len();
        if features == 0 {
            continue;
        }
        for (row, d) in d_out.chunks_exact(features).enumerate() {
            match values.map(|values| &values[row * features..(row + 1) * features]) {
                Some(x) => sums.iter_mut().zip(d).zip(x).for_each(|((sum, d), x)| *sum += d * x),
                None => sums.iter_mut().zip(d).for_each(|(sum, d)| *sum += d),
            }
        }
    }
    Ok(())
}

impl Layer for LayerNorm {
    type Cache = LayerNormCache;

    fn forward(&self, parameters: &Parameters, x: Rows) -> Result<Rows> {
        self.affine(parameters, self.normalise(x)?.0)
    }

    fn forward_train(
        &self,
        parameters: &Parameters,
        x: Rows,
        _noise: Noise,
    ) -> Result<(Rows, LayerNormCache)> {
        let (normalised, scale) = self.normalise(x)?;
        Ok((self.affine(parameters, normalised.clone())?, LayerNormCache { normalised, scale }))
    }

    /// With e = d ⊙ weight and x̂ the normalised row: dx = (e − mean(e) − x̂ mean(e ⊙ x̂)) / √(σ² + ε).
    fn backward(
        &self,
        parameters: &mut Parameters,
        cache: LayerNormCache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        let LayerNormCache { normalised, scale } = cache;
        let (features, layout) = (self.config.features, normalised.layout.clone());
        d_out.expect_like("the gradient of layer normalisation's output", &layout, features)?;
        normalised.expect_shape(
            "the rows that layer normalisation's cache holds",
            layout.rows(),
            features,
        )?;
        self.expect(parameters)?;
        affine_backward(parameters, [self.weight, self.bias], &normalised.data, &d_out.data)?;
        if wanted == InputGradient::Skip {
            return Ok(None);
        }
        let d_out = affine(d_out, self.weight.map(|id| parameters.value(id)), None)?;
        let mut d = d_out.into_data();
        let each = (FEW / features).max(1);
        let chunks = d.par_chunks_mut(each * features).zip(scale.par_chunks(each)).enumerate();
        chunks.for_each(|(chunk, (rows, scales))| {
            let normalised = normalised.data[chunk * each * features..].chunks_exact(features);
            for ((e, x), &scale) in rows.chunks_exact_mut(features).zip(normalised).zip(scales) {
                let mean = |sum: f64| (sum / features as f64) as f32;
                let (mean_e, mean_ex) = (mean(sum(e, x, |e, _| e)), mean(sum(e, x, |e, x| e * x)));
                e.iter_mut().zip(x).for_each(|(e, x)| *e = (*e - mean_e - x * mean_ex) * scale);
            }
        });
        Rows::new(d, features, layout).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layout;
    use crate::nn::gradient_check::check_gradients;

    const NOISE: Noise = Noise { seed: 0, step: 0, layer: 0 };

    fn layer(config: LayerNormConfig) -> (LayerNorm, Parameters) {
        let mut parameters = Parameters::new();
        let layer = LayerNorm::new(config, &mut parameters, "norm").unwrap();
        // Others than the ones and zeros of the beginning.
        for (k, value) in parameters.values_mut().iter_mut().enumerate() {
            *value += (k * 37 % 11) as f32 / 11.0 - 0.3;
        }
        (layer, parameters)
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        for (weight, bias) in [(true, true), (true, false), (false, true), (false, false)] {
            for features in [1, 5, 6] {
                let (layer, parameters) =
                    layer(LayerNormConfig { weight, bias, epsilon: 1e-2, ..LayerNormConfig::new(features) });
                assert_eq!(parameters.entries().len(), usize::from(weight) + usize::from(bias));
                check_gradients(&layer, parameters, features, Layout::ragged(&[2, 0, 3], 3).unwrap(), NOISE);
            }
        }
    }

    /// Rows alone and among so many that all threads share them.
    #[test]
    fn company_changes_no_bit() {
        let features = 129;
        let (layer, parameters) = layer(LayerNormConfig::new(features));
        let run = |values: &[f32]| {
            let rows = values.len() / features;
            let x = Rows::one_step(values.to_vec(), features, rows).unwrap();
            let (y, cache) = layer.forward_train(&parameters, x.clone(), NOISE).unwrap();
            assert_eq!(layer.forward(&parameters, x.clone()).unwrap().data, y.data);
            let d =
                layer.backward(&mut parameters.clone(), cache, x, InputGradient::Needed).unwrap().unwrap();
            (y.into_data(), d.into_data())
        };
        let values: Vec<f32> = (0..400 * features).map(|k| ((k * 7919) % 2003) as f32 / 100.0).collect();
        let all = run(&values);
        for row in [0, 1, 126, 127, 128, 399] {
            let at = row * features..(row + 1) * features;
            let alone = run(&values[at.clone()]);
            assert!(alone.0 == all.0[at.clone()] && alone.1 == all.1[at], "row {row}");
        }
    }

    /// A mean that is large against the deviation keeps its digits.
    #[test]
    fn a_large_mean_does_not_drown_the_variance() {
        let (layer, parameters) =
            layer(LayerNormConfig { weight: false, bias: false, ..LayerNormConfig::new(3) });
        let x = Rows::one_step(vec![10_000.0, 10_001.0, 10_002.0], 3, 1).unwrap();
        let y = layer.forward(&parameters, x).unwrap();
        for (found, expected) in y.data.iter().zip([-1.224_735_7, 0.0, 1.224_735_7_f32]) {
            assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let error = |config: LayerNormConfig| {
            LayerNorm::new(config, &mut Parameters::new(), "n").unwrap_err().to_string()
        };
        assert_eq!(error(LayerNormConfig::new(0)), "layer normalisation of 0 features; it needs at least 1");
        for epsilon in [0.0, -1.0, f64::NAN] {
            assert_eq!(
                error(LayerNormConfig { epsilon, ..LayerNormConfig::new(2) }),
                format!("layer normalisation: epsilon is {epsilon}; it must be a positive finite number")
            );
        }
        let (layer, parameters) = layer(LayerNormConfig::new(4));
        let error = layer.forward(&parameters, Rows::one_step(vec![0.0; 6], 3, 2).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "the input of layer normalisation: expected [2, 4], found [2, 3]");
    }
}
