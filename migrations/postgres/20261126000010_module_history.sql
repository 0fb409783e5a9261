-- What a module had been granted in the version before this one: going back gives it that again.
alter table module add column previous_granted jsonb;

-- What modules read, and how they failed, is of one tenant: no chore meets it across tenants.
select guildhall_wall('plugin_access');
select guildhall_wall('plugin_failure');

drop index plugin_access_by_age;
create index plugin_access_by_age on plugin_access (tenant_id, at);
drop index plugin_failure_by_age;
create index plugin_failure_by_age on plugin_failure (tenant_id, at);
