//! How a trained model reads sources and writes targets.

use std::collections::HashMap;
use std::path::Path;

use super::super::example::{Answers, END, Example, ExampleOf, Given, all_of, most_steps, no_tokens};
use super::super::figures::{
    Alignment, Baseline, Figures, Measured, Prediction, Predictions, Unknown, finite,
};
use super::super::inputs::Sequences;
use super::super::portable::PortableNetwork;
use super::super::task::{How, Pipeline, TaskConfig};
use super::Translate;
use super::example::Examples;
use super::learner::Predicted;
use super::network::{ATTENTION, DECODER, ENCODER, SOURCE, TARGET, TARGET_EMBEDDING};
use super::portable::{attention_fields, networks};
use super::search::{BEAM, MOST_BEAM, Search, Written, attention};
use super::side::Side;
use crate::data::ReadOptions;
use crate::message::key;
use crate::model::{Input, Model};
use crate::nn::{CrossAttention, Recurrent};
use crate::records::{Pair, PairFields, PairSpec, Pairs};
use crate::report::text::count;
use crate::scores::{TokenScores, Translation};
use crate::text::Vocabulary;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How pairs become what the network reads, and its outputs texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TranslationPipeline {
    source: Side,
    target: Side,
    fields: PairFields,
    /// The most tokens of a source or target.
    max_tokens: usize,
    /// The most tokens that are written.
    longest: usize,
    /// The simplest guess.
    most_frequent: String,
    /// What is said about how files are written.
    #[serde(default, skip_serializing_if = "ReadOptions::is_default")]
    pub(in super::super) reading: ReadOptions,
}

/// Alignments of a kind that a measured part holds, and the most tokens of their sources and targets.
const ALIGNED: usize = 3;
const MOST_ALIGNED_TOKENS: usize = 60;

impl TranslationPipeline {
    /// Learns vocabularies, the longest output and the simplest guess from pairs of the training part, which all have a
    /// target. Errors: vocabularies that are empty or too large.
    pub(super) fn fit(train: &Pairs, config: &TaskConfig<Translate>) -> Result<Self> {
        let (options, own) = (&config.text, &config.own);
        let sources = train.pairs.iter().map(|pair| pair.source.as_str());
        let target_level = own.target_level.unwrap_or(options.level);
        let source = Side::fit("source", sources, options.level, options)?;
        let target = Side::fit("target", targets(&train.pairs), target_level, options)?;
        let longest = targets(&train.pairs).map(|text| target.tokens(text).len()).max().unwrap_or(0);
        Ok(Self {
            source,
            target,
            fields: train.fields.clone(),
            max_tokens: own.max_tokens,
            longest: longest.saturating_mul(2),
            most_frequent: most_frequent(targets(&train.pairs)),
            reading: ReadOptions::default(),
        })
    }

