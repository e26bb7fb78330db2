use super::*;
use crate::Result;

fn read(name: &str, text: &str, spec: &RecordSpec<'_>) -> Result<Records> {
    Records::from_reader(name, text.as_bytes(), spec)
}

fn text(text: &str) -> Input {
    Input::Text(text.into())
}

const LABELLED: RecordSpec<'_> = RecordSpec {
    text: None,
    x: None,
    x_layout: Some(XLayout::ChannelTime),
    label: None,
    require_label: true,
    lists: None,
    form: None,
    series: None,
    time: None,
    window: None,
    stride: None,
    to_predict: false,
};

#[test]
fn the_same_records_in_every_kind_of_file() {
    let jsonl = "{\"n\": 1, \"text\": \"Good \\u2019film\\u2019\", \"label\": 3}\n\n{\"label\": \"b\", \"text\": \"수문, ok\"}";
    let files = [
        ("f.csv", "n,text,label\n1,Good ’film’,3\n\n2,\"수문, ok\",b\n".to_owned()),
        ("f", "n;label;text\r\n1;3.0;Good ’film’\r\n\r\n2;b;수문, ok\r\n".into()),
        ("f.tsv", "text\tn\tlabel\nGood ’film’\t1\t3\n\n수문, ok\t2\tb".into()),
        ("f.jsonl", jsonl.into()),
        ("f.json", jsonl.replace("3}", "3.0}")),
        ("standard input", format!("\u{feff}{}", jsonl.replace('\n', "\r\n"))),
    ];
    for (name, content) in files {
        let found = read(name, &content, &LABELLED).unwrap();
        let expected = match name {
            _ if content.contains('{') => [1, 3],
            _ => [2, 4],
        };
        let record =
            |line, input, label: &str| Record { line, input, label: Some(label.into()), labels: Vec::new() };
        let wanted =
            [record(expected[0], text("Good ’film’"), "3"), record(expected[1], text("수문, ok"), "b")];
        assert_eq!(found.records, wanted, "{name}");
        assert_eq!(found.fields, Fields { input: "text".into(), label: Some("label".into()) });
        assert_eq!((found.name.as_str(), found.hash.len()), (name, 64));
    }
}

