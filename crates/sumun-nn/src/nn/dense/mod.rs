//! Dense: an affine map of every row, with an optional activation (PyTorch's `Linear`, Keras' `Dense`).

use std::sync::{Arc, Mutex, PoisonError};

use rand::Rng;
use serde::{Deserialize, Serialize};
use sumun_kernels::linear::{LinearDims, Packed, backward_weight_with};
use sumun_kernels::{Path, Precision, RowsMut, RowsRef};

mod cross_entropy;
mod spec;

use super::{Initializer, InputGradient, Layer};
use crate::layout::expect_memory;
use crate::noise::Noise;
use crate::parameters::Id;
use crate::{Error, Parameters, Result, Rows};

pub use spec::DenseLayer;

/// What follows the affine map, element by element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Nothing.
    #[default]
    Linear,
    /// max(0, x), with derivative 0 at 0. A NaN stays one.
    Relu,
    /// tanh x.
    Tanh,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
}

impl Activation {
    /// Applies the activation in place.
    pub fn forward(self, values: &mut [f32]) {
        match self {
            Self::Linear => {}
            Self::Relu => values.iter_mut().for_each(|v| *v = if *v < 0.0 { 0.0 } else { *v }),
            Self::Tanh => values.iter_mut().for_each(|v| *v = v.tanh()),
            Self::Sigmoid => values.iter_mut().for_each(|v| *v = 1.0 / (1.0 + (-*v).exp())),
        }
    }

    /// Turns the gradient of the outputs `y` into that of the inputs, in place. `y` and `d` are equally long.
    pub fn backward(self, y: &[f32], d: &mut [f32]) {
        let pairs = d.iter_mut().zip(y);
        match self {
            Self::Linear => {}
            Self::Relu => pairs.for_each(|(d, &y)| *d = if y > 0.0 { *d } else { 0.0 }),
            Self::Tanh => pairs.for_each(|(d, &y)| *d *= 1.0 - y * y),
            Self::Sigmoid => pairs.for_each(|(d, &y)| *d *= y * (1.0 - y)),
        }
    }
}

/// What a [`Dense`] layer is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenseConfig {
    /// I: features of an input row.
    pub input: usize,
    /// O: features of an output row.
    pub output: usize,
    /// Whether a bias is added.
    #[serde(default = "yes")]
    pub bias: bool,
    /// What follows.
    #[serde(default)]
    pub activation: Activation,
}

fn yes() -> bool {
    true
}

impl DenseConfig {
    /// An affine map with bias and without an activation.
    pub fn new(input: usize, output: usize) -> Self {
        Self { input, output, bias: true, activation: Activation::Linear }
    }

    /// With or without a bias.
    pub fn bias(self, bias: bool) -> Self {
        Self { bias, ..self }
    }

    /// With an activation.
    pub fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }
}

/// y = φ(x·Wᵀ + b) for every row. `{prefix}.weight` is `[O, I]`, `{prefix}.bias` `[O]`.
#[derive(Debug)]
pub struct Dense {
    config: DenseConfig,
    path: Path,
    precision: Precision,
    weight: Id,
    bias: Option<Id>,
    packs: Mutex<PackCache>,
}

/// Packed weights and memory that calls share.
#[derive(Debug, Default)]
struct PackCache {
    /// With the version of the parameters they are of.
    packed: Option<(u64, Arc<Packed>)>,
    /// Whether the gradient of the input was asked for.
    input_gradient: bool,
    /// A chunk of logits.
    logits: Vec<f32>,
}

impl Clone for Dense {
    fn clone(&self) -> Self {
        Self { config: self.config.clone(), packs: Mutex::default(), ..*self }
    }
}

/// What [`Dense::backward`](Layer::backward) needs: the input and, where there is an activation, the output.
#[derive(Debug)]
pub struct DenseCache {
    x: Rows,
    y: Option<Rows>,
}

