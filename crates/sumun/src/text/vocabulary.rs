//! Vocabularies: the tokens a model knows and their numbers.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The id of padding, `<PAD>`, in a vocabulary with special tokens.
pub const PAD: u32 = 0;
/// The id of every unknown token, `<UNK>`, in a vocabulary with special tokens.
pub const UNK: u32 = 1;

const SPECIALS: [&str; 2] = ["<PAD>", "<UNK>"];

/// How [`Vocabulary::build`] chooses and numbers tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VocabularyOptions {
    /// Tokens seen less often are left out and become `<UNK>`. 1 by default; 0 means the same.
    pub min_count: usize,
    /// V at most, `<PAD>` and `<UNK>` included (as Keras' `max_tokens`). The most frequent tokens stay, whatever the
    /// order; of equally frequent ones, those that appeared first.
    pub max_size: Option<usize>,
    /// Which token comes first.
    pub order: VocabularyOrder,
}

impl Default for VocabularyOptions {
    fn default() -> Self {
        Self { min_count: 1, max_size: None, order: VocabularyOrder::Frequency }
    }
}

/// The order of a vocabulary's tokens, after `<PAD>` and `<UNK>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VocabularyOrder {
    /// Most frequent first; equally frequent ones as they first appeared.
    #[default]
    Frequency,
    /// As they first appeared.
    Appearance,
    /// By Unicode scalar values: `sorted(set(tokens))` in Python.
    Sorted,
}

/// The tokens a model knows and their ids, which are the rows of its embedding.
///
/// With special tokens, `<PAD>` is 0 and `<UNK>` is 1, and every token can be encoded. Without them, an unknown token
/// is an error. Text that spells `<PAD>` or `<UNK>` is an unknown token like any other, so no text can pad itself away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Vocabulary {
    /// All tokens by id, the special ones included.
    tokens: Vec<String>,
    specials: bool,
    /// The ids of all tokens but the special ones.
    ids: HashMap<String, u32>,
}

/// What a model file holds of a [`Vocabulary`].
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    special_tokens: bool,
    tokens: Vec<String>,
}

impl Vocabulary {
    /// The vocabulary of the training text's tokens, with special tokens. Build it from training text only:
    /// otherwise tokens of the test text leak into the model.
    ///
    /// Errors: a `max_size` too small for a single token, and more tokens than 32-bit ids.
    pub fn build<S: AsRef<str>>(
        tokens: impl IntoIterator<Item = S>,
        options: &VocabularyOptions,
    ) -> Result<Self> {
        if let Some(size) = options.max_size.filter(|&size| size <= SPECIALS.len()) {
            return Err(Error::Invalid(format!(
                "a vocabulary of at most {size} has no room for a token beside <PAD> and <UNK>; use 3 or more"
            )));
        }
        // Token, how often it was seen; in the order of first appearance.
        let mut seen: Vec<(String, usize)> = Vec::new();
        let mut place: HashMap<String, usize> = HashMap::new();
        for token in tokens {
            let token = token.as_ref();
            match place.get(token) {
                Some(&at) => seen[at].1 += 1,
                None if SPECIALS.contains(&token) => {}
                None => {
                    place.insert(token.to_owned(), seen.len());
                    seen.push((token.to_owned(), 1));
                }
            }
        }
        let by_frequency = |&at: &usize| std::cmp::Reverse(seen[at].1);
        let mut kept: Vec<usize> = (0..seen.len()).filter(|&at| seen[at].1 >= options.min_count).collect();
        kept.sort_by_key(by_frequency);
        kept.truncate(options.max_size.map_or(usize::MAX, |size| size - SPECIALS.len()));
        match options.order {
            VocabularyOrder::Frequency => {}
            VocabularyOrder::Appearance => kept.sort_unstable(),
            VocabularyOrder::Sorted => kept.sort_by(|&a, &b| seen[a].0.cmp(&seen[b].0)),
        }
        let mut tokens = SPECIALS.map(String::from).to_vec();
        tokens.extend(kept.into_iter().map(|at| std::mem::take(&mut seen[at].0)));
        Self::new(tokens, true)
    }

    /// A vocabulary of these tokens in this order, after `<PAD>` and `<UNK>`. Errors: a token twice; one of the
    /// special tokens among them.
    pub fn from_tokens<S: Into<String>>(tokens: impl IntoIterator<Item = S>) -> Result<Self> {
        let all = SPECIALS.map(String::from).into_iter().chain(tokens.into_iter().map(Into::into));
        Self::new(all.collect(), true)
    }

