//! Tokens of running text: those of a [`Cutter`], and line ends.

use serde::{Deserialize, Serialize};

use super::super::cutter::Cutter;
use super::super::options::TextOptions;
use super::super::words::vocabulary;
use crate::data::quoted;
use crate::message::{key, text};
use crate::text::{UNK, Vocabulary};
use crate::{Error, Result};

/// The end of a line.
pub(super) const NEWLINE: &str = "\n";

/// The first id that is no special token: of a vocabulary by frequency, the most frequent token.
pub(super) const FIRST: u32 = UNK + 1;

/// How text becomes ids. Where words are tokens, so is the end of a line, so that what is written has lines; other white
/// space between words is lost. Where characters or word pieces are tokens nothing is lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Tokens {
    pub(super) tokenizer: Cutter,
    pub(super) vocabulary: Vocabulary,
}

impl Tokens {
    /// Learns the vocabulary of the training part. Errors: no token is seen as often as it must be; more tokens than are
    /// taken unasked.
    pub(super) fn fit(train: &str, options: &TextOptions) -> Result<Self> {
        let tokenizer = Cutter::fit(std::iter::once(train), options, options.level, false)?;
        let vocabulary = match tokenizer.vocabulary() {
            Some(vocabulary) => vocabulary?,
            None => vocabulary(lines(train).flat_map(|line| of_line(&tokenizer, line)), options)?,
        };
        let tokens = Self { tokenizer, vocabulary };
        tokens.check().map_err(|_| {
            Error::Data(format!("no token of the training part is seen {} times", options.min_count))
                .advise(text("give a longer text or a smaller ") + key("min_count"))
        })?;
        Ok(tokens)
    }

    /// Whether there are tokens to write and one for what is unknown.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(problem) = self.tokenizer.problem(&self.vocabulary) {
            return Err(Error::Model(problem.into()));
        }
        if self.vocabulary.has_specials() && self.vocabulary.len() > FIRST as usize {
            return Ok(());
        }
        Err(Error::Model("its vocabulary has no token beside <PAD> and <UNK>, or not these".into()))
    }

    /// The ids of a text, [`UNK`] for what is unknown.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        for line in lines(text) {
            ids.extend(self.vocabulary.encode(&of_line(&self.tokenizer, line))?);
        }
        Ok(ids)
    }

    /// The tokens of a text, known or not.
    pub(super) fn of<'a>(&'a self, text: &'a str) -> impl Iterator<Item = String> + 'a {
        lines(text).flat_map(|line| of_line(&self.tokenizer, line))
    }

    /// The ids of a prompt, in which nothing may be unknown.
    pub(super) fn encode_prompt(&self, prompt: &str) -> Result<Vec<u32>> {
        let known = |token: String| {
            self.vocabulary.id(&token).ok_or_else(|| {
                let what = if self.tokenizer.is_spaced() { "the word" } else { "the character" };
                Error::Invalid(format!(
                    "the prompt has {what} {}, which was not in the training text; leave it out",
                    quoted(&token)
                ))
            })
        };
        lines(prompt).flat_map(|line| of_line(&self.tokenizer, line)).map(known).collect()
    }

    /// Whether the last token of a prompt is a space that a word piece would have before it: none begins without one there.
    pub(super) fn leaves_a_space(&self, last: Option<&u32>) -> bool {
        let is_space = last.and_then(|&id| self.vocabulary.token(id)) == Some(" ");
        let begins = |token: &String| token.starts_with(' ') && token.len() > 1;
        self.tokenizer.pieces().is_some_and(|pieces| is_space && pieces.pieces().iter().any(begins))
    }

    /// What every text is read as following: a line end; of a vocabulary without one, its most frequent token, or of word
    /// pieces the first. So the
    /// first token of a text is predicted like any other.
    pub(super) fn start(&self) -> u32 {
        self.vocabulary.id(NEWLINE).unwrap_or(FIRST)
    }
}

/// Line by line, as the tokens of a whole text would take many times its room. No token spans lines.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n')
}

/// The tokens of a line with its end, if it has one.
fn of_line(tokenizer: &Cutter, line: &str) -> Vec<String> {
    let mut tokens = tokenizer.tokens(line);
    if tokenizer.is_spaced() && line.ends_with('\n') {
        tokens.push(NEWLINE.to_owned());
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::super::super::task::TaskConfig;
    use super::super::Lm;
    use super::*;
    use crate::settings::Level;

    fn fit(level: Level, text: &str) -> Tokens {
        let options = TextOptions { level, ..TaskConfig::<Lm>::default().text };
        Tokens::fit(text, &options).unwrap()
    }

    #[test]
    fn lines_are_kept_at_every_level() {
        for (level, text, expected, start) in [
            (Level::Char, "가b\n\na", vec!["가", "b", "\n", "\n", "a"], "\n"),
            (Level::Jamo, "간\n", vec!["\u{1100}", "\u{1161}", "\u{11AB}", "\n"], "\n"),
            (Level::Word, "Go,  now!\n\nStop", vec!["Go", ",", "now", "!", "\n", "\n", "Stop"], "\n"),
            (Level::Space, " Go, now!\nStop ", vec!["Go,", "now!", "\n", "Stop"], "\n"),
            (Level::Space, "a b b", vec!["a", "b", "b"], "b"),
            (Level::Subword, "ab ab\n", vec!["ab", " ", "ab", "\n"], "\n"),
            (Level::Subword, "ab ab", vec!["ab", " ", "ab"], "<0x00>"),
        ] {
            let tokens = fit(level, text);
            let ids = tokens.encode(text).unwrap();
            assert_eq!(tokens.vocabulary.decode(&ids).unwrap(), expected, "{level}");
            assert_eq!(tokens.vocabulary.token(tokens.start()), Some(start), "{level}");
            assert_eq!(tokens.encode_prompt(text).unwrap(), ids);
        }
    }

    #[test]
    fn what_a_prompt_has_must_be_known() {
        let check = |level, prompt: &str, expected: &str| {
            let error = fit(level, "to be or not\n가").encode_prompt(prompt).unwrap_err().to_string();
            assert_eq!(error, expected);
        };
        check(
            Level::Char,
            "to be x",
            "the prompt has the character 'x', which was not in the training text; leave it out",
        );
        check(
            Level::Word,
            "to be free",
            "the prompt has the word 'free', which was not in the training text; leave it out",
        );
        check(
            Level::Jamo,
            "나",
            "the prompt has the character '\u{1102}', which was not in the training text; leave it out",
        );
        assert_eq!(fit(Level::Char, "ab").encode("axb").unwrap(), [2, UNK, 3]);
        // Of word pieces, nothing is unknown.
        assert_eq!(fit(Level::Subword, "ab").encode_prompt("axb").unwrap().len(), 3);
        let options = TextOptions { min_count: 3, ..TaskConfig::<Lm>::default().text };
        let error = Tokens::fit("abab", &options).unwrap_err().to_string();
        assert_eq!(
            error,
            "no token of the training part is seen 3 times; give a longer text or a smaller min_count"
        );
    }
}
