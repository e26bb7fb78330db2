//! The help of every command in another language: what the definitions say, and what the parser adds to it.

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command};

use super::Catalogue;

/// A command and all below it, with their texts translated.
pub(crate) fn translated(command: Command, catalogue: &Catalogue) -> Command {
    within(command, &Frames::of(catalogue), catalogue)
}

fn within(command: Command, frames: &Frames, catalogue: &Catalogue) -> Command {
    let say = |english: &str| catalogue.said(english).into_owned();
    let text = |english: Option<&StyledStr>| english.map(ToString::to_string);
    let (about, after) = (text(command.get_about()), text(command.get_after_help()));
    let is_root = command.get_name() == "sumun";
    let mut command = command
        .mut_args(|arg| argument(arg, frames, catalogue))
        .mut_subcommands(|one| within(one, frames, catalogue));
    if let Some(about) = about {
        command = command.about(say(&about));
    }
    if let Some(after) = after {
        command = command.after_help(below(&after, catalogue));
    }
    // As the parser's own, which are in English.
    let heading = say("Options");
    let own = |name: &'static str, short, action, help: &str| {
        Arg::new(name).short(short).long(name).action(action).help(say(help)).help_heading(heading.clone())
    };
    command = command.disable_help_flag(true).arg(own("help", 'h', ArgAction::Help, "Print help"));
    if is_root {
        let version = own("version", 'V', ArgAction::Version, "Print version");
        command = command.disable_version_flag(true).arg(version);
    }
    if command.has_subcommands() {
        command = command.subcommand_help_heading(say("Commands"));
    }
    // Bold and underlined, as headings are.
    let usage = format!("\x1b[1m\x1b[4m{}:\x1b[0m", say("Usage"));
    command.help_template(format!(
        "{{before-help}}{{about-with-newline}}\n{usage} {{usage}}\n\n{{all-args}}{{after-help}}"
    ))
}

/// A command whose definition is whole, with what the parser says of its own command `help`, there and below.
pub(crate) fn with_help_command(command: Command, catalogue: &Catalogue) -> Command {
    let command = command.mut_subcommands(|one| with_help_command(one, catalogue));
    match command.get_name() {
        "help" => command.about(catalogue.said(PRINT_HELP).into_owned()),
        _ => command,
    }
}

/// What the parser says of its command `help`.
const PRINT_HELP: &str = "Print this message or the help of the given subcommand(s)";

fn argument(arg: Arg, frames: &Frames, catalogue: &Catalogue) -> Arg {
    let say = |english: &str| catalogue.said(english).into_owned();
    let mut help =
        arg.get_help().map(|help| described(&help.to_string(), frames, catalogue)).unwrap_or_default();
    if !arg.is_hide_default_value_set() && !arg.get_default_values().is_empty() {
        let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        help += &Frames::around(&frames.default, &defaults.join(","));
    }
    let takes_values = arg.get_action().takes_values();
    let values: Vec<String> = match arg.is_hide_possible_values_set() || !takes_values {
        true => Vec::new(),
        false => arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect(),
    };
    if !values.is_empty() {
        help += &Frames::around(&frames.values, &values.join(", "));
    }
    let heading = match arg.get_help_heading() {
        Some(heading) => say(heading),
        None if arg.is_positional() => say("Arguments"),
        None => say("Options"),
    };
    let arg = arg.help(help).help_heading(heading);
    // The parser asserts, in debug builds, that only an option with values hides them.
    if takes_values { arg.hide_default_value(true).hide_possible_values(true) } else { arg }
}

/// What stands around the default and the possible values of an argument: the same for all, so looked up once.
struct Frames {
    default: String,
    values: String,
}

impl Frames {
    /// Stands for what is put in.
    const PLACE: &str = "…";

    fn of(catalogue: &Catalogue) -> Self {
        let said = |english: String| catalogue.said(&english).into_owned();
        Self {
            default: said(format!("[default: {}]", Self::PLACE)),
            values: said(format!("[possible values: {}]", Self::PLACE)),
        }
    }

