//! Ten training steps of small models, as PyTorch computed them in `f64`: embedding, recurrent stack, head, loss,
//! clipping and optimizer together, on every path that this machine has.
//!
//! Tolerances are those of `golden/torch/make_torch.py`: losses 1e-5, gradient norms 1e-4 and final parameters 1e-4,
//! relative, and 2e-6 for parameters near 0.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun_kernels::Path;
use sumun_nn::loss::{Loss, Targets};
use sumun_nn::nn::{
    CellKind, Dense, DenseConfig, Embedding, EmbeddingConfig, InputGradient, Layer, Output, Recurrent,
    RecurrentConfig,
};
use sumun_nn::noise::Noise;
use sumun_nn::train::{Clip, Optimizer, OptimizerConfig};
use sumun_nn::{Ids, Layout, Parameters};
use sumun_testing::{Golden, assert_close, golden_files};

#[test]
fn training_curves_agree_on_every_path() {
    let mut cases = 0;
    for file in golden_files("torch") {
        let golden = Golden::load(&file);
        if golden.name.starts_with("train_") {
            for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
                check(&golden, path);
            }
            cases += 1;
        }
    }
    assert_eq!(cases, 7, "training cases in the golden folder");
}

fn check(golden: &Golden, path: Path) {
    let number = |key: &str| golden.case[key].as_f64();
    let name = |what: &str| format!("{} on {path}: {what}", golden.name);
    let [steps, batch, time] = golden.tensor("ids").shape[..] else { panic!("ids are [steps, N, T]") };
    let vocabulary = golden.tensor("param.embedding.weight").shape[0];
    let classes = golden.tensor("param.head.bias").shape[0];
    let (input, hidden) = (golden.size("input_size"), golden.size("hidden_size"));

    let mut parameters = Parameters::new();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let config = EmbeddingConfig { vocabulary, features: input, padding_id: Some(0) };
    let embedding = Embedding::new(config, &mut parameters, "embedding", &mut rng).unwrap();
    let cell = match golden.word("kind") {
        Some("RNN") => CellKind::RnnTanh,
        Some("LSTM") => CellKind::Lstm,
        Some("GRU") => CellKind::Gru,
        other => panic!("no cell for {other:?}"),
    };
    let config = RecurrentConfig {
        layers: golden.size("num_layers"),
        bidirectional: golden.flag("bidirectional"),
        output: Output::Last,
        ..RecurrentConfig::new(cell, input, hidden)
    };
    let features = config.output_features();
    let recurrent = Recurrent::new(config, &mut parameters, "recurrent", &mut rng).unwrap();
    let recurrent = recurrent.on_path(path).unwrap();
    let config = DenseConfig::new(features, classes);
    let head = Dense::new(config, &mut parameters, "head", &mut rng).unwrap().on_path(path);
    for entry in parameters.entries().to_vec() {
        let values: Vec<f32> = golden.tensor(&format!("param.{}", entry.name)).reals();
        let id = parameters.find(&entry.name).unwrap();
        parameters.value_mut(id).copy_from_slice(&values);
    }

    let loss: Loss = golden.word("loss").expect("a loss").parse().unwrap();
    let optimizer = optimizer(golden, number("momentum"), number("weight_decay"));
    let mut optimizer = Optimizer::new(optimizer, &parameters).unwrap();
    let clip = number("clip_norm").map_or(Clip::None, |max| Clip::GlobalNorm { max });
    let rate = number("learning_rate").unwrap();

    let ids: Vec<u32> = golden.tensor("ids").integers().iter().map(|&id| id as u32).collect();
    let (mut losses, mut norms) = (Vec::new(), Vec::new());
    for step in 0..steps {
        parameters.zero_gradients();
        let noise = Noise { seed: 0, step: step as u64, layer: 0 };
        let ids = &ids[step * batch * time..(step + 1) * batch * time];
        let ids = Ids::pack(ids, Layout::full(batch, time).unwrap()).unwrap();
        let (x, embedded) = embedding.forward_train(&parameters, ids).unwrap();
        let (h, ran) = recurrent.forward_train(&parameters, x, noise).unwrap();
        let (z, mapped) = head.forward_train(&parameters, h, noise).unwrap();

        let (mut values, mut class_ids): (Vec<f32>, Vec<u32>) = (Vec::new(), Vec::new());
        let range = step * batch..(step + 1) * batch;
        let targets = if let Loss::CrossEntropy(_) = loss {
            class_ids.extend(golden.tensor("targets").integers()[range].iter().map(|&c| c as u32));
            Targets::Classes(&class_ids)
        } else {
            values.extend(&golden.tensor("targets").reals::<f32>()[range]);
            Targets::Values(&values)
        };
        let mut d_z = z.clone();
        let gradient = d_z.data_mut();
        losses.push(loss.value_and_gradient(&z.data, targets, Some(gradient)).unwrap());

        let needed = InputGradient::Needed;
        let d_h = head.backward(&mut parameters, mapped, d_z, needed).unwrap().unwrap();
        let d_x = recurrent.backward(&mut parameters, ran, d_h, needed).unwrap().unwrap();
        embedding.backward(&mut parameters, embedded, d_x).unwrap();
        let clipped = clip.apply(&mut parameters).unwrap();
        norms.push(clipped.norm);
        optimizer.step(&mut parameters, rate, clipped.gradient_scale).unwrap();
    }
    assert_close(&name("losses"), &losses, &golden.tensor("losses").reals::<f64>(), 0.0, 1e-5);
    assert_close(&name("gradient norms"), &norms, &golden.tensor("grad_norms").reals::<f64>(), 0.0, 1e-4);
    for entry in parameters.entries() {
        let value = parameters.value(parameters.find(&entry.name).unwrap());
        let want: Vec<f64> = golden.tensor(&format!("final.{}", entry.name)).reals();
        // Adagrad's steps are as large for a gradient near 0, which rounding changes most, as for any other: so much
        // for parameters that are small themselves.
        assert_close(&name(&entry.name), value, &want, 2e-6, 1e-4);
    }
}

/// The optimizer that a case names, with PyTorch's defaults where it says no more.
fn optimizer(golden: &Golden, momentum: Option<f64>, decay: Option<f64>) -> OptimizerConfig {
    let of = |name: &str| -> OptimizerConfig { name.parse().unwrap() };
    match golden.word("optimizer") {
        Some("momentum") => match of("sgd") {
            OptimizerConfig::Sgd { weight_decay, .. } => {
                OptimizerConfig::Sgd { momentum: momentum.unwrap() as _, nesterov: true, weight_decay }
            }
            other => panic!("sgd is {other:?}"),
        },
        Some("adamw") => match of("adamw") {
            OptimizerConfig::AdamW { beta1, beta2, epsilon, .. } => {
                OptimizerConfig::AdamW { beta1, beta2, epsilon, weight_decay: decay.unwrap() as _ }
            }
            other => panic!("adamw is {other:?}"),
        },
        Some(name) => of(name),
        None => panic!("{}: no optimizer", golden.name),
    }
}
