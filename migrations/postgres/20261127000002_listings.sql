-- What people read of a version, and how often its component was fetched: apart from the component, which was written
-- again with each count.
create table plugin_listing (
    plugin_id text collate "C" not null,
    version text collate "C" not null,
    readme text not null,
    downloads bigint not null,
    primary key (plugin_id, version),
    foreign key (plugin_id, version) references plugin (id, version)
);

insert into plugin_listing (plugin_id, version, readme, downloads) select id, version, readme, downloads from plugin;

alter table plugin drop column readme;
alter table plugin drop column downloads;
