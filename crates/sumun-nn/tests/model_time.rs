//! How a model reads the time axis: backwards, time first, and what it shows at masked steps; and a GRU's update gate
//! in either reading, as data.

use ndarray::{Array2, Array3, ArrayD, array};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun_nn::model::{
    Batch, DenseLayer, EmbeddingLayer, Input, Model, ModelBuilder, ModelConfig, ModelFile, RecurrentLayer,
};
use sumun_nn::nn::{Activation, CellKind, Gru, GruConfig, Pool, Valid};
use sumun_nn::noise::Noise;
use sumun_nn::train::Optimizer;
use sumun_nn::{Fill, Parameters, Rows};

const NOISE: Noise = Noise { seed: 5, step: 1, layer: 0 };

fn numbers(shape: (usize, usize, usize)) -> Array3<f32> {
    let mut k = 0;
    Array3::from_shape_simple_fn(shape, || {
        k += 1;
        ((k * 37) % 101) as f32 / 51.0 - 1.0
    })
}

/// Copies the weights of a layer of a model into a layer alone.
fn copy(model: &Model, layer: &str, to: &mut Parameters) {
    for entry in to.entries().to_vec() {
        let from = model.parameters().find(&format!("{layer}.{}", entry.name)).unwrap();
        let id = to.find(&entry.name).unwrap();
        to.value_mut(id).copy_from_slice(model.parameters().value(from));
    }
}

/// A layer that goes backwards in a model is the one that goes backwards alone, bit for bit: answers, states and
/// gradients, with lengths and masks with holes, and the layer above reads its answers in processing order.
#[test]
fn going_backwards_in_a_model_is_going_backwards_alone() {
    let (x, mask) = (numbers((3, 5, 2)), {
        let (yes, no) = (true, false);
        array![[yes, yes, no, yes, no], [no, no, no, no, no], [no, yes, yes, yes, yes]]
    });
    let lengths = [5, 0, 3];
    let first = RecurrentLayer::gru(4).go_backwards(true).return_sequences(true).name("first");
    let second = RecurrentLayer::gru(3).return_sequences(true).name("second");
    let mut model = Model::builder(Input::numbers(2)).layer(first).layer(second).build(3).unwrap();
    for (valid, fill) in [
        (Valid::All, Fill::Zero),
        (Valid::Lengths(&lengths), Fill::Zero),
        (Valid::Lengths(&lengths), Fill::Repeat),
        (Valid::Mask(mask.view()), Fill::Zero),
        (Valid::Mask(mask.view()), Fill::Repeat),
    ] {
        let alone = |config: GruConfig, name| {
            let mut gru = Gru::new(config.masked_steps(fill), &mut ChaCha8Rng::seed_from_u64(0)).unwrap();
            copy(&model, name, gru.parameters_mut());
            gru
        };
        let mut first = alone(GruConfig::new(2, 4).go_backwards(true), "first");
        let mut second = alone(GruConfig::new(4, 3), "second");
        // What is valid for the second layer is what was, turned round.
        let turned = Array2::from_shape_fn((3, 5), |(n, t)| match valid {
            Valid::All => true,
            Valid::Lengths(lengths) => 4 - t < lengths[n],
            Valid::Mask(mask) => mask[[n, 4 - t]],
        });
        let (h, state, cache) = first.forward_train(x.view(), valid, None, NOISE).unwrap();
        let above = Valid::Mask(turned.view());
        let (y, _, above) = second.forward_train(h.view(), above, None, NOISE).unwrap();
        let (d_h, _) = second.backward(above, y.view(), None).unwrap();
        let (d_x, _) = first.backward(cache, d_h.view(), None).unwrap();

        let batch = Batch::numbers(x.view()).fill(fill).valid(valid).unwrap();
        let (answer, states, cache) = model.forward_train_with_state(&batch, None, NOISE).unwrap();
        assert_eq!(answer.unpack(), y.iter().copied().collect::<Vec<f32>>(), "{valid:?} {fill:?}");
        let hidden: Vec<f32> = state.hidden.iter().copied().collect();
        assert_eq!(states["first"].hidden, hidden);
        let d = Rows::pack_gradient(&answer.unpack(), 3, answer.layout.clone()).unwrap();
        model.parameters_mut().zero_gradients();
        let found = model.backward_to_input(cache, d).unwrap();
        if fill == Fill::Zero {
            assert_eq!(found.unpack(), d_x.iter().copied().collect::<Vec<f32>>(), "{valid:?}");
        }
        for (name, layer) in [("first", &first), ("second", &second)] {
            for entry in layer.parameters().entries() {
                let id = model.parameters().find(&format!("{name}.{}", entry.name)).unwrap();
                let theirs = layer.parameters().gradient(layer.parameters().find(&entry.name).unwrap());
                assert_eq!(
                    model.parameters().gradient(id),
                    theirs,
                    "{name}.{} {valid:?} {fill:?}",
                    entry.name
                );
            }
        }
        // Answering once, only the order of reading shows.
        let once = Model::builder(Input::numbers(2)).layer(RecurrentLayer::gru(4).go_backwards(true));
        let mut once = once.build(3).unwrap();
        let bits = model.parameters().values()[..once.parameters().len()].to_vec();
        once.parameters_mut().values_mut().copy_from_slice(&bits);
        assert_eq!(once.forward(&batch).unwrap().unpack(), hidden);
    }
    let both = RecurrentLayer::gru(4).go_backwards(true).bidirectional(true).name("both");
    let error = Model::builder(Input::numbers(2)).layer(both).build(1).unwrap_err().to_string();
    let expected = "both: go_backwards turns one direction round; a bidirectional layer already reads both ways, leave \
                    it out";
    assert_eq!(error, expected);
}

