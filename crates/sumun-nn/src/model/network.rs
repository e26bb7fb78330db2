//! A model of layers in order, with its parameters.

use std::collections::BTreeMap;

use ndarray::ArrayViewMut2;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use sumun_kernels::Path;

use super::batch::{Batch, Packed};
use super::config::{Input, ModelBuilder, ModelConfig};
use super::layers::LayerConfig;
use super::plan::{Plan, PlannedLayer, Signal, named};
use super::summary::Summary;
use crate::loss::CrossEntropy;
use crate::nn::attention::AttentionCache;
use crate::nn::dense::DenseCache;
use crate::nn::dropout::DropoutCache;
use crate::nn::embedding::EmbeddingCache;
use crate::nn::{
    Activation, Attention, AttentionConfig, Dense, DenseConfig, Dropout, Embedding, EmbeddingConfig,
    Initializer, InputGradient, Layer, Pool, PoolCache, Recurrent, RecurrentCache, RecurrentState,
};
use crate::noise::Noise;
use crate::parameters::Id;
use crate::train::Penalties;
use crate::{Error, Ids, Layout, Parameters, Result, Rows};

/// Where the noise of the layers begins: above it, the noise within a layer never is that of another.
const FIRST_NOISE: u32 = 1 << 14;

/// Layers in order and all their parameters in one flat buffer, named `{layer}.{weight}` with PyTorch's weight names.
///
/// ```
/// use ndarray::array;
/// use sumun_nn::model::{Batch, Input, Model, RecurrentLayer};
///
/// let model = Model::builder(Input::ids(10_000))
///     .embedding(64)
///     .bidirectional(RecurrentLayer::lstm(64))
///     .dense(1)
///     .build(7)?;
/// let ids = array![[17, 4, 256], [3, 0, 0]];
/// let logits = model.forward(&Batch::ids(ids.view()).lengths(&[3, 1])?)?;
/// assert_eq!(logits.unpack().len(), 2);
/// println!("{}", model.summary());
/// # Ok::<(), sumun_nn::Error>(())
/// ```
#[derive(Debug)]
pub struct Model {
    pub(super) config: ModelConfig,
    pub(super) plan: Plan,
    layers: Vec<Built>,
    pub(super) parameters: Parameters,
    penalties: Penalties,
    /// The id whose steps are none, where the embedding masks them.
    masked_id: Option<u32>,
}

/// A layer at work.
#[derive(Debug)]
enum Built {
    Embedding(Embedding),
    Recurrent { stack: Box<Recurrent>, go_backwards: bool },
    Dense(Dense),
    Dropout(Dropout),
    Pool(Pool),
    Attention(Attention),
}

/// What a layer kept for its gradients.
#[derive(Debug)]
enum Kept {
    Embedding(EmbeddingCache),
    Recurrent(RecurrentCache),
    Dense(DenseCache),
    Dropout(DropoutCache),
    Pool(PoolCache),
    Attention(AttentionCache),
}

/// What [`Model::backward`] needs of a [`Model::forward_train`].
#[derive(Debug)]
pub struct ModelCache {
    version: u64,
    layers: Vec<Kept>,
}

/// What [`Model::cross_entropy`] tells of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchGradients {
    /// The mean loss, without the [`penalty`](Model::penalty).
    pub loss: f64,
    /// What the mean divides by: how much the batch weighs among others.
    pub weight: f64,
    /// The states of the recurrent layers after the last step.
    pub state: ModelState,
}

/// The states of a model's recurrent layers after the last step, or before the first, by the layer's name.
pub type ModelState = BTreeMap<String, RecurrentState>;

impl Model {
    /// A model to be put together layer by layer.
    pub fn builder(input: Input) -> ModelBuilder {
        ModelBuilder::new(input)
    }

    pub(super) fn new(config: ModelConfig, seed: u64) -> Result<Self> {
        let plan = Plan::of(&config)?;
        Self::planned(config, plan, seed, true)
    }

