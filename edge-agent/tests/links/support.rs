//! An agent's insides for tests: ledger, buffer and configuration in a folder of their own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agog_edge::config::Config;
use agog_edge::ledger::command::{Amount, Details, Receive};
use agog_edge::ledger::sending::{CommandFilter, DeviceCommand};
use agog_edge::ledger::{Append, Fact, JobRow, Ledger, LedgerThread, LotCommand, What};
use agog_edge::run::Agent;
use agog_edge::telemetry::{Telemetry, TelemetryThread};
use agog_sync::clock::{Clock, SystemClock};
use agog_sync::event::{Actor, Envelope, JobStep};
use agog_sync::frame::JobTicket;
use agog_sync::ids::AgentId;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rust_decimal::Decimal;
use tempfile::TempDir;

/// Every wait of a test ends here.
pub(crate) const WAIT_LIMIT: Duration = Duration::from_secs(30);

const MATERIALS: &str = "
[[material]]
code = \"BOARD-300\"
base_unit = \"sheet\"
width_mm = 1000
length_mm = 700
grammage = 300

[[material]]
code = \"CARTON-A\"
base_unit = \"sheet\"
";

pub(crate) struct TestAgent {
    pub(crate) agent: Agent,
    pub(crate) telemetry: Telemetry,
    pub(crate) folder: Arc<TempDir>,
    threads: (LedgerThread, TelemetryThread),
}

