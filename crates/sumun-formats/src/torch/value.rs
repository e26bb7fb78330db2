//! What a file of PyTorch holds, to be walked, and the tensors in it by name.

use std::fmt::Write;

use super::checkpoint::{Checkpoint, FORMAT};
use super::pickle::{Id, Node, Object};
use crate::error::{Error, Result, quoted};
use crate::tensor::{Tensor, Tensors};

/// A value in a file. Values may be shared, and a value of a hostile file may hold itself: who walks them bounds the depth.
#[derive(Debug, Clone, Copy)]
pub struct Value<'c> {
    checkpoint: &'c Checkpoint<'c>,
    id: Id,
}

/// What a value is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Kind<'c> {
    /// Python's `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A number.
    Float(f64),
    /// A text.
    Text(&'c str),
    /// Bytes.
    Bytes(&'c [u8]),
    /// A list.
    List(Vec<Value<'c>>),
    /// A tuple.
    Tuple(Vec<Value<'c>>),
    /// A set.
    Set(Vec<Value<'c>>),
    /// A dict, also an ordered one, with its keys and values in their order.
    Dict(Vec<(Value<'c>, Value<'c>)>),
    /// A class or function, by its full name.
    Global(&'c str),
    /// An object: the full name of its class, what it was made of, and its attributes.
    Object {
        /// `torch.nn.modules.rnn.LSTM`.
        class: &'c str,
        /// What the class was called with; mostly nothing.
        arguments: Vec<Value<'c>>,
        /// Its attributes, mostly a dict.
        state: Option<Value<'c>>,
    },
    /// A tensor, with its shape.
    Tensor(&'c [usize]),
    /// The memory of a tensor, by itself.
    Storage,
}

/// How deep values are walked, and how long a tensor's name may be.
const DEEPEST: usize = 200;
const LONGEST_NAME: usize = 1000;

impl Checkpoint<'_> {
    /// What was given to `torch.save`.
    pub fn root(&self) -> Value<'_> {
        Value::new(self, self.root)
    }
}

impl<'c> Value<'c> {
    pub(super) fn new(checkpoint: &'c Checkpoint<'c>, id: Id) -> Self {
        Self { checkpoint, id }
    }

    /// What it is.
    pub fn kind(self) -> Kind<'c> {
        let value = |&id: &Id| Self::new(self.checkpoint, id);
        let values = |ids: &[Id]| ids.iter().map(value).collect();
        match self.node() {
            Node::None => Kind::None,
            Node::Bool(is) => Kind::Bool(*is),
            Node::Int(number) => Kind::Int(*number),
            Node::Float(number) => Kind::Float(*number),
            Node::Text(text) => Kind::Text(text),
            Node::Bytes(bytes) => Kind::Bytes(bytes),
            Node::List(ids) => Kind::List(values(ids)),
            Node::Tuple(ids) => Kind::Tuple(values(ids)),
            Node::Set(ids) => Kind::Set(values(ids)),
            Node::Dict(entries) => {
                Kind::Dict(entries.iter().map(|(key, of)| (value(key), value(of))).collect())
            }
            Node::Global(name) => Kind::Global(name),
            Node::Object(object) => Kind::Object {
                class: &object.global,
                arguments: values(&object.arguments),
                state: object.state.as_ref().map(value),
            },
            Node::Storage(_) => Kind::Storage,
            Node::View(view) => Kind::Tensor(&view.shape),
            Node::Array(tensor) => Kind::Tensor(tensor.shape()),
        }
    }

    /// The value at a key of a dict, or that attribute of an object. Of equal keys the last counts, as in Python.
    pub fn get(self, key: &str) -> Option<Self> {
        match self.node() {
            Node::Dict(entries) => self.entry(entries, key),
            Node::Object(object) => {
                let state = object.state.map(|state| self.checkpoint.nodes.get(state));
                let attributes = match state {
                    Some(Node::Dict(entries)) => self.entry(entries, key),
                    _ => None,
                };
                attributes.or_else(|| self.entry(&object.entries, key))
            }
            _ => None,
        }
    }

    fn entry(self, entries: &[(Id, Id)], key: &str) -> Option<Self> {
        let found = entries.iter().rev().find(|(name, _)| self.checkpoint.nodes.text(*name) == Some(key));
        found.map(|&(_, value)| Self::new(self.checkpoint, value))
    }

    /// The tensor that this value is. None: it is none. Error: one that does not lie in its storage.
    pub fn tensor(self) -> Option<Result<Tensor>> {
        match self.node() {
            Node::View(view) => Some(self.checkpoint.tensor(view)),
            Node::Array(tensor) => Some(Ok((**tensor).clone())),
            _ => None,
        }
    }

    /// All tensors in this value, by the keys, positions and attributes that lead to them, with dots between: those of a module
    /// are named as in its state_dict. Errors: tensors that do not lie in their storage, a value that holds itself, values
    /// nested too deeply or shared too often.
    pub fn tensors(self) -> Result<Tensors> {
        let mut walk = Walk {
            checkpoint: self.checkpoint,
            tensors: Tensors::new(),
            bytes: 0,
            name: String::new(),
            depth: 0,
            visits: 0,
            // Parameters of layers that are shared are visited more than once, as in a state_dict.
            most: 16 * self.checkpoint.nodes.len() as u64 + 10_000,
        };
        walk.visit(self.id)?;
        Ok(walk.tensors)
    }

    fn node(self) -> &'c Node {
        self.checkpoint.nodes.get(self.id)
    }
}

/// On the way through all values.
struct Walk<'c> {
    checkpoint: &'c Checkpoint<'c>,
    tensors: Tensors,
    /// How many bytes these have.
    bytes: u64,
    /// Of the value that is being visited.
    name: String,
    depth: usize,
    visits: u64,
    most: u64,
}

impl<'c> Walk<'c> {
    fn visit(&mut self, id: Id) -> Result<()> {
        self.visits += 1;
        if self.visits > self.most {
            let (found, most) = (self.visits.into(), self.most.into());
            return Err(Error::too_large(FORMAT, "how often its values are shared", found, most));
        }
        if self.depth == DEEPEST {
            let what = format!(
                "at {} values are nested more than {DEEPEST} deep, or one holds itself",
                quoted(&self.name)
            );
            return Err(Error::damaged(FORMAT, what));
        }
        self.depth += 1;
        let checkpoint = self.checkpoint;
        match checkpoint.nodes.get(id) {
            Node::View(view) => {
                self.count(checkpoint.size(view)?)?;
                let tensor = checkpoint.tensor(view).map_err(|error| error.of_tensor(&self.name))?;
                self.tensors.insert(self.name.clone(), tensor, FORMAT)?;
            }
            Node::Array(tensor) => {
                self.bytes =
                    self.bytes.saturating_add((tensor.data().len() * tensor.element().bytes()) as u64);
                checkpoint.check_size(self.bytes)?;
                self.tensors.insert(self.name.clone(), (**tensor).clone(), FORMAT)?;
            }
            Node::List(items) | Node::Tuple(items) | Node::Set(items) => self.visit_items(items)?,
            Node::Dict(entries) => self.visit_entries(entries, &[])?,
            Node::Object(object) => self.visit_object(object)?,
            _ => {}
        }
        self.depth -= 1;
        Ok(())
    }

    /// Counts a tensor and its name before memory is reserved for them. Error: too much for a file of that size.
    fn count(&mut self, bytes: u64) -> Result<()> {
        self.bytes = self.bytes.saturating_add(bytes).saturating_add(self.name.len() as u64);
        self.checkpoint.check_size(self.bytes)
    }

    fn visit_items(&mut self, items: &[Id]) -> Result<()> {
        for (position, &item) in items.iter().enumerate() {
            self.visit_named(&position.to_string(), item)?;
        }
        Ok(())
    }

    fn visit_entries(&mut self, entries: &[(Id, Id)], except: &[&str]) -> Result<()> {
        for &(key, value) in entries {
            match self.checkpoint.nodes.get(key) {
                Node::Text(key) if except.contains(&&**key) => {}
                Node::Text(key) => self.visit_named(key, value)?,
                Node::Int(key) => self.visit_named(&key.to_string(), value)?,
                _ => {
                    // No name can be made of it. What is no tensor needs none.
                    let before = self.tensors.len();
                    self.visit_named("?", value)?;
                    if self.tensors.len() > before {
                        let what = "a tensor is in a dict by a key that is neither a text nor a whole number";
                        return Err(Error::unsupported(FORMAT, what));
                    }
                }
            }
        }
        Ok(())
    }

    fn visit_named(&mut self, key: &str, value: Id) -> Result<()> {
        let length = self.name.len();
        if length + 1 + key.len() > LONGEST_NAME {
            let found = (length + 1 + key.len()) as u128;
            return Err(Error::too_large(FORMAT, "the length of a name", found, LONGEST_NAME as u128));
        }
        let dot = if length == 0 { "" } else { "." };
        write!(self.name, "{dot}{key}").expect("a String takes every text");
        self.visit(value)?;
        self.name.truncate(length);
        Ok(())
    }

    /// A module has parameters, buffers and modules below it, which its state_dict names without these three words. Any other
    /// object has attributes; recurrent layers of TorchScript have all weights in a list once more.
    fn visit_object(&mut self, object: &'c Object) -> Result<()> {
        let checkpoint = self.checkpoint;
        self.visit_entries(&object.entries, &[])?;
        self.visit_items(&object.items)?;
        let Some(state) = object.state else { return Ok(()) };
        let value = Value::new(checkpoint, state);
        let (Some(parameters), Some(modules)) = (value.get("_parameters"), value.get("_modules")) else {
            return match checkpoint.nodes.get(state) {
                // Attributes of a class with slots: those in a dict, those in slots.
                Node::Tuple(parts) => parts.iter().try_for_each(|&part| self.visit(part)),
                Node::Dict(entries) => self.visit_entries(entries, &["_flat_weights"]),
                _ => self.visit(state),
            };
        };
        self.visit(parameters.id)?;
        if let Some(buffers) = value.get("_buffers") {
            let left_out = value.get("_non_persistent_buffers_set").map(|set| set.id);
            let left_out = left_out.and_then(|set| checkpoint.nodes.items(set)).unwrap_or_default();
            let left_out: Vec<&str> =
                left_out.iter().filter_map(|&name| checkpoint.nodes.text(name)).collect();
            match checkpoint.nodes.get(buffers.id) {
                Node::Dict(entries) => self.visit_entries(entries, &left_out)?,
                _ => self.visit(buffers.id)?,
            }
        }
        self.visit(modules.id)
    }
}
