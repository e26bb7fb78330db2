//! `sumun inspect` from the outside.

use crate::generate::place;
use crate::place::last_json;

#[test]
fn a_page_shows_what_a_network_does_with_a_text() {
    let place = place();
    let ran = place.succeed(&["inspect", "writer", "--input", "ten green bo"]);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "wrote inspect.html\n"));
    let page = std::fs::read_to_string(place.path("inspect.html")).unwrap();
    for part in
        ["<h1>writer</h1>", "the text that was given, 13 steps", "forget gate", "Neighbours", "ten green bo"]
    {
        assert!(page.contains(part), "{part}");
    }
    // What is there is not written over, and nothing is computed first.
    place.refuse(
        &["inspect", "nothing", "--input", "x"],
        &["inspect.html exists; choose another --out or remove it"],
    );

    let json = ["inspect", "writer", "--input", "ten green bo", "--json", "--step", "3", "--class", "e"];
    let inside = last_json(&place.succeed(&json));
    assert_eq!((inside["task"].as_str(), inside["run"].as_str()), (Some("lm"), Some("writer")));
    let inside = &inside["inside"];
    assert_eq!(inside["steps"].as_array().unwrap().len(), 13);
    assert_eq!(
        (inside["answer"]["step"].as_u64(), inside["counted"]["class"].as_str()),
        (Some(3), Some("e"))
    );
    // What comes after the step that answers is nothing to it.
    let left_out: Vec<f64> =
        inside["counted"]["occlusion"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    assert!(
        left_out[3..].iter().all(|x| *x == 0.0) && left_out[..3].iter().any(|x| *x != 0.0),
        "{left_out:?}"
    );
    let layers = inside["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 1);
    let names: Vec<&str> =
        layers[0]["values"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["i", "f", "g", "o", "h", "c"]);
    let same = last_json(&place.succeed(&[&json[..], &["--threads", "1"]].concat()));
    assert_eq!(&same["inside"], inside);
}

#[test]
fn forecasters_and_files_are_shown_too() {
    let place = place();
    place.succeed(&["inspect", "run", "--input", "y.csv", "--out", "forecast.html", "--layer", "0"]);
    let page = std::fs::read_to_string(place.path("forecast.html")).unwrap();
    assert!(page.contains("the last window of y.csv") && page.contains("By feature"), "{page}");
    place.write("text.txt", "ten green bottles,\n");
    place.succeed(&["inspect", "writer", "--input", "text.txt", "--out", "text.html", "--unit", "5"]);
    assert!(std::fs::read_to_string(place.path("text.html")).unwrap().contains("Unit 5 of"));
}

#[test]
fn charts_are_written_as_pictures_where_the_build_draws_them() {
    let place = place();
    std::fs::create_dir(place.path("there")).unwrap();
    place.write("there/kept", "mine");
    let inspect = ["inspect", "writer", "--input", "ten green bo", "--out", "page.html", "--png"];
    let with = |folder| [&inspect[..], &[folder]].concat();
    if !cfg!(feature = "png") {
        place.refuse(&with("pictures"), &["--png is for builds with the feature png"]);
        assert!(!place.path("pictures").exists() && !place.path("page.html").exists());
        return;
    }
    place.refuse(&with("there"), &["there exists; choose another --png or remove it"]);
    place.refuse(&[&with("pictures")[..], &["--unit", "99"]].concat(), &["--unit is 99; it must be below"]);
    let names = |folder: &str| {
        let all = std::fs::read_dir(place.path(folder)).unwrap();
        let mut names: Vec<String> = all.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert!(!place.path("page.html").exists() && names("there") == ["kept"]);
    let hidden = names(".").iter().filter(|name| name.ends_with(".partial")).count();
    assert!(!place.path("pictures").exists() && hidden == 0);

    let ran = place.succeed(&[&with("pictures")[..], &["--unit", "5"]].concat());
    assert!(ran.stderr.contains("wrote 7 pictures into pictures\n"), "{}", ran.stderr);
    assert!(ran.stderr.ends_with("wrote page.html\n"), "{}", ran.stderr);
    let expected = [
        "counted.png",
        "gradient.png",
        "layer-0-unit-5.png",
        "layer-0.png",
        "probabilities.png",
        "vectors-longest.png",
        "vectors-shortest.png",
    ];
    assert_eq!(names("pictures"), expected);
    for name in expected {
        let png = std::fs::read(place.path(&format!("pictures/{name}"))).unwrap();
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.len() > 2_000, "{name}: {}", png.len());
    }
}

#[test]
fn what_cannot_be_shown_is_refused() {
    let place = place();
    place.write("text.txt", "ten green bottles,\n");
    let cases: [(&[&str], &str); 12] = [
        (
            &["writer", "--input", "ten", "--step", "5"],
            "--step is 5; it must be from 1 to 4, as many as there are",
        ),
        (
            &["writer", "--input", "ten", "--class", "€"],
            "--class is '€', which the model does not know; it knows",
        ),
        (&["writer", "--input", "ten", "--layer", "1"], "--layer is 1; it must be below 1"),
        (&["writer", "--input", "ten", "--unit", "24"], "--unit is 24; it must be below 24, the units of"),
        (
            &["writer", "--input", "ten", "--record", "2"],
            "--record is for a file, and there is none called ten",
        ),
        (&["writer", "--input", "text.txt", "--record", "2"], "--record is for files of records"),
        (&["run", "--input", "no.csv"], "no.csv: there is no such file; check the path, or give a text"),
        (&["run", "--input", "hello"], "the model reads rows of a table, and 'hello' is no file with them"),
        (&["writer", "--input", "ten", "--json", "--unit", "3"], "--unit"),
        (&["writer", "--input", "ten", "--json", "--png", "p"], "--png"),
        (
            &["writer", "--input", "ten", "--out", "nowhere/x.html"],
            "nowhere: there is no such folder; make it",
        ),
        (&["run", "--input", "y.csv", "--step", "99"], "--step is 99; it must be from 1 to"),
    ];
    for (arguments, expected) in cases {
        place.refuse(&[&["inspect"], arguments].concat(), &[expected]);
        assert!(!place.path("inspect.html").exists());
    }
}
