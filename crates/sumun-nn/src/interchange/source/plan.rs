//! A model as what a step does: its inputs, its layers with what each reads, and its outputs.

use std::collections::HashMap;

use super::link::{Link, What, links};
use crate::error::quoted;
use crate::model::{Input, Model};
use crate::nn::DropoutLayer;
use crate::{Error, Result};

/// The longest name; compilers tell names of 63 characters from each other.
const LONGEST_NAME: usize = 40;

/// A model whose layers there is source code for.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) inputs: Vec<(&'a str, Input)>,
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) outputs: Vec<Output<'a>>,
    /// When the outputs have a row.
    pub(super) times: Times,
}

/// A layer in its place.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) name: &'a str,
    pub(super) reads: Vec<Source>,
    pub(super) links: Vec<Link<'a>>,
    /// When what it reads has a row, and when what it gives has one.
    pub(super) before: Times,
    pub(super) times: Times,
    /// Whether something else reads its rows than the layer behind it.
    pub(super) is_kept: bool,
}

/// An output of the model.
#[derive(Debug)]
pub(super) struct Output<'a> {
    pub(super) name: &'a str,
    pub(super) from: Source,
    /// Features of a row.
    pub(super) width: usize,
}

/// What a layer reads, by its place among the inputs or the layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Input(usize),
    Node(usize),
}

/// The steps at which there is a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Times {
    /// The input of ids of which some are no steps.
    pub(super) masked: Option<usize>,
    /// How many at the beginning have none.
    pub(super) delay: usize,
}

/// What a row says of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The same at every step.
    Same,
    /// Something of all steps so far, another row after each.
    SoFar,
    /// A step, whatever comes after it.
    Step,
    /// A step whose row is another one when more steps have come.
    Unsettled,
}

#[derive(Debug, Clone, Copy)]
struct Flow {
    width: usize,
    kind: Kind,
    times: Times,
}

impl Flow {
    fn has_steps(&self) -> bool {
        matches!(self.kind, Kind::Step | Kind::Unsettled)
    }
}

