//! How sentences become sequences, and a network's outputs tags.

use std::path::Path;

use super::super::figures::{Answers, Figures, Measured, Prediction, Unknown, softmax};
use super::super::inputs::{Reader, Sequences};
use super::super::learner::{ClassLabels, Examples, Labels, argmax, outputs};
use super::super::task::{How, Pipeline, TaskConfig};
use super::super::trained::check_network;
use super::Tag;
use crate::data::quoted;
use crate::model::Model;
use crate::records::{Classes, Sentence, Tagged, TaggedSpec};
use crate::scores::{MostFrequentTag, Tagging};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// How sentences become sequences and a network's outputs become tags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaggingPipeline {
    reader: Reader,
    tags: Classes,
    /// The simplest guess, of whole tokens as the file has them.
    most_frequent: MostFrequentTag,
    /// The key or column of the tokens, where one was named.
    tokens_field: Option<String>,
    /// That of the tags.
    tags_field: Option<String>,
}

impl TaggingPipeline {
    /// Learns vocabulary, tags and the simplest guess from the training part.
    pub(super) fn fit(train: &Tagged, config: &TaskConfig<Tag>) -> Result<Self> {
        let tags = train.classes()?;
        if let [only] = tags.names() {
            return Err(Error::Data(format!(
                "{}: every tag is {}; a tagger needs at least two tags",
                train.name,
                quoted(only)
            )));
        }
        let reader = Reader::fit_tokens(&train.sentences, &config.text)?;
        let tokens: Vec<Vec<String>> =
            train.sentences.iter().map(|sentence| sentence.tokens.clone()).collect();
        let most_frequent = MostFrequentTag::of(&tokens, &train.tag_ids(&tags)?, tags.len())?;
        let (tokens_field, tags_field) = (config.own.tokens.clone(), config.own.tags.clone());
        Ok(Self { reader, tags, most_frequent, tokens_field, tags_field })
    }

    /// Which keys or columns of another file are read.
    pub fn spec(&self, require_tags: bool) -> TaggedSpec<'_> {
        TaggedSpec { tokens: self.tokens_field.as_deref(), tags: self.tags_field.as_deref(), require_tags }
    }

    /// The tags, in the order of the network's outputs.
    pub fn tags(&self) -> &Classes {
        &self.tags
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    pub(super) fn examples(&self, tagged: &Tagged) -> Result<Examples> {
        Ok(Examples {
            sequences: self.sequences(tagged)?,
            labels: Labels::Classes(ClassLabels::Steps(tagged.tag_ids(&self.tags)?)),
        })
    }

    fn sequences(&self, tagged: &Tagged) -> Result<Sequences> {
        Ok(Sequences::Ids(self.reader.token_ids(&tagged.sentences)?))
    }

    /// The most probable tag of every token.
    pub fn predict(&self, model: &Model, tagged: &Tagged) -> Result<Vec<Prediction>> {
        Ok(self.predictions(model, tagged)?.0)
    }

    /// As [`predict`](Self::predict), with how many tokens the vocabulary lacks.
    fn predictions(&self, model: &Model, tagged: &Tagged) -> Result<(Vec<Prediction>, Option<Unknown>)> {
        let sequences = self.sequences(tagged)?;
        let rows = outputs(model, &sequences)?;
        Ok((rows.iter().map(|rows| self.named(rows)).collect(), sequences.unknown()))
    }

    fn named(&self, rows: &[f32]) -> Prediction {
        let each = rows.chunks_exact(self.tags.len()).map(|row| {
            let tag = argmax(row) as usize;
            (self.tags.names()[tag].clone(), softmax(row)[tag])
        });
        let (tags, probabilities) = each.unzip();
        Prediction::Tags { tags, probabilities }
    }

    /// Measures the model and the baseline on sentences with tags. Errors, with the line: a sentence without tags, a tag
    /// that was not trained.
    pub fn evaluate(&self, model: &Model, part: &str, tagged: &Tagged) -> Result<Measured> {
        let truth = tagged.tag_ids(&self.tags)?;
        let sequences = self.sequences(tagged)?;
        let logits = outputs(model, &sequences)?;
        let best = |rows: &Vec<f32>| rows.chunks_exact(self.tags.len()).map(argmax).collect();
        let predicted: Vec<Vec<u32>> = logits.iter().map(best).collect();
        let guess = |sentence: &Sentence| self.most_frequent.tags(&sentence.tokens);
        let guesses: Vec<Vec<u32>> = tagged.sentences.iter().map(guess).collect();
        let score = |tags: &[Vec<u32>]| Tagging::of(&truth, tags, self.tags.names()).map(Figures::Tagging);
        Ok(Measured {
            part: part.into(),
            examples: tagged.sentences.len(),
            classes: self.tags.names().to_vec(),
            unknown: sequences.unknown(),
            figures: score(&predicted)?,
            baseline: score(&guesses)?,
            baseline_name: "the most frequent tag of each token".into(),
            other_baselines: Vec::new(),
            predictions: logits.iter().map(|rows| self.named(rows)).collect(),
        })
    }
}

impl Pipeline for TaggingPipeline {
    const KIND: &'static str = "tagging";

    fn check(&self, model: &Model) -> Result<()> {
        let bad = |problem: String| Err(Error::Model(format!("its pipeline cannot be used: {problem}")));
        let count = self.tags.len();
        match (&self.reader, self.most_frequent.largest()) {
            (Reader::Tokens { .. }, tag) if (tag as usize) < count => self.reader.check()?,
            (Reader::Tokens { .. }, tag) => {
                return bad(format!("a most frequent tag is {tag}, but there are {count} tags"));
            }
            _ => return bad("a tagger reads tokens, but this one does not".into()),
        }
        check_network(model, self.reader.input(), &[None, None, Some(count)])
    }

    fn class_names(&self) -> &[String] {
        self.tags.names()
    }

    fn tokens(&self) -> Option<&[String]> {
        self.reader.vocabulary().map(|vocabulary| vocabulary.tokens())
    }

    fn predict_file(&self, model: &Model, file: &Path, _how: &How) -> Result<Answers> {
        let tagged = Tagged::read(file, &self.spec(false))?;
        let (predictions, unknown) = self.predictions(model, &tagged)?;
        let tokens = tagged.sentences.into_iter().map(|sentence| sentence.tokens).collect();
        let classes = self.tags.names().to_vec();
        Ok(Answers { classes, tokens, unknown, predictions, ..Answers::default() })
    }

    fn evaluate_file(&self, model: &Model, file: &Path) -> Result<Measured> {
        let tagged = Tagged::read(file, &self.spec(true))?;
        self.evaluate(model, &tagged.name, &tagged)
    }
}
