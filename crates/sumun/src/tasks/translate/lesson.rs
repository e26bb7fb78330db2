//! A translator that is being trained.

use super::super::figures::Measured;
use super::super::inputs::too_rare;
use super::super::network::built;
use super::super::options::{HeldOut, SMOOTHED_LOSS};
use super::super::parts::{Parts, split};
use super::super::shown::{Asked, Shown, Truth};
use super::super::source::Source;
use super::super::task::{Lesson, TaskConfig};
use super::super::vectors;
use super::Translate;
use super::learner::TranslationLearner;
use super::network::network;
use super::pipeline::TranslationPipeline;
use crate::model::Model;
use crate::records::{Pair, PairSpec, Pairs, counted};
use crate::train::Objective;
use crate::{Error, Result};
use std::collections::{HashMap, HashSet};

/// A translator that is being trained.
#[derive(Debug)]
pub struct Translator {
    parts: Parts<Pairs>,
    sources: Vec<Source>,
    notes: Vec<String>,
    pipeline: TranslationPipeline,
    learner: TranslationLearner,
}

impl Translator {
    /// Reads the pairs, learns the vocabularies and builds the network.
    pub(super) fn new(config: &TaskConfig<Translate>) -> Result<Self> {
        let mut sources = Vec::new();
        let mut notes = Vec::new();
        let parts = read(config, &mut sources, &mut notes)?;
        let mut pipeline = TranslationPipeline::fit(&parts.train, config)?;
        pipeline.reading = config.data.read_options();
        let train = pipeline.examples(&parts.train)?;
        let valid = parts.valid.as_ref().map(|pairs| pipeline.examples(pairs)).transpose()?;
        // A text that is too long is known before the training.
        parts.test.as_ref().map(|pairs| pipeline.examples(pairs)).transpose()?;
        let (source_ids, target_ids) = pipeline.sizes();
        let sides = [("sources", source_ids), ("targets", target_ids - 1)];
        for (unknown, (side, ids)) in pipeline.unknown(&parts.train)?.into_iter().zip(sides) {
            let note = too_rare(unknown.count, unknown.of, ids);
            notes.extend(note.map(|note| format!("{side}: {note}")));
        }
        let network = network(&config.network, config.own.score, source_ids, target_ids);
        config.expect_data(&sources)?;
        let mut model = built(network, config)?;
        let known = Some(pipeline.vocabulary());
        if let Some(coverage) = vectors::load(&mut model, known, &config.text, true)? {
            notes.push(format!("pretrained word vectors of the sources: {coverage}"));
        }
        let learner = TranslationLearner::new(
            model,
            train,
            valid,
            target_ids,
            &config.train,
            config.own.label_smoothing,
        )?;
        Ok(Self { parts, sources, notes, pipeline, learner })
    }
}

/// Reads all files and splits the pairs: no source stands in two parts.
fn read(
    config: &TaskConfig<Translate>,
    sources: &mut Vec<Source>,
    notes: &mut Vec<String>,
) -> Result<Parts<Pairs>> {
    let options = &config.data;
    let spec = PairSpec {
        source: config.own.source.as_deref(),
        target: config.own.target.as_deref(),
        require_target: true,
    };
    let reading = options.read_options();
    let mut all = Pairs::read_with(&options.train, &spec, &reading)?;
    sources.push(Source::new("train", &all.name, &all.hash));
    notes.extend_from_slice(&all.notes);
    let mut file = |part: &str, held: &HeldOut| match held {
        HeldOut::Share(_) => Ok(None),
        HeldOut::File(path) => {
            let pairs = Pairs::read_with(path, &spec, &reading)?;
            sources.push(Source::new(part, &pairs.name, &pairs.hash));
            Ok::<_, Error>(Some(pairs))
        }
    };
    let (mut valid, test) = (file("valid", &options.valid)?, file("test", &options.test)?);
    let lowercase = config.text.lowercase;
    for held in [&valid, &test].into_iter().flatten() {
        leave_out(held, &mut all, lowercase, notes)?;
    }
    if let (Some(valid), Some(test)) = (&mut valid, &test) {
        leave_out(test, valid, lowercase, notes)?;
    }
    let groups = by_source(&all.pairs, lowercase);
    let places = split(&options.valid, &options.test, config.train.seed, &vec![0; groups.len()])?;
    let select = |chosen: &[usize]| {
        let mut places: Vec<usize> = chosen.iter().flat_map(|&group| &groups[group]).copied().collect();
        places.sort_unstable();
        let pairs = places.into_iter().map(|place| all.pairs[place].clone()).collect();
        Pairs {
            name: all.name.clone(),
            hash: all.hash.clone(),
            notes: all.notes.clone(),
            fields: all.fields.clone(),
            pairs,
        }
    };
    Ok(Parts {
        train: select(&places.train),
        valid: valid.or_else(|| places.valid.as_deref().map(select)),
        test: test.or_else(|| places.test.as_deref().map(select)),
    })
}

/// A source as the model reads it: cases that it does not tell apart are one.
fn read_as(pair: &Pair, lowercase: bool) -> String {
    if lowercase { pair.source.to_lowercase() } else { pair.source.clone() }
}

/// The places of the pairs of each source, in the order in which sources first appear.
fn by_source(pairs: &[Pair], lowercase: bool) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut of = HashMap::new();
    for (place, pair) in pairs.iter().enumerate() {
        let group = *of.entry(read_as(pair, lowercase)).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(place);
    }
    groups
}

/// Takes the pairs out of a part whose source stands in another file as well, and says so. Error: none is left.
fn leave_out(held: &Pairs, from: &mut Pairs, lowercase: bool, notes: &mut Vec<String>) -> Result<()> {
    let known: HashSet<String> = held.pairs.iter().map(|pair| read_as(pair, lowercase)).collect();
    let before = from.pairs.len();
    from.pairs.retain(|pair| !known.contains(&read_as(pair, lowercase)));
    let gone = before - from.pairs.len();
    if from.pairs.is_empty() {
        return Err(Error::Data(format!(
            "{}: every source is in {} as well, so no pair is left; give files with different sources",
            from.name, held.name
        )));
    }
    if gone > 0 {
        let pairs = counted(gone, "pair");
        notes.push(format!("{pairs} of {} left out: their sources are in {} as well", from.name, held.name));
    }
    Ok(())
}

impl Lesson for Translator {
    type Pipeline = TranslationPipeline;

    fn objective(&self) -> &dyn Objective {
        &self.learner
    }

    fn objective_mut(&mut self) -> &mut dyn Objective {
        &mut self.learner
    }

    fn loss_name(&self) -> Option<&'static str> {
        self.learner.is_smoothed().then_some(SMOOTHED_LOSS)
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

    fn model(&self) -> &Model {
        &self.learner.model
    }

    fn pipeline(&self) -> &TranslationPipeline {
        &self.pipeline
    }

    fn measure(&self) -> Result<Vec<Measured>> {
        let evaluate =
            |(part, pairs): (&str, &Pairs)| self.pipeline.evaluate(&self.learner.model, part, pairs);
        self.parts.held_out().map(evaluate).collect()
    }

    fn shown(&self) -> Result<Vec<Shown>> {
        let Some((_, pairs)) = self.parts.held_out().last() else { return Ok(Vec::new()) };
        let shown = |pair: &Pair| Shown {
            asked: Asked::Text(pair.source.clone()),
            truth: Truth::Text(self.pipeline.target_of(pair)),
            attention: None,
        };
        Ok(pairs.pairs.iter().map(shown).collect())
    }
}
