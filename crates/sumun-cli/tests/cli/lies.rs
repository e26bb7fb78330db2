//! Files that are not what their names say: links, pipes, devices, files without an end, texts that would move a cursor.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use crate::interrupt::{arguments, place as place_to_interrupt, start, wait_for};
use crate::place::{Place, Ran};

/// The size of a file that nobody waits for; nothing of it is on the disk.
const ENDLESS: u64 = 1 << 42;

/// Puts something in the place of a file.
type Lie = fn(&Place, &str);

const PIPE: Lie = |place, name| {
    remove(place, name);
    assert!(Command::new("mkfifo").arg(place.path(name)).status().unwrap().success());
};

const DEVICE: Lie = |place, name| {
    remove(place, name);
    symlink("/dev/zero", place.path(name)).unwrap();
};

const SPARSE: Lie = |place, name| {
    remove(place, name);
    fs::File::create(place.path(name)).unwrap().set_len(ENDLESS).unwrap();
};

const FOLDER: Lie = |place, name| {
    remove(place, name);
    fs::create_dir(place.path(name)).unwrap();
};

const LINK: Lie = |place, name| {
    remove(place, name);
    symlink(place.path("victim"), place.path(name)).unwrap();
};

fn remove(place: &Place, name: &str) {
    let path = place.path(name);
    match path.is_dir() && !path.is_symlink() {
        true => fs::remove_dir_all(path).unwrap(),
        false => drop(fs::remove_file(path)),
    }
}

/// Runs with no more memory than a small command needs, so that reading without an end fails here and not on the machine.
fn run_small(place: &Place, arguments: &[&str]) -> Ran {
    let limited = format!("ulimit -v 1500000; exec {} \"$@\"", env!("CARGO_BIN_EXE_sumun"));
    let output = Command::new("sh")
        .args(["-c", &limited, "sh"])
        .args(arguments)
        .env("SUMUN_LANG", "en")
        .current_dir(place.path(""))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn refused(ran: &Ran, expected: &str) {
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.starts_with("error: ") && ran.stderr.lines().count() == 1, "{ran:?}");
    assert!(ran.stderr.contains(expected), "{expected:?}: {ran:?}");
}

/// A place with a training that was killed, in `run`.
fn interrupted() -> Place {
    let place = place_to_interrupt();
    let mut child = start(&place, &arguments("classify", "run"));
    wait_for(&place, "run/.lock");
    child.kill().unwrap();
    child.wait().unwrap();
    place
}

#[test]
fn resume_writes_through_no_link() {
    let place = interrupted();
    for name in ["metrics.jsonl", ".lock", "checkpoint.safetensors"] {
        let name = format!("run/{name}");
        let good = fs::read(place.path(&name)).unwrap_or_default();
        // One that leads nowhere, then one to a file that is the user's own.
        for precious in [None, Some("precious")] {
            remove(&place, "victim");
            LINK(&place, &name);
            if let Some(text) = precious {
                place.write("victim", text);
            }
            if name.ends_with("metrics.jsonl") {
                // It is replaced, as any file is that is written anew.
                let before = place.path("run").join("before");
                fs::create_dir(&before).unwrap();
                for file in ["checkpoint.safetensors", "config.toml"] {
                    fs::copy(place.path("run").join(file), before.join(file)).unwrap();
                }
                symlink(place.path("victim"), before.join("metrics.jsonl")).unwrap();
                place.succeed(&["train", "--resume", "run/before", "--quiet"]);
                assert!(before.join("metrics.jsonl").symlink_metadata().unwrap().is_file());
                fs::remove_dir_all(before).unwrap();
            } else if name.ends_with(".lock") || precious.is_some() {
                place.refuse(&["train", "--resume", "run"], &[&name, "is a link"]);
            } else {
                // A checkpoint that leads nowhere is none.
                place.refuse(&["train", "--resume", "run"], &["has no model.safetensors"]);
            }
            let found = fs::read_to_string(place.path("victim")).ok();
            assert_eq!(found.as_deref(), precious, "{name}");
        }
        place.write("good", &good);
        remove(&place, &name);
        fs::copy(place.path("good"), place.path(&name)).unwrap();
    }
}

#[test]
fn resume_waits_for_no_pipe() {
    let place = interrupted();
    for name in ["run/.lock", "run/checkpoint.safetensors"] {
        let good = fs::read(place.path(name)).unwrap();
        for (lie, expected) in [(PIPE, "is a pipe, not a file"), (FOLDER, "is a folder, not a file")] {
            lie(&place, name);
            place.refuse(&["train", "--resume", "run"], &[name, expected]);
        }
        remove(&place, name);
        place.write(name, good);
    }
    PIPE(&place, "run/metrics.jsonl");
    place.succeed(&["train", "--resume", "run", "--quiet"]);
    assert!(place.path("run/metrics.jsonl").is_file());
}

