//! The insides of a stack, step by step: gates, cell states and hidden states of every layer and direction.

use std::sync::Arc;

use sumun_kernels::Trace;

use super::cells::{Recurrent, RecurrentCache, RecurrentCells};
use super::config::RecurrentConfig;
use super::direction::Direction;
use crate::nn::stack::{At, Keep, in_callers_order};
use crate::state::RecurrentState;
use crate::{Error, Layout, Parameters, Result, Rows};

/// What one direction of one layer computed. Every row is at the caller's sequence and step, in the reverse
/// direction too: what precedes a step there is the step after it.
#[derive(Debug, Clone)]
pub struct LayerTrace {
    /// The layer, from 0.
    pub layer: usize,
    /// 0 forward, 1 reverse.
    pub direction: usize,
    /// h after each step, `[R, H]`, or `[R, P]` with a projection: before dropout and before directions are merged.
    pub hidden: Rows,
    /// The states beside h after each step, `[R, H]` for a cell that has one, as the c of an LSTM; None where it has none.
    pub cell: Option<Rows>,
    /// The activated gates by name, `[R, H]` each: i, f, g, o of an LSTM, r, z, n of a GRU (g and n are the
    /// candidates), none of an RNN. With `inverted_update` z is in that reading: what is taken of n.
    pub gates: Vec<(&'static str, Rows)>,
}

impl LayerTrace {
    /// A gate by its name.
    pub fn gate(&self, name: &str) -> Option<&Rows> {
        self.gates.iter().find(|(has, _)| *has == name).map(|(_, rows)| rows)
    }
}

impl Recurrent {
    /// What every layer and direction computes in a `forward`, layer by layer, forward direction
    /// first: the same numbers, so that `hidden` has the bits of the output. Nothing is dropped out.
    ///
    /// A call that does not ask pays nothing; one that asks keeps `[R, H]` numbers a gate.
    pub fn trace(
        &self,
        parameters: &Parameters,
        x: Rows,
        initial: Option<&RecurrentState>,
    ) -> Result<Vec<LayerTrace>> {
        // Allocators give memory back to the system when an array is dropped, and fetching it again page by page took
        // longer than copying (glibc). Having seen one block as large as a trace, they keep it for the next.
        let RecurrentConfig { cell, hidden, .. } = self.cells.config;
        let arrays = cell.gate_names().len() + 2;
        let floats = arrays * self.cells.ids.len() * x.layout.rows() * hidden;
        drop(std::hint::black_box(Vec::<f32>::with_capacity(floats)));
        let (_, _, layers) = self.run(parameters, x, initial, Keep::Insides)?;
        let mut traces = Vec::with_capacity(self.cells.ids.len());
        for (layer, kept) in layers.into_iter().enumerate() {
            for (direction, tape) in kept.tapes.into_iter().enumerate() {
                let (layout, both) = (&kept.x.layout, kept.both.as_deref());
                traces.push(self.cells.shown([layer, direction], layout, tape.trace, None, both)?);
            }
        }
        Ok(traces)
    }