    fn around(frame: &str, text: &str) -> String {
        format!(" {}", frame.replacen(Self::PLACE, text, 1))
    }
}

/// The help of an argument, of which the default is a message of its own.
fn described(help: &str, frames: &Frames, catalogue: &Catalogue) -> String {
    match with_default(help) {
        Some((before, default)) => {
            let default = catalogue.whole(default).unwrap_or(default);
            format!("{}{}", catalogue.said(before), Frames::around(&frames.default, default))
        }
        None => catalogue.said(help).into_owned(),
    }
}

/// The help of an argument, and the default at its end.
fn with_default(help: &str) -> Option<(&str, &str)> {
    help.strip_suffix(']')?.rsplit_once(" [default: ")
}

/// What stands below the options: blocks with a title and lines, of which the first column stays, and paragraphs.
fn below(text: &str, catalogue: &Catalogue) -> String {
    let blocks = text.split("\n\n").map(|block| {
        let mut lines: Vec<String> = Vec::new();
        let mut paragraph: Vec<&str> = Vec::new();
        let end = |paragraph: &mut Vec<&str>, lines: &mut Vec<String>| {
            if !paragraph.is_empty() {
                lines.push(catalogue.said(&paragraph.join(" ")).into_owned());
                paragraph.clear();
            }
        };
        for line in block.lines() {
            match line.strip_prefix("  ") {
                Some(row) => {
                    end(&mut paragraph, &mut lines);
                    lines.push(format!(
                        "  {}",
                        match columns(row) {
                            Some((first, space, second)) =>
                                format!("{first}{space}{}", catalogue.said(second)),
                            None => row.to_owned(),
                        }
                    ));
                }
                None => paragraph.push(line),
            }
        }
        end(&mut paragraph, &mut lines);
        lines.join("\n")
    });
    blocks.collect::<Vec<_>>().join("\n\n")
}

/// The two columns of a row such as `0    done`, and what is between them.
fn columns(row: &str) -> Option<(&str, &str, &str)> {
    let at = row.find("  ").filter(|at| *at > 0)?;
    let second = row[at..].trim_start();
    let space = row.len() - at - second.len();
    (!second.is_empty()).then(|| (&row[..at], &row[at..at + space], second))
}

/// Every English text of the help of a command and of those below it.
#[cfg(test)]
pub(super) fn texts(command: &Command) -> std::collections::BTreeSet<String> {
    let mut found = std::collections::BTreeSet::new();
    collect(command, &mut found);
    found.extend(
        ["Options", "Arguments", "Commands", "Usage", "Print help", "Print version", PRINT_HELP]
            .map(str::to_owned),
    );
    found
}

#[cfg(test)]
fn collect(command: &Command, found: &mut std::collections::BTreeSet<String>) {
    assert!(command.get_long_about().is_none() && command.get_after_long_help().is_none(), "{command}");
    found.extend(command.get_about().map(ToString::to_string));
    for arg in command.get_arguments() {
        assert!(arg.get_long_help().is_none(), "{arg}");
        found.extend(arg.get_help_heading().map(str::to_owned));
        let Some(help) = arg.get_help().map(ToString::to_string) else { continue };
        match with_default(&help) {
            Some((before, default)) => {
                found.insert(before.to_owned());
                // A sentence; other defaults are values.
                if default.contains(' ') && !default.contains('/') {
                    found.insert(default.to_owned());
                }
            }
            None => drop(found.insert(help)),
        }
    }
    for block in command.get_after_help().map(ToString::to_string).unwrap_or_default().split("\n\n") {
        let mut paragraph: Vec<&str> = Vec::new();
        for line in block.lines() {
            match line.strip_prefix("  ") {
                Some(row) => {
                    found.extend(columns(row).map(|(_, _, second)| second.to_owned()));
                    if !paragraph.is_empty() {
                        found.insert(std::mem::take(&mut paragraph).join(" "));
                    }
                }
                None => paragraph.push(line),
            }
        }
        if !paragraph.is_empty() {
            found.insert(paragraph.join(" "));
        }
    }
    command.get_subcommands().for_each(|command| collect(command, found));
}
