//! One network as it is fitted to many series: a sample of windows an epoch, and the validation parts.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::super::config::ForecastConfig;
use super::super::fit::INFERENCE_BATCH;
use super::super::network::{KNOWN_AHEAD, Sizes, WINDOW, first_model, outputs};
use super::super::race::SCORE;
use super::super::trials::Contestant;
use super::decisions::PanelDecisions;
use super::head::Head;
use super::view::{Frame, View};
use crate::data::Split;
use crate::loss::{Loss, Targets};
use crate::model::{Feed, Model};
use crate::noise::Noise;
use crate::train::{BatchLoss, Batches, Objective, Validated};
use crate::{Layout, Parameters, Result, Rows};

/// Where a forecast begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The series, counted from 0.
    pub(super) series: usize,
    /// The row of the last known value.
    pub(super) origin: usize,
}

/// What all candidates learn from.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) frames: Vec<Frame>,
    pub(super) splits: Arc<Vec<Split>>,
    /// What the MASE of each series divides by.
    pub(super) scales: Vec<Option<f64>>,
    /// For each series that can be learnt from, its origins.
    pub(super) train: Vec<(usize, std::ops::Range<usize>)>,
    pub(super) valid: Vec<Place>,
    pub(super) test: Vec<Place>,
}

/// The fewest rows of a window that is learnt from, where a series has more.
const LEAST_WINDOW: usize = 4;

impl Data {
    /// At most so many `forecasts` measure a part.
    pub(super) fn new(
        frames: Vec<Frame>,
        splits: Arc<Vec<Split>>,
        scales: Vec<Option<f64>>,
        horizon: usize,
        forecasts: usize,
    ) -> Self {
        let origins = |split: &Split| {
            // The last origins look beyond the training part; what lies there is left out.
            let end = split.train.end.saturating_sub(1);
            LEAST_WINDOW.saturating_sub(1).min(end)..end
        };
        let train = splits.iter().enumerate().map(|(series, split)| (series, origins(split)));
        let train = train.filter(|(_, origins)| !origins.is_empty()).collect();
        let part = |of: &dyn Fn(&Split) -> std::ops::Range<usize>| {
            let all: Vec<Place> = splits
                .iter()
                .enumerate()
                .flat_map(|(series, split)| {
                    let part = of(split);
                    let first = part.start.max(1) - 1;
                    let last = part.end.saturating_sub(horizon);
                    (first..last.max(first)).map(move |origin| Place { series, origin })
                })
                .collect();
            let stride = all.len().div_ceil(forecasts).max(1);
            all.into_iter().step_by(stride).collect::<Vec<_>>()
        };
        let valid = part(&|split| split.valid.clone());
        let test = part(&|split| split.test.clone());
        Self { frames, splits, scales, train, valid, test }
    }
}

/// What a network reads at these origins, of the first frame at the first.
fn feed(view: &View, frames: &[&Frame], origins: &[usize]) -> Result<Feed<'static>> {
    let feed = Feed::new().rows(WINDOW, windows(view, frames, origins)?);
    Ok(match known_ahead(view, frames, origins)? {
        Some(rows) => feed.rows(KNOWN_AHEAD, rows),
        None => feed,
    })
}

/// The windows that end at these origins, of different lengths where series begin.
pub(super) fn windows(view: &View, frames: &[&Frame], origins: &[usize]) -> Result<Rows> {
    let width = view.input_width();
    let (mut rows, mut lengths) = (Vec::new(), Vec::with_capacity(origins.len()));
    let mut starts = Vec::with_capacity(origins.len());
    for (frame, &origin) in frames.iter().zip(origins) {
        starts.push(rows.len());
        lengths.push(view.window(frame, origin, &mut rows));
    }
    let time = lengths.iter().copied().max().unwrap_or(0);
    let layout = Layout::ragged(&lengths, time)?;
    let mut padded = vec![0.0; origins.len() * time * width];
    for ((to, &start), &length) in padded.chunks_exact_mut((time * width).max(1)).zip(&starts).zip(&lengths) {
        to[..length * width].copy_from_slice(&rows[start..start + length * width]);
    }
    Rows::pack(&padded, width, layout)
}

/// What is known ahead of these origins; `None` where nothing is.
pub(super) fn known_ahead(view: &View, frames: &[&Frame], origins: &[usize]) -> Result<Option<Rows>> {
    let width = view.ahead_width();
    if width == 0 {
        return Ok(None);
    }
    let mut ahead = Vec::with_capacity(origins.len() * view.horizon * width);
    for (frame, &origin) in frames.iter().zip(origins) {
        view.ahead(frame, origin, &mut ahead);
    }
    Rows::pack(&ahead, width, Layout::full(origins.len(), view.horizon)?).map(Some)
}

