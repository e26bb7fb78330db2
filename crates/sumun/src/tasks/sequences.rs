//! Tasks on sequences as trainings: what follows from a [`Task`].

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use serde_json::{Map, Value};
use toml::Table;

use super::example::{Example, ExampleOf, not_shown};
use super::figures::{Prediction, ScoredLines};
use super::file::to_file;
use super::finished::SequenceOutcome;
use super::options::HeldOut;
use super::parts::FoldOf;
use super::portable::{Portable, not_portable};
use super::protocol::{
    About, AnyConfig, AnyTraining, Config, Evaluated, Facts, Learning, ModelFacts, Next, Outcome, Pieces,
    Plan, Predicted, Reading, Request, Resumed, TaskEntry, TrainedModel,
};
use super::report::task_report;
use super::results::task_results;
use super::sampling::Sampling;
use super::source::Source;
use super::standing::Standing;
use super::task::{How, Lesson, Pipeline, Task, TaskConfig, Words};
use super::trained::TrainedTask;
use super::training::{Training, still_improving};
use crate::inspect::Memory;
use crate::message::key;
use crate::model::{Model, ModelFile, NETWORK, Registry};
use crate::report::text::{count, counted, shortened};
use crate::run::{Checkpoint, RunResults};
use crate::settings::{Settings, unwritable};
use crate::train::{Ending, FitOptions, Keeper, Objective, Progress, Session, Snapshot, TrainingStage};
use crate::{Error, Result};

/// A task on sequences as front ends see it.
pub struct Sequences<T>(PhantomData<fn() -> T>);

impl<T> Sequences<T> {
    /// The task.
    pub const TASK: Self = Self(PhantomData);
}

impl<T: Task> fmt::Debug for Sequences<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sequences({})", T::NAME)
    }
}

impl<T: Task> TaskEntry for Sequences<T> {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn purpose(&self) -> &'static str {
        T::PURPOSE
    }

    fn settings(&self) -> Result<Settings> {
        TaskConfig::<T>::settings()
    }

    fn configure(&self, tables: &[Table]) -> Result<Box<dyn AnyConfig>> {
        Ok(Box::new(TaskConfig::<T>::from_tables(tables)?))
    }

    fn resume(&self, checkpoint: Checkpoint) -> Result<(Box<dyn AnyTraining>, Vec<String>)> {
        let (training, notes) = Training::<TaskConfig<T>>::resume(checkpoint)?;
        Ok((Box::new(training), notes))
    }

    fn open(&self, name: &str, file: ModelFile) -> Result<Box<dyn TrainedModel>> {
        let trained = TrainedTask::<T>::from_file(file)
            .map_err(|error| Error::Model(format!("{name}: {error}; give another run or train again")))?;
        Ok(Box::new(trained))
    }
}

impl<T: Task> Config for TaskConfig<T> {
    type Plan = LessonPlan<T>;

    fn read(kept: Value, registry: &Registry) -> serde_json::Result<Self> {
        Self::of_json(kept, registry).map_err(serde::de::Error::custom)
    }

    fn task(&self) -> &'static str {
        T::NAME
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
        self.data.reads_standard_input()
    }

    fn folds(&self) -> Vec<Self> {
        let of = |fold: FoldOf| {
            let mut config = self.clone();
            // A fold is the test part.
            config.data.test = HeldOut::Share(0.0);
            config.fold = Some(fold);
            config
        };
        FoldOf::all(T::folds(self).unwrap_or(0)).map(of).collect()
    }

    fn check(&self) -> Result<()> {
        self.check()
    }

    fn plan(&self, resumed: Option<Resumed>) -> Result<LessonPlan<T>> {
        let mut read = self.clone();
        read.resumed = resumed;
        if read.resumed.is_some() {
            // The weights come from the checkpoint.
            read.text.vectors = None;
        }
        let (mut config, lesson) = (self.clone(), T::begin(&read)?);
        let choices = T::decide(&mut config, &lesson);
        config.open.clear();
        Ok(LessonPlan { config, choices, lesson })
    }
}

/// A task on sequences whose data was read.
#[derive(Debug)]
pub struct LessonPlan<T: Task> {
    /// With what the data decided.
    config: TaskConfig<T>,
    choices: Vec<[String; 3]>,
    lesson: T::Lesson,
}

/// The model file of a lesson as it is now.
fn file_of<T: Task>(lesson: &T::Lesson) -> Result<ModelFile> {
    to_file(T::NAME, <T::Lesson as Lesson>::Pipeline::KIND, lesson.pipeline(), Some(lesson.model()))
}

impl<T: Task> Plan for LessonPlan<T> {
    type Learning = LessonLearning<T>;

    fn sources(&self) -> &[Source] {
        self.lesson.sources()
    }

    fn prepared(&self) -> Result<Value> {
        Ok(file_of::<T>(&self.lesson)?.config)
    }

