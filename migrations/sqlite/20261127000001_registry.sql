-- A key of the operator may be for one publisher: it publishes that one's plugins, and does nothing else.
alter table operator_key add column publisher text;

-- What a version says to people who have not enabled it yet, and how often its component was fetched.
alter table plugin add column readme text not null default '';
alter table plugin add column downloads integer not null default 0;

-- Pictures of its views, as the package brings them.
create table plugin_screenshot (
    plugin_id text not null,
    version text not null,
    name text not null,
    media_type text not null,
    image blob not null,
    primary key (plugin_id, version, name),
    foreign key (plugin_id, version) references plugin (id, version)
) strict;

-- What a plugin came to with all tenants that have it.
create index plugin_usage_by_plugin on plugin_usage (plugin_id, day);
