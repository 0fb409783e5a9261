-- How members sign in, and their sessions. Secrets that are shown to somebody are kept as SHA-256 only.
create table session (
    tenant_id blob not null references tenant (id),
    id blob not null,
    member_id blob not null,
    hash blob not null,
    -- `password`, `link` or `provider`: how it was begun.
    way text not null,
    peer text,
    agent text,
    created_at integer not null,
    -- When it was used last, some minutes late at most.
    seen_at integer not null,
    expires_at integer not null,
    ended_at integer,
    primary key (tenant_id, id),
    unique (tenant_id, hash)
) strict, without rowid;
create index session_by_member on session (tenant_id, member_id);
create index session_by_end on session (expires_at);

create table password (
    tenant_id blob not null references tenant (id),
    member_id blob not null,
    -- argon2id, with its salt and cost.
    hash text not null,
    changed_at integer not null,
    primary key (tenant_id, member_id)
) strict, without rowid;

-- A link that lets a member set a password; a new one takes the place of the one before.
create table entry_link (
    tenant_id blob not null references tenant (id),
    member_id blob not null,
    hash blob not null,
    created_by text not null,
    created_at integer not null,
    expires_at integer not null,
    primary key (tenant_id, member_id),
    unique (tenant_id, hash)
) strict, without rowid;
create index entry_link_by_end on entry_link (expires_at);

create table second_factor (
    tenant_id blob not null references tenant (id),
    member_id blob not null,
    -- Sealed with the tenant's data key.
    secret text not null,
    is_confirmed integer not null,
    -- The step of the last code that was taken: none is taken twice.
    last_step integer not null,
    created_at integer not null,
    primary key (tenant_id, member_id)
) strict, without rowid;

create table recovery_code (
    tenant_id blob not null references tenant (id),
    member_id blob not null,
    hash blob not null,
    primary key (tenant_id, member_id, hash)
) strict, without rowid;

-- Where else members of a tenant can sign in (OpenID Connect).
create table identity_provider (
    tenant_id blob not null references tenant (id),
    name text not null,
    label text not null,
    issuer text not null,
    client_id text not null,
    -- Sealed with the tenant's data key.
    client_secret text not null,
    -- The role of members that come into being by signing in; none comes when it is null.
    default_role text,
    domain text,
    is_enabled integer not null,
    -- Whether an owner has set it up: owners sign in with no other.
    reaches_owners integer not null,
    version integer not null,
    created_at integer not null,
    primary key (tenant_id, name)
) strict, without rowid;

-- Whom a provider means by a subject.
create table identity (
    tenant_id blob not null references tenant (id),
    issuer text not null,
    subject text not null,
    member_id blob not null,
    created_at integer not null,
    primary key (tenant_id, issuer, subject)
) strict, without rowid;
create index identity_by_member on identity (tenant_id, member_id);
