//! `sumun generate` from the outside.

use std::fs;
use std::io::Read;
use std::process::Stdio;
use std::sync::OnceLock;

use sumun::tasks::{Lm, TaskConfig, Training};

use crate::place::{Place, last_json};

/// A place with `writer`, a run of a small language model of a song, and `run`, a forecaster's.
pub(crate) fn place() -> Place {
    static MODEL: OnceLock<Vec<u8>> = OnceLock::new();
    let place = Place::with_series().with_run();
    let model = MODEL.get_or_init(|| {
        place.write("song.txt", "ten green bottles,\nhanging on the wall.\n".repeat(60));
        let mut config = TaskConfig::<Lm>::default();
        config.data.train = place.path("song.txt");
        (config.network.hidden, config.network.layers, config.network.dropout) = (24, 1, 0.0);
        (config.train.epochs, config.train.batch, config.own.chunk, config.train.lr) =
            (Some(8), Some(4), 20, 0.01);
        let mut training = Training::begin(config).unwrap();
        training.run(&mut (), &mut ()).unwrap();
        let file = training.finish().unwrap().file;
        fs::remove_file(place.path("song.txt")).unwrap();
        file.to_bytes().unwrap()
    });
    fs::create_dir(place.path("writer")).unwrap();
    place.write("writer/model.safetensors", model);
    place
}

#[test]
fn text_goes_to_standard_output() {
    let place = place();
    let greedy = ["generate", "writer", "--prompt", "ten green", "--length", "29", "--temperature", "0"];
    let ran = place.succeed(&greedy);
    assert_eq!(ran.stdout, "ten green bottles,\nhanging on the wall\n");
    assert_eq!(ran.stderr, "");
    let single = place.succeed(&[&greedy[..], &["--threads", "1"]].concat());
    assert_eq!(single.stdout, ran.stdout);

    let free =
        ["generate", "writer", "--temperature", "1.5", "--top-k", "9", "--top-p", "0.95", "--seed", "3"];
    let first = place.succeed(&free).stdout;
    assert_eq!(place.succeed(&free).stdout, first);
    assert_ne!(place.succeed(&[&free[..], &["--seed", "4"]].concat()).stdout, first);

    let json = last_json(&place.succeed(&[&greedy[..], &["--json", "--top-k", "5"]].concat()));
    let expected = serde_json::json!({
        "task": "lm", "run": "writer", "prompt": "ten green", "length": 29, "temperature": 0.0, "top_k": 5,
        "top_p": null, "repetition_penalty": 1.0, "stop": [], "seed": 0,
        "text": "ten green bottles,\nhanging on the wall",
    });
    assert_eq!(json, expected);
}

#[test]
fn many_texts_are_written_at_once_and_end_where_they_should() {
    let place = place();
    let line = ["generate", "writer", "--prompt", "ten green", "--temperature", "0", "--stop", "\\n"];
    assert_eq!(place.succeed(&line).stdout, "ten green bottles,\n");
    let three = place.succeed(&[&line[..], &["--samples", "3"]].concat()).stdout;
    let expected: String = (1..=3).map(|n| format!("=== {n} of 3 ===\nten green bottles,\n")).collect();
    assert_eq!(three, expected);
    let free = ["generate", "writer", "--temperature", "1.5", "--length", "40", "--seed", "3"];
    let many = last_json(&place.succeed(&[&free[..], &["--samples", "2", "--json"]].concat()));
    let texts: Vec<&str> =
        many["texts"].as_array().unwrap().iter().filter_map(|text| text.as_str()).collect();
    assert_eq!(format!("{}\n", texts[0].trim_end_matches('\n')), place.succeed(&free).stdout);
    assert!(texts.len() == 2 && texts[0] != texts[1] && many.get("text").is_none());
    // Letters that were just there are avoided as far as there are others.
    let penalty = ["--temperature", "0", "--repetition-penalty", "1000000", "--length", "8", "--prompt", "t"];
    let written = last_json(&place.succeed(&[&["generate", "writer", "--json"][..], &penalty].concat()));
    let mut letters: Vec<char> = written["text"].as_str().unwrap().chars().collect();
    letters.sort_unstable();
    letters.dedup();
    assert!(letters.len() == 9, "{written}");
}

