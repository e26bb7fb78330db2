//! A step of streams through all layers.

use std::sync::Arc;

use ndarray::{ArrayView2, ArrayView3};

use super::{Frame, Memory, Place, Shared, StepOutput};
use crate::layer::{Call, Signal, StateShape, StepWindow, Value};
use crate::model::batch::Batch;
use crate::model::plan::{PlannedLayer, Source};
use crate::state::RecurrentState;
use crate::{Error, Layout, Result, Rows};

/// What an input or a layer passes on in a step, and which streams have a row of it.
#[derive(Debug, Clone)]
struct Passed {
    value: Value,
    there: Arc<[bool]>,
}

/// What streams keep once all layers were computed: until then a step may still fail.
#[derive(Debug, Default)]
struct After {
    states: Vec<(usize, RecurrentState)>,
    /// Of the window of that place, the new row of each stream that has one.
    rows: Vec<(usize, Rows)>,
}

impl Shared {
    /// A step of streams, at least one, each with its frame.
    pub(super) fn step(&self, memories: &mut [&mut Memory], frames: &[Frame<'_>]) -> Result<Vec<StepOutput>> {
        let input = self.input(frames)?;
        let graph = &self.model.graph;
        let mut passed: Vec<Option<Passed>> = vec![None; graph.layers.len()];
        let mut after = After::default();
        for (index, place) in self.layers.iter().enumerate() {
            let planned = &graph.plan.layers[index];
            let inputs = planned
                .reads
                .iter()
                .map(|&source| read(&input, &passed, source))
                .collect::<Result<Vec<_>>>()?;
            let named = super::super::graph::named::<Error>(&planned.name);
            passed[index] = Some(match *place {
                Place::Forward { state } => self.forward(index, state, inputs, memories, &mut after)?,
                Place::Window { index: place, window } => {
                    let Some(Passed { value: Value::Rows(x), .. }) = inputs.into_iter().next() else {
                        return Err(named(Error::Invalid("found no numbers to read".into())));
                    };
                    let rows = self.window(index, (place, window), &x, memories)?;
                    after.rows.push((place, x));
                    rows
                }
            });
        }
        let outputs = self.outputs(&input, &passed, memories.len())?;
        self.keep(after, memories);
        Ok(outputs)
    }

    /// The frames as the model's input.
    fn input(&self, frames: &[Frame<'_>]) -> Result<Passed> {
        let graph = &self.model.graph;
        let signal = graph.config.inputs.values().next().map_or(Signal::Steps(0), |input| input.signal());
        let expect = |frame: &Frame<'_>| {
            let found = match (frame, signal) {
                (Frame::Numbers(numbers), Signal::Steps(features)) if numbers.len() == features => {
                    return Ok(());
                }
                (Frame::Id(id), Signal::Ids(vocabulary)) if (*id as usize) < vocabulary => return Ok(()),
                (Frame::Id(id), Signal::Ids(vocabulary)) => {
                    return Err(Error::Invalid(format!("the id {id} is not one in 0..{vocabulary}")));
                }
                (Frame::Numbers(numbers), _) => format!("{} numbers", numbers.len()),
                (Frame::Id(_), _) => "an id".into(),
            };
            let expected = match signal {
                Signal::Ids(_) => "an id".into(),
                Signal::Steps(features) | Signal::Once(features) => format!("{features} numbers"),
            };
            Err(Error::Shape { what: "a frame".into(), expected, found })
        };
        frames.iter().try_for_each(expect)?;
        let n = frames.len();
        let misfit = |error: ndarray::ShapeError| Error::Invalid(error.to_string());
        let value = match signal {
            Signal::Ids(_) => {
                let id = |frame: &Frame<'_>| match frame {
                    Frame::Id(id) => *id,
                    Frame::Numbers(_) => 0,
                };
                let ids: Vec<u32> = frames.iter().map(id).collect();
                Batch::ids(ArrayView2::from_shape((n, 1), &ids).map_err(misfit)?)
                    .pack(graph.plan.masked_ids[0])?
            }
            Signal::Steps(features) | Signal::Once(features) => {
                let mut values = Vec::with_capacity(n * features);
                for frame in frames {
                    if let Frame::Numbers(numbers) = frame {
                        values.extend_from_slice(numbers);
                    }
                }
                if let Some(place) = values.iter().position(|value| !value.is_finite()) {
                    return Err(Error::Invalid(format!(
                        "a frame has {} at feature {}; leave the step out or fill the value in",
                        values[place],
                        place % features
                    )));
                }
                match n {
                    1 => Value::Rows(Rows::new(values, features, self.one.clone())?),
                    _ => Batch::numbers(ArrayView3::from_shape((n, 1, features), &values).map_err(misfit)?)
                        .pack(None)?,
                }
            }
        };
        let there = there(layout(&value), n);
        Ok(Passed { value, there })
    }

    /// A layer that goes on from the state before.
    fn forward(
        &self,
        index: usize,
        state: Option<usize>,
        inputs: Vec<Passed>,
        memories: &[&mut Memory],
        after: &mut After,
    ) -> Result<Passed> {
        let planned = &self.model.graph.plan.layers[index];
        let there = all_there(&inputs, memories.len());
        let initial = state.map(|place| gathered(self.states[place].1, place, memories));
        let call = Call { parameters: self.model.parameters(), initial: initial.as_ref() };
        let inputs = inputs.into_iter().map(|input| input.value).collect();
        let output = self.model.graph.layers[index].forward(call, inputs)?;
        expect(planned, &output.rows)?;
        if let (Some(place), Some(state)) = (state, output.state) {
            after.states.push((place, state));
        }
        Ok(Passed { value: Value::Rows(output.rows), there })
    }

