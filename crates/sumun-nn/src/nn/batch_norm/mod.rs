//! Batch normalisation: every feature by its mean and variance over the rows of a batch.

mod spec;

use serde::{Deserialize, Serialize};

use super::layer_norm::{affine, affine_backward, check_epsilon};
use super::{InputGradient, Layer};
use crate::noise::Noise;
use crate::parameters::Id;
use crate::{Error, Parameters, Result, Rows};

pub use spec::BatchNormLayer;

/// What a [`BatchNorm`] is made of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BatchNormConfig {
    /// F: features of a row.
    pub features: usize,
    /// ε, added to the variance; 1e-5 in PyTorch and ONNX, 1e-3 in Keras.
    pub epsilon: f64,
    /// The weight of a batch in the running statistics, from 0 to 1: PyTorch's momentum, and 1 less that of Keras and
    /// ONNX.
    pub momentum: f64,
    /// Whether there are a gain and a bias.
    pub affine: bool,
}

impl BatchNormConfig {
    /// PyTorch's: with gain and bias, ε = 1e-5, momentum 0.1.
    pub fn new(features: usize) -> Self {
        Self { features, epsilon: 1e-5, momentum: 0.1, affine: true }
    }

    /// Errors: no features, an ε that is not a positive finite number, a momentum outside 0 to 1.
    pub fn check(&self) -> Result<()> {
        if self.features == 0 {
            return Err(Error::Invalid("batch normalisation of 0 features; it needs at least 1".into()));
        }
        if !(0.0..=1.0).contains(&self.momentum) {
            return Err(Error::Invalid(format!(
                "batch normalisation: momentum is {}; it must be from 0 to 1",
                self.momentum
            )));
        }
        check_epsilon("batch normalisation", self.epsilon)
    }
}

/// y = (x − μ) / √(σ² + ε) ⊙ weight + bias for every feature (Ioffe & Szegedy, ICML 2015; PyTorch's `BatchNorm1d` over
/// `[N, F]`, and over `[N, F, T]` but for padding, which never counts here).
///
/// In training μ and σ² = Σ (x − μ)² / R are those of all R rows of the batch, so a row's output depends on the others;
/// a single row has no variance and is an error. Outside training, and in a frozen layer, they are the running statistics
/// `{prefix}.running_mean` and `{prefix}.running_var` `[F]`, zeros and ones at first, and each row is computed by itself.
///
/// The running statistics are kept among the parameters, so that they are saved, loaded and restored with the weights, but
/// no optimizer changes them ([`Parameters::set_statistic`]). A batch is added to them in [`backward`](Layer::backward), once
/// for each: running ← (1 − momentum) · running + momentum · batch, where the variance of the batch is the unbiased one,
/// R / (R − 1) σ², as PyTorch does. A `forward_train` without a `backward` leaves them as they are.
///
/// `{prefix}.weight` is `[F]`, ones at first, `{prefix}.bias` `[F]`, zeros. Sums over rows are taken in double precision,
/// the first row first, whatever the number of threads.
#[derive(Debug, Clone)]
pub struct BatchNorm {
    config: BatchNormConfig,
    weight: Option<Id>,
    bias: Option<Id>,
    running_mean: Id,
    running_var: Id,
}

/// What [`BatchNorm::backward`](Layer::backward) needs.
#[derive(Debug)]
pub struct BatchNormCache {
    /// (x − μ) / √(σ² + ε), `[R, F]`.
    normalised: Rows,
    /// 1 / √(σ² + ε), `[F]`.
    scale: Vec<f32>,
    /// Those of the batch; None where they are the running ones.
    batch: Option<Statistics>,
}

/// μ and σ² of every feature.
#[derive(Debug)]
struct Statistics {
    mean: Vec<f64>,
    variance: Vec<f64>,
}

impl BatchNorm {
    /// Adds gain, bias and running statistics to `parameters`. Errors are those of [`BatchNormConfig::check`].
    pub fn new(config: BatchNormConfig, parameters: &mut Parameters, prefix: &str) -> Result<Self> {
        config.check()?;
        let features = config.features;
        let full = |value: f32| move || Ok(vec![value; features]);
        let (mut weight, mut bias) = (None, None);
        if config.affine {
            weight = Some(parameters.add_drawn(format!("{prefix}.weight"), &[features], full(1.0))?);
            bias = Some(parameters.add_drawn(format!("{prefix}.bias"), &[features], full(0.0))?);
        }
        let mut statistic = |name: &str, value: f32| {
            let id = parameters.add_drawn(format!("{prefix}.{name}"), &[features], full(value))?;
            parameters.set_statistic(id);
            Ok::<Id, Error>(id)
        };
        let running_mean = statistic("running_mean", 0.0)?;
        let running_var = statistic("running_var", 1.0)?;
        Ok(Self { config, weight, bias, running_mean, running_var })
    }

