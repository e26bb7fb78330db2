//! Layer normalisation, recurrent dropout, zoneout and their combinations against the papers' equations in NumPy.
//!
//! The tolerances are those of `golden/equations/README.md` in the testing crate.

use sumun_kernels::{
    Adjoint, Cache, Cell, Dims, Gradients, InputGradient, Masks, Options, Pass, Path, Prepared, Purpose,
    Real, RecurrentDropout, RowsMut, RowsRef, Scratch, State, StateMut, Steps, Weights, Write, reference,
};
use sumun_testing::{FromReal, Golden, assert_close, golden_files};

/// The tensors that go in, in the order in which [`Arrays`] holds them.
const NAMES: [&str; 14] = [
    "x",
    "h0",
    "c0",
    "weight_ih",
    "weight_hh",
    "bias_ih",
    "bias_hh",
    "weight_hr",
    "peepholes",
    "norm_gain",
    "norm_bias",
    "mask_recurrent",
    "mask_zoneout_hidden",
    "mask_zoneout_cell",
];

/// Everything that goes in; empty where the case has no such tensor. Rows are in the order of packed rows already.
struct Arrays<F>([Vec<F>; 14]);

impl<F: FromReal> Arrays<F> {
    fn new(golden: &Golden) -> Self {
        Self(NAMES.map(|name| golden.get(name).map_or(Vec::new(), |tensor| tensor.reals())))
    }

    fn weights(&self) -> Weights<'_, F> {
        let [
            _,
            _,
            _,
            input,
            hidden,
            bias_input,
            bias_hidden,
            projection,
            peepholes,
            norm_gain,
            norm_bias,
            ..,
        ] = &self.0;
        Weights { input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias }
    }

    fn masks(&self) -> Masks<'_, F> {
        let [.., recurrent, zoneout_hidden, zoneout_cell] = &self.0;
        Masks { recurrent, zoneout_hidden, zoneout_cell }
    }

    fn initial(&self) -> Option<State<'_, F>> {
        Some(State { hidden: &self.0[1], cell: &self.0[2] })
    }
}

fn dims(golden: &Golden) -> Dims {
    let number = |key: &str| golden.case[key].as_f64();
    let cell = match golden.word("cell") {
        Some("rnn") => Cell::RnnTanh,
        Some("lstm") => Cell::Lstm,
        Some("gru") => Cell::Gru,
        Some("gru_before") => Cell::GruResetBefore,
        other => panic!("{}: no cell for {other:?}", golden.name),
    };
    Dims::new(cell, golden.size("input_size"), golden.size("hidden_size")).with(Options {
        projection: golden.case["projection"].as_u64().map(|p| p as usize),
        peepholes: golden.flag("peepholes"),
        coupled: golden.flag("coupled"),
        clip: number("clip"),
        layer_norm: number("layer_norm"),
        recurrent_dropout: match golden.word("dropout") {
            None => RecurrentDropout::None,
            Some("shared") => RecurrentDropout::Shared,
            Some("per_gate") => RecurrentDropout::PerGate,
            Some(other) => panic!("{}: dropout {other}", golden.name),
        },
        zoneout_hidden: number("zoneout_hidden").expect("a rate"),
        zoneout_cell: number("zoneout_cell").expect("a rate"),
        ..Options::default()
    })
}

/// Runs every case; `run` fills the output rows and the final state.
fn check_all<F: Real + FromReal + Into<f64>>(
    tolerances: (f64, f64),
    run: impl Fn(Dims, &Arrays<F>, &Steps, &mut [F], StateMut<F>),
) {
    let files = golden_files("equations");
    assert_eq!(files.len(), 25);
    for golden in files.iter().map(|path| Golden::load(path)) {
        let (dims, arrays) = (dims(&golden), Arrays::<F>::new(&golden));
        let steps = Steps::uniform(golden.size("steps"), golden.size("batch")).unwrap();
        let unwritten = |size: usize| vec![F::from_f64(f64::NAN); size];
        let mut out = unwritten(steps.rows() * dims.output());
        let mut h = unwritten(steps.sequences() * dims.output());
        let mut c = unwritten(steps.sequences() * dims.cell_width());
        run(dims, &arrays, &steps, &mut out, StateMut { hidden: &mut h, cell: &mut c });
        for (name, found) in [("out", out), ("h_n", h), ("c_n", c)] {
            let want: Vec<f64> = golden.get(name).map_or(Vec::new(), |tensor| tensor.reals());
            assert_close(&format!("{}: {name}", golden.name), &found, &want, tolerances.0, tolerances.1);
        }
    }
}

#[test]
fn reference_f64() {
    check_all::<f64>((1e-12, 1e-12), |dims, arrays, steps, out, last| {
        let (x, out) = (RowsRef::dense(&arrays.0[0], dims.input), RowsMut::dense(out, dims.output()));
        let pass = Pass::new(dims, steps, x, arrays.initial(), out, last).expect("shapes fit");
        let pass = pass.masks(arrays.masks()).expect("shapes fit");
        reference::forward(&arrays.weights(), pass, None).expect("shapes fit");
    });
}

