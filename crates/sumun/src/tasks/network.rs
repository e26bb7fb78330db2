//! The network of a task: embedding, recurrent layers, pooling and an affine map.

use super::config::{NetworkOptions, TaskConfig};
use super::vectors;
use crate::Result;
use crate::model::{EmbeddingLayer, Input, Model, ModelConfig, RecurrentLayer};
use crate::nn::Pool;
use crate::settings::Pooling;
use crate::text::{PAD, Vocabulary};

/// What a network answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// One row for each sequence.
    Once,
    /// A row at every step.
    EveryStep,
}

/// The network with its first weights, with pretrained word vectors where the options name some; `notes` is told how many
/// tokens of the `vocabulary` have one.
pub(super) fn first_model(
    config: &TaskConfig,
    input: Input,
    vocabulary: Option<&Vocabulary>,
    answers: Answers,
    outputs: usize,
    notes: &mut Vec<String>,
) -> Result<Model> {
    let mut model = network(&config.network, input, answers, outputs).build(config.train.seed)?;
    let features = config.network.embedding;
    if let Some(coverage) = vectors::load(&mut model, vocabulary, features, &config.text)? {
        notes.push(format!("pretrained word vectors: {coverage}"));
    }
    Ok(model)
}

/// The layers, for `outputs` numbers in each answer.
fn network(options: &NetworkOptions, input: Input, answers: Answers, outputs: usize) -> ModelConfig {
    let mut builder = Model::builder(input);
    let dropout = options.dropout as f32;
    if let Input::Ids { .. } = input {
        builder = builder.embedding(EmbeddingLayer::new(options.embedding).padding_id(PAD));
        if dropout > 0.0 {
            builder = builder.dropout(dropout);
        }
    }
    let last = answers == Answers::Once && options.pool == Pooling::Last;
    let recurrent = RecurrentLayer::new(options.cell, options.hidden)
        .layers(options.layers)
        .bidirectional(options.bidirectional)
        .dropout(if options.layers > 1 { dropout } else { 0.0 })
        .recurrent_dropout(options.recurrent_dropout as f32)
        .return_sequences(!last);
    builder = builder.layer(recurrent);
    if answers == Answers::Once {
        builder = match options.pool {
            Pooling::Last => builder,
            Pooling::Max => builder.pool(Pool::Max),
            Pooling::Mean => builder.pool(Pool::Mean),
            Pooling::Attention => builder.attention(options.hidden),
        };
    }
    if dropout > 0.0 {
        builder = builder.dropout(dropout);
    }
    builder.dense(outputs).config()
}
