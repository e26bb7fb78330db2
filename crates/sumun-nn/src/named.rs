//! Choices by name: what options, files and messages call them.

use crate::Error;
use crate::message::key;

/// Implements the names of a setting's values, as people write them; `$key` is the setting's.
#[macro_export]
#[doc(hidden)]
macro_rules! named {
    ($type:ident, $key:literal, $($variant:ident = $name:literal),+) => {
        impl $type {
            /// Every value's name, as [`from_str`](str::parse) reads it.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::Error;

            fn from_str(name: &str) -> $crate::Result<Self> {
                match name {
                    $($name => Ok(Self::$variant),)+
                    _ => Err($crate::named::unknown($key, name, Self::NAMES)),
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

/// The error for a value of the setting `name` that is none of `names`.
pub fn unknown(name: &'static str, found: &str, names: &[&str]) -> Error {
    Error::setting(key(name), format!("{found:?}"), format!("one of {}", names.join(", ")))
}
