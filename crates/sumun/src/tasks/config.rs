//! The settings of a training of a task of sequences: what a run folder keeps, and what files and options set.
//!
//! Every setting is one row of [`SETTINGS`](crate::settings::SETTINGS); see there how values come together.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Table;

use crate::message::key;
use crate::nn::Score;
use crate::records::XLayout;
use crate::settings::{Cell, ClassWeights, Group, Level, Pooling, Settings, check_train, misfit};
use crate::train::{Clip, FitOptions, LearningRate, OptimizerConfig};
use crate::{Error, Result};
use sumun_nn::named;

/// What a model learns to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// One of several labels for a sequence.
    Classify,
    /// A number for a sequence.
    Regress,
    /// A tag for every token of a sentence.
    Tag,
    /// The next token of a text.
    Lm,
    /// A text for a text.
    Translate,
}
named!(
    Task,
    "task",
    Classify = "classify",
    Regress = "regress",
    Tag = "tag",
    Lm = "lm",
    Translate = "translate"
);

impl Task {
    /// The settings that it reads.
    fn groups(self) -> &'static [Group] {
        use Group::{BothWays, Chunks, Classes, Every, Labels, Pairs, Sequences, Tags, Tokens, Whole};
        match self {
            Self::Classify => &[Every, BothWays, Sequences, Tokens, Labels, Classes, Whole],
            Self::Regress => &[Every, BothWays, Sequences, Tokens, Labels, Whole],
            Self::Tag => &[Every, BothWays, Sequences, Tags, Whole],
            Self::Lm => &[Every, Sequences, Tokens, Chunks],
            Self::Translate => &[Every, BothWays, Sequences, Tokens, Pairs, Whole],
        }
    }
}

/// A part of the data that is held out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HeldOut {
    /// So large a share of the training file, drawn at random (of a text, its end); 0 for none.
    Share(f64),
    /// Another file.
    File(PathBuf),
}

/// Where the data is and how it is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // Each is a row of SETTINGS.
pub struct DataOptions {
    pub train: PathBuf,
    pub valid: HeldOut,
    pub test: HeldOut,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    #[serde(default)]
    pub x_layout: XLayout,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    #[serde(default)]
    pub class_weights: ClassWeights,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

impl DataOptions {
    /// Whether a part is `-`, standard input.
    pub(super) fn reads_standard_input(&self) -> bool {
        self.piped().next().is_some()
    }

    /// The keys of the parts that are standard input.
    fn piped(&self) -> impl Iterator<Item = &'static str> {
        let piped = |path: &Path| path == Path::new("-");
        let held = |held: &HeldOut| matches!(held, HeldOut::File(path) if piped(path));
        let parts = [("train", piped(&self.train)), ("valid", held(&self.valid)), ("test", held(&self.test))];
        parts.into_iter().filter(|(_, piped)| *piped).map(|(key, _)| key)
    }
}

/// How text becomes tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // Each is a row of SETTINGS.
pub struct TextOptions {
    pub level: Level,
    pub lowercase: bool,
    pub min_count: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vectors: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_level: Option<Level>,
    #[serde(default = "max_tokens")]
    pub max_tokens: usize,
}

/// The most tokens of a source or target where nothing else is said.
fn max_tokens() -> usize {
    500
}

/// What the network is made of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // Each is a row of SETTINGS.
pub struct NetworkOptions {
    pub cell: Cell,
    pub hidden: usize,
    pub layers: usize,
    pub bidirectional: bool,
    pub embedding: usize,
    pub dropout: f64,
    pub recurrent_dropout: f64,
    pub pool: Pooling,
    #[serde(default = "score")]
    pub score: Score,
}

fn score() -> Score {
    Score::General
}

/// How it is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // Each is a row of SETTINGS.
pub struct TrainOptions {
    pub epochs: usize,
    pub batch: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_tokens: Option<usize>,
    pub chunk: usize,
    pub lr: f64,
    pub schedule: LearningRate,
    pub optimizer: String,
    pub weight_decay: f64,
    pub clip: f64,
    pub patience: usize,
    pub seed: u64,
    pub save_every: f64,
}

