//! The preprocessing of a model of many series, and what is made of its outputs, as data that a program in another language follows.

use serde_json::{Map, Value, json};

use super::super::network::window_name;
use super::super::portable::{calendar, subtracted};
use super::super::preprocessing::Input;
use super::forecaster::{KnownSeries, PanelForecasterConfig};
use super::predict::FEWEST_ROWS;
use super::view::View;
use crate::tasks::portable::{input, one_series, scaler};

/// The fields of the task. Error: what of the preprocessing cannot be said that way.
pub(super) fn portable(config: &PanelForecasterConfig) -> Result<Map<String, Value>, String> {
    let view = config.view();
    if !config.categories.is_empty() {
        return Err("columns of words".into());
    }
    if config.resample.is_some() {
        return Err("rows that are gathered into even steps".into());
    }
    let [time, calendar] = calendar(view.calendar.as_ref(), config.time.as_ref())?;
    let inputs = |inputs: &[Input]| inputs.iter().map(input).collect::<Vec<_>>();
    let network = |(index, view): (usize, &View)| {
        let (difference, _) = subtracted(&view.reference);
        let ahead = (config.sizes()[index].ahead > 0).then(|| config.sizes()[index].ahead_name(index));
        json!({
            "input": window_name(index),
            "known_ahead": ahead,
            "difference": difference,
            "spread": scaler(&view.spread),
        })
    };
    let fields = json!({
        "horizon": view.horizon,
        "window": view.window,
        "season": view.season,
        "rows_needed": view.rows_seen(),
        "fewest_rows": FEWEST_ROWS,
        "series": one_series(config.series.as_deref()),
        "tells_apart": config.columns,
        "time_column": config.time.as_ref().map(|axis| &axis.column),
        "learnt": learnt(config)?,
        "time": time,
        "calendar": calendar,
        "target": { "name": view.target, "log": view.log, "marked": view.marked, "min": view.min },
        "features": inputs(&view.features),
        "known": inputs(&view.known),
        "statics": inputs(&view.statics),
        "networks": config.views.iter().enumerate().map(network).collect::<Vec<_>>(),
        "levels": config.levels,
        "quantiles": config.head().levels(),
        "distribution": config.distribution,
        "calibration": config.calibration.offsets,
    });
    match fields {
        Value::Object(fields) => Ok(fields),
        _ => Err("it".into()),
    }
}

/// The series of the training, each with what its first row that is kept is called: fewer rows of one would be put behind those.
/// None where nothing tells when rows are, as all are taken as they are then.
fn learnt(config: &PanelForecasterConfig) -> Result<Vec<Value>, String> {
    if config.time.is_none() {
        return Ok(Vec::new());
    }
    let one = |known: &KnownSeries| {
        let source =
            known.history.source(config.time.clone(), config.names()).map_err(|error| error.to_string())?;
        Ok(json!({ "id": known.id, "first": source.label(0) }))
    };
    config.known_series.iter().map(one).collect()
}
