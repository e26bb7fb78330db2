//! A built layer in a model.

use std::any::Any;
use std::fmt::Debug;

use sumun_kernels::{InputGradient, Path, Precision};

use super::{Layer, Stepping};
use crate::noise::Noise;
use crate::state::RecurrentState;
use crate::{Error, Ids, Parameters, Result, Rows};

/// What flows along an edge of a model.
#[derive(Debug, Clone)]
pub enum Value {
    /// Ids, `[R]`.
    Ids(Ids),
    /// Numbers, `[R, F]`.
    Rows(Rows),
}

impl Value {
    /// The ids; numbers are an error.
    pub fn ids(self) -> Result<Ids> {
        match self {
            Self::Ids(ids) => Ok(ids),
            Self::Rows(_) => Err(Error::Invalid("found numbers where ids are needed".into())),
        }
    }

    /// The rows; ids are an error.
    pub fn rows(self) -> Result<Rows> {
        match self {
            Self::Rows(rows) => Ok(rows),
            Self::Ids(_) => Err(Error::Invalid("found ids where numbers are needed".into())),
        }
    }
}

/// What a layer is called with beside its inputs.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The model's weights.
    pub parameters: &'a Parameters,
    /// The state before the first step; zeros where it is None. Only for layers that have one.
    pub initial: Option<&'a RecurrentState>,
}

/// What a layer returns.
#[derive(Debug)]
pub struct LayerOutput {
    /// A row for every step, or one for each sequence.
    pub rows: Rows,
    /// The state after the last step, of a layer that has one.
    pub state: Option<RecurrentState>,
}

impl From<Rows> for LayerOutput {
    fn from(rows: Rows) -> Self {
        Self { rows, state: None }
    }
}

/// What `forward_train` keeps for `backward`; the layer knows what it is.
#[derive(Debug)]
pub struct Kept(Box<dyn AnyKept>);

trait AnyKept: Any + Debug + Send {}
impl<T: Any + Debug + Send> AnyKept for T {}

impl Kept {
    /// Keeps a layer's cache.
    pub fn new<T: Any + Debug + Send>(cache: T) -> Self {
        Self(Box::new(cache))
    }

    /// The cache, where it is of that type. That of another layer is an error.
    pub fn into<T: Any>(self) -> Result<T> {
        let cache: Box<dyn Any> = self.0;
        cache
            .downcast()
            .map(|cache| *cache)
            .map_err(|_| Error::Invalid("the cache is of another model; run forward_train again".into()))
    }
}

/// What a backward pass of a layer is given.
#[derive(Debug)]
pub struct BackwardCall<'a> {
    /// The model's weights; gradients are added to them.
    pub parameters: &'a mut Parameters,
    /// The gradient of the output rows; None where nothing depends on them.
    pub d_out: Option<Rows>,
    /// The gradient of the last state; None where nothing depends on it.
    pub d_state: Option<RecurrentState>,
    /// For each input, whether its gradient is wanted.
    pub wanted: &'a [InputGradient],
}

/// What a backward pass of a layer returns.
#[derive(Debug, Default)]
pub struct InputGradients {
    /// For each input, the gradient where it is wanted and the output depends on it.
    pub inputs: Vec<Option<Rows>>,
    /// The gradient of the state before the first step, of a layer that has one.
    pub initial: Option<RecurrentState>,
}

