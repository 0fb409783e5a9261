-- What modules do beside records: keys and values, events of their own, secrets, events that they hear of, schedules.

-- The type of an event that a module published; none for what happened to a record.
alter table event add column type text;
-- The module that made what the event is about, when nobody else did.
alter table event add column cause text;
-- How many modules in a row led to it, each acting on what the one before did.
alter table event add column depth integer not null default 0;

create table kv (
    tenant_id blob not null references tenant (id),
    plugin_id text not null,
    key blob not null,
    value blob not null,
    version integer not null,
    updated_at integer not null,
    primary key (tenant_id, plugin_id, key)
) strict, without rowid;

-- How much a module keeps under keys.
create table kv_use (
    tenant_id blob not null references tenant (id),
    plugin_id text not null,
    bytes integer not null,
    primary key (tenant_id, plugin_id)
) strict, without rowid;

create table module_secret (
    tenant_id blob not null references tenant (id),
    plugin_id text not null,
    name text not null,
    -- Sealed, where the operator has a key.
    value text not null,
    set_at integer not null,
    primary key (tenant_id, plugin_id, name)
) strict, without rowid;

-- How far a module has come in the log of events.
create table module_cursor (
    tenant_id blob not null references tenant (id),
    plugin_id text not null,
    cursor_tx integer not null,
    cursor_seq integer not null,
    -- Tries of what comes next that failed, and when the next one is.
    failures integer not null,
    retry_at integer,
    -- The node that works on it, until when.
    lease blob,
    leased_until integer,
    primary key (tenant_id, plugin_id)
) strict, without rowid;

-- Events that a module could not handle.
create table module_event (
    tenant_id blob not null references tenant (id),
    plugin_id text not null,
    event_id blob not null,
    tx integer not null,
    seq integer not null,
    type text not null,
    object text not null,
    record_id blob not null,
    attempts integer not null,
    code text not null,
    detail text not null,
    set_aside_at integer not null,
    primary key (tenant_id, plugin_id, event_id)
) strict, without rowid;

create table module_schedule (
    tenant_id blob not null references tenant (id),
    plugin_id text not null,
    name text not null,
    cron text not null,
    next_at integer,
    primary key (tenant_id, plugin_id, name)
) strict, without rowid;
create index module_schedule_due on module_schedule (next_at) where next_at is not null;
