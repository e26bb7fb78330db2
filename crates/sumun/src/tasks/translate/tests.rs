//! Search against all that could be written, and trainings from a file to its predictions.

use super::super::figures::{Alignment, Figures, Measured, Prediction, Predictions};
use super::super::finished::SequenceOutcome;
use super::super::table::setting;
use super::super::task::{How, TaskConfig};
use super::super::trained::TrainedTask;
use super::super::training::Training;
use super::example::Examples;
use super::network::network;
use super::portable::networks;
use super::search::{Search, Written, attention};
use super::{BEAM, Translate};
use crate::Result;
use crate::model::{Batch, Feed, Model, ModelState};
use crate::nn::{CellKind, CrossAttention, Score};
use std::path::Path;

/// Ids of a source, and of a target: padding, unknown, two tokens and the end.
const SOURCE: usize = 5;
const TARGET: usize = 5;
const END: u32 = 4;

fn model(cell: &str, layers: usize, seed: u64) -> Model {
    let mut options = TaskConfig::<Translate>::default().network;
    options.cell = CellKind::named(cell).unwrap();
    (options.hidden, options.embedding, options.layers) = (3, 4, layers);
    let mut model = network(&options, Score::General, SOURCE, TARGET).build(seed).unwrap();
    // Sharper than first weights are, so that hypotheses differ.
    let id = model.parameters().find("output.weight").unwrap();
    model.parameters_mut().value_mut(id).iter_mut().for_each(|w| *w *= 8.0);
    model
}

/// ln p of each id after `ids`, of those that may be written.
fn next(model: &Model, source: &[u32], ids: &[u32]) -> Vec<(u32, f64)> {
    let examples = Examples::new(vec![source.to_vec()], vec![ids.to_vec()], END);
    let logits = model.forward(examples.chosen(&[0]).feed().unwrap()).unwrap();
    let last = &logits.data[ids.len() * TARGET..];
    let allowed: Vec<u32> = (2..=END).filter(|&id| id != END || !ids.is_empty()).collect();
    let sum: f64 = allowed.iter().map(|&id| f64::from(last[id as usize]).exp()).sum();
    allowed.into_iter().map(|id| (id, f64::from(last[id as usize]) - sum.ln())).collect()
}

/// Everything up to `longest` tokens that comes to an end, with its ln p.
fn everything(model: &Model, source: &[u32], longest: usize) -> Vec<(Vec<u32>, f64)> {
    let (mut all, mut open) = (Vec::new(), vec![(Vec::new(), 0.0)]);
    while let Some((ids, sum)) = open.pop() {
        for (id, ln) in next(model, source, &ids) {
            match id {
                END => all.push((ids.clone(), sum + ln)),
                _ if ids.len() < longest => open.push(([ids.as_slice(), &[id]].concat(), sum + ln)),
                _ => {}
            }
        }
    }
    all
}

#[test]
fn a_search_that_keeps_everything_finds_the_best_of_all() {
    const LONGEST: usize = 4;
    let sources: [&[u32]; 3] = [&[2, 3, 4, 2], &[3], &[4, 4]];
    let together: Vec<Vec<u32>> = sources.iter().map(|source| source.to_vec()).collect();
    let mut lengths = Vec::new();
    for (cell, layers, seed) in
        [("lstm", 1, 1), ("gru", 2, 2), ("rnn", 1, 3), ("lstm", 2, 4), ("slstm", 2, 5)]
    {
        let model = model(cell, layers, seed);
        let search = |beam| Search { model: &model, end: END, longest: LONGEST, beam };
        let best = search(100).all(&together).unwrap();
        let greedy = search(1).all(&together).unwrap();
        for ((source, best), greedy) in sources.iter().zip(&best).zip(&greedy) {
            let score = |(ids, sum): &(Vec<u32>, f64)| sum / (ids.len() + 1) as f64;
            let all = everything(&model, source, LONGEST);
            assert_eq!(all.len(), 2 + 4 + 8 + 16);
            let (ids, sum) = all.iter().max_by(|a, b| score(a).total_cmp(&score(b))).unwrap();
            assert_eq!((&best.ids, best.ended), (ids, true), "{cell} {source:?}");
            assert!((best.log_probability - sum).abs() < 1e-4, "{} {sum}", best.log_probability);

            // The most probable token after each.
            let (mut ids, mut sum, mut ended) = (Vec::new(), 0.0, false);
            while !ended {
                let (id, ln) =
                    next(&model, source, &ids).into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
                if id != END && ids.len() == LONGEST {
                    break;
                }
                sum += ln;
                if id == END { ended = true } else { ids.push(id) }
            }
            assert_eq!((&greedy.ids, greedy.ended), (&ids, ended), "{cell} {source:?}");
            assert!((greedy.log_probability - sum).abs() < 1e-4);
            lengths.push((best.ids.len(), greedy.ended));
        }
        // A source has the same prediction, to the bit, in any company.
        for beam in [1, 2, 3] {
            let all = search(beam).all(&together).unwrap();
            let alone: Vec<Written> = together
                .iter()
                .flat_map(|source| search(beam).all(std::slice::from_ref(source)).unwrap())
                .collect();
            assert_eq!(all, alone, "{cell} {beam}");
        }
    }
    // The cases differ.
    assert!(lengths.iter().any(|&(length, _)| length > 1), "{lengths:?}");
    assert!(lengths.iter().any(|&(_, ended)| !ended), "{lengths:?}");
}

