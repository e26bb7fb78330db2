//! The language that people are written to: English, which is what the source says, or another by its catalogue.
//!
//! The libraries and commands write English. What goes to a person passes [`said`] on its way out, which looks it up in the
//! catalogue of the language that was asked for; so nothing before that knows a language. What goes to programs (JSON, CSV,
//! files, names of options and keys) does not pass there.

mod catalogue;
mod choice;
mod hangul;
mod help;
mod po;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::OnceLock;

pub(crate) use catalogue::Catalogue;
pub(crate) use choice::{Asked, argument};
pub(crate) use help::{translated as translated_help, with_help_command};

/// The languages that have a catalogue, by the names of the files in `lang/`, and their text.
const LANGUAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/languages.rs"));

/// What the source is written in.
const ENGLISH: &str = "en";

/// The catalogue of this process; none for English. It is set once, before anything is said.
static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();

/// Speaks a language from here on; only then is its catalogue read.
pub(crate) fn speak(language: &str) {
    if let Some((_, text)) = LANGUAGES.iter().find(|(name, _)| *name == language) {
        let catalogue = Catalogue::read(text).expect("a test reads every catalogue");
        // A process speaks one language: who was first has it.
        let _ = CATALOGUE.set(catalogue);
    }
}

/// The catalogue of the language that is spoken; none for English.
pub(crate) fn catalogue() -> Option<&'static Catalogue> {
    CATALOGUE.get()
}

/// A text for people, in English, as it is said in the language that is spoken.
pub(crate) fn said(english: &str) -> Cow<'_, str> {
    match catalogue() {
        Some(catalogue) => catalogue.said(english),
        None => Cow::Borrowed(english),
    }
}
