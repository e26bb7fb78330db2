//! The settings of a training of a task on sequences as a whole: its rows, its defaults, and what run folders keep of them.

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use toml::Table;

use super::options::{DataOptions, NetworkOptions, TextOptions, TrainOptions};
use super::task::{Task, TaskConfig};
use crate::message::key;
use crate::model::Registry;
use crate::settings::{LAYERS, Normalize, Setting, Settings, unwritable};
use crate::{Error, Result};

/// The rows that tasks on sequences share, section by section.
const SHARED: [&[Setting]; 4] =
    [DataOptions::ROWS, TextOptions::ROWS, NetworkOptions::ROWS, TrainOptions::ROWS];

/// The shared settings that a task's own ones of the same section stand behind; in other sections they come last.
const OWN_BEHIND: [&str; 2] = ["level", "batch_tokens"];

/// Settings of other tasks that earlier versions kept beside those of a task, in every checkpoint.
const ONCE_KEPT: [(&str, &[&str]); 4] = [
    (
        "data",
        &[
            "text",
            "x",
            "x_layout",
            "label",
            "threshold",
            "class_weights",
            "tokens",
            "tags",
            "source",
            "target",
        ],
    ),
    ("text", &["target_level", "max_tokens"]),
    ("network", &["pool", "score"]),
    ("train", &["chunk"]),
];

/// The settings that stand where nothing else is said. The data is yet to be named.
impl<T: Task> Default for TaskConfig<T> {
    fn default() -> Self {
        let mut config = Self {
            data: DataOptions::default(),
            text: TextOptions::default(),
            network: NetworkOptions::default(),
            layers: Vec::new(),
            train: TrainOptions::default(),
            own: T::default(),
            open: T::OPEN.to_vec(),
            resumed: None,
            fold: None,
        };
        T::adjust(&mut config);
        config
    }
}

impl<T: Task> TaskConfig<T> {
    /// The rows that the task reads, in the order in which they are shown.
    fn rows() -> Vec<Setting> {
        let (mut rows, mut own) = (Vec::new(), T::rows());
        for shared in SHARED {
            let Some(section) = shared.first().map(|row| row.section) else { continue };
            let mut of_section = own.extract_if(.., |row| row.section == section).collect::<Vec<_>>();
            for row in shared {
                if !T::WITHOUT.contains(&row.name) {
                    rows.push(*row);
                }
                if OWN_BEHIND.contains(&row.name) {
                    rows.append(&mut of_section);
                }
            }
            rows.append(&mut of_section);
        }
        rows.append(&mut own);
        rows
    }

    /// Whether the data decide a setting: it is left open, and has its default.
    pub(super) fn is_open(&self, name: &str) -> bool {
        let value = |config: &Self| {
            let sections = config.all_sections().ok()?;
            sections.into_iter().find_map(|(_, inner)| inner.get(name).cloned())
        };
        self.open.contains(&name) && value(self) == value(&Self::default())
    }

    /// The settings that the task reads, with their defaults, but for those that are left open.
    pub fn settings() -> Result<Settings> {
        let defaults = Table::try_from(Self::default()).map_err(|error| unwritable(&error))?;
        let settings = Settings::new(T::NAME, Self::rows(), defaults).with_open(T::OPEN);
        Ok(if T::LAYERS { settings.with_layers() } else { settings })
    }

    /// The defaults under settings from a file and then single ones, each a table of sections. Errors: keys that the task
    /// does not read, with the nearest name; values of another kind; no data.
    pub fn from_tables(tables: &[Table]) -> Result<Self> {
        Self::from_tables_with(tables, &Registry::standard())
    }

    /// As [`from_tables`](Self::from_tables), with the layers that the registry has.
    pub fn from_tables_with(tables: &[Table], registry: &Registry) -> Result<Self> {
        let all = Self::settings()?.together(tables)?;
        if all.contains_key(LAYERS) {
            let given = |row: &Setting| {
                let section = |table: &Table| table.get(row.section)?.as_table().cloned();
                tables.iter().filter_map(section).any(|section| section.contains_key(row.name))
            };
            Self::replaced().into_iter().find(given).map_or(Ok(()), |row| Err(twice(row.name)))?;
        }
        let all = serde_json::to_value(all).map_err(|error| Error::Invalid(error.to_string()))?;
        let config = Self::of_json(all, registry)
            .map_err(|error| Error::Invalid(format!("the configuration: {error}")))?;
        config.check()?;
        Ok(config)
    }

