//! The order of modules in which each reads the one before it.

use super::modules::{Kind, Module, described};
use crate::{Error, Result};

/// How many orders are tried where that of the file does not fit.
const MOST_TRIES: usize = 10_000;

/// A module in its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placed {
    /// Which module of the file.
    pub(super) module: usize,
    /// Whether a matrix is the table of an embedding.
    pub(super) is_embedding: bool,
}

/// An order, and whether another one fits as well.
#[derive(Debug, PartialEq)]
pub(super) struct Chain {
    pub(super) places: Vec<Placed>,
    pub(super) is_file_order: bool,
    pub(super) is_unique: bool,
}

/// The first order in which every module reads as many features as the one before it returns: that of the file where it
/// fits, as state dicts have it; some writers sort the names. Error: there is none.
pub(super) fn chain(modules: &[Module<'_>]) -> Result<Chain> {
    let mut search = Search { modules, found: Vec::new(), tries: 0 };
    search.extend(&mut Vec::new(), &mut vec![false; modules.len()], None);
    let unique = search.found.len() < 2 && search.tries < MOST_TRIES;
    let Some(places) = search.found.into_iter().next() else { return Err(no_chain(modules)) };
    let is_file_order = places.iter().map(|place| place.module).eq(0..modules.len());
    Ok(Chain { places, is_file_order, is_unique: unique })
}

struct Search<'a> {
    modules: &'a [Module<'a>],
    /// Orders that fit, at most two.
    found: Vec<Vec<Placed>>,
    tries: usize,
}

impl Search<'_> {
    /// Tries all modules that are left behind `places`, whose last returns `features`.
    fn extend(&mut self, places: &mut Vec<Placed>, used: &mut [bool], features: Option<usize>) {
        if places.len() == self.modules.len() {
            self.found.push(places.clone());
            return;
        }
        for module in 0..self.modules.len() {
            if used[module] {
                continue;
            }
            for is_embedding in [true, false] {
                self.tries += 1;
                if self.found.len() == 2 || self.tries >= MOST_TRIES {
                    return;
                }
                let Some(output) = output(&self.modules[module].kind, features, is_embedding) else {
                    continue;
                };
                used[module] = true;
                places.push(Placed { module, is_embedding });
                self.extend(places, used, Some(output));
                places.pop();
                used[module] = false;
            }
        }
    }
}

/// How many features a module returns on so many, None before the first; None where it does not take them.
fn output(kind: &Kind, features: Option<usize>, is_embedding: bool) -> Option<usize> {
    let takes = |wanted: usize| features.is_none_or(|features| features == wanted);
    match *kind {
        Kind::Matrix { columns, bias, .. } if is_embedding => {
            (!bias && features.is_none()).then_some(columns)
        }
        _ if is_embedding => None,
        Kind::Matrix { rows, columns, .. } => takes(columns).then_some(rows),
        Kind::Recurrent(ref recurrent) => takes(recurrent.input).then(|| recurrent.output()),
        Kind::Convolution { outputs, inputs, .. } => takes(inputs).then_some(outputs),
        // A normalisation as the first layer would leave its input's kind open.
        Kind::BatchNorm { features: own, .. } | Kind::LayerNorm { features: own, .. } => {
            takes(own).then_some(own)
        }
        Kind::Attention { features: own, .. } => takes(own).then_some(own),
        // It is the last layer of a tagger.
        Kind::Crf { tags } => (features == Some(tags)).then_some(tags),
        Kind::Unknown => None,
    }
}

/// Says where the order of the file breaks.
fn no_chain(modules: &[Module<'_>]) -> Error {
    let mut before: Option<(usize, &str)> = None;
    for module in modules {
        let given = before.map(|(features, _)| features);
        match output(&module.kind, given, true).or_else(|| output(&module.kind, given, false)) {
            Some(features) => before = Some((features, module.name)),
            None => {
                let (features, name) = before.unwrap_or_default();
                return Error::Model(format!(
                    "{} does not fit the {features} features of {}, nor do the modules fit in another order: give the \
                     architecture",
                    described(module.name),
                    described(name)
                ));
            }
        }
    }
    Error::Model("its modules do not fit one after the other: give the architecture".into())
}
