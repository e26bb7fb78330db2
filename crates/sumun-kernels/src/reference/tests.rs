//! Tests of every reference cell through the two entry points: gradients against central differences, the
//! invariants of packed rows, the agreement of the two GRUs where they must agree, and refused arguments.

use sumun_testing::{Random, assert_close, central_differences};

use super::{Cache, backward, forward};
use crate::{
    Adjoint, Cell, Dims, Error, Gradients, Masks, Options, Pass, RecurrentDropout, RowsMut, RowsRef, State,
    StateMut, Steps, WeightKind, Weights, Write,
};

const CELLS: &[Cell] = Cell::ALL;

/// The names of a problem's values, in the order of [`Problem::values`].
const PARTS: [&str; 7] =
    ["x", "initial.hidden", "initial.cell", "weight_ih", "weight_hh", "bias_ih", "bias_hh"];

/// One recurrence with everything that goes into it and random gradients for what comes out.
struct Problem {
    dims: Dims,
    steps: Steps,
    /// Whether the initial state is passed; if not, its two parts are empty.
    initial: bool,
    /// See [`PARTS`].
    values: [Vec<f64>; 7],
    d_out: Vec<f64>,
    /// The gradient of the final hidden and cell state.
    d_last: Option<[Vec<f64>; 2]>,
}

/// What a forward run gives: hidden rows, the final hidden and cell state, the cache.
struct Results {
    out: Vec<f64>,
    last: [Vec<f64>; 2],
    cache: Cache<f64>,
}

/// A draw as states: a normaliser, of a cell that has one, is above 0.
fn as_states(dims: Dims, mut values: Vec<f64>) -> Vec<f64> {
    let states = dims.cell.spec().states;
    for (k, value) in values.iter_mut().enumerate() {
        if states[k / dims.hidden % states.len()] == "n" {
            *value = value.abs() + 0.5;
        }
    }
    values
}

impl Problem {
    fn new(cell: Cell, batch_sizes: &[usize], biases: [bool; 2], initial: bool, d_last: bool) -> Self {
        let dims = Dims::new(cell, 3, 4);
        let steps = Steps::new(batch_sizes.to_vec()).expect("the batch sizes of a case never grow");
        let mut random = Random::new(5);
        let hidden = steps.sequences() * dims.hidden;
        let cell = steps.sequences() * dims.cell_width();
        let sizes = [
            steps.rows() * dims.input,
            if initial { hidden } else { 0 },
            if initial { cell } else { 0 },
            WeightKind::WeightIh.numbers(dims),
            WeightKind::WeightHh.numbers(dims),
            if biases[0] { WeightKind::BiasIh.numbers(dims) } else { 0 },
            if biases[1] { WeightKind::BiasHh.numbers(dims) } else { 0 },
        ];
        let mut values = sizes.map(|size| random.normals(size, 0.7));
        values[2] = as_states(dims, std::mem::take(&mut values[2]));
        let d_out = random.normals(steps.rows() * dims.hidden, 1.0);
        let d_last = d_last.then(|| [hidden, cell].map(|size| random.normals(size, 1.0)));
        Self { dims, steps, initial, values, d_out, d_last }
    }

    /// The numbers of the hidden state, and of the states beside it.
    fn state_sizes(&self) -> [usize; 2] {
        [self.dims.hidden, self.dims.cell_width()].map(|width| self.steps.sequences() * width)
    }

