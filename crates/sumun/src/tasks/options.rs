//! The settings that all tasks on sequences share.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::{Mark, ReadOptions};
use crate::message::key;
use crate::report::text::counted;
use crate::settings::{
    Cell, Kind, Level, Normalize, Or, PrecisionChoice, Switch, Typed, check_train, settings,
};
use crate::text::{PieceKind, Tokenizer};
use crate::train::{FitOptions, LearningRate, OptimizerConfig};
use crate::{Error, Result};

/// A part of the data that is held out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HeldOut {
    /// So large a share of the training file, chosen at random (of a text, its end); 0 for none.
    Share(f64),
    /// Another file.
    File(PathBuf),
}

impl Typed for HeldOut {
    const KIND: Kind = Kind::HeldOut;
}

settings! {
    /// Where the data is.
    pub struct DataOptions {
        data.train: PathBuf = PathBuf::new(), "The training file";
        data.valid: HeldOut = HeldOut::Share(0.1),
            "Held out to choose the best epoch by: a share of the training file, or a file";
        data.test: HeldOut = HeldOut::Share(0.1), "Held out to report on: a share of the training file, or a file";
        data.encoding: Option<String> = None,
            "The encoding of files that are not UTF-8, such as euc-kr or windows-1252; by default found";
        data.sheet: Option<String> = None,
            "The sheet of a workbook (.xlsx, .ods); by default the first that is not empty";
    }
}

settings! {
    /// How the numbers of a table are written.
    pub struct NumberOptions {
        data.decimal: Option<Mark> = None, "What stands before decimals; by default found, over a whole column",
            Kind::Choice(Mark::DECIMAL_NAMES);
        data.thousands: Option<Mark> = None,
            "What stands between thousands; by default found, over a whole column";
    }
}

settings! {
    /// How text becomes tokens.
    pub struct TextOptions {
        text.level: Level = Level::Word, "What a token is";
        text.normalize: Normalize = Normalize::Nfc,
            "Whether letters and line ends that can be written in several ways are made one: nfc, or none to keep them";
        text.lowercase: bool = false, "Whether text becomes lower-case";
        text.min_count: usize = 1,
            "Tokens seen less often in the training part become <UNK>; where tokens are word pieces, characters seen less often \
             are read as bytes";
        text.vocabulary: Option<usize> = None,
            "Keep so many of the most frequent tokens, <PAD> and <UNK> included; without it, more than 50,000 are an error. Of word \
             pieces, how many there are, by default as the length of the training part asks for";
        text.pieces: Option<PieceKind> = None,
            "How word pieces are learnt, where they are tokens: bpe joins frequent pairs of pieces and is the default, unigram \
             leaves out the least useful ones";
        text.tokenizer: Option<PathBuf> = None,
            "A file tokenizer.json with the word pieces that are tokens, in place of learning some";
        text.subwords: Switch = Switch::Auto,
            "Whether the vector of a word is made of those of its parts too, so that unknown words have one; by default without \
             pretrained vectors, where tokens are words";
        text.vectors: Option<PathBuf> = None,
            "Pretrained word vectors: GloVe, fastText or word2vec, text or binary";
    }
}

settings! {
    /// What the network is made of.
    #[derive(Copy)]
    pub struct NetworkOptions {
        network.cell: Cell = Cell::Lstm, "The recurrent cell" => "lstm,gru";
        network.hidden: usize = 100, "Hidden units of each layer and direction" => "32,64,128,256";
        network.layers: usize = 1, "Recurrent layers" => "1,2";
        network.bidirectional: bool = true, "Whether sequences are also read backwards";
        network.embedding: usize = 100, "Features of each token";
        network.dropout: f64 = 0.5,
            "The share of values that is dropped in training, before and after the recurrent layers and between them" => "0..0.6";
        network.recurrent_dropout: f64 = 0.0,
            "The share of hidden values that is dropped on the way to the next step";
        network.precision: PrecisionChoice = PrecisionChoice::F32,
            "How many bits the numbers of products have, in training and when the model is used: f32, or bf16, which is faster where \
             the processor has AMX; weights and states keep 32 bits";
    }
}

