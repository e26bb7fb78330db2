//! One network as it is fitted: its shuffled mini-batches, and its validation part.

use std::ops::Range;

use super::config::ForecastConfig;
use super::decisions::Decisions;
use super::network::{Sizes, feed, first_model, outputs};
use super::preprocessing::{Frame, Preprocessing};
use super::race::SCORE;
use super::trials::Contestant;
use crate::loss::{Loss, Targets};
use crate::model::Model;
use crate::noise::Noise;
use crate::train::{BatchLoss, Batches, Objective, Validated};
use crate::{Parameters, Result, Rows};

/// What a network is fitted to.
#[derive(Debug)]
pub(crate) struct Material {
    pub(crate) preprocessing: Preprocessing,
    pub(crate) frame: Frame,
    /// Origins whose targets all lie in the training part, less those with nothing to compare a forecast with: every value
    /// ahead of them was filled in.
    pub(crate) train: Vec<usize>,
    /// The rows of the validation part; may be empty.
    pub(crate) valid: Range<usize>,
    /// The rows that the candidate which needs most of them needs before a forecast: so that all are compared at the same
    /// places.
    pub(crate) rows_needed: usize,
}

/// Windows that are forecast at once where no gradient is needed.
pub(crate) const INFERENCE_BATCH: usize = 256;

/// The outputs at `origins`, `[N, horizon, C]`.
pub(crate) fn network_outputs(
    model: &Model,
    preprocessing: &Preprocessing,
    frame: &Frame,
    origins: Range<usize>,
) -> Result<Vec<f32>> {
    let origins: Vec<usize> = origins.collect();
    let mut all = Vec::with_capacity(origins.len() * preprocessing.horizon * preprocessing.targets.len());
    for origins in origins.chunks(INFERENCE_BATCH) {
        let out = model.forward(feed(preprocessing, frame, origins)?)?;
        all.extend(outputs(&out, Sizes::of(preprocessing), origins.len())?);
    }
    Ok(all)
}

/// The validation part as early stopping sees it: every forecast value that lies in it, also of forecasts that begin
/// before it or end after it. The few origins whose whole horizon fits are too few to decide on in a short series.
#[derive(Debug)]
struct Validation {
    origins: Range<usize>,
    /// Places in `[origins, horizon, C]` that lie in the part and whose value was read.
    places: Vec<usize>,
    /// Those of them that the network can be compared with.
    answerable: Vec<usize>,
    /// What the network should return there.
    targets: Vec<f32>,
}

impl Validation {
    fn new(material: &Material) -> Option<Self> {
        let Material { preprocessing: p, frame, valid, rows_needed, .. } = material;
        let rows = frame.values.first().map_or(0, |values| values.len());
        // A forecast that would need to know more than the file holds of the steps ahead is left out.
        let end = valid.end.saturating_sub(1).min(rows.saturating_sub(p.horizon));
        let origins = valid.start.saturating_sub(p.horizon).max(rows_needed - 1)..end;
        let origins_list: Vec<usize> = origins.clone().collect();
        let all = p.outputs(frame, &origins_list);
        let count = p.targets.len();
        let row = |place: usize| {
            let (n, step) = (place / (p.horizon * count), place / count % p.horizon);
            origins.start + n + 1 + step
        };
        let in_part = (0..all.len()).filter(|&k| valid.contains(&row(k)));
        let places: Vec<usize> = in_part.filter(|&k| frame.is_observed(k % count, row(k))).collect();
        let answerable: Vec<usize> =
            places.iter().copied().filter(|&k| frame.is_answerable(k % count, row(k))).collect();
        let targets = answerable.iter().map(|&k| all[k]).collect();
        (!answerable.is_empty()).then_some(Self { origins, places, answerable, targets })
    }

    /// The network's outputs at its origins.
    fn outputs(&self, model: &Model, material: &Material) -> Result<Vec<f32>> {
        network_outputs(model, &material.preprocessing, &material.frame, self.origins.clone())
    }

    fn loss(&self, all: &[f32], loss: &Loss) -> Result<f64> {
        let prediction: Vec<f32> = self.answerable.iter().map(|&k| all[k]).collect();
        loss.value_and_gradient(&prediction, Targets::Values(&self.targets), None)
    }

    /// The forecasts at its places, in the units of the targets, from such outputs.
    fn forecasts(&self, all: &[f32], material: &Material) -> Vec<f64> {
        let (p, frame) = (&material.preprocessing, &material.frame);
        let per_origin = p.horizon * p.targets.len();
        let mut forecasts = vec![0.0; all.len()];
        for (n, origin) in self.origins.clone().enumerate() {
            let place = n * per_origin..(n + 1) * per_origin;
            p.forecast(frame, origin, &all[place.clone()], &mut forecasts[place]);
        }
        self.places.iter().map(|&place| forecasts[place]).collect()
    }

