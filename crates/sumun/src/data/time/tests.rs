use super::*;
use proptest::prelude::*;

fn times(cells: &[&str]) -> Result<(Vec<Timestamp>, TimeFormat)> {
    parse_times("f.csv", "date", cells.iter().enumerate().map(|(i, &c)| (i + 2, c)))
}

/// The first time of a column, as ISO 8601 writes it.
fn first(cells: &[&str]) -> String {
    times(cells).unwrap().0[0].to_string()
}

/// Columns, and what their first cell means; every cell is printed back as it was.
#[test]
fn what_is_read_is_printed_back() {
    let columns: &[(&[&str], &str)] = &[
        (&["1949", "1950"], "1949-01-01T00:00:00"),
        (&["1949-01", "1949-02"], "1949-01-01T00:00:00"),
        (&["2010/1/9", "2010/1/10"], "2010-01-09T00:00:00"),
        (&["2010.01.09", "2010.12.10"], "2010-01-09T00:00:00"),
        (&["2010-02-28", "2012-02-29"], "2010-02-28T00:00:00"),
        (&["2010/01/01 00:00", "2010/12/31 23:59"], "2010-01-01T00:00:00"),
        (&["2010-01-01 0:00", "2010-12-31 10:15"], "2010-01-01T00:00:00"),
        (&["2010-01-01T00:00:00", "2010-12-31T23:59:59"], "2010-01-01T00:00:00"),
        (&["2010-01-01 00:00:00.000", "2010-01-01 00:00:00.125"], "2010-01-01T00:00:00"),
        (&["2010-01-01T00:00:00Z", "2010-01-01T01:00:00Z"], "2010-01-01T00:00:00"),
        (&["2010-01-01 00:00+09:00", "2010-01-01 01:00+09:00"], "2010-01-01T00:00:00"),
        (&["2010-01-01 00:00:00-0330", "2010-01-01 01:00:00-0330"], "2010-01-01T00:00:00"),
        (&["2010-01-01 00:00:00 +02"], "2010-01-01T00:00:00"),
        (&["0001-01-01", "9999-12-31"], "0001-01-01T00:00:00"),
        (&["01.02.2010", "31.12.2010"], "2010-02-01T00:00:00"),
        (&["1.2.2010 00:00", "2.2.2010 00:00"], "2010-02-01T00:00:00"),
        (&["1/2/2010 9:30:00", "13/2/2010 10:30:00"], "2010-02-01T09:30:00"),
        (&["1/2/2010", "1/13/2010"], "2010-01-02T00:00:00"),
        (&["02-01-2010", "02-28-2010"], "2010-02-01T00:00:00"),
        // Two digits of a year.
        (&["18.07.20", "17.07.20"], "2020-07-18T00:00:00"),
        (&["31/12/99"], "1999-12-31T00:00:00"),
        (&["12/31/68"], "2068-12-31T00:00:00"),
        // Digits alone.
        (&["20200101", "20200102"], "2020-01-01T00:00:00"),
        (&["202001", "202002"], "2020-01-01T00:00:00"),
        (&["2020010105", "2020010106"], "2020-01-01T05:00:00"),
        (&["202001010530"], "2020-01-01T05:30:00"),
        (&["20200101053059"], "2020-01-01T05:30:59"),
        (&["20200101T0530", "20200101T0600"], "2020-01-01T05:30:00"),
        (&["20200101 053059"], "2020-01-01T05:30:59"),
        (&["1600000000", "1600003600"], "2020-09-13T12:26:40"),
        (&["1600000000123"], "2020-09-13T12:26:40.123"),
        (&["1600000000123456"], "2020-09-13T12:26:40.123456"),
        (&["1600000000123456789"], "2020-09-13T12:26:40.123456789"),
        // Names of months.
        (&["01-Jan-2020", "01-Jun-2020"], "2020-01-01T00:00:00"),
        (&["May 2020", "Jun 2020"], "2020-05-01T00:00:00"),
        (&["January 5, 2020", "March 15, 2020"], "2020-01-05T00:00:00"),
        (&["Mon, 06 Jan 2020 13:00:00 GMT"], "2020-01-06T13:00:00"),
        (&["5. März 2020", "12. Mai 2020"], "2020-03-05T00:00:00"),
        (&["5 févr. 2020"], "2020-02-05T00:00:00"),
        (&["5 août 2020", "6 septembre 2020"], "2020-08-05T00:00:00"),
        (&["3 de enero de 2020", "12 de febrero de 2020"], "2020-01-03T00:00:00"),
        (&["JAN 2020", "FEB 2020"], "2020-01-01T00:00:00"),
        (&["2020-Jan-05"], "2020-01-05T00:00:00"),
        (&["Jan-98", "Feb-98", "Mar-98"], "1998-01-01T00:00:00"),
        (&["2022년 1월 1일", "2022년 12월 31일"], "2022-01-01T00:00:00"),
        (&["2022년 01월 01일 09시 30분"], "2022-01-01T09:30:00"),
        (&["2022. 1. 1.", "2022. 12. 31."], "2022-01-01T00:00:00"),
        (&["2022年1月1日"], "2022-01-01T00:00:00"),
        // Halves of the day.
        (&["10/20/2021 12:00 AM", "10/20/2021 01:00 PM"], "2021-10-20T00:00:00"),
        (&["2021-10-20 12:30:05 pm"], "2021-10-20T12:30:05"),
        (&["2021-10-20 1:00 a.m.", "2021-10-20 11:00 p.m."], "2021-10-20T01:00:00"),
        (&["2021-10-20 오후 3:00", "2021-10-20 오전 11:00"], "2021-10-20T15:00:00"),
        (&["2021-10-20 24:00", "2021-10-21 01:00"], "2021-10-21T00:00:00"),
        (&["10/03/2004 18.00.00", "13/03/2004 19.00.00"], "2004-03-10T18:00:00"),
        // Quarters, weeks, decimal years.
        (&["1990Q1", "1990Q2"], "1990-01-01T00:00:00"),
        (&["1990-Q4", "1991-Q1"], "1990-10-01T00:00:00"),
        (&["Q2 1990", "Q3 1990"], "1990-04-01T00:00:00"),
        (&["2022년 1분기"], "2022-01-01T00:00:00"),
        (&["2015-W01", "2015-W53"], "2014-12-29T00:00:00"),
        (&["2015W02", "2015W03"], "2015-01-05T00:00:00"),
        (&["2015-W01-3"], "2014-12-31T00:00:00"),
        (&["1958.0417", "1958.1250"], "1958-01-01T00:00:00"),
        (&["1958.000", "1958.083"], "1958-01-01T00:00:00"),
        (&["1958.2027", "1958.2055"], "1958-03-16T00:00:00"),
    ];
    for (cells, meaning) in columns {
        let (times, format) = times(cells).unwrap_or_else(|error| panic!("{error}"));
        let printed: Vec<_> = times.iter().map(|t| format.print(t)).collect();
        assert_eq!(&printed, cells);
        assert_eq!(&times[0].to_string(), meaning, "{cells:?}");
        format.check().unwrap();
        let kept = serde_json::to_string(&format).unwrap();
        assert_eq!(serde_json::from_str::<TimeFormat>(&kept).unwrap(), format, "{kept}");
    }
}

