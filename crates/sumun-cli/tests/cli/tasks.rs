//! Trainings on labelled records: from a file to figures and answers, and what is refused on the way.

use std::io::Write;
use std::process::Stdio;

use crate::place::{Place, last_json, series};

/// Options that make a training short.
pub(crate) const SMALL: [&str; 8] = ["--epochs", "3", "--hidden", "6", "--valid", "0.2", "--test", "0.2"];

/// Good and bad words, in a pattern that a small network learns.
pub(crate) fn reviews(count: usize) -> String {
    let mut csv = String::from("text,label,stars\n");
    for i in 0..count {
        let (word, label, stars) = match i % 3 {
            0 => ("좋은", "good", 4 + i % 2),
            1 => ("bad", "poor", 1 + i % 2),
            _ => ("so-so", "fair", 3),
        };
        csv += &format!("\"a {word} film, number {}\",{label},{stars}\n", i % 7);
    }
    csv
}

/// Short sequences of two channels whose sum tells the label.
fn signals(count: usize) -> String {
    let line = |i: usize| {
        let high = i % 2;
        let values: Vec<String> = (0..3 + i % 4).map(|t| format!("{}.{}", high, (i + t) % 10)).collect();
        format!("{{\"label\": {high}, \"x\": [[{0}], [{0}]]}}\n", values.join(", "))
    };
    (0..count).map(line).collect()
}

pub(crate) fn place() -> Place {
    let place = Place::new();
    place.write("reviews.csv", reviews(60));
    place.write("signals.jsonl", signals(40));
    place
}

fn train(place: &Place, task: &str, file: &str, more: &[&str]) -> serde_json::Value {
    let mut arguments = vec!["train", task, file, "--json", "--quiet", "--out", "run"];
    arguments.extend(SMALL);
    arguments.extend(more);
    last_json(&place.succeed(&arguments))
}

/// The layers of a configuration file are trained, kept by the run, and used; a run's own configuration trains them again.
#[test]
fn layers_of_a_file_are_trained() {
    let place = place();
    let layers = "task = \"classify\"\n[data]\ntrain = \"signals.jsonl\"\n[train]\nepochs = 3\n\
        [[layers]]\nkind = \"conv1d\"\nunits = 4\nkernel = 3\npadding = \"same\"\n\
        [[layers]]\nkind = \"min_gru\"\nunits = 5\n\
        [[layers]]\nkind = \"dense\"\nunits = 2\n";
    place.write("run.toml", layers);
    let trained =
        last_json(&place.succeed(&["train", "--config", "run.toml", "--out", "run", "--json", "--quiet"]));
    assert_eq!(
        trained["parameters"].as_u64(),
        Some((2 * 4 * 3 + 4) + (2 * (4 * 5 + 5)) + (5 * 2 + 2)),
        "{trained}"
    );
    let summary = place.succeed(&["summary", "run"]).stdout;
    assert!(summary.contains("conv1d (Conv1D)") && summary.contains("min_gru (minGRU)"), "{summary}");
    let predicted = place.succeed(&["predict", "run", "signals.jsonl"]).stdout;
    assert_eq!(predicted.lines().count(), 41, "{predicted}");
    let again = ["train", "classify", "--config", "run/config.toml", "--out", "again", "--quiet"];
    place.succeed(&again);
    let model = |run: &str| std::fs::read(place.path(run).join("model.safetensors")).unwrap();
    assert_eq!(model("run"), model("again"));
    for (more, expected) in [
        (
            &["--hidden", "9"][..],
            "--hidden describes the usual network, but layers say what the network is; leave out",
        ),
        (&["--set", "network.pool=max"], "network.pool describes the usual network"),
        (&["--seed", "1"], "the layers: conv1d needs numbers [N, T, F], but the input gives ids"),
    ] {
        let arguments = ["train", "classify", "reviews.csv", "--config", "run.toml", "--out", "refused"];
        place.refuse(&[&arguments[..], more].concat(), &[expected]);
    }
    let arguments = ["train", "translate", "reviews.csv", "--config", "layers.toml", "--out", "refused"];
    place.write("layers.toml", "[[layers]]\nkind = \"lstm\"\nunits = 4\n");
    place.refuse(&arguments, &["but translate has a network of its own; leave them out"]);
}

