//! Changes of JSON as a tree: it stays JSON.

use serde_json::{Map, Value};
use sumun_testing::Random;

use crate::lie;

/// Changes a few places; false where the bytes are no JSON.
pub(super) fn change(bytes: &mut Vec<u8>, random: &mut Random) -> bool {
    let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else { return false };
    let whole = value.clone();
    for _ in 0..lie::few(random) {
        once(&mut value, &whole, random);
    }
    *bytes = value.to_string().into_bytes();
    true
}

fn once(value: &mut Value, whole: &Value, random: &mut Random) {
    let choice = random.below(10);
    let at = descend(value, random);
    match choice {
        0..=3 => *at = scalar(random),
        4 => at.clone_from(some_part(whole, random)),
        5 => remove(at, random),
        6 => repeat(at, random),
        7 => add(at, some_part(whole, random).clone(), random),
        8 => {
            for _ in 0..1 + random.below(110) {
                *at = Value::Array(vec![at.take()]);
            }
        }
        _ => match at {
            Value::Number(number) => *at = Value::String(number.to_string()),
            Value::Array(list) => list.reverse(),
            other => *other = Value::Null,
        },
    }
}

/// A value somewhere inside, or the whole.
fn descend<'a>(value: &'a mut Value, random: &mut Random) -> &'a mut Value {
    let mut at = value;
    loop {
        let len = match &*at {
            Value::Object(map) => map.len(),
            Value::Array(list) => list.len(),
            _ => 0,
        };
        if len == 0 || lie::one_in(random, 6) {
            return at;
        }
        let place = random.below(len);
        at = match at {
            Value::Object(map) => map.values_mut().nth(place).expect("a place within"),
            Value::Array(list) => &mut list[place],
            _ => return at,
        };
    }
}

/// A value somewhere inside another.
fn some_part<'a>(whole: &'a Value, random: &mut Random) -> &'a Value {
    let mut at = whole;
    while !lie::one_in(random, 4) {
        at = match at {
            Value::Object(map) if !map.is_empty() => {
                map.values().nth(random.below(map.len())).expect("a place within")
            }
            Value::Array(list) if !list.is_empty() => &list[random.below(list.len())],
            _ => return at,
        };
    }
    at
}

fn scalar(random: &mut Random) -> Value {
    match random.below(5) {
        0 => lie::text(random).into(),
        1 => (lie::size(random) as u64).into(),
        2 => Value::Bool(lie::one_in(random, 2)),
        // As the text says it: more digits than a double has, or none at all.
        _ => serde_json::from_str(lie::number(random)).unwrap_or(Value::Null),
    }
}

fn remove(at: &mut Value, random: &mut Random) {
    match at {
        Value::Object(map) if !map.is_empty() => {
            let key = map.keys().nth(random.below(map.len())).expect("a place within").clone();
            map.remove(&key);
        }
        Value::Array(list) if !list.is_empty() => drop(list.remove(random.below(list.len()))),
        other => *other = Value::Object(Map::new()),
    }
}

fn repeat(at: &mut Value, random: &mut Random) {
    let times = 1 + random.below(60);
    match at {
        Value::Array(list) if !list.is_empty() => {
            let item = list[random.below(list.len())].clone();
            list.extend(std::iter::repeat_n(item, times));
        }
        Value::String(text) if text.len() < 1000 => *text = text.repeat(times),
        _ => {}
    }
}

fn add(at: &mut Value, new: Value, random: &mut Random) {
    match at {
        Value::Object(map) => {
            let known = map.keys().nth(random.below(map.len().max(1))).cloned().unwrap_or_default();
            let key =
                if lie::one_in(random, 2) { lie::text(random).to_owned() } else { known + lie::text(random) };
            map.insert(key, new);
        }
        Value::Array(list) => list.insert(random.below(list.len() + 1), new),
        other => *other = new,
    }
}
