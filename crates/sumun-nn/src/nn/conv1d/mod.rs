//! Convolution over time: every output step is an affine map of a window of input steps.

mod config;
mod spec;
#[cfg(test)]
mod tests;
mod windows;

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rand::Rng;
use sumun_kernels::linear::{LinearDims, Packed, backward_weight};
use sumun_kernels::{Path, RowsMut, RowsRef};

use self::windows::{Columns, Windows};
use super::{Initializer, InputGradient, Layer};
use crate::layer::Stepping;
use crate::noise::Noise;
use crate::parameters::Id;
use crate::{Parameters, Result, Rows};

pub use config::{Conv1dConfig, Padding};
pub use spec::Conv1dLayer;

/// y_t = b + Σ_k W_k x_{t·stride + k·dilation − before} (PyTorch's and Keras' `Conv1d`, ONNX' `Conv`: a correlation, the
/// kernel is not turned round). `{prefix}.weight` is `[O, I / groups, K]`, `{prefix}.bias` `[O]`, as PyTorch has them.
///
/// Lengths and masks are respected: a masked step is no step, every sequence is padded at its own ends, and a padded batch
/// gives the bits of each sequence by itself. The output has [`Conv1dConfig::output_length`] steps of each; where that is one for
/// every input step, it has the input's layout, masks and all.
///
/// Windows are gathered, some thousand numbers at a time, and multiplied with the weights in one product, K · I / groups
/// deep. That suits dense convolutions; with as many groups as features, products are K deep and little is gained.
#[derive(Debug)]
pub struct Conv1d {
    config: Conv1dConfig,
    path: Path,
    weight: Id,
    bias: Option<Id>,
    /// The weights of all groups, packed for calls without gradients, with the version of the parameters they are of: of a few
    /// rows the product takes less than packing. A training step packs them for all its rows and keeps nothing.
    packed: Mutex<Option<(u64, Arc<Vec<Packed>>)>>,
}

impl Clone for Conv1d {
    fn clone(&self) -> Self {
        Self { packed: Mutex::default(), ..*self }
    }
}

/// What [`Conv1d::backward`](Layer::backward) needs.
#[derive(Debug)]
pub struct Conv1dCache {
    x: Rows,
    windows: Windows,
}

/// Numbers of windows that are gathered at once: a megabyte, which an L2 holds. It does not follow a machine's L2: on the
/// reference path the gradient of the weight is summed piece by piece, and its bits with it.
const NUMBERS: usize = 1 << 18;

impl Conv1d {
    /// Adds weight and bias to `parameters`, both initialised from U(±1/√(I / groups · K)) as PyTorch does. Errors are those
    /// of [`Conv1dConfig::check`].
    pub fn new<R: Rng + ?Sized>(
        config: Conv1dConfig,
        parameters: &mut Parameters,
        prefix: &str,
        rng: &mut R,
    ) -> Result<Self> {
        config.check()?;
        let init = Initializer::pytorch(config.input / config.groups * config.kernel);
        let mut add = |name: &str, shape: &[usize]| {
            parameters.add_drawn(format!("{prefix}.{name}"), shape, || init.values(shape, rng))
        };
        let weight = add("weight", &config.weight_shape())?;
        let bias = if config.bias { Some(add("bias", &[config.output])?) } else { None };
        Ok(Self { config, path: Path::best(), weight, bias, packed: Mutex::default() })
    }

    /// What it is made of.
    pub fn config(&self) -> &Conv1dConfig {
        &self.config
    }

    /// The same layer on another path of the kernels; the fastest is the default.
    pub fn on_path(self, path: Path) -> Self {
        Self { path, packed: Mutex::default(), ..self }
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
        parameters.expect(self.weight, self.config.weight_shape().iter().product())?;
        self.bias.map_or(Ok(()), |bias| parameters.expect(bias, self.config.output))
    }

    /// Features of an input and of an output row of one group.
    fn group(&self) -> (usize, usize) {
        let Conv1dConfig { input, output, groups, .. } = self.config;
        (input / groups, output / groups)
    }

    fn columns(&self, group: usize) -> Columns {
        let (count, _) = self.group();
        Columns { of: self.config.input, first: group * count, count }
    }