impl TestAgent {
    /// The values of all samples that wait, as they are on the disk.
    pub(crate) async fn stored_values(&self) -> Vec<f64> {
        self.telemetry.flush(self.agent.clock.now()).await.unwrap();
        let file = rusqlite::Connection::open(self.agent.config.telemetry_path()).unwrap();
        let mut query = file
            .prepare("select block, body from block order by epoch, block")
            .unwrap();
        let bodies = query.query_map([], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)));
        let blocks = bodies.unwrap().map(|row| {
            let (block, body) = row.unwrap();
            agog_sync::telemetry::decode(block, &body).unwrap()
        });
        blocks.flat_map(|block| block.value).collect()
    }

    /// A new agent; `more` is appended to its configuration.
    pub(crate) fn new(more: &str) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let clock = SystemClock;
        let mut rng = StdRng::seed_from_u64(7);
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let agent_id = AgentId::generate(clock.now(), &mut rng);
        Ledger::create(
            &folder.path().join("data/ledger.db"),
            agent_id,
            "HAM",
            clock.now(),
        )
        .unwrap();
        Self::open(folder, more)
    }

    /// The agent of a folder that is there already.
    pub(crate) fn open(folder: Arc<TempDir>, more: &str) -> Self {
        let file = folder.path().join("agog-edge.toml");
        let text = format!(
            "[agent]\ndata_dir = \"data\"\nplant_code = \"HAM\"\nplant_name = \"Hamburg\"\n{more}\n{MATERIALS}"
        );
        std::fs::write(&file, text).unwrap();
        let config = Arc::new(Config::load(&file).unwrap());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let seed = clock.now().as_microsecond().unsigned_abs();
        let rng = |n| StdRng::seed_from_u64(seed + n);
        let (ledger, ledger_thread) = Ledger::open(
            &config.ledger_path(),
            config.material_map(),
            clock.clone(),
            rng(1),
        )
        .unwrap();
        let (telemetry, telemetry_thread) = Telemetry::open(
            &config.telemetry_path(),
            config.telemetry.limits(),
            clock.clone(),
            rng(2),
        )
        .unwrap();
        Self {
            agent: Agent::new(config, clock, ledger, rng(3)),
            telemetry,
            folder,
            threads: (ledger_thread, telemetry_thread),
        }
    }

    /// Closes the files; every other handle must be gone.
    pub(crate) fn close(self) -> Arc<TempDir> {
        let Self {
            agent,
            telemetry,
            folder,
            threads,
        } = self;
        drop((agent, telemetry));
        threads.0.join();
        threads.1.join();
        folder
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Receives a lot, so that there is something to use or to deliver.
    pub(crate) async fn receive(&self, number: &str, sheets: i64) {
        let append = receipt(number, sheets);
        self.agent.ledger.append(append).await.unwrap();
    }

    /// A ticket that was handed in at the plant.
    pub(crate) async fn hand_in(&self, ticket: JobTicket) {
        self.record(What::Ticket(Box::new(ticket))).await;
    }

    pub(crate) async fn record(&self, what: What) {
        let fact = Fact {
            occurred_at: None,
            actor: Actor::System {
                component: "test".to_owned(),
            },
            what,
        };
        let append = Append {
            facts: vec![fact],
            ..Append::default()
        };
        self.agent.ledger.append(append).await.unwrap();
    }

    pub(crate) async fn job(&self, number: &str) -> JobRow {
        let job = self.agent.ledger.job_by_number(number).await.unwrap();
        job.expect("the job is known")
    }

    /// Waits until a job is at a step.
    pub(crate) async fn step(&self, number: &str, step: JobStep) {
        until(&format!("{number} gets to {}", step.kind()), || async {
            let job = self.agent.ledger.job_by_number(number).await.unwrap()?;
            (job.step == step).then_some(())
        })
        .await;
    }

    /// Every command to devices, also those that have ended, in order.
    pub(crate) async fn commands(&self) -> Vec<DeviceCommand> {
        let filter = CommandFilter {
            device: None,
            with_ended: true,
        };
        let read = self
            .agent
            .ledger
            .read(move |reader| reader.commands(&filter));
        let mut commands = read.await.unwrap();
        commands.sort_by_key(|command| (command.device.clone(), command.place));
        commands
    }

    /// Waits until every command has its fate.
    pub(crate) async fn all_ended(&self) -> Vec<DeviceCommand> {
        until("every command has its fate", || async {
            let commands = self.commands().await;
            let is_over = commands.iter().all(|command| command.ended_at.is_some());
            is_over.then_some(commands)
        })
        .await
    }

    pub(crate) async fn on_hand(&self, number: &str) -> Decimal {
        let lots = self.agent.ledger.lot_by_number(number).await.unwrap();
        assert_eq!(lots.len(), 1, "lots of number {number}");
        lots[0].on_hand.amount
    }

    /// Every event of the current epoch.
    pub(crate) async fn events(&self) -> Vec<Envelope> {
        self.agent
            .ledger
            .outbox_after(1, 0, 100_000, usize::MAX)
            .await
            .unwrap()
    }

    /// The kinds of all events, in order.
    pub(crate) async fn kinds(&self) -> Vec<String> {
        self.events()
            .await
            .into_iter()
            .map(|event| event.kind)
            .collect()
    }
}

/// The receipt of a lot.
pub(crate) fn receipt(number: &str, sheets: i64) -> Append {
    let command = LotCommand::Receive(Receive {
        number: Some(number.to_owned()),
        material: "BOARD-300".to_owned(),
        quantity: Amount::of(sheets.into()),
        supplier: None,
        supplier_lot: None,
        expiry: None,
        location: None,
        quality: std::collections::BTreeMap::new(),
        details: Details::default(),
    });
    let fact = Fact {
        occurred_at: None,
        actor: Actor::Operator {
            name: "Jane Smith".to_owned(),
        },
        what: What::Lot(command),
    };
    Append {
        facts: vec![fact],
        ..Append::default()
    }
}

/// How often a condition is looked at.
const POLL_EVERY: Duration = Duration::from_millis(10);

/// Waits until `check` gives a value, looking again every few milliseconds; fails with `what`.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut check: impl FnMut() -> F,
) -> T {
    let started = tokio::time::Instant::now();
    let mut poll = tokio::time::interval(POLL_EVERY);
    loop {
        poll.tick().await;
        if let Some(value) = check().await {
            return value;
        }
        assert!(
            started.elapsed() < WAIT_LIMIT,
            "waited in vain until {what}"
        );
    }
}
