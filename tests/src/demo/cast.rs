//! Who is on stage: a hub, two companies, three plants and a press; each the real program.

use std::time::{Duration, Instant};

use agog_sync::clock::{Clock as _, SystemClock};
use agog_sync::quantity::{Material, Unit};
use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde_json::Value;

use crate::support::hub::{Answer, Hub, Tenant};
use crate::support::plant::{Plant, PlantPlan};
use crate::support::press::Press;
use crate::support::wait;
use crate::support::world::World;

/// A play that waits longer than this for anything has failed.
pub const LIMIT: Duration = Duration::from_mins(1);

/// How much faster than life press 3 runs in the story: make-ready and 15,000 sheets in some
/// seconds, long enough to kill the hub in the middle.
pub const STORY_SPEED_UP: &str = "900";

/// The same for any ticket: a million sheets in some seconds.
pub const TICKET_SPEED_UP: &str = "100000";

/// A company with a token for its office.
pub struct Company {
    pub tenant: Tenant,
    pub token: String,
}

impl Company {
    /// A new company on the hub.
    pub async fn found(hub: &Hub, name: &str) -> Result<Self> {
        let tenant = hub.tenant(name).await?;
        let token = hub.token(&tenant, "office").await?;
        Ok(Self { tenant, token })
    }

    /// What its office gets; an error when it is not a success.
    pub async fn get(&self, hub: &Hub, path: &str) -> Result<Value> {
        let answer = hub.get(&self.token, path).await?;
        answer.ok().with_context(|| format!("GET {path}"))
    }

    /// What its office says of a record; an error when the hub does not take it.
    pub async fn put(&self, hub: &Hub, path: &str, key: &str, body: &Value) -> Result<Value> {
        let request = hub
            .request(reqwest::Method::PUT, path)
            .bearer_auth(&self.token)
            .header("Idempotency-Key", key)
            .json(body);
        let answer = hub.send(request).await?;
        answer.ok().with_context(|| format!("PUT {path}"))
    }

    /// What its office has the hub do, with whatever the hub answers. `key` makes it safe to
    /// repeat.
    pub async fn post(&self, hub: &Hub, path: &str, key: &str, body: &Value) -> Result<Answer> {
        let request = hub
            .request(reqwest::Method::POST, path)
            .bearer_auth(&self.token)
            .header("Idempotency-Key", key)
            .json(body);
        hub.send(request).await
    }
}

/// Everybody on stage. Leaving it ends every process.
pub struct Cast {
    pub hamburg: Plant,
    pub munich: Plant,
    pub berlin: Plant,
    pub press: Press,
    pub nordic: Company,
    pub rival: Company,
    pub world: World,
}

impl Cast {
    /// Starts everything; the press runs `speed_up` times faster than life.
    pub async fn assemble(speed_up: &str) -> Result<Self> {
        let world = World::start("demo").await?;
        let nordic = Company::found(&world.hub, "Nordic Packaging").await?;
        let rival = Company::found(&world.hub, "Rival Cartons").await?;
        let press = world
            .press(
                "press-3",
                &[
                    "--speed-up",
                    speed_up,
                    "--seed",
                    "7",
                    "--operator",
                    "Jane Smith",
                ],
            )
            .await?;
        let materials = materials();
        let presses = [press];
        let plan = |code, name, presses| PlantPlan {
            code,
            name,
            materials: &materials,
            presses,
        };
        let hamburg = world
            .plant(&nordic.tenant, &plan("HAM", "Hamburg", &presses))
            .await?;
        let munich = world
            .plant(&nordic.tenant, &plan("MUC", "Munich", &[]))
            .await?;
        let berlin = world
            .plant(&rival.tenant, &plan("BER", "Berlin", &[]))
            .await?;
        let [press] = presses;
        Ok(Self {
            hamburg,
            munich,
            berlin,
            press,
            nordic,
            rival,
            world,
        })
    }

    /// The plants with the companies that they belong to.
    pub fn plants(&self) -> [(&Plant, &Company); 3] {
        [
            (&self.hamburg, &self.nordic),
            (&self.munich, &self.nordic),
            (&self.berlin, &self.rival),
        ]
    }

    /// Waits until nothing waits in any outbox, and tells how long that took.
    pub async fn drained(&self) -> Result<Duration> {
        let start = Instant::now();
        for (plant, _) in self.plants() {
            drained(plant).await?;
        }
        Ok(start.elapsed())
    }
}

/// Waits until the hub has acknowledged all that a plant has recorded.
pub async fn drained(plant: &Plant) -> Result<()> {
    wait::until(
        &format!("{}'s outbox to empty", plant.code),
        LIMIT,
        async || Ok((waiting(plant).await? == 0).then_some(())),
    )
    .await
}

/// How many events of a plant the hub has not acknowledged.
pub async fn waiting(plant: &Plant) -> Result<u64> {
    let status = plant.command(&["status"]).await?;
    status["ledger"]["outbox_depth"]
        .as_u64()
        .with_context(|| format!("the status does not say how many events wait: {status}"))
}

/// A command of an operator that must succeed, with arguments that several commands share.
pub async fn operate(plant: &Plant, arguments: &[&str], shared: &[&str]) -> Result<Value> {
    let all: Vec<&str> = arguments.iter().chain(shared).copied().collect();
    plant.command(&all).await
}

/// A command that must be refused; the sentence with which it is.
pub async fn refused(plant: &Plant, arguments: &[&str]) -> Result<String> {
    let output = plant.try_command(arguments).await?;
    if output.succeeded {
        bail!(
            "`{}` should have been refused: {}",
            arguments.join(" "),
            output.stdout
        );
    }
    let said = if output.stderr.trim().is_empty() {
        output.stdout
    } else {
        output.stderr
    };
    Ok(said.trim().to_owned())
}

/// Every lot that a plant knows, also those of which nothing is left.
pub async fn lots(plant: &Plant) -> Result<Vec<Value>> {
    let answer = plant.command(&["lot", "list", "--all"]).await?;
    let lots = answer.as_array();
    Ok(lots
        .with_context(|| format!("not a lot list: {answer}"))?
        .clone())
}

/// The lot of that number at a plant, if it is there.
pub async fn lot_at(plant: &Plant, number: &str) -> Result<Option<Value>> {
    Ok(lots(plant)
        .await?
        .into_iter()
        .find(|lot| lot["lot"]["number"] == number))
}

/// The present, from the one clock of the workspace.
pub fn now() -> Timestamp {
    SystemClock.now()
}

/// The articles of the play.
pub fn materials() -> Vec<Material> {
    let board = Material {
        name: "Folding box board 300 g/m2".to_owned(),
        width_mm: Some(1020.into()),
        length_mm: Some(720.into()),
        grammage_g_m2: Some(300.into()),
        ..Material::simple("BOARD-300", Unit::Sheet)
    };
    let printed = |code: &str, name: &str| Material {
        name: name.to_owned(),
        ..Material::simple(code, Unit::Sheet)
    };
    vec![
        board,
        printed("CARTON-A", "Printed sheets, cartons of ABC Corp"),
        printed("CARTON-B", "Printed sheets, cartons of XYZ Inc"),
    ]
}
