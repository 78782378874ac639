-- What the agent has promised to an MIS that uses it as its controller.

-- Channels that others have opened here. Signals are not stored: they are made from the events
-- after the position, so a channel is a cursor into the ledger.
create table channel (
    channel integer primary key autoincrement,
    -- The ID of the query that opened it; its signals refer to it.
    channel_id text not null,
    kind text not null,
    url text not null,
    -- The device that the query named; all of the plant without it.
    device text,
    sender text not null,
    -- The address that the query came from.
    caller text,
    -- The query with its subscription, as a JMF.
    query text not null,
    -- The last event whose signals were answered.
    position integer not null,
    opened_at integer not null
) strict;
create index channel_by_url on channel (url);

-- Jobs that others have submitted here over JMF, and how they go back.
create table submission (
    job_id text primary key,
    -- Sender, ID and time of the command: the same again gets the same answer.
    message text not null unique,
    sender text not null,
    caller text,
    -- What the ticket calls the job.
    ticket_job_id text,
    ticket_job_part_id text,
    return_jmf text,
    return_url text,
    submitted_at integer not null,
    -- The ticket as the device returned it, until it was given back.
    returned blob,
    completed text not null default '',
    aborted text not null default '',
    -- Given back and answered, or nothing to give back to anybody.
    settled_at integer,
    return_code integer
) strict;
create index submission_unsettled on submission (submitted_at) where settled_at is null;

-- What devices use up is asked for by its newest event.
create index event_of_resource on event (position) where kind = 'device.resource-changed';
