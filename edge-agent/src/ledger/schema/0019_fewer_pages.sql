-- A movement writes each page that it touches to the log and waits for it. Entries and uses are asked for by lot, so they lie by lot,
-- and need no second place where they are found; an answer lies under its key.
create table lot_entry_by_lot_first (
    lot_id text not null,
    position integer not null,
    line integer not null,
    bucket text not null,
    delta text not null,
    unit text not null,
    entered_amount text not null,
    entered_unit text not null,
    primary key (lot_id, position, line)
) strict, without rowid;
insert into lot_entry_by_lot_first (lot_id, position, line, bucket, delta, unit, entered_amount, entered_unit)
select lot_id, position, line, bucket, delta, unit, entered_amount, entered_unit
from lot_entry order by lot_id, position, line;
drop table lot_entry;
alter table lot_entry_by_lot_first rename to lot_entry;

create table lot_use_by_lot_first (
    lot_id text not null,
    position integer not null,
    line integer not null,
    kind text not null,
    job text,
    used text not null,
    -- The place of the correction that undid the use; it does not count any more.
    undone_by integer,
    primary key (lot_id, position, line)
) strict, without rowid;
insert into lot_use_by_lot_first (lot_id, position, line, kind, job, used, undone_by)
select lot_id, position, line, kind, job, used, undone_by from lot_use order by lot_id, position, line;
drop table lot_use;
alter table lot_use_by_lot_first rename to lot_use;
create index lot_use_by_job on lot_use (job) where job is not null;

create table answer_by_key (
    idempotency_key text primary key,
    request_hash blob not null,
    answer text not null,
    recorded_at integer not null
) strict, without rowid;
insert into answer_by_key (idempotency_key, request_hash, answer, recorded_at)
select idempotency_key, request_hash, answer, recorded_at from idempotency order by idempotency_key;
drop table idempotency;
alter table answer_by_key rename to idempotency;
create index idempotency_by_age on idempotency (recorded_at);
