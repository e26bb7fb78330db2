//! A run as a folder for programs without this library.

use serde_json::Value;

use crate::place::{Place, QUICK};

fn json(place: &Place, folder: &str) -> Value {
    serde_json::from_str(&place.read(&format!("{folder}/preprocessing.json"))).unwrap()
}

#[test]
fn a_run_becomes_a_network_its_preprocessing_and_a_script() {
    let place = Place::with_series();
    let train = ["train", "forecast", "y.csv", "--target", "y", "--horizon", "7", "--out", "run", "--quiet"];
    place.succeed(&[&train[..], &QUICK].concat());
    let ran = place.succeed(&["export", "run", "--to", "onnx", "--out", "out/folder"]);
    assert!(ran.stderr.contains("out/folder: model.onnx, preprocessing.json, predict.py"), "{ran:?}");
    assert!(ran.stderr.contains("try it: python out/folder/predict.py FILE"), "{ran:?}");
    let data = json(&place, "out/folder");
    assert_eq!(
        (&data["format"], &data["version"], &data["task"], &data["horizon"]),
        (&"sumun.preprocessing".into(), &1.into(), &"forecast".into(), &7.into())
    );
    let network = &data["networks"][0];
    assert_eq!((&network["input"], &network["difference"]), (&"window".into(), &"none".into()));
    assert_eq!(network["targets"][0]["channels"], serde_json::json!(["level", "relative"]));
    assert_eq!(data["time"]["format"], "%Y-%m-%d");
    assert_eq!(data["time"]["step"], serde_json::json!({ "seconds": 86_400.0 }));
    assert_eq!(data["calendar"]["parts"][0]["cycle"], "weekday");
    let script = place.read("out/folder/predict.py");
    assert!(script.starts_with("#!/usr/bin/env python3\n") && script.contains("def calendar(time):"));
    // The graph is that of the network alone.
    place.succeed(&["export", "run", "--to", "onnx", "--out", "graph.onnx"]);
    let bytes = |name: &str| std::fs::read(place.path(name)).unwrap();
    assert_eq!(bytes("graph.onnx"), bytes("out/folder/model.onnx"));
    // The same run makes the same bytes, and nothing is written over.
    place.succeed(&["export", "run", "--to", "onnx", "--out", "again"]);
    for name in ["model.onnx", "preprocessing.json", "predict.py"] {
        assert_eq!(bytes(&format!("again/{name}")), bytes(&format!("out/folder/{name}")), "{name}");
    }
    place.refuse(&["export", "run", "--to", "onnx", "--out", "again"], &["again exists", "--out"]);
}

#[test]
fn tasks_on_sequences_say_their_tokens_classes_and_scales() {
    let place = Place::new();
    let reviews: String =
        (0..30).map(|k| ["good film,positive\n", "bad it's 1.5,negative\n"][k % 2]).collect();
    place.write("r.csv", format!("text,label\n{reviews}"));
    let tagged: String = (0..30)
        .map(|k| ["good film,good\n", "it's a long one,long\n", "a good one,good|long\n"][k % 3])
        .collect();
    place.write("l.csv", format!("text,tags\n{tagged}"));
    let numbers: String =
        (0..30).map(|k| format!("{{\"x\": [[{k}, 2, 3], [4, {k}, 6]], \"label\": {}}}\n", k * 2)).collect();
    place.write("n.jsonl", numbers);
    place.write("t.conll", "go\tO\nSeoul\tP\n\n12\tN\nto\tO\n\n".repeat(15));
    place.write("text.txt", "to be or not to be\n".repeat(60));
    let train = |task: &str, file: &str| {
        place.succeed(&["train", task, file, "--epochs", "1", "--hidden", "4", "--out", task, "--quiet"]);
        place.succeed(&["export", task, "--to", "onnx", "--out", &format!("{task}-out")]);
        json(&place, &format!("{task}-out"))
    };
    let data = train("classify", "r.csv");
    assert_eq!((&data["field"], &data["reads"]["unit"]), (&"text".into(), &"words".into()));
    assert_eq!(data["reads"]["vocabulary"][0], "<PAD>");
    assert_eq!(data["reads"]["word_classes"]["Q"], serde_json::json!([[39, 39]]));
    assert_eq!(
        data["returns"],
        serde_json::json!({ "kind": "classes", "classes": ["negative", "positive"] })
    );
    // Attention over the steps is a part of the graph.
    let attends = ["--pool", "attention", "--epochs", "1", "--hidden", "4", "--out", "attends", "--quiet"];
    place.succeed(&[&["train", "classify", "r.csv"][..], &attends].concat());
    place.succeed(&["export", "attends", "--to", "onnx", "--out", "attends-out"]);
    assert_eq!(json(&place, "attends-out")["returns"], data["returns"]);
    let labels =
        ["train", "classify", "l.csv", "--labels", "tags", "--epochs", "1", "--out", "labels", "--quiet"];
    place.succeed(&labels);
    place.succeed(&["export", "labels", "--to", "onnx", "--out", "labels-out"]);
    let returns = &json(&place, "labels-out")["returns"];
    assert_eq!(
        (&returns["kind"], &returns["labels"]),
        (&"labels".into(), &serde_json::json!(["good", "long"]))
    );
    assert_eq!(returns["thresholds"].as_array().map(Vec::len), Some(2));
    let data = train("regress", "n.jsonl");
    assert_eq!((&data["field"], &data["reads"]["layout"]), (&"x".into(), &"channel-time".into()));
    assert_eq!(
        (data["reads"]["channels"].as_array().unwrap().len(), &data["returns"]["kind"]),
        (2, &"number".into())
    );
    let data = train("tag", "t.conll");
    assert_eq!((&data["column"], &data["reads"]["kind"]), (&0.into(), &"tokens".into()));
    let data = train("lm", "text.txt");
    assert_eq!((&data["reads"]["unit"], &data["reads"]["line_ends"]), (&"characters".into(), &false.into()));
    assert!(place.read("lm-out/predict.py").contains("CHUNK = 128"));
}

