//! Models that are no chain as source code: several inputs, branches, several outputs. C is compiled and NumPy interpreted, where
//! there is a compiler and a Python with NumPy, and both are run beside the model.

use std::io::Write;
use std::process::{Command, Stdio};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sumun_formats::{Data, ElementType, Tensor, Tensors, npy};
use sumun_kernels::Path;
use sumun_nn::interchange::{OUTPUT, apply, to_c, to_numpy, to_weights};
use sumun_nn::model::{DenseLayer, EmbeddingLayer, Input, Model, PoolLayer, RecurrentLayer};
use sumun_nn::nn::{
    Activation, ActivationFunction, ActivationLayer, BatchNormLayer, CombineLayer, Conv1dLayer, DropoutLayer,
    LayerNormLayer, Padding, Pool, SliceLayer, SoftmaxLayer, UnflattenLayer,
};

use super::{compile, varied};

/// Steps of the sequence that both run on.
const STEPS: usize = 24;

/// The id that is masked where one is.
const MASKED: u32 = 2;

fn steps(layer: RecurrentLayer) -> RecurrentLayer {
    layer.return_sequences(true)
}

/// Two inputs, a skip over a recurrent layer, a row for the whole sequence, and two heads.
fn two_heads() -> Model {
    Model::graph()
        .input("load", Input::numbers(3))
        .input("site*/\"x\"", Input::row(4))
        .add("gru", steps(RecurrentLayer::gru(6)), "load")
        .add("dropped", DropoutLayer::new(0.4), "gru")
        .add("place", DenseLayer::new(6).activation(Activation::Relu), "site*/\"x\"")
        .add("sum", CombineLayer::add(), ["dropped", "place", "gru"])
        .add("all", CombineLayer::concat(), ["load", "sum", "place"])
        .add("norm", LayerNormLayer::new(), "all")
        .add("value", DenseLayer::new(2), "norm")
        .add("part", SliceLayer::new(4, 5), "norm")
        .add("classes", SoftmaxLayer::new(), "part")
        .outputs(["classes", "value"])
        .build(3)
        .unwrap()
}

/// Ids, some of which are no steps, one row of which goes two ways.
fn masked_ids() -> Model {
    Model::graph()
        .input("words", Input::ids(7))
        .add("vectors", EmbeddingLayer::new(5).padding_id(MASKED).mask_zero(true), "words")
        .add("lstm", steps(RecurrentLayer::lstm(5).layers(2_usize)), "vectors")
        .add("gates", DenseLayer::new(5), "vectors")
        .add("open", ActivationLayer::new(ActivationFunction::Sigmoid), "gates")
        .add("product", CombineLayer::multiply(), ["lstm", "open"])
        .add("end", RecurrentLayer::gru(4), "product")
        .add("last", PoolLayer::new(Pool::Last), "lstm")
        .add("joined", CombineLayer::concat(), ["end", "last"])
        .add("out", DenseLayer::new(3), "joined")
        .build(4)
        .unwrap()
}

/// Branches that begin after the same number of steps, beside one that is computed in every step.
fn delayed() -> Model {
    Model::graph()
        .input("x", Input::numbers(4))
        .input("id", Input::ids(5))
        .add("wide", Conv1dLayer::new(6, 3).dilation(2_usize), "x")
        .add("vectors", EmbeddingLayer::new(4), "id")
        .add("memory", steps(RecurrentLayer::gru(6)), "vectors")
        .add("narrow", Conv1dLayer::new(6, 5), "memory")
        .add("causal", Conv1dLayer::new(6, 2).padding(Padding::Causal), "narrow")
        .add("scaled", BatchNormLayer::new(), "wide")
        .add("both", CombineLayer::add(), ["scaled", "causal", "wide"])
        .add("rnn", steps(RecurrentLayer::rnn(3)), "both")
        .outputs(["narrow", "rnn"])
        .build(5)
        .unwrap()
}

