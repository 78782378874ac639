//! An agent for tests: a ledger in a folder of its own, or the real program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use agog_edge::ledger::command::{
    Adjust, Amount, Consume, Correct, Details, Hold, Merge, Move, Pack, Part, Produce, Receive,
    Release, Return, Ship, Source, Split, Unpack, Waste,
};
use agog_edge::ledger::{
    Append, AppendError, Appended, Fact, IdempotencyKey, Ledger, LedgerThread, LotCommand, What,
};
use agog_edge::run::Addresses;
use agog_sync::clock::{Clock, ManualClock};
use agog_sync::event::Actor;
use agog_sync::ids::{AgentId, EventId};
use agog_sync::quantity::{Material, Unit};
use agog_sync::sscc::Sscc;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rust_decimal::Decimal;
use tempfile::TempDir;

/// Every wait of a test ends here.
pub(crate) const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// A ledger with its writer.
pub(crate) struct TestLedger {
    pub(crate) ledger: Ledger,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) folder: TempDir,
    thread: Option<LedgerThread>,
}

impl TestLedger {
    pub(crate) fn new() -> Self {
        Self::seeded(1)
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new("2026-11-22T08:00:00Z".parse().unwrap()));
        let mut rng = StdRng::seed_from_u64(seed);
        let path = folder.path().join("ledger.db");
        let agent_id = AgentId::generate(clock.now(), &mut rng);
        Ledger::create(&path, agent_id, "HAM", clock.now()).unwrap();
        let (ledger, thread) = Ledger::open(&path, materials(), clock.clone(), rng).unwrap();
        Self {
            ledger,
            clock,
            folder,
            thread: Some(thread),
        }
    }

    /// A ledger that was opened elsewhere.
    pub(crate) fn of(
        ledger: Ledger,
        clock: Arc<ManualClock>,
        folder: TempDir,
        thread: LedgerThread,
    ) -> Self {
        Self {
            ledger,
            clock,
            folder,
            thread: Some(thread),
        }
    }

    pub(crate) async fn lot(&self, command: LotCommand) -> Result<Appended, AppendError> {
        self.ledger.append(append(command)).await
    }

    /// What the ledger says is on hand.
    pub(crate) async fn on_hand(&self, number: &str) -> Decimal {
        let found = self.ledger.lot_by_number(number).await.unwrap();
        assert_eq!(found.len(), 1, "lots of number {number}");
        found[0].on_hand.amount
    }

    /// Asserts that hashes, balances and books are right, and that there are `events`.
    pub(crate) async fn assert_whole(&self, events: u64) {
        let found = self
            .ledger
            .read(agog_edge::ledger::Reader::verify)
            .await
            .unwrap();
        assert_eq!(found.problems, vec![]);
        assert_eq!(found.events, events);
        let sums = self
            .ledger
            .read(agog_edge::ledger::Reader::material_sums)
            .await
            .unwrap();
        for sum in sums {
            assert!(sum.is_balanced(), "{sum:?}");
        }
    }

    /// Closes the writer; the file stays.
    pub(crate) fn close(self) -> TempDir {
        let Self {
            ledger,
            folder,
            thread,
            ..
        } = self;
        drop(ledger);
        if let Some(thread) = thread {
            thread.join();
        }
        folder
    }
}

/// Opens the ledger of a stopped agent, as the agent does.
pub(crate) fn open_ledger(path: &Path) -> (Ledger, LedgerThread) {
    let clock = Arc::new(ManualClock::new("2026-11-22T08:00:00Z".parse().unwrap()));
    Ledger::open(path, materials(), clock, StdRng::seed_from_u64(5)).unwrap()
}

pub(crate) fn materials() -> BTreeMap<String, Material> {
    let board = Material {
        width_mm: Some(1000.into()),
        length_mm: Some(700.into()),
        grammage_g_m2: Some(300.into()),
        ..Material::simple("BOARD-300", Unit::Sheet)
    };
    let carton = Material::simple("CARTON-A", Unit::Piece);
    [board, carton]
        .into_iter()
        .map(|material| (material.code.clone(), material))
        .collect()
}

pub(crate) fn append(command: LotCommand) -> Append {
    Append {
        facts: vec![Fact {
            occurred_at: command.details().occurred_at,
            actor: Actor::Operator {
                name: "Jane Smith".to_owned(),
            },
            what: What::Lot(command),
        }],
        ..Append::default()
    }
}

pub(crate) fn with_key(command: LotCommand, key: &str, request: u8) -> Append {
    let request = agog_sync::chain::Hash::from_bytes([request; 32]);
    Append {
        idempotency: Some(IdempotencyKey {
            key: key.to_owned(),
            request,
        }),
        ..append(command)
    }
}

