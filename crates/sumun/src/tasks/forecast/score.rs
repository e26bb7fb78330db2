//! Forecasts from many origins, and how far they are from what came.

use std::ops::Range;

use ndarray::{Array3, Axis};

use super::baseline::{Baseline, Observed};
use super::evaluation::{Evaluation, ForecastScores, Scores};
use super::fallback;
use super::fit::INFERENCE_BATCH;
use super::kept::ForecasterConfig;
use super::metrics::{Metrics, mae};
use super::network::{outputs_of_all, stack};
use super::preprocessing::{Frame, Preprocessing};
use super::together;
use crate::Result;
use crate::loss::Targets;
use crate::model::Model;

/// The model's forecasts at `origins`, `[origins, horizon, C]`, in the units of the targets, and its name.
fn of_model(
    config: &ForecasterConfig,
    model: Option<&Model>,
    frames: &[Frame],
    origins: &Range<usize>,
    settled: &Range<usize>,
) -> Result<(Array3<f64>, String)> {
    let Some(model) = model else {
        let (targets, horizon) = (&config.preprocessing.targets, config.preprocessing.horizon);
        let values = &frames[0].values;
        let forecasts = fallback::forecasts(&config.fallback, targets, values, settled, origins, horizon)?;
        return Ok((forecasts, fallback::name(&config.fallback)));
    };
    let family = stack(model)?.config().cell.spec().family;
    let name = match frames.len() {
        1 => family.to_owned(),
        several => format!("mean of {several} {family}s"),
    };
    let name = together::named(&config.together, name);
    Ok((forecasts(config, model, frames, origins.clone())?, name))
}

/// The forecasts at `origins`, `[origins, horizon, C]`, in the units of the targets: those of the networks and of what forecasts
/// together with them.
pub(crate) fn forecasts(
    config: &ForecasterConfig,
    model: &Model,
    frames: &[Frame],
    origins: Range<usize>,
) -> Result<Array3<f64>> {
    let mut all = of_networks(config, model, frames, origins.clone())?;
    if let Some(frame) = frames.first() {
        let targets = &config.preprocessing.targets;
        together::mix_in(&config.together, targets, &frame.values, origins, &mut all);
    }
    Ok(all)
}

/// The networks' forecasts at `origins`, `[origins, horizon, C]`, in the units of the targets: of several their mean. Each has
/// its frame.
pub(super) fn of_networks(
    config: &ForecasterConfig,
    model: &Model,
    frames: &[Frame],
    origins: Range<usize>,
) -> Result<Array3<f64>> {
    let p = &config.preprocessing;
    let shape = (origins.len(), p.horizon, p.targets.len());
    let per_origin = p.horizon * p.targets.len();
    let networks: Vec<(&Preprocessing, &Frame)> = config.networks().zip(frames).collect();
    let mut values = vec![0.0; origins.len() * per_origin];
    let mut one = vec![0.0; per_origin];
    let origins: Vec<usize> = origins.collect();
    for (chunk, place) in origins.chunks(INFERENCE_BATCH).zip(values.chunks_mut(INFERENCE_BATCH * per_origin))
    {
        for (outputs, (p, frame)) in outputs_of_all(model, &networks, chunk)?.iter().zip(&networks) {
            let rows = outputs.chunks_exact(per_origin).zip(place.chunks_exact_mut(per_origin));
            for (&origin, (output, sum)) in chunk.iter().zip(rows) {
                p.forecast(frame, origin, output, &mut one);
                sum.iter_mut().zip(&one).for_each(|(sum, value)| *sum += value);
            }
        }
        place.iter_mut().for_each(|sum| *sum /= networks.len() as f64);
    }
    Ok(Array3::from_shape_vec(shape, values).expect("as many values as the shape has"))
}

/// The baselines that every target has and whose season lies before the first origin, each with its name for all targets
/// together.
fn baselines(config: &ForecasterConfig, origins: &Range<usize>) -> Vec<(String, String, Vec<Baseline>)> {
    let season = config.season;
    // A model from before baselines were kept.
    let simple = || {
        let seasonal = (season > 1).then_some(Baseline::SeasonalNaive { period: season });
        [Baseline::Naive, Baseline::Drift].into_iter().chain(seasonal).collect::<Vec<_>>()
    };
    let lists = match config.baselines.as_slice() {
        [] => vec![simple(); config.preprocessing.targets.len()],
        lists => lists.to_vec(),
    };
    let Some((first, others)) = lists.split_first() else { return Vec::new() };
    let mut all = Vec::new();
    for baseline in first {
        let key = baseline.key();
        let alike = others.iter().filter_map(|list| list.iter().find(|other| other.key() == key).copied());
        let each: Vec<Baseline> = std::iter::once(*baseline).chain(alike).collect();
        if each.len() < lists.len() || each.iter().any(|one| one.period() > origins.start + 1) {
            continue;
        }
        // Where the targets' seasons or trends differ, only the method is named.
        let alike = each.iter().all(|one| one.to_string() == baseline.to_string());
        let name = match baseline {
            Baseline::Theta(_) if !alike => "Theta".into(),
            Baseline::Ets(ets) if !alike && ets.steps > 1 => format!("ETS, {} steps", ets.steps),
            Baseline::Ets(_) if !alike => "ETS".into(),
            Baseline::Constant { .. } if !alike => "the most frequent value".into(),
            _ => baseline.to_string(),
        };
        all.push((key, name, each));
    }
    all
}

