//! Attention over another sequence.

use sumun_formats::keras::{Call, Layer, Taken};

use super::super::layouts::expect;
use super::flow::{Flow, Shape};
use super::graph::Graph;
use super::matrices::diagonal;
use super::names::refused;
use super::settings::Options;
use crate::Result;
use crate::nn::{Activation, CrossAttentionLayer, Score};

/// Reads `Attention` or `AdditiveAttention`: softmax(q · k) · v, or of Σ s ⊙ tanh(q + k), with keys that are the values.
pub(super) fn read(
    graph: &mut Graph,
    layer: &Layer,
    call: &Call,
    weights: &mut Taken<'_>,
    options: Options<'_>,
) -> Result<Flow> {
    let flows = graph.reads(layer, call)?;
    let [query, memory] = match flows.as_slice() {
        [query, value] => [query.clone(), value.clone()],
        [query, value, key] if key.from == value.from => [query.clone(), value.clone()],
        [query, value, key] => return mapped(graph, layer, [query, value, key], options),
        _ => {
            return Err(refused(
                layer,
                format!("it reads {} tensors; queries and values are read", flows.len()),
            ));
        }
    };
    let (Shape::Steps { features: width, .. }, Shape::Steps { features, .. }) = (query.shape, memory.shape)
    else {
        return Err(refused(layer, "it reads no steps"));
    };
    if width != features {
        return Err(refused(layer, format!("its queries have {width} features, its keys {features}")));
    }
    let is_additive = layer.class == "AdditiveAttention";
    let scales = options.flag("use_scale", is_additive)?;
    if options.text("score_mode")?.is_some_and(|mode| mode != "dot") {
        return Err(refused(layer, "its score_mode is not dot"));
    }
    if options.flag("causal", false)? {
        return Err(refused(layer, "it is causal"));
    }
    if options.number("dropout")?.is_some_and(|rate| rate != 0.0) {
        graph.note(format!("left out, as it does nothing outside training: the dropout of {}", layer.name));
    }
    // Weights here that are none there, so that nothing in the file bears their size out.
    if is_additive || scales {
        graph.make(layer, width.saturating_mul(width).saturating_mul(2))?;
    }
    let name = graph.own_name();
    let scale = match scales {
        true => {
            let tensors = weights.next("", 1)?;
            graph.count(&tensors);
            let shape: &[usize] = if is_additive { &[width] } else { &[] };
            expect(&name, "scale", tensors[0], shape)?
        }
        false if is_additive => vec![1.0; width],
        false => Vec::new(),
    };
    let attention = if is_additive {
        graph.weight(&name, "weight_query", &[width, width], diagonal(width, 1.0));
        graph.weight(&name, "weight_memory", &[width, width], diagonal(width, 1.0));
        graph.weight(&name, "bias", &[width], vec![0.0; width]);
        graph.weight(&name, "context", &[width], scale);
        CrossAttentionLayer::additive(width)
    } else if scales {
        graph.weight(&name, "weight_memory", &[width, width], diagonal(width, scale[0]));
        CrossAttentionLayer::general()
    } else {
        CrossAttentionLayer::dot()
    };
    let has_weights = attention.score != Score::Dot;
    graph.heed(layer, &memory);
    let flow = graph.push(name, attention, &[&query.from, &memory.from], query.shape, query.mask);
    if has_weights {
        graph.set_trainable(&options)?;
    }
    graph.finish_options(options)?;
    Ok(flow)
}

/// `Attention` whose keys are a matrix times its values: a dense layer of them alone.
fn mapped(
    graph: &mut Graph,
    layer: &Layer,
    [query, value, key]: [&Flow; 3],
    options: Options<'_>,
) -> Result<Flow> {
    let other =
        || refused(layer, "its keys are other than its values, and no dense layer of them without bias");
    let (Shape::Steps { features: width, time }, Shape::Steps { features, .. }) = (query.shape, value.shape)
    else {
        return Err(refused(layer, "it reads no steps"));
    };
    let dense = graph.dense(&key.from).filter(|(own, from)| {
        !own.bias && own.activation == Activation::Linear && own.units == width && *from == value.from
    });
    let weight = graph.values(&key.from, "weight").filter(|weight| weight.len() == width * features);
    let (Some((dense, _)), Some(weight), false) = (dense, weight, layer.class == "AdditiveAttention") else {
        return Err(other());
    };
    let plain = !options.flag("use_scale", false)?
        && !options.flag("causal", false)?
        && options.text("score_mode")?.is_none_or(|mode| mode == "dot")
        && options.number("dropout")?.is_none_or(|rate| rate == 0.0);
    if !plain {
        return Err(other());
    }
    graph.heed(layer, value);
    graph.become_part(&key.from);
    let attention = CrossAttentionLayer::general().trainable(dense.common.trainable);
    let name = graph.own_name();
    let flow = graph.push(
        name.clone(),
        attention,
        &[&query.from, &value.from],
        Shape::Steps { time, features },
        query.mask,
    );
    graph.make(layer, weight.len())?;
    graph.weight(&name, "weight_memory", &[width, features], weight);
    graph.finish_options(options)?;
    Ok(flow)
}
