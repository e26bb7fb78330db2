//! Writes tensors as the state_dict of a module.

use super::FORMAT;
use crate::error::{Error, Result};
use crate::tensor::{ElementType, Tensor, Tensors};
use crate::zip::Writer;

/// PyTorch maps storages into memory at multiples of this.
const ALIGNMENT: usize = 64;

/// Writes a file that `torch.load(FILE, weights_only=True)` reads as an ordered dict of tensors by name, which
/// `load_state_dict` takes. Elements have the type that they have in memory. The same tensors give the same bytes. Error: more
/// than 4 GB, which safetensors files hold.
pub fn write(tensors: &Tensors) -> Result<Vec<u8>> {
    let mut writer = Writer::new(ALIGNMENT);
    writer.add("archive/data.pkl", &pickle(tensors)?)?;
    writer.add("archive/byteorder", b"little")?;
    for (key, (_, tensor)) in tensors.iter().enumerate() {
        let mut bytes = Vec::new();
        tensor.data().extend_le_bytes(&mut bytes);
        writer.add(&format!("archive/data/{key}"), &bytes)?;
    }
    writer.add("archive/version", b"3\n")?;
    writer.finish()
}

/// The dict, in the instructions of protocol 2.
fn pickle(tensors: &Tensors) -> Result<Vec<u8>> {
    let mut out = vec![0x80, 2];
    out.extend(b"ccollections\nOrderedDict\n)R(");
    for (key, (name, tensor)) in tensors.iter().enumerate() {
        text(&mut out, name)?;
        rebuilt(&mut out, key, tensor)?;
    }
    out.extend(b"u.");
    Ok(out)
}

/// A call that makes a tensor of its storage, offset, shape, strides, whether it asks for gradients, and its hooks.
fn rebuilt(out: &mut Vec<u8>, key: usize, tensor: &Tensor) -> Result<()> {
    let storage = match tensor.data().element() {
        ElementType::F64 => "Double",
        ElementType::I64 => "Long",
        ElementType::I32 => "Int",
        ElementType::I8 => "Char",
        ElementType::U8 => "Byte",
        ElementType::Bool => "Bool",
        _ => "Float",
    };
    out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
    text(out, "storage")?;
    out.extend(format!("ctorch\n{storage}Storage\n").as_bytes());
    text(out, &key.to_string())?;
    text(out, "cpu")?;
    integer(out, tensor.data().len());
    out.extend(b"tQ");
    integer(out, 0);
    let mut strides = vec![1_usize; tensor.shape().len()];
    for axis in (1..strides.len()).rev() {
        strides[axis - 1] = strides[axis] * tensor.shape()[axis].max(1);
    }
    for sizes in [tensor.shape(), &strides] {
        out.push(b'(');
        sizes.iter().for_each(|&size| integer(out, size));
        out.push(b't');
    }
    out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    Ok(())
}

fn text(out: &mut Vec<u8>, text: &str) -> Result<()> {
    let length = u32::try_from(text.len())
        .map_err(|_| Error::too_large(FORMAT, "the length of a name", text.len() as u128, u32::MAX.into()))?;
    out.push(b'X');
    out.extend(length.to_le_bytes());
    out.extend(text.as_bytes());
    Ok(())
}

/// A whole number, in as many bytes as it takes with a sign.
fn integer(out: &mut Vec<u8>, value: usize) {
    match i32::try_from(value) {
        Ok(value) => {
            out.push(b'J');
            out.extend(value.to_le_bytes());
        }
        Err(_) => {
            out.extend([0x8a, 9]);
            out.extend((value as u64).to_le_bytes());
            out.push(0);
        }
    }
}
