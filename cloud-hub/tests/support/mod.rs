//! A hub whose clock the test turns, with tenants, plants and agents that hold real keys.

#![expect(dead_code, reason = "each test binary uses a part of it")]

#[path = "../shop/hub.rs"]
mod hub;

use std::sync::Arc;

use agog_hub::tenants::{Role, admin};
use agog_sync::chain::ChainHead;
use agog_sync::clock::{Clock, ManualClock};
use agog_sync::event::{Actor, DeviceEvent, DeviceState, Envelope, Event, NewEvent};
use agog_sync::frame::{EnrolRequest, LedgerBatch, PROTOCOL, encode};
use agog_sync::ids::{AgentId, EventId, LotId, PlantId, RunId, TenantId};
use agog_sync::lots::{LotAttributes, LotEvent, LotReceived, LotRef, NewLot};
use agog_sync::quantity::{Material, Measured, Quantity, Unit};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rand::SeedableRng;
use rand::rngs::StdRng;
use reqwest::{Client, Method, RequestBuilder};
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) use hub::Hub;

/// How every assertion of these tests is addressed.
pub(crate) const AUDIENCE: &str = "http://hub.test/oauth/token";

/// A hub, and the clock on its wall.
pub(crate) struct World {
    pub(crate) hub: Hub,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) client: Client,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Status and code in one, for assertions that say both.
    pub(crate) fn says(&self) -> (u16, &str) {
        (self.status, self.code())
    }
}

impl World {
    pub(crate) async fn open() -> Self {
        let clock = Arc::new(ManualClock::new("2025-10-20T08:00:00Z".parse().unwrap()));
        let hub = Hub::start_with(clock.clone()).await;
        Self {
            hub,
            clock,
            client: Client::new(),
        }
    }

    /// A new tenant with the plant `HAM`.
    pub(crate) async fn tenant(&self) -> TenantId {
        let (now, mut rng) = (self.clock.now(), self.hub.app.rng());
        let name = format!("tenant {}", TenantId::generate(now, &mut rng));
        let owner = &self.hub.owner;
        let tenant_id = admin::tenant_create(owner, &name, now, &mut rng)
            .await
            .unwrap()
            .tenant_id;
        self.plant(tenant_id, "HAM").await;
        tenant_id
    }

    pub(crate) async fn plant(&self, tenant_id: TenantId, code: &str) -> PlantId {
        let (now, mut rng) = (self.clock.now(), self.hub.app.rng());
        let owner = &self.hub.owner;
        admin::plant_create(owner, tenant_id, code, code, now, &mut rng)
            .await
            .unwrap()
            .plant_id
    }

    pub(crate) async fn code(&self, tenant_id: TenantId, plant: &str) -> String {
        let now = self.clock.now();
        admin::code_create(&self.hub.owner, tenant_id, plant, now)
            .await
            .unwrap()
            .code
    }

    pub(crate) async fn token(&self, tenant_id: TenantId, role: Role) -> String {
        let (now, mut rng) = (self.clock.now(), self.hub.app.rng());
        let owner = &self.hub.owner;
        admin::token_create(owner, tenant_id, "test", role, now, &mut rng)
            .await
            .unwrap()
            .token
    }

    /// An agent that has joined the tenant's plant `plant`.
    pub(crate) async fn agent_at(&self, tenant_id: TenantId, plant: &str) -> Agent {
        let agent = Agent::new(self, tenant_id);
        let code = self.code(tenant_id, plant).await;
        let answer = self.enrol(&agent.request(&code)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        agent
    }

    pub(crate) async fn agent(&self, tenant_id: TenantId) -> Agent {
        self.agent_at(tenant_id, "HAM").await
    }

    pub(crate) async fn enrol(&self, request: &EnrolRequest) -> Answer {
        self.send(self.request(Method::POST, "/sync/v1/enroll").json(request))
            .await
    }

    /// Exchanges an assertion for a token.
    pub(crate) async fn exchange(&self, assertion: &str) -> Answer {
        let form = format!(
            "grant_type=client_credentials&client_assertion={assertion}&client_assertion_type=\
             urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
        );
        let request = self.request(Method::POST, "/oauth/token");
        self.send(
            request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form),
        )
        .await
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.hub.url))
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).bearer_auth(token))
            .await
    }

    /// Sends a frame as agents do.
    pub(crate) async fn push(&self, token: &str, path: &str, frame: &impl Serialize) -> Answer {
        self.push_bytes(token, path, encode(frame).unwrap()).await
    }

    pub(crate) async fn push_bytes(&self, token: &str, path: &str, body: Vec<u8>) -> Answer {
        let request = self.request(Method::POST, path).bearer_auth(token);
        let request = request
            .header("content-type", "application/json")
            .header("content-encoding", "zstd");
        self.send(request.body(body)).await
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let content_type = answer.headers().get("content-type");
        let content_type = content_type
            .map_or("", |value| value.to_str().unwrap())
            .to_owned();
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer {
            status,
            content_type,
            text,
            body,
        }
    }
}

/// An agent with a key and the end of a ledger.
#[expect(
    clippy::struct_field_names,
    reason = "ids are called what they are everywhere"
)]
pub(crate) struct Agent {
    pub(crate) tenant_id: TenantId,
    pub(crate) agent_id: AgentId,
    pub(crate) public_key: Vec<u8>,
    pub(crate) key: EncodingKey,
    pub(crate) epoch: u64,
    pub(crate) head: ChainHead,
}

