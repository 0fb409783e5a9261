-- What tenants make for themselves: fields and objects, and the records of
-- those objects. Numbers that the host gives. Links to many.

create table tenant_schema (
    tenant_id uuid primary key references tenant (id),
    version bigint not null,
    definition jsonb not null,
    changed_at timestamptz not null
);

create table x_record (
    tenant_id uuid not null,
    object text collate "C" not null,
    id uuid not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    x_custom jsonb,
    x_s1 text collate "C",
    x_s2 text collate "C",
    x_s3 text collate "C",
    x_s4 text collate "C",
    x_n1 bigint,
    x_n2 bigint,
    x_n3 bigint,
    x_n4 bigint,
    x_u1 text collate "C",
    x_u2 text collate "C",
    primary key (tenant_id, object, id)
);
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
    tenant_id uuid not null,
    object text collate "C" not null,
    field text collate "C" not null,
    value bigint not null,
    primary key (tenant_id, object, field)
);

create table link (
    tenant_id uuid not null,
    object text collate "C" not null,
    field text collate "C" not null,
    from_id uuid not null,
    to_id uuid not null,
    primary key (tenant_id, object, field, from_id, to_id)
);
create index link_by_target on link (tenant_id, to_id, object, field, from_id);

