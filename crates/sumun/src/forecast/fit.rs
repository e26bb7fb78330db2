//! Fitting one network: shuffled mini-batches, clipping, a schedule, and early stopping that keeps the best weights.

use std::ops::Range;
use std::time::Instant;

use super::net::{Net, NetConfig};
use super::options::{LearningRate, Resolved};
use super::preprocessing::{Frame, Preprocessing};
use super::progress::{EpochEnd, EpochRecord, Progress, Stage};
use crate::loss::Targets;
use crate::noise::Noise;
use crate::train::{Batches, EarlyStopping, Optimizer, Schedule, ScheduleConfig, Verdict};
use crate::{Error, Parameters, Result};

/// What a network is fitted to.
pub(crate) struct Material<'a> {
    pub(crate) preprocessing: &'a Preprocessing,
    pub(crate) frame: &'a Frame,
    /// Origins whose targets all lie in the training part.
    pub(crate) train: Range<usize>,
    /// The rows of the validation part; may be empty.
    pub(crate) valid: Range<usize>,
}

/// A fitted network with its best weights.
pub(crate) struct Fitted {
    pub(crate) net: Net,
    pub(crate) parameters: Parameters,
    pub(crate) epochs: Vec<EpochRecord>,
    pub(crate) best_epoch: usize,
    pub(crate) stopped_early: bool,
    /// The mean over the targets of the validation MAE over the MASE's scale; `None` without a validation part.
    pub(crate) valid_score: Option<f64>,
    pub(crate) seconds: f64,
}

/// Windows that are forecast at once where no gradient is needed.
const INFERENCE_BATCH: usize = 256;

/// The answers at `origins`, `[N, horizon, C]`.
pub(crate) fn answers(
    net: &Net,
    parameters: &Parameters,
    preprocessing: &Preprocessing,
    frame: &Frame,
    origins: Range<usize>,
) -> Result<Vec<f32>> {
    let origins: Vec<usize> = origins.collect();
    let mut all = Vec::with_capacity(origins.len() * preprocessing.horizon * preprocessing.targets.len());
    for origins in origins.chunks(INFERENCE_BATCH) {
        let (window, ahead) = (preprocessing.windows(frame, origins), preprocessing.ahead(frame, origins));
        let (x, ahead) = net.rows(window, ahead, origins.len())?;
        all.extend(net.forward(parameters, x, ahead)?);
    }
    Ok(all)
}

/// The validation part as early stopping sees it: every forecast value that lies in it, also of forecasts that begin
/// before it or end after it. The few origins whose whole horizon fits are too few to decide on in a short series.
struct Validation {
    origins: Range<usize>,
    /// Places in `[origins, horizon, C]` that lie in the part.
    places: Vec<usize>,
    /// What the network should answer there.
    targets: Vec<f32>,
}

impl Validation {
    fn new(material: &Material<'_>) -> Option<Self> {
        let Material { preprocessing: p, frame, valid, .. } = material;
        let rows = frame.values.first().map_or(0, Vec::len);
        // A forecast that would need to know more than the file holds of the steps ahead is left out.
        let end = valid.end.saturating_sub(1).min(rows.saturating_sub(p.horizon));
        let origins = valid.start.saturating_sub(p.horizon).max(p.rows_needed() - 1)..end;
        let origins_list: Vec<usize> = origins.clone().collect();
        let all = p.answers(frame, &origins_list);
        let count = p.targets.len();
        let row = |place: usize| {
            let (n, step) = (place / (p.horizon * count), place / count % p.horizon);
            origins.start + n + 1 + step
        };
        let places: Vec<usize> = (0..all.len()).filter(|&k| valid.contains(&row(k))).collect();
        let targets = places.iter().map(|&k| all[k]).collect();
        (!places.is_empty()).then_some(Self { origins, places, targets })
    }

    fn loss(
        &self,
        net: &Net,
        parameters: &Parameters,
        material: &Material<'_>,
        run: &Resolved,
    ) -> Result<f64> {
        let all = answers(net, parameters, material.preprocessing, material.frame, self.origins.clone())?;
        let prediction: Vec<f32> = self.places.iter().map(|&k| all[k]).collect();
        run.loss.value_and_gradient(&prediction, Targets::Values(&self.targets), None)
    }

    /// What candidates are compared by: it does not depend on how they scale and what they subtract.
    fn score(&self, net: &Net, parameters: &Parameters, material: &Material<'_>) -> Result<f64> {
        let (p, frame) = (material.preprocessing, material.frame);
        let all = answers(net, parameters, p, frame, self.origins.clone())?;
        let (count, per_origin) = (p.targets.len(), p.horizon * p.targets.len());
        let mut forecasts = vec![0.0; all.len()];
        for (n, origin) in self.origins.clone().enumerate() {
            let place = n * per_origin..(n + 1) * per_origin;
            p.forecast(frame, origin, &all[place.clone()], &mut forecasts[place]);
        }
        let mut sum = 0.0;
        for &place in &self.places {
            let row = self.origins.start + place / per_origin + 1 + place / count % p.horizon;
            let target = place % count;
            let error = (forecasts[place] - frame.values[target][row]).abs();
            sum += error / p.targets[target].mase_scale.unwrap_or(1.0);
        }
        Ok(sum / self.places.len() as f64)
    }
}