impl Agent {
    pub(crate) fn new(world: &World, tenant_id: TenantId) -> Self {
        let agent_id = AgentId::generate(world.clock.now(), &mut world.hub.app.rng());
        let pair = Ed25519KeyPair::generate().unwrap();
        let pkcs8 = pair.to_pkcs8().unwrap();
        Self {
            tenant_id,
            agent_id,
            public_key: pair.public_key().as_ref().to_vec(),
            key: EncodingKey::from_ed_der(pkcs8.as_ref()),
            epoch: 1,
            head: ChainHead::genesis(agent_id.into(), 1),
        }
    }

    pub(crate) fn request(&self, code: &str) -> EnrolRequest {
        EnrolRequest {
            code: code.to_owned(),
            agent_id: self.agent_id,
            public_key: STANDARD.encode(&self.public_key),
            agent_name: "edge".to_owned(),
            agent_version: "0.1.0".to_owned(),
            run: None,
        }
    }

    pub(crate) fn subject(&self) -> String {
        format!("{}.{}", self.tenant_id, self.agent_id)
    }

    /// The claims of a good assertion.
    pub(crate) fn claims(&self, world: &World) -> Value {
        let now = world.clock.now();
        json!({
            "iss": self.subject(),
            "sub": self.subject(),
            "aud": AUDIENCE,
            "jti": EventId::generate(now, &mut world.hub.app.rng()).to_string(),
            "iat": now.as_second(),
            "exp": (now + SignedDuration::from_secs(60)).as_second(),
        })
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), claims, &self.key).unwrap()
    }

    /// Asks for a token as the run `run`, started on the disk of the runs `before`, the newest first.
    pub(crate) async fn ask_as(&self, world: &World, run: RunId, before: &[RunId]) -> Answer {
        let mut claims = self.claims(world);
        claims["run"] = json!(run);
        claims["runs_before"] = json!(before);
        world.exchange(&self.sign(&claims)).await
    }

    /// A fresh access token.
    pub(crate) async fn token(&self, world: &World) -> String {
        let answer = world.exchange(&self.sign(&self.claims(world))).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body["access_token"].as_str().unwrap().to_owned()
    }

    /// Seals events at the end of the ledger.
    pub(crate) fn batch(&mut self, world: &World, events: &[Event]) -> LedgerBatch {
        let (first_seq, prev_hash) = (self.head.last_seq + 1, self.head.hash);
        let now = world.clock.now();
        let mut rng = world.hub.app.rng();
        let events: Vec<_> = events
            .iter()
            .map(|event| {
                let new = NewEvent {
                    event_id: EventId::generate(now, &mut rng),
                    occurred_at: now,
                    recorded_at: now,
                    actor: Actor::System {
                        component: "test".to_owned(),
                    },
                    event: event.clone(),
                };
                let envelope = Envelope::seal(self.agent_id.into(), self.epoch, &self.head, &new);
                self.head = envelope.head();
                envelope
            })
            .collect();
        self.batch_of(first_seq, prev_hash, events)
    }

    pub(crate) fn batch_of(
        &self,
        first_seq: u64,
        prev_hash: agog_sync::chain::Hash,
        events: Vec<Envelope>,
    ) -> LedgerBatch {
        LedgerBatch {
            protocol: PROTOCOL,
            producer: self.agent_id.into(),
            epoch: self.epoch,
            first_seq,
            last_seq: first_seq + events.len() as u64 - 1,
            prev_hash,
            opened: None,
            events,
        }
    }

    /// Forgets the ledger and starts another epoch, as a restored agent does.
    pub(crate) fn open_epoch(&mut self, epoch: u64) {
        self.epoch = epoch;
        self.head = ChainHead::genesis(self.agent_id.into(), epoch);
    }
}

/// A fact that any plant can state any number of times.
pub(crate) fn state(device: &str, status: &str) -> Event {
    Event::Device(DeviceEvent::StateChanged(DeviceState {
        device: device.to_owned(),
        status: status.to_owned(),
        ..DeviceState::default()
    }))
}

/// As many facts as asked for.
pub(crate) fn states(count: usize) -> Vec<Event> {
    (0..count)
        .map(|n| state("press-3", if n % 2 == 0 { "Running" } else { "Idle" }))
        .collect()
}

/// 50,000 sheets arrive.
pub(crate) fn received(number: &str) -> Event {
    let at = "2025-10-20T08:00:00Z".parse().unwrap();
    let seed = blake3::hash(number.as_bytes());
    let mut rng = StdRng::from_seed(*seed.as_bytes());
    Event::Lot(LotEvent::Received(LotReceived {
        lot: NewLot {
            lot: LotRef {
                lot_id: LotId::generate(at, &mut rng),
                number: number.to_owned(),
            },
            material: Material::simple("BOARD-SECRET", Unit::Sheet),
            quantity: Measured::in_base(Quantity::new(50_000.into(), Unit::Sheet)),
            attributes: LotAttributes {
                supplier: Some("Secret Paper Co.".to_owned()),
                ..LotAttributes::default()
            },
        },
    }))
}
