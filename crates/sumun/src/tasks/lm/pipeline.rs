//! How a trained language model reads texts.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::baselines::best_first;
use super::super::figures::{
    Baseline, Figures, Measured, Prediction, Predictions, ScoredLine, ScoredLines, Unknown, not_finite,
};
use super::super::portable;
use super::super::protocol::Pieces;
use super::super::sampling::Sampling;
use super::super::task::{How, Pipeline};
use super::super::trained::check_network;
use super::plain_text::PlainText;
use super::rival::{KEPT, Rival};
use super::score::Reading;
use super::spelling::Spelling;
use super::tokens::{Tokens, words};
use crate::data::ReadOptions;
use crate::model::{AttentionLayer, Input, LayerConfig, Model, PoolLayer, RecurrentLayer};
use crate::records::counted;
use crate::report::text::count;
use crate::scores::{Language, Unigram};
use crate::text::UNK;
use crate::{Error, Result};

/// How text becomes what a language model reads, and its outputs text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LanguagePipeline {
    pub(super) tokens: Tokens,
    /// How often each id is in the training part, for the simplest baseline.
    counts: Vec<u64>,
    /// The model of n-grams that the network is measured against as well; none in a training that has not ended, in files of
    /// earlier versions, and of long texts.
    #[serde(default, skip_serializing_if = "Rival::is_not_kept")]
    pub(super) rival: Rival,
    /// What is said about how files are written.
    #[serde(default, skip_serializing_if = "ReadOptions::is_default")]
    pub(in super::super) reading: ReadOptions,
}

impl LanguagePipeline {
    pub(super) fn new(tokens: Tokens, train: &Reading) -> Self {
        let mut counts = vec![0; tokens.vocabulary.len()];
        train.ids.iter().for_each(|&id| counts[id as usize] += 1);
        Self { tokens, counts, rival: Rival::default(), reading: ReadOptions::default() }
    }

    /// How many ids the network reads, and has an output for.
    pub(super) fn vocabulary(&self) -> usize {
        self.tokens.vocabulary.len()
    }

    /// The ids of a part.
    pub(super) fn reading(&self, text: &str) -> Result<Reading> {
        let ids = self.tokens.encode(text)?;
        let mut spelling = 0.0;
        if ids.contains(&UNK) {
            let spellings = Spelling::of(&self.tokens);
            let unknown = self.tokens.of(text).zip(&ids).filter(|(_, id)| **id == UNK);
            spelling = unknown.map(|(token, _)| spellings.nats(&token)).sum();
        }
        Ok(Reading { ids, characters: text.chars().count(), spelling, start: self.tokens.start() })
    }

    /// Measures the model and the baseline on a text: every token of it is predicted, from all that comes before it, the
    /// first as if a line end came before. What the vocabulary lacks counts as `<UNK>`.
    pub fn evaluate(&self, model: &Model, part: &str, text: &PlainText) -> Result<Measured> {
        let (text, note) = self.prepared(text);
        let reading = self.reading(&text.text)?;
        if reading.ids.is_empty() {
            return Err(Error::Data(format!("{}: there is no token in it; give a longer text", text.name)));
        }
        let measured = self.score(model, part, &reading)?;
        let notes = note.into_iter().chain(self.lacks_rival());
        Ok(Measured { notes: notes.collect(), ..measured })
    }

    /// What to say where a file keeps no n-grams, as the training text was long.
    fn lacks_rival(&self) -> Option<String> {
        let learnt: u64 = self.counts.iter().fold(0, |all, &count| all.saturating_add(count));
        (self.rival.is_none() && learnt > KEPT as u64).then(|| {
            format!(
                "Kneser–Ney, the better baseline, is not there: a model file keeps the n-grams of at most {} tokens, and the \
                 training had {}; its own report compares with it",
                count(KEPT),
                count(learnt as usize)
            )
        })
    }

    /// A text as the model reads it, and what that changed.
    fn prepared(&self, text: &PlainText) -> (PlainText, Option<String>) {
        if self.tokens.tokenizer.nfc { text.clone().normalized() } else { (text.clone(), None) }
    }

    pub(super) fn score(&self, model: &Model, part: &str, reading: &Reading) -> Result<Measured> {
        let (tokens, vocabulary) = (reading.ids.len(), self.vocabulary());
        let figures = |nats: f64| Language::of(nats, reading.predicted(vocabulary)).map(Figures::Language);
        let nats = reading.nats(model, vocabulary)?;
        // Its perplexity, e to the mean, has to be a number as well.
        if !(nats / tokens.max(1) as f64).exp().is_finite() {
            return Err(not_finite(&format!("the sum of −ln p of {tokens} tokens is {nats}")));
        }
        let simplest = Baseline {
            name: "each token as often as in training".into(),
            figures: figures(Unigram::of_counts(&self.counts)?.nats(&reading.ids)?)?,
        };
        let words = words(self.tokens.tokenizer.unit);
        let rival = self.rival.nats(&reading.ids, reading.start, vocabulary, words);
        let judged = |(name, nats)| Ok::<_, Error>(Baseline { name, figures: figures(nats)? });
        let (best, other_baselines) =
            best_first(simplest, rival.map(judged).transpose()?.into_iter().collect());
        Ok(Measured {
            part: part.into(),
            examples: tokens,
            classes: Vec::new(),
            unknown: Some(Unknown::among(&reading.ids)),
            figures: figures(nats)?,
            baseline: best.figures,
            baseline_name: best.name,
            other_baselines,
            predictions: Vec::new(),
            notes: Vec::new(),
        })
    }

