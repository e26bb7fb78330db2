//! A training as a run folder, and a run folder as a forecaster.

use std::path::Path;

use serde_json::json;

use super::config::ForecastConfig;
use super::forecaster::{Forecaster, ForecasterConfig, Tensor};
use super::report::ReportNotes;
use super::trained::Trained;
use crate::model::{ModelFile, NamedTensor};
use crate::report::forecast_report;
use crate::run::{CONFIG_FILE, FigureResult, LiveRun, METRICS_FILE, PartResults, RunFolder, RunResults};
use crate::{Error, Result};

/// The task that a forecaster's model file names.
pub const TASK: &str = "forecast";

impl Forecaster {
    /// Everything about the forecaster as a model file. Error: a configuration that JSON cannot hold.
    pub fn to_model_file(&self) -> Result<ModelFile> {
        let (config, tensors) = self.to_parts();
        let config = serde_json::to_value(config)
            .map_err(|e| Error::Model(format!("the model's configuration cannot be written as JSON: {e}")))?;
        let tensors = tensors.iter().map(|t| NamedTensor::new(t.name, t.shape, t.values.to_vec())).collect();
        Ok(ModelFile { task: TASK.into(), config, tensors })
    }

    /// The forecaster that a model file holds; `name` stands for the file in messages. Errors: a model of another
    /// task, a configuration that this version does not understand, and weights that do not fit it.
    pub fn from_model_file(name: &str, file: &ModelFile) -> Result<Self> {
        let refused = |why: String| Error::Model(format!("{name}: {}", why.replace('\n', " ")));
        if file.task != TASK {
            return Err(refused(format!(
                "is a model for {:?}, not a forecaster; give another run",
                file.task
            )));
        }
        let config: ForecasterConfig = serde_json::from_value(file.config.clone()).map_err(|e| {
            refused(format!(
                "the configuration is not one of a forecaster of sumun {} ({e}); train again or use the version that \
                 made it",
                env!("CARGO_PKG_VERSION")
            ))
        })?;
        let tensors: Vec<Tensor<'_>> = file
            .tensors
            .iter()
            .map(|t| Tensor { name: &t.name, shape: &t.shape, values: &t.values })
            .collect();
        Self::from_parts(config, &tensors).map_err(|e| refused(e.to_string()))
    }
}

/// Writes everything about a finished training into its folder: losses, options as used, report, figures and, last, the
/// model. Errors: what the operating system refuses; the last checkpoint is there as long as the model is not.
pub fn finish_run(
    trained: &Trained,
    used: &ForecastConfig,
    live: LiveRun,
    notes: &ReportNotes,
) -> Result<RunFolder> {
    live.replace(METRICS_FILE, &metrics(trained)?)?;
    live.replace(CONFIG_FILE, used.to_toml()?.as_bytes())?;
    let report = forecast_report(&trained.report(notes));
    live.finish(&trained.forecaster.to_model_file()?, report.as_bytes(), &results(trained))
}

/// A line for every epoch of the chosen candidate, and one for what came of it all.
fn metrics(trained: &Trained) -> Result<Vec<u8>> {
    // The last line holds the scores.
    let scores = |part: &Option<super::Evaluation>| {
        part.as_ref().map(
            |part| json!({ "origins": part.origins.len(), "model": part.model, "baselines": part.baselines }),
        )
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
fn results(trained: &Trained) -> RunResults {
    let part = |name: &str, part: &super::Evaluation| {
        let mase = |s: &super::ForecastScores| s.overall.mase.unwrap_or(s.overall.mae);
        let best = part.baselines.iter().min_by(|a, b| mase(a).total_cmp(&mase(b)));
        let figure = |key: &str, of: fn(&super::Scores) -> f64| FigureResult {
            key: key.into(),
            model: Some(of(&part.model.overall)).filter(|v| v.is_finite()),
            baseline: best.map(|best| of(&best.overall)).filter(|v| v.is_finite()),
            more_is_better: false,
        };
        PartResults {
            part: name.into(),
            baseline: best.map_or_else(String::new, |best| best.name.clone()),
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
        parameters: trained.forecaster.summary().iter().map(|layer| layer.parameters).sum(),
        parts: parts.into_iter().filter_map(|(name, of)| of.as_ref().map(|of| part(name, of))).collect(),
    }
}

/// The forecaster of a run folder, or of a model file alone. Errors: no such run (the message names the nearest), and
/// a model file that is damaged or of another kind or version.
pub fn open_run(path: impl AsRef<Path>) -> Result<Forecaster> {
    let folder = RunFolder::open(path)?;
    let file = folder.load_model()?;
    Forecaster::from_model_file(&folder.model_path().display().to_string(), &file)
}
