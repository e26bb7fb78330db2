//! Reading a text chunk by chunk, and how well it is predicted.

use std::ops::Range;

use ndarray::Array2;
use rayon::prelude::*;

use super::super::learner::log_sum_exp;
use super::streams::stretches;
use crate::loss::CrossEntropy;
use crate::model::{Batch, Model, ModelState};
use crate::scores::PredictedText;
use crate::text::PAD;
use crate::{Layout, Result, Rows};

/// A text whose every token is predicted from those before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub(super) ids: Vec<u32>,
    /// How many characters they stand for.
    pub(super) characters: usize,
    /// −ln p of the spellings of unknown tokens.
    pub(super) spelling: f64,
    /// What the text is read as following.
    pub(super) start: u32,
}

/// Some tokens of several stretches, one chunk of each.
#[derive(Debug)]
pub(super) struct Chunk<'a> {
    reading: &'a Reading,
    /// The tokens to be predicted; those before them are what the network reads.
    ranges: &'a [Range<usize>],
    lengths: Vec<usize>,
    inputs: Array2<u32>,
}

/// Stands for a target that is not to be scored.
const IGNORED: u32 = u32::MAX;

impl<'a> Chunk<'a> {
    pub(super) fn new(reading: &'a Reading, ranges: &'a [Range<usize>]) -> Self {
        let lengths: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
        let time = lengths.iter().copied().max().unwrap_or(0);
        let mut inputs = Array2::from_elem((ranges.len(), time), PAD);
        for (mut row, range) in inputs.rows_mut().into_iter().zip(ranges) {
            let before = |at: usize| at.checked_sub(1).map_or(reading.start, |at| reading.ids[at]);
            row.iter_mut().zip(range.clone()).for_each(|(to, at)| *to = before(at));
        }
        Self { reading, ranges, lengths, inputs }
    }

    /// What the network reads.
    pub(super) fn batch(&self) -> Result<Batch<'_>> {
        Batch::ids(self.inputs.view()).lengths(&self.lengths)
    }

    /// How many tokens are read.
    pub(super) fn tokens(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// The true tokens, in the order of the output's rows; [`IGNORED`] for those of stretch `n` before `from[n]`.
    fn targets_from(&self, layout: &Layout, from: &[usize]) -> Vec<u32> {
        let mut targets = vec![IGNORED; layout.rows()];
        layout.for_each_row(|row, n, t| {
            let at = self.ranges[n].start + t;
            if at >= from[n] {
                targets[row] = self.reading.ids[at];
            }
        });
        targets
    }

    /// The true tokens, in the order of the output's rows.
    pub(super) fn targets(&self, layout: &Layout) -> Vec<u32> {
        self.targets_from(layout, &vec![0; self.ranges.len()])
    }
}

/// The most stretches that a text is scored in side by side: one alone would use a processor badly.
const STRETCHES: usize = 32;

/// A stretch has as many tokens, if the text has.
const SHORTEST: usize = 1024;

/// Every stretch but the first is read from so many tokens before it on, so that the state knows what came before.
const RUN_IN: usize = 256;

/// Tokens that are read at once, and the most numbers that a network returns for them.
const CHUNK: usize = 128;
pub(super) const MOST_LOGITS: usize = 1 << 24;

impl Reading {
    /// What its figures are of.
    pub(super) fn predicted(&self, vocabulary: usize) -> PredictedText {
        PredictedText {
            tokens: self.ids.len() as u64,
            vocabulary: vocabulary as u64,
            characters: self.characters as u64,
            spelling: self.spelling,
        }
    }

