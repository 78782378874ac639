//! A long outage: what a plant books meanwhile, how fast the hub takes it in afterwards, and what the same rows cost in plain
//! SQL.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::figures::Row;
use super::measure::{Bench, LIMIT, mebibytes, processor_time, rate, resident_kib};
use crate::support::wait;

/// Requests that wait for the agent at a time while the backlog is made: a busy plant.
const ASKERS: usize = 16;

/// Movements that wait for the hub when it comes back: a day without it, with one in each second.
pub(super) const EVENTS: usize = 86_400;

/// What an asker books with one roll: it arrives, is split, is used up by a job, spoilt and moved, and becomes cartons.
const CYCLE: usize = 10;

/// The tables that hold what a lot movement leaves behind, each after those that it refers to, and by which of its columns
/// a row is known to belong to an event.
const TABLES: [(&str, &str); 7] = [
    ("ledger_event", "x.event_id"),
    ("lot", "x.origin_event_id"),
    (
        "lot_plant",
        "(select origin_event_id from lot l where l.tenant_id = x.tenant_id and l.lot_id = x.lot_id)",
    ),
    ("lot_entry", "x.event_id"),
    ("lot_edge", "x.event_id"),
    ("lot_use", "x.event_id"),
    ("event_outbox", "x.event_id"),
];

/// The rows of one transaction, as many as an agent sends at once.
const BATCH: usize = agog_sync::frame::LEDGER_BATCH_EVENTS_MAX;

impl Bench {
    /// Books a backlog while the hub is away, and delivers it.
    pub(super) async fn backlog(&mut self, events: usize) -> Result<Vec<Row>> {
        let start = Instant::now();
        let mut askers = tokio::task::JoinSet::new();
        for asker in 0..ASKERS {
            let (api, http) = (self.plant.api_url()?, self.http.clone());
            askers.spawn(async move {
                for index in 0..events / ASKERS {
                    let (command, body) = movement(asker, index);
                    let url = format!("{api}/api/v1/lots/{command}");
                    let answer = http.post(url).json(&body).send().await?;
                    let status = answer.status();
                    ensure!(
                        status.is_success(),
                        "{command}: {status} {}",
                        answer.text().await?
                    );
                }
                Ok(())
            });
        }
        while let Some(done) = askers.join_next().await {
            done.context("an asker panicked")??;
        }
        let recorded = rate(events, start.elapsed());
        let busy = self.resident_kib()?;
        let backlog = usize::try_from(self.waiting().await?)?;
        let sent_before = self.bytes_sent().await?;
        self.world.hub.start().await?;
        let hub = self.world.hub.process().context("the hub runs")?.pid();
        let agent = self.plant.process().context("the agent runs")?.pid();
        let (mut agent_kib, mut hub_kib) = (0, 0);
        let before = [
            processor_time(agent)?,
            processor_time(hub)?,
            self.database_time().await?,
        ];
        let start = Instant::now();
        wait::until("the backlog to drain", LIMIT, async || {
            agent_kib = agent_kib.max(self.resident_kib()?);
            hub_kib = hub_kib.max(resident_kib(hub)?);
            Ok((self.waiting().await? == 0).then_some(()))
        })
        .await?;
        let time = start.elapsed();
        let drained = rate(backlog, time);
        let after = [
            processor_time(agent)?,
            processor_time(hub)?,
            self.database_time().await?,
        ];
        let each = std::array::from_fn(|part| {
            1e6 / rate(backlog, after[part].saturating_sub(before[part]))
        });
        let [of_agent, of_hub, of_database]: [f64; 3] = each;
        let sent = self.bytes_sent().await? - sent_before;
        let bare = rate(backlog, self.bare_sql().await?);
        Ok(vec![
            Row::new(
                format!("agent: lot movements, {ASKERS} askers, durable"),
                format!("{recorded:.0} events/s"),
                "goal 3,000",
            ),
            Row::new("agent: resident after that", mebibytes(busy), ""),
            Row::new(
                format!("uplink: {backlog} events to the hub, applied"),
                format!("{drained:.0} events/s, {:.1} s", time.as_secs_f64()),
                format!(
                    "goal 6,000; {:.0} % of bare SQL, goal 60 %",
                    100.0 * drained / bare
                ),
            ),
            Row::new(
                "uplink: bytes of an event on the wire",
                format!("{:.0}", sent / rate(backlog, Duration::from_secs(1))),
                "zstd, before TLS",
            ),
            Row::new(
                "uplink: processor time of an event: agent, hub, PostgreSQL",
                format!("{of_agent:.0}, {of_hub:.0}, {of_database:.0} µs"),
                "",
            ),
            Row::new(
                "the same rows by batched SQL, no policies",
                format!("{bare:.0} events/s"),
                "baseline",
            ),
            Row::new(
                "uplink: most memory of agent and hub",
                format!("{}, {}", mebibytes(agent_kib), mebibytes(hub_kib)),
                "limits 64 and 256 MiB",
            ),
        ])
    }

