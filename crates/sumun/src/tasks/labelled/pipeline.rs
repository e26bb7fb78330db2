//! How records become sequences, and a network's outputs labels.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::baselines::{Guesses, Part, Rivals, best_first};
use super::super::example::{Answers, Example, ExampleOf, no_tokens, some_of, vocabulary};
use super::super::figures::{AttentionWeights, Baseline, Measured, Prediction, Predictions, Unknown, finite};
use super::super::inputs::{Reader, Sequences};
use super::super::learner::{attention, outputs};
use super::super::portable;
use super::super::task::{How, Pipeline};
use super::super::trained::check_network;
use super::Head;
use super::together::Together;
use crate::data::{NumberForm, ReadOptions, quoted};
use crate::message::{key, text};
use crate::model::{AttentionLayer, LayerConfig, Model};
use crate::records::{Classes, Fields, Form, Lists, RecordSpec, Records, XLayout};
use crate::{Error, Result};

/// How records become sequences and a network's outputs become labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "H: Head")]
pub struct LabelledPipeline<H> {
    pub(super) reader: Reader,
    pub(super) head: H,
    /// The fields that were read, to be read again.
    pub(super) fields: Fields,
    pub(super) x_layout: XLayout,
    /// How labels are separated, where a record may have several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lists: Option<Lists>,
    /// How the rows of the training file are records, for other files of its kind.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub(super) form: Form,
    /// The steps of a window and those between two, where sequences are cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) windows: Option<[usize; 2]>,
    /// What is said about how files are written.
    #[serde(default, skip_serializing_if = "ReadOptions::is_default")]
    pub(super) reading: ReadOptions,
    /// How labels were written, where they are numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) label_form: Option<NumberForm>,
    /// The simple models that the network is measured against beside the simplest guess; those of a training that has not
    /// ended, and of earlier versions, are none.
    #[serde(default, skip_serializing_if = "Rivals::is_none")]
    pub(super) rivals: Rivals,
    /// How the network and the linear model answer together; None where the network answers alone, as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) together: Option<Together>,
}

/// The name of the network where it does not answer alone: a simpler model than both together.
const NETWORK: &str = "the network alone";

fn is_usual(form: &Form) -> bool {
    *form == Form::default()
}

