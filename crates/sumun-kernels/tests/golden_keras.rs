//! What single layers of Keras computed without masks, set up from their weights on every path: outputs, states and
//! gradients. Masks and Bidirectional are the layers' business.
//!
//! The tolerance is that of `golden/keras/README.md` in the testing crate, for `f32` and `f64` alike.

#[allow(dead_code, reason = "each golden test uses its part")]
mod stack;

use stack::fused::Fused;
use stack::{Batch, Kernel, Reference, reorder};
use sumun_kernels::{
    ActivationFunction, Adjoint, Cell, Dims, Gradients, Options, Pass, Path, Real, RowsMut, RowsRef, State,
    StateMut, Weights, Write,
};
use sumun_testing::{FromReal, Golden, assert_close, golden_files};

#[test]
fn reference_f64() {
    assert_eq!(check_all::<f64>(&Reference), (19, vec![]));
}

#[test]
fn reference_f32() {
    assert_eq!(check_all::<f32>(&Reference), (19, vec![]));
}

/// Every path that this machine has, and every case on each.
#[test]
fn prepared_paths() {
    for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
        assert_eq!(check_all::<f32>(&Fused(path)), (19, vec![]), "{path}");
    }
}

/// How many cases the path computes, each of which is checked, and the names of those that it leaves out.
fn check_all<F: Real + FromReal + Into<f64>>(kernel: &impl Kernel<F>) -> (usize, Vec<String>) {
    let goldens = golden_files("keras").into_iter().map(|path| Golden::load(&path));
    let of_one_layer =
        |golden: &Golden| golden.get("mask").is_none() && golden.word("name") != Some("Bidirectional");
    let (checked, left): (Vec<_>, Vec<_>) =
        goldens.filter(of_one_layer).partition(|golden| check(golden, kernel));
    (checked.len(), left.into_iter().map(|golden| golden.name).collect())
}

/// The recurrence of a case.
fn dims(golden: &Golden) -> Dims {
    let layer = &golden.case["layer"];
    let function = |key: &str| match layer[key].as_str() {
        Some("tanh") => ActivationFunction::Tanh,
        Some("sigmoid") => ActivationFunction::Sigmoid,
        Some("relu") => ActivationFunction::Relu,
        Some("softsign") => ActivationFunction::Softsign,
        Some("hard_sigmoid") => ActivationFunction::HARD_SIGMOID_KERAS,
        other => panic!("{}: no function for {key} {other:?}", golden.name),
    };
    let cell = match golden.word("name") {
        Some("SimpleRNN") if layer["activation"] == "relu" => Cell::RnnRelu,
        Some("SimpleRNN") => Cell::RnnTanh,
        Some("LSTM") => Cell::Lstm,
        Some("GRU") if layer["reset_after"] == true => Cell::Gru,
        Some("GRU") => Cell::GruResetBefore,
        other => panic!("{}: no cell for {other:?}", golden.name),
    };
    let gated = cell.spec().family != "RNN";
    let options = Options {
        gate_activation: gated.then(|| function("recurrent_activation")),
        candidate_activation: Some(function("activation")),
        output_activation: (cell == Cell::Lstm).then(|| function("activation")),
        ..Options::default()
    };
    let units = layer["units"].as_u64().expect("a size") as usize;
    Dims::new(cell, golden.tensor("input").shape[2], units).with(options)
}

