-- Which events were corrected, and the place of the first event that does so.
create table lot_correction (
    event_id text primary key,
    position integer not null
) strict, without rowid;

-- The place of the correction that undid the use; it does not count any more.
alter table lot_use add column undone_by integer;

-- An edge once for each event that says so, by the event's place: it stands while one of them is not corrected.
create table lot_edge_said (
    parent_id text not null,
    child_id text not null,
    kind text not null,
    position integer not null,
    quantity text,
    unit text,
    at integer not null,
    primary key (parent_id, child_id, kind, position)
) strict, without rowid;

-- Until now the first event was kept, without its name. All that say so are in the ledger.
insert or ignore into lot_edge_said
select payload ->> '$.from.lot_id', part.value ->> '$.lot.lot_id',
       case when part.value ->> '$.waste' then 'split_waste' else 'split' end, position,
       part.value ->> '$.quantity.base.amount', part.value ->> '$.quantity.base.unit', occurred_at
from event, json_each(payload, '$.parts') as part
where event.kind = 'lot.split' and resealed = 0;

insert or ignore into lot_edge_said
select draw.value ->> '$.lot.lot_id', payload ->> '$.into.lot_id', 'merged', position,
       draw.value ->> '$.quantity.base.amount', draw.value ->> '$.quantity.base.unit', occurred_at
from event, json_each(payload, '$.inputs') as draw
where event.kind = 'lot.merged' and resealed = 0;

insert or ignore into lot_edge_said
select draw.value ->> '$.lot.lot_id', output.value ->> '$.lot.lot_id', 'produced', position,
       case json_array_length(payload, '$.outputs') when 1 then draw.value ->> '$.quantity.base.amount' end,
       case json_array_length(payload, '$.outputs') when 1 then draw.value ->> '$.quantity.base.unit' end, occurred_at
from event, json_each(payload, '$.inputs') as draw, json_each(payload, '$.outputs') as output
where event.kind = 'lot.produced' and resealed = 0;

insert or ignore into lot_edge_said
select source.value ->> '$.lot_id', output.value ->> '$.lot.lot_id', 'produced', position, null, null, occurred_at
from event, json_each(payload, '$.sources') as source, json_each(payload, '$.outputs') as output
where event.kind = 'lot.produced' and resealed = 0;

insert or ignore into lot_edge_said
select payload ->> '$.draw.lot.lot_id', output.value ->> '$.lot_id', 'produced', position,
       case json_array_length(payload, '$.into') when 1 then payload ->> '$.draw.quantity.base.amount' end,
       case json_array_length(payload, '$.into') when 1 then payload ->> '$.draw.quantity.base.unit' end, occurred_at
from event, json_each(payload, '$.into') as output
where event.kind = 'lot.consumed' and resealed = 0;

insert into lot_edge_said
select parent_id, child_id, kind, 0, quantity, unit, at from lot_edge
where not exists (select 1 from lot_edge_said as said
                  where said.parent_id = lot_edge.parent_id and said.child_id = lot_edge.child_id
                    and said.kind = lot_edge.kind);

drop table lot_edge;
alter table lot_edge_said rename to lot_edge;
create index lot_edge_by_child on lot_edge (child_id, parent_id);
