//! A training of any task from its data to its figures, which may stop anywhere and go on.

use std::io::IsTerminal;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::protocol::{About, AnyConfig, AnyTraining, Config, Learning, Outcome, Plan, Resumed, again};
use super::source::Source;
use super::standing::Standing;
use crate::message::{key, text};
use crate::model::Registry;
use crate::records::STANDARD_INPUT;
use crate::run::{CONFIG_FILE, Checkpoint, LiveRun, RunFolder, RunResults};
use crate::train::{Ending, EpochRecord, FitOptions, Keeper, Objective, Progress};
use crate::{Error, Result};

/// A training of a task.
#[derive(Debug)]
pub struct Training<C: Config> {
    config: C,
    /// What a checkpoint says beside its snapshot.
    about: Value,
    learning: <C::Plan as Plan>::Learning,
}

/// What a checkpoint says of the training beside its snapshot.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    config: Value,
    #[serde(default)]
    sources: Vec<Source>,
    /// The one file of a forecaster, as earlier versions kept it.
    #[serde(default, skip_serializing)]
    file: Option<OneFile>,
    /// The path of the kernels: another one gives other bits.
    path: String,
    /// Everything that was made of the data.
    prepared: Value,
}

#[derive(Debug, Deserialize)]
struct OneFile {
    name: String,
    hash: String,
}

/// The name of the task that a checkpoint is of; None where it is of none.
pub(super) fn task_of(checkpoint: &Checkpoint) -> Option<&str> {
    checkpoint.about.get("config")?.get("task")?.as_str()
}

impl<C: Config> Training<C> {
    /// Reads the data and builds the model. Errors: data that cannot be read or learnt from, settings that do not fit.
    pub fn begin(config: C) -> Result<Self> {
        config.check()?;
        let plan = config.plan(None)?;
        let about = about(&config, &plan)?;
        Ok(Self { config, about, learning: plan.begin()? })
    }

    /// Goes on from a checkpoint, and says what may be different now. Data from standard input is read from it again.
    /// Errors: data that has changed or is no longer there, and a checkpoint that does not fit it.
    pub fn resume(checkpoint: Checkpoint) -> Result<(Self, Vec<String>)> {
        Self::resume_with(checkpoint, &Registry::standard())
    }

    /// As [`resume`](Self::resume), with the layers that the registry has.
    pub fn resume_with(checkpoint: Checkpoint, registry: &Registry) -> Result<(Self, Vec<String>)> {
        let unreadable = |error: serde_json::Error| {
            Error::Model(format!("the checkpoint's training cannot be read: {error}"))
        };
        let Kept { config, mut sources, file, path, prepared } =
            serde_json::from_value(checkpoint.about).map_err(unreadable)?;
        let config = C::read(config, registry).map_err(unreadable)?;
        sources.extend(file.map(|file| Source::new("train", &file.name, &file.hash)));
        config.check()?;
        let piped = config.reads_standard_input();
        if piped && std::io::stdin().is_terminal() {
            return Err(again());
        }
        let resumed = Resumed { weights: checkpoint.snapshot.weights(), sources };
        let plan = config.plan(Some(resumed.clone())).map_err(|error| match error.problem() {
            Error::Data(problem) if piped && problem.starts_with(STANDARD_INPUT) => again(),
            _ => error,
        })?;
        resumed.expect(plan.sources())?;
        if !plan.prepared_alike(&prepared)? {
            return Err(Error::Model(
                "this version of sumun prepares the data in another way, or makes another vocabulary or network of it; train \
                 anew"
                    .into(),
            ));
        }
        let mut notes = Vec::new();
        let now = sumun_kernels::Path::best().name();
        if now != path {
            notes.push(format!(
                "the training began with {path} instructions and goes on with {now}: it will end with other bits"
            ));
        }
        let about = about(&config, &plan)?;
        let learning = plan.resume(checkpoint.snapshot)?;
        Ok((Self { config, about, learning }, notes))
    }

    /// All settings, as they were asked for.
    pub fn config(&self) -> &C {
        &self.config
    }

    /// What was noticed about the data, a sentence each.
    pub fn notes(&self) -> &[String] {
        self.learning.notes()
    }

    /// All settings as TOML, with what the data decided before the first step filled in.
    pub fn config_toml(&self) -> Result<String> {
        self.learning.config_toml()
    }

