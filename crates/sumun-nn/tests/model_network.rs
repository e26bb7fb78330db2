//! Whole models: gradients, padding, files, and what is refused.

use ndarray::{Array2, Array3, Axis, Slice, array};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sumun_nn::loss::{Loss, Targets};
use sumun_nn::model::{
    AttentionLayer, Batch, Biases, DenseLayer, DropoutLayer, EmbeddingLayer, Input, LayerConfig, Model,
    ModelBuilder, ModelConfig, ModelFile, PoolLayer, RecurrentLayer,
};
use sumun_nn::nn::{
    Activation, ActivationFunction, CellKind, CellOptions, Checkpoints, FirstWeights, Initializer, Lstm,
    LstmConfig, Merge, Pool, RecurrentDropout, Valid,
};
use sumun_nn::noise::Noise;
use sumun_nn::train::{Optimizer, Regularizer};
use sumun_nn::{Fill, Rows};
use sumun_testing::Random;

const NOISE: Noise = Noise { seed: 5, step: 2, layer: 0 };

/// Embedding, bidirectional LSTM, dropout, GRU, dense.
fn reader(embedding: EmbeddingLayer) -> ModelBuilder {
    Model::builder(Input::ids(7))
        .embedding(embedding)
        .bidirectional(RecurrentLayer::lstm(3).return_sequences(true))
        .dropout(0.3)
        .gru(4)
        .dense(DenseLayer::new(2).activation(Activation::Tanh))
}

fn ids() -> Array2<u32> {
    array![[3, 0, 5, 1, 6], [2, 2, 4, 0, 1], [0, 6, 0, 0, 0], [0, 0, 0, 0, 0]]
}

/// Σ weight · output with fixed weights, and the penalty.
fn loss(model: &Model, batch: &Batch) -> f64 {
    let (y, _) = model.forward_train(batch, NOISE).unwrap();
    let sum: f64 = y.data.iter().enumerate().map(|(k, &y)| f64::from(weight(k)) * f64::from(y)).sum();
    sum + model.penalty()
}

fn weight(k: usize) -> f32 {
    ((k * 37 + 11) % 101) as f32 / 51.0 - 0.993
}

