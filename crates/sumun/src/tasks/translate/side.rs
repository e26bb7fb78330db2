//! One side of the pairs: how its texts become ids, and ids texts.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::cutter::Cutter;
use super::super::lm::Writer;
use super::super::options::TextOptions;
use super::super::portable;
use super::super::words::vocabulary;
use crate::message::{key, text};
use crate::settings::Level;
use crate::text::{UNK, Vocabulary};
use crate::{Error, Result};

/// How the texts of a side become ids. The id after those of the vocabulary is its end: no text has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Side {
    tokenizer: Cutter,
    vocabulary: Vocabulary,
}

impl Side {
    /// Learns the vocabulary of the training part's texts; `what` says which side it is. Errors: no token is seen as often
    /// as it must be; more tokens than are taken unasked.
    pub(super) fn fit<'a>(
        what: &str,
        texts: impl Iterator<Item = &'a str> + Clone,
        level: Level,
        options: &TextOptions,
    ) -> Result<Self> {
        let tokenizer = Cutter::fit(texts.clone(), options, level, true)?;
        let vocabulary = match tokenizer.vocabulary() {
            Some(vocabulary) => vocabulary?,
            None => vocabulary(texts.flat_map(|text| tokenizer.tokens(text)), options)?,
        };
        let side = Self { tokenizer, vocabulary };
        side.check().map_err(|_| {
            Error::Data(format!("no token of the {what}s is seen {} times", options.min_count))
                .advise(text("give more pairs or a smaller ") + key("min_count"))
        })?;
        Ok(side)
    }

    /// Whether there are tokens and one for what is unknown, as there are unless a file was tampered with.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(problem) = self.tokenizer.problem(&self.vocabulary) {
            return Err(Error::Model(problem.into()));
        }
        if self.vocabulary.has_specials() && self.vocabulary.len() > UNK as usize + 1 {
            return Ok(());
        }
        Err(Error::Model("its vocabulary has no token beside <PAD> and <UNK>, or not these".into()))
    }

    /// How many ids there are without the end.
    pub(super) fn size(&self) -> usize {
        self.vocabulary.len()
    }

    /// The id that ends a text, and that the first token is read as following.
    pub(super) fn end(&self) -> u32 {
        self.vocabulary.len() as u32
    }

    /// The vocabulary.
    pub(super) fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// How texts become ids, as data that a program in another language follows. Error: what of it cannot be said.
    pub(super) fn portable(&self) -> std::result::Result<Value, String> {
        portable::text(&self.tokenizer, &self.vocabulary)
    }

    /// The same of how ids become texts.
    pub(super) fn portable_for_writing(&self) -> std::result::Result<Value, String> {
        let text = self.portable()?;
        let before = &text[portable::PIECES]["before"];
        Ok(json!({ "unit": text["unit"], "vocabulary": text["vocabulary"], "before": before }))
    }

    /// The tokens of a text, known or not.
    pub(super) fn tokens(&self, text: &str) -> Vec<String> {
        self.tokenizer.tokens(text)
    }

    /// A text as it is learnt: composed and in lower case where that was asked for.
    pub(super) fn cased(&self, text: &str) -> String {
        self.tokenizer.rules().prepared(text).into_owned()
    }

    /// The ids of a text, [`UNK`] for what is unknown.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>> {
        self.vocabulary.encode(&self.tokens(text))
    }

    /// Ids as tokens.
    pub(super) fn named(&self, ids: &[u32]) -> Vec<String> {
        ids.iter().map(|&id| self.vocabulary.token(id).unwrap_or_default().to_owned()).collect()
    }

    /// Ids as a text.
    pub(super) fn write(&self, ids: &[u32]) -> String {
        let tokens: Vec<&str> = ids.iter().map(|&id| self.vocabulary.token(id).unwrap_or_default()).collect();
        if let Some(pieces) = self.tokenizer.pieces() {
            return pieces.join(&tokens);
        }
        let mut writer = Writer::new(&self.tokenizer);
        let mut text: String = tokens.into_iter().map(|token| writer.token(token)).collect();
        text += &writer.finish();
        text
    }
}
