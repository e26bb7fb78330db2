//! Models that are no list: several inputs and outputs, layers with several readers, states handed over.

use ndarray::{Array2, Array3, Axis, Slice, array};
use sumun_nn::layer::Signal;
use sumun_nn::model::{
    Batch, DenseLayer, DropoutLayer, EmbeddingLayer, Feed, Input, Model, ModelBuilder, ModelConfig,
    ModelFile, ModelState, Outputs, PoolLayer, RecurrentLayer,
};
use sumun_nn::nn::{Activation, InputGradient, Pool};
use sumun_nn::noise::Noise;
use sumun_nn::{Result, Rows};

const NOISE: Noise = Noise { seed: 5, step: 2, layer: 0 };

/// The place `index` alone.
fn at(index: usize) -> Slice {
    Slice::from(index..index + 1)
}

/// The first places.
fn first(count: usize) -> Slice {
    Slice::from(..count)
}

fn weight(k: usize) -> f32 {
    ((k * 37 + 11) % 101) as f32 / 51.0 - 0.993
}

/// Two inputs of unlike lengths, one layer with three readers, a state handed over, three outputs.
fn graph() -> ModelBuilder {
    Model::graph()
        .input("source", Input::ids(6))
        .input("target", Input::numbers(2))
        .input("about", Input::row(3))
        .add("words", EmbeddingLayer::new(3).mask_zero(true), "source")
        .add("encoder", RecurrentLayer::lstm(4).return_sequences(true), "words")
        .add("mean", PoolLayer::new(Pool::Mean), "encoder")
        .add("largest", PoolLayer::new(Pool::Max), "encoder")
        .add("decoder", RecurrentLayer::lstm(4).return_sequences(true).initial("encoder"), "target")
        .add("lost", DropoutLayer::new(0.25), "decoder")
        .add("step", DenseLayer::new(2).activation(Activation::Tanh), "lost")
        .add("level", DenseLayer::new(1), "about")
        .add("topic", DenseLayer::new(2), "mean")
        .outputs(["step", "level", "topic", "largest"])
}

struct Data {
    source: Array2<u32>,
    target: Array3<f32>,
    about: Array2<f32>,
}

impl Data {
    fn new() -> Self {
        Self {
            source: array![[3, 0, 5, 1], [2, 2, 4, 0], [1, 5, 0, 0]],
            target: Array3::from_shape_fn((3, 5, 2), |(n, t, f)| weight(n * 10 + t * 2 + f)),
            about: Array2::from_shape_fn((3, 3), |(n, f)| weight(n * 3 + f + 50)),
        }
    }

    fn feed(&self) -> Feed<'_> {
        Feed::new()
            .batch("source", Batch::ids(self.source.view()).lengths(&[4, 3, 2]).unwrap())
            .batch("target", Batch::numbers(self.target.view()).lengths(&[2, 5, 3]).unwrap())
            .batch("about", Batch::row(self.about.view()))
    }
}

/// Σ weight · output over all outputs, with fixed weights.
fn loss(outputs: &Outputs) -> f64 {
    let of = |rows: &Rows| -> f64 {
        rows.data.iter().enumerate().map(|(k, &y)| f64::from(weight(k)) * f64::from(y)).sum()
    };
    outputs.rows.iter().map(of).sum()
}

fn d_outputs(outputs: &Outputs) -> Vec<Option<Rows>> {
    let of = |rows: &Rows| {
        Rows::new((0..rows.data.len()).map(weight).collect(), rows.features, rows.layout.clone()).unwrap()
    };
    outputs.rows.iter().map(|rows| Some(of(rows))).collect()
}

