//! Trainings that are killed or interrupted at any moment and go on to the same bits.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::place::Place;
use crate::tasks::{SMALL, place, reviews};

/// A training that saves after every step and takes a second or so.
fn arguments(out: &str) -> Vec<&str> {
    let mut arguments = vec!["train", "classify", "long.csv", "--quiet", "--save-every", "0", "--out", out];
    arguments.extend(SMALL);
    arguments.extend(["--epochs", "4", "--batch", "2", "--dropout", "0.3"]);
    arguments
}

fn start(place: &Place, arguments: &[&str]) -> Child {
    place
        .command(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for the run folder to appear, so that there is something to go on with.
fn wait_for(place: &Place, run: &str) {
    let begun = Instant::now();
    while !place.path(run).exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{run} does not appear");
        sleep(Duration::from_millis(1));
    }
}

/// The epochs without their times.
fn metrics(place: &Place, run: &str) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(place.path(run).join("metrics.jsonl")).unwrap();
    let untimed = |line: &str| {
        let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
        let fields = record.as_object_mut().unwrap();
        fields.remove("seconds");
        fields.remove("rows_per_second");
        record
    };
    text.lines().map(untimed).collect()
}

#[test]
fn a_training_killed_again_and_again_ends_at_the_same_bits() {
    let place = place();
    place.write("long.csv", reviews(200));
    place.succeed(&arguments("whole"));
    let model = |run: &str| fs::read(place.path(run).join("model.safetensors")).unwrap();
    // Moments spread over a training; which step or save they meet differs from run to run.
    let mut child = start(&place, &arguments("killed"));
    wait_for(&place, "killed");
    let mut kills = 0;
    for pause in [3, 40, 11, 90, 23, 140, 7, 60] {
        sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
        if place.path("killed/model.safetensors").exists() {
            break;
        }
        kills += 1;
        child = start(&place, &["train", "--resume", "killed", "--quiet"]);
    }
    let ended = child.wait_with_output().unwrap();
    if !place.path("killed/model.safetensors").exists() {
        panic!("{ended:?}");
    }
    assert!(kills >= 2, "the training is too short to be killed");
    assert!(model("killed") == model("whole"));
    assert_eq!(metrics(&place, "killed"), metrics(&place, "whole"));
    assert_eq!(metrics(&place, "whole").len(), 4);
    let left: Vec<_> = fs::read_dir(place.path("killed")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".partial")), "{left:?}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_says_how_to_go_on() {
    let place = place();
    place.write("long.csv", reviews(200));
    place.succeed(&arguments("whole"));
    let mut arguments = arguments("stopped");
    arguments.retain(|argument| *argument != "--quiet");
    let child = start(&place, &arguments);
    wait_for(&place, "stopped");
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("saved; go on with: sumun train --resume stopped"), "{said}");
    place.refuse(
        &["predict", "stopped", "long.csv"],
        &["is not finished; go on with sumun train --resume stopped"],
    );
    place.succeed(&["train", "--resume", "stopped", "--quiet"]);
    let model = |run: &str| fs::read(place.path(run).join("model.safetensors")).unwrap();
    assert!(model("stopped") == model("whole"));
    place.refuse(&["train", "--resume", "stopped"], &["this training is finished"]);
}

#[test]
fn what_cannot_go_on_is_refused() {
    let place = place();
    place.write("long.csv", reviews(200));
    let mut child = start(&place, &arguments("run"));
    wait_for(&place, "run");
    // The one that writes it holds it.
    let other = place.run(&["train", "--resume", "run"]);
    assert_eq!(other.code, Some(2), "{other:?}");
    assert!(other.stderr.contains("another process is training it"), "{other:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    let good = fs::read(place.path("run/checkpoint.safetensors")).unwrap();
    let csv = place.read("long.csv");
    place.write("long.csv", csv.replacen("bad", "dire", 1));
    // The first try also sweeps away what the killed process was writing.
    let changed = place.run(&["train", "--resume", "run"]);
    assert_eq!(changed.code, Some(2), "{changed:?}");
    assert!(changed.stderr.contains("long.csv: the train data has changed"), "{changed:?}");
    fs::remove_file(place.path("long.csv")).unwrap();
    place.refuse(&["train", "--resume", "run"], &["long.csv"]);
    place.write("long.csv", csv);
    for place_of in [0, 9, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[place_of] ^= 0x55;
        place.write("run/checkpoint.safetensors", bad);
        place.refuse(&["train", "--resume", "run"], &["checkpoint.safetensors"]);
    }
    place.write("run/checkpoint.safetensors", &good[..good.len() / 3]);
    place.refuse(&["train", "--resume", "run"], &["checkpoint.safetensors"]);
    place.refuse(&["train", "--resume", "absent"], &["absent: there is no such run folder"]);
    place.refuse(&["train", "--resume", "run", "--config", "x.toml"], &["--config"]);
}

/// A file may not grow beyond what the first checkpoint takes; the next, which also holds the best weights, is larger.
#[cfg(unix)]
#[test]
fn a_full_disk_loses_no_more_than_the_steps_since_the_last_save() {
    let place = place();
    place.write("long.csv", reviews(200));
    place.succeed(&arguments("whole"));
    let limited = format!("trap '' XFSZ; ulimit -f 26; exec {} \"$@\"", env!("CARGO_BIN_EXE_sumun"));
    let arguments = arguments("full");
    let output = Command::new("sh")
        .args(["-c", &limited, "sh"])
        .args(&arguments)
        .current_dir(place.path(""))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("the checkpoint before it is whole: make room and go on with"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    place.succeed(&["train", "--resume", "full", "--quiet"]);
    let model = |run: &str| fs::read(place.path(run).join("model.safetensors")).unwrap();
    assert!(model("full") == model("whole"));
}