/// The days of `order` from the first of a month on, `count` of them.
fn days(count: i32, print: impl Fn(jiff::civil::Date) -> String) -> Vec<String> {
    (0..count).map(|k| print(jiff::civil::date(2020, 1, 1) + jiff::Span::new().days(k))).collect()
}

#[test]
fn the_column_tells_days_from_months() {
    for (cells, month, day) in [
        (&["01.02.2010"][..], 2, 1),
        (&["01/02/2010", "13/02/2010"], 2, 1),
        (&["01/02/2010", "01/13/2010"], 1, 2),
        (&["1-2-2010", "2-2-2010", "20-2-2010"], 2, 1),
    ] {
        let (times, _) = times(cells).unwrap();
        assert_eq!((times[0].month(), times[0].day()), (month, day), "{cells:?}");
    }
    let check = |cells: Vec<String>, expected: &str| {
        assert_eq!(first(&cells.iter().map(String::as_str).collect::<Vec<_>>()), expected, "{}", cells[0]);
    };
    let short = |d: jiff::civil::Date| format!("{:02}/{:02}/{:02}", d.day(), d.month(), d.year() % 100);
    check(days(40, short), "2020-01-01T00:00:00");
    // Only as months do these rows follow each other evenly.
    let months = |day_first: bool| {
        (0..36).map(move |k| {
            let (year, month) = (2020 + k / 12, k % 12 + 1);
            if day_first { format!("01/{month:02}/{year}") } else { format!("{month:02}/01/{year}") }
        })
    };
    check(months(true).skip(1).collect(), "2020-02-01T00:00:00");
    check(months(false).skip(1).collect(), "2020-02-01T00:00:00");
}

