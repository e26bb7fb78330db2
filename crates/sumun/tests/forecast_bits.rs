//! What must not change one bit: threads, a look at the test part, a journey through a file.

use sumun::data::Table;
use sumun::forecast::{
    DifferenceChoice, ForecastConfig, Forecaster, ForecasterConfig, Switch, Trained, Training, train,
};
use sumun::model::ModelFile;
use sumun::run::Checkpoint;
use sumun::train::{Ending, EpochRecord, Keeper, Snapshot, Wish};

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

/// Settings with some changes.
fn with(mut config: ForecastConfig, change: impl FnOnce(&mut ForecastConfig)) -> ForecastConfig {
    change(&mut config);
    config
}

fn options() -> ForecastConfig {
    with(ForecastConfig::default(), |c| {
        c.data.target = vec!["y".into(), "z".into()];
        c.data.known = vec!["plan".into()];
        c.data.horizon = Some(6);
        c.train.epochs = Some(4);
        c.network.hidden = 12;
        c.network.layers = 2;
        c.network.bidirectional = true;
        c.network.dropout = 0.2;
        c.train.seed = 9;
    })
}

fn bits(trained: &Trained) -> Vec<u32> {
    trained.forecaster.parameters().values().iter().map(|v| v.to_bits()).collect()
}

#[test]
fn the_test_part_is_never_looked_at() {
    let (rows, first_test_row) = (200, 160);
    let plain = train(&table(rows, rows), &options(), &mut ()).unwrap();
    let other = train(&table(rows, first_test_row), &options(), &mut ()).unwrap();
    assert_eq!(plain.decisions.split.test, first_test_row..rows);
    assert_eq!(bits(&plain), bits(&other), "weights");
    assert_eq!(plain.forecaster.config().preprocessing, other.forecaster.config().preprocessing, "scalers");
    assert_eq!(plain.as_used(), other.as_used(), "settings");
    assert_eq!(plain.decisions, other.decisions, "decisions and choices");
    assert_eq!(plain.valid, other.valid, "validation");
    assert_ne!(plain.test, other.test, "the change does show where it should");
}

#[test]
fn validation_rows_never_reach_scalers_season_or_logarithm() {
    let (rows, first_valid_row) = (200, 140);
    let fixed = with(options(), |c| {
        c.prepare.difference = DifferenceChoice::Season;
        c.train.epochs = Some(1);
    });
    let plain = train(&table(rows, rows), &fixed, &mut ()).unwrap();
    let other = train(&table(rows, first_valid_row), &fixed, &mut ()).unwrap();
    assert_eq!(plain.decisions.split.valid.start, first_valid_row);
    assert_eq!(bits(&plain), bits(&other), "with one epoch there is nothing to decide");
    assert_eq!(plain.forecaster.config().preprocessing, other.forecaster.config().preprocessing);
    assert_ne!(plain.valid, other.valid);
}

#[test]
fn a_seed_is_a_model_whatever_the_number_of_threads() {
    let with = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            train(
                &table(200, 200),
                &with(options(), |c| {
                    c.train.seed = seed;
                }),
                &mut (),
            )
            .unwrap()
        })
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
        let options = with(options(), |c| {
            c.prepare.difference = difference;
            c.prepare.log = log;
            c.data.known = Vec::new();
        });
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

/// Stops after so many steps.
struct StopAfter {
    steps: usize,
    saved: Option<Snapshot>,
}

impl Keeper for StopAfter {
    fn wish(&mut self) -> Wish {
        self.steps = self.steps.saturating_sub(1);
        if self.steps == 0 { Wish::Stop } else { Wish::Continue }
    }

    fn save(&mut self, snapshot: Snapshot) -> sumun::Result<()> {
        self.saved = Some(snapshot);
        Ok(())
    }

    fn epoch(&mut self, _record: &EpochRecord) -> sumun::Result<()> {
        Ok(())
    }
}

/// A training of three candidates on a file.
fn training(folder: &std::path::Path) -> Training {
    let path = folder.join("series.csv");
    let mut csv = String::from("y\n");
    for t in 0..80_usize {
        let wave = (t as f64 * std::f64::consts::TAU / 7.0).sin();
        csv += &format!("{}\n", 20.0 + 5.0 * wave + ((t * 3 + 13) * 7919 % 1000) as f64 / 1000.0);
    }
    std::fs::write(&path, csv).unwrap();
    let mut config = ForecastConfig::default();
    config.data.train = path;
    config.data.target = vec!["y".into()];
    config.data.season = Some(sumun::forecast::Or::Number(7));
    (config.data.horizon, config.data.window) = (Some(3), Some(7));
    (config.network.hidden, config.network.dropout) = (4, 0.2);
    (config.train.epochs, config.train.batch) = (Some(3), Some(16));
    Training::begin(config).unwrap()
}

/// Trains so many steps and leaves only a file's bytes; None where the training ended before.
fn stopped(training: &mut Training, steps: usize) -> Option<Vec<u8>> {
    let mut keeper = StopAfter { steps, saved: None };
    if training.run(&mut (), &mut keeper).unwrap() != Ending::Interrupted {
        return None;
    }
    let checkpoint = training.checkpoint().unwrap();
    assert_eq!(keeper.saved.as_ref(), Some(&checkpoint.snapshot));
    Some(checkpoint.to_file().unwrap().to_bytes().unwrap())
}

