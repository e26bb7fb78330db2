//! Pages of runs that could have been.

use super::*;
use crate::report::{LayerRow, check};
use crate::tasks::forecast::decisions::Choice;

const HOSTILE: &str = "</script><script>alert('x')</script>\"'&<!--\u{0}";

#[test]
fn a_full_report_has_every_part() {
    let page = forecast_report(&sample::run(&["demand"], 3600, 24, 34, true));
    check::well_formed(&page).unwrap();
    for part in [
        "<title>Electricity demand of Victoria</title>",
        "id=\"forecast\"",
        "id=\"errors\"",
        "id=\"training\"",
        "id=\"examples\"",
        "id=\"made\"",
        "id=\"notes\"",
        "43 % smaller error</b> than seasonal naive",
        "Test MASE",
        "0.501",
        "131.9 <small>MW</small>",
        "1 min 52 s",
        "class=\"section-name s-future\"",
        "Error by step ahead",
        "Residuals",
        "best: epoch 24",
        "log scale",
        "Worst forecast",
        "sumun predict runs/victoria --steps 24",
        "온도",
    ] {
        assert!(page.contains(part), "{part:?} is missing");
    }
    assert_eq!(page.matches("<td class=\"best\">").count(), 8, "one best in each column");
    assert!(page.len() < 1_200_000, "{} bytes", page.len());
}

#[test]
fn the_page_fetches_nothing_and_is_the_same_every_time() {
    let report = sample::run(&["demand"], 500, 24, 10, true);
    let page = forecast_report(&report);
    assert_eq!(page, forecast_report(&report));
    for reach in ["http:", "https:", "src=", "href=", "url(", "@import", "fetch(", "<link", "<iframe"] {
        assert!(!page.contains(reach), "the page holds {reach}");
    }
}

#[test]
fn unusual_runs_make_sound_pages() {
    let undefined = {
        let mut report = sample::run(&["y"], 60, 3, 2, false);
        let target = &mut report.targets[0];
        target.actual.fill(f64::NAN);
        target.future = vec![f64::INFINITY; 3];
        target.model = ScoredForecaster::default();
        target.residuals = vec![f64::NAN, f64::INFINITY];
        report.epochs.iter_mut().for_each(|e| e.train_loss = f64::NAN);
        report.seconds = f64::NAN;
        report
    };
    let bare = ForecastReport { targets: vec![TargetReport::default()], ..ForecastReport::default() };
    let misfit = {
        // Positions that do not fit the data must not panic either.
        let mut report = sample::run(&["y"], 60, 3, 2, true);
        let target = &mut report.targets[0];
        target.timestamps.truncate(10);
        (target.valid_start, target.test_start) = (1000, 5);
        target.test_forecast = vec![Stretch { start: 5000, values: vec![1.0] }, Stretch::default()];
        target.examples[0].timestamps.truncate(1);
        target.examples[1].history.clear();
        report.data.season = Some(1_000_000);
        report
    };
    let constant = {
        let mut report = sample::run(&["y"], 60, 3, 2, true);
        report.targets[0].actual.fill(7.0);
        report.targets[0].residuals.fill(0.0);
        report
    };
    for (name, report) in [
        ("nothing at all", ForecastReport::default()),
        ("an empty target", bare),
        ("one epoch, one step", sample::run(&["y"], 200, 1, 1, true)),
        ("no timestamps", sample::run(&["y"], 300, 12, 5, false)),
        ("three targets", sample::run(&["a", "b", "수요"], 300, 12, 5, true)),
        ("nothing finite", undefined),
        ("positions out of range", misfit),
        ("a constant series", constant),
    ] {
        let page = forecast_report(&report);
        check::well_formed(&page).unwrap_or_else(|e| panic!("{name}: {e}"));
        let shown: String =
            page.split("<script").map(|p| p.split_once("</script>").map_or(p, |s| s.1)).collect();
        for word in [">NaN", "NaN<", ">inf", "inf<"] {
            assert!(!shown.contains(word), "{name}: the page says {word}");
        }
    }
}

