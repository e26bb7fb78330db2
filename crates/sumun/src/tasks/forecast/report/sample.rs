//! For tests: a run that could have been, with every part of the page filled; no randomness but a fixed hash.

use super::*;
use crate::report::{EpochRow, LayerRow};
use crate::tasks::forecast::decisions::Choice;

/// A number in [-1, 1) that looks random and depends on `i` only (SplitMix64, Steele et al. 2014).
fn noise(i: usize) -> f64 {
    let mut z = (i as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// Hourly demand with a day, a week and weather.
fn demand(i: usize) -> f64 {
    let (hour, day) = ((i % 24) as f64, i / 24);
    let daily = -(std::f64::consts::TAU * (hour - 4.0) / 24.0).cos() * 900.0
        + (std::f64::consts::TAU * (hour - 2.0) / 12.0).sin() * 260.0;
    let weekend = if day % 7 >= 5 { -520.0 } else { 0.0 };
    let weather: f64 = (0..72).map(|k| noise(i / 6 + k + 90_000)).sum::<f64>() * 60.0;
    4700.0 + daily + weekend + weather + noise(i) * 90.0
}

fn timestamp(i: usize) -> String {
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let (mut day, hour, mut month) = (i / 24, i % 24, 0);
    while day >= lengths[month % 12] {
        day -= lengths[month % 12];
        month += 1;
    }
    format!("{}-{:02}-{:02} {hour:02}:00:00", 2014 + month / 12, month % 12 + 1, day + 1)
}

fn errors(mae: f64) -> Errors {
    Errors { mae, rmse: mae * 1.34, smape: mae / 46.0, mase: mae / 263.1 }
}

fn target(name: &str, rows: usize, horizon: usize, timed: bool) -> TargetReport {
    let actual: Vec<f64> = (0..rows).map(demand).collect();
    let (valid_start, test_start) = (rows * 4 / 10, rows * 6 / 10);
    let wrong = |i: usize| demand(i) + 130.0 * noise(i / 5 + 7) + 60.0 * noise(i + 5);
    let stretches = (test_start..rows).step_by(horizon);
    let test_forecast: Vec<Stretch> = stretches
        .map(|s| Stretch { start: s, values: (s..(s + horizon).min(rows)).map(wrong).collect() })
        .collect();
    let future: Vec<f64> = (rows..rows + horizon).map(|i| wrong(i) * 0.99).collect();
    let by_step = |first: f64, growth: f64| {
        (0..horizon).map(|h| first * (1.0 + growth * (h as f64).sqrt()) + 6.0 * noise(h)).collect()
    };
    let end = rows.saturating_sub(horizon);
    let example = |title: &str, at: usize, bias: f64| Example {
        title: title.into(),
        origin: if timed { timestamp(at - 1) } else { format!("row {}", at - 1) },
        timestamps: if timed {
            (at.saturating_sub(72)..at + horizon).map(timestamp).collect()
        } else {
            vec![]
        },
        history: (at.saturating_sub(72)..at).map(demand).collect(),
        actual: (at..at + horizon).map(demand).collect(),
        forecast: (at..at + horizon).map(|i| demand(i) + bias * (0.4 + 0.6 * noise(i / 4))).collect(),
        baseline: Some((
            "seasonal naive".into(),
            (at..at + horizon).map(|i| demand(i.saturating_sub(24))).collect(),
        )),
        mae: bias * 0.6,
    };
    let forecaster = |name: &str, test: f64, valid: f64, first: f64, growth: f64| ScoredForecaster {
        name: name.into(),
        valid: errors(valid),
        test: errors(test),
        mae_by_step: by_step(first, growth),
    };
    TargetReport {
        name: name.into(),
        unit: "MW".into(),
        model: forecaster("LSTM", 131.9, 127.4, 48.0, 0.42),
        baselines: vec![
            forecaster("naive", 612.3, 598.8, 190.0, 0.65),
            forecaster("seasonal naive", 233.1, 229.7, 222.0, 0.02),
        ],
        test_origins: rows - test_start,
        timestamps: if timed { (0..rows + horizon).map(timestamp).collect() } else { vec![] },
        first_row: 14_000,
        actual,
        valid_start,
        test_start,
        test_forecast,
        future_interval: Some(Interval {
            name: "The shade holds 80 % of the errors that the validation part had at the same step.".into(),
            low: future.iter().enumerate().map(|(i, v)| v - 60.0 - 30.0 * (i as f64).sqrt()).collect(),
            high: future.iter().enumerate().map(|(i, v)| v + 60.0 + 30.0 * (i as f64).sqrt()).collect(),
        }),
        future,
        examples: vec![
            example("Best forecast", end.saturating_sub(300).max(80), 45.0),
            example("Median forecast", end.saturating_sub(150).max(80), 210.0),
            example("Worst forecast", end.max(80), 660.0),
        ],
        residuals: (0..9000)
            .map(|i| (noise(i) + noise(i + 11_111) + noise(i + 33_333)) * 150.0 + 12.0)
            .collect(),
    }
}

/// A full run on `rows` shown rows.
pub(super) fn run(names: &[&str], rows: usize, horizon: usize, epochs: usize, timed: bool) -> ForecastReport {
    let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
    let choice = |name: &str, value: &str, reason: &str| Choice {
        name: name.into(),
        value: value.into(),
        reason: reason.into(),
    };
    let layer = |name: &str, kind: &str, output: &str, parameters| LayerRow {
        name: name.into(),
        kind: kind.into(),
        output: output.into(),
        parameters,
    };
    let split = |name: &str, rows: usize, from: usize, to: usize| SplitFacts {
        name: name.into(),
        rows,
        from: timestamp(from),
        to: timestamp(to),
    };
    ForecastReport {
        title: "Electricity demand of Victoria".into(),
        subtitle:
            "Half of a year of hourly operational demand, Australian Energy Market Operator; 24 hours ahead."
                .into(),
        created: "2026-11-21 22:04".into(),
        command: "sumun train forecast data/victoria.csv --target demand --time time --horizon 24 --seed 1"
            .into(),
        predict_command: "sumun predict runs/victoria --steps 24".into(),
        version: "0.1.0".into(),
        seed: 1,
        seconds: 112.4,
        threads: 2,
        path: "AVX-512".into(),
        parameters: 19_288,
        horizon,
        data: DataFacts {
            file: "data/victoria.csv".into(),
            rows: 17_520,
            columns: vec![
                pair("time", "time"),
                pair("demand", "target"),
                pair("온도", "feature"),
                pair("holiday", "known"),
            ],
            frequency: "1 hour".into(),
            season: Some(24),
            season_origin: "found in the training part".into(),
            splits: vec![
                split("train", 12_264, 0, 12_263),
                split("valid", 1752, 12_264, 14_015),
                split("test", 3504, 14_016, 17_519),
            ],
        },
        choices: vec![
            choice("window", "168", "a week of hours: the longest season found fits once"),
            choice(
                "season",
                "24",
                "autocorrelation .87 at 24 rows in the training part; next best 168 with .84",
            ),
            choice(
                "difference",
                "season",
                "validation MAE 127.4 against 214.0 for plain values and 180.3 for last",
            ),
            choice("log", "off", "the spread does not grow with the level (correlation .08)"),
            choice("calendar", "hour, weekday, month", "the time column is regular and covers 2 years"),
        ],
        layers: vec![
            layer("lstm", "LSTM, 64 units, 1 layer", "[N, 64]", 17_728),
            layer("dropout", "Dropout, 0.1", "[N, 64]", 0),
            layer("output", "Dense", "[N, 24]", 1560),
        ],
        loss_name: "mean squared error of scaled values".into(),
        epochs: (1..=epochs)
            .map(|e| EpochRow {
                epoch: e,
                train_loss: 0.9 * (-(e as f64) * 0.22).exp()
                    + 0.031 * (1.0 - e as f64 * 0.004)
                    + 0.001 * noise(e),
                valid_loss: 0.8 * (-(e as f64) * 0.2).exp()
                    + 0.042
                    + 0.0006 * (e as f64 - 22.0).abs()
                    + 0.003 * noise(e + 50),
                learning_rate: 0.002 * 0.5f64.powi((e / 12) as i32),
                gradient_norm: 1.8 * (-(e as f64) * 0.1).exp() + 0.3 + 0.1 * noise(e + 500),
                layer_norms: [("rnn", 1.5), ("output", 0.9)]
                    .map(|(layer, size)| {
                        (layer.into(), size * (-(e as f64) * 0.1).exp() + 0.2 + 0.05 * noise(e + 700))
                    })
                    .to_vec(),
                clipped: (0.8 - 0.05 * e as f64).max(0.0),
                figures: Vec::new(),
                seconds: 3.2 + 0.2 * noise(e),
            })
            .collect(),
        best_epoch: Some(epochs.min(24)),
        stopped_early: epochs > 24,
        targets: names.iter().map(|name| target(name, rows, horizon, timed)).collect(),
        notes: vec![
            "12 missing values of 온도 were interpolated (--missing interpolate), rows 4,211 to 4,222."
                .into(),
            "The test part holds a heat wave (January 14 to 17) unlike anything in the training part.".into(),
        ],
    }
}
