//! Taggers.

use std::path::Path;

use sumun::model::{DenseLayer, EmbeddingLayer, LayerConfig, RecurrentLayer};
use sumun::nn::{CrfLayer, SoftmaxLayer};
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
    let mut training = begin(folder.path(), &sentences, &[("train.epochs", "40")]).unwrap();
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

/// Spans whose second word only says what it is behind the right first one.
const SPANS: [&str; 6] = [
    "to/O New/B-CITY York/I-CITY",
    "from/O Boston/B-CITY",
    "to/O York/B-CITY now/O",
    "from/O New/B-NAME Moon/I-NAME",
    "now/O to/O Boston/B-CITY Moon/B-NAME",
    "Moon/B-NAME York/I-NAME",
];

fn layers(training: &Training<TaskConfig<Tag>>) -> Vec<String> {
    let file = training.checkpoint().unwrap().to_file().unwrap();
    let layers = file.config.pointer("/about/prepared/model/layers").unwrap().as_array().unwrap();
    layers.iter().map(|layer| layer["kind"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn tags_are_chosen_together_where_they_mark_spans_or_where_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let spans = SPANS.repeat(4);
    let parts = SENTENCES.repeat(4);
    for (sentences, asked, expected) in [
        (&spans, None, true),
        (&spans, Some("off"), false),
        (&spans, Some("on"), true),
        (&parts, None, false),
        (&parts, Some("on"), true),
    ] {
        let settings: Vec<_> = asked.iter().map(|&asked| ("network.crf", asked)).collect();
        let mut training = begin(folder.path(), sentences, &settings).unwrap();
        assert_eq!(layers(&training).last().unwrap() == "crf", expected, "{asked:?}");
        training.run(&mut (), &mut ()).unwrap();
        let trained = training.finish().unwrap();
        let together = trained.words.loss.contains("of a sentence's tags together");
        assert_eq!(together, expected, "{}", trained.words.loss);
        let figures: Vec<&str> = trained.epochs[0].figures.keys().map(String::as_str).collect();
        assert_eq!(figures, [if sentences == &spans { "span_f1" } else { "accuracy" }]);
        for measured in &trained.measured {
            let found = measured.figures.headline();
            assert_eq!(found[0].key, if sentences == &spans { "span_f1" } else { "token_accuracy" });
            assert_eq!(found[0].value, 1.0, "{asked:?}");
        }
        let scheme = trained.file.config.pointer("/pipeline/crf/scheme");
        assert_eq!(scheme.is_some(), expected);
        let said = trained.choices.iter().find(|[name, ..]| name == "crf");
        let reason = said.map(|[_, value, reason]| format!("{value}: {reason}"));
        assert_eq!(reason, (expected && asked.is_none()).then(|| "on: tags mark spans (IOB2)".to_owned()));
        assert_eq!(
            scheme.and_then(|scheme| scheme.as_str()),
            (expected && sentences == &spans).then_some("iob2")
        );
        // Probabilities of tags given the whole sentence.
        let task = TrainedTask::<Tag>::from_file(trained.file).unwrap();
        let answers = task.predict(&folder.path().join("train.jsonl")).unwrap();
        for prediction in answers.predictions {
            let Prediction::Tags { tags, probabilities } = prediction else { panic!("{prediction:?}") };
            assert_eq!(tags.len(), probabilities.len());
            assert!(probabilities.iter().all(|&p| p > 0.3 && p < 1.0 + 1e-5), "{probabilities:?}");
        }
    }
}

#[test]
fn tags_that_keep_to_no_scheme_are_learnt_and_noted() {
    let folder = tempfile::tempdir().unwrap();
    let mut sentences = SPANS.repeat(5);
    sentences.extend(["O/O York/I-CITY", "Boston/I-CITY", "Boston/B-NAME York/B-CITY"]);
    let mut training =
        begin(folder.path(), &sentences, &[("data.test", "0"), ("train.epochs", "2")]).unwrap();
    let notes = training.notes().to_vec();
    let expected = "the tags of 2 sentences keep to no scheme of spans (BIO, IOB1, BIOES), such as a span that nothing begins; any \
                    tag is taken to follow any";
    assert!(notes.iter().any(|note| note == expected), "{notes:?}");
    training.run(&mut (), &mut ()).unwrap();
    let file = training.finish().unwrap().file;
    assert_eq!(file.config.pointer("/pipeline/crf"), Some(&serde_json::json!({ "scheme": null })));
    assert!(TrainedTask::<Tag>::from_file(file).is_ok());
    // Each tag by itself needs no scheme.
    let training = begin(folder.path(), &sentences, &[("network.crf", "off")]).unwrap();
    assert!(!training.notes().iter().any(|note| note.contains("scheme")));
}

/// An untrained network says anything, but nothing that the scheme forbids.
#[test]
fn no_prediction_breaks_the_scheme() {
    let folder = tempfile::tempdir().unwrap();
    let closed = [
        "to/O New/B-CITY York/E-CITY",
        "from/O Boston/S-CITY",
        "New/B-CITY York/I-CITY York/E-CITY now/O",
        "Moon/S-NAME York/B-NAME York/E-NAME",
    ];
    let open = SPANS;
    let begun =
        ["to/O New/I-CITY York/I-CITY", "from/O Boston/I-CITY New/B-CITY", "Moon/I-NAME Boston/I-CITY now/O"];
    for (sentences, scheme) in [(&closed[..], "iobes"), (&open, "iob2"), (&begun, "iob1")] {
        let sentences = sentences.repeat(8);
        let settings = [("data.valid", "0"), ("data.test", "0"), ("train.epochs", "1"), ("train.lr", "0")];
        let mut training = begin(folder.path(), &sentences, &settings).unwrap();
        training.run(&mut (), &mut ()).unwrap();
        let file = training.finish().unwrap().file;
        assert_eq!(file.config.pointer("/pipeline/crf/scheme"), Some(&scheme.into()));
        let task = TrainedTask::<Tag>::from_file(file).unwrap();
        let words = ["York", "New", "to", "Moon", "now", "Boston", "else"];
        let text: String = (0..60)
            .map(|n| {
                let line: Vec<&str> =
                    (0..n % 9 + 1).map(|t| words[(n * 5 + t * (n % 4 + 1)) % words.len()]).collect();
                line.join("\n") + "\n\n"
            })
            .collect();
        let path = folder.path().join("words.conll");
        std::fs::write(&path, text).unwrap();
        let tags = task.predict(&path).unwrap().predictions.into_iter().map(|prediction| match prediction {
            Prediction::Tags { tags, .. } => tags,
            other => panic!("{other:?}"),
        });
        let tags: Vec<Vec<String>> = tags.collect();
        assert_eq!(tags.len(), 60);
        assert!(tags.iter().flatten().any(|tag| tag != "O"), "{tags:?}");
        let of: sumun::scores::SpanScheme = serde_json::from_value(scheme.into()).unwrap();
        assert!(tags.iter().all(|tags| of.allows(tags)), "{scheme}: {tags:?}");
    }
}

#[test]
fn layers_may_end_in_a_crf_of_a_tagger_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.jsonl");
    write(&path, &SPANS.repeat(4));
    let table = |key: &str, value: &str| setting(key, value).unwrap();
    let config = |task: &str, layers: Vec<LayerConfig>, epochs: &str| {
        let tables = [table("data.train", path.to_str().unwrap()), table("train.epochs", epochs)];
        assert_eq!(task, "tag");
        let mut config = TaskConfig::<Tag>::from_tables(&tables).unwrap();
        config.layers = layers;
        Training::begin(config)
    };
    let network = |last: Vec<LayerConfig>| -> Vec<LayerConfig> {
        let mut layers: Vec<LayerConfig> = vec![
            EmbeddingLayer::new(8).into(),
            RecurrentLayer::gru(8).bidirectional(true).return_sequences(true).into(),
        ];
        layers.extend(last);
        layers
    };
    // O and two tags of each of two types.
    let good = network(vec![DenseLayer::new(5).into(), CrfLayer::new().name("order").into()]);
    let mut training = config("tag", good, "2").unwrap();
    training.run(&mut (), &mut ()).unwrap();
    let file = training.finish().unwrap().file;
    assert!(file.tensors.iter().any(|tensor| {
        tensor.name == "order.transitions" && tensor.values.iter().any(|value| *value != 0.0)
    }));
    let shares = SoftmaxLayer::new();
    for (layers, expected) in [
        (network(vec![DenseLayer::new(4).into(), CrfLayer::new().into()]), "make it a layer of 5 units"),
        (
            network(vec![DenseLayer::new(5).into(), CrfLayer::new().into(), DenseLayer::new(5).into()]),
            "crf chooses the tags of a sentence together and is the last layer of a tagger",
        ),
        (
            network(vec![DenseLayer::new(5).into(), shares.into(), CrfLayer::new().into()]),
            "ends with an activation",
        ),
    ] {
        let message = config("tag", layers, "2").unwrap_err().to_string();
        assert!(message.contains(expected) && !message.contains('\n'), "{message}");
    }
}

/// Requests whose slots only the whole sentence tells apart (`data/slots`).
#[test]
fn spans_are_found_better_by_tags_that_are_chosen_together() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/slots");
    let (train, test) = (format!("{folder}/train.conll"), format!("{folder}/test.conll"));
    let f1 = |crf: &str| {
        let settings = [
            ("data.train", train.as_str()),
            ("data.test", &test),
            ("network.crf", crf),
            ("network.hidden", "32"),
            ("network.embedding", "32"),
            ("train.epochs", "12"),
            ("train.lr", "0.01"),
        ];
        let tables: Vec<_> = settings.iter().map(|(key, value)| setting(key, value).unwrap()).collect();
        let mut training = Training::begin(TaskConfig::<Tag>::from_tables(&tables).unwrap()).unwrap();
        assert_eq!(training.notes().iter().filter(|note| note.contains("scheme")).count(), 0);
        training.run(&mut (), &mut ()).unwrap();
        let trained = training.finish().unwrap();
        let best = |name: &str| trained.epochs[trained.best_epoch - 1].figures[name];
        assert!(trained.epochs.iter().all(|epoch| epoch.figures["span_f1"] <= best("span_f1")));
        let test = trained.measured.last().unwrap();
        assert_eq!((test.part.as_str(), test.examples), ("test", 400));
        let [ours, theirs] = [&test.figures, &test.baseline].map(|figures| figures.headline()[0]);
        assert_eq!((ours.key, theirs.key), ("span_f1", "span_f1"));
        // Of the baselines, that with the most spans is the one to beat.
        assert!(test.other_baselines.iter().all(|other| other.figures.headline()[0].value <= theirs.value));
        assert!(ours.value > theirs.value + 0.2, "{crf}: {} against {}", ours.value, theirs.value);
        ours.value
    };
    let (on, off) = (f1("on"), f1("off"));
    assert!(on > off + 0.03, "{on} together, {off} each by itself");
}
