-- Telemetry: raw samples behind a fence, and minute sums as an ordinary table.
--
-- Row security does not reach partitions, grants do. So the server role has no right at all on the schema
-- `telemetry`: it reads through one security-barrier view that is filtered by app.tenant_id, and writes through one
-- function that takes the tenant from there as well. The function belongs to agog_ingest, which may insert
-- samples and ask for partitions, nothing else. Samples and the block cursor commit together, because the
-- function runs in the caller's transaction.

create table telemetry_series (
    tenant_id   uuid not null,
    series_id   bigint generated always as identity,
    device_id   bigint not null,
    metric      text not null check (metric <> ''),
    unit        text,
    created_at  timestamptz not null,
    primary key (tenant_id, series_id),
    constraint telemetry_series_key unique (tenant_id, device_id, metric),
    foreign key (tenant_id, device_id) references device (tenant_id, device_id)
);

-- Sums by minute, kept in the transaction that stores the samples. Nothing here depends on the order of
-- arrival, so late samples land in their minute.
create table telemetry_minute (
    tenant_id     uuid not null,
    series_id     bigint not null,
    minute        timestamptz not null,
    sample_count  bigint not null,
    sum           double precision not null,
    min           double precision not null,
    max           double precision not null,
    last          double precision not null,
    last_at       timestamptz not null,
    primary key (tenant_id, series_id, minute),
    foreign key (tenant_id, series_id) references telemetry_series (tenant_id, series_id)
);

-- Samples that are missing, and why (invariant I6: stored + recorded gaps = produced). Agents report what they
-- shed as ledger events; the hub adds samples whose time no clock can have meant.
create table telemetry_gap (
    tenant_id     uuid not null references tenant (tenant_id),
    gap_id        bigint generated always as identity,
    plant_id      uuid not null,
    device        text,
    reason        text not null,
    sample_count  bigint not null,
    from_at       timestamptz not null,
    to_at         timestamptz not null,
    event_id      uuid,
    block         bigint,
    recorded_at   timestamptz not null,
    primary key (tenant_id, gap_id),
    foreign key (tenant_id, plant_id) references plant (tenant_id, plant_id)
);
create index telemetry_gap_plant on telemetry_gap (tenant_id, plant_id, from_at);

create schema telemetry;
revoke all on schema telemetry from public;

create table telemetry.sample (
    tenant_id  uuid not null,
    series_id  bigint not null,
    at         timestamptz not null,
    value      double precision not null
) partition by range (at);
create index sample_series on telemetry.sample (tenant_id, series_id, at) include (value);

-- Makes the partition of one day. The advisory lock puts makers in one queue, and attaching takes a lock that
-- neither readers nor inserters wait for.
create function telemetry.ensure_day(day date) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    partition_name text := 'sample_' || to_char(day, 'YYYYMMDD');
begin
    if to_regclass('telemetry.' || partition_name) is not null then
        return;
    end if;
    perform pg_advisory_xact_lock(hashtext('telemetry.ensure_day'));
    if to_regclass('telemetry.' || partition_name) is not null then
        return;
    end if;
    execute format('create table telemetry.%I (like telemetry.sample including defaults including constraints)', partition_name);
    execute format('revoke all on telemetry.%I from public', partition_name);
    execute format(
        'alter table telemetry.sample attach partition telemetry.%I for values from (%L) to (%L)',
        partition_name,
        (day::text || ' 00:00:00+00')::timestamptz,
        ((day + 1)::text || ' 00:00:00+00')::timestamptz);
end
$$;
revoke all on function telemetry.ensure_day(date) from public;

create function telemetry_insert(series_ids bigint[], times_us bigint[], sample_values double precision[])
    returns bigint
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    day date;
    inserted bigint;
begin
    if tenant is null then
        raise exception 'telemetry_insert needs app.tenant_id';
    end if;
    for day in
        select distinct (to_timestamp(0) at time zone 'UTC' + t * interval '1 microsecond')::date
        from unnest(times_us) as t order by 1
    loop
        perform telemetry.ensure_day(day);
    end loop;
    insert into telemetry.sample (tenant_id, series_id, at, value)
    select tenant, s.series_id, to_timestamp(0) + s.time_us * interval '1 microsecond', s.value
    from unnest(series_ids, times_us, sample_values) as s (series_id, time_us, value);
    get diagnostics inserted = row_count;
    return inserted;
end
$$;
revoke all on function telemetry_insert(bigint[], bigint[], double precision[]) from public;

create view telemetry_sample with (security_barrier) as
    select tenant_id, series_id, at, value
    from telemetry.sample
    where tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid;

-- Every tenant sees its own rows, also the owner of the tables.

alter table telemetry_series enable row level security;
alter table telemetry_series force row level security;
create policy tenant_isolation on telemetry_series
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on telemetry_series to agog_server;

alter table telemetry_minute enable row level security;
alter table telemetry_minute force row level security;
create policy tenant_isolation on telemetry_minute
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert, update on telemetry_minute to agog_server;

alter table telemetry_gap enable row level security;
alter table telemetry_gap force row level security;
create policy tenant_isolation on telemetry_gap
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on telemetry_gap to agog_server;

-- The fence: who may do what with raw samples. Creating the function in `public` as agog_ingest needs the right to
-- create there for a moment.
grant usage on schema telemetry to agog_ingest;
grant insert on telemetry.sample to agog_ingest;
grant execute on function telemetry.ensure_day(date) to agog_ingest;
grant create on schema public to agog_ingest;
alter function telemetry_insert(bigint[], bigint[], double precision[]) owner to agog_ingest;
revoke create on schema public from agog_ingest;
grant execute on function telemetry_insert(bigint[], bigint[], double precision[]) to agog_server;
revoke all on telemetry_sample from public, agog_server;
grant select on telemetry_sample to agog_server;
