//! Short series are forecast, and what is never below 0 is never forecast below it.

use std::path::Path;

use sumun::data::Table;
use sumun::forecast::{ForecastConfig, ForecastOutcome, Forecaster, Minimum, MinimumWord, Training, train};

/// A number from -1 to 1 that looks random.
fn noise(seed: u64, t: usize) -> f64 {
    let mut x = (seed << 32) + t as u64 + 1;
    for _ in 0..3 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    (x % 20_001) as f64 / 10_000.0 - 1.0
}

fn table(text: &str) -> Table {
    Table::from_reader("f.csv", text.as_bytes()).unwrap()
}

/// Months with a trend, a yearly season and noise.
fn months(rows: usize) -> Table {
    let row = |t: usize| {
        let season = 20.0 * (std::f64::consts::TAU * t as f64 / 12.0).sin();
        let value = 200.0 + 1.5 * t as f64 + season + 8.0 * noise(7, t);
        format!("{}-{:02},{value:.1}", 2000 + t / 12, 1 + t % 12)
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    table(&format!("month,y\n{}\n", rows.join("\n")))
}

fn quick(horizon: usize) -> ForecastConfig {
    let mut config = ForecastConfig::of(&["y"]);
    config.data.horizon = Some(horizon);
    (config.train.epochs, config.network.hidden) = (Some(2), 4);
    config
}

fn parts(trained: &ForecastOutcome) -> [usize; 3] {
    let split = &trained.decisions.split;
    [split.train.len(), split.valid.len(), split.test.len()]
}

/// Every one of such series was refused: "the validation part has 5 of 50 rows, but horizon 18 needs at least 18".
#[test]
fn short_series_are_forecast_by_default() {
    for rows in [34, 40, 50, 56, 64, 72, 84, 96, 116] {
        for horizon in [6, 18] {
            let trained = train(&months(rows), &quick(horizon), &mut ()).unwrap_or_else(|e| {
                panic!("{rows} rows, horizon {horizon}: {e}");
            });
            let [learn, decide, measure] = parts(&trained);
            assert_eq!(learn + decide + measure, rows);
            assert!(measure == 0 || measure >= horizon, "{rows} {horizon}: {measure}");
            assert_eq!(trained.test.is_some(), measure > 0, "{rows} {horizon}");
            // What is not held out is said.
            let said = |words: &str| trained.notes.iter().any(|note| note.contains(words));
            assert_eq!(decide == 0 && measure == 0, said("too few to hold any out"), "{rows} {horizon}");
            assert_eq!(decide == 0 && measure > 0, said("too few rows for a validation part"));
            let ahead = trained.forecaster.predict(None, None).unwrap();
            assert_eq!(ahead.targets[0].values.len(), horizon);
            // The settings as they were used give the same parts again.
            let again = trained.as_used();
            assert_eq!(
                parts(&train(&months(rows), &again, &mut ()).unwrap()),
                parts(&trained),
                "{rows} {horizon}"
            );
        }
    }
}

/// A series without room for a window and a horizon is forecast by a baseline, which predicts, evaluates and goes into a file
/// like any model.
#[test]
fn series_too_short_for_a_network_are_forecast_by_a_baseline() {
    for (rows, horizon) in [(3, 1), (4, 18), (12, 12), (20, 18), (30, 27)] {
        let trained = train(&months(rows), &quick(horizon), &mut ()).unwrap_or_else(|error| {
            panic!("{rows} rows, horizon {horizon}: {error}");
        });
        let name = trained.forecaster.config().fallback[0].to_string();
        let note = format!(
            "too short for a network: {rows} training rows, but horizon {horizon} and a window of 4 need {}; forecast by {name}",
            horizon + 4
        );
        assert!(trained.notes.contains(&note), "{:?}", trained.notes);
        assert!(trained.forecaster.model().is_none() && trained.epochs.is_empty());
        assert!(report_of(&trained).contains(&note));

        let file = trained.forecaster.to_model_file().unwrap();
        let opened = Forecaster::from_model_file("model", file).unwrap();
        let ahead = opened.predict(None, None).unwrap();
        assert_eq!(ahead, trained.forecaster.predict(None, None).unwrap());
        assert_eq!(ahead.targets[0].values.len(), horizon);
        // More steps begin as fewer do.
        let further = opened.predict(None, Some(2 * horizon)).unwrap();
        assert_eq!(further.targets[0].values[..horizon], ahead.targets[0].values);
        // A newer file is forecast from its own end, whether it begins with the series or after it.
        let newer = months(rows + 40);
        let from_file = opened.predict(Some(&newer), None).unwrap();
        assert_eq!(from_file.labels[0], format!("{}-{:02}", 2000 + (rows + 40) / 12, 1 + (rows + 40) % 12));
        let tail: Vec<String> =
            (rows..rows + 40).map(|row| format!("{},{}", newer.cell(row, 0), newer.cell(row, 1))).collect();
        let tail = table(&format!("month,y\n{}\n", tail.join("\n")));
        assert_eq!(opened.predict(Some(&tail), None).unwrap().targets, from_file.targets);
        let evaluation = opened.evaluate(&newer).unwrap();
        assert_eq!(evaluation.model.name, name);
        let same = evaluation.baselines.iter().any(|one| one.overall == evaluation.model.overall);
        assert!(same, "{:?}", evaluation.model);

        let again = train(&months(rows), &trained.as_used(), &mut ()).unwrap();
        assert_eq!(again.forecaster.config().fallback, trained.forecaster.config().fallback);
    }
}

fn report_of(trained: &ForecastOutcome) -> String {
    sumun::forecast::forecast_report(&trained.report(&sumun::tasks::About::default()))
}

/// A season that the later half of a short series goes on with is found: 26 months hold it twice.
#[test]
fn the_best_baseline_is_chosen() {
    let row = |t: usize| format!("{}-{:02},{}", 2000 + t / 12, 1 + t % 12, 50 + 10 * ((t * 5) % 12));
    let rows: Vec<String> = (0..26).map(row).collect();
    let table = table(&format!("month,y\n{}\n", rows.join("\n")));
    let trained = train(&table, &quick(24), &mut ()).unwrap();
    assert_eq!(trained.forecaster.config().fallback[0].period(), 12, "{:?}", trained.notes);
    let ahead = trained.forecaster.predict(None, None).unwrap();
    for (t, value) in (26..).zip(&ahead.targets[0].values) {
        assert!((value - (50 + 10 * ((t * 5) % 12)) as f64).abs() < 2.0, "{t}: {value}");
    }
}

#[test]
fn what_a_baseline_needs_is_said() {
    for (rows, values) in [(1, "1 value in 1 training rows"), (2, "2 values in 2 training rows")] {
        let error = train(&months(rows), &quick(3), &mut ()).unwrap_err().to_string();
        assert!(error.contains(values) && error.contains("needs 3 or more"), "{error}");
    }
    // A window that was asked for is not given up.
    let mut config = quick(12);
    config.data.window = Some(40);
    let error = train(&months(30), &config, &mut ()).unwrap_err().to_string();
    assert!(error.contains("but window 40 + horizon 12 need 52"), "{error}");
    // A horizon of many times the series is a slip of the finger.
    for horizon in [301, usize::MAX] {
        let error = train(&months(30), &quick(horizon), &mut ()).unwrap_err().to_string();
        assert!(error.starts_with("the training part has 30 of 30 rows, but window 4"), "{error}");
    }
    assert!(train(&months(30), &quick(300), &mut ()).is_ok());
    // Columns that nothing is learnt from are named.
    let rows: Vec<String> = (0..9).map(|t| format!("{t},{}", t % 2)).collect();
    let mut config = quick(9);
    config.data.features = vec!["x".into()];
    let trained = train(&table(&format!("y,x\n{}\n", rows.join("\n"))), &config, &mut ()).unwrap();
    assert!(
        trained.notes.contains(&"without a network nothing is learnt from 'x'".to_owned()),
        "{:?}",
        trained.notes
    );
    assert!(trained.forecaster.predict(None, None).is_ok());
}

/// A training without a network goes on from its checkpoint to the same model.
#[test]
fn a_checkpoint_without_a_network_goes_on() {
    let rows: String = (0..20).map(|t| format!("{}\n", (t * 7) % 13)).collect();
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("short.csv");
    std::fs::write(&path, format!("y\n{rows}")).unwrap();
    let mut config = quick(18);
    config.data.train = path;
    let mut training = Training::begin(config).unwrap();
    let (mut resumed, _) = Training::resume(training.checkpoint().unwrap()).unwrap();
    let model = |training: &mut Training| {
        assert_eq!(training.run(&mut (), &mut ()).unwrap(), sumun::train::Ending::Complete);
    };
    model(&mut training);
    model(&mut resumed);
    let file = |training: Training| training.finish().unwrap().forecaster.to_model_file().unwrap();
    assert_eq!(file(training), file(resumed));
}

#[test]
fn damaged_models_without_a_network_are_refused() {
    let trained = train(&months(20), &quick(18), &mut ()).unwrap();
    let file = trained.forecaster.to_model_file().unwrap();
    let refused = |file| Forecaster::from_model_file("model", file).unwrap_err().to_string();
    let mut weights = file.clone();
    weights.tensors.push(sumun::model::NamedTensor::new("w", &[1], vec![0.0]));
    assert!(refused(weights).contains("without a network, but has weights named 'w'"));
    let mut other = file.clone();
    let fallback = other.config["pipeline"]["fallback"].as_array_mut().unwrap();
    fallback.push(fallback[0].clone());
    assert!(refused(other).contains("a baseline forecasts other columns than its targets"));
    let mut far = file.clone();
    far.config["pipeline"]["preprocessing"]["horizon"] = u64::MAX.into();
    assert!(refused(far).contains("a baseline forecasts 18446744073709551615 steps"));
    let mut long = file.clone();
    long.config["pipeline"]["fallback"][0] = serde_json::json!({ "seasonal_naive": { "period": 1_000_000 } });
    assert!(refused(long).contains("a number of the baseline that forecasts is out of range"));
}

#[test]
fn counts_that_are_mostly_0_are_said_and_never_forecast_below_0() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/f15_intermittent.csv");
    let table = Table::read(path).unwrap();
    let mut config = quick(12);
    config.data.target = vec!["demand".into()];
    // Squared errors and few epochs: without a bound, some forecasts are below 0.
    config.train.loss = "mse".into();
    config.train.ensemble = Some(1);
    let least = |trained: &ForecastOutcome| {
        let test = trained.test.as_ref().unwrap();
        test.forecasts.iter().copied().fold(f64::INFINITY, f64::min)
    };
    let bounded = train(&table, &config, &mut ()).unwrap();
    let note = bounded.notes.iter().find(|note| note.contains("counts, most of which are 0")).unwrap();
    assert!(note.starts_with("column 'demand' is counts") && note.contains("Poisson"), "{note}");
    assert!(least(&bounded) >= 0.0);
    let ahead = bounded.forecaster.predict(None, Some(30)).unwrap();
    assert!(ahead.targets[0].values.iter().all(|&value| value >= 0.0), "{ahead:?}");
    let test = bounded.test.as_ref().unwrap();
    assert!(test.baselines.iter().any(|baseline| baseline.name == "always 0"));

    // The bound can be another, or none.
    config.prepare.min = Minimum::Number(0.5);
    assert_eq!(least(&train(&table, &config, &mut ()).unwrap()).min(0.5), 0.5);
    config.prepare.min = Minimum::Word(MinimumWord::None);
    assert!(least(&train(&table, &config, &mut ()).unwrap()) < 0.0, "the bound did something");
}

#[test]
fn values_below_0_have_no_bound() {
    let rows: Vec<String> = (0..80).map(|t| format!("{}", ((t * 7) % 11) as f64 - 5.0)).collect();
    let table = table(&format!("y\n{}\n", rows.join("\n")));
    let trained = train(&table, &quick(3), &mut ()).unwrap();
    assert_eq!(trained.decisions.min, [None]);
    assert!(!trained.notes.iter().any(|note| note.contains("mostly 0")));
}
