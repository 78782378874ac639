-- What is missing of a plant's telemetry can be read: the newest that the hub has heard of first, and how much of a time. Charts are of
-- times that end now, so gaps are looked for by their end.
create index telemetry_gap_newest on telemetry_gap (tenant_id, plant_id, gap_id);
create index telemetry_gap_end on telemetry_gap (tenant_id, plant_id, to_at);
drop index telemetry_gap_plant;
