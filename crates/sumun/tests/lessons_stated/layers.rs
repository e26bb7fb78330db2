//! The lessons' table of layers and options: a test for each of its lines, in its order.

use ndarray::{Array1, Array2, Array3, ArrayView1, Axis, Ix3, array, concatenate};
use sumun::loss::{Loss, Targets};
use sumun::model::{Batch, EmbeddingLayer, Input, Model, RecurrentLayer};
use sumun::nn::{
    Activation, FirstWeights, Gru, GruConfig, HiddenState, Initializer, Layer, Lstm, LstmConfig, LstmState,
    Merge, Recurrent, RecurrentConfig, Rnn, RnnConfig, Valid,
};
use sumun::noise::Noise;
use sumun::sequences::{self, PadPacked, pack_padded_sequence, pad_packed_sequence};
use sumun::text::{PAD, VectorFormat, VectorOptions, Vocabulary, WordVectors};
use sumun::train::{Clip, Optimizer};
use sumun::{Parameters, Rows};
use sumun_testing::assert_close;

use super::{numbers, rng};

const NOISE: Noise = Noise { seed: 3, step: 0, layer: 0 };

/// A weight by PyTorch's name, `[rows, columns]`; a bias is a column.
fn weight(parameters: &Parameters, name: &str) -> Array2<f32> {
    let id = parameters.find(name).unwrap();
    let shape = &parameters.entry(id).shape;
    let columns = shape.get(1).copied().unwrap_or(1);
    Array2::from_shape_vec((shape[0], columns), parameters.value(id).to_vec()).unwrap()
}

/// W x + b_ih and U h + b_hh, of all blocks.
fn products(p: &Parameters, x: ArrayView1<f32>, h: &Array1<f32>) -> (Array1<f32>, Array1<f32>) {
    let bias = |name| weight(p, name).remove_axis(Axis(1));
    let of_x = weight(p, "weight_ih_l0").dot(&x) + bias("bias_ih_l0");
    (of_x, weight(p, "weight_hh_l0").dot(h) + bias("bias_hh_l0"))
}

fn sigmoid(a: f32) -> f32 {
    1.0 / (1.0 + (-a).exp())
}

/// Blocks of `hidden` of a vector.
fn block(a: &Array1<f32>, k: usize, hidden: usize) -> Array1<f32> {
    a.iter().skip(k * hidden).take(hidden).copied().collect()
}

/// Runs `step` over one sequence `[1, T, I]` and compares each h with the layer's output.
fn agrees(
    what: &str,
    x: &Array3<f32>,
    output: &Array3<f32>,
    mut step: impl FnMut(ArrayView1<f32>, &Array1<f32>) -> Array1<f32>,
) {
    let mut h = Array1::zeros(output.dim().2);
    for (t, x) in x.index_axis(Axis(0), 0).outer_iter().enumerate() {
        h = step(x, &h);
        let found = output.index_axis(Axis(0), 0).row(t).to_vec();
        assert_close(&format!("{what}, step {t}"), &found, &h.to_vec(), 1e-6, 0.0);
    }
}

/// SimpleRNN: h = tanh(W_x x + W_h h + b); tanh or relu.
#[test]
fn simple_rnn_with_tanh_or_relu() {
    let x = numbers((1, 6, 3));
    for relu in [false, true] {
        let rnn = Rnn::new(RnnConfig::new(3, 4).relu(relu), &mut rng()).unwrap();
        let (output, _) = rnn.forward(x.view(), Valid::All, None).unwrap();
        agrees(if relu { "relu" } else { "tanh" }, &x, &output, |x, h| {
            let (of_x, of_h) = products(rnn.parameters(), x, h);
            (of_x + of_h).mapv(|a| if relu { a.max(0.0) } else { a.tanh() })
        });
    }
}

/// LSTM: f, i, g, o, additive cell state; three gates.
#[test]
fn lstm_with_an_additive_cell_state() {
    let x = numbers((1, 6, 3));
    let lstm = Lstm::new(LstmConfig::new(3, 4), &mut rng()).unwrap();
    let (output, last) = lstm.forward(x.view(), Valid::All, None).unwrap();
    let mut c = Array1::<f32>::zeros(4);
    agrees("lstm", &x, &output, |x, h| {
        let (of_x, of_h) = products(lstm.parameters(), x, h);
        let a = of_x + of_h;
        let [i, f, o] = [0, 1, 3].map(|k| block(&a, k, 4).mapv(sigmoid));
        let g = block(&a, 2, 4).mapv(f32::tanh);
        c = f * &c + i * g;
        o * c.mapv(f32::tanh)
    });
    assert_close("c", &last.cell.into_raw_vec_and_offset().0, &c.to_vec(), 1e-6, 0.0);
    let trace = lstm.trace(x.view(), Valid::All, None).unwrap().remove(0);
    assert_eq!(trace.gates.iter().map(|gate| gate.0).collect::<Vec<_>>(), ["i", "f", "g", "o"]);
    assert!(trace.cell.is_some());
}