fn check_gradients(mut model: Model, batch: &Batch) {
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

/// The answer is the mean of the numbers with the weights that are told.
#[test]
fn attention_weights_are_those_of_the_answer() {
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
fn padding_and_company_never_change_a_bit() {
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
fn a_model_of_one_layer_is_the_layer_alone() {
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
    let masks = |noise| once.forward_train(Batch::numbers(x.view()), noise).unwrap().0.data;
    assert_eq!(masks(NOISE), masks(NOISE));
    assert_ne!(masks(NOISE), masks(NOISE.for_layer(1)));
}

/// Every layer and every option somewhere.
fn everything() -> ModelConfig {
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

#[test]
fn toml_to_model_to_toml_is_the_same() {
    let config = everything();
    let text = config.to_toml().unwrap();
    assert_eq!(ModelConfig::from_toml(&text).unwrap(), config, "{text}");
    let model = config.clone().build(3).unwrap();
    assert_eq!(model.config(), &config);
    assert_eq!(model.config().to_toml().unwrap(), text);
    let json = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<ModelConfig>(&json).unwrap(), config);

    let text = "\
[input]
kind = \"ids\"
vocabulary = 10000

[[layers]]
kind = \"embedding\"
features = 64
mask_zero = true

[[layers]]
kind = \"lstm\"
units = 64
bidirectional = true

[[layers]]
kind = \"dropout\"
p = 0.3

[[layers]]
kind = \"dense\"
units = 1
activation = \"sigmoid\"
";
    let built = Model::builder(Input::ids(10_000))
        .embedding(EmbeddingLayer::new(64).mask_zero(true))
        .bidirectional(RecurrentLayer::lstm(64))
        .dropout(0.3)
        .dense(DenseLayer::new(1).activation(Activation::Sigmoid))
        .config();
    assert_eq!(ModelConfig::from_toml(text).unwrap(), built);
    assert_eq!(built.to_toml().unwrap(), text);
}

/// A model trained with checkpoints has the bits of one trained without, and a cut in the gradient changes it.
#[test]
fn checkpoints_and_truncation_are_settings_of_a_file() {
    let gradients = |settings: &str| {
        let text = format!(
            "[input]\nkind = \"numbers\"\nfeatures = 2\n[[layers]]\nkind = \"lstm\"\nunits = 3\nlayers = 2\n\
             return_sequences = true\ndropout = 0.2\n{settings}\n[[layers]]\nkind = \"dense\"\nunits = 1\n"
        );
        let mut model = ModelConfig::from_toml(&text)?.build(1)?;
        let x = Array3::from_shape_fn((3, 9, 2), |(n, t, f)| weight(n * 18 + t * 2 + f));
        let batch = Batch::numbers(x.view()).lengths(&[9, 1, 5])?;
        let (y, cache) = model.forward_train(&batch, NOISE)?;
        model.backward(cache, y)?;
        Ok::<_, sumun_nn::Error>(model.parameters().gradients().to_vec())
    };
    let whole = gradients("").unwrap();
    assert_eq!(gradients("checkpoints = \"off\"").unwrap(), whole);
    assert_eq!(gradients("checkpoints = \"sqrt\"").unwrap(), whole);
    assert_eq!(gradients("checkpoints = { every = 2 }").unwrap(), whole);
    let cut = gradients("truncate = 2").unwrap();
    assert_ne!(cut, whole);
    assert_eq!(gradients("truncate = 2\ncheckpoints = { every = 3 }").unwrap(), cut);
    for settings in ["truncate = 0", "checkpoints = { every = 0 }"] {
        let error = gradients(settings).unwrap_err().to_string();
        assert!(error.contains("at least 1 step apart, not 0") && !error.contains('\n'), "{error}");
    }
}

#[test]
fn what_a_file_says_wrong_is_said_in_one_line() {
    let of = |layer: &str| format!("[input]\nkind = 'numbers'\nfeatures = 3\n[[layers]]\n{layer}\n");
    for (text, message) in [
        (of("kind = 'lstm'"), "a layer of kind \"lstm\": missing field `units`"),
        (of("units = 3"), "a layer needs a kind; there are embedding, rnn,"),
        (of("kind = 'transformer'"), "no layer is of kind \"transformer\"; there are embedding, rnn,"),
        (of("kind = 'lstm'\nunits = 3\nhidden = 3"), "a layer of kind \"lstm\": unknown field `hidden`"),
        (of("kind = 'dropout'\np = 0.1\nrate = 0.1"), "unknown field `rate`, expected `p`"),
        (of("kind = 'gru'\nunits = -3"), "a layer of kind \"gru\": invalid value: integer `-3`"),
        (of("kind = 'dense'\nunits = 3\nactivation = 'gelu'"), "unknown variant `gelu`"),
        ("[input]\nkind = 'images'\n".into(), "unknown variant `images`"),
        (
            "layers = []\n[input]\nkind = 'ids'\nvocabulary = 3\nfeatures = 3".into(),
            "unknown field `features`",
        ),
        ("layers = [".into(), "line 1 of the model: "),
    ] {
        let error = ModelConfig::from_toml(&text).unwrap_err().to_string();
        assert!(error.contains(message) && !error.contains('\n'), "{text}: {error}");
    }
}

#[test]
fn layers_that_do_not_fit_are_named_with_both_shapes() {
    let ids = || Model::builder(Input::ids(10)).embedding(4);
    let numbers = || Model::builder(Input::numbers(3));
    let dropout = |p| Model::builder(Input::numbers(3)).layer(DropoutLayer::new(p));
    let cases: Vec<(ModelBuilder, &str)> = vec![
        (
            numbers()
                .layer(RecurrentLayer::lstm(64).name("lstm_1"))
                .layer(RecurrentLayer::gru(8).name("lstm_2")),
            "lstm_2 needs a sequence [N, T, 64], but lstm_1 answers once, [N, 64]; give lstm_1 return_sequences = true",
        ),
        (
            numbers().lstm(64).dense(8).gru(2),
            "gru needs a sequence [N, T, 8], but lstm answers once, [N, 64]; give lstm return_sequences = true",
        ),
        (
            ids().pool(Pool::Max).pool(Pool::Mean),
            "pool_1 needs a sequence [N, T, 4], but pool answers once, [N, 4]; leave out pool",
        ),
        (
            ids().lstm(5).attention(3),
            "attention needs a sequence [N, T, 5], but lstm answers once, [N, 5]; give lstm return_sequences = true",
        ),
        (ids().attention(0), "attention: units is 0; it must be at least 1 and at most 4294967295"),
        (
            ids().lstm(5).dense(DenseLayer::new(1)).dense(DenseLayer::new(1).input(5_usize)),
            "dense_1: expected an input of [N, 5], found [N, 1] from dense",
        ),
        (
            ids().layer(RecurrentLayer::lstm(5).input(3_usize)),
            "lstm: expected an input of [N, T, 3], found [N, T, 4] from embedding",
        ),
        (
            Model::builder(Input::ids(10)).lstm(4),
            "lstm needs numbers [N, T, F], but the input gives ids [N, T]; put an embedding between them",
        ),
        (
            numbers().embedding(4),
            "embedding needs ids [N, T], but the input gives [N, T, 3]; make it the first layer on an input of ids",
        ),
        (
            ids().embedding(4),
            "embedding_1 needs ids [N, T], but embedding gives [N, T, 4]; make it the first",
        ),
        (numbers(), "a model of 0 layers; it has at least 1 and at most 16384"),
        (
            Model::builder(Input::ids(4)).embedding(EmbeddingLayer::new(2).padding_id(4)),
            "embedding: padding id 4 is not below the vocabulary of 4 ids",
        ),
        (Model::builder(Input::ids(0)).embedding(2), "the input: vocabulary is 0; it must be at least 1"),
        (Model::builder(Input::numbers(0)).dense(2), "the input: features is 0; it must be at least 1"),
        (numbers().lstm(0), "lstm: units is 0; it must be at least 1"),
        (numbers().dense(2).dense(0), "dense_1: units is 0; it must be at least 1"),
        (numbers().layer(RecurrentLayer::gru(2).layers(0_usize)), "gru: a recurrent stack of 0 layers"),
        (numbers().layer(RecurrentLayer::gru(2).layers(101_usize)), "gru: layers is 101; it is at most 100"),
        (dropout(1.0), "dropout: dropout is 1; it must be at least 0 and below 1"),
        (dropout(f32::NAN), "dropout: dropout is NaN"),
        (
            numbers().layer(RecurrentLayer::lstm(2).dropout(0.3)),
            "lstm: dropout is between its layers, of which it has one; use input_dropout or a dropout layer",
        ),
        (
            numbers()
                .layer(RecurrentLayer::gru(2).options(CellOptions { peepholes: true, ..Default::default() })),
            "gru: GRU (reset after): peepholes is an option of the LSTM alone; leave it out",
        ),
        (numbers().layer(RecurrentLayer::gru(2).merge(Merge::Sum)), "gru: a merge other than concat needs"),
        (
            numbers()
                .layer(RecurrentLayer::gru(2).biases(Biases::None).bias_regularizer(Regularizer::l1(0.1))),
            "gru has no bias; leave out bias_regularizer",
        ),
        (
            numbers().dense(DenseLayer::new(2).bias(false).first_bias(Initializer::Zeros)),
            "dense has no bias, but an option for it; leave out bias_regularizer and first_bias",
        ),
        (
            numbers().dense(DenseLayer::new(2).kernel_regularizer(Regularizer::l2(-1.0))),
            "the l2 of the kernel_regularizer of dense is -1; it must be a finite number of at least 0",
        ),
        (
            numbers().dense(DenseLayer::new(2).learning_rate(-0.5)),
            "dense: learning_rate is -0.5; it is a factor, a finite number of at least 0",
        ),
        (
            numbers().dense(DenseLayer::new(2).name("a")).dense(DenseLayer::new(2).name("a")),
            "two layers are named \"a\"; rename one",
        ),
        (
            numbers().dense(DenseLayer::new(2).name("a b")),
            "a layer is named \"a b\"; a name is not empty and has no spaces",
        ),
        (
            numbers().dense(DenseLayer::new(2).first_bias(Initializer::Orthogonal)),
            "dense: a parameter to be initialised by Orthogonal: expected a matrix",
        ),
        (
            numbers().layer(RecurrentLayer::lstm(1 << 20)),
            "lstm: with its weight of shape [4194304, 1048576] the model has more than 1073741824 parameters; make it",
        ),
    ];
    for (model, message) in cases {
        let error = model.build(1).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}\n{message}");
        assert!(!error.contains('\n'));
    }
}

#[test]
fn names_given_are_kept_and_the_others_pass_them() {
    let model = Model::builder(Input::numbers(1))
        .dense(1)
        .dense(DenseLayer::new(1).name("dense_1"))
        .dense(1)
        .layer(PoolLayer::new(Pool::Last).name("end"))
        .build(1)
        .unwrap();
    let names: Vec<&str> = model.layer_names().collect();
    assert_eq!(names, ["dense", "dense_1", "dense_2", "end"]);
}

#[test]
fn batches_that_do_not_fit_are_refused() {
    let model = reader(EmbeddingLayer::new(3)).build(1).unwrap();
    let numbers = Model::builder(Input::numbers(2)).lstm(2).build(1).unwrap();
    let (ids, x) = (array![[1, 7]], Array3::zeros((1, 2, 3)));
    let error = |model: &Model, batch: Batch| model.forward(&batch).unwrap_err().to_string();
    assert_eq!(
        error(&model, Batch::ids(ids.view())),
        "id 7 in sequence 0 at step 1 is not below the vocabulary of 7 ids"
    );
    assert_eq!(
        error(&model, Batch::numbers(x.view())),
        "the model's input: expected ids [N, T], found numbers [N, T, 3]"
    );
    assert_eq!(
        error(&numbers, Batch::numbers(x.view())),
        "the model's input: expected numbers [N, T, 2], found numbers [N, T, 3]"
    );
    assert_eq!(
        error(&numbers, Batch::ids(ids.view())),
        "the model's input: expected numbers [N, T, 2], found ids [N, T]"
    );
    for fill in [Fill::Zero, Fill::Repeat] {
        let long = Batch::ids(ids.view()).lengths(&[3]).unwrap().fill(fill);
        assert_eq!(error(&model, long), "length 3 of sequence 0 is over the 2 steps of the array");
    }
    let wrong = Batch::ids(ids.view()).lengths(&[1, 1]).unwrap_err().to_string();
    assert_eq!(wrong, "lengths: expected one for each of 1 sequences, found 2");
    let mask = Array2::from_elem((2, 1), true);
    let wrong = Batch::ids(ids.view()).valid(Valid::Mask(mask.view())).unwrap_err().to_string();
    assert_eq!(wrong, "mask: expected [1, 2], found [2, 1]");
    for (n, t) in [(0, 4), (3, 0)] {
        let ids = Array2::zeros((n, t));
        assert_eq!(
            error(&model, Batch::ids(ids.view())),
            format!("the model's input: expected at least one sequence of one step, found [{n}, {t}]")
        );
    }
    let mut x = Array3::zeros((2, 3, 2));
    x[[1, 2, 1]] = f32::NAN;
    let careful = || Batch::numbers(x.view()).finite_only(true);
    assert_eq!(
        error(&numbers, careful()),
        "the model's input: NaN at sequence 1, step 2, feature 1; mask the step or fill the value in"
    );
    // What is not looked at does no harm; who does not ask gets what comes of it.
    assert!(numbers.forward(careful().valid(Valid::Lengths(&[3, 2])).unwrap()).is_ok());
    assert!(numbers.forward(Batch::numbers(x.view())).unwrap().data.iter().any(|v| v.is_nan()));
}

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
        model.backward(cache, Rows::new(d, y.features, y.layout).unwrap()).unwrap();
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

#[test]
fn saved_and_loaded_have_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let ids = ids();
    let mut model = everything().build(3).unwrap();
    model.set_trainable("words", true).unwrap();
    model.save(&path).unwrap();
    let loaded = Model::load(&path).unwrap();
    assert_eq!(loaded.config(), model.config());
    assert_eq!(loaded.parameters().entries(), model.parameters().entries());
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(loaded.parameters().values()), bits(model.parameters().values()));
    let answer = |model: &Model| model.forward(Batch::ids(ids.view())).unwrap().unpack();
    assert_eq!(bits(&answer(&loaded)), bits(&answer(&model)));
    let train = |model: &Model| model.forward_train(Batch::ids(ids.view()), NOISE).unwrap().0.data;
    assert_eq!(bits(&train(&loaded)), bits(&train(&model)));
}

