-- Who there is (tenants, plants, agents, credentials), what the plants have delivered (the ledger), what goes down to
-- them (the feed), and what the modules share (domain events, idempotency keys).
--
-- Every table of a tenant has tenant_id first in each key and index, forced row security, and explicit grants. The
-- server's role owns nothing. Ledger rows are only ever added: the server has no right to change or delete them.

grant usage on schema public to agog_server, agog_ingest;

create table tenant (
    tenant_id   uuid primary key,
    name        text not null check (name <> ''),
    created_at  timestamptz not null,
    -- Across tenants on purpose: operators of the hub name a tenant on the command line.
    constraint tenant_name_key unique (name)
);

create table plant (
    tenant_id   uuid not null references tenant (tenant_id),
    plant_id    uuid not null,
    code        text not null check (code ~ '^[A-Z0-9][A-Z0-9-]{0,15}$'),
    name        text not null check (name <> ''),
    created_at  timestamptz not null,
    primary key (tenant_id, plant_id),
    constraint plant_code_key unique (tenant_id, code)
);

create table agent (
    tenant_id    uuid not null,
    agent_id     uuid not null,
    plant_id     uuid not null,
    name         text not null,
    version      text not null,
    -- The raw Ed25519 key.
    public_key   bytea not null check (octet_length(public_key) = 32),
    enrolled_at  timestamptz not null,
    revoked_at   timestamptz,
    primary key (tenant_id, agent_id),
    foreign key (tenant_id, plant_id) references plant (tenant_id, plant_id)
);
-- A plant has one agent at a time: two would both run every ticket.
create unique index agent_plant on agent (tenant_id, plant_id) where revoked_at is null;

create table enrolment_code (
    tenant_id    uuid not null,
    code_id      bigint generated always as identity,
    plant_id     uuid not null,
    -- BLAKE3 of the code; the code itself is shown once and kept nowhere.
    code_hash    bytea not null,
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    used_at      timestamptz,
    used_by      uuid,
    primary key (tenant_id, code_id),
    constraint enrolment_code_hash_key unique (tenant_id, code_hash),
    foreign key (tenant_id, plant_id) references plant (tenant_id, plant_id),
    foreign key (tenant_id, used_by) references agent (tenant_id, agent_id)
);

create table api_token (
    tenant_id    uuid not null references tenant (tenant_id),
    token_id     uuid not null,
    name         text not null,
    role         text not null check (role in ('viewer', 'office', 'admin')),
    -- BLAKE3 of the secret; the token itself is shown once and kept nowhere.
    token_hash   bytea not null,
    created_at   timestamptz not null,
    revoked_at   timestamptz,
    primary key (tenant_id, token_id),
    constraint api_token_hash_key unique (tenant_id, token_hash)
);

-- Assertions that were already exchanged for a token. A row is of no use after expires_at.
create table agent_assertion (
    tenant_id    uuid not null,
    agent_id     uuid not null,
    jti          text not null,
    expires_at   timestamptz not null,
    primary key (tenant_id, agent_id, jti),
    foreign key (tenant_id, agent_id) references agent (tenant_id, agent_id)
);

-- The end of each stream that is here. Whoever appends holds the row's lock.
create table producer (
    tenant_id    uuid not null references tenant (tenant_id),
    producer_id  uuid not null,
    stream       text not null check (stream in ('ledger', 'telemetry')),
    kind         text not null check (kind in ('agent', 'office')),
    -- Null for the office, which belongs to no plant.
    plant_id     uuid,
    epoch        bigint not null check (epoch > 0),
    -- The newest ledger event or telemetry block; 0 before the first.
    last_seq     bigint not null check (last_seq >= 0),
    -- The chain's newest hash; telemetry is not chained.
    last_hash    bytea,
    changed_at   timestamptz not null,
    primary key (tenant_id, producer_id, stream),
    check ((stream = 'ledger') = (last_hash is not null)),
    check ((kind = 'agent') = (plant_id is not null)),
    foreign key (tenant_id, plant_id) references plant (tenant_id, plant_id)
);
-- One office ledger per tenant.
create unique index producer_office on producer (tenant_id, stream) where kind = 'office';

