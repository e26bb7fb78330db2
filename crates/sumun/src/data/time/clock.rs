//! From the times of a file to an even axis and back: offsets, time zones, and the hour that autumn repeats.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};

use super::moment::Timestamp;
use crate::data::Frequency;
use crate::{Error, Result};

/// How the axis, on which neighbouring rows are one step apart, and the wall clock of the file belong together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// The axis is the wall clock.
    #[default]
    Written,
    /// The axis is the wall clock at one offset from UTC, which the file writes.
    Offset {
        /// East of UTC, in seconds.
        seconds: i32,
    },
    /// The axis is UTC; the file writes the wall clock of a time zone.
    Zone {
        /// The name of the time zone, such as `Europe/Berlin`.
        name: String,
    },
    /// The axis goes on where the wall clock was put back or forward.
    Changes {
        /// From which moment of the axis on, how many seconds the axis is ahead of the wall clock; rising.
        changes: Vec<(Timestamp, i32)>,
    },
}

/// For how long after the rows of a file its opening hours are looked at for changes of the clock.
const YEARS_AHEAD: i64 = 20;

/// The time zone of a name. Error: there is none.
pub(crate) fn zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name).map_err(|_| {
        Error::setting(
            crate::message::key("timezone"),
            name,
            "the name of a time zone, such as Europe/Berlin, Asia/Seoul or UTC",
        )
    })
}

/// A moment `seconds` later.
pub(super) fn shifted(time: &Timestamp, seconds: i64) -> Option<Timestamp> {
    time.checked_add(jiff::SignedDuration::from_secs(seconds)).ok()
}

impl Clock {
    /// What the wall clock shows at a moment of the axis.
    pub fn local(&self, axis: &Timestamp) -> Timestamp {
        match self {
            Self::Written | Self::Offset { .. } => *axis,
            // A time zone that is unknown to this build was refused where the clock was read.
            Self::Zone { name } => TimeZone::get(name)
                .ok()
                .and_then(|zone| Some(zone.to_datetime(Offset::UTC.to_timestamp(*axis).ok()?)))
                .unwrap_or(*axis),
            Self::Changes { changes } => {
                let ahead =
                    changes.iter().rev().find(|(from, _)| from <= axis).map_or(0, |&(_, ahead)| ahead);
                shifted(axis, -i64::from(ahead)).unwrap_or(*axis)
            }
        }
    }

    /// The moment of the axis at which the wall clock shows `local`: of two the first, and for a time that the clock skips the
    /// same distance behind the change.
    pub(in crate::data) fn axis(&self, local: &Timestamp) -> Timestamp {
        match self {
            Self::Written | Self::Offset { .. } => *local,
            Self::Zone { name } => TimeZone::get(name)
                .ok()
                .and_then(|zone| zone.to_ambiguous_timestamp(*local).compatible().ok())
                .map_or(*local, |time| Offset::UTC.to_datetime(time)),
            Self::Changes { changes } => {
                let shown = |&(from, ahead): &(Timestamp, i32)| shifted(&from, -i64::from(ahead));
                let begun =
                    changes.partition_point(|change| shown(change).is_some_and(|time| time <= *local));
                let ahead = begun.checked_sub(1).map_or(0, |last| changes[last].1);
                shifted(local, i64::from(ahead)).unwrap_or(*local)
            }
        }
    }

    /// Whether the wall clock of a time zone is changed at a time at which `frequency` has rows, from the first of `times`,
    /// rising, to [`YEARS_AHEAD`] after the last.
    pub(in crate::data) fn changes_within(&self, times: &[Timestamp], frequency: &Frequency) -> bool {
        let (Self::Zone { name }, Frequency::Opening(rule)) = (self, frequency) else { return false };
        let (Some(first), Some(last), Ok(zone)) = (times.first(), times.last(), TimeZone::get(name)) else {
            return false;
        };
        let Ok(start) = Offset::UTC.to_timestamp(*first) else { return false };
        let end = last.checked_add(jiff::Span::new().years(YEARS_AHEAD)).unwrap_or(*last);
        let mut before = zone.to_offset(start);
        zone.following(start).take_while(|change| Offset::UTC.to_datetime(change.timestamp()) <= end).any(
            |change| {
                let (was, is) = (before, change.offset());
                before = is;
                // The hour that is skipped, or shown twice.
                let [a, b] = [was, is].map(|offset| offset.to_datetime(change.timestamp()));
                rule.has_rows(&a.min(b), &a.max(b))
            },
        )
    }

    /// How far the wall clock is east of UTC at a moment of the axis, in seconds; `None` where nothing says so.
    pub(super) fn offset(&self, axis: &Timestamp) -> Option<i32> {
        match self {
            Self::Written | Self::Changes { .. } => None,
            Self::Offset { seconds } => Some(*seconds),
            Self::Zone { name } => {
                let instant = Offset::UTC.to_timestamp(*axis).ok()?;
                Some(TimeZone::get(name).ok()?.to_offset(instant).seconds())
            }
        }
    }

