//! Fills the ledger of a stopped agent with years of a plant, as fast as this machine can: for the benchmark, and for whoever
//! wants to see how the agent behaves then.
//!
//! `history FILE EVENTS` appends to the ledger in FILE. A third of the events are movements of lots, two thirds what presses
//! tell of their jobs and states. Facts are recorded by the writer of the agent, by the same rules; only that several hundred
//! share a commit.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use agog_edge::ledger::command::{Consume, Move, Produce, Receive, Split, Waste};
use agog_edge::ledger::{Append, Fact, Ledger, LotCommand, What};
use agog_sync::clock::SystemClock;
use agog_sync::event::{Actor, DeviceEvent, DeviceState, Event, JobEvent, JobProgress, JobStep};
use agog_sync::lots::JobRef;
use agog_sync::quantity::{Material, Unit};
use anyhow::{Context as _, Result};
use rand::SeedableRng as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Facts of one commit.
const FACTS: usize = 510;
/// Facts of one job.
const JOB: usize = 30;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().context("usage: history FILE EVENTS")?;
    let events: usize = arguments
        .next()
        .context("usage: history FILE EVENTS")?
        .parse()
        .context("EVENTS is a number")?;
    let materials = [("BOARD-300", Unit::Sheet), ("CARTON-A", Unit::Piece)];
    let materials: BTreeMap<String, Material> = materials
        .into_iter()
        .map(|(code, unit)| (code.to_owned(), Material::simple(code, unit)))
        .collect();
    let rng = rand::rngs::StdRng::seed_from_u64(1);
    let (ledger, thread) = Ledger::open(Path::new(&file), materials, Arc::new(SystemClock), rng)?;
    let start = Instant::now();
    let mut waiting = None;
    // What an earlier run has recorded is gone on from.
    let recorded = usize::try_from(ledger.position().borrow().head.last_seq)?;
    let end = recorded + events;
    for first in (recorded..end).step_by(FACTS) {
        let facts = (first..end.min(first + FACTS)).map(fact);
        let append = Append {
            facts: facts.collect::<Result<_>>()?,
            ..Append::default()
        };
        // One group is made while the one before it is written.
        let submitted = ledger.submit(append).await?;
        if let Some(before) = waiting.replace(submitted) {
            before.committed().await?;
        }
    }
    if let Some(last) = waiting {
        last.committed().await?;
    }
    drop(ledger);
    thread.join();
    let time = start.elapsed().as_secs_f64();
    writeln!(std::io::stdout(), "{events} events, {time:.1} s").context("cannot write")
}

/// The `index`-th fact of the plant: a job takes a roll, uses it up, and leaves cartons.
fn fact(index: usize) -> Result<Fact> {
    let (job, step) = (index / JOB, index % JOB);
    let what = if step.is_multiple_of(3) {
        What::Lot(movement(job, step / 3)?)
    } else {
        What::Event(report(job, step))
    };
    Ok(Fact {
        occurred_at: None,
        actor: Actor::Device { device: press(job) },
        what,
    })
}

fn press(job: usize) -> String {
    format!("press-{}", job % 4)
}

fn movement(job: usize, step: usize) -> Result<LotCommand> {
    let roll = format!("R{job}");
    let details =
        json!({ "job": format!("Job-{job}"), "device": press(job), "operator": "Jane Smith" });
    let amount = |amount: &str| json!({ "amount": amount });
    Ok(match step {
        0 => LotCommand::Receive(read::<Receive>(json!(
            { "number": roll, "material": "BOARD-300", "quantity": amount("10000"), "supplier": "Acme Paper Co." }
        ))?),
        1 => LotCommand::Split(read::<Split>(json!(
            { "lot": roll, "into": [{ "number": format!("{roll}.1"), "quantity": amount("2500") }],
              "waste": [{ "number": format!("{roll}.2"), "quantity": amount("50") }] }
        ))?),
        2..=6 => LotCommand::Consume(read::<Consume>(
            json!({ "lot": roll, "quantity": amount("1200"), "details": details }),
        )?),
        7 => LotCommand::Waste(read::<Waste>(
            json!({ "lot": roll, "quantity": amount("40"), "reason": "misregistration", "details": details }),
        )?),
        8 => LotCommand::Produce(read::<Produce>(json!(
            { "number": format!("{roll}.P"), "material": "CARTON-A", "quantity": amount("5900"), "details": details }
        ))?),
        _ => LotCommand::Move(read::<Move>(json!({ "lot": roll, "to": "Rack-7" }))?),
    })
}

/// What the press says of the job and of itself.
fn report(job: usize, step: usize) -> Event {
    if step % 3 == 1 {
        return Event::Device(DeviceEvent::StateChanged(DeviceState {
            device: press(job),
            status: if step < 9 { "Setup" } else { "Running" }.to_owned(),
            status_details: Some(format!("Good{step}")),
            job: Some(format!("Job-{job}")),
            operators: vec!["Jane Smith".to_owned()],
            ..DeviceState::default()
        }));
    }
    let number = JobRef {
        number: format!("Job-{job}"),
        job_id: None,
        order: None,
        customer: None,
    };
    let step_of_job = match step {
        2 => JobStep::Received,
        29 => JobStep::Completed,
        _ => JobStep::Phase,
    };
    Event::Job(Box::new(JobEvent {
        step: step_of_job,
        progress: JobProgress {
            status: Some("InProgress".to_owned()),
            good: Some((step * 200).into()),
            waste: Some(step.into()),
            ..JobProgress::of(number, press(job))
        },
    }))
}

fn read<T: DeserializeOwned>(body: Value) -> Result<T> {
    Ok(serde_json::from_value(body)?)
}
