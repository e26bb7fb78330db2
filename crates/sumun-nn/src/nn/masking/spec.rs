//! Masked steps, in a model.

use super::Masking;
use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, layer, standard};

layer! {
    /// Steps whose features all are one number are no steps for the layers above (Keras' `Masking`).
    MaskingLayer {
        /// The number; 0 unless said otherwise.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [value] value: f32,
    }
}

impl MaskingLayer {
    /// Of steps whose features all are `value`.
    pub fn new(value: f32) -> Self {
        Self { common: Common::default(), value }
    }
}

impl LayerSpec for MaskingLayer {
    const KINDS: &'static [&'static str] = &["masking"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        "Masking".into()
    }

    fn print(&self, _input: Signal) -> (String, Vec<String>) {
        ("Masking".into(), vec![format!("value={}", self.value)])
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        Masking::new(self.value).map_err(|error| at.error(error))?;
        at.steps().map(Signal::Steps)
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        Ok(Box::new(Masking::new(self.value).map_err(|error| at.error(error))?))
    }
}
