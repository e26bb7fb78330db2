//! Reports of tasks, lists of runs and comparisons.

use std::fs;

use crate::place::{Place, QUICK, last_json};

const TRAIN: [&str; 10] =
    ["--epochs", "2", "--hidden", "4", "--embedding", "4", "--quiet", "--json", "--test", "0.25"];

fn reviews() -> String {
    let mut csv = String::from("text,stars\n");
    (0..12).for_each(|i| csv += &format!("정말 좋은 film {i},5\nboring <plot> {i},1\n"));
    csv
}

/// A place with two finished runs, `runs/classify-r-1` and `runs/두 번째`.
fn two_runs() -> Place {
    let place = Place::new();
    place.write("r.csv", reviews());
    let base = ["train", "classify", "r.csv", "--label", "stars", "--valid", "0.25"];
    let ran = place.succeed(&[&base[..], &TRAIN].concat());
    assert_eq!(last_json(&ran)["report"], "runs/classify-r-1/report.html");
    place.succeed(&[&base[..], &TRAIN, &["--seed", "1", "--lr", "0.05", "--out", "runs/두 번째"]].concat());
    place
}

#[test]
fn runs_have_reports_and_are_listed_and_compared() {
    let place = two_runs();
    let report = place.read("runs/classify-r-1/report.html");
    for part in [
        "Confusion matrix",
        "정말 좋은 film",
        "sumun train classify r.csv",
        "sumun predict runs/classify-r-1",
    ] {
        assert!(report.contains(part), "{part:?} is missing");
    }
    // One that is not finished, a forecaster of before figures were written, and what is no run.
    fs::create_dir_all(place.path("runs/going")).unwrap();
    place.write("runs/going/checkpoint.safetensors", "");
    place.write("runs/going/config.toml", "task = \"lm\"\n[data]\ntrain = \"novel.txt\"\n");
    fs::create_dir_all(place.path("runs/old")).unwrap();
    place.write("runs/old/model.safetensors", "");
    place.write("runs/old/config.toml", "horizon = 3\n");
    fs::create_dir_all(place.path("runs/other")).unwrap();

    let table = place.succeed(&["runs", "--sort", "name"]).stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 5, "{table}");
    for (line, parts) in lines.iter().zip([
        &["run", "task", "figure", "baseline", "age"][..],
        &["classify-r-1", "classify", "r.csv", "finished", "2", "test accuracy"],
        &["going", "lm", "novel.txt", "interrupted", "0"],
        &["old", "forecast", "finished"],
        &["두 번째", "classify", "test accuracy"],
    ]) {
        parts.iter().for_each(|part| assert!(line.contains(part), "{part:?} is not in {line:?}"));
    }
    let json = last_json(&place.succeed(&["runs", "--sort", "Macro-F1", "--json"]));
    let runs = json["runs"].as_array().unwrap();
    let f1 = |i: usize| runs[i]["figures"]["test"]["macro_f1"]["model"].as_f64();
    assert!(f1(0).unwrap() >= f1(1).unwrap() && f1(2).is_none(), "{json}");
    assert_eq!(runs[0]["figures"]["test"]["accuracy"]["baseline"], 1.0);
    place.refuse(
        &["runs", "--sort", "beauty"],
        &["no run has such a figure; choose from time, name, accuracy"],
    );
    place.refuse(&["runs", "nowhere"], &["nowhere"]);
    assert_eq!(place.succeed(&["runs", "runs/other"]).stdout, "");

    let compare = ["compare", "runs/classify-r-1", "runs/두 번째"];
    place.succeed(&compare);
    let page = place.read("compare.html");
    for part in ["2 runs compared", "Validation loss of each run", "train.seed", "<td>0.05</td>", "두 번째"]
    {
        assert!(page.contains(part), "{part:?} is missing");
    }
    place.refuse(&compare, &["compare.html exists; choose another --out"]);
    for (runs, expected) in [
        (&["runs/classify-r-1"][..], "1 run to compare; give 2 to 8"),
        (&["runs/classify-r-1", "runs/classify-r-1"], "is given twice"),
        (&["runs/classify-r-1", "runs/going"], "runs/going: has neither figures nor an epoch"),
        (&["runs/classify-r-1", "runs/other"], "runs/other: there is no run"),
        (&["runs/classify-r-1", "runs/두 번째", "--out", "no/where.html"], "no/where.html"),
    ] {
        place.refuse(&[&["compare"], runs].concat(), &[expected]);
    }
}

/// The MASE of two seasons divides by two different errors: the smaller figure says nothing.
#[test]
fn figures_on_different_scales_are_not_ranked() {
    let place = Place::with_series();
    for (season, out) in [("7", "r/week"), ("14", "r/fortnight")] {
        let mut arguments = vec!["train", "forecast", "y.csv", "--target", "y", "--horizon", "7", "--quiet"];
        arguments.extend(QUICK);
        arguments.extend(["--season", season, "--out", out]);
        place.succeed(&arguments);
    }
    let expected = ["--sort mase: mase is on different scales", "season 7", "season 14", "mae_to_naive"];
    place.refuse(&["runs", "r", "--sort", "mase"], &expected);
    // The unit is the same, and so is the naive forecast.
    for figure in ["mae", "mae_to_naive"] {
        assert!(place.succeed(&["runs", "r", "--sort", figure]).stdout.contains("week"));
    }
    // Another file of the same name and length has another unit, for all that is known.
    let mut changed = place.read("y.csv");
    let last = changed.trim_end().rfind(',').unwrap();
    changed.insert(last + 1, '1');
    place.write("y.csv", &changed);
    let mut other = vec!["train", "forecast", "y.csv", "--target", "y", "--horizon", "7", "--quiet"];
    other.extend(QUICK);
    other.extend(["--season", "7", "--out", "r/other"]);
    place.succeed(&other);
    for figure in ["mae", "smape"] {
        place.refuse(&["runs", "r", "--sort", figure], &["on different scales", "(data ", "mae_to_naive"]);
    }
    std::fs::remove_dir_all(place.path("r/other")).unwrap();
    place.succeed(&["compare", "r/week", "r/fortnight"]);
    let page = place.read("compare.html");
    assert!(page.contains("On different scales, and not to be ranked: MASE."));
}
