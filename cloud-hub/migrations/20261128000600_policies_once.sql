-- The tenant of a statement is read once, not again for each row that it reads or writes: as a subquery the setting becomes
-- a parameter of the plan. What the policies allow stays the same.
do $$
declare
    per_row constant text := $expr$NULLIF(current_setting('app.tenant_id'::text, true), ''::text)$expr$;
    once constant text := $expr$(select nullif(current_setting('app.tenant_id', true), ''))$expr$;
    policy record;
begin
    for policy in
        select schemaname, tablename, policyname, qual, with_check from pg_policies
        where position(per_row in qual) > 0 or position(per_row in with_check) > 0
    loop
        if policy.with_check is null then
            execute format('alter policy %I on %I.%I using (%s)',
                policy.policyname, policy.schemaname, policy.tablename, replace(policy.qual, per_row, once));
        else
            execute format('alter policy %I on %I.%I using (%s) with check (%s)',
                policy.policyname, policy.schemaname, policy.tablename,
                replace(policy.qual, per_row, once), replace(policy.with_check, per_row, once));
        end if;
    end loop;
end
$$;
