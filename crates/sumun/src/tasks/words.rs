//! Tokens as a network reads them: the ids of a vocabulary, with the parts that words have in common.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::options::TextOptions;
use crate::message::key;
use crate::text::{Subwords, UNK, Vocabulary, VocabularyOptions};
use crate::{Bags, Error, Result};

/// What the tokens of a model are, fitted on the training part alone. The rows of the network's embedding are the tokens of the
/// vocabulary and behind them the parts of words, where there are any.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TokenReader {
    pub(crate) vocabulary: Vocabulary,
    /// None of a model whose words have no parts, as those of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subwords: Option<Subwords>,
}

/// The tokens of some sequences as entries of bags: an embedding reads their ids together. Entry 0 is padding, which has no ids.
/// Each token has two entries, one with its own id and behind it one with that of `<UNK>` in its place, both with those of its
/// parts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lexicon {
    pub(crate) bags: Arc<Bags>,
    /// The id of each entry's token; [`UNK`] where the vocabulary lacks it.
    ids: Vec<u32>,
}

impl TokenReader {
    /// Learns from tokens. Errors: as of [`vocabulary`].
    pub(crate) fn fit(tokens: &[Vec<String>], options: &TextOptions) -> Result<Self> {
        if !options.has_subwords() {
            return Ok(Self { vocabulary: vocabulary(tokens.iter().flatten(), options)?, subwords: None });
        }
        // A word that is too rare for a vector of its own has those of its parts, so no limit needs a choice.
        let limited =
            TextOptions { vocabulary: Some(options.vocabulary.unwrap_or(MOST_TOKENS)), ..options.clone() };
        let vocabulary = vocabulary(tokens.iter().flatten(), &limited)?;
        let mut distinct = std::collections::HashSet::new();
        let words = tokens.iter().flatten().map(String::as_str).filter(|word| distinct.insert(*word));
        Ok(Self { vocabulary, subwords: Some(Subwords::learn(words)) })
    }

    /// Of a vocabulary that is known.
    pub(crate) fn of(vocabulary: Vocabulary) -> Self {
        Self { vocabulary, subwords: None }
    }

    /// How many rows the embedding has.
    pub(crate) fn rows(&self) -> usize {
        self.vocabulary.len() + self.subwords.as_ref().map_or(0, Subwords::len)
    }

    /// Lists of tokens as the network reads them: ids, or entries of a lexicon where there is one.
    pub(crate) fn read<'a>(
        &self,
        lists: impl Iterator<Item = &'a [String]>,
    ) -> Result<(Vec<Vec<u32>>, Option<Lexicon>)> {
        let Some(subwords) = &self.subwords else {
            let ids = lists.map(|tokens| self.vocabulary.encode(tokens));
            return Ok((ids.collect::<Result<_>>()?, None));
        };
        let first = self.vocabulary.len() as u32;
        let (mut bags, mut ids) = (Bags::default(), Vec::new());
        bags.push(&[])?;
        ids.push(UNK);
        let mut entries: HashMap<&str, u32> = HashMap::new();
        let mut sequences = Vec::new();
        for tokens in lists {
            let mut sequence = Vec::with_capacity(tokens.len());
            for token in tokens {
                let entry = match entries.get(token.as_str()) {
                    Some(&entry) => entry,
                    None => {
                        let id = self.vocabulary.id(token).unwrap_or(UNK);
                        let mut parts = vec![id];
                        parts.extend(subwords.of(token).into_iter().map(|part| first + part));
                        let entry = bags.push(&parts)?;
                        parts[0] = UNK;
                        bags.push(&parts)?;
                        ids.extend([id, id]);
                        entries.insert(token, entry);
                        entry
                    }
                };
                sequence.push(entry);
            }
            sequences.push(sequence);
        }
        Ok((sequences, Some(Lexicon { bags: Arc::new(bags), ids })))
    }

    /// What is wrong with it, if a file was tampered with.
    pub(crate) fn problem(&self) -> Option<String> {
        (!self.vocabulary.has_specials()).then(|| "its vocabulary lacks <PAD> and <UNK>".to_owned())
    }
}

impl Lexicon {
    /// The id of the token of an entry.
    pub(crate) fn id(&self, entry: u32) -> u32 {
        self.ids[entry as usize]
    }

    /// The entry of the same token as if the vocabulary lacked it.
    pub(crate) fn unknown(&self, entry: u32) -> u32 {
        entry + entry % 2
    }
}

/// The most tokens of a vocabulary whose size nobody chose: beyond it, the embedding alone takes millions of weights, most
/// of them for tokens that were seen once or twice, and what to do about them is a person's choice.
const MOST_TOKENS: usize = 50_000;

/// The vocabulary of the training part's tokens: the most frequent ones where the options say how many, else all of them.
/// Error: nobody said how many and there are more than [`MOST_TOKENS`].
pub(crate) fn vocabulary<S: AsRef<str>>(
    tokens: impl Iterator<Item = S>,
    options: &TextOptions,
) -> Result<Vocabulary> {
    let &TextOptions { min_count, vocabulary: max_size, lowercase, .. } = options;
    let limits = VocabularyOptions { min_count, max_size, ..VocabularyOptions::default() };
    let all = Vocabulary::build(tokens, &limits)?;
    if max_size.is_some() || all.len() <= MOST_TOKENS {
        return Ok(all);
    }
    let fewer = key("vocabulary").to("N")
        + " keeps the N most frequent; "
        + key("min_count").to(min_count.max(1) + 1)
        + " leaves out rarer ones";
    let advice = match lowercase {
        true => fewer,
        false => fewer + "; " + key("lowercase") + " makes one of words that differ in case",
    };
    Err(Error::Data(format!(
        "the training part makes a vocabulary of {} tokens, more than the {MOST_TOKENS} that are taken unasked",
        all.len()
    ))
    .advise(advice))
}
