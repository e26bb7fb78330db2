//! The settings of a task as options of the command line: one for each row of the library's table.

use std::marker::PhantomData;

use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParser};
use clap::{Arg, ArgMatches, Command, ValueHint};
use sumun::settings::{Kind, Reader, SETTINGS, Setting};

/// A task, as a type: each has its own options.
pub(crate) trait Kinded: std::fmt::Debug + Clone + Send + Sync + 'static {
    const READER: Reader;
}

/// The settings that were given, each as a table for the configuration.
#[derive(Debug, Clone)]
pub(crate) struct Given<K> {
    pub(crate) tables: Vec<toml::Table>,
    kind: PhantomData<K>,
}

/// The settings that are options. The training file is an argument of its own.
fn options<K: Kinded>() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| setting.read_by(K::READER) && setting.key() != "data.train")
}

impl<K: Kinded> clap::Args for Given<K> {
    fn augment_args(command: Command) -> Command {
        options::<K>().fold(command, |command, setting| {
            let mut help = setting.help.to_owned();
            if let Some(default) = setting.default_of(K::READER) {
                help += &format!(" [default: {default}]");
            }
            let arg =
                Arg::new(setting.key()).long(setting.option()).help(help).help_heading(heading(setting));
            let arg = arg.value_parser(parser(setting.kind)).value_name(value_name(setting));
            let arg = arg.value_hint(value_hint(setting.kind, value_name(setting)));
            command.arg(match setting.kind {
                // `--bidirectional`, `--bidirectional false`.
                Kind::Switch => arg.num_args(0..=1).default_missing_value("true").hide_possible_values(true),
                Kind::Count | Kind::Real | Kind::HeldOut | Kind::Season | Kind::Clip => {
                    arg.allow_negative_numbers(true)
                }
                Kind::Choice(_) | Kind::Text | Kind::Columns => arg,
            })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<K: Kinded> clap::FromArgMatches for Given<K> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut tables = Vec::new();
        for option in options::<K>() {
            if let Some(value) = matches.get_one::<toml::Value>(&option.key()) {
                tables.push(option.table(value.clone()));
            }
        }
        Ok(Self { tables, kind: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Reads what is typed; clap lists the names of a choice and suggests the nearest.
fn parser(kind: Kind) -> ValueParser {
    let typed = move |text: &str| kind.typed(text);
    match kind {
        Kind::Choice(names) => {
            PossibleValuesParser::new(names.to_vec()).try_map(move |name| typed(&name)).into()
        }
        Kind::Switch => PossibleValuesParser::new(["true", "false"]).try_map(move |name| typed(&name)).into(),
        _ => ValueParser::new(typed),
    }
}

fn value_name(setting: &Setting) -> &'static str {
    match setting.kind {
        Kind::Switch => "BOOL",
        Kind::Choice(_) => "WHICH",
        Kind::Count | Kind::Season => "N",
        Kind::Real | Kind::Clip => "X",
        Kind::Text if setting.section == "text" => "FILE",
        Kind::Text => "NAME",
        Kind::HeldOut => "SHARE|FILE",
        Kind::Columns => "COL[,COL]",
    }
}

/// What a shell completes where no choice is listed: the names of files, or nothing.
fn value_hint(kind: Kind, value_name: &str) -> ValueHint {
    match kind {
        Kind::HeldOut => ValueHint::FilePath,
        Kind::Text if value_name == "FILE" => ValueHint::FilePath,
        Kind::Choice(_) | Kind::Switch => ValueHint::Unknown,
        Kind::Text | Kind::Columns | Kind::Count | Kind::Season | Kind::Real | Kind::Clip => ValueHint::Other,
    }
}

fn heading(setting: &Setting) -> &'static str {
    match setting.section {
        "data" => "Data",
        "prepare" => "How targets are made easy to learn",
        "text" => "Text",
        "network" => "Model",
        _ => "Training",
    }
}

/// Makes a type for a task.
macro_rules! kinds {
    ($($name:ident = $task:ident),+) => {
        $(
            #[derive(Debug, Clone)]
            pub(crate) struct $name;
            impl Kinded for $name {
                const READER: Reader = Reader::$task;
            }
        )+
    };
}
kinds!(Forecast = Forecast, Classify = Classify, Regress = Regress, Tag = Tag, Lm = Lm);

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser, Debug)]
    struct Parsed {
        #[command(flatten)]
        given: Given<Classify>,
    }

    #[test]
    fn options_become_tables() {
        let words = ["x", "--lr", "0.01", "--valid", "dev.csv", "--bidirectional", "false", "--text", "1"];
        let parsed = <Parsed as clap::Parser>::try_parse_from(words).unwrap();
        let mut keys: Vec<String> =
            parsed.given.tables.iter().map(|t| t.to_string().replace('\n', " ")).collect();
        keys.sort();
        assert_eq!(
            keys,
            [
                "[data] text = \"1\" ",
                "[data] valid = \"dev.csv\" ",
                "[network] bidirectional = false ",
                "[train] lr = 0.01 "
            ]
        );
        assert!(<Parsed as clap::Parser>::try_parse_from(["x", "--chunk", "3"]).is_err());
    }
}
