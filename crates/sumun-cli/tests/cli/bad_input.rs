//! Data files that cannot be used: one line that says what to do, exit code 2, nothing left behind.

use crate::place::{Place, QUICK, date, last_json, series, value, with_line, without_line};

/// Trains on `file`, which must be refused with a message that holds all of `expected`.
fn check(place: &Place, file: &str, more: &[&str], expected: &[&str]) {
    let mut arguments = vec!["train", "forecast", file, "--target", "y"];
    arguments.extend(QUICK);
    arguments.extend(more);
    place.refuse(&arguments, expected);
}

#[test]
fn files_that_cannot_be_read_are_refused() {
    let place = Place::with_series();
    let good = place.read("y.csv");
    let mut latin = good.clone().into_bytes();
    latin[60] = 0x81;
    for (name, bytes) in [
        ("empty.csv", Vec::new()),
        ("header.csv", b"date,y\n".to_vec()),
        ("ragged.csv", with_line(&good, 9, "2024-01-08,24,7").into_bytes()),
        ("latin.csv", latin),
        ("word.csv", with_line(&good, 9, "2024-01-08,warm").into_bytes()),
        ("infinite.csv", with_line(&good, 9, "2024-01-08,inf").into_bytes()),
        ("missing.csv", with_line(&good, 9, "2024-01-08,").into_bytes()),
        ("twice.csv", with_line(&good, 1, "y,y").into_bytes()),
    ] {
        place.write(name, bytes);
    }
    check(&place, "absent.csv", &[], &["absent.csv: there is no such file"]);
    check(&place, ".", &[], &[".: is a folder"]);
    check(&place, "empty.csv", &[], &["empty.csv: the file is empty"]);
    check(&place, "header.csv", &[], &["header.csv: there is a header but no row"]);
    check(&place, "ragged.csv", &[], &["ragged.csv: row 9 has 3 cells where the header has 2"]);
    check(
        &place,
        "latin.csv",
        &[],
        &[
            "latin.csv: line ",
            "is not UTF-8 text (byte 0x81 at offset ",
            "); save the file as UTF-8; or name its --encoding",
        ],
    );
    check(&place, "word.csv", &[], &["word.csv: row 9, column 'y': 'warm' is not a number"]);
    check(&place, "infinite.csv", &[], &["infinite.csv: row 9, column 'y': 'inf' is infinite"]);
    check(&place, "missing.csv", &[], &["missing.csv: ", "row 9", "'y'", "--missing", "interpolate"]);
    check(&place, "twice.csv", &[], &["twice.csv: columns 1 and 2 are both named 'y'"]);
}

/// Spreadsheets save UTF-16 as "Unicode text"; without a mark its bytes are UTF-8 too.
#[test]
fn utf16_is_read_and_said() {
    let place = Place::with_series();
    let bytes: Vec<u8> = place.read("y.csv").encode_utf16().flat_map(u16::to_be_bytes).collect();
    place.write("utf16.csv", bytes);
    let mut metrics = Vec::new();
    for file in ["y.csv", "utf16.csv"] {
        let mut arguments = vec!["train", "forecast", file, "--target", "y", "--json"];
        arguments.extend(QUICK);
        let ran = place.succeed(&arguments);
        let json = last_json(&ran);
        assert_eq!(
            json["notes"][0] == "the file is written in UTF-16BE",
            file == "utf16.csv",
            "{}",
            json["notes"]
        );
        metrics.push(json["metrics"].clone());
    }
    assert_eq!(metrics[0], metrics[1]);
    place.write("zeros.csv", [0; 64]);
    check(&place, "zeros.csv", &[], &["zeros.csv: is no text", "save the file as CSV in UTF-8"]);
}

/// What a file leaves open is refused with the options that decide it, and what they decided is said and kept.
#[test]
fn numbers_that_may_be_two_are_refused_until_it_is_said() {
    let place = Place::new();
    let rows: String =
        (0..80).map(|i| format!("{},{}\n", date(i), ["950", "1.020", "1.100"][i % 3])).collect();
    place.write("f.csv", format!("date,y\n{rows}"));
    check(
        &place,
        "f.csv",
        &[],
        &["row 3, column 'y': '1.020' may be 1.02 or 1020", "--decimal . or --thousands ."],
    );
    let mut arguments =
        vec!["train", "forecast", "f.csv", "--target", "y", "--thousands", ".", "--out", "run", "--json"];
    arguments.extend(QUICK);
    let json = last_json(&place.succeed(&arguments));
    let note = "column 'y' is written with '.' between thousands: '1.020' is 1020";
    assert_eq!(json["notes"][0], note);
    assert!(
        place.read("run/results.json").contains(note)
            && place.read("run/report.html").contains("between thousands")
    );
    // The model reads a newer file as it learnt.
    let json = last_json(&place.succeed(&["predict", "run", "f.csv", "--json"]));
    assert_eq!(json["notes"][0], note);
    assert!(json["forecast"]["y"][0].as_f64().is_some_and(|value| value > 100.0), "{json}");
    let json = last_json(&place.succeed(&["evaluate", "run", "f.csv", "--json"]));
    assert_eq!(json["notes"][0], note);
}

