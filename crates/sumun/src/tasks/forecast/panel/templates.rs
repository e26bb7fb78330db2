//! How the steps of a forecast hang together, as they did in the validation parts.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// How the steps of a forecast hang together: at which probability each value of some validation windows came.
///
/// A path takes the ranks of one of them at all its steps (Clark et al. 2004, "The Schaake shuffle: a method for reconstructing
/// space–time variability in forecasted precipitation and temperature fields"), so that the values of each step are those of the
/// forecast, and a year that begins low goes on low where years did so.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Templates {
    /// Between 0 and 1, `[windows][horizon]`.
    pub probabilities: Vec<Vec<f64>>,
}

/// The most templates that a model keeps.
pub(super) const MOST_TEMPLATES: usize = 500;
/// The fewest that say something.
pub(super) const FEWEST_TEMPLATES: usize = 10;
/// The stream of random numbers of ties, and of paths; those from 0 on are of weights and orders.
const STREAM: u64 = u64::MAX / 2;

/// Random numbers between 0 and 1, without 1, of a stream of their own.
pub(super) fn random(seed: u64, stream: u64) -> impl FnMut() -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM - stream);
    move || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

impl Templates {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.probabilities.is_empty()
    }

    /// Which of the values of each step, in rising order, each of so many paths takes: `[paths][horizon]`.
    pub(super) fn ranks(&self, paths: usize, seed: u64, stream: u64) -> Vec<Vec<usize>> {
        let mut random = random(seed, 1 + stream);
        let mut below = |count: usize| ((random() * count as f64) as usize).min(count - 1);
        // As many different templates as there are, then again from the beginning.
        let mut order: Vec<usize> = (0..self.probabilities.len()).collect();
        let mut chosen: Vec<usize> = Vec::with_capacity(paths);
        while chosen.len() < paths {
            for k in (1..order.len()).rev() {
                order.swap(k, below(k + 1));
            }
            chosen.extend(order.iter().take(paths - chosen.len()));
        }
        let horizon = self.probabilities.first().map_or(0, Vec::len);
        let mut ranks = vec![vec![0; horizon]; paths];
        for step in 0..horizon {
            let mut sorted: Vec<usize> = (0..paths).collect();
            let at = |path: &usize| self.probabilities[chosen[*path]][step];
            sorted.sort_by(|a, b| at(a).total_cmp(&at(b)));
            sorted.into_iter().enumerate().for_each(|(rank, path)| ranks[path][step] = rank);
        }
        ranks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_takes_the_ranks_of_a_template() {
        // Two kinds of windows: those that begin low end high, and the other way round.
        let probabilities = (0..40)
            .map(|k| {
                let p = f64::from(k) / 40.0;
                vec![p, 1.0 - p]
            })
            .collect();
        let templates = Templates { probabilities };
        for paths in [1, 7, 40, 100] {
            let ranks = templates.ranks(paths, 3, 0);
            for step in 0..2 {
                let mut all: Vec<usize> = ranks.iter().map(|path| path[step]).collect();
                all.sort_unstable();
                assert_eq!(all, (0..paths).collect::<Vec<_>>(), "every value once");
            }
            assert!(ranks.iter().all(|path| path[0].abs_diff(paths - 1 - path[1]) <= 3), "{ranks:?}");
        }
        assert_eq!(templates.ranks(7, 3, 0), templates.ranks(7, 3, 0));
        assert_ne!(templates.ranks(7, 3, 0), templates.ranks(7, 3, 1), "other series, other paths");
        assert_ne!(templates.ranks(7, 3, 0), templates.ranks(7, 4, 0));
    }
}
