//! What it costs to say which token an `<UNK>` stands for.

use std::collections::HashMap;

use super::super::baselines::KneserNey;
use super::tokens::Tokens;
use crate::text::UNK;

/// The letters that a letter of an unknown word is predicted from, and itself.
const ORDER: usize = 5;
/// The end of a word, and a letter that no known word has.
const END: u32 = 0;
const OTHER: u32 = 1;
/// As many characters may stand for such a letter: the scalar values of Unicode.
const CHARACTERS: f64 = 1_112_064.0;

/// How probable spellings are. A model of words says of an unknown one that it is unknown, not which it is, and would be
/// compared with a model of letters as if it had said all. So each is spelled, by the n-grams of the known words' letters.
#[derive(Debug)]
pub(super) struct Spelling {
    letters: HashMap<char, u32>,
    /// None where letters are tokens.
    model: Option<KneserNey>,
}

impl Spelling {
    pub(super) fn of(tokens: &Tokens) -> Self {
        if !tokens.tokenizer.is_spaced() {
            return Self { letters: HashMap::new(), model: None };
        }
        let mut letters = HashMap::new();
        let mut ids = Vec::new();
        for word in tokens.vocabulary.tokens().iter().skip(UNK as usize + 1) {
            for letter in word.chars() {
                let next = letters.len() as u32 + OTHER + 1;
                ids.push(*letters.entry(letter).or_insert(next));
            }
            ids.push(END);
        }
        let vocabulary = letters.len() + OTHER as usize + 1;
        let model = Some(KneserNey::of(&ids, END, vocabulary, ORDER));
        Self { letters, model }
    }

    /// −ln p of an unknown token's letters and its end; where letters are tokens, of one of all characters.
    pub(super) fn nats(&self, token: &str) -> f64 {
        let Some(model) = &self.model else { return CHARACTERS.ln() };
        let mut ids: Vec<u32> =
            token.chars().map(|letter| self.letters.get(&letter).copied().unwrap_or(OTHER)).collect();
        let others = ids.iter().filter(|&&id| id == OTHER).count();
        ids.push(END);
        others as f64 * CHARACTERS.ln() - model.log_probabilities(&ids, END).iter().sum::<f64>()
    }
}
