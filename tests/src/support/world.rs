//! A world: a hub with its database, a broker, and as many plants, presses and tenants as a test asks for. All real.
//!
//! ```no_run
//! # use agog_tests::support::{plant::PlantPlan, world::World};
//! # async fn example() -> anyhow::Result<()> {
//! let mut world = World::start("recall").await?;
//! let tenant = world.hub.tenant("Acme Cartons").await?;
//! let press = world.press("press-3", &["--speed-up", "600", "--seed", "7"]).await?;
//! let plan = PlantPlan { code: "HAM", name: "Hamburg", materials: &[], presses: &[press] };
//! let mut plant = world.plant(&tenant, &plan).await?;
//! plant.command(&["lot", "list"]).await?;
//! world.hub.kill()?; // the plant goes on
//! world.hub.start().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Everything ends and disappears with its value, in any order. Logs are in the world's folder; a failed test shows their ends.

use std::path::Path;

use anyhow::Result;

use super::broker::Broker;
use super::folder::Folder;
use super::hub::{Hub, Tenant};
use super::plant::{Plant, PlantPlan};
use super::postgres::{Durability, Postgres};
use super::press::Press;

/// The parts that all plants of a test share.
#[derive(Debug)]
pub struct World {
    // Dropped in this order: clients before their servers, the folder last.
    pub hub: Hub,
    pub broker: Broker,
    pub postgres: Postgres,
    folder: Folder,
}

impl World {
    /// A running hub on a database of its own in the cluster of this test run.
    pub async fn start(name: &str) -> Result<Self> {
        Self::start_on(name, Postgres::shared_or_own().await?).await
    }

    /// The same on a cluster of its own with full durability: for measurements, and for tests that stop PostgreSQL.
    pub async fn start_with_own_postgres(name: &str) -> Result<Self> {
        Self::start_on(name, Postgres::own(Durability::Full).await?).await
    }

    async fn start_on(name: &str, postgres: Postgres) -> Result<Self> {
        let folder = Folder::new("agog-world-")?;
        let broker = Broker::start().await?;
        let database = postgres.database(name).await?;
        let mut hub = Hub::prepare(folder.join("hub"), database).await?;
        hub.start().await?;
        Ok(Self {
            hub,
            broker,
            postgres,
            folder,
        })
    }

    /// A simulated press; `options` are those of `agog-press-sim`, without id, address and broker.
    pub async fn press(&self, id: &str, options: &[&str]) -> Result<Press> {
        Press::start(self.folder(), id, self.broker.address(), options).await
    }

    /// `count` devices in one process, without telemetry over MQTT.
    pub async fn many_presses(&self, id: &str, count: usize, options: &[&str]) -> Result<Press> {
        Press::start_many(self.folder(), id, count, options).await
    }

    /// A plant of `tenant` on the hub, its agent enrolled and running.
    pub async fn plant(&self, tenant: &Tenant, plan: &PlantPlan<'_>) -> Result<Plant> {
        let mut plant = self.plant_at_rest(tenant, plan).await?;
        plant.start().await?;
        Ok(plant)
    }

    /// The same, not started yet.
    pub async fn plant_at_rest(&self, tenant: &Tenant, plan: &PlantPlan<'_>) -> Result<Plant> {
        self.plant_behind(tenant, plan, &self.hub.url()).await
    }

    /// A plant that reaches the hub at another address, such as a bad line; not started yet.
    pub async fn plant_behind(
        &self,
        tenant: &Tenant,
        plan: &PlantPlan<'_>,
        hub_url: &str,
    ) -> Result<Plant> {
        self.hub.plant(tenant, plan.code, plan.name).await?;
        let code = self.hub.enrolment_code(tenant, plan.code).await?;
        // Plants of different tenants may share a code.
        let folder = self
            .folder
            .join(format!("plant-{}-{}", plan.code, tenant.id));
        let plant = Plant::prepare(folder, plan, hub_url, self.broker.address()).await?;
        plant.enroll(&code).await?;
        Ok(plant)
    }

    /// Configurations, data and logs of everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::support::wait;

    #[tokio::test]
    async fn a_plant_delivers_to_a_hub_that_was_killed_and_nothing_is_left() {
        let mut world = World::start("world").await.unwrap();
        let tenant = world.hub.tenant("Acme Cartons").await.unwrap();
        let token = world.hub.token(&tenant, "viewer").await.unwrap();
        let plan = PlantPlan {
            code: "HAM",
            name: "Hamburg",
            materials: &[],
            presses: &[],
        };
        let mut plant = world.plant(&tenant, &plan).await.unwrap();

        world.hub.kill().unwrap();
        plant.kill().unwrap();
        plant.start().await.unwrap();
        world.hub.start().await.unwrap();
        wait::until(
            "the agent to reach the hub",
            Duration::from_secs(30),
            async || {
                let status = plant.command(&["status"]).await?;
                let hub = &status["running"]["surroundings"]["hub"]["state"];
                Ok((hub == "online").then_some(()))
            },
        )
        .await
        .unwrap();
        let stock = world
            .hub
            .get(&token, "/api/v1/inventory/stock-levels")
            .await
            .unwrap();
        assert_eq!(stock.status, 200, "{}", stock.text);

        let folder = world.folder().to_owned();
        plant.stop().await.unwrap();
        world.hub.stop().await.unwrap();
        drop((plant, world));
        assert!(!folder.exists());
    }
}