    fn begin(self) -> Result<LessonLearning<T>> {
        let Self { config, choices, lesson } = self;
        let session = Session::new(config.train.fit()?, lesson.objective())?;
        Ok(LessonLearning { config, choices, lesson, session })
    }

    fn resume(self, snapshot: Snapshot) -> Result<LessonLearning<T>> {
        let Self { config, choices, mut lesson } = self;
        let session = Session::resume(config.train.fit()?, lesson.objective_mut(), snapshot)?;
        Ok(LessonLearning { config, choices, lesson, session })
    }
}

/// A task on sequences that is being trained.
#[derive(Debug)]
pub struct LessonLearning<T: Task> {
    /// With what the data decided.
    config: TaskConfig<T>,
    choices: Vec<[String; 3]>,
    lesson: T::Lesson,
    session: Session,
}

impl<T: Task> Learning for LessonLearning<T> {
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

    fn standing(&self) -> Result<Standing> {
        Ok(Standing::of(&self.session, self.config.train.fit()?.epochs))
    }

    fn objective(&mut self) -> Result<(&mut dyn Objective, FitOptions)> {
        Ok((self.lesson.objective_mut(), self.config.train.fit()?))
    }

    fn run(&mut self, progress: &mut dyn Progress, keeper: &mut dyn Keeper) -> Result<Ending> {
        let stage = TrainingStage {
            name: format!("training {}", T::NAME),
            candidate: 1,
            candidates: 1,
            epochs: self.config.train.fit()?.epochs,
            examples: self.lesson.examples(),
            unit: if self.lesson.pipeline().tokens().is_some() { "tokens" } else { "steps" },
        };
        self.session.run(self.lesson.objective_mut(), &stage, progress, keeper)
    }

    fn finish(self) -> Result<SequenceOutcome> {
        let Self { config, choices, mut lesson, session } = self;
        let asked = config.train.fit()?.epochs;
        lesson.fit_baselines()?;
        let measured = lesson.measure()?;
        let pipeline = lesson.pipeline();
        let (epochs, best_epoch) = (session.records().to_vec(), session.best_epoch());
        let mut notes = lesson.notes().to_vec();
        for note in measured.iter().flat_map(|measured| &measured.notes) {
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
        notes.extend(still_improving(&epochs, best_epoch, asked));
        Ok(SequenceOutcome {
            task: T::NAME,
            words: Words { loss: lesson.loss_name().unwrap_or(T::WORDS.loss), ..T::WORDS },
            settings: TaskConfig::<T>::settings()?,
            config: config.to_table()?,
            network: match pipeline.beside() {
                Some(what) => format!("{} and {what}", network(&config)),
                None => network(&config),
            },
            choices,
            file: file_of::<T>(&lesson)?,
            summary: lesson.model().summary(),
            classes: pipeline.class_names().to_vec(),
            thresholds: pipeline.thresholds().to_vec(),
            tokens: pipeline.tokens().map(<[String]>::to_vec),
            measured,
            shown: lesson.shown()?,
            samples: lesson.samples()?,
            heard: lesson.heard()?,
            examples: lesson.examples(),
            epochs,
            best_epoch,
            stopped_early: session.records().len() < asked,
            seconds: session.seconds(),
            seed: config.train.seed,
            train_file: config.data.train,
            notes,
        })
    }
}

/// The network in a few words.
fn network<T: Task>(config: &TaskConfig<T>) -> String {
    let network = &config.network;
    if !config.layers.is_empty() {
        return counted(config.layers.len(), "layer");
    }
    let layers = if network.layers == 1 { String::new() } else { format!("{} × ", network.layers) };
    let both = if network.bidirectional { "bidirectional " } else { "" };
    format!("{layers}{both}{} of {} units", network.cell.spec().family, network.hidden)
}

impl Outcome for SequenceOutcome {
    fn config_toml(&self) -> Result<String> {
        toml::to_string(&self.config).map_err(|error| unwritable(&error))
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
        let parameters = count(task_results(self).parameters);
        Facts {
            file: self.train_file.to_string_lossy().into_owned(),
            data: vec![format!("{} to learn", counted(self.examples, self.words.example))],
            model: format!("{}, {parameters} parameters", self.network),
            choices: self.choices.clone(),
        }
    }

    fn evaluated(&self) -> Vec<Evaluated> {
        self.measured.iter().cloned().map(|measured| Evaluated::Figures(Box::new(measured))).collect()
    }

    fn forecasts(&self) -> bool {
        false
    }

    fn next(&self) -> Next {
        self.words.next
    }