impl Dense {
    /// Adds weight and bias to `parameters`, both initialised from U(±1/√I) as in PyTorch. A size of 0 is an
    /// error.
    pub fn new<R: Rng + ?Sized>(
        config: DenseConfig,
        parameters: &mut Parameters,
        prefix: &str,
        rng: &mut R,
    ) -> Result<Self> {
        let DenseConfig { input, output, bias, .. } = config;
        if input == 0 || output == 0 {
            return Err(Error::Invalid(format!(
                "a dense layer from {input} to {output} features; both must be at least 1"
            )));
        }
        let init = Initializer::pytorch(input);
        let mut add = |name: &str, shape: &[usize]| {
            parameters.add_drawn(format!("{prefix}.{name}"), shape, || init.values(shape, rng))
        };
        let weight = add("weight", &[output, input])?;
        let bias = if bias { Some(add("bias", &[output])?) } else { None };
        let (path, precision) = (Path::best(), Precision::F32);
        Ok(Self { config, path, precision, weight, bias, packs: Mutex::default() })
    }

    /// What it is made of.
    pub fn config(&self) -> &DenseConfig {
        &self.config
    }

    /// The same layer on another path of the kernels; the fastest is the default.
    pub fn on_path(self, path: Path) -> Self {
        Self { path, packs: Mutex::default(), ..self }
    }

    /// The weight's handle.
    pub fn weight(&self) -> Id {
        self.weight
    }

    /// The bias' handle, where there is a bias.
    pub fn bias(&self) -> Option<Id> {
        self.bias
    }

    /// Checks that the weights are among these parameters.
    fn expect(&self, parameters: &Parameters) -> Result<()> {
        let DenseConfig { input, output, .. } = self.config;
        parameters.expect(self.weight, output * input)?;
        self.bias.map_or(Ok(()), |bias| parameters.expect(bias, output))
    }

