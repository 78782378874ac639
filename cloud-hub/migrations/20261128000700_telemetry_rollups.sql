-- Telemetry for years: the server copies raw samples itself, roll-ups by minute, hour and day are ordinary tables, and an
-- agent may deliver several epochs at once.
--
-- The server may insert the columns (series_id, at, value) of telemetry.sample and nothing else. The tenant is the default
-- of its column, taken from app.tenant_id, so the writer has no way to name one; without a tenant the row is refused,
-- because the column is not null. It still reads through the barrier view alone.

drop function telemetry_insert(bigint[], bigint[], double precision[]);
revoke all on telemetry.sample from agog_ingest;
revoke all on function telemetry.ensure_day(date) from agog_ingest;
revoke all on schema telemetry from agog_ingest;

alter table telemetry.sample
    alter column tenant_id set default nullif(current_setting('app.tenant_id', true), '')::uuid;
-- Values are looked up in the table: a narrower index is written faster, and charts read roll-ups.
drop index telemetry.sample_series;
create index sample_series on telemetry.sample (tenant_id, series_id, at);
grant usage on schema telemetry to agog_server;
grant insert (series_id, at, value) on telemetry.sample to agog_server;

-- Makes the partition of one day, as before. Who has waited for another to make it asks pg_class itself: what to_regclass
-- says may be of before the wait.
create or replace function telemetry.ensure_day(day date) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    partition_name text := 'sample_' || to_char(day, 'YYYYMMDD');
begin
    if to_regclass('telemetry.' || partition_name) is not null then
        return;
    end if;
    perform pg_advisory_xact_lock(hashtext('telemetry.ensure_day'));
    if exists (select from pg_class where relname = partition_name and relnamespace = 'telemetry'::regnamespace) then
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
grant execute on function telemetry.ensure_day(date) to agog_server;

-- Drops the oldest day when it is before the given one, and says which it was. Whoever reads or writes samples waits for
-- that moment; when it does not come within a second, the day stays until the next pass.
create function telemetry.drop_day(before date) returns date
    language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s'
as $$
declare
    oldest date;
begin
    -- Whatever the caller believes: nobody wants the samples of today dropped.
    if before > current_date then
        raise exception 'samples of today and later are not dropped';
    end if;
    select min(to_date(substr(c.relname, 8), 'YYYYMMDD')) into oldest
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'telemetry.sample'::regclass;
    if oldest is null or oldest >= before then
        return null;
    end if;
    execute format('drop table telemetry.%I', 'sample_' || to_char(oldest, 'YYYYMMDD'));
    return oldest;
end
$$;
revoke all on function telemetry.drop_day(date) from public;
grant execute on function telemetry.drop_day(date) to agog_server;

-- What the samples of a series in a minute, an hour or a day come to (cloud-hub/src/equipment/rollup.rs). `held` is the
-- sum of each value times the seconds until the next sample of the bucket, so that two that follow each other merge
-- exactly. Rows of the present are written again and again: room in their pages keeps them where they are.
alter table telemetry_minute rename to telemetry_minute_old;
alter index telemetry_minute_pkey rename to telemetry_minute_old_pkey;

create table telemetry_minute (
    tenant_id     uuid not null,
    series_id     bigint not null,
    bucket        timestamptz not null,
    sample_count  bigint not null,
    min           double precision not null,
    max           double precision not null,
    sum           double precision not null,
    first         double precision not null,
    first_at      timestamptz not null,
    last          double precision not null,
    last_at       timestamptz not null,
    held          double precision not null,
    primary key (tenant_id, series_id, bucket),
    foreign key (tenant_id, series_id) references telemetry_series (tenant_id, series_id)
) with (fillfactor = 80);
create table telemetry_hour (like telemetry_minute including indexes including storage) with (fillfactor = 60);
create table telemetry_day (like telemetry_minute including indexes including storage) with (fillfactor = 60);
alter table telemetry_hour
    add foreign key (tenant_id, series_id) references telemetry_series (tenant_id, series_id);
