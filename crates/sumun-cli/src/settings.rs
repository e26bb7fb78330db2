//! The settings of a task as options of the command line: one for each row of the library's table.

use std::marker::PhantomData;

use clap::{Arg, ArgMatches, Command};
use sumun::tasks::{Kind, SETTINGS, Setting, Task, setting};

/// A task, as a type: each has its own options.
pub(crate) trait Kinded: std::fmt::Debug + Clone + Send + Sync + 'static {
    const TASK: Task;
}

/// The settings that were given, each as a table for [`sumun::tasks::TaskConfig::from_tables`].
#[derive(Debug, Clone)]
pub(crate) struct Given<K> {
    pub(crate) tables: Vec<toml::Table>,
    kind: PhantomData<K>,
}

/// The settings that are options. The training file is an argument of its own.
fn options<K: Kinded>() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| setting.read_by(K::TASK) && setting.key() != "data.train")
}

impl<K: Kinded> clap::Args for Given<K> {
    fn augment_args(command: Command) -> Command {
        options::<K>().fold(command, |command, setting| {
            let mut help = setting.help.to_owned();
            if let Some(default) = setting.default_of(K::TASK) {
                help += &format!(" [default: {default}]");
            }
            let arg =
                Arg::new(setting.key()).long(setting.option()).help(help).help_heading(heading(setting));
            command.arg(match setting.kind {
                // `--bidirectional`, `--bidirectional false`.
                Kind::Switch => arg
                    .value_name("BOOL")
                    .num_args(0..=1)
                    .default_missing_value("true")
                    .value_parser(["true", "false"])
                    .hide_possible_values(true),
                Kind::Choice(names) => arg.value_name("WHICH").value_parser(names.to_vec()),
                Kind::Count => arg.value_name("N").allow_negative_numbers(true),
                Kind::Real => arg.value_name("X").allow_negative_numbers(true),
                Kind::Text => arg.value_name(if setting.section == "text" { "FILE" } else { "NAME" }),
                Kind::HeldOut => arg.value_name("SHARE|FILE").allow_negative_numbers(true),
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
            if let Some(value) = matches.get_one::<String>(&option.key()) {
                let table = setting(&option.key(), value)
                    .map_err(|error| clap::Error::raw(clap::error::ErrorKind::InvalidValue, error))?;
                tables.push(table);
            }
        }
        Ok(Self { tables, kind: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn heading(setting: &Setting) -> &'static str {
    match setting.section {
        "data" => "Data",
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
                const TASK: Task = Task::$task;
            }
        )+
    };
}
kinds!(Classify = Classify, Regress = Regress, Tag = Tag, Lm = Lm);

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
