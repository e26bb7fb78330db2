//! Pages of the manual: that they hold what `--help` does, and that `groff` sets them without a warning.

use std::fs;
use std::io::ErrorKind;
use std::process::Command;

use crate::place::Place;

#[test]
fn every_command_has_a_page() {
    let place = Place::new();
    let wrote = place.succeed(&["man", "--out", "share/man1"]);
    assert_eq!(wrote.stdout, "");
    let mut pages: Vec<String> = fs::read_dir(place.path("share/man1"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    for command in [
        &[][..],
        &["train"],
        &["train", "forecast"],
        &["train", "classify"],
        &["train", "regress"],
        &["train", "tag"],
        &["train", "lm"],
        &["train", "translate"],
        &["train", "simulate"],
        &["tune"],
        &["tune", "forecast"],
        &["tune", "classify"],
        &["tune", "regress"],
        &["tune", "tag"],
        &["tune", "lm"],
        &["tune", "translate"],
        &["tune", "simulate"],
        &["find-lr"],
        &["find-lr", "forecast"],
        &["find-lr", "classify"],
        &["find-lr", "regress"],
        &["find-lr", "tag"],
        &["find-lr", "lm"],
        &["find-lr", "translate"],
        &["find-lr", "simulate"],
        &["backtest"],
        &["config"],
        &["predict"],
        &["evaluate"],
        &["generate"],
        &["summary"],
        &["show"],
        &["import"],
        &["quantize"],
        &["inspect"],
        &["export"],
        &["apply"],
        &["runs"],
        &["compare"],
        &["bench"],
        &["completions"],
        &["man"],
    ] {
        let name = [&["sumun"], command].concat().join("-");
        let at = pages.iter().position(|page| *page == format!("{name}.1"));
        pages.remove(at.unwrap_or_else(|| panic!("{name} has no page: {pages:?}")));
        let page = place.read(&format!("share/man1/{name}.1"));
        assert_eq!(page, place.succeed(&[&["man"], command].concat()).stdout, "{name}");

        let plain = page.replace("\\-", "-");
        assert!(plain.contains(&format!(".SH NAME\n{name} - ")), "{name}");
        for option in place.options(command) {
            assert!(plain.contains(&option), "{option} is not in the page of {name}");
        }
        for section in ["SYNOPSIS", "DESCRIPTION", "EXAMPLES"] {
            assert!(plain.contains(&format!(".SH {section}\n")), "{name} has no {section}");
        }
    }
    assert!(pages.is_empty(), "pages of no command: {pages:?}");

    let page = place.read("share/man1/sumun-train-forecast.1").replace("\\-", "-");
    for part in [
        ".SH \"EXIT STATUS\"",
        "[default: lstm]",
        "[possible values: rnn, rnn_relu, lstm, gru, gru_reset_before, ind_rnn, min_gru, min_lstm, slstm]",
        "sumun-train\\fR(1)",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    // Older pages are replaced.
    place.succeed(&["man", "--out", "share/man1"]);
}

#[test]
fn groff_sets_the_pages_without_a_warning() {
    let place = Place::new();
    place.succeed(&["man", "--out", "man1"]);
    for entry in fs::read_dir(place.path("man1")).unwrap() {
        let path = entry.unwrap().path();
        let ran = Command::new("groff").args(["-k", "-man", "-Tutf8", "-ww", "-z"]).arg(&path).output();
        let output = match ran {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!("skipped: there is no groff here");
                return;
            }
            ran => ran.unwrap(),
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{}: {said}", path.display());
    }
}

#[test]
fn pages_that_are_not_there_are_refused() {
    let place = Place::with_series();
    place.refuse(
        &["man", "trian"],
        &["sumun has no command \"trian\"", "train, tune, find-lr, backtest, config"],
    );
    place.refuse(&["man", "train", "forecast", "x"], &["sumun train forecast has no command \"x\""]);
    place.refuse(&["man", "train", "--out", "there"], &["cannot be used with"]);
    place.refuse(&["man", "--out", "y.csv"], &["y.csv", "give another path"]);
}
