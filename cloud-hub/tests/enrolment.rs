//! How agents join and prove who they are, and everything that must not work.

mod support;

use agog_hub::tenants::admin;
use agog_sync::clock::Clock;
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;

use support::{Agent, World};

#[tokio::test]
async fn an_agent_joins_with_its_code_and_gets_a_token_with_its_key() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let agent = Agent::new(&world, tenant_id);
    let code = world.code(tenant_id, "HAM").await;

    let answer = world.enrol(&agent.request(&code)).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["tenant_id"], json!(tenant_id));
    assert_eq!(answer.body["plant_code"], "HAM");
    assert_eq!(answer.body["agent_id"], json!(agent.agent_id));
    let token = agent.token(&world).await;
    let state = world.get(&token, "/sync/v1/state").await;
    assert_eq!(state.status, 200, "{}", state.text);
    assert_eq!(state.body["ledger"]["last_seq"], 0);
}

#[tokio::test]
async fn a_code_works_once_for_one_agent_which_may_repeat_its_request() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let (agent, thief) = (Agent::new(&world, tenant_id), Agent::new(&world, tenant_id));
    let code = world.code(tenant_id, "HAM").await;
    let first = world.enrol(&agent.request(&code)).await;

    let repeated = world.enrol(&agent.request(&code)).await;
    let stolen = world.enrol(&thief.request(&code)).await;
    let other_key = Agent {
        agent_id: agent.agent_id,
        ..thief
    };
    let replaced = world.enrol(&other_key.request(&code)).await;

    assert_eq!((repeated.status, &repeated.body), (200, &first.body));
    assert_eq!(stolen.says(), (401, "code-unknown"));
    assert_eq!(replaced.says(), (401, "code-unknown"));
}

#[tokio::test]
async fn a_second_code_does_not_take_over_an_agent_that_is_there() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let agent = world.agent(tenant_id).await;
    let attacker = Agent {
        agent_id: agent.agent_id,
        ..Agent::new(&world, tenant_id)
    };
    let code = world.code(tenant_id, "HAM").await;

    let answer = world.enrol(&attacker.request(&code)).await;

    assert_eq!(answer.says(), (409, "agent-known"));
    agent.token(&world).await;
}

#[tokio::test]
async fn a_plant_has_one_agent_until_that_is_revoked() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let agents = [0; 3].map(|_| Agent::new(&world, tenant_id));
    let codes = [
        world.code(tenant_id, "HAM").await,
        world.code(tenant_id, "HAM").await,
    ];
    let (one, two) = (agents[0].request(&codes[0]), agents[1].request(&codes[1]));

    // Both at once, by codes of their own.
    let (one, two) = tokio::join!(world.enrol(&one), world.enrol(&two));
    let joined = usize::from(two.status == 200);
    let refused = if joined == 0 { &two } else { &one };
    assert_eq!([one.status, two.status][joined], 200);
    assert_eq!(refused.says(), (409, "plant-has-agent"));

    // The code of the one that was refused is still good.
    let owner = &world.hub.owner;
    admin::agent_revoke(owner, tenant_id, agents[joined].agent_id, world.clock.now())
        .await
        .unwrap();
    let next = world.enrol(&agents[2].request(&codes[1 - joined])).await;
    assert_eq!(next.status, 200, "{}", next.text);
}

#[tokio::test]
async fn old_foreign_and_made_up_codes_are_refused_alike() {
    let world = World::open().await;
    let (tenant_id, other) = (world.tenant().await, world.tenant().await);
    let agent = Agent::new(&world, tenant_id);
    let expired = world.code(tenant_id, "HAM").await;
    let foreign = world.code(other, "HAM").await;
    // The secret of one tenant under the id of another.
    let crossed = foreign.replace(
        &other.uuid().simple().to_string(),
        &tenant_id.uuid().simple().to_string(),
    );
    let api_token = world.token(tenant_id, agog_hub::tenants::Role::Admin).await;
    world.clock.advance(admin::CODE_LIFETIME);

    for code in [
        &expired,
        &crossed,
        &api_token,
        "",
        "agogcode_x_y",
        "agogcode_\0_",
    ] {
        let answer = world.enrol(&agent.request(code)).await;
        assert_eq!(answer.says(), (401, "code-unknown"), "{code}");
    }
}

