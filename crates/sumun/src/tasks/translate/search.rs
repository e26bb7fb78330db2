//! Writing what was learnt: beam search, which with one hypothesis is greedy, and what was attended to.

use std::cmp::Ordering;

use ndarray::{ArrayView2, Axis};

use super::super::figures::not_finite;
use super::super::inputs::Sequences;
use super::example::Examples;
use super::network::{ATTENTION, DECODER, ENCODER, SOURCE, TARGET};
use crate::model::{Batch, Feed, Model, ModelState};
use crate::nn::{CrossAttention, Recurrent, RecurrentState};
use crate::sequences::LengthBuckets;
use crate::text::UNK;
use crate::{Error, Layout, Result, Rows};

/// How many hypotheses are kept where nothing else is said.
pub const BEAM: usize = 4;

/// The most hypotheses that may be kept: with more, a search takes all memory and finds nothing better.
pub(super) const MOST_BEAM: usize = 1000;

/// The most hypotheses that are computed together.
const MOST_ROWS: usize = 256;

/// What was written for a source.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    /// Without the end; never empty.
    pub(super) ids: Vec<u32>,
    /// The sum of ln p of its tokens and its end.
    pub(super) log_probability: f64,
    /// Whether it came to an end before it was as long as it may be.
    pub(super) ended: bool,
}

impl Written {
    /// What hypotheses are compared by: the mean ln p of a token, so that short texts are not preferred for having few.
    fn score(&self) -> f64 {
        self.log_probability / (self.ids.len() + usize::from(self.ended)).max(1) as f64
    }
}

/// How texts are written.
///
/// After each step the `beam` most probable hypotheses of a source go on. One that ends is done, and with `beam` done ones
/// the search ends; the one with the highest mean ln p of a token is the result. Padding, `<UNK>` and nothing at all are
/// never written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) model: &'a Model,
    /// The id of the end, the last of the target's.
    pub(super) end: u32,
    /// The most tokens without the end.
    pub(super) longest: usize,
    /// How many hypotheses are kept, at least 1.
    pub(super) beam: usize,
}

/// A hypothesis that may go on.
#[derive(Debug, Clone)]
struct Alive {
    source: usize,
    ids: Vec<u32>,
    log_probability: f64,
}

/// A hypothesis, by its place, with one more token.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    place: usize,
    id: u32,
    log_probability: f64,
}

