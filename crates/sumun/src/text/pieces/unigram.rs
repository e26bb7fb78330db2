//! Pieces by how probable they are: a text is cut into those that are the most probable together.
//!
//! Kudo, *Subword Regularization: Improving Neural Network Translation Models with Multiple Subword Candidates*, ACL 2018.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::bytes::is_byte;
use super::cut::LONGEST_LEARNT;

/// So many candidates for each piece that is wanted, and at most.
const CANDIDATES: usize = 10;
const MOST_CANDIDATES: usize = 200_000;

/// Words that are looked at together by one thread. The sums of a part are added in the order of the parts, so that they are the same on
/// any number of threads.
const PART: usize = 4096;

/// Passes between two reductions, the share of pieces that one leaves, and the expected count below which none stays.
const PASSES: usize = 2;
const SHRINK: f64 = 0.75;
const LEAST: f64 = 0.5;

/// How much less probable a character without a piece is than the least probable piece, as a logarithm.
pub(super) const UNKNOWN: f64 = 10.0;

/// A piece in a word: from which character to which.
#[derive(Debug, Clone, Copy)]
struct Edge {
    start: u8,
    end: u8,
    piece: u32,
}

/// A word, how often it is there, and the pieces in it by their beginnings.
struct Lattice {
    length: usize,
    count: f64,
    edges: Vec<Edge>,
}

/// At most `size` pieces of words, with the logarithms of their probabilities; the single characters are among them whatever the size.
/// Words are distinct, in an order of their own, and of 255 characters at most.
pub(super) fn learn(words: &[(String, u64)], size: usize) -> (Vec<String>, Vec<f64>) {
    let (mut pieces, counts) = candidates(words, (size * CANDIDATES).min(MOST_CANDIDATES));
    let single = |piece: &String| piece.chars().nth(1).is_none();
    let singles = pieces.iter().filter(|piece| single(piece)).count();
    let size = size.max(singles);
    let sum: f64 = counts.iter().sum();
    let mut scores: Vec<f64> = counts.iter().map(|count| (count / sum).ln()).collect();
    let mut lattices = lattices(words, &pieces);
    while pieces.len() > singles {
        for _ in 0..PASSES {
            let expected = expected(&lattices, &scores);
            let stays = |n: usize| expected[n] >= LEAST || single(&pieces[n]);
            let kept: Vec<usize> = (0..pieces.len()).filter(|&n| stays(n)).collect();
            let sum = digamma(kept.iter().map(|&n| expected[n].max(LEAST)).sum());
            scores = kept.iter().map(|&n| digamma(expected[n].max(LEAST)) - sum).collect();
            keep(&mut pieces, &mut lattices, &kept);
        }
        if pieces.len() <= size {
            break;
        }
        let wanted = size.max((pieces.len() as f64 * SHRINK) as usize);
        let losses = losses(&lattices, &pieces, &scores);
        let mut order: Vec<usize> = (0..pieces.len()).collect();
        let first = |&n: &usize| (!single(&pieces[n]), -losses[n]);
        order.sort_by(|a, b| {
            let ((a_many, a_loss), (b_many, b_loss)) = (first(a), first(b));
            a_many.cmp(&b_many).then(a_loss.total_cmp(&b_loss)).then(pieces[*a].cmp(&pieces[*b]))
        });
        order.truncate(wanted);
        order.sort_unstable();
        scores = order.iter().map(|&n| scores[n]).collect();
        keep(&mut pieces, &mut lattices, &order);
    }
    (pieces, scores)
}

