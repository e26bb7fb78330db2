//! What the settings want of a table.

use std::path::Path;

use super::config::ForecastConfig;
use super::source::Wanted;
use crate::Result;
use crate::data::{Categories, Closed, ReadOptions, Table, listed, quoted};
use crate::records;
use crate::tasks::source::Source as ReadFile;

/// What the settings want of a table, with its columns of words as numbers.
pub(super) struct Wishes {
    /// The table with columns of words as several columns of numbers each; `None` where it has none.
    pub(super) coded: Option<Table>,
    pub(super) categories: Vec<Categories>,
    features: Vec<String>,
    known: Vec<String>,
    /// The static columns.
    pub(super) statics: Vec<String>,
    closed: Closed,
    /// Files that were read for it.
    pub(super) files: Vec<ReadFile>,
}

impl Wishes {
    /// Of a table. Errors: columns that are not there, and words that are too many to tell apart.
    pub(super) fn of(config: &ForecastConfig, table: &Table, statics: &[String]) -> Result<Self> {
        let mut categories = Vec::new();
        for name in config.data.features.iter().chain(&config.data.known).chain(statics) {
            categories.extend(table.categories(name)?);
        }
        let coded = if categories.is_empty() { None } else { Some(table.with_categories(&categories)?) };
        let inputs = |columns: &[String]| -> Vec<String> {
            let of = |column: &String| match categories.iter().find(|categories| categories.column == *column)
            {
                Some(categories) => categories.columns().collect(),
                None => vec![column.clone()],
            };
            columns.iter().flat_map(of).collect()
        };
        let (features, known) = (inputs(&config.data.features), inputs(&config.data.known));
        let statics = inputs(statics);
        let (mut closed, mut files) = (Closed::default(), Vec::new());
        if let Some(path) = &config.data.closed {
            let (days, file) = Closed::read(path, config.data.date_order)?;
            files.push(ReadFile::new("closed", file.name(), &file.hash()));
            closed = days;
        }
        Ok(Self { coded, categories, features, known, statics, closed, files })
    }

    pub(super) fn wanted<'a>(&'a self, config: &'a ForecastConfig) -> Result<Wanted<'a>> {
        fn names(columns: &[String]) -> Vec<&str> {
            columns.iter().map(String::as_str).collect()
        }
        Ok(Wanted {
            targets: names(&config.data.target),
            features: names(&self.features),
            known: names(&self.known),
            sparse: &[],
            time: config.time(),
            missing: config.data.missing,
            last: None,
            resample: config.resample()?,
            forms: &[],
            expected_frequency: None,
            date_order: config.data.date_order,
            timezone: config.data.timezone.as_deref(),
            expected_format: None,
            series: config.data.series.as_deref(),
            closed: &self.closed,
        })
    }

    /// How columns of words are coded.
    pub(super) fn notes(&self) -> impl Iterator<Item = String> + '_ {
        self.categories.iter().map(|categories| {
            format!(
                "column {} is coded as {} categories: {}",
                quoted(&categories.column),
                categories.names.len(),
                listed(&categories.names)
            )
        })
    }
}

/// A table from a file, or from standard input for `-`.
pub(super) fn read_table(file: &Path, options: &ReadOptions) -> Result<Table> {
    Table::from_text(&records::open_with(file, "CSV", options)?, None)
}
