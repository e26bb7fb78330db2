//! Classifiers of records that may have several labels.

use std::path::Path;

use sumun::model::ModelFile;
use sumun::tasks::{
    AnyTraining, Evaluated, Figures, Measured, Outcome, Predicted, Prediction, Request, configure, named,
    setting,
};

const LABELS: [&str; 3] = ["animals", "food", "ships"];

/// Sentences of so many words whose labels each have a word of their own, among words that say nothing; some have none, and the
/// labels do not depend on each other.
fn sentences(count: usize, from: usize) -> String {
    let mut text = String::from("text,tags\n");
    for n in from..from + count {
        let has = [n % 2 == 0, n % 3 == 0, n % 5 == 0];
        let words = [["dogs", "bears"][n / 2 % 2], ["bread", "soup"][n / 3 % 2], "boats"];
        let mut all = vec!["they", "saw", ["some", "many", "no"][n % 7 % 3], "things", "today"];
        let mut tags = Vec::new();
        for k in (0..3).filter(|&k| has[k]) {
            all.insert((n + k) % all.len(), words[k]);
            tags.push(LABELS[k]);
        }
        text += &format!("{} {},{}\n", all.join(" "), n % 11, tags.join(";"));
    }
    text
}

fn begin(file: &Path, more: &[(&str, &str)]) -> sumun::Result<Box<dyn AnyTraining>> {
    let mut all = vec![
        ("data.train", file.to_str().unwrap()),
        ("data.labels", "tags"),
        ("network.hidden", "8"),
        ("network.dropout", "0"),
        ("train.lr", "0.02"),
    ];
    all.extend(more);
    let tables: Vec<_> = all.iter().map(|(key, value)| setting(key, value).unwrap()).collect();
    configure(named("classify")?, &tables)?.begin()
}

fn finish(mut training: Box<dyn AnyTraining>) -> (Box<dyn Outcome>, Vec<Measured>) {
    training.run(&mut (), &mut ()).unwrap();
    let outcome = training.finish().unwrap();
    let figures = outcome.evaluated().into_iter().filter_map(|part| match part {
        Evaluated::Figures(measured) => Some(*measured),
        Evaluated::Forecasts { .. } | Evaluated::Panel { .. } => None,
    });
    let figures = figures.collect();
    (outcome, figures)
}

