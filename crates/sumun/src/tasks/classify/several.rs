//! Records that may have several labels: their parts, and what is learnt before the network.

use super::super::parts::Parts;
use super::head::ClassHead;
use crate::data::quoted;
use crate::message::{key, text};
use crate::records::{Classes, Records};
use crate::{Error, Result};

/// As many labels are named.
const LISTED: usize = 8;

/// All labels of records. Errors: none at all, none that two records have, and one alone that every record has.
fn labels(all: &Records) -> Result<(Classes, Vec<Vec<u32>>)> {
    let bad = |problem: String| {
        let advice = text("name the field with the labels of each record with ") + key("labels");
        Err(Error::Data(format!("{}: {problem}", all.name)).advise(advice))
    };
    if all.labels().next().is_none() {
        return bad("no record has a label".into());
    }
    let labels = Classes::of(all.labels())?;
    let sets = all.label_sets(&labels)?;
    let counts = counts(&sets, labels.len());
    if counts.iter().all(|&count| count == 1) {
        let [first, ..] = labels.names() else { return bad("no record has a label".into()) };
        return bad(format!(
            "there are {} labels, {} the first of them, and no two records share one",
            labels.len(),
            quoted(first)
        ));
    }
    if let [only] = labels.names()
        && counts == [all.records.len()]
    {
        return bad(format!(
            "every record has the label {} and no other, which leaves nothing to learn",
            quoted(only)
        ));
    }
    Ok((labels, sets))
}

/// How many sets have each label.
fn counts(sets: &[Vec<u32>], labels: usize) -> Vec<usize> {
    let mut counts = vec![0; labels];
    sets.iter().flatten().for_each(|&id| counts[id as usize] += 1);
    counts
}

/// The rarest label of each record, which every part should have its share of; records without one, and those that are alone
/// with theirs, are taken together. Windows of recordings are not told apart, as recordings are split whole.
pub(super) fn strata(all: &Records) -> Result<Vec<u32>> {
    let (labels, sets) = labels(all)?;
    let counts = counts(&sets, labels.len());
    if !all.groups.is_empty() {
        return Ok(vec![0; sets.len()]);
    }
    let rarest = |set: &Vec<u32>| set.iter().copied().min_by_key(|&id| (counts[id as usize], id));
    let mut strata: Vec<u32> = sets.iter().map(|set| rarest(set).map_or(0, |id| id + 1)).collect();
    let members = |strata: &[u32]| {
        let mut members = vec![0_usize; labels.len() + 1];
        strata.iter().for_each(|&stratum| members[stratum as usize] += 1);
        members
    };
    let alone = members(&strata);
    strata.iter_mut().filter(|stratum| alone[**stratum as usize] == 1).for_each(|stratum| *stratum = 0);
    let together = members(&strata);
    let largest = (0..).zip(&together).fold((0, 0), |best, (stratum, &count)| match count > best.1 {
        true => (stratum, count),
        false => best,
    });
    if together[0] == 1 {
        strata.iter_mut().filter(|stratum| **stratum == 0).for_each(|stratum| *stratum = largest.0);
    }
    Ok(strata)
}

/// Moves records into the training part whose labels it has not, so that each label is learnt; a recording moves with all its
/// windows. Says which labels are in no other part. Error: a part of which nothing is left.
pub(super) fn settle(all: &Records, parts: &mut Parts<Vec<usize>>) -> Result<Vec<String>> {
    let (labels, sets) = labels(all)?;
    let mut learnt = vec![false; labels.len()];
    let learn = |places: &[usize], learnt: &mut Vec<bool>| {
        places.iter().flat_map(|&place| &sets[place]).for_each(|&id| learnt[id as usize] = true);
    };
    learn(&parts.train, &mut learnt);
    let group = |place: usize| all.groups.get(place).copied().unwrap_or(place);
    for (name, part) in [("validation", &mut parts.valid), ("test", &mut parts.test)] {
        let Some(places) = part.as_mut() else { continue };
        for place in places.clone() {
            if sets[place].iter().all(|&id| learnt[id as usize]) {
                continue;
            }
            let (moved, left): (Vec<usize>, Vec<usize>) =
                places.iter().partition(|&&other| group(other) == group(place));
            learn(&moved, &mut learnt);
            parts.train.extend(moved);
            *places = left;
        }
        if places.is_empty() {
            return Err(Error::Data(format!(
                "{}: every record of the {name} part has a label that no other record has",
                all.name
            ))
            .advise(text("give more records, or hold out another share")));
        }
    }
    parts.train.sort_unstable();
    let counts = counts(&sets, labels.len());
    let once: Vec<&String> =
        labels.names().iter().zip(&counts).filter(|&(_, &count)| count == 1).map(|(name, _)| name).collect();
    let held_out = parts.valid.is_some() || parts.test.is_some();
    let mut notes = Vec::new();
    if !once.is_empty() && held_out {
        let shown: Vec<String> = once.iter().take(LISTED).map(|name| quoted(name)).collect();
        let more = if once.len() > LISTED { ", …" } else { "" };
        notes.push(format!(
            "{}: {} of {} labels occur once, in the training part, so nothing says how well they are learnt: {}{more}",
            all.name,
            once.len(),
            labels.len(),
            shown.join(", ")
        ));
    }
    Ok(notes)
}

/// The labels, and of the training part those most frequent ones that guess best for all its records.
pub(super) fn fit(all: &Records, train: &Records) -> Result<ClassHead> {
    let (labels, _) = labels(all)?;
    let sets = train.label_sets(&labels)?;
    let frequent = most_frequent(&counts(&sets, labels.len()), sets.len());
    Ok(ClassHead::of_labels(labels, frequent))
}

/// How much having a label counts in the loss, so that in all it counts as much as not having it: the records without it by those
/// with it. A label that all records of the training part have, or none, has the weight 1.
pub(super) fn balanced(sets: &[Vec<u32>], labels: usize) -> Vec<f32> {
    let weight = |with: usize| match sets.len() - with {
        without if with > 0 && without > 0 => (without as f64 / with as f64) as f32,
        _ => 1.0,
    };
    counts(sets, labels).into_iter().map(weight).collect()
}

/// Which labels guess best, by the micro F1, where each of so many records gets the same.
fn most_frequent(counts: &[usize], records: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..counts.len() as u32).collect();
    order.sort_by_key(|&id| std::cmp::Reverse(counts[id as usize]));
    let all: usize = counts.iter().sum();
    let (mut hits, mut best) = (0, (0.0, 0));
    for (place, &id) in order.iter().enumerate() {
        hits += counts[id as usize];
        let f1 = 2.0 * hits as f64 / ((place + 1) * records + all) as f64;
        if f1 > best.0 {
            best = (f1, place + 1);
        }
    }
    order.truncate(best.1);
    order.sort_unstable();
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn having_a_label_counts_as_much_as_not_having_it() {
        let sets = [vec![0, 2], vec![2], vec![1, 2], vec![1, 2]];
        assert_eq!(balanced(&sets, 4), [3.0, 1.0, 1.0, 1.0]);
    }
}
