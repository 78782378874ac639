-- What the ledger had of each day that was over, counted once, and whether the hub had the same. A day of many events, or
-- one that a clock came back to, has several rows.
create table day_proof (
    epoch integer not null,
    first_seq integer not null,
    last_seq integer not null,
    -- UTC, YYYY-MM-DD.
    day text not null,
    -- As it was counted when the day was over.
    events integer not null,
    hash blob not null,
    -- The first number whose event was missing or altered already.
    fault integer,
    -- When it was compared with the hub last.
    compared_at integer,
    -- 1: both had the same. 0: they differed, or what is here has changed since. Null: not compared yet.
    equal integer,
    -- How they differed, for people.
    finding text,
    primary key (epoch, first_seq)
) strict, without rowid;