    fn weights<'a>(&self, values: &'a [Vec<f64>; 7]) -> Weights<'a, f64> {
        let [.., input, hidden, bias_input, bias_hidden] = values;
        Weights { input, hidden, bias_input, bias_hidden, ..Weights::default() }
    }

    fn initial<'a>(&self, values: &'a [Vec<f64>; 7]) -> Option<State<'a, f64>> {
        self.initial.then_some(State { hidden: &values[1], cell: &values[2] })
    }

    fn forward(&self, values: &[Vec<f64>; 7]) -> Results {
        let mut out = vec![f64::NAN; self.steps.rows() * self.dims.hidden];
        let [mut hidden, mut cell] = self.state_sizes().map(|size| vec![f64::NAN; size]);
        let mut cache = Cache::default();
        let last = StateMut { hidden: &mut hidden, cell: &mut cell };
        let (x, to) =
            (RowsRef::dense(&values[0], self.dims.input), RowsMut::dense(&mut out, self.dims.hidden));
        let pass = Pass::new(self.dims, &self.steps, x, self.initial(values), to, last);
        forward(&self.weights(values), pass.expect("the shapes of a case fit"), Some(&mut cache))
            .expect("the shapes of a case fit");
        Results { out, last: [hidden, cell], cache }
    }

    /// The number whose gradient [`backward`] gives.
    fn loss(&self, values: &[Vec<f64>; 7]) -> f64 {
        let results = self.forward(values);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let of_last = self.d_last.iter().flatten().zip(&results.last).map(|(d, last)| dot(d, last));
        dot(&self.d_out, &results.out) + of_last.sum::<f64>()
    }

    /// The gradient of every part. What is to be overwritten starts as NaN, what is to be added to as `added`.
    fn backward(&self, added: f64, want_d_x: bool) -> [Vec<f64>; 7] {
        let results = self.forward(&self.values);
        let [mut d_hidden, mut d_cell] = self.state_sizes().map(|size| vec![f64::NAN; size]);
        let [x, .., w, u, b, c] = self.values.each_ref().map(Vec::len);
        let into = [w, u, b, c].map(|size| vec![added; size]);
        let [mut input, mut hidden, mut bias_input, mut bias_hidden] = into;
        let mut d_x = vec![f64::NAN; x];
        let Dims { input: inputs, hidden: units, .. } = self.dims;
        let (rows, out) = (RowsRef::dense(&self.values[0], inputs), RowsRef::dense(&results.out, units));
        let d_initial = StateMut { hidden: &mut d_hidden, cell: &mut d_cell };
        let into = Gradients {
            input: &mut input,
            hidden: &mut hidden,
            bias_input: &mut bias_input,
            bias_hidden: &mut bias_hidden,
            ..Gradients::default()
        };
        let initial = self.initial(&self.values);
        let d_last = self.d_last.as_ref().map(|[hidden, cell]| State { hidden, cell });
        let d_rows = want_d_x.then_some(RowsMut::dense(&mut d_x, inputs));
        let adjoint = Adjoint::new(self.dims, &self.steps, rows, initial, out, d_initial, into)
            .and_then(|adjoint| adjoint.d_out(RowsRef::dense(&self.d_out, units)))
            .and_then(|adjoint| adjoint.d_last(d_last))
            .and_then(|adjoint| adjoint.d_x(d_rows, Write::Overwrite))
            .expect("the shapes of a case fit");
        backward(&self.weights(&self.values), adjoint, &results.cache).expect("the shapes of a case fit");
        [d_x, d_hidden, d_cell, input, hidden, bias_input, bias_hidden]
    }
}

/// Holds every gradient of a problem against central differences.
fn check(what: &str, problem: &Problem) {
    let found = problem.backward(0.0, true);
    for (part, name) in PARTS.iter().enumerate() {
        let at = &problem.values[part];
        let want = central_differences(at, 1e-5, |point| {
            let mut values = problem.values.clone();
            values[part] = point.to_vec();
            problem.loss(&values)
        });
        if at.is_empty() {
            // Nothing to move; the gradient of an initial state that is absent has a test of its own.
            continue;
        }
        assert!(want.iter().any(|v| v.abs() > 1e-3), "{what}: {name}: a gradient of zeros proves nothing");
        assert_close(&format!("{what}: gradient of {name}"), &found[part], &want, 1e-8, 1e-7);
    }

    // Weight gradients are added to; without d_x the other gradients are the same bits.
    let added = problem.backward(2.0, false);
    for part in 1..7 {
        let plus = if part < 3 { 0.0 } else { 2.0 };
        let want: Vec<f64> = found[part].iter().map(|v| v + plus).collect();
        assert_close(&format!("{what}: {} added to", PARTS[part]), &added[part], &want, 1e-12, 1e-12);
    }
    assert!(added[0].iter().all(|v| v.is_nan()), "{what}: d_x is not wanted");
}