/// GRU: both reset placements and both z conventions; the one convention is converted into the other exactly.
#[test]
fn gru_with_both_resets_and_both_readings_of_z() {
    let x = numbers((1, 6, 3));
    for reset_before in [false, true] {
        for z_lets_in in [false, true] {
            let config = GruConfig::new(3, 4).reset_before(reset_before).inverted_update(z_lets_in);
            let mut gru = Gru::new(config, &mut rng()).unwrap();
            let (output, _) = gru.forward(x.view(), Valid::All, None).unwrap();
            agrees(&format!("reset before {reset_before}, z lets in {z_lets_in}"), &x, &output, |x, h| {
                let (of_x, of_h) = products(gru.parameters(), x, h);
                let [r, z] = [0, 1].map(|k| (block(&of_x, k, 4) + block(&of_h, k, 4)).mapv(sigmoid));
                let of_h = if reset_before {
                    block(&products(gru.parameters(), x, &(&r * h)).1, 2, 4)
                } else {
                    r * block(&of_h, 2, 4)
                };
                let n = (block(&of_x, 2, 4) + of_h).mapv(f32::tanh);
                if z_lets_in { (1.0 - &z) * h + z * n } else { (1.0 - &z) * n + z * h }
            });
            let before = gru.parameters().values().to_vec();
            gru.set_inverted_update(!z_lets_in).unwrap();
            assert_ne!(gru.parameters().values(), before);
            assert_eq!(gru.forward(x.view(), Valid::All, None).unwrap().0, output);
        }
    }
}

/// `return_sequences`: false (N, H), true (N, T, H). (2,5,8) through LSTM(4) gives (2,4) or (2,5,4).
#[test]
fn return_sequences_of_lstm_4() {
    let lstm = Lstm::new(LstmConfig::new(8, 4), &mut rng()).unwrap();
    let x = numbers((2, 5, 8));
    let (last, _) = lstm.forward_last(x.view(), Valid::All, None).unwrap();
    let (all, _) = lstm.forward(x.view(), Valid::All, None).unwrap();
    assert_eq!((last.dim(), all.dim()), ((2, 4), (2, 5, 4)));
    assert_eq!(last, all.index_axis(Axis(1), 4));
    for (return_sequences, shape) in [(false, vec![2, 4]), (true, vec![2, 5, 4])] {
        let layer = RecurrentLayer::lstm(4).return_sequences(return_sequences);
        let model = Model::builder(Input::numbers(8)).layer(layer).build(1).unwrap();
        let rows = model.forward(Batch::numbers(x.view())).unwrap();
        let steps = if return_sequences { vec![rows.layout.time()] } else { vec![] };
        assert_eq!([vec![rows.layout.sequences()], steps, vec![rows.features]].concat(), shape);
    }
}

/// `return_state`: SimpleRNN and GRU output, h. LSTM output, h, c. Bidirectional LSTM output, fwd h, fwd c, bwd h, bwd c.
#[test]
fn return_state_by_field_name() {
    let x = numbers((2, 4, 5));
    let rnn = Rnn::new(RnnConfig::new(5, 3), &mut rng()).unwrap();
    let (output, HiddenState { hidden }) = rnn.forward_last(x.view(), Valid::All, None).unwrap();
    assert_eq!(output, hidden.index_axis(Axis(0), 0));
    let gru = Gru::new(GruConfig::new(5, 3), &mut rng()).unwrap();
    let (output, HiddenState { hidden }) = gru.forward_last(x.view(), Valid::All, None).unwrap();
    assert_eq!(output, hidden.index_axis(Axis(0), 0));
    let lstm = Lstm::new(LstmConfig::new(5, 3), &mut rng()).unwrap();
    let (output, LstmState { hidden, cell }) = lstm.forward_last(x.view(), Valid::All, None).unwrap();
    assert_eq!((output.view(), cell.dim()), (hidden.index_axis(Axis(0), 0), (1, 2, 3)));

    let both = Lstm::new(LstmConfig::new(5, 3).bidirectional(true), &mut rng()).unwrap();
    let (output, LstmState { hidden, cell }) = both.forward_last(x.view(), Valid::All, None).unwrap();
    assert_eq!((output.dim(), hidden.dim(), cell.dim()), ((2, 6), (2, 2, 3), (2, 2, 3)));
    let [forward, backward] = [0, 1].map(|direction| hidden.index_axis(Axis(0), direction));
    assert_eq!(output, concatenate![Axis(1), forward, backward]);
    assert_ne!(cell.index_axis(Axis(0), 0), cell.index_axis(Axis(0), 1));
}