    /// Which fields of another file are read.
    pub fn spec(&self, require_target: bool) -> PairSpec<'_> {
        let PairFields { source, target } = &self.fields;
        PairSpec { source: Some(source), target: Some(target), require_target }
    }

    /// The vocabulary of the sources.
    pub(super) fn vocabulary(&self) -> &Vocabulary {
        self.source.vocabulary()
    }

    /// How many ids the network reads of sources and of targets, whose end is one.
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.source.size(), self.target.size() + 1)
    }

    /// The ids of a text of a pair. Error, with the line: more tokens than are taken.
    fn ids(&self, file: &str, line: usize, side: &Side, what: &str, text: &str) -> Result<Vec<u32>> {
        let ids = side.encode(text)?;
        if ids.len() <= self.max_tokens {
            return Ok(ids);
        }
        let problem = format!(
            "{file}: line {line}: the {what} has {} tokens, more than the {} that are taken",
            ids.len(),
            self.max_tokens
        );
        Err(Error::Data(problem)
            .advise(crate::message::text("leave it out, or train with a higher ") + key("max_tokens")))
    }

    fn sources(&self, pairs: &Pairs) -> Result<Vec<Vec<u32>>> {
        let ids = |pair: &Pair| self.ids(&pairs.name, pair.line, &self.source, "source", &pair.source);
        pairs.pairs.iter().map(ids).collect()
    }

    /// Pairs as the network learns them. Error, with the line: a text of more tokens than are taken.
    pub(super) fn examples(&self, pairs: &Pairs) -> Result<Examples> {
        let ids = |pair: &Pair| {
            let target = pair.target.as_deref().unwrap_or_default();
            self.ids(&pairs.name, pair.line, &self.target, "target", target)
        };
        let targets = pairs.pairs.iter().map(ids).collect::<Result<_>>()?;
        Ok(Examples::new(self.sources(pairs)?, targets, self.target.end()))
    }

    /// The target of a pair as it is learnt.
    pub(super) fn target_of(&self, pair: &Pair) -> String {
        self.target.cased(pair.target.as_deref().unwrap_or_default())
    }

    /// How many tokens of the sources, and of the targets, the vocabularies lack.
    pub(super) fn unknown(&self, pairs: &Pairs) -> Result<[Unknown; 2]> {
        let targets =
            targets(&pairs.pairs).map(|text| self.target.encode(text)).collect::<Result<Vec<_>>>()?;
        Ok([Unknown::among(self.sources(pairs)?.iter().flatten()), Unknown::among(targets.iter().flatten())])
    }

    fn written(&self, model: &Model, sources: &[Vec<u32>], beam: usize) -> Result<Vec<Written>> {
        if !(1..=MOST_BEAM).contains(&beam) {
            return Err(Error::setting(key("beam"), beam, format!("from 1 to {MOST_BEAM}")));
        }
        Search { model, end: self.target.end(), longest: self.longest, beam }.all(sources)
    }

    /// What the model writes for each source, keeping `beam` hypotheses, at least 1 (1 always takes the most probable
    /// token); with what it attended to where that is asked for.
    pub fn predict(&self, model: &Model, pairs: &Pairs, beam: usize, attention: bool) -> Result<Predictions> {
        let sources = self.sources(pairs)?;
        let unknown = Some(Unknown::among(sources.iter().flatten()));
        let written = self.written(model, &sources, beam)?;
        let mut predictions = written.iter().map(|one| self.prediction(one)).collect::<Vec<_>>();
        if attention {
            let all: Vec<usize> = (0..predictions.len()).collect();
            self.align(model, pairs, &written, &all, &mut predictions)?;
        }
        let texts = pairs.pairs.iter().map(|pair| pair.source.clone()).collect();
        Ok(Predictions { texts, unknown, predictions, ..Predictions::default() })
    }

    fn prediction(&self, written: &Written) -> Prediction {
        Prediction::Text {
            text: self.target.write(&written.ids),
            probability: written.log_probability.exp(),
            ended: written.ended,
            alignment: None,
        }
    }

    /// Adds to the predictions of some places what they attended to.
    fn align(
        &self,
        model: &Model,
        pairs: &Pairs,
        written: &[Written],
        places: &[usize],
        predictions: &mut [Prediction],
    ) -> Result<()> {
        if places.is_empty() {
            return Ok(());
        }
        let sources: Vec<&str> = places.iter().map(|&place| pairs.pairs[place].source.as_str()).collect();
        let ids = sources.iter().map(|source| self.source.encode(source)).collect::<Result<_>>()?;
        let targets = places.iter().map(|&place| written[place].ids.clone()).collect();
        let weights = attention(model, &Examples::new(ids, targets, self.target.end()))?;
        for ((&place, source), mut weights) in places.iter().zip(sources).zip(weights) {
            let source = self.source.tokens(source);
            let target = self.target.named(&written[place].ids);
            weights.truncate(source.len() * target.len());
            if let Prediction::Text { alignment, .. } = &mut predictions[place] {
                *alignment = Some(Alignment { source, target, weights });
            }
        }
        Ok(())
    }

    /// Measures the model, with the beam that is kept where nothing else is said, and the baselines on pairs that all have
    /// a target.
    pub fn evaluate(&self, model: &Model, part: &str, pairs: &Pairs) -> Result<Measured> {
        let sources = self.sources(pairs)?;
        let written = self.written(model, &sources, BEAM)?;
        let tokens = Predicted::of(model, &self.examples(pairs)?, self.sizes().1)?.scores();
        let mut predictions: Vec<Prediction> = written.iter().map(|one| self.prediction(one)).collect();
        let cased = |texts: Vec<&str>| texts.into_iter().map(|text| self.target.cased(text)).collect();
        let truth: Vec<String> = cased(targets(&pairs.pairs).collect());
        let texts: Vec<String> =
            predictions.iter().map(|prediction| text_of(prediction).to_owned()).collect();
        let right = self.right(&truth, &texts);
        let same: Vec<String> = cased(vec![&self.most_frequent; truth.len()]);
        let copied: Vec<String> = cased(pairs.pairs.iter().map(|pair| pair.source.as_str()).collect());
        let guess = |name: &str, texts: &[String]| {
            let figures = self.scores(&truth, texts, &self.right(&truth, texts), None)?;
            Ok::<_, Error>(Baseline { name: name.into(), figures })
        };
        let (mut best, mut other) =
            (guess("the most frequent target", &same)?, guess("the source as it is", &copied)?);
        if telling(&other.figures) > telling(&best.figures) {
            std::mem::swap(&mut best, &mut other);
        }
        let figures = self.scores(&truth, &texts, &right, Some(tokens))?;
        let aligned = to_align(&sources, &written, &right);
        self.align(model, pairs, &written, &aligned, &mut predictions)?;
        Ok(Measured {
            part: part.into(),
            examples: pairs.pairs.len(),
            classes: Vec::new(),
            unknown: Some(Unknown::among(sources.iter().flatten())),
            figures,
            baseline: best.figures,
            baseline_name: best.name,
            other_baselines: vec![other],
            predictions: finite(predictions)?,
            notes: Vec::new(),
        })
    }

    /// Whether the tokens of each text are those of the true one; white space between words does not count.
    fn right(&self, truth: &[String], texts: &[String]) -> Vec<bool> {
        let same = |(truth, text): (&String, &String)| self.target.tokens(truth) == self.target.tokens(text);
        truth.iter().zip(texts).map(same).collect()
    }

    fn scores(
        &self,
        truth: &[String],
        texts: &[String],
        right: &[bool],
        tokens: Option<TokenScores>,
    ) -> Result<Figures> {
        Translation::of(truth, texts, right, tokens).map(Figures::Translation)
    }

    /// A source and what is written for it, as the network reads both.
    fn as_read(&self, model: &Model, pairs: &Pairs) -> Result<Example> {
        let sources = self.sources(pairs)?;
        let most = most_steps(self.sizes().1);
        let steps = self.source.tokens(&pairs.pairs[0].source);
        if steps.is_empty() {
            return Err(no_tokens());
        }
        if steps.len() > most {
            return Err(Error::Data(format!(
                "the source has {} tokens, and at most {} are looked at, as each is left out once; give a shorter one",
                count(steps.len()),
                count(most)
            )));
        }
        let mut written = self.written(model, &sources, BEAM)?;
        let mut notes = Vec::new();
        if !written[0].ended {
            notes.push(format!("no end was written within {} tokens", count(self.longest)));
        }
        if written[0].ids.len() >= most {
            notes.push(format!(
                "the first {} of {} tokens that were written are shown",
                count(most - 1),
                count(written[0].ids.len())
            ));
            written[0].ids.truncate(most - 1);
        }
        let ids = written[0].ids.clone();
        let mut predictions = vec![self.prediction(&written[0])];
        self.align(model, pairs, &written, &[0], &mut predictions)?;
        let Some(Prediction::Text { alignment: Some(alignment), .. }) = predictions.pop() else {
            return Err(Error::Model("its network has no attention".into()));
        };
        let examples = Examples::new(sources.clone(), vec![ids.clone()], self.target.end());
        let read = model.values(examples.chosen(&[0]).targets()?, None, &[TARGET_EMBEDDING])?.only()?.0;
        let given = Given {
            name: TARGET.into(),
            steps: ids.len() + 1,
            features: read.features,
            values: read.unpack(),
        };
        let mut tokens = self.target.named(&ids);
        tokens.push(END.into());
        let mut classes = self.target.vocabulary().tokens().to_vec();
        classes.push(END.into());
        let answers = Answers::EachWritten { classes, input: TARGET.into(), written: tokens, alignment };
        Ok(Example {
            notes,
            given: vec![given],
            vocabulary: Some(all_of(self.vocabulary())),
            ..Example::new(steps, Sequences::Ids(sources), answers)
        })
    }
}

