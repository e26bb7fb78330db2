//! `sumun bench` from the outside: what it prints and what it refuses, never how long anything takes.

use serde_json::Value;

use crate::place::Place;

const TINY: &str = r#"{"about": "three kinds", "cases": [
  {"name": "learn", "kind": "train", "cell": "gru", "batch": 3, "steps": 4, "input": 2, "hidden": 5, "loss": "mse"},
  {"name": "읽기", "kind": "forward", "cell": "lstm", "batch": 3, "steps": 4, "input": 2, "hidden": 5,
   "lengths": [1, 4, 2]},
  {"name": "next", "kind": "step", "cell": "rnn", "input": 2, "hidden": 5, "slow": true}]}"#;

fn place() -> Place {
    let place = Place::new();
    place.write("tiny.json", TINY);
    place
}

const QUICK: [&str; 5] = ["bench", "--grid", "tiny.json", "--seconds", "0.01"];

#[test]
fn every_case_is_a_row_of_a_table() {
    let place = place();
    let ran = place.succeed(&[&QUICK[..], &["--slow"]].concat());
    assert_eq!(ran.stderr, "");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(lines[0], format!("sumun {version}, 1 thread, single precision"));
    assert_eq!(lines[1], "");
    assert_eq!(lines[2], "case     best ms  median ms  GFLOP/s  of peak  path", "{}", ran.stdout);
    let names: Vec<&str> = lines[3..].iter().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["learn", "읽기", "next"]);
}

#[test]
fn json_is_a_line_a_case() {
    let place = place();
    for (more, names, threads) in [
        (&[][..], &["learn", "읽기"][..], 1),
        (&["--slow"], &["learn", "읽기", "next"], 1),
        (&["--only", "next, learn", "--threads", "2"], &["learn", "next"], 2),
    ] {
        let ran = place.succeed(&[&QUICK[..], &["--json"], more].concat());
        assert_eq!(ran.stderr, "");
        let lines: Vec<Value> =
            ran.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.iter().map(|line| line["name"].as_str().unwrap()).collect::<Vec<_>>(), names);
        for line in &lines {
            assert_eq!(line["peer"], format!("sumun {}", env!("CARGO_PKG_VERSION")));
            assert_eq!(line["threads"], threads);
            assert!(line["runs"].as_u64().unwrap() >= 5, "{line}");
            assert!(["AVX-512", "AVX2", "portable"].contains(&line["path"].as_str().unwrap()), "{line}");
            for field in ["best_ms", "median_ms", "gflops", "peak_share", "peak_gflops", "floor_ms"] {
                assert!(line[field].as_f64().unwrap() > 0.0, "{line}");
            }
        }
    }
}

#[test]
fn the_built_in_grid_needs_no_file() {
    let line = Place::new().succeed(&["bench", "--only", "step_gru_16", "--seconds", "0", "--json"]).stdout;
    assert!(line.starts_with("{\"peer\":\"sumun ") && line.contains("\"name\":\"step_gru_16\""), "{line}");
    Place::new().refuse(
        &["bench", "--only", "sine_lstm,step_gru_15"],
        &["there is no case 'step_gru_15'; did you mean 'step_gru_16'? there are 'sine_rnn', "],
    );
}

#[test]
fn weights_of_8_bits_leave_the_training_cases_out() {
    let place = place();
    let quick = [&QUICK[..], &["--slow", "--json", "--precision", "int8"]].concat();
    let ran = place.succeed(&quick).stdout;
    let lines: Vec<Value> = ran.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.iter().map(|line| line["name"].as_str().unwrap()).collect::<Vec<_>>(), ["읽기", "next"]);
    assert!(lines.iter().all(|line| line["precision"] == "int8"), "{ran}");
    let table = place.succeed(&[&QUICK[..], &["--precision", "int8"]].concat()).stdout;
    assert!(table.contains(", weights of 8 bits\n"), "{table}");
    place.refuse(
        &[&QUICK[..], &["--precision", "int8", "--only", "learn"]].concat(),
        &["case 'learn': precision has no meaning here, as weights of 8 bits have no gradients"],
    );
    place.refuse(&[&QUICK[..], &["--precision", "int4"]].concat(), &["int4"]);
    place.write("own.json", TINY.replace("\"forward\"", "\"forward\", \"precision\": \"int4\""));
    place.refuse(&["bench", "--grid", "own.json"], &["unknown variant `int4`"]);
}

#[test]
fn grids_that_cannot_be_timed_are_refused() {
    let place = place();
    place.write("binary.json", [0x7F, 0, 1, 0xFE]);
    place.write("latin.json", b"{\"about\": \"\x81\"}");
    place.write("half.json", &TINY[..TINY.len() / 2]);
    place.write("zero.json", TINY.replace("\"hidden\": 5", "\"hidden\": 0"));
    place.write("huge.json", TINY.replace("\"steps\": 4", "\"steps\": 18446744073709551615"));
    place.write("wide.json", TINY.replace("\"hidden\": 5", "\"hidden\": 4000000000"));
    place.write("long.json", TINY.replace("[1, 4, 2]", "[1, 5, 2]"));
    place.write(
        "slow.json",
        TINY.replace("\"input\"", "\"slow\": true, \"input\"").replace(", \"slow\": true}", "}"),
    );
    for (grid, expected) in [
        ("absent.json", "absent.json: there is no such file"),
        (".", ".: is a folder"),
        ("binary.json", "binary.json: is no text"),
        ("latin.json", "latin.json: line 1 is not UTF-8 text"),
        ("half.json", "half.json: EOF while parsing"),
        ("zero.json", "zero.json: case 'learn': hidden is 0; give at least 1"),
        ("huge.json", "huge.json: case 'learn': it holds about "),
        ("wide.json", "above the limit of 2.1e9; make it smaller"),
        ("long.json", "long.json: case '읽기': length 5 of sequence 1 is not from 1 to the 4 steps"),
        ("slow.json", "every case is slow; ask for slow ones with --slow or by name"),
    ] {
        place.refuse(&["bench", "--grid", grid], &[expected]);
        place.refuse(&["bench", "--grid", grid, "--json"], &[expected]);
    }
    for (option, value, expected) in [
        ("--only", "lern", "there is no case 'lern'; did you mean 'learn'?"),
        ("--only", "", "there is no case ''"),
        ("--threads", "0", "give a whole number from 1"),
        ("--seconds", "-1", "--seconds is -1; it must be a number from 0 to 86400"),
        ("--seconds", "nan", "--seconds is NaN"),
        ("--seconds", "long", "give a number"),
    ] {
        place.refuse(&["bench", "--grid", "tiny.json", option, value], &[expected]);
    }
}
