//! Recurrent stacks over packed rows: any cell, layers, directions, dropout between layers.

use std::sync::{Arc, Mutex, PoisonError};

use rand::Rng;
use serde::{Deserialize, Serialize};
use sumun_kernels::{
    Cache, Cell, Dims, Gradients, Nonlinearity, Path, Prepared, Purpose, Reset, RowsMut, RowsRef, Scratch,
    State, StateMut, Weights,
};

use super::dropout::DropoutCache;
use super::{Dropout, Initializer, InputGradient, Layer};
use crate::noise::Noise;
use crate::parameters::Id;
use crate::{Error, Layout, Parameters, Result, Rows};

/// Which recurrent cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellKind {
    /// h' = tanh(W x + b + U h).
    RnnTanh,
    /// h' = max(0, W x + b + U h).
    RnnRelu,
    /// Long short-term memory, blocks i, f, g, o.
    Lstm,
    /// Gated recurrent unit, blocks r, z, n; the reset gate after the product, as PyTorch and Keras have it.
    Gru,
    /// Gated recurrent unit with the reset gate before the product (Cho et al. 2014).
    GruResetBefore,
}

impl CellKind {
    /// The kernels' name of the cell.
    pub fn cell(self) -> Cell {
        match self {
            Self::RnnTanh => Cell::Rnn(Nonlinearity::Tanh),
            Self::RnnRelu => Cell::Rnn(Nonlinearity::Relu),
            Self::Lstm => Cell::Lstm,
            Self::Gru => Cell::Gru(Reset::After),
            Self::GruResetBefore => Cell::Gru(Reset::Before),
        }
    }
}

/// What a recurrent stack answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// The last layer's hidden state at every step, `[R, D·H]`.
    #[default]
    Sequence,
    /// The last layer's final hidden state, one row a sequence, `[N, D·H]`: what feeds a head that answers once.
    Last,
}

/// What a recurrent stack is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecurrentConfig {
    /// Which cell.
    pub cell: CellKind,
    /// I: features of an input row.
    pub input: usize,
    /// H: hidden units of each direction.
    pub hidden: usize,
    /// L: layers on top of each other.
    pub layers: usize,
    /// Whether there are biases, two as PyTorch has them.
    pub bias: bool,
    /// Whether a second direction reads each sequence from its own last step to its first. Both directions'
    /// answers lie side by side.
    pub bidirectional: bool,
    /// Between layers: the probability of losing an element of what a layer passes up; none after the last.
    pub dropout: f32,
    /// What the stack answers.
    pub output: Output,
}

impl RecurrentConfig {
    /// One layer in one direction, with biases, answering at every step.
    pub fn new(cell: CellKind, input: usize, hidden: usize) -> Self {
        Self {
            cell,
            input,
            hidden,
            layers: 1,
            bias: true,
            bidirectional: false,
            dropout: 0.0,
            output: Output::Sequence,
        }
    }

    /// D: 2 where bidirectional, else 1.
    pub fn directions(&self) -> usize {
        1 + usize::from(self.bidirectional)
    }

    /// Features of the answer: D·H.
    pub fn output_features(&self) -> usize {
        self.directions() * self.hidden
    }

    fn layer_input(&self, layer: usize) -> usize {
        if layer == 0 { self.input } else { self.output_features() }
    }

    /// What the kernels run for one direction of a layer.
    fn dims(&self, layer: usize) -> Dims {
        Dims::new(self.cell.cell(), self.layer_input(layer), self.hidden)
    }
}

/// The states of a stack, in the caller's batch order: sorting by length never shows.
#[derive(Debug, Clone, PartialEq)]
pub struct RecurrentState {
    /// h, `[L·D, N, H]`; index layer·D + direction.
    pub hidden: Vec<f32>,
    /// c, as h; empty where the cell has none.
    pub cell: Vec<f32>,
}

/// Handles of one layer and direction.
#[derive(Debug, Clone, Copy)]
struct Ids {
    weight_ih: Id,
    weight_hh: Id,
    biases: Option<(Id, Id)>,
}

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
    layers: Vec<LayerCache>,
}

#[derive(Debug)]
struct LayerCache {
    x: Rows,
    out: Rows,
    /// For each direction.
    kernels: Vec<Cache>,
    /// For each direction, the initial state by rank.
    initial: Vec<Option<Ranked>>,
    /// The mask on what this layer passed up.
    dropout: Option<DropoutCache>,
}

/// A state of the sequences that have steps, in rank order.
#[derive(Debug, Clone)]
struct Ranked {
    hidden: Vec<f32>,
    cell: Vec<f32>,
}

