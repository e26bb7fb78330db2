//! How a network's outputs become tags, each by itself or those of a sentence together, and how good they are.

use super::super::figures::{Prediction, softmax};
use super::super::learner::{Decode, TIE, UNSEEN, argmax, by_mistakes, tie};
use crate::loss::CrossEntropy;
use crate::model::Model;
use crate::nn::{Crf, TagRules, UNKNOWN_TAG};
use crate::records::Classes;
use crate::scores::{SpanScheme, Spans, is_bio};
use crate::train::Validated;
use crate::{Layout, Parameters, Result, Rows};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Sentences whose tags are found at once.
const BATCH: usize = 64;

/// How the tags of a sentence are chosen together, by the conditional random field that a network ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Together {
    /// What may follow what; anything where it is None.
    pub(super) scheme: Option<SpanScheme>,
}

impl Together {
    /// The rules of the scheme for these tags.
    pub(super) fn rules(self, tags: &Classes) -> Result<Option<TagRules>> {
        let name = |tag: Option<usize>| tag.map(|tag| tags.names()[tag].as_str());
        let of = |scheme: SpanScheme| TagRules::new(tags.len(), |from, to| scheme.may(name(from), name(to)));
        self.scheme.map(of).transpose()
    }
}

/// How outputs become tags, those of a tagger's model.
#[derive(Debug, Clone)]
pub(super) struct Decoding {
    names: Vec<String>,
    rules: Option<TagRules>,
}

/// The tags of a sentence, and how probable each is.
pub(super) type Tagged = (Vec<u32>, Vec<f64>);

impl Decoding {
    pub(super) fn new(tags: &Classes, together: Option<Together>) -> Result<Self> {
        let rules = together.map(|together| together.rules(tags)).transpose()?.flatten();
        Ok(Self { names: tags.names().to_vec(), rules })
    }

    /// The tags of each sentence from its rows of outputs.
    pub(super) fn tags(&self, model: &Model, outputs: &[Vec<f32>]) -> Result<Vec<Vec<u32>>> {
        let Some(crf) = model.crf() else {
            let best = |rows: &Vec<f32>| rows.chunks_exact(self.names.len()).map(argmax).collect();
            return Ok(outputs.iter().map(best).collect());
        };
        let mut all = Vec::with_capacity(outputs.len());
        for some in outputs.chunks(BATCH) {
            let rows = self.packed(some)?;
            let tags = crf.decode(model.parameters(), &rows, self.rules())?;
            let mut each = vec![Vec::new(); some.len()];
            rows.layout.for_each_row(|row, n, _| each[n].push(tags[row]));
            all.append(&mut each);
        }
        Ok(all)
    }

    /// As [`tags`](Self::tags), with the probability of each tag: given the rows of its sentence where tags are chosen together, of
    /// its own row else.
    pub(super) fn probable(&self, model: &Model, outputs: &[Vec<f32>]) -> Result<Vec<Tagged>> {
        let (all, width) = (self.tags(model, outputs)?, self.names.len());
        let Some(crf) = model.crf() else {
            let of = |(tags, rows): (Vec<u32>, &Vec<f32>)| {
                let rows = rows.chunks_exact(width).zip(&tags);
                let probabilities = rows.map(|(row, &tag)| softmax(row)[tag as usize]).collect();
                (tags, probabilities)
            };
            return Ok(all.into_iter().zip(outputs).map(of).collect());
        };
        let mut found: Vec<Tagged> = all.into_iter().map(|tags| (tags, Vec::new())).collect();
        for (some, found) in outputs.chunks(BATCH).zip(found.chunks_mut(BATCH)) {
            let marginals = crf.marginals(model.parameters(), &self.packed(some)?, self.rules())?;
            marginals.layout.for_each_row(|row, n, t| {
                let tag = found[n].0[t] as usize;
                found[n].1.push(f64::from(marginals.data[row * width + tag]));
            });
        }
        Ok(found)
    }

    /// Tags by their names.
    pub(super) fn named(&self, (tags, probabilities): Tagged) -> Prediction {
        let tags = tags.into_iter().map(|tag| self.names[tag as usize].clone()).collect();
        Prediction::Tags { tags, probabilities }
    }

