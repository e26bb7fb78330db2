//! Attention over another sequence.

use sumun_formats::keras::{Call, Layer, Taken};

use super::super::layouts::expect;
use super::flow::{Flow, Shape};
use super::graph::Graph;
use super::names::refused;
use super::settings::Options;
use crate::Result;
use crate::nn::{CrossAttentionLayer, Score};

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
        [_, _, _] => return Err(refused(layer, "its keys are other than its values")),
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

/// `[width, width]` with `value` on its diagonal.
fn diagonal(width: usize, value: f32) -> Vec<f32> {
    let mut matrix = vec![0.0; width * width];
    matrix.iter_mut().step_by(width + 1).for_each(|place| *place = value);
    matrix
}