#[test]
fn texts_are_classified() {
    let place = place();
    let trained = train(
        &place,
        "classify",
        "reviews.csv",
        &["--epochs", "15", "--lr", "0.02", "--batch", "4", "--dropout", "0"],
    );
    assert_eq!((trained["task"].as_str(), trained["run"].as_str()), (Some("classify"), Some("run")));
    assert_eq!(trained["metrics"]["test"]["accuracy"].as_f64(), Some(1.0), "{trained}");
    // The majority and the linear model, and the network alone where the linear model answers with it.
    assert!(trained["baselines"].as_object().is_some_and(|all| [2, 3].contains(&all.len())));
    for file in ["config.toml", "metrics.jsonl", "model.safetensors"] {
        assert!(place.path("run").join(file).is_file(), "{file}");
    }
    assert!(!place.path("run/checkpoint.safetensors").exists());
    place.write("new.csv", "text\na 좋은 film\nbad bad film\nan unknown one\n");
    let csv = place.succeed(&["predict", "run", "new.csv"]).stdout;
    let labels: Vec<&str> = csv.lines().map(|line| line.split(',').nth(1).unwrap()).collect();
    assert_eq!(labels[..3], ["label", "good", "poor"], "{csv}");
    assert!(csv.lines().nth(1).unwrap().starts_with("a 좋은 film,good,0."), "{csv}");
    // Lines of text are read as the column is, an empty one is unknown, and one column may stand beside the predictions.
    let lines = place.run_with_input(&["predict", "run", "-"], "a 좋은 film\n\nbad bad film\n");
    let rows: Vec<&str> = lines.stdout.lines().collect();
    assert_eq!((rows.len(), rows[0], rows[2]), (4, "text,label,probability", ",unknown,"), "{lines:?}");
    assert_eq!((rows[1], rows[3]), (csv.lines().nth(1).unwrap(), csv.lines().nth(2).unwrap()));
    assert!(lines.stderr.contains("1 of 3 texts have nothing to read"), "{lines:?}");
    place.write("ids.csv", "id,text,label\n7,a 좋은 film,x\n8,,x\n");
    let ids = place.succeed(&["predict", "run", "ids.csv", "--id", "id"]).stdout;
    assert!(ids.starts_with("id,label,probability\n7,good,0.") && ids.ends_with("\n8,unknown,\n"), "{ids}");
    let all = place.succeed(&["predict", "run", "ids.csv"]).stdout;
    assert!(all.starts_with("id,text,label,predicted_label,probability\n7,a 좋은 film,x,good,0."), "{all}");
    let json = last_json(&place.succeed(&["predict", "run", "ids.csv", "--json", "--id", "id"]));
    assert_eq!(
        (&json["ids"], &json["predictions"][1]),
        (&serde_json::json!(["7", "8"]), &serde_json::Value::Null)
    );
    assert_eq!(json["notes"].as_array().unwrap().len(), 1);
    place.refuse(&["predict", "run", "ids.csv", "--id", "di"], &["there is no field 'di'", "'id'"]);
    place.refuse(&["predict", "run", "ids.csv", "--strict"], &["ids.csv: line 3: there is nothing to read"]);
    let answers = last_json(&place.succeed(&["predict", "run", "new.csv", "--json"]));
    assert_eq!(answers["classes"], serde_json::json!(["fair", "good", "poor"]));
    let probabilities = answers["predictions"][0]["probabilities"].as_array().unwrap();
    let sum: f64 = probabilities.iter().map(|p| p.as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-9);
    // Standard input is read as the file is.
    let piped =
        place.run_with_input(&["predict", "run", "-"], "text\na 좋은 film\nbad bad film\nan unknown one\n");
    assert_eq!(piped.stdout, csv);
    let evaluated = last_json(&place.succeed(&["evaluate", "run", "reviews.csv", "--json"]));
    assert_eq!(evaluated["examples"], 60);
    assert_eq!(evaluated["metrics"]["accuracy"].as_f64(), Some(1.0));
    assert!(place.succeed(&["summary", "run"]).stdout.contains("embedding"));
}

/// 60 texts whose first word says one label and whose last says another, independently.
fn posts() -> String {
    let row = |n: usize| {
        let tags = [(n.is_multiple_of(2), "cats"), (n.is_multiple_of(3), "rain")]
            .into_iter()
            .filter(|(has, _)| *has);
        let tags: Vec<&str> = tags.map(|(_, tag)| tag).collect();
        let (first, last) = (["kittens", "they"][n % 2], ["wet", "dry", "dry"][n % 3]);
        format!("{n},{first} came in {},{}\n", last, tags.join(";"))
    };
    format!("id,text,tags\n{}", (0..60).map(row).collect::<String>())
}

