//! Training: from a file or a table to a forecaster; from a file, it may stop anywhere and go on.

use std::io::IsTerminal;
use std::path::Path as FilePath;

use serde::{Deserialize, Serialize};
use sumun_kernels::Path;

use super::config::ForecastConfig;
use super::options::{Options, Time};
use super::run::TASK;
use super::search::Search;
use super::source::{Source, Wanted};
use super::trained::Trained;
use crate::data::{Table, TimeColumn};
use crate::records;
use crate::run::Checkpoint;
use crate::tasks::AGAIN;
use crate::train::{Ending, Keeper, Progress};
use crate::{Error, Result};

/// Trains a forecaster on `table`; see the [module](super) for the recipe. The same options and table give the same
/// model bit for bit, whatever the number of threads. A [`Training`] does the same with a file, and may stop and go on.
///
/// Errors: options that make no sense, a table that lacks columns or values, a constant target, a series that is too
/// short for the window and the horizon, and a loss that is no longer finite.
pub fn train(table: &Table, options: &Options, progress: &mut dyn Progress) -> Result<Trained> {
    let mut search = search(table, options)?;
    for note in search.notes() {
        progress.note(note);
    }
    search.run(progress, &mut ())?;
    let trained = search.finish()?;
    if let Some(choice) = trained.choices.iter().find(|choice| choice.name == "difference") {
        progress.note(&format!("difference = {}: {}", choice.value, choice.reason));
    }
    Ok(trained)
}

/// A training of a forecaster on a file.
#[derive(Debug)]
pub struct Training {
    config: ForecastConfig,
    file: File,
    search: Search,
}

/// The file that was read, so that one that has changed is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    name: String,
    /// SHA-256 of its content.
    hash: String,
}

/// What a checkpoint says of the training beside its snapshot.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    task: String,
    config: ForecastConfig,
    file: File,
    /// The path of the kernels: another one gives other bits.
    path: String,
    /// How each candidate sees the data.
    prepared: serde_json::Value,
}

impl Training {
    /// Reads the data and decides what is left open. Errors: data that cannot be read or learnt from, options that do
    /// not fit.
    pub fn begin(config: ForecastConfig) -> Result<Self> {
        let (file, table) = read(&config)?;
        let search = search(&table, &config.options()?)?;
        Ok(Self { config, file, search })
    }

    /// Whether a checkpoint is that of a forecaster.
    pub fn is_one(checkpoint: &Checkpoint) -> bool {
        checkpoint.about.get("task").and_then(serde_json::Value::as_str) == Some(TASK)
    }

    /// Goes on from a checkpoint, and says what may be different now. Data from standard input is read from it again.
    /// Errors: data that has changed or is no longer there, and a checkpoint that does not fit it.
    pub fn resume(checkpoint: Checkpoint) -> Result<(Self, Vec<String>)> {
        let About { config, file, path, prepared, .. } = serde_json::from_value(checkpoint.about)
            .map_err(|error| Error::Model(format!("the checkpoint's training cannot be read: {error}")))?;
        let piped = config.data.train == FilePath::new("-");
        if piped && std::io::stdin().is_terminal() {
            return Err(Error::Data(AGAIN.into()));
        }
        let (now, table) = read(&config).map_err(|error| match error {
            Error::Data(_) if piped => Error::Data(AGAIN.into()),
            error => error,
        })?;
        if now != file && piped {
            return Err(Error::Data(AGAIN.into()));
        }
        if now != file {
            return Err(Error::Data(format!(
                "{}: the train data has changed since the training began; put it back, or train anew",
                now.name
            )));
        }
        let options = config.options()?;
        options.check()?;
        let search = Search::resume(&options, source(&table, &options)?, checkpoint.snapshot)?;
        let training = Self { config, file, search };
        if training.prepared()? != prepared {
            return Err(Error::Model(
                "this version of sumun prepares the data in another way; train anew".into(),
            ));
        }
        let mut notes = Vec::new();
        let now = Path::best().name();
        if now != path {
            notes.push(format!(
                "the training began with {path} instructions and goes on with {now}: it will end with other bits"
            ));
        }
        Ok((training, notes))
    }

    /// All settings, with what the data decided before the first step filled in.
    pub fn config(&self) -> ForecastConfig {
        self.config.as_used(self.search.resolved())
    }

    /// What was noticed about the data, a sentence each.
    pub fn notes(&self) -> &[String] {
        self.search.notes()
    }

    /// Where it stands now.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        let about = About {
            task: TASK.into(),
            config: self.config.clone(),
            file: self.file.clone(),
            path: Path::best().name().into(),
            prepared: self.prepared()?,
        };
        let about = serde_json::to_value(about).map_err(|error| not_json(&error))?;
        Ok(Checkpoint { about, snapshot: self.search.snapshot()? })
    }

    fn prepared(&self) -> Result<serde_json::Value> {
        serde_json::to_value(self.search.prepared()?).map_err(|error| not_json(&error))
    }

    /// Trains until the end or until the keeper stops it. The records of epochs that the keeper is given begin anew with
    /// each candidate.
    pub fn run(&mut self, progress: &mut dyn Progress, keeper: &mut dyn Keeper) -> Result<Ending> {
        self.search.run(progress, keeper)
    }

    /// The best forecaster, and all settings as used. Error: a training that has not come to its end.
    pub fn finish(self) -> Result<(Trained, ForecastConfig)> {
        let trained = self.search.finish()?;
        let used = self.config.as_used(&trained.resolved);
        Ok((trained, used))
    }
}

fn not_json(error: &serde_json::Error) -> Error {
    Error::Invalid(format!("the checkpoint cannot be written as JSON: {error}"))
}

fn read(config: &ForecastConfig) -> Result<(File, Table)> {
    let text = records::open(&config.data.train, "CSV")?;
    let table = Table::from_text(&text, None)?;
    Ok((File { name: text.name().to_owned(), hash: text.hash() }, table))
}

fn search(table: &Table, options: &Options) -> Result<Search> {
    options.check()?;
    Search::new(options, source(table, options)?)
}

fn source(table: &Table, options: &Options) -> Result<Source> {
    Source::read(table, &wanted(options))
}

fn wanted(options: &Options) -> Wanted<'_> {
    fn names(columns: &[String]) -> Vec<&str> {
        columns.iter().map(String::as_str).collect()
    }
    Wanted {
        targets: names(&options.targets),
        features: names(&options.features),
        known: names(&options.known),
        time: match &options.time {
            Time::Auto => TimeColumn::Auto,
            Time::None => TimeColumn::None,
            Time::Column(name) => TimeColumn::Named(name),
        },
        missing: options.missing,
        expected_frequency: None,
    }
}