    /// As [`trace`](Self::trace), of the training pass that filled `cache`: with the masks that it drew. What it did not
    /// keep for its checkpoints is computed again.
    pub fn trace_of(&self, parameters: &Parameters, cache: &RecurrentCache) -> Result<Vec<LayerTrace>> {
        if cache.version != parameters.version() {
            return Err(Error::Invalid(
                "the parameters changed after the training pass; trace it before they are updated".into(),
            ));
        }
        let cells = &self.cells;
        let (config, prepared, layers) = (&cells.config, cells.prepared(parameters, None)?, &cache.layers);
        let (directions, keep) = (config.directions(), Keep::Training(cache.noise));
        if layers.len() != config.layers || layers.iter().any(|layer| layer.tapes.len() != directions) {
            return Err(sumun_kernels::Error::Cache.into());
        }
        let (mut traces, mut buffers) = (Vec::with_capacity(cells.ids.len()), cells.take_buffers());
        for (layer, kept) in layers.iter().enumerate() {
            let layout = &kept.x.layout;
            for (direction, tape) in kept.tapes.iter().enumerate() {
                let index = layer * directions + direction;
                let at = At { layer, direction, index, layout, keep };
                let one = Direction { config, prepared: &prepared[index], at };
                let (trace, hidden) = one.trace(tape, &kept.x, &mut buffers)?;
                traces.push(cells.shown([layer, direction], layout, trace, hidden, kept.both.as_deref())?);
            }
        }
        cells.put_back(buffers);
        Ok(traces)
    }
}

impl RecurrentCells {
    /// A direction's insides in the caller's order. Hidden rows that are not given are columns of `both`.
    fn shown(
        &self,
        [layer, direction]: [usize; 2],
        layout: &Arc<Layout>,
        trace: Trace,
        hidden: Option<Vec<f32>>,
        both: Option<&Rows>,
    ) -> Result<LayerTrace> {
        let width = self.config.state_features();
        let hidden = match (hidden, both) {
            (Some(hidden), _) => in_callers_order(hidden, width, direction, layout)?,
            (None, Some(both)) => columns(both, direction, width)?,
            (None, None) => return Err(sumun_kernels::Error::Cache.into()),
        };
        let rows = |values, width| in_callers_order(values, width, direction, layout);
        let gates = trace.gates.into_iter().map(|(name, mut values)| {
            if name == "z" && self.config.inverted_update {
                values.iter_mut().for_each(|z| *z = 1.0 - *z);
            }
            Ok((name, rows(values, self.config.hidden)?))
        });
        Ok(LayerTrace {
            layer,
            direction,
            hidden,
            gates: gates.collect::<Result<_>>()?,
            cell: match self.config.cell.has_cell_state() {
                true => Some(rows(trace.cell, self.config.cell_features())?),
                false => None,
            },
        })
    }
}

/// One direction's columns of rows that hold all directions side by side.
fn columns(both: &Rows, direction: usize, width: usize) -> Result<Rows> {
    if both.features == width {
        return Ok(both.clone());
    }
    let mut values = Vec::with_capacity(both.layout.rows() * width);
    for row in both.data.chunks_exact(both.features) {
        values.extend_from_slice(&row[direction * width..][..width]);
    }
    Rows::new(values, width, both.layout.clone())
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use sumun_kernels::Path;
    use sumun_testing::{Random, assert_close};

    use super::*;
    use crate::nn::{CellKind, CellOptions, RecurrentConfig};
    use crate::noise::Noise;

    const NOISE: Noise = Noise { seed: 3, step: 5, layer: 2 };

    fn stack(config: &RecurrentConfig, path: Path) -> (Recurrent, Parameters) {
        let mut parameters = Parameters::new();
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let stack = Recurrent::new(config.clone(), &mut parameters, "", &mut rng).unwrap();
        (stack.on_path(path).unwrap(), parameters)
    }

    /// Two layers and directions of every cell, over more than one panel of every path.
    fn configs() -> Vec<RecurrentConfig> {
        let of = |cell| RecurrentConfig {
            layers: 2,
            bidirectional: true,
            dropout: 0.3,
            ..RecurrentConfig::new(cell, 3, 70)
        };
        let projection = CellOptions { projection: Some(21), ..CellOptions::default() };
        vec![
            of(CellKind::RnnTanh),
            of(CellKind::RnnRelu),
            of(CellKind::Lstm),
            RecurrentConfig { options: projection, ..of(CellKind::Lstm) },
            RecurrentConfig { bias: false, ..of(CellKind::Gru) },
            of(CellKind::GruResetBefore),
        ]
    }

    const LENGTHS: [usize; 5] = [3, 7, 0, 6, 1];

    fn input() -> Rows {
        let x: Vec<f32> = Random::new(5).normals(5 * 8 * 3, 1.0);
        Rows::pack(&x, 3, Layout::ragged(&LENGTHS, 8).unwrap()).unwrap()
    }

    fn initial(config: &RecurrentConfig) -> RecurrentState {
        let (mut random, sequences) = (Random::new(9), config.layers * config.directions() * LENGTHS.len());
        let has_cell = config.cell == CellKind::Lstm;
        RecurrentState {
            hidden: random.normals(sequences * config.state_features(), 0.5),
            cell: random.normals(if has_cell { sequences * config.hidden } else { 0 }, 0.5),
        }
    }

    fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    /// Calls `check(what, layer's weights, x, before [h, c], after [h, c], gates)` for every step of a trace.
    fn check_equations(config: &RecurrentConfig, p: &Parameters, traces: &[LayerTrace], what: &str) {
        let (hidden, width) = (config.hidden, config.state_features());
        let start = initial(config);
        let mut layer_input = input().unpack();
        let mut of_layer = Vec::new();
        for trace in traces {
            let suffix = ["", "_reverse"][trace.direction];
            let weight = |name: &str| -> &[f32] {
                p.find(&format!("{name}_l{}{suffix}", trace.layer)).map_or(&[], |id| p.value(id))
            };
            let features = layer_input.len() / (LENGTHS.len() * 8);
            // Row `row` of a product with a weight, and of its bias.
            let product = |name: &str, row: usize, of: &[f32]| -> f64 {
                let row = &weight(name)[row * of.len()..][..of.len()];
                row.iter().zip(of).map(|(&w, &v)| f64::from(w) * f64::from(v)).sum()
            };
            let bias = |name: &str, row: usize| f64::from(*weight(name).get(row).unwrap_or(&0.0));
            let h = trace.hidden.unpack();
            let c = trace.cell.as_ref().map(Rows::unpack);
            let gates: Vec<Vec<f32>> = trace.gates.iter().map(|(_, rows)| rows.unpack()).collect();
            let index = trace.layer * 2 + trace.direction;
            let (mut found, mut want) = (Vec::new(), Vec::new());
            for (n, &length) in LENGTHS.iter().enumerate() {
                for t in 0..length {
                    let before = match trace.direction {
                        0 => t.checked_sub(1),
                        _ => (t + 1 < length).then_some(t + 1),
                    };
                    let state = |rows: &[f32], first: &[f32], width: usize| -> Vec<f32> {
                        match before {
                            Some(t) => rows[(n * 8 + t) * width..][..width].to_vec(),
                            None => first[(index * LENGTHS.len() + n) * width..][..width].to_vec(),
                        }
                    };
                    let x = &layer_input[(n * 8 + t) * features..][..features];
                    let h_before = state(&h, &start.hidden, width);
                    let at = (n * 8 + t) * hidden;
                    let gate = |gate: usize, k: usize| f64::from(gates[gate][at + k]);
                    let from_x = |row| product("weight_ih", row, x) + bias("bias_ih", row);
                    let from_h = |row| product("weight_hh", row, &h_before) + bias("bias_hh", row);
                    let mut h_want = Vec::new();
                    match config.cell.spec().kind {
                        "rnn" | "rnn_relu" => {
                            assert!(gates.is_empty() && c.is_none());
                            h_want.extend((0..hidden).map(|k| match config.cell.spec().kind {
                                "rnn" => (from_x(k) + from_h(k)).tanh(),
                                _ => (from_x(k) + from_h(k)).max(0.0),
                            }));
                        }
                        "lstm" => {
                            let c = c.as_ref().unwrap();
                            let c_before = state(c, &start.cell, hidden);
                            let mut shown = Vec::new();
                            for k in 0..hidden {
                                let a = |gate| from_x(gate * hidden + k) + from_h(gate * hidden + k);
                                want.extend([sigmoid(a(0)), sigmoid(a(1)), a(2).tanh(), sigmoid(a(3))]);
                                found.extend((0..4).map(|g| gate(g, k) as f32));
                                want.push(gate(1, k) * f64::from(c_before[k]) + gate(0, k) * gate(2, k));
                                found.push(c[at + k]);
                                shown.push((gate(3, k) * f64::from(c[at + k]).tanh()) as f32);
                            }
                            match config.options.projection {
                                None => h_want.extend(shown.iter().map(|&v| f64::from(v))),
                                Some(_) => h_want.extend((0..width).map(|k| product("weight_hr", k, &shown))),
                            }
                        }
                        "gru" | "gru_reset_before" => {
                            let reset: Vec<f32> =
                                (0..hidden).map(|k| gates[0][at + k] * h_before[k]).collect();
                            for k in 0..hidden {
                                let a = |gate| from_x(gate * hidden + k) + from_h(gate * hidden + k);
                                let n = from_x(2 * hidden + k)
                                    + match config.cell.spec().kind {
                                        "gru" => gate(0, k) * from_h(2 * hidden + k),
                                        _ => {
                                            product("weight_hh", 2 * hidden + k, &reset)
                                                + bias("bias_hh", 2 * hidden + k)
                                        }
                                    };
                                want.extend([sigmoid(a(0)), sigmoid(a(1)), n.tanh()]);
                                found.extend((0..3).map(|g| gate(g, k) as f32));
                                let z = gate(1, k);
                                h_want.push((1.0 - z) * gate(2, k) + z * f64::from(h_before[k]));
                            }
                        }
                        other => panic!("no equations here for {other}"),
                    }
                    found.extend(&h[(n * 8 + t) * width..][..width]);
                    want.extend(h_want);
                }
            }
            let what = format!("{what}: layer {}, direction {}", trace.layer, trace.direction);
            assert_close(&what, &found, &want, 1e-6, 1e-6);
            of_layer.push(h);
            if let [forward, reverse] = &of_layer[..] {
                let rows = forward.chunks_exact(width).zip(reverse.chunks_exact(width));
                layer_input = rows.flat_map(|(f, r)| [f, r].concat()).collect();
                of_layer.clear();
            }
        }
    }

    /// What a trace shows satisfies the cell's equations and is what the call returns, bit for bit.
    #[test]
    fn traces_satisfy_the_equations_on_every_path() {
        let mut paths = 0;
        for config in configs() {
            for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
                let (stack, parameters) = stack(&config, path);
                let what = format!("{path}, {:?}, {:?}", config.cell, config.options.projection);
                let start = initial(&config);
                let traces = stack.trace(&parameters, input(), Some(&start)).unwrap();
                let places: Vec<_> = traces.iter().map(|t| (t.layer, t.direction)).collect();
                assert_eq!(places, [(0, 0), (0, 1), (1, 0), (1, 1)]);
                check_equations(&config, &parameters, &traces, &what);

                let (out, _) = stack.forward_with_state(&parameters, input(), Some(&start)).unwrap();
                for trace in &traces[2..] {
                    let own = columns(&out, trace.direction, config.state_features()).unwrap();
                    assert_eq!(own.data, trace.hidden.data, "{what}: direction {}", trace.direction);
                }
                paths += 1;
            }
        }
        assert!(paths >= 2 * configs().len(), "the reference path and at least one more ran");
    }

