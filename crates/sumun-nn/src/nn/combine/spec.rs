//! Sums, products and concatenations in a model.

use std::any::Any;

use super::{Combine, CombineCache, CombineInput};
use crate::layer::{
    BackwardCall, Building, Call, Common, InputGradients, Kept, LayerOutput, LayerSpec, Planning, Signal,
    Stage, Stepping, Value, layer,
};
use crate::noise::Noise;
use crate::{Error, Result};

layer! {
    /// Several inputs, given by `from`, become one: `add`, `multiply` or `concat`.
    CombineLayer {
        /// How. In a file it is the layer's `kind`.
        #[serde(skip, default = "any")]
        [] how: Combine,
    }
}

/// The kind until [`LayerSpec::set_kind`] says which it is.
fn any() -> Combine {
    Combine::Add
}

impl CombineLayer {
    /// That combination.
    pub fn new(how: Combine) -> Self {
        Self { common: Common::default(), how }
    }

    /// The sum of all inputs, features of one number.
    pub fn add() -> Self {
        Self::new(Combine::Add)
    }

    /// The product of all inputs, number by number.
    pub fn multiply() -> Self {
        Self::new(Combine::Multiply)
    }

    /// The features of all inputs beside each other.
    pub fn concat() -> Self {
        Self::new(Combine::Concat)
    }
}

impl LayerSpec for CombineLayer {
    const KINDS: &'static [&'static str] = &["add", "multiply", "concat"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn kind(&self) -> &'static str {
        self.how.name()
    }

    fn set_kind(&mut self, kind: &str) -> Result<()> {
        let how =
            [Combine::Add, Combine::Multiply, Combine::Concat].into_iter().find(|how| how.name() == kind);
        self.how = how.ok_or_else(|| Error::Invalid(format!("nothing is combined by {kind:?}")))?;
        Ok(())
    }

    fn title(&self) -> String {
        format!("{:?}", self.how)
    }

    fn print(&self, _input: Signal) -> (String, Vec<String>) {
        (format!("{:?}", self.how), Vec::new())
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        let features = at.reads().iter().map(|read| at.rows_of(read)).collect::<Result<Vec<_>>>()?;
        let features = self.how.features(&features).map_err(|error| at.error(error))?;
        let features = at.size("features", features)?;
        match at.reads().iter().all(|read| matches!(read.signal, Signal::Once(_))) {
            true => Ok(Signal::Once(features)),
            false => Ok(Signal::Steps(features)),
        }
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        let once = at.reads.iter().map(|signal| matches!(signal, Signal::Once(_))).collect();
        Ok(Box::new(CombineStage { how: self.how, once }))
    }
}

/// A combination in a model.
#[derive(Debug)]
struct CombineStage {
    how: Combine,
    /// For each input, whether it has one row a sequence.
    once: Vec<bool>,
}

impl CombineStage {
    fn parts(&self, inputs: Vec<Value>) -> Result<Vec<CombineInput>> {
        if inputs.len() != self.once.len() {
            return Err(Error::Invalid(format!(
                "{} was planned for {} inputs, but given {}",
                self.how.name(),
                self.once.len(),
                inputs.len()
            )));
        }
        inputs
            .into_iter()
            .zip(&self.once)
            .map(|(rows, &once)| Ok(CombineInput { rows: rows.rows()?, once }))
            .collect()
    }
}

impl Stage for CombineStage {
    fn forward(&self, _call: Call<'_>, inputs: Vec<Value>) -> Result<LayerOutput> {
        Ok(self.how.forward(self.parts(inputs)?)?.into())
    }

    fn forward_train(
        &self,
        _call: Call<'_>,
        inputs: Vec<Value>,
        _noise: Noise,
    ) -> Result<(LayerOutput, Kept)> {
        let (out, cache) = self.how.forward_train(self.parts(inputs)?)?;
        Ok((out.into(), Kept::new(cache)))
    }

    fn backward(&self, kept: Kept, call: BackwardCall<'_>) -> Result<InputGradients> {
        let Some(d_out) = call.d_out else { return Ok(InputGradients::default()) };
        let inputs = self.how.backward(kept.into::<CombineCache>()?, d_out, call.wanted)?;
        Ok(InputGradients { inputs, initial: None })
    }

    fn stepping(&self) -> Stepping {
        Stepping::Forward
    }

    fn layer(&self) -> &dyn Any {
        &self.how
    }

    fn layer_mut(&mut self) -> &mut dyn Any {
        &mut self.how
    }
}
