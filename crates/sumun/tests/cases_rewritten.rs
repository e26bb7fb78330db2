//! Every table of `tests/cases` written otherwise: its columns in another order, its rows in another order, another delimiter,
//! line end, encoding. What is read are the same numbers at the same times, or it is an error; never other numbers.

mod rewriting;

use sumun::data::{Missing, Series, SeriesSpec, Table};

use rewriting::{cells, encoded, written};

/// Files whose cells cannot be told by quotation marks and one delimiter alone, so that nothing writes them anew here: each has
/// a test of its own.
const NOT_REWRITTEN: &[&str] = &["c07b_unclosed_inner.csv", "c07d_backslash_escape.csv"];

/// What is read of a table: the numbers of each column that has numbers, in the order of the file; and the series of the first of
/// them, in the order of time, unless there are no times.
struct ReadTable {
    columns: Vec<(String, Vec<Option<u64>>)>,
    series: Option<Result<Values, String>>,
}

/// The bits of a series' values, and its times.
type Values = (Vec<u64>, Vec<String>);

fn read(bytes: &[u8], target: Option<&str>) -> sumun::Result<ReadTable> {
    let table = Table::from_reader("f.csv", bytes)?;
    let mut columns = Vec::new();
    for name in table.header() {
        if let Ok(values) = table.numeric(name) {
            columns.push((name.clone(), values.into_iter().map(|v| v.map(f64::to_bits)).collect()));
        }
    }
    let series = target.map(|target| {
        let names = [target];
        let spec = SeriesSpec { missing: Missing::Ffill, ..SeriesSpec::new(&names) };
        let series = Series::from_table(&table, &spec).map_err(|error| error.to_string())?.series;
        let times = series.timestamps.iter().flatten().map(ToString::to_string).collect();
        Ok((series.columns[0].values.iter().map(|v| v.to_bits()).collect(), times))
    });
    Ok(ReadTable { columns, series })
}

/// The last column of numbers that is not the time: what one would forecast.
fn target(table: &Table) -> Option<String> {
    let numeric = |name: &&String| table.numeric(name).is_ok_and(|v| v.iter().flatten().count() > 10);
    table.header().iter().rfind(numeric).cloned()
}

#[test]
fn however_a_table_is_written_no_other_numbers_are_read() {
    let folder = format!("{}/tests/cases", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "csv" || end == "tsv"));
    files.sort();
    assert!(files.len() > 35, "{} tables", files.len());
    let (mut same, mut refused) = (0, 0);
    for path in files {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        if NOT_REWRITTEN.contains(&file.as_str()) {
            continue;
        }
        let table = Table::read(&path).unwrap_or_else(|error| panic!("{error}"));
        let target = target(&table);
        let whole = read(text.as_bytes(), target.as_deref()).unwrap();
        let mut rows = cells(&text, table.delimiter());
        // A line that names the delimiter would be wrong.
        rows.retain(|row| !row[0].starts_with("sep="));
        let removed = text.lines().count() - rows.len();
        let first = table.line(0) - 1 - removed;
        let again = read(written(&rows, table.delimiter(), "\n").as_bytes(), target.as_deref()).unwrap();
        assert_eq!(again.columns, whole.columns, "{file} as it is");
        for (columns_turned, rows_order) in [
            (false, "as they are"),
            (true, "as they are"),
            (false, "turned"),
            (true, "turned"),
            (false, "shuffled"),
        ] {
            // Columns without names are called by their places.
            if columns_turned && table.header().iter().any(|name| name == "column 2") {
                continue;
            }
            let mut rows = rows.clone();
            if columns_turned {
                rows.iter_mut().filter(|row| row.len() > 1).for_each(|row| row.reverse());
            }
            let mut order: Vec<usize> = (0..table.rows()).collect();
            match rows_order {
                "turned" => order.reverse(),
                "shuffled" => {
                    let len = order.len();
                    (0..len).for_each(|place| order.swap(place, place * 7919 % len));
                }
                _ => {}
            }
            // Empty rows are left out by the reader; those of the file stay where they are.
            let places: Vec<usize> = (0..table.rows()).map(|row| table.line(row) - 1 - removed).collect();
            let data: Vec<Vec<String>> = order.iter().map(|&row| rows[places[row]].clone()).collect();
            places.iter().zip(data).for_each(|(&place, row)| rows[place] = row);
            assert!(places.first().is_none_or(|&place| place == first));
            for (delimiter, end) in
                [(',', "\n"), (';', "\r\n"), ('\t', "\n"), ('|', "\r"), (table.delimiter(), "\r\n")]
            {
                // Every encoding once, and then the plain one.
                let encodings = encoded(&written(&rows, delimiter, end));
                let taken = if delimiter == ',' { encodings.len() } else { 1 };
                for (encoding, bytes) in encodings.into_iter().take(taken) {
                    let what = format!(
                        "{file}, {delimiter:?} {end:?} {encoding}, columns turned: {columns_turned}, rows {rows_order}"
                    );
                    let Ok(found) = read(&bytes, target.as_deref()) else {
                        refused += 1;
                        continue;
                    };
                    for (name, values) in &whole.columns {
                        let expected: Vec<_> = order.iter().map(|&row| values[row]).collect();
                        match found.columns.iter().find(|(other, _)| other == name) {
                            Some((_, values)) => assert_eq!(*values, expected, "{what}: {name}"),
                            None => refused += 1,
                        }
                    }
                    match (&found.series, &whole.series) {
                        (Some(Ok(found)), Some(Ok(expected))) if !expected.1.is_empty() => {
                            assert_eq!(found, expected, "{what}");
                            same += 1;
                        }
                        (Some(Ok(_)), Some(Err(error))) => panic!("{what}: read, though {error}"),
                        (Some(Err(_)), Some(Ok(_))) => refused += 1,
                        _ => {}
                    }
                }
            }
        }
    }
    assert!(same > 10 * refused, "{same} the same, {refused} refused");
}
