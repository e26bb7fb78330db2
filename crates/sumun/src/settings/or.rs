//! A number, or a word in its place.

use serde::{Deserialize, Serialize};

use super::declare::Typed;
use super::kind::{CLIP, Kind, clip};
use crate::message::key;
use crate::train::Clip;
use crate::{Error, Result};

/// A number, or a word that says something else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Or<T> {
    /// The number.
    Number(T),
    /// The word, such as `none`.
    Word(String),
}

/// A number of rows, or `none`.
impl Typed for Or<usize> {
    const KIND: Kind = Kind::Season;
}

/// A bound of gradients.
impl Typed for Or<f64> {
    const KIND: Kind = Kind::Clip;
}

impl Or<f64> {
    /// What holds gradients in check, where it is the setting `clip`. Error: a bound below 0 or not finite, and a word that
    /// means none.
    pub(crate) fn clip(&self) -> Result<Clip> {
        let (found, bound) = match self {
            Self::Number(max) => (max.to_string(), clip(&max.to_string())),
            Self::Word(word) => (format!("{word:?}"), clip(word)),
        };
        bound.map_err(|_| Error::setting(key("clip"), found, CLIP))
    }
}
