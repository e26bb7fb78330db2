//! Attention over time in a model.

use super::{Attention, AttentionConfig};
use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, Through, layer};
use crate::nn::Initializer;
use crate::train::Regularizer;

layer! {
    /// One row a sequence, a mean of its steps with learnt weights: additive attention
    /// ([`nn::Attention`](crate::nn::Attention)).
    AttentionLayer {
        /// U: units of the hidden layer that scores a step.
        [] units: usize,
        /// How the first weight is initialised; from U(±1/√F), as in PyTorch, where it is None.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [first_weights] first_weights: Option<Initializer>,
        /// The penalty on the weight and the context.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [kernel_regularizer] kernel_regularizer: Option<Regularizer>,
    }
}

impl AttentionLayer {
    /// So many units, initialised as PyTorch's two `Linear`s.
    pub fn new(units: usize) -> Self {
        Self { common: Common::default(), units, first_weights: None, kernel_regularizer: None }
    }
}

impl From<usize> for AttentionLayer {
    fn from(units: usize) -> Self {
        Self::new(units)
    }
}

impl LayerSpec for AttentionLayer {
    const KINDS: &'static [&'static str] = &["attention"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        "Attention over time".into()
    }

    fn print(&self, input: Signal) -> (String, Vec<String>) {
        let features = input.features().unwrap_or(0);
        ("Attention".into(), vec![format!("features={features}"), format!("units={}", self.units)])
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        let features = at.steps()?;
        let units = at.size("units", self.units)?;
        at.check_penalty("the kernel_regularizer", self.kernel_regularizer)?;
        at.weight("weight", &[units, features], self.kernel_regularizer)?;
        at.weight("bias", &[units], None)?;
        at.weight("context", &[units], self.kernel_regularizer)?;
        Ok(Signal::Once(features))
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        let config = AttentionConfig { input: at.input(), units: self.units };
        let layer =
            Attention::new(config, at.parameters, at.name, at.rng).map_err(|error| at.error(error))?;
        at.draw(layer.weight(), self.first_weights)?;
        Ok(Box::new(Through::new(layer)))
    }
}