#[test]
fn gradients_of_all_weights_and_inputs_agree_with_central_differences() {
    let mut data = Data::new();
    let mut model = graph().build(1).unwrap();
    let (outputs, cache) = model.outputs_train(data.feed(), None, NOISE).unwrap();
    let d_inputs = model.backward_outputs(cache, d_outputs(&outputs), InputGradient::Needed).unwrap();
    let found = model.parameters().gradients().to_vec();
    assert_eq!(model.input_names().collect::<Vec<_>>(), ["about", "source", "target"]);
    assert!(d_inputs[1].is_none(), "ids have no gradient");
    const STEP: f32 = 1.0 / 128.0;
    let numeric = |low: f64, high: f64| (high - low) / f64::from(2.0 * STEP);
    let close = |what: &str, found: f32, numeric: f64| {
        let difference = (f64::from(found) - numeric).abs();
        assert!(difference < 3e-3 * (1.0 + numeric.abs()), "{what}: {found} for {numeric}");
    };
    for k in 0..found.len() {
        let entry = model.parameters().entries().iter().find(|e| e.range.contains(&k)).unwrap().name.clone();
        let mut at = |shift: f32| {
            let before = model.parameters().values()[k];
            model.parameters_mut().values_mut()[k] = before + shift;
            let value = loss(&model.outputs_train(data.feed(), None, NOISE).unwrap().0);
            model.parameters_mut().values_mut()[k] = before;
            value
        };
        close(&entry, found[k], numeric(at(-STEP), at(STEP)));
        assert!(found[k] != 0.0 || entry == "words.weight", "{entry} has no gradient");
    }
    let shown = |d: &Option<Rows>| d.as_ref().unwrap().unpack();
    let (d_about, d_target) = (shown(&d_inputs[0]), shown(&d_inputs[2]));
    for k in 0..d_about.len() {
        let mut at = |shift: f32| {
            let place = &mut data.about.as_slice_mut().unwrap()[k];
            let before = std::mem::replace(place, *place + shift);
            let value = loss(&model.outputs_train(data.feed(), None, NOISE).unwrap().0);
            data.about.as_slice_mut().unwrap()[k] = before;
            value
        };
        close("about", d_about[k], numeric(at(-STEP), at(STEP)));
    }
    for k in 0..d_target.len() {
        let mut at = |shift: f32| {
            let place = &mut data.target.as_slice_mut().unwrap()[k];
            let before = std::mem::replace(place, *place + shift);
            let value = loss(&model.outputs_train(data.feed(), None, NOISE).unwrap().0);
            data.target.as_slice_mut().unwrap()[k] = before;
            value
        };
        close("target", d_target[k], numeric(at(-STEP), at(STEP)));
    }
}

#[test]
fn a_graph_is_the_same_through_toml_and_file() {
    let config = graph().config();
    let text = config.to_toml().unwrap();
    assert!(text.contains("outputs = [\"step\", \"level\", \"topic\", \"largest\"]"), "{text}");
    assert!(text.contains("initial = \"encoder\""), "{text}");
    assert_eq!(ModelConfig::from_toml(&text).unwrap(), config, "{text}");
    let model = config.build(3).unwrap();
    let bytes = model.to_file().unwrap().to_bytes().unwrap();
    let loaded = Model::from_file(&ModelFile::from_bytes("m", &bytes).unwrap()).unwrap();
    let data = Data::new();
    let bits = |model: &Model| {
        let outputs = model.outputs(data.feed(), None).unwrap();
        outputs.rows.iter().flat_map(|rows| rows.data.iter().map(|v| v.to_bits())).collect::<Vec<_>>()
    };
    assert_eq!(bits(&loaded), bits(&model));
    let summary = model.summary();
    assert_eq!(summary.layer("decoder").unwrap().reads, ["target"]);
    assert_eq!(summary.parameters(), model.parameters().len());
}

/// A sequence gives the bits that it gives alone, whatever the lengths of the others, in each input.
#[test]
fn a_sequence_alone_gives_the_same_bits() {
    let (data, model) = (Data::new(), graph().build(2).unwrap());
    let together = model.outputs(data.feed(), None).unwrap();
    for (n, (source, target)) in [(4, 2), (3, 5), (2, 3)].into_iter().enumerate() {
        let own = Data {
            source: data.source.slice_axis(Axis(0), at(n)).slice_axis(Axis(1), first(source)).to_owned(),
            target: data.target.slice_axis(Axis(0), at(n)).slice_axis(Axis(1), first(target)).to_owned(),
            about: data.about.slice_axis(Axis(0), at(n)).to_owned(),
        };
        let feed = Feed::new()
            .batch("source", Batch::ids(own.source.view()))
            .batch("target", Batch::numbers(own.target.view()))
            .batch("about", Batch::row(own.about.view()));
        let alone = model.outputs(feed, None).unwrap();
        for (output, (alone, together)) in alone.rows.iter().zip(&together.rows).enumerate() {
            let (alone, all) = (alone.unpack(), together.unpack());
            let width = all.len() / 3;
            assert_eq!(alone, all[n * width..][..alone.len()], "output {output} of sequence {n}");
        }
    }
}

