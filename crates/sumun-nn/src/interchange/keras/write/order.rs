//! The order in which Keras has layers.

use std::collections::HashMap;

use sumun_formats::keras::{Call, Layer, Source};

/// The places of the layers in the order in which Keras has them once it has read the model, as in its `map_graph`: by the
/// longest way to an output, the longest first, and those of one length as a search from the outputs comes by them. Keras
/// reads weights in this order, whatever the order of the file.
pub(super) fn order(layers: &[Layer], outputs: &[Source]) -> Vec<usize> {
    let places: HashMap<&str, usize> =
        layers.iter().enumerate().map(|(place, layer)| (layer.name.as_str(), place)).collect();
    let place_of = |source: &Source| places.get(source.layer.as_str()).copied();
    let reads = |layer: &Layer| -> Vec<usize> {
        let of_call = |call: &Call| {
            let named = call.named.iter().map(|(_, sources)| sources);
            call.arguments.iter().chain(named).flatten().filter_map(place_of).collect::<Vec<_>>()
        };
        layer.calls.iter().flat_map(of_call).collect()
    };
    let reads: Vec<Vec<usize>> = layers.iter().map(reads).collect();
    // When the search comes by each layer, and the layers behind all that they read.
    let (mut found, mut finished) = (HashMap::new(), Vec::with_capacity(layers.len()));
    for output in outputs.iter().filter_map(place_of) {
        if found.contains_key(&output) {
            continue;
        }
        found.insert(output, found.len());
        let mut stack = vec![(output, 0)];
        while let Some((place, next)) = stack.last_mut() {
            match reads[*place].get(*next) {
                Some(&read) => {
                    *next += 1;
                    if !found.contains_key(&read) {
                        found.insert(read, found.len());
                        stack.push((read, 0));
                    }
                }
                None => {
                    finished.push(*place);
                    stack.pop();
                }
            }
        }
    }
    let mut depths = vec![0_usize; layers.len()];
    for &place in finished.iter().rev() {
        for &read in &reads[place] {
            depths[read] = depths[read].max(depths[place] + 1);
        }
    }
    finished.sort_by_key(|place| (std::cmp::Reverse(depths[*place]), found[place]));
    finished
}

#[cfg(test)]
mod tests {
    use sumun_formats::keras;

    use super::order;

    /// Files of Keras have their layers in its own order, so it is found again whatever order they are in.
    #[test]
    fn layers_are_in_the_order_of_keras() {
        let mut graphs = 0;
        for path in sumun_testing::golden_files_of("keras_kinds", "keras") {
            let file = keras::read(&std::fs::read(&path).unwrap()).unwrap();
            let mut architecture = file.architecture.unwrap();
            // A layer that is used again is as deep as the deepest of its uses; here each use is a layer.
            if architecture.layers.iter().any(|layer| layer.calls.len() > 1) {
                continue;
            }
            let names = |layers: &[keras::Layer], order: Vec<usize>| -> Vec<String> {
                order.into_iter().map(|place| layers[place].name.clone()).collect()
            };
            let own = names(&architecture.layers, (0..architecture.layers.len()).collect());
            for turn in 0..3 {
                let middle = architecture.layers.len() / 2;
                if turn % 2 == 0 {
                    architecture.layers.reverse()
                } else {
                    architecture.layers.rotate_left(middle)
                }
                let found = names(&architecture.layers, order(&architecture.layers, &architecture.outputs));
                assert_eq!(found, own, "{}", path.display());
            }
            graphs += usize::from(architecture.outputs.len() > 1 || architecture.inputs.len() > 1);
        }
        assert!(graphs >= 4, "{graphs} graphs");
    }
}