#[test]
fn records_may_have_several_labels() {
    let place = place();
    place.write("posts.csv", posts());
    let more = ["--labels", "tags", "--epochs", "20", "--lr", "0.02", "--batch", "4", "--dropout", "0"];
    let trained = train(&place, "classify", "posts.csv", &more);
    assert_eq!(trained["classes"], serde_json::json!(["cats", "rain"]));
    let test = &trained["metrics"]["test"];
    assert_eq!(
        (test["micro_f1"].as_f64(), test["subset_accuracy"].as_f64()),
        (Some(1.0), Some(1.0)),
        "{trained}"
    );
    assert_eq!(test["labels"].as_array().map(Vec::len), Some(2));
    place.write(
        "new.csv",
        "text,labels\nkittens came in wet,x\nthey came in dry,y\nkittens came in dry,z\n,q\n",
    );
    let csv = place.succeed(&["predict", "run", "new.csv"]).stdout;
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!(rows[0], "text,labels,predicted_labels,probability_cats,probability_rain");
    assert!(
        rows[1].starts_with("kittens came in wet,x,cats|rain,0.") && rows[3].contains(",z,cats,0."),
        "{csv}"
    );
    assert!(rows[2].starts_with("they came in dry,y,,0.") && rows[4] == ",q,unknown,,", "{csv}");
    let json = last_json(&place.succeed(&["predict", "run", "new.csv", "--json"]));
    assert_eq!(json["predictions"][0]["labels"], serde_json::json!(["cats", "rain"]));
    assert_eq!(json["predictions"][1]["labels"], serde_json::json!([]));
    assert_eq!(json["predictions"][2]["probabilities"].as_array().map(Vec::len), Some(2));
    assert_eq!(json["thresholds"].as_array().map(Vec::len), Some(2));
    let shown = last_json(&place.succeed(&["summary", "run", "--json"]));
    assert_eq!(shown["thresholds"], json["thresholds"]);
    assert!(
        place.succeed(&["summary", "run"]).stdout.contains("2 labels, of which a record may have several")
    );
    // The predictions are read as labels, and a label that is not known is missed.
    place.write(
        "more.jsonl",
        "{\"text\": \"kittens came in wet\", \"tags\": [\"cats\", \"rain\", \"fog\"]}\n",
    );
    let evaluated = last_json(&place.succeed(&["evaluate", "run", "more.jsonl", "--json"]));
    assert_eq!(evaluated["metrics"]["recall"].as_f64(), Some(2.0 / 3.0), "{evaluated}");
    let note = evaluated["notes"][0].as_str().unwrap();
    assert!(note.contains("1 of 3 labels are none that were learnt") && note.contains("'fog' (1)"), "{note}");
    // What the run keeps trains the same model again.
    place.succeed(&["train", "--config", "run/config.toml", "--quiet", "--out", "again"]);
    let model = |run: &str| std::fs::read(place.path(run).join("model.safetensors")).unwrap();
    assert!(model("run") == model("again"));
    for (more, expected) in [
        (&["--labels", "tags", "--label", "id"][..], "--labels means nothing beside --label, which names"),
        (&["--labels", "tags", "--threshold", "2"], "--labels means nothing beside --threshold"),
        (
            &["--labels", "tags", "--label-smoothing", "0.1"],
            "--labels means nothing beside --label-smoothing",
        ),
        (&["--labels", "tag"], "there is no field 'tag'; did you mean 'tags'?"),
        (&["--labels", "id"], "there are 60 labels, '0' the first of them, and no two records share one"),
    ] {
        place.refuse(&[&["train", "classify", "posts.csv", "--out", "refused"], more].concat(), &[expected]);
    }
    let arguments = ["train", "classify", "more.jsonl", "--label", "tags", "--out", "refused"];
    place.refuse(&arguments, &["tags is a list", "name their field to classify with --labels"]);
    place.refuse(&["train", "regress", "posts.csv", "--labels", "tags"], &["--labels"]);
}

#[test]
fn columns_of_zeros_and_ones_are_labels() {
    let place = place();
    let mut text = String::from("id,text,cats,rain\n");
    for n in 0..60 {
        let (cats, rain) = (n % 2, n / 2 % 2);
        let texts =
            [["they came in dry", "they came in wet"], ["kittens came in dry", "kittens came in wet"]];
        text += &format!("{n},{},{cats},{rain}\n", texts[cats][rain]);
    }
    place.write("posts.csv", &text);
    let arguments = ["--text", "text", "--labels", "cats,rain", "--out", "run"];
    train(&place, "classify", "posts.csv", &arguments);
    place.write("more.csv", "text,cats,rain\nkittens came in wet,1,1\nthey came in dry,0,0\n");
    let evaluated = last_json(&place.succeed(&["evaluate", "run", "more.csv", "--json"]));
    assert!(evaluated["metrics"]["micro_f1"].is_number(), "{evaluated}");
    // Without the columns, and with them.
    for (file, content) in
        [("new.csv", "text\nthey came in wet\n"), ("newer.csv", "text,cats\nthey came in wet,3\n")]
    {
        place.write(file, content);
        let predicted = place.succeed(&["predict", "run", file]).stdout;
        assert!(predicted.starts_with("text,") && predicted.contains("probability_rain"), "{predicted}");
    }
    let refused = ["train", "classify", "posts.csv", "--text", "text", "--labels", "cats,id"];
    place.refuse(&refused, &["row 4: 'id' is '2', which is neither 0 nor 1"]);
}