/// What the operating system says alone, such as "Not a directory", is no help.
#[test]
fn paths_that_cannot_be_used_come_with_advice() {
    let place = Place::with_series();
    check(&place, "y.csv/y.csv", &[], &["y.csv/y.csv: ", "; give another path"]);
    check(&place, "y.csv", &["--out", "y.csv/run"], &["y.csv/run: ", "; give another path"]);
}

#[test]
fn missing_columns_name_the_nearest() {
    let place = Place::new();
    place.write("f.csv", "date,demand,수요\n2024-01-01,1,2\n2024-01-02,2,3\n");
    for (arguments, expected) in [
        (["--target", "demnad"], "there is no column 'demnad'; did you mean 'demand'?"),
        (["--target", "수오"], "the header names 'date', 'demand', '수요'"),
        (["--target", "Demand"], "did you mean 'demand'?"),
    ] {
        place.refuse(&["train", "forecast", "f.csv", arguments[0], arguments[1]], &[expected]);
    }
    for option in ["--time", "--features", "--known"] {
        let arguments = ["train", "forecast", "f.csv", "--target", "demand", option, "dat"];
        place.refuse(&arguments, &["there is no column 'dat'; did you mean 'date'?"]);
    }
    let arguments = ["train", "forecast", "f.csv", "--target", "demand,demand"];
    place.refuse(&arguments, &["'demand' twice"]);
    let arguments = ["train", "forecast", "f.csv", "--target", "demand", "--time", "수요"];
    place.refuse(&arguments, &["column '수요'"]);
}

#[test]
fn times_must_go_on_evenly() {
    let place = Place::with_series();
    let good = place.read("y.csv");
    for (name, text) in [
        ("repeats.csv", with_line(&good, 9, "2024-01-07,24")),
        ("back.csv", with_line(&good, 9, "2024-01-02,24")),
        ("gap.csv", without_line(&good, 9)),
        ("nodate.csv", with_line(&good, 9, "2024-02-30,24")),
    ] {
        place.write(name, text);
    }
    check(&place, "repeats.csv", &[], &["repeats.csv: rows 8 and 9 have the same time (2024-01-07)"]);
    check(&place, "back.csv", &[], &["back.csv: rows 3 and 9 have the same time (2024-01-02)"]);
    let missing =
        "1 day missing between row 8 (2024-01-07) and row 9 (2024-01-09); choose --missing ffill (repeat";
    check(&place, "gap.csv", &[], &["gap.csv: ", missing, "interpolate (", "drop ("]);
    check(&place, "nodate.csv", &["--time", "date"], &["nodate.csv: row 9, column 'date'"]);
    check(
        &place,
        "nodate.csv",
        &[],
        &["nodate.csv: row 9, column 'date'", "correct it; or choose --time none"],
    );
    // What each policy does with the gap.
    for policy in ["ffill", "interpolate", "drop"] {
        let out = format!("runs/{policy}");
        let mut arguments = vec!["train", "forecast", "gap.csv", "--target", "y", "--missing", policy];
        arguments.extend(QUICK);
        arguments.extend(["--out", &out]);
        let ran = place.succeed(&arguments);
        let told = if policy == "drop" { "treated as" } else { "filled 1 value of column 'y'" };
        assert!(ran.stderr.contains(told), "{ran:?}");
    }
}

#[test]
fn series_need_something_to_learn() {
    let place = Place::new();
    let constant: String = (0..80).map(|_| "7\n".to_owned()).collect();
    place.write("constant.csv", format!("y\n{constant}"));
    place.write("short.csv", series("date", "y", 20));
    let negative: String = (0..80).map(|i| format!("{}\n", value(i) - 25.0)).collect();
    place.write("negative.csv", format!("y\n{negative}"));
    check(&place, "constant.csv", &["--horizon", "3"], &["column 'y' is 7 on all", "choose another target"]);
    check(&place, "short.csv", &["--window", "16", "--horizon", "6"], &["window 16 + horizon 6 need 22"]);
    check(&place, "short.csv", &["--test", "0.2", "--horizon", "5"], &["part has", "horizon 5"]);
    check(&place, "negative.csv", &["--horizon", "3", "--log", "on"], &["'y'", "--log off"]);
}

#[test]
fn a_loss_that_is_not_finite_stops_with_advice() {
    let place = Place::with_series();
    let mut arguments = vec!["train", "forecast", "y.csv", "--target", "y", "--quiet"];
    arguments.extend(QUICK);
    arguments.extend(["--lr", "1e300", "--optimizer", "sgd", "--clip", "none", "--loss", "mse"]);
    arguments.extend(["--out", "run"]);
    let ran = place.run(&arguments);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert_eq!((ran.stderr.lines().count(), ran.stdout.as_str()), (1, ""), "{ran:?}");
    for part in ["error: the loss became", "at step", "try a smaller --lr", "--clip 0.1"] {
        assert!(ran.stderr.contains(part), "{ran:?}");
    }
    // Its curves say how.
    assert!(place.path("run/metrics.jsonl").exists() && !place.path("run/model.safetensors").exists());
    assert!(place.succeed(&["runs", "."]).stdout.contains("run"));
}
