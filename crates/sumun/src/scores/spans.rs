//! Spans of several tokens that tags such as `B-PER` and `I-PER` mark.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{f1, share};
use crate::{Error, Result};

/// The figures of spans: one counts as found where its type, first and last token are all right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spans {
    /// The figures of all types together (micro average).
    pub all: SpanScore,
    /// The figures of each type, by its name.
    pub types: BTreeMap<String, SpanScore>,
}

/// The figures of the spans of one type.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SpanScore {
    /// The share of the predicted spans that are right.
    pub precision: f64,
    /// The share of the true spans that were predicted.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
    /// How many true spans there are.
    pub support: u64,
}

/// Whether tags mark spans: each is `O`, or a type behind `B-` and `I-` (IOB1, IOB2), also `E-` and `S-` (IOBES, BIOES),
/// `L-` and `U-` (BILOU), or `M-` and `W-` (BMEWO), and one at least is not `O`.
pub fn is_bio<S: AsRef<str>>(tags: &[S]) -> bool {
    let marked = |tag: &S| split(tag.as_ref()).is_some();
    tags.iter().all(|tag| tag.as_ref() == "O" || marked(tag)) && tags.iter().any(marked)
}

/// How tags mark spans, and so which tag may follow which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpanScheme {
    /// Every span begins with its `B-` and goes on with `I-`.
    Iob2,
    /// Spans are of `I-`; a `B-` begins one right behind another of its type.
    Iob1,
    /// As [`Iob2`](Self::Iob2), and the last token of a span has `E-`, the only one `S-` (IOBES, BIOES; BILOU, BMEWO).
    Iobes,
}

impl fmt::Display for SpanScheme {
    /// Its usual name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Iob2 => "IOB2",
            Self::Iob1 => "IOB1",
            Self::Iobes => "IOBES",
        })
    }
}

impl SpanScheme {
    /// The scheme that the tags of all sentences keep to. Where they keep to none, how many sentences break the one that the fewest
    /// break.
    pub fn of<S: AsRef<str>>(sentences: &[&[S]]) -> Result<Self, usize> {
        let prefix = |tag: &S| split(tag.as_ref()).map(|(prefix, _)| prefix);
        let closed = sentences.iter().copied().flatten().any(|tag| matches!(prefix(tag), Some(b'E' | b'S')));
        let schemes: &[Self] = if closed { &[Self::Iobes] } else { &[Self::Iob2, Self::Iob1] };
        let mut fewest = usize::MAX;
        for &scheme in schemes {
            let broken = sentences.iter().filter(|tags| !scheme.allows(tags)).count();
            if broken == 0 {
                return Ok(scheme);
            }
            fewest = fewest.min(broken);
        }
        Err(fewest)
    }

    /// Whether the tags of a sentence keep to it.
    pub fn allows<S: AsRef<str>>(self, tags: &[S]) -> bool {
        let tags: Vec<Option<&str>> = tags.iter().map(|tag| Some(tag.as_ref())).collect();
        let froms = std::iter::once(None).chain(tags.iter().copied());
        froms.zip(tags.iter().copied().chain([None])).all(|(from, to)| self.may(from, to))
    }

    /// Whether a tag, or the beginning of a sentence, may be followed by another, or the end. A tag that marks no span counts as `O`.
    pub fn may(self, from: Option<&str>, to: Option<&str>) -> bool {
        let (from, to) = (from.and_then(split), to.and_then(split));
        let open = from.filter(|(prefix, _)| matches!(prefix, b'B' | b'I'));
        let same = |kind: &str| open.is_some_and(|(_, of)| of == kind);
        match (self, to) {
            (Self::Iob2, Some((b'I', kind))) | (Self::Iob1, Some((b'B', kind))) => same(kind),
            (Self::Iob2 | Self::Iob1, _) => true,
            (Self::Iobes, Some((b'I' | b'E', kind))) => same(kind),
            (Self::Iobes, _) => open.is_none(),
        }
    }
}

