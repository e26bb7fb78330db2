//! A language model that is being trained.

use std::path::Path;

use ndarray::Array2;

use super::super::example::Example;
use super::super::figures::Measured;
use super::super::inputs::too_rare;
use super::super::network::{Asks, Outputs, first_model};
use super::super::options::{HeldOut, SMOOTHED_LOSS};
use super::super::sampling::Sampling;
use super::super::shown::Sample;
use super::super::source::Source;
use super::super::task::{Lesson, TaskConfig};
use super::Lm;
use super::decide::{decide_network, decide_vocabulary, shrink_vectors};
use super::learner::LanguageLearner;
use super::ngrams::{KEPT, NGrams};
use super::pipeline::{LanguagePipeline, unknown};
use super::plain_text::{PlainText, split};
use super::score::Reading;
use super::streams::Streams;
use super::tokens::{FIRST, Tokens};
use super::weight_drop::WeightDrop;
use crate::message::{key, text};
use crate::model::{Batch, Input, Model, ModelState};
use crate::report::text::count;
use crate::settings::{Normalize, Switch};
use crate::train::Objective;
use crate::{Error, Result};

/// How freely the samples of the report are written.
const TEMPERATURES: [f64; 3] = [0.5, 1.0, 1.5];

/// The tokens of each.
const SAMPLE: usize = 400;

/// A language model that is being trained.
#[derive(Debug)]
pub struct Writing {
    sources: Vec<Source>,
    notes: Vec<String>,
    pipeline: LanguagePipeline,
    learner: LanguageLearner,
    test: Option<Reading>,
    /// Whether n-grams may answer with the network.
    ngrams: bool,
    /// Whether the model file is to have none of them.
    withheld: bool,
}

impl Writing {
    /// Reads the text, learns the vocabulary and builds the network.
    pub(super) fn new(config: &TaskConfig<Lm>) -> Result<Self> {
        let mut config = config.clone();
        decide_vocabulary(&mut config);
        let TaskConfig { data: options, text: text_options, .. } = &config;
        let reading = options.read_options();
        let mut notes = Vec::new();
        let mut read = |path: &Path| {
            let text = PlainText::read_with(path, &reading)?;
            notes.extend_from_slice(&text.notes);
            if text_options.normalize == Normalize::None {
                return Ok::<_, Error>(text);
            }
            let (text, note) = text.normalized();
            notes.extend(note);
            Ok(text)
        };
        let whole = read(&options.train)?;
        let mut file = |held: &HeldOut| match held {
            HeldOut::Share(_) => Ok(None),
            HeldOut::File(path) => read(path).map(Some),
        };
        let (valid_text, test_text) = (file(&options.valid)?, file(&options.test)?);
        let mut sources = vec![Source::new("train", &whole.name, &whole.hash)];
        let parts = split(&whole, &options.valid, &options.test, text_options.level)?;
        let tokens = Tokens::fit(parts.train, text_options)?;
        let mut train = Reading { ids: Vec::new(), characters: 0, spelling: 0.0, start: tokens.start() };
        train.ids = tokens.encode(parts.train)?;
        train.characters = parts.train.chars().count();
        let mut pipeline = LanguagePipeline::new(tokens, &train);
        pipeline.reading = reading;
        let rare = too_rare(unknown(&train), train.ids.len(), pipeline.vocabulary());
        notes.extend(rare);
        let mut part =
            |name: &str, file: Option<PlainText>, within: Option<&str>| -> Result<Option<Reading>> {
                let reading = match (file, within) {
                    (None, None) => return Ok(None),
                    (None, Some(text)) => pipeline.reading(text)?,
                    (Some(text), _) => {
                        sources.push(Source::new(name, &text.name, &text.hash));
                        pipeline.reading(&text.text)?
                    }
                };
                let missing = unknown(&reading);
                if missing > 0 {
                    notes.push(format!(
                    "{missing} of {} tokens of the {name} part are not in the vocabulary and count as <UNK>",
                    reading.ids.len()
                ));
                }
                Ok(Some(reading))
            };
        let valid = part("valid", valid_text, parts.valid)?;
        let test = part("test", test_text, parts.test)?;

        decide_network(&mut config, train.ids.len());
        let (batch, chunk) = (config.train.batch_of(train.ids.len()), config.own.chunk);
        let Some(streams) = Streams::new(train.ids.len(), batch, chunk) else {
            return Err(Error::Data(format!(
                "{}: the training part has {} tokens, fewer than a chunk of {chunk}",
                whole.name,
                train.ids.len()
            ))
            .advise(text("give a longer text or a smaller ") + key("chunk")));
        };
        if streams.count() < batch {
            notes.push(format!(
                "the training part has {} tokens, so a batch has {} sequences instead of {batch}: each has at least a \
                 chunk of {chunk}",
                train.ids.len(),
                streams.count()
            ));
        }
        let vocabulary = pipeline.vocabulary();
        let known = Some(&pipeline.tokens.vocabulary);
        let asks = Asks { outputs: Outputs::EveryStep, width: vocabulary, each: Some("token"), crf: false };
        config.expect_data(&sources)?;
        let mut model = first_model(&config, Input::ids(vocabulary), known, asks, &mut notes)?;
        shrink_vectors(&mut model, &config, train.ids.len());
        if !config.layers.is_empty() {
            check_by_step(&model, vocabulary)?;
        }
        let tokens = train.ids.len();
        if config.own.ngrams == Switch::On {
            check_ngrams(tokens, valid.is_some())?;
        }
        let ngrams = config.own.ngrams != Switch::Off && tokens <= KEPT;
        let label_smoothing = config.own.label_smoothing;
        let weight_drop = WeightDrop::new(config.own.weight_drop, model.parameters())?;
        let (chunk_jitter, seed) = (config.own.chunk_jitter, config.train.seed);
        let learner = LanguageLearner {
            model,
            train,
            valid,
            streams,
            vocabulary,
            label_smoothing,
            chunk_jitter,
            seed,
            weight_drop,
            state: None,
        };
        let withheld = config.own.ngrams == Switch::Off;
        Ok(Self { sources, notes, pipeline, learner, test, ngrams, withheld })
    }
}

