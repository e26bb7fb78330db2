//! A model: layers that read inputs and each other, with their parameters.

use std::any::Any;

use ndarray::ArrayViewMut2;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use sumun_kernels::{Path, Precision};

use super::builder::ModelBuilder;
use super::config::{Input, ModelConfig};
use super::feed::Feed;
use super::graph::{Graph, named};
use super::layer_config::LayerConfig;
use super::plan::{Plan, Source};
use super::summary::Summary;
use super::walk::{Gradients, ModelCache, ModelState, Outputs, Walk};
use crate::layer::{Building, Value};
#[cfg(feature = "interchange")]
use crate::layer::{Signal, StateShape};
use crate::loss::CrossEntropy;
use crate::nn::{
    Attention, Crf, CrfGradients, Dense, Embedding, InputGradient, MaskingLayer, Recurrent, RecurrentLayer,
    TagRules,
};
use crate::noise::Noise;
use crate::train::Penalties;
use crate::{Error, Ids, Layout, Parameters, Result, Rows};

/// Layers, what each of them reads, and all their parameters in one flat buffer, named `{layer}.{weight}` with PyTorch's
/// weight names. The plain case is a list, in which each layer reads the one before it:
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
///
/// Anything else names what it reads. Forward, backward, counting, saving and freezing walk the layers in their order:
///
/// ```
/// use ndarray::{Array2, Array3};
/// use sumun_nn::model::{Batch, DenseLayer, Feed, Input, Model, RecurrentLayer};
///
/// let model = Model::graph()
///     .input("window", Input::numbers(7))
///     .input("about", Input::row(3))
///     .add("memory", RecurrentLayer::lstm(32), "window")
///     .add("level", DenseLayer::new(1), "about")
///     .add("change", DenseLayer::new(24), "memory")
///     .outputs(["level", "change"])
///     .build(7)?;
/// let (window, about) = (Array3::<f32>::zeros((2, 48, 7)), Array2::<f32>::zeros((2, 3)));
/// let feed = Feed::new().batch("window", Batch::numbers(window.view())).batch("about", Batch::row(about.view()));
/// let outputs = model.outputs(feed, None)?;
/// assert_eq!((outputs.rows[0].features, outputs.rows[1].features), (1, 24));
/// # Ok::<(), sumun_nn::Error>(())
/// ```
#[derive(Debug)]
pub struct Model {
    pub(super) graph: Graph,
    pub(super) parameters: Parameters,
    penalties: Penalties,
}

/// What [`Model::cross_entropy`] and [`Model::tag_loss`] return of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchGradients {
    /// The mean loss, without the [`penalty`](Model::penalty).
    pub loss: f64,
    /// What the mean divides by: how much the batch weighs among others.
    pub weight: f64,
    /// The states of the recurrent layers after the last step.
    pub state: ModelState,
}

impl ModelConfig {
    /// Checks that the layers fit each other and initialises their weights from `seed`. Errors name the layer and
    /// both shapes; nothing is allocated before all is checked.
    pub fn build(self, seed: u64) -> Result<Model> {
        Model::new(self, seed)
    }

    /// As [`build`](Self::build), of as many parameters as a checkpoint has, where its training goes on. Another number is an
    /// error, before anything is allocated.
    pub fn build_of(self, parameters: usize, seed: u64) -> Result<Model> {
        let plan = Plan::of(&self)?;
        match plan.parameters() {
            count if count == parameters => Model::planned(self, plan, seed, true),
            count => Err(Error::Model(format!(
                "the checkpoint has {parameters} weights, but the network of its settings {count}"
            ))),
        }
    }
}

impl ModelBuilder {
    /// As [`ModelConfig::build`].
    pub fn build(self, seed: u64) -> Result<Model> {
        self.config().build(seed)
    }
}

impl Model {
    /// A list of layers on one input, to be put together layer by layer.
    pub fn builder(input: Input) -> ModelBuilder {
        ModelBuilder::new(input)
    }

    /// Inputs and layers that name what they read, to be put together.
    pub fn graph() -> ModelBuilder {
        ModelBuilder::graph()
    }

    pub(super) fn new(config: ModelConfig, seed: u64) -> Result<Self> {
        let plan = Plan::of(&config)?;
        Self::planned(config, plan, seed, true)
    }