    /// The mean loss of the steps that it can be said of.
    fn loss(&self, model: &Model, outputs: &[Vec<f32>], truth: &[Vec<u32>]) -> Result<f64> {
        let Some(crf) = model.crf() else {
            let loss = CrossEntropy { ignore: Some(UNSEEN), ..CrossEntropy::default() };
            let path = model.parameters().path();
            return loss.value_and_gradient_on(path, &outputs.concat(), &truth.concat(), None);
        };
        let (mut sum, mut all) = (0.0, 0.0);
        for (some, truth) in outputs.chunks(BATCH).zip(truth.chunks(BATCH)) {
            let rows = self.packed(some)?;
            let mut targets = vec![0; rows.layout.rows()];
            rows.layout.for_each_row(|row, n, t| targets[row] = truth[n][t]);
            let (loss, weight) = crf.loss(model.parameters(), &rows, &targets, self.rules())?;
            sum += loss * weight;
            all += weight;
        }
        Ok(if all > 0.0 { sum / all } else { 0.0 })
    }

    /// The weights of how tags follow each other, and what may follow what as rows of 1 and 0, for a program in another language.
    pub(super) fn portable(&self, crf: &Crf, parameters: &Parameters) -> Value {
        let all = || (0..self.names.len()).map(Some);
        let written = |rules: &TagRules,
                       from: &mut dyn Iterator<Item = Option<usize>>,
                       to: &[Option<usize>]| {
            let row =
                |from| to.iter().map(|&to| if rules.may(from, to) { '1' } else { '0' }).collect::<String>();
            from.map(row).collect::<Vec<_>>()
        };
        let tags: Vec<Option<usize>> = all().collect();
        let rules = self.rules().map(|rules| {
            json!({
                "start": written(rules, &mut std::iter::once(None), &tags),
                "transitions": written(rules, &mut all(), &tags),
                "end": written(rules, &mut all(), &[None]),
            })
        });
        json!({
            "start": parameters.value(crf.start()),
            "transitions": parameters.value(crf.transitions()).chunks(self.names.len()).collect::<Vec<_>>(),
            "end": parameters.value(crf.end()),
            "rules": rules,
        })
    }

    /// Rows of some sentences for the layer that reads them together.
    fn packed(&self, some: &[Vec<f32>]) -> Result<Rows> {
        let width = self.names.len();
        let lengths: Vec<usize> = some.iter().map(|rows| rows.len() / width).collect();
        let layout = Layout::ragged(&lengths, lengths.iter().copied().max().unwrap_or(0))?;
        let mut data = vec![0.0; layout.rows() * width];
        layout.for_each_row(|row, n, t| {
            data[row * width..][..width].copy_from_slice(&some[n][t * width..][..width]);
        });
        Rows::new(data, width, layout)
    }
}

impl Decode for Decoding {
    fn rules(&self) -> Option<&TagRules> {
        self.rules.as_ref()
    }

    fn validated(
        &self,
        model: &Model,
        outputs: &[Vec<f32>],
        truth: &[Vec<u32>],
    ) -> Result<Option<Validated>> {
        let spans = is_bio(&self.names);
        if !spans && model.crf().is_none() {
            return Ok(None);
        }
        let (loss, tags) = (self.loss(model, outputs, truth)?, self.tags(model, outputs)?);
        if spans {
            let name = |&tag: &u32| self.names.get(tag as usize).map_or(UNLEARNT, String::as_str);
            let named = |all: &[Vec<u32>]| -> Vec<Vec<&str>> {
                all.iter().map(|tags| tags.iter().map(name).collect()).collect()
            };
            let f1 = Spans::of(&named(truth), &named(&tags))?.all.f1;
            return Ok(Some(Validated {
                watched: 1.0 - f1 + TIE * tie(loss),
                loss,
                figures: vec![("span_f1", f1)],
            }));
        }
        let each = || truth.iter().flatten().zip(tags.iter().flatten());
        let wrong = each().filter(|(truth, tag)| truth != tag).count();
        Ok(Some(by_mistakes(wrong, each().count(), loss)))
    }
}

// What was not learnt is what the loss leaves out.
const _: () = assert!(UNSEEN == UNKNOWN_TAG);

/// The name of a tag that was not learnt: a span that no prediction finds.
const UNLEARNT: &str = "S-\u{fffd}";
