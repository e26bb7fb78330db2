//! Pretrained word vectors for a task's embedding.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::options::TextOptions;
use crate::message::{key, text};
use crate::model::{EmbeddingLayer, LayerConfig, Model};
use crate::outside::{self, Links};
use crate::text::{Coverage, VectorFormat, VectorOptions, Vocabulary, WordVectors};
use crate::{Error, Result};

/// More than any header of word vectors.
const HEADER: u64 = 100;
/// The most bytes that a line with a vector has: 100,000 numbers or so.
const LINE: u64 = 1 << 20;

/// Copies the vectors that the options name into the model's first embedding, and returns how much of the vocabulary has
/// one; None where they name none. A file of another number of features than the embedding is an error, and so are layers
/// without an embedding. `usual` where the network is the one that settings describe.
pub(super) fn load(
    model: &mut Model,
    vocabulary: Option<&Vocabulary>,
    options: &TextOptions,
    usual: bool,
) -> Result<Option<Coverage>> {
    let Some(path) = &options.vectors else { return Ok(None) };
    let Some(vocabulary) = vocabulary else {
        return Err(Error::Settings(
            key("vectors") + " names word vectors, but the data holds numbers; leave it out",
        ));
    };
    let embedding = |(layer, name): (&LayerConfig, &str)| {
        Some((name.to_owned(), layer.get::<EmbeddingLayer>()?.features))
    };
    let found = model.config().layers.iter().zip(model.layer_names()).find_map(embedding);
    let Some((name, features)) = found else {
        return Err(Error::Settings(
            key("vectors") + " names word vectors, but no layer is an embedding; leave it out",
        ));
    };
    let how = VectorOptions::new(format(path)?).features(features).lowercase_fallback(true);
    let vectors = WordVectors::read(path, vocabulary, &how).map_err(|error| match features_of(path) {
        Ok(Some(found)) if found != features => {
            let advice = match usual {
                true => text("give ") + key("embedding").to(found),
                false => text(format!("give {name} {found} features")),
            };
            Error::Data(format!(
                "{}: its vectors have {found} numbers each, but the embedding has {features} features",
                path.display()
            ))
            .advise(advice)
        }
        _ => error,
    })?;
    vectors.copy_into_model(model, &name).map(Some)
}

/// How many numbers a file's vectors have, by its first line: a header's second number, or all after the first word.
/// None where that cannot be seen.
fn features_of(path: &Path) -> Result<Option<usize>> {
    let line = first_line(path, LINE)?;
    let mut words = line.split_whitespace();
    Ok(match format(path)? {
        VectorFormat::Glove => Some(words.count().saturating_sub(1)),
        _ => words.nth(1).and_then(|word| word.parse().ok()),
    }
    .filter(|&features| features > 0))
}

/// How a file is written: `.bin` is word2vec's binary; a first line of two whole numbers is a header; else it is GloVe's.
fn format(path: &Path) -> Result<VectorFormat> {
    if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("bin")) {
        return Ok(VectorFormat::Word2VecBinary);
    }
    let line = first_line(path, HEADER)?;
    let mut words = line.split_whitespace().map(str::parse::<u64>);
    let header = matches!((words.next(), words.next(), words.next()), (Some(Ok(_)), Some(Ok(_)), None));
    Ok(if header { VectorFormat::FastText } else { VectorFormat::Glove })
}

/// The first line of a file, or as many bytes of it as are asked for.
fn first_line(path: &Path, most: u64) -> Result<String> {
    let refused = |source| Error::Io { path: path.to_path_buf(), source };
    let mut line = Vec::new();
    // It is read again, so it is no pipe.
    let Some(file) = outside::open(path, Links::Follow)? else {
        return Err(Error::Data(format!("{}: there is no such file; check the path", path.display())));
    };
    let mut file = BufReader::new(file.take(most));
    file.read_until(b'\n', &mut line).map_err(refused)?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}
