//! A cell of single nodes as a recurrent layer of one step.

use std::rc::Rc;

use super::axes::Role;
use super::cells::{Affine, Cut, Found, Gates};
use super::found::{Recurrence, Start};
use super::graph::Reader;
use super::node::At;
use super::value::{Array, Axis, Content, Part, Piece, Value};
use crate::Result;
use crate::model::{Biases, RecurrentLayer};
use crate::nn::CellKind;

/// A cell's weights, `[G·H, I]`, `[G·H, H]`, and both biases, with PyTorch's order of blocks.
pub(super) struct CellWeights {
    pub(super) cell: CellKind,
    pub(super) hidden: usize,
    pub(super) input: usize,
    pub(super) ih: Vec<f32>,
    pub(super) hh: Vec<f32>,
    pub(super) biases: [Vec<f32>; 2],
}

/// What the products of a sum are, of one source: `[rows, inputs]`.
struct Block {
    values: Vec<f32>,
    rows: usize,
    inputs: usize,
}

impl<'a> Reader<'a> {
    /// A cell that stands in a graph by itself: one step.
    pub(super) fn cell(&mut self, found: &Found<'a>) -> Result<()> {
        let at = At(found.anchor);
        let (x, h) = self.x_and_h(at, found)?;
        let weights = self.cell_weights(at, found, x, h)?;
        let (hidden, input) = (weights.hidden, weights.input);
        let given = |reader: &mut Self, name: &str| {
            reader.value(name).ok_or_else(|| at.error("it reads a state that nothing before it gives"))
        };
        let Value::Array(array) = given(self, x)? else {
            return Err(at.error("it computes a cell of a constant; no layer here does"));
        };
        let mut array = self.rows(at, array)?;
        let [batch, _] = array.axes.as_slice() else {
            return Err(at.error(format!("it computes a cell of {} axes, not of [N, F]", array.axes.len())));
        };
        let batch = batch.clone();
        self.role_at(at, &array, 0, Role::Sequences)?;
        self.features_at(at, &mut array, 1, Some(input))?;
        let value = given(self, h)?;
        let (starts_h, initial) = self.start_of_cell(at, value, Part::Hidden, hidden)?;
        let (starts_c, initial_c) = match found.c {
            Some(c) => {
                let value = given(self, c)?;
                self.start_of_cell(at, value, Part::Cell, hidden)?
            }
            None => (Vec::new(), initial.clone()),
        };
        if initial != initial_c {
            return Err(at.error("its h and c come from different layers; a layer here takes both from one"));
        }
        let from = self.steps(at, &mut array)?;
        let mut layer = RecurrentLayer::new(weights.cell, hidden).biases(Biases::Two).return_sequences(false);
        if let Some(initial) = initial {
            layer = layer.initial(initial);
        }
        let name = self.add(at, layer, vec![from]);
        self.put_cell_weights(&name, weights);
        self.recurrences.push(Recurrence {
            described: at.described(),
            layer: name.clone(),
            directions: 1,
            hidden,
            is_once: true,
            has_lengths: false,
            starts: [starts_h, starts_c],
        });
        for (output, part) in [(Some(found.h_out), Part::Hidden), (found.c_out, Part::Cell)] {
            let Some(output) = output else { continue };
            let piece = Piece::Layer { layer: name.clone(), part, direction: 0 };
            let array = Array {
                content: Content::States(vec![piece]),
                axes: vec![batch.clone(), Axis::Factor(0)],
                factors: vec![hidden],
            };
            self.values.insert(output.to_owned(), Value::Array(array));
        }
        Ok(())
    }

    pub(super) fn put_cell_weights(&mut self, layer: &str, weights: CellWeights) {
        let CellWeights { hidden, input, ih, hh, biases: [b_ih, b_hh], .. } = weights;
        let rows = b_ih.len();
        self.weight(layer, "weight_ih_l0", &[rows, input], ih);
        self.weight(layer, "weight_hh_l0", &[rows, hidden], hh);
        self.weight(layer, "bias_ih_l0", &[rows], b_ih);
        self.weight(layer, "bias_hh_l0", &[rows], b_hh);
    }

