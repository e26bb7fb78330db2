//! From text to ids and back: tokenisers, vocabularies and pretrained word vectors.
//!
//! In order: a [`Tokenizer`] cuts text into tokens; a [`Vocabulary`] built from the training text numbers
//! them; [`WordVectors`] fill an embedding's table where a file knows the word. Padding and batches are in
//! [`sequences`](crate::sequences).
//!
//! [`Subwords`] are the parts that words have in common, so that a word that was never seen is not unknown: its vector is made of
//! theirs. [`WordPieces`] cut words into tokens, of which none is unknown. For Korean, [`TokenUnit::Jamo`] has a few dozen tokens
//! where syllables have 11,172.
//!
//! ```
//! use sumun::text::{TokenUnit, Tokenizer, Vocabulary, VocabularyOptions};
//!
//! let tokenizer = Tokenizer::new(TokenUnit::Whitespace).lowercase(true);
//! let reviews = ["The food was good", "the service was bad"];
//! let tokens: Vec<String> = reviews.iter().flat_map(|review| tokenizer.tokens(review)).collect();
//! let vocabulary = Vocabulary::build(&tokens, &VocabularyOptions::default())?;
//! assert_eq!(vocabulary.tokens(), ["<PAD>", "<UNK>", "the", "was", "food", "good", "service", "bad"]);
//! assert_eq!(vocabulary.encode(&tokenizer.tokens("The music was good"))?, [2, 1, 3, 5]);
//! assert_eq!(vocabulary.decode(&[2, 5])?, ["the", "good"]);
//! # Ok::<(), sumun::Error>(())
//! ```

mod jamo;
mod pieces;
mod subwords;
mod tokenize;
mod vectors;
mod vocabulary;
mod word_classes;
mod word_file;

pub use jamo::{CHOSEONG, JONGSEONG, JUNGSEONG, compose, compose_syllable, decompose, decompose_syllable};
pub(crate) use pieces::Bytes;
pub use pieces::{MOST_PIECES, PieceKind, WordPieces};
pub use subwords::{MOST_SUBWORDS, Subwords};
pub(crate) use tokenize::composed;
pub use tokenize::{TokenUnit, Tokenizer};
pub use vectors::{Coverage, VectorOptions, WordVectors};
pub use vocabulary::{PAD, UNK, Vocabulary, VocabularyOptions, VocabularyOrder};
pub(crate) use word_classes::word_classes;
pub use word_file::VectorFormat;