impl Spans {
    /// Scores tags of each sentence, true and predicted ones, by the rules of the CoNLL-2000 evaluation, which seqeval
    /// follows by default: an `I-` that does not continue a span of its type begins one.
    ///
    /// Errors: another number of sentences or tokens. A tag that is none of [`is_bio`]'s counts as `O`.
    pub fn of<S: AsRef<str>>(truth: &[Vec<S>], predicted: &[Vec<S>]) -> Result<Self> {
        let tokens = |tags: &[Vec<S>]| tags.iter().map(Vec::len).collect::<Vec<_>>();
        if tokens(truth) != tokens(predicted) {
            return Err(Error::Invalid(
                "the predicted sentences have other lengths than the true ones and cannot be scored".into(),
            ));
        }
        let mut counts = BTreeMap::<&str, Counts>::new();
        for (truth, predicted) in truth.iter().zip(predicted) {
            let (truth, found) = (spans(truth), spans(predicted));
            let truth: HashSet<Span> = truth.into_iter().collect();
            truth.iter().for_each(|span| counts.entry(span.0).or_default().support += 1);
            for span in found {
                let count = counts.entry(span.0).or_default();
                count.found += 1;
                count.hits += u64::from(truth.contains(&span));
            }
        }
        let all = counts.values().fold(Counts::default(), |a, b| Counts {
            hits: a.hits + b.hits,
            found: a.found + b.found,
            support: a.support + b.support,
        });
        let types = counts.into_iter().map(|(name, count)| (name.to_owned(), count.score())).collect();
        Ok(Self { all: all.score(), types })
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    hits: u64,
    found: u64,
    support: u64,
}

impl Counts {
    fn score(self) -> SpanScore {
        let Self { hits, found, support } = self;
        SpanScore {
            precision: share(hits, found),
            recall: share(hits, support),
            f1: f1(hits, found, support),
            support,
        }
    }
}

/// Type, first token, and the one after the last.
type Span<'a> = (&'a str, usize, usize);

/// The prefix, as IOBES has it, and the type of a tag that is not `O`.
fn split(tag: &str) -> Option<(u8, &str)> {
    let (prefix, kind) = tag.split_once('-').filter(|(_, kind)| !kind.is_empty())?;
    match prefix {
        "B" => Some((b'B', kind)),
        "I" | "M" => Some((b'I', kind)),
        "E" | "L" => Some((b'E', kind)),
        "S" | "U" | "W" => Some((b'S', kind)),
        _ => None,
    }
}

