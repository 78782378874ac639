//! The local API: what it refuses, and in which form.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use agog_edge::api::problem::Problem;
use reqwest::header::{CONTENT_TYPE, HOST, ORIGIN};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::Program;

struct Api {
    program: Program,
    url: String,
    http: Client,
}

impl Api {
    fn start() -> Self {
        let mut program = Program::init();
        let url = program.start().api_url;
        Self {
            program,
            url,
            http: Client::builder().no_proxy().build().unwrap(),
        }
    }

    fn post(&self, command: &str, body: &Value) -> RequestBuilder {
        self.http
            .post(format!("{}/api/v1/lots/{command}", self.url))
            .json(body)
    }

    async fn get(&self, path: &str) -> Response {
        self.http
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap()
    }
}

async fn refused(request: RequestBuilder, status: u16, code: &str) -> Problem {
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json");
    assert_eq!(answer.status(), status, "{code}");
    let problem: Problem = answer.json().await.unwrap();
    assert_eq!(problem.code, code, "{problem:?}");
    problem
}

fn received(number: &str) -> Value {
    json!({"number": number, "material": "BOARD-300", "quantity": {"amount": "100", "unit": "sheet"}})
}

#[tokio::test]
async fn bad_requests_are_problems_with_a_code_and_a_request_id() {
    let api = Api::start();
    let mut unknown_key = received("L1");
    unknown_key["colour"] = json!("red");
    let problem = refused(api.post("receive", &unknown_key), 400, "malformed-request").await;
    assert!(
        problem.detail.contains("unknown field `colour`"),
        "{problem:?}"
    );
    assert!(problem.request_id.is_some());
    refused(
        api.post("teleport", &received("L1")),
        404,
        "unknown-command",
    )
    .await;
    refused(
        api.http
            .post(format!("{}/api/v1/lots/receive", api.url))
            .body("{}"),
        415,
        "not-json",
    )
    .await;
    refused(
        api.http.get(format!("{}/api/v1/lots/L9", api.url)),
        404,
        "unknown-lot",
    )
    .await;
    refused(
        api.http.get(format!("{}/nowhere", api.url)),
        404,
        "no-such-path",
    )
    .await;
    refused(
        api.http.delete(format!("{}/api/v1/lots", api.url)),
        405,
        "method-not-allowed",
    )
    .await;
    refused(
        api.http.get(format!("{}/api/v1/lots?colour=red", api.url)),
        400,
        "malformed-request",
    )
    .await;
    let trend = |query: &str| {
        api.http
            .get(format!("{}/api/v1/telemetry/trend?{query}", api.url))
    };
    refused(trend("device=press-3"), 400, "malformed-request").await;
    refused(
        trend("device=press-3&metric=speed&points=301"),
        400,
        "malformed-request",
    )
    .await;
    refused(trend("device=press-3&metric=speed"), 404, "no-such-series").await;
    let long_key = api
        .post("receive", &received("L1"))
        .header("idempotency-key", "k".repeat(256));
    refused(long_key, 400, "malformed-request").await;
    let draw = json!({"lot": "L9", "quantity": {"amount": "1"}});
    refused(api.post("consume", &draw), 422, "unknown-lot").await;
    let float = json!({"material": "BOARD-300", "quantity": {"amount": 1.5}});
    refused(api.post("receive", &float), 400, "malformed-request").await;
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_before_it_is_read() {
    let api = Api::start();
    let address = api.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    // Only announced: a client that is still sending may see the connection end first.
    write!(
        stream,
        "POST /api/v1/lots/receive HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: 2000000\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains(r#""code":"body-too-large""#), "{answer}");
}

#[tokio::test]
async fn what_a_web_page_could_send_is_refused() {
    let api = Api::start();
    let rebound = api
        .post("receive", &received("L1"))
        .header(HOST, "evil.example:80");
    refused(rebound, 403, "host-refused").await;
    let foreign = api
        .post("receive", &received("L1"))
        .header(ORIGIN, "https://evil.example");
    refused(foreign, 403, "origin-refused").await;
    let sandboxed = api.post("receive", &received("L1")).header(ORIGIN, "null");
    refused(sandboxed, 403, "origin-refused").await;
    let own = api
        .post("receive", &received("L1"))
        .header(ORIGIN, api.url.clone());
    assert_eq!(own.send().await.unwrap().status(), 201);
}

#[tokio::test]
async fn a_repeated_key_is_answered_alike_and_a_reused_one_refused() {
    let api = Api::start();
    let send = |body: Value| api.post("receive", &body).header("idempotency-key", "k1");
    let first = send(received("L1")).send().await.unwrap();
    assert_eq!(
        (
            first.status().as_u16(),
            &first.headers()["idempotency-replayed"]
        ),
        (201, &"false".parse().unwrap())
    );
    let first: Value = first.json().await.unwrap();
    let again = send(received("L1")).send().await.unwrap();
    assert_eq!(
        (
            again.status().as_u16(),
            &again.headers()["idempotency-replayed"]
        ),
        (200, &"true".parse().unwrap())
    );
    let again: Value = again.json().await.unwrap();
    assert_eq!(first["events"], again["events"]);
    refused(send(received("L2")), 422, "idempotency-key-reused").await;
}

#[tokio::test]
async fn health_metrics_head_and_trace_answer() {
    let api = Api::start();
    assert_eq!(
        api.post("receive", &received("L1"))
            .send()
            .await
            .unwrap()
            .status(),
        201
    );
    let split = json!({"lot": "L1", "into": [{"quantity": {"amount": "40"}}]});
    assert_eq!(
        api.post("split", &split).send().await.unwrap().status(),
        201
    );
    assert_eq!(api.get("/healthz").await.status(), 200);
    let metrics = api.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("agog_outbox_depth 2"), "{metrics}");
    let head: Value = api.get("/api/v1/ledger/head").await.json().await.unwrap();
    assert_eq!(head["head"]["last_seq"], 2);
    let verified: Value = api.get("/api/v1/ledger/verify").await.json().await.unwrap();
    assert_eq!(verified["problem_count"], 0);
    let trace: Value = api
        .get("/api/v1/lots/L1-1/trace?direction=backward&mode=exposure")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(trace["lots"][1]["lot"]["number"], "L1");
    let sums: Value = api
        .get("/api/v1/materials/sums")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(sums[0]["on_hand"], "100");
    drop(api.program);
}
