//! What a run folder keeps of a training's figures.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::config::TASK;
use super::evaluation::{Evaluation, ForecastScores};
use super::outcome::{DataSummary, ForecastOutcome};
use crate::run::{BaselineResult, FigureResult, PartResults, RunResults};
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

/// The first digits of the SHA-256 of the rows' names and values: files of one name may hold other data.
fn fingerprint(data: &DataSummary) -> String {
    let mut hash = Sha256::new();
    for label in &data.labels {
        hash.update(format!("{label}\0"));
    }
    for value in data.targets.iter().flatten() {
        // A value that was filled in is not one of the file.
        let value = if value.is_nan() { f64::NAN } else { *value };
        hash.update(value.to_bits().to_le_bytes());
    }
    hash.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// The figures of the run: of all targets together, beside the baseline with the least error of each part.
pub(super) fn results(trained: &ForecastOutcome) -> RunResults {
    // Errors in a unit can be ranked for the same columns and steps; the MASE divides them by an error of the training
    // part, which must be the same as well.
    let (decisions, source) = (&trained.decisions, &trained.data.source);
    let series = trained.config.data.series.as_ref().map_or_else(String::new, |series| format!(", {series}"));
    let unit = format!(
        "{} of {source}{series} (data {}), horizon {}",
        trained.config.data.target.join(", "),
        fingerprint(&trained.data),
        decisions.horizon
    );
    let train = decisions.split.train.len();
    let scaled = format!("season {}, {train} training rows of {unit}", decisions.season);
    let part = |name: &str, part: &Evaluation| {
        let best = part.best_baseline();
        let naive = |s: &ForecastScores| part.ratio_to_naive(s).unwrap_or(f64::NAN);
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        let figure = |key: &str, scale: Option<&String>, of: &dyn Fn(&ForecastScores) -> f64| FigureResult {
            key: key.into(),
            model: finite(of(&part.model)),
            baseline: best.and_then(|best| finite(of(best))),
            more_is_better: false,
            scale: scale.cloned(),
        };
        PartResults {
            part: name.into(),
            baseline: best.map_or_else(String::new, |best| best.name.clone()),
            imputed: part.imputed,
            figures: vec![
                figure("mase", Some(&scaled), &|s| s.overall.mase.unwrap_or(f64::NAN)),
                figure("mae", Some(&unit), &|s| s.overall.mae),
                figure("rmse", Some(&unit), &|s| s.overall.rmse),
                figure("smape", Some(&unit), &|s| s.overall.smape),
                figure("mae_to_naive", None, &naive),
            ],
            baselines: part
                .baselines
                .iter()
                .map(|baseline| BaselineResult {
                    key: baseline.key.clone(),
                    name: baseline.name.clone(),
                    figures: [
                        ("mase", baseline.overall.mase),
                        ("mae", finite(baseline.overall.mae)),
                        ("rmse", finite(baseline.overall.rmse)),
                        ("smape", finite(baseline.overall.smape)),
                        ("mae_to_naive", part.ratio_to_naive(baseline)),
                    ]
                    .map(|(key, value)| (key.to_owned(), value))
                    .into(),
                })
                .collect(),
        }
    };
    let parts = [("valid", &trained.valid), ("test", &trained.test)];
    RunResults {
        task: TASK.into(),
        data: trained.data.source.clone(),
        epochs: trained.epochs.len(),
        best_epoch: trained.best_epoch,
        seconds: trained.seconds,
        parameters: trained.forecaster.parameter_count(),
        parts: parts.into_iter().filter_map(|(name, of)| of.as_ref().map(|of| part(name, of))).collect(),
        notes: trained.notes.clone(),
    }
}
