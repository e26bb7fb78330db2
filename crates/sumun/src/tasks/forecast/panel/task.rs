//! Forecasting many series as a task: its trainings, and its models at work.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::config::{ForecastConfig, TASK};
use super::super::task::{Wishes, read_table};
use super::forecaster::PanelForecaster;
use super::learning::PanelSearch;
use super::outcome::{PanelOutcome, used};
use super::plan::PanelPlan;
use super::predict::PanelRequest;
use super::source::Members;
use crate::Result;
use crate::data::Table;
use crate::model::Model;
use crate::records;
use crate::report::text::{count, shortened};
use crate::tasks::portable::{Portable, not_portable};
use crate::tasks::protocol::{
    Config, Evaluated, Learning, ModelFacts, Plan, Predicted, Reading, Request, Resumed, Standing,
    TrainedModel,
};
use crate::tasks::source::Source as ReadFile;
use crate::train::{Ending, FitOptions, Keeper, Objective, Progress, Snapshot};

/// The settings of a training on many series: those of a forecaster.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PanelConfig(pub ForecastConfig);

/// A training on many series of a file.
pub type PanelTraining = crate::tasks::training::Training<PanelConfig>;

/// Trains one model on all series of `table` that the settings name. The same settings and table give the same model bit for bit,
/// whatever the number of threads.
///
/// Errors: settings that make no sense, a table that lacks columns or values, and series that are all too short.
pub fn train_panel(
    table: &Table,
    config: &ForecastConfig,
    progress: &mut dyn Progress,
) -> Result<PanelOutcome> {
    let mut search = PanelSearch::begin(plan(config, table, Vec::new())?)?;
    search.plan().members.notes.iter().for_each(|note| progress.note(note));
    search.run(progress, &mut ())?;
    search.finish()
}

fn plan(config: &ForecastConfig, table: &Table, mut files: Vec<ReadFile>) -> Result<PanelPlan> {
    config.check()?;
    config.check_begins_anew()?;
    let mut wishes = Wishes::of(config, table, &config.data.r#static)?;
    files.append(&mut wishes.files);
    let columns = config.series_columns();
    let table = wishes.coded.as_ref().unwrap_or(table);
    let mut members = Members::read(table, &wishes.wanted(config)?, &columns, &wishes.statics)?;
    members.notes.extend(wishes.notes());
    PanelPlan::new(config.clone(), members, &wishes.statics, wishes.categories.clone(), files)
}

impl Config for PanelConfig {
    type Plan = PanelPlan;

    fn task(&self) -> &'static str {
        TASK
    }

    fn train_file(&self) -> &Path {
        &self.0.data.train
    }

    fn save_every(&self) -> f64 {
        self.0.train.save_every
    }

    fn reads_standard_input(&self) -> bool {
        self.0.data.train == Path::new("-")
    }

    fn check(&self) -> Result<()> {
        self.0.check()
    }

    fn plan(&self, _resumed: Option<Resumed>) -> Result<PanelPlan> {
        let text = records::open_with(&self.0.data.train, "CSV", &self.0.read_options())?;
        let table = Table::from_text(&text, None)?;
        let file = ReadFile::new("train", text.name(), &text.hash());
        // Of a large file, the text and the cells together are much.
        drop(text);
        plan(&self.0, &table, vec![file])
    }
}

impl Plan for PanelPlan {
    type Learning = PanelSearch;

    fn sources(&self) -> &[ReadFile] {
        &self.files
    }

    fn prepared(&self) -> Result<Value> {
        self.prepared()
    }

    fn begin(self) -> Result<PanelSearch> {
        PanelSearch::begin(self)
    }

    fn resume(self, snapshot: Snapshot) -> Result<PanelSearch> {
        PanelSearch::resume(self, snapshot)
    }
}

impl Learning for PanelSearch {
    type Outcome = PanelOutcome;

    fn notes(&self) -> &[String] {
        &self.plan().members.notes
    }

    fn config_toml(&self) -> Result<String> {
        used(&self.plan().config, &self.plan().decisions).to_toml()
    }

    fn snapshot(&self) -> Result<Snapshot> {
        self.snapshot()
    }

    fn standing(&self) -> Result<Standing> {
        self.standing()
    }

    fn objective(&mut self) -> Result<(&mut dyn Objective, FitOptions)> {
        self.objective()
    }

    fn run(&mut self, progress: &mut dyn Progress, keeper: &mut dyn Keeper) -> Result<Ending> {
        self.run(progress, keeper)
    }

    fn finish(self) -> Result<PanelOutcome> {
        self.finish()
    }
}

impl TrainedModel for PanelForecaster {
    fn task(&self) -> &'static str {
        TASK
    }

    fn predict(&self, request: &Request<'_>) -> Result<Predicted> {
        request.is_for_forecasts()?;
        let read = |file: &Path| read_table(file, &self.config().reading);
        let table = request.file.map(read).transpose()?;
        let history = request.reading.history.map(read).transpose()?;
        let asked = PanelRequest {
            steps: request.steps,
            missing: request.reading.missing,
            history: history.as_ref(),
            paths: request.samples.unwrap_or(0),
        };
        let forecast = self.predict(table.as_ref(), asked)?;
        Ok(Predicted::Panel(forecast))
    }

    fn evaluate(&self, file: &Path, reading: &Reading<'_>) -> Result<Evaluated> {
        let read = |file: &Path| read_table(file, &self.config().reading);
        let table = read(file)?;
        let history = reading.history.map(read).transpose()?;
        let (evaluation, names, notes) = self.evaluate(&table, reading.missing, history.as_ref())?;
        Ok(Evaluated::Panel {
            part: table.name().to_owned(),
            names,
            horizon: self.config().view().horizon,
            evaluation: Box::new(evaluation),
            notes,
        })
    }

    fn network(&self) -> Option<&Model> {
        Some(self.model())
    }

    fn portable(&self) -> Result<Portable> {
        Err(not_portable(TASK, "windows that each have their own scale, and intervals"))
    }

    fn facts(&self) -> ModelFacts {
        let config = self.config();
        let view = config.view();
        let series = config.known_series.len();
        let of = if series == 1 { String::new() } else { format!(" of {} series", count(series)) };
        let steps = if view.horizon == 1 { "1 step".into() } else { format!("{} steps", view.horizon) };
        let line = format!(
            "forecast of {}{of}, {steps} ahead from a window of {}",
            shortened(&view.target, 30),
            view.window
        );
        let more = json!({
            "version": config.version,
            "seed": config.seed,
            "targets": [view.target],
            "series": series,
            "levels": config.levels,
            "distribution": config.distribution,
            "window": view.window,
            "horizon": view.horizon,
            "season": view.season,
        });
        let more = match more {
            Value::Object(more) => more,
            _ => Map::new(),
        };
        ModelFacts { heading: Some(["Forecaster".into(), line]), more, ..ModelFacts::of(self.model()) }
    }
}