create table ledger_event (
    tenant_id    uuid not null,
    producer_id  uuid not null,
    epoch        bigint not null,
    seq          bigint not null,
    event_id     uuid not null,
    kind         text not null,
    version      integer not null,
    -- Microseconds since 1970: exact for every instant that an agent can write, also those of a broken clock that
    -- timestamptz cannot hold.
    occurred_us  bigint not null,
    recorded_us  bigint not null,
    -- JSON as text, like the payload: jsonb would rewrite it, and the hash covers the bytes.
    actor        text not null,
    payload      text not null,
    prev_hash    bytea not null,
    hash         bytea not null,
    received_at  timestamptz not null,
    stream       text not null generated always as ('ledger') stored,
    primary key (tenant_id, producer_id, epoch, seq),
    foreign key (tenant_id, producer_id, stream) references producer (tenant_id, producer_id, stream)
);
create index ledger_event_id on ledger_event (tenant_id, event_id);

-- Events that no module could apply. They are in the ledger like all others; a person looks at them here.
create table ledger_rejected (
    tenant_id    uuid not null,
    producer_id  uuid not null,
    epoch        bigint not null,
    seq          bigint not null,
    event_id     uuid not null,
    kind         text not null,
    code         text not null,
    reason       text not null,
    rejected_at  timestamptz not null,
    primary key (tenant_id, producer_id, epoch, seq),
    foreign key (tenant_id, producer_id, epoch, seq)
        references ledger_event (tenant_id, producer_id, epoch, seq)
);

-- The down feed counts densely per agent. Numbers are given out under the lock of this row, because a sequence
-- commits out of order and a reader would skip rows.
create table feed_counter (
    tenant_id    uuid not null,
    agent_id     uuid not null,
    last_n       bigint not null default 0,
    -- The oldest item that is kept; an agent that asks from before it gets must_refetch.
    oldest_n     bigint not null default 1,
    primary key (tenant_id, agent_id),
    foreign key (tenant_id, agent_id) references agent (tenant_id, agent_id)
);

create table feed_item (
    tenant_id    uuid not null,
    agent_id     uuid not null,
    n            bigint not null,
    -- JSON as text: it may carry a sealed event whose bytes must not change.
    body         text not null,
    created_at   timestamptz not null,
    primary key (tenant_id, agent_id, n),
    foreign key (tenant_id, agent_id) references feed_counter (tenant_id, agent_id)
);

-- Domain events, written in the transaction of what they tell about.
create table event_outbox (
    tenant_id    uuid not null references tenant (tenant_id),
    outbox_id    bigint generated always as identity,
    topic        text not null check (topic ~ '^[a-z]+\.[a-z-]+$'),
    -- The ledger event behind it.
    event_id     uuid not null,
    data         jsonb not null,
    occurred_at  timestamptz not null,
    created_at   timestamptz not null,
    primary key (tenant_id, outbox_id)
);

-- Answers to requests that carried an Idempotency-Key.
create table idempotency_key (
    tenant_id     uuid not null references tenant (tenant_id),
    key           text not null,
    method        text not null,
    path          text not null,
    body_hash     bytea not null,
    status        integer,
    response      text,
    created_at    timestamptz not null,
    primary key (tenant_id, key)
);
create index idempotency_key_age on idempotency_key (tenant_id, created_at);

-- Every tenant sees its own rows, also the owner of the tables.
do $$
declare
    name text;
begin
    foreach name in array array['tenant', 'plant', 'agent', 'enrolment_code', 'api_token', 'agent_assertion', 'producer',
        'ledger_event', 'ledger_rejected', 'feed_counter', 'feed_item', 'event_outbox', 'idempotency_key']
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

-- The owner alone reads names across tenants, for commands such as `tenant list` and `--tenant NAME`.
create policy tenant_registry on tenant for select to current_user using (true);

grant select on tenant, plant to agog_server;
grant select, insert on agent to agog_server;
grant select on enrolment_code, api_token to agog_server;
grant update (used_at, used_by) on enrolment_code to agog_server;
grant select, insert, delete on agent_assertion to agog_server;
grant select, insert, update on producer to agog_server;
grant select, insert on ledger_event, ledger_rejected to agog_server;
grant select, insert, update on feed_counter to agog_server;
grant select, insert on feed_item to agog_server;
grant select, insert on event_outbox to agog_server;
grant select, insert, delete on idempotency_key to agog_server;
grant update (status, response) on idempotency_key to agog_server;
