-- A job that came back may be run again: every ticket that its device returns goes back to whoever submitted it.

-- Tickets as devices returned them, until they were given back.
create table submission_return (
    job_id text not null,
    -- Counted for each job; the message that gives the ticket back is named after it.
    run integer not null,
    ticket blob not null,
    completed text not null,
    aborted text not null,
    primary key (job_id, run)
) strict;
insert into submission_return (job_id, run, ticket, completed, aborted)
select job_id, 1, returned, completed, aborted from submission where returned is not null;

-- How many went back, or are to; what went back as it came counts too.
alter table submission add column runs integer not null default 0;
update submission set runs = 1 where returned is not null or settled_at is not null;
alter table submission drop column returned;
alter table submission drop column completed;
alter table submission drop column aborted;
