//! JSON lines: an object a line, read without keeping more than is wanted.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::choose::{Choice, Holds, choose, chosen_note};
use super::kinds::kind;
use super::label_columns;
use super::lines::line_end;
use super::lists;
use super::numbers::{NumberList, number_list};
use super::open::counted;
use super::record::{Beside, Fields, Found, Input, Record, RecordSpec, XLayout, whole};
use super::record::{no_such, several};
use crate::data::quoted;
use crate::{Error, Result};

/// The longest line: a recording of four million numbers is shorter.
const MOST_LINE_BYTES: usize = 1 << 26;

/// How the value of a key is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// A text, number or boolean; of lists and objects only that they are there.
    Scalar,
    /// A list of numbers.
    Numbers,
    /// A list of texts.
    Words,
    Nothing,
}

/// The value of a key, as far as it was wanted.
#[derive(Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// As short as it can be written.
    Number(String),
    Text(String),
    Numbers(NumberList),
    /// Texts, numbers and booleans as text; None for anything else.
    Words(Vec<Option<String>>),
    List,
    Object,
    Unwanted,
}

impl Value {
    /// What it is, with its article.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Numbers(_) | Self::Words(_) | Self::List => "a list",
            Self::Object => "an object",
            Self::Unwanted => "something else",
        }
    }
}

/// A line's object: keys in the order of the line, all different.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) line: usize,
    pub(super) keys: Vec<String>,
    pub(super) values: Vec<Value>,
}

impl Object {
    /// The value of a key as it is written, nothing where there is none.
    fn written(&self, key: &str) -> String {
        match self.keys.iter().position(|other| other == key).map(|index| &self.values[index]) {
            Some(Value::Text(text) | Value::Number(text)) => text.clone(),
            Some(Value::Bool(value)) => value.to_string(),
            _ => String::new(),
        }
    }

    /// Takes the value of a key out. Error: no such key.
    pub(super) fn take(&mut self, file: &str, key: &str) -> Result<Value> {
        match self.keys.iter().position(|other| other == key) {
            Some(index) => Ok(std::mem::replace(&mut self.values[index], Value::Unwanted)),
            None => {
                let problem = no_such(file, &format!("line {}", self.line), key, &self.keys);
                Err(Error::Data(format!("{problem}; give it one, or leave the line out")))
            }
        }
    }
}

/// Whether a file whose name does not say so holds JSON.
pub(super) fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// The objects of all lines that are not blank.
pub(super) fn objects<'a>(
    file: &'a str,
    text: &'a str,
    want: impl Fn(&str) -> Want + Copy + 'a,
) -> impl Iterator<Item = Result<Object>> + 'a {
    let lines = (1..).zip(text.split(line_end(text))).filter(|(_, line)| !line.trim().is_empty());
    lines.map(move |(number, line)| object(file, number, line, want))
}

/// The first object, to choose its fields from; None in a file of blank lines.
pub(super) fn first(file: &str, text: &str) -> Result<Option<Object>> {
    objects(file, text, |_| Want::Scalar).next().transpose()
}

/// As many objects say what the fields hold.
const LOOKED_AT: usize = 100;

