//! A function of every number, in a model.

use super::Elementwise;
use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, Through, layer};

layer! {
    /// A function of every number that is no activation of a cell.
    ElementwiseLayer {
        /// Which: `"sqrt"`, or with a constant `{ power = { exponent = 3.0 } }`.
        [] function: Elementwise,
    }
}

impl ElementwiseLayer {
    /// That function.
    pub fn new(function: Elementwise) -> Self {
        Self { common: Common::default(), function }
    }
}

impl LayerSpec for ElementwiseLayer {
    const KINDS: &'static [&'static str] = &["elementwise"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        match self.function {
            Elementwise::Power { exponent } => format!("Power of {exponent}"),
            function => format!("{function:?}"),
        }
    }

    fn print(&self, _input: Signal) -> (String, Vec<String>) {
        ("Elementwise".into(), vec![format!("{:?}", self.function)])
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        at.rows()?;
        self.function.check().map_err(|error| at.error(error))?;
        Ok(at.read()?.signal)
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        self.function.check().map_err(|error| at.error(error))?;
        Ok(Box::new(Through::each_row(self.function)))
    }
}
