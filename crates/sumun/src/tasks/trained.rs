//! A trained task in a file, and at work again.

use std::path::Path;

use super::figures::{Measured, Predictions, ScoredLines};
use super::file::{PIPELINE, PIPELINE_KIND};
use super::protocol::{Pieces, no_scores};
use super::sampling::Sampling;
use super::task::{How, Lesson, Pipeline, Task};
use crate::message::{key, text};
use crate::model::{Input, Model, ModelFile, NETWORK, Registry};
use crate::report::text::shape;
use crate::{Error, Result};

/// A model for a task, as it was trained.
#[derive(Debug)]
pub struct TrainedTask<T: Task> {
    /// How it reads records, and what its outputs say.
    pub pipeline: <T::Lesson as Lesson>::Pipeline,
    /// The network.
    pub model: Model,
}

impl<T: Task> TrainedTask<T> {
    /// The model that a file holds. Errors, which do not know the file's name: another task, a pipeline or layers that
    /// cannot be read, or that do not fit each other.
    pub fn from_file(file: ModelFile) -> Result<Self> {
        Self::from_file_with(file, &Registry::standard())
    }

    /// As [`from_file`](Self::from_file), of layers that the registry has.
    pub fn from_file_with(mut file: ModelFile, registry: &Registry) -> Result<Self> {
        if file.task != T::NAME {
            return Err(Error::Model(format!("holds a model for {:?}, not for {}", file.task, T::NAME)));
        }
        let pipeline = file.config.get_mut(PIPELINE).map(serde_json::Value::take).unwrap_or_default();
        let kind = pipeline.get(PIPELINE_KIND).and_then(serde_json::Value::as_str);
        if kind.is_some_and(|kind| kind != <T::Lesson as Lesson>::Pipeline::KIND) {
            return Err(Error::Model(format!("its pipeline is not one for {}", T::NAME)));
        }
        let pipeline: <T::Lesson as Lesson>::Pipeline = serde_json::from_value(pipeline)
            .map_err(|error| Error::Model(format!("its pipeline cannot be read: {error}")))?;
        file.task = NETWORK.into();
        let model = Model::from_file_with(&file, registry)?;
        pipeline.check(&model)?;
        Ok(Self { pipeline, model })
    }

    /// What the model makes of each record of a file, `-` for standard input. Errors: a file that is not of the kind that
    /// the model was trained on.
    pub fn predict(&self, file: &Path) -> Result<Predictions> {
        self.predict_with(file, &How::default())
    }

    /// As [`predict`](Self::predict), in another way than by default. Error: what means nothing to the model.
    pub fn predict_with(&self, file: &Path, how: &How) -> Result<Predictions> {
        if how.beam.is_some() && !<T::Lesson as Lesson>::Pipeline::SEARCHES {
            let problem = format!("a model to {} searches for no text", T::NAME);
            return Err(Error::Model(problem).advise(text("leave ") + key("beam") + " out"));
        }
        if how.attention && !<T::Lesson as Lesson>::Pipeline::ATTENDS {
            let problem =
                format!("a model to {} has an output at every step and no attention weights", T::NAME);
            return Err(Error::Model(problem).advise(text("leave ") + key("attention") + " out"));
        }
        self.pipeline.predict_file(&self.model, file, how)
    }

    /// Measures the model and its baseline on a labelled file, `-` for standard input. Errors as
    /// [`predict`](Self::predict), and labels that the model does not know.
    pub fn evaluate(&self, file: &Path) -> Result<Measured> {
        self.pipeline.evaluate_file(&self.model, file)
    }

    /// A text that begins with `prompt`, which may be empty; its lines end with LF. Whatever it is, the model reads it as
    /// the beginning of a line, so that an empty prompt gives a new one (a vocabulary without line ends has its most
    /// frequent token for one). Errors: the model is for another task; the prompt has a token that the training text had
    /// not; settings that make no sense.
    ///
    /// ```no_run
    /// use sumun::run::RunFolder;
    /// use sumun::tasks::{Lm, Sampling, TrainedTask};
    /// let model = TrainedTask::<Lm>::from_file(RunFolder::open("runs/lm-input-1")?.load_model()?)?;
    /// for piece in model.generate("ROMEO:\n", &Sampling { length: 1000, ..Sampling::default() })? {
    ///     print!("{}", piece?);
    /// }
    /// # Ok::<(), sumun::Error>(())
    /// ```
    pub fn generate(&self, prompt: &str, how: &Sampling) -> Result<Pieces<'_>> {
        self.pipeline.continue_text(&self.model, prompt, how)?.ok_or_else(|| no_text(T::NAME))
    }

    /// As [`generate`](Self::generate), so many texts at once, each whole: the first is that of `generate`, and the others are
    /// from other random numbers of the same seed. Error besides: no samples.
    pub fn generate_many(&self, prompt: &str, how: &Sampling, samples: usize) -> Result<Vec<String>> {
        self.pipeline.continue_texts(&self.model, prompt, how, samples)?.ok_or_else(|| no_text(T::NAME))
    }

    /// How probable each line of a file is, `-` for standard input, when it is read alone. Errors: the model is for another
    /// task; a file that cannot be read.
    pub fn score_lines(&self, file: &Path) -> Result<ScoredLines> {
        self.pipeline.score_lines(&self.model, file)?.ok_or_else(|| no_scores(T::NAME))
    }
}

/// The error of a model that writes no text.
fn no_text(task: &str) -> Error {
    Error::Model(format!("holds a model for {task}, which goes on with no text; give a run of the task lm"))
}

/// Refuses a network that does not read `input` alone, or whose output has another shape than `output`, in which `None`
/// stands for what differs from batch to batch. For pipelines, which say what they give and take.
pub(super) fn check_network(model: &Model, input: Input, output: &[Option<usize>]) -> Result<()> {
    let Some(read) = model.config().input() else {
        return Err(Error::Model("its network reads several inputs, but its pipeline gives one".into()));
    };
    let found = model.summary().rows.pop().map(|row| row.output_shape).unwrap_or_default();
    if read != input || found != output {
        return Err(Error::Model(format!(
            "its network reads {read:?} and returns {}, but its pipeline gives {input:?} and takes {}",
            shape(&found),
            shape(output)
        )));
    }
    Ok(())
}