/// One case, all that it answers; false where the path lacks an option.
fn check<F: Real + FromReal + Into<f64>>(golden: &Golden, kernel: &impl Kernel<F>) -> bool {
    let dims = dims(golden);
    if !kernel.computes(dims) {
        return false;
    }
    let (inputs, units, rows) = (dims.input, dims.hidden, dims.gate_rows());
    let [sequences, steps, _] = golden.tensor("input").shape[..] else { panic!("input has three axes") };
    let batch = Batch::new(&vec![steps; sequences], steps);
    let layer = &golden.case["layer"];
    let switch = |key: &str| layer[key].as_bool().expect("a switch");
    let reals = |name: &str| -> Vec<F> { golden.get(name).map_or(Vec::new(), |tensor| tensor.reals()) };
    // Swapping z and r is its own inverse.
    let order: &[usize] = if dims.cell.spec().family == "GRU" { &[1, 0, 2] } else { &[0] };

    // Kernels are [in, G·H]. A GRU with the reset after has two rows of bias, every other cell one.
    let input = reorder(&transposed(&reals("weight.0"), inputs), order);
    let hidden = reorder(&transposed(&reals("weight.1"), units), order);
    let bias = reals("weight.2");
    let (bias_input, bias_hidden) = bias.split_at(bias.len().min(rows));
    let (bias_input, bias_hidden) = (reorder(bias_input, order), reorder(bias_hidden, order));
    let weights = Weights {
        input: &input,
        hidden: &hidden,
        bias_input: &bias_input,
        bias_hidden: &bias_hidden,
        ..Weights::default()
    };
    let start = ["initial_state.0", "initial_state.1"].map(reals);
    let initial = golden.get("initial_state.0").map(|_| State { hidden: &start[0], cell: &start[1] });

    // Outputs of go_backwards come in processing order, so that only the input is turned.
    let turned =
        |values: Vec<F>| if switch("go_backwards") { batch.reverse(&values, inputs) } else { values };
    let x = turned(batch.pack(&reals("input"), inputs));
    let unwritten = |size: usize| vec![F::from_f64(f64::NAN); size];
    let mut out = unwritten(x.len() / inputs * units);
    let (mut h, mut c) = (unwritten(sequences * units), unwritten(sequences * dims.cell_width()));
    let last = StateMut { hidden: &mut h, cell: &mut c };
    let (from, steps) = (RowsRef::dense(&x, inputs), &batch.steps);
    let to = RowsMut::dense(&mut out, units);
    let kept = kernel.forward(&weights, Pass::new(dims, steps, from, initial, to, last).expect("shapes fit"));

    let zeros = |size: usize| vec![F::ZERO; size];
    let (d_out, d_hidden) = match switch("return_sequences") {
        true => (batch.pack(&reals("d_output.0"), units), zeros(h.len())),
        false => (zeros(out.len()), reals("d_output.0")),
    };
    let d_cell = zeros(c.len());
    let d_last = State { hidden: &d_hidden, cell: &d_cell };
    let mut d_x = unwritten(x.len());
    let (mut d_h, mut d_c) = (unwritten(h.len()), unwritten(c.len()));
    let mut into = [&input, &hidden, &bias_input, &bias_hidden].map(|part| zeros(part.len()));
    let [d_w, d_u, d_bi, d_bh] = &mut into;
    let d_initial = StateMut { hidden: &mut d_h, cell: &mut d_c };
    let into_all =
        Gradients { input: d_w, hidden: d_u, bias_input: d_bi, bias_hidden: d_bh, ..Gradients::default() };
    let adjoint = Adjoint::new(dims, steps, from, initial, RowsRef::dense(&out, units), d_initial, into_all)
        .and_then(|adjoint| adjoint.d_out(RowsRef::dense(&d_out, units)))
        .and_then(|adjoint| adjoint.d_last(d_last))
        .and_then(|adjoint| adjoint.d_x(RowsMut::dense(&mut d_x, inputs), Write::Overwrite));
    kernel.backward(&kept, &weights, adjoint.expect("shapes fit"));

    let mut results = Vec::new();
    match switch("return_sequences") {
        true => results.push(("output.0", batch.unpack(&out, units))),
        false => results.push(("output.0", h.clone())),
    }
    if switch("return_state") {
        results.extend([("output.1", h), ("output.2", c)]);
    }
    results.push(("d_input", batch.unpack(&turned(d_x), inputs)));
    results.extend([("d_initial_state.0", d_h), ("d_initial_state.1", d_c)]);
    results.push(("d_weight.0", transposed(&reorder(&into[0], order), rows)));
    results.push(("d_weight.1", transposed(&reorder(&into[1], order), rows)));
    results.push(("d_weight.2", [reorder(&into[2], order), reorder(&into[3], order)].concat()));
    let answered =
        |name: &&str| name.starts_with("output") || (name.starts_with("d_") && !name.starts_with("d_output"));
    for name in golden.names().into_iter().filter(answered) {
        let (_, found) = results.iter().find(|(known, _)| *known == name).expect("every answer is compared");
        let want: Vec<f64> = golden.tensor(name).reals();
        assert_close(&format!("{}: {name}", golden.name), found, &want, 1e-5, 1e-4);
    }
    true
}

/// `[rows, columns]` as `[columns, rows]`.
fn transposed<F: Copy>(values: &[F], rows: usize) -> Vec<F> {
    let columns = values.len() / rows;
    (0..columns).flat_map(|c| (0..rows).map(move |r| values[r * columns + c])).collect()
}
