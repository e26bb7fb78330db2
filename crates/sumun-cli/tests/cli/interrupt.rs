//! Trainings that are killed or interrupted at any moment and go on to the same bits.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::place::{Place, series};
use crate::tasks::{SMALL, reviews};

/// Trainings that save after every step and take a second or so; the forecaster has three candidates.
const TASKS: [&str; 2] = ["classify", "forecast"];

pub(crate) fn place() -> Place {
    let place = Place::new();
    place.write("long.csv", reviews(200));
    place.write("days.csv", series("date", "y", 300));
    place
}

pub(crate) fn file(task: &str) -> &'static str {
    if task == "forecast" { "days.csv" } else { "long.csv" }
}

pub(crate) fn arguments<'a>(task: &'a str, out: &'a str) -> Vec<&'a str> {
    let mut arguments = vec!["train", task, file(task), "--quiet", "--save-every", "0", "--out", out];
    if task == "forecast" {
        arguments.extend([
            "--target",
            "y",
            "--horizon",
            "3",
            "--season",
            "7",
            "--hidden",
            "6",
            "--batch",
            "8",
        ]);
    } else {
        arguments.extend(SMALL);
        arguments.extend(["--batch", "2", "--embedding", "5"]);
    }
    arguments.extend(["--epochs", "4", "--dropout", "0.3"]);
    arguments
}

pub(crate) fn start(place: &Place, arguments: &[&str]) -> Child {
    place
        .command(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for the run folder to appear, so that there is something to go on with.
pub(crate) fn wait_for(place: &Place, run: &str) {
    let begun = Instant::now();
    while !place.path(run).exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{run} does not appear");
        sleep(Duration::from_millis(1));
    }
}

/// What was written about the epochs, and of a forecaster about the end, without times.
fn metrics(place: &Place, run: &str) -> Vec<Value> {
    fn untimed(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| name != "seconds" && name != "rows_per_second");
                fields.values_mut().for_each(untimed);
            }
            Value::Array(values) => values.iter_mut().for_each(untimed),
            _ => {}
        }
    }
    let text = fs::read_to_string(place.path(run).join("metrics.jsonl")).unwrap();
    let read = |line: &str| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        untimed(&mut record);
        record
    };
    text.lines().map(read).collect()
}

fn model(place: &Place, run: &str) -> Vec<u8> {
    fs::read(place.path(run).join("model.safetensors")).unwrap()
}

#[test]
fn a_training_killed_again_and_again_ends_at_the_same_bits() {
    for task in TASKS {
        let place = place();
        place.succeed(&arguments(task, "whole"));
        // Moments spread over a training; which step or save they meet differs from run to run.
        let mut child = start(&place, &arguments(task, "killed"));
        wait_for(&place, "killed");
        let mut kills = 0;
        for pause in [3, 40, 11, 90, 23, 140, 7, 60, 200, 50, 110] {
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
        // The last kill may have met the moment after the model was written.
        if !place.path("killed/model.safetensors").exists() {
            panic!("{task}: {ended:?}");
        }
        assert!(kills >= 2, "{task}: the training is too short to be killed");
        assert!(model(&place, "killed") == model(&place, "whole"), "{task}");
        assert_eq!(metrics(&place, "killed"), metrics(&place, "whole"), "{task}");
        // A forecaster's last line has the figures.
        assert_eq!(metrics(&place, "whole").len(), if task == "forecast" { 5 } else { 4 });
        assert!(place.read("killed/config.toml") == place.read("whole/config.toml"), "{task}");
        let left: Vec<_> =
            fs::read_dir(place.path("killed")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".partial")), "{left:?}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_says_how_to_go_on() {
    for task in TASKS {
        let place = place();
        place.succeed(&arguments(task, "whole"));
        let mut arguments = arguments(task, "stopped");
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
            &["predict", "stopped", file(task)],
            &["is not finished; go on with sumun train --resume stopped"],
        );
        let runs = place.succeed(&["runs", ".", "--sort", "name"]).stdout;
        let line = runs.lines().find(|line| line.contains("stopped")).unwrap();
        assert!([task, file(task), "interrupted"].iter().all(|part| line.contains(part)), "{line}");
        place.succeed(&["train", "--resume", "stopped", "--quiet"]);
        assert!(model(&place, "stopped") == model(&place, "whole"), "{task}");
        place.refuse(&["train", "--resume", "stopped"], &["this training is finished"]);
        // What the report says repeats the run.
        assert!(place.read("stopped/report.html").contains("sumun train --config stopped/config.toml"));
        place.succeed(&["train", "--config", "stopped/config.toml", "--quiet", "--out", "again"]);
        assert!(model(&place, "again") == model(&place, "whole"), "{task}");
    }
}

