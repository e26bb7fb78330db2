//! Tables of Parquet and Arrow IPC files as text. What reads them is large, and a feature: `columnar`.

use super::sheet::Sheet;

/// How a table of columns is kept in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Columnar {
    Parquet,
    /// Arrow IPC as a file, which is also what Feather is since its second version.
    ArrowFile,
    /// Arrow IPC as a stream.
    ArrowStream,
}

impl Columnar {
    /// By the first bytes; None where they are of another kind.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [b'P', b'A', b'R', b'1', ..] => Some(Self::Parquet),
            [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Some(Self::ArrowFile),
            // The mark of a message that goes on, and the length of the schema.
            [0xff, 0xff, 0xff, 0xff, _, _, _, 0, 0x10, 0, 0, 0, ..] => Some(Self::ArrowStream),
            _ => None,
        }
    }

    /// As messages name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Parquet => "Parquet",
            Self::ArrowFile | Self::ArrowStream => "Arrow IPC",
        }
    }
}

/// Error: this build of the library leaves such files to others.
#[cfg(not(feature = "columnar"))]
pub(super) fn read(kind: Columnar, _bytes: Vec<u8>, _most: u64) -> Result<Sheet, String> {
    Err(format!(
        "the file is {}, which this build does not read; build sumun with the feature columnar, or save the table as CSV",
        kind.name()
    ))
}

/// Reads all rows, at most `most` bytes of text. Error: what is wrong, on one line.
#[cfg(feature = "columnar")]
pub(super) fn read(kind: Columnar, bytes: Vec<u8>, most: u64) -> Result<Sheet, String> {
    written::read(kind, bytes, most)
        .map(|(text, typed)| Sheet { text, typed, note: format!("the file is {}", kind.name()) })
        .map_err(|why| format!("the {} file cannot be read ({why}); save the table as CSV", kind.name()))
}

#[cfg(feature = "columnar")]
mod written {
    use std::io::Cursor;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use arrow_array::RecordBatch;
    use arrow_cast::display::{ArrayFormatter, FormatOptions};
    use arrow_ipc::reader::{FileReader, StreamReader};
    use arrow_schema::{ArrowError, DataType, SchemaRef};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::Columnar;
    use crate::data::number::is_number;
    use crate::data::sheet::{on_one_line, push_line};

    pub(super) fn read(kind: Columnar, bytes: Vec<u8>, most: u64) -> Result<(String, bool), String> {
        // What reads such files panics on some that are damaged; that is an error like any other.
        catch_unwind(AssertUnwindSafe(|| read_all(kind, bytes, most)))
            .unwrap_or_else(|_| Err("it is damaged".into()))
    }

    fn read_all(kind: Columnar, bytes: Vec<u8>, most: u64) -> Result<(String, bool), String> {
        match kind {
            Columnar::Parquet => {
                let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes))
                    .map_err(on_one_line)?;
                let schema = builder.schema().clone();
                rows(&schema, builder.build().map_err(on_one_line)?, most)
            }
            Columnar::ArrowFile => {
                let reader = FileReader::try_new(Cursor::new(bytes), None).map_err(on_one_line)?;
                rows(&reader.schema(), reader, most)
            }
            Columnar::ArrowStream => {
                let reader = StreamReader::try_new(Cursor::new(bytes), None).map_err(on_one_line)?;
                rows(&reader.schema(), reader, most)
            }
        }
    }

    /// A header of the names and a line a row, what is missing an empty cell; and whether every number is one in the file.
    fn rows(
        schema: &SchemaRef,
        batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
        most: u64,
    ) -> Result<(String, bool), String> {
        let options = FormatOptions::default().with_null("").with_display_error(false);
        let (mut text, mut typed) = (String::new(), true);
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        push_line(&mut text, names.into_iter());
        for batch in batches {
            let batch = batch.map_err(on_one_line)?;
            let columns = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
                .collect::<Result<Vec<_>, _>>()
                .map_err(on_one_line)?;
            let words: Vec<bool> = batch.columns().iter().map(|column| is_text(column.data_type())).collect();
            for row in 0..batch.num_rows() {
                let cells = columns
                    .iter()
                    .map(|column| column.value(row).try_to_string())
                    .collect::<Result<Vec<String>, _>>()
                    .map_err(on_one_line)?;
                typed &= !cells.iter().zip(&words).any(|(cell, &words)| words && is_number(cell));
                push_line(&mut text, cells.iter());
                if text.len() as u64 > most {
                    return Err("as text it is more than is read at once".into());
                }
            }
        }
        Ok((text, typed))
    }

    fn is_text(kind: &DataType) -> bool {
        match kind {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
            DataType::Dictionary(_, values) => is_text(values),
            _ => false,
        }
    }
}

