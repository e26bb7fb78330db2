//! Byte-pair encoding: pieces that grow from pairs of pieces.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::bytes::is_byte;
use super::cut::LONGEST_LEARNT;

/// A pair of pieces is learnt that is there so often.
const FEWEST: u64 = 2;

/// Pieces by number, and which two become which, the first first.
pub(super) struct Learnt {
    pub(super) pieces: Vec<String>,
    pub(super) merges: Vec<[u32; 2]>,
}

/// Joins the most frequent pair of pieces again and again, until there are `size` pieces or no pair is there twice. Of equally frequent
/// pairs, the one whose pieces are the oldest; the first ones, `pieces`, are in an order of their own. `words` are their first pieces,
/// with how often each is there. (Sennrich, Haddow & Birch, *Neural Machine Translation of Rare Words with Subword Units*, ACL 2016.)
pub(super) fn learn(mut words: Vec<(Vec<u32>, u64)>, mut pieces: Vec<String>, size: usize) -> Learnt {
    let mut lengths: Vec<usize> = pieces.iter().map(|piece| piece.chars().count()).collect();
    let mut ids: HashMap<String, u32> = pieces.iter().cloned().zip(0..).collect();
    let mut counts: HashMap<[u32; 2], u64> = HashMap::new();
    let mut places: HashMap<[u32; 2], Vec<usize>> = HashMap::new();
    for (place, (word, count)) in words.iter().enumerate() {
        for pair in pairs(word) {
            *counts.entry(pair).or_default() += count;
            places.entry(pair).or_default().push(place);
        }
    }
    let mut heap: BinaryHeap<(u64, Reverse<[u32; 2]>)> =
        counts.iter().map(|(&pair, &count)| (count, Reverse(pair))).collect();
    let mut merges = Vec::new();
    while pieces.len() < size {
        let Some((count, Reverse(pair))) = heap.pop() else { break };
        let now = counts.get(&pair).copied().unwrap_or(0);
        if now < FEWEST {
            continue;
        }
        if now != count {
            // It is less frequent since it was noted.
            heap.push((now, Reverse(pair)));
            continue;
        }
        let [left, right] = pair.map(|piece| piece as usize);
        let joined = format!("{}{}", pieces[left], pieces[right]);
        counts.remove(&pair);
        let mut found = places.remove(&pair).unwrap_or_default();
        if lengths[left] + lengths[right] > LONGEST_LEARNT || is_byte(&joined) {
            continue;
        }
        let piece = *ids.entry(joined).or_insert_with_key(|joined| {
            lengths.push(lengths[left] + lengths[right]);
            pieces.push(joined.clone());
            pieces.len() as u32 - 1
        });
        merges.push(pair);
        found.dedup();
        for place in found {
            let (word, count) = &mut words[place];
            if !pairs(word).any(|other| other == pair) {
                continue;
            }
            for other in pairs(word) {
                if let Some(all) = counts.get_mut(&other) {
                    *all -= (*count).min(*all);
                }
            }
            join(word, pair, piece);
            for other in pairs(word) {
                if other == pair {
                    continue;
                }
                *counts.entry(other).or_default() += *count;
                if other.contains(&piece) {
                    places.entry(other).or_default().push(place);
                    heap.push((counts[&other], Reverse(other)));
                }
            }
        }
    }
    Learnt { pieces, merges }
}

fn pairs(word: &[u32]) -> impl Iterator<Item = [u32; 2]> {
    word.windows(2).map(|pair| [pair[0], pair[1]])
}

/// Puts a piece in the place of a pair, from the left.
fn join(word: &mut Vec<u32>, pair: [u32; 2], piece: u32) {
    let (mut from, mut to) = (0, 0);
    while from < word.len() {
        let joins = word[from..].starts_with(&pair);
        word[to] = if joins { piece } else { word[from] };
        from += if joins { 2 } else { 1 };
        to += 1;
    }
    word.truncate(to);
}

