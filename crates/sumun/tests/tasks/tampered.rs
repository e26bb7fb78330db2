//! Files that nobody could have written are errors, and never a panic: whatever is in them.

use serde_json::{Value, json};
use sumun::model::ModelFile;
use sumun::run::Checkpoint;
use sumun::tasks::{open_file, resume};
use sumun::train::StopAfter;

use crate::lessons::{LESSONS, Lesson};

fn lesson(name: &str) -> &'static Lesson {
    LESSONS.iter().find(|lesson| lesson.name == name).unwrap()
}

fn model(lesson: &Lesson, folder: &std::path::Path) -> ModelFile {
    let mut training = lesson.begin(folder, &[("train.epochs", "1")]);
    training.run(&mut (), &mut ()).unwrap();
    training.finish().unwrap().model_file().unwrap()
}

#[test]
fn pipelines_that_do_not_fit_their_network_are_refused() {
    let cases = [
        (
            "classify texts",
            "/pipeline/head/classes",
            json!(["a", "b", "c"]),
            "returns [N, 2], but its pipeline",
        ),
        ("classify texts", "/pipeline/head/classes", json!(["a", "a"]), "two classes are named 'a'"),
        (
            "classify texts",
            "/pipeline/head/majority",
            json!(2),
            "the most frequent class is 2, but there are 2",
        ),
        ("classify texts", "/pipeline/head/threshold", json!("x"), "its pipeline cannot be read"),
        (
            "classify texts",
            "/pipeline/reader/vocabulary/tokens",
            json!(["<PAD>", "<UNK>", "film"]),
            "vocabulary: 4",
        ),
        (
            "classify texts",
            "/pipeline/reader/subwords",
            json!(["the", "the"]),
            "is there twice, as 0 and as 1",
        ),
        ("classify texts", "/pipeline/reader/subwords", json!([]), "vocabulary: 9"),
        (
            "classify texts",
            "/pipeline/together/network",
            json!(-1.0),
            "the network counts -1 and the linear model",
        ),
        ("classify texts", "/pipeline/together/linear", Value::Null, "its pipeline cannot be read"),
        (
            "classify numbers",
            "/pipeline/together",
            json!({ "network": 1.0, "linear": 1.0 }),
            "which cannot be",
        ),
        (
            "classify texts",
            "/pipeline/reader/vocabulary/tokens",
            json!(["film", "film"]),
            "must begin with <PAD> and <UNK>",
        ),
        ("classify texts", "/pipeline/reader/tokenizer/unit", json!("verse"), "unknown variant `verse`"),
        ("classify texts", "/pipeline/kind", json!("tagging"), "its pipeline is not one for classify"),
        ("classify texts", "/pipeline", Value::Null, "its pipeline cannot be read"),
        ("classify numbers", "/pipeline/reader/scalers/0/scale", json!(0.0), "a channel is scaled by 0 from"),
        (
            "classify numbers",
            "/pipeline/reader/scalers/0/scale",
            json!(-1.0),
            "a channel is scaled by -1 from",
        ),
        // What NaN becomes in JSON.
        ("classify numbers", "/pipeline/reader/scalers/1/offset", Value::Null, "its pipeline cannot be read"),
        ("classify numbers", "/pipeline/reader/scalers", json!([]), "features: 0"),
        ("classify labels", "/pipeline/head/thresholds", json!([0.5]), "2 labels have 1 thresholds"),
        (
            "classify labels",
            "/pipeline/head/thresholds/1",
            json!(1.5),
            "a threshold is 1.5, which is no probability",
        ),
        (
            "classify labels",
            "/pipeline/head/alone/0",
            json!(-0.1),
            "a threshold is -0.1, which is no probability",
        ),
        // What NaN becomes in JSON.
        ("classify labels", "/pipeline/head/thresholds/0", Value::Null, "its pipeline cannot be read"),
        (
            "classify labels",
            "/pipeline/head/frequent",
            json!([2]),
            "most frequent labels are not 1 of 2 labels",
        ),
        (
            "classify labels",
            "/pipeline/head/frequent",
            json!([0, 0]),
            "most frequent labels are not 2 of 2 labels",
        ),
        ("classify labels", "/pipeline/head/labels", json!(["a", "b", "c"]), "3 labels have 2 thresholds"),
        ("classify labels", "/pipeline/head/labels", json!(["a", "a"]), "two classes are named 'a'"),
        ("classify labels", "/pipeline/lists", Value::Null, "it reads one label of each record"),
        ("classify labels", "/pipeline/lists", json!("tab"), "unknown variant `tab`"),
        ("classify texts", "/pipeline/lists", json!("bar"), "it reads lists of labels of each record"),
        ("classify labels", "/pipeline/rivals/thresholds", json!([]), "its baseline has"),
        ("classify labels", "/pipeline/rivals/thresholds", json!([0.0]), "its baseline has"),
        ("classify texts", "/pipeline/rivals/thresholds", json!([0.0, 0.0]), "its baseline has"),
        ("regress", "/pipeline/head/scaler/scale", json!(0), "the label is scaled by 0 from"),
        ("regress", "/pipeline/head/mean", Value::Null, "its pipeline cannot be read"),
        ("tag", "/pipeline/tags", json!(["A", "B"]), "a most frequent tag is"),
        ("tag", "/pipeline/tags", json!(["A", "B", "C", "D", "E"]), "returns [N, T, 4], but its pipeline"),
        ("tag", "/pipeline/tags", json!([]), "there are no labels"),
        (
            "tag",
            "/pipeline/most_frequent/overall",
            json!(4),
            "a most frequent tag is 4, but there are 4 tags",
        ),
        ("classify texts", "/pipeline/rivals/weights", json!([0.5]), "its baseline has 1 weights for"),
        ("classify texts", "/pipeline/rivals/counts/places", json!([3, 1]), "its baseline counts 2 n-grams"),
        ("classify numbers", "/pipeline/rivals/steps", json!(1_u64 << 60), "its baseline has"),
        ("classify numbers", "/pipeline/rivals/labels/classes", json!([7]), "its baseline has"),
        ("regress", "/pipeline/rivals/labels/numbers", json!([1.0]), "its baseline has"),
        (
            "tag",
            "/pipeline/suffixes/other",
            json!({ "s": 4 }),
            "a most frequent tag is 4, but there are 4 tags",
        ),
        (
            "tag",
            "/pipeline/crf",
            json!({ "scheme": null }),
            "together, but its network does not end in a crf",
        ),
        ("tag spans", "/pipeline/crf", Value::Null, "by itself, but its network ends in a crf"),
        (
            "tag spans",
            "/pipeline/crf/scheme",
            json!("iob3"),
            "its pipeline cannot be read: unknown variant `iob3`",
        ),
        ("tag spans", "/pipeline/crf/more", json!(1), "its pipeline cannot be read: unknown field `more`"),
        (
            "tag spans",
            "/pipeline/tags",
            json!(["A", "B", "C"]),
            "its tags mark no spans, but it has a scheme",
        ),
        ("tag", "/pipeline/reader/kind", json!("numbers"), "its pipeline cannot be read"),
        ("tag", "/pipeline/reader/vocabulary/special_tokens", json!(false), "lacks <PAD> and <UNK>"),
        ("simulate", "/pipeline/features", json!([]), "it reads no column"),
        ("simulate", "/pipeline/output/scale", json!(0), "a number of its scales is out of range"),
        ("simulate", "/pipeline/climate/mean", Value::Null, "its pipeline cannot be read"),
        ("simulate", "/pipeline/climates/0/months", json!([1.0]), "a mean of its baselines is out of range"),
        ("simulate", "/pipeline/statics", json!([]), "features: 1"),
        ("translate", "/pipeline/longest", json!(0), "it writes up to 0 tokens and reads up to 500"),
        ("translate", "/pipeline/longest", json!(1_u64 << 40), "it writes up to 1099511627776 tokens"),
        (
            "translate",
            "/pipeline/source/vocabulary/tokens",
            json!(["<PAD>", "<UNK>", "a"]),
            "tokens for 3, as its",
        ),
        ("translate", "/pipeline/target/vocabulary/tokens", json!(["<PAD>", "<UNK>"]), "has no token beside"),
    ];
    for (name, pointer, value, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut file = model(lesson(name), folder.path());
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match file.config.pointer_mut(pointer) {
            Some(place) => *place = value,
            // What such a file has not.
            None => file.config.pointer_mut(parent).unwrap()[key] = value,
        }
        let message = open_file("m", file).unwrap_err().to_string();
        assert!(message.contains(expected) && !message.contains('\n'), "{name} {pointer}: {message}");
    }
    // A network for another task.
    let folder = tempfile::tempdir().unwrap();
    for (of, task, expected) in [
        (
            "classify texts",
            "regress",
            "its pipeline cannot be read: unknown variant `classes`, expected `number`",
        ),
        ("regress", "tag", "its pipeline is not one for tag"),
        ("tag", "lm", "its pipeline is not one for lm"),
        ("tag", "translate", "its pipeline is not one for translate"),
        ("translate", "tag", "its pipeline is not one for tag"),
        ("tag", "forecast", "forecast"),
    ] {
        let mut file = model(lesson(of), folder.path());
        file.task = task.into();
        let message = open_file("m", file).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn weights_of_tags_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = model(lesson("tag spans"), folder.path());
    for name in ["crf.transitions", "crf.start", "crf.end"] {
        let place = whole.tensors.iter().position(|tensor| tensor.name == name).unwrap();
        let shape = whole.tensors[place].shape.clone();
        for change in ["short", "turned", "missing", "renamed"] {
            let mut file = whole.clone();
            match change {
                "short" => {
                    let shape: Vec<usize> = shape.iter().map(|size| size - 1).collect();
                    let values = vec![0.0; shape.iter().product()];
                    file.tensors[place] = sumun::model::NamedTensor::new(name, &shape, values);
                }
                "turned" => file.tensors[place].shape.push(1),
                "missing" => drop(file.tensors.remove(place)),
                _ => file.tensors[place].name = "strange".into(),
            }
            let message = open_file("m", file).unwrap_err().to_string();
            assert!(message.contains(name) && !message.contains('\n'), "{change}: {message}");
        }
    }
}

#[test]
fn weights_that_are_no_numbers_are_refused_by_every_task() {
    for lesson in LESSONS {
        let folder = tempfile::tempdir().unwrap();
        let file = model(lesson, folder.path());
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for place in 0..file.tensors.len() {
                let mut file = file.clone();
                *file.tensors[place].values.last_mut().unwrap() = bad;
                let message = open_file("m", file).unwrap_err().to_string();
                assert!(message.contains("with which nothing can be computed"), "{}: {message}", lesson.name);
            }
        }
    }
}

