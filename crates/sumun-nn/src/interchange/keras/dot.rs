//! `Dot`: of two rows a number, and of steps the two products of an attention.

use sumun_formats::keras::{Call, Layer, Value};

use super::flow::{Flow, Shape};
use super::graph::Graph;
use super::matrices::diagonal;
use super::names::refused;
use super::output::{Output, Products};
use super::settings::Options;
use crate::Result;
use crate::nn::{CombineLayer, CrossAttentionLayer, DenseLayer};

/// Reads `Dot`.
pub(super) fn read(graph: &mut Graph, layer: &Layer, call: &Call, options: Options<'_>) -> Result<()> {
    let axes = axes(layer, &options)?;
    if options.flag("normalize", false)? {
        return Err(refused(
            layer,
            "it divides by the lengths of its rows (normalize), which no layer here does",
        ));
    }
    graph.finish_options(options)?;
    let sources = call.arguments.concat();
    let [first, second] = sources.as_slice() else {
        return Err(refused(layer, format!("it reads {} tensors, not two", sources.len())));
    };
    if let Some(products) = graph.products(first) {
        let values = graph.flow(layer, second)?;
        return attention(graph, layer, products, values, axes);
    }
    let flows = [graph.flow(layer, first)?, graph.flow(layer, second)?];
    match [flows[0].shape, flows[1].shape] {
        [Shape::Once { features }, Shape::Once { features: other }] if features == other => {
            for (axis, rank) in axes.into_iter().zip([2, 2]) {
                expect_axis(layer, axis, 1, rank)?;
            }
            row(graph, layer, &flows, features)
        }
        [Shape::Steps { features, .. }, Shape::Steps { features: other, .. }] if features == other => {
            for (axis, rank) in axes.into_iter().zip([3, 3]) {
                expect_axis(layer, axis, 2, rank)?;
            }
            let [query, memory] = flows;
            // Keras' layer and the softmax behind it compute with all steps.
            graph.cross(layer, &query);
            graph.cross(layer, &memory);
            graph.put_output(0, Output::Products(Products { query, memory, are_shares: false, scale: 1.0 }));
            Ok(())
        }
        [first, second] => Err(refused(
            layer,
            format!(
                "it multiplies {first:?} by {second:?}; here two rows, or steps of as many features, are"
            ),
        )),
    }
}

/// The axes that are summed over, of the first and of the second tensor.
fn axes(layer: &Layer, options: &Options<'_>) -> Result<[i64; 2]> {
    let of = |value: &Value| match value {
        Value::Integer(axis) => Some(*axis),
        _ => None,
    };
    let found = match options.value("axes") {
        Some(Value::List(axes)) => match axes.as_slice() {
            [first, second] => of(first).zip(of(second)),
            _ => None,
        },
        Some(axis) => of(axis).map(|axis| (axis, axis)),
        None => None,
    };
    found.map(|(first, second)| [first, second]).ok_or_else(|| refused(layer, "it does not say its axes"))
}

fn expect_axis(layer: &Layer, axis: i64, wanted: i64, rank: i64) -> Result<()> {
    match axis == wanted || axis == wanted - rank {
        true => Ok(()),
        false => Err(refused(layer, format!("it sums over the axis {axis}; {wanted} is read here"))),
    }
}

/// The sum of a product, number by number.
fn row(graph: &mut Graph, layer: &Layer, flows: &[Flow; 2], features: usize) -> Result<()> {
    graph.make(layer, features)?;
    let product = graph.fresh(&format!("{}_product", graph.own_name()));
    let shape = Shape::Once { features };
    let from = [flows[0].from.as_str(), flows[1].from.as_str()];
    let product = graph.push(product, CombineLayer::multiply(), &from, shape, None);
    let name = graph.own_name();
    graph.weight(&name, "weight", &[1, features], vec![1.0; features]);
    let sum = DenseLayer::new(1).bias(false).trainable(false);
    let flow = graph.push(name, sum, &[&product.from], Shape::Once { features: 1 }, None);
    graph.put(0, flow);
    Ok(())
}

/// The means of the memory's steps by their shares.
fn attention(
    graph: &mut Graph,
    layer: &Layer,
    products: Products,
    values: Flow,
    axes: [i64; 2],
) -> Result<()> {
    expect_axis(layer, axes[0], 2, 3)?;
    expect_axis(layer, axes[1], 1, 3)?;
    let flow = attend(graph, layer, products, values)?;
    graph.put(0, flow);
    Ok(())
}

/// As above, whatever says so.
pub(super) fn attend(graph: &mut Graph, layer: &Layer, products: Products, values: Flow) -> Result<Flow> {
    let Products { query, memory, are_shares, scale } = products;
    if !are_shares {
        return Err(refused(layer, "it reads the products of another without a softmax between them"));
    }
    if values.from != memory.from {
        return Err(refused(layer, "its values are other than the keys that its shares are of"));
    }
    let Shape::Steps { features, .. } = memory.shape else { return Err(refused(layer, "it reads no steps")) };
    let (name, from) = (graph.own_name(), [query.from.as_str(), memory.from.as_str()]);
    graph.release(&name);
    let name = graph.fresh(&name);
    if scale == 1.0 {
        return Ok(graph.push(name, CrossAttentionLayer::dot(), &from, query.shape, None));
    }
    graph.make(layer, features.saturating_mul(features))?;
    let general = CrossAttentionLayer::general().trainable(false);
    let flow = graph.push(name, general, &from, query.shape, None);
    graph.weight(&flow.from, "weight_memory", &[features, features], diagonal(features, scale as f32));
    Ok(flow)
}

/// Whether a layer is the softmax of products, which is then read.
pub(super) fn softmax(graph: &mut Graph, layer: &Layer, call: &Call) -> Result<bool> {
    let sources = call.arguments.concat();
    let [source] = sources.as_slice() else { return Ok(false) };
    let Some(products) = graph.products(source) else { return Ok(false) };
    let options = Options::new(layer);
    let is_softmax = match layer.class.as_str() {
        "Softmax" => match options.value("axis") {
            None => true,
            Some(Value::Integer(axis)) => [-1, 2].contains(axis),
            Some(_) => false,
        },
        "Activation" => options.text("activation")? == Some("softmax"),
        _ => false,
    };
    if !is_softmax || products.are_shares {
        return Err(refused(layer, "it reads the products of steps, of which a softmax alone is read here"));
    }
    graph.finish_options(options)?;
    graph.put_output(0, Output::Products(Products { are_shares: true, ..products }));
    Ok(true)
}
