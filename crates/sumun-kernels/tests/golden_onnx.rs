//! Every ONNX node that ONNX Runtime computed, set up from its tensors and attributes on every path.
//!
//! The tolerance is that of `golden/onnx/README.md` in the testing crate, for `f32` and `f64` alike.

#[allow(dead_code, reason = "each golden test uses its part")]
mod stack;

use stack::fused::Fused;
use stack::{Batch, Kernel, Reference, reorder};
use sumun_kernels::{
    ActivationFunction, Cell, Dims, Options, Pass, Path, Real, RowsMut, RowsRef, State, StateMut, Weights,
};
use sumun_testing::{FromReal, Golden, assert_close, golden_files};

#[test]
fn reference_f64() {
    assert_eq!(check_all::<f64>(&Reference), (31, vec![]));
}

#[test]
fn reference_f32() {
    assert_eq!(check_all::<f32>(&Reference), (31, vec![]));
}

/// Every path that this machine has, and every case on each.
#[test]
fn prepared_paths() {
    for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
        assert_eq!(check_all::<f32>(&Fused(path)), (31, vec![]), "{path}");
    }
}

/// How many cases the path computes, each of which is checked, and the names of those that it leaves out.
fn check_all<F: Real + FromReal + Into<f64>>(kernel: &impl Kernel<F>) -> (usize, Vec<String>) {
    let goldens = golden_files("onnx").into_iter().map(|path| Golden::load(&path));
    let (checked, left): (Vec<_>, Vec<_>) = goldens.partition(|golden| check(golden, kernel));
    (checked.len(), left.into_iter().map(|golden| golden.name).collect())
}

/// The blocks of PyTorch's order among ONNX': of the weights and biases, and of the peepholes i, f, o among i, o, f.
fn order(cell: Cell) -> &'static [usize] {
    match cell.spec().family {
        "RNN" => &[0],
        "LSTM" => &[0, 2, 3, 1],
        "GRU" => &[1, 0, 2],
        other => panic!("ONNX has no {other}"),
    }
}
const PEEPHOLES: [usize; 3] = [0, 2, 1];

/// The recurrence of a case; every attribute must be known.
fn dims(golden: &Golden) -> Dims {
    let attributes = golden.case.as_object().expect("a JSON object");
    let known = ["op", "opset", "hidden_size", "direction", "activations", "clip", "input_forget"];
    for name in attributes.keys().map(String::as_str) {
        assert!(known.contains(&name) || name == "linear_before_reset", "{}: {name}", golden.name);
    }
    let mut functions: Vec<ActivationFunction> = match golden.case.get("activations") {
        Some(names) => names.as_array().expect("a list").iter().map(|name| function(name.as_str())).collect(),
        None => Vec::new(),
    };
    functions.reverse();
    let cell = match golden.word("op") {
        Some("RNN") if functions == [ActivationFunction::Relu] => Cell::RnnRelu,
        Some("RNN") => Cell::RnnTanh,
        Some("LSTM") => Cell::Lstm,
        Some("GRU") if golden.case.get("linear_before_reset").is_some() => Cell::Gru,
        Some("GRU") => Cell::GruResetBefore,
        other => panic!("{}: no cell for {other:?}", golden.name),
    };
    let options = Options {
        gate_activation: if cell.spec().family == "RNN" { None } else { functions.pop() },
        candidate_activation: functions.pop(),
        output_activation: functions.pop(),
        clip: golden.case.get("clip").map(|clip| clip.as_f64().expect("a number")),
        coupled: golden.case.get("input_forget").is_some(),
        peepholes: golden.get("P").is_some(),
        ..Options::default()
    };
    Dims::new(cell, golden.tensor("X").shape[2], golden.size("hidden_size")).with(options)
}

/// An activation by ONNX' name, with ONNX' default constants.
fn function(name: Option<&str>) -> ActivationFunction {
    match name {
        Some("HardSigmoid") => ActivationFunction::HARD_SIGMOID_ONNX,
        Some("Softsign") => ActivationFunction::Softsign,
        Some("Relu") => ActivationFunction::Relu,
        other => panic!("no function for {other:?}"),
    }
}

