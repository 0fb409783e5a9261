-- Keys that seal what a tenant keeps encrypted, each wrapped by a key of the operator.
create table data_key (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    -- Which key of the operator wrapped it.
    operator_key text not null,
    wrapped bytea not null,
    created_at timestamptz not null,
    primary key (tenant_id, id)
);

-- Whether the parts of a file are sealed.
alter table blob add column is_sealed boolean not null default false;
