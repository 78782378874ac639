//! How a plant and the hub are with each other, shown on both sides: days that are over are proven to be the same, whatever
//! was changed by hand is found, and nothing stands still unseen.

use agog_sync::chain::ChainHead;
use agog_sync::clock::{Clock as _, SystemClock, to_micros};
use agog_sync::days::day_of;
use agog_sync::event::{Actor, Envelope, Event, NewEvent, TelemetryGap};
use agog_sync::ids::{EventId, ProducerId};
use agog_tests::demo::cast::{Company, LIMIT, drained, materials};
use agog_tests::support::plant::{Plant, PlantPlan};
use agog_tests::support::wait;
use agog_tests::support::world::World;
use anyhow::{Context as _, Result, ensure};
use jiff::SignedDuration;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// A plant that is enrolled and not started yet.
async fn world(name: &str) -> Result<(World, Company, Plant)> {
    let world = World::start(name).await?;
    let company = Company::found(&world.hub, "Nordic Packaging").await?;
    let materials = materials();
    let plan = PlantPlan {
        code: "HAM",
        name: "Hamburg",
        materials: &materials,
        presses: &[],
    };
    let plant = world.plant_at_rest(&company.tenant, &plan).await?;
    Ok((world, company, plant))
}

/// Three events of yesterday, sealed as the plant would have with yesterday's clock, in its ledger; it was offline since.
fn yesterday(plant: &Plant) -> Result<()> {
    let at = to_micros(SystemClock.now() - SignedDuration::from_hours(24));
    let file = rusqlite::Connection::open(plant.data_dir().join("ledger.db"))?;
    let agent: String = file.query_row("select agent_id from meta", [], |row| row.get(0))?;
    let producer: ProducerId = agent.parse()?;
    let mut rng = StdRng::seed_from_u64(1);
    let mut head = ChainHead::genesis(producer, 1);
    for count in [100, 200, 300] {
        let gap = TelemetryGap {
            series: None,
            from: at,
            to: at,
            count,
            reason: "the disk was full".to_owned(),
        };
        let new = NewEvent {
            event_id: EventId::generate(at, &mut rng),
            occurred_at: at,
            recorded_at: at,
            actor: Actor::System {
                component: "telemetry".to_owned(),
            },
            event: Event::Gap(gap),
        };
        let event = Envelope::seal(producer, 1, &head, &new);
        head = event.head();
        file.execute(
            "insert into event (producer_id, epoch, seq, event_id, kind, version, occurred_at, recorded_at, actor, payload,
                 prev_hash, hash)
             values (?1, 1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9, ?10)",
            rusqlite::params![
                agent,
                event.seq,
                event.event_id.to_string(),
                event.kind,
                event.version,
                at.as_microsecond(),
                serde_json::to_string(&event.actor)?,
                event.payload.get(),
                event.prev_hash.as_bytes(),
                event.hash.as_bytes(),
            ],
        )?;
    }
    file.execute(
        "update meta set head_seq = ?1, head_hash = ?2",
        rusqlite::params![head.last_seq, head.hash.as_bytes()],
    )?;
    Ok(())
}

async fn receive(plant: &Plant, number: &str) -> Result<()> {
    let command = ["lot", "receive", "--number", number];
    let what = ["--material", "BOARD-300", "--quantity", "50"];
    plant.command(&[command, what].concat()).await?;
    Ok(())
}

/// The status, and whether the command says that a person is not needed.
async fn status(plant: &Plant) -> Result<(Value, bool)> {
    let output = plant.try_command(&["status", "--json"]).await?;
    let status = serde_json::from_str(&output.stdout).context(output.stderr)?;
    Ok((status, output.succeeded))
}

