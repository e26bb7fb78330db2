//! Many series in one file, from the training to the forecasts.

use std::fmt::Write;

use crate::place::{Place, exists, last_json};

/// Five shops with a week in their days, each on its own scale.
fn shops() -> String {
    let mut text = String::from("shop,day,sales\n");
    for (k, name) in ["Seoul", "부산", "a, b", "D", "E"].iter().enumerate() {
        for day in 0..90 - 5 * k {
            let week = [0.0, 1.0, 2.0, 1.5, 1.0, 4.0, 3.0][day % 7];
            let value = 10f64.powi(k as i32) * (5.0 + week + 0.1 * ((day * (7 + k)) % 11) as f64);
            let (month, of_month) = match day {
                0..31 => (1, day + 1),
                31..60 => (2, day - 30),
                _ => (3, day - 59),
            };
            let name = if name.contains(',') { format!("\"{name}\"") } else { (*name).to_owned() };
            writeln!(text, "{name},2024-{month:02}-{of_month:02},{value:.3}").unwrap();
        }
    }
    text
}

const TRAIN: [&str; 14] = [
    "train",
    "forecast",
    "shops.csv",
    "--target",
    "sales",
    "--series",
    "shop",
    "--horizon",
    "5",
    "--epochs",
    "2",
    "--hidden",
    "4",
    "--json",
];

#[test]
fn one_model_forecasts_every_series() {
    let place = Place::new();
    place.write("shops.csv", shops());
    let json = last_json(&place.succeed(&TRAIN));
    let figures: Vec<&String> = json["metrics"]["test"].as_object().unwrap().keys().collect();
    assert_eq!(figures, ["crps", "intervals", "mae", "mase", "owa", "pinball", "rmse", "rmsse", "smape"]);
    assert_eq!(
        json["baselines"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["ets", "naive", "naive2", "seasonal_naive_7", "theta"]
    );
    let run = json["run"].as_str().unwrap();
    assert!(exists(&place.path(&format!("{run}/report.html"))));
    let csv = place.succeed(&["predict", run]).stdout;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "shop,day,sales,lower_80,upper_80,lower_95,upper_95");
    assert_eq!(lines.len(), 1 + 5 * 5);
    assert!(lines[1].starts_with("Seoul,2024-03-31,"), "{}", lines[1]);
    assert!(
        lines[6].starts_with("부산,2024-03-26,") && lines[11].starts_with("\"a, b\",2024-03-21,"),
        "{csv}"
    );
    let json = last_json(&place.succeed(&["predict", run, "--json", "--steps", "2"]));
    assert_eq!(json["series"][1]["series"]["shop"], "부산");
    assert_eq!(json["series"][1]["forecast"].as_array().unwrap().len(), 2);
    assert_eq!(json["levels"], serde_json::json!([0.8, 0.95]));
    // A newer file with a series of its own.
    place.write("newer.csv", shops().replace("Seoul", "제주"));
    let ran = place.succeed(&["evaluate", run, "newer.csv"]);
    assert!(ran.stderr.contains("1 series was not in training"), "{}", ran.stderr);
    assert!(
        ran.stdout.contains("newer.csv, 5 series") && ran.stdout.contains("the 80 % interval held"),
        "{}",
        ran.stdout
    );
    let summary = place.succeed(&["summary", run]).stdout;
    assert!(summary.contains("forecast of sales of 5 series, 5 steps ahead"), "{summary}");
    let listed = place.succeed(&["runs", "--sort", "mase"]).stdout;
    assert!(listed.contains("forecast-shops-1"), "{listed}");
}

#[test]
fn a_configuration_repeats_the_training() {
    let place = Place::new();
    place.write("shops.csv", shops());
    let first = last_json(&place.succeed(&TRAIN));
    let config = format!("{}/config.toml", first["run"].as_str().unwrap());
    let again = place.succeed(&["train", "forecast", "--config", &config, "--out", "again", "--json"]);
    assert_eq!(last_json(&again)["metrics"], first["metrics"]);
}

#[test]
fn what_cannot_be_is_one_line() {
    let place = Place::new();
    place.write("shops.csv", shops());
    for (more, message) in [
        (&["--static", "sales"][..], "the column 'sales' is named by --target and by --static; name it once"),
        (&["--static", "owner"], "shops.csv: there is no column 'owner'"),
        (&["--levels", "0"], "--levels is '0'; it must be percentages from 1 to 99.9, such as 80,95"),
        (
            &["--ensemble", "2", "--average", "on"],
            "--average on and --ensemble 2 are two ways to average; choose one",
        ),
    ] {
        place.refuse(&[&TRAIN[..], more].concat(), &[message]);
    }
    let without = ["train", "forecast", "shops.csv", "--target", "sales", "--horizon", "5"];
    place.refuse(&without, &["learn all of them with --series shop, or one with"]);
    let run = last_json(&place.succeed(&TRAIN))["run"].as_str().unwrap().to_owned();
    place
        .refuse(&["predict", &run, "--steps", "501"], &["--steps is 501; it must be a number from 1 to 500"]);
    place
        .refuse(&["predict", &run, "--samples", "10001"], &["--samples is 10001; it must be at most 10,000"]);
    let csv = place.succeed(&["predict", &run, "--steps", "8", "--samples", "2"]).stdout;
    assert!(
        csv.starts_with("shop,day,sales,lower_80,upper_80,lower_95,upper_95,sample_1,sample_2\n"),
        "{csv}"
    );
    assert_eq!(csv.lines().count(), 1 + 5 * 8);
}
