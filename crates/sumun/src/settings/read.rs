//! What a task reads of the table, and how values of files and options come together.

use std::path::Path;

use toml::{Table, Value};

use super::kind::Kind;
use super::row::{Group, Setting, alone};
use super::table::SETTINGS;
use crate::message::{Key, MessagePart, Spelling, key, text};
use crate::{Error, Result};

/// The settings of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    task: &'static str,
    groups: &'static [Group],
    defaults: Table,
}

impl Settings {
    /// Those of `groups`; `defaults`, a table of sections, stands where nothing else is said.
    pub fn new(task: &'static str, groups: &'static [Group], defaults: Table) -> Self {
        Self { task, groups, defaults }
    }

    /// The rows of the table that the task reads, in their order.
    pub fn rows(&self) -> impl Iterator<Item = &'static Setting> + use<> {
        let groups = self.groups;
        SETTINGS.iter().filter(move |setting| groups.contains(&setting.group))
    }

    /// Whether the task reads a row.
    pub fn reads(&self, setting: &Setting) -> bool {
        self.groups.contains(&setting.group)
    }

    /// The default of a row as people write it; None where there is none.
    pub fn default_of(&self, setting: &Setting) -> Option<String> {
        match self.defaults.get(setting.section)?.get(setting.name)? {
            Value::String(text) if text.is_empty() => None,
            Value::Array(names) if names.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            Value::Float(value) => Some(value.to_string()),
            value => Some(value.to_string()),
        }
    }

    /// A configuration file with every setting at its default, explained; those without a default are commented out.
    pub fn template(&self) -> String {
        let mut text = format!("task = \"{}\"\n", self.task);
        let mut section = "";
        for setting in self.rows() {
            if setting.section != section {
                section = setting.section;
                text += &format!("\n[{section}]\n");
            }
            text += &format!("# {}", setting.help);
            if let Kind::Choice(names) = setting.kind {
                text += &format!(": {}", names.join(", "));
            }
            text += ".\n";
            text += &match self.default_of(setting) {
                Some(value) if setting.kind.is_text() => format!("{} = \"{value}\"\n", setting.name),
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

    /// The defaults under `tables`, each over those before it, by section; still with the `task`. Errors: keys that are
    /// unknown or that the task does not read, with the nearest name; values of another kind.
    pub fn together(&self, tables: &[Table]) -> Result<Table> {
        let mut all = self.defaults.clone();
        tables.iter().try_for_each(|table| self.overlay(&mut all, table))?;
        Ok(all)
    }

    /// Leaves only what the task reads.
    pub(crate) fn retain_read(&self, table: &mut Table) {
        table.retain(|section, inner| match inner {
            Value::Table(inner) => {
                inner.retain(|name, _| self.rows().any(|s| s.section == section && s.name == name));
                !inner.is_empty()
            }
            _ => true,
        });
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
            let Value::Table(inner) = value else {
                return Err(unknown(section, self.rows()));
            };
            for (name, value) in inner {
                let written = format!("{section}.{name}");
                let is_it = |s: &&Setting| s.section == section && s.name == name;
                let Some(setting) = self.rows().find(is_it) else {
                    return Err(match SETTINGS.iter().any(|s| is_it(&s)) {
                        true => {
                            Error::Invalid(format!("{written} means nothing to {}; leave it out", self.task))
                        }
                        false => unknown(&written, self.rows()),
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

fn unknown<'a>(key: &str, settings: impl Iterator<Item = &'a Setting>) -> Error {
    let likeness = |setting: &Setting| {
        // `lr` means `train.lr`.
        strsim::jaro_winkler(&setting.key(), key).max(strsim::jaro_winkler(setting.name, key))
    };
    let nearest = settings.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let unknown = Error::Invalid(format!("there is no setting {key:?}"));
    match nearest.filter(|setting| likeness(setting) > 0.7) {
        Some(setting) => unknown.advise(format!("did you mean {}?", setting.key())),
        None => unknown.advise(MessagePart::ListSettings),
    }
}
