//! Settings: one table for files, options and help.

use std::collections::BTreeSet;

use sumun::forecast::ForecastConfig;
use sumun::settings::{Kind, Setting, Settings, read_config};
use sumun::tasks::{
    Classify, ConfigKeys, HeldOut, Lm, Regress, SETTINGS, TASKS, Tag, Task, TaskConfig, TaskEntry, Translate,
    configure, named, setting,
};
use toml::{Table, Value};

/// A line of a forecaster's template that names the same column as another one.
const KNOWN: &str = "known = [\"…\"]";
const STATIC: &str = "static = [\"…\"]";
const SERIES: &str = "series = \"…\"";

/// Calls a function of any task on sequences with each of them.
macro_rules! with_each {
    ($check:ident) => {
        $check::<Classify>();
        $check::<Regress>();
        $check::<Tag>();
        $check::<Lm>();
        $check::<Translate>();
    };
}

fn settings<T: Task>() -> Settings {
    TaskConfig::<T>::settings().unwrap()
}

/// Settings beside a training file.
fn tables(settings: &[(&str, &str)]) -> sumun::Result<Vec<Table>> {
    let named = [("data.train", "f.csv")];
    named.iter().chain(settings).map(|(key, value)| setting(key, value)).collect()
}

fn parsed<T: Task>(settings: &[(&str, &str)]) -> sumun::Result<TaskConfig<T>> {
    TaskConfig::from_tables(&tables(settings)?)
}

/// The settings of the tasks on sequences.
fn on_sequences() -> impl Iterator<Item = &'static dyn TaskEntry> {
    TASKS.into_iter().filter(|task| task.name() != "forecast")
}

/// Every key of a table of sections.
fn keys(table: &Table) -> Vec<String> {
    let sections = table.iter().filter_map(|(section, inner)| Some((section, inner.as_table()?)));
    sections.flat_map(|(section, inner)| inner.keys().map(move |name| format!("{section}.{name}"))).collect()
}

#[test]
fn every_setting_has_a_row_and_every_row_a_setting() {
    fn check<T: Task>() {
        // The template with all that it has commented out names every row; what is read back names every field.
        let mut table: Table = used(&settings::<T>().template()).parse().unwrap();
        let of_pieces = take_pieces::<T>(&mut table);
        let config = TaskConfig::<T>::from_tables(&[table]).unwrap();
        let mut found: BTreeSet<String> = keys(&config.to_table().unwrap()).into_iter().collect();
        found.extend(of_pieces);
        let rows: Vec<String> = settings::<T>().rows().map(Setting::key).collect();
        assert_eq!(found, rows.iter().cloned().collect(), "{}", T::NAME);
        assert_eq!(found.len(), rows.len(), "a row of {} is there twice", T::NAME);
        // Nothing else is kept but shared settings that mean nothing to the task.
        let whole = Table::try_from(&config).unwrap();
        let more = keys(&whole).into_iter().filter(|key| !found.contains(key));
        for key in more {
            assert!(T::WITHOUT.contains(&key.split('.').next_back().unwrap()), "{}: {key}", T::NAME);
        }
    }
    with_each!(check);
    let text = used(&ForecastConfig::settings().unwrap().template())
        .replace(KNOWN, "known = [\"a\"]")
        .replace(STATIC, "static = [\"s\"]")
        .replace(SERIES, "series = \"id\"");
    let config = ForecastConfig::from_tables(&[text.parse().unwrap()]).unwrap();
    let found: BTreeSet<String> = keys(&Table::try_from(config).unwrap()).into_iter().collect();
    let rows: Vec<String> = ForecastConfig::settings().unwrap().rows().map(Setting::key).collect();
    assert_eq!(found, rows.iter().cloned().collect());
    assert_eq!(found.len(), rows.len(), "a row is there twice");
    for setting in SETTINGS.iter() {
        let read = TASKS.iter().any(|task| task.settings().unwrap().reads(setting));
        assert!(read, "{} is read by none", setting.key());
        assert!(!setting.help.ends_with('.') && setting.help.len() > 10, "{}", setting.key());
        assert_eq!(setting.option(), setting.name.replace('_', "-"));
    }
}

