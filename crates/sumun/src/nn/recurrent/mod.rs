//! Recurrent stacks over packed rows: any cell, layers, directions, dropout between layers.

mod config;
mod inverted;
mod masks;
pub(super) mod merge;
mod representable;
pub(super) mod stream;
#[cfg(test)]
mod tests;
mod trace;

use std::sync::{Arc, Mutex, PoisonError};

use rand::Rng;
use sumun_kernels::{
    Cache, Gradients, Path, Prepared, Purpose, RowMap, RowsMut, RowsRef, Scratch, State, StateMut,
};

use self::config::Part;
use self::masks::{Drawn, mask_input, noise_of};
use super::dropout::DropoutCache;
use super::{Dropout, InputGradient, Layer};
use crate::noise::Noise;
use crate::parameters::Id;
use crate::{Error, Layout, Parameters, Result, Rows};

pub use config::{CellKind, FirstWeights, Merge, Output, RecurrentConfig};
pub use representable::Peer;
pub use stream::{Stream, StreamState};
pub use trace::LayerTrace;

/// The states of a stack, in the caller's batch order: sorting by length never shows.
#[derive(Debug, Clone, PartialEq)]
pub struct RecurrentState {
    /// h, `[L·D, N, H]`, or `[L·D, N, P]` with a projection; index layer·D + direction.
    pub hidden: Vec<f32>,
    /// c, `[L·D, N, H]`; empty where the cell has none.
    pub cell: Vec<f32>,
}

/// Handles of one layer and direction, in the order of [`Part::ALL`]; None for what it lacks.
type Ids = [Option<Id>; Part::ALL.len()];

/// A recurrent stack (PyTorch's `RNN`, `LSTM`, `GRU`). Weights bear PyTorch's names, `{prefix}.weight_ih_l0`,
/// `{prefix}.weight_hh_l0_reverse` …, and are drawn from U(±1/√H) as PyTorch draws them, biases too. An empty prefix adds nothing to the names.
///
/// The path that computes it can be asked for ([`path`](Self::path)); a cell that the fused kernels lack runs
/// on the reference path.
#[derive(Debug)]
pub struct Recurrent {
    config: RecurrentConfig,
    path: Path,
    between: Dropout,
    ids: Vec<Ids>,
    workshop: Mutex<Workshop>,
}

/// Packed weights and memory that calls share.
#[derive(Debug, Default)]
struct Workshop {
    prepared: Option<(u64, Arc<Vec<Prepared>>)>,
    /// Whether somebody has asked for the gradient of the first layer's input.
    input_gradient: bool,
    scratch: Scratch,
    caches: Vec<Cache>,
}

/// What [`Recurrent::backward`](Layer::backward) needs.
#[derive(Debug)]
pub struct RecurrentCache {
    version: u64,
    noise: Noise,
    /// The final hidden states, which a product of two directions needs.
    last: RecurrentState,
    layers: Vec<LayerCache>,
}

#[derive(Debug)]
struct LayerCache {
    x: Rows,
    /// Both directions side by side, before they are merged.
    both: Rows,
    /// For each direction.
    kernels: Vec<Cache>,
    /// For each direction, the initial state by rank.
    initial: Vec<Option<Ranked>>,
    /// For each direction, the masks of the recurrence.
    masks: Vec<Drawn>,
    /// The mask on what this layer passed up.
    dropout: Option<DropoutCache>,
}

/// What a pass keeps beside its answer.
#[derive(Debug, Clone, Copy)]
enum Keep {
    Nothing,
    /// Gates and cell states; the pass computes what it does without.
    Insides,
    /// All that backward needs; masks are drawn.
    Training(Noise),
}

/// A state of the sequences that have steps, in rank order.
#[derive(Debug, Clone)]
struct Ranked {
    hidden: Vec<f32>,
    cell: Vec<f32>,
}

