//! What ends a command early, and the exit code it ends with.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::language::said;
use crate::spelling::Options;
use crate::terminal::{Style, one_line};

/// Everything went well.
const OK: u8 = 0;
/// Something failed that the command line could not prevent.
const UNEXPECTED: u8 = 1;
/// The input or an option cannot be used.
const BAD_INPUT: u8 = 2;
/// Ctrl-C ended a training, as a shell counts it: 128 and the number of the signal.
pub(crate) const INTERRUPTED: u8 = 130;

/// The exit codes, for the end of every `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    something unexpected: a file or standard output that cannot be written
  2    the input or an option cannot be used, or the disk is full; one line on stderr says what to do
  130  Ctrl-C; a training was saved and can be resumed";

/// What stands below the options of a command's help.
pub(crate) fn after(examples: &str) -> String {
    format!("{examples}\n\n{EXIT_CODES}")
}

/// Why a command stops.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library refused or failed.
    Library(sumun::Error),
    /// The library refused settings that are written in another way than as options.
    Spelled(sumun::Error, Options),
    /// The command line makes no sense: one line.
    Usage(String),
    /// Ctrl-C ended a training; one line says how to go on.
    Interrupted(String),
    /// Standard output cannot be written.
    Output(io::Error),
}

impl From<sumun::Error> for Failure {
    fn from(error: sumun::Error) -> Self {
        Self::Library(error)
    }
}

impl Failure {
    /// The same, with settings as `spelling` writes them.
    pub(crate) fn spelled(self, spelling: Options) -> Self {
        match self {
            Self::Library(error) => Self::Spelled(error, spelling),
            other => other,
        }
    }

    /// Says what happened in one line on stderr, if there is anything to say, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        match (self, self.message()) {
            // Nothing went wrong: no "error".
            (Self::Interrupted(_), Some(message)) => {
                let _ = writeln!(io::stderr().lock(), "{}", bounded(&one_line(&said(&message))));
            }
            (_, Some(message)) => complain(&message),
            (_, None) => {}
        }
        ExitCode::from(self.code())
    }

    /// What to say; nothing when the reader of a pipe has had enough, as after `| head`.
    fn message(&self) -> Option<String> {
        match self {
            Self::Library(error) => Some(library_message(error, &Options::default())),
            Self::Spelled(error, spelling) => Some(library_message(error, spelling)),
            Self::Usage(message) | Self::Interrupted(message) => Some(message.clone()),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => None,
            Self::Output(error) => Some(format!("standard output cannot be written: {error}")),
        }
    }

    fn code(&self) -> u8 {
        match self {
            Self::Library(error) | Self::Spelled(error, _) => match error.problem() {
                sumun::Error::Io { source, .. } if !names_a_bad_path(source.kind()) => UNEXPECTED,
                _ => BAD_INPUT,
            },
            Self::Usage(_) => BAD_INPUT,
            Self::Interrupted(_) => INTERRUPTED,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => OK,
            Self::Output(_) => UNEXPECTED,
        }
    }
}

fn library_message(error: &sumun::Error, spelling: &Options) -> String {
    match error {
        sumun::Error::Io { source, .. } => format!("{error}; {}", advice(source.kind())),
        error => error.spelled(spelling),
    }
}

/// Whether another path would help, so that the path is a bad input and not a fault of the machine.
fn names_a_bad_path(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        kind,
        Kind::NotFound
            | Kind::PermissionDenied
            | Kind::AlreadyExists
            | Kind::NotADirectory
            | Kind::IsADirectory
            | Kind::InvalidInput
            | Kind::InvalidFilename
            | Kind::ReadOnlyFilesystem
            | Kind::StorageFull
            | Kind::QuotaExceeded
    )
}

/// What to do about a file that the operating system refused.
fn advice(kind: io::ErrorKind) -> &'static str {
    use io::ErrorKind as Kind;
    match kind {
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => "change its permissions or choose another place",
        Kind::StorageFull | Kind::QuotaExceeded => {
            "make room on the disk, or choose another place, and start again"
        }
        kind if names_a_bad_path(kind) => "give another path",
        _ => "try again, or use another disk",
    }
}

/// Writes `error: …` on stderr, on one line whatever the message holds.
pub(crate) fn complain(message: &str) {
    let line = bounded(&one_line(&said(message)));
    let style = Style::for_stderr();
    // Nothing can be said about a closed stderr.
    let _ = writeln!(io::stderr().lock(), "{} {line}", style.red(&said("error:")));
}

/// The longest line and the longest word of an error, in characters: a name of a thousand letters is not read.
const LONGEST: usize = 1000;
const LONGEST_WORD: usize = 250;

/// A message that fits a screen: of what is too long, the middle is left out.
pub(crate) fn bounded(message: &str) -> String {
    let words: Vec<String> = message.split(' ').map(|word| without_middle(word, LONGEST_WORD)).collect();
    without_middle(&words.join(" "), LONGEST)
}

fn without_middle(text: &str, most: usize) -> String {
    let all: Vec<char> = text.chars().collect();
    if all.len() <= most {
        return text.to_owned();
    }
    let side = most / 2;
    let ends = [&all[..side], &all[all.len() - side..]];
    ends.map(|end| end.iter().collect::<String>()).join("…")
}

/// Says what is wrong with a command line in one line: clap's first sentence, its suggestion, and where the help of
/// `command` is.
pub(crate) fn usage_line(error: &clap::Error, command: &str) -> String {
    let text = error.render().to_string();
    let said: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        // How to pass what looks like an option as a value is no help to one who misspelt an option.
        .filter(|line| !line.is_empty() && !line.contains("as a value, use"))
        .map(|line| line.strip_prefix("error: ").unwrap_or(line))
        .collect();
    let mut line = String::new();
    for part in said {
        line += match () {
            () if line.is_empty() => "",
            () if part.starts_with("tip:") => "; ",
            () => " ",
        };
        line += part.strip_prefix("tip: ").unwrap_or(part);
    }
    format!("{line}; see {command} --help")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_for_a_person_to_act_on() {
        for (kind, code, advice) in [
            (io::ErrorKind::StorageFull, BAD_INPUT, "make room on the disk"),
            (io::ErrorKind::NotFound, BAD_INPUT, "give another path"),
            (io::ErrorKind::Other, UNEXPECTED, "try again"),
        ] {
            let failure = Failure::Library(sumun::Error::Io { path: "run".into(), source: kind.into() });
            assert_eq!(failure.code(), code);
            assert!(failure.message().unwrap().contains(advice), "{kind}");
        }
    }
}