/// All settings of a training, as they were used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskConfig {
    /// What is learnt.
    pub task: Task,
    /// Where the data is and how it is read.
    pub data: DataOptions,
    /// How text becomes tokens.
    pub text: TextOptions,
    /// What the network is made of.
    pub network: NetworkOptions,
    /// How it is trained.
    pub train: TrainOptions,
}

impl TaskConfig {
    /// The settings that stand where nothing else is said. The data is yet to be named.
    pub fn defaults(task: Task) -> Self {
        let lm = task == Task::Lm;
        let mut config = Self {
            task,
            data: DataOptions {
                train: PathBuf::new(),
                valid: HeldOut::Share(0.1),
                test: HeldOut::Share(if lm { 0.0 } else { 0.1 }),
                text: None,
                x: None,
                x_layout: XLayout::default(),
                label: None,
                threshold: None,
                class_weights: ClassWeights::None,
                tokens: None,
                tags: None,
                source: None,
                target: None,
            },
            text: TextOptions {
                level: if lm { Level::Char } else { Level::Word },
                lowercase: matches!(task, Task::Classify | Task::Regress),
                // A tagger learns what to make of unknown words from those that occur once.
                min_count: if task == Task::Tag { 2 } else { 1 },
                vocabulary: None,
                vectors: None,
                target_level: None,
                max_tokens: max_tokens(),
            },
            network: NetworkOptions {
                cell: Cell::Lstm,
                hidden: if lm { 256 } else { 100 },
                layers: if lm { 2 } else { 1 },
                bidirectional: !lm,
                embedding: if lm { 64 } else { 100 },
                dropout: if lm { 0.2 } else { 0.5 },
                recurrent_dropout: 0.0,
                pool: Pooling::Max,
                score: score(),
            },
            train: TrainOptions {
                epochs: if lm { 12 } else { 20 },
                batch: 32,
                batch_tokens: None,
                chunk: 128,
                lr: if lm { 0.004 } else { 0.002 },
                schedule: LearningRate::Cosine,
                optimizer: "adam".into(),
                weight_decay: 0.0,
                clip: 1.0,
                patience: if lm { 3 } else { 8 },
                seed: 0,
                save_every: 30.0,
            },
        };
        if task == Task::Translate {
            // Those that learn the bundled dates best (docs/results.md).
            config.text.level = Level::Char;
            config.network.cell = Cell::Gru;
            (config.network.hidden, config.network.embedding) = (128, 64);
            config.network.dropout = 0.0;
            (config.train.epochs, config.train.lr) = (15, 0.003);
        }
        config
    }

    /// The rows of the table of settings that a task reads, with their defaults.
    pub fn settings(task: Task) -> Result<Settings> {
        let defaults = Table::try_from(Self::defaults(task)).map_err(|error| unwritable(&error))?;
        Ok(Settings::new(task.name(), task.groups(), defaults))
    }

    /// The defaults of a task under settings from a file and then single ones, each a table of sections. Errors: keys
    /// that are unknown or that the task does not read, with the nearest name; values of another kind; no data.
    pub fn from_tables(task: Task, tables: &[Table]) -> Result<Self> {
        let all = Self::settings(task)?.together(tables)?;
        let config: Self = all.try_into().map_err(|error| misfit(&error))?;
        config.check()?;
        Ok(config)
    }

    /// The settings as TOML, without those that the task does not read.
    pub fn to_toml(&self) -> Result<String> {
        let mut table = Table::try_from(self).map_err(|error| unwritable(&error))?;
        Self::settings(self.task)?.retain_read(&mut table);
        toml::to_string(&table).map_err(|error| unwritable(&error))
    }

