//! Forecasting many series as a task: its trainings, and its models at work.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::config::{ForecastConfig, TASK};
use super::super::network::apart;
use super::super::wishes::{Wishes, read_table};
use super::forecaster::{KnownSeries, PanelForecaster};
use super::learning::PanelSearch;
use super::outcome::{PanelOutcome, used};
use super::plan::PanelPlan;
use super::portable::portable;
use super::predict::PanelRequest;
use super::report::report;
use super::score::{PanelEvaluation, PanelScores};
use super::source::Members;
use crate::data::Table;
use crate::inspect::Memory;
use crate::model::{Model, ModelFile};
use crate::records;
use crate::report::text::{count, percent, shortened};
use crate::run::{BaselineResult, FigureResult, PartResults, RunResults};
use crate::tasks::example::{Example, ExampleOf, no_table};
use crate::tasks::portable::{Portable, not_portable};
use crate::tasks::protocol::{
    About, Config, Evaluated, Facts, Learning, ModelFacts, Next, Outcome, Plan, Predicted, Reading, Request,
    Resumed, TrainedModel,
};
use crate::tasks::source::Source as ReadFile;
use crate::tasks::standing::Standing;
use crate::train::{Ending, FitOptions, Keeper, Objective, Progress, Snapshot};
use crate::{Error, Result};
use sumun_nn::Distribution;

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

    fn tensorboard(&self) -> bool {
        self.0.train.tensorboard == Some(true)
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

impl Outcome for PanelOutcome {
    fn config_toml(&self) -> Result<String> {
        self.as_used().to_toml()
    }

    fn model_file(&self) -> Result<ModelFile> {
        self.forecaster.to_model_file()
    }

    fn metrics(&self) -> Result<Option<Vec<u8>>> {
        let scores = |part: &Option<PanelEvaluation>| {
            part.as_ref().map(|part| {
                json!({
                    "series": part.series,
                    "forecasts": part.forecasts,
                    "imputed": part.imputed,
                    "model": part.model,
                    "baselines": part.baselines,
                    "intervals": part.intervals,
                    "pinball": part.pinball,
                    "crps": part.crps,
                })
            })
        };
        let last = json!({
            "best_epoch": self.best_epoch,
            "stopped_early": self.stopped_early,
            "seconds": self.seconds,
            "candidates": self.candidates,
            "valid": scores(&self.valid),
            "test": scores(&self.test),
        });
        let mut lines = String::new();
        for line in self.epochs.iter().map(serde_json::to_string).chain([serde_json::to_string(&last)]) {
            let line =
                line.map_err(|e| Error::Invalid(format!("a metrics record cannot be written: {e}")))?;
            lines += &line;
            lines.push('\n');
        }
        Ok(Some(lines.into_bytes()))
    }

    fn results(&self) -> RunResults {
        let scale = format!(
            "{} of {} series of {}, horizon {}, season {}",
            self.config.data.target.join(", "),
            self.shown.series,
            self.shown.source,
            self.decisions.horizon,
            self.decisions.season
        );
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        let part = |name: &str, part: &PanelEvaluation| {
            let best = part.best_baseline();
            let figure = |key: &str, of: &dyn Fn(&PanelScores) -> Option<f64>| FigureResult {
                key: key.into(),
                model: of(&part.model),
                baseline: best.and_then(of),
                more_is_better: false,
                scale: Some(scale.clone()),
            };
            let mut figures = vec![
                figure("mase", &|scores| scores.overall.mase),
                figure("mae", &|scores| finite(scores.overall.mae)),
                figure("rmse", &|scores| finite(scores.overall.rmse)),
                figure("smape", &|scores| finite(scores.overall.smape)),
                figure("rmsse", &|scores| scores.rmsse),
                figure("owa", &|scores| scores.owa),
            ];
            let of_model = |key: String, value: Option<f64>, more_is_better: bool| FigureResult {
                key,
                model: value,
                baseline: None,
                more_is_better,
                scale: Some(scale.clone()),
            };
            if part.pinball.is_some() {
                figures.push(of_model("pinball".into(), part.pinball, false));
            }
            if part.crps.is_some() {
                figures.push(of_model("crps".into(), part.crps, false));
            }
            for interval in &part.intervals {
                let level = percent(interval.level);
                figures.push(of_model(format!("coverage_{level}"), finite(interval.coverage), true));
                figures.push(of_model(format!("width_{level}"), interval.width, false));
            }
            PartResults {
                part: name.into(),
                baseline: best.map_or_else(String::new, |best| best.name.clone()),
                imputed: part.imputed,
                figures,
                baselines: part
                    .baselines
                    .iter()
                    .map(|one| BaselineResult {
                        key: one.key.clone(),
                        name: one.name.clone(),
                        figures: [
                            ("mase", one.overall.mase),
                            ("mae", finite(one.overall.mae)),
                            ("rmse", finite(one.overall.rmse)),
                            ("smape", finite(one.overall.smape)),
                            ("rmsse", one.rmsse),
                            ("owa", one.owa),
                        ]
                        .map(|(key, value)| (key.to_owned(), value))
                        .into(),
                    })
                    .collect(),
            }
        };
        let parts = [("valid", &self.valid), ("test", &self.test)];
        RunResults {
            task: TASK.into(),
            data: self.shown.source.clone(),
            epochs: self.epochs.len(),
            best_epoch: self.best_epoch,
            seconds: self.seconds,
            parameters: self.forecaster.model.parameters().len(),
            parts: parts.into_iter().filter_map(|(name, of)| of.as_ref().map(|of| part(name, of))).collect(),
            notes: self.notes.clone(),
        }
    }

    fn stopped_early(&self) -> bool {
        self.stopped_early
    }

    fn report(&self, about: &About) -> String {
        report(self, about)
    }

    fn facts(&self) -> Facts {
        let (shown, network, decisions) = (&self.shown, &self.config.network, &self.decisions);
        let frequency =
            if shown.frequency.is_empty() { String::new() } else { format!(", {}", shown.frequency) };
        let [least, middle, most] = shown.lengths.map(count);
        let mut data = vec![match shown.series {
            1 => format!("{most} rows{frequency}"),
            many => format!("{} series of {} rows in all{frequency}", count(many), count(shown.rows)),
        }];
        if shown.series > 1 {
            data.push(format!("{least} to {most} rows a series, {middle} in the middle"));
        }
        let layers = if network.layers == 1 { String::new() } else { format!("{} × ", network.layers) };
        let several = if self.members > 1 { format!("mean of {}: ", self.members) } else { String::new() };
        let steps =
            if decisions.horizon == 1 { "1 step".into() } else { format!("{} steps", decisions.horizon) };
        let intervals = match decisions.levels.as_slice() {
            [] => String::new(),
            levels => {
                let levels: Vec<String> = levels.iter().map(|&level| percent(level)).collect();
                let of = decisions.distribution.map_or("", distribution_name);
                format!(", with intervals of {} %{of}", levels.join(" and "))
            }
        };
        Facts {
            file: shown.source.clone(),
            data,
            model: format!(
                "{several}{layers}{} of {} units, {} parameters; {steps} ahead from up to {} rows{intervals}",
                network.cell.spec().family,
                network.hidden,
                count(self.forecaster.model.parameters().len()),
                decisions.window,
            ),
            choices: decisions
                .choices
                .iter()
                .map(|choice| [choice.name.clone(), choice.value.clone(), choice.reason.clone()])
                .collect(),
        }
    }

    fn evaluated(&self) -> Vec<Evaluated> {
        let part = |name: &str, part: &Option<PanelEvaluation>| {
            part.clone().map(|evaluation| Evaluated::Panel {
                part: name.into(),
                names: self.shown.names.iter().map(|name| shortened(name, 40)).collect(),
                evaluation: Box::new(evaluation),
                horizon: self.decisions.horizon,
                notes: Vec::new(),
            })
        };
        [part("valid", &self.valid), part("test", &self.test)].into_iter().flatten().collect()
    }

    fn forecasts(&self) -> bool {
        true
    }

    fn next(&self) -> Next {
        let config = self.forecaster.config();
        let ahead = |known: &KnownSeries| known.history.ahead.first().map_or(usize::MAX, Vec::len);
        let least = config.known_series.iter().map(ahead).min().unwrap_or(0);
        if least < self.decisions.horizon { Next::PredictKnown } else { Next::Predict }
    }

    fn memory(&self) -> Result<Option<Memory>> {
        let PanelForecaster { config, model } = &self.forecaster;
        let each = apart(&self.config.network, &config.sizes(), model)?;
        let all = each.iter().zip(&self.heard);
        Memory::of(all.flat_map(|(model, windows)| windows.iter().map(move |one| (model, one))))
    }
}

/// What people call intervals of a distribution.
fn distribution_name(distribution: Distribution) -> &'static str {
    match distribution {
        Distribution::Normal => " of a normal distribution",
        Distribution::StudentT => " of Student's t distribution",
        Distribution::NegativeBinomial => " of a negative binomial distribution",
        Distribution::ZeroInflated => " of a negative binomial distribution with more zeros",
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

    fn part_shown(&self) -> Result<Option<Model>> {
        Ok(self.first_alone()?.map(|alone| alone.model))
    }

    fn example(&self, of: ExampleOf<'_>) -> Result<Example> {
        match of {
            ExampleOf::Text(written) => Err(no_table(written)),
            ExampleOf::Record(file, _) => self.example_of(file, of),
        }
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
        let fields = portable(self.config()).map_err(|what| not_portable(TASK, &what))?;
        Ok(Portable {
            task: TASK,
            script: "panel",
            fields,
            keeps_states: false,
            tokenizer: None,
            networks: Vec::new(),
            between: None,
        })
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
