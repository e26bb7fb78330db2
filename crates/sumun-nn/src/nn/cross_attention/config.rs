//! What attention over another sequence is made of: how it scores, and the weights that this takes.

use serde::{Deserialize, Serialize};

use crate::nn::Initializer;
use crate::{Error, Result};

/// How a query and a step of the memory are compared; the equations are those of [`CrossAttention`](super::CrossAttention).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Score {
    /// q · m, of projections of both where `units` are given.
    #[default]
    Dot,
    /// q · W m.
    General,
    /// v · tanh(W_q q + W_m m + b), in `units`.
    Additive,
}

/// What a [`CrossAttention`](super::CrossAttention) is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrossAttentionConfig {
    /// F_q: features of a query.
    pub query: usize,
    /// F_m: features of a step of the memory, and of the output.
    pub memory: usize,
    /// How they are compared.
    pub score: Score,
    /// The width in which both meet: needed by [`Score::Additive`], open to [`Score::Dot`], none of [`Score::General`].
    pub units: Option<usize>,
    /// Whether dot products are divided by the root of their width, as Vaswani et al. do; Luong et al. do not.
    pub scaled: bool,
}

/// A weight of attention.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossAttentionWeight {
    /// Its name within the layer.
    pub name: &'static str,
    /// Its shape, row-major.
    pub shape: Vec<usize>,
    /// How its first values are initialised.
    pub first: Initializer,
}

impl CrossAttentionConfig {
    /// Dot products of queries of `query` features with a memory of `memory` features, as they are.
    pub fn dot(query: usize, memory: usize) -> Self {
        Self { query, memory, score: Score::Dot, units: None, scaled: false }
    }

    /// The width d in which queries and memory meet. Errors: a size of 0, [`Score::Dot`] without `units` of different
    /// features, [`Score::General`] with `units`, [`Score::Additive`] without `units` or `scaled`.
    pub fn check(&self) -> Result<usize> {
        let Self { query, memory, score, units, scaled } = *self;
        if query == 0 || memory == 0 || units == Some(0) {
            return Err(Error::Invalid(format!(
                "attention of {query} features over {memory} with units of {}; sizes must be at least 1",
                units.map_or("none".into(), |units| units.to_string())
            )));
        }
        match (score, units) {
            (Score::Dot, None) if query != memory => Err(Error::Invalid(format!(
                "a dot product of queries of {query} features with a memory of {memory}; give units, in which both meet, \
                 or take the score general"
            ))),
            (Score::General, Some(units)) => Err(Error::Invalid(format!(
                "the score general with {units} units; it meets in the features of the queries, leave out units"
            ))),
            (Score::Additive, None) => {
                Err(Error::Invalid("the score additive needs units, in which both meet".into()))
            }
            (Score::Additive, _) if scaled => {
                Err(Error::Invalid("the score additive is no dot product; leave out scaled".into()))
            }
            (Score::Dot | Score::General, None) => Ok(query),
            (Score::Dot | Score::Additive, Some(units)) => Ok(units),
        }
    }

    /// The weights, in their order; errors are those of [`check`](Self::check).
    pub fn weights(&self) -> Result<Vec<CrossAttentionWeight>> {
        let width = self.check()?;
        let weight = |name, shape: &[usize], fan| CrossAttentionWeight {
            name,
            shape: shape.to_vec(),
            first: Initializer::pytorch(fan),
        };
        let query = weight("weight_query", &[width, self.query], self.query);
        let memory = weight("weight_memory", &[width, self.memory], self.memory);
        Ok(match (self.score, self.units) {
            (Score::Dot, None) => Vec::new(),
            (Score::Dot, Some(_)) => vec![query, memory],
            (Score::General, _) => vec![memory],
            (Score::Additive, _) => {
                let bias = weight("bias", &[width], self.query);
                vec![query, memory, bias, weight("context", &[width], width)]
            }
        })
    }
}
