//! Models of Keras in and out.

use sumun_formats::keras::{
    self, Architecture, Call, Keras, Layer, SavedLayer, Settings, Source, Value, Weights,
};
use sumun_formats::{Tensor, Tensors, safetensors};
use sumun_nn::interchange::{Import, apply, of_keras, of_keras_with, to_keras, to_keras_h5};
use sumun_nn::model::{EmbeddingLayer, Input, Model, RecurrentLayer};
use sumun_nn::nn::AttentionLayer;
use sumun_testing::assert_close;

const MODELS: [&str; 4] =
    ["model_bidirectional_masked", "model_gru_sequence_labels", "model_simple_rnn", "model_stacked_lstm"];

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(sumun_testing::golden_dir().join("keras_models").join(name)).unwrap()
}

fn import(bytes: &[u8]) -> Import {
    of_keras(&keras::read(bytes).unwrap()).unwrap()
}

fn floats(tensors: &Tensors, name: &str) -> Vec<f32> {
    tensors.get(name).unwrap().to_f32().unwrap()
}

/// What a model answers to the input of a golden file.
fn answer(model: &Model, expected: &Tensors) -> Tensors {
    let mut inputs = Tensors::new();
    inputs.insert("input".into(), expected.get("input").unwrap().clone(), "test").unwrap();
    apply(model, &inputs, &Tensors::new()).unwrap()
}

#[test]
fn models_of_keras_answer_as_in_keras() {
    for name in MODELS {
        let expected = safetensors::read(&golden(&format!("{name}.expected.safetensors"))).unwrap().tensors;
        for form in ["keras", "h5"] {
            let Import { model, notes, .. } = import(&golden(&format!("{name}.{form}")));
            assert!(notes.is_empty(), "{name}.{form}: {notes:?}");
            let answer = answer(&model, &expected);
            let want = floats(&expected, "output");
            assert_close(&format!("{name}.{form}"), &floats(&answer, "output"), &want, 1e-5, 1e-4);
            assert_eq!(
                answer.get("output").unwrap().shape(),
                expected.get("output").unwrap().shape(),
                "{name}.{form}"
            );
            // Out and in again.
            for bytes in [to_keras(&model).unwrap(), to_keras_h5(&model).unwrap()] {
                let Import { model: again, notes, .. } = import(&bytes);
                assert!(notes.is_empty(), "{name}.{form}: {notes:?}");
                assert_eq!(again.config(), model.config(), "{name}.{form}");
                assert_eq!(again.parameters().values(), model.parameters().values(), "{name}.{form}");
            }
        }
    }
}

/// Layers of every kind, each model once as Keras saved it and once as it is written here, where Keras can hold it.
#[test]
fn layers_of_every_kind_answer_as_in_keras() {
    let folder = sumun_testing::golden_dir().join("keras_kinds");
    let mut checked = 0;
    for path in sumun_testing::golden_files("keras_kinds") {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let all = safetensors::read(&std::fs::read(&path).unwrap()).unwrap().tensors;
        let mut inputs = Tensors::new();
        for (name, tensor) in all.iter().filter(|(name, _)| !name.starts_with("expected")) {
            inputs.insert(name.into(), tensor.clone(), "test").unwrap();
        }
        let Import { model, .. } = import(&std::fs::read(folder.join(format!("{name}.keras"))).unwrap());
        let check = |model: &Model| {
            let answer = apply(model, &inputs, &Tensors::new()).unwrap();
            let outputs: Vec<&str> = model.output_names().collect();
            for (k, output) in outputs.iter().enumerate() {
                let output = if outputs.len() == 1 { "output" } else { output };
                let want = floats(&all, &format!("expected.{k}"));
                assert_close(&format!("{name}: {output}"), &floats(&answer, output), &want, 1e-5, 1e-4);
            }
        };
        check(&model);
        checked += 1;
        if let Ok(h5) = std::fs::read(folder.join(format!("{name}.h5"))) {
            check(&import(&h5).model);
        }
        for bytes in [to_keras(&model).unwrap(), to_keras_h5(&model).unwrap()] {
            match of_keras(&keras::read(&bytes).unwrap()) {
                Ok(again) => check(&again.model),
                // Keras maps the keys of such an attention by a layer of their own.
                Err(error) => {
                    assert!(
                        name == "attention" && error.to_string().contains("its keys are other"),
                        "{error}"
                    )
                }
            }
        }
    }
    assert_eq!(checked, 24);
}

/// Python's operators on tensors and functions of `keras.ops`, each result against Keras'.
#[test]
fn operators_on_tensors_answer_as_in_keras() {
    let mut results = 0;
    for path in sumun_testing::golden_files("keras_operators") {
        let all = safetensors::read(&std::fs::read(&path).unwrap()).unwrap().tensors;
        let mut inputs = Tensors::new();
        for (name, tensor) in all.iter().filter(|(name, _)| !name.starts_with("expected")) {
            inputs.insert(name.into(), tensor.clone(), "test").unwrap();
        }
        let Import { model, .. } = import(&std::fs::read(path.with_extension("keras")).unwrap());
        let answer = apply(&model, &inputs, &Tensors::new()).unwrap();
        let outputs: Vec<&str> = model.output_names().collect();
        for (k, output) in outputs.iter().enumerate() {
            let output = if outputs.len() == 1 { "output" } else { output };
            let want = floats(&all, &format!("expected.{k}"));
            let what = format!("{}: {output} ({k})", path.display());
            assert_close(&what, &floats(&answer, output), &want, 1e-5, 1e-4);
            results += 1;
        }
        // Keras 3 names no modules in an .h5, by which it tells operators from layers elsewhere.
        if let Ok(h5) = std::fs::read(path.with_extension("h5")) {
            let h5_answer = apply(&import(&h5).model, &inputs, &Tensors::new()).unwrap();
            assert_eq!(h5_answer, answer, "{}", path.display());
        }
        // Out and in again; Keras' layer of steps around a sequence has zeros alone.
        if path.ends_with("padded.safetensors") {
            let error = to_keras(&model).unwrap_err().to_string();
            assert!(error.contains("it pads with zeros alone"), "{error}");
            continue;
        }
        for bytes in [to_keras(&model).unwrap(), to_keras_h5(&model).unwrap()] {
            let again = import(&bytes).model;
            let again_answer = apply(&again, &inputs, &Tensors::new()).unwrap();
            for (output, other) in model.output_names().zip(again.output_names()) {
                let what = format!("{}: {output} again", path.display());
                assert_close(&what, &floats(&again_answer, other), &floats(&answer, output), 1e-6, 1e-6);
            }
        }
    }
    assert_eq!(results, 134);
}