fn written(name: &str, content: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

#[test]
fn labels_that_are_decided_by_words_of_their_own_are_learnt() {
    let (folder, file) = written("t.csv", &sentences(180, 0));
    // With the linear model it would prove nothing about the network.
    let (outcome, measured) =
        finish(begin(&file, &[("network.linear", "off"), ("train.epochs", "15")]).unwrap());
    for part in &measured {
        let Figures::Labels(figures) = &part.figures else { panic!("{part:?}") };
        assert!(figures.micro_f1 > 0.97 && figures.macro_f1 > 0.97, "{figures:?}");
        assert!(figures.subset_accuracy > 0.9, "{figures:?}");
        let Figures::Labels(guess) = &part.baseline else { panic!("{part:?}") };
        assert!(guess.micro_f1 <= figures.micro_f1);
        assert_eq!(part.classes, LABELS);
    }
    let model = named("classify").unwrap().open("model", outcome.model_file().unwrap()).unwrap();
    let new = folder.path().join("new.txt");
    std::fs::write(&new, sentences(40, 200)).unwrap();
    let Predicted::Records(predicted) =
        model.predict(&Request { file: Some(&new), ..Request::default() }).unwrap()
    else {
        panic!("records are predicted")
    };
    let mut right = 0;
    for (prediction, row) in predicted.predictions.iter().zip(&predicted.beside.rows) {
        let Prediction::Labels { labels, probabilities } = prediction else { panic!("{prediction:?}") };
        assert_eq!(probabilities.len(), 3);
        let above = probabilities.iter().zip(&predicted.thresholds).zip(LABELS);
        let above: Vec<_> = above.filter(|((p, least), _)| p >= least).map(|(_, label)| label).collect();
        assert_eq!(*labels, above);
        right += usize::from(labels.join(";") == row[1]);
    }
    assert!(right > 36, "{right} of 40");
    // A label that was not learnt is missed, and said; a file of none but such is refused.
    std::fs::write(&new, "text,tags\nthey saw boats,ships;planes\nthey saw things,\n").unwrap();
    let Evaluated::Figures(found) = model.evaluate(&new, &Default::default()).unwrap() else {
        panic!("figures")
    };
    let Figures::Labels(figures) = &found.figures else { panic!("{found:?}") };
    assert_eq!(found.classes, ["animals", "food", "ships", "planes"]);
    assert_eq!((figures.labels[3].support, figures.labels[3].recall, figures.recall), (1, 0.0, 0.5));
    assert!(found.notes.join("").contains("1 of 2 labels are none that were learnt"), "{:?}", found.notes);
    std::fs::write(&new, "text,tags\nthey saw boats,x\n").unwrap();
    let message = model.evaluate(&new, &Default::default()).unwrap_err().to_string();
    assert!(message.contains("1 of 1 labels are none that were learnt"), "{message}");
}

/// A label that one record in five has becomes as probable as not with weights.
#[test]
fn rare_labels_count_for_more_with_weights() {
    let (_folder, file) = written("t.csv", &sentences(180, 0));
    let probable = |weights: &str| {
        let more = [("data.class_weights", weights), ("network.linear", "off"), ("train.epochs", "2")];
        let (_, measured) = finish(begin(&file, &more).unwrap());
        let ships = |prediction: &Prediction| match prediction {
            Prediction::Labels { probabilities, .. } => probabilities[2],
            other => panic!("{other:?}"),
        };
        let all = measured.last().unwrap().predictions.iter().map(ships).collect::<Vec<f64>>();
        all.iter().sum::<f64>() / all.len() as f64
    };
    let (plain, weighted) = (probable("none"), probable("balanced"));
    assert!(weighted > plain + 0.1, "{plain} {weighted}");
}

#[test]
fn every_label_is_learnt_however_rare() {
    let mut text = sentences(60, 0);
    text += "a very odd text,odd\nthe rare one,rare;food\nthe rare other,rare\n";
    let (_folder, file) = written("t.csv", &text);
    for seed in ["0", "1", "2", "3"] {
        let more = [("train.seed", seed), ("train.epochs", "1"), ("data.valid", "0.3"), ("data.test", "0.3")];
        let training = begin(&file, &more).unwrap();
        let notes = training.notes().join("\n");
        assert!(
            notes.contains("1 of 5 labels occur once, in the training part") && notes.contains("'odd'"),
            "{notes}"
        );
        let (_, measured) = finish(training);
        let support = |part: &Measured, label: usize| match &part.figures {
            Figures::Labels(figures) => figures.labels[label].support,
            other => panic!("{other:?}"),
        };
        let place = |name: &str| measured[0].classes.iter().position(|label| label == name).unwrap();
        assert_eq!(measured.iter().map(|part| support(part, place("odd"))).sum::<u64>(), 0);
        assert!(measured.iter().map(|part| support(part, place("rare"))).sum::<u64>() < 2);
        // The others have their share of every part.
        assert!(measured.iter().all(|part| support(part, place("ships")) > 0));
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let (_folder, file) = written("t.csv", &sentences(90, 0));
    let of = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let training = begin(&file, &[("train.epochs", "3"), ("network.linear", "on")]).unwrap();
            finish(training).0.model_file().unwrap().to_bytes().unwrap()
        })
    };
    let one = of(1);
    assert!(of(3) == one);
    let head = &ModelFile::from_bytes("model", &one).unwrap().config["pipeline"]["head"];
    assert_eq!(head["kind"], "labels");
    assert!(head["thresholds"].as_array().unwrap().iter().any(|least| *least != 0.5), "{head}");
}

