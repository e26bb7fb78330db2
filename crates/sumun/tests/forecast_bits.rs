//! What must not change one bit: threads, a look at the test part, a journey through a file.

use sumun::data::Table;
use sumun::forecast::{
    DifferenceChoice, ForecastConfig, ForecastOutcome, Forecaster, Switch, Training, train,
};
use sumun::model::{ModelFile, NamedTensor};
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
        c.train.ensemble = Some(1);
        c.network.hidden = 12;
        c.network.layers = 2;
        c.network.bidirectional = true;
        c.network.dropout = 0.2;
        c.train.seed = 9;
    })
}

fn bits(trained: &ForecastOutcome) -> Vec<u32> {
    trained.forecaster.parameters().unwrap().values().iter().map(|v| v.to_bits()).collect()
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
fn a_model_file_makes_the_same_forecaster() {
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
        let bytes = model.to_model_file().unwrap().to_bytes().unwrap();
        let file = ModelFile::from_bytes("model", &bytes).unwrap();
        let again = Forecaster::from_model_file("model", file).unwrap();
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

/// The mean of three networks: each forecasts what it forecasts alone, in a model of one file, and the settings that were used
/// give the same mean again.
#[test]
fn an_average_is_the_mean_of_its_networks() {
    let of = |difference: DifferenceChoice, average: Switch| {
        let config = with(options(), |c| {
            (c.prepare.difference, c.prepare.average, c.prepare.arima) = (difference, average, Switch::Off);
            c.data.season = Some(sumun::forecast::Or::Number(7));
            c.data.window = Some(9);
            c.data.known = Vec::new();
        });
        train(&table(200, 200), &config, &mut ()).unwrap()
    };
    let averaged = of(DifferenceChoice::Auto, Switch::On);
    let names = averaged.decisions.averaged.clone();
    assert_eq!(names.len(), averaged.candidates.len());
    assert!(names.len() > 1, "{names:?}");
    let ahead = |trained: &ForecastOutcome| trained.forecaster.predict(None, None).unwrap();
    let alone: Vec<_> = names.iter().map(|trial| ahead(&of(trial.difference, Switch::Auto))).collect();
    for (c, column) in ahead(&averaged).targets.iter().enumerate() {
        for (k, value) in column.values.iter().enumerate() {
            let mean = alone.iter().map(|one| one.targets[c].values[k]).sum::<f64>() / names.len() as f64;
            assert!((value - mean).abs() < 1e-9 * mean.abs(), "{value} for {mean}");
        }
    }
    let bytes = averaged.forecaster.to_model_file().unwrap().to_bytes().unwrap();
    let file = ModelFile::from_bytes("model", &bytes).unwrap();
    let again = Forecaster::from_model_file("model", file.clone()).unwrap();
    assert_eq!(again.predict(None, Some(20)).unwrap(), averaged.forecaster.predict(None, Some(20)).unwrap());
    let repeated = train(&table(200, 200), &averaged.as_used(), &mut ()).unwrap();
    assert_eq!(bits(&repeated), bits(&averaged));
    // A mean is none without its networks, and they forecast the same.
    for (place, value, message) in [
        ("/pipeline/averaged", serde_json::json!([]), "its network does not forecast 2 columns"),
        ("/pipeline/averaged/0/horizon", 7.into(), "its networks do not forecast the same"),
        ("/pipeline/averaged/0/window", (u64::MAX / 3).into(), "does not fit its window and season"),
        ("/pipeline/averaged/0/window", 0.into(), "the window, the horizon or the season is 0"),
        ("/model/outputs", serde_json::json!(["steps"]), ""),
    ] {
        let mut damaged = file.clone();
        *damaged.config.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = value;
        let error = Forecaster::from_model_file("m", damaged).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("m: ") && !error.contains('\n') && error.contains(message), "{error}");
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

/// Damages one place of a model at a time: always an error of one line that names the file, never a panic.
#[test]
fn damaged_model_files_are_refused() {
    let file = train(&table(200, 200), &options(), &mut ()).unwrap().forecaster.to_model_file().unwrap();
    let fails = |damaged: ModelFile| {
        let error = Forecaster::from_model_file("m", damaged).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("m: ") && !error.contains('\n'), "{error}");
        error
    };
    let huge = serde_json::json!(u64::MAX / 3);
    for (place, value, message) in [
        ("/model/layers/0/units", huge.clone(), "it must be at least 1 and at most 4294967295"),
        ("/model/layers/0/units", 0.into(), "units is 0"),
        ("/model/layers/0/layers", huge.clone(), "it is at most 100"),
        ("/model/layers/0/layers", 0.into(), "0 layers"),
        ("/model/layers/0/kind", "gru".into(), "the tensor recurrent.weight_ih_l0 should be"),
        ("/model/layers/0/name", "stack".into(), "reads \"recurrent\""),
        ("/model/layers/1/p", 2.0.into(), "dropout is 2"),
        ("/model/layers/3/steps", huge.clone(), "steps is 6148914691236517205"),
        ("/model/layers/3/steps", 3.into(), "forecast: add of 4 and 2 features"),
        ("/model/inputs/window/features", 3.into(), "the tensor recurrent.weight_ih_l0 should be"),
        ("/model/layers/5/from/1", "steps".into(), "nothing reads ahead"),
        ("/model", serde_json::Value::Null, "its layers cannot be read"),
        ("/pipeline", serde_json::Value::Null, "is not one of a forecaster of sumun"),
        ("/pipeline/preprocessing/horizon", 12.into(), ""),
        ("/pipeline/season", 0.into(), "the season is 0"),
        ("/pipeline/season", huge.clone(), "does not fit its window and season"),
        ("/pipeline/preprocessing/window", huge.clone(), "does not fit its window and season"),
        ("/pipeline/preprocessing/window", 0.into(), "the window, the horizon or the season is 0"),
        ("/pipeline/preprocessing/difference", serde_json::json!({ "season": u64::MAX }), ""),
        ("/pipeline/preprocessing/targets/0/change/scale", 0.0.into(), "a scaler is not a finite number"),
        ("/pipeline/preprocessing/targets/1", serde_json::Value::Null, "is not one of a forecaster"),
        ("/pipeline/history/columns/0", serde_json::json!([1.0]), "does not fit its window and season"),
        ("/pipeline/history/times/3", "yesterday".into(), "has the time \"yesterday\", which is none"),
        ("/pipeline/time/frequency", serde_json::json!({ "fixed": { "nanoseconds": 0 } }), "0 nanoseconds"),
    ] {
        let mut damaged = file.clone();
        *damaged.config.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = value.clone();
        if place.ends_with("horizon") {
            // Seen by the first forecast: how many steps a network returns is known when it is called.
            let model = Forecaster::from_model_file("m", damaged).unwrap();
            let error = model.evaluate(&table(200, 200)).unwrap_err().to_string();
            assert!(
                error.starts_with("add of inputs of different steps: expected [") && !error.contains('\n'),
                "{error}"
            );
            continue;
        }
        let error = fails(damaged);
        assert!(error.contains(message), "{place} = {value}: {error}");
    }
    let changed = |change: &dyn Fn(&mut Vec<NamedTensor>)| {
        let mut damaged = file.clone();
        change(&mut damaged.tensors);
        fails(damaged)
    };
    for (error, message) in [
        (changed(&|t| drop(t.pop())), "the tensor ahead.weight should be [2, "),
        (
            changed(&|t| t[0].name = "recurrent.weight_ho_l0".into()),
            "the tensor recurrent.weight_ih_l0 should be [48, ",
        ),
        (changed(&|t| t[2] = t[3].clone()), "two of its tensors have one name"),
        (changed(&|t| t[0].shape.reverse()), "the tensor recurrent.weight_ih_l0 should be [48, "),
        (changed(&|t| t[0].values[5] = f32::NAN), "the tensor recurrent.weight_ih_l0 holds NaN"),
        (
            changed(&|t| t.push(NamedTensor::new("more", &[1], vec![0.0]))),
            "the tensor more belongs to none of its layers",
        ),
    ] {
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

/// A training of three candidates on a file, three epochs each.
fn training(folder: &std::path::Path) -> Training {
    training_of(folder, 3)
}

fn training_of(folder: &std::path::Path, epochs: usize) -> Training {
    Training::begin(config_of(folder, epochs, 1)).unwrap()
}

/// The settings of such a training from so many seeds.
fn config_of(folder: &std::path::Path, epochs: usize, seeds: usize) -> ForecastConfig {
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
    (config.train.epochs, config.train.batch) = (Some(epochs), Some(16));
    config.train.ensemble = Some(seeds);
    config
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

/// Two of the candidates are hopeless on this series: they end after a quarter of their epochs, and the training may be stopped
/// before, at and after that step.
#[test]
fn a_candidate_that_is_clearly_behind_is_given_up_at_the_same_step() {
    let folder = tempfile::tempdir().unwrap();
    let given_up = |training: Training| {
        let mut training = training;
        training.run(&mut (), &mut ()).unwrap();
        let all = training.finish().unwrap().candidates;
        all.iter().map(|c| (c.given_up, c.epochs)).collect::<Vec<_>>()
    };
    let all = given_up(training_of(folder.path(), 40));
    assert!(!all[0].0, "{all:?}");
    assert_eq!(all[1..], [(true, 10), (true, 10)]);
    let whole = outcome(training_of(folder.path(), 24));
    for steps in (1..).step_by(5) {
        let Some(bytes) = stopped(&mut training_of(folder.path(), 24), steps) else { break };
        assert!(outcome(resumed(&bytes)) == whole, "after {steps} steps");
    }
    let mut going = training_of(folder.path(), 24);
    while let Some(bytes) = stopped(&mut going, 1) {
        going = resumed(&bytes);
    }
    assert!(outcome(going) == whole, "step by step");
}

/// Of the candidates that are near the best, further seeds are trained, and all of them are averaged; stopped at any step, they end at
/// the same bits, and the settings that were used give the same mean again.
#[test]
fn a_short_series_is_learnt_from_several_seeds() {
    let folder = tempfile::tempdir().unwrap();
    let begin = || Training::begin(config_of(folder.path(), 24, 3)).unwrap();
    let mut training = begin();
    training.run(&mut (), &mut ()).unwrap();
    let trained = training.finish().unwrap();
    let names: Vec<&str> = trained.candidates.iter().map(|one| one.difference.as_str()).collect();
    assert_eq!(names, ["season", "last", "none", "season, seed 1", "season, seed 2"]);
    assert_eq!((trained.decisions.averaged.len(), trained.decisions.ensemble), (3, 3));
    // Each forecasts what it forecasts alone.
    let ahead =
        |trained: &ForecastOutcome| trained.forecaster.predict(None, None).unwrap().targets[0].clone();
    let alone: Vec<_> = (0..3)
        .map(|seed| {
            let mut config = config_of(folder.path(), 24, 1);
            (config.train.seed, config.prepare.arima) = (seed, Switch::Off);
            config.prepare.difference = DifferenceChoice::Season;
            let mut training = Training::begin(config).unwrap();
            training.run(&mut (), &mut ()).unwrap();
            ahead(&training.finish().unwrap())
        })
        .collect();
    let mut config = config_of(folder.path(), 24, 3);
    config.prepare.arima = Switch::Off;
    let mut training = Training::begin(config).unwrap();
    training.run(&mut (), &mut ()).unwrap();
    for (k, value) in ahead(&training.finish().unwrap()).values.iter().enumerate() {
        let mean = alone.iter().map(|one| one.values[k]).sum::<f64>() / 3.0;
        assert!((value - mean).abs() < 1e-9 * mean.abs(), "{value} for {mean}");
    }
    let mut again = Training::begin(trained.as_used()).unwrap();
    again.run(&mut (), &mut ()).unwrap();
    assert_eq!(bits(&again.finish().unwrap()), bits(&trained));
    let whole = outcome(begin());
    for steps in (1..).step_by(7) {
        let Some(bytes) = stopped(&mut begin(), steps) else { break };
        assert!(outcome(resumed(&bytes)) == whole, "after {steps} steps");
    }
    // Long series are learnt once, where nothing else is said.
    let of = |rows: usize| {
        let config = with(options(), |c| {
            c.train.ensemble = None;
            c.train.epochs = Some(1);
        });
        train(&table(rows, rows), &config, &mut ()).unwrap().decisions.ensemble
    };
    assert_eq!((of(200), of(1500)), (5, 1));
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
        &|c| c.snapshot.buffers.retain(|(name, _)| name != "candidate 1"),
        "its candidate 1 has 0 weights, not",
    );
    check(
        &|c| c.snapshot.buffers.push(("best candidate".into(), vec![0.0; 3])),
        "by an earlier version of sumun, which kept the best candidate alone; train anew",
    );
    check(
        &|c| c.snapshot.buffers[0].0 = "x".into(),
        "the checkpoint has 0 weights, but the network of its settings",
    );
    check(&|c| c.about["sources"][0]["hash"] = "0".into(), "series.csv: the train data has changed");
    check(
        &|c| c.about["prepared"][0]["preprocessing"]["window"] = 8.into(),
        "prepares the data in another way",
    );
    check(
        &|c| c.about["prepared"][0]["model"]["layers"][0]["units"] = 8.into(),
        "another vocabulary or network",
    );
    check(&|c| c.about["config"]["data"]["horizon"] = 0.into(), "horizon is 0");
    check(&|c| c.about["config"]["task"] = 1.into(), "the checkpoint's training cannot be read");
    let mut elsewhere = checkpoint(&bytes);
    elsewhere.about["path"] = "another".into();
    let (_, notes) = Training::resume(elsewhere).unwrap();
    assert!(notes[0].starts_with("the training began with another instructions"), "{notes:?}");
}

/// A checkpoint as earlier versions wrote it.
fn earlier(bytes: &[u8]) -> Checkpoint {
    let mut old = checkpoint(bytes);
    let source = old.about["sources"][0].clone();
    old.about.as_object_mut().unwrap().remove("sources");
    old.about["task"] = "forecast".into();
    old.about["file"] = serde_json::json!({ "name": source["file"], "hash": source["hash"] });
    let candidates = old.about["prepared"].as_array().unwrap();
    old.about["prepared"] = candidates.iter().map(|candidate| candidate["preprocessing"].clone()).collect();
    for candidate in old.about["prepared"].as_array_mut().unwrap() {
        candidate["targets"][0].as_object_mut().unwrap().remove("min").unwrap();
    }
    old
}

#[test]
fn a_checkpoint_of_an_earlier_version_goes_on_to_the_same_bits_or_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = stopped(&mut training(folder.path()), 5).unwrap();
    let (going, _) = Training::resume(earlier(&bytes)).unwrap();
    assert!(outcome(going) == outcome(resumed(&bytes)));
    let mut other = earlier(&bytes);
    other.about["prepared"][1]["window"] = 8.into();
    let message = Training::resume(other).unwrap_err().to_string();
    assert!(message.starts_with("this version of sumun prepares the data in another way"), "{message}");
    // Where something is known ahead, the gradient of its weights was summed in another order.
    let mut config = training(folder.path()).config().clone();
    let rows: Vec<String> = (0..80).map(|t| format!("{},{}", (t * 7) % 11, t % 3)).collect();
    std::fs::write(&config.data.train, format!("y,plan\n{}\n", rows.join("\n"))).unwrap();
    config.data.known = vec!["plan".into()];
    let bytes = stopped(&mut Training::begin(config).unwrap(), 2).unwrap();
    resumed(&bytes);
    let message = Training::resume(earlier(&bytes)).unwrap_err().to_string();
    assert!(message.starts_with("the training was begun by an earlier version of sumun, which"), "{message}");
}
