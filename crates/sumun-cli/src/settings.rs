//! The settings of a task as options of the command line: one for each row of the library's table.

use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParser};
use clap::{Arg, ArgMatches, Command, ValueHint};
use sumun::settings::{Kind, Setting};
use sumun::tasks::TaskEntry;
use toml::{Table, Value};

/// The settings of a task that are options: all but those with the keys `without`. The training file is an argument of its own.
fn options(task: &dyn TaskEntry, without: &[&str]) -> Vec<(Setting, Option<String>)> {
    // Only defaults that TOML cannot hold would be an error; a task is then without options, which its tests see.
    let Ok(settings) = task.settings() else { return Vec::new() };
    let is_option = |key: &str| key != "data.train" && !without.contains(&key);
    let rows = settings.rows().filter(|setting| is_option(&setting.key()));
    let open = |setting: &Setting| settings.is_open(setting).then(|| "decided from the data".to_owned());
    rows.map(|setting| (*setting, settings.default_of(setting).or_else(|| open(setting)))).collect()
}

/// Adds an option for each setting of a task but those `without`.
pub(crate) fn add_options(command: Command, task: &dyn TaskEntry, without: &[&str]) -> Command {
    options(task, without).into_iter().fold(command, |command, (setting, default)| {
        let mut help = setting.help.to_owned();
        if let Some(default) = default {
            help += &format!(" [default: {default}]");
        }
        let arg = Arg::new(setting.key()).long(setting.option()).help(help).help_heading(heading(&setting));
        let arg = arg.value_parser(parser(setting.kind)).value_name(value_name(&setting));
        let arg = arg.value_hint(value_hint(setting.kind, value_name(&setting)));
        command.arg(match setting.kind {
            // `--bidirectional`, `--bidirectional false`.
            Kind::Switch => arg.num_args(0..=1).default_missing_value("true").hide_possible_values(true),
            Kind::Count
            | Kind::Seed
            | Kind::Real
            | Kind::HeldOut
            | Kind::Season
            | Kind::Least
            | Kind::Clip => arg.allow_negative_numbers(true),
            // `--na -9999`.
            Kind::Texts => arg.allow_hyphen_values(true),
            Kind::Choice(_) | Kind::Text | Kind::Columns => arg,
        })
    })
}

/// The settings that were given to the options of [`add_options`], each as a table for the configuration.
pub(crate) fn given(task: &dyn TaskEntry, without: &[&str], matches: &ArgMatches) -> Vec<Table> {
    let value = |setting: &Setting| matches.get_one::<Value>(&setting.key()).cloned();
    let tables =
        options(task, without).into_iter().filter_map(|(setting, _)| Some(setting.table(value(&setting)?)));
    tables.collect()
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
        Kind::Count | Kind::Seed | Kind::Season => "N",
        Kind::Least => "auto|none|X",
        Kind::Real | Kind::Clip => "X",
        Kind::Text if setting.section == "text" => "FILE",
        Kind::Text if setting.key() == "train.from" => "RUN",
        Kind::Text => "NAME",
        Kind::HeldOut => "SHARE|FILE",
        Kind::Columns => "COL[,COL]",
        Kind::Texts => "TEXT[,TEXT]",
    }
}

/// What a shell completes where no choice is listed: the names of files, or nothing.
fn value_hint(kind: Kind, value_name: &str) -> ValueHint {
    match kind {
        Kind::HeldOut => ValueHint::FilePath,
        Kind::Text if value_name == "RUN" => ValueHint::DirPath,
        Kind::Text if value_name == "FILE" => ValueHint::FilePath,
        Kind::Choice(_) | Kind::Switch => ValueHint::Unknown,
        Kind::Text | Kind::Columns | Kind::Texts => ValueHint::Other,
        Kind::Count | Kind::Seed | Kind::Season | Kind::Real | Kind::Least | Kind::Clip => ValueHint::Other,
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

#[cfg(test)]
mod tests {
    use super::*;
    use sumun::tasks::named;

    #[test]
    fn options_become_tables() {
        let task = named("classify").unwrap();
        let command = || add_options(Command::new("x"), task, &[]);
        let words = ["x", "--lr", "0.01", "--valid", "dev.csv", "--bidirectional", "false", "--text", "1"];
        let matches = command().try_get_matches_from(words).unwrap();
        let mut keys: Vec<String> =
            given(task, &[], &matches).iter().map(|t| t.to_string().replace('\n', " ")).collect();
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
        assert!(command().try_get_matches_from(["x", "--chunk", "3"]).is_err());
    }
}
