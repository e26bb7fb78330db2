//! How good predictions are, in the figures that people compare, and what the simplest guesses score.
//!
//! | task | figures | simplest guess |
//! |---|---|---|
//! | classes | [`Classification`] | [`majority`] |
//! | sets of labels | [`LabelSets`] | the most frequent labels for all |
//! | numbers | [`Regression`] | [`mean`] |
//! | tags | [`Tagging`] with [`Spans`] | [`MostFrequentTag`] |
//! | text | [`Language`] | [`Unigram`] |
//! | series from others | [`Simulation`] | the mean of each series, or of each month |
//! | text from text | [`Translation`] with [`chrf()`] | any text for all, or the source itself |
//!
//! The definitions are scikit-learn's, seqeval's and sacreBLEU's, with 0 where a figure would divide by nothing. A guess is
//! made from the training part only and scored like any prediction. All figures serialize, for `--json`.
//!
//! ```
//! use sumun::scores::{Classification, majority};
//!
//! let (train, truth, predicted) = ([0, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1]);
//! let scores = Classification::of(&truth, &predicted, 2)?;
//! assert_eq!((scores.accuracy, scores.confusion[1].as_slice()), (0.75, [1, 2].as_slice()));
//! let guess = Classification::of(&truth, &[majority(&train, 2)?; 4], 2)?;
//! assert_eq!(guess.accuracy, 0.75);
//! # Ok::<(), sumun::Error>(())
//! ```

mod chrf;
mod classification;
mod label_sets;
mod language;
mod regression;
mod reliability;
mod simulation;
mod spans;
mod tagging;
mod translation;

use crate::{Error, Result};

pub use chrf::{CHRF_BETA, CHRF_ORDER, chrf, chrf_with};
pub use classification::{Calibration, ClassScore, Classification, balanced_weights, majority};
pub use label_sets::LabelSets;
pub use language::{Language, PredictedText, Unigram};
pub use regression::{Regression, mean};
pub use reliability::{Reliability, ReliabilityBin};
pub use simulation::{Simulation, kge, nse};
pub use spans::{SpanScheme, SpanScore, Spans, is_bio};
pub use tagging::{MostFrequentTag, Tagging};
pub use translation::{TokenScores, Translation};

/// `part / whole`, 0 where there is no whole (scikit-learn's `zero_division=0`).
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// 2·hits / (found + true ones): the harmonic mean of precision and recall, as both count the same hits.
fn f1(hits: u64, found: u64, support: u64) -> f64 {
    share(2 * hits, found + support)
}

/// Both must have the same number of predictions, at least one.
fn check_lengths(truth: usize, predicted: usize) -> Result<()> {
    if truth == predicted && truth > 0 {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "{predicted} predictions for {truth} true values cannot be scored; there must be as many, at least one"
    )))
}

/// So many counts must fit in memory; None for more than can be numbered.
fn check_memory(classes: usize, counts: Option<usize>) -> Result<()> {
    match counts.is_some_and(|counts| Vec::<u64>::new().try_reserve_exact(counts).is_ok()) {
        true => Ok(()),
        false => Err(Error::Invalid(format!("there is no memory to count {classes} classes; use fewer"))),
    }
}

/// All ids must be below `classes`.
fn check_ids(what: &str, ids: &[u32], classes: usize) -> Result<()> {
    match ids.iter().position(|&id| id as usize >= classes) {
        None => Ok(()),
        Some(at) => {
            Err(Error::Invalid(format!("{what} {at} is {}; there are {classes} classes, from 0", ids[at])))
        }
    }
}
