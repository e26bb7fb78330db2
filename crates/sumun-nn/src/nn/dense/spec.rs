//! A dense layer in a model.

use super::{Activation, Dense, DenseConfig};
use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, Through, layer, standard};
use crate::nn::Initializer;
use crate::train::Regularizer;

layer! {
    /// An affine map with an optional activation: of every step where there are steps (Keras' `TimeDistributed`), else
    /// of the one row.
    DenseLayer {
        /// I: features of an input row, for those who want it checked; what the layer before gives where it is None.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [input] input: Option<usize>,
        /// O: features of an output row.
        [] units: usize,
        /// What follows the affine map.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [activation] activation: Activation,
        /// Whether a bias is added.
        #[serde(default = "standard::yes", skip_serializing_if = "standard::is_true")]
        [bias] bias: bool,
        /// How the first weight is initialised; from U(±1/√I), as in PyTorch, where it is None.
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

impl DenseLayer {
    /// So many outputs, with a bias and without an activation.
    pub fn new(units: usize) -> Self {
        Self {
            common: Common::default(),
            input: None,
            units,
            activation: Activation::Linear,
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
}

impl From<usize> for DenseLayer {
    fn from(units: usize) -> Self {
        Self::new(units)
    }
}

impl LayerSpec for DenseLayer {
    const KINDS: &'static [&'static str] = &["dense"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        "Dense".into()
    }

    fn print(&self, input: Signal) -> (String, Vec<String>) {
        let features = input.features().unwrap_or(0);
        let bias = if self.bias { "True" } else { "False" };
        let mut options = vec![
            format!("in_features={features}"),
            format!("out_features={}", self.units),
            format!("bias={bias}"),
        ];
        if self.activation != Activation::default() {
            options.push(format!("activation={}", format!("{:?}", self.activation).to_lowercase()));
        }
        ("Dense".into(), options)
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        let features = at.rows()?;
        at.expect(self.input, features)?;
        let units = at.size("units", self.units)?;
        at.check_penalty("the kernel_regularizer", self.kernel_regularizer)?;
        at.check_penalty("the bias_regularizer", self.bias_regularizer)?;
        if !self.bias && (self.bias_regularizer.is_some() || self.first_bias.is_some()) {
            return Err(crate::Error::Invalid(format!(
                "{} has no bias, but an option for it; leave out bias_regularizer and first_bias",
                at.name()
            )));
        }
        at.product("weight", &[units, features], self.kernel_regularizer)?;
        if self.bias {
            at.weight("bias", &[units], self.bias_regularizer)?;
        }
        Ok(at.read()?.signal.with(units))
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        let config = DenseConfig::new(at.input(), self.units).bias(self.bias).activation(self.activation);
        let dense = Dense::new(config, at.parameters, at.name, at.rng).map_err(|error| at.error(error))?;
        at.draw(dense.weight(), self.first_weights)?;
        if let Some(bias) = dense.bias() {
            at.draw(bias, self.first_bias)?;
        }
        Ok(Box::new(Through::each_row(dense)))
    }
}
