//! The parameter counts that the lessons state. Every model is counted and then built.

use sumun::model::{
    DenseLayer, DropoutLayer, EmbeddingLayer, Input, Model, ModelBuilder, RecurrentLayer, Summary,
};
use sumun::nn::{Activation, CellKind, Gru, GruConfig, Lstm, LstmConfig};

use super::rng;

/// (total, trainable) of a model, and the parameters of a layer of it.
fn counts(model: ModelBuilder, layer: &str) -> (usize, usize, usize) {
    let config = model.config();
    let summary = config.summary().unwrap();
    // What is counted before building is what is built.
    let built = config.build(1).unwrap();
    assert_eq!(built.parameters().len(), summary.parameters());
    assert_eq!(built.summary(), summary);
    (summary.parameters(), summary.trainable(), summary.layer(layer).unwrap().parameters)
}

fn rnn() -> RecurrentLayer {
    RecurrentLayer::rnn(64).keras()
}

fn sigmoid() -> DenseLayer {
    DenseLayer::new(1).activation(Activation::Sigmoid).keras()
}

/// Lesson 0: Embedding(10000, 64), a recurrent layer, Dense(1).
fn lesson_0(layer: RecurrentLayer) -> ModelBuilder {
    Model::builder(Input::ids(10_000)).embedding(64).layer(layer).dense(sigmoid())
}

#[test]
fn lesson_0_simple_rnn_has_648_321_parameters() {
    assert_eq!(counts(lesson_0(rnn()), "rnn"), (648_321, 648_321, 8_256));
}

#[test]
fn lesson_0_lstm_has_673_089_parameters() {
    assert_eq!(counts(lesson_0(RecurrentLayer::lstm(64).keras()), "lstm"), (673_089, 673_089, 33_024));
}

/// The lesson's formula 3(h + x + 1)h counts one bias: that is the GRU with the reset before the product. Keras'
/// default resets after it, where the biases do not add up, so it has two.
#[test]
fn lesson_0_gru_has_665_025_parameters_and_with_one_bias_664_833() {
    assert_eq!(counts(lesson_0(RecurrentLayer::gru(64).keras()), "gru"), (665_025, 665_025, 24_960));
    let one_bias = RecurrentLayer::new(CellKind::GruResetBefore, 64).keras();
    assert_eq!(counts(lesson_0(one_bias), "gru"), (664_833, 664_833, 24_768));
}

#[test]
fn lesson_0_bidirectional_classifier_has_714_369_parameters() {
    let model = || {
        Model::builder(Input::ids(10_000))
            .embedding(EmbeddingLayer::new(64).mask_zero(true))
            .bidirectional(RecurrentLayer::lstm(64).keras())
            .dense(DenseLayer::new(64).activation(Activation::Relu))
            .dropout(0.5)
            .dense(sigmoid())
    };
    assert_eq!(counts(model(), "lstm"), (714_369, 714_369, 66_048));
    assert_eq!(counts(model(), "dense").2, 8_256);
    assert_eq!(counts(model(), "dropout").2, 0);
    assert_eq!(counts(model(), "dense_1").2, 65);
}

#[test]
fn lesson_0_stacked_classifier_has_790_337_parameters() {
    let lstm = |units, name: &str| RecurrentLayer::lstm(units).keras().name(name);
    let summary = Model::builder(Input::ids(10_000))
        .embedding(EmbeddingLayer::new(64).mask_zero(true))
        .layer(lstm(128, "lstm_1").return_sequences(true))
        .layer(DropoutLayer::new(0.3))
        .layer(lstm(64, "lstm_2"))
        .layer(DropoutLayer::new(0.3))
        .dense(DenseLayer::new(32).activation(Activation::Relu))
        .dense(sigmoid())
        .config()
        .summary()
        .unwrap();
    let rows: Vec<(&str, usize)> =
        summary.rows.iter().map(|row| (row.name.as_str(), row.parameters)).collect();
    let expected = [
        ("embedding", 640_000),
        ("lstm_1", 98_816),
        ("dropout", 0),
        ("lstm_2", 49_408),
        ("dropout_1", 0),
        ("dense", 2_080),
        ("dense_1", 33),
    ];
    assert_eq!(rows, expected);
    assert_eq!(summary.parameters(), 790_337);
}

