//! A run for programs without this library: its network as an ONNX graph, or as several, its preprocessing as data, and a script
//! that predicts with both.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Map, Value};

use super::behind::{behind_embeddings, with_weights_of};
use super::opened::Opened;
use super::target::{Target, refuse_8_bits, write_with};
use crate::model::Model;
use crate::run::Staged;
use crate::tasks::{Portable, PortableNetwork, READS, SUBWORDS};
use crate::{Error, Result};
use sumun_formats::{Tensor, Tensors, npy};
use sumun_nn::interchange::onnx::OnnxOptions;

/// What the network is called where it is whole, and how its files end.
const WHOLE: &str = "model";
const ENDING: &str = ".onnx";

/// How the name of a file with a layer's weights ends.
const ARRAYS: &str = ".npz";

/// The name of the file of the preprocessing.
const PREPROCESSING: &str = "preprocessing.json";

/// The name of the file of the vectors of words and their parts, where the network reads vectors.
const VECTORS: &str = "vectors.npy";

/// The name of the file of the word pieces that are tokens, where they are, for other libraries.
const TOKENIZER: &str = "tokenizer.json";

/// The name of the script.
const SCRIPT: &str = "predict.py";

/// The version of the fields of [`PREPROCESSING`].
const VERSION: u32 = 1;

/// The parts of a script, in their order; none of one that there is not.
fn parts(script: &str) -> &'static [&'static str] {
    const HEAD: &str = include_str!("head.py");
    const MODEL: &str = include_str!("model.py");
    const TEXT: &str = include_str!("text.py");
    const TOKENS: &str = include_str!("tokens.py");
    const LABELLED: &str = include_str!("labelled.py");
    const TABLE: &str = include_str!("table.py");
    const SERIES: &str = include_str!("series.py");
    const AHEAD: &str = include_str!("ahead.py");
    const TAIL: &str = include_str!("tail.py");
    match script {
        "classify" | "regress" => &[HEAD, MODEL, TEXT, TOKENS, LABELLED, TAIL],
        "tag" => &[HEAD, MODEL, TEXT, include_str!("tag.py"), TAIL],
        "lm" => &[HEAD, MODEL, TEXT, TOKENS, include_str!("lm.py"), TAIL],
        "forecast" => &[HEAD, MODEL, TABLE, AHEAD, include_str!("forecast.py"), TAIL],
        "panel" => {
            const QUANTILES: &str = include_str!("quantiles.py");
            &[HEAD, MODEL, TABLE, SERIES, AHEAD, QUANTILES, include_str!("panel.py"), TAIL]
        }
        "simulate" => &[HEAD, MODEL, TABLE, SERIES, include_str!("simulate.py"), TAIL],
        "translate" => &[HEAD, TEXT, TOKENS, include_str!("translate.py")],
        _ => &[],
    }
}

/// A folder that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Folder {
    /// The names of its files.
    pub files: Vec<String>,
    /// The largest difference on random input between the run's network and the graph, or between its parts and theirs.
    pub difference: f64,
}