    /// Whether its time zone is known and its changes are in order.
    pub(super) fn is_sound(&self) -> bool {
        match self {
            Self::Zone { name } => zone(name).is_ok(),
            Self::Changes { changes } => changes.windows(2).all(|pair| pair[0].0 < pair[1].0),
            Self::Written | Self::Offset { .. } => true,
        }
    }
}

/// The UTC of moments that a wall clock of `zone` shows, in the order of the file: an hour that the clock shows twice is
/// the first one unless the rows before it are that late already. The error is the place of a time that the clock skips.
pub(super) fn instants(locals: &[Timestamp], zone: &TimeZone) -> std::result::Result<Vec<Timestamp>, usize> {
    let mut before: Option<DateTime> = None;
    let falling = locals.len() > 1 && locals.first() > locals.last();
    let mut places: Vec<usize> = (0..locals.len()).collect();
    if falling {
        places.reverse();
    }
    let mut utc = vec![DateTime::ZERO; locals.len()];
    for place in places {
        let found = zone.to_ambiguous_timestamp(locals[place]);
        let (first, second) = match found.offset() {
            jiff::tz::AmbiguousOffset::Unambiguous { offset } => (offset, offset),
            jiff::tz::AmbiguousOffset::Gap { .. } => return Err(place),
            jiff::tz::AmbiguousOffset::Fold { before, after } => (before, after),
        };
        let at = |offset: Offset| offset.to_timestamp(locals[place]).map(|t| Offset::UTC.to_datetime(t));
        let (first, second) = (at(first).map_err(|_| place)?, at(second).map_err(|_| place)?);
        let time = if before.is_some_and(|before| first <= before) { second } else { first };
        before = Some(time);
        utc[place] = time;
    }
    Ok(utc)
}

/// The hour by which clocks are put forward in spring and back in autumn.
const HOUR: i64 = 3600;

/// Days between two changes of the same kind, at least.
const CHANGES_APART: i64 = 300;

/// Takes out the changes of a wall clock, where the order of rising rows shows them: a night hour that comes twice, once
/// a year, and, if there is one of those, the night hour that is missing half a year from it. Times then are the axis;
/// without such an hour they stay as they are.
pub(in crate::data) fn without_changes(times: &mut [Timestamp]) -> Clock {
    let seconds = |a: &Timestamp, b: &Timestamp| b.duration_since(*a).as_secs();
    let Some(step) = usual_step(times) else { return Clock::Written };
    if step > HOUR || HOUR % step != 0 {
        return Clock::Written;
    }
    let night = |time: &Timestamp| time.hour() <= 4;
    let apart = |found: &[usize], at: usize| {
        found.last().is_none_or(|&last: &usize| seconds(&times[last], &times[at]) > CHANGES_APART * 86_400)
    };
    let mut folds: Vec<usize> = Vec::new();
    for at in 1..times.len() {
        let (before, time) = (&times[at - 1], &times[at]);
        if seconds(before, time) == step - HOUR && night(time) && night(before) && apart(&folds, at) {
            folds.push(at);
        } else if time <= before {
            return Clock::Written;
        }
    }
    if folds.is_empty() {
        return Clock::Written;
    }
    let mut changes: Vec<(usize, i64)> = folds.iter().map(|&at| (at, HOUR)).collect();
    let mut jumps: Vec<usize> = Vec::new();
    for at in 1..times.len() {
        let (before, time) = (&times[at - 1], &times[at]);
        if seconds(before, time) == step + HOUR && night(time) && apart(&jumps, at) {
            jumps.push(at);
        }
    }
    changes.extend(jumps.into_iter().map(|at| (at, -HOUR)));
    changes.sort_unstable();
    // A clock goes back and forward in turn.
    if changes.windows(2).any(|pair| pair[0].1 == pair[1].1) {
        return Clock::Written;
    }
    let mut ahead = 0;
    let mut kept = Vec::with_capacity(changes.len());
    let mut changes = changes.into_iter().peekable();
    for (at, time) in times.iter_mut().enumerate() {
        let change = changes.next_if(|&(place, _)| place == at);
        ahead += change.map_or(0, |(_, by)| by);
        *time = shifted(time, ahead).unwrap_or(*time);
        if change.is_some() {
            kept.push((*time, ahead as i32));
        }
    }
    Clock::Changes { changes: kept }
}

/// The most frequent step forward, in seconds.
fn usual_step(times: &[Timestamp]) -> Option<i64> {
    let mut counts = std::collections::BTreeMap::new();
    for pair in times.windows(2) {
        let step = pair[1].duration_since(pair[0]).as_secs();
        if step > 0 {
            *counts.entry(step).or_insert(0_usize) += 1;
        }
    }
    counts.into_iter().max_by_key(|&(step, count)| (count, std::cmp::Reverse(step))).map(|(step, _)| step)
}
