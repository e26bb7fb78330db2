//! What happened in each epoch, one JSON object a line, to be followed while it is written.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::{Error, Result, durable};

/// Writes one JSON object a line ([JSON Lines](https://jsonlines.org)), each in a single write, so that a reader
/// of the growing file sees whole lines. JSON has no NaN and no infinity: they become `null`.
#[derive(Debug)]
pub struct MetricsWriter {
    file: File,
    path: PathBuf,
}

impl MetricsWriter {
    /// Begins the file at `path`; an existing one is replaced. Errors: what the operating system refuses.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        Self::with::<()>(path, &[])
    }

    /// As [`create`](Self::create), with records that are known already, all at once. Errors as [`write`](Self::write).
    pub fn with<R: Serialize>(path: impl AsRef<Path>, records: &[R]) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let lines: Vec<Vec<u8>> = records.iter().map(line).collect::<Result<_>>()?;
        match durable::create(&path, &lines.concat()) {
            Ok(file) => Ok(Self { file, path }),
            Err(source) => Err(Error::Io { path, source }),
        }
    }

    /// Adds a line. Errors: a record that is no struct or map, and what the operating system refuses.
    pub fn write(&mut self, record: &impl Serialize) -> Result<()> {
        durable::append(&mut self.file, &self.path, &line(record)?)
            .map_err(|source| Error::Io { path: self.path.clone(), source })
    }
}

/// A record with its line end.
fn line(record: &impl Serialize) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(record)
        .map_err(|error| Error::Invalid(format!("a metrics record cannot be written as JSON: {error}")))?;
    if line.first() != Some(&b'{') {
        return Err(Error::Invalid("a metrics record must be a struct or a map".into()));
    }
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Epoch<'a> {
        epoch: usize,
        valid_loss: f64,
        note: &'a str,
    }

    #[test]
    fn every_record_is_a_line_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut metrics = MetricsWriter::create(&path).unwrap();
        metrics.write(&Epoch { epoch: 1, valid_loss: 0.5, note: "a\nb" }).unwrap();
        let first = "{\"epoch\":1,\"valid_loss\":0.5,\"note\":\"a\\nb\"}\n";
        assert_eq!(std::fs::read_to_string(&path).unwrap(), first);
        metrics.write(&Epoch { epoch: 2, valid_loss: f64::NAN, note: "" }).unwrap();
        let both = format!("{first}{{\"epoch\":2,\"valid_loss\":null,\"note\":\"\"}}\n");
        assert!(metrics.write(&[1, 2]).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), both);
        assert!(MetricsWriter::create(folder.path()).is_err());
    }
}
