//! Layer normalisation in a model.

use super::{LayerNorm, LayerNormConfig};
use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, Through, layer, standard};

layer! {
    /// Normalises every row by its own mean and variance.
    LayerNormLayer {
        /// ε, added to the variance.
        #[serde(default = "epsilon")]
        [epsilon] epsilon: f64,
        /// Whether there is a gain.
        #[serde(default = "standard::yes", skip_serializing_if = "standard::is_true")]
        [weight] weight: bool,
        /// Whether there is a bias.
        #[serde(default = "standard::yes", skip_serializing_if = "standard::is_true")]
        [bias] bias: bool,
    }
}

fn epsilon() -> f64 {
    LayerNormConfig::new(1).epsilon
}

impl LayerNormLayer {
    /// PyTorch's: with gain and bias, ε = 1e-5.
    pub fn new() -> Self {
        Self { common: Common::default(), epsilon: epsilon(), weight: true, bias: true }
    }

    /// Keras': ε = 1e-3.
    pub fn keras() -> Self {
        Self::new().epsilon(1e-3)
    }

    fn config(&self, features: usize) -> LayerNormConfig {
        LayerNormConfig { features, epsilon: self.epsilon, weight: self.weight, bias: self.bias }
    }
}

impl Default for LayerNormLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl LayerSpec for LayerNormLayer {
    const KINDS: &'static [&'static str] = &["layer_norm"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        "Layer norm".into()
    }

    fn print(&self, input: Signal) -> (String, Vec<String>) {
        let shape = format!("({},)", input.features().unwrap_or(0));
        let affine = if self.weight { "True" } else { "False" };
        let mut options =
            vec![shape, format!("eps={:?}", self.epsilon), format!("elementwise_affine={affine}")];
        if self.weight != self.bias {
            options.push(format!("bias={}", if self.bias { "True" } else { "False" }));
        }
        ("LayerNorm".into(), options)
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        let features = at.rows()?;
        self.config(features).check().map_err(|error| at.error(error))?;
        if self.weight {
            at.weight("weight", &[features], None)?;
        }
        if self.bias {
            at.weight("bias", &[features], None)?;
        }
        Ok(at.read()?.signal)
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        let config = self.config(at.input());
        let layer = LayerNorm::new(config, at.parameters, at.name).map_err(|error| at.error(error))?;
        Ok(Box::new(Through::each_row(layer)))
    }
}