settings! {
    /// How it is trained.
    pub struct TrainOptions {
        train.epochs: Option<usize> = None,
            "The most passes over the training part; by default more of few examples, and fewer of very many";
        train.batch: Option<usize> = None,
            "Sequences in a training step; by default by how much there is to learn from" => "8,16,32,64";
        train.batch_tokens: Option<usize> = None,
            "Steps in a training step, padding included, instead of sequences";
        train.lr: f64 = 0.002, "The highest learning rate" => "0.0003..0.03";
        train.schedule: LearningRate = LearningRate::Cosine, "How the learning rate changes";
        train.optimizer: String = "adam".into(), "What takes the steps", Kind::Choice(OPTIMIZERS);
        train.weight_decay: f64 = 0.0, "How much every step shrinks the weights";
        train.word_dropout: f64 = 1.0,
            "How readily rare tokens are read as <UNK> in training, so that it is learnt: a, for a share of a / (a + n) of one \
             that is there n times; 0 for never";
        train.clip: Or<f64> = Or::Number(1.0),
            "The largest norm of all gradients together; value:X cuts each number to ±X; 0 or none for any";
        train.ema: Option<f64> = None,
            "The epochs that an exponential moving average of the weights reaches back, which is what is validated and kept, 0 for the \
             weights themselves; by default 3, or a fifth of all where that is less";
        train.patience: Option<usize> = None,
            "Epochs without a better validation part after which training stops; by default a fifth of them, or more";
        train.seed: u64 = 0, "Where all randomness comes from";
        train.save_every: f64 = 30.0, "Seconds between checkpoints; 0 saves after every step";
        train.tensorboard: Option<bool> = None,
            "Whether the figures of every epoch are also written for TensorBoard, as an event file in tensorboard/ of the run folder";
    }
}

settings! {
    /// How sure of its classes a network is to be, of tasks whose loss is a cross-entropy over classes.
    pub struct SmoothingOptions {
        train.label_smoothing: f64 = 0.0,
            "The share of each target that training spreads over all classes, so that the network does not grow too sure; the loss of \
             the validation part, and all figures, are without it";
    }
}

/// What is made small where labels are smoothed.
pub(super) const SMOOTHED_LOSS: &str = "cross-entropy (nats), in training of smoothed labels";

/// Refuses a label smoothing that is no share.
pub(super) fn check_smoothing(label_smoothing: f64) -> Result<()> {
    match (0.0..1.0).contains(&label_smoothing) {
        true => Ok(()),
        false => bad("label_smoothing", label_smoothing, "at least 0 and below 1"),
    }
}

/// How long a task is usually trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// Passes over the training part, where its size asks for no others.
    pub epochs: usize,
    /// The least epochs without a better validation part after which training stops.
    pub patience: usize,
}

impl Default for Usual {
    fn default() -> Self {
        Self { epochs: 20, patience: 8 }
    }
}

/// How many epochs a training has where nothing is said.
#[derive(Debug, Clone, Copy)]
pub(in crate::tasks) struct Budget {
    /// Steps that few examples are learnt in, so far as the epochs allow.
    pub(in crate::tasks) steps: usize,
    /// The least and the most epochs for that.
    pub(in crate::tasks) epochs: (usize, usize),
    /// Steps that very many examples are learnt in at most,
    pub(in crate::tasks) most_steps: usize,
    /// but so many epochs at least.
    pub(in crate::tasks) fewest_epochs: usize,
}

impl Budget {
    /// The epochs where each has so many steps, 1 or more.
    pub(in crate::tasks) fn epochs(&self, steps: usize) -> usize {
        let enough = self.steps.div_ceil(steps).clamp(self.epochs.0, self.epochs.1);
        enough.min((self.most_steps / steps).max(self.fewest_epochs))
    }
}