pub(crate) fn sheets(amount: i64) -> Amount {
    Amount::of(amount.into())
}

pub(crate) fn in_unit(amount: &str, unit: Unit) -> Amount {
    Amount {
        amount: amount.parse().unwrap(),
        unit: Some(unit),
    }
}

pub(crate) fn job(number: &str) -> Details {
    Details {
        job: Some(number.to_owned()),
        order: Some("Order-5001".to_owned()),
        customer: Some("ABC Corp".to_owned()),
        device: Some("press-1".to_owned()),
        ..Details::default()
    }
}

pub(crate) fn receive(number: &str, amount: i64) -> LotCommand {
    LotCommand::Receive(Receive {
        number: Some(number.to_owned()),
        material: "BOARD-300".to_owned(),
        quantity: sheets(amount),
        supplier: Some("Acme Paper Co.".to_owned()),
        supplier_lot: Some("12345".to_owned()),
        expiry: None,
        location: Some("Warehouse-A".to_owned()),
        quality: BTreeMap::from([("moisture".to_owned(), "4.2%".to_owned())]),
        details: Details::default(),
    })
}

/// Its number is made by the agent.
pub(crate) fn receive_unnumbered(amount: i64) -> LotCommand {
    match receive("", amount) {
        LotCommand::Receive(command) => LotCommand::Receive(Receive {
            number: None,
            ..command
        }),
        other => other,
    }
}

pub(crate) fn split(lot: &str, into: &[(&str, i64)], waste: &[(&str, i64)]) -> LotCommand {
    let parts = |parts: &[(&str, i64)]| {
        parts
            .iter()
            .map(|(number, amount)| Part {
                number: (!number.is_empty()).then(|| (*number).to_owned()),
                quantity: sheets(*amount),
            })
            .collect()
    };
    LotCommand::Split(Split {
        lot: lot.to_owned(),
        into: parts(into),
        waste: parts(waste),
        details: Details::default(),
    })
}

pub(crate) fn merge(from: &[(&str, Option<i64>)], number: &str) -> LotCommand {
    LotCommand::Merge(Merge {
        from: sources(from),
        number: Some(number.to_owned()),
        details: Details::default(),
    })
}

pub(crate) fn consume(lot: &str, amount: i64, details: Details) -> LotCommand {
    LotCommand::Consume(Consume {
        lot: lot.to_owned(),
        quantity: sheets(amount),
        details,
    })
}

pub(crate) fn produce(
    number: &str,
    amount: i64,
    from: &[(&str, Option<i64>)],
    details: Details,
) -> LotCommand {
    LotCommand::Produce(Produce {
        number: (!number.is_empty()).then(|| number.to_owned()),
        material: "CARTON-A".to_owned(),
        quantity: sheets(amount),
        from: sources(from),
        location: None,
        quality: BTreeMap::new(),
        details,
    })
}

pub(crate) fn waste(lot: &str, amount: i64) -> LotCommand {
    LotCommand::Waste(Waste {
        lot: lot.to_owned(),
        quantity: sheets(amount),
        reason: "misregistration".to_owned(),
        details: Details::default(),
    })
}

pub(crate) fn move_to(lot: &str, to: &str) -> LotCommand {
    LotCommand::Move(Move {
        lot: lot.to_owned(),
        to: to.to_owned(),
        details: Details::default(),
    })
}

pub(crate) fn adjust_by(lot: &str, by: i64) -> LotCommand {
    LotCommand::Adjust(Adjust {
        lot: lot.to_owned(),
        by: Some(sheets(by)),
        to: None,
        reason: "stock count".to_owned(),
        details: Details::default(),
    })
}

pub(crate) fn hold(lot: &str) -> LotCommand {
    LotCommand::Hold(Hold {
        lot: lot.to_owned(),
        reason: "colour banding".to_owned(),
        details: Details::default(),
    })
}

pub(crate) fn release(lot: &str) -> LotCommand {
    LotCommand::Release(Release {
        lot: lot.to_owned(),
        hold_id: None,
        reason: "checked".to_owned(),
        details: Details::default(),
    })
}

pub(crate) fn ship(lot: &str, amount: Option<i64>) -> LotCommand {
    LotCommand::Ship(Ship {
        lot: Some(lot.to_owned()),
        sscc: None,
        quantity: amount.map(sheets),
        order: "Order-5001".to_owned(),
        customer: "ABC Corp".to_owned(),
        reference: None,
        details: Details::default(),
    })
}

/// The container of that number.
pub(crate) fn sscc(container: u32) -> Sscc {
    Sscc::with_check_digit(&format!("34012345{container:09}")).unwrap()
}

