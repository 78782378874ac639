//! Documents over the tenant API. Whoever edits does so as planner: the office speaks with one voice.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::chain::Hash;
use agog_sync::document::{
    Author, Conflict, Content, Document, DocumentKey, DocumentKind, Edit, EditRefused, Role,
};
use agog_sync::event::Event;
use agog_sync::ids::{HoldId, JobId};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{DocumentRow, HistoryRow};
use super::{apply, repair, roll, store};
use crate::app::App;
use crate::db::TenantTx;
use crate::http::{ApiError, IdempotentJson, Page, PageQuery};
use crate::intake::{self, office};
use crate::inventory::{self, Said};
use crate::tenants::{self, Principal};
use crate::{equipment, exchange};

/// The routes of this module.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, edit))
        .routes(routes!(history))
        .merge(repair::router())
}

/// Which documents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct KindQuery {
    /// One of job-note, schedule-priority, hold-discussion.
    kind: Option<String>,
}

/// A document, and where edits that did not know of each other meet.
#[derive(Debug, Serialize, ToSchema)]
struct DocumentAnswer {
    #[schema(example = "schedule-priority")]
    kind: &'static str,
    #[schema(example = "HAM:press-3")]
    id: String,
    /// `text`, `comments` or `priorities`, by the kind.
    #[schema(value_type = Object)]
    content: Content,
    /// Fields on which edits disagree: the winner, and the losers. Editing the field ends it.
    #[schema(value_type = Vec<Object>)]
    conflicts: Vec<Conflict>,
    /// How often it was edited.
    changes: usize,
    /// The changes that no other follows; equal heads are equal documents.
    #[schema(value_type = Vec<String>)]
    heads: Vec<Hash>,
    /// From 1: one that was edited often begins anew from what it says, as its next generation.
    generation: u32,
    #[schema(value_type = Option<String>)]
    updated_at: Option<Timestamp>,
}

impl DocumentAnswer {
    fn new(document: &Document, updated_at: Option<Timestamp>) -> Self {
        Self {
            kind: document.key().kind.as_str(),
            id: document.key().id.clone(),
            content: document.content(),
            conflicts: document.conflicts(),
            changes: document.changes(),
            heads: document.heads(),
            generation: document.generation(),
            updated_at,
        }
    }
}

/// What is wanted of a document: one of the members, by its kind.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EditRequest {
    /// The notes of a job shall read so.
    text: Option<String>,
    /// Takes characters out of the notes and puts others in their place.
    splice: Option<SpliceRequest>,
    /// Adds a comment to a discussion.
    append: Option<String>,
    /// Sets ranks of jobs by their numbers; null takes a job out of the order. Others stay as they are.
    priorities: Option<BTreeMap<String, Option<i64>>>,
}

/// An edit of a text. Places are counted in characters.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SpliceRequest {
    /// Before which character, from 0.
    at: usize,
    /// How many are taken out.
    #[serde(default)]
    delete: usize,
    #[serde(default)]
    insert: String,
}

impl EditRequest {
    fn edit(self) -> Result<Edit, ApiError> {
        match self {
            Self {
                text: Some(text),
                splice: None,
                append: None,
                priorities: None,
            } => Ok(Edit::Text(text)),
            Self {
                text: None,
                splice: Some(splice),
                append: None,
                priorities: None,
            } => Ok(Edit::Splice {
                at: splice.at,
                delete: splice.delete,
                insert: splice.insert,
            }),
            Self {
                text: None,
                splice: None,
                append: Some(text),
                priorities: None,
            } => Ok(Edit::Append(text)),
            Self {
                text: None,
                splice: None,
                append: None,
                priorities: Some(ranks),
            } => Ok(Edit::Priorities(ranks)),
            _ => Err(ApiError::unprocessable(
                "invalid-body",
                "say one of `text`, `splice`, `append` and `priorities`",
            )),
        }
    }
}

/// Lists the documents that were edited, by kind and id.
#[utoipa::path(get, path = "/api/v1/documents", tag = "documents", params(KindQuery, PageQuery),
    responses((status = 200, body = Page<DocumentRow>)))]
async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(kind): Query<KindQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<DocumentRow>>, ApiError> {
    let kind = kind.kind.map(|kind| kind.parse::<DocumentKind>());
    let kind = kind
        .transpose()
        .map_err(|error| ApiError::bad_request("bad-query", error.to_string()))?;
    let after = page.after()?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let kind = kind.map(DocumentKind::as_str);
    let rows = store::document_list(&mut tx, kind, after.as_ref(), page.fetch()).await?;
    Ok(Json(
        page.page(rows, |row| (row.kind.clone(), row.id.clone())),
    ))
}

/// Shows a document. One of a known record that nobody has edited yet is empty.
#[utoipa::path(get, path = "/api/v1/documents/{kind}/{id}", tag = "documents",
    params(("kind" = String, Path, description = "job-note, schedule-priority or hold-discussion"),
        ("id" = String, Path, description = "The id of the job or hold, or `{plant code}:{device}`")),
    responses((status = 200, body = DocumentAnswer, headers(("ETag" = String))), (status = 404)))]
async fn show(
    State(app): State<App>,
    principal: Principal,
    Path((kind, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let key = key_of(&mut tx, &kind, id).await?;
    let document = apply::load(&mut tx, &key).await?;
    let stored = store::document_find(&mut tx, &key).await?;
    let answer = DocumentAnswer::new(&document, stored.map(|stored| stored.updated_at));
    Ok(with_etag(Json(answer).into_response(), &document))
}

/// Edits a document. Without If-Match it is merged with whatever others do meanwhile; with it, it is made only when the
/// document is still as it was read.
#[utoipa::path(patch, path = "/api/v1/documents/{kind}/{id}", tag = "documents", request_body = EditRequest,
    params(("kind" = String, Path, description = "job-note, schedule-priority or hold-discussion"),
        ("id" = String, Path, description = "The id of the job or hold, or `{plant code}:{device}`"),
        ("Idempotency-Key" = String, Header), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = DocumentAnswer, headers(("ETag" = String))), (status = 404),
        (status = 409, description = "document-full"), (status = 412, description = "document-changed"),
        (status = 422, description = "edit-of-other-kind, edit-too-long, edit-empty, edit-outside-text, bad-job-number")))]
