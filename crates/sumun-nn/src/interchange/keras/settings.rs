//! What a layer of Keras is set to: every setting is asked for, known to say nothing here, or refused.

use std::cell::RefCell;
use std::collections::HashSet;

use sumun_formats::keras::{Layer, Settings, Value};

use super::names::refused;
use crate::Result;

/// Settings that say how a layer is trained, stored or computed, and nothing of what it returns.
const WITHOUT_MEANING: &[&str] = &[
    "name",
    "dtype",
    "trainable",
    "batch_input_shape",
    "batch_shape",
    "input_length",
    "implementation",
    "unroll",
    "zero_output_for_mask",
    "unit_forget_bias",
    "seed",
    "noise_shape",
    "input_dtype",
    "synchronized",
    "build_config",
];

/// Settings of training that are lost, and by what they end.
const OF_TRAINING: [&str; 2] = ["_regularizer", "_constraint"];

/// The settings of a layer, or of one within it.
pub(super) struct Options<'a> {
    /// The layer that messages name.
    pub(super) layer: &'a Layer,
    settings: &'a Settings,
    asked: RefCell<HashSet<String>>,
}

impl<'a> Options<'a> {
    pub(super) fn new(layer: &'a Layer) -> Self {
        Self::within(layer, &layer.settings)
    }

    /// Those of what is within a layer, such as a cell.
    pub(super) fn within(layer: &'a Layer, settings: &'a Settings) -> Self {
        Self { layer, settings, asked: RefCell::default() }
    }

    /// What a setting is; None where it is not there or null.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.asked.borrow_mut().insert(name.into());
        self.settings.get(name).filter(|value| **value != Value::Null)
    }

    fn typed<T>(&self, name: &str, what: &str, of: impl FnOnce(&'a Value) -> Option<T>) -> Result<Option<T>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match of(value) {
            Some(found) => Ok(Some(found)),
            None => Err(refused(self.layer, format!("{name} is {value}, not {what}"))),
        }
    }

    pub(super) fn size(&self, name: &str) -> Result<usize> {
        let found = self.typed(name, "a size", Value::as_size)?;
        found.ok_or_else(|| refused(self.layer, format!("it has no {name}")))
    }

    /// A size that may stand by itself or in a list of one, such as that of a window.
    pub(super) fn length(&self, name: &str, default: usize) -> Result<usize> {
        let one = |value: &Value| match value.as_list() {
            Some([one]) => one.as_size(),
            Some(_) => None,
            None => value.as_size(),
        };
        Ok(self.typed(name, "a size", one)?.unwrap_or(default))
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool> {
        let flag = |value: &Value| match *value {
            Value::Flag(flag) => Some(flag),
            _ => None,
        };
        Ok(self.typed(name, "true or false", flag)?.unwrap_or(default))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>> {
        self.typed(name, "a number", Value::as_number)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>> {
        self.typed(name, "a text", Value::as_text)
    }

    /// The axis of a row's features, if it names one: the last, by itself or in a list, counted from either end.
    pub(super) fn expect_last_axis(&self, name: &str, rank: usize) -> Result<()> {
        let one = |value: &'a Value| match value.as_list() {
            Some([one]) => Some(one),
            Some(_) => None,
            None => Some(value),
        };
        let Some(axis) = self.typed(name, "one axis", one)? else { return Ok(()) };
        match axis.as_number() {
            Some(axis) if axis == -1.0 || axis == rank as f64 - 1.0 => Ok(()),
            _ => Err(refused(
                self.layer,
                format!("{name} is {axis}; only the last axis, the features, is read"),
            )),
        }
    }

    /// Error: a setting that nobody asked for and that says something. Returned are those of training that are lost.
    pub(super) fn finish(self) -> Result<Vec<&'a str>> {
        let asked = self.asked.into_inner();
        let mut lost = Vec::new();
        for (name, value) in self.settings.iter() {
            let says_nothing = matches!(value, Value::Null | Value::Flag(false))
                || WITHOUT_MEANING.contains(&name)
                || name.ends_with("_initializer");
            if asked.contains(name) || says_nothing {
                continue;
            }
            match OF_TRAINING.iter().any(|end| name.ends_with(end)) {
                true => lost.push(name),
                false => {
                    return Err(refused(
                        self.layer,
                        format!("its setting {name} = {value} is not known here"),
                    ));
                }
            }
        }
        Ok(lost)
    }
}
