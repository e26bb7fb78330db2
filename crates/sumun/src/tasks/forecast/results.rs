//! What a run folder keeps of a training's figures.

use serde_json::json;

use super::config::TASK;
use super::evaluation::{Evaluation, ForecastScores, Scores};
use super::outcome::ForecastOutcome;
use crate::run::{FigureResult, PartResults, RunResults};
use crate::{Error, Result};

/// A line for every epoch of the chosen candidate, and one for what came of it all.
pub(super) fn metrics(trained: &ForecastOutcome) -> Result<Vec<u8>> {
    // The last line holds the scores.
    let scores = |part: &Option<Evaluation>| {
        part.as_ref().map(|part| {
            json!({
                "origins": part.origins.len(),
                "imputed": part.imputed,
                "model": part.model,
                "baselines": part.baselines,
            })
        })
    };
    let last = json!({
        "best_epoch": trained.best_epoch,
        "stopped_early": trained.stopped_early,
        "seconds": trained.seconds,
        "candidates": trained.candidates,
        "valid": scores(&trained.valid),
        "test": scores(&trained.test),
    });
    let epochs = trained.epochs.iter().map(serde_json::to_string);
    let mut lines = String::new();
    for line in epochs.chain([serde_json::to_string(&last)]) {
        let line = line.map_err(|e| Error::Invalid(format!("a metrics record cannot be written: {e}")))?;
        lines += &line;
        lines.push('\n');
    }
    Ok(lines.into_bytes())
}

/// The figures of the run: of all targets together, beside the baseline with the least error of each part.
pub(super) fn results(trained: &ForecastOutcome) -> RunResults {
    let part = |name: &str, part: &Evaluation| {
        let mase = |s: &ForecastScores| s.overall.mase.unwrap_or(s.overall.mae);
        let best = part.baselines.iter().min_by(|a, b| mase(a).total_cmp(&mase(b)));
        let figure = |key: &str, of: fn(&Scores) -> f64| FigureResult {
            key: key.into(),
            model: Some(of(&part.model.overall)).filter(|v| v.is_finite()),
            baseline: best.map(|best| of(&best.overall)).filter(|v| v.is_finite()),
            more_is_better: false,
        };
        PartResults {
            part: name.into(),
            baseline: best.map_or_else(String::new, |best| best.name.clone()),
            imputed: part.imputed,
            figures: vec![
                figure("mase", |s| s.mase.unwrap_or(f64::NAN)),
                figure("mae", |s| s.mae),
                figure("rmse", |s| s.rmse),
                figure("smape", |s| s.smape),
            ],
        }
    };
    let parts = [("valid", &trained.valid), ("test", &trained.test)];
    RunResults {
        task: TASK.into(),
        data: trained.data.source.clone(),
        epochs: trained.epochs.len(),
        best_epoch: trained.best_epoch,
        seconds: trained.seconds,
        parameters: trained.forecaster.parameters().len(),
        parts: parts.into_iter().filter_map(|(name, of)| of.as_ref().map(|of| part(name, of))).collect(),
        notes: trained.notes.clone(),
    }
}
