//! Pieces of words: what they are, how they are learnt from texts, and how a text is cut into them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sumun_nn::named;

use super::bytes::{BYTES, Bytes, byte_piece, is_byte};
use super::cut::{self, Cut};
use super::{bpe, unigram};
use crate::{Error, Result};

/// The most pieces.
pub const MOST_PIECES: usize = 1 << 18;

/// The most characters of a piece in a file.
const LONGEST: usize = 256;

/// The most different words that pieces are learnt from, of more the most frequent: rarer ones have little to say of them.
const MOST_WORDS: usize = 500_000;

/// How pieces are learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PieceKind {
    /// The most frequent pair of pieces becomes one, again and again (Sennrich et al. 2016).
    #[default]
    Bpe,
    /// Pieces have probabilities, and the least useful are left out, again and again (Kudo 2018).
    Unigram,
}
named!(PieceKind, "kind of word pieces", Bpe = "bpe", Unigram = "unigram");

/// Pieces of words, learnt from texts, and how a text is cut into them.
///
/// A piece spans letters, digits or punctuation marks, with the space before them; spaces are part of pieces, so that the pieces of a text
/// are the text. The first 256 are those of bytes, `<0x00>` to `<0xFF>`, as which a character is written that no piece has: nothing is
/// unknown.
///
/// ```
/// use sumun::text::{PieceKind, WordPieces};
/// let texts = ["the lower tower", "the lowest tower"];
/// let pieces = WordPieces::learn(PieceKind::Bpe, texts, 300, 1)?;
/// // Neither text has an n or an é.
/// let tokens = pieces.tokens("the new tower é");
/// assert_eq!(tokens, ["the", " ", "<0x6E>", "e", "w", " tower", " ", "<0xC3>", "<0xA9>"]);
/// assert_eq!(pieces.join(&tokens), "the new tower é");
/// # Ok::<(), sumun::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct WordPieces {
    pub(super) pieces: Vec<String>,
    pub(super) rules: Rules,
    pub(super) cut: Cut,
    pub(super) before: Before,
    /// The numbers of all pieces but those of bytes.
    ids: HashMap<String, u32>,
}

/// How a word is cut into pieces.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Rules {
    /// Which pairs of pieces become which, the first first.
    Bpe { merges: Vec<[u32; 2]>, ranks: bpe::Ranks },
    /// The logarithms of probabilities, the most characters of a piece, and what a character without one has.
    Unigram { scores: Vec<f64>, longest: usize, unknown: f64 },
}

/// What is read before a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Before {
    /// Nothing: all spaces are those of the text.
    #[default]
    Nothing,
    /// A space, so that a first word is read like any other.
    Space,
    /// A space, where the text does not begin with one.
    SpaceIfNone,
}

/// What a model file holds of [`WordPieces`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) pieces: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) merges: Option<Vec<[u32; 2]>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scores: Option<Vec<f64>>,
    #[serde(default)]
    pub(super) cut: Cut,
    #[serde(default)]
    pub(super) before: Before,
}

