//! An activation function in a model.

use super::Activate;
use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, Through, layer};
use crate::nn::ActivationFunction;

layer! {
    /// A function of every number.
    ActivationLayer {
        /// Which: `"tanh"`, or with constants `{ elu = { alpha = 1.0 } }`.
        [] function: ActivationFunction,
    }
}

impl ActivationLayer {
    /// That function.
    pub fn new(function: ActivationFunction) -> Self {
        Self { common: Common::default(), function }
    }
}

impl LayerSpec for ActivationLayer {
    const KINDS: &'static [&'static str] = &["activation"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        "Activation".into()
    }

    fn print(&self, _input: Signal) -> (String, Vec<String>) {
        ("Activation".into(), vec![format!("{:?}", self.function)])
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        at.rows()?;
        Activate::new(self.function).map_err(|error| at.error(error))?;
        Ok(at.read()?.signal)
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        Ok(Box::new(Through::each_row(Activate::new(self.function).map_err(|error| at.error(error))?)))
    }
}
