//! How sentences become sequences, and a network's outputs tags.

use std::path::Path;

use super::super::baselines::{Suffixes, best_first};
use super::super::example::{Answers, Example, ExampleOf, no_tokens, some_of, vocabulary};
use super::super::figures::{Baseline, Figures, Measured, Prediction, Predictions, Unknown, finite};
use super::super::inputs::{Reader, Sequences};
use super::super::learner::{ClassLabels, Examples, Labels, UNSEEN, outputs};
use super::super::portable;
use super::super::task::{How, Pipeline, TaskConfig};
use super::super::trained::check_network;
use super::Tag;
use super::decoding::{Decoding, Together};
use crate::data::{ReadOptions, quoted};
use crate::message::{key, text};
use crate::model::Model;
use crate::records::{Classes, Columns, Known, Sentence, Tagged, TaggedSpec};
use crate::scores::{MostFrequentTag, Tagging, is_bio};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// How sentences become sequences and a network's outputs become tags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaggingPipeline {
    reader: Reader,
    tags: Classes,
    /// The simplest guess, of whole tokens as the file has them.
    most_frequent: MostFrequentTag,
    /// What the end of an unknown token says of its tag; None of a training that has not ended, and of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suffixes: Option<Suffixes>,
    /// How the tags of a sentence are chosen together; None where each is chosen by itself, and of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crf: Option<Together>,
    /// The key or column of the tokens, where one was named.
    tokens_field: Option<String>,
    /// That of the tags.
    tags_field: Option<String>,
    /// The columns of the training file, where it is CoNLL, to be read again from another of as many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    columns: Option<Columns>,
    /// What is said about how files are written.
    #[serde(default, skip_serializing_if = "ReadOptions::is_default")]
    reading: ReadOptions,
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
        let (columns, reading) = (train.columns, config.data.read_options());
        let (suffixes, crf) = (None, None);
        Ok(Self { reader, tags, most_frequent, suffixes, crf, tokens_field, tags_field, columns, reading })
    }

    /// Has the tags of a sentence chosen together.
    pub(super) fn choose_together(&mut self, how: Together) {
        self.crf = Some(how);
    }

    /// How a network's outputs become tags.
    pub(super) fn decoding(&self) -> Result<Decoding> {
        Decoding::new(&self.tags, self.crf)
    }

    /// Learns what the ends of tokens say of their tags, from the training part.
    pub(super) fn fit_suffixes(&mut self, train: &Tagged) -> Result<()> {
        let ids = train.tag_ids(&self.tags)?.concat();
        let tokens = train.sentences.iter().flat_map(|sentence| &sentence.tokens).map(String::as_str);
        self.suffixes = Some(Suffixes::of(tokens.zip(ids), self.tags.len()));
        Ok(())
    }

    /// The simple guesses for the tags of tokens, each with its name.
    fn guesses(&self, sentences: &[Sentence]) -> Vec<(String, Vec<Vec<u32>>)> {
        let each = |guess: &dyn Fn(&String) -> u32| {
            sentences.iter().map(|sentence| sentence.tokens.iter().map(guess).collect()).collect()
        };
        let most = |token: &String| self.most_frequent.tag(token);
        let mut all = vec![("the most frequent tag of each token".to_owned(), each(&most))];
        if let Some(suffixes) = &self.suffixes {
            let guess = |token: &String| match self.most_frequent.knows(token) {
                true => most(token),
                false => suffixes.tag(token).unwrap_or_else(|| most(token)),
            };
            all.push(("most frequent tag, unknown by suffix".to_owned(), each(&guess)));
        }
        all
    }

    /// Which keys or columns of another file are read.
    pub fn spec(&self, require_tags: bool) -> TaggedSpec<'_> {
        TaggedSpec { tokens: self.tokens_field.as_deref(), tags: self.tags_field.as_deref(), require_tags }
    }

    /// Reads the sentences of another file, or of standard input for `-`. Where no tags are required, a line of words is a
    /// sentence too.
    pub(super) fn read(&self, path: &Path, require_tags: bool) -> Result<Tagged> {
        let token = |token: &str| self.reader.knows(token);
        let tag = |tag: &str| self.tags.id(tag).is_some();
        let known = Known { columns: self.columns, token: &token, tag: &tag };
        Tagged::read_for(path, &self.spec(require_tags), &known, &self.reading)
    }

    /// The tags, in the order of the network's outputs.
    pub fn tags(&self) -> &Classes {
        &self.tags
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Sentences as the network learns them; a tag of held out ones that is none of those learnt is [`UNSEEN`]. Error: a tag
    /// of the training part that is.
    pub(super) fn examples(&self, tagged: &Tagged, held_out: bool) -> Result<Examples> {
        let all = if held_out { self.tags.with_unseen(tagged.tags()) } else { self.tags.clone() };
        let mut ids = tagged.tag_ids(&all)?;
        for id in ids.iter_mut().flatten().filter(|id| **id as usize >= self.tags.len()) {
            *id = UNSEEN;
        }
        Ok(Examples { sequences: self.sequences(tagged)?, labels: Labels::Classes(ClassLabels::Steps(ids)) })
    }

    /// What to say of the tags of a part that were not learnt. Error: none was.
    pub(super) fn unseen(&self, part: &str, tagged: &Tagged) -> Result<Option<String>> {
        match self.tags.unseen_note(part, "tag", tagged.tags()) {
            Some(problem) if tagged.tags().all(|tag| self.tags.id(tag).is_none()) => {
                Err(Error::Data(problem).advise(text("name the right ones with ") + key("tags")))
            }
            note => Ok(note),
        }
    }

    fn sequences(&self, tagged: &Tagged) -> Result<Sequences> {
        self.reader.sentences(&tagged.sentences)
    }

    /// The tag of every token: the most probable one, or that in the sequence of tags with the highest score.
    pub fn predict(&self, model: &Model, tagged: &Tagged) -> Result<Vec<Prediction>> {
        Ok(self.predictions(model, tagged)?.0)
    }

    /// As [`predict`](Self::predict), with how many tokens the vocabulary lacks.
    fn predictions(&self, model: &Model, tagged: &Tagged) -> Result<(Vec<Prediction>, Option<Unknown>)> {
        let sequences = self.sequences(tagged)?;
        let rows = outputs(model, &sequences)?;
        let decoding = self.decoding()?;
        let found = decoding.probable(model, &rows)?;
        Ok((found.into_iter().map(|tags| decoding.named(tags)).collect(), sequences.unknown()))
    }

    /// Measures the model and the baseline on sentences with tags. Every prediction for a tag that was not learnt is wrong.
    /// Errors, with the line: a sentence without tags.
    pub fn evaluate(&self, model: &Model, part: &str, tagged: &Tagged) -> Result<Measured> {
        let mut notes = tagged.notes.clone();
        notes.extend(self.unseen(part, tagged)?);
        let all = self.tags.with_unseen(tagged.tags());
        let truth = tagged.tag_ids(&all)?;
        let sequences = self.sequences(tagged)?;
        let logits = outputs(model, &sequences)?;
        let decoding = self.decoding()?;
        let found = decoding.probable(model, &logits)?;
        let predicted: Vec<Vec<u32>> = found.iter().map(|(tags, _)| tags.clone()).collect();
        let score = |tags: &[Vec<u32>]| Tagging::of(&truth, tags, all.names()).map(Figures::Tagging);
        let mut baselines = Vec::new();
        for (name, tags) in self.guesses(&tagged.sentences) {
            baselines.push(Baseline { name, figures: score(&tags)? });
        }
        let simplest = baselines.remove(0);
        let (best, other_baselines) = best_first(simplest, baselines);
        Ok(Measured {
            part: part.into(),
            examples: tagged.sentences.len(),
            classes: all.names().to_vec(),
            unknown: sequences.unknown(),
            figures: score(&predicted)?,
            baseline: best.figures,
            baseline_name: best.name,
            other_baselines,
            predictions: finite(found.into_iter().map(|tags| decoding.named(tags)).collect())?,
            notes,
        })
    }

    /// Some of the sentences as the network reads them.
    pub(super) fn heard(&self, tagged: &Tagged) -> Result<Vec<Example>> {
        let all = some_of(tagged.sentences.len()).map(|place| &tagged.sentences[place]);
        all.filter(|one| !one.tokens.is_empty()).map(|one| self.as_read(one.clone())).collect()
    }

    /// A sentence as the network reads it, and what its outputs are.
    fn as_read(&self, sentence: Sentence) -> Result<Example> {
        let sequences = self.reader.sentences(std::slice::from_ref(&sentence))?;
        Ok(Example::new(sentence.tokens, sequences, Answers::EachStep(self.tags.names().to_vec())))
    }
}

