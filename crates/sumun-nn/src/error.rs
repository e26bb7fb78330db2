//! Everything that can go wrong, with the numbers that say why.

use sumun_kernels::Precision;

use crate::message::{Key, Message, RustSpelling, Spelling, key};
use crate::origin::Origin;

/// The result of anything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Refuses a path that this processor lacks, or that has no products of a precision.
pub(crate) fn expect_precision(path: sumun_kernels::Path, precision: Precision) -> Result<()> {
    expect_available(path)?;
    match path.has(precision) {
        true => Ok(()),
        false => Err(sumun_kernels::Error::PrecisionPath { path: path.name(), precision }.into()),
    }
}

/// Refuses a path of the kernels that this processor or build lacks.
pub(crate) fn expect_available(path: sumun_kernels::Path) -> Result<()> {
    match path.is_available() {
        true => Ok(()),
        false => Err(sumun_kernels::Error::PathUnavailable { path: path.name() }.into()),
    }
}

/// What went wrong. Every message is one line and says what was found and what to do. Where it names a setting, a front
/// end writes it as its user does with [`spelled`](Self::spelled); `Display` writes the setting's name.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A kernel refused its arguments.
    Kernel(sumun_kernels::Error),
    /// An array has another shape than is needed.
    Shape {
        /// Which array.
        what: String,
        /// The shape that was needed, such as `[N, 20, 1]`.
        expected: String,
        /// The shape that was found.
        found: String,
    },
    /// A setting, or an argument of a call, with a value that makes no sense.
    Setting {
        /// Which.
        key: Key,
        /// The value.
        found: String,
        /// What it must be: `at least 1`.
        wanted: String,
    },
    /// Settings that do not fit each other, or the data; the message names them.
    Settings(Message),
    /// An argument that makes no sense; the message says which and what would.
    Invalid(String),
    /// A data file that cannot be used as it is; the message names file, row and column.
    Data(String),
    /// A model file or run folder that cannot be used.
    Model(String),
    /// A problem that another value of a setting, or another call, would solve.
    Advised {
        /// The problem.
        error: Box<Error>,
        /// What to do about it.
        advice: Message,
    },
    /// Training produced a number that is not finite.
    Diverged {
        /// What is not finite: `the loss`, `the norm of the gradients`.
        what: &'static str,
        /// Its value.
        value: f64,
        /// The optimizer step, counted from 1.
        step: u64,
        /// The epoch, counted from 1.
        epoch: usize,
        /// The learning rate in force.
        learning_rate: f64,
        /// Where in the model it began, as far as that can be told.
        origin: Option<Box<Origin>>,
    },
    /// The operating system refused to read or write a file.
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

impl Error {
    /// A setting that is not what it must be: `at least 1`.
    pub fn setting(key: Key, found: impl ToString, wanted: impl Into<String>) -> Self {
        Self::Setting { key, found: found.to_string(), wanted: wanted.into() }
    }

    /// The same problem, with what to do about it.
    pub fn advise(self, advice: impl Into<Message>) -> Self {
        Self::Advised { error: Box::new(self), advice: advice.into() }
    }

    /// The problem without advice.
    pub fn problem(&self) -> &Self {
        match self {
            Self::Advised { error, .. } => error.problem(),
            error => error,
        }
    }

    /// The same problem of a named file, where the message does not know the name.
    pub fn of(self, name: impl std::fmt::Display) -> Self {
        match self {
            Self::Advised { error, advice } => Self::Advised { error: Box::new(error.of(name)), advice },
            Self::Invalid(message) => Self::Invalid(format!("{name}: {message}")),
            Self::Data(message) => Self::Data(format!("{name}: {message}")),
            Self::Model(message) => Self::Model(format!("{name}: {message}")),
            error => error,
        }
    }

    /// The message with its settings as a front end writes them.
    pub fn spelled(&self, spelling: &dyn Spelling) -> String {
        match self {
            Self::Kernel(error) => error.to_string(),
            Self::Shape { what, expected, found } => format!("{what}: expected {expected}, found {found}"),
            Self::Setting { key, found, wanted } => {
                format!("{} is {found}; it must be {wanted}", spelling.setting(*key))
            }
            Self::Settings(message) => message.spelled(spelling),
            Self::Invalid(message) | Self::Data(message) | Self::Model(message) => message.clone(),
            Self::Advised { error, advice } => {
                format!("{}; {}", error.spelled(spelling), advice.spelled(spelling))
            }
            Self::Diverged { what, value, step, epoch, learning_rate, origin } => {
                let (lr, clip) =
                    (spelling.setting(key("lr")), Message::from(key("clip").to(0.1)).spelled(spelling));
                let usual = (1e-6..1e6).contains(learning_rate);
                let rate = if usual { learning_rate.to_string() } else { format!("{learning_rate:.3e}") };
                let origin = origin.as_ref().map_or(String::new(), |origin| format!(", {origin}"));
                format!(
                    "{what} became {value} at step {step} (epoch {epoch}){origin}; try a smaller {lr} (it was {rate}) or {clip}"
                )
            }
            Self::Io { path, source } => format!("{}: {source}", path.display()),
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.spelled(&RustSpelling))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // Its message is the whole message.
            Self::Kernel(error) => error.source(),
            Self::Io { source, .. } => Some(source),
            Self::Advised { error, .. } => error.source(),
            _ => None,
        }
    }
}

impl From<sumun_kernels::Error> for Error {
    fn from(error: sumun_kernels::Error) -> Self {
        Self::Kernel(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{MessagePart, text};

    struct Options;

    impl Spelling for Options {
        fn setting(&self, key: Key) -> String {
            format!("--{}", key.name())
        }
    }

    #[test]
    fn each_front_end_spells_settings_its_own_way() {
        let diverged = Error::Diverged {
            what: "the loss",
            value: f64::NAN,
            step: 3,
            epoch: 1,
            learning_rate: 0.5,
            origin: None,
        };
        let cases = [
            (
                Error::setting(key("hidden"), 0, "at least 1"),
                "hidden is 0; it must be at least 1",
                "--hidden is 0; it must be at least 1",
            ),
            (
                Error::Data("a gap".into()).advise(text("choose ") + key("missing").to("drop")).of("f.csv"),
                "f.csv: a gap; choose missing = drop",
                "f.csv: a gap; choose --missing drop",
            ),
            (
                diverged,
                "the loss became NaN at step 3 (epoch 1); try a smaller lr (it was 0.5) or clip = 0.1",
                "the loss became NaN at step 3 (epoch 1); try a smaller --lr (it was 0.5) or --clip 0.1",
            ),
        ];
        for (error, names, options) in cases {
            assert_eq!((error.to_string(), error.spelled(&Options)), (names.into(), options.into()));
        }
    }

    #[test]
    fn advice_leaves_the_problem_what_it_is() {
        let error =
            Error::Data("a gap".into()).advise(key("missing")).advise(MessagePart::Resume("run".into()));
        assert!(matches!(error.problem(), Error::Data(problem) if problem == "a gap"));
        assert_eq!(error.to_string(), "a gap; missing; resume the training of run");
    }
}
