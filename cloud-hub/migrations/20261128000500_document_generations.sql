-- Documents roll over: one that was edited often begins anew from what it says, as its next generation.

alter table document
    add column generation integer not null default 1,
    -- How often it was edited before this generation.
    add column changes_before integer not null default 0,
    -- The event that this generation began with; none for the first one.
    add column rolled_by uuid;

alter table document_change
    add column generation integer not null default 1,
    -- The change of the generation before that this one carries over.
    add column carries bytea;

-- Generations that are closed. Plants that had not heard of it go on with them for a while; what they add is carried over.
create table document_generation (
    tenant_id    uuid not null,
    kind         text not null,
    document_id  text not null,
    generation   integer not null,
    saved        bytea not null,
    heads        bytea[] not null,
    -- The heads up to which the next generation has what this one says. Others than `heads`: something is to be carried.
    carried      bytea[] not null,
    -- The heads of that in the next generation.
    line         bytea[] not null,
    closed_at    timestamptz not null,
    primary key (tenant_id, kind, document_id, generation),
    foreign key (tenant_id, kind, document_id) references document (tenant_id, kind, document_id)
);

alter table document_generation enable row level security;
alter table document_generation force row level security;
create policy tenant_isolation on document_generation
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert, update on document_generation to agog_server;
