//! Every setting of a training, once.

use super::{Kind, Reader, Setting};
use crate::data::{Missing, ScaleKind};
use crate::forecast::{Cell, DifferenceChoice, Switch};
use crate::tasks::{ClassWeights, Level, Pooling};
use crate::train::LearningRate;

/// All, the forecaster too.
const EVERY: &[Reader] = &[Reader::Forecast, Reader::Classify, Reader::Regress, Reader::Tag, Reader::Lm];
const FORECAST: &[Reader] = &[Reader::Forecast];
/// All but the forecaster.
const TASKS: &[Reader] = &[Reader::Classify, Reader::Regress, Reader::Tag, Reader::Lm];
/// Those that answer once for a sequence.
const ONE: &[Reader] = &[Reader::Classify, Reader::Regress];
/// Those that look at whole sequences.
const WHOLE: &[Reader] = &[Reader::Classify, Reader::Regress, Reader::Tag];
const CLASSIFY: &[Reader] = &[Reader::Classify];
const TAG: &[Reader] = &[Reader::Tag];
const LM: &[Reader] = &[Reader::Lm];

const fn row(
    section: &'static str,
    name: &'static str,
    kind: Kind,
    readers: &'static [Reader],
    help: &'static str,
) -> Setting {
    Setting { section, name, kind, help, readers }
}

