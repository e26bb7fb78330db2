//! Settings: one table for files, options and help.

use std::collections::BTreeSet;

use sumun::forecast::{ForecastConfig, Or};
use sumun::settings::{ConfigKeys, Kind, SETTINGS, Setting, Settings, read_config, setting};
use sumun::tasks::{HeldOut, Level, TASKS as ALL, Task, TaskConfig};
use toml::{Table, Value};

const TASKS: [Task; 5] = [Task::Classify, Task::Regress, Task::Tag, Task::Lm, Task::Translate];

fn settings(task: Task) -> Settings {
    TaskConfig::settings(task).unwrap()
}

fn parsed(task: Task, settings: &[(&str, &str)]) -> sumun::Result<TaskConfig> {
    let named = [("data.train", "f.csv")];
    let tables: sumun::Result<Vec<Table>> =
        named.iter().chain(settings).map(|(key, value)| setting(key, value)).collect();
    TaskConfig::from_tables(task, &tables?)
}

#[test]
fn every_setting_has_a_row_and_every_row_a_setting() {
    let mut config = TaskConfig::defaults(Task::Classify);
    let name = || Some("name".to_owned());
    let data = &mut config.data;
    (data.text, data.x, data.label, data.tokens, data.tags) = (name(), name(), name(), name(), name());
    (data.source, data.target, config.text.target_level) = (name(), name(), Some(Level::Char));
    (data.threshold, config.text.vectors) = (Some(0.0), Some("file".into()));
    (config.train.batch_tokens, config.text.vocabulary) = (Some(1), Some(3));
    let table = Table::try_from(config).unwrap();
    let mut found = BTreeSet::new();
    for (section, inner) in &table {
        match inner {
            Value::Table(inner) => found.extend(inner.keys().map(|name| format!("{section}.{name}"))),
            _ => assert_eq!(section, "task"),
        }
    }
    let rows = |read: &dyn Fn(&Setting) -> bool| -> Vec<String> {
        SETTINGS.iter().filter(|row| read(row)).map(Setting::key).collect()
    };
    let of_tasks = rows(&|row| TASKS.iter().any(|&task| settings(task).reads(row)));
    assert_eq!(found, of_tasks.iter().cloned().collect());
    assert_eq!(found.len(), of_tasks.len(), "a row is there twice");
    let mut config = ForecastConfig::default();
    (config.data.time, config.data.season) = (name(), Some(Or::Number(7)));
    (config.data.horizon, config.data.window) = (Some(1), Some(1));
    (config.train.epochs, config.train.batch, config.train.patience) = (Some(1), Some(1), Some(1));
    let table = Table::try_from(config).unwrap();
    let sections = table.iter().filter_map(|(section, inner)| Some((section, inner.as_table()?)));
    let found: BTreeSet<String> = sections
        .flat_map(|(section, inner)| inner.keys().map(move |name| format!("{section}.{name}")))
        .collect();
    let of_forecast = rows(&|row| ForecastConfig::settings().unwrap().reads(row));
    assert_eq!(found, of_forecast.iter().cloned().collect());
    assert_eq!(found.len(), of_forecast.len(), "a row is there twice");
    for setting in SETTINGS {
        let read = ALL.iter().any(|task| task.settings().unwrap().reads(setting));
        assert!(read, "{} is read by none", setting.key());
        assert!(!setting.help.ends_with('.') && setting.help.len() > 10, "{}", setting.key());
        assert_eq!(setting.option(), setting.name.replace('_', "-"));
    }
}

#[test]
fn templates_say_the_defaults() {
    for task in TASKS {
        let mut expected = TaskConfig::defaults(task);
        expected.data.train = "data.csv".into();
        let text = settings(task).template();
        let table: Table = text.parse().unwrap();
        assert_eq!(TaskConfig::from_tables(task, &[table]).unwrap(), expected, "{text}");
        // What is commented out is meant to be used.
        let used: Vec<&str> = text
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(setting) if setting.contains(" = ") => setting,
                _ => line,
            })
            .collect();
        let table: Table = used.join("\n").parse().unwrap();
        let rows = settings(task).rows().count();
        let keys: usize = table.values().filter_map(Value::as_table).map(Table::len).sum();
        assert_eq!(keys, rows, "{text}");
        TaskConfig::from_tables(task, &[table]).unwrap();
        let other = TASKS.into_iter().find(|&other| other != task).unwrap();
        let message = TaskConfig::from_tables(other, &[text.parse().unwrap()]).unwrap_err().to_string();
        assert!(message.contains(&format!("not for {other}")), "{message}");
    }
}

