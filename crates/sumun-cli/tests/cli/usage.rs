//! Options: what is refused, what wins, and what help says.

use crate::place::Place;

#[test]
fn bad_values_are_refused_in_one_line() {
    let place = Place::with_series();
    for (option, value, expected) in [
        ("--horizon", "0", "--horizon is 0; it must be at least 1"),
        ("--horizon", "-3", "'-3' for '--horizon <N>': give a whole number"),
        ("--window", "1.5", "'1.5' for '--window <N>': give a whole number"),
        ("--hidden", "0", "--hidden is 0"),
        ("--layers", "0", "--layers is 0"),
        ("--hidden", "99999999", "the model has more than 1073741824 parameters; make it smaller"),
        ("--hidden", "9223372036854775807", "--hidden 9223372036854775807 and --layers 1 make no network"),
        ("--layers", "9999999999", "recurrent: layers is 9999999999; it is at most 100"),
        ("--horizon", "9223372036854775807", "use a smaller --window or --horizon"),
        ("--season", "9223372036854775807", "give a shorter period"),
        ("--epochs", "0", "--epochs is 0"),
        ("--batch", "0", "--batch is 0"),
        ("--patience", "0", "--patience is 0"),
        ("--lr", "-0.1", "--lr is -0.1; it must be a number above 0"),
        ("--lr", "0", "--lr is 0"),
        ("--lr", "nan", "--lr is NaN"),
        ("--lr", "fast", "'fast' for '--lr <X>': give a number"),
        ("--dropout", "1.5", "--dropout is 1.5"),
        ("--dropout", "-0.5", "--dropout is -0.5"),
        ("--clip", "-1", "'-1' for '--clip <X>': give a number above 0"),
        ("--valid", "1.5", "--valid is 1.5"),
        ("--test", "-1", "--test is -1"),
        ("--valid", "0.9", "leave nothing to train on"),
        ("--cell", "lstn", "'lstm'"),
        ("--scale", "minimax", "'minmax'"),
        ("--missing", "fill", "'ffill'"),
        ("--optimizer", "adan", "'adam'"),
        ("--difference", "seasonal", "'season'"),
        ("--log", "maybe", "auto, on, off"),
        ("--season", "weekly", "give a number of rows, or none"),
        ("--seed", "-1", "give a whole number from 0"),
        ("--threads", "0", "give a whole number from 1"),
        ("--target", "y,", "a column name is empty"),
        ("--horizn", "3", "a similar argument exists: '--horizon'"),
    ] {
        place.refuse(&["train", "forecast", "y.csv", "--target", "y", option, value], &[expected]);
    }
}

/// Below 0 and 0 are refused with the same bound.
#[test]
fn counts_say_what_they_must_be() {
    let place = Place::with_series();
    for option in ["--horizon", "--epochs", "--batch"] {
        for value in ["-1", "0"] {
            let arguments = ["train", "forecast", "y.csv", "--target", "y", option, value];
            place.refuse(&arguments, &["at least 1"]);
        }
    }
}

#[test]
fn an_option_of_a_task_beside_a_configuration_is_explained() {
    let place = Place::with_series();
    place.write("run.toml", "task = \"forecast\"\n[data]\ntrain = \"y.csv\"\ntarget = [\"y\"]\n");
    let arguments = ["train", "--config", "run.toml", "--horizon", "6"];
    place.refuse(&arguments, &["--set data.horizon=VALUE", "sumun train TASK --config FILE"]);
    let ran = place.run(&["train", "--config", "run.toml", "--colour", "6"]);
    assert!(ran.code == Some(2) && !ran.stderr.contains("--set"), "{ran:?}");
}

#[test]
fn an_error_line_is_bounded_and_plain() {
    let place = Place::with_series();
    let long = "x".repeat(5000);
    for arguments in [
        &["predict", &long][..],
        &[&long],
        &["train", "forecast", "y.csv", "--target", &long],
        &["train", "forecast", "y.csv", "--target", "y", "--set", &long],
        &["train", "forecast", &long, "--target", "y"],
    ] {
        let ran = place.run(arguments);
        let line = ran.stderr.trim_end();
        assert!(ran.code == Some(2) && line.chars().count() < 1200, "{} characters", line.chars().count());
    }
    let ran = place.run(&["predict", "a\u{1b}[2J\u{202e}b"]);
    assert!(!ran.stderr.trim_end().chars().any(|c| c.is_control() || c == '\u{202e}'), "{ran:?}");
}

