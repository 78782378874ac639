-- Equipment: the devices of each plant and what state they are in.
--
-- A device is known by the text that its plant calls it (`press-3`); it comes into being the first time
-- an event or a telemetry block names it.

create table device (
    tenant_id         uuid not null references tenant (tenant_id),
    device_id         bigint generated always as identity,
    public_id         uuid not null,
    plant_id          uuid not null,
    code              text not null check (code <> ''),
    name              text,
    state             text,
    state_detail      text,
    -- The job that the device said it works on.
    state_job         text,
    state_since       timestamptz,
    is_lost           boolean not null default false,
    last_seen_at      timestamptz not null,
    created_at        timestamptz not null,
    updated_at        timestamptz not null,
    primary key (tenant_id, device_id),
    constraint device_public_id_key unique (tenant_id, public_id),
    constraint device_code_key unique (tenant_id, plant_id, code),
    foreign key (tenant_id, plant_id) references plant (tenant_id, plant_id)
);

-- Every state change, for shift reports and OEE.
create table device_state (
    tenant_id    uuid not null,
    device_id    bigint not null,
    event_id     uuid not null,
    state        text not null,
    detail       text,
    job          text,
    occurred_at  timestamptz not null,
    primary key (tenant_id, device_id, occurred_at, event_id),
    foreign key (tenant_id, device_id) references device (tenant_id, device_id)
);

-- Every tenant sees its own rows, also the owner of the tables.

alter table device enable row level security;
alter table device force row level security;
create policy tenant_isolation on device
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert, update on device to agog_server;

alter table device_state enable row level security;
alter table device_state force row level security;
create policy tenant_isolation on device_state
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on device_state to agog_server;