/// Records from an object a line.
pub(super) fn read(file: &str, text: &str, spec: &RecordSpec<'_>) -> Result<Found> {
    let Some(look) = first(file, text)? else {
        return Err(Error::Data(format!("{file}: the file is empty; it needs records")));
    };
    let kinds = kinds(file, text, &look)?;
    let place = format!("line {}", look.line);
    let columns: Option<Vec<String>> = label_columns::places(file, &place, &look.keys, spec)?
        .map(|places| places.into_iter().map(|place| look.keys[place].clone()).collect());
    let choosing = match columns {
        // There is no key of that name.
        Some(_) => RecordSpec { require_label: false, ..*spec },
        None => *spec,
    };
    let Choice { fields, numbers } = choose(file, &place, &look.keys, |index| kinds[index], &choosing)?;
    let is_column = |key: &str| columns.iter().flatten().any(|column| column == key);
    let want = |key: &str| match key {
        _ if key == fields.input && numbers => Want::Numbers,
        _ if Some(key) == fields.label.as_deref() && spec.lists.is_some() && !spec.to_predict => Want::Words,
        _ if is_column(key) => Want::Scalar,
        _ if key == fields.input || Some(key) == fields.label.as_deref() || spec.to_predict => Want::Scalar,
        _ => Want::Nothing,
    };
    let scalar = |index: &usize| !matches!(look.values[*index], Value::List | Value::Object);
    let names = match spec.to_predict {
        true => (0..look.keys.len()).filter(scalar).map(|index| look.keys[index].clone()).collect(),
        false => Vec::new(),
    };
    let mut beside = Beside { names, rows: Vec::new() };
    let mut all: Vec<(usize, Read, Option<String>)> = Vec::new();
    for object in objects(file, text, want) {
        let mut object = object?;
        if spec.to_predict {
            beside.rows.push(beside.names.iter().map(|name| object.written(name)).collect());
        }
        let line = object.line;
        let set = columns.as_ref().map(|columns| set_of(file, &mut object, columns)).transpose()?;
        let (input, label) = record(file, object, &fields, numbers, set, spec)?;
        all.push((line, input, label));
    }
    let shapes = all.iter().filter_map(|(_, read, _)| match read {
        Read::Numbers(list) => list.shape(),
        Read::Text(_) => None,
    });
    let (x_layout, note) = layout(file, &fields.input, shapes.collect(), spec.x_layout);
    let record = |(line, read, label): (usize, Read, Option<String>)| {
        let input = match read {
            Read::Text(text) => Input::Text(text),
            Read::Numbers(list) => list
                .sequence(&fields.input, x_layout)
                .map_err(|error| error.of(format!("{file}: line {line}")))?,
        };
        Ok(Record { line, input, label, labels: Vec::new() })
    };
    let records = all.into_iter().map(record).collect::<Result<_>>()?;
    let holds =
        look.keys.iter().position(|key| *key == fields.input).map_or(Holds::Other, |index| kinds[index]);
    let notes = chosen_note(file, &fields, holds, spec).into_iter().chain(note).collect();
    let label_columns = columns.is_some();
    Ok(Found { x_layout, beside, label_columns, notes, ..Found::of(fields, records) })
}

/// The labels of a record, as [`lists::cut`] reads them, by keys that hold whether it has each.
fn set_of(file: &str, object: &mut Object, columns: &[String]) -> Result<String> {
    let at = format!("{file}: line {}", object.line);
    let mut labels = Vec::new();
    for column in columns {
        let (has, what) = match object.take(file, column)? {
            Value::Bool(has) => (Some(has), String::new()),
            Value::Number(text) | Value::Text(text) => (label_columns::has(&text), quoted(&text)),
            value => (None, value.kind().to_owned()),
        };
        if has.ok_or_else(|| label_columns::neither(&at, column, &what))? {
            labels.push(column);
        }
    }
    Ok(lists::written(&labels))
}

/// What the fields of the first object hold, by all of the first objects.
fn kinds(file: &str, text: &str, look: &Object) -> Result<Vec<Holds>> {
    let several: Vec<Object> = objects(file, text, |_| Want::Scalar).take(LOOKED_AT).flatten().collect();
    let kind_of = |(key, value): (&String, &Value)| match value {
        Value::List => Holds::List,
        Value::Text(_) => {
            let texts: Vec<String> = several.iter().map(|object| object.written(key)).collect();
            kind(texts.iter().map(|text| text.trim()))
        }
        _ => Holds::Other,
    };
    Ok(look.keys.iter().zip(&look.values).map(kind_of).collect())
}