    /// The sum of −ln p over all tokens, without dropout. The text is read in one stretch, or in up to 32 side by side
    /// where each has 1024 tokens or more; how does not depend on how the model was trained.
    pub(super) fn nats(&self, model: &Model, vocabulary: usize) -> Result<f64> {
        let loss = CrossEntropy { ignore: Some(IGNORED), ..CrossEntropy::default() };
        let mut sum = 0.0;
        self.read(model, vocabulary, self.side_by_side(), |chunk, output, from| {
            let targets = chunk.targets_from(&output.layout, from);
            let path = model.parameters().path();
            sum += loss.partial_value_and_gradient(path, &output.data, &targets, 1.0, None)?;
            Ok(())
        })?;
        Ok(sum)
    }

    /// ln p of every token, read as for [`nats`](Self::nats), whose sum has other rounding errors.
    pub(super) fn each_token(&self, model: &Model, vocabulary: usize) -> Result<Vec<f64>> {
        self.log_probabilities(model, vocabulary, self.side_by_side())
    }

    /// ln p of every token, without dropout; the text is read in one stretch.
    pub(super) fn each_token_in_order(&self, model: &Model, vocabulary: usize) -> Result<Vec<f64>> {
        self.log_probabilities(model, vocabulary, 1)
    }

    fn log_probabilities(&self, model: &Model, vocabulary: usize, parts: usize) -> Result<Vec<f64>> {
        let mut all = vec![0.0; self.ids.len()];
        self.read(model, vocabulary, parts, |chunk, output, from| {
            let mut rows = Vec::with_capacity(output.layout.rows());
            output.layout.for_each_row(|row, n, t| {
                let at = chunk.ranges[n].start + t;
                if at >= from[n] {
                    rows.push((row, at));
                }
            });
            let of = |&(row, at): &(usize, usize)| {
                let logits = &output.data[row * vocabulary..(row + 1) * vocabulary];
                (at, log_probability(logits, self.ids[at]))
            };
            let found: Vec<(usize, f64)> = rows.par_iter().map(of).collect();
            found.into_iter().for_each(|(at, ln)| all[at] = ln);
            Ok(())
        })?;
        Ok(all)
    }

    /// In how many stretches the text is scored.
    fn side_by_side(&self) -> usize {
        (self.ids.len() / SHORTEST).clamp(1, STRETCHES)
    }

    /// Reads the text in so many stretches side by side, chunk by chunk, and gives what the network makes of each chunk to `take`,
    /// with the first token of each stretch that counts.
    fn read(
        &self,
        model: &Model,
        vocabulary: usize,
        parts: usize,
        mut take: impl FnMut(&Chunk<'_>, &Rows, &[usize]) -> Result<()>,
    ) -> Result<()> {
        let stretches = stretches(self.ids.len(), parts);
        let from: Vec<usize> = stretches.iter().map(|stretch| stretch.start).collect();
        let mut at: Vec<usize> = from.iter().map(|start| start.saturating_sub(RUN_IN)).collect();
        let chunk = (MOST_LOGITS / (stretches.len() * vocabulary).max(1)).clamp(1, CHUNK);
        let mut state: Option<ModelState> = None;
        while at.iter().zip(&stretches).any(|(&at, stretch)| at < stretch.end) {
            let ranges: Vec<Range<usize>> =
                at.iter().zip(&stretches).map(|(&at, stretch)| at..(at + chunk).min(stretch.end)).collect();
            let read = Chunk::new(self, &ranges);
            let (output, after) = model.forward_with_state(&read.batch()?, state.as_ref())?;
            take(&read, &output, &from)?;
            state = Some(after);
            at = ranges.into_iter().map(|range| range.end).collect();
        }
        Ok(())
    }

    /// ln p of every token of each of some texts, without dropout; each is read alone, as if it came after `start`. Texts of
    /// like lengths are read side by side.
    pub(super) fn each_text(
        model: &Model,
        texts: &[Vec<u32>],
        start: u32,
        vocabulary: usize,
    ) -> Result<Vec<Vec<f64>>> {
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&n| texts[n].len());
        let mut all: Vec<Vec<f64>> = texts.iter().map(|text| Vec::with_capacity(text.len())).collect();
        for together in order.chunks(STRETCHES) {
            // Before each text there is a start, which is read and not predicted.
            let mut ids = Vec::new();
            let mut stretches = Vec::new();
            for &n in together {
                ids.push(start);
                stretches.push(ids.len()..ids.len() + texts[n].len());
                ids.extend_from_slice(&texts[n]);
            }
            let reading = Self { characters: ids.len(), spelling: 0.0, start, ids };
            let chunk = (MOST_LOGITS / (together.len() * vocabulary).max(1)).clamp(1, CHUNK);
            let longest = stretches.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
            let mut state: Option<ModelState> = None;
            for from in (0..longest).step_by(chunk) {
                let within = |stretch: &Range<usize>| {
                    let at = |step: usize| (stretch.start + step).min(stretch.end);
                    at(from)..at(from + chunk)
                };
                let ranges: Vec<Range<usize>> = stretches.iter().map(within).collect();
                let read = Chunk::new(&reading, &ranges);
                let (output, after) = model.forward_with_state(&read.batch()?, state.as_ref())?;
                output.layout.for_each_row(|row, n, t| {
                    let logits = &output.data[row * vocabulary..(row + 1) * vocabulary];
                    all[together[n]].push(log_probability(logits, reading.ids[ranges[n].start + t]));
                });
                state = Some(after);
            }
        }
        Ok(all)
    }
}