/// What may become a piece, with how often it is there: all characters, and of the longer runs of them those that are there more than
/// once, by how much text they stand for.
fn candidates(words: &[(String, u64)], most: usize) -> (Vec<String>, Vec<f64>) {
    let starts =
        |word: &str| -> Vec<usize> { word.char_indices().map(|(at, _)| at).chain([word.len()]).collect() };
    let mut all: Vec<(&str, u64)> = Vec::new();
    let mut shorter: HashSet<&str> = HashSet::new();
    for length in 1..=LONGEST_LEARNT {
        let mut found: HashMap<&str, u64> = HashMap::new();
        for (word, count) in words {
            let starts = starts(word);
            for n in length..starts.len() {
                let [first, last] = [starts[n - length], starts[n]];
                // A run is not more frequent than its parts.
                let parts = || [&word[first..starts[n - 1]], &word[starts[n - length + 1]..last]];
                if length == 1 || parts().iter().all(|part| shorter.contains(part)) {
                    *found.entry(&word[first..last]).or_default() += count;
                }
            }
        }
        if length > 1 {
            found.retain(|piece, count| *count > 1 && !is_byte(piece));
        }
        if found.is_empty() {
            break;
        }
        shorter = found.keys().copied().collect();
        let first = all.len();
        all.extend(found);
        all[first..].sort_unstable();
    }
    // The characters are the first.
    let singles = all.iter().take_while(|(piece, _)| piece.chars().nth(1).is_none()).count();
    let text = |(piece, count): &(&str, u64)| piece.chars().count() as u64 * count;
    all[singles..].sort_by_key(|piece| std::cmp::Reverse(text(piece)));
    all.truncate(most.max(singles));
    all.into_iter().map(|(piece, count)| (piece.to_owned(), count as f64)).unzip()
}

fn lattices(words: &[(String, u64)], pieces: &[String]) -> Vec<Lattice> {
    let ids: HashMap<&str, u32> = pieces.iter().map(String::as_str).zip(0..).collect();
    let lattice = |(word, count): &(String, u64)| {
        let starts: Vec<usize> = word.char_indices().map(|(at, _)| at).chain([word.len()]).collect();
        let length = starts.len() - 1;
        let mut edges = Vec::new();
        for start in 0..length {
            for end in start + 1..=length.min(start + LONGEST_LEARNT) {
                if let Some(&piece) = ids.get(&word[starts[start]..starts[end]]) {
                    edges.push(Edge { start: start as u8, end: end as u8, piece });
                }
            }
        }
        Lattice { length, count: *count as f64, edges }
    };
    words.par_iter().map(lattice).collect()
}

/// Leaves the pieces at some places, in their order.
fn keep(pieces: &mut Vec<String>, lattices: &mut [Lattice], kept: &[usize]) {
    let mut places = vec![u32::MAX; pieces.len()];
    kept.iter().zip(0..).for_each(|(&old, new)| places[old] = new);
    lattices.par_iter_mut().for_each(|lattice| {
        lattice.edges.retain_mut(|edge| {
            edge.piece = places[edge.piece as usize];
            edge.piece != u32::MAX
        });
    });
    *pieces = kept.iter().map(|&n| std::mem::take(&mut pieces[n])).collect();
}

/// How often each piece is there, over all ways to cut the words, each as often as it is probable.
fn expected(lattices: &[Lattice], scores: &[f64]) -> Vec<f64> {
    sums(lattices, scores.len(), |lattice, to| {
        let mut ahead = vec![f64::NEG_INFINITY; lattice.length + 1];
        let mut behind = ahead.clone();
        (ahead[0], behind[lattice.length]) = (0.0, 0.0);
        for edge in &lattice.edges {
            let (start, end) = (usize::from(edge.start), usize::from(edge.end));
            ahead[end] = ln_add(ahead[end], ahead[start] + scores[edge.piece as usize]);
        }
        for edge in lattice.edges.iter().rev() {
            let (start, end) = (usize::from(edge.start), usize::from(edge.end));
            behind[start] = ln_add(behind[start], behind[end] + scores[edge.piece as usize]);
        }
        for edge in &lattice.edges {
            let (start, end) = (usize::from(edge.start), usize::from(edge.end));
            let ln = ahead[start] + scores[edge.piece as usize] + behind[end] - ahead[lattice.length];
            to[edge.piece as usize] += lattice.count * ln.exp();
        }
    })
}

