//! Which answer of a network is explained.

use crate::data::quoted;
use crate::message::key;
use crate::tasks::{Answers, Example, argmax};
use crate::{Error, Result};

/// What is asked of an example.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// The step whose answer is explained, from 1: of a network that answers at every step, the last where nothing is said; of a
    /// forecast, the step ahead, and of what is written, the token, the first where nothing is said.
    pub step: Option<usize>,
    /// The class or token whose probability is explained, by name; the most probable one where nothing is said, or the one that was
    /// written. Of a forecast, the column; the first, or of quantiles the median, where nothing is said.
    pub class: Option<String>,
}

/// The answer that is explained.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    /// The row of the output, from 0.
    pub(crate) step: usize,
    /// The last step that it can depend on, from 0; None where that is the last one that is read.
    pub(crate) end: Option<usize>,
    /// The place of the output in that row.
    pub(crate) column: usize,
    /// The name of the class; None of a number.
    pub(crate) class: Option<String>,
    /// Whether it is one of several classes, so that the outputs of the others count against it. The logit of a label that is there
    /// or not, whatever others are, is ln p / (1 − p) as it is.
    pub(crate) against_others: bool,
    /// What an output is multiplied by.
    pub(crate) scale: f64,
}

/// Finds the answer that is asked for among the rows of a network's output.
pub(super) fn asked(rows: &[f32], width: usize, example: &Example, ask: &Ask) -> Result<Asked> {
    let count = rows.len() / width.max(1);
    let usual = match &example.answers {
        Answers::Classes(_) | Answers::Labels(_) | Answers::Number { .. } if ask.step.is_some() => {
            return Err(Error::Settings(
                key("step") + " is for models that answer at every step; leave it out",
            ));
        }
        Answers::Ahead { .. } | Answers::EachWritten { .. } => 1,
        _ => count,
    };
    let step = match ask.step.unwrap_or(usual) {
        step if (1..=count).contains(&step) => step - 1,
        step => {
            return Err(Error::setting(
                key("step"),
                step,
                format!("from 1 to {count}, as many as there are"),
            ));
        }
    };
    let row = &rows[step * width..(step + 1) * width];
    let place = |name: &String, names: &mut dyn Iterator<Item = &String>| {
        let names: Vec<&String> = names.collect();
        names.iter().position(|known| *known == name).ok_or_else(|| {
            let known =
                format!(" is {}, which the model does not know; it knows {}", quoted(name), some(&names));
            Error::Settings(key("class") + known)
        })
    };
    let mut found =
        Asked { step, end: None, column: 0, class: None, against_others: false, scale: example.weight };
    match (&example.answers, &ask.class) {
        (Answers::Number { .. } | Answers::NumberEachStep { .. }, Some(_)) => {
            return Err(Error::Settings(
                key("class") + " is for models whose answer is a class; leave it out",
            ));
        }
        (&Answers::Number { scale, .. }, None) => found.scale *= scale,
        (&Answers::NumberEachStep { scale, .. }, None) => {
            found.scale *= scale;
            found.end = Some(step);
        }
        (Answers::Ahead { columns, usual, .. }, asked) => {
            found.column = *usual;
            if let Some(name) = asked {
                found.column = place(name, &mut columns.iter().map(|(name, _)| name))?;
            }
            found.scale *= columns[found.column].1;
        }
        (Answers::EachWritten { classes, written, .. }, asked) => {
            // The search may have written another token than the most probable one.
            found.column = match asked.as_ref().or(written.get(step)) {
                None => argmax(row) as usize,
                Some(name) => place(name, &mut classes.iter())?,
            };
            found.class = Some(classes[found.column].clone());
            found.against_others = true;
        }
        (Answers::Classes(names) | Answers::Labels(names) | Answers::EachStep(names), asked) => {
            found.column = match asked {
                None => argmax(row) as usize,
                Some(name) => place(name, &mut names.iter())?,
            };
            found.class = Some(names[found.column].clone());
            found.end = matches!(example.answers, Answers::EachStep(_)).then_some(step);
            found.against_others = !matches!(example.answers, Answers::Labels(_));
        }
    }
    Ok(found)
}

/// The first names of a list.
fn some(names: &[&String]) -> String {
    const SOME: usize = 8;
    let listed: Vec<String> = names.iter().take(SOME).map(|name| quoted(name)).collect();
    let more = if names.len() > SOME { ", …" } else { "" };
    listed.join(", ") + more
}
