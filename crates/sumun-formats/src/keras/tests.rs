//! Models that Keras saved, configurations of all its versions, and files that are none.

use super::*;
use crate::json;
use crate::tensor::Tensor;

const MODELS: [&str; 4] =
    ["model_bidirectional_masked", "model_gru_sequence_labels", "model_simple_rnn", "model_stacked_lstm"];

fn saved(name: &str) -> Vec<u8> {
    std::fs::read(sumun_testing::golden_dir().join("keras_models").join(name)).unwrap()
}

/// What a layer of a class has: its parts, and how many weights each.
fn parts(class: &str) -> &'static [(&'static str, usize)] {
    match class {
        "Embedding" => &[("", 1)],
        "Dense" => &[("", 2)],
        "SimpleRNN" | "GRU" | "LSTM" => &[("cell", 3)],
        "Bidirectional" => &[("forward_layer/cell", 3), ("backward_layer/cell", 3)],
        "TimeDistributed" => &[("layer", 2)],
        _ => &[],
    }
}

fn all_weights(file: &Keras) -> Vec<LayerWeights> {
    let architecture = file.architecture.as_ref().unwrap();
    let mut taken = file.weights.of(architecture).unwrap();
    let of_layer = |(layer, taken): (&Layer, &mut Taken<'_>)| {
        let of_part = |&(path, count): &(&str, usize)| {
            let arrays = taken.next(path, count).unwrap().into_iter().cloned();
            let arrays = arrays.enumerate().map(|(k, tensor)| (format!("w{k}"), tensor)).collect();
            Part { path: path.into(), arrays }
        };
        LayerWeights { parts: parts(&layer.class).iter().map(of_part).collect() }
    };
    let weights = architecture.layers.iter().zip(&mut taken).map(of_layer).collect();
    taken.into_iter().for_each(|taken| taken.finish().unwrap());
    weights
}

