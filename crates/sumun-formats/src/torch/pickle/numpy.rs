//! Numbers and arrays of NumPy in a pickle.

use super::FORMAT;
use super::calls::argument;
use super::machine::Machine;
use super::node::{Id, Node};
use crate::bytes::Endian;
use crate::error::{Error, Result, quoted};
use crate::strided::{self, gather};
use crate::tensor::{Data, ElementType, Tensor, elements};

impl Machine {
    /// A number of NumPy: its type and its bytes.
    pub(super) fn scalar(&mut self, arguments: &[Id], global: &str) -> Result<()> {
        let (dtype, bytes) = (argument(arguments, 0, global)?, argument(arguments, 1, global)?);
        let (element, endian) = self.numpy_type(dtype)?;
        let data = Data::from_bytes(element, self.numpy_bytes(bytes)?, endian, FORMAT)?;
        self.push(match data {
            Data::F64(values) if values.len() == 1 => Node::Float(values[0]),
            Data::F32(values) if values.len() == 1 => Node::Float(values[0].into()),
            Data::Bool(values) if values.len() == 1 => Node::Bool(values[0]),
            data => {
                let tensor = Tensor::new(data.element(), vec![1], data, FORMAT)?;
                Node::Int(tensor.to_i64()?[0].into())
            }
        })
    }

    fn numpy_bytes(&self, id: Id) -> Result<&[u8]> {
        match self.nodes.get(id) {
            Node::Bytes(bytes) => Ok(bytes),
            _ => Err(Error::damaged(FORMAT, "an array of NumPy has no bytes")),
        }
    }

    /// The element type and byte order of a `numpy.dtype`.
    fn numpy_type(&self, id: Id) -> Result<(ElementType, Endian)> {
        let Node::Object(dtype) = self.nodes.get(id) else {
            return Err(Error::damaged(FORMAT, "an array of NumPy has no type"));
        };
        let name = dtype.arguments.first().and_then(|&name| self.nodes.text(name)).unwrap_or("nothing");
        let Some(element) = ElementType::of_numpy(name) else {
            return Err(Error::unsupported(
                FORMAT,
                format!("arrays of NumPy's {} are not read", quoted(name)),
            ));
        };
        let state = dtype.state.and_then(|state| self.nodes.items(state)).unwrap_or_default();
        match state.get(1).and_then(|&order| self.nodes.text(order)) {
            Some(">") => Ok((element, Endian::Big)),
            _ => Ok((element, Endian::Little)),
        }
    }

    /// The array of NumPy that an object becomes once it has its state: version, shape, type, whether its first axis is the
    /// innermost, and bytes. None: it is no such array.
    pub(super) fn array(&mut self, object: Id, state: Id) -> Result<Option<Tensor>> {
        let Node::Object(object) = self.nodes.get(object) else { return Ok(None) };
        if !object.global.ends_with(".multiarray._reconstruct") {
            return Ok(None);
        }
        let Some(&[_, shape, dtype, fortran, bytes]) = self.nodes.items(state) else {
            return Err(Error::damaged(FORMAT, "an array of NumPy has no shape, type and bytes"));
        };
        let is_fortran = matches!(self.nodes.get(fortran), Node::Bool(true));
        self.numpy(shape, dtype, is_fortran, bytes).map(Some)
    }

    /// An array of NumPy.
    pub(super) fn numpy(&mut self, shape: Id, dtype: Id, is_fortran: bool, bytes: Id) -> Result<Tensor> {
        let shape: Option<Vec<usize>> =
            self.sizes(shape)?.iter().map(|&size| usize::try_from(size).ok()).collect();
        let shape = shape.ok_or_else(|| Error::damaged(FORMAT, "an array of NumPy has no shape"))?;
        let ((element, endian), bytes) = (self.numpy_type(dtype)?, self.numpy_bytes(bytes)?);
        let count = elements(&shape, FORMAT)?;
        if count.checked_mul(element.bytes()) != Some(bytes.len()) {
            let what = format!("an array of NumPy of shape {shape:?} has {} bytes", bytes.len());
            return Err(Error::damaged(FORMAT, what));
        }
        let length = bytes.len();
        let bytes = match is_fortran {
            true => gather(bytes, element.bytes(), 0, &shape, &strided::fortran(&shape), FORMAT)?,
            false => bytes.into(),
        };
        let tensor = Tensor::new(element, shape, Data::from_bytes(element, &bytes, endian, FORMAT)?, FORMAT)?;
        // The same bytes can become any number of arrays.
        self.nodes.charge_bytes(length)?;
        Ok(tensor)
    }
}
