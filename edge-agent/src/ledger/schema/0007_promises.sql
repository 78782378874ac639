-- What the agent has promised to an MIS comes to an end.

-- The job whose submission opened a channel (WatchURL): the channel goes when the job was given back.
alter table channel add column job_id text;
-- Those that are open: the queries of such channels name the entry, or are the other half of one that does.
update channel set job_id = (select job_id from submission where instr(channel.query, submission.job_id) > 0)
where kind = 'Status';
update channel set job_id = (select other.job_id from channel as other
    where other.kind = 'Status' and other.job_id is not null and other.url = channel.url
      and other.channel_id = channel.channel_id and other.sender = channel.sender)
where kind = 'Resource';

-- Since when a ticket cannot be given back, and why; after many days it is given up, and kept. Days are
-- counted on which it was tried: a clock that jumps, or an agent that is off, makes no time go by.
alter table submission add column failing_since integer;
alter table submission add column failed_days integer not null default 0;
alter table submission add column counted_at integer;
alter table submission add column last_error text;
alter table submission add column given_up integer not null default 0;

-- Folders of devices that carry the mark of this agent: one without it is another folder.
create table device_folder (
    device text not null,
    folder text not null,
    used_since integer not null,
    primary key (device, folder)
) strict, without rowid;

-- The folder in which a ticket was staged, from when the device may have it: only there can it be
-- seen whether the device has taken it.
alter table device_command add column staged text;

-- Orders to whole queues that were passed on: a repeated message gets the answer that is here.
create table passed_order (
    -- Type, sender, ID and time of the command.
    message text primary key,
    -- The ID under which the device was sent it, the same when it is sent again.
    message_id text not null,
    -- As a JMF; none while nobody knows what became of it.
    answer text,
    recorded_at integer not null
) strict;
create index passed_order_by_age on passed_order (recorded_at);
