//! Telemetry as agents send it: blocks in the form in which they lie on the agent's disk.

mod support;

use agog_hub::tenants::Role;
use agog_sync::clock::Clock;
use agog_sync::frame::{PROTOCOL, SeriesKey, TelemetryBlock};
use agog_sync::telemetry::batch::{self, BATCH_BYTES_MAX, Header, MEDIA_TYPE};
use agog_sync::telemetry::{BLOCK_BYTES_MAX, VERSION, encode};
use reqwest::Method;
use serde_json::json;

use support::{Agent, Answer, World};

async fn push(world: &World, token: &str, body: Vec<u8>) -> Answer {
    let request = world
        .request(Method::POST, "/sync/v1/telemetry")
        .bearer_auth(token)
        .header("content-type", MEDIA_TYPE);
    world.send(request.body(body)).await
}

fn header(agent: &Agent, first_block: u64, last_block: u64) -> Header {
    Header {
        protocol: PROTOCOL,
        producer: agent.agent_id.into(),
        epoch: 1,
        first_block,
        last_block,
    }
}

#[tokio::test]
async fn blocks_are_taken_once_and_a_dropped_one_counts() {
    let world = World::open().await;
    let tenant = world.tenant().await;
    let agent = world.agent(tenant).await;
    let token = agent.token(&world).await;
    let start = world.clock.now();
    let block = TelemetryBlock {
        series: vec![SeriesKey {
            device: "press-3".to_owned(),
            metric: "speed".to_owned(),
            unit: None,
        }],
        series_index: vec![0, 0],
        time_us: [-20, -10]
            .map(|second| start.as_microsecond() + second * 1_000_000)
            .to_vec(),
        value: vec![9_000.0, 9_000.5],
        ..TelemetryBlock::empty(1)
    };
    let body = encode(&block).unwrap();
    let written = batch::write(&header(&agent, 1, 2), &[body, Vec::new()]).unwrap();

    let first = push(&world, &token, written.clone()).await;
    let again = push(&world, &token, written).await;

    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(
        (&first.body["epoch"], &first.body["last_block"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(
        (&again.body["last_block"], &again.body["duplicate"]),
        (&json!(2), &json!(true))
    );
    let office = world.token(tenant, Role::Office).await;
    let devices = world.get(&office, "/api/v1/equipment").await;
    let id = devices.body["items"][0]["id"].as_str().unwrap();
    let path = format!("/api/v1/equipment/{id}/telemetry?metric=speed&resolution=raw");
    let told = world.get(&office, &path).await;
    assert_eq!(
        told.body["points"].as_array().unwrap().len(),
        2,
        "{}",
        told.text
    );
}

#[tokio::test]
async fn blocks_that_cannot_be_read_are_refused() {
    let world = World::open().await;
    let agent = world.agent(world.tenant().await).await;
    let token = agent.token(&world).await;
    let packed = |plain: &[u8]| {
        let mut body = vec![VERSION];
        body.extend(zstd::stream::encode_all(plain, 3).unwrap());
        body
    };
    let one = |body: Vec<u8>| batch::write(&header(&agent, 1, 1), &[body]).unwrap();
    let cut = |mut batch: Vec<u8>| {
        batch.pop();
        batch
    };
    let bad = [
        ("nothing", Vec::new(), (400, "bad-body")),
        ("no header", b"{}".to_vec(), (400, "bad-body")),
        (
            "no block",
            one(Vec::new())[..one(Vec::new()).len() - 4].to_vec(),
            (400, "malformed-batch"),
        ),
        ("half a block", cut(one(packed(&[0]))), (400, "bad-body")),
        ("no columns", one(packed(b"[")), (400, "bad-body")),
        ("another form", one(vec![VERSION + 1]), (400, "bad-body")),
        (
            "a bomb",
            one(packed(&vec![0; BLOCK_BYTES_MAX + 1])),
            (413, "body-too-large"),
        ),
        (
            "too much",
            vec![b'\n'; BATCH_BYTES_MAX + 1],
            (413, "body-too-large"),
        ),
    ];
    for (what, body, expected) in bad {
        let answer = push(&world, &token, body).await;
        assert_eq!(answer.says(), expected, "{what}: {}", answer.text);
    }
}
