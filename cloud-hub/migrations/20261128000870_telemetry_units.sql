-- A metric that is told in another unit is another series. What is told without a unit belongs to the first series of its metric,
-- and a unit that is said for the first time names the series that had none, so that a metric has either one series without
-- a unit or only series with one (cloud-hub/src/equipment/store/series.rs). The key also finds the series of a metric.
alter table telemetry_series
    drop constraint telemetry_series_key,
    add constraint telemetry_series_key unique nulls not distinct (tenant_id, device_id, metric, unit);
grant update (unit) on telemetry_series to agog_server;

-- An alarm's values are in the unit of the series that raised it. Until now a metric had one; the owner reads the rows of all tenants
-- for this once.
alter table device_alarm add column unit text;
alter table device_alarm no force row level security;
alter table telemetry_series no force row level security;
update device_alarm a set unit = s.unit from telemetry_series s
where s.tenant_id = a.tenant_id and s.device_id = a.device_id and s.metric = a.metric;
alter table telemetry_series force row level security;
alter table device_alarm force row level security;
