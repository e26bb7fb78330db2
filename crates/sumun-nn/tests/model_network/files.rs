//! A model through TOML, JSON and files: the same bits, and what is wrong named in one line.

use ndarray::Array3;
use sumun_nn::model::{
    Batch, DenseLayer, EmbeddingLayer, Input, LayerConfig, Model, ModelConfig, ModelFile, RecurrentLayer,
};
use sumun_nn::nn::Activation;

use crate::models::{NOISE, everything, ids, reader, weight};

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

#[test]
fn a_config_names_its_kind_in_every_layer() {
    for layer in everything().layers {
        let json = serde_json::to_value(&layer).unwrap();
        assert!(json["kind"].is_string(), "{json}");
        assert_eq!(serde_json::from_value::<LayerConfig>(json).unwrap(), layer);
    }
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
        assert!(error.contains("need pieces of at least 1 step, not 0") && !error.contains('\n'), "{error}");
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
    let train = |model: &Model| model.forward_train(Batch::ids(ids.view()), NOISE).unwrap().0.data.clone();
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
