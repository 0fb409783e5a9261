-- How much tenants may have that are sold as something, as far as nothing else was said of one of them.
create table plan (
    name text not null primary key,
    limits text not null,
    changed_at integer not null
) strict;
