-- The newest sample of a series, in one place for all who ask (cloud-hub/src/equipment/store/numbers.rs): of those whose time is
-- no later than `until`, and of all only when there is none of these. A clock that is ahead does not hide what comes now.
--
-- Two looks at the key, the second only where the first finds nothing. It runs with the rights of who calls it.
create function telemetry_newest(tenant uuid, series bigint, until timestamptz)
    returns table (value double precision, at timestamptz)
    language sql stable
as $$
    select coalesce(come.last, ahead.last), coalesce(come.last_at, ahead.last_at)
    from (values (true)) as one (row)
        left join lateral (
            select last, last_at from telemetry_minute
            where tenant_id = tenant and series_id = series and bucket <= until and last_at <= until
            order by bucket desc limit 1
        ) as come on true
        left join lateral (
            select last, last_at from telemetry_minute
            where come.last_at is null and tenant_id = tenant and series_id = series
            order by bucket desc limit 1
        ) as ahead on true
    where coalesce(come.last_at, ahead.last_at) is not null
$$;