impl Pipeline for TranslationPipeline {
    fn example(&self, model: &Model, of: ExampleOf<'_>) -> Result<Option<Example>> {
        let (pairs, mut notes) = match of {
            ExampleOf::Text(written) => {
                let pair = Pair { source: written.trim().to_owned(), target: None, line: 1 };
                let pairs = Pairs {
                    name: of.what("pair"),
                    hash: String::new(),
                    notes: Vec::new(),
                    fields: self.fields.clone(),
                    pairs: vec![pair],
                };
                (pairs, Vec::new())
            }
            ExampleOf::Record(file, _) => {
                let mut pairs = Pairs::read_with(file, &self.spec(false), &self.reading)?;
                let place = of.place(pairs.pairs.len())?;
                pairs.pairs = vec![pairs.pairs.swap_remove(place)];
                let notes = std::mem::take(&mut pairs.notes);
                (pairs, notes)
            }
        };
        let example = self.as_read(model, &pairs)?;
        notes.extend(example.notes);
        Ok(Some(Example { what: of.what("pair"), notes, ..example }))
    }

    fn portable(&self, model: &Model) -> std::result::Result<Map<String, Value>, String> {
        let own = [
            ("field", self.fields.source.as_str().into()),
            ("reads", self.source.portable()?),
            ("writes", self.target.portable_for_writing()?),
            ("max_tokens", self.max_tokens.into()),
            ("longest", self.longest.into()),
            ("beam", BEAM.into()),
            ("most_beam", MOST_BEAM.into()),
            ("attention", attention_fields(model)?),
        ];
        Ok(own.map(|(name, value): (&str, Value)| (name.to_owned(), value)).into_iter().collect())
    }