/// Writes a folder with `model.onnx`, `preprocessing.json` and `predict.py`, where words have parts `vectors.npy`, and where
/// tokens are word pieces `tokenizer.json`, whole or not at all. In place of `model.onnx`, a translator has `encoder.onnx`,
/// `decoder.onnx` and `output.onnx`, and the weights of what lies between them in `attention.npz`. The script needs Python, numpy
/// and onnxruntime, and gives the predictions of the run to rounding.
///
/// Errors: a model that is no run, a task whose preprocessing the script cannot follow yet, named; a network that ONNX cannot
/// hold; something at `path`.
pub fn write_folder(opened: &Opened, path: &Path) -> Result<Folder> {
    let Some(trained) = opened.trained() else {
        return Err(Error::Invalid(
            "a folder is for a run, with its preprocessing, and this is a model alone; write it to a file that ends in .onnx"
                .into(),
        ));
    };
    let model = opened.model()?;
    refuse_8_bits(model)?;
    let Portable { task, script, fields, keeps_states, tokenizer, networks, between } = trained.portable()?;
    let parts = parts(script);
    if parts.is_empty() {
        return Err(Error::Model(format!(
            "there is no script for the task {task} yet; write its network alone, to a file that ends in .onnx"
        )));
    }
    let options = |states| OnnxOptions { lengths: false, states, scores: true };
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut beside = Vec::new();
    let mut difference = 0.0_f64;
    let mut add = |name: &str, network: &Model, states| -> Result<()> {
        let written = write_with(network, Target::Onnx, task, options(states))?;
        difference = difference.max(written.difference.unwrap_or(0.0));
        files.push((format!("{name}{ENDING}"), written.bytes));
        Ok(())
    };
    if networks.is_empty() {
        let has_subwords = fields.get(READS).is_some_and(|reads| !reads[SUBWORDS].is_null());
        let behind = if has_subwords { Some(in_two(model)?) } else { None };
        add(WHOLE, behind.as_ref().map_or(model, |(network, _)| network), keeps_states)?;
        beside.extend(behind.map(|(_, vectors)| (VECTORS.to_owned(), vectors)));
    }
    for PortableNetwork { name, config, keeps_states } in networks {
        add(name, &with_weights_of(model, config)?, keeps_states)?;
    }
    if let Some(layer) = between {
        let weights = weights_of(model, layer)?;
        if !weights.is_empty() {
            beside.push((format!("{layer}{ARRAYS}"), npy::write_archive(&weights)?));
        }
    }
    files.push((PREPROCESSING.to_owned(), as_text(task, &fields)?.into_bytes()));
    files.push((SCRIPT.to_owned(), parts.concat().into_bytes()));
    files.extend(beside);
    files.extend(tokenizer.map(|tokenizer| (TOKENIZER.to_owned(), tokenizer.into_bytes())));
    let staged = Staged::new(path)?;
    for (name, bytes) in &files {
        staged.write(name, bytes)?;
    }
    staged.place()?;
    Ok(Folder { files: files.into_iter().map(|(name, _)| name).collect(), difference })
}

/// The weights of a layer, under their names in it.
fn weights_of(model: &Model, layer: &str) -> Result<Tensors> {
    let (parameters, mut found) = (model.parameters(), Tensors::new());
    for entry in parameters.entries() {
        let Some(name) = entry.name.strip_prefix(layer).and_then(|rest| rest.strip_prefix('.')) else {
            continue;
        };
        let values = parameters.values()[entry.range.clone()].to_vec();
        found.insert(name.to_owned(), Tensor::f32(entry.shape.clone(), values)?, "a weight")?;
    }
    Ok(found)
}

/// The network behind its embedding, which reads vectors, and the embedding's table as a file of NumPy: a graph of ONNX has no
/// entries of several ids. Error: a network that does not begin with one embedding.
fn in_two(model: &Model) -> Result<(Model, Vec<u8>)> {
    let (config, mut embeddings) = behind_embeddings(model)?;
    let (_, embedding) = embeddings.remove(0);
    let parameters = model.parameters();
    let table = format!("{embedding}.weight");
    let entry = parameters.entries().iter().find(|entry| entry.name == table).ok_or_else(|| {
        Error::Model(format!("its embedding has no weight {table}; write its network alone"))
    })?;
    let table = Tensor::f32(entry.shape.clone(), parameters.values()[entry.range.clone()].to_vec())?;
    Ok((with_weights_of(model, config)?, npy::write(&table)))
}

/// The preprocessing as JSON, a field a line.
fn as_text(task: &str, fields: &Map<String, Value>) -> Result<String> {
    let own = [("format", "sumun.preprocessing".into()), ("version", VERSION.into()), ("task", task.into())];
    let own = own.map(|(name, value): (&str, Value)| (name.to_owned(), value));
    let all = own.into_iter().chain(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
    let mut text = String::from("{");
    for (place, (name, value)) in all.enumerate() {
        let comma = if place == 0 { "" } else { "," };
        write!(text, "{comma}\n  {}: {value}", Value::String(name))
            .map_err(|error| Error::Model(error.to_string()))?;
    }
    Ok(text + "\n}\n")
}
