//! The vectors that a model has learnt for tokens.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::Result;
use crate::model::{Feed, Model};
use crate::models::behind_embeddings;
use crate::tasks::Example;

/// A token and the tokens with the vectors nearest to its own.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Near {
    /// The token, of the record that is looked at.
    pub token: String,
    /// The nearest others and the cosine of the angle between both vectors, the nearest first.
    pub nearest: Vec<(String, f64)>,
}

/// The vectors of the tokens that a model knows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Vectors {
    /// Numbers of a vector.
    pub features: usize,
    /// The tokens with the longest vectors, and their lengths.
    pub longest: Vec<(String, f64)>,
    /// The tokens with the shortest vectors.
    pub shortest: Vec<(String, f64)>,
    /// The neighbours of the tokens of the record, in their order.
    pub near: Vec<Near>,
}

/// So many tokens are listed.
const LISTED: usize = 5;

/// The neighbours of at most so many tokens are looked for, each among all.
const ASKED: usize = 16;

/// The vectors of the tokens that a model knows; None where it reads numbers.
pub(super) fn of(model: &Model, example: &Example) -> Result<Option<Vectors>> {
    let Some((tokens, padded)) = example.known() else { return Ok(None) };
    if tokens.is_empty() {
        return Ok(None);
    }
    let (_, embeddings) = behind_embeddings(model)?;
    let (input, embedding) = &embeddings[0];
    let rows = model.values(Feed::new().batch(input, padded.batch()?), None, &[embedding])?.only()?.0;
    let features = rows.features;
    let vectors: Vec<&[f32]> = rows.data.chunks_exact(features).collect();
    let lengths: Vec<f64> =
        vectors.iter().map(|v| v.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt()).collect();
    let mut order: Vec<usize> = (0..tokens.len()).collect();
    order.sort_by(|&a, &b| lengths[b].total_cmp(&lengths[a]).then(a.cmp(&b)));
    let listed = |places: &mut dyn Iterator<Item = &usize>| -> Vec<(String, f64)> {
        places.take(LISTED).map(|&place| (tokens[place].clone(), lengths[place])).collect()
    };
    let mut seen = BTreeSet::new();
    let asked = example.steps.iter().filter(|token| seen.insert(*token));
    let places = asked.filter_map(|token| tokens.iter().position(|known| known == token)).take(ASKED);
    let near = places.map(|place| {
        let cosine = |other: usize| {
            let product: f64 =
                vectors[place].iter().zip(vectors[other]).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            let length = lengths[place] * lengths[other];
            if length > 0.0 { product / length } else { 0.0 }
        };
        let mut others: Vec<(usize, f64)> =
            (0..tokens.len()).filter(|&other| other != place).map(|other| (other, cosine(other))).collect();
        others.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let nearest = others.into_iter().take(LISTED).map(|(other, cosine)| (tokens[other].clone(), cosine));
        Near { token: tokens[place].clone(), nearest: nearest.collect() }
    });
    Ok(Some(Vectors {
        features,
        longest: listed(&mut order.iter()),
        shortest: listed(&mut order.iter().rev()),
        near: near.collect(),
    }))
}
