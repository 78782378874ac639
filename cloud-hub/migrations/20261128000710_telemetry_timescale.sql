-- Where the server offers TimescaleDB, raw samples are a hypertable by day whose older days are compressed column by
-- column. What reads and writes them stays the same: the column rights, the barrier view, and the two functions. A
-- database without it keeps its partitions; an extension that is installed later changes nothing.
do $outer$
declare
    timescale text;
begin
    -- It is offered, and its library is loaded: without that, creating it would end the connection.
    if exists (select from pg_available_extensions where name = 'timescaledb')
        and exists (select from pg_settings where name like 'timescaledb.%')
    then
        begin
            create extension if not exists timescaledb;
        exception when insufficient_privilege then
            raise notice 'the owner may not create timescaledb: raw samples stay in partitions';
        end;
    end if;
    select n.nspname into timescale from pg_extension e join pg_namespace n on n.oid = e.extnamespace
    where e.extname = 'timescaledb';
    if timescale is null then
        return;
    end if;

    alter table telemetry.sample rename to sample_partitioned;
    drop index telemetry.sample_series;
    create table telemetry.sample (like telemetry.sample_partitioned including defaults);
    create index sample_series on telemetry.sample (tenant_id, series_id, at);
    execute format($$select %1$I.create_hypertable('telemetry.sample', %1$I.by_range('at', interval '1 day'),
        create_default_indexes => false)$$, timescale);
    insert into telemetry.sample (tenant_id, series_id, at, value)
        select tenant_id, series_id, at, value from telemetry.sample_partitioned;
    create or replace view public.telemetry_sample with (security_barrier) as
        select tenant_id, series_id, at, value
        from telemetry.sample
        where tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid;
    drop table telemetry.sample_partitioned;
    grant insert (series_id, at, value) on telemetry.sample to agog_server;
    -- Late samples mostly come within days, and are stored faster in rows.
    alter table telemetry.sample set (timescaledb.enable_columnstore = true,
        timescaledb.segmentby = 'tenant_id, series_id', timescaledb.orderby = 'at');
    execute format($$call %I.add_columnstore_policy('telemetry.sample', after => interval '7 days')$$, timescale);

    -- A hypertable makes its chunks by itself.
    create or replace function telemetry.ensure_day(day date) returns void
        language sql security definer set search_path = pg_catalog, pg_temp
    as 'select';
    -- All chunks at once: none is left that the next call could name.
    execute format($$
        create or replace function telemetry.drop_day(before date) returns date
            language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s'
        as $body$
        begin
            if before > current_date then
                raise exception 'samples of today and later are not dropped';
            end if;
            perform %I.drop_chunks('telemetry.sample', older_than => before::timestamp at time zone 'UTC');
            return null;
        end
        $body$ $$, timescale);
end
$outer$;
