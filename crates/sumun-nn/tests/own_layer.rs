//! The example of a layer and a cell of one's own: trained, saved, loaded, frozen, written as TOML.

#[path = "../examples/own_layer.rs"]
mod own_layer;

use rand::SeedableRng;
use sumun_nn::model::{Feed, Model, ModelConfig};
use sumun_nn::noise::Noise;
use sumun_nn::{Layout, Rows};

#[test]
fn they_learn_are_saved_and_loaded() {
    let found = own_layer::run().unwrap();
    assert!(found.error < 0.3 * found.of_the_mean, "{} of {}", found.error, found.of_the_mean);
    let model = found.model;
    // Two directions of 8 + 8, two of 8·16 + 8, 16 slopes, and a head of 17.
    assert_eq!((model.parameters().len(), model.summary().parameters()), (32 + 272 + 16 + 17, 337));
    assert_eq!(model.summary().layer("peak").unwrap().kind, "Bidirectional peak × 2");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    model.save(&path).unwrap();
    let loaded = Model::load_with(&path, &own_layer::registry()).unwrap();
    assert_eq!(loaded.config(), model.config());
    let (x, _) = own_layer::examples(20, &mut rand_chacha::ChaCha8Rng::seed_from_u64(9)).unwrap();
    let forward = |model: &Model| model.forward(Feed::new().rows("input", x.clone())).unwrap().data.clone();
    assert_eq!(forward(&loaded), forward(&model));
    let error = Model::load(&path).unwrap_err().to_string();
    assert!(error.contains("no layer is of kind \"peak\""), "{error}");
}

