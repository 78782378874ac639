//! No tenant ever reads another's row (I3), asked of the database itself as the server's role.

mod support;

use agog_hub::db::{Pool, SystemTx, TenantTx};
use agog_hub::tenants::Role;
use agog_sync::clock::Clock as _;
use agog_sync::frame::{PROTOCOL, SeriesKey, TelemetryBatch, TelemetryBlock};
use agog_sync::ids::TenantId;
use sqlx::postgres::PgConnectOptions;

use support::{Agent, World, states};

/// One relation that the server's role can do something with.
#[derive(Debug, sqlx::FromRow)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one answer of the catalogue each"
)]
struct Relation {
    name: String,
    kind: String,
    has_tenant: bool,
    is_enabled: bool,
    is_forced: bool,
    has_policy: bool,
    is_barrier: bool,
    view_names_tenant: bool,
    is_written_only: bool,
}

/// Every relation outside the system's own schemas on which the role has any right, partitions too.
const READABLE: &str = "
    select n.nspname || '.' || c.relname as name, c.relkind::text as kind,
        exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
            as has_tenant,
        c.relrowsecurity as is_enabled, c.relforcerowsecurity as is_forced,
        exists (
            select from pg_policy p where p.polrelid = c.oid and p.polcmd = '*' and p.polpermissive
                and pg_get_expr(p.polqual, c.oid) like '%app.tenant_id%'
                and pg_get_expr(p.polwithcheck, c.oid) like '%app.tenant_id%'
        ) and not exists (
            select from pg_policy p where p.polrelid = c.oid
                and coalesce(pg_get_expr(p.polqual, c.oid), '') not like '%app.tenant_id%'
                and (p.polroles = '{0}' or 'agog_server'::regrole::oid = any (p.polroles))
        ) as has_policy,
        coalesce(c.reloptions @> '{security_barrier=true}' or c.reloptions @> '{security_barrier=on}', false) as is_barrier,
        c.relkind = 'v' and pg_get_viewdef(c.oid) like '%app.tenant_id%' as view_names_tenant,
        -- Columns may be inserted, not the tenant: that is a default from app.tenant_id and never null. Nothing else.
        not has_table_privilege('agog_server', c.oid, 'select, insert, update, delete, truncate, references, trigger')
            and not has_any_column_privilege('agog_server', c.oid, 'select, update, references')
            and exists (
                select from pg_attribute a join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
                where a.attrelid = c.oid and a.attname = 'tenant_id' and a.attnotnull
                    and not has_column_privilege('agog_server', c.oid, a.attnum, 'insert')
                    and pg_get_expr(d.adbin, d.adrelid) like '%app.tenant_id%'
            ) as is_written_only
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_toast%'
        and c.relkind in ('r', 'p', 'v', 'm', 'f')
        and has_schema_privilege('agog_server', n.oid, 'usage')
        and (has_table_privilege('agog_server', c.oid, 'select, insert, update, delete, truncate, references, trigger')
            or has_any_column_privilege('agog_server', c.oid, 'select, insert, update, references'))
    order by 1";

#[tokio::test]
async fn every_relation_that_the_server_reaches_is_bound_to_the_tenant() {
    let world = World::open().await;
    // No tenant fits: the catalogue is asked, as the role itself.
    let mut tx = SystemTx::begin(&world.hub.app.pool).await.unwrap();
    let relations: Vec<Relation> = sqlx::query_as(READABLE).fetch_all(tx.conn()).await.unwrap();

    assert!(
        relations.len() > 20,
        "the catalogue shows {} relations",
        relations.len()
    );
    for relation in &relations {
        assert!(relation.has_tenant, "{} has no tenant_id", relation.name);
        let is_bound = if relation.kind == "v" {
            relation.is_barrier && relation.view_names_tenant
        } else {
            relation.is_enabled && relation.is_forced && relation.has_policy
        };
        assert!(
            is_bound || relation.is_written_only,
            "not bound to the tenant: {relation:?}"
        );
    }
    let written_only = relations.iter().filter(|r| r.is_written_only);
    let written_only: Vec<_> = written_only.map(|r| r.name.as_str()).collect();
    // Of a hypertable its chunks, too, which have the rights of their table.
    assert_eq!(written_only.first(), Some(&"telemetry.sample"));
    assert!(
        written_only
            .iter()
            .skip(1)
            .all(|name| name.starts_with("_timescaledb_internal."))
    );
}

