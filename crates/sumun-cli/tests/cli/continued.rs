//! `sumun train --continue`: more rows for a run that is finished.

use std::fs;

use serde_json::Value;

use crate::place::{Place, date, last_json, series, value};

/// Rows `from` … `to` of the daily series, the level changed by `more`.
fn days(from: usize, to: usize, more: f64) -> String {
    let mut csv = String::from("date,y\n");
    (from..to).for_each(|i| csv += &format!("{},{}\n", date(i), value(i) + more));
    csv
}

fn place() -> Place {
    let place = Place::new();
    place.write("old.csv", days(0, 110, 0.0));
    place.write("new.csv", days(110, 170, 0.0));
    let arguments =
        ["train", "forecast", "old.csv", "--target", "y", "--horizon", "3", "--season", "7", "--out", "old"];
    let more = ["--epochs", "4", "--hidden", "5", "--average", "on", "--quiet"];
    place.succeed(&[&arguments[..], &more].concat());
    place
}

fn go_on(place: &Place, file: &str, out: &str, more: &[&str]) -> Value {
    let arguments =
        [&["train", "--continue", "old", file, "--out", out, "--json", "--quiet"][..], more].concat();
    last_json(&place.succeed(&arguments))
}

/// The tensors of a run's model, and what the file says beside them.
fn model(place: &Place, run: &str) -> (Vec<u8>, Value) {
    let bytes = fs::read(place.path(run).join("model.safetensors")).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let said: Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    let config = said["__metadata__"].as_object().unwrap().values().find_map(|text| {
        let value: Value = serde_json::from_str(text.as_str()?).ok()?;
        value.get("pipeline").cloned()
    });
    (bytes[8 + header..].to_vec(), config.unwrap_or(Value::Null))
}

#[test]
fn a_run_goes_on_from_its_weights_and_keeps_its_scalers() {
    let place = place();
    let (weights, old) = model(&place, "old");
    // Nothing moves with such a rate: the new run has the weights of the old one.
    let still = ["--set", "train.lr=1e-30", "--set", "train.epochs=1"];
    go_on(&place, "new.csv", "still", &still);
    let (same, kept) = model(&place, "still");
    assert_eq!(same.len(), weights.len());
    let sorted = |bytes: &[u8]| {
        let mut all: Vec<[u8; 4]> = bytes.chunks_exact(4).map(|four| four.try_into().unwrap()).collect();
        all.sort_unstable();
        all
    };
    // Averaged networks may stand in another order.
    assert_eq!(sorted(&same), sorted(&weights));
    let scalers = |config: &Value| {
        let all = std::iter::once(&config["preprocessing"])
            .chain(config["averaged"].as_array().into_iter().flatten());
        let mut all: Vec<String> = all.map(Value::to_string).collect();
        all.sort();
        all
    };
    assert!(old["preprocessing"].is_object(), "{old}");
    assert_eq!(scalers(&kept), scalers(&old));

    let json = go_on(&place, "new.csv", "moved", &["--set", "train.epochs=4"]);
    assert_ne!(sorted(&model(&place, "moved").0), sorted(&weights));
    let parts = json["continued"]["parts"].as_array().unwrap();
    assert_eq!([&parts[0]["part"], &parts[1]["part"]], ["old test", "new test"]);
    // The old model's figure on its test part is that of its own training.
    let results: Value = serde_json::from_str(&place.read("old/results.json")).unwrap();
    let of_training = &results["parts"][1]["figures"];
    let mae = of_training.as_array().unwrap().iter().find(|one| one["key"] == "mae").unwrap();
    assert!((parts[0]["before"]["mae"].as_f64().unwrap() - mae["model"].as_f64().unwrap()).abs() < 1e-9);
    assert_eq!(parts[1]["after"]["mae"], json["metrics"]["test"]["mae"]);
    assert_eq!(parts[0]["seen"], false);
    place.succeed(&["predict", "moved"]);

    // Other scalers only where that is asked for.
    place.write("high.csv", days(110, 170, 500.0));
    go_on(&place, "high.csv", "high", &still);
    assert_eq!(scalers(&model(&place, "high").1), scalers(&old));
    go_on(&place, "high.csv", "rescaled", &[&still[..], &["--set", "train.rescale=true"]].concat());
    assert_ne!(scalers(&model(&place, "rescaled").1), scalers(&old));
}