/// The reference path behind [`Prepared`]: forward and backward with masks, and step by step where there are none.
#[test]
fn prepared_f32() {
    check_all::<f32>((1e-6, 1e-5), |dims, arrays, steps, out, last| {
        let (weights, masks, initial) = (arrays.weights(), arrays.masks(), arrays.initial());
        let purpose = Purpose::Training(InputGradient::Needed);
        let prepared = Prepared::new(dims, &weights, Path::Reference, purpose).expect("shapes fit");
        let (x, width) = (&arrays.0[0], dims.output());
        let rows = RowsRef::dense(x, dims.input);
        let (mut cache, mut scratch) = (Cache::default(), Scratch::default());
        let pass = Pass::new(dims, steps, rows, initial, RowsMut::dense(out, width), last);
        let pass = pass.and_then(|pass| pass.masks(masks)).expect("shapes fit");
        prepared.forward(pass, Some(&mut cache), &mut scratch).expect("shapes fit");

        let ones = vec![1.0; out.len()];
        let mut gradients = |through_prepared: bool| {
            let n = steps.sequences();
            let mut d_x = vec![f32::NAN; x.len()];
            let [mut d_h, mut d_c] = [width, dims.cell_width()].map(|width| vec![f32::NAN; n * width]);
            let mut d: [Vec<f32>; 8] = std::array::from_fn(|k| vec![0.0; arrays.0[k + 3].len()]);
            let [input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias] =
                &mut d;
            let into = Gradients {
                input,
                hidden,
                bias_input,
                bias_hidden,
                projection,
                peepholes,
                norm_gain,
                norm_bias,
            };
            let d_initial = StateMut { hidden: &mut d_h, cell: &mut d_c };
            let out_rows = &*out;
            let out = RowsRef::dense(out_rows, width);
            let adjoint = Adjoint::new(dims, steps, rows, initial, out, d_initial, into)
                .and_then(|adjoint| adjoint.masks(masks))
                .and_then(|adjoint| adjoint.d_out(RowsRef::dense(&ones, width)))
                .and_then(|adjoint| adjoint.d_x(RowsMut::dense(&mut d_x, dims.input), Write::Overwrite))
                .expect("shapes fit");
            if through_prepared {
                prepared.backward(adjoint, &mut cache).expect("shapes fit");
            } else {
                let (mut again, mut h, mut c) =
                    (vec![0.0; ones.len()], vec![0.0; n * width], vec![0.0; n * dims.cell_width()]);
                let last = StateMut { hidden: &mut h, cell: &mut c };
                let mut kept = reference::Cache::default();
                let pass = Pass::new(dims, steps, rows, initial, RowsMut::dense(&mut again, width), last);
                let pass = pass.and_then(|pass| pass.masks(masks)).expect("shapes fit");
                reference::forward(&weights, pass, Some(&mut kept)).expect("shapes fit");
                assert_eq!(again, out_rows, "the reference path is what is prepared for it");
                reference::backward(&weights, adjoint, &kept).expect("shapes fit");
            }
            (d_x, d_h, d_c, d)
        };
        assert_eq!(gradients(true), gradients(false), "{:?}", dims.options);

        if masks.is_empty() {
            let [mut h, mut c] = [1, 2].map(|part: usize| arrays.0[part].clone());
            for t in 0..steps.len() {
                let of_step = |values: &[f32], width: usize| {
                    values[steps.offset(t) * width..steps.offset(t + 1) * width].to_vec()
                };
                let state = StateMut { hidden: &mut h, cell: &mut c };
                prepared.step(&of_step(x, dims.input), state, &mut scratch).expect("shapes fit");
                assert_eq!(h, of_step(out, width), "{:?}: step {t}", dims.options);
            }
        }
    });
}

/// The fused paths, in a forward pass with and without a cache.
#[test]
fn fused_paths() {
    for path in Path::ALL.into_iter().filter(|path| path.is_available() && *path != Path::Reference) {
        for keep in [true, false] {
            check_all::<f32>((2e-6, 2e-5), |dims, arrays, steps, out, last| {
                let prepared =
                    Prepared::new(dims, &arrays.weights(), path, Purpose::Inference).expect("shapes fit");
                let rows = RowsRef::dense(&arrays.0[0], dims.input);
                let to = RowsMut::dense(out, dims.output());
                let pass = Pass::new(dims, steps, rows, arrays.initial(), to, last);
                let pass = pass.and_then(|pass| pass.masks(arrays.masks())).expect("shapes fit");
                let mut cache = Cache::default();
                let cache = keep.then_some(&mut cache);
                prepared.forward(pass, cache, &mut Scratch::default()).expect("shapes fit");
            });
        }
    }
}
