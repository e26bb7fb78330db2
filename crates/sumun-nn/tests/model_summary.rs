//! Summaries of models: what is trainable, PyTorch's print, and counts of what is too large to build.

use sumun_nn::model::{DenseLayer, EmbeddingLayer, Input, Model, ModelConfig, RecurrentLayer};
use sumun_nn::nn::{Activation, CellOptions, CombineLayer};

#[test]
fn a_frozen_layer_is_not_trainable_in_the_summary() {
    let embedding = EmbeddingLayer::new(64).trainable(false);
    let rnn = RecurrentLayer::rnn(64).keras();
    let model = Model::builder(Input::ids(10_000)).embedding(embedding).layer(rnn).dense(1).build(1).unwrap();
    let summary = model.summary();
    assert_eq!((summary.parameters(), summary.trainable()), (648_321, 8_321));
    assert_eq!(summary.layer("rnn").unwrap().parameters, 8_256);
}

#[test]
fn printed_as_pytorch_prints_modules() {
    let projection = CellOptions { projection: Some(16), ..CellOptions::default() };
    let model = Model::builder(Input::ids(1_000))
        .embedding(EmbeddingLayer::new(100).padding_id(0).trainable(false))
        .bidirectional(RecurrentLayer::lstm(128).layers(2_usize).dropout(0.3).return_sequences(true))
        .layer(RecurrentLayer::lstm(32).options(projection))
        .dropout(0.5)
        .dense(DenseLayer::new(3).activation(Activation::Tanh).learning_rate(0.5))
        .build(1)
        .unwrap();
    let expected = "\
Model(
  (embedding): Embedding(1000, 100, padding_idx=0, trainable=False)
  (lstm): LSTM(100, 128, num_layers=2, dropout=0.3, bidirectional=True, return_sequences=True)
  (lstm_1): LSTM(256, 32, proj_size=16)
  (dropout): Dropout(p=0.5)
  (dense): Dense(in_features=16, out_features=3, bias=True, activation=tanh, learning_rate=0.5)
)";
    assert_eq!(model.to_string(), expected);
}

/// A model far too large to build is counted all the same.
#[test]
fn counting_allocates_nothing() {
    let config: ModelConfig = Model::builder(Input::numbers(10_000)).lstm(10_000).dense(1).config();
    assert_eq!(config.summary().unwrap().parameters(), 800_090_001);
}

/// The table of a graph says what each layer reads; that of a list, in which it is the layer above, does not.
#[test]
fn the_table_of_a_graph_shows_what_each_layer_reads() {
    let config = Model::graph()
        .input("window", Input::numbers(7))
        .input("ahead", Input::numbers(5))
        .add("memory", RecurrentLayer::lstm(32).return_sequences(true), "window")
        .add("known", DenseLayer::new(32), "ahead")
        .add("both", CombineLayer::add(), ["memory", "known"])
        .add("forecast", DenseLayer::new(1), "both")
        .outputs("forecast")
        .config();
    let expected = "\
Layer (kind)      Output shape      Parameters  Reads
─────────────────────────────────────────────────────────────
memory (LSTM)     (None, None, 32)       5,248  window
known (Dense)     (None, None, 32)         192  ahead
both (Add)        (None, None, 32)           0  memory, known
forecast (Dense)  (None, None, 1)           33  both
─────────────────────────────────────────────────────────────
Total parameters: 5,473
Trainable parameters: 5,473
Non-trainable parameters: 0";
    assert_eq!(config.summary().unwrap().to_string(), expected);
    let list = Model::builder(Input::numbers(7)).lstm(32).dense(1).config();
    assert!(!list.summary().unwrap().to_string().contains("Reads"));
}
