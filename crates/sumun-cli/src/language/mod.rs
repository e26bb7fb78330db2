//! The language that people are written to: English, which is what the source says, or another by its catalogue.
//!
//! The libraries and commands write English. What goes to a person passes [`said`] on its way out, which looks it up in the
//! catalogue of the language that was asked for; so nothing before that knows a language. What goes to programs (JSON, CSV,
//! files, names of options and keys) does not pass there.

mod catalogue;
mod choice;
mod hangul;
mod help;
mod page;
mod po;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::OnceLock;

use sumun::outside::{self, Links};

pub(crate) use catalogue::Catalogue;
pub(crate) use choice::{Asked, argument};
pub(crate) use help::{translated as translated_help, with_help_command};

/// The languages that have a catalogue, by the names of the files in `lang/`, and their text.
const LANGUAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/languages.rs"));

/// What the source is written in.
const ENGLISH: &str = "en";

/// The most bytes of a page.
const MOST_PAGE: u64 = 256 << 20;

/// The language of this process by its name, and its catalogue; none for English. It is set once, before anything is said.
static CATALOGUE: OnceLock<(&str, Catalogue)> = OnceLock::new();

/// Speaks a language from here on; only then is its catalogue read.
pub(crate) fn speak(language: &str) {
    if let Some((name, text)) = LANGUAGES.iter().find(|(name, _)| *name == language) {
        let catalogue = Catalogue::read(text).expect("a test reads every catalogue");
        // A process speaks one language: who was first has it.
        let _ = CATALOGUE.set((name, catalogue));
    }
}

/// The catalogue of the language that is spoken; none for English.
pub(crate) fn catalogue() -> Option<&'static Catalogue> {
    CATALOGUE.get().map(|(_, catalogue)| catalogue)
}

/// A page in HTML, in English, as it is written in the language that is spoken.
pub(crate) fn page(english: &str) -> Cow<'_, str> {
    match CATALOGUE.get() {
        Some((language, catalogue)) => Cow::Owned(page::translated(english, language, catalogue)),
        None => Cow::Borrowed(english),
    }
}

/// Writes the page of a run or search again, in the language that is spoken; whatever interrupts this leaves one whole page.
pub(crate) fn rewrite_page(path: &std::path::Path) -> sumun::Result<()> {
    if catalogue().is_none() {
        return Ok(());
    }
    let english = outside::read_given_text(path, Links::Refuse, MOST_PAGE)?;
    let io = |source| sumun::Error::Io { path: path.to_path_buf(), source };
    sumun::durable::write(path, page(&english).as_bytes()).map_err(io)
}

/// A text for people, in English, as it is said in the language that is spoken.
pub(crate) fn said(english: &str) -> Cow<'_, str> {
    match catalogue() {
        Some(catalogue) => catalogue.said(english),
        None => Cow::Borrowed(english),
    }
}
