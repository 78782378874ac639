//! `GET /api/v1/scans`: the newest scans, and the lots and the container that are known under them. `GET /api/v1/serial/lines`: what
//! ports said, and how it was understood.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::heard::{Heard, LINES_PER_PORT_MAX, Lines, Scan};
use crate::api::ApiState;
use crate::api::problem::Problem;
use crate::ledger::{ContainerRow, Ledger, LedgerError, LotRow, Reader};

/// What fits on a screen.
const SCANS_SHOWN: usize = 20;

/// A scan, and what the ledger knows under it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownScan {
    pub at: Timestamp,
    pub port: String,
    pub device: String,
    pub text: String,
    /// None when it was not understood.
    pub scan: Option<Scan>,
    pub fault: Option<String>,
    /// Lots of that number: none is not here, several have the same one.
    pub lots: Vec<LotRow>,
    /// The container of that SSCC.
    pub container: Option<ContainerRow>,
}

/// Lines of ports.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HeardLines {
    /// Oldest first.
    pub lines: Vec<Heard>,
    /// The number of the newest line of all ports, to ask from.
    pub newest: u64,
}

#[derive(Clone)]
struct Shown {
    ledger: Ledger,
    lines: Lines,
}

/// The routes, to be merged into those of the local API.
pub fn router(ledger: Ledger, lines: Lines) -> Router<ApiState> {
    Router::new()
        .route("/api/v1/scans", get(scans))
        .route("/api/v1/serial/lines", get(heard))
        .with_state(Shown { ledger, lines })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScansQuery {
    #[serde(default = "scans_shown")]
    limit: usize,
}

const fn scans_shown() -> usize {
    SCANS_SHOWN
}

async fn scans(
    State(state): State<Shown>,
    query: Result<Query<ScansQuery>, QueryRejection>,
) -> Result<Json<Vec<KnownScan>>, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    if !(1..=LINES_PER_PORT_MAX).contains(&query.limit) {
        return Err(Problem::malformed(format!(
            "`limit` must be 1 to {LINES_PER_PORT_MAX}"
        )));
    }
    let scans = state.lines.scans(query.limit);
    let read = move |reader: &Reader| {
        let known = scans.into_iter().map(|scan| known(reader, scan));
        known.collect::<Result<Vec<_>, _>>()
    };
    Ok(Json(state.ledger.read(read).await?))
}

fn known(reader: &Reader, heard: Heard) -> Result<KnownScan, LedgerError> {
    let scan = heard.scan.as_ref();
    let lots = match scan.and_then(Scan::lot_number) {
        Some(number) => reader.lots_by_number(number)?,
        None => Vec::new(),
    };
    let container = match scan.and_then(|scan| scan.label.sscc) {
        Some(sscc) => reader.container(sscc)?,
        None => None,
    };
    Ok(KnownScan {
        at: heard.at,
        port: heard.port,
        device: heard.device,
        text: heard.text,
        scan: heard.scan,
        fault: heard.fault,
        lots,
        container,
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LinesQuery {
    /// The number of the newest line that was seen already.
    #[serde(default)]
    after: u64,
    #[serde(default)]
    port: Option<String>,
}

async fn heard(
    State(state): State<Shown>,
    query: Result<Query<LinesQuery>, QueryRejection>,
) -> Result<Json<HeardLines>, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let (lines, newest) = state.lines.after(query.after, query.port.as_deref());
    Ok(Json(HeardLines { lines, newest }))
}
