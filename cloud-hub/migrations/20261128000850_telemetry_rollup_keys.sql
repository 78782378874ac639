-- The key of a series is asked for once for each day that has samples, not for each minute and hour as well: whoever
-- stores a minute stores its hour and its day in the same transaction, and the day's row is refused when there is no such
-- series. Series are never deleted.
do $$
declare
    key record;
begin
    -- By what they are: the name of the first was taken when it was made.
    for key in
        select conrelid::regclass as rollup, conname from pg_constraint
        where contype = 'f' and conrelid in ('telemetry_minute'::regclass, 'telemetry_hour'::regclass)
    loop
        execute format('alter table %s drop constraint %I', key.rollup, key.conname);
    end loop;
end
$$;
