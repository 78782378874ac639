-- What is to be sent to devices: durable, in order per device, each with its fate.
create table device_command (
    command_id text primary key,
    device text not null,
    -- Dense per device, from 1: the order in which they are sent.
    place integer not null,
    -- The JMF type, for example HoldQueueEntry.
    kind text not null,
    -- The job it is about, as job.job_key and as people call it.
    job_key text,
    job text,
    -- JSON of what is wanted.
    content text not null,
    -- Fixed when the command is made: a repeat on the wire has the same one.
    message_id text not null unique,
    wanted_by text not null,
    created_at integer not null,
    -- waiting | sent | answered | refused | given-up
    state text not null,
    -- not-asked | asked | promised: whether the device answers later.
    acknowledge text not null default 'not-asked',
    attempts integer not null default 0,
    last_try_at integer,
    last_error text,
    return_code integer,
    reason text,
    ended_at integer,
    unique (device, place)
) strict;
create index device_command_open on device_command (device, place) where ended_at is null;
create index device_command_by_job on device_command (job_key) where job_key is not null;
create index device_command_by_end on device_command (ended_at) where ended_at is not null;

-- The newest place of each device: rows that are removed leave no place to be given again.
create table device_outbox (
    device text primary key,
    newest_place integer not null
) strict;

-- Tickets that no device had answered yet. An earlier program may have sent them, so the queue of
-- the device is looked at before they are sent again.
insert into device_command (command_id, device, place, kind, job_key, job, content, message_id,
                            wanted_by, created_at, state, attempts)
select job_id, device, row_number() over (partition by device order by received_at, job_key),
       'SubmitQueueEntry', job_key, number, '"submit"', 'M' || job_id, 'jobs', received_at, 'sent', 1
from job where step = 'job.received' and ticket is not null and job_id is not null;
insert into device_outbox (device, newest_place)
select device, max(place) from device_command group by device;
