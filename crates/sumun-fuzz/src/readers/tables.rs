//! Tables, and the series in them.

use sumun::data::{Combine, Mark, Missing, ReadOptions, Resample, Series, SeriesSpec, Table, TimeColumn};
use sumun_testing::Random;

use super::{choices, said};

/// Steps to gather rows by.
const STEPS: [&str; 5] = ["1h", "1d", "15min", "1month", "1s"];

/// A table and its series, with options as somebody may give them.
pub fn table(bytes: &[u8]) -> Result<(), String> {
    let mut random = choices(bytes);
    let table = said(Table::from_reader_with("table.csv", bytes, &options(&mut random)))?;
    let header = table.header().to_vec();
    let is_numeric = |name: &&String| table.numeric(name).is_ok();
    let numeric: Vec<&str> = header.iter().take(8).filter(is_numeric).map(String::as_str).collect();
    for name in header.iter().take(4) {
        let _ = said(table.categories(name));
    }
    let resample = match random.below(4) {
        0 => Some(said(Resample::new(STEPS[random.below(STEPS.len())], Combine::Mean))?),
        _ => None,
    };
    let columns: Vec<&str> = if numeric.is_empty() || random.below(8) == 0 {
        header.iter().rev().take(1).map(String::as_str).collect()
    } else {
        numeric.into_iter().take(1 + random.below(2)).collect()
    };
    let known: Vec<&str> = header.iter().skip(1).take(random.below(2)).map(String::as_str).collect();
    let known = if known.iter().any(|name| columns.contains(name)) { Vec::new() } else { known };
    let spec = SeriesSpec {
        time: if random.below(8) == 0 { TimeColumn::None } else { TimeColumn::Auto },
        missing: [Missing::Ffill, Missing::Interpolate, Missing::Drop, Missing::Error][random.below(4)],
        known: &known,
        resample,
        timezone: (random.below(8) == 0).then_some("Europe/Berlin"),
        ..SeriesSpec::new(&columns)
    };
    let loaded = said(Series::from_table(&table, &spec))?;
    if !loaded.series.is_empty() {
        let _ = loaded.series.label(loaded.series.len() - 1);
        said(loaded.series.future_labels(3))?;
    }
    Ok(())
}

/// Mostly none.
pub(super) fn options(random: &mut Random) -> ReadOptions {
    let mut options = ReadOptions::default();
    match random.below(12) {
        0 => options.decimal = Some(Mark::Comma),
        1 => options.thousands = Some(Mark::Comma),
        2 => options.na = vec!["-9999".into(), "x".into()],
        3 => options.encoding = Some("euc-kr".into()),
        4 => options.encoding = Some("gbk".into()),
        _ => {}
    }
    options
}
