//! `sumun tune`: what it finds, that it is the same on any number of threads and after any interruption, what it refuses.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::interrupt::{start, wait_for};
use crate::place::{Place, last_json, series};
use crate::tasks::{SMALL, reviews};

fn place() -> Place {
    let place = Place::new();
    place.write("long.csv", reviews(60));
    place.write("days.csv", series("date", "y", 200));
    place
}

/// A search of 9 trials, so that there are three rounds.
fn arguments<'a>(task: &'a str, out: &'a str) -> Vec<&'a str> {
    let mut arguments = vec!["tune", task, if task == "forecast" { "days.csv" } else { "long.csv" }];
    arguments.extend(["--trials", "9", "--out", out, "--epochs", "9", "--save-every", "0"]);
    if task == "forecast" {
        arguments.extend(["--target", "y", "--horizon", "3", "--season", "7", "--valid", "0.2"]);
        arguments.extend(["--ensemble", "1"]);
        arguments.extend(["--vary", "hidden=4,8", "--vary", "lr", "--vary", "window=7..14"]);
    } else {
        arguments.extend(["--embedding", "5", "--batch", "8", "--valid", "0.3"]);
        arguments.extend(["--vary", "hidden=4,8", "--vary", "lr", "--vary", "pool"]);
    }
    arguments
}

/// The trials without times.
fn trials(place: &Place, out: &str) -> Vec<Value> {
    let text = place.read(&format!("{out}/trials.jsonl"));
    let read = |line: &str| {
        let mut trial: Value = serde_json::from_str(line).unwrap();
        trial.as_object_mut().unwrap().remove("seconds");
        trial
    };
    text.lines().map(read).collect()
}

fn model(place: &Place, run: &str) -> Vec<u8> {
    fs::read(place.path(run).join("model.safetensors")).unwrap()
}

#[test]
fn the_best_of_a_search_is_a_run_like_any_other() {
    for task in ["classify", "forecast"] {
        let place = place();
        let ran = place.succeed(&[&arguments(task, "tuned")[..], &["--json", "--threads", "2"]].concat());
        let json = last_json(&ran);
        let all = json["trials"].as_array().unwrap();
        assert_eq!((all.len(), trials(&place, "tuned").len()), (9, 9));
        let count = |state: &str| all.iter().filter(|one| one["state"] == state).count();
        assert_eq!((count("finished"), count("dropped")), (1, 8), "{ran:?}");
        // Trials that were dropped early were trained for a ninth and a third of their epochs.
        let rounds = |n: usize| all.iter().filter(|one| one["rounds"] == n).count();
        assert_eq!([rounds(1), rounds(2), rounds(3)], [6, 2, 1]);
        for one in all {
            let (epochs, of) = (one["epochs"].as_u64().unwrap(), one["of"].as_u64().unwrap());
            let most = of.div_ceil([9, 3, 1][one["rounds"].as_u64().unwrap() as usize - 1]);
            assert!(epochs <= most, "{one}");
        }
        let best = &json["best"];
        assert_eq!(json["run"], "tuned/best");
        assert!(ran.stderr.contains("round 3 of 3: 1 trial to the end"), "{}", ran.stderr);
        // The first trial has the defaults, and each other one draws within the ranges.
        assert_eq!(all[0]["drawn"].as_object().unwrap().len(), 0);
        for one in &all[1..] {
            let drawn = &one["drawn"];
            assert!([4, 8].contains(&drawn["network.hidden"].as_i64().unwrap()), "{drawn}");
            assert!((0.0003..=0.03).contains(&drawn["train.lr"].as_f64().unwrap()), "{drawn}");
        }
        // A plain training with its settings is the same run, though it was trained in pieces.
        place.succeed(&["train", "--config", "tuned/best/config.toml", "--out", "plain", "--quiet"]);
        assert!(model(&place, "plain") == model(&place, "tuned/best"), "{task}: {best}");
        let file = if task == "forecast" { "days.csv" } else { "long.csv" };
        place.succeed(&["predict", "tuned/best", file]);
        let page = place.read("tuned/report.html");
        assert!(page.contains("Parallel coordinates") && page.contains("sumun tune "), "{task}");
        let runs = last_json(&place.succeed(&["runs", "tuned/trials", "--json"]));
        assert_eq!(runs["runs"].as_array().unwrap().len(), 1, "dropped trials leave a line, not a folder");
    }
}

