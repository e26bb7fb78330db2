//! Recordings as records: whole, or cut into windows.

use super::open::counted;
use super::record::{Beside, Fields, Found, Input, Record, RecordSpec};
use crate::data::quoted;
use crate::message::{key, text};
use crate::{Error, Result};

/// A sequence of numbers with the labels of its steps.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recording {
    /// What it is called.
    pub(super) name: String,
    /// The line that it begins on.
    pub(super) line: usize,
    /// F.
    pub(super) channels: usize,
    /// `[T, F]`.
    pub(super) values: Vec<f32>,
    /// The label of each step, or one for all.
    pub(super) labels: Vec<Option<String>>,
    /// When each step was, as the file writes it; empty where it does not say.
    pub(super) places: Vec<String>,
}

impl Recording {
    fn steps(&self) -> usize {
        self.values.len() / self.channels.max(1)
    }
}

/// More numbers as labels are a quantity.
const MOST_CLASSES: usize = 20;

/// A record for each recording, or for each window of each: `window` steps, the next window `stride` steps later. A window
/// has the label that most of its steps have, or the last one where labels are quantities. Recordings are the groups that a
/// split keeps together. Errors: numbers that are not finite, no recording as long as a window.
pub(super) fn records(
    file: &str,
    recordings: Vec<Recording>,
    fields: Fields,
    spec: &RecordSpec<'_>,
) -> Result<Found> {
    for recording in &recordings {
        if let Some(at) = recording.values.iter().position(|value| !value.is_finite()) {
            return Err(Error::Data(format!(
                "{file}: the recording from line {} on has a number in step {} that is not finite or too large for 32 bits",
                recording.line,
                at / recording.channels.max(1) + 1
            )));
        }
    }
    let Some(window) = spec.window else { return Ok(whole(recordings, fields, spec)) };
    let stride = spec.stride.unwrap_or(window);
    if window == 0 || stride == 0 {
        return Err(Error::Invalid("a window has at least 1 step, and so has the way to the next".into()));
    }
    let mut found = Found::of(fields, Vec::new());
    found.beside.names = match spec.to_predict {
        true => ["series", "from", "to"].map(String::from).to_vec(),
        false => Vec::new(),
    };
    let quantity = is_quantity(&recordings);
    let (mut short, mut mixed) = (0, 0);
    let total = recordings.len();
    for (group, recording) in recordings.into_iter().enumerate() {
        let (steps, channels) = (recording.steps(), recording.channels);
        if steps < window {
            short += 1;
            continue;
        }
        for from in (0..=steps - window).step_by(stride) {
            let to = from + window;
            let labels = match recording.labels.len() {
                1 => &recording.labels[..],
                _ => &recording.labels[from..to],
            };
            mixed += usize::from(labels.iter().any(|label| *label != labels[0]));
            let label = if quantity { labels[labels.len() - 1].clone() } else { most(labels) };
            let values = recording.values[from * channels..to * channels].to_vec();
            found.records.push(Record {
                line: recording.line + if recording.places.is_empty() { 0 } else { from },
                input: Input::Numbers { steps: window, channels, values },
                label,
                labels: Vec::new(),
            });
            found.groups.push(group);
            if spec.to_predict {
                let place = |at: usize| recording.places.get(at).cloned().unwrap_or((at + 1).to_string());
                found.beside.rows.push(vec![recording.name.clone(), place(from), place(to - 1)]);
            }
        }
    }
    if found.records.is_empty() {
        return Err(Error::Data(format!("{file}: no recording is as long as a window of {window} steps"))
            .advise(text("give a smaller ") + key("window")));
    }
    let mut note = format!(
        "{file}: {} of {window} steps, {stride} apart, from {}; those of a recording stay in one part",
        counted(found.records.len(), "window"),
        counted(total - short, "recording")
    );
    if short > 0 {
        note += &format!("; {} shorter than a window", counted(short, "recording"));
    }
    if mixed > 0 {
        let which = if quantity { "its last step has" } else { "most of its steps have" };
        note += &format!("; {mixed} of them have several labels, of which a window gets that which {which}");
    }
    found.notes.push(note);
    Ok(found)
}

/// A record for each recording.
fn whole(recordings: Vec<Recording>, fields: Fields, spec: &RecordSpec<'_>) -> Found {
    let names: Vec<Vec<String>> = recordings.iter().map(|recording| vec![recording.name.clone()]).collect();
    let record = |recording: Recording| Record {
        line: recording.line,
        input: Input::Numbers {
            steps: recording.steps(),
            channels: recording.channels,
            values: recording.values,
        },
        label: recording.labels.into_iter().next().flatten(),
        labels: Vec::new(),
    };
    let beside = match spec.to_predict {
        true => Beside { names: vec!["series".into()], rows: names },
        false => Beside::default(),
    };
    Found { beside, ..Found::of(fields, recordings.into_iter().map(record).collect()) }
}

/// Records of numbers that were read in another way, cut into windows. Error: they are texts.
pub(super) fn cut(file: &str, found: Found, spec: &RecordSpec<'_>) -> Result<Found> {
    let mut recordings = Vec::with_capacity(found.records.len());
    for record in found.records {
        let Input::Numbers { channels, values, .. } = record.input else {
            return Err(Error::Settings(
                key("window")
                    + format!(
                        " is for numbers, but {} holds texts; leave it out",
                        quoted(&found.fields.input)
                    ),
            ));
        };
        recordings.push(Recording {
            name: (recordings.len() + 1).to_string(),
            line: record.line,
            channels,
            values,
            labels: vec![record.label],
            places: Vec::new(),
        });
    }
    let cut = records(file, recordings, found.fields, spec)?;
    let notes = found.notes.into_iter().chain(cut.notes).collect();
    Ok(Found { form: found.form, x_layout: found.x_layout, notes, ..cut })
}

/// Whether labels are more numbers than there are classes.
fn is_quantity(recordings: &[Recording]) -> bool {
    let mut seen = std::collections::HashSet::new();
    for label in recordings.iter().flat_map(|recording| &recording.labels).flatten() {
        if label.parse::<f64>().is_err() {
            return false;
        }
        seen.insert(label);
    }
    seen.len() > MOST_CLASSES
}

/// The label that most have; of equally many the first.
fn most(labels: &[Option<String>]) -> Option<String> {
    let mut counts: Vec<(&Option<String>, usize)> = Vec::new();
    for label in labels {
        match counts.iter_mut().find(|(other, _)| *other == label) {
            Some((_, count)) => *count += 1,
            None => counts.push((label, 1)),
        }
    }
    let best = counts.iter().fold(None, |best: Option<&(&Option<String>, usize)>, one| match best {
        Some(best) if best.1 >= one.1 => Some(best),
        _ => Some(one),
    });
    best.and_then(|(label, _)| (*label).clone())
}
