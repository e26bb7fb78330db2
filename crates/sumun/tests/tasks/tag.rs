//! Taggers.

use std::path::Path;

use sumun::records::Tagged;
use sumun::tasks::{Figures, Measured, Prediction, Tag, TaskConfig, TrainedTask, Training, setting};

/// Writes a file of sentences `word/TAG word/TAG`, one a line.
fn write(path: &Path, sentences: &[&str]) {
    let parts = |sentence: &str, part: usize| -> Vec<String> {
        sentence.split(' ').map(|token| token.split('/').nth(part).unwrap().to_owned()).collect()
    };
    let line = |sentence: &&str| {
        serde_json::json!({ "tokens": parts(sentence, 0), "tags": parts(sentence, 1) }).to_string()
    };
    std::fs::write(path, sentences.iter().map(line).collect::<Vec<_>>().join("\n")).unwrap();
}

fn begin(
    folder: &Path,
    sentences: &[&str],
    settings: &[(&str, &str)],
) -> sumun::Result<Training<TaskConfig<Tag>>> {
    let path = folder.join("train.jsonl");
    write(&path, sentences);
    let small = [
        ("data.train", path.to_str().unwrap()),
        ("network.hidden", "12"),
        ("network.embedding", "8"),
        ("network.dropout", "0"),
        ("train.lr", "0.02"),
        ("train.batch", "8"),
    ];
    let tables: Vec<_> =
        small.iter().chain(settings).map(|(key, value)| setting(key, value).unwrap()).collect();
    Training::begin(TaskConfig::from_tables(&tables)?)
}

/// `saw` is a verb behind a pronoun and a noun behind a determiner: only its neighbours tell.
const SENTENCES: [&str; 8] = [
    "I/PRON saw/VERB the/DET dog/NOUN",
    "the/DET saw/NOUN",
    "you/PRON saw/VERB a/DET dog/NOUN",
    "a/DET saw/NOUN",
    "I/PRON saw/VERB you/PRON",
    "the/DET saw/NOUN saw/VERB",
    "you/PRON saw/VERB the/DET saw/NOUN",
    "a/DET dog/NOUN saw/VERB I/PRON",
];

