//! The best tags of a sequence (Viterbi 1967).

use super::rules::TagRules;
use super::scores::Scores;

/// The sequence of tags with the highest score, of equals the one with the lower tag at the last place where they differ; one that
/// the rules forbid only where they leave none. `emissions` has the K scores of each step.
pub(super) fn best(scores: Scores<'_>, rules: Option<&TagRules>, emissions: &[&[f32]]) -> Vec<u32> {
    let (Some((first, rest)), k) = (emissions.split_first(), scores.tags) else { return Vec::new() };
    // Sums in double precision, in which no finite scores overflow.
    let mut sums: Vec<f64> = (0..k).map(|tag| f64::from(scores.start[tag]) + f64::from(first[tag])).collect();
    forbid(&mut sums, rules.map(TagRules::first));
    let mut origins = Vec::with_capacity(rest.len() * k);
    let mut next = vec![0.0; k];
    let mut origin = vec![0_u32; k];
    for row in rest {
        next.fill(f64::NEG_INFINITY);
        origin.fill(0);
        for (from, &sum) in sums.iter().enumerate() {
            let weights = &scores.transitions[from * k..(from + 1) * k];
            match rules.map(|rules| &rules.next()[from * k..(from + 1) * k]) {
                None => {
                    for ((next, origin), &weight) in next.iter_mut().zip(&mut origin).zip(weights) {
                        let found = sum + f64::from(weight);
                        let better = found > *next;
                        *origin = if better { from as u32 } else { *origin };
                        *next = if better { found } else { *next };
                    }
                }
                Some(may) => {
                    let to = next.iter_mut().zip(&mut origin).zip(weights).zip(may);
                    for (((next, origin), &weight), &may) in to {
                        let found = if may { sum + f64::from(weight) } else { f64::NEG_INFINITY };
                        let better = found > *next;
                        *origin = if better { from as u32 } else { *origin };
                        *next = if better { found } else { *next };
                    }
                }
            }
        }
        for ((sum, &next), &emission) in sums.iter_mut().zip(&next).zip(*row) {
            *sum = next + f64::from(emission);
        }
        origins.extend_from_slice(&origin);
    }
    sums.iter_mut().zip(scores.end).for_each(|(sum, &end)| *sum += f64::from(end));
    forbid(&mut sums, rules.map(TagRules::last));
    let mut tag = 0;
    for (other, sum) in sums.iter().enumerate() {
        if *sum > sums[tag] {
            tag = other;
        }
    }
    if rules.is_some() && sums[tag] == f64::NEG_INFINITY {
        return best(scores, None, emissions);
    }
    let mut tags = vec![tag as u32];
    for origins in origins.rchunks_exact(k) {
        tag = origins[tag] as usize;
        tags.push(tag as u32);
    }
    tags.reverse();
    tags
}

fn forbid(sums: &mut [f64], may: Option<&[bool]>) {
    let forbidden = sums.iter_mut().zip(may.unwrap_or_default()).filter(|(_, may)| !**may);
    forbidden.for_each(|(sum, _)| *sum = f64::NEG_INFINITY);
}