/// ln p of a token, from the logits of all.
fn log_probability(logits: &[f32], id: u32) -> f64 {
    let [largest, others] = log_sum_exp(logits.iter().map(|&logit| f64::from(logit)));
    f64::from(logits[id as usize]) - largest - others
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::CrossEntropy;
    use crate::model::{Input, RecurrentLayer};

    /// Against the whole text at once, token by token.
    #[test]
    fn a_text_is_scored_as_if_it_were_read_in_one_go() {
        let layer = RecurrentLayer::lstm(6).layers(2_usize).return_sequences(true);
        let model = Model::builder(Input::ids(5)).embedding(4).layer(layer).dense(5).build(3).unwrap();
        for total in [1, 127, 128, 2000, 2100, 5000] {
            let ids: Vec<u32> = (0..total).map(|k: u32| (k * k / 7 + k / 3) % 5).collect();
            let reading = Reading { characters: ids.len(), spelling: 0.0, start: 2, ids };
            let found = reading.nats(&model, 5).unwrap();
            let whole = stretches(reading.ids.len(), 1);
            let chunk = Chunk::new(&reading, &whole);
            assert_eq!(chunk.inputs[[0, 0]], 2);
            let output = model.forward(chunk.batch().unwrap()).unwrap();
            let mean = CrossEntropy::default().value_and_gradient(&output.data, &reading.ids, None).unwrap();
            let expected = mean * reading.ids.len() as f64;
            let each = reading.each_token_in_order(&model, 5).unwrap();
            assert!((expected + each.iter().sum::<f64>()).abs() < 1e-5 * expected, "{total}");
            let stretched = reading.each_token(&model, 5).unwrap();
            assert!((found + stretched.iter().sum::<f64>()).abs() < 1e-6 * expected, "{total}");
            // Each alone, whatever is read beside it.
            let texts: Vec<Vec<u32>> =
                reading.ids.chunks(300).map(<[u32]>::to_vec).chain([Vec::new()]).collect();
            let each = Reading::each_text(&model, &texts, 2, 5).unwrap();
            for (text, each) in texts.iter().zip(each) {
                let sum: f64 = each.iter().sum();
                let alone = Reading { characters: 1, spelling: 0.0, start: 2, ids: text.clone() };
                let expected: f64 = alone.each_token_in_order(&model, 5).unwrap().iter().sum();
                assert!((sum - expected).abs() <= 1e-9 * expected.abs(), "{total}: {sum} {expected}");
            }
            // Of several stretches, the state is that of 256 tokens and no more.
            assert!((found - expected).abs() < 1e-5 * expected, "{total}: {found} {expected}");
        }
    }
}
