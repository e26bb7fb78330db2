//! Parts of axes, as Python counts places.

use sumun_formats::keras::{Settings, Value};

use super::super::flow::Shape;
use super::super::laid::{Axis, Laid};
use super::operator::Operator;
use crate::Result;
use crate::nn::{Conv1dLayer, CropLayer, Pool, PoolLayer, ReverseLayer, SliceLayer};

/// Part of an axis, as Python's slices say it.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Index(i64),
    Range { start: Option<i64>, stop: Option<i64>, step: i64 },
}

impl Operator<'_, '_> {
    /// `x[…]`.
    pub(super) fn item(&mut self, laid: Laid) -> Result<Laid> {
        let Some(key) = self.call.settings.get("1") else {
            return Err(self.error("it does not say what it takes"));
        };
        let items = match key {
            Value::List(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let is_rest = |item: &&Value| class_of(item) == Some("__ellipsis__");
        let named = items.iter().filter(|item| **item != Value::Null && !is_rest(item)).count();
        let Some(rest) = laid.axes.len().checked_sub(named) else {
            return Err(self.error(format!("it takes parts of {named} axes of {}", laid.described())));
        };
        if items.iter().filter(is_rest).count() > 1 {
            return Err(self.error("it says twice that it takes all other axes"));
        }
        // From the last axis to the first, so that those before it keep their places.
        let mut place = laid.axes.len();
        let mut laid = laid;
        if !items.iter().any(|item| is_rest(&item)) {
            place -= rest;
        }
        for item in items.iter().rev() {
            if is_rest(&item) {
                place -= rest;
                continue;
            }
            if *item == Value::Null {
                laid.axes.insert(place, Axis::One);
                continue;
            }
            let part = match (item, class_of(item)) {
                (Value::Integer(index), _) => Some(Part::Index(*index)),
                (Value::Object(object), Some("__slice__")) => {
                    range(object.get("config").and_then(Value::as_object))
                }
                _ => None,
            };
            let Some(part) = part else {
                return Err(self.error(format!("it takes {item}; numbers, slices, None and ... are read")));
            };
            place -= 1;
            laid = self.part(laid, place, part)?;
        }
        Ok(laid)
    }

    pub(super) fn split(&mut self) -> Result<Vec<Laid>> {
        /// A layer is made of each part.
        const MOST: usize = 512;
        /// What a layer and its name take up beside a number.
        const LAYER: usize = 1024;
        let laid = self.tensor(0)?;
        let place = self.axis(&laid)?;
        let Some(length) = laid.length(laid.axes[place]) else {
            return Err(self.error("it splits an axis of no known length"));
        };
        let ends = match self.options.value("indices_or_sections") {
            Some(Value::Integer(count)) => {
                let count = usize::try_from(*count)
                    .ok()
                    .filter(|&count| count > 0 && length % count == 0 && count <= MOST);
                count.map(|count| (1..=count).map(|part| part * (length / count)).collect::<Vec<_>>())
            }
            Some(Value::List(ends)) if ends.len() < MOST => {
                let ends: Option<Vec<usize>> = ends.iter().map(Value::as_size).collect();
                ends.map(|ends| ends.into_iter().chain([length]).collect())
            }
            _ => None,
        };
        let Some(ends) = ends else { return Err(self.error(format!("it cannot split {length} as it says"))) };
        self.graph.make(self.layer, ends.len().saturating_mul(LAYER))?;
        let mut start = 0;
        let mut parts = Vec::with_capacity(ends.len());
        for end in ends {
            let [from, to] = [start, end].map(|at| i64::try_from(at).unwrap_or(i64::MAX));
            parts.push(self.part(
                laid.clone(),
                place,
                Part::Range { start: Some(from), stop: Some(to), step: 1 },
            )?);
            start = end;
        }
        Ok(parts)
    }

    /// A part of an axis.
    pub(super) fn part(&mut self, laid: Laid, place: usize, part: Part) -> Result<Laid> {
        if let Part::Range { start: None | Some(0), stop: None, step: 1 } = part {
            return Ok(laid);
        }
        match laid.axes[place] {
            Axis::Sequences => {
                Err(self.error("it takes some of the sequences; a model here takes each by itself"))
            }
            Axis::Steps => self.part_of_steps(laid, place, part),
            Axis::Features => self.part_of_features(laid, place, part),
            Axis::One => {
                let mut laid = laid;
                match (part, part.indices(1)) {
                    (Part::Index(_), Some(taken)) if !taken.is_empty() => drop(laid.axes.remove(place)),
                    (Part::Range { .. }, Some(taken)) if taken.count == 1 => {}
                    _ => return Err(self.error("it takes nothing of an axis of length 1")),
                }
                Ok(laid)
            }
            Axis::Row => Err(self.error("it takes a part of all steps in one row, which no layer here does")),
        }
    }

    pub(super) fn part_of_features(&mut self, laid: Laid, place: usize, part: Part) -> Result<Laid> {
        let features = laid.features();
        let Some(taken) = part.indices(features).filter(|taken| !taken.is_empty()) else {
            return Err(self.error(format!("it takes none of {features} features")));
        };
        if taken.step != 1 && taken.count > 1 {
            return Err(
                self.error("it takes features that do not follow one another, which no layer here does")
            );
        }
        let mut laid = laid;
        if taken.count < features {
            let shape = laid.with_features(taken.count);
            laid = self.push(laid, SliceLayer::new(taken.low, taken.count), shape);
        }
        if let Part::Index(_) = part {
            laid.axes.remove(place);
        }
        Ok(laid)
    }

    pub(super) fn part_of_steps(&mut self, laid: Laid, place: usize, part: Part) -> Result<Laid> {
        let length = laid.steps().flatten();
        let taken = match length {
            Some(length) => part.indices(length).map(|taken| Around {
                before: taken.low,
                after: length - taken.high - 1,
                step: taken.step,
                count: Some(taken.count),
            }),
            None => part.around(),
        };
        let Some(Around { before, after, step, count }) = taken.filter(|taken| taken.count != Some(0)) else {
            return Err(self.error(match length {
                Some(length) => format!("it takes none of {length} steps"),
                None => "which steps it takes depends on how many there are; save the model with an input that says so".into(),
            }));
        };
        let features = laid.features();
        let (mut laid, mut time) = (laid, length);
        if count == Some(1) {
            // The first step is the last of the reversed ones. Where a step is counted from decides, so that sequences of other
            // lengths are read as well.
            let is_from_end = match part {
                Part::Index(index) => index < 0,
                Part::Range { start, .. } => start.is_some_and(|start| start < 0),
            };
            let shape = Shape::Steps { time: None, features };
            let is_last = is_from_end && after == 0;
            match is_from_end {
                true if after > 0 => laid = self.push_over_steps(laid, CropLayer::new(0, after), shape),
                true => {}
                false => {
                    if before > 0 {
                        laid = self.push_over_steps(laid, CropLayer::new(before, 0), shape);
                    }
                    laid = self.push_over_steps(laid, ReverseLayer::new(), shape);
                }
            }
            // Masked steps have the row of the step before them where one direction of a recurrent layer alone returns it.
            if is_last && self.graph.holds_last(&laid.flow) {
                laid.flow.mask = None;
            }
            let once = Shape::Once { features };
            laid = self.push_over_steps(laid, PoolLayer::new(Pool::Last), once);
            match part {
                Part::Index(_) => drop(laid.axes.remove(place)),
                Part::Range { .. } => laid.axes[place] = Axis::One,
            }
            return Ok(laid);
        }
        if before > 0 || after > 0 {
            time = time.and_then(|time| time.checked_sub(before)?.checked_sub(after));
            laid = self.push_over_steps(laid, CropLayer::new(before, after), Shape::Steps { time, features });
        }
        if step < 0 {
            laid = self.push_over_steps(laid, ReverseLayer::new(), Shape::Steps { time, features });
        }
        let stride = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
        if stride > 1 {
            // A window of one step that passes over the others.
            self.graph.make(self.layer, features)?;
            time = time.map(|time| time.div_ceil(stride));
            let window =
                Conv1dLayer::new(features, 1).groups(features).stride(stride).bias(false).trainable(false);
            laid = self.push_over_steps(laid, window, Shape::Steps { time, features });
            self.graph.weight(&laid.flow.from, "weight", &[features, 1, 1], vec![1.0; features]);
        }
        Ok(laid)
    }
}

/// Places of an axis of a known length, from the lowest to the highest, `step` apart, in this order or from the last to the
/// first.
struct Taken {
    low: usize,
    high: usize,
    step: i64,
    count: usize,
}

impl Taken {
    fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Steps that are left out at the ends, and how the others are passed through; how many these are, where that is known.
struct Around {
    before: usize,
    after: usize,
    step: i64,
    count: Option<usize>,
}

impl Part {
    /// Which places of so many, as Python counts them; None of an index that is none of them.
    fn indices(self, length: usize) -> Option<Taken> {
        let all = i64::try_from(length).ok()?;
        let counted = |at: i64| if at < 0 { at.saturating_add(all) } else { at };
        match self {
            Self::Index(index) => {
                let at = usize::try_from(counted(index)).ok().filter(|&at| at < length)?;
                Some(Taken { low: at, high: at, step: 1, count: 1 })
            }
            Self::Range { start, stop, step } => {
                let (least, most) = if step > 0 { (0, all) } else { (-1, all - 1) };
                let at = |end: Option<i64>, default: i64| {
                    end.map_or(default, |end| counted(end).clamp(least, most))
                };
                let (start, stop) =
                    if step > 0 { (at(start, 0), at(stop, all)) } else { (at(start, all - 1), at(stop, -1)) };
                let distance = if step > 0 { stop - start } else { start - stop };
                let stride = i64::try_from(step.unsigned_abs()).unwrap_or(i64::MAX);
                let count = if distance <= 0 { 0 } else { (distance - 1) / stride + 1 };
                if count == 0 {
                    return Some(Taken { low: 0, high: 0, step, count: 0 });
                }
                let last = start + (count - 1) * step;
                let [low, high] = [start.min(last), start.max(last)].map(|at| usize::try_from(at).ok());
                Some(Taken { low: low?, high: high?, step, count: usize::try_from(count).ok()? })
            }
        }
    }

    /// Which places of any number of them; None where that decides.
    fn around(self) -> Option<Around> {
        let from_start = |at: i64| usize::try_from(at).ok();
        let from_end = |at: i64| usize::try_from(at.checked_add(1)?.checked_neg()?).ok();
        let one = Some(1);
        Some(match self {
            Self::Index(index) if index < 0 => {
                Around { before: 0, after: from_end(index)?, step: 1, count: one }
            }
            Self::Index(index) => Around { before: from_start(index)?, after: 0, step: 1, count: one },
            Self::Range { start: Some(-1), stop: None, step: 1.. } => {
                Around { before: 0, after: 0, step: 1, count: one }
            }
            Self::Range { start, stop: Some(stop @ 1..), step: 1.. } if start.unwrap_or(0) == stop - 1 => {
                Around { before: from_start(stop - 1)?, after: 0, step: 1, count: one }
            }
            Self::Range { start, stop, step: step @ 1.. } => Around {
                before: from_start(start.unwrap_or(0))?,
                after: match stop {
                    None => 0,
                    Some(stop) => from_start(stop.checked_neg()?).filter(|&after| after > 0)?,
                },
                step,
                count: None,
            },
            Self::Range { start, stop, step } => Around {
                before: match stop {
                    None => 0,
                    Some(stop) => from_start(stop)?.checked_add(1)?,
                },
                after: match start {
                    None => 0,
                    Some(start) => from_end(start)?,
                },
                step,
                count: None,
            },
        })
    }
}

/// The class of an object.
fn class_of(value: &Value) -> Option<&str> {
    value.as_object()?.get("class_name")?.as_text()
}

/// A slice of Python; None of one that is none.
fn range(config: Option<&Settings>) -> Option<Part> {
    let config = config?;
    let of = |name: &str| match config.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(Value::Integer(number)) => Some(Some(*number)),
        Some(_) => None,
    };
    let (start, stop, step) = (of("start")?, of("stop")?, of("step")?.unwrap_or(1));
    (step != 0).then_some(Part::Range { start, stop, step })
}