    /// How many events the agent has that the hub has not.
    pub(super) async fn waiting(&self) -> Result<u64> {
        let url = format!("{}/api/v1/status", self.plant.api_url()?);
        let answer = self.http.get(url).send().await?.error_for_status()?;
        let status: Value = answer.json().await?;
        status["ledger"]["outbox_depth"]
            .as_u64()
            .with_context(|| format!("the status does not say how many events wait: {status}"))
    }

    /// The bytes of the batches that the agent has sent.
    async fn bytes_sent(&self) -> Result<f64> {
        self.metric("agog_uplink_ledger_bytes_total").await
    }

    /// A metric of the agent; 0 when nothing was counted yet.
    pub(super) async fn metric(&self, name: &str) -> Result<f64> {
        let url = format!("{}/metrics", self.plant.api_url()?);
        let answer = self.http.get(url).send().await?.error_for_status()?;
        let text = answer.text().await?;
        let value = text.lines().find_map(|line| {
            let value = line.strip_prefix(name)?;
            value.strip_prefix(' ')
        });
        Ok(value.unwrap_or("0").parse()?)
    }

    /// Proves what the agent has recorded.
    pub(super) async fn verification(&mut self) -> Result<Vec<Row>> {
        let start = Instant::now();
        let proof = self.plant.command(&["ledger", "verify"]).await?;
        let time = start.elapsed();
        ensure!(
            proof["problem_count"] == 0,
            "the ledger is not proven: {proof}"
        );
        let events = usize::try_from(proof["events"].as_u64().context("no count of events")?)?;
        Ok(vec![Row::new(
            format!("agent: ledger verify, {events} events, nearly all of lots"),
            format!("{:.0} events/s", rate(events, time)),
            "goal 300,000",
        )])
    }

    /// What the processes of PostgreSQL have used of the processor.
    async fn database_time(&self) -> Result<Duration> {
        let mut admin = PgConnection::connect(&self.world.hub.database().admin_url).await?;
        let pids: Vec<i32> =
            sqlx::query_scalar("select pid from pg_stat_activity where pid <> pg_backend_pid()")
                .fetch_all(&mut admin)
                .await?;
        let times = pids.into_iter().filter_map(|pid| u32::try_from(pid).ok());
        // One that has ended since then had no part in it.
        Ok(times.filter_map(|pid| processor_time(pid).ok()).sum())
    }

