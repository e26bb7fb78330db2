//! All targets: a line each.

use crate::{calls, readers};

/// Something to attack.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// What it is called: `table`.
    pub name: &'static str,
    /// What it reads or calls, for people.
    pub about: &'static str,
    /// Where its corpus is, relative to this crate: files, or folders, of which all files with one of `ends`.
    pub corpus: &'static [&'static str],
    /// How names of files in the corpus end; empty for all.
    pub ends: &'static [&'static str],
    /// Gives the bytes to it. An error is the message that a person would see.
    pub run: fn(&[u8]) -> Result<(), String>,
}

/// The tables and records of the workbench's own tests.
const CASES: &str = "../sumun/tests/cases";

/// Files that other programs wrote, with their generators.
const ONNX: &str = "../sumun-testing/golden/onnx_models";
const TORCH: &str = "../sumun-testing/golden/torch_files";
const KERAS: [&str; 4] = [
    "../sumun-testing/golden/keras_models",
    "../sumun-testing/golden/keras_kinds",
    "../sumun-testing/golden/keras_two",
    "../sumun-testing/golden/keras_operators",
];

/// All targets.
pub const TARGETS: &[Target] = &[
    Target {
        name: "model",
        about: "model files, as models and at work",
        corpus: &["corpus/model"],
        ends: &[],
        run: readers::model,
    },
    Target {
        name: "checkpoint",
        about: "checkpoints, and going on from them",
        corpus: &["corpus/checkpoint"],
        ends: &[],
        run: readers::checkpoint,
    },
    Target {
        name: "config",
        about: "configurations of tasks and models in TOML",
        corpus: &["corpus/config"],
        ends: &[],
        run: readers::config,
    },
    Target {
        name: "setting",
        about: "single settings, as `--set` and options have them",
        corpus: &["corpus/setting"],
        ends: &[],
        run: readers::setting,
    },
    Target {
        name: "run",
        about: "the small files of a run: results, metrics, configuration",
        corpus: &["corpus/run"],
        ends: &[],
        run: readers::run,
    },
    Target {
        name: "table",
        about: "tables as text, packed or not, in any encoding, and the series in them",
        corpus: &[CASES, "corpus/table"],
        ends: &["csv", "tsv", "gz", "zst"],
        run: readers::table,
    },
    Target {
        name: "workbook",
        about: "tables in workbooks of Excel and LibreOffice",
        corpus: &[CASES, "corpus/workbook"],
        ends: &["xlsx", "ods", "xls"],
        run: readers::table,
    },
    Target {
        name: "records",
        about: "labelled records: tables, JSON lines, fastText's and the UCR archive's form",
        corpus: &[CASES, "corpus/records"],
        ends: &["csv", "jsonl", "txt", "ts"],
        run: readers::records,
    },
    Target {
        name: "pairs",
        about: "pairs of texts",
        corpus: &["corpus/pairs"],
        ends: &[],
        run: readers::pairs,
    },
    Target {
        name: "tagged",
        about: "tagged sentences: CoNLL and tables",
        corpus: &[CASES],
        ends: &["conllu", "txt", "csv"],
        run: readers::tagged,
    },
    Target {
        name: "text",
        about: "plain text to continue",
        corpus: &[CASES],
        ends: &["txt"],
        run: readers::text,
    },
    Target {
        name: "tokenizer",
        about: "word pieces of a tokenizer.json",
        corpus: &["corpus/tokenizer"],
        ends: &["json"],
        run: readers::tokenizer,
    },
    Target {
        name: "vectors",
        about: "word vectors in all formats",
        corpus: &["corpus/vectors"],
        ends: &[],
        run: readers::vectors,
    },
    Target {
        name: "grid",
        about: "the cases of the speed grid",
        corpus: &["corpus/grid", "../sumun/src/bench/grid.json"],
        ends: &[],
        run: readers::grid,
    },
    Target {
        name: "foreign",
        about: "model files, arrays and sounds of other programs, and models of their weights",
        corpus: &["corpus/foreign", "../sumun-testing/golden/numpy", ONNX, TORCH],
        ends: &["json", "wav", "npy", "npz", "onnx", "pt", "safetensors"],
        run: readers::foreign,
    },
    Target {
        name: "keras",
        about: "files of Keras, the models that they are, and these at work",
        corpus: &["corpus/keras", KERAS[0], KERAS[1], KERAS[2], KERAS[3]],
        ends: &["keras", "h5"],
        run: readers::keras,
    },
    Target {
        name: "hdf5",
        about: "trees of groups and arrays in HDF5 files",
        corpus: &["corpus/keras", "../sumun-testing/golden/hdf5", KERAS[2]],
        ends: &["h5"],
        run: readers::hdf5,
    },
    Target {
        name: "kernels",
        about: "calls of the kernels, with sizes that lie",
        corpus: &["corpus/calls"],
        ends: &[],
        run: calls::kernels,
    },
    Target {
        name: "rounded",
        about: "calls of the kernels over bf16 and 8-bit weights, with sizes that lie",
        corpus: &["corpus/calls"],
        ends: &[],
        run: calls::rounded,
    },
    Target {
        name: "layers",
        about: "calls of layers, models, losses and optimizers, with sizes that lie",
        corpus: &["corpus/calls"],
        ends: &[],
        run: calls::layers,
    },
];

impl Target {
    /// The target of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }
}