impl Ranked {
    fn view(&self) -> State<'_, f32> {
        State { hidden: &self.hidden, cell: &self.cell }
    }

    fn view_mut(&mut self) -> StateMut<'_, f32> {
        StateMut { hidden: &mut self.hidden, cell: &mut self.cell }
    }
}

impl Recurrent {
    /// Adds the stack's weights to `parameters`. Sizes of 0 are errors.
    pub fn new<R: Rng + ?Sized>(
        config: RecurrentConfig,
        parameters: &mut Parameters,
        prefix: &str,
        rng: &mut R,
    ) -> Result<Self> {
        config.check()?;
        let between = Dropout::new(config.dropout)?;
        let first = config.first_weights.unwrap_or(FirstWeights::pytorch(config.hidden));
        let dot = if prefix.is_empty() { "" } else { "." };
        let mut ids = Vec::new();
        for layer in 0..config.layers {
            let dims = config.dims(layer);
            for direction in 0..config.directions() {
                let mut of_direction = Ids::default();
                for (id, part) in of_direction.iter_mut().zip(Part::ALL) {
                    if let Some(shape) = config.shape_of(part, dims) {
                        let name = format!("{prefix}{dot}{}", part.full_name(layer, direction));
                        let values = first.values(part, &shape, dims.cell, rng)?;
                        *id = Some(parameters.add(name, &shape, values)?);
                    }
                }
                ids.push(of_direction);
            }
        }
        let best = Path::best();
        let path = if best.computes(config.dims(0)) { best } else { Path::Reference };
        Ok(Self { config, path, between, ids, workshop: Mutex::default() })
    }

    /// The same stack on another path of the kernels. A path that this processor lacks, or that does not compute
    /// the cell, is an error.
    pub fn on_path(mut self, path: Path) -> Result<Self> {
        if !path.is_available() {
            return Err(sumun_kernels::Error::PathUnavailable { path: path.name() }.into());
        }
        let dims = self.config.dims(0);
        if !path.computes(dims) {
            return Err(Error::Invalid(format!(
                "the {path} path does not compute {}; use the reference path",
                match dims.options.beyond_plain(dims.cell) {
                    Some(option) => format!("{} with {option}", dims.cell.name()),
                    None => dims.cell.name().into(),
                }
            )));
        }
        self.path = path;
        self.workshop = Mutex::default();
        Ok(self)
    }

    /// What it is made of.
    pub fn config(&self) -> &RecurrentConfig {
        &self.config
    }

    /// The path that computes it.
    pub fn path(&self) -> Path {
        self.path
    }

    /// The answer and the final states, from given initial states or zeros.
    pub fn forward_with_state(
        &self,
        parameters: &Parameters,
        x: Rows,
        initial: Option<&RecurrentState>,
    ) -> Result<(Rows, RecurrentState)> {
        let (out, state, _) = self.run(parameters, x, initial, Keep::Nothing)?;
        Ok((out, state))
    }

    /// As [`forward_with_state`](Self::forward_with_state), keeping what backward needs.
    pub fn forward_train_with_state(
        &self,
        parameters: &Parameters,
        x: Rows,
        initial: Option<&RecurrentState>,
        noise: Noise,
    ) -> Result<(Rows, RecurrentState, RecurrentCache)> {
        let (out, state, layers) = self.run(parameters, x, initial, Keep::Training(noise))?;
        let last = state.clone();
        Ok((out, state, RecurrentCache { version: parameters.version(), noise, last, layers }))
    }

