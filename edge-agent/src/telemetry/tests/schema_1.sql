-- The first form of the file, as the first programs made it; migrate.rs brings it up to date.

create table standing (
    only_row integer primary key check (only_row = 1),
    epoch integer not null,
    last_block integer not null,
    acked_block integer not null,
    closed_sample_id integer not null
) strict;
insert into standing values (1, 1, 0, 0, 0);

create table series (
    series_id integer primary key,
    device text not null,
    metric text not null,
    unit text not null,
    last_us integer,
    last_value real,
    unique (device, metric, unit)
) strict;

create table journal (
    last_sample_id integer primary key,
    body blob not null
) strict;

create table block (
    block integer primary key,
    first_us integer not null,
    last_us integer not null,
    closed_us integer not null,
    sample_count integer not null,
    body blob not null
) strict;

create table gap (
    event_id text primary key,
    from_us integer not null,
    to_us integer not null,
    sample_count integer not null,
    reason text not null,
    dropped_us integer not null
) strict;