#[test]
fn what_is_attended_to_are_shares_of_each_own_source() {
    let model = model("gru", 1, 5);
    let (sources, targets) =
        (vec![vec![2, 3, 4], vec![3], vec![4, 2]], vec![vec![2], vec![3, 2], vec![2, 2]]);
    let examples = Examples::new(sources.clone(), targets.clone(), END);
    let weights = attention(&model, &examples).unwrap();
    for ((weights, source), target) in weights.iter().zip(&sources).zip(&targets) {
        assert_eq!(weights.len(), source.len() * (target.len() + 1));
        for row in weights.chunks(source.len()) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?}");
        }
    }
}

/// Words with their letters turned round: every pair of `count` different sources.
fn turned(count: usize) -> String {
    let mut csv = String::from("word,turned\n");
    for n in 0..count {
        let letters = ["a", "b", "나", "d"];
        let word: String = (0..3).map(|place| letters[n / 4_usize.pow(place) % 4]).collect();
        let turned: String = word.chars().rev().collect();
        csv += &format!("{word},{turned}\n");
    }
    csv
}

fn begin(folder: &Path, data: &str, settings: &[(&str, &str)]) -> Result<Training<TaskConfig<Translate>>> {
    let path = folder.join("pairs.csv");
    std::fs::write(&path, data).unwrap();
    let small = [
        ("data.train", path.to_str().unwrap()),
        ("data.source", "word"),
        ("data.target", "turned"),
        ("network.hidden", "24"),
        ("network.embedding", "12"),
        ("network.dropout", "0"),
        ("train.lr", "0.01"),
        ("train.batch", "8"),
    ];
    let tables: Vec<_> =
        small.iter().chain(settings).map(|(key, value)| setting(key, value).unwrap()).collect();
    Training::begin(TaskConfig::from_tables(&tables)?)
}

fn train(folder: &Path, data: &str, settings: &[(&str, &str)]) -> SequenceOutcome {
    let mut training = begin(folder, data, settings).unwrap();
    training.run(&mut (), &mut ()).unwrap();
    training.finish().unwrap()
}

fn texts(found: &Predictions) -> Vec<(&str, bool, Option<&Alignment>)> {
    let text = |prediction| match prediction {
        &Prediction::Text { ref text, ended, ref alignment, .. } => {
            (text.as_str(), ended, alignment.as_ref())
        }
        other => panic!("{other:?}"),
    };
    found.predictions.iter().map(text).collect()
}