impl Pipeline for TaggingPipeline {
    fn example(&self, _model: &Model, of: ExampleOf<'_>) -> Result<Option<Example>> {
        let (sentence, mut notes) = match of {
            ExampleOf::Text(written) => {
                let tokens: Vec<String> = written.split_whitespace().map(str::to_owned).collect();
                if tokens.is_empty() {
                    return Err(no_tokens());
                }
                (Sentence { line: 1, tokens, tags: None }, Vec::new())
            }
            ExampleOf::Record(file, _) => {
                let tagged = self.read(file, false)?;
                let place = of.place(tagged.sentences.len())?;
                (tagged.sentences[place].clone(), tagged.notes)
            }
        };
        if self.crf.is_some() {
            notes.push(
                "the tags of a sentence are chosen together, by a conditional random field; what is shown are the network's \
                 scores for each token alone"
                    .into(),
            );
        }
        let example = Example { what: of.what("sentence"), notes, ..self.as_read(sentence)? };
        Ok(Some(Example { vocabulary: self.reader.words().map(vocabulary).transpose()?, ..example }))
    }

    const KIND: &'static str = "tagging";

    fn check(&self, model: &Model) -> Result<()> {
        let bad = |problem: String| Err(Error::Model(format!("its pipeline cannot be used: {problem}")));
        let count = self.tags.len();
        let largest = self.most_frequent.largest().max(self.suffixes.as_ref().map_or(0, Suffixes::largest));
        match (&self.reader, largest) {
            (Reader::Tokens { .. }, tag) if (tag as usize) < count => self.reader.check()?,
            (Reader::Tokens { .. }, tag) => {
                return bad(format!("a most frequent tag is {tag}, but there are {count} tags"));
            }
            _ => return bad("a tagger reads tokens, but this one does not".into()),
        }
        match (self.crf, model.crf()) {
            (Some(_), None) => {
                return bad(
                    "it chooses the tags of a sentence together, but its network does not end in a crf"
                        .into(),
                );
            }
            (None, Some(_)) => {
                return bad("it chooses each tag by itself, but its network ends in a crf".into());
            }
            (Some(Together { scheme: Some(_) }), Some(_)) if !is_bio(self.tags.names()) => {
                return bad("its tags mark no spans, but it has a scheme of spans".into());
            }
            _ => {}
        }
        check_network(model, self.reader.input(), &[None, None, Some(count)])
    }

