//! Exponential smoothing and Theta against what statsmodels computed.

use sumun_testing::{Golden, golden_files};

use super::ets::Trend;
use super::smoothing::{Gains, State};
use super::*;

#[test]
fn the_same_numbers_as_statsmodels() {
    let mut kinds = [0; 3];
    for path in golden_files("statsmodels") {
        let golden = Golden::load(&path);
        let (name, case) = (&golden.name, &golden.case);
        let reals = |tensor: &str| golden.tensor(tensor).reals::<f64>();
        let number = |key: &str| case[key].as_f64().unwrap();
        let near = |what: &str, got: &[f64], want: &[f64]| {
            assert_eq!(got.len(), want.len(), "{name}");
            for (i, (g, w)) in got.iter().zip(want).enumerate() {
                assert!((g - w).abs() <= 1e-7 + 1e-8 * w.abs(), "{name}: {what} {i} is {g}, not {w}");
            }
        };
        let (y, period) = (reals("y"), golden.size("period"));
        let series = Observed::all(&y);
        match golden.word("kind").unwrap() {
            "smoothing" => {
                kinds[0] += 1;
                let gains = Gains {
                    level: number("alpha"),
                    slope: number("beta"),
                    damping: number("phi"),
                    season: number("gamma"),
                };
                let mut state = State::new(reals("level")[0], reals("slope")[0], reals("season"));
                let errors: Vec<f64> = y.iter().map(|&y| gains.step(&mut state, Some(y))).collect();
                near("error", &errors, &reals("errors"));
                let mut ahead = [0.0; 12];
                gains.ahead(&state, &mut ahead);
                near("forecast", &ahead, &reals("forecast"));
            }
            "fit" => {
                kinds[1] += 1;
                let trend = match golden.word("trend").unwrap() {
                    "none" => Trend::None,
                    "straight" => Trend::Straight,
                    _ => Trend::Damped,
                };
                let (fitted, squares) = Ets::fitted(series, 0..y.len(), trend, period, 1).unwrap();
                let most = reals("squares")[0];
                assert!(squares <= 1.001 * most, "{name}: {squares} is more than {most}: {fitted:?}");
            }
            _ => {
                kinds[2] += 1;
                let multiplied = golden.flag("multiplied");
                let theta = Theta { alpha: number("alpha"), drift: number("drift"), period, multiplied };
                let ahead = theta.forecasts(series, 0..y.len(), y.len() - 1..y.len(), 12);
                near("forecast", &ahead, &reals("forecast"));
            }
        }
    }
    assert_eq!(kinds, [5, 5, 3], "all files were looked at");
}