impl Search<'_> {
    /// What is written for each source, in their order. It does not depend on the other sources.
    pub(super) fn all(&self, sources: &[Vec<u32>]) -> Result<Vec<Written>> {
        let lengths: Vec<usize> = sources.iter().map(Vec::len).collect();
        let mut all: Vec<Option<Written>> = vec![None; sources.len()];
        for chosen in LengthBuckets::sequences((MOST_ROWS / self.beam).max(1)).ordered(&lengths)? {
            let together: Vec<Vec<u32>> = chosen.iter().map(|&place| sources[place].clone()).collect();
            for (&place, written) in chosen.iter().zip(self.batch(&together)?) {
                all[place] = Some(written);
            }
        }
        Ok(all.into_iter().flatten().collect())
    }

    fn batch(&self, sources: &[Vec<u32>]) -> Result<Vec<Written>> {
        let mut decoder = Decoder::new(self.model, sources)?;
        let mut done: Vec<Vec<Written>> = vec![Vec::new(); sources.len()];
        let begin = |source| Alive { source, ids: Vec::new(), log_probability: 0.0 };
        let mut alive: Vec<Alive> = (0..sources.len()).map(begin).collect();
        let mut parents: Vec<usize> = (0..sources.len()).collect();
        // One step more than there are tokens: for the end.
        for step in 0..=self.longest {
            if alive.is_empty() {
                break;
            }
            let read: Vec<u32> =
                alive.iter().map(|one| one.ids.last().copied().unwrap_or(self.end)).collect();
            let logits = decoder.step(&parents, &read)?;
            let mut next = Vec::new();
            parents.clear();
            let mut first = 0;
            for group in alive.chunk_by(|a, b| a.source == b.source) {
                let source = group[0].source;
                let before = next.len();
                for (rank, best) in self.best(group, first, &logits).into_iter().enumerate() {
                    let Alive { ids, log_probability, .. } = &group[best.place];
                    if best.id == self.end {
                        if rank < self.beam {
                            let (ids, log_probability) = (ids.clone(), best.log_probability);
                            done[source].push(Written { ids, log_probability, ended: true });
                        }
                    } else if step == self.longest {
                        let (ids, log_probability) = (ids.clone(), *log_probability);
                        done[source].push(Written { ids, log_probability, ended: false });
                    } else if next.len() < before + self.beam {
                        let ids = [ids.as_slice(), &[best.id]].concat();
                        next.push(Alive { source, ids, log_probability: best.log_probability });
                        parents.push(first + best.place);
                    }
                }
                if done[source].len() >= self.beam {
                    next.truncate(before);
                    parents.truncate(before);
                }
                first += group.len();
            }
            alive = next;
        }
        let better = |a: &Written, b: &Written| a.ended.cmp(&b.ended).then(a.score().total_cmp(&b.score()));
        // Of equals, the one that was found first.
        let best = |done: Vec<Written>| done.into_iter().rev().max_by(better);
        done.into_iter()
            .map(|done| best(done).ok_or_else(|| Error::Model("its network writes nothing".into())))
            .collect()
    }

    /// The most probable ways to go on with a source's hypotheses, the best first: twice as many as are kept, so that as
    /// many are left where all of the first half end. `first` is the row of the first one's logits.
    fn best(&self, group: &[Alive], first: usize, logits: &[f32]) -> Vec<Candidate> {
        let vocabulary = self.end as usize + 1;
        let mut all: Vec<Candidate> = Vec::with_capacity(group.len() * vocabulary);
        for (place, one) in group.iter().enumerate() {
            let row = &logits[(first + place) * vocabulary..][..vocabulary];
            let allowed = |&(id, _): &(u32, &f32)| id > UNK && (id < self.end || !one.ids.is_empty());
            let allowed = || (0..).zip(row).filter(allowed).map(|(id, &logit)| (id, f64::from(logit)));
            let largest = allowed().map(|(_, logit)| logit).fold(f64::NEG_INFINITY, f64::max);
            let sum = allowed().map(|(_, logit)| (logit - largest).exp()).sum::<f64>().ln();
            all.extend(allowed().map(|(id, logit)| Candidate {
                place,
                id,
                log_probability: one.log_probability + (logit - largest - sum),
            }));
        }
        let order = |a: &Candidate, b: &Candidate| -> Ordering {
            let worse = b.log_probability.total_cmp(&a.log_probability);
            worse.then(a.place.cmp(&b.place)).then(a.id.cmp(&b.id))
        };
        let most = 2 * self.beam;
        if all.len() > most {
            all.select_nth_unstable_by(most, order);
            all.truncate(most);
        }
        all.sort_unstable_by(order);
        all
    }
}

/// The decoder, one step at a time, over what the encoder returned once.
#[derive(Debug)]
struct Decoder<'a> {
    model: &'a Model,
    /// What the encoder returned, `[N, T, F]`, and how many steps each source has.
    memory: Vec<f32>,
    lengths: Vec<usize>,
    features: usize,
    /// The source of each hypothesis, and their memories packed.
    sources: Vec<usize>,
    packed: Rows,
    state: RecurrentState,
    /// How many states the decoder has.
    layers: usize,
}

impl<'a> Decoder<'a> {
    /// Encodes the sources; a hypothesis of each is about to begin.
    fn new(model: &'a Model, sources: &[Vec<u32>]) -> Result<Self> {
        let all = Sequences::Ids(sources.to_vec());
        let padded = all.padded(&(0..sources.len()).collect::<Vec<_>>());
        let encoded = model.values(Feed::new().batch(SOURCE, padded.batch()?), None, &[ENCODER])?;
        let (rows, mut states) = encoded.only()?;
        let (Some(state), Some(decoder)) = (states.remove(ENCODER), model.layer::<Recurrent>(DECODER)) else {
            return Err(Error::Model("its network has no recurrent encoder and decoder".into()));
        };
        Ok(Self {
            model,
            memory: rows.unpack(),
            lengths: all.lengths(),
            features: rows.features,
            sources: (0..sources.len()).collect(),
            packed: rows,
            state,
            layers: decoder.config().layers,
        })
    }