async fn edit(
    State(app): State<App>,
    principal: Principal,
    Path((kind, id)): Path<(String, String)>,
    headers: HeaderMap,
    IdempotentJson { body, request }: IdempotentJson<EditRequest>,
) -> Result<Response, ApiError> {
    let edit = body.edit()?;
    let (now, mut rng) = (app.clock.now(), app.rng());
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    if let Some(response) = request.replay(&mut tx).await? {
        return Ok(response);
    }
    office::lock(&mut tx, now).await?;
    let key = key_of(&mut tx, &kind, id).await?;
    store::documents_lock(&mut tx, &BTreeSet::from([&key]), now).await?;
    let mut document = apply::load(&mut tx, &key).await?;
    let is_stale = headers.get(IF_MATCH).is_some_and(|wanted| {
        let wanted = wanted.to_str().unwrap_or_default();
        let etag = etag(&document);
        wanted.trim() != "*" && wanted.split(',').all(|wanted| wanted.trim() != etag)
    });
    if is_stale {
        return Err(ApiError::new(
            StatusCode::PRECONDITION_FAILED,
            "document-changed",
            "others have edited the document; read it again",
        ));
    }
    let author = Author {
        name: principal.name().to_owned(),
        role: Role::Planner,
    };
    let made = document
        .edit(&app.document_actor(), &author, &edit, now)
        .map_err(|error| refused(&error))?;
    if let Some(changed) = made {
        let event = Event::Document(Box::new(changed));
        let said = Said {
            by: principal.name(),
            at: now,
            now,
        };
        inventory::recorded(&mut tx, &app, event, &said, &mut rng).await?;
        let documents = BTreeSet::from([key.clone()]);
        let carried = roll::settle(&mut tx, &documents, app.roll_at, now, &mut rng).await;
        office::deliver(&mut tx, carried.map_err(intake::failed)?, now).await?;
        document = apply::load(&mut tx, &key).await?;
    }
    let answer = DocumentAnswer::new(&document, Some(now));
    let response = request.store(&mut tx, StatusCode::OK, &answer).await?;
    tx.commit().await?;
    Ok(with_etag(response, &document))
}

/// Lists the changes of a document, newest first, and for each what it met that its author did not know of.
#[utoipa::path(get, path = "/api/v1/documents/{kind}/{id}/history", tag = "documents",
    params(("kind" = String, Path, description = "job-note, schedule-priority or hold-discussion"),
        ("id" = String, Path, description = "The id of the job or hold, or `{plant code}:{device}`"), PageQuery),
    responses((status = 200, body = Page<HistoryRow>), (status = 404)))]
async fn history(
    State(app): State<App>,
    principal: Principal,
    Path((kind, id)): Path<(String, String)>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<HistoryRow>>, ApiError> {
    let before = page.after()?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let key = key_of(&mut tx, &kind, id).await?;
    let rows = store::history(&mut tx, &key, before, page.fetch()).await?;
    Ok(Json(page.page(rows, |row| row.change_id)))
}

/// The document of a record that the tenant has; what nobody has heard of is 404.
async fn key_of(tx: &mut TenantTx, kind: &str, id: String) -> Result<DocumentKey, ApiError> {
    let not_found = || ApiError::not_found("document");
    let kind: DocumentKind = kind.parse().map_err(|_| not_found())?;
    let key = DocumentKey::new(kind, id);
    if !key.has_form() {
        return Err(not_found());
    }
    if store::document_find(tx, &key).await?.is_some() {
        return Ok(key);
    }
    let is_known = match (kind, key.id.split_once(':')) {
        (DocumentKind::JobNote, _) => {
            let job_id: JobId = key.id.parse().map_err(|_| not_found())?;
            exchange::job_plant(tx, job_id).await?.is_some()
        }
        (DocumentKind::HoldDiscussion, _) => {
            let hold_id: HoldId = key.id.parse().map_err(|_| not_found())?;
            inventory::hold_is_known(tx, hold_id).await?
        }
        (DocumentKind::SchedulePriority, Some((plant, device))) => {
            match tenants::plant_by_code(tx, plant).await? {
                Some(plant) => equipment::device_is_known(tx, plant.plant_id, device).await?,
                None => false,
            }
        }
        (DocumentKind::SchedulePriority, None) => false,
    };
    if is_known { Ok(key) } else { Err(not_found()) }
}

/// The heads in one: a document with the same tag is the same document.
fn etag(document: &Document) -> String {
    let mut hasher = blake3::Hasher::new();
    for head in document.heads() {
        hasher.update(head.as_bytes());
    }
    format!("\"{}\"", &hasher.finalize().to_hex()[..32])
}

fn with_etag(mut response: Response, document: &Document) -> Response {
    if let Ok(value) = HeaderValue::from_str(&etag(document)) {
        response.headers_mut().insert(ETAG, value);
    }
    response
}

fn refused(error: &EditRefused) -> ApiError {
    match error {
        EditRefused::Full => ApiError::conflict(error.code(), error.to_string()),
        EditRefused::Broken(_) => {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "a document cannot be edited"
            );
            ApiError::internal()
        }
        _ => ApiError::unprocessable(error.code(), error.to_string()),
    }
}
