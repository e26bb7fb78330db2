//! Small trainings of every task, on data of their own.

use std::fmt::Write;
use std::path::Path;

use sumun::tasks::{AnyTraining, configure, named, setting};

/// A task on data of a kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lesson {
    pub(crate) name: &'static str,
    pub(crate) task: &'static str,
    pub(crate) file: &'static str,
    settings: &'static [(&'static str, &'static str)],
}

/// Every task, and every kind of input and of network that changes what a checkpoint holds.
pub(crate) const LESSONS: &[Lesson] = &[
    Lesson {
        name: "classify texts",
        task: "classify",
        file: "texts.csv",
        settings: &[("train.optimizer", "sgd"), ("train.schedule", "plateau"), ("text.vocabulary", "9")],
    },
    Lesson {
        name: "classify numbers",
        task: "classify",
        file: "numbers.jsonl",
        settings: &[
            ("data.label", "kind"),
            ("data.class_weights", "balanced"),
            ("train.batch_tokens", "20"),
            ("network.recurrent_dropout", "0.2"),
        ],
    },
    Lesson {
        name: "classify labels",
        task: "classify",
        file: "posts.csv",
        settings: &[("data.labels", "tags"), ("train.lr", "0.01")],
    },
    Lesson {
        name: "regress",
        task: "regress",
        file: "numbers.jsonl",
        settings: &[("data.label", "score"), ("network.pool", "attention"), ("network.layers", "2")],
    },
    Lesson {
        name: "tag",
        task: "tag",
        file: "tags.jsonl",
        settings: &[("data.tags", "upos"), ("network.cell", "gru"), ("train.optimizer", "rmsprop")],
    },
    Lesson { name: "tag spans", task: "tag", file: "spans.jsonl", settings: &[("train.lr", "0.01")] },
    Lesson {
        name: "translate",
        task: "translate",
        file: "pairs.tsv",
        settings: &[("text.target_level", "jamo"), ("network.layers", "2"), ("network.score", "additive")],
    },
    Lesson {
        name: "continue text",
        task: "lm",
        file: "song.txt",
        settings: &[("train.chunk", "8"), ("train.optimizer", "sgd")],
    },
    Lesson {
        name: "simulate",
        task: "simulate",
        file: "tanks.csv",
        settings: &[
            ("data.target", "level"),
            ("data.features", "inflow"),
            ("data.series", "tank"),
            ("data.static", "size"),
            ("data.warm_up", "3"),
            ("data.window", "4"),
        ],
    },
];

impl Lesson {
    /// A training of it before its first step, with its data in a folder.
    pub(crate) fn begin(&self, folder: &Path, more: &[(&str, &str)]) -> Box<dyn AnyTraining> {
        let file = folder.join(self.file);
        std::fs::write(&file, data(self.file)).unwrap();
        let small = [
            ("data.train", file.to_str().unwrap()),
            ("data.valid", "0.2"),
            ("data.test", "0.2"),
            ("network.hidden", "4"),
            ("network.dropout", "0.3"),
            ("train.epochs", "4"),
            ("train.batch", "5"),
            ("train.patience", "2"),
            ("train.seed", "7"),
        ];
        // Numbers are read as they are.
        let numbers = ["numbers.jsonl", "tanks.csv"].contains(&self.file);
        let embedding = (!numbers).then_some(&("network.embedding", "3"));
        let settings = small.iter().chain(embedding).chain(self.settings).chain(more);
        let tables: Vec<_> = settings.map(|(key, value)| setting(key, value).unwrap()).collect();
        configure(named(self.task).unwrap(), &tables).unwrap().begin().unwrap()
    }
}

/// Thirty records of each kind, a pattern that can be learnt.
fn data(file: &str) -> String {
    let mut text = match file {
        "texts.csv" => "text,label\n".to_owned(),
        "posts.csv" => "text,tags\n".to_owned(),
        "pairs.tsv" => "source\ttarget\n".to_owned(),
        "tanks.csv" => "tank,inflow,size,level\n".to_owned(),
        _ => String::new(),
    };
    for n in 0..30_usize {
        let longer = n % 4 + 1;
        let written = match file {
            "texts.csv" if n % 2 == 0 => writeln!(text, "a {}good film {n},good", "very ".repeat(longer)),
            // The first word says one label, the length the other.
            "posts.csv" => {
                let tags = [["", "long"], ["news", "news|long"]][n % 2][usize::from(longer > 2)];
                let first = ["my", "latest"][n % 2];
                writeln!(text, "{first} {}post {n},{tags}", "very ".repeat(longer))
            }
            "pairs.tsv" => {
                let source = ["가", "나", "다"][n % 3].repeat(longer);
                writeln!(text, "{source} {n}\t{}", ["ga", "나", "da"][n % 3].repeat(longer))
            }
            // Two tanks, a row of each at a time; what was not measured is empty.
            "tanks.csv" => (0..2).try_for_each(|tank| {
                let level = if n % 9 == 8 { String::new() } else { format!("{}", (n * (tank + 2)) % 7) };
                writeln!(text, "t{tank},{},{},{level}", (n * 3) % 5, tank + 1)
            }),
            "song.txt" => writeln!(text, "{} green bottles,", "ten ".repeat(longer)),
            "texts.csv" => writeln!(text, "such a {}boring film,bad", "very ".repeat(longer)),
            "numbers.jsonl" => {
                let channel =
                    |sign: f64| (0..=longer).map(|t| sign * (n * t) as f64 / 10.0).collect::<Vec<_>>();
                let x = serde_json::to_string(&[channel(1.0), channel(-1.0)]).unwrap();
                let kind = if n % 3 == 0 { "slow" } else { "fast" };
                writeln!(text, "{{\"x\": {x}, \"kind\": \"{kind}\", \"score\": {}}}", n as f64 * 0.25)
            }
            "spans.jsonl" => {
                let (words, tags) = (["to", "new", "york", "도"], ["O", "B-CITY", "I-CITY", "O"]);
                let (from, to) = (n % 2, n % 2 + longer.min(3));
                let words = serde_json::to_string(&words[from..to]).unwrap();
                let tags = serde_json::to_string(&tags[from..to]).unwrap();
                writeln!(text, "{{\"tokens\": {words}, \"tags\": {tags}}}")
            }
            _ => {
                let (words, tags) = (["the", "dog", "barks", "도"], ["DET", "NOUN", "VERB", "ADV"]);
                let words = serde_json::to_string(&words[..longer]).unwrap();
                let tags = serde_json::to_string(&tags[..longer]).unwrap();
                writeln!(text, "{{\"tokens\": {words}, \"upos\": {tags}}}")
            }
        };
        written.unwrap();
    }
    text
}