    /// A training pass is traced with its own masks, until its cache is consumed or the parameters change.
    #[test]
    fn training_passes_can_be_traced() {
        let config = RecurrentConfig { dropout: 0.5, bidirectional: false, ..configs()[2].clone() };
        let (stack, mut parameters) = stack(&config, Path::best());
        let plain = stack.trace(&parameters, input(), None).unwrap();
        let (out, _, cache) = stack.forward_train_with_state(&parameters, input(), None, NOISE).unwrap();
        let traces = stack.trace_of(&parameters, &cache).unwrap();
        assert_eq!(traces[0].hidden.data, plain[0].hidden.data, "below the first dropout nothing differs");
        assert_eq!(traces[0].gate("f").unwrap().data, plain[0].gate("f").unwrap().data);
        assert_eq!(traces[1].hidden.data, out.data);
        assert_ne!(traces[1].hidden.data, plain[1].hidden.data, "the second layer saw the dropout");
        assert!(traces[1].gate("z").is_none());

        // The backward pass is not disturbed by having been looked at.
        let d_out = Rows::new(vec![1.0; out.data.len()], out.features, out.layout.clone()).unwrap();
        let wanted = crate::nn::InputGradient::Needed;
        stack.backward_with_state(&mut parameters, cache, d_out.clone(), None, wanted).unwrap();
        let traced = parameters.gradients().to_vec();
        parameters.zero_gradients();
        let (_, _, cache) = stack.forward_train_with_state(&parameters, input(), None, NOISE).unwrap();
        stack.backward_with_state(&mut parameters, cache, d_out, None, wanted).unwrap();
        assert_eq!(parameters.gradients(), traced);

        let (_, _, cache) = stack.forward_train_with_state(&parameters, input(), None, NOISE).unwrap();
        parameters.values_mut()[0] += 1.0;
        let error = stack.trace_of(&parameters, &cache).unwrap_err().to_string();
        assert!(error.contains("the parameters changed"), "{error}");
    }
}
