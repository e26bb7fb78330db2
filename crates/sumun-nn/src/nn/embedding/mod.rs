//! Embedding: a learnt vector for each id (PyTorch's `Embedding`).

mod spec;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sumun_kernels::table::{add_rows, look_up};

use super::Initializer;
use crate::parameters::Id;
use crate::{Bags, Error, Ids, Parameters, Result, Rows};

pub use spec::EmbeddingLayer;

/// What an [`Embedding`] is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddingConfig {
    /// V: how many ids there are, `0 .. vocabulary`.
    pub vocabulary: usize,
    /// F: how long the vector of an id is.
    pub features: usize,
    /// The id whose vector is zero and stays zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padding_id: Option<u32>,
}

/// A table of vectors, `{prefix}.weight` of shape `[V, F]`, looked up by id.
///
/// It is a model's first layer and takes [`Ids`], so it is no [`Layer`](super::Layer) and nothing flows
/// further back than its table. Without lengths or a mask, a padding id is an ordinary step whose input is zero.
#[derive(Debug, Clone)]
pub struct Embedding {
    config: EmbeddingConfig,
    weight: Id,
}

/// What [`Embedding::backward`] needs: which row came from which id.
#[derive(Debug)]
pub struct EmbeddingCache {
    ids: Ids,
    /// Which entries they are, where they are entries of bags.
    used: Option<Used>,
}

impl Embedding {
    /// Adds the table to `parameters`, initialised from N(0, 1) as in PyTorch; the padding id's row is zero.
    /// Sizes of 0 and a padding id outside the vocabulary are errors.
    pub fn new<R: Rng + ?Sized>(
        config: EmbeddingConfig,
        parameters: &mut Parameters,
        prefix: &str,
        rng: &mut R,
    ) -> Result<Self> {
        let EmbeddingConfig { vocabulary, features, padding_id } = config;
        if vocabulary == 0 || features == 0 || u32::try_from(vocabulary - 1).is_err() {
            return Err(Error::Invalid(format!(
                "an embedding of {vocabulary} ids in {features} features; both must be at least 1 and ids must fit 32 bits"
            )));
        }
        if let Some(padding) = padding_id.filter(|&id| id as usize >= vocabulary) {
            return Err(Error::Invalid(format!(
                "padding id {padding} is not below the vocabulary of {vocabulary} ids"
            )));
        }
        let shape = [vocabulary, features];
        let weight = parameters.add_drawn(format!("{prefix}.weight"), &shape, || {
            let mut table = Initializer::Normal { std: 1.0 }.values(&shape, rng)?;
            if let Some(padding) = padding_id {
                table[padding as usize * features..][..features].fill(0.0);
            }
            Ok(table)
        })?;
        Ok(Self { config, weight })
    }

    /// What it is made of.
    pub fn config(&self) -> &EmbeddingConfig {
        &self.config
    }

    /// The table's handle.
    pub fn weight(&self) -> Id {
        self.weight
    }

    /// The vectors of `ids`, `[R, F]`. Of entries of bags, it is the sum of the vectors of an entry's ids over the root of
    /// their number, so that it varies as much as one of them does; zeros where it has none. An id outside the vocabulary is an
    /// error that names its place.
    pub fn forward(&self, parameters: &Parameters, ids: &Ids) -> Result<Rows> {
        Ok(self.looked_up(parameters, ids)?.0)
    }

