-- Inventory: materials, lots, and the facts that the lot ledger says about them.
--
-- Rows are derived from ledger events by inventory::apply and from nowhere else. Internal keys are bigint
-- (an edge with two uuid keys would be twice as large); the world sees public_id, a UUIDv7 made where the
-- lot was made. Entries, edges, uses and flags are only ever added.

create table material (
    tenant_id      uuid not null references tenant (tenant_id),
    material_id    bigint generated always as identity,
    public_id      uuid not null,
    code           text not null check (code <> ''),
    name           text not null,
    base_unit      text not null,
    width_mm       numeric(20, 6),
    length_mm      numeric(20, 6),
    grammage_g_m2  numeric(20, 6),
    created_at     timestamptz not null,
    created_by     text not null,
    updated_at     timestamptz not null,
    updated_by     text not null,
    primary key (tenant_id, material_id),
    constraint material_public_id_key unique (tenant_id, public_id),
    constraint material_code_key unique (tenant_id, code)
);

create table lot (
    tenant_id        uuid not null,
    lot_id           bigint generated always as identity,
    public_id        uuid not null,
    number           text not null,
    -- The home plant: where the lot was made, or where an unknown lot was first named.
    plant_id         uuid not null,
    -- Null for a lot that an event named before anybody made it known.
    material_id      bigint,
    base_unit        text not null,
    balance          numeric(20, 6) not null default 0,
    supplier         text,
    supplier_lot     text,
    expiry           date,
    location         text,
    quality          jsonb not null default '{}',
    -- How it came to be; `unknown` until the event that makes it is seen.
    origin           text not null,
    -- The job, device and operator that made it.
    work             jsonb not null default '{}',
    origin_producer  uuid not null,
    origin_event_id  uuid not null,
    created_at       timestamptz not null,
    updated_at       timestamptz not null,
    primary key (tenant_id, lot_id),
    constraint lot_public_id_key unique (tenant_id, public_id),
    foreign key (tenant_id, plant_id) references plant (tenant_id, plant_id),
    foreign key (tenant_id, material_id) references material (tenant_id, material_id)
);
-- Not unique: a duplicate number is flagged, never refused.
create index lot_number on lot (tenant_id, number, plant_id);
create index lot_material on lot (tenant_id, material_id, lot_id);
create index lot_plant_material on lot (tenant_id, plant_id, material_id);

-- One row for each change of a balance. Per material the sums over the buckets close (invariant I8):
-- received + produced + adjusted = on hand + consumed + wasted + shipped.
create table lot_entry (
    tenant_id       uuid not null,
    entry_id        bigint generated always as identity,
    lot_id          bigint not null,
    bucket          text not null,
    delta           numeric(20, 6) not null,
    base_unit       text not null,
    entered_amount  numeric(20, 6),
    entered_unit    text,
    event_id        uuid not null,
    kind            text not null,
    producer_id     uuid not null,
    actor           text not null,
    occurred_at     timestamptz not null,
    recorded_at     timestamptz not null,
    primary key (tenant_id, entry_id),
    foreign key (tenant_id, lot_id) references lot (tenant_id, lot_id)
);
create index lot_entry_lot on lot_entry (tenant_id, lot_id, entry_id) include (bucket, delta);

-- The genealogy: a directed graph, merges are normal. Both directions are answered from an index alone.
create table lot_edge (
    tenant_id      uuid not null,
    parent_id      bigint not null,
    child_id       bigint not null,
    kind           text not null,
    -- How much of the parent, where the event says so.
    base_quantity  numeric(20, 6),
    base_unit      text,
    event_id       uuid not null,
    occurred_at    timestamptz not null,
    -- A pair is joined once in each way, whatever else says so again. The key is the covering index forward.
    primary key (tenant_id, parent_id, child_id, kind) include (occurred_at),
    foreign key (tenant_id, parent_id) references lot (tenant_id, lot_id),
    foreign key (tenant_id, child_id) references lot (tenant_id, lot_id)
);
create index lot_edge_backward on lot_edge (tenant_id, child_id) include (parent_id);