/// Files of Keras 2 and of TensorFlow's Keras, against Keras 3 with the same weights.
#[test]
fn files_of_keras_two_answer_as_in_keras() {
    let mut checked = 0;
    for path in sumun_testing::golden_files("keras_two") {
        let all = safetensors::read(&std::fs::read(&path).unwrap()).unwrap().tensors;
        let mut inputs = Tensors::new();
        for (name, tensor) in all.iter().filter(|(name, _)| !name.starts_with("expected")) {
            inputs.insert(name.into(), tensor.clone(), "test").unwrap();
        }
        let Import { model, .. } = import(&std::fs::read(path.with_extension("h5")).unwrap());
        let answer = apply(&model, &inputs, &Tensors::new()).unwrap();
        let outputs: Vec<&str> = model.output_names().collect();
        for (k, output) in outputs.iter().enumerate() {
            let output = if outputs.len() == 1 { "output" } else { output };
            let want = floats(&all, &format!("expected.{k}"));
            let what = format!("{}: {output}", path.display());
            assert_close(&what, &floats(&answer, output), &want, 1e-5, 1e-4);
        }
        checked += 1;
    }
    assert_eq!(checked, 7);
}

fn object<const N: usize>(settings: [(&str, Value); N]) -> Settings {
    Settings::from(settings)
}

/// A model of layers one after the other on steps of three features, or on ids.
fn list(version: &str, is_ids: bool, layers: Vec<(&str, Settings, Vec<Tensor>)>) -> Keras {
    let mut shape = vec![Value::Null, Value::Null, 3.into()];
    if is_ids {
        shape.pop();
    }
    let mut architecture = Architecture { name: "model".into(), ..Architecture::default() };
    let mut saved = Vec::new();
    let input = ("InputLayer", object([("batch_shape", shape.into())]), Vec::new());
    for (k, (class, settings, weights)) in std::iter::once(input).chain(layers).enumerate() {
        let name = format!("layer_{k}");
        let calls = match k {
            0 => vec![Call::default()],
            k => vec![Call::of([Source::of(&format!("layer_{}", k - 1))])],
        };
        let named = weights.into_iter().enumerate().map(|(k, weight)| (format!("{name}/{k}"), weight));
        saved.push(SavedLayer { name: name.clone(), weights: named.collect() });
        architecture.layers.push(Layer {
            class: class.into(),
            name,
            settings,
            calls,
            model: None,
            shapes: Vec::new(),
        });
    }
    architecture.inputs = vec![Source::of("layer_0")];
    architecture.outputs = vec![Source::of(&architecture.layers.last().unwrap().name)];
    Keras { version: version.into(), architecture: Some(architecture), weights: Weights::Layers(saved) }
}

fn steps() -> Tensors {
    super::tensors(&[("input", super::tensor(&[2, 5, 3], 3))])
}

fn run(file: &Keras) -> Vec<f32> {
    let import = of_keras(file).unwrap();
    floats(&apply(&import.model, &steps(), &Tensors::new()).unwrap(), "output")
}

/// What Keras does to the kernels of CuDNN's layers when it loads them into its own, as it writes it.
fn of_cudnn(kernel: &Tensor, gates: usize, is_recurrent: bool) -> Tensor {
    let (rows, columns) = (kernel.shape()[0], kernel.shape()[1]);
    let (units, values) = (columns / gates, kernel.to_f32().unwrap());
    let mut out = vec![0.0; values.len()];
    for gate in 0..gates {
        let at = |row: usize, unit: usize| values[row * columns + gate * units + unit];
        // k.T, [H, I], column by column, or of a recurrent kernel row by row.
        let turned: Vec<f32> = (0..rows)
            .flat_map(|row| (0..units).map(move |unit| (row, unit)))
            .map(|(r, u)| at(r, u))
            .collect();
        for (place, value) in turned.into_iter().enumerate() {
            // … .reshape(k.shape, order='F'), column by column.
            let (row, unit) = match is_recurrent {
                true => (place % units, place / units),
                false => (place % rows, place / rows),
            };
            out[row * columns + gate * units + unit] = value;
        }
    }
    Tensor::f32(kernel.shape().to_vec(), out).unwrap()
}

#[test]
fn layers_of_cudnn_are_keras_own_with_their_weights_turned() {
    for (cudnn, own, gates, settings) in [
        ("CuDNNLSTM", "LSTM", 4, object([("units", 4.into()), ("recurrent_activation", "sigmoid".into())])),
        (
            "CuDNNGRU",
            "GRU",
            3,
            object([
                ("units", 4.into()),
                ("recurrent_activation", "sigmoid".into()),
                ("reset_after", true.into()),
            ]),
        ),
    ] {
        let rows = 4 * gates;
        let (kernel, recurrent) = (super::tensor(&[3, rows], 1), super::tensor(&[4, rows], 2));
        let biases = super::tensor(&[2 * rows], 5);
        let values = biases.to_f32().unwrap();
        let bias = match own {
            "GRU" => Tensor::f32(vec![2, rows], values).unwrap(),
            _ => {
                let sum = values[..rows].iter().zip(&values[rows..]).map(|(a, b)| a + b).collect();
                Tensor::f32(vec![rows], sum).unwrap()
            }
        };
        let turned = vec![of_cudnn(&kernel, gates, false), of_cudnn(&recurrent, gates, true), bias];
        let plain = object([("units", 4.into()), ("return_sequences", false.into())]);
        let found = run(&list("2.2.4", false, vec![(cudnn, plain, vec![kernel, recurrent, biases])]));
        assert_eq!(found, run(&list("2.2.4", false, vec![(own, settings, turned)])), "{cudnn}");
    }
}