pub(crate) fn pack(container: u32, contents: &[(&str, Option<i64>)]) -> LotCommand {
    LotCommand::Pack(Pack {
        sscc: Some(sscc(container)),
        contents: sources(contents),
        add: false,
        details: Details::default(),
        made_from: None,
    })
}

pub(crate) fn unpack(container: u32, contents: &[(&str, Option<i64>)]) -> LotCommand {
    LotCommand::Unpack(Unpack {
        sscc: sscc(container),
        contents: sources(contents),
        details: Details::default(),
    })
}

/// A container with everything in it.
pub(crate) fn ship_container(container: u32) -> LotCommand {
    match ship("", None) {
        LotCommand::Ship(command) => LotCommand::Ship(Ship {
            lot: None,
            sscc: Some(sscc(container)),
            ..command
        }),
        other => other,
    }
}

pub(crate) fn return_lot(lot: &str, amount: i64, hold: bool) -> LotCommand {
    LotCommand::Return(Return {
        lot: lot.to_owned(),
        quantity: sheets(amount),
        order: "Order-5001".to_owned(),
        customer: "ABC Corp".to_owned(),
        reason: "wrong colour".to_owned(),
        reference: None,
        hold,
        details: Details::default(),
    })
}

pub(crate) fn correct(event_id: EventId, reason: &str) -> LotCommand {
    LotCommand::Correct(Correct {
        event_id,
        reason: reason.to_owned(),
        details: Details::default(),
    })
}

pub(crate) fn forced(command: LotCommand, reason: &str) -> LotCommand {
    let set = |details: &mut Details| details.forced = Some(reason.to_owned());
    let mut command = command;
    match &mut command {
        LotCommand::Consume(command) => set(&mut command.details),
        LotCommand::Split(command) => set(&mut command.details),
        LotCommand::Ship(command) => set(&mut command.details),
        LotCommand::Correct(command) => set(&mut command.details),
        LotCommand::Pack(command) => set(&mut command.details),
        other => panic!("{other:?} is not forced in tests"),
    }
    command
}

fn sources(from: &[(&str, Option<i64>)]) -> Vec<Source> {
    from.iter()
        .map(|(lot, amount)| Source {
            lot: (*lot).to_owned(),
            quantity: amount.map(sheets),
        })
        .collect()
}

/// The real program with a configuration of its own.
pub(crate) struct Program {
    pub(crate) folder: TempDir,
    child: Option<Child>,
}

impl Program {
    /// A configuration, a data folder and an empty ledger; nothing runs yet.
    pub(crate) fn init() -> Self {
        let program = Self {
            folder: tempfile::tempdir().unwrap(),
            child: None,
        };
        let output = program.command(&[
            "init",
            "--plant-code",
            "HAM",
            "--plant-name",
            "Hamburg",
            "--data-dir",
            "data",
            "--api-listen",
            "127.0.0.1:0",
            "--jmf-listen",
            "127.0.0.1:0",
        ]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let mut config = std::fs::read_to_string(program.config_path()).unwrap();
        config.push_str(
            "\n[[material]]\ncode = \"BOARD-300\"\nbase_unit = \"sheet\"\nwidth_mm = 1000\n\
             length_mm = 700\ngrammage = 300\n\n[[material]]\ncode = \"CARTON-A\"\nbase_unit = \"piece\"\n",
        );
        std::fs::write(program.config_path(), config).unwrap();
        program
    }

    pub(crate) fn config_path(&self) -> PathBuf {
        self.folder.path().join("agog-edge.toml")
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the agent and waits until it listens.
    pub(crate) fn start(&mut self) -> Addresses {
        let run_file = self.data_dir().join("run.json");
        // A killed agent leaves its file behind; only a new one counts.
        let _ = std::fs::remove_file(&run_file);
        let log = std::fs::File::create(self.folder.path().join("agent.log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_agog-edge"))
            .arg("--config")
            .arg(self.config_path())
            .arg("run")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        wait_for("run.json", || read_addresses(&run_file))
    }

    /// Runs a command to its end.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_agog-edge"))
            .arg("--config")
            .arg(self.config_path())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs a command that must work, and gives what it printed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Runs a command that must fail with `code`, and gives its message.
    pub(crate) fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.command(arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
        text(&output.stderr)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("agent.log")).unwrap_or_default()
    }

    /// Sends a signal by name, as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.as_ref().expect("the agent was started").id();
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(pid.to_string())
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits for the end of the agent and gives its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("the agent was started");
        wait_for("the end of the agent", || child.try_wait().unwrap()).code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn read_addresses(path: &Path) -> Option<Addresses> {
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

/// Waits until `condition` gives something.
pub(crate) fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(started.elapsed() < WAIT_LIMIT, "waited too long for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
