//! What a network reads: texts as ids, numbers as scaled rows; and batches of them.

use std::borrow::Cow;
use std::sync::Arc;

use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};

use super::cutter::Cutter;
use super::figures::Unknown;
use super::options::TextOptions;
use super::words::{Lexicon, TokenReader};
use crate::data::{Role, ScaleKind, Scaler};
use crate::message::{key, text};
use crate::model::{Batch, Input as ModelInput};
use crate::records::{Input, Record, Records, Sentence, counted};
use crate::settings::Normalize;
use crate::text::{PAD, TokenUnit, Tokenizer, UNK, Vocabulary, composed};
use crate::{Bags, Error, Result};

/// How raw input becomes what the network reads; fitted on the training part alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Reader {
    /// Texts are cut into tokens, tokens become ids.
    Text {
        tokenizer: Cutter,
        #[serde(flatten)]
        words: TokenReader,
    },
    /// Tokens come as they are and become ids.
    Tokens {
        lowercase: bool,
        /// Whether they get Unicode's composed form.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        nfc: bool,
        #[serde(flatten)]
        words: TokenReader,
    },
    /// Every channel is scaled to mean 0 and deviation 1.
    Numbers { scalers: Vec<Scaler> },
}

/// Sequences as a network reads them, in the order of their file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Sequences {
    Ids(Vec<Vec<u32>>),
    /// Tokens with parts.
    Words {
        entries: Vec<Vec<u32>>,
        lexicon: Lexicon,
    },
    /// `[T, F]` each.
    Numbers {
        features: usize,
        values: Vec<Vec<f32>>,
    },
}

impl Reader {
    /// Learns vocabulary or scales from the records of the training part.
    pub(crate) fn fit(records: &Records, options: &TextOptions) -> Result<Self> {
        let Some(channels) = records.channels() else {
            let texts = || records.records.iter().map(text_of);
            let tokenizer = Cutter::fit(texts(), options, options.level, true)?;
            let words = match tokenizer.vocabulary() {
                Some(vocabulary) => TokenReader::of(vocabulary?),
                None => {
                    let texts: Vec<Vec<String>> = texts().map(|text| tokenizer.tokens(text)).collect();
                    TokenReader::fit(&texts, options)?
                }
            };
            return Ok(Self::Text { tokenizer, words });
        };
        let scalers = (0..channels).map(|channel| {
            let values: Vec<f64> = records
                .records
                .iter()
                .flat_map(|record| match &record.input {
                    Input::Numbers { values, .. } => values.as_slice(),
                    Input::Text(_) => &[],
                })
                .skip(channel)
                .step_by(channels)
                .map(|&v| f64::from(v))
                .collect();
            Scaler::fit(ScaleKind::Standard, &format!("channel {}", channel + 1), &values, Role::Feature)
        });
        Ok(Self::Numbers { scalers: scalers.collect::<Result<_>>()? })
    }

    /// Learns the vocabulary of sentences that are tokens already.
    pub(crate) fn fit_tokens(sentences: &[Sentence], options: &TextOptions) -> Result<Self> {
        let tokenizer = options.rules(options.level);
        let tokens: Vec<Vec<String>> =
            sentences.iter().map(|sentence| prepared(sentence, tokenizer)).collect();
        let words = TokenReader::fit(&tokens, options)?;
        Ok(Self::Tokens { lowercase: tokenizer.lowercase, nfc: tokenizer.nfc, words })
    }

    /// Sentences as sequences. A reader of anything but tokens is an error.
    pub(crate) fn sentences(&self, sentences: &[Sentence]) -> Result<Sequences> {
        let &Self::Tokens { lowercase, nfc, ref words } = self else {
            return Err(Error::Model("its pipeline reads no lists of tokens".into()));
        };
        let how = as_written().lowercase(lowercase).nfc(nfc);
        let tokens: Vec<Vec<String>> = sentences.iter().map(|sentence| prepared(sentence, how)).collect();
        Ok(Sequences::of_words(words.read(tokens.iter().map(Vec::as_slice))?))
    }

