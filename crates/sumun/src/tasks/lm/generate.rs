//! Writing on from a prompt, token by token.

use ndarray::{Array2, ArrayView2};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::super::sampling::Sampling;
use super::compose::Writer;
use super::pipeline::LanguagePipeline;
use super::plain_text::unix_lines;
use super::sample::draw;
use super::score::MOST_LOGITS;
use super::until::Until;
use crate::message::key;
use crate::model::{Batch, Model, ModelState};
use crate::{Error, Result};

/// Tokens of a prompt that are read at once.
const CHUNK: usize = 64;

/// Texts that are written side by side at most: more are no faster.
const SIDE_BY_SIDE: usize = 256;

/// A token is one that was just there if it is among so many.
const REMEMBERED: usize = 64;

/// Writes a text piece by piece; the pieces together are the text, and the first ones are the prompt. An error is the
/// last item.
#[derive(Debug)]
pub struct Generator<'a> {
    model: &'a Model,
    pipeline: &'a LanguagePipeline,
    how: Sampling,
    /// Read, but not continued yet.
    read: Vec<u32>,
    state: Option<ModelState>,
    text: Text,
    finished: bool,
}

/// A text that is being written.
#[derive(Debug, Clone)]
struct Text {
    rng: ChaCha8Rng,
    writer: Writer,
    until: Until,
    /// The prompt as far as it can be written.
    prompt: Option<String>,
    /// The last tokens, those of the prompt too.
    last: Vec<u32>,
    left: usize,
    ended: bool,
    /// Whether the prompt ends with a space that the first word piece is to have, as words have it in the training text.
    is_spaced: bool,
}

impl Text {
    /// Draws the next token, of which the network gives the logits of all.
    fn next(&mut self, pipeline: &LanguagePipeline, how: &Sampling, network: &[f32]) -> Result<u32> {
        self.left -= 1;
        let mut logits = pipeline.answer(network, &self.last);
        if self.is_spaced {
            let vocabulary = pipeline.tokens.vocabulary.tokens();
            let others =
                logits.to_mut().iter_mut().zip(vocabulary).filter(|(_, token)| !token.starts_with(' '));
            others.for_each(|(logit, _)| *logit = f32::NEG_INFINITY);
        }
        let remembered = &self.last[self.last.len().saturating_sub(REMEMBERED)..];
        let drawn = draw(&how.distribution(&logits, remembered)?, &mut self.rng);
        self.last.push(drawn);
        Ok(drawn)
    }

    /// What of a token can be written now.
    fn write(&mut self, token: &str) -> String {
        let piece = self.writer.token(token);
        let written = if std::mem::take(&mut self.is_spaced) { 1 } else { 0 };
        let piece = self.until.push(piece.get(written..).unwrap_or_default());
        self.ended = self.until.is_met();
        piece
    }

    /// What is left to write.
    fn finish(&mut self) -> String {
        let last = self.writer.finish();
        self.until.push(&last) + &self.until.finish()
    }
}

impl LanguagePipeline {
    /// What is read before a text begins, and the text before it is written.
    fn begun(&self, prompt: &str, how: &Sampling) -> Result<(Vec<u32>, Text)> {
        how.check()?;
        let prompt = unix_lines(prompt);
        let mut read = vec![self.tokens.start()];
        read.extend(self.tokens.encode_prompt(&prompt)?);
        let is_spaced = self.tokens.leaves_a_space(read.last());
        read.truncate(read.len() - usize::from(is_spaced));
        let mut writer = Writer::new(&self.tokens.tokenizer);
        let prompt = Some(writer.prompt(&prompt)).filter(|text| !text.is_empty());
        let rng = ChaCha8Rng::seed_from_u64(how.seed);
        let until = Until::new(how.stop.clone());
        let last = read[1..].to_vec();
        Ok((read, Text { rng, writer, until, prompt, last, left: how.length, ended: false, is_spaced }))
    }

    /// As [`TrainedTask::generate`](super::super::TrainedTask::generate).
    pub fn generate<'a>(&'a self, model: &'a Model, prompt: &str, how: &Sampling) -> Result<Generator<'a>> {
        let (read, text) = self.begun(prompt, how)?;
        let how = how.clone();
        Ok(Generator { model, pipeline: self, how, read, state: None, text, finished: false })
    }