/// Where tasks mean different things by a key, the table has a row for each; what they share is one row.
#[test]
fn the_table_has_each_meaning_of_a_key_once() {
    for (place, row) in SETTINGS.iter().enumerate() {
        assert!(!SETTINGS[..place].contains(row), "{} is there twice", row.key());
        // Only a forecaster and a simulator, which read tables of series, say other things than the tasks on sequences.
        let of_sequences = |row: &&Setting| {
            let tasks = TASKS.into_iter().filter(|task| !["forecast", "simulate"].contains(&task.name()));
            tasks.into_iter().any(|task| task.settings().unwrap().reads(row))
        };
        let same = SETTINGS.iter().filter(|other| other.key() == row.key());
        assert!(same.filter(of_sequences).count() <= 1, "{}", row.key());
    }
    for task in TASKS {
        let settings = task.settings().unwrap();
        for row in settings.rows() {
            assert!(SETTINGS.iter().any(|other| other.is(row)), "{} of {}", row.key(), task.name());
            let same = settings.rows().filter(|other| other.name == row.name).count();
            assert_eq!(same, 1, "{} of {}", row.key(), task.name());
        }
    }
}

/// A template with what it has commented out.
fn used(template: &str) -> String {
    let lines = template.lines().map(|line| match line.strip_prefix("# ") {
        Some(setting) if setting.contains(" = ") => setting,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Takes the settings of word pieces out of a table, each of which needs a level of its own and excludes the other, and reads each by
/// itself; returns their keys.
fn take_pieces<T: Task>(table: &mut Table) -> Vec<String> {
    let text = table.get_mut("text").and_then(Value::as_table_mut);
    let Some(text) = text else { return Vec::new() };
    let mut taken = Vec::new();
    for name in ["pieces", "tokenizer"] {
        let Some(value) = text.remove(name) else { continue };
        let key = format!("text.{name}");
        let value = value.as_str().unwrap().to_owned();
        let alone = [("text.level", "subword"), ("text.min_count", "1"), (&*key, &*value)];
        let config = parsed::<T>(&alone).unwrap();
        assert!(keys(&config.to_table().unwrap()).contains(&key), "{key} of {}", T::NAME);
        taken.push(key);
    }
    taken
}

#[test]
fn templates_say_the_defaults() {
    fn check<T: Task>() {
        let mut expected = TaskConfig::<T>::default();
        expected.data.train = "data.csv".into();
        let text = settings::<T>().template();
        let table: Table = text.parse().unwrap();
        assert_eq!(TaskConfig::from_tables(&[table]).unwrap(), expected, "{text}");
        // What is commented out is meant to be used.
        let mut table: Table = used(&text).parse().unwrap();
        assert_eq!(keys(&table).len(), settings::<T>().rows().count(), "{text}");
        take_pieces::<T>(&mut table);
        TaskConfig::<T>::from_tables(&[table]).unwrap();
        for other in TASKS.into_iter().filter(|other| other.name() != T::NAME) {
            let message = configure(other, &[text.parse().unwrap()]).unwrap_err().to_string();
            assert!(message.contains(&format!("not for {}", other.name())), "{message}");
        }
    }
    with_each!(check);
}

#[test]
fn the_forecasters_template_says_the_defaults() {
    let settings = ForecastConfig::settings().unwrap();
    let text = settings.template();
    let config = ForecastConfig::from_tables(&[text.parse().unwrap()]).unwrap();
    let mut expected = ForecastConfig::of(&["value"]);
    expected.data.train = "data.csv".into();
    assert_eq!(config, expected);
    let used = used(&text)
        .replace(KNOWN, "known = \"a, \\\"b,c\\\"\"")
        .replace(STATIC, "static = [\"s\"]")
        .replace(SERIES, "series = \"id\"");
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
    fn check<T: Task>(settings: &[(&str, &str)]) {
        let config = parsed::<T>(settings).unwrap();
        assert_ne!(config, parsed(&[]).unwrap());
        let text = config.to_toml().unwrap();
        let read = TaskConfig::from_tables(&[text.parse().unwrap()]).unwrap();
        assert_eq!(config, read, "{text}");
        let kept = serde_json::to_value(&config).unwrap();
        assert_eq!(config, serde_json::from_value(kept).unwrap());
    }
    check::<Classify>(&[("data.threshold", "0"), ("data.test", "test.csv"), ("text.level", "jamo")]);
    check::<Regress>(&[("data.valid", "0"), ("data.x_layout", "time-channel"), ("data.label", "3")]);
    check::<Tag>(&[("train.batch_tokens", "500"), ("network.bidirectional", "false")]);
    check::<Lm>(&[("train.chunk", "7"), ("text.vectors", "a \"b\".vec"), ("train.schedule", "plateau")]);
    check::<Translate>(&[("text.max_tokens", "9"), ("text.target_level", "word"), ("network.score", "dot")]);
}

/// Earlier versions kept the settings of all tasks beside those of a task, in every checkpoint.
#[test]
fn checkpoints_with_the_settings_of_all_tasks_are_read() {
    let written = serde_json::json!({
        "task": "tag",
        "data": { "train": "f.conllu", "valid": 0.25, "test": "t.conllu", "x_layout": "channel-time",
            "class_weights": "none", "tags": "upos" },
        "text": { "level": "word", "lowercase": true, "min_count": 2, "max_tokens": 500 },
        "network": { "cell": "gru", "hidden": 12, "layers": 1, "bidirectional": true, "embedding": 8,
            "dropout": 0.5, "recurrent_dropout": 0.0, "pool": "max", "score": "general" },
        "train": { "epochs": 3, "batch": 32, "chunk": 128, "lr": 0.002, "schedule": "cosine",
            "optimizer": "adam", "weight_decay": 0.0, "clip": 1.0, "patience": 8, "seed": 7,
            "save_every": 30.0 },
    });
    let config: TaskConfig<Tag> = serde_json::from_value(written.clone()).unwrap();
    let mut expected = TaskConfig::<Tag>::default();
    (expected.data.train, expected.data.valid) = ("f.conllu".into(), HeldOut::Share(0.25));
    (expected.data.test, expected.own.tags) = (HeldOut::File("t.conllu".into()), Some("upos".into()));
    expected.text.normalize = sumun::settings::Normalize::None;
    (expected.text.lowercase, expected.train.epochs, expected.train.seed) = (true, Some(3), 7);
    (expected.train.batch, expected.train.patience) = (Some(32), Some(8));
    (expected.network.hidden, expected.network.embedding) = (12, 8);
    expected.network.cell = sumun::settings::Cell::named("gru").unwrap();
    // Tags were chosen one by one then.
    expected.own.crf = sumun::settings::Switch::Off;
    assert_eq!(config, expected);
    for (pointer, name, expected) in [
        ("/train", "momentum", "there is no setting train.momentum"),
        ("/data", "chunk", "there is no setting data.chunk"),
        ("", "lr", "lr is 1; it must be a table"),
        ("", "task", "the task is 1, not tag"),
    ] {
        let mut written = written.clone();
        written.pointer_mut(pointer).unwrap()[name] = 1.into();
        let message = serde_json::from_value::<TaskConfig<Tag>>(written).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn later_tables_win() {
    let file: Table = "[train]\nlr = 1\nepochs = 3\n[data]\ntrain = \"f.csv\"".parse().unwrap();
    let config = TaskConfig::<Tag>::from_tables(&[file, setting("train.lr", "0.25").unwrap()]).unwrap();
    assert_eq!((config.train.lr, config.train.epochs), (0.25, Some(3)));
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
    let config = parsed::<Classify>(&[("data.valid", "0"), ("data.test", "t.csv"), ("data.threshold", "2")]);
    let TaskConfig { data, own, .. } = config.unwrap();
    assert_eq!((data.valid, data.test), (HeldOut::Share(0.0), HeldOut::File("t.csv".into())));
    assert_eq!(own.threshold, Some(2.0));
}

#[test]
fn settings_that_mean_nothing_are_explained() {
    for (task, key, value, expected) in [
        ("tag", "train.lrr", "1", "there is no setting \"train.lrr\"; did you mean train.lr?"),
        ("tag", "trian.lr", "1", "did you mean train.lr?"),
        ("tag", "network.hiden", "1", "did you mean network.hidden?"),
        ("tag", "lr", "1", "there is no setting \"lr\"; did you mean train.lr?"),
        ("tag", "epoch", "1", "did you mean train.epochs?"),
        ("tag", "zzz", "1", "there is no setting \"zzz\"; the template of a task lists them all"),
        ("tag", "network.pool", "max", "network.pool means nothing to tag; leave it out"),
        ("lm", "data.label", "x", "data.label means nothing to lm"),
        ("classify", "train.chunk", "3", "train.chunk means nothing to classify"),
        ("regress", "data.threshold", "3", "data.threshold means nothing to regress"),
        ("tag", "train.epochs", "1.5", "train.epochs is 1.5; it must be a whole number of at least 0"),
        ("tag", "train.epochs", "-1", "train.epochs is -1; it must be a whole number"),
        ("tag", "train.epochs", "many", "train.epochs is \"many\"; it must be a whole number"),
        ("tag", "train.lr", "fast", "train.lr is \"fast\"; it must be a number"),
        ("tag", "text.lowercase", "1", "text.lowercase is 1; it must be true or false"),
        (
            "tag",
            "network.cell",
            "lstn",
            "network.cell is \"lstn\"; it must be one of rnn, rnn_relu, lstm, gru, gru_reset_before, ind_rnn, min_gru, min_lstm, slstm",
        ),
        ("tag", "data.valid", "true", "data.valid is true; it must be a share, or a file"),
        ("tag", "data.valid", "1.0", "data.valid is 1; it must be a share of at least 0 and below 1"),
        ("tag", "data.test", "-0.1", "data.test is -0.1; it must be a share"),
        ("tag", "train.epochs", "0", "train.epochs is 0; it must be at least 1"),
        ("tag", "train.batch_tokens", "0", "train.batch_tokens is 0; it must be at least 1"),
        ("tag", "network.hidden", "0", "network.hidden is 0; it must be at least 1"),
        ("tag", "network.dropout", "1", "network.dropout is 1; it must be at least 0 and below 1"),
        ("tag", "network.recurrent_dropout", "nan", "network.recurrent_dropout is NaN; it must be"),
        ("tag", "text.vocabulary", "2", "text.vocabulary is 2; it must be at least 3"),
        ("tag", "train.lr", "-1", "train.lr is -1; it must be a number of at least 0"),
        ("tag", "train.clip", "inf", "train.clip is inf; it must be"),
        ("tag", "train.seed", "-1", "train.seed is -1; it must be a whole number"),
    ] {
        let configured = tables(&[(key, value)]).and_then(|tables| configure(named(task).unwrap(), &tables));
        let message = configured.unwrap_err().spelled(&ConfigKeys);
        assert!(message.contains(expected) && !message.contains('\n'), "{key} = {value}: {message}");
    }
    let message = configure(named("tag").unwrap(), &[]).unwrap_err().to_string();
    assert!(message.starts_with("no data is named"), "{message}");
    for text in ["train = 3", "trian = { lr = 1 }", "tsk = \"tag\""] {
        let message = configure(named("tag").unwrap(), &[text.parse().unwrap()]).unwrap_err().to_string();
        assert!(message.starts_with("there is no setting"), "{text}: {message}");
    }
}

/// A setting of each kind takes what its kind says and nothing else.
#[test]
fn kinds_are_kept() {
    let values = [
        ("1", &[Kind::Count, Kind::Seed, Kind::Real, Kind::HeldOut, Kind::Clip, Kind::Texts][..]),
        ("0.5", &[Kind::Real, Kind::HeldOut, Kind::Clip, Kind::Texts]),
        ("true", &[Kind::Switch]),
        ("[1]", &[Kind::Texts]),
        ("\"a\"", &[Kind::Text, Kind::Columns, Kind::Texts, Kind::HeldOut]),
    ];
    for row in SETTINGS.iter() {
        let Some(task) = on_sequences().find(|task| task.settings().unwrap().reads(row)) else { continue };
        for (value, kinds) in values {
            let text = format!("[{}]\n{} = {value}", row.section, row.name);
            let found = configure(task, &[text.parse().unwrap()]).map(|_| ());
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
