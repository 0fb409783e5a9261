-- The life of a tenant: plan, term and limits, suspension, deletion and erasing; the operator's keys.
alter table tenant add column version integer not null default 1;
alter table tenant add column plan text;
alter table tenant add column starts_at integer;
alter table tenant add column ends_at integer;
alter table tenant add column limits text not null default '{}';
-- What was answered to the guide, by question.
alter table tenant add column answers text not null default '{}';
alter table tenant add column suspended_at integer;
-- `operator` or `term`.
alter table tenant add column suspended_because text;
alter table tenant add column deleted_at integer;
-- When a deleted tenant is erased, and whether that has begun.
alter table tenant add column erase_at integer;
alter table tenant add column is_erasing integer not null default 0;
create index tenant_by_end on tenant (ends_at) where ends_at is not null;
create index tenant_by_erasure on tenant (erase_at) where erase_at is not null;

create table operator_key (
    id blob primary key,
    hash blob not null unique,
    name text not null,
    created_at integer not null,
    expires_at integer,
    last_used_at integer,
    revoked_at integer
) strict, without rowid;

-- Answers to operators, kept for a retry; they go with the tenant that they are about.
create table operator_answer (
    key_id blob not null,
    name text not null,
    tenant_id blob not null,
    fingerprint blob not null,
    status integer not null,
    headers text not null,
    body text not null,
    created_at integer not null,
    primary key (key_id, name)
) strict, without rowid;
create index operator_answer_by_tenant on operator_answer (tenant_id);
create index operator_answer_by_age on operator_answer (created_at);

-- Requests of a tenant by day in UTC.
create table request_count (
    tenant_id blob not null references tenant (id),
    day text not null,
    requests integer not null,
    primary key (tenant_id, day)
) strict, without rowid;

-- The trail is only appended to, until its tenant is erased.
drop trigger audit_is_not_shortened;
create trigger audit_is_not_shortened before delete on audit
when not exists (select 1 from tenant where id = old.tenant_id and is_erasing)
begin
    select raise(abort, 'the audit trail is only appended to');
end;