/// How all lists of a file are arranged, by their shapes, and what to say of it.
fn layout(
    file: &str,
    field: &str,
    shapes: Vec<[usize; 2]>,
    named: Option<XLayout>,
) -> (XLayout, Option<String>) {
    let Some(&[outer, inner]) = shapes.first() else { return (named.unwrap_or_default(), None) };
    let (same_outer, same_inner) =
        (shapes.iter().all(|shape| shape[0] == outer), shapes.iter().all(|shape| shape[1] == inner));
    let layout = named.unwrap_or(match (same_outer, same_inner) {
        // Sequences may be of unequal length; the channels are the same in all.
        (false, true) => XLayout::TimeChannel,
        _ => XLayout::ChannelTime,
    });
    if named.is_some() {
        return (layout, None);
    }
    let steps = |place: usize| {
        let (least, most) = shapes
            .iter()
            .fold((usize::MAX, 0), |(least, most), shape| (least.min(shape[place]), most.max(shape[place])));
        if least == most { counted(least, "step") } else { format!("{least} to {most} steps") }
    };
    let (channels, steps, lists) = match layout {
        XLayout::ChannelTime => (outer, steps(1), "channels, each over time"),
        XLayout::TimeChannel => (inner, steps(0), "steps, each of channels"),
    };
    let mut note = format!("{file}: {field} is a list of {lists}: {}, {steps}", counted(channels, "channel"));
    if layout == XLayout::ChannelTime && same_inner && outer > inner {
        note += &format!(
            "; more channels than steps are rare: if the lists are steps of {}, set x_layout to time-channel",
            counted(inner, "channel")
        );
    }
    (layout, Some(note))
}

/// What was read of a record.
enum Read {
    Text(String),
    Numbers(NumberList),
}

fn record(
    file: &str,
    mut object: Object,
    fields: &Fields,
    numbers: bool,
    set: Option<String>,
    spec: &RecordSpec<'_>,
) -> Result<(Read, Option<String>)> {
    let line = object.line;
    let bad = |message: String| Error::Data(format!("{file}: line {line}: {message}"));
    let field = &fields.input;
    let nothing = spec.to_predict && !numbers && !object.keys.contains(field);
    let input = match if nothing { Value::Null } else { object.take(file, field)? } {
        Value::Numbers(list) => Read::Numbers(list),
        value if numbers => {
            return Err(bad(format!("{field} is {}; it must be a list of numbers", value.kind())));
        }
        Value::Null if spec.to_predict => Read::Text(String::new()),
        Value::Text(text) if text.trim().is_empty() && !spec.to_predict => {
            return Err(bad(format!("{field} is an empty text; leave such records out")));
        }
        Value::Text(text) => Read::Text(text.trim().to_owned()),
        value => return Err(bad(format!("{field} is {}; it must be a text", value.kind()))),
    };
    let label = match &fields.label {
        Some(_) if spec.lists.is_some() && spec.to_predict => None,
        _ if set.is_some() => set,
        Some(field) if spec.lists.is_some() => list_of(object.take(file, field)?)
            .map_err(|what| bad(format!("{field} holds {what}; labels are texts, numbers or booleans")))?,
        Some(label) if spec.require_label || object.keys.contains(label) => {
            match object.take(file, label)? {
                Value::Null => None,
                Value::Bool(value) => Some(value.to_string()),
                Value::Number(text) | Value::Text(text) => Some(whole(text.trim()).to_owned()),
                value => {
                    let problem =
                        bad(format!("{label} is {}; a label is a text, a number or a boolean", value.kind()));
                    let lists = spec.require_label && value == Value::List;
                    return Err(if lists { problem.advise(several()) } else { problem });
                }
            }
        }
        _ => None,
    };
    let label = label.filter(|label| !label.is_empty());
    match &fields.label {
        Some(name) if spec.require_label && spec.lists.is_none() && label.is_none() => {
            Err(bad(format!("{name} is empty; give the record a label or leave it out")))
        }
        _ => Ok((input, label)),
    }
}

/// The labels of a record, as [`lists::cut`] reads them; a text is one of them. Error: what is none.
fn list_of(value: Value) -> Result<Option<String>, &'static str> {
    let all = match value {
        Value::Null => return Ok(None),
        Value::Bool(value) => vec![Some(value.to_string())],
        Value::Number(text) | Value::Text(text) => vec![Some(text)],
        Value::Words(all) => all,
        value => return Err(value.kind()),
    };
    let all: Option<Vec<String>> = all.into_iter().collect();
    all.map(|all| Some(lists::written(&all))).ok_or("something else in its list")
}

