//! Times single movements at the ledger itself, without the HTTP of the local API before it: for the benchmark.
//!
//! `append FILE MOVEMENTS` makes a ledger in FILE and consumes one sheet after the other, each durable before the next is asked
//! for, as an operator does it. Writes the time of each one in nanoseconds, a line each.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use agog_edge::ledger::command::{Amount, Consume, Details, Receive};
use agog_edge::ledger::{Append, Fact, IdempotencyKey, Ledger, LotCommand, What};
use agog_sync::chain::Hash;
use agog_sync::clock::{Clock as _, SystemClock};
use agog_sync::event::Actor;
use agog_sync::ids::AgentId;
use agog_sync::quantity::{Material, Unit};
use anyhow::{Context as _, Result};
use rand::SeedableRng as _;
use rust_decimal::Decimal;

const USAGE: &str = "usage: append FILE MOVEMENTS";

/// As the agent runs: the asker is on a worker of the runtime, the writer is a thread of its own.
#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().context(USAGE)?;
    let movements: usize = arguments.next().context(USAGE)?.parse().context(USAGE)?;
    let mut rng = rand::rngs::StdRng::seed_from_u64(1);
    let agent = AgentId::generate(SystemClock.now(), &mut rng);
    Ledger::create(Path::new(&file), agent, "HAM", SystemClock.now())?;
    let materials = BTreeMap::from([(
        "BOARD-300".to_owned(),
        Material::simple("BOARD-300", Unit::Sheet),
    )]);
    let (ledger, thread) = Ledger::open(Path::new(&file), materials, Arc::new(SystemClock), rng)?;
    ledger.append(received()?).await?;
    let mut times = Vec::with_capacity(movements);
    let asker = {
        let ledger = ledger.clone();
        tokio::spawn(async move {
            for index in 0..movements {
                let append = consumed(index);
                let start = Instant::now();
                ledger.append(append).await?;
                times.push(start.elapsed());
            }
            anyhow::Ok(times)
        })
    };
    let times = asker.await.context("the asker came to no end")??;
    drop(ledger);
    thread.join();
    let mut out = std::io::stdout().lock();
    for time in times {
        writeln!(out, "{}", time.as_nanos()).context("cannot write")?;
    }
    Ok(())
}

fn received() -> Result<Append> {
    Ok(Append {
        facts: vec![fact(LotCommand::Receive(
            serde_json::from_value::<Receive>(serde_json::json!({
                "number": "BENCH", "material": "BOARD-300", "quantity": { "amount": "1000000" },
            }))?,
        ))],
        ..Append::default()
    })
}

fn consumed(index: usize) -> Append {
    let key = format!("single-{index}");
    Append {
        facts: vec![fact(LotCommand::Consume(Consume {
            lot: "BENCH".to_owned(),
            quantity: Amount::of(Decimal::ONE),
            details: Details {
                job: Some("Bench-1".to_owned()),
                ..Details::default()
            },
        }))],
        idempotency: Some(IdempotencyKey {
            // Of the request itself, in the agent.
            request: Hash::from_bytes([7; 32]),
            key,
        }),
        ..Append::default()
    }
}

fn fact(command: LotCommand) -> Fact {
    Fact {
        occurred_at: None,
        actor: Actor::Operator {
            name: "bench".to_owned(),
        },
        what: What::Lot(command),
    }
}
