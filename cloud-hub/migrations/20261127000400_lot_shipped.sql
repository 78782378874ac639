-- What was shipped of a lot and came back is added up for each batch that names the lot: without reading all that was
-- consumed of it.
create index lot_entry_shipped on lot_entry (tenant_id, lot_id) include (delta)
    where bucket in ('shipped', 'returned');
