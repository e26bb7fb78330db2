//! A cell of one's own as a layer: [`CustomCell`] says how one step goes and how its gradients go back, [`Custom`] makes
//! of it a stack in one direction or two, over masks and lengths, with states in and out, to be trained as any layer.
//!
//! It is for cells that the library lacks: what [`Recurrent`](super::Recurrent) computes is faster there. Steps follow
//! each other on one thread, all running sequences of a step at once. `examples/own_cell.rs` trains a minimal gated unit;
//! [`check_step`] holds a step's backward against its differences. In a model, also one from TOML, it is a [`CellLayer`].
//!
//! ```
//! use rand::SeedableRng;
//! use sumun_nn::nn::{
//!     CellWeight, Custom, CustomCell, CustomConfig, Initializer, Layer, Step, StepAfter, StepGradients,
//! };
//! use sumun_nn::{Fill, Layout, Parameters, Result, Rows};
//!
//! /// A leaky sum of the input: h' = a ⊙ h + x, with a decay of its own for every feature.
//! #[derive(Debug)]
//! struct Leaky {
//!     units: usize,
//! }
//!
//! impl CustomCell for Leaky {
//!     fn hidden(&self) -> usize {
//!         self.units
//!     }
//!
//!     fn weights(&self, _input: usize) -> Vec<CellWeight> {
//!         vec![CellWeight::new("decay", &[self.units], Initializer::Constant { value: 0.5 })]
//!     }
//!
//!     fn step(&self, weights: &[&[f32]], at: Step<'_>, after: StepAfter<'_>) -> Result<()> {
//!         for k in 0..after.hidden.len() {
//!             after.hidden[k] = weights[0][k % self.units] * at.hidden[k] + at.x[k];
//!         }
//!         Ok(())
//!     }
//!
//!     fn step_backward(
//!         &self,
//!         weights: &[&[f32]],
//!         at: Step<'_>,
//!         _saved: &[f32],
//!         d_hidden: &[f32],
//!         _d_cell: &[f32],
//!         into: StepGradients<'_>,
//!     ) -> Result<()> {
//!         for (k, d) in d_hidden.iter().enumerate() {
//!             into.x[k] += d;
//!             into.hidden[k] += weights[0][k % self.units] * d;
//!             into.weights[0][k % self.units] += at.hidden[k] * d;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let mut parameters = Parameters::new();
//! let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
//! let config = CustomConfig { layers: 2, ..CustomConfig::new(1) };
//! let leaky = Custom::new(Leaky { units: 1 }, config, &mut parameters, "leaky", &mut rng)?;
//! assert_eq!(parameters.entries()[1].name, "leaky.decay_l1");
//! // One sequence of four steps, the third of which is masked.
//! let layout = Layout::masked(&[true, true, false, true], 1, 4, Fill::Repeat)?;
//! let y = leaky.forward(&parameters, Rows::pack(&[1.0, 0.0, 9.0, 0.0], 1, layout)?)?;
//! assert_eq!(y.unpack(), [1.0, 1.0, 1.0, 0.75]);
//! # Ok::<(), sumun_nn::Error>(())
//! ```

mod cell;
mod check;
mod pass;
mod spec;
mod state;
#[cfg(test)]
mod tests;

use rand::Rng;
use sumun_kernels::RowMap;

use self::pass::{Pass, Weighted};
use self::state::{Ranked, check};
use super::dropout::DropoutCache;
use super::recurrent::{MOST_LAYERS, merge};
use super::{Dropout, InputGradient, Layer, Merge, Output, RecurrentState};
use crate::noise::Noise;
use crate::parameters::Id;
use crate::rows::expect_memory;
use crate::state::StateShape;
use crate::{Error, Parameters, Result, Rows};

pub use cell::{CellWeight, CustomCell, Step, StepAfter, StepGradients};
pub use check::check_step;
pub use spec::{CellLayer, NamedCell};

/// The most that a size of a cell may be, so that products of two never overflow.
const MOST_SIZE: usize = u32::MAX as usize / 4;

