-- How much tenants may have that are sold as something, as far as nothing else was said of one of them.
create table plan (
    name text collate "C" not null primary key,
    limits jsonb not null,
    changed_at timestamptz not null
);