    /// Adds to the gradients of the weights and returns that of the input, where it is wanted, and that of the
    /// initial states. `d_state` is the gradient of the final states.
    pub fn backward_with_state(
        &self,
        parameters: &mut Parameters,
        cache: RecurrentCache,
        d_out: Rows,
        d_state: Option<&RecurrentState>,
        wanted: InputGradient,
    ) -> Result<(Option<Rows>, RecurrentState)> {
        if cache.version != parameters.version() {
            return Err(Error::Invalid(
                "the parameters changed between forward_train and backward; run forward_train again".into(),
            ));
        }
        let layout = cache.layers[0].x.layout.clone();
        self.check_d_out(&layout, &d_out)?;
        if let Some(state) = d_state {
            self.check_state("the gradient of the final states", &layout, state)?;
        }
        let prepared = self.prepared(parameters, Some(wanted))?;
        let (width, directions) = (self.config.state_features(), self.config.directions());
        let merges = directions == 2 && self.config.merge != Merge::Concat;
        let mut d_initial = self.state_of_zeros(&layout);
        let (mut d_rows, d_state) = match self.config.output {
            Output::Sequence => (Some(d_out), d_state.cloned()),
            Output::Last => {
                let mut d_last = d_out.into_data();
                if merges {
                    let last = self.last_rows(&layout, &cache.last);
                    d_last = merge::backward(self.config.merge, &last, &d_last, width);
                }
                let mut d_state = d_state.cloned().unwrap_or_else(|| self.state_of_zeros(&layout));
                self.add_to_last_state(&layout, &d_last, &mut d_state);
                (None, Some(d_state))
            }
        };
        for (layer, kept) in cache.layers.into_iter().enumerate().rev() {
            if let Some(dropout) = kept.dropout {
                let d = d_rows.take().expect("a layer below another has an output gradient");
                d_rows = self.between.backward(parameters, dropout, d, InputGradient::Needed)?;
            }
            if merges && let Some(d) = d_rows.take() {
                let d = merge::backward(self.config.merge, &kept.both.data, &d.data, width);
                d_rows = Some(Rows::new(d, directions * width, layout.clone())?);
            }
            let features = self.config.layer_input(layer);
            let mut d_x = (layer > 0 || wanted == InputGradient::Needed)
                .then(|| vec![0.0f32; layout.rows() * features]);
            for (direction, mut cache) in kept.kernels.into_iter().enumerate() {
                let index = layer * directions + direction;
                let map = (direction == 1).then(|| layout.reversed());
                let d_end = self.rank(&layout, d_state.as_ref(), index);
                let mut d_start = self.zeros(&layout);
                self.turn_gradients(parameters, index);
                let [input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias] =
                    parameters.gradients_of(self.ids[index]);
                let ran = prepared[index].backward_masked(
                    &kept.masks[direction].view(),
                    layout.steps(),
                    RowsRef { values: &kept.x.data, stride: features, map },
                    kept.initial[direction].as_ref().map(Ranked::view),
                    side(&kept.both, direction, width, map),
                    &mut cache,
                    d_rows.as_ref().map(|d| side(d, direction, width, map)),
                    d_end.as_ref().map(Ranked::view),
                    d_x.as_mut().map(|d_x| RowsMut { values: d_x, stride: features, map }),
                    direction == 1,
                    d_start.view_mut(),
                    Gradients {
                        input,
                        hidden,
                        bias_input,
                        bias_hidden,
                        projection,
                        peepholes,
                        norm_gain,
                        norm_bias,
                    },
                    None,
                );
                self.turn_gradients(parameters, index);
                ran?;
                self.unrank(&layout, &d_start, index, &mut d_initial);
                self.lock().caches.push(cache);
            }
            if let Some(d_x) = d_x.as_mut().filter(|_| self.config.input_dropout > 0.0) {
                let noise = noise_of(cache.noise, layer * directions);
                mask_input(d_x, features, &layout, self.config.input_dropout, noise);
            }
            d_rows = d_x.map(|d_x| Rows::new(d_x, features, layout.clone())).transpose()?;
        }
        // A sequence without steps passes its initial state on.
        if let Some(d_state) = &d_state {
            self.pass_by(&layout, d_state, &mut d_initial);
        }
        Ok((d_rows, d_initial))
    }

