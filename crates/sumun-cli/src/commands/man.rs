//! `sumun man`: the pages of the manual, one a command, made from the same definitions as `--help`.

use std::fs;
use std::path::PathBuf;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::failure::Failure;
use crate::output::{print, tell_of_files};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun man train forecast | man -l -
  sumun man --out ~/.local/share/man/man1

With the pages in a folder that `man` searches, `man sumun` and `man sumun-train-forecast` show them.";

/// The arguments of `sumun man`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The command to print the page of, such as train forecast [default: sumun itself]
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Write the pages of all commands to this folder instead, over older ones
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    out: Option<PathBuf>,
}

/// Prints a page, or writes all; `command` is the whole command line.
pub(crate) fn run(arguments: &Arguments, command: Command) -> Result<(), Failure> {
    // Every page would have one for `help`, and `sumun help` a whole tree of them.
    let mut command = command.disable_help_subcommand(true);
    command.build();
    match &arguments.out {
        Some(folder) => {
            let io = |path: PathBuf| move |source| sumun::Error::Io { path, source };
            fs::create_dir_all(folder).map_err(io(folder.clone()))?;
            for page in pages(&command) {
                let path = folder.join(format!("{}.1", page_name(page)));
                fs::write(&path, rendered(page)?).map_err(io(path.clone()))?;
            }
            tell_of_files(&format!("wrote the pages of all commands to {}", folder.display()));
            Ok(())
        }
        None => {
            let mut page = &command;
            for word in &arguments.command {
                page = page.find_subcommand(word).ok_or_else(|| {
                    let names: Vec<&str> = page.get_subcommands().map(Command::get_name).collect();
                    Failure::Usage(match names.is_empty() {
                        true => format!("{} has no command {word:?}; leave it out", path(page)),
                        false => {
                            format!(
                                "{} has no command {word:?}; give one of {}",
                                path(page),
                                names.join(", ")
                            )
                        }
                    })
                })?;
            }
            print(&rendered(page)?)
        }
    }
}

/// A command and all below it.
fn pages(command: &Command) -> Vec<&Command> {
    let mut found = vec![command];
    found.extend(command.get_subcommands().flat_map(pages));
    found
}

/// As it is typed, such as `sumun train forecast`.
fn path(command: &Command) -> &str {
    command.get_bin_name().unwrap_or_else(|| command.get_name())
}

/// What `man` is asked for, such as `sumun-train-forecast`.
fn page_name(command: &Command) -> String {
    path(command).replace(' ', "-")
}

/// The page of a command, in roff.
fn rendered(command: &Command) -> Result<String, Failure> {
    let help = Help::of(command);
    // The choices of an option in a line, as in its help, rather than in a list.
    let mut shown = command.clone().mut_args(|arg| {
        let names: Vec<String> = match arg.is_hide_possible_values_set() {
            true => Vec::new(),
            false => arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect(),
        };
        if names.is_empty() {
            return arg;
        }
        let text = arg.get_help().map(ToString::to_string).unwrap_or_default();
        arg.help(format!("{text} [possible values: {}]", names.join(", "))).hide_possible_values(true)
    });
    let usage = shown.render_usage().to_string();
    shown = shown.override_usage(usage.trim_start_matches("Usage: ").to_owned());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let has_commands = shown.has_subcommands();
    let man = Man::new(shown)
        .title(page_name(command).to_uppercase())
        .source(concat!("Sumun ", env!("CARGO_PKG_VERSION")))
        .manual("Sumun manual");

    let mut page = Vec::new();
    let written = (|| {
        man.render_title(&mut page)?;
        let mut roff = Roff::new();
        roff.control("SH", ["NAME"]);
        roff.text([roman(format!("{} - {about}", page_name(command)))]);
        roff.to_writer(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        let mut roff = Roff::new();
        roff.control("SH", ["DESCRIPTION"]);
        roff.text([roman(format!("{about}."))]);
        for paragraph in &help.paragraphs {
            roff.control("PP", []);
            roff.text([roman(paragraph.as_str())]);
        }
        roff.to_writer(&mut page)?;
        if has_commands {
            man.render_subcommands_section(&mut page)?;
        }
        man.render_options_section(&mut page)?;
        let mut roff = Roff::new();
        for (title, lines) in &help.sections {
            roff.control("SH", [title.as_str()]);
            roff.control("nf", []);
            for line in lines {
                roff.text([roman(line.as_str())]);
            }
            roff.control("fi", []);
        }
        if let Some((parent, _)) = path(command).rsplit_once(' ') {
            roff.control("SH", ["SEE ALSO"]);
            roff.text([bold(parent.replace(' ', "-")), roman("(1)")]);
        }
        roff.to_writer(&mut page)
    })();
    written.map_err(Failure::Output)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// What stands below the options in `--help`: sections whose lines stand as they are, such as examples, and paragraphs.
struct Help {
    paragraphs: Vec<String>,
    sections: Vec<(String, Vec<String>)>,
}

impl Help {
    fn of(command: &Command) -> Self {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let (mut paragraphs, mut sections) = (Vec::new(), Vec::new());
        for block in text.split("\n\n") {
            match block.split_once(":\n") {
                Some((title, lines)) if !title.contains('\n') => {
                    let lines = lines.lines().map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned());
                    let title = match title {
                        "Exit codes" => "EXIT STATUS".to_owned(),
                        title => title.to_uppercase(),
                    };
                    sections.push((title, lines.collect()));
                }
                _ if block.trim().is_empty() => {}
                _ => paragraphs.push(block.lines().collect::<Vec<_>>().join(" ")),
            }
        }
        Self { paragraphs, sections }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_below_the_options_becomes_sections_and_paragraphs() {
        let text =
            "Examples:\n  sumun a\n  sumun b\n\nA note: it is\nin two lines.\n\nExit codes:\n  0  done";
        let help = Help::of(&Command::new("a").after_help(text));
        assert_eq!(help.paragraphs, ["A note: it is in two lines."]);
        let sections: Vec<(&str, Vec<&str>)> = help
            .sections
            .iter()
            .map(|(title, lines)| (title.as_str(), lines.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(sections, [("EXAMPLES", vec!["sumun a", "sumun b"]), ("EXIT STATUS", vec!["0  done"])]);
    }
}
