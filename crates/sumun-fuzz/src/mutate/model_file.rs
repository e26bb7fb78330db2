//! Changes inside model files and checkpoints: lengths, offsets and the checksum are right again, so that what the file says
//! is what is attacked.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sumun_testing::Random;

use super::{json, text};
use crate::lie;

/// One in so many files keeps the checksum of before.
const UNREPAIRED: usize = 20;

/// A file taken apart.
struct File {
    metadata: BTreeMap<String, String>,
    tensors: Vec<Tensor>,
}

#[derive(Clone)]
struct Tensor {
    name: String,
    kind: String,
    shape: Vec<u64>,
    data: Vec<u8>,
}

#[derive(Deserialize)]
struct Info {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (usize, usize),
}

/// Changes what a model file says; false where the bytes are none.
pub(super) fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) -> bool {
    let Some(mut file) = File::parse(bytes) else { return false };
    for _ in 0..lie::few(random) {
        once(&mut file, seeds, random);
    }
    if !lie::one_in(random, UNREPAIRED) {
        let checksum = file.checksum();
        file.metadata.insert("sumun.checksum".into(), checksum);
    }
    *bytes = file.to_bytes();
    true
}

fn once(file: &mut File, seeds: &[Vec<u8>], random: &mut Random) {
    let tensors = file.tensors.len();
    match random.below(10) {
        0..=4 => {
            let config = file.metadata.entry("sumun.config".into()).or_default();
            let mut bytes = std::mem::take(config).into_bytes();
            if lie::one_in(random, 4) || !json::change(&mut bytes, random) {
                text::change(&mut bytes, seeds, random);
            }
            *config = String::from_utf8_lossy(&bytes).into_owned();
        }
        5 if lie::one_in(random, 4) => {
            let tasks = [
                "forecast",
                "classify",
                "regress",
                "tag",
                "lm",
                "translate",
                "simulate",
                "checkpoint",
                "model",
                "",
            ];
            file.metadata.insert("sumun.task".into(), lie::one_of(random, &tasks).to_owned());
        }
        5 if lie::one_in(random, 4) => {
            let formats = ["1", "2", "3", "0", ""];
            file.metadata.insert("sumun.format".into(), lie::one_of(random, &formats).to_owned());
        }
        _ if tensors == 0 => {}
        5 if lie::one_in(random, 3) => {
            let types = ["F32", "I8", "U8", "F64"];
            file.tensors[random.below(tensors)].kind = lie::one_of(random, &types).to_owned();
        }
        5 => {
            let tensor = file.tensors[random.below(tensors)].clone();
            let name = format!("{}{}", tensor.name, lie::text(random));
            file.tensors.push(Tensor { name, ..tensor });
        }
        6 => drop(file.tensors.swap_remove(random.below(tensors))),
        7 => {
            let (one, other) = (random.below(tensors), random.below(tensors));
            let name = file.tensors[one].name.clone();
            file.tensors[one].name = std::mem::replace(&mut file.tensors[other].name, name);
        }
        8 => reshape(&mut file.tensors[random.below(tensors)], random),
        _ => {
            let data = &mut file.tensors[random.below(tensors)].data;
            for _ in 0..1 + random.below(8) {
                let place = random.below(data.len() / 4 + 1);
                if let Some(value) = data.get_mut(4 * place..4 * place + 4) {
                    value.copy_from_slice(&lie::float(random).to_le_bytes());
                }
            }
        }
    }
}

/// Another shape, mostly with the values for it.
fn reshape(tensor: &mut Tensor, random: &mut Random) {
    let rank = tensor.shape.len();
    match random.below(6) {
        0 => tensor.shape.reverse(),
        1 => tensor.shape = vec![tensor.data.len() as u64 / 4],
        2 => tensor.shape.insert(random.below(rank + 1), 1),
        3 => tensor.shape = vec![lie::size(random) as u64, lie::size(random) as u64],
        4 => tensor.shape.insert(random.below(rank + 1), 0),
        _ if rank > 0 => {
            tensor.shape[random.below(rank)] = 1 + random.below(20) as u64;
            let numbers: u64 = tensor.shape.iter().fold(1_u64, |all, &size| all.saturating_mul(size));
            tensor.data.resize(4 * numbers.min(1 << 14) as usize, 0);
        }
        _ => {}
    }
}

