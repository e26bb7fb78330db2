//! Columns beside the target, odd series, and what is refused.

use sumun::Error;
use sumun::data::Table;
use sumun::forecast::{
    DifferenceChoice, EpochEnd, Forecast, ForecastConfig, LearningRate, Or, Progress, Switch, TrainingStage,
    train,
};

fn csv(text: &str) -> Table {
    Table::from_reader("f.csv", text.as_bytes()).unwrap()
}

/// `rows` lines of `f(t)` below `header`.
fn rows(header: &str, rows: usize, f: impl Fn(usize) -> String) -> Table {
    let lines: Vec<String> = (0..rows).map(f).collect();
    csv(&format!("{header}\n{}\n", lines.join("\n")))
}

/// A number in 0 … 1 that nothing before it tells: SplitMix64.
fn random(t: usize) -> f64 {
    let mut z = (t as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Settings with some changes.
fn changed(mut config: ForecastConfig, change: impl FnOnce(&mut ForecastConfig)) -> ForecastConfig {
    change(&mut config);
    config
}

fn quick() -> ForecastConfig {
    changed(ForecastConfig::default(), |c| {
        c.data.target = vec!["y".into()];
        c.data.horizon = Some(3);
        c.data.season = Some(Or::Number(0));
    })
}

fn mae(table: &Table, options: &ForecastConfig) -> f64 {
    train(table, options, &mut ()).unwrap().test.unwrap().model.overall.mae
}

#[test]
fn a_feature_that_leads_and_a_column_that_is_known_ahead_help() {
    // y follows x one row later: one step ahead it is known exactly, from x alone.
    let led = rows("y,x", 400, |t| format!("{},{}", random(t.wrapping_sub(1)), random(t)));
    let one = changed(quick(), |c| {
        c.data.horizon = Some(1);
    });
    let helped = changed(one.clone(), |c| {
        c.data.features = vec!["x".into()];
    });
    let (helped, without) = (mae(&led, &helped), mae(&led, &one));
    assert!(helped < 0.4 * without, "{helped} against {without}");
    // y is what is planned for the same row, for all three steps ahead.
    let planned = rows("y,x", 400, |t| format!("{},{}", 5.0 + random(t), random(t)));
    let helped = changed(quick(), |c| {
        c.data.known = vec!["x".into()];
    });
    let (helped, without) = (mae(&planned, &helped), mae(&planned, &quick()));
    assert!(helped < 0.3 * without, "{helped} against {without}");
}

#[test]
fn known_columns_must_reach_as_far_as_the_forecast() {
    let line = |t: usize| {
        let x = random(t);
        if t < 200 { format!("{},{x}", 5.0 + x) } else { format!(",{x}") }
    };
    let options = changed(quick(), |c| {
        c.data.known = vec!["x".into()];
        c.train.epochs = Some(40);
    });
    let table = rows("y,x", 205, line);
    let model = train(&table, &options, &mut ()).unwrap().forecaster;
    for source in [None, Some(&table)] {
        let Forecast { labels, targets, .. } = model.predict(source, Some(5)).unwrap();
        assert_eq!(labels, ["201", "202", "203", "204", "205"]);
        for (k, value) in targets[0].values.iter().enumerate() {
            assert!((value - 5.0 - random(200 + k)).abs() < 0.25, "{targets:?}");
        }
        let error = model.predict(source, Some(6)).unwrap_err().to_string();
        assert!(
            error.contains("'x' must be known for all 6 steps ahead, but there are 5 such rows"),
            "{error}"
        );
    }
    let error = model.predict(Some(&rows("y,x", 200, line)), None).unwrap_err().to_string();
    assert!(error.contains("but there are 0 such rows"), "{error}");
    let error = model.predict(Some(&csv("y,w\n1,2\n")), None).unwrap_err().to_string();
    assert!(error.contains("there is no column 'x'"), "{error}");
}

#[test]
fn features_end_with_the_file() {
    let table = rows("y,x", 200, |t| format!("{},{}", random(t), random(t + 7)));
    let options = changed(quick(), |c| {
        c.data.features = vec!["x".into()];
        c.train.epochs = Some(1);
    });
    let model = train(&table, &options, &mut ()).unwrap().forecaster;
    assert_eq!(model.predict(None, Some(2)).unwrap().targets[0].values.len(), 2);
    let error = model.predict(None, Some(4)).unwrap_err().to_string();
    assert!(error.contains("nobody knows 'x' beyond the end of the file; ask for at most 3"), "{error}");
}

/// A series that a difference leaves nothing of is forecast exactly: so every inversion is exact, also far ahead.
#[test]
fn differences_and_logarithms_are_inverted_exactly() {
    let wave = |t: usize| [3.0, 8.0, 5.0, 1.0][t % 4];
    for (difference, log, f) in [
        (DifferenceChoice::Season, Switch::Off, (&|t| wave(t) + 0.5 * t as f64) as &dyn Fn(usize) -> f64),
        (DifferenceChoice::Season, Switch::On, &|t| wave(t) * 1.02_f64.powi(t as i32)),
        (DifferenceChoice::Season, Switch::Off, &wave),
    ] {
        let table = rows("y", 120, |t| f(t).to_string());
        let options = changed(quick(), |c| {
            c.prepare.difference = difference;
            c.prepare.log = log;
            c.data.season = Some(Or::Number(4));
            // Beyond one season the reference repeats itself.
            c.data.horizon = Some(6);
            c.train.epochs = Some(60);
            c.network.dropout = 0.0;
        });
        let model = train(&table, &options, &mut ()).unwrap().forecaster;
        let ahead = model.predict(None, Some(8)).unwrap();
        for (k, &value) in ahead.targets[0].values.iter().enumerate() {
            let expected = f(120 + k);
            assert!((value - expected).abs() < 0.02 * expected, "step {k}: {value} for {expected}");
        }
    }
}

#[test]
fn every_kind_of_network_learns() {
    let table = rows("month,y", 120, |t| {
        let y = [3.0, 8.0, 5.0, 1.0, 2.0, 9.0][t % 6] + 0.3 * random(t);
        format!("{}-{:02},{y}", 2000 + t / 12, t % 12 + 1)
    });
    for cell in ["rnn", "lstm", "gru"] {
        for difference in [DifferenceChoice::None, DifferenceChoice::Last, DifferenceChoice::Season] {
            let options = changed(quick(), |c| {
                c.network.cell = sumun::nn::CellKind::named(cell).unwrap();
                c.prepare.difference = difference;
                c.data.season = Some(Or::Number(6));
                c.train.epochs = Some(60);
                c.train.schedule = LearningRate::Plateau;
            });
            let trained = train(&table, &options, &mut ()).unwrap();
            let (first, last) = (&trained.epochs[0], trained.epochs.last().unwrap());
            assert!(last.train_loss < first.train_loss, "{cell} {difference}: {first:?} {last:?}");
            let test = trained.test.unwrap();
            let naive = test.baselines[0].overall.mae;
            assert!(test.model.overall.mae < 0.5 * naive, "{cell} {difference}: {:?}", test.model);
            let ahead = trained.forecaster.predict(None, None).unwrap();
            assert_eq!(
                (ahead.time_column.as_deref(), &ahead.labels[..]),
                (Some("month"), &["2010-01".to_owned(), "2010-02".into(), "2010-03".into()][..])
            );
        }
    }
}

#[test]
fn one_step_ahead_and_no_parts_to_measure_on() {
    let table = rows("y", 60, |t| (t % 5).to_string());
    let options = changed(quick(), |c| {
        c.data.horizon = Some(1);
        c.data.season = None;
        c.data.valid = Some(0.0);
        c.data.test = Some(0.0);
        c.data.time = Some("none".into());
        c.train.epochs = Some(3);
    });
    let trained = train(&table, &options, &mut ()).unwrap();
    assert_eq!((trained.decisions.season, trained.best_epoch), (5, 3));
    assert!(trained.valid.is_none() && trained.test.is_none() && !trained.stopped_early);
    assert_eq!(trained.forecaster.predict(None, Some(7)).unwrap().labels[6], "67");
}

#[derive(Default)]
struct Told(Vec<TrainingStage>, Vec<EpochEnd>, Vec<String>);

impl Progress for Told {
    fn stage(&mut self, stage: &TrainingStage) {
        self.0.push(stage.clone());
    }
    fn epoch(&mut self, epoch: &EpochEnd) {
        self.1.push(epoch.clone());
    }
    fn note(&mut self, note: &str) {
        self.2.push(note.into());
    }
}

#[test]
fn progress_is_told() {
    let table = rows("y", 100, |t| (random(t) + (t % 5) as f64).to_string());
    let mut told = Told::default();
    let options = changed(quick(), |c| {
        c.data.season = Some(Or::Number(5));
        c.train.epochs = Some(3);
        c.train.ensemble = Some(2);
    });
    let trained = train(&table, &options, &mut told).unwrap();
    let names: Vec<_> = told.0.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "trying difference = season (1 of 3)",
            "trying difference = last (2 of 3)",
            "trying difference = none (3 of 3)",
            "difference = season, seed 1 (4 of 4)"
        ]
    );
    assert_eq!(told.1.len(), 12);
    assert!(told.2.iter().any(|n| n.starts_with("difference = ")), "{:?}", told.2);
    let records: Vec<_> = told.1.iter().map(|e| e.record.clone()).collect();
    let chosen =
        trained.candidates.iter().position(|c| c.difference == trained.decisions.difference.to_string());
    let chosen = chosen.unwrap();
    assert_eq!(records[3 * chosen..3 * chosen + 3], trained.epochs);
    assert!(trained.as_used().to_toml().unwrap().contains("season = 5"));
}