/// All settings, in the order in which they are shown.
pub const SETTINGS: &[Setting] = &[
    row("data", "train", Kind::Text, EVERY, "The training file"),
    row(
        "data",
        "valid",
        Kind::HeldOut,
        TASKS,
        "Held out to choose the best epoch by: a share of the training file, or a file",
    ),
    row(
        "data",
        "test",
        Kind::HeldOut,
        TASKS,
        "Held out to report on: a share of the training file, or a file",
    ),
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
    row("data", "target", Kind::Columns, FORECAST, "The columns to forecast"),
    row(
        "data",
        "time",
        Kind::Text,
        FORECAST,
        "The column of timestamps, or none; by default the first column that holds timestamps",
    ),
    row(
        "data",
        "features",
        Kind::Columns,
        FORECAST,
        "Further columns that help, known up to the present; by default none",
    ),
    row(
        "data",
        "known",
        Kind::Columns,
        FORECAST,
        "Further columns that are also known for the steps ahead, such as holidays; by default none",
    ),
    row(
        "data",
        "horizon",
        Kind::Count,
        FORECAST,
        "Steps ahead, all forecast at once; by default one season, or 12 without one",
    ),
    row(
        "data",
        "window",
        Kind::Count,
        FORECAST,
        "Rows the network sees before each forecast; by default the longer of season and horizon",
    ),
    row(
        "data",
        "season",
        Kind::Season,
        FORECAST,
        "Rows after which the series repeats itself, or none; by default found in the training part",
    ),
    row(
        "data",
        "missing",
        Kind::Choice(Missing::NAMES),
        FORECAST,
        "What to do about missing values and time steps",
    ),
    row(
        "data",
        "valid",
        Kind::Real,
        FORECAST,
        "The share of rows that decides when to stop and what to choose; 0 for none",
    ),
    row(
        "data",
        "test",
        Kind::Real,
        FORECAST,
        "The share of rows at the end that is only measured on; 0 for none",
    ),
    row(
        "prepare",
        "difference",
        Kind::Choice(DifferenceChoice::NAMES),
        FORECAST,
        "What is subtracted, so that the network learns what simple forecasts leave",
    ),
    row("prepare", "log", Kind::Choice(Switch::NAMES), FORECAST, "Logarithms, for positive series that grow"),
    row(
        "prepare",
        "calendar",
        Kind::Choice(Switch::NAMES),
        FORECAST,
        "Hour, weekday and time of year as inputs",
    ),
    row(
        "prepare",
        "scale",
        Kind::Choice(ScaleKind::NAMES),
        FORECAST,
        "How values are scaled, fitted on the training part",
    ),
    row(
        "text",
        "level",
        Kind::Choice(Level::NAMES),
        &[Reader::Classify, Reader::Regress, Reader::Lm],
        "What a token is",
    ),
    row("text", "lowercase", Kind::Switch, TASKS, "Whether text becomes lower-case"),
    row("text", "min_count", Kind::Count, TASKS, "Tokens seen less often in the training part become <UNK>"),
    row(
        "text",
        "vocabulary",
        Kind::Count,
        TASKS,
        "Keep so many of the most frequent tokens, <PAD> and <UNK> included; without it, more than 50,000 are an error",
    ),
    row(
        "text",
        "vectors",
        Kind::Text,
        TASKS,
        "Pretrained word vectors: GloVe, fastText or word2vec, text or binary",
    ),
    row("network", "cell", Kind::Choice(Cell::NAMES), EVERY, "The recurrent cell"),
    row("network", "hidden", Kind::Count, EVERY, "Hidden units of each layer and direction"),
    row("network", "layers", Kind::Count, EVERY, "Recurrent layers"),
    row(
        "network",
        "bidirectional",
        Kind::Switch,
        &[Reader::Forecast, Reader::Classify, Reader::Regress, Reader::Tag],
        "Whether sequences are also read backwards",
    ),
    row("network", "embedding", Kind::Count, TASKS, "Features of each token"),
    row("network", "dropout", Kind::Real, FORECAST, "The share of hidden values that is dropped in training"),
    row(
        "network",
        "dropout",
        Kind::Real,
        TASKS,
        "The share of values that is dropped in training, before and after the recurrent layers and between them",
    ),
    row(
        "network",
        "recurrent_dropout",
        Kind::Real,
        TASKS,
        "The share of hidden values that is dropped on the way to the next step",
    ),
    row(
        "network",
        "pool",
        Kind::Choice(Pooling::NAMES),
        ONE,
        "How the steps of a sequence become one answer",
    ),
    row(
        "train",
        "epochs",
        Kind::Count,
        FORECAST,
        "The most passes over the training part; by default 30 to 200, by the length of the series",
    ),
    row("train", "epochs", Kind::Count, TASKS, "The most passes over the training part"),
    row(
        "train",
        "batch",
        Kind::Count,
        FORECAST,
        "Windows in a training step; by default 32, more for long series",
    ),
    row("train", "batch", Kind::Count, TASKS, "Sequences in a training step"),
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
    row("train", "lr", Kind::Real, EVERY, "The highest learning rate"),
    row("train", "schedule", Kind::Choice(LearningRate::NAMES), EVERY, "How the learning rate changes"),
    row(
        "train",
        "optimizer",
        Kind::Choice(&["sgd", "adam", "adamw", "rmsprop", "adagrad"]),
        EVERY,
        "What takes the steps",
    ),
    row(
        "train",
        "loss",
        Kind::Choice(&["mae", "mse", "huber"]),
        FORECAST,
        "What is made small, on scaled values",
    ),
    row(
        "train",
        "clip",
        Kind::Clip,
        FORECAST,
        "The largest global norm of the gradients; value:X cuts each number to ±X; none",
    ),
    row(
        "train",
        "patience",
        Kind::Count,
        FORECAST,
        "Epochs without a better validation loss before stopping; by default a fifth of the epochs, 10 or more",
    ),
    row("train", "weight_decay", Kind::Real, TASKS, "How much every step shrinks the weights"),
    row("train", "clip", Kind::Real, TASKS, "The largest norm of all gradients together; 0 for any"),
    row(
        "train",
        "patience",
        Kind::Count,
        TASKS,
        "Epochs without a better validation part after which training stops",
    ),
    row("train", "seed", Kind::Count, EVERY, "Where all randomness comes from"),
    row("train", "save_every", Kind::Real, EVERY, "Seconds between checkpoints; 0 saves after every step"),
];
