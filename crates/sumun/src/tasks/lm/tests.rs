//! Language models from the text to what they write.

use std::path::Path;

use super::super::{Baseline, Figures, Sampling, TrainedTask, Training, open_file};
use super::ngrams::KEPT;
use super::*;
use crate::Result;
use crate::forecast::Cell;
use crate::model::ModelFile;
use crate::run::Checkpoint;
use crate::text::PieceKind;
use crate::train::{Ending, LearningRate, StopAfter};

/// A text that says the same again and again.
fn song(lines: usize) -> String {
    (0..lines).map(|n| format!("{} green bottles,\nhanging on the wall.\n", 1 + n % 7)).collect()
}

fn config(folder: &Path, text: &str, level: Level) -> TaskConfig<Lm> {
    let path = folder.join("text.txt");
    std::fs::write(&path, text).unwrap();
    let mut config = TaskConfig::<Lm>::default();
    config.data.train = path;
    config.text.level = level;
    (config.network.hidden, config.network.embedding, config.network.layers) = (12, 6, 2);
    (config.train.epochs, config.train.batch, config.own.chunk) = (Some(2), Some(4), 20);
    config.train.lr = 0.01;
    config
}

fn trained(config: TaskConfig<Lm>) -> (ModelFile, Vec<super::super::Measured>) {
    let mut training = Training::begin(config).unwrap();
    training.run(&mut (), &mut ()).unwrap();
    let trained = training.finish().unwrap();
    (trained.file, trained.measured)
}

/// Left after any step, a training ends with the bits of one that was not: carried state, dropout and all.
#[test]
fn a_training_that_was_left_ends_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    for (cell, level, lines) in [(Cell::Lstm, Level::Char, 12), (Cell::Gru, Level::Subword, 80)] {
        let mut config = config(folder.path(), &song(lines), level);
        config.network.cell = cell;
        config.train.schedule = LearningRate::Cosine;
        (config.own.chunk_jitter, config.own.weight_drop) = (0.3, 0.4);
        let mut whole = Training::begin(config.clone()).unwrap();
        whole.run(&mut (), &mut ()).unwrap();
        let steps = whole.checkpoint().unwrap().snapshot.position.steps() as usize;
        assert!(steps >= 8, "{steps}");
        let expected = whole.finish().unwrap();
        for left in 1..steps {
            let mut training = Training::begin(config.clone()).unwrap();
            let mut keeper = StopAfter::new(left);
            assert_eq!(training.run(&mut (), &mut keeper).unwrap(), Ending::Interrupted);
            let checkpoint = training.checkpoint().unwrap();
            assert_eq!(Some(&checkpoint.snapshot), keeper.saved.as_ref());
            let carried =
                checkpoint.snapshot.buffers.iter().any(|(name, _)| name.starts_with("carried.state."));
            assert_eq!(carried, left % (steps / 2) != 0, "{left}");
            let bytes = checkpoint.to_file().unwrap().to_bytes().unwrap();
            let file = ModelFile::from_bytes("m", &bytes).unwrap();
            let (mut training, notes) =
                Training::<TaskConfig<Lm>>::resume(Checkpoint::from_file(file).unwrap()).unwrap();
            assert!(notes.is_empty());
            training.run(&mut (), &mut ()).unwrap();
            let found = training.finish().unwrap();
            assert_eq!(found.file, expected.file, "{cell} {left}");
            assert_eq!(found.measured, expected.measured);
        }
    }
}

/// What is done to the buffers of a checkpoint.
type Change<'a> = &'a dyn Fn(&mut Vec<(String, Vec<f32>)>);

#[test]
fn a_carried_state_that_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut training = Training::begin(config(folder.path(), &song(12), Level::Char)).unwrap();
    training.run(&mut (), &mut StopAfter::new(2)).unwrap();
    let good = training.checkpoint().unwrap();
    let check = |change: Change, expected: &str| {
        let mut checkpoint = good.clone();
        change(&mut checkpoint.snapshot.buffers);
        let error = Training::<TaskConfig<Lm>>::resume(checkpoint)
            .and_then(|(mut training, _)| training.run(&mut (), &mut ()));
        assert_eq!(error.unwrap_err().to_string(), expected);
    };
    let unfit = "the carried state is not one of this model and batch; train anew";
    let carried = |name: &str| name.starts_with("carried.");
    check(&|buffers| buffers.last_mut().unwrap().1.push(0.0), unfit);
    check(&|buffers| drop(buffers.pop()), unfit);
    check(&|buffers| buffers.last_mut().unwrap().0 = "carried.state.other.cell".into(), unfit);
    check(
        &|buffers| buffers.last_mut().unwrap().0 = "carried.x".into(),
        "nothing carries \"x\" from step to step",
    );
    check(
        &|buffers| buffers.retain(|(name, _)| !carried(name)),
        "there is no state to begin chunk 2 with; train anew",
    );
}

