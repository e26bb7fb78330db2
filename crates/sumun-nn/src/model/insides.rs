//! What the recurrent layers of a model compute, step by step.

use super::feed::Feed;
use super::network::Model;
use super::plan::Source;
use super::walk::{ModelState, Walk};
use crate::Result;
use crate::nn::{LayerTrace, Recurrent};

/// The insides of a recurrent layer of a model.
#[derive(Debug, Clone)]
pub struct ModelTrace {
    /// The layer's name.
    pub name: String,
    /// Of each of its layers and directions: gates, hidden and cell states at every step.
    pub layers: Vec<LayerTrace>,
}

impl Model {
    /// The insides of every recurrent layer, in the order of the layers: the same numbers as in a
    /// [`forward`](Self::forward), so that nothing is dropped out. Layers of cells that are not the library's have none.
    pub fn traces<'a>(
        &self,
        feed: impl Into<Feed<'a>>,
        initial: Option<&ModelState>,
    ) -> Result<Vec<ModelTrace>> {
        let graph = &self.graph;
        let recurrent: Vec<(usize, &Recurrent)> = graph
            .layers
            .iter()
            .enumerate()
            .filter_map(|(index, stage)| Some((index, stage.layer().downcast_ref::<Recurrent>()?)))
            .collect();
        let read = |&(index, _): &(usize, &Recurrent)| graph.plan.layers[index].reads.first().copied();
        let mut wanted: Vec<Source> = recurrent.iter().filter_map(read).collect();
        let inputs = wanted.len();
        // A layer may begin with the last state of another, which that one has to be computed for.
        let begins = |&(index, _): &(usize, &Recurrent)| graph.plan.layers[index].initial.map(Source::Layer);
        wanted.extend(recurrent.iter().filter_map(begins));
        let mut walk = Walk::new(graph, &self.parameters, feed.into(), initial, &wanted)?;
        walk.forward()?;
        let found = walk.outputs()?;
        let rows = found.rows.into_iter().take(inputs);
        let trace = |((index, layer), rows): ((usize, &Recurrent), _)| {
            let planned = &graph.plan.layers[index];
            let given = initial.and_then(|states| states.get(&planned.name));
            let before = planned.initial.and_then(|from| found.state.get(&graph.plan.layers[from].name));
            let layers = layer.trace(&self.parameters, rows, given.or(before))?;
            Ok(ModelTrace { name: planned.name.clone(), layers })
        };
        recurrent.into_iter().zip(rows).map(trace).collect()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::model::{Batch, Input, ModelConfig, RecurrentLayer};

    /// The hidden states of the last layer are the model's output, and every layer's those of a model that ends with it.
    #[test]
    fn traces_are_what_the_layers_compute() {
        let layer = |units| RecurrentLayer::lstm(units).return_sequences(true);
        let stacked = RecurrentLayer::gru(3).layers(2_usize).bidirectional(true).return_sequences(true);
        let model = Model::builder(Input::numbers(2)).layer(layer(4)).layer(stacked).build(5).unwrap();
        let x = Array3::from_shape_fn((2, 6, 2), |(n, t, f)| ((n + 2 * t + 3 * f) as f32).sin());
        let batch = Batch::numbers(x.view()).lengths(&[6, 4]).unwrap();
        let traces = model.traces(&batch, None).unwrap();
        let names: Vec<&str> = traces.iter().map(|trace| trace.name.as_str()).collect();
        assert_eq!(names, model.layer_names().collect::<Vec<_>>());
        assert_eq!(traces.iter().map(|trace| trace.layers.len()).collect::<Vec<_>>(), [1, 4]);
        let first = model.values(&batch, None, &[names[0]]).unwrap().only().unwrap().0;
        assert_eq!(traces[0].layers[0].hidden.unpack(), first.unpack());
        assert_eq!(traces[0].layers[0].gates.len(), 4);
        // Both directions of the last layer, side by side.
        let out = model.forward(&batch).unwrap();
        for direction in 0..2 {
            let hidden = &traces[1].layers[2 + direction].hidden;
            for (row, found) in out.data.chunks_exact(6).zip(hidden.data.chunks_exact(3)) {
                assert_eq!(&row[3 * direction..][..3], found);
            }
        }
    }

    /// A decoder begins with the state of its encoder.
    #[test]
    fn a_state_that_is_handed_over_is_that_of_the_trace() {
        let config = ModelConfig::from_toml(
            "[inputs]\na = { kind = \"numbers\", features = 2 }\nb = { kind = \"numbers\", features = 1 }\n\
             [[layers]]\nkind = \"gru\"\nname = \"encoder\"\nfrom = [\"a\"]\nunits = 3\n\
             [[layers]]\nkind = \"gru\"\nname = \"decoder\"\nfrom = [\"b\"]\nunits = 3\ninitial = \"encoder\"\n\
             return_sequences = true\n",
        )
        .unwrap();
        let model = config.build(3).unwrap();
        let (a, b) = (Array3::from_elem((1, 5, 2), 0.7_f32), Array3::from_elem((1, 4, 1), -0.3_f32));
        let feed = Feed::new().batch("a", Batch::numbers(a.view())).batch("b", Batch::numbers(b.view()));
        let traces = model.traces(&feed, None).unwrap();
        assert_eq!(traces[1].layers[0].hidden.unpack(), model.forward(&feed).unwrap().unpack());
    }
}
