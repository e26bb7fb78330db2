//! Models with weights of 8 bits: made of runs and of other models, measured, used, and what they refuse.

use serde_json::Value;

use crate::foreign::{golden, npy};
use crate::place::{Place, QUICK, last_json};

const NOTHING_LOST: f64 = 20.0;

fn classifier() -> Place {
    let place = Place::new();
    let reviews: String =
        (0..60).map(|k| ["a good film,positive\n", "bad and long,negative\n"][k % 2]).collect();
    place.write("r.csv", format!("text,label\n{reviews}"));
    let train = ["train", "classify", "r.csv", "--epochs", "4", "--hidden", "40", "--out", "run", "--quiet"];
    place.succeed(&train);
    place
}

#[test]
fn a_run_becomes_a_file_of_its_task_in_a_quarter_of_the_bytes() {
    let place = classifier();
    let quantize = ["quantize", "run", "--out", "q.safetensors", "--calibrate", "r.csv"];
    let ran = place.succeed(&quantize);
    assert_eq!(ran.stdout, "");
    for part in
        ["q.safetensors: ", " bytes instead of ", "accuracy on r.csv: ", "sumun predict q.safetensors FILE"]
    {
        assert!(ran.stderr.contains(part), "{}", ran.stderr);
    }
    let json = last_json(&place.succeed(&[&quantize[..], &["--json"]].concat()));
    let number = |value: &Value| value.as_f64().unwrap();
    assert!(number(&json["bytes"]) < 0.7 * number(&json["bytes_before"]), "{json}");
    assert_eq!(json["figures"][0]["figure"], "accuracy");
    assert!(number(&json["figures"][0]["lost"]) <= NOTHING_LOST, "{json}");
    assert!(number(&json["largest_difference"]) > 0.0);

    let of = |model: &str| place.succeed(&["predict", model, "r.csv"]).stdout;
    let (floats, bytes) = (of("run"), of("q.safetensors"));
    assert_eq!(floats.lines().count(), bytes.lines().count());
    assert_ne!(floats, bytes, "probabilities are those of rounded weights");
    assert_eq!(of("q.safetensors"), bytes);
    let measured = last_json(&place.succeed(&["evaluate", "q.safetensors", "r.csv", "--json"]));
    assert_eq!(measured["metrics"]["accuracy"], json["figures"][0]["after"]);

    place.refuse(
        &["quantize", "q.safetensors", "--out", "qq"],
        &["q.safetensors: its weights have 8 bits already"],
    );
    place.refuse(
        &["export", "q.safetensors", "--to", "onnx", "--out", "m.onnx"],
        &["export the model that it was made from"],
    );
    place.refuse(
        &["export", "q.safetensors", "--to", "onnx", "--out", "folder"],
        &["export the model that it was made from"],
    );
    let before = std::fs::read(place.path("run/model.safetensors")).unwrap();
    for out in ["run/model.safetensors", "./run/../run/model.safetensors", "run/config.toml"] {
        place.refuse(
            &["quantize", "run", "--out", out],
            &["is a file of this run; give another name to write"],
        );
    }
    assert_eq!(std::fs::read(place.path("run/model.safetensors")).unwrap(), before);
    place.refuse(&["quantize", "run", "--out", "x", "--calibrate", "none.csv"], &["none.csv"]);
    assert!(!place.path("x").exists() && !place.path("m.onnx").exists() && !place.path("folder").exists());
    let inspected = place.run(&["inspect", "q.safetensors", "--input", "good", "--out", "i.html"]);
    assert!(inspected.code == Some(2) && inspected.stderr.contains("8 bits"), "{inspected:?}");
}

#[test]
fn forecasts_and_texts_are_those_of_rounded_weights() {
    let place = Place::with_series();
    let train = ["train", "forecast", "y.csv", "--target", "y", "--horizon", "7", "--out", "run", "--quiet"];
    place.succeed(&[&train[..], &QUICK].concat());
    let ran = place.succeed(&["quantize", "run", "--out", "f.safetensors", "--calibrate", "y.csv"]);
    assert!(ran.stderr.contains("MASE on y.csv: "), "{}", ran.stderr);
    let of = |model: &str| place.succeed(&["predict", model, "--steps", "7"]).stdout;
    assert_eq!(of("run").lines().count(), of("f.safetensors").lines().count());

    place.write("text.txt", "to be or not to be\n".repeat(60));
    place.succeed(&["train", "lm", "text.txt", "--epochs", "2", "--hidden", "8", "--out", "lm", "--quiet"]);
    let ran = place.succeed(&["quantize", "lm", "--out", "lm8.safetensors", "--calibrate", "text.txt"]);
    assert!(ran.stderr.contains("sumun generate lm8.safetensors"), "{}", ran.stderr);
    let generate = ["generate", "lm8.safetensors", "--prompt", "to", "--length", "20", "--seed", "1"];
    assert_eq!(place.succeed(&generate).stdout, place.succeed(&generate).stdout);
}

#[test]
fn a_model_of_another_program_is_rounded_and_held_against_itself() {
    let place = Place::new();
    let layers = "[input]\nfeatures = 5\n[[layers]]\nkind = \"lstm\"\nunits = 6\nreturn_sequences = true\n[[layers]]\nkind = \"dense\"\nunits = 3\n";
    place.write("layers.toml", layers);
    place.write("x.npy", npy([4, 5]));
    let weights = golden("shared_storage_strided.pt");
    let quantize = [
        "quantize",
        &weights,
        "--architecture",
        "layers.toml",
        "--out",
        "q.safetensors",
        "--calibrate",
        "x.npy",
    ];
    let ran = place.succeed(&quantize);
    assert!(
        ran.stderr.contains("agreement of the outputs on x.npy: 1.0000 with 32 bits, 0.9"),
        "{}",
        ran.stderr
    );
    let apply = ["apply", "q.safetensors", "--input", "x.npy", "--output", "y.npy"];
    place.succeed(&apply);
    let shown = place.succeed(&["show", "q.safetensors"]).stdout;
    assert!(shown.contains("i8") && shown.contains("precision = \"int8\""), "{shown}");
    let nothing = Place::new();
    nothing.refuse(&["quantize", "absent", "--out", "q"], &["absent"]);
}