impl<H: Head> LabelledPipeline<H> {
    /// Which fields of another file are read, one to predict from where no label is required.
    pub fn spec(&self, require_label: bool) -> RecordSpec<'_> {
        let input = Some(self.fields.input.as_str());
        let (text, x) = match self.reader {
            Reader::Numbers { .. } => (None, input),
            _ => (input, None),
        };
        let label = self.fields.label.as_deref();
        RecordSpec {
            text,
            x,
            x_layout: Some(self.x_layout),
            label,
            require_label,
            lists: self.lists,
            form: Some(&self.form),
            series: None,
            time: None,
            window: self.windows.map(|[window, _]| window),
            stride: self.windows.map(|[_, stride]| stride),
            to_predict: !require_label,
        }
    }

    /// The labelled records of another file, with numbers as programs write them.
    pub(super) fn read(&self, path: &Path) -> Result<Records> {
        let mut records = Records::read_with(path, &self.spec(true), &self.reading)?;
        if let Some(form) = &self.label_form {
            let (_, note) = records.plain_labels(&self.reading, Some(form))?;
            records.notes.extend(note);
        }
        Ok(records)
    }

    /// What the model makes of each record.
    pub fn predict(&self, model: &Model, records: &Records) -> Result<Vec<Prediction>> {
        Ok(self.predictions(model, records)?.0)
    }

    /// As [`predict`](Self::predict), with how many tokens of the records the vocabulary lacks.
    fn predictions(&self, model: &Model, records: &Records) -> Result<(Vec<Prediction>, Option<Unknown>)> {
        let places = self.reader.readable(records);
        let mut predictions: Vec<Prediction> =
            records.records.iter().map(|record| Prediction::Unknown { line: record.line }).collect();
        if places.is_empty() {
            return Ok((predictions, None));
        }
        let read = records.select(&places);
        let sequences = self.reader.read(&read)?;
        let scores = if self.has_linear() { self.rivals.scores(&read) } else { None };
        let rows = self.answers(outputs(model, &sequences)?, scores);
        for (&place, row) in places.iter().zip(rows) {
            predictions[place] = self.head.named(&row);
        }
        Ok((predictions, sequences.unknown()))
    }

    /// How much each step of each record counts in its output; None of a model that does not pool by attention. A record
    /// with nothing to read has no weights.
    pub fn attention(&self, model: &Model, records: &Records) -> Result<Option<Vec<AttentionWeights>>> {
        let places = self.reader.readable(records);
        let sequences = self.reader.read(&records.select(&places))?;
        let Some(all) = attention(model, &sequences)? else { return Ok(None) };
        let mut each =
            vec![AttentionWeights { tokens: Vec::new(), weights: Vec::new() }; records.records.len()];
        for (&place, weights) in places.iter().zip(all) {
            each[place] = AttentionWeights { tokens: self.reader.tokens(&records.records[place]), weights };
        }
        Ok(Some(each))
    }

    /// The names of the classes, in the order of a prediction's probabilities; None where it is a number.
    pub fn classes(&self) -> Option<&Classes> {
        self.head.classes()
    }

    /// Whether the linear model answers with the network.
    fn has_linear(&self) -> bool {
        self.together.is_some_and(Together::has_linear)
    }

    /// The answers for records that are made of the network's outputs for them, and of what the linear model says of them, where it
    /// answers too.
    fn answers(&self, outputs: Vec<Vec<f32>>, scores: Option<Vec<Vec<f64>>>) -> Vec<Vec<f32>> {
        let Some(together) = self.together else { return outputs };
        let scores = self.as_outputs(scores);
        let score = |place: usize| scores.as_ref().map(|scores| scores[place].as_slice());
        outputs.iter().enumerate().map(|(place, row)| together.of(row, score(place))).collect()
    }

    /// What the linear model says of records, in units of the network's outputs.
    fn as_outputs(&self, scores: Option<Vec<Vec<f64>>>) -> Option<Vec<Vec<f64>>> {
        scores.map(|scores| scores.into_iter().map(|scores| self.head.as_outputs(scores)).collect())
    }

    /// Fits how the network and, if it is `wanted`, the linear model answer together.
    pub(super) fn fit_together(
        &mut self,
        model: &Model,
        valid: Option<&Records>,
        wanted: bool,
    ) -> Result<()> {
        let Some(valid) = valid else { return Ok(()) };
        let said = if wanted { self.rivals.scores(valid) } else { None };
        let scores = self.as_outputs(said.clone());
        if scores.is_none() && self.classes().is_none() {
            // A number alone has nothing to be calibrated.
            return Ok(());
        }
        let outputs = outputs(model, &self.reader.read(valid)?)?;
        let truth = self.head.wanted(self.head.truth(valid)?);
        self.together = Some(Together::fit(&outputs, scores.as_deref(), &truth));
        if self.head.several() {
            let answers = self.answers(outputs.clone(), said.filter(|_| self.has_linear()));
            self.head.choose(&outputs, &answers, &truth);
        }
        Ok(())
    }

    /// Fits the simple models that the network is measured against.
    pub(super) fn fit_rivals(&mut self, train: &Records, valid: Option<&Records>) -> Result<()> {
        let read =
            |records: &Records| Ok::<_, Error>((self.reader.read(records)?, self.head.truth(records)?));
        let (sequences, truth) = read(train)?;
        let held = valid.map(|records| read(records).map(|read| (records, read))).transpose()?;
        let held = held.as_ref().map(|(records, (sequences, truth))| Part { records, sequences, truth });
        let classes = self.classes().map_or(0, Classes::len);
        self.rivals =
            Rivals::fit(Part { records: train, sequences: &sequences, truth: &truth }, held, classes);
        Ok(())
    }

    /// Measures the model and the baselines on labelled records. Every prediction for a label that was not learnt is wrong.
    pub fn evaluate(&self, model: &Model, part: &str, records: &Records) -> Result<Measured> {
        let sequences = self.reader.read(records)?;
        let alone = outputs(model, &sequences)?;
        let network = self.has_linear().then(|| (NETWORK.to_owned(), self.head.guesses_alone(&alone)));
        let guessed = self.rivals.guesses(records, &sequences);
        let rows = self.answers(alone.clone(), guessed.scores.filter(|_| self.has_linear()));
        let figures = self.head.judged(records, &self.head.guesses(&rows))?;
        let answers = self.together.map(|_| rows.as_slice());
        let figures = self.head.calibrated(figures, records, &alone, answers)?;
        let mut notes = records.notes.clone();
        notes.extend(self.head.unseen(part, records)?);
        notes.extend(guessed.notes);
        let judged = |(name, guesses): (String, Guesses)| {
            Ok::<_, Error>(Baseline { name, figures: self.head.judged(records, &guesses)? })
        };
        let simplest = judged(self.head.simplest(records.records.len()))?;
        let others = network.into_iter().chain(guessed.models).map(judged).collect::<Result<Vec<_>>>()?;
        let (best, other_baselines) = best_first(simplest, others);
        Ok(Measured {
            part: part.into(),
            examples: records.records.len(),
            classes: self.head.all_names(records),
            unknown: sequences.unknown(),
            figures,
            baseline: best.figures,
            baseline_name: best.name,
            other_baselines,
            predictions: finite(rows.iter().map(|row| self.head.named(row)).collect())?,
            notes,
        })
    }

    /// Some of the records as the network reads them.
    pub(super) fn heard(&self, records: &Records) -> Result<Vec<Example>> {
        let read = |place: usize| {
            let one = records.select(&[place]);
            Ok(self.as_read(self.reader.read(&one)?, self.reader.tokens(&one.records[0])))
        };
        let all = some_of(records.records.len()).map(read).collect::<Result<Vec<Example>>>()?;
        Ok(all.into_iter().filter(|one| !one.steps.is_empty()).collect())
    }

    /// A record as the network reads it, and what its outputs are.
    fn as_read(&self, sequences: Sequences, tokens: Vec<String>) -> Example {
        let steps = match tokens.is_empty() {
            true => (1..=sequences.lengths()[0]).map(|step| step.to_string()).collect(),
            false => tokens,
        };
        let number = |x: f32| match self.head.named(&[x]) {
            Prediction::Number(value) => value,
            _ => f64::from(x),
        };
        let answers = match self.classes() {
            Some(labels) if self.head.several() => Answers::Labels(labels.names().to_vec()),
            Some(classes) => Answers::Classes(classes.names().to_vec()),
            None => Answers::Number { offset: number(0.0), scale: number(1.0) - number(0.0) },
        };
        let features = match &self.reader {
            Reader::Numbers { scalers } => (1..=scalers.len()).map(|n| format!("channel {n}")).collect(),
            Reader::Text { .. } | Reader::Tokens { .. } => Vec::new(),
        };
        let weight = self.together.unwrap_or(Together::ALONE).network;
        Example { features, weight, ..Example::new(steps, sequences, answers) }
    }
}

