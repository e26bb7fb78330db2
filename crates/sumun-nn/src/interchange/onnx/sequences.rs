//! Sequences of arrays, as exporters write them for parts that a program takes by number: an array that is cut along an axis, or
//! arrays put one after the other. None of their nodes becomes a layer.

use std::rc::Rc;

use super::found::{Pieces, Sequence};
use super::graph::Reader;
use super::node::At;
use super::parts::Part;
use super::value::Value;
use crate::Result;
use crate::error::quoted;

impl Reader<'_> {
    /// The nodes `SplitToSequence` and `SequenceConstruct`.
    pub(super) fn sequence(&mut self, at: At<'_>) -> Result<()> {
        let sequence = match at.0.operator.as_str() {
            "SequenceConstruct" => {
                let values = (0..at.0.inputs.len()).map(|index| self.input(at, index));
                Sequence::Made(values.collect::<Result<_>>()?)
            }
            _ => {
                let pieces = match at.has(1) {
                    true => {
                        let lengths = self.input(at, 1)?.as_sizes();
                        let lengths =
                            lengths.ok_or_else(|| at.error("it splits at places that are not known"))?;
                        let numbers: Option<Vec<i64>> =
                            lengths.0.iter().map(|length| length.stated(&self.axes)).collect();
                        let numbers = numbers.filter(|numbers| numbers.iter().all(|&number| number > 0));
                        match (numbers, lengths.1) {
                            (Some(numbers), true) if numbers.len() == 1 => Pieces::Equal(numbers[0]),
                            (Some(numbers), false) => Pieces::Lengths(numbers),
                            _ => return Err(at.error("it splits at places that are not known")),
                        }
                    }
                    false if at.int_or("keepdims", 1)? == 0 => Pieces::Places,
                    false => Pieces::Equal(1),
                };
                Sequence::Cut { value: self.input(at, 0)?, axis: at.int_or("axis", 0)?, pieces }
            }
        };
        let name = at.0.outputs.first().map_or("", String::as_str);
        if self.values.contains_key(name)
            || self.sequences.insert(name.to_owned(), Rc::new(sequence)).is_some()
        {
            return Err(at.error(format!("it gives {}, which is there already", quoted(name))));
        }
        Ok(())
    }

    fn sequence_read(&self, at: At<'_>) -> Result<Rc<Sequence>> {
        let name = at.0.inputs.first().map_or("", String::as_str);
        let sequence = self.sequences.get(name).cloned();
        sequence
            .ok_or_else(|| at.error(format!("it reads {}, which is no sequence that is known", quoted(name))))
    }

    /// One array of a sequence.
    pub(super) fn of_sequence(&mut self, at: At<'_>) -> Result<Value> {
        let sequence = self.sequence_read(at)?;
        let &[index] = self.whole_numbers(at, 1)?.as_slice() else {
            return Err(at.error("it takes other than one array of a sequence"));
        };
        let place = |count: usize| at.axis(index, count);
        match &*sequence {
            Sequence::Made(values) => Ok(values[place(values.len())?].clone()),
            Sequence::Cut { value, axis, pieces: Pieces::Places } => {
                self.part(at, value.clone(), *axis, Part::Indices(vec![index]), false)
            }
            Sequence::Cut { value, axis, pieces } => {
                let (start, end) = match pieces {
                    Pieces::Lengths(lengths) => {
                        let place = place(lengths.len())?;
                        let sum = |lengths: &[i64]| {
                            lengths.iter().fold(0_i64, |sum, &length| sum.saturating_add(length))
                        };
                        (sum(&lengths[..place]), sum(&lengths[..=place]))
                    }
                    Pieces::Equal(length) => {
                        let place = match index {
                            0.. => index,
                            _ => {
                                let whole = self.length_along(at, value, *axis)?;
                                let count = (whole / *length).saturating_add(i64::from(whole % *length != 0));
                                place(usize::try_from(count).unwrap_or(0))? as i64
                            }
                        };
                        (place.saturating_mul(*length), place.saturating_add(1).saturating_mul(*length))
                    }
                    Pieces::Places => (index, index.saturating_add(1)),
                };
                self.part(at, value.clone(), *axis, Part::Range { start, end: end.into(), step: 1 }, true)
            }
        }
    }

    /// All arrays of a sequence, one after the other on an axis.
    pub(super) fn joined_sequence(&mut self, at: At<'_>) -> Result<Value> {
        let is_new = at.int_or("new_axis", 0)? != 0;
        let Some(to) = at.int("axis")? else { return Err(at.error("it has no axis")) };
        match &*self.sequence_read(at)? {
            Sequence::Made(values) if !is_new => {
                self.spend(at, values.len())?;
                self.concat_values(at, values.clone(), to)
            }
            // What was cut is whole again.
            Sequence::Cut { value, axis, pieces }
                if *axis == to && is_new == matches!(pieces, Pieces::Places) =>
            {
                Ok(value.clone())
            }
            _ => Err(at.error("it puts arrays on an axis that they do not have, which no layer here does")),
        }
    }
}
