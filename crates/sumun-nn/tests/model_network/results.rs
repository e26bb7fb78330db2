//! What a model returns does not depend on padding, masks, chunks or the batch, and is what its layers return.

use ndarray::{Array2, Array3, Axis, Slice, array};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sumun_nn::model::{Batch, Biases, EmbeddingLayer, Input, Model, RecurrentLayer};
use sumun_nn::nn::{CellKind, Lstm, LstmConfig, Pool, Valid};
use sumun_nn::{Fill, Rows};

use crate::models::{NOISE, check_gradients, ids, reader, weight};

#[test]
fn padding_and_the_rest_of_the_batch_never_change_a_bit() {
    let embedding = EmbeddingLayer::new(3);
    for model in [
        reader(embedding.clone()).build(1).unwrap(),
        reader(embedding.clone().mask_zero(true)).build(1).unwrap(),
        Model::builder(Input::ids(7))
            .embedding(embedding.clone())
            .pool(Pool::Mean)
            .dense(2)
            .build(1)
            .unwrap(),
        Model::builder(Input::ids(7)).embedding(embedding).attention(5).dense(2).build(1).unwrap(),
    ] {
        let ids = ids();
        let lengths = [5, 3, 2, 1];
        let together = model.forward(Batch::ids(ids.view()).lengths(&lengths).unwrap()).unwrap().unpack();
        for (n, &length) in lengths.iter().enumerate() {
            let own = Array2::from_shape_fn((1, length), |(_, t)| ids[[n, t]]);
            let alone = model.forward(Batch::ids(own.view())).unwrap().unpack();
            assert_eq!(together[n * 2..(n + 1) * 2], alone);
        }
    }
}

#[test]
fn masked_ids_are_no_steps_for_any_layer() {
    let model = reader(EmbeddingLayer::new(3).mask_zero(true)).build(1).unwrap();
    let padded = array![[0, 3, 0, 5, 0, 0]];
    let dense = array![[3, 5]];
    assert_eq!(
        model.forward(Batch::ids(padded.view())).unwrap().unpack(),
        model.forward(Batch::ids(dense.view())).unwrap().unpack()
    );
    // With a padding id, it is that one which is masked.
    let embedding = EmbeddingLayer::new(3).mask_zero(true).padding_id(6);
    let model = reader(embedding).build(1).unwrap();
    let padded = array![[6, 0, 6, 5]];
    let dense = array![[0, 5]];
    assert_eq!(
        model.forward(Batch::ids(padded.view())).unwrap().unpack(),
        model.forward(Batch::ids(dense.view())).unwrap().unpack()
    );
    // Keras shows the last step again where there is none.
    let steps = RecurrentLayer::rnn(1).return_sequences(true);
    let embedding = EmbeddingLayer::new(3).mask_zero(true);
    let model = Model::builder(Input::ids(7)).embedding(embedding).layer(steps).build(1).unwrap();
    let ids = array![[0, 3, 0, 5]];
    let zero = model.forward(Batch::ids(ids.view())).unwrap().unpack();
    let repeat = model.forward(Batch::ids(ids.view()).fill(Fill::Repeat)).unwrap().unpack();
    assert_eq!(zero, [0.0, repeat[1], 0.0, repeat[3]]);
    assert_eq!(repeat, [0.0, zero[1], zero[1], zero[3]]);
}

#[test]
fn a_model_of_one_layer_is_the_layer() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let lstm = Lstm::new(LstmConfig::new(2, 3).layers(2).bidirectional(true), &mut rng).unwrap();
    let layer = RecurrentLayer::lstm(3).layers(2_usize).return_sequences(true).name("it");
    let model = Model::builder(Input::numbers(2)).bidirectional(layer).build(9).unwrap();
    let x = Array3::from_shape_fn((3, 4, 2), |(n, t, f)| weight(n * 8 + t * 2 + f));
    for (mine, its) in model.parameters().entries().iter().zip(lstm.parameters().entries()) {
        assert_eq!(mine.name, format!("it.{}", its.name));
    }
    let lengths = [2, 4, 0];
    let (expected, last) = lstm.forward(x.view(), Valid::Lengths(&lengths), None).unwrap();
    let batch = Batch::numbers(x.view()).lengths(&lengths).unwrap();
    let (found, states) = model.forward_with_state(&batch, None).unwrap();
    assert_eq!(found.unpack(), expected.into_raw_vec_and_offset().0);
    assert_eq!(states["it"].hidden, last.hidden.into_raw_vec_and_offset().0);
}