#[tokio::test]
async fn keys_and_names_that_are_none_are_refused() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let agent = Agent::new(&world, tenant_id);
    let code = world.code(tenant_id, "HAM").await;
    let mut short = agent.request(&code);
    short.public_key = "AAAA".to_owned();
    let mut long = agent.request(&code);
    long.agent_name = "x".repeat(201);
    let mut zero = agent.request(&code);
    zero.agent_version = "1\0".to_owned();

    assert_eq!(world.enrol(&short).await.says(), (422, "bad-key"));
    assert_eq!(world.enrol(&long).await.says(), (422, "bad-name"));
    assert_eq!(world.enrol(&zero).await.says(), (422, "bad-name"));
    // None of them has used the code.
    assert_eq!(world.enrol(&agent.request(&code)).await.status, 200);
}

#[tokio::test]
async fn an_assertion_works_once() {
    let world = World::open().await;
    let agent = world.agent(world.tenant().await).await;
    let assertion = agent.sign(&agent.claims(&world));

    assert_eq!(world.exchange(&assertion).await.status, 200);
    let again = world.exchange(&assertion).await;

    assert_eq!(again.says(), (401, "assertion-refused"));
    assert_eq!(again.body["error"], "invalid_client");
    // Also when it is presented as late as it is believed, with the clock skew that is granted.
    world.clock.advance(SignedDuration::from_secs(119));
    assert_eq!(
        world.exchange(&assertion).await.says(),
        (401, "assertion-refused")
    );
}

#[tokio::test]
async fn forged_assertions_are_refused() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let agent = world.agent(tenant_id).await;
    world.plant(tenant_id, "BER").await;
    let other = world.agent_at(tenant_id, "BER").await;
    let stranger = Agent::new(&world, tenant_id);
    let good = agent.claims(&world);
    let with = |key: &str, value: serde_json::Value| {
        let mut claims = good.clone();
        claims[key] = value;
        agent.sign(&claims)
    };
    let without = |key: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(key);
        agent.sign(&claims)
    };
    let now = world.clock.now().as_second();
    let hmac = |secret: &[u8]| {
        let key = EncodingKey::from_secret(secret);
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &good, &key).unwrap()
    };
    let signed = agent.sign(&good);
    let [_, claims, signature] = signed.split('.').collect::<Vec<_>>()[..] else {
        unreachable!()
    };
    // {"typ":"JWT","alg":"none"}
    let unsigned = format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.{claims}.");
    let header_swapped = format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.{claims}.{signature}");

    let forged = [
        ("another agent's key", other.sign(&good)),
        ("nobody's key", stranger.sign(&good)),
        (
            "an agent that never joined",
            stranger.sign(&stranger.claims(&world)),
        ),
        ("the public key as a shared secret", hmac(&agent.public_key)),
        ("the hub's secret", hmac(&[7; 32])),
        ("no algorithm", unsigned),
        ("no algorithm with a signature", header_swapped),
        (
            "another audience",
            with("aud", json!("http://evil.test/oauth/token")),
        ),
        ("another issuer", with("iss", json!(other.subject()))),
        ("another subject", with("sub", json!(other.subject()))),
        ("expired", with("exp", json!(now - 61))),
        ("from the future", with("iat", json!(now + 61))),
        ("good for an hour", with("exp", json!(now + 3600))),
        (
            "an expiry as text",
            with("exp", json!((now + 60).to_string())),
        ),
        ("an endless expiry", with("exp", json!(i64::MAX))),
        ("ages ago", with("iat", json!(i64::MIN))),
        ("an empty id", with("jti", json!(""))),
        ("a huge id", with("jti", json!("x".repeat(200)))),
        ("no id", without("jti")),
        ("no expiry", without("exp")),
        ("no audience", without("aud")),
        ("no issuer", without("iss")),
        ("garbage", "a.b.c".to_owned()),
        ("nothing", String::new()),
    ];
    for (what, assertion) in forged {
        let answer = world.exchange(&assertion).await;
        assert_eq!(
            answer.says(),
            (401, "assertion-refused"),
            "{what}: {}",
            answer.text
        );
    }
    assert_eq!(
        world.exchange(&signed).await.status,
        200,
        "the good one still works"
    );
}

