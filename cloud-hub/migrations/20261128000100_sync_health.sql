-- Whether both sides still have the same, day by day; and how each agent is: what it tells of itself, and the alarm that
-- stands for it.

-- Events of one epoch that follow each other and were recorded on one day that is over, as agent and hub have counted them.
create table producer_day (
    tenant_id    uuid not null,
    producer_id  uuid not null,
    epoch        bigint not null,
    first_seq    bigint not null,
    last_seq     bigint not null,
    -- UTC, YYYY-MM-DD, by the agent's clock, which may be any.
    day          text not null,
    -- What the agent has.
    agent_events bigint not null,
    agent_hash   bytea not null,
    agent_fault  bigint,
    -- What is here.
    events       bigint not null,
    hash         bytea not null,
    -- The first number whose event is missing or is not as it was sealed.
    fault        bigint,
    is_equal     boolean not null,
    compared_at  timestamptz not null,
    stream       text not null generated always as ('ledger') stored,
    primary key (tenant_id, producer_id, epoch, first_seq),
    foreign key (tenant_id, producer_id, stream) references producer (tenant_id, producer_id, stream)
);

-- Apart from the producer, whose row is locked for as long as a batch is taken in.
create table producer_watch (
    tenant_id         uuid not null,
    producer_id       uuid not null,
    -- When the agent told of itself last, and how far its clock was ahead then.
    told_at           timestamptz,
    skew_ms           bigint,
    -- Events that it had not delivered, and when it recorded the oldest, by its own clock.
    waiting           bigint not null default 0,
    oldest_waiting_us bigint,
    -- Since when it has told each time that some wait.
    waiting_since     timestamptz,
    -- no-contact: it was silent. no-progress: events waited and none was taken.
    alarm             text check (alarm in ('no-contact', 'no-progress')),
    alarm_at          timestamptz,
    stream            text not null generated always as ('ledger') stored,
    primary key (tenant_id, producer_id),
    foreign key (tenant_id, producer_id, stream) references producer (tenant_id, producer_id, stream),
    check ((alarm is null) = (alarm_at is null))
);

do $$
declare
    name text;
begin
    foreach name in array array['producer_day', 'producer_watch']
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

grant select, insert, update, delete on producer_day to agog_server;
grant select, insert, update on producer_watch to agog_server;

-- For whom the server has work to do that nobody asks for: it sees no tenant before it knows its id. Ids and nothing else.
create function tenant_ids() returns setof uuid
    language sql stable security definer set search_path = pg_catalog, pg_temp
as $$ select tenant_id from public.tenant order by 1 $$;
revoke all on function tenant_ids() from public;
grant execute on function tenant_ids() to agog_server;
