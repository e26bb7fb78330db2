//! Models of other programs: shown, taken in, run on arrays, and given out.

use std::path::PathBuf;

use crate::place::{Place, last_json};

pub(crate) fn golden(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../sumun-testing/golden/torch_files");
    folder.join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_classifier_of_pytorch_is_shown_taken_in_run_and_given_out() {
    let place = Place::new();
    let file = golden("gru_checkpoint.pt");
    let shown = place.succeed(&["show", &file]);
    for part in ["PyTorch", "rnn (Bidirectional GRU × 2)", "rnn.weight_hh_l1_reverse", "kind = \"gru\""] {
        assert!(shown.stdout.contains(part), "{}", shown.stdout);
    }
    assert!(shown.stderr.contains("under 'model_state_dict' of a checkpoint"), "{}", shown.stderr);
    let json = last_json(&place.succeed(&["show", &file, "--json"]));
    assert_eq!(
        (json["parameters"].as_u64(), json["tensors"][0]["shape"][0].as_u64()),
        (Some(4820), Some(50))
    );

    let taken = place.succeed(&["import", &file, "--out", "m.safetensors"]);
    assert!(taken.stderr.contains("largest difference on random input: 0.0e0"), "{}", taken.stderr);
    place.write("x.safetensors", std::fs::read(golden("gru.expected.safetensors")).unwrap());
    // The expected file has the output beside the input, which no model reads.
    let apply = ["apply", "m.safetensors", "--input", "x.safetensors", "--output", "y.npz"];
    place.refuse(&apply, &["the model reads no array 'output'; it reads input"]);

    let out = ["--to", "torch", "--out", "m.pt"];
    let given = place.succeed(&[&["export", "m.safetensors"][..], &out].concat());
    assert!(given.stderr.contains("largest difference on random input: 0.0e0"), "{}", given.stderr);
    let again = last_json(&place.succeed(&["show", "m.pt", "--json"]));
    assert_eq!(again["model"], json["model"]);
}

/// A `.npy` file of numbers, `[T, F]`.
pub(crate) fn npy(shape: [usize; 2]) -> Vec<u8> {
    let header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", shape[0], shape[1]);
    let header = format!("{header:<117}\n");
    let values = (0..shape[0] * shape[1]).flat_map(|value| (value as f32 / 8.0).to_le_bytes());
    [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), header.as_bytes()]
        .concat()
        .into_iter()
        .chain(values)
        .collect()
}

#[test]
fn states_go_from_call_to_call_and_are_never_cut() {
    let place = Place::new();
    place.write("layers.toml", "[input]\nfeatures = 5\n[[layers]]\nkind = \"lstm\"\nunits = 6\nreturn_sequences = true\n[[layers]]\nkind = \"dense\"\nunits = 3\n");
    place.write("x.npy", npy([4, 5]));
    let weights = golden("shared_storage_strided.pt");
    let apply = ["apply", &weights, "--architecture", "layers.toml", "--input", "x.npy", "--output"];
    place.succeed(&[&apply[..], &["y.npy"]].concat());
    place.succeed(&[&apply[..], &["y1.npy", "--state-out", "s.npz"]].concat());
    place.succeed(&[&apply[..], &["y2.npy", "--state", "s.npz"]].concat());
    let bytes = |name: &str| std::fs::read(place.path(name)).unwrap();
    assert_eq!(bytes("y.npy"), bytes("y1.npy"));
    assert_ne!(bytes("y.npy"), bytes("y2.npy"));
    let cut = [&apply[..], &["y3.npy", "--state-out", "s.npy"]].concat();
    place.refuse(&cut, &["s.npy: a .npy file has one array, and there are h_n, c_n; give a .npz file"]);
}