#[test]
fn a_continued_training_is_repeated_by_its_configuration_on_any_threads() {
    let place = place();
    go_on(&place, "new.csv", "one", &["--set", "train.epochs=3", "--threads", "1"]);
    place.succeed(&["train", "--config", "one/config.toml", "--out", "two", "--threads", "3", "--quiet"]);
    assert!(model(&place, "one") == model(&place, "two"));
    // A file with the old rows in it is new data like any other, and said to hold rows of the old test part.
    place.write("all.csv", days(0, 170, 0.0));
    let json = go_on(&place, "all.csv", "all", &["--set", "train.epochs=2"]);
    assert_eq!(json["continued"]["parts"][0]["seen"], true);
    let notes = json["continued"]["notes"].to_string();
    assert!(notes.contains("rows of the old test part are among those"), "{notes}");
}

#[test]
fn a_continued_training_killed_ends_at_the_same_bits() {
    let place = place();
    let arguments = |out: &'static str| {
        [
            "train",
            "--continue",
            "old",
            "new.csv",
            "--out",
            out,
            "--quiet",
            "--set",
            "train.epochs=40",
            "--set",
            "train.save_every=0",
        ]
    };
    place.succeed(&arguments("whole"));
    let mut child = crate::interrupt::start(&place, &arguments("killed"));
    crate::interrupt::wait_for(&place, "killed");
    std::thread::sleep(std::time::Duration::from_millis(30));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!place.path("killed/model.safetensors").exists(), "the training is too short to be killed");
    let ran = place.succeed(&["train", "--resume", "killed", "--json", "--quiet"]);
    assert!(model(&place, "killed") == model(&place, "whole"));
    assert_eq!(last_json(&ran)["continued"]["parts"].as_array().unwrap().len(), 2);
}

#[test]
fn what_does_not_go_on_is_refused() {
    let place = place();
    place.write("r.csv", crate::tasks::reviews(40));
    let classify =
        ["train", "classify", "r.csv", "--hidden", "3", "--epochs", "1", "--out", "classified", "--quiet"];
    place.succeed(&classify);
    place.write("one.csv", days(110, 112, 0.0));
    place.write("other.csv", "date,z\n2024-06-01,1\n2024-06-02,2\n");
    place.write("short.csv", series("date", "y", 12));
    for (arguments, expected) in [
        (
            &["train", "--continue", "classified", "r.csv"][..],
            "is a model for classify, and only a forecaster of one series goes on",
        ),
        (&["train", "--continue", "none", "new.csv"], "there is no such run folder"),
        (&["train", "--continue", "old", "none.csv"], "none.csv"),
        (&["train", "--continue", "old", "other.csv"], "there is no column 'y'"),
        (
            &["train", "--continue", "old", "new.csv", "--set", "network.hidden=9"],
            "make another network than that of the run",
        ),
        (
            &["train", "--continue", "old", "new.csv", "--set", "data.horizon=4"],
            "data.horizon is 4; it must be 3, as of the run",
        ),
        (
            &["train", "--continue", "old", "one.csv", "--set", "data.test=0", "--set", "data.valid=0"],
            "the training part has 17 of 17 rows",
        ),
        (&["train", "--continue", "old"], "--continue <RUN> <FILE>"),
        (
            &["train", "forecast", "new.csv", "--target", "y", "--rescale"],
            "--rescale says nothing without --from",
        ),
        (
            &["train", "forecast", "new.csv", "--target", "y", "--from", "old", "--output", "quantiles"],
            "--from is for models of one series",
        ),
    ] {
        place.refuse(arguments, &[expected]);
    }
}
