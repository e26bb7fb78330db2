//! A layer's configuration.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Building, Common, Planning, Signal, Stage};
use crate::Result;

/// A layer's configuration: what TOML and files say of it, and how a model plans and builds it.
///
/// The fields that it reads and writes are its own; `kind`, `name`, `from`, `trainable`, `learning_rate` and `noise` are the
/// model's business and live in [`Common`], which it holds and serde skips. Unknown fields should be errors
/// (`#[serde(deny_unknown_fields)]`).
pub trait LayerSpec:
    Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// What TOML and files call it; several where one configuration serves several kinds.
    const KINDS: &'static [&'static str];

    /// Other names of its kinds, which are read but never written.
    const ALIASES: &'static [&'static str] = &[];

    /// The settings that all layers share.
    fn common(&self) -> &Common;

    /// The settings that all layers share, to be changed.
    fn common_mut(&mut self) -> &mut Common;

    /// Which of its kinds it is.
    fn kind(&self) -> &'static str {
        Self::KINDS[0]
    }

    /// Takes on one of its kinds, after its fields were read.
    fn set_kind(&mut self, kind: &str) -> Result<()> {
        let _ = kind;
        Ok(())
    }

    /// What it is called where it has no name, before numbers are added.
    fn default_name(&self) -> &'static str {
        self.kind()
    }

    /// What tables call it, such as `Bidirectional LSTM`.
    fn title(&self) -> String;

    /// As PyTorch prints it: what precedes the bracket, and what is in it. `input` is the first thing it reads.
    fn print(&self, input: Signal) -> (String, Vec<String>);

    /// The layer whose last state is its first, by name.
    fn initial(&self) -> Option<&str> {
        None
    }

    /// The id at whose steps there are no steps, for this layer and all that follow (Keras' `mask_zero`).
    fn masked_id(&self) -> Option<u32> {
        None
    }

    /// What to do where this layer, called `name`, gives one row a sequence and another needs its steps.
    fn to_keep_steps(&self, name: &str) -> String {
        format!("leave out {name}")
    }

    /// What it returns, given what it reads; its weights and state are stated to `at`. Whatever makes no sense is an error
    /// that names the layer.
    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal>;

    /// The built layer, its weights added as they were planned.
    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>>;
}