    /// Whether its vocabulary has a token.
    pub(crate) fn knows(&self, token: &str) -> bool {
        match self {
            Self::Tokens { lowercase, nfc, words } => {
                words.vocabulary.id(&as_written().lowercase(*lowercase).nfc(*nfc).prepared(token)).is_some()
            }
            Self::Text { words, .. } => words.vocabulary.id(token).is_some(),
            Self::Numbers { .. } => false,
        }
    }

    /// Whether it can read anything, as it can unless a file was tampered with.
    pub(crate) fn check(&self) -> Result<()> {
        let sane =
            |scaler: &Scaler| scaler.offset.is_finite() && scaler.scale.is_normal() && scaler.scale > 0.0;
        let problem = match self {
            Self::Text { tokenizer, words } => {
                words.problem().or_else(|| tokenizer.problem(&words.vocabulary).map(str::to_owned))
            }
            Self::Tokens { words, .. } => words.problem(),
            Self::Numbers { scalers } => scalers
                .iter()
                .find(|&scaler| !sane(scaler))
                .map(|scaler| format!("a channel is scaled by {} from {}", scaler.scale, scaler.offset)),
        };
        match problem {
            Some(problem) => Err(Error::Model(format!("its pipeline cannot be used: {problem}"))),
            None => Ok(()),
        }
    }

    /// What the network's first layer reads.
    pub(crate) fn input(&self) -> ModelInput {
        match self {
            Self::Text { words, .. } | Self::Tokens { words, .. } => ModelInput::ids(words.rows()),
            Self::Numbers { scalers } => ModelInput::numbers(scalers.len()),
        }
    }

    /// The pieces that texts are cut into, where they are; see [`Cutter::tokenizer_json`].
    pub(crate) fn tokenizer_json(&self) -> Option<String> {
        match self {
            Self::Text { tokenizer, .. } => tokenizer.tokenizer_json(),
            Self::Tokens { .. } | Self::Numbers { .. } => None,
        }
    }

    /// What was decided about the pieces that texts are cut into, where they are; see [`Cutter::choice`].
    pub(crate) fn choice(&self, options: &TextOptions) -> Option<[String; 3]> {
        match self {
            Self::Text { tokenizer, .. } => tokenizer.choice(options),
            Self::Tokens { .. } | Self::Numbers { .. } => None,
        }
    }

    /// What the tokens are of a reader of texts.
    pub(crate) fn words(&self) -> Option<&TokenReader> {
        match self {
            Self::Text { words, .. } | Self::Tokens { words, .. } => Some(words),
            Self::Numbers { .. } => None,
        }
    }

    /// The vocabulary of a reader of texts.
    pub(crate) fn vocabulary(&self) -> Option<&Vocabulary> {
        self.words().map(|words| &words.vocabulary)
    }

    /// The places of the records that have something to read: texts without a token have not.
    pub(crate) fn readable(&self, records: &Records) -> Vec<usize> {
        let empty = |record: &Record| match (&record.input, self) {
            (Input::Text(text), Self::Text { tokenizer, .. }) => tokenizer.tokens(text).is_empty(),
            _ => false,
        };
        (0..records.records.len()).filter(|&place| !empty(&records.records[place])).collect()
    }

    /// The tokens of a record as the model reads them; none where it reads numbers.
    pub(crate) fn tokens(&self, record: &Record) -> Vec<String> {
        match self {
            Self::Text { tokenizer, .. } => tokenizer.tokens(text_of(record)),
            Self::Tokens { .. } | Self::Numbers { .. } => Vec::new(),
        }
    }

