//! A series as a file: all of its points in a time, as CSV, Arrow or Parquet.
//!
//! It is made while it is sent: a page is read, put into the file and forgotten. Whoever reads slowly waits for nobody but
//! itself, because no connection to the database is kept between two pages; whoever hangs up ends it with the next page.
//!
//! Limits: [`EXPORT_ROWS_MAX`] samples and so many files at once (`places`), both told before the first byte;
//! [`EXPORT_TIME_MAX`]. A page, and of Parquet a row group, are held. A page that cannot be read is tried again, because pages
//! stand alone. When that does not help, the token ends or the hub stops, the connection is cut, so that nobody takes a part
//! for the whole.

mod arrow;
mod csv;
mod parquet;
mod places;

use std::time::Duration;

use agog_sync::backoff::Backoff;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

pub use places::Exports;

use self::places::Place;
use super::points::Point;
use super::reader::SeriesReader;
use super::resolution::Resolution;
use crate::app::App;
use crate::db::DbError;
use crate::http::error::chain;
use crate::http::{ApiError, CSV, Form};
use crate::tenants::Principal;

/// The most samples of a file: a year of one in a second are 32 million. It takes some minutes.
pub(super) const EXPORT_ROWS_MAX: i64 = 50_000_000;

/// The longest that a file may take. The largest one as CSV has about two gigabytes: 100 kB a second is enough.
const EXPORT_TIME_MAX: Duration = Duration::from_hours(6);

/// A page that cannot be read is tried again so often, after waits between these: PostgreSQL may be starting anew.
const PAGE_AGAIN_MAX: u32 = 5;
const PAGE_AGAIN_AFTER: Duration = Duration::from_secs(1);
const PAGE_AGAIN_AFTER_MAX: Duration = Duration::from_secs(8);

/// What a file says of itself.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub device: String,
    pub metric: String,
    pub unit: Option<String>,
    pub resolution: Resolution,
    /// The time that it is of.
    pub from: Timestamp,
    pub to: Timestamp,
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
            ("from", self.from.to_string()),
            ("to", self.to.to_string()),
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
    #[error("the token has ended")]
    TokenEnded,
    #[error("the hub stops")]
    Stopping,
    #[error("it took longer than {EXPORT_TIME_MAX:?}")]
    TooLong,
}

/// A file that is being made.
struct Export {
    app: App,
    principal: Principal,
    reader: SeriesReader,
    encoder: Box<dyn Encoder>,
    end: Instant,
    is_over: bool,
    _place: Place,
}

/// A series as a file in a form other than JSON.
pub(super) fn export(
    form: Form,
    app: App,
    principal: Principal,
    reader: SeriesReader,
    about: &About,
) -> Result<Response, ApiError> {
    let place = app.exports.take(principal.tenant_id())?;
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
        principal,
        reader,
        encoder,
        end: Instant::now() + EXPORT_TIME_MAX,
        is_over: false,
        _place: place,
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
        let stopping = self.app.stopping.clone();
        let made = stopping.run_until_cancelled(self.make()).await;
        made.unwrap_or(Err(ExportError::Stopping))
    }

    async fn make(&mut self) -> Result<Option<Bytes>, ExportError> {
        while !self.is_over {
            if Instant::now() > self.end {
                return Err(ExportError::TooLong);
            }
            let page = self.page().await?;
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

    /// The next page. A hiccup of the database is waited out: it shall not destroy what took an hour.
    async fn page(&mut self) -> Result<Vec<Point>, ExportError> {
        let mut backoff = Backoff::new(PAGE_AGAIN_AFTER, PAGE_AGAIN_AFTER_MAX);
        loop {
            match self.page_once().await {
                Err(ExportError::Read(error))
                    if !error.is_of_the_data() && backoff.attempts() < PAGE_AGAIN_MAX =>
                {
                    let wait = backoff.next_wait(&mut self.app.rng());
                    tracing::warn!(
                        error = chain(&error),
                        "a page of an export cannot be read; trying again in {wait:?}"
                    );
                    sleep(wait).await;
                }
                page => return page,
            }
        }
    }

    async fn page_once(&mut self) -> Result<Vec<Point>, ExportError> {
        // As each request looks.
        if !self.principal.stands(&self.app).await? {
            return Err(ExportError::TokenEnded);
        }
        let tenant_id = self.principal.tenant_id();
        Ok(self.reader.page(&self.app.pool, tenant_id).await?)
    }
}
