-- The timezone of a tenant (an IANA name), and what full-text search looks into.

alter table tenant add column timezone text not null default 'UTC';

-- One row per word of a record. In the order of this key, the records that have
-- a word come best first: words of the first searchable field before others, newest first.
create table search_token (
    tenant_id uuid not null,
    object text collate "C" not null,
    token text collate "C" not null,
    place bigint not null,
    record_id uuid not null
);
create unique index search_token_key on search_token (tenant_id, object, token, place, record_id desc);

-- From which fields, and by which rules, the words of an object were made.
create table search_index (
    object text collate "C" primary key,
    made_from text not null
);
