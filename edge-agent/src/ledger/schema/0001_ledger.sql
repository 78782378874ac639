-- The ledger of one plant. Only the writer thread of agog-edge changes this file.
-- Instants are microseconds since 1970-01-01 UTC; amounts are decimals as text, in the base unit
-- of the lot; ids are UUIDs as text.

-- Who writes this ledger, and where it stands. One row.
create table meta (
    meta_id integer primary key check (meta_id = 1),
    agent_id text not null,
    plant_code text not null,
    epoch integer not null,
    -- The head as of the last commit, so that a cut-off end is noticed.
    head_seq integer not null,
    head_hash blob not null,
    -- What the hub has of the current epoch.
    acknowledged_seq integer not null,
    -- The newest item of the down feed that is applied.
    feed_cursor integer not null,
    created_at integer not null
) strict;

-- Every fact, our own and those of others that touch our lots, in the order in which they were
-- applied here. Never updated, never deleted. The payload is the exact text that was sealed.
create table event (
    position integer primary key,
    producer_id text not null,
    epoch integer not null,
    seq integer not null,
    event_id text not null,
    kind text not null,
    version integer not null,
    occurred_at integer not null,
    recorded_at integer not null,
    actor text not null,
    payload text not null,
    prev_hash blob not null,
    hash blob not null,
    -- Sealed again in a newer epoch: its effects were applied under the older one.
    resealed integer not null default 0,
    unique (producer_id, epoch, seq)
) strict;
create index event_by_id on event (event_id);

-- Lots as the hub knew them before an event that came down: the starting point of their
-- balance here. Kept so that balances can be computed again.
create table lot_snapshot (
    lot_id text primary key,
    position integer not null,
    snapshot text not null
) strict;

-- What follows from the events. Everything below can be computed again.
create table lot (
    lot_id text primary key,
    number text not null,
    -- JSON of the material; none for a lot that was used before it was seen.
    material text,
    material_code text,
    base_unit text not null,
    balance text not null,
    origin text not null,
    made_by_job text,
    attributes text not null,
    created_at integer not null,
    -- Made or received at this plant: such numbers are unique.
    own integer not null
) strict;
create index lot_by_number on lot (number);
create index lot_by_age on lot (created_at, number, lot_id);
create index lot_by_job on lot (made_by_job) where made_by_job is not null;

-- Every change of a balance.
create table lot_entry (
    position integer not null,
    line integer not null,
    lot_id text not null,
    bucket text not null,
    delta text not null,
    unit text not null,
    entered_amount text not null,
    entered_unit text not null,
    primary key (position, line)
) strict, without rowid;
create index lot_entry_by_lot on lot_entry (lot_id);

-- The child contains the parent.
create table lot_edge (
    parent_id text not null,
    child_id text not null,
    kind text not null,
    quantity text,
    unit text,
    at integer not null,
    primary key (parent_id, child_id, kind)
) strict, without rowid;
create index lot_edge_by_child on lot_edge (child_id, parent_id);

-- What left a lot for jobs, the bin and customers.
create table lot_use (
    position integer not null,
    line integer not null,
    lot_id text not null,
    kind text not null,
    job text,
    used text not null,
    primary key (position, line)
) strict, without rowid;
create index lot_use_by_lot on lot_use (lot_id);
create index lot_use_by_job on lot_use (job) where job is not null;

create table lot_hold (
    hold_id text not null,
    lot_id text not null,
    reason text,
    placed_at integer,
    released_at integer,
    release_reason text,
    primary key (lot_id, hold_id)
) strict, without rowid;

-- The newest generated lot number of a series, for example HAM-20261122.
create table number_series (
    series text primary key,
    newest integer not null
) strict;

-- Jobs, as their newest event left them.
create table job (
    job_key text primary key,
    job_id text,
    number text not null,
    device text not null,
    ticket text,
    step text not null,
    progress text not null,
    received_at integer not null,
    updated_at integer not null
) strict;
create index job_by_number on job (number);

-- Answers to requests that a client may repeat.
create table idempotency (
    idempotency_key text primary key,
    request_hash blob not null,
    answer text not null,
    recorded_at integer not null
) strict;
create index idempotency_by_age on idempotency (recorded_at);

-- Messages of machines that have had their effect.
create table inbox_message (
    sender text not null,
    message_id text not null,
    recorded_at integer not null,
    primary key (sender, message_id)
) strict, without rowid;
create index inbox_message_by_age on inbox_message (recorded_at);