#[test]
fn a_form_that_is_known_decides() {
    let (_, learnt) = times(&["13/09/2020", "14/09/2020"]).unwrap();
    let cells = [(2, "01/09/2020"), (3, "02/09/2020")];
    let read = |hints: TimeHints<'_>| match judge("f.csv", "date", &cells, &hints) {
        Verdict::Times(found) => clocked("f.csv", "date", &cells, found, &hints).unwrap().0[0].to_string(),
        Verdict::Broken(error) | Verdict::Unlike(error) => error.to_string(),
    };
    assert_eq!(read(TimeHints { form: Some(&learnt), ..TimeHints::default() }), "2020-09-01T00:00:00");
    let order = |order| read(TimeHints { order: Some(order), ..TimeHints::default() });
    assert_eq!(order(DateOrder::Day), "2020-09-01T00:00:00");
    assert_eq!(order(DateOrder::Month), "2020-01-09T00:00:00");
    assert!(read(TimeHints::default()).contains("does not say which number is the day"));
}

#[test]
fn instants_are_compared() {
    let (times, format) =
        times(&["2021-10-31T02:00:00+02:00", "2021-10-31T02:00:00+01:00", "2021-10-31T02:00:00Z"]).unwrap();
    let hours: Vec<i64> = times.windows(2).map(|p| p[1].duration_since(p[0]).as_hours()).collect();
    assert_eq!(hours, [1, 1]);
    assert_eq!(format.print(&times[2]), "2021-10-31T02:00:00+00:00");
    let (times, format) = super::tests::times(&["2021-10-31 02:00+02:00", "2021-10-31 02:00+01:00"]).unwrap();
    assert_eq!(format.print(&times[1]), "2021-10-31 02:00+01:00");
}

#[test]
fn a_time_zone_changes_its_clock() {
    let cells: Vec<(usize, &str)> = [
        "2021-10-31 01:00",
        "2021-10-31 02:00",
        "2021-10-31 02:00",
        "2021-10-31 03:00",
        "2022-03-27 01:00",
        "2022-03-27 03:00",
    ]
    .into_iter()
    .enumerate()
    .collect();
    let hints = TimeHints { zone: Some("Europe/Berlin"), ..TimeHints::default() };
    let Verdict::Times(found) = judge("f.csv", "date", &cells, &hints) else { panic!("no times") };
    let (times, format, _) = clocked("f.csv", "date", &cells, found, &hints).unwrap();
    let hour = |a: usize, b: usize| times[b].duration_since(times[a]).as_hours();
    assert_eq!([hour(0, 1), hour(1, 2), hour(2, 3), hour(4, 5)], [1, 1, 1, 1]);
    for (time, (_, cell)) in times.iter().zip(&cells) {
        assert_eq!(&format.print(time), cell);
    }
    let skipped = [(7, "2022-03-27 02:30")];
    let Verdict::Times(found) = judge("f.csv", "date", &skipped, &hints) else { panic!("no times") };
    let message = clocked("f.csv", "date", &skipped, found, &hints).unwrap_err().to_string();
    assert!(
        message
            .starts_with("f.csv: row 7, column 'date': '2022-03-27 02:30' does not exist in Europe/Berlin")
    );
    let hints = TimeHints { zone: Some("Europe/Berlim"), ..TimeHints::default() };
    let Verdict::Times(found) = judge("f.csv", "date", &cells, &hints) else { panic!("no times") };
    assert!(
        clocked("f.csv", "date", &cells, found, &hints).unwrap_err().to_string().contains("Europe/Berlim")
    );
}

#[test]
fn the_order_of_rows_tells_the_hours_of_autumn_apart() {
    let parse = |cells: &[String]| -> Vec<Timestamp> {
        cells.iter().map(|cell| cell.replace(' ', "T").parse().unwrap()).collect()
    };
    // Two years of a clock that is put forward in March and back in October, every half hour.
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let start: jiff::Timestamp = "2020-06-01T00:00:00Z".parse().unwrap();
    let cells: Vec<String> = (0..2 * 365 * 48)
        .map(|k| {
            let at = start + jiff::SignedDuration::from_mins(30 * k);
            zone.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string()
        })
        .collect();
    let mut times = parse(&cells);
    let clock = without_changes(&mut times);
    assert!(times.windows(2).all(|p| p[1].duration_since(p[0]).as_mins() == 30));
    assert!(matches!(&clock, Clock::Changes { changes } if changes.len() == 4), "{clock:?}");
    for (time, cell) in times.iter().zip(&cells) {
        assert_eq!(&clock.local(time).strftime("%Y-%m-%d %H:%M").to_string(), cell);
    }
    // A repeat by day, two in one month and a step back of a whole night are mistakes.
    for wrong in [
        &["2020-10-25 12:00", "2020-10-25 13:00", "2020-10-25 13:00", "2020-10-25 14:00"][..],
        &["2020-10-25 01:00", "2020-10-25 02:00", "2020-10-25 02:00", "2020-10-26 02:00", "2020-10-26 02:00"],
        &["2020-10-25 01:00", "2020-10-25 02:00", "2020-10-25 03:00", "2020-10-25 00:00"],
    ] {
        let mut times = parse(&wrong.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>());
        assert_eq!(without_changes(&mut times), Clock::Written, "{wrong:?}");
    }
}

