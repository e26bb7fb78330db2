//! What a training leaves behind: a folder with the model, its options, its losses and its report.
//!
//! A run folder is whole or not there. [`RunFolder::stage`] opens a hidden folder beside the final place; [`LiveRun::begin`]
//! puts it there with its settings and a first checkpoint in it. [`LiveRun::resume`] goes on from the last checkpoint after
//! whatever ended the training, and [`LiveRun::finish`] writes the model. [`RunFolder::open`] finds the model again. Nothing
//! here knows what the files say.
//!
//! A finished run also holds its figures in [`RESULTS_FILE`]. They are in a file of their own, beside the model and not
//! in it: [`RunEntry::list`] reads many runs without their weights, and a person can read them too.
//!
//! Not for a model without its history: [`crate::model::ModelFile`] saves itself.
//!
//! ```
//! use sumun::model::ModelFile;
//! use sumun::run::{MODEL_FILE, RunFolder, default_path};
//!
//! let folder = tempfile::tempdir()?;
//! let path = default_path(folder.path(), "forecast", "data/airline.csv".as_ref());
//! assert!(path.ends_with("forecast-airline-1"));
//! let staged = RunFolder::stage(&path)?;
//! assert!(!path.exists());
//! drop(staged);
//!
//! std::fs::create_dir(&path)?;
//! let model = ModelFile { task: "forecast".into(), config: 24.into(), tensors: vec![] };
//! model.save(path.join(MODEL_FILE))?;
//! assert_eq!(RunFolder::open(&path)?.load_model()?, model);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checkpoint;
mod events;
mod folder;
mod listing;
mod live;
mod lock;
mod metrics;
mod name;
mod results;
mod staged;

pub use checkpoint::Checkpoint;
pub use folder::RunFolder;
pub use listing::{RunEntry, RunState};
pub use live::LiveRun;
pub(crate) use lock::lock;
pub use metrics::MetricsWriter;
pub use name::default_path;
pub use results::{BaselineResult, FigureResult, PartResults, RunResults, different_scales};
pub(crate) use staged::MadeFolders;
pub use staged::Staged;

/// The model, a [`crate::model::ModelFile`].
pub const MODEL_FILE: &str = "model.safetensors";

/// Where an unfinished training stands, a [`Checkpoint`].
pub const CHECKPOINT_FILE: &str = "checkpoint.safetensors";

/// All options as used, for people.
pub const CONFIG_FILE: &str = "config.toml";

/// One JSON object a line for every epoch.
pub const METRICS_FILE: &str = "metrics.jsonl";

/// The folder of what [`METRICS_FILE`] says of epochs as an event file for TensorBoard, where that is asked for.
pub const EVENTS_FOLDER: &str = "tensorboard";

/// The figures of a finished run, [`RunResults`]: small, so that many runs are listed at once.
pub const RESULTS_FILE: &str = "results.json";

/// The report, one page that needs nothing else.
pub const REPORT_FILE: &str = "report.html";

/// Where run folders go unless told: beside where the command runs.
pub const RUNS: &str = "runs";