#[cfg(all(test, feature = "columnar"))]
mod tests {
    use std::sync::Arc;

    use arrow_array::{
        ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    };

    use super::*;

    fn batch() -> RecordBatch {
        // 2024-01-01T00:00:00 and two hours on.
        let hours = [0_i64, 1, 2].map(|hour| 1_704_067_200_000_000 + hour * 3_600_000_000);
        let columns: [(&str, ArrayRef); 5] = [
            ("time", Arc::new(TimestampMicrosecondArray::from(hours.to_vec()))),
            ("y", Arc::new(Float64Array::from(vec![Some(1.5), None, Some(-2e-7)]))),
            ("n", Arc::new(Int64Array::from(vec![950, 1020, 7]))),
            ("open", Arc::new(BooleanArray::from(vec![true, false, true]))),
            ("place, \"b\"", Arc::new(StringArray::from(vec![Some("서울"), Some("a,b"), None]))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
    }

    fn files() -> [(Columnar, Vec<u8>); 3] {
        let batch = batch();
        let (mut parquet, mut file, mut stream) = (Vec::new(), Vec::new(), Vec::new());
        let mut writer = parquet::arrow::ArrowWriter::try_new(&mut parquet, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let mut writer = arrow_ipc::writer::FileWriter::try_new(&mut file, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        drop(writer);
        let mut writer = arrow_ipc::writer::StreamWriter::try_new(&mut stream, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        drop(writer);
        [(Columnar::Parquet, parquet), (Columnar::ArrowFile, file), (Columnar::ArrowStream, stream)]
    }

    #[test]
    fn columns_become_the_cells_of_a_table() {
        for (kind, bytes) in files() {
            assert_eq!(Columnar::of(&bytes), Some(kind));
            let found = read(kind, bytes, 1 << 20).unwrap();
            let expected = "time,y,n,open,\"place, \"\"b\"\"\"\n2024-01-01T00:00:00,1.5,950,true,서울\n\
                            2024-01-01T01:00:00,,1020,false,\"a,b\"\n2024-01-01T02:00:00,-2e-7,7,true,\n";
            assert_eq!((found.text.as_str(), found.typed), (expected, true), "{kind:?}");
        }
        let table = crate::data::Table::from_reader("f.parquet", files()[0].1.as_slice()).unwrap();
        // 1020 beside 950 is one number in such a file.
        assert_eq!(table.numeric("n").unwrap(), [Some(950.0), Some(1020.0), Some(7.0)]);
    }

    #[test]
    fn damaged_files_are_errors_of_one_line() {
        for (kind, bytes) in files() {
            assert!(read(kind, bytes.clone(), 20).unwrap_err().contains("more than is read at once"));
            for end in (4..bytes.len()).step_by(37) {
                if let Err(error) = read(kind, bytes[..end].to_vec(), 1 << 20) {
                    assert!(error.contains("cannot be read") && !error.contains('\n'), "{error}");
                }
            }
            for place in (4..bytes.len()).step_by(11) {
                let mut damaged = bytes.clone();
                damaged[place] ^= 0x55;
                if let Err(error) = read(kind, damaged, 1 << 20) {
                    assert!(!error.contains('\n'), "{error}");
                }
            }
        }
    }
}
