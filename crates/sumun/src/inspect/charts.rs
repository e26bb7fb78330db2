//! The charts of an inspection, as the page and the pictures show them.

use super::gates::{LayerInside, Matrix};
use super::{Counted, Inspection, Vectors};
use crate::report::figures::{Room, figure, spans_decades};
use crate::report::heat::Heat;
use crate::report::picture::Listed;
use crate::report::svg::{Area, Chart, Line, Scale, XAxis};
use crate::report::text::{count, fixed, number, percent, shortened, visible};
use crate::tasks::Alignment;
use crate::{Error, Result};

/// Steps that have their names under a heat map; of more, some have their number.
const NAMED: usize = 40;

/// Units that a heat map shows, the first ones; more cannot be told apart.
const MOST_UNITS: usize = 512;

/// More points than this are told apart by the line alone.
pub(super) const MOST_DOTS: usize = 60;

/// A chart with what is said above it.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) heading: String,
    remark: String,
    pub(super) chart: Chart,
}

impl Shown {
    fn new(heading: &str, remark: impl Into<String>, chart: Chart) -> Self {
        Self { heading: heading.into(), remark: remark.into(), chart }
    }

    /// As a figure of the page.
    pub(super) fn html(&self) -> String {
        figure(&self.heading, &self.remark, &self.chart, Room::Low)
    }
}

/// The forecast, of a forecaster.
pub(super) fn forecast(inside: &Inspection) -> Option<Shown> {
    if inside.forecast.len() < 2 {
        return None;
    }
    let labels = inside.forecast.iter().map(|(label, _)| label.clone()).collect();
    let points = inside.forecast.iter().enumerate().map(|(step, (_, value))| (step as f64, *value));
    let areas = inside.intervals.iter().rev().map(|interval| {
        let ends = interval.ends.iter().enumerate();
        Area {
            class: "c-future".into(),
            points: ends.map(|(step, &[low, high])| (step as f64, low, high)).collect(),
        }
    });
    let chart = Chart {
        name: "Forecast".into(),
        description: "The forecast step by step.".into(),
        x: XAxis { labels, whole: true, ..XAxis::default() },
        y_title: inside.answer.ahead.as_ref().map_or_else(String::new, |[column, _]| column.clone()),
        areas: areas.collect(),
        lines: vec![Line {
            name: "forecast".into(),
            class: "c-future".into(),
            points: points.collect(),
            dots: inside.forecast.len() <= MOST_DOTS,
        }],
        ..Chart::default()
    };
    let levels: Vec<String> = inside.intervals.iter().map(|interval| percent(interval.level)).collect();
    let remark = match levels.as_slice() {
        [] => "What the network says of the steps ahead.".to_owned(),
        levels => format!(
            "What the network says of the steps ahead; shaded is where {} % of what comes should lie.",
            levels.join(" and ")
        ),
    };
    Some(Shown::new("Forecast", remark, chart))
}

/// What a network says at every step that returns numbers.
pub(super) fn at_every_step(inside: &Inspection) -> Option<Shown> {
    let (name, values) = inside.each_number.as_ref()?;
    let mut chart = steps_chart("At every step", "What the network says at each step.");
    chart.y_title = name.clone();
    chart.lines = vec![line(name, "c-model", values)];
    let remark = "What the network says at each step, in the unit of its column.";
    Some(Shown::new("At every step", remark, chart))
}

/// The most probable answers.
pub(super) fn probabilities(inside: &Inspection) -> Vec<Listed> {
    let listed = |(class, p): &(String, f64)| Listed {
        name: visible(&shortened(class, 40)).to_owned(),
        share: *p,
        speaks_for: None,
        says: format!("{} %", per_cent(*p)),
    };
    inside.answer.probabilities.iter().map(listed).collect()
}

/// What the map of [`Looked`] is called.
pub(super) const LOOKED: &str = "What it looks at";

