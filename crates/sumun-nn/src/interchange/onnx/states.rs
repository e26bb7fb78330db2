//! States before the first step, and final hidden states as rows.

use sumun_formats::onnx::OnnxNode;

use super::axes::Role;
use super::found::Start;
use super::graph::{InputKind, Reader};
use super::node::At;
use super::value::{Array, Axis, Content, Part, Piece, Time, Value};
use crate::error::quoted;
use crate::model::PoolLayer;
use crate::nn::{CombineLayer, Pool, ReverseLayer, SliceLayer};
use crate::{Error, Result};

impl Reader<'_> {
    /// The states that a node begins with, and the layer whose last states they are.
    pub(super) fn start(
        &mut self,
        at: At<'_>,
        index: usize,
        part: Part,
        [directions, hidden]: [usize; 2],
        is_batch_first: bool,
    ) -> Result<(Vec<Start>, Option<String>)> {
        if !at.has(index) {
            return Ok((Vec::new(), None));
        }
        let value = self.input(at, index)?;
        self.start_with(at, value, part, [directions, hidden], is_batch_first)
    }

    /// As [`start`](Self::start), with a value of three axes.
    pub(super) fn start_with(
        &mut self,
        at: At<'_>,
        value: Value,
        part: Part,
        [directions, hidden]: [usize; 2],
        is_batch_first: bool,
    ) -> Result<(Vec<Start>, Option<String>)> {
        let (stack, batch) = if is_batch_first { (1, 0) } else { (0, 1) };
        match value {
            Value::Filled { number: 0.0, .. } => Ok((Vec::new(), None)),
            Value::Filled { number, .. } => {
                Ok((vec![Start::Constant(vec![number as f32; hidden]); directions], None))
            }
            Value::Constant(tensor) => {
                let (values, shape) = (at.named(tensor.to_f32())?, tensor.shape());
                if values.iter().all(|&value| value == 0.0) {
                    return Ok((Vec::new(), None));
                }
                let (&[a, b, h], true) = (shape, shape.len() == 3) else {
                    return Err(at.error(format!("its first state has the shape {shape:?}")));
                };
                let [d, n] = if is_batch_first { [b, a] } else { [a, b] };
                if d != directions || h != hidden || n == 0 {
                    return Err(at.error(format!("its first state has the shape {shape:?}")));
                }
                let row = |direction: usize, sequence: usize| {
                    let place =
                        if is_batch_first { sequence * d + direction } else { direction * n + sequence };
                    values[place * h..(place + 1) * h].to_vec()
                };
                if (0..d)
                    .any(|direction| (1..n).any(|sequence| row(direction, sequence) != row(direction, 0)))
                {
                    return Err(at.error("its first state is another constant for each sequence"));
                }
                Ok(((0..d).map(|direction| Start::Constant(row(direction, 0))).collect(), None))
            }
            Value::Sizes { .. } | Value::IsOne(_) | Value::Mask(_) | Value::Sum(_) => {
                Err(at.error("its first state is a list of lengths"))
            }
            Value::Array(array) => {
                let mut array = array;
                if array.axes.len() != 3 {
                    return Err(at.error("its first state has not three axes"));
                }
                self.role_at(at, &array, batch, Role::Sequences)?;
                self.features_at(at, &mut array, 2, Some(hidden))?;
                if let Axis::Open(id) = array.axes[stack] {
                    at.named(self.axes.set_role(id, Role::Stack))?;
                    at.named(self.axes.set_length(id, directions))?;
                }
                if let Content::Input(input) = array.content {
                    let input = &mut self.inputs[input];
                    if !matches!(input.kind, None | Some(InputKind::State)) || input.is_ids {
                        return Err(at.error("its first state is an input that is read as rows, too"));
                    }
                    input.kind = Some(InputKind::State);
                }
                let array = self.settled(array);
                self.start_of(at, array, part, directions)
            }
        }
    }

    fn start_of(
        &mut self,
        at: At<'_>,
        array: Array,
        part: Part,
        directions: usize,
    ) -> Result<(Vec<Start>, Option<String>)> {
        let Content::States(pieces) = array.content else {
            return Err(at.error("its first state is computed by layers; a model here takes states or the last ones of another"));
        };
        if pieces.len() != directions {
            return Err(
                at.error(format!("it has {directions} directions, but {} first states", pieces.len()))
            );
        }
        let mut starts = Vec::with_capacity(directions);
        let mut from = None;
        for (place, piece) in pieces.into_iter().enumerate() {
            match piece {
                Piece::Input { input, index } => {
                    self.inputs[input].kind = Some(InputKind::State);
                    starts.push(Start::Input { input, index });
                }
                Piece::Layer { layer, part: own, direction } if own == part && direction == place => {
                    if *from.get_or_insert_with(|| layer.clone()) != layer {
                        return Err(at.error("its first states are those of several layers"));
                    }
                }
                Piece::Layer { .. } => {
                    return Err(at.error("its first states are those of a layer in another order"));
                }
            }
        }
        if from.is_some() && !starts.is_empty() {
            return Err(at.error("its first states are given in part, and those of a layer in part"));
        }
        Ok((starts, from))
    }

    /// An array as rows: final hidden states become one row a sequence.
    pub(super) fn rows(&mut self, at: At<'_>, mut array: Array) -> Result<Array> {
        let Content::States(pieces) = &array.content else { return Ok(array) };
        let mut directions = Vec::with_capacity(pieces.len());
        let mut of = None;
        for piece in pieces {
            let Piece::Layer { layer, part: Part::Hidden, direction } = piece else {
                return Err(
                    at.error("it reads a state as rows; a layer here reads final hidden states alone")
                );
            };
            if *of.get_or_insert(layer) != layer {
                return Err(at.error("it reads states of several layers as rows"));
            }
            directions.push(*direction);
        }
        let layer = of.cloned().ok_or_else(|| at.error("it reads no state"))?;
        let which = match directions[..] {
            [direction] => Some(direction),
            [0, 1] => None,
            _ => return Err(at.error("it reads final states of both directions in another order")),
        };
        let rows = self.final_rows(at, &layer, which)?;
        let is_both = which.is_none();
        for axis in &mut array.axes {
            match axis {
                Axis::Stack => *axis = if is_both { Axis::Factor(0) } else { Axis::One },
                Axis::Factor(factor) if is_both => *factor += 1,
                _ => {}
            }
        }
        if is_both {
            array.factors.insert(0, 2);
        }
        array.content = Content::Rows { layer: rows, time: Time::Once };
        Ok(array)
    }

    /// The layer that gives the final hidden states of a direction, or of all beside each other, one row a sequence.
    fn final_rows(&mut self, at: At<'_>, layer: &str, direction: Option<usize>) -> Result<String> {
        let key = (layer.to_owned(), direction);
        if let Some(rows) = self.last_rows.get(&key) {
            return Ok(rows.clone());
        }
        let known = self.recurrences.iter().find(|recurrence| recurrence.layer == layer);
        let (directions, hidden, is_once) = match known {
            Some(known) => (known.directions, known.hidden, known.is_once),
            None => return Err(at.error("it reads the state of a layer that is not there")),
        };
        let own = layer.to_owned();
        let rows = match (directions, is_once, direction) {
            (1, true, _) | (_, true, None) => own,
            (_, true, Some(direction)) => {
                self.add(at, SliceLayer::new(direction * hidden, hidden), vec![own])
            }
            // Rows that were turned round before the layer end with its last step.
            (1, false, _) => self.add(at, PoolLayer::new(Pool::Last), vec![own]),
            (_, false, None) => {
                let both = [0, 1].map(|direction| self.final_rows(at, layer, Some(direction)));
                let [first, second] = both;
                self.add(at, CombineLayer::concat(), vec![first?, second?])
            }
            (_, false, Some(direction)) => {
                // The second direction ends at the first step.
                let turned = if direction == 1 { self.add(at, ReverseLayer::new(), vec![own]) } else { own };
                let last = self.add(at, PoolLayer::new(Pool::Last), vec![turned]);
                self.add(at, SliceLayer::new(direction * hidden, hidden), vec![last])
            }
        };
        self.last_rows.insert(key, rows.clone());
        Ok(rows)
    }

    /// Final hidden states of both directions that are joined along their features: rows as the layer gives them.
    pub(super) fn both_directions(
        &mut self,
        at: At<'_>,
        arrays: &[Array],
        place: usize,
    ) -> Result<Option<Array>> {
        let [first, second] = arrays else { return Ok(None) };
        let (Content::States(a), Content::States(b)) = (&first.content, &second.content) else {
            return Ok(None);
        };
        let (
            [Piece::Layer { layer, part: Part::Hidden, direction: 0 }],
            [Piece::Layer { layer: other, part: Part::Hidden, direction: 1 }],
        ) = (a.as_slice(), b.as_slice())
        else {
            return Ok(None);
        };
        if layer != other || first.axes != second.axes || first.axes[place] != Axis::Factor(0) {
            return Ok(None);
        }
        let hidden = first.features();
        let rows = self.final_rows(at, layer, None)?;
        let axes = first.axes.iter().map(|axis| if *axis == Axis::Stack { Axis::One } else { axis.clone() });
        Ok(Some(Array {
            content: Content::Rows { layer: rows, time: Time::Once },
            axes: axes.collect(),
            factors: vec![2 * hidden],
        }))
    }
}

impl<'a> Reader<'a> {
    /// A product of a state and 1 − an input is the state, which that input begins anew.
    pub(super) fn begun_anew(&mut self, node: &'a OnnxNode, [state, starts]: [&'a str; 2]) -> Result<()> {
        let wrong = |name: &str| {
            Error::Model(format!(
                "the input {} begins states anew, and is read as something else, too",
                quoted(name)
            ))
        };
        let value = self.value(state).ok_or_else(|| wrong(state))?;
        let index = self.inputs.iter().position(|input| input.name == starts).ok_or_else(|| wrong(starts))?;
        let input = &mut self.inputs[index];
        if !matches!(input.kind, None | Some(InputKind::Starts)) {
            return Err(wrong(starts));
        }
        input.kind = Some(InputKind::Starts);
        if !matches!(&value, Value::Array(array) if matches!(array.content, Content::Input(_))) {
            return Err(wrong(state));
        }
        self.begins.insert(state.to_owned(), starts.to_owned());
        if let Some(name) = node.outputs.first() {
            self.values.insert(name.clone(), value);
        }
        Ok(())
    }
}
