//! What all endpoints share: problems, pages, idempotency, the OpenAPI document.

pub mod error;
pub mod idempotency;
pub mod openapi;
pub mod page;
pub mod request;

pub use error::ApiError;
pub use idempotency::{Idempotent, IdempotentJson};
pub use page::{Page, PageQuery};
