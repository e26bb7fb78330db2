//! Layers on arrays, models, and streams.

use ndarray::{Array, Array2, Array3, Dimension, IxDyn};
use sumun_nn::model::{Batch, Input, Model, RecurrentLayer};
use sumun_nn::nn::{Lstm, LstmConfig, LstmState, Pool, Valid};
use sumun_nn::{Fill, Rows};

use super::choice::Choice;
use super::layers::{NOISE, Said, rng, said};

/// An array of small sizes, some of them 0.
fn array<D: Dimension>(choice: &mut Choice<'_>, shape: &[usize]) -> Array<f32, D> {
    let shape: Vec<usize> =
        shape.iter().map(|&size| if choice.one_in(30) { choice.below(4) } else { size }).collect();
    let mut random = sumun_testing::Random::new(u64::from(choice.byte()));
    let values = Array::from_shape_simple_fn(IxDyn(&shape), || random.normal() as f32);
    values.into_dimensionality().expect("as many sizes as axes")
}

fn lengths(choice: &mut Choice<'_>, sequences: usize, time: usize) -> Vec<usize> {
    (0..choice.length(sequences))
        .map(|_| if choice.one_in(30) { choice.size(1) } else { choice.below(time + 1) })
        .collect()
}

/// An LSTM on arrays.
pub(super) fn arrays(choice: &mut Choice<'_>) -> Said {
    let (input, hidden, sequences, time) =
        (choice.size(20), choice.size(20), 1 + choice.below(6), 1 + choice.below(6));
    let layers = choice.of(&[1, 1, 2, 0, usize::MAX]);
    let mut config = LstmConfig::new(input, hidden)
        .layers(layers)
        .bidirectional(choice.one_in(2))
        .finite_only(choice.one_in(2));
    let projection = choice.one_in(4).then(|| choice.size(8));
    if let Some(width) = projection {
        config = config.projection(width);
    }
    let mut lstm = said(Lstm::new(config, &mut rng()))?;
    let rows = layers * lstm.config().directions();
    let width = projection.unwrap_or(hidden);
    let x: Array3<f32> = array(choice, &[sequences, time, input]);
    let (lengths, mask) =
        (lengths(choice, sequences, time), Array2::from_elem((sequences, time + choice.below(9) / 8), true));
    let valid = match choice.below(3) {
        0 => Valid::All,
        1 => Valid::Lengths(&lengths),
        _ => Valid::Mask(mask.view()),
    };
    let initial = LstmState {
        hidden: array(choice, &[rows, sequences, width]),
        cell: array(choice, &[rows, sequences, hidden]),
    };
    let initial = choice.one_in(2).then_some(&initial);
    let (y, last) = said(lstm.forward(x.view(), valid, initial))?;
    said(lstm.forward_last(x.view(), valid, initial))?;
    let (trained, _, cache) = said(lstm.forward_train(x.view(), valid, initial, NOISE))?;
    assert_eq!(y.shape(), trained.shape());
    said(lstm.trace_of(&cache))?;
    let _ = lstm.apart(y.view());
    let d: Array3<f32> = array(choice, y.shape());
    let d_state = choice.one_in(2).then_some(&last);
    match choice.one_in(4) {
        true => said(lstm.backward_by_step(cache, d.view(), d_state)).map(drop),
        false => said(lstm.backward(cache, d.view(), d_state)).map(drop),
    }
}

/// A model of a few layers, fed with what may not fit.
pub(super) fn model(choice: &mut Choice<'_>) -> Said {
    let width = choice.size(20);
    let is_text = choice.one_in(2);
    let mut builder = Model::builder(if is_text { Input::ids(width) } else { Input::numbers(width) });
    if is_text {
        builder = builder.embedding(choice.size(20));
    }
    for _ in 0..choice.below(3) {
        let units = choice.size(20);
        builder = match choice.below(4) {
            0 => builder.layer(RecurrentLayer::gru(units).return_sequences(choice.one_in(2))),
            1 => builder.bidirectional(RecurrentLayer::lstm(units).return_sequences(true)),
            2 => builder.dropout(choice.of(&[0.1, 1.0, f32::NAN])),
            _ => builder.dense(units),
        };
    }
    if choice.one_in(2) {
        builder = builder.pool(choice.of(&[Pool::Last, Pool::Max, Pool::Mean]));
    }
    let mut model = said(builder.dense(choice.size(20)).build(7))?;
    let _ = model.summary();
    let (sequences, time) = (1 + choice.below(5), 1 + choice.below(5));
    let x: Array3<f32> = array(choice, &[sequences, time, width.min(100)]);
    let mut ids = Array2::<u32>::zeros((sequences, time));
    ids[[sequences - 1, time - 1]] = choice.of(&[0, 1, width as u32, u32::MAX]);
    let lengths = lengths(choice, sequences, time);
    let batch = if is_text != choice.one_in(30) { Batch::ids(ids.view()) } else { Batch::numbers(x.view()) };
    let batch = if choice.one_in(2) { said(batch.lengths(&lengths))? } else { batch };
    let batch = batch.fill(choice.of(&[Fill::Zero, Fill::Repeat]));
    said(model.forward(&batch))?;
    let (y, cache) = said(model.forward_train(&batch, NOISE))?;
    let d = choice.values(y.data.len());
    said(model.backward(cache, said(Rows::new(d, y.features, y.layout.clone()))?))?;
    let file = said(model.to_file())?;
    said(Model::from_file(&file)).map(drop)
}

/// A stream, a step at a time.
pub(super) fn stream(choice: &mut Choice<'_>) -> Said {
    let (input, hidden) = (choice.size(20), choice.size(20));
    let lstm = said(Lstm::new(LstmConfig::new(input, hidden).bidirectional(choice.one_in(12)), &mut rng()))?;
    let mut stream = said(lstm.stream())?;
    for _ in 0..1 + choice.below(4) {
        let x = choice.values(input);
        let _ = stream.step(&x).map(<[f32]>::len);
        if choice.one_in(4) {
            let state = LstmState { hidden: array(choice, &[1, hidden]), cell: array(choice, &[1, hidden]) };
            let _ = stream.set_state(&state);
        }
    }
    stream.reset();
    Ok(())
}