    /// The weight of a group for windows that hold all features of a step side by side: `[O / groups, K, I / groups]`.
    fn weight_by_step(&self, parameters: &Parameters, group: usize) -> Vec<f32> {
        let ((input, output), kernel) = (self.group(), self.config.kernel);
        let size = output * input * kernel;
        let weight = &parameters.value(self.weight)[group * size..(group + 1) * size];
        let mut by_step = Vec::with_capacity(size);
        for weight in weight.chunks_exact(input * kernel) {
            for k in 0..kernel {
                by_step.extend(weight[k..].iter().step_by(kernel));
            }
        }
        by_step
    }

    /// Output rows whose windows are gathered at once.
    fn pieces(&self, rows: usize) -> impl DoubleEndedIterator<Item = Range<usize>> + use<> {
        let each = (NUMBERS / (self.config.kernel * self.group().0)).max(1);
        (0..rows.div_ceil(each)).map(move |piece| piece * each..((piece + 1) * each).min(rows))
    }

    /// The outputs of the windows that this configuration has: its own, or that of one window.
    fn without_gradients(&self, config: &Conv1dConfig, parameters: &Parameters, x: &Rows) -> Result<Rows> {
        x.expect_shape("the input of a convolution", x.layout.rows(), config.input)?;
        self.expect(parameters)?;
        let windows = Windows::new(config, &x.layout)?;
        let mut y = vec![0.0; windows.layout.rows() * config.output];
        for (group, packed) in self.packed(parameters)?.iter().enumerate() {
            self.map(parameters, group, packed, &windows, x, &mut y)?;
        }
        Rows::new(y, config.output, windows.layout.clone())
    }

    /// The weight of a group, packed.
    fn pack(&self, parameters: &Parameters, group: usize) -> Result<Packed> {
        let (input, output) = self.group();
        let weight = self.weight_by_step(parameters, group);
        Ok(Packed::new(self.path, self.config.kernel * input, output, &weight, InputGradient::Skip)?)
    }

    /// The packed weights of all groups, kept for the next call.
    fn packed(&self, parameters: &Parameters) -> Result<Arc<Vec<Packed>>> {
        let mut kept = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((version, packed)) if *version == parameters.version() => Ok(packed.clone()),
            _ => {
                // Old ones go first, so that both are never held.
                *kept = None;
                let all = (0..self.config.groups).map(|group| self.pack(parameters, group));
                let packed = Arc::new(all.collect::<Result<Vec<_>>>()?);
                *kept = Some((parameters.version(), packed.clone()));
                Ok(packed)
            }
        }
    }

    /// The outputs of a group, in its columns of `y`.
    fn map(
        &self,
        parameters: &Parameters,
        group: usize,
        packed: &Packed,
        windows: &Windows,
        x: &Rows,
        y: &mut [f32],
    ) -> Result<()> {
        let output = self.config.output;
        let (group_input, group_output) = self.group();
        let depth = self.config.kernel * group_input;
        let outputs = group * group_output..(group + 1) * group_output;
        let bias = self.bias.map_or(&[][..], |bias| &parameters.value(bias)[outputs.clone()]);
        let mut gathered = Vec::new();
        for range in self.pieces(windows.layout.rows()) {
            windows.gather(range.clone(), &x.data, self.columns(group), &mut gathered);
            let values = &mut y[range.start * output + outputs.start..range.end * output];
            let to = RowsMut { values, stride: output, map: None };
            packed.forward(range.len(), bias, RowsRef::dense(&gathered, depth), to)?;
        }
        Ok(())
    }

    /// Adds the gradient of a group's weight, which was summed as `[O / groups, K, I / groups]`.
    fn add_weight_gradient(&self, gradient: &mut [f32], group: usize, by_step: &[f32]) {
        let ((input, output), kernel) = (self.group(), self.config.kernel);
        let size = output * input * kernel;
        let gradient = &mut gradient[group * size..(group + 1) * size];
        let outputs = gradient.chunks_exact_mut(input * kernel).zip(by_step.chunks_exact(input * kernel));
        for (gradient, by_step) in outputs {
            for (k, step) in by_step.chunks_exact(input).enumerate() {
                gradient[k..].iter_mut().step_by(kernel).zip(step).for_each(|(sum, d)| *sum += d);
            }
        }
    }
}

