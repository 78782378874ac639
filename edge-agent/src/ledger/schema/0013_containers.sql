-- What is packed in containers. Both tables follow from the events, and from what came with lots of others.

-- Every change of what is in a container.
create table container_entry (
    position integer not null,
    line integer not null,
    sscc text not null,
    lot_id text not null,
    bucket text not null,
    delta text not null,
    unit text not null,
    primary key (position, line)
) strict, without rowid;
create index container_entry_by_container on container_entry (sscc);
create index container_entry_by_lot on container_entry (lot_id);

-- How much of a lot is in a container now.
create table container_content (
    lot_id text not null,
    sscc text not null,
    packed text not null,
    primary key (lot_id, sscc)
) strict, without rowid;
create index container_content_by_container on container_content (sscc);

-- What was packed of the lot, as far as it was not known here: JSON, amounts by SSCC.
alter table adoption add column packed text not null default '{}';
