-- The host's own tables. Times are microseconds since 1970 in UTC, ids are 16 bytes.

create table instance (
    only_row integer primary key check (only_row = 1),
    secret blob not null
) strict;

create table tenant (
    id blob primary key,
    slug text not null unique,
    name text not null,
    created_at integer not null
) strict, without rowid;

create table api_key (
    id blob primary key,
    tenant_id blob not null references tenant (id),
    hash blob not null unique,
    role text not null,
    name text not null,
    created_at integer not null,
    expires_at integer
) strict, without rowid;

create table plugin (
    id text not null,
    version text not null,
    digest blob not null,
    manifest text not null,
    component blob not null,
    installed_at integer not null,
    primary key (id, version)
) strict;

create table module (
    tenant_id blob not null references tenant (id),
    plugin_id text not null,
    plugin_version text not null,
    enabled integer not null,
    config text not null,
    changed_at integer not null,
    primary key (tenant_id, plugin_id)
) strict, without rowid;

create table object_definition (
    name text primary key,
    owner text not null,
    definition text not null
) strict, without rowid;

create table event (
    seq integer primary key autoincrement,
    tenant_id blob not null,
    id blob not null,
    kind text not null,
    object text not null,
    record_id blob not null,
    version integer not null,
    actor text not null,
    plugin text,
    at integer not null,
    before_values text not null,
    after_values text not null
) strict;
create index event_by_record on event (tenant_id, record_id, seq);

create table idempotency (
    tenant_id blob not null,
    key_id blob not null,
    name text not null,
    fingerprint blob not null,
    status integer not null,
    headers text not null,
    body text not null,
    created_at integer not null,
    primary key (tenant_id, key_id, name)
) strict, without rowid;
create index idempotency_by_age on idempotency (created_at);