/// The carried state matters: a line is longer than a chunk, and its number is known at its beginning alone.
#[test]
fn a_model_learns_and_writes_what_it_has_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), &song(150), Level::Char);
    (config.network.hidden, config.network.layers, config.network.dropout) = (32, 1, 0.0);
    (config.train.epochs, config.own.chunk, config.data.test) = (Some(12), 10, HeldOut::Share(0.1));
    config.own.ngrams = Switch::Off;
    let text = song(150);
    let (file, measured) = trained(config);
    assert_eq!(measured.iter().map(|m| m.part.as_str()).collect::<Vec<_>>(), ["valid", "test"]);
    for part in &measured {
        let (Figures::Language(model), Figures::Language(baseline)) = (&part.figures, &part.baseline) else {
            panic!("{part:?}")
        };
        // The song says nothing new after eight letters.
        assert!(model.nats < 0.3 && baseline.nats < 0.3, "{part:?}");
        assert_eq!(part.baseline_name, "modified Kneser–Ney, order 8");
        let [Baseline { name, figures: Figures::Language(simplest) }] = &part.other_baselines[..] else {
            panic!("{part:?}")
        };
        assert!(name.contains("as often as in training") && simplest.nats > 2.0, "{part:?}");
        assert!((model.bits_per_character - model.nats / std::f64::consts::LN_2).abs() < 1e-9);
        assert!(part.predictions.is_empty() && part.examples as u64 == model.tokens);
    }
    let total = text.len();
    let held = |share: f64| (total as f64 * share).round() as usize;
    assert_eq!([measured[0].examples, measured[1].examples], [held(0.2) - held(0.1), held(0.1)]);

    let task =
        TrainedTask::<Lm>::from_file(ModelFile::from_bytes("m", &file.to_bytes().unwrap()).unwrap()).unwrap();
    // The same text as a file of its own is measured to the same figures.
    let pipeline = &task.pipeline;
    let test = &text[total - held(0.1)..];
    let path = folder.path().join("test.txt");
    std::fs::write(&path, test.replace('\n', "\r\n")).unwrap();
    let again = pipeline.evaluate(&task.model, "test", &PlainText::read(&path).unwrap()).unwrap();
    // The n-grams that it was measured against are not in the file.
    assert_eq!(again.baseline_name, "each token as often as in training");
    assert_eq!((again.figures, again.unknown), (measured[1].figures.clone(), measured[1].unknown));

    let write = |prompt: &str, how: &Sampling| -> String {
        task.generate(prompt, how).unwrap().collect::<Result<Vec<_>>>().unwrap().concat()
    };
    let greedy = Sampling { length: 60, temperature: 0.0, ..Sampling::default() };
    let written = write("3 green", &greedy);
    assert!(written.starts_with("3 green bottles,\nhanging on the wall.\n"), "{written}");
    assert_eq!(written.chars().count(), "3 green".len() + 60);
    // At length 1 the distribution is a single token, whatever the seed.
    let one = Sampling { top_k: Some(1), temperature: 2.0, seed: 5, ..greedy.clone() };
    assert_eq!(write("3 green", &one), written);
    let free = Sampling { temperature: 1.5, seed: 1, ..greedy.clone() };
    assert_eq!(write("", &free), write("", &free));
    assert_ne!(write("", &free), write("", &Sampling { seed: 2, ..free.clone() }));
    // Many at once: the first is the one alone, and each is itself however many there are.
    let many = |count: usize, how: &Sampling| task.generate_many("3 green", how, count).unwrap();
    let four = many(4, &free);
    assert_eq!((four.len(), &four[0]), (4, &write("3 green", &free)));
    assert_eq!(many(2, &free), four[..2]);
    assert_ne!(four[1], four[2]);
    assert!(four.iter().all(|text| text.starts_with("3 green")));
    // Up to the end of the line, which is left out; a text of a prompt alone has no stop in it.
    let line = Sampling { stop: vec!["\n".into()], ..greedy.clone() };
    assert_eq!(write("3 green", &line), "3 green bottles,");
    assert_eq!(many(3, &line), ["3 green bottles,"; 3]);
    let error = task.generate_many("", &greedy, 0).unwrap_err().to_string();
    assert_eq!(error, "samples is 0; it must be at least 1");
    let error = |prompt, how: &Sampling| task.generate(prompt, how).map(|_| ()).unwrap_err().to_string();
    assert!(error("Δ", &greedy).starts_with("the prompt has the character 'Δ'"));
    assert!(error("", &Sampling { top_k: Some(0), ..greedy.clone() }).starts_with("top_k is 0"));
}

