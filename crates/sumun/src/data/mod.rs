//! From a CSV file to clean numeric series: reading, time, missing values, scaling, windows and splits.
//!
//! In order: [`Table`] holds the cells of a file as text; [`Series::from_table`] picks a time column and
//! numeric columns, finds the [`Frequency`], and treats what is [`Missing`]; [`Split`] cuts the rows by time;
//! [`Transform`] and [`Scaler`] make the values easy to learn and undo it exactly; [`origins`] says where
//! forecasts can start. Nothing here knows a layer.
//!
//! [`Panel::from_table`] reads many series that stand in one table ("long" form). Not for data that does not fit in memory.
//!
//! ```
//! use sumun::data::{Series, SeriesSpec, Split, Table};
//!
//! let csv = "date,demand\n2024-01-01,5\n2024-01-02,7\n2024-01-03,6\n2024-01-04,8\n2024-01-05,9\n";
//! let table = Table::from_reader("demand.csv", csv.as_bytes())?;
//! let loaded = Series::from_table(&table, &SeriesSpec::new(&["demand"]))?;
//! assert_eq!(loaded.series.columns[0].values, [5.0, 7.0, 6.0, 8.0, 9.0]);
//! assert_eq!(loaded.series.frequency.unwrap().to_string(), "daily");
//! assert_eq!(loaded.series.future_labels(1)?, ["2024-01-06"]);
//! assert_eq!(Split::by_fractions(5, 0.2, 0.2)?.test, 4..5);
//! # Ok::<(), sumun::Error>(())
//! ```

mod axis;
mod calendar;
mod categories;
mod cells;
mod charset;
mod closed;
mod closed_file;
mod columnar;
mod filled;
mod frequency;
mod grid;
mod header;
mod incomplete;
mod layout;
mod markers;
mod missing;
mod names;
mod number;
mod opening;
mod panel;
mod places;
mod read_options;
mod resample;
mod rows;
mod scale;
mod series;
mod sheet;
mod split;
mod steps;
mod table;
mod text_file;
mod time;
mod times;
mod transform;
mod unpack;
mod window;
mod workbook;
mod workbook_check;
mod xls_check;

pub(crate) use crate::error::quoted;
pub use axis::TimeColumn;
pub use calendar::{Calendar, CalendarPart, Encoding};
pub use categories::Categories;
pub use closed::Closed;
pub(crate) use closed::NONE as NONE_CLOSED;
pub(crate) use filled::Filled;
pub use filled::Imputed;
pub use frequency::Frequency;
pub use grid::{Gap, Grid};
pub use missing::Missing;
pub(crate) use names::{did_you_mean, listed, nearest};
pub(crate) use number::{Asked, Convention, read};
pub use number::{Mark, NumberForm};
pub use opening::{Opening, WorkingMonths};
pub(crate) use panel::named as panel_id;
pub use panel::{Member, Panel};
pub(crate) use places::RowPlaces;
pub use read_options::ReadOptions;
pub use resample::{Combine, Resample};
pub use scale::{Role, ScaleKind, Scaler};
pub use series::{Column, Loaded, Series, SeriesSpec};
pub use split::{Part, Split};
pub use steps::Steps;
pub use table::Table;
pub(crate) use table::is_json;
pub(crate) use text_file::TextFile;
pub use time::{
    Case, Clock, DateOrder, Half, Language, NameStyle, OffsetStyle, Piece, Span, TimeFormat, Timestamp,
    parse_times,
};
pub use transform::{Difference, Transform, log_suits};
pub use window::{origins, origins_within, sliding_windows};