impl<'a> Plan<'a> {
    /// Errors: a layer that has no source code or no step of its own in a stream, layers and outputs that read rows of different
    /// steps, weights that are not finite.
    pub(super) fn of(model: &'a Model) -> Result<Self> {
        expect_finite(model)?;
        let inputs: Vec<(&'a str, Input)> =
            model.config().inputs.iter().map(|(name, input)| (name.as_str(), *input)).collect();
        let mut sources: HashMap<&str, Source> =
            inputs.iter().enumerate().map(|(place, (name, _))| (*name, Source::Input(place))).collect();
        let of_input = |(_, input): &(&str, Input)| match *input {
            Input::Numbers { features } => (features, Kind::Step),
            Input::Ids { vocabulary } => (vocabulary, Kind::Step),
            Input::Row { features } => (features, Kind::Same),
        };
        let of_inputs: Vec<Flow> = inputs
            .iter()
            .map(of_input)
            .map(|(width, kind)| Flow { width, kind, times: Times::default() })
            .collect();
        let mut flows: Vec<Flow> = Vec::new();
        let mut nodes: Vec<Node<'a>> = Vec::new();
        let calls = model.calls();
        for ((layer, name), call) in model.config().layers.iter().zip(model.layer_names()).zip(&calls) {
            let refused = |why: String| {
                let why = format!("the layer {} ({}) has no source code: {why}", quoted(name), layer.title());
                Error::Model(why)
            };
            let reads = call.reads.iter().map(|read| sources.get(read.as_str()).copied());
            let reads: Option<Vec<Source>> = reads.collect();
            let Some(reads) = reads else { return Err(refused("it reads what is not before it".into())) };
            if let (Some(_), [from]) = (layer.get::<DropoutLayer>(), reads.as_slice()) {
                sources.insert(name, *from);
                continue;
            }
            let read: Vec<Flow> = reads
                .iter()
                .map(|read| match *read {
                    Source::Input(place) => of_inputs[place],
                    Source::Node(place) => flows[place],
                })
                .collect();
            let before = joined(&read).ok_or_else(|| {
                refused(format!(
                    "it reads {}, which have rows at different steps of a stream",
                    call.reads.join(" and ")
                ))
            })?;
            let widths: Vec<usize> = read.iter().map(|flow| flow.width).collect();
            let links = links(model, layer, name, &widths).map_err(refused)?;
            let after =
                links.iter().try_fold(before, |flow, link| through(flow, link, &reads)).map_err(refused)?;
            sources.insert(name, Source::Node(nodes.len()));
            nodes.push(Node { name, reads, links, before: before.times, times: after.times, is_kept: false });
            flows.push(after);
        }
        let mut outputs = Vec::new();
        let mut of_outputs = Vec::new();
        for name in model.output_names() {
            let from = sources.get(name).copied();
            let from = from.ok_or_else(|| Error::Model(format!("the model has no {}", quoted(name))))?;
            let flow = match from {
                Source::Input(place) => of_inputs[place],
                Source::Node(place) => flows[place],
            };
            if matches!(from, Source::Input(place) if matches!(inputs[place].1, Input::Ids { .. })) {
                return Err(Error::Model(format!("the output {} is an input of ids", quoted(name))));
            }
            outputs.push(Output { name, from, width: flow.width });
            of_outputs.push(flow);
        }
        let times = joined(&of_outputs).map(|flow| flow.times).ok_or_else(|| {
            let names: Vec<&str> = outputs.iter().map(|output| output.name).collect();
            Error::Model(format!(
                "the outputs {} have rows at different steps of a stream; source code gives all outputs of a step together",
                names.join(" and ")
            ))
        })?;
        let mut plan = Self { inputs, nodes, outputs, times };
        plan.keep();
        Ok(plan)
    }

    /// Finds the rows that others read than the layer behind.
    fn keep(&mut self) {
        let last = self.nodes.len().wrapping_sub(1);
        for place in 0..self.nodes.len() {
            let own = Source::Node(place);
            let is_read =
                |(reader, node): (usize, &Node<'_>)| reader != place + 1 && node.reads.contains(&own);
            let is_read = self.nodes.iter().enumerate().any(is_read);
            let is_shown = place != last && self.outputs.iter().any(|output| output.from == own);
            self.nodes[place].is_kept = is_read || is_shown;
        }
    }

    /// Whether there is one input and one output, and each layer reads the one before it.
    pub(super) fn is_chain(&self) -> bool {
        let is_behind = |(place, node): (usize, &Node<'_>)| {
            let before = place.checked_sub(1).map_or(Source::Input(0), Source::Node);
            node.reads == [before]
        };
        let last = self.nodes.len().checked_sub(1).map_or(Source::Input(0), Source::Node);
        let is_one = self.inputs.len() == 1 && matches!(self.outputs.as_slice(), [only] if only.from == last);
        is_one && self.nodes.iter().enumerate().all(is_behind)
    }
}

/// What several rows are together, with the features of the first; None where they are of different steps.
fn joined(read: &[Flow]) -> Option<Flow> {
    let first = read.first()?;
    let mut of_steps = read.iter().filter(|flow| flow.kind != Kind::Same).map(|flow| flow.times);
    let times = of_steps.next().unwrap_or_default();
    if of_steps.any(|other| other != times) {
        return None;
    }
    let has = |kind: Kind| read.iter().any(|flow| flow.kind == kind);
    let kind = match read.iter().any(Flow::has_steps) {
        // A row of all steps so far stands at every step, so that those before are others as well.
        true if has(Kind::Unsettled) || has(Kind::SoFar) => Kind::Unsettled,
        true => Kind::Step,
        false if has(Kind::SoFar) => Kind::SoFar,
        false => Kind::Same,
    };
    Some(Flow { width: first.width, kind, times })
}

/// What a row is behind a link.
fn through(flow: Flow, link: &Link<'_>, reads: &[Source]) -> Result<Flow, String> {
    let Flow { mut kind, mut times, .. } = flow;
    if link.remembers() && kind == Kind::Unsettled {
        return Err("it reads, at every step, what is known after the last step alone".into());
    }
    times.delay += link.delay();
    match (&link.what, reads) {
        (What::Embedding { masked: Some(_), .. }, [Source::Input(place)]) => times.masked = Some(*place),
        (What::Last, _) => kind = Kind::SoFar,
        // Its steps are no steps of the stream.
        (What::Unflatten { .. }, _) => (kind, times) = (Kind::Unsettled, Times::default()),
        _ => {}
    }
    Ok(Flow { width: link.outputs, kind, times })
}

/// Refuses a name that cannot stand in front of those of functions.
pub(super) fn expect_name(name: &str) -> Result<()> {
    let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() <= LONGEST_NAME;
    match fits {
        true => Ok(()),
        false => Err(Error::Invalid(format!(
            "the name {} of the source code; it must be a letter and then letters, digits or _, at most {LONGEST_NAME}",
            quoted(name)
        ))),
    }
}

fn expect_finite(model: &Model) -> Result<()> {
    let parameters = model.parameters();
    let wrong = parameters.entries().iter().find_map(|entry| {
        let values = &parameters.values()[entry.range.clone()];
        values.iter().find(|value| !value.is_finite()).map(|value| (entry, *value))
    });
    match wrong {
        Some((entry, value)) => Err(Error::Model(format!(
            "the weight {} holds {value}; source code has finite weights only",
            entry.name
        ))),
        None => Ok(()),
    }
}