/// Rows that begin `stride` numbers apart.
fn strided(values: &[f32], stride: usize) -> RowsRef<'_> {
    RowsRef { values, stride, map: None }
}

impl Layer for Conv1d {
    type Cache = Conv1dCache;

    fn stepping(&self) -> Option<Stepping> {
        Some(self.config.stepping())
    }

    fn window(&self, parameters: &Parameters, x: Rows) -> Result<Rows> {
        self.without_gradients(&self.config.one_window(), parameters, &x)
    }

    fn path(&self) -> Option<Path> {
        Some(self.path)
    }

    fn set_path(&mut self, path: Path) -> Result<()> {
        crate::error::expect_available(path)?;
        (self.path, self.packed) = (path, Mutex::default());
        Ok(())
    }

    fn forward(&self, parameters: &Parameters, x: Rows) -> Result<Rows> {
        self.without_gradients(&self.config, parameters, &x)
    }

    fn forward_train(&self, parameters: &Parameters, x: Rows, _noise: Noise) -> Result<(Rows, Conv1dCache)> {
        x.expect_shape("the input of a convolution", x.layout.rows(), self.config.input)?;
        self.expect(parameters)?;
        let windows = Windows::new(&self.config, &x.layout)?;
        let mut y = vec![0.0; windows.layout.rows() * self.config.output];
        for group in 0..self.config.groups {
            let packed = self.pack(parameters, group)?;
            self.map(parameters, group, &packed, &windows, &x, &mut y)?;
        }
        let out = Rows::new(y, self.config.output, windows.layout.clone())?;
        Ok((out, Conv1dCache { x, windows }))
    }

    fn backward(
        &self,
        parameters: &mut Parameters,
        cache: Conv1dCache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        let Conv1dCache { x, windows } = cache;
        let Conv1dConfig { input, output, kernel, groups, .. } = self.config;
        let rows = windows.layout.rows();
        d_out.expect_like("the gradient of a convolution's output", &windows.layout, output)?;
        x.expect_shape("the input that a convolution's cache holds", x.layout.rows(), input)?;
        self.expect(parameters)?;
        let (group_input, group_output) = self.group();
        let depth = kernel * group_input;
        let mut d_x = vec![0.0; if wanted == InputGradient::Needed { x.data.len() } else { 0 }];
        let (mut gathered, mut d_windows) = (Vec::new(), Vec::new());
        for group in 0..groups {
            let columns = self.columns(group);
            let outputs = group * group_output..(group + 1) * group_output;
            let d_rows =
                |range: &Range<usize>| &d_out.data[range.start * output + outputs.start..range.end * output];
            let weight = self.weight_by_step(parameters, group);
            let mut d_weight = vec![0.0; weight.len()];
            let [gradient, d_bias] = parameters.gradients_of([Some(self.weight), self.bias])?;
            let d_bias = if d_bias.is_empty() { d_bias } else { &mut d_bias[outputs.clone()] };
            // The last piece first, as the product sums its rows: the bits of all at once.
            for range in self.pieces(rows).rev() {
                windows.gather(range.clone(), &x.data, columns, &mut gathered);
                let dims = LinearDims { rows: range.len(), input: depth, output: group_output };
                let (x, d_y) = (RowsRef::dense(&gathered, depth), strided(d_rows(&range), output));
                backward_weight(self.path, dims, x, d_y, &mut d_weight, d_bias)?;
            }
            self.add_weight_gradient(gradient, group, &d_weight);
            if wanted == InputGradient::Skip {
                continue;
            }
            let packed = Packed::new(self.path, depth, group_output, &weight, InputGradient::Needed)?;
            for range in self.pieces(rows) {
                d_windows.resize(range.len() * depth, 0.0);
                let d_y = strided(d_rows(&range), output);
                packed.backward_input(range.len(), d_y, RowsMut::dense(&mut d_windows, depth))?;
                windows.scatter(range, &d_windows, columns, &mut d_x);
            }
        }
        match wanted {
            InputGradient::Needed => Rows::new(d_x, input, x.layout.clone()).map(Some),
            InputGradient::Skip => Ok(None),
        }
    }
}
