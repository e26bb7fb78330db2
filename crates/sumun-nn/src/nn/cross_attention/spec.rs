//! Attention over another sequence in a model.

use std::any::Any;

use sumun_kernels::Path;

use super::memory::LastMemory;
use super::{CrossAttention, CrossAttentionCache, CrossAttentionConfig, Score};
use crate::layer::{
    BackwardCall, Building, Call, Common, InputGradients, Kept, LayerOutput, LayerSpec, Planning, Read,
    Signal, Stage, Stepping, Value, layer, standard,
};
use crate::nn::{Initializer, InputGradient};
use crate::noise::Noise;
use crate::train::Regularizer;
use crate::{Error, Result, Rows};

layer! {
    /// Attention over another sequence ([`nn::CrossAttention`](crate::nn::CrossAttention)). It reads two: the queries,
    /// steps or one row a sequence, and the memory, steps.
    CrossAttentionLayer {
        /// How a query and a step of the memory are compared.
        #[serde(default)]
        [score] score: Score,
        /// The width in which both meet: needed by the score `additive`, open to `dot`, none of `general`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [units] units: Option<usize>,
        /// Whether dot products are divided by the root of their width.
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [scaled] scaled: bool,
        /// How the first weights of queries and memory are initialised; as PyTorch's `Linear`s where it is None.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [first_weights] first_weights: Option<Initializer>,
        /// The penalty on the weights and the context.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [kernel_regularizer] kernel_regularizer: Option<Regularizer>,
    }
}

impl CrossAttentionLayer {
    fn of(score: Score, units: Option<usize>) -> Self {
        Self {
            common: Common::default(),
            score,
            units,
            scaled: false,
            first_weights: None,
            kernel_regularizer: None,
        }
    }

    /// Dot products of queries and memory as they are.
    pub fn dot() -> Self {
        Self::of(Score::Dot, None)
    }

    /// Dot products of the queries with a learnt map of the memory.
    pub fn general() -> Self {
        Self::of(Score::General, None)
    }

    /// A hidden layer of so many units over both.
    pub fn additive(units: usize) -> Self {
        Self::of(Score::Additive, Some(units))
    }

    fn config(&self, query: usize, memory: usize) -> CrossAttentionConfig {
        CrossAttentionConfig { query, memory, score: self.score, units: self.units, scaled: self.scaled }
    }
}

impl LayerSpec for CrossAttentionLayer {
    const KINDS: &'static [&'static str] = &["cross_attention"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        "Cross-attention".into()
    }

    fn print(&self, _input: Signal) -> (String, Vec<String>) {
        let mut options = vec![format!("score={}", format!("{:?}", self.score).to_lowercase())];
        options.extend(self.units.map(|units| format!("units={units}")));
        if self.scaled {
            options.push("scaled=True".into());
        }
        ("CrossAttention".into(), options)
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        let [queries, memory] = both(at)?;
        let config = self.config(at.rows_of(queries)?, at.steps_of(memory)?);
        let output = queries.signal.with(config.memory);
        if let Some(units) = self.units {
            at.size("units", units)?;
        }
        at.check_penalty("the kernel_regularizer", self.kernel_regularizer)?;
        let weights = config.weights().map_err(|error| at.error(error))?;
        if weights.is_empty() && self.kernel_regularizer.is_some() {
            return Err(at.error("there are no weights, but a penalty on them; leave out kernel_regularizer"));
        }
        if weights.is_empty() && self.first_weights.is_some() {
            return Err(at.error("there are no weights, but an initialiser of them; leave out first_weights"));
        }
        for weight in weights {
            let penalty = self.kernel_regularizer.filter(|_| weight.name != "bias");
            at.weight(weight.name, &weight.shape, penalty)?;
        }
        Ok(output)
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        let features = |read: usize| at.reads.get(read).and_then(|signal| signal.features()).unwrap_or(0);
        let config = self.config(features(0), features(1));
        let layer = CrossAttention::new(config, at.parameters, at.name, at.rng);
        let layer = layer.map_err(|error| at.error(error))?;
        for weight in [layer.weight_query, layer.weight_memory].into_iter().flatten() {
            at.draw(weight, self.first_weights)?;
        }
        Ok(Box::new(layer))
    }
}

/// The queries and the memory.
fn both<'a>(at: &'a Planning<'_>) -> Result<[&'a Read<'a>; 2]> {
    match at.reads() {
        [queries, memory] => Ok([queries, memory]),
        reads => Err(at.error(format!(
            "attention over another sequence reads two, the queries and the memory; found {}, say from which",
            reads.len()
        ))),
    }
}

fn rows(inputs: Vec<Value>) -> Result<[Rows; 2]> {
    let found = inputs.len();
    let inputs = inputs.into_iter().map(Value::rows).collect::<Result<Vec<_>>>()?;
    inputs.try_into().map_err(|_| {
        Error::Invalid(format!(
            "cross-attention takes the queries and the memory; it was given {found} inputs"
        ))
    })
}

impl Stage for CrossAttention {
    fn forward(&self, call: Call<'_>, inputs: Vec<Value>) -> Result<LayerOutput> {
        let [queries, memory] = rows(inputs)?;
        Ok(self.forward(call.parameters, queries, memory)?.into())
    }

    fn forward_train(
        &self,
        call: Call<'_>,
        inputs: Vec<Value>,
        _noise: Noise,
    ) -> Result<(LayerOutput, Kept)> {
        let [queries, memory] = rows(inputs)?;
        let (out, cache) = self.forward_train(call.parameters, queries, memory)?;
        Ok((out.into(), Kept::new(cache)))
    }

    fn backward(&self, kept: Kept, call: BackwardCall<'_>) -> Result<InputGradients> {
        let Some(d_out) = call.d_out else { return Ok(InputGradients::default()) };
        let wanted = [0, 1].map(|input| call.wanted.get(input).copied().unwrap_or(InputGradient::Skip));
        let cache = kept.into::<CrossAttentionCache>()?;
        let inputs = self.backward(call.parameters, cache, d_out, wanted)?;
        Ok(InputGradients { inputs: inputs.into(), initial: None })
    }

    fn stepping(&self) -> Stepping {
        Stepping::Never("attends over all steps of another sequence; run it on whole sequences".into())
    }

    fn path(&self) -> Option<Path> {
        Some(self.path)
    }

    fn set_path(&mut self, path: Path) -> Result<()> {
        crate::error::expect_available(path)?;
        self.path = path;
        self.last = LastMemory::default();
        Ok(())
    }

    fn layer(&self) -> &dyn Any {
        self
    }

    fn layer_mut(&mut self) -> &mut dyn Any {
        self
    }
}