#[test]
fn toml_is_read_back_to_the_same_model() {
    let config = ModelConfig::from_toml_with(own_layer::MODEL, &own_layer::registry()).unwrap();
    let written = config.to_toml().unwrap();
    let again = ModelConfig::from_toml_with(&written, &own_layer::registry()).unwrap();
    assert_eq!(again, config, "{written}");
    assert!(written.contains("layers = 2") && !written.contains("merge"), "{written}");
    for (from, to, expected) in [
        ("units = 8", "size = 8", "a layer of kind \"peak\": unknown field `size`, expected `units`"),
        (
            "units = 8",
            "units = 0",
            "peak: the hidden state is 0; it must be at least 1 and at most 4294967295",
        ),
        ("layers = 2", "layers = 101", "peak: layers is 101; it is at most 100"),
        (
            "layers = 2",
            "dropout = 0.5",
            "peak: dropout is between its layers, of which it has one; use input_dropout or a dropout layer",
        ),
        (
            "bidirectional = true",
            "merge = \"sum\"",
            "peak: a merge other than concat needs a bidirectional stack",
        ),
        (
            "layers = 2",
            "go_backwards = true",
            "peak: go_backwards turns one direction round; a bidirectional layer already reads both ways",
        ),
        ("layers = 2", "input_dropout = 1.5", "peak: dropout is 1.5; it must be at least 0 and below 1"),
        ("slope = 0.5", "slop = 0.5", "a layer of kind \"swish\": unknown field `slop`, expected `slope`"),
        ("\"peak\"", "\"peaks\"", "no layer is of kind \"peaks\""),
    ] {
        let text = own_layer::MODEL.replacen(from, to, 1);
        let found = ModelConfig::from_toml_with(&text, &own_layer::registry()).and_then(|c| c.build(1));
        let error = found.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// A stack of a user's cells has the options of the library's stacks.
#[test]
fn it_reads_backwards_and_drops_its_input() {
    let registry = own_layer::registry();
    let build = |option: &str| {
        let text = own_layer::MODEL.replace("bidirectional = true", option);
        let config = ModelConfig::from_toml_with(&text, &registry).unwrap();
        assert_eq!(ModelConfig::from_toml_with(&config.to_toml().unwrap(), &registry).unwrap(), config);
        config.build(3).unwrap()
    };
    let x: Vec<f32> = (0..10).map(|k| ((k * 37 + 11) % 101) as f32 / 51.0 - 0.993).collect();
    // Two sequences of five steps: two rows a step.
    let turned = x.chunks_exact(2).rev().flatten().copied().collect();
    let [x, turned] = [x, turned].map(|x| Rows::new(x, 1, Layout::full(2, 5).unwrap()).unwrap());
    let (plain, feed) = (build(""), |x: Rows| Feed::new().rows("input", x));
    let expected = plain.forward(feed(turned)).unwrap().into_data();
    assert_eq!(build("go_backwards = true").forward(feed(x.clone())).unwrap().into_data(), expected);
    assert_ne!(plain.forward(feed(x.clone())).unwrap().into_data(), expected);

    let expected = plain.forward(feed(x.clone())).unwrap().into_data();
    let dropping = build("input_dropout = 0.9");
    assert_eq!(dropping.forward(feed(x.clone())).unwrap().into_data(), expected);
    let noise = Noise { seed: 1, step: 0, layer: 0 };
    assert_ne!(dropping.forward_train(feed(x), noise).unwrap().0.into_data(), expected);
}

/// Gradients through both, states in and out by name, and padding.
#[test]
fn they_are_layers_as_any_other() {
    let text = own_layer::MODEL.replace("bidirectional = true", "return_sequences = true");
    let mut model = ModelConfig::from_toml_with(&text, &own_layer::registry()).unwrap().build(3).unwrap();
    let number = |k: usize| ((k * 37 + 11) % 101) as f32 / 51.0 - 0.993;
    let x = Rows::new((0..8).map(number).collect(), 1, Layout::ragged(&[3, 0, 5], 5).unwrap()).unwrap();
    let noise = Noise { seed: 0, step: 0, layer: 0 };
    let feed = |x: &Rows| Feed::new().rows("input", x.clone());
    let (y, cache) = model.forward_train(feed(&x), noise).unwrap();
    let d: Vec<f32> = (0..y.data.len()).map(|k| number(k + 3)).collect();
    model.backward(cache, Rows::new(d.clone(), 1, y.layout.clone()).unwrap()).unwrap();
    let gradients = model.parameters().gradients().to_vec();
    for k in 0..gradients.len() {
        // Small, so that few peaks change hands in between.
        const STEP: f32 = 1.0 / 4096.0;
        let value = model.parameters().values()[k];
        let mut at = |by: f32| -> f64 {
            model.parameters_mut().values_mut()[k] = value + by;
            let y = model.forward(feed(&x)).unwrap();
            y.data.iter().zip(&d).map(|(y, d)| f64::from(*y) * f64::from(*d)).sum()
        };
        let numeric = (at(STEP) - at(-STEP)) / f64::from(2.0 * STEP);
        model.parameters_mut().values_mut()[k] = value;
        let difference = (f64::from(gradients[k]) - numeric).abs();
        assert!(difference <= 5e-3 * (1.0 + numeric.abs()), "[{k}]: {} for {numeric}", gradients[k]);
    }

    // The first steps, and the others from the state after them.
    let (whole, state) = model.forward_with_state(feed(&x), None).unwrap();
    let padded = x.unpack();
    let part = |from: usize, lengths: &[usize]| {
        let time = lengths.iter().copied().max().unwrap();
        let values: Vec<f32> = (0..3)
            .flat_map(|n| (0..time).map(move |t| (n, t)))
            .map(|(n, t)| padded[n * 5 + from + t])
            .collect();
        Rows::pack(&values, 1, Layout::ragged(lengths, time).unwrap()).unwrap()
    };
    let (first, middle) = model.forward_with_state(feed(&part(0, &[2, 0, 2])), None).unwrap();
    let (rest, last) = model.forward_with_state(feed(&part(2, &[1, 0, 3])), Some(&middle)).unwrap();
    let (whole, first, rest) = (whole.unpack(), first.unpack(), rest.unpack());
    for (n, length) in [(0, 3), (2, 5)] {
        assert_eq!(whole[n * 5..n * 5 + 2], first[n * 2..n * 2 + 2]);
        assert_eq!(whole[n * 5 + 2..n * 5 + length], rest[n * 3..n * 3 + length - 2]);
    }
    assert_eq!(last, state);

    model.set_trainable("peak", false).unwrap();
    model.parameters_mut().zero_gradients();
    let (y, cache) = model.forward_train(feed(&x), noise).unwrap();
    model.backward(cache, Rows::new(d, 1, y.layout.clone()).unwrap()).unwrap();
    let [swish, peak] = ["swish.slope", "peak.weight_l0"]
        .map(|name| model.parameters().gradient(model.parameters().find(name).unwrap()).to_vec());
    assert!(swish.iter().any(|&d| d != 0.0) && peak.iter().all(|&d| d == 0.0));
}