/// Bidirectional: merge concat, sum, mul, ave, none. (2,10,16) through 32 units: (2,10,32), both ways (2,10,64).
#[test]
fn bidirectional_merges() {
    let x = numbers((2, 10, 16));
    let run = |both, merge| -> Array3<f32> {
        let config = GruConfig::new(16, 32).bidirectional(both).merge(merge);
        let gru = Gru::new(config, &mut rng()).unwrap();
        gru.forward(x.view(), Valid::All, None).unwrap().0
    };
    assert_eq!(run(false, Merge::Concat).dim(), (2, 10, 32));
    let concat = run(true, Merge::Concat);
    assert_eq!(concat.dim(), (2, 10, 64));
    // None: both directions, each by itself.
    let gru = Gru::new(GruConfig::new(16, 32).bidirectional(true), &mut rng()).unwrap();
    let [forward, backward] = gru.apart(concat.view()).unwrap();
    assert_eq!((forward.dim(), backward.dim()), ((2, 10, 32), (2, 10, 32)));
    for (merge, want) in [
        (Merge::Sum, &forward + &backward),
        (Merge::Mul, &forward * &backward),
        (Merge::Average, (&forward + &backward) / 2.0),
    ] {
        let found: Vec<f32> = run(true, merge).iter().copied().collect();
        let want: Vec<f32> = want.iter().copied().collect();
        assert_close(&format!("{merge:?}"), &found, &want, 1e-6, 0.0);
    }
}

/// Stacked, `num_layers`: h_n (L·D, N, H), index = layer·D + direction, also with batch first. The second layer alone, on
/// the first one's output, has the second layer's states.
#[test]
fn stacked_layers_and_their_states() {
    let x = numbers((3, 6, 5));
    let stack = Gru::new(GruConfig::new(5, 4).layers(2).bidirectional(true), &mut rng()).unwrap();
    let (output, last) = stack.forward(x.view(), Valid::All, None).unwrap();
    assert_eq!((output.dim(), last.hidden.dim()), ((3, 6, 8), (4, 3, 4)));
    let mut below = x.clone();
    for layer in 0..2 {
        let config = GruConfig::new(if layer == 0 { 5 } else { 8 }, 4).bidirectional(true);
        let mut alone = Gru::new(config, &mut rng()).unwrap();
        let names: Vec<String> = alone.parameters().entries().iter().map(|e| e.name.clone()).collect();
        for name in names {
            let of_stack = stack.parameters().find(&name.replace("_l0", &format!("_l{layer}"))).unwrap();
            let values = stack.parameters().value(of_stack).to_vec();
            let id = alone.parameters().find(&name).unwrap();
            alone.parameters_mut().value_mut(id).copy_from_slice(&values);
        }
        let (answer, state) = alone.forward(below.view(), Valid::All, None).unwrap();
        for direction in 0..2 {
            let index = layer * 2 + direction;
            let [of_stack, of_layer] =
                [(&last, index), (&state, direction)].map(|(state, k)| state.hidden.index_axis(Axis(0), k));
            assert_eq!(of_stack, of_layer, "layer {layer}, direction {direction}");
        }
        below = answer;
    }
    assert_eq!(below, output);
}