    /// All layers and directions.
    fn run(
        &self,
        parameters: &Parameters,
        x: Rows,
        initial: Option<&RecurrentState>,
        keep: Keep,
    ) -> Result<(Rows, RecurrentState, Vec<LayerCache>)> {
        let noise = match keep {
            Keep::Nothing | Keep::Insides => None,
            Keep::Training(noise) => Some(noise),
        };
        let keeps = !matches!(keep, Keep::Nothing);
        let layout = x.layout.clone();
        x.expect_shape("the input of a recurrent layer", layout.rows(), self.config.input)?;
        if let Some(state) = initial {
            self.check_state("the initial states", &layout, state)?;
        }
        let prepared = self.prepared(parameters, noise.map(|_| InputGradient::Skip))?;
        let (width, directions) = (self.config.state_features(), self.config.directions());
        let merges = directions == 2 && self.config.merge != Merge::Concat;
        let mut state = self.state_of_zeros(&layout);
        let mut kept = Vec::new();
        let (mut x, mut scratch) = (x, std::mem::take(&mut self.lock().scratch));
        for layer in 0..self.config.layers {
            let features = self.config.layer_input(layer);
            if let Some(noise) = noise.filter(|_| self.config.input_dropout > 0.0) {
                let noise = noise_of(noise, layer * directions);
                let mut data = x.into_data();
                mask_input(&mut data, features, &layout, self.config.input_dropout, noise);
                x = Rows::new(data, features, layout.clone())?;
            }
            let mut both = vec![0.0; layout.rows() * directions * width];
            let (mut kernels, mut starts, mut masks) = (Vec::new(), Vec::new(), Vec::new());
            for direction in 0..directions {
                let index = layer * directions + direction;
                let map = (direction == 1).then(|| layout.reversed());
                let start = self.rank(&layout, initial, index);
                let mut end = self.zeros(&layout);
                let mut kernel = keeps.then(|| self.lock().caches.pop().unwrap_or_default());
                let drawn = match noise {
                    Some(noise) => Drawn::new(&self.config, layer, &layout, noise_of(noise, index)),
                    None => Drawn::default(),
                };
                prepared[index].forward_masked(
                    &drawn.view(),
                    layout.steps(),
                    RowsRef { values: &x.data, stride: features, map },
                    start.as_ref().map(Ranked::view),
                    RowsMut {
                        values: both.get_mut(direction * width..).unwrap_or(&mut []),
                        stride: directions * width,
                        map,
                    },
                    end.view_mut(),
                    kernel.as_mut(),
                    &mut scratch,
                )?;
                self.unrank(&layout, &end, index, &mut state);
                kernels.extend(kernel);
                starts.push(start);
                masks.push(drawn);
            }
            let both = Rows::new(both, directions * width, layout.clone())?;
            let mut out = if merges {
                Rows::new(merge::forward(self.config.merge, &both.data, width), width, layout.clone())?
            } else {
                both.clone()
            };
            if keeps {
                let mut dropout = None;
                if let Some(noise) = noise
                    && layer + 1 < self.config.layers
                    && self.between.p() > 0.0
                {
                    let noise = noise.within(layer as u32);
                    let (dropped, mask) = self.between.forward_train(parameters, out, noise)?;
                    (out, dropout) = (dropped, Some(mask));
                }
                kept.push(LayerCache { x, both, kernels, initial: starts, masks, dropout });
            }
            x = out;
        }
        self.lock().scratch = scratch;
        if let Some(initial) = initial {
            self.pass_by(&layout, initial, &mut state);
        }
        if self.config.output == Output::Last {
            let mut last = self.last_rows(&layout, &state);
            if merges {
                last = merge::forward(self.config.merge, &last, width);
            }
            x = Rows::one_step(last, self.config.output_features(), layout.sequences())?;
        }
        Ok((x, state, kept))
    }

