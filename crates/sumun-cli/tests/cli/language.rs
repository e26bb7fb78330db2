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