/// The hard sigmoid is another function in Keras 2 and 3, and the standard one of the gates in Keras 2.
#[test]
fn names_mean_what_they_meant_in_their_version() {
    let weights = || vec![super::tensor(&[3, 16], 1), super::tensor(&[4, 16], 2), super::tensor(&[16], 3)];
    let of = |version: &str, gate: Option<&str>| {
        let mut settings =
            object([("units", 4.into()), ("implementation", 1.into()), ("unroll", true.into())]);
        if let Some(gate) = gate {
            settings.set("recurrent_activation", gate);
        }
        run(&list(version, false, vec![("LSTM", settings, weights())]))
    };
    assert_eq!(of("2.4.0", Some("hard_sigmoid")), of("2.4.0", None));
    assert_eq!(of("", Some("hard_sigmoid")), of("2.15.0", None));
    assert_eq!(of("3.0.0", Some("sigmoid")), of("3.0.0", None));
    assert_ne!(of("3.0.0", Some("hard_sigmoid")), of("2.4.0", Some("hard_sigmoid")));
    assert_eq!(of("2.4.0", Some("sigmoid")), of("3.0.0", Some("sigmoid")));
}

#[test]
fn what_is_not_in_the_numbers_is_said() {
    let weights = || vec![super::tensor(&[3, 16], 1), super::tensor(&[4, 16], 2), super::tensor(&[16], 3)];
    for (setting, value, part) in [
        ("time_major", Value::from(true), "here they are [N, T, F]"),
        ("stateful", true.into(), "from batch to batch"),
        ("kernel_regularizer", object([("class_name", "L2".into())]).into(), "kernel_regularizer"),
    ] {
        let mut settings = object([("units", 4.into())]);
        settings.set(setting, value);
        let import = of_keras(&list("2.4.0", false, vec![("LSTM", settings, weights())])).unwrap();
        assert!(import.notes.iter().any(|note| note.contains(part)), "{setting}: {:?}", import.notes);
    }
}

#[test]
fn what_a_model_here_does_not_have_is_refused_by_name() {
    let lstm = || vec![super::tensor(&[3, 16], 1), super::tensor(&[4, 16], 2), super::tensor(&[16], 3)];
    let units = |key: &str, value: Value| {
        let mut settings = object([("units", 4.into())]);
        settings.set(key, value);
        settings
    };
    let inner = |merge: Value| {
        let config = object([("units", 4.into()), ("name", "inner".into())]);
        let layer = object([("class_name", "LSTM".into()), ("config", config.into())]);
        object([("layer", layer.into()), ("merge_mode", merge)])
    };
    let cases: Vec<(&str, Settings, Vec<Tensor>, &str)> = vec![
        ("Lambda", object([]), vec![], "no layer of this class"),
        ("Conv2D", object([("filters", 3.into())]), vec![], "no layer of this class"),
        ("Masking", object([("mask_value", 7.0.into())]), vec![], "no layer leaves them out"),
        ("Masking", object([("mask_value", f64::MAX.into())]), vec![], "makes 0 of steps that are inf"),
        ("Dot", object([("axes", 1.into())]), vec![], "it reads 1 tensors, not two"),
        ("Dot", object([("axes", 1.into()), ("normalize", true.into())]), vec![], "lengths of its rows"),
        ("ops.Any", object([("axis", (-1).into())]), vec![], "other than for masked steps"),
        ("LSTM", units("surprise", 3.into()), lstm(), "its setting surprise = 3 is not known here"),
        ("LSTM", units("activation", "gelu".into()), lstm(), "'gelu', which no cell here has"),
        ("ZeroPadding1D", object([("padding", (-1).into())]), vec![], "not one or two numbers of steps"),
        ("LSTM", units("activation", "softmax".into()), lstm(), "which no cell here has"),
        ("LSTM", units("units", 5.into()), lstm(), "kernel of layer_1: expected [3, 20], found [3, 16]"),
        ("LSTM", units("units", (-1).into()), lstm(), "units is -1, not a size"),
        ("LSTM", units("use_bias", false.into()), lstm(), "1 weights more than its settings tell of"),
        ("Dense", units("use_bias", true.into()), vec![super::tensor(&[3, 4], 1)], "has no weight number 2"),
        ("Bidirectional", inner("max".into()), vec![], "merge_mode is 'max'"),
        (
            "RNN",
            object([(
                "cell",
                object([
                    ("class_name", "ConvLSTM2DCell".into()),
                    ("config", object([("units", 2.into())]).into()),
                ])
                .into(),
            )]),
            vec![],
            "'ConvLSTM2DCell'",
        ),
        (
            "Permute",
            object([("dims", vec![2.into(), 1.into()].into())]),
            vec![],
            "exchanges steps and features",
        ),
        ("Flatten", object([]), vec![], "no known number of steps"),
        (
            "Reshape",
            object([("target_shape", vec![Value::from(15)].into())]),
            vec![],
            "here a row becomes steps",
        ),
        ("RepeatVector", object([("n", 4.into())]), vec![], "it reads steps"),
        ("Softmax", object([("axis", 1.into())]), vec![], "its axis is 1"),
        ("BatchNormalization", object([("axis", 1.into())]), vec![], "only the last axis"),
        ("ReLU", object([("max_value", 6.0.into()), ("threshold", 1.0.into())]), vec![], "only one of"),
        ("Embedding", object([("input_dim", 9.into()), ("output_dim", 2.into())]), vec![], "no input of ids"),
        (
            "GlobalMaxPooling1D",
            object([("data_format", "channels_first".into())]),
            vec![],
            "channels_last is read",
        ),
    ];
    for (class, settings, weights, part) in cases {
        let file = list("3.0.0", false, vec![(class, settings, weights)]);
        let error = of_keras(&file).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains('\n'), "{class}: {error}");
        assert!(error.contains("layer_1"), "{class}: {error}");
    }
}