    /// The settings that layers take the place of.
    fn replaced() -> Vec<Setting> {
        Self::rows().into_iter().filter(|row| row.section == NETWORK).collect()
    }

    /// All settings that the task reads as a table of sections.
    pub fn to_table(&self) -> Result<Table> {
        let mut table = Table::try_from(self).map_err(|error| unwritable(&error))?;
        Self::settings()?.retain_read(&mut table);
        if !self.layers.is_empty() {
            table.remove(NETWORK);
        }
        Ok(table)
    }

    /// The settings as TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(&self.to_table()?).map_err(|error| unwritable(&error))
    }

    /// Refuses settings that make no sense.
    pub(super) fn check(&self) -> Result<()> {
        self.data.check()?;
        self.network.check()?;
        self.text.check()?;
        self.train.check()?;
        self.check_layers()?;
        T::check(self)
    }

    /// Refuses layers beside settings of the network that they take the place of, and where the task takes none.
    fn check_layers(&self) -> Result<()> {
        if self.layers.is_empty() {
            return Ok(());
        }
        if !T::LAYERS {
            return Err(Error::Invalid(format!(
                "{} has a network of its own; leave the layers out",
                T::NAME
            )));
        }
        let network = |config: &Self| json(&config.network).map_err(Error::Invalid);
        let (set, usual) = (network(self)?, network(&Self::default())?);
        let changed = |row: &Setting| set.get(row.name) != usual.get(row.name);
        Self::replaced().into_iter().find(changed).map_or(Ok(()), |row| Err(twice(row.name)))
    }

    /// Refuses settings that the data leaves nothing to do for, where they are not the defaults: an option without an
    /// effect is a mistake. `more` are those of the task's own, by name, with whether they are for numbers and whether they
    /// are not the default.
    pub(super) fn check_input(&self, numbers: bool, more: &[(&'static str, bool, bool)]) -> Result<()> {
        let usual = Self::default();
        let (text, plain) = (&self.text, &usual.text);
        let shared = [
            ("level", false, text.level != plain.level),
            ("normalize", false, text.normalize != plain.normalize),
            ("lowercase", false, text.lowercase != plain.lowercase),
            ("min_count", false, text.min_count != plain.min_count),
            ("vocabulary", false, text.vocabulary != plain.vocabulary),
            ("pieces", false, text.pieces != plain.pieces),
            ("tokenizer", false, text.tokenizer != plain.tokenizer),
            ("subwords", false, text.subwords != plain.subwords),
            ("word_dropout", false, self.train.word_dropout != usual.train.word_dropout),
            ("embedding", false, self.network.embedding != usual.network.embedding),
        ];
        let (is_for, holds) = if numbers { ("texts", "numbers") } else { ("numbers", "texts") };
        match shared.iter().chain(more).find(|(_, of_numbers, set)| *set && *of_numbers != numbers) {
            Some((name, ..)) => Err(Error::Settings(
                key(name) + format!(" is for {is_for}, but the data holds {holds}; leave it out"),
            )),
            None => Ok(()),
        }
    }
}

/// The section of the settings that layers take the place of.
const NETWORK: &str = "network";

/// The error for a setting of the network beside layers that take its place.
fn twice(name: &'static str) -> Error {
    Error::Settings(
        key(name)
            + " describes the usual network, but layers say what the network is; leave out one or the other",
    )
}

/// A part of the settings as JSON.
fn json(part: &impl Serialize) -> Result<Map<String, Value>, String> {
    match serde_json::to_value(part) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(other) => Err(format!("settings are a table, not {other}")),
        Err(error) => Err(error.to_string()),
    }
}

impl<T: Task> TaskConfig<T> {
    /// Sections by their names, the task's own settings in theirs, without those that are left open.
    fn sections(&self) -> Result<Map<String, Value>, String> {
        let mut sections = self.all_sections()?;
        for row in Self::rows().iter().filter(|row| self.is_open(row.name)) {
            if let Some(Value::Object(section)) = sections.get_mut(row.section) {
                section.remove(row.name);
            }
        }
        Ok(sections)
    }