    /// A layer that reads steps before this one: of the streams whose window is full.
    fn window(
        &self,
        index: usize,
        (place, window): (usize, StepWindow),
        x: &Rows,
        memories: &[&mut Memory],
    ) -> Result<Passed> {
        let (graph, features) = (&self.model.graph, x.features);
        let planned = &graph.plan.layers[index];
        let mut values = Vec::new();
        let mut due = vec![false; memories.len()];
        x.layout.for_each_row(|row, n, _| {
            let history = &memories[n].windows[place];
            if history.wait == 0 {
                due[n] = true;
                values.extend_from_slice(&history.rows);
                values.extend_from_slice(&x.data[row * features..(row + 1) * features]);
            }
        });
        let count = due.iter().filter(|&&due| due).count();
        let width = planned.output.features().unwrap_or(0);
        let layout = match count == x.layout.rows() {
            true => x.layout.clone(),
            false => Layout::ragged(&due.iter().map(|&due| usize::from(due)).collect::<Vec<_>>(), 1)?,
        };
        let data = match count {
            0 => Vec::new(),
            count => {
                // Rows of one step are in the caller's order, and so are these.
                let x = Rows::pack(&values, features, Layout::full(count, window.before + 1)?)?;
                let call = Call { parameters: self.model.parameters(), initial: None };
                let rows = graph.layers[index].window(call, x)?;
                expect(planned, &rows)?;
                rows.into_data()
            }
        };
        Ok(Passed { value: Value::Rows(Rows::new(data, width, layout)?), there: due.into() })
    }

    fn outputs(&self, input: &Passed, passed: &[Option<Passed>], count: usize) -> Result<Vec<StepOutput>> {
        let sources = &self.model.graph.plan.outputs;
        let mut outputs = vec![StepOutput { rows: vec![None; sources.len()] }; count];
        for (place, &source) in sources.iter().enumerate() {
            let Passed { value, there } = read(input, passed, source)?;
            let rows = value.rows()?;
            if let Some(value) = rows.data.iter().find(|value| !value.is_finite()) {
                return Err(Error::Invalid(format!(
                    "the output has {value}: the numbers that came in are too large for this model"
                )));
            }
            rows.layout.for_each_row(|row, n, _| {
                if there[n] {
                    outputs[n].rows[place] = Some(rows.data[row * rows.features..][..rows.features].to_vec());
                }
            });
        }
        Ok(outputs)
    }

    /// Nothing can fail any more.
    fn keep(&self, after: After, memories: &mut [&mut Memory]) {
        for (place, state) in after.states {
            scatter(self.states[place].1, place, &state, memories);
        }
        for (place, x) in after.rows {
            let window = self.windows[place].1;
            x.layout.for_each_row(|row, n, _| {
                let history = &mut memories[n].windows[place];
                history.wait = history.wait.checked_sub(1).unwrap_or(window.stride.saturating_sub(1));
                if window.before > 0 {
                    let kept = history.rows.len() - x.features;
                    history.rows.copy_within(x.features.., 0);
                    history.rows[kept..].copy_from_slice(&x.data[row * x.features..(row + 1) * x.features]);
                }
            });
        }
    }
}

fn layout(value: &Value) -> &Layout {
    match value {
        Value::Ids(ids) => &ids.layout,
        Value::Rows(rows) => &rows.layout,
    }
}

/// Which of so many streams have a row.
fn there(layout: &Layout, count: usize) -> Arc<[bool]> {
    let mut there = vec![false; count];
    layout.for_each_row(|_, n, _| there[n] = true);
    there.into()
}

/// Which streams have a row of everything.
fn all_there(inputs: &[Passed], count: usize) -> Arc<[bool]> {
    match inputs {
        [one] => one.there.clone(),
        several => (0..count).map(|n| several.iter().all(|input| input.there[n])).collect(),
    }
}

fn read(input: &Passed, passed: &[Option<Passed>], source: Source) -> Result<Passed> {
    let found = match source {
        Source::Input(_) => Some(input),
        Source::Layer(index) => passed[index].as_ref(),
    };
    found.cloned().ok_or_else(|| Error::Invalid("a layer was read before it was computed".into()))
}

fn expect(planned: &PlannedLayer, rows: &Rows) -> Result<()> {
    if Some(rows.features) == planned.output.features() {
        return Ok(());
    }
    Err(Error::Shape {
        what: format!("what {} returns", planned.name),
        expected: planned.output.to_string(),
        found: format!("{} features", rows.features),
    })
}

/// The states of all streams side by side, `[L, N, H]`.
fn gathered(shape: StateShape, place: usize, memories: &[&mut Memory]) -> RecurrentState {
    let mut state = RecurrentState { hidden: Vec::new(), cell: Vec::new() };
    for layer in 0..shape.count {
        for memory in memories {
            let from = &memory.states[place];
            state.hidden.extend_from_slice(&from.hidden[layer * shape.hidden..][..shape.hidden]);
            state.cell.extend_from_slice(&from.cell[layer * shape.cell..][..shape.cell]);
        }
    }
    state
}

/// What [`gathered`] undoes.
fn scatter(shape: StateShape, place: usize, state: &RecurrentState, memories: &mut [&mut Memory]) {
    let n = memories.len();
    for (k, memory) in memories.iter_mut().enumerate() {
        let to = &mut memory.states[place];
        let parts = [(&state.hidden, &mut to.hidden, shape.hidden), (&state.cell, &mut to.cell, shape.cell)];
        for (from, to, width) in parts {
            for layer in 0..shape.count {
                to[layer * width..][..width].copy_from_slice(&from[(layer * n + k) * width..][..width]);
            }
        }
    }
}
