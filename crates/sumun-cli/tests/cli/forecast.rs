//! The whole way: train, predict, evaluate, summarize.

use std::process::Stdio;

use serde_json::Value;

use crate::place::{Place, QUICK, date, exists, last_json, series, value};

fn train<'a>(file: &'a str, target: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["train", "forecast", file, "--target", target];
    arguments.extend(QUICK);
    arguments.extend(more);
    arguments
}

fn assert_scores(scores: &Value) {
    let names: Vec<&String> = scores.as_object().unwrap().keys().collect();
    assert_eq!(names, ["loss", "mae", "mase", "rmse", "smape"]);
    for (name, score) in scores.as_object().unwrap() {
        assert!(score.is_null() || score.as_f64().is_some_and(|v| v >= 0.0), "{name}: {score}");
    }
    assert!(scores["mae"].is_f64());
}

#[test]
fn training_keeps_the_json_contract() {
    let place = Place::with_series();
    let ran = place.succeed(&train("y.csv", "y", &["--json", "--horizon", "7"]));
    let json = last_json(&ran);
    let names: Vec<&String> = json.as_object().unwrap().keys().collect();
    let all = [
        "baselines",
        "best_epoch",
        "epochs",
        "metrics",
        "notes",
        "parameters",
        "report",
        "run",
        "seconds",
        "task",
    ];
    assert_eq!(names, all);
    assert_eq!(json["notes"][0], "time column 'date', daily");
    assert_eq!(json["task"], "forecast");
    assert_eq!(json["run"], "runs/forecast-y-1");
    assert_eq!(json["report"], "runs/forecast-y-1/report.html");
    assert_eq!(json["epochs"], 2);
    assert!(json["seconds"].as_f64().unwrap() > 0.0 && json["parameters"].as_u64().unwrap() > 0);
    for part in ["valid", "test"] {
        assert_scores(&json["metrics"][part]);
    }
    let baselines = json["baselines"].as_object().unwrap();
    assert_eq!(
        baselines.keys().collect::<Vec<_>>(),
        ["arima", "drift", "ets", "ets_steps", "naive", "seasonal_naive_7", "theta"]
    );
    baselines.values().for_each(assert_scores);
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");

    for file in ["model.safetensors", "config.toml", "metrics.jsonl", "report.html"] {
        assert!(exists(&place.path("runs/forecast-y-1").join(file)), "{file}");
    }
    let metrics = place.read("runs/forecast-y-1/metrics.jsonl");
    let lines: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[0]["epoch"], &lines[1]["epoch"]), (&1.into(), &2.into()));
    assert_eq!(lines[2]["test"]["model"]["overall"]["mae"], json["metrics"]["test"]["mae"]);
    assert_eq!(std::fs::read_dir(place.path("runs")).unwrap().count(), 1, "nothing is left beside the run");

    // The next run takes the next name.
    let again = last_json(&place.succeed(&train("y.csv", "y", &["--json", "--horizon", "7", "--quiet"])));
    assert_eq!(again["run"], "runs/forecast-y-2");
    assert_eq!(again["metrics"], json["metrics"], "the same seed gives the same model");
}

#[test]
fn people_are_told_on_stderr() {
    let place = Place::with_series();
    let ran = place.succeed(&train("y.csv", "y", &["--horizon", "7", "--out", "runs/first"]));
    assert_eq!(ran.stdout, "");
    for part in [
        "y.csv: 120 rows, daily",
        "2024-01-01 … 2024-04-29",
        "epoch 1/2",
        "season",
        "LSTM",
        "seasonal naive (7)",
        "MASE",
        "error ",
        ", the best of 7 baselines",
        "runs/first/report.html",
        "sumun predict runs/first",
    ] {
        assert!(ran.stderr.contains(part), "{part:?} is not in {}", ran.stderr);
    }
    assert!(!ran.stderr.contains('\x1b') && !ran.stderr.contains('\r'), "{}", ran.stderr);
    for line in ran.stderr.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let quiet = place.succeed(&train("y.csv", "y", &["--horizon", "7", "--quiet"]));
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
}

#[test]
fn lines_are_sparse_without_a_terminal() {
    let place = Place::with_series();
    let ran = place.succeed(&train("y.csv", "y", &["--horizon", "7", "--epochs", "90", "--patience", "90"]));
    let lines = ran.stderr.lines().filter(|line| line.trim_start().starts_with("epoch ")).count();
    // By time, so that a machine that is very slow writes some between the first and the last.
    assert!((2..=45).contains(&lines), "{}", ran.stderr);
    let first = ran.stderr.lines().find(|line| line.starts_with("  epoch  1/90 ")).unwrap_or_default();
    assert!(first.ends_with(" left") && ran.stderr.contains("epoch 90/90"), "{}", ran.stderr);
}

