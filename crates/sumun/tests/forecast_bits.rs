//! What must not change one bit: threads, a look at the test part, a journey through a file.

use sumun::data::Table;
use sumun::forecast::{DifferenceChoice, Forecaster, ForecasterConfig, Options, Switch, Trained, train};

/// A season of 7 and a trend, with a second column that leads it; from row `changed` on all values are others.
fn table(rows: usize, changed: usize) -> Table {
    let mut csv = String::from("date,y,z,plan\n");
    for t in 0..rows {
        let date = jiff::civil::date(2020, 1, 1).checked_add(jiff::Span::new().days(t as i64)).unwrap();
        let noise = |k: usize| ((t * k + 13) * 7919 % 1000) as f64 / 1000.0;
        let odd = if t >= changed { 3.5 } else { 1.0 };
        let wave = (t as f64 * std::f64::consts::TAU / 7.0).sin();
        let y = (20.0 + 5.0 * wave + 0.05 * t as f64 + noise(3)) * odd;
        let (z, plan) = ((10.0 + noise(5) - wave) * odd, t % 5);
        csv += &format!("{date},{y},{z},{plan}\n");
    }
    Table::from_reader("series.csv", csv.as_bytes()).unwrap()
}

fn options() -> Options {
    Options {
        targets: vec!["y".into(), "z".into()],
        known: vec!["plan".into()],
        horizon: Some(6),
        epochs: Some(4),
        hidden: 12,
        layers: 2,
        bidirectional: true,
        dropout: 0.2,
        seed: 9,
        ..Options::default()
    }
}

fn bits(trained: &Trained) -> Vec<u32> {
    trained.forecaster.parameters().values().iter().map(|v| v.to_bits()).collect()
}

#[test]
fn the_test_part_is_never_looked_at() {
    let (rows, first_test_row) = (200, 160);
    let plain = train(&table(rows, rows), &options(), &mut ()).unwrap();
    let other = train(&table(rows, first_test_row), &options(), &mut ()).unwrap();
    assert_eq!(plain.resolved.split.test, first_test_row..rows);
    assert_eq!(bits(&plain), bits(&other), "weights");
    assert_eq!(plain.forecaster.config().preprocessing, other.forecaster.config().preprocessing, "scalers");
    assert_eq!(plain.resolved, other.resolved, "options");
    assert_eq!(plain.choices, other.choices, "choices");
    assert_eq!(plain.valid, other.valid, "validation");
    assert_ne!(plain.test, other.test, "the change does show where it should");
}

#[test]
fn validation_rows_never_reach_scalers_season_or_logarithm() {
    let (rows, first_valid_row) = (200, 140);
    let fixed = Options { difference: DifferenceChoice::Season, epochs: Some(1), ..options() };
    let plain = train(&table(rows, rows), &fixed, &mut ()).unwrap();
    let other = train(&table(rows, first_valid_row), &fixed, &mut ()).unwrap();
    assert_eq!(plain.resolved.split.valid.start, first_valid_row);
    assert_eq!(bits(&plain), bits(&other), "with one epoch there is nothing to decide");
    assert_eq!(plain.forecaster.config().preprocessing, other.forecaster.config().preprocessing);
    assert_ne!(plain.valid, other.valid);
}

#[test]
fn a_seed_is_a_model_whatever_the_number_of_threads() {
    let with = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train(&table(200, 200), &Options { seed, ..options() }, &mut ()).unwrap())
    };
    let (one, two) = (with(1, 9), with(2, 9));
    assert_eq!(bits(&one), bits(&two));
    assert_eq!(one.test, two.test);
    assert_ne!(bits(&one), bits(&with(1, 10)));
}

