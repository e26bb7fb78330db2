//! Gradients against central differences, of whole models and of random combinations of options.

use ndarray::{Array2, Array3};
use sumun_nn::Rows;
use sumun_nn::model::{AttentionLayer, Batch, DenseLayer, EmbeddingLayer, Input, Model, RecurrentLayer};
use sumun_nn::nn::{ActivationFunction, CellKind, CellOptions, Checkpoints, Merge, Pool, RecurrentDropout};
use sumun_nn::train::Regularizer;
use sumun_testing::Random;

use crate::models::{NOISE, check_gradients, ids, loss, reader, weight};

#[test]
fn gradients_of_a_whole_model_with_lengths_and_with_a_mask_with_holes() {
    let ids = ids();
    let mask = ids.mapv(|id| id % 3 != 2);
    let (yes, no) = (EmbeddingLayer::new(3).mask_zero(true), EmbeddingLayer::new(3));
    let batch = || Batch::ids(ids.view());
    check_gradients(reader(no.clone()).build(1).unwrap(), &batch());
    check_gradients(reader(no.clone()).build(2).unwrap(), &batch().lengths(&[5, 3, 2, 0]).unwrap());
    check_gradients(reader(no).build(3).unwrap(), &batch().mask(mask.view()).unwrap());
    check_gradients(reader(yes).build(4).unwrap(), &batch().lengths(&[5, 3, 2, 4]).unwrap());
}

#[test]
fn gradients_with_regularisers_pools_and_every_step() {
    let both = Regularizer { l1: 0.02, l2: 0.05 };
    let x = Array3::from_shape_fn((3, 4, 2), |(n, t, f)| weight(n * 8 + t * 2 + f));
    for over in [Pool::Last, Pool::Max, Pool::Mean] {
        let layer = RecurrentLayer::lstm(3)
            .return_sequences(true)
            .kernel_regularizer(both)
            .recurrent_regularizer(Regularizer::l2(0.1))
            .bias_regularizer(Regularizer::l1(0.03));
        let dense = DenseLayer::new(2).kernel_regularizer(Regularizer::l2(0.2)).bias_regularizer(both);
        let model = Model::builder(Input::numbers(2))
            .layer(layer)
            .dropout(0.2)
            .pool(over)
            .dense(dense)
            .build(1)
            .unwrap();
        check_gradients(model, &Batch::numbers(x.view()).lengths(&[4, 1, 3]).unwrap());
    }
    let attention = AttentionLayer::new(4).kernel_regularizer(both);
    let steps = RecurrentLayer::rnn(3).return_sequences(true);
    let model =
        Model::builder(Input::numbers(2)).layer(steps).attention(attention).dense(2).build(1).unwrap();
    assert_eq!(
        model.to_string(),
        "Model(\n  (rnn): RNN(2, 3, return_sequences=True)\n  (attention): Attention(features=3, units=4)\n  (dense): \
         Dense(in_features=3, out_features=2, bias=True)\n)"
    );
    let row = model.summary().layer("attention").cloned().unwrap();
    assert_eq!(
        (row.kind.as_str(), row.parameters, row.output_shape),
        ("Attention over time", 20, vec![None, Some(3)])
    );
    let value = |name: &str| model.parameters().value(model.parameters().find(name).unwrap());
    let penalised = [value("attention.weight"), value("attention.context")].concat();
    let penalty: f64 = penalised.iter().map(|&w| f64::from(w.abs() * 0.02 + w * w * 0.05)).sum();
    assert!((model.penalty() - penalty).abs() < 1e-6);
    check_gradients(model, &Batch::numbers(x.view()).lengths(&[4, 1, 3]).unwrap());
    let steps = RecurrentLayer::gru(3).return_sequences(true).input_dropout(0.3).recurrent_dropout(0.2);
    let model = Model::builder(Input::numbers(2)).layer(steps).dense(2).build(1).unwrap();
    check_gradients(model, &Batch::numbers(x.view()).lengths(&[4, 0, 3]).unwrap());
    let embedding = EmbeddingLayer::new(3).padding_id(0).regularizer(Regularizer::l2(0.3));
    let model = Model::builder(Input::ids(7)).embedding(embedding).rnn(3).build(1).unwrap();
    let table = model.parameters().find("embedding.weight").unwrap();
    assert_eq!(model.parameters().value(table)[..3], [0.0; 3]);
    let penalty: f64 =
        model.parameters().value(table).iter().map(|&w| 0.3_f32 as f64 * f64::from(w) * f64::from(w)).sum();
    assert!((model.penalty() - penalty).abs() < 1e-9);
}

