//! The tasks that read sequences as trainings: `classify`, `regress`, `tag`, `lm` and `translate`.

use std::path::Path;

use serde_json::Value;
use toml::Table;

use super::config::{Task, TaskConfig};
use super::figures::Answers;
use super::finished::SequenceOutcome;
use super::labelled::Labelled;
use super::lesson::Lesson;
use super::lm::{Generator, Sampling, Writing};
use super::protocol::{
    About, AnyConfig, AnyTraining, Config, Evaluated, Facts, Learning, ModelFacts, Next, Outcome, Plan,
    Predicted, Request, TaskEntry, TrainedModel,
};
use super::report::task_report;
use super::results::task_results;
use super::source::Source;
use super::tag::Tagger;
use super::trained::TrainedTask;
use super::training::Training;
use super::translate::Translator;
use crate::message::key;
use crate::model::ModelFile;
use crate::report::text::count;
use crate::run::{Checkpoint, RunResults};
use crate::settings::Settings;
use crate::train::{Ending, Keeper, Progress, Session, Snapshot, TrainingStage};
use crate::{Error, Result};

/// A task of sequences as front ends see it.
#[derive(Debug)]
pub(super) struct Entry(pub(super) Task);

impl TaskEntry for Entry {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn purpose(&self) -> &'static str {
        match self.0 {
            Task::Classify => "Learn to label texts or sequences of numbers",
            Task::Regress => "Learn a number for texts or sequences of numbers",
            Task::Tag => "Learn to tag every token of a sentence",
            Task::Lm => "Learn to write text like that of a file",
            Task::Translate => "Learn to write a text for a text, from pairs of them",
        }
    }

    fn settings(&self) -> Result<Settings> {
        TaskConfig::settings(self.0)
    }

    fn configure(&self, tables: &[Table]) -> Result<Box<dyn AnyConfig>> {
        Ok(Box::new(TaskConfig::from_tables(self.0, tables)?))
    }

    fn resume(&self, checkpoint: Checkpoint) -> Result<(Box<dyn AnyTraining>, Vec<String>)> {
        let (training, notes) = Training::<TaskConfig>::resume(checkpoint)?;
        Ok((Box::new(training), notes))
    }

    fn open(&self, name: &str, file: ModelFile) -> Result<Box<dyn TrainedModel>> {
        let trained = TrainedTask::from_file(file)
            .map_err(|error| Error::Model(format!("{name}: {error}; give another run or train again")))?;
        Ok(Box::new(trained))
    }
}

impl Config for TaskConfig {
    type Plan = LessonPlan;

    fn task(&self) -> &'static str {
        self.task.name()
    }

    fn train_file(&self) -> &Path {
        &self.data.train
    }

    fn save_every(&self) -> f64 {
        self.train.save_every
    }

    fn reads_standard_input(&self) -> bool {
        self.data.reads_standard_input()
    }

    fn check(&self) -> Result<()> {
        self.check()
    }

    fn plan(&self, again: bool) -> Result<LessonPlan> {
        let mut read = self.clone();
        if again {
            // The weights come from the checkpoint.
            read.text.vectors = None;
        }
        let lesson: Box<dyn Lesson> = match self.task {
            Task::Classify | Task::Regress => Box::new(Labelled::new(&read)?),
            Task::Tag => Box::new(Tagger::new(&read)?),
            Task::Lm => Box::new(Writing::new(&read)?),
            Task::Translate => Box::new(Translator::new(&read)?),
        };
        Ok(LessonPlan { config: self.clone(), lesson })
    }
}

/// A task of sequences whose data was read.
#[derive(Debug)]
pub struct LessonPlan {
    config: TaskConfig,
    lesson: Box<dyn Lesson>,
}

impl Plan for LessonPlan {
    type Learning = LessonLearning;

    fn sources(&self) -> &[Source] {
        self.lesson.sources()
    }

    fn prepared(&self) -> Result<Value> {
        Ok(self.lesson.to_file()?.config)
    }

    fn begin(self) -> Result<LessonLearning> {
        let Self { config, lesson } = self;
        let session = Session::new(config.fit()?, lesson.objective())?;
        Ok(LessonLearning { config, lesson, session })
    }

    fn resume(self, snapshot: Snapshot) -> Result<LessonLearning> {
        let Self { config, mut lesson } = self;
        let session = Session::resume(config.fit()?, lesson.objective_mut(), snapshot)?;
        Ok(LessonLearning { config, lesson, session })
    }
}

