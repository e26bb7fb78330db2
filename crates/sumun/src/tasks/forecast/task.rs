//! Forecasting as a task: its trainings, and its models at work.

use std::path::Path;

use serde_json::{Map, Value, json};
use toml::Table as Toml;

use super::config::{ForecastConfig, TASK};
use super::continued;
use super::earlier;
use super::evaluation::Evaluation;
use super::fallback;
use super::forecaster::Forecaster;
use super::network::{Sizes, apart};
use super::outcome::ForecastOutcome;
use super::panel::{PanelConfig, PanelForecaster, PanelTraining, is_panel};
use super::plan::ForecastPlan;
use super::portable::portable;
use super::predict::{evaluate, example, predict};
use super::report::report;
use super::results::{metrics, results};
use super::search::Search;
use super::source::Source;
use super::wishes::{Wishes, read_table};
use crate::Result;
use crate::data::Table;
use crate::inspect::Memory;
use crate::model::{Model, ModelFile};
use crate::records;
use crate::report::text::{count, shortened};
use crate::run::{Checkpoint, RunFolder, RunResults};
use crate::settings::Settings;
use crate::tasks::example::{Example, ExampleOf, file_name, no_table};
use crate::tasks::portable::{Portable, not_portable};
use crate::tasks::protocol::{
    About, AnyConfig, AnyTraining, Config, Evaluated, Facts, Learning, ModelFacts, Next, Outcome, Plan,
    Predicted, Reading, Request, Resumed, TaskEntry, TrainedModel,
};
use crate::tasks::source::Source as ReadFile;
use crate::tasks::standing::Standing;
use crate::train::{Ending, FitOptions, Keeper, Objective, Progress, Snapshot};

/// Forecasting as front ends see it.
#[derive(Debug)]
pub(crate) struct Entry;

/// A training of a forecaster on a file.
pub type Training = crate::tasks::training::Training<ForecastConfig>;

/// Trains a forecaster on `table`; see the [module](super) for the recipe. The same settings and table give the same
/// model bit for bit, whatever the number of threads. A [`Training`] does the same with the file that the settings name,
/// and may stop and go on.
///
/// Errors: settings that make no sense, a table that lacks columns or values, a constant target, a series that is too
/// short for the window and the horizon, and a loss that is no longer finite.
pub fn train(table: &Table, config: &ForecastConfig, progress: &mut dyn Progress) -> Result<ForecastOutcome> {
    let mut search = Search::begin(plan(config, table, Vec::new())?)?;
    search.plan().source.notes.iter().for_each(|note| progress.note(note));
    search.run(progress, &mut ())?;
    let trained = search.finish()?;
    if let Some(choice) = trained.decisions.choices.iter().find(|choice| choice.name == "difference") {
        progress.note(&format!("difference = {}: {}", choice.value, choice.reason));
    }
    Ok(trained)
}

/// The forecaster of a run folder, or of a model file alone. Errors: no such run (the message names the nearest), and
/// a model file that is damaged or of another kind or version.
pub fn open_run(path: impl AsRef<Path>) -> Result<Forecaster> {
    let folder = RunFolder::open(path)?;
    let file = folder.load_model()?;
    Forecaster::from_model_file(&folder.model_path().display().to_string(), file)
}

pub(super) fn plan(config: &ForecastConfig, table: &Table, mut files: Vec<ReadFile>) -> Result<ForecastPlan> {
    config.check()?;
    if let Some(run) = &config.train.from {
        return continued::plan::plan_from(config, run, table, files);
    }
    let mut wishes = Wishes::of(config, table, &[])?;
    files.append(&mut wishes.files);
    let mut source = Source::read(wishes.coded.as_ref().unwrap_or(table), &wishes.wanted(config)?)?;
    source.notes.extend(wishes.notes());
    source.categories = wishes.categories;
    ForecastPlan::new(config.clone(), source, files)
}

impl TaskEntry for Entry {
    fn name(&self) -> &'static str {
        TASK
    }

    fn purpose(&self) -> &'static str {
        "Learn to forecast columns of a CSV file"
    }

    fn settings(&self) -> Result<Settings> {
        ForecastConfig::settings()
    }

    fn configure(&self, tables: &[Toml]) -> Result<Box<dyn AnyConfig>> {
        let config = ForecastConfig::from_tables(tables)?;
        Ok(if config.is_panel() { Box::new(PanelConfig(config)) } else { Box::new(config) })
    }

    fn resume(&self, checkpoint: Checkpoint) -> Result<(Box<dyn AnyTraining>, Vec<String>)> {
        // Both kinds keep the same settings, which say of which kind a training is.
        let kept = checkpoint.about.get("config").cloned().unwrap_or_default();
        if serde_json::from_value(kept).is_ok_and(|config: ForecastConfig| config.is_panel()) {
            let (training, notes) = PanelTraining::resume(checkpoint)?;
            return Ok((Box::new(training), notes));
        }
        let (training, notes) = Training::resume(checkpoint)?;
        Ok((Box::new(training), notes))
    }

    fn open(&self, name: &str, file: ModelFile) -> Result<Box<dyn TrainedModel>> {
        Ok(match is_panel(&file) {
            true => Box::new(PanelForecaster::from_model_file(name, file)?),
            false => Box::new(Forecaster::from_model_file(name, file)?),
        })
    }
}