    /// Writes what the hub has stored once more, for another tenant: one transaction per batch, one statement per table, as
    /// the superuser, whom no policy checks.
    async fn bare_sql(&self) -> Result<Duration> {
        let mut admin = PgConnection::connect(&self.world.hub.database().admin_url).await?;
        let mut run = async |sql: String| -> Result<()> {
            sqlx::raw_sql(AssertSqlSafe(sql.clone()))
                .execute(&mut admin)
                .await
                .with_context(|| sql)?;
            Ok(())
        };
        let (from, to) = (&self.tenant_id, uuid::Uuid::from_u128(1));
        run(format!(
            "create schema bench;
             create unlogged table bench.batch as
                 select event_id, (row_number() over (order by seq) - 1) / {BATCH} as batch from ledger_event
                 where tenant_id = '{from}' and kind like 'lot.%';
             create index on bench.batch (event_id);"
        ))
        .await?;
        for table in ["tenant", "plant", "agent", "producer", "material"] {
            let (name, identity) = match table {
                "tenant" => (", 'name', 'Bare'", ""),
                "material" => ("", "overriding system value"),
                _ => ("", ""),
            };
            run(format!(
                "insert into {table} {identity}
                 select (jsonb_populate_record(x, jsonb_build_object('tenant_id', '{to}' {name}))).* from {table} x
                 where tenant_id = '{from}'"
            ))
            .await?;
        }
        for (table, event) in TABLES {
            run(format!(
                "create unlogged table bench.{table} as
                     select x.*, b.batch from {table} x join bench.batch b on b.event_id = {event} where x.tenant_id = '{from}';
                 update bench.{table} set tenant_id = '{to}';
                 create index on bench.{table} (batch);"
            ))
            .await?;
        }
        run(
            "create unlogged table bench.moved as select distinct e.lot_id, e.batch from bench.lot_entry e
                 join bench.lot l on l.lot_id = e.lot_id and l.batch < e.batch;
             create index on bench.moved (batch); analyze bench.moved"
                .to_owned(),
        )
        .await?;
        let batches: i64 = sqlx::query_scalar("select max(batch) + 1 from bench.batch")
            .fetch_one(&mut admin)
            .await?;
        let mut statements = Vec::new();
        for (table, _) in TABLES {
            let columns: String = sqlx::query_scalar(
                "select string_agg(quote_ident(column_name), ', ' order by ordinal_position)
                 from information_schema.columns
                 where table_schema = 'public' and table_name = $1 and is_generated = 'NEVER'",
            )
            .bind(table)
            .fetch_one(&mut admin)
            .await?;
            statements.push(format!(
                "insert into {table} ({columns}) overriding system value
                 select {columns} from bench.{table} where batch = $1"
            ));
        }
        statements.push(format!(
            "update lot set balance = balance, updated_at = now()
             where tenant_id = '{to}' and lot_id in (select lot_id from bench.moved where batch = $1)"
        ));
        let start = Instant::now();
        for batch in 0..batches {
            let mut tx = admin.begin().await?;
            for statement in &statements {
                sqlx::query(AssertSqlSafe(statement.clone()))
                    .bind(batch)
                    .execute(&mut *tx)
                    .await
                    .with_context(|| statement.clone())?;
            }
            tx.commit().await?;
        }
        Ok(start.elapsed())
    }
}

/// The `index`-th movement of an asker: the command, and its body.
fn movement(asker: usize, index: usize) -> (&'static str, Value) {
    let roll = format!("R{asker}-{}", index / CYCLE);
    let details =
        json!({ "job": format!("Job-{roll}"), "device": "press-1", "operator": "Jane Smith" });
    let sheets = |amount: &str| json!({ "amount": amount });
    match index % CYCLE {
        0 => (
            "receive",
            json!({ "number": roll, "material": "BOARD-300", "quantity": sheets("10000"), "supplier": "Acme Paper Co." }),
        ),
        1 => (
            "split",
            json!({ "lot": roll, "into": [{ "number": format!("{roll}.1"), "quantity": sheets("2500") }],
                "waste": [{ "number": format!("{roll}.2"), "quantity": sheets("50") }] }),
        ),
        2..=6 => (
            "consume",
            json!({ "lot": roll, "quantity": sheets("1200"), "details": details }),
        ),
        7 => (
            "waste",
            json!({ "lot": roll, "quantity": sheets("40"), "reason": "misregistration", "details": details }),
        ),
        8 => (
            "produce",
            json!({ "number": format!("{roll}.P"), "material": "CARTON-A", "quantity": sheets("5900"), "details": details }),
        ),
        _ => ("move", json!({ "lot": roll, "to": "Rack-7" })),
    }
}
