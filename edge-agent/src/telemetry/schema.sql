pragma journal_mode = wal;
pragma synchronous = full;
pragma journal_size_limit = 16777216;
pragma foreign_keys = on;

create table if not exists standing (
    only_row integer primary key check (only_row = 1),
    epoch integer not null,
    last_block integer not null,
    acked_block integer not null,
    -- Samples up to here are in blocks.
    closed_sample_id integer not null
) strict;
insert or ignore into standing values (1, 1, 0, 0, 0);

create table if not exists series (
    series_id integer primary key,
    device text not null,
    metric text not null,
    unit text not null,
    last_us integer,
    last_value real,
    unique (device, metric, unit)
) strict;

-- The samples of the open block, and the newest of the closed ones: what is delivered again is
-- looked up among them. One row is what one commit stored; its form is that of journal.rs.
create table if not exists journal (
    -- The number of its last sample; they are counted from 1, without gaps.
    last_sample_id integer primary key,
    body blob not null
) strict;

create table if not exists block (
    block integer primary key,
    first_us integer not null,
    last_us integer not null,
    -- By our clock; the age of a block counts from here, because a machine's clock may be wrong.
    closed_us integer not null,
    sample_count integer not null,
    body blob not null
) strict;

create table if not exists gap (
    event_id text primary key,
    from_us integer not null,
    to_us integer not null,
    sample_count integer not null,
    reason text not null,
    dropped_us integer not null
) strict;
