//! Steps added to sequences and left out of them, in a model.

use super::{Crop, Pad, PadMode};
use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, Through, layer, standard};

layer! {
    /// Steps before and after every sequence.
    PadLayer {
        /// Steps before the first one.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [before] before: usize,
        /// Steps after the last one.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [after] after: usize,
        /// What they are.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [mode] mode: PadMode,
        /// The number of [`PadMode::Constant`].
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [value] value: f32,
    }
}

impl PadLayer {
    /// So many steps of zeros before and after each sequence.
    pub fn new(before: usize, after: usize) -> Self {
        Self { common: Common::default(), before, after, mode: PadMode::Constant, value: 0.0 }
    }
}

impl LayerSpec for PadLayer {
    const KINDS: &'static [&'static str] = &["pad"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        format!("Pad, {} before, {} after", self.before, self.after)
    }

    fn print(&self, _input: Signal) -> (String, Vec<String>) {
        let mode = format!("mode='{}'", format!("{:?}", self.mode).to_lowercase());
        ("Pad".into(), vec![format!("({}, {})", self.before, self.after), mode])
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        let features = at.steps()?;
        Pad::new(self.before, self.after, self.mode, self.value).map_err(|error| at.error(error))?;
        Ok(Signal::Steps(features))
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        let pad =
            Pad::new(self.before, self.after, self.mode, self.value).map_err(|error| at.error(error))?;
        Ok(Box::new(Through::several_steps(pad)))
    }
}

layer! {
    /// Steps at the ends of every sequence are left out.
    CropLayer {
        /// How many at the beginning.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [before] before: usize,
        /// How many at the end.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [after] after: usize,
    }
}

impl CropLayer {
    /// Without so many steps at the beginning and at the end.
    pub fn new(before: usize, after: usize) -> Self {
        Self { common: Common::default(), before, after }
    }
}

impl LayerSpec for CropLayer {
    const KINDS: &'static [&'static str] = &["crop"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        format!("Crop, {} before, {} after", self.before, self.after)
    }

    fn print(&self, _input: Signal) -> (String, Vec<String>) {
        ("Crop".into(), vec![format!("({}, {})", self.before, self.after)])
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        at.steps().map(Signal::Steps)
    }

    fn build(&self, _at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        Ok(Box::new(Through::several_steps(Crop::new(self.before, self.after))))
    }
}