#[test]
fn forms_of_earlier_model_files_are_read() {
    let kept = r#"{"resolution":"minute","order":"day","separator":"/","joiner":" ","fraction_digits":0,
                   "offset":"+09:00","padded_date":false,"padded_hour":true}"#;
    let format: TimeFormat = serde_json::from_str(kept).unwrap();
    assert_eq!(format.print(&jiff::civil::date(2010, 3, 1).at(9, 5, 0, 0)), "1/3/2010 09:05+09:00");
    for (damaged, what) in [
        (r#"{"pieces":[{"epoch":200}]}"#, "an exponent"),
        (r#"{"pieces":["year"],"clock":{"zone":{"name":"Nowhere"}}}"#, "a time zone"),
    ] {
        assert!(serde_json::from_str::<TimeFormat>(damaged).unwrap().check().is_err(), "{what}");
    }
}

#[test]
fn other_forms_are_refused() {
    let cases: &[(&[&str], &str)] = &[
        (&["01/02/2010"], "f.csv: row 2, column 'date': '01/02/2010' does not say which number is the day"),
        (&["1-2-2010 10:00"], "f.csv: row 2, column 'date': '1-2-2010 10:00' does not say"),
        (&["13/02/2010", "02/13/2010"], "f.csv: row 3, column 'date': '02/13/2010' is no date"),
        (&["01/01/2020", "13/01/2020", "30/02/2020"], "f.csv: row 4, column 'date': '30/02/2020' is no date"),
        (
            &["13.02.2010", "2010.02.14"],
            "f.csv: row 3, column 'date': '2010.02.14' is written in another form",
        ),
        (&["2010-02-30"], "f.csv: row 2, column 'date': '2010-02-30' is no date"),
        (&["2010-13"], "f.csv: row 2, column 'date': '2010-13' is no date"),
        (&["2010Q5"], "f.csv: row 2, column 'date': '2010Q5' is no date"),
        (&["2015-W54"], "f.csv: row 2, column 'date': '2015-W54' is no date"),
        (&["2010-01-01 24:30"], "f.csv: row 2, column 'date': '2010-01-01 24:30' is no date"),
        (&["2010-01-01 13:00 PM"], "f.csv: row 2, column 'date': '2010-01-01 13:00 PM' is no date"),
        (&["Tue, 06 Jan 2020"], "f.csv: row 2, column 'date': 'Tue, 06 Jan 2020' is no date"),
        (&["1950.5"], "f.csv: row 2, column 'date': '1950.5' is not a time"),
        (&["2010-01/01"], "f.csv: row 2, column 'date': '2010-01/01' is not a time"),
        (&["2010-01-01 10"], "f.csv: row 2, column 'date': '2010-01-01 10' is not a time"),
        (&["10:00"], "f.csv: row 2, column 'date': '10:00' is not a time"),
        (&["yesterday"], "f.csv: row 2, column 'date': 'yesterday' is not a time"),
        (&["2010", ""], "f.csv: row 3, column 'date': '' is empty"),
        (&["2010", "Total"], "f.csv: row 3, column 'date': 'Total' is not a time"),
        (
            &["2010", "2010-01"],
            "f.csv: row 3, column 'date': '2010-01' is written in another form than row 2",
        ),
        (&[], "f.csv: column 'date' has no rows"),
    ];
    for (cells, expected) in cases {
        let message = times(cells).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        if let Ok((times, format)) = times(&[&text]) {
            let again = format.print(&times[0]);
            prop_assert_eq!(super::tests::times(&[&again]).unwrap().0, times, "{}", again);
        }
    }

    #[test]
    fn any_digits_are_read_or_refused(
        text in "[0-9]{1,4}[-/. ][0-9A-Za-z]{1,4}([-/. ][0-9]{1,4}([ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2})?( ?[AP]M|Z|[+-][0-9]{2}:?[0-9]{2})?)?)?"
    ) {
        if let Ok((times, format)) = times(&[&text]) {
            let again = format.print(&times[0]);
            prop_assert_eq!(super::tests::times(&[&again]).unwrap().0, times, "{}", again);
        }
    }
}
