//! Files of the kinds that people have (`tests/cases`): each is read as it is meant, and what is unusual about it is said,
//! or it is refused with what to do. However a file is written otherwise, no other numbers are ever read.

mod rewriting;

use sumun::data::{Mark, ReadOptions, Table};
use sumun::forecast::{self, ForecastConfig, Or};
use sumun::records::{RecordSpec, Records};

use rewriting::{encoded, written};

fn path(file: &str) -> String {
    format!("{}/tests/cases/{file}", env!("CARGO_MANIFEST_DIR"))
}

fn mean(values: &[Option<f64>]) -> f64 {
    let there: Vec<f64> = values.iter().flatten().copied().collect();
    there.iter().sum::<f64>() / there.len() as f64
}

#[test]
fn columns_are_read_as_they_are_meant() {
    let free = ReadOptions::default();
    let points = ReadOptions { thousands: Some(Mark::Point), ..ReadOptions::default() };
    let commas = ReadOptions { thousands: Some(Mark::Comma), ..ReadOptions::default() };
    let missing = ReadOptions { na: vec!["-9999".into()], ..ReadOptions::default() };
    // File, column, what is said; rows, missing values, mean; a part of each note.
    type Case<'a> = (&'a str, &'a str, &'a ReadOptions, (usize, usize, f64), &'a [&'a str]);
    let cases: [Case<'_>; 13] = [
        ("A1_thousands_long.csv", "Stück", &points, (140, 0, 1_023.571_428_571), &[]),
        ("g08_semicolon_us_thousands.csv", "y", &commas, (200, 0, 903.84), &[]),
        ("f05_german_thousands.csv", "Umsatz", &free, (300, 0, 1149.7606), &[]),
        ("f06_us_thousands.csv", "volume", &free, (300, 0, 100_151.633_333_333_33), &[]),
        ("g07_tab_decimal_comma.tsv", "y", &free, (200, 0, 2.011), &[]),
        ("f28_hash_na.csv", "y", &free, (100, 1, 2.919_191_919_191_919), &[]),
        ("f28b_sentinel.csv", "y", &missing, (200, 3, 2.964_467_005_076_142), &[]),
        (
            "f29_units_row.csv",
            "temp",
            &free,
            (100, 0, 2.95),
            &["1 comment line before the header", "row 3 holds units and is left out: 'UTC', 'degC'"],
        ),
        ("m06_noaa_header.csv", "average", &free, (300, 0, 329.95), &["2 comment lines before the header"]),
        ("f33_no_header.csv", "column 2", &free, (100, 0, 2.95), &["row 1 holds values and no names"]),
        ("g27_sep_line.csv", "y", &free, (100, 0, 2.95), &[]),
        (
            "g06_airquality.csv",
            "CO(GT)",
            &free,
            (400, 0, 2.015_75),
            &["14 empty rows left out", "2 empty columns left out"],
        ),
        ("y01_regress_decimal_comma.csv", "label", &free, (60, 0, 2.5), &[]),
    ];
    for (file, column, options, (rows, missing, expected), notes) in cases {
        let table = Table::read_with(path(file), options).unwrap();
        let values = table.numeric(column).unwrap();
        assert_eq!((values.len(), values.iter().filter(|v| v.is_none()).count()), (rows, missing), "{file}");
        assert!((mean(&values) - expected).abs() < 1e-9 * expected.abs(), "{file}: {}", mean(&values));
        assert_eq!(table.notes().len(), notes.len(), "{file}: {:?}", table.notes());
        for (note, part) in table.notes().iter().zip(notes) {
            assert!(note.contains(part), "{file}: {note}");
        }
    }
}

#[test]
fn what_is_uncertain_is_refused_with_its_place() {
    let numeric = |file: &str, column: &str| Table::read(path(file)).and_then(|table| table.numeric(column));
    for (file, column, expected) in [
        (
            "A1_thousands_long.csv",
            "Stück",
            "row 3, column 'Stück': '1.020' may be 1.02 or 1020, as '.' may stand",
        ),
        (
            "g08_semicolon_us_thousands.csv",
            "y",
            "row 3, column 'y': '1,212' may be 1.212 or 1212, as ',' may stand",
        ),
        (
            "c07b_unclosed_inner.csv",
            "label",
            "row 22: a quotation mark is opened and not closed before row 43",
        ),
    ] {
        let message = numeric(file, column).unwrap_err().to_string();
        assert!(
            message.starts_with(&format!("{}: {expected}", path(file))) && !message.contains('\n'),
            "{message}"
        );
    }
}

