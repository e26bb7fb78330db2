//! A finished run, found again.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{CHECKPOINT_FILE, MODEL_FILE, Staged};
use crate::durable::folder_of;
use crate::message::MessagePart;
use crate::model::ModelFile;
use crate::outside::Links;
use crate::{Error, Result};

/// A finished run on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
    model: PathBuf,
    /// Whether the model file may be a link: not in a run folder.
    links: Links,
}

impl RunFolder {
    /// Begins a run folder at `path`; see [`Staged`]. Do this before training, so that a name that is taken is
    /// known before the work. Folders above it are made. Errors: something is there already, the path does not
    /// end in a name, and what the operating system refuses.
    pub fn stage(path: impl AsRef<Path>) -> Result<Staged> {
        Staged::new(path.as_ref())
    }

    /// Finds a run by its folder, or by its model file, which may also lie alone anywhere. The model is looked
    /// for, not read. Errors: nothing there (the message names the nearest), and a folder without a model.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let refused = |source| Error::Io { path: path.to_path_buf(), source };
        let found = match std::fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let hint = match nearest(path) {
                    Some(nearest) => format!("did you mean {}?", nearest.display()),
                    None => "give the folder that a training made".into(),
                };
                return Err(Error::Model(format!(
                    "{}: there is no such run folder or model file; {hint}",
                    path.display()
                )));
            }
            found => found.map_err(refused)?,
        };
        if !found.is_dir() {
            let (path, model) = (folder_of(path).to_path_buf(), path.to_path_buf());
            return Ok(Self { path, model, links: Links::Follow });
        }
        let model = path.join(MODEL_FILE);
        if model.try_exists().map_err(refused)? {
            return Ok(Self { path: path.to_path_buf(), model, links: Links::Refuse });
        }
        if path.join(CHECKPOINT_FILE).try_exists().map_err(refused)? {
            return Err(Error::Model(format!("{}: its training is not finished", path.display()))
                .advise(MessagePart::Resume(path.to_path_buf())));
        }
        let hint = match newest_inside(path) {
            Some(run) => format!("did you mean {}?", run.display()),
            None => "give the folder that a training made".into(),
        };
        Err(Error::Model(format!("{}: has no {MODEL_FILE}; {hint}", path.display())))
    }

    /// The folder, as it was given; for a model file the folder that it lies in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The model file.
    pub fn model_path(&self) -> &Path {
        &self.model
    }

    /// Reads the model. Errors as [`ModelFile::load`].
    pub fn load_model(&self) -> Result<ModelFile> {
        ModelFile::load_from(&self.model, self.links)
    }
}

/// What is beside the missing `path` and is spelled most like it.
fn nearest(path: &Path) -> Option<PathBuf> {
    let wanted = path.file_name()?.to_string_lossy().to_lowercase();
    // Sorted, because a folder lists its names in any order.
    let mut entries: Vec<_> = std::fs::read_dir(folder_of(path)).ok()?.flatten().collect();
    entries.sort_by_key(|entry| entry.file_name());
    let names: Vec<String> =
        entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let found = crate::data::nearest(&wanted, names.iter())?;
    let place = names.iter().position(|name| name == found)?;
    Some(path.with_file_name(entries[place].file_name()))
}

/// The run finished last among those directly inside a folder, for one who gives the folder of all runs.
fn newest_inside(folder: &Path) -> Option<PathBuf> {
    let runs = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    runs.filter_map(|run| Some((run.join(MODEL_FILE).metadata().ok()?.modified().ok()?, run)))
        .max()
        .map(|(_, run)| run)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> ModelFile {
        ModelFile { task: "forecast".into(), config: 1.into(), tensors: vec![] }
    }

    #[test]
    fn a_folder_and_its_model_open_the_same_run() {
        let runs = tempfile::tempdir().unwrap();
        let folder = runs.path().join("a");
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join(MODEL_FILE);
        model().save(&file).unwrap();
        for path in [&folder, &file] {
            let run = RunFolder::open(path).unwrap();
            assert_eq!((run.path(), run.model_path()), (&*folder, &*file));
            assert_eq!(run.load_model().unwrap(), model());
        }
        let alone = runs.path().join("small.safetensors");
        std::fs::rename(&file, &alone).unwrap();
        assert_eq!(RunFolder::open(&alone).unwrap().load_model().unwrap(), model());
    }

    #[test]
    fn what_is_no_run_is_refused_with_a_hint() {
        let runs = tempfile::tempdir().unwrap();
        let root = runs.path().display().to_string();
        let check = |name: &str, expected: &str| {
            let error = RunFolder::open(runs.path().join(name)).unwrap_err().to_string();
            assert_eq!(error, format!("{root}/{name}: {expected}"));
        };
        let made = "give the folder that a training made";
        check("", &format!("has no {MODEL_FILE}; {made}"));
        check("absent", &format!("there is no such run folder or model file; {made}"));
        check("absent/a", &format!("there is no such run folder or model file; {made}"));
        for name in ["airline-1", "airline-2"] {
            std::fs::create_dir(runs.path().join(name)).unwrap();
        }
        let hint = format!("did you mean {root}/airline-1?");
        check("airlin-1", &format!("there is no such run folder or model file; {hint}"));
        check("airline-1", &format!("has no {MODEL_FILE}; {made}"));
        model().save(runs.path().join("airline-1").join(MODEL_FILE)).unwrap();
        check("", &format!("has no {MODEL_FILE}; {hint}"));
    }
}
