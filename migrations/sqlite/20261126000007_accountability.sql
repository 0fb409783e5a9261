-- What modules cost, what they read and sent, what they said, and how they failed.

-- By day in UTC.
create table plugin_usage (
    tenant_id blob not null references tenant (id),
    day text not null,
    plugin_id text not null,
    version text not null,
    point text not null,
    calls integer not null,
    failures integer not null,
    cpu_us integer not null,
    wall_us integer not null,
    peak_memory integer not null,
    host_calls integer not null,
    rows_read integer not null,
    bytes_read integer not null,
    bytes_written integer not null,
    bytes_sent integer not null,
    primary key (tenant_id, day, plugin_id, version, point)
) strict;

-- What one call read of one object, or sent to one host.
create table plugin_access (
    tenant_id blob not null references tenant (id),
    seq integer primary key autoincrement,
    at integer not null,
    invocation blob not null,
    plugin_id text not null,
    version text not null,
    point text not null,
    -- For whom, as in the audit trail.
    actor_kind text not null,
    actor text not null,
    request text,
    object text,
    -- Lists of names of fields, and which of them was read of which record, by place.
    sets text,
    records text,
    host text,
    requests integer,
    bytes_out integer,
    bytes_in integer
) strict;
create index plugin_access_by_order on plugin_access (tenant_id, seq);
create index plugin_access_by_object on plugin_access (tenant_id, object, seq);
create index plugin_access_by_host on plugin_access (tenant_id, host, seq) where host is not null;
create index plugin_access_by_age on plugin_access (at);

-- The newest lines of a tenant's modules.
create table plugin_log (
    tenant_id blob not null references tenant (id),
    seq integer primary key autoincrement,
    at integer not null,
    invocation blob not null,
    plugin_id text not null,
    version text not null,
    point text not null,
    level text not null,
    message text not null,
    fields text not null
) strict;
create index plugin_log_by_order on plugin_log (tenant_id, seq);
create index plugin_log_by_plugin on plugin_log (tenant_id, plugin_id, seq);

-- Calls that failed. `id` names the invocation.
create table plugin_failure (
    tenant_id blob not null references tenant (id),
    id blob not null,
    at integer not null,
    plugin_id text not null,
    version text not null,
    point text not null,
    actor_kind text not null,
    actor text not null,
    request text,
    code text not null,
    message text not null,
    trap text,
    frames text not null,
    spent text not null,
    -- What it was called with and answered, to run it again; sealed where there are keys.
    transcript text,
    primary key (tenant_id, id)
) strict;
create index plugin_failure_by_plugin on plugin_failure (tenant_id, plugin_id, id);
create index plugin_failure_by_age on plugin_failure (at);

-- Whether failed calls of the module are kept as they were, to run them again.
alter table module add column keep_failures integer not null default 0;