/// Dropout: between layers only, none after the last, 0 when there is one layer.
#[test]
fn dropout_between_layers_only() {
    let x = numbers((4, 6, 5));
    let one = Gru::new(GruConfig::new(5, 16).dropout(0.5), &mut rng()).unwrap();
    let plain = one.forward(x.view(), Valid::All, None).unwrap().0;
    assert_eq!(one.forward_train(x.view(), Valid::All, None, NOISE).unwrap().0, plain);

    let two = Gru::new(GruConfig::new(5, 16).layers(2).dropout(0.5), &mut rng()).unwrap();
    let (plain, plain_state) = two.forward(x.view(), Valid::All, None).unwrap();
    let (trained, state, _) = two.forward_train(x.view(), Valid::All, None, NOISE).unwrap();
    let layer = |state: &HiddenState, k| state.hidden.index_axis(Axis(0), k).to_owned();
    assert_eq!(layer(&state, 0), layer(&plain_state, 0), "nothing is lost before the first layer or in it");
    assert_ne!(layer(&state, 1), layer(&plain_state, 1), "something is lost between the layers");
    assert_ne!(trained, plain);
    assert!(trained.iter().all(|&h| h != 0.0), "nothing is lost after the last layer");
    assert_eq!(trained.index_axis(Axis(1), 5), layer(&state, 1));
}

/// A separate Dropout layer on the last state: half of it is lost in training and the rest doubled, nothing in use.
#[test]
fn dropout_layer_on_the_last_state() {
    let x = numbers((8, 6, 5));
    let model = |p| {
        let builder = Model::builder(Input::numbers(5)).gru(64);
        if p > 0.0 { builder.dropout(p) } else { builder }.build(1).unwrap()
    };
    let batch = Batch::numbers(x.view());
    let (with, without) = (model(0.5), model(0.0));
    let state = without.forward(&batch).unwrap();
    assert_eq!(with.forward(&batch).unwrap().data, state.data);
    let trained = with.forward_train(&batch, NOISE).unwrap().0;
    let mut lost = 0;
    for (found, h) in trained.data.iter().zip(state.data.iter()) {
        assert!(*found == 0.0 || *found == 2.0 * h, "{h} became {found}");
        lost += usize::from(*found == 0.0);
    }
    assert!((192..320).contains(&lost), "{lost} of 512 lost");
}

/// Last states of a bidirectional net: cat(h_n[-2], h_n[-1]) feeds the head.
#[test]
fn last_states_of_both_directions_feed_the_head() {
    let x = numbers((3, 6, 5));
    let lstm = Lstm::new(LstmConfig::new(5, 4).layers(2).bidirectional(true), &mut rng()).unwrap();
    let (joined, last) = lstm.forward_last(x.view(), Valid::All, None).unwrap();
    let [forward, backward] = [2, 3].map(|k| last.hidden.index_axis(Axis(0), k));
    assert_eq!(joined, concatenate![Axis(1), forward, backward]);

    let layer = RecurrentLayer::lstm(4).layers(2_usize);
    let model = Model::builder(Input::numbers(5)).bidirectional(layer).dense(2).build(1).unwrap();
    let batch = Batch::numbers(x.view());
    let (answer, state) = model.forward_with_state(&batch, None).unwrap();
    assert_eq!(weight(model.parameters(), "dense.weight").dim(), (2, 8));
    let hidden = &state["lstm"].hidden;
    let h = Array3::from_shape_vec((4, 3, 4), hidden.clone()).unwrap();
    let joined = concatenate![Axis(1), h.index_axis(Axis(0), 2), h.index_axis(Axis(0), 3)];
    let bias = weight(model.parameters(), "dense.bias").remove_axis(Axis(1));
    let want = joined.dot(&weight(model.parameters(), "dense.weight").t()) + bias;
    assert_close("head", &answer.data, &want.iter().copied().collect::<Vec<_>>(), 1e-6, 0.0);
}

/// `batch_first`: (N,T,F); time-major accepted too.
#[test]
fn batch_first_and_time_major() {
    let x = numbers((3, 6, 5));
    let config = LstmConfig::new(5, 4).layers(2).bidirectional(true);
    let batch_first = Lstm::new(config.clone(), &mut rng()).unwrap();
    let time_major = Lstm::new(config.time_major(true), &mut rng()).unwrap();
    let (output, state) = batch_first.forward(x.view(), Valid::All, None).unwrap();
    let turned = x.view().permuted_axes([1, 0, 2]);
    let (turned, same_state) = time_major.forward(turned, Valid::All, None).unwrap();
    assert_eq!(turned.dim(), (6, 3, 8));
    assert_eq!(turned.permuted_axes([1, 0, 2]), output);
    assert_eq!(same_state, state, "states lie alike either way");
}

