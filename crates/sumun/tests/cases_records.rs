//! Small files of the kinds that people have: what is read of each, or the error, and that no other way of writing the same
//! file is read as something else.

use std::path::{Path, PathBuf};

use sumun::records::{Input, RecordSpec, Records, Tagged, TaggedSpec};
use sumun::tasks::{
    AnyTraining, Evaluated, Figures, Measured, Outcome, Predicted, Prediction, Predictions, Request,
    TrainedModel, named, setting,
};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name)
}

fn begin(task: &str, file: &str, settings: &[(&str, &str)]) -> sumun::Result<Box<dyn AnyTraining>> {
    let mut small = vec![("data.train", file), ("network.hidden", "4"), ("train.epochs", "1")];
    if task == "lm" {
        small.extend([("network.layers", "1"), ("train.chunk", "20"), ("train.batch", "4")]);
    }
    let tables: Vec<_> =
        small.iter().chain(settings).map(|(key, value)| setting(key, value).unwrap()).collect();
    named(task)?.configure(&tables)?.begin()
}

/// Trains for an epoch, and measures on the parts that are held out.
fn measured(mut training: Box<dyn AnyTraining>) -> (Box<dyn Outcome>, Vec<Measured>) {
    training.run(&mut (), &mut ()).unwrap();
    let outcome = training.finish().unwrap();
    let figures = outcome.evaluated().into_iter().filter_map(|part| match part {
        Evaluated::Figures(measured) => Some(*measured),
        Evaluated::Forecasts { .. } | Evaluated::Panel { .. } => None,
    });
    let figures = figures.collect();
    (outcome, figures)
}

fn trained(task: &str, file: &Path, settings: &[(&str, &str)]) -> Box<dyn TrainedModel> {
    let (outcome, _) = measured(begin(task, file.to_str().unwrap(), settings).unwrap());
    named(task).unwrap().open("model", outcome.model_file().unwrap()).unwrap()
}

fn predict(model: &dyn TrainedModel, file: &Path) -> sumun::Result<Predictions> {
    match model.predict(&Request { file: Some(file), ..Request::default() })? {
        Predicted::Records(answers) => Ok(answers),
        Predicted::Ahead { .. } | Predicted::Panel(_) => panic!("a forecast"),
    }
}

/// A task, a file, settings, and what is said.
type Said<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

/// What is said before the first step: the notes, or the error.
#[test]
fn what_is_read_is_said() {
    let xpos = ("data.tags", "XPOS");
    let cases: [Said; 18] = [
        (
            "classify",
            "c15_label_continuous.csv",
            &[],
            &[
                "the label is a number with 60 values",
                "with the task regress",
                "threshold",
                "write classes as words",
            ],
        ),
        ("regress", "c15_label_continuous.csv", &[], &[]),
        ("classify", "c15_label_continuous.csv", &[("data.threshold", "0.5")], &[]),
        (
            "classify",
            "q07_label_variants.csv",
            &[],
            &["the labels 'No', 'no'; 'YES', 'Yes', 'yes' differ only in case"],
        ),
        (
            "classify",
            "q04_only_id_text.csv",
            &[],
            &["which field is read? no field but the label is a text", "'date' holds times"],
        ),
        (
            "classify",
            "c34b_time_channel_equal.jsonl",
            &[],
            &["20 channels, 2 steps; more channels than steps are rare", "set x_layout to time-channel"],
        ),
        ("classify", "c34b_time_channel_equal.jsonl", &[("data.x_layout", "time-channel")], &[]),
        ("classify", "y12_ts_ucr.txt", &[], &["no header; every row is a sequence", "a label, column 1"]),
        ("classify", "c36_fasttext.txt", &[], &["fastText's form"]),
        (
            "tag",
            "t14_conllu_spaces.conllu",
            &[],
            &[
                "CoNLL-U, 10 columns: the tokens are FORM (column 2, 'Elsa'), the tags UPOS (column 4, 'PROPN')",
            ],
        ),
        (
            "tag",
            "t11_conllu_underscore_tags.conllu",
            &[],
            &["the tags XPOS (column 5, 'NNP'), because UPOS (column 4) is '_' for 56 of 160 tokens"],
        ),
        ("tag", "t11_conllu_underscore_tags.conllu", &[xpos], &["the tokens are FORM"]),
        ("tag", "t11_conllu_underscore_tags.conllu", &[("data.tags", "10")], &["the tokens are FORM"]),
        (
            "tag",
            "t21_nbsp_token.txt",
            &[],
            &["4 columns: the tokens are column 1 ('Elsa'), the tags column 4 ('B-PER')"],
        ),
        (
            "tag",
            "t19_csv_kaggle.csv",
            &[],
            &["the tokens are column 'Word', the tags 'Tag'; 'Sentence #' says where a sentence begins"],
        ),
        ("lm", "l03_cr_only.txt", &[], &["lines end with CR alone, which is read as the end of a line"]),
        ("lm", "l14_combining.txt", &[], &["accents that stood apart are one character with their letters"]),
        ("lm", "l14_combining.txt", &[("text.normalize", "none")], &[]),
    ];
    for (task, file, settings, expected) in cases {
        let said = match begin(task, case(file).to_str().unwrap(), settings) {
            Ok(training) => training.notes().join("\n"),
            Err(error) => error.to_string(),
        };
        for part in expected {
            assert!(said.contains(part), "{task} {file}: {said}");
        }
        assert!(!expected.is_empty() || !said.contains(file), "{task} {file}: {said}");
    }
}

