//! A trained model as source code: C99 for a stream, and NumPy to read.
//!
//! Both are written from a [`Chain`]: the layers of a model in which each reads the one before it, as what a step does.

mod c;
mod link;
mod numpy;

pub use c::to_c;
pub use numpy::to_numpy;

use self::link::{Cells, Equations, Link, What, links};
use crate::error::quoted;
use crate::model::{Input, Model};
use crate::{Error, Result};

/// The longest name; compilers tell names of 63 characters from each other.
const LONGEST_NAME: usize = 40;

/// A model whose layers are one after the other.
#[derive(Debug)]
struct Chain<'a> {
    input: Input,
    /// Features of an output row.
    outputs: usize,
    links: Vec<Link<'a>>,
}

impl<'a> Chain<'a> {
    /// Errors: several inputs or outputs, a layer that reads another than the one before it, a layer that has no step of its
    /// own in a stream, weights that are not finite.
    fn of(model: &'a Model) -> Result<Self> {
        expect_finite(model)?;
        let input = only_input(model)?;
        expect_order(model)?;
        let mut links: Vec<Link<'a>> = Vec::new();
        let mut features = match input {
            Input::Numbers { features } | Input::Row { features } => features,
            Input::Ids { vocabulary } => vocabulary,
        };
        for (layer, name) in model.config().layers.iter().zip(model.layer_names()) {
            links.extend(links_of(model, layer, name, features)?);
            features = links.last().map_or(features, |link| link.outputs);
        }
        Ok(Self { input, outputs: features, links })
    }

    /// Steps from the first input to the first output.
    fn delay(&self) -> usize {
        self.links.iter().map(Link::delay).sum()
    }
}

fn links_of<'a>(
    model: &'a Model,
    layer: &crate::model::LayerConfig,
    name: &'a str,
    features: usize,
) -> Result<Vec<Link<'a>>> {
    links(model, layer, name, features).map_err(|why| {
        Error::Model(format!("the layer {} ({}) has no source code: {why}", quoted(name), layer.title()))
    })
}

/// Refuses a name that cannot stand in front of those of functions.
fn expect_name(name: &str) -> Result<()> {
    let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() <= LONGEST_NAME;
    match fits {
        true => Ok(()),
        false => Err(Error::Invalid(format!(
            "the name {} of the source code; it must be a letter and then letters, digits or _, at most {LONGEST_NAME}",
            quoted(name)
        ))),
    }
}

fn expect_finite(model: &Model) -> Result<()> {
    let parameters = model.parameters();
    let wrong = parameters.entries().iter().find_map(|entry| {
        let values = &parameters.values()[entry.range.clone()];
        values.iter().find(|value| !value.is_finite()).map(|value| (entry, *value))
    });
    match wrong {
        Some((entry, value)) => Err(Error::Model(format!(
            "the weight {} holds {value}; source code has finite weights only",
            entry.name
        ))),
        None => Ok(()),
    }
}

fn only_input(model: &Model) -> Result<Input> {
    model.config().input().ok_or_else(|| {
        Error::Model(format!(
            "the model has {} inputs; source code is written of models with one",
            model.config().inputs.len()
        ))
    })
}

/// Refuses a graph that is no chain.
fn expect_order(model: &Model) -> Result<()> {
    let mut before = model.input_names().next();
    for (layer, name) in model.config().layers.iter().zip(model.layer_names()) {
        let from = &layer.common().from;
        if let Some(other) = from.iter().find(|&other| from.len() > 1 || Some(other.as_str()) != before) {
            return Err(Error::Model(format!(
                "the layer {} reads {}; in source code each layer reads the one before it and no other",
                quoted(name),
                quoted(other)
            )));
        }
        before = Some(name);
    }
    let outputs: Vec<&str> = model.output_names().collect();
    match outputs.as_slice() {
        &[only] if Some(only) == before => Ok(()),
        _ => Err(Error::Model(format!(
            "the model returns {}; source code returns what the last layer does",
            outputs.join(", ")
        ))),
    }
}
