//! Uses of operators with arguments that are no tensors.

use sumun_formats::keras::{Call, Settings, Value};

/// A use of an operator with an argument that is no tensor behind what it reads.
pub(super) fn with_argument(call: Call, argument: Value) -> Call {
    let mut call = call;
    call.settings.set(&call.arguments.len().to_string(), argument);
    call.arguments.push(Vec::new());
    call
}

/// `x[…]`.
pub(super) fn item(call: Call, key: Vec<Value>) -> Call {
    with_argument(call, key.into())
}

/// `start:stop`.
pub(super) fn slice(start: Value, stop: Value) -> Value {
    let config = Settings::from([("start", start), ("stop", stop), ("step", Value::Null)]);
    Settings::from([("class_name", "__slice__".into()), ("config", config.into())]).into()
}

/// `:`.
pub(super) fn all() -> Value {
    slice(Value::Null, Value::Null)
}
