-- Documents that plant and office edit at the same time. What follows from the document.changed events, our own and those
-- of others; kept as it is, because computing it again means to read every change.
create table document (
    kind text not null,
    document_id text not null,
    -- As agog_sync::document saves it.
    saved blob not null,
    -- The changes that no other follows, 32 bytes each, in their order.
    heads blob not null,
    changes integer not null,
    -- Fields on which edits disagree that did not know of each other.
    conflicts integer not null,
    updated_at integer not null,
    primary key (kind, document_id)
) strict, without rowid;

-- Changes that came before those that they follow.
create table document_waiting (
    kind text not null,
    document_id text not null,
    hash blob not null,
    -- JSON of the change as it travels.
    changed text not null,
    primary key (kind, document_id, hash)
) strict, without rowid;
