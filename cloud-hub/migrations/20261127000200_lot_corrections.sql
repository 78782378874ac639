-- Corrections of lot events. Older code neither sees nor writes what is added here; edges it reads are those that stand.

-- Which event was corrected, and by which event first: a second correction has no effect.
create table lot_correction (
    tenant_id     uuid not null references tenant (tenant_id),
    event_id      uuid not null,
    corrected_by  uuid not null,
    primary key (tenant_id, event_id)
);

-- An edge is in lot_edge once, by the event that said so first. What later events say of the same pair is here, so that the
-- edge stands when that one is corrected: the oldest of these then takes its place.
create table lot_edge_again (
    tenant_id      uuid not null,
    parent_id      bigint not null,
    child_id       bigint not null,
    kind           text not null,
    event_id       uuid not null,
    -- The order in which the hub heard of them.
    place          bigint generated always as identity,
    base_quantity  numeric(20, 6),
    base_unit      text,
    occurred_at    timestamptz not null,
    primary key (tenant_id, parent_id, child_id, kind, event_id),
    foreign key (tenant_id, parent_id) references lot (tenant_id, lot_id),
    foreign key (tenant_id, child_id) references lot (tenant_id, lot_id)
);

-- The correction that undid the use: it is shown no more and counts nowhere.
alter table lot_use add column undone_by uuid;

-- Every tenant sees its own rows, also the owner of the tables.
do $$
declare
    name text;
begin
    foreach name in array array['lot_correction', 'lot_edge_again']
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

grant select, insert on lot_correction to agog_server;
grant select, insert, delete on lot_edge_again to agog_server;
grant delete on lot_edge to agog_server;
grant update (undone_by) on lot_use to agog_server;

-- Until now only the first event of an edge was kept. Only consumption can say again what was said before.
do $$
declare
    tenant uuid;
begin
    for tenant in select tenant_id from tenant
    loop
        perform set_config('app.tenant_id', tenant::text, true);
        with applied as materialized (
            -- PostgreSQL cannot take a JSON apart that has a NUL in a text; only ids and amounts are wanted.
            select e.event_id, e.kind, replace(e.payload, '\u0000', '\ufffd')::json as payload,
                timestamptz 'epoch' + e.occurred_us * interval '1 microsecond' as occurred_at, e.received_at, e.seq
            from ledger_event e
            where e.tenant_id = tenant and e.kind in ('lot.consumed', 'lot.produced')
                and not exists (
                    select from ledger_rejected r
                    where r.tenant_id = e.tenant_id and r.producer_id = e.producer_id and r.epoch = e.epoch and r.seq = e.seq)
        ), said as (
            select a.*, a.payload -> 'draw' -> 'lot' ->> 'lot_id' as parent, o.value ->> 'lot_id' as child,
                case json_array_length(a.payload -> 'into') when 1 then a.payload -> 'draw' -> 'quantity' -> 'base' end as base
            from applied a cross join lateral json_array_elements(a.payload -> 'into') o
            where a.kind = 'lot.consumed'
            union all
            select a.*, s.value ->> 'lot_id', o.value -> 'lot' ->> 'lot_id', null
            from applied a cross join lateral json_array_elements(a.payload -> 'sources') s
                cross join lateral json_array_elements(a.payload -> 'outputs') o
            where a.kind = 'lot.produced'
        )
        insert into lot_edge_again
            (tenant_id, parent_id, child_id, kind, event_id, base_quantity, base_unit, occurred_at)
        select tenant, p.lot_id, c.lot_id, 'produced', said.event_id, (said.base ->> 'amount')::numeric,
            said.base ->> 'unit', said.occurred_at
        from said
            join lot p on p.tenant_id = tenant and p.public_id = said.parent::uuid
            join lot c on c.tenant_id = tenant and c.public_id = said.child::uuid
            join lot_edge e on e.tenant_id = tenant and e.parent_id = p.lot_id and e.child_id = c.lot_id
                and e.kind = 'produced' and e.event_id <> said.event_id
        order by said.received_at, said.seq
        on conflict do nothing;
    end loop;
    perform set_config('app.tenant_id', '', true);
end
$$;
