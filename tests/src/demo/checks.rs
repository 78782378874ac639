//! What must hold at the end, whoever asks: agent and hub agree on every event, every quantity
//! and every trace, and no company sees another's.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::chain::{ChainHead, Hash};
use agog_sync::event::Envelope;
use agog_sync::ids::{EventId, ProducerId};
use agog_sync::trace::Trace;
use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection, Row as _};

use super::cast::{Cast, Company, lots};
use crate::support::hub::Hub;
use crate::support::plant::Plant;

/// Checks everything and tells what holds; an error names what differs.
pub async fn all(cast: &Cast) -> Result<Vec<String>> {
    let mut holds = Vec::new();
    let mut stocked = BTreeSet::new();
    cast.drained().await?;
    for (plant, company) in cast.plants() {
        let events = same_ledger(&cast.world.hub, plant, company).await?;
        holds.push(format!(
            "{}: {events} events, each in the hub exactly once, in order, chain unbroken (I1, I2)",
            plant.code
        ));
        let lots = same_quantities(&cast.world.hub, plant, company).await?;
        if lots > 0 {
            stocked.insert(&company.tenant.id);
        }
        holds.push(format!(
            "{}: {lots} lots with equal quantities and holds",
            plant.code
        ));
    }
    for company in [&cast.nordic, &cast.rival] {
        let materials = books_balance(&cast.world.hub, company).await?;
        ensure!(
            (materials > 0) == stocked.contains(&company.tenant.id),
            "{} has books for {materials} materials",
            company.tenant.name
        );
        holds.push(format!(
            "{}: in = on hand + consumed + wasted + shipped for {materials} materials (I8)",
            company.tenant.name
        ));
    }
    let foreign = no_foreign_rows(cast).await?;
    holds.push(format!(
        "each company gets 404 for the other's {foreign} lots (I3)"
    ));
    Ok(holds)
}

/// The agent's own proof of its ledger, and the hub's rows beside it: same head, same events,
/// every hash computed again from what PostgreSQL holds.
pub async fn same_ledger(hub: &Hub, plant: &Plant, company: &Company) -> Result<u64> {
    let proof = plant.command(&["ledger", "verify"]).await?;
    ensure!(
        proof["problem_count"] == 0,
        "{}'s ledger has problems: {proof}",
        plant.code
    );
    let epoch = proof["epoch"].as_u64().context("a proof names the epoch")?;
    let head: ChainHead =
        serde_json::from_value(proof["head"].clone()).context("a proof names the head")?;
    let mut connection = PgConnection::connect(&hub.database().admin_url)
        .await
        .context("cannot look into the hub's database")?;
    let rows = sqlx::query(
        "select e.producer_id, e.seq, e.event_id, e.kind, e.version, e.occurred_us, e.recorded_us,
                e.actor, e.payload, e.prev_hash, e.hash
         from ledger_event e
         join producer p on p.tenant_id = e.tenant_id and p.producer_id = e.producer_id
         join plant l on l.tenant_id = p.tenant_id and l.plant_id = p.plant_id
         where e.tenant_id = $1 and l.code = $2 and e.epoch = $3 and p.stream = 'ledger'
         order by e.seq",
    )
    .bind(
        company
            .tenant
            .id
            .parse::<uuid::Uuid>()
            .context("a tenant id is a UUID")?,
    )
    .bind(&plant.code)
    .bind(i64::try_from(epoch)?)
    .fetch_all(&mut connection)
    .await
    .context("cannot read the hub's ledger")?;
    let mut at_hub: Option<ChainHead> = None;
    for row in &rows {
        let producer = ProducerId::from_uuid(row.try_get("producer_id")?);
        let before = at_hub.unwrap_or_else(|| ChainHead::genesis(producer, epoch));
        let envelope = envelope(row)?;
        ensure!(
            envelope.seq == before.last_seq + 1,
            "{}: after event {} the hub has {}",
            plant.code,
            before.last_seq,
            envelope.seq
        );
        envelope
            .verify(producer, epoch, &before.hash)
            .with_context(|| format!("{}: the hub's copy", plant.code))?;
        at_hub = Some(envelope.head());
    }
    ensure!(
        at_hub.map_or(head.last_seq == 0, |at_hub| at_hub == head),
        "{}: the agent ends with {head:?}, the hub with {at_hub:?}",
        plant.code
    );
    Ok(head.last_seq)
}

fn envelope(row: &sqlx::postgres::PgRow) -> Result<Envelope> {
    let hash = |column: &str| -> Result<Hash> {
        Ok(Hash::try_from(
            row.try_get::<Vec<u8>, _>(column)?.as_slice(),
        )?)
    };
    Ok(Envelope {
        seq: u64::try_from(row.try_get::<i64, _>("seq")?)?,
        event_id: EventId::from_uuid(row.try_get("event_id")?),
        kind: row.try_get("kind")?,
        version: u16::try_from(row.try_get::<i32, _>("version")?)?,
        occurred_at: Timestamp::from_microsecond(row.try_get("occurred_us")?)?,
        recorded_at: Timestamp::from_microsecond(row.try_get("recorded_us")?)?,
        actor: serde_json::from_str(row.try_get("actor")?)?,
        payload: serde_json::value::RawValue::from_string(row.try_get("payload")?)?,
        prev_hash: hash("prev_hash")?,
        hash: hash("hash")?,
    })
}