/// What a stack of one's own cells is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CustomConfig {
    /// I: features of an input row.
    pub input: usize,
    /// L: layers on top of each other, all of the same cell.
    pub layers: usize,
    /// Whether a second direction, with weights of its own, reads each sequence from its own last step to its first.
    pub bidirectional: bool,
    /// How the answers of two directions become one, in every layer.
    pub merge: Merge,
    /// Between layers: the probability of losing an element of what a layer passes up; none after the last.
    pub dropout: f32,
    /// What the stack answers.
    pub output: Output,
}

impl CustomConfig {
    /// One layer in one direction, answering at every step.
    pub fn new(input: usize) -> Self {
        Self {
            input,
            layers: 1,
            bidirectional: false,
            merge: Merge::Concat,
            dropout: 0.0,
            output: Output::Sequence,
        }
    }

    /// D: 2 where bidirectional, else 1.
    pub fn directions(&self) -> usize {
        1 + usize::from(self.bidirectional)
    }

    /// Features of the output of a stack of that cell: D·H where two directions lie side by side, else H.
    pub fn output_features<C: CustomCell>(&self, cell: &C) -> usize {
        match self.merge {
            Merge::Concat => self.directions() * cell.hidden(),
            Merge::Sum | Merge::Mul | Merge::Average => cell.hidden(),
        }
    }

    /// Errors: sizes of 0, a dropout outside 0 ≤ p < 1, a merge of one direction.
    pub fn check<C: CustomCell>(&self, cell: &C) -> Result<()> {
        let Self { input, layers, merge, .. } = *self;
        if input == 0 || layers == 0 || cell.hidden() == 0 {
            return Err(Error::Invalid(format!(
                "a stack of {layers} layers of {cell:?} from {input} features to {} units; each must be at least 1",
                cell.hidden()
            )));
        }
        let sizes = [input, cell.hidden(), cell.cell(), cell.saved(input)];
        if let Some(size) = sizes.into_iter().find(|&size| size > MOST_SIZE) {
            return Err(Error::Invalid(format!(
                "a size of a stack of {cell:?} is {size}; it must be at most {MOST_SIZE}"
            )));
        }
        if layers > MOST_LAYERS {
            return Err(Error::Invalid(format!(
                "a stack of {layers} layers of {cell:?} is above the {MOST_LAYERS} there can be; use fewer"
            )));
        }
        if merge != Merge::Concat && !self.bidirectional {
            return Err(Error::Invalid("a merge other than concat needs a bidirectional stack".into()));
        }
        Dropout::new(self.dropout).map(|_| ())
    }
}

/// The weights of a stack in their order: which layer and direction each belongs to, its name there, and what the cell says
/// of it.
fn weights<C: CustomCell>(
    cell: &C,
    config: &CustomConfig,
) -> impl Iterator<Item = (usize, String, CellWeight)> {
    let (directions, above) = (config.directions(), config.output_features(cell));
    (0..config.layers * directions).flat_map(move |index| {
        let (layer, reverse) = (index / directions, ["", "_reverse"][index % directions]);
        let weights = cell.weights(if layer == 0 { config.input } else { above });
        weights.into_iter().map(move |weight| (index, format!("{}_l{layer}{reverse}", weight.name), weight))
    })
}

/// A stack of cells of one's own. Weights are named `{prefix}.{name}_l{layer}`, with `_reverse` in the second direction;
/// an empty prefix adds nothing.
#[derive(Debug)]
pub struct Custom<C> {
    cell: C,
    config: CustomConfig,
    between: Dropout,
    /// Those of each layer and direction, and how many numbers each has.
    ids: Vec<Vec<(Id, usize)>>,
}

/// What [`Custom::backward`](Layer::backward) needs.
#[derive(Debug)]
pub struct CustomCache {
    version: u64,
    /// The final states, which a product of two directions needs.
    last: RecurrentState,
    layers: Vec<LayerCache>,
}