/// A slice of Python as Keras writes it.
fn slice(start: Value, stop: Value, step: Value) -> Value {
    let config = object([("start", start), ("stop", stop), ("step", step)]);
    object([("class_name", "__slice__".into()), ("config", config.into())]).into()
}

fn array(value: Value) -> Value {
    object([("class_name", "__numpy__".into()), ("config", object([("value", value)]).into())]).into()
}

#[test]
fn operators_that_no_layer_here_is_are_refused_by_name() {
    let all = || slice(Value::Null, Value::Null, Value::Null);
    let by = |step: i64| slice(Value::Null, Value::Null, step.into());
    let rest = || Value::from(object([("class_name", "__ellipsis__".into()), ("config", object([]).into())]));
    let to = |stop: i64| slice(Value::Null, stop.into(), Value::Null);
    let from = |start: i64| slice(start.into(), Value::Null, Value::Null);
    let axis = |axis: i64| object([("axis", axis.into())]);
    let key = |items: Vec<Value>| Some(Value::from(items));
    let none = || object([]);
    let shape = |shape: Vec<Value>| object([("newshape", shape.into())]);
    let sections = |sections: Value| object([("indices_or_sections", sections), ("axis", (-1).into())]);
    let huge = i64::MIN;
    let cases: Vec<(&str, Settings, Option<Value>, &str)> = vec![
        ("GetItem", none(), key(vec![0.into()]), "takes each by itself"),
        ("GetItem", none(), key(vec![by(2)]), "takes each by itself"),
        ("GetItem", none(), Some(to(1)), "takes each by itself"),
        ("GetItem", none(), key(vec![all(), to(3)]), "which steps it takes depends on how many there are"),
        ("GetItem", none(), key(vec![all(), from(-3)]), "which steps it takes depends on how many there are"),
        ("GetItem", none(), key(vec![all(), to(0)]), "which steps it takes depends on how many there are"),
        (
            "GetItem",
            none(),
            key(vec![all(), from(huge)]),
            "which steps it takes depends on how many there are",
        ),
        ("GetItem", none(), key(vec![all(), by(0)]), "it takes '__slice__'; numbers, slices"),
        ("GetItem", none(), key(vec![all(), "x".into()]), "it takes 'x'; numbers, slices"),
        ("GetItem", none(), key(vec![rest(), 3.into()]), "it takes none of 3 features"),
        ("GetItem", none(), key(vec![rest(), huge.into()]), "it takes none of 3 features"),
        ("GetItem", none(), key(vec![rest(), slice(2.into(), 1.into(), Value::Null)]), "none of 3 features"),
        ("GetItem", none(), key(vec![rest(), by(-1)]), "features that do not follow one another"),
        ("GetItem", none(), key(vec![rest(), rest(), 0.into()]), "it says twice"),
        ("GetItem", none(), key(vec![all(), all(), all(), all()]), "parts of 4 axes of [N, T, 3]"),
        (
            "GetItem",
            none(),
            key(vec![all(), Value::Null, Value::Null, 1.into(), 0.into()]),
            "it reads [N, 1, 1], which",
        ),
        ("GetItem", none(), None, "it has 1 arguments; 2 are read"),
        ("Take", axis(1), key(vec![0.into(), 2.into()]), "several places by number"),
        ("Transpose", none(), None, "it reads [3, T, N], which is no layout"),
        ("Transpose", object([("axes", vec![0.into(), 0.into(), 1.into()].into())]), None, "no order of 3"),
        ("Swapaxes", object([("axis1", 1.into()), ("axis2", 2.into())]), None, "it reads [N, 3, T], which"),
        ("Squeeze", axis(1), None, "it leaves out axis 1 of [N, T, 3], which is not 1"),
        ("ExpandDims", axis(1), None, "it reads [N, 1, T, 3], which"),
        ("ExpandDims", axis(4), None, "its axis is 4 of 4"),
        ("ExpandDims", object([("axis", vec![0.into(), 0.into()].into())]), None, "it names an axis twice"),
        ("Reshape", shape(vec![(-1).into(), 15.into()]), None, "from [N, T, 3] to [-1, 15]"),
        ("Reshape", shape(vec![huge.into(), 3.into()]), None, "axes of length 1 come and go"),
        ("Sum", axis(1), None, "steps of no known number"),
        ("Max", axis(2), None, "it reduces axis 2 of [N, T, 3]"),
        ("Mean", object([("axis", vec![1.into(), 2.into()].into())]), None, "it does not name one axis"),
        ("Mean", axis(0), None, "it reduces axis 0 of [N, T, 3]"),
        ("Softmax", axis(1), None, "shares out over another axis"),
        ("Cast", object([("dtype", "int32".into())]), None, "it makes int32 of its numbers"),
        ("Clip", object([("x_min", 1.0.into()), ("x_max", 1.0.into())]), None, "a lower and a higher one"),
        ("Cumprod", axis(1), None, "a model here has no layer of this class"),
        ("Celu", object([("alpha", 2.0.into())]), None, "a model here has no layer of this class"),
        ("Negative", object([("surprise", 1.into())]), None, "its setting surprise = 1 is not known here"),
        ("Split", sections(2.into()), None, "it cannot split 3 as it says"),
        ("Split", sections(0.into()), None, "it cannot split 3 as it says"),
        ("Split", sections(vec![2.into(), 1.into()].into()), None, "it takes none of 3 features"),
        ("Split", object([("indices_or_sections", 2.into()), ("axis", 1.into())]), None, "no known length"),
        ("Add", none(), Some(array(vec![1.0.into(), 2.0.into()].into())), "it computes with 2 numbers and"),
        (
            "Add",
            none(),
            Some(array(vec![Value::from(vec![Value::from(1.0)]), 2.0.into()].into())),
            "several axes",
        ),
        ("Add", none(), Some(array(Vec::new().into())), "several axes"),
        ("Add", none(), Some("x".into()), "which is neither a tensor nor numbers"),
        ("TrueDivide", none(), Some(0.0.into()), "it divides by 0"),
        (
            "Maximum",
            none(),
            Some(array(vec![1.0.into(), 2.0.into(), 0.0.into()].into())),
            "no layer that computes",
        ),
        ("Stack", axis(1), None, "it joins [N, 1, T, 3] along axis 1"),
        ("Concatenate", axis(1), None, "it joins [N, T, 3] along axis 1"),
    ];
    for (class, settings, second, part) in cases {
        let class = format!("ops.{class}");
        let mut file = list("3.0.0", false, vec![(&class, settings, vec![]), ("ReLU", object([]), vec![])]);
        if let Some(second) = second {
            let call = &mut file.architecture.as_mut().unwrap().layers[1].calls[0];
            call.arguments.push(Vec::new());
            call.settings.set("1", second);
        }
        let error = of_keras(&file).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains('\n'), "{class}, {part}: {error}");
        assert!(error.contains("layer_1") || error.contains("layer_2"), "{class}: {error}");
    }
}

