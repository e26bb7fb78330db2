//! Steps in reverse order, in a model.

use super::Reverse;
use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, Through, layer};

layer! {
    /// The steps of every sequence, its own last step first.
    ReverseLayer {}
}

impl ReverseLayer {
    /// Of all features.
    pub fn new() -> Self {
        Self { common: Common::default() }
    }
}

impl Default for ReverseLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl LayerSpec for ReverseLayer {
    const KINDS: &'static [&'static str] = &["reverse"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        "Reverse".into()
    }

    fn print(&self, _input: Signal) -> (String, Vec<String>) {
        ("Reverse".into(), Vec::new())
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        at.steps().map(Signal::Steps)
    }

    fn build(&self, _at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        Ok(Box::new(Through::several_steps(Reverse)))
    }
}