#[test]
fn what_cannot_go_on_is_refused() {
    for task in TASKS {
        let (place, file) = (place(), file(task));
        let mut child = start(&place, &arguments(task, "run"));
        wait_for(&place, "run");
        // The one that writes it holds it.
        let other = place.run(&["train", "--resume", "run"]);
        assert_eq!(other.code, Some(2), "{other:?}");
        assert!(other.stderr.contains("another process is training it"), "{other:?}");
        child.kill().unwrap();
        child.wait().unwrap();
        let good = fs::read(place.path("run/checkpoint.safetensors")).unwrap();
        let csv = place.read(file);
        place.write(file, format!("{csv}\n"));
        place.refuse(&["train", "--resume", "run"], &[&format!("{file}: the train data has changed")]);
        fs::remove_file(place.path(file)).unwrap();
        place.refuse(&["train", "--resume", "run"], &[file]);
        place.write(file, csv);
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
}

/// A file may not grow beyond what the first checkpoint takes; the next, which also holds the best weights, is larger.
#[cfg(unix)]
#[test]
fn a_full_disk_loses_no_more_than_the_steps_since_the_last_save() {
    let place = place();
    place.succeed(&arguments("classify", "whole"));
    let limited = format!("trap '' XFSZ; ulimit -f 26; exec {} \"$@\"", env!("CARGO_BIN_EXE_sumun"));
    let arguments = arguments("classify", "full");
    let output = Command::new("sh")
        .args(["-c", &limited, "sh"])
        .args(&arguments)
        .env("SUMUN_LANG", "en")
        .current_dir(place.path(""))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("the last checkpoint is whole; make room and go on with"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    place.succeed(&["train", "--resume", "full", "--quiet"]);
    assert!(model(&place, "full") == model(&place, "whole"));
}

/// What only reads changes nothing, wherever it is killed; a page is whole or not there.
#[test]
fn commands_that_are_killed_leave_what_they_read_as_it_is() {
    let place = Place::with_series().with_run();
    let before = place.tree();
    let commands = [&["predict", "run", "--steps", "5000"][..], &["summary", "run"], &["runs", "."]];
    for pause in [0, 2, 5, 9, 15, 30] {
        for arguments in commands {
            let mut child = start(&place, arguments);
            sleep(Duration::from_millis(pause));
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(place.tree(), before, "{arguments:?} after {pause} ms");
        }
        let mut child = start(&place, &["compare", "run", "run", "--out", "page.html"]);
        sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
        if place.path("page.html").exists() {
            assert!(place.read("page.html").trim_end().ends_with("</html>"), "after {pause} ms");
            fs::remove_file(place.path("page.html")).unwrap();
        }
        for (path, _) in place.tree() {
            let name = path.file_name().unwrap().to_string_lossy();
            if name.ends_with(".partial") {
                fs::remove_file(&path).unwrap();
            }
        }
        assert_eq!(place.tree(), before, "compare after {pause} ms");
    }
}

/// `export` writes one file, whole or not at all, and `generate` none.
#[test]
fn export_and_generate_that_are_killed_leave_what_they_read_as_it_is() {
    let place = crate::generate::place();
    let before = place.tree();
    for (form, name) in [("torch", "net.pt"), ("keras", "net.keras"), ("c", "net.h")] {
        let arguments = ["export", "writer", "--to", form, "--out", name];
        place.succeed(&arguments);
        let whole = fs::read(place.path(name)).unwrap();
        fs::remove_file(place.path(name)).unwrap();
        let (mut absent, mut written) = (0, 0);
        // The last is killed when the file has appeared.
        for pause in [0, 1, 2, 3, 5, 8, 13, 21, 34].map(Some).into_iter().chain([None]) {
            let mut child = start(&place, &arguments);
            match pause {
                Some(pause) => sleep(Duration::from_millis(pause)),
                None => wait_for(&place, name),
            }
            child.kill().unwrap();
            child.wait().unwrap();
            match fs::read(place.path(name)) {
                Ok(found) => {
                    assert!(found == whole, "{name} after {pause:?} ms");
                    fs::remove_file(place.path(name)).unwrap();
                    written += 1;
                }
                Err(_) => absent += 1,
            }
            for (path, _) in place.tree() {
                if path.file_name().unwrap().to_string_lossy().ends_with(".partial") {
                    fs::remove_file(&path).unwrap();
                }
            }
            assert_eq!(place.tree(), before, "export of {name} after {pause:?} ms");
        }
        assert!(absent > 0 && written > 0, "{name}: {absent} times not there, {written} times whole");
    }
    // More text than is ever written before it is killed.
    let endless = ["generate", "writer", "--length", "100000000", "--temperature", "1"];
    for pause in [0, 2, 5, 15, 60] {
        let mut child = start(&place, &endless);
        sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        assert_eq!(place.tree(), before, "generate after {pause} ms");
    }
}
