//! Which language is asked for: `--lang`, the environment, or English.

use std::ffi::{OsStr, OsString};

use clap::Arg;

use super::{ENGLISH, LANGUAGES};

/// The option.
const OPTION: &str = "--lang";
/// The variable that says it for this program alone.
const VARIABLE: &str = "SUMUN_LANG";
/// The variables of the locale, in the order in which they count (POSIX, 8.2).
const LOCALE: [&str; 3] = ["LC_ALL", "LC_MESSAGES", "LANG"];

/// The names that `--lang` takes.
pub(super) fn names() -> Vec<&'static str> {
    std::iter::once(ENGLISH).chain(LANGUAGES.iter().map(|(name, _)| *name)).collect()
}

/// The option as every command shows it in its help.
pub(crate) fn argument() -> Arg {
    Arg::new("lang")
        .long("lang")
        .global(true)
        .value_name("LANG")
        .value_parser(names())
        .help("The language of help and messages; by default that of SUMUN_LANG or the locale")
}

/// A language, and the command line without the option that asked for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) language: &'static str,
    pub(crate) arguments: Vec<OsString>,
    /// What is wrong with the variable that says the language.
    pub(crate) problem: Option<String>,
}

impl Asked {
    /// Reads a command line and an environment.
    ///
    /// The option stands anywhere before `--`; the last one counts, as of other options. It is looked for before the command
    /// line is understood, because what is wrong there is said in its language. What is not understood (no language, an
    /// unknown one) stays where it is, for the parser to refuse.
    pub(crate) fn of(
        arguments: impl IntoIterator<Item = OsString>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let mut given = None;
        let mut kept = Vec::new();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            if argument == "--" {
                kept.push(argument);
                break;
            }
            let text = argument.to_str().unwrap_or_default();
            if let Some(name) = text.strip_prefix(OPTION).and_then(|rest| rest.strip_prefix('=')) {
                match known(name) {
                    Some(name) => given = Some(name),
                    None => kept.push(argument),
                }
            } else if argument == OPTION {
                let value = arguments.next();
                match value.as_deref().and_then(OsStr::to_str).and_then(known) {
                    Some(name) => given = Some(name),
                    None => {
                        kept.push(argument);
                        kept.extend(value);
                    }
                }
            } else {
                kept.push(argument);
            }
        }
        kept.extend(arguments);
        let set = |name: &str| {
            variable(name).filter(|value| !value.is_empty()).map(|value| value.to_string_lossy().into_owned())
        };
        let own = set(VARIABLE);
        let refused = own.as_deref().filter(|name| known(name).is_none());
        // An option takes the place of the variable, whatever that says.
        let problem = refused
            .filter(|_| given.is_none())
            .map(|name| format!("{VARIABLE} is {name:?}; it must be one of {}", names().join(", ")));
        let of_locale = || LOCALE.iter().find_map(|name| set(name)).and_then(|locale| of_locale(&locale));
        let language = given.or_else(|| own.as_deref().and_then(known)).or_else(of_locale).unwrap_or(ENGLISH);
        Self { language, arguments: kept, problem }
    }
}

/// A language by its name.
fn known(name: &str) -> Option<&'static str> {
    names().into_iter().find(|known| *known == name)
}

/// The language of a locale such as `ko_KR.UTF-8`.
fn of_locale(locale: &str) -> Option<&'static str> {
    let end = locale.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(locale.len());
    known(&locale[..end].to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str, environment: &[(&str, &str)]) -> (&'static str, String, bool) {
        let variable = |name: &str| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        let asked = Asked::of(line.split(' ').map(OsString::from), variable);
        let words: Vec<String> = asked.arguments.iter().map(|a| a.to_string_lossy().into_owned()).collect();
        (asked.language, words.join(" "), asked.problem.is_some())
    }

    #[test]
    fn the_option_counts_before_the_environment() {
        let korean = ("LANG", "ko_KR.UTF-8");
        for (line, environment, language, rest, refused) in [
            ("sumun train", &[][..], "en", "sumun train", false),
            ("sumun --lang ko train a", &[], "ko", "sumun train a", false),
            ("sumun train --lang=ko a", &[], "ko", "sumun train a", false),
            ("sumun --lang ko x --lang en", &[], "en", "sumun x", false),
            ("sumun a -- --lang ko", &[], "en", "sumun a -- --lang ko", false),
            ("sumun a", &[korean], "ko", "sumun a", false),
            ("sumun a", &[("LC_ALL", "C"), korean], "en", "sumun a", false),
            ("sumun a", &[("LC_ALL", ""), ("LC_MESSAGES", "ko"), ("LANG", "C")], "ko", "sumun a", false),
            ("sumun a", &[("LANG", "kok_IN.UTF-8")], "en", "sumun a", false),
            ("sumun a", &[("SUMUN_LANG", "en"), korean], "en", "sumun a", false),
            ("sumun --lang en a", &[korean], "en", "sumun a", false),
            // What is wrong is left for the parser, and said in the language of the environment.
            ("sumun --lang xx a", &[korean], "ko", "sumun --lang xx a", false),
            ("sumun a --lang", &[], "en", "sumun a --lang", false),
            ("sumun a", &[("SUMUN_LANG", "xx"), korean], "ko", "sumun a", true),
            ("sumun a --lang en", &[("SUMUN_LANG", "xx")], "en", "sumun a", false),
        ] {
            assert_eq!(asked(line, environment), (language, rest.to_owned(), refused), "{line}");
        }
    }
}
