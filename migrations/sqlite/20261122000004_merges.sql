-- Merges of records, with what is needed to undo them.
create table merge (
    tenant_id blob not null,
    id blob not null,
    object text not null,
    winner blob not null,
    actor text not null,
    made_at integer not null,
    undone_at integer,
    account text not null,
    primary key (tenant_id, id)
) strict;

-- Which record a merged one has become, while the merge stands.
create table merged_record (
    tenant_id blob not null,
    object text not null,
    record_id blob not null,
    winner blob not null,
    merge_id blob not null,
    primary key (tenant_id, object, record_id)
) strict, without rowid;