#[test]
fn fields_are_chosen_where_there_is_one_choice() {
    let labelled = |label| RecordSpec { label: Some(label), ..LABELLED };
    let cases: [(&str, &str, RecordSpec<'_>, &str); 8] = [
        ("f.csv", "review,label\na b,1\n", LABELLED, "review"),
        ("f.csv", "id,review,sentiment\n7,a b,x\n", labelled("sentiment"), "review"),
        ("f.csv", "fine,text,label\nx,a b,1\n", LABELLED, "text"),
        ("f.jsonl", r#"{"id": "1", "text": "a", "score": 2}"#, labelled("score"), "text"),
        ("f.jsonl", r#"{"x": [1, 2], "who": "a", "label": 2}"#, LABELLED, "x"),
        ("f.jsonl", r#"{"x": "none", "label": 2}"#, LABELLED, "x"),
        ("f.jsonl", r#"{"y": [1], "z": "a"}"#, RecordSpec::default(), "z"),
        ("f.jsonl", r#"{"y": [1], "z": "a"}"#, RecordSpec { x: Some("y"), ..RecordSpec::default() }, "y"),
    ];
    for (name, content, spec, expected) in cases {
        assert_eq!(read(name, content, &spec).unwrap().fields.input, expected, "{content}");
    }
}

#[test]
fn numbers_are_steps_of_channels() {
    let spec = |x_layout| RecordSpec { x_layout: Some(x_layout), ..RecordSpec::default() };
    let numbers = |steps, channels, values: &[f32]| Input::Numbers { steps, channels, values: values.into() };
    let cases = [
        ("[1, -2.5, 3e2]", XLayout::ChannelTime, numbers(3, 1, &[1.0, -2.5, 300.0])),
        ("[1, -2.5, 3e2]", XLayout::TimeChannel, numbers(3, 1, &[1.0, -2.5, 300.0])),
        ("[[1, 2, 3], [4, 5, 6]]", XLayout::ChannelTime, numbers(3, 2, &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0])),
        ("[[1, 2, 3], [4, 5, 6]]", XLayout::TimeChannel, numbers(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])),
    ];
    for (x, layout, expected) in cases {
        let records = read("f.jsonl", &format!("{{\"x\": {x}}}\n"), &spec(layout)).unwrap();
        assert_eq!(records.records[0].input, expected, "{x} {layout}");
    }
    let lengths = read("f", "{\"x\": [[1, 2]]}\n{\"x\": [[1, 2, 3]]}\n{\"x\": [5]}", &RecordSpec::default());
    let steps: Vec<Input> = lengths.unwrap().records.into_iter().map(|record| record.input).collect();
    assert!(matches!(steps[..], [_, Input::Numbers { steps: 3, .. }, Input::Numbers { steps: 1, .. }]));
    assert_eq!("time-channel".parse::<XLayout>().unwrap().to_string(), "time-channel");
    assert!("time".parse::<XLayout>().is_err());
}

/// The channels are the same in all records, and the steps need not be.
#[test]
fn all_lists_together_say_what_they_list() {
    let steps = |x: &[&str]| {
        let lines: Vec<String> = x.iter().map(|x| format!("{{\"x\": {x}}}")).collect();
        let read = read("f.jsonl", &lines.join("\n"), &RecordSpec::default()).unwrap();
        let steps: Vec<usize> = read
            .records
            .iter()
            .map(|record| match record.input {
                Input::Numbers { steps, .. } => steps,
                Input::Text(_) => 0,
            })
            .collect();
        (steps, read.notes.join(""))
    };
    for (x, expected, said) in [
        (
            vec!["[[1, 2], [3, 4]]", "[[1, 2, 3], [4, 5, 6]]"],
            [2, 3],
            "channels, each over time: 2 channels, 2 to 3 steps",
        ),
        (
            vec!["[[1, 2], [3, 4]]", "[[1, 2], [3, 4], [5, 6]]"],
            [2, 3],
            "steps, each of channels: 2 channels, 2 to 3 steps",
        ),
        (vec!["[[1, 2, 3], [3, 4, 5]]", "[[1, 2, 3], [3, 4, 5]]"], [3, 3], "2 channels, 3 steps"),
        (
            vec!["[[1, 2], [3, 4], [5, 6]]"; 2],
            [2, 2],
            "3 channels, 2 steps; more channels than steps are rare",
        ),
        (vec!["[1, 2]", "[1, 2, 3]"], [2, 3], ""),
    ] {
        let (found, notes) = steps(&x);
        assert_eq!(found, expected, "{x:?}");
        assert!(notes.contains(said) && notes.is_empty() == said.is_empty(), "{notes}");
    }
}

#[test]
fn labels_may_be_missing_where_they_are_not_required() {
    let spec = RecordSpec { label: Some("y"), ..RecordSpec::default() };
    for (name, content) in [
        ("f.csv", "text,y\na,true\nb,\n"),
        ("f.jsonl", "{\"text\": \"a\", \"y\": true}\n{\"text\": \"b\"}"),
        ("f.jsonl", "{\"text\": \"a\", \"y\": \"true\"}\n{\"text\": \"b\", \"y\": null}"),
    ] {
        let labels: Vec<_> =
            read(name, content, &spec).unwrap().records.into_iter().map(|r| r.label).collect();
        assert_eq!(labels, [Some("true".to_owned()), None], "{content}");
    }
    assert_eq!(read("f.csv", "text\na\n", &spec).unwrap().records[0].label, None);
}

/// Files, what is read from them, and how the error begins.
#[test]
fn bad_files_are_explained() {
    let with = |text, x, label| RecordSpec { text, x, label, ..LABELLED };
    let text_only = RecordSpec { text: Some("text"), ..RecordSpec::default() };
    let numbers = RecordSpec { x: Some("x"), ..RecordSpec::default() };
    let cases: [(&str, &str, RecordSpec<'_>, &str); 41] = [
        ("f.csv", "", LABELLED, "f.csv: the file is empty"),
        (
            "f.csv",
            "a\nb\n",
            with(Some("a"), None, Some("a")),
            "\"a\" cannot be both what is read and its label",
        ),
        ("f.jsonl", " \n\r\n", LABELLED, "f.jsonl: the file is empty"),
        (
            "f.csv",
            "{\"x\": [1, 2], \"label\": 2}\n",
            LABELLED,
            "f.csv: this is JSON and no table; call the file .jsonl",
        ),
        ("f.csv", "text,label\na,1,2\n", LABELLED, "f.csv: row 2 has 3 cells where the header has 2"),
        ("f.csv", "text,label\na,\n", LABELLED, "f.csv: row 2, column 'label': there is no label"),
        ("f.csv", "text,label\n  ,1\n", text_only, "f.csv: row 2, column 'text': the text is empty"),
        (
            "f.csv",
            "txt,label\na,1\n",
            text_only,
            "f.csv: there is no field 'text'; did you mean 'txt'? the header names 'txt', 'label'",
        ),
        (
            "f.csv",
            "text,y\na,1\n",
            LABELLED,
            "f.csv: which field is the label? the header names 'text', 'y'; name",
        ),
        (
            "f.csv",
            "text,y\na,1\n",
            with(None, None, Some("z")),
            "f.csv: there is no field 'z'; the header names 'text', 'y'",
        ),
        (
            "f.csv",
            "a,b,label\nx,y,1\n",
            LABELLED,
            "f.csv: which field is read? several fields are texts; the header",
        ),
        ("f.csv", "a,label\n1,x\n", LABELLED, "f.csv: which field is read? no field but the label is a text"),
        ("f.csv", "x,label\n1,x\n", with(None, Some("x"), None), "f.csv: a cell of 'x' cannot hold a list"),
        (
            "f.jsonl",
            r#"{"x": [1], "text": "a"}"#,
            RecordSpec::default(),
            "f.jsonl: which field is read? both 'x'",
        ),
        (
            "f.csv",
            "a,b\n",
            with(Some("a"), Some("b"), None),
            "the text \"a\" and the numbers \"b\" cannot both",
        ),
        (
            "f.jsonl",
            "{\"text\": \"a\"}\n{\"txt\": \"b\"}",
            text_only,
            "f.jsonl: there is no field 'text'; did you",
        ),
        (
            "f.jsonl",
            "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"labels\": 1}",
            LABELLED,
            "f.jsonl: there is no field 'label'; did you mean 'labels'? line 2 names 'text', 'labels'",
        ),
        ("f.jsonl", r#"{"text": "a", "label": null}"#, LABELLED, "f.jsonl: line 1: label is empty; give"),
        (
            "f.jsonl",
            r#"{"text": "a", "label": [1]}"#,
            LABELLED,
            "f.jsonl: line 1: label is a list; a label is",
        ),
        ("f.jsonl", r#"{"text": " "}"#, text_only, "f.jsonl: line 1: text is an empty text; leave"),
        ("f.jsonl", r#"{"text": 5}"#, text_only, "f.jsonl: line 1: text is a number; it must be a text"),
        (
            "f.jsonl",
            r#"{"text": "a", "text": "b"}"#,
            text_only,
            "f.jsonl: line 1 names 'text' twice; leave one",
        ),
        ("f.jsonl", "\n\"a\"", text_only, "f.jsonl: line 2 is no JSON object; every line must be one"),
        (
            "f.jsonl",
            "[{\"text\": \"a\"}]",
            text_only,
            "f.jsonl: line 1 begins a list; write an object a line",
        ),
        (
            "f.jsonl",
            "{\n\"text\": \"a\"}",
            text_only,
            "f.jsonl: line 1, column 2: this is no JSON: EOF while",
        ),
        ("f", "{\"text\": 수}", text_only, "f: line 1, column 10: this is no JSON: expected value"),
        ("f", "{\"수\": 수}", text_only, "f: line 1, column 7: this is no JSON: expected value"),
        ("f", "{\"text\": \"a\"} 1", text_only, "f: line 1, column 15: this is no JSON: trailing characters"),
        (
            "f",
            "{\"text\": \"\\ud800\"}",
            text_only,
            "f: line 1, column 17: this is no JSON: unexpected end of hex",
        ),
        ("f", "{\"x\": [1, NaN]}", numbers, "f: line 1, column 11: NaN is no number in JSON; every value"),
        ("f", "{\"x\": [1, -Infinity]}", numbers, "f: line 1, column 12: Infinity is no number in JSON"),
        (
            "f",
            "{\"x\": [1, 1e999]}",
            numbers,
            "f: line 1, column 15: this is no JSON: number out of range; every",
        ),
        ("f", "{\"x\": [1, 1e39]}", numbers, "f: line 1: x[1] is 1e39, too large for a 32-bit number; every"),
        ("f", "{\"x\": [[1, 2], [3, null]]}", numbers, "f: line 1: x[1][1] is null; every value must be"),
        ("f", "{\"x\": [\"1\"]}", numbers, "f: line 1: x[0] is the text '1'; every value must be"),
        ("f", "{\"x\": [[[1]]]}", numbers, "f: line 1: x[0][0] is a list; every value must be"),
        ("f", "{\"x\": [[], []]}", numbers, "f: line 1: x holds no numbers; leave such records out"),
        ("f", "{\"x\": [1, [2]]}", numbers, "f: line 1: x mixes numbers and lists; give"),
        ("f", "{\"x\": 1}", numbers, "f: line 1: x is a number; it must be a list of numbers"),
        (
            "f",
            "{\"x\": [[1, 2], [3]]}",
            numbers,
            "f: line 1: x has 2 values in channel 1 but 1 in channel 2; every channel needs the same number; if the \
             lists are steps, train with x_layout = time-channel",
        ),
        (
            "f",
            "{\"x\": [[1], [2]]}\n\n{\"x\": [[1]]}",
            RecordSpec { x_layout: Some(XLayout::ChannelTime), ..numbers },
            "f: line 3: x has 1 channel, but line 1 has 2; every record needs the same channels; if the lists are \
             the other way round, train with another x_layout",
        ),
    ];
    let mut wrong = Vec::new();
    for (name, content, spec, expected) in cases {
        let message = read(name, content, &spec).unwrap_err().to_string();
        if !message.starts_with(expected) || message.contains('\n') {
            wrong.push(format!("{content:?}: {message}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn hostile_bytes_never_panic() {
    let deep = format!("{{\"x\": {}", "[".repeat(100_000));
    let names = format!("{}\n1", "a,".repeat(5_000));
    let long = format!("{{\"{}\": 1}}", "k".repeat(100_000));
    let bytes: [&[u8]; 10] = [
        b"\xff\xfe{\0",
        b"{\"text\": \"\xe9\"}",
        &[0; 100],
        &[0xEF, 0xBB, 0xBF],
        b"{\"text\": \"\\u0000\x01\"}",
        deep.as_bytes(),
        names.as_bytes(),
        long.as_bytes(),
        b"\"\n\n\n\"\"\"",
        b"{}",
    ];
    for bytes in bytes {
        for name in ["f", "f.csv", "f.tsv", "f.jsonl"] {
            for spec in [LABELLED, RecordSpec { x: Some("x"), ..RecordSpec::default() }] {
                let message = Records::from_reader(name, bytes, &spec).unwrap_err().to_string();
                assert!(message.starts_with(&format!("{name}: ")) && !message.contains('\n'), "{message}");
                assert!(message.len() < 1000, "{message}");
            }
        }
        for name in ["f", "f.jsonl"] {
            let read = Tagged::from_reader(name, bytes, &TaggedSpec::default());
            assert!(read.is_err() || name == "f", "{bytes:?}");
        }
    }
    let line = format!("{{\"text\": \"{}\"}}", "a".repeat(1 << 26));
    let message = read("f.jsonl", &line, &RecordSpec::default()).unwrap_err().to_string();
    assert!(message.starts_with("f.jsonl: line 1 is longer than 64 MiB"), "{message}");
}

#[test]
fn the_bundled_data_are_what_their_readme_says() {
    let file = |name: &str| format!("{}/../../data/{name}", env!("CARGO_MANIFEST_DIR"));
    for (name, count, classes, channels) in [
        ("japanese_vowels/train.jsonl", 270, 9, Some(12)),
        ("japanese_vowels/test.jsonl", 370, 9, Some(12)),
        ("reviews/train.csv", 103, 2, None),
        ("reviews/test.csv", 24, 2, None),
    ] {
        let records = Records::read(file(name), &LABELLED).unwrap();
        let found = (records.records.len(), records.classes().unwrap().len(), records.channels());
        assert_eq!(found, (count, classes, channels), "{name}");
    }
    let vowels = Records::read(file("japanese_vowels/train.jsonl"), &LABELLED).unwrap();
    let lengths = vowels.records.iter().map(|record| match record.input {
        Input::Numbers { steps, .. } => steps,
        Input::Text(_) => 0,
    });
    assert_eq!((lengths.clone().min(), lengths.max()), (Some(7), Some(26)));
    let reviews = |name| Records::read(file(name), &LABELLED).unwrap().records;
    let train = reviews("reviews/train.csv");
    assert!(
        reviews("reviews/test.csv").iter().all(|test| train.iter().all(|train| train.input != test.input))
    );
}

const SEVERAL: RecordSpec<'_> = RecordSpec { label: Some("tags"), lists: Some(Lists::Found), ..LABELLED };

fn sets(records: &Records) -> Vec<String> {
    assert!(records.records.iter().all(|record| record.label.is_none()));
    records.records.iter().map(|record| record.labels.join("+")).collect()
}

#[test]
fn the_same_sets_of_labels_in_every_kind_of_file() {
    let fasttext = "one text here\n__label__a __label__b two texts\n\n__label__3 the third __label__a\n";
    let files = [
        ("f.csv", "text,tags\none text here,\ntwo texts,a|b\nthe third,3.0 | a | 3\n"),
        ("f.csv", "text;tags\none text here;\ntwo texts;a,b\nthe third;3, a\n"),
        ("f.tsv", "text\ttags\none text here\t\ntwo texts\ta; b;\nthe third\t3;a\n"),
        ("f.csv", "text,tags\none text here,[]\ntwo texts,\"['a', 'b']\"\nthe third,\"[3, 'a']\"\n"),
        (
            "f.jsonl",
            "{\"text\": \"one text here\", \"tags\": []}\n{\"text\": \"two texts\", \"tags\": [\"a\", \" b\", \"a\", \"\"]}\n\
             {\"text\": \"the third\", \"tags\": [3.0, \"a\"]}\n",
        ),
        ("f.txt", fasttext),
        // The first label of a file may come late.
        ("standard input", fasttext),
    ];
    for (name, content) in files {
        let spec =
            if content == fasttext { RecordSpec { label: Some("labels"), ..SEVERAL } } else { SEVERAL };
        let found = read(name, content, &spec).unwrap();
        assert_eq!(sets(&found), ["", "a+b", "3+a"], "{content}");
        assert_eq!(found.records[2].input, text("the third"));
        assert_eq!(found.fields.label.as_deref(), spec.label);
        let labels = Classes::of(found.labels()).unwrap();
        assert_eq!(
            (labels.names(), found.label_sets(&labels).unwrap()[2].as_slice()),
            (&["3", "a", "b"].map(String::from)[..], &[0, 1][..])
        );
        // A file to predict from may have them or not, in whatever form.
        let predicted =
            read(name, content, &RecordSpec { to_predict: true, require_label: false, ..spec }).unwrap();
        assert_eq!(predicted.records[1].input, text("two texts"));
        assert!(predicted.records.iter().all(|record| record.labels.is_empty()));
    }
    let separated = |content: &str| read("f.csv", content, &SEVERAL).unwrap();
    assert_eq!(separated("text,tags\na b,x;y\n").lists, Some(Lists::Semicolon));
    // What a model has learnt from says how another file is read.
    let learnt = RecordSpec { lists: Some(Lists::Semicolon), ..SEVERAL };
    assert_eq!(sets(&read("f.csv", "text,tags\na b,x|y;z\nc d,x|y\n", &learnt).unwrap()), ["x|y+z", "x|y"]);
    // A single text of JSON is one label, whatever is in it.
    let single = "{\"text\": \"a\", \"tags\": \"x, y\"}\n{\"text\": \"b\", \"tags\": null}\n{\"text\": \"c\", \"tags\": true}";
    assert_eq!(sets(&read("f.jsonl", single, &SEVERAL).unwrap()), ["x, y", "", "true"]);
    // Sequences of numbers have labels as texts have.
    let numbers = "{\"x\": [1, 2], \"tags\": [\"a\", \"b\"]}\n{\"x\": [3], \"tags\": []}";
    assert_eq!(sets(&read("f.jsonl", numbers, &SEVERAL).unwrap()), ["a+b", ""]);
    let steps = "run,value,tags\n1,0.5,a|b\n1,0.25,\n2,1,\n2,2,\n";
    let recordings = RecordSpec { series: Some("run"), ..SEVERAL };
    assert_eq!(sets(&read("f.csv", steps, &recordings).unwrap()), ["a+b", ""]);
}

#[test]
fn labels_may_be_columns_of_zeros_and_ones() {
    let spec = RecordSpec { label: Some("b, a"), ..SEVERAL };
    let table = "text,a,rating,b\none text here,0,5,0.0\ntwo texts,1,4,1.0\nthe third,TRUE,5,false\n";
    let json = "{\"text\": \"one text here\", \"a\": 0, \"b\": false}\n{\"text\": \"two texts\", \"a\": 1.0, \"b\": true}\n\
                {\"text\": \"the third\", \"b\": 0, \"a\": \"1\"}\n";
    let steps = "run,value,a,b\n1,0.5,0,0\n1,0.25,0,0\n2,1,1,1\n2,2,1,1\n3,7,1,0\n";
    let recordings = RecordSpec { series: Some("run"), ..spec };
    for (name, content, spec) in
        [("f.csv", table, &spec), ("f.jsonl", json, &spec), ("f.csv", steps, &recordings)]
    {
        let found = read(name, content, spec).unwrap();
        assert_eq!(sets(&found), ["", "b+a", "a"], "{content}");
        assert_eq!(found.fields.label.as_deref(), Some("b, a"));
        // What is predicted from needs none of them.
        let predicted = read(
            name,
            content,
            &RecordSpec { to_predict: true, require_label: false, form: Some(&found.form), ..*spec },
        )
        .unwrap();
        assert!(predicted.records.iter().all(|record| record.labels.is_empty()));
        assert_eq!(predicted.records[1].input, found.records[1].input);
    }
    // A column that is called so is that one.
    let one = read("f.csv", "text,\"b, a\"\nx,c\n", &spec).unwrap();
    assert_eq!(sets(&one), ["c"]);
    let never = RecordSpec { label: Some("a,b,c"), ..SEVERAL };
    let found = read("f.csv", "text,a,b,c\nx y,0,0,0\nz w,1,0,0\n", &never).unwrap();
    assert!(
        found.notes.contains(&"f.csv: no record has the labels 'b', 'c'".to_owned()),
        "{:?}",
        found.notes
    );
    for (name, content, expected) in [
        ("f.csv", "text,a,c\nx,1,0\n", "f.csv: there is no field 'b'; the header names"),
        (
            "f.csv",
            "text,a,b\nx,1,0\ny,2,0\n",
            "f.csv: row 3: 'a' is '2', which is neither 0 nor 1; give 1 to records that have the label, 0 to all others",
        ),
        ("f.csv", "text,a,b\nx,1,\n", "f.csv: row 2: 'b' is '', which is neither 0 nor 1"),
        (
            "f.jsonl",
            "{\"text\": \"x\", \"a\": 1, \"b\": null}",
            "f.jsonl: line 1: 'b' is null, which is neither 0 nor 1",
        ),
        ("f.jsonl", "{\"text\": \"x\", \"a\": 1}", "f.jsonl: there is no field 'b'; line 1 names"),
    ] {
        let message = read(name, content, &spec).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}\n{expected}");
    }
}

#[test]
fn lists_of_labels_that_cannot_be_read_are_explained() {
    for (name, content, spec, expected) in [
        ("f.csv", "text,tag\na b,x\n", SEVERAL, "f.csv: there is no field 'tags'; did you mean 'tag'?"),
        (
            "f.csv",
            "text,tags\na b,['x']\nc d,\"['y]\"\n",
            SEVERAL,
            "f.csv: line 3: '['y]' is no list of labels, such as",
        ),
        (
            "f.jsonl",
            "{\"text\": \"a\", \"tags\": [[\"x\"]]}",
            SEVERAL,
            "f.jsonl: line 1: tags holds something else in its list",
        ),
        (
            "f.jsonl",
            "{\"text\": \"a\", \"tags\": {}}",
            SEVERAL,
            "f.jsonl: line 1: tags holds an object; labels are texts",
        ),
        (
            "f.jsonl",
            "{\"text\": \"a\", \"tags\": []}\n{\"text\": \"b\"}",
            SEVERAL,
            "f.jsonl: there is no field 'tags'; line 2 names",
        ),
        (
            "f.txt",
            "__label__a x y\n__label__ z\n",
            RecordSpec { label: None, ..SEVERAL },
            "f.txt: line 2: __label__ has no name behind it",
        ),
        ("f.txt", "__label__a x y\n", SEVERAL, "f.txt: there is no field 'tags'"),
        (
            "f.txt",
            "__label__a __label__b x y\n",
            LABELLED,
            "f.txt: line 1: the text has 2 labels, '__label__a' and '__label__b'; a classifier learns one of each text; to learn \
             several labels of a record, name their field to classify with labels",
        ),
        (
            "f.jsonl",
            "{\"text\": \"a\", \"label\": [\"x\"]}",
            LABELLED,
            "f.jsonl: line 1: label is a list; a label is a text, a number or a boolean; to learn several labels of a record, \
             name their field to classify with labels",
        ),
    ] {
        let message = read(name, content, &spec).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}\n{expected}");
    }
}