#[test]
fn every_level_learns_and_writes_its_own_kind() {
    let folder = tempfile::tempdir().unwrap();
    let law = "제1조 대한민국은 민주공화국이다.\n대한민국의 주권은 국민에게 있다.\n".repeat(12);
    for (level, text, prompt, length) in [
        (Level::Word, song(80), "green (", 9),
        (Level::Space, song(80), "green", 9),
        (Level::Subword, song(80), "é green ", 9),
        (Level::Jamo, law, "대하", 90),
    ] {
        let mut config = config(folder.path(), &text.replace("green bottles", "green ( bottles )"), level);
        config.train.epochs = Some(10);
        let (file, measured) = trained(config);
        // The n-grams know such a song after one reading.
        let (Figures::Language(model), Figures::Language(simplest)) =
            (&measured[0].figures, &measured[0].other_baselines[0].figures)
        else {
            panic!("{measured:?}")
        };
        assert!(model.nats < simplest.nats, "{level} {measured:?}");
        // Words and letters of Hangul are counted in characters all the same.
        let characters = model.nats * model.tokens as f64 / std::f64::consts::LN_2 / model.bits_per_character;
        let held = text.replace("green bottles", "green ( bottles )").chars().count() as f64 * 0.1;
        assert!((characters - held).abs() < 12.0, "{level} {characters} {held}");
        let task = TrainedTask::<Lm>::from_file(file).unwrap();
        let how = Sampling { length, temperature: 0.7, ..Sampling::default() };
        let pieces: Vec<String> = task.generate(prompt, &how).unwrap().collect::<Result<_>>().unwrap();
        assert!(pieces.iter().all(|piece| !piece.is_empty()));
        let written = pieces.concat();
        assert!(!written.contains("<UNK>") && !written.contains("<PAD>"), "{written}");
        match level {
            Level::Jamo => {
                let hangul = written.chars().filter(|c| ('가'..='힣').contains(c)).count();
                assert!(hangul > 10 && written.starts_with('대'), "{written}");
            }
            _ => assert!(written.starts_with(prompt), "{written}"),
        }
    }
}

