//! Operators who work while everything around them is killed: agent, hub and PostgreSQL with `kill -9`, the line cut,
//! slowed, silenced, its answers broken off after the hub has committed. In the end every movement that an operator
//! was told of is in both ledgers once, and the stock is what the operators counted.
//!
//! `AGOG_KILLS=3000 make torture` goes on longer; `AGOG_SEED` plays other moments, and a run that fails prints its seed.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use agog_tests::demo::cast::{Company, drained, lot_at, materials};
use agog_tests::demo::checks::{books_balance, same_ledger, same_quantities};
use agog_tests::support::line::{Fault, Line};
use agog_tests::support::plant::{Plant, PlantPlan};
use agog_tests::support::postgres::Postgres;
use agog_tests::support::wait;
use agog_tests::support::world::World;
use anyhow::{Context as _, Result, bail, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Kills in the usual run.
const KILLS: u64 = 100;
/// People who work at the same time, each with a roll of their own.
const OPERATORS: usize = 4;
/// What each roll begins with.
const ROLL_SHEETS: u64 = 10_000_000;
/// Between two kills there is at least some work.
const WORK_BETWEEN: u64 = 4;
/// A request that takes longer is given up and sent again under the same key.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// Something has got stuck when nothing is done for so long.
const LIMIT: Duration = Duration::from_mins(1);

struct Torture {
    rng: StdRng,
    line: Line,
    plant: Plant,
    company: Company,
    world: World,
    /// Movements that operators were told are recorded.
    done: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Kills {
    agent: u64,
    hub: u64,
    postgres: u64,
}

impl Kills {
    fn all(&self) -> u64 {
        self.agent + self.hub + self.postgres
    }
}

impl Torture {
    async fn begin(seed: u64) -> Result<Self> {
        let mut world = World::start_with_own_postgres("torture").await?;
        let company = Company::found(&world.hub, "Nordic Packaging").await?;
        let line = Line::to(world.hub.address()).await?;
        // What an agent signs is for the hub as the agent knows it.
        world.hub.announce(&line.url())?;
        world.hub.stop().await?;
        world.hub.start().await?;
        let materials = materials();
        let plan = PlantPlan {
            code: "HAM",
            name: "Hamburg",
            materials: &materials,
            presses: &[],
        };
        let mut plant = world
            .plant_behind(&company.tenant, &plan, &line.url())
            .await?;
        plant.start().await?;
        Ok(Self {
            rng: StdRng::seed_from_u64(seed),
            line,
            plant,
            company,
            world,
            done: Arc::default(),
        })
    }

    /// Kills until it was enough, while the operators work.
    async fn kill_until(&mut self, enough: u64) -> Result<Kills> {
        let mut kills = Kills::default();
        while kills.all() < enough {
            self.work_goes_on().await?;
            match self.rng.random_range(0..20) {
                0..=9 => {
                    self.plant.kill()?;
                    self.plant.start().await?;
                    kills.agent += 1;
                }
                10..=14 => {
                    self.world.hub.kill()?;
                    if self.rng.random_ratio(1, 2) {
                        self.work_goes_on().await?;
                    }
                    self.world.hub.start().await?;
                    kills.hub += 1;
                }
                15 => {
                    let Postgres::Own(cluster) = &mut self.world.postgres else {
                        bail!("PostgreSQL must be our own to be killed");
                    };
                    cluster.kill().await?;
                    cluster.start_again().await?;
                    kills.postgres += 1;
                }
                16 => self.line.set(Fault::Cut),
                17 => self.line.set(Fault::Slow),
                18 => self.line.set(Fault::HalfOpen),
                _ => {
                    let bytes = self.rng.random_range(0..600);
                    self.line.set(Fault::Answers { bytes });
                }
            }
            // A bad line stays bad for some kills.
            if self.rng.random_ratio(1, 3) {
                self.line.set(Fault::None);
            }
        }
        Ok(kills)
    }

    async fn work_goes_on(&self) -> Result<()> {
        let before = self.done.load(Ordering::Relaxed);
        wait::until("operators to get on", LIMIT, async || {
            let now = self.done.load(Ordering::Relaxed);
            Ok((now >= before + WORK_BETWEEN).then_some(()))
        })
        .await
    }
}

/// An operator with a roll, who notes what was confirmed.
struct Operator {
    number: usize,
    run_file: PathBuf,
    http: reqwest::Client,
    asked: u64,
    done: Arc<AtomicU64>,
    taken: u64,
}

impl Operator {
    /// Draws from the roll until told to stop. Tells what must be left of it.
    async fn work(mut self, stop: Arc<AtomicBool>, mut rng: StdRng) -> Result<(String, u64)> {
        let roll = format!("ROLL-{}", self.number);
        let received = json!({ "number": roll, "material": "BOARD-300", "quantity": { "amount": ROLL_SHEETS.to_string() } });
        self.ask("receive", &received).await?;
        while !stop.load(Ordering::Relaxed) {
            let sheets = rng.random_range(1..50_u64);
            let quantity = json!({ "amount": sheets.to_string() });
            let (command, body) = match rng.random_range(0..4) {
                0 => {
                    let part = json!([{ "number": format!("{roll}.{}", self.asked), "quantity": quantity }]);
                    ("split", json!({ "lot": roll, "into": part }))
                }
                1 => (
                    "waste",
                    json!({ "lot": roll, "quantity": quantity, "reason": "trim" }),
                ),
                _ => (
                    "consume",
                    json!({ "lot": roll, "quantity": quantity, "details": { "job": format!("Job-{}", self.asked) } }),
                ),
            };
            self.ask(command, &body).await?;
            self.taken += sheets;
        }
        Ok((roll, ROLL_SHEETS - self.taken))
    }

    /// Asks until there is an answer. The key makes sure that it is done once.
    async fn ask(&mut self, command: &str, body: &Value) -> Result<()> {
        self.asked += 1;
        let key = format!("operator-{}-{}", self.number, self.asked);
        wait::until("the agent to answer an operator", LIMIT, async || {
            let Some(api) = self.api() else {
                return Ok(None);
            };
            let url = format!("{api}/api/v1/lots/{command}");
            let request = self.http.post(url).header("Idempotency-Key", &key);
            let Ok(answer) = request.json(body).send().await else {
                return Ok(None);
            };
            let status = answer.status();
            let Ok(text) = answer.text().await else {
                return Ok(None);
            };
            ensure!(status.is_success(), "{command}: {status}: {text}");
            Ok(Some(()))
        })
        .await?;
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Where the agent listens since its last start.
    fn api(&self) -> Option<String> {
        let text = std::fs::read_to_string(&self.run_file).ok()?;
        let run: Value = serde_json::from_str(&text).ok()?;
        Some(run["api_url"].as_str()?.to_owned())
    }
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_while_everything_is_killed() -> Result<()> {
    let seed = number_in("AGOG_SEED")?.unwrap_or(1);
    let kills = number_in("AGOG_KILLS")?.unwrap_or(KILLS);
    tokio::task::LocalSet::new()
        .run_until(torture(seed, kills))
        .await
        .with_context(|| format!("AGOG_SEED={seed}"))
}

async fn torture(seed: u64, enough: u64) -> Result<()> {
    let mut torture = Torture::begin(seed).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut operators = JoinSet::new();
    for number in 0..OPERATORS {
        let operator = Operator {
            number,
            run_file: torture.plant.data_dir().join("run.json"),
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(REQUEST_LIMIT)
                .build()?,
            asked: 0,
            done: torture.done.clone(),
            taken: 0,
        };
        let rng = StdRng::from_rng(&mut torture.rng);
        operators.spawn_local(operator.work(stop.clone(), rng));
    }
    let killed = torture.kill_until(enough).await;
    stop.store(true, Ordering::Relaxed);
    let mut rolls = Vec::new();
    while let Some(ended) = operators.join_next().await {
        rolls.push(ended.context("an operator panicked")?);
    }
    // An operator who was refused says more than the wait that ran out because of it.
    let rolls = rolls.into_iter().collect::<Result<Vec<_>>>()?;
    let killed = killed?;
    torture.line.set(Fault::None);
    let Torture {
        world,
        plant,
        company,
        done,
        line,
        ..
    } = &torture;
    drained(plant).await?;
    let events = same_ledger(&world.hub, plant, company).await?;
    ensure!(
        events == done.load(Ordering::Relaxed),
        "{events} events are in the ledgers, {done:?} were confirmed"
    );
    for (roll, left) in rolls {
        let lot = lot_at(plant, &roll).await?.context("a roll is there")?;
        ensure!(
            lot["on_hand"]["amount"].as_str() == Some(left.to_string().as_str()),
            "{roll}: {left} must be left: {lot}"
        );
    }
    same_quantities(&world.hub, plant, company).await?;
    books_balance(&world.hub, company).await?;
    writeln!(
        std::io::stdout(),
        "seed {seed}: {killed:?}, {} connections broken, {events} events, each once in agent and hub",
        line.broken()
    )
    .context("nobody reads the figures")
}

fn number_in(name: &str) -> Result<Option<u64>> {
    match std::env::var(name) {
        Ok(text) => Ok(Some(
            text.parse().with_context(|| format!("{name}={text}"))?,
        )),
        Err(_) => Ok(None),
    }
}