impl Usual {
    /// Few examples may have five times the usual epochs. Of 60 short series (ItalyPowerDemand of the UCR archive), 20 epochs
    /// of 2 steps came to 75 %, 100 of 8 to 92 %.
    fn budget(self) -> Budget {
        Budget { steps: 1200, epochs: (self.epochs, 5 * self.epochs), most_steps: 20_000, fewest_epochs: 3 }
    }
}

/// The epochs that averages of weights reach back, where there are enough of them. Of 1, 2 and 3, the last did best for questions,
/// reviews and slots (docs/results.md).
const LONGEST_EMA: f64 = 3.0;

const OPTIMIZERS: &[&str] = &["sgd", "adam", "adamw", "rmsprop", "adagrad"];

/// The error for a value that a setting does not take.
pub(super) fn bad<T>(name: &'static str, found: impl ToString, wanted: &str) -> Result<T> {
    Err(Error::setting(key(name), found.to_string(), wanted))
}

/// Refuses counts of 0.
pub(super) fn check_counts(counts: &[(&'static str, usize)]) -> Result<()> {
    match counts.iter().find(|(_, count)| *count == 0) {
        Some((name, _)) => bad(name, 0, "at least 1"),
        None => Ok(()),
    }
}

impl DataOptions {
    /// What is said about how the files are written.
    pub(super) fn read_options(&self) -> ReadOptions {
        ReadOptions { encoding: self.encoding.clone(), sheet: self.sheet.clone(), ..ReadOptions::default() }
    }

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

    pub(super) fn check(&self) -> Result<()> {
        check_train(&self.train)?;
        if let [first, second, ..] = self.piped().collect::<Vec<_>>()[..] {
            return Err(Error::Settings(
                key(first)
                    + " and "
                    + key(second)
                    + " are both standard input, which is read once; give a file for one of them",
            ));
        }
        for (name, held) in [("valid", &self.valid), ("test", &self.test)] {
            if let HeldOut::Share(share) = held
                && !(0.0..1.0).contains(share)
            {
                return bad(name, share, "a share of at least 0 and below 1, or a file");
            }
        }
        Ok(())
    }
}

impl TextOptions {
    /// What cuts text into tokens of a level.
    pub(super) fn rules(&self, level: Level) -> Tokenizer {
        Tokenizer::new(level.unit()).lowercase(self.lowercase).nfc(self.normalize == Normalize::Nfc)
    }

    /// Whether words have parts.
    pub(super) fn has_subwords(&self) -> bool {
        match self.subwords {
            Switch::On => true,
            Switch::Off => false,
            Switch::Auto => self.vectors.is_none() && matches!(self.level, Level::Word | Level::Space),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        match self.vocabulary.filter(|size| *size < 3) {
            Some(size) => bad("vocabulary", size, "at least 3, <PAD> and <UNK> included"),
            None => Ok(()),
        }
    }
}

impl NetworkOptions {
    pub(super) fn check(&self) -> Result<()> {
        check_counts(&[("hidden", self.hidden), ("layers", self.layers), ("embedding", self.embedding)])?;
        for (name, p) in [("dropout", self.dropout), ("recurrent_dropout", self.recurrent_dropout)] {
            if !(0.0..1.0).contains(&p) {
                return bad(name, p, "at least 0 and below 1");
            }
        }
        Ok(())
    }
}

impl TrainOptions {
    pub(super) fn check(&self) -> Result<()> {
        let tokens = self.batch_tokens.unwrap_or(1);
        let (epochs, batch) = (self.epochs.unwrap_or(1), self.batch.unwrap_or(1));
        check_counts(&[("epochs", epochs), ("batch", batch), ("batch_tokens", tokens)])?;
        for (name, value) in [
            ("lr", self.lr),
            ("weight_decay", self.weight_decay),
            ("word_dropout", self.word_dropout),
            ("ema", self.ema.unwrap_or(0.0)),
            ("save_every", self.save_every),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return bad(name, value, "a number of at least 0");
            }
        }
        self.fit().map(|_| ())
    }

    /// How many of so many examples a step has.
    pub(super) fn batch_of(&self, examples: usize) -> usize {
        self.batch.unwrap_or(match examples {
            0..256 => 8,
            256..1024 => 16,
            1024..100_000 => 32,
            _ => 64,
        })
    }

    /// Decides what is left open, given how many examples there are, in how many steps an epoch reads them, and what is usual
    /// for the task: enough steps to learn from few examples, and not too many with very many. Gives each decision as its
    /// name, its value and the reason.
    pub(super) fn decide(
        &mut self,
        examples: usize,
        steps: usize,
        usual: Usual,
        example: &str,
    ) -> Vec<[String; 3]> {
        let mut choices = Vec::new();
        let batch = self.batch_of(examples);
        let epochs = self.epochs.unwrap_or_else(|| usual.budget().epochs(steps));
        let patience = self.patience.unwrap_or((epochs / 5).max(usual.patience));
        let of = counted(examples, example);
        if self.epochs.is_none() {
            let reason = format!(
                "{of} in {} an epoch; stops after {patience} without improvement",
                counted(steps, "step")
            );
            choices.push(["epochs".into(), epochs.to_string(), reason]);
        }
        if self.batch.is_none() && self.batch_tokens.is_none() {
            choices.push(["batch".into(), batch.to_string(), of]);
        }
        (self.epochs, self.batch, self.patience) = (Some(epochs), Some(batch), Some(patience));
        // An average of all there was would hold the first steps.
        self.ema = Some(self.ema.unwrap_or((epochs as f64 / 5.0).min(LONGEST_EMA)));
        choices
    }

    /// For the training loop, with what is usual for what is left open. Error: no such optimizer.
    pub fn fit(&self) -> Result<FitOptions> {
        let mut optimizer: OptimizerConfig = self.optimizer.parse()?;
        let (OptimizerConfig::Sgd { weight_decay, .. }
        | OptimizerConfig::Adam { weight_decay, .. }
        | OptimizerConfig::AdamW { weight_decay, .. }
        | OptimizerConfig::RmsProp { weight_decay, .. }
        | OptimizerConfig::Adagrad { weight_decay, .. }) = &mut optimizer;
        *weight_decay = self.weight_decay as f32;
        Ok(FitOptions {
            epochs: self.epochs.unwrap_or(Usual::default().epochs),
            lr: self.lr,
            schedule: self.schedule,
            patience: self.patience.unwrap_or(Usual::default().patience),
            seed: self.seed,
            optimizer,
            clip: self.clip.clip()?,
            ema: self.ema.unwrap_or(0.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_examples_get_more_steps_and_very_many_fewer() {
        let usual = Usual::default();
        for (examples, batch, epochs, patience) in [
            (1_usize, 8, 100, 20),
            (53, 8, 100, 20),
            (243, 8, 39, 8),
            (700, 16, 28, 8),
            (4907, 32, 20, 8),
            (60_000, 32, 10, 8),
            (1_000_000, 64, 3, 8),
        ] {
            let mut options = TrainOptions::default();
            let steps = examples.div_ceil(options.batch_of(examples));
            let choices = options.decide(examples, steps, usual, "text");
            assert_eq!(options.ema, Some((epochs as f64 / 5.0).min(3.0)), "{examples}");
            let found = (options.batch, options.epochs, options.patience);
            assert_eq!(found, (Some(batch), Some(epochs), Some(patience)), "{examples}");
            assert_eq!([&choices[0][1], &choices[1][1]], [&epochs.to_string(), &batch.to_string()]);
        }
    }

    #[test]
    fn what_was_asked_for_is_not_decided() {
        let asked = TrainOptions {
            epochs: Some(7),
            batch: Some(5),
            patience: Some(2),
            ema: Some(0.5),
            ..TrainOptions::default()
        };
        let mut options = asked.clone();
        assert_eq!(options.batch_of(10), 5);
        assert!(options.decide(10, 2, Usual::default(), "text").is_empty());
        assert_eq!(options, asked);
    }
}