/// Initial state: zeros by default, (L·D, N, H) for h and c; given by the caller; carried between calls.
#[test]
fn initial_state_given_and_carried() {
    let x = numbers((2, 6, 5));
    let lstm = Lstm::new(LstmConfig::new(5, 4).layers(2), &mut rng()).unwrap();
    let run = |x: &Array3<f32>, state: Option<&LstmState>| lstm.forward(x.view(), Valid::All, state).unwrap();
    let of = |value: f32| LstmState {
        hidden: Array3::from_elem((2, 2, 4), value),
        cell: Array3::from_elem((2, 2, 4), value),
    };
    let whole = run(&x, None);
    assert_eq!(run(&x, Some(&of(0.0))), whole);
    assert_ne!(run(&x, Some(&of(0.5))), whole);
    let part = |steps: &[usize]| x.select(Axis(1), steps);
    let (first, state) = run(&part(&[0, 1]), None);
    let (second, state) = run(&part(&[2, 3, 4, 5]), Some(&state));
    assert_eq!((concatenate![Axis(1), first, second], state), whole);
    let short = LstmState { hidden: Array3::zeros((2, 1, 4)), cell: Array3::zeros((2, 1, 4)) };
    let error = lstm.forward::<Ix3>(x.view(), Valid::All, Some(&short)).unwrap_err().to_string();
    assert!(error.contains("[2, 2, 4]") && error.contains("[2, 1, 4]"), "{error}");
}

/// Variable lengths: pack (unsorted allowed) → run → unpack, with lengths; padding must never change an answer.
#[test]
fn variable_lengths_packed_run_and_unpacked() {
    let lengths = [3, 6, 1, 5];
    let x = numbers((4, 6, 5));
    let mut parameters = Parameters::new();
    let config = RecurrentConfig {
        bidirectional: true,
        ..Gru::new(GruConfig::new(5, 4), &mut rng()).unwrap().config().clone()
    };
    let gru = Recurrent::new(config, &mut parameters, "", &mut rng()).unwrap();
    let run = |x: &Array3<f32>, lengths: &[usize]| {
        let packed = pack_padded_sequence(x.view(), lengths, sequences::BatchAxes::BatchFirst).unwrap();
        let output = gru.forward(&parameters, packed).unwrap();
        pad_packed_sequence(&output, &PadPacked::default()).unwrap()
    };
    let (output, found) = run(&x, &lengths);
    assert_eq!((output.dim(), found.as_slice()), ((4, 6, 8), &lengths[..]));
    let mut other = x.clone();
    for (n, &length) in lengths.iter().enumerate() {
        for t in length..6 {
            assert!(output.index_axis(Axis(0), n).row(t).iter().all(|&h| h == 0.0));
            other.index_axis_mut(Axis(0), n).row_mut(t).fill(f32::NAN);
        }
        let steps: Vec<usize> = (0..length).collect();
        let alone = run(&x.select(Axis(0), &[n]).select(Axis(1), &steps), &[length]).0;
        assert_eq!(alone.index_axis(Axis(0), 0), output.index_axis(Axis(0), n).select(Axis(0), &steps));
    }
    assert_eq!(run(&other, &lengths).0, output, "what stands in the padding does not matter");
}

/// Masking: `mask_zero` embeddings pass padding by wherever it stands.
#[test]
fn mask_zero_passes_padding_by() {
    let model = |mask_zero| {
        let embedding = EmbeddingLayer::new(8).mask_zero(mask_zero);
        Model::builder(Input::ids(10))
            .embedding(embedding)
            .bidirectional(RecurrentLayer::lstm(4))
            .build(1)
            .unwrap()
    };
    let answer =
        |model: &Model, ids: Array2<u32>| model.forward(Batch::ids(ids.view())).unwrap().data.clone();
    let masked = model(true);
    let alone = answer(&masked, array![[4, 7, 2]]);
    for padded in [array![[4, 7, 2, 0, 0]], array![[0, 4, 7, 2, 0]], array![[4, 0, 7, 0, 2]]] {
        assert_eq!(answer(&masked, padded.clone()), alone, "{padded}");
    }
    let plain = model(false);
    assert_ne!(answer(&plain, array![[4, 7, 2, 0, 0]]), answer(&plain, array![[4, 7, 2]]));
}

