//! The arrays of a graph as those of the model: which axis is which, going in and coming out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sumun_formats::{Data, Tensor, Tensors};

use crate::error::quoted;
use crate::interchange::apply::{LENGTHS, OUTPUT, apply, state_name};
use crate::message::{key, text};
use crate::model::Model;
use crate::{Error, Result};

/// How a graph's arrays are those of the model.
#[derive(Debug)]
pub struct Interface {
    pub(super) inputs: Vec<ArrayIn>,
    pub(super) states: Vec<StatesIn>,
    pub(super) state_names: Vec<String>,
    /// For states that an input begins anew, that input, both by name.
    pub(super) begins: BTreeMap<String, String>,
    pub(super) lengths: Option<String>,
    /// Inputs that nothing reads.
    pub(super) unread: Vec<String>,
    /// Inputs whose number was known when the graph was read.
    pub(super) known: Vec<(String, f64)>,
    pub(super) outputs: Vec<Shown>,
}

/// What an axis of an array counts.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    One,
    Sequences,
    Time,
    Factor(usize),
    Stack,
    Merged(Vec<Place>),
}

/// An input of the graph that is one of the model.
#[derive(Debug)]
pub(super) struct ArrayIn {
    pub(super) name: String,
    pub(super) model: String,
    pub(super) is_ids: bool,
    /// Whether the model reads it at every step.
    pub(super) has_steps: bool,
    pub(super) axes: Vec<Place>,
    /// Which axes must have the length 1, because the graph leaves them out.
    pub(super) ones: Vec<bool>,
}

/// The states that a layer begins with, one for each direction.
#[derive(Debug)]
pub(super) struct StatesIn {
    pub(super) layer: String,
    pub(super) is_cell: bool,
    pub(super) pieces: Vec<StateFrom>,
}

/// Where a state comes from.
#[derive(Debug)]
pub(super) enum StateFrom {
    /// An array of the graph, the place on its stack.
    Array { name: String, axes: Vec<Place>, index: usize },
    /// The same numbers for every sequence.
    Constant(Vec<f32>),
}

/// An output of the graph.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) name: String,
    pub(super) of: OutputOf,
    pub(super) axes: Vec<Place>,
    pub(super) factors: Vec<usize>,
}

/// What an output shows.
#[derive(Debug)]
pub(super) enum OutputOf {
    /// The rows of a layer.
    Rows { layer: String },
    /// States, each of a layer, of c or of h, and of a direction.
    States { pieces: Vec<(String, bool, usize)> },
}

/// An array that a graph reads or returns, as its axes are understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnnxArray {
    /// Its name in the graph.
    pub name: String,
    /// What each axis counts: `N` sequences, `T` steps, `F` features, `D` layers and directions of a state, or a product.
    pub axes: Vec<String>,
    /// Whether it is a state: given before the first step, or returned after the last.
    pub is_state: bool,
}

impl Interface {
    /// What the graph reads, lengths apart.
    pub fn inputs(&self) -> Vec<OnnxArray> {
        let rows = self.inputs.iter().map(|input| described(&input.name, &input.axes, false));
        let mut arrays: Vec<OnnxArray> = rows.collect();
        for state in &self.states {
            for piece in &state.pieces {
                if let StateFrom::Array { name, axes, .. } = piece
                    && !arrays.iter().any(|array| array.name == *name)
                {
                    arrays.push(described(name, axes, true));
                }
            }
        }
        arrays
    }

    /// The input that gives the lengths of sequences, `[N]`.
    pub fn lengths(&self) -> Option<&str> {
        self.lengths.as_deref()
    }

