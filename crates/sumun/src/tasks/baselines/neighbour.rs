//! The label of the nearest training sequence: the baseline of the UCR archive of time series.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::guesses::{Guessed, Guesses};
use crate::report::text::count;

/// Sequences are brought to at most so many steps.
const MOST_STEPS: usize = 256;
/// So many numbers of training sequences are kept in a model file; of more, the baseline is there in the training alone.
const KEPT: usize = 1 << 17;
/// The most differences that are taken for a part.
const MOST_DIFFERENCES: u128 = 4_000_000_000;
/// The most cells of dynamic time warping, times channels.
const MOST_CELLS: u128 = 400_000_000;

/// Training sequences, all of as many steps: the median of their lengths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Neighbours {
    steps: usize,
    features: usize,
    /// `[N, steps, features]`, scaled by channel over the training part.
    values: Vec<f32>,
    labels: Guesses,
}

impl Neighbours {
    pub(super) fn of(features: usize, sequences: &[Vec<f32>], labels: Guesses) -> Self {
        let mut lengths: Vec<usize> = sequences.iter().map(|values| values.len() / features).collect();
        lengths.sort_unstable();
        let steps = lengths.get(lengths.len() / 2).copied().unwrap_or(1).clamp(1, MOST_STEPS);
        let values = sequences.iter().flat_map(|values| resampled(values, features, steps)).collect();
        Self { steps, features, values, labels }
    }

    pub(super) fn is_kept(&self) -> bool {
        self.values.len() <= KEPT
    }

    /// Steps that one sequence may be ahead of the other in dynamic time warping: a tenth (Ratanamahatana & Keogh, 2004).
    fn band(&self) -> usize {
        self.steps.div_ceil(10)
    }

    /// The labels of the nearest, by each of the distances that there is time for.
    pub(super) fn guesses(&self, sequences: &[Vec<f32>]) -> Guessed {
        let mut guessed = Guessed::default();
        let pairs = self.labels.len() as u128 * sequences.len() as u128;
        let differences = pairs * (self.steps * self.features) as u128;
        if differences > MOST_DIFFERENCES {
            guessed.notes.push(format!(
                "the nearest neighbour was left out of the baselines: {} sequences to be compared with {} of {} steps are too \
                 many",
                count(sequences.len()),
                count(self.labels.len()),
                count(self.steps)
            ));
            return guessed;
        }
        let asked: Vec<Vec<f32>> =
            sequences.par_iter().map(|values| resampled(values, self.features, self.steps)).collect();
        let nearest: Vec<usize> = asked.par_iter().map(|values| self.nearest(values).0).collect();
        guessed.models.push(("nearest neighbour, Euclidean".into(), self.labels.at(&nearest)));
        if differences * (2 * self.band() + 1) as u128 <= MOST_CELLS {
            let warped: Vec<usize> = asked.par_iter().map(|values| self.nearest_warped(values)).collect();
            guessed.models.push(("nearest neighbour, DTW (band 10 %)".into(), self.labels.at(&warped)));
        }
        guessed
    }

    fn all(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.values.chunks_exact(self.steps * self.features).enumerate()
    }

    /// Which training sequence is nearest, of equals the first, and its squared Euclidean distance.
    fn nearest(&self, asked: &[f32]) -> (usize, f32) {
        self.all().fold((0, f32::INFINITY), |best, (n, values)| {
            let distance = values.iter().zip(asked).map(|(a, b)| (a - b) * (a - b)).sum();
            if distance < best.1 { (n, distance) } else { best }
        })
    }

    /// As [`nearest`](Self::nearest), by dynamic time warping, which is never further.
    fn nearest_warped(&self, asked: &[f32]) -> usize {
        let mut best = self.nearest(asked);
        for (n, values) in self.all() {
            let distance = warped(asked, values, self.features, self.band(), best.1);
            if distance < best.1 || (distance == best.1 && n < best.0) {
                best = (n, distance);
            }
        }
        best.0
    }

    /// What does not fit, of a file.
    pub(super) fn check(&self, classes: usize, several: bool, features: usize) -> Result<(), String> {
        let each = self.steps.checked_mul(self.features).filter(|&each| each > 0);
        let fits = each.and_then(|each| each.checked_mul(self.labels.len())) == Some(self.values.len());
        let sane = match &self.labels {
            Guesses::Classes(ids) => !several && ids.iter().all(|&id| (id as usize) < classes),
            Guesses::Sets(sets) => several && sets.iter().flatten().all(|&id| (id as usize) < classes),
            Guesses::Numbers(numbers) => classes == 0 && numbers.iter().all(|number| number.is_finite()),
        };
        let finite = self.values.iter().all(|value| value.is_finite());
        match fits && sane && finite && self.features == features && self.labels.len() > 0 {
            true => Ok(()),
            false => Err(format!(
                "its baseline has {} numbers and {} labels for sequences of {} steps",
                self.values.len(),
                self.labels.len(),
                self.steps
            )),
        }
    }
}

