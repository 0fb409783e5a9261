-- Jobs, the files that they read and make, and imports.
-- `due_at` is when a queued job is to run, or when the lease of a running one ends; null when it has ended.

create table job (
    tenant_id uuid not null,
    id uuid not null,
    kind text collate "C" not null,
    payload jsonb not null,
    state text collate "C" not null,
    progress jsonb not null,
    checkpoint jsonb,
    result jsonb,
    error jsonb,
    key_id uuid not null,
    node uuid,
    attempt bigint not null,
    failures bigint not null,
    due_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, id)
);
create index job_by_due on job (due_at) where due_at is not null;
create index job_by_end on job (updated_at) where due_at is null;

create table blob (
    tenant_id uuid not null,
    id uuid not null,
    size bigint not null,
    parts bigint not null,
    expires_at timestamptz not null,
    primary key (tenant_id, id)
);
create index blob_by_end on blob (expires_at);

create table blob_part (
    tenant_id uuid not null,
    blob_id uuid not null,
    part bigint not null,
    bytes bytea not null,
    primary key (tenant_id, blob_id, part)
);

create table import (
    tenant_id uuid not null,
    id uuid not null,
    object text not null,
    format text not null,
    name text not null,
    blob_id uuid not null,
    plan jsonb not null,
    revision bigint not null,
    job_id uuid,
    undo_job_id uuid,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (tenant_id, id)
);
create index import_by_end on import (expires_at);

create table import_fault (
    tenant_id uuid not null,
    import_id uuid not null,
    row_number bigint not null,
    cells jsonb not null,
    code text not null,
    reason text not null,
    primary key (tenant_id, import_id, row_number)
);

create table import_change (
    tenant_id uuid not null,
    import_id uuid not null,
    record_id uuid not null,
    version bigint not null,
    before_values jsonb,
    is_kept boolean not null,
    primary key (tenant_id, import_id, record_id)
);
