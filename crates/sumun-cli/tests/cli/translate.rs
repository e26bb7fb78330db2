//! Trainings on pairs of texts, and what their models write.

use crate::place::{Place, last_json};

/// Options that make a training short.
const SMALL: [&str; 10] =
    ["--epochs", "2", "--hidden", "6", "--embedding", "4", "--valid", "0.2", "--test", "0.2"];

/// Small numbers in words and figures.
fn numbers() -> String {
    let words = ["하나", "둘", "셋", "넷", "다섯", "여섯", "일곱", "여덟", "아홉", "열"];
    let line = |n: usize| format!("{} {},{}-{}\n", words[n / 10], words[n % 10], n / 10 + 1, n % 10 + 1);
    "korean,figures\n".to_owned() + &(0..60).map(line).collect::<String>()
}

fn trained(more: &[&str]) -> (Place, serde_json::Value) {
    let place = Place::new();
    place.write("numbers.csv", numbers());
    let columns = ["--source", "korean", "--target", "figures"];
    let train = ["train", "translate", "numbers.csv", "--json", "--quiet", "--out", "run"];
    let json = last_json(&place.succeed(&[&train[..], &columns, &SMALL, more].concat()));
    (place, json)
}

#[test]
fn a_translator_is_trained_measured_and_used() {
    let more = ["--epochs", "60", "--hidden", "32", "--lr", "0.01", "--dropout", "0", "--batch", "8"];
    let (place, json) = trained(&more);
    assert_eq!((json["task"].as_str(), json["run"].as_str()), (Some("translate"), Some("run")));
    let test = &json["metrics"]["test"];
    assert!(test["chrf"].as_f64().unwrap() > 0.5, "{json}");
    for key in ["exact_match", "token_accuracy", "nats"] {
        assert!(test[key].is_f64(), "{key}: {json}");
    }
    let baselines = json["baselines"].as_object().unwrap();
    let mut names: Vec<&str> = baselines.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["the most frequent target", "the source as it is"]);
    let results: serde_json::Value = serde_json::from_str(&place.read("run/results.json")).unwrap();
    assert_eq!(results["parts"][1]["figures"][0]["key"], "exact_match");

    // The source beside what was written, from a file or standard input.
    let new = "korean\n둘 셋\n\"셋, 둘\"\n";
    place.write("new.csv", new);
    let csv = place.succeed(&["predict", "run", "new.csv"]);
    let lines: Vec<&str> = csv.stdout.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "source,prediction,probability"));
    assert!(lines[1].starts_with("둘 셋,2-3,") && lines[2].starts_with("\"셋, 둘\","), "{csv:?}");
    assert!(csv.stderr.contains("1 of 7 tokens are not in the vocabulary"), "{csv:?}");
    assert_eq!(place.run_with_input(&["predict", "run", "-"], new).stdout, csv.stdout);
    let json = ["predict", "run", "new.csv", "--json", "--quiet"];
    let greedy = last_json(&place.succeed(&[&json[..], &["--beam", "1"]].concat()));
    let answer = &greedy["predictions"][0];
    assert_eq!((answer["source"].as_str(), answer["text"].as_str()), (Some("둘 셋"), Some("2-3")));
    assert_eq!(answer["ended"].as_bool(), Some(true));
    assert!((0.0..=1.0).contains(&answer["probability"].as_f64().unwrap()));
    let aligned = last_json(&place.succeed(&[&json[..], &["--attention"]].concat()));
    let attention = &aligned["attention"][0];
    assert_eq!(attention["source"], serde_json::json!(["둘", " ", "셋"]));
    assert_eq!(attention["target"], serde_json::json!(["2", "-", "3"]));
    for row in attention["weights"].as_array().unwrap() {
        let row: Vec<f64> = row.as_array().unwrap().iter().map(|w| w.as_f64().unwrap()).collect();
        assert!(row.len() == 3 && (row.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{row:?}");
    }
    let evaluated = last_json(&place.succeed(&["evaluate", "run", "numbers.csv", "--json"]));
    assert_eq!(evaluated["examples"], 60);
    assert!(evaluated["metrics"]["exact_match"].as_f64().unwrap() > 0.5, "{evaluated}");
    assert!(place.succeed(&["evaluate", "run", "numbers.csv"]).stdout.starts_with("numbers.csv, 60 pairs "));
    assert!(place.succeed(&["summary", "run"]).stdout.contains("Cross-attention"));
    assert!(place.succeed(&["runs", "."]).stdout.contains("translate"));
    let page = place.read("run/report.html");
    for part in ["Translate numbers.csv", "class=\"heat\"", "Right and surest", "the source as it is", "chrF"]
    {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn outputs_without_an_end_are_told_of() {
    let (place, _) = trained(&["--epochs", "1", "--lr", "0"]);
    let ran = place.succeed(&["predict", "run", "numbers.csv", "--beam", "1"]);
    assert_eq!(ran.stdout.lines().count(), 61);
    let cut = last_json(&place.succeed(&["predict", "run", "numbers.csv", "--beam", "1", "--json"]));
    let cut = cut["predictions"].as_array().unwrap().iter().filter(|answer| answer["ended"] == false).count();
    let said = format!("{cut} of 60 outputs reached the longest length");
    assert_eq!(ran.stderr.contains(&said), cut > 0, "{cut}: {ran:?}");
}

#[test]
fn pairs_and_options_that_cannot_be_used_are_refused() {
    let (place, _) = trained(&["--epochs", "1"]);
    place.write("hole.csv", "korean,figures\n하나,1\n둘,\n");
    place.write("empty.csv", "korean,figures\n,1\n둘,2\n");
    place.write("list.jsonl", "{\"korean\": [\"하나\"], \"figures\": \"1\"}\n");
    let long = format!("figures\n하나,{}\n", "1".repeat(501));
    place.write("long.csv", numbers().replacen("figures\n", &long, 1));
    let train = ["train", "translate"];
    let columns = ["--source", "korean", "--target", "figures"];
    for (file, more, expected) in [
        (
            "numbers.csv",
            &[][..],
            "numbers.csv: which field is the source? the header names 'korean', 'figures'; name it with --source",
        ),
        (
            "numbers.csv",
            &["--source", "korea", "--target", "figures"],
            "there is no field 'korea'; did you mean 'korean'?",
        ),
        ("numbers.csv", &["--source", "korean"], "which field is the target?"),
        (
            "numbers.csv",
            &["--source", "korean", "--target", "korean"],
            "--source and --target are both 'korean'",
        ),
        ("hole.csv", &columns, "hole.csv: row 3, column 'figures': the target is empty"),
        ("empty.csv", &columns, "empty.csv: row 2, column 'korean': the source is empty"),
        ("list.jsonl", &columns, "list.jsonl: line 1: korean is a list; it must be a text"),
        (
            "long.csv",
            &columns,
            "long.csv: line 2: the target has 501 tokens, more than the 500 that are taken; leave it out, or train with a \
             higher --max-tokens",
        ),
        ("numbers.csv", &["--score", "cosine"], "invalid value 'cosine'"),
        ("numbers.csv", &["--pool", "max"], "--pool"),
        ("absent.csv", &columns, "absent.csv"),
    ] {
        place.refuse(&[&train[..], &[file], more].concat(), &[expected]);
    }
    for (arguments, expected) in [
        (&["predict", "run", "numbers.csv", "--beam", "0"][..], "--beam is 0; it must be from 1 to 1000"),
        (&["predict", "run", "numbers.csv", "--beam", "many"], "give a whole number"),
        (&["predict", "run", "list.jsonl"], "korean is a list; it must be a text"),
        (&["predict", "run", "numbers.csv", "--steps", "2"], "--steps is for forecasts"),
        (&["evaluate", "run", "hole.csv"], "row 3, column 'figures': the target is empty"),
        (&["generate", "run"], "which goes on with no text"),
    ] {
        place.refuse(arguments, &[expected]);
    }
    let help = place.succeed(&["predict", "--help"]).stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains(&format!("most probable token [default: {}]", sumun::tasks::BEAM)), "{help}");
    place.write("stars.csv", "text,label\na,1\nb,2\na,1\nb,2\n");
    let classify = ["train", "classify", "stars.csv", "--level", "char", "--out", "stars", "--quiet"];
    place.succeed(&[&classify[..], &["--valid", "0", "--test", "0", "--epochs", "1"]].concat());
    let beam = ["predict", "stars", "stars.csv", "--beam", "2"];
    place.refuse(&beam, &["stars: a model to classify searches for no text; leave --beam out"]);
}