#[derive(Debug)]
struct LayerCache {
    /// Both directions side by side, before they are merged.
    both: Rows,
    passes: Vec<Pass>,
    /// The mask on what this layer passed up.
    dropout: Option<DropoutCache>,
}

impl<C: CustomCell> Custom<C> {
    /// Adds the stack's weights to `parameters`. Sizes of 0, a dropout outside 0 ≤ p < 1, a merge of one direction and
    /// two weights of one name are errors.
    pub fn new<R: Rng + ?Sized>(
        cell: C,
        config: CustomConfig,
        parameters: &mut Parameters,
        prefix: &str,
        rng: &mut R,
    ) -> Result<Self> {
        config.check(&cell)?;
        let dot = if prefix.is_empty() { "" } else { "." };
        let mut ids = vec![Vec::new(); config.layers * config.directions()];
        for (index, name, CellWeight { shape, first, .. }) in weights(&cell, &config) {
            let draw = || first.values(&shape, rng);
            let id = parameters.add_drawn(format!("{prefix}{dot}{name}"), &shape, draw)?;
            ids[index].push((id, parameters.entry(id).range.len()));
        }
        Ok(Self { between: Dropout::new(config.dropout)?, cell, config, ids })
    }

    /// The cell.
    pub fn cell(&self) -> &C {
        &self.cell
    }

    /// What the stack is made of.
    pub fn config(&self) -> &CustomConfig {
        &self.config
    }

    /// Features of the output: D·H where two directions lie side by side, else H.
    pub fn output_features(&self) -> usize {
        self.config.output_features(&self.cell)
    }

    /// The answer and the final states, from given initial states or zeros: h `[L·D, N, H]`, `cell` `[L·D, N, C]`, in the
    /// caller's order. A sequence without a step keeps its state.
    pub fn forward_with_state(
        &self,
        parameters: &Parameters,
        x: Rows,
        initial: Option<&RecurrentState>,
    ) -> Result<(Rows, RecurrentState)> {
        let (out, state, _) = self.run(parameters, x, initial, None)?;
        Ok((out, state))
    }

    /// As [`forward_with_state`](Self::forward_with_state), keeping what backward needs; dropout draws from `noise`.
    pub fn forward_train_with_state(
        &self,
        parameters: &Parameters,
        x: Rows,
        initial: Option<&RecurrentState>,
        noise: Noise,
    ) -> Result<(Rows, RecurrentState, CustomCache)> {
        let (out, last, layers) = self.run(parameters, x, initial, Some(noise))?;
        Ok((out, last.clone(), CustomCache { version: parameters.version(), last, layers }))
    }