/// One case, all its outputs; false where the path lacks an option.
fn check<F: Real + FromReal + Into<f64>>(golden: &Golden, kernel: &impl Kernel<F>) -> bool {
    let dims = dims(golden);
    if !kernel.computes(dims) {
        return false;
    }
    let (inputs, units) = (dims.input, dims.hidden);
    let [padded, sequences, _] = golden.tensor("X").shape[..] else { panic!("X has three axes") };
    let lengths = match golden.get("sequence_lens") {
        Some(lengths) => lengths.integers().iter().map(|&v| v as usize).collect(),
        None => vec![padded; sequences],
    };
    let batch = Batch::new(&lengths, padded);
    let alive = batch.steps.sequences();
    let packed = batch.pack(&time_second(&golden.tensor("X").reals::<F>(), padded, sequences), inputs);
    let outputs: &[&str] = if dims.cell == Cell::Lstm { &["Y", "Y_h", "Y_c"] } else { &["Y", "Y_h"] };

    let directions = golden.tensor("W").shape[0];
    for direction in 0..directions {
        let reversed = direction == 1 || golden.word("direction") == Some("reverse");
        // The part of a tensor [D, …] that belongs to this direction; none of a tensor that is not there.
        let part = |name: &str| -> Vec<F> {
            let values: Vec<F> = golden.get(name).map_or(Vec::new(), |tensor| tensor.reals());
            values.chunks(1.max(values.len() / directions)).nth(direction).map_or(Vec::new(), <[F]>::to_vec)
        };
        let blocks = |values: &[F]| reorder(values, order(dims.cell));
        let bias = part("B");
        let (bias_input, bias_hidden) = bias.split_at(bias.len() / 2);
        let (input, hidden) = (blocks(&part("W")), blocks(&part("R")));
        let (bias_input, bias_hidden) = (blocks(bias_input), blocks(bias_hidden));
        let peepholes = reorder(&part("P"), &PEEPHOLES);
        let weights = Weights {
            input: &input,
            hidden: &hidden,
            bias_input: &bias_input,
            bias_hidden: &bias_hidden,
            peepholes: &peepholes,
            ..Weights::default()
        };
        let start = ["initial_h", "initial_c"].map(|name| {
            let mut state = batch.rank(&part(name), units);
            state.truncate(alive * units);
            state
        });
        let initial = golden.get("initial_h").map(|_| State { hidden: &start[0], cell: &start[1] });
        let x = if reversed { batch.reverse(&packed, inputs) } else { packed.clone() };
        let unwritten = |size: usize| vec![F::from_f64(f64::NAN); size];
        let mut out = unwritten(batch.steps.rows() * units);
        let (mut h, mut c) = (unwritten(alive * units), unwritten(alive * dims.cell_width()));
        let last = StateMut { hidden: &mut h, cell: &mut c };
        let (rows, to) = (RowsRef::dense(&x, inputs), RowsMut::dense(&mut out, units));
        let pass = Pass::new(dims, &batch.steps, rows, initial, to, last).expect("shapes fit");
        kernel.forward(&weights, pass);
        if reversed {
            out = batch.reverse(&out, units);
        }

        // Sequences without a step answer 0 in ONNX Runtime, whatever their initial state.
        let all = |mut state: Vec<F>| {
            state.resize(sequences * units, F::ZERO);
            batch.unrank(&state, units)
        };
        let y = batch.unpack(&out, units);
        let want = golden.tensor("Y").reals::<f64>();
        let want: Vec<f64> = (0..padded)
            .flat_map(|t| {
                want[(t * directions + direction) * sequences * units..][..sequences * units].to_vec()
            })
            .collect();
        let name = &golden.name;
        close(&format!("{name}: Y of direction {direction}"), &y, &time_second(&want, padded, sequences));
        for (output, found) in outputs[1..].iter().zip([all(h), all(c)]) {
            let want: Vec<f64> = golden.tensor(output).reals();
            let want = &want[direction * sequences * units..][..sequences * units];
            close(&format!("{name}: {output} of direction {direction}"), &found, want);
        }
    }
    true
}

fn close<F: Copy + Into<f64>>(what: &str, found: &[F], want: &[f64]) {
    assert_close(what, found, want, 1e-6, 1e-5);
}

/// `[T, N, width]` as `[N, T, width]`.
fn time_second<V: Copy>(values: &[V], steps: usize, sequences: usize) -> Vec<V> {
    let width = values.len() / (steps * sequences);
    (0..sequences)
        .flat_map(|n| (0..steps).flat_map(move |t| values[(t * sequences + n) * width..][..width].to_vec()))
        .collect()
}