fn checkpoint(bytes: &[u8]) -> Checkpoint {
    Checkpoint::from_file(ModelFile::from_bytes("checkpoint", bytes).unwrap()).unwrap()
}

fn resumed(bytes: &[u8]) -> Training {
    let (training, notes) = Training::resume(checkpoint(bytes)).unwrap();
    assert_eq!(notes, Vec::<String>::new());
    training
}

/// Everything that must not depend on interruptions.
fn outcome(mut training: Training) -> (Vec<u8>, String) {
    training.run(&mut (), &mut ()).unwrap();
    let mut trained = training.finish().unwrap();
    let used = trained.as_used();
    trained.candidates.iter_mut().for_each(|candidate| candidate.seconds = 0.0);
    trained.epochs.iter_mut().for_each(|epoch| (epoch.seconds, epoch.rows_per_second) = (0.0, 0.0));
    let told = (&trained.candidates, &trained.epochs, trained.best_epoch, trained.stopped_early);
    let told =
        format!("{told:?} {:?} {:?} {:?} {used:?}", trained.decisions.choices, trained.valid, trained.test);
    (trained.forecaster.to_model_file().unwrap().to_bytes().unwrap(), told)
}

#[test]
fn a_training_that_was_stopped_ends_at_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let whole = outcome(training(folder.path()));
    let mut stops = 0;
    // At every step, so in every candidate, in the middle of epochs and at their ends.
    for steps in 1.. {
        let Some(bytes) = stopped(&mut training(folder.path()), steps) else { break };
        assert!(outcome(resumed(&bytes)) == whole, "after {steps} steps");
        stops += 1;
    }
    // Three candidates of three epochs of three steps or more; the last step of each is no stop.
    assert!(stops >= 3 * (3 * 3 - 1), "{stops}");
    // One that is stopped at every step goes on as well.
    let mut going = training(folder.path());
    while let Some(bytes) = stopped(&mut going, 1) {
        going = resumed(&bytes);
    }
    assert!(outcome(going) == whole, "step by step");
    // The same as from a table.
    let table = Table::read(folder.path().join("series.csv")).unwrap();
    let config = training(folder.path()).config().clone();
    let once = train(&table, &config, &mut ()).unwrap();
    assert!(once.forecaster.to_model_file().unwrap().to_bytes().unwrap() == whole.0);
}

#[test]
fn a_checkpoint_that_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(training(folder.path()).finish().unwrap_err().to_string().starts_with("0 of 3 candidates"));
    let mut going = training(folder.path());
    // Far enough for two candidates to be through.
    let mut steps = 1;
    let bytes = loop {
        let bytes = stopped(&mut going, steps).unwrap();
        if checkpoint(&bytes).snapshot.beside["candidates"].as_array().unwrap().len() == 2 {
            break bytes;
        }
        steps += 1;
        going = training(folder.path());
    };
    let check = |change: &dyn Fn(&mut Checkpoint), expected: &str| {
        let mut bad = checkpoint(&bytes);
        change(&mut bad);
        let message = Training::resume(bad).unwrap_err().to_string();
        assert!(message.contains(expected) && !message.contains('\n'), "{message}");
    };
    check(&|c| c.snapshot.beside = serde_json::Value::Null, "its candidates cannot be read");
    check(
        &|c| c.snapshot.beside["candidates"][0]["difference"] = "last".into(),
        "its 2 trained candidates are not the first of 3",
    );
    check(&|c| c.snapshot.beside["best"] = serde_json::Value::Null, "its best of 2 trained candidates");
    check(&|c| c.snapshot.beside["best"]["index"] = 2.into(), "its best of 2 trained candidates");
    check(
        &|c| c.snapshot.buffers.retain(|(name, _)| name != "best candidate"),
        "its best candidate has 0 weights, not",
    );
    check(&|c| c.snapshot.buffers[0].0 = "x".into(), "a checkpoint has no \"x\"");
    check(&|c| c.about["sources"][0]["hash"] = "0".into(), "series.csv: the train data has changed");
    check(&|c| c.about["prepared"][0]["window"] = 8.into(), "prepares the data in another way");
    check(&|c| c.about["config"]["data"]["horizon"] = 0.into(), "horizon is 0");
    check(&|c| c.about["config"]["task"] = 1.into(), "the checkpoint's training cannot be read");
    // As earlier versions wrote it.
    let mut old = checkpoint(&bytes);
    let source = old.about["sources"][0].clone();
    old.about.as_object_mut().unwrap().remove("sources");
    old.about["task"] = "forecast".into();
    old.about["file"] = serde_json::json!({ "name": source["file"], "hash": source["hash"] });
    assert!(outcome(Training::resume(old).unwrap().0) == outcome(resumed(&bytes)), "an earlier version's");
    let mut elsewhere = checkpoint(&bytes);
    elsewhere.about["path"] = "another".into();
    let (_, notes) = Training::resume(elsewhere).unwrap();
    assert!(notes[0].starts_with("the training began with another instructions"), "{notes:?}");
}