/// Step by step over the encoder's rows and the decoder's state: the bits of the whole, with the encoder computed once.
#[test]
fn a_decoder_steps_on_over_rows_that_were_given() {
    let model = Model::graph()
        .input("source", Input::ids(6))
        .input("target", Input::numbers(2))
        .add("words", EmbeddingLayer::new(3), "source")
        .add("encoder", RecurrentLayer::gru(4).return_sequences(true), "words")
        .add("decoder", RecurrentLayer::gru(4).return_sequences(true).initial("encoder"), "target")
        .add("step", DenseLayer::new(2), "decoder")
        .build(2);
    // Nothing but its state leaves the encoder.
    let model = model.unwrap();
    let data = Data::new();
    let feed = || Feed::new().batch("source", Batch::ids(data.source.view()));
    let whole = model.forward(feed().batch("target", Batch::numbers(data.target.view()))).unwrap().unpack();
    let encoded = model.values(feed(), None, &["encoder"]).unwrap();
    let mut state = ModelState::from([("decoder".to_owned(), encoded.state["encoder"].clone())]);
    for t in 0..5 {
        let step = data.target.slice_axis(Axis(1), at(t));
        let feed = Feed::new().rows("encoder", encoded.rows[0].clone()).batch("target", Batch::numbers(step));
        let (rows, after) = model.forward_with_state(&feed, Some(&state)).unwrap();
        assert!(!after.contains_key("encoder"));
        let rows = rows.unpack();
        for n in 0..3 {
            assert_eq!(rows[n * 2..][..2], whole[(n * 5 + t) * 2..][..2], "step {t} of sequence {n}");
        }
        state = after;
        let error = model.forward_with_state(&feed, None).unwrap_err().to_string();
        assert_eq!(
            error,
            "decoder begins with the state of encoder, whose rows are given; give the state of decoder as well"
        );
    }
}

/// Frozen layers that nothing trainable lies below are passed over; the others get the same gradients as before.
#[test]
fn freezing_a_branch_changes_no_gradient_of_the_others() {
    let data = Data::new();
    let gradients = |freeze: &[&str]| {
        let mut model = graph().build(4).unwrap();
        for layer in freeze {
            model.set_trainable(layer, false).unwrap();
        }
        let (outputs, cache) = model.outputs_train(data.feed(), None, NOISE).unwrap();
        model.backward_outputs(cache, d_outputs(&outputs), InputGradient::Skip).unwrap();
        let of = |name: &str| {
            let entries = model.parameters().entries().iter().filter(|e| e.name.starts_with(name));
            entries.flat_map(|e| model.parameters().gradients()[e.range.clone()].to_vec()).collect::<Vec<_>>()
        };
        ["words", "encoder", "decoder", "step", "level", "topic"].map(of)
    };
    let all = gradients(&[]);
    let without = gradients(&["words", "encoder"]);
    assert!(without[0].iter().chain(&without[1]).all(|&d| d == 0.0), "nothing trainable is below");
    assert_eq!(without[2..], all[2..]);
    let without = gradients(&["encoder"]);
    assert_eq!(without[0], all[0], "the embedding below a frozen layer is trained on");
}