#[test]
fn the_forecasters_template_says_the_defaults() {
    let settings = ForecastConfig::settings().unwrap();
    let text = settings.template();
    let config = ForecastConfig::from_tables(&[text.parse().unwrap()]).unwrap();
    let mut expected = ForecastConfig::of(&["value"]);
    expected.data.train = "data.csv".into();
    assert_eq!(config, expected);
    let used = text.replace("# time", "time").replace("# features", "features").replace("# known", "known");
    let used = used.replace("known = [\"…\"]", "known = \"a, \\\"b,c\\\"\"");
    let used = ["horizon", "window", "season", "epochs", "batch", "patience"]
        .iter()
        .fold(used, |text, name| text.replace(&format!("# {name} = "), &format!("{name} = ")));
    let table: Table = used.parse().unwrap();
    let rows = settings.rows().count();
    let keys: usize = table.values().filter_map(Value::as_table).map(Table::len).sum();
    assert_eq!(keys, rows, "{used}");
    let config = ForecastConfig::from_tables(&[table]).unwrap();
    assert_eq!(config.data.known, ["a", "b,c"]);
    let again = ForecastConfig::from_tables(&[config.to_toml().unwrap().parse().unwrap()]).unwrap();
    assert_eq!(again, config);
}

#[test]
fn configurations_are_written_and_read_again() {
    let cases: [(Task, &[(&str, &str)]); 4] = [
        (Task::Classify, &[("data.threshold", "0"), ("data.test", "test.csv"), ("text.level", "jamo")]),
        (Task::Regress, &[("data.valid", "0"), ("data.x_layout", "time-channel"), ("data.label", "3")]),
        (Task::Tag, &[("train.batch_tokens", "500"), ("network.bidirectional", "false")]),
        (Task::Lm, &[("train.chunk", "7"), ("text.vectors", "a \"b\".vec"), ("train.schedule", "plateau")]),
    ];
    for (task, settings) in cases {
        let config = parsed(task, settings).unwrap();
        assert_ne!(config, parsed(task, &[]).unwrap());
        let text = config.to_toml().unwrap();
        let read = TaskConfig::from_tables(task, &[text.parse().unwrap()]).unwrap();
        assert_eq!(read, config, "{text}");
    }
}

#[test]
fn later_tables_win() {
    let file: Table = "[train]\nlr = 1\nepochs = 3\n[data]\ntrain = \"f.csv\"".parse().unwrap();
    let config = TaskConfig::from_tables(Task::Tag, &[file, setting("train.lr", "0.25").unwrap()]).unwrap();
    assert_eq!((config.train.lr, config.train.epochs), (0.25, 3));
}

#[test]
fn single_settings_are_what_they_look_like() {
    for (key, written, expected) in [
        ("train.lr", "0.01", Value::Float(0.01)),
        ("train.lr", "1e-3", Value::Float(1e-3)),
        ("train.epochs", "7", Value::Integer(7)),
        ("network.bidirectional", "false", Value::Boolean(false)),
        ("network.cell", "gru", Value::String("gru".into())),
        // A column may be called 3, or true.
        ("data.label", "3", Value::String("3".into())),
        ("data.label", "true", Value::String("true".into())),
        ("data.label", "\"3\"", Value::String("3".into())),
        ("data.label", "점수", Value::String("점수".into())),
        ("data.valid", "0.2", Value::Float(0.2)),
        ("data.valid", "dev.csv", Value::String("dev.csv".into())),
    ] {
        let table = setting(key, written).unwrap();
        let (section, name) = key.split_once('.').unwrap();
        assert_eq!(table[section][name], expected, "{key} = {written}");
    }
    let config =
        parsed(Task::Classify, &[("data.valid", "0"), ("data.test", "t.csv"), ("data.threshold", "2")]);
    let data = config.unwrap().data;
    assert_eq!((data.valid, data.test), (HeldOut::Share(0.0), HeldOut::File("t.csv".into())));
    assert_eq!(data.threshold, Some(2.0));
}

