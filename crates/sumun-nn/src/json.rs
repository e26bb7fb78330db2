//! JSON from outside as a [`Value`] that takes no more memory than its text explains.
//!
//! A text of 7 bytes, `{"":0}` and a comma, becomes an object of 700. What a value will take is counted while it is read, and
//! reading ends where that goes beyond 64 MiB and 18 times the text. Nesting is bounded by `serde_json`, and of two
//! keys alike neither is believed.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Deserializer, Map, Number, Value};

use crate::error::quoted;

/// What any text may take, in bytes.
const SPARE: usize = 1 << 26;
/// What each byte of a text may take besides: more than texts of names and numbers need.
const EACH: usize = 18;

/// An element of an array, or a value alone.
const VALUE: usize = size_of::<Value>();
/// The least that the memory of a text takes.
const TEXT: usize = 32;
/// The first entry of an object: a node of a B-tree has room for 11.
const FIRST: usize = 11 * (size_of::<String>() + VALUE) + 16;
/// Every other, where nodes are half full.
const OTHER: usize = 2 * (size_of::<String>() + VALUE);

/// Reads a whole text. Errors: no JSON, a key twice in an object, and a value that takes too much memory.
pub fn read(text: &[u8]) -> serde_json::Result<Value> {
    let left = Cell::new(SPARE.saturating_add(EACH.saturating_mul(text.len())));
    let mut parser = Deserializer::from_slice(text);
    let value = Bounded(&left).deserialize(&mut parser)?;
    parser.end()?;
    Ok(value)
}

/// Reads a value as long as there is memory left for it.
#[derive(Clone, Copy)]
struct Bounded<'a>(&'a Cell<usize>);

impl Bounded<'_> {
    fn take<E: serde::de::Error>(self, bytes: usize) -> Result<(), E> {
        let left = self.0.get().checked_sub(bytes);
        self.0.set(left.ok_or_else(|| E::custom("it takes far more memory than its length explains"))?);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.take(value.len().max(TEXT))?;
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        self.take(TEXT)?;
        while let Some(value) = all.next_element_seed(self)? {
            self.take(VALUE)?;
            values.push(value);
        }
        values.shrink_to_fit();
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(key) = all.next_key::<String>()? {
            self.take(if values.is_empty() { FIRST } else { OTHER })?;
            self.take(if key.is_empty() { 0 } else { key.len().max(TEXT) })?;
            let value = all.next_value_seed(self)?;
            if values.contains_key(&key) {
                return Err(A::Error::custom(format!("two entries are named {}", quoted(&key))));
            }
            values.insert(key, value);
        }
        Ok(values.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_read_is_what_serde_json_reads() {
        for text in [
            "null",
            " [true, -7, 18446744073709551615, 0.1, 1e300, \"\", \"가\\u0000\"] ",
            r#"{"a": {"b": [], "c": {}}, "": [[0]]}"#,
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        }
        for wrong in ["", "[1", "{} {}", "1e999", "{\"a\":1,}", &"[".repeat(200)] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
        let error = read(br#"{"a": {"k": 1, "b": 2, "k": 1}}"#).unwrap_err().to_string();
        assert!(error.starts_with("two entries are named 'k'"), "{error}");
    }

    #[test]
    fn a_text_that_takes_far_more_memory_than_its_length_is_refused() {
        let many = |one: &str, count: usize| format!("[{}]", vec![one; count].join(","));
        let error = read(many(r#"{"":0}"#, 1_000_000).as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("it takes far more memory than its length explains"), "{error}");
        assert!(read(many("[[0]]", 4_000_000).as_bytes()).is_err());
        // What real files hold: vocabularies, numbers, counts by name.
        for one in ["\"token\"", "0.25", "0", "[0,1,2,3,4,5,6,7]", "null"] {
            read(many(one, 3_000_000).as_bytes()).unwrap_or_else(|error| panic!("{one}: {error}"));
        }
        let counts: Vec<String> = (0..1_000_000).map(|i| format!("\"{i}\":1")).collect();
        read(format!("{{{}}}", counts.join(",")).as_bytes()).unwrap();
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_serde_json_reads_it_or_refused(text in r#"([\[\]{}:,"ab0-9.e-]|true|null){0,40}"#) {
            if let Ok(value) = read(text.as_bytes()) {
                prop_assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap());
            }
        }
    }
}
