-- Keys that seal what a tenant keeps encrypted, each wrapped by a key of the operator.
create table data_key (
    tenant_id blob not null references tenant (id),
    id blob not null,
    -- Which key of the operator wrapped it.
    operator_key text not null,
    wrapped blob not null,
    created_at integer not null,
    primary key (tenant_id, id)
) strict, without rowid;

-- Whether the parts of a file are sealed.
alter table blob add column is_sealed integer not null default 0;
