//! Days that are named as closed: rows, steps ahead and newer files go over them.

use std::path::PathBuf;

use jiff::civil::Date;
use sumun::data::Table;
use sumun::forecast::{ForecastConfig, Forecaster, train};

const HOLIDAYS: [&str; 7] =
    ["2023-05-01", "2023-12-25", "2023-12-26", "2024-01-01", "2024-05-01", "2024-12-25", "2024-12-26"];

fn written(name: &str, text: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Working days from Monday, 2 January 2023, less the holidays, with a week of five rows.
fn working_days(from: usize, count: usize) -> Table {
    let first = Date::constant(2023, 1, 2);
    let days = first.series(jiff::Span::new().days(1));
    let open = |day: &Date| {
        day.weekday().to_monday_zero_offset() < 5 && !HOLIDAYS.contains(&day.to_string().as_str())
    };
    let row = |(t, day): (usize, Date)| {
        let value =
            50.0 + 10.0 * (std::f64::consts::TAU * t as f64 / 5.0).sin() + ((t * 7) % 11) as f64 / 11.0;
        format!("{day},{value:.3}\n")
    };
    let rows: String = days.filter(open).enumerate().skip(from).take(count).map(row).collect();
    Table::from_reader("f.csv", format!("date,y\n{rows}").as_bytes()).unwrap()
}

fn config(closed: Option<PathBuf>) -> ForecastConfig {
    let mut config = ForecastConfig::of(&["y"]);
    config.data.closed = closed;
    config.data.horizon = Some(5);
    (config.train.epochs, config.network.hidden) = (Some(2), 4);
    config
}

#[test]
fn steps_ahead_go_over_closed_days() {
    // Up to Friday, 20 December 2024.
    let table = working_days(0, 510);
    assert_eq!(table.cell(509, 0), "2024-12-20");
    let error = train(&table, &config(None), &mut ()).unwrap_err().to_string();
    assert!(
        error.contains("missing in 4 places") && error.contains("name days without rows with closed"),
        "{error}"
    );

    let path = written("holidays.txt", &HOLIDAYS.join("\n"));
    let trained = train(&table, &config(Some(path)), &mut ()).unwrap();
    assert_eq!((trained.decisions.season, trained.data.labels.len()), (5, 510));
    let file = trained.forecaster.to_model_file().unwrap();
    let opened = Forecaster::from_model_file("model", file).unwrap();
    let ahead = opened.predict(None, Some(7)).unwrap();
    let expected =
        ["2024-12-23", "2024-12-24", "2024-12-27", "2024-12-30", "2024-12-31", "2025-01-01", "2025-01-02"];
    assert_eq!(ahead.labels, expected);

    // A file of its end alone goes on from the training data, over the holidays between the two.
    let newer = working_days(512, 1);
    assert_eq!(newer.cell(0, 0), "2024-12-27");
    let error = opened.predict(Some(&newer), None).unwrap_err().to_string();
    assert!(error.contains("2 steps are missing between"), "{error}");
    let newer = working_days(510, 3);
    let ahead = opened.predict(Some(&newer), None).unwrap();
    assert_eq!(ahead.labels[..2], ["2024-12-30", "2024-12-31"]);
}

#[test]
fn a_model_whose_closed_days_are_out_of_order_is_refused() {
    let path = written("two.txt", "2023-05-01\n2023-12-25\n2023-12-26\n2024-01-01\n2024-05-01\n");
    let trained = train(&working_days(0, 400), &config(Some(path)), &mut ()).unwrap();
    let mut file = trained.forecaster.to_model_file().unwrap();
    file.config["pipeline"]["time"]["closed"].as_array_mut().unwrap().reverse();
    let error = Forecaster::from_model_file("model", file).unwrap_err().to_string();
    assert!(error.contains("the days that are closed are not in order"), "{error}");
}
