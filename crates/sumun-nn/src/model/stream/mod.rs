//! Streams: one model behind any number of sequences whose steps come one by one.

mod step;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::config::Input;
use super::network::Model;
use super::plan::Source;
use super::walk::ModelState;
use crate::layer::{Signal, StateShape, StepWindow, Stepping};
use crate::state::RecurrentState;
use crate::{Error, Layout, Result};

/// A model that runs step by step for any number of streams. They share it, with its packed weights; a stream has its states
/// and nothing else, so that 10,000 users of one model cost 10,000 states.
///
/// A step gives the bits that the model gives of the whole sequence at that step, whether streams step one by one or many
/// together ([`step_all`](Self::step_all)). Of a layer that returns its last state alone it is the state so far, and so are the
/// steps that it is combined with those of the sequence so far; what remembers earlier ones of these cannot stream.
///
/// ```
/// use sumun_nn::model::{Input, Model, RecurrentLayer, Streams};
///
/// let model = Model::builder(Input::numbers(2)).layer(RecurrentLayer::lstm(8)).dense(1).build(7)?;
/// let streams = Streams::new(model)?;
/// let (mut one, mut other) = (streams.stream(), streams.stream());
/// let y = one.step(&[0.1, 0.2][..])?;
/// assert_eq!(y.row().map(<[f32]>::len), Some(1));
/// let both = streams.step_all(&mut [&mut one, &mut other], &[(&[0.3, 0.4][..]).into(), (&[0.1, 0.2][..]).into()])?;
/// assert_eq!(both[1], y);
/// # Ok::<(), sumun_nn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Streams(Arc<Shared>);

/// What all streams of a model have in common.
#[derive(Debug)]
struct Shared {
    model: Model,
    /// How each layer goes on.
    layers: Vec<Place>,
    /// The sizes of the states that a stream has, in the order of the layers, and those that it begins with.
    states: Vec<(usize, StateShape)>,
    first: Vec<RecurrentState>,
    windows: Vec<(usize, StepWindow)>,
    /// The layout of one step of one stream.
    one: Arc<Layout>,
}

/// How a layer goes on, and where a stream keeps what it needs for it.
#[derive(Debug, Clone, Copy)]
enum Place {
    Forward { state: Option<usize> },
    Window { index: usize, window: StepWindow },
}

/// One sequence of [`Streams`], whose steps come one by one. It may be moved to another thread; what it has before the first
/// step is what the model begins with.
///
/// Not for one recurrent layer by itself, whose [`Stream`](crate::nn::Stream) allocates nothing.
#[derive(Debug, Clone)]
pub struct ModelStream {
    shared: Arc<Shared>,
    memory: Memory,
}

/// What one stream keeps between two steps.
#[derive(Debug, Clone)]
struct Memory {
    states: Box<[RecurrentState]>,
    windows: Box<[History]>,
}

/// The steps that a layer reads again.
#[derive(Debug, Clone, PartialEq)]
struct History {
    /// `[before, F]`, the last step at the end.
    rows: Box<[f32]>,
    /// How many steps pass before the next that has a row.
    wait: usize,
}

/// What a step is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Frame<'a> {
    /// The numbers of a model that reads numbers, `[F]`.
    Numbers(&'a [f32]),
    /// The id of a model that reads ids.
    Id(u32),
}

impl<'a> From<&'a [f32]> for Frame<'a> {
    fn from(numbers: &'a [f32]) -> Self {
        Self::Numbers(numbers)
    }
}

impl From<u32> for Frame<'_> {
    fn from(id: u32) -> Self {
        Self::Id(id)
    }
}

/// What a step gives.
#[derive(Debug, Clone, PartialEq)]
pub struct StepOutput {
    /// A row of each output, in the order of [`Model::output_names`]; None where this step has none: before the first window of
    /// a convolution is full, between two windows that are several steps apart, and at a masked id.
    pub rows: Vec<Option<Vec<f32>>>,
}

impl StepOutput {
    /// The row of the first output.
    pub fn row(&self) -> Option<&[f32]> {
        self.rows.first()?.as_deref()
    }
}

/// What a stream keeps between two steps, to be kept elsewhere and given back.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamMemory {
    /// The states of the recurrent layers, `[L, 1, H]`, by the layer's name.
    pub states: ModelState,
    /// Of each layer that reads steps before the last, by its name, those steps.
    pub windows: BTreeMap<String, StreamWindow>,
}