/// A network that is being fitted.
#[derive(Debug)]
pub(in super::super) struct Fitting {
    view: View,
    sizes: Sizes,
    data: Arc<Data>,
    model: Model,
    loss: Loss,
    head: Head,
    batches: Batches,
    seed: u64,
    /// The most origins of an epoch that one series can have; every origin where that is not less.
    sampled: bool,
    /// An epoch and its places in their order.
    order: (usize, Vec<Place>),
}

impl Fitting {
    /// A network before its first step. Errors: one that is too large, and no windows to learn from.
    pub(super) fn new(
        view: View,
        sizes: Sizes,
        data: Arc<Data>,
        asked: &ForecastConfig,
        decisions: &PanelDecisions,
        seed: u64,
    ) -> Result<Self> {
        let model = first_model(&asked.network, sizes, seed)?;
        let batches = Batches::new(decisions.examples, decisions.batch, seed)?;
        let head = decisions.head();
        let loss = head.loss(asked)?;
        let windows: usize = data.train.iter().map(|(_, origins)| origins.len()).sum();
        let sampled = decisions.examples < windows;
        let mut fitting =
            Self { view, sizes, data, model, loss, head, batches, seed, sampled, order: (0, Vec::new()) };
        fitting.order = (0, fitting.places(0));
        Ok(fitting)
    }

    /// The places of epoch `epoch`: all in a new order, or a sample, in which each series has as many as any other.
    fn places(&self, epoch: usize) -> Vec<Place> {
        let order = self.batches.order(epoch);
        let train = &self.data.train;
        if !self.sampled {
            let all: Vec<Place> = train
                .iter()
                .flat_map(|(series, origins)| origins.clone().map(|origin| Place { series: *series, origin }))
                .collect();
            return order.into_iter().map(|k| all[k]).collect();
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        // The streams from 0 on are those of weights and orders.
        rng.set_stream(u64::MAX - epoch as u64);
        let mut below = |count: usize| ((u128::from(rng.next_u64()) * count as u128) >> 64) as usize;
        // The k-th example is one of the k-th series, in turn, so that the order of the epoch mixes them.
        let drawn: Vec<Place> = (0..order.len())
            .map(|k| {
                let (series, origins) = &train[k % train.len()];
                Place { series: *series, origin: origins.start + below(origins.len()) }
            })
            .collect();
        order.into_iter().map(|k| drawn[k]).collect()
    }

    fn frames<'a>(&'a self, places: &[Place]) -> (Vec<&'a Frame>, Vec<usize>) {
        places.iter().map(|place| (&self.data.frames[place.series], place.origin)).unzip()
    }

    /// The answers of the network at `places` that lie before row `end` of their series: which outputs they are of, and what
    /// the loss compares these with.
    fn answers(&self, places: &[Place], end: impl Fn(&Place) -> usize) -> (Vec<usize>, Vec<f32>) {
        let (mut steps, mut answers) = (Vec::new(), Vec::new());
        for (n, place) in places.iter().enumerate() {
            let frame = &self.data.frames[place.series];
            let most = end(place).saturating_sub(place.origin + 1);
            let ahead = 1..=self.view.horizon.min(most);
            let place_of = |step: usize| n * self.view.horizon + step - 1;
            if self.head.of_counts().is_some() {
                let scale = self.view.count_scale(frame, place.origin) as f32;
                for step in ahead.filter(|step| frame.values.is_observed(place.origin + step)) {
                    answers.extend([frame.values[place.origin + step] as f32, scale]);
                    steps.push(place_of(step));
                }
                continue;
            }
            // Once for all steps: it looks at the whole window.
            let scale = self.view.scale(frame, place.origin);
            for step in ahead {
                if let Some(answer) = self.view.answer(frame, place.origin, step, scale) {
                    answers.push(answer);
                    steps.push(place_of(step));
                }
            }
        }
        (steps, answers)
    }

    /// The outputs at the steps, `[steps, width]`.
    fn at(&self, y: &[f32], steps: &[usize]) -> Vec<f32> {
        let count = self.sizes.targets;
        steps.iter().flat_map(|&step| y[step * count..][..count].iter().copied()).collect()
    }

    /// The network's outputs at places, in chunks: `each` is given a chunk and its outputs `[chunk, horizon, width]`.
    fn chunks(&self, places: &[Place], mut each: impl FnMut(&[Place], &[f32]) -> Result<()>) -> Result<()> {
        for chunk in places.chunks(INFERENCE_BATCH) {
            let (frames, origins) = self.frames(chunk);
            let out = self.model.forward(feed(&self.view, &frames, &origins)?)?;
            each(chunk, &outputs(&out, self.sizes, chunk.len())?)?;
        }
        Ok(())
    }

