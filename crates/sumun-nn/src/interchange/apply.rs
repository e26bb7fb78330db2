//! A model on named arrays: what it reads, its states, and what it returns.

use ndarray::{ArrayView2, ArrayView3};
use sumun_formats::{Tensor, Tensors};

use crate::error::quoted;
use crate::layer::Signal;
use crate::model::{Batch, Feed, Input, Model, ModelState};
use crate::state::RecurrentState;
use crate::{Error, Result, Rows};

/// The array that gives the sequences' lengths, `[N]`, beside those that a model reads.
pub const LENGTHS: &str = "lengths";

/// The name of the only output of a model.
pub const OUTPUT: &str = "output";

/// Runs a model. `inputs` has an array for each input by its name, numbers `[N, T, F]`, ids `[N, T]` or rows `[N, F]`, and
/// may have `lengths` `[N]`. One sequence may come without its axis N, and its outputs then have none. `initial` may have
/// states, named as the states that come out.
///
/// Returned are the outputs, by name, `output` where there is one: `[N, T, F]`, zeros past a sequence's end, or `[N, F]`; and
/// the last states of each recurrent layer: `h_n` and, of a cell that has one, `c_n`, each `[L·D, N, H]`, with `.` and the
/// layer's name behind where there are several layers.
///
/// Errors: an array that is missing, of another shape or type, or that nothing reads; values that are not finite, in or out.
pub fn apply(model: &Model, inputs: &Tensors, initial: &Tensors) -> Result<Tensors> {
    let config = model.config();
    let unbatched = unbatched(model, inputs)?;
    let mut arrays = Vec::with_capacity(config.inputs.len());
    for (name, input) in &config.inputs {
        arrays.push((name.as_str(), Array::of(name, *input, inputs, unbatched)?));
    }
    if let Some((extra, _)) =
        inputs.iter().find(|(name, _)| *name != LENGTHS && !config.inputs.contains_key(*name))
    {
        let names: Vec<&str> = config.inputs.keys().map(String::as_str).collect();
        return Err(Error::Invalid(format!(
            "the model reads no array {}; it reads {}",
            quoted(extra),
            names.join(", ")
        )));
    }
    let sequences = arrays.first().map_or(0, |(_, array)| array.sequences());
    let lengths = lengths(inputs, sequences)?;
    let mut feed = Feed::new();
    for (name, array) in &arrays {
        let batch = array.batch()?.finite_only(true);
        let batch = match &lengths {
            Some(lengths) if !matches!(array, Array::Row { .. }) => batch.lengths(lengths)?,
            _ => batch,
        };
        feed = feed.batch(name, batch);
    }
    let states = states_in(model, initial, sequences)?;
    let outputs = model.outputs(feed, Some(&states))?;
    let mut results = Tensors::new();
    let names: Vec<String> = model.output_names().map(str::to_owned).collect();
    for ((rows, name), signal) in outputs.rows.iter().zip(&names).zip(model.output_signals()) {
        let name = if names.len() == 1 { OUTPUT } else { name };
        insert(&mut results, name, output_shape(rows, signal, unbatched), rows.unpack())?;
    }
    states_out(model, &outputs.state, sequences, unbatched, &mut results)?;
    Ok(results)
}

/// States of one sequence, for each of those that the inputs have.
pub(super) fn repeated(model: &Model, inputs: &Tensors, states: &Tensors) -> Result<Tensors> {
    let is_unbatched = unbatched(model, inputs)?;
    let of_first = model.config().inputs.keys().next().and_then(|name| inputs.get(name));
    let sequences = match of_first.and_then(|tensor| tensor.shape().first()) {
        Some(&sequences) if !is_unbatched => sequences,
        _ => 1,
    };
    let mut all = Tensors::new();
    for (name, state) in states.iter() {
        let &[layers, 1, width] = state.shape() else {
            return Err(Error::Invalid(format!("the state {} is not of one sequence", quoted(name))));
        };
        let values = state.to_f32()?;
        let rows = values.chunks_exact(width.max(1));
        let repeated = rows.flat_map(|row| std::iter::repeat_n(row, sequences)).flatten().copied().collect();
        all.insert(name.to_owned(), Tensor::f32(vec![layers, sequences, width], repeated)?, "state")?;
    }
    Ok(all)
}

