//! The inventory API, one file per topic.

mod containers;
mod correct;
mod desk;
mod find;
mod lot;
mod material;
mod movement;
mod returns;
mod stock;
mod waste;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(super) use find::lot_find;

/// The routes of this module.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(lot::show))
        .routes(routes!(lot::forward_trace))
        .routes(routes!(lot::backward_trace))
        .routes(routes!(containers::container))
        .routes(routes!(movement::split))
        .routes(routes!(movement::merge))
        .routes(routes!(movement::hold))
        .routes(routes!(movement::release))
        .routes(routes!(returns::return_lot))
        .routes(routes!(correct::correct))
        .routes(routes!(material::list))
        .routes(routes!(material::show, material::put))
        .routes(routes!(stock::lot_genealogy))
        .routes(routes!(stock::stock_levels))
        .routes(routes!(waste::waste_analysis))
}
