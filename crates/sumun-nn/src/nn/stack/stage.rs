//! A stack in a model.

use std::any::Any;
use std::sync::Arc;

use sumun_kernels::{Path, Precision};

use super::arrangement::{Arrangement, Output};
use super::cache::StackCache;
use super::calls::Stack;
use super::cells::Cells;
use crate::layer::{
    BackwardCall, Building, Call, InputGradients, Kept, Layer, LayerOutput, Planning, Signal, Stage,
    Stepping, Value, only, only_wanted,
};
use crate::noise::Noise;
use crate::{Error, Layout, Result, Rows};

/// The most layers of one stack in a model: each has noise of its own.
const MOST_STACKED: usize = 100;

/// Refuses what no layer of a model that is a stack may be.
pub(in crate::nn) fn expect_stack(at: &Planning<'_>, stack: &Arrangement, go_backwards: bool) -> Result<()> {
    if stack.layers > MOST_STACKED {
        return Err(at.error(format!("layers is {}; it is at most {MOST_STACKED}", stack.layers)));
    }
    if stack.dropout != 0.0 && stack.layers == 1 {
        return Err(at.error(
            "dropout is between its layers, of which it has one; use input_dropout or a dropout layer",
        ));
    }
    if go_backwards && stack.bidirectional {
        return Err(at.error(
            "go_backwards turns one direction round; a bidirectional layer already reads both ways, leave it out",
        ));
    }
    Ok(())
}

/// States the layer's state and returns its output.
pub(in crate::nn) fn plan_stack(at: &mut Planning<'_>, stack: &Arrangement) -> Result<Signal> {
    at.state(stack.state_shape())?;
    let features = stack.output_features();
    Ok(match stack.output {
        Output::Sequence => Signal::Steps(features),
        Output::Last => Signal::Once(features),
    })
}

/// What tables call a stack of that cell.
pub(in crate::nn) fn title(cell: &str, layers: usize, bidirectional: bool) -> String {
    let both = if bidirectional { "Bidirectional " } else { "" };
    let layers = if layers > 1 { format!(" × {layers}") } else { String::new() };
    format!("{both}{cell}{layers}")
}

/// A stack in a model, which reads the time axis forwards or backwards.
#[derive(Debug)]
pub(in crate::nn) struct StackStage<C> {
    name: String,
    stack: Stack<C>,
    go_backwards: bool,
}

/// What its backward pass needs: the stack's cache, and the shape of the output.
type StageCache<T> = (StackCache<T>, (usize, Arc<Layout>));

impl<C: Cells> StackStage<C> {
    /// The stack as the layer that is being built.
    pub(in crate::nn) fn new(at: &Building<'_>, stack: Result<Stack<C>>, go_backwards: bool) -> Result<Self> {
        Ok(Self { name: at.name.to_owned(), stack: stack.map_err(|error| at.error(error))?, go_backwards })
    }

    fn read(&self, inputs: Vec<Value>) -> Result<Rows> {
        let x = only(inputs)?.rows()?;
        if self.go_backwards { x.turned() } else { Ok(x) }
    }

    /// An error with the layer's name.
    fn named(&self, error: Error) -> Error {
        Error::Invalid(format!("{}: {error}", self.name))
    }
}

impl<C: Cells + 'static> Stage for StackStage<C> {
    fn forward(&self, call: Call<'_>, inputs: Vec<Value>) -> Result<LayerOutput> {
        let x = self.read(inputs)?;
        let (rows, state) = self
            .stack
            .forward_with_state(call.parameters, x, call.initial)
            .map_err(|error| self.named(error))?;
        Ok(LayerOutput { rows, state: Some(state) })
    }

    fn forward_train(&self, call: Call<'_>, inputs: Vec<Value>, noise: Noise) -> Result<(LayerOutput, Kept)> {
        let x = self.read(inputs)?;
        let (rows, state, cache) = self
            .stack
            .forward_train_with_state(call.parameters, x, call.initial, noise)
            .map_err(|error| self.named(error))?;
        let kept: StageCache<C::Tape> = (cache, (rows.features, rows.layout.clone()));
        Ok((LayerOutput { rows, state: Some(state) }, Kept::new(kept)))
    }

    fn backward(&self, kept: Kept, call: BackwardCall<'_>) -> Result<InputGradients> {
        let (cache, (features, layout)) = kept.into::<StageCache<C::Tape>>()?;
        let d_out = match call.d_out {
            Some(d_out) => d_out,
            // Only the last state is used.
            None => Rows::new(vec![0.0; layout.rows() * features], features, layout)?,
        };
        let (wanted, d_state) = (only_wanted(call.wanted), call.d_state.as_ref());
        let (d, initial) = self
            .stack
            .backward_with_state(call.parameters, cache, d_out, d_state, wanted)
            .map_err(|error| self.named(error))?;
        let d = if self.go_backwards { d.map(|d| d.turned()).transpose()? } else { d };
        Ok(InputGradients { inputs: vec![d], initial: Some(initial) })
    }

    fn stepping(&self) -> Stepping {
        let never = |why: &str| {
            Stepping::Never(format!("{why}, which has not come yet; use one direction, forwards"))
        };
        if self.go_backwards {
            return never("begins at the last step");
        }
        match self.stack.cells.arrangement().bidirectional {
            true => never("has a second direction that begins at the last step"),
            false => Stepping::Forward,
        }
    }

    fn path(&self) -> Option<Path> {
        self.stack.path()
    }

    fn set_path(&mut self, path: Path) -> Result<()> {
        self.stack.set_path(path)
    }

    fn set_precision(&mut self, precision: Precision) -> Result<()> {
        self.stack.set_precision(precision)
    }

    fn layer(&self) -> &dyn Any {
        &self.stack
    }

    fn layer_mut(&mut self) -> &mut dyn Any {
        &mut self.stack
    }
}
