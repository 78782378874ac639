-- Agents whose disk was set back or copied: which run of an agent is served, when each epoch began and why, and
-- events that are applied once their fault is mended.

-- The run that is served; null for an agent that tells none. Whoever changes it holds the row's lock, as whoever
-- appends does.
alter table producer add column run_id uuid;
-- When the agent last asked for a token.
alter table producer add column seen_at timestamptz;

-- Each start of an agent, as it told of itself.
create table producer_run (
    tenant_id    uuid not null,
    producer_id  uuid not null,
    run_id       uuid not null,
    -- Since when it is served, or was, at last.
    began_at     timestamptz not null,
    -- continued: its disk goes on from the run before. took-over: it does not. enrolled: a person decided for it.
    -- refused: it began on the disk of a fenced one.
    reason       text not null check (reason in ('continued', 'took-over', 'enrolled', 'refused')),
    -- Since when another run is served.
    ended_at     timestamptz,
    -- Since when it is refused for good: it came back after another one was served.
    fenced_at    timestamptz,
    stream       text not null generated always as ('ledger') stored,
    primary key (tenant_id, producer_id, run_id),
    foreign key (tenant_id, producer_id, stream) references producer (tenant_id, producer_id, stream)
);

-- Each epoch after the first.
create table producer_epoch (
    tenant_id    uuid not null,
    producer_id  uuid not null,
    epoch        bigint not null,
    began_at     timestamptz not null,
    -- As the agent says it: rolled-back, diverged, superseded; null for an older agent.
    reason       text,
    -- By the agent's clock, in microseconds since 1970.
    opened_us    bigint,
    run_id       uuid,
    -- Where the epoch before ended.
    before_epoch bigint not null,
    before_seq   bigint not null,
    stream       text not null generated always as ('ledger') stored,
    primary key (tenant_id, producer_id, epoch),
    foreign key (tenant_id, producer_id, stream) references producer (tenant_id, producer_id, stream)
);

-- An event that was applied later stays here, with when.
alter table ledger_rejected add column tries integer not null default 1;
alter table ledger_rejected add column tried_at timestamptz;
alter table ledger_rejected add column applied_at timestamptz;
create index ledger_rejected_open on ledger_rejected (tenant_id, rejected_at, producer_id, epoch, seq)
    where applied_at is null;

do $$
declare
    name text;
begin
    foreach name in array array['producer_run', 'producer_epoch']
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

grant select, insert, update on producer_run to agog_server;
grant select, insert on producer_epoch to agog_server;
grant update (code, reason, tries, tried_at, applied_at) on ledger_rejected to agog_server;
