//! What a step changes: frozen layers, factors of the learning rate, parameters that changed meanwhile.

use ndarray::Array3;
use sumun_nn::Rows;
use sumun_nn::loss::{Loss, Targets};
use sumun_nn::model::{Batch, EmbeddingLayer, Input, Model};
use sumun_nn::train::Optimizer;

use crate::models::{NOISE, ids, reader};

#[test]
fn frozen_layers_stay_and_factors_scale_what_training_changes() {
    let ids = ids();
    let batch = || Batch::ids(ids.view());
    let step = |model: &mut Model| {
        let before = model.parameters().values().to_vec();
        model.parameters_mut().zero_gradients();
        let (y, cache) = model.forward_train(batch(), NOISE).unwrap();
        let mut d = vec![0.0; y.data.len()];
        let target = vec![0.5; d.len()];
        let loss: Loss = "mse".parse().unwrap();
        loss.value_and_gradient(&y.data, Targets::Values(&target), Some(&mut d)).unwrap();
        model.backward(cache, Rows::new(d, y.features, y.layout.clone()).unwrap()).unwrap();
        let mut sgd = Optimizer::new("sgd".parse().unwrap(), model.parameters()).unwrap();
        sgd.step(model.parameters_mut(), 0.5, 1.0).unwrap();
        let after = model.parameters().values().to_vec();
        let change: Vec<f32> = after.iter().zip(before).map(|(a, b)| a - b).collect();
        let of = |layer: &str| {
            let entries = model.parameters().entries().iter().filter(|e| e.name.starts_with(layer));
            entries.flat_map(|e| change[e.range.clone()].to_vec()).collect::<Vec<f32>>()
        };
        (of("embedding."), of("lstm."), of("gru."), of("dense."))
    };
    let build = || reader(EmbeddingLayer::new(3)).build(1).unwrap();
    let (embedding, lstm, gru, dense) = step(&mut build());
    assert!(embedding.iter().any(|d| *d != 0.0));
    let mut model = build();
    model.set_trainable("embedding", false).unwrap();
    model.set_trainable("gru", false).unwrap();
    model.set_learning_rate("lstm", 0.5).unwrap();
    let frozen = step(&mut model);
    assert!(frozen.0.iter().chain(&frozen.2).all(|d| *d == 0.0));
    assert_eq!(frozen.3, dense);
    for (half, whole) in frozen.1.iter().zip(&lstm) {
        assert!((half - 0.5 * whole).abs() < 1e-6, "{half} of {whole}");
    }
    // The configuration knows, and so does what is built from it.
    let again = model.config().clone().build(1).map(|mut model| step(&mut model)).unwrap();
    assert_eq!(again, frozen);
    model.set_trainable("gru", true).unwrap();
    assert!(model.summary().layer("gru").unwrap().trainable);
    assert!(gru.iter().any(|d| *d != 0.0));
    for name in model.layer_names().map(str::to_owned).collect::<Vec<_>>() {
        if name != "dropout" {
            model.set_trainable(&name, false).unwrap();
        }
    }
    let (a, b, c, d) = step(&mut model);
    assert!([a, b, c, d].concat().iter().all(|d| *d == 0.0));
    assert_eq!(
        model.set_trainable("dropout", true).unwrap_err().to_string(),
        "dropout has no weights to train"
    );
    assert_eq!(
        model.set_learning_rate("LSTM", 1.0).unwrap_err().to_string(),
        "the model has no layer \"LSTM\"; it has embedding, lstm, dropout, gru, dense"
    );
    assert!(model.set_learning_rate("lstm", f64::NAN).is_err());
}

#[test]
fn parameters_that_changed_meanwhile_are_noticed() {
    let mut model = Model::builder(Input::numbers(2)).dense(1).build(1).unwrap();
    let x = Array3::zeros((1, 1, 2));
    let (y, cache) = model.forward_train(Batch::numbers(x.view()), NOISE).unwrap();
    model.parameters_mut().values_mut()[0] += 1.0;
    let error = model.backward(cache, y).unwrap_err().to_string();
    assert!(error.contains("run forward_train again"), "{error}");
}
