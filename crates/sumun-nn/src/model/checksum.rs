//! The checksum of a model's content: what it says, not how the file lays it out.
//!
//! SHA-256 over the fields format, version, task and configuration, then over the digests of the tensors in the
//! order of their names. A tensor's digest is SHA-256 over its name, its rank, its dimensions and its values as
//! little-endian F32. Texts go in as UTF-8 behind their length in bytes; every number is a little-endian u64.
//! So a tool that writes the same tensors and metadata in another order makes a file that still loads.

use sha2::{Digest, Sha256};

/// The checksum as it grows.
pub(super) struct Checksum {
    fields: Sha256,
    tensors: Vec<(String, [u8; 32])>,
}

/// The digest of one tensor as its values come in.
pub(super) struct TensorChecksum(Sha256);

impl Checksum {
    /// Starts with the metadata: format, version, task and configuration, each as the file spells it.
    pub(super) fn new(fields: [&str; 4]) -> Self {
        let mut hash = Sha256::new();
        for text in fields {
            update_text(&mut hash, text);
        }
        Self { fields: hash, tensors: Vec::new() }
    }

    /// Takes in a tensor whose values have all been seen.
    pub(super) fn add(&mut self, name: &str, tensor: TensorChecksum) {
        self.tensors.push((name.to_owned(), tensor.0.finalize().into()));
    }

    /// The checksum in hexadecimal.
    pub(super) fn finish(mut self) -> String {
        self.tensors.sort();
        for (_, digest) in &self.tensors {
            self.fields.update(digest);
        }
        self.fields.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl TensorChecksum {
    /// Starts with what the header says of the tensor.
    pub(super) fn new(name: &str, shape: &[usize]) -> Self {
        let mut hash = Sha256::new();
        update_text(&mut hash, name);
        hash.update((shape.len() as u64).to_le_bytes());
        for &dim in shape {
            hash.update((dim as u64).to_le_bytes());
        }
        Self(hash)
    }

    /// Takes in the next values, as they are in the file.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

fn update_text(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's hashlib from the words at the head of this file.
    #[test]
    fn the_checksum_is_the_one_described() {
        let head: (_, &[usize], _) = ("head.weight", &[1, 2], vec![0.5_f32, -1.0]);
        let bias: (_, &[usize], _) = ("bias", &[], vec![3.0_f32]);
        for order in [[&head, &bias], [&bias, &head]] {
            let mut checksum = Checksum::new(["1", "0.1.0", "forecast", r#"{"window":24}"#]);
            for (name, shape, values) in order {
                let mut tensor = TensorChecksum::new(name, shape);
                values.iter().for_each(|value| tensor.update(&value.to_le_bytes()));
                checksum.add(name, tensor);
            }
            assert_eq!(checksum.finish(), "53d417b7722c3ca6c5cd0b1a2df01029ac31a1c3a203775c5fa3a49742967fdd");
        }
    }
}
