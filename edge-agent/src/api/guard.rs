//! Keeps web pages out. A page that a person opens can send requests to loopback (with its own
//! `Origin`) or point a name of its own at 127.0.0.1 (then `Host` is that name). While there is
//! no sign-in, both are refused.

use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// Refuses requests that are not addressed to loopback, or that come from another origin.
pub async fn loopback_only(request: Request, next: Next) -> Response {
    let addressed = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .and_then(|host| host.parse::<Authority>().ok())
        .or_else(|| request.uri().authority().cloned());
    if !addressed
        .as_ref()
        .is_some_and(|authority| is_loopback(authority.host()))
    {
        return Problem::new(
            StatusCode::FORBIDDEN,
            "host-refused",
            "the local API answers only requests addressed to loopback, for example 127.0.0.1",
        )
        .into_response();
    }
    let foreign = request.headers().get(ORIGIN).is_some_and(|origin| {
        origin
            .to_str()
            .ok()
            .and_then(|origin| origin.parse::<Uri>().ok())
            .and_then(|origin| origin.into_parts().authority)
            .is_none_or(|authority| Some(authority) != addressed)
    });
    if foreign {
        return Problem::new(
            StatusCode::FORBIDDEN,
            "origin-refused",
            "the local API does not answer web pages of other origins",
        )
        .into_response();
    }
    next.run(request).await
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_and_addresses_pass() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "",
            "0.0.0.0",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
