//! Births and deaths of Sparkplug nodes, as the office sees them: in the status and the timeline of their equipment.

use std::time::Duration;

use agog_sync::clock::{Clock as _, SystemClock};
use agog_tests::demo::cast::{Company, LIMIT};
use agog_tests::support::plant::PlantPlan;
use agog_tests::support::wait;
use agog_tests::support::world::World;
use anyhow::{Context as _, Result};
use rumqttc::{AsyncClient, Event, EventLoop, LastWill, MqttOptions, Packet, QoS};
use tokio::task::JoinHandle;

const HOST: &str =
    "\n[mqtt.sparkplug]\nhost_id = \"agog-HAM\"\ndevice = \"{device}\"\nnode = \"{node}\"\n";
const STATE: &str = "spBv1.0/STATE/agog-HAM";
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// An edge node with one device. When it is dropped, its connection breaks and the broker tells its death.
struct Node(JoinHandle<()>);

impl Node {
    /// It is born when its host is there.
    async fn born(world: &World) -> Result<Self> {
        let address = world.broker.address();
        let mut options = MqttOptions::new("line-1", address.ip().to_string(), address.port());
        options.set_keep_alive(KEEP_ALIVE);
        // A payload without fields: none of a node's deaths is told from another here.
        let death = LastWill::new("spBv1.0/hall/NDEATH/line-1", [], QoS::AtLeastOnce, false);
        options.set_last_will(death);
        let (client, mut events) = AsyncClient::new(options, 10);
        client.subscribe(STATE, QoS::AtLeastOnce).await?;
        tokio::time::timeout(LIMIT, host_is_there(&mut events))
            .await
            .context("the host never said that it is there")??;
        for (seq, topic) in ["NBIRTH/line-1", "DBIRTH/line-1/press-7"]
            .iter()
            .enumerate()
        {
            let topic = format!("spBv1.0/hall/{topic}");
            let payload = payload(u8::try_from(seq)?)?;
            client
                .publish(topic, QoS::AtMostOnce, false, payload)
                .await?;
        }
        Ok(Self(tokio::spawn(async move {
            // Held on to: without it the event loop would end the connection in good order.
            let _client = client;
            while events.poll().await.is_ok() {}
        })))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn host_is_there(events: &mut EventLoop) -> Result<()> {
    loop {
        if let Event::Incoming(Packet::Publish(said)) = events.poll().await?
            && std::str::from_utf8(&said.payload)?.contains("\"online\":true")
        {
            return Ok(());
        }
    }
}

/// A birth without metrics: the time (field 1) and the sequence number (field 3), as Protocol Buffers.
fn payload(seq: u8) -> Result<Vec<u8>> {
    let mut bytes = vec![0x08];
    let mut rest = u64::try_from(SystemClock.now().as_millisecond())?;
    while rest >= 0x80 {
        bytes.push(u8::try_from(rest & 0x7f)? | 0x80);
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest)?);
    bytes.extend([0x18, seq]);
    Ok(bytes)
}

/// What a device does, by its code; nothing while the hub does not know it.
async fn state(world: &World, company: &Company, code: &str) -> Result<Option<String>> {
    let Some(id) = device_id(world, company, code).await? else {
        return Ok(None);
    };
    let path = format!("/api/v1/equipment/{id}/status");
    let status = company.get(&world.hub, &path).await?;
    Ok(status["state"].as_str().map(str::to_owned))
}

async fn device_id(world: &World, company: &Company, code: &str) -> Result<Option<String>> {
    let page = company.get(&world.hub, "/api/v1/equipment").await?;
    let mut devices = page["items"].as_array().context("no page")?.iter();
    let device = devices.find(|device| device["code"] == code);
    Ok(device.and_then(|device| Some(device["id"].as_str()?.to_owned())))
}

#[tokio::test]
async fn a_death_is_lost_contact_in_the_timeline_and_a_birth_ends_it() -> Result<()> {
    let world = World::start("sparkplug_contact").await?;
    let company = Company::found(&world.hub, "Acme Cartons").await?;
    let plan = PlantPlan {
        code: "HAM",
        name: "Hamburg",
        materials: &[],
        presses: &[],
    };
    let mut plant = world.plant_at_rest(&company.tenant, &plan).await?;
    let config = std::fs::read_to_string(plant.config_file())?;
    std::fs::write(plant.config_file(), config + HOST)?;
    plant.start().await?;
    let is = async |code: &str, wanted: &str| {
        wait::until(&format!("{code} to be {wanted}"), LIMIT, async || {
            let state = state(&world, &company, code).await?;
            Ok((state.as_deref() == Some(wanted)).then_some(()))
        })
        .await
    };

    let node = Node::born(&world).await?;
    is("press-7", "unknown").await?;
    is("line-1", "unknown").await?;
    drop(node);
    is("press-7", "no-contact").await?;
    is("line-1", "no-contact").await?;
    let _node = Node::born(&world).await?;
    is("press-7", "unknown").await?;

    let id = device_id(&world, &company, "press-7").await?;
    let path = format!("/api/v1/equipment/{}/timeline", id.context("it is known")?);
    let timeline = company.get(&world.hub, &path).await?;
    let segments = timeline["items"].as_array().context("no timeline")?;
    let states: Vec<_> = segments.iter().map(|it| it["state"].clone()).collect();
    assert_eq!(states, ["unknown", "no-contact", "unknown"], "{timeline}");
    Ok(())
}
