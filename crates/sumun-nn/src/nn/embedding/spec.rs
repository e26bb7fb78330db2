//! An embedding in a model.

use super::{Embedding, EmbeddingCache, EmbeddingConfig};
use crate::Result;
use crate::layer::{
    BackwardCall, Building, Call, Common, InputGradients, Kept, LayerOutput, LayerSpec, Planning, Signal,
    Stage, Stepping, Value, layer, only, standard,
};
use crate::nn::Initializer;
use crate::noise::Noise;
use crate::train::Regularizer;

layer! {
    /// A learnt vector for each id (Keras' and PyTorch's `Embedding`). It comes first, on [`Input::ids`](crate::model::Input::ids).
    EmbeddingLayer {
        /// F: how long each vector is.
        [] features: usize,
        /// The id whose vector is zero and stays zero (PyTorch's `padding_idx`). Alone, it is an ordinary step of zeros.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [padding_id] padding_id: Option<u32>,
        /// Whether the steps of the padding id, of id 0 where there is none, are no steps at all, for this layer and all
        /// above (Keras' `mask_zero`).
        #[serde(default, skip_serializing_if = "standard::is_default")]
        [mask_zero] mask_zero: bool,
        /// How the vectors are initialised; from N(0, 1), as in PyTorch, where it is None.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [first_weights] first_weights: Option<Initializer>,
        /// The penalty on the vectors (Keras' `embeddings_regularizer`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        [regularizer] regularizer: Option<Regularizer>,
    }
}

impl EmbeddingLayer {
    /// Vectors of so many features, initialised from N(0, 1).
    pub fn new(features: usize) -> Self {
        Self {
            common: Common::default(),
            features,
            padding_id: None,
            mask_zero: false,
            first_weights: None,
            regularizer: None,
        }
    }

    /// First vectors from U(±0.05), as Keras draws them.
    pub fn keras(self) -> Self {
        self.first_weights(Initializer::Uniform { bound: 0.05 })
    }
}

impl From<usize> for EmbeddingLayer {
    fn from(features: usize) -> Self {
        Self::new(features)
    }
}

impl LayerSpec for EmbeddingLayer {
    const KINDS: &'static [&'static str] = &["embedding"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        "Embedding".into()
    }

    fn print(&self, input: Signal) -> (String, Vec<String>) {
        let Signal::Ids(ids) = input else { return ("Embedding".into(), Vec::new()) };
        let mut options = vec![ids.to_string(), self.features.to_string()];
        options.extend(self.padding_id.map(|padding| format!("padding_idx={padding}")));
        options.extend(self.mask_zero.then(|| "mask_zero=True".into()));
        ("Embedding".into(), options)
    }

    fn masked_id(&self) -> Option<u32> {
        self.mask_zero.then(|| self.padding_id.unwrap_or(0))
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        let vocabulary = at.ids()?;
        if let Some(padding) = self.padding_id.filter(|&id| id as usize >= vocabulary) {
            return Err(
                at.error(format!("padding id {padding} is not below the vocabulary of {vocabulary} ids"))
            );
        }
        at.check_penalty("the regulariser", self.regularizer)?;
        let features = at.size("features", self.features)?;
        at.product("weight", &[vocabulary, features], self.regularizer)?;
        Ok(Signal::Steps(features))
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        let config =
            EmbeddingConfig { vocabulary: at.input(), features: self.features, padding_id: self.padding_id };
        let embedding =
            Embedding::new(config, at.parameters, at.name, at.rng).map_err(|error| at.error(error))?;
        at.draw(embedding.weight(), self.first_weights)?;
        if let Some(padding) = self.padding_id {
            let start = padding as usize * self.features;
            at.parameters.value_mut(embedding.weight())[start..start + self.features].fill(0.0);
        }
        Ok(Box::new(embedding))
    }
}

impl Stage for Embedding {
    fn forward(&self, call: Call<'_>, inputs: Vec<Value>) -> Result<LayerOutput> {
        Ok(Embedding::forward(self, call.parameters, &only(inputs)?.ids()?)?.into())
    }

    fn forward_train(
        &self,
        call: Call<'_>,
        inputs: Vec<Value>,
        _noise: Noise,
    ) -> Result<(LayerOutput, Kept)> {
        let (rows, cache) = Embedding::forward_train(self, call.parameters, only(inputs)?.ids()?)?;
        Ok((rows.into(), Kept::new(cache)))
    }

    fn backward(&self, kept: Kept, call: BackwardCall<'_>) -> Result<InputGradients> {
        if let Some(d_out) = call.d_out {
            Embedding::backward(self, call.parameters, kept.into::<EmbeddingCache>()?, d_out)?;
        }
        // Ids have no gradient.
        Ok(InputGradients::default())
    }

    fn stepping(&self) -> Stepping {
        Stepping::Forward
    }

    fn layer(&self) -> &dyn std::any::Any {
        self
    }

    fn layer_mut(&mut self) -> &mut dyn std::any::Any {
        self
    }
}