    /// A vocabulary of exactly these tokens, without special ones: for text where nothing is unknown and nothing is
    /// padded, such as characters. Error: a token twice.
    pub fn without_specials<S: Into<String>>(tokens: impl IntoIterator<Item = S>) -> Result<Self> {
        Self::new(tokens.into_iter().map(Into::into).collect(), false)
    }

    /// The 27 characters of the character lessons, without special tokens: a to z are 0 to 25, the space is 26.
    pub fn letters_and_space() -> Self {
        let tokens: Vec<String> = ('a'..='z').chain([' ']).map(String::from).collect();
        let ids = tokens.iter().cloned().zip(0..).collect();
        Self { tokens, specials: false, ids }
    }

    fn new(tokens: Vec<String>, specials: bool) -> Result<Self> {
        if u32::try_from(tokens.len()).is_err() {
            return Err(Error::Invalid(format!(
                "a vocabulary of {} tokens; ids must fit 32 bits",
                tokens.len()
            )));
        }
        let reserved = if specials { SPECIALS.len() } else { 0 };
        let mut ids = HashMap::with_capacity(tokens.len());
        for (id, token) in tokens.iter().enumerate().skip(reserved) {
            if specials && SPECIALS.contains(&token.as_str()) {
                return Err(Error::Invalid(format!(
                    "token {id} is {token}, which is there already; leave it out"
                )));
            }
            if let Some(first) = ids.insert(token.clone(), id as u32) {
                return Err(Error::Invalid(format!(
                    "token {token:?} is in the vocabulary twice, as {first} and as {id}; leave one out"
                )));
            }
        }
        Ok(Self { tokens, specials, ids })
    }

    /// V: how many ids there are, the special ones included.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is no id at all.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// All tokens by id, the special ones included.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// Whether ids 0 and 1 are `<PAD>` and `<UNK>`.
    pub fn has_specials(&self) -> bool {
        self.specials
    }

    /// The id of padding, if there is one: an embedding's `padding_id`.
    pub fn padding_id(&self) -> Option<u32> {
        self.specials.then_some(PAD)
    }

    /// The id of a known token; `None` for an unknown one and for the special ones.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.ids.get(token).copied()
    }

    /// The token of an id; `None` outside the vocabulary.
    pub fn token(&self, id: u32) -> Option<&str> {
        self.tokens.get(id as usize).map(String::as_str)
    }

    /// The tokens that are not special, with their ids.
    pub(super) fn ordinary(&self) -> impl Iterator<Item = (u32, &str)> {
        let skip = if self.specials { SPECIALS.len() } else { 0 };
        (0..).zip(self.tokens.iter().map(String::as_str)).skip(skip)
    }

    /// The ids of tokens; unknown ones are [`UNK`]. Error: an unknown token where there is no `<UNK>`.
    pub fn encode<S: AsRef<str>>(&self, tokens: &[S]) -> Result<Vec<u32>> {
        let encode = |(place, token): (usize, &S)| {
            let token = token.as_ref();
            self.id(token).or(self.specials.then_some(UNK)).ok_or_else(|| {
                Error::Invalid(format!(
                    "token {token:?} at place {place} is not in the vocabulary, which has no <UNK> for it"
                ))
            })
        };
        tokens.iter().enumerate().map(encode).collect()
    }

    /// The tokens of ids, the special ones too. Error: an id outside the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<Vec<&str>> {
        let decode = |(place, &id): (usize, &u32)| {
            self.token(id).ok_or_else(|| {
                Error::Invalid(format!(
                    "id {id} at place {place} is not below the vocabulary of {} ids",
                    self.len()
                ))
            })
        };
        ids.iter().enumerate().map(decode).collect()
    }
}

impl From<Vocabulary> for Stored {
    fn from(vocabulary: Vocabulary) -> Self {
        Self { special_tokens: vocabulary.specials, tokens: vocabulary.tokens }
    }
}

