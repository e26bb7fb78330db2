//! Some of the features, in a model.

use super::Slice;
use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, Through, layer};

layer! {
    /// Some of the features of every row.
    SliceLayer {
        /// The first of them, counted from 0.
        [] start: usize,
        /// How many there are.
        [] features: usize,
    }
}

impl SliceLayer {
    /// So many features from `start` on.
    pub fn new(start: usize, features: usize) -> Self {
        Self { common: Common::default(), start, features }
    }
}

impl LayerSpec for SliceLayer {
    const KINDS: &'static [&'static str] = &["slice"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        "Slice".into()
    }

    fn print(&self, _input: Signal) -> (String, Vec<String>) {
        ("Slice".into(), vec![format!("start={}", self.start), format!("features={}", self.features)])
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        let given = at.rows()?;
        let slice = Slice::new(self.start, self.features).map_err(|error| at.error(error))?;
        slice.check(given).map_err(|error| at.error(error))?;
        Ok(at.read()?.signal.with(self.features))
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        let slice = Slice::new(self.start, self.features).map_err(|error| at.error(error))?;
        Ok(Box::new(Through::each_row(slice)))
    }
}