/// The steps that a layer reads again.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamWindow {
    /// `[steps, F]`, the last step at the end.
    pub rows: Vec<f32>,
    /// How many steps pass before the next that has a row.
    pub wait: usize,
}

impl Streams {
    /// Takes over a model; streams begin with zeros. Errors: a model with several inputs, and one with a layer that needs more
    /// than the steps so far, named with the reason.
    pub fn new(model: Model) -> Result<Self> {
        Self::beginning_with(model, &ModelState::new())
    }

    /// As [`new`](Self::new); streams begin with these states, `[L, 1, H]`, and zeros where there are none.
    pub fn beginning_with(model: Model, initial: &ModelState) -> Result<Self> {
        let graph = &model.graph;
        let names: Vec<&str> = graph.input_names().collect();
        match graph.config.inputs.values().collect::<Vec<_>>()[..] {
            [Input::Numbers { .. } | Input::Ids { .. }] => {}
            [_] => {
                return Err(Error::Invalid(
                    "the model reads one row a sequence; it has no steps to stream".into(),
                ));
            }
            _ => {
                return Err(Error::Invalid(format!(
                    "a stream has one input, but the model reads {}; run it on whole sequences",
                    names.join(", ")
                )));
            }
        }
        let (mut layers, mut states, mut windows) = (Vec::new(), Vec::new(), Vec::new());
        // Whether the earlier rows of each layer change with every step, since they are combined with a last state.
        let mut changing: Vec<bool> = Vec::with_capacity(graph.layers.len());
        for (index, (stage, planned)) in graph.layers.iter().zip(&graph.plan.layers).enumerate() {
            let cannot =
                |why: &str| Error::Invalid(format!("the model cannot stream: {} {why}", planned.name));
            if let Some(from) = planned.initial {
                return Err(cannot(&format!(
                    "begins with the last state of {}, which has not come yet; run it on whole sequences",
                    graph.plan.layers[from].name
                )));
            }
            let reads_changing = planned.reads.iter().any(|&source| match source {
                Source::Layer(index) => changing[index],
                Source::Input(_) => false,
            });
            let has_once = planned.inputs.iter().any(|signal| matches!(signal, Signal::Once(_)));
            let has_steps = planned.inputs.iter().any(|signal| !matches!(signal, Signal::Once(_)));
            changing.push(reads_changing || (has_once && has_steps));
            let stepping = stage.stepping();
            let remembers = planned.state.is_some()
                || matches!(stepping, Stepping::Window(StepWindow { before: 1.., .. }));
            if reads_changing && remembers {
                return Err(cannot(
                    "reads steps that are combined with a last state, which changes all of them with every step; run it on whole \
                     sequences",
                ));
            }
            layers.push(match stepping {
                Stepping::Never(why) => return Err(cannot(&why)),
                Stepping::Window(window) => {
                    let features = planned.inputs.first().and_then(|signal| signal.features()).unwrap_or(0);
                    crate::layout::expect_memory(window.before + 1, features)?;
                    windows.push((index, window));
                    Place::Window { index: windows.len() - 1, window }
                }
                Stepping::Forward => Place::Forward {
                    state: planned.state.map(|shape| {
                        states.push((index, shape));
                        states.len() - 1
                    }),
                },
            });
        }
        let one = Layout::full(1, 1)?;
        let first = states.iter().map(|(_, shape)| shape.zeros(&one)).collect();
        let mut shared = Shared { model, layers, states, first, windows, one };
        let first = shared.states_of(initial, &shared.first)?;
        shared.first = first;
        Ok(Self(Arc::new(shared)))
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.0.model
    }

    /// A stream before its first step.
    pub fn stream(&self) -> ModelStream {
        ModelStream { shared: self.0.clone(), memory: self.0.memory() }
    }

    /// A step of many streams at once, each with its own frame: the bits of each by itself, for less work. Errors, after which
    /// all streams are as they were: those of [`ModelStream::step`], and a stream of another model.
    pub fn step_all(
        &self,
        streams: &mut [&mut ModelStream],
        frames: &[Frame<'_>],
    ) -> Result<Vec<StepOutput>> {
        if streams.len() != frames.len() {
            return Err(Error::Shape {
                what: "the frames of a step".into(),
                expected: format!("one for each of {} streams", streams.len()),
                found: frames.len().to_string(),
            });
        }
        if let Some(place) = streams.iter().position(|stream| !Arc::ptr_eq(&stream.shared, &self.0)) {
            return Err(Error::Invalid(format!("stream {place} is of another model; step it with its own")));
        }
        if streams.is_empty() {
            return Ok(Vec::new());
        }
        let mut memories: Vec<&mut Memory> = streams.iter_mut().map(|stream| &mut stream.memory).collect();
        self.0.step(&mut memories, frames)
    }
}

impl ModelStream {
    /// The next step. Errors, after which the stream is as it was: a frame of another kind or length, a number that is NaN or
    /// infinite, an id beyond the vocabulary, and numbers so large that the output is not finite.
    pub fn step<'a>(&mut self, frame: impl Into<Frame<'a>>) -> Result<StepOutput> {
        let mut outputs = self.shared.step(&mut [&mut self.memory], &[frame.into()])?;
        outputs.pop().ok_or_else(|| Error::Invalid("a step gave nothing".into()))
    }

