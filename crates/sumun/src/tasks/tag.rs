//! The task that answers at every token of a sentence: `tag`.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::config::{HeldOut, Task, TaskConfig};
use super::figures::{Figures, Measured, Prediction, Unknown, softmax};
use super::file::to_file;
use super::inputs::{Reader, Sequences, left_out};
use super::learner::{ClassLabels, Examples, Labels, Learner, answers, argmax};
use super::lesson::Lesson;
use super::network::{Answers, first_model};
use super::parts::{Parts, split};
use super::shown::{Asked, Shown, Truth};
use super::source::Source;
use crate::data::quoted;
use crate::loss::{CrossEntropy, Loss};
use crate::model::{Model, ModelFile};
use crate::records::{Classes, Sentence, Tagged, TaggedSpec};
use crate::scores::{MostFrequentTag, Tagging};
use crate::train::Objective;
use crate::{Error, Result};

/// How sentences become sequences and a network's answers become tags.
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
    fn fit(train: &Tagged, config: &TaskConfig) -> Result<Self> {
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
        let (tokens_field, tags_field) = (config.data.tokens.clone(), config.data.tags.clone());
        Ok(Self { reader, tags, most_frequent, tokens_field, tags_field })
    }

    /// Which keys or columns of another file are read.
    pub fn spec(&self, require_tags: bool) -> TaggedSpec<'_> {
        TaggedSpec { tokens: self.tokens_field.as_deref(), tags: self.tags_field.as_deref(), require_tags }
    }

    /// The tags, in the order of the network's answers.
    pub fn tags(&self) -> &Classes {
        &self.tags
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Whether its parts fit each other, as they do unless a file was tampered with.
    pub(super) fn check(&self) -> Result<()> {
        let bad = |problem: String| Err(Error::Model(format!("its pipeline cannot be used: {problem}")));
        match (&self.reader, self.most_frequent.largest(), self.tags.len()) {
            (Reader::Tokens { .. }, tag, tags) if (tag as usize) < tags => self.reader.check(),
            (Reader::Tokens { .. }, tag, tags) => {
                bad(format!("a most frequent tag is {tag}, but there are {tags} tags"))
            }
            _ => bad("a tagger reads tokens, but this one does not".into()),
        }
    }

    fn examples(&self, tagged: &Tagged) -> Result<Examples> {
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
        Ok(self.answers(model, tagged)?.0)
    }

    /// As [`predict`](Self::predict), with how many tokens the vocabulary lacks.
    pub(super) fn answers(
        &self,
        model: &Model,
        tagged: &Tagged,
    ) -> Result<(Vec<Prediction>, Option<Unknown>)> {
        let sequences = self.sequences(tagged)?;
        let rows = answers(model, &sequences)?;
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
        let logits = answers(model, &sequences)?;
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

/// A tagger that is being trained.
#[derive(Debug)]
pub(super) struct Tagger {
    parts: Parts<Tagged>,
    sources: Vec<Source>,
    notes: Vec<String>,
    pipeline: TaggingPipeline,
    learner: Learner,
}

impl Tagger {
    /// Reads the data, learns the vocabulary and builds the network.
    pub(super) fn new(config: &TaskConfig) -> Result<Self> {
        let options = &config.data;
        let spec = TaggedSpec {
            tokens: options.tokens.as_deref(),
            tags: options.tags.as_deref(),
            require_tags: true,
        };
        let all = Tagged::read(&options.train, &spec)?;
        let mut sources = vec![Source::new("train", &all.name, &all.hash)];
        let mut places =
            split(&options.valid, &options.test, config.train.seed, &vec![0; all.sentences.len()])?;
        let moved = learn_every_tag(&all.sentences, &mut places);
        let mut notes = Vec::new();
        if moved > 0 {
            notes.push(format!(
                "{moved} of the sentences that were drawn to be held out have a tag that no other has; they are learnt from"
            ));
        }
        let select = |places: &[usize]| Tagged {
            name: all.name.clone(),
            hash: all.hash.clone(),
            sentences: places.iter().map(|&place| all.sentences[place].clone()).collect(),
        };
        let train = select(&places.train);
        let pipeline = TaggingPipeline::fit(&train, config)?;
        let mut part = |name: &str, held: &HeldOut, places: &Option<Vec<usize>>| match (held, places) {
            (HeldOut::Share(_), Some(places)) if places.is_empty() => Err(Error::Data(format!(
                "{}: no sentence is left for data.{name}; hold out a larger share, or give a file",
                all.name
            ))),
            (HeldOut::Share(_), places) => Ok(places.as_deref().map(select)),
            (HeldOut::File(path), _) => {
                let tagged = Tagged::read(path, &spec)?;
                sources.push(Source::new(name, &tagged.name, &tagged.hash));
                Ok(Some(tagged))
            }
        };
        let valid = part("valid", &options.valid, &places.valid)?;
        let test = part("test", &options.test, &places.test)?;
        let parts = Parts { train, valid, test };
        let train = pipeline.examples(&parts.train)?;
        let valid = parts.valid.as_ref().map(|tagged| pipeline.examples(tagged)).transpose()?;
        // A tag that was never seen is known before the training.
        parts.test.as_ref().map(|tagged| pipeline.examples(tagged)).transpose()?;
        notes.extend(left_out(&train.sequences, &pipeline.reader));
        let (input, known) = (pipeline.reader.input(), pipeline.reader.vocabulary());
        let model = first_model(config, input, known, Answers::EveryStep, pipeline.tags.len(), &mut notes)?;
        let loss = Loss::CrossEntropy(CrossEntropy { class_weights: Vec::new(), ignore: None });
        let learner = Learner::new(model, loss, train, valid, &config.train)?;
        Ok(Self { parts, sources, notes, pipeline, learner })
    }
}

/// Moves held out sentences with a tag that the training part lacks into it, and says how many: a random split may draw
/// the only sentence with a rare tag, which can then be neither learnt nor predicted.
fn learn_every_tag(sentences: &[Sentence], places: &mut Parts<Vec<usize>>) -> usize {
    let tags = |place: usize| sentences[place].tags.iter().flatten().map(String::as_str);
    let mut learnt: HashSet<&str> = places.train.iter().flat_map(|&place| tags(place)).collect();
    let mut moved = Vec::new();
    for part in [&mut places.valid, &mut places.test].into_iter().flatten() {
        part.retain(|&place| {
            let known = tags(place).all(|tag| learnt.contains(tag));
            if !known {
                learnt.extend(tags(place));
                moved.push(place);
            }
            known
        });
    }
    places.train.extend(&moved);
    places.train.sort_unstable();
    moved.len()
}

impl Lesson for Tagger {
    fn objective(&self) -> &dyn Objective {
        &self.learner
    }

    fn objective_mut(&mut self) -> &mut dyn Objective {
        &mut self.learner
    }

    fn examples(&self) -> usize {
        self.learner.examples()
    }

    fn sources(&self) -> &[Source] {
        &self.sources
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn to_file(&self) -> Result<ModelFile> {
        to_file(Task::Tag.name(), "tagging", &self.pipeline, &self.learner.model)
    }

    fn measure(&self) -> Result<Vec<Measured>> {
        let evaluate =
            |(part, tagged): (&str, &Tagged)| self.pipeline.evaluate(&self.learner.model, part, tagged);
        self.parts.held_out().map(evaluate).collect()
    }

    fn shown(&self) -> Result<Vec<Shown>> {
        let Some((_, tagged)) = self.parts.held_out().last() else { return Ok(Vec::new()) };
        let shown = |sentence: &Sentence| Shown {
            asked: Asked::Tokens(sentence.tokens.clone()),
            truth: Truth::Tags(sentence.tags.clone().unwrap_or_default()),
            attention: None,
        };
        Ok(tagged.sentences.iter().map(shown).collect())
    }
}
