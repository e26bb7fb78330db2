//! `sumun backtest`: figures by origin, what they may not see, and what is refused.

use serde_json::Value;

use crate::place::{Place, date, last_json, series, value};

const SHORT: [&str; 10] =
    ["--horizon", "7", "--season", "7", "--epochs", "3", "--hidden", "4", "--difference", "none"];

fn run(place: &Place, file: &str, more: &[&str]) -> Value {
    let arguments = [&["backtest", file, "--target", "y", "--json", "--quiet"][..], &SHORT, more].concat();
    last_json(&place.succeed(&arguments))
}

fn labels(found: &Value) -> Vec<&str> {
    found["origins"].as_array().unwrap().iter().map(|origin| origin["origin"].as_str().unwrap()).collect()
}

/// Several shops with days of their own.
fn shops(days: usize, changed: impl Fn(usize) -> bool) -> String {
    let mut csv = String::from("shop,date,y\n");
    for (shop, first) in [("A", 0), ("B", 3), ("C", 10)] {
        for day in first..days {
            let y = value(day) * (1.0 + first as f64) + if changed(day) { 1000.0 } else { 0.0 };
            csv += &format!("{shop},{},{y}\n", date(day));
        }
    }
    csv
}

#[test]
fn origins_are_a_horizon_apart_and_trained_as_asked() {
    let place = Place::with_series();
    for (refit, trained) in
        [("never", [true, false, false, false]), ("every", [true; 4]), ("2", [true, false, true, false])]
    {
        let found = run(&place, "y.csv", &["--origins", "4", "--refit", refit]);
        // 120 days: the last origin is the 113th.
        assert_eq!(labels(&found), [date(91), date(98), date(105), date(112)]);
        let of: Vec<bool> =
            found["origins"].as_array().unwrap().iter().map(|origin| origin["trained"] == true).collect();
        assert_eq!(of, trained, "{refit}");
        assert_eq!(found["trainings"], trained.iter().filter(|one| **one).count());
        // Means over as many values each.
        for figure in ["mae", "mase", "smape"] {
            for of in ["model", "naive", "seasonal_naive_7"] {
                let at = |found: &Value| match of {
                    "model" => found["metrics"][figure].as_f64().unwrap(),
                    of => found["baselines"][of][figure].as_f64().unwrap(),
                };
                let mean = found["origins"].as_array().unwrap().iter().map(at).sum::<f64>() / 4.0;
                assert!((at(&found) - mean).abs() < 1e-9 * mean, "{refit} {figure} {of}");
            }
        }
        let forecasts = found["origins"][0]["forecasts"].as_array().unwrap();
        assert_eq!((forecasts.len(), forecasts[0].as_array().unwrap().len()), (1, 7));
    }
    let strided = run(&place, "y.csv", &["--origins", "3", "--stride", "2"]);
    assert_eq!(labels(&strided), [date(108), date(110), date(112)]);
}

/// The forecast from an origin is that of a model trained on a file that ends there.
#[test]
fn an_origin_is_the_end_of_a_training() {
    let place = Place::with_series();
    let found = run(&place, "y.csv", &["--origins", "2", "--refit", "every"]);
    for (origin, rows) in [(0, 106), (1, 113)] {
        place.write("cut.csv", series("date", "y", rows));
        let out = format!("run{origin}");
        let train =
            ["train", "forecast", "cut.csv", "--target", "y", "--test", "0", "--quiet", "--out", &out];
        place.succeed(&[&train[..], &SHORT].concat());
        let predicted = last_json(&place.succeed(&["predict", &out, "--json"]));
        let expected: Vec<f64> = found["origins"][origin]["forecasts"][0]
            .as_array()
            .unwrap()
            .iter()
            .map(|value| value.as_f64().unwrap())
            .collect();
        let text = predicted.to_string();
        for value in expected {
            assert!(
                text.contains(&serde_json::to_string(&value).unwrap()),
                "{origin}: {value} is not in {text}"
            );
        }
    }
}

