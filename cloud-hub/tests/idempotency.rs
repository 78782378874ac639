//! Requests that carry an `Idempotency-Key` have one effect, however often they come.

mod support;

use agog_hub::tenants::Role;
use jiff::SignedDuration;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use support::{World, received};

/// A tenant that has one lot, and a request that holds it.
struct Desk {
    world: World,
    token: String,
}

impl Desk {
    async fn open() -> Self {
        let world = World::open().await;
        let tenant_id = world.tenant().await;
        let mut agent = world.agent(tenant_id).await;
        let batch = agent.batch(&world, &[received("LOT-1"), received("LOT-2")]);
        world
            .push(&agent.token(&world).await, "/sync/v1/ledger", &batch)
            .await;
        let token = world.token(tenant_id, Role::Office).await;
        Self { world, token }
    }

    fn hold(&self, lot: &str, key: &str, reason: &str) -> RequestBuilder {
        let path = format!("/api/v1/inventory/lot/{lot}/hold");
        let request = self
            .world
            .request(Method::POST, &path)
            .bearer_auth(&self.token);
        request
            .header("idempotency-key", key)
            .json(&json!({"reason": reason}))
    }

    async fn holds(&self, lot: &str) -> usize {
        let answer = self
            .world
            .get(&self.token, &format!("/api/v1/inventory/lot/{lot}"))
            .await;
        answer.body["holds"].as_array().map_or(0, Vec::len)
    }
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_has_no_second_effect() {
    let desk = Desk::open().await;

    let first = desk.world.send(desk.hold("LOT-1", "a", "recall")).await;
    let again = desk.hold("LOT-1", "a", "recall").send().await.unwrap();

    assert_eq!(first.status, 201, "{}", first.text);
    assert_eq!(
        (
            again.status().as_u16(),
            &again.headers()["idempotency-replayed"]
        ),
        (201, &"true".parse().unwrap())
    );
    assert_eq!(again.json::<Value>().await.unwrap(), first.body);
    assert_eq!(desk.holds("LOT-1").await, 1);
}

#[tokio::test]
async fn requests_with_one_key_that_meet_have_one_effect() {
    let desk = Desk::open().await;

    let requests = (0..6).map(|_| desk.world.send(desk.hold("LOT-1", "a", "recall")));
    let answers = futures_util::future::join_all(requests).await;

    for answer in &answers {
        assert_eq!(
            (answer.status, &answer.body),
            (201, &answers[0].body),
            "{}",
            answer.text
        );
    }
    assert_eq!(desk.holds("LOT-1").await, 1);
}

#[tokio::test]
async fn a_key_that_was_used_for_another_request_is_refused() {
    let desk = Desk::open().await;
    desk.world.send(desk.hold("LOT-1", "a", "recall")).await;

    let other_body = desk.world.send(desk.hold("LOT-1", "a", "mould")).await;
    let other_path = desk.world.send(desk.hold("LOT-2", "a", "recall")).await;

    assert_eq!(other_body.says(), (422, "idempotency-key-reused"));
    assert_eq!(other_path.says(), (422, "idempotency-key-reused"));
    assert_eq!(desk.holds("LOT-2").await, 0);
}

#[tokio::test]
async fn a_request_that_failed_may_be_repeated_and_a_key_of_another_tenant_is_another_key() {
    let desk = Desk::open().await;
    let failed = desk.world.send(desk.hold("LOT-9", "a", "recall")).await;
    assert_eq!(failed.status, 404, "{}", failed.text);
    assert_eq!(
        desk.world
            .send(desk.hold("LOT-1", "a", "recall"))
            .await
            .status,
        201
    );

    let other = Desk::open().await;
    assert_eq!(
        other
            .world
            .send(other.hold("LOT-1", "a", "recall"))
            .await
            .status,
        201
    );
    assert_eq!(other.holds("LOT-1").await, 1);
}

#[tokio::test]
async fn an_answer_is_kept_for_three_days() {
    let desk = Desk::open().await;
    desk.world.send(desk.hold("LOT-1", "a", "recall")).await;

    desk.world.clock.advance(SignedDuration::from_hours(71));
    desk.world.send(desk.hold("LOT-1", "a", "recall")).await;
    assert_eq!(desk.holds("LOT-1").await, 1);
    desk.world.clock.advance(SignedDuration::from_hours(2));
    let late = desk.world.send(desk.hold("LOT-1", "a", "recall")).await;
    assert_eq!(late.status, 201, "{}", late.text);
    assert_eq!(desk.holds("LOT-1").await, 2);
}