    /// The records as sequences. Errors, with the line: records of another kind, other channels, a text without tokens.
    pub(crate) fn read(&self, records: &Records) -> Result<Sequences> {
        let Records { name, records: all, fields, .. } = records;
        match self {
            Self::Text { tokenizer, words } => {
                let tokens = all.iter().map(|record| {
                    let Input::Text(written) = &record.input else {
                        return Err(Error::Data(format!(
                            "{name}: line {}: {} holds numbers, but the model reads texts",
                            record.line, fields.input
                        ))
                        .advise(text("give texts there, or train with another ") + key("text")));
                    };
                    let tokens = tokenizer.tokens(written);
                    if tokens.is_empty() {
                        return Err(Error::Data(format!(
                            "{name}: line {}: the text has no tokens",
                            record.line
                        ))
                        .advise(text("leave the record out, or train with ") + key("level").to("char")));
                    }
                    Ok(tokens)
                });
                let tokens = tokens.collect::<Result<Vec<Vec<String>>>>()?;
                Ok(Sequences::of_words(words.read(tokens.iter().map(Vec::as_slice))?))
            }
            Self::Tokens { .. } => {
                Err(Error::Data(format!("{name}: the model reads tokens, one list a sentence")))
            }
            Self::Numbers { scalers } => {
                let features = scalers.len();
                let values = all.iter().map(|record| match &record.input {
                    Input::Numbers { channels, values, .. } if *channels == features => {
                        let scaled = |(place, &v): (usize, &f32)| {
                            scalers[place % features].transform(f64::from(v)) as f32
                        };
                        Ok(values.iter().enumerate().map(scaled).collect())
                    }
                    Input::Numbers { channels, .. } => Err(Error::Data(format!(
                        "{name}: line {}: {} has {}, but the model was trained on {features}; give the same channels in the same \
                         order",
                        record.line,
                        fields.input,
                        counted(*channels, "channel")
                    ))),
                    Input::Text(_) => Err(Error::Data(format!(
                        "{name}: line {}: {} is a text, but the model reads numbers",
                        record.line, fields.input
                    ))
                    .advise(text("give numbers there, or train with another ") + key("x"))),
                });
                Ok(Sequences::Numbers { features, values: values.collect::<Result<_>>()? })
            }
        }
    }
}

/// What to say of the tokens of the training part that its vocabulary leaves out; None where it has all of them.
pub(crate) fn left_out(train: &Sequences, reader: &Reader) -> Option<String> {
    let (Some(unknown), Some(vocabulary)) = (train.unknown(), reader.vocabulary()) else { return None };
    let note = too_rare(unknown.count, unknown.of, vocabulary.len());
    match train {
        Sequences::Words { .. } => note.map(|note| note + ", with the vectors of their parts"),
        Sequences::Ids(_) | Sequences::Numbers { .. } => note,
    }
}

/// What to say of `unknown` of `tokens` that a vocabulary of so many leaves out; None of none.
pub(crate) fn too_rare(unknown: usize, tokens: usize, vocabulary: usize) -> Option<String> {
    (unknown > 0).then(|| {
        format!(
            "{unknown} of {tokens} tokens of the training part are too rare to be in the vocabulary of {vocabulary} and count as <UNK>"
        )
    })
}

/// Whether a scaler makes finite numbers of finite ones.
pub(crate) fn sane(scaler: &Scaler) -> bool {
    scaler.offset.is_finite() && scaler.scale.is_normal() && scaler.scale > 0.0
}

/// Of tokens that come as they are, what they become says how, and what a token is does not matter.
fn as_written() -> Tokenizer {
    Tokenizer::new(TokenUnit::Whitespace)
}

fn prepared(sentence: &Sentence, how: Tokenizer) -> Vec<String> {
    sentence.tokens.iter().map(|token| how.prepared(token).into_owned()).collect()
}

/// What to say of texts that are not in the form in which they are read; None where all are.
pub(crate) fn composed_note<'a>(
    file: &str,
    what: &str,
    texts: impl Iterator<Item = &'a str>,
    options: &TextOptions,
) -> Option<String> {
    let (mut all, mut changed) = (0, 0);
    for text in texts.filter(|_| options.normalize == Normalize::Nfc) {
        all += 1;
        changed += usize::from(matches!(composed(text), Cow::Owned(_)));
    }
    (changed > 0).then(|| {
        format!(
            "{file}: {changed} of {all} {what}s have letters and accents apart; they are read as one character (normalize \
             none keeps them)"
        )
    })
}

/// The text of a record; nothing of one that is numbers.
pub(crate) fn text_of(record: &Record) -> &str {
    match &record.input {
        Input::Text(text) => text,
        Input::Numbers { .. } => "",
    }
}

/// A batch padded to its longest sequence.
#[derive(Debug)]
pub(crate) struct Padded {
    values: PaddedValues,
    lengths: Vec<usize>,
}

