//! Domain events: what other systems may want to know, written in the transaction of what it
//! tells about, so that neither can be there without the other. Relays and webhooks read the
//! outbox; they are another part.

use serde_json::Value;

use crate::db::{DbError, Instant, TenantTx};
use crate::intake::ApplyContext;

/// What ledger events meant to the modules, in their order, until it is stored.
#[derive(Debug, Default)]
pub struct Outbox(Vec<DomainEvent>);

/// Something that other systems may want to know.
#[derive(Debug)]
struct DomainEvent {
    topic: String,
    event_id: uuid::Uuid,
    data: Value,
    occurred_at: Instant,
    created_at: Instant,
}

/// Publishes what a ledger event meant to a module. `topic` names module and event, for example
/// `inventory.lot-received`.
pub fn publish(ctx: &mut ApplyContext<'_, '_>, topic: impl Into<String>, data: Value) {
    ctx.outbox.0.push(DomainEvent {
        topic: topic.into(),
        event_id: ctx.event_id.uuid(),
        data,
        occurred_at: Instant(ctx.occurred_at),
        created_at: Instant(ctx.now),
    });
}

impl Outbox {
    /// Stores what was published.
    pub async fn store(self, tx: &mut TenantTx) -> Result<(), DbError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let tenant_id = tx.tenant_id().uuid();
        let (mut topics, mut event_ids, mut data) = (Vec::new(), Vec::new(), Vec::new());
        let (mut occurred_at, mut created_at) = (Vec::new(), Vec::new());
        for event in self.0 {
            topics.push(event.topic);
            event_ids.push(event.event_id);
            data.push(event.data);
            occurred_at.push(event.occurred_at);
            created_at.push(event.created_at);
        }
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
