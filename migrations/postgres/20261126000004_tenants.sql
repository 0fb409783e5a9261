-- The life of a tenant: plan, term and limits, suspension, deletion and erasing; the operator's keys.
alter table tenant add column version bigint not null default 1;
alter table tenant add column plan text collate "C";
alter table tenant add column starts_at timestamptz;
alter table tenant add column ends_at timestamptz;
alter table tenant add column limits jsonb not null default '{}';
-- What was answered to the guide, by question.
alter table tenant add column answers jsonb not null default '{}';
alter table tenant add column suspended_at timestamptz;
-- `operator` or `term`.
alter table tenant add column suspended_because text;
alter table tenant add column deleted_at timestamptz;
-- When a deleted tenant is erased, and whether that has begun.
alter table tenant add column erase_at timestamptz;
alter table tenant add column is_erasing boolean not null default false;
create index tenant_by_end on tenant (ends_at) where ends_at is not null;
create index tenant_by_erasure on tenant (erase_at) where erase_at is not null;

create table operator_key (
    id uuid primary key,
    hash bytea not null unique,
    name text not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);

-- Answers to operators, kept for a retry; they go with the tenant that they are about.
create table operator_answer (
    key_id uuid not null,
    name text collate "C" not null,
    tenant_id uuid not null,
    fingerprint bytea not null,
    status integer not null,
    headers jsonb not null,
    body text not null,
    created_at timestamptz not null,
    primary key (key_id, name)
);
create index operator_answer_by_tenant on operator_answer (tenant_id);
create index operator_answer_by_age on operator_answer (created_at);

-- Requests of a tenant by day in UTC.
create table request_count (
    tenant_id uuid not null references tenant (id),
    day text collate "C" not null,
    requests bigint not null,
    primary key (tenant_id, day)
);

-- The trail is only appended to, until its tenant is erased.
create or replace function guildhall_audit_stays() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and exists (select 1 from tenant where id = old.tenant_id and is_erasing) then
        return old;
    end if;
    raise exception 'the audit trail is only appended to';
end
$$;

select guildhall_wall('operator_answer', opens_to_host => true);
select guildhall_wall('request_count');
