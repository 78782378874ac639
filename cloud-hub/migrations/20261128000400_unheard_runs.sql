-- unheard: a later run of the same disk named it before it was heard of. It has ended; a request of it that comes late
-- takes nothing over.
alter table producer_run drop constraint producer_run_reason_check;
alter table producer_run add constraint producer_run_reason_check
    check (reason in ('continued', 'took-over', 'enrolled', 'refused', 'unheard'));
