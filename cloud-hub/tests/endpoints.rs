//! Every endpoint of the OpenAPI document, called with no credentials, with made-up ones, with
//! those of somebody else, and with too weak ones. A new endpoint joins by itself.

mod support;

use agog_hub::tenants::Role;
use agog_sync::ids::TenantId;
use reqwest::Method;
use serde_json::{Value, json};

use support::{Agent, Answer, World};

/// One method of one path.
struct Endpoint {
    method: Method,
    path: String,
    /// It takes no credentials.
    is_open: bool,
}

impl Endpoint {
    fn is_for_agents(&self) -> bool {
        self.path.starts_with("/sync/")
    }
}

/// The endpoints, with the parts of their paths filled in.
fn endpoints() -> Vec<Endpoint> {
    let document: Value = serde_json::from_str(&agog_hub::http::openapi::document()).unwrap();
    let mut endpoints = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else {
                continue;
            };
            if !["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str()) {
                continue;
            }
            let filled: Vec<_> = path
                .split('/')
                .map(|part| {
                    if part.starts_with('{') {
                        "00000000-0000-7000-8000-000000000000"
                    } else {
                        part
                    }
                })
                .collect();
            endpoints.push(Endpoint {
                method,
                path: filled.join("/"),
                is_open: operation["security"] == json!([{}]),
            });
        }
    }
    assert!(
        endpoints.len() >= 20,
        "the document has {} endpoints",
        endpoints.len()
    );
    endpoints
}

async fn call(world: &World, endpoint: &Endpoint, token: Option<&str>) -> Answer {
    // What each needs to get past its extractors, harmless for those that do not know it.
    let query = if endpoint.path.ends_with("/telemetry") && !endpoint.is_for_agents() {
        "metric=speed&from=2025-10-20T00:00:00Z&to=2025-10-20T01:00:00Z"
    } else {
        "after=0&epoch=1&period=2025-10"
    };
    let mut request = world
        .request(
            endpoint.method.clone(),
            &format!("{}?{query}", endpoint.path),
        )
        .header("idempotency-key", "a-key");
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if endpoint.method != Method::GET {
        request = request.json(&json!({}));
    }
    world.send(request).await
}

fn name(endpoint: &Endpoint) -> String {
    format!("{} {}", endpoint.method, endpoint.path)
}

#[tokio::test]
async fn without_credentials_nothing_is_answered() {
    let world = World::open().await;
    for endpoint in endpoints().iter().filter(|endpoint| !endpoint.is_open) {
        let answer = call(&world, endpoint, None).await;
        assert_eq!(answer.says(), (401, "token-missing"), "{}", name(endpoint));
    }
}

#[tokio::test]
async fn made_up_revoked_and_misplaced_credentials_are_refused() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let api = world.token(tenant_id, Role::Admin).await;
    let agent = world.agent(tenant_id).await.token(&world).await;
    let revoked = revoked_token(&world, tenant_id).await;
    let made_up = api.replace(&api[api.len() - 4..], "AAAA");
    for endpoint in endpoints().iter().filter(|endpoint| !endpoint.is_open) {
        let misplaced = if endpoint.is_for_agents() {
            &api
        } else {
            &agent
        };
        for token in ["x", "", &made_up, &revoked, misplaced] {
            let answer = call(&world, endpoint, Some(token)).await;
            assert_eq!(answer.status, 401, "{} with {token}", name(endpoint));
        }
    }
}

async fn revoked_token(world: &World, tenant_id: TenantId) -> String {
    use agog_hub::tenants::admin;
    use agog_sync::clock::Clock;
    let (now, mut rng) = (world.clock.now(), world.hub.app.rng());
    let owner = &world.hub.owner;
    let token = admin::token_create(owner, tenant_id, "gone", Role::Admin, now, &mut rng)
        .await
        .unwrap();
    admin::token_revoke(owner, tenant_id, token.token_id, now)
        .await
        .unwrap();
    token.token
}

