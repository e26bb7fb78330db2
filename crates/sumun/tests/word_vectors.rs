//! Word vectors of a file in the embedding of a model.

use sumun::model::{EmbeddingLayer, Input, Model};
use sumun::text::{PAD, VectorFormat, VectorOptions, Vocabulary, WordVectors};

#[test]
fn word_vectors_are_copied_into_an_embedding_by_name() {
    let vocabulary = Vocabulary::from_tokens(["good", "bad", "xyzzy"]).unwrap();
    let file = "good 0.5 1\nbad -0.5 1\nugly 0 0\n".as_bytes();
    let options = VectorOptions::new(VectorFormat::Glove);
    let vectors = WordVectors::from_reader("glove.txt", file, &vocabulary, &options).unwrap();
    let build = |features: usize| {
        Model::builder(Input::ids(vocabulary.len()))
            .embedding(EmbeddingLayer::new(features).padding_id(PAD).trainable(false))
            .dense(1)
            .build(1)
            .unwrap()
    };
    let mut model = build(2);
    let table = model.parameters().find("embedding.weight").unwrap();
    let before = model.parameters().value(table).to_vec();
    let coverage = vectors.copy_into_model(&mut model, "embedding").unwrap();
    assert_eq!((coverage.found(), coverage.tokens), (2, 3));
    let after = model.parameters().value(table);
    assert_eq!(after[4..8], [0.5, 1.0, -0.5, 1.0]);
    assert_eq!((&after[..4], &after[8..]), (&before[..4], &before[8..]));
    let error = vectors.copy_into_model(&mut model, "dense").unwrap_err().to_string();
    assert_eq!(error, "dense is no embedding; word vectors go into one");
    let error = vectors.copy_into_model(&mut build(3), "embedding").unwrap_err().to_string();
    assert_eq!(error, "embedding: the table for the vectors of glove.txt: expected [5, 2], found [5, 3]");
}
