//! One direction of one layer: forward, backward and its insides, whole or piece by piece.

use std::borrow::Cow;
use std::ops::Range;

use sumun_kernels::{
    Adjoint, Cache, Dims, Gradients, Pass, Prepared, RowMap, RowsMut, RowsRef, Scratch, Steps, Trace, Write,
};

use super::config::{Checkpoints, RecurrentConfig};
use super::masks::Drawn;
use super::pieces::{every, pieces};
use crate::nn::stack::{At, Columns, DirectionCall, Keep, Ranked, noise_of};
use crate::{Result, Rows};

/// One direction of one layer over the rows of a layout.
pub(super) struct Direction<'a> {
    pub(super) config: &'a RecurrentConfig,
    pub(super) prepared: &'a Prepared,
    pub(super) at: At<'a>,
}

/// Buffers that calls share: scratch, and caches to be filled again.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub(super) scratch: Scratch,
    pub(super) caches: Vec<Cache>,
}

/// What a direction keeps of a pass.
#[derive(Debug, Default)]
pub struct Tape {
    /// In training: piece by piece, from the first step on.
    pieces: Vec<Kept>,
    /// Where the insides are only to be shown: they are.
    pub(super) trace: Trace,
}

#[derive(Debug)]
struct Kept {
    steps: Range<usize>,
    /// The state before the first step; None for zeros.
    start: Option<Ranked>,
    /// The masks and the insides, unless they are computed again.
    insides: Option<(Drawn, Cache)>,
}

/// A piece as the kernels see it.
struct Piece<'a> {
    steps: Cow<'a, Steps>,
    rows: Range<usize>,
    map: Option<Cow<'a, RowMap>>,
}

impl Piece<'_> {
    /// Its rows of an array of all rows. Where a map says which they are, that map counts from the array's first row.
    fn read<'b>(&'b self, values: &'b [f32], stride: usize) -> RowsRef<'b> {
        let from = if self.map.is_some() { 0 } else { self.rows.start * stride };
        RowsRef { values: values.get(from..).unwrap_or(&[]), stride, map: self.map.as_deref() }
    }

    /// As [`read`](Self::read), to write.
    fn write<'b>(&'b self, values: &'b mut [f32], stride: usize) -> RowsMut<'b> {
        let from = if self.map.is_some() { 0 } else { self.rows.start * stride };
        RowsMut { values: values.get_mut(from..).unwrap_or(&mut []), stride, map: self.map.as_deref() }
    }
}

