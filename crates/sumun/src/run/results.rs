//! The figures of a finished run in one small file, so that runs can be listed and compared without reading models.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::outside::{self, Links};
use crate::{Error, Result, json};

/// The most bytes that the figures of a run have.
const MOST: u64 = 8 << 20;

/// What [`RESULTS_FILE`](super::RESULTS_FILE) says of a finished run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResults {
    /// `forecast`, `classify` and so on.
    pub task: String,
    /// The training file, as it was named.
    pub data: String,
    /// How many epochs were trained.
    pub epochs: usize,
    /// The epoch whose weights were kept, counted from 1.
    pub best_epoch: usize,
    /// Seconds of training.
    pub seconds: f64,
    /// How many numbers were learnt.
    pub parameters: usize,
    /// The parts that were held out and measured: validation, then test.
    pub parts: Vec<PartResults>,
    /// What was noticed about the data, a sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// The figures on one part of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartResults {
    /// `valid` or `test`.
    pub part: String,
    /// What the baseline does.
    pub baseline: String,
    /// How many values to predict were missing and filled in; they count in no figure.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub imputed: usize,
    /// The figures; the first is the one to compare runs by.
    pub figures: Vec<FigureResult>,
    /// Every baseline there is, that of `baseline` among them; empty where there is no other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<BaselineResult>,
}

/// The figures of one baseline of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaselineResult {
    /// What it is called in files: `seasonal_naive_24`.
    pub key: String,
    /// What people call it: `seasonal naive (24)`.
    pub name: String,
    /// Its figures by their keys; `None` where one is undefined.
    pub figures: BTreeMap<String, Option<f64>>,
}

/// A figure beside the baseline's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FigureResult {
    /// What it is called in files and options: `macro_f1`.
    pub key: String,
    /// The model's; None where it is undefined.
    pub model: Option<f64>,
    /// The baseline's.
    pub baseline: Option<f64>,
    /// Whether more is better.
    pub more_is_better: bool,
    /// What it is measured on or divided by, where figures of other runs may be on another scale; figures can be ranked
    /// only on one scale. `None` where a figure means the same everywhere, and in the files of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<String>,
}

/// Two runs by their names whose figure `key` is on different scales, each with its scale: such figures cannot be ranked.
/// `None` where all are on one scale. What an earlier version has not said is a scale of its own.
pub fn different_scales<'a>(
    runs: &[(&'a str, &'a PartResults)],
    key: &str,
) -> Option<[(&'a str, &'a str); 2]> {
    let of = |part: &'a PartResults| {
        let figure = part.figures.iter().find(|figure| figure.key == key && figure.model.is_some())?;
        Some(figure.scale.as_deref().unwrap_or("not said"))
    };
    let mut all = runs.iter().filter_map(|(name, part)| Some((*name, of(part)?)));
    let first = all.next()?;
    all.find(|other| other.1 != first.1).map(|other| [first, other])
}

impl RunResults {
    /// As the content of a file. Errors: none that a number or a name can cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|error| Error::Invalid(format!("the figures cannot be written as JSON: {error}")))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads a file; None where there is none. Errors: what the operating system refuses, and a file that says something
    /// else.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let Some(bytes) = outside::read(path, Links::Refuse, MOST)? else { return Ok(None) };
        json::read(&bytes)
            .and_then(serde_json::from_value)
            .map(Some)
            .map_err(|error| Error::Data(format!("{}: holds no figures of a run: {error}", path.display())))
    }

    /// The part that a run is judged by: test where there is one.
    pub fn judged(&self) -> Option<&PartResults> {
        self.parts.last()
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_that_differ_are_found() {
        let part = |scale: Option<&str>, model| PartResults {
            part: "test".into(),
            imputed: 0,
            baseline: String::new(),
            figures: vec![FigureResult {
                key: "mase".into(),
                model,
                baseline: None,
                more_is_better: false,
                scale: scale.map(Into::into),
            }],
            baselines: Vec::new(),
        };
        let value = Some(1.0);
        let (day, week) = (part(Some("season 24"), value), part(Some("season 168"), value));
        let (silent, without) = (part(None, value), part(Some("season 7"), None));
        for (runs, expected) in [
            (&[("a", &day), ("b", &day), ("c", &without)][..], None),
            (&[("a", &day), ("b", &day), ("c", &week)], Some([("a", "season 24"), ("c", "season 168")])),
            (&[("a", &silent), ("b", &silent)], None),
            (&[("a", &silent), ("b", &day)], Some([("a", "not said"), ("b", "season 24")])),
            (&[], None),
        ] {
            assert_eq!(different_scales(runs, "mase"), expected);
            assert_eq!(different_scales(runs, "mae"), None);
        }
    }

    #[test]
    fn results_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        assert_eq!(RunResults::read(&path).unwrap(), None);
        let figure = |key: &str, model| FigureResult {
            key: key.into(),
            model,
            baseline: Some(0.1),
            more_is_better: true,
            scale: Some("two classes".into()),
        };
        let part = |part: &str, model| PartResults {
            imputed: 0,
            part: part.into(),
            baseline: "always '가'".into(),
            figures: vec![figure("accuracy", model)],
            baselines: vec![BaselineResult {
                key: "zero".into(),
                name: "always 0".into(),
                figures: [("accuracy".to_owned(), None)].into(),
            }],
        };
        let results = RunResults {
            task: "classify".into(),
            data: "a.csv".into(),
            epochs: 3,
            best_epoch: 2,
            seconds: 0.1 + 0.2,
            parameters: 7,
            parts: vec![part("valid", None), part("test", Some(1.0 / 3.0))],
            notes: vec!["a note".into()],
        };
        std::fs::write(&path, results.to_bytes().unwrap()).unwrap();
        assert_eq!(RunResults::read(&path).unwrap().as_ref(), Some(&results));
        assert_eq!(results.judged().unwrap().part, "test");
        std::fs::write(&path, "{}").unwrap();
        assert!(RunResults::read(&path).unwrap_err().to_string().contains("holds no figures of a run"));
    }
}