impl<H: Head> Pipeline for LabelledPipeline<H> {
    const KIND: &'static str = "labelled";
    const ATTENDS: bool = true;

    fn check(&self, model: &Model) -> Result<()> {
        self.reader.check()?;
        check_network(model, self.reader.input(), &[None, Some(self.head.outputs()?)])?;
        let features = match &self.reader {
            Reader::Numbers { scalers } => scalers.len(),
            Reader::Text { .. } | Reader::Tokens { .. } => 0,
        };
        if let Some(problem) = self.together.and_then(|together| together.problem(self.rivals.is_linear())) {
            return Err(Error::Model(format!("its pipeline cannot be used: {problem}")));
        }
        if self.head.several() != self.lists.is_some() {
            let read = if self.lists.is_some() { "lists of labels" } else { "one label" };
            return Err(Error::Model(format!("its pipeline cannot be used: it reads {read} of each record")));
        }
        self.rivals
            .check(self.classes().map_or(0, Classes::len), self.head.several(), features)
            .map_err(|problem| Error::Model(format!("its pipeline cannot be used: {problem}")))
    }

    fn portable(&self, _model: &Model) -> std::result::Result<Map<String, Value>, String> {
        if self.windows.is_some() {
            return Err("recordings that are cut into windows".into());
        }
        let field = match self.form {
            Form::Fields => self.fields.input.as_str(),
            // The rows of such files are records in a way of their own.
            _ => "x",
        };
        let mut fields = Map::new();
        fields.insert("field".into(), field.into());
        let layout = if self.form == Form::Fields { self.x_layout } else { XLayout::ChannelTime };
        let mut reads = portable::reads(&self.reader, Some(layout.to_string()))?;
        let together = self.together.unwrap_or(Together::ALONE);
        if together.has_linear() {
            fields.insert("linear".into(), self.rivals.portable());
            reads[portable::WORD_CLASSES] = portable::classes_of_words();
        }
        fields.insert(portable::READS.into(), reads);
        fields.insert("together".into(), json!(together));
        fields.insert("returns".into(), self.head.portable()?);
        Ok(fields)
    }

