//! What a task reads of the table, and how values of files and options come together.

use std::path::Path;

use toml::{Table, Value};

use super::kind::Kind;
use super::row::Setting;
use crate::data::nearest;
use crate::message::{MessagePart, key, text};
use crate::outside::{self, Links};
use crate::{Error, Result};

/// The settings of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    task: &'static str,
    rows: Vec<Setting>,
    defaults: Table,
    /// Whether the network may be a list of layers.
    layers: bool,
    /// The names of those that the data decide where nothing is said.
    open: &'static [&'static str],
}

/// The key of a configuration under which the layers of a network stand, a table each.
pub(crate) const LAYERS: &str = "layers";

impl Settings {
    /// Those of `rows`, in the order in which they are shown; `defaults`, a table of sections, stands where nothing else is
    /// said.
    pub fn new(task: &'static str, rows: Vec<Setting>, defaults: Table) -> Self {
        Self { task, rows, defaults, layers: false, open: &[] }
    }

    /// The same of a task whose network may be a list of layers: `[[layers]]` in a file.
    pub fn with_layers(self) -> Self {
        Self { layers: true, ..self }
    }

    /// The same of a task with settings that the data decide where nothing is said, by their names.
    pub fn with_open(self, open: &'static [&'static str]) -> Self {
        Self { open, ..self }
    }

    /// Whether the data decide a setting where nothing is said.
    pub fn is_open(&self, setting: &Setting) -> bool {
        self.open.contains(&setting.name)
    }

    /// The rows, in the order in which they are shown.
    pub fn rows(&self) -> impl Iterator<Item = &Setting> {
        self.rows.iter()
    }

    /// Whether the network may be a list of layers.
    pub fn has_layers(&self) -> bool {
        self.layers
    }

    /// Whether the task reads a row.
    pub fn reads(&self, setting: &Setting) -> bool {
        self.rows.iter().any(|row| row.is(setting))
    }

    /// The row of a key.
    pub fn row(&self, section: &str, name: &str) -> Option<&Setting> {
        self.rows().find(|setting| setting.section == section && setting.name == name)
    }

    /// The default of a row as people write it; None where there is none.
    pub fn default_of(&self, setting: &Setting) -> Option<String> {
        match self.defaults.get(setting.section)?.get(setting.name)? {
            Value::String(text) if text.is_empty() => None,
            Value::Array(names) if names.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            // A list as one text, which files and options take as well.
            Value::Array(texts) if texts.iter().all(Value::is_str) => {
                Some(texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","))
            }
            Value::Float(value) => Some(value.to_string()),
            value => Some(value.to_string()),
        }
    }

    /// A configuration file with every setting at its default, explained; those without a default are commented out.
    pub fn template(&self) -> String {
        self.template_in(str::to_owned)
    }

    /// The same with what explains a setting as `said` says it, such as in another language.
    pub fn template_in(&self, said: impl Fn(&str) -> String) -> String {
        let mut text = format!("task = \"{}\"\n", self.task);
        let mut section = "";
        for setting in self.rows() {
            if setting.section != section {
                section = setting.section;
                text += &format!("\n[{section}]\n");
            }
            text += &format!("# {}", said(setting.help));
            if let Kind::Choice(names) = setting.kind {
                text += &format!(": {}", names.join(", "));
            }
            if self.is_open(setting) {
                text += &format!(" ({})", said("decided from the data where it is left out"));
            }
            text += ".\n";
            // `auto` is a text where a number may stand as well.
            let word = setting.kind == Kind::Least;
            text += &match self.default_of(setting) {
                Some(value) if setting.kind.is_text() || (word && value.parse::<f64>().is_err()) => {
                    format!("{} = \"{value}\"\n", setting.name)
                }
                Some(value) => format!("{} = {value}\n", setting.name),
                // Without these there is no training.
                None if setting.name == "train" => "train = \"data.csv\"\n".into(),
                None if setting.kind == Kind::Columns && setting.name == "target" => {
                    "target = [\"value\"]\n".into()
                }
                None => format!("# {} = {}\n", setting.name, setting.example()),
            };
        }
        text
    }

    /// The defaults under `tables`, each over those before it, by section; still with the `task`. Errors: keys that the task
    /// does not read, with the nearest name; values of another kind.
    pub fn together(&self, tables: &[Table]) -> Result<Table> {
        let mut all = self.defaults.clone();
        tables.iter().try_for_each(|table| self.overlay(&mut all, table))?;
        Ok(all)
    }

    /// Leaves only what the task reads.
    pub(crate) fn retain_read(&self, table: &mut Table) {
        table.retain(|section, inner| match inner {
            Value::Table(inner) => {
                inner.retain(|name, _| self.row(section, name).is_some());
                !inner.is_empty()
            }
            _ => true,
        });
    }

    /// The layers of a network as a file has them. Errors: no list of tables; a task with a network of its own.
    fn layers(&self, value: &Value) -> Result<Value> {
        match value {
            _ if !self.layers => Err(Error::Invalid(format!(
                "layers are for tasks whose network is a list of them, but {} has a network of its own; leave them out",
                self.task
            ))),
            Value::Array(layers) if !layers.is_empty() && layers.iter().all(Value::is_table) => {
                Ok(value.clone())
            }
            _ => Err(Error::Invalid("layers must be a list of tables; begin each with [[layers]]".into())),
        }
    }

    /// Puts the settings of `table` over those of `all`.
    fn overlay(&self, all: &mut Table, table: &Table) -> Result<()> {
        // First, as settings of another task would only say that they mean nothing.
        if let Some(other) = table.get("task").filter(|other| other.as_str() != Some(self.task)) {
            return Err(Error::Invalid(format!(
                "the configuration is for the task {other}, not for {}",
                self.task
            )));
        }
        for (section, value) in table.iter().filter(|(section, _)| *section != "task") {
            if section == LAYERS {
                all.insert(section.clone(), self.layers(value)?);
                continue;
            }
            let Value::Table(inner) = value else {
                return Err(unknown(section, self.rows()));
            };
            for (name, value) in inner {
                let Some(setting) = self.row(section, name) else {
                    return Err(unknown(&format!("{section}.{name}"), self.rows()));
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
}

/// The most bytes that a configuration has: the names of a hundred thousand columns.
pub(crate) const MOST_CONFIG: u64 = 4 << 20;

/// Reads a configuration file: its settings as they stand, and the task if it names one.
pub fn read_config(path: &Path) -> Result<Table> {
    let text = outside::read_given_text(path, Links::Follow, MOST_CONFIG)?;
    text.parse::<Table>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let message: Vec<&str> = error.message().split_whitespace().collect();
        let line = 1 + before.matches('\n').count();
        Error::Invalid(format!("{}: line {line}: {}", path.display(), message.join(" ")))
    })
}

/// Error unless the training file is named.
pub(crate) fn check_train(path: &Path) -> Result<()> {
    if path.as_os_str().is_empty() {
        return Err(Error::Invalid("no data is named".into())
            .advise(text("give a file, or ") + key("train") + " in the configuration"));
    }
    Ok(())
}

/// What is wrong where settings cannot stand in a file.
pub(crate) fn unwritable(error: &impl std::fmt::Display) -> Error {
    Error::Invalid(format!("the configuration cannot be written: {error}"))
}

/// What is wrong with settings that do not fit their types, on one line.
pub(crate) fn misfit(error: &toml::de::Error) -> Error {
    let message: Vec<&str> = error.message().split_whitespace().collect();
    Error::Invalid(format!("the configuration: {}", message.join(" ")))
}

/// The error for a key that none of `settings` has.
pub(crate) fn unknown<'a>(key: &str, settings: impl Iterator<Item = &'a Setting>) -> Error {
    // `lr` means `train.lr`, and so does `training.lr`.
    let name = key.rsplit_once('.').map_or(key, |(_, name)| name);
    let all: Vec<&Setting> = settings.collect();
    let names: Vec<&str> = all.iter().map(|setting| setting.name).collect();
    let nearest = nearest(name, names.iter()).and_then(|name| all.iter().find(|row| row.name == *name));
    let unknown = Error::Invalid(format!("there is no setting {key:?}"));
    match nearest {
        Some(setting) => unknown.advise(format!("did you mean {}?", setting.key())),
        None => unknown.advise(MessagePart::ListSettings),
    }
}
