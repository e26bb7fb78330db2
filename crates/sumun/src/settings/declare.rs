//! Settings as the fields of a struct: key, type, default and help stand once, in one line.

use std::path::PathBuf;

use super::choices::{
    Cell, ClassWeights, DifferenceChoice, Level, Normalize, OutputChoice, Pooling, PrecisionChoice, Switch,
};
use super::kind::Kind;
use super::row::Setting;
use crate::data::{Combine, DateOrder, Mark, Missing, ScaleKind};
use crate::nn::Score;
use crate::records::XLayout;
use crate::text::PieceKind;
use crate::train::LearningRate;

/// The type of a setting.
pub(crate) trait Typed {
    /// What it takes, unless the setting says it.
    const KIND: Kind;

    /// Whether the setting is left open, so that no file names it.
    fn is_open(&self) -> bool {
        false
    }
}

/// Whether a setting is left open, as serde asks.
pub(crate) fn is_open<T: Typed>(value: &T) -> bool {
    value.is_open()
}

impl<T: Typed> Typed for Option<T> {
    const KIND: Kind = T::KIND;

    fn is_open(&self) -> bool {
        self.is_none()
    }
}

macro_rules! typed {
    ($($type:ty: $kind:expr,)+) => {
        $(impl Typed for $type {
            const KIND: Kind = $kind;
        })+
    };
}

typed! {
    bool: Kind::Switch,
    usize: Kind::Count,
    u64: Kind::Seed,
    f64: Kind::Real,
    String: Kind::Text,
    PathBuf: Kind::Text,
    Vec<String>: Kind::Columns,
    Cell: Kind::Choice(Cell::KINDS),
    ClassWeights: Kind::Choice(ClassWeights::NAMES),
    DateOrder: Kind::Choice(DateOrder::NAMES),
    DifferenceChoice: Kind::Choice(DifferenceChoice::NAMES),
    LearningRate: Kind::Choice(LearningRate::NAMES),
    Level: Kind::Choice(Level::NAMES),
    Mark: Kind::Choice(Mark::THOUSANDS_NAMES),
    Combine: Kind::Choice(Combine::NAMES),
    Missing: Kind::Choice(Missing::NAMES),
    Normalize: Kind::Choice(Normalize::NAMES),
    OutputChoice: Kind::Choice(OutputChoice::NAMES),
    PieceKind: Kind::Choice(PieceKind::NAMES),
    Pooling: Kind::Choice(Pooling::NAMES),
    PrecisionChoice: Kind::Choice(PrecisionChoice::NAMES),
    ScaleKind: Kind::Choice(ScaleKind::NAMES),
    Score: Kind::Choice(&["dot", "general", "additive"]),
    Switch: Kind::Choice(Switch::NAMES),
    XLayout: Kind::Choice(&["channel-time", "time-channel"]),
}

/// The row of a name. A name that no row has does not compile.
pub(crate) const fn row_named(rows: &[Setting], name: &str) -> Setting {
    let mut at = 0;
    while at < rows.len() {
        if same(rows[at].name, name) {
            return rows[at];
        }
        at += 1;
    }
    panic!("there is no such row")
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// A field's name without the mark of one that is a word of the language: `static` of `r#static`.
pub(crate) const fn plain(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

/// Declares a struct of settings, its defaults and its rows:
///
/// ```ignore
/// settings! {
///     /// What the network is made of.
///     pub struct Network {
///         network.hidden: usize = 100, "Hidden units of each layer and direction";
///         train.optimizer: String = "adam".into(), "What takes the steps", Kind::Choice(&["sgd", "adam"]);
///         train.lr: f64 = 0.01, as TrainOptions;
///     }
/// }
/// ```
///
/// A line is a key, a type, a default and a help text without a full stop; the type says what the setting takes, unless a
/// [`Kind`] stands last. `as` takes help, kind and range from the row of the same name of another such struct. `=> "1..9"` at
/// the end says what a search over settings tries, a [`Range`](super::Range). `..name: Type;` before the lines takes in all
/// settings of another such struct.
macro_rules! settings {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident {
            $(..$part:ident: $part_type:ident;)?
            $(
                $section:ident.$field:ident: $type:ty = $default:expr
                    $(, as $shared:ident)? $(, $help:literal $(, $kind:expr)?)? $(=> $range:literal)?;
            )*
        }
    ) => {
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        $(#[$attribute])*
        #[allow(rustdoc::invalid_html_tags, reason = "help texts write <UNK> as people see it")]
        $visibility struct $name {
            $(
                #[doc = concat!("The settings of [`", stringify!($part_type), "`].")]
                #[serde(flatten)]
                pub $part: $part_type,
            )?
            $(
                $(#[doc = concat!("As that of [`", stringify!($shared), "`].")])?
                $(#[doc = concat!($help, ".")])?
                #[serde(skip_serializing_if = "crate::settings::is_open")]
                pub $field: $type,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($part: <$part_type>::default(),)?
                    $($field: $default,)*
                }
            }
        }

        impl $name {
            /// The rows of its own fields, in the order in which they are shown.
            pub(crate) const ROWS: &'static [$crate::settings::Setting] = &[
                $(
                    settings!(@row $section $field $type; $($shared)?; $($help)?; $($($kind)?)?)
                        $(.trying($range))?,
                )*
            ];

            /// All rows, in the order in which they are shown.
            #[allow(dead_code, reason = "some structs are read by their rows alone")]
            pub(crate) fn rows() -> Vec<$crate::settings::Setting> {
                #[allow(unused_mut, reason = "only a struct that takes in another one adds to it")]
                let mut rows: Vec<$crate::settings::Setting> = Vec::new();
                $(rows.extend(<$part_type>::rows());)?
                rows.extend_from_slice(Self::ROWS);
                rows
            }
        }
    };
    (@row $section:ident $field:ident $type:ty; $shared:ident; ;) => {
        $crate::settings::row_named($shared::ROWS, stringify!($field))
    };
    (@row $section:ident $field:ident $type:ty; ; $help:literal;) => {
        settings!(@row $section $field $type; ; $help; <$type as $crate::settings::Typed>::KIND)
    };
    (@row $section:ident $field:ident $type:ty; ; $help:literal; $kind:expr) => {
        $crate::settings::Setting {
            section: stringify!($section),
            name: $crate::settings::plain(stringify!($field)),
            kind: $kind,
            help: $help,
            range: "",
        }
    };
}
pub(crate) use settings;
