//! A forecaster's preprocessing as data that a program in another language follows.

use serde_json::{Map, Value, json};

use super::kept::ForecasterConfig;
use super::network::window_name;
use super::preprocessing::{Input, Preprocessing, Target};
use super::time_axis::TimeAxis;
use super::together::Together;
use crate::data::{Calendar, Clock, Difference, Frequency, Piece, TimeFormat};
use crate::tasks::portable::{input, one_series, scaler};

/// The fields of the task. Error: what of the preprocessing cannot be said that way.
pub(super) fn portable(config: &ForecasterConfig) -> Result<Map<String, Value>, String> {
    let p = &config.preprocessing;
    if !config.categories.is_empty() {
        return Err("columns of words".into());
    }
    if config.resample.is_some() {
        return Err("rows that are gathered into even steps".into());
    }
    let [time, calendar] = calendar(p.calendar.as_ref(), config.time.as_ref())?;
    let inputs = |inputs: &[Input]| inputs.iter().map(input).collect::<Vec<_>>();
    let networks: Vec<Value> = config.networks().enumerate().map(|(index, p)| network(p, index)).collect();
    let fields = json!({
        "horizon": p.horizon,
        "rows_needed": config.rows_needed(),
        "series": one_series(config.series.as_deref()),
        "time": time,
        "calendar": calendar,
        "features": inputs(&p.features),
        "known": inputs(&p.known),
        "networks": networks,
        "together": config.together.iter().map(together).collect::<Vec<_>>(),
    });
    match fields {
        Value::Object(fields) => Ok(fields),
        _ => Err("it".into()),
    }
}

fn together(together: &Option<Together>) -> Value {
    let Some(Together { networks, arima }) = together else { return Value::Null };
    json!({
        "networks": networks,
        "ar": arima.ar,
        "ma": arima.ma,
        "seasonal_ma": arima.seasonal_ma,
        "mean": arima.mean,
        "differenced": arima.differenced,
        "period": arima.period,
        "log": arima.log,
        "rows": arima.rows(),
    })
}

/// What is subtracted from what is forecast, by its name, and the rows of the season where it is a value of one.
pub(super) fn subtracted(difference: &Difference) -> (&'static str, Option<usize>) {
    match *difference {
        Difference::None => ("none", None),
        Difference::Last => ("last", None),
        Difference::Season(period) => ("season", Some(period)),
    }
}

fn network(p: &Preprocessing, index: usize) -> Value {
    let (difference, season) = subtracted(&p.difference);
    let target = |target: &Target| {
        json!({
            "name": target.name,
            "log": target.log,
            "level": scaler(&target.level),
            "change": scaler(&target.change),
            "channels": p.channel_names(target),
            "marked": target.marked,
            "min": target.min,
        })
    };
    json!({
        "input": window_name(index),
        "window": p.window,
        "difference": difference,
        "season": season,
        "targets": p.targets.iter().map(target).collect::<Vec<_>>(),
    })
}

/// The time column and the calendar that is made of it; null for both where there is none. Error: what of them cannot be said.
pub(super) fn calendar(calendar: Option<&Calendar>, axis: Option<&TimeAxis>) -> Result<[Value; 2], String> {
    let Some(calendar) = calendar else { return Ok([Value::Null, Value::Null]) };
    let time = axis.map_or(Err("its calendar".into()), time)?;
    let parts = calendar.parts().iter();
    let parts: Vec<Value> =
        parts.map(|&part| json!({ "cycle": part, "encoding": calendar.encoding_of(part) })).collect();
    Ok([time, json!({ "parts": parts, "days_of_year": calendar.counts_days_of_year() })])
}

/// The time column, of which a calendar is made.
fn time(axis: &TimeAxis) -> Result<Value, String> {
    let TimeAxis { column, format, frequency, closed } = axis;
    let plain =
        format.clock == Clock::Written && !format.midnight_24 && closed.is_empty() && !column.contains('+');
    let step = match frequency {
        Some(Frequency::Fixed { nanoseconds }) => json!({ "seconds": *nanoseconds as f64 / 1e9 }),
        Some(Frequency::Months { months, day }) => json!({ "months": months, "day": day }),
        _ => return Err("steps that are no fixed time and no months".into()),
    };
    match written(format).filter(|_| plain) {
        Some(written) => Ok(json!({ "column": column, "format": written, "step": step })),
        None => Err("the way its times are written, or its clock".into()),
    }
}

/// The form of times as C's `strftime` and Python's `strptime` say it; None where these cannot.
fn written(format: &TimeFormat) -> Option<String> {
    let piece = |piece: &Piece| {
        Some(match piece {
            Piece::Text(text) => text.replace('%', "%%"),
            Piece::Year => "%Y".into(),
            Piece::ShortYear => "%y".into(),
            Piece::Month(_) => "%m".into(),
            Piece::Day(_) => "%d".into(),
            Piece::Hour(_) => "%H".into(),
            Piece::Minute => "%M".into(),
            Piece::Second => "%S".into(),
            _ => return None,
        })
    };
    format.pieces.iter().map(piece).collect()
}