/// `padding_idx` row stays zero and gets no gradient.
#[test]
fn padding_idx_row_stays_zero_without_gradient() {
    let builder =
        Model::builder(Input::ids(5)).embedding(EmbeddingLayer::new(3).padding_id(0)).gru(4).dense(1);
    let mut model = builder.build(1).unwrap();
    let id = model.parameters().find("embedding.weight").unwrap();
    let mut optimizer = Optimizer::new("adam".parse().unwrap(), model.parameters()).unwrap();
    let ids = array![[3, 1, 0, 0], [2, 0, 4, 0]];
    for _ in 0..3 {
        let (answer, cache) = model.forward_train(Batch::ids(ids.view()), NOISE).unwrap();
        model.parameters_mut().zero_gradients();
        let gradient = Rows::new(vec![1.0; 2], 1, answer.layout.clone()).unwrap();
        model.backward(cache, gradient).unwrap();
        let gradients = model.parameters().gradient(id).to_vec();
        assert!(gradients[..3].iter().all(|&d| d == 0.0), "the padding's");
        assert!(gradients[3..].iter().all(|&d| d != 0.0), "all others': {gradients:?}");
        optimizer.step(model.parameters_mut(), 0.1, 1.0).unwrap();
        assert_eq!(model.parameters().value(id)[..3], [0.0; 3]);
    }
}

/// Embedding: int ids (4,10) → (4,10,64); 1000×64 = 64,000 parameters.
#[test]
fn embedding_of_1000_by_64() {
    let model = Model::builder(Input::ids(1000)).embedding(64).build(1).unwrap();
    assert_eq!(model.parameters().len(), 64_000);
    let ids = Array2::from_shape_fn((4, 10), |(n, t)| (97 * n + 13 * t) as u32);
    let vectors = model.forward(Batch::ids(ids.view())).unwrap();
    assert_eq!((vectors.layout.sequences(), vectors.layout.time(), vectors.features), (4, 10, 64));
    let table = weight(model.parameters(), "embedding.weight");
    assert_eq!(table.dim(), (1000, 64));
    for (vector, id) in vectors.unpack().chunks(64).zip(&ids) {
        assert_eq!(vector, table.row(*id as usize).to_vec());
    }
}

/// Pretrained vectors (word2vec, GloVe, fastText) load into it.
#[test]
fn pretrained_vectors_load_into_the_embedding() {
    let vocabulary = Vocabulary::from_tokens(["good", "bad", "odd"]).unwrap();
    let glove = "good 0.5 1\nbad -0.5 1\n";
    let with_header = format!("2 2\n{glove}");
    let mut binary = b"2 2\n".to_vec();
    for (word, vector) in [("good", [0.5_f32, 1.0]), ("bad", [-0.5, 1.0])] {
        binary.extend(word.bytes());
        binary.push(b' ');
        vector.iter().for_each(|v| binary.extend(v.to_le_bytes()));
    }
    for (format, file) in [
        (VectorFormat::Glove, glove.as_bytes()),
        (VectorFormat::FastText, with_header.as_bytes()),
        (VectorFormat::Word2VecText, with_header.as_bytes()),
        (VectorFormat::Word2VecBinary, &binary),
    ] {
        let vectors =
            WordVectors::from_reader("vectors", file, &vocabulary, &VectorOptions::new(format)).unwrap();
        let embedding = EmbeddingLayer::new(2).padding_id(PAD);
        let mut model = Model::builder(Input::ids(vocabulary.len())).embedding(embedding).build(1).unwrap();
        let before = weight(model.parameters(), "embedding.weight");
        assert_eq!(vectors.copy_into_model(&mut model, "embedding").unwrap().found(), 2, "{format:?}");
        let after = weight(model.parameters(), "embedding.weight");
        assert_eq!([after.row(2).to_vec(), after.row(3).to_vec()], [[0.5, 1.0], [-0.5, 1.0]], "{format:?}");
        assert_eq!([after.row(0), after.row(4)], [before.row(0), before.row(4)], "{format:?}");
    }
}

/// Dense / Linear, TimeDistributed head: on the last state, or on every step (many-to-many).
#[test]
fn dense_on_the_last_state_or_on_every_step() {
    let x = numbers((3, 6, 5));
    let batch = Batch::numbers(x.view());
    let answer = |every_step| {
        let layer = RecurrentLayer::rnn(4).return_sequences(every_step);
        let model = Model::builder(Input::numbers(5)).layer(layer).dense(2).build(1).unwrap();
        let rows = model.forward(&batch).unwrap();
        (rows.layout.time(), rows.unpack())
    };
    let ((_, last), (time, all)) = (answer(false), answer(true));
    assert_eq!((last.len(), time, all.len()), (3 * 2, 6, 3 * 6 * 2));
    let all = Array3::from_shape_vec((3, 6, 2), all).unwrap();
    // The same weights at every step: its answer at the last one is that of the head on the last state.
    assert_eq!(all.index_axis(Axis(1), 5), Array2::from_shape_vec((3, 2), last).unwrap());
}

