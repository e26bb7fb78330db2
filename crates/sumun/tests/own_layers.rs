//! Networks whose layers a configuration has: those of `docs/layers.md`, what is refused, and layers of one's own.

#[path = "../../sumun-nn/examples/own_layer.rs"]
mod own_layer;

use std::path::Path;

use sumun::model::{ModelFile, Registry};
use sumun::run::Checkpoint;
use sumun::settings::Setting;
use sumun::tasks::{
    About, Classify, ConfigKeys, Evaluated, Figures, Reading, Regress, TASKS, TaskConfig, TrainedTask,
    Training, configure, named, open_file, resume, setting,
};
use sumun::train::StopAfter;
use toml::Table;

/// The configurations that the page shows.
fn shown() -> Vec<Table> {
    let page = include_str!("../../../docs/layers.md");
    page.split("```toml\n").skip(1).map(|part| part.split("```").next().unwrap().parse().unwrap()).collect()
}

/// A file for each task, small: texts and numbers with labels, tags, and a text.
fn data(folder: &Path) {
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
    let lines = |line: &dyn Fn(usize) -> String| (0..40).map(line).collect::<String>();
    let label = |n: usize| ["good", "bad"][n % 2];
    let text = |n: usize| format!("a {} film {},{}\n", label(n), n % 7, label(n));
    write("texts.csv", "text,label\n".to_owned() + &lines(&text));
    write(
        "x.jsonl",
        lines(&|n| format!("{{\"x\":[[{},{},1,{}]],\"label\":{}}}\n", n % 3, n % 5, n % 2, n % 4)),
    );
    write(
        "tags.jsonl",
        lines(&|n| match n % 2 {
            0 => "{\"tokens\":[\"the\",\"dog\"],\"tags\":[\"DET\",\"NOUN\"]}\n".into(),
            _ => "{\"tokens\":[\"it\",\"barks\",\"now\"],\"tags\":[\"PRON\",\"VERB\",\"ADV\"]}\n".into(),
        }),
    );
    write("text.txt", "hanging on the wall.\n".repeat(40));
}

/// A configuration of a task on its file, with these layers and settings.
fn table(folder: &Path, file: &str, layers: &str, more: &str) -> Table {
    let train = folder.join(file).to_str().unwrap().to_owned();
    let mut table: Table = format!("{more}\n{layers}").parse().unwrap();
    let data = table.entry("data").or_insert_with(|| Table::new().into()).as_table_mut().unwrap();
    data.insert("train".into(), train.into());
    let train = table.entry("train").or_insert_with(|| Table::new().into()).as_table_mut().unwrap();
    train.entry("epochs").or_insert(2.into());
    table
}

const EMBEDDING: &str = "[[layers]]\nkind = \"embedding\"\nfeatures = 6\n";
const GRU: &str = "[[layers]]\nkind = \"gru\"\nunits = 5\n";
const STEPS: &str = "[[layers]]\nkind = \"gru\"\nunits = 5\nreturn_sequences = true\n";
const SHORTER: &str = "[[layers]]\nkind = \"conv1d\"\nunits = 5\nkernel = 2\n";
const CAUSAL: &str = "[[layers]]\nkind = \"conv1d\"\nunits = 5\nkernel = 2\npadding = \"causal\"\n";
const CHUNKS: &str = "[train]\nchunk = 8\nbatch = 4\nepochs = 2";

fn dense(units: usize) -> String {
    format!("[[layers]]\nkind = \"dense\"\nunits = {units}\n")
}