#[test]
fn a_simulator_says_its_columns_and_scales() {
    let place = Place::new();
    let rows: String = (0..120)
        .map(|t| format!("{},{},{},{}\n", ["a", "b"][t % 2], t * 7 % 5, [10, 30][t % 2], t * 7 % 5 + t % 2))
        .collect();
    place.write("s.csv", format!("gauge,rain,area,flow\n{rows}"));
    let train = ["train", "simulate", "s.csv", "--target", "flow", "--features", "rain", "--time", "none"];
    let more = ["--hidden", "4", "--epochs", "1", "--warm-up", "3", "--quiet"];
    let many = ["--series", "gauge", "--static", "area", "--out", "many"];
    place.succeed(&[&train[..], &more, &many].concat());
    place.succeed(&["export", "many", "--to", "onnx", "--out", "many-out"]);
    let data = json(&place, "many-out");
    assert_eq!((&data["task"], &data["warm_up"]), (&"simulate".into(), &3.into()));
    assert_eq!((&data["tells_apart"], &data["series"]), (&serde_json::json!(["gauge"]), &Value::Null));
    assert_eq!((&data["features"][0]["name"], &data["statics"][0]["name"]), (&"rain".into(), &"area".into()));
    assert_eq!((&data["statics"][0]["offset"], &data["statics"][0]["scale"]), (&20.0.into(), &10.0.into()));
    assert_eq!(data["least"], 0.0);
    assert!(data["output"]["scale"].as_f64().unwrap() > 0.0);
    assert!(place.read("many-out/predict.py").contains("def each_series("));
    place.succeed(&[&train[..], &more, &["--series", "gauge=b", "--out", "one"]].concat());
    place.succeed(&["export", "one", "--to", "onnx", "--out", "one-out"]);
    let data = json(&place, "one-out");
    assert_eq!(data["series"], serde_json::json!({ "column": "gauge", "value": "b" }));
    assert_eq!(data["tells_apart"], serde_json::json!([]));
}