/// Every combination once for each seed, each the run that a plain training with its settings is.
#[test]
fn a_grid_compares_every_combination() {
    let place = place();
    let mut arguments =
        vec!["tune", "forecast", "days.csv", "--target", "y", "--horizon", "3", "--season", "7"];
    arguments.extend([
        "--valid",
        "0.2",
        "--epochs",
        "2",
        "--grid",
        "--vary",
        "cell=rnn,gru",
        "--vary",
        "window=7,14",
        "--ensemble",
        "1",
    ]);
    arguments.extend(["--seeds", "2", "--seed", "5", "--hidden", "4", "--out", "grid", "--json"]);
    let ran = place.succeed(&arguments);
    let json = last_json(&ran);
    let all = json["trials"].as_array().unwrap();
    assert!(all.len() == 8 && all.iter().all(|one| one["state"] == "finished"), "{ran:?}");
    let compared = json["compared"].as_array().unwrap();
    assert_eq!(compared.len(), 4);
    for one in compared {
        assert_eq!(one["trials"], 2);
        let settings = &one["settings"];
        let mean = |key: &str| {
            let of = all.iter().filter(|trial| {
                ["network.cell", "data.window"].iter().all(|key| trial["drawn"][key] == settings[key])
            });
            let values: Vec<f64> = of.map(|trial| trial[key].as_f64().unwrap()).collect();
            assert_eq!(values.len(), 2);
            values.iter().sum::<f64>() / 2.0
        };
        assert!((one["mean"].as_f64().unwrap() - mean("value")).abs() < 1e-9, "{one}");
        assert!(one["parameters"].as_u64().unwrap() > 0 && one["seconds_per_epoch"].as_f64().unwrap() > 0.0);
        let (window, lags) =
            (settings["data.window"].as_u64().unwrap(), one["gradient_by_lag"].as_array().unwrap());
        assert_eq!(lags.len(), window as usize);
        let horizon = one["memory_horizon"].as_f64().unwrap();
        assert!(
            horizon < window as f64 && (horizon + 1.0 < window as f64 || one["memory_open"] == true),
            "{one}"
        );
    }
    let seeds: Vec<i64> = all.iter().map(|one| one["drawn"]["train.seed"].as_i64().unwrap()).collect();
    assert_eq!(seeds, [5, 6, 5, 6, 5, 6, 5, 6]);
    assert!(ran.stderr.contains("memory horizon") && ran.stderr.contains("trainings"), "{ran:?}");
    assert!(place.read("grid/report.html").contains("<h2>Compared</h2>"));
    let plain =
        ["--cell", "gru", "--window", "14", "--seed", "6", "--hidden", "4", "--out", "plain", "--quiet"];
    let mut train = vec!["train", "forecast", "days.csv", "--target", "y", "--horizon", "3", "--season", "7"];
    train.extend(["--valid", "0.2", "--epochs", "2", "--ensemble", "1"]);
    place.succeed(&[&train[..], &plain].concat());
    assert!(model(&place, "plain") == model(&place, "grid/trials/008"));

    let classify = ["tune", "classify", "long.csv"];
    for (more, expected) in [
        (&["--grid"][..], "--vary"),
        (&["--seeds", "2", "--vary", "lr=0.1,0.2"], "--grid"),
        (&["--grid", "--vary", "lr"], "--lr varies over 0.0003..0.03, but a grid has values; write some"),
        (&["--grid", "--vary", "hidden=4,8", "--trials", "3"], "--trials"),
        (&["--grid", "--vary", "hidden=4,8", "--seeds", "0"], "--seeds is 0; it must be at least 1"),
    ] {
        place.refuse(&[&classify[..], more].concat(), &[expected]);
    }
}

#[test]
fn threads_change_nothing() {
    let place = place();
    for (threads, out) in [("1", "one"), ("3", "three")] {
        place.succeed(&[&arguments("classify", out)[..], &["--threads", threads]].concat());
    }
    assert_eq!(trials(&place, "one"), trials(&place, "three"));
    assert!(model(&place, "one/best") == model(&place, "three/best"));
}

#[test]
fn a_search_killed_again_and_again_ends_with_the_same_result() {
    for task in ["classify", "forecast"] {
        let place = place();
        place.succeed(&[&arguments(task, "whole")[..], &["--quiet"]].concat());
        let mut child = start(&place, &[&arguments(task, "killed")[..], &["--quiet"]].concat());
        wait_for(&place, "killed");
        let mut kills = 0;
        for pause in [5, 90, 40, 230, 23, 310, 60, 140, 400, 250, 110] {
            sleep(Duration::from_millis(pause));
            child.kill().unwrap();
            child.wait().unwrap();
            if place.path("killed/report.html").exists() {
                break;
            }
            kills += 1;
            child = start(&place, &["tune", "--resume", "killed", "--quiet"]);
        }
        let ended = child.wait_with_output().unwrap();
        assert!(place.path("killed/report.html").exists(), "{task}: {ended:?}");
        assert!(kills >= 2, "{task}: the search is too short to be killed");
        assert_eq!(trials(&place, "killed"), trials(&place, "whole"), "{task}");
        assert!(model(&place, "killed/best") == model(&place, "whole/best"), "{task}");
    }
}