/// The schedule that `run` asks for, over `steps` optimizer steps in all.
fn schedule(run: &Resolved, steps: usize) -> Result<Schedule> {
    let config = match run.schedule {
        LearningRate::Constant => ScheduleConfig::Constant,
        LearningRate::Step => ScheduleConfig::Step { every: run.epochs.div_ceil(3), factor: 0.1 },
        LearningRate::Cosine => {
            ScheduleConfig::Cosine { warmup: 0, total: steps as u64, floor: 0.01 * run.lr }
        }
        LearningRate::Plateau => ScheduleConfig::Plateau {
            factor: 0.5,
            patience: run.patience / 3,
            threshold: 1e-4,
            cooldown: 0,
            min_rate: 0.0,
        },
    };
    Schedule::new(config, run.lr)
}

/// Fits a network. `stage` names the candidate in what is told to `progress`. Error: a loss that is not finite.
pub(crate) fn fit(
    material: &Material<'_>,
    run: &Resolved,
    stage: &Stage,
    progress: &mut dyn Progress,
) -> Result<Fitted> {
    let begun = Instant::now();
    let Material { preprocessing, frame, train, .. } = material;
    let config = NetConfig {
        cell: run.cell,
        input: preprocessing.input_width(),
        hidden: run.hidden,
        layers: run.layers,
        bidirectional: run.bidirectional,
        dropout: run.dropout,
        ahead: preprocessing.ahead_width(),
        horizon: run.horizon,
        targets: preprocessing.targets.len(),
    };
    let (net, mut parameters) = Net::new(config, run.seed)?;
    let batches = Batches::new(train.len(), run.batch, run.seed)?;
    let mut schedule = schedule(run, run.epochs.saturating_mul(batches.per_epoch()))?;
    let mut optimizer = Optimizer::new(run.optimizer, &parameters)?;
    let validation = Validation::new(material);
    let mut stopping = EarlyStopping::new(Some(run.patience), 0.0)?;
    let mut epochs: Vec<EpochRecord> = Vec::new();
    let mut stopped_early = false;
    let mut step = 0_u64;
    let mut d = Vec::new();
    // Only what is accepted is announced.
    progress.stage(stage);
    for epoch in 0..run.epochs {
        let epoch_begun = Instant::now();
        let (mut loss_sum, mut norm_sum, mut rate) = (0.0, 0.0, run.lr);
        for batch in batches.order(epoch).chunks(batches.size()) {
            let origins: Vec<usize> = batch.iter().map(|k| train.start + k).collect();
            let (window, ahead) =
                (preprocessing.windows(frame, &origins), preprocessing.ahead(frame, &origins));
            let targets = preprocessing.answers(frame, &origins);
            let (x, ahead) = net.rows(window, ahead, origins.len())?;
            let noise = Noise { seed: run.seed, step, layer: 0 };
            let (y, cache) = net.forward_train(&parameters, x, ahead, noise)?;
            d.resize(y.len(), 0.0);
            let loss = run.loss.value_and_gradient(&y, Targets::Values(&targets), Some(&mut d))?;
            rate = schedule.rate(step, epoch);
            let diverged =
                |loss| Error::Diverged { loss, step: step + 1, epoch: epoch + 1, learning_rate: rate };
            if !loss.is_finite() {
                return Err(diverged(loss));
            }
            parameters.zero_gradients();
            net.backward(&mut parameters, cache, std::mem::take(&mut d))?;
            let clipped = run.clip.apply(&mut parameters)?;
            if !clipped.norm.is_finite() {
                // The weights would be lost with this step, and the next loss would only say so later.
                return Err(diverged(clipped.norm));
            }
            optimizer.step(&mut parameters, rate, clipped.gradient_scale)?;
            loss_sum += loss * origins.len() as f64;
            norm_sum += clipped.norm;
            step += 1;
        }
        let train_seconds = epoch_begun.elapsed().as_secs_f64();
        let valid_loss = match &validation {
            Some(validation) => Some(validation.loss(&net, &parameters, material, run)?),
            None => None,
        };
        if let Some(loss) = valid_loss.filter(|loss| !loss.is_finite()) {
            return Err(Error::Diverged { loss, step, epoch: epoch + 1, learning_rate: rate });
        }
        let train_loss = loss_sum / train.len() as f64;
        let record = EpochRecord {
            epoch: epoch + 1,
            train_loss,
            valid_loss,
            learning_rate: rate,
            gradient_norm: norm_sum / batches.per_epoch() as f64,
            rows_per_second: (train.len() * preprocessing.window) as f64 / train_seconds.max(1e-9),
            seconds: epoch_begun.elapsed().as_secs_f64(),
        };
        schedule.end_epoch(valid_loss.unwrap_or(train_loss));
        let verdict = valid_loss.map(|loss| stopping.observe(epoch + 1, loss, &parameters));
        progress.epoch(&EpochEnd {
            candidate: stage.candidate,
            candidates: stage.candidates,
            epochs: run.epochs,
            best: verdict.is_none_or(|v| v == Verdict::Improved),
            record: record.clone(),
        });
        epochs.push(record);
        if verdict == Some(Verdict::Stop) && epoch + 1 < run.epochs {
            stopped_early = true;
            break;
        }
    }
    // Without a validation part nothing says which epoch was best, and the last is kept.
    let best_epoch = stopping.restore(&mut parameters)?.unwrap_or(epochs.len());
    let valid_score = match &validation {
        Some(validation) => Some(validation.score(&net, &parameters, material)?),
        None => None,
    };
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Fitted { net, parameters, epochs, best_epoch, stopped_early, valid_score, seconds })
}
