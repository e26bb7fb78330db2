//! How a trained language model reads texts.

use std::borrow::Cow;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::baselines::best_first;
use super::super::example::{Answers, Example, ExampleOf, all_of, file_name, most_steps, some_of};
use super::super::figures::{
    Baseline, Figures, Measured, Prediction, Predictions, ScoredLine, ScoredLines, Unknown, not_finite,
};
use super::super::inputs::Sequences;
use super::super::portable;
use super::super::protocol::Pieces;
use super::super::sampling::Sampling;
use super::super::task::{How, Pipeline};
use super::super::trained::check_network;
use super::ngrams::{KEPT, NGrams};
use super::plain_text::{PlainText, unix_lines};
use super::score::Reading;
use super::spelling::Spelling;
use super::together::Share;
use super::tokens::Tokens;
use crate::data::ReadOptions;
use crate::model::{AttentionLayer, Input, LayerConfig, Model, PoolLayer, RecurrentLayer};
use crate::records::counted;
use crate::report::text::count;
use crate::scores::{Language, Unigram};
use crate::text::UNK;
use crate::{Error, Result};

/// The network without its n-grams.
const NETWORK: &str = "the network alone";

/// How text becomes what a language model reads, and its outputs text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LanguagePipeline {
    pub(super) tokens: Tokens,
    /// How often each id is in the training part, for the simplest baseline.
    counts: Vec<u64>,
    /// The model of n-grams that the network is measured against and answers with; none in a training that has not ended, in
    /// files of earlier versions, and of long texts.
    #[serde(default, alias = "rival", skip_serializing_if = "NGrams::is_not_kept")]
    pub(super) ngrams: NGrams,
    /// How much of an answer is the network's; None where it answers alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    share: Option<Share>,
    /// What is said about how files are written.
    #[serde(default, skip_serializing_if = "ReadOptions::is_default")]
    pub(in super::super) reading: ReadOptions,
}

impl LanguagePipeline {
    pub(super) fn new(tokens: Tokens, train: &Reading) -> Self {
        let mut counts = vec![0; tokens.vocabulary.len()];
        train.ids.iter().for_each(|&id| counts[id as usize] += 1);
        let reading = ReadOptions::default();
        Self { tokens, counts, ngrams: NGrams::default(), share: None, reading }
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
        let notes = note.into_iter().chain(self.lacks_ngrams());
        Ok(Measured { notes: notes.collect(), ..measured })
    }

    /// What to say where a file keeps no n-grams, as the training text was long.
    fn lacks_ngrams(&self) -> Option<String> {
        let learnt: u64 = self.counts.iter().fold(0, |all, &count| all.saturating_add(count));
        (self.ngrams.is_none() && learnt > KEPT as u64).then(|| {
            format!(
                "Kneser–Ney, the better baseline, is not there: a model file keeps the n-grams of at most {} tokens, and the \
                 training had {}; its own report compares with it",
                count(KEPT),
                count(learnt as usize)
            )
        })
    }

    /// ln p of each token of a text, of which the network gives ln p.
    fn answers(&self, ids: &[u32], network: Vec<f64>) -> Vec<f64> {
        match self.share.zip(self.ngrams.log_probabilities(&self.tokens, ids)) {
            Some((share, ngrams)) => together(share, &network, &ngrams).collect(),
            None => network,
        }
    }

    /// Fits how much of an answer is the network's.
    pub(super) fn fit_together(&mut self, model: &Model, valid: &Reading) -> Result<()> {
        let Some(ngrams) = self.ngrams.log_probabilities(&self.tokens, &valid.ids) else { return Ok(()) };
        let share = Share::fit(&valid.each_token(model, self.vocabulary())?, &ngrams);
        self.share = (!share.is_alone()).then_some(share);
        Ok(())
    }

