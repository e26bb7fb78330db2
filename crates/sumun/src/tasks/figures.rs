//! What a model comes to on a part of the data, and what it predicts.

use serde::Serialize;

use crate::message::{key, text};
use crate::records::Beside;
use crate::report::text::{count, counted};
use crate::scores::{Classification, LabelSets, Language, Regression, Simulation, Tagging, Translation};
use crate::text::UNK;
use crate::{Error, Result};

/// The figures of a task.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Figures {
    /// Of a classifier.
    Classification(Classification),
    /// Of a classifier whose records may have several labels.
    Labels(LabelSets),
    /// Of a regressor.
    Regression(Regression),
    /// Of a tagger.
    Tagging(Tagging),
    /// Of a language model.
    Language(Language),
    /// Of a translator.
    Translation(Translation),
    /// Of a simulator.
    Simulation(Simulation),
}

/// The prediction for one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Prediction {
    /// The most probable class, and the probability of each.
    Class {
        /// Its name.
        label: String,
        /// In the order of the classes.
        probabilities: Vec<f64>,
    },
    /// The labels that are probable enough, and the probability of each that was learnt.
    Labels {
        /// The names of those that are; there may be none.
        labels: Vec<String>,
        /// In the order of the classes.
        probabilities: Vec<f64>,
    },
    /// A number.
    Number(f64),
    /// The most probable tag of each token, and how probable it is.
    Tags {
        /// The tags by name.
        tags: Vec<String>,
        /// The probability of each.
        probabilities: Vec<f64>,
    },
    /// A text that was written for a text.
    Text {
        /// The text.
        text: String,
        /// How probable it is as a whole.
        probability: f64,
        /// Whether it came to an end before it was as long as an output may be.
        ended: bool,
        /// What it attended to, where that was asked for.
        alignment: Option<Alignment>,
    },
    /// How probable a language model finds each token after those before it.
    Tokens {
        /// The tokens as the model reads them.
        tokens: Vec<String>,
        /// ln p of each.
        log_probabilities: Vec<f64>,
    },
    /// There is nothing to read in the record: its text is empty, or has no tokens.
    Unknown {
        /// The line of the file that it starts on, counted from 1.
        line: usize,
    },
}

/// How much each token that was written attends to each token of the source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alignment {
    /// The tokens of the source as the model reads them.
    pub source: Vec<String>,
    /// The tokens that were written.
    pub target: Vec<String>,
    /// `[target, source]`, row-major; each row sums to 1.
    pub weights: Vec<f32>,
}

/// How much each step of a sequence counts in its prediction, of a model that pools by attention.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttentionWeights {
    /// The tokens as the model reads them; empty where it reads numbers.
    pub tokens: Vec<String>,
    /// α of each step; together they are 1.
    pub weights: Vec<f32>,
}

/// The error for numbers of a network with which nothing can be said.
pub(super) fn not_finite(what: &str) -> Error {
    Error::Model(format!("{what}; its numbers, or the weights, are too large"))
        .advise(text("look for a mistake in the data, or train again with a smaller ") + key("lr"))
}

impl Prediction {
    /// All its numbers.
    fn numbers(&self) -> &[f64] {
        match self {
            Self::Number(number) | Self::Text { probability: number, .. } => std::slice::from_ref(number),
            Self::Class { probabilities: numbers, .. }
            | Self::Labels { probabilities: numbers, .. }
            | Self::Tags { probabilities: numbers, .. }
            | Self::Tokens { log_probabilities: numbers, .. } => numbers,
            Self::Unknown { .. } => &[],
        }
    }
}

/// Refuses numbers that are none, or too large to be any: nobody is to take them for predictions, and no figure is to be made of
/// them. A network's outputs may be finite and their probabilities not.
pub(super) fn finite(all: Vec<Prediction>) -> Result<Vec<Prediction>> {
    let wrong = |one: &Prediction| one.numbers().iter().copied().find(|number| !number.is_finite());
    match all.iter().enumerate().find_map(|(n, one)| Some((n, wrong(one)?))) {
        Some((n, number)) => Err(not_finite(&format!("prediction {} of {} is {number}", n + 1, all.len()))),
        None => Ok(all),
    }
}

impl Predictions {
    /// The same, if all its numbers are [`finite`].
    pub(super) fn finite(self) -> Result<Self> {
        Ok(Self { predictions: finite(self.predictions)?, ..self })
    }
}

