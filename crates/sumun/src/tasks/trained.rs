//! A trained task in a file, and at work again.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::config::Task;
use super::figures::{Answers, Measured};
use super::file::PIPELINE;
use super::labelled::LabelledPipeline;
use super::lm::{LanguagePipeline, PlainText};
use super::tag::TaggingPipeline;
use super::translate::{BEAM, TranslationPipeline};
use crate::message::{MessagePart, key, text};
use crate::model::{AttentionLayer, Input, LayerConfig, Model, ModelFile, NETWORK};
use crate::records::{Pairs, Records, Tagged};
use crate::report::text::shape;
use crate::{Error, Result};

/// How data becomes what a network reads, and its answers what people read; one for each kind of task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Pipeline {
    /// Of `classify` and `regress`.
    Labelled(LabelledPipeline),
    /// Of `tag`.
    Tagging(TaggingPipeline),
    /// Of `lm`.
    Language(LanguagePipeline),
    /// Of `translate`.
    Translation(TranslationPipeline),
}

/// A model for a task, as it was trained.
#[derive(Debug)]
pub struct TrainedTask {
    /// What it does.
    pub task: Task,
    /// How it reads and answers.
    pub pipeline: Pipeline,
    /// The network.
    pub model: Model,
}

impl TrainedTask {
    /// Whether a model file holds a task of this room.
    pub fn is_one(file: &ModelFile) -> bool {
        file.task.parse::<Task>().is_ok()
    }

    /// The model that a file holds. Errors, which do not know the file's name: another task, a pipeline or layers that
    /// cannot be read, or that do not fit each other.
    pub fn from_file(mut file: ModelFile) -> Result<Self> {
        let task = file.task.parse()?;
        let pipeline = file.config.get_mut(PIPELINE).map(serde_json::Value::take);
        let pipeline: Pipeline = serde_json::from_value(pipeline.unwrap_or_default())
            .map_err(|error| Error::Model(format!("its pipeline cannot be read: {error}")))?;
        file.task = NETWORK.into();
        let model = Model::from_file(&file)?;
        pipeline.check(task, &model)?;
        Ok(Self { task, pipeline, model })
    }
}

impl TrainedTask {
    /// What the model makes of each record of a file, `-` for standard input. Errors: a file that is not of the kind that
    /// the model was trained on.
    pub fn predict(&self, path: &Path) -> Result<Answers> {
        match &self.pipeline {
            Pipeline::Labelled(pipeline) => {
                self.labelled(pipeline, &Records::read(path, &pipeline.spec(false))?)
            }
            Pipeline::Tagging(pipeline) => {
                let tagged = Tagged::read(path, &pipeline.spec(false))?;
                let (predictions, unknown) = pipeline.answers(&self.model, &tagged)?;
                let tokens = tagged.sentences.into_iter().map(|sentence| sentence.tokens).collect();
                let classes = pipeline.tags().names().to_vec();
                Ok(Answers { classes, tokens, unknown, predictions, ..Answers::default() })
            }
            Pipeline::Language(_) => {
                Err(Error::Model("holds a language model, which answers no records".into())
                    .advise(MessagePart::Generate))
            }
            Pipeline::Translation(_) => self.translate(path, BEAM, false),
        }
    }

    /// What a translator writes for each source of a file, `-` for standard input, keeping `beam` hypotheses, at least 1
    /// ([`predict`](Self::predict) keeps [`BEAM`]; 1 always takes the most probable token); with what each token attends to
    /// where `attention` is asked for. Errors as [`predict`](Self::predict), and a model for another task.
    pub fn translate(&self, path: &Path, beam: usize, attention: bool) -> Result<Answers> {
        let Pipeline::Translation(pipeline) = &self.pipeline else {
            let problem = format!("a model to {} searches for no text", self.task);
            return Err(Error::Model(problem).advise(text("leave ") + key("beam") + " out"));
        };
        pipeline.answers(&self.model, &Pairs::read(path, &pipeline.spec(false))?, beam, attention)
    }