    /// The last layer's final hidden states, both directions side by side, one row a sequence.
    fn last_rows(&self, layout: &Layout, state: &RecurrentState) -> Vec<f32> {
        let (width, directions, n) =
            (self.config.state_features(), self.config.directions(), layout.sequences());
        let mut data = Vec::with_capacity(n * directions * width);
        for sequence in 0..n {
            for direction in 0..directions {
                let index = (self.config.layers - 1) * directions + direction;
                let from = (index * n + sequence) * width;
                data.extend_from_slice(&state.hidden[from..from + width]);
            }
        }
        data
    }

    /// Adds a gradient of [`last_rows`](Self::last_rows) to that of the final states.
    fn add_to_last_state(&self, layout: &Layout, d_last: &[f32], d_state: &mut RecurrentState) {
        let (width, directions, n) =
            (self.config.state_features(), self.config.directions(), layout.sequences());
        for (place, d) in d_last.chunks_exact(width).enumerate() {
            let (sequence, direction) = (place / directions, place % directions);
            let index = (self.config.layers - 1) * directions + direction;
            let to = (index * n + sequence) * width;
            d_state.hidden[to..to + width].iter_mut().zip(d).for_each(|(to, d)| *to += d);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Workshop> {
        // What a panicking call left behind is only memory to be used again.
        self.workshop.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The packed weights of these very parameters: for training, with or without the input's gradient, or not.
    fn prepared(&self, p: &Parameters, training: Option<InputGradient>) -> Result<Arc<Vec<Prepared>>> {
        let mut workshop = self.lock();
        workshop.input_gradient |= training == Some(InputGradient::Needed);
        let wanted = if workshop.input_gradient { InputGradient::Needed } else { InputGradient::Skip };
        let purpose = |layer: usize| match training {
            None => Purpose::Inference,
            Some(_) if layer > 0 => Purpose::Training(InputGradient::Needed),
            Some(_) => Purpose::Training(wanted),
        };
        let serves = |has: Purpose, layer: usize| {
            has == purpose(layer)
                || matches!((has, purpose(layer)), (Purpose::Training(_), Purpose::Inference))
                || has == Purpose::Training(InputGradient::Needed)
        };
        let directions = self.config.directions();
        let mut packed = workshop.prepared.take().filter(|(_, prepared)| {
            prepared.iter().enumerate().all(|(index, had)| serves(had.purpose(), index / directions))
        });
        if let Some((version, prepared)) = &mut packed
            && *version != p.version()
        {
            // Packed for other values: pack these in the same memory, unless somebody still reads the old.
            if let Some(prepared) = Arc::get_mut(prepared) {
                for (index, prepared) in prepared.iter_mut().enumerate() {
                    self.with_weights(p, index, |weights| prepared.update(weights))?;
                }
                *version = p.version();
            } else {
                packed = None;
            }
        }
        if let Some((version, prepared)) = packed {
            workshop.prepared = Some((version, prepared.clone()));
            return Ok(prepared);
        }
        let prepared = (0..self.ids.len())
            .map(|index| {
                let layer = index / directions;
                let dims = self.config.dims(layer);
                Ok(self.with_weights(p, index, |weights| {
                    Prepared::new(dims, weights, self.path, purpose(layer))
                })?)
            })
            .collect::<Result<Vec<_>>>()?;
        let prepared = Arc::new(prepared);
        workshop.prepared = Some((p.version(), prepared.clone()));
        Ok(prepared)
    }

    /// The widths of h and of c; 0 where the cell has no c.
    fn widths(&self) -> [usize; 2] {
        let has_cell = self.config.cell.cell().has_cell_state();
        [self.config.state_features(), if has_cell { self.config.hidden } else { 0 }]
    }

    fn state_of_zeros(&self, layout: &Layout) -> RecurrentState {
        let [hidden, cell] = self.widths().map(|w| vec![0.0; self.ids.len() * layout.sequences() * w]);
        RecurrentState { hidden, cell }
    }

    fn zeros(&self, layout: &Layout) -> Ranked {
        let [hidden, cell] = self.widths().map(|w| vec![0.0; layout.steps().sequences() * w]);
        Ranked { hidden, cell }
    }

    /// One layer's and direction's state of the sequences that have steps, by rank.
    fn rank(&self, layout: &Layout, state: Option<&RecurrentState>, index: usize) -> Option<Ranked> {
        let state = state?;
        let mut ranked = self.zeros(layout);
        let parts = [(&state.hidden, &mut ranked.hidden), (&state.cell, &mut ranked.cell)];
        for ((from, to), width) in parts.into_iter().zip(self.widths()) {
            for (rank, to) in to.chunks_exact_mut(width.max(1)).enumerate() {
                let at = (index * layout.sequences() + layout.order()[rank]) * width;
                to.copy_from_slice(&from[at..at + width]);
            }
        }
        Some(ranked)
    }

    /// Puts one layer's and direction's state back into the caller's order.
    fn unrank(&self, layout: &Layout, ranked: &Ranked, index: usize, state: &mut RecurrentState) {
        let parts = [(&ranked.hidden, &mut state.hidden), (&ranked.cell, &mut state.cell)];
        for ((from, to), width) in parts.into_iter().zip(self.widths()) {
            for (rank, from) in from.chunks_exact(width.max(1)).enumerate() {
                let at = (index * layout.sequences() + layout.order()[rank]) * width;
                to[at..at + width].copy_from_slice(from);
            }
        }
    }

    /// Copies the states of the sequences without steps, which no kernel sees.
    fn pass_by(&self, layout: &Layout, from: &RecurrentState, to: &mut RecurrentState) {
        let parts = [(&from.hidden, &mut to.hidden), (&from.cell, &mut to.cell)];
        for ((from, to), width) in parts.into_iter().zip(self.widths()) {
            for &sequence in &layout.order()[layout.steps().sequences()..] {
                for index in 0..self.ids.len() {
                    let at = (index * layout.sequences() + sequence) * width;
                    to[at..at + width].copy_from_slice(&from[at..at + width]);
                }
            }
        }
    }

    fn check_state(&self, what: &str, layout: &Layout, state: &RecurrentState) -> Result<()> {
        let [hidden, cell] = self.widths().map(|w| self.ids.len() * layout.sequences() * w);
        if state.hidden.len() == hidden && state.cell.len() == cell {
            return Ok(());
        }
        Err(Error::Shape {
            what: what.into(),
            expected: format!("[{}, {}, {}]", self.ids.len(), layout.sequences(), self.widths()[0]),
            found: format!("{} hidden and {} cell values", state.hidden.len(), state.cell.len()),
        })
    }

    fn check_d_out(&self, layout: &Layout, d_out: &Rows) -> Result<()> {
        let rows = match self.config.output {
            Output::Sequence => layout.rows(),
            Output::Last => layout.sequences(),
        };
        d_out.expect_shape("the output gradient of a recurrent layer", rows, self.config.output_features())
    }
}

/// One direction's columns of rows that hold both.
fn side<'a>(rows: &'a Rows, direction: usize, width: usize, map: Option<&'a RowMap>) -> RowsRef<'a> {
    let values = rows.data.get(direction * width..).unwrap_or(&[]);
    RowsRef { values, stride: rows.features, map }
}

impl Layer for Recurrent {
    type Cache = RecurrentCache;

    fn forward(&self, parameters: &Parameters, x: Rows) -> Result<Rows> {
        Ok(self.forward_with_state(parameters, x, None)?.0)
    }

    fn forward_train(
        &self,
        parameters: &Parameters,
        x: Rows,
        noise: Noise,
    ) -> Result<(Rows, RecurrentCache)> {
        let (out, _, cache) = self.forward_train_with_state(parameters, x, None, noise)?;
        Ok((out, cache))
    }

    fn backward(
        &self,
        parameters: &mut Parameters,
        cache: RecurrentCache,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        Ok(self.backward_with_state(parameters, cache, d_out, None, wanted)?.0)
    }
}