#[test]
fn folds_are_measured_and_shown() {
    let place = place();
    let arguments = ["train", "classify", "reviews.csv", "--folds", "3", "--json", "--out", "run"];
    let ran = place.succeed(&[&arguments[..], &SMALL].concat());
    let json = last_json(&ran);
    let folds = &json["folds"];
    assert_eq!(folds["examples"], serde_json::json!([20, 20, 20]), "{json}");
    let accuracy = &folds["metrics"]["accuracy"]["model"];
    let each: Vec<f64> =
        accuracy["folds"].as_array().unwrap().iter().map(|one| one.as_f64().unwrap()).collect();
    assert_eq!(each.len(), 3);
    assert!((accuracy["mean"].as_f64().unwrap() - each.iter().sum::<f64>() / 3.0).abs() < 1e-12);
    assert!(
        ran.stderr.contains("fold 2 of 3, 20 examples") && ran.stderr.contains("standard deviation"),
        "{ran:?}"
    );
    let page = place.read("run/report.html");
    assert!(page.contains("<h2>Folds</h2>"), "the report has no folds");
    // Without them it is the same model, and says nothing of any.
    let json = train(&place, "classify", "reviews.csv", &["--out", "without"]);
    assert_eq!(json["folds"], serde_json::Value::Null);
    let model = |run: &str| std::fs::read(place.path(run).join("model.safetensors")).unwrap();
    assert!(model("run") == model("without"));
    for (command, expected) in [
        (&["tune", "classify", "reviews.csv", "--trials", "2"][..], "--folds are of a single training"),
        (&["find-lr", "classify", "reviews.csv"], "unexpected argument '--folds'"),
        (&["train", "classify", "-"], "--folds reads the data anew for each fold"),
    ] {
        place.refuse(&[command, &["--folds", "3"]].concat(), &[expected]);
    }
}

#[test]
fn tokens_without_room_in_the_vocabulary_are_told_of() {
    let place = place();
    let mut arguments = vec!["train", "classify", "reviews.csv", "--vocabulary", "6", "--out", "run"];
    arguments.extend(SMALL);
    let said = place.succeed(&arguments).stderr;
    assert!(said.contains("96 of 240 tokens of the training part are too rare"), "{said}");
    // What the run keeps states it as well.
    place.succeed(&["train", "--config", "run/config.toml", "--quiet", "--out", "again"]);
    let model = |run: &str| std::fs::read(place.path(run).join("model.safetensors")).unwrap();
    assert!(model("run") == model("again"));
}

/// 30,000 words of the first column and as many of the second, all of them different.
#[test]
fn vocabularies_that_nobody_asked_for_are_refused() {
    let place = Place::new();
    let words = |from: usize| (from..from + 30_000).map(|i| format!("낱말{i}")).collect::<Vec<_>>();
    let (first, second) = (words(0), words(30_000));
    place.write("t.csv", format!("text,label\n{},1\n{},2\n", first.join(" "), second.join(" ")));
    let line = |tokens: &[String], tag: &str| {
        serde_json::json!({"tokens": tokens, "tags": vec![tag; 30_000]}).to_string()
    };
    place.write("t.jsonl", format!("{}\n{}\n", line(&first, "A"), line(&second, "B")));
    place.write("t.txt", format!("{} {}", first.join(" "), second.join(" ")));
    let said = "makes a vocabulary of 60002 tokens, more than the 50000 that are taken unasked; --vocabulary N keeps \
                the N most frequent; --min-count 2 leaves out rarer ones";
    let all = ["--valid", "0", "--test", "0"];
    for (arguments, expected) in [
        (&["classify", "t.csv", "--subwords", "off"][..], said.to_owned()),
        (&["regress", "t.csv", "--subwords", "off"], said.to_owned()),
        (
            &["tag", "t.jsonl", "--min-count", "1", "--subwords", "off"],
            format!("{said}; --lowercase makes one of words that differ in case"),
        ),
        (&["lm", "t.txt", "--level", "word", "--min-count", "1"], format!("{said}; --lowercase makes")),
    ] {
        place.refuse(&[&["train"], arguments, &all].concat(), &[&expected]);
    }
    let tiny = ["--epochs", "1", "--hidden", "1", "--embedding", "1", "--layers", "1", "--chunk", "10"];
    let lm = [&["train", "lm", "t.txt", "--level", "word", "--min-count", "1"], &all[..], &tiny, &["--out"]]
        .concat();
    let kept = "59998 of 60000 tokens of the training part are too rare to be in the vocabulary of 4";
    for (run, stated) in [("option", ["--vocabulary", "4"]), ("set", ["--set", "text.vocabulary=4"])] {
        let said = place.succeed(&[&lm[..], &[run], &stated].concat()).stderr;
        assert!(said.split_whitespace().collect::<Vec<_>>().join(" ").contains(kept), "{said}");
    }
    // Where words have parts, rare ones are not unknown.
    let small = ["--epochs", "1", "--hidden", "1", "--embedding", "1", "--out", "parts"];
    let said = place.succeed(&[&["train", "classify", "t.csv"], &all[..], &small].concat()).stderr;
    let kept = "10002 of 60000 tokens of the training part are too rare to be in the vocabulary of 50000 and count as <UNK>, with \
                the vectors of their parts";
    assert!(said.split_whitespace().collect::<Vec<_>>().join(" ").contains(kept), "{said}");
}