fn accuracy(figures: &Figures) -> f64 {
    match figures {
        Figures::Tagging(figures) => figures.tokens.accuracy,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tagger_learns_what_neighbours_tell() {
    let folder = tempfile::tempdir().unwrap();
    let sentences = SENTENCES.repeat(6);
    let mut training = begin(folder.path(), &sentences, &[("text.lowercase", "true")]).unwrap();
    assert_eq!(training.notes(), Vec::<String>::new());
    training.run(&mut (), &mut ()).unwrap();
    let trained = training.finish().unwrap();
    assert_eq!(trained.examples + trained.measured.iter().map(|m| m.examples).sum::<usize>(), 48);
    let parts: Vec<&str> = trained.measured.iter().map(|measured| measured.part.as_str()).collect();
    assert_eq!(parts, ["valid", "test"]);
    for Measured { figures, baseline, baseline_name, .. } in &trained.measured {
        assert_eq!(accuracy(figures), 1.0);
        assert!(accuracy(baseline) < 0.95);
        assert_eq!(baseline_name, "the most frequent tag of each token");
    }
    let task = TrainedTask::<Tag>::from_file(trained.file).unwrap();
    let path = folder.path().join("train.jsonl");
    let answers = task.predict(&path).unwrap();
    assert_eq!(answers.classes, ["DET", "NOUN", "PRON", "VERB"]);
    assert_eq!((answers.tokens.len(), answers.predictions.len()), (48, 48));
    assert_eq!(answers.tokens[1], ["the", "saw"]);
    assert_eq!(accuracy(&task.evaluate(&path).unwrap().figures), 1.0);
    let TrainedTask { pipeline, model } = task;
    assert_eq!(
        (trained.task, pipeline.tags().names()),
        ("tag", &["DET", "NOUN", "PRON", "VERB"].map(String::from)[..])
    );
    // CoNLL columns without tags, an unknown word, upper case.
    let text = "THE\nsaw\n\nyou\nsaw\nNobody\n";
    let tagged = Tagged::from_reader("f.conll", text.as_bytes(), &pipeline.spec(false)).unwrap();
    let predictions = pipeline.predict(&model, &tagged).unwrap();
    let Prediction::Tags { tags, probabilities } = &predictions[0] else { panic!("{predictions:?}") };
    assert_eq!((tags.as_slice(), probabilities.len()), (&["DET", "NOUN"].map(String::from)[..], 2));
    assert!(probabilities.iter().all(|&p| p > 0.5 && p <= 1.0), "{probabilities:?}");
    let Prediction::Tags { tags, .. } = &predictions[1] else { panic!("{predictions:?}") };
    assert_eq!((tags[0].as_str(), tags[1].as_str(), tags.len()), ("PRON", "VERB", 3));
    let message = pipeline.evaluate(&model, "f", &tagged).unwrap_err().to_string();
    assert_eq!(message, "f.conll: line 1: the sentence has no tags");
}

#[test]
fn the_baseline_is_the_most_frequent_tag_of_the_training_part() {
    let folder = tempfile::tempdir().unwrap();
    let test = folder.path().join("test.jsonl");
    // Right, wrong, unknown and so NOUN: wrong, unknown: right. A word counts whether or not the model knows it.
    write(&test, &["x/NOUN saw/VERB", "rare/DET what/VERB saw/NOUN"]);
    let train = ["saw/NOUN x/NOUN", "saw/NOUN", "saw/VERB rare/DET"];
    let settings = [("data.valid", "0"), ("data.test", test.to_str().unwrap()), ("text.min_count", "2")];
    let trained = begin(folder.path(), &train, &settings).unwrap().finish().unwrap();
    let [test] = &trained.measured[..] else { panic!("{:?}", trained.measured) };
    assert_eq!((accuracy(&test.baseline), test.examples), (3.0 / 5.0, 2));
}

#[test]
fn spans_are_scored_where_tags_mark_them() {
    let folder = tempfile::tempdir().unwrap();
    let sentences = ["to/O New/B-CITY York/I-CITY", "from/O Boston/B-CITY", "to/O Boston/B-CITY"].repeat(10);
    let mut training = begin(folder.path(), &sentences, &[("train.epochs", "12")]).unwrap();
    training.run(&mut (), &mut ()).unwrap();
    for measured in training.finish().unwrap().measured {
        let Figures::Tagging(figures) = measured.figures else { panic!("{measured:?}") };
        let spans = figures.spans.unwrap();
        assert_eq!((spans.all.f1, spans.types["CITY"].f1), (1.0, 1.0));
    }
}

#[test]
fn a_tag_of_one_sentence_is_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let mut sentences = SENTENCES.repeat(3);
    sentences.extend(["oh/INTJ", "dog/NOUN is/AUX", "42/NUM", "+/SYM +/SYM", "not/PART"]);
    let mut moved = 0;
    for seed in ["0", "1", "2", "3", "4"] {
        let settings = [("train.seed", seed), ("data.valid", "0.3"), ("data.test", "0.3")];
        let training = begin(folder.path(), &sentences, &settings).unwrap();
        moved += training.notes().iter().filter(|note| note.contains("have a tag that no other has")).count();
        let task = TrainedTask::<Tag>::from_file(training.finish().unwrap().file).unwrap();
        assert_eq!(task.pipeline.tags().len(), 9);
    }
    assert!(moved > 2, "{moved}");
}

#[test]
fn sentences_that_cannot_be_learnt_from_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.jsonl");
    write(&other, &["the/DET saw/NOUN", "the/DET dgo/NOUNN"]);
    let other = other.to_str().unwrap();
    let same = ["a/X b/X"; 20];
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case; 4] = [
        (&same, &[], "train.jsonl: every tag is 'X'; a tagger needs at least two tags"),
        (&SENTENCES, &[("data.tags", "upos")], "train.jsonl: there is no field 'upos'"),
        (&SENTENCES, &[("data.valid", "0.6"), ("data.test", "0.6")], "leave nothing to train on"),
        (&SENTENCES, &[("train.batch_tokens", "1")], "1"),
    ];
    for (sentences, settings, expected) in cases {
        let message = begin(folder.path(), sentences, settings).unwrap_err().to_string();
        assert!(message.contains(expected) && !message.contains('\n'), "{message}");
    }
    for part in ["valid", "test"] {
        let training = begin(folder.path(), &SENTENCES, &[(&format!("data.{part}"), other)]).unwrap();
        let expected =
            format!("{part}: 1 of 4 tags are none that were learnt, and count as wrong: 'NOUNN' (1)");
        assert!(training.notes().contains(&expected), "{:?}", training.notes());
    }
    let each = ["a/A", "b/B", "c/C", "d/D", "e/E", "f/F", "g/G", "h/H", "i/I", "j/J"];
    let message = begin(folder.path(), &each, &[]).unwrap_err().to_string();
    assert!(message.contains("no sentence is left for data.valid"), "{message}");
}
