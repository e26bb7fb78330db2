//! What each task of sequences brings to a training.

use std::fmt;

use super::figures::Measured;
use super::shown::{Sample, Shown};
use super::source::Source;
use crate::Result;
use crate::model::ModelFile;
use crate::train::Objective;

/// A task that is being learnt.
pub(crate) trait Lesson: fmt::Debug + Send {
    fn objective(&self) -> &dyn Objective;
    fn objective_mut(&mut self) -> &mut dyn Objective;
    /// How many examples, of the training part.
    fn examples(&self) -> usize;
    fn sources(&self) -> &[Source];
    /// What was noticed, a sentence each.
    fn notes(&self) -> &[String];
    /// The model as it is now.
    fn to_file(&self) -> Result<ModelFile>;
    /// Model and baseline on the held out parts.
    fn measure(&self) -> Result<Vec<Measured>>;
    /// What was asked in the last held out part, and the truth, in the order of its predictions; for the report.
    fn shown(&self) -> Result<Vec<Shown>> {
        Ok(Vec::new())
    }
    /// Texts that the model writes, for the report; none but of a language model.
    fn samples(&self) -> Result<Vec<Sample>> {
        Ok(Vec::new())
    }
}