#[test]
fn files_that_mean_harm_are_refused_before_anything_is_allocated() {
    let good = reader(EmbeddingLayer::new(3)).build(1).unwrap().to_file().unwrap();
    let error = |change: &Change| {
        let mut file = good.clone();
        change(&mut file);
        Model::from_file(&file).map(|_| ()).unwrap_err().to_string()
    };
    type Change = dyn Fn(&mut ModelFile);
    const HUGE: u64 = u32::MAX as u64;
    let cases: [(&str, &Change); 13] = [
        ("holds a model for \"forecast\", not a network", &|file| file.task = "forecast".into()),
        ("its configuration has no model", &|file| file.config = serde_json::Value::Null),
        ("its layers cannot be read: ", &|file| file.config["model"]["layers"][0] = 3.into()),
        ("its layers cannot be read: a layer of kind \"gru\": unknown field `evil`", &|file| {
            file.config["model"]["layers"][3]["evil"] = true.into();
        }),
        (
            "its layers do not fit: embedding: with its weight of shape [4294967295, 3] the model has",
            &|file| {
                file.config["model"]["input"]["vocabulary"] = HUGE.into();
            },
        ),
        ("its layers do not fit: lstm: units is 18446744073709551615; it must", &|file| {
            file.config["model"]["layers"][1]["units"] = u64::MAX.into();
        }),
        (
            "its layers do not fit: lstm: with its weight of shape [17179869180, 3] the model has more",
            &|file| {
                file.config["model"]["layers"][1]["units"] = HUGE.into();
            },
        ),
        ("its layers do not fit: gru: layers is 18446744073709551615; it is at most 100", &|file| {
            file.config["model"]["layers"][3]["layers"] = u64::MAX.into();
        }),
        ("its layers do not fit: gru: the model has more weights than there are tensors for", &|file| {
            file.config["model"]["layers"][3]["layers"] = 100.into();
        }),
        ("the tensor dense.weight should be [2, 4], but found none", &|file| {
            file.tensors.retain(|tensor| tensor.name != "dense.weight");
        }),
        ("the tensor gru.bias_ih_l0 should be [12], but found [3, 4]", &|file| {
            let tensor = file.tensors.iter_mut().find(|tensor| tensor.name == "gru.bias_ih_l0").unwrap();
            tensor.shape = vec![3, 4];
        }),
        ("the tensor more belongs to none of its layers", &|file| {
            file.tensors.push(sumun_nn::model::NamedTensor::new("more", &[1], vec![1.0]));
        }),
        ("the tensor embedding.weight should be [7, 2], but found [7, 3]", &|file| {
            file.config["model"]["layers"][0]["features"] = 2.into();
        }),
    ];
    for (message, change) in cases {
        let error = error(change);
        assert!(error.starts_with(message) && !error.contains('\n'), "{error}\n{message}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    ModelFile { task: "other".into(), ..good }.save(&path).unwrap();
    let error = Model::load(&path).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "{}: holds a model for \"other\", not a network; give another file or train again",
            path.display()
        )
    );
}