/// As a forecaster: a row becomes steps ahead, to which what is known of them is added.
fn ahead() -> Model {
    Model::graph()
        .input("window", Input::numbers(3))
        .input("known_ahead", Input::numbers(2))
        .add("memory", RecurrentLayer::lstm(5), "window")
        .add("head", DenseLayer::new(24), "memory")
        .add("steps", UnflattenLayer::new(12), "head")
        .add("known", DenseLayer::new(2).bias(false), "known_ahead")
        .add("forecast", CombineLayer::add(), ["steps", "known"])
        .build(6)
        .unwrap()
}

/// Arrays for so many steps of each input, `[1, T, F]`, `[1, T]` or `[1, F]`.
fn arrays(model: &Model, steps: impl Fn(&str) -> usize) -> Tensors {
    let mut arrays = Tensors::new();
    for (seed, (name, input)) in model.config().inputs.iter().enumerate() {
        let mut rng = ChaCha8Rng::seed_from_u64(seed as u64);
        let mut numbers =
            |count: usize| (0..count).map(|_| rng.random_range(-2.0..2.0_f32)).collect::<Vec<_>>();
        let steps = steps(name);
        let array = match *input {
            Input::Numbers { features } => Tensor::f32(vec![1, steps, features], numbers(steps * features)),
            Input::Row { features } => Tensor::f32(vec![1, features], numbers(features)),
            Input::Ids { vocabulary } => {
                let ids = (0..steps).map(|_| rng.random_range(0..vocabulary as i64)).collect();
                Tensor::new(ElementType::I64, vec![1, steps], Data::I64(ids), "test")
            }
        };
        arrays.insert(name.clone(), array.unwrap(), "test").unwrap();
    }
    arrays
}

/// What the functions of C are called: letters and digits, anything else as `_`.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// A program that reads a row of each input until there are no more, and writes what each step returned, and the outputs where
/// there were some.
fn program(model: &Model) -> String {
    let (mut buffers, mut read, mut given, mut shown) =
        (String::new(), Vec::new(), Vec::new(), String::new());
    let is_one = model.config().inputs.len() == 1;
    for (place, (name, input)) in model.config().inputs.iter().enumerate() {
        let size = format!("NET_IN_{}", plain(name).to_uppercase());
        let (kind, numbers) = match input {
            Input::Ids { .. } => ("uint32_t", "1".to_owned()),
            _ if is_one => ("float", "NET_INPUT".to_owned()),
            _ => ("float", size),
        };
        buffers += &format!("    {kind} x{place}[{numbers}];\n");
        read.push(format!("fread(x{place}, sizeof x{place}, 1, stdin) == 1"));
        given.push(if kind == "float" { format!("x{place}") } else { format!("x{place}[0]") });
    }
    let names: Vec<&str> = model.output_names().collect();
    for (place, name) in names.iter().enumerate() {
        let size = match names.len() {
            1 => "NET_OUTPUT".to_owned(),
            _ => format!("NET_OUT_{}", plain(name).to_uppercase()),
        };
        buffers += &format!("    float y{place}[{size}];\n");
        given.push(format!("y{place}"));
        shown += &format!("            fwrite(y{place}, sizeof y{place}, 1, stdout);\n");
    }
    format!(
        "#include \"net.h\"\n#include <stdio.h>\n\nint main(void)\n{{\n    net_state state;\n{buffers}    net_init(&state);\n    \
         while ({}) {{\n        const float got = (float)net_step(&state, {});\n        fwrite(&got, sizeof got, 1, stdout);\n        \
         if (got == 1.0f) {{\n{shown}        }}\n    }}\n    return 0;\n}}\n",
        read.join(" && "),
        given.join(", ")
    )
}

