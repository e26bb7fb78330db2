//! Steps as sequences and back, in a model.

use std::any::Any;

use super::{Collect, Distribute};
use crate::layer::{
    BackwardCall, Building, Call, Common, InputGradients, Kept, LayerOutput, LayerSpec, Planning, Signal,
    Stage, Through, Value, layer, only_wanted,
};
use crate::nn::InputGradient;
use crate::noise::Noise;
use crate::{Error, Result};

layer! {
    /// Every step becomes a sequence of its own, which layers behind it compute alone; a [`CollectLayer`] ends it.
    DistributeLayer {
        /// S: the steps of each of these sequences.
        [] steps: usize,
    }
}

impl DistributeLayer {
    /// Into so many steps.
    pub fn new(steps: usize) -> Self {
        Self { common: Common::default(), steps }
    }
}

impl LayerSpec for DistributeLayer {
    const KINDS: &'static [&'static str] = &["distribute"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        format!("Distribute, {} step{}", self.steps, if self.steps == 1 { "" } else { "s" })
    }

    fn print(&self, _input: Signal) -> (String, Vec<String>) {
        ("Distribute".into(), vec![format!("steps={}", self.steps)])
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        let width = at.steps()?;
        at.size("steps", self.steps)?;
        let features = Distribute::new(self.steps)?.features(width).map_err(|error| at.error(error))?;
        Ok(Signal::Steps(features))
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        Ok(Box::new(Through::several_steps(Distribute::new(self.steps).map_err(|error| at.error(error))?)))
    }
}

layer! {
    /// The row of each sequence that a [`DistributeLayer`] made, at the step that the sequence was: it reads those rows and what
    /// the other layer read, in this order.
    CollectLayer {}
}

impl CollectLayer {
    /// Of all features.
    pub fn new() -> Self {
        Self { common: Common::default() }
    }
}

impl Default for CollectLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl LayerSpec for CollectLayer {
    const KINDS: &'static [&'static str] = &["collect"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        "Collect".into()
    }

    fn print(&self, _input: Signal) -> (String, Vec<String>) {
        ("Collect".into(), Vec::new())
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        let [inner, outer] = at.reads() else {
            return Err(at.error(format!(
                "it reads {}; it takes two: rows, and the steps that they are put at",
                at.reads().len()
            )));
        };
        let Signal::Once(features) = inner.signal else {
            return Err(at.error(format!(
                "{} gives {}; it takes one row of each sequence, [N, F], so put a pool between them",
                inner.name, inner.signal
            )));
        };
        if let Signal::Once(_) = outer.signal {
            return Err(at.error(format!(
                "{} has one row a sequence, {}; rows are put at steps, [N, T, F]",
                outer.name, outer.signal
            )));
        }
        Ok(Signal::Steps(features))
    }

    fn build(&self, _at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        Ok(Box::new(CollectStage { layer: Collect }))
    }
}

#[derive(Debug)]
struct CollectStage {
    layer: Collect,
}

impl Stage for CollectStage {
    fn forward(&self, _call: Call<'_>, inputs: Vec<Value>) -> Result<LayerOutput> {
        let found = inputs.len();
        let Ok([inner, outer]) = <[Value; 2]>::try_from(inputs) else {
            return Err(Error::Invalid(format!("the layer takes two inputs; it was given {found}")));
        };
        let layout = match outer {
            Value::Ids(ids) => ids.layout.clone(),
            Value::Rows(rows) => rows.layout.clone(),
        };
        Ok(self.layer.forward(inner.rows()?, &layout)?.into())
    }

    fn forward_train(
        &self,
        call: Call<'_>,
        inputs: Vec<Value>,
        _noise: Noise,
    ) -> Result<(LayerOutput, Kept)> {
        Ok((self.forward(call, inputs)?, Kept::new(())))
    }

    fn backward(&self, kept: Kept, call: BackwardCall<'_>) -> Result<InputGradients> {
        kept.into::<()>()?;
        let Some(d_out) = call.d_out else { return Ok(InputGradients::default()) };
        let d = match only_wanted(call.wanted) {
            InputGradient::Needed => Some(self.layer.backward(d_out)?),
            InputGradient::Skip => None,
        };
        // The steps say where the rows go, not what they are.
        Ok(InputGradients { inputs: vec![d, None], initial: None })
    }

    fn layer(&self) -> &dyn Any {
        &self.layer
    }

    fn layer_mut(&mut self) -> &mut dyn Any {
        &mut self.layer
    }
}