#[test]
fn letters_are_turned_round() {
    let folder = tempfile::tempdir().unwrap();
    // Each word stands there twice: neither copy may tell the other's target.
    let data = turned(64) + turned(64).split_once('\n').unwrap().1;
    let settings = [("train.epochs", "60"), ("data.valid", "0.125"), ("data.test", "0.125")];
    let trained = train(folder.path(), &data, &settings);
    assert_eq!(trained.examples, 96);
    let parts: Vec<(&str, usize)> =
        trained.measured.iter().map(|part| (part.part.as_str(), part.examples)).collect();
    assert_eq!(parts, [("valid", 16), ("test", 16)]);
    for Measured { figures, baseline, baseline_name, other_baselines, .. } in &trained.measured {
        let Figures::Translation(figures) = figures else { panic!("{figures:?}") };
        assert!(figures.exact_match > 0.8, "{figures:?}");
        assert!(figures.chrf >= figures.exact_match && figures.tokens.unwrap().token_accuracy > 0.9);
        let Figures::Translation(baseline) = baseline else { panic!("{baseline:?}") };
        assert!(baseline.exact_match < 0.5 && baseline.tokens.is_none());
        assert_eq!(baseline_name, "the source as it is");
        assert_eq!(other_baselines[0].name, "the most frequent target");
    }
    let shown = trained.shown.len();
    assert_eq!(shown, trained.measured[1].predictions.len());

    let file = trained.file.to_bytes().unwrap();
    let task = TrainedTask::<Translate>::from_file(trained.file).unwrap();
    assert_eq!(task.pipeline.spec(true).source, Some("word"));
    let path = folder.path().join("new.csv");
    std::fs::write(&path, "word\nab나\nd나a\n가ab\n").unwrap();
    let found = task.predict(&path).unwrap();
    assert_eq!(found.texts, ["ab나", "d나a", "가ab"]);
    assert_eq!(texts(&found)[..2], [("나ba", true, None), ("a나d", true, None)]);
    assert_eq!(found.unknown.map(|unknown| (unknown.count, unknown.of)), Some((1, 9)));
    let aligned = task.predict_with(&path, &How { beam: Some(BEAM), attention: true }).unwrap();
    let alignment = texts(&aligned)[0].2.unwrap();
    assert_eq!((alignment.source.concat(), alignment.target.concat()), ("ab나".into(), "나ba".into()));
    assert_eq!(alignment.weights.len(), 9);
    let message = task.predict_with(&path, &How { beam: Some(0), attention: false }).unwrap_err().to_string();
    assert_eq!(message, "beam is 0; it must be from 1 to 1000");

    // Saved and loaded: the same.
    let again = crate::model::ModelFile::from_bytes("model", &file).unwrap();
    let again = TrainedTask::<Translate>::from_file(again).unwrap();
    assert_eq!(again.predict(&path).unwrap(), found);
    let path = folder.path().join("pairs.csv");
    assert_eq!(again.evaluate(&path).unwrap(), task.evaluate(&path).unwrap());
}

/// The parts that other programs run, with the attention between them, are the network.
#[test]
fn a_network_in_parts_returns_what_the_whole_does() {
    for (cell, layers, score, bidirectional) in
        [("lstm", 2, Score::General, true), ("gru", 1, Score::Dot, false), ("rnn", 1, Score::Additive, true)]
    {
        let mut options = TaskConfig::<Translate>::default().network;
        options.cell = CellKind::named(cell).unwrap();
        (options.hidden, options.embedding, options.layers) = (3, 4, layers);
        (options.bidirectional, options.dropout) = (bidirectional, 0.2);
        let whole = network(&options, score, SOURCE, TARGET).build(7).unwrap();
        let parts = networks(&whole).unwrap();
        let names: Vec<&str> = parts.iter().map(|part| part.name).collect();
        assert_eq!(names, ["encoder", "decoder", "output"]);
        let parts: Vec<Model> = parts
            .into_iter()
            .map(|part| {
                let mut model = part.config.build(0).unwrap();
                let named: Vec<String> =
                    model.parameters().entries().iter().map(|entry| entry.name.clone()).collect();
                for name in named {
                    let of = whole.parameters().value(whole.parameters().find(&name).unwrap());
                    let id = model.parameters().find(&name).unwrap();
                    model.parameters_mut().value_mut(id).copy_from_slice(of);
                }
                model
            })
            .collect();
        let examples = Examples::new(vec![vec![2, 3, 4], vec![3]], vec![vec![2], vec![3, 2, 2]], END);
        let expected = whole.forward(examples.chosen(&[0, 1]).feed().unwrap()).unwrap();
        let source = Feed::new();
        let ids = ndarray::arr2(&[[2_u32, 3, 4], [3, 0, 0]]);
        let batch = Batch::ids(ids.view()).lengths(&[3, 1]).unwrap();
        let (memory, states) = parts[0].forward_with_state(source.batch("source", batch), None).unwrap();
        let initial = ModelState::from([("decoder".to_owned(), states["encoder"].clone())]);
        let targets = examples.chosen(&[0, 1]);
        let (rows, _) = parts[1].forward_with_state(targets.targets().unwrap(), Some(&initial)).unwrap();
        let attention = whole.layer::<CrossAttention>("attention").unwrap();
        let attended = attention.forward(whole.parameters(), rows.clone(), memory).unwrap();
        let feed = Feed::new().rows("attention", attended).rows("decoder", rows);
        let found = parts[2].forward(feed).unwrap();
        assert_eq!((&found.data, found.unpack()), (&expected.data, expected.unpack()), "{cell}");
    }
}