    /// The inputs that begin states anew, such as `episode_starts` of a policy, one number for each sequence: a state goes in times
    /// 1 less that number, and as it is where the input is not given.
    pub fn starts(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.begins.values().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What the graph returns.
    pub fn outputs(&self) -> Vec<OnnxArray> {
        let one = |output: &Shown| {
            described(&output.name, &output.axes, matches!(output.of, OutputOf::States { .. }))
        };
        self.outputs.iter().map(one).collect()
    }

    fn names(&self) -> Vec<&str> {
        let inputs = self.inputs.iter().map(|input| input.name.as_str());
        let known = self.known.iter().map(|(name, _)| name);
        let others = self
            .state_names
            .iter()
            .chain(self.begins.values())
            .chain(&self.lengths)
            .chain(&self.unread)
            .chain(known);
        inputs.chain(others.map(String::as_str)).collect()
    }
}

fn described(name: &str, axes: &[Place], is_state: bool) -> OnnxArray {
    fn letter(place: &Place) -> String {
        match place {
            Place::One => "1".into(),
            Place::Sequences => "N".into(),
            Place::Time => "T".into(),
            Place::Factor(_) => "F".into(),
            Place::Stack => "D".into(),
            Place::Merged(places) => places.iter().map(letter).collect::<Vec<_>>().join("·"),
        }
    }
    OnnxArray { name: name.to_owned(), axes: axes.iter().map(letter).collect(), is_state }
}

impl Interface {
    /// Runs the model on the graph's arrays, by the graph's names and in its layouts; states may be among `inputs` or in
    /// `initial`, and are zeros where they are in neither. Returned are the graph's outputs.
    ///
    /// Errors: an array that is missing, of another shape or type, or that the graph does not read; values that are not finite.
    pub(in crate::interchange) fn apply(
        &self,
        model: &Model,
        inputs: &Tensors,
        initial: &Tensors,
    ) -> Result<Tensors> {
        let names = self.names();
        let extra = inputs.iter().chain(initial.iter()).find(|(name, _)| !names.contains(name));
        if let Some((extra, _)) = extra {
            return Err(Error::Invalid(format!(
                "the graph reads no array {}; it reads {}",
                quoted(extra),
                names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
            )));
        }
        self.check_known(inputs)?;
        let mut given = Tensors::new();
        let mut sequences = 1;
        for input in &self.inputs {
            let tensor = inputs.get(&input.name).ok_or_else(|| {
                Error::Invalid(format!(
                    "the graph reads an array {}, which is not there",
                    quoted(&input.name)
                ))
            })?;
            let tensor = input.turned(tensor)?;
            sequences = tensor.shape().first().copied().unwrap_or(1);
            given.insert(input.model.clone(), tensor, "input")?;
        }
        let lengths = self.lengths.as_ref().and_then(|name| inputs.get(name));
        if let Some(lengths) = lengths {
            given.insert(LENGTHS.to_owned(), lengths.clone(), "input")?;
        }
        let states = self.states_of(model, inputs, initial, sequences)?;
        let results = apply(model, &given, &states)?;
        let empty = lengths.map(|lengths| lengths.to_i64()).transpose()?.unwrap_or_default();
        let mut outputs = Tensors::new();
        for output in &self.outputs {
            let tensor = self.shown(model, output, &results, sequences, &empty)?;
            outputs.insert(output.name.clone(), tensor, "output")?;
        }
        Ok(outputs)
    }

    /// The states that the graph itself begins with, of one sequence; nothing where all of them are zeros.
    pub(in crate::interchange) fn first_states(&self, model: &Model) -> Result<Tensors> {
        let constant =
            |state: &StatesIn| state.pieces.iter().any(|piece| matches!(piece, StateFrom::Constant(_)));
        match self.states.iter().any(constant) {
            true => self.states_of(model, &Tensors::new(), &Tensors::new(), 1),
            false => Ok(Tensors::new()),
        }
    }

    /// Refuses another number for an input than the graph was read for.
    fn check_known(&self, inputs: &Tensors) -> Result<()> {
        for (name, number) in &self.known {
            let Some(tensor) = inputs.get(name) else { continue };
            let numbers: Vec<f64> = match tensor.to_i64() {
                Ok(numbers) => numbers.into_iter().map(|number| number as f64).collect(),
                Err(_) => tensor.to_f32()?.into_iter().map(f64::from).collect(),
            };
            if let Some(other) = numbers.iter().find(|other| *other != number) {
                let error =
                    format!("the input {} is {other}, but the graph was read for {number}", quoted(name));
                let setting = key("set_input").to(format!("{name}={other}"));
                return Err(Error::Invalid(error).advise(text("read it with ") + setting));
            }
        }
        Ok(())
    }

    fn states_of(
        &self,
        model: &Model,
        inputs: &Tensors,
        initial: &Tensors,
        sequences: usize,
    ) -> Result<Tensors> {
        let shapes = model.state_shapes();
        let mut states = Tensors::new();
        for state in &self.states {
            let Some((_, shape)) = shapes.iter().find(|(layer, _)| *layer == state.layer) else { continue };
            let width = if state.is_cell { shape.cell } else { shape.hidden };
            let mut values = Vec::with_capacity(state.pieces.len() * sequences * width);
            for piece in &state.pieces {
                match piece {
                    StateFrom::Constant(row) => (0..sequences).for_each(|_| values.extend(row)),
                    StateFrom::Array { name, axes, index } => {
                        match initial.get(name).or_else(|| inputs.get(name)) {
                            None => values.resize(values.len() + sequences * width, 0.0),
                            Some(tensor) => {
                                let mut piece = piece_of(name, tensor, axes, *index, [sequences, width])?;
                                self.begin_anew(name, inputs, &mut piece, width)?;
                                values.extend(piece);
                            }
                        }
                    }
                }
            }
            let stem = if state.is_cell { "c_n" } else { "h_n" };
            let name = state_name(stem, &state.layer, shapes.len());
            states.insert(name, Tensor::f32(vec![state.pieces.len(), sequences, width], values)?, "state")?;
        }
        Ok(states)
    }