impl Direction<'_> {
    /// Runs all steps from the state `initial` and returns the final state and what was to be kept.
    pub(super) fn forward(
        &self,
        x: &Rows,
        initial: Option<Ranked>,
        mut out: Option<Columns<'_>>,
        buffers: &mut Buffers,
    ) -> Result<(Ranked, Tape)> {
        let dims = self.prepared.dims();
        let (steps, keep) = (self.at.layout.steps(), self.at.keep);
        let mut end = zeros(dims, steps.sequences());
        let (mut start, mut tape, mut unread) = (initial, Tape::default(), Vec::new());
        let shows = matches!(keep, Keep::Insides);
        if shows {
            tape.trace = Trace::with_capacity(dims, steps.rows())?;
        }
        for range in self.pieces() {
            let piece = self.piece(&range)?;
            let n = piece.steps.sequences();
            let drawn = self.draw(&range);
            let keeps =
                shows || matches!(keep, Keep::Training(_)) && self.config.checkpoints == Checkpoints::Off;
            let mut cache = keeps.then(|| buffers.caches.pop().unwrap_or_default());
            let to = match &mut out {
                Some(Columns { values, stride }) => piece.write(values, *stride),
                None => {
                    unread.resize(piece.steps.rows() * dims.output(), 0.0);
                    RowsMut::dense(&mut unread, dims.output())
                }
            };
            let x = piece.read(&x.data, x.features);
            let start_here = start.as_ref().map(|start| start.view(n));
            let pass = Pass::new(dims, &piece.steps, x, start_here, to, end.view_mut(n))?;
            self.prepared.forward(pass.masks(drawn.view())?, cache.as_mut(), &mut buffers.scratch)?;
            let next = steps.batch_sizes().get(range.end).map(|&n| end.first(n));
            match (keep, cache) {
                (Keep::Training(_), cache) => {
                    let insides = cache.map(|cache| (drawn, cache));
                    tape.pieces.push(Kept { steps: range, start, insides });
                }
                (_, Some(cache)) => {
                    self.prepared.trace_on(&cache, &mut tape.trace)?;
                    buffers.caches.push(cache);
                }
                _ => {}
            }
            start = next;
        }
        Ok((end, tape))
    }

    /// Runs all steps backwards and returns the gradient of the initial state.
    pub(super) fn backward(
        &self,
        tape: Tape,
        call: DirectionCall<'_>,
        into: Gradients<'_, f32>,
        buffers: &mut Buffers,
    ) -> Result<Ranked> {
        let DirectionCall { x, both, d_rows, d_end, mut d_x, mut by_step } = call;
        let dims = self.prepared.dims();
        let mut d_state = d_end.unwrap_or_else(|| zeros(dims, self.at.layout.steps().sequences()));
        let Gradients { input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias } =
            into;
        for mut kept in tape.pieces.into_iter().rev() {
            let piece = self.piece(&kept.steps)?;
            let (n, rows) = (piece.steps.sequences(), piece.rows.clone());
            let (again, drawn, mut cache) = match kept.insides.take() {
                Some((drawn, cache)) => (None, drawn, cache),
                None => {
                    let (out, drawn, cache) = self.again(&kept, &piece, x, buffers)?;
                    (Some(out), drawn, cache)
                }
            };
            let out = match (&again, both) {
                (Some(out), _) => RowsRef::dense(out, dims.output()),
                (None, Some(both)) => self.columns(&piece, both),
                (None, None) => return Err(sumun_kernels::Error::Cache.into()),
            };
            let d_last = d_state.first(n);
            let into = Gradients {
                input: &mut *input,
                hidden: &mut *hidden,
                bias_input: &mut *bias_input,
                bias_hidden: &mut *bias_hidden,
                projection: &mut *projection,
                peepholes: &mut *peepholes,
                norm_gain: &mut *norm_gain,
                norm_bias: &mut *norm_bias,
            };
            let x_rows = piece.read(&x.data, x.features);
            let start = kept.start.as_ref().map(|start| start.view(n));
            // The second direction adds to what the first has written.
            let write = if self.at.direction == 1 { Write::Add } else { Write::Overwrite };
            let adjoint = Adjoint::new(dims, &piece.steps, x_rows, start, out, d_state.view_mut(n), into)?
                .masks(drawn.view())?
                .d_out(d_rows.map(|d_rows| self.columns(&piece, d_rows)))?
                .d_last(d_last.view(n))?
                .d_x(d_x.as_deref_mut().map(|d_x| piece.write(d_x, x.features)), write)?
                .by_step(by_step.as_deref_mut().map(|by_step| by_step.rows_mut(rows)))?;
            self.prepared.backward(adjoint, &mut cache)?;
            buffers.caches.push(cache);
            let from = kept.steps.start;
            if from > 0 && self.config.truncate.is_some_and(|every| from.is_multiple_of(every)) {
                d_state.clear(n);
            }
        }
        Ok(d_state)
    }

    /// The insides of a training pass in the order of processing, and the hidden rows, `[R, H]`, where they were not
    /// kept.
    pub(super) fn trace(
        &self,
        tape: &Tape,
        x: &Rows,
        buffers: &mut Buffers,
    ) -> Result<(Trace, Option<Vec<f32>>)> {
        let mut trace = Trace::with_capacity(self.prepared.dims(), self.at.layout.rows())?;
        let mut hidden = None;
        for kept in &tape.pieces {
            if let Some((_, cache)) = &kept.insides {
                self.prepared.trace_on(cache, &mut trace)?;
                continue;
            }
            let (out, _, cache) = self.again(kept, &self.piece(&kept.steps)?, x, buffers)?;
            self.prepared.trace_on(&cache, &mut trace)?;
            buffers.caches.push(cache);
            hidden.get_or_insert_with(Vec::new).extend(out);
        }
        Ok((trace, hidden))
    }

    /// Runs a piece again: its hidden rows, masks and insides.
    fn again(
        &self,
        kept: &Kept,
        piece: &Piece,
        x: &Rows,
        buffers: &mut Buffers,
    ) -> Result<(Vec<f32>, Drawn, Cache)> {
        let dims = self.prepared.dims();
        let n = piece.steps.sequences();
        let (drawn, mut cache) = (self.draw(&kept.steps), buffers.caches.pop().unwrap_or_default());
        let mut out = vec![0.0; piece.steps.rows() * dims.output()];
        let mut end = zeros(dims, n);
        let (x, start) = (piece.read(&x.data, x.features), kept.start.as_ref().map(|start| start.view(n)));
        let to = RowsMut::dense(&mut out, dims.output());
        let pass = Pass::new(dims, &piece.steps, x, start, to, end.view_mut(n))?.masks(drawn.view())?;
        self.prepared.forward(pass, Some(&mut cache), &mut buffers.scratch)?;
        Ok((out, drawn, cache))
    }

    fn pieces(&self) -> Vec<Range<usize>> {
        let steps = self.at.layout.steps();
        match self.at.keep {
            Keep::Nothing => every(usize::MAX, steps.len()),
            Keep::Training(_) => pieces(self.config, steps.len()),
            Keep::Insides => {
                // What is copied out of a piece is best still in L2.
                const FLOATS: usize = 128 * 1024;
                let of_step = steps.sequences().max(1) * self.prepared.dims().gate_rows();
                every(FLOATS.div_ceil(of_step), steps.len())
            }
        }
    }

    fn piece(&self, range: &Range<usize>) -> Result<Piece<'_>> {
        let steps = self.at.layout.steps();
        let rows = steps.offset(range.start)..steps.offset(range.end);
        let map = self.at.map();
        if *range == (0..steps.len()) {
            return Ok(Piece { steps: Cow::Borrowed(steps), rows, map: map.map(Cow::Borrowed) });
        }
        let map = map.map(|map| map.part(rows.clone())).transpose()?.map(Cow::Owned);
        Ok(Piece { steps: Cow::Owned(steps.part(range.clone())?), rows, map })
    }

    fn draw(&self, steps: &Range<usize>) -> Drawn {
        let At { layer, index, layout, keep, .. } = self.at;
        match keep.noise() {
            Some(noise) => {
                let (path, noise) = (self.prepared.path(), noise_of(noise, index));
                Drawn::new(path, self.config, layer, layout, steps.clone(), noise)
            }
            None => Drawn::default(),
        }
    }

    /// This direction's columns of rows that hold all directions side by side.
    fn columns<'b>(&self, piece: &'b Piece, rows: &'b Rows) -> RowsRef<'b> {
        let from = self.at.direction * self.config.state_features();
        piece.read(rows.data.get(from..).unwrap_or(&[]), rows.features)
    }
}

