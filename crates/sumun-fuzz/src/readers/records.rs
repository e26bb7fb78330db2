//! Labelled records, pairs of texts and tagged sentences.

use sumun::records::{Classes, Lists, PairSpec, Pairs, RecordSpec, Records, Tagged, TaggedSpec, XLayout};

use super::tables::options;
use super::{choices, said};

/// Names by whose ends the readers know what a file is.
const NAMES: [&str; 5] = ["data.csv", "data.jsonl", "data.txt", "data.ts", "data"];

/// Records, and what their labels and inputs mean.
pub fn records(bytes: &[u8]) -> Result<(), String> {
    let mut random = choices(bytes);
    let first = bytes.trim_ascii_start().first();
    let name = match random.below(4) {
        0 => NAMES[random.below(NAMES.len())],
        _ if first == Some(&b'{') => "data.jsonl",
        _ if first == Some(&b'@') => "data.ts",
        _ if bytes.starts_with(b"__label__") => "data.txt",
        _ => "data.csv",
    };
    let spec = RecordSpec {
        require_label: random.below(2) == 0,
        to_predict: random.below(4) == 0,
        window: (random.below(6) == 0).then(|| 1 + random.below(20)),
        stride: (random.below(12) == 0).then(|| 1 + random.below(20)),
        series: (random.below(8) == 0).then_some("series"),
        x_layout: (random.below(8) == 0).then_some(XLayout::TimeChannel),
        lists: (random.below(4) == 0).then(Lists::default),
        ..RecordSpec::default()
    };
    let mut records = said(Records::from_reader(name, bytes, &spec))?;
    let _ = records.channels();
    let _ = said(records.numeric_labels());
    let whole = records.clone();
    let _ = said(records.plain_labels(&options(&mut random), None));
    let _ = said(records.threshold(0.5));
    let all = said(Classes::of(whole.records.iter().flat_map(|record| &record.labels)));
    let _ = all.and_then(|all| said(whole.label_sets(&all)));
    let classes = said(whole.classes())?;
    said(whole.class_ids(&classes)).map(|_| ())
}

/// Pairs of texts.
pub fn pairs(bytes: &[u8]) -> Result<(), String> {
    let mut random = choices(bytes);
    let is_json = bytes.trim_ascii_start().first() == Some(&b'{');
    let name = if is_json { "pairs.jsonl" } else { ["pairs.tsv", "pairs.csv"][random.below(2)] };
    let spec = PairSpec { require_target: random.below(2) == 0, ..PairSpec::default() };
    said(Pairs::from_reader(name, bytes, &spec)).map(|_| ())
}

/// Sentences with a tag for each token.
pub fn tagged(bytes: &[u8]) -> Result<(), String> {
    let mut random = choices(bytes);
    let name = ["data.conllu", "data.txt", "data.csv"][random.below(3)];
    let spec = TaggedSpec { require_tags: random.below(2) == 0, ..TaggedSpec::default() };
    let tagged = said(Tagged::from_reader(name, bytes, &spec))?;
    let classes = said(tagged.classes())?;
    said(tagged.tag_ids(&classes)).map(|_| ())
}
