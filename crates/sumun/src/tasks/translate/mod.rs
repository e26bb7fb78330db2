//! The task that writes a text for a text: `translate`, sequence to sequence with attention.
//!
//! [`Pairs`](crate::records::Pairs) are split by their sources; both sides become ids (`side`); an encoder and a decoder,
//! a [`Model`](crate::model::Model) (`network`), learn to predict each token of the target from the source and the true
//! tokens before it (`learner`); beam search writes what was learnt (`search`).

mod example;
mod learner;
mod lesson;
mod network;
mod page;
mod pipeline;
mod search;
mod side;
#[cfg(test)]
mod tests;

pub(super) use lesson::Translator;
pub(super) use page::{alignments, examples};
pub use pipeline::TranslationPipeline;
pub use search::BEAM;
