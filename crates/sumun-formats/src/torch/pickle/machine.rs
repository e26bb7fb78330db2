//! The machine that reads a pickle.

use std::collections::HashMap;
use std::sync::Arc;

use super::FORMAT;
use super::node::{Id, Node, Nodes, Object};
use crate::bytes::Cursor;
use crate::error::{Error, Result, quoted};

/// What a pickle made.
#[derive(Debug)]
pub(crate) struct Pickle {
    pub(crate) nodes: Nodes,
    pub(crate) root: Id,
}

impl Pickle {
    /// Reads a pickle, up to the instruction that ends it.
    pub(crate) fn read(cursor: &mut Cursor) -> Result<Self> {
        let mut machine = Machine::default();
        loop {
            let at = cursor.at();
            let code = cursor.u8()?;
            if code == b'.' {
                let root = machine.pop()?;
                return Ok(Self { nodes: machine.nodes, root });
            }
            machine.step(code, at, cursor)?;
        }
    }
}

#[derive(Default)]
pub(super) struct Machine {
    pub(super) nodes: Nodes,
    stack: Vec<Id>,
    /// How long the stack was at each mark that is open.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

/// The longest name of a module or class.
const LONGEST_NAME: usize = 1000;

impl Machine {
    fn step(&mut self, code: u8, at: usize, cursor: &mut Cursor) -> Result<()> {
        match code {
            // PROTO says which instructions may come, FRAME how many bytes belong together.
            0x80 => cursor.take(1).map(drop),
            0x95 => cursor.take(8).map(drop),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.pop().map(drop),
            b'1' => self.since_mark().map(drop),
            b'2' => {
                let id = self.top()?;
                self.stack.push(id);
                Ok(())
            }
            b'N' => self.push(Node::None),
            0x88 => self.push(Node::Bool(true)),
            0x89 => self.push(Node::Bool(false)),
            b'K' => self.integer(cursor, 1, false),
            b'M' => self.integer(cursor, 2, false),
            b'J' => self.integer(cursor, 4, true),
            0x8a => {
                let length = cursor.u8()?;
                self.integer(cursor, length.into(), true)
            }
            0x8b => {
                let length = cursor.u32()?;
                self.integer(cursor, length, true)
            }
            b'G' => {
                let value = f64::from_be_bytes(cursor.array()?);
                self.push(Node::Float(value))
            }
            b'U' | 0x8c | b'C' => {
                let length = cursor.u8()?;
                self.string(cursor, length.into(), code == b'C')
            }
            b'T' | b'X' | b'B' => {
                let length = cursor.u32()?;
                self.string(cursor, length.into(), code == b'B')
            }
            0x8d | 0x8e | 0x96 => {
                let length = cursor.u64()?;
                self.string(cursor, length, code != 0x8d)
            }
            b']' => self.push(Node::List(Vec::new())),
            b'}' => self.push(Node::Dict(Vec::new())),
            b')' => self.push(Node::Tuple(Vec::new())),
            0x8f => self.push(Node::Set(Vec::new())),
            b'l' | b't' | 0x91 => {
                let items = self.since_mark()?;
                self.push(match code {
                    b'l' => Node::List(items),
                    b't' => Node::Tuple(items),
                    _ => Node::Set(items),
                })
            }
            0x85..=0x87 => {
                let start = self.below(usize::from(code - 0x84))?;
                let items = self.stack.split_off(start);
                self.push(Node::Tuple(items))
            }
            b'd' => {
                let items = self.since_mark()?;
                self.push(Node::Dict(pairs(&items)?))
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])
            }
            b'e' | 0x90 => {
                let items = self.since_mark()?;
                self.append(&items)
            }
            b's' => {
                let start = self.below(2)?;
                let pair = self.stack.split_off(start);
                self.set(&pair)
            }
            b'u' => {
                let items = self.since_mark()?;
                self.set(&items)
            }
            b'q' => {
                let place = cursor.u8()?;
                self.remember(place.into())
            }
            b'r' => {
                let place = cursor.u32()?;
                self.remember(place)
            }
            // As many places as there are, counted from 0.
            0x94 => self.remember(self.memo.len() as u32),
            b'h' => {
                let place = cursor.u8()?;
                self.recall(place.into())
            }
            b'j' => {
                let place = cursor.u32()?;
                self.recall(place)
            }
            b'c' => {
                let (module, name) = (cursor.line(LONGEST_NAME)?, cursor.line(LONGEST_NAME)?);
                let (module, name) = (String::from_utf8_lossy(module), String::from_utf8_lossy(name));
                self.push(Node::Global(format!("{module}.{name}").into()))
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(module), Some(name)) = (self.nodes.text(module), self.nodes.text(name)) else {
                    return Err(Error::damaged(FORMAT, "the name of a class or function is no text"));
                };
                if module.len().max(name.len()) > LONGEST_NAME {
                    return Err(Error::damaged(FORMAT, "the name of a class or function is too long"));
                }
                let global = format!("{module}.{name}");
                self.push(Node::Global(global.into()))
            }
            b'R' => {
                let (arguments, callee) = (self.arguments()?, self.pop()?);
                self.call(callee, &arguments)
            }
            0x81 => {
                let (arguments, class) = (self.arguments()?, self.pop()?);
                self.make(class, &arguments)
            }
            0x92 => {
                let (_named, arguments, class) = (self.pop()?, self.arguments()?, self.pop()?);
                self.make(class, &arguments)
            }
            b'b' => {
                let (state, object) = (self.pop()?, self.top()?);
                self.build(object, state)
            }
            b'Q' => {
                let id = self.pop()?;
                self.persistent(id)
            }
            other => {
                let what = format!("the pickle's instruction {other:#04x} at byte {at} is not read");
                Err(Error::unsupported(FORMAT, what))
            }
        }
    }

    /// Puts a new value on the stack.
    pub(super) fn push(&mut self, node: Node) -> Result<()> {
        let id = self.nodes.add(node)?;
        self.stack.push(id);
        Ok(())
    }

    /// Puts a value that there is on the stack.
    pub(super) fn push_id(&mut self, id: Id) {
        self.stack.push(id);
    }

    /// Where the uppermost `count` values of the stack begin. Error: there are fewer above the last mark.
    fn below(&self, count: usize) -> Result<usize> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(count) {
            Some(start) if start >= floor => Ok(start),
            _ => Err(Error::damaged(FORMAT, "an instruction of the pickle lacks a value on the stack")),
        }
    }

    fn pop(&mut self) -> Result<Id> {
        let start = self.below(1)?;
        let id = self.stack[start];
        self.stack.truncate(start);
        Ok(id)
    }

    fn top(&self) -> Result<Id> {
        self.below(1).map(|start| self.stack[start])
    }

    /// Takes all values above the last mark, and the mark.
    fn since_mark(&mut self) -> Result<Vec<Id>> {
        match self.marks.pop() {
            Some(start) => Ok(self.stack.split_off(start)),
            None => Err(Error::damaged(FORMAT, "an instruction of the pickle lacks a mark on the stack")),
        }
    }

    /// A little-endian integer, in two's complement where it is `signed`.
    fn integer(&mut self, cursor: &mut Cursor, length: u32, signed: bool) -> Result<()> {
        let bytes = cursor.take(length.into())?;
        let mut wide = [0; 16];
        if bytes.len() > wide.len() {
            return Err(Error::too_large(
                FORMAT,
                "the bytes of an integer",
                length.into(),
                wide.len() as u128,
            ));
        }
        if signed && bytes.last().is_some_and(|&byte| byte >= 0x80) {
            wide = [0xff; 16];
        }
        wide[..bytes.len()].copy_from_slice(bytes);
        self.push(Node::Int(i128::from_le_bytes(wide)))
    }

    /// A text, or bytes. Texts of Python 2 that are no UTF-8 are bytes as well.
    fn string(&mut self, cursor: &mut Cursor, length: u64, raw: bool) -> Result<()> {
        let bytes = cursor.take(length)?;
        match std::str::from_utf8(bytes) {
            Ok(text) if !raw => self.push(Node::Text(text.into())),
            _ => self.push(Node::Bytes(bytes.into())),
        }
    }

    fn remember(&mut self, place: u32) -> Result<()> {
        let id = self.top()?;
        self.memo.insert(place, id);
        Ok(())
    }

    fn recall(&mut self, place: u32) -> Result<()> {
        match self.memo.get(&place) {
            Some(&id) => {
                self.stack.push(id);
                Ok(())
            }
            None => {
                Err(Error::damaged(FORMAT, format!("the pickle recalls a value {place} that it never kept")))
            }
        }
    }

    fn append(&mut self, items: &[Id]) -> Result<()> {
        let container = self.top()?;
        self.nodes.charge(items.len())?;
        match self.nodes.get_mut(container) {
            Node::List(list) | Node::Set(list) => list.extend(items),
            Node::Object(object) => object.items.extend(items),
            _ => return Err(Error::damaged(FORMAT, "the pickle appends to what is no list")),
        }
        Ok(())
    }

    /// Sets keys and values, one after the other.
    fn set(&mut self, items: &[Id]) -> Result<()> {
        let container = self.top()?;
        self.nodes.charge(items.len())?;
        let pairs = pairs(items)?;
        match self.nodes.get_mut(container) {
            Node::Dict(dict) => dict.extend(pairs),
            Node::Object(object) => object.entries.extend(pairs),
            _ => return Err(Error::damaged(FORMAT, "the pickle sets keys of what is no dict")),
        }
        Ok(())
    }

    /// Takes the arguments of a call from the stack.
    fn arguments(&mut self) -> Result<Vec<Id>> {
        let id = self.pop()?;
        let Node::Tuple(items) = self.nodes.get(id) else {
            return Err(Error::damaged(FORMAT, "the arguments of a call are no tuple"));
        };
        let items = items.clone();
        self.nodes.charge(items.len())?;
        Ok(items)
    }

    /// The name of a class or function.
    pub(super) fn global(&self, id: Id) -> Result<Arc<str>> {
        match self.nodes.get(id) {
            Node::Global(name) => Ok(name.clone()),
            Node::Object(object) => {
                let what = format!("it calls what {} would give, which is not read", quoted(&object.global));
                Err(Error::unsupported(FORMAT, what))
            }
            _ => Err(Error::damaged(FORMAT, "the pickle calls what is no class or function")),
        }
    }

    /// A new object of a class, or what stands for it here.
    fn make(&mut self, class: Id, arguments: &[Id]) -> Result<()> {
        if self.is_known(&self.global(class)?) {
            return self.call(class, arguments);
        }
        let object = Object::new(self.global(class)?, arguments.to_vec());
        self.push(Node::Object(Box::new(object)))
    }

    /// Gives an object its attributes.
    fn build(&mut self, object: Id, state: Id) -> Result<()> {
        if let Some(array) = self.array(object, state)? {
            *self.nodes.get_mut(object) = Node::Array(Box::new(array));
            return Ok(());
        }
        match self.nodes.get_mut(object) {
            Node::Object(object) => object.state = Some(state),
            // Attributes beside the entries, such as the versions of modules, and those of parameters.
            Node::Dict(_) | Node::View(_) => {}
            _ => return Err(Error::damaged(FORMAT, "the pickle gives attributes to what has none")),
        }
        Ok(())
    }

    /// What is named by a tuple and lies elsewhere: a storage, or (in old files) a class with its source.
    fn persistent(&mut self, id: Id) -> Result<()> {
        let items = self.nodes.items(id).unwrap_or_default();
        match items.first().and_then(|&kind| self.nodes.text(kind)) {
            Some("storage") if items.len() >= 5 => {
                let storage = self.storage(items)?;
                self.push(Node::Storage(Box::new(storage)))
            }
            Some("module") if items.len() >= 2 => {
                self.stack.push(items[1]);
                Ok(())
            }
            kind => {
                let what = format!("it refers to {}, which is not read", quoted(kind.unwrap_or("something")));
                Err(Error::unsupported(FORMAT, what))
            }
        }
    }
}

/// Keys and values that stand one after the other.
fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>> {
    match items.as_chunks() {
        (pairs, []) => Ok(pairs.iter().map(|&[key, value]| (key, value)).collect()),
        _ => Err(Error::damaged(FORMAT, "a key of a dict has no value")),
    }
}