/// Of records, a line each; of sentences, tokens and tags.
fn records(name: &str, content: &[u8]) -> Result<Vec<String>, String> {
    let spec = RecordSpec { require_label: true, ..RecordSpec::default() };
    let read = Records::from_reader(name, content, &spec).map_err(|error| error.to_string())?;
    let shown = |record: &sumun::records::Record| match &record.input {
        Input::Text(text) => format!("{text} | {:?}", record.label),
        Input::Numbers { steps, channels, values } => {
            format!("{steps} x {channels}: {values:?} | {:?}", record.label)
        }
    };
    Ok(read.records.iter().map(shown).collect())
}

fn sentences(name: &str, content: &[u8]) -> Result<Vec<String>, String> {
    let spec = TaggedSpec { require_tags: true, ..TaggedSpec::default() };
    let read = Tagged::from_reader(name, content, &spec).map_err(|error| error.to_string())?;
    Ok(read.sentences.iter().map(|one| format!("{:?} {:?}", one.tokens, one.tags)).collect())
}

type Read = fn(&str, &[u8]) -> Result<Vec<String>, String>;

#[test]
fn what_is_read_is_what_is_there() {
    let first = |read: Read, file: &str| {
        let all = read(file, &std::fs::read(case(file)).unwrap()).unwrap();
        (all.len(), all[0].clone())
    };
    let cases: [(Read, &str, usize, &str); 8] = [
        (
            records,
            "y12_ts_ucr.txt",
            40,
            "10 x 1: [0.134, 0.847, 0.764, 0.255, 0.495, 0.449, 0.652, 0.789, 0.094, 0.028] | Some(\"1\")",
        ),
        (records, "c36_fasttext.txt", 60, "boring film number 0 | Some(\"neg\")"),
        (
            sentences,
            "t14_conllu_spaces.conllu",
            40,
            r#"["Elsa", "leaves", "Oslo", "."] Some(["PROPN", "VERB", "PROPN", "PUNCT"])"#,
        ),
        (
            sentences,
            "t11_conllu_underscore_tags.conllu",
            40,
            r#"["Omar", "leaves", "Oslo", "."] Some(["NNP", "VBZ", "NNP", "."])"#,
        ),
        (
            sentences,
            "t21_nbsp_token.txt",
            40,
            r#"["Elsa", "leaves", "Os\u{a0}lo", "."] Some(["B-PER", "O", "B-LOC", "O"])"#,
        ),
        (
            sentences,
            "t19_csv_kaggle.csv",
            40,
            r#"["Omar", "visits", "Quito", "."] Some(["B-PER", "O", "B-LOC", "O"])"#,
        ),
        (
            sentences,
            "t01_conll2003.txt",
            40,
            r#"["Elsa", "visits", "Oslo", "."] Some(["B-PER", "O", "B-LOC", "O"])"#,
        ),
        (
            sentences,
            "t04_bioes.txt",
            40,
            r#"["Joon", "likes", "Ghent", "."] Some(["S-PER", "O", "S-LOC", "O"])"#,
        ),
    ];
    for (read, file, count, expected) in cases {
        assert_eq!(first(read, file), (count, expected.to_owned()), "{file}");
    }
}