/// As a kill leaves it between the model of the last trial and that trial's record.
#[test]
fn a_search_killed_before_its_last_record_ends_with_the_same_result() {
    let place = place();
    place.succeed(&[&arguments("classify", "whole")[..], &["--quiet"]].concat());
    let expected = trials(&place, "whole");
    let left: Vec<String> = expected
        .iter()
        .map(|trial| {
            let mut trial = trial.clone();
            let fields = trial.as_object_mut().unwrap();
            fields.insert("seconds".into(), 1.0.into());
            if fields["state"] == "finished" {
                fields.insert("state".into(), "running".into());
            }
            trial.to_string() + "\n"
        })
        .collect();
    fs::write(place.path("whole/trials.jsonl"), left.concat()).unwrap();
    std::fs::remove_dir_all(place.path("whole/best")).unwrap();
    std::fs::remove_file(place.path("whole/report.html")).unwrap();
    place.succeed(&["tune", "--resume", "whole", "--quiet"]);
    assert_eq!(trials(&place, "whole"), expected);
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_a_search_and_says_how_to_go_on() {
    let place = place();
    let child = start(&place, &arguments("classify", "stopped"));
    wait_for(&place, "stopped");
    sleep(Duration::from_millis(100));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("saved; go on with: sumun tune --resume stopped"), "{said}");
    place.succeed(&["tune", "--resume", "stopped", "--quiet"]);
    assert!(place.path("stopped/best/model.safetensors").exists());
}

#[test]
fn trials_that_diverge_or_do_not_fit_leave_the_others_alone() {
    let place = place();
    let mut arguments = arguments("forecast", "wild");
    arguments.truncate(arguments.iter().position(|word| *word == "--vary").unwrap());
    arguments.extend(["--vary", "lr=1e20..1e38", "--vary", "window=7..1000", "--json", "--quiet"]);
    let json = last_json(&place.succeed(&arguments));
    let all = json["trials"].as_array().unwrap();
    let failed: Vec<&Value> = all.iter().filter(|one| one["state"] == "failed").collect();
    assert!(!failed.is_empty() && failed.len() < all.len(), "{all:#?}");
    assert!(failed.iter().any(|one| one["problem"].as_str().unwrap().contains("became")), "{failed:#?}");
    let windows = all.iter().filter_map(|one| one["drawn"]["data.window"].as_u64());
    assert!(windows.max().unwrap() < 160, "windows that the series has no room for are drawn again");
}

#[test]
fn what_makes_no_search_is_refused() {
    let place = place();
    fs::create_dir(place.path("one")).unwrap();
    place.write("one/tune.json", "");
    for (arguments, expected) in [
        (&["tune", "classify", "long.csv", "--trials", "0"][..], "--trials is 0; it must be a number from 1"),
        (&["tune", "classify", "long.csv", "--trials", "x"], "give a whole number"),
        (&["tune", "classify", "long.csv", "--vary", "hiden"], "did you mean network.hidden?"),
        (&["tune", "classify", "long.csv", "--vary", "lr", "--lr", "0.1"], "--lr is given and searched over"),
        (
            &["tune", "classify", "long.csv", "--vary", "lr=3..1"],
            "--lr cannot be searched over \"3..1\": 3 is not below 1",
        ),
        (&["tune", "classify", "long.csv", "--vary", "embedding"], "--embedding declares no range"),
        (&["tune", "classify", "-"], "a search reads the data once a trial"),
        (&["tune", "classify", "none.csv"], "none.csv"),
        (
            &["tune", "classify", "long.csv", "--valid", "0", "--quiet"],
            "there is no validation part to compare trials on; hold one out with --valid",
        ),
        (&["tune", "forecast", "days.csv"], "no column to forecast"),
        (&["tune", "--resume", "long.csv"], "long.csv"),
        (&["tune", "--resume", "none"], "there is no search to go on with"),
        (&["tune", "--resume", "one"], "one/tune.json: holds no plan of a search"),
        (&["tune", "--trials", "3"], "name a task"),
        (&["tune", "clasify"], "'classify'"),
    ] {
        let small = arguments[1] == "classify" && arguments[2] == "long.csv" && !arguments.contains(&"0");
        let arguments = [arguments, if small { &SMALL[..] } else { &[] }].concat();
        place.refuse(&arguments, &[expected]);
    }
}
