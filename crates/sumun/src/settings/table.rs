//! Every setting of a training, once.

use super::choices::{Cell, ClassWeights, DifferenceChoice, Level, Pooling, Switch};
use super::kind::Kind;
use super::row::{Group, Setting};
use crate::data::{DateOrder, Missing, ScaleKind};
use crate::message::Key;
use crate::train::LearningRate;

use Group::{BothWays, Chunks, Classes, Every, Forecast, Labels, Pairs, Sequences, Tags, Tokens, Whole};

const fn row(
    section: &'static str,
    name: &'static str,
    kind: Kind,
    group: Group,
    help: &'static str,
) -> Setting {
    Setting { section, name, kind, help, group }
}

impl Setting {
    /// The setting of a name; no two sections have the same.
    pub fn of(key: Key) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == key.name())
    }
}

/// All settings, in the order in which they are shown.
pub const SETTINGS: &[Setting] = &[
    row("data", "train", Kind::Text, Every, "The training file"),
    row(
        "data",
        "valid",
        Kind::HeldOut,
        Sequences,
        "Held out to choose the best epoch by: a share of the training file, or a file",
    ),
    row(
        "data",
        "test",
        Kind::HeldOut,
        Sequences,
        "Held out to report on: a share of the training file, or a file",
    ),
    row("data", "text", Kind::Text, Labels, "The column or key with the text"),
    row("data", "x", Kind::Text, Labels, "The key with the numbers"),
    row(
        "data",
        "x_layout",
        Kind::Choice(&["channel-time", "time-channel"]),
        Labels,
        "Whether x lists channels over time, or times of channels",
    ),
    row("data", "label", Kind::Text, Labels, "The column or key with the label"),
    row(
        "data",
        "threshold",
        Kind::Real,
        Classes,
        "Makes two classes of a number: strictly above is the second",
    ),
    row(
        "data",
        "class_weights",
        Kind::Choice(ClassWeights::NAMES),
        Classes,
        "Whether rare classes count for more",
    ),
    row("data", "tokens", Kind::Text, Tags, "The key, or the number of the column, with the tokens"),
    row("data", "tags", Kind::Text, Tags, "The key, or the number of the column, with the tags"),
    row("data", "target", Kind::Columns, Forecast, "The columns to forecast"),
    row("data", "source", Kind::Text, Pairs, "The column or key with the source; by default source"),
    row("data", "target", Kind::Text, Pairs, "The column or key with the target; by default target"),
    row(
        "data",
        "time",
        Kind::Text,
        Forecast,
        "The column of timestamps, several as date+time, or none; by default the first that holds timestamps",
    ),
    row(
        "data",
        "date_order",
        Kind::Choice(DateOrder::NAMES),
        Forecast,
        "Which part of a date such as 01/02/2020 comes first; by default what the column shows",
    ),
    row(
        "data",
        "timezone",
        Kind::Text,
        Forecast,
        "The time zone of the times in the file, such as Europe/Berlin, where clocks are changed twice a year",
    ),
    row("data", "series", Kind::Text, Forecast, "One of several series in the file, as COLUMN=VALUE"),
    row(
        "data",
        "features",
        Kind::Columns,
        Forecast,
        "Further columns that help, known up to the present; by default none",
    ),
    row(
        "data",
        "known",
        Kind::Columns,
        Forecast,
        "Further columns that are also known for the steps ahead, such as holidays; by default none",
    ),
    row(
        "data",
        "horizon",
        Kind::Count,
        Forecast,
        "Steps ahead, all forecast at once; by default one season, or 12 without one",
    ),
    row(
        "data",
        "window",
        Kind::Count,
        Forecast,
        "Rows the network sees before each forecast; by default the longer of season and horizon",
    ),
    row(
        "data",
        "season",
        Kind::Season,
        Forecast,
        "Rows after which the series repeats itself, or none; by default found in the training part",
    ),
    row(
        "data",
        "missing",
        Kind::Choice(Missing::NAMES),
        Forecast,
        "What to do about missing values and time steps",
    ),
    row(
        "data",
        "valid",
        Kind::Real,
        Forecast,
        "The share of rows that decides when to stop and what to choose; 0 for none",
    ),
    row(
        "data",
        "test",
        Kind::Real,
        Forecast,
        "The share of rows at the end that is only measured on; 0 for none",
    ),
    row(
        "prepare",
        "difference",
        Kind::Choice(DifferenceChoice::NAMES),
        Forecast,
        "What is subtracted, so that the network learns what simple forecasts leave",
    ),
    row("prepare", "log", Kind::Choice(Switch::NAMES), Forecast, "Logarithms, for positive series that grow"),
    row(
        "prepare",
        "calendar",
        Kind::Choice(Switch::NAMES),
        Forecast,
        "Hour, weekday and time of year as inputs",
    ),
    row(
        "prepare",
        "scale",
        Kind::Choice(ScaleKind::NAMES),
        Forecast,
        "How values are scaled, fitted on the training part",
    ),
    row("text", "level", Kind::Choice(Level::NAMES), Tokens, "What a token is"),
    row(
        "text",
        "target_level",
        Kind::Choice(Level::NAMES),
        Pairs,
        "What a token of the target is; by default as of the source",
    ),
    row(
        "text",
        "max_tokens",
        Kind::Count,
        Pairs,
        "The most tokens of a source or target; a longer one is an error",
    ),
    row("text", "lowercase", Kind::Switch, Sequences, "Whether text becomes lower-case"),
    row(
        "text",
        "min_count",
        Kind::Count,
        Sequences,
        "Tokens seen less often in the training part become <UNK>",
    ),
    row(
        "text",
        "vocabulary",
        Kind::Count,
        Sequences,
        "Keep so many of the most frequent tokens, <PAD> and <UNK> included; without it, more than 50,000 are an error",
    ),
    row(
        "text",
        "vectors",
        Kind::Text,
        Sequences,
        "Pretrained word vectors: GloVe, fastText or word2vec, text or binary",
    ),
    row("network", "cell", Kind::Choice(Cell::KINDS), Every, "The recurrent cell"),
    row("network", "hidden", Kind::Count, Every, "Hidden units of each layer and direction"),
    row("network", "layers", Kind::Count, Every, "Recurrent layers"),
    row("network", "bidirectional", Kind::Switch, BothWays, "Whether sequences are also read backwards"),
    row("network", "embedding", Kind::Count, Sequences, "Features of each token"),
    row("network", "dropout", Kind::Real, Forecast, "The share of hidden values that is dropped in training"),
    row(
        "network",
        "dropout",
        Kind::Real,
        Sequences,
        "The share of values that is dropped in training, before and after the recurrent layers and between them",
    ),
    row(
        "network",
        "recurrent_dropout",
        Kind::Real,
        Sequences,
        "The share of hidden values that is dropped on the way to the next step",
    ),
    row(
        "network",
        "pool",
        Kind::Choice(Pooling::NAMES),
        Labels,
        "How the steps of a sequence become one answer",
    ),
    row(
        "network",
        "score",
        Kind::Choice(&["dot", "general", "additive"]),
        Pairs,
        "How a step of the decoder is compared with those of the source",
    ),
    row(
        "train",
        "epochs",
        Kind::Count,
        Forecast,
        "The most passes over the training part; by default 30 to 200, by the length of the series",
    ),
    row("train", "epochs", Kind::Count, Sequences, "The most passes over the training part"),
    row(
        "train",
        "batch",
        Kind::Count,
        Forecast,
        "Windows in a training step; by default 32, more for long series",
    ),
    row("train", "batch", Kind::Count, Sequences, "Sequences in a training step"),
    row(
        "train",
        "batch_tokens",
        Kind::Count,
        Whole,
        "Steps in a training step, padding included, instead of sequences",
    ),
    row(
        "train",
        "chunk",
        Kind::Count,
        Chunks,
        "Tokens that gradients go back through at most; the state is carried on",
    ),
    row("train", "lr", Kind::Real, Every, "The highest learning rate"),
    row("train", "schedule", Kind::Choice(LearningRate::NAMES), Every, "How the learning rate changes"),
    row(
        "train",
        "optimizer",
        Kind::Choice(&["sgd", "adam", "adamw", "rmsprop", "adagrad"]),
        Every,
        "What takes the steps",
    ),
    row(
        "train",
        "loss",
        Kind::Choice(&["mae", "mse", "huber"]),
        Forecast,
        "What is made small, on scaled values",
    ),
    row(
        "train",
        "clip",
        Kind::Clip,
        Forecast,
        "The largest global norm of the gradients; value:X cuts each number to ±X; none",
    ),
    row(
        "train",
        "patience",
        Kind::Count,
        Forecast,
        "Epochs without a better validation loss before stopping; by default a fifth of the epochs, 10 or more",
    ),
    row("train", "weight_decay", Kind::Real, Sequences, "How much every step shrinks the weights"),
    row("train", "clip", Kind::Real, Sequences, "The largest norm of all gradients together; 0 for any"),
    row(
        "train",
        "patience",
        Kind::Count,
        Sequences,
        "Epochs without a better validation part after which training stops",
    ),
    row("train", "seed", Kind::Count, Every, "Where all randomness comes from"),
    row("train", "save_every", Kind::Real, Every, "Seconds between checkpoints; 0 saves after every step"),
];
