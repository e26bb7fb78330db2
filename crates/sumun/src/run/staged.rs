//! A run folder while it is being written.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use tempfile::TempDir;

use super::lock::{lock, lock_named};
use crate::durable::{self, folder_of};
use crate::message::{key, text};
use crate::{Error, Result};

/// How the name of a folder in progress ends: `.<name>.<random>.partial`.
const PARTIAL: &str = ".partial";

/// A run folder that is not there yet: its files lie in a hidden folder beside the final place until
/// [`LiveRun::begin`](super::LiveRun::begin) puts it there. Dropped before that, it leaves nothing, nor the folders that
/// were made above it. A process that is killed leaves the hidden folder `.<name>.<random>.partial`, which may be removed.
#[derive(Debug)]
pub struct Staged {
    // Dropped in this order: first what is inside.
    folder: TempDir,
    parents: MadeFolders,
    path: PathBuf,
    /// The setting that says where it is to be.
    setting: &'static str,
}

impl Staged {
    /// As [`RunFolder::stage`](super::RunFolder::stage).
    pub(crate) fn new(path: &Path) -> Result<Self> {
        Self::said_by("out", path)
    }

    /// The same, of a folder whose place another setting says than `out`.
    pub(crate) fn said_by(setting: &'static str, path: &Path) -> Result<Self> {
        let Some(name) = path.file_name() else {
            return Err(Error::Invalid(format!("'{}' does not name a folder to make", path.display()))
                .advise(text("give ") + key(setting) + " a name such as runs/first"));
        };
        refuse_existing(setting, path)?;
        let parent = folder_of(path);
        let refused = |source| Error::Io { path: parent.to_path_buf(), source };
        let parents = MadeFolders::make(parent).map_err(refused)?;
        let prefix = format!(".{}.", name.to_string_lossy());
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(PARTIAL);
        #[cfg(unix)]
        let builder = builder.permissions(durable::mode(0o777));
        // Nobody knows the hidden name.
        let folder = builder
            .tempdir_in(parent)
            .map_err(|error| Error::Io { path: path.to_path_buf(), source: durable::without_path(error) })?;
        Ok(Self { folder, parents, path: path.to_path_buf(), setting })
    }

    /// The final place, where nothing is before [`LiveRun::begin`](super::LiveRun::begin).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file of the run; one of that name is replaced. Errors: a name that is more than a file's name,
    /// and what the operating system refuses, with the name of the run.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        durable::write_unseen(&self.file(name)?, bytes)
            .map_err(|source| Error::Io { path: self.path.clone(), source })
    }

    /// Puts the folder in its place, whole and safe from a power failure; its path, and the folders made above it. Errors:
    /// something appeared there in the meantime, and what the operating system refuses; then nothing is left.
    pub(crate) fn place(self) -> Result<(PathBuf, MadeFolders)> {
        let (path, (), made) = self.placed(|_, _| Ok(()))?;
        Ok((path, made))
    }

    /// As [`place`](Self::place), and locked from the moment on at which others see it.
    pub(crate) fn place_locked(self) -> Result<(PathBuf, File, MadeFolders)> {
        // Elsewhere than on Unix a folder with an open file in it is not renamed, so that it is locked a moment later.
        let (path, early, made) =
            self.placed(|folder, name| cfg!(unix).then(|| lock_named(folder, name)).transpose())?;
        let lock = early.map_or_else(|| lock(&path), Ok)?;
        Ok((path, lock, made))
    }

    /// Puts it in its place, with something done to the hidden folder, given with its final name, after all of it is safe: no power
    /// failure needs to leave a lock.
    fn placed<T>(self, before: impl FnOnce(&Path, &Path) -> Result<T>) -> Result<(PathBuf, T, MadeFolders)> {
        let Self { folder, parents, path, setting } = self;
        sync_all(folder.path()).map_err(|source| Error::Io { path: path.clone(), source })?;
        refuse_existing(setting, &path)?;
        let done = before(folder.path(), &path)?;
        if let Err(source) = durable::rename(folder.path(), &path) {
            // Another training may have been a moment faster.
            refuse_existing(setting, &path)?;
            return Err(Error::Io { path, source });
        }
        // Nothing is left at its hidden name to be removed.
        let _ = folder.keep();
        parents.sync(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        Ok((path, done, parents))
    }

    /// Where a file of the run lies now.
    fn file(&self, name: &str) -> Result<PathBuf> {
        let mut parts = Path::new(name).components();
        match (parts.next(), parts.next()) {
            (Some(Component::Normal(only)), None) if only == name => Ok(self.folder.path().join(name)),
            _ => Err(Error::Invalid(format!("{name:?} is not the name of a file in a run folder"))),
        }
    }
}

/// The final name of a folder in progress, of its hidden name.
pub(super) fn name_in_progress(hidden: &str) -> Option<&str> {
    Some(hidden.strip_prefix('.')?.strip_suffix(PARTIAL)?.rsplit_once('.')?.0)
}

