//! Domain events: what other systems may want to know, written in the transaction of what it
//! tells about, so that neither can be there without the other. Relays and webhooks read the
//! outbox; they are another part.

use serde_json::Value;

use crate::db::{DbError, Instant, TenantTx};
use crate::intake::ApplyContext;

/// Publishes what a ledger event meant to a module. `topic` names module and event, for example
/// `inventory.lot-received`.
pub async fn publish(
    tx: &mut TenantTx,
    ctx: &ApplyContext<'_>,
    topic: &str,
    data: Value,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into event_outbox (tenant_id, topic, event_id, data, occurred_at, created_at)
         values ($1, $2, $3, $4, $5, $6)",
        tenant_id,
        topic,
        ctx.event_id.uuid(),
        data,
        Instant(ctx.occurred_at) as _,
        Instant(ctx.now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