/// Word pieces are in the file, which is refused where they are not those of its vocabulary; nothing is unknown to them, and the
/// text that is written has the spaces of the prompt and of the pieces.
#[test]
fn word_pieces_are_kept_and_nothing_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    for kind in [PieceKind::Bpe, PieceKind::Unigram] {
        let mut config = config(folder.path(), &song(80), Level::Subword);
        (config.text.pieces, config.text.vocabulary) = (Some(kind), Some(330));
        config.train.epochs = Some(1);
        let (file, _) = trained(config);
        let file = ModelFile::from_bytes("m", &file.to_bytes().unwrap()).unwrap();
        let task = TrainedTask::<Lm>::from_file(file.clone()).unwrap();
        let tokens = &task.pipeline.tokens;
        assert!(tokens.vocabulary.len() <= 330 && tokens.tokenizer.pieces().unwrap().kind() == kind);
        let other = "Ein Lied: 3 grüne Flaschen\n";
        let path = folder.path().join("other.txt");
        std::fs::write(&path, other).unwrap();
        let measured = task.evaluate(&path).unwrap();
        assert_eq!(measured.unknown.map(|unknown| unknown.count), Some(0));
        let ids = tokens.encode(other).unwrap();
        let mut writer = Writer::new(&tokens.tokenizer);
        let mut text: String =
            ids.iter().map(|&id| writer.token(tokens.vocabulary.token(id).unwrap())).collect();
        text += &writer.finish();
        assert_eq!(text, other);
        let how = Sampling { length: 12, temperature: 1.0, ..Sampling::default() };
        let write = |prompt: &str| -> String {
            task.generate(prompt, &how).unwrap().collect::<Result<Vec<_>>>().unwrap().concat()
        };
        let written = write("3 green ");
        assert!(written.starts_with("3 green ") && !written.starts_with("3 green  "), "{written:?}");
        assert!(write("ü ").starts_with("ü "));
        let mut wrong = file;
        wrong.config["pipeline"]["tokens"]["vocabulary"]["tokens"][270] = "\u{7}".into();
        let error = TrainedTask::<Lm>::from_file(wrong).unwrap_err().to_string();
        assert!(error.ends_with("its vocabulary is not that of its word pieces"), "{error}");
    }
    let check = |change: &dyn Fn(&mut TaskConfig<Lm>), expected: &str| {
        let mut config = config(folder.path(), &song(12), Level::Char);
        change(&mut config);
        let error = Lm::check(&config).unwrap_err().to_string();
        assert_eq!(error, expected);
    };
    check(
        &|config| config.text.pieces = Some(PieceKind::Bpe),
        "pieces is for word pieces; give level = subword too",
    );
    check(
        &|config| (config.text.level, config.text.vocabulary) = (Level::Subword, Some(100)),
        "vocabulary is 100; it must be from 300 to 262144 word pieces, 256 for bytes included",
    );
    check(
        &|config| (config.text.level, config.text.vectors) = (Level::Subword, Some("v".into())),
        "vectors is for words, but tokens are word pieces; leave it out, or give level = word",
    );
    check(
        &|config| {
            (config.text.level, config.text.tokenizer) = (Level::Subword, Some("t.json".into()));
            config.text.vocabulary = Some(400);
        },
        "vocabulary is for word pieces that are learnt, but tokenizer names a file of them; leave one of the two out",
    );
}

#[test]
fn texts_that_cannot_be_learnt_from_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str, change: &dyn Fn(&mut TaskConfig<Lm>), expected: &str| {
        let mut config = config(folder.path(), text, Level::Char);
        change(&mut config);
        let error = Training::begin(config).err().map_or_else(|| "none".into(), |error| error.to_string());
        assert!(error.ends_with(expected) && !error.contains('\n'), "{error}");
    };
    check("", &|_| (), "text.txt: there is no text in it; give a file that has some");
    check(
        "too short a text.",
        &|_| (),
        "text.txt: the training part has 15 tokens, fewer than a chunk of 20; give a longer text or a smaller chunk",
    );
    check(
        &song(3),
        &|config| config.data.valid = HeldOut::Share(0.001),
        "the valid part, 0.001 of 114 characters, has no text; hold out a larger share, or 0",
    );
    check(
        &song(3),
        &|config| config.data.test = HeldOut::Share(0.95),
        "valid = 0.1 and test = 0.95 leave nothing to train on; they must be below 1 together",
    );
    check(
        &song(3),
        &|config| config.data.test = HeldOut::File("no.txt".into()),
        "no.txt: there is no such file; check the path",
    );
    check(
        &song(3),
        &|config| config.text.min_count = 1000,
        "no token of the training part is seen 1000 times; give a longer text or a smaller min_count",
    );
}

/// A step never holds the logits of all its tokens, here 8 GB: it was refused when it did.
#[test]
fn a_step_with_more_logits_than_memory_is_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let many: String = ('가'..='힣').cycle().take(400_000).collect();
    let mut config = config(folder.path(), &many, Level::Char);
    (config.train.batch, config.own.chunk) = (Some(100), 1800);
    assert_eq!(Training::begin(config).unwrap().config().own.chunk, 1800);
}

/// A model file keeps the n-grams of a short text alone, and one that has none of a long text says so.
#[test]
fn a_file_without_ngrams_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (mut file, measured) = trained(config(folder.path(), &song(12), Level::Char));
    assert_eq!(measured[0].baseline_name, "modified Kneser–Ney, order 8");
    let path = folder.path().join("more.txt");
    std::fs::write(&path, song(20)).unwrap();
    let task = TrainedTask::<Lm>::from_file(file.clone()).unwrap();
    assert!(task.evaluate(&path).unwrap().notes.is_empty());
    for name in ["ngrams", "share"] {
        drop(file.config["pipeline"].as_object_mut().unwrap().remove(name).unwrap());
    }
    file.config["pipeline"]["counts"][5] = (KEPT + 1).into();
    let again = TrainedTask::<Lm>::from_file(file).unwrap().evaluate(&path).unwrap();
    assert_eq!(again.baseline_name, "each token as often as in training");
    let expected = "Kneser–Ney, the better baseline, is not there: a model file keeps the n-grams of at most 1,048,576 tokens";
    assert!(again.notes.iter().any(|note| note.starts_with(expected)), "{:?}", again.notes);
}