/// Waits until so many days are proven at the plant, and so many differ.
async fn days(plant: &Plant, proven: u64, differing: u64) -> Result<(Value, bool)> {
    let what = format!("{proven} proven days and {differing} that differ");
    wait::until(&what, LIMIT, async || {
        let (status, is_good) = status(plant).await?;
        let days = &status["ledger"]["days"];
        let found = days["proven"] == proven && days["differing"] == differing;
        Ok(found.then_some((status, is_good)))
    })
    .await
}

async fn at_hub(world: &World, company: &Company) -> Result<Value> {
    let shown = company.get(&world.hub, "/api/v1/plants/HAM/sync").await?;
    Ok(shown["agents"][0].clone())
}

async fn database(world: &World) -> Result<PgConnection> {
    Ok(PgConnection::connect(&world.hub.database().admin_url).await?)
}

/// Somebody changes the hub's database by hand.
async fn by_hand(world: &World, sql: &str) -> Result<u64> {
    let mut connection = database(world).await?;
    let changed = sqlx::query(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await?;
    Ok(changed.rows_affected())
}

async fn topics(world: &World) -> Result<Vec<String>> {
    let mut connection = database(world).await?;
    let sql = "select topic from event_outbox where topic like 'sync.%' order by outbox_id";
    Ok(sqlx::query_scalar(sql).fetch_all(&mut connection).await?)
}

async fn restart(plant: &mut Plant) -> Result<()> {
    plant.stop().await?;
    plant.start().await
}

#[tokio::test]
async fn a_day_is_proven_on_both_sides_and_a_row_that_is_changed_by_hand_is_found_on_either()
-> Result<()> {
    let (world, company, mut plant) = world("days_proven").await?;
    yesterday(&plant)?;
    let day = day_of(SystemClock.now() - SignedDuration::from_hours(24)).to_string();
    plant.start().await?;
    receive(&plant, "R-4").await?;
    drained(&plant).await?;

    let (shown, is_good) = days(&plant, 1, 0).await?;

    assert!(is_good, "{shown:#}");
    assert_eq!(shown["ledger"]["days"]["last_proven"], json!(day));
    let hub = &shown["running"]["surroundings"]["hub"];
    let skew = hub["clock_skew_ms"].as_i64().context("no clock")?;
    assert!(skew.abs() < 10_000, "{skew}");
    let text = plant.command_text(&["status"]).await?;
    let proven = format!("1 are proven to be the same at the hub, the last one {day}");
    assert!(text.contains(&proven), "{text}");
    let agent = at_hub(&world, &company).await?;
    assert_eq!(agent["days"]["last_proven"], json!(day), "{agent:#}");
    assert_eq!(agent["days"]["differing"], 0);
    assert!(agent["told"]["told_at"].is_string(), "{agent:#}");
    assert_eq!(agent["alarm"], Value::Null);

    // A row grows at the hub.
    let grown = "update ledger_event set payload = replace(payload, '\"count\":200', '\"count\":900') where seq = 2 and epoch = 1";
    ensure!(by_hand(&world, grown).await? == 1, "nothing was changed");
    restart(&mut plant).await?;
    let (shown, is_good) = days(&plant, 0, 1).await?;
    assert!(!is_good, "the exit code says that a person is needed");
    let finding = shown["ledger"]["days"]["first_differing"]["finding"].to_string();
    for part in [
        "epoch 1, events 1 to 3",
        "here 3 events",
        "at the hub 3 events",
        "event 2 is missing or not",
    ] {
        assert!(finding.contains(part), "{finding}");
    }
    let alarms = shown["running"]["surroundings"]["alarms"].to_string();
    assert!(
        alarms.contains("is not the same here and at the hub"),
        "{alarms}"
    );
    let agent = at_hub(&world, &company).await?;
    let first = &agent["days"]["first_differing"];
    assert_eq!(
        (&first["hub_fault"], &first["agent_fault"]),
        (&json!(2), &Value::Null)
    );
    assert_eq!(topics(&world).await?, ["sync.day-differs"]);

    // It is mended.
    let mended = "update ledger_event set payload = replace(payload, '\"count\":900', '\"count\":200') where seq = 2 and epoch = 1";
    by_hand(&world, mended).await?;
    restart(&mut plant).await?;
    days(&plant, 1, 0).await?;
    assert_eq!(
        topics(&world).await?,
        ["sync.day-differs", "sync.day-equal-again"]
    );

    // Now the plant's own file.
    plant.stop().await?;
    let file = rusqlite::Connection::open(plant.data_dir().join("ledger.db"))?;
    let changed = "update event set payload = replace(payload, '\"count\":300', '\"count\":301') where seq = 3";
    ensure!(file.execute(changed, [])? == 1, "nothing was changed");
    drop(file);
    plant.start().await?;
    let (shown, _) = days(&plant, 0, 1).await?;
    let finding = shown["ledger"]["days"]["first_differing"]["finding"].to_string();
    assert!(finding.contains("which were 3 events"), "{finding}");
    let agent = at_hub(&world, &company).await?;
    let first = &agent["days"]["first_differing"];
    assert_eq!(
        (&first["agent_fault"], &first["hub_fault"]),
        (&json!(3), &Value::Null),
        "{agent:#}"
    );
    let verified = plant.try_command(&["ledger", "verify"]).await?;
    assert!(!verified.succeeded);
    let told = format!("day {day} (events 1 to 3) had 3 events");
    assert!(verified.stdout.contains(&told), "{}", verified.stdout);
    Ok(())
}

#[tokio::test]
async fn what_stands_still_is_an_alarm_on_both_sides_once_and_is_over_once() -> Result<()> {
    let (mut world, company, mut plant) = world("no_progress").await?;
    world.hub.stop().await?;
    world.hub.configure("[sync]\nalarm_after_s = 30")?;
    let file = plant.config_file();
    let config = std::fs::read_to_string(&file)?;
    let config = config.replace("\n[hub]\n", "\n[hub]\nalarm_after_s = 2\n");
    ensure!(config.contains("alarm_after_s = 2"), "no [hub] in {config}");
    std::fs::write(&file, config)?;
    plant.start().await?;
    receive(&plant, "R-1").await?;

    let stalled = async |plant: &Plant, is_stalled: bool| {
        wait::until("the plant's alarm", LIMIT, async || {
            let (status, is_good) = status(plant).await?;
            let since = &status["running"]["surroundings"]["hub"]["stalled_since"];
            let found = since.is_string() == is_stalled && is_good != is_stalled;
            Ok(found.then_some(status))
        })
        .await
    };
    let shown = stalled(&plant, true).await?;
    let alarms = shown["running"]["surroundings"]["alarms"].to_string();
    assert!(
        alarms.contains("has taken no event for 2 s and 1 wait"),
        "{alarms}"
    );
    let text = plant.try_command(&["status"]).await?.stdout;
    assert!(
        text.contains("ALARM    NOTHING that waits is taken"),
        "{text}"
    );
    world.hub.start().await?;
    stalled(&plant, false).await?;
    drained(&plant).await?;

    // The plant goes silent; an hour passes in the rows of the hub.
    plant.kill()?;
    for hour in [
        "update producer set seen_at = seen_at - interval '1 hour', changed_at = changed_at - interval '1 hour'",
        "update producer_watch set told_at = told_at - interval '1 hour'",
    ] {
        by_hand(&world, hour).await?;
    }
    let alarm = async |reason: Value| {
        wait::until("the hub's alarm", LIMIT, async || {
            let agent = at_hub(&world, &company).await?;
            Ok((agent["alarm"]["reason"] == reason).then_some(agent))
        })
        .await
    };
    alarm(json!("no-contact")).await?;
    plant.start().await?;
    alarm(Value::Null).await?;
    assert_eq!(
        topics(&world).await?,
        ["sync.no-progress", "sync.progress-resumed"]
    );
    Ok(())
}
