//! Rows laid out in steps, in a model.

use super::Unflatten;
use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, Through, layer};

layer! {
    /// One row a sequence becomes a sequence of steps.
    UnflattenLayer {
        /// T: how many steps.
        [] steps: usize,
    }
}

impl UnflattenLayer {
    /// Into so many steps.
    pub fn new(steps: usize) -> Self {
        Self { common: Common::default(), steps }
    }
}

impl LayerSpec for UnflattenLayer {
    const KINDS: &'static [&'static str] = &["unflatten"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        format!("Unflatten, {} step{}", self.steps, if self.steps == 1 { "" } else { "s" })
    }

    fn print(&self, input: Signal) -> (String, Vec<String>) {
        let features = input.features().unwrap_or(0) / self.steps.max(1);
        ("Unflatten".into(), vec!["dim=1".into(), format!("unflattened_size=({}, {features})", self.steps)])
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        let width = at.rows()?;
        let read = at.read()?;
        if let Signal::Steps(_) = read.signal {
            return Err(at.error(format!(
                "{} has a row at every step, {}; only one row a sequence, [N, F], can be laid out in steps",
                read.name, read.signal
            )));
        }
        at.size("steps", self.steps)?;
        let features = Unflatten::new(self.steps)?.features(width).map_err(|error| at.error(error))?;
        Ok(Signal::Steps(features))
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        // Its steps are pieces of a whole row.
        Ok(Box::new(Through::several_steps(Unflatten::new(self.steps).map_err(|error| at.error(error))?)))
    }
}