#[tokio::test]
async fn who_only_reads_cannot_write() {
    let world = World::open().await;
    let viewer = world.token(world.tenant().await, Role::Viewer).await;
    let writes = endpoints();
    let writes = writes
        .iter()
        .filter(|endpoint| !endpoint.is_open && !endpoint.is_for_agents())
        .filter(|endpoint| endpoint.method != Method::GET);
    for endpoint in writes {
        let answer = call(&world, endpoint, Some(&viewer)).await;
        assert_eq!(
            answer.says(),
            (403, "role-too-weak"),
            "{}: {}",
            name(endpoint),
            answer.text
        );
    }
}

#[tokio::test]
async fn valid_credentials_are_never_answered_with_a_fault_of_the_hub() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let api = world.token(tenant_id, Role::Admin).await;
    let agent = world.agent(tenant_id).await.token(&world).await;
    for endpoint in &endpoints() {
        let token = if endpoint.is_for_agents() {
            &agent
        } else {
            &api
        };
        let answer = call(&world, endpoint, Some(token)).await;
        assert!(
            answer.status != 401 && answer.status < 500,
            "{}: {}",
            name(endpoint),
            answer.text
        );
        let is_problem = answer.content_type == "application/problem+json";
        assert_eq!(
            is_problem,
            answer.status >= 400,
            "{}: {}",
            name(endpoint),
            answer.text
        );
    }
}

/// A tenant whose lot, device, material and job are known by name.
async fn busy_tenant(world: &World) -> (Agent, String) {
    let tenant_id = world.tenant().await;
    let mut agent = world.agent(tenant_id).await;
    let token = agent.token(world).await;
    let batch = agent.batch(
        world,
        &[
            support::received("SECRET-1"),
            support::state("press-secret", "Idle"),
        ],
    );
    let answer = world.push(&token, "/sync/v1/ledger", &batch).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let office = world.token(tenant_id, Role::Admin).await;
    (agent, office)
}

#[tokio::test]
async fn another_tenant_finds_nothing_under_names_ids_and_lists() {
    let world = World::open().await;
    let (_, owner) = busy_tenant(&world).await;
    let stranger = world.token(world.tenant().await, Role::Admin).await;
    let known = world.get(&owner, "/api/v1/inventory/lot/SECRET-1").await;
    assert_eq!(known.status, 200, "{}", known.text);
    let lot_id = known.body["lot_id"].as_str().unwrap();
    let devices = world.get(&owner, "/api/v1/equipment").await;
    let device_id = devices.body["items"][0]["id"]
        .as_str()
        .unwrap_or("press-secret")
        .to_owned();

    // Everything that the owner's lists show, and everything that has a name or an id.
    for endpoint in endpoints()
        .iter()
        .filter(|endpoint| !endpoint.is_open && !endpoint.is_for_agents())
    {
        for id in [
            "SECRET-1",
            "BOARD-SECRET",
            "press-secret",
            lot_id,
            device_id.as_str(),
        ] {
            let path = endpoint
                .path
                .replace("00000000-0000-7000-8000-000000000000", id);
            let endpoint = Endpoint {
                method: endpoint.method.clone(),
                path,
                is_open: false,
            };
            let answer = call(&world, &endpoint, Some(&stranger)).await;
            assert!(
                !answer.text.contains("press-secret") || answer.status == 404,
                "{}: {}",
                name(&endpoint),
                answer.text
            );
            assert!(
                !answer.text.contains("Secret Paper"),
                "{}: {}",
                name(&endpoint),
                answer.text
            );
            if endpoint.path.contains(id) && endpoint.method == Method::GET {
                assert_eq!(answer.status, 404, "{}: {}", name(&endpoint), answer.text);
            } else if answer.status == 200 {
                let items = &answer.body["items"];
                assert!(
                    items.is_null() || *items == json!([]),
                    "{}: {}",
                    name(&endpoint),
                    answer.text
                );
            }
        }
    }
}

#[test]
fn the_committed_document_is_that_of_the_handlers() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        committed == agog_hub::http::openapi::document(),
        "openapi.json is out of date: run `cargo run -p agog-hub -- openapi > cloud-hub/openapi.json`"
    );
}