/// A time-major batch is the batch with its axes swapped: ids and numbers, lengths, and masks that lie alike.
#[test]
fn a_time_major_batch_is_the_same_batch() {
    let ids = array![[3, 1, 4], [1, 5, 2], [0, 6, 5], [3, 5, 0]];
    let mask = array![[true, true, false], [true, false, true], [true, true, true], [false, true, true]];
    let reader = Model::builder(Input::ids(7))
        .embedding(3)
        .layer(RecurrentLayer::lstm(4).return_sequences(true))
        .dense(2)
        .build(1)
        .unwrap();
    let x = numbers((4, 3, 2));
    let time_first = x.view().permuted_axes([1, 0, 2]).as_standard_layout().into_owned();
    let plain = Model::builder(Input::numbers(2))
        .layer(RecurrentLayer::gru(4).return_sequences(true))
        .build(1)
        .unwrap();
    let turned = (ids.t().as_standard_layout().into_owned(), mask.t().as_standard_layout().into_owned());
    let lengths = [3, 0, 1, 2];
    for (model, batch, time_major) in [
        (&reader, Batch::ids(ids.view()), Batch::ids_time_major(turned.0.view())),
        (&plain, Batch::numbers(x.view()), Batch::numbers_time_major(time_first.view())),
    ] {
        assert_eq!((time_major.sequences(), time_major.time()), (4, 3));
        for (valid, lying) in [
            (Valid::All, Valid::All),
            (Valid::Lengths(&lengths), Valid::Lengths(&lengths)),
            (Valid::Mask(mask.view()), Valid::Mask(turned.1.view())),
        ] {
            let want = model.forward(batch.clone().valid(valid).unwrap()).unwrap();
            let found = model.forward(time_major.clone().valid(lying).unwrap()).unwrap();
            assert_eq!(found.unpack(), want.unpack(), "{valid:?}");
            let array = |shape: &[usize], values| ArrayD::from_shape_vec(shape, values).unwrap();
            let mut time = array(&[3, 4, found.features], found.unpack_time_major());
            time.swap_axes(0, 1);
            assert_eq!(time, array(&[4, 3, found.features], want.unpack()), "{valid:?}");
        }
    }
    let error = Batch::ids_time_major(turned.0.view()).mask(mask.view()).unwrap_err().to_string();
    assert_eq!(error, "mask: expected [3, 4], found [4, 3]");
}