#[test]
fn the_read_outs_are_json_numbers_for_every_position() {
    let page = forecast_report(&sample::run(&["수요"], 300, 12, 5, true));
    let blocks: Vec<&str> = page.split("<script type=\"application/json\">").skip(1).collect();
    assert!(blocks.len() >= 6, "{} blocks", blocks.len());
    for block in blocks {
        let json = block.split("</script>").next().unwrap();
        let data: serde_json::Value = serde_json::from_str(json).unwrap();
        let length = data["x"].as_array().unwrap().len();
        assert_eq!(data["t"].as_array().unwrap().len(), length);
        for series in data["s"].as_array().unwrap() {
            assert_eq!(series["v"].as_array().unwrap().len(), length);
        }
    }
}

#[test]
fn hostile_text_stays_text() {
    let mut report = sample::run(&[HOSTILE], 100, 4, 2, true);
    let hostile = || HOSTILE.to_string();
    (report.title, report.subtitle, report.created) = (hostile(), hostile(), hostile());
    (report.command, report.predict_command) = (hostile(), hostile());
    (report.version, report.path, report.loss_name) = (hostile(), hostile(), hostile());
    (report.data.file, report.data.frequency, report.data.season_origin) = (hostile(), hostile(), hostile());
    report.data.columns = vec![(hostile(), hostile())];
    report.data.splits[0] = SplitFacts { name: hostile(), rows: 1, from: hostile(), to: hostile() };
    report.choices[0] = Choice { name: hostile(), value: hostile(), reason: hostile() };
    report.layers[0] = LayerRow { name: hostile(), kind: hostile(), output: hostile(), parameters: 0 };
    report.notes = vec![hostile()];
    let target = &mut report.targets[0];
    target.unit = hostile();
    target.timestamps.fill(hostile());
    (target.model.name, target.baselines[0].name) = (hostile(), hostile());
    target.examples[0] = Example {
        title: hostile(),
        origin: hostile(),
        baseline: Some((hostile(), vec![1.0])),
        ..target.examples[0].clone()
    };
    let page = forecast_report(&report);
    check::well_formed(&page).unwrap();
    assert!(!page.contains("<script>alert") && !page.contains("<!--"));
    let scripts = page.matches("</script>").count();
    assert_eq!(scripts, page.matches("<script").count());
}

#[test]
fn the_headline_is_honest() {
    for (mae, expected) in [
        (50.0, "50 % smaller error</b> than b"),
        (100.2, "The same error</b> as b"),
        (150.0, "50 % larger error</b> than b"),
    ] {
        let of = |name: &str, mae| ScoredForecaster {
            name: name.into(),
            test: Errors { mae, ..Errors::default() },
            ..ScoredForecaster::default()
        };
        let baselines = vec![of("a", 120.0), of("b", 100.0), of("c", f64::NAN)];
        let target = TargetReport { model: of("LSTM", mae), baselines, ..TargetReport::default() };
        let page = forecast_report(&ForecastReport { targets: vec![target], ..ForecastReport::default() });
        assert!(page.contains(expected), "{mae}: {expected:?} is missing");
    }
}

#[test]
#[ignore = "writes sample pages to look at"]
fn sample_pages() {
    for (name, report) in [
        ("long", sample::run(&["demand"], 3600, 24, 34, true)),
        ("short", sample::run(&["demand"], 140, 12, 1, false)),
        ("several", sample::run(&["demand", "수요 전력"], 600, 24, 60, true)),
        ("one-step", sample::run(&["demand"], 200, 1, 8, true)),
    ] {
        let path = std::env::temp_dir().join(format!("sumun-report-{name}.html"));
        std::fs::write(&path, forecast_report(&report)).unwrap();
        eprintln!("{}", path.display());
    }
}
