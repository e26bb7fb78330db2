//! A forecaster from the parts that a model file keeps. Nobody vouches for a file: everything is checked, and sizes
//! before anything is allocated by them.

use super::forecaster::{Forecaster, Tensor};
use super::kept::ForecasterConfig;
use super::net::Net;
use super::predict::timestamp;
use crate::data::Frequency;
use crate::loss::Loss;
use crate::{Error, Result};

/// Rows that no file has; below it, row numbers can be added up.
const MOST_ROWS: usize = 1 << 48;

impl Forecaster {
    /// A forecaster from what a model file kept. Nothing in it is trusted: sizes, shapes, names and numbers that do not
    /// fit together are errors, and no more memory is taken than the tensors themselves have.
    pub fn from_parts(config: ForecasterConfig, tensors: &[Tensor<'_>]) -> Result<Self> {
        from_parts(config, tensors)
    }
}

fn from_parts(config: ForecasterConfig, tensors: &[Tensor<'_>]) -> Result<Forecaster> {
    check(&config)?;
    let given: usize = tensors.iter().map(|tensor| tensor.values.len()).sum();
    match config.net.parameter_count() {
        Some(needed) if needed == given => {}
        Some(needed) => {
            return damaged(format!("the network has {needed} numbers, but the file holds {given}"));
        }
        None => return damaged("the network is larger than any computer's memory".into()),
    }
    let (net, mut parameters) = Net::new(config.net.clone(), config.seed)?;
    if tensors.len() != parameters.entries().len() {
        return damaged(format!(
            "the network has {} tensors, but the file holds {}",
            parameters.entries().len(),
            tensors.len()
        ));
    }
    for tensor in tensors {
        let Some(id) = parameters.find(tensor.name) else {
            return damaged(format!("the network has no tensor named {:?}", tensor.name));
        };
        let shape = &parameters.entry(id).shape;
        if shape != tensor.shape || shape.iter().product::<usize>() != tensor.values.len() {
            return Err(Error::Shape {
                what: format!("the tensor {}", tensor.name),
                expected: format!("{shape:?}"),
                found: format!("{:?} with {} values", tensor.shape, tensor.values.len()),
            });
        }
        if let Some(value) = tensor.values.iter().find(|v| !v.is_finite()) {
            return damaged(format!("the tensor {} holds {value}", tensor.name));
        }
    }
    // As many tensors as there are parameters, all of them known: only a name twice can leave one out.
    for (index, tensor) in tensors.iter().enumerate() {
        if tensors[..index].iter().any(|other| other.name == tensor.name) {
            return damaged(format!("the tensor {} comes twice", tensor.name));
        }
        if let Some(id) = parameters.find(tensor.name) {
            parameters.value_mut(id).copy_from_slice(tensor.values);
        }
    }
    Ok(Forecaster { config, net, parameters })
}

fn damaged<T>(what: String) -> Result<T> {
    Err(Error::Model(format!("the model is damaged: {what}; use the file that training wrote")))
}

/// Error unless all parts of the configuration fit together.
fn check(config: &ForecasterConfig) -> Result<()> {
    let (p, net) = (&config.preprocessing, &config.net);
    p.check()?;
    for (what, said, is) in [
        ("inputs", net.input, p.input_width()),
        ("numbers known ahead", net.ahead, p.ahead_width()),
        ("steps ahead", net.horizon, p.horizon),
        ("targets", net.targets, p.targets.len()),
    ] {
        if said != is {
            return damaged(format!("the network has {said} {what}, the preprocessing {is}"));
        }
    }
    if config.season == 0 {
        return damaged("the season is 0".into());
    }
    if !matches!(config.loss, Loss::Mae(_) | Loss::Mse(_) | Loss::Huber(_)) {
        return damaged(format!("{} is no loss of a forecaster", config.loss.name()));
    }
    let frequency = config.time.as_ref().and_then(|axis| axis.frequency);
    match frequency {
        Some(Frequency::Fixed { nanoseconds }) if nanoseconds <= 0 => {
            return damaged(format!("the step between rows is {nanoseconds} nanoseconds"));
        }
        Some(Frequency::Months { months: 0, .. }) => {
            return damaged("the step between rows is 0 months".into());
        }
        _ => {}
    }
    if p.calendar.is_some() && frequency.is_none() {
        return damaged("it has a calendar, but no step between rows".into());
    }
    let history = &config.history;
    let columns = p.targets.len() + p.features.len() + p.known.len();
    if history.columns.len() != columns || history.ahead.len() != p.known.len() {
        return damaged(format!("its history has {} columns for {columns}", history.columns.len()));
    }
    let rows = history.columns.first().map_or(0, Vec::len);
    // Sums of numbers from a file may leave what a computer counts to.
    let needed = p.window.checked_add(p.reach());
    if needed.is_none_or(|needed| rows < needed.max(config.season))
        || rows < p.rows_needed()
        || rows > history.rows
        || history.rows > MOST_ROWS
        || history.columns.iter().any(|column| column.len() != rows)
    {
        return damaged(format!("its history of {rows} rows does not fit its window and season"));
    }
    let known = history.ahead.first().map_or(0, Vec::len);
    if history.ahead.iter().any(|column| column.len() != known) {
        return damaged("its known columns end at different rows".into());
    }
    let finite = |columns: &[Vec<f64>]| columns.iter().flatten().all(|v| v.is_finite());
    if !finite(&history.columns) || !finite(&history.ahead) {
        return damaged("its history holds a number that is not finite".into());
    }
    match &history.times {
        Some(times) if times.len() != rows => {
            return damaged(format!("its history has {} times for {rows} rows", times.len()));
        }
        Some(times) => times.iter().try_for_each(|time| timestamp(time).map(|_| ()))?,
        None if p.calendar.is_some() => return damaged("it has a calendar, but no times".into()),
        None => {}
    }
    Ok(())
}
