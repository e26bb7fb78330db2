//! The functions that a pickle may name as called, and what stands for their results. None is called.

use super::FORMAT;
use super::dtype::{of_dtype, of_storage};
use super::machine::Machine;
use super::node::{Id, Node, Object, Storage, View};
use crate::error::{Error, Result, quoted};
use crate::tensor::MOST_AXES;

/// What a known function makes.
#[derive(Clone, Copy)]
enum Call {
    /// A dict, of pairs or of another dict.
    Dict,
    /// An empty dict: what is given is no content.
    DefaultDict,
    List,
    Tuple,
    Set,
    /// Its first argument.
    First,
    /// An object of the class that is its first argument.
    Object,
    /// A value that is kept as its arguments, because nothing of it matters to a model.
    Kept,
    Tensor,
    /// A tensor of an element type of its own.
    TensorOfType,
    /// A tensor of a class of its own: the function and the arguments that make the tensor.
    Subclass,
    /// Bytes that were written as a text.
    Encoded,
    /// A number of NumPy.
    Scalar,
    /// An array of NumPy: bytes, type, shape, and `C` or `F` for the order of axes.
    Array,
}

/// By their names in Python 3, PyTorch and NumPy 2; [`RENAMED`] has what was called otherwise before.
#[rustfmt::skip]
const KNOWN: [(&str, Call); 41] = [
    ("collections.OrderedDict", Call::Dict),
    ("collections.Counter", Call::Dict),
    ("collections.defaultdict", Call::DefaultDict),
    ("collections.deque", Call::List),
    ("builtins.dict", Call::Dict),
    ("builtins.list", Call::List),
    ("builtins.tuple", Call::Tuple),
    ("builtins.set", Call::Set),
    ("builtins.frozenset", Call::Set),
    // A method of a class, which modules keep as an attribute: `torch.tanh`.
    ("builtins.getattr", Call::Kept),
    ("builtins.slice", Call::Kept), ("builtins.range", Call::Kept), ("builtins.xrange", Call::Kept),
    ("copyreg._reconstructor", Call::Object),
    ("copyreg.__newobj__", Call::Object),
    ("_codecs.encode", Call::Encoded),
    ("torch._utils._rebuild_tensor", Call::Tensor),
    ("torch._utils._rebuild_tensor_v2", Call::Tensor),
    ("torch._utils._rebuild_tensor_v3", Call::TensorOfType),
    ("torch._utils._rebuild_parameter", Call::First),
    ("torch._utils._rebuild_parameter_with_state", Call::First),
    ("torch.nn.parameter.Parameter", Call::First),
    ("torch._tensor._rebuild_from_type_v2", Call::Subclass),
    ("torch.Size", Call::Tuple),
    ("torch.device", Call::Kept),
    ("torch.serialization._get_layout", Call::Kept),
    ("torch.jit._pickle.build_intlist", Call::First),
    ("torch.jit._pickle.build_doublelist", Call::First),
    ("torch.jit._pickle.build_boollist", Call::First),
    ("torch.jit._pickle.build_tensorlist", Call::First),
    ("torch.jit._pickle.restore_type_tag", Call::First),
    ("numpy._core.multiarray.scalar", Call::Scalar),
    ("numpy._core.multiarray._reconstruct", Call::Kept),
    ("numpy._core.numeric._frombuffer", Call::Array),
    ("numpy.dtype", Call::Kept),
    ("pathlib.PosixPath", Call::Kept), ("pathlib.PurePosixPath", Call::Kept), ("pathlib.WindowsPath", Call::Kept),
    ("datetime.datetime", Call::Kept), ("datetime.date", Call::Kept), ("datetime.timedelta", Call::Kept),
];

impl Machine {
    /// Whether there is something here that stands for what a function or class of that name makes.
    pub(super) fn is_known(&self, global: &str) -> bool {
        find(global).is_some()
    }

