-- What was shipped of a lot and did not come back is added up whenever an event of the lot is applied.
create index lot_entry_shipped on lot_entry (tenant_id, lot_id) include (delta) where bucket in ('shipped', 'returned');
