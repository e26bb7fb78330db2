//! A folder of records: a file each, with a label in it or in the name of its sub-folder.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::kinds::kind;
use super::number_rows::numbers;
use super::open::{KIND, counted, extension};
use super::record::{Beside, Fields, Form, Found, Input, Record, RecordSpec};
use super::recordings;
use super::windows::{self, Recording};
use crate::data::{ReadOptions, Table, TextFile, quoted};
use crate::message::{key, text};
use crate::{Error, Result};

/// A file and the sub-folder that it lies in.
struct Entry {
    path: PathBuf,
    folder: Option<String>,
}

/// More files are hardly one data set.
const MOST_FILES: usize = 1 << 20;

/// Reads all files of a folder and of the folders in it, in the order of their names: tables of numbers, a recording each,
/// or texts (`.txt`), all written as `options` say. Gives what was found and the hash of all files.
pub(super) fn read(folder: &Path, spec: &RecordSpec<'_>, options: &ReadOptions) -> Result<(Found, String)> {
    let name = folder.display().to_string();
    let entries = entries(folder)?;
    let mut hash = Sha256::new();
    let mut files = Vec::with_capacity(entries.len());
    for Entry { path, folder: within } in entries {
        let file = TextFile::open_with(&path, KIND, options)?;
        let short = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        hash.update(format!("{short}\0{}\n", file.hash()));
        files.push((short, within, file));
    }
    let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let Some((first, _, file)) = files.first() else {
        return Err(Error::Data(format!("{name}: the folder has no .csv, .tsv or .txt file in it")));
    };
    let is_text = extension(first) == "txt" && numbers(file.text()).is_none();
    let mut found = match is_text {
        true => texts(&name, &files, spec)?,
        false => tables(&name, &files, spec)?,
    };
    found.notes.insert(0, format!("{name}: {}, a record each", counted(files.len(), "file")));
    Ok((found, hash))
}

/// The files that are read, sorted by name.
fn entries(folder: &Path) -> Result<Vec<Entry>> {
    let list = |folder: &Path| -> Result<Vec<PathBuf>> {
        let failed = |source| Error::Io { path: folder.to_path_buf(), source };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if !hidden {
                paths.push(path);
            }
            if paths.len() > MOST_FILES {
                return Err(Error::Data(format!(
                    "{}: more than {MOST_FILES} files are too many",
                    folder.display()
                )));
            }
        }
        paths.sort();
        Ok(paths)
    };
    let is_read = |path: &Path| {
        path.is_file() && matches!(extension(&path.to_string_lossy()).as_str(), "csv" | "tsv" | "tab" | "txt")
    };
    let mut all = Vec::new();
    for path in list(folder)? {
        if path.is_dir() {
            let within = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let files = list(&path)?.into_iter().filter(|path| is_read(path));
            all.extend(files.map(|path| Entry { path, folder: within.clone() }));
        } else if is_read(&path) {
            all.push(Entry { path, folder: None });
        }
    }
    Ok(all)
}

/// The label of a file that has none in it. Error: it lies in no sub-folder, but needs one.
fn label_of(
    name: &str,
    short: &str,
    folder: Option<&String>,
    spec: &RecordSpec<'_>,
) -> Result<Option<String>> {
    match folder {
        None if spec.require_label && spec.lists.is_none() => Err(Error::Data(format!(
            "{name}: {} has no label: no column of its own, and no sub-folder that is called by it",
            quoted(short)
        ))
        .advise(
            text("name the column with ") + key("label") + ", or sort the files into a folder for each label",
        )),
        folder => Ok(folder.cloned()),
    }
}

/// What the label of a file is called where the sub-folder says it.
const LABEL: &str = "label";