#[test]
fn settings_that_mean_nothing_are_explained() {
    for (task, key, value, expected) in [
        (Task::Tag, "train.lrr", "1", "there is no setting \"train.lrr\"; did you mean train.lr?"),
        (Task::Tag, "trian.lr", "1", "did you mean train.lr?"),
        (Task::Tag, "network.hiden", "1", "did you mean network.hidden?"),
        (Task::Tag, "lr", "1", "there is no setting \"lr\"; did you mean train.lr?"),
        (Task::Tag, "epoch", "1", "did you mean train.epochs?"),
        (Task::Tag, "zzz", "1", "there is no setting \"zzz\"; the template of a task lists them all"),
        (Task::Tag, "network.pool", "max", "network.pool means nothing to tag; leave it out"),
        (Task::Lm, "data.label", "x", "data.label means nothing to lm"),
        (Task::Classify, "train.chunk", "3", "train.chunk means nothing to classify"),
        (Task::Regress, "data.threshold", "3", "data.threshold means nothing to regress"),
        (Task::Tag, "train.epochs", "1.5", "train.epochs is 1.5; it must be a whole number of at least 0"),
        (Task::Tag, "train.epochs", "-1", "train.epochs is -1; it must be a whole number"),
        (Task::Tag, "train.epochs", "many", "train.epochs is \"many\"; it must be a whole number"),
        (Task::Tag, "train.lr", "fast", "train.lr is \"fast\"; it must be a number"),
        (Task::Tag, "text.lowercase", "1", "text.lowercase is 1; it must be true or false"),
        (
            Task::Tag,
            "network.cell",
            "lstn",
            "network.cell is \"lstn\"; it must be one of rnn, rnn_relu, lstm, gru, gru_reset_before, ind_rnn, min_gru, min_lstm, slstm",
        ),
        (Task::Tag, "data.valid", "true", "data.valid is true; it must be a share, or a file"),
        (Task::Tag, "data.valid", "1.0", "data.valid is 1; it must be a share of at least 0 and below 1"),
        (Task::Tag, "data.test", "-0.1", "data.test is -0.1; it must be a share"),
        (Task::Tag, "train.epochs", "0", "train.epochs is 0; it must be at least 1"),
        (Task::Tag, "train.batch_tokens", "0", "train.batch_tokens is 0; it must be at least 1"),
        (Task::Tag, "network.hidden", "0", "network.hidden is 0; it must be at least 1"),
        (Task::Tag, "network.dropout", "1", "network.dropout is 1; it must be at least 0 and below 1"),
        (Task::Tag, "network.recurrent_dropout", "nan", "network.recurrent_dropout is NaN; it must be"),
        (Task::Tag, "text.vocabulary", "2", "text.vocabulary is 2; it must be at least 3"),
        (Task::Tag, "train.lr", "-1", "train.lr is -1; it must be a number of at least 0"),
        (Task::Tag, "train.clip", "inf", "train.clip is inf; it must be"),
        (Task::Tag, "train.seed", "-1", "train.seed is -1; it must be a whole number"),
    ] {
        let message = parsed(task, &[(key, value)]).unwrap_err().spelled(&ConfigKeys);
        assert!(message.contains(expected) && !message.contains('\n'), "{key} = {value}: {message}");
    }
    let message = TaskConfig::from_tables(Task::Tag, &[]).unwrap_err().to_string();
    assert!(message.starts_with("no data is named"), "{message}");
    for text in ["train = 3", "trian = { lr = 1 }", "tsk = \"tag\""] {
        let message = TaskConfig::from_tables(Task::Tag, &[text.parse().unwrap()]).unwrap_err().to_string();
        assert!(message.starts_with("there is no setting"), "{text}: {message}");
    }
}

/// A setting of each kind takes what its kind says and nothing else.
#[test]
fn kinds_are_kept() {
    let values = [
        ("1", &[Kind::Count, Kind::Real, Kind::HeldOut][..]),
        ("0.5", &[Kind::Real, Kind::HeldOut]),
        ("true", &[Kind::Switch]),
        ("[1]", &[]),
        ("\"a\"", &[Kind::Text, Kind::HeldOut]),
    ];
    for row in SETTINGS {
        let Some(task) = TASKS.into_iter().find(|&task| settings(task).reads(row)) else { continue };
        for (value, kinds) in values {
            let text = format!("[{}]\n{} = {value}", row.section, row.name);
            let found = TaskConfig::from_tables(task, &[text.parse().unwrap()]).map(|_| ());
            let message = found.map_or_else(|error| error.spelled(&ConfigKeys), |()| String::new());
            let refused = message.starts_with(&format!("{} is {value}; it must be", row.key()))
                && !message.contains("at least 0 and below 1")
                && !message.contains("share of");
            assert_eq!(refused, !kinds.contains(&row.kind), "{text}: {message}");
        }
    }
}

#[test]
fn configuration_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.toml");
    let message = read_config(&path).unwrap_err().to_string();
    assert!(message.contains("run.toml"), "{message}");
    std::fs::write(&path, "task = \"tag\"\n[train]\nlr = = 1\n").unwrap();
    let message = read_config(&path).unwrap_err().to_string();
    assert!(message.contains("run.toml: line 3: ") && !message.contains('\n'), "{message}");
    std::fs::write(&path, "task = \"tag\"\n[train]\nlr = 1\n").unwrap();
    assert_eq!(read_config(&path).unwrap()["train"]["lr"], Value::Integer(1));
}