/// What each token that was written looked at: as much of it as people can read.
pub(super) struct Looked<'a> {
    pub(super) remark: String,
    rows: &'a [String],
    columns: &'a [String],
    weights: Vec<f32>,
}

impl<'a> Looked<'a> {
    /// None where nothing was written.
    pub(super) fn of(alignment: &'a Alignment) -> Option<Self> {
        const MOST: usize = 120;
        let Alignment { source, target, weights } = alignment;
        let columns = &source[..source.len().min(MOST)];
        let rows = &target[..target.len().min(MOST)];
        let all = weights.chunks_exact(source.len().max(1)).take(rows.len());
        let weights = all.flat_map(|row| row[..columns.len()].iter().copied()).collect();
        let legend = "Each row is a token that was written, each column a token of the source. The deeper a cell, the more the model looked there.";
        let remark = match columns.len() < source.len() || rows.len() < target.len() {
            true => format!("{legend} The first {MOST} of a side are drawn."),
            false => legend.to_owned(),
        };
        (!target.is_empty()).then_some(Self { remark, rows, columns, weights })
    }

    pub(super) fn heat(&self) -> Heat<'_> {
        let name = "What each token of the output attends to in the source";
        Heat { name, rows: self.rows, columns: self.columns, weights: &self.weights }
    }
}

/// How much each step counted, by the gradient and by leaving it out. `written`: the steps are those of what was written before.
pub(super) fn in_two_ways(found: &Counted, written: bool) -> Shown {
    let Counted { integrated, missing, occlusion, agree, .. } = found;
    let mut chart = steps_chart("What counted", "How much each step counted in the answer, in two ways.");
    chart.y_title = "what a step adds".into();
    let mut remark = String::from("Left out: how much less there is of it without the step.");
    if !integrated.is_empty() {
        chart.lines.push(line("by the gradient", "c-model", integrated));
        remark = format!(
            "By the gradient (integrated gradients): the steps add up to the difference to a record that says nothing, within {} %. \
             {remark} Of the steps that count by both, {} of {} count in the same direction{}.",
            fixed(100.0 * missing, 1),
            agree[0],
            agree[1],
            if agree[0] * 10 < agree[1] * 9 { ", so that neither is to be trusted alone" } else { "" }
        );
    }
    chart.lines.push(line("left out", "c-base1", occlusion));
    Shown::new(if written { "What was written before, in two ways" } else { "In two ways" }, remark, chart)
}

/// How much the answer moves with each step; None of a network without a gradient.
pub(super) fn gradient(inside: &Inspection) -> Option<Shown> {
    let gradient = &inside.counted.gradient;
    if gradient.is_empty() {
        return None;
    }
    let mut chart =
        steps_chart("Gradient by step", "The norm of the answer’s gradient by the input of each step.");
    chart.y_title = "norm of the gradient".into();
    let mut some = line("gradient", "c-future", gradient);
    some.points.retain(|(_, norm)| *norm > 0.0);
    chart.y_scale = if spans_decades(&[some]) { Scale::Logarithmic } else { Scale::FromZero };
    chart.lines.push(line("gradient", "c-future", gradient));
    let remark = "How much the answer would move with a small change of each step; what lies below a hundredth of the peak is all but \
                  forgotten.";
    Some(Shown::new("Gradient by step", remark, chart))
}

/// What each step has, from the first.
fn line(name: &str, class: &str, values: &[f64]) -> Line {
    Line {
        name: name.into(),
        class: class.into(),
        points: values.iter().enumerate().map(|(step, value)| (step as f64 + 1.0, *value)).collect(),
        dots: values.len() <= MOST_DOTS,
    }
}

