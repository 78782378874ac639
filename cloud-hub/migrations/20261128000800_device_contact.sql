-- When contact with a device was lost and found: what it did between cannot be told from its states alone.

create table device_contact (
    tenant_id    uuid not null,
    device_id    bigint not null,
    event_id     uuid not null,
    is_lost      boolean not null,
    occurred_at  timestamptz not null,
    primary key (tenant_id, device_id, occurred_at, event_id),
    foreign key (tenant_id, device_id) references device (tenant_id, device_id)
);

-- Devices that are lost now were lost before this was kept. The owner sees them for a moment, whosever they are.
alter table device no force row level security;
insert into device_contact (tenant_id, device_id, event_id, is_lost, occurred_at)
select tenant_id, device_id, gen_random_uuid(), true, last_seen_at from device where is_lost;
alter table device force row level security;

alter table device_contact enable row level security;
alter table device_contact force row level security;
create policy tenant_isolation on device_contact
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), ''))::uuid)
    with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), ''))::uuid);
grant select, insert on device_contact to agog_server;
