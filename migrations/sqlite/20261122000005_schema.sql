-- What tenants make for themselves: fields and objects, and the records of
-- those objects. Numbers that the host gives. Links to many.

create table tenant_schema (
    tenant_id blob primary key references tenant (id),
    version integer not null,
    definition text not null,
    changed_at integer not null
) strict, without rowid;

create table x_record (
    tenant_id blob not null,
    object text not null,
    id blob not null,
    version integer not null,
    created_at integer not null,
    updated_at integer not null,
    deleted_at integer,
    x_custom text,
    x_s1 text,
    x_s2 text,
    x_s3 text,
    x_s4 text,
    x_n1 integer,
    x_n2 integer,
    x_n3 integer,
    x_n4 integer,
    x_u1 text,
    x_u2 text,
    primary key (tenant_id, object, id)
) strict, without rowid;
create index i_x_record__s1 on x_record (tenant_id, object, x_s1, id) where deleted_at is null and x_s1 is not null;
create index i_x_record__s2 on x_record (tenant_id, object, x_s2, id) where deleted_at is null and x_s2 is not null;
create index i_x_record__s3 on x_record (tenant_id, object, x_s3, id) where deleted_at is null and x_s3 is not null;
create index i_x_record__s4 on x_record (tenant_id, object, x_s4, id) where deleted_at is null and x_s4 is not null;
create index i_x_record__n1 on x_record (tenant_id, object, x_n1, id) where deleted_at is null and x_n1 is not null;
create index i_x_record__n2 on x_record (tenant_id, object, x_n2, id) where deleted_at is null and x_n2 is not null;
create index i_x_record__n3 on x_record (tenant_id, object, x_n3, id) where deleted_at is null and x_n3 is not null;
create index i_x_record__n4 on x_record (tenant_id, object, x_n4, id) where deleted_at is null and x_n4 is not null;
create unique index u_x_record__u1 on x_record (tenant_id, object, x_u1) where deleted_at is null and x_u1 is not null;
create unique index u_x_record__u2 on x_record (tenant_id, object, x_u2) where deleted_at is null and x_u2 is not null;

create index d_x_record on x_record (tenant_id, object, id) where deleted_at is not null;

create table counter (
    tenant_id blob not null,
    object text not null,
    field text not null,
    value integer not null,
    primary key (tenant_id, object, field)
) strict, without rowid;

create table link (
    tenant_id blob not null,
    object text not null,
    field text not null,
    from_id blob not null,
    to_id blob not null,
    primary key (tenant_id, object, field, from_id, to_id)
) strict, without rowid;
create index link_by_target on link (tenant_id, to_id, object, field, from_id);

-- What the planner is told, see store/tables/change.rs.
analyze sqlite_schema;
insert into sqlite_stat1 (tbl, idx, stat) values
    ('x_record', 'x_record', '1000000 10000 1000 1'),
    ('x_record', 'i_x_record__s1', '1000000 10000 1000 100 1'),
    ('x_record', 'i_x_record__s2', '1000000 10000 1000 100 1'),
    ('x_record', 'i_x_record__s3', '1000000 10000 1000 100 1'),
    ('x_record', 'i_x_record__s4', '1000000 10000 1000 100 1'),
    ('x_record', 'i_x_record__n1', '1000000 10000 1000 100 1'),
    ('x_record', 'i_x_record__n2', '1000000 10000 1000 100 1'),
    ('x_record', 'i_x_record__n3', '1000000 10000 1000 100 1'),
    ('x_record', 'i_x_record__n4', '1000000 10000 1000 100 1'),
    ('x_record', 'u_x_record__u1', '1000000 10000 1000 1'),
    ('x_record', 'u_x_record__u2', '1000000 10000 1000 1'),
    ('x_record', 'd_x_record', '10000 100 10 1'),
    ('link', 'link', '1000000 10000 10000 10000 10 1'),
    ('link', 'link_by_target', '1000000 10000 100 100 100 1');
