//! Tasks that answer once for a sequence: `classify` and `regress`.

use serde::{Deserialize, Serialize};

use super::config::{DataOptions, HeldOut, Task, TaskConfig};
use super::figures::{AttentionWeights, Figures, Measured, Prediction, Unknown, softmax};
use super::file::to_file;
use super::inputs::{Reader, left_out, sane};
use super::learner::{ClassLabels, Examples, Labels, Learner, answers, argmax, attention};
use super::lesson::Lesson;
use super::network::{Answers, first_model};
use super::parts::{Parts, split};
use super::shown::{Asked, Shown, Truth};
use super::source::Source;
use crate::data::{Role, ScaleKind, Scaler, quoted};
use crate::loss::{CrossEntropy, Loss, Mse};
use crate::message::{key, text};
use crate::model::{Model, ModelFile};
use crate::records::{Classes, Fields, Input, RecordSpec, Records, XLayout};
use crate::scores::{Classification, Regression, balanced_weights, majority, mean};
use crate::settings::ClassWeights;
use crate::train::Objective;
use crate::{Error, Result};

/// What a network's answer means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Head {
    /// A logit for each class. The baseline always answers `majority`.
    Classes { classes: Classes, threshold: Option<f64>, majority: u32 },
    /// A scaled number. The baseline always answers `mean`.
    Number { scaler: Scaler, mean: f64 },
}

/// How records become sequences and a network's answers become labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelledPipeline {
    pub(super) reader: Reader,
    pub(super) head: Head,
    /// The fields that were read, to be read again.
    fields: Fields,
    x_layout: XLayout,
}

impl LabelledPipeline {
    /// Which fields of another file are read.
    pub fn spec(&self, require_label: bool) -> RecordSpec<'_> {
        let input = Some(self.fields.input.as_str());
        let (text, x) = match self.reader {
            Reader::Numbers { .. } => (None, input),
            _ => (input, None),
        };
        let label = self.fields.label.as_deref();
        RecordSpec { text, x, x_layout: self.x_layout, label, require_label }
    }

    /// How many numbers the network answers for each sequence. A head for another task, and one that a file was tampered
    /// with to have, are errors.
    pub(super) fn outputs(&self, task: Task) -> Result<usize> {
        let bad = |problem: String| Err(Error::Model(format!("its pipeline cannot be used: {problem}")));
        match (&self.head, task) {
            (Head::Classes { classes, threshold, majority }, Task::Classify) => match classes.len() {
                count if *majority as usize >= count => {
                    bad(format!("the most frequent class is {majority}, but there are {count} classes"))
                }
                count if threshold.is_some() && count != 2 => {
                    bad(format!("a threshold makes 2 classes, but there are {count}"))
                }
                count => Ok(count),
            },
            (Head::Number { scaler, mean }, Task::Regress) => {
                if sane(scaler) && mean.is_finite() {
                    return Ok(1);
                }
                bad(format!("the label is scaled by {} from {} around {mean}", scaler.scale, scaler.offset))
            }
            _ => Err(Error::Model(format!("its answers are not those of {task}"))),
        }
    }

    /// The labels of records as the network learns them. Errors, with the line: a label that is none of the classes, or
    /// no number.
    fn labels(&self, records: &Records) -> Result<Labels> {
        Ok(match &self.head {
            Head::Classes { classes, threshold, .. } => {
                Labels::Classes(ClassLabels::Once(class_ids(records, classes, *threshold)?))
            }
            Head::Number { scaler, .. } => {
                let scaled = |v: f64| scaler.transform(v) as f32;
                Labels::Values(records.numeric_labels()?.into_iter().map(scaled).collect())
            }
        })
    }

    fn examples(&self, records: &Records) -> Result<Examples> {
        Ok(Examples { sequences: self.reader.read(records)?, labels: self.labels(records)? })
    }

    /// What the model makes of each record.
    pub fn predict(&self, model: &Model, records: &Records) -> Result<Vec<Prediction>> {
        Ok(self.answers(model, records)?.0)
    }

    /// As [`predict`](Self::predict), with how many tokens of the records the vocabulary lacks.
    pub(super) fn answers(
        &self,
        model: &Model,
        records: &Records,
    ) -> Result<(Vec<Prediction>, Option<Unknown>)> {
        let sequences = self.reader.read(records)?;
        let rows = answers(model, &sequences)?;
        Ok((rows.iter().map(|row| self.named(row)).collect(), sequences.unknown()))
    }

    /// How much each step of each record counts in its answer; None of a model that does not pool by attention.
    pub fn attention(&self, model: &Model, records: &Records) -> Result<Option<Vec<AttentionWeights>>> {
        let Some(all) = attention(model, &self.reader.read(records)?)? else { return Ok(None) };
        let each = records.records.iter().zip(all);
        Ok(Some(
            each.map(|(record, weights)| AttentionWeights { tokens: self.reader.tokens(record), weights })
                .collect(),
        ))
    }

    /// What an answer of the network says.
    fn named(&self, row: &[f32]) -> Prediction {
        match &self.head {
            Head::Classes { classes, .. } => Prediction::Class {
                label: classes.names()[argmax(row) as usize].clone(),
                probabilities: softmax(row),
            },
            Head::Number { scaler, .. } => Prediction::Number(scaler.inverse(f64::from(row[0]))),
        }
    }

    /// The names of the classes, in the order of a prediction's probabilities; None where it is a number.
    pub fn classes(&self) -> Option<&Classes> {
        match &self.head {
            Head::Classes { classes, .. } => Some(classes),
            Head::Number { .. } => None,
        }
    }

    /// Measures the model and the baseline on labelled records.
    pub fn evaluate(&self, model: &Model, part: &str, records: &Records) -> Result<Measured> {
        let sequences = self.reader.read(records)?;
        let rows = answers(model, &sequences)?;
        let (figures, baseline, baseline_name) = match &self.head {
            Head::Classes { classes, threshold, majority } => {
                let truth = class_ids(records, classes, *threshold)?;
                let predicted: Vec<u32> = rows.iter().map(|row| argmax(row)).collect();
                let same = vec![*majority; truth.len()];
                (
                    Figures::Classification(Classification::of(&truth, &predicted, classes.len())?),
                    Figures::Classification(Classification::of(&truth, &same, classes.len())?),
                    format!("always {}", quoted(&classes.names()[*majority as usize])),
                )
            }
            Head::Number { scaler, mean } => {
                let truth = records.numeric_labels()?;
                let predicted: Vec<f64> = rows.iter().map(|row| scaler.inverse(f64::from(row[0]))).collect();
                let same = vec![*mean; truth.len()];
                (
                    Figures::Regression(Regression::of(&truth, &predicted)?),
                    Figures::Regression(Regression::of(&truth, &same)?),
                    format!("always the mean, {mean:.4}"),
                )
            }
        };
        Ok(Measured {
            part: part.into(),
            examples: records.records.len(),
            classes: self.classes().map(|classes| classes.names().to_vec()).unwrap_or_default(),
            unknown: sequences.unknown(),
            figures,
            baseline,
            baseline_name,
            other_baselines: Vec::new(),
            predictions: rows.iter().map(|row| self.named(row)).collect(),
        })
    }
}

