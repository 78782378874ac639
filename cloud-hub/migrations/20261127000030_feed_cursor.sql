-- How far an agent has fetched its feed, so that what it never fetched goes on to the agent that replaces it.

create table feed_cursor (
    tenant_id  uuid not null,
    agent_id   uuid not null,
    -- The newest item that it has, as it said itself.
    seen_n     bigint not null,
    primary key (tenant_id, agent_id),
    foreign key (tenant_id, agent_id) references agent (tenant_id, agent_id)
);

-- Of those that are there nobody knows: one that still asks says so with its next request, and of one that is gone
-- nothing is given out a second time.
insert into feed_cursor (tenant_id, agent_id, seen_n)
    select tenant_id, agent_id, last_n from feed_counter;

alter table feed_cursor enable row level security;
alter table feed_cursor force row level security;
create policy tenant_isolation on feed_cursor
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert, update on feed_cursor to agog_server;