#[test]
fn what_does_not_fit_is_said_in_one_line() {
    let dense = || DenseLayer::new(2);
    let two = || Model::graph().input("a", Input::numbers(2)).input("b", Input::numbers(3));
    let lstm = |units| RecurrentLayer::lstm(units).return_sequences(true);
    let cases: Vec<(ModelBuilder, &str)> = vec![
        (two().layer(dense()), "dense is the first layer of a model with 2 inputs; say from which it reads"),
        (two().add("x", dense(), "c"), "x reads \"c\"; there are a, b"),
        (
            two().add("x", dense(), "y").add("y", dense(), "a"),
            "x reads y, which comes after it; put it before x",
        ),
        (two().add("x", dense(), ["a", "b"]), "x reads 2 layers; it takes one, merge them before it"),
        (two().add("x", dense(), "a"), "nothing reads the input b; leave it out"),
        (
            two().add("x", dense(), "a").add("y", dense(), "b"),
            "nothing reads x; name it among the outputs, or leave it out",
        ),
        (two().add("a", dense(), "a"), "an input and a layer are named \"a\"; rename one"),
        (
            two().add("x", dense(), "a").add("y", dense(), "b").outputs(["x", "z"]),
            "the model's output \"z\" is no layer; there are a, b, x, y",
        ),
        (two().add("x", dense(), "a").outputs(["x", "x"]), "the model names an output twice; name it once"),
        (
            two().add("x", dense(), "a").add("y", lstm(3).initial("x"), "b").outputs(["x", "y"]),
            "y begins with the state of x, which has none; name a recurrent layer",
        ),
        (
            two().add("x", lstm(2), "a").add("y", lstm(3).initial("x"), "b").outputs(["x", "y"]),
            "the initial state of y: expected 1 states of h 3 and c 3, found 1 states of h 2 and c 2",
        ),
        (
            Model::graph().input("a", Input::row(2)).add("x", lstm(2), "a"),
            "x needs a sequence [N, T, 2], but a has one row a sequence, [N, 2]; let it read another input",
        ),
        (
            Model::graph().input("a", Input::numbers(0)).add("x", dense(), "a"),
            "the input a: features is 0; it must be at least 1 and at most 4294967295",
        ),
        (
            Model::builder(Input::numbers(2)).layer(DropoutLayer::new(0.5).trainable(false)).dense(1),
            "dropout has no weights to train; leave out trainable and learning_rate",
        ),
    ];
    for (builder, message) in cases {
        assert_eq!(builder.build(1).unwrap_err().to_string(), message);
    }

    let (model, data) = (graph().build(1).unwrap(), Data::new());
    let error = |feed: Feed<'_>| model.outputs(feed, None).unwrap_err().to_string();
    let source = || Batch::ids(data.source.view());
    assert_eq!(
        error(source().into()),
        "the model has the inputs about, source, target; give a batch for each, by name"
    );
    assert_eq!(
        error(Feed::new().batch("text", source())),
        "the model has no input \"text\"; it has about, source, target"
    );
    assert_eq!(
        error(Feed::new().batch("source", source())),
        "the model's input about is missing; give a batch for it"
    );
    assert_eq!(
        error(data.feed().batch("about", Batch::numbers(data.target.view()))),
        "the model's input about: expected numbers [N, 3], found numbers [N, T, 2]"
    );
    let few = data.about.slice_axis(Axis(0), first(2));
    assert_eq!(
        error(data.feed().batch("about", Batch::row(few))),
        "the model's inputs: expected as many sequences in each, such as 2, found 3"
    );
    let rows = Rows::one_step(vec![0.0; 6], 2, 3).unwrap();
    assert_eq!(
        error(data.feed().rows("mean", rows)),
        "the rows given for mean: expected [N, 4], found 2 features"
    );
    let error = model.forward(data.feed()).unwrap_err().to_string();
    assert_eq!(error, "the model has 4 outputs; ask for all of them");
}

#[test]
fn what_a_file_says_wrong_of_a_graph_is_said_in_one_line() {
    for (text, message) in [
        ("layers = []", "the model: missing field `input`"),
        (
            "[input]\nfeatures = 3\n[inputs]\na = { features = 3 }",
            "the model: a model has input or inputs, not both",
        ),
        ("inputs = 3\nlayers = []", "the model: inputs: expected a table of inputs by name"),
        (
            "outputs = 3\nlayers = []\n[input]\nfeatures = 3",
            "the model: outputs: expected the name of a layer, or a list of names",
        ),
        (
            "heads = 3\nlayers = []\n[input]\nfeatures = 3",
            "the model: unknown field `heads`, expected `input`, `inputs`, `layers`, `outputs` or `precision`",
        ),
        ("layers = [3]\n[input]\nfeatures = 3", "the model: layers: expected a table for each layer"),
        (
            "[input]\nfeatures = 3\n[[layers]]\nkind = 'dense'\nunits = 3\nfrom = 3",
            "the model: a layer of kind \"dense\": from: ",
        ),
    ] {
        let error = ModelConfig::from_toml(text).unwrap_err().to_string();
        assert!(error.starts_with(message) && !error.contains('\n'), "{text}: {error}");
    }
}

/// On the reference path and on the fastest, a whole model says which it is on, and gives about the same numbers.
#[test]
fn a_whole_model_can_be_put_on_another_path() -> Result<()> {
    use sumun_kernels::Path;
    let data = Data::new();
    let fast = graph().build(5)?;
    let slow = graph().build(5)?.on_path(Path::Reference)?;
    for layer in ["encoder", "decoder", "step", "level"] {
        assert_eq!(fast.path(layer), Some(Path::best()), "{layer}");
        assert_eq!(slow.path(layer), Some(Path::Reference), "{layer}");
    }
    assert_eq!(slow.path("mean"), None);
    let [fast, slow] = [&fast, &slow].map(|model| model.outputs(data.feed(), None).unwrap());
    for (fast, slow) in fast.rows.iter().zip(&slow.rows) {
        for (fast, slow) in fast.data.iter().zip(&*slow.data) {
            assert!((fast - slow).abs() < 1e-5, "{fast} and {slow}");
        }
    }
    assert_eq!(Signal::Steps(3).with(5), Signal::Steps(5));
    Ok(())
}