#[test]
fn the_page_shows_configurations_that_train() {
    let shown = shown();
    let [vowels, tagger] = &shown[..] else { panic!("{shown:?}") };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut vowels = vowels.clone();
    for (part, path) in vowels["data"].as_table_mut().unwrap() {
        let file = root.join(path.as_str().unwrap());
        assert!(file.exists(), "{part}: {}", file.display());
        *path = file.to_str().unwrap().to_owned().into();
    }
    vowels["train"]["epochs"] = 4.into();
    let mut training = configure(named("classify").unwrap(), &[vowels]).unwrap().begin().unwrap();
    training.run(&mut (), &mut ()).unwrap();
    let outcome = training.finish().unwrap();
    let Some(Evaluated::Figures(test)) = outcome.evaluated().pop() else { panic!() };
    let Figures::Classification(figures) = &test.figures else { panic!() };
    assert!(figures.accuracy > 0.6, "{}", figures.accuracy);
    assert!(outcome.facts().model.starts_with("7 layers, "), "{}", outcome.facts().model);

    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    let mut tagger = tagger.clone();
    tagger["data"]["train"] = folder.path().join("tags.jsonl").to_str().unwrap().to_owned().into();
    let message =
        configure(named("tag").unwrap(), &[tagger.clone()]).unwrap().begin().unwrap_err().to_string();
    let expected = "the layers: dense returns [N, T, 17], but a number for each tag is needed, [N, T, 5]; make it a layer \
                    of 5 units";
    assert_eq!(message, expected);
    tagger["layers"].as_array_mut().unwrap().last_mut().unwrap()["units"] = 5.into();
    configure(named("tag").unwrap(), &[tagger]).unwrap().begin().unwrap();
}

/// Left at a step, kept in a file and gone on with, a training ends at the same bits; the run's configuration trains the same
/// model; and the model file has all that it takes.
#[test]
fn networks_of_ones_own_are_resumed_repeated_and_opened() {
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    for (task, file, layers, more) in [
        (
            "classify",
            "texts.csv",
            [EMBEDDING, STEPS, "[[layers]]\nkind = \"pool\"\nover = \"max\"\n", &dense(2)].concat(),
            "",
        ),
        ("regress", "x.jsonl", [SHORTER, GRU, &dense(1)].concat(), ""),
        ("tag", "tags.jsonl", [EMBEDDING, CAUSAL, STEPS, &dense(5)].concat(), ""),
        (
            "lm",
            "text.txt",
            [EMBEDDING, STEPS, "[[layers]]\nkind = \"layer_norm\"\n", &dense(15)].concat(),
            CHUNKS,
        ),
    ] {
        let entry = named(task).unwrap();
        let table = table(folder.path(), file, &layers, more);
        let begin = |table: &Table| configure(entry, std::slice::from_ref(table)).unwrap().begin().unwrap();
        let mut whole = begin(&table);
        whole.run(&mut (), &mut ()).unwrap();
        let steps = whole.checkpoint().unwrap().snapshot.position.steps() as usize;
        let whole = whole.finish().unwrap();
        let model = whole.model_file().unwrap();
        let mut left = begin(&table);
        left.run(&mut (), &mut StopAfter::new(steps / 2)).unwrap();
        let bytes = left.checkpoint().unwrap().to_file().unwrap().to_bytes().unwrap();
        let kept = Checkpoint::from_file(ModelFile::from_bytes("c", &bytes).unwrap()).unwrap();
        let (mut left, notes) = resume(kept).unwrap();
        assert_eq!(notes, Vec::<String>::new());
        left.run(&mut (), &mut ()).unwrap();
        assert_eq!(left.finish().unwrap().model_file().unwrap(), model, "{task}");
        let again: Table = whole.config_toml().unwrap().parse().unwrap();
        assert!(!again.contains_key("network") && again.contains_key("layers"), "{again}");
        let mut again = begin(&again);
        again.run(&mut (), &mut ()).unwrap();
        assert_eq!(again.finish().unwrap().model_file().unwrap(), model, "{task}");
        let page = whole.report(&About::default());
        assert!(!page.contains("Hidden units of each layer"), "{task}: a setting that was not used is shown");
        let opened = open_file("m", ModelFile::from_bytes("m", &model.to_bytes().unwrap()).unwrap()).unwrap();
        opened.evaluate(&folder.path().join(file), &Reading::default()).unwrap();
        assert_eq!(opened.facts().layers.len(), layers.matches("[[layers]]").count());
    }
}