    /// What candidates are compared by: it does not depend on how they scale and what they subtract.
    fn score(&self, forecasts: &[f64], material: &Material) -> f64 {
        let (p, frame) = (&material.preprocessing, &material.frame);
        let (count, per_origin) = (p.targets.len(), p.horizon * p.targets.len());
        let mut sum = 0.0;
        for (&place, forecast) in self.places.iter().zip(forecasts) {
            let row = self.origins.start + place / per_origin + 1 + place / count % p.horizon;
            let target = place % count;
            let error = (forecast - frame.values[target][row]).abs();
            sum += error / p.targets[target].mase_scale.unwrap_or(1.0);
        }
        sum / self.places.len() as f64
    }
}

/// A network that is being fitted.
#[derive(Debug)]
pub(crate) struct Fitting {
    pub(crate) material: Material,
    pub(crate) model: Model,
    loss: Loss,
    batches: Batches,
    /// An epoch and its order.
    order: (usize, Vec<usize>),
    validation: Option<Validation>,
}

impl Fitting {
    /// A network before its first step. Errors: one that is too large, and no windows to learn from.
    pub(crate) fn new(
        material: Material,
        asked: &ForecastConfig,
        decisions: &Decisions,
        seed: u64,
    ) -> Result<Self> {
        let Material { preprocessing, train, .. } = &material;
        let model = first_model(&asked.network, Sizes::of(preprocessing), seed)?;
        let batches = Batches::new(train.len(), decisions.batch, seed)?;
        let validation = Validation::new(&material);
        let order = (0, batches.order(0));
        let loss = asked.loss()?;
        Ok(Self { material, model, loss, batches, order, validation })
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
            self.order = (epoch, self.batches.order(epoch));
        }
        let Material { preprocessing, frame, train, .. } = &self.material;
        let first = step * self.batches.size();
        let batch = &self.order.1[first..self.order.1.len().min(first + self.batches.size())];
        let origins: Vec<usize> = batch.iter().map(|&k| train[k]).collect();
        let targets = preprocessing.outputs(frame, &origins);
        let (out, cache) = self.model.forward_train(feed(preprocessing, frame, &origins)?, noise)?;
        let y = outputs(&out, Sizes::of(preprocessing), origins.len())?;
        let mut d = vec![0.0; y.len()];
        let (loss, counted) = match preprocessing.answerable(frame, &origins) {
            None => (self.loss.value_and_gradient(&y, Targets::Values(&targets), Some(&mut d))?, y.len()),
            Some(places) => {
                // A value that was filled in has no gradient.
                let of = |all: &[f32]| places.iter().map(|&place| all[place]).collect::<Vec<f32>>();
                let mut gradient = vec![0.0; places.len()];
                let loss = self.loss.value_and_gradient(
                    &of(&y),
                    Targets::Values(&of(&targets)),
                    Some(&mut gradient),
                )?;
                places.iter().zip(gradient).for_each(|(&place, g)| d[place] = g);
                (loss, places.len())
            }
        };
        self.model.backward(cache, Rows::pack(&d, out.features, out.layout.clone())?)?;
        let per_origin = (preprocessing.horizon * preprocessing.targets.len()) as f64;
        Ok(BatchLoss {
            loss,
            weight: counted as f64 / per_origin,
            rows: origins.len() * preprocessing.window,
        })
    }

    fn validate(&mut self) -> Result<Option<Validated>> {
        let Some(validation) = &self.validation else { return Ok(None) };
        let outputs = validation.outputs(&self.model, &self.material)?;
        let loss = validation.loss(&outputs, &self.loss)?;
        let score = validation.score(&validation.forecasts(&outputs, &self.material), &self.material);
        Ok(Some(Validated { watched: loss, loss, figures: vec![(SCORE, score)] }))
    }
}

impl Contestant for Fitting {
    fn examples(&self) -> usize {
        self.material.train.len()
    }

    fn valid_forecasts(&self) -> Result<Option<Vec<f64>>> {
        let Some(part) = &self.validation else { return Ok(None) };
        Ok(Some(part.forecasts(&part.outputs(&self.model, &self.material)?, &self.material)))
    }

    /// The mean over the targets of the validation MAE over the MASE's scale.
    fn valid_score(&self, forecasts: &[f64]) -> Option<f64> {
        self.validation.as_ref().map(|part| part.score(forecasts, &self.material))
    }
}
