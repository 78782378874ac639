-- Master data of the office: locations, operators and reason codes; materials stand in their own table, because plants
-- make them known too. Records are retired, never deleted: the ledger names them.

create table master_entry (
    tenant_id   uuid not null references tenant (tenant_id),
    entry_id    bigint generated always as identity,
    kind        text not null check (kind in ('locations', 'operators', 'reasons')),
    -- Null: of the whole company.
    plant_id    uuid,
    code        text not null check (code <> ''),
    name        text not null check (name <> ''),
    -- Of a reason: for what; empty: for everything.
    used_for    text[] not null default '{}',
    retired_at  timestamptz,
    created_at  timestamptz not null,
    created_by  text not null,
    updated_at  timestamptz not null,
    updated_by  text not null,
    primary key (tenant_id, entry_id),
    constraint master_entry_key unique nulls not distinct (tenant_id, kind, plant_id, code),
    check (kind <> 'locations' or plant_id is not null),
    check (kind <> 'reasons' or plant_id is null),
    foreign key (tenant_id, plant_id) references plant (tenant_id, plant_id)
);
create index master_entry_list on master_entry (tenant_id, kind, code, entry_id);

alter table master_entry enable row level security;
alter table master_entry force row level security;
create policy tenant_isolation on master_entry
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert, update on master_entry to agog_server;

-- Since when the office has said how a material is; null: what plants said of it stands.
alter table material add column defined_at timestamptz;
alter table material add column retired_at timestamptz;

-- Which kinds of feed items the agent reads (agog_sync::frame::FEED_READS).
alter table feed_cursor add column reads smallint not null default 1;
