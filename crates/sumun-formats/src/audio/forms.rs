//! Entries that programs write in more than one way.

use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// A size, or the last of a list of sizes, where `null` is any.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LastSize(pub(super) Option<usize>);

impl<'de> Deserialize<'de> for LastSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SizeVisitor;
        impl<'de> Visitor<'de> for SizeVisitor {
            type Value = LastSize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size or a list of sizes")
            }

            fn visit_u64<E>(self, value: u64) -> Result<LastSize, E> {
                Ok(LastSize(usize::try_from(value).ok()))
            }

            fn visit_unit<E>(self) -> Result<LastSize, E> {
                Ok(LastSize(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<LastSize, A::Error> {
                let mut last = None;
                while let Some(size) = list.next_element::<Option<usize>>()? {
                    last = size;
                }
                Ok(LastSize(last))
            }
        }
        deserializer.deserialize_any(SizeVisitor)
    }
}

/// A number, or a text of one; None where the text is another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number(pub(super) Option<f64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;
        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_u64<E>(self, value: u64) -> Result<Number, E> {
                Ok(Number(Some(value as f64)))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
                Ok(Number(Some(value as f64)))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
                Ok(Number(Some(value)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Number, E> {
                Ok(Number(text.trim().parse().ok().filter(|value: &f64| value.is_finite())))
            }
        }
        deserializer.deserialize_any(NumberVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_numbers_in_every_form() {
        let size = |text: &str| serde_json::from_str::<LastSize>(text).map(|size| size.0).ok();
        assert_eq!(size("3"), Some(Some(3)));
        assert_eq!(size("[null, 100, 8]"), Some(Some(8)));
        assert_eq!(size("[8, null]"), Some(None));
        assert_eq!(size("[]"), Some(None));
        assert_eq!(size("[-1]"), None);
        assert_eq!(size("\"3\""), None);
        let number = |text: &str| serde_json::from_str::<Number>(text).map(|number| number.0).ok();
        assert_eq!(number("\"48000\""), Some(Some(48000.0)));
        assert_eq!(number("44100.5"), Some(Some(44100.5)));
        assert_eq!(number("\"fast\""), Some(None));
        assert_eq!(number("[1]"), None);
    }
}
