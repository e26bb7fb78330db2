//! A conditional random field in a model.

use super::{Crf, CrfConfig};
use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, Through, layer};

layer! {
    /// Scores of tags that are chosen together: weights for how tags follow each other, for the last layer of a tagger.
    CrfLayer {}
}

impl CrfLayer {
    /// Over as many tags as there are features.
    pub fn new() -> Self {
        Self { common: Common::default() }
    }
}

impl Default for CrfLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl LayerSpec for CrfLayer {
    const KINDS: &'static [&'static str] = &["crf"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        "CRF".into()
    }

    fn print(&self, input: Signal) -> (String, Vec<String>) {
        ("CRF".into(), vec![input.features().unwrap_or(0).to_string()])
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        let tags = at.steps()?;
        at.weight("transitions", &[tags, tags], None)?;
        at.weight("start", &[tags], None)?;
        at.weight("end", &[tags], None)?;
        Ok(at.read()?.signal)
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        let config = CrfConfig { tags: at.input() };
        let layer = Crf::new(config, at.parameters, at.name).map_err(|error| at.error(error))?;
        Ok(Box::new(Through::each_row(layer)))
    }
}
