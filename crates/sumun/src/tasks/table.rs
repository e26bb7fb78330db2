//! The settings of all tasks, and single ones by their key.

use std::sync::LazyLock;

use toml::{Table, Value};

use super::entries::TASKS;
use super::protocol::{AnyConfig, TaskEntry};
use crate::message::{Key, Spelling};
use crate::settings::{Kind, Setting, alone, unknown};
use crate::{Error, Result};

/// The settings of all tasks, in the order in which tasks show them. A setting that several tasks share is there once; where
/// tasks mean different things by one key, each has a row of its own.
pub static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    let mut all: Vec<Setting> = Vec::new();
    // Defaults that TOML cannot hold would be an error; a task is then without settings, which tests see.
    for settings in TASKS.iter().filter_map(|task| task.settings().ok()) {
        for row in settings.rows() {
            if !all.iter().any(|known| known.is(row)) {
                all.push(*row);
            }
        }
    }
    all
});

impl Setting {
    /// The setting of a name; no two sections have the same.
    pub fn of(key: Key) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == key.name())
    }
}

/// The defaults of a task under settings from a file and then single ones, each a table of sections. Errors as
/// [`TaskEntry::configure`], and settings that mean something to other tasks alone.
pub fn configure(task: &dyn TaskEntry, tables: &[Table]) -> Result<Box<dyn AnyConfig>> {
    let settings = task.settings()?;
    let name = task.name();
    // A file for another task is refused as one.
    let for_it = |table: &&Table| table.get("task").is_none_or(|task| task.as_str() == Some(name));
    for (section, inner) in tables.iter().filter(for_it).flatten() {
        let Value::Table(inner) = inner else { continue };
        for name in inner.keys().filter(|name| settings.row(section, name).is_none()) {
            if SETTINGS.iter().any(|setting| setting.section == section && setting.name == name) {
                let task = task.name();
                return Err(Error::Invalid(format!(
                    "{section}.{name} means nothing to {task}; leave it out"
                )));
            }
        }
    }
    task.configure(tables)
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

/// A single setting as a table: `train.lr` and `0.01`. What reads as a TOML value is one; else it is a text.
pub fn setting(key: &str, value: &str) -> Result<Table> {
    let Some((section, name)) = key.split_once('.') else {
        return Err(unknown(key, SETTINGS.iter()));
    };
    let kind = SETTINGS.iter().find(|s| s.section == section && s.name == name).map(|s| s.kind);
    let parsed = format!("value = {value}").parse::<Table>().ok().and_then(|mut t| t.remove("value"));
    let value = match (parsed, kind) {
        (Some(Value::Array(names)), Some(Kind::Columns | Kind::Texts)) => Value::Array(names),
        // Its quotes tell a comma in a name from one between names.
        (_, Some(Kind::Columns | Kind::Texts)) => Value::String(value.to_owned()),
        (Some(Value::String(text)), _) => Value::String(text),
        (Some(parsed), kind) if !kind.is_some_and(Kind::is_text) => parsed,
        _ => Value::String(value.to_owned()),
    };
    Ok(alone(section, name, value))
}
