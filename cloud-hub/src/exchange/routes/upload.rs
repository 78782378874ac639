//! A job as a MIME package: the ticket and the files that it names, streamed to the file store.
//!
//! Documents (JDF, JMF and other XML) are read in memory, up to the size of a ticket; everything else goes to the file
//! store as it comes. Files that the ticket does not name are discarded.
//!
//! Limits: [`FILES_MAX`] files that the ticket names, each of at most [`crate::files::FILE_BYTES_MAX`], and
//! [`PACKAGE_BYTES_MAX`] for the whole package.

use std::collections::BTreeSet;

use agog_jdf::package::{
    Event, JDF_TYPE, JMF_TYPE, PackageLimits, PartHead, PartIndex, PartName, Splitter,
    safe_file_name,
};
use agog_jdf::{Document, Limits};
use agog_sync::frame::TicketFile;
use agog_sync::ids::{RequestId, TenantId};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::create::{JobFile, JobRequest, OutputRequest, check_form, checked, give_out};
use crate::app::App;
use crate::exchange::ticket::{TICKET_BYTES_MAX, Work};
use crate::files::{Arrived, Arriving, FileError, Files};
use crate::http::error::chain;
use crate::http::{ApiError, Asked};
use crate::tenants::Principal;

/// The most files that a ticket can name: the pages of a long book, one by one.
const FILES_MAX: usize = 500;

/// The most bytes of a package: some of the largest files together.
const PACKAGE_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// What stands in the JSON of other requests; only a package takes it from here.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PackageQuery {
    /// Of a package: the number of the job.
    number: Option<String>,
    /// Of a package: the code of the plant.
    plant: Option<String>,
    /// Of a package: what the plant calls the device.
    device: Option<String>,
    order: Option<String>,
    customer: Option<String>,
    /// The device holds it in its queue until somebody resumes it.
    hold: Option<bool>,
    /// The priority in the device's queue, 0 to 100.
    priority: Option<i64>,
    waste_reason: Option<String>,
    /// Numbers of the lots that the job takes its material from, with commas between them.
    inputs: Option<String>,
    /// The code of the material that the job makes.
    output_material: Option<String>,
    output_number: Option<String>,
    output_unit: Option<String>,
}

impl PackageQuery {
    fn form(self) -> JobRequest {
        let inputs = self.inputs.unwrap_or_default();
        JobRequest {
            number: self.number.unwrap_or_default(),
            plant: self.plant.unwrap_or_default(),
            device: self.device.unwrap_or_default(),
            order: self.order,
            customer: self.customer,
            jdf: None,
            description: None,
            hold: self.hold.unwrap_or(false),
            priority: self.priority,
            inputs: inputs
                .split(',')
                .map(str::trim)
                .filter(|number| !number.is_empty())
                .map(str::to_owned)
                .collect(),
            output: self.output_material.map(|material| OutputRequest {
                number: self.output_number,
                material,
                unit: self.output_unit,
            }),
            waste_reason: self.waste_reason,
        }
    }
}

/// Gives out the job of a package.
pub(super) async fn create(
    app: &App,
    principal: &Principal,
    query: PackageQuery,
    request: Request,
) -> Result<Response, ApiError> {
    // What can be refused is refused before gigabytes have come.
    let asked = Asked::of(&request)?;
    let form = query.form();
    check_form(&form)?;
    let Some(files) = &app.files else {
        return Err(ApiError::new(
            StatusCode::NOT_IMPLEMENTED,
            "files-not-configured",
            "this hub has no place for files: hand the ticket in as JSON",
        ));
    };
    let mut package = Package {
        app,
        files,
        tenant_id: principal.tenant_id(),
        ticket: None,
        parts: Vec::new(),
        hasher: blake3::Hasher::new(),
    };
    let read = package.read(request).await;
    let given = match read {
        Ok(()) => package.give_out(principal, form, asked).await,
        Err(error) => Err(error),
    };
    // What was kept has moved away by now.
    for (_, arrived) in &package.parts {
        files.discard(arrived).await;
    }
    given
}

struct Package<'a> {
    app: &'a App,
    files: &'a Files,
    tenant_id: TenantId,
    ticket: Option<Vec<u8>>,
    /// The files, in their order.
    parts: Vec<(PartHead, Arrived)>,
    hasher: blake3::Hasher,
}

/// The part that is being read.
enum Part {
    Document(PartHead, Vec<u8>),
    File(PartHead, Box<Arriving>),
}

