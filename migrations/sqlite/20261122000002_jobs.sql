-- Jobs, the files that they read and make, and imports.
-- `due_at` is when a queued job is to run, or when the lease of a running one ends; null when it has ended.

create table job (
    tenant_id blob not null,
    id blob not null,
    kind text not null,
    payload text not null,
    state text not null,
    progress text not null,
    checkpoint text,
    result text,
    error text,
    key_id blob not null,
    node blob,
    attempt integer not null,
    failures integer not null,
    due_at integer,
    created_at integer not null,
    updated_at integer not null,
    primary key (tenant_id, id)
) strict, without rowid;
create index job_by_due on job (due_at) where due_at is not null;
create index job_by_end on job (updated_at) where due_at is null;

create table blob (
    tenant_id blob not null,
    id blob not null,
    size integer not null,
    parts integer not null,
    expires_at integer not null,
    primary key (tenant_id, id)
) strict, without rowid;
create index blob_by_end on blob (expires_at);

create table blob_part (
    tenant_id blob not null,
    blob_id blob not null,
    part integer not null,
    bytes blob not null,
    primary key (tenant_id, blob_id, part)
) strict;

create table import (
    tenant_id blob not null,
    id blob not null,
    object text not null,
    format text not null,
    name text not null,
    blob_id blob not null,
    plan text not null,
    revision integer not null,
    job_id blob,
    undo_job_id blob,
    created_at integer not null,
    expires_at integer not null,
    primary key (tenant_id, id)
) strict, without rowid;
create index import_by_end on import (expires_at);

create table import_fault (
    tenant_id blob not null,
    import_id blob not null,
    row_number integer not null,
    cells text not null,
    code text not null,
    reason text not null,
    primary key (tenant_id, import_id, row_number)
) strict, without rowid;

create table import_change (
    tenant_id blob not null,
    import_id blob not null,
    record_id blob not null,
    version integer not null,
    before_values text,
    is_kept integer not null,
    primary key (tenant_id, import_id, record_id)
) strict, without rowid;
