-- How members sign in, and their sessions. Secrets that are shown to somebody are kept as SHA-256 only.
create table session (
    tenant_id uuid not null references tenant (id),
    id uuid not null,
    member_id uuid not null,
    hash bytea not null,
    -- `password`, `link` or `provider`: how it was begun.
    way text collate "C" not null,
    peer text collate "C",
    agent text collate "C",
    created_at timestamptz not null,
    -- When it was used last, some minutes late at most.
    seen_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    primary key (tenant_id, id),
    unique (tenant_id, hash)
);
create index session_by_member on session (tenant_id, member_id);
create index session_by_end on session (expires_at);

create table password (
    tenant_id uuid not null references tenant (id),
    member_id uuid not null,
    -- argon2id, with its salt and cost.
    hash text collate "C" not null,
    changed_at timestamptz not null,
    primary key (tenant_id, member_id)
);

-- A link that lets a member set a password; a new one takes the place of the one before.
create table entry_link (
    tenant_id uuid not null references tenant (id),
    member_id uuid not null,
    hash bytea not null,
    created_by text collate "C" not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (tenant_id, member_id),
    unique (tenant_id, hash)
);
create index entry_link_by_end on entry_link (expires_at);

create table second_factor (
    tenant_id uuid not null references tenant (id),
    member_id uuid not null,
    -- Sealed with the tenant's data key.
    secret text collate "C" not null,
    is_confirmed boolean not null,
    -- The step of the last code that was taken: none is taken twice.
    last_step bigint not null,
    created_at timestamptz not null,
    primary key (tenant_id, member_id)
);

create table recovery_code (
    tenant_id uuid not null references tenant (id),
    member_id uuid not null,
    hash bytea not null,
    primary key (tenant_id, member_id, hash)
);

-- Where else members of a tenant can sign in (OpenID Connect).
create table identity_provider (
    tenant_id uuid not null references tenant (id),
    name text collate "C" not null,
    label text collate "C" not null,
    issuer text collate "C" not null,
    client_id text collate "C" not null,
    -- Sealed with the tenant's data key.
    client_secret text collate "C" not null,
    -- The role of members that come into being by signing in; none comes when it is null.
    default_role text collate "C",
    domain text collate "C",
    is_enabled boolean not null,
    -- Whether an owner has set it up: owners sign in with no other.
    reaches_owners boolean not null,
    version bigint not null,
    created_at timestamptz not null,
    primary key (tenant_id, name)
);

-- Whom a provider means by a subject.
create table identity (
    tenant_id uuid not null references tenant (id),
    issuer text collate "C" not null,
    subject text collate "C" not null,
    member_id uuid not null,
    created_at timestamptz not null,
    primary key (tenant_id, issuer, subject)
);
create index identity_by_member on identity (tenant_id, member_id);

select guildhall_wall('session', opens_to_host => true);
select guildhall_wall('password');
select guildhall_wall('entry_link', opens_to_host => true);
select guildhall_wall('second_factor');
select guildhall_wall('recovery_code');
select guildhall_wall('identity_provider');
select guildhall_wall('identity');
