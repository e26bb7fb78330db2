//! A task with one output for a sequence that is being trained.
use std::collections::{BTreeMap, BTreeSet};

use super::super::baselines::Rivals;
use super::super::example::Example;
use super::super::figures::Measured;
use super::super::inputs::{Reader, composed_note, left_out};
use super::super::learner::{Examples, Learner};
use super::super::network::{Asks, Outputs, first_model};
use super::super::options::{HeldOut, SMOOTHED_LOSS};
use super::super::parts::{FoldOf, Parts, split, split_fold};
use super::super::shown::{Asked, Shown};
use super::super::source::Source;
use super::super::task::{Lesson, Task, TaskConfig};
use super::{Head, LabelledPipeline, Labelling, check_input};
use crate::data::ReadOptions;
use crate::message::{key, text};
use crate::model::Model;
use crate::records::{Input, Lists, RecordSpec, Records};
use crate::report::text::{count, counted};
use crate::scores::majority;
use crate::settings::Switch;
use crate::train::Objective;
use crate::{Error, Result};

/// A classifier or regressor that is being trained.
#[derive(Debug)]
pub struct Labelled<H> {
    parts: Parts<Records>,
    sources: Vec<Source>,
    notes: Vec<String>,
    pipeline: LabelledPipeline<H>,
    learner: Learner,
    /// Whether a linear model may answer with the network.
    linear: bool,
}

impl<H: Head> Labelled<H> {
    /// Reads the data, learns the vocabulary and builds the network.
    pub(in super::super) fn new<T: Labelling<Head = H>>(config: &TaskConfig<T>) -> Result<Self> {
        let (data, options) = (&config.data, config.own.labelled());
        let lists = T::lists(config)?;
        let spec = RecordSpec {
            text: options.text.as_deref(),
            x: options.x.as_deref(),
            x_layout: options.x_layout,
            label: lists.or(options.label.as_deref()),
            require_label: true,
            lists: lists.map(|_| Lists::default()),
            form: None,
            series: options.series.as_deref(),
            time: options.time.as_deref(),
            window: options.window,
            stride: options.stride,
            to_predict: false,
        };
        let (decimal, thousands) = (options.decimal, options.thousands);
        let reading = ReadOptions { decimal, thousands, ..data.read_options() };
        reading.check()?;
        let mut all = Records::read_with(&data.train, &spec, &reading)?;
        let mut notes = all.notes.clone();
        let label_form = match T::numeric_labels(config) {
            true => {
                let (form, note) = all.plain_labels(&reading, None)?;
                notes.extend(note);
                Some(form)
            }
            false => None,
        };
        check_input(config, all.channels().is_some())?;
        let mut sources = vec![Source::new("train", &all.name, &all.hash)];
        let strata = T::strata(config, &all)?;
        let seed = config.train.seed;
        let of_fold = |fold: FoldOf| {
            grouped(&all.groups, &strata, |strata| split_fold(&data.valid, fold, seed, strata))
        };
        if config.fold.is_none() {
            let folds = options.folds.unwrap_or(0);
            expect_for_folds(folds, &all)?;
            // A fold that cannot be learnt without is known before the training.
            for fold in FoldOf::all(folds) {
                let mut indices = of_fold(fold)?;
                T::settle(config, &all, &mut indices)?;
                T::fit(config, &all, &all.select(&indices.train))?;
            }
        }
        let mut indices = match config.fold {
            None => grouped(&all.groups, &strata, |strata| split(&data.valid, &data.test, seed, strata)),
            Some(fold) => of_fold(fold),
        }?;
        notes.extend(T::settle(config, &all, &mut indices)?);
        let train = all.select(&indices.train);
        let head = T::fit(config, &all, &train)?;
        let reader = Reader::fit(&train, &config.text)?;
        let pipeline = LabelledPipeline {
            reader,
            head,
            fields: all.fields.clone(),
            x_layout: all.x_layout,
            lists: all.lists,
            form: all.form.clone(),
            reading,
            label_form,
            windows: options.window.map(|window| [window, options.stride.unwrap_or(window)]),
            rivals: Rivals::default(),
            together: None,
        };
        notes.extend(pipeline.head.remarks(&all.name));
        let texts = all.records.iter().filter_map(|record| match &record.input {
            Input::Text(text) => Some(text.as_str()),
            Input::Numbers { .. } => None,
        });
        notes.extend(composed_note(&all.name, "text", texts, &config.text));
        let mut part = |name: &str, held: &HeldOut, places: &Option<Vec<usize>>| match held {
            HeldOut::Share(_) => Ok(places.as_ref().map(|places| all.select(places))),
            HeldOut::File(path) => {
                let records = pipeline.read(path)?;
                sources.push(Source::new(name, &records.name, &records.hash));
                notes.extend_from_slice(&records.notes);
                notes.extend(pipeline.head.unseen(name, &records)?);
                Ok::<_, Error>(Some(records))
            }
        };
        let valid = part("valid", &data.valid, &indices.valid)?;
        let test = part("test", &data.test, &indices.test)?;
        let parts = Parts { train, valid, test };
        let examples = |records: &Records, held_out: bool| {
            let sequences = pipeline.reader.read(records)?;
            Ok::<_, Error>(Examples { sequences, labels: T::labels(&pipeline.head, records, held_out)? })
        };
        let train = examples(&parts.train, false)?;
        let valid = parts.valid.as_ref().map(|records| examples(records, true)).transpose()?;
        // What cannot be read is known before the training.
        parts.test.as_ref().map(|records| examples(records, true)).transpose()?;
        let loss = T::loss(config, &pipeline.head, &train.labels)?;
        notes.extend(left_out(&train.sequences, &pipeline.reader));
        let (input, known) = (pipeline.reader.input(), pipeline.reader.vocabulary());
        let asks = Asks {
            outputs: Outputs::Once(options.pool),
            width: pipeline.head.outputs()?,
            each: pipeline.classes().map(|_| if pipeline.head.several() { "label" } else { "class" }),
            crf: false,
        };
        config.expect_data(&sources)?;
        let model = first_model(config, input, known, asks, &mut notes)?;
        let learner = Learner::new(model, loss, train, valid, &config.train)?;
        if options.linear == Switch::On && parts.valid.is_none() {
            let problem = " is on, but how much the linear model counts is fitted on a validation part, and there is none; give ";
            return Err(Error::Settings(key("linear") + problem + key("valid")));
        }
        let linear = options.linear != Switch::Off;
        Ok(Self { parts, sources, notes, pipeline, learner, linear })
    }
}