    /// The states before a step, `[N, H]`.
    pub(super) fn start_of_cell(
        &mut self,
        at: At<'_>,
        value: Value,
        part: Part,
        hidden: usize,
    ) -> Result<(Vec<Start>, Option<String>)> {
        let value = match value {
            Value::Array(mut array) if array.axes.len() == 2 => {
                array.axes.insert(0, Axis::One);
                Value::Array(array)
            }
            Value::Constant(tensor) if tensor.shape().len() == 2 => {
                let mut shape = tensor.shape().to_vec();
                shape.insert(0, 1);
                Value::Constant(Rc::new(self.shaped(at, &tensor, shape)?))
            }
            value => value,
        };
        self.start_with(at, value, part, [1, hidden], false)
    }

    /// Which of the two things that a cell multiplies with weights is the state.
    fn x_and_h(&mut self, at: At<'_>, found: &Found<'a>) -> Result<(&'a str, &'a str)> {
        let sources = found.sources();
        let &[first, second] = sources.as_slice() else {
            return Err(at.error(format!(
                "it computes a cell of {} arrays; a cell here has one and its state",
                sources.len()
            )));
        };
        let other = |h: &'a str| if h == first { second } else { first };
        if let Some(h) = found.h.filter(|h| sources.contains(h)) {
            return Ok((other(h), h));
        }
        let is_state = |reader: &mut Self, name: &str| match reader.value(name) {
            Some(Value::Array(array)) => matches!(array.content, Content::States(_)),
            Some(Value::Filled { .. } | Value::Constant(_)) => true,
            _ => false,
        };
        match (is_state(self, first), is_state(self, second)) {
            (true, false) => Ok((second, first)),
            (false, true) => Ok((first, second)),
            // Inputs of the graph: a state is as wide as the cell.
            _ => {
                let hidden = self.width_of(at, found, first)?;
                match (hidden.0 == hidden.1, self.width_of(at, found, second)?) {
                    (true, (rows, inputs)) if rows != inputs => Ok((second, first)),
                    (false, (rows, inputs)) if rows == inputs => Ok((first, second)),
                    _ => {
                        Err(at.error("it computes a cell of two arrays, of which either could be the state"))
                    }
                }
            }
        }
    }

    /// Rows and inputs of the first gate's products with a source.
    fn width_of(&mut self, at: At<'_>, found: &Found<'a>, source: &str) -> Result<(usize, usize)> {
        let affines = found.affines();
        let affine = affines.iter().find(|affine| affine.terms.iter().any(|term| term.source == source));
        let affine = affine.ok_or_else(|| at.error("it has a gate without weights"))?;
        let block = self.block(at, affine, source)?;
        Ok(block.map_or((0, 0), |block| (block.rows, block.inputs)))
    }

