-- Who works for a tenant, in which teams, and what their roles give.
create table member (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    email text collate "C" not null,
    name text collate "C" not null,
    -- Names of roles, as a list.
    roles jsonb not null,
    -- To whom the member reports.
    manager_id uuid,
    -- The company that a partner belongs to.
    company_id uuid,
    is_active boolean not null,
    version bigint not null,
    created_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, email)
);

create table team (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    name text collate "C" not null,
    parent_id uuid,
    version bigint not null,
    created_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, name)
);

create table team_member (
    tenant_id uuid not null,
    team_id uuid not null,
    member_id uuid not null,
    primary key (tenant_id, team_id, member_id)
);
create index team_member_by_member on team_member (tenant_id, member_id);

-- The roles that a tenant made.
create table role (
    tenant_id uuid not null references tenant (id),
    name text collate "C" not null,
    definition jsonb not null,
    version bigint not null,
    primary key (tenant_id, name)
);

-- Records that others may see, or change, whatever their roles say.
create table share (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    object text collate "C" not null,
    record_id uuid not null,
    -- `member`, `team` or `company`, and which.
    subject_kind text not null,
    subject_id uuid not null,
    can_update boolean not null,
    until_at timestamptz,
    created_by text not null,
    created_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, object, record_id, subject_id)
);
create index share_by_subject on share (tenant_id, subject_id, object);

-- Counts up with whatever decides what somebody may do.
create table tenant_policy (
    tenant_id uuid primary key references tenant (id),
    version bigint not null
);

alter table api_key add column member_id uuid;
alter table api_key add column created_by text;
alter table api_key add column last_used_at timestamptz;
alter table api_key add column revoked_at timestamptz;
create index api_key_by_tenant on api_key (tenant_id, id);

-- Who sent the file: null for those from before.
alter table import add column created_by uuid;
