//! Sequences within the steps of a sequence: frames that a convolution computes each alone, and that a recurrent node then
//! reads one after the other.
//!
//! Such a graph has one axis for both. Nodes before the recurrent one compute along it as if it were sequences, so a first
//! reading ends at that node; a second one, which knows of the input ([`Told`](super::graph::Told)), lays each of its steps out
//! as a sequence of its own and collects the rows where the recurrent node reads them.

use super::axes::{Id, Role};
use super::graph::{InputKind, Reader};
use super::node::At;
use super::value::{Array, Axis, Content, Time, Value};
use crate::layer::Common;
use crate::model::PoolLayer;
use crate::nn::{CollectLayer, DistributeLayer, Pool};
use crate::{Error, Result};

impl Reader<'_> {
    /// Whether an array is of sequences within steps.
    pub(super) fn is_within(&self, array: &Array) -> bool {
        matches!(&array.content, Content::Rows { layer, .. } if self.within.contains(layer))
    }

    /// Notes the input whose sequences a node reads as steps, for another reading.
    pub(super) fn suspect(&mut self, array: &Array, time: usize) {
        let Axis::Open(id) = array.axes[time] else { return };
        if self.axes.role(id) != Some(Role::Sequences) {
            return;
        }
        let id = self.axes.find(id);
        self.wants_distributed = self.inputs.iter().position(|input| match input.axes[..] {
            [Axis::Open(first), Axis::Open(second)] => {
                self.axes.find(first) == id && self.axes.length(second).is_some()
            }
            _ => false,
        });
    }

    /// Has the first axis of an input be steps, each of them a sequence of its own.
    pub(super) fn distribute(&mut self, index: usize) -> Result<()> {
        let misfit =
            || Error::Model("an input of frames needs two axes, of which the second is stated".into());
        let &[Axis::Open(outer), Axis::Open(inner)] = self.inputs[index].axes.as_slice() else {
            return Err(misfit());
        };
        let steps = self.axes.length(inner).ok_or_else(misfit)?;
        self.axes.set_role(outer, Role::Time).map_err(Error::Model)?;
        self.axes.set_role(inner, Role::Features).map_err(Error::Model)?;
        let own = self.axes.add(Some(Role::Time), Some(steps));
        let input = &mut self.inputs[index];
        input.kind = Some(InputKind::Numbers);
        input.has_steps = true;
        let (name, from) = (input.name.clone(), vec![input.model.clone()]);
        let layer = self.unique("distribute", "distribute");
        let mut config = DistributeLayer::new(steps);
        config.common = Common { name: Some(layer.clone()), from, ..Common::default() };
        self.layers.push(config.into());
        self.within.insert(layer.clone());
        let content = Content::Rows { layer, time: Time::Steps };
        let axes = vec![Axis::Open(outer), Axis::Open(own)];
        self.values.insert(name, Value::Array(Array { content, axes, factors: Vec::new() }));
        Ok(())
    }

    /// The rows of sequences within steps at those steps, the axis at `time`.
    pub(super) fn collected(&mut self, at: At<'_>, mut array: Array, time: usize) -> Result<Array> {
        let Some(index) = self.distributed.filter(|_| self.is_within(&array)) else { return Ok(array) };
        let Axis::Open(outer) = self.inputs[index].axes[0] else { return Ok(array) };
        let outer = self.axes.find(outer);
        let is_outer = |reader: &Self, id: Id| reader.axes.find(id) == outer;
        if !matches!(array.axes[time], Axis::Open(id) if is_outer(self, id)) {
            return Err(at.error("it is recurrent over sequences within steps; no model here is"));
        }
        for axis in &mut array.axes {
            if let Axis::Open(id) = *axis
                && self.axes.find(id) != outer
            {
                at.named(self.axes.expect_one(id))?;
                *axis = Axis::One;
            }
        }
        let mut from = self.source(at, &array)?;
        if Self::time_of(&array) == Time::Steps {
            from = self.add(at, PoolLayer::new(Pool::Last), vec![from]);
        }
        let steps = self.inputs[index].model.clone();
        let layer = self.add(at, CollectLayer::new(), vec![from, steps]);
        self.within.remove(&layer);
        array.content = Content::Rows { layer, time: Time::Steps };
        Ok(array)
    }

    /// Refuses what only the layers themselves would find wrong.
    pub(super) fn check_within(&self) -> Result<()> {
        for layer in &self.layers {
            let from = &layer.common().from;
            let inside = from.iter().filter(|from| self.within.contains(*from)).count();
            if inside > 0 && inside < from.len() && layer.get::<CollectLayer>().is_none() {
                return Err(Error::Model(
                    "the graph computes with sequences within steps and with those around them at once"
                        .into(),
                ));
            }
        }
        match self.recurrences.iter().find(|recurrence| self.within.contains(&recurrence.layer)) {
            Some(recurrence) => Err(Error::Model(format!(
                "{} is recurrent over sequences within steps; no model here is",
                recurrence.described
            ))),
            None => Ok(()),
        }
    }
}