impl TryFrom<Stored> for Vocabulary {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        let begins = stored.tokens.iter().take(SPECIALS.len()).map(String::as_str).eq(SPECIALS);
        if stored.special_tokens && !begins {
            return Err(Error::Invalid(
                "a stored vocabulary with special tokens must begin with <PAD> and <UNK>".into(),
            ));
        }
        Self::new(stored.tokens, stored.special_tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn build(text: &str, min_count: usize, max_size: Option<usize>, order: VocabularyOrder) -> Vec<String> {
        let options = VocabularyOptions { min_count, max_size, order };
        Vocabulary::build(text.split(' '), &options).unwrap().tokens()[2..].to_vec()
    }

    #[test]
    fn choice_and_order() {
        use VocabularyOrder::{Appearance, Frequency, Sorted};
        let text = "d b a b c a b <PAD> <UNK>";
        for (min_count, max_size, order, expected) in [
            (1, None, Frequency, vec!["b", "a", "d", "c"]),
            (1, None, Appearance, vec!["d", "b", "a", "c"]),
            (1, None, Sorted, vec!["a", "b", "c", "d"]),
            (0, None, Frequency, vec!["b", "a", "d", "c"]),
            (2, None, Appearance, vec!["b", "a"]),
            (1, Some(5), Frequency, vec!["b", "a", "d"]),
            (1, Some(5), Sorted, vec!["a", "b", "d"]),
            (4, None, Frequency, vec![]),
        ] {
            assert_eq!(
                build(text, min_count, max_size, order),
                expected,
                "{min_count} {max_size:?} {order:?}"
            );
        }
    }

    #[test]
    fn letters_are_the_lessons_27() {
        let letters = Vocabulary::letters_and_space();
        assert_eq!(letters.len(), 27);
        assert_eq!(letters.encode(&["a", "z", " "]).unwrap(), [0, 25, 26]);
        assert_eq!((letters.padding_id(), letters.has_specials()), (None, false));
        let error = letters.encode(&["a", "A"]).unwrap_err().to_string();
        assert_eq!(error, "token \"A\" at place 1 is not in the vocabulary, which has no <UNK> for it");
        let same = Vocabulary::without_specials(letters.tokens().to_vec()).unwrap();
        assert_eq!(letters, same);
    }

    #[test]
    fn specials_are_no_words() {
        let vocabulary = Vocabulary::from_tokens(["a", "b"]).unwrap();
        assert_eq!(vocabulary.encode(&["<PAD>", "<UNK>", "b", "x"]).unwrap(), [UNK, UNK, 3, UNK]);
        assert_eq!(vocabulary.decode(&[PAD, UNK, 2]).unwrap(), ["<PAD>", "<UNK>", "a"]);
        assert_eq!(vocabulary.padding_id(), Some(PAD));
        let error = vocabulary.decode(&[2, 4]).unwrap_err().to_string();
        assert_eq!(error, "id 4 at place 1 is not below the vocabulary of 4 ids");
    }

    #[test]
    fn what_makes_no_vocabulary_is_explained() {
        let small = VocabularyOptions { max_size: Some(2), ..Default::default() };
        for (error, expected) in [
            (
                Vocabulary::build(["a"], &small).unwrap_err(),
                "a vocabulary of at most 2 has no room for a token beside <PAD> and <UNK>; use 3 or more",
            ),
            (
                Vocabulary::from_tokens(["a", "a"]).unwrap_err(),
                "token \"a\" is in the vocabulary twice, as 2 and as 3; leave one out",
            ),
            (
                Vocabulary::from_tokens(["<PAD>"]).unwrap_err(),
                "token 2 is <PAD>, which is there already; leave it out",
            ),
        ] {
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn stored_and_read_again() {
        for vocabulary in [Vocabulary::from_tokens(["한", "b"]).unwrap(), Vocabulary::letters_and_space()] {
            let text = serde_json::to_string(&vocabulary).unwrap();
            assert_eq!(serde_json::from_str::<Vocabulary>(&text).unwrap(), vocabulary);
        }
        for wrong in [
            r#"{"special_tokens":true,"tokens":["a"]}"#,
            r#"{"special_tokens":true,"tokens":["<UNK>","<PAD>"]}"#,
            r#"{"special_tokens":true,"tokens":["<PAD>","<UNK>","a","a"]}"#,
            r#"{"special_tokens":false,"tokens":["a","a"]}"#,
        ] {
            assert!(serde_json::from_str::<Vocabulary>(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn known_tokens_come_back(tokens in prop::collection::vec("[a-c가-다]{1,2}", 0..30)) {
            let vocabulary = Vocabulary::build(&tokens, &VocabularyOptions::default()).unwrap();
            let ids = vocabulary.encode(&tokens).unwrap();
            prop_assert!(ids.iter().all(|&id| id > UNK));
            prop_assert_eq!(vocabulary.decode(&ids).unwrap(), tokens);
        }
    }
}