/// The table of raw samples and each of its partitions or chunks.
const RAW: &str = "
    select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('telemetry', '_timescaledb_internal') and c.relkind in ('r', 'p') order by 1";

#[tokio::test]
async fn raw_samples_are_read_through_the_barrier_view_alone_wherever_they_lie() {
    let world = World::open().await;
    let (one, two) = (world.tenant().await, world.tenant().await);
    let agent = world.agent(one).await;
    let pushed = world
        .push(
            &agent.token(&world).await,
            "/sync/v1/telemetry",
            &block_of(&world, &agent),
        )
        .await;
    assert_eq!(pushed.status, 200, "{}", pushed.text);

    let mut tx = SystemTx::begin(&world.hub.app.pool).await.unwrap();
    let relations: Vec<String> = sqlx::query_scalar(RAW).fetch_all(tx.conn()).await.unwrap();
    drop(tx);
    assert!(relations.len() >= 2, "no partition in {relations:?}");
    let foreign = two.uuid();
    for relation in relations {
        for statement in [
            format!("select value from {relation}"),
            format!("select count(*) from {relation}"),
            format!("copy {relation} to stdout"),
            format!("update {relation} set value = 0"),
            format!("delete from {relation}"),
            format!("truncate {relation}"),
            format!("lock table {relation} in access exclusive mode"),
            format!("insert into {relation} values ('{foreign}', 1, now(), 1)"),
            format!(
                "insert into {relation} (tenant_id, series_id, at, value) values (default, 1, now(), 1)"
            ),
            format!(
                "insert into {relation} (series_id, at, value) values (1, now(), 1) returning tenant_id"
            ),
            format!("copy {relation} (tenant_id, series_id, at, value) from stdin"),
        ] {
            assert_eq!(
                refusal(&world, one, &statement).await,
                "42501",
                "{statement}"
            );
        }
    }
    let rows = "select tenant_id from telemetry_sample";
    for (tenant, expected) in [(one, vec![one; 3]), (two, vec![])] {
        let mut tx = TenantTx::begin(&world.hub.app.pool, tenant).await.unwrap();
        let seen: Vec<uuid::Uuid> = sqlx::query_scalar(rows).fetch_all(tx.conn()).await.unwrap();
        let seen: Vec<_> = seen.into_iter().map(TenantId::from_uuid).collect();
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn a_sample_belongs_to_the_tenant_of_its_transaction_and_without_one_it_is_refused() {
    let world = World::open().await;
    let (one, two) = (world.tenant().await, world.tenant().await);
    let insert = "insert into telemetry.sample (series_id, at, value) values (1, now(), 7)";
    let mut tx = TenantTx::begin(&world.hub.app.pool, one).await.unwrap();
    sqlx::query("select telemetry.ensure_day((now() at time zone 'UTC')::date)")
        .execute(tx.conn())
        .await
        .unwrap();
    sqlx::query(insert).execute(tx.conn()).await.unwrap();
    let seen = async |tx: &mut TenantTx, tenant: TenantId| -> i64 {
        sqlx::query("select set_config('app.tenant_id', $1, true)")
            .bind(tenant.to_string())
            .execute(tx.conn())
            .await
            .unwrap();
        sqlx::query_scalar("select count(*) from telemetry_sample")
            .fetch_one(tx.conn())
            .await
            .unwrap()
    };
    assert_eq!((seen(&mut tx, one).await, seen(&mut tx, two).await), (1, 0));

    // Nobody has said whose rows are meant.
    sqlx::query("select set_config('app.tenant_id', '', true)")
        .execute(tx.conn())
        .await
        .unwrap();
    let refused = sqlx::query(insert).execute(tx.conn()).await.unwrap_err();
    let code = refused.as_database_error().unwrap().code();
    assert_eq!(code.as_deref(), Some("23502"), "{refused}");
}

/// What a statement of a tenant is refused with.
async fn refusal(world: &World, tenant: TenantId, statement: &str) -> String {
    let mut tx = TenantTx::begin(&world.hub.app.pool, tenant).await.unwrap();
    let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
        .execute(tx.conn())
        .await
        .expect_err(statement);
    let code = refused.as_database_error().unwrap().code();
    code.unwrap_or_default().into_owned()
}

/// Three samples of now.
fn block_of(world: &World, agent: &Agent) -> TelemetryBatch {
    let now = world.clock.now().as_microsecond();
    TelemetryBatch {
        protocol: PROTOCOL,
        producer: agent.agent_id.into(),
        epoch: 1,
        first_block: 1,
        last_block: 1,
        blocks: vec![TelemetryBlock {
            block: 1,
            series: vec![SeriesKey {
                device: "press-3".to_owned(),
                metric: "speed".to_owned(),
                unit: None,
            }],
            series_index: vec![0; 3],
            time_us: vec![now, now + 1, now + 2],
            value: vec![1.0, 2.0, 3.0],
        }],
    }
}

#[tokio::test]
async fn the_server_owns_nothing_and_cannot_go_around_row_security() {
    let world = World::open().await;
    let mut tx = SystemTx::begin(&world.hub.app.pool).await.unwrap();
    let (role, is_bound): (String, bool) = sqlx::query_as(
        "select rolname::text, not (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolinherit)
             and not exists (select from pg_auth_members m where m.member = r.oid)
         from pg_roles r where rolname = current_user",
    )
    .fetch_one(tx.conn())
    .await
    .unwrap();
    let owned: i64 =
        sqlx::query_scalar("select count(*) from pg_class where relowner = current_user::regrole")
            .fetch_one(tx.conn())
            .await
            .unwrap();
    assert_eq!((role.as_str(), is_bound, owned), ("agog_server", true, 0));
}

#[tokio::test]
async fn keys_and_indexes_of_tenants_begin_with_the_tenant() {
    let world = World::open().await;
    let mut tx = SystemTx::begin(&world.hub.app.pool).await.unwrap();
    let others: Vec<String> = sqlx::query_scalar(
        "select i.indexrelid::regclass::text from pg_index i
             join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
             join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
         where n.nspname in ('public', 'telemetry') and i.indkey[0] <> a.attnum order by 1",
    )
    .fetch_all(tx.conn())
    .await
    .unwrap();
    // The one name that operators type is unique across tenants.
    assert_eq!(others, ["tenant_name_key"]);
}

#[tokio::test]
async fn the_ledger_cannot_be_changed_by_the_server() {
    let world = World::open().await;
    let mut agent = world.agent(world.tenant().await).await;
    let token = agent.token(&world).await;
    let batch = agent.batch(&world, &states(1));
    world.push(&token, "/sync/v1/ledger", &batch).await;

    for statement in [
        "update ledger_event set payload = '{}'",
        "delete from ledger_event",
        "truncate ledger_event",
        "update tenant set name = 'x'",
        "alter table ledger_event disable row level security",
        "set role agog_owner",
        "set role agog_ingest",
    ] {
        let mut tx = TenantTx::begin(&world.hub.app.pool, agent.tenant_id)
            .await
            .unwrap();
        let refused = sqlx::query(statement).execute(tx.conn()).await.unwrap_err();
        let code = refused
            .as_database_error()
            .unwrap()
            .code()
            .unwrap()
            .into_owned();
        assert_eq!(code, "42501", "{statement}: {refused}");
    }
}

#[tokio::test]
async fn a_connection_that_goes_back_to_the_pool_carries_nobodys_tenant() {
    let world = World::open().await;
    let (one, two) = (world.tenant().await, world.tenant().await);
    let options: &PgConnectOptions = &world.hub.database;
    let pool = Pool::server(options.clone().username("agog_server"), 1);
    let seen = async |tx: &mut TenantTx| -> Vec<TenantId> {
        let rows: Vec<uuid::Uuid> = sqlx::query_scalar("select tenant_id from plant")
            .fetch_all(tx.conn())
            .await
            .unwrap();
        rows.into_iter().map(TenantId::from_uuid).collect()
    };

    let mut tx = TenantTx::begin(&pool, one).await.unwrap();
    assert_eq!(seen(&mut tx).await, [one]);
    tx.commit().await.unwrap();
    let mut tx = TenantTx::begin(&pool, two).await.unwrap();
    assert_eq!(seen(&mut tx).await, [two]);
    // Dropped in the middle of a failed statement.
    sqlx::query("select 1/0")
        .execute(tx.conn())
        .await
        .unwrap_err();
    drop(tx);

    // The same connection, and nobody has said whose rows are meant.
    let mut tx = SystemTx::begin(&pool).await.unwrap();
    let rows: i64 = sqlx::query_scalar("select count(*) from plant")
        .fetch_one(tx.conn())
        .await
        .unwrap();
    let setting: Option<String> =
        sqlx::query_scalar("select nullif(current_setting('app.tenant_id', true), '')")
            .fetch_one(tx.conn())
            .await
            .unwrap();
    assert_eq!((rows, setting), (0, None));
}

#[tokio::test]
async fn a_row_of_another_tenant_can_neither_be_written_nor_pointed_at() {
    let world = World::open().await;
    let (one, two) = (world.tenant().await, world.tenant().await);
    let plant = world.plant(two, "BER").await;
    let insert = "insert into producer (tenant_id, producer_id, stream, kind, plant_id, epoch, last_seq, changed_at)
        values ($1, gen_random_uuid(), 'telemetry', 'agent', $2, 1, 0, now())";

    // (as whom the row is written, what refuses it)
    for (tenant_id, expected) in [(two, "42501"), (one, "23503")] {
        let mut tx = TenantTx::begin(&world.hub.app.pool, one).await.unwrap();
        let written = sqlx::query(insert)
            .bind(tenant_id.uuid())
            .bind(plant.uuid());
        let refused = written.execute(tx.conn()).await.unwrap_err();
        let code = refused
            .as_database_error()
            .unwrap()
            .code()
            .unwrap()
            .into_owned();
        assert_eq!(code, expected, "{refused}");
    }
}

#[tokio::test]
async fn a_server_that_could_go_around_row_security_does_not_start() {
    let world = World::open().await;
    let server = world.hub.database.clone().username("agog_server");
    Pool::check_role(&server).await.unwrap();
    let refused = Pool::check_role(&world.hub.database).await.unwrap_err();
    let text = format!("{:#}", anyhow::Error::from(refused));
    assert!(text.contains("can bypass row security"), "{text}");
}

#[tokio::test]
async fn a_token_of_one_tenant_under_the_id_of_another_is_unknown() {
    let world = World::open().await;
    let (one, two) = (world.tenant().await, world.tenant().await);
    let token = world.token(one, Role::Admin).await;
    let crossed = token.replace(
        &one.uuid().simple().to_string(),
        &two.uuid().simple().to_string(),
    );
    let path = "/api/v1/inventory/stock-levels";
    assert_eq!(world.get(&token, path).await.status, 200);
    assert_eq!(
        world.get(&crossed, path).await.says(),
        (401, "token-unknown")
    );
}