    /// The vectors, and of entries which there are.
    fn looked_up(&self, parameters: &Parameters, ids: &Ids) -> Result<(Rows, Option<Used>)> {
        let features = self.config.features;
        self.expect(parameters)?;
        let table = parameters.value(self.weight);
        let within = |id: &u32| (*id as usize) < self.config.vocabulary;
        let Some(bags) = &ids.bags else {
            if let Some(row) = ids.data.iter().position(|id| !within(id)) {
                return Err(self.outside(ids, row, ids.data[row]));
            }
            let rows = Rows::new(look_up(table, features, &ids.data)?, features, ids.layout.clone())?;
            return Ok((rows, None));
        };
        let used = Used::of(ids, bags);
        let mut vectors = vec![0.0; used.entries.len() * features];
        for (vector, &entry) in vectors.chunks_exact_mut(features).zip(&used.entries) {
            let parts = bags.of(entry);
            if let Some(&id) = parts.iter().find(|id| !within(id)) {
                let row = ids.data.iter().position(|&of| of == entry).unwrap_or(0);
                return Err(self.outside(ids, row, id));
            }
            for &id in parts {
                let row = &table[id as usize * features..][..features];
                vector.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            let share = share(parts.len());
            vector.iter_mut().for_each(|sum| *sum *= share);
        }
        let rows = Rows::new(look_up(&vectors, features, &used.rows)?, features, ids.layout.clone())?;
        Ok((rows, Some(used)))
    }

    /// The vectors of `ids` and what [`backward`](Self::backward) needs.
    pub fn forward_train(&self, parameters: &Parameters, ids: Ids) -> Result<(Rows, EmbeddingCache)> {
        let (out, used) = self.looked_up(parameters, &ids)?;
        Ok((out, EmbeddingCache { ids, used }))
    }

    /// Adds each row's gradient to that of its id, or of the ids of its entry, in row order; the padding id gets none. `d_out`
    /// is `[R, F]`.
    pub fn backward(&self, parameters: &mut Parameters, cache: EmbeddingCache, d_out: Rows) -> Result<()> {
        let features = self.config.features;
        let ids = &cache.ids.data;
        d_out.expect_like("the gradient of an embedding's output", &cache.ids.layout, features)?;
        self.expect(parameters)?;
        let padding = self.config.padding_id;
        let (Some(bags), Some(used)) = (&cache.ids.bags, &cache.used) else {
            return parameters.add_rows_to_gradient(self.weight, features, ids, padding, &d_out.data);
        };
        let mut d_entries = vec![0.0; used.entries.len() * features];
        add_rows(&mut d_entries, features, &used.rows, None, &d_out.data)?;
        let parts = || used.entries.iter().map(|&entry| bags.of(entry));
        let ids: Vec<u32> = parts().flatten().copied().collect();
        let mut d_parts = Vec::with_capacity(ids.len() * features);
        for (parts, d) in parts().zip(d_entries.chunks_exact(features)) {
            let share = share(parts.len());
            for _ in parts {
                d_parts.extend(d.iter().map(|d| d * share));
            }
        }
        parameters.add_rows_to_gradient(self.weight, features, &ids, padding, &d_parts)
    }

    /// Checks that the table is among these parameters.
    fn expect(&self, parameters: &Parameters) -> Result<()> {
        parameters.expect(self.weight, self.config.vocabulary * self.config.features)
    }

    fn outside(&self, ids: &Ids, row: usize, id: u32) -> Error {
        let mut place = (0, 0);
        ids.layout.for_each_row(|r, n, t| {
            if r == row {
                place = (n, t);
            }
        });
        let ((sequence, step), vocabulary) = (place, self.config.vocabulary);
        Error::Invalid(format!(
            "id {id} in sequence {sequence} at step {step} is not below the vocabulary of {vocabulary} ids"
        ))
    }
}

/// The entries that the rows of a batch are, each once, so that the vector of each is computed once.
#[derive(Debug)]
struct Used {
    /// In the order in which rows first are them.
    entries: Vec<u32>,
    /// Which of `entries` each row is.
    rows: Vec<u32>,
}

impl Used {
    fn of(ids: &Ids, bags: &Bags) -> Self {
        const NEVER: u32 = u32::MAX;
        let (mut place, mut entries) = (vec![NEVER; bags.len()], Vec::new());
        let mut rows = Vec::with_capacity(ids.data.len());
        for &entry in ids.data.iter() {
            let place = &mut place[entry as usize];
            if *place == NEVER {
                *place = entries.len() as u32;
                entries.push(entry);
            }
            rows.push(*place);
        }
        Self { entries, rows }
    }
}

/// How much each of so many vectors counts in the one that they make together.
fn share(parts: usize) -> f32 {
    1.0 / (parts.max(1) as f32).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layout;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use std::sync::Arc;

    fn embedding(padding_id: Option<u32>) -> (Embedding, Parameters) {
        let mut parameters = Parameters::new();
        let config = EmbeddingConfig { vocabulary: 4, features: 3, padding_id };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let layer = Embedding::new(config, &mut parameters, "embedding", &mut rng).unwrap();
        (layer, parameters)
    }

    #[test]
    fn gathers_forward_and_scatters_backward() {
        for padding in [None, Some(2)] {
            let (layer, mut parameters) = embedding(padding);
            assert_eq!(parameters.entries()[0].name, "embedding.weight");
            let table = parameters.value(layer.weight()).to_vec();
            assert_eq!(table[6..9] == [0.0; 3], padding.is_some());
            let ids = Ids::pack(&[2, 1, 9, 3, 2, 1], Layout::ragged(&[2, 3], 3).unwrap()).unwrap();
            let (out, cache) = layer.forward_train(&parameters, ids.clone()).unwrap();
            for (row, &id) in [3, 2, 2, 1, 1].iter().enumerate() {
                assert_eq!(out.data[row * 3..][..3], table[id * 3..][..3]);
            }
            let d_out: Vec<f32> = (1..=15).map(|v| v as f32).collect();
            layer.backward(&mut parameters, cache, Rows::new(d_out, 3, ids.layout.clone()).unwrap()).unwrap();
            let two = if padding.is_some() { [0.0; 3] } else { [11.0, 13.0, 15.0] };
            let expected = [[0.0; 3], [23.0, 25.0, 27.0], two, [1.0, 2.0, 3.0]].concat();
            assert_eq!(parameters.gradient(layer.weight()), expected);
        }
    }

    /// Against the vectors of single ids, added up by hand, and difference quotients.
    #[test]
    fn the_vector_of_an_entry_is_that_of_its_ids_together() {
        let (layer, mut parameters) = embedding(Some(0));
        let bags = Arc::new(Bags::new([vec![], vec![3], vec![1, 2, 1, 3], vec![0, 2]]).unwrap());
        let rows = [1, 2, 9, 2, 3, 0];
        let ids = Ids::pack(&rows, Layout::ragged(&[2, 3], 3).unwrap()).unwrap();
        let ids = ids.of_bags(Arc::clone(&bags)).unwrap();
        let (out, cache) = layer.forward_train(&parameters, ids.clone()).unwrap();
        let table = parameters.value(layer.weight()).to_vec();
        for (row, &entry) in [2, 1, 3, 2, 0].iter().enumerate() {
            let parts = bags.of(entry);
            for feature in 0..3 {
                let sum: f32 = parts.iter().map(|&id| table[id as usize * 3 + feature]).sum();
                let expected = sum / (parts.len().max(1) as f32).sqrt();
                assert!((out.data[row * 3 + feature] - expected).abs() < 1e-6, "{row} {feature}");
            }
        }
        let d_out: Vec<f32> = (1..=15).map(|v| v as f32).collect();
        let loss = |parameters: &Parameters| -> f32 {
            let out = layer.forward(parameters, &ids).unwrap();
            out.data.iter().zip(&d_out).map(|(o, d)| o * d).sum()
        };
        layer
            .backward(&mut parameters, cache, Rows::new(d_out.clone(), 3, ids.layout.clone()).unwrap())
            .unwrap();
        let gradient = parameters.gradient(layer.weight()).to_vec();
        assert_eq!(gradient[..3], [0.0; 3], "the padding id stays zero");
        for at in 3..12 {
            let mut moved = parameters.clone();
            moved.value_mut(layer.weight())[at] += 0.5;
            let (above, below) = (loss(&moved), loss(&parameters));
            let quotient = (above - below) / 0.5;
            assert!((quotient - gradient[at]).abs() < 1e-3 * gradient[at].abs().max(1.0), "{at}");
        }
    }

    #[test]
    fn what_bags_lack_and_the_vocabulary_lacks_is_named() {
        let (layer, parameters) = embedding(None);
        let bags = Arc::new(Bags::new([vec![1], vec![2, 4]]).unwrap());
        let ids = Ids::pack(&[0, 2], Layout::full(1, 2).unwrap()).unwrap();
        let error = ids.of_bags(Arc::clone(&bags)).unwrap_err().to_string();
        assert_eq!(error, "entry 2 is not below the 2 of the bags");
        let ids = Ids::pack(&[0, 1], Layout::full(1, 2).unwrap()).unwrap().of_bags(bags).unwrap();
        let error = layer.forward(&parameters, &ids).unwrap_err().to_string();
        assert_eq!(error, "id 4 in sequence 0 at step 1 is not below the vocabulary of 4 ids");
    }

    #[test]
    fn an_id_outside_the_vocabulary_is_named_with_its_place() {
        let (layer, parameters) = embedding(None);
        let ids = Ids::pack(&[0, 9, 1, 4], Layout::ragged(&[1, 2], 2).unwrap()).unwrap();
        let error = layer.forward(&parameters, &ids).unwrap_err().to_string();
        assert_eq!(error, "id 4 in sequence 1 at step 1 is not below the vocabulary of 4 ids");
    }

    #[test]
    fn sizes_that_make_no_sense_are_refused() {
        for (vocabulary, features, padding_id) in [(0, 3, None), (3, 0, None), (3, 2, Some(3))] {
            let config = EmbeddingConfig { vocabulary, features, padding_id };
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            assert!(Embedding::new(config, &mut Parameters::new(), "e", &mut rng).is_err());
        }
    }
}
