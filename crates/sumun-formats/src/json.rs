//! JSON from outside: read straight into types, in bounded depth, no name twice, errors of one line.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};

use crate::error::{Error, Result, quoted};

/// Reads a whole document. Nesting is bounded at 128 by serde_json. Error: bytes that are not JSON of that type.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8], format: &'static str) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| Error::damaged(format, shortened(&error)))
}

/// What is wrong, on one line and not as long as the file that it may quote.
fn shortened(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.chars().count() <= 160 && !text.contains(char::is_control) {
        return text;
    }
    format!("no such JSON at line {} column {}", error.line(), error.column())
}

/// The entries of an object in their order, no name twice.
#[derive(Debug)]
pub(crate) struct Entries<T>(pub(crate) Vec<(String, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
                let mut names = Names::default();
                let mut entries = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    names.add(&name)?;
                    entries.push((name, map.next_value()?));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

/// The names that an object has had so far.
#[derive(Default)]
pub(crate) struct Names(HashSet<String>);

impl Names {
    /// Error: the object has had that name.
    pub(crate) fn add<E: de::Error>(&mut self, name: &str) -> Result<(), E> {
        match self.0.insert(name.into()) {
            true => Ok(()),
            false => Err(E::custom(format!("two entries are named {}", quoted(name)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_keep_their_order_and_have_no_name_twice() {
        let entries: Entries<u8> = parse(br#"{"b":1,"a":2}"#, "test").unwrap();
        assert_eq!(entries.0, [("b".into(), 1), ("a".into(), 2)]);
        let error = parse::<Entries<u8>>(br#"{"b":1,"b":2}"#, "test").unwrap_err().to_string();
        assert!(error.starts_with("damaged test: two entries are named 'b'"), "{error}");
    }

    #[test]
    fn errors_do_not_repeat_the_file() {
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(1000));
        let error = parse::<Entries<u8>>(long.as_bytes(), "test").unwrap_err().to_string();
        assert!(error.starts_with("damaged test: no such JSON at line 1 column "), "{error}");
    }
}