/// A random sample of what can be combined, each with dropout, penalties, and lengths or a mask with holes. (Relu's and
/// L1's kinks spoil difference quotients in `f32`; the kernels check every activation in `f64`.)
#[test]
fn gradients_of_random_combinations_of_options() {
    let mut random = Random::new(17);
    let x = Array3::from_shape_fn((3, 5, 2), |(n, t, f)| weight(n * 10 + t * 2 + f));
    let cells = [CellKind::RnnTanh, CellKind::Lstm, CellKind::Gru, CellKind::GruResetBefore];
    let functions = [
        ActivationFunction::Sigmoid,
        ActivationFunction::Softsign,
        ActivationFunction::ScaledTanh { alpha: 1.2, beta: 0.7 },
        ActivationFunction::Softplus,
    ];
    let mut used = [0; 12];
    for case in 0..40 {
        let mut one_in = |n: usize| random.below(n) == 0;
        let [both, deep, checked, holes] = [2, 2, 2, 2].map(&mut one_in);
        let [projected, peepholes, coupled, clipped, normed, zone_h, zone_c] =
            [3, 3, 3, 3, 4, 3, 3].map(&mut one_in);
        let [gate, candidate, output] = [3, 3, 3].map(&mut one_in);
        let cell = cells[random.below(cells.len())];
        let (lstm, rnn) = (cell == CellKind::Lstm, cell == CellKind::RnnTanh);
        let mut function = |wanted: bool| {
            let function = functions[random.below(functions.len())];
            wanted.then_some(function)
        };
        let [gate_activation, candidate_activation, output_activation] =
            [gate && !rnn, candidate, output && lstm].map(&mut function);
        let masks = [RecurrentDropout::None, RecurrentDropout::Shared, RecurrentDropout::PerGate];
        let recurrent_dropout = masks[random.below(3)];
        let options = CellOptions {
            projection: (projected && lstm).then_some(2),
            peepholes: peepholes && lstm,
            coupled: coupled && lstm,
            clip: clipped.then_some(4.0),
            gate_activation,
            candidate_activation,
            output_activation,
            // A large ε, or the curvature of the norm over three units spoils difference quotients in f32.
            layer_norm: normed.then_some(0.5),
            recurrent_dropout,
            zoneout_hidden: if zone_h { 0.3 } else { 0.0 },
            zoneout_cell: if zone_c && lstm { 0.2 } else { 0.0 },
        };
        let merges = [Merge::Concat, Merge::Sum, Merge::Mul, Merge::Average];
        let merge = if both { merges[random.below(4)] } else { Merge::Concat };
        let layer = RecurrentLayer::new(cell, 3)
            .layers(1 + usize::from(deep))
            .bidirectional(both)
            .merge(merge)
            .return_sequences(random.below(2) == 0)
            .dropout(if deep { 0.3 } else { 0.0 })
            .input_dropout([0.0, 0.3][random.below(2)])
            .recurrent_dropout(if recurrent_dropout == RecurrentDropout::None { 0.0 } else { 0.3 })
            .options(options)
            .checkpoints(if checked { Checkpoints::Every(2) } else { Checkpoints::Off })
            .kernel_regularizer(Regularizer::l2(0.05))
            .recurrent_regularizer(Regularizer::l2(0.1))
            .bias_regularizer(Regularizer::l2(0.2));
        let model = Model::builder(Input::numbers(2)).layer(layer.clone()).dense(2).build(case).unwrap();
        let mask = Array2::from_shape_fn((3, 5), |(n, t)| n != 1 && (n + t) % 3 != 1);
        let batch = match holes {
            true => Batch::numbers(x.view()).mask(mask.view()).unwrap(),
            false => Batch::numbers(x.view()).lengths(&[2, 5, 0]).unwrap(),
        };
        println!("{layer:?}");
        check_gradients(model, &batch);
        let on = [
            both,
            deep,
            checked,
            holes,
            options.projection.is_some(),
            options.peepholes,
            options.coupled,
            clipped,
            normed,
            zone_h,
            options.zoneout_cell > 0.0,
            recurrent_dropout != RecurrentDropout::None,
        ];
        used.iter_mut().zip(on).for_each(|(count, on)| *count += usize::from(on));
    }
    assert!(used.iter().all(|&count| count >= 2), "cases with each option: {used:?}");
}

#[test]
fn the_gradient_of_the_input_agrees_with_central_differences() {
    let layer = RecurrentLayer::gru(3).return_sequences(true);
    let mut model = Model::builder(Input::numbers(2)).layer(layer).dropout(0.3).lstm(2).build(1).unwrap();
    let x = Array3::from_shape_fn((2, 3, 2), |(n, t, f)| weight(n * 6 + t * 2 + f));
    let (y, cache) = model.forward_train(Batch::numbers(x.view()), NOISE).unwrap();
    let d = Rows::new((0..y.data.len()).map(weight).collect(), y.features, y.layout.clone()).unwrap();
    let found = model.backward_to_input(cache, d).unwrap().unpack();
    for k in 0..found.len() {
        let at = |shift: f32| {
            let mut x = x.clone();
            x.as_slice_mut().unwrap()[k] += shift;
            loss(&model, &Batch::numbers(x.view()))
        };
        let numeric = (at(0.01) - at(-0.01)) / 0.02;
        assert!((f64::from(found[k]) - numeric).abs() < 2e-3, "{k}: {} for {numeric}", found[k]);
    }
}
