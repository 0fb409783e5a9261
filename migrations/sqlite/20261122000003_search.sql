-- The timezone of a tenant (an IANA name), and what full-text search looks into.

alter table tenant add column timezone text not null default 'UTC';

-- One row per word of a record. In the order of this key, the records that have
-- a word come best first: words of the first searchable field before others, newest first.
create table search_token (
    tenant_id blob not null,
    object text not null,
    token text not null,
    place integer not null,
    record_id blob not null,
    primary key (tenant_id, object, token, place, record_id desc)
) strict, without rowid;

-- From which fields, and by which rules, the words of an object were made.
create table search_index (
    object text primary key,
    made_from text not null
) strict, without rowid;

analyze sqlite_schema;
insert into sqlite_stat1 (tbl, idx, stat) values ('search_token', 'search_token', '10000000 10000 5000 50 25 1');