#[test]
fn gradients_agree_with_central_differences() {
    let shapes: [&[usize]; 4] = [&[1], &[2, 2, 2], &[3, 2, 2, 1, 1], &[4, 1]];
    let options = [
        ([true, true], true, true),
        ([false, false], false, true),
        ([true, false], true, false),
        ([false, true], false, false),
    ];
    for &cell in CELLS {
        for batch_sizes in shapes {
            for (biases, initial, d_last) in options {
                if batch_sizes.len() == 1 && !initial {
                    continue; // One step from a state of zeros gives weight_hh no gradient.
                }
                let what = format!(
                    "{}, batch sizes {batch_sizes:?}, biases {biases:?}, initial {initial}, d_last {d_last}",
                    cell.name()
                );
                check(&what, &Problem::new(cell, batch_sizes, biases, initial, d_last));
            }
        }
    }
}

#[test]
fn no_initial_state_is_a_state_of_zeros() {
    for &cell in CELLS {
        let absent = Problem::new(cell, &[3, 2, 1], [true, true], false, true);
        let mut given = Problem::new(cell, &[3, 2, 1], [true, true], false, true);
        given.initial = true;
        let sizes = given.state_sizes();
        [given.values[1], given.values[2]] = sizes.map(|size| vec![0.0; size]);
        assert_eq!(absent.backward(0.0, true), given.backward(0.0, true), "{}", cell.name());
        assert_eq!(absent.forward(&absent.values).out, given.forward(&given.values).out, "{}", cell.name());
    }
}

/// A sequence in a ragged batch gives the same bits as in a batch of one, cut in two with its state carried.
#[test]
fn a_sequence_is_the_same_alone_and_in_chunks() {
    let batch_sizes = [4, 3, 3, 1, 1];
    for &cell in CELLS {
        let whole = Problem::new(cell, &batch_sizes, [true, true], true, true);
        let results = whole.forward(&whole.values);
        let Dims { input, hidden, .. } = whole.dims;
        for n in 0..4 {
            let length = batch_sizes.iter().filter(|&&size| size > n).count();
            let mut state = [1, 2].map(|part| {
                let values = &whole.values[part];
                super::run::row(values, n, values.len() / 4).to_vec()
            });
            let cut = length / 2;
            for chunk in [0..cut, cut..length].into_iter().filter(|chunk| !chunk.is_empty()) {
                let rows = chunk.clone().map(|t| whole.steps.offset(t) + n);
                let mut part = Problem::new(cell, &vec![1; chunk.len()], [true, true], true, true);
                part.values = whole.values.clone();
                part.values[0] =
                    rows.flat_map(|r| super::run::row(&whole.values[0], r, input).to_vec()).collect();
                [part.values[1], part.values[2]] = state;
                let found = part.forward(&part.values);
                for (at, t) in chunk.enumerate() {
                    let want = super::run::row(&results.out, whole.steps.offset(t) + n, hidden);
                    assert_eq!(
                        super::run::row(&found.out, at, hidden),
                        want,
                        "{}: rank {n} step {t}",
                        cell.name()
                    );
                }
                state = found.last;
            }
            for (found, want) in state.iter().zip(&results.last) {
                let want = super::run::row(want, n, want.len() / 4);
                assert_eq!(found, want, "{}: final state of rank {n}", cell.name());
            }
        }
    }
}

