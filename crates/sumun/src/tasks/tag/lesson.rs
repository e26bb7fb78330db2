//! A tagger that is being trained.

use super::super::example::Example;
use super::super::figures::Measured;
use super::super::inputs::{composed_note, left_out};
use super::super::learner::Learner;
use super::super::network::{Asks, Outputs, first_model};
use super::super::options::HeldOut;
use super::super::parts::{Parts, split};
use super::super::shown::{Asked, Shown, Truth};
use super::super::source::Source;
use super::super::task::{Lesson, TaskConfig};
use super::decoding::Together;
use super::{Tag, TaggingPipeline};
use crate::loss::{CrossEntropy, Loss};
use crate::model::Model;
use crate::records::{Sentence, Tagged, TaggedSpec};
use crate::report::text::counted;
use crate::scores::{SpanScheme, is_bio};
use crate::settings::Switch;
use crate::train::Objective;
use crate::{Error, Result};
use std::collections::HashSet;

/// A tagger that is being trained.
#[derive(Debug)]
pub struct Tagger {
    parts: Parts<Tagged>,
    sources: Vec<Source>,
    notes: Vec<String>,
    choice: Option<[String; 3]>,
    pipeline: TaggingPipeline,
    learner: Learner,
}

impl Tagger {
    /// What the data decided of a tagger's own settings, as its name, its value and the reason.
    pub(super) fn choice(&self) -> Option<[String; 3]> {
        self.choice.clone()
    }

    /// Reads the data, learns the vocabulary and builds the network.
    pub(super) fn new(config: &TaskConfig<Tag>) -> Result<Self> {
        let (options, own) = (&config.data, &config.own);
        let spec =
            TaggedSpec { tokens: own.tokens.as_deref(), tags: own.tags.as_deref(), require_tags: true };
        let reading = options.read_options();
        let all = Tagged::read_with(&options.train, &spec, &reading)?;
        let mut sources = vec![Source::new("train", &all.name, &all.hash)];
        let mut places =
            split(&options.valid, &options.test, config.train.seed, &vec![0; all.sentences.len()])?;
        let moved = learn_every_tag(&all.sentences, &mut places);
        let mut notes = all.notes.clone();
        let tokens = all.sentences.iter().flat_map(|sentence| &sentence.tokens).map(String::as_str);
        notes.extend(composed_note(&all.name, "token", tokens, &config.text));
        if moved > 0 {
            notes.push(format!(
                "{moved} of the sentences that were chosen to be held out have a tag that no other has; they are learnt from"
            ));
        }
        let select = |places: &[usize]| all.select(places);
        let train = select(&places.train);
        let mut pipeline = TaggingPipeline::fit(&train, config)?;
        let mut part = |name: &str, held: &HeldOut, places: &Option<Vec<usize>>| match (held, places) {
            (HeldOut::Share(_), Some(places)) if places.is_empty() => Err(Error::Data(format!(
                "{}: no sentence is left for data.{name}; hold out a larger share, or give a file",
                all.name
            ))),
            (HeldOut::Share(_), places) => Ok(places.as_deref().map(select)),
            (HeldOut::File(path), _) => {
                let tagged = pipeline.read(path, true)?;
                sources.push(Source::new(name, &tagged.name, &tagged.hash));
                notes.extend_from_slice(&tagged.notes);
                notes.extend(pipeline.unseen(name, &tagged)?);
                Ok(Some(tagged))
            }
        };
        let valid = part("valid", &options.valid, &places.valid)?;
        let test = part("test", &options.test, &places.test)?;
        let parts = Parts { train, valid, test };
        let train = pipeline.examples(&parts.train, false)?;
        let valid = parts.valid.as_ref().map(|tagged| pipeline.examples(tagged, true)).transpose()?;
        notes.extend(left_out(&train.sequences, pipeline.reader()));
        let (input, known) = (pipeline.reader().input(), pipeline.reader().vocabulary());
        let tags = pipeline.tags();
        let crf = match config.own.crf {
            Switch::Auto => is_bio(tags.names()),
            asked => asked == Switch::On,
        };
        let asks = Asks { outputs: Outputs::EveryStep, width: tags.len(), each: Some("tag"), crf };
        config.expect_data(&sources)?;
        let model = first_model(config, input, known, asks, &mut notes)?;
        let mut choice = None;
        if model.crf().is_some() {
            let scheme = scheme(&parts, &pipeline, &mut notes);
            pipeline.choose_together(Together { scheme });
            if config.own.crf == Switch::Auto && config.layers.is_empty() {
                let reason = scheme.map_or_else(String::new, |scheme| format!(" ({scheme})"));
                choice = Some(["crf".into(), Switch::On.to_string(), format!("tags mark spans{reason}")]);
            }
        }
        let loss = Loss::CrossEntropy(CrossEntropy::default());
        let learner = Learner::new(model, loss, train, valid, &config.train)?;
        let learner = learner.with_decoding(pipeline.decoding()?);
        Ok(Self { parts, sources, notes, choice, pipeline, learner })
    }
}

/// The scheme of spans that the tags keep to, those that are learnt and those of the validation part that were; None where there is
/// none, and then a note where they do mark spans.
fn scheme(parts: &Parts<Tagged>, pipeline: &TaggingPipeline, notes: &mut Vec<String>) -> Option<SpanScheme> {
    let learnt = pipeline.tags();
    if !is_bio(learnt.names()) {
        return None;
    }
    let tagged = [Some(&parts.train), parts.valid.as_ref()].into_iter().flatten();
    let tags = tagged.flat_map(|part| &part.sentences).filter_map(|sentence| sentence.tags.as_deref());
    let known = |tags: &&[String]| tags.iter().all(|tag| learnt.id(tag).is_some());
    let tags: Vec<&[String]> = tags.filter(known).collect();
    match SpanScheme::of(&tags) {
        Ok(scheme) => Some(scheme),
        Err(broken) => {
            notes.push(format!(
                "the tags of {} keep to no scheme of spans (BIO, IOB1, BIOES), such as a span that nothing begins; any tag is \
                 taken to follow any",
                counted(broken, "sentence")
            ));
            None
        }
    }
}

/// Moves held out sentences with a tag that the training part lacks into it, and says how many: a random split may choose
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
    type Pipeline = TaggingPipeline;

    fn objective(&self) -> &dyn Objective {
        &self.learner
    }

    fn objective_mut(&mut self) -> &mut dyn Objective {
        &mut self.learner
    }

    fn loss_name(&self) -> Option<&'static str> {
        self.model().crf().map(|_| "−ln p of a sentence's tags together (nats per token)")
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

    fn pipeline(&self) -> &TaggingPipeline {
        &self.pipeline
    }

    fn fit_baselines(&mut self) -> Result<()> {
        self.pipeline.fit_suffixes(&self.parts.train)
    }

    fn measure(&self) -> Result<Vec<Measured>> {
        let evaluate =
            |(part, tagged): (&str, &Tagged)| self.pipeline.evaluate(&self.learner.model, part, tagged);
        self.parts.held_out().map(evaluate).collect()
    }

    fn heard(&self) -> Result<Vec<Example>> {
        self.parts.valid.as_ref().map_or(Ok(Vec::new()), |valid| self.pipeline.heard(valid))
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
