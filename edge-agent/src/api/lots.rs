//! Lots: commands that move them, and what is known of them.

use agog_sync::chain::Hash;
use agog_sync::event::Actor;
use agog_sync::ids::LotId;
use agog_sync::master::{MasterItem, MasterKind};
use agog_sync::sscc::{Sscc, SsccError};
use agog_sync::trace::{Direction, Mode, Trace};
use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::{ApiState, BODY_BYTES_MAX};
use crate::ledger::command::{
    Adjust, Consume, Correct, Hold, Merge, Move, Pack, Produce, Receive, Release, Return, Ship,
    Split, Unpack, Waste,
};
use crate::ledger::{
    Append, ContainerRow, Fact, IdempotencyKey, Ledger, LotCommand, LotEventRow, LotFilter,
    LotPage, LotRow, MaterialSum, PAGE_LOTS_MAX, Reader, Refused, What,
};

/// The longest key that is taken; a UUID has 36.
const KEY_CHARS_MAX: usize = 255;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A lot, and the lots next to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotDetail {
    pub lot: LotRow,
    /// What is directly in it, and what it is directly in.
    pub neighbours: Trace,
    /// The newest events that changed its balance or what is packed of it, newest first.
    pub events: Vec<LotEventRow>,
    /// What the office calls its location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_name: Option<String>,
    /// What the office calls its material.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub material_name: Option<String>,
}

/// `POST /api/v1/lots/{command}`.
pub(super) async fn command(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let body = json_body(&headers, body).await?;
    let mut command = parse(&name, &body)?;
    if let LotCommand::Pack(pack) = &mut command {
        pack.made_from
            .clone_from(&state.agent.config.epcis.sscc_prefix);
    }
    let fact = Fact {
        occurred_at: command.details().occurred_at,
        actor: actor(&command),
        what: What::Lot(command),
    };
    let append = Append {
        facts: vec![fact],
        idempotency: idempotency_key(&headers, &name, &body)?,
        master_data: Some(state.agent.config.ledger.master_data),
        ..Append::default()
    };
    let appended = state.agent.ledger.append(append).await?;
    let (status, replayed) = if appended.repeated {
        (StatusCode::OK, "true")
    } else {
        (StatusCode::CREATED, "false")
    };
    Ok((status, [(IDEMPOTENCY_REPLAYED, replayed)], Json(appended)).into_response())
}

/// The body, when it says that it is JSON and is within the limit. What is announced to be larger
/// is refused before it is read.
async fn json_body(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = text(CONTENT_TYPE).and_then(|value| value.split(';').next());
    if kind.map(str::trim) != Some("application/json") {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not-json",
            "send the command as application/json",
        ));
    }
    let too_large = || {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            format!("a command has at most {BODY_BYTES_MAX} bytes"),
        )
    };
    let announced: Option<usize> = text(CONTENT_LENGTH).and_then(|length| length.parse().ok());
    if announced.is_some_and(|length| length > BODY_BYTES_MAX) {
        return Err(too_large());
    }
    // A body that ends early is a client that went away: nobody reads the answer.
    to_bytes(body, BODY_BYTES_MAX)
        .await
        .map_err(|_| too_large())
}

fn parse(name: &str, body: &[u8]) -> Result<LotCommand, Problem> {
    Ok(match name {
        "receive" => LotCommand::Receive(typed::<Receive>(body)?),
        "split" => LotCommand::Split(typed::<Split>(body)?),
        "merge" => LotCommand::Merge(typed::<Merge>(body)?),
        "consume" => LotCommand::Consume(typed::<Consume>(body)?),
        "produce" => LotCommand::Produce(typed::<Produce>(body)?),
        "waste" => LotCommand::Waste(typed::<Waste>(body)?),
        "move" => LotCommand::Move(typed::<Move>(body)?),
        "adjust" => LotCommand::Adjust(typed::<Adjust>(body)?),
        "hold" => LotCommand::Hold(typed::<Hold>(body)?),
        "release" => LotCommand::Release(typed::<Release>(body)?),
        "ship" => LotCommand::Ship(typed::<Ship>(body)?),
        "correct" => LotCommand::Correct(typed::<Correct>(body)?),
        "return" => LotCommand::Return(typed::<Return>(body)?),
        "pack" => LotCommand::Pack(typed::<Pack>(body)?),
        "unpack" => LotCommand::Unpack(typed::<Unpack>(body)?),
        _ => {
            return Err(Problem::new(
                StatusCode::NOT_FOUND,
                "unknown-command",
                "lot commands are receive, split, merge, consume, produce, waste, move, adjust, hold, release, pack, unpack, ship, return and correct",
            ));
        }
    })
}

fn typed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::malformed(error.to_string()))
}

