//! Files with times in the forms that people have: what is read, in which order, what comes next, and what is said.

use sumun::data::{Missing, Series, SeriesSpec, Table};

fn table(file: &str) -> Table {
    Table::read(format!("{}/tests/cases/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A file and what it holds.
struct Case {
    file: &'static str,
    column: &'static str,
    rows: usize,
    /// The first and the last row in order of time, and the two steps after it.
    labels: [&'static str; 4],
    first_value: f64,
    frequency: &'static str,
    note: &'static str,
}

const fn case(
    file: &'static str,
    column: &'static str,
    rows: usize,
    labels: [&'static str; 4],
    first_value: f64,
    (frequency, note): (&'static str, &'static str),
) -> Case {
    Case { file, column, rows, labels, first_value, frequency, note }
}

const CASES: [Case; 16] = [
    case(
        "f13_business_days.csv",
        "Close",
        500,
        ["2018-01-01", "2019-11-29", "2019-12-02", "2019-12-03"],
        100.0,
        ("daily, Mon–Fri", "time column 'Date', daily, Mon–Fri"),
    ),
    case(
        "k03_trading_hours.csv",
        "price",
        600,
        ["2021-01-04 09:00", "2021-04-16 16:00", "2021-04-19 09:00", "2021-04-19 10:00"],
        100.412,
        ("hourly, 09:00–16:00, Mon–Fri", "09:00–16:00"),
    ),
    case(
        "g17_last_business_day.csv",
        "y",
        120,
        ["2000-01-31", "2009-12-31", "2010-01-29", "2010-02-26"],
        0.0,
        ("monthly, on the last working day", "last working day"),
    ),
    case(
        "g02_datum_yy_newest_first.csv",
        "Umsatz",
        200,
        ["01.01.20", "18.07.20", "19.07.20", "20.07.20"],
        0.0,
        ("daily", "turned round"),
    ),
    case(
        "f01_dst_fall.csv",
        "load",
        600,
        ["2021-10-20 00:00", "2021-11-13 22:00", "2021-11-13 23:00", "2021-11-14 00:00"],
        50.0,
        ("hourly", "end of summer time"),
    ),
    case(
        "f03_dst_offsets.csv",
        "load",
        600,
        [
            "2021-10-20T01:00:00+01:00",
            "2021-11-14T00:00:00+01:00",
            "2021-11-14T01:00:00+01:00",
            "2021-11-14T02:00:00+01:00",
        ],
        50.0,
        ("hourly", "several offsets"),
    ),
    case(
        "f08_unix_seconds.csv",
        "y",
        400,
        ["1600000000", "1601436400", "1601440000", "1601443600"],
        50.0,
        ("hourly", "time column 'timestamp'"),
    ),
    case(
        "f11_quarters.csv",
        "gdp",
        120,
        ["1990Q1", "2019Q4", "2020Q1", "2020Q2"],
        100.0,
        ("quarterly", "'quarter'"),
    ),
    case(
        "f21_ampm.csv",
        "y",
        600,
        ["10/20/2021 12:00 AM", "11/13/2021 11:00 PM", "11/14/2021 12:00 AM", "11/14/2021 01:00 AM"],
        50.0,
        ("hourly", "'Datetime'"),
    ),
    case(
        "f40_iso_week.csv",
        "y",
        201,
        ["2015-W01", "2018-W44", "2018-W45", "2018-W46"],
        0.0,
        ("weekly", "1 week missing"),
    ),
    case(
        "f55_twodigit_year.csv",
        "y",
        200,
        ["01/01/20", "18/07/20", "19/07/20", "20/07/20"],
        0.0,
        ("daily", "'date'"),
    ),
    case(
        "f23_date_time_split.csv",
        "y",
        600,
        ["2021-10-20 00:00", "2021-11-13 23:00", "2021-11-14 00:00", "2021-11-14 01:00"],
        50.0,
        ("hourly", "time in columns 'Date+Time'"),
    ),
    case(
        "f24_ymdh.csv",
        "pm2.5",
        600,
        ["2021-10-20 00:00", "2021-11-13 23:00", "2021-11-14 00:00", "2021-11-14 01:00"],
        50.0,
        ("hourly", "time in columns 'year+month+day+hour'"),
    ),
    case(
        "x01_dmy.csv",
        "y",
        200,
        ["01/01/2020", "18/07/2020", "19/07/2020", "20/07/2020"],
        1.0,
        ("daily", "'Fecha'"),
    ),
    case(
        "f10_unix_gap.csv",
        "y",
        400,
        ["1600000000", "1601436400", "1601440000", "1601443600"],
        50.0,
        ("hourly", "150 hours missing"),
    ),
    case(
        "f22b_yyyymmdd_gap.csv",
        "y",
        300,
        ["20200101", "20201026", "20201027", "20201028"],
        0.0,
        ("daily", "3 days missing"),
    ),
];

#[test]
fn times_are_read_as_they_are_meant() {
    for case in &CASES {
        let columns = [case.column];
        let spec = SeriesSpec { missing: Missing::Ffill, ..SeriesSpec::new(&columns) };
        let loaded = Series::from_table(&table(case.file), &spec).unwrap_or_else(|error| panic!("{error}"));
        let series = &loaded.series;
        let next = series.future_labels(2).unwrap();
        let labels = [series.label(0), series.label(series.len() - 1), next[0].clone(), next[1].clone()];
        assert_eq!((series.len(), labels), (case.rows, case.labels.map(str::to_owned)), "{}", case.file);
        assert_eq!(series.columns[0].values[0], case.first_value, "{}", case.file);
        assert_eq!(series.frequency.unwrap().to_string(), case.frequency, "{}", case.file);
        assert!(
            loaded.notes.iter().any(|note| note.contains(case.note)),
            "{}: {:?}",
            case.file,
            loaded.notes
        );
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    for (file, column, expected) in [
        (
            "h01_fecha_bad_row.csv",
            "y",
            "row 152, column 'Fecha': '30/02/2020' is no date or time of the calendar",
        ),
        ("f10_unix_gap.csv", "y", "150 hours missing between row 101"),
        ("f22b_yyyymmdd_gap.csv", "y", "3 days missing between row"),
        (
            "f26_panel.csv",
            "y",
            "column 'unique_id' has 3 series: 'A', 'B', 'C'; learn all of them with series = unique_id, or one with series = \
             unique_id=A",
        ),
        (
            "x02_dmy_ambiguous_newer.csv",
            "y",
            "'01/09/2020' does not say which number is the day; say so with date_order",
        ),
    ] {
        let message = Series::from_table(&table(file), &SeriesSpec::new(&[column])).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

/// A file that is ambiguous by itself is read as the file before it was.
#[test]
fn the_order_that_was_learnt_holds() {
    let learnt = Series::from_table(&table("x01_dmy.csv"), &SeriesSpec::new(&["y"])).unwrap().series;
    let spec = SeriesSpec {
        expected_frequency: learnt.frequency,
        expected_format: learnt.format.as_ref(),
        ..SeriesSpec::new(&["y"])
    };
    let newer = Series::from_table(&table("x02_dmy_ambiguous_newer.csv"), &spec).unwrap().series;
    assert_eq!(newer.future_labels(1).unwrap(), ["13/09/2020"]);
    assert_eq!(newer.timestamps.unwrap()[0].month(), 9);
}

#[test]
fn one_series_of_several_is_chosen() {
    let table = table("f26_panel.csv");
    for (series, rows) in [("unique_id=A", 150), ("unique_id=C", 150)] {
        let spec = SeriesSpec { series: Some(series), ..SeriesSpec::new(&["y"]) };
        let loaded = Series::from_table(&table, &spec).unwrap().series;
        assert_eq!((loaded.len(), loaded.label(0).as_str()), (rows, "2020-01-01"));
    }
    for (series, expected) in [
        ("unique_id", "column 'unique_id' has 3 series"),
        ("unique_id=D", "column 'unique_id' has no row with 'D'; it has 'A', 'B', 'C'"),
        ("id=A", "there is no column 'id'"),
    ] {
        let spec = SeriesSpec { series: Some(series), ..SeriesSpec::new(&["y"]) };
        let message = Series::from_table(&table, &spec).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

/// Rows in another order, columns in another order: the same series.
#[test]
fn the_order_of_rows_and_columns_changes_nothing() {
    for case in CASES.iter().filter(|case| !case.file.starts_with("f01")) {
        let path = format!("{}/tests/cases/{}", env!("CARGO_MANIFEST_DIR"), case.file);
        let text = std::fs::read_to_string(path).unwrap();
        let delimiter = if text.contains(';') { ';' } else { ',' };
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(delimiter).collect()).collect();
        let join = |rows: &[Vec<&str>]| {
            rows.iter().map(|row| row.join(&delimiter.to_string()) + "\n").collect::<String>()
        };
        let columns = [case.column];
        let spec = SeriesSpec { missing: Missing::Ffill, ..SeriesSpec::new(&columns) };
        let read = |text: &str| {
            let table = Table::from_reader("f.csv", text.as_bytes()).unwrap();
            let series =
                Series::from_table(&table, &spec).unwrap_or_else(|e| panic!("{}: {e}", case.file)).series;
            (series.columns[0].values.clone(), series.timestamps)
        };
        let whole = read(&text);
        let mut turned = rows.clone();
        turned[1..].reverse();
        assert_eq!(read(&join(&turned)), whole, "{} turned round", case.file);
        let mut shuffled = rows.clone();
        let len = shuffled.len();
        (1..len).for_each(|place| shuffled.swap(place, 1 + (place * 7919) % (len - 1)));
        assert_eq!(read(&join(&shuffled)), whole, "{} shuffled", case.file);
        // Columns the other way round; the parts of a time in several columns keep their names.
        let mirrored: Vec<Vec<&str>> = rows.iter().map(|row| row.iter().rev().copied().collect()).collect();
        assert_eq!(read(&join(&mirrored)), whole, "{} mirrored", case.file);
        let ended = text.replace('\n', "\r\n");
        assert_eq!(read(&ended), whole, "{} with CR LF", case.file);
    }
}