/// A built layer: what a model calls.
///
/// `inputs` are as many as were planned, of the kinds that were planned. As everywhere, one row's result must depend on
/// nothing but that row's sequence and the weights: then padding and the rest of the batch change no bit of it.
pub trait Stage: Debug + Send + Sync {
    /// The output; keeps nothing.
    fn forward(&self, call: Call<'_>, inputs: Vec<Value>) -> Result<LayerOutput>;

    /// The output in training, and what [`backward`](Self::backward) needs. Random masks come from `noise` alone.
    fn forward_train(&self, call: Call<'_>, inputs: Vec<Value>, noise: Noise) -> Result<(LayerOutput, Kept)>;

    /// Adds to the gradients of the weights and returns those of the inputs.
    fn backward(&self, kept: Kept, call: BackwardCall<'_>) -> Result<InputGradients>;

    /// What this layer makes of a masked step, for which the layer below shows `row`, `[1, F]`. Layers that compute every
    /// row by itself compute this one; others leave it.
    fn masked_step(&self, parameters: &Parameters, row: Rows) -> Result<Rows> {
        let _ = parameters;
        Ok(row)
    }

    /// How it goes on with sequences whose steps come one by one.
    fn stepping(&self) -> Stepping {
        Stepping::Never("does not say how it goes on from step to step; run it on whole sequences".into())
    }

    /// The row of the last step of each sequence, `[N, F]`, of sequences that are as long as the layer's
    /// [`StepWindow`](super::StepWindow); for layers that say that they have one.
    fn window(&self, call: Call<'_>, x: Rows) -> Result<Rows> {
        Ok(self.forward(call, vec![Value::Rows(x)])?.rows)
    }

    /// The path of the kernels that computes it; None where there is no choice.
    fn path(&self) -> Option<Path> {
        None
    }

    /// Has another path of the kernels compute it, where there is a choice. A path that the processor lacks, or that does
    /// not compute the layer, is an error.
    fn set_path(&mut self, path: Path) -> Result<()> {
        let _ = path;
        Ok(())
    }

    /// Has the products of its weights be over numbers of a precision, where it has such products; other layers stay as they are.
    /// `path` and `set_path` are then of paths that have them: a layer whose path does not takes the fastest that does.
    fn set_precision(&mut self, precision: Precision) -> Result<()> {
        let _ = precision;
        Ok(())
    }

    /// The layer itself, for [`Model::layer`](crate::model::Model::layer).
    fn layer(&self) -> &dyn Any;

    /// The layer itself, to be changed.
    fn layer_mut(&mut self) -> &mut dyn Any;
}

/// A stage that calls a [`Layer`], which has one input and no state.
#[derive(Debug)]
pub struct Through<L> {
    layer: L,
    masked: Masked,
}

/// What a layer makes of a masked step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Masked {
    /// What the layer below shows.
    Below,
    /// What it makes of that row by itself.
    Computed,
    /// Something that depends on the steps beside it.
    Unknown,
}

impl<L: Layer> Through<L> {
    /// Of any layer.
    pub fn new(layer: L) -> Self {
        Self { layer, masked: Masked::Below }
    }

    /// Of a layer that computes every row by itself, also that of a masked step.
    pub fn each_row(layer: L) -> Self {
        Self { layer, masked: Masked::Computed }
    }

    /// Of a layer that computes a row from several steps, so that none says what it makes of a masked step.
    pub fn several_steps(layer: L) -> Self {
        Self { layer, masked: Masked::Unknown }
    }
}

/// The only one of a layer's inputs.
pub(crate) fn only(inputs: Vec<Value>) -> Result<Value> {
    let found = inputs.len();
    match <[Value; 1]>::try_from(inputs) {
        Ok([input]) => Ok(input),
        Err(_) => Err(Error::Invalid(format!("the layer takes one input; it was given {found}"))),
    }
}

/// Whether the gradient of the only input is wanted.
pub(crate) fn only_wanted(wanted: &[InputGradient]) -> InputGradient {
    wanted.first().copied().unwrap_or(InputGradient::Skip)
}

impl<L: Layer + Any> Stage for Through<L>
where
    L::Cache: Any + Debug + Send,
{
    fn forward(&self, call: Call<'_>, inputs: Vec<Value>) -> Result<LayerOutput> {
        Ok(self.layer.forward(call.parameters, only(inputs)?.rows()?)?.into())
    }

    fn forward_train(&self, call: Call<'_>, inputs: Vec<Value>, noise: Noise) -> Result<(LayerOutput, Kept)> {
        let (rows, cache) = self.layer.forward_train(call.parameters, only(inputs)?.rows()?, noise)?;
        Ok((rows.into(), Kept::new(cache)))
    }

    fn backward(&self, kept: Kept, call: BackwardCall<'_>) -> Result<InputGradients> {
        let Some(d_out) = call.d_out else { return Ok(InputGradients::default()) };
        let d = self.layer.backward(call.parameters, kept.into()?, d_out, only_wanted(call.wanted))?;
        Ok(InputGradients { inputs: vec![d], initial: None })
    }

    fn masked_step(&self, parameters: &Parameters, row: Rows) -> Result<Rows> {
        match self.masked {
            Masked::Below => Ok(row),
            Masked::Computed => self.layer.forward(parameters, row),
            Masked::Unknown => Err(Error::Invalid(
                "a layer computes each row from several steps; what a masked step shows depends on those beside it".into(),
            )),
        }
    }

    fn stepping(&self) -> Stepping {
        self.layer.stepping().unwrap_or_else(|| match self.masked {
            Masked::Computed => Stepping::Forward,
            Masked::Below | Masked::Unknown => Stepping::Never(
                "computes its rows from several steps, some of which have not come yet; run it on whole sequences".into(),
            ),
        })
    }

    fn window(&self, call: Call<'_>, x: Rows) -> Result<Rows> {
        self.layer.window(call.parameters, x)
    }

    fn path(&self) -> Option<Path> {
        self.layer.path()
    }

    fn set_path(&mut self, path: Path) -> Result<()> {
        self.layer.set_path(path)
    }

    fn set_precision(&mut self, precision: Precision) -> Result<()> {
        self.layer.set_precision(precision)
    }

    fn layer(&self) -> &dyn Any {
        &self.layer
    }

    fn layer_mut(&mut self) -> &mut dyn Any {
        &mut self.layer
    }
}