#[test]
fn shares_of_steps_that_are_no_attention_are_refused_by_name() {
    let dense = |activation: &str| {
        let settings = object([("units", 1.into()), ("activation", activation.into())]);
        ("Dense", settings, vec![super::tensor(&[3, 1], 1), super::tensor(&[1], 2)])
    };
    let shares = || ("Softmax", object([("axis", 1.into())]), Vec::new());
    let plain = |class: &'static str| (class, object([]), Vec::new());
    let sum = |axis: i64| ("ops.Sum", object([("axis", axis.into())]), Vec::new());
    for (layers, with, part) in [
        (vec![dense("linear"), shares()], None, "it reads shares of steps, which here are only part"),
        (
            vec![dense("linear"), shares(), plain("ReLU")],
            None,
            "it reads shares of steps, which here are only part",
        ),
        (vec![dense("linear"), shares(), sum(1)], None, "it reads shares of steps, which here are only part"),
        (vec![dense("relu"), shares()], None, "it shares out over the steps what no Dense layer gives"),
        (
            vec![dense("linear"), shares(), plain("Multiply")],
            Some("layer_1"),
            "it weighs other steps than those",
        ),
        (
            vec![dense("linear"), shares(), plain("Multiply")],
            Some("layer_2"),
            "it reads shares of steps, which here",
        ),
        (
            vec![dense("linear"), shares(), plain("Multiply"), sum(2)],
            Some("layer_0"),
            "along another axis than that of",
        ),
        (
            vec![dense("linear"), shares(), plain("Multiply")],
            Some("layer_0"),
            "it reads shares of steps, which here",
        ),
    ] {
        let mut file = list("3.0.0", false, layers);
        if let Some(with) = with {
            let calls = &mut file.architecture.as_mut().unwrap().layers[3].calls;
            *calls = vec![Call::of([Source::of("layer_2"), Source::of(with)])];
        }
        let error = of_keras(&file).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains('\n'), "{part}: {error}");
    }
}

/// A Functional model of dense layers of three features, each of which reads others by name, use and output.
fn graph(layers: Vec<Layer>, outputs: &[&str]) -> Keras {
    let input = Layer {
        class: "InputLayer".into(),
        name: "in".into(),
        settings: object([("batch_shape", vec![Value::Null, 3.into()].into())]),
        calls: vec![Call::default()],
        model: None,
        shapes: Vec::new(),
    };
    let layers: Vec<Layer> = std::iter::once(input).chain(layers).collect();
    let saved = layers.iter().map(|layer| SavedLayer { name: layer.name.clone(), weights: of_layer(layer) });
    let saved = saved.collect();
    let (inputs, outputs) = (vec![Source::of("in")], outputs.iter().map(|name| Source::of(name)).collect());
    let architecture = Architecture { name: "m".into(), layers, inputs, outputs };
    Keras { version: "3.0.0".into(), architecture: Some(architecture), weights: Weights::Layers(saved) }
}

/// The weights of a dense layer, or of those of a model, which has no other layers with weights.
fn of_layer(layer: &Layer) -> Vec<(String, Tensor)> {
    match &layer.model {
        Some(model) => model.layers.iter().flat_map(of_layer).collect(),
        None if layer.class == "Dense" => {
            let seed = layer.name.len();
            let named = |what: &str, tensor| (format!("{}/{what}", layer.name), tensor);
            vec![named("kernel", super::tensor(&[3, 3], seed)), named("bias", super::tensor(&[3], seed + 1))]
        }
        None => Vec::new(),
    }
}

fn used(class: &str, name: &str, settings: Settings, calls: Vec<Call>) -> Layer {
    Layer { class: class.into(), name: name.into(), settings, calls, model: None, shapes: Vec::new() }
}

fn dense_used(name: &str, calls: &[&[(&str, usize)]]) -> Layer {
    let call = |reads: &&[(&str, usize)]| {
        let source = |&(layer, call): &(&str, usize)| Source { call, ..Source::of(layer) };
        Call::of(reads.iter().map(source).collect::<Vec<_>>())
    };
    let class = if calls[0].len() > 1 { "Add" } else { "Dense" };
    let settings = if class == "Dense" { object([("units", 3.into())]) } else { object([]) };
    used(class, name, settings, calls.iter().map(call).collect())
}

