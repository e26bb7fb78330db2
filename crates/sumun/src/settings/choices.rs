//! Values of settings that are one of some names.

use serde::{Deserialize, Serialize};
use sumun_nn::{Distribution, Precision, named};

use crate::text::TokenUnit;

/// The recurrent cell.
pub use sumun_nn::nn::CellKind as Cell;

/// What is subtracted from the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DifferenceChoice {
    /// What does best on the validation part.
    #[default]
    Auto,
    /// Nothing.
    None,
    /// The last known value: the network learns what the naive forecast leaves.
    Last,
    /// The last known value of the same phase: the network learns what the seasonal naive forecast leaves.
    Season,
}
named!(DifferenceChoice, "difference", Auto = "auto", None = "none", Last = "last", Season = "season");

/// What a forecast says of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputChoice {
    /// A distribution of a model of many series, that of counts where they are mostly 0; one number of a model of one.
    #[default]
    Auto,
    /// One number.
    Point,
    /// The median, with intervals around it.
    Quantiles,
    /// A normal distribution.
    Normal,
    /// Student's t distribution, whose tails are heavier.
    StudentT,
    /// A distribution of counts.
    NegativeBinomial,
    /// The same with more zeros.
    ZeroInflated,
}
named!(
    OutputChoice,
    "output",
    Auto = "auto",
    Point = "point",
    Quantiles = "quantiles",
    Normal = "normal",
    StudentT = "student-t",
    NegativeBinomial = "negative-binomial",
    ZeroInflated = "zero-inflated"
);

/// How many bits the numbers of the products of recurrent and dense layers have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrecisionChoice {
    /// 32-bit floats.
    #[default]
    F32,
    /// bfloat16 with sums of 32 bits; parameters stay 32-bit floats.
    Bf16,
}
named!(PrecisionChoice, "precision", F32 = "f32", Bf16 = "bf16");

impl From<PrecisionChoice> for Precision {
    fn from(choice: PrecisionChoice) -> Self {
        match choice {
            PrecisionChoice::F32 => Self::F32,
            PrecisionChoice::Bf16 => Self::Bf16,
        }
    }
}

impl OutputChoice {
    /// The choice of a distribution.
    pub(crate) fn of(distribution: Distribution) -> Self {
        match distribution {
            Distribution::Normal => Self::Normal,
            Distribution::StudentT => Self::StudentT,
            Distribution::NegativeBinomial => Self::NegativeBinomial,
            Distribution::ZeroInflated => Self::ZeroInflated,
        }
    }

    /// The distribution whose parameters the network returns; `None` where it returns numbers of the series.
    pub fn distribution(self) -> Option<Distribution> {
        match self {
            Self::Auto | Self::Point | Self::Quantiles => None,
            Self::Normal => Some(Distribution::Normal),
            Self::StudentT => Some(Distribution::StudentT),
            Self::NegativeBinomial => Some(Distribution::NegativeBinomial),
            Self::ZeroInflated => Some(Distribution::ZeroInflated),
        }
    }
}

/// Something that is on, off, or decided from the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// The data decide.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}
named!(Switch, "switch", Auto = "auto", On = "on", Off = "off");

/// What text becomes before it is cut into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalize {
    /// It stays as it is written.
    #[default]
    None,
    /// A letter and its accents are one character where Unicode has one, and a line ends in one way.
    Nfc,
}
named!(Normalize, "form of text", None = "none", Nfc = "nfc");

/// How much the classes count in the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassWeights {
    /// Every example counts the same.
    #[default]
    None,
    /// Every class counts the same, however few its examples.
    Balanced,
}
named!(ClassWeights, "class_weights", None = "none", Balanced = "balanced");

/// What a token is, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Words and punctuation marks, by Unicode segmentation.
    #[default]
    Word,
    /// What stands between white space.
    Space,
    /// Characters; Hangul syllables whole.
    Char,
    /// Characters, with Hangul syllables cut into their letters.
    Jamo,
    /// Pieces of words, learnt from the training part: frequent words whole, rare ones in parts.
    Subword,
}
named!(Level, "level", Word = "word", Space = "space", Char = "char", Jamo = "jamo", Subword = "subword");

impl Level {
    /// The tokeniser's word for it; of pieces, for what they are made of.
    pub(crate) fn unit(self) -> TokenUnit {
        match self {
            Self::Word => TokenUnit::WordsAndPunctuation,
            Self::Space => TokenUnit::Whitespace,
            Self::Char | Self::Subword => TokenUnit::Characters,
            Self::Jamo => TokenUnit::Jamo,
        }
    }
}

/// How the steps of a sequence become one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The final hidden states of both directions.
    Last,
    /// The largest of each feature.
    #[default]
    Max,
    /// The mean of each feature.
    Mean,
    /// A mean with learnt weights.
    Attention,
}
named!(Pooling, "pool", Last = "last", Max = "max", Mean = "mean", Attention = "attention");