#[test]
fn numbers_become_two_classes_or_a_number() {
    let place = place();
    let more = ["--label", "stars", "--threshold", "2"];
    let trained = train(&place, "classify", "reviews.csv", &more);
    assert_eq!(trained["metrics"]["test"]["confusion"].as_array().map(Vec::len), Some(2));
    std::fs::remove_dir_all(place.path("run")).unwrap();
    let more = ["--label", "stars", "--epochs", "15", "--lr", "0.02", "--batch", "4", "--dropout", "0"];
    let more = [&more[..], &["--pool", "attention", "--cell", "gru"]].concat();
    let trained = train(&place, "regress", "reviews.csv", &more);
    assert!(trained["metrics"]["test"]["rmse"].as_f64().unwrap() < 1.0, "{trained}");
    let csv = place.succeed(&["predict", "run", "reviews.csv"]).stdout;
    assert_eq!((csv.lines().next().unwrap().ends_with(",prediction"), csv.lines().count()), (true, 61));
}

#[test]
fn sequences_of_numbers_are_classified() {
    let place = place();
    let trained = train(
        &place,
        "classify",
        "signals.jsonl",
        &["--epochs", "20", "--lr", "0.02", "--batch", "4", "--pool", "last", "--dropout", "0"],
    );
    assert_eq!(trained["metrics"]["test"]["accuracy"].as_f64(), Some(1.0), "{trained}");
    place.refuse(&["predict", "run", "reviews.csv"], &["reviews.csv: there is no field 'x'"]);
    place.refuse(&["predict", "run"], &["there is no file to predict for"]);
    place.refuse(&["predict", "run", "signals.jsonl", "--steps", "3"], &["--steps is for forecasts"]);
}

#[test]
fn a_configuration_trains_what_options_train() {
    let place = place();
    let mut options =
        vec!["train", "classify", "reviews.csv", "--quiet", "--out", "options", "--embedding", "5"];
    options.extend(SMALL);
    place.succeed(&options);
    let template = place.succeed(&["config", "classify"]).stdout;
    place.write("run.toml", template.replace("data.csv", "reviews.csv"));
    let set =
        ["train.epochs=3", "network.hidden=6", "network.embedding=5", "data.valid=0.2", "data.test=0.2"];
    let mut arguments = vec!["train", "--config", "run.toml", "--quiet", "--out", "config"];
    set.iter().for_each(|set| arguments.extend(["--set", set]));
    place.succeed(&arguments);
    let model = |run: &str| std::fs::read(place.path(run).join("model.safetensors")).unwrap();
    assert!(model("options") == model("config"));
    // What a run folder keeps is a configuration too.
    place.succeed(&["train", "--config", "options/config.toml", "--quiet", "--out", "again"]);
    assert!(model("options") == model("again"));
}