    /// As [`predict`](Self::predict), with how much each step of a record counts in its answer. Error: the model does not
    /// pool by attention.
    pub fn predict_with_attention(&self, path: &Path) -> Result<Answers> {
        let pools = |layer: &LayerConfig| layer.get::<AttentionLayer>().is_some();
        match &self.pipeline {
            Pipeline::Labelled(pipeline) if self.model.config().layers.iter().any(pools) => {
                let records = Records::read(path, &pipeline.spec(false))?;
                let attention = pipeline.attention(&self.model, &records)?.unwrap_or_default();
                Ok(Answers { attention, ..self.labelled(pipeline, &records)? })
            }
            Pipeline::Labelled(_) => {
                let train = text("train one with ") + key("pool").to("attention") + ", or leave ";
                Err(Error::Model("its steps have no attention weights".into())
                    .advise(train + key("attention") + " out"))
            }
            Pipeline::Translation(_) => self.translate(path, BEAM, true),
            Pipeline::Tagging(_) | Pipeline::Language(_) => Err(Error::Model(format!(
                "a model to {} answers at every step and has no attention weights",
                self.task
            ))
            .advise(text("leave ") + key("attention") + " out")),
        }
    }

    fn labelled(&self, pipeline: &LabelledPipeline, records: &Records) -> Result<Answers> {
        let classes = pipeline.classes().map(|classes| classes.names().to_vec());
        let (predictions, unknown) = pipeline.answers(&self.model, records)?;
        Ok(Answers { classes: classes.unwrap_or_default(), unknown, predictions, ..Answers::default() })
    }

    /// Measures the model and its baseline on a labelled file, `-` for standard input. Errors as
    /// [`predict`](Self::predict), and labels that the model does not know.
    pub fn evaluate(&self, path: &Path) -> Result<Measured> {
        match &self.pipeline {
            Pipeline::Labelled(pipeline) => {
                let records = Records::read(path, &pipeline.spec(true))?;
                pipeline.evaluate(&self.model, &records.name, &records)
            }
            Pipeline::Tagging(pipeline) => {
                let tagged = Tagged::read(path, &pipeline.spec(true))?;
                pipeline.evaluate(&self.model, &tagged.name, &tagged)
            }
            Pipeline::Language(pipeline) => {
                let text = PlainText::read(path)?;
                pipeline.evaluate(&self.model, &text.name, &text)
            }
            Pipeline::Translation(pipeline) => {
                let pairs = Pairs::read(path, &pipeline.spec(true))?;
                pipeline.evaluate(&self.model, &pairs.name, &pairs)
            }
        }
    }
}

impl Pipeline {
    /// The names of classes or tags in the order of their ids; none of other tasks.
    pub(super) fn class_names(&self) -> &[String] {
        match self {
            Self::Labelled(pipeline) => pipeline.classes().map_or(&[], |classes| classes.names()),
            Self::Tagging(pipeline) => pipeline.tags().names(),
            Self::Language(_) | Self::Translation(_) => &[],
        }
    }

    /// The tokens that the network's embedding has a row for, in its order; None where it reads numbers.
    pub(super) fn tokens(&self) -> Option<&[String]> {
        let reader = match self {
            Self::Labelled(pipeline) => &pipeline.reader,
            Self::Tagging(pipeline) => pipeline.reader(),
            Self::Language(pipeline) => return Some(pipeline.token_names()),
            Self::Translation(pipeline) => return Some(pipeline.vocabulary().tokens()),
        };
        reader.vocabulary().map(|vocabulary| vocabulary.tokens())
    }

    /// Whether a network reads what this gives and answers as much as this takes.
    fn check(&self, task: Task, model: &Model) -> Result<()> {
        let (input, outputs) = match (self, task) {
            (Self::Labelled(pipeline), Task::Classify | Task::Regress) => {
                pipeline.reader.check()?;
                (pipeline.reader.input(), vec![None, Some(pipeline.outputs(task)?)])
            }
            (Self::Tagging(pipeline), Task::Tag) => {
                pipeline.check()?;
                (pipeline.reader().input(), vec![None, None, Some(pipeline.tags().len())])
            }
            (Self::Language(pipeline), Task::Lm) => {
                pipeline.check(model)?;
                (Input::ids(pipeline.vocabulary()), vec![None, None, Some(pipeline.vocabulary())])
            }
            (Self::Translation(pipeline), Task::Translate) => return pipeline.check(model),
            _ => return Err(Error::Model(format!("its pipeline is not one for {task}"))),
        };
        let Some(read) = model.config().input() else {
            return Err(Error::Model("its network reads several inputs, but its pipeline gives one".into()));
        };
        let answers = model.summary().rows.pop().map(|row| row.output_shape).unwrap_or_default();
        if read != input || answers != outputs {
            return Err(Error::Model(format!(
                "its network reads {read:?} and answers {}, but its pipeline gives {input:?} and takes {}",
                shape(&answers),
                shape(&outputs)
            )));
        }
        Ok(())
    }
}
