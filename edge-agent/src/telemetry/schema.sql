-- The third form of the file. migrate.rs makes it of the others.

create table if not exists standing (
    only_row integer primary key check (only_row = 1),
    -- Samples up to here are in blocks.
    closed_sample_id integer not null
) strict;
insert or ignore into standing values (1, 0);

-- What the hub has of each numbering of blocks. The newest takes what is closed; an older one is here while blocks of it wait.
create table if not exists epoch (
    epoch integer primary key,
    last_block integer not null,
    -- Blocks up to here may be on their way: the hub may take them whatever becomes of its answer. They are not dropped, or
    -- a sample could be stored and in a gap as well; and a hub that has more says that this file was set back.
    sent_block integer not null,
    acked_block integer not null
) strict;
insert into epoch select 1, 0, 0, 0 where not exists (select 1 from epoch);

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
    epoch integer not null,
    block integer not null,
    -- 0 low, 1 normal, 2 high: what is lower is dropped first.
    priority integer not null,
    first_us integer not null,
    last_us integer not null,
    -- By our clock; the age of a block counts from here, because a machine's clock may be wrong.
    closed_us integer not null,
    sample_count integer not null,
    body blob not null,
    primary key (epoch, block)
) strict;
create index if not exists block_by_worth on block (priority, closed_us, epoch, block);
create index if not exists block_by_age on block (closed_us);

-- What was refused and is no gap yet: refused.rs.
create table if not exists refused (
    reason text primary key,
    from_us integer not null,
    to_us integer not null,
    sample_count integer not null,
    -- By our clock.
    since_us integer not null
) strict;

create table if not exists gap (
    event_id text primary key,
    from_us integer not null,
    to_us integer not null,
    sample_count integer not null,
    reason text not null,
    dropped_us integer not null
) strict;
