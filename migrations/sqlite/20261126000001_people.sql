-- Who works for a tenant, in which teams, and what their roles give.
create table member (
    tenant_id blob not null references tenant (id),
    id blob not null,
    email text not null,
    name text not null,
    -- Names of roles, as a list.
    roles text not null,
    -- To whom the member reports.
    manager_id blob,
    -- The company that a partner belongs to.
    company_id blob,
    is_active integer not null,
    version integer not null,
    created_at integer not null,
    primary key (tenant_id, id),
    unique (tenant_id, email)
) strict, without rowid;

create table team (
    tenant_id blob not null references tenant (id),
    id blob not null,
    name text not null,
    parent_id blob,
    version integer not null,
    created_at integer not null,
    primary key (tenant_id, id),
    unique (tenant_id, name)
) strict, without rowid;

create table team_member (
    tenant_id blob not null,
    team_id blob not null,
    member_id blob not null,
    primary key (tenant_id, team_id, member_id)
) strict, without rowid;
create index team_member_by_member on team_member (tenant_id, member_id);

-- The roles that a tenant made.
create table role (
    tenant_id blob not null references tenant (id),
    name text not null,
    definition text not null,
    version integer not null,
    primary key (tenant_id, name)
) strict, without rowid;

-- Records that others may see, or change, whatever their roles say.
create table share (
    tenant_id blob not null references tenant (id),
    id blob not null,
    object text not null,
    record_id blob not null,
    -- `member`, `team` or `company`, and which.
    subject_kind text not null,
    subject_id blob not null,
    can_update integer not null,
    until_at integer,
    created_by text not null,
    created_at integer not null,
    primary key (tenant_id, id),
    unique (tenant_id, object, record_id, subject_id)
) strict, without rowid;
create index share_by_subject on share (tenant_id, subject_id, object);

-- Counts up with whatever decides what somebody may do.
create table tenant_policy (
    tenant_id blob primary key references tenant (id),
    version integer not null
) strict, without rowid;

alter table api_key add column member_id blob;
alter table api_key add column created_by text;
alter table api_key add column last_used_at integer;
alter table api_key add column revoked_at integer;
create index api_key_by_tenant on api_key (tenant_id, id);

-- Who sent the file: null for those from before.
alter table import add column created_by blob;