    /// Adds to the gradients of the weights and returns that of the input, where it is wanted, and that of the initial
    /// states. `d_state` is the gradient of the final states. Parameters that changed since are an error.
    pub fn backward_with_state(
        &self,
        parameters: &mut Parameters,
        cache: CustomCache,
        d_out: Rows,
        d_state: Option<&RecurrentState>,
        wanted: InputGradient,
    ) -> Result<(Option<Rows>, RecurrentState)> {
        if cache.version != parameters.version() {
            return Err(Error::Invalid(
                "the parameters changed between forward_train and backward; run forward_train again".into(),
            ));
        }
        let directions = self.config.directions();
        let (width, carried) = (self.cell.hidden(), self.cell.cell());
        let fits = |(layer, kept): (usize, &LayerCache)| {
            let saved = self.cell.saved(self.layer_input(layer));
            kept.both.features == directions * width
                && kept.passes.len() == directions
                && kept.passes.iter().all(|pass| pass.is_of(self.layer_input(layer), [width, carried, saved]))
        };
        if cache.layers.len() != self.config.layers || !cache.layers.iter().enumerate().all(fits) {
            return Err(sumun_kernels::Error::Cache.into());
        }
        let layout = cache.layers[0].both.layout.clone();
        let shape = self.shape();
        let rows = match self.config.output {
            Output::Sequence => layout.rows(),
            Output::Last => layout.sequences(),
        };
        let what = "the output gradient of a custom layer";
        d_out.expect_shape(what, rows, self.output_features())?;
        if self.config.output == Output::Sequence {
            d_out.expect_like(what, &layout, self.output_features())?;
        }
        self.expect(parameters)?;
        if let Some(state) = d_state {
            check(shape, "the gradient of the final states", &layout, state)?;
        }
        let mut d_end = d_state.cloned().unwrap_or_else(|| shape.zeros(&layout));
        let mut d_rows = Some(d_out);
        if self.config.output == Output::Last
            && let Some(d) = d_rows.take()
        {
            let last = shape.top(&layout, directions, &cache.last);
            let d = merge::backward(self.config.merge, &last, &d.data, width);
            shape.add_to_top(&layout, directions, &d, &mut d_end);
        }
        let mut d_initial = shape.zeros(&layout);
        for (layer, kept) in cache.layers.into_iter().enumerate().rev() {
            if let Some(dropout) = kept.dropout {
                let d = d_rows.take().expect("a layer below another has an output gradient");
                d_rows = self.between.backward(parameters, dropout, d, InputGradient::Needed)?;
            }
            let d_both =
                d_rows.as_ref().map(|d| merge::backward(self.config.merge, &kept.both.data, &d.data, width));
            let features = self.layer_input(layer);
            let mut d_x = vec![0.0; layout.rows() * features];
            for (direction, pass) in kept.passes.iter().enumerate() {
                let index = layer * directions + direction;
                let map = (direction == 1).then(|| layout.reversed());
                let mut d_state = Ranked::of(shape, &layout, Some(&d_end), index);
                let d_out = match &d_both {
                    Some(d) => gather(d, directions * width, direction * width, width, map),
                    None => Vec::new(),
                };
                let mut d_weights: Vec<Vec<f32>> =
                    self.ids[index].iter().map(|&(_, count)| vec![0.0; count]).collect();
                let weights = self.weights(parameters, index);
                let weighted = self.weighted(parameters, &weights);
                let d = pass.backward(&weighted, layout.steps(), &d_out, &mut d_state, &mut d_weights)?;
                for (&(id, _), d) in self.ids[index].iter().zip(d_weights) {
                    parameters.gradient_mut(id).iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
                }
                for (row, d) in d.chunks_exact(features).enumerate() {
                    let to = map.map_or(row, |map| map.as_slice()[row] as usize) * features;
                    d_x[to..to + features].iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
                }
                shape.unrank(&layout, d_state.view(), index, &mut d_initial);
            }
            d_rows = Some(Rows::new(d_x, features, layout.clone())?);
        }
        shape.pass_by(&layout, &d_end, &mut d_initial);
        Ok((d_rows.filter(|_| wanted == InputGradient::Needed), d_initial))
    }