    fn portable_networks(&self, model: &Model) -> std::result::Result<Vec<PortableNetwork>, String> {
        networks(model)
    }

    const BETWEEN: Option<&'static str> = Some(ATTENTION);

    const KIND: &'static str = "translation";
    const SEARCHES: bool = true;
    const ATTENDS: bool = true;

    fn check(&self, model: &Model) -> Result<()> {
        self.source.check()?;
        self.target.check()?;
        if self.longest == 0 || self.max_tokens == 0 || self.longest / 2 > self.max_tokens {
            return Err(Error::Model(format!(
                "its pipeline cannot be used: it writes up to {} tokens and reads up to {}",
                self.longest, self.max_tokens
            )));
        }
        let (source, target) = self.sizes();
        let inputs = &model.config().inputs;
        let reads = inputs.len() == 2
            && inputs.get(SOURCE) == Some(&Input::ids(source))
            && inputs.get(TARGET) == Some(&Input::ids(target));
        let recurrent =
            |name| model.layer::<Recurrent>(name).is_some_and(|layer| !layer.config().bidirectional);
        let attends = model.layer::<CrossAttention>(ATTENTION).is_some();
        let outputs = model.output_names().count() == 1;
        let last = model.summary().rows.pop().map(|row| row.output_shape);
        if reads
            && recurrent(ENCODER)
            && recurrent(DECODER)
            && attends
            && outputs
            && last == Some(vec![None, None, Some(target)])
        {
            return Ok(());
        }
        Err(Error::Model(format!(
            "its network is not one that writes {target} tokens for {source}, as its pipeline takes"
        )))
    }

    fn tokens(&self) -> Option<&[String]> {
        Some(self.vocabulary().tokens())
    }

    fn predict_file(&self, model: &Model, file: &Path, how: &How) -> Result<Predictions> {
        let pairs = Pairs::read_with(file, &self.spec(false), &self.reading)?;
        let predicted = self.predict(model, &pairs, how.beam.unwrap_or(BEAM), how.attention)?;
        Ok(Predictions { notes: pairs.notes, ..predicted })
    }

    fn evaluate_file(&self, model: &Model, file: &Path) -> Result<Measured> {
        let pairs = Pairs::read_with(file, &self.spec(true), &self.reading)?;
        let measured = self.evaluate(model, &pairs.name, &pairs)?;
        Ok(Measured { notes: pairs.notes, ..measured })
    }
}

/// The targets of pairs that have one.
fn targets(pairs: &[Pair]) -> impl Iterator<Item = &str> + Clone {
    pairs.iter().filter_map(|pair| pair.target.as_deref())
}

/// The text that most of the texts are; of equals the first.
fn most_frequent<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut counts = HashMap::<&str, (usize, std::cmp::Reverse<usize>)>::new();
    for (place, text) in texts.enumerate() {
        counts.entry(text).or_insert((0, std::cmp::Reverse(place))).0 += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or("", |(text, _)| text).to_owned()
}

fn text_of(prediction: &Prediction) -> &str {
    match prediction {
        Prediction::Text { text, .. } => text,
        _ => "",
    }
}

/// What the better of two guesses has more of.
fn telling(figures: &Figures) -> f64 {
    match figures {
        Figures::Translation(scores) => scores.exact_match + scores.chrf,
        _ => 0.0,
    }
}

/// The places of some right and some wrong outputs that are short enough to be drawn, those of highest probability: what a
/// model is sure of shows best what it looks at.
fn to_align(sources: &[Vec<u32>], written: &[Written], right: &[bool]) -> Vec<usize> {
    let short = |&place: &usize| sources[place].len().max(written[place].ids.len()) <= MOST_ALIGNED_TOKENS;
    let mut places: Vec<usize> = (0..written.len()).filter(short).collect();
    places.sort_by(|&a, &b| written[b].log_probability.total_cmp(&written[a].log_probability));
    let of = |wanted: bool| places.iter().copied().filter(move |&place| right[place] == wanted).take(ALIGNED);
    of(false).chain(of(true)).collect()
}
