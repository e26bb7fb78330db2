//! Every layer case that PyTorch computed, on every path: outputs, final states and all gradients.
//!
//! The tolerances are those of `golden/torch/make_torch.py` in the testing crate, for `f32` and `f64` alike.

#[allow(dead_code, reason = "each golden test uses its part")]
mod stack;

use stack::fused::Fused;
use stack::{Batch, Kernel, LayerState, Parameters, Reference, Stack};
use sumun_kernels::{Cell, Path, Real};
use sumun_testing::{FromReal, Golden, assert_close, golden_files};

/// |got − want| ≤ 1e-6 + 1e-5·|want| for outputs and final states.
const OUTPUTS: (f64, f64) = (1e-6, 1e-5);
/// |got − want| ≤ 1e-5 + 1e-4·|want| for gradients.
const GRADIENTS: (f64, f64) = (1e-5, 1e-4);

#[test]
fn reference_f64() {
    assert_eq!(check_all::<f64>(&Reference), 36, "layer cases in the golden folder");
}

#[test]
fn reference_f32() {
    assert_eq!(check_all::<f32>(&Reference), 36);
}

/// Every fused path that this machine has, the reference path behind the same interface included.
#[test]
fn prepared_paths() {
    for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
        assert_eq!(check_all::<f32>(&Fused(path)), 36, "{path}");
    }
}

/// All layer cases of the golden folder that the path computes; how many they are.
fn check_all<F: Real + FromReal + Into<f64>>(kernel: &impl Kernel<F>) -> usize {
    let goldens = golden_files("torch").into_iter().map(|path| Golden::load(&path));
    goldens.filter(|golden| !golden.name.starts_with("train_") && check(golden, kernel)).count()
}

/// One case: exactly the results that the file holds are compared, no fewer. False where the path lacks an option.
fn check<F: Real + FromReal + Into<f64>>(golden: &Golden, kernel: &impl Kernel<F>) -> bool {
    if !kernel.computes(network::<F>(golden).dims(0)) {
        return false;
    }
    let results = run(golden, kernel);
    let mut names: Vec<&str> = results.iter().map(|(name, ..)| name.as_str()).collect();
    names.sort_unstable();
    let fed = ["d_output", "d_h_n", "d_c_n"];
    let is_result = |name: &&str| {
        ["output", "h_n", "c_n"].contains(name) || (name.starts_with("d_") && !fed.contains(name))
    };
    let expected: Vec<&str> = golden.names().into_iter().filter(is_result).collect();
    assert_eq!(names, expected, "{}: results", golden.name);
    for (name, found, (atol, rtol)) in &results {
        let want: Vec<f64> = golden.tensor(name).reals();
        assert_close(&format!("{}: {name}", golden.name), found, &want, *atol, *rtol);
    }
    true
}

/// The results of a case forward and back: their names, values in the caller's order and tolerances.
fn run<F: Real + FromReal>(golden: &Golden, kernel: &impl Kernel<F>) -> Vec<(String, Vec<F>, (f64, f64))> {
    let (batch, stack) = (batch(golden), network::<F>(golden));
    let (widths, width) = ([stack.output(), stack.hidden], stack.directions * stack.output());
    let rows = |name: &str, width: usize| batch.pack(&golden.tensor(name).reals::<F>(), width);
    let part = |found: &[LayerState<F>], part: usize| -> Vec<F> {
        found.iter().flat_map(|state| batch.unrank(&state[part], widths[part])).collect()
    };

    let initial = golden.get("h0").map(|_| states(golden, &batch, "h0", "c0"));
    let initial = initial.as_deref();
    let forward = stack.forward(kernel, &batch, &rows("input", stack.input), initial);
    let d_last = states(golden, &batch, "d_h_n", "d_c_n");
    let backward = stack.backward(kernel, &batch, &forward, initial, &rows("d_output", width), &d_last);

    let mut results = vec![
        ("output".to_string(), batch.unpack(&forward.output, width), OUTPUTS),
        ("h_n".to_string(), part(&forward.last, 0), OUTPUTS),
        ("d_input".to_string(), batch.unpack(&backward.d_input, stack.input), GRADIENTS),
    ];
    if initial.is_some() {
        results.push(("d_h0".to_string(), part(&backward.d_initial, 0), GRADIENTS));
    }
    if stack.cell.has_cell_state() {
        results.push(("c_n".to_string(), part(&forward.last, 1), OUTPUTS));
        if initial.is_some() {
            results.push(("d_c0".to_string(), part(&backward.d_initial, 1), GRADIENTS));
        }
    }
    for (index, gradients) in backward.d_parameters.into_iter().enumerate() {
        for (name, gradient) in parameter_names(index, stack.directions).into_iter().zip(gradients) {
            if has_parameter(golden, &name) {
                results.push((format!("d_param.{name}"), gradient, GRADIENTS));
            }
        }
    }
    results
}

