//! Writing on from a prompt, token by token.

use ndarray::ArrayView2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::compose::Writer;
use super::pipeline::LanguagePipeline;
use super::plain_text::unix_lines;
use super::sample::{Sampling, draw};
use crate::model::{Batch, Model, ModelState};
use crate::{Error, Result};

/// Tokens of a prompt that are read at once.
const CHUNK: usize = 64;

/// Writes a text piece by piece; the pieces together are the text, and the first ones are the prompt. An error is the
/// last item.
#[derive(Debug)]
pub struct Generator<'a> {
    model: &'a Model,
    pipeline: &'a LanguagePipeline,
    how: Sampling,
    rng: ChaCha8Rng,
    writer: Writer,
    /// The prompt as far as it can be written.
    prompt: Option<String>,
    /// Read, but not continued yet.
    read: Vec<u32>,
    state: Option<ModelState>,
    left: usize,
    finished: bool,
}

impl LanguagePipeline {
    /// As [`TrainedTask::generate`](super::super::TrainedTask::generate).
    pub fn generate<'a>(&'a self, model: &'a Model, prompt: &str, how: &Sampling) -> Result<Generator<'a>> {
        how.check()?;
        let prompt = unix_lines(prompt);
        let mut read = vec![self.tokens.start()];
        read.extend(self.tokens.encode_prompt(&prompt)?);
        let mut writer = Writer::new(self.tokens.tokenizer.unit);
        let prompt = Some(writer.prompt(&prompt)).filter(|text| !text.is_empty());
        let rng = ChaCha8Rng::seed_from_u64(how.seed);
        let (how, left) = (*how, how.length);
        Ok(Generator {
            model,
            pipeline: self,
            how,
            rng,
            writer,
            prompt,
            read,
            state: None,
            left,
            finished: false,
        })
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
        let drawn = draw(&self.how.distribution(&logits[last..])?, &mut self.rng);
        self.read.push(drawn);
        Ok(drawn)
    }
}

impl Iterator for Generator<'_> {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Result<String>> {
        if let Some(prompt) = self.prompt.take() {
            return Some(Ok(prompt));
        }
        let mut piece = String::new();
        while piece.is_empty() && !self.finished {
            if self.left == 0 {
                self.finished = true;
                piece = self.writer.finish();
                break;
            }
            self.left -= 1;
            match self.next_token() {
                Ok(id) => {
                    piece = self.writer.token(self.pipeline.tokens.vocabulary.token(id).unwrap_or_default())
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