/// How much each feature counted, over all steps: those that count most, and nothing of a record of one feature.
pub(super) fn features(inside: &Inspection) -> Vec<Listed> {
    const MOST: usize = 20;
    let by_feature = &inside.counted.by_feature;
    let names = inside.read.as_ref().map_or(&[][..], |(names, _)| names);
    if by_feature.len() < 2 {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..names.len().min(by_feature.len())).collect();
    order.sort_by(|&a, &b| by_feature[b].abs().total_cmp(&by_feature[a].abs()).then(a.cmp(&b)));
    let most = order.first().map_or(1.0, |&first| by_feature[first].abs().max(1e-12));
    let listed = |place: usize| Listed {
        name: shortened(&names[place], 40),
        share: by_feature[place].abs() / most,
        speaks_for: Some(by_feature[place] >= 0.0),
        says: signed(by_feature[place]),
    };
    order.into_iter().take(MOST).map(listed).collect()
}

/// The numbers that are read, as the network reads them; None of tokens.
pub(super) fn read(inside: &Inspection) -> Option<Shown> {
    const CLASSES: [&str; 6] = ["c-model", "c-base1", "c-base0", "c-future", "c-base3", "c-base2"];
    let (names, matrix) = inside.read.as_ref()?;
    let mut chart = steps_chart("What it reads", "The numbers of each step as the network reads them.");
    chart.y_title = "scaled".into();
    chart.always_named = true;
    let steps = inside.steps.len();
    let lines = names.iter().zip(CLASSES).enumerate();
    chart.lines =
        lines.map(|(feature, (name, class))| of_unit(name.clone(), class, matrix, feature)).collect();
    let ends = match (inside.steps.first(), inside.steps.last()) {
        (Some(first), Some(last)) if first != "1" => format!(" Steps 1 to {steps} are {first} to {last}."),
        _ => String::new(),
    };
    let more = match names.len() > CLASSES.len() {
        true => format!(" The first {} of {} are drawn.", CLASSES.len(), count(names.len())),
        false => String::new(),
    };
    let remark = format!(
        "The numbers of each step, scaled as the network reads them; 0 is the mean of the training part, or where windows have scales of their \
         own their level.{ends}{more}"
    );
    Some(Shown::new("What it reads", remark, chart))
}

/// What a unit has at every step.
fn of_unit(name: String, class: &str, matrix: &Matrix, unit: usize) -> Line {
    let values: Vec<f64> =
        matrix.values.iter().skip(unit).step_by(matrix.units).map(|&value| f64::from(value)).collect();
    Line { name, ..line("", class, &values) }
}

fn steps_chart(name: &str, description: &str) -> Chart {
    Chart {
        name: name.into(),
        description: description.into(),
        x: XAxis { title: "time step".into(), whole: true, ..XAxis::default() },
        ..Chart::default()
    }
}

/// What the letters of equations stand for.
pub(super) fn meaning(name: &str) -> &'static str {
    match name {
        "i" => "input gate",
        "f" => "forget gate",
        "g" | "n" => "candidate",
        "o" => "output gate",
        "r" => "reset gate",
        "z" => "update gate",
        "h" => "hidden state",
        "c" => "cell state",
        _ => "",
    }
}

/// What a layer is called: `lstm, layer 2, read from the end`.
pub(super) fn named(layer: &LayerInside) -> String {
    let stacked = if layer.layer > 0 { format!(", layer {}", layer.layer + 1) } else { String::new() };
    format!("{}{stacked}{}", layer.name, if layer.reverse { ", read from the end" } else { "" })
}

/// How the values of a gate or state are drawn.
pub(super) struct MapOf {
    /// Units that are drawn.
    pub(super) drawn: usize,
    /// What has the deepest colour: 1, or the largest value where that is beyond.
    pub(super) largest: f32,
    /// What is said behind its meaning.
    pub(super) beside: String,
    /// How high it is, in pixels.
    pub(super) height: usize,
}

impl MapOf {
    pub(super) fn of(matrix: &Matrix) -> Self {
        let drawn = matrix.units.min(MOST_UNITS);
        let largest = matrix.values.iter().fold(1.0_f32, |most, value| most.max(value.abs()));
        let beyond = match largest > 1.0 {
            true => format!(", −{0} to {0}", fixed(f64::from(largest), 2)),
            false => String::new(),
        };
        let more = match drawn < matrix.units {
            true => format!(", the first {}", count(drawn)),
            false => String::new(),
        };
        Self { drawn, largest, beside: beyond + &more, height: (drawn * 4).clamp(28, 160) }
    }
}

