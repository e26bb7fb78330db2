//! Every setting of a training, once: its key in a configuration file, its option on the command line, what it takes and
//! what it does.
//!
//! Values come together as TOML tables of sections: defaults, then a file, then single settings. A key that no row of
//! [`SETTINGS`] has, or that the task does not read, is an error that names the nearest.
//! [`TaskConfig`] and [`ForecastConfig`] are made of them.

mod kind;
mod table;

use std::path::Path;

use toml::{Table, Value};

use crate::forecast::ForecastConfig;
use crate::message::{Key, Part, Spelling, key, text};
use crate::tasks::{Task, TaskConfig};
use crate::{Error, Result};
use sumun_nn::named;

pub use kind::Kind;
pub(crate) use kind::{WrittenClip, clip};
pub use table::SETTINGS;

/// Who reads settings: the forecaster, or one of the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reader {
    /// The forecaster.
    Forecast,
    /// [`Task::Classify`].
    Classify,
    /// [`Task::Regress`].
    Regress,
    /// [`Task::Tag`].
    Tag,
    /// [`Task::Lm`].
    Lm,
}
named!(
    Reader,
    "task",
    Forecast = "forecast",
    Classify = "classify",
    Regress = "regress",
    Tag = "tag",
    Lm = "lm"
);

impl From<Task> for Reader {
    fn from(task: Task) -> Self {
        match task {
            Task::Classify => Self::Classify,
            Task::Regress => Self::Regress,
            Task::Tag => Self::Tag,
            Task::Lm => Self::Lm,
        }
    }
}

impl Reader {
    /// The task; None for the forecaster, which has a configuration of its own.
    pub fn task(self) -> Option<Task> {
        match self {
            Self::Forecast => None,
            Self::Classify => Some(Task::Classify),
            Self::Regress => Some(Task::Regress),
            Self::Tag => Some(Task::Tag),
            Self::Lm => Some(Task::Lm),
        }
    }

    /// The settings that stand where nothing else is said, by section.
    fn defaults(self) -> Result<Table> {
        let table = match self.task() {
            Some(task) => Table::try_from(TaskConfig::defaults(task)),
            None => Table::try_from(ForecastConfig::default()),
        };
        table.map_err(|error| Error::Invalid(format!("the defaults of {self}: {error}")))
    }

    fn settings(self) -> impl Iterator<Item = &'static Setting> {
        SETTINGS.iter().filter(move |setting| setting.read_by(self))
    }
}

/// Settings as a configuration file has them: `network.hidden`, `data.missing = "drop"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConfigKeys;

impl Spelling for ConfigKeys {
    fn setting(&self, key: Key) -> String {
        // What is no setting is an argument of a call.
        Setting::of(key).map_or_else(|| key.name().to_owned(), Setting::key)
    }

    fn setting_to(&self, key: Key, value: &str) -> String {
        let quoted = Setting::of(key).is_some_and(|setting| setting.kind.is_text());
        let value = if quoted { format!("{value:?}") } else { value.to_owned() };
        format!("{} = {value}", self.setting(key))
    }
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The section of a configuration file that it stands in.
    pub section: &'static str,
    /// Its name there; with `-` for `_` it is the option's.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it does, in a sentence without a full stop.
    pub help: &'static str,
    readers: &'static [Reader],
}

impl Setting {
    /// The setting of a name; no two sections have the same.
    pub fn of(key: Key) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == key.name())
    }

    /// `section.name`.
    pub fn key(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The option of the command line, without its dashes.
    pub fn option(&self) -> String {
        self.name.replace('_', "-")
    }

    /// Whether a task reads it.
    pub fn read_by(&self, reader: impl Into<Reader>) -> bool {
        self.readers.contains(&reader.into())
    }

    /// The default as people write it; None where there is none.
    pub fn default_of(&self, reader: impl Into<Reader>) -> Option<String> {
        match reader.into().defaults().ok()?.get(self.section)?.get(self.name)? {
            Value::String(text) if text.is_empty() => None,
            Value::Array(names) if names.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            Value::Float(value) => Some(value.to_string()),
            value => Some(value.to_string()),
        }
    }

    /// The setting alone, as a table of sections.
    pub fn table(&self, value: Value) -> Table {
        alone(self.section, self.name, value)
    }

    /// A value as it is kept. Error: one of another kind.
    fn normal(&self, value: &Value) -> Result<Value> {
        self.kind.normal(value).map_err(|wanted| Error::setting(key(self.name), value, wanted))
    }

    /// How a file says that the default is left open, commented out.
    fn example(&self) -> &'static str {
        match self.kind {
            Kind::Count | Kind::Season => "1000",
            Kind::Real | Kind::HeldOut | Kind::Clip => "0.0",
            Kind::Switch => "false",
            Kind::Text | Kind::Choice(_) => "\"…\"",
            Kind::Columns => "[\"…\"]",
        }
    }
}

fn alone(section: &str, name: &str, value: Value) -> Table {
    let inner = Table::from_iter([(name.to_owned(), value)]);
    Table::from_iter([(section.to_owned(), Value::Table(inner))])
}

