//! The figures of each epoch as an event file for TensorBoard.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use sumun_formats::tfevents;

use super::EVENTS_FOLDER;
use crate::train::EpochRecord;
use crate::{Error, Result, durable};

/// TensorBoard reads files with `tfevents` in their names. There is one, whatever was interrupted.
const FILE: &str = "events.out.tfevents.sumun";

/// Adds the figures of epochs to an event file, each in a single write, so that a reader of the growing file sees whole records.
#[derive(Debug)]
pub(super) struct EventsWriter {
    file: File,
    path: PathBuf,
    /// When the last epoch ended, in seconds since 1970.
    time: f64,
}

impl EventsWriter {
    /// Begins the file in a run folder with the epochs that are known already; one that is there is replaced. Times between epochs are
    /// those of training, however long it lay. Errors: what the operating system refuses.
    pub(super) fn with(run: &Path, records: &[EpochRecord]) -> Result<Self> {
        let folder = run.join(EVENTS_FOLDER);
        let refused = |path: &Path| {
            let path = path.to_path_buf();
            move |source| Error::Io { path, source }
        };
        durable::make_folder(&folder).map_err(refused(&folder))?;
        durable::sweep(&folder).map_err(refused(&folder))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let mut time = now - records.iter().map(|one| one.seconds).sum::<f64>();
        let mut bytes = tfevents::first(time);
        for one in records {
            time += one.seconds;
            bytes.extend(figures(one, time));
        }
        let path = folder.join(FILE);
        let file = durable::create(&path, &bytes).map_err(refused(&path))?;
        Ok(Self { file, path, time })
    }

    /// Adds an epoch. Errors: what the operating system refuses.
    pub(super) fn write(&mut self, record: &EpochRecord) -> Result<()> {
        self.time += record.seconds;
        durable::append(&mut self.file, &self.path, &figures(record, self.time))
            .map_err(|source| Error::Io { path: self.path.clone(), source })
    }
}

/// The figures of an epoch, in groups.
fn figures(record: &EpochRecord, time: f64) -> Vec<u8> {
    let EpochRecord {
        epoch,
        train_loss,
        valid_loss,
        figures,
        learning_rate,
        gradient_norm,
        layer_norms,
        clipped,
        ..
    } = record;
    let mut all = vec![("loss/train".to_owned(), *train_loss)];
    all.extend(valid_loss.map(|loss| ("loss/valid".into(), loss)));
    all.extend(figures.iter().map(|(name, figure)| (format!("valid/{name}"), *figure)));
    all.push(("train/learning_rate".into(), *learning_rate));
    all.push(("train/clipped".into(), *clipped));
    all.push(("gradient_norm/all".into(), *gradient_norm));
    all.extend(layer_norms.iter().map(|(layer, norm)| (format!("gradient_norm/{layer}"), *norm)));
    tfevents::figures(time, *epoch as u64, all.iter().map(|(name, figure)| (name.as_str(), *figure)))
}