/// Lesson 4 prints the whole table, with (None, None, 100), (None, 128) and (None, 1).
#[test]
fn lesson_4_simple_rnn_has_529_441_parameters() {
    let model = Model::builder(Input::ids(5_000))
        .embedding(100)
        .layer(RecurrentLayer::rnn(128).keras())
        .dense(sigmoid())
        .build(1)
        .unwrap();
    let expected = "\
Layer (kind)           Output shape       Parameters
────────────────────────────────────────────────────
embedding (Embedding)  (None, None, 100)     500,000
rnn (RNN)              (None, 128)            29,312
dense (Dense)          (None, 1)                 129
────────────────────────────────────────────────────
Total parameters: 529,441
Trainable parameters: 529,441
Non-trainable parameters: 0";
    assert_eq!(model.summary().to_string(), expected);
    assert_eq!(5000 * 100 + 100 * 128 + 128 * 128 + 128 + 128 + 1, model.summary().parameters());
}

/// A layer on its own, with PyTorch's two biases.
fn alone(input: usize, layer: RecurrentLayer) -> usize {
    let summary: Summary = Model::builder(Input::numbers(input)).layer(layer).config().summary().unwrap();
    summary.parameters()
}

#[test]
fn lesson_2_lstm_and_gru_have_117_760_and_88_320_parameters_75_percent() {
    let (lstm, gru) = (alone(100, RecurrentLayer::lstm(128)), alone(100, RecurrentLayer::gru(128)));
    assert_eq!((lstm, gru), (117_760, 88_320));
    assert_eq!(Lstm::new(LstmConfig::new(100, 128), &mut rng()).unwrap().parameters().len(), lstm);
    assert_eq!(Gru::new(GruConfig::new(100, 128), &mut rng()).unwrap().parameters().len(), gru);
    assert_eq!(format!("{:.2} %", 100.0 * gru as f64 / lstm as f64), "75.00 %");
}

/// The lesson's "3.4M / 2.5M" is close to the count of both directions.
#[test]
fn lesson_1_lstm_and_gru_have_1_667_072_and_1_250_304_parameters() {
    let counts = |both| {
        let of = |layer: RecurrentLayer| alone(300, layer.bidirectional(both));
        (of(RecurrentLayer::lstm(512)), of(RecurrentLayer::gru(512)))
    };
    assert_eq!(counts(false), (1_667_072, 1_250_304));
    assert_eq!(counts(true), (3_334_144, 2_500_608));
}

#[test]
fn lesson_1_stacks_of_two_layers_have_5_920_and_4_440_parameters() {
    assert_eq!(alone(10, RecurrentLayer::lstm(20).layers(2_usize).dropout(0.1)), 5_920);
    assert_eq!(alone(10, RecurrentLayer::gru(20).layers(2_usize)), 4_440);
}

/// The lessons' other models, each by its own count.
#[test]
fn the_lessons_small_models_have_their_counts() {
    let forecaster = |layer| Model::builder(Input::numbers(1)).layer(layer).dense(1);
    assert_eq!(counts(forecaster(RecurrentLayer::lstm(32)), "lstm").0, 4_513);
    assert_eq!(counts(forecaster(RecurrentLayer::rnn(32)), "rnn").0, 1_153);
    let characters = Model::builder(Input::ids(27)).embedding(32).rnn(64).dense(5);
    // 27·32 + 64·(32 + 64 + 2) + 5·65
    assert_eq!(counts(characters, "rnn").0, 7_461);
    let reviews = Model::builder(Input::ids(22))
        .embedding(EmbeddingLayer::new(32).padding_id(0))
        .dropout(0.3)
        .bidirectional(RecurrentLayer::gru(64).layers(2_usize).dropout(0.3))
        .dropout(0.3)
        .dense(DenseLayer::new(1).activation(Activation::Sigmoid));
    assert_eq!(counts(reviews, "gru").0, 112_961);
}