#[test]
fn sequences_of_numbers_and_layers_of_ones_own_may_have_several_labels() {
    let line = |n: usize| {
        let x: Vec<String> = (0..6)
            .map(|t| if n.is_multiple_of(2) && t == 3 { "4".into() } else { format!("{}", (n + t) % 3) })
            .collect();
        let tags = [r#"["peak"]"#, "[]", r#"["peak", "late"]"#, r#""late""#][n % 4];
        format!("{{\"x\": [{}], \"tags\": {tags}}}\n", x.join(", "))
    };
    let (_folder, file) = written("t.jsonl", &(0..60).map(line).collect::<String>());
    let (_, measured) = finish(begin(&file, &[("train.epochs", "20"), ("data.test", "0")]).unwrap());
    let Figures::Labels(figures) = &measured[0].figures else { panic!() };
    assert!(figures.labels[1].f1 > 0.9, "{figures:?}");
    let names =
        measured[0].other_baselines.iter().map(|other| &*other.name).chain([&*measured[0].baseline_name]);
    let names: Vec<&str> = names.collect();
    assert!(names.iter().any(|name| name.starts_with("nearest neighbour")), "{names:?}");
    let layers = |units: usize| {
        let table = format!(
            "task = \"classify\"\n[data]\ntrain = {:?}\nlabels = \"tags\"\n[train]\nepochs = 1\n[[layers]]\nkind = \"gru\"\n\
             units = 4\n[[layers]]\nkind = \"dense\"\nunits = {units}\n",
            file.to_str().unwrap()
        );
        configure(named("classify").unwrap(), &[table.parse().unwrap()])?.begin()
    };
    assert!(layers(2).is_ok());
    let message = layers(3).unwrap_err().to_string();
    assert!(message.contains("but a number for each label is needed"), "{message}");
}

#[test]
fn labels_that_leave_nothing_to_learn_are_refused() {
    for (rows, expected) in [
        ("a b,\nc d,\ne f,\n", "no record has a label; name the field with the labels of each record"),
        ("a b,x\nc d,x\ne f,x\n", "every record has the label 'x' and no other"),
        ("a b,x\nc d,y\ne f,z\n", "there are 3 labels, 'x' the first of them, and no two records share one"),
    ] {
        let (_folder, file) = written("t.csv", &format!("text,tags\n{rows}"));
        let message = begin(&file, &[]).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    let (_folder, file) = written("t.csv", &sentences(30, 0));
    for (setting, value, expected) in [
        ("data.label", "tags", "labels means nothing beside label"),
        ("data.threshold", "1", "labels means nothing beside threshold"),
        ("train.label_smoothing", "0.1", "labels means nothing beside label_smoothing"),
        ("data.labels", "tag", "there is no field 'tag'; did you mean 'tags'?"),
    ] {
        let message = begin(&file, &[(setting, value)]).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    // Whether a record has the one label there is, is enough to learn.
    let (_folder, file) = written("t.csv", &format!("text,tags\n{}", "a b,x\nc d,\n".repeat(10)));
    assert!(begin(&file, &[]).is_ok());
    // Lists that are learnt as classes are told of.
    let (_folder, file) =
        written("t.csv", &format!("text,label\n{}", "a b,x|y\nc d,y\ne f,y|z\n".repeat(10)));
    let tables = [("data.train", file.to_str().unwrap()), ("network.hidden", "4")];
    let tables: Vec<_> = tables.iter().map(|(key, value)| setting(key, value).unwrap()).collect();
    let notes = configure(named("classify").unwrap(), &tables).unwrap().begin().unwrap().notes().join("\n");
    assert!(notes.contains("2 of 3 classes look like lists of labels, such as 'x|y'"), "{notes}");
}