impl Config for ForecastConfig {
    type Plan = ForecastPlan;

    fn task(&self) -> &'static str {
        TASK
    }

    fn train_file(&self) -> &Path {
        &self.data.train
    }

    fn save_every(&self) -> f64 {
        self.train.save_every
    }

    fn tensorboard(&self) -> bool {
        self.train.tensorboard == Some(true)
    }

    fn reads_standard_input(&self) -> bool {
        self.data.train == Path::new("-")
    }

    fn check(&self) -> Result<()> {
        self.check()
    }

    fn plan(&self, _resumed: Option<Resumed>) -> Result<ForecastPlan> {
        let text = records::open_with(&self.data.train, "CSV", &self.read_options())?;
        let table = Table::from_text(&text, None)?;
        plan(self, &table, vec![ReadFile::new("train", text.name(), &text.hash())])
    }
}

impl Plan for ForecastPlan {
    type Learning = Search;

    fn sources(&self) -> &[ReadFile] {
        &self.files
    }

    fn prepared(&self) -> Result<Value> {
        self.prepared()
    }

    fn prepared_alike(&self, then: &Value) -> Result<bool> {
        let now = self.prepared()?;
        Ok(now == *then || earlier::prepared_alike(&now, then)?)
    }

    fn begin(self) -> Result<Search> {
        Search::begin(self)
    }

    fn resume(self, snapshot: Snapshot) -> Result<Search> {
        Search::resume(self, snapshot)
    }
}

impl Learning for Search {
    type Outcome = ForecastOutcome;

    fn notes(&self) -> &[String] {
        &self.plan().source.notes
    }

    fn config_toml(&self) -> Result<String> {
        let plan = self.plan();
        plan.config.as_used(&plan.decisions).to_toml()
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

    fn finish(self) -> Result<ForecastOutcome> {
        self.finish()
    }
}

impl ForecastOutcome {
    /// All settings with what the data decided filled in: training with them gives the same model.
    pub fn as_used(&self) -> ForecastConfig {
        self.config.as_used(&self.decisions)
    }
}

impl Outcome for ForecastOutcome {
    fn config_toml(&self) -> Result<String> {
        self.as_used().to_toml()
    }

    fn model_file(&self) -> Result<ModelFile> {
        self.forecaster.to_model_file()
    }

    fn metrics(&self) -> Result<Option<Vec<u8>>> {
        metrics(self).map(Some)
    }

    fn results(&self) -> RunResults {
        results(self)
    }

    fn stopped_early(&self) -> bool {
        self.stopped_early
    }

    fn report(&self, about: &About) -> String {
        report(self, about)
    }

    fn facts(&self) -> Facts {
        let (decisions, network) = (&self.decisions, &self.config.network);
        let labels = &self.data.labels;
        let frequency = match self.data.frequency.as_str() {
            "" => String::new(),
            frequency => format!(", {frequency}"),
        };
        let mut data = vec![format!("{} rows{frequency}", count(labels.len()))];
        if let (Some(first), Some(last)) = (labels.first(), labels.last())
            && decisions.time.is_some()
        {
            data.push(format!("{first} … {last}"));
        }
        let [learn, decide, measure] =
            [&decisions.split.train, &decisions.split.valid, &decisions.split.test]
                .map(|part| count(part.len()));
        data.push(format!("{learn} to learn, {decide} to decide, {measure} to measure"));
        let layers = if network.layers == 1 { String::new() } else { format!("{} × ", network.layers) };
        let networks = match decisions.averaged.len() {
            0 | 1 => String::new(),
            several => format!("mean of {several}: "),
        };
        let windows: Vec<String> = {
            let mut windows: Vec<usize> = self.forecaster.config().networks().map(|p| p.window).collect();
            windows.sort_unstable();
            windows.dedup();
            windows.iter().map(ToString::to_string).collect()
        };
        Facts {
            file: self.data.source.clone(),
            data,
            model: if decisions.too_short {
                let name = fallback::name(&self.forecaster.config().fallback);
                format!("{name}, no network; {} ahead", steps(decisions.horizon))
            } else {
                format!(
                    "{networks}{layers}{} of {} units, {} parameters; {} ahead from {} rows",
                    network.cell.spec().family,
                    network.hidden,
                    count(self.forecaster.parameter_count()),
                    steps(decisions.horizon),
                    windows.join(" and ")
                )
            },
            choices: decisions
                .choices
                .iter()
                .map(|choice| [choice.name.clone(), choice.value.clone(), choice.reason.clone()])
                .collect(),
        }
    }