#[test]
fn texts_and_labels() {
    let records = Records::read(path("c07d_backslash_escape.csv"), &RecordSpec::default()).unwrap();
    assert_eq!(records.records.len(), 60);
    let first = format!("{:?}", records.records[0].input);
    assert_eq!(first, r#"Text("He said \"really hated it number 0\", ok")"#);
    assert!(records.notes[0].contains("backslash"), "{:?}", records.notes);
    let mut records = Records::read(path("y01_regress_decimal_comma.csv"), &RecordSpec::default()).unwrap();
    let (form, note) = records.plain_labels(&ReadOptions::default(), None).unwrap();
    assert_eq!(records.numeric_labels().unwrap()[..4], [0.5, 1.5, 2.5, 3.5]);
    assert_eq!(form.decimal, Some(Mark::Comma));
    assert_eq!(note.unwrap(), "labels are written with ',' before decimals: '0,5' is 0.5");
}

/// Words and booleans are inputs as well; what was never learnt is said and is none of them.
#[test]
fn words_help_a_forecast() {
    let table = Table::read(path("f43_cat_feature.csv")).unwrap();
    let mut config = ForecastConfig::of(&["y"]);
    config.data.features = vec!["promo".into(), "weather".into()];
    (config.train.epochs, config.data.horizon, config.data.season) = (Some(1), Some(7), Some(Or::Number(7)));
    let trained = forecast::train(&table, &config, &mut ()).unwrap();
    assert!(
        trained.notes.iter().any(|note| note.contains("'weather' is coded as 2 categories")),
        "{:?}",
        trained.notes
    );
    let kept = trained.forecaster.config();
    let names: Vec<&str> = kept.preprocessing.features.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, ["promo=False", "promo=True", "weather=rain", "weather=sun"]);
    let text = std::fs::read_to_string(path("f43_cat_feature.csv")).unwrap();
    let same = trained.forecaster.predict(Some(&table), None).unwrap();
    assert_eq!(same.targets, trained.forecaster.predict(None, None).unwrap().targets);
    let last = text.trim_end().rfind(',').unwrap();
    let newer = Table::from_reader("f.csv", format!("{},fog\n", &text[..last]).as_bytes()).unwrap();
    let other = trained.forecaster.predict(Some(&newer), None).unwrap();
    assert!(other.notes.iter().any(|note| note.contains("not learnt ('fog' in 1 row)")), "{:?}", other.notes);
    assert_ne!(same.targets, other.targets);
}

/// A file as a matrix of cells, its names first.
fn cells(file: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path(file)).unwrap();
    let delimiter = if file.ends_with(".tsv") {
        '\t'
    } else if text.contains(';') {
        ';'
    } else {
        ','
    };
    rewriting::cells(&text, delimiter)
}

