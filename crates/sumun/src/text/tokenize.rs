//! Cutting text into tokens.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use super::jamo;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenUnit {
    /// What stands between white space: Python's `split()`. Punctuation stays on its word.
    Whitespace,
    /// Words as Unicode finds them (UAX #29); white space and punctuation are left out. Korean and other text with
    /// spaces splits well; Chinese and Japanese want a dictionary, and split into characters instead.
    Words,
    /// As `Words`, with each punctuation mark or symbol a token of its own; white space is left out.
    WordsAndPunctuation,
    /// Unicode scalar values, white space too: Python's `list(text)`.
    Characters,
    /// Grapheme clusters, what a reader calls characters (UAX #29): an emoji or a letter with its accents is one.
    Graphemes,
    /// Unicode scalar values with Hangul syllables cut into their letters ([`decompose`](super::decompose)).
    Jamo,
}

/// A text in Unicode's composed form, NFC.
pub(crate) fn composed(text: &str) -> Cow<'_, str> {
    match unicode_normalization::is_nfc(text) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.nfc().collect()),
    }
}

/// Cuts text into tokens and joins them again.
///
/// ```
/// use sumun::text::{TokenUnit, Tokenizer};
/// let text = "It's 3.5 °C, naïve 친구야!";
/// let tokens = |unit| Tokenizer::new(unit).lowercase(true).tokens(text);
/// assert_eq!(tokens(TokenUnit::Whitespace), ["it's", "3.5", "°c,", "naïve", "친구야!"]);
/// assert_eq!(tokens(TokenUnit::Words), ["it's", "3.5", "c", "naïve", "친구야"]);
/// assert_eq!(tokens(TokenUnit::WordsAndPunctuation), ["it's", "3.5", "°", "c", ",", "naïve", "친구야", "!"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokenizer {
    /// What a token is.
    pub unit: TokenUnit,
    /// Whether text becomes lower-case first, by Unicode's rules. Off unless asked for.
    #[serde(default)]
    pub lowercase: bool,
    /// Whether text first gets Unicode's composed form, NFC, in which a letter with its accents is one character where there
    /// is one. Off unless asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nfc: bool,
}

impl Tokenizer {
    /// A tokeniser that keeps upper case.
    pub fn new(unit: TokenUnit) -> Self {
        Self { unit, lowercase: false, nfc: false }
    }

    /// Whether text becomes lower-case first.
    pub fn lowercase(self, lowercase: bool) -> Self {
        Self { lowercase, ..self }
    }

    /// Whether text first gets Unicode's composed form.
    pub fn nfc(self, nfc: bool) -> Self {
        Self { nfc, ..self }
    }

    /// A text as its tokens are cut from it: composed and in lower case, where that was asked for.
    pub(crate) fn prepared<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let text = if self.nfc { composed(text) } else { Cow::Borrowed(text) };
        if self.lowercase { Cow::Owned(text.to_lowercase()) } else { text }
    }

    /// The tokens of a text, in order. None is empty.
    pub fn tokens(&self, text: &str) -> Vec<String> {
        let prepared = self.prepared(text);
        let text = prepared.as_ref();
        let owned = str::to_owned;
        match self.unit {
            TokenUnit::Whitespace => text.split_whitespace().map(owned).collect(),
            TokenUnit::Words => text.unicode_words().map(owned).collect(),
            TokenUnit::WordsAndPunctuation => {
                text.split_word_bounds().filter(|token| !token.trim().is_empty()).map(owned).collect()
            }
            TokenUnit::Characters => text.chars().map(String::from).collect(),
            TokenUnit::Graphemes => text.graphemes(true).map(owned).collect(),
            TokenUnit::Jamo => jamo::decompose(text).chars().map(String::from).collect(),
        }
    }

    /// Text of tokens: words with a space between them, characters as they come, jamo composed to syllables.
    ///
    /// Exact for characters, graphemes and jamo, lower-casing aside; of words, the white space between them is lost.
    pub fn join<S: AsRef<str>>(&self, tokens: &[S]) -> String {
        let joined = |between: &str| {
            let mut text = String::new();
            for (i, token) in tokens.iter().enumerate() {
                text.push_str(if i == 0 { "" } else { between });
                text.push_str(token.as_ref());
            }
            text
        };
        match self.unit {
            TokenUnit::Whitespace | TokenUnit::Words | TokenUnit::WordsAndPunctuation => joined(" "),
            TokenUnit::Characters | TokenUnit::Graphemes => joined(""),
            TokenUnit::Jamo => jamo::compose(&joined("")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_unit() {
        let family = "👨‍👩‍👧";
        for (unit, text, expected) in [
            (
                TokenUnit::Whitespace,
                "  This movie\tis\u{3000}GREAT!\n",
                vec!["This", "movie", "is", "GREAT!"],
            ),
            (TokenUnit::Words, "can't stop, (won't) stop…", vec!["can't", "stop", "won't", "stop"]),
            (TokenUnit::Words, "나는 학교에 간다.", vec!["나는", "학교에", "간다"]),
            (TokenUnit::WordsAndPunctuation, "Stop!? Now.", vec!["Stop", "!", "?", "Now", "."]),
            (TokenUnit::Characters, "a 한", vec!["a", " ", "한"]),
            (TokenUnit::Characters, "e\u{301}", vec!["e", "\u{301}"]),
            (TokenUnit::Graphemes, "e\u{301}👨‍👩‍👧!", vec!["e\u{301}", family, "!"]),
            (TokenUnit::Jamo, "간 b", vec!["\u{1100}", "\u{1161}", "\u{11AB}", " ", "b"]),
            (TokenUnit::Whitespace, " \n", vec![]),
        ] {
            assert_eq!(Tokenizer::new(unit).tokens(text), expected, "{unit:?}");
        }
        assert_eq!(Tokenizer::new(TokenUnit::Whitespace).lowercase(true).tokens("ÄRA ΣΑΣ"), ["ära", "σας"]);
        let apart = "e\u{301}te\u{301} \u{1112}\u{1161}\u{11ab}";
        for (unit, expected) in [
            (TokenUnit::Characters, vec!["é", "t", "é", " ", "한"]),
            (TokenUnit::Jamo, vec!["é", "t", "é", " ", "\u{1112}", "\u{1161}", "\u{11ab}"]),
            (TokenUnit::Words, vec!["été", "한"]),
        ] {
            assert_eq!(Tokenizer::new(unit).nfc(true).tokens(apart), expected, "{unit:?}");
        }
        assert_eq!(Tokenizer::new(TokenUnit::Characters).tokens("e\u{301}"), ["e", "\u{301}"]);
        assert_eq!(Tokenizer::new(TokenUnit::Words).join(&["a", "b"]), "a b");
    }

    proptest! {
        #[test]
        fn characters_join_exactly(text in "[a-z가-힣 \\PC]{0,40}") {
            prop_assume!(!text.chars().any(|c| ('\u{1100}'..='\u{11FF}').contains(&c)));
            for unit in [TokenUnit::Characters, TokenUnit::Graphemes, TokenUnit::Jamo] {
                let tokenizer = Tokenizer::new(unit);
                prop_assert_eq!(tokenizer.join(&tokenizer.tokens(&text)), text.as_str());
            }
        }

        #[test]
        fn no_token_is_empty_or_white_space_between_words(text in "\\PC{0,40}") {
            for unit in [TokenUnit::Whitespace, TokenUnit::Words, TokenUnit::WordsAndPunctuation] {
                prop_assert!(Tokenizer::new(unit).tokens(&text).iter().all(|token| !token.trim().is_empty()));
            }
        }
    }
}
