//! Convolution over time in a model.

use super::{Conv1d, Conv1dConfig, Padding};
use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, Through, layer, standard};
use crate::nn::Initializer;
use crate::train::Regularizer;

layer! {
    /// A convolution over time.
    Conv1dLayer {
        /// O: features of an output row (Keras' `filters`).
        [] units: usize,
        /// K: steps of a window.
        [] kernel: usize,
        /// Steps between the beginnings of two windows.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        [stride] stride: usize,
        /// Steps between two steps of a window.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        [dilation] dilation: usize,
        /// Into how many groups the features fall, each computed from its own features only.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        [groups] groups: usize,
        /// What precedes and follows a sequence.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [padding] padding: Padding,
        /// Whether a bias is added.
        #[serde(default = "standard::yes", skip_serializing_if = "standard::is_true")]
        [bias] bias: bool,
        /// How the first weight is initialised; from U(±1/√(I / groups · K)), as in PyTorch, where it is None.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [first_weights] first_weights: Option<Initializer>,
        /// How the first bias is initialised; as in PyTorch where it is None.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [first_bias] first_bias: Option<Initializer>,
        /// The penalty on the weight (Keras' `kernel_regularizer`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [kernel_regularizer] kernel_regularizer: Option<Regularizer>,
        /// The penalty on the bias.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [bias_regularizer] bias_regularizer: Option<Regularizer>,
    }
}

fn one() -> usize {
    1
}

fn is_one(size: &usize) -> bool {
    *size == 1
}

impl Conv1dLayer {
    /// So many outputs of windows of `kernel` steps, with a bias and without padding.
    pub fn new(units: usize, kernel: usize) -> Self {
        Self {
            common: Common::default(),
            units,
            kernel,
            stride: 1,
            dilation: 1,
            groups: 1,
            padding: Padding::Valid,
            bias: true,
            first_weights: None,
            first_bias: None,
            kernel_regularizer: None,
            bias_regularizer: None,
        }
    }

    /// First weights as in Keras: Glorot uniform, with biases of 0.
    pub fn keras(self) -> Self {
        self.first_weights(Initializer::XavierUniform).first_bias(Initializer::Zeros)
    }

    pub(crate) fn config(&self, input: usize) -> Conv1dConfig {
        Conv1dConfig {
            input,
            output: self.units,
            kernel: self.kernel,
            stride: self.stride,
            dilation: self.dilation,
            groups: self.groups,
            padding: self.padding,
            bias: self.bias,
        }
    }
}

impl LayerSpec for Conv1dLayer {
    const KINDS: &'static [&'static str] = &["conv1d"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        "Conv1D".into()
    }

    fn print(&self, input: Signal) -> (String, Vec<String>) {
        let mut options = vec![
            input.features().unwrap_or(0).to_string(),
            self.units.to_string(),
            format!("kernel_size=({},)", self.kernel),
            format!("stride=({},)", self.stride),
        ];
        if self.padding != Padding::Valid {
            options.push(format!("padding={}", format!("{:?}", self.padding).to_lowercase()));
        }
        if self.dilation != 1 {
            options.push(format!("dilation=({},)", self.dilation));
        }
        if self.groups != 1 {
            options.push(format!("groups={}", self.groups));
        }
        if !self.bias {
            options.push("bias=False".into());
        }
        ("Conv1d".into(), options)
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        let config = self.config(at.steps()?);
        at.size("units", self.units)?;
        at.size("kernel", self.kernel)?;
        config.check().map_err(|error| at.error(error))?;
        at.check_penalty("the kernel_regularizer", self.kernel_regularizer)?;
        at.check_penalty("the bias_regularizer", self.bias_regularizer)?;
        if !self.bias && (self.bias_regularizer.is_some() || self.first_bias.is_some()) {
            return Err(
                at.error("there is no bias, but an option for it; leave out bias_regularizer and first_bias")
            );
        }
        at.weight("weight", &config.weight_shape(), self.kernel_regularizer)?;
        if self.bias {
            at.weight("bias", &[self.units], self.bias_regularizer)?;
        }
        Ok(Signal::Steps(self.units))
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        let config = self.config(at.input());
        let layer = Conv1d::new(config, at.parameters, at.name, at.rng).map_err(|error| at.error(error))?;
        at.draw(layer.weight(), self.first_weights)?;
        if let Some(bias) = layer.bias() {
            at.draw(bias, self.first_bias)?;
        }
        Ok(Box::new(Through::several_steps(layer)))
    }
}
