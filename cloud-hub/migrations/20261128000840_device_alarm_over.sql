-- Alarms that are over and that somebody has seen to go when they are old (equipment/retention.rs).

create index device_alarm_over on device_alarm (tenant_id, cleared_at)
    where cleared_at is not null and acknowledged_at is not null;

grant delete on device_alarm to agog_server;