    /// The mean loss of the validation parts, and the z of the head's quantiles there, `[places, horizon, levels]`.
    fn valid_loss(&self, head: &Head) -> Result<(f64, Vec<f64>)> {
        let (mut sum, mut weight) = (0.0, 0.0);
        let mut z = Vec::new();
        self.chunks(&self.data.valid, |chunk, y| {
            let end = |place: &Place| self.data.splits[place.series].valid.end;
            let (steps, answers) = self.answers(chunk, end);
            if !answers.is_empty() {
                let loss =
                    self.loss.value_and_gradient(&self.at(y, &steps), Targets::Values(&answers), None)?;
                sum += loss * steps.len() as f64;
                weight += steps.len() as f64;
            }
            for (place, y) in chunk.iter().zip(y.chunks_exact(head.width() * self.view.horizon)) {
                let frame = &self.data.frames[place.series];
                self.view.forecast(frame, place.origin, (head, y), head.levels(), &mut z);
            }
            Ok(())
        })?;
        Ok((sum / weight, z))
    }
}

impl Objective for Fitting {
    fn parameters(&self) -> &Parameters {
        self.model.parameters()
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        self.model.parameters_mut()
    }

    fn steps_per_epoch(&self) -> usize {
        self.batches.per_epoch()
    }

    fn batch(&mut self, epoch: usize, step: usize, noise: Noise) -> Result<BatchLoss> {
        if self.order.0 != epoch {
            self.order = (epoch, self.places(epoch));
        }
        let first = step * self.batches.size();
        let last = self.order.1.len().min(first + self.batches.size());
        let places = self.order.1[first..last].to_vec();
        let (frames, origins) = self.frames(&places);
        let feed = feed(&self.view, &frames, &origins)?;
        let (out, cache) = self.model.forward_train(feed, noise)?;
        let y = outputs(&out, self.sizes, places.len())?;
        let end = |place: &Place| self.data.splits[place.series].train.end;
        let (steps, answers) = self.answers(&places, end);
        let mut d = vec![0.0; y.len()];
        let mut loss = 0.0;
        if !answers.is_empty() {
            let count = self.sizes.targets;
            let mut gradient = vec![0.0; steps.len() * count];
            let at = self.at(&y, &steps);
            loss = self.loss.value_and_gradient(&at, Targets::Values(&answers), Some(&mut gradient))?;
            for (&step, gradient) in steps.iter().zip(gradient.chunks_exact(count)) {
                d[step * count..][..count].copy_from_slice(gradient);
            }
        }
        let rows = origins.iter().map(|origin| (origin + 1).min(self.view.window)).sum();
        self.model.backward(cache, Rows::pack(&d, out.features, out.layout.clone())?)?;
        Ok(BatchLoss { loss, weight: steps.len() as f64, rows })
    }

    fn validate(&mut self) -> Result<Option<Validated>> {
        if self.data.valid.is_empty() {
            return Ok(None);
        }
        let (loss, z) = self.valid_loss(&self.head.middle())?;
        let score = self.valid_score(&z).unwrap_or(f64::NAN);
        Ok(Some(Validated { watched: loss, loss, figures: vec![(SCORE, score)] }))
    }
}

impl Contestant for Fitting {
    fn examples(&self) -> usize {
        self.order.1.len()
    }

    /// The z of every quantile, `[places, horizon, quantiles]`: all candidates have the same z.
    fn valid_forecasts(&self) -> Result<Option<Vec<f64>>> {
        if self.data.valid.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.valid_loss(&self.head)?.1))
    }

    /// The mean over the series of the MASE of the medians; of the MAE where no series has a scale.
    fn valid_score(&self, forecasts: &[f64]) -> Option<f64> {
        let (data, horizon) = (&self.data, self.view.horizon);
        // Of each step its quantiles, or the median alone.
        let count = forecasts.len() / (data.valid.len() * horizon).max(1);
        let scaled = data.scales.iter().any(Option::is_some);
        let mut errors: Vec<(f64, usize)> = vec![(0.0, 0); data.frames.len()];
        for (place, z) in data.valid.iter().zip(forecasts.chunks_exact((horizon * count).max(1))) {
            let frame = &data.frames[place.series];
            let scale = data.scales[place.series];
            if scaled && scale.is_none() {
                continue;
            }
            for (h, z) in z.chunks_exact(count).enumerate() {
                let row = place.origin + 1 + h;
                if frame.values.is_observed(row) {
                    let error = (frame.values[row] - self.view.bounded(z[count / 2])).abs();
                    let (sum, many) = &mut errors[place.series];
                    *sum += error / scale.unwrap_or(1.0);
                    *many += 1;
                }
            }
        }
        let means: Vec<f64> =
            errors.into_iter().filter(|(_, many)| *many > 0).map(|(sum, many)| sum / many as f64).collect();
        (!means.is_empty()).then(|| means.iter().sum::<f64>() / means.len() as f64)
    }
}
