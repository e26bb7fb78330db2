//! Attention that makes one row of the steps of a sequence: scores of the steps, their softmax over the steps, and the sum of the
//! steps by these shares. What lies between is no layer here, and nothing else may read it.

use sumun_formats::keras::{Call, Layer, Source, Value};

use super::flow::{Flow, Shape};
use super::graph::Graph;
use super::laid::Laid;
use super::names::refused;
use super::output::{Output, Shares};
use super::settings::Options;
use crate::Result;
use crate::nn::{Activation, AttentionLayer, CrossAttentionLayer, DenseLayer, Pool, PoolLayer};

/// Reads a layer or operator of this class if it is part of such an attention. Error: scores that no layer here makes shares of.
pub(super) fn read(graph: &mut Graph, layer: &Layer, call: &Call, class: &str) -> Result<bool> {
    let sources = call.arguments.concat();
    match (class, sources.as_slice()) {
        ("Softmax", [source]) => softmax(graph, layer, source),
        ("Multiply", [first, second]) => {
            let Some((shares, steps, _)) = both(graph, first, second) else { return Ok(false) };
            let shares = of_steps(graph, layer, shares, steps)?;
            graph.finish_options(Options::new(layer))?;
            graph.put_output(0, Output::Shares(Shares { is_weighted: true, ..shares }));
            Ok(true)
        }
        ("Dot", [first, second]) => {
            let Some((shares, steps, is_first)) = both(graph, first, second) else { return Ok(false) };
            let options = Options::new(layer);
            let is_time = |axis: &Value| matches!(axis, Value::Integer(1 | -2));
            let over_steps = match options.value("axes") {
                Some(Value::List(axes)) => axes.len() == 2 && axes.iter().all(is_time),
                axis => axis.is_some_and(is_time),
            };
            if !over_steps || options.flag("normalize", false)? {
                return Ok(false);
            }
            graph.finish_options(options)?;
            let shares = of_steps(graph, layer, shares, steps)?;
            let row = attention(graph, layer, shares)?;
            graph.put_output(0, Output::Laid(Laid::row_beside_one(row, is_first)));
            Ok(true)
        }
        ("Sum", [source]) => {
            let Some(shares) = graph.shares(source).filter(|shares| shares.is_weighted) else {
                return Ok(false);
            };
            let options = Options::new(layer);
            let keeps = options.flag("keepdims", false)?;
            if !is_over_steps(&options) {
                return Err(refused(
                    layer,
                    "it adds up steps times their shares along another axis than that of the steps",
                ));
            }
            graph.finish_options(options)?;
            let row = attention(graph, layer, shares)?;
            match keeps {
                true => graph.put_output(0, Output::Laid(Laid::row_beside_one(row, true))),
                false => graph.put(0, row),
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Whether the setting `axis` is that of the steps alone.
fn is_over_steps(options: &Options<'_>) -> bool {
    let axis = match options.value("axis") {
        Some(Value::List(axes)) if axes.len() == 1 => axes.first(),
        axis => axis,
    };
    matches!(axis, Some(Value::Integer(1 | -2)))
}

fn softmax(graph: &mut Graph, layer: &Layer, source: &Source) -> Result<bool> {
    let options = Options::new(layer);
    let Some(flow) = graph.scores(source).filter(|_| is_over_steps(&options)) else { return Ok(false) };
    let Shape::Steps { features: 1, .. } = flow.shape else { return Ok(false) };
    graph.finish_options(options)?;
    // Keras' softmax is over all steps, masked or not.
    graph.cross(layer, &flow);
    let of_tanh =
        |graph: &Graph, name: &str| graph.dense(name).filter(|(own, _)| own.activation == Activation::Tanh);
    let (steps, score, hidden) = match graph.dense(&flow.from) {
        Some((own, steps)) if own.activation == Activation::Tanh => {
            (steps, flow.from.clone(), Some(flow.from.clone()))
        }
        Some((own, scored)) if own.activation == Activation::Linear => match of_tanh(graph, &scored) {
            Some((_, steps)) => (steps, flow.from.clone(), Some(scored)),
            None => (scored, flow.from.clone(), None),
        },
        _ => {
            return Err(refused(
                layer,
                "it shares out over the steps what no Dense layer gives; here shares are those of an attention, whose scores \
                 are of a Dense layer, or of two with a tanh between",
            ));
        }
    };
    let steps = Flow { from: steps, ..flow };
    graph.put_output(0, Output::Shares(Shares { steps, score, hidden, is_weighted: false }));
    Ok(true)
}

/// Shares and what else is read, and whether the shares are the first.
fn both(graph: &Graph, first: &Source, second: &Source) -> Option<(Shares, Source, bool)> {
    let of = |source: &Source| graph.shares(source).filter(|shares| !shares.is_weighted);
    match (of(first), of(second)) {
        (Some(shares), None) => Some((shares, second.clone(), true)),
        (None, Some(shares)) => Some((shares, first.clone(), false)),
        _ => None,
    }
}

/// The shares of these steps. Error: they are of others.
fn of_steps(graph: &mut Graph, layer: &Layer, shares: Shares, steps: Source) -> Result<Shares> {
    let steps = graph.flow(layer, &steps)?;
    match (steps.shape, steps.from == shares.steps.from) {
        (Shape::Steps { .. }, true) => Ok(Shares { steps, ..shares }),
        _ => Err(refused(
            layer,
            "it weighs other steps than those that the scores are of, which no layer here does",
        )),
    }
}

/// The layer that shares and what they weigh are.
fn attention(graph: &mut Graph, layer: &Layer, shares: Shares) -> Result<Flow> {
    let Shares { steps, score, hidden, .. } = shares;
    let Shape::Steps { features, .. } = steps.shape else { return Err(refused(layer, "it reads no steps")) };
    let missing = || refused(layer, "the scores of its shares have no weights");
    let once = Shape::Once { features };
    let name = graph.own_name();
    graph.become_part(&score);
    graph.become_part(hidden.as_ref().unwrap_or(&score));
    let Some(hidden) = hidden else {
        // Shares of q · x are attention by a query that is the same for every sequence; the same summand changes no share.
        let query = graph.values(&score, "weight").ok_or_else(missing)?;
        graph.make(layer, features.saturating_mul(features))?;
        let last = graph.fresh(&format!("{name}_last"));
        let last = graph.push(last, PoolLayer::new(Pool::Last), &[&steps.from], once, None);
        let of = graph.fresh(&format!("{name}_query"));
        let flow = graph.push(of, DenseLayer::new(features).trainable(false), &[&last.from], once, None);
        graph.weight(&flow.from, "weight", &[features, features], vec![0.0; features * features]);
        graph.weight(&flow.from, "bias", &[features], query);
        return Ok(graph.push(name, CrossAttentionLayer::dot(), &[&flow.from, &steps.from], once, None));
    };
    let trainable = graph.dense(&hidden).is_none_or(|(own, _)| own.common.trainable);
    let weight = graph.values(&hidden, "weight").ok_or_else(missing)?;
    let units = weight.len() / features.max(1);
    let bias = graph.values(&hidden, "bias").unwrap_or_else(|| vec![0.0; units]);
    let context = match hidden == score {
        true => vec![1.0],
        false => graph.values(&score, "weight").ok_or_else(missing)?,
    };
    let flow =
        graph.push(name.clone(), AttentionLayer::new(units).trainable(trainable), &[&steps.from], once, None);
    graph.weight(&name, "weight", &[units, features], weight);
    graph.weight(&name, "bias", &[units], bias);
    graph.weight(&name, "context", &[units], context);
    Ok(flow)
}
