//! A series as a file: all of its points in a time, as CSV, Arrow or Parquet.
//!
//! It is made while it is sent: a page is read, put into the file and forgotten. Whoever reads slowly waits for nobody but
//! itself, because no connection to the database is kept between two pages; whoever hangs up ends it with the next page.
//!
//! Limits: [`EXPORT_ROWS_MAX`] samples, told before the first byte. A page, and of Parquet a row group, are held. When
//! something fails on the way the connection is cut, so that nobody takes a part for the whole.

mod arrow;
mod csv;
mod parquet;

use agog_sync::ids::TenantId;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;

use super::points::Point;
use super::reader::SeriesReader;
use super::resolution::Resolution;
use crate::app::App;
use crate::db::{DbError, TenantTx};
use crate::http::error::chain;
use crate::http::{ApiError, CSV, Form};

/// The most samples of a file: a year of one in a second are 32 million. It takes some minutes.
pub(super) const EXPORT_ROWS_MAX: i64 = 50_000_000;

/// What a file says of itself.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub device: String,
    pub metric: String,
    pub unit: Option<String>,
    pub resolution: Resolution,
}

/// A column of a file.
struct Column {
    name: &'static str,
    values: Values,
}

/// What a column has of each point.
#[derive(Clone, Copy)]
enum Values {
    Time,
    /// In the unit of the series.
    Number(fn(&Point) -> f64),
    Count(fn(&Point) -> i64),
}

/// The columns of samples.
const RAW: [Column; 2] = [AT, VALUE];

/// The columns of roll-ups.
const ROLLUP: [Column; 8] = [
    AT,
    VALUE,
    number("min", |point| point.min),
    number("max", |point| point.max),
    Column {
        name: "samples",
        values: Values::Count(|point| point.samples),
    },
    number("first", |point| point.first),
    number("last", |point| point.last),
    number("time_weighted_mean", |point| point.time_weighted_mean),
];

const AT: Column = Column {
    name: "at",
    values: Values::Time,
};

const VALUE: Column = number("value", |point| point.value);

const fn number(name: &'static str, of: fn(&Point) -> f64) -> Column {
    Column {
        name,
        values: Values::Number(of),
    }
}

impl About {
    fn columns(&self) -> &'static [Column] {
        match self.resolution {
            Resolution::Raw => &RAW,
            Resolution::Minute | Resolution::Hour | Resolution::Day => &ROLLUP,
        }
    }

    /// What files have a place for beside their columns.
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let unit = self.unit.as_ref().map(|unit| ("unit", unit.clone()));
        let pairs = [
            ("device", self.device.clone()),
            ("metric", self.metric.clone()),
            ("resolution", self.resolution.as_str().to_owned()),
        ];
        pairs.into_iter().chain(unit).collect()
    }
}

/// Makes a file of points that come page by page.
trait Encoder: Send {
    fn write(&mut self, points: &[Point]) -> Result<(), ExportError>;
    /// After the last page.
    fn finish(&mut self) -> Result<(), ExportError>;
    /// What is made and was not taken yet.
    fn take(&mut self) -> Result<Vec<u8>, ExportError>;
}

/// Why a file ends early.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error("cannot read the series")]
    Read(#[from] DbError),
    #[error("cannot write an Arrow stream")]
    Arrow(#[from] arrow_schema::ArrowError),
    #[error("cannot write a Parquet file")]
    Parquet(#[from] ::parquet::errors::ParquetError),
}

/// A file that is being made.
struct Export {
    app: App,
    tenant_id: TenantId,
    reader: SeriesReader,
    encoder: Box<dyn Encoder>,
    is_over: bool,
}

/// A series as a file in a form other than JSON.
pub(super) fn export(
    form: Form,
    app: App,
    tenant_id: TenantId,
    reader: SeriesReader,
    about: &About,
) -> Result<Response, ApiError> {
    let encoder = encoder(form, about).map_err(|error| {
        tracing::error!(error = chain(&error), "an export cannot begin");
        ApiError::internal()
    })?;
    let content_type = match form {
        Form::Csv | Form::Json => CSV,
        Form::Arrow | Form::Parquet => form.media_type(),
    };
    let export = Export {
        app,
        tenant_id,
        reader,
        encoder,
        is_over: false,
    };
    let bytes = try_unfold(export, |mut export| async {
        let next = export.next().await.inspect_err(|error| {
            tracing::warn!(error = chain(error), "an export was cut off");
        })?;
        Ok::<_, ExportError>(next.map(|bytes| (bytes, export)))
    });
    Ok(([(CONTENT_TYPE, content_type)], Body::from_stream(bytes)).into_response())
}

fn encoder(form: Form, about: &About) -> Result<Box<dyn Encoder>, ExportError> {
    Ok(match form {
        Form::Arrow => Box::new(arrow::ArrowEncoder::new(about)?),
        Form::Parquet => Box::new(parquet::ParquetEncoder::new(about)?),
        Form::Csv | Form::Json => Box::new(csv::CsvEncoder::new(about)),
    })
}

impl Export {
    /// What comes next of the file; none at its end.
    async fn next(&mut self) -> Result<Option<Bytes>, ExportError> {
        while !self.is_over {
            let mut tx = TenantTx::begin(&self.app.pool, self.tenant_id).await?;
            let page = self.reader.next(&mut tx).await?;
            drop(tx);
            if page.is_empty() {
                self.encoder.finish()?;
                self.is_over = true;
            } else {
                self.encoder.write(&page)?;
            }
            let bytes = self.encoder.take()?;
            if !bytes.is_empty() {
                return Ok(Some(bytes.into()));
            }
        }
        Ok(None)
    }
}