#[test]
fn predictions_that_overflow_are_errors_and_no_numbers() {
    for lesson in LESSONS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(lesson.file);
        let whole = model(lesson, folder.path());
        let mut refused = [0; 2];
        // Gates that are open or shut for good may hide how large the rest is.
        let weights: [fn(usize, f32) -> f32; 4] = [
            |_, _| f32::MAX,
            |_, _| -f32::MAX,
            |place, _| if place % 3 == 0 { f32::MAX } else { -f32::MAX },
            |_, weight| weight * 3e38,
        ];
        for of in weights {
            let mut file = whole.clone();
            let values = file.tensors.iter_mut().flat_map(|tensor| &mut tensor.values);
            values.enumerate().for_each(|(place, value)| *value = of(place, value.clamp(-1.0, 1.0)));
            let trained = open_file("m", file).unwrap();
            let request = sumun::tasks::Request { file: Some(&path), ..Default::default() };
            let found = [
                trained.predict(&request).map(|found| format!("{found:?}")),
                trained.evaluate(&path, &sumun::tasks::Reading::default()).map(|found| format!("{found:?}")),
            ];
            for (found, refused) in found.into_iter().zip(&mut refused) {
                match found {
                    Ok(all) => {
                        assert!(!all.contains("NaN") && !all.contains("inf,"), "{}: {all}", lesson.name)
                    }
                    Err(error) => {
                        let message = error.to_string();
                        assert!(message.contains("too large"), "{}: {message}", lesson.name);
                        *refused += 1;
                    }
                }
            }
        }
        assert!(refused.iter().all(|&refused| refused > 0), "{}: {refused:?}", lesson.name);
    }
    // The network's number is one, but in the unit of the label it is none.
    let folder = tempfile::tempdir().unwrap();
    let mut file = model(lesson("regress"), folder.path());
    *file.config.pointer_mut("/pipeline/head/scaler/scale").unwrap() = json!(f64::MAX);
    file.tensors.last_mut().unwrap().values[0] = 9.0;
    let path = folder.path().join(lesson("regress").file);
    let request = sumun::tasks::Request { file: Some(&path), ..Default::default() };
    let message = open_file("m", file).unwrap().predict(&request).unwrap_err().to_string();
    assert!(
        message.starts_with("prediction 1 of 30 is inf; its numbers, or the weights, are too large"),
        "{message}"
    );
}

