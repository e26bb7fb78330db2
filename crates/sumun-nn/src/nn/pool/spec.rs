//! Pooling over time in a model.

use super::Pool;
use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, Through, layer};

layer! {
    /// One row a sequence from all of its steps.
    PoolLayer {
        /// How.
        [] over: Pool,
    }
}

impl PoolLayer {
    /// Pooling of that kind.
    pub fn new(over: Pool) -> Self {
        Self { common: Common::default(), over }
    }
}

impl LayerSpec for PoolLayer {
    const KINDS: &'static [&'static str] = &["pool"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        format!("{:?} over time", self.over)
    }

    fn print(&self, _input: Signal) -> (String, Vec<String>) {
        ("Pool".into(), vec![format!("{:?}", self.over).to_lowercase()])
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        at.steps().map(Signal::Once)
    }

    fn build(&self, _at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        Ok(Box::new(Through::new(self.over)))
    }
}
