-- Jobs: their files, their work orders and runs, the commands to them, and the phases of their devices.

alter table job
    add column hold         boolean not null default false,
    add column priority     integer,
    -- Why it was refused or aborted: source, return_code, text.
    add column error        jsonb,
    add column differences  jsonb not null default '[]';

-- One executable step of a job on a device.
create table work_order (
    tenant_id       uuid not null,
    work_order_id   bigint generated always as identity,
    public_id       uuid not null,
    job_id          bigint not null,
    -- The order of work, from 1.
    place           integer not null,
    name            text not null,
    process         text not null,
    job_part        text,
    planned_device  text,
    planned_amount  numeric(20, 6),
    -- Places of the work orders whose results it takes.
    waits_for       integer[] not null default '{}',
    status          text not null default 'waiting',
    device          text,
    operators       text[] not null default '{}',
    good_amount     numeric(20, 6) not null default 0,
    waste_amount    numeric(20, 6) not null default 0,
    started_at      timestamptz,
    ended_at        timestamptz,
    updated_at      timestamptz not null,
    primary key (tenant_id, work_order_id),
    constraint work_order_public_id_key unique (tenant_id, public_id),
    constraint work_order_place_key unique (tenant_id, job_id, place),
    foreign key (tenant_id, job_id) references job (tenant_id, job_id)
);

alter table job_event
    -- The work order that the step is about.
    add column work_order_id  bigint,
    add column device         text,
    -- People said so, and no device.
    add column by_people      boolean not null default false,
    add column good_amount    numeric(20, 6),
    add column waste_amount   numeric(20, 6),
    add constraint job_event_work_order foreign key (tenant_id, work_order_id)
        references work_order (tenant_id, work_order_id);
create index job_event_time on job_event (tenant_id, job_id, occurred_at, entry_id);

-- A phase of a job that is over, with its own amounts.
create table job_phase (
    tenant_id       uuid not null,
    job_id          bigint not null,
    phase_id        bigint generated always as identity,
    event_id        uuid not null,
    work_order_id   bigint,
    device          text not null,
    job_part        text,
    part            jsonb not null default '{}',
    status          text not null,
    status_details  text,
    started_at      timestamptz,
    ended_at        timestamptz not null,
    good_amount     numeric(20, 6),
    waste_amount    numeric(20, 6),
    primary key (tenant_id, job_id, ended_at, phase_id),
    foreign key (tenant_id, job_id) references job (tenant_id, job_id)
);

-- A run of a work order on a device, from its start to its end.
create table job_run (
    tenant_id      uuid not null,
    run_id         bigint generated always as identity,
    plant_id       uuid not null,
    job_id         bigint not null,
    work_order_id  bigint not null,
    -- From 1 for each work order, in the order of time.
    run            integer not null,
    device         text not null,
    job_part       text,
    operators      text[] not null default '{}',
    status         text not null,
    good_amount    numeric(20, 6) not null default 0,
    waste_amount   numeric(20, 6) not null default 0,
    differences    jsonb not null default '[]',
    error          jsonb,
    started_at     timestamptz not null,
    ended_at       timestamptz,
    primary key (tenant_id, run_id),
    constraint job_run_number_key unique (tenant_id, work_order_id, run),
    foreign key (tenant_id, job_id) references job (tenant_id, job_id),
    foreign key (tenant_id, work_order_id) references work_order (tenant_id, work_order_id),
    foreign key (tenant_id, plant_id) references plant (tenant_id, plant_id)
);
create index job_run_started on job_run (tenant_id, started_at, run_id);
create index job_run_job on job_run (tenant_id, job_id);

-- What the office wants done with a job at its device.
create table job_command (
    tenant_id   uuid not null,
    job_id      bigint not null,
    place       bigint generated always as identity,
    command_id  uuid not null,
    action      text not null,
    value       bigint,
    state       text not null default 'sent',
    detail      text,
    created_at  timestamptz not null,
    created_by  text not null,
    ended_at    timestamptz,
    primary key (tenant_id, job_id, place),
    constraint job_command_id_key unique (tenant_id, command_id),
    foreign key (tenant_id, job_id) references job (tenant_id, job_id)
);

-- The files that a ticket names; the bytes lie in the file store under tenant and hash.
create table job_file (
    tenant_id   uuid not null,
    job_id      bigint not null,
    content_id  text not null,
    name        text not null,
    media_type  text not null,
    bytes       bigint not null,
    blake3      bytea not null check (length(blake3) = 32),
    primary key (tenant_id, job_id, content_id),
    foreign key (tenant_id, job_id) references job (tenant_id, job_id)
);
create index job_file_hash on job_file (tenant_id, blake3);

-- Every tenant sees its own rows, also the owner of the tables.
do $$
declare
    name text;
begin
    foreach name in array array['work_order', 'job_phase', 'job_run', 'job_command', 'job_file']
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

grant select, insert, update on work_order, job_run, job_command to agog_server;
grant select, insert on job_phase, job_file to agog_server;