#[test]
fn layers_that_do_not_fit_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    let softmax = "[[layers]]\nkind = \"dense\"\nunits = 2\nactivation = \"sigmoid\"\n";
    let back = "[[layers]]\nkind = \"gru\"\nunits = 5\nreturn_sequences = true\nbidirectional = true\n";
    let case = |task: &str, file: &str, layers: &[&str], more: &str| {
        let table = table(folder.path(), file, &layers.concat(), more);
        let begun = configure(named(task).unwrap(), &[table]).and_then(|config| config.begin().map(|_| ()));
        begun.unwrap_err().spelled(&ConfigKeys)
    };
    let cases: Vec<(String, &str)> = vec![
        (
            case("classify", "texts.csv", &[EMBEDDING, STEPS, &dense(2)], ""),
            "the layers: dense returns [N, T, 2], but a number for each class a sequence is needed, [N, 2]; make one row of \
             the steps before it, with a pool layer or without return_sequences",
        ),
        (
            case("classify", "texts.csv", &[EMBEDDING, GRU, &dense(3)], ""),
            "the layers: dense returns [N, 3], but a number for each class is needed, [N, 2]; make it a layer of 2 units",
        ),
        (
            case("classify", "texts.csv", &[EMBEDDING, GRU, softmax], ""),
            "the layers: dense ends with an activation, but the loss takes any numbers and makes probabilities of them itself; \
             leave the activation out",
        ),
        (
            case("classify", "texts.csv", &[GRU, &dense(2)], ""),
            "the layers: gru needs numbers [N, T, F], but the input gives ids",
        ),
        (
            case("classify", "x.jsonl", &[EMBEDDING, GRU, &dense(4)], ""),
            "the layers: embedding needs ids [N, T]",
        ),
        (
            case("regress", "x.jsonl", &[GRU], ""),
            "the layers: gru returns [N, 5], but one number is needed, [N, 1]; make it a layer of 1 units",
        ),
        (
            case("tag", "tags.jsonl", &[EMBEDDING, GRU, &dense(5)], ""),
            "the layers: dense returns [N, 5], but a number for each tag at every step is needed, [N, T, 5]; keep the steps, \
             with return_sequences = true and without a pool layer",
        ),
        (
            case("tag", "tags.jsonl", &[EMBEDDING, SHORTER, &dense(5)], ""),
            "the layers: there are outputs at 6 of 7 steps, but one at every step is needed; keep all steps, with padding",
        ),
        (
            case("lm", "text.txt", &[EMBEDDING, back, &dense(15)], CHUNKS),
            "the layers: outputs differ when a text is read token by token, as a language model is used; leave out what looks",
        ),
        (
            case("lm", "text.txt", &[EMBEDDING, CAUSAL, &dense(15)], CHUNKS),
            "the layers: outputs differ when a text",
        ),
        (
            case("tag", "tags.jsonl", &["[[layers]]\nkind = \"convolution\"\n"], ""),
            "the configuration: layers: no layer is of kind \"convolution\"; there are embedding, ",
        ),
        (
            case("tag", "tags.jsonl", &["[[layers]]\nkind = \"dense\"\nunit = 3\n"], ""),
            "the configuration: layers: a layer of kind \"dense\": unknown field `unit`",
        ),
        (
            case(
                "tag",
                "tags.jsonl",
                &[EMBEDDING, STEPS, &dense(5)],
                "[text]\nvectors = \"v.txt\"\n[network]\nlayers = 1",
            ),
            "network.layers describes the usual network, but layers say what the network is; leave out one or the other",
        ),
        (
            case("tag", "tags.jsonl", &["layers = 3"], ""),
            "layers must be a list of tables; begin each with [[layers]]",
        ),
        (
            case("translate", "tags.jsonl", &[EMBEDDING], ""),
            "layers are for tasks whose network is a list of them, but translate has a network of its own; leave them out",
        ),
        (
            case("forecast", "tags.jsonl", &[EMBEDDING], ""),
            "layers are for tasks whose network is a list of them, but forecast has a network of its own; leave them out",
        ),
    ];
    for (message, expected) in cases {
        assert!(message.starts_with(expected) && !message.contains('\n'), "{message}\n{expected}");
    }
    // Every setting of the network is named where it stands beside layers, at its default too.
    for task in TASKS.into_iter().filter(|task| !["forecast", "translate"].contains(&task.name())) {
        let settings = task.settings().unwrap();
        let of_network: Vec<&Setting> = settings.rows().filter(|row| row.section == "network").collect();
        assert!(of_network.len() >= 5, "{}", task.name());
        for row in of_network {
            // What is left open has no default, and is as much a setting of the network.
            let value = settings.default_of(row).unwrap_or_else(|| "1".into());
            let layers: Table = format!("{EMBEDDING}[data]\ntrain = \"f\"").parse().unwrap();
            let tables = [layers, setting(&row.key(), &value).unwrap()];
            let message = configure(task, &tables).unwrap_err().spelled(&ConfigKeys);
            assert!(message.starts_with(&format!("{} describes the usual network", row.key())), "{message}");
        }
    }
    // In Rust, where only values are known, those that are not the default.
    let mut config = TaskConfig::<Classify>::default();
    (config.data.train, config.network.hidden) = (folder.path().join("texts.csv"), 7);
    config.layers = vec![sumun::model::EmbeddingLayer::new(3).into()];
    let message = Training::begin(config).unwrap_err().to_string();
    assert!(message.starts_with("hidden describes the usual network"), "{message}");
}

