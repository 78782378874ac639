//! The OpenAPI 3.1 document, generated from the handlers, and the router that serves them.

use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// What the document says beyond the handlers.
#[derive(OpenApi)]
#[openapi(
    info(title = "AGOG hub", description = "Lots, machines and jobs of every plant of a company."),
    security(("bearer" = [])),
    modifiers(&Security),
)]
struct Document;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some(
                    "A token of `agog-hub token create`, or an agent's access token.",
                ))
                .build(),
        );
        openapi
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", scheme);
    }
}

/// Every endpoint that the document describes.
pub fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(crate::tenants::router())
        .merge(crate::intake::router())
        .merge(crate::inventory::router())
        .merge(crate::masterdata::router())
        .merge(crate::equipment::router())
        .merge(crate::exchange::router())
        .merge(crate::documents::router())
}

/// The document, as committed in `openapi.json`.
///
/// # Panics
///
/// Never: the document is plain data.
pub fn document() -> String {
    let openapi = api().into_openapi();
    let mut text = openapi
        .to_pretty_json()
        .expect("the document is plain data");
    text.push('\n');
    text
}
