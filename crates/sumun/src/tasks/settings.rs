//! Every setting of a training, once: its key in a configuration file, its option on the command line, what it takes and
//! what it does.

use toml::{Table, Value};

use super::config::{ClassWeights, Level, Pooling, Task, TaskConfig};
use crate::forecast::Cell;
use crate::train::LearningRate;
use crate::{Error, Result};

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Count,
    /// A number.
    Real,
    /// Yes or no.
    Switch,
    /// Any text, such as a column's name.
    Text,
    /// One of some names.
    Choice(&'static [&'static str]),
    /// A share, or a file's name.
    HeldOut,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The section of a configuration file that it stands in.
    pub section: &'static str,
    /// Its name there; with `-` for `_` it is the option's.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it does, in a sentence without a full stop.
    pub help: &'static str,
    tasks: &'static [Task],
}

const ALL: &[Task] = &[Task::Classify, Task::Regress, Task::Tag, Task::Lm];
/// Those that answer once for a sequence.
const ONE: &[Task] = &[Task::Classify, Task::Regress];
/// Those that look at whole sequences.
const WHOLE: &[Task] = &[Task::Classify, Task::Regress, Task::Tag];
const CLASSIFY: &[Task] = &[Task::Classify];
const TAG: &[Task] = &[Task::Tag];
const LM: &[Task] = &[Task::Lm];

const fn row(
    section: &'static str,
    name: &'static str,
    kind: Kind,
    tasks: &'static [Task],
    help: &'static str,
) -> Setting {
    Setting { section, name, kind, help, tasks }
}

/// All settings, in the order in which they are shown.
pub const SETTINGS: &[Setting] = &[
    row("data", "train", Kind::Text, ALL, "The training file"),
    row(
        "data",
        "valid",
        Kind::HeldOut,
        ALL,
        "Held out to choose the best epoch by: a share of the training file, or a file",
    ),
    row("data", "test", Kind::HeldOut, ALL, "Held out to report on: a share of the training file, or a file"),
    row("data", "text", Kind::Text, ONE, "The column or key with the text"),
    row("data", "x", Kind::Text, ONE, "The key with the numbers"),
    row(
        "data",
        "x_layout",
        Kind::Choice(&["channel-time", "time-channel"]),
        ONE,
        "Whether x lists channels over time, or times of channels",
    ),
    row("data", "label", Kind::Text, ONE, "The column or key with the label"),
    row(
        "data",
        "threshold",
        Kind::Real,
        CLASSIFY,
        "Makes two classes of a number: strictly above is the second",
    ),
    row(
        "data",
        "class_weights",
        Kind::Choice(ClassWeights::NAMES),
        CLASSIFY,
        "Whether rare classes count for more",
    ),
    row("data", "tokens", Kind::Text, TAG, "The key, or the number of the column, with the tokens"),
    row("data", "tags", Kind::Text, TAG, "The key, or the number of the column, with the tags"),
    row(
        "text",
        "level",
        Kind::Choice(Level::NAMES),
        &[Task::Classify, Task::Regress, Task::Lm],
        "What a token is",
    ),
    row("text", "lowercase", Kind::Switch, ALL, "Whether text becomes lower-case"),
    row("text", "min_count", Kind::Count, ALL, "Tokens seen less often in the training part become <UNK>"),
    row(
        "text",
        "vocabulary",
        Kind::Count,
        ALL,
        "Keep so many of the most frequent tokens, <PAD> and <UNK> included; without it, more than 50,000 are an error",
    ),
    row(
        "text",
        "vectors",
        Kind::Text,
        ALL,
        "Pretrained word vectors: GloVe, fastText or word2vec, text or binary",
    ),
    row("network", "cell", Kind::Choice(Cell::NAMES), ALL, "The recurrent cell"),
    row("network", "hidden", Kind::Count, ALL, "Hidden units of each layer and direction"),
    row("network", "layers", Kind::Count, ALL, "Recurrent layers"),
    row("network", "bidirectional", Kind::Switch, WHOLE, "Whether sequences are also read backwards"),
    row("network", "embedding", Kind::Count, ALL, "Features of each token"),
    row(
        "network",
        "dropout",
        Kind::Real,
        ALL,
        "The share of values that is dropped in training, before and after the recurrent layers and between them",
    ),
    row(
        "network",
        "recurrent_dropout",
        Kind::Real,
        ALL,
        "The share of hidden values that is dropped on the way to the next step",
    ),
    row(
        "network",
        "pool",
        Kind::Choice(Pooling::NAMES),
        ONE,
        "How the steps of a sequence become one answer",
    ),
    row("train", "epochs", Kind::Count, ALL, "The most passes over the training part"),
    row("train", "batch", Kind::Count, ALL, "Sequences in a training step"),
    row(
        "train",
        "batch_tokens",
        Kind::Count,
        WHOLE,
        "Steps in a training step, padding included, instead of sequences",
    ),
    row(
        "train",
        "chunk",
        Kind::Count,
        LM,
        "Tokens that gradients go back through at most; the state is carried on",
    ),
    row("train", "lr", Kind::Real, ALL, "The highest learning rate"),
    row("train", "schedule", Kind::Choice(LearningRate::NAMES), ALL, "How the learning rate changes"),
    row(
        "train",
        "optimizer",
        Kind::Choice(&["sgd", "adam", "adamw", "rmsprop", "adagrad"]),
        ALL,
        "What takes the steps",
    ),
    row("train", "weight_decay", Kind::Real, ALL, "How much every step shrinks the weights"),
    row("train", "clip", Kind::Real, ALL, "The largest norm of all gradients together; 0 for any"),
    row(
        "train",
        "patience",
        Kind::Count,
        ALL,
        "Epochs without a better validation part after which training stops",
    ),
    row("train", "seed", Kind::Count, ALL, "Where all randomness comes from"),
    row("train", "save_every", Kind::Real, ALL, "Seconds between checkpoints; 0 saves after every step"),
];

