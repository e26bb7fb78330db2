//! The insides of a layer as arrays.

use ndarray::Array;

use super::axes::Axes;

/// What one direction of one layer computed, step by step. Every array has the axes of the layer's output
/// (`[N, T, ·]`, `[T, N, ·]` or `[T, ·]`), each step in its place in both directions: what precedes a step in the
/// reverse direction is the step after it. Steps that are not valid show zeros.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrayTrace<D: Axes> {
    /// The layer, from 0.
    pub layer: usize,
    /// 0 forward, 1 reverse.
    pub direction: usize,
    /// h after each step, H wide, or P with a projection: before dropout and before directions are merged.
    pub hidden: Array<f32, D>,
    /// c after each step, H wide; None where the cell has none.
    pub cell: Option<Array<f32, D>>,
    /// The activated gates by name, H wide: i, f, g, o of an LSTM, r, z, n of a GRU (g and n are the candidates), none
    /// of an RNN.
    pub gates: Vec<(&'static str, Array<f32, D>)>,
}

/// How much the loss changes with the state after each step, in one direction of one layer. Every array has the axes of those of
/// an [`ArrayTrace`] do.
///
/// h and c count as two variables, as they do in an initial state: `hidden` is dL/dh through the layer's output at that
/// step and through everything that the direction computes afterwards, `cell` is dL/dc through what it computes
/// afterwards. What c does to h of its own step is not in it: that is dL/dh ⊙ o ⊙ (1 − tanh²(c)) for a plain LSTM.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrayStateGradients<D: Axes> {
    /// The layer, from 0.
    pub layer: usize,
    /// 0 forward, 1 reverse.
    pub direction: usize,
    /// dL/dh after each step, H wide, or P with a projection.
    pub hidden: Array<f32, D>,
    /// dL/dc after each step, H wide; None where the cell has none.
    pub cell: Option<Array<f32, D>>,
    /// ‖dL/dh‖₂ over all sequences, 0, 1, 2 … steps before the last that the direction reads of each: how the gradient
    /// vanishes or explodes with the distance in time.
    pub norms: Vec<f64>,
}