/// Delimiter, encoding, line end, order of columns and rows: the same numbers are read, or an error, never other numbers;
/// and where it is said how they are written, the same numbers always.
#[test]
fn however_a_file_is_written_no_other_numbers_are_read() {
    use Mark::{Comma, Point};
    let said = |decimal, thousands| ReadOptions { decimal, thousands, ..ReadOptions::default() };
    let (mut read, mut refused) = (0, 0);
    for (file, column, decimal, thousands) in [
        ("A1_thousands_long.csv", "Stück", None, Some(Point)),
        ("g08_semicolon_us_thousands.csv", "y", None, Some(Comma)),
        ("f05_german_thousands.csv", "Umsatz", Some(Comma), Some(Point)),
        ("f06_us_thousands.csv", "volume", None, Some(Comma)),
        ("g07_tab_decimal_comma.tsv", "y", Some(Comma), None),
        ("f28_hash_na.csv", "y", None, None),
        ("f28b_sentinel.csv", "y", None, None),
        ("f43_cat_feature.csv", "y", None, None),
        ("y01_regress_decimal_comma.csv", "label", Some(Comma), None),
    ] {
        let rows = cells(file);
        let place = rows[0].iter().position(|name| name == column).unwrap();
        let sign = |mark: Option<Mark>| mark.map_or("", Mark::name);
        let number = |cell: &String| {
            let plain = match sign(thousands) {
                "" => cell.clone(),
                mark => cell.replace(mark, ""),
            };
            let plain = if decimal == Some(Comma) { plain.replace(',', ".") } else { plain };
            plain.parse::<f64>().ok()
        };
        let truth: Vec<Option<f64>> = rows[1..].iter().map(|row| number(&row[place])).collect();
        for turned in [false, true] {
            for backwards in [false, true] {
                let (mut rows, mut truth) = (rows.clone(), truth.clone());
                if turned {
                    rows.iter_mut().for_each(|row| row.reverse());
                }
                if backwards {
                    rows[1..].reverse();
                    truth.reverse();
                }
                for delimiter in [',', ';', '\t', '|'] {
                    for end in ["\n", "\r\n", "\r"] {
                        for (encoding, bytes) in encoded(&written(&rows, delimiter, end)) {
                            let of = |options: &ReadOptions| {
                                Table::from_reader_with("f.csv", bytes.as_slice(), options)?.numeric(column)
                            };
                            let what =
                                format!("{file} {delimiter:?} {end:?} {encoding} {turned} {backwards}");
                            let found = of(&said(decimal, thousands));
                            assert_eq!(
                                found.as_ref().ok(),
                                Some(&truth),
                                "{what}: {:?}",
                                found.as_ref().err()
                            );
                            match of(&ReadOptions::default()) {
                                Ok(values) => {
                                    read += 1;
                                    assert_eq!(values, truth, "{what}");
                                }
                                Err(error) => {
                                    refused += 1;
                                    assert!(error.to_string().contains("may be"), "{what}: {error}");
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(read > 2 * refused && refused > 0, "{read} read, {refused} refused");
}

#[test]
fn packed_files_are_unpacked() {
    let plain = Table::read(path("f28_hash_na.csv")).unwrap().numeric("y").unwrap();
    for (file, note) in [("f28_hash_na.csv.gz", "gzip"), ("f28_hash_na.csv.zst", "Zstandard")] {
        let table = Table::read(path(file)).unwrap();
        assert_eq!(table.numeric("y").unwrap(), plain, "{file}");
        assert_eq!(table.notes(), [format!("the file is packed with {note}")]);
    }
}

#[test]
fn sheets_of_workbooks_are_tables() {
    let table = Table::read(path("sheets.xlsx")).unwrap();
    assert_eq!(table.header(), ["Datum", "Zeit", "Wert", "Ort"]);
    assert_eq!((table.rows(), table.line(0)), (60, 3));
    assert_eq!(
        [table.cell(1, 0), table.cell(1, 1), table.cell(1, 3)],
        ["2024-01-01", "2024-01-01 01:00:00", "A, \"b\""]
    );
    // Numbers of a workbook are numbers, whatever they look like.
    assert_eq!(table.numeric("Wert").unwrap()[..3], [Some(950.0), Some(1.234), Some(7.0)]);
    assert!(
        table.notes()[0].starts_with("sheet 'Messung' of the workbook (others hold values too: 'Other';")
    );
    let sheet = |name: &str| {
        let options = ReadOptions { sheet: Some(name.into()), ..ReadOptions::default() };
        Table::read_with(path("sheets.xlsx"), &options)
    };
    assert_eq!(sheet("Other").unwrap().header(), ["x"]);
    let message = sheet("Othr").unwrap_err().to_string();
    assert!(
        message.contains("there is no sheet 'Othr'; did you mean 'Other'? its sheets are 'Read me',"),
        "{message}"
    );
    let table = Table::read(path("sheet.ods")).unwrap();
    assert_eq!((table.rows(), table.cell(0, 0)), (30, "2024-01-01"));
    assert_eq!(table.numeric("y").unwrap()[..2], [Some(950.0), Some(1.234)]);
}