#[test]
fn settings_that_cannot_be_used_are_refused() {
    let place = place();
    place.write(
        "typo.toml",
        "task = \"classify\"\n[data]\ntrain = \"reviews.csv\"\n[train]\nlearning_rate = 0.1\n",
    );
    place.write("broken.toml", "task = \"classify\"\n[data\n");
    place.write("none.toml", "[data]\ntrain = \"reviews.csv\"\n");
    place.write("short.txt", "bad 1 2 3\nfilm 4 5 6\n");
    place.write("header.txt", "2 2\nbad 1 2\nfilm 4 5\n");
    place.refuse(
        &["train", "--config", "typo.toml"],
        &["there is no setting \"train.learning_rate\"", "did you mean"],
    );
    place.refuse(&["train", "--config", "broken.toml"], &["broken.toml: line 2"]);
    place.refuse(&["train", "--config", "none.toml"], &["names no task"]);
    place.refuse(&["train", "--config", "absent.toml"], &["absent.toml", "give another path"]);
    for (more, expected) in [
        (&["--set", "train.lr=fast"][..], "train.lr is \"fast\"; it must be a number"),
        (&["--set", "lr=0.1"], "there is no setting \"lr\"; did you mean train.lr?"),
        (&["--set", "train.lr"], "give KEY=VALUE"),
        (&["--set", "train.chunk=3"], "train.chunk means nothing to classify"),
        (&["--lr", "-1"], "--lr is -1; it must be a number"),
        (&["--epochs", "0"], "--epochs is 0; it must be at least 1"),
        (&["--valid", "1.5"], "--valid is 1.5"),
        (&["--valid", "0.6", "--test", "0.6"], "leave nothing to train on"),
        (&["--cell", "lstn"], "'lstm'"),
        (&["--optimizer", "adan"], "'adam'"),
        (&["--dropout", "1"], "--dropout is 1"),
        (&["--label", "lable"], "there is no field 'lable'"),
        (&["--threshold", "3"], "label"),
        (&["--label", "stars", "--threshold", "9"], "no label is > 9"),
        (&["--vectors", "absent.txt"], "absent.txt"),
        (&["--test", "absent.csv"], "absent.csv"),
        (
            &["--batch-tokens", "2"],
            "--batch-tokens is 2, but the longest sequence has 8 steps; give at least",
        ),
        (
            &["--x-layout", "time-channel"],
            "--x-layout is for numbers, but the data holds texts; leave it out",
        ),
        (
            &["--vectors", "short.txt"],
            "short.txt: its vectors have 3 numbers each, but the embedding has 100 features",
        ),
        (&["--vectors", "header.txt"], "give --embedding 2"),
    ] {
        let mut arguments = vec!["train", "classify", "reviews.csv"];
        arguments.extend(more);
        place.refuse(&arguments, &[expected]);
    }
    place.refuse(&["train", "classify"], &["no data is named"]);
    for (option, value, key) in [
        ("--level", "char", "--level"),
        ("--lowercase", "false", "--lowercase"),
        ("--min-count", "2", "--min-count"),
        ("--vocabulary", "9", "--vocabulary"),
        ("--embedding", "16", "--embedding"),
        ("--set", "network.embedding=16", "network.embedding"),
    ] {
        let expected = format!("{key} is for texts, but the data holds numbers; leave it out");
        place.refuse(&["train", "classify", "signals.jsonl", option, value], &[&expected]);
    }
    place.write(
        "numbers.toml",
        "task = \"classify\"\n[data]\ntrain = \"signals.jsonl\"\n[network]\nembedding = 16\n",
    );
    place.refuse(&["train", "--config", "numbers.toml"], &["network.embedding is for texts"]);
}