    /// What it is made of.
    pub fn config(&self) -> &BatchNormConfig {
        &self.config
    }

    /// The handles of the running mean and variance.
    pub fn running(&self) -> [Id; 2] {
        [self.running_mean, self.running_var]
    }

    /// Checks the input, and that the weights are among these parameters.
    fn expect(&self, parameters: &Parameters, x: &Rows) -> Result<()> {
        let features = self.config.features;
        let ids = [self.weight, self.bias, Some(self.running_mean), Some(self.running_var)];
        ids.into_iter().flatten().try_for_each(|id| parameters.expect(id, features))?;
        x.expect_shape("the input of batch normalisation", x.layout.rows(), features)
    }

    fn running_statistics(&self, parameters: &Parameters) -> Statistics {
        let double = |id: Id| parameters.value(id).iter().map(|&v| f64::from(v)).collect();
        Statistics { mean: double(self.running_mean), variance: double(self.running_var) }
    }

    /// Normalised rows and 1 / √(σ² + ε).
    fn normalise(&self, x: Rows, statistics: &Statistics) -> Result<(Rows, Vec<f32>)> {
        let (features, layout) = (x.features, x.layout.clone());
        let scale: Vec<f64> = statistics
            .variance
            .iter()
            .map(|variance| 1.0 / (variance + self.config.epsilon).sqrt())
            .collect();
        let mut data = x.into_data();
        for row in data.chunks_exact_mut(features) {
            for ((v, mean), scale) in row.iter_mut().zip(&statistics.mean).zip(&scale) {
                *v = ((f64::from(*v) - mean) * scale) as f32;
            }
        }
        Ok((Rows::new(data, features, layout)?, scale.into_iter().map(|scale| scale as f32).collect()))
    }

    fn affine(&self, parameters: &Parameters, normalised: Rows) -> Result<Rows> {
        let value = |id: Option<Id>| id.map(|id| parameters.value(id));
        affine(normalised, value(self.weight), value(self.bias))
    }

    /// Takes a batch of `rows` rows into the running statistics.
    fn update(&self, parameters: &mut Parameters, batch: &Statistics, rows: usize) {
        let momentum = self.config.momentum;
        let unbiased = rows as f64 / (rows as f64 - 1.0);
        for (id, values, by) in
            [(self.running_mean, &batch.mean, 1.0), (self.running_var, &batch.variance, unbiased)]
        {
            for (running, value) in parameters.statistic_mut(id).iter_mut().zip(values) {
                *running = ((1.0 - momentum) * f64::from(*running) + momentum * by * value) as f32;
            }
        }
    }
}

impl Statistics {
    /// Those of `rows`, the first row first.
    fn of(x: &Rows) -> Self {
        let (features, rows) = (x.features, x.layout.rows() as f64);
        let (mut mean, mut variance) = (vec![0.0; features], vec![0.0; features]);
        for row in x.data.chunks_exact(features) {
            mean.iter_mut().zip(row).for_each(|(sum, &v)| *sum += f64::from(v));
        }
        mean.iter_mut().for_each(|sum| *sum /= rows);
        for row in x.data.chunks_exact(features) {
            for ((sum, mean), &v) in variance.iter_mut().zip(&mean).zip(row) {
                *sum += (f64::from(v) - mean) * (f64::from(v) - mean);
            }
        }
        variance.iter_mut().for_each(|sum| *sum /= rows);
        Self { mean, variance }
    }
}

impl Layer for BatchNorm {
    type Cache = BatchNormCache;

    fn forward(&self, parameters: &Parameters, x: Rows) -> Result<Rows> {
        self.expect(parameters, &x)?;
        let (normalised, _) = self.normalise(x, &self.running_statistics(parameters))?;
        self.affine(parameters, normalised)
    }

    fn forward_train(
        &self,
        parameters: &Parameters,
        x: Rows,
        _noise: Noise,
    ) -> Result<(Rows, BatchNormCache)> {
        self.expect(parameters, &x)?;
        let rows = x.layout.rows();
        let learns = parameters.entry(self.running_mean).trainable;
        if learns && rows == 1 {
            return Err(Error::Invalid(
                "batch normalisation of 1 row in training, which has no variance; use batches with more rows"
                    .into(),
            ));
        }
        let batch = (learns && rows > 0).then(|| Statistics::of(&x));
        let (normalised, scale) = match &batch {
            Some(batch) => self.normalise(x, batch)?,
            None => self.normalise(x, &self.running_statistics(parameters))?,
        };
        Ok((self.affine(parameters, normalised.clone())?, BatchNormCache { normalised, scale, batch }))
    }

