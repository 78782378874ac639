-- What the office says of materials, locations, operators and reasons, as it said it last.
create table master (
    kind text not null,
    code text not null,
    -- Of this plant alone, or of the company.
    of_plant integer not null,
    name text not null,
    retired integer not null,
    -- JSON of the record as it came.
    item text not null,
    primary key (kind, code, of_plant)
) strict, without rowid;

-- Items of the down feed that this program could not take in, and which one it was: the next one tries them again.
create table passed_over (
    n integer primary key,
    body text not null,
    why text not null,
    version text not null,
    passed_at integer not null
) strict;

-- The item of the feed by which a lot was taken in: what the hub had told before is in it.
alter table adoption add column feed_n integer not null default 0;

-- Lots in which the effect of an event was already, because they were taken in by a later item than the one that brought
-- the event.
create table left_out (
    position integer not null,
    lot_id text not null,
    primary key (position, lot_id)
) strict, without rowid;
