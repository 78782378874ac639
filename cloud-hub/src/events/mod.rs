//! Domain events: what other systems may want to know, written in the transaction of what it
//! tells about, so that neither can be there without the other. Relays and webhooks read the
//! outbox; they are another part.

use agog_sync::ids::EventId;
use jiff::Timestamp;
use serde_json::Value;

use crate::db::{DbError, Instant, TenantTx, column};
use crate::intake::ApplyContext;

/// What ledger events meant to the modules, until it is stored.
#[derive(Debug, Default)]
pub struct Outbox(Vec<DomainEvent>);

/// The ledger event behind a domain event.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// Its place in its ledger.
    seq: u64,
    event_id: EventId,
    occurred_at: Timestamp,
    now: Timestamp,
}

impl Origin {
    /// Something that the hub found by itself, with an id made for it.
    pub fn of_the_hub(event_id: EventId, now: Timestamp) -> Self {
        Self {
            seq: 0,
            event_id,
            occurred_at: now,
            now,
        }
    }

    /// The event that is being applied.
    pub fn of(ctx: &ApplyContext<'_, '_>) -> Self {
        Self {
            seq: ctx.seq,
            event_id: ctx.event_id,
            occurred_at: ctx.occurred_at,
            now: ctx.now,
        }
    }
}

/// Something that other systems may want to know.
#[derive(Debug)]
struct DomainEvent {
    origin: Origin,
    topic: String,
    data: Value,
}

/// Publishes what a ledger event meant to a module. `topic` names module and event, for example
/// `inventory.lot-received`.
pub fn publish(ctx: &mut ApplyContext<'_, '_>, topic: impl Into<String>, data: Value) {
    let origin = Origin::of(ctx);
    ctx.outbox.publish(origin, topic, data);
}

impl Outbox {
    /// Publishes what an earlier event meant to a module, now that it is known.
    pub fn publish(&mut self, origin: Origin, topic: impl Into<String>, data: Value) {
        self.0.push(DomainEvent {
            origin,
            topic: topic.into(),
            data,
        });
    }

    /// Stores what was published, in the order of the ledger.
    pub async fn store(mut self, tx: &mut TenantTx) -> Result<(), DbError> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.sort_by_key(|event| event.origin.seq);
        let tenant_id = tx.tenant_id().uuid();
        let event_ids = column(&self.0, |event| event.origin.event_id.uuid());
        let occurred_at = column(&self.0, |event| Instant(event.origin.occurred_at));
        let created_at = column(&self.0, |event| Instant(event.origin.now));
        let (topics, data): (Vec<_>, Vec<_>) = self
            .0
            .into_iter()
            .map(|event| (event.topic, event.data))
            .unzip();
        // `with ordinality` keeps the order: the numbers of the rows are those in which a relay reads them.
        sqlx::query!(
            "insert into event_outbox (tenant_id, topic, event_id, data, occurred_at, created_at)
             select $1, topic, event_id, data, occurred_at, created_at
             from unnest($2::text[], $3::uuid[], $4::jsonb[], $5::timestamptz[], $6::timestamptz[]) with ordinality
                 as e (topic, event_id, data, occurred_at, created_at, place)
             order by place",
            tenant_id,
            &topics,
            &event_ids,
            &data,
            &occurred_at as _,
            &created_at as _,
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}
