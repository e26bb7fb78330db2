//! A setting: one row of the table.

use toml::{Table, Value};

use super::kind::Kind;
use crate::message::key;
use crate::{Error, Result};

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The section of a configuration file that it stands in.
    pub section: &'static str,
    /// Its name there; with `-` for `_` it is the option's.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it does, in a sentence without a full stop.
    pub help: &'static str,
    /// What a search over settings tries, as a [`Range`](super::Range) is written; empty where it leaves the setting alone.
    pub range: &'static str,
}

impl Setting {
    /// The same with what a search over settings tries.
    pub const fn trying(self, range: &'static str) -> Self {
        Self { range, ..self }
    }

    /// Whether both are one setting, whatever is tried of it.
    pub fn is(&self, other: &Self) -> bool {
        self.trying("") == other.trying("")
    }

    /// `section.name`.
    pub fn key(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The option of the command line, without its dashes.
    pub fn option(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The setting alone, as a table of sections.
    pub fn table(&self, value: Value) -> Table {
        alone(self.section, self.name, value)
    }

    /// A value as it is kept. Error: one of another kind.
    pub(super) fn normal(&self, value: &Value) -> Result<Value> {
        self.kind.normal(value).map_err(|wanted| {
            let found = match value {
                // As Rust writes them: NaN.
                Value::Float(number) if !number.is_finite() => number.to_string(),
                other => other.to_string(),
            };
            Error::setting(key(self.name), found, wanted)
        })
    }

    /// How a file says that the default is left open, commented out.
    pub(super) fn example(&self) -> String {
        match self.kind {
            Kind::Count | Kind::Seed | Kind::Season => "1000".into(),
            Kind::Real | Kind::HeldOut | Kind::Least | Kind::Clip => "0.0".into(),
            Kind::Switch => "false".into(),
            Kind::Choice([first, ..]) => format!("{first:?}"),
            Kind::Choice([]) | Kind::Text => "\"…\"".into(),
            Kind::Columns | Kind::Texts => "[\"…\"]".into(),
        }
    }
}

pub(crate) fn alone(section: &str, name: &str, value: Value) -> Table {
    let inner = Table::from_iter([(name.to_owned(), value)]);
    Table::from_iter([(section.to_owned(), Value::Table(inner))])
}
