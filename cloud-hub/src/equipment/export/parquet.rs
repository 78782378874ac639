//! A series as a Parquet file: row groups of [`GROUP_ROWS`], compressed with zstd.

use std::sync::Arc;

use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type, ZstdLevel};
use parquet::data_type::{DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type as SchemaType};

use super::{About, Column, Encoder, ExportError, Values};
use crate::equipment::points::Point;

/// Rows of a group, which is held until it is full: some megabytes. Readers skip groups by their times, and of the largest
/// file the list of them, which is held too, has under a thousand.
const GROUP_ROWS: usize = 65_536;

pub(super) struct ParquetEncoder {
    columns: &'static [Column],
    group: Vec<Point>,
    writer: SerializedFileWriter<Vec<u8>>,
}

impl ParquetEncoder {
    pub(super) fn new(about: &About) -> Result<Self, ParquetError> {
        let columns = about.columns();
        let fields: Result<Vec<_>, _> = columns.iter().map(field).collect();
        let schema = SchemaType::group_type_builder("series")
            .with_fields(fields?)
            .build()?;
        let pairs = about.pairs().into_iter();
        let pairs = pairs.map(|(key, value)| KeyValue::new(key.to_owned(), value));
        // Times go up by much the same: what is left of their differences is next to nothing.
        let at = ColumnPath::from("at");
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_column_dictionary_enabled(at.clone(), false)
            .set_column_encoding(at, Encoding::DELTA_BINARY_PACKED)
            .set_key_value_metadata(Some(pairs.collect()))
            .build();
        Ok(Self {
            columns,
            group: Vec::with_capacity(GROUP_ROWS),
            writer: SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?,
        })
    }

    /// Writes the group column by column.
    fn flush(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for column in self.columns {
            let Some(mut writer) = group.next_column()? else {
                break;
            };
            let points = self.group.iter();
            match column.values {
                Values::Time => {
                    let times: Vec<_> = points.map(|point| point.at_us).collect();
                    writer
                        .typed::<Int64Type>()
                        .write_batch(&times, None, None)?
                }
                Values::Count(of) => {
                    let counts: Vec<_> = points.map(of).collect();
                    writer
                        .typed::<Int64Type>()
                        .write_batch(&counts, None, None)?
                }
                Values::Number(of) => {
                    let numbers: Vec<_> = points.map(of).collect();
                    writer
                        .typed::<DoubleType>()
                        .write_batch(&numbers, None, None)?
                }
            };
            writer.close()?;
        }
        group.close()?;
        self.group.clear();
        Ok(())
    }
}

fn field(column: &Column) -> Result<Arc<SchemaType>, ParquetError> {
    let (physical, logical) = match column.values {
        Values::Time => {
            let micros = LogicalType::timestamp(true, TimeUnit::MICROS);
            (Type::INT64, Some(micros))
        }
        Values::Number(_) => (Type::DOUBLE, None),
        Values::Count(_) => (Type::INT64, None),
    };
    let field = SchemaType::primitive_type_builder(column.name, physical)
        .with_logical_type(logical)
        .with_repetition(Repetition::REQUIRED)
        .build()?;
    Ok(Arc::new(field))
}

impl Encoder for ParquetEncoder {
    fn write(&mut self, points: &[Point]) -> Result<(), ExportError> {
        for points in points.chunks(GROUP_ROWS) {
            if self.group.len() + points.len() > GROUP_ROWS {
                self.flush()?;
            }
            self.group.extend_from_slice(points);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ExportError> {
        if !self.group.is_empty() {
            self.flush()?;
        }
        self.writer.finish()?;
        Ok(())
    }

    fn take(&mut self) -> Result<Vec<u8>, ExportError> {
        // It has a buffer of its own before ours.
        self.writer.flush().map_err(ParquetError::from)?;
        Ok(std::mem::take(self.writer.inner_mut()))
    }
}