    /// Puts on the stack what stands for the result of a call. Error: a function that is not known.
    pub(super) fn call(&mut self, callee: Id, arguments: &[Id]) -> Result<()> {
        let global = self.global(callee)?;
        let Some(call) = find(&global) else {
            let what = format!(
                "it calls {}, which is not read, and nothing in a file is run; save the weights alone: \
                 torch.save(model.state_dict(), FILE)",
                quoted(&global)
            );
            return Err(Error::unsupported(FORMAT, what));
        };
        match call {
            Call::Dict => self.dict(arguments),
            Call::DefaultDict => self.push(Node::Dict(Vec::new())),
            Call::List => self.items_of(arguments).and_then(|items| self.push(Node::List(items))),
            Call::Tuple => self.items_of(arguments).and_then(|items| self.push(Node::Tuple(items))),
            Call::Set => self.items_of(arguments).and_then(|items| self.push(Node::Set(items))),
            Call::First => {
                let first = argument(arguments, 0, &global)?;
                self.push_id(first);
                Ok(())
            }
            Call::Object => {
                let class = self.global(argument(arguments, 0, &global)?)?;
                self.push(Node::Object(Box::new(Object::new(class, arguments[1..].to_vec()))))
            }
            Call::Kept => self.push(Node::Object(Box::new(Object::new(global, arguments.to_vec())))),
            Call::Tensor | Call::TensorOfType => self.view(arguments, &global, call),
            Call::Subclass => {
                let made = argument(arguments, 2, &global)?;
                let inner = self.nodes.items(made).unwrap_or_default().to_vec();
                self.nodes.charge(inner.len())?;
                let function = self.global(arguments[0])?;
                match find(&function) {
                    Some(call @ (Call::Tensor | Call::TensorOfType)) => self.view(&inner, &function, call),
                    Some(Call::First) => {
                        let first = argument(&inner, 0, &function)?;
                        self.push_id(first);
                        Ok(())
                    }
                    _ => Err(Error::unsupported(
                        FORMAT,
                        format!("a tensor made by {} is not read", quoted(&function)),
                    )),
                }
            }
            Call::Encoded => self.encoded(arguments),
            Call::Scalar => self.scalar(arguments, &global),
            Call::Array => {
                let &[bytes, dtype, shape, order] = arguments else {
                    return Err(Error::damaged(
                        FORMAT,
                        "an array of NumPy has no bytes, type, shape and order",
                    ));
                };
                let is_fortran = self.nodes.text(order) == Some("F");
                let array = self.numpy(shape, dtype, is_fortran, bytes)?;
                self.push(Node::Array(Box::new(array)))
            }
        }
    }

    /// What a list, tuple or set is made of.
    fn items_of(&mut self, arguments: &[Id]) -> Result<Vec<Id>> {
        let Some(&of) = arguments.first() else { return Ok(Vec::new()) };
        let Some(items) = self.nodes.items(of) else {
            return Err(Error::damaged(FORMAT, "a list is made of what is no list"));
        };
        let items = items.to_vec();
        self.nodes.charge(items.len())?;
        Ok(items)
    }

    fn dict(&mut self, arguments: &[Id]) -> Result<()> {
        let entries = match arguments.first().map(|&of| (of, self.nodes.get(of))) {
            None => Vec::new(),
            Some((_, Node::Dict(entries))) => entries.clone(),
            Some((of, _)) => {
                let pairs = self.nodes.items(of).unwrap_or_default().iter().map(|&pair| {
                    match self.nodes.items(pair) {
                        Some(&[key, value]) => Ok((key, value)),
                        _ => Err(Error::damaged(FORMAT, "a dict is made of what are no pairs")),
                    }
                });
                pairs.collect::<Result<_>>()?
            }
        };
        self.nodes.charge(entries.len())?;
        self.push(Node::Dict(entries))
    }

    /// A storage, by the tuple that names it: its kind, type, key, device and length.
    pub(super) fn storage(&self, items: &[Id]) -> Result<Storage> {
        let class = self.global(items[1])?;
        let Some(element) = of_storage(&class) else {
            return Err(Error::unsupported(FORMAT, format!("tensors in a {} are not read", quoted(&class))));
        };
        match (self.nodes.text(items[2]), self.nodes.unsigned(items[4])) {
            (Some(key), Some(length)) => Ok(Storage { key: key.into(), element, length }),
            _ => Err(Error::damaged(FORMAT, "a storage has no name or no length")),
        }
    }