    /// A state `[N, H]` times 1 less the numbers of the input that begins it anew.
    fn begin_anew(&self, state: &str, inputs: &Tensors, values: &mut [f32], width: usize) -> Result<()> {
        let Some((name, starts)) = self.begins.get(state).and_then(|name| Some((name, inputs.get(name)?)))
        else {
            return Ok(());
        };
        let numbers = match starts.to_i64() {
            Ok(numbers) => numbers.into_iter().map(|number| number as f32).collect(),
            Err(_) => starts.to_f32()?,
        };
        let sequences = values.len() / width.max(1);
        if numbers.len() != sequences {
            return Err(Error::Shape {
                what: format!("the array {}", quoted(name)),
                expected: format!("[{sequences}], a number for each sequence"),
                found: format!("{:?}", starts.shape()),
            });
        }
        for (row, number) in values.chunks_exact_mut(width.max(1)).zip(numbers) {
            row.iter_mut().for_each(|value| *value *= 1.0 - number);
        }
        Ok(())
    }

    /// An output as the graph has it.
    fn shown(
        &self,
        model: &Model,
        output: &Shown,
        results: &Tensors,
        sequences: usize,
        lengths: &[i64],
    ) -> Result<Tensor> {
        let missing = || Error::Invalid(format!("the output {} is not there", quoted(&output.name)));
        let (mut axes, mut shape, values) = match &output.of {
            OutputOf::Rows { layer } => {
                let is_only = model.output_names().count() == 1;
                let tensor = results.get(if is_only { OUTPUT } else { layer }).ok_or_else(missing)?;
                let mut shape = tensor.shape().to_vec();
                shape.pop();
                let axes = [Place::Sequences, Place::Time][..shape.len().min(2)].to_vec();
                (axes, shape, numbers(tensor)?)
            }
            OutputOf::States { pieces } => {
                let shapes = model.state_shapes();
                let mut values = Vec::new();
                for (layer, is_cell, direction) in pieces {
                    let stem = if *is_cell { "c_n" } else { "h_n" };
                    let tensor = results.get(&state_name(stem, layer, shapes.len())).ok_or_else(missing)?;
                    let all = numbers(tensor)?;
                    let each = all.len() / tensor.shape()[0].max(1);
                    let first = values.len();
                    values.extend_from_slice(&all[direction * each..(direction + 1) * each]);
                    // A sequence without steps has no state in ONNX, whatever it began with.
                    let width = each / sequences.max(1);
                    for (sequence, _) in lengths.iter().enumerate().filter(|&(_, &length)| length == 0) {
                        values[first + sequence * width..][..width].fill(0.0);
                    }
                }
                (vec![Place::Stack, Place::Sequences], vec![pieces.len(), sequences], values.into())
            }
        };
        shape.extend(&output.factors);
        axes.extend((0..output.factors.len()).map(Place::Factor));
        arranged(&output.name, &values, &axes, &shape, &output.axes)
    }
}

impl ArrayIn {
    /// The array as the model reads it.
    fn turned(&self, tensor: &Tensor) -> Result<Tensor> {
        let shape = tensor.shape();
        let described = described(&self.name, &self.axes, false).axes.join(", ");
        let wrong = |expected: String| Error::Shape {
            what: format!("the array {}", quoted(&self.name)),
            expected,
            found: format!("{shape:?}"),
        };
        if shape.len() != self.axes.len() {
            return Err(wrong(format!("[{described}]")));
        }
        if shape.iter().zip(&self.ones).any(|(&axis, &is_one)| is_one && axis != 1) {
            let ones: Vec<&str> = self.ones.iter().map(|&one| if one { "1" } else { "any" }).collect();
            return Err(wrong(format!("[{described}] of the lengths [{}]", ones.join(", "))));
        }
        let length =
            |place: &Place| self.axes.iter().position(|axis| axis == place).map_or(1, |axis| shape[axis]);
        let mut to = vec![Place::Sequences];
        if self.has_steps {
            to.push(Place::Time);
        }
        if !self.is_ids {
            to.push(Place::Factor(0));
        }
        let lengths: Vec<usize> = to.iter().map(length).collect();
        let named = |error: sumun_formats::Error| {
            Error::Invalid(format!("the array {}: {error}", quoted(&self.name)))
        };
        match self.is_ids {
            false => {
                let values = numbers(tensor).map_err(named)?;
                Ok(Tensor::f32(lengths, gathered(&values, shape, &self.axes, &to))?)
            }
            true => {
                let values = tensor.to_i64().map_err(named)?;
                let data = Data::I64(gathered(&values, shape, &self.axes, &to));
                Ok(Tensor::new(data.element(), lengths, data, "input")?)
            }
        }
    }
}

/// The numbers of a tensor, where they are if they are of that type.
fn numbers(tensor: &Tensor) -> std::result::Result<Cow<'_, [f32]>, sumun_formats::Error> {
    match tensor.data() {
        Data::F32(values) => Ok(Cow::Borrowed(values)),
        _ => tensor.to_f32().map(Cow::Owned),
    }
}