/// A table with its columns turned round; none of the files has a comma within a cell.
fn columns_reversed(content: &str) -> String {
    let line = |line: &str| line.split(',').rev().collect::<Vec<_>>().join(",");
    content.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

/// The same file written in another way is read as the same, or is an error: never as something else.
#[test]
fn no_way_of_writing_a_file_makes_another_of_it() {
    let files: [(Read, &str); 11] = [
        (records, "q07_label_variants.csv"),
        (records, "c15_label_continuous.csv"),
        (records, "c34b_time_channel_equal.jsonl"),
        (records, "y12_ts_ucr.txt"),
        (records, "c36_fasttext.txt"),
        (sentences, "t14_conllu_spaces.conllu"),
        (sentences, "t11_conllu_underscore_tags.conllu"),
        (sentences, "t21_nbsp_token.txt"),
        (sentences, "t19_csv_kaggle.csv"),
        (sentences, "t01_conll2003.txt"),
        (sentences, "t04_bioes.txt"),
    ];
    for (read, file) in files {
        let content = std::fs::read_to_string(case(file)).unwrap();
        let expected = read(file, content.as_bytes()).unwrap();
        let mut ways = vec![
            ("CR LF", content.replace('\n', "\r\n")),
            ("CR", content.replace('\n', "\r")),
            ("BOM", format!("\u{feff}{content}")),
            ("no line end at the end", content.trim_end().to_owned()),
        ];
        if file.ends_with(".csv") {
            ways.push(("columns reversed", columns_reversed(&content)));
            ways.push(("semicolons", content.replace(',', ";")));
        }
        for (way, written) in ways {
            match read(file, written.as_bytes()) {
                Ok(found) => assert_eq!(found, expected, "{file}, {way}"),
                Err(error) => panic!("{file}, {way}: {error}"),
            }
        }
    }
}

#[test]
fn what_is_predicted_from_is_read_as_people_write_it() {
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    // A raw sentence for a tagger.
    let tagger = trained("tag", &case("t01_conll2003.txt"), &[]);
    for (file, expected) in [
        (case("t31_raw_sentence.txt"), vec![vec!["Mina", "visits", "Oslo", "."]]),
        (
            written("raw.txt", "Mina visits Oslo.\nElsa visits Mina .\n"),
            vec![vec!["Mina", "visits", "Oslo", "."], vec!["Elsa", "visits", "Mina", "."]],
        ),
        (written("columns.txt", "Mina NNP I-NP B-PER\nvisits VBZ I-VP O\n"), vec![vec!["Mina", "visits"]]),
        (written("tokens.txt", "Mina\nvisits\n\nOslo\n"), vec![vec!["Mina", "visits"], vec!["Oslo"]]),
    ] {
        assert_eq!(predict(&*tagger, &file).unwrap().tokens, expected, "{}", file.display());
    }

    // Lines of text, and empty ones, for a classifier.
    let classifier = trained("classify", &case("c36_fasttext.txt"), &[]);
    let answers =
        predict(&*classifier, &written("lines.txt", "boring film\n\nreally enjoyed it, again\n\n")).unwrap();
    let unknown: Vec<bool> =
        answers.predictions.iter().map(|answer| matches!(answer, Prediction::Unknown { .. })).collect();
    assert_eq!(unknown, [false, true, false]);
    assert_eq!(answers.beside.rows[2], ["really enjoyed it, again"]);
    assert!(answers.notes.iter().any(|note| note.contains("1 of 3 texts have nothing to read")));
    let table = predict(&*classifier, &written("t.csv", "id,text,label\n7,boring film,x\n8,,\n")).unwrap();
    assert_eq!(table.beside.names, ["id", "text", "label"]);
    assert_eq!(table.beside.rows, [["7", "boring film", "x"], ["8", "", ""]]);
    assert!(matches!(table.predictions[1], Prediction::Unknown { line: 3 }));
    let other =
        predict(&*classifier, &written("o.csv", "id,review\n7,boring film\n8,good one\n")).unwrap_err();
    assert!(other.to_string().contains("there is no field 'text'"), "{other}");

    // Rows without labels for a model of rows with them.
    let rows = trained("classify", &case("y12_ts_ucr.txt"), &[]);
    let bare = written("bare.tsv", "0.1\t0.2\t0.3\t0.4\t0.5\t0.6\t0.7\t0.8\t0.9\t1.0\n");
    assert_eq!(predict(&*rows, &bare).unwrap().predictions.len(), 1);
    let shorter = written("shorter.tsv", "0.1\t0.2\t0.3\n");
    assert!(predict(&*rows, &shorter).unwrap_err().to_string().contains("3 numbers"));

    // How probable each token is, of a language model, in whatever form the text comes.
    let lm = trained("lm", &case("l14_combining.txt"), &[]);
    let [apart, composed] =
        ["e\u{301}t\re\u{301}", "ét\né"].map(|text| predict(&*lm, &written("t.txt", text)).unwrap());
    assert_eq!(apart.predictions, composed.predictions);
    let Prediction::Tokens { tokens, log_probabilities } = &composed.predictions[0] else {
        panic!("{composed:?}")
    };
    assert_eq!(tokens, &["é", "t", "\n", "é"]);
    assert!(log_probabilities.iter().all(|p| *p < 0.0) && composed.unknown.unwrap().count == 0);
}

/// What was not learnt counts as wrong, on every part.
#[test]
fn labels_that_were_not_learnt_are_wrong_answers() {
    let folder = tempfile::tempdir().unwrap();
    let held = folder.path().join("held.txt");
    std::fs::write(&held, "__label__neg boring film\n__label__maybe great acting here\n").unwrap();
    let parts = [("data.valid", held.to_str().unwrap()), ("data.test", "0")];
    let training = begin("classify", case("c36_fasttext.txt").to_str().unwrap(), &parts).unwrap();
    let said = training.notes().join("\n");
    assert!(
        said.contains("valid: 1 of 2 labels are none that were learnt, and count as wrong: 'maybe' (1)"),
        "{said}"
    );
    let (_, parts_measured) = measured(training);
    let Figures::Classification(figures) = &parts_measured[0].figures else { panic!() };
    assert_eq!(
        (figures.count, parts_measured[0].classes.clone()),
        (2, ["neg", "pos", "maybe"].map(String::from).to_vec())
    );
    assert_eq!(figures.confusion[2].iter().sum::<u64>(), 1);
    std::fs::write(&held, "__label__x boring film\n").unwrap();
    let error =
        begin("classify", case("c36_fasttext.txt").to_str().unwrap(), &parts).unwrap_err().to_string();
    assert!(error.contains("1 of 1 labels are none that were learnt"), "{error}");

    std::fs::write(&held, "Mina NNP I-NP B-PER\nsings VBZ I-VP B-NEW\n").unwrap();
    let training = begin("tag", case("t01_conll2003.txt").to_str().unwrap(), &parts).unwrap();
    let said = training.notes().join("\n");
    assert!(
        said.contains("valid: 1 of 2 tags are none that were learnt, and count as wrong: 'B-NEW' (1)"),
        "{said}"
    );
    let (_, parts_measured) = measured(training);
    let Figures::Tagging(figures) = &parts_measured[0].figures else { panic!() };
    assert!(figures.tokens.accuracy <= 0.5 && figures.spans.is_some());
    // Spans of tags that say where they end, too.
    let (_, parts_measured) = measured(begin("tag", case("t04_bioes.txt").to_str().unwrap(), &[]).unwrap());
    assert!(
        parts_measured.iter().all(|part| matches!(&part.figures, Figures::Tagging(f) if f.spans.is_some()))
    );
}

/// Rows of recordings: two channels of six steps each, classes `a` and `b` in turn.
fn long_rows(recordings: usize) -> Vec<String> {
    let mut rows = Vec::new();
    for recording in 0..recordings {
        for step in 0..6 {
            let (x, y) = (recording * 10 + step, (step * step) as f64 / 2.0);
            rows.push(format!("r{recording},{step},{x},{y},{}", ["a", "b"][recording % 2]));
        }
    }
    rows
}

#[test]
fn recordings_of_sensors_are_sequences() {
    let header = "recording,time,ax,ay,label\n";
    let long = header.to_owned() + &long_rows(4).join("\n");
    let read = |name: &str, content: &str| records(name, content.as_bytes());
    let expected = read("long.csv", &long).unwrap();
    assert_eq!(expected.len(), 4);
    assert!(expected[1].starts_with("6 x 2: [10.0, 0.0, 11.0, 0.5,"), "{}", expected[1]);
    assert!(expected[1].ends_with("| Some(\"b\")"));
    // Rows and columns in another order are the same recordings.
    let mut rows = long_rows(4);
    rows.rotate_left(9);
    rows.reverse();
    let mut shuffled = read("long.csv", &(header.to_owned() + &rows.join("\n"))).unwrap();
    shuffled.sort();
    assert_eq!(shuffled, expected);
    assert_eq!(read("long.csv", &columns_reversed(&long)).unwrap(), expected);

    // Steps in columns, whatever the order of the columns.
    let names: Vec<String> = (0..12).map(|step| format!("t{step}")).collect();
    let values = |from: usize| (from..from + 12).map(|v| v.to_string()).collect::<Vec<_>>().join(",");
    let wide = format!("{},label\n{},up\n{},down\n", names.join(","), values(0), values(5));
    let rows = read("wide.csv", &wide).unwrap();
    assert!(
        rows[0].starts_with("12 x 1: [0.0, 1.0, 2.0, 3.0,") && rows[0].ends_with("11.0] | Some(\"up\")"),
        "{rows:?}"
    );
    assert_eq!(read("wide.csv", &columns_reversed(&wide)).unwrap(), rows);

    // Windows know their recordings.
    let spec = RecordSpec { require_label: true, window: Some(3), stride: Some(1), ..RecordSpec::default() };
    let windows = Records::from_reader("long.csv", long.as_bytes(), &spec).unwrap();
    assert_eq!(windows.groups, (0..4).flat_map(|recording| [recording; 4]).collect::<Vec<_>>());
    assert!(
        windows.notes.iter().any(|note| note.contains("16 windows of 3 steps, 1 apart, from 4 recordings"))
    );

    for (content, spec, expected) in [
        (
            "recording,ax,label\n1,2,a\n1,3,b\n",
            RecordSpec::default(),
            "recording '1' has the label 'a' in row 2 but 'b' in row 3",
        ),
        (
            "recording,time,ax,label\n1,0,2,a\n1,0,3,a\n",
            RecordSpec::default(),
            "recording '1' has the time '0' twice",
        ),
        (
            "recording,ax,label\n1,2,a\n1,,a\n",
            RecordSpec::default(),
            "row 3, column 'ax': there is no number",
        ),
        (
            "ax,ay,label\n1,2,a\n2,3,a\n",
            RecordSpec::default(),
            "which field is read? no field but the label is a text",
        ),
        (
            "ax,ay,label\n1,2,a\n2,3,a\n",
            RecordSpec { window: Some(3), ..RecordSpec::default() },
            "no recording is as long as a window of 3 steps",
        ),
    ] {
        let spec = RecordSpec { require_label: true, ..spec };
        let message = Records::from_reader("f.csv", content.as_bytes(), &spec).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_folder_is_a_record_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (class, rise) in [("up", 1), ("down", -1)] {
        std::fs::create_dir_all(root.join("tables").join(class)).unwrap();
        std::fs::create_dir_all(root.join("texts").join(class)).unwrap();
        for file in 0..12 {
            let rows: Vec<String> = (0..8).map(|step| format!("{step},{},{file}", rise * step)).collect();
            let table = root.join(format!("tables/{class}/{file:02}.csv"));
            std::fs::write(table, format!("t,v,w\n{}\n", rows.join("\n"))).unwrap();
            let text = root.join(format!("texts/{class}/{file:02}.txt"));
            std::fs::write(text, format!("the level goes {class}\nfor the {file} time\n")).unwrap();
        }
    }
    let spec = RecordSpec { require_label: true, ..RecordSpec::default() };
    let tables = Records::read(root.join("tables"), &spec).unwrap();
    assert_eq!((tables.records.len(), tables.channels()), (24, Some(2)));
    assert_eq!(tables.records[0].label.as_deref(), Some("down"));
    let texts = Records::read(root.join("texts"), &spec).unwrap();
    assert_eq!(texts.records[12].input, Input::Text("the level goes up\nfor the 0 time".into()));

    // An encoding that is named holds for every file.
    let russian = root.join("russian");
    std::fs::create_dir_all(russian.join("up")).unwrap();
    std::fs::write(russian.join("up/0.txt"), b"\xcf\xf0\xe8\xe2\xe5\xf2").unwrap();
    let options = sumun::data::ReadOptions { encoding: Some("windows-1251".into()), ..Default::default() };
    let texts = Records::read_with(&russian, &spec, &options).unwrap();
    assert_eq!(texts.records[0].input, Input::Text("Привет".into()));
    let options = sumun::data::ReadOptions { encoding: Some("no-such".into()), ..Default::default() };
    assert!(Records::read_with(&russian, &spec, &options).is_err());

    // Trained on windows, it answers for those of one file; no recording is on both sides of a split.
    let settings = [("data.window", "4"), ("data.stride", "2")];
    let model = trained("classify", &root.join("tables"), &settings);
    let answers = predict(&*model, &root.join("tables/up/03.csv")).unwrap();
    assert_eq!(answers.predictions.len(), 3);
    assert_eq!(
        (answers.beside.names.join(","), answers.beside.rows[1][1..].join("-")),
        ("series,from,to".into(), "2-5".into())
    );
    let error = predict(&*model, &root.join("texts/up/00.txt")).unwrap_err().to_string();
    assert!(!error.is_empty());
}

#[test]
fn files_of_the_archives_are_read() {
    let header = "# a comment\n@problemName Two\n@timeStamps false\n@univariate false\n@classLabel true up down\n@data\n";
    let ts = format!("{header}1,2,3:4,5,6:up\n3,2:6,5:down\n");
    let rows = records("two.ts", ts.as_bytes()).unwrap();
    let expected = [
        "3 x 2: [1.0, 4.0, 2.0, 5.0, 3.0, 6.0] | Some(\"up\")",
        "2 x 2: [3.0, 6.0, 2.0, 5.0] | Some(\"down\")",
    ];
    assert_eq!(rows, expected);
    assert_eq!(records("two.txt", ts.replace('\n', "\r\n").as_bytes()).unwrap(), expected);
    for (content, said) in [
        (header.replace("timeStamps false", "timeStamps true") + "(0,1):up\n", "have times of their own"),
        (format!("{header}1,?:4,5:up\n"), "line 7: '?' is no finite number"),
        (format!("{header}1,2:4:up\n"), "line 7: x has 2 values in channel 1 but 1 in channel 2"),
        (
            header.replace("classLabel true up down", "classLabel false") + "1,2\n",
            "no @classLabel or @targetLabel",
        ),
        ("@relation x\n@attribute a numeric\n@data\n1,2\n".to_owned(), "this is ARFF, which is not read"),
    ] {
        let message = records("f.ts", content.as_bytes()).unwrap_err();
        assert!(message.contains(said), "{message}");
    }
    // Rows of numbers: the labels are first or last, and the rest is shorter where it ends with NaN.
    let first = "1\t0.5\t0.25\t1.5\n2\t0.5\t0.25\tNaN\n1\t0.1\t0.2\t0.3\n2\t0.1\t0.2\t0.4\n";
    let rows = records("rows.tsv", first.as_bytes()).unwrap();
    assert_eq!(rows[..2], ["3 x 1: [0.5, 0.25, 1.5] | Some(\"1\")", "2 x 1: [0.5, 0.25] | Some(\"2\")"]);
    let last = first.lines().map(|line| {
        let (label, values) = line.split_once('\t').unwrap();
        format!("{},{label}.000e+00\n", values.replace('\t', ","))
    });
    assert_eq!(records("rows.csv", last.collect::<String>().as_bytes()).unwrap(), rows);
    let unclear = records("rows.csv", b"1,0.5,0.25,1\n2,0.5,0.25,2\n1,0.1,0.2,1\n2,0.1,0.2,2\n").unwrap_err();
    assert!(
        unclear
            .contains("the first and the last column both could be the labels; name the column with label"),
        "{unclear}"
    );
}