    fn tokenizer_json(&self) -> Option<String> {
        self.reader.tokenizer_json()
    }

    fn example(&self, _model: &Model, of: ExampleOf<'_>) -> Result<Option<Example>> {
        let (sequences, tokens, mut notes) = match (of, &self.reader) {
            (ExampleOf::Text(written), Reader::Text { tokenizer, words }) => {
                let tokens = tokenizer.tokens(written);
                if tokens.is_empty() {
                    return Err(no_tokens());
                }
                let read = words.read(std::iter::once(tokens.as_slice()))?;
                (Sequences::of_words(read), tokens, Vec::new())
            }
            (ExampleOf::Text(written), _) => {
                return Err(Error::Data(format!(
                    "the model reads numbers, and {} is no file with them; give one",
                    quoted(written)
                )));
            }
            (ExampleOf::Record(file, _), _) => {
                let records = Records::read_with(file, &self.spec(false), &self.reading)?;
                let one = records.select(&[of.place(records.records.len())?]);
                (self.reader.read(&one)?, self.reader.tokens(&one.records[0]), records.notes)
            }
        };
        let together = self.together.unwrap_or(Together::ALONE);
        if together.has_linear() {
            let Together { network, linear } = together;
            notes.push(format!(
                "in an answer the outputs of the network count {network:.2} times and those of the linear model {linear:.2} times"
            ));
        }
        let example = Example { what: of.what("record"), notes, ..self.as_read(sequences, tokens) };
        Ok(Some(Example { vocabulary: self.reader.words().map(vocabulary).transpose()?, ..example }))
    }

    fn class_names(&self) -> &[String] {
        self.classes().map_or(&[], |classes| classes.names())
    }

    fn thresholds(&self) -> &[f64] {
        self.head.thresholds()
    }

    fn beside(&self) -> Option<&'static str> {
        self.has_linear().then_some("a linear model of its words")
    }

    fn tokens(&self) -> Option<&[String]> {
        self.reader.vocabulary().map(|vocabulary| vocabulary.tokens())
    }

    fn predict_file(&self, model: &Model, file: &Path, how: &How) -> Result<Predictions> {
        let pools = |layer: &LayerConfig| layer.get::<AttentionLayer>().is_some();
        if how.attention && !model.config().layers.iter().any(pools) {
            let train = text("train one with ") + key("pool").to("attention") + ", or leave ";
            return Err(Error::Model("its steps have no attention weights".into())
                .advise(train + key("attention") + " out"));
        }
        let records = Records::read_with(file, &self.spec(false), &self.reading)?;
        let attention = if how.attention { self.attention(model, &records)? } else { None };
        let (predictions, unknown) = self.predictions(model, &records)?;
        let Records { name, beside, mut notes, .. } = records;
        let empty = predictions.iter().filter(|one| matches!(one, Prediction::Unknown { .. })).count();
        if empty > 0 {
            let all = predictions.len();
            notes.push(format!("{name}: {empty} of {all} texts have nothing to read; they are unknown"));
        }
        Ok(Predictions {
            classes: self.class_names().to_vec(),
            thresholds: self.head.thresholds().to_vec(),
            attention: attention.unwrap_or_default(),
            unknown,
            predictions,
            beside,
            notes,
            ..Predictions::default()
        })
    }

    fn evaluate_file(&self, model: &Model, file: &Path) -> Result<Measured> {
        let records = self.read(file)?;
        self.evaluate(model, &records.name, &records)
    }
}