    /// With e = d ⊙ weight: dx = (e − mean(e) − x̂ mean(e ⊙ x̂)) / √(σ² + ε), means over rows; e / √(σ² + ε) where the
    /// statistics are not those of the batch. Takes the batch into the running statistics.
    fn backward(
        &self,
        parameters: &mut Parameters,
        cache: BatchNormCache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        let BatchNormCache { normalised, scale, batch } = cache;
        let (features, layout) = (self.config.features, normalised.layout.clone());
        d_out.expect_like("the gradient of batch normalisation's output", &layout, features)?;
        self.expect(parameters, &normalised)?;
        affine_backward(parameters, [self.weight, self.bias], &normalised.data, &d_out.data)?;
        if let Some(batch) = &batch {
            self.update(parameters, batch, layout.rows());
        }
        if wanted == InputGradient::Skip {
            return Ok(None);
        }
        let mut d = affine(d_out, self.weight.map(|id| parameters.value(id)), None)?.into_data();
        let rows = || normalised.data.chunks_exact(features);
        let (mut mean_e, mut mean_ex) = (vec![0.0; features], vec![0.0; features]);
        if batch.is_some() {
            for (e, x) in d.chunks_exact(features).zip(rows()) {
                for (k, (&e, &x)) in e.iter().zip(x).enumerate() {
                    mean_e[k] += f64::from(e);
                    mean_ex[k] += f64::from(e) * f64::from(x);
                }
            }
            let count = layout.rows() as f64;
            mean_e.iter_mut().chain(&mut mean_ex).for_each(|sum| *sum /= count);
        }
        for (e, x) in d.chunks_exact_mut(features).zip(rows()) {
            for (k, (e, &x)) in e.iter_mut().zip(x).enumerate() {
                let centred = f64::from(*e) - mean_e[k] - f64::from(x) * mean_ex[k];
                *e = (centred * f64::from(scale[k])) as f32;
            }
        }
        Rows::new(d, features, layout).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layout;
    use crate::nn::gradient_check::check_gradients;
    use crate::train::{Clip, Optimizer, OptimizerConfig};

    const NOISE: Noise = Noise { seed: 0, step: 0, layer: 0 };

    fn layer(config: BatchNormConfig) -> (BatchNorm, Parameters) {
        let mut parameters = Parameters::new();
        let layer = BatchNorm::new(config, &mut parameters, "norm").unwrap();
        // Others than the ones and zeros of the beginning.
        for (k, value) in parameters.values_mut().iter_mut().enumerate() {
            *value += (k * 37 % 11) as f32 / 11.0 - 0.3;
        }
        (layer, parameters)
    }

    fn rows(count: usize, features: usize) -> Rows {
        let data = (0..count * features).map(|k| ((k * 7919) % 2003) as f32 / 700.0 - 1.0).collect();
        Rows::one_step(data, features, count).unwrap()
    }

    /// Also of a frozen layer, which computes with the running statistics.
    #[test]
    fn gradients_agree_with_central_differences() {
        for affine in [true, false] {
            for frozen in [false, true] {
                let config = BatchNormConfig { affine, epsilon: 1e-2, ..BatchNormConfig::new(3) };
                let (layer, mut parameters) = layer(config);
                if frozen {
                    let ids: Vec<Id> =
                        parameters.entries().iter().filter_map(|e| parameters.find(&e.name)).collect();
                    ids.into_iter().for_each(|id| parameters.set_trainable(id, false));
                    // What the running statistics change is no gradient of theirs.
                    let x = rows(4, 3);
                    let (y, _) = layer.forward_train(&parameters, x.clone(), NOISE).unwrap();
                    assert_eq!(y.data, layer.forward(&parameters, x.clone()).unwrap().data);
                    let (before, version) = (parameters.values().to_vec(), parameters.version());
                    let (_, cache) = layer.forward_train(&parameters, x.clone(), NOISE).unwrap();
                    layer.backward(&mut parameters, cache, x, InputGradient::Needed).unwrap();
                    assert_eq!((parameters.values(), parameters.version()), (&before[..], version));
                    continue;
                }
                check_gradients(&layer, parameters, 3, Layout::ragged(&[2, 0, 4], 4).unwrap(), NOISE);
            }
        }
    }

    /// dx of a frozen layer: a scale.
    #[test]
    fn the_gradient_of_a_frozen_layer_is_scaled() {
        let (layer, mut parameters) = layer(BatchNormConfig { affine: false, ..BatchNormConfig::new(2) });
        layer.running().into_iter().for_each(|id| parameters.set_trainable(id, false));
        let (_, cache) = layer.forward_train(&parameters, rows(3, 2), NOISE).unwrap();
        let d = layer.backward(&mut parameters, cache, rows(3, 2), InputGradient::Needed).unwrap().unwrap();
        let variance = parameters.value(layer.running()[1]).to_vec();
        for (k, (found, d)) in d.data.iter().zip(rows(3, 2).data.iter()).enumerate() {
            let expected = d / (variance[k % 2] + 1e-5).sqrt();
            assert!((found - expected).abs() <= 1e-6 * (1.0 + expected.abs()), "{found} for {expected}");
        }
    }

    /// Once a batch, in backward, without a new version: what was prepared of the weights stays good.
    #[test]
    fn running_statistics_take_in_each_batch_once() {
        let (layer, mut parameters) = layer(BatchNormConfig { momentum: 0.25, ..BatchNormConfig::new(1) });
        let [mean, var] = layer.running();
        parameters.value_mut(mean)[0] = 8.0;
        parameters.value_mut(var)[0] = 4.0;
        let version = parameters.version();
        let x = Rows::one_step(vec![1.0, 2.0, 6.0], 1, 3).unwrap();
        let (_, cache) = layer.forward_train(&parameters, x.clone(), NOISE).unwrap();
        assert_eq!([parameters.value(mean)[0], parameters.value(var)[0]], [8.0, 4.0]);
        layer.backward(&mut parameters, cache, x, InputGradient::Skip).unwrap();
        // The mean is 3, the unbiased variance (4 + 1 + 9) / 2 = 7.
        assert_eq!([parameters.value(mean)[0], parameters.value(var)[0]], [6.75, 4.75]);
        assert_eq!(parameters.version(), version);
    }

    /// No optimizer, penalty of weights or clip touches them.
    #[test]
    fn optimizers_pass_running_statistics_over() {
        let (layer, mut parameters) = layer(BatchNormConfig::new(2));
        let running = |parameters: &Parameters| layer.running().map(|id| parameters.value(id).to_vec());
        let (before, weights) = (running(&parameters), parameters.values()[..4].to_vec());
        parameters.gradients_mut().fill(1.0);
        let config: OptimizerConfig =
            serde_json::from_value(serde_json::json!({ "kind": "adamw", "weight_decay": 0.1 })).unwrap();
        let clipped = Clip::GlobalNorm { max: 1.0 }.apply(&mut parameters).unwrap();
        assert_eq!(clipped.norm, 2.0);
        let mut optimizer = Optimizer::new(config, &parameters).unwrap();
        optimizer.step(&mut parameters, 0.1, clipped.gradient_scale).unwrap();
        assert_eq!(running(&parameters), before);
        assert!(parameters.values()[..4].iter().zip(weights).all(|(now, before)| *now != before));
    }

    #[test]
    fn outside_training_company_changes_no_bit() {
        let (layer, parameters) = layer(BatchNormConfig::new(37));
        let x = rows(50, 37);
        let all = layer.forward(&parameters, x.clone()).unwrap();
        for row in 0..50 {
            let at = row * 37..(row + 1) * 37;
            let alone = Rows::one_step(x.data[at.clone()].to_vec(), 37, 1).unwrap();
            assert_eq!(*layer.forward(&parameters, alone).unwrap().data, all.data[at]);
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let error = |config: BatchNormConfig| {
            BatchNorm::new(config, &mut Parameters::new(), "n").unwrap_err().to_string()
        };
        assert_eq!(error(BatchNormConfig::new(0)), "batch normalisation of 0 features; it needs at least 1");
        for momentum in [-0.1, 1.1, f64::NAN] {
            let expected = format!("batch normalisation: momentum is {momentum}; it must be from 0 to 1");
            assert_eq!(error(BatchNormConfig { momentum, ..BatchNormConfig::new(2) }), expected);
        }
        assert_eq!(
            error(BatchNormConfig { epsilon: 0.0, ..BatchNormConfig::new(2) }),
            "batch normalisation: epsilon is 0; it must be a positive finite number"
        );
        let (layer, parameters) = layer(BatchNormConfig::new(4));
        let error = layer.forward(&parameters, rows(2, 3)).unwrap_err();
        assert_eq!(error.to_string(), "the input of batch normalisation: expected [2, 4], found [2, 3]");
        let error = layer.forward_train(&parameters, rows(1, 4), NOISE).unwrap_err();
        assert_eq!(
            error.to_string(),
            "batch normalisation of 1 row in training, which has no variance; use batches with more rows"
        );
        // No rows are no batch.
        let mut parameters = parameters;
        let before = parameters.values().to_vec();
        let (y, cache) = layer.forward_train(&parameters, rows(0, 4), NOISE).unwrap();
        layer.backward(&mut parameters, cache, y, InputGradient::Needed).unwrap();
        assert_eq!(parameters.values(), before);
    }
}
