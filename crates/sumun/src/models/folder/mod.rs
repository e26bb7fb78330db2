//! A run for programs without this library: its network as an ONNX graph, its preprocessing as data, and a script that predicts
//! with both.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Map, Value};

use super::behind::{behind_embeddings, with_weights_of};
use super::opened::Opened;
use super::target::{Target, refuse_8_bits, write_with};
use crate::model::Model;
use crate::run::Staged;
use crate::tasks::{Portable, READS, SUBWORDS};
use crate::{Error, Result};
use sumun_formats::{Tensor, npy};
use sumun_nn::interchange::onnx::OnnxOptions;

/// The name of the network's file.
const NETWORK: &str = "model.onnx";

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

/// The parts of the script of a task, in their order.
fn parts(task: &str) -> &'static [&'static str] {
    const HEAD: &str = include_str!("head.py");
    const TEXT: &str = include_str!("text.py");
    const TOKENS: &str = include_str!("tokens.py");
    const LABELLED: &str = include_str!("labelled.py");
    const TABLE: &str = include_str!("table.py");
    const TAIL: &str = include_str!("tail.py");
    match task {
        "classify" | "regress" => &[HEAD, TEXT, TOKENS, LABELLED, TAIL],
        "tag" => &[HEAD, TEXT, include_str!("tag.py"), TAIL],
        "lm" => &[HEAD, TEXT, TOKENS, include_str!("lm.py"), TAIL],
        "forecast" => &[HEAD, TABLE, include_str!("forecast.py"), TAIL],
        "simulate" => &[HEAD, TABLE, include_str!("simulate.py"), TAIL],
        _ => &[],
    }
}

/// A folder that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Folder {
    /// The names of its files.
    pub files: Vec<&'static str>,
    /// The largest difference on random input between the run's network and the graph.
    pub difference: f64,
}

/// Writes a folder with `model.onnx`, `preprocessing.json` and `predict.py`, where words have parts `vectors.npy`, and where
/// tokens are word pieces `tokenizer.json`, whole or not at all. The script needs Python, numpy and onnxruntime, and gives the
/// predictions of the run to rounding.
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
    let Portable { task, fields, keeps_states, tokenizer } = trained.portable()?;
    let parts = parts(task);
    if parts.is_empty() {
        return Err(Error::Model(format!(
            "there is no script for the task {task} yet; write its network alone, to a file that ends in .onnx"
        )));
    }
    let options = OnnxOptions { lengths: false, states: keeps_states, scores: true };
    let has_subwords = fields.get(READS).is_some_and(|reads| !reads[SUBWORDS].is_null());
    let behind = if has_subwords { Some(in_two(model)?) } else { None };
    let network = behind.as_ref().map_or(model, |(network, _)| network);
    let written = write_with(network, Target::Onnx, task, options)?;
    let staged = Staged::new(path)?;
    let mut files = vec![NETWORK, PREPROCESSING, SCRIPT];
    if let Some((_, vectors)) = &behind {
        staged.write(VECTORS, vectors)?;
        files.push(VECTORS);
    }
    if let Some(tokenizer) = &tokenizer {
        staged.write(TOKENIZER, tokenizer.as_bytes())?;
        files.push(TOKENIZER);
    }
    staged.write(NETWORK, &written.bytes)?;
    staged.write(PREPROCESSING, as_text(task, &fields)?.as_bytes())?;
    staged.write(SCRIPT, parts.concat().as_bytes())?;
    staged.place()?;
    Ok(Folder { files, difference: written.difference.unwrap_or(0.0) })
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
