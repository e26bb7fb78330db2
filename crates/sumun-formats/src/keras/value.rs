//! What a layer is set to.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::json::Names;

/// A setting, as JSON has it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// True or false.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Number(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// Settings by name.
    Object(Settings),
}

impl Value {
    /// Its text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Its number, if it is one, whole or not.
    pub fn as_number(&self) -> Option<f64> {
        match *self {
            Self::Integer(value) => Some(value as f64),
            Self::Number(value) => Some(value),
            _ => None,
        }
    }

    /// The size that it is: a whole number from 0.
    pub fn as_size(&self) -> Option<usize> {
        match *self {
            Self::Integer(value) => usize::try_from(value).ok(),
            _ => None,
        }
    }

    /// Its values, if it is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(values) => Some(values),
            _ => None,
        }
    }

    /// Its settings, if it is an object.
    pub fn as_object(&self) -> Option<&Settings> {
        match self {
            Self::Object(settings) => Some(settings),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    /// As messages show it: JSON, shortened.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Flag(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Text(text) => f.write_str(&crate::error::quoted(text)),
            Self::List(values) => {
                f.write_str("[")?;
                for (k, value) in values.iter().take(8).enumerate() {
                    write!(f, "{}{value}", if k > 0 { ", " } else { "" })?;
                }
                f.write_str(if values.len() > 8 { ", …]" } else { "]" })
            }
            Self::Object(settings) => match settings.get("class_name").and_then(Value::as_text) {
                Some(class) => f.write_str(&crate::error::quoted(class)),
                None => f.write_str("{…}"),
            },
        }
    }
}

macro_rules! from {
    ($($of:ty => $to:ident),* $(,)?) => {
        $(impl From<$of> for Value {
            fn from(value: $of) -> Self {
                Self::$to(value.into())
            }
        })*
    };
}

from!(bool => Flag, i64 => Integer, i32 => Integer, f64 => Number, &str => Text, String => Text, Vec<Value> => List, Settings => Object);

impl From<usize> for Value {
    /// A size; of those that are above all that JSON's readers take, the largest that they do.
    fn from(size: usize) -> Self {
        Self::Integer(i64::try_from(size).unwrap_or(i64::MAX))
    }
}

/// Settings by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings(BTreeMap<String, Value>);

impl Settings {
    /// What a setting is; None where the file does not have it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Sets one.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.into(), value.into());
    }

    /// All, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl<const N: usize> From<[(&str, Value); N]> for Settings {
    fn from(settings: [(&str, Value); N]) -> Self {
        Self(settings.map(|(name, value)| (name.to_owned(), value)).into())
    }
}

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Flag(value) => value.serialize(serializer),
            Self::Integer(value) => value.serialize(serializer),
            Self::Number(value) => value.serialize(serializer),
            Self::Text(text) => text.serialize(serializer),
            Self::List(values) => values.serialize(serializer),
            Self::Object(settings) => settings.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;
        impl<'de> Visitor<'de> for ValueVisitor {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a setting")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(Value::Flag(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Integer(value))
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
                match i64::try_from(value) {
                    Ok(value) => Ok(Value::Integer(value)),
                    // Identities of shared objects and seeds, which nothing asks for.
                    Err(_) => Ok(Value::Number(value as f64)),
                }
            }

            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(Value::Number(value))
            }

            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(Value::List(values))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut names = Names::default();
                let mut settings = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    names.add::<A::Error>(&name)?;
                    if settings.insert(name, map.next_value()?).is_some() {
                        return Err(A::Error::custom("two settings of one name"));
                    }
                }
                Ok(Value::Object(Settings(settings)))
            }
        }
        deserializer.deserialize_any(ValueVisitor)
    }
}