/// A task of sequences that is being trained.
#[derive(Debug)]
pub struct LessonLearning {
    config: TaskConfig,
    lesson: Box<dyn Lesson>,
    session: Session,
}

impl Learning for LessonLearning {
    type Outcome = SequenceOutcome;

    fn notes(&self) -> &[String] {
        self.lesson.notes()
    }

    fn config_toml(&self) -> Result<String> {
        self.config.to_toml()
    }

    fn snapshot(&self) -> Result<Snapshot> {
        Ok(self.session.snapshot(self.lesson.objective()))
    }

    fn run(&mut self, progress: &mut dyn Progress, keeper: &mut dyn Keeper) -> Result<Ending> {
        let stage = TrainingStage {
            name: format!("training {}", self.config.task),
            candidate: 1,
            candidates: 1,
            epochs: self.config.train.epochs,
            examples: self.lesson.examples(),
        };
        self.session.run(self.lesson.objective_mut(), &stage, progress, keeper)
    }

    fn finish(self) -> Result<SequenceOutcome> {
        let Self { config, lesson, session } = self;
        Ok(SequenceOutcome {
            file: lesson.to_file()?,
            measured: lesson.measure()?,
            shown: lesson.shown()?,
            samples: lesson.samples()?,
            examples: lesson.examples(),
            epochs: session.records().to_vec(),
            best_epoch: session.best_epoch(),
            stopped_early: session.records().len() < config.train.epochs,
            seconds: session.seconds(),
            config,
        })
    }
}

impl Outcome for SequenceOutcome {
    fn config_toml(&self) -> Result<String> {
        self.config.to_toml()
    }

    fn model_file(&self) -> Result<ModelFile> {
        Ok(self.file.clone())
    }

    fn results(&self) -> RunResults {
        task_results(self)
    }

    fn stopped_early(&self) -> bool {
        self.stopped_early
    }

    fn report(&self, about: &About) -> String {
        task_report(self, about)
    }

    fn facts(&self) -> Facts {
        let what = match self.config.task {
            Task::Classify | Task::Regress => "sequences",
            Task::Tag => "sentences",
            Task::Lm => "tokens",
            Task::Translate => "pairs",
        };
        let network = &self.config.network;
        let layers = if network.layers == 1 { String::new() } else { format!("{} × ", network.layers) };
        let both = if network.bidirectional { "bidirectional " } else { "" };
        let cell = network.cell.spec().family;
        let parameters = count(task_results(self).parameters);
        Facts {
            file: self.config.data.train.to_string_lossy().into_owned(),
            data: vec![format!("{} {what} to learn", count(self.examples))],
            model: format!("{layers}{both}{cell} of {} units, {parameters} parameters", network.hidden),
            choices: Vec::new(),
        }
    }

    fn evaluated(&self) -> Vec<Evaluated> {
        self.measured.iter().cloned().map(|measured| Evaluated::Figures(Box::new(measured))).collect()
    }

    fn forecasts(&self) -> bool {
        false
    }

    fn next(&self) -> Next {
        match self.config.task {
            Task::Lm => Next::Generate,
            Task::Classify | Task::Regress | Task::Tag | Task::Translate => Next::PredictFile,
        }
    }
}

impl TrainedModel for TrainedTask {
    fn task(&self) -> &'static str {
        self.task.name()
    }

    fn predict(&self, request: &Request<'_>) -> Result<Predicted> {
        if request.steps.is_some() {
            let other = format!(" is for forecasts; this is a model to {}", self.task);
            return Err(Error::Settings(key("steps") + other));
        }
        let Some(file) = request.file else {
            return Err(Error::Invalid(
                "there is no file to predict for; give one, or - for standard input".into(),
            ));
        };
        let answers: Answers = match (request.beam, request.attention) {
            (Some(beam), attention) => self.translate(file, beam, attention)?,
            (None, true) => self.predict_with_attention(file)?,
            (None, false) => self.predict(file)?,
        };
        Ok(Predicted::Records(answers))
    }

    fn evaluate(&self, file: &Path) -> Result<Evaluated> {
        Ok(Evaluated::Figures(Box::new(self.evaluate(file)?)))
    }

    fn facts(&self) -> ModelFacts {
        ModelFacts::of(&self.model)
    }

    fn generate(&self, prompt: &str, how: &Sampling) -> Result<Generator<'_>> {
        self.generate(prompt, how)
    }
}
