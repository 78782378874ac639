//! A series as an Arrow IPC stream: a record batch for each page, compressed with zstd.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};

use super::{About, Column, Encoder, ExportError, Values};
use crate::equipment::points::Point;

/// How Arrow names the time zone.
const UTC: &str = "UTC";

pub(super) struct ArrowEncoder {
    columns: &'static [Column],
    schema: SchemaRef,
    writer: StreamWriter<Vec<u8>>,
}

impl ArrowEncoder {
    pub(super) fn new(about: &About) -> Result<Self, ArrowError> {
        let columns = about.columns();
        let fields: Vec<_> = columns.iter().map(field).collect();
        let pairs = about.pairs().into_iter();
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value));
        let schema = Arc::new(Schema::new_with_metadata(fields, pairs.collect()));
        let options =
            IpcWriteOptions::default().try_with_compression(Some(CompressionType::ZSTD))?;
        let writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options)?;
        Ok(Self {
            columns,
            schema,
            writer,
        })
    }
}

fn field(column: &Column) -> Field {
    let data_type = match column.values {
        Values::Time => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        Values::Number(_) => DataType::Float64,
        Values::Count(_) => DataType::Int64,
    };
    Field::new(column.name, data_type, false)
}

fn array(column: &Column, points: &[Point]) -> ArrayRef {
    let points = points.iter();
    match column.values {
        Values::Time => {
            let times =
                TimestampMicrosecondArray::from_iter_values(points.map(|point| point.at_us));
            Arc::new(times.with_timezone(UTC))
        }
        Values::Number(of) => Arc::new(Float64Array::from_iter_values(points.map(of))),
        Values::Count(of) => Arc::new(Int64Array::from_iter_values(points.map(of))),
    }
}

impl Encoder for ArrowEncoder {
    fn write(&mut self, points: &[Point]) -> Result<(), ExportError> {
        let columns = self.columns.iter().map(|column| array(column, points));
        let batch = RecordBatch::try_new(self.schema.clone(), columns.collect())?;
        self.writer.write(&batch)?;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ExportError> {
        Ok(self.writer.finish()?)
    }

    fn take(&mut self) -> Result<Vec<u8>, ExportError> {
        Ok(std::mem::take(self.writer.get_mut()))
    }
}
