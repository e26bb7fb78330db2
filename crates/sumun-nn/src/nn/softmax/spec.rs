//! Softmax in a model.

use super::Softmax;
use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, Through, layer};

layer! {
    /// Shares that sum to 1 from the features of every row.
    SoftmaxLayer {}
}

impl SoftmaxLayer {
    /// Over all features.
    pub fn new() -> Self {
        Self { common: Common::default() }
    }
}

impl Default for SoftmaxLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl LayerSpec for SoftmaxLayer {
    const KINDS: &'static [&'static str] = &["softmax"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        "Softmax".into()
    }

    fn print(&self, _input: Signal) -> (String, Vec<String>) {
        ("Softmax".into(), vec!["dim=-1".into()])
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        at.rows()?;
        Ok(at.read()?.signal)
    }

    fn build(&self, _at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        Ok(Box::new(Through::each_row(Softmax::new())))
    }
}