    /// How probable each token of a text is after those before it, the first as if a line end came before, and how many of
    /// them the vocabulary lacks: those count as `<UNK>`.
    fn predictions(&self, model: &Model, text: &PlainText) -> Result<Predictions> {
        let (text, changed) = self.prepared(text);
        let reading = self.reading(&text.text)?;
        if reading.ids.is_empty() {
            return Err(Error::Data(format!("{}: there is no token in it; give a longer text", text.name)));
        }
        let log_probabilities = reading.log_probabilities(model, self.vocabulary())?;
        let nats = -log_probabilities.iter().sum::<f64>();
        let perplexity = (nats / reading.ids.len() as f64).exp();
        let note = format!(
            "{}: {}, {nats:.4} nats in all, perplexity {perplexity:.4}",
            text.name,
            counted(reading.ids.len(), "token")
        );
        let tokens = self.tokens.of(&text.text).collect();
        Ok(Predictions {
            unknown: Some(Unknown::among(&reading.ids)),
            predictions: vec![Prediction::Tokens { tokens, log_probabilities }],
            notes: changed.into_iter().chain([note]).collect(),
            ..Predictions::default()
        })
    }
}

impl Pipeline for LanguagePipeline {
    const KIND: &'static str = "language";

    fn check(&self, model: &Model) -> Result<()> {
        self.tokens.check()?;
        if self.counts.len() != self.vocabulary() {
            return Err(Error::Model(format!(
                "its vocabulary has {} tokens, but {} counts",
                self.vocabulary(),
                self.counts.len()
            )));
        }
        let fits = |layer: &LayerConfig| match layer.get::<RecurrentLayer>() {
            Some(layer) => layer.return_sequences && !layer.bidirectional,
            None => layer.get::<PoolLayer>().is_none() && layer.get::<AttentionLayer>().is_none(),
        };
        if !model.config().layers.iter().all(fits) {
            return Err(Error::Model(
                "its network does not read forwards and return a row at every step, as a language model does"
                    .into(),
            ));
        }
        let vocabulary = self.vocabulary();
        check_network(model, Input::ids(vocabulary), &[None, None, Some(vocabulary)])?;
        self.rival
            .check(vocabulary)
            .map_err(|problem| Error::Model(format!("its pipeline cannot be used: {problem}")))
    }

    fn portable(&self, _model: &Model) -> std::result::Result<Map<String, Value>, String> {
        let Tokens { tokenizer, vocabulary } = &self.tokens;
        let mut reads = portable::text(tokenizer, vocabulary)?;
        reads["line_ends"] = words(tokenizer.unit).into();
        reads["start"] = self.tokens.start().into();
        Ok(Map::from_iter([("reads".to_owned(), reads)]))
    }

    const KEEPS_STATES: bool = true;

    fn tokens(&self) -> Option<&[String]> {
        Some(self.tokens.vocabulary.tokens())
    }

    fn predict_file(&self, model: &Model, file: &Path, _how: &How) -> Result<Predictions> {
        let text = PlainText::read_with(file, &self.reading)?;
        let predicted = self.predictions(model, &text)?;
        let notes = text.notes.into_iter().chain(predicted.notes).collect();
        Ok(Predictions { notes, ..predicted })
    }

    fn evaluate_file(&self, model: &Model, file: &Path) -> Result<Measured> {
        let text = PlainText::read_with(file, &self.reading)?;
        let measured = self.evaluate(model, &text.name, &text)?;
        let notes = text.notes.into_iter().chain(measured.notes).collect();
        Ok(Measured { notes, ..measured })
    }

    fn score_lines(&self, model: &Model, file: &Path) -> Result<Option<ScoredLines>> {
        let text = PlainText::read_with(file, &self.reading)?;
        let (prepared, changed) = self.prepared(&text);
        let lines: Vec<Vec<u32>> = prepared
            .text
            .split_inclusive('\n')
            .map(|line| self.tokens.encode(line))
            .collect::<Result<_>>()?;
        let sums = Reading::each(model, &lines, self.tokens.start(), self.vocabulary())?;
        let line = |(n, (ids, log_probability)): (usize, (&Vec<u32>, f64))| {
            let unknown = Unknown::among(ids).count;
            ScoredLine { line: n + 1, tokens: ids.len(), unknown, log_probability }
        };
        let lines: Vec<ScoredLine> = lines.iter().zip(sums).enumerate().map(line).collect();
        if let Some(wrong) = lines.iter().find(|line| !line.log_probability.is_finite()) {
            return Err(not_finite(&format!("ln p of line {} is {}", wrong.line, wrong.log_probability)));
        }
        Ok(Some(ScoredLines { lines, notes: text.notes.into_iter().chain(changed).collect() }))
    }

    fn continue_text<'a>(
        &'a self,
        model: &'a Model,
        prompt: &str,
        how: &Sampling,
    ) -> Result<Option<Pieces<'a>>> {
        Ok(Some(Box::new(self.generate(model, prompt, how)?)))
    }

    fn continue_texts(
        &self,
        model: &Model,
        prompt: &str,
        how: &Sampling,
        samples: usize,
    ) -> Result<Option<Vec<String>>> {
        self.generate_many(model, prompt, how, samples).map(Some)
    }
}

/// How many tokens are unknown.
pub(super) fn unknown(reading: &Reading) -> usize {
    Unknown::among(&reading.ids).count
}
