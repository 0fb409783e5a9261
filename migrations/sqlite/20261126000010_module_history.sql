-- What a module had been granted in the version before this one: going back gives it that again.
alter table module add column previous_granted text;

drop index plugin_access_by_age;
create index plugin_access_by_age on plugin_access (tenant_id, at);
drop index plugin_failure_by_age;
create index plugin_failure_by_age on plugin_failure (tenant_id, at);
