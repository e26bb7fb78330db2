//! Model files, arrays and sounds of other programs, and the models made of them.

use sumun_formats::{audio, npy, onnx, safetensors, torch, wav};
use sumun_nn::interchange::ForeignFile;

use super::{choices, said};

/// A file of another program, in the format that it seems to have.
pub fn foreign(bytes: &[u8]) -> Result<(), String> {
    let is_header = bytes.get(8) == Some(&b'{');
    match bytes {
        [b'R', b'I', b'F', b'F', ..] => said(wav::read(bytes)).map(drop),
        [b'{', ..] => said(audio::read(bytes)).map(drop),
        [0x93, b'N', ..] => said(npy::read(bytes)).map(drop),
        [b'P', b'K', ..] | [0x80, ..] => weights(bytes),
        _ if is_header => weights(bytes),
        _ => said(onnx::read(bytes)).map(drop),
    }
}

/// A file of tensors by name, and the model that they may be the weights of.
fn weights(bytes: &[u8]) -> Result<(), String> {
    match choices(bytes).below(4) {
        0 => {
            let checkpoint = said(torch::read(bytes))?;
            said(checkpoint.root().tensors()).map(drop)
        }
        1 => said(npy::read_archive(bytes)).map(drop),
        2 => said(safetensors::read(bytes)).map(drop),
        _ => said(said(ForeignFile::read(bytes))?.import(None)).map(drop),
    }
}