impl File {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let length = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
        let end = usize::try_from(length).ok()?.checked_add(8)?;
        let header = bytes.get(8..end).filter(|header| header.first() == Some(&b'{'))?;
        let mut header: BTreeMap<String, Value> = serde_json::from_slice(header).ok()?;
        let metadata = serde_json::from_value(header.remove("__metadata__")?).ok()?;
        let mut tensors = Vec::new();
        for (name, info) in header {
            let Info { dtype, shape, data_offsets: (start, stop) } = serde_json::from_value(info).ok()?;
            let data = bytes[end..].get(start..stop)?.to_vec();
            tensors.push((start, Tensor { name, kind: dtype, shape, data }));
        }
        tensors.sort_by_key(|tensor| tensor.0);
        Some(Self { metadata, tensors: tensors.into_iter().map(|tensor| tensor.1).collect() })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut header = format!("{{\"__metadata__\":{}", json!(self.metadata));
        let mut data = Vec::new();
        for tensor in &self.tensors {
            let start = data.len();
            data.extend(&tensor.data);
            let info =
                json!({ "dtype": tensor.kind, "shape": tensor.shape, "data_offsets": [start, data.len()] });
            header += &format!(",{}:{info}", json!(tensor.name));
        }
        header.push('}');
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
    }

    /// The checksum as the head of `model/checksum.rs` in sumun-nn describes it, worked out from the description alone.
    fn checksum(&self) -> String {
        let mut fields = Sha256::new();
        let update = |hash: &mut Sha256, text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        for key in ["sumun.format", "sumun.version", "sumun.task", "sumun.config"] {
            update(&mut fields, self.metadata.get(key).map_or("", String::as_str));
        }
        let digest = |tensor: &Tensor| {
            let mut hash = Sha256::new();
            update(&mut hash, &tensor.name);
            hash.update((tensor.shape.len() as u64).to_le_bytes());
            tensor.shape.iter().for_each(|size| hash.update(size.to_le_bytes()));
            hash.update(&tensor.data);
            <[u8; 32]>::from(hash.finalize())
        };
        let mut tensors: Vec<_> = self.tensors.iter().map(|tensor| (&tensor.name, digest(tensor))).collect();
        tensors.sort();
        tensors.iter().for_each(|(_, digest)| fields.update(digest));
        fields.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use sumun::model::{ModelFile, NamedTensor};

    use super::*;

    #[test]
    fn a_file_taken_apart_and_put_together_is_the_same_model() {
        let tensors =
            vec![NamedTensor::new("w", &[2, 1], vec![1.0, 2.0]), NamedTensor::new("b", &[], vec![3.0])];
        let model = ModelFile { task: "lm".into(), config: json!({ "a": [1, "b"] }), tensors };
        let bytes = model.to_bytes().unwrap();
        let mut file = File::parse(&bytes).unwrap();
        let said = file.metadata.insert("sumun.checksum".into(), String::new()).unwrap();
        assert_eq!(file.checksum(), said);
        file.tensors[0].data[0] ^= 1;
        let changed = file.checksum();
        file.metadata.insert("sumun.checksum".into(), changed);
        let read = ModelFile::from_bytes("m", &file.to_bytes()).unwrap();
        assert_eq!(
            (read.task, read.config, read.tensors[1].clone()),
            (model.task, model.config, model.tensors[1].clone())
        );
        assert_eq!(read.tensors[0].values[0].to_bits(), 1.0_f32.to_bits() ^ 1);
    }
}
