-- What modules cost, what they read and sent, what they said, and how they failed.

-- By day in UTC.
create table plugin_usage (
    tenant_id uuid not null references tenant (id),
    day text collate "C" not null,
    plugin_id text collate "C" not null,
    version text collate "C" not null,
    point text collate "C" not null,
    calls bigint not null,
    failures bigint not null,
    cpu_us bigint not null,
    wall_us bigint not null,
    peak_memory bigint not null,
    host_calls bigint not null,
    rows_read bigint not null,
    bytes_read bigint not null,
    bytes_written bigint not null,
    bytes_sent bigint not null,
    primary key (tenant_id, day, plugin_id, version, point)
);

-- What one call read of one object, or sent to one host.
create table plugin_access (
    tenant_id uuid not null references tenant (id),
    seq bigint generated always as identity,
    at timestamptz not null,
    invocation uuid not null,
    plugin_id text collate "C" not null,
    version text collate "C" not null,
    point text collate "C" not null,
    -- For whom, as in the audit trail.
    actor_kind text not null,
    actor text not null,
    request text,
    object text collate "C",
    -- Lists of names of fields, and which of them was read of which record, by place.
    sets jsonb,
    records jsonb,
    host text collate "C",
    requests bigint,
    bytes_out bigint,
    bytes_in bigint,
    primary key (tenant_id, seq)
);
create index plugin_access_by_object on plugin_access (tenant_id, object, seq);
create index plugin_access_by_host on plugin_access (tenant_id, host, seq) where host is not null;
create index plugin_access_by_age on plugin_access (at);

-- The newest lines of a tenant's modules.
create table plugin_log (
    tenant_id uuid not null references tenant (id),
    seq bigint generated always as identity,
    at timestamptz not null,
    invocation uuid not null,
    plugin_id text collate "C" not null,
    version text collate "C" not null,
    point text collate "C" not null,
    level text not null,
    message text not null,
    fields jsonb not null,
    primary key (tenant_id, seq)
);
create index plugin_log_by_plugin on plugin_log (tenant_id, plugin_id, seq);

-- Calls that failed. `id` names the invocation.
create table plugin_failure (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    at timestamptz not null,
    plugin_id text collate "C" not null,
    version text collate "C" not null,
    point text collate "C" not null,
    actor_kind text not null,
    actor text not null,
    request text,
    code text not null,
    message text not null,
    trap text,
    frames jsonb not null,
    spent jsonb not null,
    -- What it was called with and answered, to run it again; sealed where there are keys.
    transcript text,
    primary key (tenant_id, id)
);
create index plugin_failure_by_plugin on plugin_failure (tenant_id, plugin_id, id);
create index plugin_failure_by_age on plugin_failure (at);

-- Whether failed calls of the module are kept as they were, to run them again.
alter table module add column keep_failures boolean not null default false;

select guildhall_wall('plugin_usage', opens_to_host => true);
select guildhall_wall('plugin_access', opens_to_host => true);
select guildhall_wall('plugin_log');
select guildhall_wall('plugin_failure', opens_to_host => true);