/// How much less probable the words are without each piece: as often as it is in their most probable cuts, the difference to the best
/// way to cut the piece itself.
fn losses(lattices: &[Lattice], pieces: &[String], scores: &[f64]) -> Vec<f64> {
    let counts = sums(lattices, scores.len(), |lattice, to| {
        for piece in best(lattice, scores, None).0 {
            to[piece as usize] += lattice.count;
        }
    });
    let words: Vec<(String, u64)> = pieces.iter().map(|piece| (piece.clone(), 1)).collect();
    let own = self::lattices(&words, pieces);
    let loss = |n: usize| counts[n] * (scores[n] - best(&own[n], scores, Some(n as u32)).1);
    (0..pieces.len()).into_par_iter().map(loss).collect()
}

/// The most probable way to cut a word, without a piece, and its score.
fn best(lattice: &Lattice, scores: &[f64], without: Option<u32>) -> (Vec<u32>, f64) {
    let mut ways: Vec<(f64, Option<Edge>)> = vec![(f64::NEG_INFINITY, None); lattice.length + 1];
    ways[0].0 = 0.0;
    for edge in lattice.edges.iter().filter(|edge| Some(edge.piece) != without) {
        let score = ways[usize::from(edge.start)].0 + scores[edge.piece as usize];
        let way = &mut ways[usize::from(edge.end)];
        if score > way.0 {
            *way = (score, Some(*edge));
        }
    }
    let (mut cut, mut at) = (Vec::new(), lattice.length);
    while let Some(edge) = ways[at].1 {
        cut.push(edge.piece);
        at = usize::from(edge.start);
    }
    (cut, ways[lattice.length].0)
}

/// The sums over all words of what `add` adds.
fn sums(lattices: &[Lattice], size: usize, add: impl Fn(&Lattice, &mut [f64]) + Sync) -> Vec<f64> {
    let part = |part: &[Lattice]| {
        let mut sums = vec![0.0; size];
        part.iter().for_each(|lattice| add(lattice, &mut sums));
        sums
    };
    let mut all = vec![0.0; size];
    // So many parts at once that their sums fit into memory.
    for parts in lattices.chunks(PART * 64) {
        let found: Vec<Vec<f64>> = parts.par_chunks(PART).map(part).collect();
        for sums in found {
            all.iter_mut().zip(sums).for_each(|(all, sum)| *all += sum);
        }
    }
    all
}

fn ln_add(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if small == f64::NEG_INFINITY { large } else { large + (small - large).exp().ln_1p() }
}