    /// Builds what was planned. Weights that are loaded afterwards need not be drawn.
    pub(super) fn planned(config: ModelConfig, plan: Plan, seed: u64, drawn: bool) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let count = plan.layers.iter().map(|layer| layer.parameters).sum();
        let mut parameters =
            if drawn { Parameters::with_capacity(count) } else { Parameters::to_load(count) };
        let mut penalties = Penalties::new();
        let mut layers = Vec::with_capacity(config.layers.len());
        for (layer, PlannedLayer { name, input, weights, .. }) in config.layers.iter().zip(&plan.layers) {
            let (p, named) = (&mut parameters, named(name));
            layers.push(match layer {
                LayerConfig::Embedding(layer) => {
                    let config = EmbeddingConfig {
                        vocabulary: *input,
                        features: layer.features,
                        padding_id: layer.padding_id,
                    };
                    let embedding = Embedding::new(config, p, name, &mut rng).map_err(&named)?;
                    let id = embedding.weight();
                    draw(p, id, layer.first_weights.filter(|_| drawn), &mut rng).map_err(named)?;
                    if let Some(padding) = layer.padding_id {
                        let start = padding as usize * layer.features;
                        p.value_mut(id)[start..start + layer.features].fill(0.0);
                    }
                    Built::Embedding(embedding)
                }
                LayerConfig::Recurrent(layer) => {
                    let mut stack = layer.stack(*input);
                    stack.first_weights = stack.first_weights.filter(|_| drawn);
                    let stack = Box::new(Recurrent::new(stack, p, name, &mut rng).map_err(named)?);
                    Built::Recurrent { stack, go_backwards: layer.go_backwards }
                }
                LayerConfig::Dense(layer) => {
                    let config =
                        DenseConfig::new(*input, layer.units).bias(layer.bias).activation(layer.activation);
                    let dense = Dense::new(config, p, name, &mut rng).map_err(&named)?;
                    draw(p, dense.weight(), layer.first_weights.filter(|_| drawn), &mut rng)
                        .map_err(&named)?;
                    if let Some(bias) = dense.bias() {
                        draw(p, bias, layer.first_bias.filter(|_| drawn), &mut rng).map_err(named)?;
                    }
                    Built::Dense(dense)
                }
                LayerConfig::Dropout(layer) => Built::Dropout(Dropout::new(layer.p).map_err(named)?),
                LayerConfig::Pool(layer) => Built::Pool(layer.over),
                LayerConfig::Attention(layer) => {
                    let config = AttentionConfig { input: *input, units: layer.units };
                    Built::Attention(Attention::new(config, p, name, &mut rng).map_err(named)?)
                }
            });
            for (weight, _) in weights {
                let regularizer = match layer {
                    LayerConfig::Embedding(layer) => layer.regularizer,
                    LayerConfig::Recurrent(layer) => match weight[name.len() + 1..].split("_l").next() {
                        Some("weight_ih" | "weight_hr") => layer.kernel_regularizer,
                        Some("weight_hh") => layer.recurrent_regularizer,
                        Some("bias_ih" | "bias_hh") => layer.bias_regularizer,
                        _ => None,
                    },
                    LayerConfig::Dense(layer) if weight.ends_with(".bias") => layer.bias_regularizer,
                    LayerConfig::Dense(layer) => layer.kernel_regularizer,
                    LayerConfig::Attention(layer) => {
                        layer.kernel_regularizer.filter(|_| !weight.ends_with(".bias"))
                    }
                    LayerConfig::Dropout(_) | LayerConfig::Pool(_) => None,
                };
                if let (Some(regularizer), Some(id)) = (regularizer, parameters.find(weight)) {
                    penalties.add(&parameters, id, regularizer)?;
                }
            }
        }
        let masked_id = match config.layers.first() {
            Some(LayerConfig::Embedding(layer)) if layer.mask_zero => Some(layer.padding_id.unwrap_or(0)),
            _ => None,
        };
        let mut model = Self { config, plan, layers, parameters, penalties, masked_id };
        for index in 0..model.layers.len() {
            if let Some((trainable, rate)) = model.config.layers[index].training() {
                model.set_training(index, trainable, rate)?;
            }
        }
        Ok(model)
    }

    /// What it is made of, with names, freezing and rates as they are now.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// All weights and their gradients.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// All weights and their gradients, to be changed: by an optimizer, for example.
    pub fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    /// The names of the layers, from the input to the answer.
    pub fn layer_names(&self) -> impl Iterator<Item = &str> {
        self.plan.layers.iter().map(|layer| layer.name.as_str())
    }

    /// The table of layers, shapes and parameters.
    pub fn summary(&self) -> Summary {
        Summary::of(&self.config, &self.plan)
    }

    /// The path of the kernels that computes a recurrent layer, by its name; None for other layers.
    pub fn path(&self, layer: &str) -> Option<Path> {
        let index = self.layer_names().position(|name| name == layer)?;
        match &self.layers[index] {
            Built::Recurrent { stack, .. } => Some(stack.path()),
            _ => None,
        }
    }

    /// The answer: a row for every step that is there, or one for each sequence. [`Rows::unpack`] makes it an array
    /// `[N, T, F]` or `[N, F]`.
    ///
    /// Nothing random happens. Errors: ids for numbers or the other way round, another number of features, an id
    /// outside the vocabulary, lengths beyond the array.
    pub fn forward(&self, batch: &Batch) -> Result<Rows> {
        Ok(self.forward_with_state(batch, None)?.0)
    }

    /// As [`forward`](Self::forward), from given states of some or all recurrent layers, zeros for the others; with
    /// their states after the last step. States bear the names of their layers; an unknown name is an error.
    pub fn forward_with_state(
        &self,
        batch: &Batch,
        initial: Option<&ModelState>,
    ) -> Result<(Rows, ModelState)> {
        let (out, state, _) = self.run(batch, initial, None)?;
        Ok((out, state))
    }

    /// As [`forward`](Self::forward) in training: with dropout, whose masks come from `noise` alone and differ from
    /// layer to layer, and with what [`backward`](Self::backward) needs. What to lower is the loss of the answer and
    /// the [`penalty`](Self::penalty).
    pub fn forward_train(&self, batch: &Batch, noise: Noise) -> Result<(Rows, ModelCache)> {
        let (out, _, cache) = self.forward_train_with_state(batch, None, noise)?;
        Ok((out, cache))
    }

    /// [`forward_train`](Self::forward_train) from given states, as [`forward_with_state`](Self::forward_with_state).
    /// Gradients end at the states (truncated backpropagation through time).
    pub fn forward_train_with_state(
        &self,
        batch: &Batch,
        initial: Option<&ModelState>,
        noise: Noise,
    ) -> Result<(Rows, ModelState, ModelCache)> {
        let (out, state, layers) = self.run(batch, initial, Some(noise))?;
        Ok((out, state, ModelCache { version: self.parameters.version(), layers }))
    }

    /// Adds to the gradients of the parameters: those of the loss, from `d_out`, the gradient of the answer in the
    /// answer's shape, and those of the [`penalty`](Self::penalty). Frozen layers below all others are passed over.
    /// Parameters that changed since `forward_train` are an error.
    pub fn backward(&mut self, cache: ModelCache, d_out: Rows) -> Result<()> {
        self.back(cache, d_out, InputGradient::Skip).map(|_| ())
    }

    /// As [`backward`](Self::backward), with the gradient of the input's numbers. Ids have none: an error.
    pub fn backward_to_input(&mut self, cache: ModelCache, d_out: Rows) -> Result<Rows> {
        self.back(cache, d_out, InputGradient::Needed)?.ok_or_else(|| {
            Error::Invalid("ids have no gradient; look at that of the embedding's weight".into())
        })
    }

    /// The gradients of a batch in one go: [`forward_train_with_state`](Self::forward_train_with_state), the cross-entropy
    /// of the answers, and [`backward`](Self::backward), to the bit. `targets` gives the class of every row of the answer
    /// from the answer's layout.
    ///
    /// Where the last layer is a dense one without an activation, its answers are computed and used a chunk of rows at a
    /// time, as [`Dense::cross_entropy`]: of a large vocabulary, all of them may not even fit the memory.
    pub fn cross_entropy(
        &mut self,
        batch: &Batch,
        initial: Option<&ModelState>,
        noise: Noise,
        loss: &CrossEntropy,
        targets: impl FnOnce(&Layout) -> Vec<u32>,
    ) -> Result<BatchGradients> {
        let version = self.parameters.version();
        let last = self.layers.len().saturating_sub(1);
        let in_chunks = match (self.layers.last(), self.lowest(InputGradient::Skip)) {
            (Some(Built::Dense(head)), lowest) if lowest <= last => {
                head.config().activation == Activation::Linear
            }
            _ => false,
        };
        if !in_chunks {
            let (answer, state, cache) = self.forward_train_with_state(batch, initial, noise)?;
            let targets = targets(&answer.layout);
            let weight = loss.total_weight(&targets)?;
            let mut d = vec![0.0; answer.data.len()];
            let value = loss.value_and_gradient(&answer.data, &targets, Some(&mut d))?;
            self.backward(cache, Rows::new(d, answer.features, answer.layout)?)?;
            return Ok(BatchGradients { loss: value, weight, state });
        }
        let (packed, state, layers) = self.run_to(last, batch, initial, Some(noise))?;
        let (Packed::Numbers(x), Some(Built::Dense(head))) = (packed, self.layers.last()) else {
            return Err(Error::Invalid("a dense layer cannot take ids".into()));
        };
        let targets = targets(&x.layout);
        let weight = loss.total_weight(&targets)?;
        let wanted = match self.lowest(InputGradient::Skip) < last {
            true => InputGradient::Needed,
            false => InputGradient::Skip,
        };
        let (value, d) = head.cross_entropy(&mut self.parameters, &x, loss, &targets, wanted)?;
        // The layers below hold the same rows as what they answered; nobody reads these any more.
        drop(x);
        self.back_through(ModelCache { version, layers }, d, InputGradient::Skip)?;
        Ok(BatchGradients { loss: value, weight, state })
    }

    /// The penalties of all regularisers on trainable weights, to be added to the loss. [`backward`](Self::backward)
    /// adds their gradients, once each time that it is called.
    pub fn penalty(&self) -> f64 {
        self.penalties.value(&self.parameters)
    }

    /// Freezes or thaws a layer by its name. No such layer, or one without weights, is an error.
    pub fn set_trainable(&mut self, layer: &str, trainable: bool) -> Result<()> {
        let (index, (_, rate)) = self.weighted(layer)?;
        self.set_training(index, trainable, rate)
    }

    /// Has a layer take `factor` times the learning rate; at least 0. No such layer, or one without weights, is an
    /// error.
    pub fn set_learning_rate(&mut self, layer: &str, factor: f64) -> Result<()> {
        let (index, (trainable, _)) = self.weighted(layer)?;
        self.set_training(index, trainable, factor)
    }

    /// The table of an embedding by its name, `[V, F]`, to be filled with pretrained vectors. A layer that is no
    /// embedding is an error.
    pub fn embedding_table(&mut self, layer: &str) -> Result<ArrayViewMut2<'_, f32>> {
        let index = self.index(layer)?;
        let Built::Embedding(embedding) = &self.layers[index] else {
            return Err(Error::Invalid(format!("{layer} is no embedding; word vectors go into one")));
        };
        let (config, id) = (embedding.config(), embedding.weight());
        let shape = (config.vocabulary, config.features);
        ArrayViewMut2::from_shape(shape, self.parameters.value_mut(id))
            .map_err(|error| Error::Invalid(format!("{layer}: {error}")))
    }

    /// Changes a GRU to the other reading of its update gate, by its name, and its weights with it: the model answers the
    /// same bits. Errors, and what becomes of gradients and optimizers, as [`Recurrent::set_inverted_update`].
    pub fn set_inverted_update(&mut self, layer: &str, inverted: bool) -> Result<()> {
        let index = self.index(layer)?;
        let (Built::Recurrent { stack, .. }, LayerConfig::Recurrent(config)) =
            (&mut self.layers[index], &mut self.config.layers[index])
        else {
            return Err(Error::Invalid(format!("{layer} is no GRU and has no update gate")));
        };
        stack.set_inverted_update(&mut self.parameters, inverted).map_err(named(layer))?;
        config.inverted_update = inverted;
        Ok(())
    }

    /// What Keras shows at a step for which a model that answers at every step has nothing to show, `[F]`; for
    /// [`Rows::unpack_over`]. Keras' recurrent layers answer zeros there, and the layers above go on computing: a dense
    /// layer answers φ(bias). Here such steps are no rows, cost nothing and reach no loss, as in Keras, whose losses
    /// leave them out.
    ///
    /// Without a recurrent layer it is what comes of the masked id's vector.
    ///
    /// # Errors
    /// A model that answers once, and one without a recurrent layer that masks no id: its answer at a masked step hangs
    /// on the numbers there.
    pub fn masked_row(&self) -> Result<Vec<f32>> {
        if self.answers_once() {
            return Err(Error::Invalid("the model answers once; no step of its answer is masked".into()));
        }
        let last = self.layers.iter().rposition(|layer| matches!(layer, Built::Recurrent { .. }));
        let (start, mut row) = match (last, self.layers.first(), self.masked_id) {
            (Some(last), ..) => {
                let (Signal::Steps(features) | Signal::Once(features)) = self.plan.layers[last].output else {
                    return Err(Error::Invalid("a recurrent layer answers no ids".into()));
                };
                (last + 1, Rows::one_step(vec![0.0; features], features, 1)?)
            }
            (None, Some(Built::Embedding(layer)), Some(id)) => {
                (1, layer.forward(&self.parameters, &Ids::new(vec![id], Layout::full(1, 1)?)?)?)
            }
            _ => {
                return Err(Error::Invalid(
                    "without a recurrent layer, what a masked step shows hangs on its own input; call the model without the mask"
                        .into(),
                ));
            }
        };
        for layer in &self.layers[start..] {
            row = match layer {
                Built::Dense(layer) => layer.forward(&self.parameters, row)?,
                Built::Dropout(layer) => layer.forward(&self.parameters, row)?,
                Built::Embedding(_) | Built::Recurrent { .. } | Built::Pool(_) | Built::Attention(_) => row,
            };
        }
        Ok(row.into_data())
    }

    /// How much each step counts in the answer of the first [`Attention`] layer, `[R, 1]`, as [`Attention::weights`]; None
    /// of a model without one. [`Rows::unpack`] makes it `[N, T]`. Errors as [`forward`](Self::forward).
    pub fn attention_weights(&self, batch: &Batch) -> Result<Option<Rows>> {
        let attention = self.layers.iter().enumerate().find_map(|(place, layer)| match layer {
            Built::Attention(layer) => Some((place, layer)),
            _ => None,
        });
        let Some((place, layer)) = attention else { return Ok(None) };
        match self.run_to(place, batch, None, None)? {
            (Packed::Numbers(x), ..) => layer.weights(&self.parameters, &x).map(Some),
            (Packed::Ids(_), ..) => Err(Error::Invalid("attention cannot weigh ids".into())),
        }
    }

    fn answers_once(&self) -> bool {
        matches!(self.plan.layers.last().map(|layer| layer.output), Some(Signal::Once(_)))
    }

    fn index(&self, layer: &str) -> Result<usize> {
        self.layer_names().position(|name| name == layer).ok_or_else(|| {
            let names: Vec<&str> = self.layer_names().collect();
            Error::Invalid(format!("the model has no layer {layer:?}; it has {}", names.join(", ")))
        })
    }

    fn weighted(&self, layer: &str) -> Result<(usize, (bool, f64))> {
        let index = self.index(layer)?;
        let training = self.config.layers[index].training();
        training
            .map(|training| (index, training))
            .ok_or_else(|| Error::Invalid(format!("{layer} has no weights to train")))
    }

    /// Keeps configuration and parameters of one mind.
    fn set_training(&mut self, index: usize, trainable: bool, rate: f64) -> Result<()> {
        for (weight, _) in &self.plan.layers[index].weights {
            if let Some(id) = self.parameters.find(weight) {
                self.parameters.set_learning_rate(id, rate)?;
                self.parameters.set_trainable(id, trainable);
            }
        }
        if let Some((to_trainable, to_rate)) = self.config.layers[index].training_mut() {
            (*to_trainable, *to_rate) = (trainable, rate);
        }
        Ok(())
    }

    /// All layers; keeps what backward needs where there is `noise`.
    fn run(
        &self,
        batch: &Batch,
        initial: Option<&ModelState>,
        noise: Option<Noise>,
    ) -> Result<(Rows, ModelState, Vec<Kept>)> {
        match self.run_to(self.layers.len(), batch, initial, noise)? {
            (Packed::Numbers(out), states, kept) => Ok((out, states, kept)),
            (Packed::Ids(_), ..) => Err(Error::Invalid("a model without layers answers nothing".into())),
        }
    }

    /// The layers before `end`; what the next one would read.
    fn run_to(
        &self,
        end: usize,
        batch: &Batch,
        initial: Option<&ModelState>,
        noise: Option<Noise>,
    ) -> Result<(Packed, ModelState, Vec<Kept>)> {
        self.check_input(batch)?;
        self.check_states(initial)?;
        let p = &self.parameters;
        let mut kept = Vec::new();
        let mut states = ModelState::new();
        let mut packed = batch.pack(self.masked_id)?;
        for (index, layer) in self.layers[..end].iter().enumerate() {
            let name = &self.plan.layers[index].name;
            let noise = noise.map(|noise| layer_noise(noise, index));
            let (out, keep) = match (layer, packed) {
                (Built::Embedding(layer), Packed::Ids(ids)) => match noise {
                    None => (layer.forward(p, &ids)?, None),
                    Some(_) => {
                        let (out, cache) = layer.forward_train(p, ids)?;
                        (out, Some(Kept::Embedding(cache)))
                    }
                },
                (Built::Recurrent { stack: layer, go_backwards }, Packed::Numbers(x)) => {
                    let x = if *go_backwards { x.turned()? } else { x };
                    let from = initial.and_then(|states| states.get(name));
                    let (out, state, keep) = match noise {
                        None => {
                            let (out, state) = layer.forward_with_state(p, x, from).map_err(named(name))?;
                            (out, state, None)
                        }
                        Some(noise) => {
                            let (out, state, cache) =
                                layer.forward_train_with_state(p, x, from, noise).map_err(named(name))?;
                            (out, state, Some(Kept::Recurrent(cache)))
                        }
                    };
                    states.insert(name.clone(), state);
                    (out, keep)
                }
                (Built::Dense(layer), Packed::Numbers(x)) => through(layer, p, x, noise, Kept::Dense)?,
                (Built::Dropout(layer), Packed::Numbers(x)) => through(layer, p, x, noise, Kept::Dropout)?,
                (Built::Pool(layer), Packed::Numbers(x)) => through(layer, p, x, noise, Kept::Pool)?,
                (Built::Attention(layer), Packed::Numbers(x)) => {
                    through(layer, p, x, noise, Kept::Attention)?
                }
                _ => return Err(Error::Invalid(format!("{name} cannot take what comes before it"))),
            };
            kept.extend(keep);
            packed = Packed::Numbers(out);
        }
        Ok((packed, states, kept))
    }

    fn back(&mut self, cache: ModelCache, d_out: Rows, wanted: InputGradient) -> Result<Option<Rows>> {
        if cache.version != self.parameters.version() {
            return Err(Error::Invalid(
                "the parameters changed between forward_train and backward; run forward_train again".into(),
            ));
        }
        if cache.layers.len() != self.layers.len() {
            return Err(Error::Invalid("the cache is of another model; run forward_train again".into()));
        }
        self.back_through(cache, Some(d_out), wanted)
    }

    /// The lowest layer that backward reaches: one past the last if it reaches none.
    fn lowest(&self, wanted: InputGradient) -> usize {
        let trainable = |layer: &PlannedLayer| {
            let ids = layer.weights.iter().filter_map(|(weight, _)| self.parameters.find(weight));
            ids.into_iter().any(|id| self.parameters.entry(id).trainable)
        };
        let lowest = match wanted {
            InputGradient::Needed => Some(0),
            InputGradient::Skip => self.plan.layers.iter().position(trainable),
        };
        lowest.unwrap_or(self.layers.len())
    }

    /// Back through the layers that the cache is of, from the gradient of what the last of them answered.
    fn back_through(
        &mut self,
        cache: ModelCache,
        mut d: Option<Rows>,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        let lowest = self.lowest(wanted);
        for (index, kept) in cache.layers.into_iter().enumerate().skip(lowest).rev() {
            let wanted = if index > lowest { InputGradient::Needed } else { wanted };
            let Some(d_rows) = d.take() else { break };
            let p = &mut self.parameters;
            d = match (&self.layers[index], kept) {
                (Built::Embedding(layer), Kept::Embedding(cache)) => {
                    layer.backward(p, cache, d_rows)?;
                    None
                }
                (Built::Recurrent { stack, go_backwards }, Kept::Recurrent(cache)) => {
                    let d = stack.backward(p, cache, d_rows, wanted)?;
                    if *go_backwards { d.map(|d| d.turned()).transpose()? } else { d }
                }
                (Built::Dense(layer), Kept::Dense(cache)) => layer.backward(p, cache, d_rows, wanted)?,
                (Built::Dropout(layer), Kept::Dropout(cache)) => layer.backward(p, cache, d_rows, wanted)?,
                (Built::Pool(layer), Kept::Pool(cache)) => layer.backward(p, cache, d_rows, wanted)?,
                (Built::Attention(layer), Kept::Attention(cache)) => {
                    layer.backward(p, cache, d_rows, wanted)?
                }
                _ => {
                    return Err(Error::Invalid(
                        "the cache is of another model; run forward_train again".into(),
                    ));
                }
            };
        }
        self.penalties.add_gradients(&mut self.parameters);
        Ok(d.filter(|_| wanted == InputGradient::Needed))
    }

    fn check_input(&self, batch: &Batch) -> Result<()> {
        let last = self.layers.iter().rposition(|layer| matches!(layer, Built::Recurrent { .. }));
        if batch.repeats()
            && !self.answers_once()
            && let Some(Built::Recurrent { stack, .. }) = last.map(|last| &self.layers[last])
            && stack.config().bidirectional
        {
            // Two directions meet different steps before a masked one: neither can be the one that is repeated.
            return Err(Error::Invalid(
                "the sequences of two directions show zeros at masked steps, as Keras' Bidirectional does; fill the batch with Fill::Zero"
                    .into(),
            ));
        }
        let (expected, found) = match (self.config.input, batch.features()) {
            (Input::Ids { .. }, None) => return Ok(()),
            (Input::Numbers { features }, Some(found)) if features == found => return Ok(()),
            (Input::Ids { .. }, Some(found)) => ("ids [N, T]".into(), format!("numbers [N, T, {found}]")),
            (Input::Numbers { features }, found) => (
                format!("numbers [N, T, {features}]"),
                found.map_or("ids [N, T]".into(), |found| format!("numbers [N, T, {found}]")),
            ),
        };
        Err(Error::Shape { what: "the model's input".into(), expected, found })
    }

    fn check_states(&self, initial: Option<&ModelState>) -> Result<()> {
        for name in initial.into_iter().flat_map(ModelState::keys) {
            if !matches!(self.layers[self.index(name)?], Built::Recurrent { .. }) {
                return Err(Error::Invalid(format!("{name} is no recurrent layer and has no state")));
            }
        }
        Ok(())
    }
}