/// Initialisers: constant, zeros, normal(std), uniform ±1/√H, glorot uniform, orthogonal; unit forget bias.
#[test]
fn initialisers_and_unit_forget_bias() {
    let (input, hidden) = (40, 100);
    let drawn = |input_weights, hidden_weights| {
        let first = FirstWeights {
            input: input_weights,
            hidden: hidden_weights,
            bias: Initializer::Constant { value: 0.25 },
            unit_forget_bias: true,
            forget_bias: 0.0,
        };
        let rnn = Rnn::new(RnnConfig::new(input, hidden).first_weights(first), &mut rng()).unwrap();
        [weight(rnn.parameters(), "weight_ih_l0"), weight(rnn.parameters(), "weight_hh_l0")]
    };
    let [constant, zeros] = drawn(Initializer::Constant { value: 0.1 }, Initializer::Zeros);
    assert!(constant.iter().all(|&v| v == 0.1) && zeros.iter().all(|&v| v == 0.0));
    let [normal, orthogonal] = drawn(Initializer::Normal { std: 2.0 }, Initializer::Orthogonal);
    assert!((1.9..2.1).contains(&normal.std(0.0)) && normal.mean().unwrap().abs() < 0.1);
    let identity = orthogonal.dot(&orthogonal.t()) - Array2::<f32>::eye(hidden);
    assert!(identity.iter().all(|v| v.abs() < 1e-5));
    let largest = |a: &Array2<f32>| a.iter().fold(0.0_f32, |largest, v| largest.max(v.abs()));
    let [uniform, glorot] = drawn(Initializer::pytorch(hidden), Initializer::XavierUniform);
    assert!((0.099..=0.1).contains(&largest(&uniform)), "±1/√100");
    let bound = (6.0_f32 / 200.0).sqrt();
    assert!((0.99 * bound..=bound).contains(&largest(&glorot)), "±√(6 / (100 + 100))");

    // PyTorch's is what a layer has when nothing is said; Keras' forget bias is 1 whatever was asked for.
    let rnn = Rnn::new(RnnConfig::new(input, hidden), &mut rng()).unwrap();
    for entry in rnn.parameters().entries() {
        assert!((0.09..=0.1).contains(&largest(&weight(rnn.parameters(), &entry.name))), "{}", entry.name);
    }
    let first = FirstWeights { bias: Initializer::Constant { value: 0.25 }, ..FirstWeights::keras() };
    let lstm = Lstm::new(LstmConfig::new(3, 2).first_weights(first), &mut rng()).unwrap();
    let bias = weight(lstm.parameters(), "bias_ih_l0").into_raw_vec_and_offset().0;
    assert_eq!(bias, [0.25, 0.25, 1.0, 1.0, 0.25, 0.25, 0.25, 0.25]);
}

/// Gradient clipping: by global norm (1.0), by value; the norm before and after is reported.
#[test]
fn gradient_clipping_by_norm_and_by_value() {
    let gradients = || {
        let mut parameters = Parameters::new();
        let [a, b] = [("a", [3.0_f32, 0.5]), ("b", [-4.0, 0.0])].map(|(name, gradient)| {
            let id = parameters.add(name, &[2], vec![0.0; 2]).unwrap();
            parameters.gradient_mut(id).copy_from_slice(&gradient);
            id
        });
        (parameters, a, b)
    };
    let (mut parameters, a, _) = gradients();
    let clipped = Clip::GlobalNorm { max: 1.0 }.apply(&mut parameters).unwrap();
    let norm = (9.0_f64 + 16.0 + 0.25).sqrt();
    assert!((clipped.norm - norm).abs() < 1e-9, "before: {}", clipped.norm);
    let after = clipped.norm * f64::from(clipped.gradient_scale);
    assert!((after - 1.0).abs() < 1e-5, "after: {after}");
    // SGD at rate 1 moves by the clipped gradient.
    let mut optimizer = Optimizer::new("sgd".parse().unwrap(), &parameters).unwrap();
    optimizer.step(&mut parameters, 1.0, clipped.gradient_scale).unwrap();
    assert_close("moved", parameters.value(a), &[-3.0 / norm, -0.5 / norm], 1e-5, 0.0);

    let (mut parameters, a, b) = gradients();
    Clip::Value { max: 1.0 }.apply(&mut parameters).unwrap();
    assert_eq!((parameters.gradient(a), parameters.gradient(b)), (&[1.0, 0.5][..], &[-1.0, 0.0][..]));
}

