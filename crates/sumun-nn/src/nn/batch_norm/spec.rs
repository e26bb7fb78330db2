//! Batch normalisation in a model.

use super::{BatchNorm, BatchNormConfig};
use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, Through, layer, standard};

layer! {
    /// Normalises every feature by its mean and variance: in training those of the batch, else, and where it is not
    /// trainable, the running ones.
    BatchNormLayer {
        /// ε, added to the variance.
        #[serde(default = "epsilon")]
        [epsilon] epsilon: f64,
        /// The weight of a batch in the running statistics, as PyTorch counts it.
        #[serde(default = "momentum")]
        [momentum] momentum: f64,
        /// Whether there are a gain and a bias.
        #[serde(default = "standard::yes", skip_serializing_if = "standard::is_true")]
        [affine] affine: bool,
    }
}

fn epsilon() -> f64 {
    BatchNormConfig::new(1).epsilon
}

fn momentum() -> f64 {
    BatchNormConfig::new(1).momentum
}

impl BatchNormLayer {
    /// PyTorch's: with gain and bias, ε = 1e-5, momentum 0.1.
    pub fn new() -> Self {
        Self { common: Common::default(), epsilon: epsilon(), momentum: momentum(), affine: true }
    }

    /// Keras': ε = 1e-3, and 0.99 of the running statistics kept.
    pub fn keras() -> Self {
        Self::new().epsilon(1e-3).momentum(0.01)
    }

    fn config(&self, features: usize) -> BatchNormConfig {
        BatchNormConfig { features, epsilon: self.epsilon, momentum: self.momentum, affine: self.affine }
    }
}

impl Default for BatchNormLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl LayerSpec for BatchNormLayer {
    const KINDS: &'static [&'static str] = &["batch_norm"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        "Batch norm".into()
    }

    fn print(&self, input: Signal) -> (String, Vec<String>) {
        let options = vec![
            input.features().unwrap_or(0).to_string(),
            format!("eps={:?}", self.epsilon),
            format!("momentum={:?}", self.momentum),
            format!("affine={}", if self.affine { "True" } else { "False" }),
        ];
        ("BatchNorm1d".into(), options)
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        let features = at.rows()?;
        self.config(features).check().map_err(|error| at.error(error))?;
        if self.affine {
            at.weight("weight", &[features], None)?;
            at.weight("bias", &[features], None)?;
        }
        at.statistic("running_mean", &[features])?;
        at.statistic("running_var", &[features])?;
        Ok(at.read()?.signal)
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        let config = self.config(at.input());
        let layer = BatchNorm::new(config, at.parameters, at.name).map_err(|error| at.error(error))?;
        Ok(Box::new(Through::each_row(layer)))
    }
}
