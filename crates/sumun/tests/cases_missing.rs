//! Files with missing values: what was filled in counts nowhere, a forecast sees nothing of what came after it, and what is
//! missing where nobody looks stops nothing.

use std::fmt::Write;

use sumun::data::{Missing, Table};
use sumun::forecast::{Evaluation, ForecastConfig, ForecastOutcome, Or, train};
use sumun::settings::{DifferenceChoice, Switch};
use sumun::tasks::{Evaluated, Predicted, Reading, Request, TrainedModel};

fn path(file: &str) -> std::path::PathBuf {
    format!("{}/tests/cases/{file}", env!("CARGO_MANIFEST_DIR")).into()
}

/// A small network, trained for a short time.
fn small(target: &str, missing: Missing) -> ForecastConfig {
    let mut config = ForecastConfig::of(&[target]);
    config.data.missing = missing;
    config.network.hidden = 4;
    config.train.epochs = Some(2);
    config
}

fn airline() -> ForecastOutcome {
    let table = Table::read(format!("{}/../../data/airline.csv", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let config = small("value", Missing::Error);
    let trained = train(&table, &config, &mut ()).unwrap();
    assert!(trained.decisions.log[0], "{:?}", trained.decisions.choices);
    trained
}

fn predict(trained: &ForecastOutcome, file: &str, missing: Option<Missing>) -> Result<Vec<String>, String> {
    let path = path(file);
    let request =
        Request { file: Some(&path), reading: Reading { missing, history: None }, ..Request::default() };
    match TrainedModel::predict(&trained.forecaster, &request) {
        Ok(Predicted::Ahead { forecast, .. }) => {
            assert!(
                forecast.targets[0].values.iter().all(|value| (300.0..800.0).contains(value)),
                "{forecast:?}"
            );
            Ok([forecast.labels[..1].to_vec(), forecast.notes].concat())
        }
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

/// White noise of which four of five values are missing: nothing forecasts it better than its mean, whose error is about .80.
/// Straight lines between the values that are there, and figures on them, made it .10.
#[test]
fn noise_with_holes_stays_noise() {
    let table = Table::read(path("g31_mostly_missing_noise.csv")).unwrap();
    let mut config = small("y", Missing::Interpolate);
    config.train.epochs = Some(4);
    let trained = train(&table, &config, &mut ()).unwrap();
    // Straight lines between the values repeat themselves more than noise does, and are not looked at.
    assert_eq!(trained.decisions.season, 1, "{:?}", trained.decisions.choices);
    let parts = [trained.valid.as_ref().unwrap(), trained.test.as_ref().unwrap()];
    for part in parts {
        for scores in part.baselines.iter().chain([&part.model]) {
            assert!(scores.overall.mae > 0.78, "{}: {:?}", scores.name, scores.overall);
        }
    }
    assert_eq!(parts.map(|part| part.imputed), [240, 480]);
    assert!(trained.candidates.iter().all(|candidate| candidate.valid_score.unwrap() > 0.78));
    let counted = "target values that were filled in count neither in the loss nor in any figure: 1680 of 2100 in the training \
                   part, 240 of 300 in the validation part, 480 of 601 in the test part";
    assert!(trained.notes.iter().any(|note| note == counted), "{:?}", trained.notes);
}

/// A level with a season, and `gap` for the values that are missing.
fn wave(rows: usize, gap: impl Fn(usize) -> Option<f64>) -> Table {
    let mut text = "y,help\n".to_owned();
    for row in 0..rows {
        let t = row as f64;
        let value = 50.0 + 10.0 * (t * 0.7).sin() + 3.0 * (t * t * 0.37).cos();
        match (row % 7 == 3 || (60..64).contains(&row), gap(row)) {
            (false, _) => writeln!(text, "{value},{}", 3.0 * value).unwrap(),
            (true, None) => writeln!(text, ",{}", 3.0 * value).unwrap(),
            (true, Some(filled)) => writeln!(text, "{filled},{}", 3.0 * value).unwrap(),
        }
    }
    Table::from_reader("wave.csv", text.as_bytes()).unwrap()
}

fn figures(part: &Evaluation) -> Vec<f64> {
    let of = |s: &sumun::forecast::ForecastScores| {
        [s.overall.mae, s.overall.rmse, s.overall.smape, s.overall.loss]
    };
    part.baselines.iter().chain([&part.model]).flat_map(of).collect()
}

/// The mean absolute errors over the values that were read, computed again from the forecasts.
#[test]
fn figures_count_what_was_read() {
    for (difference, missing) in [
        (DifferenceChoice::Season, Missing::Interpolate),
        (DifferenceChoice::Last, Missing::Ffill),
        (DifferenceChoice::None, Missing::Interpolate),
    ] {
        let table = wave(200, |_| None);
        let mut config = small("y", missing);
        config.prepare.difference = difference;
        config.prepare.log = Switch::On;
        config.data.season = Some(Or::Number(9));
        config.data.horizon = Some(3);
        config.data.features = vec!["help".into()];
        let trained = train(&table, &config, &mut ()).unwrap();
        let test = trained.test.as_ref().unwrap();
        let values = table.numeric("y").unwrap();
        let (mut sum, mut count) = (0.0, 0);
        for (n, origin) in test.origins.clone().enumerate() {
            for step in 0..3 {
                if let Some(value) = values[origin + 1 + step] {
                    sum += (value - test.forecasts[[n, step, 0]]).abs();
                    count += 1;
                }
            }
        }
        let mae = test.model.overall.mae;
        assert!((mae - sum / f64::from(count)).abs() < 1e-9 * mae, "{mae} {sum} {count}");
        let missing =
            (test.origins.start + 1..test.origins.end + 3).filter(|&row| values[row].is_none()).count();
        assert_eq!(test.imputed, missing);
        assert!(figures(test).iter().all(|figure| figure.is_finite()));
        // The mask, and the time since a value was seen.
        let p = &trained.forecaster.config().preprocessing;
        assert!(p.targets[0].marked && !p.features[0].marked);
        let of_complete = {
            let table = wave(200, |row| Some(40.0 + (row % 5) as f64));
            let trained = train(&table, &config, &mut ()).unwrap();
            trained.forecaster.config().preprocessing.input_width()
        };
        assert_eq!(p.input_width(), of_complete + 2);
    }
}

/// Values behind the last origin are in no window: with what they are filled changes no weight and no figure.
#[test]
fn what_a_hole_is_filled_with_changes_neither_the_loss_nor_a_figure() {
    let mut text = "y\n".to_owned();
    for row in 0..160 {
        let t = f64::from(row);
        match row {
            151 | 156..159 => text += "NA\n",
            _ => writeln!(text, "{}", 50.0 + 10.0 * (t * 0.7).sin() + 0.3 * (t * t * 0.37).cos()).unwrap(),
        }
    }
    let table = Table::from_reader("f.csv", text.as_bytes()).unwrap();
    for test_share in [0.0, 0.2] {
        let trained = [Missing::Ffill, Missing::Interpolate].map(|missing| {
            let mut config = small("y", missing);
            (config.data.valid, config.data.test) = (Some(0.0), Some(test_share));
            (config.data.horizon, config.data.season) = (Some(10), Some(Or::Word("none".into())));
            config.prepare.log = Switch::Off;
            train(&table, &config, &mut ()).unwrap()
        });
        let [ffill, straight] = &trained;
        let values = |trained: &ForecastOutcome| trained.forecaster.parameters().unwrap().values().to_vec();
        assert_eq!(values(ffill), values(straight));
        let losses =
            |trained: &ForecastOutcome| trained.epochs.iter().map(|e| e.train_loss).collect::<Vec<_>>();
        assert_eq!(losses(ffill), losses(straight));
        assert_eq!(ffill.test.as_ref().map(figures), straight.test.as_ref().map(figures));
        assert_eq!(ffill.test.as_ref().map_or(4, |test| test.imputed), 4);
    }
}

/// A season whose last lap is missing in the file: the run's model says so, and forecasts with holes again from its file.
#[test]
fn a_model_keeps_the_holes_at_its_end() {
    let table = wave(201, |_| None);
    for missing in [Missing::Ffill, Missing::Interpolate] {
        let mut config = small("y", missing);
        config.data.features = vec!["help".into()];
        let trained = train(&table, &config, &mut ()).unwrap();
        assert!(trained.forecaster.config().history.imputed.iter().any(Option::is_some));
        let of_file = trained.forecaster.predict(Some(&table), None).unwrap();
        let of_history = trained.forecaster.predict(None, None).unwrap();
        assert_eq!(of_file.targets, of_history.targets);
        assert_eq!(of_file.labels, of_history.labels);
    }
}

/// A newer file of a model that was trained without anything missing.
#[test]
fn what_is_missing_where_nobody_looks_stops_no_forecast() {
    let trained = airline();
    let first = |file, missing| predict(&trained, file, missing);
    assert_eq!(first("z07_hole_long_ago.csv", None).unwrap()[0], "1961-01");
    let error = first("z09_last_month_empty.csv", None).unwrap_err();
    assert!(
        error.contains("1 value missing in column 'value', in row 146 (1961-01); choose missing = ffill"),
        "{error}"
    );
    assert_eq!(first("z09_last_month_empty.csv", Some(Missing::Ffill)).unwrap()[0], "1961-02");
    assert_eq!(first("z09_last_month_empty.csv", Some(Missing::Drop)).unwrap()[0], "1961-01");
    // An evaluation looks at all rows, and says what it left out.
    let evaluate = |missing| trained.forecaster.evaluate_file(&path("z07_hole_long_ago.csv"), missing);
    assert!(evaluate(None).unwrap_err().to_string().contains("in row 6 (1949-05)"));
    let Evaluated::Forecasts { evaluation, notes, .. } = evaluate(Some(Missing::Interpolate)).unwrap() else {
        panic!()
    };
    assert!(notes.iter().any(|note| note.starts_with("filled 1 value")), "{notes:?}");
    assert_eq!(evaluation.imputed, 0, "the hole lies before the first origin");
}

trait EvaluateFile {
    fn evaluate_file(&self, path: &std::path::Path, missing: Option<Missing>) -> sumun::Result<Evaluated>;
}

impl EvaluateFile for sumun::forecast::Forecaster {
    fn evaluate_file(&self, path: &std::path::Path, missing: Option<Missing>) -> sumun::Result<Evaluated> {
        TrainedModel::evaluate(self, path, &Reading { missing, history: None })
    }
}

/// Rows of a newer file that begins after the training data, and rows before them from another file.
#[test]
fn history_gives_the_rows_before_a_file() {
    let trained = airline();
    let folder = tempfile::tempdir().unwrap();
    let all =
        std::fs::read_to_string(format!("{}/../../data/airline.csv", env!("CARGO_MANIFEST_DIR"))).unwrap();
    // Two years later, so that the end of the training data does not help.
    let later = |line: &str| match line.split_once('-') {
        Some((year, rest)) => format!("{}-{rest}\n", year.parse::<i32>().unwrap() + 2),
        None => format!("{line}\n"),
    };
    let rows: Vec<String> = all.lines().map(later).collect();
    let write = |name: &str, from: usize, to: usize| {
        let path = folder.path().join(name);
        std::fs::write(&path, rows[0].clone() + &rows[from..to].concat()).unwrap();
        path
    };
    let [whole, short] = [write("whole.csv", 1, rows.len()), write("short.csv", 140, rows.len())];
    let predict = |file: &std::path::Path, missing, history: Option<&std::path::Path>| {
        let request =
            Request { file: Some(file), reading: Reading { missing, history }, ..Request::default() };
        match TrainedModel::predict(&trained.forecaster, &request) {
            Ok(Predicted::Ahead { forecast, .. }) => Ok((forecast.labels, forecast.targets, forecast.notes)),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    };
    let (labels, targets, _) = predict(&whole, None, None).unwrap();
    assert_eq!(labels[0], "1963-01");
    let error = predict(&short, None, None).unwrap_err();
    assert!(
        error.contains("steps are missing between the end of the training data (1960-12) and"),
        "{error}"
    );
    // The rows before, with and without rows that are in both.
    for end in [140, 143, rows.len()] {
        let history = write("history.csv", 1, end);
        let found = predict(&short, None, Some(&history)).unwrap();
        assert_eq!((&found.0, &found.1), (&labels, &targets), "{end}");
        assert!(found.2.iter().any(|note| note.contains("rows before the file are from")), "{:?}", found.2);
    }
    let history = write("history.csv", 100, 138);
    let error = predict(&short, None, Some(&history)).unwrap_err();
    assert!(error.contains("2 steps are missing between") && error.contains("missing = ffill"), "{error}");
    let (_, filled, notes) = predict(&short, Some(Missing::Ffill), Some(&history)).unwrap();
    assert!(
        notes.iter().any(|note| note == "2 steps between them and the file repeat the last value"),
        "{notes:?}"
    );
    assert_ne!(filled, targets);
    let error = predict(&short, None, Some(&write("history.csv", 142, 143))).unwrap_err();
    assert!(error.contains("does not lie before"), "{error}");
    // Every row of the file is forecast, and none before it.
    let (file, history) = (write("file.csv", 121, rows.len()), write("history.csv", 1, 121));
    let reading = Reading { missing: None, history: Some(&history) };
    let Evaluated::Forecasts { evaluation, .. } =
        TrainedModel::evaluate(&trained.forecaster, &file, &reading).unwrap()
    else {
        panic!()
    };
    assert_eq!(evaluation.origins.len(), 24 - 12 + 1);
    let whole = trained.forecaster.evaluate(&Table::read(&whole).unwrap()).unwrap();
    let last = whole.forecasts.len() - evaluation.forecasts.len();
    assert_eq!(evaluation.forecasts.as_slice().unwrap(), &whole.forecasts.as_slice().unwrap()[last..]);
}

/// Irregular times: refused with the way out, gathered into even steps, and newer rows in the same way.
#[test]
fn rows_at_any_times_are_gathered_into_even_steps() {
    let file = path("f42_irregular.csv");
    let table = Table::read(&file).unwrap();
    let error = train(&table, &small("y", Missing::Error), &mut ()).unwrap_err().to_string();
    assert!(error.contains("gather the rows into even steps with resample = 5min, or treat all"), "{error}");
    let mut config = small("y", Missing::Error);
    config.data.resample = Some("5min".into());
    let trained = train(&table, &config, &mut ()).unwrap();
    assert_eq!(trained.data.labels[..2], ["2021-01-01 00:00:00", "2021-01-01 00:05:00"]);
    // By hand: the mean of 50.00, 52.60, 55.02, 57.10, 58.70 and 59.71, the rows before 00:05.
    assert!((trained.data.targets[0][0] - 333.13 / 6.0).abs() < 1e-9, "{}", trained.data.targets[0][0]);
    let note = "400 rows are gathered into 81 steps (every 5 minutes, mean)";
    assert!(trained.notes.iter().any(|said| said == note), "{:?}", trained.notes);
    let request = Request { file: Some(&file), ..Request::default() };
    let Ok(Predicted::Ahead { forecast, .. }) = TrainedModel::predict(&trained.forecaster, &request) else {
        panic!()
    };
    assert_eq!(forecast.labels[0], "2021-01-01 06:45:00");
    assert_eq!(forecast.targets, trained.forecaster.predict(None, None).unwrap().targets);
    for (step, message) in [
        ("0h", "resample is \"0h\"; it must be a number and s, min, h, d, w or month"),
        ("5 parsecs", "resample is \"5 parsecs\""),
        ("", "resample is \"\""),
    ] {
        config.data.resample = Some(step.into());
        let error = train(&table, &config, &mut ()).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

/// A zero has no logarithm: the network reads it as missing, the figures count it as what it is.
#[test]
fn one_zero_does_not_stop_a_model_with_logarithms() {
    let trained = airline();
    let answer = predict(&trained, "n11_one_zero_recent.csv", None).unwrap();
    assert_eq!(answer[0], "1961-01");
    let note = "column 'value': 1 value is at or below 0 and has no logarithm";
    assert!(answer.iter().any(|said| said.starts_with(note)), "{answer:?}");
    let evaluate =
        |file: &str| match trained.forecaster.evaluate_file(&path(file), Some(Missing::Ffill)).unwrap() {
            Evaluated::Forecasts { evaluation, notes, .. } => (evaluation, notes),
            other => panic!("{other:?}"),
        };
    let (with_zero, notes) = evaluate("n11_one_zero_recent.csv");
    assert!(notes.iter().any(|said| said.starts_with(note)), "{notes:?}");
    assert!(with_zero.model.overall.mae.is_finite() && with_zero.model.overall.loss.is_finite());
    let (without, _) = evaluate("z07_hole_long_ago.csv");
    assert!(with_zero.model.overall.rmse > without.model.overall.rmse, "the zero counts");
    // One that no window reaches is told where an ARIMA model remembers it.
    let text = std::fs::read_to_string(path("n11_one_zero_recent.csv")).unwrap();
    let long_ago = text.replace("1960-09,0", "1960-09,508").replace("1950-01,115", "1950-01,0");
    assert_ne!(text, long_ago);
    let table = Table::from_reader("f.csv", long_ago.as_bytes()).unwrap();
    let forecast = trained.forecaster.predict(Some(&table), None).unwrap();
    assert!(forecast.notes.iter().any(|said| said.starts_with(note)), "{:?}", forecast.notes);
    // Logarithms that were asked for meet a zero in the test part.
    let table = Table::read(path("k01_zero_in_test.csv")).unwrap();
    let mut config = small("y", Missing::Error);
    assert!(!train(&table, &config, &mut ()).unwrap().decisions.log[0]);
    config.prepare.log = Switch::On;
    let asked = train(&table, &config, &mut ()).unwrap();
    assert!(asked.notes.iter().any(|said| said.contains("has no logarithm")), "{:?}", asked.notes);
    assert!(asked.test.unwrap().model.overall.mae.is_finite());
}

/// A file that begins with missing values, with and without a way to fill holes.
#[test]
fn a_file_is_used_from_its_first_value_on() {
    let complete =
        std::fs::read_to_string(format!("{}/../../data/airline.csv", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let late = complete.replace("1949-01,112", "1949-01,").replace("1949-02,118", "1949-02,NA");
    let table = Table::from_reader("late.csv", late.as_bytes()).unwrap();
    let config = small("value", Missing::Error);
    let trained = train(&table, &config, &mut ()).unwrap();
    assert_eq!(trained.data.labels[0], "1949-03");
    let note = "the first 2 rows are left out: column 'value' has its first value in row 4 (1949-03)";
    assert!(trained.notes.iter().any(|said| said == note), "{:?}", trained.notes);
}

/// Parts of which nothing was read measure nothing, and are said to.
#[test]
fn parts_without_a_value_decide_and_measure_nothing() {
    let with_hole = |hole: std::ops::Range<usize>| {
        let rows = (0..200).map(|row| match hole.contains(&row) {
            true => "NA\n".to_owned(),
            false => format!("{}\n", 50.0 + 10.0 * (row as f64 * 0.9).sin()),
        });
        let table =
            Table::from_reader("f.csv", ("y\n".to_owned() + &rows.collect::<String>()).as_bytes()).unwrap();
        let mut config = small("y", Missing::Ffill);
        config.data.horizon = Some(7);
        train(&table, &config, &mut ()).unwrap()
    };
    // 140 rows to learn, 20 to decide, 40 to measure.
    let unseen = with_hole(140..160);
    assert!(unseen.valid.is_none() && unseen.test.is_some() && unseen.decisions.candidates.len() == 1);
    let choice = unseen.decisions.choices.iter().find(|choice| choice.name == "difference").unwrap();
    assert!(choice.reason.starts_with("every target value of the validation part is missing"), "{choice:?}");
    let note = "every target value of the validation part is missing: the last epoch was kept";
    assert!(unseen.notes.iter().any(|said| said == note), "{:?}", unseen.notes);
    let unmeasured = with_hole(160..200);
    assert!(unmeasured.test.is_none() && unmeasured.valid.is_some());
    assert!(
        unmeasured.notes.iter().any(|said| said.ends_with("40 of 40 in the test part")),
        "{:?}",
        unmeasured.notes
    );
}

/// Steps that have no row are filled in like values, and count as little.
#[test]
fn missing_steps_do_not_count() {
    let mut text = "t,y\n".to_owned();
    for row in (0..240).filter(|row| row % 11 != 5) {
        let (day, hour) = (row / 24 + 1, row % 24);
        writeln!(text, "2020-01-{day:02} {hour:02}:00,{}", 20.0 + 5.0 * (f64::from(row) * 0.26).sin())
            .unwrap();
    }
    let table = Table::from_reader("gaps.csv", text.as_bytes()).unwrap();
    let trained = train(&table, &small("y", Missing::Interpolate), &mut ()).unwrap();
    let test = trained.test.unwrap();
    let rows = test.origins.start + 1..test.origins.end + trained.decisions.horizon;
    assert_eq!(test.imputed, rows.filter(|row| row % 11 == 5).count());
    assert!(trained.forecaster.config().preprocessing.targets[0].marked);
    assert!(trained.data.targets[0].iter().enumerate().all(|(row, value)| value.is_nan() == (row % 11 == 5)));
}
