-- What the hub told of a lot when this plant met it, and each time that it changed what is on hand here: the starting point of a lot of another
-- plant, and what others had done to a lot before this plant heard of it. A lot that was named here before anybody told
-- of it is adopted later than it is used.
create table adoption (
    adoption_id integer primary key,
    lot_id text not null,
    -- The event before which it was taken in.
    position integer not null,
    -- How far the balance moved by it.
    delta text not null,
    -- What was shipped and did not come back, as far as it was not known here.
    shipped text not null,
    snapshot text not null
) strict;
create index adoption_by_position on adoption (position);
create index adoption_by_lot on adoption (lot_id);

insert into adoption (lot_id, position, delta, shipped, snapshot)
select lot_id, position, json_extract(snapshot, '$.balance'), '0', snapshot from lot_snapshot order by position;

drop table lot_snapshot;
