-- The stops of a device are read from the states that are stops, not from its whole history.
create index device_state_stop on device_state (tenant_id, device_id, occurred_at, event_id)
    where state in ('Stopped', 'Down');