/// Nothing may be at `path`, not even a link that leads nowhere.
fn refuse_existing(setting: &'static str, path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(Error::Invalid(format!("{} exists", path.display()))
            .advise(text("choose another ") + key(setting) + " or remove it")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(source) => Err(Error::Io { path: path.to_path_buf(), source }),
    }
}

/// Makes a folder's files and their names survive a power failure.
fn sync_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        durable::sync_file(&entry?.path())?;
    }
    durable::sync_folder(folder)
}

/// Folders that were made for a run, innermost first; those still empty go when this is dropped.
#[derive(Debug)]
pub(crate) struct MadeFolders(Vec<PathBuf>);

impl MadeFolders {
    /// Makes `folder` and the missing ones above it.
    fn make(folder: &Path) -> io::Result<Self> {
        let missing = folder.ancestors().take_while(|f| !f.as_os_str().is_empty() && !f.exists());
        let made = Self(missing.map(Path::to_path_buf).collect());
        fs::create_dir_all(folder)?;
        Ok(made)
    }

    /// Makes the name of `path` and of every folder made above it survive a power failure.
    fn sync(&self, path: &Path) -> io::Result<()> {
        durable::sync_folder(folder_of(path))?;
        self.0.iter().try_for_each(|folder| durable::sync_folder(folder_of(folder)))
    }
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        for folder in &self.0 {
            // One that is not empty stays, as it should.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ModelFile;
    use crate::run::{MODEL_FILE, REPORT_FILE, RunFolder};

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn model() -> ModelFile {
        ModelFile { task: "forecast".into(), config: 1.into(), tensors: vec![] }
    }

    fn stage(path: &Path) -> Staged {
        let staged = RunFolder::stage(path).unwrap();
        staged.write(MODEL_FILE, &model().to_bytes().unwrap()).unwrap();
        staged
    }

    #[test]
    fn a_run_appears_whole_or_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("runs/deep/a");
        for placed in [false, true] {
            let staged = stage(&path);
            assert_eq!(staged.path(), path);
            staged.write(REPORT_FILE, b"old, longer").unwrap();
            staged.write(REPORT_FILE, b"new").unwrap();
            assert!(!path.exists());
            if !placed {
                drop(staged);
                assert!(names(root.path()).is_empty(), "the folders above go too");
                continue;
            }
            assert_eq!(staged.place().unwrap().0, path);
            assert_eq!(RunFolder::open(&path).unwrap().load_model().unwrap(), model());
            assert_eq!(names(&path), [MODEL_FILE, REPORT_FILE]);
            assert_eq!(names(&root.path().join("runs/deep")), ["a"], "nothing is left beside it");
            assert_eq!(fs::read_to_string(path.join(REPORT_FILE)).unwrap(), "new");
        }
    }

    #[test]
    fn an_existing_place_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a");
        fs::write(&path, "mine").unwrap();
        let error = RunFolder::stage(&path).unwrap_err().to_string();
        assert_eq!(error, format!("{} exists; choose another out or remove it", path.display()));
        assert!(matches!(RunFolder::stage(path.join("b")), Err(Error::Io { .. })), "above it is a file");
        for unnamed in ["", "/", "..", "runs/.."] {
            let error = RunFolder::stage(unnamed).unwrap_err().to_string();
            assert!(error.contains("does not name a folder"), "{error}");
        }
        assert_eq!(names(root.path()), ["a"]);
    }

    #[test]
    fn the_slower_of_two_trainings_with_one_place_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a");
        let [first, second] = [(); 2].map(|()| stage(&path));
        drop(first.place().unwrap());
        let error = second.place().unwrap_err().to_string();
        assert_eq!(error, format!("{} exists; choose another out or remove it", path.display()));
        assert_eq!(RunFolder::open(&path).unwrap().load_model().unwrap(), model());
        assert_eq!(names(root.path()), ["a"]);
    }

    #[test]
    fn only_plain_names_are_accepted() {
        let root = tempfile::tempdir().unwrap();
        let staged = RunFolder::stage(root.path().join("a")).unwrap();
        for name in ["", ".", "..", "../b", "/b", "b/c", "b/"] {
            assert!(staged.write(name, b"").is_err(), "{name:?}");
        }
        drop(staged);
        assert!(names(root.path()).is_empty());
    }

    #[test]
    fn what_the_system_refuses_is_said_of_the_run() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a");
        // No system takes names as long.
        let long = root.path().join("a".repeat(250));
        let written = RunFolder::stage(&path).unwrap().write(&"b".repeat(300), b"");
        for (path, error) in
            [(path, written.unwrap_err()), (long.clone(), RunFolder::stage(long).unwrap_err())]
        {
            let said = error.to_string();
            assert!(said.starts_with(&format!("{}: ", path.display())), "{said}");
            assert!(!said.contains(PARTIAL) && said.contains("os error"), "{said}");
        }
        assert!(names(root.path()).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_run_is_for_everyone_who_may_read_its_folder() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let (ours, _made) = stage(&root.path().join("a")).place().unwrap();
        let usual = root.path().join("usual");
        fs::create_dir(&usual).unwrap();
        let bits = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(bits(&ours), bits(&usual));
    }
}