/// What stands elsewhere than between encoder and decoder would be computed otherwise.
#[test]
fn a_network_that_cannot_be_cut_is_refused() {
    let options = TaskConfig::<Translate>::default().network;
    let mut config = network(&options, Score::General, SOURCE, TARGET);
    let beside = config.layers.iter_mut().find(|layer| layer.name() == Some("beside")).unwrap();
    beside.common_mut().from.push("target_embedding".into());
    let error = networks(&config.build(0).unwrap()).unwrap_err();
    assert_eq!(error, "layers other than those of a usual translator");
}

#[test]
fn words_are_written_as_people_write_them() {
    let folder = tempfile::tempdir().unwrap();
    let pairs = ["나는 간다,I go.", "너는 간다,you go.", "나는 온다,I come!", "너는 온다,you come!"];
    let data = format!("word,turned\n{}\n", pairs.repeat(8).join("\n"));
    let settings = [
        ("train.epochs", "60"),
        ("data.valid", "0"),
        ("data.test", "0"),
        ("text.level", "jamo"),
        ("text.target_level", "word"),
    ];
    let trained = train(folder.path(), &data, &settings);
    let task = TrainedTask::<Translate>::from_file(trained.file).unwrap();
    let path = folder.path().join("pairs.csv");
    let found = task.predict(&path).unwrap();
    let found: Vec<&str> = texts(&found).iter().map(|text| text.0).take(4).collect();
    assert_eq!(found, ["I go.", "you go.", "I come!", "you come!"]);
    let Figures::Translation(figures) = task.evaluate(&path).unwrap().figures else { panic!() };
    assert_eq!((figures.exact_match, figures.chrf), (1.0, 1.0));
}

#[test]
fn no_source_is_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let held = folder.path().join("held.csv");
    std::fs::write(&held, "word,turned\naaa,aaa\nBaa,aab\nzzz,zzz\n").unwrap();
    let held = held.to_str().unwrap();
    let check = |settings: &[(&str, &str)], examples: usize, notes: &[&str]| {
        let training = begin(folder.path(), &turned(20), settings).unwrap();
        let place = format!("{}/", folder.path().display());
        let found: Vec<String> = training.notes().iter().map(|note| note.replace(&place, "")).collect();
        assert_eq!(found, notes, "{settings:?}");
        let trained = training.finish().unwrap();
        assert_eq!(trained.examples, examples, "{settings:?}");
    };
    let one = "1 pair of pairs.csv left out: their sources are in held.csv as well";
    let two = "2 pairs of pairs.csv left out: their sources are in held.csv as well";
    check(&[("data.valid", "0"), ("data.test", held)], 19, &[one]);
    check(&[("data.valid", "0"), ("data.test", held), ("text.lowercase", "true")], 18, &[two]);
    check(&[("data.valid", held), ("data.test", "0")], 19, &[one]);
}

#[test]
fn pairs_that_cannot_be_learnt_from_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let held = folder.path().join("held.csv");
    std::fs::write(&held, turned(30)).unwrap();
    let held = held.to_str().unwrap();
    let check = |data: &str, settings: &[(&str, &str)], expected: &str| {
        let message = begin(folder.path(), data, settings).unwrap_err().to_string();
        let message = message.replace(&format!("{}/", folder.path().display()), "");
        assert!(message.contains(expected) && !message.contains('\n'), "{message}");
    };
    check(&turned(20), &[("data.source", "wrd")], "pairs.csv: there is no field 'wrd'; did you mean 'word'?");
    check(&turned(20), &[("data.target", "word")], "source and target are both 'word'; name two fields");
    check(
        &turned(20),
        &[("text.max_tokens", "2")],
        ": the target has 3 tokens, more than the 2 that are taken; leave it out, or train with a higher max_tokens",
    );
    check(&turned(20), &[("text.max_tokens", "0")], "max_tokens is 0; it must be at least 1");
    check(&turned(20), &[("data.test", held)], "pairs.csv: every source is in held.csv as well");
    check(&turned(20), &[("data.valid", "0.6"), ("data.test", "0.5")], "leave nothing to train on");
    check(
        &turned(20),
        &[("data.valid", "0.01")],
        "the validation share 0.01 of 20 samples is less than one sample",
    );
    check(&turned(1), &[], "there is but one example");
    check(
        &turned(20),
        &[("text.min_count", "90")],
        "no token of the sources is seen 90 times; give more pairs or a smaller min_count",
    );
    check(&turned(20), &[("train.batch_tokens", "5")], "batch_tokens");
}
