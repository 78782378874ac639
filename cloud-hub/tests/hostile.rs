//! Bodies, headers and queries that no honest client sends. Each gets a problem, none gets a 500.

mod support;

use agog_hub::tenants::Role;
use agog_sync::frame::BODY_BYTES_MAX;
use reqwest::Method;
use serde_json::json;

use support::{Answer, World, states};

/// What every refusal looks like.
fn check(what: &str, answer: &Answer, expected: (u16, &str)) {
    assert_eq!(answer.says(), expected, "{what}: {}", answer.text);
    assert_eq!(answer.content_type, "application/problem+json", "{what}");
    assert_eq!(answer.body["status"], expected.0, "{what}");
    assert_eq!(
        answer.body["type"],
        format!("urn:agog:problem:{}", expected.1),
        "{what}"
    );
    for member in ["title", "detail", "request_id"] {
        assert!(
            answer.body[member].is_string(),
            "{what}: {member} in {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn bodies_of_agents_that_cannot_be_read_are_refused() {
    let world = World::open().await;
    let mut agent = world.agent(world.tenant().await).await;
    let token = agent.token(&world).await;
    let zip = |bytes: &[u8]| zstd::stream::encode_all(bytes, 3).unwrap();
    let good = serde_json::to_vec(&agent.batch(&world, &states(1))).unwrap();
    let mut cut = zip(&good);
    cut.truncate(cut.len() / 2);
    let deep = zip(&b"[".repeat(100_000));
    let bad = [
        ("nothing", Vec::new(), (400, "bad-body")),
        ("no zstd", good.clone(), (400, "bad-body")),
        ("half of it", cut, (400, "bad-body")),
        ("no JSON", zip(b"\xff\xfe"), (400, "bad-body")),
        ("other JSON", zip(b"{}"), (400, "bad-body")),
        ("deep JSON", deep, (400, "bad-body")),
        (
            "a bomb",
            zip(&vec![b' '; 200 * 1024 * 1024]),
            (413, "body-too-large"),
        ),
        (
            "too much",
            vec![7; BODY_BYTES_MAX + 1],
            (413, "body-too-large"),
        ),
    ];
    for (what, body, expected) in bad {
        for path in ["/sync/v1/ledger", "/sync/v1/telemetry"] {
            check(
                what,
                &world.push_bytes(&token, path, body.clone()).await,
                expected,
            );
        }
    }
    let plain = world
        .request(Method::POST, "/sync/v1/ledger")
        .bearer_auth(&token)
        .body(good);
    check(
        "no encoding",
        &world.send(plain).await,
        (415, "unsupported-media-type"),
    );
}

#[tokio::test]
async fn bodies_of_users_that_cannot_be_read_are_refused() {
    let world = World::open().await;
    let token = world.token(world.tenant().await, Role::Office).await;
    let post = |body: Vec<u8>| {
        let request = world
            .request(Method::POST, "/api/v1/jobs")
            .bearer_auth(&token);
        request
            .header("content-type", "application/json")
            .header("idempotency-key", "k")
            .body(body)
    };
    let bad = [
        ("nothing", Vec::new(), (400, "malformed-json")),
        (
            "half of it",
            br#"{"number":"#.to_vec(),
            (400, "malformed-json"),
        ),
        (
            "more of it",
            br#"{"number":"1","plant":"HAM","device":"p","jdf":""}}"#.to_vec(),
            (400, "malformed-json"),
        ),
        ("no UTF-8", b"\xff".to_vec(), (400, "malformed-json")),
        ("deep JSON", b"[".repeat(100_000), (422, "invalid-body")),
        (
            "another type",
            br#"{"number":7}"#.to_vec(),
            (422, "invalid-body"),
        ),
        (
            "a misspelt field, which would begin the job at once",
            br#"{"number":"1","plant":"HAM","device":"p","jdf":"<JDF/>","hodl":true}"#.to_vec(),
            (422, "invalid-body"),
        ),
        (
            "too much",
            vec![b' '; 20 * 1024 * 1024],
            (413, "body-too-large"),
        ),
    ];
    for (what, body, expected) in bad {
        let answer = world.send(post(body)).await;
        assert_eq!(answer.status, expected.0, "{what}: {}", answer.text);
        assert_eq!(answer.body["code"], expected.1, "{what}: {}", answer.text);
    }
    let wrong = world.send(post(br#"{"number":7}"#.to_vec())).await;
    assert_eq!(
        wrong.body["errors"][0]["pointer"], "/number",
        "{}",
        wrong.text
    );

    let json = json!({}).to_string();
    let request = || {
        world
            .request(Method::POST, "/api/v1/jobs")
            .bearer_auth(&token)
    };
    let no_key = request()
        .header("content-type", "application/json")
        .body(json.clone());
    check(
        "no key",
        &world.send(no_key).await,
        (400, "idempotency-key-missing"),
    );
    let long_key = request().header("content-type", "application/json");
    let long_key = long_key
        .header("idempotency-key", "k".repeat(256))
        .body(json.clone());
    check(
        "a long key",
        &world.send(long_key).await,
        (400, "bad-idempotency-key"),
    );
    let xml = request()
        .header("content-type", "text/xml")
        .header("idempotency-key", "k")
        .body(json);
    check(
        "no JSON",
        &world.send(xml).await,
        (415, "unsupported-media-type"),
    );
}

#[tokio::test]
async fn queries_and_paths_that_make_no_sense_are_refused() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let user = world.token(tenant_id, Role::Viewer).await;
    let agent = world.agent(tenant_id).await.token(&world).await;
    let huge = u64::MAX;
    let requests = [
        (&agent, "/sync/v1/feed".to_owned(), 400),
        (&agent, "/sync/v1/feed?after=-1".to_owned(), 400),
        (&agent, format!("/sync/v1/feed?after={huge}"), 400),
        (&agent, format!("/sync/v1/ledger?epoch=1&after={huge}"), 400),
        (&agent, format!("/sync/v1/ledger?epoch={huge}&after=0"), 400),
        (
            &user,
            "/api/v1/inventory/stock-levels?limit=x".to_owned(),
            400,
        ),
        (
            &user,
            "/api/v1/inventory/stock-levels?limit=-1".to_owned(),
            400,
        ),
        (
            &user,
            "/api/v1/inventory/stock-levels?cursor=%00".to_owned(),
            400,
        ),
        (&user, "/api/v1/inventory/lot/%FF".to_owned(), 400),
        (&user, "/api/v1/inventory/lot/%00".to_owned(), 400),
        (&user, "/api/v1/jobs/7".to_owned(), 404),
        (&user, "/api/v1/nothing".to_owned(), 404),
    ];
    for (token, path, status) in requests {
        let answer = world.get(token, &path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        assert_eq!(answer.content_type, "application/problem+json", "{path}");
    }
}

#[tokio::test]
async fn a_path_that_does_not_take_a_method_says_so() {
    let world = World::open().await;
    let answer = world
        .send(world.request(Method::PUT, "/sync/v1/ledger"))
        .await;
    check("PUT", &answer, (405, "method-not-allowed"));
    let answer = world.send(world.request(Method::GET, "/favicon.ico")).await;
    check("an unknown path", &answer, (404, "not-found"));
}

#[tokio::test]
async fn ids_of_requests_and_traces_come_back_and_those_that_are_none_do_not() {
    let world = World::open().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = || world.request(Method::GET, "/healthz");
    let good = request()
        .header("x-request-id", "abc-1")
        .header("traceparent", trace);
    let good = good.send().await.unwrap();
    let bad = request()
        .header("x-request-id", "a b")
        .header("traceparent", "00-x-y-z");
    let bad = bad.send().await.unwrap();

    assert_eq!(good.headers()["x-request-id"], "abc-1");
    assert_eq!(good.headers()["traceparent"], trace);
    assert_eq!(bad.headers()["x-request-id"].len(), 36, "one was made here");
    assert!(!bad.headers().contains_key("traceparent"));
}

#[tokio::test]
async fn long_answers_are_compressed_for_those_who_take_it() {
    let world = World::open().await;
    let request = world
        .request(Method::GET, "/openapi.json")
        .header("accept-encoding", "gzip");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    assert_eq!(answer.bytes().await.unwrap()[..2], [0x1f, 0x8b]);
}
