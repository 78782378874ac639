//! The jobs API, one file per topic.

mod command;
mod create;
mod file;
mod job;
mod lots;
mod order;
mod run;
mod upload;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

/// The routes of this module.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(job::list, create::create))
        .routes(routes!(job::show))
        .routes(routes!(job::ticket))
        .routes(routes!(command::hold))
        .routes(routes!(command::resume))
        .routes(routes!(command::suspend))
        .routes(routes!(command::abort))
        .routes(routes!(command::remove))
        .routes(routes!(command::priority))
        .routes(routes!(command::position))
        .routes(routes!(order::list))
        .routes(routes!(order::start))
        .routes(routes!(order::complete))
        .routes(routes!(run::list))
        .routes(routes!(file::fetch))
        .layer(DefaultBodyLimit::max(create::BODY_BYTES_MAX))
}
