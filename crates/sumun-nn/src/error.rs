//! Everything that can go wrong, with the numbers that say why.

/// The result of anything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. Every message is one line and says what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A kernel refused its arguments.
    #[error(transparent)]
    Kernel(#[from] sumun_kernels::Error),
    /// An array has another shape than is needed.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// Which array.
        what: String,
        /// The shape that was needed, such as `[N, 20, 1]`.
        expected: String,
        /// The shape that was found.
        found: String,
    },
    /// An argument or option that makes no sense; the message says which and what would.
    #[error("{0}")]
    Invalid(String),
    /// A data file that cannot be used as it is; the message names file, row and column.
    #[error("{0}")]
    Data(String),
    /// A model file or run folder that cannot be used.
    #[error("{0}")]
    Model(String),
    /// Training produced a loss that is not finite.
    #[error(
        "the loss became {loss} at step {step} (epoch {epoch}); try a smaller --lr (it was {learning_rate}) or --clip 1"
    )]
    Diverged {
        /// The loss.
        loss: f64,
        /// The optimizer step, counted from 1.
        step: u64,
        /// The epoch, counted from 1.
        epoch: usize,
        /// The learning rate in force.
        learning_rate: f64,
    },
    /// The operating system refused to read or write a file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// A name or text from outside as messages show it: in single quotes, on one line, shortened.
pub fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    let shown: String = text.chars().take(SHOWN).flat_map(shown_char).collect();
    let more = if text.chars().nth(SHOWN).is_some() { "…" } else { "" };
    format!("'{shown}{more}'")
}

fn shown_char(c: char) -> Vec<char> {
    if c.is_control() { c.escape_default().collect() } else { vec![c] }
}