    fn portable(&self, model: &Model) -> std::result::Result<Map<String, Value>, String> {
        let mut fields = Map::new();
        fields.insert("field".into(), self.tokens_field.as_deref().unwrap_or("tokens").into());
        fields.insert("column".into(), self.columns.map_or(0, |columns| columns.token).into());
        fields.insert("reads".into(), portable::reads(&self.reader, None)?);
        let mut returns = json!({ "kind": "classes", "classes": self.tags.names() });
        if let Some(crf) = model.crf() {
            returns["kind"] = "tags".into();
            returns["crf"] =
                self.decoding().map_err(|error| error.to_string())?.portable(crf, model.parameters());
        }
        fields.insert("returns".into(), returns);
        Ok(fields)
    }

    fn class_names(&self) -> &[String] {
        self.tags.names()
    }

    fn tokens(&self) -> Option<&[String]> {
        self.reader.vocabulary().map(|vocabulary| vocabulary.tokens())
    }

    fn predict_file(&self, model: &Model, file: &Path, _how: &How) -> Result<Predictions> {
        let tagged = self.read(file, false)?;
        let (predictions, unknown) = self.predictions(model, &tagged)?;
        let Tagged { sentences, notes, .. } = tagged;
        let tokens = sentences.into_iter().map(|sentence| sentence.tokens).collect();
        let classes = self.tags.names().to_vec();
        Ok(Predictions { classes, tokens, unknown, predictions, notes, ..Predictions::default() })
    }

    fn evaluate_file(&self, model: &Model, file: &Path) -> Result<Measured> {
        let tagged = self.read(file, true)?;
        self.evaluate(model, &tagged.name, &tagged)
    }
}