fn answer_of(file: &Keras) -> Vec<f32> {
    let rows = super::tensors(&[("input", super::tensor(&[4, 3], 2))]);
    floats(&apply(&of_keras(file).unwrap().model, &rows, &Tensors::new()).unwrap(), "output")
}

/// A layer that is used again, also on what comes behind it in the file, has the same weights at each use.
#[test]
fn each_use_of_a_shared_layer_has_its_weights() {
    let shared = graph(
        vec![
            dense_used("a", &[&[("in", 0)], &[("bb", 0)], &[("a", 1)]]),
            dense_used("bb", &[&[("a", 0)]]),
            dense_used("sum", &[&[("a", 2), ("a", 0), ("bb", 0)]]),
        ],
        &["sum"],
    );
    let import = of_keras(&shared).unwrap();
    assert_eq!(import.model.layer_names().collect::<Vec<_>>(), ["a", "bb", "a_2", "a_3", "sum"]);
    assert!(import.notes.iter().any(|note| note.starts_with("a is used 3 times with the same weights")));
    // The same with layers of their own, whose names give them the same weights.
    let apart = graph(
        vec![
            dense_used("a", &[&[("in", 0)]]),
            dense_used("bb", &[&[("a", 0)]]),
            dense_used("c", &[&[("bb", 0)]]),
            dense_used("d", &[&[("c", 0)]]),
            dense_used("sum", &[&[("d", 0), ("a", 0), ("bb", 0)]]),
        ],
        &["sum"],
    );
    assert_eq!(answer_of(&shared), answer_of(&apart));
}

/// A model within the model, which may be used twice and return what nothing reads.
fn nested(name: &str, calls: Vec<Call>, inner: Vec<Layer>, outputs: &[&str]) -> Layer {
    let Keras { architecture: Some(model), .. } = graph(inner, outputs) else { panic!("no architecture") };
    Layer { model: Some(Box::new(model)), ..used("Functional", name, object([]), calls) }
}

#[test]
fn models_within_models_are_their_layers() {
    let calls = vec![Call::of([Source::of("in")]), Call::of([Source::of("m")])];
    let inner = vec![dense_used("a", &[&[("in", 0)]]), dense_used("idle", &[&[("a", 0)]])];
    let file =
        graph(vec![nested("m", calls, inner, &["a", "idle"]), dense_used("bb", &[&[("m", 1)]])], &["bb"]);
    let import = of_keras(&file).unwrap();
    assert_eq!(import.model.layer_names().collect::<Vec<_>>(), ["m_a", "m_2_a", "bb"]);
    assert!(import.notes.iter().any(|note| note.contains("no output depends on it: m_2_idle, m_idle")));
    let apart = graph(
        vec![
            dense_used("a", &[&[("in", 0)]]),
            dense_used("c", &[&[("a", 0)]]),
            dense_used("bb", &[&[("c", 0)]]),
        ],
        &["bb"],
    );
    assert_eq!(answer_of(&file), answer_of(&apart));
}

/// Uses within uses grow beyond any file.
#[test]
fn what_is_used_again_and_again_is_refused() {
    let twice = |of: &str| vec![Call::of([Source::of("in")]), Call::of([Source::of(of)])];
    let mut inner = vec![dense_used("a", &[&[("in", 0)]])];
    for depth in 0..20 {
        let name = format!("m{depth}");
        let last = inner.last().unwrap().name.clone();
        inner = vec![nested(&name, twice(&name), inner, &[&last])];
    }
    let error = of_keras(&graph(inner, &["m19"])).unwrap_err().to_string();
    assert!(error.contains("uses layers over 10000 times"), "{error}");
    // A large layer, used often.
    let width = 3000;
    let large = object([("units", width.into()), ("use_bias", false.into())]);
    let calls = (0..9_usize).map(|k| match k.checked_sub(1) {
        None => Call::of([Source::of("in")]),
        Some(call) => Call::of([Source { call, ..Source::of("a") }]),
    });
    let mut file = graph(vec![used("Dense", "a", large, calls.collect())], &["a"]);
    let architecture = file.architecture.as_mut().unwrap();
    architecture.layers[0].settings.set("batch_shape", vec![Value::Null, width.into()]);
    architecture.outputs[0].call = 8;
    let kernel = Tensor::f32(vec![width, width], vec![0.0; width * width]).unwrap();
    file.weights =
        Weights::Layers(vec![SavedLayer { name: "a".into(), weights: vec![("a/kernel".into(), kernel)] }]);
    let error = of_keras(&file).unwrap_err().to_string();
    assert!(
        error.contains("'a' (Dense): it is used so often that over 9000000 weights are copied"),
        "{error}"
    );
}

/// Keras computes with masked steps where a layer does not heed the mask; here a masked step is none.
#[test]
fn masks_that_some_layers_heed_and_others_do_not_are_refused() {
    let embedding = object([("input_dim", 9.into()), ("output_dim", 3.into()), ("mask_zero", true.into())]);
    let convolution = object([
        ("filters", 4.into()),
        ("kernel_size", vec![Value::from(2)].into()),
        ("use_bias", false.into()),
    ]);
    let masked = |class, settings, weights, last| {
        let table = super::tensor(&[9, 3], 1);
        let layers = vec![("Embedding", embedding.clone(), vec![table]), (class, settings, weights), last];
        of_keras(&list("3.0.0", true, layers))
    };
    let lstm = |inputs: usize| {
        let settings = object([("units", 4.into()), ("return_sequences", true.into())]);
        let weights =
            vec![super::tensor(&[inputs, 16], 1), super::tensor(&[4, 16], 2), super::tensor(&[16], 3)];
        ("LSTM", settings, weights)
    };
    let (class, settings, weights) = lstm(3);
    let last = ("Conv1D", convolution.clone(), vec![super::tensor(&[2, 4, 4], 5)]);
    let error = masked(class, settings, weights, last).unwrap_err().to_string();
    assert!(error.contains("'layer_3' (Conv1D) computes with steps that 'layer_1' masks"), "{error}");
    // Behind an operator Keras has lost the mask.
    let (class, settings, weights) = lstm(3);
    let mean = ("GlobalAveragePooling1D", object([]), Vec::new());
    let table = super::tensor(&[9, 3], 1);
    let layers = vec![
        ("Embedding", embedding.clone(), vec![table]),
        (class, settings, weights),
        ("ops.Negative", object([]), Vec::new()),
        mean,
    ];
    let error = of_keras(&list("3.0.0", true, layers)).unwrap_err().to_string();
    assert!(error.contains("'layer_4' (GlobalAveragePooling1D) computes with steps"), "{error}");
    // The mask ends at the convolution in Keras as well, so nobody heeds it.
    let import = masked("Conv1D", convolution, vec![super::tensor(&[2, 3, 4], 5)], lstm(4)).unwrap();
    assert!(import.notes.iter().any(|note| note.contains("no layer heeds it")), "{:?}", import.notes);
}