fn any_recurrent() -> impl Strategy<Value = LayerConfig> {
    let cell = prop_oneof![
        Just(CellKind::RnnTanh),
        Just(CellKind::RnnRelu),
        Just(CellKind::Lstm),
        Just(CellKind::Gru),
        Just(CellKind::GruResetBefore),
    ];
    let merge = prop_oneof![Just(Merge::Concat), Just(Merge::Sum), Just(Merge::Mul), Just(Merge::Average)];
    let biases = prop_oneof![Just(Biases::Two), Just(Biases::One), Just(Biases::None)];
    let rate = || prop_oneof![Just(0.0_f32), Just(0.1), 0.0..0.9_f32];
    // Most fit; the wild may have anything.
    let wild = prop::bool::weighted(0.1);
    let sequence = prop::bool::weighted(0.8);
    (
        cell,
        0..5_usize,
        0..3_usize,
        (any::<[bool; 4]>(), sequence, wild),
        merge,
        biases,
        (rate(), rate(), rate()),
    )
        .prop_map(
            |(
                cell,
                units,
                layers,
                ([both, keras, backwards, inverted], sequence, wild),
                merge,
                biases,
                (between, input, hidden),
            )| {
                let (units, layers) = if wild { (units, layers) } else { (units.max(1), layers.max(1)) };
                let layer = RecurrentLayer::new(cell, units);
                let layer = if keras { layer.keras() } else { layer.biases(biases) };
                layer
                    .layers(layers)
                    .return_sequences(sequence)
                    .bidirectional(both)
                    .go_backwards(backwards && (!both || wild))
                    .inverted_update(
                        inverted && (matches!(cell, CellKind::Gru | CellKind::GruResetBefore) || wild),
                    )
                    .merge(if both || wild { merge } else { Merge::Concat })
                    .dropout(if layers > 1 || wild { between } else { 0.0 })
                    .input_dropout(input)
                    .recurrent_dropout(hidden)
                    .into()
            },
        )
}

