//! The values that a pickle makes. They refer to one another by number, so that a value may be shared, or even hold itself,
//! and nothing is copied or walked before someone asks.

use std::sync::Arc;

use super::FORMAT;
use crate::error::{Error, Result};
use crate::tensor::{ElementType, Tensor};

/// A value's number.
pub(crate) type Id = u32;

/// A value.
#[derive(Debug)]
pub(crate) enum Node {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Set(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function, by its full name. It is never looked up.
    Global(Arc<str>),
    Object(Box<Object>),
    Storage(Box<Storage>),
    View(Box<View>),
    Array(Box<Tensor>),
}

/// An object of a class, as what was given to it. Nothing of the class is known.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) global: Arc<str>,
    pub(crate) arguments: Vec<Id>,
    /// Its attributes, mostly a dict.
    pub(crate) state: Option<Id>,
    /// What was appended, where the class is a list.
    pub(crate) items: Vec<Id>,
    /// What was set by key, where the class is a dict.
    pub(crate) entries: Vec<(Id, Id)>,
}

impl Object {
    pub(crate) fn new(global: Arc<str>, arguments: Vec<Id>) -> Self {
        let (items, entries) = (Vec::new(), Vec::new());
        Self { global, arguments, state: None, items, entries }
    }
}

/// The memory of one or several tensors, elsewhere in the file.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    /// The name of its bytes in the file.
    pub(crate) key: Box<str>,
    /// None where each tensor says its own.
    pub(crate) element: Option<ElementType>,
    /// How many elements it has, or bytes where they have no type.
    pub(crate) length: u64,
}

impl Storage {
    /// How many bytes an element has.
    pub(crate) fn width(&self) -> usize {
        self.element.map_or(1, ElementType::bytes)
    }
}

/// A tensor: steps over a storage.
#[derive(Debug)]
pub(crate) struct View {
    /// Of a [`Node::Storage`].
    pub(crate) storage: Id,
    pub(crate) element: ElementType,
    pub(crate) offset: u64,
    pub(crate) shape: Vec<usize>,
    pub(crate) strides: Vec<u64>,
}

/// All values of a pickle.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    list: Vec<Node>,
    /// How many values containers hold, and what else was copied.
    held: u64,
}

impl Nodes {
    /// The most values of a pickle.
    const MOST: usize = 1 << 20;
    /// How many values containers may hold in all, which can hold the same ones.
    const MOST_HELD: u64 = 4 << 20;

    pub(crate) fn get(&self, id: Id) -> &Node {
        &self.list[id as usize]
    }

    pub(super) fn get_mut(&mut self, id: Id) -> &mut Node {
        &mut self.list[id as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds a value. Error: there are too many.
    pub(super) fn add(&mut self, node: Node) -> Result<Id> {
        let found = self.list.len() as u128 + 1;
        if found > Self::MOST as u128 {
            return Err(Error::too_large(FORMAT, "the number of values", found, Self::MOST as u128));
        }
        self.list.push(node);
        Ok(self.list.len() as Id - 1)
    }

    /// Counts values that are put into a container, which a pickle can ask for again and again. Error: too many.
    pub(super) fn charge(&mut self, count: usize) -> Result<()> {
        self.held += count as u64;
        if self.held > Self::MOST_HELD {
            let (found, most) = (self.held.into(), Self::MOST_HELD.into());
            return Err(Error::too_large(FORMAT, "what its values hold", found, most));
        }
        Ok(())
    }

    /// Counts bytes that are copied, eight as one value.
    pub(super) fn charge_bytes(&mut self, count: usize) -> Result<()> {
        self.charge(count / 8 + 1)
    }

    /// All storages, each as often as the pickle names it.
    pub(crate) fn storages(&self) -> impl Iterator<Item = &Storage> {
        self.list.iter().filter_map(|node| match node {
            Node::Storage(storage) => Some(&**storage),
            _ => None,
        })
    }

    pub(crate) fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A list's, tuple's or set's elements.
    pub(crate) fn items(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Node::List(items) | Node::Tuple(items) | Node::Set(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn unsigned(&self, id: Id) -> Option<u64> {
        match self.get(id) {
            Node::Int(value) => u64::try_from(*value).ok(),
            _ => None,
        }
    }
}
