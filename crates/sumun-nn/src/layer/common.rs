//! What every layer's configuration has: its name, what it reads, and how training treats its weights.

/// The settings that all layers share.
#[derive(Debug, Clone, PartialEq)]
pub struct Common {
    /// Its name in the parameters, in tables and for others to read; one from its kind, such as `lstm_1`, where it is None.
    pub name: Option<String>,
    /// The names of the inputs and layers that it reads, in order; the layer before it where there are none.
    pub from: Vec<String>,
    /// Whether training changes its weights.
    pub trainable: bool,
    /// How many times the learning rate its weights take.
    pub learning_rate: f64,
    /// The number of its random masks, 1 to 63 and that of no other layer; one from its place in the model where it is
    /// None. With a number of its own its masks stay the same whatever layers come before it.
    pub noise: Option<u32>,
}

impl Default for Common {
    fn default() -> Self {
        Self { name: None, from: Vec::new(), trainable: true, learning_rate: 1.0, noise: None }
    }
}

/// One name or several.
pub trait Names {
    /// The names in order.
    fn names(self) -> Vec<String>;
}

impl Names for &str {
    fn names(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl<const N: usize> Names for [&str; N] {
    fn names(self) -> Vec<String> {
        self.map(str::to_owned).to_vec()
    }
}

impl Names for Vec<String> {
    fn names(self) -> Vec<String> {
        self
    }
}

/// What stands in for a setting that a file leaves out, and is left out of a file in turn.
pub(crate) mod standard {
    pub(crate) fn yes() -> bool {
        true
    }
    pub(crate) fn is_true(value: &bool) -> bool {
        *value
    }
    pub(crate) fn one_layer() -> usize {
        1
    }
    pub(crate) fn is_one_layer(value: &usize) -> bool {
        *value == 1
    }
    pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
        *value == T::default()
    }
}

/// A layer's configuration: its fields, those that all layers share, and a setter for each option.
macro_rules! layer {
    (
        $(#[$about:meta])*
        $layer:ident
        { $($(#[$doc:meta])* [$($setter:ident)?] $field:ident: $type:ty,)* }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $layer {
            /// Its name, what it reads, and how training treats its weights.
            #[serde(skip)]
            pub common: $crate::layer::Common,
            $($(#[$doc])* pub $field: $type,)*
        }

        impl $layer {
            /// Its name in the parameters, in tables and for others to read.
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.common.name = Some(name.into());
                self
            }

            /// Has it read these inputs and layers, by name, instead of the layer before it.
            pub fn from(mut self, names: impl $crate::layer::Names) -> Self {
                self.common.from = names.names();
                self
            }

            /// Whether training changes its weights.
            pub fn trainable(mut self, trainable: bool) -> Self {
                self.common.trainable = trainable;
                self
            }

            /// How many times the learning rate its weights take.
            pub fn learning_rate(mut self, factor: f64) -> Self {
                self.common.learning_rate = factor;
                self
            }

            /// The number of its random masks, 1 to 63, instead of one from its place in the model.
            pub fn noise(mut self, number: u32) -> Self {
                self.common.noise = Some(number);
                self
            }

            $($(
                #[doc = concat!("Sets [`", stringify!($setter), "`](Self#structfield.", stringify!($field), ").")]
                pub fn $setter(mut self, value: impl Into<$type>) -> Self {
                    self.$field = value.into();
                    self
                }
            )?)*
        }
    };
}

pub(crate) use layer;