/// Where W_hn is diagonal, r ⊙ (W_hn h) = W_hn (r ⊙ h): the two GRUs agree once b_hn stands outside the reset.
#[test]
fn the_two_resets_agree_for_a_diagonal_recurrent_product() {
    let mut before = Problem::new(Cell::GruResetBefore, &[3, 2, 2, 1], [true, true], true, true);
    let units = before.dims.hidden;
    for (at, value) in before.values[4][2 * units * units..].iter_mut().enumerate() {
        if at / units != at % units {
            *value = 0.0;
        }
    }
    let mut after = Problem::new(Cell::Gru, &[3, 2, 2, 1], [true, true], true, true);
    after.values = before.values.clone();
    for k in 2 * units..3 * units {
        after.values[5][k] += after.values[6][k];
        after.values[6][k] = 0.0;
    }
    let found = before.forward(&before.values);
    let want = after.forward(&after.values);
    assert_close("out", &found.out, &want.out, 1e-14, 1e-14);
    assert_close("d_x", &before.backward(0.0, true)[0], &after.backward(0.0, true)[0], 1e-13, 1e-13);
}

#[test]
fn relu_cuts_below_zero_and_keeps_nan() {
    let dims = Dims::new(Cell::RnnRelu, 1, 1);
    let weights =
        Weights { input: &[1.0f32], hidden: &[1.0], bias_input: &[], bias_hidden: &[], ..Weights::default() };
    let (mut out, mut last) = ([0.0f32; 3], [0.0f32; 3]);
    let last = StateMut { hidden: &mut last, cell: &mut [] };
    let x = [-1.0, 2.0, f32::NAN];
    let (x, to) = (RowsRef::dense(&x, 1), RowsMut::dense(&mut out, 1));
    let steps = Steps::uniform(1, 3).unwrap();
    let pass = Pass::new(dims, &steps, x, None, to, last).expect("the shapes fit");
    forward(&weights, pass, None).expect("the shapes fit");
    assert_eq!(out[..2], [0.0, 2.0]);
    assert!(out[2].is_nan());
}

#[test]
fn no_steps_are_a_run_of_nothing() {
    for &cell in CELLS {
        let problem = Problem::new(cell, &[], [true, true], true, true);
        assert!(problem.forward(&problem.values).out.is_empty());
        assert!(problem.backward(3.0, true)[3..].iter().flatten().all(|&v| v == 3.0));
    }
}

