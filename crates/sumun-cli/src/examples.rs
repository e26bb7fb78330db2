//! Every command line that the README, the pages under `docs` and the help texts show is one that `sumun` takes.

use clap::{Command, CommandFactory, Parser};

use crate::Cli;

/// The words of a line as a shell splits them, up to what it keeps for itself: a pipe, a file to read or write, a comment.
fn words(line: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let (mut quote, mut within) = (None, false);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                if !within {
                    found.push(String::new());
                }
                within = true;
            }
            (None, '|' | '<' | '>') => break,
            (None, '#') if !within => break,
            (None, c) if c.is_whitespace() => within = false,
            (_, c) => {
                if !within {
                    found.push(String::new());
                }
                within = true;
                if let Some(word) = found.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    assert!(quote.is_none(), "a quotation mark stays open: {line}");
    found
}

/// Whether a line runs `sumun`, installed or through cargo, and with which arguments.
fn command_line(line: &str) -> Option<Vec<String>> {
    let rest = line.strip_prefix("cargo run --release -- ").or(line.strip_prefix("sumun "))?;
    Some(std::iter::once("sumun".to_owned()).chain(words(rest)).collect())
}

/// The lines of the `sh` blocks of a page.
fn shell_lines(page: &str) -> impl Iterator<Item = &str> {
    page.split("```sh\n").skip(1).flat_map(|block| block.split("```").next().unwrap_or_default().lines())
}

/// What stands below the options in the help of a command and of those below it.
fn examples_of(command: &Command) -> Vec<String> {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut lines: Vec<String> =
        text.lines().filter_map(|l| l.strip_prefix("  ")).map(str::to_owned).collect();
    command.get_subcommands().for_each(|command| lines.extend(examples_of(command)));
    lines
}

#[test]
fn every_line_shown_can_be_run() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let guide: String = sumun_testing::guide_pages("en").into_iter().map(|(_, page)| page).collect();
    for (source, least, lines) in [
        ("README.md", 10, shell_lines(&read("README.md")).map(str::to_owned).collect::<Vec<_>>()),
        ("docs/guide", 8, shell_lines(&guide).map(str::to_owned).collect()),
        ("docs/results.md", 10, shell_lines(&read("docs/results.md")).map(str::to_owned).collect()),
        ("docs/search.md", 3, shell_lines(&read("docs/search.md")).map(str::to_owned).collect()),
        ("docs/forecasting.md", 3, shell_lines(&read("docs/forecasting.md")).map(str::to_owned).collect()),
        ("docs/export.md", 3, shell_lines(&read("docs/export.md")).map(str::to_owned).collect()),
        ("docs/forecasting.md", 4, shell_lines(&read("docs/forecasting.md")).map(str::to_owned).collect()),
        ("docs/simulation.md", 3, shell_lines(&read("docs/simulation.md")).map(str::to_owned).collect()),
        ("docs/performance.md", 2, shell_lines(&read("docs/performance.md")).map(str::to_owned).collect()),
        ("--help", 30, examples_of(&Cli::command())),
    ] {
        let commands: Vec<_> = lines.iter().filter_map(|line| command_line(line)).collect();
        assert!(commands.len() >= least, "{source} shows {} commands", commands.len());
        for command in commands {
            let parsed = Cli::try_parse_from(&command);
            assert!(parsed.is_ok(), "{source}: {command:?}: {}", parsed.unwrap_err());
        }
    }
}

#[test]
fn lines_are_split_as_a_shell_does() {
    for (line, expected) in [
        ("a --b 'c d' e\"f g\"h", &["a", "--b", "c d", "ef gh"][..]),
        ("a '' b # c", &["a", "", "b"]),
        ("a 'b|c' | d", &["a", "b|c"]),
        ("a > b", &["a"]),
    ] {
        assert_eq!(words(line), expected, "{line}");
    }
    assert_eq!(command_line("cargo test"), None);
}
