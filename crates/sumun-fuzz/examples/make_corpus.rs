//! Makes the model files, checkpoints, runs and configurations of the corpus anew, from `corpus/data` and from here:
//! `cargo run -p sumun-fuzz --example make_corpus`, in this crate's folder. All of it is our own, under the project's licence.

use std::fs;
use std::path::Path;

use sumun::model::{Input, Model, ModelConfig, RecurrentLayer};
use sumun::tasks::{TASKS, TaskEntry, named, setting};
use sumun::train::StopAfter;
use sumun_nn::interchange;

/// Small networks, few steps.
const SMALL: [(&str, &str); 5] = [
    ("network.hidden", "3"),
    ("network.layers", "1"),
    ("train.epochs", "1"),
    ("train.batch", "4"),
    ("train.seed", "7"),
];

/// Settings that only some tasks read.
const SOME: [(&str, &str); 5] = [
    ("network.embedding", "2"),
    ("network.candidates", "1"),
    ("prepare.window", "6"),
    ("data.horizon", "3"),
    ("train.chunk", "8"),
];

/// Layers of every kind, in three models.
const MODELS: [(&str, &str); 3] = [
    ("tokens", include_str!("../corpus/config/tokens.toml")),
    ("numbers", include_str!("../corpus/config/numbers.toml")),
    ("attention", include_str!("../corpus/config/attention.toml")),
];

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    std::env::set_current_dir(env!("CARGO_MANIFEST_DIR"))?;
    for (name, text) in MODELS {
        ModelConfig::from_toml(text)?.build(7)?.save(Path::new("corpus/model").join(name))?;
    }
    ModelConfig::from_toml(MODELS[0].1)?.build(7)?.quantized()?.save(Path::new("corpus/model/int8"))?;
    let model = Model::builder(Input::numbers(3)).layer(RecurrentLayer::gru(2)).dense(1).build(7)?;
    fs::write("corpus/keras/small.keras", interchange::to_keras(&model)?)?;
    fs::write("corpus/keras/small.h5", interchange::to_keras_h5(&model)?)?;
    for task in TASKS {
        one(task, task.name(), &[])?;
    }
    // One model of two series, and of counts.
    let forecast = named("forecast")?;
    one(forecast, "panel", &[("data.series", "shop")])?;
    one(forecast, "counts", &[("data.series", "shop"), ("train.output", "zero-inflated")])
}

/// A checkpoint in the middle, and everything of the finished training, by the name of its data.
fn one(task: &dyn TaskEntry, name: &str, more: &[(&str, &str)]) -> Result<(), Failed> {
    let mut tables = vec![setting("data.train", &format!("corpus/data/{name}"))?];
    let own: &[(&str, &str)] = match task.name() {
        "forecast" => &[("data.target", "value")],
        "simulate" => &[
            ("data.target", "level"),
            ("data.features", "inflow"),
            ("data.series", "tank"),
            ("data.static", "size"),
            ("data.warm_up", "2"),
        ],
        _ => &[],
    };
    for (key, value) in own.iter().chain(more) {
        tables.push(setting(key, value)?);
    }
    let settings = task.settings()?;
    // Its sequences are numbers, which take no embedding.
    let some = SOME.into_iter().filter(|(key, _)| task.name() != "regress" || *key != "network.embedding");
    for (key, value) in SMALL.into_iter().chain(some) {
        if settings.rows().any(|row| row.key() == key) {
            tables.push(setting(key, value)?);
        }
    }
    let mut training = task.configure(&tables)?.begin()?;
    fs::write(format!("corpus/config/{name}.toml"), training.config_toml()?)?;
    training.run(&mut (), &mut StopAfter::new(2))?;
    training.checkpoint()?.to_file()?.save(format!("corpus/checkpoint/{name}"))?;
    training.run(&mut (), &mut ())?;
    let outcome = training.finish()?;
    outcome.model_file()?.save(format!("corpus/model/{name}"))?;
    let metrics = outcome.metrics()?.unwrap_or_else(|| METRICS.into());
    let run =
        [&outcome.results().to_bytes()?, &b"\0"[..], &metrics, b"\0", outcome.config_toml()?.as_bytes()]
            .concat();
    fs::write(format!("corpus/run/{name}"), run)?;
    Ok(())
}

/// An epoch as the keeper of a run writes it.
const METRICS: &str = "{\"epoch\":1,\"train_loss\":0.5,\"valid_loss\":0.25,\"accuracy\":0.75,\"learning_rate\":0.004,\"gradient_norm\":1.5,\"clipped\":0.0,\"rows_per_second\":1000.0,\"seconds\":0.1}\n";
