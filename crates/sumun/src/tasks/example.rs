//! A record as a network reads it, for those who look inside.

use std::borrow::Cow;
use std::path::Path;

use serde::Serialize;

use super::figures::Alignment;
use super::inputs::{Padded, Sequences};
use super::words::TokenReader;
use crate::data::quoted;
use crate::message::key;
use crate::text::Vocabulary;
use crate::{Error, Result};

/// Where the record is that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExampleOf<'a> {
    /// A text as it is.
    Text(&'a str),
    /// One of a file's records, counted from 1, the first where nothing is said; `-` for standard input.
    Record(&'a Path, Option<usize>),
}

/// A record as the network of a task reads it, and what its outputs are.
#[derive(Debug, Clone)]
pub struct Example {
    /// What it is, in a few words: `record 3 of reviews.csv`.
    pub what: String,
    /// What each step is: a token as the model reads it; of numbers their times, or their places, from 1.
    pub steps: Vec<String>,
    /// What the numbers of a step are called; nothing where tokens are read.
    pub features: Vec<String>,
    /// What the network returns.
    pub answers: Answers,
    /// What the outputs are multiplied by in the model's answer, so that its probabilities are calibrated.
    pub weight: f64,
    /// What answers together with the network, in a few words, and is not looked at.
    pub beside: Option<&'static str>,
    /// What was noticed, a sentence each.
    pub notes: Vec<String>,
    /// As it is read: one sequence.
    pub(super) sequences: Sequences,
    /// What the network reads besides, which stays as it is.
    pub(super) given: Vec<Given>,
    /// The tokens that the model has learnt, and all of them as one sequence; None where it reads numbers.
    pub(super) vocabulary: Option<(Vec<String>, Sequences)>,
}

impl Example {
    /// The record as a batch of one.
    pub(crate) fn padded(&self) -> Padded {
        self.sequences.padded(&[0])
    }

    /// The numbers that are read, `[T, F]`; None of tokens.
    pub(crate) fn numbers(&self) -> Option<&[f32]> {
        match &self.sequences {
            Sequences::Numbers { values, .. } => values.first().map(Vec::as_slice),
            Sequences::Ids(_) | Sequences::Words { .. } => None,
        }
    }

    /// What is read besides.
    pub(crate) fn given(&self) -> &[Given] {
        &self.given
    }

    /// The tokens that the model has learnt, and all of them as a batch of one; None where it reads numbers.
    pub(crate) fn known(&self) -> Option<(&[String], Padded)> {
        self.vocabulary.as_ref().map(|(tokens, sequence)| (tokens.as_slice(), sequence.padded(&[0])))
    }

    /// One that a network reads in `steps`, and what its outputs are; nothing more is said of it.
    pub(crate) fn new(steps: Vec<String>, sequences: Sequences, answers: Answers) -> Self {
        Self {
            what: String::new(),
            steps,
            features: Vec::new(),
            answers,
            weight: 1.0,
            beside: None,
            notes: Vec::new(),
            sequences,
            given: Vec::new(),
            vocabulary: None,
        }
    }

    /// One of numbers `[T, F]`.
    #[cfg(test)]
    pub(crate) fn of_numbers(values: Vec<f32>, features: usize, answers: Answers) -> Self {
        let steps = (1..=values.len() / features).map(|step| step.to_string()).collect();
        let names = (1..=features).map(|feature| format!("x{feature}")).collect();
        let sequences = Sequences::Numbers { features, values: vec![values] };
        Self { what: "a record".into(), features: names, ..Self::new(steps, sequences, answers) }
    }
}

/// What a network reads beside the record, by the name of the input.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Given {
    pub(crate) name: String,
    /// T and F.
    pub(crate) steps: usize,
    pub(crate) features: usize,
    /// `[T, F]`.
    pub(crate) values: Vec<f32>,
}

/// What the outputs of a network are.
#[derive(Debug, Clone, PartialEq)]
pub enum Answers {
    /// Logits of classes, for the whole record.
    Classes(Vec<String>),
    /// Logits of labels for the whole record, which may have several of them or none.
    Labels(Vec<String>),
    /// Logits of classes at every step: tags, or the tokens that may come next.
    EachStep(Vec<String>),
    /// A number x for the whole record, which stands for x · scale + offset.
    Number {
        /// What is added.
        offset: f64,
        /// What it is multiplied by.
        scale: f64,
    },
    /// A number x at every step, which stands for x · scale + offset.
    NumberEachStep {
        /// What it is a value of.
        name: String,
        /// What is added.
        offset: f64,
        /// What it is multiplied by.
        scale: f64,
        /// The least value that is told.
        least: Option<f64>,
    },
    /// Logits of classes at every step of what is written for the record, each after what was written before it.
    EachWritten {
        /// The tokens that may come next.
        classes: Vec<String>,
        /// The input by which the network reads what was written.
        input: String,
        /// Those that were written, with the end behind them; before the first stands the end, too.
        written: Vec<String>,
        /// How much each of them looked at each step of the record.
        alignment: Alignment,
    },
    /// Numbers x for each step ahead, which change the forecast by x · scale.
    Ahead {
        /// The steps ahead.
        steps: Vec<String>,
        /// The columns that are forecast, and the scale of each.
        columns: Vec<(String, f64)>,
        /// The forecast in the unit of its column, `[columns][steps]`.
        forecast: Vec<Vec<f64>>,
        /// Where what comes should lie, of the column that is forecast, from the smallest share on; nothing of a model without intervals.
        intervals: Vec<IntervalAhead>,
        /// The column that is explained where none is named.
        usual: usize,
    },
}