/// The derivative of ln Γ, which takes the place of the logarithm of a count: what is there rarely counts less (Abramowitz & Stegun,
/// 6.3.5 and 6.3.18).
fn digamma(mut x: f64) -> f64 {
    let mut below = 0.0;
    while x < 7.0 {
        below -= 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    below + x.ln() - 0.5 / x - square * (1.0 / 12.0 - square * (1.0 / 120.0 - square / 252.0))
}

/// The most probable way to cut a word: for each step the bytes from the last place to the next, and its piece; None of a character that no
/// piece has. `longest` is the most characters of a piece.
pub(super) fn encode(
    word: &str,
    longest: usize,
    score: impl Fn(&str) -> Option<(u32, f64)>,
    unknown: f64,
) -> Vec<(usize, Option<u32>)> {
    let starts: Vec<usize> = word.char_indices().map(|(at, _)| at).chain([word.len()]).collect();
    let length = starts.len() - 1;
    let mut ways: Vec<(f64, usize, Option<u32>)> = vec![(f64::NEG_INFINITY, 0, None); length + 1];
    ways[0].0 = 0.0;
    for start in 0..length {
        let mut single = false;
        for end in start + 1..=length.min(start.saturating_add(longest)) {
            let Some((piece, of_piece)) = score(&word[starts[start]..starts[end]]) else { continue };
            single |= end == start + 1;
            if ways[start].0 + of_piece > ways[end].0 {
                ways[end] = (ways[start].0 + of_piece, start, Some(piece));
            }
        }
        if !single && ways[start].0 + unknown > ways[start + 1].0 {
            ways[start + 1] = (ways[start].0 + unknown, start, None);
        }
    }
    let (mut cut, mut at) = (Vec::new(), length);
    while at > 0 {
        let (_, start, piece) = ways[at];
        cut.push((starts[at] - starts[start], piece));
        at = start;
    }
    cut.reverse();
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digamma_of_some_numbers() {
        // ψ(1) = −γ, ψ(1/2) = −γ − 2 ln 2, ψ(10) by the sum of 1/k.
        const GAMMA: f64 = 0.577_215_664_901_532_9;
        let ten = (1..10).map(|k| 1.0 / f64::from(k)).sum::<f64>() - GAMMA;
        for (x, expected) in [(1.0, -GAMMA), (0.5, -GAMMA - 2.0 * 2_f64.ln()), (10.0, ten)] {
            assert!((digamma(x) - expected).abs() < 1e-8, "{x}");
        }
    }

    /// Against all ways to cut a word.
    #[test]
    fn expected_counts_are_those_of_all_ways() {
        let words = [("abab".to_owned(), 3)];
        let pieces = ["a", "b", "ab", "ba", "aba"].map(String::from);
        let scores = [-1.0, -2.0, -1.5, -2.5, -3.0];
        let ways: [&[usize]; 8] =
            [&[0, 1, 0, 1], &[2, 0, 1], &[0, 1, 2], &[2, 2], &[0, 3, 1], &[4, 1], &[], &[]];
        let p = |way: &[usize]| way.iter().map(|&n| scores[n]).sum::<f64>().exp();
        let there = || ways.iter().filter(|way| !way.is_empty());
        let all: f64 = there().map(|way| p(way)).sum();
        let found = expected(&lattices(&words, &pieces), &scores);
        for (n, found) in found.into_iter().enumerate() {
            let in_way = |way: &&&[usize]| way.iter().filter(|&&piece| piece == n).count() as f64 * p(way);
            let expected: f64 = 3.0 * there().map(|way| in_way(&way)).sum::<f64>() / all;
            assert!((found - expected).abs() < 1e-12, "{n}: {found} {expected}");
        }
        let (cut, score) = best(&lattices(&words, &pieces)[0], &scores, None);
        assert_eq!((cut, score), (vec![2, 2], -3.0));
        assert_eq!(best(&lattices(&words, &pieces)[0], &scores, Some(2)).1, -5.0);
    }

    #[test]
    fn pieces_are_what_words_have_in_common() {
        let stems = ["w", "t", "j", "p", "c"].iter().flat_map(|first| {
            ["a", "o", "u"].iter().flat_map(move |second| {
                ["lk", "mp", "ll", "rn"].iter().map(move |third| format!(" {first}{second}{third}"))
            })
        });
        let words: Vec<(String, u64)> =
            stems.flat_map(|stem| ["", "ed", "ing", "s"].map(|end| (format!("{stem}{end}"), 5))).collect();
        let (pieces, scores) = learn(&words, 40);
        assert!(pieces.len() <= 40 && pieces.len() == scores.len());
        for piece in ["ing", "ed"] {
            assert!(pieces.iter().any(|found| found == piece), "{piece}: {pieces:?}");
        }
        let score = |piece: &str| {
            let at = pieces.iter().position(|found| found == piece)?;
            Some((at as u32, scores[at]))
        };
        let cut = encode(" jumpingé", 16, score, -30.0);
        let cut: Vec<(usize, Option<&str>)> =
            cut.iter().map(|(bytes, piece)| (*bytes, piece.map(|n| pieces[n as usize].as_str()))).collect();
        assert_eq!(cut[cut.len() - 2..], [(3, Some("ing")), (2, None)]);
        assert_eq!(cut.iter().map(|(bytes, _)| bytes).sum::<usize>(), " jumpingé".len());
        // Fewer than there are characters: the characters.
        let (pieces, _) = learn(&words, 3);
        assert!(pieces.iter().all(|piece| piece.chars().count() == 1));
    }
}