fn texts(name: &str, files: &[(String, Option<String>, TextFile)], spec: &RecordSpec<'_>) -> Result<Found> {
    let mut found = Found::of(Fields { input: "text".into(), label: Some(LABEL.into()) }, Vec::new());
    for (short, folder, file) in files {
        let text = file.text().trim();
        if text.is_empty() && !spec.to_predict {
            return Err(Error::Data(format!("{name}: {} is empty; leave such files out", quoted(short))));
        }
        let label = label_of(name, short, folder.as_ref(), spec)?;
        found.records.push(Record {
            line: 1,
            input: Input::Text(text.to_owned()),
            label,
            labels: Vec::new(),
        });
        found.beside.rows.push(vec![short.clone()]);
    }
    found.beside = match spec.to_predict {
        true => Beside { names: vec!["file".into()], rows: found.beside.rows },
        false => Beside::default(),
    };
    Ok(found)
}

fn tables(name: &str, files: &[(String, Option<String>, TextFile)], spec: &RecordSpec<'_>) -> Result<Found> {
    let mut form = spec.form.cloned();
    let mut label_name = None;
    let mut recordings: Vec<Recording> = Vec::new();
    let mut notes = Vec::new();
    for (short, folder, file) in files {
        let mut read = match numbers(file.text()) {
            Some(rows) => bare(rows, &mut form, file.name())?,
            None => {
                let delimiter = matches!(extension(short).as_str(), "tsv" | "tab").then_some(b'\t');
                let table = Table::from_text(file, delimiter)?;
                let kinds: Vec<_> = (0..table.header().len())
                    .map(|column| kind((0..table.rows()).map(|row| table.cell(row, column))))
                    .collect();
                let label = spec.label.unwrap_or(LABEL);
                let own = table.header().iter().any(|column| column == label);
                if own {
                    label_name = Some(label.to_owned());
                }
                let within =
                    RecordSpec { require_label: own && spec.require_label, form: form.as_ref(), ..*spec };
                let (read, found, said) = recordings::of_table(&table, &kinds, &within)?;
                if form.is_none() {
                    notes.push(said);
                }
                form.get_or_insert(found);
                read
            }
        };
        let alone = read.len() == 1;
        for one in &mut read {
            if one.labels.iter().all(Option::is_none) {
                one.labels = vec![label_of(name, short, folder.as_ref(), spec)?];
            }
            one.name = if alone { short.clone() } else { format!("{short} {}", one.name) };
        }
        recordings.append(&mut read);
    }
    let form = form.unwrap_or_default();
    let input = match &form {
        Form::Recordings { channels, .. } => channels.join(","),
        _ => "x".into(),
    };
    let fields = Fields { input, label: Some(label_name.unwrap_or_else(|| LABEL.into())) };
    let mut found = windows::records(name, recordings, fields, spec)?;
    if let Some(first) = found.beside.names.first_mut() {
        *first = "file".into();
    }
    notes.append(&mut found.notes);
    Ok(Found { form, notes, ..found })
}

/// The one recording of a file of numbers without a header, whose channels are called by their numbers.
fn bare(rows: Vec<(usize, Vec<f64>)>, form: &mut Option<Form>, file: &str) -> Result<Vec<Recording>> {
    let count = rows.first().map_or(0, |(_, row)| row.len());
    let names: Vec<String> = (1..=count).map(|column| column.to_string()).collect();
    let expected = form.get_or_insert(Form::Recordings { series: None, time: None, channels: names.clone() });
    let channels = match expected {
        Form::Recordings { channels, .. } => channels.clone(),
        _ => Vec::new(),
    };
    if let Some((line, row)) = rows.iter().find(|(_, row)| row.len() != count || channels != names) {
        return Err(Error::Data(format!(
            "{file}: line {line} has {}, but the channels are {}",
            counted(row.len(), "number"),
            crate::data::listed(&channels)
        )));
    }
    let values = rows.iter().flat_map(|(_, row)| row.iter().map(|&value| value as f32)).collect();
    let places = (1..=rows.len()).map(|row| row.to_string()).collect();
    let (name, line) = (String::new(), rows.first().map_or(1, |(line, _)| *line));
    Ok(vec![Recording { name, line, channels: count, values, labels: vec![None], places }])
}