/// The noise of a layer. Noise within layers (see [`Noise::within`], used twice at most) never meets that of another
/// layer: the numbers of layers are between 2¹⁴ and 2¹⁵, of parts between 2²² and 2²³, of their parts from 2³⁰.
fn layer_noise(noise: Noise, index: usize) -> Noise {
    // The caller's own purpose becomes part of the seed.
    let seed = noise.seed.wrapping_add(u64::from(noise.layer) << 32);
    Noise { seed, ..noise }.for_layer(FIRST_NOISE + index as u32)
}

fn draw(p: &mut Parameters, id: Id, with: Option<Initializer>, rng: &mut ChaCha8Rng) -> Result<()> {
    if let Some(initializer) = with {
        let values = initializer.values(&p.entry(id).shape.clone(), rng)?;
        p.value_mut(id).copy_from_slice(&values);
    }
    Ok(())
}

/// Any layer without a state.
fn through<L: Layer>(
    layer: &L,
    p: &Parameters,
    x: Rows,
    noise: Option<Noise>,
    keep: fn(L::Cache) -> Kept,
) -> Result<(Rows, Option<Kept>)> {
    match noise {
        None => Ok((layer.forward(p, x)?, None)),
        Some(noise) => {
            let (out, cache) = layer.forward_train(p, x, noise)?;
            Ok((out, Some(keep(cache))))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn noise_within_a_layer_is_never_that_of_another() {
        let noise = Noise { seed: 1, step: 2, layer: 0 };
        let mut seen = HashSet::new();
        for index in (0..20).chain((1 << 14) - 20..1 << 14) {
            let layer = layer_noise(noise, index);
            assert!(seen.insert(layer.layer));
            // A stack of 100 layers in two directions has four parts more.
            for part in 0..204 {
                assert!(seen.insert(layer.within(part).layer));
                for purpose in 0..8 {
                    assert!(seen.insert(layer.within(part).within(purpose).layer));
                }
            }
        }
        assert_ne!(layer_noise(noise.for_layer(1), 0), layer_noise(noise, 0));
    }
}