impl Ranked {
    fn zeros(len: usize, has_cell: bool) -> Self {
        Self { hidden: vec![0.0; len], cell: vec![0.0; if has_cell { len } else { 0 }] }
    }

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
        let RecurrentConfig { input, hidden, layers, .. } = config;
        if input == 0 || hidden == 0 || layers == 0 {
            return Err(Error::Invalid(format!(
                "a recurrent stack of {layers} layers from {input} features to {hidden} units; each must be at least 1"
            )));
        }
        let between = Dropout::new(config.dropout)?;
        let init = Initializer::pytorch(hidden);
        let gate_rows = config.cell.cell().gates() * hidden;
        let mut ids = Vec::new();
        for layer in 0..layers {
            for direction in 0..config.directions() {
                let suffix = format!("l{layer}{}", if direction == 1 { "_reverse" } else { "" });
                let mut add = |name: &str, shape: &[usize]| -> Result<Id> {
                    let dot = if prefix.is_empty() { "" } else { "." };
                    parameters.add(format!("{prefix}{dot}{name}_{suffix}"), shape, init.values(shape, rng)?)
                };
                ids.push(Ids {
                    weight_ih: add("weight_ih", &[gate_rows, config.layer_input(layer)])?,
                    weight_hh: add("weight_hh", &[gate_rows, hidden])?,
                    biases: match config.bias {
                        true => Some((add("bias_ih", &[gate_rows])?, add("bias_hh", &[gate_rows])?)),
                        false => None,
                    },
                });
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
        if !path.computes(self.config.dims(0)) {
            let cell = self.config.cell.cell().name();
            return Err(sumun_kernels::Error::Unsupported { path: path.name(), cell }.into());
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
        let (out, state, _) = self.run(parameters, x, initial, None)?;
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
        let (out, state, layers) = self.run(parameters, x, initial, Some(noise))?;
        Ok((out, state, RecurrentCache { version: parameters.version(), layers }))
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
        let (hidden, directions) = (self.config.hidden, self.config.directions());
        let mut d_initial = self.state_of_zeros(&layout);
        let (mut d_rows, mut d_last) = match self.config.output {
            Output::Sequence => (Some(d_out), None),
            Output::Last => (None, Some(d_out)),
        };
        for (layer, kept) in cache.layers.into_iter().enumerate().rev() {
            if let Some(dropout) = kept.dropout {
                let d = d_rows.take().expect("a layer below another has an output gradient");
                d_rows = self.between.backward(parameters, dropout, d, InputGradient::Needed)?;
            }
            let features = self.config.layer_input(layer);
            let mut d_x = (layer > 0 || wanted == InputGradient::Needed)
                .then(|| vec![0.0f32; layout.rows() * features]);
            for (direction, mut cache) in kept.kernels.into_iter().enumerate() {
                let index = layer * directions + direction;
                let map = (direction == 1).then(|| layout.reversed());
                let mut d_end = self.rank(&layout, d_state, index);
                if let Some(d_last) = &d_last {
                    let d_end = d_end.get_or_insert_with(|| self.zeros(&layout));
                    for (rank, to) in d_end.hidden.chunks_exact_mut(hidden).enumerate() {
                        let from = layout.order()[rank] * directions * hidden + direction * hidden;
                        let from = &d_last.data[from..from + hidden];
                        to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
                    }
                }
                let mut d_start = self.zeros(&layout);
                let d_out = d_rows.as_ref().map(|d| RowsRef {
                    values: d.data.get(direction * hidden..).unwrap_or(&[]),
                    stride: directions * hidden,
                    map,
                });
                let d_x = d_x.as_mut().map(|d_x| RowsMut { values: d_x, stride: features, map });
                let ids = self.ids[index];
                let out = side(&kept.out, direction, hidden, map);
                let weights = |w: &mut [f32], u: &mut [f32], bi: &mut [f32], bh: &mut [f32]| {
                    prepared[index].backward(
                        layout.steps(),
                        RowsRef { values: &kept.x.data, stride: features, map },
                        kept.initial[direction].as_ref().map(Ranked::view),
                        out,
                        &mut cache,
                        d_out,
                        d_end.as_ref().map(Ranked::view),
                        d_x,
                        direction == 1,
                        d_start.view_mut(),
                        Gradients {
                            input: w,
                            hidden: u,
                            bias_input: bi,
                            bias_hidden: bh,
                            ..Gradients::default()
                        },
                    )
                };
                match ids.biases {
                    Some((bias_ih, bias_hh)) => {
                        let all = [ids.weight_ih, ids.weight_hh, bias_ih, bias_hh];
                        let (_, [w, u, bi, bh]) = parameters.values_and_gradients(all);
                        weights(w, u, bi, bh)?;
                    }
                    None => {
                        let (_, [w, u]) = parameters.values_and_gradients([ids.weight_ih, ids.weight_hh]);
                        weights(w, u, &mut [], &mut [])?;
                    }
                }
                self.unrank(&layout, &d_start, index, &mut d_initial);
                self.lock().caches.push(cache);
            }
            d_last = None;
            d_rows = d_x.map(|d_x| Rows::new(d_x, features, layout.clone())).transpose()?;
        }
        // A sequence without steps passes its initial state on.
        if let Some(d_state) = d_state {
            self.pass_by(&layout, d_state, &mut d_initial);
        }
        Ok((d_rows, d_initial))
    }

    /// All layers and directions, keeping what backward needs where there is `noise`.
    fn run(
        &self,
        parameters: &Parameters,
        x: Rows,
        initial: Option<&RecurrentState>,
        noise: Option<Noise>,
    ) -> Result<(Rows, RecurrentState, Vec<LayerCache>)> {
        let layout = x.layout.clone();
        x.expect_shape("the input of a recurrent layer", layout.rows(), self.config.input)?;
        if let Some(state) = initial {
            self.check_state("the initial states", &layout, state)?;
        }
        let prepared = self.prepared(parameters, noise.map(|_| InputGradient::Skip))?;
        let (hidden, directions) = (self.config.hidden, self.config.directions());
        let mut state = self.state_of_zeros(&layout);
        let mut kept = Vec::new();
        let (mut x, mut scratch) = (x, std::mem::take(&mut self.lock().scratch));
        for layer in 0..self.config.layers {
            let features = self.config.layer_input(layer);
            let mut out = vec![0.0; layout.rows() * directions * hidden];
            let mut cache = LayerCache {
                x: x.clone(),
                out: x.clone(),
                kernels: Vec::new(),
                initial: Vec::new(),
                dropout: None,
            };
            for direction in 0..directions {
                let index = layer * directions + direction;
                let map = (direction == 1).then(|| layout.reversed());
                let start = self.rank(&layout, initial, index);
                let mut end = self.zeros(&layout);
                let mut kernel = noise.map(|_| self.lock().caches.pop().unwrap_or_default());
                prepared[index].forward(
                    layout.steps(),
                    RowsRef { values: &x.data, stride: features, map },
                    start.as_ref().map(Ranked::view),
                    RowsMut {
                        values: out.get_mut(direction * hidden..).unwrap_or(&mut []),
                        stride: directions * hidden,
                        map,
                    },
                    end.view_mut(),
                    kernel.as_mut(),
                    &mut scratch,
                )?;
                self.unrank(&layout, &end, index, &mut state);
                cache.kernels.extend(kernel);
                cache.initial.push(start);
            }
            let out = Rows::new(out, directions * hidden, layout.clone())?;
            x = out.clone();
            cache.out = out;
            if let Some(noise) = noise {
                if layer + 1 < self.config.layers && self.between.p() > 0.0 {
                    let (dropped, mask) =
                        self.between.forward_train(parameters, x, noise.within(layer as u32))?;
                    (x, cache.dropout) = (dropped, Some(mask));
                }
                kept.push(cache);
            }
        }
        self.lock().scratch = scratch;
        if let Some(initial) = initial {
            self.pass_by(&layout, initial, &mut state);
        }
        if self.config.output == Output::Last {
            x = self.last_rows(&layout, &state)?;
        }
        Ok((x, state, kept))
    }

    /// The last layer's final hidden states side by side, one row a sequence.
    fn last_rows(&self, layout: &Layout, state: &RecurrentState) -> Result<Rows> {
        let (hidden, directions, n) = (self.config.hidden, self.config.directions(), layout.sequences());
        let mut data = Vec::with_capacity(n * directions * hidden);
        for sequence in 0..n {
            for direction in 0..directions {
                let index = (self.config.layers - 1) * directions + direction;
                let from = (index * n + sequence) * hidden;
                data.extend_from_slice(&state.hidden[from..from + hidden]);
            }
        }
        Rows::one_step(data, directions * hidden, n)
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
                for (prepared, ids) in prepared.iter_mut().zip(&self.ids) {
                    prepared.update(&weights(p, ids))?;
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
        let prepared = self
            .ids
            .iter()
            .enumerate()
            .map(|(index, ids)| {
                let layer = index / directions;
                Ok(Prepared::new(self.config.dims(layer), &weights(p, ids), self.path, purpose(layer))?)
            })
            .collect::<Result<Vec<_>>>()?;
        let prepared = Arc::new(prepared);
        workshop.prepared = Some((p.version(), prepared.clone()));
        Ok(prepared)
    }

    fn has_cell(&self) -> bool {
        self.config.cell.cell().has_cell_state()
    }

    fn state_of_zeros(&self, layout: &Layout) -> RecurrentState {
        let len = self.ids.len() * layout.sequences() * self.config.hidden;
        RecurrentState { hidden: vec![0.0; len], cell: vec![0.0; if self.has_cell() { len } else { 0 }] }
    }

    fn zeros(&self, layout: &Layout) -> Ranked {
        Ranked::zeros(layout.steps().sequences() * self.config.hidden, self.has_cell())
    }

    /// One layer's and direction's state of the sequences that have steps, by rank.
    fn rank(&self, layout: &Layout, state: Option<&RecurrentState>, index: usize) -> Option<Ranked> {
        let state = state?;
        let hidden = self.config.hidden;
        let mut ranked = self.zeros(layout);
        for (from, to) in [(&state.hidden, &mut ranked.hidden), (&state.cell, &mut ranked.cell)] {
            for (rank, to) in to.chunks_exact_mut(hidden).enumerate() {
                let at = (index * layout.sequences() + layout.order()[rank]) * hidden;
                to.copy_from_slice(&from[at..at + hidden]);
            }
        }
        Some(ranked)
    }

    /// Puts one layer's and direction's state back into the caller's order.
    fn unrank(&self, layout: &Layout, ranked: &Ranked, index: usize, state: &mut RecurrentState) {
        let hidden = self.config.hidden;
        for (from, to) in [(&ranked.hidden, &mut state.hidden), (&ranked.cell, &mut state.cell)] {
            for (rank, from) in from.chunks_exact(hidden).enumerate() {
                let at = (index * layout.sequences() + layout.order()[rank]) * hidden;
                to[at..at + hidden].copy_from_slice(from);
            }
        }
    }

    /// Copies the states of the sequences without steps, which no kernel sees.
    fn pass_by(&self, layout: &Layout, from: &RecurrentState, to: &mut RecurrentState) {
        let hidden = self.config.hidden;
        for &sequence in &layout.order()[layout.steps().sequences()..] {
            for (from, to) in [(&from.hidden, &mut to.hidden), (&from.cell, &mut to.cell)] {
                for index in 0..from.len() / (layout.sequences() * hidden) {
                    let at = (index * layout.sequences() + sequence) * hidden;
                    to[at..at + hidden].copy_from_slice(&from[at..at + hidden]);
                }
            }
        }
    }

    fn check_state(&self, what: &str, layout: &Layout, state: &RecurrentState) -> Result<()> {
        let expected = self.ids.len() * layout.sequences() * self.config.hidden;
        let cells = if self.has_cell() { expected } else { 0 };
        if state.hidden.len() == expected && state.cell.len() == cells {
            return Ok(());
        }
        Err(Error::Shape {
            what: what.into(),
            expected: format!("[{}, {}, {}]", self.ids.len(), layout.sequences(), self.config.hidden),
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

fn weights<'a>(p: &'a Parameters, ids: &Ids) -> Weights<'a, f32> {
    let (bias_input, bias_hidden) = match ids.biases {
        Some((input, hidden)) => (p.value(input), p.value(hidden)),
        None => (&[][..], &[][..]),
    };
    Weights {
        input: p.value(ids.weight_ih),
        hidden: p.value(ids.weight_hh),
        bias_input,
        bias_hidden,
        ..Weights::default()
    }
}

/// One direction's columns of rows that hold both.
fn side<'a>(
    rows: &'a Rows,
    direction: usize,
    hidden: usize,
    map: Option<&'a sumun_kernels::RowMap>,
) -> RowsRef<'a> {
    let values = rows.data.get(direction * hidden..).unwrap_or(&[]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::check_gradients;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    const NOISE: Noise = Noise { seed: 3, step: 5, layer: 2 };

    fn stack(config: &RecurrentConfig) -> (Recurrent, Parameters) {
        let mut parameters = Parameters::new();
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let stack = Recurrent::new(config.clone(), &mut parameters, "rnn", &mut rng).unwrap();
        (stack, parameters)
    }

    fn configs() -> Vec<RecurrentConfig> {
        let mut configs = Vec::new();
        for cell in
            [CellKind::RnnTanh, CellKind::RnnRelu, CellKind::Lstm, CellKind::Gru, CellKind::GruResetBefore]
        {
            for (layers, bidirectional) in [(1, false), (1, true), (2, false), (2, true)] {
                for output in [Output::Sequence, Output::Last] {
                    let dropout = if layers == 2 { 0.25 } else { 0.0 };
                    let bias = layers == 1 || bidirectional;
                    let config = RecurrentConfig::new(cell, 3, 5);
                    configs.push(RecurrentConfig { layers, bidirectional, output, dropout, bias, ..config });
                }
            }
        }
        configs
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        // The kink of relu spoils difference quotients in f32; its gradients are checked in f64 by the kernels.
        for config in configs().into_iter().filter(|c| c.cell != CellKind::RnnRelu) {
            let (stack, parameters) = stack(&config);
            let layout = Layout::ragged(&[4, 0, 2, 4], 5).unwrap();
            check_gradients(&stack, parameters, 3, layout, NOISE);
        }
    }

    #[test]
    fn padding_and_company_never_change_a_bit() {
        for config in configs().into_iter().filter(|c| c.dropout == 0.0) {
            let (stack, parameters) = stack(&config);
            let lengths = [3, 0, 7, 1, 7, 2, 5];
            let (n, t) = (lengths.len(), 9);
            let x: Vec<f32> = (0..n * t * 3).map(|k| ((k * 29) % 83) as f32 / 41.0 - 1.0).collect();
            let together = Rows::pack(&x, 3, Layout::ragged(&lengths, t).unwrap())
                .map(|x| stack.forward(&parameters, x));
            let together = together.unwrap().unwrap().unpack();
            let width = together.len() / n;
            for (i, &length) in lengths.iter().enumerate() {
                let own = &x[i * t * 3..(i * t + length) * 3];
                let alone = Rows::pack(own, 3, Layout::full(1, length)).unwrap();
                let alone = stack.forward(&parameters, alone).unwrap().unpack();
                let mine = &together[i * width..(i + 1) * width];
                assert_eq!(&mine[..alone.len()], alone, "{config:?}, sequence {i}");
                assert!(mine[alone.len()..].iter().all(|&v| v == 0.0));
            }
        }
    }

    #[test]
    fn a_sequence_in_chunks_with_its_state_carried_has_the_same_bits() {
        for config in configs().into_iter().filter(|c| !c.bidirectional && c.output == Output::Sequence) {
            let (stack, parameters) = stack(&config);
            let x: Vec<f32> = (0..10 * 3).map(|k| ((k * 17) % 31) as f32 / 15.0 - 1.0).collect();
            let part = |from: usize, to: usize| {
                Rows::pack(&x[from * 3..to * 3], 3, Layout::full(1, to - from)).unwrap()
            };
            let (whole, end) = stack.forward_with_state(&parameters, part(0, 10), None).unwrap();
            let (first, middle) = stack.forward_with_state(&parameters, part(0, 4), None).unwrap();
            let (second, last) = stack.forward_with_state(&parameters, part(4, 10), Some(&middle)).unwrap();
            assert_eq!([first.unpack(), second.unpack()].concat(), whole.unpack(), "{config:?}");
            assert_eq!(last, end, "{config:?}");
        }
    }

    #[test]
    fn changed_parameters_are_never_met_with_stale_weights() {
        let (stack, mut parameters) = stack(&RecurrentConfig::new(CellKind::Lstm, 3, 5));
        let x = || Rows::pack(&[0.5; 12], 3, Layout::full(2, 2)).unwrap();
        let before = stack.forward(&parameters, x()).unwrap();
        let (out, cache) = stack.forward_train(&parameters, x(), NOISE).unwrap();
        assert_eq!(before.data, out.data);
        parameters.values_mut().iter_mut().for_each(|v| *v *= 2.0);
        assert_ne!(before.data, stack.forward(&parameters, x()).unwrap().data);
        let error = stack.backward(&mut parameters, cache, out, InputGradient::Skip).unwrap_err();
        assert!(error.to_string().contains("run forward_train again"), "{error}");
    }

    #[test]
    fn the_path_is_the_fastest_that_computes_the_cell() {
        for (cell, expected) in [(CellKind::Lstm, Path::best()), (CellKind::GruResetBefore, Path::Reference)]
        {
            let (stack, _) = stack(&RecurrentConfig::new(cell, 3, 5));
            assert_eq!(stack.path(), expected);
        }
        let (stack, _) = stack(&RecurrentConfig::new(CellKind::GruResetBefore, 3, 5));
        let error = stack.on_path(Path::Portable).unwrap_err().to_string();
        assert_eq!(error, "the portable path does not compute GRU (reset before); use the reference path");
    }
}