/// What pairs of pieces become: how early the pair was learnt, and the piece.
pub(super) type Ranks = HashMap<[u32; 2], (u32, u32)>;

/// Joins the pairs of a word, the earliest learnt first, of these the leftmost.
pub(super) fn encode(ranks: &Ranks, word: &mut Vec<u32>) {
    const NONE: usize = usize::MAX;
    let length = word.len();
    let mut after: Vec<usize> = (1..=length).map(|at| if at < length { at } else { NONE }).collect();
    let mut before: Vec<usize> = (0..length).map(|at| at.checked_sub(1).unwrap_or(NONE)).collect();
    let mut there = vec![true; length];
    let mut heap = BinaryHeap::new();
    let note = |heap: &mut BinaryHeap<_>, word: &[u32], left: usize, right: usize| {
        if left != NONE && right != NONE {
            let pair = [word[left], word[right]];
            heap.extend(ranks.get(&pair).map(|&(rank, piece)| Reverse((rank, left, pair, piece))));
        }
    };
    for at in 1..length {
        note(&mut heap, word, at - 1, at);
    }
    while let Some(Reverse((_, left, pair, piece))) = heap.pop() {
        let right = after[left];
        if !there[left] || right == NONE || [word[left], word[right]] != pair {
            continue;
        }
        word[left] = piece;
        there[right] = false;
        after[left] = after[right];
        if after[left] != NONE {
            before[after[left]] = left;
        }
        note(&mut heap, word, before[left], left);
        note(&mut heap, word, left, after[left]);
    }
    let mut there = there.into_iter();
    word.retain(|_| there.next().unwrap_or(false));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_pair_first() {
        // The example of the paper: low 5, lower 2, newest 6, widest 3.
        let letters = ["d", "e", "i", "l", "n", "o", "r", "s", "t", "w"];
        let id = |c: char| letters.iter().position(|letter| letter.starts_with(c)).unwrap() as u32;
        let words = [("low", 5), ("lower", 2), ("newest", 6), ("widest", 3)];
        let words: Vec<(Vec<u32>, u64)> =
            words.iter().map(|(word, count)| (word.chars().map(id).collect(), *count)).collect();
        let learnt = learn(words.clone(), letters.map(String::from).to_vec(), 16);
        assert_eq!(learnt.pieces[10..], ["es", "est", "lo", "low", "ew", "new"]);
        let ranks: Ranks = (0..).zip(&learnt.merges).map(|(rank, &pair)| (pair, (rank, rank + 10))).collect();
        for (word, expected) in
            [("lowest", vec!["low", "est"]), ("newest", vec!["new", "est"]), ("o", vec!["o"])]
        {
            let mut ids: Vec<u32> = word.chars().map(id).collect();
            encode(&ranks, &mut ids);
            let found: Vec<&str> = ids.iter().map(|&id| learnt.pieces[id as usize].as_str()).collect();
            assert_eq!(found, expected);
        }
        // What was learnt from a word is what it is cut into: all pairs joined in turn.
        let all = learn(words.clone(), letters.map(String::from).to_vec(), 1000);
        assert_eq!(all.pieces.last().map(String::as_str), Some("lower"));
    }

    #[test]
    fn the_same_letter_again_and_again() {
        let mut ids = vec![0; 7];
        encode(&Ranks::from([([0, 0], (0, 1)), ([1, 1], (1, 2))]), &mut ids);
        assert_eq!(ids, [2, 1, 0]);
        let mut word = vec![0, 0, 0];
        join(&mut word, [0, 0], 1);
        assert_eq!(word, [1, 0]);
        let learnt = learn(vec![(vec![0; 40], 3)], vec!["a".into()], 100);
        assert!(learnt.pieces.iter().all(|piece| piece.len() <= LONGEST_LEARNT), "{:?}", learnt.pieces);
    }
}