    /// Builds what was planned. Weights that are loaded afterwards need no first values.
    pub(super) fn planned(config: ModelConfig, plan: Plan, seed: u64, drawn: bool) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let count = plan.parameters();
        let mut parameters =
            if drawn { Parameters::with_capacity(count)? } else { Parameters::to_load(count)? };
        let mut penalties = Penalties::new();
        let mut layers = Vec::with_capacity(config.layers.len());
        for (layer, planned) in config.layers.iter().zip(&plan.layers) {
            let first = parameters.entries().len();
            layers.push(layer.build(&mut Building {
                name: &planned.name,
                reads: &planned.inputs,
                parameters: &mut parameters,
                rng: &mut rng,
                drawn,
            })?);
            let added = &parameters.entries()[first..];
            let wanted = planned.weights.iter().map(|weight| (&weight.name, &weight.shape, weight.statistic));
            if !added.iter().map(|entry| (&entry.name, &entry.shape, entry.statistic)).eq(wanted) {
                return Err(Error::Invalid(format!(
                    "{} was planned with other weights than it was built with; a layer adds what it planned, in order",
                    planned.name
                )));
            }
            for weight in &planned.weights {
                if let (Some(penalty), Some(id)) = (weight.penalty, parameters.find(&weight.name)) {
                    penalties.add(&parameters, id, penalty)?;
                }
            }
        }
        let mut model = Self { graph: Graph { config, plan, layers }, parameters, penalties };
        for index in 0..model.graph.layers.len() {
            let common = model.graph.config.layers[index].common();
            let (trainable, rate) = (common.trainable, common.learning_rate);
            model.set_training(index, trainable, rate)?;
        }
        model.compute_in(model.precision())?;
        // Weights that are loaded are rounded when they are there.
        if model.precision() == Precision::Int8 && drawn {
            model.round_weights()?;
        }
        Ok(model)
    }

    /// What it is made of, with names, freezing and rates as they are now.
    pub fn config(&self) -> &ModelConfig {
        &self.graph.config
    }

    /// All weights and their gradients.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// All weights and their gradients, to be changed: by an optimizer, for example.
    pub fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    /// The names of the inputs.
    pub fn input_names(&self) -> impl Iterator<Item = &str> {
        self.graph.input_names()
    }

    /// The names of the layers, from the inputs to the outputs.
    pub fn layer_names(&self) -> impl Iterator<Item = &str> {
        self.graph.layer_names()
    }

    /// The names of the layers whose rows are the outputs.
    pub fn output_names(&self) -> impl Iterator<Item = &str> {
        self.graph.plan.outputs.iter().map(|&output| self.graph.source_name(output))
    }

    /// What the outputs are, in the order of [`output_names`](Self::output_names).
    #[cfg(feature = "interchange")]
    pub(crate) fn output_signals(&self) -> Vec<Signal> {
        let plan = &self.graph.plan;
        plan.outputs
            .iter()
            .map(|&output| match output {
                Source::Layer(index) => plan.layers[index].output,
                Source::Input(index) => {
                    self.config().inputs.values().nth(index).map_or(Signal::Ids(0), |i| i.signal())
                }
            })
            .collect()
    }

    /// The layers that have a state, by name, with its sizes.
    #[cfg(feature = "interchange")]
    pub(crate) fn state_shapes(&self) -> Vec<(&str, StateShape)> {
        let stated = |layer: &'_ super::plan::PlannedLayer| layer.state;
        self.graph
            .plan
            .layers
            .iter()
            .filter_map(|layer| Some((layer.name.as_str(), stated(layer)?)))
            .collect()
    }

    /// The table of layers, shapes and parameters.
    pub fn summary(&self) -> Summary {
        Summary::of(&self.graph.config, &self.graph.plan)
    }

    /// A layer by its name, as what it is, such as [`Dense`] or [`Recurrent`]; None where it is something else.
    pub fn layer<L: Any>(&self, name: &str) -> Option<&L> {
        let index = self.layer_names().position(|layer| layer == name)?;
        self.graph.layers[index].layer().downcast_ref()
    }

    /// The path of the kernels that computes a layer, by its name; None for layers that have no choice.
    pub fn path(&self, layer: &str) -> Option<Path> {
        let index = self.layer_names().position(|name| name == layer)?;
        self.graph.layers[index].path()
    }

    /// The same model on another path of the kernels: every layer, dropout's masks, [`cross_entropy`](Self::cross_entropy)
    /// and the steps of an optimizer on its [`parameters`](Self::parameters_mut). A loss that is called by itself takes the
    /// path as [`Loss::value_and_gradient_on`](crate::loss::Loss::value_and_gradient_on). A path that the processor lacks, or
    /// that does not compute a layer, is an error; the latter names it.
    pub fn on_path(mut self, path: Path) -> Result<Self> {
        self.parameters.set_path(path)?;
        for (layer, planned) in self.graph.layers.iter_mut().zip(&self.graph.plan.layers) {
            layer.set_path(path).map_err(named(&planned.name))?;
        }
        Ok(self)
    }

    /// The output: a row for every step that is there, or one for each sequence. [`Rows::unpack`] makes it an array
    /// `[N, T, F]` or `[N, F]`.
    ///
    /// Nothing random happens. Errors: ids for numbers or the other way round, another number of features, an id
    /// outside the vocabulary, lengths beyond the array, a model of several outputs.
    pub fn forward<'a>(&self, feed: impl Into<Feed<'a>>) -> Result<Rows> {
        Ok(self.forward_with_state(feed, None)?.0)
    }

    /// As [`forward`](Self::forward), from given states of some or all recurrent layers, zeros for the others; with
    /// their states after the last step. States bear the names of their layers; an unknown name is an error.
    pub fn forward_with_state<'a>(
        &self,
        feed: impl Into<Feed<'a>>,
        initial: Option<&ModelState>,
    ) -> Result<(Rows, ModelState)> {
        self.outputs(feed, initial)?.only()
    }

    /// All outputs and states, from given states of some or all recurrent layers; otherwise as [`forward`](Self::forward).
    pub fn outputs<'a>(&self, feed: impl Into<Feed<'a>>, initial: Option<&ModelState>) -> Result<Outputs> {
        let mut walk =
            Walk::new(&self.graph, &self.parameters, feed.into(), initial, &self.graph.plan.outputs)?;
        walk.forward()?;
        walk.outputs()
    }

    /// The rows of any layers by their names, and the states of the recurrent layers before them; otherwise as
    /// [`outputs`](Self::outputs). What the layers named do not depend on is not computed.
    pub fn values<'a>(
        &self,
        feed: impl Into<Feed<'a>>,
        initial: Option<&ModelState>,
        layers: &[&str],
    ) -> Result<Outputs> {
        let wanted: Vec<Source> =
            layers.iter().map(|layer| self.graph.index(layer).map(Source::Layer)).collect::<Result<_>>()?;
        let mut walk = Walk::new(&self.graph, &self.parameters, feed.into(), initial, &wanted)?;
        walk.forward()?;
        walk.outputs()
    }

    /// As [`forward`](Self::forward) in training: with dropout, whose masks come from `noise` alone and differ from
    /// layer to layer, and with what [`backward`](Self::backward) needs. What to lower is the loss of the output and
    /// the [`penalty`](Self::penalty).
    pub fn forward_train<'a>(&self, feed: impl Into<Feed<'a>>, noise: Noise) -> Result<(Rows, ModelCache)> {
        let (out, _, cache) = self.forward_train_with_state(feed, None, noise)?;
        Ok((out, cache))
    }

    /// [`forward_train`](Self::forward_train) from given states, as [`forward_with_state`](Self::forward_with_state).
    /// Gradients end at the states (truncated backpropagation through time).
    pub fn forward_train_with_state<'a>(
        &self,
        feed: impl Into<Feed<'a>>,
        initial: Option<&ModelState>,
        noise: Noise,
    ) -> Result<(Rows, ModelState, ModelCache)> {
        let (outputs, cache) = self.outputs_train(feed, initial, noise)?;
        let (rows, state) = outputs.only()?;
        Ok((rows, state, cache))
    }

    /// [`outputs`](Self::outputs) in training, with what [`backward_outputs`](Self::backward_outputs) needs.
    pub fn outputs_train<'a>(
        &self,
        feed: impl Into<Feed<'a>>,
        initial: Option<&ModelState>,
        noise: Noise,
    ) -> Result<(Outputs, ModelCache)> {
        let mut walk =
            Walk::new(&self.graph, &self.parameters, feed.into(), initial, &self.graph.plan.outputs)?;
        walk.forward_train(noise)?;
        let cache = walk.take_cache();
        Ok((walk.outputs()?, cache))
    }

    /// Adds to the gradients of the parameters: those of the loss, from `d_out`, the gradient of the output in the
    /// output's shape, and those of the [`penalty`](Self::penalty). Frozen layers below all others are passed over.
    /// Parameters that changed since `forward_train` are an error.
    pub fn backward(&mut self, cache: ModelCache, d_out: Rows) -> Result<()> {
        self.only_output()?;
        self.back(cache, vec![Some(d_out)], InputGradient::Skip).map(|_| ())
    }

    /// As [`backward`](Self::backward), with the gradient of the only input's numbers. Ids have none: an error.
    pub fn backward_to_input(&mut self, cache: ModelCache, d_out: Rows) -> Result<Rows> {
        self.only_output()?;
        let d_inputs = self.back(cache, vec![Some(d_out)], InputGradient::Needed)?;
        match <[_; 1]>::try_from(d_inputs) {
            Ok([Some(d)]) => Ok(d),
            Ok([None]) => {
                Err(Error::Invalid("ids have no gradient; look at that of the embedding's weight".into()))
            }
            Err(several) => Err(Error::Invalid(format!(
                "the model has {} inputs; ask for the gradients of all with backward_outputs",
                several.len()
            ))),
        }
    }

    /// [`backward`](Self::backward) of a model of several outputs: `d_out` has the gradient of each, in the order of
    /// [`output_names`](Self::output_names), None for none. Returns the gradient of each input's numbers, in the order of
    /// [`input_names`](Self::input_names), where `wanted` and where there is one.
    pub fn backward_outputs(
        &mut self,
        cache: ModelCache,
        d_out: Vec<Option<Rows>>,
        wanted: InputGradient,
    ) -> Result<Vec<Option<Rows>>> {
        self.back(cache, d_out, wanted)
    }

    /// The gradients of a batch in one go: [`forward_train_with_state`](Self::forward_train_with_state), the cross-entropy
    /// of the output, and [`backward`](Self::backward), to the bit. `targets` gives the class of every row of the output
    /// from the output's layout.
    ///
    /// Where the output is a dense layer's without an activation, its rows are computed and used a chunk of rows at a
    /// time, as [`Dense::cross_entropy`]: of a large vocabulary, all of them may not even fit the memory.
    pub fn cross_entropy<'a>(
        &mut self,
        feed: impl Into<Feed<'a>>,
        initial: Option<&ModelState>,
        noise: Noise,
        loss: &CrossEntropy,
        targets: impl FnOnce(&Layout) -> Vec<u32>,
    ) -> Result<BatchGradients> {
        self.only_output()?;
        let Some((head, from)) = self.graph.linear_head(&self.parameters) else {
            let (rows, state, cache) = self.forward_train_with_state(feed, initial, noise)?;
            let targets = targets(&rows.layout);
            let weight = loss.total_weight(&targets)?;
            let mut d = vec![0.0; rows.data.len()];
            let value =
                loss.value_and_gradient_on(self.parameters.path(), &rows.data, &targets, Some(&mut d))?;
            self.backward(cache, Rows::new(d, rows.features, rows.layout.clone())?)?;
            return Ok(BatchGradients { loss: value, weight, state });
        };
        let mut walk = Walk::new(&self.graph, &self.parameters, feed.into(), initial, &[from])?;
        walk.forward_train(noise)?;
        let cache = walk.take_cache();
        let (x, state) = walk.outputs()?.only()?;
        let targets = targets(&x.layout);
        let weight = loss.total_weight(&targets)?;
        let wanted = match self.graph.needs_gradient(&self.parameters, InputGradient::Skip).of(from) {
            true => InputGradient::Needed,
            false => InputGradient::Skip,
        };
        let Some(dense) = self.graph.layers[head].layer().downcast_ref::<Dense>() else {
            return Err(Error::Invalid("the head is no dense layer".into()));
        };
        let (value, d) = dense.cross_entropy(&mut self.parameters, &x, loss, &targets, wanted)?;
        // The layers below hold the same rows; backward can use the memory again.
        drop(x);
        self.back_from(cache, vec![(from, d)], InputGradient::Skip)?;
        Ok(BatchGradients { loss: value, weight, state })
    }

    /// The conditional random field that the only output comes from; None where it comes from another layer.
    pub fn crf(&self) -> Option<&Crf> {
        self.graph.crf()
    }

    /// The gradients of a batch of tagged sequences in one go: [`forward_train_with_state`](Self::forward_train_with_state), the
    /// loss of the conditional random field that the output comes from ([`Crf::loss_and_gradient`]), and
    /// [`backward`](Self::backward). `targets` gives the tag of every row of the output from the output's layout. Error: the output
    /// comes from another layer.
    pub fn tag_loss<'a>(
        &mut self,
        feed: impl Into<Feed<'a>>,
        initial: Option<&ModelState>,
        noise: Noise,
        rules: Option<&TagRules>,
        targets: impl FnOnce(&Layout) -> Vec<u32>,
    ) -> Result<BatchGradients> {
        self.only_output()?;
        let (rows, state, cache) = self.forward_train_with_state(feed, initial, noise)?;
        let Some(crf) = self.graph.crf() else {
            return Err(Error::Invalid(
                "the loss of tags that are chosen together is for a model whose last layer is a crf".into(),
            ));
        };
        let targets = targets(&rows.layout);
        let CrfGradients { loss, weight, d_emissions } =
            crf.loss_and_gradient(&mut self.parameters, &rows, &targets, rules)?;
        self.backward(cache, d_emissions)?;
        Ok(BatchGradients { loss, weight, state })
    }

    /// The penalties of all regularisers on trainable weights, to be added to the loss. [`backward`](Self::backward)
    /// adds their gradients at each call.
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
        let index = self.graph.index(layer)?;
        let Some(embedding) = self.graph.layers[index].layer().downcast_ref::<Embedding>() else {
            return Err(Error::Invalid(format!("{layer} is no embedding; word vectors go into one")));
        };
        let (config, id) = (embedding.config(), embedding.weight());
        let shape = (config.vocabulary, config.features);
        ArrayViewMut2::from_shape(shape, self.parameters.value_mut(id)).map_err(named(layer))
    }

    /// Changes a GRU to the other reading of its update gate, by its name, and its weights with it: the model returns the
    /// same bits. Errors, and what becomes of gradients and optimizers, as [`Recurrent::set_inverted_update`].
    pub fn set_inverted_update(&mut self, layer: &str, inverted: bool) -> Result<()> {
        let index = self.graph.index(layer)?;
        let (Some(stack), Some(config)) = (
            self.graph.layers[index].layer_mut().downcast_mut::<Recurrent>(),
            self.graph.config.layers[index].get_mut::<RecurrentLayer>(),
        ) else {
            return Err(Error::Invalid(format!("{layer} is no GRU and has no update gate")));
        };
        stack.set_inverted_update(&mut self.parameters, inverted).map_err(named(layer))?;
        config.inverted_update = inverted;
        Ok(())
    }

    /// What Keras shows at a step for which a list of layers that returns every step has nothing to show, `[F]`; for
    /// [`Rows::unpack_over`]. Keras' recurrent layers return zeros there, and the layers above go on computing: a dense
    /// layer returns φ(bias). Here such steps are no rows, cost nothing and reach no loss, as in Keras, whose losses
    /// leave them out.
    ///
    /// Without a recurrent layer it is what comes of the zeros of a masking layer, or of the masked id's vector.
    ///
    /// # Errors
    /// A model that returns one row a sequence, one whose layers are no list, and one without a recurrent layer that masks
    /// no id: its output at a masked step depends on the numbers there.
    pub fn masked_row(&self) -> Result<Vec<f32>> {
        if !self.graph.plan.is_list() {
            return Err(Error::Invalid(
                "only of a list of layers is it known what a masked step shows; look at the layers one by one".into(),
            ));
        }
        if self.graph.returns_once() {
            return Err(Error::Invalid(
                "the model returns one row a sequence; none of them is a masked step".into(),
            ));
        }
        let last = self.graph.plan.layers.iter().rposition(|layer| layer.state.is_some());
        let masking = |layer: &LayerConfig| layer.get::<MaskingLayer>().is_some();
        let last = last.or_else(|| self.graph.config.layers.iter().rposition(masking));
        let masked = self.graph.plan.masked_ids[0];
        let (start, mut row) = match (last, masked) {
            (Some(last), _) => {
                let features = self.graph.plan.layers[last].output.features().unwrap_or(0);
                (last + 1, Rows::one_step(vec![0.0; features], features, 1)?)
            }
            (None, Some(id)) if self.graph.config.layers[0].masked_id().is_some() => {
                let ids = Value::Ids(Ids::new(vec![id], Layout::full(1, 1)?)?);
                let call = crate::layer::Call { parameters: &self.parameters, initial: None };
                (1, self.graph.layers[0].forward(call, vec![ids])?.rows)
            }
            _ => {
                return Err(Error::Invalid(
                    "without a recurrent layer, what a masked step shows hangs on its own input; call the model without the mask"
                        .into(),
                ));
            }
        };
        for layer in &self.graph.layers[start..] {
            row = layer.masked_step(&self.parameters, row)?;
        }
        Ok(row.into_data())
    }

    /// How much each step counts in the output of the first [`Attention`] over time, `[R, 1]`, as [`Attention::weights`];
    /// None of a model without one. [`Rows::unpack`] makes it `[N, T]`. Errors as [`forward`](Self::forward).
    pub fn attention_weights<'a>(&self, feed: impl Into<Feed<'a>>) -> Result<Option<Rows>> {
        let attention = self.graph.layers.iter().enumerate().find_map(|(index, layer)| {
            layer.layer().downcast_ref::<Attention>().map(|attention| (index, attention))
        });
        let Some((index, attention)) = attention else { return Ok(None) };
        let mut walk = Walk::new(
            &self.graph,
            &self.parameters,
            feed.into(),
            None,
            &self.graph.plan.layers[index].reads,
        )?;
        walk.forward()?;
        attention.weights(&self.parameters, &walk.outputs()?.only()?.0).map(Some)
    }

    fn only_output(&self) -> Result<()> {
        match self.graph.plan.outputs.len() {
            1 => Ok(()),
            count => Err(Error::Invalid(format!("the model has {count} outputs; ask for all of them"))),
        }
    }

    fn weighted(&self, layer: &str) -> Result<(usize, (bool, f64))> {
        let index = self.graph.index(layer)?;
        if self.graph.plan.layers[index].weights.is_empty() {
            return Err(Error::Invalid(format!("{layer} has no weights to train")));
        }
        let common = self.graph.config.layers[index].common();
        Ok((index, (common.trainable, common.learning_rate)))
    }

    /// Changes how a layer is trained, in its configuration and in its parameters.
    fn set_training(&mut self, index: usize, trainable: bool, rate: f64) -> Result<()> {
        for weight in &self.graph.plan.layers[index].weights {
            if let Some(id) = self.parameters.find(&weight.name) {
                self.parameters.set_learning_rate(id, rate)?;
                self.parameters.set_trainable(id, trainable);
            }
        }
        let common = self.graph.config.layers[index].common_mut();
        (common.trainable, common.learning_rate) = (trainable, rate);
        Ok(())
    }

    fn back(
        &mut self,
        cache: ModelCache,
        d_out: Vec<Option<Rows>>,
        wanted: InputGradient,
    ) -> Result<Vec<Option<Rows>>> {
        cache.check(&self.parameters, self.graph.layers.len())?;
        if d_out.len() != self.graph.plan.outputs.len() {
            return Err(Error::Shape {
                what: "the gradients of the outputs".into(),
                expected: format!("one for each of {} outputs", self.graph.plan.outputs.len()),
                found: d_out.len().to_string(),
            });
        }
        let d_out = self.graph.plan.outputs.iter().copied().zip(d_out).collect();
        self.back_from(cache, d_out, wanted)
    }

    /// Backward through the layers that the cache is of, from the gradients of what they returned.
    fn back_from(
        &mut self,
        cache: ModelCache,
        d_out: Vec<(Source, Option<Rows>)>,
        wanted: InputGradient,
    ) -> Result<Vec<Option<Rows>>> {
        let needs = self.graph.needs_gradient(&self.parameters, wanted);
        let mut gradients = Gradients::new(self.graph.config.inputs.len(), self.graph.layers.len());
        for (source, d) in d_out {
            gradients.add(source, d)?;
        }
        for (index, kept) in cache.into_layers().into_iter().enumerate().rev() {
            let Some(kept) = kept.filter(|_| needs.of(Source::Layer(index))) else { continue };
            gradients.through(
                &*self.graph.layers[index],
                &self.graph.plan.layers[index],
                index,
                kept,
                &mut self.parameters,
                &needs,
            )?;
        }
        self.penalties.add_gradients(&mut self.parameters);
        Ok(match wanted {
            InputGradient::Needed => gradients.inputs(),
            InputGradient::Skip => vec![None; self.graph.config.inputs.len()],
        })
    }
}
