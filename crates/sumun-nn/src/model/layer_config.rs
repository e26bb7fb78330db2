//! The configuration of a layer of any kind.

use std::any::Any;
use std::fmt::Debug;

use serde::{Deserialize, Serialize, Serializer};

use crate::Result;
use crate::layer::{Building, Common, LayerSpec, Planning, Signal, Stage, standard};

/// The configuration of a layer, whatever its kind: [`get`](Self::get) has it as its own type.
///
/// In TOML, `kind` says which kind it is, `name`, `from`, `trainable`, `learning_rate` and `noise` are the same for all, and
/// the kind's own options are beside them. An option that the kind does not have is an error.
#[derive(Debug)]
pub struct LayerConfig(Box<dyn AnySpec>);

/// A [`LayerSpec`] of any type.
trait AnySpec: Any + Debug + Send + Sync {
    fn boxed(&self) -> Box<dyn AnySpec>;
    fn equals(&self, other: &dyn AnySpec) -> bool;
    fn fields(&self) -> &dyn erased_serde::Serialize;
    fn common(&self) -> &Common;
    fn common_mut(&mut self) -> &mut Common;
    fn kind(&self) -> &'static str;
    fn default_name(&self) -> &'static str;
    fn title(&self) -> String;
    fn print(&self, input: Signal) -> (String, Vec<String>);
    fn initial(&self) -> Option<&str>;
    fn masked_id(&self) -> Option<u32>;
    fn to_keep_steps(&self, name: &str) -> String;
    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal>;
    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>>;
}

impl<S: LayerSpec> AnySpec for S {
    fn boxed(&self) -> Box<dyn AnySpec> {
        Box::new(self.clone())
    }
    fn equals(&self, other: &dyn AnySpec) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref::<S>().is_some_and(|other| other == self)
    }
    fn fields(&self) -> &dyn erased_serde::Serialize {
        self
    }
    fn common(&self) -> &Common {
        LayerSpec::common(self)
    }
    fn common_mut(&mut self) -> &mut Common {
        LayerSpec::common_mut(self)
    }
    fn kind(&self) -> &'static str {
        LayerSpec::kind(self)
    }
    fn default_name(&self) -> &'static str {
        LayerSpec::default_name(self)
    }
    fn title(&self) -> String {
        LayerSpec::title(self)
    }
    fn print(&self, input: Signal) -> (String, Vec<String>) {
        LayerSpec::print(self, input)
    }
    fn initial(&self) -> Option<&str> {
        LayerSpec::initial(self)
    }
    fn masked_id(&self) -> Option<u32> {
        LayerSpec::masked_id(self)
    }
    fn to_keep_steps(&self, name: &str) -> String {
        LayerSpec::to_keep_steps(self, name)
    }
    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        LayerSpec::plan(self, at)
    }
    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        LayerSpec::build(self, at)
    }
}

impl<S: LayerSpec> From<S> for LayerConfig {
    fn from(spec: S) -> Self {
        Self(Box::new(spec))
    }
}

impl Clone for LayerConfig {
    fn clone(&self) -> Self {
        Self(self.0.boxed())
    }
}

impl PartialEq for LayerConfig {
    fn eq(&self, other: &Self) -> bool {
        self.0.equals(&*other.0)
    }
}

impl LayerConfig {
    /// The configuration as its own type; None where it is of another kind.
    pub fn get<S: LayerSpec>(&self) -> Option<&S> {
        let spec: &dyn Any = &*self.0;
        spec.downcast_ref()
    }

    /// As [`get`](Self::get), to be changed.
    pub fn get_mut<S: LayerSpec>(&mut self) -> Option<&mut S> {
        let spec: &mut dyn Any = &mut *self.0;
        spec.downcast_mut()
    }

    /// What TOML and files call it, such as `lstm`.
    pub fn kind(&self) -> &'static str {
        self.0.kind()
    }

    /// Its name, what it reads, and how training treats its weights.
    pub fn common(&self) -> &Common {
        self.0.common()
    }

    /// As [`common`](Self::common), to be changed.
    pub fn common_mut(&mut self) -> &mut Common {
        self.0.common_mut()
    }

    /// The name it was given.
    pub fn name(&self) -> Option<&str> {
        self.common().name.as_deref()
    }

    /// What tables call it, such as `Bidirectional LSTM`.
    pub fn title(&self) -> String {
        self.0.title()
    }

    pub(super) fn default_name(&self) -> &'static str {
        self.0.default_name()
    }
    pub(super) fn print(&self, input: Signal) -> (String, Vec<String>) {
        self.0.print(input)
    }
    pub(super) fn initial(&self) -> Option<&str> {
        self.0.initial()
    }
    pub(super) fn masked_id(&self) -> Option<u32> {
        self.0.masked_id()
    }
    pub(super) fn to_keep_steps(&self, name: &str) -> String {
        self.0.to_keep_steps(name)
    }
    pub(super) fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        self.0.plan(at)
    }
    pub(super) fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        self.0.build(at)
    }
}

/// One name or a list of them, as TOML may write what a layer reads.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    pub(super) fn of(names: &[String]) -> Option<Self> {
        match names {
            [] => None,
            [name] => Some(Self::One(name.clone())),
            names => Some(Self::More(names.to_vec())),
        }
    }

    pub(super) fn into_names(self) -> Vec<String> {
        match self {
            Self::One(name) => vec![name],
            Self::More(names) => names,
        }
    }
}

impl Serialize for LayerConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            kind: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            name: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            from: Option<OneOrMore>,
            #[serde(flatten)]
            fields: &'a dyn erased_serde::Serialize,
            #[serde(skip_serializing_if = "standard::is_true")]
            trainable: bool,
            #[serde(skip_serializing_if = "is_one")]
            learning_rate: f64,
            #[serde(skip_serializing_if = "Option::is_none")]
            noise: Option<u32>,
        }
        let Common { name, from, trainable, learning_rate, noise } = self.common();
        Written {
            kind: self.kind(),
            name: name.as_deref(),
            from: OneOrMore::of(from),
            fields: self.0.fields(),
            trainable: *trainable,
            learning_rate: *learning_rate,
            noise: *noise,
        }
        .serialize(serializer)
    }
}

fn is_one(value: &f64) -> bool {
    *value == 1.0
}
