//! Timing a case, with the machine's peak beside it.

use std::time::Instant;

use serde::Serialize;
use sumun_kernels::{Machine, Path, peak_gflops};
use sumun_nn::Precision;

use super::run::Runner;
use super::{Case, Work, runner};
use crate::message::key;
use crate::{Error, Result};

/// The fewest timings of a case.
const FEWEST: usize = 5;

/// A timing takes at least so long, so that reading the clock costs nothing beside it: shorter work is repeated in it.
const SHORTEST_SECONDS: f64 = 20e-6;

/// The most timings, which are kept for the median; of a long measurement each takes longer.
const MOST: f64 = 200_000.0;

/// The longest measurement of a case, in seconds.
const LONGEST_SECONDS: f64 = 86_400.0;

/// The measurements of a case. Its fields have the names that the scripts which time other libraries use.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseTimes {
    /// Who: `sumun` and its version.
    pub peer: String,
    /// The threads of the pool that it ran on.
    pub threads: usize,
    /// The case.
    pub name: String,
    /// The shortest time of one unit of work, in milliseconds.
    pub best_ms: f64,
    /// The median time of one unit of work, in milliseconds.
    pub median_ms: f64,
    /// How many units of work were timed.
    pub runs: usize,
    /// Operations of all matrix products a second in the best time, in GFLOP/s ([`Work::products`]).
    pub gflops: f64,
    /// `gflops` as a share of `peak_gflops`.
    pub peak_share: f64,
    /// What the machine reached at most just before or after, on as many threads, in GFLOP/s.
    pub peak_gflops: f64,
    /// The least time of all products and activations at that peak ([`Work::floor_ms`]), in milliseconds.
    pub floor_ms: f64,
    /// The path of the kernels that ran, and whether it had AMX.
    pub path: &'static str,
    /// How many bits the numbers of products have: `f32`, `bf16` or `int8`.
    pub precision: &'static str,
}

/// Times a case for about `seconds` (at least five times), after two runs that are not counted, on the threads of the
/// current pool, and probes the machine's peak before and after. Errors: seconds that are no number from 0 to a day,
/// and those of [`runner`].
pub fn measure(case: &Case, seconds: f64) -> Result<CaseTimes> {
    if !(0.0..=LONGEST_SECONDS).contains(&seconds) {
        return Err(Error::setting(key("seconds"), seconds, format!("a number from 0 to {LONGEST_SECONDS}")));
    }
    let path = Path::best_for(case.precision);
    let amx = case.precision == Precision::Bf16 && Machine::from(path).uses_amx();
    let mut run = runner(case)?;
    let before = peak_gflops(path)?;
    let Times { mut each_ms, repeats } = times(&mut run, seconds)?;
    let peak_gflops = before.max(peak_gflops(path)?);
    each_ms.sort_by(f64::total_cmp);
    let best_ms = each_ms[0];
    let work = Work::of(case);
    let gflops = work.products / (best_ms * 1e6);
    Ok(CaseTimes {
        peer: concat!("sumun ", env!("CARGO_PKG_VERSION")).into(),
        threads: rayon::current_num_threads(),
        name: case.name.clone(),
        best_ms,
        median_ms: median(&each_ms),
        runs: repeats * each_ms.len(),
        gflops,
        peak_share: gflops / peak_gflops,
        peak_gflops,
        floor_ms: work.floor_ms(peak_gflops),
        path: if amx { "AVX-512+AMX" } else { path.name() },
        precision: case.precision.name(),
    })
}

struct Times {
    /// Milliseconds of a unit of work, one a timing.
    each_ms: Vec<f64>,
    /// Units of work in a timing.
    repeats: usize,
}

fn times(run: &mut Runner, seconds: f64) -> Result<Times> {
    run()?;
    let start = Instant::now();
    run()?;
    let once = start.elapsed().as_secs_f64().max(1e-9);
    let repeats = (SHORTEST_SECONDS.max(seconds / MOST) / once).ceil().max(1.0) as usize;
    let begin = Instant::now();
    let mut each_ms = Vec::new();
    while each_ms.len() < FEWEST || begin.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        for _ in 0..repeats {
            run()?;
        }
        each_ms.push(start.elapsed().as_secs_f64() * 1e3 / repeats as f64);
    }
    Ok(Times { each_ms, repeats })
}

/// The median of sorted numbers, of which there is at least one.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { (sorted[middle - 1] + sorted[middle]) / 2.0 } else { sorted[middle] }
}

#[cfg(test)]
mod tests {
    use super::super::case::tests::case;
    use super::*;

    #[test]
    fn every_kind_of_case_runs() {
        let sizes = r#""batch": 3, "steps": 4, "input": 2, "hidden": 5"#;
        for fields in [
            format!(r#""kind": "train", "cell": "rnn", {sizes}, "loss": "mse""#),
            format!(r#""kind": "train", "cell": "gru_reset_before", {sizes}, "loss": "bce", "vocab": 7"#),
            format!(
                r#""kind": "train", "cell": "lstm", {sizes}, "loss": "ce", "classes": 3, "layers": 2,
                   "bidirectional": true, "lengths": [2, 4, 1]"#
            ),
            format!(
                r#""kind": "train", "cell": "gru", {sizes}, "loss": "ce_steps", "classes": 7, "vocab": 7,
                   "lengths": [2, 4, 1]"#
            ),
            format!(
                r#""kind": "forward", "cell": "lstm", {sizes}, "bidirectional": true, "lengths": [1, 2, 3]"#
            ),
            r#""kind": "step", "cell": "lstm", "input": 2, "hidden": 5, "layers": 2"#.into(),
        ] {
            let case = case(&fields).unwrap();
            let found = measure(&case, 0.0).unwrap();
            assert!(found.runs >= FEWEST && found.best_ms <= found.median_ms, "{fields}: {found:?}");
            let times = [found.best_ms, found.gflops, found.peak_share, found.peak_gflops, found.floor_ms];
            assert!(times.iter().all(|time| time.is_finite() && *time > 0.0), "{fields}: {found:?}");
            let products = found.gflops * found.best_ms * 1e6;
            assert!((products / Work::of(&case).products - 1.0).abs() < 1e-9, "{fields}: {found:?}");
            assert_eq!((found.name.as_str(), found.path), ("c", Path::best().name()));
        }
    }

    #[test]
    fn seconds_are_checked_and_medians_are_in_the_middle() {
        let case = case(r#""kind": "step", "cell": "rnn", "input": 1, "hidden": 1"#).unwrap();
        for seconds in [-1.0, f64::NAN, f64::INFINITY, 1e9] {
            let error = measure(&case, seconds).unwrap_err().to_string();
            assert!(error.starts_with("seconds is ") && error.ends_with("from 0 to 86400"), "{error}");
        }
        assert_eq!([median(&[3.0]), median(&[1.0, 2.0]), median(&[1.0, 2.0, 9.0])], [3.0, 1.5, 2.0]);
    }
}