    /// The logits of the next token, `[M, V]`, after M hypotheses: each goes on from one of the step before, at first from
    /// a source, with a token.
    fn step(&mut self, parents: &[usize], tokens: &[u32]) -> Result<Vec<f32>> {
        let sources: Vec<usize> = parents.iter().map(|&parent| self.sources[parent]).collect();
        let before = self.sources.len();
        self.state = RecurrentState {
            hidden: gathered(&self.state.hidden, self.layers, before, parents),
            cell: gathered(&self.state.cell, self.layers, before, parents),
        };
        if sources != self.sources {
            self.packed = self.pack(&sources)?;
            self.sources = sources;
        }
        let ids = ArrayView2::from_shape((tokens.len(), 1), tokens)
            .map_err(|error| Error::Invalid(format!("the tokens of a step: {error}")))?;
        let feed = Feed::new().batch(TARGET, Batch::ids(ids)).rows(ENCODER, self.packed.clone());
        let state = RecurrentState { hidden: Vec::new(), cell: Vec::new() };
        let state = std::mem::replace(&mut self.state, state);
        let initial = ModelState::from([(DECODER.to_owned(), state)]);
        let (logits, mut states) = self.model.forward_with_state(feed, Some(&initial))?;
        if let Some(state) = states.remove(DECODER) {
            self.state = state;
        }
        let logits = logits.into_data();
        match logits.iter().find(|logit| !logit.is_finite()) {
            Some(logit) => Err(not_finite(&format!("the network's output for a token is {logit}"))),
            None => Ok(logits),
        }
    }

    /// The memories of some sources, which may stand there several times.
    fn pack(&self, sources: &[usize]) -> Result<Rows> {
        let lengths: Vec<usize> = sources.iter().map(|&source| self.lengths[source]).collect();
        let time = self.memory.len() / (self.lengths.len() * self.features).max(1);
        let layout = Layout::ragged(&lengths, lengths.iter().copied().max().unwrap_or(0))?;
        let mut data = Vec::with_capacity(layout.rows() * self.features);
        layout.for_each_row(|_, n, t| {
            let cell = sources[n] * time + t;
            data.extend_from_slice(&self.memory[cell * self.features..][..self.features]);
        });
        Rows::new(data, self.features, layout)
    }
}

/// Of states `[layers, count, H]`, those of some places.
fn gathered(states: &[f32], layers: usize, count: usize, places: &[usize]) -> Vec<f32> {
    let width = states.len() / (layers * count).max(1);
    let mut out = Vec::with_capacity(layers * places.len() * width);
    for layer in 0..layers {
        for &place in places {
            out.extend_from_slice(&states[(layer * count + place) * width..][..width]);
        }
    }
    out
}

/// How much each token of each target, its end too, attends to each token of its source, `[target, source]` each; in the
/// order of the examples.
pub(super) fn attention(model: &Model, examples: &Examples) -> Result<Vec<Vec<f32>>> {
    let Some(layer) = model.layer::<CrossAttention>(ATTENTION) else {
        return Err(Error::Model("its network has no attention".into()));
    };
    let mut all = vec![Vec::new(); examples.len()];
    let sizes = examples.sizes();
    for chosen in examples.batches(MOST_ROWS)? {
        let pairs = examples.chosen(&chosen);
        let [queries, memory] =
            <[Rows; 2]>::try_from(model.values(pairs.feed()?, None, &[DECODER, ENCODER])?.rows)
                .map_err(|_| Error::Model("its network has no encoder and decoder".into()))?;
        let weights = layer.weights(model.parameters(), &queries, &memory)?;
        for (n, &place) in chosen.iter().enumerate() {
            let (source, target) = sizes[place];
            let rows = weights.index_axis(Axis(0), n);
            all[place] =
                rows.outer_iter().take(target).flat_map(|row| row.to_vec()[..source].to_vec()).collect();
        }
    }
    Ok(all)
}