#[test]
fn the_network_of_a_run_is_given_out_and_run() {
    let place = Place::new();
    let rows: String = (0..80).map(|i| format!("{}\n", (i % 8) as f32 + 0.5)).collect();
    place.write("s.csv", format!("value\n{rows}"));
    let run = [
        "train",
        "forecast",
        "s.csv",
        "--target",
        "value",
        "--horizon",
        "4",
        "--epochs",
        "2",
        "--out",
        "run",
        "--quiet",
    ];
    place.succeed(&run);
    place.succeed(&["export", "run", "--to", "safetensors", "--out", "net.safetensors"]);
    let shown = last_json(&place.succeed(&["show", "run", "--json"]));
    assert_eq!(shown["format"], "Sumun, a run of forecast");
    assert!(place.path("net.safetensors").exists());
}

#[test]
fn what_cannot_be_taken_in_is_one_line() {
    let place = Place::new();
    place.write("a.csv", "date,value\n2020-01-01,1\n");
    place.write("layers.toml", "[input]\nvocabulary = 50\n[[layers]]\nkind = \"embedding\"\nfeatures = 9\n");
    place.write("x.txt", "1");
    // An ONNX file (version 8, operators of 17) of the one node y = Sort() and without any array.
    let graph = b"\x0a\x09\x12\x01y\x22\x04Sort\x12\x01g\x62\x03\x0a\x01y";
    let head = &b"\x08\x08\x42\x02\x10\x11\x3a"[..];
    place.write("sort.onnx", [head, &[graph.len() as u8], graph].concat());
    let model = golden("lstm_state_dict.pt");
    let model = model.as_str();
    for (arguments, expected) in [
        (&["show", "a.csv"][..], "a.csv: is in no format that is read here"),
        // There are no arrays to show beside the error.
        (&["show", "sort.onnx"], "no layer here does what this operator does"),
        (&["show", "missing.pt"], "missing.pt: there is no such run folder or model file"),
        (
            &["import", model, "--architecture", "layers.toml", "--out", "m"],
            "the layer embedding of the architecture has",
        ),
        (&["import", model, "--architecture", "a.csv", "--out", "m"], "a.csv: line 1 of the model"),
        (
            &["apply", model, "--input", "x.txt", "--output", "y.npz"],
            "x.txt: its ending names no format of arrays",
        ),
        (&["export", model, "--to", "torch", "--out", "/nowhere/at/all.pt"], "/nowhere/at/all.pt"),
        (&["export", model, "--to", "torch", "--out", model], "would be overwritten"),
    ] {
        place.refuse(arguments, &[expected]);
    }
}

/// A graph that does different things for different values of an input is read for the one that the user tells.
#[test]
fn a_number_that_a_graph_branches_on_is_an_option() {
    let place = Place::new();
    let graphs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../sumun-testing/golden/onnx_graphs");
    let file = graphs.join("two_rates.onnx").display().to_string();
    place.refuse(&["import", &file, "--out", "m.safetensors"], &["give it with --set-input sr=16000"]);
    // The error comes without a table of arrays before it.
    place.refuse(&["show", &file], &["give it with --set-input sr=16000"]);
    place.refuse(&["show", &file, "--json"], &["give it with --set-input sr=16000"]);
    let shown = place.succeed(&["show", &file, "--set-input", "sr=8000"]);
    assert!(shown.stdout.contains("kind = \"dense\""), "{}", shown.stdout);
    assert!(shown.stderr.contains("read was what it does for 'sr' = 8000"), "{}", shown.stderr);
    for (option, said) in [
        ("sr", "such as sr=16000"),
        ("sr=fast", "such as sr=16000"),
        ("rate=1", "the graph has no input 'rate'; it has 'x', 'sr'"),
    ] {
        place.refuse(&["import", &file, "--set-input", option, "--out", "m.safetensors"], &[said]);
    }
    let other = golden("gru_checkpoint.pt");
    place.refuse(
        &["import", &other, "--set-input", "sr=1", "--out", "m.safetensors"],
        &["only inputs of an ONNX graph can be told beforehand"],
    );
    assert!(!place.path("m.safetensors").exists());
}