#[test]
fn a_checkpoint_builds_no_network_that_it_has_no_weights_for() {
    for lesson in LESSONS {
        let folder = tempfile::tempdir().unwrap();
        let whole = checkpoint(lesson, folder.path());
        let layers = json!(100_000);
        for (key, value) in [("hidden", json!(9000)), ("hidden", json!(30_000_000)), ("layers", layers)] {
            let mut file = whole.clone();
            // Where it was left open, it is said now.
            file.config["about"]["config"]["network"][key] = value;
            let mut message = String::new();
            let info = allocation_counter::measure(|| {
                message = Checkpoint::from_file(file).and_then(resume).map(|_| ()).unwrap_err().to_string();
            });
            assert!(
                info.bytes_max < 8 << 20,
                "{} {key}: {} bytes for {message}",
                lesson.name,
                info.bytes_max
            );
            assert!(!message.contains('\n'), "{message}");
        }
    }
}

/// What a value is replaced with, one after the other.
fn strange() -> [Value; 8] {
    [json!(null), json!(0), json!(-1), json!(u32::MAX), json!(1e300), json!("strange"), json!([]), json!({})]
}

/// The places of a value and of all within it.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    let within: Vec<(String, &Value)> = match value {
        Value::Object(all) => all.iter().map(|(key, value)| (key.clone(), value)).collect(),
        // The first and the last of a list stand for all.
        Value::Array(all) => {
            let last = all.len().saturating_sub(1);
            let ends = all.iter().enumerate().filter(|(place, _)| [0, last].contains(place));
            ends.map(|(place, value)| (place.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (key, value) in within {
        let key = key.replace('~', "~0").replace('/', "~1");
        places(value, &format!("{at}/{key}"), found);
    }
}

/// Calls `check` with a file for each place that is missing or strange.
fn tampered(file: &ModelFile, mut check: impl FnMut(&str, ModelFile)) {
    let mut all = Vec::new();
    places(&file.config, "", &mut all);
    for place in all {
        for value in strange() {
            let mut file = file.clone();
            *file.config.pointer_mut(&place).unwrap() = value;
            check(&place, file);
        }
        if let Some((parent, key)) = place.rsplit_once('/') {
            let mut file = file.clone();
            if let Some(Value::Object(parent)) = file.config.pointer_mut(parent) {
                parent.remove(&key.replace("~1", "/").replace("~0", "~"));
                check(&place, file);
            }
        }
    }
}

#[test]
fn no_model_file_makes_anything_panic() {
    for lesson in LESSONS {
        let folder = tempfile::tempdir().unwrap();
        let (mut refused, mut accepted) = (0, 0);
        let path = folder.path().join(lesson.file);
        tampered(&model(lesson, folder.path()), |_, file| match open_file("m", file) {
            Err(error) => {
                assert!(!error.to_string().contains('\n'), "{error}");
                refused += 1;
            }
            Ok(task) => {
                // Some changes make another model of it; it answers, or says why it does not.
                accepted += 1;
                let _ = task.evaluate(&path, &sumun::tasks::Reading::default());
            }
        });
        assert!(refused > 3 * accepted && accepted > 0, "{}: {refused} and {accepted}", lesson.name);
    }
}

/// Where a training stands after its first epoch and a step of the second.
fn checkpoint(lesson: &Lesson, folder: &std::path::Path) -> ModelFile {
    let mut training = lesson.begin(folder, &[("train.epochs", "2")]);
    let mut whole = StopAfter::new(usize::MAX);
    training.run(&mut (), &mut whole).unwrap();
    let steps = training.checkpoint().unwrap().snapshot.position.steps() as usize / 2 + 1;
    let mut training = lesson.begin(folder, &[("train.epochs", "2")]);
    training.run(&mut (), &mut StopAfter::new(steps)).unwrap();
    training.checkpoint().unwrap().to_file().unwrap()
}

#[test]
fn no_checkpoint_makes_anything_panic() {
    for lesson in LESSONS {
        let folder = tempfile::tempdir().unwrap();
        let mut refused = 0;
        tampered(&checkpoint(lesson, folder.path()), |_, file| {
            match Checkpoint::from_file(file).and_then(resume) {
                Err(error) => {
                    assert!(!error.to_string().contains('\n'), "{error}");
                    refused += 1;
                }
                Ok((mut training, _)) => {
                    let mut few = StopAfter::new(3);
                    let _ = training.run(&mut (), &mut few).and_then(|_| training.finish().map(|_| ()));
                }
            }
        });
        assert!(refused > 100, "{}: {refused}", lesson.name);
    }
}

#[test]
fn checkpoints_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = checkpoint(lesson("tag"), folder.path());
    let refused =
        |file: ModelFile| Checkpoint::from_file(file).and_then(resume).map(|_| ()).unwrap_err().to_string();
    for (pointer, value, expected) in [
        ("/position/epoch", json!(0), "do not make step"),
        ("/position/epoch", json!(usize::MAX), "do not make step"),
        ("/position/batch", json!(usize::MAX), "do not make step"),
        ("/position/batch", json!(-1), "its position cannot be read"),
        ("/position/step", json!(0), "do not make step 0"),
        ("/position/records", json!([]), "do not make step"),
        ("/position/waited", json!(usize::MAX), "cannot be the best"),
        ("/position/best", json!([9, 0.5]), "epoch 9 cannot be the best"),
        ("/position/schedule/base", json!(1.0), "such a learning rate"),
        ("/about/config/train/batch", json!(0), "batch is 0"),
        ("/about/config/train/lr", json!(-1.0), "lr is -1"),
        ("/about/config/network/hidden", json!(5), "weights, but the network of its settings"),
        ("/about/prepared/model/layers/0/features", json!(5), "another vocabulary or network"),
        ("/about/sources", json!([]), "does not say which data"),
        ("/about/sources/0/hash", json!("00"), "has changed"),
        ("/about", json!({}), "the checkpoint's training cannot be read"),
    ] {
        let mut file = whole.clone();
        *file.config.pointer_mut(pointer).unwrap() = value;
        let message = refused(file);
        assert!(message.contains(expected), "{pointer}: {message}");
    }
    for (place, tensor) in whole.tensors.iter().enumerate() {
        for change in ["short", "long", "missing", "renamed"] {
            let mut file = whole.clone();
            match change {
                "short" => drop(file.tensors[place].values.pop()),
                "long" => file.tensors[place].values.push(0.0),
                "missing" => drop(file.tensors.remove(place)),
                _ => file.tensors[place].name = "strange".into(),
            }
            let message = refused(file);
            assert!(!message.contains('\n'), "{}, {change}: {message}", tensor.name);
        }
    }
    let mut file = whole.clone();
    file.task = "tag".into();
    assert!(refused(file).contains("not a checkpoint"));
    let mut more = whole;
    more.tensors.push(sumun::model::NamedTensor::new("carried.state", &[1], vec![0.0]));
    assert!(refused(more).contains("nothing carries \"state\""));
}
