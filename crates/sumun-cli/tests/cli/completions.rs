//! Completions: that a shell takes the script, and what it then offers.

use std::io::ErrorKind;
use std::process::Command;

use crate::place::Place;

/// What bash offers for the last of `words`; None where there is no bash.
fn offered(words: &[&str]) -> Option<Vec<String>> {
    let place = Place::new();
    let script = place.succeed(&["completions", "bash"]).stdout;
    place.write("sumun.bash", script);
    let last = words.len() - 1;
    // As the shell calls it: the command, the word to complete, the word before.
    let run = r#"set -u; source ./sumun.bash; complete -p sumun >/dev/null || exit 3
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
        _sumun sumun "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
        printf '%s\n' "${COMPREPLY[@]}""#;
    let ran = Command::new("bash")
        .args(["--norc", "--noprofile", "-c", run, "bash"])
        .args(words)
        .current_dir(place.path(""))
        .output();
    let output = match ran {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        ran => ran.unwrap(),
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{words:?}, word {last}: {stderr}");
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn bash_completes_commands_options_and_choices() {
    for (words, wanted) in [
        (&["sumun", "tr"][..], &["train"][..]),
        (&["sumun", "train", ""], &["forecast", "classify", "regress", "tag", "lm", "translate", "--resume"]),
        (&["sumun", "train", "classify", "--cl"], &["--clip", "--class-weights"]),
        (&["sumun", "train", "lm", "--chu"], &["--chunk"]),
        (&["sumun", "train", "forecast", "y.csv", "--cell", ""], &["lstm", "gru", "rnn"]),
        (&["sumun", "train", "forecast", "y.csv", "--missing", "f"], &["ffill"]),
        (&["sumun", "train", "tag", "--bidirectional", "f"], &["false"]),
        (&["sumun", "config", "r"], &["regress"]),
        (&["sumun", "completions", "p"], &["powershell"]),
    ] {
        let Some(offered) = offered(words) else {
            eprintln!("skipped: there is no bash here");
            return;
        };
        for word in wanted {
            assert!(offered.iter().any(|offer| offer == word), "{word} for {words:?}: {offered:?}");
        }
        let start = words.last().unwrap();
        assert!(offered.iter().all(|offer| offer.starts_with(start)), "{words:?}: {offered:?}");
    }
    // A column's name cannot be guessed, a file's can.
    let names = offered(&["sumun", "train", "classify", "--label", "sum"]);
    let files = offered(&["sumun", "train", "classify", "--valid", "sum"]);
    assert_eq!(names.unwrap_or_default(), ["sum"]);
    assert_eq!(files.unwrap_or_default(), ["sumun.bash"]);
}

#[test]
fn every_shell_has_every_option_of_a_task() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.succeed(&["completions", shell]);
        assert!(script.stderr.is_empty());
        for task in ["forecast", "classify", "regress", "tag", "lm", "translate"] {
            for option in place.options(&["train", task]) {
                // fish writes `-l hidden`.
                let name = if shell == "fish" { option.replacen("--", "-l ", 1) } else { option.clone() };
                assert!(script.stdout.contains(&name), "{option} of {task} is not in the script for {shell}");
            }
        }
    }
    place.refuse(&["completions", "tcsh"], &["'tcsh'", "bash"]);
}