/// Sizes that a configuration asks for without weights that bear them out.
#[test]
fn sizes_out_of_nothing_are_errors() {
    let huge: Value = 1_000_000_000_000_i64.into();
    for (class, settings) in [
        ("LayerNormalization", object([("scale", false.into()), ("center", false.into())])),
        ("BatchNormalization", object([("scale", false.into()), ("center", false.into())])),
        ("AdditiveAttention", object([("use_scale", false.into())])),
        ("Attention", object([])),
    ] {
        let mut file = list("3.0.0", false, vec![(class, settings, Vec::new())]);
        let architecture = file.architecture.as_mut().unwrap();
        let shape = vec![Value::Null, Value::Null, huge.clone()];
        architecture.layers[0].settings.set("batch_shape", shape);
        if class.ends_with("Attention") {
            architecture.layers[1].calls = vec![Call::of([Source::of("layer_0"), Source::of("layer_0")])];
        }
        assert!(of_keras(&file).is_err(), "{class}");
    }
    // A layer for each part, again and again.
    let sections = object([("indices_or_sections", 500.into()), ("axis", (-1).into())]);
    let mut splits =
        vec![("ops.Sum", object([("axis", (-1).into()), ("keepdims", true.into())]), Vec::new())];
    splits.extend((0..40).map(|_| ("ops.Split", sections.clone(), Vec::new())));
    let mut file = list("3.0.0", false, splits);
    let architecture = file.architecture.as_mut().unwrap();
    architecture.layers[0].settings.set("batch_shape", vec![Value::Null, Value::Null, 500.into()]);
    architecture
        .layers
        .iter_mut()
        .skip(2)
        .for_each(|layer| layer.calls = vec![Call::of([Source::of("layer_0")])]);
    let error = of_keras(&file).unwrap_err().to_string();
    assert!(error.contains("(ops.Split): it is too large"), "{error}");
    let repeat = object([("n", 4096.into())]);
    let mean = object([]);
    let mut layers = vec![("GlobalAveragePooling1D", mean.clone(), Vec::new())];
    for _ in 0..1000 {
        layers.push(("RepeatVector", repeat.clone(), Vec::new()));
        layers.push(("GlobalAveragePooling1D", mean.clone(), Vec::new()));
    }
    assert!(of_keras(&list("3.0.0", false, layers)).is_err());
}

