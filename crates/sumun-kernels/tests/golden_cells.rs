//! Cells that PyTorch has no module for, on every path: outputs, final states and all gradients against the papers' equations
//! in plain PyTorch.
//!
//! The tolerances are those of `golden/cells/make_cells.py` in the testing crate; single precision has its own.

use sumun_kernels::{
    Adjoint, Cache, Cell, Dims, Error, Gradients, InputGradient, Pass, Path, Prepared, Purpose, Real,
    RowsMut, RowsRef, Scratch, State, StateMut, Steps, Weights, Write, reference,
};
use sumun_testing::{FromReal, Golden, assert_close, golden_files};

/// What goes in, in the order in which [`Arrays`] holds it; the last three are gradients.
const NAMES: [&str; 9] = ["x", "h0", "c0", "weight_ih", "weight_hh", "bias_ih", "d_out", "d_h_n", "d_c_n"];

/// What comes out.
const ANSWERS: [&str; 9] =
    ["out", "h_n", "c_n", "d_x", "d_h0", "d_c0", "d_weight_ih", "d_weight_hh", "d_bias_ih"];

/// One case: what goes in, empty where it has no such tensor.
struct Arrays<F> {
    dims: Dims,
    steps: Steps,
    given: [Vec<F>; 9],
    has_state: bool,
}

impl<F: Real + FromReal> Arrays<F> {
    fn new(golden: &Golden) -> Self {
        let name = golden.word("cell").expect("a cell");
        let cell = Cell::named(name).unwrap_or_else(|| panic!("{}: no cell {name}", golden.name));
        Self {
            dims: Dims::new(cell, golden.size("input_size"), golden.size("hidden_size")),
            steps: Steps::uniform(golden.size("steps"), golden.size("batch")).unwrap(),
            given: NAMES.map(|name| golden.get(name).map_or(Vec::new(), |tensor| tensor.reals())),
            has_state: golden.get("h0").is_some(),
        }
    }

    fn weights(&self) -> Weights<'_, F> {
        let [_, _, _, input, hidden, bias_input, ..] = &self.given;
        Weights { input, hidden, bias_input, ..Weights::default() }
    }

    fn initial(&self) -> Option<State<'_, F>> {
        self.has_state.then_some(State { hidden: &self.given[1], cell: &self.given[2] })
    }

    fn d_last(&self) -> Option<State<'_, F>> {
        Some(State { hidden: &self.given[7], cell: &self.given[8] })
    }

    /// Everything that comes out, unwritten: sums of gradients are 0, the rest no number.
    fn answers(&self) -> [Vec<F>; 9] {
        let n = self.steps.sequences();
        let states = [n * self.dims.output(), n * self.dims.cell_width()];
        let nan = |len: usize| vec![F::from_f64(f64::NAN); len];
        let [x, _, _, w, u, b, out, ..] = self.given.each_ref().map(Vec::len);
        let [w, u, b] = [w, u, b].map(|len| vec![F::ZERO; len]);
        [nan(out), nan(states[0]), nan(states[1]), nan(x), nan(states[0]), nan(states[1]), w, u, b]
    }
}

/// Runs every case of every cell; `run` fills the answers.
fn check_all<F: Real + FromReal + Into<f64>>(
    (atol, rtol): (f64, f64),
    run: impl Fn(&Arrays<F>, &mut [Vec<F>; 9]),
) {
    let mut cells = Vec::new();
    for golden in golden_files("cells").iter().map(|path| Golden::load(path)) {
        let arrays = Arrays::<F>::new(&golden);
        cells.push(arrays.dims.cell);
        let mut answers = arrays.answers();
        run(&arrays, &mut answers);
        for (name, found) in ANSWERS.iter().zip(&answers) {
            // The gradient of a state that was not given is in no file.
            if let Some(want) = golden.get(name) {
                let (what, want) = (format!("{}: {name}", golden.name), want.reals::<f64>());
                assert_close(&what, found, &want, atol, rtol);
            }
        }
    }
    assert!(cells.len() >= 6, "{} cases", cells.len());
    cells.dedup();
    let others = Cell::ALL.iter().filter(|cell| !cell.spec().in_libraries).count();
    assert_eq!(cells.len(), others, "every cell that PyTorch lacks has cases: {cells:?}");
}

/// Runs forward and backward with the calls of a case.
fn run<F: Real + FromReal, C: Default>(
    arrays: &Arrays<F>,
    [out, h, c, d_x, d_h, d_c, input, hidden, bias_input]: &mut [Vec<F>; 9],
    forward: impl Fn(&Weights<F>, Pass<F>, &mut C) -> Result<(), Error>,
    backward: impl Fn(&Weights<F>, Adjoint<F>, &mut C) -> Result<(), Error>,
) -> Result<(), Error> {
    let (dims, steps, weights, initial) = (arrays.dims, &arrays.steps, arrays.weights(), arrays.initial());
    let (x, width) = (RowsRef::dense(&arrays.given[0], dims.input), dims.output());
    let mut cache = C::default();
    let last = StateMut { hidden: h, cell: c };
    forward(&weights, Pass::new(dims, steps, x, initial, RowsMut::dense(out, width), last)?, &mut cache)?;
    let into = Gradients { input, hidden, bias_input, ..Gradients::default() };
    let (out, d_initial) = (RowsRef::dense(out, width), StateMut { hidden: d_h, cell: d_c });
    let adjoint = Adjoint::new(dims, steps, x, initial, out, d_initial, into)?
        .d_out(RowsRef::dense(&arrays.given[6], width))?
        .d_last(arrays.d_last())?
        .d_x(RowsMut::dense(d_x, dims.input), Write::Overwrite)?;
    backward(&weights, adjoint, &mut cache)
}

#[test]
fn reference_f64() {
    check_all::<f64>((1e-12, 1e-11), |arrays, answers| {
        let forward = |weights: &Weights<f64>, pass: Pass<f64>, cache: &mut reference::Cache<f64>| {
            reference::forward(weights, pass, Some(cache))
        };
        run(arrays, answers, forward, |weights, adjoint, cache| reference::backward(weights, adjoint, cache))
            .expect("shapes fit");
    });
}

#[test]
fn every_path_f32() {
    for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
        check_all::<f32>((2e-5, 2e-4), |arrays, answers| {
            let purpose = Purpose::Training(InputGradient::Needed);
            let prepared = Prepared::new(arrays.dims, &arrays.weights(), path, purpose).expect("shapes fit");
            assert_eq!(prepared.path(), path);
            let forward = |_: &Weights<f32>, pass: Pass, cache: &mut Cache| {
                prepared.forward(pass, Some(cache), &mut Scratch::default())
            };
            run(arrays, answers, forward, |_, adjoint, cache| prepared.backward(adjoint, cache))
                .expect("shapes fit");
        });
    }
}