#[test]
fn parts_make_the_same_forecaster() {
    for (difference, log) in [
        (DifferenceChoice::None, Switch::Off),
        (DifferenceChoice::Last, Switch::On),
        (DifferenceChoice::Season, Switch::On),
    ] {
        let options = Options { difference, log, known: Vec::new(), ..options() };
        let table = table(200, 200);
        let model = train(&table, &options, &mut ()).unwrap().forecaster;
        let (config, tensors) = model.to_parts();
        let text = serde_json::to_string(config).unwrap();
        let config: ForecasterConfig = serde_json::from_str(&text).unwrap();
        let again = Forecaster::from_parts(config, &tensors).unwrap();
        for steps in [None, Some(1), Some(20)] {
            assert_eq!(model.predict(None, steps).unwrap(), again.predict(None, steps).unwrap());
            // Without a file it goes on where its training file ended.
            let from_file = model.predict(Some(&table), steps).unwrap();
            assert_eq!(model.predict(None, steps).unwrap().targets, from_file.targets);
            assert_eq!(model.predict(None, steps).unwrap().labels, from_file.labels);
        }
        assert_eq!(model.evaluate(&table).unwrap(), again.evaluate(&table).unwrap());
    }
}

#[test]
fn evaluating_the_whole_file_repeats_the_test_score() {
    let table = table(200, 200);
    let trained = train(&table, &options(), &mut ()).unwrap();
    let test = trained.test.unwrap();
    let all = trained.forecaster.evaluate(&table).unwrap();
    let skipped = test.origins.start - all.origins.start;
    assert_eq!(all.origins.end, test.origins.end);
    for (n, forecast) in test.forecasts.outer_iter().enumerate() {
        assert_eq!(forecast, all.forecasts.index_axis(ndarray::Axis(0), n + skipped));
    }
}

/// Damages one place of a model at a time: always an error, never a panic.
#[test]
fn damaged_parts_are_refused() {
    let model = train(&table(200, 200), &options(), &mut ()).unwrap().forecaster;
    let (config, tensors) = model.to_parts();
    let json = serde_json::to_value(config).unwrap();
    let huge = serde_json::json!(u64::MAX / 3);
    let cases: [(&str, serde_json::Value); 16] = [
        ("/net/hidden", huge.clone()),
        ("/net/hidden", 0.into()),
        ("/net/layers", huge.clone()),
        ("/net/layers", 0.into()),
        ("/net/horizon", huge.clone()),
        ("/net/dropout", 2.0.into()),
        ("/net/cell", "gru".into()),
        ("/season", 0.into()),
        ("/season", huge.clone()),
        ("/preprocessing/window", huge.clone()),
        ("/preprocessing/window", 0.into()),
        ("/preprocessing/difference", serde_json::json!({ "season": u64::MAX })),
        ("/preprocessing/targets/0/change/scale", 0.0.into()),
        ("/history/columns/0", serde_json::json!([1.0])),
        ("/history/times/3", "yesterday".into()),
        ("/time/frequency", serde_json::json!({ "fixed": { "nanoseconds": 0 } })),
    ];
    for (place, value) in cases {
        let mut damaged = json.clone();
        *damaged.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = value.clone();
        if let Ok(config) = serde_json::from_value::<ForecasterConfig>(damaged) {
            let error = Forecaster::from_parts(config, &tensors).map(|_| ()).unwrap_err().to_string();
            assert!(!error.contains('\n'), "{place}: {error}");
        }
    }
    let fails = |tensors: &[sumun::forecast::Tensor<'_>]| {
        Forecaster::from_parts(config.clone(), tensors).map(|_| ()).unwrap_err().to_string()
    };
    let (mut missing, mut renamed, mut twice, mut shape) =
        (tensors.clone(), tensors.clone(), tensors.clone(), tensors.clone());
    missing.pop();
    renamed[0].name = "recurrent.weight_ho_l0";
    twice[2] = twice[3];
    let turned = [shape[0].shape[1], shape[0].shape[0]];
    shape[0].shape = &turned;
    let lost = vec![f32::NAN; tensors[0].values.len()];
    let mut not_a_number = tensors.clone();
    not_a_number[0].values = &lost;
    for (tensors, message) in [
        (missing, "numbers, but the file holds"),
        (renamed, "no tensor named \"recurrent.weight_ho_l0\""),
        (twice, "comes twice"),
        (shape, "expected [48, "),
        (not_a_number, "holds NaN"),
    ] {
        let error = fails(&tensors);
        assert!(error.contains(message), "{error}");
    }
}