/// Whoever is named did it; without a name, the local API says so.
fn actor(command: &LotCommand) -> Actor {
    match &command.details().operator {
        Some(name) => Actor::Operator { name: name.clone() },
        None => Actor::System {
            component: "api".to_owned(),
        },
    }
}

pub(crate) fn idempotency_key(
    headers: &HeaderMap,
    name: &str,
    body: &[u8],
) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = value
        .to_str()
        .ok()
        .filter(|key| (1..=KEY_CHARS_MAX).contains(&key.len()));
    let Some(key) = key else {
        return Err(Problem::malformed(
            "Idempotency-Key must be 1 to 255 visible characters",
        ));
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update(name.as_bytes()).update(&[0]).update(body);
    Ok(Some(IdempotencyKey {
        key: key.to_owned(),
        request: Hash::from_bytes(*hasher.finalize().as_bytes()),
    }))
}

/// The query of `GET /api/v1/lots`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    material: Option<String>,
    #[serde(default)]
    with_empty: bool,
    after: Option<LotId>,
    limit: Option<usize>,
}

/// `GET /api/v1/lots`.
pub(super) async fn list(
    State(state): State<ApiState>,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<LotPage>, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let filter = LotFilter {
        material: query.material,
        with_empty: query.with_empty,
        after: query.after,
        limit: query.limit.unwrap_or(PAGE_LOTS_MAX),
    };
    Ok(Json(
        state
            .agent
            .ledger
            .read(move |reader| reader.lot_list(&filter))
            .await?,
    ))
}

/// `GET /api/v1/lots/{number}`.
pub(super) async fn show(
    State(state): State<ApiState>,
    Path(number): Path<String>,
) -> Result<Json<LotDetail>, Problem> {
    let lot = one_lot(&state.agent.ledger, &number).await?;
    let lot_id = lot.lot.lot_id;
    let read = move |reader: &Reader| {
        let name = |kind, code: &Option<String>| match code {
            Some(code) => reader.master_name(kind, code),
            None => Ok(None),
        };
        Ok(LotDetail {
            neighbours: reader.neighbours(lot_id)?,
            events: reader.lot_events(lot_id)?,
            location_name: name(MasterKind::Locations, &lot.attributes.location)?,
            material_name: name(MasterKind::Materials, &lot.material)?,
            lot,
        })
    };
    Ok(Json(state.agent.ledger.read(read).await?))
}

/// The query of `GET /api/v1/master-data`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MasterQuery {
    kind: Option<MasterKind>,
}

/// `GET /api/v1/master-data`: what the office has said of materials, locations, operators and reasons.
pub(super) async fn master_data(
    State(state): State<ApiState>,
    query: Result<Query<MasterQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Vec<MasterItem>>, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let read = move |reader: &Reader| reader.master(query.kind);
    Ok(Json(state.agent.ledger.read(read).await?))
}

/// The query of `GET /api/v1/lots/{number}/trace`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TraceQuery {
    direction: Option<Direction>,
    mode: Option<Mode>,
}

/// `GET /api/v1/lots/{number}/trace`.
pub(super) async fn trace(
    State(state): State<ApiState>,
    Path(number): Path<String>,
    query: Result<Query<TraceQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Trace>, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let root = one_lot(&state.agent.ledger, &number).await?.lot.lot_id;
    let direction = query.direction.unwrap_or(Direction::Forward);
    let mode = query.mode.unwrap_or_default();
    let trace = state
        .agent
        .ledger
        .read(move |reader| reader.trace(root, direction, mode))
        .await?;
    Ok(Json(trace))
}

/// `GET /api/v1/containers/{sscc}`.
pub(super) async fn container(
    State(state): State<ApiState>,
    Path(sscc): Path<String>,
) -> Result<Json<ContainerRow>, Problem> {
    let sscc: Sscc = sscc
        .parse()
        .map_err(|error: SsccError| Problem::malformed(error.to_string()))?;
    let found = state
        .agent
        .ledger
        .read(move |reader| reader.container(sscc))
        .await?;
    found.map(Json).ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-container",
            format!("container {sscc} is not known here"),
        )
    })
}

/// `GET /api/v1/materials/sums`.
pub(super) async fn sums(State(state): State<ApiState>) -> Result<Json<Vec<MaterialSum>>, Problem> {
    Ok(Json(state.agent.ledger.read(Reader::material_sums).await?))
}

/// The one lot of that number. Asked about, an unknown number is 404.
async fn one_lot(ledger: &Ledger, number: &str) -> Result<LotRow, Problem> {
    let mut found = ledger.lot_by_number(number).await?;
    match found.len() {
        0 => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-lot",
            Refused::UnknownLot(number.to_owned()).to_string(),
        )),
        1 => Ok(found.remove(0)),
        count => Err(Refused::AmbiguousLot {
            number: number.to_owned(),
            count,
            ids: found.iter().map(|row| row.lot.lot_id.to_string()).collect(),
        }
        .into()),
    }
}
