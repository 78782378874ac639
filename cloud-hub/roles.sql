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
    -- The writer of raw samples in older schemas, to which the first migrations grant; the last ones take all of it back.
    if not exists (select from pg_roles where rolname = 'agog_ingest') then
        create role agog_ingest nologin nosuperuser nocreatedb nocreaterole noinherit nobypassrls;
    end if;
exception when duplicate_object or unique_violation then null;
end
$$;
do $$
begin
    -- An older migration hands a function over to it, which takes the right to become it. Being a member is not enough to ask for:
    -- from PostgreSQL 16 on, who makes a role is its member and still cannot become it.
    perform set_config('client_min_messages', 'warning', true);
    execute format('grant agog_ingest to %I', current_user);
exception
    -- Another run granted the same at the same moment ("tuple concurrently updated" is an internal error).
    when unique_violation or internal_error then null;
    when insufficient_privilege then
        -- An administrator made the roles and granted this one; then it is not for the owner to grant.
        if not pg_has_role(current_user, 'agog_ingest', 'member') then
            raise;
        end if;
end
$$;