    fn dims(&self, rows: usize) -> LinearDims {
        LinearDims { rows, input: self.config.input, output: self.config.output }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, PackCache> {
        // What a panicking call left behind is only memory to be used again.
        self.packs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The packed weights of these very parameters: for training, with or without the input's gradient, or not.
    fn packed(&self, parameters: &Parameters, training: Option<InputGradient>) -> Result<Arc<Packed>> {
        let (version, weight) = (parameters.version(), parameters.value(self.weight));
        let mut packs = self.lock();
        packs.input_gradient |= training == Some(InputGradient::Needed);
        let wanted = match training {
            Some(_) if packs.input_gradient => InputGradient::Needed,
            _ => InputGradient::Skip,
        };
        let serves = |packed: &Packed| wanted == InputGradient::Skip || packed.has_backward();
        let had = packs.packed.take();
        let packed = match had {
            Some((of, packed)) if of == version && serves(&packed) => packed,
            Some((_, mut packed)) => match Arc::get_mut(&mut packed) {
                Some(memory) => {
                    memory.update(weight, wanted)?;
                    packed
                }
                // Another call still reads the old weights.
                None => self.pack(weight, wanted)?,
            },
            None => self.pack(weight, wanted)?,
        };
        packs.packed = Some((version, packed.clone()));
        Ok(packed)
    }

    fn pack(&self, weight: &[f32], wanted: InputGradient) -> Result<Arc<Packed>> {
        let DenseConfig { input, output, .. } = self.config;
        let packed = Packed::with_precision(self.path, input, output, weight, wanted, self.precision)?;
        Ok(Arc::new(packed))
    }

    fn map(&self, parameters: &Parameters, x: &Rows, training: Option<InputGradient>) -> Result<Rows> {
        let LinearDims { rows, input, output } = self.dims(x.layout.rows());
        x.expect_shape("the input of a dense layer", rows, input)?;
        self.expect(parameters)?;
        expect_memory(rows, output)?;
        let bias = self.bias.map_or(&[][..], |bias| parameters.value(bias));
        let mut y = vec![0.0; rows * output];
        let packed = self.packed(parameters, training)?;
        packed.forward(rows, bias, RowsRef::dense(&x.data, input), RowsMut::dense(&mut y, output))?;
        self.config.activation.forward(&mut y);
        Rows::new(y, output, x.layout.clone())
    }
}

impl Layer for Dense {
    type Cache = DenseCache;

    fn path(&self) -> Option<Path> {
        Some(self.path)
    }

    fn set_path(&mut self, path: Path) -> Result<()> {
        crate::error::expect_precision(path, self.precision)?;
        (self.path, self.packs) = (path, Mutex::default());
        Ok(())
    }

    fn set_precision(&mut self, precision: Precision) -> Result<()> {
        if !self.path.has(precision) {
            self.path = Path::best_for(precision);
        }
        (self.precision, self.packs) = (precision, Mutex::default());
        Ok(())
    }

    fn forward(&self, parameters: &Parameters, x: Rows) -> Result<Rows> {
        self.map(parameters, &x, None)
    }

    fn forward_train(&self, parameters: &Parameters, x: Rows, _noise: Noise) -> Result<(Rows, DenseCache)> {
        let out = self.map(parameters, &x, Some(InputGradient::Skip))?;
        let y = (self.config.activation != Activation::Linear).then(|| out.clone());
        Ok((out, DenseCache { x, y }))
    }

    fn backward(
        &self,
        parameters: &mut Parameters,
        cache: DenseCache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        let DenseCache { x, y } = cache;
        let rows = x.layout.rows();
        let dims = self.dims(rows);
        d_out.expect_like("the gradient of a dense layer's output", &x.layout, dims.output)?;
        x.expect_shape("the input that a dense layer's cache holds", rows, dims.input)?;
        self.expect(parameters)?;
        let d_y = match &y {
            None => d_out,
            Some(y) => {
                let mut d = d_out.into_data();
                self.config.activation.backward(&y.data, &mut d);
                Rows::new(d, dims.output, x.layout.clone())?
            }
        };
        let [d_weight, d_bias] = parameters.gradients_of([Some(self.weight), self.bias])?;
        let (x_rows, d_rows) = (RowsRef::dense(&x.data, dims.input), RowsRef::dense(&d_y.data, dims.output));
        backward_weight_with(self.path, dims, x_rows, d_rows, d_weight, d_bias, self.precision)?;
        if wanted == InputGradient::Skip {
            return Ok(None);
        }
        let mut d_x = vec![0.0; rows * dims.input];
        let packed = self.packed(parameters, Some(InputGradient::Needed))?;
        let to = RowsMut::dense(&mut d_x, dims.input);
        packed.backward_input(rows, RowsRef::dense(&d_y.data, dims.output), to)?;
        Ok(Some(Rows::new(d_x, dims.input, x.layout.clone())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layout;
    use crate::nn::gradient_check::check_gradients;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    const NOISE: Noise = Noise { seed: 0, step: 0, layer: 0 };

    fn dense(config: DenseConfig) -> (Dense, Parameters) {
        let mut parameters = Parameters::new();
        let layer = Dense::new(config, &mut parameters, "head", &mut ChaCha8Rng::seed_from_u64(3)).unwrap();
        (layer, parameters)
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        for activation in [Activation::Linear, Activation::Relu, Activation::Tanh, Activation::Sigmoid] {
            for bias in [true, false] {
                let (layer, parameters) = dense(DenseConfig::new(4, 3).bias(bias).activation(activation));
                assert_eq!(parameters.entries().len(), 1 + usize::from(bias));
                let layout = Layout::ragged(&[2, 0, 3], 3).unwrap();
                check_gradients(&layer, parameters, 4, layout, NOISE);
            }
        }
    }

    /// `torch.tanh(torch.nn.functional.linear(x, w, b))` with the numbers below.
    #[test]
    fn values_are_pytorchs() {
        let (layer, mut parameters) = dense(DenseConfig::new(2, 2).activation(Activation::Tanh));
        parameters.value_mut(layer.weight()).copy_from_slice(&[0.5, -1.0, 0.25, 2.0]);
        parameters.value_mut(layer.bias().unwrap()).copy_from_slice(&[0.125, -0.5]);
        let x = Rows::one_step(vec![1.0, 0.5, -0.75, 0.25], 2, 2).unwrap();
        let y = layer.forward(&parameters, x).unwrap();
        let expected: [f32; 4] = [0.124_353, 0.635_149, -0.462_117, -0.185_333];
        for (y, e) in y.data.iter().zip(expected) {
            assert!((y - e).abs() < 1e-6, "{y} for {e}");
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_named() {
        let (layer, parameters) = dense(DenseConfig::new(4, 3));
        let error = layer.forward(&parameters, Rows::one_step(vec![0.0; 6], 3, 2).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "the input of a dense layer: expected [2, 4], found [2, 3]");
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let error = Dense::new(DenseConfig::new(0, 3), &mut Parameters::new(), "d", &mut rng).unwrap_err();
        assert_eq!(error.to_string(), "a dense layer from 0 to 3 features; both must be at least 1");
    }
}
