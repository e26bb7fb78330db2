//! A model's forward pass, loss and backward pass in one call.

use ndarray::{Array2, array};
use sumun_nn::Rows;
use sumun_nn::loss::CrossEntropy;
use sumun_nn::model::{Batch, DenseLayer, Input, Model, ModelBuilder, ModelState, RecurrentLayer};
use sumun_nn::nn::{Activation, Pool};
use sumun_nn::noise::Noise;

const NOISE: Noise = Noise { seed: 5, step: 2, layer: 0 };

fn ids() -> Array2<u32> {
    array![[3, 0, 5, 1, 6], [2, 2, 4, 0, 1], [6, 1, 0, 0, 0]]
}

fn reader(every_step: bool) -> ModelBuilder {
    Model::builder(Input::ids(7))
        .embedding(5)
        .layer(RecurrentLayer::lstm(6).return_sequences(true))
        .dropout(0.3)
        .layer(RecurrentLayer::gru(4).return_sequences(every_step))
}

/// Predictions at every step and once, of heads whose answers are taken in chunks and of others; with frozen layers below,
/// frozen heads, and nothing to train.
#[test]
fn one_call_gives_the_bits_of_three() {
    let ends: [fn() -> ModelBuilder; 5] = [
        || reader(true).dense(9),
        || reader(false).dense(9),
        || reader(true).dense(DenseLayer::new(9).activation(Activation::Tanh)),
        || reader(true).dense(9).pool(Pool::Mean),
        || reader(false),
    ];
    let frozen: [&[&str]; 4] = [&[], &["embedding", "lstm"], &["dense"], &["embedding", "lstm", "gru"]];
    let mut compared = 0;
    for end in ends {
        for frozen in frozen {
            let mut apart = end().build(7).unwrap();
            let names: Vec<String> = apart.layer_names().map(String::from).collect();
            if frozen.iter().any(|name| !names.iter().any(|n| n == name)) {
                continue;
            }
            frozen.iter().for_each(|name| apart.set_trainable(name, false).unwrap());
            let mut together = end().build(7).unwrap();
            frozen.iter().for_each(|name| together.set_trainable(name, false).unwrap());

            let ids = ids();
            let batch = Batch::ids(ids.view()).lengths(&[5, 4, 2]).unwrap();
            let loss = CrossEntropy { ignore: Some(2), ..CrossEntropy::default() };
            let target = |k: usize| (k * 3 % 4) as u32;
            let (_, start) = apart.forward_with_state(&batch, None).unwrap();

            let (answer, state, cache) = apart.forward_train_with_state(&batch, Some(&start), NOISE).unwrap();
            let targets: Vec<u32> = (0..answer.layout.rows()).map(target).collect();
            let mut d = vec![0.0; answer.data.len()];
            let value = loss.value_and_gradient(&answer.data, &targets, Some(&mut d)).unwrap();
            let rows = answer.layout.rows();
            apart.backward(cache, Rows::new(d, answer.features, answer.layout.clone()).unwrap()).unwrap();

            let found = together
                .cross_entropy(&batch, Some(&start), NOISE, &loss, |layout| {
                    assert_eq!(layout.rows(), rows);
                    (0..layout.rows()).map(target).collect()
                })
                .unwrap();
            assert!((found.loss - value).abs() <= 1e-12 * value);
            assert_eq!(found.weight, loss.total_weight(&targets).unwrap());
            assert_eq!(found.state, state);
            assert!(
                together.parameters().gradients() == apart.parameters().gradients(),
                "{names:?} {frozen:?}"
            );
            let learns = apart.parameters().entries().iter().any(|entry| entry.trainable);
            assert_eq!(apart.parameters().gradients().iter().any(|d| *d != 0.0), learns);
            compared += 1;
        }
    }
    assert_eq!(compared, 5 + 5 + 4 + 5);
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut model = reader(true).dense(9).build(7).unwrap();
    let ids = ids();
    let batch = Batch::ids(ids.view());
    let loss = CrossEntropy::default();
    let mut error = |initial: Option<&ModelState>, classes: Vec<u32>| {
        model.cross_entropy(&batch, initial, NOISE, &loss, |_| classes).unwrap_err().to_string()
    };
    assert!(error(None, vec![0; 14]).ends_with("expected 15 classes, found 14"));
    assert!(error(None, vec![9; 15]).contains("class 9 in row 0 is not below the number of classes, 9"));
    let unknown = ModelState::from([(
        "dense".to_owned(),
        sumun_nn::nn::RecurrentState { hidden: Vec::new(), cell: Vec::new() },
    )]);
    assert_eq!(error(Some(&unknown), vec![0; 15]), "dense is no recurrent layer and has no state");
    assert!(model.parameters().gradients().iter().all(|d| *d == 0.0));
}