/// A network that learnt little and the n-grams of a text that says the same again and again are better together than alone, in
/// every figure, score, prediction and file.
#[test]
fn ngrams_answer_together_with_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let with = |change: &dyn Fn(&mut TaskConfig<Lm>)| {
        let mut config = config(folder.path(), &song(40), Level::Char);
        change(&mut config);
        trained(config)
    };
    let nats = |figures: &Figures| match figures {
        Figures::Language(figures) => figures.nats,
        _ => panic!("{figures:?}"),
    };
    let (alone, measured_alone) = with(&|config| config.own.ngrams = Switch::Off);
    let (mut file, measured) = with(&|_| ());
    // The training text cannot be read from a file that is to have no n-grams.
    assert!(["share", "ngrams"].iter().all(|name| alone.config["pipeline"].get(name).is_none()));
    let share = file.config["pipeline"]["share"].as_f64().unwrap();
    assert!((0.0..0.5).contains(&share), "{share}");
    let one = &measured[0];
    let names: Vec<&str> = one.other_baselines.iter().map(|other| other.name.as_str()).collect();
    assert_eq!(one.baseline_name, "modified Kneser–Ney, order 8");
    assert!(names.contains(&"the network alone"), "{names:?}");
    assert!(nats(&one.figures) <= nats(&one.baseline) + 0.02);
    let network = one.other_baselines.iter().find(|other| other.name == "the network alone").unwrap();
    assert!((nats(&network.figures) - nats(&measured_alone[0].figures)).abs() < 1e-12);

    // How probable tokens are found, in a text and in its lines, each alone.
    let share = 0.4;
    file.config["pipeline"]["share"] = share.into();
    let text = "3 green bottles,\nhanging";
    let path = folder.path().join("more.txt");
    std::fs::write(&path, text).unwrap();
    let tokens = |file: &ModelFile| {
        let task = TrainedTask::<Lm>::from_file(file.clone()).unwrap();
        let predicted = task.predict(&path).unwrap();
        let super::super::Prediction::Tokens { log_probabilities, .. } = &predicted.predictions[0] else {
            panic!("{predicted:?}")
        };
        (log_probabilities.clone(), task.score_lines(&path).unwrap().lines)
    };
    let ((each, lines), (each_alone, _)) = (tokens(&file), tokens(&alone));
    let pipeline = &TrainedTask::<Lm>::from_file(file.clone()).unwrap().pipeline;
    let ids = pipeline.tokens.encode(text).unwrap();
    let ngrams = pipeline.ngrams.log_probabilities(&pipeline.tokens, &ids).unwrap();
    for ((found, network), ngrams) in each.iter().zip(&each_alone).zip(&ngrams) {
        let expected = (share * network.exp() + (1.0 - share) * ngrams.exp()).ln();
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }
    let first: f64 = each[..17].iter().sum();
    assert!((lines[0].log_probability - first).abs() < 1e-6, "{lines:?} {first}");

    // What is written has the same probabilities: at a temperature of 0 the song, which the network does not know.
    let how = Sampling { temperature: 0.0, length: 30, ..Sampling::default() };
    let write = |file: ModelFile| {
        let task = TrainedTask::<Lm>::from_file(file).unwrap();
        let written = task.generate("3 gre", &how).unwrap();
        written.collect::<Result<String>>().unwrap()
    };
    assert_eq!(write(file), "3 green bottles,\nhanging on the wal");
    assert_ne!(write(alone), "3 green bottles,\nhanging on the wal");
}

#[test]
fn ngrams_that_cannot_answer_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), &song(12), Level::Char);
    (config.own.ngrams, config.data.valid) = (Switch::On, HeldOut::Share(0.0));
    let error = Training::begin(config.clone()).unwrap_err().to_string();
    let expected = "ngrams is on, but how much n-grams count is fitted on a validation part, and there is none; give valid";
    assert_eq!(error, expected);
    config.own.ngrams = Switch::Auto;
    let (file, _) = trained(config);
    assert!(file.config["pipeline"].get("share").is_none());
}