/// Whether the inputs have no axis N: all of them or none.
fn unbatched(model: &Model, inputs: &Tensors) -> Result<bool> {
    let mut found = None;
    for (name, input) in &model.config().inputs {
        let Some(tensor) = inputs.get(name) else {
            let names: Vec<String> = inputs.iter().take(8).map(|(name, _)| quoted(name)).collect();
            let there = if names.is_empty() { "none".into() } else { names.join(", ") };
            return Err(Error::Invalid(format!(
                "the model reads an array {}; there are {there}",
                quoted(name)
            )));
        };
        let is_unbatched = tensor.shape().len() + 1 == axes(*input);
        if *found.get_or_insert(is_unbatched) != is_unbatched {
            return Err(Error::Invalid(
                "some arrays have an axis of sequences and some have none; give all one".into(),
            ));
        }
    }
    Ok(found == Some(true))
}

fn axes(input: Input) -> usize {
    match input {
        Input::Numbers { .. } => 3,
        Input::Ids { .. } | Input::Row { .. } => 2,
    }
}

/// An array as a batch takes it.
enum Array {
    Numbers { values: Vec<f32>, shape: [usize; 3] },
    Ids { values: Vec<u32>, shape: [usize; 2] },
    Row { values: Vec<f32>, shape: [usize; 2] },
}

impl Array {
    fn of(name: &str, input: Input, inputs: &Tensors, unbatched: bool) -> Result<Self> {
        let Some(tensor) = inputs.get(name) else { return Err(Error::Invalid(format!("{name} is missing"))) };
        let mut shape = tensor.shape().to_vec();
        if unbatched {
            shape.insert(0, 1);
        }
        let wrong = |wanted: &str| Error::Shape {
            what: format!("the array {}", quoted(name)),
            expected: wanted.into(),
            found: format!("{:?}", tensor.shape()),
        };
        let named =
            |error: sumun_formats::Error| Error::Invalid(format!("the array {}: {error}", quoted(name)));
        Ok(match (input, shape.as_slice()) {
            (Input::Numbers { features }, &[n, t, f]) if f == features => {
                Self::Numbers { values: tensor.to_f32().map_err(named)?, shape: [n, t, f] }
            }
            (Input::Row { features }, &[n, f]) if f == features => {
                Self::Row { values: tensor.to_f32().map_err(named)?, shape: [n, f] }
            }
            (Input::Ids { vocabulary }, &[n, t]) => {
                let id = |&id: &i64| {
                    u32::try_from(id).map_err(|_| {
                        Error::Invalid(format!(
                            "the array {} has the id {id}, not one in 0..{vocabulary}",
                            quoted(name)
                        ))
                    })
                };
                let ids = tensor.to_i64().map_err(named)?;
                Self::Ids { values: ids.iter().map(id).collect::<Result<_>>()?, shape: [n, t] }
            }
            (Input::Numbers { features }, _) => {
                return Err(wrong(&format!("[N, T, {features}] or [T, {features}]")));
            }
            (Input::Row { features }, _) => return Err(wrong(&format!("[N, {features}] or [{features}]"))),
            (Input::Ids { .. }, _) => return Err(wrong("[N, T] or [T]")),
        })
    }

    fn sequences(&self) -> usize {
        match self {
            Self::Numbers { shape, .. } => shape[0],
            Self::Ids { shape, .. } | Self::Row { shape, .. } => shape[0],
        }
    }

    fn batch(&self) -> Result<Batch<'_>> {
        let misfit = |error: ndarray::ShapeError| Error::Invalid(error.to_string());
        Ok(match self {
            Self::Numbers { values, shape } => {
                Batch::numbers(ArrayView3::from_shape(*shape, values).map_err(misfit)?)
            }
            Self::Ids { values, shape } => {
                Batch::ids(ArrayView2::from_shape(*shape, values).map_err(misfit)?)
            }
            Self::Row { values, shape } => {
                Batch::row(ArrayView2::from_shape(*shape, values).map_err(misfit)?)
            }
        })
    }
}