/// A configuration file with every setting of a task at its default, explained; those without a default are commented
/// out.
pub fn template(reader: impl Into<Reader>) -> String {
    let reader = reader.into();
    let mut text = format!("task = \"{reader}\"\n");
    let mut section = "";
    for setting in reader.settings() {
        if setting.section != section {
            section = setting.section;
            text += &format!("\n[{section}]\n");
        }
        text += &format!("# {}", setting.help);
        if let Kind::Choice(names) = setting.kind {
            text += &format!(": {}", names.join(", "));
        }
        text += ".\n";
        text += &match setting.default_of(reader) {
            Some(value) if setting.kind.is_text() => format!("{} = \"{value}\"\n", setting.name),
            Some(value) => format!("{} = {value}\n", setting.name),
            // Without these there is no training.
            None if setting.name == "train" => "train = \"data.csv\"\n".into(),
            None if setting.name == "target" => "target = [\"value\"]\n".into(),
            None => format!("# {} = {}\n", setting.name, setting.example()),
        };
    }
    text
}

/// Reads a configuration file: its settings as they stand, and the task if it names one.
pub fn read_config(path: &Path) -> Result<Table> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.into(), source })?;
    text.parse::<Table>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let message: Vec<&str> = error.message().split_whitespace().collect();
        let line = 1 + before.matches('\n').count();
        Error::Invalid(format!("{}: line {line}: {}", path.display(), message.join(" ")))
    })
}

/// A single setting as a table: `train.lr` and `0.01`. What reads as a TOML value is one; else it is a text.
pub fn setting(key: &str, value: &str) -> Result<Table> {
    let Some((section, name)) = key.split_once('.') else {
        return Err(unknown(key, SETTINGS.iter()));
    };
    let kind = SETTINGS.iter().find(|s| s.section == section && s.name == name).map(|s| s.kind);
    let parsed = format!("value = {value}").parse::<Table>().ok().and_then(|mut t| t.remove("value"));
    let value = match (parsed, kind) {
        (Some(Value::Array(names)), Some(Kind::Columns)) => Value::Array(names),
        // Its quotes tell a comma in a name from one between names.
        (_, Some(Kind::Columns)) => Value::String(value.to_owned()),
        (Some(Value::String(text)), _) => Value::String(text),
        (Some(parsed), kind) if !kind.is_some_and(Kind::is_text) => parsed,
        _ => Value::String(value.to_owned()),
    };
    Ok(alone(section, name, value))
}

/// The defaults of a task under `tables`, each over those before it, by section; still with the `task`. Errors: keys that
/// are unknown or that the task does not read, with the nearest name; values of another kind.
pub(crate) fn together(reader: impl Into<Reader>, tables: &[Table]) -> Result<Table> {
    let reader = reader.into();
    let mut all = reader.defaults()?;
    tables.iter().try_for_each(|table| overlay(reader, &mut all, table))?;
    Ok(all)
}

/// Leaves only what a task reads.
pub(crate) fn retain_read(reader: impl Into<Reader>, table: &mut Table) {
    let reader = reader.into();
    table.retain(|section, inner| match inner {
        Value::Table(inner) => {
            inner.retain(|name, _| reader.settings().any(|s| s.section == section && s.name == name));
            !inner.is_empty()
        }
        _ => true,
    });
}

/// Error unless the training file is named.
pub(crate) fn check_train(path: &Path) -> Result<()> {
    if path.as_os_str().is_empty() {
        return Err(Error::Invalid("no data is named".into())
            .advise(text("give a file, or ") + key("train") + " in the configuration"));
    }
    Ok(())
}

/// What is wrong with settings that do not fit their types, on one line.
pub(crate) fn misfit(error: &toml::de::Error) -> Error {
    let message: Vec<&str> = error.message().split_whitespace().collect();
    Error::Invalid(format!("the configuration: {}", message.join(" ")))
}

/// Puts the settings of `table` over those of `all`.
fn overlay(reader: Reader, all: &mut Table, table: &Table) -> Result<()> {
    // First, as settings of another task would only say that they mean nothing.
    if let Some(other) = table.get("task").filter(|other| other.as_str() != Some(reader.to_string().as_str()))
    {
        return Err(Error::Invalid(format!("the configuration is for the task {other}, not for {reader}")));
    }
    for (section, value) in table.iter().filter(|(section, _)| *section != "task") {
        let Value::Table(inner) = value else {
            return Err(unknown(section, reader.settings()));
        };
        for (name, value) in inner {
            let written = format!("{section}.{name}");
            let is_it = |s: &&Setting| s.section == section && s.name == name;
            let Some(setting) = reader.settings().find(is_it) else {
                return Err(match SETTINGS.iter().any(|s| is_it(&s)) {
                    true => Error::Invalid(format!("{written} means nothing to {reader}; leave it out")),
                    false => unknown(&written, reader.settings()),
                });
            };
            let value = setting.normal(value)?;
            let inner = all.entry(section.clone()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                inner.insert(name.clone(), value);
            }
        }
    }
    Ok(())
}

fn unknown<'a>(key: &str, settings: impl Iterator<Item = &'a Setting>) -> Error {
    let likeness = |setting: &Setting| {
        // `lr` means `train.lr`.
        strsim::jaro_winkler(&setting.key(), key).max(strsim::jaro_winkler(setting.name, key))
    };
    let nearest = settings.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let unknown = Error::Invalid(format!("there is no setting {key:?}"));
    match nearest.filter(|setting| likeness(setting) > 0.7) {
        Some(setting) => unknown.advise(format!("did you mean {}?", setting.key())),
        None => unknown.advise(Part::ListSettings),
    }
}