/// So many states of zeros.
fn zeros(dims: Dims, count: usize) -> Ranked {
    Ranked::zeros([dims.output(), dims.cell_width()], count)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use sumun_kernels::{Options, Path, RecurrentDropout};
    use sumun_testing::Random;

    use super::*;
    use crate::nn::{
        CellKind, InputGradient, LayerTrace, Merge, Output, Recurrent, RecurrentState, StateGradients,
    };
    use crate::noise::Noise;
    use crate::{Fill, Layout, Parameters};

    const NOISE: Noise = Noise { seed: 3, step: 5, layer: 2 };

    /// Everything that a training pass gives.
    #[derive(Debug, PartialEq)]
    struct Found {
        out: Vec<f32>,
        last: RecurrentState,
        d_x: Vec<f32>,
        d_initial: RecurrentState,
        d_weights: Vec<f32>,
        by_step: Vec<Vec<f32>>,
        traces: Vec<Vec<f32>>,
    }

    fn train(config: &RecurrentConfig, path: Path, layout: &std::sync::Arc<Layout>) -> Found {
        let mut parameters = Parameters::new();
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let stack = Recurrent::new(config.clone(), &mut parameters, "", &mut rng).unwrap();
        let stack = stack.on_path(path).unwrap();
        let mut random = Random::new(5);
        let states = config.layers * config.directions() * layout.sequences();
        let cells = states * config.cell_features();
        let mut state = || RecurrentState {
            hidden: random.normals(states * config.state_features(), 0.5),
            cell: random.normals(cells, 0.5),
        };
        let (initial, d_last) = (state(), state());
        let x = Rows::new(random.normals(layout.rows() * config.input, 1.0), config.input, layout.clone());
        let forward = stack.forward_train_with_state(&parameters, x.unwrap(), Some(&initial), NOISE);
        let (out, last, cache) = forward.unwrap();
        let traces = stack.trace_of(&parameters, &cache).unwrap();
        let d_out = random.normals(out.data.len(), 1.0);
        let d_out = Rows::new(d_out, out.features, out.layout.clone()).unwrap();
        let wanted = InputGradient::Needed;
        let (d_x, d_initial, by_step) =
            stack.backward_by_step(&mut parameters, cache, d_out, Some(&d_last), wanted).unwrap();
        let of_trace = |LayerTrace { hidden, cell, gates, .. }: LayerTrace| {
            let gates = gates.into_iter().map(|(_, rows)| rows);
            [hidden].into_iter().chain(cell).chain(gates).map(Rows::into_data)
        };
        let of_step = |StateGradients { hidden, cell, .. }: StateGradients| {
            [hidden].into_iter().chain(cell).map(Rows::into_data)
        };
        Found {
            out: out.into_data(),
            last,
            d_x: d_x.unwrap().into_data(),
            d_initial,
            d_weights: parameters.gradients().to_vec(),
            by_step: by_step.into_iter().flat_map(of_step).collect(),
            traces: traces.into_iter().flat_map(of_trace).collect(),
        }
    }

    /// Every cell on its fused paths and the reference path, and every mask and merge.
    fn configs() -> Vec<RecurrentConfig> {
        let of = |cell| RecurrentConfig {
            layers: 2,
            bidirectional: true,
            dropout: 0.3,
            ..RecurrentConfig::new(cell, 3, 21)
        };
        let one_way = |cell| RecurrentConfig { bidirectional: false, ..of(cell) };
        let with = |options| RecurrentConfig { options, ..of(CellKind::Lstm) };
        let plain = Options::default();
        let lstm = CellKind::Lstm;
        vec![
            of(CellKind::RnnTanh),
            RecurrentConfig { output: Output::Last, ..one_way(CellKind::RnnRelu) },
            of(lstm),
            RecurrentConfig { output: Output::Last, ..of(lstm) },
            RecurrentConfig { input_dropout: 0.2, ..one_way(lstm) },
            with(Options { projection: Some(5), ..plain }),
            RecurrentConfig { bias: false, ..of(CellKind::Gru) },
            RecurrentConfig { merge: Merge::Mul, ..of(CellKind::Gru) },
            RecurrentConfig { merge: Merge::Sum, output: Output::Last, ..of(CellKind::GruResetBefore) },
            RecurrentConfig {
                recurrent_dropout: 0.3,
                input_dropout: 0.2,
                ..with(Options {
                    zoneout_hidden: 0.3,
                    zoneout_cell: 0.2,
                    peepholes: true,
                    layer_norm: Some(1e-5),
                    recurrent_dropout: RecurrentDropout::PerGate,
                    ..plain
                })
            },
            RecurrentConfig {
                options: Options { zoneout_hidden: 0.3, ..plain },
                merge: Merge::Average,
                ..of(CellKind::Gru)
            },
        ]
    }

    fn layouts() -> Vec<std::sync::Arc<Layout>> {
        let mask: Vec<bool> = (0..5 * 9).map(|cell| cell % 9 != 4 && !(18..27).contains(&cell)).collect();
        vec![
            Layout::ragged(&[3, 17, 0, 16, 1, 8], 18).unwrap(),
            Layout::masked(&mask, 5, 9, Fill::Repeat).unwrap(),
            Layout::full(2, 6).unwrap(),
        ]
    }

    fn paths(config: &RecurrentConfig) -> Vec<Path> {
        let serves = |path: &Path| path.is_available() && path.computes(config.dims(0));
        Path::ALL.into_iter().filter(serves).collect()
    }

    /// Outputs, states, every gradient and every trace have the same bits whatever is kept.
    #[test]
    fn checkpoints_never_change_a_bit() {
        for config in configs() {
            for path in paths(&config) {
                for layout in layouts() {
                    for truncate in [None, Some(5)] {
                        let config = RecurrentConfig { truncate, ..config.clone() };
                        let want = train(&config, path, &layout);
                        for checkpoints in [
                            Checkpoints::Sqrt,
                            Checkpoints::Every(1),
                            Checkpoints::Every(7),
                            Checkpoints::Every(99),
                        ] {
                            let config = RecurrentConfig { checkpoints, ..config.clone() };
                            let found = train(&config, path, &layout);
                            assert_eq!(found, want, "{path}, {config:?}");
                        }
                    }
                }
            }
        }
    }

    /// Truncated backpropagation is chunks of k steps with the state carried, each trained by itself: the last chunk
    /// first gives the same bits.
    #[test]
    fn truncated_gradients_are_those_of_chunks() {
        const K: usize = 5;
        let (steps, n) = (17, 3);
        for &cell in CellKind::ALL {
            let config = RecurrentConfig { layers: 2, ..RecurrentConfig::new(cell, 3, 21) };
            let path = Path::best();
            let truncated = RecurrentConfig { truncate: Some(K), ..config.clone() };
            let whole = train(&truncated, path, &Layout::full(n, steps).unwrap());
            let never = RecurrentConfig { truncate: Some(steps), ..config.clone() };
            let untruncated = train(&config, path, &Layout::full(n, steps).unwrap());
            assert_eq!(train(&never, path, &Layout::full(n, steps).unwrap()), untruncated);
            assert_ne!(whole.d_weights, untruncated.d_weights);

            // The numbers that `train` draws, once more.
            let mut parameters = Parameters::new();
            let stack =
                Recurrent::new(config.clone(), &mut parameters, "", &mut ChaCha8Rng::seed_from_u64(11));
            let (stack, mut random) = (stack.unwrap(), Random::new(5));
            let cells = 2 * n * config.cell_features();
            let mut state = || RecurrentState {
                hidden: random.normals(2 * n * 21, 0.5),
                cell: random.normals(cells, 0.5),
            };
            let (initial, d_last) = (state(), state());
            let (x, d_out) = (random.normals(steps * n * 3, 1.0), random.normals(steps * n * 21, 1.0));
            let chunk = |values: &[f32], width: usize, from: usize, to: usize| {
                let values = values[from * n * width..to * n * width].to_vec();
                Rows::new(values, width, Layout::full(n, to - from).unwrap()).unwrap()
            };
            let mut carried = initial;
            let mut chunks = Vec::new();
            for from in (0..steps).step_by(K) {
                let to = steps.min(from + K);
                let x = chunk(&x, 3, from, to);
                let (_, end, cache) =
                    stack.forward_train_with_state(&parameters, x, Some(&carried), NOISE).unwrap();
                chunks.push((from, to, cache));
                carried = end;
            }
            assert_eq!(carried, whole.last);
            let (mut d_x, mut d_state) = (Vec::new(), Some(&d_last));
            for (from, to, cache) in chunks.into_iter().rev() {
                let d_out = chunk(&d_out, 21, from, to);
                let wanted = InputGradient::Needed;
                let (d, d_initial) =
                    stack.backward_with_state(&mut parameters, cache, d_out, d_state.take(), wanted).unwrap();
                d_x.splice(0..0, d.unwrap().into_data());
                if from == 0 {
                    assert_eq!(d_initial, whole.d_initial, "{cell:?}");
                }
            }
            assert_eq!(d_x, whole.d_x, "{cell:?}");
            assert_eq!(parameters.gradients(), whole.d_weights, "{cell:?}");
        }
    }
}
