//! Which fields of a file are read where none are named.

use super::record::{Fields, RecordSpec};
use crate::data::{did_you_mean, listed, quoted};
use crate::message::{key, text};
use crate::{Error, Result};

/// What a field holds, as far as the choice goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Text,
    List,
    /// Numbers, booleans, nothing, objects.
    Other,
}

/// The fields chosen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) fields: Fields,
    /// Whether the input is a list of numbers.
    pub(super) numbers: bool,
}

/// Chooses among the fields that a file has. `place` is what names them in messages, such as `row 1`. Errors: a field
/// that is named but not there, or several that it could be.
pub(super) fn choose(
    file: &str,
    place: &str,
    names: &[String],
    holds: impl Fn(usize) -> Holds,
    spec: &RecordSpec<'_>,
) -> Result<Choice> {
    let find = |name: &str| names.iter().position(|other| other == name);
    let label = match spec.label {
        // A file to predict from may lack the labels.
        Some(label) if find(label).is_none() && spec.require_label => {
            return Err(no_such(file, place, label, names));
        }
        Some(label) => Some(label.to_owned()),
        None if find("label").is_some() => Some("label".to_owned()),
        None if spec.require_label => {
            return Err(Error::Data(format!(
                "{file}: which field is the label? {place} names {}",
                listed(names)
            ))
            .advise(text("name it with ") + key("label")));
        }
        None => None,
    };
    let chosen = |input: &str, numbers| Choice {
        fields: Fields { input: input.into(), label: label.clone() },
        numbers,
    };
    for (name, numbers) in [(spec.text, false), (spec.x, true)] {
        if let Some(name) = name {
            if label.as_deref() == Some(name) {
                return Err(Error::Invalid(format!("{name:?} cannot be both what is read and its label"))
                    .advise(text("name another field with ") + key("label")));
            }
            return match find(name) {
                Some(_) => Ok(chosen(name, numbers)),
                None => Err(no_such(file, place, name, names)),
            };
        }
    }
    let is_text = |&index: &usize| holds(index) == Holds::Text && label.as_ref() != Some(&names[index]);
    let texts: Vec<usize> = (0..names.len()).filter(is_text).collect();
    let x = find("x").is_some_and(|index| holds(index) == Holds::List);
    let named_text = texts.iter().any(|&index| names[index] == "text");
    let why = match (x, named_text, texts.as_slice()) {
        (true, false, _) => return Ok(chosen("x", true)),
        (false, true, _) => return Ok(chosen("text", false)),
        (false, false, &[text]) => return Ok(chosen(&names[text], false)),
        (true, true, _) => "both 'x' and 'text' are there",
        (_, _, []) => "no field but the label is a text",
        _ => "several fields are texts",
    };
    Err(Error::Data(format!("{file}: which field is read? {why}; {place} names {}", listed(names))).advise(
        text("name one with ") + key("text") + ", or with " + key("x") + " where it holds lists of numbers",
    ))
}

/// The error for a field that is not there.
pub(super) fn no_such(file: &str, place: &str, name: &str, names: &[String]) -> Error {
    let hint = did_you_mean(name, names);
    Error::Data(format!("{file}: there is no field {};{hint} {place} names {}", quoted(name), listed(names)))
}
