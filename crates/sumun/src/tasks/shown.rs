//! What a report shows of the data and of what a model writes. None of it is in the model file.

use super::figures::AttentionWeights;

/// What was asked, and the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// What the model read.
    pub asked: Asked,
    /// What it should have predicted.
    pub truth: Truth,
    /// How much each step counted; None of a model that does not pool by attention.
    pub attention: Option<AttentionWeights>,
}

/// What a model read, as people wrote it.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// A text.
    Text(String),
    /// Numbers at each step.
    Numbers {
        /// F, at least 1.
        channels: usize,
        /// `[T, F]`, row-major.
        values: Vec<f32>,
    },
    /// The tokens of a sentence.
    Tokens(Vec<String>),
    /// A row of a series in time.
    Row {
        /// The series; empty where there is one.
        series: String,
        /// What the row is called: its time, or its number.
        label: String,
    },
}

/// What a model should predict.
#[derive(Debug, Clone, PartialEq)]
pub enum Truth {
    /// A label.
    Label(String),
    /// All labels that there are, where there may be several.
    Labels(Vec<String>),
    /// A number.
    Number(f64),
    /// A tag for each token.
    Tags(Vec<String>),
    /// A text.
    Text(String),
}

/// A text that a language model wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// How freely it chose: 1 as it learnt, below it less freely.
    pub temperature: f64,
    /// The text.
    pub text: String,
}
