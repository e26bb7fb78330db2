//! The task `lm`: a model that reads a text token by token, says after each what may come next, and writes on.
//!
//! A text is one long sequence. In training it is cut into as many stretches as a batch has sequences; they are read side
//! by side in chunks, gradients stay within a chunk, and the state goes on to the next one (truncated backpropagation
//! through time, Williams & Peng 1990). Held out is its end, since the rest would tell too much about a part within it.

mod compose;
mod generate;
mod learner;
mod lesson;
mod pipeline;
mod plain_text;
mod sample;
mod score;
mod streams;
#[cfg(test)]
mod tests;
mod tokens;

pub(super) use compose::Writer;
pub use generate::Generator;
pub(super) use lesson::Writing;
pub use pipeline::LanguagePipeline;
pub use plain_text::PlainText;
pub use sample::Sampling;