#[test]
fn predictions_go_on_where_the_file_ends() {
    let place = Place::with_series().with_run();
    let expect = |csv: &str, first: usize, steps: usize| {
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "date,y");
        assert_eq!(lines.len(), steps + 1, "{csv}");
        for (i, line) in lines[1..].iter().enumerate() {
            let (label, number) = line.split_once(',').unwrap();
            assert_eq!(label, date(first + i));
            let value: f64 = number.parse().unwrap();
            assert!((0.0..60.0).contains(&value), "{value}");
            assert_eq!(format!("{value:?}").trim_end_matches(".0"), number);
        }
    };
    let after_training = place.succeed(&["predict", "run"]).stdout;
    expect(&after_training, 120, 7);
    // The training file itself, as a file and as standard input, by folder and by model file.
    assert_eq!(place.succeed(&["predict", "run", "y.csv"]).stdout, after_training);
    assert_eq!(place.succeed(&["predict", "run/model.safetensors", "y.csv"]).stdout, after_training);
    let piped = place.run_with_input(&["predict", "run", "-"], &place.read("y.csv"));
    assert_eq!((piped.code, piped.stdout.as_str()), (Some(0), after_training.as_str()));

    place.write("newer.csv", series("date", "y", 200));
    expect(&place.succeed(&["predict", "run", "newer.csv", "--steps", "3"]).stdout, 200, 3);
    expect(&place.succeed(&["predict", "run", "newer.csv", "--steps", "20"]).stdout, 200, 20);

    // A few rows that go on from the training file, or begin within it, are enough.
    let whole = series("date", "y", 123);
    place.write("whole.csv", &whole);
    let expected = place.succeed(&["predict", "run", "whole.csv"]).stdout;
    let lines: Vec<&str> = whole.lines().collect();
    for from in [121, 119] {
        place.write("few.csv", format!("{}\n{}\n", lines[0], lines[from..].join("\n")));
        let few = place.succeed(&["predict", "run", "few.csv"]);
        assert_eq!(few.stdout, expected);
        assert!(few.stderr.contains("rows before the file are the end of the training data"), "{few:?}");
    }
    place.write("few.csv", format!("{}\n{}\n", lines[0], lines[122..].join("\n")));
    place.refuse(
        &["predict", "run", "few.csv"],
        &["1 step is missing between the end of the training data (", "choose --missing ffill"],
    );
    let filled = place.succeed(&["predict", "run", "few.csv", "--missing", "ffill"]);
    assert!(filled.stderr.contains("1 step between them and the file repeats the last value"), "{filled:?}");
    place.write("before.csv", format!("{}\n{}\n", lines[0], lines[100..122].join("\n")));
    let joined = place.succeed(&["predict", "run", "few.csv", "--history", "before.csv"]);
    assert_eq!(joined.stdout, expected);
    place.write("far.csv", "date,y\n2030-01-01,20\n2030-01-02,21\n");
    place.refuse(
        &["predict", "run", "far.csv"],
        &["far.csv has 2 rows, but a forecast needs", "the rows before it with --history"],
    );

    let json = last_json(&place.succeed(&["predict", "run", "--json"]));
    assert_eq!((&json["task"], &json["run"]), (&"forecast".into(), &"run".into()));
    assert_eq!(json["time"][0], date(120));
    let values: Vec<f64> =
        json["forecast"]["y"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let from_csv: Vec<f64> =
        after_training.lines().skip(1).map(|l| l.split_once(',').unwrap().1.parse().unwrap()).collect();
    assert_eq!(values, from_csv, "the same numbers, to the last bit");
}

#[test]
fn evaluation_measures_a_file() {
    let place = Place::with_series().with_run();
    let json = last_json(&place.succeed(&["evaluate", "run", "y.csv", "--json"]));
    assert_scores(&json["metrics"]);
    json["baselines"].as_object().unwrap().values().for_each(assert_scores);
    let rows = 120 - 14 - 7 + 1;
    assert_eq!(json["origins"], rows, "every row with a window before it and a horizon after it");
    let table = place.succeed(&["evaluate", "run", "y.csv", "--threads", "1"]);
    assert!(table.stdout.contains("y.csv, 100 origins"), "{table:?}");
    assert!(table.stdout.contains("seasonal naive (7)"), "{table:?}");
    assert_eq!(table.stderr, "· time column 'date', daily\n");
}