    /// As [`TrainedTask::generate_many`](super::super::TrainedTask::generate_many).
    pub fn generate_many(
        &self,
        model: &Model,
        prompt: &str,
        how: &Sampling,
        samples: usize,
    ) -> Result<Vec<String>> {
        if samples == 0 {
            return Err(Error::setting(key("samples"), "0".to_owned(), "at least 1"));
        }
        let (read, text) = self.begun(prompt, how)?;
        let most = (MOST_LOGITS / self.vocabulary()).clamp(1, SIDE_BY_SIDE);
        let mut all = Vec::new();
        for first in (0..samples).step_by(most) {
            let of = |n: usize| {
                let mut text = text.clone();
                // Stream 0 is that of a text alone.
                text.rng.set_stream(n as u64);
                text
            };
            let texts = (first..samples.min(first + most)).map(of).collect();
            all.extend(self.side_by_side(model, how, &read, texts)?);
        }
        Ok(all)
    }

    /// Writes texts that follow the same prompt, a token of each at a time.
    fn side_by_side(
        &self,
        model: &Model,
        how: &Sampling,
        read: &[u32],
        mut texts: Vec<Text>,
    ) -> Result<Vec<String>> {
        let (count, width) = (texts.len(), self.vocabulary());
        let mut written: Vec<String> =
            texts.iter_mut().map(|text| text.prompt.take().unwrap_or_default()).collect();
        let chunk = (MOST_LOGITS / (count * width).max(1)).clamp(1, CHUNK);
        let mut state: Option<ModelState> = None;
        let mut ahead: Vec<Array2<u32>> = read
            .chunks(chunk)
            .map(|ids| Array2::from_shape_fn((count, ids.len()), |(_, t)| ids[t]))
            .collect();
        loop {
            let mut logits = vec![0.0; count * width];
            for ids in ahead.drain(..) {
                let (output, after) = model.forward_with_state(Batch::ids(ids.view()), state.as_ref())?;
                let last = ids.ncols() - 1;
                output.layout.for_each_row(|row, n, t| {
                    if t == last {
                        let found = &output.data[row * width..(row + 1) * width];
                        logits[n * width..(n + 1) * width].copy_from_slice(found);
                    }
                });
                state = Some(after);
            }
            let mut next = Array2::from_elem((count, 1), self.tokens.start());
            for (n, text) in texts.iter_mut().enumerate().filter(|(_, text)| !text.ended) {
                let id = text.next(self, how, &logits[n * width..(n + 1) * width])?;
                next[[n, 0]] = id;
                written[n] += &text.write(self.tokens.vocabulary.token(id).unwrap_or_default());
                if text.left == 0 || text.ended {
                    text.ended = true;
                    written[n] += &text.finish();
                }
            }
            if texts.iter().all(|text| text.ended) {
                return Ok(written);
            }
            ahead.push(next);
        }
    }
}

impl Generator<'_> {
    /// The next token, after those that were read.
    fn next_token(&mut self) -> Result<u32> {
        let mut logits = Vec::new();
        for ids in std::mem::take(&mut self.read).chunks(CHUNK) {
            let batch = ArrayView2::from_shape((1, ids.len()), ids)
                .map_err(|error| Error::Invalid(format!("the prompt: {error}")))?;
            let (output, state) = self.model.forward_with_state(Batch::ids(batch), self.state.as_ref())?;
            self.state = Some(state);
            logits = output.into_data();
        }
        let last = logits.len().saturating_sub(self.pipeline.vocabulary());
        let drawn = self.text.next(self.pipeline, &self.how, &logits[last..])?;
        self.read.push(drawn);
        Ok(drawn)
    }
}

impl Iterator for Generator<'_> {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Result<String>> {
        if let Some(prompt) = self.text.prompt.take() {
            return Some(Ok(prompt));
        }
        let mut piece = String::new();
        while piece.is_empty() && !self.finished {
            if self.text.left == 0 || self.text.ended {
                self.finished = true;
                piece = self.text.finish();
                break;
            }
            match self.next_token() {
                Ok(id) => {
                    piece = self.text.write(self.pipeline.tokens.vocabulary.token(id).unwrap_or_default());
                }
                Err(error) => {
                    self.finished = true;
                    return Some(Err(error));
                }
            }
        }
        (!piece.is_empty()).then_some(Ok(piece))
    }
}