/// Every slice one value too long, one at a time, is refused by its own name; rows, which may be in a longer array, one
/// value too short. Last of all a mask that is too long for the recurrence.
#[test]
fn wrong_lengths_are_refused_by_name() {
    let dims = Dims::new(Cell::Lstm, 2, 3).with(Options {
        projection: Some(2),
        peepholes: true,
        layer_norm: Some(1e-5),
        recurrent_dropout: RecurrentDropout::PerGate,
        zoneout_hidden: 0.5,
        zoneout_cell: 0.5,
        ..Options::default()
    });
    let steps = Steps::new(vec![2, 1]).expect("never grows");
    /// Whether only forward, only backward or both take the slice.
    #[derive(PartialEq)]
    enum In {
        Both,
        Forward,
        Backward,
    }
    const ROWS: [&str; 4] = ["x", "out", "d_out", "d_x"];
    let slices = [
        ("weight_ih", 24, In::Both),
        ("weight_hh", 24, In::Both),
        ("bias_ih", 12, In::Both),
        ("bias_hh", 12, In::Both),
        ("weight_hr", 6, In::Both),
        ("peepholes", 9, In::Both),
        ("norm_gain", 27, In::Both),
        ("norm_bias", 27, In::Both),
        ("x", 6, In::Both),
        ("initial.hidden", 4, In::Both),
        ("initial.cell", 6, In::Both),
        ("out", 6, In::Both),
        ("last.hidden", 4, In::Forward),
        ("last.cell", 6, In::Forward),
        ("cache.gates", 36, In::Backward),
        ("cache.cell", 9, In::Backward),
        ("cache.pre_activations", 36, In::Backward),
        ("cache.norm", 90, In::Backward),
        ("d_out", 6, In::Backward),
        ("d_last.hidden", 4, In::Backward),
        ("d_last.cell", 6, In::Backward),
        ("d_x", 6, In::Backward),
        ("d_initial.hidden", 4, In::Backward),
        ("d_initial.cell", 6, In::Backward),
        ("d_weight_ih", 24, In::Backward),
        ("d_weight_hh", 24, In::Backward),
        ("d_bias_ih", 12, In::Backward),
        ("d_bias_hh", 12, In::Backward),
        ("d_weight_hr", 6, In::Backward),
        ("d_peepholes", 9, In::Backward),
        ("d_norm_gain", 27, In::Backward),
        ("d_norm_bias", 27, In::Backward),
        ("masks.recurrent", 16, In::Both),
        ("masks.zoneout_hidden", 6, In::Both),
        ("masks.zoneout_cell", 9, In::Both),
    ];
    let run = |wrong: Option<usize>| {
        let mut values: Vec<Vec<f64>> = slices.iter().map(|&(_, size, _)| vec![0.0; size]).collect();
        match wrong {
            Some(wrong) if ROWS.contains(&slices[wrong].0) => _ = values[wrong].pop(),
            Some(wrong) => values[wrong].push(0.0),
            None => {}
        }
        let mut of = |name: &str| {
            let at = slices.iter().position(|&(known, ..)| known == name).expect("a name of the table");
            std::mem::take(&mut values[at])
        };
        let weights = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map(&mut of);
        let extras = ["weight_hr", "peepholes", "norm_gain", "norm_bias"].map(&mut of);
        let weights = Weights {
            input: &weights[0],
            hidden: &weights[1],
            bias_input: &weights[2],
            bias_hidden: &weights[3],
            projection: &extras[0],
            peepholes: &extras[1],
            norm_gain: &extras[2],
            norm_bias: &extras[3],
        };
        let masks = ["masks.recurrent", "masks.zoneout_hidden", "masks.zoneout_cell"].map(&mut of);
        let masks = Masks { recurrent: &masks[0], zoneout_hidden: &masks[1], zoneout_cell: &masks[2] };
        let x = of("x");
        let initial = ["initial.hidden", "initial.cell"].map(&mut of);
        let initial = Some(State { hidden: &initial[0], cell: &initial[1] });
        let mut out = of("out");
        let [mut h, mut c] = ["last.hidden", "last.cell"].map(&mut of);
        let last = StateMut { hidden: &mut h, cell: &mut c };
        let pass = Pass::new(dims, &steps, RowsRef::dense(&x, 2), initial, RowsMut::dense(&mut out, 2), last);
        let forwards = pass.and_then(|pass| pass.masks(masks)).and_then(|pass| forward(&weights, pass, None));
        let cache = Cache {
            gates: of("cache.gates"),
            cell: of("cache.cell"),
            pre_activations: of("cache.pre_activations"),
            norm: of("cache.norm"),
        };
        let d_out = of("d_out");
        let d_last = ["d_last.hidden", "d_last.cell"].map(&mut of);
        let d_last = Some(State { hidden: &d_last[0], cell: &d_last[1] });
        let mut d_x = of("d_x");
        let [mut d_h, mut d_c] = ["d_initial.hidden", "d_initial.cell"].map(&mut of);
        let d_initial = StateMut { hidden: &mut d_h, cell: &mut d_c };
        let [mut dw, mut du, mut db, mut dc] =
            ["d_weight_ih", "d_weight_hh", "d_bias_ih", "d_bias_hh"].map(&mut of);
        let [mut dr, mut dp, mut dg, mut dn] =
            ["d_weight_hr", "d_peepholes", "d_norm_gain", "d_norm_bias"].map(&mut of);
        let into = Gradients {
            input: &mut dw,
            hidden: &mut du,
            bias_input: &mut db,
            bias_hidden: &mut dc,
            projection: &mut dr,
            peepholes: &mut dp,
            norm_gain: &mut dg,
            norm_bias: &mut dn,
        };
        let out = RowsRef::dense(&out, 2);
        let backwards = Adjoint::new(dims, &steps, RowsRef::dense(&x, 2), initial, out, d_initial, into)
            .and_then(|adjoint| adjoint.masks(masks))
            .and_then(|adjoint| adjoint.d_out(RowsRef::dense(&d_out, 2)))
            .and_then(|adjoint| adjoint.d_last(d_last))
            .and_then(|adjoint| adjoint.d_x(RowsMut::dense(&mut d_x, 2), Write::Overwrite))
            .and_then(|adjoint| backward(&weights, adjoint, &cache));
        (forwards, backwards)
    };
    assert_eq!(run(None), (Ok(()), Ok(())));
    for (i, (what, expected, taken)) in slices.iter().enumerate() {
        let found = if ROWS.contains(what) { expected - 1 } else { expected + 1 };
        let refusal = Err(Error::Length { what, expected: *expected, found });
        let (forwards, backwards) = run(Some(i));
        assert_eq!(
            forwards,
            if *taken == In::Backward { Ok(()) } else { refusal.clone() },
            "forward: {what}"
        );
        assert_eq!(backwards, if *taken == In::Forward { Ok(()) } else { refusal }, "backward: {what}");
    }
}