#[derive(Debug)]
enum PaddedValues {
    /// With what they are entries of, if they are.
    Ids(Array2<u32>, Option<Arc<Bags>>),
    Numbers(Array3<f32>),
}

impl Padded {
    /// The batch for a model.
    pub(crate) fn batch(&self) -> Result<Batch<'_>> {
        match &self.values {
            PaddedValues::Ids(ids, None) => Batch::ids(ids.view()),
            PaddedValues::Ids(ids, Some(bags)) => Batch::ids(ids.view()).bags(Arc::clone(bags)),
            PaddedValues::Numbers(x) => Batch::numbers(x.view()),
        }
        .lengths(&self.lengths)
    }

    /// Steps that are there.
    pub(crate) fn rows(&self) -> usize {
        self.lengths.iter().sum()
    }
}

impl Sequences {
    /// Of tokens as they were read.
    pub(super) fn of_words((ids, lexicon): (Vec<Vec<u32>>, Option<Lexicon>)) -> Self {
        match lexicon {
            Some(lexicon) => Self::Words { entries: ids, lexicon },
            None => Self::Ids(ids),
        }
    }

    /// How many of the tokens the vocabulary lacks; None of numbers.
    pub(crate) fn unknown(&self) -> Option<Unknown> {
        match self {
            Self::Ids(sequences) => Some(Unknown::among(sequences.iter().flatten())),
            Self::Words { entries, lexicon } => {
                let ids: Vec<u32> = entries.iter().flatten().map(|&entry| lexicon.id(entry)).collect();
                Some(Unknown { have_parts: true, ..Unknown::among(&ids) })
            }
            Self::Numbers { .. } => None,
        }
    }

    /// What stands for an unknown token in the place of an id or entry.
    pub(crate) fn unknown_in_place_of(&self, id: u32) -> u32 {
        match self {
            Self::Words { lexicon, .. } => lexicon.unknown(id),
            Self::Ids(_) | Self::Numbers { .. } => UNK,
        }
    }

    /// How many steps each has.
    pub(crate) fn lengths(&self) -> Vec<usize> {
        match self {
            Self::Ids(ids) | Self::Words { entries: ids, .. } => ids.iter().map(Vec::len).collect(),
            Self::Numbers { features, values } => values.iter().map(|v| v.len() / features).collect(),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Ids(ids) | Self::Words { entries: ids, .. } => ids.len(),
            Self::Numbers { values, .. } => values.len(),
        }
    }

    /// Those of some places as a batch.
    pub(crate) fn padded(&self, chosen: &[usize]) -> Padded {
        self.padded_with(chosen, |_, _, id| id)
    }

    /// As [`padded`](Self::padded), with what `read` makes of the id or entry of each sequence and step.
    pub(crate) fn padded_with(&self, chosen: &[usize], read: impl Fn(usize, usize, u32) -> u32) -> Padded {
        match self {
            Self::Ids(ids) | Self::Words { entries: ids, .. } => {
                let lengths: Vec<usize> = chosen.iter().map(|&n| ids[n].len()).collect();
                let time = lengths.iter().copied().max().unwrap_or(0);
                let mut padded = Array2::from_elem((chosen.len(), time), PAD);
                for (row, &n) in padded.rows_mut().into_iter().zip(chosen) {
                    for (t, (to, &id)) in row.into_iter().zip(&ids[n]).enumerate() {
                        *to = read(n, t, id);
                    }
                }
                let bags = match self {
                    Self::Words { lexicon, .. } => Some(Arc::clone(&lexicon.bags)),
                    _ => None,
                };
                Padded { values: PaddedValues::Ids(padded, bags), lengths }
            }
            Self::Numbers { features, values } => {
                let lengths: Vec<usize> = chosen.iter().map(|&n| values[n].len() / features).collect();
                let time = lengths.iter().copied().max().unwrap_or(0);
                let mut padded = Array3::zeros((chosen.len(), time, *features));
                for (sequence, &n) in padded.outer_iter_mut().zip(chosen) {
                    // A sequence of an array in its standard order is one slice.
                    let to = sequence.into_slice().unwrap_or_default();
                    to[..values[n].len()].copy_from_slice(&values[n]);
                }
                Padded { values: PaddedValues::Numbers(padded), lengths }
            }
        }
    }
}