/// Scores the model and the baselines at `origins`, all of which have their horizon in the frame, on the values that were
/// read; the baselines begin in the rows `settled`. `None` if there is no origin, or a target without any such value.
pub(crate) fn evaluate(
    config: &ForecasterConfig,
    model: Option<&Model>,
    frames: &[Frame],
    origins: Range<usize>,
    settled: Range<usize>,
) -> Result<Option<Evaluation>> {
    let rows = origins.start + 1..origins.end + config.preprocessing.horizon;
    let unread = |frame: &Frame| frame.values.iter().any(|v| v.holes(rows.clone()) == rows.len());
    let Some(frame) = frames.first().filter(|frame| !origins.is_empty() && !unread(frame)) else {
        return Ok(None);
    };
    let imputed = frame.values.iter().map(|values| values.holes(rows.clone())).sum();
    let (forecasts, name) = of_model(config, model, frames, &origins, &settled)?;
    let of_model = score(config, frame, &origins, &forecasts, "model", name)?;
    let mut scores = Vec::new();
    for (key, name, each) in baselines(config, &origins) {
        let mut of_baseline = Array3::zeros(forecasts.dim());
        for ((c, values), baseline) in frame.values.iter().enumerate().zip(each) {
            let mask = values.mask();
            let series = Observed { values, mask: mask.as_deref() };
            let horizon = config.preprocessing.horizon;
            let target = &config.preprocessing.targets[c];
            let of_target = baseline
                .forecasts(series, settled.clone(), origins.clone(), horizon)?
                .mapv(|value| target.bounded(value));
            of_baseline.index_axis_mut(Axis(2), c).assign(&of_target);
        }
        scores.push(score(config, frame, &origins, &of_baseline, &key, name)?);
    }
    Ok(Some(Evaluation { origins, imputed, model: of_model, baselines: scores, forecasts }))
}

/// Scores any forecasts `[origins, horizon, C]`.
fn score(
    config: &ForecasterConfig,
    frame: &Frame,
    origins: &Range<usize>,
    forecasts: &Array3<f64>,
    key: &str,
    name: String,
) -> Result<ForecastScores> {
    let p = &config.preprocessing;
    let (count, horizon, _) = forecasts.dim();
    let mut loss = vec![0.0; p.targets.len()];
    let flat: Vec<usize> = origins.clone().collect();
    let actual = p.outputs(frame, &flat);
    let mut predicted = Vec::with_capacity(actual.len());
    for (origin, values) in origins.clone().zip(forecasts.outer_iter()) {
        let values: Vec<f64> = values.iter().copied().collect();
        p.outputs_for(frame, origin, &values, &mut predicted);
    }
    let counts = p.answerable(frame, &flat);
    for (c, loss) in loss.iter_mut().enumerate() {
        let of = |all: &[f32]| match &counts {
            None => all.iter().skip(c).step_by(p.targets.len()).copied().collect::<Vec<f32>>(),
            Some(places) => {
                places.iter().filter(|&k| k % p.targets.len() == c).map(|&place| all[place]).collect()
            }
        };
        let (predicted, actual) = (of(&predicted), of(&actual));
        *loss = match actual.is_empty() {
            true => f64::NAN,
            false => config.loss.value_and_gradient(&predicted, Targets::Values(&actual), None)?,
        };
    }
    let mut targets = Vec::new();
    let mut mae_by_step = Vec::new();
    for (c, target) in p.targets.iter().enumerate() {
        let (mut actual, mut forecast) =
            (Vec::with_capacity(count * horizon), Vec::with_capacity(count * horizon));
        let mut by_step = Vec::with_capacity(horizon);
        for step in 0..horizon {
            let rows = origins.clone().map(|origin| origin + 1 + step).enumerate();
            let (came, said): (Vec<f64>, Vec<f64>) = rows
                .filter(|&(_, row)| frame.is_observed(c, row))
                .map(|(n, row)| (frame.values[c][row], forecasts[[n, step, c]]))
                .unzip();
            by_step.push((!came.is_empty()).then(|| mae(&came, &said)));
            actual.extend(came);
            forecast.extend(said);
        }
        mae_by_step.push(by_step);
        let metrics = Metrics::of(&actual, &forecast, target.mase_scale).expect("a value was read");
        let Metrics { mae, rmse, smape, mase } = metrics;
        targets.push(Scores { mae, rmse, smape, mase, loss: loss[c] });
    }
    let mean = |of: &dyn Fn(&Scores) -> f64| targets.iter().map(of).sum::<f64>() / targets.len() as f64;
    let overall = Scores {
        mae: mean(&|s| s.mae),
        rmse: mean(&|s| s.rmse),
        smape: mean(&|s| s.smape),
        mase: targets.iter().all(|s| s.mase.is_some()).then(|| mean(&|s| s.mase.unwrap_or(f64::NAN))),
        loss: mean(&|s| s.loss),
    };
    Ok(ForecastScores { key: key.to_owned(), name, overall, targets, mae_by_step })
}