    /// Logits of what comes next after some tokens, of which the network says those.
    pub(super) fn answer<'a>(&self, network: &'a [f32], before: &[u32]) -> Cow<'a, [f32]> {
        match self.share.zip(self.ngrams.distribution(&self.tokens, before)) {
            Some((share, ngrams)) => share.logits(network, &ngrams).into(),
            None => network.into(),
        }
    }

    /// A text as the model reads it, and what that changed.
    fn prepared(&self, text: &PlainText) -> (PlainText, Option<String>) {
        if self.tokens.tokenizer.rules().nfc { text.clone().normalized() } else { (text.clone(), None) }
    }

    pub(super) fn score(&self, model: &Model, part: &str, reading: &Reading) -> Result<Measured> {
        let (tokens, vocabulary) = (reading.ids.len(), self.vocabulary());
        let figures = |nats: f64| Language::of(nats, reading.predicted(vocabulary)).map(Figures::Language);
        let ngrams = self.ngrams.log_probabilities(&self.tokens, &reading.ids);
        let alone = reading.nats(model, vocabulary)?;
        // The perplexity of the network, e to the mean, has to be a number as well, whatever answers with it.
        if !(alone / tokens.max(1) as f64).exp().is_finite() {
            return Err(not_finite(&format!("the sum of −ln p of {tokens} tokens is {alone}")));
        }
        let nats = match (self.share, &ngrams) {
            (Some(share), Some(ngrams)) => {
                let network = reading.each_token(model, vocabulary)?;
                -together(share, &network, ngrams).sum::<f64>()
            }
            _ => alone,
        };
        let simplest = Baseline {
            name: "each token as often as in training".into(),
            figures: figures(Unigram::of_counts(&self.counts)?.nats(&reading.ids)?)?,
        };
        let network = self.share.map(|_| (NETWORK.to_owned(), alone));
        let ngrams = ngrams.map(|each| (NGrams::name(&self.tokens), -each.iter().sum::<f64>()));
        let judged = |(name, nats)| Ok::<_, Error>(Baseline { name, figures: figures(nats)? });
        let others = network.into_iter().chain(ngrams).map(judged).collect::<Result<_>>()?;
        let (best, other_baselines) = best_first(simplest, others);
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
        let network = reading.each_token_in_order(model, self.vocabulary())?;
        let log_probabilities = self.answers(&reading.ids, network);
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

    /// Pieces of a text as the network reads them.
    pub(super) fn heard(&self, ids: &[u32]) -> Vec<Example> {
        let long = ids.len().min(most_steps(self.vocabulary()) - 1).max(1);
        some_of(ids.len() / long).map(|piece| self.as_read(&ids[piece * long..][..long])).collect()
    }

    /// A text as the network reads it, and what its outputs are.
    fn as_read(&self, ids: &[u32]) -> Example {
        let all = &self.tokens.vocabulary;
        let ids = [&[self.tokens.start()], ids].concat();
        let steps = ids.iter().map(|&id| all.token(id).unwrap_or_default().to_owned()).collect();
        Example::new(steps, Sequences::Ids(vec![ids]), Answers::EachStep(all.tokens().to_vec()))
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
        let share = self.share.and_then(|share| share.problem(!self.ngrams.is_none()));
        share
            .map_or_else(|| self.ngrams.check(vocabulary), Err)
            .map_err(|problem| Error::Model(format!("its pipeline cannot be used: {problem}")))
    }

    fn portable(&self, _model: &Model) -> std::result::Result<Map<String, Value>, String> {
        let Tokens { tokenizer, vocabulary } = &self.tokens;
        let mut reads = portable::text(tokenizer, vocabulary)?;
        reads["line_ends"] = tokenizer.is_spaced().into();
        reads["start"] = self.tokens.start().into();
        let mut fields = Map::from_iter([("reads".to_owned(), reads)]);
        if let Some(share) = self.share {
            let (order, ids) = (NGrams::order(&self.tokens), self.ngrams.ids());
            let ngrams = json!({ "share": 1.0 - share.of_network(), "order": order, "ids": ids });
            fields.insert("ngrams".into(), ngrams);
        }
        Ok(fields)
    }

    fn tokenizer_json(&self) -> Option<String> {
        self.tokens.tokenizer.tokenizer_json()
    }

    fn example(&self, _model: &Model, of: ExampleOf<'_>) -> Result<Option<Example>> {
        let text = match of {
            ExampleOf::Text(written) => PlainText {
                name: of.what("text"),
                text: unix_lines(written),
                hash: String::new(),
                notes: Vec::new(),
            },
            ExampleOf::Record(file, _) => {
                of.is_whole()?;
                PlainText::read_with(file, &self.reading)?
            }
        };
        let (PlainText { text, mut notes, .. }, changed) = self.prepared(&text);
        notes.extend(changed);
        let mut ids = self.tokens.encode(&text)?;
        if let Some(share) = self.share {
            notes.push(format!("the network has {:.0} % of an answer", 100.0 * share.of_network()));
        }
        let most = most_steps(self.vocabulary()) - 1;
        if ids.len() > most {
            notes.push(format!("the first {} of {} tokens are shown", count(most), count(ids.len())));
            ids.truncate(most);
        }
        let what = match of {
            ExampleOf::Text(_) => of.what("text"),
            ExampleOf::Record(file, _) => file_name(file).into_owned(),
        };
        Ok(Some(Example {
            what,
            notes,
            vocabulary: Some(all_of(&self.tokens.vocabulary)),
            ..self.as_read(&ids)
        }))
    }

    fn beside(&self) -> Option<&'static str> {
        self.share.map(|_| "the n-grams of its training text")
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
        let each = Reading::each_text(model, &lines, self.tokens.start(), self.vocabulary())?;
        let sums = lines.iter().zip(each).map(|(ids, network)| self.answers(ids, network).iter().sum());
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

/// ln p of tokens from that of both models.
fn together<'a>(share: Share, network: &'a [f64], ngrams: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    network.iter().zip(ngrams).map(move |(network, ngrams)| share.log_probability(*network, *ngrams))
}

/// How many tokens are unknown.
pub(super) fn unknown(reading: &Reading) -> usize {
    Unknown::among(&reading.ids).count
}