#[test]
fn the_summary_adds_up() {
    let place = Place::new().with_run();
    let json = last_json(&place.succeed(&["summary", "run", "--json"]));
    let layers = json["layers"].as_array().unwrap();
    let sum: u64 = layers.iter().map(|layer| layer["parameters"].as_u64().unwrap()).sum();
    assert_eq!(json["parameters"], sum);
    let table = place.succeed(&["summary", "run"]).stdout;
    for layer in layers {
        assert!(table.contains(layer["name"].as_str().unwrap()), "{table}");
    }
    let total = format!("Total parameters: {sum}");
    assert!(table.lines().any(|line| line.replace(',', "") == total), "{table}");
    assert!(table.starts_with("Forecaster\nforecast of y, 7 steps ahead from a window of 14\n"), "{table}");
    assert!(table.contains("steps (Unflatten, 7 steps)    (None, None, 1)"), "{table}");
}

#[test]
fn korean_names_work_from_end_to_end() {
    let place = Place::new();
    let mut csv = "날짜,전력 수요,\"기온, ℃\"\n".to_owned();
    (0..120).for_each(|i| csv += &format!("{},{},{}\n", date(i), value(i), i % 11));
    place.write("서울 전력.csv", csv);
    let more = ["--features", "\"기온, ℃\"", "--horizon", "7", "--out", "실행/첫 모형 1호", "--json"];
    let ran = place.succeed(&train("서울 전력.csv", "전력 수요", &more));
    assert_eq!(last_json(&ran)["run"], "실행/첫 모형 1호");
    assert!(ran.stderr.contains("sumun predict '실행/첫 모형 1호'"), "{}", ran.stderr);
    let predicted = place.succeed(&["predict", "실행/첫 모형 1호"]).stdout;
    assert!(predicted.starts_with(&format!("날짜,전력 수요\n{},", date(120))), "{predicted}");
    assert!(place.succeed(&["summary", "실행/첫 모형 1호"]).stdout.contains("전력 수요"));
    place.succeed(&["evaluate", "실행/첫 모형 1호", "서울 전력.csv"]);
    place.refuse(&["predict", "실행/첫 모형 2호"], &["실행/첫 모형 2호", "did you mean 실행/첫 모형 1호?"]);

    let defaults = last_json(&place.succeed(&train("서울 전력.csv", "전력 수요", &["--json", "--quiet"])));
    assert_eq!(defaults["run"], "runs/forecast-서울-전력-1");
}

#[test]
fn several_targets_and_no_time_column() {
    let place = Place::new();
    let mut csv = "a,row\n".to_owned();
    (0..120).for_each(|i| csv += &format!("{},{}\n", value(i), value(i + 3)));
    place.write("f.csv", csv);
    let ran = place.succeed(&train("f.csv", "a,row", &["--horizon", "3", "--out", "run", "--json"]));
    assert_scores(&last_json(&ran)["metrics"]["test"]);
    let predicted = place.succeed(&["predict", "run"]).stdout;
    assert!(predicted.starts_with("row_,a,row\n121,"), "{predicted}");
}

