-- Ends a statement whose part met something else than expected, and says which part.
create function guildhall_expect(is_met boolean, part integer) returns boolean language plpgsql as $$
begin
    if not is_met then
        raise exception '%', part using errcode = 'GH001';
    end if;
    return true;
end
$$;

-- Merges of records, with what is needed to undo them.
create table merge (
    tenant_id uuid not null,
    id uuid not null,
    object text collate "C" not null,
    winner uuid not null,
    actor text not null,
    made_at timestamptz not null,
    undone_at timestamptz,
    account jsonb not null,
    primary key (tenant_id, id)
);

-- Which record a merged one has become, while the merge stands.
create table merged_record (
    tenant_id uuid not null,
    object text collate "C" not null,
    record_id uuid not null,
    winner uuid not null,
    merge_id uuid not null,
    primary key (tenant_id, object, record_id)
);
