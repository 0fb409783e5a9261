-- Row-level security: whatever a statement asks for, it meets the rows of one tenant only. Which one the
-- session says, in the setting `guildhall.tenant`: a tenant's id, or `*` for a chore of the host itself.
-- Without it nothing is met, and nothing can be written.

-- Walls a table. `whose` is the column that says whose a row is. A table that `opens_to_host` lets chores of the
-- host meet the rows of all tenants. Each later migration calls it once for each of its tables:
--     select guildhall_wall('thing');
--     select guildhall_wall('other_thing', opens_to_host => true);
create function guildhall_wall(walled regclass, whose name default 'tenant_id', opens_to_host boolean default false)
returns void language plpgsql as $$
declare
    -- A setting that was never made is null, and one that was undone is empty. Neither is anybody's.
    -- In this form the planner compares it once for each statement, and not with each row.
    is_own text := format('%I = nullif(current_setting(''guildhall.tenant'', true), '''')::uuid', whose);
begin
    if opens_to_host then
        is_own := format('current_setting(''guildhall.tenant'', true) in (%I::text, ''*'')', whose);
    end if;
    execute format('alter table %s enable row level security', walled);
    execute format('alter table %s force row level security', walled);
    execute format('drop policy if exists guildhall_wall on %s', walled);
    execute format('create policy guildhall_wall on %s using (%s) with check (%s)', walled, is_own, is_own);
end
$$;

-- Every table that there is, those of objects among them.
do $$
declare
    walled regclass;
begin
    for walled in
        select c.oid from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relkind = 'r' and c.relnamespace = (select oid from pg_namespace where nspname = current_schema())
        and a.attname = 'tenant_id' and not a.attisdropped
    loop
        perform guildhall_wall(walled);
    end loop;
end
$$;

-- A tenant is found by its name, a key by its hash, work by its time, and what is old by its age.
select guildhall_wall('tenant', whose => 'id', opens_to_host => true);
select guildhall_wall('api_key', opens_to_host => true);
select guildhall_wall('job', opens_to_host => true);
select guildhall_wall('webhook', opens_to_host => true);
select guildhall_wall('webhook_delivery', opens_to_host => true);
select guildhall_wall('idempotency', opens_to_host => true);
select guildhall_wall('blob', opens_to_host => true);
select guildhall_wall('import', opens_to_host => true);
select guildhall_wall('data_key', opens_to_host => true);
