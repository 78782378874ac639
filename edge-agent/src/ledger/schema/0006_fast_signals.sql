-- Tickets are large and are seldom read: they stand apart from the rows of their jobs, which change
-- with every step. What is looked at all the time is kept beside the ticket.
create table job_ticket (
    job_key text primary key references job (job_key),
    -- JSON; none where an older program stored the ticket: then it is read from the ticket.
    head text,
    -- JSON of the ticket as it is handed over.
    ticket text not null
) strict;
create index job_ticket_by_job_id on job_ticket (json_extract(head, '$.names.job_id'));
insert into job_ticket (job_key, ticket) select job_key, ticket from job where ticket is not null;
alter table job drop column ticket;

-- Every phase that a device reports looks for its job among the open ones, then by its queue entry.
create index job_open on job (device, received_at, job_key)
    where step not in ('job.refused', 'job.completed', 'job.aborted', 'job.removed');
create index job_by_entry on job (device, json_extract(progress, '$.queue_entry_id'));

-- A message without a fact needs no memory of its id: repeated, it finds its own words.
drop index inbox_message_plain;
delete from inbox_message where plain = 1;
alter table inbox_message drop column plain;