impl WordPieces {
    /// Learns at most `size` pieces, those of the 256 bytes and of all characters included, of which there may be more. Characters that are
    /// there less than `min_count` times have none. The same texts make the same pieces, on any number of threads. Errors: more than
    /// [`MOST_PIECES`]; no text.
    pub fn learn<'a>(
        kind: PieceKind,
        texts: impl IntoIterator<Item = &'a str>,
        size: usize,
        min_count: usize,
    ) -> Result<Self> {
        if size > MOST_PIECES {
            return Err(Error::Invalid(format!("{size} word pieces; there are at most {MOST_PIECES}")));
        }
        let mut counts: HashMap<&str, u64> = HashMap::new();
        for text in texts {
            cut::words(Cut::Classes, text).for_each(|word| *counts.entry(word).or_default() += 1);
        }
        if counts.is_empty() {
            return Err(Error::Invalid("there is no text to learn word pieces from".into()));
        }
        let mut words: Vec<(&str, u64)> = counts.into_iter().collect();
        words.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let mut characters: HashMap<char, u64> = HashMap::new();
        for (word, count) in &words {
            word.chars().for_each(|c| *characters.entry(c).or_default() += count);
        }
        let mut known: Vec<(char, u64)> = characters.into_iter().collect();
        known.retain(|(_, count)| *count >= min_count as u64);
        known.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let bytes: Vec<String> = (0..=u8::MAX).map(byte_piece).collect();
        let first = bytes.iter().cloned().chain(known.iter().map(|(c, _)| c.to_string())).collect();
        let ids: HashMap<char, u32> = known.iter().map(|(c, _)| *c).zip(BYTES as u32..).collect();
        words.truncate(MOST_WORDS);
        // A character without a piece ends what can be one.
        let parts = words.iter().flat_map(|(word, count)| {
            word.split(|c| !ids.contains_key(&c)).filter(|part| !part.is_empty()).map(|part| (part, *count))
        });
        let stored = match kind {
            PieceKind::Bpe => {
                let words = parts.map(|(part, count)| (part.chars().map(|c| ids[&c]).collect(), count));
                let learnt = bpe::learn(words.collect(), first, size);
                Stored { pieces: learnt.pieces, merges: Some(learnt.merges), scores: None, ..Stored::NONE }
            }
            PieceKind::Unigram => {
                let mut words: Vec<(String, u64)> =
                    parts.map(|(part, count)| (part.to_owned(), count)).collect();
                words.sort_unstable();
                words.dedup_by(|next, kept| {
                    let same = next.0 == kept.0;
                    kept.1 += if same { next.1 } else { 0 };
                    same
                });
                let (pieces, scores) = unigram::learn(&words, size.saturating_sub(BYTES));
                let least = scores.iter().copied().fold(0.0, f64::min);
                Stored {
                    pieces: bytes.into_iter().chain(pieces).collect(),
                    scores: Some(std::iter::repeat_n(least, BYTES).chain(scores).collect()),
                    ..Stored::NONE
                }
            }
        };
        Self::try_from(stored)
    }

    /// The same with a space before each text, so that a first word has the pieces of any other.
    #[must_use]
    pub fn with_space_before(self) -> Self {
        Self { before: Before::Space, ..self }
    }

    /// How the pieces were learnt.
    pub fn kind(&self) -> PieceKind {
        match self.rules {
            Rules::Bpe { .. } => PieceKind::Bpe,
            Rules::Unigram { .. } => PieceKind::Unigram,
        }
    }

    /// All pieces, those of bytes first.
    pub fn pieces(&self) -> &[String] {
        &self.pieces
    }

    /// The pieces of a text; each is one of [`pieces`](Self::pieces).
    pub fn tokens(&self, text: &str) -> Vec<String> {
        let with_space = match self.before {
            Before::Nothing => None,
            Before::Space => (!text.is_empty()).then(|| format!(" {text}")),
            Before::SpaceIfNone => (!text.is_empty() && !text.starts_with(' ')).then(|| format!(" {text}")),
        };
        let mut tokens = Vec::new();
        let mut ids = Vec::new();
        for word in cut::words(self.cut, with_space.as_deref().unwrap_or(text)) {
            ids.clear();
            self.cut_word(word, &mut ids);
            tokens.extend(ids.iter().map(|&id| self.pieces[id as usize].clone()));
        }
        tokens
    }

    fn cut_word(&self, word: &str, ids: &mut Vec<u32>) {
        let as_bytes = |text: &str, ids: &mut Vec<u32>| ids.extend(text.bytes().map(u32::from));
        match &self.rules {
            Rules::Bpe { ranks, .. } => {
                let mut buffer = [0; 4];
                for c in word.chars() {
                    let c = &*c.encode_utf8(&mut buffer);
                    match self.ids.get(c) {
                        Some(&id) => ids.push(id),
                        None => as_bytes(c, ids),
                    }
                }
                bpe::encode(ranks, ids);
            }
            Rules::Unigram { scores, longest, unknown } => {
                let score = |piece: &str| self.ids.get(piece).map(|&id| (id, scores[id as usize]));
                let mut rest = word;
                for (bytes, piece) in unigram::encode(word, *longest, score, *unknown) {
                    let (this, after) = rest.split_at(bytes);
                    rest = after;
                    match piece {
                        Some(id) => ids.push(id),
                        None => as_bytes(this, ids),
                    }
                }
            }
        }
    }

    /// The text of pieces, without a space that was read before it. Bytes that are no character of UTF-8 become U+FFFD.
    pub fn join<S: AsRef<str>>(&self, tokens: &[S]) -> String {
        let mut bytes = Bytes::default();
        let mut text: String = tokens.iter().map(|token| bytes.token(token.as_ref())).collect();
        text += &bytes.finish();
        match self.has_space_before() && text.starts_with(' ') {
            true => text.split_off(1),
            false => text,
        }
    }

    /// Whether a space is read before a text.
    pub(crate) fn has_space_before(&self) -> bool {
        self.before != Before::Nothing
    }

    /// What a program without this library needs to cut texts in the same way, as fields of JSON, with numbers from `first` on.
    pub(crate) fn portable(&self, first: u32) -> serde_json::Value {
        let mut fields =
            serde_json::json!({ "pattern": cut::pattern(self.cut), "before": self.before, "first": first });
        match &self.rules {
            Rules::Bpe { merges, .. } => fields["merges"] = serde_json::json!(merges),
            Rules::Unigram { scores, unknown, .. } => {
                fields["scores"] = serde_json::json!(scores);
                fields["unknown"] = serde_json::json!(unknown);
            }
        }
        fields
    }
}

