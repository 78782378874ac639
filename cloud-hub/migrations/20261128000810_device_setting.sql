-- What people set of a device: how fast it can be, its counters, its calendar, and what it raises alarms for. A device
-- without a row is as nothing were set.

create table device_setting (
    tenant_id   uuid not null,
    device_id   bigint not null,
    -- Counts the changes; the tag of what was read.
    version     bigint not null,
    settings    jsonb not null,
    updated_at  timestamptz not null,
    updated_by  text not null,
    primary key (tenant_id, device_id),
    foreign key (tenant_id, device_id) references device (tenant_id, device_id)
);

alter table device_setting enable row level security;
alter table device_setting force row level security;
create policy tenant_isolation on device_setting
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), ''))::uuid);
grant select, insert, update on device_setting to agog_server;