-- What became of a lot and for whom: the leaves of a trace.
create table lot_use (
    tenant_id      uuid not null,
    use_id         bigint generated always as identity,
    lot_id         bigint not null,
    kind           text not null,
    base_quantity  numeric(20, 6) not null,
    base_unit      text not null,
    job            text,
    order_number   text,
    customer       text,
    device         text,
    operator       text,
    reason         text,
    reference      text,
    plant_id       uuid not null,
    event_id       uuid not null,
    occurred_at    timestamptz not null,
    primary key (tenant_id, use_id),
    foreign key (tenant_id, lot_id) references lot (tenant_id, lot_id)
);
create index lot_use_lot on lot_use (tenant_id, lot_id, use_id);
create index lot_use_period on lot_use (tenant_id, occurred_at) where kind in ('consumed', 'wasted');

-- A lot is held while any of its holds is unreleased (invariant I5).
-- A part of a held lot carries the same hold. A release may be seen before the hold it ends.
create table lot_hold (
    tenant_id          uuid not null,
    lot_id             bigint not null,
    hold_id            uuid not null,
    reason             text,
    placed_at          timestamptz,
    placed_by          text,
    placed_event_id    uuid,
    released_at        timestamptz,
    released_by        text,
    released_reason    text,
    released_event_id  uuid,
    primary key (tenant_id, lot_id, hold_id),
    foreign key (tenant_id, lot_id) references lot (tenant_id, lot_id)
);
create index lot_hold_hold on lot_hold (tenant_id, hold_id);

-- What the rules find wrong with a fact. The fact stands; a person looks.
create table lot_flag (
    tenant_id    uuid not null,
    flag_id      bigint generated always as identity,
    lot_id       bigint not null,
    code         text not null,
    data         jsonb not null,
    event_id     uuid not null,
    occurred_at  timestamptz not null,
    primary key (tenant_id, flag_id),
    foreign key (tenant_id, lot_id) references lot (tenant_id, lot_id)
);
create index lot_flag_lot on lot_flag (tenant_id, lot_id);

-- The plants that hold or have touched a lot: to whom the down feed carries what others do with it.
create table lot_plant (
    tenant_id  uuid not null,
    lot_id     bigint not null,
    plant_id   uuid not null,
    primary key (tenant_id, lot_id, plant_id),
    foreign key (tenant_id, lot_id) references lot (tenant_id, lot_id),
    foreign key (tenant_id, plant_id) references plant (tenant_id, plant_id)
);

-- Every tenant sees its own rows, also the owner of the tables.

alter table material enable row level security;
alter table material force row level security;
create policy tenant_isolation on material
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert, update on material to agog_server;

alter table lot enable row level security;
alter table lot force row level security;
create policy tenant_isolation on lot
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert, update on lot to agog_server;

alter table lot_entry enable row level security;
alter table lot_entry force row level security;
create policy tenant_isolation on lot_entry
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on lot_entry to agog_server;

alter table lot_edge enable row level security;
alter table lot_edge force row level security;
create policy tenant_isolation on lot_edge
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on lot_edge to agog_server;

alter table lot_use enable row level security;
alter table lot_use force row level security;
create policy tenant_isolation on lot_use
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on lot_use to agog_server;

alter table lot_hold enable row level security;
alter table lot_hold force row level security;
create policy tenant_isolation on lot_hold
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert, update on lot_hold to agog_server;

alter table lot_flag enable row level security;
alter table lot_flag force row level security;
create policy tenant_isolation on lot_flag
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on lot_flag to agog_server;

alter table lot_plant enable row level security;
alter table lot_plant force row level security;
create policy tenant_isolation on lot_plant
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on lot_plant to agog_server;