impl Stored {
    const NONE: Self =
        Self { pieces: Vec::new(), merges: None, scores: None, cut: Cut::Classes, before: Before::Nothing };
}

impl From<WordPieces> for Stored {
    fn from(pieces: WordPieces) -> Self {
        let WordPieces { pieces, rules, cut, before, .. } = pieces;
        match rules {
            Rules::Bpe { merges, .. } => Self { pieces, merges: Some(merges), scores: None, cut, before },
            Rules::Unigram { scores, .. } => Self { pieces, merges: None, scores: Some(scores), cut, before },
        }
    }
}

impl TryFrom<Stored> for WordPieces {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        let wrong = |problem: String| Err(Error::Invalid(format!("the word pieces: {problem}")));
        let Stored { pieces, merges, scores, cut, before } = stored;
        if pieces.len() > MOST_PIECES {
            return wrong(format!("there are {}, of {MOST_PIECES} at most", pieces.len()));
        }
        if !(0..=u8::MAX).map(byte_piece).eq(pieces.iter().take(BYTES).cloned()) {
            return wrong("the first 256 are not those of the bytes, <0x00> to <0xFF>".into());
        }
        let mut ids = HashMap::with_capacity(pieces.len());
        for (id, piece) in (0..).zip(&pieces).skip(BYTES) {
            if piece.is_empty() || piece.chars().nth(LONGEST).is_some() {
                return wrong(format!("{id} has no character or more than {LONGEST}"));
            }
            if is_byte(piece) {
                return wrong(format!("{piece} is there twice"));
            }
            if let Some(other) = ids.insert(piece.clone(), id) {
                return wrong(format!("{piece:?} is there twice, as {other} and as {id}"));
            }
        }
        let rules = match (merges, scores) {
            (Some(merges), None) => {
                let mut ranks = HashMap::with_capacity(merges.len());
                for (rank, &pair) in (0..).zip(&merges) {
                    let [Some(left), Some(right)] = pair.map(|piece| pieces.get(piece as usize)) else {
                        return wrong(format!("{pair:?} become one, but there are {} pieces", pieces.len()));
                    };
                    let Some(&piece) = ids.get(&format!("{left}{right}")) else {
                        return wrong(format!("{left:?} and {right:?} become one, which is not among them"));
                    };
                    ranks.entry(pair).or_insert((rank, piece));
                }
                Rules::Bpe { merges, ranks }
            }
            (None, Some(scores)) => {
                if scores.len() != pieces.len() {
                    return wrong(format!("there are {} with {} scores", pieces.len(), scores.len()));
                }
                // A word has at most as many pieces as characters, so no sum of such scores overflows.
                let sums = |score: &&f64| score.is_finite() && score.abs() <= 1e9;
                if let Some(score) = scores.iter().find(|score| !sums(score)) {
                    return wrong(format!("one has the score {score}"));
                }
                let longest = ids.keys().map(|piece| piece.chars().count()).max().unwrap_or(0);
                let unknown = scores.iter().copied().fold(f64::INFINITY, f64::min) - unigram::UNKNOWN;
                Rules::Unigram { scores, longest, unknown }
            }
            _ => return wrong("they have neither pairs that become one nor scores, or both".into()),
        };
        Ok(Self { pieces, rules, cut, before, ids })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXTS: [&str; 4] = [
        "the lower the tower, the lower the flower\n",
        "물은 낮은 곳으로 흐른다. 물은 낮은 곳에 고인다.\n",
        "She sells 12 sea shells; 12 shells she sells.\n",
        "낮은 물, 높은 물",
    ];

