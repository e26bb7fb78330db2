//! A layer's place in a model, worked out before anything is allocated.

use super::Signal;
use crate::state::StateShape;
use crate::train::Regularizer;
use crate::{Error, Result};

/// The most that a size may be, so that products of two never overflow.
const MOST: usize = u32::MAX as usize;

pub use crate::parameters::MOST_PARAMETERS;

/// Something that a layer reads.
#[derive(Debug, Clone)]
pub struct Read<'a> {
    /// The name of the layer; `the input` of a model with one input.
    pub name: &'a str,
    /// What it passes on.
    pub signal: Signal,
    /// Of one row a sequence that steps became: which layer gave them up, and how to keep them.
    pub(crate) gave_up_steps: Option<&'a (String, Signal, String)>,
}

/// A weight of a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedWeight {
    /// The full name, `{layer}.{weight}`.
    pub name: String,
    /// Its shape, row-major.
    pub shape: Vec<usize>,
    /// What is added to the loss for its values.
    pub penalty: Option<Regularizer>,
    /// Whether it is a running statistic, which no optimizer changes.
    pub statistic: bool,
    /// Whether its rows are rounded to whole numbers of 8 bits where the model has those.
    pub rounds: bool,
}

/// What a weight is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    /// A matrix of a product, or a table.
    Product,
    Statistic,
}

/// How many parameters there are so far, and how many weights there may still be.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) used: usize,
    pub(crate) weights: usize,
}

/// What a layer reads, and where it says what its weights are. All of it is checked before any of it is allocated.
#[derive(Debug)]
pub struct Planning<'a> {
    pub(crate) name: &'a str,
    pub(crate) reads: &'a [Read<'a>],
    /// The state of the layer that hands over its last state, where the layer asked for one.
    pub(crate) initial: Option<StateShape>,
    pub(crate) budget: &'a mut Budget,
    pub(crate) weights: Vec<PlannedWeight>,
    pub(crate) parameters: usize,
    pub(crate) state: Option<StateShape>,
}