impl Package<'_> {
    async fn read(&mut self, request: Request) -> Result<(), ApiError> {
        let content_type = request.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let mut splitter = Splitter::new(content_type, &PackageLimits::default());
        let mut body = request.into_body().into_data_stream();
        let mut bytes_left = PACKAGE_BYTES_MAX;
        let mut part = None;
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| {
                ApiError::bad_request("bad-body", format!("the package was cut off: {error}"))
            })?;
            bytes_left = bytes_left
                .checked_sub(chunk.len() as u64)
                .ok_or_else(|| too_large("the package"))?;
            self.hasher.update(&chunk);
            splitter.push(&chunk);
            self.take(&mut splitter, &mut part).await?;
        }
        splitter.finish();
        self.take(&mut splitter, &mut part).await
    }

    async fn take(
        &mut self,
        splitter: &mut Splitter,
        part: &mut Option<Part>,
    ) -> Result<(), ApiError> {
        loop {
            let event = splitter
                .next_event()
                .map_err(|error| ApiError::bad_request("malformed-package", chain(&error)))?;
            match event {
                None | Some(Event::End { complete: true }) => return Ok(()),
                Some(Event::Part(head)) => *part = Some(self.begin(head).await?),
                Some(Event::Body(bytes)) => match part {
                    Some(Part::Document(_, document)) => {
                        if document.len() + bytes.len() > TICKET_BYTES_MAX {
                            return Err(too_large("a document of the package"));
                        }
                        document.extend_from_slice(bytes);
                    }
                    Some(Part::File(_, file)) => {
                        file.write(bytes)
                            .await
                            .map_err(|error| not_stored(&error))?;
                    }
                    None => {}
                },
                Some(Event::PartEnd) => {
                    if let Some(part) = part.take() {
                        self.end(part).await?;
                    }
                }
                Some(Event::End { complete: false }) => {
                    return Err(ApiError::bad_request(
                        "malformed-package",
                        "the package ends before its last delimiter",
                    ));
                }
            }
        }
    }

    async fn begin(&self, head: PartHead) -> Result<Part, ApiError> {
        let is_document = [JDF_TYPE, JMF_TYPE, "text/xml", "application/xml", ""]
            .contains(&head.content_type.as_str());
        if is_document {
            return Ok(Part::Document(head, Vec::new()));
        }
        Ok(Part::File(head, Box::new(self.arriving().await?)))
    }

    async fn arriving(&self) -> Result<Arriving, ApiError> {
        let upload = RequestId::generate(self.app.clock.now(), &mut self.app.rng());
        let begun = self.files.begin(self.tenant_id, upload).await;
        begun.map_err(|error| not_stored(&error))
    }

    async fn end(&mut self, part: Part) -> Result<(), ApiError> {
        let (head, arriving) = match part {
            Part::File(head, arriving) => (head, *arriving),
            Part::Document(_, document) if self.ticket.is_none() && root(&document) == "JDF" => {
                self.ticket = Some(document);
                return Ok(());
            }
            Part::Document(_, document) if root(&document) == "JMF" => return Ok(()),
            Part::Document(head, document) => {
                let mut arriving = self.arriving().await?;
                let written = arriving.write(&document).await;
                written.map_err(|error| not_stored(&error))?;
                (head, arriving)
            }
        };
        let arrived = arriving
            .finish()
            .await
            .map_err(|error| not_stored(&error))?;
        self.parts.push((head, arrived));
        Ok(())
    }

    async fn give_out(
        &self,
        principal: &Principal,
        mut form: JobRequest,
        asked: Asked,
    ) -> Result<Response, ApiError> {
        let ticket = self.ticket.clone().ok_or_else(|| {
            ApiError::unprocessable("malformed-ticket", "the package has no JDF ticket")
        })?;
        form.jdf = Some(String::from_utf8(ticket).map_err(|_| {
            ApiError::unprocessable("malformed-ticket", "the ticket of a package must be UTF-8")
        })?);
        let now = self.app.clock.now();
        let (form, work) = checked(form, now).await?;
        let files = self.named(&work)?;
        let idempotent = asked.with_body(*self.hasher.finalize().as_bytes(), now);
        give_out(self.app, principal, form, &work, files, &idempotent).await
    }

    /// The files that the ticket names.
    fn named(&self, work: &Work) -> Result<Vec<JobFile>, ApiError> {
        let index = PartIndex::new(self.parts.iter().map(|(head, _)| PartName {
            content_id: head.content_id.as_deref(),
            file_name: head.file_name.as_deref(),
        }));
        let urls: BTreeSet<_> = work.cids.iter().map(|url| content_id(url)).collect();
        if urls.len() > FILES_MAX {
            return Err(ApiError::unprocessable(
                "too-many-files",
                format!("the ticket names {} files: at most {FILES_MAX}", urls.len()),
            ));
        }
        let mut files = Vec::new();
        let mut missing = Vec::new();
        for id in urls {
            match index.resolve(&format!("cid:{id}")) {
                Some(number) => {
                    let (head, arrived) = &self.parts[number];
                    files.push(JobFile {
                        file: ticket_file(id, head, arrived),
                        arrived: arrived.clone(),
                    });
                }
                None => missing.push(id),
            }
        }
        if missing.is_empty() {
            return Ok(files);
        }
        Err(ApiError::unprocessable(
            "missing-files",
            "the ticket names files that are not in the package",
        )
        .with("missing_files", json!(missing)))
    }
}

fn ticket_file(content_id: &str, head: &PartHead, arrived: &Arrived) -> TicketFile {
    let name = head
        .file_name
        .clone()
        .or_else(|| safe_file_name(content_id))
        .unwrap_or_else(|| format!("file-{}", head.number));
    let media_type = if head.content_type.is_empty() {
        "application/octet-stream".to_owned()
    } else {
        head.content_type.clone()
    };
    TicketFile {
        content_id: content_id.to_owned(),
        name,
        media_type,
        bytes: arrived.bytes,
        blake3: arrived.blake3,
    }
}

/// What follows `cid:` in a URL, as the ticket writes it.
pub(super) fn content_id(url: &str) -> &str {
    let url = url.trim();
    let id = match url.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("cid:") => &url[4..],
        _ => url,
    };
    id.strip_prefix("//").unwrap_or(id)
}

/// The name of a document's root; empty when it cannot be read.
fn root(document: &[u8]) -> String {
    Document::parse(document, &Limits::default())
        .map(|document| document.root().local_name().to_owned())
        .unwrap_or_default()
}

fn too_large(what: &str) -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        format!("{what} is too large"),
    )
}

/// A file that could not be stored or read.
pub(super) fn not_stored(error: &FileError) -> ApiError {
    match error {
        FileError::TooLarge => too_large("a file"),
        error => {
            tracing::error!(error = chain(error), "the file store failed");
            ApiError::unavailable(
                "file-store-unavailable",
                "the file store is away; try again",
            )
        }
    }
}
