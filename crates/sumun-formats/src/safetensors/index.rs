//! A model in several files: an index (`model.safetensors.index.json`) says which tensor is in which.

use serde::Deserialize;

use super::{Contents, read};
use crate::error::{Error, Result, quoted};
use crate::json::{self, Entries};

const FORMAT: &str = "safetensors index";

/// The most files that an index may name.
const MOST_SHARDS: usize = 1000;

#[derive(Deserialize)]
struct Index {
    /// The name of a file for the name of each tensor.
    weight_map: Entries<String>,
}

/// Reads the tensors of an index, in its order. `shard` gives the bytes of a file by its name, which is a plain one: no path.
/// Each file is asked for once, and forgotten before the next. Errors: those of `shard`, an index that is not one, a file that
/// cannot be read, and tensors that the index names and its file does not have, or the other way round.
pub fn read_index<E: From<Error>>(
    index: &[u8],
    mut shard: impl FnMut(&str) -> Result<Vec<u8>, E>,
) -> Result<Contents, E> {
    let index: Index = json::parse(index, FORMAT)?;
    let mut shards: Vec<&str> = index.weight_map.0.iter().map(|(_, name)| name.as_str()).collect();
    shards.sort_unstable();
    shards.dedup();
    if shards.len() > MOST_SHARDS {
        let (found, most) = (shards.len() as u128, MOST_SHARDS as u128);
        return Err(Error::too_large(FORMAT, "the number of files", found, most).into());
    }
    let places = index.weight_map.0.iter().map(|(name, shard)| (name.as_str(), shard.as_str()));
    let places: std::collections::HashMap<_, _> = places.collect();
    let mut contents = Contents::default();
    for name in shards {
        check_name(name)?;
        let Contents { metadata, tensors } = read(&shard(name)?)?;
        contents.metadata.extend(metadata);
        for (tensor, values) in tensors.into_iter() {
            if places.get(tensor.as_str()) != Some(&name) {
                let what = format!("it does not say that tensor {} is in {}", quoted(&tensor), quoted(name));
                return Err(Error::damaged(FORMAT, what).into());
            }
            contents.tensors.insert(tensor, values, FORMAT)?;
        }
    }
    for (tensor, file) in places {
        if contents.tensors.get(tensor).is_none() {
            let what = format!("there is no tensor {} in {}", quoted(tensor), quoted(file));
            return Err(Error::damaged(FORMAT, what).into());
        }
    }
    Ok(contents)
}

/// A file's name may not lead out of the folder of the index.
fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\\', ':', '\0']) {
        return Err(Error::damaged(FORMAT, format!("{} is not a plain name of a file", quoted(name))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{Tensor, Tensors, safetensors::write};

    fn shard(names: &[&str]) -> Vec<u8> {
        let mut tensors = Tensors::new();
        for name in names {
            tensors.insert((*name).into(), Tensor::f32(vec![1], vec![1.0]).unwrap(), "test").unwrap();
        }
        write(&tensors, &BTreeMap::new()).unwrap()
    }

    #[test]
    fn tensors_come_from_the_files_that_the_index_names() {
        let index = br#"{"metadata":{"total_size":12},"weight_map":{"a":"1","b":"2","c":"1"}}"#;
        let read = |first: &[&str], second: &[&str]| {
            read_index(index, |name| match name {
                "1" => Ok::<_, Error>(shard(first)),
                "2" => Ok(shard(second)),
                other => panic!("{other}"),
            })
        };
        let contents = read(&["a", "c"], &["b"]).unwrap();
        assert_eq!(contents.tensors.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "c", "b"]);
        let error = |first: &[&str], second: &[&str]| read(first, second).unwrap_err().to_string();
        assert!(error(&["a"], &["b"]).contains("there is no tensor 'c' in '1'"));
        assert!(error(&["a", "c"], &["b", "d"]).contains("does not say that tensor 'd' is in '2'"));
        assert!(error(&["a", "b", "c"], &["b"]).contains("does not say that tensor 'b' is in '1'"));
    }

    #[test]
    fn no_file_outside_the_folder_is_asked_for() {
        for name in ["../a", "/etc/passwd", "..", "", "C:a", r"a\\b"] {
            let index = format!(r#"{{"weight_map":{{"a":"{name}"}}}}"#);
            let error =
                read_index::<Error>(index.as_bytes(), |name| panic!("{name} is asked for")).unwrap_err();
            assert!(error.to_string().contains("is not a plain name of a file"), "{error}");
        }
    }

    #[test]
    fn errors_of_the_caller_come_back() {
        #[derive(Debug, PartialEq)]
        struct Mine(String);
        impl From<Error> for Mine {
            fn from(error: Error) -> Self {
                Self(error.to_string())
            }
        }
        let index = br#"{"weight_map":{"a":"1"}}"#;
        assert_eq!(read_index(index, |_| Err(Mine("no such file".into()))), Err(Mine("no such file".into())));
    }
}
