//! The network of a task: embedding, recurrent layers, pooling and an affine map.
use super::options::NetworkOptions;
use super::task::{Task, TaskConfig};
use super::vectors;
use crate::Result;
use crate::model::{EmbeddingLayer, Input, Model, ModelConfig, RecurrentLayer};
use crate::nn::Pool;
use crate::settings::Pooling;
use crate::text::{PAD, Vocabulary};

/// When a network has an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outputs {
    /// One row for each sequence, to which its steps are pooled.
    Once(Pooling),
    /// A row at every step.
    EveryStep,
}

/// What a task asks of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asks {
    pub(super) outputs: Outputs,
    /// How many numbers each row of the output has.
    pub(super) width: usize,
}

/// The network with its first weights, with pretrained word vectors where the options name some; how many tokens of the
/// `vocabulary` have one is added to `notes`.
pub(super) fn first_model<T: Task>(
    config: &TaskConfig<T>,
    input: Input,
    vocabulary: Option<&Vocabulary>,
    asks: Asks,
    notes: &mut Vec<String>,
) -> Result<Model> {
    let mut model = network(&config.network, input, asks).build(config.train.seed)?;
    let features = config.network.embedding;
    if let Some(coverage) = vectors::load(&mut model, vocabulary, features, &config.text)? {
        notes.push(format!("pretrained word vectors: {coverage}"));
    }
    Ok(model)
}

/// The layers.
fn network(options: &NetworkOptions, input: Input, asks: Asks) -> ModelConfig {
    let mut builder = Model::builder(input);
    let dropout = options.dropout as f32;
    if let Input::Ids { .. } = input {
        builder = builder.embedding(EmbeddingLayer::new(options.embedding).padding_id(PAD));
        if dropout > 0.0 {
            builder = builder.dropout(dropout);
        }
    }
    let last = asks.outputs == Outputs::Once(Pooling::Last);
    let recurrent = RecurrentLayer::new(options.cell, options.hidden)
        .layers(options.layers)
        .bidirectional(options.bidirectional)
        .dropout(if options.layers > 1 { dropout } else { 0.0 })
        .recurrent_dropout(options.recurrent_dropout as f32)
        .return_sequences(!last);
    builder = builder.layer(recurrent);
    builder = match asks.outputs {
        Outputs::EveryStep | Outputs::Once(Pooling::Last) => builder,
        Outputs::Once(Pooling::Max) => builder.pool(Pool::Max),
        Outputs::Once(Pooling::Mean) => builder.pool(Pool::Mean),
        Outputs::Once(Pooling::Attention) => builder.attention(options.hidden),
    };
    if dropout > 0.0 {
        builder = builder.dropout(dropout);
    }
    builder.dense(asks.width).config()
}
