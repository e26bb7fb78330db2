//! Pieces of words as tokens, so that no text has an unknown one: byte-pair encoding and unigram pieces.

mod bpe;
mod bytes;
mod cut;
mod json;
mod unigram;
mod word_pieces;

pub(crate) use bytes::Bytes;
pub use word_pieces::{MOST_PIECES, PieceKind, WordPieces};