#[test]
fn parts_may_be_left_out() {
    let place = Place::with_series();
    let more = ["--valid", "0", "--test", "0", "--horizon", "7", "--json", "--quiet"];
    let json = last_json(&place.succeed(&train("y.csv", "y", &more)));
    assert_eq!(json["metrics"].to_string(), r#"{"test":null,"valid":null}"#);
    let json = last_json(&place.succeed(&train("y.csv", "y", &["--test", "0", "--horizon", "7", "--json"])));
    assert!(json["metrics"]["test"].is_null());
    assert_scores(&json["metrics"]["valid"]);
}

#[test]
fn threads_do_not_change_the_numbers() {
    let place = Place::with_series();
    let scores = ["1", "3"].map(|threads| {
        let more = ["--threads", threads, "--horizon", "7", "--json", "--quiet"];
        last_json(&place.succeed(&train("y.csv", "y", &more)))["metrics"].clone()
    });
    assert_eq!(scores[0], scores[1]);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let place = Place::new().with_run();
    for arguments in [&["predict", "run", "--steps", "20000"][..], &["train", "forecast", "--help"]] {
        let mut child =
            place.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_unexpected() {
    let place = Place::new().with_run();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = place.command(&["predict", "run"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.starts_with("error: standard output cannot be written") && stderr.lines().count() == 1);
}

#[test]
fn a_configuration_trains_what_options_train() {
    let place = Place::with_series();
    let more =
        ["--horizon", "7", "--clip", "value:0.5", "--season", "7", "--time", "date", "--bidirectional"];
    let more = [&more[..], &["--calendar", "off", "--loss", "huber", "--quiet", "--out", "options"]].concat();
    place.succeed(&train("y.csv", "y", &more));
    let template = place.succeed(&["config", "forecast"]).stdout;
    assert!(template.starts_with("# Settings of `sumun train forecast`."), "{template}");
    place.write("run.toml", template.replace("data.csv", "y.csv").replace("[\"value\"]", "[\"y\"]"));
    let mut arguments = vec!["train", "--config", "run.toml", "--quiet", "--out", "config"];
    for set in [
        "train.epochs=2",
        "network.hidden=4",
        "prepare.difference=none",
        "data.horizon=7",
        "data.season=7",
        "data.time=date",
        "train.clip=value:0.5",
        "train.loss=huber",
        "prepare.calendar=off",
        "network.bidirectional=true",
    ] {
        arguments.extend(["--set", set]);
    }
    place.succeed(&arguments);
    let model = |run: &str| std::fs::read(place.path(run).join("model.safetensors")).unwrap();
    assert!(model("options") == model("config"));
    // What a run folder keeps is a configuration too; the file gives way to options, and options to --set.
    let again = ["train", "forecast", "--config", "options/config.toml", "--hidden", "5", "--quiet"];
    place.succeed(&[&again[..], &["--set", "network.hidden=4", "--out", "again"]].concat());
    assert!(model("options") == model("again"));
    place.succeed(&[&again[..], &["--out", "other"]].concat());
    assert!(place.read("other/config.toml").contains("hidden = 5"));
}

/// What the data decided is written down, and gives the same model without deciding again.
#[test]
fn a_run_keeps_what_was_decided() {
    let place = Place::with_series();
    let base = ["train", "forecast", "y.csv", "--target", "y", "--hidden", "4", "--quiet", "--epochs", "3"];
    place.succeed(&[&base[..], &["--out", "first"]].concat());
    let config = place.read("first/config.toml");
    for line in
        ["task = \"forecast\"", "target = [\"y\"]", "season = 7", "horizon = 7", "window = 8", "batch = 32"]
    {
        assert!(config.lines().any(|l| l == line), "{line} is not in {config}");
    }
    assert!(!config.contains("difference = \"auto\""), "{config}");
    place.succeed(&["train", "--config", "first/config.toml", "--quiet", "--out", "second"]);
    let model = |run: &str| std::fs::read(place.path(run).join("model.safetensors")).unwrap();
    assert!(model("first") == model("second"));
}

#[test]
fn settings_that_cannot_be_used_are_refused() {
    let place = Place::with_series();
    place.write("typo.toml", "task = \"forecast\"\n[data]\ntrain = \"y.csv\"\ntargets = [\"y\"]\n");
    place.write("other.toml", "task = \"tag\"\n[data]\ntrain = \"y.csv\"\n");
    place.refuse(
        &["train", "--config", "typo.toml"],
        &["there is no setting \"data.targets\"; did you mean data.target?"],
    );
    place.write("none.toml", "task = \"forecast\"\n[data]\ntrain = \"y.csv\"\n");
    place.refuse(&["train", "--config", "none.toml"], &["no column to forecast", "data.target"]);
    place.refuse(
        &["train", "forecast", "--config", "other.toml", "--target", "y"],
        &["the configuration is for the task \"tag\", not for forecast"],
    );
    for (set, expected) in [
        ("data.horizn=3", "there is no setting \"data.horizn\"; did you mean data.horizon?"),
        ("horizon=3", "there is no setting \"horizon\"; did you mean data.horizon?"),
        ("network.pool=max", "network.pool means nothing to forecast; leave it out"),
        ("train.weight_decay=1", "train.weight_decay means nothing to forecast"),
        ("data.horizon=many", "data.horizon is \"many\"; it must be a whole number of at least 0"),
        ("data.season=weekly", "data.season is \"weekly\"; it must be a number of rows, or \"none\""),
        ("data.valid=dev.csv", "data.valid is \"dev.csv\"; it must be a number"),
        ("data.target=[1]", "data.target is [1]; it must be names of columns"),
        ("data.target=y,", "data.target is \"y,\"; it must be names of columns"),
        ("train.clip=-1", "train.clip is -1; it must be a number of at least 0"),
        ("train.loss=mea", "train.loss is \"mea\"; it must be one of mae, mse, huber"),
        ("train.save_every=-1", "train.save_every is -1; it must be a number of at least 0"),
        ("data.horizon=0", "data.horizon is 0; it must be at least 1"),
        ("train.lr", "give KEY=VALUE"),
    ] {
        place.refuse(&["train", "forecast", "y.csv", "--target", "y", "--set", set], &[expected]);
    }
}

/// The pipe that the help shows does what it says, as it is printed.
#[cfg(unix)]
#[test]
fn the_pipe_of_the_help_of_predict_works() {
    let place = Place::with_series();
    // Two years, more rows than the pipe takes.
    let days = (0..366).map(date);
    let before = days.clone().filter(|day| !day.ends_with("02-29")).map(|day| day.replace("2024", "2023"));
    let rows: String =
        before.chain(days).enumerate().map(|(t, day)| format!("{day},{}\n", value(t))).collect();
    place.write("log.csv", format!("date,y\n{rows}"));
    place.succeed(&train("y.csv", "y", &["--horizon", "7", "--out", "runs/log"]));
    let help = place.succeed(&["predict", "--help"]).stdout;
    let printed = help.lines().find(|line| line.contains("tail -n")).expect("the help shows a pipe").trim();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_sumun"));
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let shell = std::process::Command::new("sh")
        .args(["-c", printed])
        .env("SUMUN_LANG", "en")
        .current_dir(place.path(""))
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(shell.status.success(), "{printed}: {}", String::from_utf8_lossy(&shell.stderr));
    let whole = place.succeed(&["predict", "runs/log", "log.csv"]).stdout;
    assert_eq!(place.read("next.csv"), whole);
    assert_eq!(whole.lines().count(), 8, "{whole}");
}

#[test]
fn a_series_too_short_for_a_network_is_a_run_like_any() {
    let place = Place::new();
    place.write("y.csv", series("date", "y", 20));
    let ran = place.succeed(&["train", "forecast", "y.csv", "--target", "y", "--horizon", "18", "--json"]);
    let said = "too short for a network: 20 training rows, but horizon 18";
    let json = last_json(&ran);
    assert_eq!((&json["epochs"], &json["parameters"]), (&Value::from(0), &Value::from(0)));
    let noted = json["notes"].as_array().unwrap().iter().any(|note| note.as_str().unwrap().starts_with(said));
    assert!(noted && ran.stderr.contains("too short for a network"), "{ran:?}");
    let run = "runs/forecast-y-1";
    assert!(place.read("runs/forecast-y-1/report.html").contains(said));
    assert!(place.read("runs/forecast-y-1/results.json").contains(said));
    assert_eq!(place.succeed(&["predict", run]).stdout.lines().count(), 19);
    place.write("newer.csv", series("date", "y", 60));
    assert!(place.succeed(&["evaluate", run, "newer.csv"]).stdout.contains("the model is a baseline itself"));
    place.succeed(&["summary", run]);
    place.succeed(&["runs"]);
    place.write("one.csv", series("date", "y", 1));
    let refused = place.run(&["train", "forecast", "one.csv", "--target", "y"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("1 value in 1 training rows"), "{refused:?}");
    assert!(!exists(&place.path("runs/forecast-one-1")));
}

#[test]
fn closed_days_are_kept_in_the_model() {
    let place = Place::with_series();
    // 120 days: the two after them are closed.
    let after = [date(120), date(121)];
    place.write("closed.txt", format!("{}\n{}\n", after[0], after[1]));
    place.succeed(&train("y.csv", "y", &["--horizon", "3", "--closed", "closed.txt"]));
    std::fs::remove_file(place.path("closed.txt")).unwrap();
    let ahead = place.succeed(&["predict", "runs/forecast-y-1"]).stdout;
    assert!(ahead.lines().nth(1).unwrap().starts_with(&date(122)), "{ahead}");
    place.write("closed.txt", "");
    let refused = place.run(&train("y.csv", "y", &["--closed", "closed.txt"]));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("closed.txt: the file is empty; give a date in each line"),
        "{refused:?}"
    );
}
