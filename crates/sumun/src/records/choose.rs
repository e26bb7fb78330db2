//! Which fields of a file are read where none are named.

use super::record::{Fields, RecordSpec, no_such};
use crate::data::{listed, quoted};
use crate::message::{key, text};
use crate::{Error, Result};

/// What a field holds, as far as the choice goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Text,
    List,
    /// Dates or times of day, and nothing else.
    Times,
    /// Another number or code in each record, and nothing else.
    Identifiers,
    /// Single words that come again and again.
    Names,
    /// Numbers, booleans, nothing, objects.
    Other,
}

impl Holds {
    /// What it is where it is no text to learn from.
    fn name(self) -> &'static str {
        match self {
            Self::Text => "texts",
            Self::List => "lists",
            Self::Times => "times",
            Self::Identifiers => "identifiers",
            Self::Names => "the same few names",
            Self::Other => "no texts",
        }
    }
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
    // What it is called says more than what it looks like.
    let named_text = find("text").is_some_and(|text| {
        label.as_ref() != Some(&names[text]) && !matches!(holds(text), Holds::List | Holds::Other)
    });
    let why = match (x, named_text, texts.as_slice()) {
        (true, false, _) => return Ok(chosen("x", true)),
        (false, true, _) => return Ok(chosen("text", false)),
        (false, false, &[text]) => return Ok(chosen(&names[text], false)),
        (true, true, _) => "both 'x' and 'text' are there",
        (_, _, []) => "no field but the label is a text",
        _ => "several fields are texts",
    };
    let others = (0..names.len()).filter(|&index| {
        matches!(holds(index), Holds::Times | Holds::Identifiers | Holds::Names)
            && label.as_ref() != Some(&names[index])
    });
    let others: Vec<String> =
        others.map(|index| format!("{} holds {}", quoted(&names[index]), holds(index).name())).collect();
    let others = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
    Err(Error::Data(format!("{file}: which field is read? {why}; {place} names {}{others}", listed(names)))
        .advise(
            text("name one with ")
                + key("text")
                + ", or with "
                + key("x")
                + " where it holds lists of numbers; of rows of numbers, name the column that says which recording they are of \
                   with "
                + key("series")
                + ", or cut them with "
                + key("window"),
        ))
}

/// What to say of the fields that were chosen; None where both were named or are called as they always are.
pub(super) fn chosen_note(
    file: &str,
    fields: &Fields,
    holds: Holds,
    spec: &RecordSpec<'_>,
) -> Option<String> {
    let plain = fields.input == "text" && holds == Holds::Text || fields.input == "x" && holds == Holds::List;
    if spec.text.or(spec.x).is_some() || plain {
        return None;
    }
    let label =
        fields.label.as_ref().map_or_else(String::new, |label| format!(", the labels {}", quoted(label)));
    let but = match holds {
        Holds::Times | Holds::Identifiers | Holds::Names => format!(", which holds {}", holds.name()),
        _ => String::new(),
    };
    Some(format!("{file}: the texts are {}{but}{label}", quoted(&fields.input)))
}
