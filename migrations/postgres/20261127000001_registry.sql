-- A key of the operator may be for one publisher: it publishes that one's plugins, and does nothing else.
alter table operator_key add column publisher text collate "C";

-- What a version says to people who have not enabled it yet, and how often its component was fetched.
alter table plugin add column readme text not null default '';
alter table plugin add column downloads bigint not null default 0;

-- Pictures of its views, as the package brings them.
create table plugin_screenshot (
    plugin_id text collate "C" not null,
    version text collate "C" not null,
    name text collate "C" not null,
    media_type text not null,
    image bytea not null,
    primary key (plugin_id, version, name),
    foreign key (plugin_id, version) references plugin (id, version)
);

-- What a plugin came to with all tenants that have it.
create index plugin_usage_by_plugin on plugin_usage (plugin_id, day);