    fn learnt(kind: PieceKind, size: usize) -> WordPieces {
        WordPieces::learn(kind, TEXTS, size, 1).unwrap()
    }

    #[test]
    fn pieces_are_learnt_and_kept() {
        for kind in [PieceKind::Bpe, PieceKind::Unigram] {
            let pieces = learnt(kind, 340);
            assert!(pieces.pieces().len() <= 340, "{}", pieces.pieces().len());
            let tokens = pieces.tokens(" the lower water");
            assert_eq!(tokens[..2], [" the", " lower"], "{kind}");
            let text = serde_json::to_string(&pieces).unwrap();
            assert_eq!(serde_json::from_str::<WordPieces>(&text).unwrap(), pieces);
            // The order of texts does not matter, nor does anything else that is not in them.
            let reversed = WordPieces::learn(kind, TEXTS.into_iter().rev(), 340, 1).unwrap();
            assert_eq!(reversed, pieces);
            let spaced = pieces.clone().with_space_before();
            assert_eq!(spaced.tokens("lower water")[0], " lower");
            assert_eq!(spaced.join(&spaced.tokens("lower water")), "lower water");
            // A character that is too rare has no piece.
            let rare = WordPieces::learn(kind, TEXTS, 340, 3).unwrap();
            assert_eq!(rare.tokens("높"), ["<0xEB>", "<0x86>", "<0x92>"], "{kind}");
            assert_eq!(
                pieces.tokens("<0x41>").join(""),
                "<0x3C>0<0x78><0x34>1<0x3E>".replace("0<0x78>", "<0x30><0x78>")
            );
            assert_eq!(pieces.join(&pieces.tokens("<0x41>")), "<0x41>");
        }
    }

    #[test]
    fn what_holds_no_pieces_is_refused() {
        let bytes: Vec<String> = (0..=255).map(byte_piece).collect();
        let with = |more: &[&str]| -> Vec<String> {
            bytes.iter().cloned().chain(more.iter().map(|piece| (*piece).to_owned())).collect()
        };
        let long = "x".repeat(LONGEST + 1);
        for (pieces, merges, scores, expected) in [
            (with(&["a", "b", "ab"]), Some(vec![[256, 257]]), None, None),
            (with(&["a"]), None, Some(vec![-1.0; 257]), None),
            (with(&["a"]), None, None, Some("they have neither pairs that become one nor scores, or both")),
            (with(&["a"]), None, Some(vec![-1.0; 256]), Some("there are 257 with 256 scores")),
            (
                with(&["a"]),
                None,
                Some([vec![0.0; 256], vec![f64::NAN]].concat()),
                Some("one has the score NaN"),
            ),
            (with(&["a", "a"]), Some(vec![]), None, Some("\"a\" is there twice, as 256 and as 257")),
            (with(&["<0x00>"]), Some(vec![]), None, Some("<0x00> is there twice")),
            (with(&[&long]), Some(vec![]), None, Some("256 has no character or more than 256")),
            (
                with(&["a"]),
                Some(vec![[256, 257]]),
                None,
                Some("[256, 257] become one, but there are 257 pieces"),
            ),
            (
                with(&["a", "b"]),
                Some(vec![[256, 257]]),
                None,
                Some("\"a\" and \"b\" become one, which is not among them"),
            ),
            (
                vec!["a".into()],
                Some(vec![]),
                None,
                Some("the first 256 are not those of the bytes, <0x00> to <0xFF>"),
            ),
        ] {
            let found = WordPieces::try_from(Stored { pieces, merges, scores, ..Stored::NONE });
            let expected = expected.map(|problem| format!("the word pieces: {problem}"));
            assert_eq!(found.err().map(|error| error.to_string()), expected);
        }
        let error = WordPieces::learn(PieceKind::Bpe, [""], 300, 1).unwrap_err().to_string();
        assert_eq!(error, "there is no text to learn word pieces from");
    }

    proptest! {
        #[test]
        fn pieces_together_are_the_text(text in "[a-z가-힣 .,\n\t0-9\\PC]{0,60}") {
            for kind in [PieceKind::Bpe, PieceKind::Unigram] {
                let pieces = learnt(kind, 330);
                for pieces in [pieces.clone(), pieces.with_space_before()] {
                    let tokens = pieces.tokens(&text);
                    prop_assert_eq!(pieces.join(&tokens), text.as_str());
                    prop_assert!(tokens.iter().all(|token| pieces.pieces().contains(token)));
                }
            }
        }
    }
}
