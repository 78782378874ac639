-- Epochs that were salvaged from a damaged file, with the newest event that each is known to have had: what is neither
-- here nor kept aside, once the hub has given back what it has, is lost.
create table salvage (
    epoch integer primary key,
    salvaged_at integer not null,
    known_end integer not null,
    -- The damaged file said where it ended.
    end_known integer not null
) strict;