    fn memory(&self) -> Result<Option<Memory>> {
        if self.heard.is_empty() {
            return Ok(None);
        }
        let model = Model::from_file(&ModelFile { task: NETWORK.into(), ..self.file.clone() })?;
        Memory::of(self.heard.iter().map(|one| (&model, one)))
    }
}

/// So many classes are named where they are spoken of.
const SOME: usize = 6;

fn counted_classes(count: usize) -> String {
    if count == 1 { "1 class".into() } else { format!("{count} classes") }
}

impl<T: Task> TrainedModel for TrainedTask<T> {
    fn task(&self) -> &'static str {
        T::NAME
    }

    fn predict(&self, request: &Request<'_>) -> Result<Predicted> {
        for (name, given) in [("steps", request.steps), ("samples", request.samples)] {
            if given.is_some() {
                let other = format!(" is for forecasts; this is a model to {}", T::NAME);
                return Err(Error::Settings(key(name) + other));
            }
        }
        request.reading.is_none(T::NAME)?;
        let Some(file) = request.file else {
            return Err(Error::Invalid(
                "there is no file to predict for; give one, or - for standard input".into(),
            ));
        };
        let &Request { beam, attention, .. } = request;
        let mut predicted = self.predict_with(file, &How { beam, attention })?.finite()?;
        let nothing = predicted.predictions.iter().find_map(|one| match one {
            Prediction::Unknown { line } => Some(*line),
            _ => None,
        });
        if let Some(line) = nothing.filter(|_| request.strict) {
            return Err(Error::Data(format!(
                "{}: line {line}: there is nothing to read in the text; leave the record out",
                file.display()
            )));
        }
        if let Some(id) = request.id {
            if predicted.beside.names.is_empty() {
                return Err(Error::Invalid(format!(
                    "columns beside a prediction are for records with a label; this is a model to {}",
                    T::NAME
                )));
            }
            predicted.beside.retain(file, id)?;
        }
        Ok(Predicted::Records(predicted))
    }

    fn evaluate(&self, file: &Path, reading: &Reading<'_>) -> Result<Evaluated> {
        reading.is_none(T::NAME)?;
        Ok(Evaluated::Figures(Box::new(self.evaluate(file)?)))
    }

    fn network(&self) -> Option<&Model> {
        Some(&self.model)
    }

    fn facts(&self) -> ModelFacts {
        let (classes, tokens) = (self.pipeline.class_names(), self.pipeline.tokens());
        let thresholds = self.pipeline.thresholds();
        let reads = match tokens {
            Some(tokens) => format!("reads a vocabulary of {}", counted(tokens.len(), "token")),
            None => "reads sequences of numbers".into(),
        };
        let returns = match classes {
            [] => String::new(),
            _ => {
                let some: Vec<String> = classes.iter().take(SOME).map(|name| shortened(name, 30)).collect();
                let more = if classes.len() > SOME { ", …" } else { "" };
                let known = match thresholds {
                    [] => counted_classes(classes.len()),
                    _ => format!("{}, of which a record may have several", counted(classes.len(), "label")),
                };
                format!(", knows {known}: {}{more}", some.join(", "))
            }
        };
        let mut more = Map::new();
        if !classes.is_empty() {
            more.insert("classes".into(), classes.into());
        }
        if !thresholds.is_empty() {
            more.insert("thresholds".into(), thresholds.into());
        }
        more.insert("vocabulary".into(), tokens.map(<[String]>::len).into());
        let beside = self
            .pipeline
            .beside()
            .map_or_else(String::new, |what| format!("; it answers together with {what}"));
        more.insert("beside".into(), self.pipeline.beside().into());
        let heading = Some([T::WORDS.verb.to_owned(), format!("{reads}{returns}{beside}")]);
        ModelFacts { heading, more, ..ModelFacts::of(&self.model) }
    }

    fn portable(&self) -> Result<Portable> {
        let fields = self.pipeline.portable(&self.model).map_err(|what| not_portable(T::NAME, &what))?;
        let keeps_states = <T::Lesson as Lesson>::Pipeline::KEEPS_STATES;
        let networks =
            self.pipeline.portable_networks(&self.model).map_err(|what| not_portable(T::NAME, &what))?;
        Ok(Portable {
            task: T::NAME,
            script: T::NAME,
            fields,
            keeps_states,
            tokenizer: self.pipeline.tokenizer_json(),
            networks,
            between: <T::Lesson as Lesson>::Pipeline::BETWEEN,
        })
    }

    fn generate(&self, prompt: &str, how: &Sampling) -> Result<Pieces<'_>> {
        self.generate(prompt, how)
    }

    fn generate_many(&self, prompt: &str, how: &Sampling, samples: usize) -> Result<Vec<String>> {
        self.generate_many(prompt, how, samples)
    }

    fn example(&self, of: ExampleOf<'_>) -> Result<Example> {
        let example = self.pipeline.example(&self.model, of)?.ok_or_else(|| not_shown(T::NAME))?;
        Ok(Example { beside: self.pipeline.beside(), ..example })
    }

    fn score_lines(&self, file: &Path) -> Result<ScoredLines> {
        self.score_lines(file)
    }
}
