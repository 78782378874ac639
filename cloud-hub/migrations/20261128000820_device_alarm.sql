-- Alarms of devices: when a metric goes beyond a threshold, and what devices report themselves.

-- The thresholds as they are set (device_setting), each with how it stands.
create table alarm_rule (
    tenant_id      uuid not null,
    device_id      bigint not null,
    name           text not null,
    metric         text not null,
    above          double precision,
    below          double precision,
    -- At this value it is over.
    clear          double precision not null,
    for_s          integer not null check (for_s >= 0),
    class          text not null,
    text           text,
    -- The newest sample that was considered; what comes later with an older time changes nothing.
    seen_at        timestamptz,
    -- Since when the metric is beyond the threshold without an alarm, and what it was last.
    pending_since  timestamptz,
    pending_value  double precision,
    -- The alarm that stands.
    alarm_id       bigint,
    primary key (tenant_id, device_id, name),
    check ((above is null) <> (below is null)),
    foreign key (tenant_id, device_id) references device (tenant_id, device_id)
);

create table device_alarm (
    tenant_id        uuid not null,
    alarm_id         bigint generated always as identity,
    -- The event that raised it.
    event_id         uuid not null,
    device_id        bigint not null,
    source           text not null check (source in ('threshold', 'device')),
    -- What the same alarm has in common: the name of its rule, or a hash of what the device said.
    key              text not null,
    class            text not null,
    text             text,
    metric           text,
    value            double precision,
    threshold        double precision,
    type             text,
    module           text,
    job              text,
    raised_at        timestamptz not null,
    -- Devices repeat themselves while an alarm stands.
    times            bigint not null default 1,
    last_at          timestamptz not null,
    cleared_at       timestamptz,
    cleared_value    double precision,
    acknowledged_at  timestamptz,
    acknowledged_by  text,
    note             text,
    created_at       timestamptz not null,
    status           text not null generated always as (
        case when cleared_at is not null then 'cleared' when acknowledged_at is not null then 'acknowledged' else 'open' end
    ) stored,
    primary key (tenant_id, alarm_id),
    constraint device_alarm_event_key unique (tenant_id, event_id),
    foreign key (tenant_id, device_id) references device (tenant_id, device_id)
);
create unique index device_alarm_standing on device_alarm (tenant_id, device_id, key) where cleared_at is null;
create index device_alarm_status on device_alarm (tenant_id, status, alarm_id);
create index device_alarm_device on device_alarm (tenant_id, device_id, alarm_id);

do $$
declare
    name text;
begin
    foreach name in array array['alarm_rule', 'device_alarm']
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

grant select, insert, update, delete on alarm_rule to agog_server;
grant select, insert, update on device_alarm to agog_server;