impl Planning<'_> {
    /// The layer's name, which messages begin with.
    pub fn name(&self) -> &str {
        self.name
    }

    /// All that it reads, in order, at least one.
    pub fn reads(&self) -> &[Read<'_>] {
        self.reads
    }

    /// The one thing that it reads. More are an error.
    pub fn read(&self) -> Result<&Read<'_>> {
        match self.reads {
            [read] => Ok(read),
            reads => Err(Error::Invalid(format!(
                "{} reads {} layers; it takes one, merge them before it",
                self.name,
                reads.len()
            ))),
        }
    }

    /// V of the ids that come in; rows are an error.
    pub fn ids(&self) -> Result<usize> {
        let read = self.read()?;
        match read.signal {
            Signal::Ids(vocabulary) => Ok(vocabulary),
            signal => Err(Error::Invalid(format!(
                "{} needs ids [N, T], but {} gives {signal}; make it the first layer on an input of ids",
                self.name, read.name,
            ))),
        }
    }

    /// F of the rows that come in, of every step or of each sequence; ids are an error.
    pub fn rows(&self) -> Result<usize> {
        self.rows_of(self.read()?)
    }

    /// F of the rows that come from one of several.
    pub fn rows_of(&self, read: &Read<'_>) -> Result<usize> {
        read.signal.features().ok_or_else(|| {
            Error::Invalid(format!(
                "{} needs numbers [N, T, F], but {} gives {}; put an embedding between them",
                self.name, read.name, read.signal
            ))
        })
    }

    /// F of the steps that come in; one row for the whole sequence is an error.
    pub fn steps(&self) -> Result<usize> {
        self.steps_of(self.read()?)
    }

    /// F of the steps that come from one of several.
    pub fn steps_of(&self, read: &Read<'_>) -> Result<usize> {
        let features = self.rows_of(read)?;
        match (read.signal, read.gave_up_steps) {
            (Signal::Once(_), Some((name, output, advice))) => Err(Error::Invalid(format!(
                "{} needs a sequence [N, T, {features}], but {name} returns one row a sequence, {output}; {advice}",
                self.name
            ))),
            (Signal::Once(_), None) => Err(Error::Invalid(format!(
                "{} needs a sequence [N, T, {features}], but {} has one row a sequence, {}; let it read another input",
                self.name, read.name, read.signal
            ))),
            _ => Ok(features),
        }
    }

    /// Refuses another number of features than the layer expects.
    pub fn expect(&self, told: Option<usize>, features: usize) -> Result<()> {
        match told {
            Some(told) if told != features => {
                let read = self.read()?;
                Err(Error::Shape {
                    what: self.name.into(),
                    expected: format!("an input of {}", read.signal.with(told)),
                    found: format!("{} from {}", read.signal, read.name),
                })
            }
            _ => Ok(()),
        }
    }

    /// Refuses a size of 0 and one whose products would overflow.
    pub fn size(&self, what: &str, size: usize) -> Result<usize> {
        checked_size(self.name, what, size)
    }

    /// Refuses settings of a penalty that make no sense; `what` is the penalty's name in the configuration.
    pub fn check_penalty(&self, what: &str, penalty: Option<Regularizer>) -> Result<()> {
        match penalty {
            Some(penalty) => penalty.check(&format!("{what} of {}", self.name)),
            None => Ok(()),
        }
    }

    /// Says that the layer has a weight `{layer}.{name}`; building the layer adds the weights in the same order. More
    /// parameters than any memory holds are an error.
    pub fn weight(&mut self, name: &str, shape: &[usize], penalty: Option<Regularizer>) -> Result<()> {
        self.add(name, shape, penalty, Kind::Plain)
    }

    /// As [`weight`](Self::weight), of a matrix whose rows are multiplied with others or looked up: in a model of 8-bit weights
    /// each row is whole numbers with a scale ([`Model::quantized`](crate::model::Model::quantized)).
    pub fn product(&mut self, name: &str, shape: &[usize], penalty: Option<Regularizer>) -> Result<()> {
        self.add(name, shape, penalty, Kind::Product)
    }

    /// As [`weight`](Self::weight), of a running statistic ([`Parameters::set_statistic`](crate::Parameters::set_statistic)):
    /// it is saved with the weights, but no optimizer changes it.
    pub fn statistic(&mut self, name: &str, shape: &[usize]) -> Result<()> {
        self.add(name, shape, None, Kind::Statistic)
    }

    fn add(&mut self, name: &str, shape: &[usize], penalty: Option<Regularizer>, kind: Kind) -> Result<()> {
        self.parameters += self.budget.take(self.name, shape)?;
        let name = format!("{}.{name}", self.name);
        let (statistic, rounds) = (kind == Kind::Statistic, kind == Kind::Product);
        self.weights.push(PlannedWeight { name, shape: shape.to_vec(), penalty, statistic, rounds });
        Ok(())
    }

    /// Says that the layer has a state, which goes in and out of the model by the layer's name. Where it takes its first
    /// state from another layer, both must have the same sizes.
    pub fn state(&mut self, shape: StateShape) -> Result<()> {
        if let Some(initial) = self.initial.filter(|&initial| initial != shape) {
            let said = |s: StateShape| {
                let cell = if s.cell > 0 { format!(" and c {}", s.cell) } else { String::new() };
                format!("{} states of h {}{cell}", s.count, s.hidden)
            };
            return Err(Error::Shape {
                what: format!("the initial state of {}", self.name),
                expected: said(shape),
                found: said(initial),
            });
        }
        self.state = Some(shape);
        Ok(())
    }

    /// An error that begins with the layer's name.
    pub fn error(&self, what: impl std::fmt::Display) -> Error {
        Error::Invalid(format!("{}: {what}", self.name))
    }
}

pub(crate) fn checked_size(of: &str, what: &str, size: usize) -> Result<usize> {
    if (1..=MOST).contains(&size) {
        return Ok(size);
    }
    Err(Error::Invalid(format!("{of}: {what} is {size}; it must be at least 1 and at most {MOST}")))
}

impl Budget {
    /// Counts a weight in.
    fn take(&mut self, layer: &str, shape: &[usize]) -> Result<usize> {
        self.weights = self.weights.checked_sub(1).ok_or_else(|| {
            Error::Invalid(format!("{layer}: the model has more weights than there are tensors for"))
        })?;
        let count = shape.iter().try_fold(1_usize, |count, &dim| count.checked_mul(dim));
        match count.and_then(|count| Some((count, self.used.checked_add(count)?))) {
            Some((count, used)) if used <= MOST_PARAMETERS => {
                self.used = used;
                Ok(count)
            }
            _ => Err(Error::Invalid(format!(
                "{layer}: with its weight of shape {shape:?} the model has more than {MOST_PARAMETERS} parameters; \
                 make it smaller"
            ))),
        }
    }
}