/// A cell and a layer that the library does not have: trained in a task, kept, gone on with, and opened.
#[test]
fn layers_and_cells_of_ones_own_train_in_tasks() {
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    let layers = "[[layers]]\nkind = \"peak\"\nunits = 6\n[[layers]]\nkind = \"swish\"\nslope = 0.5\n"
        .to_owned()
        + &dense(1);
    let table = table(folder.path(), "x.jsonl", &layers, "");
    let registry = own_layer::registry();
    let message = TaskConfig::<Regress>::from_tables(std::slice::from_ref(&table)).unwrap_err().to_string();
    assert!(message.contains("layers: no layer is of kind \"peak\""), "{message}");
    let config = TaskConfig::<Regress>::from_tables_with(&[table], &registry).unwrap();
    assert_eq!(config.layers.len(), 3);
    let mut whole = Training::begin(config.clone()).unwrap();
    whole.run(&mut (), &mut ()).unwrap();
    let whole = whole.finish().unwrap();
    let mut left = Training::begin(config).unwrap();
    left.run(&mut (), &mut StopAfter::new(1)).unwrap();
    let kept = left.checkpoint().unwrap();
    let message = Training::<TaskConfig<Regress>>::resume(kept.clone()).unwrap_err().to_string();
    assert!(message.contains("no layer is of kind \"peak\""), "{message}");
    let (mut left, _) = Training::<TaskConfig<Regress>>::resume_with(kept, &registry).unwrap();
    left.run(&mut (), &mut ()).unwrap();
    let file = left.finish().unwrap().file;
    assert_eq!(file, whole.file);
    let message = TrainedTask::<Regress>::from_file(file.clone()).unwrap_err().to_string();
    assert!(message.contains("no layer is of kind \"peak\""), "{message}");
    let trained = TrainedTask::<Regress>::from_file_with(file, &registry).unwrap();
    let path = folder.path().join("x.jsonl");
    assert_eq!(trained.predict(&path).unwrap().predictions.len(), 40);
    assert!(Registry::standard().kinds().all(|kind| kind != "peak"));
}