impl<H: Head> Labelled<H> {
    /// Decides what is left open of its configuration.
    pub(in super::super) fn decide<T: Task<Lesson = Self>>(
        &self,
        config: &mut TaskConfig<T>,
    ) -> Vec<[String; 3]> {
        let steps = self.learner.steps_per_epoch();
        let choices = config.train.decide(self.examples(), steps, T::USUAL, T::WORDS.example);
        self.pipeline.reader.choice(&config.text).into_iter().chain(choices).collect()
    }
}

/// Splits records as whole groups, where there are some: a group is of the stratum that most of its records are of.
fn grouped(
    groups: &[usize],
    strata: &[u32],
    split: impl Fn(&[u32]) -> Result<Parts<Vec<usize>>>,
) -> Result<Parts<Vec<usize>>> {
    if groups.is_empty() {
        return split(strata);
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, &group) in groups.iter().enumerate() {
        members.entry(group).or_default().push(place);
    }
    let members: Vec<Vec<usize>> = members.into_values().collect();
    let classes = strata.iter().max().map_or(1, |&most| most as usize + 1);
    let stratum = |places: &Vec<usize>| {
        majority(&places.iter().map(|&place| strata[place]).collect::<Vec<u32>>(), classes)
    };
    let of_groups = members.iter().map(stratum).collect::<Result<Vec<u32>>>()?;
    let parts = split(&of_groups)?;
    let all = |groups: Vec<usize>| {
        let mut places: Vec<usize> = groups.into_iter().flat_map(|group| members[group].clone()).collect();
        places.sort_unstable();
        places
    };
    Ok(Parts { train: all(parts.train), valid: parts.valid.map(all), test: parts.test.map(all) })
}

/// Refuses more folds than there are examples, or recordings where those are kept whole.
fn expect_for_folds(folds: usize, all: &Records) -> Result<()> {
    let (there, what) = match all.groups.iter().collect::<BTreeSet<_>>().len() {
        0 => (all.records.len(), "example"),
        recordings => (recordings, "recording"),
    };
    if there >= folds {
        return Ok(());
    }
    Err(Error::Data(format!("{}: there are {} for {} folds", all.name, counted(there, what), count(folds)))
        .advise(text("give more, or a smaller ") + key("folds")))
}

impl<H: Head> Lesson for Labelled<H> {
    type Pipeline = LabelledPipeline<H>;

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

    fn pipeline(&self) -> &LabelledPipeline<H> {
        &self.pipeline
    }

    fn fit_baselines(&mut self) -> Result<()> {
        let valid = self.parts.valid.as_ref();
        self.pipeline.fit_rivals(&self.parts.train, valid)?;
        self.pipeline.fit_together(&self.learner.model, valid, self.linear)
    }

    fn measure(&self) -> Result<Vec<Measured>> {
        let evaluate =
            |(part, records): (&str, &Records)| self.pipeline.evaluate(&self.learner.model, part, records);
        self.parts.held_out().map(evaluate).collect()
    }

    fn heard(&self) -> Result<Vec<Example>> {
        self.parts.valid.as_ref().map_or(Ok(Vec::new()), |valid| self.pipeline.heard(valid))
    }

    fn shown(&self) -> Result<Vec<Shown>> {
        let Some((_, records)) = self.parts.held_out().last() else { return Ok(Vec::new()) };
        let truths = self.pipeline.head.truths(records)?;
        let asked = records.records.iter().map(|record| match &record.input {
            Input::Text(text) => Asked::Text(text.clone()),
            Input::Numbers { channels, values, .. } => {
                Asked::Numbers { channels: *channels, values: values.clone() }
            }
        });
        let attention = self.pipeline.attention(&self.learner.model, records)?.into_iter().flatten();
        let attention = attention.map(Some).chain(std::iter::repeat(None));
        let all = asked.zip(truths).zip(attention);
        Ok(all.map(|((asked, truth), attention)| Shown { asked, truth, attention }).collect())
    }
}