#[test]
fn no_row_after_an_origin_touches_its_forecast() {
    let place = Place::with_series();
    let changed = |from: usize| {
        let mut csv = String::from("date,y\n");
        (0..120).for_each(|i| csv += &format!("{},{}\n", date(i), if i >= from { -999.5 } else { value(i) }));
        csv
    };
    let refits = ["never", "every"];
    for refit in refits {
        let more = ["--origins", "3", "--refit", refit];
        let found = run(&place, "y.csv", &more);
        for (k, origin) in [98, 105, 112].into_iter().enumerate() {
            place.write("changed.csv", changed(origin + 1));
            let other = run(&place, "changed.csv", &more);
            for before in 0..=k {
                let of = |found: &Value| found["origins"][before]["forecasts"].clone();
                assert_eq!(
                    of(&other),
                    of(&found),
                    "{refit}: the forecast from origin {before} saw rows after {origin}"
                );
            }
            assert_ne!(other["origins"][k]["metrics"], found["origins"][k]["metrics"]);
        }
    }
    // Of several series, figures at an origin are those of the horizon after it.
    place.write("shops.csv", shops(100, |_| false));
    let more = ["--series", "shop", "--origins", "2", "--refit", "every"];
    let found = run(&place, "shops.csv", &more);
    assert_eq!(labels(&found), [date(85), date(92)]);
    assert_eq!(found["origins"][0]["series"], 3);
    place.write("shops.csv", shops(100, |day| day > 92));
    let other = run(&place, "shops.csv", &more);
    assert_eq!(other["origins"][0], found["origins"][0]);
    assert_ne!(other["origins"][1], found["origins"][1]);
    place.write("shops.csv", shops(100, |day| day == 85));
    assert_ne!(run(&place, "shops.csv", &more)["origins"][0], found["origins"][0]);
}

#[test]
fn a_backtest_has_tables_and_a_page_and_any_threads() {
    let place = Place::with_series();
    let arguments = [&["backtest", "y.csv", "--target", "y", "--origins", "3"][..], &SHORT].concat();
    let ran = place.succeed(&[&arguments[..], &["--out", "b.html", "--threads", "1"]].concat());
    for part in [
        "over 3 origins",
        "the model by origin",
        "seasonal naive (7)",
        "the best baseline",
        "* trained there",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let page = place.read("b.html");
    assert!(page.contains("Backtest of y") && page.contains("sumun backtest y.csv"));
    let again = place.succeed(&[&arguments[..], &["--quiet", "--threads", "3"]].concat());
    assert_eq!(again.stdout, ran.stdout);
}

#[test]
fn what_makes_no_backtest_is_refused() {
    let place = Place::with_series();
    let of = |more: &[&'static str]| [&["backtest", "y.csv", "--target", "y"][..], more].concat();
    for (arguments, expected) in [
        (of(&[]), "a backtest needs to know how far ahead to forecast; give --horizon"),
        (of(&["--horizon", "7", "--origins", "0"]), "--origins is 0; it must be at least 1"),
        (of(&["--horizon", "7", "--stride", "0"]), "--stride is 0"),
        (of(&["--horizon", "7", "--refit", "often"]), "give never, every, or a number of origins"),
        (of(&["--horizon", "7", "--origins", "40"]), "give fewer --origins or a shorter --horizon"),
        (of(&["--horizon", "7", "--missing", "drop"]), "--missing drop takes rows out"),
        // What comes after an origin is the test, and nothing is kept.
        (of(&["--horizon", "7", "--test", "0.2"]), "'--test'"),
        (of(&["--horizon", "7", "--save-every", "0"]), "'--save-every'"),
        (vec!["backtest", "none.csv", "--target", "y", "--horizon", "3"], "none.csv"),
        (vec!["backtest", "y.csv", "--horizon", "3"], "no column to forecast"),
    ] {
        place.refuse(&arguments, &[expected]);
    }
    // An origin with too few rows before it is named.
    let few = [
        "backtest",
        "y.csv",
        "--target",
        "y",
        "--horizon",
        "7",
        "--season",
        "7",
        "--origins",
        "16",
        "--window",
        "30",
        "--quiet",
    ];
    place.refuse(&few, &["the origin 2024-01-08"]);
}
