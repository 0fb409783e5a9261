-- What a tenant granted a module, and which versions it can go to.
-- Names of capabilities; null for a module from before consent was kept, which has what its manifest asks for.
alter table module add column granted text;
-- The version before this one, to which it can go back.
alter table module add column previous_version text;
-- A newer version that asks for more and waits for consent.
alter table module add column pending_version text;
-- Whether the operator's rollouts change the version.
alter table module add column is_automatic integer not null default 0;

-- Components that must not run any more, anywhere.
create table plugin_revocation (
    digest blob primary key,
    reason text not null,
    revoked_at integer not null
) strict;