#[test]
fn what_cannot_work_is_refused_in_one_line() {
    let wave = |n: usize| rows("year,y", n, |t| format!("{},{}", 1900 + t, random(t)));
    let cases: Vec<(Table, ForecastConfig, &str)> = vec![
        (
            wave(20),
            changed(quick(), |c| {
                c.data.window = Some(18);
            }),
            "the training part has 20 of 20 rows, but window 18",
        ),
        (
            wave(20),
            changed(quick(), |c| {
                (c.data.horizon, c.data.test) = (Some(9), Some(0.2));
            }),
            "the test part has 4 of 20 rows, but horizon 9 needs at least 9",
        ),
        (
            wave(50),
            changed(quick(), |c| {
                c.data.season = Some(Or::Number(40));
            }),
            "season = 40 is as long as the training part, 35",
        ),
        (
            wave(50),
            changed(quick(), |c| {
                c.data.season = Some(Or::Number(30));
                c.prepare.difference = DifferenceChoice::Season;
                c.data.window = Some(8);
            }),
            "window 8 + horizon 3 + season 30 need 41",
        ),
        (
            wave(50),
            changed(quick(), |c| {
                c.prepare.difference = DifferenceChoice::Season;
                c.data.season = None;
            }),
            "difference = season needs a season, but none was found",
        ),
        (rows("y", 50, |_| "7".into()), quick(), "column 'y' is 7 on all 35 training rows"),
        (
            wave(50),
            changed(quick(), |c| {
                c.data.target = vec!["z".into()];
            }),
            "there is no column 'z'",
        ),
        (
            rows("y", 50, |t| (random(t) - 0.5).to_string()),
            changed(quick(), |c| {
                c.prepare.log = Switch::On;
            }),
            "logarithm",
        ),
        (
            rows("y", 50, |t| random(t).to_string()),
            changed(quick(), |c| {
                c.prepare.calendar = Switch::On;
            }),
            "calendar = on",
        ),
        (
            wave(50),
            changed(quick(), |c| {
                c.prepare.calendar = Switch::On;
            }),
            "calendar = on: yearly data",
        ),
        (
            wave(50),
            changed(quick(), |c| {
                c.data.test = Some(0.9);
            }),
            "valid = 0.1 and test = 0.9 leave nothing",
        ),
    ];
    for (table, options, message) in cases {
        let error = train(&table, &options, &mut ()).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(message) && !error.contains('\n'), "{error}");
    }
    let model = train(
        &wave(80),
        &changed(quick(), |c| {
            c.train.epochs = Some(1);
        }),
        &mut (),
    )
    .unwrap()
    .forecaster;
    let error = model.predict(Some(&wave(3)), None).unwrap_err().to_string();
    assert!(error.contains("has 3 rows, but a forecast needs 8 (window 8)"), "{error}");
    let error = model.evaluate(&wave(9)).unwrap_err().to_string();
    assert!(error.contains("has 9 rows, but an evaluation needs 11"), "{error}");
    assert!(model.predict(None, Some(0)).is_err() && model.predict(None, Some(usize::MAX)).is_err());
}