/// A sequence `[T, features]` as one of `steps` steps, by linear interpolation.
fn resampled(values: &[f32], features: usize, steps: usize) -> Vec<f32> {
    let length = values.len() / features;
    if length == steps || length == 0 {
        let mut same = values.to_vec();
        same.resize(steps * features, 0.0);
        return same;
    }
    let stride = (length - 1) as f64 / (steps - 1).max(1) as f64;
    let step = |t: usize| {
        let at = stride * t as f64;
        let before = (at as usize).min(length - 1);
        let after = (before + 1).min(length - 1);
        let share = (at - before as f64) as f32;
        (0..features).map(move |f| {
            let (a, b) = (values[before * features + f], values[after * features + f]);
            a + share * (b - a)
        })
    };
    (0..steps).flat_map(step).collect()
}

/// The squared distance of two sequences of as many steps by dynamic time warping within a band (Sakoe & Chiba, 1978), or
/// infinity where it is more than `limit`.
fn warped(a: &[f32], b: &[f32], features: usize, band: usize, limit: f32) -> f32 {
    let steps = a.len() / features;
    let mut before = vec![f32::INFINITY; steps + 1];
    before[0] = 0.0;
    let mut row = vec![f32::INFINITY; steps + 1];
    for i in 1..=steps {
        row.fill(f32::INFINITY);
        let mut least = f32::INFINITY;
        for j in i.saturating_sub(band).max(1)..=(i + band).min(steps) {
            let (x, y) = (&a[(i - 1) * features..i * features], &b[(j - 1) * features..j * features]);
            let cost: f32 = x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum();
            row[j] = cost + before[j].min(row[j - 1]).min(before[j - 1]);
            least = least.min(row[j]);
        }
        if least > limit {
            return f32::INFINITY;
        }
        std::mem::swap(&mut before, &mut row);
    }
    before[steps]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recurrence as it is written, without a limit.
    fn plain(a: &[f32], b: &[f32], band: usize) -> f32 {
        let n = a.len();
        let mut cells = vec![vec![f32::INFINITY; n + 1]; n + 1];
        cells[0][0] = 0.0;
        for i in 1..=n {
            for j in 1..=n {
                if i.abs_diff(j) <= band {
                    let least = cells[i - 1][j].min(cells[i][j - 1]).min(cells[i - 1][j - 1]);
                    cells[i][j] = (a[i - 1] - b[j - 1]).powi(2) + least;
                }
            }
        }
        cells[n][n]
    }

    #[test]
    fn warping_is_the_recurrence_within_the_band() {
        let wave = |phase: f32| (0..30).map(|t| (t as f32 / 3.0 + phase).sin()).collect::<Vec<f32>>();
        let (a, b) = (wave(0.0), wave(0.6));
        for band in [0, 1, 3, 29] {
            let expected = plain(&a, &b, band);
            assert_eq!(warped(&a, &b, 1, band, f32::INFINITY), expected, "{band}");
            assert_eq!(warped(&a, &b, 1, band, expected / 10.0), f32::INFINITY);
        }
        assert!(plain(&a, &b, 3) < plain(&a, &b, 0));
    }

    #[test]
    fn the_nearest_has_the_label_by_either_distance() {
        // A peak at two thirds that is shifted by a step is nearer to the flat line, unless it may be warped.
        let peak = |at: usize| (0..20).map(|t| if t == at { 1.0 } else { 0.0 }).collect::<Vec<f32>>();
        let train = [peak(13), vec![0.1; 20], peak(13)];
        let learnt = Neighbours::of(1, &train, Guesses::Classes(vec![2, 0, 1]));
        let Guessed { models, notes, .. } = learnt.guesses(&[peak(14), vec![0.2; 40]]);
        assert!(notes.is_empty());
        let expected = [
            ("nearest neighbour, Euclidean".to_owned(), Guesses::Classes(vec![0, 0])),
            ("nearest neighbour, DTW (band 10 %)".to_owned(), Guesses::Classes(vec![2, 0])),
        ];
        assert_eq!(models, expected);
        let check = |classes, features| learnt.check(classes, false, features);
        assert!(check(3, 1).is_ok() && check(2, 1).is_err() && check(3, 2).is_err());
        assert!(learnt.check(3, true, 1).is_err());
        let several = Neighbours::of(1, &train, Guesses::Sets(vec![vec![0, 2], vec![], vec![1]]));
        let guesses = several.guesses(&[peak(14)]).models.remove(1).1;
        assert_eq!(guesses, Guesses::Sets(vec![vec![0, 2]]));
        assert!(several.check(3, true, 1).is_ok() && several.check(2, true, 1).is_err());
        assert!(several.check(3, false, 1).is_err());
    }

    #[test]
    fn sequences_are_brought_to_one_length() {
        assert_eq!(resampled(&[0.0, 10.0, 2.0, 30.0], 2, 3), [0.0, 10.0, 1.0, 20.0, 2.0, 30.0]);
        assert_eq!(resampled(&[5.0], 1, 3), [5.0; 3]);
        assert_eq!(resampled(&[1.0, 2.0, 3.0], 1, 1), [1.0]);
    }

    #[test]
    fn too_many_to_compare_are_left_out_with_a_note() {
        let learnt = Neighbours::of(1, &vec![vec![0.0; 256]; 4000], Guesses::Numbers(vec![0.0; 4000]));
        let Guessed { models, notes, .. } = learnt.guesses(&vec![vec![0.0; 256]; 4000]);
        assert!(
            models.is_empty() && notes[0].contains("4,000 sequences to be compared with 4,000 of 256 steps")
        );
        assert!(!learnt.is_kept());
    }
}
