//! Models, inputs and the check of gradients that the tests share.

use ndarray::{Array2, array};
use sumun_nn::Rows;
use sumun_nn::model::{
    Batch, Biases, DenseLayer, DropoutLayer, EmbeddingLayer, Input, Model, ModelBuilder, ModelConfig,
    RecurrentLayer,
};
use sumun_nn::nn::{Activation, CellKind, CellOptions, Checkpoints, FirstWeights, Initializer, Merge, Pool};
use sumun_nn::noise::Noise;
use sumun_nn::train::Regularizer;

pub(crate) const NOISE: Noise = Noise { seed: 5, step: 2, layer: 0 };

/// Embedding, bidirectional LSTM, dropout, GRU, dense.
pub(crate) fn reader(embedding: EmbeddingLayer) -> ModelBuilder {
    Model::builder(Input::ids(7))
        .embedding(embedding)
        .bidirectional(RecurrentLayer::lstm(3).return_sequences(true))
        .dropout(0.3)
        .gru(4)
        .dense(DenseLayer::new(2).activation(Activation::Tanh))
}

pub(crate) fn ids() -> Array2<u32> {
    array![[3, 0, 5, 1, 6], [2, 2, 4, 0, 1], [0, 6, 0, 0, 0], [0, 0, 0, 0, 0]]
}

pub(crate) fn weight(k: usize) -> f32 {
    ((k * 37 + 11) % 101) as f32 / 51.0 - 0.993
}

pub(crate) fn check_gradients(mut model: Model, batch: &Batch) {
    let (y, cache) = model.forward_train(batch, NOISE).unwrap();
    let d = Rows::new((0..y.data.len()).map(weight).collect(), y.features, y.layout.clone()).unwrap();
    model.backward(cache, d).unwrap();
    let found = model.parameters().gradients().to_vec();
    assert!(found.iter().any(|d| d.abs() > 0.05));
    const STEP: f32 = 1.0 / 128.0;
    for k in 0..found.len() {
        let mut at = |shift: f32| {
            let before = model.parameters().values()[k];
            model.parameters_mut().values_mut()[k] = before + shift;
            let loss = loss(&model, batch);
            model.parameters_mut().values_mut()[k] = before;
            loss
        };
        let numeric = (at(STEP) - at(-STEP)) / f64::from(2.0 * STEP);
        let difference = (f64::from(found[k]) - numeric).abs();
        let entry = model.parameters().entries().iter().find(|entry| entry.range.contains(&k)).unwrap();
        assert!(difference < 3e-3 * (1.0 + numeric.abs()), "{}: {} for {numeric}", entry.name, found[k]);
    }
}

/// Σ weight · output with fixed weights, and the penalty.
pub(crate) fn loss(model: &Model, batch: &Batch) -> f64 {
    let (y, _) = model.forward_train(batch, NOISE).unwrap();
    let sum: f64 = y.data.iter().enumerate().map(|(k, &y)| f64::from(weight(k)) * f64::from(y)).sum();
    sum + model.penalty()
}

/// Every layer and every option somewhere.
pub(crate) fn everything() -> ModelConfig {
    let embedding = EmbeddingLayer::new(6)
        .name("words")
        .padding_id(2)
        .mask_zero(true)
        .trainable(false)
        .learning_rate(0.1)
        .first_weights(Initializer::TruncatedNormal { std: 0.3 })
        .regularizer(Regularizer { l1: 0.1, l2: 0.2 });
    let options =
        CellOptions { projection: Some(2), peepholes: true, clip: Some(3.5), ..CellOptions::default() };
    let lstm = RecurrentLayer::lstm(5)
        .input(6_usize)
        .layers(2_usize)
        .return_sequences(true)
        .bidirectional(true)
        .merge(Merge::Average)
        .biases(Biases::One)
        .dropout(0.1)
        .input_dropout(0.2)
        .recurrent_dropout(0.3)
        .checkpoints(Checkpoints::Every(100))
        .truncate(50_usize)
        .options(options)
        .first_weights(FirstWeights::keras())
        .kernel_regularizer(Regularizer::l1(0.01))
        .recurrent_regularizer(Regularizer::l2(0.02))
        .bias_regularizer(Regularizer::l2(0.03))
        .learning_rate(2.0);
    let step = |cell| RecurrentLayer::new(cell, 3).return_sequences(true).checkpoints(Checkpoints::Sqrt);
    let dense = DenseLayer::new(4)
        .activation(Activation::Relu)
        .first_weights(Initializer::HeNormal)
        .first_bias(Initializer::Constant { value: 0.1 })
        .kernel_regularizer(Regularizer::l2(0.5))
        .bias_regularizer(Regularizer::l1(0.5));
    Model::builder(Input::ids(11))
        .embedding(embedding)
        .layer(lstm)
        .layer(step(CellKind::RnnTanh))
        .layer(step(CellKind::RnnRelu).go_backwards(true))
        .layer(step(CellKind::Gru).biases(Biases::None).inverted_update(true))
        .layer(step(CellKind::GruResetBefore))
        .layer(DropoutLayer::new(0.25).name("rest"))
        .dense(dense)
        .pool(Pool::Mean)
        .dense(DenseLayer::new(3).bias(false).input(4_usize))
        .config()
}
