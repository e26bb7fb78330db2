//! A model from a path, whatever is there.

use std::path::Path;

use sumun_formats::Tensors;
use sumun_nn::interchange::{FileFormat, ForeignFile, Import, ImportOptions, apply};

use crate::message::{key, text};
use crate::model::{Model, ModelConfig, ModelFile, NETWORK, Streams};
use crate::outside::{self, Links};
use crate::tasks::{TrainedModel, open as open_run, open_file};
use crate::{Error, Result};

/// The largest file that is opened: what a model of the most parameters has, twice over in double precision.
const MOST_BYTES: u64 = 16 << 30;

/// A model, and where it came from.
#[derive(Debug)]
pub struct Opened {
    held: Held,
    /// What it came from.
    pub origin: Origin,
    /// What was assumed, left out or rounded, a sentence each.
    pub notes: Vec<String>,
}

#[derive(Debug)]
enum Held {
    Trained(Box<dyn TrainedModel>),
    Imported(Box<Import>),
}

/// What a model came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A run of a task, or its model file: the network without the preprocessing.
    Task(&'static str),
    /// A model file of this library that is of no task.
    ModelFile,
    /// A file of another program.
    Foreign(FileFormat),
}

impl Origin {
    /// What people call it.
    pub fn title(self) -> String {
        match self {
            Self::Task(task) => format!("Sumun, a run of {task}"),
            Self::ModelFile => "Sumun, a model file".into(),
            Self::Foreign(format) => format.title().into(),
        }
    }
}

impl Opened {
    /// Runs the model on named arrays, as [`apply`](fn@sumun_nn::interchange::apply), from the states of its file where `initial`
    /// has none.
    pub fn apply(&self, inputs: &Tensors, initial: &Tensors) -> Result<Tensors> {
        match &self.held {
            Held::Imported(import) => import.apply(inputs, initial),
            Held::Trained(_) => apply(self.model()?, inputs, initial),
        }
    }

    /// As [`apply`](Self::apply), on the model's own arrays also where the file has others, as an ONNX graph may.
    pub fn apply_model(&self, inputs: &Tensors, initial: &Tensors) -> Result<Tensors> {
        match &self.held {
            Held::Imported(import) => import.apply_model(inputs, initial),
            Held::Trained(_) => apply(self.model()?, inputs, initial),
        }
    }

    /// The model for streams, which begin with the states of its file. Errors: a model without a network, and one that needs
    /// more than the steps so far, named with its layer.
    pub fn into_streams(self) -> Result<Streams> {
        match self.held {
            Held::Imported(import) => import.into_streams(),
            // The run keeps its own.
            Held::Trained(_) => Streams::new(Model::from_file(&self.model()?.to_file()?)?),
        }
    }

    /// Whether it is a run of a task, or its model file.
    pub fn is_run(&self) -> bool {
        matches!(self.held, Held::Trained(_))
    }

    /// The run's model with its preprocessing; None of what is no run.
    pub(super) fn trained(&self) -> Option<&dyn TrainedModel> {
        match &self.held {
            Held::Trained(trained) => Some(&**trained),
            Held::Imported(_) => None,
        }
    }

    /// Steps a second that the model was trained for, where its file says so.
    pub fn sample_rate(&self) -> Option<f64> {
        match &self.held {
            Held::Imported(import) => import.sample_rate,
            Held::Trained(_) => None,
        }
    }

    /// The model. Error: one without a network.
    pub fn model(&self) -> Result<&Model> {
        match &self.held {
            Held::Imported(import) => Ok(&import.model),
            Held::Trained(trained) => trained.network().ok_or_else(|| {
                Error::Model(format!(
                    "this model of {} has no network, only a simple forecast",
                    trained.task()
                ))
            }),
        }
    }
}

/// Opens a run folder, a model file, or a file of another program; `architecture` has the layers of a file that has weights
/// alone. Errors: nothing there, a file of no format that is read, a damaged one, and an architecture that the file does not
/// need.
pub fn open(path: &Path, architecture: Option<ModelConfig>) -> Result<Opened> {
    let mut options = ImportOptions::default();
    options.architecture = architecture;
    open_with(path, options)
}

/// As [`open`], with all that is told about a file of another program.
pub fn open_with(path: &Path, options: ImportOptions) -> Result<Opened> {
    if path.is_dir() || !path.exists() {
        return trained(open_run(path)?, &options);
    }
    let name = path.display();
    let bytes = bytes(path)?;
    if is_own(&bytes) {
        let file = ModelFile::from_bytes(&name.to_string(), &bytes)?;
        drop(bytes);
        nothing_told(&options)?;
        return open_own(&name.to_string(), file);
    }
    let file = ForeignFile::read(&bytes).map_err(|error| error.of(&name))?;
    let mut import = file.import_with(options).map_err(|error| error.of(&name))?;
    let notes = std::mem::take(&mut import.notes);
    Ok(Opened { held: Held::Imported(Box::new(import)), origin: Origin::Foreign(file.format()), notes })
}

/// What a model file of this library holds; `name` stands for it in messages.
pub(super) fn open_own(name: &str, file: ModelFile) -> Result<Opened> {
    if file.task != NETWORK {
        return trained(open_file(name, file)?, &ImportOptions::default());
    }
    let import = Import::new(Model::from_file(&file).map_err(|error| error.of(name))?);
    Ok(Opened { held: Held::Imported(Box::new(import)), origin: Origin::ModelFile, notes: Vec::new() })
}

fn trained(trained: Box<dyn TrainedModel>, options: &ImportOptions) -> Result<Opened> {
    nothing_told(options)?;
    let origin = Origin::Task(trained.task());
    Ok(Opened { held: Held::Trained(trained), origin, notes: Vec::new() })
}

fn nothing_told(options: &ImportOptions) -> Result<()> {
    if options.architecture.is_some() {
        return Err(Error::Invalid(
            "a model file of Sumun has its layers in it; leave out the architecture".into(),
        ));
    }
    match options.known.is_empty() {
        true => Ok(()),
        false => Err(Error::Settings(
            text("a model file of Sumun was read for the numbers of its inputs; leave out ")
                + key("set_input"),
        )),
    }
}

/// The bytes of a model file. Errors: none there, anything but a regular file, and more bytes than are read.
pub fn bytes(path: &Path) -> Result<Vec<u8>> {
    outside::read_given(path, Links::Follow, MOST_BYTES)
}

/// Whether a safetensors file is one of this library's, by its metadata.
fn is_own(bytes: &[u8]) -> bool {
    const KEY: &[u8] = b"\"sumun.format\"";
    let [a, b, c, d, 0, 0, 0, 0, rest @ ..] = bytes else { return false };
    let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
    let header = &rest[..length.min(rest.len())];
    header.first() == Some(&b'{') && header.windows(KEY.len()).any(|window| window == KEY)
}