/// A full disk behind standard output is one exit code, whatever is written.
#[cfg(target_os = "linux")]
#[test]
fn a_full_output_is_exit_code_1() {
    let place = Place::with_series();
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["train", "--help"],
        &["config", "tag"],
        &["completions", "bash"],
        &["man", "train"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ran = place.command(arguments).stdout(full).output().unwrap();
        let stderr = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("error: standard output cannot be written"), "{arguments:?}: {stderr}");
    }
}

#[test]
fn incomplete_commands_are_refused() {
    let place = Place::with_series();
    for (arguments, expected) in [
        (&["train", "forecast", "y.csv"][..], "no column to forecast; name one or more with --target"),
        (&["train", "forecast", "--target", "y"], "no data is named; give a file"),
        (&["train", "forcast", "y.csv"], "'forecast'; see sumun train --help"),
        (&["trian"], "'train'; see sumun --help"),
        (&["predict"], "<RUN>"),
        (&["predict", "run", "--steps", "0"], "--steps is 0; it must be at least 1"),
        (&["evaluate", "run"], "<FILE>; see sumun evaluate --help"),
        (&["summary", "run", "more"], "unexpected argument 'more'"),
    ] {
        place.refuse(arguments, &[expected]);
    }
}

#[test]
fn the_last_of_two_options_wins() {
    let place = Place::with_series();
    let base = [
        "train", "forecast", "y.csv", "--target", "x", "--target", "y", "--json", "--json", "--quiet",
        "--quiet",
    ];
    place.refuse(&[&base[..], &["--horizon", "5", "--horizon", "0"]].concat(), &["--horizon is 0"]);
    let right = [
        "--horizon",
        "0",
        "--horizon",
        "5",
        "--epochs",
        "0",
        "--epochs",
        "1",
        "--cell",
        "gru",
        "--cell",
        "rnn",
    ];
    let more = ["--difference", "season", "--difference", "none", "--out", "y.csv", "--out", "run"];
    place.succeed(&[&base[..], &right, &more].concat());
    let config = place.read("run/config.toml");
    for line in ["horizon = 5", "epochs = 1", "cell = \"rnn\"", "difference = \"none\""] {
        assert!(config.lines().any(|l| l == line), "{line} is not in {config}");
    }
}

#[test]
fn help_goes_to_stdout_and_explains_everything() {
    let place = Place::new();
    for command in [
        &[][..],
        &["train"],
        &["train", "forecast"],
        &["train", "translate"],
        &["predict"],
        &["evaluate"],
        &["summary"],
        &["bench"],
        &["runs"],
        &["compare"],
        &["completions"],
        &["man"],
    ] {
        let ran = place.succeed(&[command, &["--help"]].concat());
        assert!(ran.stderr.is_empty() && ran.stdout.contains("Usage: sumun"), "{ran:?}");
        assert!(!ran.stdout.contains('\x1b'), "{ran:?}");
        if !command.is_empty() && command != ["train"] {
            assert!(ran.stdout.contains("Examples:\n") && ran.stdout.contains("Exit codes:\n"), "{ran:?}");
        }
    }
    let help = place.succeed(&["train", "forecast", "--help"]).stdout;
    for heading in ["Data:", "How targets are made easy to learn:", "Model:", "Training:", "Output:"] {
        assert!(help.contains(&format!("\n{heading}\n")), "{heading} is not in {help}");
    }
    for default in ["[default: 32]", "[default: lstm]", "[default: 0.003]", "[default: adam]"] {
        assert!(help.contains(default), "{default} is not in {help}");
    }
    let version = place.succeed(&["--version"]).stdout;
    assert_eq!(version, format!("sumun {}\n", env!("CARGO_PKG_VERSION")));
    let nothing = place.run(&[]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(2), ""));
}
