//! Short series are forecast, and what is never below 0 is never forecast below it.

use std::path::Path;

use sumun::data::Table;
use sumun::forecast::{ForecastConfig, ForecastOutcome, Minimum, MinimumWord, train};

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

#[test]
fn counts_that_are_mostly_0_are_said_and_never_forecast_below_0() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/f15_intermittent.csv");
    let table = Table::read(path).unwrap();
    let mut config = quick(12);
    config.data.target = vec!["demand".into()];
    // Squared errors and few epochs: without a bound, some forecasts are below 0.
    config.train.loss = "mse".into();
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