/// Keras goes on computing where a step is masked: zeros (or the repeated answer) of the recurrent layer, and then
/// φ(W·0 + b). Worked out by hand from the weights.
#[test]
fn masked_rows_are_what_keras_layers_make_of_them() {
    let (x, mask) = (numbers((1, 4, 2)), array![[false, true, false, true]]);
    let head = || DenseLayer::new(3).activation(Activation::Tanh).name("head");
    let build = |layer: RecurrentLayer| {
        let last = DenseLayer::new(2).activation(Activation::Sigmoid).name("last");
        Model::builder(Input::numbers(2))
            .layer(layer)
            .dense(head())
            .dropout(0.5)
            .dense(last)
            .build(4)
            .unwrap()
    };
    let one = build(RecurrentLayer::lstm(4).return_sequences(true));
    let blank = one.masked_row().unwrap();
    let value = |name: &str| one.parameters().value(one.parameters().find(name).unwrap());
    let hidden: Vec<f32> = value("head.bias").iter().map(|b| b.tanh()).collect();
    for (k, found) in blank.iter().enumerate() {
        let a: f32 =
            (0..3).map(|i| value("last.weight")[k * 3 + i] * hidden[i]).sum::<f32>() + value("last.bias")[k];
        assert!((found - 1.0 / (1.0 + (-a).exp())).abs() < 1e-6);
    }
    // Before the first step that is there: the row of zeros. Afterwards: what was shown, again.
    let batch = || Batch::numbers(x.view()).mask(mask.view()).unwrap();
    let rows = one.forward(batch().fill(Fill::Repeat)).unwrap();
    let (shown, plain) = (rows.unpack_over(&blank).unwrap(), rows.unpack());
    assert_eq!(shown, [&blank, &plain[2..4], &plain[2..4], &plain[6..8]].concat());
    assert!(plain[..2].iter().all(|&v| v == 0.0) && blank.iter().all(|&v| v != 0.0));

    // Two directions show zeros at every masked step, below the dense layers.
    let two = build(RecurrentLayer::lstm(4).return_sequences(true).bidirectional(true));
    let blank = two.masked_row().unwrap();
    let rows = two.forward(batch()).unwrap();
    let (shown, plain) = (rows.unpack_over(&blank).unwrap(), rows.unpack());
    assert_eq!(shown, [&blank, &plain[2..4], &blank, &plain[6..8]].concat());
    let error = two.forward(batch().fill(Fill::Repeat)).unwrap_err().to_string();
    assert!(error.starts_with("the sequences of two directions show zeros at masked steps"), "{error}");

    // Without a recurrent layer a masked id's vector goes through.
    let reader =
        |embedding: EmbeddingLayer| -> ModelBuilder { Model::builder(Input::ids(5)).embedding(embedding) };
    let masked = reader(EmbeddingLayer::new(2).mask_zero(true)).dense(head()).build(1).unwrap();
    let plain = reader(EmbeddingLayer::new(2)).dense(head()).build(1).unwrap();
    let ids = array![[0, 3, 0]];
    let seen = masked.forward(Batch::ids(ids.view())).unwrap();
    let all = plain.forward(Batch::ids(ids.view())).unwrap();
    assert_eq!(seen.unpack_over(&masked.masked_row().unwrap()).unwrap(), all.unpack());
    let error = plain.masked_row().unwrap_err().to_string();
    assert!(error.contains("call the model without the mask"), "{error}");
    for once in [
        Model::builder(Input::numbers(2)).lstm(3),
        Model::builder(Input::numbers(2))
            .layer(RecurrentLayer::lstm(3).return_sequences(true))
            .pool(Pool::Last),
    ] {
        let error = once.build(1).unwrap().masked_row().unwrap_err().to_string();
        assert_eq!(error, "the model returns one row a sequence; none of them is a masked step");
    }
}

