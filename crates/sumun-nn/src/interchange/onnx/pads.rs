//! Steps added at the ends of sequences, and left out there.

use super::axes::Role;
use super::graph::Reader;
use super::node::At;
use super::value::{Array, Axis, Content, Time, Value};
use crate::Result;
use crate::nn::{CropLayer, PadLayer, PadMode};

impl Reader<'_> {
    /// The node `Pad`: numbers before and after the steps.
    pub(super) fn pad(&mut self, at: At<'_>) -> Result<Value> {
        let value = self.input(at, 0)?;
        let Value::Array(array) = value else {
            return Err(at.error("it pads a constant; fold it before the export"));
        };
        let rank = array.axes.len();
        let named: Vec<usize> = match at.has(3) {
            true => {
                let axes = self.whole_numbers(at, 3)?;
                axes.iter().map(|&axis| at.axis(axis, rank)).collect::<Result<_>>()?
            }
            false => (0..rank).collect(),
        };
        let pads = match at.ints("pads")? {
            Some(pads) => pads.to_vec(),
            None => self.whole_numbers(at, 1)?,
        };
        if pads.len() != 2 * named.len() {
            return Err(at.error(format!("{} pads of {} axes", pads.len(), named.len())));
        }
        let (before, after) = pads.split_at(named.len());
        let mut padded = named.iter().zip(before.iter().zip(after)).filter(|(_, pads)| *pads != (&0, &0));
        let Some((&place, (&before, &after))) = padded.next() else { return Ok(Value::Array(array)) };
        if padded.next().is_some() {
            return Err(at.error("it pads several axes; a layer here pads that of the steps"));
        }
        let mode = match at.text("mode")?.unwrap_or("constant") {
            "constant" => PadMode::Constant,
            "edge" => PadMode::Edge,
            "reflect" => PadMode::Reflect,
            other => {
                return Err(
                    at.error(format!("its mode is {}; no layer here has it", crate::error::quoted(other)))
                );
            }
        };
        let number = match at.float("value")? {
            Some(number) => number,
            None if at.has(2) && mode == PadMode::Constant => {
                self.numbers(at, 2)?.0.first().copied().unwrap_or(0.0)
            }
            None => 0.0,
        };
        let mut array = array;
        // Numbers below 0 leave steps out.
        let out = |pad: i64| usize::try_from(-pad.min(0)).unwrap_or(usize::MAX);
        if before < 0 || after < 0 {
            array = self.cropped(at, array, place, [out(before), out(after)])?;
        }
        let pads = [before, after].map(|pad| usize::try_from(pad.max(0)).unwrap_or(usize::MAX));
        if pads == [0, 0] {
            return Ok(Value::Array(array));
        }
        let layer = PadLayer::new(pads[0], pads[1]).mode(mode).value(number);
        let change = |length: usize| length.checked_add(pads[0])?.checked_add(pads[1]);
        let (array, from) = self.time_alone(at, array, place, change)?;
        let layer = self.add(at, layer, vec![from]);
        Ok(Value::Array(Array { content: Content::Rows { layer, time: Time::Steps }, ..array }))
    }

    /// The array without so many steps at the beginning and at the end.
    pub(super) fn cropped(
        &mut self,
        at: At<'_>,
        array: Array,
        place: usize,
        [before, after]: [usize; 2],
    ) -> Result<Array> {
        let change = |length: usize| length.checked_sub(before)?.checked_sub(after);
        let (array, from) = self.time_alone(at, array, place, change)?;
        let layer = self.add(at, CropLayer::new(before, after), vec![from]);
        Ok(Array { content: Content::Rows { layer, time: Time::Steps }, ..array })
    }

    /// The array with steps of its own at the axis, whose length `change` says, and the layer that it reads.
    pub(super) fn time_alone(
        &mut self,
        at: At<'_>,
        array: Array,
        place: usize,
        change: impl Fn(usize) -> Option<usize>,
    ) -> Result<(Array, String)> {
        let mut array = self.rows(at, array)?;
        let Axis::Open(id) = array.axes[place] else {
            return Err(at.error("it adds or leaves out numbers of another axis than that of the steps"));
        };
        at.named(self.axes.set_role(id, Role::Time))?;
        let length = match self.axes.length(id) {
            None => None,
            Some(length) => {
                Some(change(length).ok_or_else(|| at.error(format!("it leaves none of {length} steps")))?)
            }
        };
        let from = self.steps(at, &mut array)?;
        self.mixes_steps.get_or_insert_with(|| at.described());
        array.axes[place] = Axis::Open(self.axes.add(Some(Role::Time), length));
        Ok((array, from))
    }
}