/// The case's lengths; every sequence has all steps where it states none.
fn batch(golden: &Golden) -> Batch {
    let (sequences, steps) = (golden.size("batch"), golden.size("steps"));
    let lengths: Vec<usize> = match golden.flag("packed") {
        true => golden.tensor("lengths").integers().iter().map(|&v| v as usize).collect(),
        false => vec![steps; sequences],
    };
    Batch::new(&lengths, steps)
}

/// The case's network with its weights.
fn network<F: Real + FromReal>(golden: &Golden) -> Stack<F> {
    let cell = match (golden.word("kind"), golden.word("nonlinearity")) {
        (Some("RNN"), None | Some("tanh")) => Cell::RnnTanh,
        (Some("RNN"), Some("relu")) => Cell::RnnRelu,
        (Some("LSTM"), None) => Cell::Lstm,
        (Some("GRU"), None) => Cell::Gru,
        other => panic!("{}: no cell for {other:?}", golden.name),
    };
    let directions = if golden.flag("bidirectional") { 2 } else { 1 };
    let parameters = |index: usize| -> Parameters<F> {
        parameter_names(index, directions).map(|name| {
            if has_parameter(golden, &name) {
                golden.tensor(&format!("param.{name}")).reals()
            } else {
                Vec::new()
            }
        })
    };
    let (input, hidden) = (golden.size("input_size"), golden.size("hidden_size"));
    let parameters = (0..golden.size("num_layers") * directions).map(parameters).collect();
    Stack { cell, input, hidden, projection: projection(golden), directions, parameters }
}

/// P, where the case has a projection.
fn projection(golden: &Golden) -> Option<usize> {
    golden.case.get("proj_size").map(|_| golden.size("proj_size"))
}

/// Whether the case's network has the parameter: biases where it was asked for them, `weight_hr` with a projection.
fn has_parameter(golden: &Golden, name: &str) -> bool {
    match name {
        name if name.starts_with("bias") => golden.flag("bias"),
        name if name.starts_with("weight_hr") => projection(golden).is_some(),
        _ => true,
    }
}

/// PyTorch's names of the parameters of one layer and direction.
fn parameter_names(index: usize, directions: usize) -> [String; 5] {
    let suffix = if index % directions == 1 { "_reverse" } else { "" };
    ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"]
        .map(|name| format!("{name}_l{}{suffix}", index / directions))
}

/// Two tensors `[L·D, N, H or P]` and `[L·D, N, H]` as one state for each layer and direction, in rank order; a case
/// without cell states has only the first.
fn states<F: Real + FromReal>(
    golden: &Golden,
    batch: &Batch,
    hidden: &str,
    cell: &str,
) -> Vec<LayerState<F>> {
    let count = golden.tensor(hidden).shape[0];
    let state = |index: usize| {
        [hidden, cell].map(|name| {
            let Some(tensor) = golden.get(name) else { return Vec::new() };
            let width = *tensor.shape.last().expect("a state has three axes");
            let size = tensor.shape[1] * width;
            batch.rank(&tensor.reals::<F>()[index * size..(index + 1) * size], width)
        })
    };
    (0..count).map(state).collect()
}