/// The class of each record, of two around a threshold or of those that there are.
fn class_ids(records: &Records, classes: &Classes, threshold: Option<f64>) -> Result<Vec<u32>> {
    match threshold {
        Some(threshold) => {
            Ok(records.numeric_labels()?.into_iter().map(|value| u32::from(value > threshold)).collect())
        }
        None => records.class_ids(classes),
    }
}

/// A classifier or regressor that is being trained.
#[derive(Debug)]
pub(super) struct Labelled {
    task: Task,
    parts: Parts<Records>,
    sources: Vec<Source>,
    notes: Vec<String>,
    pipeline: LabelledPipeline,
    learner: Learner,
}

impl Labelled {
    /// Reads the data, learns the vocabulary and builds the network.
    pub(super) fn new(config: &TaskConfig) -> Result<Self> {
        let TaskConfig { task, data: options, .. } = config;
        let spec = RecordSpec {
            text: options.text.as_deref(),
            x: options.x.as_deref(),
            x_layout: options.x_layout,
            label: options.label.as_deref(),
            require_label: true,
        };
        let all = Records::read(&options.train, &spec)?;
        config.check_input(all.channels().is_some())?;
        let mut sources = vec![Source::new("train", &all.name, &all.hash)];
        let (classes, strata) = strata(*task, options, &all)?;
        let indices = split(&options.valid, &options.test, config.train.seed, &strata)?;
        let train = all.select(&indices.train);
        let head = match classes {
            Some(classes) => {
                let learnt = class_ids(&train, &classes, options.threshold)?;
                if let Some(id) = (0..classes.len()).find(|&id| !learnt.contains(&(id as u32))) {
                    return Err(Error::Data(format!(
                        "{}: the label {} is in no record of the training part; hold out a smaller share",
                        all.name,
                        quoted(&classes.names()[id])
                    )));
                }
                let majority = majority(&learnt, classes.len())?;
                Head::Classes { classes, threshold: options.threshold, majority }
            }
            None => {
                let learnt = train.numeric_labels()?;
                let name = all.fields.label.clone().unwrap_or_default();
                let scaler = Scaler::fit(ScaleKind::Standard, &name, &learnt, Role::Target)?;
                Head::Number { scaler, mean: mean(&learnt)? }
            }
        };
        let reader = Reader::fit(&train, &config.text)?;
        let pipeline =
            LabelledPipeline { reader, head, fields: all.fields.clone(), x_layout: options.x_layout };
        let mut part = |name: &str, held: &HeldOut, places: &Option<Vec<usize>>| match held {
            HeldOut::Share(_) => Ok(places.as_ref().map(|places| all.select(places))),
            HeldOut::File(path) => {
                let records = Records::read(path, &pipeline.spec(true))?;
                sources.push(Source::new(name, &records.name, &records.hash));
                Ok::<_, Error>(Some(records))
            }
        };
        let valid = part("valid", &options.valid, &indices.valid)?;
        let test = part("test", &options.test, &indices.test)?;
        let parts = Parts { train, valid, test };
        let train = pipeline.examples(&parts.train)?;
        let valid = parts.valid.as_ref().map(|records| pipeline.examples(records)).transpose()?;
        // A label that was never seen is known before the training.
        parts.test.as_ref().map(|records| pipeline.examples(records)).transpose()?;
        let (loss, outputs) = match (&pipeline.head, &train.labels) {
            (Head::Classes { classes, .. }, Labels::Classes(ClassLabels::Once(ids))) => {
                let class_weights = match options.class_weights {
                    ClassWeights::None => Vec::new(),
                    ClassWeights::Balanced => balanced_weights(ids, classes.len())?,
                };
                (Loss::CrossEntropy(CrossEntropy { class_weights, ignore: None }), classes.len())
            }
            _ => (Loss::Mse(Mse), 1),
        };
        let mut notes = Vec::from_iter(left_out(&train.sequences, &pipeline.reader));
        let (input, known) = (pipeline.reader.input(), pipeline.reader.vocabulary());
        let model = first_model(config, input, known, Answers::Once, outputs, &mut notes)?;
        let learner = Learner::new(model, loss, train, valid, &config.train)?;
        Ok(Self { task: *task, parts, sources, notes, pipeline, learner })
    }
}

