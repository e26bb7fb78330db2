//! Models with weights of 8 bits: what they compute, their files, and what they refuse.

use std::collections::BTreeMap;

use ndarray::Array2;
use safetensors::tensor::{Dtype, SafeTensors};
use sumun_kernels::Path;
use sumun_nn::Precision;
use sumun_nn::model::{
    Batch, DenseLayer, EmbeddingLayer, Input, Model, ModelConfig, ModelFile, NamedTensor, RecurrentLayer,
    Streams,
};
use sumun_nn::noise::Noise;

fn tagger() -> Model {
    Model::builder(Input::ids(300))
        .layer(EmbeddingLayer::new(24))
        .layer(RecurrentLayer::lstm(40).layers(2usize).bidirectional(true).return_sequences(true))
        .layer(RecurrentLayer::gru(20))
        .layer(DenseLayer::new(9))
        .build(7)
        .unwrap()
}

fn ids() -> Array2<u32> {
    Array2::from_shape_fn((5, 12), |(n, t)| ((n * 37 + t * 11) % 300) as u32)
}

fn output(model: &Model) -> Vec<f32> {
    let ids = ids();
    model.forward(Batch::ids(ids.view()).lengths(&[12, 3, 7, 1, 9]).unwrap()).unwrap().data.to_vec()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

#[test]
fn outputs_are_near_those_of_floats_and_not_equal() {
    let before = output(&tagger());
    let model = tagger().quantized().unwrap();
    assert_eq!((tagger().precision(), model.precision()), (Precision::F32, Precision::Int8));
    let after = output(&model);
    let difference = largest_difference(&before, &after);
    assert!(difference > 0.0 && difference < 0.03, "{difference}");
    // Rounded once is rounded.
    assert_eq!(output(&model.quantized().unwrap()), after);
}

#[test]
fn a_file_takes_a_quarter_and_comes_back_to_the_bit() {
    let model = tagger().quantized().unwrap();
    let file = model.to_file().unwrap();
    let (bytes, floats) = (file.to_bytes().unwrap(), tagger().to_file().unwrap().to_bytes().unwrap());
    assert!(3 * bytes.len() < floats.len() + 12_000, "{} of {}", bytes.len(), floats.len());
    let loaded = ModelFile::from_bytes("m", &bytes).unwrap();
    assert_eq!(loaded, file);
    assert_eq!(loaded.to_bytes().unwrap(), bytes);
    let again = Model::from_file(&loaded).unwrap();
    assert_eq!(again.precision(), Precision::Int8);
    assert_eq!(again.parameters().values(), model.parameters().values());
    assert_eq!(output(&again), output(&model));

    let theirs = SafeTensors::deserialize(&bytes).unwrap();
    let view = |name: &str| {
        let tensor = theirs.tensor(name).unwrap();
        (tensor.dtype(), tensor.shape().to_vec(), tensor.data().to_vec())
    };
    assert_eq!(view("embedding.weight").0, Dtype::I8);
    let (dtype, shape, scales) = view("embedding.weight.scale");
    assert_eq!((dtype, shape), (Dtype::F32, vec![300]));
    let (first, whole) = (f32::from_le_bytes(scales[..4].try_into().unwrap()), view("embedding.weight").2);
    assert_eq!(f32::from(whole[1] as i8) * first, model.parameters().values()[1]);
    assert_eq!(view("dense.bias").0, Dtype::F32);
    // What has four bytes a value is where it can be read as such.
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    for (name, tensor) in theirs.tensors() {
        let start = tensor.data().as_ptr() as usize - bytes.as_ptr() as usize - header;
        assert!(tensor.dtype() == Dtype::I8 || start.is_multiple_of(4), "{name}");
    }
}

#[test]
fn every_path_has_them_and_streams_have_the_bits_of_sequences() {
    let model = || {
        Model::builder(Input::numbers(3))
            .layer(RecurrentLayer::lstm(33).layers(2usize).return_sequences(true))
            .dense(4)
            .build(3)
            .unwrap()
            .quantized()
            .unwrap()
    };
    let x = ndarray::Array3::from_shape_fn((1, 20, 3), |(_, t, f)| ((t * 7 + f * 5) % 11) as f32 / 5.0 - 1.0);
    let run = |model: &Model| model.forward(Batch::numbers(x.view())).unwrap().data.to_vec();
    let best = run(&model());
    for path in [Path::Portable, Path::Avx2].into_iter().filter(|path| path.has(Precision::Int8)) {
        let on = model().on_path(path).unwrap();
        let found = run(&on);
        assert!(largest_difference(&best, &found) < 0.02, "{path}");
        let streams = Streams::new(on).unwrap();
        let mut stream = streams.stream();
        for (t, row) in found.chunks_exact(4).enumerate() {
            let frame: Vec<f32> = (0..3).map(|f| x[[0, t, f]]).collect();
            assert_eq!(stream.step(frame.as_slice()).unwrap().row(), Some(row), "{path}, step {t}");
        }
    }
    let refused = model().on_path(Path::Reference).unwrap_err().to_string();
    assert!(refused.contains("the reference path has no int8 products"), "{refused}");
}

#[test]
fn what_only_the_reference_path_computes_has_rounded_weights_in_products_of_floats() {
    let toml = "
        precision = \"int8\"
        [input]
        features = 2
        [[layers]]
        kind = \"lstm\"
        units = 6
        options = { layer_norm = 1e-5 }
        [[layers]]
        kind = \"dense\"
        units = 1
    ";
    let config = ModelConfig::from_toml(toml).unwrap();
    assert_eq!(config.precision, Precision::Int8);
    assert_eq!(ModelConfig::from_toml(&config.to_toml().unwrap()).unwrap(), config);
    let model = config.build(1).unwrap();
    let row = &model.parameters().values()[..2];
    let scale = sumun_kernels::precision::row_scale(row);
    assert!(row.iter().all(|value| (value / scale).fract() == 0.0), "drawn weights are rounded");
    let error = ModelConfig::from_toml(&toml.replace("int8", "int4")).unwrap_err().to_string();
    assert!(error.contains("precision: expected \"f32\", \"bf16\" or \"int8\", found \"int4\""), "{error}");
}

#[test]
fn it_is_not_trained() {
    let mut model = tagger().quantized().unwrap();
    let ids = ids();
    let batch = Batch::ids(ids.view());
    let noise = Noise { seed: 0, step: 0, layer: 0 };
    let error = model.forward_train(&batch, noise).unwrap_err().to_string();
    assert!(error.contains("weights of 8 bits, which are not trained"), "{error}");
    let loss = sumun_nn::loss::CrossEntropy::default();
    let error = model.cross_entropy(&batch, None, noise, &loss, |layout| vec![0; layout.rows()]).unwrap_err();
    assert!(error.to_string().contains("not trained"), "{error}");
}

#[test]
fn tensors_of_8_bits_are_checked() {
    let tensor =
        |name: &str, values: Vec<f32>| NamedTensor::new(name, &[2, 2], values).precision(Precision::Int8);
    let file = |tensors| ModelFile { task: "t".into(), config: 0.into(), tensors };
    let error = file(vec![tensor("w", vec![1.0, 0.3, 0.0, 0.0])]).to_bytes().unwrap_err().to_string();
    assert!(error.contains("holds 1, which is no whole multiple of its row's scale"), "{error}");
    let taken = NamedTensor::new("w.scale", &[1], vec![1.0]);
    let error = file(vec![tensor("w", vec![0.0; 4]), taken]).to_bytes().unwrap_err().to_string();
    assert!(error.contains("two tensors of a model are named 'w.scale'"), "{error}");

    let mut values = vec![1.0, -0.3, 0.25, 0.5];
    sumun_kernels::precision::round_rows(&mut values, 2);
    let others = NamedTensor::new("b", &[], vec![3.0]);
    let good = file(vec![
        tensor("w", values),
        others,
        NamedTensor::new("none", &[0, 4], vec![]),
        NamedTensor::new("one", &[], vec![0.0]).precision(Precision::Int8),
    ]);
    let bytes = good.to_bytes().unwrap();
    assert_eq!(ModelFile::from_bytes("m", &bytes).unwrap(), good);
    for place in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x11;
        if let Ok(loaded) = ModelFile::from_bytes("m", &damaged) {
            assert_eq!(loaded, good, "byte {place}");
        }
    }
    let end = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = std::str::from_utf8(&bytes[8..end]).unwrap();
    let edited = |from: &str, to: &str| {
        assert!(header.contains(from), "{header}");
        let header = header.replace(from, to);
        let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &bytes[end..]].concat();
        ModelFile::from_bytes("m", &bytes).unwrap_err().to_string()
    };
    let messages = BTreeMap::from([
        (edited("\"w.scale\":", "\"v.scale\":"), "tensor 'w' has no 2 scales 'w.scale'"),
        (edited("\"sumun.format\":\"2\"", "\"sumun.format\":\"1\""), "has type 'I8', not F32"),
        (edited("\"I8\"", "\"U8\""), "has type 'U8', not F32 or I8"),
    ]);
    for (error, message) in messages {
        // The checksum is looked at before the scales are.
        assert!(
            error.contains(message) || error.contains("the checksum does not match"),
            "{error}: {message}"
        );
    }
}
