-- What a ledger needs after its disk was set back or copied.

-- Runs of the agent on this file, one for each start: the file's own history, by which the hub tells
-- a restart from a second process with the same identity.
create table run (
    run integer primary key autoincrement,
    run_id text not null unique,
    started_at integer not null,
    -- The hub gave this run a token; it knows the run.
    answered_at integer
) strict;

-- The epochs that were opened here, with what the hub had then.
create table epoch (
    epoch integer primary key,
    opened_at integer not null,
    reason text not null,
    hub_epoch integer not null,
    hub_seq integer not null,
    -- The last event of the epoch before that the hub has as well.
    common_seq integer not null
) strict;

-- Events that the hub has other ones for under the same numbers. Their facts are sealed again in a
-- newer epoch; the rows stay as they were written, with the positions that their effects name.
create table event_aside (
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
    resealed integer not null
) strict;
create index event_aside_by_id on event_aside (event_id);

-- Every fact in the order in which it was applied here, whatever became of its number.
create view fact as
    select position, producer_id, epoch, seq, event_id, kind, version, occurred_at, recorded_at, actor,
           payload, prev_hash, hash, resealed from event
    union all
    select position, producer_id, epoch, seq, event_id, kind, version, occurred_at, recorded_at, actor,
           payload, prev_hash, hash, resealed from event_aside;

-- What is fetched back from the hub, epoch by epoch.
create table fetch_back (
    epoch integer primary key,
    -- The hub has nothing before and at this number that is not here.
    after_seq integer not null,
    -- Events that came back and were not here.
    fetched integer not null default 0,
    finished_at integer
) strict;

-- An older program opened epochs and fetched nothing back.
with recursive older (epoch) as (
    select 1 where (select epoch from meta) > 1
    union all
    select epoch + 1 from older where epoch + 1 < (select epoch from meta)
)
insert into fetch_back (epoch, after_seq) select epoch, 0 from older;
