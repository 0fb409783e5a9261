-- What a tenant granted a module, and which versions it can go to.
alter table module
    -- Names of capabilities; null for a module from before consent was kept, which has what its manifest asks for.
    add column granted jsonb,
    -- The version before this one, to which it can go back.
    add column previous_version text collate "C",
    -- A newer version that asks for more and waits for consent.
    add column pending_version text collate "C",
    -- Whether the operator's rollouts change the version.
    add column is_automatic boolean not null default false;

-- Components that must not run any more, anywhere.
create table plugin_revocation (
    digest bytea primary key,
    reason text not null,
    revoked_at timestamptz not null
);

-- A rollout finds the tenants that have a plugin.
select guildhall_wall('module', opens_to_host => true);
