-- What devices report beyond their state: modules, consumables, and what they tell people.

alter table device
    add column condition       text,
    add column operation_mode  text,
    add column operators       text[] not null default '{}',
    -- The units of the device with their states, as the device named them.
    add column modules         jsonb not null default '[]';

alter table device_state
    add column condition       text,
    add column operation_mode  text,
    add column operators       text[] not null default '{}',
    add column modules         jsonb not null default '[]';

-- What is on the device now: one row for each resource and place.
create table device_resource (
    tenant_id         uuid not null,
    device_id         bigint not null,
    resource          text not null,
    -- The id of the resource, or else its location; empty where the device names neither.
    place             text not null,
    resource_ref      text,
    product           text,
    lot               text,
    location          text,
    level             text,
    available_amount  numeric(20, 6),
    used_amount       numeric(20, 6),
    unit              text,
    job               text,
    event_id          uuid not null,
    occurred_at       timestamptz not null,
    primary key (tenant_id, device_id, resource, place),
    foreign key (tenant_id, device_id) references device (tenant_id, device_id)
);

-- Every change of it.
create table device_resource_entry (
    tenant_id         uuid not null,
    device_id         bigint not null,
    entry_id          bigint generated always as identity,
    resource          text not null,
    resource_ref      text,
    product           text,
    lot               text,
    location          text,
    level             text,
    available_amount  numeric(20, 6),
    used_amount       numeric(20, 6),
    unit              text,
    job               text,
    event_id          uuid not null,
    occurred_at       timestamptz not null,
    primary key (tenant_id, device_id, occurred_at, entry_id),
    foreign key (tenant_id, device_id) references device (tenant_id, device_id)
);

-- What devices tell people.
create table device_notification (
    tenant_id    uuid not null,
    device_id    bigint not null,
    entry_id     bigint generated always as identity,
    class        text not null,
    type         text,
    text         text,
    milestone    text,
    job          text,
    module       text,
    event_id     uuid not null,
    occurred_at  timestamptz not null,
    primary key (tenant_id, device_id, occurred_at, entry_id),
    foreign key (tenant_id, device_id) references device (tenant_id, device_id)
);

-- Every tenant sees its own rows, also the owner of the tables.
do $$
declare
    name text;
begin
    foreach name in array array['device_resource', 'device_resource_entry', 'device_notification']
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I
                using (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)
                with check (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)', name);
    end loop;
end
$$;

grant select, insert, update on device_resource to agog_server;
grant select, insert on device_resource_entry, device_notification to agog_server;
