-- The host's own tables. Text is compared by bytes, so that both engines agree.

create table instance (
    only_row integer primary key check (only_row = 1),
    secret bytea not null
);

create table tenant (
    id uuid primary key,
    slug text collate "C" not null unique,
    name text not null,
    created_at timestamptz not null
);

create table api_key (
    id uuid primary key,
    tenant_id uuid not null references tenant (id),
    hash bytea not null unique,
    role text not null,
    name text not null,
    created_at timestamptz not null,
    expires_at timestamptz
);

create table plugin (
    id text collate "C" not null,
    version text collate "C" not null,
    digest bytea not null,
    manifest jsonb not null,
    component bytea not null,
    installed_at timestamptz not null,
    primary key (id, version)
);

create table module (
    tenant_id uuid not null references tenant (id),
    plugin_id text collate "C" not null,
    plugin_version text collate "C" not null,
    enabled boolean not null,
    config jsonb not null,
    changed_at timestamptz not null,
    primary key (tenant_id, plugin_id)
);

create table object_definition (
    name text collate "C" primary key,
    owner text not null,
    definition jsonb not null
);

create table event (
    seq bigint generated always as identity,
    tenant_id uuid not null,
    id uuid not null,
    kind text not null,
    object text not null,
    record_id uuid not null,
    version bigint not null,
    actor text not null,
    plugin text,
    at timestamptz not null,
    before_values jsonb not null,
    after_values jsonb not null,
    primary key (tenant_id, seq)
);
create index event_by_record on event (tenant_id, record_id, seq);

create table idempotency (
    tenant_id uuid not null,
    key_id uuid not null,
    name text collate "C" not null,
    fingerprint bytea not null,
    status integer not null,
    headers jsonb not null,
    body text not null,
    created_at timestamptz not null,
    primary key (tenant_id, key_id, name)
);
create index idempotency_by_age on idempotency (created_at);