/// The classes, if there are any, and what every part should have its share of.
fn strata(task: Task, options: &DataOptions, all: &Records) -> Result<(Option<Classes>, Vec<u32>)> {
    if task == Task::Regress {
        let labels = all.numeric_labels()?;
        if let Some(first) = labels.first().filter(|&first| labels.iter().all(|label| label == first)) {
            return Err(Error::Data(format!(
                "{}: every label is {first}, which leaves nothing to learn",
                all.name
            ))
            .advise(text("name another field with ") + key("label")));
        }
        return Ok((None, vec![0; all.records.len()]));
    }
    let classes = match options.threshold {
        Some(threshold) => Classes::of_threshold(threshold)?,
        None => all.classes()?,
    };
    let ids = class_ids(all, &classes, options.threshold)?;
    let shares = [&options.valid, &options.test];
    let held_out = shares.iter().any(|held| matches!(held, HeldOut::Share(share) if *share > 0.0));
    for (id, name) in classes.names().iter().enumerate() {
        let count = ids.iter().filter(|&&other| other as usize == id).count();
        let (problem, advice) = match count {
            0 => (
                format!("no label is {name}"),
                text("a classifier needs both classes, choose another ") + key("threshold"),
            ),
            1 if held_out => (
                format!("the label {} occurs once, so it cannot be both learnt and held out", quoted(name)),
                text("leave it out or add records"),
            ),
            _ => continue,
        };
        return Err(Error::Data(format!("{}: {problem}", all.name)).advise(advice));
    }
    Ok((Some(classes), ids))
}

impl Lesson for Labelled {
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
        to_file(self.task.name(), "labelled", &self.pipeline, &self.learner.model)
    }

    fn measure(&self) -> Result<Vec<Measured>> {
        let evaluate =
            |(part, records): (&str, &Records)| self.pipeline.evaluate(&self.learner.model, part, records);
        self.parts.held_out().map(evaluate).collect()
    }

    fn shown(&self) -> Result<Vec<Shown>> {
        let Some((_, records)) = self.parts.held_out().last() else { return Ok(Vec::new()) };
        let truths: Vec<Truth> = match &self.pipeline.head {
            Head::Classes { classes, threshold, .. } => {
                let ids = class_ids(records, classes, *threshold)?;
                ids.into_iter().map(|id| Truth::Label(classes.names()[id as usize].clone())).collect()
            }
            Head::Number { .. } => records.numeric_labels()?.into_iter().map(Truth::Number).collect(),
        };
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
