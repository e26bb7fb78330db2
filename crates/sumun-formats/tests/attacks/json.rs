//! Models in JSON.

use std::fmt::Write;

use sumun_formats::audio;

use super::{assert_says, refused};

#[test]
fn nesting_lengths_and_names() {
    let dense = |weights: &str| {
        format!(
            r#"{{"in_shape": [1], "layers": [{{"type": "dense", "shape": [1], "weights": [{weights}]}}]}}"#
        )
    };
    let mut names = String::from("{");
    for i in 0..100_000 {
        write!(names, r#""{i}":[],"#).unwrap();
    }
    let cases = [
        ("nested lists", "[".repeat(1 << 20)),
        ("nested objects", r#"{"a":"#.repeat(1 << 18)),
        ("nested weights", dense(&"[".repeat(1000))),
        ("nested layers", r#"{"layers":["#.repeat(1 << 16)),
        (
            "nested unknown entries",
            format!(r#"{{"layers": [], "in_shape": [1], "x": {}"#, "[".repeat(1 << 20)),
        ),
        ("many empty lists", dense(&"[],".repeat(200_000))),
        ("lists of other lengths", dense("[[1, 2], [3]]")),
        ("many shapes", dense("[0],".repeat(200_000).trim_end_matches(','))),
        ("a number over all", dense("[[1e999]]")),
        ("a number over single precision", dense("[[1e300]]")),
        ("many names", format!("{names}\"0\":[]}}")),
        ("a long name", format!(r#"{{"{}": "a"}}"#, "a".repeat(1 << 20))),
        ("a long type", dense("").replace("dense", &"d".repeat(1 << 20))),
        ("not UTF-8", "{\"layers\": \u{fffd}".into()),
        ("nothing", String::new()),
    ];
    for (name, text) in cases {
        refused(name, || audio::read(text.as_bytes()));
    }
    refused("bytes", || audio::read(b"{\"layers\": \"\xff\"}"));
}

#[test]
fn sizes_of_2_to_63() {
    for size in ["9223372036854775808", "18446744073709551615", "4611686018427387904"] {
        let lstm = format!(
            r#"{{"in_shape": [1], "layers": [{{"type": "lstm", "shape": [{size}], "weights": []}}]}}"#
        );
        assert_says(&refused("lstm", || audio::read(lstm.as_bytes())), "layer 0");
        let conv = format!(
            r#"{{"in_shape": [1], "layers": [{{"type": "conv1d", "shape": [1], "kernel_size": [{size}], "groups": {size}}}]}}"#
        );
        assert_says(&refused("conv1d", || audio::read(conv.as_bytes())), "layer 0");
        let nam = format!(
            r#"{{"architecture": "LSTM", "config": {{"input_size": 1, "hidden_size": 1, "num_layers": {size}}}, "weights": [1]}}"#
        );
        assert_says(&refused("nam", || audio::read(nam.as_bytes())), "weights, not 1");
    }
}
