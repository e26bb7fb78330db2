//! Other languages than English: what is said in them, and what stays as it is.

use crate::place::Place;

/// Whether a text has letters of Hangul.
fn is_korean(text: &str) -> bool {
    text.chars().any(|c| ('가'..='힣').contains(&c))
}

#[test]
fn help_is_in_the_language_asked_for() {
    let place = Place::new();
    let korean = |arguments: &[&str]| place.succeed(arguments).stdout;
    let help = korean(&["--lang", "ko", "--help"]);
    for part in ["사용법: sumun", "명령:\n", "옵션:\n", "예:\n", "  train ", "--lang <LANG>"] {
        assert!(help.contains(part), "{part}: {help}");
    }
    assert_eq!(help.lines().filter(|line| line.starts_with("  help ")).count(), 1, "{help}");
    for same in [&["--help", "--lang", "ko"][..], &["--help", "--lang=ko"], &["help", "--lang", "ko"]] {
        assert_eq!(korean(same), help, "{same:?}");
    }
    // Wherever the option stands, and of the commands below.
    let forecast = korean(&["train", "forecast", "--help", "--lang", "ko"]);
    assert!(forecast.contains("--horizon <N>") && forecast.contains("[기본값: mean]"), "{forecast}");
    assert_eq!(korean(&["--lang", "ko", "help", "train", "forecast"]), forecast);
    for english in ["Usage", "Options", "default:", "possible values", "Print help", "Exit codes"] {
        assert!(!help.contains(english) && !forecast.contains(english), "{english}");
    }
    assert!(!is_korean(&place.succeed(&["--help"]).stdout));
}

#[test]
fn the_environment_says_the_language() {
    let place = Place::new();
    let help = |variables: &[(&str, &str)]| {
        let mut command = place.command(&["--help"]);
        for name in ["SUMUN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"] {
            command.env_remove(name);
        }
        let output = command.envs(variables.iter().copied()).output().unwrap();
        (is_korean(&String::from_utf8_lossy(&output.stdout)), output.status.code())
    };
    assert_eq!(help(&[("LANG", "ko_KR.UTF-8")]), (true, Some(0)));
    assert_eq!(help(&[("LC_ALL", "C"), ("LANG", "ko_KR.UTF-8")]), (false, Some(0)));
    assert_eq!(help(&[("SUMUN_LANG", "ko"), ("LANG", "C")]), (true, Some(0)));
    assert_eq!(help(&[("LANG", "fr_FR.UTF-8")]), (false, Some(0)));
    assert_eq!(help(&[("SUMUN_LANG", "xx")]).1, Some(2));
}

#[test]
fn pages_and_completions_are_in_it_too() {
    let place = Place::new();
    let page = place.succeed(&["man", "train", "--lang", "ko"]).stdout;
    assert!(is_korean(&page) && page.contains("종료 코드"), "{page}");
    let script = place.succeed(&["completions", "zsh", "--lang", "ko"]).stdout;
    assert!(script.contains("--lang") && is_korean(&script), "{script}");
}

