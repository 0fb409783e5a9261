-- What is known of an installed plugin besides itself; the keys of publishers.
-- The interfaces of the host that it calls.
alter table plugin add column imports jsonb not null default '[]';
-- SHA-256 of the manifest of the package that it came in.
alter table plugin add column package text;
-- The signature that it came with, with the key that it is by.
alter table plugin add column signature text;

create table publisher_key (
    id uuid primary key,
    -- The first part of the ids of its plugins.
    publisher text not null,
    key bytea not null unique,
    name text not null,
    created_at timestamptz not null,
    revoked_at timestamptz
);