/// What a model makes of a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Predictions {
    /// The names of the classes or tags; empty where there are none.
    pub classes: Vec<String>,
    /// How probable each class must be, where a record may have several; empty else.
    pub thresholds: Vec<f64>,
    /// The tokens of each sentence, of a tagger; empty else.
    pub tokens: Vec<Vec<String>>,
    /// The sources, of a translator; empty else.
    pub texts: Vec<String>,
    /// How much of the file the vocabulary lacks: predictions from what is mostly `<UNK>` say little. None where numbers are
    /// read.
    pub unknown: Option<Unknown>,
    /// A prediction for each record, in the order of the file.
    pub predictions: Vec<Prediction>,
    /// What each prediction rests on, in the same order; empty where it was not asked for.
    pub attention: Vec<AttentionWeights>,
    /// The other fields of each record, of a classifier or regressor.
    pub beside: Beside,
    /// What was noticed, a sentence each.
    pub notes: Vec<String>,
}

/// How probable a language model finds a line of a file that is read alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ScoredLine {
    /// Its number, counted from 1.
    pub line: usize,
    /// How many tokens it has, its end among them where the vocabulary has line ends.
    pub tokens: usize,
    /// How many of them the vocabulary lacks; they count as `<UNK>`.
    pub unknown: usize,
    /// ln p of all its tokens.
    pub log_probability: f64,
}

impl ScoredLine {
    /// The mean ln p of a token, which lines of different lengths are compared by; None of a line without tokens.
    pub fn per_token(&self) -> Option<f64> {
        (self.tokens > 0).then(|| self.log_probability / self.tokens as f64)
    }
}

/// The lines of a file as a language model finds them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScoredLines {
    /// In the order of the file.
    pub lines: Vec<ScoredLine>,
    /// What was noticed, a sentence each.
    pub notes: Vec<String>,
}

/// How many tokens of a part the vocabulary lacks, so that the model reads `<UNK>` there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// So many are unknown,
    pub count: usize,
    /// of so many.
    pub of: usize,
    /// Whether unknown ones have the vectors of their parts, so that the model reads more of them than that they are unknown.
    #[serde(skip)]
    pub have_parts: bool,
}

impl Unknown {
    /// Counts `<UNK>` among ids.
    pub(super) fn among<'a>(ids: impl IntoIterator<Item = &'a u32>) -> Self {
        let mut unknown = Self { count: 0, of: 0, have_parts: false };
        for &id in ids {
            unknown.count += usize::from(id == UNK);
            unknown.of += 1;
        }
        unknown
    }
}

impl Measured {
    /// What the part has: `57 sentences`. Of a text, the vocabulary as well, as perplexities compare where it is the same.
    pub fn amount(&self) -> String {
        let noun = match self.figures {
            Figures::Classification(_) | Figures::Labels(_) | Figures::Regression(_) => "example",
            Figures::Tagging(_) => "sentence",
            Figures::Language(_) => "token",
            Figures::Translation(_) => "pair",
            Figures::Simulation(_) => "row",
        };
        let amount = counted(self.examples, noun);
        match self.figures {
            Figures::Language(figures) => format!("{amount} of {} known", count(figures.vocabulary as usize)),
            _ => amount,
        }
    }
}

/// A simple guess beside the baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// What it does.
    pub name: String,
    /// Its figures.
    pub figures: Figures,
}

/// A model and its baseline on a part.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Which part: `valid`, `test`, or the file's name.
    pub part: String,
    /// How many records, sentences or tokens it has.
    pub examples: usize,
    /// The names of the classes or tags, in the order in which the figures have them; empty where there are none.
    pub classes: Vec<String>,
    /// How much of it the vocabulary lacks: figures on a text that is mostly `<UNK>` say little. None where numbers are
    /// read.
    pub unknown: Option<Unknown>,
    /// The model's figures.
    pub figures: Figures,
    /// Those of the best baseline, by the first of the figures that people compare.
    pub baseline: Figures,
    /// What that baseline does.
    pub baseline_name: String,
    /// Further guesses, none of them better.
    pub other_baselines: Vec<Baseline>,
    /// The model's predictions, in the order of the part; none of a language model.
    pub predictions: Vec<Prediction>,
    /// What was noticed, a sentence each.
    pub notes: Vec<String>,
}

/// Probabilities of logits.
pub(super) fn softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let raised: Vec<f64> = logits.iter().map(|&v| f64::from(v - largest).exp()).collect();
    let sum: f64 = raised.iter().sum();
    raised.into_iter().map(|v| v / sum).collect()
}