/// Figures by class, and which class is which; and what a model makes of a file that it cannot read.
#[test]
fn figures_name_their_classes_and_what_is_unknown() {
    let place = place();
    let trained = train(&place, "classify", "reviews.csv", &[]);
    let classes = serde_json::json!(["fair", "good", "poor"]);
    assert_eq!(trained["classes"], classes);
    place.write("other.csv", "text,label\na strange book,good\n");
    let ran = place.succeed(&["evaluate", "run", "other.csv", "--json"]);
    let measured = last_json(&ran);
    assert_eq!(measured["classes"], classes);
    assert_eq!(measured["unknown_tokens"], serde_json::json!({"count": 2, "of": 3}));
    assert_eq!(ran.stderr, "· 2 of 3 tokens are not in the vocabulary and are read by their known parts\n");
    assert!(place.succeed(&["evaluate", "run", "other.csv"]).stdout.starts_with("other.csv, 1 example "));
    let note = "· 2 of 3 tokens are not in the vocabulary and are read by their known parts\n";
    for (more, said) in [(&[][..], note), (&["--json"], note), (&["--quiet"], "")] {
        let ran = place.succeed(&[&["predict", "run", "other.csv"], more].concat());
        assert_eq!(ran.stderr, said, "{more:?}");
    }
    let answers = last_json(&place.succeed(&["predict", "run", "other.csv", "--json", "--quiet"]));
    assert_eq!(answers["unknown_tokens"], measured["unknown_tokens"]);
    assert_eq!(place.succeed(&["predict", "run", "reviews.csv"]).stderr, "");
    let ran = place.succeed(&["evaluate", "run", "reviews.csv", "--json"]);
    assert_eq!((ran.stderr.as_str(), &last_json(&ran)["unknown_tokens"]["count"]), ("", &0.into()));
    let sentence = "{\"tokens\": [\"a\", \"b\"], \"tags\": [\"X\", \"Y\"]}\n";
    place.write("tags.jsonl", sentence.repeat(20));
    let options = ["--epochs", "1", "--hidden", "3", "--out"];
    let tag = place.succeed(&[&["train", "tag", "tags.jsonl", "--json"], &options[..], &["tags"]].concat());
    assert_eq!(last_json(&tag)["classes"], serde_json::json!(["X", "Y"]));
    assert!(tag.stderr.contains("tags.jsonl: 16 sentences to learn\n"), "{tag:?}");
    assert!(tag.stderr.contains("\nthe most frequent tag of each token  "), "{tag:?}");
    place.write("foreign.jsonl", "{\"tokens\": [\"a\", \"ß\", \"ç\"]}\n");
    assert_eq!(place.succeed(&["predict", "tags", "foreign.jsonl"]).stderr, note);
    // An option that a command lacks is no way out.
    place.refuse(&["predict", "tags", "signals.jsonl"], &["call it 'tokens', or train with --tokens NAME"]);
    place.write("song.txt", "ten green bottles\n".repeat(30));
    let lm = ["train", "lm", "song.txt", "--layers", "1", "--chunk", "9", "--batch", "2"];
    let lm = place.succeed(&[&lm[..], &options, &["lm"]].concat());
    assert!(lm.stderr.contains("song.txt: 486 tokens to learn\n"), "{lm:?}");
    assert!(lm.stderr.contains("\neach token as often as in training  "), "{lm:?}");
    let measured = last_json(&place.succeed(&["evaluate", "lm", "reviews.csv", "--json"]));
    assert!(measured["unknown_tokens"]["count"].as_u64() > Some(300), "{measured}");
}

#[test]
fn data_that_cannot_be_learnt_is_refused() {
    let place = place();
    for (name, text, expected) in [
        ("one.csv", "text,label\na,x\nb,x\nc,x\n", "every label is 'x'"),
        ("empty.csv", "text,label\na,x\n,y\nc,x\nd,y\n", "row 3, column 'text': the text is empty"),
        ("lone.csv", "text,label\na,x\nb,x\nc,x\nd,y\n", "the label 'y' occurs once"),
        ("nan.jsonl", "{\"x\": [[1, null]], \"label\": 1}\n", "line 1"),
        ("unequal.jsonl", "{\"x\": [[1, 2], [1]], \"label\": 1}\n", "--x-layout"),
        (
            "missing.jsonl",
            "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\"}\n",
            "line 2 names 'text'; give it one",
        ),
        (
            "null.jsonl",
            "{\"text\": \"a\", \"label\": null}\n",
            "line 1: label is empty; give the record a label",
        ),
        ("huge.jsonl", "{\"x\": [[1, 1e999]], \"label\": 1}\n", "every value must be a finite number"),
    ] {
        place.write(name, text);
        place.refuse(&["train", "classify", name], &[name, expected]);
    }
    place.write("train.csv", "text,label\na,x\nb,y\na,x\nb,y\n");
    place.write("test.csv", "text,label\na,x\nb,z\n");
    let ran = place.succeed(&[
        "train",
        "classify",
        "train.csv",
        "--valid",
        "0",
        "--test",
        "test.csv",
        "--epochs",
        "1",
        "--out",
        "unseen",
    ]);
    assert!(
        ran.stderr.contains("test: 1 of 2 labels are none that were learnt, and count as wrong: 'z' (1)"),
        "{ran:?}"
    );
    let same = "text,label\na,3\n".to_owned() + &"b,3\n".repeat(30);
    for (name, text, expected) in [
        (
            "same.csv",
            &*same,
            "every label is 3, which leaves nothing to learn; name another field with --label",
        ),
        ("words.csv", "text,label\na,x\nb,y\n", "line 2: the label 'x' is not a number"),
        ("infinite.csv", "text,label\na,1\nb,inf\n", "line 3: the label 'inf' is not finite"),
        ("lonely.csv", "text,label\na,1\n", "every label is 1"),
    ] {
        place.write(name, text);
        place.refuse(&["train", "regress", name], &[name, expected]);
    }
    for (name, text, expected) in [
        (
            "l.jsonl",
            "{\"tokens\": [\"a\", \"b\"], \"tags\": [\"X\"]}\n",
            "line 1: 'tokens' has 2 but 'tags' has 1",
        ),
        (
            "none.jsonl",
            "{\"tokens\": [\"a\"], \"tags\": [\"X\"]}\n{\"tokens\": [\"a\"]}\n",
            "line 2 names 'tokens'; give it",
        ),
        ("empty.jsonl", "{\"tokens\": [], \"tags\": []}\n", "line 1: tokens is an empty list; leave such"),
        ("words.conll", "one two\nthree\n", "line 2: 1 column where line 1 has 2"),
        ("one.conll", "a X\nb Y\n", "there is but one example, so none can be held out"),
    ] {
        place.write(name, text);
        place.refuse(&["train", "tag", name], &[expected]);
    }
    for (name, text, expected) in [
        ("empty.txt", "", "there is no text in it"),
        ("short.txt", "to be or not", "fewer than a chunk of 16; give a longer text or a smaller --chunk"),
        ("zip.txt", "PK\u{3}\u{4}", "the file is a ZIP archive; unpack it first"),
    ] {
        place.write(name, text);
        place.refuse(&["train", "lm", name], &[name, expected]);
    }
    place.refuse(&["train", "lm", "-"], &["standard input: there is no text in it"]);
    place.refuse(&["train", "lm", "-", "--test", "-"], &["data.train and --test are both standard input"]);
}