alter table telemetry_day
    add foreign key (tenant_id, series_id) references telemetry_series (tenant_id, series_id);

-- Minutes are told anew from the samples, as far as these are here.
insert into telemetry_minute
select tenant_id, series_id, bucket, count(*), min(value), max(value), sum(value),
    (array_agg(value order by at, value))[1], min(at),
    (array_agg(value order by at desc, value desc))[1], max(at),
    coalesce(sum(value * extract(epoch from next_at - at)::double precision), 0)
from (
    select tenant_id, series_id, at, value, date_trunc('minute', at, 'UTC') as bucket,
        lead(at) over (partition by tenant_id, series_id, date_trunc('minute', at, 'UTC') order by at, value) as next_at
    from telemetry.sample
) as s
group by tenant_id, series_id, bucket;
-- Minutes whose samples are gone say neither how they began nor how long a value stood: they count as a mean that stood
-- from the start of the minute. The owner reads the rows of all tenants for this once.
alter table telemetry_minute_old no force row level security;
insert into telemetry_minute
select tenant_id, series_id, minute, sample_count, min, max, sum, sum / sample_count, minute, last, last_at,
    sum / sample_count * extract(epoch from last_at - minute)::double precision
from telemetry_minute_old
on conflict do nothing;
drop table telemetry_minute_old;

-- Hours follow from minutes and days from hours: what each holds, and its last value until the next one begins.
insert into telemetry_hour
select tenant_id, series_id, whole, sum(sample_count), min(min), max(max), sum(sum),
    (array_agg(first order by bucket))[1], min(first_at), (array_agg(last order by bucket desc))[1], max(last_at),
    sum(held) + coalesce(sum(last * extract(epoch from next_at - last_at)::double precision), 0)
from (
    select *, date_trunc('hour', bucket, 'UTC') as whole,
        lead(first_at) over (partition by tenant_id, series_id, date_trunc('hour', bucket, 'UTC') order by bucket) as next_at
    from telemetry_minute
) as m
group by tenant_id, series_id, whole;
insert into telemetry_day
select tenant_id, series_id, whole, sum(sample_count), min(min), max(max), sum(sum),
    (array_agg(first order by bucket))[1], min(first_at), (array_agg(last order by bucket desc))[1], max(last_at),
    sum(held) + coalesce(sum(last * extract(epoch from next_at - last_at)::double precision), 0)
from (
    select *, date_trunc('day', bucket, 'UTC') as whole,
        lead(first_at) over (partition by tenant_id, series_id, date_trunc('day', bucket, 'UTC') order by bucket) as next_at
    from telemetry_hour
) as h
group by tenant_id, series_id, whole;

-- How far the epochs of an agent's telemetry are delivered that are not its newest: the newest stands in `producer`, whose
-- row is the lock of them all.
create table telemetry_epoch (
    tenant_id    uuid not null,
    producer_id  uuid not null,
    epoch        bigint not null check (epoch > 0),
    last_block   bigint not null check (last_block >= 0),
    stream       text not null generated always as ('telemetry') stored,
    primary key (tenant_id, producer_id, epoch),
    foreign key (tenant_id, producer_id, stream) references producer (tenant_id, producer_id, stream)
);

-- Every tenant sees its own rows, also the owner of the tables.
do $$
declare
    name text;
begin
    foreach name in array array['telemetry_minute', 'telemetry_hour', 'telemetry_day', 'telemetry_epoch']
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I
                using (tenant_id = (select nullif(current_setting(''app.tenant_id'', true), ''''))::uuid)
                with check (tenant_id = (select nullif(current_setting(''app.tenant_id'', true), ''''))::uuid)', name);
    end loop;
end
$$;
-- Roll-ups go when they are old enough; nothing else is ever deleted.
grant select, insert, update, delete on telemetry_minute, telemetry_hour, telemetry_day to agog_server;
grant select, insert, update on telemetry_epoch to agog_server;
