-- Documents that plants and office edit at the same time: as they are, and every change of them.

create table document (
    tenant_id    uuid not null references tenant (tenant_id),
    kind         text not null check (kind in ('job-note', 'schedule-priority', 'hold-discussion')),
    document_id  text not null check (document_id <> ''),
    -- As agog_sync::document saves it; empty before the first change.
    saved        bytea not null default '',
    -- The changes that no other follows, in their order: equal heads are equal documents.
    heads        bytea[] not null default '{}',
    changes      integer not null default 0,
    -- Fields on which edits disagree that did not know of each other.
    conflicts    integer not null default 0,
    created_at   timestamptz not null,
    updated_at   timestamptz not null,
    primary key (tenant_id, kind, document_id)
);

-- Every change, once, under its hash. The change itself stands in its ledger event.
create table document_change (
    tenant_id    uuid not null,
    kind         text not null,
    document_id  text not null,
    hash         bytea not null check (length(hash) = 32),
    change_id    bigint generated always as identity,
    event_id     uuid not null,
    author       text not null,
    role         text not null,
    -- By the clock of its author.
    changed_at   timestamptz not null,
    -- It waits for changes that it follows and that are not here.
    waits        boolean not null,
    -- Why it could not be applied when they had come.
    refused      text,
    -- The audit of merges: the heads that its author had not seen, and the fields on which others said something else,
    -- with the winner and the losers.
    concurrent   bytea[] not null default '{}',
    conflicts    jsonb not null default '[]',
    applied_at   timestamptz,
    primary key (tenant_id, kind, document_id, hash),
    foreign key (tenant_id, kind, document_id) references document (tenant_id, kind, document_id)
);
create index document_change_order on document_change (tenant_id, kind, document_id, change_id);
create index document_change_waits on document_change (tenant_id, kind, document_id) where waits;

-- Every tenant sees its own rows, also the owner of the tables.
do $$
declare
    name text;
begin
    foreach name in array array['document', 'document_change']
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_isolation on %I
                using (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)
                with check (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)', name);
    end loop;
end
$$;

grant select, insert, update on document, document_change to agog_server;
