//! Where a planned layer adds its weights to the parameters.

use rand_chacha::ChaCha8Rng;

use super::Signal;
use crate::nn::Initializer;
use crate::parameters::Id;
use crate::{Error, Parameters, Result};

/// What a layer is built from: what it reads, and the parameters that its weights go into.
#[derive(Debug)]
pub struct Building<'a> {
    /// The layer's name: the prefix of its weights.
    pub name: &'a str,
    /// What it reads, in order.
    pub reads: &'a [Signal],
    /// The model's parameters.
    pub parameters: &'a mut Parameters,
    /// The generator of first values.
    pub rng: &'a mut ChaCha8Rng,
    /// Whether weights are initialised; else they are loaded afterwards.
    pub(crate) drawn: bool,
}

impl Building<'_> {
    /// Features of the first thing that it reads; V of ids.
    pub fn input(&self) -> usize {
        match self.reads.first() {
            Some(&(Signal::Ids(size) | Signal::Steps(size) | Signal::Once(size))) => size,
            None => 0,
        }
    }

    /// The weight `{layer}.{weight}` with first values from `initializer`, or zeros where weights are to be loaded.
    pub fn add(&mut self, weight: &str, shape: &[usize], initializer: Initializer) -> Result<Id> {
        let name = format!("{}.{weight}", self.name);
        self.parameters.add_drawn(name, shape, || initializer.values(shape, self.rng))
    }

    /// What a configuration asks for, unless weights are to be loaded.
    pub fn if_drawn<T>(&self, asked: Option<T>) -> Option<T> {
        asked.filter(|_| self.drawn)
    }

    /// Initialises a weight again, where a configuration asks for it and weights are not to be loaded.
    pub fn draw(&mut self, id: Id, asked: Option<Initializer>) -> Result<()> {
        if let Some(initializer) = self.if_drawn(asked) {
            let shape = self.parameters.entry(id).shape.clone();
            let values = initializer.values(&shape, self.rng).map_err(|error| self.error(error))?;
            self.parameters.value_mut(id).copy_from_slice(&values);
        }
        Ok(())
    }

    /// An error that begins with the layer's name.
    pub fn error(&self, error: Error) -> Error {
        Error::Invalid(format!("{}: {error}", self.name))
    }
}