/// A mask whose option is off would be ignored: it is refused.
#[test]
fn masks_without_their_option_are_refused() {
    let dims = Dims::new(Cell::RnnTanh, 1, 2);
    let ones = [1.0f64; 2];
    let cases = [
        ("masks.recurrent", Masks { recurrent: &ones, ..Masks::default() }),
        ("masks.zoneout_hidden", Masks { zoneout_hidden: &ones, ..Masks::default() }),
        ("masks.zoneout_cell", Masks { zoneout_cell: &ones, ..Masks::default() }),
    ];
    for (what, masks) in cases {
        let last = StateMut { hidden: &mut [0.0; 2], cell: &mut [] };
        let steps = Steps::uniform(1, 1).unwrap();
        let (x, mut out) = (RowsRef::dense(&[1.0], 1), [0.0; 2]);
        let pass = Pass::new(dims, &steps, x, None, RowsMut::dense(&mut out, 2), last);
        let found = pass.and_then(|pass| pass.masks(masks)).map(|_| ());
        assert_eq!(found, Err(Error::Length { what, expected: 0, found: 2 }));
    }
}

#[test]
fn sizes_of_zero_and_stray_cell_states_are_refused() {
    for (input, hidden, what) in [(0, 1, "the input size"), (1, 0, "the hidden size")] {
        let dims = Dims::new(Cell::Lstm, input, hidden);
        let last = StateMut { hidden: &mut [], cell: &mut [] };
        let steps = Steps::uniform(0, 0).unwrap();
        let (x, out) = (RowsRef::<f64>::dense(&[], input), RowsMut::dense(&mut [], hidden));
        assert_eq!(Pass::new(dims, &steps, x, None, out, last).map(|_| ()), Err(Error::Zero { what }));
        assert_eq!(Weights::<f64>::default().check(dims), Err(Error::Zero { what }));
    }
    let dims = Dims::new(Cell::Gru, 1, 1);
    let last = StateMut { hidden: &mut [0.0f64], cell: &mut [0.0] };
    let (steps, mut out) = (Steps::uniform(1, 1).unwrap(), [0.0]);
    let (x, out) = (RowsRef::dense(&[1.0], 1), RowsMut::dense(&mut out, 1));
    let found = Pass::new(dims, &steps, x, None, out, last).map(|_| ());
    assert_eq!(found, Err(Error::Length { what: "last.cell", expected: 0, found: 1 }));
}
