//! `sumun find-lr`: what it finds, for every task, and what it refuses.

use crate::place::{Place, last_json, series};
use crate::tasks::reviews;

fn place() -> Place {
    let place = Place::new();
    place.write("r.csv", reviews(90));
    place.write("days.csv", series("date", "y", 200));
    let line =
        |i: usize| format!("{{\"tokens\": [\"a\", \"b{}\"], \"tags\": [\"X\", \"Y{}\"]}}\n", i % 5, i % 5);
    place.write("tags.jsonl", (0..60).map(line).collect::<String>());
    place.write("text.txt", "the cat sat on the mat. ".repeat(80));
    place.write("pairs.tsv", (0..60).map(|i| format!("{}\t{}\n", i % 9, i % 9 + 1)).collect::<String>());
    place
}

const SHORT: [&str; 6] = ["--hidden", "6", "--steps", "120", "--quiet", "--json"];

#[test]
fn every_task_has_a_rate_that_it_bears() {
    let place = place();
    for (task, file, more) in [
        ("classify", "r.csv", &[][..]),
        ("regress", "r.csv", &["--text", "text", "--label", "stars"]),
        ("tag", "tags.jsonl", &[]),
        ("lm", "text.txt", &["--layers", "1", "--chunk", "16", "--batch", "4"]),
        ("translate", "pairs.tsv", &["--source", "0", "--target", "1"]),
        ("forecast", "days.csv", &["--target", "y", "--horizon", "7"]),
        ("forecast", "days.csv", &["--target", "y", "--horizon", "7", "--output", "quantiles"]),
    ] {
        let arguments = [&["find-lr", task, file][..], more, &SHORT].concat();
        let ran = place.run(&arguments);
        assert_eq!(ran.code, Some(0), "{task}: {ran:?}");
        let json = last_json(&ran);
        let (suggested, least) = (json["suggested"].as_f64().unwrap(), json["least"].as_f64().unwrap());
        assert!((1e-5..0.3).contains(&suggested), "{task}: {suggested}");
        assert!((least / suggested - 10.0).abs() < 1.0, "{task}: {least} {suggested}");
        let steps = json["steps"].as_array().unwrap();
        assert!((30..=120).contains(&steps.len()), "{task}: {}", steps.len());
        assert!((steps[0]["lr"].as_f64().unwrap() - 1e-6).abs() < 1e-12);
        // Any number of threads gives the same.
        let again = place.succeed(&[&arguments[..], &["--threads", "3"]].concat());
        assert_eq!(again.stdout, ran.stdout, "{task}");
    }
}

#[test]
fn a_test_has_a_table_and_a_page() {
    let place = place();
    let ran = place
        .succeed(&["find-lr", "classify", "r.csv", "--hidden", "6", "--steps", "100", "--out", "p.html"]);
    assert!(ran.stdout.contains("learning rate") && ran.stdout.contains("suggested   --lr "), "{ran:?}");
    let page = place.read("p.html");
    assert!(
        page.contains("Learning rates for classify") && page.contains("sumun find-lr classify"),
        "{page}"
    );
    place.refuse(
        &["find-lr", "classify", "r.csv", "--out", "p.html"],
        &["p.html exists; choose another --out"],
    );
    // A configuration is that of a training, whose epochs a test does not need.
    place.succeed(&["find-lr", "classify", "r.csv", "--steps", "100", "--set", "train.epochs=9", "--quiet"]);
    let low = ["find-lr", "forecast", "days.csv", "--target", "y", "--horizon", "7", "--highest", "0.003"];
    let said = place.succeed(&low).stderr;
    assert!(said.contains("go higher"), "{said}");
}

#[test]
fn what_makes_no_test_is_refused() {
    let place = place();
    place.write("few.csv", series("date", "y", 8));
    for (arguments, expected) in [
        (
            &["find-lr", "classify", "r.csv", "--lowest", "0"][..],
            "--lowest is 0; it must be a number above 0",
        ),
        (
            &["find-lr", "classify", "r.csv", "--highest", "1e-9"],
            "--highest is 0.000000001; it must be a number above",
        ),
        (&["find-lr", "classify", "r.csv", "--steps", "5"], "--steps is 5; it must be at least 10"),
        (&["find-lr", "classify", "none.csv"], "none.csv"),
        (&["find-lr", "forecast", "days.csv"], "no column to forecast"),
        (
            &["find-lr", "forecast", "few.csv", "--target", "y", "--horizon", "6"],
            "too few rows for a network",
        ),
        (&["find-lr", "clasify"], "'classify'"),
        // What a test has no use for.
        (&["find-lr", "classify", "r.csv", "--epochs", "9"], "'--epochs'"),
        (&["find-lr", "forecast", "days.csv", "--tensorboard"], "'--tensorboard'"),
    ] {
        place.refuse(arguments, &[expected]);
    }
}