/// Any byte of a file that has no checksum may be another one: an error or another model, never a panic.
#[test]
fn damaged_files_are_errors_or_other_models() {
    let whole = golden("model_bidirectional_masked.h5");
    let start = whole.windows(14).position(|part| part == br#"{"class_name":"#.as_slice()).unwrap();
    let mut damaged = whole.clone();
    let mut errors = 0;
    for at in (start..start + 6000).step_by(19) {
        for value in [b'0', b'"', whole[at] ^ 1] {
            damaged[at] = value;
            errors += usize::from(!keras::read(&damaged).is_ok_and(|file| of_keras(&file).is_ok()));
        }
        damaged[at] = whole[at];
    }
    assert!(errors > 100, "{errors}");
}

#[test]
fn weights_alone_are_those_of_an_architecture() {
    let whole = import(&golden("model_stacked_lstm.h5"));
    let file = keras::read(&golden("model_stacked_lstm.keras")).unwrap();
    let alone = Keras { architecture: None, ..file };
    let given = of_keras_with(&alone, whole.model.config().clone()).unwrap();
    assert_eq!(given.model.parameters().values(), whole.model.parameters().values());
    // Without one, layers are told from shapes, and what they do not tell is said.
    let told = of_keras(&alone).unwrap();
    let names: Vec<&str> = told.model.layer_names().collect();
    assert_eq!(names, ["embedding_1", "lstm_1", "lstm_2", "dense_1", "dense_2"]);
    assert!(
        told.notes.iter().any(|note| note.contains("activations between the layers")),
        "{:?}",
        told.notes
    );
    // Where the reset gate is, they tell by the bias alone.
    let gru = |bias: Vec<usize>| {
        let count = bias.iter().product();
        let weights = vec![
            ("gru/kernel:0".to_owned(), super::tensor(&[3, 12], 1)),
            ("gru/recurrent_kernel:0".to_owned(), super::tensor(&[4, 12], 2)),
            ("gru/bias:0".to_owned(), Tensor::f32(bias, vec![0.1; count]).unwrap()),
        ];
        let weights = Weights::Layers(vec![SavedLayer { name: "gru".into(), weights }]);
        of_keras(&Keras { version: String::new(), architecture: None, weights })
    };
    assert!(gru(vec![2, 12]).is_ok());
    let error = gru(vec![12]).unwrap_err().to_string();
    assert!(error.contains("where the reset gate of the GRU is"), "{error}");
}

/// Attention over time is two dense layers, a softmax over the steps and a sum there, and comes back as what it was.
#[test]
fn attention_over_time_goes_to_keras_and_back() {
    let model = Model::builder(Input::numbers(3))
        .layer(RecurrentLayer::gru(4).return_sequences(true))
        .layer(AttentionLayer::new(5).name("pooled"))
        .dense(2)
        .build(3)
        .unwrap();
    for bytes in [to_keras(&model).unwrap(), to_keras_h5(&model).unwrap()] {
        let Import { model: again, notes, .. } = import(&bytes);
        assert!(notes.is_empty(), "{notes:?}");
        assert!(again.config().layers.iter().any(|layer| layer.get::<AttentionLayer>().is_some()));
        assert_eq!(again.parameters().values().len(), model.parameters().values().len());
        let (one, other) = (answer(&model, &steps()), answer(&again, &steps()));
        assert_close("again", &floats(&other, "output"), &floats(&one, "output"), 1e-6, 1e-6);
    }
    let masked = Model::builder(Input::ids(5))
        .layer(EmbeddingLayer::new(4).mask_zero(true).padding_id(0_u32))
        .layer(AttentionLayer::new(5))
        .build(3)
        .unwrap();
    let error = to_keras(&masked).unwrap_err().to_string();
    assert!(
        error.contains("'attention' (attention) as one of Keras: its shares there are of all steps"),
        "{error}"
    );
}

/// The numbers of steps that `ops.pad` adds are those at the end, or those that lie as far within it.
#[test]
fn steps_are_added_from_the_ends_of_sequences() {
    let x = floats(&steps(), "input");
    let row = |n: usize, t: usize| &x[(n * 5 + t) * 3..(n * 5 + t + 1) * 3];
    for (mode, places) in [("edge", [0, 0, 0, 1, 2, 3, 4, 4]), ("reflect", [2, 1, 0, 1, 2, 3, 4, 3])] {
        let pair = |before: i64, after: i64| Value::List(vec![before.into(), after.into()]);
        let widths = Value::List(vec![pair(0, 0), pair(2, 1), pair(0, 0)]);
        let settings = object([("pad_width", widths), ("mode", mode.into())]);
        let found = run(&list("3.15.1", false, vec![("ops.Pad", settings, Vec::new())]));
        let wanted: Vec<f32> =
            (0..2).flat_map(|n| places.iter().flat_map(move |&t| row(n, t))).copied().collect();
        assert_eq!(found, wanted, "{mode}");
    }
}

/// Operators that no layer here is are refused by name, those of Keras 2 too.
#[test]
fn operators_that_no_layer_is_are_refused_by_name() {
    let matrix = |rows: Vec<Vec<f64>>| -> Value {
        let rows: Vec<Value> =
            rows.into_iter().map(|row| Value::List(row.into_iter().map(Value::from).collect())).collect();
        object([("class_name", "__numpy__".into()), ("config", object([("value", rows.into())]).into())])
            .into()
    };
    let wide: Value = vec![Value::from(0), Value::from(i64::MAX)].into();
    let widths: Value = vec![wide.clone(), wide.clone(), wide].into();
    let of = |class: &str, settings: Settings, second: Option<Value>| {
        let mut file = list("3.15.1", false, vec![(class, settings, Vec::new())]);
        let call = &mut file.architecture.as_mut().unwrap().layers[1].calls[0];
        if let Some(value) = second {
            call.arguments.push(Vec::new());
            call.settings.set("1", value);
        }
        of_keras(&file).unwrap_err().to_string()
    };
    let none = Settings::default;
    let function = |name: &str| object([("function", name.into())]);
    let node = |op: &str| object([("node_def", object([("op", op.into())]).into())]);
    for (error, expected) in [
        (of("ops.Pad", object([("pad_width", widths)]), None), "along other than the steps"),
        (of("ops.Pad", none(), None), "its pad_width is not two numbers for each axis of [N, T, 3]"),
        (of("ops.Cumsum", object([("axis", 2.into())]), None), "it sums up axis 2"),
        (
            of("ops.Repeat", object([("axis", 1.into()), ("repeats", Value::Integer(i64::MAX))]), None),
            "it repeats axis 1",
        ),
        (of("ops.Matmul", none(), Some(matrix(vec![vec![1.0, 2.0]]))), "by a matrix for 1 features"),
        (
            of("ops.Matmul", none(), Some(matrix(vec![vec![1.0], vec![1.0, 2.0], vec![]]))),
            "neither a tensor nor a matrix",
        ),
        (of("ops.Matmul", none(), Some(matrix(vec![Vec::new(); 3]))), "neither a tensor nor a matrix"),
        (
            of(
                "ops.Einsum",
                object([("subscripts", "abc,cd->abd,x".into())]),
                Some(matrix(vec![vec![1.0]; 3])),
            ),
            "it computes 'abc,cd->abd,x'",
        ),
        (
            of(
                "ops.Einsum",
                object([("subscripts", "abcdefghij,cd->a".into())]),
                Some(matrix(vec![vec![1.0]; 3])),
            ),
            "it computes",
        ),
        (of("ops.Where", none(), Some(1.0.into())), "it has 2 arguments; 3 are read"),
        (of("ops.Greater", none(), Some(matrix(vec![vec![1.0]; 3]))), "an array of several axes"),
        (
            of("TFOpLambda", function("math.cumprod"), None),
            "its function 'math.cumprod' is none that is read here",
        ),
        (of("TFOpLambda", function("math.add"), None), "its argument y is missing"),
        (of("TFOpLambda", none(), None), "its function '' is none"),
        (of("SlicingOpLambda", function("__operators__.getitem"), None), "it does not say what it takes"),
        (of("TensorFlowOpLayer", node("Einsum"), None), "its operator 'Einsum' is none that is read here"),
        (of("TensorFlowOpLayer", node("AddV2"), None), "it has 1 inputs; 2 are read"),
        (of("TensorFlowOpLayer", none(), None), "its operator '' is none"),
    ] {
        assert!(error.contains(expected) && error.contains("'layer_1'") && !error.contains('\n'), "{error}");
    }
}
