-- Exchange: jobs, their JDF tickets, and what the plants reported about them.

create table job (
    tenant_id        uuid not null references tenant (tenant_id),
    job_id           bigint generated always as identity,
    public_id        uuid not null,
    number           text not null check (number <> ''),
    plant_id         uuid not null,
    device           text,
    order_number     text,
    customer         text,
    -- The ticket as it came, byte for byte; null for a job that a plant took from somebody else.
    jdf              text,
    output_number    text,
    output_material  text,
    status           text not null,
    status_at        timestamptz not null,
    good_amount      numeric(20, 6) not null default 0,
    waste_amount     numeric(20, 6) not null default 0,
    started_at       timestamptz,
    ended_at         timestamptz,
    created_at       timestamptz not null,
    created_by       text not null,
    updated_at       timestamptz not null,
    primary key (tenant_id, job_id),
    constraint job_public_id_key unique (tenant_id, public_id),
    constraint job_number_key unique (tenant_id, plant_id, number),
    foreign key (tenant_id, plant_id) references plant (tenant_id, plant_id)
);

create table job_input (
    tenant_id   uuid not null,
    job_id      bigint not null,
    lot_number  text not null,
    primary key (tenant_id, job_id, lot_number),
    foreign key (tenant_id, job_id) references job (tenant_id, job_id)
);

-- The timeline of a job: every job.* event, in the order of its plant.
create table job_event (
    tenant_id    uuid not null,
    job_id       bigint not null,
    entry_id     bigint generated always as identity,
    event_id     uuid not null,
    kind         text not null,
    actor        text not null,
    detail       jsonb not null,
    occurred_at  timestamptz not null,
    primary key (tenant_id, job_id, entry_id),
    foreign key (tenant_id, job_id) references job (tenant_id, job_id)
);

-- Every tenant sees its own rows, also the owner of the tables.

alter table job enable row level security;
alter table job force row level security;
create policy tenant_isolation on job
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert, update on job to agog_server;

alter table job_input enable row level security;
alter table job_input force row level security;
create policy tenant_isolation on job_input
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on job_input to agog_server;

alter table job_event enable row level security;
alter table job_event force row level security;
create policy tenant_isolation on job_event
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on job_event to agog_server;