/// The spans of a sentence, from the first to the last.
fn spans<S: AsRef<str>>(tags: &[S]) -> Vec<Span<'_>> {
    let mut spans = Vec::new();
    let mut open: Option<(&str, usize)> = None;
    // What the tag before ended: after E and S the next tag begins a span.
    let mut ended = true;
    for (t, tag) in tags.iter().enumerate() {
        let tag = split(tag.as_ref());
        let goes_on = match (tag, open) {
            (Some((prefix, kind)), Some((of, _))) => !ended && matches!(prefix, b'I' | b'E') && kind == of,
            _ => false,
        };
        if !goes_on {
            spans.extend(open.take().map(|(kind, from)| (kind, from, t)));
            open = tag.map(|(_, kind)| (kind, t));
        }
        ended = matches!(tag, Some((b'E' | b'S', _)));
    }
    spans.extend(open.map(|(kind, from)| (kind, from, tags.len())));
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<&str> {
        line.split(' ').collect()
    }

    #[test]
    fn spans_begin_and_end_where_seqeval_says() {
        let cases: [(&str, &[Span]); 13] = [
            // IOB1: B- only between two spans of a type.
            ("I-A I-A B-A I-A O I-B", &[("A", 0, 2), ("A", 2, 4), ("B", 5, 6)]),
            ("B-A I-A L-A U-B O", &[("A", 0, 3), ("B", 3, 4)]),
            ("B-A M-A E-A W-A W-A", &[("A", 0, 3), ("A", 3, 4), ("A", 4, 5)]),
            ("B-A I-A O", &[("A", 0, 2)]),
            ("I-A I-A B-A", &[("A", 0, 2), ("A", 2, 3)]),
            ("B-A I-B I-B", &[("A", 0, 1), ("B", 1, 3)]),
            ("B-A B-A", &[("A", 0, 1), ("A", 1, 2)]),
            ("O I-A O I-B", &[("A", 1, 2), ("B", 3, 4)]),
            ("B-A E-A I-A S-A I-A", &[("A", 0, 2), ("A", 2, 3), ("A", 3, 4), ("A", 4, 5)]),
            ("B-A-b I-A-b E-A-b E-A-b", &[("A-b", 0, 3), ("A-b", 3, 4)]),
            ("I-A E-A E-A B-A", &[("A", 0, 2), ("A", 2, 3), ("A", 3, 4)]),
            ("S-A S-A O E-A", &[("A", 0, 1), ("A", 1, 2), ("A", 3, 4)]),
            ("S-A I-A E-B I-B", &[("A", 0, 1), ("A", 1, 2), ("B", 2, 3), ("B", 3, 4)]),
        ];
        for (tags, expected) in cases {
            assert_eq!(spans(&words(tags)), expected, "{tags}");
        }
    }

    #[test]
    fn schemes_are_told_by_what_follows_what() {
        use SpanScheme::{Iob1, Iob2, Iobes};
        let cases: [(&[&str], std::result::Result<SpanScheme, usize>); 12] = [
            (&["O B-A I-A O", "B-B"], Ok(Iob2)),
            (&["B-A B-A I-A B-B I-B"], Ok(Iob2)),
            (&["O I-A I-A B-A I-A I-B", "B-A"], Err(1)),
            (&["O I-A I-A B-A I-A I-B"], Ok(Iob1)),
            (&["I-A I-B"], Ok(Iob1)),
            (&["O I-A", "O B-A", "B-A O", "O"], Err(1)),
            (&["B-A I-A E-A S-A O", "O O"], Ok(Iobes)),
            (&["B-A M-A L-A U-B W-B"], Ok(Iobes)),
            (&["S-A O B-A"], Err(1)),
            (&["S-A", "B-A O", "E-A", "B-A E-B", "B-A I-A S-A"], Err(4)),
            (&["B-A-b I-A-b E-A-b"], Ok(Iobes)),
            (&["O"], Ok(Iob2)),
        ];
        for (sentences, expected) in cases {
            let tags: Vec<Vec<&str>> = sentences.iter().map(|line| words(line)).collect();
            let tags: Vec<&[&str]> = tags.iter().map(Vec::as_slice).collect();
            assert_eq!(SpanScheme::of(&tags), expected, "{sentences:?}");
        }
    }

    /// Precision, recall and F1, and support, by the name of the type.
    const REPORT: [(&str, [f64; 3], u64); 5] = [
        ("LOC", [1.0, 1.0, 1.0], 2),
        ("MISC", [0.0, 0.0, 0.0], 1),
        ("ORG", [0.0, 0.0, 0.0], 0),
        ("PER", [1.0, 1.0, 1.0], 2),
        ("all", [0.6666666666666666, 0.8, 0.7272727272727272], 5),
    ];

    /// seqeval's `classification_report(…, output_dict=True)`.
    #[test]
    fn figures_are_those_of_seqeval() {
        let truth = ["O O B-MISC I-MISC I-MISC O B-PER", "B-PER I-PER O B-LOC", "I-LOC O O"].map(words);
        let predicted =
            ["O B-MISC I-MISC I-MISC I-MISC O B-PER", "B-PER I-PER O I-LOC", "B-LOC B-ORG O"].map(words);
        let scores = Spans::of(&truth, &predicted).unwrap();
        let rows = scores.types.iter().map(|(name, score)| (name.as_str(), *score));
        for ((name, score), (wanted, [precision, recall, f1], support)) in
            rows.chain([("all", scores.all)]).zip(REPORT)
        {
            assert_eq!((name, score.support), (wanted, support));
            for (found, expected) in [(score.precision, precision), (score.recall, recall), (score.f1, f1)] {
                assert!((found - expected).abs() < 1e-12, "{name}: {found} {expected}");
            }
        }
        assert!(Spans::of(&truth, &predicted[..2]).is_err());
        assert!(Spans::of(&[words("O O")], &[words("O")]).is_err());
    }

    #[test]
    fn tags_without_spans_are_known() {
        for (tags, expected) in [
            ("O B-PER I-PER", true),
            ("I-PER", true),
            ("O B-PER E-PER S-PER", true),
            ("O S-PER S-LOC", true),
            ("O U-PER B-LOC L-LOC", true),
            ("O", false),
            ("NOUN VERB", false),
            ("B-PER NOUN", false),
            ("B I O", false),
            ("B- O", false),
        ] {
            assert_eq!(is_bio(&words(tags)), expected, "{tags}");
        }
    }
}
