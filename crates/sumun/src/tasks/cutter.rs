//! What cuts texts into tokens, and makes texts of tokens again.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::options::{TextOptions, bad};
use crate::message::key;
use crate::outside::{Links, read_given};
use crate::settings::{Level, Switch};
use crate::text::{MOST_PIECES, TokenUnit, Tokenizer, UNK, Vocabulary, WordPieces};
use crate::{Error, Result};

/// What cuts texts into tokens: the rules of a level, or pieces of words that were learnt or given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cutter {
    /// Of pieces, how a text is prepared that they are cut from; its unit is that of characters, which they are made of.
    #[serde(flatten)]
    rules: Tokenizer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pieces: Option<WordPieces>,
}

/// The most bytes of a file with pieces.
const MOST_BYTES: u64 = 1 << 28;

/// Where no number of pieces is given: so many for the root of the number of characters that there are to learn from, and the least and
/// the most beside those of bytes and characters.
const PIECES: f64 = 3.0;
const FEWEST_PIECES: usize = 500;
const MANY_PIECES: usize = 16_000;

impl Cutter {
    /// What cuts texts at a level, pieces learnt from `texts`, those of the training part. With `alone` a text is read from its first word
    /// on and needs not come back as it was: its first word is then cut like any other. Errors: no text to learn from; of a file with
    /// pieces, those of [`WordPieces::of_tokenizer_json`].
    pub(crate) fn fit<'a>(
        texts: impl Iterator<Item = &'a str>,
        options: &TextOptions,
        level: Level,
        alone: bool,
    ) -> Result<Self> {
        let rules = options.rules(level);
        if level != Level::Subword {
            return Ok(Self { rules, pieces: None });
        }
        if let Some(path) = &options.tokenizer {
            let bytes = read_given(path, Links::Follow, MOST_BYTES)?;
            let (pieces, said) = WordPieces::of_tokenizer_json(&path.to_string_lossy(), &bytes)?;
            let rules = rules.lowercase(rules.lowercase || said.lowercase).nfc(rules.nfc || said.nfc);
            return Ok(Self { rules, pieces: Some(pieces) });
        }
        let texts: Vec<Cow<'a, str>> = texts.map(|text| rules.prepared(text)).collect();
        let texts = || texts.iter().map(AsRef::as_ref);
        let size = options.vocabulary.map_or_else(|| usual_pieces(texts()), |size| size - UNK as usize - 1);
        let kind = options.pieces.unwrap_or_default();
        let pieces = WordPieces::learn(kind, texts(), size, options.min_count)?;
        Ok(Self { rules, pieces: Some(if alone { pieces.with_space_before() } else { pieces }) })
    }

    /// The vocabulary of pieces; None where tokens are none.
    pub(crate) fn vocabulary(&self) -> Option<Result<Vocabulary>> {
        self.pieces.as_ref().map(|pieces| Vocabulary::from_tokens(pieces.pieces()))
    }

    /// What is wrong with a vocabulary for these tokens, if a file was tampered with.
    pub(crate) fn problem(&self, vocabulary: &Vocabulary) -> Option<&'static str> {
        let pieces = self.pieces.as_ref()?;
        let same = vocabulary.tokens().iter().skip(UNK as usize + 1).eq(pieces.pieces());
        (!same).then_some("its vocabulary is not that of its word pieces")
    }

    /// How a text is prepared.
    pub(crate) fn rules(&self) -> &Tokenizer {
        &self.rules
    }

    /// The pieces, where tokens are some.
    pub(crate) fn pieces(&self) -> Option<&WordPieces> {
        self.pieces.as_ref()
    }

    /// The pieces as a `tokenizer.json`, where tokens are some.
    pub(crate) fn tokenizer_json(&self) -> Option<String> {
        self.pieces.as_ref().map(|pieces| pieces.to_tokenizer_json(self.rules))
    }

    /// Whether tokens have spaces between them, which they are written with and not part of.
    pub(crate) fn is_spaced(&self) -> bool {
        use TokenUnit::{Whitespace, Words, WordsAndPunctuation};
        matches!(self.rules.unit, Whitespace | Words | WordsAndPunctuation)
    }

    /// The tokens of a text, in order.
    pub(crate) fn tokens(&self, text: &str) -> Vec<String> {
        match &self.pieces {
            Some(pieces) => pieces.tokens(&self.rules.prepared(text)),
            None => self.rules.tokens(text),
        }
    }

    /// What was decided about the pieces, as name, value and reason; None where tokens are none, or were given.
    pub(crate) fn choice(&self, options: &TextOptions) -> Option<[String; 3]> {
        let pieces = self.pieces.as_ref().filter(|_| options.tokenizer.is_none())?;
        let value = format!("{}, {}", pieces.kind(), crate::report::text::count(pieces.pieces().len()));
        Some(["pieces".into(), value, "256 of them are bytes, as which other characters are read".into()])
    }
}

/// How many pieces texts have where nobody said.
fn usual_pieces<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    let (mut all, mut different) = (0, std::collections::HashSet::new());
    for c in texts.flat_map(str::chars) {
        all += 1;
        different.insert(c);
    }
    let learnt = (PIECES * f64::from(all).sqrt()) as usize;
    256 + different.len() + learnt.clamp(FEWEST_PIECES, MANY_PIECES)
}

/// The fewest pieces that can be asked for: special tokens, bytes and something to learn.
const LEAST_ASKED: usize = 300;

impl TextOptions {
    /// Refuses what makes no sense with or without pieces, where texts are cut at these levels.
    pub(super) fn check_pieces(&self, levels: &[Level]) -> Result<()> {
        let (pieces, tokenizer) = (self.pieces.is_some(), self.tokenizer.is_some());
        if !levels.contains(&Level::Subword) {
            let set = [("pieces", pieces), ("tokenizer", tokenizer)];
            return set.iter().find(|(_, set)| *set).map_or(Ok(()), |(name, _)| {
                let advice = key(name) + " is for word pieces; give " + key("level").to("subword") + " too";
                Err(Error::Settings(advice))
            });
        }
        let size = self.vocabulary.unwrap_or(LEAST_ASKED);
        if !(LEAST_ASKED..=MOST_PIECES).contains(&size) {
            let wanted = format!("from {LEAST_ASKED} to {MOST_PIECES} word pieces, 256 for bytes included");
            return bad("vocabulary", size, &wanted);
        }
        let words = [("subwords", self.subwords == Switch::On), ("vectors", self.vectors.is_some())];
        if let Some((name, _)) = words.iter().find(|(_, set)| *set) {
            return Err(Error::Settings(
                key(name)
                    + " is for words, but tokens are word pieces; leave it out, or give "
                    + key("level").to("word"),
            ));
        }
        let learnt = [
            ("pieces", pieces),
            ("vocabulary", self.vocabulary.is_some()),
            ("min_count", self.min_count > 1),
        ];
        match learnt.iter().find(|(_, set)| *set && tokenizer) {
            Some((name, _)) => Err(Error::Settings(
                key(name)
                    + " is for word pieces that are learnt, but "
                    + key("tokenizer")
                    + " names a file of them; leave one of the two out",
            )),
            None => Ok(()),
        }
    }
}

impl From<Tokenizer> for Cutter {
    fn from(rules: Tokenizer) -> Self {
        Self { rules, pieces: None }
    }
}