fn any_layer() -> impl Strategy<Value = LayerConfig> {
    let pool = prop_oneof![Just(Pool::Last), Just(Pool::Max), Just(Pool::Mean)];
    let name = prop_oneof![3 => Just(None), 1 => "[a-c수 ]{0,2}".prop_map(Some)];
    prop_oneof![
        8 => any_recurrent(),
        2 => (prop_oneof![1 => Just(0), 9 => 1..5_usize], any::<bool>(), 0.0..2.0_f64, name).prop_map(|(units, bias, rate, name)| {
            let mut layer = DenseLayer::new(units).bias(bias).learning_rate(rate);
            layer.common.name = name;
            layer.into()
        }),
        1 => (0.0..1.05_f32).prop_map(|p| DropoutLayer::new(p).into()),
        1 => pool.prop_map(|over| PoolLayer::new(over).into()),
        2 => (0..5_usize, any::<bool>(), prop::option::of(0.0..0.1_f32)).prop_map(|(units, trainable, l2)| {
            let layer = AttentionLayer::new(units).trainable(trainable);
            AttentionLayer { kernel_regularizer: l2.map(Regularizer::l2), ..layer }.into()
        }),
        1 => (0..5_usize).prop_map(|features| EmbeddingLayer::new(features).into()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Any list of layers is the same through TOML and JSON. It is refused in one line, or it is what was counted, its
    /// file holds the same bits, and padding changes nothing.
    #[test]
    fn any_layers_are_refused_or_keep_every_promise(
        mask in any::<bool>(),
        layers in prop::collection::vec(any_layer(), 0..4),
    ) {
        let config = ModelConfig {
            layers: [vec![EmbeddingLayer::new(2).mask_zero(mask).into()], layers].concat(),
            ..ModelConfig::new(Input::ids(7))
        };
        prop_assert_eq!(&ModelConfig::from_toml(&config.to_toml().unwrap()).unwrap(), &config);
        let counted = config.summary();
        let model = match config.clone().build(5) {
            Ok(model) => model,
            Err(error) => {
                let error = error.to_string();
                prop_assert!(!error.contains('\n') && error.len() < 200, "{}", error);
                prop_assert_eq!(counted.unwrap_err().to_string(), error);
                return Ok(());
            }
        };
        prop_assert_eq!(counted.unwrap().parameters(), model.parameters().len());
        let loaded = ModelFile::from_bytes("m", &model.to_file().unwrap().to_bytes().unwrap()).unwrap();
        let loaded = Model::from_file(&loaded).unwrap();
        let (ids, lengths) = (ids(), [5, 3, 2, 0]);
        let batch = Batch::ids(ids.view()).lengths(&lengths).unwrap();
        let together = model.forward(&batch).unwrap();
        prop_assert_eq!(&together.data, &loaded.forward(&batch).unwrap().data);
        let (trained, cache) = model.forward_train(&batch, NOISE).unwrap();
        prop_assert_eq!(&trained.data, &loaded.forward_train(&batch, NOISE).unwrap().0.data);
        let mut model = model;
        model.backward(cache, trained).unwrap();
        prop_assert!(model.parameters().gradients().iter().all(|d| d.is_finite()));
        let (together, width) = (together.unpack(), together.layout.time() * together.features);
        for (n, &length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
            let own = Array2::from_shape_fn((1, length), |(_, t)| ids[[n, t]]);
            let alone = model.forward(Batch::ids(own.view())).unwrap().unpack();
            // Going backwards puts the padding first.
            let turned = |layer: &&LayerConfig| layer.get::<RecurrentLayer>().is_some_and(|layer| layer.go_backwards);
            let padded_first = model.config().layers.iter().filter(turned).count() % 2 == 1;
            let start = n * width + if padded_first { width - alone.len() } else { 0 };
            prop_assert_eq!(&together[start..start + alone.len()], &alone[..]);
        }
    }
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

#[test]
fn a_config_names_its_kind_in_every_layer() {
    for layer in everything().layers {
        let json = serde_json::to_value(&layer).unwrap();
        assert!(json["kind"].is_string(), "{json}");
        assert_eq!(serde_json::from_value::<LayerConfig>(json).unwrap(), layer);
    }
}
