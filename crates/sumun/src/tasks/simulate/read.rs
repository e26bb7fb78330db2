//! The series of a file as a simulator reads them.

use std::path::Path;

use super::super::forecast::{Members, Source, TimeAxis, Wanted};
use crate::data::{
    Categories, Filled, Missing, NONE_CLOSED, NumberForm, ReadOptions, Table, TimeColumn, panel_id,
};
use crate::message::key;
use crate::records;
use crate::{Error, Result};

/// Series of a file.
#[derive(Debug, Clone)]
pub(super) struct Series {
    /// The file, as messages name it, and its hash.
    pub(super) name: String,
    pub(super) hash: String,
    /// The series, in the order in which the file begins them; at least one.
    pub(super) members: Vec<Member>,
    /// What was noticed, a sentence each.
    pub(super) notes: Vec<String>,
}

/// One of several series.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// What stands in the columns that tell the series apart.
    pub(super) id: Vec<String>,
    /// The inputs are its targets, and what is simulated is its first feature, where the file has it.
    source: Source,
    /// One value a static column; `None` where it is missing.
    pub(super) statics: Vec<Option<f64>>,
}

impl Member {
    pub(super) fn rows(&self) -> usize {
        self.source.rows
    }

    /// `[features][rows]`.
    pub(super) fn inputs(&self) -> &[Filled] {
        &self.source.targets
    }

    /// What was measured; `None` where the file does not have it.
    pub(super) fn truth(&self) -> Option<&Filled> {
        self.source.features.first()
    }

    /// What messages call it.
    pub(super) fn name(&self) -> String {
        panel_id(&self.id)
    }

    /// What a row is called.
    pub(super) fn label(&self, row: usize) -> String {
        self.source.label(row)
    }

    /// The month of each row, 0 to 11; `None` without times.
    pub(super) fn months(&self) -> Option<Vec<usize>> {
        let times = self.source.times.as_ref()?;
        Some(times.iter().map(|time| time.month() as usize - 1).collect())
    }

    pub(super) fn axis(&self) -> Option<&TimeAxis> {
        self.source.axis.as_ref()
    }

    pub(super) fn forms(&self) -> &[(String, NumberForm)] {
        &self.source.forms
    }
}

/// Which columns are read, and how.
pub(super) struct Asked<'a> {
    pub(super) target: &'a str,
    /// Whether the file must have it.
    pub(super) measured: bool,
    pub(super) features: Vec<&'a str>,
    pub(super) series: &'a [String],
    /// The one series of several that is read, as `column=value`.
    pub(super) one: Option<&'a str>,
    pub(super) statics: &'a [String],
    pub(super) time: TimeColumn<'a>,
    pub(super) missing: Missing,
    pub(super) categories: &'a [Categories],
    pub(super) forms: &'a [(String, NumberForm)],
    pub(super) axis: Option<&'a TimeAxis>,
}

/// A table of a file, `-` for standard input, and its hash.
pub(super) fn open(file: &Path, reading: &ReadOptions) -> Result<(Table, String)> {
    let text = records::open_with(file, "CSV", reading)?;
    Ok((Table::from_text(&text, None)?, text.hash()))
}

/// Reads the series. Errors: columns that are not there, inputs that are missing, as [`Missing`] says, and times that repeat or go
/// back.
pub(super) fn read((table, hash): &(Table, String), asked: &Asked<'_>) -> Result<Series> {
    let there = table.header().iter().any(|name| name == asked.target);
    if asked.measured && !there {
        // The error of a column that is not there.
        table.column_index(asked.target)?;
    }
    let coded = match asked.categories {
        [] => None,
        categories => Some(table.with_categories(categories)?),
    };
    let sparse = [asked.target];
    let wanted = Wanted {
        targets: asked.features.clone(),
        features: if there { sparse.to_vec() } else { Vec::new() },
        known: Vec::new(),
        sparse: &sparse,
        time: asked.time,
        missing: asked.missing,
        last: None,
        resample: None,
        forms: asked.forms,
        expected_frequency: asked.axis.and_then(|axis| axis.frequency),
        date_order: None,
        timezone: None,
        expected_format: asked.axis.map(|axis| &axis.format),
        series: asked.one,
        closed: &NONE_CLOSED,
    };
    let columns: Vec<&str> = asked.series.iter().map(String::as_str).collect();
    let read = Members::read(coded.as_ref().unwrap_or(table), &wanted, &columns, asked.statics)?;
    let (name, notes) = (read.name, read.notes);
    let members = read.members.into_iter();
    let members =
        members.map(|one| Member { id: one.id, source: one.source, statics: one.statics }).collect();
    Ok(Series { name, hash: hash.clone(), members, notes })
}

/// Error unless something was measured.
pub(super) fn expect_measured(series: &Series, target: &str) -> Result<()> {
    let any = |one: &Member| one.truth().is_some_and(|truth| truth.holes(0..truth.len()) < truth.len());
    if series.members.iter().any(any) {
        return Ok(());
    }
    Err(Error::Data(format!("{}: column {} has no value at all", series.name, crate::data::quoted(target)))
        .advise(crate::message::text("name another with ") + key("target")))
}