/// Every lot that the agent knows is in the hub with the same quantity, the same holds and in the same containers.
pub async fn same_quantities(hub: &Hub, plant: &Plant, company: &Company) -> Result<usize> {
    let lots = lots(plant).await?;
    for lot in &lots {
        let number = lot["lot"]["number"]
            .as_str()
            .context("a lot has a number")?;
        let path = format!("/api/v1/inventory/lot/{number}?plant={}", plant.code);
        let at_hub = company.get(hub, &path).await?;
        let (here, there) = (quantity(&lot["on_hand"])?, quantity(&at_hub["on_hand"])?);
        ensure!(
            here == there,
            "lot {number}: {here:?} at {}, {there:?} in the hub",
            plant.code
        );
        let here = lot["holds"].as_array().map_or(0, Vec::len);
        let there = standing_holds(&at_hub);
        ensure!(
            here == there,
            "lot {number}: {here} holds at {}, {there} in the hub",
            plant.code
        );
        let (here, there) = (&lot["packed"], &at_hub["containers"]);
        ensure!(
            here == there,
            "lot {number}: packed in {here} at {}, in {there} in the hub",
            plant.code
        );
    }
    Ok(lots.len())
}

fn quantity(value: &Value) -> Result<(Decimal, String)> {
    let amount: Decimal = value["amount"]
        .as_str()
        .with_context(|| format!("not a quantity: {value}"))?
        .parse()?;
    let unit = value["unit"].as_str().context("a quantity has a unit")?;
    Ok((amount.normalize(), unit.to_owned()))
}

fn standing_holds(lot: &Value) -> usize {
    lot["holds"].as_array().map_or(0, |holds| {
        holds.iter().filter(|hold| hold["stands"] == true).count()
    })
}

/// I8 from the hub's own sums, added up here once more over all plants of a company.
pub async fn books_balance(hub: &Hub, company: &Company) -> Result<usize> {
    let stock = company
        .get(hub, "/api/v1/inventory/stock-levels?limit=100")
        .await?;
    let rows = stock["items"]
        .as_array()
        .context("stock levels have items")?;
    let mut books: BTreeMap<String, (Decimal, Decimal)> = BTreeMap::new();
    for row in rows {
        ensure!(
            row["balanced"] == true,
            "the books of {} do not balance",
            row["material"]
        );
        let sum = |names: &[&str]| -> Result<Decimal> {
            names
                .iter()
                .try_fold(Decimal::ZERO, |sum, name| Ok(sum + amount(&row[*name])?))
        };
        let material = row["material"]
            .as_str()
            .context("a row names its material")?;
        let book = books.entry(material.to_owned()).or_default();
        book.0 += sum(&["received", "produced", "returned", "adjusted", "moved"])?;
        book.1 += sum(&["on_hand", "consumed", "wasted", "shipped"])?;
    }
    for (material, (came, went)) in &books {
        ensure!(
            came == went,
            "{material}: {came} came in, {went} are accounted for"
        );
    }
    Ok(books.len())
}

fn amount(value: &Value) -> Result<Decimal> {
    let text = value
        .as_str()
        .with_context(|| format!("not a decimal in text: {value}"))?;
    Ok(text.parse()?)
}

/// Asks for each lot of one company with the token of the other, by its id.
async fn no_foreign_rows(cast: &Cast) -> Result<usize> {
    let hub = &cast.world.hub;
    let mut asked = 0;
    for (plant, company) in cast.plants() {
        let stranger = if company.tenant.id == cast.nordic.tenant.id {
            &cast.rival
        } else {
            &cast.nordic
        };
        for lot in lots(plant).await? {
            let id = lot["lot"]["lot_id"].as_str().context("a lot has an id")?;
            let own = hub
                .get(&company.token, &format!("/api/v1/inventory/lot/{id}"))
                .await?;
            ensure!(
                own.status == 200,
                "the owner gets {} for lot {id}",
                own.status
            );
            for part in ["", "/forward-trace", "/backward-trace"] {
                let path = format!("/api/v1/inventory/lot/{id}{part}");
                let answer = hub.get(&stranger.token, &path).await?;
                ensure!(
                    answer.status == 404,
                    "a stranger gets {} for {path}",
                    answer.status
                );
            }
            asked += 1;
        }
    }
    Ok(asked)
}

/// The hub's trace, after the agent has given the same one.
pub async fn same_trace(
    hub: &Hub,
    plant: &Plant,
    company: &Company,
    number: &str,
    direction: &str,
) -> Result<Trace> {
    let path = format!(
        "/api/v1/inventory/lot/{number}/{direction}-trace?plant={}",
        plant.code
    );
    let hub: Trace = serde_json::from_value(company.get(hub, &path).await?)
        .with_context(|| format!("the answer to {path} is not a trace"))?;
    let agent = plant
        .command(&["lot", "trace", number, &format!("--{direction}")])
        .await?;
    let agent: Trace =
        serde_json::from_value(agent).context("the agent's answer is not a trace")?;
    let (here, there) = (comparable(agent), comparable(hub.clone()));
    ensure!(
        here == there,
        "the {direction} traces of {number} differ.\nagent:\n{}\nhub:\n{}",
        here.render_text(),
        there.render_text()
    );
    Ok(hub)
}

/// Without what only the hub knows: which plant a lot belongs to.
fn comparable(mut trace: Trace) -> Trace {
    for lot in &mut trace.lots {
        lot.plant = None;
    }
    trace
}