/// Losses: MSE, BCE (on probabilities and on logits), cross-entropy on last step and on all steps.
#[test]
fn losses_against_their_formulas() {
    let value = |name: &str, prediction: &[f32], targets: Targets| {
        let loss: Loss = name.parse().unwrap();
        loss.value_and_gradient(prediction, targets, None).unwrap()
    };
    let close =
        |what: &str, found: f64, want: f64| assert!((found - want).abs() < 1e-6, "{what}: {found}, {want}");
    close("mse", value("mse", &[1.0, 3.0], Targets::Values(&[0.0, 1.0])), (1.0 + 4.0) / 2.0);
    let p = [0.8_f64, 0.3];
    let bce = -(p[0].ln() + (1.0 - p[1]).ln()) / 2.0;
    let targets = [1.0, 0.0];
    close("bce", value("bce_probabilities", &p.map(|p| p as f32), Targets::Values(&targets)), bce);
    let logits = p.map(|p| (p / (1.0 - p)).ln() as f32);
    close("bce on logits", value("bce", &logits, Targets::Values(&targets)), bce);

    let x = numbers((2, 3, 5));
    for every_step in [false, true] {
        let layer = RecurrentLayer::rnn(4).return_sequences(every_step);
        let model = Model::builder(Input::numbers(5)).layer(layer).dense(3).build(1).unwrap();
        let logits = model.forward(Batch::numbers(x.view())).unwrap();
        let classes: &[u32] = if every_step { &[0, 1, 2, 2, 1, 0] } else { &[2, 1] };
        let packed = sumun::Ids::pack(classes, logits.layout.clone()).unwrap();
        let found = value("cross_entropy", &logits.data, Targets::Classes(&packed.data));
        let of_row = |(row, &class): (&[f32], &u32)| {
            let sum: f64 = row.iter().map(|&l| f64::from(l).exp()).sum();
            sum.ln() - f64::from(row[class as usize])
        };
        let unpacked = logits.unpack();
        let sum: f64 = unpacked.chunks(3).zip(classes).map(of_row).sum();
        close(&format!("cross-entropy, every step {every_step}"), found, sum / classes.len() as f64);
    }
}

/// Optimizers: SGD, Adam, AdamW, RMSprop. Their first step from 1 with a gradient of 0.5 at rate 0.1, by the formulas.
#[test]
fn optimizers_against_their_first_step() {
    for (name, want) in [
        ("sgd", 1.0 - 0.1 * 0.5),
        // Mean over root of mean square is the sign in the first step.
        ("adam", 1.0 - 0.1),
        ("adamw", 1.0 * (1.0 - 0.1 * 0.01) - 0.1),
        // √(0.01 · 0.5²) = 0.05.
        ("rmsprop", 1.0 - 0.1 * 0.5 / 0.05),
    ] {
        let mut parameters = Parameters::new();
        let id = parameters.add("w", &[1], vec![1.0]).unwrap();
        parameters.gradient_mut(id)[0] = 0.5;
        let mut optimizer = Optimizer::new(name.parse().unwrap(), &parameters).unwrap();
        optimizer.step(&mut parameters, 0.1, 1.0).unwrap();
        assert_close(name, parameters.value(id), &[want], 1e-6, 0.0);
    }
}

/// Model summary: layer, output shape (None for unknown batch and time), parameters, trainable / non-trainable totals.
#[test]
fn model_summary_with_unknown_batch_and_time() {
    let model = Model::builder(Input::ids(100))
        .embedding(EmbeddingLayer::new(8).trainable(false))
        .layer(RecurrentLayer::lstm(4).return_sequences(true))
        .dense(sumun::model::DenseLayer::new(2).activation(Activation::Tanh))
        .build(1)
        .unwrap();
    // 100·8; 4·4·(8 + 4 + 2); 2·(4 + 1).
    let expected = "\
Layer (kind)           Output shape     Parameters
──────────────────────────────────────────────────
embedding (Embedding)  (None, None, 8)         800
lstm (LSTM)            (None, None, 4)         224
dense (Dense)          (None, None, 2)          10
──────────────────────────────────────────────────
Total parameters: 1,034
Trainable parameters: 234
Non-trainable parameters: 800";
    assert_eq!(model.summary().to_string(), expected);
}
