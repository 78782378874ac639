-- Containers: what of which lots is packed under an SSCC. A container has no row of its own; how it stands follows from its
-- contents and from what was shipped in it. Older code neither sees nor writes what is added here.

-- One row for each change of what is in a container. Only ever added.
create table container_entry (
    tenant_id           uuid not null,
    container_entry_id  bigint generated always as identity,
    sscc                text not null,
    lot_id              bigint not null,
    -- packed, unpacked or shipped; what a correction takes back is in the bucket of what it undoes.
    bucket              text not null,
    delta               numeric(20, 6) not null,
    base_unit           text not null,
    event_id            uuid not null,
    kind                text not null,
    actor               text not null,
    occurred_at         timestamptz not null,
    primary key (tenant_id, container_entry_id),
    foreign key (tenant_id, lot_id) references lot (tenant_id, lot_id)
);
create index container_entry_sscc on container_entry (tenant_id, sscc, container_entry_id);
create index container_entry_lot on container_entry (tenant_id, lot_id, event_id);

-- How much of a lot is in a container now; what is nothing is removed. Rows of a lot are changed under the lock of the lot.
create table container_content (
    tenant_id  uuid not null,
    lot_id     bigint not null,
    sscc       text not null,
    packed     numeric(20, 6) not null,
    primary key (tenant_id, lot_id, sscc),
    foreign key (tenant_id, lot_id) references lot (tenant_id, lot_id)
);
create index container_content_sscc on container_content (tenant_id, sscc);

-- The container in which a lot left.
alter table lot_use add column sscc text;

-- Every tenant sees its own rows, also the owner of the tables.
do $$
declare
    name text;
begin
    foreach name in array array['container_entry', 'container_content']
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

grant select, insert on container_entry to agog_server;
grant select, insert, delete, update (packed) on container_content to agog_server;
