//! A training of a task from its data to its figures, which may stop anywhere and go on.

use std::fmt;
use std::io::IsTerminal;

use serde::{Deserialize, Serialize};
use sumun_kernels::Path;

use super::config::{Task, TaskConfig};
use super::figures::Measured;
use super::labelled::Labelled;
use super::lm::Writing;
use super::shown::{Sample, Shown};
use super::tag::Tagger;
use crate::model::ModelFile;
use crate::records::STANDARD_INPUT;
use crate::run::Checkpoint;
use crate::train::{Ending, EpochRecord, Keeper, Objective, Progress, Session, Stage};
use crate::{Error, Result};

/// A file that was read, so that one that has changed is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Source {
    /// What it is for: `train`, `valid` or `test`.
    part: String,
    file: String,
    /// SHA-256 of its content.
    hash: String,
}

impl Source {
    pub(super) fn new(part: &str, file: &str, hash: &str) -> Self {
        Self { part: part.into(), file: file.into(), hash: hash.into() }
    }
}

/// A task that is being learnt.
pub(super) trait Lesson: fmt::Debug + Send {
    fn objective(&self) -> &dyn Objective;
    fn objective_mut(&mut self) -> &mut dyn Objective;
    /// How many examples, of the training part.
    fn examples(&self) -> usize;
    fn sources(&self) -> &[Source];
    /// What was noticed, a sentence each.
    fn notes(&self) -> &[String];
    /// The model as it is now.
    fn to_file(&self) -> Result<ModelFile>;
    /// Model and baseline on the held out parts.
    fn measure(&self) -> Result<Vec<Measured>>;
    /// What was asked in the last held out part, and the truth, in the order of its predictions; for the report.
    fn shown(&self) -> Result<Vec<Shown>> {
        Ok(Vec::new())
    }
    /// Texts that the model writes, for the report; none but of a language model.
    fn samples(&self) -> Result<Vec<Sample>> {
        Ok(Vec::new())
    }
}

/// A training of a task.
#[derive(Debug)]
pub struct Training {
    config: TaskConfig,
    lesson: Box<dyn Lesson>,
    session: Session,
}

/// What a checkpoint says of the training beside its snapshot.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    config: TaskConfig,
    sources: Vec<Source>,
    /// The path of the kernels: another one gives other bits.
    path: String,
    /// Everything that was made of the data: vocabulary, classes, layers.
    prepared: serde_json::Value,
}

/// What to do about a training whose data came through a pipe.
pub(crate) const AGAIN: &str =
    "standard input: the training began with data from it; give the same data again";

/// A finished training.
#[derive(Debug)]
pub struct Trained {
    /// All settings, as used.
    pub config: TaskConfig,
    /// The model with its best weights.
    pub file: ModelFile,
    /// Model and baseline on the validation and the test part.
    pub measured: Vec<Measured>,
    /// What was asked in the last part of `measured`, and the truth, in the order of its predictions; none of a language
    /// model.
    pub shown: Vec<Shown>,
    /// Texts that the model wrote; none but of a language model.
    pub samples: Vec<Sample>,
    /// Sequences of the training part.
    pub examples: usize,
    /// What each epoch came to.
    pub epochs: Vec<EpochRecord>,
    /// The epoch whose weights were kept, counted from 1.
    pub best_epoch: usize,
    /// Whether the validation part ended the training before its epochs were through.
    pub stopped_early: bool,
    /// Seconds of training, over all sittings.
    pub seconds: f64,
}

impl Training {
    /// Reads the data and builds the model. Errors: data that cannot be read or learnt from, options that do not fit.
    pub fn begin(config: TaskConfig) -> Result<Self> {
        let lesson = lesson(&config)?;
        let session = Session::new(config.fit()?, lesson.objective())?;
        Ok(Self { config, lesson, session })
    }

    /// Goes on from a checkpoint, and says what may be different now. Data from standard input is read from it again.
    /// Errors: data that has changed or is no longer there, and a checkpoint that does not fit it.
    pub fn resume(checkpoint: Checkpoint) -> Result<(Self, Vec<String>)> {
        let about: About = serde_json::from_value(checkpoint.about)
            .map_err(|error| Error::Model(format!("the checkpoint's training cannot be read: {error}")))?;
        let mut config = about.config;
        // The weights come from the checkpoint.
        let vectors = config.text.vectors.take();
        let piped = config.data.reads_standard_input();
        if piped && std::io::stdin().is_terminal() {
            return Err(Error::Data(AGAIN.into()));
        }
        let mut lesson = lesson(&config).map_err(|error| match error.problem() {
            Error::Data(problem) if piped && problem.starts_with(STANDARD_INPUT) => Error::Data(AGAIN.into()),
            _ => error,
        })?;
        config.text.vectors = vectors;
        if lesson.sources().len() != about.sources.len() {
            return Err(Error::Model("the checkpoint does not say which data it was trained on".into()));
        }
        for (now, then) in lesson.sources().iter().zip(&about.sources) {
            if now != then && now.file == STANDARD_INPUT {
                return Err(Error::Data(AGAIN.into()));
            }
            if now != then {
                return Err(Error::Data(format!(
                    "{}: the {} data has changed since the training began; put it back, or train anew",
                    now.file, then.part
                )));
            }
        }
        if lesson.to_file()?.config != about.prepared {
            return Err(Error::Model(
                "this version of sumun makes another vocabulary or network of the data; train anew".into(),
            ));
        }
        let mut notes = Vec::new();
        let path = Path::best().name();
        if path != about.path {
            notes.push(format!(
                "the training began with {} instructions and goes on with {path}: it will end with other bits",
                about.path
            ));
        }
        let session = Session::resume(config.fit()?, lesson.objective_mut(), checkpoint.snapshot)?;
        Ok((Self { config, lesson, session }, notes))
    }

    /// All settings, as used.
    pub fn config(&self) -> &TaskConfig {
        &self.config
    }

    /// What was noticed about the data, a sentence each.
    pub fn notes(&self) -> &[String] {
        self.lesson.notes()
    }

    /// Where it stands now.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        let about = About {
            config: self.config.clone(),
            sources: self.lesson.sources().to_vec(),
            path: Path::best().name().into(),
            prepared: self.lesson.to_file()?.config,
        };
        let about = serde_json::to_value(about)
            .map_err(|error| Error::Invalid(format!("the checkpoint cannot be written as JSON: {error}")))?;
        Ok(Checkpoint { about, snapshot: self.session.snapshot(self.lesson.objective()) })
    }

    /// Trains until the end or until the keeper stops it.
    pub fn run(&mut self, progress: &mut dyn Progress, keeper: &mut dyn Keeper) -> Result<Ending> {
        let stage = Stage {
            name: format!("training {}", self.config.task),
            candidate: 1,
            candidates: 1,
            epochs: self.config.train.epochs,
            examples: self.lesson.examples(),
        };
        self.session.run(self.lesson.objective_mut(), &stage, progress, keeper)
    }

    /// The figures of a training that has come to its end.
    pub fn finish(self) -> Result<Trained> {
        let Self { config, lesson, session } = self;
        Ok(Trained {
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

fn lesson(config: &TaskConfig) -> Result<Box<dyn Lesson>> {
    config.check()?;
    Ok(match config.task {
        Task::Classify | Task::Regress => Box::new(Labelled::new(config)?),
        Task::Tag => Box::new(Tagger::new(config)?),
        Task::Lm => Box::new(Writing::new(config)?),
    })
}
