//! The network: an encoder, and a decoder that attends to it.

use super::super::network::embedding;
use super::super::options::NetworkOptions;
use crate::model::{DenseLayer, DropoutLayer, Input, Model, ModelConfig, RecurrentLayer};
use crate::nn::{Activation, CombineLayer, CrossAttentionLayer, Score};

/// The inputs: the ids of the source, and those of the target with an end before the first.
pub(super) const SOURCE: &str = "source";
pub(super) const TARGET: &str = "target";
/// The layer that the tokens of the target are read by.
pub(super) const TARGET_EMBEDDING: &str = "target_embedding";
/// The layer whose steps are attended to, and whose last state the decoder begins with.
pub(super) const ENCODER: &str = "encoder";
/// The layer whose steps attend.
pub(super) const DECODER: &str = "decoder";
pub(super) const ATTENTION: &str = "attention";

/// The layers, for so many ids of the source and of the target, its end included: Luong, Pham & Manning, *Effective
/// Approaches to Attention-based Neural Machine Translation*, EMNLP 2015, with global attention and without input feeding,
/// so that all steps of a layer are computed together. Where both directions are asked for, a layer that reads in both
/// stands below the encoder (as in Wu et al., *Google's Neural Machine Translation System*, 2016), which has one direction
/// and so a last state to hand over.
pub(super) fn network(options: &NetworkOptions, score: Score, source: usize, target: usize) -> ModelConfig {
    let &NetworkOptions { hidden, layers, dropout, recurrent_dropout, .. } = options;
    let dropout = dropout as f32;
    let recurrent = |layers: usize| {
        RecurrentLayer::new(options.cell, hidden)
            .layers(layers)
            .dropout(if layers > 1 { dropout } else { 0.0 })
            .recurrent_dropout(recurrent_dropout as f32)
            .return_sequences(true)
    };
    let mut builder = Model::graph().input(SOURCE, Input::ids(source)).input(TARGET, Input::ids(target));
    // Adds a layer, and dropout behind it, and gives the name that the next layer reads.
    builder = builder.add("embedding", embedding(options.embedding, source), SOURCE);
    let mut read = "embedding";
    if dropout > 0.0 {
        builder = builder.add("dropout", DropoutLayer::new(dropout), read);
        read = "dropout";
    }
    if options.bidirectional {
        builder = builder.add("reader", recurrent(1).bidirectional(true), read);
        read = "reader";
        if dropout > 0.0 {
            builder = builder.add("reader_dropout", DropoutLayer::new(dropout), read);
            read = "reader_dropout";
        }
    }
    builder = builder.add(ENCODER, recurrent(layers), read);
    builder = builder.add(TARGET_EMBEDDING, embedding(options.embedding, target), TARGET);
    read = TARGET_EMBEDDING;
    if dropout > 0.0 {
        builder = builder.add("target_dropout", DropoutLayer::new(dropout), read);
        read = "target_dropout";
    }
    let attention = match score {
        Score::Dot => CrossAttentionLayer::dot(),
        Score::General => CrossAttentionLayer::general(),
        Score::Additive => CrossAttentionLayer::additive(hidden),
    };
    builder = builder
        .add(DECODER, recurrent(layers).initial(ENCODER), read)
        .add(ATTENTION, attention, [DECODER, ENCODER])
        .add("beside", CombineLayer::concat(), [ATTENTION, DECODER])
        .add("mixed", DenseLayer::new(hidden).activation(Activation::Tanh), "beside");
    read = "mixed";
    if dropout > 0.0 {
        builder = builder.add("mixed_dropout", DropoutLayer::new(dropout), read);
        read = "mixed_dropout";
    }
    builder.add("output", DenseLayer::new(target), read).config()
}