/// A place with two finished runs, `runs/a` and `runs/b`.
fn two_runs() -> Place {
    let place = Place::with_series();
    for out in ["runs/a", "runs/b"] {
        let mut arguments = vec!["train", "forecast", "y.csv", "--target", "y", "--quiet", "--out", out];
        arguments.extend(crate::place::QUICK);
        place.succeed(&arguments);
    }
    place
}

#[test]
fn runs_and_compare_read_only_files_of_a_sensible_size() {
    let place = two_runs();
    for name in ["results.json", "config.toml", "metrics.jsonl"] {
        let file = format!("runs/a/{name}");
        let good = place.read(&file);
        for (lie, expected) in [
            (PIPE, "is a pipe, not a file"),
            (FOLDER, "is a folder, not a file"),
            (DEVICE, "is a link"),
            (LINK, "is a link"),
            (SPARSE, "and a file of its kind at most"),
        ] {
            lie(&place, &file);
            refused(&run_small(&place, &["compare", "runs/a", "runs/b"]), expected);
            let listed = run_small(&place, &["runs"]);
            assert_eq!(listed.code, Some(0), "{listed:?}");
            assert!(listed.stderr.contains("left out: ") && listed.stderr.contains(expected), "{listed:?}");
            assert!(listed.stdout.contains("\nb ") && !listed.stdout.contains("\na "), "{listed:?}");
        }
        remove(&place, &file);
        place.write(&file, good);
    }
    PIPE(&place, "runs/a/model.safetensors");
    refused(&run_small(&place, &["predict", "runs/a"]), "is a pipe, not a file");
    // A run that is not finished has a lock.
    fs::rename(place.path("runs/b/model.safetensors"), place.path("runs/b/checkpoint.safetensors")).unwrap();
    PIPE(&place, "runs/b/.lock");
    assert!(run_small(&place, &["runs"]).stdout.contains("interrupted"));
}

#[test]
fn configurations_and_word_vectors_are_files_of_a_sensible_size() {
    let place = Place::with_series();
    place.write("c", "");
    let read = |expected: &str| refused(&run_small(&place, &["train", "--config", "c"]), expected);
    PIPE(&place, "c");
    read("c: is a pipe, not a file; give a file");
    DEVICE(&place, "c");
    read("c: is a device, not a file; give a file");
    SPARSE(&place, "c");
    read("c: has 4398046511104 bytes, and a file of its kind at most 4194304; give another");
    FOLDER(&place, "c");
    read("c: is a folder, not a file; give a file");
    remove(&place, "c");
    place.write("c", b"task = \"\xff\"");
    read("c: is no text in UTF-8 (byte 8 is wrong); give another");
    place.write("reviews.csv", crate::tasks::reviews(40));
    PIPE(&place, "vectors.txt");
    refused(
        &run_small(&place, &["train", "classify", "reviews.csv", "--vectors", "vectors.txt"]),
        "vectors.txt: is a pipe, not a file; give a file",
    );
}

#[test]
fn what_a_run_says_cannot_move_the_cursor() {
    let place = two_runs();
    let results = place.read("runs/a/results.json");
    let key = "\"key\": \"mase\"";
    assert!(results.contains(key));
    place.write("runs/a/results.json", results.replace(key, "\"key\": \"\\u001b]0;x\\u0007\\u009b2J\""));
    place.write("runs/b/metrics.jsonl", "{\"epoch\": 1, \"\\u001b[2J\": true}\n");
    fs::create_dir(place.path("runs/\x1b[31mred")).unwrap();
    fs::copy(place.path("runs/a/model.safetensors"), place.path("runs/\x1b[31mred/model.safetensors"))
        .unwrap();
    place.write("runs/\x1b[31mred/results.json", "{");
    let ran = place.run(&["runs"]);
    assert_eq!(ran.stderr.matches("left out: ").count(), 2, "{ran:?}");
    for arguments in [&["runs"][..], &["runs", "--sort", "nothing"], &["compare", "runs/a", "runs/b"]] {
        let ran = place.run(arguments);
        let clean = |text: &str| text.lines().all(|line| !line.contains(char::is_control));
        assert!(clean(&ran.stdout) && clean(&ran.stderr), "{ran:?}");
    }
    // However much of it there is.
    let long = format!("\"key\": \"{}\"", "long ".repeat(100_000));
    place.write("runs/a/results.json", results.replace(key, &long));
    for arguments in [&["runs"][..], &["runs", "--sort", "nothing"]] {
        let ran = place.run(arguments);
        assert!(ran.stdout.len() + ran.stderr.len() < 4000, "{}", ran.stdout.len() + ran.stderr.len());
    }
}