/// One state of every sequence, `[N, H]`.
fn piece_of(
    name: &str,
    tensor: &Tensor,
    axes: &[Place],
    index: usize,
    [sequences, width]: [usize; 2],
) -> Result<Vec<f32>> {
    let length = |place: &Place| match place {
        Place::Sequences => Some(sequences),
        Place::Factor(_) => Some(width),
        Place::Stack => None,
        _ => Some(1),
    };
    let fits = tensor.shape().len() == axes.len()
        && axes.iter().zip(tensor.shape()).all(|(place, &found)| match length(place) {
            Some(length) => length == found,
            None => found > index,
        });
    if !fits {
        let wanted: Vec<String> = axes
            .iter()
            .map(|place| length(place).map_or_else(|| "D".to_owned(), |length| length.to_string()))
            .collect();
        return Err(Error::Shape {
            what: format!("the state {}", quoted(name)),
            expected: format!("[{}]", wanted.join(", ")),
            found: format!("{:?}", tensor.shape()),
        });
    }
    let values = numbers(tensor)?;
    // Of the stack one piece: the axis is left out where it begins.
    let stack = axes.iter().position(|place| *place == Place::Stack);
    let first = stack.map_or(0, |axis| index * tensor.shape()[axis + 1..].iter().product::<usize>());
    let to = [Place::Sequences, Place::Factor(0)];
    Ok(gathered(values.get(first..).unwrap_or(&[]), tensor.shape(), axes, &to))
}

/// The numbers of an array with the axes `from` in the order of the axes `to`; axes of neither have the length 1.
fn gathered<T: Copy>(values: &[T], shape: &[usize], from: &[Place], to: &[Place]) -> Vec<T> {
    // Lengths and strides; axes that follow one another in memory, too, are one.
    let mut axes: Vec<[usize; 2]> = Vec::with_capacity(to.len());
    for place in to {
        let Some(axis) = from.iter().position(|own| own == place) else { continue };
        let (length, stride) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
        match axes.last_mut() {
            Some(before) if before[1] == length * stride => *before = [before[0] * length, stride],
            _ if length == 1 => {}
            _ => axes.push([length, stride]),
        }
    }
    let mut gathered = Vec::with_capacity(axes.iter().map(|axis| axis[0]).product());
    append(values, &axes, &mut gathered);
    gathered
}

/// Appends the numbers along these lengths and strides, the last the fastest.
fn append<T: Copy>(values: &[T], axes: &[[usize; 2]], to: &mut Vec<T>) {
    match *axes {
        [] => to.extend(values.first()),
        [[length, 1]] => to.extend_from_slice(&values[..length]),
        [[length, stride]] => to.extend((0..length).map(|index| values[index * stride])),
        [[length, stride], ref rest @ ..] => {
            (0..length).for_each(|index| append(&values[index * stride..], rest, to));
        }
    }
}

/// Numbers with the axes `from` in the order of `to`, whose axes may be products. Error: an axis that is left out and has not
/// the length 1.
fn arranged(name: &str, values: &[f32], from: &[Place], shape: &[usize], to: &[Place]) -> Result<Tensor> {
    let flat: Vec<Place> = to
        .iter()
        .flat_map(|place| match place {
            Place::Merged(places) => places.clone(),
            place => vec![place.clone()],
        })
        .collect();
    let gone = from.iter().zip(shape).find(|&(place, &length)| length != 1 && !flat.contains(place));
    if let Some((place, length)) = gone {
        let what = match place {
            Place::Sequences => "sequence",
            Place::Time => "time step",
            _ => "state",
        };
        return Err(Error::Invalid(format!(
            "the graph is for 1 {what}: its output {} has no axis for {length} of them",
            quoted(name)
        )));
    }
    let length = |place: &Place| from.iter().position(|own| own == place).map_or(1, |axis| shape[axis]);
    let lengths = to.iter().map(|place| match place {
        Place::Merged(places) => places.iter().map(length).product(),
        place => length(place),
    });
    let lengths: Vec<usize> = lengths.collect();
    Ok(Tensor::f32(lengths, gathered(values, shape, from, &flat))?)
}