#[test]
fn a_panel_says_its_windows_levels_and_series() {
    let place = Place::new();
    let mut rows = String::new();
    for day in 1..=28 {
        for (place, id) in ["a", "b", "c"].into_iter().enumerate() {
            let y = 10 * (place + 1) + day % 7 + day * 5 % 3;
            rows += &format!("{id},2024-02-{day:02},{y},{},{}\n", day % 7 / 6, 10 * (place + 1));
        }
    }
    place.write("p.csv", format!("id,day,y,holiday,area\n{rows}"));
    let train = ["train", "forecast", "p.csv", "--target", "y", "--series", "id", "--known", "holiday"];
    let more = ["--static", "area", "--horizon", "2", "--window", "5", "--levels", "80,95", "--quiet"];
    let exported = |output: &str| {
        place.succeed(&[&train[..], &more, &QUICK, &["--output", output, "--out", output]].concat());
        let folder = format!("{output}-out");
        let told = place.succeed(&["export", output, "--to", "onnx", "--out", &folder]);
        assert!(told.stderr.contains(": model.onnx, preprocessing.json, predict.py;"), "{}", told.stderr);
        json(&place, &folder)
    };
    let data = exported("student-t");
    assert_eq!(
        (&data["task"], &data["window"], &data["horizon"]),
        (&"forecast".into(), &5.into(), &2.into())
    );
    assert_eq!(
        (&data["levels"], &data["distribution"]),
        (&serde_json::json!([0.8, 0.95]), &"student-t".into())
    );
    assert_eq!(data["quantiles"].as_array().map(Vec::len), Some(5));
    assert_eq!((&data["tells_apart"], &data["series"]), (&serde_json::json!(["id"]), &Value::Null));
    assert_eq!((&data["known"][0]["name"], &data["statics"][0]["name"]), (&"holiday".into(), &"area".into()));
    assert_eq!(data["networks"][0]["known_ahead"], "known_ahead");
    let learnt = data["learnt"].as_array().unwrap();
    assert_eq!((learnt.len(), &learnt[1]["id"]), (3, &serde_json::json!(["b"])));
    assert!(learnt[0]["first"].as_str().unwrap().starts_with("2024-02-"), "{learnt:?}");
    let script = place.read("student-t-out/predict.py");
    assert!(script.contains("def student_t(") && script.contains("def each_series("));
    assert_eq!(exported("point")["quantiles"], serde_json::json!([0.5]));
    assert_eq!(exported("negative-binomial")["distribution"], "negative-binomial");
}

#[test]
fn a_translator_becomes_three_networks_and_the_attention_between_them() {
    let place = Place::new();
    let pairs: String = (0..40).map(|k| format!("a{k} b\tb a{k}\n")).collect();
    place.write("pairs.tsv", "source\ttarget\n".to_owned() + &pairs);
    let train = ["train", "translate", "pairs.tsv", "--epochs", "1", "--hidden", "4", "--quiet"];
    for (score, weights) in [("general", &["weight_memory"][..]), ("dot", &[])] {
        let folder = format!("{score}-out");
        // With several layers below one another there are several states.
        let deep = ["--layers", "2", "--bidirectional", "--cell", "lstm"];
        let more = if score == "dot" { &deep[..] } else { &[] };
        place.succeed(&[&train[..], more, &["--score", score, "--out", score]].concat());
        let told = place.succeed(&["export", score, "--to", "onnx", "--out", &folder]);
        let beside = if weights.is_empty() { "" } else { ", attention.npz" };
        let files =
            format!("encoder.onnx, decoder.onnx, output.onnx, preprocessing.json, predict.py{beside};");
        assert!(told.stderr.contains(&files), "{}", told.stderr);
        let data = json(&place, &folder);
        assert_eq!(
            (&data["task"], &data["field"], &data["beam"]),
            (&"translate".into(), &"source".into(), &4.into())
        );
        assert_eq!(
            (&data["reads"]["unit"], &data["writes"]["unit"]),
            (&"characters".into(), &"characters".into())
        );
        assert_eq!(
            data["attention"],
            serde_json::json!({ "score": score, "scaled": false, "weights": weights })
        );
        assert_eq!(place.path(&format!("{folder}/attention.npz")).exists(), !weights.is_empty());
        let bytes = std::fs::read(place.path(&format!("{folder}/decoder.onnx"))).unwrap();
        for name in ["target", "h_0", "h_n"] {
            assert!(bytes.windows(name.len()).any(|part| part == name.as_bytes()), "{name}");
        }
        assert!(place.read(&format!("{folder}/predict.py")).contains("def search("));
    }
}

