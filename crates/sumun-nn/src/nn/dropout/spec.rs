//! Dropout in a model.

use super::Dropout;
use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, Through, layer};

layer! {
    /// Loses each element with probability `p` in training.
    DropoutLayer {
        /// The probability, at least 0 and below 1.
        [] p: f32,
    }
}

impl DropoutLayer {
    /// The probability of losing an element.
    pub fn new(p: f32) -> Self {
        Self { common: Common::default(), p }
    }
}

impl LayerSpec for DropoutLayer {
    const KINDS: &'static [&'static str] = &["dropout"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        "Dropout".into()
    }

    fn print(&self, _input: Signal) -> (String, Vec<String>) {
        ("Dropout".into(), vec![format!("p={}", self.p)])
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        at.rows()?;
        Dropout::new(self.p).map_err(|error| at.error(error))?;
        Ok(at.read()?.signal)
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        Ok(Box::new(Through::each_row(Dropout::new(self.p).map_err(|error| at.error(error))?)))
    }
}