#[test]
fn chunks_with_their_states_carried_have_the_same_bits() {
    let steps = |layer: RecurrentLayer| layer.return_sequences(true);
    let model = Model::builder(Input::numbers(2))
        .layer(steps(RecurrentLayer::lstm(3)))
        .layer(steps(RecurrentLayer::gru(3)))
        .dense(1)
        .build(1)
        .unwrap();
    let x = Array3::from_shape_fn((2, 7, 2), |(n, t, f)| weight(n * 14 + t * 2 + f));
    let part = |from, to| x.slice_axis(Axis(1), Slice::from(from..to));
    let (whole, end) = model.forward_with_state(Batch::numbers(x.view()), None).unwrap();
    let (first, middle) = model.forward_with_state(Batch::numbers(part(0, 3)), None).unwrap();
    let (second, last) = model.forward_with_state(Batch::numbers(part(3, 7)), Some(&middle)).unwrap();
    let rows = |rows: &Rows, n: usize| rows.unpack().chunks(rows.layout.time()).nth(n).unwrap().to_vec();
    for n in 0..2 {
        assert_eq!([rows(&first, n), rows(&second, n)].concat(), rows(&whole, n));
    }
    assert_eq!(last, end);
    let mut wrong = end.clone();
    wrong.insert("dense".into(), end["lstm"].clone());
    let error = model.forward_with_state(Batch::numbers(x.view()), Some(&wrong)).unwrap_err().to_string();
    assert_eq!(error, "dense is no recurrent layer and has no state");
}

/// One bias is two of which the second is zero, bit for bit, on every path that the layers choose.
#[test]
fn one_bias_is_two_with_the_second_at_zero() {
    let x = Array3::from_shape_fn((3, 4, 2), |(n, t, f)| weight(n * 8 + t * 2 + f));
    for cell in [CellKind::RnnTanh, CellKind::Lstm, CellKind::Gru, CellKind::GruResetBefore] {
        let build = |biases| {
            let layer = RecurrentLayer::new(cell, 5).biases(biases).name("it");
            Model::builder(Input::numbers(2)).layer(layer).build(1).unwrap()
        };
        let (one, mut two) = (build(Biases::One), build(Biases::Two));
        assert!(one.parameters().find("it.bias_hh_l0").is_none());
        for entry in two.parameters().entries().to_vec() {
            let id = two.parameters().find(&entry.name).unwrap();
            match one.parameters().find(&entry.name) {
                Some(its) => two.parameters_mut().value_mut(id).copy_from_slice(one.parameters().value(its)),
                None => two.parameters_mut().value_mut(id).fill(0.0),
            }
        }
        let answer = |model: &Model| model.forward(Batch::numbers(x.view())).unwrap().unpack();
        assert_eq!(answer(&one), answer(&two), "{cell:?}");
        check_gradients(one, &Batch::numbers(x.view()).lengths(&[4, 2, 1]).unwrap());
    }
}

/// The output is the mean of the numbers, weighted by the attention weights that the model returns.
#[test]
fn attention_weights_are_those_of_the_output() {
    let x = Array3::from_shape_fn((3, 4, 2), |(n, t, f)| ((n * 7 + t * 3 + f * 5) % 11) as f32 - 5.0);
    let batch = Batch::numbers(x.view()).lengths(&[4, 1, 3]).unwrap();
    let model = Model::builder(Input::numbers(2)).attention(5).build(1).unwrap();
    let answer = model.forward(&batch).unwrap().unpack();
    let weights = model.attention_weights(&batch).unwrap().unwrap().unpack();
    assert_eq!(weights.len(), 12);
    for (n, &length) in [4, 1, 3].iter().enumerate() {
        let alpha = &weights[n * 4..(n + 1) * 4];
        assert!((alpha.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(alpha[length..].iter().all(|&weight| weight == 0.0));
        for f in 0..2 {
            let mean: f32 = (0..length).map(|t| alpha[t] * x[[n, t, f]]).sum();
            assert!((mean - answer[n * 2 + f]).abs() < 1e-5, "{mean} {answer:?}");
        }
    }
    let deeper = Model::builder(Input::numbers(2)).layer(RecurrentLayer::gru(3).return_sequences(true));
    let weights = deeper.clone().attention(5).dense(1).build(1).unwrap().attention_weights(&batch).unwrap();
    assert_eq!(weights.unwrap().unpack().len(), 12);
    assert!(deeper.pool(Pool::Max).build(1).unwrap().attention_weights(&batch).unwrap().is_none());
    let ids = ids();
    assert!(model.attention_weights(Batch::ids(ids.view())).is_err());
}

#[test]
fn every_layer_has_noise_of_its_own() {
    // Twice the same dropout would lose the same elements; two of them lose more than one.
    let once = Model::builder(Input::numbers(1000)).dropout(0.5).build(1).unwrap();
    let twice = Model::builder(Input::numbers(1000)).dropout(0.5).dropout(0.5).build(1).unwrap();
    let x = Array3::from_elem((1, 1, 1000), 1.0_f32);
    let lost = |model: &Model, noise| {
        let (y, _) = model.forward_train(Batch::numbers(x.view()), noise).unwrap();
        y.data.iter().filter(|&&y| y == 0.0).count()
    };
    assert!((430..570).contains(&lost(&once, NOISE)));
    assert!((680..820).contains(&lost(&twice, NOISE)));
    let masks = |noise| once.forward_train(Batch::numbers(x.view()), noise).unwrap().0.data.clone();
    assert_eq!(masks(NOISE), masks(NOISE));
    assert_ne!(masks(NOISE), masks(NOISE.for_layer(1)));
}