    /// A tensor by its storage, offset, shape and strides.
    fn view(&mut self, arguments: &[Id], global: &str, call: Call) -> Result<()> {
        let storage = argument(arguments, 0, global)?;
        let Node::Storage(of) = self.nodes.get(storage) else {
            return Err(Error::damaged(FORMAT, "a tensor has no storage"));
        };
        let element = match call {
            Call::TensorOfType => {
                let dtype = self.global(argument(arguments, 6, global)?)?;
                let not_read =
                    || Error::unsupported(FORMAT, format!("tensors of {} are not read", quoted(&dtype)));
                Some(of_dtype(&dtype).ok_or_else(not_read)?)
            }
            _ => of.element,
        };
        let element = element.ok_or_else(|| Error::damaged(FORMAT, "a tensor has no element type"))?;
        let offset = self.nodes.unsigned(argument(arguments, 1, global)?);
        let shape = self.sizes(argument(arguments, 2, global)?)?;
        let strides = self.sizes(argument(arguments, 3, global)?)?;
        let shape: Option<Vec<usize>> = shape.iter().map(|&size| usize::try_from(size).ok()).collect();
        let (Some(offset), Some(shape)) = (offset, shape) else {
            return Err(Error::damaged(FORMAT, "a tensor has no offset or no shape"));
        };
        let metadata = arguments.get(if matches!(call, Call::TensorOfType) { 7 } else { 6 });
        if metadata.is_some_and(|&metadata| self.is_marked(metadata)) {
            let what = "a tensor that is marked as the negative or conjugate of its values is not read; save its clone()";
            return Err(Error::unsupported(FORMAT, what));
        }
        if shape.len() != strides.len() {
            let what = format!("a tensor has {} axes and {} strides", shape.len(), strides.len());
            return Err(Error::damaged(FORMAT, what));
        }
        self.push(Node::View(Box::new(View { storage, element, offset, shape, strides })))
    }

    /// Whether the notes about a tensor say that its values are others than those in its storage.
    fn is_marked(&self, metadata: Id) -> bool {
        let Node::Dict(entries) = self.nodes.get(metadata) else { return false };
        entries.iter().any(|&(key, value)| {
            matches!(self.nodes.text(key), Some("neg" | "conj"))
                && matches!(self.nodes.get(value), Node::Bool(true))
        })
    }

    /// A tuple of sizes.
    pub(super) fn sizes(&self, id: Id) -> Result<Vec<u64>> {
        let items = self.nodes.items(id).unwrap_or_default();
        if items.len() > MOST_AXES {
            return Err(Error::too_large(
                FORMAT,
                "the number of axes",
                items.len() as u128,
                MOST_AXES as u128,
            ));
        }
        let sizes = items.iter().map(|&item| self.nodes.unsigned(item)).collect::<Option<_>>();
        sizes.ok_or_else(|| Error::damaged(FORMAT, "a size or stride of a tensor is no whole number"))
    }

    /// Bytes that were written as a text in Latin-1.
    fn encoded(&mut self, arguments: &[Id]) -> Result<()> {
        let text = arguments.first().and_then(|&text| self.nodes.text(text));
        let bytes =
            text.map(|text| text.chars().map(|c| u8::try_from(u32::from(c))).collect::<Result<Vec<u8>, _>>());
        let Some(Ok(bytes)) = bytes else {
            return Err(Error::damaged(FORMAT, "bytes are written as what is no Latin-1"));
        };
        self.nodes.charge_bytes(bytes.len())?;
        self.push(Node::Bytes(bytes.into()))
    }
}

/// Modules by the names that they had before: in Python 2, which protocol 2 writes in Python 3 as well, and in NumPy 1.
const RENAMED: [(&str, &str); 3] =
    [("__builtin__.", "builtins."), ("copy_reg.", "copyreg."), ("numpy.core.", "numpy._core.")];

fn find(global: &str) -> Option<Call> {
    let renamed = RENAMED.iter().find_map(|(before, now)| Some((*now, global.strip_prefix(before)?)));
    let (module, name) = renamed.unwrap_or(("", global));
    let is = |known: &str| known.strip_prefix(module) == Some(name);
    KNOWN.iter().find(|(known, _)| is(known)).map(|(_, call)| *call)
}

pub(super) fn argument(arguments: &[Id], position: usize, global: &str) -> Result<Id> {
    let missing =
        || Error::damaged(FORMAT, format!("{} has {} arguments only", quoted(global), arguments.len()));
    arguments.get(position).copied().ok_or_else(missing)
}