/// Models of words and of letters are compared by what it takes to say all of a text: what an unknown word is, too.
#[test]
fn unknown_tokens_are_spelled_in_bits_per_character() {
    let folder = tempfile::tempdir().unwrap();
    for level in [Level::Word, Level::Char] {
        let mut config = config(folder.path(), &song(40), level);
        (config.train.epochs, config.own.chunk) = (Some(1), 10);
        let (file, _) = trained(config);
        let task = TrainedTask::<Lm>::from_file(file).unwrap();
        let bits = |text: &str| {
            let path = folder.path().join("more.txt");
            std::fs::write(&path, text).unwrap();
            let measured = task.evaluate(&path).unwrap();
            let Figures::Language(figures) = measured.figures else { panic!("{measured:?}") };
            assert_eq!(figures.vocabulary, task.pipeline.vocabulary() as u64);
            let tokens = figures.nats * figures.tokens as f64 / std::f64::consts::LN_2;
            (
                figures.bits_per_character * text.chars().count() as f64 - tokens,
                measured.unknown.unwrap().count,
            )
        };
        let (known, none) = bits("1 green bottles,\n");
        assert!(known.abs() < 1e-9 && none == 0, "{known}");
        let (letter, one) = bits("ñ");
        // One of all characters of Unicode, and where words are tokens that it is another letter, and ends.
        assert!(letter >= 20.0 && one == 1, "{letter}");
        if level == Level::Word {
            // Letters as the known words have them take few bits, others more.
            let ((like, _), (unlike, _)) = (bits("greens"), bits("xqzvjk"));
            assert!(0.0 < like && like < 30.0 && unlike > like + 20.0, "{like} {unlike}");
        }
    }
}

#[test]
fn what_is_noticed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{}Zebra!\n", song(6));
    let mut config = config(folder.path(), &text, Level::Char);
    (config.train.batch, config.text.vocabulary) = (Some(64), Some(10));
    let training = Training::begin(config).unwrap();
    let notes = training.notes();
    assert_eq!(notes.len(), 3, "{notes:?}");
    assert!(notes[0].contains("tokens of the training part are too rare to be in the vocabulary of 10"));
    assert!(notes[1].contains("tokens of the valid part are not in the vocabulary"));
    assert!(
        notes[2].ends_with("so a batch has 10 sequences instead of 64: each has at least a chunk of 20"),
        "{notes:?}"
    );
}

#[test]
fn a_file_that_holds_no_language_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (good, _) = trained(config(folder.path(), &song(12), Level::Char));
    let check = |change: &dyn Fn(&mut ModelFile), expected: &str| {
        let mut file = good.clone();
        change(&mut file);
        let error = open_file("m", file).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains('\n'), "{error}");
    };
    check(&|file| file.task = "classify".into(), "its pipeline is not one for classify");
    check(&|file| file.config["pipeline"]["ngrams"][7] = 999.into(), "its n-grams have the token 999 of");
    check(
        &|file| file.config["pipeline"]["ngrams"] = vec![2; KEPT + 1].into(),
        "its n-grams are those of 1048577 tokens, of 1048576 at most",
    );
    check(
        &|file| file.config["pipeline"]["share"] = 1.5.into(),
        "the network has 1.5 of an answer beside its n-grams, which cannot be",
    );
    check(
        &|file| {
            file.config["pipeline"]["share"] = 0.5.into();
            drop(file.config["pipeline"].as_object_mut().unwrap().remove("ngrams"));
        },
        "the network has 0.5 of an answer beside its n-grams, which cannot be",
    );
    check(&|file| drop(file.config["pipeline"]["counts"].as_array_mut().unwrap().pop()), "tokens, but");
    check(
        &|file| drop(file.config["pipeline"]["tokens"]["vocabulary"]["tokens"].as_array_mut().unwrap().pop()),
        "tokens, but",
    );
    check(
        &|file| {
            drop(file.config["pipeline"]["tokens"]["vocabulary"]["tokens"].as_array_mut().unwrap().pop());
            drop(file.config["pipeline"]["counts"].as_array_mut().unwrap().pop());
        },
        "but its pipeline gives Ids",
    );
    check(
        &|file| {
            let layers = file.config["model"]["layers"].as_array_mut().unwrap();
            let layer = layers.iter_mut().find(|layer| layer["kind"] == "lstm").unwrap();
            layer["return_sequences"] = false.into();
        },
        "does not read forwards and return a row at every step",
    );
}
