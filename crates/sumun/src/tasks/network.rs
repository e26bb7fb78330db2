//! The network of a task: embedding, recurrent layers, pooling and an affine map, or the layers that a configuration has.

use super::inputs::Sequences;
use super::learner::outputs;
use super::options::NetworkOptions;
use super::task::{Task, TaskConfig};
use super::vectors;
use crate::model::{DenseLayer, EmbeddingLayer, Input, LayerConfig, Model, ModelConfig, RecurrentLayer};
use crate::nn::{Activation, ActivationLayer, CrfLayer, Initializer, Pool, SoftmaxLayer};
use crate::report::text::shape;
use crate::settings::Pooling;
use crate::text::{PAD, UNK, Vocabulary};
use crate::{Error, Result};

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
    /// What each of the numbers is for: `class`. They are logits; None of a number that is the output itself.
    pub(super) each: Option<&'static str>,
    /// Whether the rows of a sequence are read together, by a conditional random field behind the usual network.
    pub(super) crf: bool,
}

/// The network with its first weights, with pretrained word vectors where the options name some; how many tokens of the
/// `vocabulary` have one is added to `notes`. Error: layers that do not fit each other or the task.
pub(super) fn first_model<T: Task>(
    config: &TaskConfig<T>,
    input: Input,
    vocabulary: Option<&Vocabulary>,
    asks: Asks,
    notes: &mut Vec<String>,
) -> Result<Model> {
    let network = match config.layers.as_slice() {
        [] => standard(&config.network, input, asks),
        layers => of_layers(layers, input, asks)?,
    };
    let mut model = built(network, config)?;
    if !config.layers.is_empty() && asks.outputs == Outputs::EveryStep {
        check_steps(&model, input, asks)?;
    }
    if let Some(coverage) = vectors::load(&mut model, vocabulary, &config.text, config.layers.is_empty())? {
        notes.push(format!("pretrained word vectors: {coverage}"));
    }
    Ok(model)
}

/// The network with its first weights. Error: where a training goes on, another number of weights than its checkpoint has.
pub(super) fn built<T>(network: ModelConfig, config: &TaskConfig<T>) -> Result<Model> {
    let network = ModelConfig { precision: config.network.precision.into(), ..network };
    match &config.resumed {
        Some(resumed) => network.build_of(resumed.weights, config.train.seed),
        None => network.build(config.train.seed),
    }
}

/// The deviation of first vectors in a large vocabulary. Those from N(0, 1), PyTorch's, are many times as large as what a few
/// epochs add to them, so the vectors of all but the most frequent tokens stay noise.
pub(super) const FIRST_VECTORS: f64 = 0.1;

/// Of a vocabulary of up to so many tokens, letters for example, each is seen often enough, and vectors that differ from the
/// beginning on are learnt from sooner.
const SMALL_VOCABULARY: usize = 1000;

/// The vectors of so many tokens.
pub(super) fn embedding(features: usize, vocabulary: usize) -> EmbeddingLayer {
    let layer = EmbeddingLayer::new(features).padding_id(PAD);
    match vocabulary > SMALL_VOCABULARY {
        true => layer.first_weights(Initializer::Normal { std: FIRST_VECTORS }),
        false => layer,
    }
}

/// The network that the options describe.
fn standard(options: &NetworkOptions, input: Input, asks: Asks) -> ModelConfig {
    let mut builder = Model::builder(input);
    let dropout = options.dropout as f32;
    if let Input::Ids { vocabulary } = input {
        builder = builder.embedding(embedding(options.embedding, vocabulary));
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
    builder = builder.dense(asks.width);
    if asks.crf {
        builder = builder.layer(CrfLayer::new());
    }
    builder.config()
}

/// The network of a configuration's own layers. Errors: layers that do not fit each other, or whose output is not what the
/// task asks for.
fn of_layers(layers: &[LayerConfig], input: Input, asks: Asks) -> Result<ModelConfig> {
    let network = ModelConfig { layers: layers.to_vec(), ..ModelConfig::new(input) };
    let summary = network.summary().map_err(|error| Error::Invalid(format!("the layers: {error}")))?;
    let (Some(last), Some(row)) = (layers.last(), summary.rows.last()) else {
        return Err(Error::Invalid("the layers: there are none".into()));
    };
    let wanted = match asks.outputs {
        Outputs::Once(_) => vec![None, Some(asks.width)],
        Outputs::EveryStep => vec![None, None, Some(asks.width)],
    };
    if row.output_shape != wanted {
        let numbers = match asks.each {
            Some(each) => format!("a number for each {each}"),
            None => "one number".into(),
        };
        let (of, advice) = match (asks.outputs, row.output_shape.len() == wanted.len()) {
            (_, true) => ("", format!("make it a layer of {} units", asks.width)),
            (Outputs::Once(_), false) => (
                " a sequence",
                "make one row of the steps before it, with a pool layer or without return_sequences".into(),
            ),
            (Outputs::EveryStep, false) => (
                " at every step",
                "keep the steps, with return_sequences = true and without a pool layer".into(),
            ),
        };
        return Err(Error::Invalid(format!(
            "the layers: {} returns {}, but {numbers}{of} is needed, {}; {advice}",
            row.name,
            shape(&row.output_shape),
            shape(&wanted),
        )));
    }
    let is_crf = |layer: &&LayerConfig| layer.get::<CrfLayer>().is_some();
    let crfs = layers.iter().filter(is_crf).count();
    let is_last = is_crf(&last);
    if crfs > usize::from(is_last && asks.each == Some("tag")) {
        return Err(Error::Invalid(
            "the layers: crf chooses the tags of a sentence together and is the last layer of a tagger; leave it out".into(),
        ));
    }
    let (last, row) = match (layers, &summary.rows[..]) {
        ([.., before, _], [.., row, _]) if is_last => (before, row),
        _ => (last, row),
    };
    let bounded = last.get::<DenseLayer>().is_some_and(|layer| layer.activation != Activation::Linear)
        || last.get::<SoftmaxLayer>().is_some()
        || last.get::<ActivationLayer>().is_some();
    if asks.each.is_some() && bounded {
        return Err(Error::Invalid(format!(
            "the layers: {} ends with an activation, but the loss takes any numbers and makes probabilities of them itself; \
             leave the activation out",
            row.name
        )));
    }
    Ok(network)
}

/// Refuses layers that shorten sequences, such as a convolution without padding: every step has a label.
fn check_steps(model: &Model, input: Input, asks: Asks) -> Result<()> {
    const STEPS: [usize; 2] = [7, 4];
    let sequences = match input {
        Input::Ids { .. } => Sequences::Ids(STEPS.map(|steps| vec![UNK; steps]).to_vec()),
        Input::Numbers { features } | Input::Row { features } => {
            Sequences::Numbers { features, values: STEPS.map(|steps| vec![0.0; steps * features]).to_vec() }
        }
    };
    let found = outputs(model, &sequences).map_err(|error| Error::Invalid(format!("the layers: {error}")))?;
    let rows: Vec<usize> = found.iter().map(|rows| rows.len() / asks.width).collect();
    match rows == STEPS {
        true => Ok(()),
        false => Err(Error::Invalid(format!(
            "the layers: there are outputs at {} of {} steps, but one at every step is needed; keep all steps, with padding \
             and a stride of 1 in convolutions",
            rows[0], STEPS[0]
        ))),
    }
}
