//! Layers and batches that do not fit are refused with their shapes.

use ndarray::{Array2, Array3, array};
use sumun_nn::Fill;
use sumun_nn::model::{
    Batch, Biases, DenseLayer, DropoutLayer, EmbeddingLayer, Input, Model, ModelBuilder, PoolLayer,
    RecurrentLayer,
};
use sumun_nn::nn::{CellOptions, Initializer, Merge, Pool, Valid};
use sumun_nn::train::Regularizer;

use crate::models::reader;

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
            "lstm_2 needs a sequence [N, T, 64], but lstm_1 returns one row a sequence, [N, 64]; give lstm_1 return_sequences = true",
        ),
        (
            numbers().lstm(64).dense(8).gru(2),
            "gru needs a sequence [N, T, 8], but lstm returns one row a sequence, [N, 64]; give lstm return_sequences = true",
        ),
        (
            ids().pool(Pool::Max).pool(Pool::Mean),
            "pool_1 needs a sequence [N, T, 4], but pool returns one row a sequence, [N, 4]; leave out pool",
        ),
        (
            ids().lstm(5).attention(3),
            "attention needs a sequence [N, T, 5], but lstm returns one row a sequence, [N, 5]; give lstm return_sequences = true",
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
            "gru: GRU (reset after): peepholes is not an option of this cell; leave it out",
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
