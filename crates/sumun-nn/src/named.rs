//! Choices by name: what options, files and messages call them.

use crate::Error;

/// Implements the names of an option's values, as the command line and messages write them.
#[macro_export]
#[doc(hidden)]
macro_rules! named {
    ($type:ident, $option:literal, $($variant:ident = $name:literal),+) => {
        impl $type {
            /// Every value's name, as [`from_str`](str::parse) reads it.
            pub const NAMES: &'static [&'static str] = &[$($name),+];
        }

        impl std::str::FromStr for $type {
            type Err = $crate::Error;

            fn from_str(name: &str) -> $crate::Result<Self> {
                match name {
                    $($name => Ok(Self::$variant),)+
                    _ => Err($crate::named::unknown($option, name, Self::NAMES)),
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$variant => $name),+ })
            }
        }
    };
}

/// The error for a name that is none of `names`.
pub fn unknown(option: &str, found: &str, names: &[&str]) -> Error {
    Error::Invalid(format!("{option} '{found}': there is no such choice; there are {}", names.join(", ")))
}