    fn evaluated(&self) -> Vec<Evaluated> {
        let part = |name: &str, part: &Option<Evaluation>| {
            part.clone().map(|evaluation| Evaluated::Forecasts {
                part: name.into(),
                targets: self.config.data.target.clone(),
                horizon: self.decisions.horizon,
                evaluation: Box::new(evaluation),
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
        let ahead = config.history.ahead.first().map_or(usize::MAX, Vec::len);
        // A model that needs columns known ahead, of which the training file held none, needs a file.
        if ahead < config.preprocessing.horizon { Next::PredictKnown } else { Next::Predict }
    }

    fn memory(&self) -> Result<Option<Memory>> {
        let Forecaster { config, model } = &self.forecaster;
        let Some(model) = model else { return Ok(None) };
        let sizes: Vec<Sizes> = config.networks().map(Sizes::of).collect();
        let each = apart(&self.config.network, &sizes, model)?;
        let all = each.iter().zip(&self.heard);
        Memory::of(all.flat_map(|(model, windows)| windows.iter().map(move |one| (model, one))))
    }
}

impl TrainedModel for Forecaster {
    fn task(&self) -> &'static str {
        TASK
    }

    fn predict(&self, request: &Request<'_>) -> Result<Predicted> {
        request.is_for_forecasts()?;
        if let Some(samples) = request.samples {
            return Err(super::panel::without_intervals(samples));
        }
        let table = request.file.map(|file| read_table(file, &self.config().reading)).transpose()?;
        let missing = request.reading.missing.unwrap_or(self.config().missing);
        let history =
            request.reading.history.map(|file| read_table(file, &self.config().reading)).transpose()?;
        let forecast = predict(self, table.as_ref(), request.steps, missing, history.as_ref())?;
        Ok(Predicted::Ahead { forecast, horizon: self.config().preprocessing.horizon })
    }

    fn evaluate(&self, file: &Path, reading: &Reading<'_>) -> Result<Evaluated> {
        let table = read_table(file, &self.config().reading)?;
        let missing = reading.missing.unwrap_or(self.config().missing);
        let history = reading.history.map(|file| read_table(file, &self.config().reading)).transpose()?;
        let (evaluation, notes) = evaluate(self, &table, missing, history.as_ref())?;
        let preprocessing = &self.config().preprocessing;
        Ok(Evaluated::Forecasts {
            part: table.name().to_owned(),
            targets: preprocessing.targets.iter().map(|target| target.name.clone()).collect(),
            horizon: preprocessing.horizon,
            evaluation: Box::new(evaluation),
            notes,
        })
    }

    fn network(&self) -> Option<&Model> {
        self.model()
    }

    fn part_shown(&self) -> Result<Option<Model>> {
        Ok(self.first_alone()?.and_then(|alone| alone.model))
    }

    fn example(&self, of: ExampleOf<'_>) -> Result<Example> {
        match of {
            ExampleOf::Text(written) => Err(no_table(written)),
            ExampleOf::Record(file, _) => {
                of.is_whole()?;
                let table = read_table(file, &self.config().reading)?;
                example(self, &table, format!("the last window of {}", file_name(file)))
            }
        }
    }

    fn portable(&self) -> Result<Portable> {
        let fields = portable(self.config()).map_err(|what| not_portable("forecast", &what))?;
        Ok(Portable {
            task: "forecast",
            script: "forecast",
            fields,
            keeps_states: false,
            tokenizer: None,
            networks: Vec::new(),
            between: None,
        })
    }

    fn facts(&self) -> ModelFacts {
        let config = self.config();
        let p = &config.preprocessing;
        let names: Vec<&str> = p.targets.iter().map(|target| target.name.as_str()).collect();
        let shown: Vec<String> = names.iter().map(|name| shortened(name, 30)).collect();
        let from = match self.model() {
            Some(_) => format!("from a window of {}", p.window),
            None => format!("by {}", fallback::name(&config.fallback)),
        };
        let line = format!(
            "{} of {}, {} ahead {from}",
            if names.len() == 1 { "forecast" } else { "forecasts" },
            shown.join(", "),
            steps(p.horizon),
        );
        let more = json!({
            "version": config.version,
            "seed": config.seed,
            "targets": names,
            "window": p.window,
            "horizon": p.horizon,
            "season": config.season,
        });
        let more = match more {
            Value::Object(more) => more,
            _ => Map::new(),
        };
        let network = self.model().map(ModelFacts::of).unwrap_or_default();
        ModelFacts { heading: Some(["Forecaster".into(), line]), more, ..network }
    }
}

fn steps(horizon: usize) -> String {
    if horizon == 1 { "1 step".into() } else { format!("{horizon} steps") }
}