/// Where a share of what comes should lie.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IntervalAhead {
    /// The share, below 1.
    pub level: f64,
    /// The lower and the upper end of each step ahead, in the unit of the column.
    pub ends: Vec<[f64; 2]>,
}

/// The most steps of a record that is looked at, of a network with so many outputs at every step: more cannot be told apart on a
/// screen, and each is left out once, so that what is computed grows with their square.
pub(super) fn most_steps(outputs: usize) -> usize {
    const MOST: usize = 1000;
    const MOST_OUTPUTS: usize = 2_000_000_000;
    (MOST_OUTPUTS / outputs.max(1)).isqrt().clamp(2, MOST)
}

impl ExampleOf<'_> {
    /// The place of the record among so many of its file, from 0. Error: there is no such record.
    pub(super) fn place(self, records: usize) -> Result<usize> {
        match self {
            Self::Text(_) => Ok(0),
            Self::Record(_, None) => Ok(0),
            Self::Record(file, Some(record)) => {
                match record.checked_sub(1).filter(|&place| place < records) {
                    Some(place) => Ok(place),
                    None => Err(Error::setting(
                        key("record"),
                        record,
                        format!("from 1 to {records}, as many as {} has", file.display()),
                    )),
                }
            }
        }
    }

    /// Error where one record is asked for of a file that is read as a whole.
    pub(super) fn is_whole(self) -> Result<()> {
        match self {
            Self::Record(_, Some(_)) => Err(Error::Settings(
                key("record")
                    + " is for files of records, and the model reads a file as a whole; leave it out",
            )),
            Self::Text(_) | Self::Record(_, None) => Ok(()),
        }
    }

    /// What it is, in a few words.
    pub(super) fn what(self, noun: &str) -> String {
        match self {
            Self::Text(_) => "the text that was given".into(),
            Self::Record(file, record) => format!("{noun} {} of {}", record.unwrap_or(1), file_name(file)),
        }
    }
}

/// A file without its folders.
pub(super) fn file_name(file: &Path) -> Cow<'_, str> {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy()
}

/// The places of so many records, evenly spread, that say for all how far back a network listens.
pub(super) fn some_of(records: usize) -> impl Iterator<Item = usize> {
    const MOST: usize = 32;
    let some = records.min(MOST);
    (0..some).map(move |one| one * records / some)
}

/// The name of what begins and ends a text that is written.
pub(super) const END: &str = "<END>";

/// The error of a text that was given and has no token.
pub(super) fn no_tokens() -> Error {
    Error::Data("the text that was given has no tokens; give a longer one".into())
}

/// The error of a text where a table is read.
pub(super) fn no_table(written: &str) -> Error {
    Error::Data(format!(
        "the model reads rows of a table, and {} is no file with them; give one",
        quoted(written)
    ))
}

/// The tokens that a model has learnt vectors of, without padding and `<UNK>`, and all of them as one sequence.
pub(super) fn vocabulary(words: &TokenReader) -> Result<(Vec<String>, Sequences)> {
    let tokens = words.vocabulary.tokens().get(FIRST..).unwrap_or_default().to_vec();
    let read = words.read(std::iter::once(tokens.as_slice()))?;
    Ok((tokens, Sequences::of_words(read)))
}

/// The same of a vocabulary whose ids a network reads as they are.
pub(super) fn all_of(vocabulary: &Vocabulary) -> (Vec<String>, Sequences) {
    let tokens = vocabulary.tokens().get(FIRST..).unwrap_or_default().to_vec();
    let ids = (FIRST as u32..vocabulary.len() as u32).collect();
    (tokens, Sequences::Ids(vec![ids]))
}

/// The first id of a token beside padding and `<UNK>`.
const FIRST: usize = 2;

/// The error of a model that this is not there for.
pub(super) fn not_shown(task: &str) -> Error {
    Error::Model(format!(
        "holds a model of {task}, whose inside is not shown yet; give a run of forecast, classify, regress, tag, translate, lm or simulate"
    ))
}
