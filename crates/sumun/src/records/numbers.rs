//! Lists of numbers in JSON as the values of a sequence.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::open::counted;
use super::record::{Input, XLayout};
use crate::Error;
use crate::message::{key, text};

/// A JSON list of numbers, or of lists of numbers, as it was found.
#[derive(Debug, Default, PartialEq)]
pub(super) struct NumberList {
    /// All numbers in the order of the file.
    values: Vec<f32>,
    /// How many numbers each inner list holds.
    lists: Vec<usize>,
    /// How many numbers are in no inner list.
    flat: usize,
    /// The first thing that is no number: its place, such as `[2][5]`, and what it is.
    problem: Option<(String, String)>,
}

impl NumberList {
    /// Adds a number to the inner list that is not ended yet.
    pub(super) fn push(&mut self, value: f32) {
        self.values.push(value);
    }

    /// Ends an inner list.
    pub(super) fn end_inner(&mut self) {
        let before: usize = self.lists.iter().sum();
        self.lists.push(self.values.len() - before);
    }

    /// How many inner lists there are and how many numbers each holds; None of a flat list, and where they differ.
    pub(super) fn shape(&self) -> Option<[usize; 2]> {
        let (&first, rest) = self.lists.split_first()?;
        (self.flat == 0 && rest.iter().all(|&length| length == first)).then_some([self.lists.len(), first])
    }

    /// The sequence. The error says what is wrong with `field` and what to do, without file and line.
    pub(super) fn sequence(self, field: &str, layout: XLayout) -> Result<Input, Error> {
        let Self { values, lists, flat, problem } = self;
        if let Some((place, what)) = problem {
            return Err(Error::Data(format!(
                "{field}{place} {what}; every value must be a finite number (fill the gap or leave the record out)"
            )));
        }
        if values.is_empty() {
            return Err(Error::Data(format!("{field} holds no numbers; leave such records out")));
        }
        if lists.is_empty() {
            return Ok(Input::Numbers { steps: flat, channels: 1, values });
        }
        if flat > 0 {
            return Err(Error::Data(format!(
                "{field} mixes numbers and lists; give one list of numbers or a list of such lists"
            )));
        }
        if let Some(other) = lists.iter().position(|&length| length != lists[0]) {
            let (inner, others, other_layout) = match layout {
                XLayout::ChannelTime => ("channel", "steps", "time-channel"),
                XLayout::TimeChannel => ("step", "channels", "channel-time"),
            };
            let place = |index: usize| format!("{inner} {}", index + 1);
            return Err(Error::Data(format!(
                "{field} has {} in {} but {} in {}; every {inner} needs the same number",
                counted(lists[0], "value"),
                place(0),
                lists[other],
                place(other),
            ))
            .advise(
                text(format!("if the lists are {others}, train with ")) + key("x_layout").to(other_layout),
            ));
        }
        let (outer, inner) = (lists.len(), lists[0]);
        Ok(match layout {
            XLayout::TimeChannel => Input::Numbers { steps: outer, channels: inner, values },
            XLayout::ChannelTime => {
                let mut across = Vec::with_capacity(values.len());
                for t in 0..inner {
                    across.extend((0..outer).map(|channel| values[channel * inner + t]));
                }
                Input::Numbers { steps: inner, channels: outer, values: across }
            }
        })
    }
}

/// Takes in one element of the list, or of the inner list at `inner`.
struct Element<'a> {
    list: &'a mut NumberList,
    inner: bool,
    /// Its index, and before it that of the inner list.
    place: [usize; 2],
}

impl Element<'_> {
    fn problem(&mut self, what: impl Into<String>) {
        let [list, index] = self.place;
        let place = if self.inner { format!("[{list}][{index}]") } else { format!("[{index}]") };
        self.list.problem.get_or_insert_with(|| (place, what.into()));
    }

    fn number(&mut self, number: f64) {
        let value = number as f32;
        if !value.is_finite() {
            self.problem(format!("is {number:e}, too large for a 32-bit number"));
        }
        self.list.values.push(value);
        if !self.inner {
            self.list.flat += 1;
        }
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E>(mut self, number: f64) -> Result<(), E> {
        self.number(number);
        Ok(())
    }

    fn visit_u64<E>(mut self, number: u64) -> Result<(), E> {
        self.number(number as f64);
        Ok(())
    }

    fn visit_i64<E>(mut self, number: i64) -> Result<(), E> {
        self.number(number as f64);
        Ok(())
    }

    fn visit_bool<E>(mut self, value: bool) -> Result<(), E> {
        self.problem(format!("is {value}"));
        Ok(())
    }

    fn visit_unit<E>(mut self) -> Result<(), E> {
        self.problem("is null");
        Ok(())
    }

    fn visit_str<E>(mut self, text: &str) -> Result<(), E> {
        self.problem(format!("is the text {}", crate::data::quoted(text)));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.problem("is an object");
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut inner: A) -> Result<(), A::Error> {
        if self.inner {
            self.problem("is a list");
            while inner.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        let outer = self.place[1];
        let mut count = 0;
        while inner
            .next_element_seed(Element { list: &mut *self.list, inner: true, place: [outer, count] })?
            .is_some()
        {
            count += 1;
        }
        self.list.lists.push(count);
        Ok(())
    }
}

/// Reads the elements of a list.
pub(super) fn number_list<'de, A: SeqAccess<'de>>(mut elements: A) -> Result<NumberList, A::Error> {
    let mut list = NumberList::default();
    let mut count = 0;
    while elements.next_element_seed(Element { list: &mut list, inner: false, place: [0, count] })?.is_some()
    {
        count += 1;
    }
    Ok(list)
}