impl Setting {
    /// `section.name`.
    pub fn key(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The option of the command line, without its dashes.
    pub fn option(&self) -> String {
        self.name.replace('_', "-")
    }

    /// Whether a task reads it.
    pub fn read_by(&self, task: Task) -> bool {
        self.tasks.contains(&task)
    }

    /// The default as people write it; None where there is none.
    pub fn default_of(&self, task: Task) -> Option<String> {
        let defaults = Table::try_from(TaskConfig::defaults(task)).ok()?;
        match defaults.get(self.section)?.get(self.name)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            Value::Float(value) => Some(value.to_string()),
            value => Some(value.to_string()),
        }
    }

    pub(super) fn is_real(&self) -> bool {
        matches!(self.kind, Kind::Real | Kind::HeldOut)
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::Choice(_))
    }

    /// Whether a value is of the setting's kind.
    pub(super) fn check(&self, value: &Value) -> Result<()> {
        let wanted = match (self.kind, value) {
            (Kind::Count, Value::Integer(count)) if *count >= 0 => return Ok(()),
            (Kind::Real | Kind::HeldOut, Value::Float(_)) => return Ok(()),
            (Kind::Switch, Value::Boolean(_)) => return Ok(()),
            (Kind::Text | Kind::HeldOut, Value::String(_)) => return Ok(()),
            (Kind::Choice(names), Value::String(name)) if names.contains(&name.as_str()) => return Ok(()),
            (Kind::Count, _) => "a whole number of at least 0".into(),
            (Kind::Real, _) => "a number".into(),
            (Kind::Switch, _) => "true or false".into(),
            (Kind::Text, _) => "a text".into(),
            (Kind::HeldOut, _) => "a share, or a file".into(),
            (Kind::Choice(names), _) => format!("one of {}", names.join(", ")),
        };
        Err(Error::Invalid(format!("{} is {value}; it must be {wanted}", self.key())))
    }
}

/// A configuration file with every setting of a task at its default, explained; those without a default are commented
/// out.
pub fn template(task: Task) -> String {
    let mut text = format!(
        "# Settings of `sumun train {task}`. Remove what you do not change.\n# Use with: sumun train {task} --config FILE\n\ntask = \"{task}\"\n"
    );
    let mut section = "";
    for setting in SETTINGS.iter().filter(|setting| setting.read_by(task)) {
        if setting.section != section {
            section = setting.section;
            text += &format!("\n[{section}]\n");
        }
        text += &format!("# {}", setting.help);
        if let Kind::Choice(names) = setting.kind {
            text += &format!(": {}", names.join(", "));
        }
        text += ".\n";
        text += &match setting.default_of(task) {
            Some(value) if setting.is_text() => format!("{} = \"{value}\"\n", setting.name),
            Some(value) => format!("{} = {value}\n", setting.name),
            None if setting.name == "train" => "train = \"data.csv\"\n".into(),
            None => {
                let example = match setting.kind {
                    Kind::Count => "1000",
                    Kind::Real | Kind::HeldOut => "0.0",
                    Kind::Switch => "false",
                    Kind::Text | Kind::Choice(_) => "\"…\"",
                };
                format!("# {} = {example}\n", setting.name)
            }
        };
    }
    text
}
