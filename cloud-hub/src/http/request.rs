//! The id of a request: taken from the caller or made here, shown in the answer, in problems and
//! in every log line of the request.

tokio::task_local! {
    /// Set around the handling of each request, so that errors can name it wherever they arise.
    pub(super) static REQUEST_ID: String;
}

/// The id of the request that is being handled.
pub fn current_request_id() -> Option<String> {
    REQUEST_ID.try_with(Clone::clone).ok()
}