fn object(file: &str, number: usize, line: &str, want: impl Fn(&str) -> Want) -> Result<Object> {
    let bad = |message: &str| Err(Error::Data(format!("{file}: line {number} {message}")));
    if line.len() > MOST_LINE_BYTES {
        return bad("is longer than 64 MiB, which is no record; write an object a line");
    }
    match line.trim_start().chars().next() {
        Some('{') => {}
        Some('[') => {
            return bad("begins a list; write an object a line (`jq -c '.[]'` turns a list into such lines)");
        }
        _ => {
            return bad(
                "is no JSON object; every line must be one, such as {\"text\": \"…\", \"label\": \"…\"}",
            );
        }
    }
    let mut parser = serde_json::Deserializer::from_str(line);
    let (keys, values) = Wanted(want)
        .deserialize(&mut parser)
        .and_then(|object| parser.end().map(|()| object))
        .map_err(|error| Error::Data(syntax(file, number, line, &error)))?;
    let mut seen = HashSet::with_capacity(keys.len());
    match keys.iter().find(|key| !seen.insert(*key)) {
        Some(twice) => bad(&format!("names {} twice; leave one of them out", quoted(twice))),
        None => Ok(Object { line: number, keys, values }),
    }
}

/// What is wrong with a line that is no JSON, and where.
fn syntax(file: &str, number: usize, line: &str, error: &serde_json::Error) -> String {
    let line = line.trim_end();
    let at = if error.is_eof() { line.len() } else { error.column().saturating_sub(1) };
    let at = line.floor_char_boundary(at);
    let column = line[..at].chars().count() + 1;
    let place = format!("{file}: line {number}, column {column}");
    // Python writes them, but JSON knows no such numbers.
    let near = &line[line.floor_char_boundary(at.saturating_sub(2))..];
    for word in ["NaN", "Infinity"] {
        if near.find(word).is_some_and(|start| start <= 2) {
            return format!(
                "{place}: {word} is no number in JSON; every value must be a finite number (fill the gap or leave the \
                 record out)"
            );
        }
    }
    let message = error.to_string();
    let what = message.split(" at line ").next().unwrap_or_default();
    let advice = match what {
        _ if error.is_eof() => "; every line must be a whole object",
        "number out of range" => {
            "; every value must be a finite number (fill the gap or leave the record out)"
        }
        _ => "",
    };
    format!("{place}: this is no JSON: {what}{advice}")
}

/// Reads an object's keys and values.
struct Wanted<F>(F);

impl<'de, F: Fn(&str) -> Want> DeserializeSeed<'de> for Wanted<F> {
    type Value = (Vec<String>, Vec<Value>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: Fn(&str) -> Want> Visitor<'de> for Wanted<F> {
    type Value = (Vec<String>, Vec<Value>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        while let Some(key) = map.next_key::<String>()? {
            values.push(map.next_value_seed(One((self.0)(&key)))?);
            keys.push(key);
        }
        Ok((keys, values))
    }
}

/// Reads one value.
struct One(Want);

impl<'de> DeserializeSeed<'de> for One {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.0 {
            Want::Nothing => IgnoredAny::deserialize(deserializer).map(|_| Value::Unwanted),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for One {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        let number = if number == 0.0 { 0.0 } else { number };
        let text = serde_json::Number::from_f64(number).map_or_else(String::new, |number| number.to_string());
        Ok(Value::Number(whole(&text).to_owned()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        match self.0 {
            Want::Numbers => number_list(list).map(Value::Numbers),
            Want::Words => {
                let mut words = Vec::new();
                while let Some(word) = list.next_element_seed(Self(Want::Scalar))? {
                    words.push(match word {
                        Value::Text(text) | Value::Number(text) => Some(text),
                        Value::Bool(value) => Some(value.to_string()),
                        _ => None,
                    });
                }
                Ok(Value::Words(words))
            }
            Want::Scalar | Want::Nothing => {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Value::List)
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object)
    }
}