#[tokio::test]
async fn other_grants_and_other_forms_are_refused() {
    let world = World::open().await;
    let request = || world.request(reqwest::Method::POST, "/oauth/token");
    let form = "application/x-www-form-urlencoded";
    let password = "grant_type=password&client_assertion_type=x&client_assertion=y";

    let other = world
        .send(request().header("content-type", form).body(password))
        .await;
    let empty = world
        .send(request().header("content-type", form).body(""))
        .await;
    let json = world.send(request().json(&json!({}))).await;

    assert_eq!(other.says(), (400, "unsupported-grant"));
    assert_eq!(empty.says(), (422, "invalid-body"));
    assert_eq!(json.says(), (415, "unsupported-media-type"));
}

#[tokio::test]
async fn an_access_token_lives_a_quarter_of_an_hour() {
    let world = World::open().await;
    let agent = world.agent(world.tenant().await).await;
    let token = agent.token(&world).await;

    world.clock.advance(SignedDuration::from_secs(15 * 60 - 1));
    assert_eq!(world.get(&token, "/sync/v1/state").await.status, 200);
    world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(
        world.get(&token, "/sync/v1/state").await.says(),
        (401, "token-unknown")
    );
}

#[tokio::test]
async fn forged_access_tokens_are_refused() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let agent = world.agent(tenant_id).await;
    let exp = (world.clock.now() + SignedDuration::from_mins(10)).as_second();
    let good = json!({"iss": "agog-hub", "aud": "agog-hub/sync", "sub": agent.subject(), "iat": 0, "exp": exp});
    let sign = |claims: &serde_json::Value, algorithm: Algorithm, secret: &[u8]| {
        let key = EncodingKey::from_secret(secret);
        jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
    };
    let with = |key: &str, value: serde_json::Value| {
        let mut claims = good.clone();
        claims[key] = value;
        sign(&claims, Algorithm::HS256, &[7; 32])
    };
    let control = sign(&good, Algorithm::HS256, &[7; 32]);
    assert_eq!(world.get(&control, "/sync/v1/state").await.status, 200);

    let forged = [
        ("another secret", sign(&good, Algorithm::HS256, &[8; 32])),
        ("another algorithm", sign(&good, Algorithm::HS512, &[7; 32])),
        ("another issuer", with("iss", json!("evil"))),
        ("another audience", with("aud", json!("agog-hub/api"))),
        ("expiry as text", with("exp", json!(exp.to_string()))),
        (
            "an agent of nobody",
            with("sub", json!(format!("{tenant_id}.{tenant_id}"))),
        ),
        (
            "the agent under another tenant",
            with("sub", json!(format!("{0}.{0}", agent.agent_id))),
        ),
        ("no agent", with("sub", json!("x"))),
        ("an assertion", agent.sign(&agent.claims(&world))),
        (
            "a token of the tenant API",
            world.token(tenant_id, agog_hub::tenants::Role::Admin).await,
        ),
    ];
    for (what, token) in forged {
        let answer = world.get(&token, "/sync/v1/state").await;
        assert_eq!(answer.says(), (401, "token-unknown"), "{what}");
    }
}

#[tokio::test]
async fn a_revoked_agent_is_shut_out_at_once() {
    let world = World::open().await;
    let tenant_id = world.tenant().await;
    let agent = world.agent(tenant_id).await;
    let token = agent.token(&world).await;
    assert_eq!(world.get(&token, "/sync/v1/state").await.status, 200);

    let now = world.clock.now();
    admin::agent_revoke(&world.hub.owner, tenant_id, agent.agent_id, now)
        .await
        .unwrap();

    assert_eq!(
        world.get(&token, "/sync/v1/state").await.says(),
        (401, "agent-revoked")
    );
    let assertion = agent.sign(&agent.claims(&world));
    assert_eq!(
        world.exchange(&assertion).await.says(),
        (401, "agent-revoked")
    );
}