/// Logarithms were once chosen by the training part, and a 0 in the test part then refused the file.
#[test]
fn a_value_without_logarithm_turns_logarithms_off() {
    let growth = |zero: usize| {
        rows("y", 120, move |t| {
            let level =
                1.02_f64.powi(t as i32) * (1.0 + 0.3 * (t as f64 * std::f64::consts::TAU / 12.0).sin());
            if t == zero { "0".into() } else { level.to_string() }
        })
    };
    let options = changed(quick(), |c| c.train.epochs = Some(1));
    for (zero, value) in [(120, "on"), (110, "off"), (90, "off")] {
        let trained = train(&growth(zero), &options, &mut ()).unwrap();
        let choice = trained.decisions.choices.iter().find(|choice| choice.name == "log").unwrap();
        assert_eq!(choice.value, value, "{}", choice.reason);
    }
}

#[test]
fn a_loss_that_is_not_finite_stops_training() {
    let table = rows("y", 100, |t| random(t).to_string());
    let options = changed(quick(), |c| {
        c.train.lr = 1e30;
        c.train.optimizer = "sgd".parse().unwrap();
        c.train.clip = Or::Word("none".into());
        c.train.loss = "mse".parse().unwrap();
    });
    let error = train(&table, &options, &mut ()).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Diverged { step: 2.., learning_rate: 9e29.., .. }), "{error}");
}
