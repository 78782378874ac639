-- The old part of the down feed. What every agent will ever need of it is kept under its number, and small: events by
-- their place in the ledger, tickets and commands while their job is open, the newest word on each record of master data.

create table feed_told (
    tenant_id    uuid not null,
    agent_id     uuid not null,
    n            bigint not null,
    -- An event: its place in the ledger, and as JSON the lots that were told with it.
    producer_id  uuid,
    epoch        bigint,
    seq          bigint,
    told         text,
    -- Anything else: the item as it was.
    body         text,
    -- The public id of the job that it is about.
    job_id       uuid,
    -- Which record of master data it is about.
    master_key   text,
    primary key (tenant_id, agent_id, n),
    check ((body is null) = (seq is not null)),
    foreign key (tenant_id, agent_id) references feed_counter (tenant_id, agent_id),
    foreign key (tenant_id, producer_id, epoch, seq) references ledger_event (tenant_id, producer_id, epoch, seq)
);
create index feed_told_job on feed_told (tenant_id, job_id) where job_id is not null;
create index feed_told_master on feed_told (tenant_id, agent_id, master_key) where master_key is not null;

alter table feed_told enable row level security;
alter table feed_told force row level security;
create policy tenant_isolation on feed_told
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert, delete on feed_told to agog_server;
grant delete on feed_item to agog_server;
