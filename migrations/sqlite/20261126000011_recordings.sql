-- How many of the newest calls of its hooks a module keeps as they were; a newer version is tried on them.
alter table module add column record_calls integer not null default 0;

-- Those calls. `id` names the invocation.
create table plugin_recording (
    tenant_id blob not null references tenant (id),
    id blob not null,
    at integer not null,
    plugin_id text not null,
    -- What it was called with, was answered and answered; sealed where there are keys.
    call text not null,
    primary key (tenant_id, id)
) strict;
create index plugin_recording_by_plugin on plugin_recording (tenant_id, plugin_id, id);