    /// The model that it shares with other streams.
    pub fn model(&self) -> &Model {
        &self.shared.model
    }

    /// Begins again.
    pub fn reset(&mut self) {
        self.memory = self.shared.memory();
    }

    /// What it keeps between two steps.
    pub fn state(&self) -> StreamMemory {
        let Memory { states, windows } = &self.memory;
        let name = |index: usize| self.shared.model.graph.plan.layers[index].name.clone();
        let of_states =
            self.shared.states.iter().zip(states).map(|((index, _), state)| (name(*index), state.clone()));
        let of_windows = self.shared.windows.iter().zip(windows).map(|((index, _), history)| {
            (name(*index), StreamWindow { rows: history.rows.to_vec(), wait: history.wait })
        });
        StreamMemory { states: of_states.collect(), windows: of_windows.collect() }
    }

    /// Goes on from there; what `state` does not have is as at the beginning. Errors, after which the stream is as it was: a layer
    /// that has none, another shape, and a number that is not finite.
    pub fn set_state(&mut self, state: &StreamMemory) -> Result<()> {
        let mut memory = self.shared.memory();
        memory.states = self.shared.states_of(&state.states, &self.shared.first)?.into();
        for (name, given) in &state.windows {
            let places = self.shared.windows.iter();
            let layers = &self.shared.model.graph.plan.layers;
            let place = places.into_iter().position(|(index, _)| layers[*index].name == *name);
            let Some(place) = place else {
                return Err(Error::Invalid(format!("{name} keeps no steps of a stream")));
            };
            let (history, window) = (&mut memory.windows[place], self.shared.windows[place].1);
            let most = if window.zeros_before { window.stride } else { window.before.max(window.stride) };
            if given.rows.len() != history.rows.len() || given.wait > most {
                return Err(Error::Shape {
                    what: format!("the steps that {name} keeps"),
                    expected: format!(
                        "{} values, at most {most} steps from the next row",
                        history.rows.len()
                    ),
                    found: format!("{} and {}", given.rows.len(), given.wait),
                });
            }
            finite(name, &given.rows)?;
            *history = History { rows: given.rows.clone().into(), wait: given.wait };
        }
        self.memory = memory;
        Ok(())
    }
}

fn finite(layer: &str, values: &[f32]) -> Result<()> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => {
            Err(Error::Invalid(format!("the state of {layer} has {value}; go on from finite numbers")))
        }
        None => Ok(()),
    }
}

impl Shared {
    /// What a stream has before its first step.
    fn memory(&self) -> Memory {
        let history = |(index, window): &(usize, StepWindow)| {
            let features = match self.model.graph.plan.layers[*index].inputs.first() {
                Some(Signal::Steps(features) | Signal::Once(features)) => *features,
                _ => 0,
            };
            let wait = if window.zeros_before { 0 } else { window.before };
            History { rows: vec![0.0; window.before * features].into(), wait }
        };
        Memory { states: self.first.clone().into(), windows: self.windows.iter().map(history).collect() }
    }

    /// States by name in the order of the layers; those of `otherwise` where there are none.
    fn states_of(&self, given: &ModelState, otherwise: &[RecurrentState]) -> Result<Vec<RecurrentState>> {
        let layers = &self.model.graph.plan.layers;
        let mut states = otherwise.to_vec();
        for (name, state) in given {
            let Some(place) = self.states.iter().position(|(index, _)| layers[*index].name == *name) else {
                return Err(Error::Invalid(format!(
                    "{name} is no recurrent layer of the stream and has no state"
                )));
            };
            self.states[place].1.check(&format!("the state of {name}"), &self.one, state)?;
            finite(name, &state.hidden)?;
            finite(name, &state.cell)?;
            states[place] = state.clone();
        }
        Ok(states)
    }
}