    /// Sections by their names, the task's own settings in theirs.
    fn all_sections(&self) -> Result<Map<String, Value>, String> {
        let mut sections = Map::new();
        sections.insert("data".into(), json(&self.data)?.into());
        sections.insert("text".into(), json(&self.text)?.into());
        sections.insert("network".into(), json(&self.network)?.into());
        sections.insert("train".into(), json(&self.train)?.into());
        let mut own = json(&self.own)?;
        for row in T::rows() {
            if let Some(value) = own.remove(row.name) {
                let section = sections.entry(row.section).or_insert_with(|| Map::new().into());
                section[row.name] = value;
            }
        }
        Ok(sections)
    }

    /// From what a checkpoint or a file has, with the layers that the registry has.
    pub(super) fn of_json(value: Value, registry: &Registry) -> Result<Self, String> {
        let Value::Object(mut map) = value else { return Err(format!("settings are a table, not {value}")) };
        match map.remove("task") {
            Some(Value::String(task)) if task == T::NAME => {}
            other => {
                let other = other.map_or_else(|| "none".to_owned(), |other| other.to_string());
                return Err(format!("the task is {other}, not {}", T::NAME));
            }
        }
        let layer = |layer: Value| match layer {
            Value::Object(layer) => registry.layer(layer).map_err(|error| format!("layers: {error}")),
            other => Err(format!("a layer is a table, not {other}")),
        };
        let layers = match map.remove(LAYERS) {
            None => Vec::new(),
            Some(Value::Array(layers)) => layers.into_iter().map(layer).collect::<Result<_, _>>()?,
            Some(other) => return Err(format!("layers are a list of tables, not {other}")),
        };
        // Checkpoints of versions that did not know a setting go on as they began.
        for (section, name, value) in T::ONCE.iter().filter(|_| layers.is_empty()) {
            if let Some(Value::Object(inner)) = map.get_mut(*section) {
                inner.entry(*name).or_insert_with(|| (*value).into());
            }
        }
        Ok(Self { layers, ..Self::of_sections(map)? })
    }

    /// From sections; what they do not say is as by default, or left open.
    fn of_sections(given: Map<String, Value>) -> Result<Self, String> {
        let said = |name: &str| given.values().any(|section| section.get(name).is_some());
        let open = T::OPEN.iter().copied().filter(|name| !said(name)).collect();
        let mut all = Self::default().all_sections()?;
        // Runs of versions that did not know this setting kept text as it was.
        all["text"]["normalize"] = Normalize::None.to_string().into();
        let rows = T::rows();
        let mut own = json(&Self::default().own)?;
        for (section, inner) in given {
            let Value::Object(inner) = inner else {
                return Err(format!("{section} is {inner}; it must be a table"));
            };
            let once_kept =
                ONCE_KEPT.iter().find(|(name, _)| *name == section).map_or(&[][..], |kept| kept.1);
            for (name, value) in inner {
                let is_own = rows.iter().any(|row| row.section == section && row.name == name);
                let is_shared = |row: &Setting| row.section == section && row.name == name;
                if is_own {
                    own.insert(name, value);
                } else if SHARED.concat().iter().any(is_shared) {
                    all[section.as_str()][name.as_str()] = value;
                } else if !once_kept.contains(&name.as_str()) {
                    return Err(format!("there is no setting {section}.{name}"));
                }
            }
        }
        let mut part = |name: &str| all.remove(name).unwrap_or_default();
        fn read<P: serde::de::DeserializeOwned>(part: Value) -> Result<P, String> {
            serde_json::from_value(part).map_err(|error| error.to_string())
        }
        Ok(Self {
            data: read(part("data"))?,
            text: read(part("text"))?,
            network: read(part("network"))?,
            layers: Vec::new(),
            train: read(part("train"))?,
            own: read(own.into())?,
            open,
            resumed: None,
            fold: None,
        })
    }
}

impl<T: Task> Serialize for TaskConfig<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sections = self.sections().map_err(S::Error::custom)?;
        sections.insert("task".into(), T::NAME.into());
        if !self.layers.is_empty() {
            sections.insert(LAYERS.into(), serde_json::to_value(&self.layers).map_err(S::Error::custom)?);
        }
        sections.serialize(serializer)
    }
}

impl<'de, T: Task> Deserialize<'de> for TaskConfig<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of_json(Value::deserialize(deserializer)?, &Registry::standard()).map_err(D::Error::custom)
    }
}