/// Tags that are chosen together are what a graph alone cannot say.
#[test]
fn tags_that_are_chosen_together_are_found_by_the_script() {
    let place = Place::new();
    place.write("s.conll", "to\tO\nNew\tB-CITY\nYork\tI-CITY\n\nfrom\tO\nBoston\tB-CITY\n\n".repeat(15));
    place.succeed(&["train", "tag", "s.conll", "--epochs", "1", "--hidden", "4", "--out", "run", "--quiet"]);
    place.succeed(&["export", "run", "--to", "onnx", "--out", "out"]);
    let data = json(&place, "out");
    let returns = &data["returns"];
    assert_eq!(
        (&returns["kind"], &returns["classes"]),
        (&"tags".into(), &serde_json::json!(["B-CITY", "I-CITY", "O"]))
    );
    // Nothing but a B- or an I- comes before an I-.
    assert_eq!(returns["crf"]["rules"]["transitions"], serde_json::json!(["111", "111", "101"]));
    assert_eq!(returns["crf"]["rules"]["start"], serde_json::json!(["101"]));
    assert_eq!(returns["crf"]["rules"]["end"], serde_json::json!(["1", "1", "1"]));
    let weights = returns["crf"]["transitions"].as_array().unwrap();
    assert!(weights.len() == 3 && weights.iter().any(|row| row[0] != 0.0), "{weights:?}");
    assert!(place.read("out/predict.py").contains("def together("));
    for to in ["onnx", "keras"] {
        let file = format!("alone.{to}");
        place.refuse(&["export", "run", "--to", to, "--out", &file], &["crf"]);
        assert!(!place.path(&file).exists());
    }
    // Its weights by name are written, and what the model gives by itself are scores.
    for (to, file) in [("torch", "alone.pt"), ("safetensors", "alone.safetensors")] {
        place.succeed(&["export", "run", "--to", to, "--out", file]);
    }
    let header = "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 2), }\n";
    let mut ids = b"\x93NUMPY\x01\x00".to_vec();
    ids.extend((header.len() as u16).to_le_bytes());
    ids.extend(header.bytes().chain([2_i64, 3].into_iter().flat_map(i64::to_le_bytes)));
    std::fs::write(place.path("ids.npy"), ids).unwrap();
    let told = place.succeed(&["apply", "alone.safetensors", "--input", "ids.npy", "--output", "scores.npy"]);
    assert!(told.stderr.contains("these are the scores of each tag"), "{}", told.stderr);
    place.succeed(&["train", "tag", "s.conll", "--crf", "off", "--epochs", "1", "--out", "free", "--quiet"]);
    place.succeed(&["export", "free", "--to", "onnx", "--out", "free.onnx"]);
    place.succeed(&["export", "free", "--to", "onnx", "--out", "free-out"]);
    assert_eq!(json(&place, "free-out")["returns"]["kind"], "classes");
}

#[test]
fn what_the_folder_cannot_say_is_refused_by_name() {
    let place = Place::new();
    let rows: String = (0..120).map(|k| format!("{},{}\n", k % 7, ["a", "b"][k % 2])).collect();
    place.write("w.csv", format!("y,word\n{rows}"));
    let train = [
        "train",
        "forecast",
        "w.csv",
        "--target",
        "y",
        "--features",
        "word",
        "--horizon",
        "2",
        "--out",
        "words",
        "--quiet",
    ];
    place.succeed(&[&train[..], &QUICK].concat());
    place.refuse(&["export", "words", "--to", "onnx", "--out", "folder"], &["columns of words"]);
    // So it is with many series.
    let rows: String =
        (0..160).map(|k| format!("{},{},{}\n", k % 4, k * 7 % 11, ["x", "y"][k % 3 / 2])).collect();
    place.write("p.csv", format!("id,y,word\n{rows}"));
    let panel =
        ["train", "forecast", "p.csv", "--target", "y", "--series", "id", "--time", "none", "--horizon", "2"];
    place.succeed(&[&panel[..], &["--features", "word", "--out", "panel"], &["--quiet"], &QUICK].concat());
    place.refuse(&["export", "panel", "--to", "onnx", "--out", "folder"], &["columns of words"]);
    assert!(!place.path("folder").exists());
    for (arguments, says) in [
        (
            &["--to", "onnx", "--lengths", "--out", "folder"][..],
            "--lengths is for a graph alone; give --out a name that ends in .onnx",
        ),
        (&["--to", "c", "--states", "--out", "m.h"], "--states is for --to onnx, not c; leave it out"),
        (&["--to", "torch", "--lengths", "--out", "m.pt"], "--lengths is for --to onnx, not torch"),
    ] {
        place.refuse(&[&["export", "words"][..], arguments].concat(), &[says]);
    }
}

#[test]
fn a_graph_takes_lengths_and_states() {
    let place = Place::new();
    let model = crate::foreign::golden("lstm_state_dict.pt");
    place.succeed(&["export", &model, "--to", "onnx", "--lengths", "--states", "--out", "m.onnx"]);
    let bytes = std::fs::read(place.path("m.onnx")).unwrap();
    for name in ["lengths", "h_0", "c_0", "h_n", "c_n"] {
        assert!(bytes.windows(name.len()).any(|part| part == name.as_bytes()), "{name}");
    }
    place.succeed(&["export", &model, "--to", "onnx", "--out", "plain.onnx"]);
    let plain = std::fs::read(place.path("plain.onnx")).unwrap();
    assert!(!plain.windows(3).any(|part| part == b"h_0"));
}