    /// All layers and directions; in training with noise, and keeping what backward needs.
    fn run(
        &self,
        parameters: &Parameters,
        mut x: Rows,
        initial: Option<&RecurrentState>,
        noise: Option<Noise>,
    ) -> Result<(Rows, RecurrentState, Vec<LayerCache>)> {
        let layout = x.layout.clone();
        x.expect_shape("the input of a custom layer", layout.rows(), self.config.input)?;
        let (shape, width, directions) = (self.shape(), self.cell.hidden(), self.config.directions());
        if let Some(state) = initial {
            check(shape, "the initial states", &layout, state)?;
        }
        self.expect(parameters)?;
        let widest = self.cell.saved(self.config.input).max(self.cell.cell()).max(directions * width);
        expect_memory(layout.rows(), widest)?;
        expect_memory(layout.sequences(), shape.count.saturating_mul(widest))?;
        let (mut state, mut kept) = (shape.zeros(&layout), Vec::new());
        for layer in 0..self.config.layers {
            let features = self.layer_input(layer);
            let mut both = vec![0.0; layout.rows() * directions * width];
            let mut passes = Vec::new();
            for direction in 0..directions {
                let index = layer * directions + direction;
                let map = (direction == 1).then(|| layout.reversed());
                let read = gather(&x.data, features, 0, features, map);
                let start = Ranked::of(shape, &layout, initial, index);
                let weights = self.weights(parameters, index);
                let weighted = self.weighted(parameters, &weights);
                let keep = noise.is_some();
                let pass = Pass::forward(&weighted, layout.steps(), features, read, start, keep)?;
                for (row, h) in pass.hidden.chunks_exact(width).enumerate() {
                    let row = map.map_or(row, |map| map.as_slice()[row] as usize);
                    both[(row * directions + direction) * width..][..width].copy_from_slice(h);
                }
                let last = pass.last(layout.steps(), layout.lengths(), (width, shape.cell));
                shape.unrank(&layout, last.view(), index, &mut state);
                if noise.is_some() {
                    passes.push(pass);
                }
            }
            let both = Rows::new(both, directions * width, layout.clone())?;
            let merged = if directions == 2 { self.config.merge } else { Merge::Concat };
            x = match merged {
                Merge::Concat => both.clone(),
                merged => Rows::new(merge::forward(merged, &both.data, width), width, layout.clone())?,
            };
            if let Some(noise) = noise {
                let mut dropout = None;
                if layer + 1 < self.config.layers && self.between.p() > 0.0 {
                    let (dropped, mask) =
                        self.between.forward_train(parameters, x, noise.within(layer as u32))?;
                    (x, dropout) = (dropped, Some(mask));
                }
                kept.push(LayerCache { both, passes, dropout });
            }
        }
        if let Some(initial) = initial {
            shape.pass_by(&layout, initial, &mut state);
        }
        if self.config.output == Output::Last {
            let top = shape.top(&layout, directions, &state);
            let last = merge::forward(self.config.merge, &top, width);
            x = Rows::one_step(last, self.output_features(), layout.sequences())?;
        }
        Ok((x, state, kept))
    }

    /// Features of a layer's input.
    fn layer_input(&self, layer: usize) -> usize {
        if layer == 0 { self.config.input } else { self.output_features() }
    }

    fn shape(&self) -> StateShape {
        StateShape { count: self.ids.len(), hidden: self.cell.hidden(), cell: self.cell.cell() }
    }

    /// Checks that the weights are among these parameters.
    fn expect(&self, parameters: &Parameters) -> Result<()> {
        self.ids.iter().flatten().try_for_each(|&(id, count)| parameters.expect(id, count))
    }

    /// The cell with the weights of one layer and direction, on the parameters' path.
    fn weighted<'a>(&'a self, parameters: &Parameters, weights: &'a [&'a [f32]]) -> Weighted<'a, C> {
        Weighted { cell: &self.cell, weights, path: parameters.path() }
    }

    /// The weights of one layer and direction.
    fn weights<'a>(&self, parameters: &'a Parameters, index: usize) -> Vec<&'a [f32]> {
        self.ids[index].iter().map(|&(id, _)| parameters.value(id)).collect()
    }
}

/// Columns `first..first + width` of rows of `features` numbers, in the order of `map`.
fn gather(rows: &[f32], features: usize, first: usize, width: usize, map: Option<&RowMap>) -> Vec<f32> {
    let mut gathered = Vec::with_capacity(rows.len() / features * width);
    for row in 0..rows.len() / features {
        let from = map.map_or(row, |map| map.as_slice()[row] as usize) * features + first;
        gathered.extend_from_slice(&rows[from..from + width]);
    }
    gathered
}

impl<C: CustomCell> Layer for Custom<C> {
    type Cache = CustomCache;

    fn forward(&self, parameters: &Parameters, x: Rows) -> Result<Rows> {
        Ok(self.forward_with_state(parameters, x, None)?.0)
    }

    fn forward_train(&self, parameters: &Parameters, x: Rows, noise: Noise) -> Result<(Rows, CustomCache)> {
        let (out, _, cache) = self.forward_train_with_state(parameters, x, None, noise)?;
        Ok((out, cache))
    }

    fn backward(
        &self,
        parameters: &mut Parameters,
        cache: CustomCache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        Ok(self.backward_with_state(parameters, cache, d_out, None, wanted)?.0)
    }
}