    /// How it is trained, for the training loop.
    pub fn fit(&self) -> Result<FitOptions> {
        let train = &self.train;
        let mut optimizer: OptimizerConfig = train.optimizer.parse()?;
        let (OptimizerConfig::Sgd { weight_decay, .. }
        | OptimizerConfig::Adam { weight_decay, .. }
        | OptimizerConfig::AdamW { weight_decay, .. }
        | OptimizerConfig::RmsProp { weight_decay, .. }
        | OptimizerConfig::Adagrad { weight_decay, .. }) = &mut optimizer;
        *weight_decay = train.weight_decay as f32;
        Ok(FitOptions {
            epochs: train.epochs,
            lr: train.lr,
            schedule: train.schedule,
            patience: train.patience,
            seed: train.seed,
            optimizer,
            clip: if train.clip == 0.0 { Clip::None } else { Clip::GlobalNorm { max: train.clip } },
        })
    }

    /// Settings that the data leaves nothing to do for, where they are not the defaults: an option without an effect is a
    /// mistake.
    pub(super) fn check_input(&self, numbers: bool) -> Result<()> {
        let usual = Self::defaults(self.task);
        let (text, plain) = (&self.text, &usual.text);
        let idle = [
            ("level", numbers && text.level != plain.level),
            ("lowercase", numbers && text.lowercase != plain.lowercase),
            ("min_count", numbers && text.min_count != plain.min_count),
            ("vocabulary", numbers && text.vocabulary != plain.vocabulary),
            ("embedding", numbers && self.network.embedding != usual.network.embedding),
            ("x_layout", !numbers && self.data.x_layout != usual.data.x_layout),
        ];
        let (is_for, holds) = if numbers { ("texts", "numbers") } else { ("numbers", "texts") };
        match idle.iter().find(|(_, idle)| *idle) {
            Some((name, _)) => Err(Error::Settings(
                key(name) + format!(" is for {is_for}, but the data holds {holds}; leave it out"),
            )),
            None => Ok(()),
        }
    }

    /// Settings that make no sense.
    pub(super) fn check(&self) -> Result<()> {
        let bad = |name, found: String, wanted: &str| Err(Error::setting(key(name), found, wanted));
        check_train(&self.data.train)?;
        if let [first, second, ..] = self.data.piped().collect::<Vec<_>>()[..] {
            return Err(Error::Settings(
                key(first)
                    + " and "
                    + key(second)
                    + " are both standard input, which is read once; give a file for one of them",
            ));
        }
        for (name, held) in [("valid", &self.data.valid), ("test", &self.data.test)] {
            if let HeldOut::Share(share) = held
                && !(0.0..1.0).contains(share)
            {
                return bad(name, share.to_string(), "a share of at least 0 and below 1, or a file");
            }
        }
        let counts = [
            ("hidden", self.network.hidden),
            ("layers", self.network.layers),
            ("embedding", self.network.embedding),
            ("epochs", self.train.epochs),
            ("batch", self.train.batch),
            ("batch_tokens", self.train.batch_tokens.unwrap_or(1)),
            ("chunk", self.train.chunk),
            ("max_tokens", self.text.max_tokens),
        ];
        if let Some((name, _)) = counts.iter().find(|(_, count)| *count == 0) {
            return bad(name, "0".into(), "at least 1");
        }
        if let Some(size) = self.text.vocabulary.filter(|size| *size < 3) {
            return bad("vocabulary", size.to_string(), "at least 3, <PAD> and <UNK> included");
        }
        for (name, p) in
            [("dropout", self.network.dropout), ("recurrent_dropout", self.network.recurrent_dropout)]
        {
            if !(0.0..1.0).contains(&p) {
                return bad(name, p.to_string(), "at least 0 and below 1");
            }
        }
        let rate = |v: f64| v.is_finite() && v >= 0.0;
        for (name, value) in [
            ("lr", self.train.lr),
            ("clip", self.train.clip),
            ("weight_decay", self.train.weight_decay),
            ("save_every", self.train.save_every),
        ] {
            if !rate(value) {
                return bad(name, value.to_string(), "a number of at least 0");
            }
        }
        if self.network.bidirectional && self.task == Task::Lm {
            return Err(Error::Settings(
                key("bidirectional")
                    + " is true, but a language model that reads ahead has nothing to predict; leave it out",
            ));
        }
        self.fit().map(|_| ())
    }
}

fn unwritable(error: &toml::ser::Error) -> Error {
    Error::Invalid(format!("the configuration cannot be written: {error}"))
}