#[test]
fn errors_are_in_it_with_their_names_and_numbers() {
    let place = Place::with_series();
    for (arguments, expected) in [
        (
            &["train", "forecast", "none.csv", "--target", "y"][..],
            "오류: none.csv: 그런 파일이 없습니다. 경로를 확인하세요",
        ),
        (&["train", "forecast", "y.csv", "--target", "x"], "열 'x'가 없습니다"),
        (&["train", "forecast", "y.csv", "--targt", "y"], "'--targt'는 모르는 인자입니다"),
        (
            &["train", "forecast", "y.csv", "--epochs", "x"],
            "'--epochs <N>'의 값 'x'는 맞지 않습니다: 1 이상의 정수를 주세요; sumun train forecast --help를 보세요",
        ),
        (
            &["train", "forecast", "y.csv", "--target", "y", "--lr", "-1"],
            "--lr이 -1입니다. 필요한 값: 0.003처럼 0보다 큰 수",
        ),
        // The option before the command is no part of it.
        (&["--lang", "ko", "train", "tag", "--epochs", "x"], "sumun train tag --help를 보세요"),
        (&["trian"], "'trian'은 모르는 명령입니다; 비슷한 명령이 있습니다: 'train'; sumun --help를 보세요"),
        (&["predict"], "sumun predict --help를 보세요"),
        // A name that is a message stays a name.
        (
            &["evaluate", "a finite number", "y.csv"],
            "오류: a finite number: 그런 실행 폴더나 모델 파일이 없습니다",
        ),
        (
            &["train", "forecast", "y.csv", "--target", "give another path"],
            "열 'give another path'가 없습니다",
        ),
    ] {
        let output = place.command(arguments).env("SUMUN_LANG", "ko").output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_training_is_told_in_it_and_its_files_and_json_stay_as_they_are() {
    let place = Place::with_series();
    let train = ["train", "forecast", "y.csv", "--target", "y", "--horizon", "4", "--epochs", "2", "--json"];
    let run = |language: &str, out: &str| {
        let output = place.command(&train).args(["--out", out]).env("SUMUN_LANG", language).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    };
    let (english_json, english) = run("en", "runs/a");
    let (korean_json, korean) = run("ko", "runs/b");
    for part in
        ["에포크 2/2", "훈련 ", "검증 ", "시험 구간, 시점 ", "기준 모델", "다음  ", "sumun predict runs/b"]
    {
        assert!(korean.contains(part), "{part}: {korean}");
    }
    for part in ["epoch 2/2", " left", "test part", "baseline", " rows"] {
        assert!(english.contains(part) && !korean.contains(part), "{part}: {korean}");
    }
    // The same but for what a clock says and where the run is.
    let object = |text: &str| {
        let mut object: serde_json::Value = serde_json::from_str(text).unwrap();
        for key in ["seconds", "run", "report"] {
            object[key] = serde_json::Value::Null;
        }
        object
    };
    assert_eq!(object(&korean_json), object(&english_json));
    let page = |run: &str| place.read(&format!("runs/{run}/report.html"));
    for part in ["<html lang=\"ko\">", "학습 보고서", "<h2>예측</h2>", "시험 구간"] {
        assert!(page("b").contains(part), "{part}");
    }
    assert!(page("a").contains("<html lang=\"en\">") && !is_korean(&page("a")));
    for file in ["config.toml", "model.safetensors"] {
        let bytes = |run: &str| std::fs::read(place.path(&format!("runs/{run}/{file}"))).unwrap();
        assert_eq!(bytes("a"), bytes("b"), "{file}");
    }
}

#[test]
fn damaged_files_of_other_programs_are_refused_in_it() {
    let place = Place::new();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../sumun-testing/golden");
    let files = [
        "torch_files/gru_checkpoint.pt",
        "keras_models/model_simple_rnn.keras",
        "onnx_models/gru_forward.onnx",
        "keras_models/model_simple_rnn.h5",
        "cells/ind_rnn_plain.safetensors",
    ];
    let mut refused = 0;
    for file in files {
        let good = std::fs::read(folder.join(file)).unwrap();
        for step in 0..24 {
            let at = good.len() * step / 24;
            let mut changed = good.clone();
            changed[at] ^= 0x41;
            for bytes in [&changed, &good[..at]] {
                place.write("file", bytes);
                let output = place.command(&["show", "file"]).env("SUMUN_LANG", "ko").output().unwrap();
                let said = String::from_utf8(output.stderr).unwrap();
                if output.status.code() != Some(0) {
                    let said =
                        said.trim_end().strip_prefix("오류: file: ").unwrap_or_else(|| panic!("{said}"));
                    assert!(
                        is_korean(said) && !said.contains(" the ") && !said.contains(" is "),
                        "{file}: {said}"
                    );
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn tables_of_layers_are_in_it_and_keep_their_columns() {
    let place = Place::new();
    let file = crate::foreign::golden("gru_checkpoint.pt");
    let shown = |language: &str| place.succeed(&["show", &file, "--lang", language]).stdout;
    let (english, korean) = (shown("en"), shown("ko"));
    for (from, to) in [
        (
            "Layer (kind)                 Output shape     Parameters",
            "층 (종류)                    출력 모양          파라미터",
        ),
        ("Total parameters: 4,820", "파라미터 합계: 4,820"),
        ("Trainable parameters: 4,820", "학습하는 파라미터: 4,820"),
    ] {
        assert!(english.contains(&format!("{from}\n")), "{english}");
        assert!(korean.contains(&format!("{to}\n")), "{korean}");
    }
    let row = "rnn (Bidirectional GRU × 2)  (None, 24)            4,320\n";
    assert!(english.contains(row) && korean.contains(row), "{korean}");
}

#[test]
fn settings_are_explained_in_it_in_a_file_that_is_the_same() {
    let place = Place::new();
    for task in ["forecast", "classify", "regress", "tag", "translate", "lm", "simulate"] {
        let template = |language: &str| place.succeed(&["config", task, "--lang", language]).stdout;
        let (english, korean) = (template("en"), template("ko"));
        // Lines that are commented out are settings, too.
        let is_setting = |line: &&str| {
            let name = line.trim_start_matches("# ").split_once(" = ").map(|(name, _)| name);
            name.is_some_and(|name| name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_'))
        };
        let settings = |text: &str| text.lines().filter(is_setting).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(settings(&korean), settings(&english), "{task}");
        let mut explained = 0;
        for line in korean.lines().filter(|line| line.starts_with('#') && !is_setting(line)) {
            assert!(is_korean(line), "{task}: {line}");
            explained += 1;
        }
        assert!(explained > 30 && !is_korean(&english), "{task}: {explained}");
        assert_eq!(korean.lines().count(), english.lines().count(), "{task}");
    }
}