/// C's outputs after each step are the bits of the model's on the steps so far.
fn check_c(what: &str, model: Model) {
    let model = varied(model).on_path(Path::Portable).unwrap();
    let all = arrays(&model, |_| STEPS);
    let mut bytes = Vec::new();
    for step in 0..STEPS {
        for (name, input) in &model.config().inputs {
            let array = all.get(name).unwrap();
            match *input {
                Input::Ids { .. } => {
                    bytes.extend((array.to_i64().unwrap()[step] as u32).to_ne_bytes());
                }
                Input::Numbers { features } => {
                    let values = array.to_f32().unwrap();
                    let row = &values[step * features..(step + 1) * features];
                    bytes.extend(row.iter().flat_map(|v| v.to_ne_bytes()));
                }
                Input::Row { .. } => {
                    bytes.extend(array.to_f32().unwrap().iter().flat_map(|v| v.to_ne_bytes()))
                }
            }
        }
    }
    let source = to_c(&model, "net").unwrap();
    let Some((_folder, mut run)) = compile(&source, &program(&model)) else { return };
    let mut child = run.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{what}: {:?}", done.status);
    let (found, _) = done.stdout.as_chunks::<4>();
    let mut found = found.iter().map(|bytes| f32::from_ne_bytes(*bytes));
    let delay: usize =
        source.split_once("#define NET_DELAY ").unwrap().1.lines().next().unwrap().parse().unwrap();
    let (mut with, mut different) = (0, false);
    for step in 0..STEPS {
        let got = found.next().unwrap();
        let mut cut = Tensors::new();
        for (name, array) in all.iter() {
            cut.insert(name.into(), first_steps(array, step + 1), "test").unwrap();
        }
        let is_masked =
            what == "masked" && all.get("words").unwrap().to_i64().unwrap()[step] == i64::from(MASKED);
        assert_eq!(got == 1.0, step >= delay && !is_masked, "{what}, step {step}: {got}\n{source}");
        if got != 1.0 {
            continue;
        }
        with += 1;
        let outputs = apply(&model, &cut, &Tensors::new()).unwrap();
        for name in model.output_names() {
            let output = outputs.get(name).or(outputs.get(OUTPUT)).unwrap();
            let (values, width) = (output.to_f32().unwrap(), *output.shape().last().unwrap());
            for (place, expected) in values[values.len() - width..].iter().enumerate() {
                let found = found.next().unwrap();
                different |= *expected != values[0];
                assert_eq!(
                    found.to_bits(),
                    expected.to_bits(),
                    "{what}, {name}, step {step}, number {place}: {found} for {expected}\n{source}"
                );
            }
        }
    }
    assert!(with > STEPS / 3 && different && found.next().is_none(), "{what}: {with} steps");
}

/// The first steps of `[1, T, …]`; of a row `[1, F]` all.
fn first_steps(array: &Tensor, steps: usize) -> Tensor {
    match (array.shape(), array.data()) {
        (&[_, _], Data::I64(ids)) => {
            Tensor::new(ElementType::I64, vec![1, steps], Data::I64(ids[..steps].to_vec()), "test").unwrap()
        }
        (&[_, _, features], _) => {
            let values = array.to_f32().unwrap()[..steps * features].to_vec();
            Tensor::f32(vec![1, steps, features], values).unwrap()
        }
        _ => array.clone(),
    }
}

/// Runs the module on whole sequences, and on two pieces one after the other where `cut` says where.
const SCRIPT: &str = r#"
import sys
import numpy as np
import net

x = {name: value[0] for name, value in np.load("x.npz").items()}
rows = set(sys.argv[2:])

def run(x, h):
    y, h = net.forward(x if len(x) > 1 else next(iter(x.values())), h)
    return (y if isinstance(y, dict) else {"output": y}), h

whole, _ = run(x, None)
cut = int(sys.argv[1])
if cut:
    first, h = run({name: value if name in rows else value[:cut] for name, value in x.items()}, None)
    second, _ = run({name: value if name in rows else value[cut:] for name, value in x.items()}, h)
    for name, value in whole.items():
        pieces = second[name] if value.ndim == 1 else np.concatenate([first[name], second[name]])
        assert np.abs(pieces - value).max() < 1e-5, name
np.savez("y.npz", **{name: np.asarray(value, np.float32) for name, value in whole.items()})
"#;