    /// The weights of a cell, of which it is known what x and h are.
    pub(super) fn cell_weights(
        &mut self,
        at: At<'_>,
        found: &Found<'a>,
        x: &str,
        h: &str,
    ) -> Result<CellWeights> {
        let (cell, gates): (CellKind, Vec<[&Affine<'_>; 2]>) = match &found.gates {
            Gates::Rnn { is_relu: true, gate } => (CellKind::RnnRelu, vec![[gate; 2]]),
            Gates::Rnn { gate, .. } => (CellKind::RnnTanh, vec![[gate; 2]]),
            Gates::Lstm(gates) => (CellKind::Lstm, gates.iter().map(|gate| [gate; 2]).collect()),
            Gates::Gru { gates: [r, z], x, h } => (CellKind::Gru, vec![[r; 2], [z; 2], [x, h]]),
        };
        let (mut ih, mut hh, mut biases) = (Vec::new(), Vec::new(), [Vec::new(), Vec::new()]);
        let mut sizes: Option<[usize; 2]> = None;
        for [of_x, of_h] in gates {
            let wrong = || at.error("the weights of its gates do not fit each other");
            let (Some(by_x), Some(by_h)) = (self.block(at, of_x, x)?, self.block(at, of_h, h)?) else {
                return Err(at.error("a gate of the cell that it computes reads x or h alone"));
            };
            let is_same = std::ptr::eq(of_x, of_h);
            let alone =
                |affine: &Affine<'_>, source: &str| affine.terms.iter().all(|term| term.source == source);
            if !(is_same || alone(of_x, x) && alone(of_h, h)) {
                return Err(wrong());
            }
            let found = [by_h.rows, by_x.inputs];
            if *sizes.get_or_insert(found) != found || by_x.rows != by_h.rows || by_h.inputs != by_h.rows {
                return Err(wrong());
            }
            ih.extend(by_x.values);
            hh.extend(by_h.values);
            let first = self.bias(at, of_x, by_h.rows)?;
            biases[0].extend(first);
            let second = if is_same { vec![0.0; by_h.rows] } else { self.bias(at, of_h, by_h.rows)? };
            biases[1].extend(second);
        }
        let [hidden, input] = sizes.ok_or_else(|| at.error("it computes a cell without gates"))?;
        Ok(CellWeights { cell, hidden, input, ih, hh, biases })
    }

    /// The sum of a gate's products with one source; None where there is none.
    fn block(&mut self, at: At<'_>, affine: &Affine<'a>, source: &str) -> Result<Option<Block>> {
        let mut sum: Option<Block> = None;
        for term in affine.terms.iter().filter(|term| term.source == source) {
            let (values, shape) = self.numbers_of(at, term.weight)?;
            let &[a, b] = shape.as_slice() else {
                return Err(at.error(format!("a weight of its gates has the shape {shape:?}")));
            };
            let (rows, inputs) = if term.is_by_row { (a, b) } else { (b, a) };
            let (first, last) = range(term.cut.as_ref(), rows);
            let value = |row: usize, input: usize| match term.is_by_row {
                true => values[row * inputs + input],
                false => values[input * rows + row],
            };
            let cut: Vec<f32> = (first..last)
                .flat_map(|row| (0..inputs).map(move |input| (row, input)))
                .map(|(r, i)| value(r, i))
                .collect();
            match &mut sum {
                None => sum = Some(Block { values: cut, rows: last - first, inputs }),
                Some(sum) if sum.values.len() == cut.len() && sum.inputs == inputs => {
                    sum.values.iter_mut().zip(cut).for_each(|(sum, value)| *sum += value);
                }
                Some(_) => return Err(at.error("the weights of its gates do not fit each other")),
            }
        }
        Ok(sum)
    }

    fn bias(&mut self, at: At<'_>, affine: &Affine<'a>, rows: usize) -> Result<Vec<f32>> {
        let mut sum = vec![0.0; rows];
        for (name, cut) in &affine.biases {
            let (values, shape) = self.numbers_of(at, name)?;
            if shape.iter().rev().skip(1).any(|&axis| axis != 1) {
                return Err(at.error(format!("a bias of its gates has the shape {shape:?}")));
            }
            let (first, last) = range(cut.as_ref(), values.len());
            let part = if values.len() == 1 { &values[..] } else { &values[first..last] };
            if part.len() != rows && part.len() != 1 {
                return Err(at.error(format!("a bias of {} numbers for {rows} units", part.len())));
            }
            let value = |row: usize| part[if part.len() == 1 { 0 } else { row }];
            sum.iter_mut().enumerate().for_each(|(row, sum)| *sum += value(row));
        }
        Ok(sum)
    }

    /// The numbers of a constant by its name, with their shape.
    fn numbers_of(&mut self, at: At<'_>, name: &str) -> Result<(Vec<f32>, Vec<usize>)> {
        let Some(Value::Constant(tensor)) = self.value(name) else {
            let name = crate::error::quoted(name);
            return Err(at.error(format!("its weight {name} is no constant, as a layer here needs it")));
        };
        self.spend(at, tensor.data().len())?;
        Ok((at.named(tensor.to_f32())?, tensor.shape().to_vec()))
    }
}

/// The rows of a part of so many.
fn range(cut: Option<&Cut>, rows: usize) -> (usize, usize) {
    match *cut.unwrap_or(&Cut::Part { index: 0, of: 1 }) {
        Cut::Part { index, of } => {
            let each = rows.div_ceil(of.max(1));
            let first = index.saturating_mul(each).min(rows);
            (first, first.saturating_add(each).min(rows))
        }
        Cut::Range { start, end } => {
            let place = |index: i64| {
                let counted = if index < 0 { index.saturating_add(rows as i64) } else { index };
                counted.clamp(0, rows as i64) as usize
            };
            let (first, last) = (place(start), place(end));
            (first.min(last), last)
        }
    }
}