impl<D: Axes> ArrayTrace<D> {
    /// A gate by its name.
    pub fn gate(&self, name: &str) -> Option<&Array<f32, D>> {
        self.gates.iter().find(|(has, _)| *has == name).map(|(_, values)| values)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, Array3, ArrayView, ArrayView1, Axis, Dimension, Ix3, Slice, concatenate};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use crate::nn::{Gru, GruConfig, Lstm, LstmConfig, Valid};
    use crate::noise::Noise;
    use crate::{Fill, Parameters};

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(7)
    }

    fn matrix(parameters: &Parameters, name: &str) -> Array2<f32> {
        let id = parameters.find(name).unwrap();
        let (shape, values) = (&parameters.entry(id).shape, parameters.value(id));
        Array2::from_shape_vec((shape[0], *shape.get(1).unwrap_or(&1)), values.to_vec()).unwrap()
    }

    fn vector(parameters: &Parameters, name: &str) -> Array1<f32> {
        matrix(parameters, name).remove_axis(Axis(1))
    }

    /// A range of one axis.
    fn range<'a, D: Dimension>(
        a: &'a ndarray::Array<f32, D>,
        axis: usize,
        range: std::ops::Range<usize>,
    ) -> ArrayView<'a, f32, D> {
        a.slice_axis(Axis(axis), Slice::from(range))
    }

    fn sigmoid(x: f32) -> f32 {
        1.0 / (1.0 + (-x).exp())
    }

    fn furthest(a: ArrayView1<f32>, b: ArrayView1<f32>) -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    /// Gradients by step of arrays: at the last step that of the output alone, at masked steps zeros, in processing order
    /// with `go_backwards`, and before all steps that of the initial state.
    #[test]
    fn gradients_by_step_lie_as_the_output_does() {
        let noise = Noise { seed: 1, step: 0, layer: 0 };
        for (time_major, go_backwards) in [(false, false), (true, false), (false, true)] {
            let config = GruConfig::new(2, 5).time_major(time_major).go_backwards(go_backwards);
            let mut gru = Gru::new(config.checkpoints(crate::nn::Checkpoints::Sqrt), &mut rng()).unwrap();
            let n = usize::from(time_major);
            let mut x = Array3::from_shape_fn((3, 6, 2), |(n, t, f)| ((n * 12 + t * 2 + f) as f32).sin());
            if time_major {
                x.swap_axes(0, 1);
            }
            let lengths = Valid::Lengths(&[6, 2, 0]);
            let (output, _, cache) = gru.forward_train(x.view(), lengths, None, noise).unwrap();
            let d = output.mapv(|v| v + 0.5);
            let (d_x, d_initial, by_step) = gru.backward_by_step(cache, d.view(), None).unwrap();
            let first = gru.parameters().gradients().to_vec();
            gru.parameters_mut().zero_gradients();
            let (_, _, cache) = gru.forward_train(x.view(), lengths, None, noise).unwrap();
            assert_eq!(gru.backward(cache, d.view(), None).unwrap(), (d_x, d_initial));
            assert_eq!(gru.parameters().gradients(), first);

            let [found] = &by_step[..] else { panic!("one layer and direction") };
            assert_eq!((found.layer, found.direction, found.norms.len()), (0, 0, 6));
            assert_eq!(found.hidden.dim(), output.dim());
            let at = |a: &Array3<f32>, sequence: usize, step: usize| {
                a.index_axis(Axis(n), sequence).index_axis(Axis(0), step).to_vec()
            };
            let steps = |sequence: usize, length: usize| {
                // Turned round, a short sequence's steps come last.
                if go_backwards { (6 - length..6).collect::<Vec<_>>() } else { (0..length).collect() }
                    .into_iter()
                    .map(move |step| (sequence, step))
            };
            for (sequence, length) in [(0, 6), (1, 2)] {
                let (sequence, last) = steps(sequence, length).next_back().unwrap();
                assert_eq!(at(&found.hidden, sequence, last), at(&d, sequence, last));
                let (sequence, first) = steps(sequence, length).next().unwrap();
                assert_ne!(at(&found.hidden, sequence, first), at(&d, sequence, first));
            }
            assert!(found.hidden.index_axis(Axis(n), 2).iter().all(|&v| v == 0.0));
        }
    }

    /// LSTM(1 → 4) on 20 values of a sine: every step by hand from `weight_ih_l0` and `weight_hh_l0`; the gates i, f
    /// and o over the 20 steps come from the trace.
    #[test]
    fn lesson_001_1_lstm_step_by_hand_on_a_sine() {
        let lstm = Lstm::new(LstmConfig::new(1, 4), &mut rng()).unwrap();
        let x = Array2::from_shape_fn((20, 1), |(t, _)| (std::f32::consts::TAU * t as f32 / 20.0).sin());
        let (output, last) = lstm.forward(x.view(), Valid::All, None).unwrap();
        let traces = lstm.trace(x.view(), Valid::All, None).unwrap();
        assert_eq!(traces.len(), 1);
        let trace = &traces[0];
        let p = lstm.parameters();
        let (w, u) = (matrix(p, "weight_ih_l0"), matrix(p, "weight_hh_l0"));
        let b = vector(p, "bias_ih_l0") + vector(p, "bias_hh_l0");
        let (mut h, mut c) = (Array1::zeros(4), Array1::zeros(4));
        for (t, x) in x.outer_iter().enumerate() {
            let a = w.dot(&x) + u.dot(&h) + &b;
            let i = range(&a, 0, 0..4).mapv(sigmoid);
            let f = range(&a, 0, 4..8).mapv(sigmoid);
            let g = range(&a, 0, 8..12).mapv(f32::tanh);
            let o = range(&a, 0, 12..16).mapv(sigmoid);
            c = &f * &c + &i * &g;
            h = &o * &c.mapv(f32::tanh);
            for (name, gate) in [("i", i), ("f", f), ("g", g), ("o", o)] {
                let found = trace.gate(name).unwrap();
                assert_eq!(found.dim(), (20, 4));
                assert!(furthest(found.row(t), gate.view()) < 1e-6, "{name} at step {t}");
            }
            assert!(furthest(trace.cell.as_ref().unwrap().row(t), c.view()) < 1e-6, "c at step {t}");
            assert!(furthest(output.row(t), h.view()) < 1e-6, "h at step {t}");
        }
        assert_eq!(trace.hidden, output);
        assert_eq!(trace.cell.as_ref().unwrap().row(19), last.cell.row(0));
    }

    /// A GRU by hand with W_z, W_r, W_h of shape (hidden + input, hidden) over [h, x]: PyTorch's equation is the
    /// layer's within 1e-5. With the lesson's own equation, in which z says how much is new, it is another network.
    #[test]
    fn lesson_001_5_gru_by_hand() {
        let (input, hidden, steps) = (3, 5, 10);
        let gru = Gru::new(GruConfig::new(input, hidden), &mut rng()).unwrap();
        let x = Array2::from_shape_fn((steps, input), |(t, k)| ((t * 7 + k * 3) as f32).sin());
        let (output, _) = gru.forward(x.view(), Valid::All, None).unwrap();
        let p = gru.parameters();
        let (w, u) = (matrix(p, "weight_ih_l0"), matrix(p, "weight_hh_l0"));
        let (b_i, b_h) = (vector(p, "bias_ih_l0"), vector(p, "bias_hh_l0"));
        let of = |block: usize| block * hidden..(block + 1) * hidden;
        let over_hx = |block: usize| {
            concatenate(Axis(0), &[range(&u, 0, of(block)).t(), range(&w, 0, of(block)).t()]).unwrap()
        };
        let (w_r, w_z, w_h) = (over_hx(0), over_hx(1), over_hx(2));
        assert_eq!(w_h.dim(), (hidden + input, hidden));
        let part = |b: &Array1<f32>, block: usize| range(b, 0, of(block)).to_owned();
        let run = |lessons_own: bool| -> Array2<f32> {
            let mut h: Array1<f32> = Array1::zeros(hidden);
            let mut out = Array2::zeros((steps, hidden));
            for (t, x) in x.outer_iter().enumerate() {
                let hx = concatenate(Axis(0), &[h.view(), x]).unwrap();
                let r = (hx.dot(&w_r) + part(&b_i, 0) + part(&b_h, 0)).mapv(sigmoid);
                let z = (hx.dot(&w_z) + part(&b_i, 1) + part(&b_h, 1)).mapv(sigmoid);
                h = if lessons_own {
                    let reset = concatenate(Axis(0), &[(&r * &h).view(), x]).unwrap();
                    let n = (reset.dot(&w_h) + part(&b_i, 2) + part(&b_h, 2)).mapv(f32::tanh);
                    (1.0 - &z) * &h + &z * &n
                } else {
                    let from_h = h.dot(&range(&w_h, 0, 0..hidden)) + part(&b_h, 2);
                    let n = (x.dot(&range(&w_h, 0, hidden..hidden + input)) + part(&b_i, 2) + &r * &from_h)
                        .mapv(f32::tanh);
                    (1.0 - &z) * &n + &z * &h
                };
                out.row_mut(t).assign(&h);
            }
            out
        };
        let distance = |a: Array2<f32>| (a - &output).iter().fold(0.0f32, |m, v| m.max(v.abs()));
        assert!(distance(run(false)) < 1e-5);
        assert!(distance(run(true)) > 1e-2, "the lesson's own equation is another one");
    }

    fn numbers(shape: (usize, usize, usize)) -> Array3<f32> {
        let mut k = 0;
        Array3::from_shape_simple_fn(shape, || {
            k += 1;
            ((k * 31) % 97) as f32 / 48.0 - 1.0
        })
    }

    /// A trace has the axes of the output, and what it calls h is what the output shows.
    #[test]
    fn traces_lie_as_the_output_does() {
        let plain = LstmConfig::new(3, 5).layers(2);
        let x = numbers((4, 6, 3));
        let lengths = [6, 2, 0, 5];
        for (config, time_major) in [
            (plain.clone(), false),
            (plain.clone().bidirectional(true), false),
            (plain.clone().go_backwards(true), false),
            (plain.clone().time_major(true), true),
        ] {
            let lstm = Lstm::new(config.clone(), &mut rng()).unwrap();
            let mut x = x.clone();
            if time_major {
                x.swap_axes(0, 1);
            }
            let valid = Valid::Lengths(&lengths);
            let (output, _) = lstm.forward(x.view(), valid, None).unwrap();
            let traces = lstm.trace::<Ix3>(x.view(), valid, None).unwrap();
            let directions = lstm.config().directions();
            assert_eq!(traces.len(), 2 * directions);
            for trace in &traces[directions..] {
                let own = range(&output, 2, trace.direction * 5..(trace.direction + 1) * 5);
                assert_eq!(trace.hidden, own, "{config:?}");
                assert_eq!(trace.gate("o").unwrap().dim(), own.dim());
            }
            let noise = Noise { seed: 1, step: 0, layer: 0 };
            let (_, _, cache) = lstm.forward_train(x.view(), valid, None, noise).unwrap();
            assert_eq!(lstm.trace_of(&cache).unwrap(), traces, "{config:?}");
        }
        // Where the output repeats, the trace shows zeros.
        let lstm = Lstm::new(plain.masked_steps(Fill::Repeat), &mut rng()).unwrap();
        let (output, _) = lstm.forward(x.view(), Valid::Lengths(&lengths), None).unwrap();
        let traces = lstm.trace(x.view(), Valid::Lengths(&lengths), None).unwrap();
        let hidden = &traces[1].hidden;
        for k in 0..5 {
            assert_eq!((output[[1, 5, k]], hidden[[1, 5, k]]), (hidden[[1, 1, k]], 0.0));
        }
    }
}
