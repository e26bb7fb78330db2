//! Sample paths: whole futures, whose steps hang together as they did in the validation parts.

use sumun_nn::distribution::standard_normal_quantile;

use super::super::predict::cut;
use super::fit::Place;
use super::forecaster::PanelForecasterConfig;
use super::head::along;
use super::source::Member;
use super::templates::{FEWEST_TEMPLATES, MOST_TEMPLATES, Templates, random};
use super::view::Frame;
use crate::message::key;
use crate::model::Model;
use crate::{Error, Result};

/// How finely their probabilities are told apart.
const GRID: usize = 200;
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

impl Templates {
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
