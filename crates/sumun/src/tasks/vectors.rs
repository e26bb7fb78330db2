//! Pretrained word vectors for a task's embedding.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::config::TextOptions;
use crate::model::Model;
use crate::text::{Coverage, VectorFormat, VectorOptions, Vocabulary, WordVectors};
use crate::{Error, Result};

/// More than any header of word vectors.
const HEADER: u64 = 100;

/// Copies the vectors that the options name into the model's embedding, and tells how much of the vocabulary has one;
/// None where they name none. A file of another number of features than the embedding is an error.
pub(super) fn load(
    model: &mut Model,
    vocabulary: Option<&Vocabulary>,
    features: usize,
    options: &TextOptions,
) -> Result<Option<Coverage>> {
    let Some(path) = &options.vectors else { return Ok(None) };
    let Some(vocabulary) = vocabulary else {
        return Err(Error::Invalid(
            "text.vectors names word vectors, but the data holds numbers; leave it out".into(),
        ));
    };
    let how = VectorOptions::new(format(path)?).features(features).lowercase_fallback(true);
    let vectors = WordVectors::read(path, vocabulary, &how)?;
    model.load_vectors("embedding", &vectors).map(Some)
}

/// How a file is written: `.bin` is word2vec's binary; a first line of two whole numbers is a header; else it is GloVe's.
fn format(path: &Path) -> Result<VectorFormat> {
    if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("bin")) {
        return Ok(VectorFormat::Word2VecBinary);
    }
    let refused = |source| Error::Io { path: path.to_path_buf(), source };
    let mut line = Vec::new();
    let mut file = BufReader::new(File::open(path).map_err(refused)?.take(HEADER));
    file.read_until(b'\n', &mut line).map_err(refused)?;
    let line = String::from_utf8_lossy(&line);
    let mut words = line.split_whitespace().map(str::parse::<u64>);
    let header = matches!((words.next(), words.next(), words.next()), (Some(Ok(_)), Some(Ok(_)), None));
    Ok(if header { VectorFormat::FastText } else { VectorFormat::Glove })
}