    /// Where it stands now.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        Ok(Checkpoint { about: self.about.clone(), snapshot: self.learning.snapshot()? })
    }

    /// Trains until the end or until the keeper stops it. Where several models are tried, the records of epochs that the
    /// keeper is given begin anew with each.
    pub fn run(&mut self, progress: &mut dyn Progress, keeper: &mut dyn Keeper) -> Result<Ending> {
        self.learning.run(progress, keeper)
    }

    /// The model and its figures. Error: a training that has not come to its end.
    pub fn finish(self) -> Result<<<C::Plan as Plan>::Learning as Learning>::Outcome> {
        let outcome = self.learning.finish()?;
        check_finite(&outcome.results())?;
        Ok(outcome)
    }
}

/// Writes what a training came to into its run folder, with its report.
pub fn keep(outcome: &dyn Outcome, mut live: LiveRun, about: &About) -> Result<RunFolder> {
    if let Some(metrics) = outcome.metrics()? {
        live.replace_metrics(&metrics)?;
    }
    live.replace(CONFIG_FILE, outcome.config_toml()?.as_bytes())?;
    live.finish(&outcome.model_file()?, outcome.report(about).as_bytes(), &outcome.results())
}

/// Refuses a model whose figures are not finite where those of the baseline are: it passed through numbers too large to be
/// learnt with, though every loss was finite.
fn check_finite(results: &RunResults) -> Result<()> {
    let figures = results.parts.iter().flat_map(|part| part.figures.iter().map(move |figure| (part, figure)));
    match figures.into_iter().find(|(_, figure)| figure.model.is_none() && figure.baseline.is_some()) {
        None => Ok(()),
        Some((part, figure)) => Err(Error::Invalid(format!(
            "the training diverged: the model of epoch {}, the best of {}, has a {} on the {} part that is not finite",
            results.best_epoch, results.epochs, figure.key, part.part
        ))
        .advise(text("try a smaller ") + key("lr") + " or " + key("clip").to(0.1))),
    }
}

/// What to say where the best epoch is the last of those that were asked for; None where a better one came before, or nothing
/// says which is best.
pub(in crate::tasks) fn still_improving(
    epochs: &[EpochRecord],
    best_epoch: usize,
    asked: usize,
) -> Option<String> {
    let last = epochs.last().filter(|last| last.valid_loss.is_some())?;
    (last.epoch == best_epoch && last.epoch == asked).then(|| {
        format!("the last epoch, {best_epoch}, is the best: the model is still improving; give more epochs")
    })
}

fn about<C: Config>(config: &C, plan: &C::Plan) -> Result<Value> {
    let unwritable = |error: serde_json::Error| {
        Error::Invalid(format!("the checkpoint cannot be written as JSON: {error}"))
    };
    let about = Kept {
        config: serde_json::to_value(config).map_err(unwritable)?,
        sources: plan.sources().to_vec(),
        file: None,
        path: sumun_kernels::Path::best().name().into(),
        prepared: plan.prepared()?,
    };
    serde_json::to_value(about).map_err(unwritable)
}

impl<C: Config> AnyConfig for C {
    fn task(&self) -> &'static str {
        Config::task(self)
    }

    fn train_file(&self) -> &Path {
        Config::train_file(self)
    }

    fn save_every(&self) -> f64 {
        Config::save_every(self)
    }

    fn reads_standard_input(&self) -> bool {
        Config::reads_standard_input(self)
    }

    fn begin(&self) -> Result<Box<dyn AnyTraining>> {
        Ok(Box::new(Training::begin(self.clone())?))
    }
}

impl<C: Config> AnyTraining for Training<C> {
    fn train_file(&self) -> &Path {
        Config::train_file(&self.config)
    }

    fn save_every(&self) -> f64 {
        Config::save_every(&self.config)
    }

    fn tensorboard(&self) -> bool {
        self.config.tensorboard()
    }

    fn folds(&self) -> Vec<Box<dyn AnyConfig>> {
        let boxed = |config: C| -> Box<dyn AnyConfig> { Box::new(config) };
        self.config.folds().into_iter().map(boxed).collect()
    }

    fn notes(&self) -> &[String] {
        self.notes()
    }

    fn config_toml(&self) -> Result<String> {
        self.config_toml()
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        self.checkpoint()
    }

    fn standing(&self) -> Result<Standing> {
        self.learning.standing()
    }

    fn objective(&mut self) -> Result<(&mut dyn Objective, FitOptions)> {
        self.learning.objective()
    }

    fn run(&mut self, progress: &mut dyn Progress, keeper: &mut dyn Keeper) -> Result<Ending> {
        self.run(progress, keeper)
    }

    fn finish(self: Box<Self>) -> Result<Box<dyn Outcome>> {
        Ok(Box::new((*self).finish()?))
    }
}
