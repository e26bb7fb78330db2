//! Arrays in JSON: numbers in lists in lists, each as long as its neighbours.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeSeq, Serializer};

use crate::error::{Error, Result};
use crate::json::Entries;
use crate::tensor::{Data, ElementType, MOST_AXES, Tensor, Tensors};

/// An array as it stands in a file.
#[derive(Debug, Default)]
pub(super) struct Nested {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Nested {
    pub(super) fn tensor(self, format: &'static str) -> Result<Tensor> {
        Tensor::new(ElementType::F32, self.shape, Data::F32(self.values), format)
    }

    /// The numbers of a plain list. None: it has lists within.
    pub(super) fn list(self) -> Option<Vec<f32>> {
        (self.shape.len() == 1).then_some(self.values)
    }
}

impl<'de> Deserialize<'de> for Nested {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut values = Vec::new();
        let shape = Level { values: &mut values, depth: 0 }.deserialize(deserializer)?;
        Ok(Self { shape, values })
    }
}

/// A list or a number at some depth, whose numbers go into `values` and which gives its shape.
struct Level<'a> {
    values: &'a mut Vec<f32>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = Vec<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<usize>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = Vec<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers in lists")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<usize>, A::Error> {
        if self.depth == MOST_AXES {
            return Err(de::Error::custom(format!("lists are nested more than {MOST_AXES} deep")));
        }
        let (mut count, mut inner) = (0, None);
        while let Some(shape) =
            list.next_element_seed(Level { values: &mut *self.values, depth: self.depth + 1 })?
        {
            match &inner {
                None => inner = Some(shape),
                Some(first) if *first == shape => {}
                Some(first) => {
                    let what = format!("lists of the shapes {first:?} and {shape:?} stand side by side");
                    return Err(de::Error::custom(what));
                }
            }
            count += 1;
        }
        let mut shape = vec![count];
        shape.extend(inner.unwrap_or_default());
        Ok(shape)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Vec<usize>, E> {
        let narrow = value as f32;
        if !narrow.is_finite() {
            return Err(E::custom(format!("{value} is over the largest number of single precision")));
        }
        self.values.push(narrow);
        Ok(Vec::new())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Vec<usize>, E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Vec<usize>, E> {
        self.visit_f64(value as f64)
    }
}

/// An array to be written as numbers in lists.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lists<'a> {
    shape: &'a [usize],
    values: &'a [f32],
}

impl<'a> Lists<'a> {
    /// Error: elements that are not of single precision, or that are infinite or no numbers, which JSON does not have.
    pub(super) fn of(tensor: &'a Tensor, format: &'static str) -> Result<Self> {
        let Data::F32(values) = tensor.data() else {
            let what = format!("weights of {} are not written", tensor.data().element().name());
            return Err(Error::unsupported(format, what));
        };
        match values.iter().find(|value| !value.is_finite()) {
            Some(value) => {
                Err(Error::damaged(format, format!("a weight is {value}, which JSON does not have")))
            }
            None => Ok(Self { shape: tensor.shape(), values }),
        }
    }
}

impl Serialize for Lists<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some((&count, inner)) = self.shape.split_first() else {
            return self.values[0].serialize(serializer);
        };
        let mut list = serializer.serialize_seq(Some(count))?;
        let size: usize = inner.iter().product();
        for position in 0..count {
            let values = &self.values[position * size..(position + 1) * size];
            list.serialize_element(&Lists { shape: inner, values })?;
        }
        list.end()
    }
}

/// Arrays by name.
pub(super) fn tensors(entries: Entries<Nested>, format: &'static str) -> Result<Tensors> {
    let mut tensors = Tensors::new();
    for (name, nested) in entries.0 {
        let tensor = nested.tensor(format).map_err(|error| error.of_tensor(&name))?;
        tensors.insert(name, tensor, format)?;
    }
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_one_shape_or_are_errors() {
        let shape = |text: &str| serde_json::from_str::<Nested>(text).map(|nested| nested.shape);
        assert_eq!(shape("[[[1,2],[3,4],[5,6]]]").unwrap(), [1, 3, 2]);
        assert_eq!(shape("7").unwrap(), Vec::<usize>::new());
        assert_eq!(shape("[]").unwrap(), [0]);
        assert_eq!(shape("[[],[]]").unwrap(), [2, 0]);
        for text in ["[1,[2]]", "[[1],2]", "[[1],[]]", "[[],[1]]", "[\"a\"]", "[null]", "[1e39]", "{}", "[1"]
        {
            assert!(shape(text).is_err(), "{text}");
        }
        assert!(shape(&"[".repeat(17)).is_err());
    }
}
