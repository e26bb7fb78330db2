//! Runs, model files and files to continue that cannot be used.

use std::fs;

use crate::place::{Place, series, with_line};

#[test]
fn what_is_no_run_is_refused() {
    let place = Place::with_series().with_run();
    fs::create_dir(place.path("empty")).unwrap();
    for command in [&["predict"][..], &["summary"], &["evaluate"]] {
        let with = |run: &'static str| {
            let mut arguments = vec![command[0], run];
            arguments.extend((command[0] == "evaluate").then_some("y.csv"));
            arguments
        };
        place.refuse(&with("rum"), &["rum: there is no such run", "did you mean run?"]);
        place.refuse(&with("empty"), &["empty: has no model.safetensors"]);
        place.refuse(&with("y.csv"), &["y.csv"]);
    }
}

#[test]
fn damaged_models_are_refused() {
    let place = Place::with_series().with_run();
    let good = fs::read(place.path("run/model.safetensors")).unwrap();
    let refused = |bytes: &[u8], expected: &[&str]| {
        place.write("bad.safetensors", bytes);
        place.refuse(&["predict", "bad.safetensors"], expected);
        place.refuse(&["summary", "bad.safetensors"], expected);
    };
    for length in [0, 4, 8, 100, good.len() / 2, good.len() - 1] {
        refused(&good[..length], &["bad.safetensors"]);
    }
    for at in (0..good.len()).step_by(good.len() / 40 + 1).chain([good.len() - 1]) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        refused(&bytes, &["bad.safetensors"]);
    }
    let mut longer = good.clone();
    longer.extend(b"more");
    refused(&longer, &["bad.safetensors"]);
}

#[test]
fn models_of_another_version_are_refused() {
    let place = Place::with_series().with_run();
    let good = fs::read(place.path("run/model.safetensors")).unwrap();
    let length = u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&good[8..8 + length]).unwrap();
    let metadata = header["__metadata__"].as_object_mut().unwrap();
    let format = metadata.get_mut("sumun.format").expect("the header says its format");
    assert_eq!(*format, "1", "the oldest that can say it");
    *format = "99".into();
    let header = serde_json::to_vec(&header).unwrap();
    let mut newer = (header.len() as u64).to_le_bytes().to_vec();
    newer.extend(&header);
    newer.extend(&good[8 + length..]);
    place.write("newer.safetensors", newer);
    place.refuse(&["predict", "newer.safetensors"], &["newer.safetensors: ", "99", "newer"]);
}

#[test]
fn files_to_continue_need_the_columns_of_the_training() {
    let place = Place::with_series().with_run();
    let good = place.read("y.csv");
    place.write("other.csv", series("date", "z", 60));
    place.write("short.csv", series("date", "y", 5));
    place.write("untimed.csv", good.replace("date,", "name,").replace("2024-", "n"));
    place.write("word.csv", with_line(&good, 9, "2024-01-08,warm"));
    place.write("monthly.csv", {
        let months = (0..60).map(|i| format!("{:04}-{:02},{}\n", 2000 + i / 12, i % 12 + 1, i % 7));
        "date,y\n".to_owned() + &months.collect::<String>()
    });
    for command in ["predict", "evaluate"] {
        place.refuse(&[command, "run", "other.csv"], &["other.csv: there is no column 'y'"]);
        place.refuse(&[command, "run", "short.csv"], &["short.csv", "5"]);
        place.refuse(&[command, "run", "untimed.csv"], &["untimed.csv: ", "'date'"]);
        place.refuse(&[command, "run", "word.csv"], &["word.csv: row 9, column 'y': 'warm' is not a number"]);
        place.refuse(&[command, "run", "monthly.csv"], &["monthly.csv: ", "monthly", "daily"]);
        place.refuse(&[command, "run", "absent.csv"], &["absent.csv: there is no such file"]);
        place.refuse_with_input(&[command, "run", "-"], "", &["standard input: the file is empty"]);
    }
}

#[test]
fn an_existing_output_folder_is_left_alone() {
    let place = Place::with_series().with_run();
    let arguments = ["train", "forecast", "y.csv", "--target", "y", "--out"];
    for (out, expected) in [("run", "run exists"), ("y.csv", "y.csv exists"), ("y.csv/run", "y.csv")] {
        place.refuse(&[&arguments[..], &[out]].concat(), &[expected]);
    }
    place.refuse(&[&arguments[..], &["/"]].concat(), &["--out"]);
}