#[test]
fn lines_are_scored_alone() {
    let place = place();
    place.write("log.txt", "ten green bottles,\n\nxqzv!\nhanging on the wall.\n");
    let csv = place.succeed(&["evaluate", "writer", "log.txt", "--score"]).stdout;
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("line,tokens,unknown,log_probability,per_token"));
    let rows: Vec<Vec<f64>> =
        lines.map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect()).collect();
    // Each with its end.
    assert_eq!(
        rows.iter().map(|row| row[..3].to_vec()).collect::<Vec<_>>(),
        [vec![1.0, 19.0, 0.0], vec![2.0, 1.0, 0.0], vec![3.0, 6.0, 5.0], vec![4.0, 21.0, 0.0],]
    );
    for row in &rows {
        assert!(row[3] < 0.0 && (row[4] - row[3] / row[1]).abs() < 1e-12, "{row:?}");
    }
    let odd = |row: &Vec<f64>| row[4] < rows[0][4] - 1.0 && row[4] < rows[3][4] - 1.0;
    assert!(odd(&rows[2]), "{csv}");
    let json = last_json(&place.succeed(&["evaluate", "writer", "log.txt", "--score", "--json"]));
    assert_eq!((json["task"].as_str(), json["lines"].as_array().map(Vec::len)), (Some("lm"), Some(4)));
    assert_eq!(json["lines"][2]["unknown"], 5);
    assert_eq!(json["lines"][2]["log_probability"].as_f64(), Some(rows[2][3]));
    let ran = place.run(&["evaluate", "run", "y.csv", "--score"]);
    assert!(ran.stderr.contains("which does not say how probable a line is"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
}

/// `sumun generate … | head -c 20` with a text that has no end to speak of.
#[test]
fn a_reader_that_has_had_enough_is_no_failure() {
    let place = place();
    let mut child = place
        .command(&["generate", "writer", "--length", "1000000000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 20];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}

#[test]
fn what_cannot_be_written_is_refused() {
    let place = place();
    for (arguments, expected) in [
        (&["--prompt", "tön"][..], "the prompt has the character 'ö', which was not in the training text"),
        (&["--length", "0"], "--length is 0; it must be at least 1"),
        (&["--length", "-3"], "'-3' for '--length <N>': give a whole number"),
        (&["--temperature", "-1"], "--temperature is -1; it must be a number of at least 0"),
        (&["--temperature", "nan"], "--temperature is NaN; it must be a number of at least 0"),
        (&["--temperature", "hot"], "'hot' for '--temperature <T>': give a number"),
        (&["--top-k", "0"], "--top-k is 0; it must be at least 1"),
        (&["--top-p", "0"], "--top-p is 0; it must be a number above 0 and at most 1"),
        (&["--top-p", "1.1"], "--top-p is 1.1; it must be a number above 0 and at most 1"),
        (&["--seed", "-1"], "give a whole number from 0"),
    ] {
        place.refuse(&[&["generate", "writer"], arguments].concat(), &[expected]);
        place.refuse(&[&["generate", "writer", "--json"], arguments].concat(), &[expected]);
    }
    place.refuse(
        &["generate", "run"],
        &["run: holds a model for forecast, which writes no text; give a run of the task lm"],
    );
    place.refuse(&["generate", "writen"], &["writen: there is no such run", "did you mean writer?"]);
    place.refuse(&["generate", "y.csv"], &["y.csv"]);
    let tokens = place.run_with_input(&["predict", "writer", "-"], "ten\n").stdout;
    assert_eq!(
        (tokens.lines().next(), tokens.starts_with("token,log_probability\nt,-")),
        (Some("token,log_probability"), true)
    );
    let good = fs::read(place.path("writer/model.safetensors")).unwrap();
    for at in (0..good.len()).step_by(good.len() / 20 + 1) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        place.write("bad.safetensors", &bytes);
        place.refuse(&["generate", "bad.safetensors"], &["bad.safetensors"]);
    }
}