/// One that reads a pipe goes on with the same pipe, and with no other.
#[test]
fn a_training_from_standard_input_needs_it_again() {
    let place = place();
    let lm = "to be or not to be, that is the question\n".repeat(30);
    let lm_options = ["--batch", "2", "--chunk", "16", "--embedding", "4", "--layers", "1"];
    let days = series("date", "y", 300);
    let forecast_options = ["--target", "y", "--patience", "100", "--horizon", "7", "--season", "7"];
    for (task, options, text, other) in [
        ("lm", &lm_options[..], &lm, lm.replace("question", "answer")),
        ("forecast", &forecast_options, &days, days.replacen("24", "25", 1)),
    ] {
        let [whole, cut] = ["whole", "cut"].map(|run| format!("{task}-{run}"));
        let mut train = vec!["train", task, "-", "--epochs", "100", "--valid", "0", "--hidden", "4"];
        train.extend(options);
        train.extend(["--quiet", "--out"]);
        let ran = place.run_with_input(&[&train[..], &[&whole]].concat(), text);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let mut child = place
            .command(&[&train[..], &[&cut]].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        while !place.path(&cut).exists() {
            assert_eq!(child.try_wait().unwrap(), None, "it ended before its first save");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let resume = ["train", "--resume", &cut, "--quiet"];
        // The first try also sweeps away what the killed process was writing.
        place.run(&resume);
        for input in ["", "to be", &other] {
            place.refuse_with_input(
                &resume,
                input,
                &["standard input: the training began with data from it; give the same"],
            );
        }
        let ran = place.run_with_input(&resume, text);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let model = |run: &str| std::fs::read(place.path(run).join("model.safetensors")).unwrap();
        assert!(model(&cut) == model(&whole), "{task}");
    }
}

#[test]
fn attention_tells_how_much_each_step_counts() {
    let place = place();
    for (run, file, task) in [("texts", "reviews.csv", "classify"), ("numbers", "signals.jsonl", "regress")] {
        let out = ["train", task, file, "--pool", "attention", "--quiet", "--out", run];
        place.succeed(&[&out[..], &SMALL].concat());
        let plain = last_json(&place.succeed(&["predict", run, file, "--json"]));
        let told = last_json(&place.succeed(&["predict", run, file, "--json", "--attention"]));
        assert_eq!((plain.get("attention"), &plain["predictions"]), (None, &told["predictions"]));
        let all = told["attention"].as_array().unwrap();
        assert_eq!(all.len(), told["predictions"].as_array().unwrap().len());
        for (place, one) in all.iter().enumerate() {
            let weights: Vec<f64> =
                one["weights"].as_array().unwrap().iter().filter_map(|w| w.as_f64()).collect();
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{one}");
            let steps = if run == "texts" { one["tokens"].as_array().unwrap().len() } else { 3 + place % 4 };
            assert_eq!(weights.len(), steps, "{one}");
        }
        assert_eq!(run == "numbers", all[0].get("tokens").is_none());
        if run == "texts" {
            assert_eq!(all[0]["tokens"], serde_json::json!(["a", "좋은", "film", ",", "number", "0"]));
        }
    }
    place.succeed(&[&["train", "classify", "reviews.csv", "--quiet", "--out", "run"], &SMALL[..]].concat());
    place.refuse(
        &["predict", "run", "reviews.csv", "--json", "--attention"],
        &["run: its steps have no attention weights; train one with --pool attention, or leave --attention out"],
    );
    place.refuse(&["predict", "texts", "reviews.csv", "--attention"], &["--json"]);
}