/// Refuses n-grams that were asked for and cannot answer with the network.
fn check_ngrams(tokens: usize, valid: bool) -> Result<()> {
    if !valid {
        let problem =
            " is on, but how much n-grams count is fitted on a validation part, and there is none; give ";
        return Err(Error::Settings(key("ngrams") + problem + key("valid")));
    }
    if tokens > KEPT {
        let problem = format!(
            " is on, but the training part has {} tokens, and a model file keeps the n-grams of at most {}; leave it out",
            count(tokens),
            count(KEPT)
        );
        return Err(Error::Settings(key("ngrams") + problem));
    }
    Ok(())
}

/// Refuses layers that do not compute the same step by step as at once: a text is read chunk by chunk in training and token
/// by token when it is written, with nothing but the states of layers carried on.
fn check_by_step(model: &Model, vocabulary: usize) -> Result<()> {
    let ids: Vec<u32> = (0..8).map(|k| FIRST + (k * k + k / 2) % (vocabulary as u32 - FIRST)).collect();
    let refused = |error: Error| Error::Invalid(format!("the layers do not read a token alone: {error}"));
    let read = |ids: &[u32], state: Option<&ModelState>| {
        let batch = Array2::from_shape_fn((1, ids.len()), |(_, t)| ids[t]);
        model.forward_with_state(Batch::ids(batch.view()), state).map_err(refused)
    };
    let whole = read(&ids, None)?.0.into_data();
    let mut state = None;
    for (id, expected) in ids.iter().zip(whole.chunks_exact(vocabulary)) {
        let (row, after) = read(&[*id], state.as_ref())?;
        let same = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-4 * (1.0 + b.abs());
        if !row.data.iter().zip(expected).all(same) {
            return Err(Error::Invalid(
                "the layers: outputs differ when a text is read token by token, as a language model is used; leave out what \
                 looks at other steps and carries no state on, such as a convolution, attention or a bidirectional layer"
                    .into(),
            ));
        }
        state = Some(after);
    }
    Ok(())
}

impl Lesson for Writing {
    type Pipeline = LanguagePipeline;

    fn objective(&self) -> &dyn Objective {
        &self.learner
    }

    fn objective_mut(&mut self) -> &mut dyn Objective {
        &mut self.learner
    }

    fn loss_name(&self) -> Option<&'static str> {
        (self.learner.label_smoothing > 0.0).then_some(SMOOTHED_LOSS)
    }

    fn examples(&self) -> usize {
        self.learner.train.ids.len()
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

    fn pipeline(&self) -> &LanguagePipeline {
        &self.pipeline
    }

    fn fit_baselines(&mut self) -> Result<()> {
        let ngrams = NGrams::of(&self.learner.train.ids);
        self.pipeline.ngrams = if self.withheld { ngrams.withheld() } else { ngrams };
        match &self.learner.valid {
            Some(valid) if self.ngrams => self.pipeline.fit_together(&self.learner.model, valid),
            _ => Ok(()),
        }
    }

    fn measure(&self) -> Result<Vec<Measured>> {
        let parts = [("valid", &self.learner.valid), ("test", &self.test)];
        let there = parts.into_iter().filter_map(|(name, part)| part.as_ref().map(|part| (name, part)));
        there.map(|(name, part)| self.pipeline.score(&self.learner.model, name, part)).collect()
    }

    fn heard(&self) -> Result<Vec<Example>> {
        Ok(self.learner.valid.as_ref().map_or_else(Vec::new, |valid| self.pipeline.heard(&valid.ids)))
    }

    fn samples(&self) -> Result<Vec<Sample>> {
        let sample = |temperature: f64| -> Result<Sample> {
            let how = Sampling { temperature, length: SAMPLE, ..Sampling::default() };
            let text = self.pipeline.generate(&self.learner.model, "", &how)?.collect::<Result<String>>()?;
            Ok(Sample { temperature, text })
        };
        // A model that learnt nothing but NaN writes nothing; its figures say so.
        Ok(TEMPERATURES.into_iter().filter_map(|temperature| sample(temperature).ok()).collect())
    }
}