/// A GRU in the other reading goes through TOML, training and files, and is converted by name to the same bits.
#[test]
fn the_inverted_reading_is_kept_in_files_and_converted_by_name() {
    let text = "\
[input]
kind = \"numbers\"
features = 2

[[layers]]
kind = \"gru\"
units = 4
inverted_update = true

[[layers]]
kind = \"gru_reset_before\"
units = 4
return_sequences = true
go_backwards = true
inverted_update = true
";
    let config = ModelConfig::from_toml(text).unwrap();
    assert_eq!(config.to_toml().unwrap(), text);
    let layers = config.layers.into_iter().rev().collect();
    let mut model = ModelConfig { layers, ..config }.build(2).unwrap();
    assert!(model.to_string().contains("inverted_update=True"), "{model}");
    assert_eq!(model.path("gru").unwrap(), sumun_kernels::Path::best());
    let x = numbers((3, 5, 2));
    let batch = Batch::numbers(x.view()).lengths(&[5, 2, 4]).unwrap();
    let mut optimizer = Optimizer::new("sgd".parse().unwrap(), model.parameters()).unwrap();
    let loss = |rows: &Rows| rows.data.iter().map(|v| (v - 0.4) * (v - 0.4)).sum::<f32>();
    let mut losses = Vec::new();
    for _ in 0..30 {
        let (out, cache) = model.forward_train(&batch, NOISE).unwrap();
        losses.push(loss(&out));
        let d = out.data.iter().map(|v| 2.0 * (v - 0.4)).collect();
        model.parameters_mut().zero_gradients();
        model.backward(cache, Rows::new(d, out.features, out.layout.clone()).unwrap()).unwrap();
        optimizer.step(model.parameters_mut(), 0.05, 1.0).unwrap();
    }
    assert!(losses[29] < losses[0] / 2.0, "{losses:?}");

    let answer = model.forward(&batch).unwrap().data.clone();
    let bytes = model.to_file().unwrap().to_bytes().unwrap();
    let mut loaded = Model::from_file(&ModelFile::from_bytes("m", &bytes).unwrap()).unwrap();
    assert_eq!(loaded.config(), model.config());
    assert_eq!(loaded.forward(&batch).unwrap().data, answer);
    for name in ["gru", "gru_1"] {
        loaded.set_inverted_update(name, false).unwrap();
    }
    assert_eq!(loaded.forward(&batch).unwrap().data, answer);
    assert!(!loaded.config().to_toml().unwrap().contains("inverted_update"));
    assert_ne!(loaded.parameters().values(), model.parameters().values());
    for name in ["gru", "gru_1"] {
        loaded.set_inverted_update(name, true).unwrap();
    }
    assert_eq!(loaded.parameters().values(), model.parameters().values());

    let mut lstm = Model::builder(Input::numbers(2))
        .layer(RecurrentLayer::lstm(3).return_sequences(true))
        .dense(1)
        .build(1)
        .unwrap();
    let error = lstm.set_inverted_update("lstm", true).unwrap_err().to_string();
    assert_eq!(error, "lstm: LSTM: inverted_update is about the update gate of a GRU; leave it out");
    let error = lstm.set_inverted_update("dense", true).unwrap_err().to_string();
    assert_eq!(error, "dense is no GRU and has no update gate");
    let wrong = RecurrentLayer::new(CellKind::RnnTanh, 3).inverted_update(true);
    let error = Model::builder(Input::numbers(2)).layer(wrong).build(1).unwrap_err().to_string();
    assert_eq!(error, "rnn: RNN (tanh): inverted_update is about the update gate of a GRU; leave it out");
}