/// The lengths of the sequences, where they are given.
fn lengths(inputs: &Tensors, sequences: usize) -> Result<Option<Vec<usize>>> {
    let Some(tensor) = inputs.get(LENGTHS) else { return Ok(None) };
    let wrong = |found: String| Error::Shape {
        what: format!("the array {}", quoted(LENGTHS)),
        expected: format!("[{sequences}] integers of at least 0"),
        found,
    };
    if tensor.shape() != [sequences] {
        return Err(wrong(format!("{:?}", tensor.shape())));
    }
    let values = tensor.to_i64().map_err(|_| wrong(format!("{} values", tensor.element().name())))?;
    let lengths = values.iter().map(|&value| usize::try_from(value).map_err(|_| wrong(value.to_string())));
    lengths.collect::<Result<Vec<_>>>().map(Some)
}

fn output_shape(rows: &Rows, signal: Signal, unbatched: bool) -> Vec<usize> {
    let mut shape = match signal {
        Signal::Once(features) => vec![rows.layout.sequences(), features],
        _ => vec![rows.layout.sequences(), rows.layout.time(), rows.features],
    };
    if unbatched {
        shape.remove(0);
    }
    shape
}

/// Adds an array. Values that are not finite are no result.
fn insert(results: &mut Tensors, name: &str, shape: Vec<usize>, values: Vec<f32>) -> Result<()> {
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        return Err(Error::Invalid(format!(
            "{name} has {value}: the numbers that came in are too large for this model"
        )));
    }
    results.insert(name.to_owned(), Tensor::f32(shape, values)?, "result")?;
    Ok(())
}

/// The name of a state's array: with the layer's where there are several.
pub(super) fn state_name(stem: &str, layer: &str, count: usize) -> String {
    if count == 1 { stem.to_owned() } else { format!("{stem}.{layer}") }
}

pub(super) fn states_in(model: &Model, initial: &Tensors, sequences: usize) -> Result<ModelState> {
    let shapes = model.state_shapes();
    let mut states = ModelState::new();
    let mut known = Vec::new();
    for (layer, shape) in &shapes {
        let take = |stem: &str, width: usize| -> Result<Option<Vec<f32>>> {
            let name = state_name(stem, layer, shapes.len());
            let Some(tensor) = initial.get(&name).filter(|_| width > 0) else { return Ok(None) };
            let wanted = [shape.count, sequences, width];
            let without_n = [shape.count, width];
            if tensor.shape() != wanted && !(sequences == 1 && tensor.shape() == without_n) {
                return Err(Error::Shape {
                    what: format!("the state {}", quoted(&name)),
                    expected: format!("{wanted:?}"),
                    found: format!("{:?}", tensor.shape()),
                });
            }
            Ok(Some(tensor.to_f32()?))
        };
        known.push(state_name("h_n", layer, shapes.len()));
        if shape.cell > 0 {
            known.push(state_name("c_n", layer, shapes.len()));
        }
        let (hidden, cell) = (take("h_n", shape.hidden)?, take("c_n", shape.cell)?);
        if hidden.is_none() && cell.is_none() {
            continue;
        }
        let zeros = |width: usize| vec![0.0; shape.count * sequences * width];
        let state = RecurrentState {
            hidden: hidden.unwrap_or_else(|| zeros(shape.hidden)),
            cell: cell.unwrap_or_else(|| zeros(shape.cell)),
        };
        states.insert((*layer).to_owned(), state);
    }
    match initial.iter().find(|(name, _)| !known.iter().any(|known| known == name)) {
        Some((extra, _)) => Err(Error::Invalid(format!(
            "the model has no state {}; it has {}",
            quoted(extra),
            if known.is_empty() { "none".into() } else { known.join(", ") }
        ))),
        None => Ok(states),
    }
}

fn states_out(
    model: &Model,
    states: &ModelState,
    sequences: usize,
    unbatched: bool,
    results: &mut Tensors,
) -> Result<()> {
    let shapes = model.state_shapes();
    for (layer, shape) in &shapes {
        let Some(state) = states.get(*layer) else { continue };
        for (stem, width, values) in [("h_n", shape.hidden, &state.hidden), ("c_n", shape.cell, &state.cell)]
        {
            if width == 0 {
                continue;
            }
            let axes = if unbatched { vec![shape.count, width] } else { vec![shape.count, sequences, width] };
            insert(results, &state_name(stem, layer, shapes.len()), axes, values.clone())?;
        }
    }
    Ok(())
}