#[test]
fn both_forms_of_a_model_say_the_same() {
    for name in MODELS {
        let [archive, h5] = ["keras", "h5"].map(|form| saved(&format!("{name}.{form}")));
        assert!(is_keras(&archive) && is_keras(&h5));
        let [archive, h5] = [archive, h5].map(|bytes| read(&bytes).unwrap());
        assert_eq!((archive.version.as_str(), h5.version.as_str()), ("3.15.1", "3.15.1"));
        let of = |file: &Keras| {
            let layers = &file.architecture.as_ref().unwrap().layers;
            layers.iter().map(|layer| (layer.class.clone(), layer.name.clone())).collect::<Vec<_>>()
        };
        assert_eq!(of(&archive), of(&h5));
        assert_eq!(all_weights(&archive), all_weights(&h5), "{name}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    for name in MODELS {
        let file = read(&saved(&format!("{name}.keras"))).unwrap();
        let (architecture, weights) = (file.architecture.as_ref().unwrap(), all_weights(&file));
        for bytes in [write(architecture, &weights).unwrap(), write_h5(architecture, &weights).unwrap()] {
            let again = read(&bytes).unwrap();
            assert_eq!(all_weights(&again), weights, "{name}");
            assert_eq!(again.architecture.as_ref(), Some(architecture), "{name}");
        }
    }
}

fn architecture(text: &str) -> crate::Result<Architecture> {
    Architecture::of(&json::parse(text.as_bytes(), "test")?)
}

#[test]
fn configurations_of_every_version_are_read() {
    let source = |layer: &str, output| Source { layer: layer.into(), call: 0, output };
    // Keras 2: an input inside the first layer, and a list instead of settings.
    for text in [
        r#"{"class_name":"Sequential","config":[{"class_name":"LSTM","config":{"name":"lstm_1","batch_input_shape":[null,5,3],"units":4}}]}"#,
        r#"{"class_name":"Sequential","config":{"name":"s","layers":[{"class_name":"LSTM","config":{"name":"lstm_1","batch_input_shape":[null,5,3],"units":4}}]}}"#,
    ] {
        let read = architecture(text).unwrap();
        assert_eq!(read.layers[0].class, "InputLayer");
        let shape = vec![Value::Null, Value::from(5), Value::from(3)];
        assert_eq!(read.layers[0].settings.get("batch_shape"), Some(&Value::from(shape)));
        assert_eq!(read.layers[1].calls, [Call::of([source("input", 0)])]);
        assert_eq!(read.outputs, [source("lstm_1", 0)]);
    }
    // The states of an encoder, as Keras 2 and 3 write that they are read.
    let older = r#"[["e",0,0,{"initial_state":[["l",0,1],["l",0,2]],"training":false,"mask":null}]]"#;
    let bare = r#"["e",0,0,{"initial_state":[["l",0,1],["l",0,2]],"training":false}]"#;
    let tensor = |layer, output| {
        format!(
            r#"{{"class_name":"__keras_tensor__","config":{{"shape":[null,4],"dtype":"float32","keras_history":["{layer}",0,{output}]}}}}"#
        )
    };
    let newer = format!(
        r#"{{"args":[{}],"kwargs":{{"initial_state":[{},{}],"training":false,"mask":null}}}}"#,
        tensor("e", 0),
        tensor("l", 1),
        tensor("l", 2)
    );
    let expected = Call {
        arguments: vec![vec![source("e", 0)]],
        named: vec![("initial_state".into(), vec![source("l", 1), source("l", 2)])],
        settings: Settings::from([("training", false.into())]),
    };
    for (class, node) in [("Model", older), ("Model", bare), ("Functional", newer.as_str())] {
        let text = format!(
            r#"{{"class_name":"{class}","config":{{"name":"m","layers":[{{"class_name":"LSTM","name":"d","config":{{"units":4}},"inbound_nodes":[{node}]}}],"input_layers":[["e",0,0]],"output_layers":["d",0,0]}}}}"#
        );
        let read = architecture(&text).unwrap();
        assert_eq!(read.layers[0].calls.as_slice(), std::slice::from_ref(&expected), "{class}");
        assert_eq!((read.inputs, read.outputs), (vec![source("e", 0)], vec![source("d", 0)]));
    }
}

#[test]
fn what_is_no_model_is_an_error() {
    for (text, part) in [
        ("{}", "has no class_name"),
        (r#"{"class_name":"MyModel","config":{}}"#, "the model is of the class 'MyModel'"),
        (r#"{"class_name":"Sequential","config":{"layers":[]}}"#, "without layers"),
        (r#"{"class_name":"Sequential","config":{"layers":[{"class_name":"LSTM","config":{}}]}}"#, "no name"),
        (
            r#"{"class_name":"Sequential","config":{"layers":[{"class_name":"LSTM","config":{"name":"l"}}]}}"#,
            "build the model",
        ),
        (
            r#"{"class_name":"Model","config":{"layers":[],"input_layers":[],"output_layers":[]}}"#,
            "no input_layers",
        ),
        (r#"{"class_name":1,"class_name":2}"#, "two entries are named 'class_name'"),
    ] {
        let error = architecture(text).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains('\n'), "{error}");
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(architecture(&deep).is_err());
}

/// Weights that no layer has, and layers whose weights are not there.
#[test]
fn weights_are_all_taken_or_it_is_an_error() {
    for form in ["keras", "h5"] {
        let file = read(&saved(&format!("model_simple_rnn.{form}"))).unwrap();
        let mut architecture = file.architecture.clone().unwrap();
        let dense = architecture.layers.iter().position(|layer| layer.class == "Dense").unwrap();
        let mut taken = file.weights.of(&architecture).unwrap();
        assert!(taken[dense].next("", 3).is_err());
        let error = taken.remove(dense - 1).finish().unwrap_err().to_string();
        assert!(error.contains("3 weights more than its settings tell of"), "{error}");
        architecture.layers.remove(dense);
        let error = file.weights.of(&architecture).unwrap_err().to_string();
        assert!(error.contains("are of no layer of its configuration"), "{error}");
    }
}

#[test]
fn classes_are_written_as_keras_writes_them() {
    for (class, path) in [
        ("GRU", "gru"),
        ("Conv1D", "conv1d"),
        ("SimpleRNN", "simple_rnn"),
        ("TimeDistributed", "time_distributed"),
        ("GlobalAveragePooling1D", "global_average_pooling1d"),
        ("StackedRNNCells", "stacked_rnn_cells"),
        ("LSTMCell", "lstm_cell"),
        ("PReLU", "p_re_lu"),
        ("CuDNNLSTM", "cu_dnnlstm"),
    ] {
        assert_eq!(weights::snake(class), path);
    }
}

/// A damaged archive is an error: its checksums cover all that is in it.
#[test]
fn damaged_archives_are_errors() {
    let bytes = saved("model_simple_rnn.keras");
    let whole = read(&bytes).unwrap();
    for length in (0..bytes.len()).step_by(211) {
        assert!(read(&bytes[..length]).is_err(), "{length} bytes");
    }
    let mut damaged = bytes.clone();
    for at in (0..bytes.len()).step_by(37) {
        damaged[at] ^= 1 << (at % 8);
        // What is left can be the time of an entry, or the like.
        assert!(read(&damaged).is_err() || read(&damaged) == Ok(whole.clone()), "byte {at}");
        damaged[at] = bytes[at];
    }
}

#[test]
fn a_weight_has_a_place_of_its_own() {
    let layer = Layer {
        class: "Dense".into(),
        name: "d".into(),
        settings: Settings::default(),
        calls: vec![Call::default()],
        model: None,
        shapes: Vec::new(),
    };
    let architecture =
        Architecture { name: "m".into(), layers: vec![layer], inputs: Vec::new(), outputs: Vec::new() };
    let one = Tensor::f32(vec![1], vec![1.0]).unwrap();
    let twice = vec![("kernel".to_owned(), one.clone()), ("kernel".to_owned(), one)];
    let weights = [LayerWeights { parts: vec![Part { path: String::new(), arrays: twice }] }];
    assert!(write_h5(&architecture, &weights).is_err());
}
