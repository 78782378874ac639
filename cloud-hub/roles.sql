-- The roles of the hub. `agog-hub migrate` runs this before the migrations, on every start of it; nothing happens to a role
-- that is there. Roles belong to the whole cluster, so several databases may make them at the same moment.
do $$
begin
    -- The server: logs in, owns nothing, cannot go around row security.
    if not exists (select from pg_roles where rolname = 'agog_server') then
        create role agog_server login nosuperuser nocreatedb nocreaterole noinherit nobypassrls;
    end if;
exception when duplicate_object or unique_violation then null;
end
$$;
do $$
begin
    -- The writer of raw samples: nobody logs in as it, one function belongs to it.
    if not exists (select from pg_roles where rolname = 'agog_ingest') then
        create role agog_ingest nologin nosuperuser nocreatedb nocreaterole noinherit nobypassrls;
    end if;
exception when duplicate_object or unique_violation then null;
end
$$;
do $$
begin
    -- The owner hands that function over, which takes membership.
    if not pg_has_role(current_user, 'agog_ingest', 'member') then
        execute format('grant agog_ingest to %I', current_user);
    end if;
end
$$;
