//! What this machine can do at most: a probe to hold other figures against.

use std::hint::black_box;
use std::time::Instant;

use crate::dispatch::Kernels;
use crate::words::{Error, Path};

/// About how long a burst lasts: long beside waking a thread, short beside a time slice on a busy machine.
const BURST_SECONDS: f64 = 1e-3;

/// The probe ends after so many bursts none of which was faster than all before by a hundredth, and at the latest
/// after [`MOST_BURSTS`].
const PATIENCE: usize = 16;

/// The most bursts, so that the probe also ends on a machine whose threads never run all at once.
const MOST_BURSTS: usize = 200;

/// The most single-precision operations a second that a path reaches on this machine, in GFLOP/s, a multiply-add
/// counted as two: independent chains of multiply-adds in registers, on every thread of the current pool at once, the
/// best of bursts of about a millisecond, until 16 in a row were no better.
///
/// What a processor reaches changes with its temperature, its other threads and its neighbours, so probe beside what
/// is to be compared. The portable path multiplies and adds in two instructions, as its kernels do. Errors: a path
/// that this processor lacks, and the reference path, which has no vectors.
pub fn peak_gflops(path: Path) -> Result<f64, Error> {
    let kernels = path.kernels()?;
    let mut rounds = 1000;
    // The first bursts also wake the processor's wide units and the pool's threads.
    while burst(&kernels, rounds) < BURST_SECONDS {
        rounds *= 2;
    }
    let (mut best, mut since) = (f64::INFINITY, 0);
    for _ in 0..MOST_BURSTS {
        let seconds = burst(&kernels, rounds);
        since = if seconds < 0.99 * best { 0 } else { since + 1 };
        best = best.min(seconds);
        if since == PATIENCE {
            break;
        }
    }
    let operations = 2 * kernels.lanes * kernels.chains * rounds * rayon::current_num_threads();
    Ok(operations as f64 / best / 1e9)
}

/// Seconds of so many rounds on every thread at once.
fn burst(kernels: &Kernels, rounds: usize) -> f64 {
    let start = Instant::now();
    rayon::broadcast(|_| {
        let mut sum = 0.0;
        // SAFETY: the processor has the path's instruction set, or `kernels` would have refused.
        unsafe { (kernels.multiply_adds)(black_box(rounds), &mut sum) };
        black_box(sum);
    });
    start.elapsed().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_does_the_work_that_is_counted() {
        let mut seen = 0;
        for path in Path::ALL.into_iter().filter(|&path| path != Path::Reference && path.is_available()) {
            let kernels = path.kernels().unwrap();
            for (rounds, each) in [(0, None), (1, None), (60, Some(2.0))] {
                let mut sum = f32::NAN;
                // SAFETY: the path is available.
                unsafe { (kernels.multiply_adds)(rounds, &mut sum) };
                // v halves its distance to 2 in every round, and the chains begin at 0, 1, 2 …
                let start = |i: usize| 2.0 + (i as f32 - 2.0) / (1 << rounds.min(1)) as f32;
                let chain = |i: usize| each.unwrap_or_else(|| start(i));
                let expected = kernels.lanes as f32 * (0..kernels.chains).map(chain).sum::<f32>();
                assert_eq!(sum, expected, "{path}, {rounds} rounds");
            }
            let peak = peak_gflops(path).unwrap();
            assert!(peak.is_finite() && peak > 0.0, "{path}: {peak}");
            seen += 1;
        }
        assert!(seen > 0);
        assert!(peak_gflops(Path::Reference).is_err());
    }
}
