//! Model files, checkpoints and the small files of a run.

use std::path::Path;

use ndarray::{Array2, Array3};
use sumun::model::{Batch, Feed, Input, Model, ModelFile};
use sumun::run::{Checkpoint, RunEntry, RunResults};
use sumun::tasks::{Reading, Request, Sampling, open_file, resume};

use super::{choices, said, written};

/// A model that reads more at a time is not fed: the bytes for it would be this crate's.
const WIDEST: usize = 1 << 12;

/// A model file: the model in it computes, and so does the task that it was trained for.
pub fn model(bytes: &[u8]) -> Result<(), String> {
    let file = said(ModelFile::from_bytes("model.safetensors", bytes))?;
    let task = file.task.clone();
    if file.config.get(sumun::model::NETWORK).is_some() {
        fed(&said(Model::from_file(&file))?)?;
    }
    if task == sumun::model::NETWORK {
        return Ok(());
    }
    let model = said(open_file("model.safetensors", file))?;
    let _ = model.facts();
    if task == "lm" {
        let how = Sampling { length: 8, ..Sampling::default() };
        return said(model.generate("a", &how))?.try_for_each(|piece| said(piece).map(|_| ()));
    }
    let data = format!("corpus/data/{task}");
    let request = Request { file: Some(Path::new(&data)), ..Request::default() };
    said(model.predict(&request))?;
    said(model.evaluate(Path::new(&data), &Reading::default()))?;
    Ok(())
}

/// Gives a model two short sequences.
fn fed(model: &Model) -> Result<(), String> {
    let ids = Array2::<u32>::zeros((2, 3));
    let inputs = &model.config().inputs;
    let widest = |input: &Input| match *input {
        Input::Numbers { features } | Input::Row { features } => features,
        Input::Ids { .. } => 1,
    };
    if inputs.values().any(|input| widest(input) > WIDEST) {
        return Ok(());
    }
    let arrays: Vec<Array3<f32>> =
        inputs.values().map(|input| Array3::from_elem((2, 3, widest(input)), 0.5)).collect();
    let mut feed = Feed::new();
    for ((name, input), x) in inputs.iter().zip(&arrays) {
        let batch = match input {
            Input::Ids { .. } => Batch::ids(ids.view()),
            Input::Numbers { .. } => Batch::numbers(x.view()),
            Input::Row { .. } => Batch::row(x.index_axis(ndarray::Axis(1), 0)),
        };
        feed = feed.batch(name, batch);
    }
    said(model.outputs(&feed, None)).map(|_| ())
}

/// A checkpoint, and the training that it belongs to.
pub fn checkpoint(bytes: &[u8]) -> Result<(), String> {
    let file = said(ModelFile::from_bytes("checkpoint.safetensors", bytes))?;
    let (training, _) = said(resume(said(Checkpoint::from_file(file))?))?;
    said(said(training.checkpoint())?.to_file())?;
    said(training.config_toml()).map(|_| ())
}

/// The results, metrics and configuration of a run, one behind the other with a NUL between them.
pub fn run(bytes: &[u8]) -> Result<(), String> {
    let mut parts = bytes.splitn(3, |&byte| byte == 0);
    for name in ["results.json", "metrics.jsonl", "config.toml"] {
        written(name, parts.next().unwrap_or_default());
    }
    let model = written("model.safetensors", b"");
    let folder = model.parent().unwrap_or(&model);
    let results = said(RunResults::read(&folder.join("results.json")))?;
    let _ = results.as_ref().map(RunResults::judged);
    let Some(entry) = said(RunEntry::read(folder))? else { return Err("no run".into()) };
    let _ = entry.best();
    if choices(bytes).below(4) == 0 {
        said(sumun::report::compare_report(&[entry.clone(), entry], "now"))?;
    }
    Ok(())
}
