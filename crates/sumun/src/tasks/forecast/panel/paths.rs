//! Sample paths: whole futures, whose steps hang together as they did in the validation parts.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use sumun_nn::distribution::standard_normal_quantile;

use super::super::predict::cut;
use super::fit::Place;
use super::forecaster::PanelForecasterConfig;
use super::head::along;
use super::source::Member;
use super::view::Frame;
use crate::message::key;
use crate::model::Model;
use crate::{Error, Result};

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
/// How finely their probabilities are told apart.
const GRID: usize = 200;
/// The stream of random numbers of ties, and of paths; those from 0 on are of weights and orders.
const STREAM: u64 = u64::MAX / 2;

/// The error where sample paths of a model that forecasts one number a step are asked for.
pub(in super::super) fn without_intervals(samples: usize) -> Error {
    Error::Settings(
        key("samples").to(samples)
            + " is for models with intervals; train with "
            + key("output").to("quantiles")
            + " or a distribution",
    )
}

/// Probabilities in the middle of `count` equal parts of 0 to 1.
pub(super) fn middles(count: usize) -> Vec<f64> {
    (0..count).map(|k| (k as f64 + 0.5) / count as f64).collect()
}

fn random(seed: u64, stream: u64) -> impl FnMut() -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM - stream);
    move || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

impl Templates {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.probabilities.is_empty()
    }

    /// From windows of which everything that followed was read: `came` is what, in the unit of the series, `[places, horizon]`.
    pub(super) fn of(
        config: &PanelForecasterConfig,
        model: &Model,
        frames: &[&Frame],
        origins: &[usize],
        came: &[Option<f64>],
    ) -> Result<Self> {
        let horizon = config.view().horizon;
        let whole: Vec<usize> = (0..origins.len())
            .filter(|n| came[n * horizon..][..horizon].iter().all(Option::is_some))
            .collect();
        let stride = whole.len().div_ceil(MOST_TEMPLATES).max(1);
        let chosen: Vec<usize> = whole.into_iter().step_by(stride).collect();
        if chosen.len() < FEWEST_TEMPLATES {
            return Ok(Self::default());
        }
        let frames: Vec<&Frame> = chosen.iter().map(|&n| frames[n]).collect();
        let origins: Vec<usize> = chosen.iter().map(|&n| origins[n]).collect();
        let values = config.values_at(model, &frames, &origins, &middles(GRID))?;
        let mut random = random(config.seed, 0);
        let probabilities = chosen
            .iter()
            .zip(values.chunks_exact(horizon * GRID))
            .map(|(&n, values)| {
                let of_step = |(step, values): (usize, &[f64])| {
                    let value = came[n * horizon + step].unwrap_or(f64::NAN);
                    let below = values.partition_point(|&other| other < value);
                    let with = values.partition_point(|&other| other <= value);
                    // Of a value that has a probability of its own, such as no sale, any place in it is as good.
                    let place = below as f64 + random() * (with - below) as f64;
                    (place / GRID as f64 * 1e4).round() / 1e4
                };
                values.chunks_exact(GRID).enumerate().map(of_step).collect()
            })
            .collect();
        Ok(Self { probabilities })
    }

    /// Which of the values of each step, in rising order, each of so many paths takes: `[paths][horizon]`.
    fn ranks(&self, paths: usize, seed: u64, stream: u64) -> Vec<Vec<usize>> {
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

impl PanelForecasterConfig {
    /// So many sample paths from each of `origins`, in the unit of the series, `[places][paths][horizon]`: the same ones each time.
    /// The first place is the series `series[0]` and so on, which have paths of their own.
    pub(super) fn paths(
        &self,
        model: &Model,
        frames: &[&Frame],
        origins: &[Place],
        paths: usize,
    ) -> Result<Vec<Vec<Vec<f64>>>> {
        let levels = middles(paths);
        let horizon = self.view().horizon;
        let rows: Vec<usize> = origins.iter().map(|place| place.origin).collect();
        let mut all = Vec::with_capacity(origins.len());
        // A few places at a time: each has as many values as paths and steps.
        for (places, (frames, rows)) in
            origins.chunks(PLACES).zip(frames.chunks(PLACES).zip(rows.chunks(PLACES)))
        {
            let values = self.values_at(model, frames, rows, &levels)?;
            for (place, values) in places.iter().zip(values.chunks_exact(horizon * paths)) {
                let ranks = self.templates.ranks(paths, self.seed, place.series as u64);
                let path = |ranks: Vec<usize>| {
                    ranks.into_iter().enumerate().map(|(step, rank)| values[step * paths + rank]).collect()
                };
                all.push(ranks.into_iter().map(path).collect());
            }
        }
        Ok(all)
    }
}

/// How many places' paths are made at once.
const PLACES: usize = 64;
/// At how many probabilities the values of a path that goes on are known; between them, they follow the normal distribution.
const COARSE: usize = 20;

impl PanelForecasterConfig {
    /// Goes on with the `paths` of a series, `[paths][horizon]`, for so many horizons in all: each is taken for what came, and the next
    /// horizon is drawn from the forecast after it, a step as probable as in a validation window. Where a forecast is one number,
    /// there is one path, which goes on with it. `[paths][turns · horizon]`; `series` has random numbers of its own.
    pub(super) fn continued(
        &self,
        model: &Model,
        member: &Member,
        series: usize,
        mut paths: Vec<Vec<f64>>,
        turns: usize,
    ) -> Result<Vec<Vec<f64>>> {
        let (view, templates) = (self.view(), &self.templates.probabilities);
        let mut random = random(self.seed, u64::MAX / 4 + series as u64);
        let scores: Vec<f64> = middles(COARSE).into_iter().map(standard_normal_quantile).collect();
        let mut first = member.clone();
        cut(&mut first.source, view.rows_seen());
        let mut ends = vec![first; paths.len()];
        for turn in 1..turns {
            for (end, path) in ends.iter_mut().zip(&paths) {
                path[(turn - 1) * view.horizon..].iter().for_each(|&value| end.source.targets[0].push(value));
                end.source.rows += view.horizon;
                cut(&mut end.source, view.rows_seen());
            }
            let frames: Vec<Frame> = ends.iter().map(|end| view.frame(end)).collect();
            let frames: Vec<&Frame> = frames.iter().collect();
            let origins: Vec<usize> = ends.iter().map(|end| end.source.rows - 1).collect();
            if self.levels.is_empty() {
                let medians = self.medians(&self.forecasts(model, &frames, &origins)?);
                let of_paths = medians.chunks_exact(view.horizon);
                paths.iter_mut().zip(of_paths).for_each(|(path, more)| path.extend_from_slice(more));
                continue;
            }
            let values = self.values_at(model, &frames, &origins, &middles(COARSE))?;
            for (path, values) in paths.iter_mut().zip(values.chunks_exact(view.horizon * COARSE)) {
                let template =
                    &templates[((random() * templates.len() as f64) as usize).min(templates.len() - 1)];
                for (values, probability) in values.chunks_exact(COARSE).zip(template) {
                    let knots: Vec<(f64, f64)> = scores.iter().copied().zip(values.iter().copied()).collect();
                    // A template at the very end says no more than that it was the farthest.
                    let score = standard_normal_quantile(probability.clamp(0.002, 0.998));
                    path.push(self.possible(along(&knots, score)));
                }
            }
        }
        Ok(paths)
    }
}

/// The value with so large a share of the others below it, and as much of the way to the next as is left.
pub(super) fn quantile_of(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
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