/// What stands below maps of these steps: the names of few, of more some numbers, and nothing in between.
pub(super) fn some_names(steps: &[String]) -> Vec<String> {
    let every = steps.len().div_ceil(12).max(1);
    let said = |(place, name): (usize, &String)| match steps.len() <= NAMED {
        true => visible(&shortened(name, 14)).to_owned(),
        false if place % every == 0 => (place + 1).to_string(),
        false => String::new(),
    };
    steps.iter().enumerate().map(said).collect()
}

/// The gates and states of a unit as lines, of the one that is asked for or of the one that moves most; None of a layer without a hidden
/// state. Error: a unit that is not there.
pub(super) fn one_unit(layer: &LayerInside, unit: Option<usize>) -> Result<Option<(usize, Shown)>> {
    let Some(hidden) = layer.values.iter().find(|matrix| matrix.name == "h") else {
        return Ok(None);
    };
    let spread = |unit: &usize| {
        let each: Vec<f64> =
            hidden.values.iter().skip(*unit).step_by(hidden.units).map(|&v| f64::from(v)).collect();
        let mean = each.iter().sum::<f64>() / each.len().max(1) as f64;
        each.iter().map(|v| (v - mean).powi(2)).sum::<f64>()
    };
    let most = || (0..hidden.units).max_by(|a, b| spread(a).total_cmp(&spread(b)).then(b.cmp(a)));
    let Some(unit) = unit.or_else(most) else { return Ok(None) };
    if unit >= hidden.units {
        return Err(Error::setting(
            crate::message::key("unit"),
            unit.to_string(),
            format!("below {}, the units of {}", hidden.units, layer.name),
        ));
    }
    const CLASSES: [&str; 8] =
        ["c-base0", "c-base1", "c-base2", "c-future", "c-base3", "c-train", "c-model", "c-actual"];
    let mut chart = steps_chart(
        &format!("Unit {unit} of the layer {}", layer.name),
        "The gates and states of one unit at every step.",
    );
    chart.y_title = "value".into();
    chart.always_named = true;
    chart.lines = layer
        .values
        .iter()
        .zip(CLASSES.iter().cycle())
        .filter(|(matrix, _)| unit < matrix.units)
        .map(|(matrix, class)| {
            let name = match meaning(&matrix.name) {
                "" => matrix.name.clone(),
                meaning => format!("{} {meaning}", matrix.name),
            };
            of_unit(name, class, matrix, unit)
        })
        .collect();
    let heading = format!("Unit {unit} of the layer {}", named(layer));
    Ok(Some((unit, Shown::new(&heading, "Its gates and states at every step.", chart))))
}

/// The tokens with the longest and the shortest vectors.
pub(super) fn lengths(vectors: &Vectors) -> [(&'static str, Vec<Listed>); 2] {
    let most = vectors.longest.first().map_or(1.0, |(_, length)| length.max(1e-12));
    [("The longest", &vectors.longest), ("The shortest", &vectors.shortest)].map(|(heading, listed)| {
        let listed = listed.iter().map(|(token, length)| Listed {
            name: visible(&shortened(token, 24)).to_owned(),
            share: length / most,
            speaks_for: None,
            says: number((length * 1000.0).round() / 1000.0),
        });
        (heading, listed.collect())
    })
}

/// `12.3` of .123.
pub(super) fn per_cent(share: f64) -> String {
    fixed(100.0 * share, 1)
}

/// With its sign.
pub(super) fn signed(value: f64) -> String {
    let digits = if value.abs() < 10.0 { 2 } else { 1 };
    let written = fixed(value.abs(), digits);
    if written.chars().all(|c| matches!(c, '0' | '.')) {
        return written;
    }
    format!("{}{written}", if value < 0.0 { "−" } else { "+" })
}
