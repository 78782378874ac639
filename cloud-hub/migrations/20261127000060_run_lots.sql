-- What a run of a job took and made is found by the job that the lots name.
create index lot_use_job on lot_use (tenant_id, job, occurred_at) where kind in ('consumed', 'wasted');
create index lot_made_for on lot (tenant_id, (work -> 'job' ->> 'number'), created_at) where origin = 'produced';
