//! Element types by the names that PyTorch has for them in a pickle.

use crate::tensor::ElementType;

/// The element type of a class of storages; `Some(None)` for one without. None: a class that is not read.
pub(super) fn of_storage(class: &str) -> Option<Option<ElementType>> {
    let (module, name) = class.rsplit_once('.')?;
    if !matches!(module, "torch" | "torch.cuda" | "torch.storage") {
        return None;
    }
    Some(Some(match name.strip_suffix("Storage")? {
        "Untyped" | "_Untyped" => return Some(None),
        "Double" => ElementType::F64,
        "Float" => ElementType::F32,
        "Half" => ElementType::F16,
        "BFloat16" => ElementType::Bf16,
        "Long" => ElementType::I64,
        "Int" => ElementType::I32,
        "Short" => ElementType::I16,
        "Char" => ElementType::I8,
        "Byte" => ElementType::U8,
        "Bool" => ElementType::Bool,
        _ => return None,
    }))
}

/// The element type of a `torch.dtype`.
pub(super) fn of_dtype(dtype: &str) -> Option<ElementType> {
    Some(match dtype.strip_prefix("torch.")? {
        "float64" => ElementType::F64,
        "float32" => ElementType::F32,
        "float16" => ElementType::F16,
        "bfloat16" => ElementType::Bf16,
        "int64" => ElementType::I64,
        "int32" => ElementType::I32,
        "int16" => ElementType::I16,
        "int8" => ElementType::I8,
        "uint64" => ElementType::U64,
        "uint32" => ElementType::U32,
        "uint16" => ElementType::U16,
        "uint8" => ElementType::U8,
        "bool" => ElementType::Bool,
        _ => return None,
    })
}
