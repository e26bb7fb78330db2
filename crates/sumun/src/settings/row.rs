//! A setting: one row of the table.

use toml::{Table, Value};

use super::kind::Kind;
use crate::message::key;
use crate::{Error, Result};

/// Settings that the same tasks read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// Of every training: the file, the cell, the learning rate.
    Every,
    /// Of the forecaster.
    Forecast,
    /// Of what reads sequences: parts of the data, tokens, the network and its training.
    Sequences,
    /// How texts become tokens.
    Tokens,
    /// Of what may read backwards too.
    BothWays,
    /// Of what says one thing about a sequence.
    Labels,
    /// Of what says one of several things.
    Classes,
    /// Of what says something at each token.
    Tags,
    /// Of what sees sequences whole.
    Whole,
    /// Of what reads a text chunk by chunk.
    Chunks,
    /// Of what writes a text for a text.
    Pairs,
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
    /// Who reads it.
    pub group: Group,
}

impl Setting {
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
        self.kind.normal(value).map_err(|wanted| Error::setting(key(self.name), value, wanted))
    }

    /// How a file says that the default is left open, commented out.
    pub(super) fn example(&self) -> String {
        match self.kind {
            Kind::Count | Kind::Season => "1000".into(),
            Kind::Real | Kind::HeldOut | Kind::Clip => "0.0".into(),
            Kind::Switch => "false".into(),
            Kind::Choice([first, ..]) => format!("{first:?}"),
            Kind::Choice([]) | Kind::Text => "\"…\"".into(),
            Kind::Columns => "[\"…\"]".into(),
        }
    }
}

pub(super) fn alone(section: &str, name: &str, value: Value) -> Table {
    let inner = Table::from_iter([(name.to_owned(), value)]);
    Table::from_iter([(section.to_owned(), Value::Table(inner))])
}
