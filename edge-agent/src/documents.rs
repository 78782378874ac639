//! Documents over the local API: `GET /api/v1/documents`, and `GET` and `PATCH /api/v1/documents/{kind}/{id}`.
//!
//! People name a job by its number or id, a queue by the device, a hold by its id. Who edits says so, and as what:
//! operator or shift lead; planners work in the office.
//!
//! Limits: lists of [`PAGE_DOCUMENTS_MAX`], and those of `agog_sync::document`.

use agog_sync::chain::Hash;
use agog_sync::document::{
    Author, Conflict, Content, Document, DocumentKey, DocumentKind, Edit, Role,
};
use agog_sync::event::Actor;
use agog_sync::ids::JobId;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::api::problem::Problem;
use crate::api::{ApiState, idempotency_key};
use crate::ledger::document::{DocumentEdit, DocumentRow, PAGE_DOCUMENTS_MAX};
use crate::ledger::{Append, Fact, What};
use crate::run::Agent;

/// A document as the API shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DocumentView {
    pub kind: DocumentKind,
    pub id: String,
    pub content: Content,
    /// Where edits that did not know of each other meet. Editing the field ends it.
    pub conflicts: Vec<Conflict>,
    /// How often it was edited.
    pub changes: usize,
    /// Equal heads are equal documents.
    pub heads: Vec<Hash>,
    /// From 1: one that was edited often begins anew from what it says, as its next generation.
    pub generation: u32,
}

impl From<Document> for DocumentView {
    fn from(document: Document) -> Self {
        Self {
            kind: document.key().kind,
            id: document.key().id.clone(),
            content: document.content(),
            conflicts: document.conflicts(),
            changes: document.changes(),
            heads: document.heads(),
            generation: document.generation(),
        }
    }
}

/// The documents of a page, and where to go on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DocumentPage {
    pub documents: Vec<DocumentRow>,
    /// Ask for the next page with this `kind/id` as `after`; none on the last page.
    pub next: Option<String>,
}

/// What somebody wants of a document.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditRequest {
    /// Who wants it.
    pub by: String,
    /// `operator` or `shift-lead`.
    #[serde(default = "operator")]
    pub role: Role,
    pub edit: Edit,
}

fn operator() -> Role {
    Role::Operator
}

/// The routes, to be merged into those of the local API.
pub fn router(agent: Agent) -> Router<ApiState> {
    Router::new()
        .route("/api/v1/documents", get(list))
        .route("/api/v1/documents/{kind}/{id}", get(show).patch(edit))
        .with_state(agent)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    kind: Option<DocumentKind>,
    /// `kind/id` of the last document of the page before.
    after: Option<String>,
}

async fn list(
    State(agent): State<Agent>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<DocumentPage>, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let after = match query.after.as_deref().map(|after| after.split_once('/')) {
        None => None,
        Some(Some((kind, id))) => Some(DocumentKey::new(known_kind(kind)?, id)),
        Some(None) => return Err(Problem::malformed("`after` must be kind/id")),
    };
    let kind = query.kind;
    let mut documents = agent
        .ledger
        .read(move |reader| reader.documents(kind, after.as_ref(), PAGE_DOCUMENTS_MAX + 1))
        .await?;
    let more = documents.len() > PAGE_DOCUMENTS_MAX;
    documents.truncate(PAGE_DOCUMENTS_MAX);
    let next = documents.last().filter(|_| more);
    let next = next.map(|last| format!("{}/{}", last.kind, last.id));
    Ok(Json(DocumentPage { documents, next }))
}

async fn show(
    State(agent): State<Agent>,
    Path((kind, id)): Path<(String, String)>,
) -> Result<Json<DocumentView>, Problem> {
    let key = key_of(&agent, &kind, id).await?;
    let document = agent
        .ledger
        .read(move |reader| reader.document(&key))
        .await?;
    Ok(Json(document.into()))
}

async fn edit(
    State(agent): State<Agent>,
    Path((kind, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<DocumentView>, Problem> {
    let request: EditRequest =
        serde_json::from_slice(&body).map_err(|error| Problem::malformed(error.to_string()))?;
    let key = key_of(&agent, &kind, id).await?;
    let idempotency = idempotency_key(&headers, &format!("documents/{key}"), &body)?;
    let author = Author {
        name: request.by,
        role: request.role,
    };
    let fact = Fact {
        occurred_at: None,
        actor: Actor::Operator {
            name: author.name.clone(),
        },
        what: What::Document(Box::new(DocumentEdit {
            document: key.clone(),
            author,
            edit: request.edit,
        })),
    };
    let append = Append {
        facts: vec![fact],
        idempotency,
        ..Append::default()
    };
    agent.ledger.append(append).await?;
    let document = agent
        .ledger
        .read(move |reader| reader.document(&key))
        .await?;
    Ok(Json(document.into()))
}

fn known_kind(kind: &str) -> Result<DocumentKind, Problem> {
    kind.parse::<DocumentKind>()
        .map_err(|error| not_found(error.to_string()))
}

fn not_found(detail: String) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "unknown-document", detail)
}

/// The document of a record that is known here.
async fn key_of(agent: &Agent, kind: &str, id: String) -> Result<DocumentKey, Problem> {
    let kind = known_kind(kind)?;
    let ledger = &agent.ledger;
    match kind {
        DocumentKind::SchedulePriority => {
            let plant = &agent.config.agent.plant_code;
            let device = id.strip_prefix(&format!("{plant}:")).unwrap_or(&id);
            if !agent.known_devices.contains(device) {
                return Err(not_found(format!("device {device} is not known here")));
            }
            Ok(DocumentKey::queue(plant, device))
        }
        DocumentKind::JobNote => {
            let job = match ledger.job_by_number(&id).await? {
                Some(job) => Some(job),
                None => match id.parse::<JobId>() {
                    Ok(job_id) => ledger.job_by_id(job_id).await?,
                    Err(_) => None,
                },
            };
            match job.map(|job| job.job_id) {
                Some(Some(job_id)) => Ok(DocumentKey::new(kind, job_id.to_string())),
                Some(None) => Err(not_found(format!(
                    "job {id} was not given out by the hub or here: only its device knows it"
                ))),
                None => known(agent, DocumentKey::new(kind, id), "job").await,
            }
        }
        DocumentKind::HoldDiscussion => {
            let hold = id.clone();
            if ledger
                .read(move |reader| reader.hold_is_known(&hold))
                .await?
            {
                Ok(DocumentKey::new(kind, id))
            } else {
                known(agent, DocumentKey::new(kind, id), "hold").await
            }
        }
    }
}

/// A document of a record of another plant is known here once it was edited.
async fn known(agent: &Agent, key: DocumentKey, what: &str) -> Result<DocumentKey, Problem> {
    let wanted = key.clone();
    let document = agent
        .ledger
        .read(move |reader| reader.document(&wanted))
        .await?;
    if document.changes() > 0 {
        Ok(key)
    } else {
        Err(not_found(format!("{what} {} is not known here", key.id)))
    }
}