/// NumPy's outputs are the model's, to rounding.
fn check_numpy(what: &str, model: Model, steps: impl Fn(&str) -> usize, cut: usize) {
    if !Command::new("python3").args(["-c", "import numpy"]).output().is_ok_and(|done| done.status.success())
    {
        eprintln!("there is no python3 with NumPy: the NumPy source was not run");
        return;
    }
    let model = varied(model);
    let inputs = arrays(&model, steps);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let source = to_numpy(&model, "net").unwrap();
    file("net.py", source.as_bytes());
    file("net.npz", &npy::write_archive(&to_weights(&model).unwrap()).unwrap());
    file("x.npz", &npy::write_archive(&inputs).unwrap());
    let rows = model.config().inputs.iter().filter(|(_, input)| matches!(input, Input::Row { .. }));
    let done = Command::new("python3")
        .args(["-c", SCRIPT, &cut.to_string()])
        .args(rows.map(|(name, _)| name))
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{what}: {}\n{source}", String::from_utf8_lossy(&done.stderr));
    let found = npy::read_archive(&std::fs::read(folder.path().join("y.npz")).unwrap()).unwrap();
    let expected = apply(&model, &inputs, &Tensors::new()).unwrap();
    let names: Vec<&str> = model.output_names().collect();
    for name in &names {
        let shown = if names.len() == 1 { OUTPUT } else { name };
        let (found, expected) = (found.get(shown).unwrap().to_f32().unwrap(), expected.get(shown).unwrap());
        let expected = expected.to_f32().unwrap();
        assert_eq!(found.len(), expected.len(), "{what}");
        assert!(!found.is_empty() && found.iter().any(|value| *value != found[0]), "{what}");
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                (found - expected).abs() <= 1e-5 * expected.abs().max(1.0),
                "{what}: {found} for {expected}"
            );
        }
    }
}

#[test]
fn graphs_in_c_have_the_bits_of_the_portable_path() {
    check_c("two heads", two_heads());
    check_c("masked", masked_ids());
    check_c("delayed", delayed());
}

#[test]
fn graphs_in_numpy_compute_what_the_model_does() {
    check_numpy("two heads", two_heads(), |_| STEPS, 9);
    check_numpy("masked", masked_ids(), |_| STEPS, 9);
    check_numpy("delayed", delayed(), |_| STEPS, 9);
    check_numpy("ahead", ahead(), |name| if name == "window" { STEPS } else { 12 }, 0);
}

#[test]
fn rows_of_different_steps_and_steps_of_a_row_are_refused_by_name() {
    let graph = || Model::graph().input("x", Input::numbers(2));
    let late = |outputs: [&str; 2]| {
        graph()
            .add("late", Conv1dLayer::new(2, 3), "x")
            .add("later", Conv1dLayer::new(2, 4), "x")
            .add("end", PoolLayer::new(Pool::Last), "late")
            .add("other", PoolLayer::new(Pool::Last), "later")
            .add("both", CombineLayer::concat(), ["end", "other"])
            .outputs(outputs)
            .build(1)
            .unwrap()
    };
    let early = graph()
        .add("first", Conv1dLayer::new(2, 3), "x")
        .add("second", DenseLayer::new(2), "x")
        .outputs(["first", "second"])
        .build(1)
        .unwrap();
    let of_the_end = graph()
        .add("end", RecurrentLayer::gru(3), "x")
        .add("both", CombineLayer::concat(), ["x", "end"])
        .add("again", steps(RecurrentLayer::gru(3)), "both")
        .build(1)
        .unwrap();
    let handed = graph()
        .add("one", RecurrentLayer::gru(3), "x")
        .add("two", steps(RecurrentLayer::gru(3).initial("one")), "x")
        .build(1)
        .unwrap();
    for (model, expected) in [
        (
            late(["both", "end"]),
            "the layer 'both' (Concat) has no source code: it reads end and other, which have rows at",
        ),
        (early, "the outputs first and second have rows at different steps"),
        (
            of_the_end,
            "the layer 'again' (GRU) has no source code: it reads, at every step, what is known after the last",
        ),
        (handed, "the layer 'two' (GRU) has no source code: it begins with the last state"),
    ] {
        for error in [to_c(&model, "net").unwrap_err(), to_numpy(&model, "net").unwrap_err()] {
            let error = error.to_string();
            assert!(error.contains(expected) && !error.contains('\n'), "{error}");
        }
    }
    let error = to_c(&ahead(), "net").unwrap_err().to_string();
    assert!(error.contains("the layer 'steps' has no source code in C: it makes several steps"), "{error}");
}
