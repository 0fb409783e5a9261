-- What modules do beside records: keys and values, events of their own, secrets, events that they hear of, schedules.

-- The type of an event that a module published; none for what happened to a record.
alter table event add column type text collate "C";
-- The module that made what the event is about, when nobody else did.
alter table event add column cause text collate "C";
-- How many modules in a row led to it, each acting on what the one before did.
alter table event add column depth integer not null default 0;

create table kv (
    tenant_id uuid not null references tenant (id),
    plugin_id text collate "C" not null,
    key bytea not null,
    value bytea not null,
    version bigint not null,
    updated_at timestamptz not null,
    primary key (tenant_id, plugin_id, key)
);

-- How much a module keeps under keys.
create table kv_use (
    tenant_id uuid not null references tenant (id),
    plugin_id text collate "C" not null,
    bytes bigint not null,
    primary key (tenant_id, plugin_id)
);

create table module_secret (
    tenant_id uuid not null references tenant (id),
    plugin_id text collate "C" not null,
    name text collate "C" not null,
    -- Sealed, where the operator has a key.
    value jsonb not null,
    set_at timestamptz not null,
    primary key (tenant_id, plugin_id, name)
);

-- How far a module has come in the log of events.
create table module_cursor (
    tenant_id uuid not null references tenant (id),
    plugin_id text collate "C" not null,
    cursor_tx bigint not null,
    cursor_seq bigint not null,
    -- Tries of what comes next that failed, and when the next one is.
    failures integer not null,
    retry_at timestamptz,
    -- The node that works on it, until when.
    lease uuid,
    leased_until timestamptz,
    primary key (tenant_id, plugin_id)
);

-- Events that a module could not handle.
create table module_event (
    tenant_id uuid not null references tenant (id),
    plugin_id text collate "C" not null,
    event_id uuid not null,
    tx bigint not null,
    seq bigint not null,
    type text collate "C" not null,
    object text collate "C" not null,
    record_id uuid not null,
    attempts integer not null,
    code text collate "C" not null,
    detail text not null,
    set_aside_at timestamptz not null,
    primary key (tenant_id, plugin_id, event_id)
);

create table module_schedule (
    tenant_id uuid not null references tenant (id),
    plugin_id text collate "C" not null,
    name text collate "C" not null,
    cron text not null,
    next_at timestamptz,
    primary key (tenant_id, plugin_id, name)
);
create index module_schedule_due on module_schedule (next_at) where next_at is not null;

select guildhall_wall('kv');
select guildhall_wall('kv_use');
select guildhall_wall('module_secret');
select guildhall_wall('module_cursor', opens_to_host => true);
select guildhall_wall('module_event');
select guildhall_wall('module_schedule', opens_to_host => true);
