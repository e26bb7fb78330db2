//! A command with a command for each task below it: its file, an option for each of the task's settings, and what the command
//! itself takes.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, Subcommand, value_parser};
use sumun::settings::read_config;
use sumun::tasks::{TASKS, TaskEntry, named, setting};
use toml::Table;

use crate::failure::{Failure, after};
use crate::settings::{add_options, given};
use crate::spelling::Options;

/// What such a command takes beside the settings of a task.
pub(crate) trait TaskCommand: Args {
    /// The settings of a task that mean nothing to it, by their keys: it has no options for them. A configuration file that a
    /// training reads too may have them.
    const MEANINGLESS: &'static [&'static str] = &[];

    /// What it does with a task, in a sentence without a full stop.
    fn about(task: &dyn TaskEntry) -> String;

    /// What stands below its help, with examples.
    fn examples(task: &dyn TaskEntry) -> String;

    /// The settings that stand in a file, or are written like one.
    fn configured(&self) -> &Configured;
}

/// Settings that stand in a file, or are written like one.
#[derive(Debug, clap::Args)]
pub(crate) struct Configured {
    /// Settings from a TOML file; `sumun config TASK` prints one
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    config: Option<PathBuf>,
    /// A single setting, as a configuration file names it, such as train.lr=0.01
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Output")]
    set: Vec<String>,
}

impl Configured {
    /// The settings of the file, where there is one.
    pub(crate) fn file(&self) -> Result<Option<Table>, Failure> {
        Ok(self.config.as_deref().map(read_config).transpose()?)
    }

    /// The single settings.
    pub(crate) fn set_tables(&self) -> Result<Vec<Table>, Failure> {
        let table = |text: &String| match text.split_once('=') {
            Some((key, value)) => Ok(setting(key.trim(), value.trim())?),
            None => Err(Failure::Usage(format!("--set {text}: give KEY=VALUE, such as train.lr=0.01"))),
        };
        self.set.iter().map(table).collect()
    }
}

/// A task and the settings that were given, of the command that is named like it.
#[derive(Debug)]
pub(crate) struct TaskCall<C> {
    pub(crate) task: &'static dyn TaskEntry,
    file: Option<PathBuf>,
    given: Vec<Table>,
    /// What the command itself takes.
    pub(crate) common: C,
}

impl<C: TaskCommand> TaskCall<C> {
    /// What was given to the command of a task.
    pub(crate) fn of(task: &'static dyn TaskEntry, matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self {
            task,
            file: matches.get_one(FILE).cloned(),
            given: given(task, C::MEANINGLESS, matches),
            common: C::from_arg_matches(matches)?,
        })
    }

    /// The settings, each table over those before it, and how messages write them.
    pub(crate) fn tables(&self) -> Result<(Vec<Table>, Options), Failure> {
        let configured = self.common.configured();
        let mut spelling = Options::default();
        let mut tables: Vec<Table> = configured.file()?.into_iter().collect();
        tables.iter().for_each(|table| spelling.file(table));
        self.given.iter().for_each(|table| spelling.option(table));
        tables.extend(self.given.iter().cloned());
        if let Some(file) = &self.file {
            tables.push(train_file(file)?);
        }
        let set = configured.set_tables()?;
        set.iter().for_each(|table| spelling.file(table));
        tables.extend(set);
        Ok((tables, spelling))
    }
}

impl<C: TaskCommand> Subcommand for TaskCall<C> {
    fn augment_subcommands(command: Command) -> Command {
        TASKS.into_iter().fold(command, |command, task| command.subcommand(task_command::<C>(task)))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        named(name).is_ok()
    }
}

impl<C: TaskCommand> FromArgMatches for TaskCall<C> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let Some((name, matches)) = matches.subcommand() else {
            return Err(clap::Error::new(ErrorKind::MissingSubcommand));
        };
        let task = named(name).map_err(|error| clap::Error::raw(ErrorKind::InvalidSubcommand, error))?;
        Self::of(task, matches)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

const FILE: &str = "file";

/// The command of a task: its file, an option for each of its settings, and what the command itself takes.
pub(crate) fn task_command<C: TaskCommand>(task: &'static dyn TaskEntry) -> Command {
    let command = Command::new(task.name()).args_override_self(true);
    // Last, as arguments bring a description of their own.
    task_arguments::<C>(command, task).about(C::about(task)).after_help(after(&C::examples(task)))
}

/// Adds the file, an option for each setting of a task that means something to the command, and what the command itself takes.
pub(crate) fn task_arguments<C: TaskCommand>(command: Command, task: &dyn TaskEntry) -> Command {
    let file = Arg::new(FILE)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("The training file, `-` for standard input");
    C::augment_args(add_options(command.arg(file), task, C::MEANINGLESS))
}

/// The training file as a setting; a path that is no Unicode cannot stand in a configuration.
fn train_file(path: &Path) -> Result<Table, Failure> {
    let Some(name) = path.to_str() else {
        return Err(Failure::Usage(format!("{}: the name is no Unicode; rename the file", path.display())));
    };
    let inner = Table::from_iter([("train".to_owned(), toml::Value::String(name.to_owned()))]);
    Ok(Table::from_iter([("data".to_owned(), toml::Value::Table(inner))]))
}
